# SPDX-License-Identifier: Apache-2.0
"""Each thing that goes wrong while plan orders are cancelled, by name: the report stays exact, no end is invented."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_bitget.api.exceptions import BitgetAuthError, BitgetIpBanError, BitgetNotSentError
from airflow_provider_bitget.sandbox.orders import FILLED, LIVE
from airflow_provider_bitget.sandbox.plan_orders import EXECUTED, PLAN_CANCELLED, PlanOrder
from airflow_provider_bitget.trading.in_flight import GRACE_SECONDS
from airflow_provider_bitget.trading.report import Bucket
from tests.unit.trading.lost_answers import LOST, LOST_IDS
from tests.unit.trading.market import (
    CANCELS,
    CHILDREN,
    DETAIL,
    OPEN_READS,
    PLAN_CANCELS,
    PLAN_HISTORY,
    PLAN_READS,
    AnyOrder,
    Interrupt,
    Market,
    OneAtATime,
    as_ref,
    assert_report_matches_books,
    by_client_oid,
    counts,
    details,
    unknown_orders,
)

SLOWER_AT_MOST = 3.0
"""Seconds by which one fault may prolong a run, its own duration not counted."""


# No answer, or none to believe


@pytest.mark.parametrize("endpoint", [PLAN_CANCELS, PLAN_READS])
@pytest.mark.parametrize(
    ("kind", "options", "its_own"),
    LOST,
    ids=LOST_IDS,
)
def test_lost_answer_is_made_up_for(
    market: Market, kind: str, options: dict[str, Any], its_own: float, endpoint: str
) -> None:
    plans = market.place_plan(300, "pos_loss")
    fault = market.exchange.inject(kind, endpoint=endpoint, **options)
    report = market.cancel(plans)
    assert fault.fired >= 1
    assert counts(report) == {"cancelled": 300}
    assert market.statuses(plans) == {PLAN_CANCELLED}
    assert report.duration_ms / 1000 <= 1.0 + its_own + SLOWER_AT_MOST


@pytest.mark.parametrize("kind", ["reset_after", "truncate", "empty_lists", "html"])
def test_lost_response_is_resolved_by_asking(market: Market, kind: str) -> None:
    """The history tells that we cancelled them, which had triggered, and how that ended."""
    plans = market.place_plan(50)
    market.trigger(plans[0], outcome="fills")
    [resting] = market.trigger(plans[1], outcome="rests")
    market.clock.advance(5)
    options = {"processed": True} if kind == "html" else {}
    market.exchange.inject(kind, endpoint=PLAN_CANCELS, times=1, **options)
    report = market.cancel(plans)
    assert counts(report) == {"cancelled": 48, "already_closed": 1, "unresolved": 1}
    assert details(report, Bucket.ALREADY_CLOSED) == {"filled": 1}
    assert [outcome.child_id for outcome in report.not_done()] == [resting.order_id]


def test_lost_response_by_client_oid_is_resolved_by_asking(market: Market) -> None:
    plans = market.place_plan(50, "track_plan", client_oids=True)
    market.exchange.inject("reset_after", endpoint=PLAN_CANCELS, times=1)
    assert counts(market.cancel(map(by_client_oid, plans))) == {"cancelled": 50}


def test_every_answer_to_a_cancel_is_lost_and_the_report_is_true(market: Market) -> None:
    market.exchange.inject("reset_after", endpoint=PLAN_CANCELS)
    assert counts(market.cancel(market.place_plan(120))) == {"cancelled": 120}


def test_no_cancel_ever_arrives_and_the_plan_orders_are_reported_open(market: Market) -> None:
    plans = market.place_plan(120)
    market.exchange.inject("reset_before", endpoint=PLAN_CANCELS)
    report = market.cancel(plans, deadline=30)
    assert details(report, Bucket.UNRESOLVED) == {"still_open": 120}
    assert market.statuses(plans) == {LIVE}


def test_success_with_empty_lists_for_ever_is_never_reported_as_cancelled(market: Market) -> None:
    plans = market.place_plan(20, "pos_profit")
    market.exchange.inject("empty_lists", processed=False)
    report = market.cancel(plans, deadline=20)
    assert details(report, Bucket.UNRESOLVED) == {"still_open": 20}
    assert market.statuses(plans) == {LIVE}


@pytest.mark.parametrize("processed", [True, False])
def test_ids_missing_from_the_answer_are_not_taken_for_cancelled(market: Market, processed: bool) -> None:
    plans = market.place_plan(50)
    market.exchange.inject("drop_ids", count=7, processed=processed, times=1)
    assert counts(market.cancel(plans)) == {"cancelled": 50}
    assert market.statuses(plans) == {PLAN_CANCELLED}


@pytest.mark.parametrize("where", ["success", "failure", "both"])
def test_ids_that_were_never_sent_change_nothing(market: Market, where: str) -> None:
    plans, others = market.place_plan(50), market.place_plan(10)
    market.exchange.inject("foreign_ids", where=where, replace=True, count=3, times=1)
    assert counts(market.cancel(plans)) == {"cancelled": 50}
    assert market.statuses(others) == {LIVE}


def test_plan_order_acknowledged_and_left_open_is_cancelled_again(market: Market) -> None:
    plans = market.place_plan(50)
    market.exchange.inject("ack_only", count=4, times=1)
    assert counts(market.cancel(plans)) == {"cancelled": 50}
    assert market.statuses(plans) == {PLAN_CANCELLED}


def test_plan_order_acknowledged_and_then_triggered_is_never_reported_as_cancelled(market: Market) -> None:
    plans = market.place_plan(50)
    market.exchange.inject("ack_only", order_ids=[plans[0].order_id], times=1)
    market.before(PLAN_CANCELS, 2, lambda: _let_trigger(market, plans[0]))
    report = market.cancel(plans)
    assert counts(report) == {"cancelled": 49, "unresolved": 1}
    assert report.not_done()[0].state == "triggered"


# What cannot be read


def test_plan_orders_that_cannot_be_read_back_leave_nothing_cancelled_in_the_report(market: Market) -> None:
    plans = market.place_plan(50)
    market.exchange.inject("bad_gateway", endpoint=PLAN_READS)
    report = market.cancel(plans, deadline=20)
    assert details(report, Bucket.UNRESOLVED) == {"not_verified": 50}
    assert not report.verified


@pytest.mark.parametrize("endpoint", [PLAN_READS, OPEN_READS])
def test_reads_of_the_one_kind_that_fail_leave_the_other_kind_proven(market: Market, endpoint: str) -> None:
    orders, plans = market.place(10), market.place_plan(10)
    market.exchange.inject("refuse", code="40017", endpoint=endpoint)
    report = market.cancel([*orders, *plans], deadline=20)
    assert details(report, Bucket.UNRESOLVED) == {"not_verified": 10}
    proven = {outcome.ref.order_id for outcome in report.in_bucket(Bucket.CANCELLED)}
    assert proven == {order.order_id for order in (orders if endpoint == PLAN_READS else plans)}
    assert not report.verified


@pytest.mark.parametrize("endpoint", [PLAN_READS, OPEN_READS])
def test_reads_of_the_one_kind_that_fail_keep_no_order_of_the_other_from_being_sent_again(
    market: Market, endpoint: str
) -> None:
    orders, plans = market.place(10), market.place_plan(10)
    market.exchange.inject("ack_only", times=2)
    market.exchange.inject("bad_gateway", endpoint=endpoint, duration=60.0)
    report = market.cancel([*orders, *plans])
    assert counts(report) == {"cancelled": 20}
    sent = [record.arrival for record in market.requests(CANCELS if endpoint == PLAN_READS else PLAN_CANCELS)]
    assert sent[1] - sent[0] < 15


def test_second_page_that_cannot_be_read_makes_the_whole_read_incomplete(market: Market) -> None:
    plans = market.place_plan(10)
    market.place_plan(150)
    market.exchange.inject("refuse", code="40017", endpoint=PLAN_READS, after=1)
    assert details(market.cancel(plans, deadline=20), Bucket.UNRESOLVED) == {"not_verified": 10}


@pytest.mark.parametrize("endpoint", [PLAN_HISTORY, DETAIL, "orders-history"])
def test_look_up_that_is_never_answered_leaves_triggered_plan_orders_unresolved(market: Market, endpoint: str) -> None:
    plans = market.place_plan(2)
    market.trigger(*plans, outcome="fills")
    market.exchange.inject("refuse", code="40017", endpoint=endpoint)
    report = market.cancel(plans, deadline=60)
    assert counts(report) == ({"already_closed": 2} if endpoint == "orders-history" else {"unresolved": 2})


@pytest.mark.parametrize("seconds", [0.5, 2.0, 4.0])
def test_history_that_lags_is_asked_again(market: Market, seconds: float) -> None:
    plans = market.place_plan(20)
    market.trigger(*plans[:5], outcome="fills")
    market.exchange.inject("reset_after", endpoint=PLAN_CANCELS, times=1)
    market.exchange.inject("late_history", seconds=seconds)
    assert counts(market.cancel(plans)) == {"cancelled": 15, "already_closed": 5}


@pytest.mark.parametrize("seconds", [1.0, 2.0, 5.0])
@pytest.mark.parametrize("outcome", ["rests", "fills", "fails"])
def test_book_that_lags_does_not_hide_that_a_plan_order_has_triggered(
    market: Market, outcome: str, seconds: float
) -> None:
    """Refused without a code and still shown by the list: that is no verdict before the history was asked."""
    plans = market.place_plan(3)
    market.trigger(*plans, outcome=outcome)
    market.exchange.inject("lagging_book", seconds=seconds)
    report = market.cancel(plans)
    assert counts(report) == ({"unresolved": 3} if outcome == "rests" else {"already_closed": 3})
    assert {outcome.state for outcome in report.not_done()} <= {"triggered"}


def test_book_that_lags_for_long_is_held_against_the_history(market: Market) -> None:
    market.exchange.inject("lagging_book", seconds=1_000.0)
    report = market.cancel(market.place_plan(50), deadline=60)
    assert counts(report) == {"cancelled": 50}
    assert report.duration_ms < 20_000


def test_book_and_history_that_lag_leave_no_acknowledged_plan_order_failed(market: Market) -> None:
    market.exchange.inject("lagging_book", seconds=6.0)
    market.exchange.inject("late_history", seconds=6.0)
    assert counts(market.cancel(market.place_plan(20))) == {"cancelled": 20}


# What the exchange says of single plan orders: usually without a code


def test_plan_order_that_is_refused_once_is_cancelled_the_second_time(market: Market) -> None:
    market.exchange.inject("refuse_orders", count=3, times=1)
    report = market.cancel(market.place_plan(50))
    assert counts(report) == {"cancelled": 50}
    assert report.duration_ms / 1000 <= SLOWER_AT_MOST


def test_plan_order_that_is_refused_again_and_again_has_failed(market: Market) -> None:
    plans = market.place_plan(20, "pos_loss")
    market.exchange.inject("refuse_orders", order_ids=[plans[3].order_id], msg="not now")
    report = market.cancel(plans, deadline=120)
    assert counts(report) == {"cancelled": 19, "failed": 1}
    assert (report.not_done()[0].detail, report.not_done()[0].message) == ("unknown", "not now")
    sent = [record for record in market.requests(PLAN_CANCELS) if plans[3].order_id in record.plan_order_ids]
    assert len(sent) == 2


def test_trailing_order_that_one_name_refuses_and_the_other_does_not_know_is_reported_open(market: Market) -> None:
    plans = market.place_plan(20, "track_plan")
    market.exchange.inject("refuse_orders", order_ids=[plans[3].order_id], msg="not now")
    report = market.cancel(plans, deadline=60)
    assert counts(report) == {"cancelled": 19, "unresolved": 1}
    assert (report.not_done()[0].detail, report.not_done()[0].message) == ("still_open", "not now")


@pytest.mark.parametrize("count", [2, 12])
def test_no_verdict_on_a_plan_order_while_its_history_cannot_be_read(market: Market, count: int) -> None:
    """It may have triggered: what was refused without a code is not called failed before that is known."""
    plans = market.place_plan(count)
    market.trigger(*plans, outcome="rests")
    market.exchange.inject("lagging_book", seconds=1_000.0)
    market.exchange.inject("bad_gateway", endpoint=PLAN_HISTORY)
    report = market.cancel(plans, deadline=30)
    assert counts(report) == {"unresolved": count}


def test_refusal_of_plan_orders_is_not_held_against_their_symbol(market: Market) -> None:
    """That the exchange took orders of the symbol says nothing of a plan order's type: they may wait elsewhere."""
    market.exchange.inject("refuse", code="40034", endpoint=PLAN_CANCELS)
    report = market.cancel([*map(as_ref, market.place(5)), *unknown_orders(3, plan_type="pos_loss")])
    assert counts(report) == {"cancelled": 5, "unresolved": 3}
    assert details(report, Bucket.UNRESOLVED) == {"not_found": 3}


