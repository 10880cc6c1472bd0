# SPDX-License-Identifier: Apache-2.0
"""Flat is said only after two complete reads in a row, far enough apart, that showed nothing at all."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_bitget.api.exceptions import (
    BitgetAccountModeError,
    BitgetAuthError,
    BitgetIpBanError,
    BitgetNotSentError,
)
from airflow_provider_bitget.api.rows import PLAN_TYPES
from airflow_provider_bitget.sandbox.accounts import numbered_account
from airflow_provider_bitget.sandbox.orders import PARTIALLY_FILLED
from airflow_provider_bitget.trading.books import LastCancel
from airflow_provider_bitget.trading.flat import FlatReport, ProveFlat
from airflow_provider_bitget.trading.in_flight import GRACE_SECONDS
from airflow_provider_bitget.trading.scope import parse_scope
from tests.unit.trading.market import OPEN_READS, USDT_FUTURES, Interrupt, Market, OneAtATime, assert_plain
from tests.unit.trading.sweeping import PLAN_READS, POSITION_READS, later

DAY_MS = 86_400_000


def prepare(market: Market, *, workers: OneAtATime | None = None, **options: Any) -> ProveFlat:
    names = ("symbol", "exclude_symbols", "margin_coin", "lookback_days", "product_type")
    arguments = {name: options.pop(name) for name in names if name in options}
    scope = parse_scope(
        **{"product_type": USDT_FUTURES, "lookback_days": 90, **arguments}, all_symbols="symbol" not in arguments
    )
    return ProveFlat(market.dialect, scope, workers=workers or OneAtATime().on(market.clock), **options)


def prove(market: Market, **options: Any) -> FlatReport:
    """Prove, and hold the report against what every proof has to keep."""
    report = prepare(market, **options).run()
    assert_report_is_sound(market, report)
    return report


def assert_report_is_sound(market: Market, report: FlatReport) -> None:
    assert {request.method for request in market.wire.sent} <= {"GET"}
    as_dict = report.to_dict()
    assert_plain(as_dict | {"settle": int(as_dict["settle"])})
    assert list(as_dict) == [
        "product_type",
        "symbol",
        "flat",
        "reads",
        "settle",
        "counts",
        "open_orders",
        "open_plan_orders",
        "open_positions",
        "truncated",
        "verified",
        "error",
        "range",
        "requests",
        "retries",
        "duration_ms",
        "books",
    ]
    assert report.requests == len(market.wire.sent)
    assert len(as_dict["books"]) == as_dict["reads"]
    assert len(report.not_done()) == sum(as_dict["counts"].values())
    if report.flat:
        assert report.error is None
        assert as_dict["reads"] >= 2
        assert not report.not_done()


@pytest.mark.parametrize(
    ("ago", "seconds"), [(0.0, 30.0), (12.0, 18.0), (25.0, 10.0), (31.0, 10.0), (-500.0, 30.0), (float("-inf"), 30.0)]
)
@pytest.mark.parametrize("ahead", [-50.0, 0.0, 50.0])
def test_last_read_waits_for_what_may_come_of_the_last_cancel_by_the_exchanges_clock(
    ago: float, seconds: float, ahead: float
) -> None:
    market = Market(clock_ahead=ahead)
    cancelled = LastCancel(market.clock.time() - ago, 30.0)

    report = prove(market, settle=10.0, last_cancel=cancelled, deadline=120.0)

    assert report.flat
    assert market.clock.monotonic() == pytest.approx(seconds, abs=1.0)
    assert report.to_dict()["reads"] == 2


@pytest.mark.parametrize("lag", [5.0, 15.0, 25.0, 29.0])
def test_order_that_fills_although_its_cancel_was_acknowledged_is_not_called_flat(lag: float) -> None:
    """Bitget's yes says that the request was received."""
    market = Market(fills_make_positions=True, position_lag=lag)
    orders = market.place(3, trade_side="open", hold_side="long")
    market.exchange.inject("ack_only", order_ids=[orders[0].order_id])
    market.before(OPEN_READS, 1, lambda: market.fill(orders[0]))
    # Else the fill would be known.
    market.exchange.inject("late_history", seconds=60.0)
    report = market.prepare(orders).run()
    assert report.counts["cancelled"] == 3
    cancelled = LastCancel(market.clock.time(), 30.0)
    market.clock.advance(1.0)

    proof = prepare(market, settle=10.0, last_cancel=cancelled, deadline=60.0).run()

    assert not proof.flat
    assert proof.to_dict()["counts"]["positions"] == 1


