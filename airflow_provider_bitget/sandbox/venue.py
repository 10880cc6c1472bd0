# SPDX-License-Identifier: Apache-2.0
"""The stand-in exchange behind its API: what the accounts have, and what the owner of the sandbox sees and does."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal

from airflow_provider_bitget.sandbox.accounts import Account, as_accounts
from airflow_provider_bitget.sandbox.amounts import amount_of
from airflow_provider_bitget.sandbox.clock import Clock, SystemClock
from airflow_provider_bitget.sandbox.ledger import Ledger
from airflow_provider_bitget.sandbox.order_ids import OrderIds
from airflow_provider_bitget.sandbox.orders import (
    CANCELED,
    HEDGE,
    HOLD_SIDES,
    LIVE,
    ONE_WAY,
    OPEN_STATUSES,
    PARTIALLY_FILLED,
    POSITION_MODES,
    SIZE,
    TRADE_SIDES,
    Order,
    half_of,
    margin_coin_of,
    side_of,
)
from airflow_provider_bitget.sandbox.parameters import PRODUCT_TYPES
from airflow_provider_bitget.sandbox.plan_orders import (
    OUTCOMES,
    PLAN_TYPES,
    PROTECTIVE_PLAN_TYPES,
    TRIGGER_RATIOS,
    PlanOrder,
)
from airflow_provider_bitget.sandbox.positions import Position, pos_side_of
from airflow_provider_bitget.sandbox.rules import Rules

DEFAULT_SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
DEFAULT_PRODUCT_TYPE = "USDT-FUTURES"


class Venue:
    """The accounts with their orders, plan orders and positions; :class:`Exchange` puts the API in front of it.

    :param clock: where time comes from; the machine's clock by default.
    :param accounts: how many accounts to make up, or the accounts themselves.
    :param symbols: the symbols that :meth:`place` spreads orders over.
    :param product_type: the product type of orders that name none.
    :param rules: how the exchange behaves.
    """

    def __init__(
        self,
        clock: Clock | None,
        accounts: int | Sequence[Account],
        symbols: Sequence[str],
        product_type: str,
        rules: Rules | None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._lock = threading.RLock()
        self.accounts = as_accounts(accounts)
        self.symbols = tuple(symbols)
        if not self.symbols:
            raise ValueError("the sandbox needs at least one symbol")
        self.product_type = _known_product_type(product_type)
        self.rules = rules or Rules()
        self.reset()

    def reset(self, rules: Rules | None = None) -> None:
        """Forget all orders, plan orders, positions and what the owner decided about them; ids begin anew.

        :param rules: how the exchange behaves from now on; as before by default.
        """
        with self._lock:
            self.rules = rules or self.rules
            self._ids = OrderIds()
            self._ledgers = {account.key: Ledger(self._ids, self.rules) for account in self.accounts}
            self._maintenance: frozenset[str] = frozenset()

    # Orders

    def place(
        self,
        count: int = 1,
        symbol: str | None = None,
        product_type: str | None = None,
        *,
        client_oids: bool | Sequence[str] = False,
        status: str = LIVE,
        created_ms: int | None = None,
        size: str = SIZE,
        trade_side: str | None = None,
        hold_side: str | None = None,
        pos_mode: str | None = None,
        account: Account | None = None,
    ) -> list[Order]:
        """Place orders and return them, oldest first.

        :param count: how many.
        :param symbol: their symbol; None spreads them over the exchange's symbols in turn.
        :param product_type: their product type, the exchange's own by default.
        :param client_oids: True to give each a clientOid, or the clientOids themselves.
        :param status: ``live`` or ``partially_filled`` (half of the size).
        :param created_ms: when they were placed, milliseconds since 1970-01-01 UTC; now by default.
        :param size: the size of each, in units of the base coin.
        :param trade_side: ``open``, or ``close`` for orders that lock a position; ``open`` by default.
        :param hold_side: the side of the position, ``long`` or ``short``; by default ``long`` where a trade side
            is named, else ``long`` and ``short`` in turn.
        :param pos_mode: ``hedge_mode`` or ``one_way_mode``; by default the first where a side is named.
        :param account: whose orders, the first account's by default.
        :raises ValueError: for a bad value, or where a unified account cannot have as many open orders.
        """
        if status not in OPEN_STATUSES:
            raise ValueError(f"status is {status!r}; expected is {' or '.join(OPEN_STATUSES)}")
        _check_sides(hold_side, pos_mode, trade_side)
        _check_count(count, client_oids)
        amount_of(size)
        mode = pos_mode or (ONE_WAY if trade_side is None and hold_side is None else HEDGE)
        symbols = self.symbols if symbol is None else (symbol,)
        product_type = _known_product_type(product_type or self.product_type)
        closing = trade_side == "close"
        with self._settled():
            ledger = self._ledger_of(account)
            self._check_cap(count, account)
            now_ms = self._now_ms() if created_ms is None else created_ms
            placed = []
            for position in range(count):
                side = hold_side or ("long" if trade_side is not None or position % 2 == 0 else "short")
                pos_side = pos_side_of(side, mode)
                order_id = self._ids.next()
                order = Order(
                    order_id=order_id,
                    client_oid=_client_oid(client_oids, position, self._ids.count),
                    symbol=symbols[position % len(symbols)],
                    product_type=product_type,
                    side=side_of(side, pos_side, closing=closing),
                    status=status,
                    created_ms=now_ms,
                    updated_ms=now_ms,
                    filled_size=half_of(size) if status == PARTIALLY_FILLED else "0",
                    size=size,
                    pos_side=pos_side,
                    closing=closing,
                )
                ledger.orders.add(order)
                if status == PARTIALLY_FILLED:
                    ledger.take_fill(order, Decimal(order.filled_size), self._clock.monotonic(), now_ms)
                placed.append(order)
            return placed

    def order(self, order_id: str) -> Order:
        """Return an order of any account in any state.

        :param order_id: the exchange's id.
        :raises ValueError: where no account has such an order.
        """
        with self._settled():
            return self._find(order_id)[1]

    def orders(
        self,
        statuses: Sequence[str] = OPEN_STATUSES,
        *,
        symbol: str | None = None,
        product_type: str | None = None,
        account: Account | None = None,
    ) -> list[Order]:
        """Return an account's orders, oldest first.

        :param statuses: which statuses to include, the open ones by default.
        :param symbol: only this symbol.
        :param product_type: only this product type.
        :param account: whose orders, the first account's by default.
        """
        with self._settled():
            return [
                order
                for order in self._ledger_of(account).orders.all_orders(statuses)
                if order.symbol == (symbol or order.symbol)
                and order.product_type == (product_type or order.product_type)
            ]

    def fill(self, order_id: str) -> Order:
        """Fill an open order and return it; the rule ``fills_make_positions`` says whether that opens a position.

        A fill of an order that closes makes its position smaller in any case.

        :param order_id: the exchange's id.
        :raises ValueError: where there is no such open order.
        """
        with self._settled():
            ledger, order = self._find_open(order_id)
            return ledger.fill(order, self._clock.monotonic(), self._now_ms())

    def cancel(self, order_id: str) -> Order:
        """Cancel an open order as another actor would, and return it.

        :param order_id: the exchange's id.
        :raises ValueError: where there is no such open order.
        """
        with self._settled():
            ledger, order = self._find_open(order_id)
            return ledger.orders.end(order, CANCELED, self._clock.monotonic(), self._now_ms())

    # Plan orders

    def place_plan(
        self,
        count: int = 1,
        plan_type: str = "normal_plan",
        symbol: str | None = None,
        product_type: str | None = None,
        *,
        hold_side: str | None = None,
        pos_mode: str | None = None,
        client_oids: bool | Sequence[str] = False,
        size: str = SIZE,
        created_ms: int | None = None,
        both: bool = False,
        account: Account | None = None,
    ) -> list[PlanOrder]:
        """Place plan orders and return them, oldest first.

        :param count: how many.
        :param plan_type: ``normal_plan`` or ``track_plan``, which open, or ``profit_plan``, ``loss_plan``,
            ``moving_plan``, ``pos_profit`` or ``pos_loss``, which protect a position.
        :param symbol: their symbol; None spreads them over the exchange's symbols in turn.
        :param product_type: their product type, the exchange's own by default.
        :param hold_side: the side of the position, ``long`` by default or ``short``.
        :param pos_mode: ``hedge_mode`` or ``one_way_mode``; by default the first where a side is named.
        :param client_oids: True to give each a clientOid, or the clientOids themselves.
        :param size: the size of each, in units of the base coin; ``pos_profit`` and ``pos_loss`` have none.
        :param created_ms: when they were placed, milliseconds since 1970-01-01 UTC; now by default.
        :param both: whether each is a take-profit and a stop-loss in one, as it can be on a unified account.
        :param account: whose plan orders, the first account's by default.
        """
        _check_plan_type(plan_type)
        if both and (plan_type not in TRIGGER_RATIOS or (account or self.accounts[0]).mode == "classic"):
            raise ValueError("both a take-profit and a stop-loss are for the tpsl orders of a unified account")
        _check_sides(hold_side, pos_mode)
        _check_count(count, client_oids)
        amount_of(size)
        pos_side = pos_side_of(hold_side or "long", pos_mode or (ONE_WAY if hold_side is None else HEDGE))
        closing = plan_type in PROTECTIVE_PLAN_TYPES
        symbols = self.symbols if symbol is None else (symbol,)
        product_type = _known_product_type(product_type or self.product_type)
        with self._settled():
            now_ms = self._now_ms() if created_ms is None else created_ms
            placed = []
            for position in range(count):
                order_id = self._ids.next()
                plan = PlanOrder(
                    order_id=order_id,
                    client_oid=_client_oid(client_oids, position, self._ids.count),
                    symbol=symbols[position % len(symbols)],
                    product_type=product_type,
                    plan_type=plan_type,
                    side=side_of(hold_side or "long", pos_side, closing=closing),
                    hold_side=hold_side or "long",
                    pos_side=pos_side,
                    created_ms=now_ms,
                    updated_ms=now_ms,
                    size="0" if plan_type.startswith("pos_") else size,
                    both=both,
                )
                self._ledger_of(account).plans.add(plan)
                placed.append(plan)
            return placed

    def plan_order(self, plan_order_id: str) -> PlanOrder:
        """Return a plan order of any account in any state.

        :param plan_order_id: the exchange's id.
        :raises ValueError: where no account has such a plan order.
        """
        with self._settled():
            return self._find_plan(plan_order_id)[1]

    def plan_orders(
        self,
        statuses: Collection[str] = (LIVE,),
        *,
        plan_type: str | None = None,
        symbol: str | None = None,
        product_type: str | None = None,
        account: Account | None = None,
    ) -> list[PlanOrder]:
        """Return an account's plan orders, oldest first.

        :param statuses: ``live`` (the default), ``executed``, ``fail_execute``, ``cancelled``.
        :param plan_type: only this concrete type.
        :param symbol: only this symbol.
        :param product_type: only this product type.
        :param account: whose plan orders, the first account's by default.
        """
        with self._settled():
            return [
                plan
                for plan in self._ledger_of(account).plans.all_plans()
                if plan.status in statuses
                and plan.plan_type == (plan_type or plan.plan_type)
                and plan.symbol == (symbol or plan.symbol)
                and plan.product_type == (product_type or plan.product_type)
            ]

    def trigger(self, plan_order_id: str, outcome: str | None = None) -> PlanOrder:
        """Let a live plan order trigger, and return it; ``child_id`` names the order that it placed.

        :param plan_order_id: the exchange's id.
        :param outcome: the child order ``rests`` or ``fills`` at once, or the trigger ``fails`` and there is
            none; by default as the rule ``triggered_child`` has it.
        :raises ValueError: where there is no such live plan order, or for an unknown outcome.
        """
        outcome = outcome or self.rules.triggered_child
        if outcome not in OUTCOMES:
            raise ValueError(f"outcome is {outcome!r}; expected is {', '.join(OUTCOMES)}")
        with self._settled():
            ledger, plan = self._find_plan(plan_order_id)
            if not plan.is_open:
                raise ValueError(f"plan order {plan_order_id} is {plan.status} already")
            return ledger.trigger(plan, outcome, self._clock.monotonic(), self._now_ms())

    # Positions

    def open_position(
        self,
        symbol: str = "BTCUSDT",
        hold_side: str = "long",
        size: str = "1",
        product_type: str | None = None,
        *,
        margin_coin: str | None = None,
        pos_mode: str = HEDGE,
        account: Account | None = None,
    ) -> Position:
        """Open a position or make it larger, and return it; in one-way mode the other side becomes smaller first.

        :param symbol: its symbol.
        :param hold_side: ``long`` or ``short``.
        :param size: in units of the base coin.
        :param product_type: its product type, the exchange's own by default.
        :param margin_coin: the coin of its margin, the product type's own by default.
        :param pos_mode: ``hedge_mode`` or ``one_way_mode``.
        :param account: whose position, the first account's by default.
        :raises ValueError: for a bad value, or where the symbol has a position in the other position mode.
        """
        _check_sides(hold_side, pos_mode)
        product_type = _known_product_type(product_type or self.product_type)
        with self._settled():
            now_ms = self._now_ms()
            position = Position(
                symbol=symbol,
                product_type=product_type,
                margin_coin=margin_coin or margin_coin_of(product_type, symbol),
                hold_side=hold_side,
                pos_side=pos_side_of(hold_side, pos_mode),
                total=amount_of(size),
                created_ms=now_ms,
                updated_ms=now_ms,
            )
            return self._ledger_of(account).open_position(position, self._clock.monotonic())

    def positions(
        self,
        symbol: str | None = None,
        product_type: str | None = None,
        hold_side: str | None = None,
        *,
        account: Account | None = None,
    ) -> list[Position]:
        """Return an account's positions, also those that reads do not show yet.

        :param symbol: only this symbol.
        :param product_type: only this product type.
        :param hold_side: only ``long`` or ``short``.
        :param account: whose positions, the first account's by default.
        """
        with self._settled():
            return [
                position
                for position in self._ledger_of(account).positions()
                if position.symbol == (symbol or position.symbol)
                and position.product_type == (product_type or position.product_type)
                and position.hold_side == (hold_side or position.hold_side)
            ]

    def refuse_close(
        self,
        symbol: str,
        hold_side: str,
        code: str | None,
        *,
        msg: str | None = None,
        product_type: str | None = None,
        account: Account | None = None,
    ) -> None:
        """Refuse to close a position from now on, or no longer.

        :param symbol: its symbol.
        :param hold_side: its side, ``long`` or ``short``.
        :param code: the code of the refusal, such as 45009 or 22044; None to allow closing again.
        :param msg: the text, the code's own by default.
        :param product_type: its product type, the exchange's own by default.
        :param account: whose position, the first account's by default.
        """
        _check_sides(hold_side, None)
        key = (_known_product_type(product_type or self.product_type), symbol, hold_side)
        with self._lock:
            self._ledger_of(account).refuse_close(key, code, msg)

    def fill_closes_partly(self, share: str = "0.5", times: int | None = 1, *, account: Account | None = None) -> None:
        """Let the next market close orders fill in part only; what remains of such an order is cancelled.

        :param share: which part fills, from ``0`` on and below ``1``, as text.
        :param times: how many close orders, None for all from now on.
        :param account: whose close orders, the first account's by default.
        """
        part = Decimal(0) if share == "0" else amount_of(share)
        if part >= 1 or (times is not None and times < 0):
            raise ValueError(f"share is {share!r} and times {times!r}; expected is below 1, and 0 or more")
        with self._lock:
            self._ledger_of(account).fill_closes_partly(part, times)

    def maintain(self, symbols: Sequence[str] = ()) -> None:
        """Put symbols under maintenance: cancels and closes there are refused with 41114, reads go on.

        :param symbols: which symbols, all others leave it; none at all by default.
        """
        if isinstance(symbols, str):
            raise ValueError(f"symbols is {symbols!r}; expected is a list of symbols")
        with self._lock:
            self._maintenance = frozenset(symbols)

    # The books

    def books(self) -> list[dict[str, str | int]]:
        """Return the counts of orders by account, product type, symbol and state.

        As soon as any account had a plan order or a position, every row counts live ``plan_orders`` and open
        ``positions`` as well, also those positions that reads do not show yet.
        """
        with self._settled():
            ledgers = [(account, self._ledgers[account.key]) for account in self.accounts]
            wide = any(ledger.scopes() for _, ledger in ledgers)
            return [{"account": account.uid, **row} for account, ledger in ledgers for row in ledger.counts(wide=wide)]

    def _epoch(self) -> float:
        return self._clock.time() + self.rules.clock_offset

    def _now_ms(self) -> int:
        return int(self._epoch() * 1000)

    @contextmanager
    def _settled(self) -> Iterator[None]:
        """Hold the lock after what was due by now has happened."""
        with self._lock:
            for ledger in self._ledgers.values():
                ledger.settle(self._clock.monotonic(), self._now_ms())
            yield

    def _ledger_of(self, account: Account | None) -> Ledger:
        return self._ledgers[(account or self.accounts[0]).key]

    def _check_cap(self, count: int, account: Account | None) -> None:
        """Refuse more open orders than a unified account takes."""
        cap = self.rules.open_order_cap
        if (account or self.accounts[0]).mode == "classic" or not cap:
            return
        present = self._ledger_of(account).orders.open_count()
        if present + count > cap:
            raise ValueError(
                f"a unified account has at most {cap} open futures orders; {present} and {count} more would be "
                f"{present + count} (the rule open_order_cap changes that, 0 is any number)"
            )

    def _find(self, order_id: str) -> tuple[Ledger, Order]:
        for ledger in self._ledgers.values():
            order = ledger.orders.find(order_id)
            if order is not None:
                return ledger, order
        raise ValueError(f"the sandbox has no order {order_id}")

    def _find_open(self, order_id: str) -> tuple[Ledger, Order]:
        ledger, order = self._find(order_id)
        if not order.is_open:
            raise ValueError(f"order {order_id} is {order.status} already")
        return ledger, order

    def _find_plan(self, plan_order_id: str) -> tuple[Ledger, PlanOrder]:
        for ledger in self._ledgers.values():
            plan = ledger.plans.find(plan_order_id)
            if plan is not None:
                return ledger, plan
        raise ValueError(f"the sandbox has no plan order {plan_order_id}")


def _known_product_type(product_type: str) -> str:
    if product_type.upper() not in PRODUCT_TYPES:
        raise ValueError(f"product type is {product_type!r}; known are {', '.join(PRODUCT_TYPES)}")
    return product_type.upper()


def _check_plan_type(plan_type: str) -> None:
    if plan_type not in PLAN_TYPES:
        raise ValueError(f"plan type is {plan_type!r}; known are {', '.join(PLAN_TYPES)}")


def _check_sides(hold_side: str | None, pos_mode: str | None, trade_side: str | None = None) -> None:
    if hold_side not in (None, *HOLD_SIDES):
        raise ValueError(f"hold side is {hold_side!r}; expected is {' or '.join(HOLD_SIDES)}")
    if pos_mode not in (None, *POSITION_MODES):
        raise ValueError(f"position mode is {pos_mode!r}; expected is {' or '.join(POSITION_MODES)}")
    if trade_side not in (None, *TRADE_SIDES):
        raise ValueError(f"trade side is {trade_side!r}; expected is {' or '.join(TRADE_SIDES)}")


def _check_count(count: int, client_oids: bool | Sequence[str]) -> None:
    if count < 0:
        raise ValueError(f"{count} orders cannot be placed")
    if not isinstance(client_oids, bool) and len(client_oids) != count:
        raise ValueError(f"{count} orders cannot have {len(client_oids)} clientOids")


def _client_oid(client_oids: bool | Sequence[str], position: int, number: int) -> str:
    if isinstance(client_oids, bool):
        return f"desk-{number}" if client_oids else ""
    return client_oids[position]
