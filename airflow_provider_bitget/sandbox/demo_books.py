# SPDX-License-Identifier: Apache-2.0
"""The books of the demo: what rests on the exchange before, what is there after, and whether a report tells the same.

Everything here is asked of the exchange itself, nothing of the code that is demonstrated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from airflow_provider_bitget.sandbox import Sandbox
from airflow_provider_bitget.sandbox.accounts import AccountMode

COLUMNS = ("orders", "plan_orders", "positions")
PLAN_ORDERS: Mapping[AccountMode, tuple[tuple[str, int], ...]] = {
    "classic": (("normal_plan", 6), ("track_plan", 3)),
    # Strategy orders are triggers and tpsl orders; recorded rows know no trailing ones.
    "unified": (("normal_plan", 6), ("profit_plan", 3)),
}
POSITIONS = (
    ("BTCUSDT", "long", "0.5"),
    ("BTCUSDT", "short", "0.2"),
    ("ETHUSDT", "long", "4"),
    ("SOLUSDT", "short", "30"),
)
SYMBOLS_THAT_FILL = ("BTCUSDT", "ETHUSDT")
RULES: Mapping[str, Any] = {"fills_make_positions": True, "position_lag": 0.5, "close_lag": 0.2}
"""Fills open positions, which show half a second later; close orders need a moment as well."""

# The exchange's pages of orders write "canceled", those of plan orders "cancelled".
_STATES = {"canceled": "cancelled"}


@dataclass(frozen=True)
class Furnished:
    """What the demo has put on the exchange.

    :param order_ids: the open orders.
    :param plan_ids: the plan orders.
    :param fill_ids: those of the orders that will fill while they are being cancelled.
    """

    order_ids: tuple[str, ...]
    plan_ids: tuple[str, ...]
    fill_ids: tuple[str, ...]


@dataclass(frozen=True)
class Books:
    """What is open on the exchange at one moment.

    :param by_symbol: the numbers of orders, plan orders and positions of each symbol.
    :param sizes: size by symbol and side of each position.
    :param value: all positions at mark price.
    """

    by_symbol: Mapping[str, Counter[str]]
    sizes: Mapping[tuple[str, str], Decimal]
    value: Decimal

    @property
    def total(self) -> Counter[str]:
        """The symbols added up."""
        return sum(self.by_symbol.values(), Counter())

    @property
    def are_flat(self) -> bool:
        """Whether nothing is open."""
        return not any(self.total.values())


@dataclass(frozen=True)
class Ends:
    """How what the demo had put on the exchange has ended, by the exchange.

    :param states: how many orders and plan orders are in which state.
    :param filled_ids: the orders that filled.
    :param filled_value: what these are worth at their price.
    :param closed: size by symbol and side that close orders have closed.
    :param requests: how many requests arrived.
    """

    states: Counter[str]
    filled_ids: frozenset[str]
    filled_value: Decimal
    closed: Mapping[tuple[str, str], Decimal]
    requests: int


def furnish(sandbox: Sandbox, orders: int) -> Furnished:
    """Put orders, plan orders of three types and four positions on three symbols there, and let two of the orders fill.

    The plan orders are such as the account's kind knows.

    :param sandbox: an empty exchange.
    :param orders: how many orders, at least one for each symbol.
    """
    for symbol, side, size in POSITIONS:
        sandbox.open_position(symbol, side, size)
    placed = sandbox.place(orders, hold_side="long")
    plans = [
        plan
        for plan_type, count in PLAN_ORDERS[sandbox.accounts[0].mode]
        for plan in sandbox.place_plan(count, plan_type, hold_side="long")
    ]
    plans += [sandbox.place_plan(1, "pos_loss", symbol=symbol, hold_side=side)[0] for symbol, side, _ in POSITIONS]
    filling = [next(row["orderId"] for row in placed if row["symbol"] == symbol) for symbol in SYMBOLS_THAT_FILL]
    sandbox.inject("fill_while_cancelling", order_ids=filling)
    return Furnished(_ids(placed), _ids(plans), tuple(filling))


def read_books(sandbox: Sandbox) -> Books:
    """Ask the exchange what is open.

    :param sandbox: the exchange.
    """
    by_symbol: dict[str, Counter[str]] = {symbol: Counter() for symbol in sorted(sandbox.exchange.symbols)}
    for column, rows in (
        ("orders", sandbox.open_orders()),
        ("plan_orders", sandbox.open_plan_orders()),
        ("positions", sandbox.positions()),
    ):
        for row in rows:
            by_symbol.setdefault(row["symbol"], Counter())[column] += 1
    positions = sandbox.positions()
    return Books(
        by_symbol,
        sizes={(row["symbol"], row["holdSide"]): Decimal(row["total"]) for row in positions},
        value=sum((Decimal(row["total"]) * Decimal(row["markPrice"]) for row in positions), Decimal(0)),
    )


def read_ends(sandbox: Sandbox, furnished: Furnished) -> Ends:
    """Ask the exchange what became of everything.

    :param sandbox: the exchange.
    :param furnished: what had been put there.
    """
    orders = [sandbox.order(order_id) for order_id in furnished.order_ids]
    filled = [order for order in orders if order["status"] == "filled"]
    plans = [sandbox.plan_order(plan_id)["planStatus"] for plan_id in furnished.plan_ids]
    closed: dict[tuple[str, str], Decimal] = {}
    for order in sandbox.exchange.orders(("filled",)):
        if order.closing:
            key = order.symbol, order.hold_side
            closed[key] = closed.get(key, Decimal(0)) + Decimal(order.filled_size)
    return Ends(
        states=Counter(_STATES.get(state, state) for state in (*(order["status"] for order in orders), *plans)),
        filled_ids=frozenset(order["orderId"] for order in filled),
        filled_value=sum((Decimal(order["size"]) * Decimal(order["price"]) for order in filled), Decimal(0)),
        closed=closed,
        requests=len(sandbox.requests),
    )


def books_table(before: Books, after: Books) -> Iterator[str]:
    """Yield the lines of the table that shows both books side by side."""
    heading = "".join(f"{name.replace('_', ' '):>13}" for name in COLUMNS)
    yield f"{'':<10}{'before':^39}   {'after':^39}".rstrip()
    yield f"{'symbol':<10}{heading}   {heading}"
    rows = [(symbol, before.by_symbol[symbol], after.by_symbol[symbol]) for symbol in before.by_symbol]
    for name, left, right in [*rows, ("all", before.total, after.total)]:
        cells = ["".join(f"{side[column]:>13}" for column in COLUMNS) for side in (left, right)]
        yield f"{name:<10}{cells[0]}   {cells[1]}"


def disagreements(report: Mapping[str, Any], before: Books, after: Books, ends: Ends) -> Iterator[str]:
    """Yield a sentence for everything in the report that is not as the exchange has it.

    :param report: the report of the flattening.
    :param before: the exchange's books before.
    :param after: the exchange's books after.
    :param ends: how everything ended on the exchange.
    """
    was, now = _numbers(before), _numbers(after)
    pairs = {
        "flat": (report["flat"], after.are_flat),
        **{f"before, {name}": (report["before"][name], was[name]) for name in COLUMNS},
        **{f"after, {name}": (report["after"][name], now[name]) for name in COLUMNS},
        "after, position value": (Decimal(report["after"]["position_value"]), after.value),
        **{f"left, {name}": (report["left"]["counts"][name], now[name]) for name in COLUMNS},
        "left, rows": (len(report["left"]["rows"]), sum(now.values())),
        "cancelled": (report["counts"]["cancelled"], ends.states["cancelled"]),
        "already closed": (report["counts"]["already_closed"], ends.states["filled"] + ends.states["executed"]),
        "positions closed": (report["counts"]["positions_closed"], len(ends.closed)),
        "fills": (sorted(row["orderId"] for row in report["fills"]), sorted(ends.filled_ids)),
        "closed": (sorted(_sizes_closed(report)), sorted(ends.closed)),
        "requests": (report["requests"], ends.requests),
    }
    for name, (reported, truth) in pairs.items():
        if reported != truth:
            yield f"{name}: the report says {reported}, the exchange {truth}"
    yield from _out_of_bounds(report, before, ends)


def _out_of_bounds(report: Mapping[str, Any], before: Books, ends: Ends) -> Iterator[str]:
    """Yield a sentence for every value or size that the positions never had.

    What fills while orders are being cancelled makes positions larger: before they are first read, or after.
    """
    nothing = Decimal(0)
    bounds = {
        "before, position value": (
            Decimal(report["before"]["position_value"]),
            before.value,
            before.value + ends.filled_value,
        ),
        **{
            f"closed, {' '.join(name)}": (size, before.sizes.get(name, nothing), ends.closed.get(name, nothing))
            for name, size in _sizes_closed(report).items()
        },
    }
    for name, (reported, least, most) in bounds.items():
        if not least <= reported <= most:
            yield f"{name}: the report says {reported}, the exchange {least} to {most}"


def _numbers(books: Books) -> dict[str, int]:
    return {name: books.total[name] for name in COLUMNS}


def _sizes_closed(report: Mapping[str, Any]) -> dict[tuple[str, str], Decimal]:
    return {
        (row["symbol"], row["holdSide"]): Decimal(row["size"])
        for row in report["positions"]
        if row["outcome"] == "closed"
    }


def _ids(rows: list[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(row["orderId"] for row in rows)
