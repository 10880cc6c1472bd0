# SPDX-License-Identifier: Apache-2.0
"""Proving an account flat while reads fail at random, and orders and positions come and go.

It is never said to be flat when the books at its last read were not; and it is said so once the faults have stopped
and everything is gone. ``HYPOTHESIS_PROFILE=thorough`` runs twenty times as many examples.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from airflow_provider_bitget.api.exceptions import BitgetNotSentError
from airflow_provider_bitget.api.rows import PLAN_TYPES
from airflow_provider_bitget.sandbox.accounts import AccountMode
from airflow_provider_bitget.sandbox.orders import LIVE, PARTIALLY_FILLED
from airflow_provider_bitget.trading.flat import FlatReport, ProveFlat
from airflow_provider_bitget.trading.in_flight import GRACE_SECONDS
from airflow_provider_bitget.trading.scope import parse_scope
from tests.kinds import KINDS
from tests.unit.trading.market import USDT_FUTURES, Interrupt, Market, OneAtATime
from tests.unit.trading.sweeping import later
from tests.unit.trading.test_random_faults import whole

EXAMPLES = 250 * (20 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 1)

DEADLINE = 150.0
FOREVER = float("inf")


@dataclass(frozen=True)
class Stay:
    """Something that is open from one moment to another, in seconds since the market opened.

    :param kind: ``order``, ``part`` (of an order), ``old`` (order), ``position`` or a plan type.
    """

    kind: str
    begins: float
    lasts: float

    @property
    def ends(self) -> float:
        return FOREVER if self.kind == "position" else self.begins + self.lasts


stays = st.lists(
    st.builds(
        Stay,
        kind=st.sampled_from(["order", "part", "old", "position", *PLAN_TYPES]),
        begins=st.floats(0.0, 40.0),
        lasts=st.sampled_from([0.5, 3.0, 30.0, FOREVER]),
    ),
    max_size=4,
)


@given(
    kind=st.sampled_from(KINDS),
    stays=stays,
    kinds=st.lists(st.one_of(*whole), min_size=1, max_size=5),
    probability=st.sampled_from([0.0, 0.05, 0.3, 0.9]),
    lasts=st.sampled_from([None, 5.0, 20.0]),
    settle=st.sampled_from([0.0, 3.0, 10.0]),
    symbol=st.sampled_from([None, "BTCUSDT"]),
    round_trip=st.sampled_from([0.001, 0.1]),
    interrupt_after=st.sampled_from([None, None, None, 3, 20]),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_flat_is_never_said_of_books_that_were_not(
    kind: AccountMode,
    stays: list[Stay],
    kinds: list[tuple[str, dict[str, Any]]],
    probability: float,
    lasts: float | None,
    settle: float,
    symbol: str | None,
    round_trip: float,
    interrupt_after: int | None,
    seed: int,
) -> None:
    market = Market(kind=kind, round_trip=round_trip, seed=seed)
    for stay in stays:
        appoint(market, stay)
    market.place(2, "ETHUSDT", product_type="USDC-FUTURES")
    market.exchange.inject_random(probability, kinds, seed=seed, duration=lasts)
    workers = OneAtATime(random.Random(seed)).on(market.clock)  # noqa: S311  # the same in every run
    workers.interrupt_after = interrupt_after
    scope = parse_scope(product_type=USDT_FUTURES, symbol=symbol, all_symbols=symbol is None, lookback_days=365)
    run = ProveFlat(market.dialect, scope, settle=settle, deadline=DEADLINE, workers=workers)
    try:
        report = run.run()
    except Interrupt:
        report = run.report()

    event(f"flat: {report.flat}, error: {type(report.error).__name__}")
    assert {request.method for request in market.wire.sent} <= {"GET"}
    assert all(request.moment <= DEADLINE for request in market.wire.sent)
    assert market.clock.monotonic() <= DEADLINE + GRACE_SECONDS + 0.5
    assert_flat_is_true(market, report, stays)
    if interrupt_after is None and (lasts is not None or probability == 0.0):
        assert_flat_was_proven_in_the_end(report, stays)


def appoint(market: Market, stay: Stay) -> None:
    """Let something be opened, and closed by somebody else."""

    def begin() -> None:
        if stay.kind == "position":
            market.exchange.open_position("BTCUSDT", "long", "1")
        elif stay.kind in PLAN_TYPES:
            (plan,) = market.exchange.place_plan(1, stay.kind, "BTCUSDT")
            # Its trigger places nothing, so that it simply is gone.
            if stay.lasts < FOREVER:
                later(market, stay.ends, lambda: market.exchange.trigger(plan.order_id, "fails"))
        else:
            age = 200 * 86_400_000 if stay.kind == "old" else 0
            (order,) = market.place(
                1,
                "BTCUSDT",
                status=PARTIALLY_FILLED if stay.kind == "part" else LIVE,
                created_ms=int(market.clock.time() * 1000) - age,
            )
            if stay.lasts < FOREVER:
                market.clock.at(stay.ends, lambda: market.cancel_elsewhere(order))

    market.clock.at(stay.begins, begin)


def assert_flat_is_true(market: Market, report: FlatReport, stays: list[Stay]) -> None:
    """Nothing was open from the beginning of the last read to its end."""
    if not report.flat:
        return
    assert report.last is not None
    began = report.last.read_at - (market.clock.time() - market.clock.monotonic())
    ended = market.clock.monotonic()
    for stay in stays:
        assert not (stay.begins < began - 0.01 and stay.ends > ended), stay


def assert_flat_was_proven_in_the_end(report: FlatReport, stays: list[Stay]) -> None:
    ended = report.error is not None and not isinstance(report.error, BitgetNotSentError)
    if ended or any(stay.ends == FOREVER for stay in stays):
        return
    event("everything was gone in the end")
    assert report.flat
