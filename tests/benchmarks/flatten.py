# SPDX-License-Identifier: Apache-2.0
"""The end of the day, phase by phase, without Airflow: how far is it from what the limits and the line allow?"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from airflow_provider_bitget.api.classic import ClassicDialect
from airflow_provider_bitget.api.client import Answer, BitgetClient
from airflow_provider_bitget.api.credentials import Credentials
from airflow_provider_bitget.api.pace import WINDOW_SECONDS
from airflow_provider_bitget.api.rows import OPENING_PLAN_TYPES, PLAN_TYPES, PROTECTIVE_PLAN_TYPES
from airflow_provider_bitget.sandbox.control import SandboxControl
from airflow_provider_bitget.trading.cancel_all import CancelAll
from airflow_provider_bitget.trading.close_positions import ClosePositions
from airflow_provider_bitget.trading.flat import ProveFlat
from airflow_provider_bitget.trading.scope import parse_scope
from tests.benchmarks.exchange_process import Setting, running_exchange
from tests.benchmarks.tables import Column, number, render_table

PRODUCT_TYPE: Final = "USDT-FUTURES"
SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
SETTING: Final = Setting(400, 100, symbols=",".join(SYMBOLS))
PLAN_ORDERS: Final = 60
#: Three symbols hold six positions in hedge mode; the other four are of symbols without orders.
POSITIONS: Final = tuple((symbol, side) for symbol in (*SYMBOLS, "XRPUSDT", "ADAUSDT") for side in ("long", "short"))
MOST_FLOORS: Final = 1.3

LIMITS: Final[Mapping[str, int]] = {"cancel-all-orders": 1, "close-positions": 1, "all-position": 5}
"""Requests per second where it is not the ten of the others."""

_COLUMNS: Final = (
    Column("phase"),
    Column("calls per endpoint"),
    Column("steps", is_number=True),
    Column("floor s", is_number=True),
    Column("wall s", is_number=True),
    Column("× floor", is_number=True),  # noqa: RUF001  # the sign for "times"
)


class Run(Protocol):
    """One phase, ready to run."""

    def run(self) -> Any:
        """Do it, and return its report."""


@dataclass(frozen=True, slots=True)
class Phase:
    """What one phase cost.

    :param name: its task in the group.
    :param calls: requests by the last part of their path.
    :param steps: calls of which each began after the one before had ended.
    :param wall: seconds.
    """

    name: str
    calls: Mapping[str, int]
    steps: int
    wall: float

    @property
    def floor(self) -> float:
        """The least time: the slowest endpoint's queue, and a round trip for each step."""
        waiting = max(((count - limit_of(path)) / limit_of(path) for path, count in self.calls.items()), default=0.0)
        return max(0.0, waiting) + self.steps * SETTING.latency_ms / 1000


@dataclass(frozen=True, slots=True)
class FlattenFinding:
    """The whole run.

    :param phases: one after the other.
    :param left: what the exchange's books still hold: orders, plan orders, positions.
    :param is_called_flat: what the proof says.
    :param refused_429: requests that were refused for being too many.
    """

    phases: tuple[Phase, ...]
    left: int
    is_called_flat: bool
    refused_429: int

    @property
    def floor(self) -> float:
        """The sum of the phases' floors."""
        return sum(phase.floor for phase in self.phases)

    @property
    def wall(self) -> float:
        """The sum of the phases' times."""
        return sum(phase.wall for phase in self.phases)

    @property
    def is_met(self) -> bool:
        """Whether the bar is met."""
        swift = self.wall <= MOST_FLOORS * self.floor
        return swift and self.left == 0 and self.is_called_flat and self.refused_429 == 0


