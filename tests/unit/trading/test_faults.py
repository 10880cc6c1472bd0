# SPDX-License-Identifier: Apache-2.0
"""Each thing that goes wrong at an exchange, by name: the report stays exact, and nothing stays open in silence."""

from __future__ import annotations

import math
from typing import Any

import pytest

from airflow_provider_bitget.api.exceptions import BitgetAccountModeError, BitgetAuthError, BitgetIpBanError
from airflow_provider_bitget.sandbox.orders import CANCELED, FILLED, Order
from airflow_provider_bitget.trading.batch_cancel import BatchCancel
from airflow_provider_bitget.trading.report import Bucket
from tests.kinds import UNIFIED
from tests.unit.trading.lost_answers import LOST, LOST_IDS
from tests.unit.trading.market import (
    CANCELS,
    DETAIL,
    HISTORY,
    OPEN_READS,
    USDT_FUTURES,
    Market,
    OneAtATime,
    as_ref,
    by_client_oid,
    counts,
    details,
    unknown_orders,
)

SLOWER_AT_MOST = 3.0
"""Seconds by which one fault may prolong a run, its own duration not counted."""


def time_without_fault(orders: int) -> float:
    market = Market()
    return market.cancel(market.place(orders)).duration_ms / 1000


# No answer, or none to believe


@pytest.mark.parametrize("endpoint", [CANCELS, OPEN_READS])
@pytest.mark.parametrize(
    ("kind", "options", "its_own"),
    LOST,
    ids=LOST_IDS,
)
def test_lost_answer_is_made_up_for(
    market: Market, kind: str, options: dict[str, Any], its_own: float, endpoint: str
) -> None:
    orders = market.place(500)
    fault = market.exchange.inject(kind, endpoint=endpoint, **options)
    report = market.cancel(orders)
    assert fault.fired >= 1
    assert counts(report) == {"cancelled": 500}
    assert market.statuses(orders) == {CANCELED}
    assert report.retries >= (0 if kind == "slow_drip" and options["seconds"] < 10 else 1)
    # The virtual wire carries one request at a time, so the duration of a fault counts in full.
    assert report.duration_ms / 1000 <= time_without_fault(500) + its_own + SLOWER_AT_MOST


@pytest.mark.parametrize("kind", ["reset_after", "truncate", "empty_lists"])
def test_lost_response_is_resolved_by_asking(market: Market, kind: str) -> None:
    """The second try finds the orders gone; the history tells that we cancelled them, and which one had filled."""
    orders = market.place(50)
    market.fill(orders[0])
    market.clock.advance(5)
    market.exchange.inject(kind, endpoint=CANCELS, times=1)
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 49, "already_closed": 1}
    assert details(report, Bucket.ALREADY_CLOSED) == {"filled": 1}
    assert len(market.requests(HISTORY)) == 1
    assert market.requests(DETAIL) == []


def test_lost_response_by_client_oid_is_resolved_by_asking(market: Market) -> None:
    orders = market.place(50, client_oids=True)
    market.exchange.inject("reset_after", endpoint=CANCELS, times=1)
    assert counts(market.cancel([by_client_oid(order) for order in orders])) == {"cancelled": 50}


def test_second_try_that_is_refused_as_a_whole_does_not_hide_that_the_first_was_carried_out() -> None:
    """The first answer is lost, and the second says of the whole batch that an order does not exist."""
    market = Market(unknown_id="refuse_ended")
    market.exchange.inject("reset_after", endpoint=CANCELS, times=1)
    assert counts(market.cancel(market.place(50))) == {"cancelled": 50}


def test_every_answer_to_a_cancel_is_lost_and_the_report_is_true(market: Market) -> None:
    orders = market.place(120)
    market.exchange.inject("reset_after", endpoint=CANCELS)
    assert counts(market.cancel(orders)) == {"cancelled": 120}


def test_no_cancel_ever_arrives_and_the_orders_are_reported_open(market: Market) -> None:
    orders = market.place(120)
    market.exchange.inject("reset_before", endpoint=CANCELS)
    report = market.cancel(orders, deadline=30)
    assert details(report, Bucket.UNRESOLVED) == {"still_open": 120}
    assert market.statuses(orders) == {"live"}


def test_connection_that_could_not_be_made_is_made_again(market: Market) -> None:
    market.wire.refuse_connections = 2
    assert counts(market.cancel(market.place(50))) == {"cancelled": 50}


