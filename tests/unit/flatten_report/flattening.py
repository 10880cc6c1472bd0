# SPDX-License-Identifier: Apache-2.0
"""Phases of a flattened account: written down by hand, and as real runs over a market leave them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from airflow_provider_bitget.api.rows import OPENING_PLAN_TYPES, PLAN_TYPES, PROTECTIVE_PLAN_TYPES
from airflow_provider_bitget.flatten_report.phases import TASKS, Phase
from airflow_provider_bitget.flatten_report.report import build_flatten_report
from airflow_provider_bitget.trading.cancel_all import CancelAll
from airflow_provider_bitget.trading.close_positions import ClosePositions
from airflow_provider_bitget.trading.flat import ProveFlat
from airflow_provider_bitget.trading.scope import Scope
from tests.unit.trading.market import USDT_FUTURES, Market, OneAtATime

Report = dict[str, Any]

BEGAN: Final = datetime(2026, 11, 23, 23, 55, 0, tzinfo=UTC)
ENDED: Final = BEGAN + timedelta(seconds=43)


def at(seconds: float) -> str:
    """Return a moment of the run as a snapshot writes it."""
    return (BEGAN + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def cancel(seconds: float = 0, *, orders: int = 0, plan_orders: int = 0, **changes: Any) -> Report:
    """Return the report of a cancel whose first read found these, and whose last found nothing."""
    counts = {"requested": 0, "cancelled": 0, "already_closed": 0, "failed": 0, "unresolved": 0}
    return {
        "product_type": USDT_FUTURES,
        "symbol": "",
        "counts": counts | changes.pop("counts", {}),
        "cancelled": [],
        "already_closed": [],
        "failed": [],
        "unresolved": [],
        "kept": [],
        "truncated": False,
        "verified": True,
        "simulated": False,
        "range": {"from": "2024-11-23T23:55:00Z", "to": at(seconds), "any_age": True},
        "requests": 10,
        "retries": 1,
        "duration_ms": 2000,
        "books": [
            {"time": at(seconds), "orders": orders, "plan_orders": plan_orders},
            {"time": at(seconds + 2), "orders": 0, "plan_orders": 0},
        ],
        **changes,
    }


def close(seconds: float = 3, *, positions: int = 0, value: str = "0", **changes: Any) -> Report:
    """Return the report of a close whose first read found these, and whose last found nothing."""
    counts = {"requested": 0, "closed": 0, "failed": 0, "unresolved": 0}
    return {
        "product_type": USDT_FUTURES,
        "symbol": "",
        "hold_side": "",
        "counts": counts | changes.pop("counts", {}),
        "closed": [],
        "failed": [],
        "unresolved": [],
        "cancelled_stops": [],
        "truncated": False,
        "verified": True,
        "simulated": False,
        "requests": 5,
        "retries": 0,
        "duration_ms": 1000,
        "books": [
            {"time": at(seconds), "positions": positions, "position_value": value},
            {"time": at(seconds + 1), "positions": 0, "position_value": "0"},
        ],
        **changes,
    }


def prove(
    seconds: float = 10,
    *,
    orders: Sequence[Report] = (),
    plan_orders: Sequence[Report] = (),
    positions: Sequence[Report] = (),
    **changes: Any,
) -> Report:
    """Return the report of a proof whose reads found these."""
    counts = {"orders": len(orders), "plan_orders": len(plan_orders), "positions": len(positions)}
    seen = counts | {"position_value": "0"}
    return {
        "product_type": USDT_FUTURES,
        "symbol": "",
        "flat": not any(counts.values()),
        "reads": 2,
        "settle": 30.0,
        "counts": counts,
        "open_orders": list(orders),
        "open_plan_orders": list(plan_orders),
        "open_positions": list(positions),
        "truncated": False,
        "verified": True,
        "range": {"from": "2024-11-23T23:55:00Z", "to": at(seconds + 30), "any_age": False},
        "requests": 12,
        "retries": 0,
        "duration_ms": 31000,
        "books": [{"time": at(seconds), **seen}, {"time": at(seconds + 30), **seen}],
        **changes,
    }


def order(order_id: str, symbol: str = "BTCUSDT", **fields: str) -> Report:
    return {"orderId": order_id, "clientOid": "", "symbol": symbol, **fields}


def position(symbol: str, hold_side: str, size: str = "1", value: str = "100", **fields: str) -> Report:
    return {"symbol": symbol, "holdSide": hold_side, "size": size, "marginCoin": "USDT", "value": value, **fields}


def phases(product_type: str = USDT_FUTURES, **reports: Any) -> list[Phase]:
    """Return the five phases of a run that found nothing, with some of the reports replaced; ``None`` is missing."""
    quiet = {"cancel": cancel(0), "close": close(3), "cancel_stops": cancel(5), "sweep": cancel(7), "prove": prove(10)}
    return [Phase(task, product_type, {**quiet, **reports}[task]) for task in TASKS]


def build(*found: Sequence[Any], product_types: Any = (USDT_FUTURES,), **options: Any) -> Report:
    """Return the report of these phases."""
    options = {"account": "desk_a", "simulated": False, "ended": ENDED, **options}
    return build_flatten_report(product_types=product_types, phases=[one for some in found for one in some], **options)


@dataclass
class Desk:
    """Runs the phases over a market in the order of the task group.

    :param market: the market.
    :param simulate: send nothing that changes anything.
    """

    market: Market
    simulate: bool = False

    def flatten(self, *, before: Mapping[str, Callable[[], None]] | None = None) -> list[Phase]:
        """Run all phases; ``before`` says what else happens before one of them."""
        made: list[Phase] = []
        for task, run in self._runs().items():
            (before or {}).get(task, _nothing)()
            made.append(Phase(task, USDT_FUTURES, run()))
        return made

    def _runs(self) -> dict[str, Callable[[], Report]]:
        stops = {"keep_stops_of_open_positions": True}
        return {
            "cancel": lambda: self._cancel(OPENING_PLAN_TYPES),
            "close": self._close,
            "cancel_stops": lambda: self._cancel(PROTECTIVE_PLAN_TYPES, orders=False, **stops),
            "sweep": lambda: self._cancel(PLAN_TYPES, **stops),
            "prove": self._prove,
        }

    def _cancel(self, plan_types: Sequence[str], **options: Any) -> Report:
        options |= {"plan_types": plan_types, "deadline": 30.0, "simulate": self.simulate}
        return CancelAll(self.market.dialect, Scope(USDT_FUTURES), workers=self._workers(), **options).run().to_dict()

    def _close(self) -> Report:
        run = ClosePositions(
            self.market.dialect,
            Scope(USDT_FUTURES),
            deadline=30.0,
            simulate=self.simulate,
            cancel_locking_stops=True,
            workers=self._workers(),
        )
        return run.run().to_dict()

    def _prove(self) -> Report:
        run = ProveFlat(self.market.dialect, Scope(USDT_FUTURES), settle=2.0, deadline=20.0, workers=self._workers())
        return run.run().to_dict()

    def _workers(self) -> OneAtATime:
        return OneAtATime().on(self.market.clock)


def _nothing() -> None:
    pass