def test_one_culprit_is_singled_out_and_the_others_are_cancelled(market: Market) -> None:
    plans = market.place_plan(50)
    market.refuse_batches_with([plans[24]], "40020")
    report = market.cancel(plans)
    assert counts(report) == {"cancelled": 49, "failed": 1}
    assert report.not_done()[0].ref.order_id == plans[24].order_id


@pytest.mark.parametrize("code", ["22001", "43025", "43020", "43021", "43026", "43033"])
def test_batch_that_is_refused_for_a_gone_plan_order_is_not_split(market: Market, code: str) -> None:
    """The read tells which of its plan orders are left; how the others ended tells the history."""
    plans = market.place_plan(50)
    market.trigger(plans[3], outcome="fills")
    market.exchange.inject("refuse", code=code, endpoint=PLAN_CANCELS, times=1)
    report = market.cancel(plans)
    assert counts(report) == {"cancelled": 49, "already_closed": 1}
    assert [len(record.plan_order_ids) for record in market.requests(PLAN_CANCELS)] == [50, 49]


@pytest.mark.parametrize(("code", "category"), [("45009", "account_risk"), ("41114", "maintenance")])
def test_refusal_of_the_symbol_or_the_account_is_not_split(market: Market, code: str, category: str) -> None:
    plans = market.place_plan(200)
    market.exchange.inject("refuse", code=code, endpoint=PLAN_CANCELS)
    report = market.cancel(plans)
    assert details(report, Bucket.FAILED) == {category: 200}
    assert len(market.requests(PLAN_CANCELS)) == 4


