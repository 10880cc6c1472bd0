# SPDX-License-Identifier: Apache-2.0
"""The classic (V2) dialect for futures: one method an endpoint, in the order of the exchange's pages.

Paths and limits stand in :mod:`~airflow_provider_bitget.api.classic_endpoints`, how answers are read and what is odd
about them in :mod:`~airflow_provider_bitget.api.classic_rows` and :mod:`~airflow_provider_bitget.api.classic_pages`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.classic_endpoints import (
    ACCOUNT_INFO,
    BATCH_CANCEL,
    CANCEL_ALL,
    CANCEL_PLAN_ORDER,
    CLOSE_POSITIONS,
    OPEN_ORDERS,
    OPEN_PLAN_ORDERS,
    ORDER_DETAIL,
    ORDERS_HISTORY,
    PLAN_CHILDREN,
    PLAN_ORDERS_HISTORY,
    POSITIONS,
)
from airflow_provider_bitget.api.classic_pages import PAGING, list_params
from airflow_provider_bitget.api.classic_rows import (
    child_ids,
    close_item,
    ended_plan_order,
    item_answer,
    key_rights,
    open_order,
    open_plan_order,
    resting_order,
)
from airflow_provider_bitget.api.client import Answer, BitgetClient, Endpoint
from airflow_provider_bitget.api.exceptions import (
    BitgetBadRequestError,
    BitgetConfigError,
    BitgetGoneError,
    BitgetScopeError,
)
from airflow_provider_bitget.api.fields import rows_in, unreadable
from airflow_provider_bitget.api.order_rows import ended_order
from airflow_provider_bitget.api.paging import Page, Params
from airflow_provider_bitget.api.position_rows import positions_in
from airflow_provider_bitget.api.rows import (
    DEFAULT_LOOKBACK_DAYS,
    OPENING_PLAN_TYPES,
    PLAN_TYPES,
    PROTECTIVE_PLAN_TYPES,
    BatchAnswer,
    CloseAnswer,
    EndedOrder,
    EndedPlanOrder,
    KeyRights,
    OpenOrder,
    OpenPlanOrder,
    Position,
    Read,
    Row,
)
from airflow_provider_bitget.api.windows import windows

__all__ = [
    "BATCH_CANCEL",
    "CANCEL_ALL",
    "CANCEL_PLAN_ORDER",
    "CLOSE_POSITIONS",
    "OPEN_ORDERS",
    "OPEN_PLAN_ORDERS",
    "ORDERS_HISTORY",
    "ORDER_DETAIL",
    "PLAN_CHILDREN",
    "PLAN_ORDERS_HISTORY",
    "PLAN_QUERIES",
    "POSITIONS",
    "ClassicDialect",
]

PLAN_QUERIES: Final[Mapping[str, tuple[str, ...]]] = {
    "normal_plan": ("normal_plan",),
    "track_plan": ("track_plan",),
    "profit_loss": PROTECTIVE_PLAN_TYPES,
}
"""The three ``planType`` values that the lists of plan orders are asked by, and the types that each of them shows.