def test_exchange_that_cannot_be_reached_is_reported_as_not_sent(market: Market) -> None:
    market.wire.refuse_connections = 10_000
    report = market.cancel(market.place(50), deadline=20)
    assert details(report, Bucket.UNRESOLVED) == {"not_sent": 50}
    assert market.exchange.records() == []


def test_open_orders_that_cannot_be_read_leave_nothing_cancelled_in_the_report(market: Market) -> None:
    orders = market.place(50)
    market.exchange.inject("bad_gateway", endpoint=OPEN_READS)
    report = market.cancel(orders, deadline=20)
    assert details(report, Bucket.UNRESOLVED) == {"not_verified": 50}
    assert not report.verified
    assert market.statuses(orders) == {CANCELED}


@pytest.mark.parametrize("code", ["99999", "41114", "43001", "40200"])
def test_open_orders_that_cannot_be_read_for_a_while_are_read_until_they_can(market: Market, code: str) -> None:
    """Everything hangs on this read: without it fifty cancelled orders are fifty calls at night."""
    market.exchange.inject("refuse", code=code, endpoint=OPEN_READS, duration=20.0)
    assert counts(market.cancel(market.place(50))) == {"cancelled": 50}


def test_read_that_is_refused_for_good_does_not_use_up_the_deadline(market: Market) -> None:
    market.exchange.inject("refuse", code="40017", endpoint=OPEN_READS)
    report = market.cancel(market.place(50))
    assert details(report, Bucket.UNRESOLVED) == {"not_verified": 50}
    assert report.duration_ms < 10_000


def test_second_page_that_cannot_be_read_makes_the_whole_read_incomplete(market: Market) -> None:
    orders = market.place(10)
    market.place(150)
    market.exchange.inject("refuse", code="40017", endpoint=OPEN_READS, after=1)
    report = market.cancel(orders, deadline=20)
    assert details(report, Bucket.UNRESOLVED) == {"not_verified": 10}


def test_read_of_partially_filled_orders_that_fails_makes_the_read_incomplete(market: Market) -> None:
    market.exchange.inject("refuse", code="40017", endpoint=OPEN_READS, after=1)
    report = market.cancel(market.place(10), deadline=20)
    assert details(report, Bucket.UNRESOLVED) == {"not_verified": 10}


def test_history_that_cannot_be_read_is_made_up_for_by_looking_at_each_order(market: Market) -> None:
    orders = market.place(20)
    market.fill(*orders[:10])
    market.exchange.inject("refuse", code="40017", endpoint=HISTORY)
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 10, "already_closed": 10}
    assert len(market.requests(DETAIL)) == 10


def test_signature_refused_on_one_look_up_ends_that_look_up_and_not_the_run(market: Market) -> None:
    orders = market.place(3)
    market.fill(*orders[:2])
    market.exchange.inject("refuse", code="40009", endpoint=DETAIL, times=1)
    report = market.cancel(orders)
    assert report.error is None
    assert counts(report) == {"cancelled": 1, "already_closed": 2}


# Partial failures: what the exchange says of single orders

PASSING = ["43001", "40015", "45129", "45001", "429", "40010", "40725", "40008"]
FINAL = [
    ("41114", "maintenance", True),
    ("40020", "bad_request", False),
    ("400172", "bad_request", False),
    ("45009", "account_risk", True),
    ("40710", "account_risk", True),
    ("40014", "auth", False),
    ("40085", "account_mode", False),
]
UNCLEAR = ["99999", "sys-503", None]


@pytest.mark.parametrize("code", [*PASSING, *UNCLEAR])
def test_order_that_is_refused_once_is_cancelled_the_second_time(market: Market, code: str | None) -> None:
    orders = market.place(50)
    market.exchange.inject("refuse_orders", code=code, count=3, times=1)
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 50}
    assert report.duration_ms / 1000 <= SLOWER_AT_MOST


@pytest.mark.parametrize("code", PASSING)
def test_order_that_is_refused_for_now_until_the_end_is_still_open(market: Market, code: str) -> None:
    orders = market.place(50)
    refused = [order.order_id for order in orders[:3]]
    market.exchange.inject("refuse_orders", code=code, order_ids=refused)
    report = market.cancel(orders, deadline=30)
    assert counts(report) == {"cancelled": 47, "unresolved": 3}
    assert details(report, Bucket.UNRESOLVED) == {"still_open": 3}
    assert {outcome.code for outcome in report.in_bucket(Bucket.UNRESOLVED)} == {code}
    assert all(outcome.curable for outcome in report.in_bucket(Bucket.UNRESOLVED))