def test_plan_orders_of_a_symbol_under_maintenance_do_not_keep_the_others(market: Market) -> None:
    good, bad = market.place_plan(10, "pos_loss", "ETHUSDT"), market.place_plan(10, "pos_loss", "BTCUSDT")
    market.refuse_batches_with(bad, "41114")
    report = market.cancel([*good, *bad])
    assert counts(report) == {"cancelled": 10, "failed": 10}


def test_refused_plan_orders_leave_the_orders_of_their_symbol_alone(market: Market) -> None:
    mixed: list[AnyOrder] = [*market.place(60), *market.place_plan(60), *market.place_plan(60, "pos_loss")]
    market.refuse_batches_with(mixed[60:120], "40020")
    report = market.cancel(mixed)
    assert counts(report) == {"cancelled": 120, "failed": 60}


def test_rate_limit_of_plan_cancels_is_kept(market: Market) -> None:
    report = market.cancel(market.place_plan(300), chunk_size=5)
    assert counts(report) == {"cancelled": 300}
    assert market.exchange.statistics()["/api/v2/mix/order/cancel-plan-order"]["refused_429"] == 0
    assert report.duration_ms / 1000 >= 5.0


def test_many_unknown_plan_orders_do_not_keep_the_known_from_being_cancelled(market: Market) -> None:
    plans = market.place_plan(120)
    report = market.cancel([*unknown_orders(30, plan_type="normal_plan"), *map(as_ref, plans)])
    assert counts(report) == {"cancelled": 120, "unresolved": 30}


