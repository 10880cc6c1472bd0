# SPDX-License-Identifier: Apache-2.0
"""Everything that goes wrong in the second table, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from airflow_provider_bitget.sandbox.control import SandboxControl
from tests.benchmarks.exchange_process import Setting

PLAIN: Final = Setting(500, 20)
"""The exchange without a fault."""

CLIENT_TIMEOUT: Final = 10.0
"""Seconds that every client waits for an answer at its defaults: ours 10, ccxt 10,000 ms."""

MOST_LONGER: Final = 3.0
MOST_LONGER_WITH_LOOK_UP: Final = 5.0

_CANCELS: Final = "batch-cancel-orders"


@dataclass(frozen=True, slots=True)
class Injection:
    """A fault as the sandbox knows it.

    :param kind: its name there.
    :param options: its options there.
    :param first_orders: strike only so many orders, the first of the list; 0 leaves that to ``options``.
    """

    kind: str
    options: Mapping[str, Any]
    first_orders: int = 0

    def inject(self, control: SandboxControl, order_ids: list[str]) -> None:
        """Let it happen.

        :param control: the exchange.
        :param order_ids: its orders.
        """
        chosen = {"order_ids": order_ids[: self.first_orders]} if self.first_orders else {}
        control.inject(self.kind, **self.options, **chosen)


@dataclass(frozen=True, slots=True)
class FaultCase:
    """Something that goes wrong while 500 orders are cancelled.

    :param name: what the table calls it.
    :param injections: the faults.
    :param setting: the exchange.
    :param own_seconds: how long the fault itself keeps a client waiting.
    :param looked_up: whether a whole batch has to be looked up afterwards, which may take longer.
    :param stays_open: orders that the exchange refuses to cancel for good.
    :param rules: how the exchange differs.
    :param filled_before: orders that were filled before the call.
    """

    name: str
    injections: tuple[Injection, ...] = ()
    setting: Setting = PLAIN
    own_seconds: float = 0.0
    looked_up: bool = False
    stays_open: int = 0
    rules: Mapping[str, Any] = field(default_factory=dict)
    filled_before: int = 0

    @property
    def most_longer(self) -> float:
        """Seconds that it may take longer than without the fault."""
        return MOST_LONGER_WITH_LOOK_UP if self.looked_up else MOST_LONGER

    def prepare(self, control: SandboxControl, order_ids: list[str]) -> None:
        """Make the exchange what it shall be.

        :param control: the exchange.
        :param order_ids: its orders; a reset gives the new ones the same ids.
        """
        if self.rules:
            control.reset(**self.rules)
        for order_id in order_ids[: self.filled_before]:
            control.fill(order_id)
        for injection in self.injections:
            injection.inject(control, order_ids)


def _one_batch(kind: str, **options: Any) -> tuple[Injection, ...]:
    """Strike the fourth batch that arrives."""
    return (Injection(kind, {"endpoint": _CANCELS, "after": 3, "times": 1, **options}),)


def _refused_once(code: str | None) -> tuple[Injection, ...]:
    """Refuse three orders of the fourth batch, once."""
    return _one_batch("refuse_orders", code=code, count=3)


def _refused_for_good(code: str) -> tuple[Injection, ...]:
    """Refuse the list's first three orders as often as they are sent."""
    return (Injection("refuse_orders", {"endpoint": _CANCELS, "code": code}, first_orders=3),)