@pytest.mark.parametrize(("code", "category", "curable"), FINAL)
def test_order_that_is_refused_for_good_has_failed(market: Market, code: str, category: str, curable: bool) -> None:
    orders = market.place(50)
    refused = [order.order_id for order in orders[:3]]
    market.exchange.inject("refuse_orders", code=code, order_ids=refused)
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 47, "failed": 3}
    assert details(report, Bucket.FAILED) == {category: 3}
    assert {outcome.curable for outcome in report.in_bucket(Bucket.FAILED)} == {curable}
    assert len(market.requests(CANCELS)) == 1


@pytest.mark.parametrize("code", UNCLEAR)
def test_order_that_is_refused_twice_for_no_known_reason_has_failed(market: Market, code: str | None) -> None:
    orders = market.place(50)
    market.exchange.inject("refuse_orders", code=code, order_ids=[orders[0].order_id])
    report = market.cancel(orders)
    assert details(report, Bucket.FAILED) == {"unknown": 1}
    assert report.in_bucket(Bucket.FAILED)[0].code == (code or "")
    assert len(market.requests(CANCELS)) == 2


def test_refusals_of_different_kinds_are_not_added_up(market: Market) -> None:
    """Busy once and refused once without a reason: neither has been said twice."""
    market.exchange.inject("refuse_orders", code="40015", times=1)
    market.exchange.inject("refuse_orders", code=None, after=1, times=1)
    assert counts(market.cancel(market.place(50))) == {"cancelled": 50}


def test_failure_without_a_code_may_mean_that_the_order_had_filled() -> None:
    market = Market(omit_error_code="all")
    orders = market.place(50)
    market.fill(orders[3])
    report = market.cancel(orders)
    assert details(report, Bucket.ALREADY_CLOSED) == {"filled": 1}


def test_one_of_each_in_a_hundred_and_twenty_orders(market: Market) -> None:
    """What the example in the issue says: 117 cancelled, 1 filled before, 2 refused."""
    orders = market.place(120)
    market.fill(orders[0])
    market.exchange.inject("refuse_orders", code="45009", order_ids=[orders[1].order_id])
    market.exchange.inject("refuse_orders", code=None, order_ids=[orders[2].order_id])
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 117, "already_closed": 1, "failed": 2}


@pytest.mark.parametrize("share", [0.02, 0.5])
def test_passing_refusals_of_many_orders_are_all_made_up_for(market: Market, share: float) -> None:
    market.exchange.inject("refuse_orders", code="40015", fraction=share, times=5)
    assert counts(market.cancel(market.place(1_000))) == {"cancelled": 1_000}


def test_bad_id_and_failing_orders_among_many_leave_the_rest_cancelled(market: Market) -> None:
    orders = market.place(2_000)
    failing = [order.order_id for order in orders[::20]]
    market.exchange.inject("refuse_orders", code="40015", order_ids=failing)
    report = market.cancel([*orders[:1_000], *unknown_orders(1), *orders[1_000:]], deadline=60)
    assert counts(report) == {"cancelled": 1_900, "unresolved": 101}
    assert any(outcome.curable for outcome in report.not_done())


# Answers that name too few, too many or the wrong orders


@pytest.mark.parametrize("processed", [True, False])
def test_ids_dropped_from_the_answer_are_asked_for(market: Market, processed: bool) -> None:
    orders = market.place(50)
    market.exchange.inject("drop_ids", count=7, processed=processed, times=1)
    assert counts(market.cancel(orders)) == {"cancelled": 50}
    assert market.statuses(orders) == {CANCELED}


@pytest.mark.parametrize("processed", [True, False])
def test_success_with_empty_lists_proves_nothing_by_itself(market: Market, processed: bool) -> None:
    orders = market.place(50)
    market.exchange.inject("empty_lists", processed=processed, times=1)
    assert counts(market.cancel(orders)) == {"cancelled": 50}
    assert market.statuses(orders) == {CANCELED}
    expected = 1 if processed else 2
    assert len(market.requests(CANCELS)) == expected


