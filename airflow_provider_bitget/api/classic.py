# SPDX-License-Identifier: Apache-2.0
"""The classic (V2) dialect for futures: paths, limits, bodies and shapes, in the order of the exchange's pages.

Base of the pages: https://www.bitget.com/api-doc/contract/trade/ . Numbers in answers are text; ``""`` and ``null``
stand for "no value"; lists may be ``null``. Rows are handed on as they came, and nothing in one odd row spoils the
others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.client import SAME_ORDER_INTERVAL, BitgetClient, Endpoint
from airflow_provider_bitget.api.envelope import read_code, whole_number
from airflow_provider_bitget.api.error_codes import ErrorCategory
from airflow_provider_bitget.api.exceptions import BitgetAmbiguousError, BitgetConfigError, BitgetGoneError
from airflow_provider_bitget.api.scope import check_path

PAGE_SIZE: Final = 100
# A page of just so many rows may be one that the exchange keeps shorter than it was asked for: the next one tells.
_LIKELY_CAPS: Final = frozenset({10, 20, 50})

BATCH_CANCEL: Final = Endpoint("POST", "/api/v2/mix/order/batch-cancel-orders", limit=10, pause=SAME_ORDER_INTERVAL)
OPEN_ORDERS: Final = Endpoint("GET", "/api/v2/mix/order/orders-pending", limit=10)
ORDER_DETAIL: Final = Endpoint("GET", "/api/v2/mix/order/detail", limit=10)
ORDERS_HISTORY: Final = Endpoint("GET", "/api/v2/mix/order/orders-history", limit=10)

# Endpoints that have no method yet: where sources differ on a limit, the lower.
_OTHER_LIMITS: Final = {
    "/api/v2/mix/order/cancel-order": 10.0,
    "/api/v2/mix/order/cancel-all-orders": 1.0,
    "/api/v2/mix/order/cancel-plan-order": 10.0,
    "/api/v2/mix/order/orders-plan-pending": 10.0,
    "/api/v2/mix/order/close-positions": 1.0,
    "/api/v2/mix/position/all-position": 5.0,
    "/api/v2/mix/position/single-position": 10.0,
}
_UNKNOWN_LIMIT: Final = 5.0

Row = Mapping[str, Any]

_RESTING: Final = frozenset({"live", "new", "init", "partially_filled"})
_ENDED: Final = {"filled": "filled", "canceled": "cancelled", "cancelled": "cancelled"}


@dataclass(frozen=True, slots=True)
class ItemAnswer:
    """What a batch answered for one order.

    :param order_id: the exchange's id, ``""`` where it was not named.
    :param client_oid: the client's id, ``""`` where there is none.
    :param code: error code; ``""`` for a success or where the entry had none.
    :param message: the exchange's text, redacted and shortened.
    """

    order_id: str
    client_oid: str
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """What a batch answered, order by order; orders may be missing, doubled, or not ours at all.

    :param succeeded: entries of ``successList``.
    :param failed: entries of ``failureList``.
    :param maybe_processed: an earlier attempt of the same batch may have been carried out.
    """

    succeeded: tuple[ItemAnswer, ...]
    failed: tuple[ItemAnswer, ...]
    maybe_processed: bool


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that rests on the book.

    :param row: the exchange's row.
    """

    order_id: str
    client_oid: str
    symbol: str
    row: Row


@dataclass(frozen=True, slots=True)
class EndedOrder:
    """An order that has ended, and how.

    :param state: ``filled`` or ``cancelled``.
    :param updated: when it ended, in seconds since the epoch by the exchange's clock; 0.0 where the row does not say.
    """

    order_id: str
    client_oid: str
    symbol: str
    state: str
    updated: float