def measure_flatten() -> FlattenFinding:
    """Flatten an account of 400 orders, 60 plan orders and 10 positions."""
    with running_exchange(SETTING) as exchange:
        control = exchange.control
        for number_, plan_type in enumerate(PLAN_TYPES):
            count = PLAN_ORDERS // len(PLAN_TYPES) + (number_ < PLAN_ORDERS % len(PLAN_TYPES))
            control.place_plan(count, plan_type=plan_type)
        for symbol, side in POSITIONS:
            control.open_position(symbol=symbol, hold_side=side)
        phases, proof = _flatten(control, exchange.connection)
        left = len(control.orders()) + len(control.open_plan_orders()) + len(control.positions())
        refused = sum(counts["refused_429"] for counts in control.requests().values())
    return FlattenFinding(tuple(phases), left, bool(proof.to_dict()["flat"]), refused)


def flatten_table(finding: FlattenFinding) -> str:
    """Return the table.

    :param finding: a row for each phase, and one for their sum.
    """
    rows = [_row(phase.name, _in_words(phase.calls), phase.steps, phase.floor, phase.wall) for phase in finding.phases]
    return render_table(_COLUMNS, [*rows, _row("all", "", None, finding.floor, finding.wall)])


def limit_of(path: str) -> int:
    """Return an endpoint's limit, requests per second."""
    return LIMITS.get(path, 10)


def dependent_steps(calls: Sequence[tuple[float, float]]) -> int:
    """Return the length of the longest chain of calls of which each began after the one before had ended.

    :param calls: beginning and end of each.
    """
    steps: list[tuple[float, int]] = []
    for began, ended in sorted(calls):
        steps.append((ended, 1 + max((depth for before, depth in steps if before <= began), default=0)))
    return max((depth for _, depth in steps), default=0)


class _ObservedClient(BitgetClient):
    """Notes when each call began and ended."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.calls: list[tuple[float, float]] = []

    def call(self, *arguments: Any, **options: Any) -> Answer:
        """Call, and note it."""
        began = time.monotonic()
        try:
            return super().call(*arguments, **options)
        finally:
            self.calls.append((began, time.monotonic()))


def _flatten(control: SandboxControl, connection: Mapping[str, Any]) -> tuple[list[Phase], Any]:
    credentials = Credentials(connection["login"], connection["password"], connection["extra"]["passphrase"])
    client = _ObservedClient(credentials, base_url=connection["host"])
    dialect = ClassicDialect(client)
    scope = parse_scope(product_type=PRODUCT_TYPE, all_symbols=True)
    runs: dict[str, Callable[[], Run]] = {
        "cancel": lambda: CancelAll(dialect, scope, plan_types=OPENING_PLAN_TYPES, settle=0.0),
        "close": lambda: ClosePositions(dialect, scope, settle=0.0),
        "cancel_stops": lambda: CancelAll(
            dialect,
            scope,
            orders=False,
            plan_types=PROTECTIVE_PLAN_TYPES,
            keep_stops_of_open_positions=True,
            settle=0.0,
        ),
        "sweep": lambda: CancelAll(dialect, scope, keep_stops_of_open_positions=True, settle=0.0),
        "prove": lambda: ProveFlat(dialect, scope, settle=0.0),
    }
    phases: list[Phase] = []
    seen = 0
    report: Any = None
    for name, prepare in runs.items():
        # Each phase is a task of its own, and tasks start seconds apart: the phase before uses up nobody's limit.
        time.sleep(WINDOW_SECONDS)
        client.calls.clear()
        began = time.monotonic()
        report = prepare().run()
        wall = time.monotonic() - began
        log = control.log()[seen:]
        seen += len(log)
        calls = Counter(str(record["path"]).rsplit("/", 1)[-1] for record in log)
        phases.append(Phase(name, calls, dependent_steps(client.calls), wall))
    return phases, report


def _in_words(calls: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {path}" for path, count in sorted(calls.items()))


def _row(name: str, calls: str, steps: int | None, floor: float, wall: float) -> list[str]:
    ratio = wall / floor if floor else None
    return [name, calls, "" if steps is None else str(steps), number(floor, 2), number(wall, 2), number(ratio, 2)]