def seconds_between_reads(market: Market) -> list[float]:
    moments = [request.moment for request in market.wire.sent if request.endpoint == POSITION_READS]
    return [later - earlier for earlier, later in itertools.pairwise(moments)]


# Flat


def test_empty_account_is_flat_after_two_reads_ten_seconds_apart(market: Market) -> None:
    report = prove(market)
    assert report.flat
    assert len(report.books) == 2
    assert seconds_between_reads(market)[0] >= 10.0


def test_settle_of_thirty_seconds_is_kept(market: Market) -> None:
    assert prove(market, settle=30.0).flat
    assert seconds_between_reads(market)[0] >= 30.0


def test_without_settle_two_reads_are_still_two(market: Market) -> None:
    report = prove(market, settle=0.0)
    assert report.flat
    assert len(report.books) == 2
    assert market.clock.monotonic() < 1.0


def test_what_is_outside_the_scope_does_not_matter() -> None:
    market = Market(numbered_account(1), numbered_account(2))
    market.place(1, "BTCUSDT", account=market.exchange.accounts[1])
    market.place(1, "ETHUSDT")
    market.place(1, "BTCPERP", product_type="USDC-FUTURES")
    market.exchange.open_position("ETHUSDT")
    market.exchange.place_plan(1, "pos_loss", "ETHUSDT")
    assert prove(market, symbol="BTCUSDT").flat
    assert prepare(market, exclude_symbols=["ETHUSDT"]).run().flat
    assert not prepare(market, deadline=5.0).run().flat


# Not flat


def leave_order(market: Market) -> None:
    market.place(1)


def leave_part_of_an_order(market: Market) -> None:
    market.place(1, status=PARTIALLY_FILLED)


def leave_old_order(market: Market) -> None:
    market.place(1, created_ms=int(market.clock.time() * 1000 - 400 * DAY_MS))


def leave_position(market: Market) -> None:
    market.exchange.open_position("BTCUSDT", "short", "0.001")


def leave_plan_order(plan_type: str) -> Callable[[Market], None]:
    def leave(market: Market) -> None:
        market.exchange.place_plan(1, plan_type)

    return leave


@pytest.mark.parametrize(
    "leave",
    [leave_order, leave_part_of_an_order, leave_old_order, leave_position, *map(leave_plan_order, PLAN_TYPES)],
    ids=["order", "part", "old", "position", *PLAN_TYPES],
)
def test_whatever_is_left_is_named_and_never_called_flat(market: Market, leave: Callable[[Market], None]) -> None:
    leave(market)
    report = prove(market, deadline=30.0, lookback_days=730)
    assert not report.flat
    assert report.verified
    assert len(report.not_done()) == 1
    assert str(report.not_done()[0]).startswith("BTCUSDT")
    assert report.error is None


def test_it_looks_again_every_two_seconds_until_the_deadline(market: Market) -> None:
    market.exchange.open_position()
    report = prove(market, deadline=21.0)
    assert len(report.books) == 10
    assert max(request.moment for request in market.wire.sent) <= 21.0


def test_what_goes_while_it_looks_is_gone_in_the_end(market: Market) -> None:
    (order,) = market.place(1)
    market.clock.at(15.0, lambda: market.cancel_elsewhere(order))
    report = prove(market, deadline=60.0)
    assert report.flat
    assert 25.0 <= market.clock.monotonic() <= 30.0


def test_position_that_shows_between_the_two_reads_is_found(market: Market) -> None:
    """It appears seconds after the fill that made it."""
    later(market, 5.0, lambda: market.exchange.open_position("BTCUSDT", "long", "1"))
    report = prove(market, deadline=60.0)
    assert not report.flat
    assert report.to_dict()["open_positions"][0]["holdSide"] == "long"