# Triggers that fire while we cancel


@pytest.mark.parametrize(("outcome", "bucket"), [("rests", "unresolved"), ("fills", "already_closed")])
def test_plan_orders_that_trigger_while_we_cancel(outcome: str, bucket: str) -> None:
    market = Market(triggered_child=outcome)
    plans = market.place_plan(50)
    market.exchange.inject("fill_while_cancelling", count=5)
    report = market.cancel(plans)
    assert counts(report) == {"cancelled": 45, bucket: 5}
    assert {outcome.child_id for outcome in report.in_bucket(Bucket(bucket))} == {
        market.exchange.plan_order(plan.order_id).child_id for plan in plans[:5]
    }


def test_trigger_that_fails_while_we_cancel_has_placed_nothing() -> None:
    market = Market(triggered_child="fails")
    market.exchange.inject("fill_while_cancelling", count=5)
    report = market.cancel(market.place_plan(50, "pos_loss"))
    assert counts(report) == {"cancelled": 45, "already_closed": 5}
    assert details(report, Bucket.ALREADY_CLOSED) == {"cancelled": 5}


def test_order_that_a_trigger_placed_is_not_cancelled_by_the_way(market: Market) -> None:
    plans = market.place_plan(10)
    market.exchange.inject("fill_while_cancelling")
    report = market.cancel(plans)
    assert details(report, Bucket.UNRESOLVED) == {"still_open": 10}
    assert {child.status for plan in plans if (child := market.child_of(plan))} == {LIVE}
    assert market.requests(CANCELS) == []