def test_success_with_empty_lists_for_ever_is_never_reported_as_cancelled(market: Market) -> None:
    orders = market.place(50)
    market.exchange.inject("empty_lists", processed=False)
    report = market.cancel(orders, deadline=20)
    assert details(report, Bucket.UNRESOLVED) == {"still_open": 50}


@pytest.mark.parametrize("where", ["success", "failure", "both"])
@pytest.mark.parametrize("replace", [False, True])
def test_ids_that_were_never_sent_change_nothing(market: Market, where: str, replace: bool) -> None:
    orders, others = market.place(50), market.place(10)
    market.exchange.inject("foreign_ids", where=where, replace=replace, count=3, times=1)
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 50}
    assert market.statuses(others) == {"live"}


def test_orders_named_twice_as_cancelled_count_once(market: Market) -> None:
    market.exchange.inject("duplicate_ids", where="success")
    assert counts(market.cancel(market.place(50))) == {"cancelled": 50}


def test_orders_named_as_cancelled_and_as_failed_are_asked_for(market: Market) -> None:
    orders = market.place(50)
    market.exchange.inject("duplicate_ids", where="both")
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 50}
    assert len(market.requests(HISTORY)) == 1


def test_orders_named_as_cancelled_and_as_failed_prove_nothing_while_the_history_is_silent(market: Market) -> None:
    market.exchange.inject("duplicate_ids", where="both")
    market.exchange.inject("late_history", seconds=1_000.0)
    report = market.cancel(market.place(50), deadline=60)
    assert details(report, Bucket.UNRESOLVED) == {"ambiguous": 50}


# The market moves


def test_orders_that_fill_while_we_cancel_are_already_closed(market: Market) -> None:
    orders = market.place(50)
    market.exchange.inject("fill_while_cancelling", count=5)
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 45, "already_closed": 5}
    assert details(report, Bucket.ALREADY_CLOSED) == {"filled": 5}
    assert market.statuses(orders) == {CANCELED, FILLED}


def test_orders_that_fill_between_two_tries_are_already_closed(market: Market) -> None:
    orders = market.place(50)
    market.exchange.inject("refuse_orders", code="40015", count=5, times=1)
    market.before(CANCELS, 2, lambda: market.fill(orders[0], orders[1]))
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 48, "already_closed": 2}


def test_order_acknowledged_and_left_open_is_cancelled_again(market: Market) -> None:
    orders = market.place(50)
    market.exchange.inject("ack_only", count=4, times=1)
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 50}
    assert market.statuses(orders) == {CANCELED}


def test_order_acknowledged_and_left_open_for_ever_is_reported_open(market: Market) -> None:
    orders = market.place(50)
    market.exchange.inject("ack_only", order_ids=[orders[0].order_id])
    report = market.cancel(orders, deadline=20)
    assert counts(report) == {"cancelled": 49, "unresolved": 1}
    assert details(report, Bucket.UNRESOLVED) == {"still_open": 1}


def test_order_acknowledged_and_then_filled_is_never_reported_as_cancelled(market: Market) -> None:
    orders = market.place(50)
    market.exchange.inject("ack_only", order_ids=[orders[0].order_id], times=1)
    market.before(CANCELS, 2, lambda: market.fill(orders[0]))
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 49, "already_closed": 1}


def test_order_acknowledged_then_filled_and_missing_from_the_history_is_unresolved(market: Market) -> None:
    orders = market.place(50)
    market.exchange.inject("ack_only", order_ids=[orders[0].order_id], times=1)
    market.before(CANCELS, 2, lambda: market.fill(orders[0]))
    market.exchange.inject("late_history", seconds=1_000.0)
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 49, "unresolved": 1}
    assert details(report, Bucket.UNRESOLVED) == {"ambiguous": 1}


@pytest.mark.parametrize("seconds", [1.0, 2.0])
def test_book_that_lags_delays_the_report_and_does_not_spoil_it(market: Market, seconds: float) -> None:
    orders = market.place(50)
    market.exchange.inject("lagging_book", seconds=seconds)
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 50}
    assert report.duration_ms / 1000 <= seconds + 5


def test_book_that_lags_for_long_is_held_against_what_the_exchange_says_of_each_order(market: Market) -> None:
    market.exchange.inject("lagging_book", seconds=1_000.0)
    report = market.cancel(market.place(50), deadline=60)
    assert counts(report) == {"cancelled": 50}
    assert report.duration_ms < 20_000


