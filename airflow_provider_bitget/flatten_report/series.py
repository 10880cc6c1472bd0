# SPDX-License-Identifier: Apache-2.0
"""The books over the time of a run: what every complete read of every phase found, added up over the product types.

A phase reads what it needs, so that a snapshot seldom tells everything. What it does not tell is as the read before it
found it, and before the first read as that one found it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from airflow_provider_bitget.flatten_report.plain import (
    decimal_of,
    iso_of,
    mapping_of,
    moment_of,
    rows_of,
    text_of,
    whole_of,
)

QUANTITIES: Final = ("orders", "plan_orders", "positions", "position_value")
MOST_POINTS: Final = 300


@dataclass(slots=True)
class Numbers:
    """Numbers of one product type; ``None`` is what no read has told.

    :param opening: plan orders that open a position.
    :param protective: plan orders that protect one.
    :param value: of all positions at mark price, in quote coins.
    """

    orders: int | None = None
    opening: int | None = None
    protective: int | None = None
    positions: int | None = None
    value: Decimal | None = None

    def take(self, newer: Numbers) -> None:
        """Let what newer numbers tell replace what is known."""
        for one in fields(self):
            value = getattr(newer, one.name)
            if value is not None:
                setattr(self, one.name, value)

    @property
    def plan_orders(self) -> int | None:
        """All plan orders."""
        number: int | None = total([self.opening, self.protective])
        return number

    def plain(self) -> dict[str, int | str | None]:
        """Return the quantities of a report as plain JSON types."""
        value = None if self.value is None else text_of(self.value)
        return dict(zip(QUANTITIES, (self.orders, self.plan_orders, self.positions, value), strict=True))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one read found."""

    product_type: str
    time: datetime
    numbers: Numbers


def snapshots_of(product_type: str, report: Any) -> list[Snapshot]:
    """Return the snapshots of a phase's report by time; one without a time cannot be placed and is left out."""
    rows = [(moment_of(row.get("time")), row) for row in rows_of(mapping_of(report).get("books"))]
    return by_time([Snapshot(product_type, time, _numbers(row)) for time, row in rows if time is not None])


def by_time(snapshots: Iterable[Snapshot]) -> list[Snapshot]:
    """Return the snapshots by time; those of one second stay as they are."""
    return sorted(snapshots, key=lambda snapshot: snapshot.time)


def known_of(snapshots: Iterable[Snapshot]) -> Numbers:
    """Return what the last of the snapshots tell that tell it."""
    known = Numbers()
    for snapshot in snapshots:
        known.take(snapshot.numbers)
    return known


def series_of(snapshots: Iterable[Snapshot]) -> list[dict[str, Any]]:
    """Return at most 300 points: ``time``, ``orders`` (plan orders included) and ``position_value``.

    ``None`` is a quantity that no read of one of the product types has told.
    """
    ordered = by_time(snapshots)
    known: dict[str, Numbers] = {}
    for snapshot in reversed(ordered):
        known.setdefault(snapshot.product_type, Numbers()).take(snapshot.numbers)
    points = []
    for snapshot in ordered:
        known[snapshot.product_type].take(snapshot.numbers)
        value = total([one.value for one in known.values()])
        points.append(
            {
                "time": iso_of(snapshot.time),
                "orders": total([number for one in known.values() for number in (one.orders, one.plan_orders)]),
                "position_value": None if value is None else text_of(value),
            }
        )
    return thinned(points)


def total(values: Sequence[Any]) -> Any:
    """Add up numbers; if one of them is not known, neither is the sum."""
    return sum(values[1:], start=values[0]) if values and None not in values else None


def thinned(points: Sequence[dict[str, Any]], most: int = MOST_POINTS) -> list[dict[str, Any]]:
    """Return at most so many points, evenly spread, the first and the last among them."""
    if len(points) <= most:
        return list(points)
    step = (len(points) - 1) / (most - 1)
    return [points[round(index * step)] for index in range(most)]


def _numbers(row: Mapping[str, Any]) -> Numbers:
    opening, protective = whole_of(row.get("opening_plan_orders")), whole_of(row.get("protective_plan_orders"))
    if opening is None and protective is None and (together := whole_of(row.get("plan_orders"))) is not None:
        opening, protective = together, 0
    return Numbers(
        orders=whole_of(row.get("orders")),
        opening=opening,
        protective=protective,
        positions=whole_of(row.get("positions")),
        value=decimal_of(row.get("position_value")),
    )