def test_order_that_comes_and_goes_begins_the_proof_anew(market: Market) -> None:
    placed: list[Any] = []
    market.clock.at(9.0, lambda: placed.extend(market.place(1)))
    market.clock.at(11.0, lambda: market.cancel_elsewhere(*placed))
    report = prove(market)
    assert report.flat
    assert market.clock.monotonic() >= 22.0


# Reads that fail


@pytest.mark.parametrize("endpoint", [OPEN_READS, PLAN_READS, POSITION_READS])
@pytest.mark.parametrize("fault", ["html", "truncate", "reset_after", "bad_gateway"])
def test_read_that_never_succeeds_is_never_an_empty_one(market: Market, endpoint: str, fault: str) -> None:
    market.exchange.inject(fault, endpoint=endpoint)
    report = prove(market, deadline=30.0)
    assert not report.flat
    assert not report.verified
    assert report.error is not None


@pytest.mark.parametrize("code", ["22001", "22002", "43001", "40020", "45009", "99999", "40808"])
def test_refusal_of_a_read_is_not_believed_to_mean_nothing_is_there(market: Market, code: str) -> None:
    market.exchange.inject("refuse", code=code, endpoint=POSITION_READS)
    assert not prove(market, deadline=20.0).flat


def test_faults_that_end_leave_time_for_the_proof(market: Market) -> None:
    market.exchange.inject_random(0.7, seed=3, duration=40.0)
    assert prove(market, deadline=120.0).flat


def test_failed_read_between_two_empty_ones_begins_the_proof_anew(market: Market) -> None:
    market.exchange.inject("refuse", code="40020", endpoint=POSITION_READS, after=1, times=1)
    report = prove(market, deadline=60.0)
    assert report.flat
    assert len(report.books) == 3


@pytest.mark.parametrize(("code", "kind"), [("40012", BitgetAuthError), ("40085", BitgetAccountModeError)])
def test_refused_credentials_and_the_wrong_kind_of_account_end_it_at_once(
    market: Market, code: str, kind: type[Exception]
) -> None:
    market.exchange.inject("refuse", code=code)
    report = prove(market)
    assert isinstance(report.error, kind)
    assert not report.flat
    assert market.clock.monotonic() < 1.0


def test_banned_address_is_not_hammered(market: Market) -> None:
    market.exchange.inject("rate_limit")
    report = prove(market, deadline=120.0)
    assert isinstance(report.error, BitgetIpBanError)
    assert market.clock.monotonic() < 60.0


# The end of a run


def test_stop_before_the_first_read_sends_nothing(market: Market) -> None:
    run = prepare(market)
    run.request_stop()
    report = run.run()
    assert market.wire.sent == []
    assert not report.flat
    assert isinstance(report.error, BitgetNotSentError)


def test_stop_while_waiting_takes_effect_at_once(market: Market) -> None:
    run = prepare(market, settle=30.0)
    market.clock.at(5.0, run.request_stop)
    report = run.run()
    assert not report.flat
    assert market.clock.monotonic() <= 5.0 + GRACE_SECONDS
    assert_report_is_sound(market, report)


@pytest.mark.parametrize("after", range(1, 14))
def test_interrupt_passes_through_and_the_report_is_true(market: Market, after: int) -> None:
    workers = OneAtATime().on(market.clock)
    workers.interrupt_after = after
    run = prepare(market, workers=workers)
    if after > 12:
        assert run.run().flat
        return
    with pytest.raises(Interrupt):
        run.run()
    report = run.report()
    assert_report_is_sound(market, report)
    assert not report.flat


@pytest.mark.parametrize("deadline", [0.01, 1.0, 9.0])
def test_deadline_before_the_proof_is_not_flat(market: Market, deadline: float) -> None:
    report = prove(market, deadline=deadline)
    assert not report.flat
    assert all(request.moment <= deadline for request in market.wire.sent)


def test_thousands_that_are_left_are_counted_and_not_all_listed(market: Market) -> None:
    market.place(1_100)
    report = prove(market, deadline=3.0).to_dict()
    assert report["counts"]["orders"] == 1_100
    assert len(report["open_orders"]) == 1_000
    assert report["truncated"] is True