CASES: Final = (
    FaultCase("429 for 2 s", (Injection("rate_limit", {"endpoint": _CANCELS, "duration": 2.0}),), own_seconds=2.0),
    FaultCase("one 429", _one_batch("rate_limit")),
    FaultCase("reset before processing", _one_batch("reset_before")),
    FaultCase("reset after processing", _one_batch("reset_after"), looked_up=True),
    FaultCase("502 with HTML, not processed", _one_batch("bad_gateway")),
    FaultCase("502 with HTML, processed", _one_batch("bad_gateway", processed=True), looked_up=True),
    FaultCase("200 with HTML, not processed", _one_batch("html")),
    FaultCase("200 with HTML, processed", _one_batch("html", processed=True), looked_up=True),
    FaultCase("truncated body", _one_batch("truncate"), looked_up=True),
    FaultCase("truncated body, connection closed", _one_batch("truncate", clean=False), looked_up=True),
    FaultCase("hang of 5 s, then a reset, not processed", _one_batch("hang", seconds=5.0), own_seconds=5.0),
    FaultCase("hang of 30 s, not processed", _one_batch("hang", seconds=30.0), own_seconds=CLIENT_TIMEOUT),
    FaultCase(
        "hang of 30 s, processed",
        _one_batch("hang", seconds=30.0, processed=True),
        own_seconds=CLIENT_TIMEOUT,
        looked_up=True,
    ),
    FaultCase("slow drip over 5 s", _one_batch("slow_drip", seconds=5.0), own_seconds=5.0),
    FaultCase("batch refused once: 40015, system abnormal", _one_batch("refuse", code="40015")),
    FaultCase("batch refused once: 40020, parameter wrong", _one_batch("refuse", code="40020")),
    FaultCase(
        "batch refused over one order: 43001, filled before",
        rules={"unknown_id": "refuse_ended"},
        filled_before=1,
    ),
    FaultCase("partial failure, once: 40015, transient", _refused_once("40015")),
    FaultCase("partial failure, once: 40910, ambiguous", _refused_once("40910")),
    FaultCase("partial failure, once: 43001, 'does not exist'", _refused_once("43001")),
    FaultCase("partial failure, once: a code in no table", _refused_once("99999")),
    FaultCase("partial failure, once: no code", _refused_once(None)),
    FaultCase("partial failure, for good: 40402, bad request", _refused_for_good("40402"), stays_open=3),
    FaultCase("partial failure, for good: 45009, account risk", _refused_for_good("45009"), stays_open=3),
    FaultCase("partial failure, for good: 40308, maintenance", _refused_for_good("40308"), stays_open=3),
    FaultCase("partial failure, for good: a code in no table", _refused_for_good("99999"), stays_open=3),
    FaultCase("ids dropped from the answer, processed", _one_batch("drop_ids", count=3)),
    FaultCase("ids dropped from the answer, not processed", _one_batch("drop_ids", count=3, processed=False)),
    FaultCase("00000 with empty lists, processed", _one_batch("empty_lists"), looked_up=True),
    FaultCase("00000 with empty lists, not processed", _one_batch("empty_lists", processed=False)),
    FaultCase("ids never sent among the successes", _one_batch("foreign_ids")),
    FaultCase("ids never sent among the failures", _one_batch("foreign_ids", where="failure")),
    FaultCase("ids never sent instead of the answer", _one_batch("foreign_ids", replace=True), looked_up=True),
    FaultCase("duplicate answers: twice a success", _one_batch("duplicate_ids")),
    FaultCase("duplicate answers: success and failure", _one_batch("duplicate_ids", where="both"), looked_up=True),
    FaultCase("success said, yet still open", _one_batch("ack_only", count=3)),
    FaultCase("an order fills while we cancel", _one_batch("fill_while_cancelling", count=3)),
    FaultCase("exchange's clock a minute ahead", (Injection("clock", {"offset": 60.0}),)),
    FaultCase("exchange's clock a minute behind", (Injection("clock", {"offset": -60.0}),)),
    FaultCase("error texts in Chinese", (Injection("chinese", {}), *_refused_once("40015"))),
    FaultCase(
        "open orders lag 2 s behind",
        (Injection("lagging_book", {"seconds": 2.0}),),
        own_seconds=2.0,
        looked_up=True,
    ),
    FaultCase(
        "history lags 2 s behind, and a reset after processing",
        (Injection("late_history", {"seconds": 2.0}), *_one_batch("reset_after")),
        own_seconds=2.0,
        looked_up=True,
    ),
    FaultCase("limiter: fixed second", setting=Setting(PLAIN.orders, PLAIN.latency_ms, limiter="fixed")),
    FaultCase("limiter: bucket", setting=Setting(PLAIN.orders, PLAIN.latency_ms, limiter="bucket")),
    FaultCase("30 ms of jitter", setting=Setting(PLAIN.orders, PLAIN.latency_ms, jitter_ms=30)),
    FaultCase(
        "two extra round trips per new connection",
        setting=Setting(PLAIN.orders, PLAIN.latency_ms, connection_round_trips=2),
    ),
)

QUICK: Final = frozenset({"429 for 2 s", "reset after processing", "partial failure, once: no code"})
"""The names of the few that a quick run tries."""