@pytest.mark.parametrize("count", [1, 3, 60])
@pytest.mark.parametrize("seconds", [1.5, 3.0, 6.0, 20.0, 1_000.0])
def test_book_that_lags_fails_no_cancelled_order_where_refusals_have_no_code(seconds: float, count: int) -> None:
    """The sample on the endpoint's own page says "notExistend", and no code."""
    market = Market(omit_error_code="all")
    market.exchange.inject("lagging_book", seconds=seconds)
    assert counts(market.cancel(market.place(count))) == {"cancelled": count}


@pytest.mark.parametrize("count", [1, 3, 60])
@pytest.mark.parametrize("seconds", [1.5, 3.0, 1_000.0])
def test_book_that_lags_fails_no_filled_order_where_refusals_have_no_code(seconds: float, count: int) -> None:
    market = Market(omit_error_code="all")
    orders = market.place(count)
    market.fill(*orders)
    market.exchange.inject("lagging_book", seconds=seconds)
    assert counts(market.cancel(orders)) == {"already_closed": count}


def test_open_orders_refused_without_a_code_are_failed_after_a_few_look_ups_however_many() -> None:
    market = Market(omit_error_code="all")
    orders = market.place(500)
    stubborn = [order.order_id for order in orders[:80]]
    market.exchange.inject("refuse_orders", order_ids=stubborn, code="40015", msg="no reason")
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 420, "failed": 80}
    assert len(market.requests(DETAIL)) <= 3
    assert len(market.requests(HISTORY)) <= 5
    assert report.duration_ms < 2_000


@pytest.mark.parametrize(("code", "omit"), [("99999", "none"), ("40015", "all")])
def test_open_orders_refused_after_a_lost_answer_are_asked_for_by_a_few_look_ups_however_many(
    code: str, omit: str
) -> None:
    """The lost answer may have cancelled them, so a refusal may mean that they are gone; three of them tell."""
    market = Market(omit_error_code=omit)
    orders = market.place(60)
    market.exchange.inject("bad_gateway", endpoint=CANCELS, times=2)
    market.exchange.inject("refuse_orders", code=code, msg="no reason")
    report = market.cancel(orders)
    assert counts(report) == {"failed": 60}
    assert len(market.requests(DETAIL)) <= 20
    assert report.duration_ms < 20_000


def test_orders_said_to_be_gone_are_not_all_asked_for_in_every_round_while_they_are_open(market: Market) -> None:
    orders = market.place(200)
    market.exchange.inject("refuse_orders", code="43001")
    report = market.cancel(orders)
    assert details(report, Bucket.UNRESOLVED) == {"still_open": 200}
    assert len(market.requests(DETAIL)) <= 30


def test_open_order_refused_without_a_code_is_failed_before_the_deadline_where_no_look_up_is_answered() -> None:
    market = Market(omit_error_code="all")
    orders = market.place(50)
    market.exchange.inject("refuse_orders", order_ids=[orders[7].order_id], code="40015", msg="no reason")
    for endpoint in (DETAIL, HISTORY):
        market.exchange.inject("bad_gateway", endpoint=endpoint)
    report = market.cancel(orders, deadline=300)
    assert counts(report) == {"cancelled": 49, "failed": 1}
    assert report.duration_ms < 120_000


@pytest.mark.parametrize("seconds", [0.5, 2.0, 4.0])
def test_history_that_lags_is_asked_again(market: Market, seconds: float) -> None:
    orders = market.place(50)
    market.exchange.inject("reset_after", endpoint=CANCELS, times=1)
    market.exchange.inject("late_history", seconds=seconds)
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 50}


@pytest.mark.parametrize(("count", "filled"), [(1, 1), (50, 1), (300, 30)])
@pytest.mark.parametrize("seconds", [0.5, 2.0, 4.0])
def test_history_that_lags_is_asked_again_for_orders_that_filled_before(
    market: Market, seconds: float, count: int, filled: int
) -> None:
    orders = market.place(count)
    market.fill(*orders[:filled])
    market.exchange.inject("late_history", seconds=seconds)
    assert market.cancel(orders).counts["already_closed"] == filled


def test_long_list_of_another_account_is_looked_for_twice_and_no_more(market: Market) -> None:
    report = market.cancel(unknown_orders(300))
    assert counts(report) == {"unresolved": 300}
    assert len(market.requests(HISTORY)) <= 2 * 4
    assert len(market.requests(DETAIL)) <= 2 * 100