def test_order_that_a_trigger_placed_and_nobody_finds_leaves_its_plan_order_unresolved(market: Market) -> None:
    plans = market.place_plan(2)
    market.trigger(*plans, outcome="fills")
    market.exchange.inject("refuse", code="40109", endpoint=DETAIL)
    report = market.cancel(plans)
    assert details(report, Bucket.UNRESOLVED) == {"not_verified": 2}
    assert all(outcome.child_id for outcome in report.not_done())
    assert {market.exchange.plan_order(plan.order_id).status for plan in plans} == {EXECUTED}


def test_plan_order_triggered_between_two_tries_is_not_sent_a_third_time(market: Market) -> None:
    plans = market.place_plan(50)
    market.exchange.inject("refuse_orders", count=5, times=1)
    market.before(PLAN_CANCELS, 2, lambda: _let_trigger(market, *plans[:2]))
    report = market.cancel(plans)
    assert counts(report) == {"cancelled": 48, "unresolved": 2}
    assert len(market.requests(PLAN_CANCELS)) == 2


def test_plan_order_known_to_have_triggered_is_not_sent_again_though_the_list_shows_it(market: Market) -> None:
    [plan], [order] = market.place_plan(1), market.place(1)
    market.trigger(plan, outcome="rests")
    market.exchange.inject("lagging_book", seconds=1_000.0)
    market.exchange.inject("refuse_orders", code="40015", endpoint=CANCELS)
    report = market.cancel([order, plan], deadline=60)
    assert {outcome.detail for outcome in report.outcomes} == {"still_open"}
    assert len(market.requests(CANCELS)) >= 5
    assert len(market.requests(PLAN_CANCELS)) == 2


@pytest.mark.parametrize("times", [1, 2, 3])
def test_order_that_a_trigger_placed_is_asked_for_again_a_moment_later(market: Market, times: int) -> None:
    """The exchange may not know a very fresh order."""
    plans = market.place_plan(1)
    market.trigger(*plans, outcome="fills")
    market.exchange.inject("refuse", code="40109", endpoint=DETAIL, times=times)
    assert details(market.cancel(plans), Bucket.ALREADY_CLOSED) == {"filled": 1}


def test_triggered_plan_orders_leave_the_others_to_be_sent_again(market: Market) -> None:
    plans = market.place_plan(20)
    market.trigger(*plans[:5], outcome="rests")
    market.exchange.inject("refuse", code="40015", endpoint=PLAN_CANCELS, duration=6.0)
    report = market.cancel(plans)
    assert counts(report) == {"cancelled": 15, "unresolved": 5}


def test_children_that_cannot_be_asked_for_leave_the_plan_orders_unresolved(market: Market) -> None:
    market.leave_children_out_of_the_history()
    plans = market.place_plan(3)
    market.trigger(*plans, outcome="fills")
    market.exchange.inject("bad_gateway", endpoint=CHILDREN)
    report = market.cancel(plans, deadline=60)
    assert details(report, Bucket.UNRESOLVED) == {"not_verified": 3}