Source: https://www.bitget.com/api-doc/contract/plan/get-orders-plan-pending .
"""

NO_ORDER_TO_CANCEL: Final = "22001"
NO_POSITION_TO_CLOSE: Final = "22002"

Found = TypeVar("Found")


class ClassicDialect:
    """Futures endpoints of a classic account.

    Every method takes the ``budget`` of the run (by default 60 s of its own) and ``attempts``, how often a request is
    sent at most (by default until the budget ends). Every one raises :class:`BitgetCallError` with what the exchange
    holds against the call, :class:`BitgetNotSentError` if deadline or stop came first, and reads raise
    :class:`BitgetAmbiguousError` where an answer cannot be read: odd is never taken for empty.

    :param client: the signed session to call through.
    """

    kind = "classic"
    most_ids_per_cancel = 50
    #: The page names no most, 50 ids are safe.
    most_plan_ids_per_cancel = 50
    asks_for_one_plan_order = True
    names_margin_coins = True

    def __init__(self, client: BitgetClient) -> None:
        self.client = client

    # ------------------------------------------------------------------------------------------------------- orders

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
        return self._batch_answer(self.client.call(BATCH_CANCEL, body=body, budget=budget, attempts=attempts))

    def cancel_all_orders(
        self,
        *,
        product_type: str,
        margin_coin: str | None = None,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> BatchAnswer | None:
        """Cancel every order of a whole product type, whatever its age; ``None``: there was no order to cancel.

        ``POST /api/v2/mix/order/cancel-all-orders``, 1/s per user (the page says 10). Plan orders stay. Not repeated
        after an answer that cannot be trusted: read the open orders first.
        Page: https://www.bitget.com/api-doc/contract/trade/Cancel-All-Orders . There is no ``symbol``: the page had one
        until 2025, and whether the exchange still heeds it is not known.

        :param product_type: for example ``USDT-FUTURES``.
        :param margin_coin: upper case, optional; leaves the orders of other margin coins alone.
        :returns: what was cancelled; ``None`` only for the exchange's own 22001.
        :raises BitgetScopeError: no product type, or an empty margin coin.
        """
        body = {"productType": product_type}
        if margin_coin is not None:
            body["marginCoin"] = margin_coin
        try:
            answer = self.client.call(CANCEL_ALL, body=body, budget=budget, attempts=attempts, whole_product_type=True)
        except BitgetGoneError as error:
            if error.code == NO_ORDER_TO_CANCEL:
                return None
            raise
        return self._batch_answer(answer)

    def close_positions(
        self,
        *,
        product_type: str,
        symbol: str | None = None,
        hold_side: str | None = None,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> CloseAnswer:
        """Close the positions of a symbol, or of a whole product type, at market.

        ``POST /api/v2/mix/order/close-positions``, 1/s per user. An accepted close is an order that was sent to the
        market: read the positions to see what became of it. Not repeated after an answer that cannot be trusted: read
        the positions first. ``data.result`` is ``false`` in recorded answers that closed everything, so it is ignored.
        Page: https://www.bitget.com/api-doc/contract/trade/Flash-Close-Position .

        :param product_type: for example ``USDT-FUTURES``.
        :param symbol: for example ``BTCUSDT``; ``None`` means the whole product type.
        :param hold_side: ``long`` or ``short``; ``None`` for both. In one-way mode the exchange ignores it, so it goes
            with a symbol only.
        :raises BitgetScopeError: no product type, an empty symbol, another ``hold_side``, or one without a symbol.
        :returns: what was accepted and what was refused; both may be empty although something was closed.
        :raises BitgetAmbiguousError: the answer holds no lists at all; the positions may have been closed.
        """
        body = {"productType": product_type}
        if symbol is not None:
            body["symbol"] = symbol
        if hold_side is not None:
            body["holdSide"] = hold_side
        try:
            answer = self.client.call(
                CLOSE_POSITIONS, body=body, budget=budget, attempts=attempts, whole_product_type=symbol is None
            )
        except BitgetGoneError as error:
            if error.code == NO_POSITION_TO_CLOSE:
                return CloseAnswer(nothing_open=error.code)
            raise
        if not isinstance(answer.data, Mapping) or not answer.data.keys() & {"successList", "failureList"}:
            unclear = unreadable(CLOSE_POSITIONS, "the answer's data holds no lists")
            unclear.maybe_processed = True
            raise unclear
        redact = self.client.redact
        return CloseAnswer(
            accepted=tuple(close_item(row, redact) for row in rows_in(answer.data.get("successList"))),
            refused=tuple(close_item(row, redact) for row in rows_in(answer.data.get("failureList"))),
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
        return ended_order(answer.data) or resting_order(answer.data)

    def open_orders(
        self,
        *,
        product_type: str,
        symbol: str | None = None,
        status: str | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> Iterator[list[OpenOrder]]:
        """Yield the pages of resting orders, newest first; running to the end means that the read is complete.

        ``GET /api/v2/mix/order/orders-pending``, 10/s per user, 100 a page, the last three months unless asked
        otherwise. Page: https://www.bitget.com/api-doc/contract/trade/Get-Orders-Pending . What an omitted ``status``
        returns is told differently in the page's languages (``live`` orders only, or all): read both.

        :param status: ``live`` or ``partially_filled``; omitted if ``None``.
        :param start_ms: placed at this moment or later, ms since the epoch by the exchange's clock; at most three
            months before ``end_ms``.
        :param end_ms: placed at this moment or before.
        :raises BitgetAmbiguousError: an answer could not be read, or a row names no order: the read is not complete.
        """
        params = list_params(product_type, symbol, start_ms, end_ms)
        if status:
            params.append(("status", status))
        return self._every(OPEN_ORDERS, params, open_order, budget, attempts)

    def reads_of_open_orders(
        self, *, product_type: str, symbol: str | None = None, lookback_days: int = DEFAULT_LOOKBACK_DAYS
    ) -> list[Read[OpenOrder]]:
        """Return the reads that together show every resting order of the last ``lookback_days``.

        Both states for each stretch of time; the newest stretch is asked for without times. An order may show in more
        than one of them. Each is :meth:`open_orders`.

        :param lookback_days: how far back; the newest stretch alone reaches 90 days.
        """
        return [
            partial(
                self.open_orders, product_type=product_type, symbol=symbol, status=status, start_ms=start, end_ms=end
            )
            for start, end in windows(self.client.exchange_time(), lookback_days)
            for status in (None, "partially_filled")
        ]

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
        for page in PAGING.pages(self.client, ORDERS_HISTORY, list_params(product_type, symbol), budget, attempts):
            yield [order for order in map(ended_order, page.rows) if order is not None]

    # -------------------------------------------------------------------------------------------------- plan orders

    def plan_children(
        self,
        *,
        product_type: str,
        plan_type: str,
        order_id: str,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> list[str]:
        """Return the ids of the orders that a plan order placed when it triggered; none where the exchange knows none.

        ``GET /api/v2/mix/order/plan-sub-order``, 10/s per user, for ``normal_plan`` and ``track_plan`` only.
        Page: https://www.bitget.com/api-doc/contract/plan/Plan-Sub-Orders .

        :param plan_type: the concrete type; nothing is asked for those that the endpoint does not know.
        :param order_id: the plan order's id.
        :raises BitgetAmbiguousError: the answer could not be read, or an order that was placed has no id.
        """
        if plan_type not in OPENING_PLAN_TYPES:
            return []
        params = [("productType", product_type), ("planType", plan_type), ("planOrderId", order_id)]
        try:
            answer = self.client.call(PLAN_CHILDREN, params=params, budget=budget, attempts=attempts)
        except BitgetGoneError:
            return []
        return child_ids(answer.data, PLAN_CHILDREN)

    def cancel_plan_orders(
        self,
        items: Sequence[tuple[str, str]],
        *,
        symbol: str,
        product_type: str,
        plan_type: str,
        margin_coin: str | None = None,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> BatchAnswer:
        """Cancel plan orders of one symbol and one type by id.

        ``POST /api/v2/mix/order/cancel-plan-order``, 10/s per user; the page names no most, 50 ids are safe. A plan
        order of another type stands in neither list and stays, and the answer is a success all the same. The page
        lists no ``track_plan``, client libraries send it. Entries of failures usually have no code.
        Page: https://www.bitget.com/api-doc/contract/plan/Cancel-Plan-Order .

        :param items: pairs of the id's field, ``orderId`` or ``clientOid``, and the id; one field per call.
        :param symbol: for example ``BTCUSDT``; required, because without it the call would mean every symbol.
        :param product_type: for example ``USDT-FUTURES``.
        :param plan_type: the concrete type, one of :data:`~airflow_provider_bitget.api.rows.PLAN_TYPES`; required,
            because the exchange takes a missing one for ``normal_plan``.
        :param margin_coin: upper case, optional.
        :raises BitgetScopeError: no ids, an empty id, no symbol, or another plan type.
        :raises BitgetCallError: the batch was refused as a whole, or there was no trustworthy answer.
        """
        if plan_type not in PLAN_TYPES:
            raise BitgetScopeError(f"plan_type must be one of {', '.join(PLAN_TYPES)}", field="plan_type")
        body: dict[str, Any] = {"productType": product_type, "symbol": symbol, "planType": plan_type}
        if margin_coin:
            body["marginCoin"] = margin_coin
        body["orderIdList"] = [{field: value} for field, value in items]
        return self._batch_answer(self.client.call(CANCEL_PLAN_ORDER, body=body, budget=budget, attempts=attempts))

    def open_plan_orders(
        self,
        *,
        product_type: str,
        plan_type: str,
        symbol: str | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> Iterator[list[OpenPlanOrder]]:
        """Yield the pages of waiting plan orders, newest first; running to the end means that the read is complete.

        ``GET /api/v2/mix/order/orders-plan-pending``, 10/s per user, 100 a page, the last three months unless asked
        otherwise. Page: https://www.bitget.com/api-doc/contract/plan/get-orders-plan-pending .

        :param plan_type: a concrete type or ``profit_loss``; every take-profit and stop-loss type shows all of them.
        :param start_ms: placed at this moment or later, ms since the epoch by the exchange's clock; at most three
            months before ``end_ms``.
        :param end_ms: placed at this moment or before.
        :raises BitgetConfigError: another plan type.
        :raises BitgetAmbiguousError: an answer could not be read, or a row names no order: the read is not complete.
        """
        params = [*list_params(product_type, symbol, start_ms, end_ms), ("planType", _query_of(plan_type))]
        return self._every(OPEN_PLAN_ORDERS, params, open_plan_order, budget, attempts)

    def reads_of_open_plan_orders(
        self,
        *,
        product_type: str,
        symbol: str | None = None,
        plan_types: Collection[str] | None = None,
        lookback_days: int = DEFAULT_LOOKBACK_DAYS,
    ) -> list[Read[OpenPlanOrder]]:
        """Return the reads that together show every waiting plan order of the last ``lookback_days``.

        Each is :meth:`open_plan_orders`, one for each list that holds a wanted type and each stretch of time. An order
        may show in more than one of them, and so do types that were not asked for.

        :param plan_types: the wanted types; ``None`` for all.
        :param lookback_days: how far back; the newest stretch alone reaches 90 days.
        :raises BitgetConfigError: an unknown plan type.
        """
        wanted = set(PLAN_QUERIES) if plan_types is None else {_query_of(plan_type) for plan_type in plan_types}
        return [
            partial(
                self.open_plan_orders,
                product_type=product_type,
                plan_type=query,
                symbol=symbol,
                start_ms=start,
                end_ms=end,
            )
            for start, end in windows(self.client.exchange_time(), lookback_days)
            for query in PLAN_QUERIES
            if query in wanted
        ]

    def ended_plan_orders(
        self,
        *,
        product_type: str,
        plan_type: str,
        symbol: str | None = None,
        order_id: str = "",
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> Iterator[list[EndedPlanOrder]]:
        """Yield the pages of plan orders that were cancelled or have triggered, newest first.

        ``GET /api/v2/mix/order/orders-plan-history``, 10/s per user, 100 a page, 90 days back.
        Page: https://www.bitget.com/api-doc/contract/plan/orders-plan-history .

        :param plan_type: a concrete type or ``profit_loss``; every take-profit and stop-loss type shows all of them.
        :param order_id: only this plan order, if not empty.
        :raises BitgetConfigError: another plan type.
        """
        params = [*list_params(product_type, symbol), ("planType", _query_of(plan_type))]
        if order_id:
            params.append(("orderId", order_id))
        for page in PAGING.pages(self.client, PLAN_ORDERS_HISTORY, params, budget, attempts):
            yield [order for order in map(ended_plan_order, page.rows) if order is not None]

    # ---------------------------------------------------------------------------------------------------- positions

    def positions(
        self,
        *,
        product_type: str,
        margin_coin: str | None = None,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> list[Position]:
        """Return the open positions of a product type; none where it is flat.

        ``GET /api/v2/mix/position/all-position``, 5/s per user. A position may appear seconds after the fill that
        opened it. Page: https://www.bitget.com/api-doc/contract/position/get-all-position .

        :param margin_coin: upper case; older versions of the page require it, newer ones do not.
        :raises BitgetAmbiguousError: the answer is no list, or a row of it cannot be read: that is never "flat".
        """
        params = [("productType", product_type)]
        if margin_coin:
            params.append(("marginCoin", margin_coin))
        answer = self.client.call(POSITIONS, params=params, budget=budget, attempts=attempts)
        return positions_in(answer.data, POSITIONS)

    # -------------------------------------------------------------------------------------------------------- other

    def check_signature(self, *, product_type: str, budget: Budget | None = None) -> None:
        """Make one signed read, in one attempt, that changes nothing.

        :raises BitgetCallError: what the exchange holds against it.
        """
        params = [("productType", product_type), ("limit", "1")]
        self.client.call(OPEN_ORDERS, params=params, budget=budget, attempts=1)

    def key_rights(self, *, budget: Budget | None = None) -> KeyRights:
        """Return what the exchange shows of the key's rights, asked once, in one attempt.

        ``GET /api/v2/spot/account/info``, 1/s per user; ``authorities`` lists four letters a right, of which the last
        is ``w`` for writing. Page: https://www.bitget.com/api-doc/spot/account/Get-Account-Info .

        :raises BitgetCallError: the exchange does not show them to this key.
        """
        answer = self.client.call(ACCOUNT_INFO, budget=budget, attempts=1)
        return key_rights(answer.data)

    def _every(
        self,
        endpoint: Endpoint,
        params: Params,
        read_row: Callable[[Row], Found | None],
        budget: Budget | None,
        attempts: int | None,
    ) -> Iterator[list[Found]]:
        """Yield the pages of a list of what is open, all rows of which must be readable."""
        for page in _hinting_at_the_lookback(PAGING.pages(self.client, endpoint, params, budget, attempts), params):
            found = [order for order in map(read_row, page.rows) if order is not None]
            yield found
            if len(found) < page.entries:
                # An open order that nobody can name might be any order: its absence from this read proves nothing.
                raise unreadable(endpoint, "an open order carries no id")

    def _batch_answer(self, answer: Answer) -> BatchAnswer:
        data = answer.data if isinstance(answer.data, Mapping) else {}
        return BatchAnswer(
            succeeded=tuple(item_answer(row, self.client.redact) for row in rows_in(data.get("successList"))),
            failed=tuple(item_answer(row, self.client.redact) for row in rows_in(data.get("failureList"))),
            maybe_processed=answer.maybe_processed,
        )


def _hinting_at_the_lookback(pages: Iterator[Page], params: Params) -> Iterator[Page]:
    """Yield the pages of a list; where it is asked by times and refuses the request, say what may be the reason.

    No page says how far back the lists may be asked.
    """
    try:
        yield from pages
    except BitgetBadRequestError as error:
        if "startTime" not in dict(params):
            raise
        own = f"{error.hint}. " if error.hint else ""
        hint = f"{own}It was asked for older orders by their time: if it takes no times that old, lower lookback_days"
        raise error.as_type(BitgetBadRequestError, error.category, hint=hint) from None


def _query_of(plan_type: str) -> str:
    """Return the value by which the lists are asked for a concrete type.

    :raises BitgetConfigError: the type is unknown.
    """
    for query, shown in PLAN_QUERIES.items():
        if plan_type == query or plan_type in shown:
            return query
    raise BitgetConfigError(f"plan_type must be one of {', '.join(PLAN_TYPES)}, or profit_loss", field="plan_type")