def test_history_that_never_tells_leaves_lost_answers_unresolved(market: Market) -> None:
    market.exchange.inject("reset_after", endpoint=CANCELS, times=1)
    market.exchange.inject("late_history", seconds=1_000.0)
    report = market.cancel(market.place(10), deadline=60)
    assert counts(report) == {"unresolved": 10}
    assert set(details(report, Bucket.UNRESOLVED)) <= {"not_found", "ambiguous"}


# A yes that says no more than that the request was received


def fill_although_acknowledged(market: Market, *orders: Order) -> None:
    market.exchange.inject("ack_only", order_ids=[order.order_id for order in orders])
    market.before(OPEN_READS, 1, lambda: market.fill(*orders))


@pytest.mark.parametrize(("count", "filled"), [(1, 1), (50, 7), (100, 100)])
def test_order_that_fills_although_its_cancel_was_acknowledged_is_reported_as_filled(
    market: Market, count: int, filled: int
) -> None:
    orders = market.place(count)
    fill_although_acknowledged(market, *orders[:filled])
    report = market.cancel(orders)
    assert details(report, Bucket.ALREADY_CLOSED) == {"filled": filled}
    assert report.counts["cancelled"] == count - filled
    assert report.verified


@pytest.mark.parametrize("fault", ["bad_gateway", "reset_after", "truncate", "rate_limit", "hang"])
def test_acknowledged_orders_wait_for_no_history_that_cannot_be_read(market: Market, fault: str) -> None:
    orders = market.place(100)
    market.exchange.inject(fault, endpoint=HISTORY)
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 100}
    assert report.verified
    assert report.duration_ms <= 3_000
    assert len(market.requests(HISTORY)) == 1


def test_long_lists_do_not_wait_for_the_history(market: Market) -> None:
    market.cancel(market.place(101))
    assert market.requests(HISTORY) == []


def test_order_of_the_same_client_oid_that_filled_before_is_not_taken_for_an_acknowledged_one(market: Market) -> None:
    market.fill(*market.place(1, client_oids=["mine"]))
    (order,) = market.place(1, client_oids=["mine"])
    assert counts(market.cancel([by_client_oid(order)])) == {"cancelled": 1}


# One culprit refuses its whole batch

MOST_EXTRA = 2 * math.ceil(math.log2(50))


@pytest.mark.parametrize("code", ["40020", "400172", "40019", "40402", "99999", "40034"])
@pytest.mark.parametrize("position", [0, 24, 49])
def test_one_culprit_is_singled_out_and_the_others_are_cancelled(market: Market, code: str, position: int) -> None:
    orders = market.place(50)
    culprit = orders[position]
    market.refuse_batches_with([culprit], code)
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 49, "failed": 1}
    assert report.in_bucket(Bucket.FAILED)[0].ref.order_id == culprit.order_id
    retried = 1 if code == "99999" else 0
    assert len(market.requests(CANCELS)) <= 1 + MOST_EXTRA + retried
    assert report.duration_ms / 1000 <= SLOWER_AT_MOST


def test_one_culprit_of_a_refused_batch_in_many_costs_no_other_batch_anything(market: Market) -> None:
    orders = market.place(1_000)
    market.refuse_batches_with([orders[333]], "40020")
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 999, "failed": 1}
    assert len(market.requests(CANCELS)) <= 20 + MOST_EXTRA


def test_one_good_order_among_forty_nine_culprits_is_cancelled(market: Market) -> None:
    orders = market.place(50)
    market.refuse_batches_with(orders[:17] + orders[18:], "40020")
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 1, "failed": 49}


def test_a_culprit_in_every_batch_keeps_no_good_order_open(market: Market) -> None:
    orders = market.place(2_000)
    market.refuse_batches_with(orders[::50], "40020")
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 1_960, "failed": 40}


def test_batches_of_nothing_but_culprits_do_not_use_up_what_the_others_need(market: Market) -> None:
    orders = market.place(2_000)
    culprits = orders[:500] + orders[500::50]
    market.refuse_batches_with(culprits, "40020")
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 1_470, "failed": 530}


def test_a_culprit_for_a_reason_that_may_pass_is_singled_out_without_hurrying_any_order(market: Market) -> None:
    orders = market.place(50)
    market.refuse_batches_with([orders[20]], "45024")
    report = market.cancel(orders, deadline=120)
    assert counts(report) == {"cancelled": 49, "unresolved": 1}