def _let_trigger(market: Market, *plans: PlanOrder) -> None:
    market.trigger(*plans, outcome="rests")


# Credentials, deadline, stop


@pytest.mark.parametrize("code", ["40012", "40085"])
def test_credentials_refused_in_the_middle_stop_everything_at_once(market: Market, code: str) -> None:
    plans = market.place_plan(500)
    market.exchange.inject("refuse", code=code, after=3, endpoint=PLAN_CANCELS)
    report = market.cancel(plans)
    assert isinstance(report.error, BitgetAuthError)
    assert details(report, Bucket.UNRESOLVED) == {"not_verified": 150, "not_sent": 350}
    assert not any(outcome.curable for outcome in report.not_done())


def test_banned_address_stops_the_run_and_says_so(market: Market) -> None:
    market.exchange.inject("rate_limit", endpoint=PLAN_CANCELS)
    report = market.cancel(market.place_plan(100))
    assert isinstance(report.error, BitgetIpBanError)
    assert details(report, Bucket.UNRESOLVED) == {"not_sent": 100}


def test_signature_refused_on_one_look_up_ends_that_look_up_and_not_the_run(market: Market) -> None:
    plans = market.place_plan(3)
    market.trigger(*plans[:2], outcome="fills")
    market.exchange.inject("refuse", code="40009", endpoint=PLAN_HISTORY, times=1)
    report = market.cancel(plans)
    assert report.error is None
    assert counts(report) == {"cancelled": 1, "already_closed": 2}


@pytest.mark.parametrize("deadline", [1.0, 2.5, 7.0])
def test_no_request_after_the_deadline(market: Market, deadline: float) -> None:
    report = market.cancel(market.place_plan(400), chunk_size=2, deadline=deadline)
    assert max(request.moment for request in market.wire.sent) <= deadline
    assert market.clock.monotonic() <= deadline + 0.1
    assert report.counts["unresolved"] > 0
    assert all(outcome.curable for outcome in report.not_done())


def test_no_request_after_a_stop_and_the_report_says_what_was_done(market: Market) -> None:
    plans = market.place_plan(1_000)
    run = market.prepare(plans)
    market.before(PLAN_CANCELS, 10, run.request_stop)
    report = run.run()
    assert_report_matches_books(report, market, [as_ref(plan) for plan in plans])
    assert len(market.wire.sent) == 10
    assert details(report, Bucket.UNRESOLVED) == {"not_verified": 500, "not_sent": 500}
    assert isinstance(report.error, BitgetNotSentError)


def test_stop_while_the_order_of_a_trigger_is_waited_for_takes_effect(market: Market) -> None:
    plans = market.place_plan(2)
    market.trigger(*plans, outcome="fills")
    market.exchange.inject("late_history", seconds=1_000.0)
    run = market.prepare(plans)
    market.clock.at(1.0, run.request_stop)
    report = run.run()
    assert market.clock.monotonic() < 1.0 + GRACE_SECONDS + 0.5
    assert counts(report) == {"unresolved": 2}


@pytest.mark.parametrize("after", range(1, 10))
def test_interrupt_at_any_moment_leaves_a_conservative_report(after: int) -> None:
    market = Market(triggered_child="rests")
    mixed: list[AnyOrder] = [*market.place(60), *market.place_plan(60), *market.place_plan(5, "pos_loss")]
    market.trigger(*market.exchange.plan_orders()[:4])
    workers = OneAtATime().on(market.clock)
    workers.interrupt_after = after
    run = market.prepare(mixed, workers=workers)
    with pytest.raises(Interrupt):
        run.run()
    assert_report_matches_books(run.report(), market, [as_ref(order) for order in mixed])


def test_texts_in_chinese_change_nothing(market: Market) -> None:
    plans = market.place_plan(50)
    market.trigger(plans[0], outcome="fills")
    market.exchange.inject("chinese")
    report = market.cancel(plans)
    assert counts(report) == {"cancelled": 49, "already_closed": 1}
    assert {child.status for plan in plans[:1] if (child := market.child_of(plan))} == {FILLED}