class ClassicDialect:
    """Futures endpoints of a classic account.

    :param client: the signed session to call through.
    """

    #: The most ids in one cancel request.
    most_ids_per_cancel = 50

    def __init__(self, client: BitgetClient) -> None:
        self.client = client

    def batch_cancel(
        self,
        items: Sequence[tuple[str, str]],
        *,
        symbol: str,
        product_type: str,
        margin_coin: str | None = None,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> BatchAnswer:
        """Cancel orders of one symbol by id.

        ``POST /api/v2/mix/order/batch-cancel-orders``, 10/s per user, at most 50 ids.
        Page: https://www.bitget.com/api-doc/contract/trade/Batch-Cancel-Orders .

        :param items: pairs of the id's field, ``orderId`` or ``clientOid``, and the id; one field per call.
        :param symbol: for example ``BTCUSDT``; required, because without it the call would mean every symbol.
        :param product_type: for example ``USDT-FUTURES``.
        :param margin_coin: upper case, optional.
        :raises BitgetScopeError: no ids, an empty id, or no symbol.
        :raises BitgetCallError: the batch was refused as a whole, or there was no trustworthy answer.
        """
        body: dict[str, Any] = {"productType": product_type, "symbol": symbol}
        if margin_coin:
            body["marginCoin"] = margin_coin
        body["orderIdList"] = [{field: value} for field, value in items]
        answer = self.client.call(BATCH_CANCEL, body=body, budget=budget, attempts=attempts)
        data = answer.data if isinstance(answer.data, Mapping) else {}
        return BatchAnswer(
            succeeded=tuple(self._item(row) for row in _rows(data.get("successList"))),
            failed=tuple(self._item(row) for row in _rows(data.get("failureList"))),
            maybe_processed=answer.maybe_processed,
        )

    def order_detail(
        self,
        *,
        symbol: str,
        product_type: str,
        order_id: str = "",
        client_oid: str = "",
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> EndedOrder | OpenOrder | None:
        """Look one order up; ``None`` if the exchange knows no such order under this symbol and product type.

        ``GET /api/v2/mix/order/detail``, 10/s per user. The state's key is ``state``; the page calls it ``status``.
        Page: https://www.bitget.com/api-doc/contract/trade/Get-Order-Details . "Not found" (40109) is no proof of
        absence: very fresh orders get it too.
        """
        params = [("symbol", symbol), ("productType", product_type)]
        params.append(("orderId", order_id) if order_id else ("clientOid", client_oid))
        try:
            answer = self.client.call(ORDER_DETAIL, params=params, budget=budget, attempts=attempts)
        except BitgetGoneError:
            return None
        if not isinstance(answer.data, Mapping) or not answer.data:
            return None
        is_open = _state(answer.data) in _RESTING
        return _ended(answer.data) or (_open(answer.data) if is_open else None)

    def open_orders(
        self,
        *,
        product_type: str,
        symbol: str | None = None,
        status: str | None = None,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> Iterator[list[OpenOrder]]:
        """Yield the pages of resting orders, newest first; running to the end means that the read is complete.

        ``GET /api/v2/mix/order/orders-pending``, 10/s per user, 100 a page, the last three months unless asked
        otherwise. Page: https://www.bitget.com/api-doc/contract/trade/Get-Orders-Pending . What an omitted ``status``
        returns is told differently in the page's languages (``live`` orders only, or all): read both.

        :param status: ``live`` or ``partially_filled``; omitted if ``None``.
        :raises BitgetAmbiguousError: an answer could not be read, or a row names no order: the read is not complete.
        """
        params = [("productType", product_type)]
        if symbol:
            params.append(("symbol", symbol))
        if status:
            params.append(("status", status))
        for page, size in self._pages(OPEN_ORDERS, params, budget, attempts):
            orders = [order for order in map(_open, page) if order is not None]
            yield orders
            if len(orders) < size:
                # An open order that nobody can name might be any order: its absence from this read proves nothing.
                raise _unreadable(OPEN_ORDERS, "an open order carries no id")

    def orders_history(
        self,
        *,
        product_type: str,
        symbol: str | None = None,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> Iterator[list[EndedOrder]]:
        """Yield the pages of ended orders, newest first.

        ``GET /api/v2/mix/order/orders-history``, 10/s per user, 100 a page, 90 days back.
        Page: https://www.bitget.com/api-doc/contract/trade/Get-Orders-History .
        """
        params = [("productType", product_type)]
        if symbol:
            params.append(("symbol", symbol))
        for page, _ in self._pages(ORDERS_HISTORY, params, budget, attempts):
            yield [order for order in map(_ended, page) if order is not None]

    def check_signature(self, *, product_type: str, budget: Budget | None = None) -> None:
        """Make one signed read, in one attempt, that changes nothing.

        :raises BitgetCallError: what the exchange holds against it.
        """
        params = [("productType", product_type), ("limit", "1")]
        self.client.call(OPEN_ORDERS, params=params, budget=budget, attempts=1)

    def _pages(
        self, endpoint: Endpoint, params: list[tuple[str, str]], budget: Budget | None, attempts: int | None
    ) -> Iterator[tuple[list[Row], int]]:
        """Walk ``idLessThan`` and yield each page's rows and how many entries it had, until one is short or empty."""
        cursor = ""
        seen: set[str] = set()
        while True:
            query = [*params, ("limit", str(PAGE_SIZE))]
            if cursor:
                query.append(("idLessThan", cursor))
            page, size, cursor = _page(
                self.client.call(endpoint, params=query, budget=budget, attempts=attempts).data, endpoint
            )
            yield page, size
            if size < PAGE_SIZE and (size not in _LIKELY_CAPS or not cursor or cursor in seen):
                return
            if not cursor or cursor in seen:
                raise _unreadable(endpoint, "a full page gave no way to the next one")
            seen.add(cursor)

    def _item(self, row: Row) -> ItemAnswer:
        return ItemAnswer(
            order_id=_text(row.get("orderId")),
            client_oid=_text(row.get("clientOid")),
            code=read_code(row.get("errorCode"), self.client.redact),
            message=self.client.redact(row.get("errorMsg") or ""),
        )


def endpoint_for(method: str, path: str) -> Endpoint:
    """Return the endpoint of a path that a user names; only reads are repeatable.

    :raises BitgetConfigError: the method is neither GET nor POST, or the path is not a plain API path.
    """
    verb = str(method).upper()
    if verb not in ("GET", "POST"):
        raise BitgetConfigError("method must be 'GET' or 'POST'.", field="method")
    known = {endpoint.path: endpoint.limit for endpoint in (BATCH_CANCEL, OPEN_ORDERS, ORDER_DETAIL, ORDERS_HISTORY)}
    limit = known.get(check_path(path)) or _OTHER_LIMITS.get(path, _UNKNOWN_LIMIT)
    return Endpoint(verb, path, limit=limit, repeatable=verb == "GET")


def _page(data: Any, endpoint: Endpoint) -> tuple[list[Row], int, str]:
    """Return a page's rows, how many entries it had, and the cursor of the next one.

    :raises BitgetAmbiguousError: the shape is none of the recorded ones, so it says nothing about what is open.
    """
    if not isinstance(data, Mapping) or "entrustedList" not in data:
        raise _unreadable(endpoint, "the answer's data has no entrustedList")
    entries = data["entrustedList"]
    if entries is None:
        return [], 0, ""
    if not isinstance(entries, list):
        raise _unreadable(endpoint, "the answer's entrustedList is not a list")
    rows = _rows(entries)
    # A full page without a cursor: the oldest row's id is one.
    cursor = _text(data.get("endId")) or (_text(rows[-1].get("orderId")) if rows else "")
    return rows, len(entries), cursor


def _unreadable(endpoint: Endpoint, reason: str) -> BitgetAmbiguousError:
    return BitgetAmbiguousError(reason, category=ErrorCategory.AMBIGUOUS, endpoint=endpoint.path)


def _rows(value: Any) -> list[Row]:
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _open(row: Row) -> OpenOrder | None:
    order_id, client_oid = _text(row.get("orderId")), _text(row.get("clientOid"))
    if not order_id and not client_oid:
        return None
    return OpenOrder(order_id, client_oid, _text(row.get("symbol")).upper(), row)


def _state(row: Row) -> str:
    """Return the row's state; the detail calls it ``state``, the lists ``status``."""
    return _text(row.get("state") or row.get("status")).lower()


def _ended(row: Row) -> EndedOrder | None:
    state = _ENDED.get(_state(row))
    if state is None:
        return None
    return EndedOrder(
        order_id=_text(row.get("orderId")),
        client_oid=_text(row.get("clientOid")),
        symbol=_text(row.get("symbol")).upper(),
        state=state,
        updated=whole_number(row.get("uTime")) / 1000,
    )