def test_batch_that_is_refused_for_a_gone_order_is_not_split() -> None:
    """The read tells which of its orders are left."""
    market = Market(unknown_id="refuse")
    orders = market.place(49)
    report = market.cancel([*orders[:20], *unknown_orders(1), *orders[20:]])
    assert counts(report) == {"cancelled": 49, "unresolved": 1}
    assert len(market.requests(CANCELS)) == 2


@pytest.mark.parametrize("code", ["40200", "45043"])
def test_an_upgrade_or_a_settlement_is_a_verdict_only_once_it_was_said_four_times(market: Market, code: str) -> None:
    orders = market.place(500)
    market.exchange.inject("refuse", code=code, endpoint=CANCELS)
    report = market.cancel(orders)
    assert details(report, Bucket.FAILED) == {"maintenance": 500}
    assert all(outcome.curable for outcome in report.in_bucket(Bucket.FAILED))
    assert len(market.requests(CANCELS)) == 40


@pytest.mark.parametrize("code", ["40200", "45043"])
@pytest.mark.parametrize("fault", ["refuse", "refuse_orders"])
def test_an_upgrade_or_a_settlement_that_ends_in_a_moment_costs_no_order(market: Market, code: str, fault: str) -> None:
    orders = market.place(500)
    which = {"endpoint": CANCELS} if fault == "refuse" else {"order_ids": [order.order_id for order in orders[:3]]}
    market.exchange.inject(fault, code=code, duration=1.5, **which)
    assert counts(market.cancel(orders)) == {"cancelled": 500}


@pytest.mark.parametrize("code", ["45009", "41114", "40309", "22012"])
def test_refusal_of_the_symbol_or_the_account_is_not_split(market: Market, code: str) -> None:
    orders = market.place(500)
    market.exchange.inject("refuse", code=code, endpoint=CANCELS)
    report = market.cancel(orders)
    assert counts(report) == {"failed": 500}
    assert len(market.requests(CANCELS)) == 10


def test_refusal_of_everything_by_a_code_that_nobody_knows_is_no_verdict_on_any_order(market: Market) -> None:
    orders = market.place(500)
    market.exchange.inject("refuse", code="99999", endpoint=CANCELS, duration=60.0)
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 500}


@pytest.mark.parametrize("code", ["40034", "40020", "43001", "40015"])
def test_refusal_of_everything_by_a_code_not_known_for_it_costs_no_thousands_of_requests(
    market: Market, code: str
) -> None:
    orders = market.place(5_000)
    market.exchange.inject("refuse", code=code, endpoint=CANCELS)
    report = market.cancel(orders)
    assert report.counts["cancelled"] == 0
    assert len(market.requests(CANCELS)) < 1_000
    assert market.statuses(orders) == {"live"}


def test_one_refused_symbol_leaves_the_others_alone(market: Market) -> None:
    good, bad = market.place(300, "BTCUSDT"), market.place(300, "OLDUSDT")
    market.refuse_batches_with(bad, "40034")
    mixed = [order for pair in zip(good, bad, strict=True) for order in pair]
    report = market.cancel(mixed)
    assert counts(report) == {"cancelled": 300, "failed": 300}


def test_exchange_that_is_busy_for_a_while_is_not_asked_in_ever_smaller_batches(market: Market) -> None:
    orders = market.place(2_000)
    market.exchange.inject("refuse", code="40015", endpoint=CANCELS, duration=10.0)
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 2_000}
    assert len(market.requests(CANCELS)) <= 40 + 40


# Credentials, clock, account


@pytest.mark.parametrize("code", ["40009", "40012", "40014", "40037", "40099"])
def test_credentials_refused_in_the_middle_stop_everything_at_once(market: Market, code: str) -> None:
    orders = market.place(1_000)
    market.exchange.inject("refuse", code=code, after=3, endpoint=CANCELS)
    report = market.cancel(orders)
    assert isinstance(report.error, BitgetAuthError)
    assert report.error.code == code
    assert details(report, Bucket.UNRESOLVED) == {"not_verified": 150, "not_sent": 850}
    assert len(market.wire.sent) == 4
    assert not report.verified


