# SPDX-License-Identifier: Apache-2.0
"""The unified (V3) dialect for futures: one method an endpoint, in the order of the exchange's pages.

Paths and limits stand in :mod:`~airflow_provider_bitget.api.unified_endpoints`, how answers are read and what is odd
about them in :mod:`~airflow_provider_bitget.api.unified_rows` and :mod:`~airflow_provider_bitget.api.unified_pages`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.client import Answer, BitgetClient, Endpoint
from airflow_provider_bitget.api.exceptions import (
    BitgetBadRequestError,
    BitgetBatchTooLargeError,
    BitgetConfigError,
    BitgetGoneError,
    BitgetScopeError,
)
from airflow_provider_bitget.api.fields import rows_in, unreadable, upper_of
from airflow_provider_bitget.api.order_rows import placed_ids
from airflow_provider_bitget.api.paging import Page, Params
from airflow_provider_bitget.api.position_rows import positions_in
from airflow_provider_bitget.api.rows import (
    DEFAULT_LOOKBACK_DAYS,
    OPENING_PLAN_TYPES,
    PLAN_TYPES,
    BatchAnswer,
    CloseAnswer,
    EndedOrder,
    EndedPlanOrder,
    ItemAnswer,
    KeyRights,
    OpenOrder,
    OpenPlanOrder,
    Position,
    Read,
    Row,
)
from airflow_provider_bitget.api.scope import names_something, untold_margin_coin
from airflow_provider_bitget.api.unified_endpoints import (
    ACCOUNT_INFO,
    CANCEL_BATCH,
    CANCEL_STRATEGY_ORDER,
    CANCEL_SYMBOL_ORDER,
    CLOSE_POSITIONS,
    OPEN_ORDERS,
    OPEN_STRATEGY_ORDERS,
    ORDER_INFO,
    ORDERS_HISTORY,
    POSITIONS,
    STRATEGY_ORDERS_HISTORY,
    SUB_ORDERS,
)
from airflow_provider_bitget.api.unified_pages import PAGING, entries_in, list_params, time_params
from airflow_provider_bitget.api.unified_rows import (
    MARGIN_COINS,
    close_item,
    ended_order,
    ended_plan_order,
    is_of,
    is_success,
    item_answer,
    key_rights,
    open_order,
    open_plan_order,
    order_of,
    position_row,
)
from airflow_provider_bitget.api.windows import history_windows, windows

REFUSED_PARAMETERS: Final = frozenset({"00172", "400171", "400172", "40017", "40020", "40034", "40812", "25200"})
"""Codes that refuse a parameter."""

EVERY_TYPE: Final = ""
TPSL: Final = "tpsl"
TRIGGER: Final = "trigger"
"""The kinds of strategy orders that the lists are asked by."""

NOTHING_TO_CANCEL: Final = frozenset({"25204", "22001"})
NOTHING_TO_CLOSE: Final = frozenset({"25227", "22002"})

Found = TypeVar("Found")

log = logging.getLogger(__name__)


class UnifiedDialect:
    """Futures endpoints of a unified account.

    Every method takes the ``budget`` of the run (by default 60 s of its own) and ``attempts``, how often a request is
    sent at most (by default until the budget ends). Every one raises :class:`BitgetCallError` with what the exchange
    holds against the call, :class:`BitgetNotSentError` if deadline or stop came first, :class:`BitgetConfigError` for a
    product type or a margin coin that a unified account does not know, and reads raise :class:`BitgetAmbiguousError`
    where an answer cannot be read: odd is never taken for empty.

    Plan orders are what the exchange calls strategy orders here. They go by the classic plan types, see
    :func:`~airflow_provider_bitget.api.unified_rows.plan_type_of`.

    :param client: the signed session to call through.
    """

    kind = "unified"
    most_ids_per_cancel = 20
    #: The endpoint takes a single id.
    most_plan_ids_per_cancel = 1
    #: The history of plan orders takes no id.
    asks_for_one_plan_order = False
    names_margin_coins = False

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

        ``POST /api/v3/trade/cancel-batch``, 5/s per user, at most 20 ids; the body is a bare list, and so is the
        answer, in which an entry with a code is a failure. A single unknown id is answered by such an entry, or refuses
        the whole request (25204). Page: https://www.bitget.com/api-doc/uta/trade/Cancel-Batch .

        :param items: pairs of the id's field, ``orderId`` or ``clientOid``, and the id; one field per call.
        :param symbol: for example ``BTCUSDT``.
        :param product_type: for example ``USDT-FUTURES``.
        :param margin_coin: no more than the coin that the product type implies anyway.
        :raises BitgetScopeError: no ids, an empty id, or no symbol.
        :raises BitgetBatchTooLargeError: more than 20 ids; nothing was sent.
        :raises BitgetCallError: the batch was refused as a whole, or there was no trustworthy answer.
        """
        _check_product_type(product_type)
        _check_margin_coin(product_type, margin_coin or None)
        if len(items) > self.most_ids_per_cancel:
            raise BitgetBatchTooLargeError
        body = [{field: value, "category": product_type, "symbol": symbol} for field, value in items]
        answer = self.client.call(CANCEL_BATCH, body=body, budget=budget, attempts=attempts)
        return self._batch_answer(rows_in(answer.data), answer)

    def cancel_all_orders(
        self,
        *,
        product_type: str,
        margin_coin: str | None = None,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> BatchAnswer | None:
        """Cancel every order of a whole product type, whatever its age; ``None``: there was no order to cancel.

        ``POST /api/v3/trade/cancel-symbol-order`` without a symbol, 5/s per user. Plan orders stay. Not repeated after
        an answer that cannot be trusted: read the open orders first. What the exchange answers where nothing is open is
        not recorded: its codes for it count as its word, a list that names nothing does not.
        Page: https://www.bitget.com/api-doc/uta/trade/Cancel-All-Order .

        :param product_type: for example ``USDT-FUTURES``.
        :param margin_coin: no more than the coin that the product type implies anyway.
        :raises BitgetScopeError: no product type, or an empty margin coin.
        """
        _check_product_type(product_type)
        _check_margin_coin(product_type, margin_coin)
        try:
            answer = self.client.call(
                CANCEL_SYMBOL_ORDER,
                body={"category": product_type},
                budget=budget,
                attempts=attempts,
                whole_product_type=True,
            )
        except BitgetGoneError as error:
            if error.code in NOTHING_TO_CANCEL:
                return None
            raise
        entries = answer.data.get("list") if isinstance(answer.data, Mapping) else None
        return self._batch_answer(rows_in(entries), answer)

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

        ``POST /api/v3/trade/close-positions``, 5/s per user. An accepted close is an order that was sent to the market:
        read the positions to see what became of it. Not repeated after an answer that cannot be trusted: read the
        positions first. Entries of the answer name no symbol.
        Page: https://www.bitget.com/api-doc/uta/trade/Close-All-Positions .

        :param product_type: for example ``USDT-FUTURES``.
        :param symbol: for example ``BTCUSDT``; ``None`` means the whole product type.
        :param hold_side: ``long`` or ``short``, with a symbol only; ``None`` for both.
        :raises BitgetScopeError: no product type, an empty symbol, another ``hold_side``, or one without a symbol.
        :returns: what was accepted and what was refused; both may be empty although something was closed.
        :raises BitgetAmbiguousError: the answer holds no list; the positions may have been closed.
        """
        _check_product_type(product_type)
        body = {"category": product_type}
        if symbol is not None:
            body["symbol"] = symbol
        if hold_side is not None:
            body["posSide"] = hold_side
        try:
            answer = self.client.call(
                CLOSE_POSITIONS, body=body, budget=budget, attempts=attempts, whole_product_type=symbol is None
            )
        except BitgetGoneError as error:
            if error.code in NOTHING_TO_CLOSE:
                return CloseAnswer(nothing_open=error.code)
            raise
        entries = answer.data.get("list") if isinstance(answer.data, Mapping) else None
        if not isinstance(entries, list):
            unclear = unreadable(CLOSE_POSITIONS, "the answer's data holds no list")
            unclear.maybe_processed = True
            raise unclear
        rows, redact = rows_in(entries), self.client.redact
        return CloseAnswer(
            accepted=tuple(close_item(row, redact) for row in rows if is_success(row)),
            refused=tuple(close_item(row, redact) for row in rows if not is_success(row)),
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

        ``GET /api/v3/trade/order-info``, 20/s per user. It is asked by the id alone, across the whole account: an order
        of another symbol or product type is not the one that was asked for.
        Page: https://www.bitget.com/api-doc/uta/trade/Get-Order-Details .
        """
        _check_product_type(product_type)
        params = [("orderId", order_id) if order_id else ("clientOid", client_oid)]
        try:
            answer = self.client.call(ORDER_INFO, params=params, budget=budget, attempts=attempts)
        except BitgetGoneError:
            return None
        row = answer.data
        if not isinstance(row, Mapping):
            return None
        if not is_of(row, product_type) or upper_of(row, "symbol") != symbol.upper():
            return None
        return order_of(row, product_type)

    def open_orders(
        self,
        *,
        product_type: str,
        symbol: str | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> Iterator[list[OpenOrder]]:
        """Yield the pages of resting orders in every state, newest first; running to the end completes the read.

        ``GET /api/v3/trade/unfilled-orders``, 20/s per user, 100 a page. An account holds at most 400 such orders over
        all its product types. Page: https://www.bitget.com/api-doc/uta/trade/Get-Order-Pending .

        :param start_ms: placed at this moment or later, ms since the epoch by the exchange's clock.
        :param end_ms: placed at this moment or before.
        :raises BitgetAmbiguousError: an answer could not be read, a row is of another category, or it names no order:
            the read is not complete.
        """
        _check_product_type(product_type)
        params = list_params(product_type, symbol, start_ms, end_ms)
        return self._every(OPEN_ORDERS, params, partial(open_order, product_type=product_type), budget, attempts)

    def reads_of_open_orders(
        self, *, product_type: str, symbol: str | None = None, lookback_days: int = DEFAULT_LOOKBACK_DAYS
    ) -> list[Read[OpenOrder]]:
        """Return the reads that together show every resting order of the last ``lookback_days``.

        One for each stretch of time, the newest without times: the page says nothing of how far it reaches, so what a
        classic account's list shows is taken for it. An order may show in more than one. Each is :meth:`open_orders`,
        but an older stretch whose times are refused, twice, cannot be asked for: then the list without times, which
        tells no limit, has to show what is that old.
        """
        _check_product_type(product_type)
        return [
            partial(
                self.open_orders if start is None else self._older_orders,
                product_type=product_type,
                symbol=symbol,
                start_ms=start,
                end_ms=end,
            )
            for start, end in windows(self.client.exchange_time(), lookback_days)
        ]

    def _older_orders(
        self, *, budget: Budget | None = None, attempts: int | None = None, **stretch: Any
    ) -> Iterator[list[OpenOrder]]:
        for _ in range(2):
            pages = self.open_orders(budget=budget, attempts=attempts, **stretch)
            try:
                first = next(pages)
            except BitgetBadRequestError as error:
                if error.code not in REFUSED_PARAMETERS:
                    raise
            else:
                yield first
                yield from pages
                return
        log.info("The list of open orders takes no times that old: it shows them without times, or not at all")

    def orders_history(
        self,
        *,
        product_type: str,
        symbol: str | None = None,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> Iterator[list[EndedOrder]]:
        """Yield the pages of ended orders: the latest first, then every window of the last 90 days, newest first.

        ``GET /api/v3/trade/history-orders``, 20/s per user, 100 a page, at most 30 days from start to end. An order may
        show more than once. Page: https://www.bitget.com/api-doc/uta/trade/Get-Order-History .
        """
        _check_product_type(product_type)
        history = self._history(ORDERS_HISTORY, list_params(product_type, symbol), budget, attempts)
        return (_told(page, ended_order, product_type) for page in history)

    # -------------------------------------------------------------------------------------------------- plan orders

    def plan_children(
        self,
        *,
        product_type: str,
        plan_type: str,
        order_id: str,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> list[str] | None:
        """Return the ids of the orders that a plan order placed when it triggered; ``None`` where that cannot be asked.

        ``GET /api/v3/trade/strategy-sub-orders``, 10/s per user. It is younger than the pages of the other endpoints
        and known from client libraries (https://github.com/sieblyio/bitget-api): an exchange may not have it yet.

        :param order_id: the plan order's id.
        :raises BitgetAmbiguousError: the answer could not be read, or an order that was placed has no id.
        """
        rest = PAGING.pages(self.client, SUB_ORDERS, [("orderId", order_id)], budget, attempts)
        try:
            first = next(rest)
        except (BitgetGoneError, BitgetBadRequestError):
            return None
        pages = [first, *rest]
        if any(len(page.rows) < page.entries for page in pages):
            raise unreadable(SUB_ORDERS, "an entry is no order")
        return [child for page in pages for child in placed_ids(page.rows, "subOrderId", SUB_ORDERS)]

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
        """Cancel one plan order by id.

        ``POST /api/v3/trade/cancel-strategy-order``, 10/s per user, a single id and nothing else. Its success names no
        order: the one in the answer is the one that was asked for, and only a read of the open ones proves it. An
        unknown one is refused (25204, 25597). Page: https://www.bitget.com/api-doc/uta/strategy/Cancel-Strategy-Order .

        :param items: one pair of the id's field, ``orderId`` or ``clientOid``, and the id.
        :param symbol: for example ``BTCUSDT``; not sent.
        :param plan_type: one of :data:`~airflow_provider_bitget.api.rows.PLAN_TYPES`; not sent.
        :param margin_coin: no more than the coin that the product type implies anyway.
        :raises BitgetScopeError: no id, an empty id, no symbol, or another plan type.
        :raises BitgetBatchTooLargeError: more than one id; nothing was sent.
        """
        _check_product_type(product_type)
        _check_margin_coin(product_type, margin_coin or None)
        if plan_type not in PLAN_TYPES:
            raise BitgetScopeError(f"plan_type must be one of {', '.join(PLAN_TYPES)}", field="plan_type")
        if not names_something(symbol):
            raise BitgetScopeError("a plan order is cancelled under its symbol: none was given", field="symbol")
        if len(items) > self.most_plan_ids_per_cancel:
            raise BitgetBatchTooLargeError
        body = dict(items)
        answer = self.client.call(CANCEL_STRATEGY_ORDER, body=body, budget=budget, attempts=attempts)
        named = ItemAnswer(body.get("orderId", ""), body.get("clientOid", ""))
        return BatchAnswer((named,), (), answer.maybe_processed, names_orders=False)

    def open_strategy_orders(
        self,
        *,
        product_type: str,
        strategy_type: str,
        symbol: str | None = None,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> Iterator[list[OpenPlanOrder]]:
        """Yield the waiting plan orders of one kind in a single list; running to the end completes the read.

        ``GET /api/v3/trade/unfilled-strategy-orders``, 20/s per user, without pages, times or a symbol: others than the
        wanted symbol's are left out here. A type whose name an exchange refuses, twice, has no orders there.
        Page: https://www.bitget.com/api-doc/uta/strategy/Get-Unfilled-Strategy-Orders .

        Other lists of this API are ``null`` where they are empty; of this one no empty answer is recorded. So ``null``
        is taken for empty only if it is answered twice.

        :param strategy_type: :data:`EVERY_TYPE`, :data:`TPSL` or :data:`TRIGGER`.
        :raises BitgetAmbiguousError: the answer is no list, a row is of another category, or it names no order.
        """
        _check_product_type(product_type)
        params = [*list_params(product_type, None), *_type_params(strategy_type)]

        def ask() -> Any:
            return self.client.call(OPEN_STRATEGY_ORDERS, params=params, budget=budget, attempts=attempts).data

        def read() -> Iterator[list[OpenPlanOrder]]:
            for _ in range(2):
                try:
                    data = ask()
                except BitgetBadRequestError as error:
                    if not _is_of_unknown_type(strategy_type, error):
                        raise
                    data = None
                if data is not None:
                    break
            else:
                return
            if not isinstance(data, list):
                raise unreadable(OPEN_STRATEGY_ORDERS, "the answer's data is not a list")
            page = Page(rows_in(data), len(data), "")
            read_row = partial(open_plan_order, product_type=product_type)
            for found in _named(OPEN_STRATEGY_ORDERS, page, read_row, product_type):
                yield [order for order in found if _is_of_symbol(order, symbol)]

        return read()

    def reads_of_open_plan_orders(
        self,
        *,
        product_type: str,
        symbol: str | None = None,
        plan_types: Collection[str] | None = None,
        lookback_days: int = DEFAULT_LOOKBACK_DAYS,
    ) -> list[Read[OpenPlanOrder]]:
        """Return the reads that together show every waiting plan order, whatever its age.

        Each is :meth:`open_strategy_orders`: one without a type, which client libraries take for all and no page
        explains, and one for each kind that holds a wanted type. An order may show in more than one, and so do types
        that were not asked for.

        :param plan_types: the wanted types; ``None`` for all.
        :param lookback_days: without effect: the list takes no times.
        :raises BitgetConfigError: an unknown plan type.
        """
        _check_product_type(product_type)
        wanted = {_strategy_type_of(plan_type) for plan_type in (PLAN_TYPES if plan_types is None else plan_types)}
        return [
            partial(self.open_strategy_orders, product_type=product_type, strategy_type=strategy_type, symbol=symbol)
            for strategy_type in (EVERY_TYPE, TRIGGER, TPSL)
            if wanted and strategy_type in {EVERY_TYPE, *wanted}
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
        """Yield the pages of ended plan orders: the latest first, then every window of the last 90 days, newest first.

        ``GET /api/v3/trade/history-strategy-orders``, 20/s per user, 100 a page, by kind, and then without one. Older
        answers have no status, and rows without one tell nothing; none names the order that was placed. An order may
        show more than once.
        Page: https://www.bitget.com/api-doc/uta/strategy/Get-History-Strategy-Orders .

        :param plan_type: a concrete type; those of the same kind show as well.
        :param order_id: only the page with this plan order, if not empty: the exchange takes no id, it is looked for.
        :raises BitgetConfigError: another plan type.
        """
        _check_product_type(product_type)

        def read(strategy_type: str) -> Iterator[list[EndedPlanOrder]]:
            params = [*list_params(product_type, None), *_type_params(strategy_type)]
            for page in self._history(STRATEGY_ORDERS_HISTORY, params, budget, attempts):
                ended = _told(page, ended_plan_order, product_type)
                yield [order for order in ended if _is_of_symbol(order, symbol)]

        ended = _by_type(_strategy_type_of(plan_type), read)
        return _until_found(ended, order_id) if order_id else ended

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

        ``GET /api/v3/position/current-position``, 20/s per user; an empty list may be ``null``.
        Page: https://www.bitget.com/api-doc/uta/trade/Get-Position .

        :param margin_coin: upper case; positions of others are left out here, the exchange takes no such parameter.
        :raises BitgetAmbiguousError: the answer holds no list, a row is of another category or cannot be read: that is
            never "flat".
        """
        _check_product_type(product_type)
        answer = self.client.call(POSITIONS, params=[("category", product_type)], budget=budget, attempts=attempts)
        entries = entries_in(answer.data, POSITIONS)
        _check_category(POSITIONS, rows_in(entries), product_type)
        found = positions_in([position_row(entry) for entry in entries], POSITIONS)
        return [one for one in found if not margin_coin or one.margin_coin in ("", margin_coin)]

    # -------------------------------------------------------------------------------------------------------- other

    def check_signature(self, *, product_type: str, budget: Budget | None = None) -> None:
        """Make one signed read, in one attempt, that changes nothing.

        :raises BitgetCallError: what the exchange holds against it.
        """
        _check_product_type(product_type)
        params = [*list_params(product_type, None), ("limit", "1")]
        self.client.call(OPEN_ORDERS, params=params, budget=budget, attempts=1)

    def key_rights(self, *, budget: Budget | None = None) -> KeyRights:
        """Return what the exchange shows of the key's rights, asked once, in one attempt.

        ``GET /api/v3/account/info``; ``permType`` tells reading from writing, ``permissions`` what for.
        Page: https://www.bitget.com/api-doc/uta/account/Get-Account-Info .

        :raises BitgetCallError: the exchange does not show them to this key.
        """
        return key_rights(self.client.call(ACCOUNT_INFO, budget=budget, attempts=1).data)

    def _every(
        self,
        endpoint: Endpoint,
        params: Params,
        read_row: Callable[[Row], Found | None],
        budget: Budget | None,
        attempts: int | None,
    ) -> Iterator[list[Found]]:
        """Yield the pages of a list of what is open, all rows of which must be readable."""
        product_type = dict(params)["category"]
        for page in PAGING.pages(self.client, endpoint, params, budget, attempts):
            yield from _named(endpoint, page, read_row, product_type)

    def _history(
        self, endpoint: Endpoint, params: Params, budget: Budget | None, attempts: int | None
    ) -> Iterator[Page]:
        """Yield the pages of what has ended, window by window: a caller who has found all stops asking."""
        for start, end in history_windows(self.client.exchange_time()):
            yield from PAGING.pages(self.client, endpoint, [*params, *time_params(start, end)], budget, attempts)

    def _batch_answer(self, rows: list[Row], answer: Answer) -> BatchAnswer:
        redact = self.client.redact
        return BatchAnswer(
            succeeded=tuple(item_answer(row, redact) for row in rows if is_success(row)),
            failed=tuple(item_answer(row, redact) for row in rows if not is_success(row)),
            maybe_processed=answer.maybe_processed,
        )


def _check_product_type(product_type: str) -> None:
    if not names_something(product_type):
        raise BitgetScopeError("nothing was sent: the product type is missing", field="product_type")
    if product_type not in MARGIN_COINS:
        raise BitgetConfigError(
            f"product_type must be one of {', '.join(MARGIN_COINS)} on a unified account, but is {product_type!r}. The "
            "old demo types are gone there: use demo_trading in the connection",
            field="product_type",
        )


def _check_margin_coin(product_type: str, margin_coin: str | None) -> None:
    """Pass a margin coin that narrows nothing: it could not be sent."""
    if margin_coin is None:
        return
    if not names_something(margin_coin):
        raise BitgetScopeError("nothing was sent: an empty margin_coin would widen it to all", field="margin_coin")
    if margin_coin != MARGIN_COINS[product_type]:
        implied = MARGIN_COINS[product_type]
        if not implied:
            raise untold_margin_coin(margin_coin)
        raise BitgetConfigError(
            f"margin_coin of {product_type} on a unified account must be {implied!r} or left out, but is "
            f"{margin_coin!r}",
            field="margin_coin",
        )


def _check_category(endpoint: Endpoint, rows: list[Row], product_type: str) -> None:
    """Pass rows of the product type that was asked for: others mean that the question was not understood."""
    if not all(is_of(row, product_type) for row in rows):
        raise unreadable(endpoint, "the answer holds rows of another category than was asked for")


def _named(
    endpoint: Endpoint, page: Page, read_row: Callable[[Row], Found | None], product_type: str
) -> Iterator[list[Found]]:
    """Yield what a page of open orders names, then make sure that this is all of it."""
    _check_category(endpoint, page.rows, product_type)
    found = [order for order in map(read_row, page.rows) if order is not None]
    yield found
    if len(found) < page.entries:
        # An open order that nobody can name might be any order: its absence from this read proves nothing.
        raise unreadable(endpoint, "an open order carries no id")


def _told(page: Page, read_row: Callable[[Row], Found | None], product_type: str) -> list[Found]:
    """Return what a page of ended orders tells of a product type; rows of another one are no proof here."""
    found = [read_row(row) for row in page.rows if is_of(row, product_type)]
    return [order for order in found if order is not None]


def _is_of_symbol(order: OpenPlanOrder | EndedPlanOrder, symbol: str | None) -> bool:
    return not symbol or order.symbol in ("", symbol.upper())


def _strategy_type_of(plan_type: str) -> str:
    """Return the kind of strategy orders that holds a plan type.

    :raises BitgetConfigError: the type is unknown.
    """
    if plan_type not in PLAN_TYPES:
        raise BitgetConfigError(f"plan_type must be one of {', '.join(PLAN_TYPES)}", field="plan_type")
    return TRIGGER if plan_type in OPENING_PLAN_TYPES else TPSL


def _type_params(strategy_type: str) -> Params:
    return [("type", strategy_type)] if strategy_type else []


def _is_of_unknown_type(strategy_type: str, error: BitgetBadRequestError) -> bool:
    """Whether a refusal may be of the type's name, which is younger than some answers; a missing path is none."""
    return strategy_type == TRIGGER and error.code in REFUSED_PARAMETERS


def _by_type(strategy_type: str, read: Callable[[str], Iterator[list[Found]]]) -> Iterator[list[Found]]:
    """Yield what a history of strategy orders shows: of a type, then of all, since some types are in neither kind.

    A type that the exchange does not know yet, and refuses, is left out.
    """
    pages = read(strategy_type)
    try:
        first = next(pages, [])
    except BitgetBadRequestError as error:
        if not _is_of_unknown_type(strategy_type, error):
            raise
    else:
        yield first
        yield from pages
    yield from read(EVERY_TYPE)


def _until_found(pages: Iterator[list[EndedPlanOrder]], order_id: str) -> Iterator[list[EndedPlanOrder]]:
    for page in pages:
        if any(order.order_id == order_id for order in page):
            yield page
            return
