# SPDX-License-Identifier: Apache-2.0
"""All that one account has on the exchange, and what happens there by itself: fills, triggers, closes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from airflow_provider_bitget.sandbox.amounts import ZERO, text_of_amount
from airflow_provider_bitget.sandbox.books import Book
from airflow_provider_bitget.sandbox.limits import ROUNDING
from airflow_provider_bitget.sandbox.order_ids import OrderIds
from airflow_provider_bitget.sandbox.orders import CANCELED, FILLED, LIVE, OPEN_STATUSES, SIZE, Order, side_of
from airflow_provider_bitget.sandbox.plan_book import PlanBook
from airflow_provider_bitget.sandbox.plan_orders import EXECUTED, FAILED, NORMAL_PLAN, PlanOrder
from airflow_provider_bitget.sandbox.position_book import PositionBook
from airflow_provider_bitget.sandbox.positions import Position
from airflow_provider_bitget.sandbox.rules import Rules


@dataclass(frozen=True)
class PendingClose:
    """A close order on its way to its fill.

    :param order_id: the order.
    :param due: when it fills, seconds of the monotonic clock.
    :param share: which part of it fills, 0 to 1; the rest is cancelled.
    """

    order_id: str
    due: float
    share: Decimal


class Ledger:
    """The orders, plan orders and positions of an account. The exchange holds a lock around it.

    :param ids: where ids of new orders come from.
    :param rules: how the exchange behaves.
    """

    def __init__(self, ids: OrderIds, rules: Rules) -> None:
        self.orders = Book()
        self.plans = PlanBook()
        self._ids = ids
        self._rules = rules
        self._positions = PositionBook()
        self._pending: list[PendingClose] = []
        self._refused_closes: dict[tuple[str, str, str], tuple[str, str | None]] = {}
        self._partial_share = Decimal(1)
        self._partial_left: int | None = 0

    # What happens

    def settle(self, now: float, now_ms: int) -> None:
        """Let the close orders fill whose time has come.

        :param now: seconds of the monotonic clock.
        :param now_ms: milliseconds since 1970-01-01 UTC.
        """
        due = [one for one in self._pending if one.due <= now + ROUNDING]
        if not due:
            return
        self._pending = [one for one in self._pending if one not in due]
        for one in due:
            order = self.orders.find(one.order_id)
            if order is not None and order.is_open:
                self._fill_close(order, one.share, now, now_ms)

    def fill(self, order: Order, now: float, now_ms: int) -> Order:
        """Fill an open order, with what that does to the positions, and return it.

        :param order: an open order of this account.
        :param now: seconds of the monotonic clock.
        :param now_ms: milliseconds since 1970-01-01 UTC.
        """
        filled = self.orders.end(order, FILLED, now, now_ms)
        self.take_fill(order, order.remaining, now, now_ms)
        return filled

    def take_fill(self, order: Order, size: Decimal, now: float, now_ms: int) -> None:
        """Change the positions as the fill of an order does; only the rules let opening orders make positions.

        :param order: the order.
        :param size: how much of it filled, in units of the base coin.
        :param now: seconds of the monotonic clock.
        :param now_ms: milliseconds since 1970-01-01 UTC.
        """
        if order.closing:
            self._positions.reduce(order, size, now, now_ms)
        elif self._rules.fills_make_positions:
            self._positions.grow(
                order.product_type,
                order.symbol,
                order.hold_side,
                order.pos_side,
                size,
                shows_at=now + self._rules.position_lag,
                now_ms=now_ms,
            )

    def trigger(self, plan: PlanOrder, outcome: str, now: float, now_ms: int) -> PlanOrder:
        """Let a plan order trigger, and return it.

        :param plan: a live plan order of this account.
        :param outcome: what becomes of its child order: it ``rests``, ``fills`` at once, or the trigger
            ``fails`` and there is none.
        :param now: seconds of the monotonic clock.
        :param now_ms: milliseconds since 1970-01-01 UTC.
        """
        if outcome == "fails":
            ended = plan.ended(FAILED, now, now_ms)
        else:
            child = self._child_of(plan, outcome, now_ms)
            self.orders.add(child)
            ended = plan.ended(EXECUTED, now, now_ms, child.order_id)
            if outcome == "fills":
                self.fill(child, now, now_ms)
        self.plans.add(ended)
        return ended

    def close(self, position: Position, size: Decimal, now: float, now_ms: int) -> Order:
        """Place a market close order and return it; it fills at once or after the rules' lag.

        :param position: the position.
        :param size: how much of it, in units of the base coin.
        :param now: seconds of the monotonic clock.
        :param now_ms: milliseconds since 1970-01-01 UTC.
        """
        order_id = self._ids.next()
        order = Order(
            order_id=order_id,
            # Recorded: the exchange gives close orders a clientOid, the number after the order's own.
            client_oid=str(int(order_id) + 1),
            symbol=position.symbol,
            product_type=position.product_type,
            side=side_of(position.hold_side, position.pos_side, closing=True),
            status=LIVE,
            created_ms=now_ms,
            updated_ms=now_ms,
            size=text_of_amount(size),
            pos_side=position.pos_side,
            closing=True,
            order_type="market",
        )
        self.orders.add(order)
        self._pending.append(PendingClose(order_id, now + self._rules.close_lag, self._next_share()))
        self.settle(now, now_ms)
        return order

    def new_close_id(self) -> str:
        """Return the id of a close order that is acknowledged and never placed."""
        return self._ids.next()

    # What there is

    def positions(self, now: float | None = None) -> list[Position]:
        """Return the positions with what live orders lock of them, in the order in which they were opened.

        :param now: only what reads show at this moment, seconds of the monotonic clock; None for the truth.
        """
        return [self._with_orders(position) for position in self._positions.positions(now)]

    def scopes(self) -> set[tuple[str, str]]:
        """Return the product types and symbols that ever had a plan order or a position."""
        planned = {(plan.product_type, plan.symbol) for plan in self.plans.all_plans()}
        return planned | set(self._positions.scopes())

    def counts(self, *, wide: bool) -> list[dict[str, str | int]]:
        """Return how many orders each symbol has by state, a row per product type and symbol.

        :param wide: whether to count plan orders and positions as well.
        """
        rows = {(str(row["productType"]), str(row["symbol"])): row for row in self.orders.counts()}
        if not wide:
            return list(rows.values())
        nothing = {"open": 0, "partially_filled": 0, "filled": 0, "cancelled": 0}
        held = [(one.product_type, one.symbol) for one in self._positions.positions()]
        planned = [(one.product_type, one.symbol) for one in self.plans.all_plans() if one.is_open]
        return [
            {
                **rows.get(scope, {"productType": scope[0], "symbol": scope[1], **nothing}),
                "plan_orders": planned.count(scope),
                "positions": held.count(scope),
            }
            for scope in sorted({*rows, *self.scopes()})
        ]

    # What the owner decides

    def open_position(self, position: Position, now: float) -> Position:
        """Open a position or make it larger, and return it; reads show it at once.

        :param position: what to add.
        :param now: seconds of the monotonic clock.
        :raises ValueError: where the symbol has a position in the other position mode.
        """
        if self._positions.mode_conflicts(position.product_type, position.symbol, position.pos_side):
            raise ValueError(f"{position.symbol} has a position in the other position mode")
        self._positions.grow(
            position.product_type,
            position.symbol,
            position.hold_side,
            position.pos_side,
            position.total,
            shows_at=now,
            now_ms=position.created_ms,
            margin_coin=position.margin_coin,
        )
        same = (position.product_type, position.symbol, position.pos_side)
        found = (one for one in self.positions() if (one.product_type, one.symbol, one.pos_side) == same)
        return next(found, replace(position, total=ZERO))

    def refuse_close(self, key: tuple[str, str, str], code: str | None, message: str | None = None) -> None:
        """Refuse to close a position from now on, or no longer.

        :param key: its product type, symbol and hold side.
        :param code: the code of the refusal, None to allow closing again.
        :param message: the text, the code's own by default.
        """
        if code is None:
            self._refused_closes.pop(key, None)
        else:
            self._refused_closes[key] = (code, message)

    def refusal_of(self, position: Position) -> tuple[str, str | None] | None:
        """Return the code and the text by which closing a position is refused, None where it isn't.

        :param position: the position.
        """
        return self._refused_closes.get((position.product_type, position.symbol, position.hold_side))

    def fill_closes_partly(self, share: Decimal, times: int | None) -> None:
        """Let the next close orders fill in part only.

        :param share: which part fills, 0 to 1.
        :param times: how many close orders, None for all.
        """
        self._partial_share, self._partial_left = share, times

    def _next_share(self) -> Decimal:
        if self._partial_left == 0:
            return Decimal(1)
        if self._partial_left is not None:
            self._partial_left -= 1
        return self._partial_share

    def _fill_close(self, order: Order, share: Decimal, now: float, now_ms: int) -> None:
        if share == 1:
            self.fill(order, now, now_ms)
            return
        size = order.remaining * share
        self.orders.end(order, CANCELED, now, now_ms, filled_size=text_of_amount(size))
        self.take_fill(order, size, now, now_ms)

    def _child_of(self, plan: PlanOrder, outcome: str, now_ms: int) -> Order:
        limit = outcome == "rests" and plan.plan_type == NORMAL_PLAN
        return Order(
            order_id=self._ids.next(),
            client_oid="",
            symbol=plan.symbol,
            product_type=plan.product_type,
            side=plan.side,
            status=LIVE,
            created_ms=now_ms,
            updated_ms=now_ms,
            size=plan.size if plan.size != "0" else self._whole_size(plan),
            pos_side=plan.pos_side,
            closing=plan.closing,
            order_type="limit" if limit else "market",
        )

    def _whole_size(self, plan: PlanOrder) -> str:
        """Return the size of the position that a plan order protects as a whole."""
        wanted = (plan.product_type, plan.symbol, plan.hold_side, plan.pos_side)
        for one in self._positions.positions():
            if (one.product_type, one.symbol, one.hold_side, one.pos_side) == wanted:
                return text_of_amount(one.total)
        return SIZE

    def _with_orders(self, position: Position) -> Position:
        """Return a position with what the live orders on its side hold of it."""
        same_side = [
            order
            for order in self.orders.select(position.product_type, position.symbol, OPEN_STATUSES)
            if (order.hold_side, order.pos_side) == (position.hold_side, position.pos_side)
        ]
        locked = _sizes(order for order in same_side if order.closing)
        opening = _sizes(order for order in same_side if not order.closing)
        return replace(position, locked=min(locked, position.total), opening=opening)


def _sizes(orders: Iterable[Order]) -> Decimal:
    return sum((order.remaining for order in orders), ZERO)