def test_no_retry_can_cure_what_the_credentials_cannot_reach(market: Market) -> None:
    market.exchange.inject("refuse", code="40012", after=3, endpoint=CANCELS)
    report = market.cancel(market.place(1_000))
    assert not any(outcome.curable for outcome in report.not_done())


def test_a_deadline_leaves_orders_that_a_retry_can_cure(market: Market) -> None:
    report = market.cancel(market.place(1_000), deadline=1)
    assert report.counts["unresolved"] > 0
    assert all(outcome.curable for outcome in report.not_done())


def test_credentials_refused_at_the_read_leave_the_orders_not_verified(market: Market) -> None:
    market.exchange.inject("refuse", code="40014", endpoint=OPEN_READS)
    report = market.cancel(market.place(50))
    assert isinstance(report.error, BitgetAuthError)
    assert details(report, Bucket.UNRESOLVED) == {"not_verified": 50}


def test_unified_account_that_is_said_to_be_classic_ends_the_run_at_once_and_says_what_to_set() -> None:
    market = Market(kind=UNIFIED)
    run = BatchCancel(
        market.classic,
        [as_ref(order) for order in market.place(200)],
        product_type=USDT_FUTURES,
        workers=OneAtATime().on(market.clock),
    )
    report = run.run()
    assert isinstance(report.error, BitgetAccountModeError)
    assert report.error.code == "40085"
    assert "set account_mode to unified" in str(report.error)
    assert details(report, Bucket.UNRESOLVED) == {"not_sent": 200}
    assert len(market.wire.sent) == 1
    assert not any(outcome.curable for outcome in report.not_done())


def test_kind_of_account_is_found_out_by_the_first_cancel_and_batches_get_smaller() -> None:
    market = Market(kind=UNIFIED)
    report = market.cancel(market.place(200))
    assert counts(report) == {"cancelled": 200}
    assert [request.path for request in market.wire.sent[:1]] == ["/api/v2/mix/order/batch-cancel-orders"]
    assert not [request for request in market.wire.sent[1:] if request.path.startswith("/api/v2/")]
    assert len(market.requests(CANCELS)) == 10


@pytest.mark.parametrize("ahead", [60.0, -60.0])
def test_clock_that_is_off_by_a_minute_is_mended_once(ahead: float) -> None:
    market = Market(clock_ahead=ahead)
    orders = market.place(120)
    market.fill(orders[0])
    market.cancel_elsewhere(orders[1])
    market.clock.advance(10)
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 118, "already_closed": 2}
    assert len(market.requests("time")) == 1


@pytest.mark.parametrize("ahead", [60.0, -60.0, 20.0, -20.0])
def test_clock_that_is_off_does_not_change_whose_cancel_it_was(ahead: float) -> None:
    """The exchange's time of the end is compared with the exchange's time of our request."""
    market = Market(clock_ahead=ahead)
    orders = market.place(20)
    market.cancel_elsewhere(*orders[:10])
    market.clock.advance(10)
    market.exchange.inject("reset_after", endpoint=CANCELS, times=1)
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 10, "already_closed": 10}


def test_exchange_whose_clock_jumps_in_the_middle_is_followed(market: Market) -> None:
    market.exchange.inject("clock", offset=60.0, after=3)
    assert counts(market.cancel(market.place(500))) == {"cancelled": 500}


def test_banned_address_stops_the_run_and_says_so(market: Market) -> None:
    orders = market.place(1_000)
    market.exchange.inject("rate_limit")
    report = market.cancel(orders)
    assert isinstance(report.error, BitgetIpBanError)
    assert counts(report) == {"unresolved": 1_000}
    assert details(report, Bucket.UNRESOLVED) == {"not_sent": 1_000}
    assert report.duration_ms / 1000 < 60
    assert market.statuses(orders) == {"live"}


def test_address_banned_during_the_read_leaves_the_orders_not_verified(market: Market) -> None:
    orders = market.place(50)
    market.exchange.inject("rate_limit", endpoint=OPEN_READS)
    report = market.cancel(orders)
    assert isinstance(report.error, BitgetIpBanError)
    assert details(report, Bucket.UNRESOLVED) == {"not_verified": 50}


def test_texts_in_chinese_change_nothing(market: Market) -> None:
    orders = market.place(50)
    market.fill(orders[0])
    market.exchange.inject("chinese")
    market.exchange.inject("refuse_orders", code="45009", order_ids=[orders[1].order_id])
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 48, "already_closed": 1, "failed": 1}
