# SPDX-License-Identifier: Apache-2.0
"""What becomes of each order when everything works, and when the orders are not what the list says."""

from __future__ import annotations

import re

import pytest

from airflow_provider_bitget.sandbox.orders import CANCELED, FILLED, PARTIALLY_FILLED
from airflow_provider_bitget.trading.order_list import OrderRef
from airflow_provider_bitget.trading.report import Bucket
from tests.unit.trading.market import (
    CANCELS,
    DETAIL,
    HISTORY,
    OPEN_READS,
    Market,
    as_ref,
    by_client_oid,
    counts,
    details,
    under,
    unknown_orders,
)

# Nothing goes wrong


def test_fifty_orders_cost_one_cancel_two_reads_and_a_look_into_the_history(market: Market) -> None:
    orders = market.place(50)
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 50}
    assert [request.endpoint for request in market.wire.sent] == [CANCELS, OPEN_READS, OPEN_READS, HISTORY]
    assert report.verified
    assert report.retries == 0
    assert market.statuses(orders) == {CANCELED}


def test_nothing_is_requested_before_the_first_cancel(market: Market) -> None:
    market.cancel(market.place(120))
    assert [request.endpoint for request in market.wire.sent[:3]] == [CANCELS] * 3


def test_one_read_asks_for_partially_filled_orders(market: Market) -> None:
    """The page's two languages contradict each other on what a read without ``status`` returns."""
    asked: list[tuple[str, str]] = []
    handle = market.exchange.handle

    def listen(method: str, path: str, query: str, *rest: object) -> object:
        asked.append((path, query))
        return handle(method, path, query, *rest)  # type: ignore[arg-type]

    market.exchange.handle = listen  # type: ignore[method-assign, assignment]
    market.cancel(market.place(1))
    reads = [query for path, query in asked if path.endswith(OPEN_READS)]
    assert sorted("status=partially_filled" in query for query in reads) == [False, True]


@pytest.mark.parametrize("returned", ["live", "all"])
def test_partially_filled_orders_are_cancelled_and_proven(returned: str) -> None:
    market = Market(pending_returns=returned)
    report = market.cancel(market.place(60, status=PARTIALLY_FILLED))
    assert counts(report) == {"cancelled": 60}


def test_partially_filled_order_that_stays_open_is_seen(market: Market) -> None:
    """It shows only in the read that asks for its status."""
    [order] = market.place(1, status=PARTIALLY_FILLED)
    market.exchange.inject("ack_only")
    report = market.cancel([order], deadline=20)
    assert details(report, Bucket.UNRESOLVED) == {"still_open": 1}


def test_orders_named_by_client_oid_are_cancelled_and_learn_their_order_id(market: Market) -> None:
    orders = market.place(60, client_oids=True)
    report = market.cancel([by_client_oid(order) for order in orders])
    assert counts(report) == {"cancelled": 60}
    assert {outcome.ref.order_id for outcome in report.outcomes} == {order.order_id for order in orders}


def test_order_ids_and_client_oids_never_travel_together(market: Market) -> None:
    first, second = market.place(30), market.place(30, client_oids=True)
    mixed = [ref for pair in zip(map(as_ref, first), map(by_client_oid, second), strict=True) for ref in pair]
    assert counts(market.cancel(mixed)) == {"cancelled": 60}
    oids = {order.client_oid for order in second}
    for record in market.requests(CANCELS):
        assert len({one in oids for one in record.order_ids}) == 1


def test_each_batch_holds_one_symbol(market: Market) -> None:
    orders = market.place(90, None)
    assert counts(market.cancel(orders)) == {"cancelled": 90}
    symbols = {order.order_id: order.symbol for order in orders}
    for record in market.requests(CANCELS):
        assert len({symbols[one] for one in record.order_ids}) == 1
    assert len(market.requests(CANCELS)) == 3


@pytest.mark.parametrize(("size", "batches"), [(1, 7), (3, 3), (50, 1), (None, 1)])
def test_chunk_size_is_the_number_of_orders_in_a_request(size: int | None, batches: int) -> None:
    market = Market()
    assert counts(market.cancel(market.place(7), chunk_size=size)) == {"cancelled": 7}
    assert len(market.requests(CANCELS)) == batches
    assert max(len(record.order_ids) for record in market.requests(CANCELS)) <= (size or 50)


def test_orders_that_nobody_asked_for_stay_open(market: Market) -> None:
    ours, others = market.place(30), market.place(30)
    market.cancel(ours)
    assert market.statuses(others) == {"live"}


def test_twenty_thousand_other_open_orders_are_read_to_the_end(market: Market) -> None:
    """The oldest order of all was acknowledged and is still open: it is on the last page."""
    ours = market.place(2)
    market.place(20_000)
    market.exchange.inject("ack_only", order_ids=[ours[0].order_id], times=1)
    report = market.cancel(ours)
    assert counts(report) == {"cancelled": 2}
    assert [record.order_ids for record in market.requests(CANCELS)][1:] == [(ours[0].order_id,)]
    assert len(market.requests(OPEN_READS)) > 400


def test_five_thousand_orders_keep_the_pace_and_lose_nothing() -> None:
    market = Market(round_trip=0.001)
    report = market.cancel(market.place(5_000, None))
    assert counts(report) == {"cancelled": 5_000}
    assert market.exchange.statistics()["/api/v2/mix/order/batch-cancel-orders"]["refused_429"] == 0
    # Ten a second, and 30 ms of each second kept for jitter.
    assert 9.0 <= report.duration_ms / 1000 <= 10.5


@pytest.mark.parametrize("shape", ["sliding", "fixed", "bucket"])
def test_whatever_the_limit_counts_no_request_is_refused(shape: str) -> None:
    market = Market(round_trip=0.001, limiter=shape)
    assert counts(market.cancel(market.place(1_500))) == {"cancelled": 1_500}
    assert all(seen["refused_429"] == 0 for seen in market.exchange.statistics().values())


def test_a_lower_limit_than_documented_is_found_by_being_refused() -> None:
    market = Market(round_trip=0.001, limits={CANCELS: 5})
    report = market.cancel(market.place(1_000))
    assert counts(report) == {"cancelled": 1_000}
    assert report.rate_limited > 0


def test_a_refusal_that_counts_itself_does_not_end_the_run() -> None:
    market = Market(round_trip=0.001, limits={CANCELS: 5}, count_refused=True)
    assert counts(market.cancel(market.place(500))) == {"cancelled": 500}


def test_requests_per_second_is_a_ceiling() -> None:
    market = Market(round_trip=0.001, requests_per_second=2)
    market.cancel(market.place(500))
    assert market.exchange.statistics()["/api/v2/mix/order/batch-cancel-orders"]["busiest_second"] <= 2


def test_margin_coin_travels_with_every_batch(market: Market) -> None:
    report = market.cancel(market.place(60), margin_coin="USDT")
    assert counts(report) == {"cancelled": 60}


def test_empty_list_never_reaches_the_exchange(market: Market) -> None:
    market.place(5)
    report = market.cancel([])
    assert report.counts["requested"] == 0
    assert market.wire.sent == []
    assert len(market.exchange.orders()) == 5


def test_demo_account_is_served_with_its_own_header() -> None:
    from airflow_provider_bitget.sandbox import numbered_account

    market = Market(numbered_account(demo=True))
    assert counts(market.cancel(market.place(3))) == {"cancelled": 3}


# Orders that had ended, or never were


def test_order_filled_before_we_began_is_already_closed_filled(market: Market) -> None:
    orders = market.place(50)
    market.fill(orders[7])
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 49, "already_closed": 1}
    [outcome] = report.in_bucket(Bucket.ALREADY_CLOSED)
    assert (outcome.ref.order_id, outcome.detail) == (orders[7].order_id, "filled")


def test_order_cancelled_by_somebody_else_before_we_began_is_already_closed_cancelled(market: Market) -> None:
    orders = market.place(50)
    market.cancel_elsewhere(orders[7])
    report = market.cancel(orders)
    assert details(report, Bucket.ALREADY_CLOSED) == {"cancelled": 1}
    assert counts(report) == {"cancelled": 49, "already_closed": 1}


def test_order_cancelled_long_ago_is_not_ours_even_after_a_lost_request(market: Market) -> None:
    orders = market.place(50)
    market.cancel_elsewhere(*orders[:5])
    market.clock.advance(60)
    market.exchange.inject("reset_after", endpoint=CANCELS, times=1)
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 45, "already_closed": 5}


def test_many_ended_orders_are_looked_up_in_bulk(market: Market) -> None:
    """A hundred a request, not one by one."""
    orders = market.place(500)
    market.fill(*orders)
    report = market.cancel(orders)
    assert details(report, Bucket.ALREADY_CLOSED) == {"filled": 500}
    assert len(market.requests(HISTORY)) == 5
    assert market.requests(DETAIL) == []


def test_second_try_of_a_finished_list_ends_with_the_truth(market: Market) -> None:
    orders = market.place(120)
    market.fill(orders[0])
    market.cancel(orders)
    market.clock.advance(30)
    assert details(market.cancel(orders), Bucket.ALREADY_CLOSED) == {"cancelled": 119, "filled": 1}


def test_order_that_never_existed_is_unresolved(market: Market) -> None:
    report = market.cancel([*map(as_ref, market.place(49)), *unknown_orders(1)])
    assert counts(report) == {"cancelled": 49, "unresolved": 1}
    assert details(report, Bucket.UNRESOLVED) == {"not_found": 1}


@pytest.mark.parametrize("listed", ["none", "all", "random"])
def test_live_orders_under_the_wrong_symbol_are_never_green(listed: str) -> None:
    market = Market(omit_error_code=listed)
    orders = market.place(20)
    report = market.cancel(under("ETHUSDT", orders))
    assert counts(report) == {"unresolved": 20}
    assert details(report, Bucket.UNRESOLVED) == {"not_found": 20}
    assert market.statuses(orders) == {"live"}
    assert "open under BTCUSDT" in report.outcomes[0].message


@pytest.mark.parametrize("listed", ["none", "all", "random"])
def test_live_orders_under_the_wrong_product_type_are_never_green(listed: str) -> None:
    market = Market(omit_error_code=listed)
    orders = market.place(20)
    report = market.cancel(orders, product_type="USDC-FUTURES", deadline=60)
    assert counts(report) == {"unresolved": 20}
    assert details(report, Bucket.UNRESOLVED) == {"not_found": 20}
    assert market.statuses(orders) == {"live"}


def test_a_long_list_of_another_product_type_is_given_up_before_the_deadline(market: Market) -> None:
    orders = market.place(1_000)

    report = market.cancel(orders, product_type="USDC-FUTURES", deadline=300)

    assert details(report, Bucket.UNRESOLVED) == {"not_found": 1_000}
    assert len(market.requests("detail")) <= 200
    assert report.duration_ms < 60_000


def test_live_orders_by_client_oid_under_the_wrong_symbol_are_never_green(market: Market) -> None:
    orders = market.place(20, client_oids=True)
    report = market.cancel([OrderRef("", order.client_oid, "ETHUSDT") for order in orders])
    assert details(report, Bucket.UNRESOLVED) == {"not_found": 20}
    assert market.statuses(orders) == {"live"}


def test_client_oid_used_again_under_another_symbol_proves_nothing(market: Market) -> None:
    """The history holds an order with these clientOids, but it is not the one that was asked for."""
    names = [f"desk-a{number}" for number in range(5)]
    market.fill(*market.place(5, "ETHUSDT", client_oids=names))
    asked = [OrderRef("", name, "BTCUSDT") for name in names]
    report = market.prepare(asked).run()
    assert details(report, Bucket.UNRESOLVED) == {"not_found": 5}


@pytest.mark.parametrize("rule", ["refuse", "refuse_ended"])
def test_an_unknown_order_that_has_its_batch_refused_keeps_no_other_from_being_cancelled(rule: str) -> None:
    market = Market(unknown_id=rule)
    report = market.cancel([*map(as_ref, market.place(49)), *unknown_orders(1)])
    assert counts(report) == {"cancelled": 49, "unresolved": 1}
    assert details(report, Bucket.UNRESOLVED) == {"not_found": 1}


def test_ended_orders_that_have_their_batches_refused_keep_no_other_from_being_cancelled() -> None:
    market = Market(unknown_id="refuse_ended")
    orders = market.place(200)
    market.fill(*orders[::40])
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 195, "already_closed": 5}


def test_in_a_market_that_fills_all_the_time_no_refused_batch_is_given_up() -> None:
    """Before every request another order fills, and its batch is refused as a whole for it."""
    market = Market(unknown_id="refuse_ended")
    orders = market.place(50)
    waiting = iter(orders[::6])

    def fill_one(request: object) -> None:
        order = next((order for order in waiting if market.exchange.order(order.order_id).is_open), None)
        if order is not None:
            market.fill(order)

    market.wire.before_arrival.append(fill_one)
    report = market.cancel(orders, deadline=60)
    assert "unresolved" not in counts(report)
    assert counts(report)["cancelled"] >= 41
    assert market.statuses(orders) == {CANCELED, FILLED}


def test_order_older_than_what_the_open_orders_show_is_found_by_looking_it_up(market: Market) -> None:
    """The exchange shows three months; an order may rest for longer, and be refused."""
    long_ago = int(market.exchange._epoch() * 1000) - 100 * 86_400_000
    [order] = market.place(1, created_ms=long_ago)
    market.exchange.inject("refuse_orders", code="40015", times=2)
    report = market.cancel([order])
    assert counts(report) == {"cancelled": 1}


# Callers who want it otherwise


def test_without_verify_an_acknowledged_batch_costs_one_request(market: Market) -> None:
    report = market.cancel(market.place(50), verify=False)
    assert counts(report) == {"cancelled": 50}
    assert not report.verified
    assert len(market.wire.sent) == 1


def test_without_verify_what_no_answer_settles_is_still_asked_for(market: Market) -> None:
    orders = market.place(50)
    market.fill(orders[0])
    market.exchange.inject("drop_ids", count=3, order_ids=[order.order_id for order in orders[10:13]])
    report = market.cancel(orders, verify=False)
    assert counts(report) == {"cancelled": 49, "already_closed": 1}
    assert not report.verified


def test_without_verify_a_refusal_is_reported_as_it_came(market: Market) -> None:
    market.exchange.inject("refuse_orders", code="45009", count=2)
    report = market.cancel(market.place(50), verify=False)
    assert counts(report) == {"cancelled": 48, "failed": 2}


def test_simulate_sends_no_write(market: Market) -> None:
    orders = market.place(30)
    market.fill(orders[0])
    report = market.cancel(orders, simulate=True)
    assert {request.method for request in market.wire.sent} == {"GET"}
    assert report.simulated
    assert details(report, Bucket.UNRESOLVED) == {"not_sent": 29, "not_found": 1}
    assert market.statuses(orders[1:]) == {"live"}


def test_simulate_without_verify_sends_nothing_at_all(market: Market) -> None:
    report = market.cancel(market.place(30), simulate=True, verify=False)
    assert market.wire.sent == []
    assert details(report, Bucket.UNRESOLVED) == {"not_sent": 30}


def test_cancelled_ids_are_listed_on_request(market: Market) -> None:
    orders = market.place(3)
    report = market.cancel(orders, report_cancelled=True).to_dict()
    assert report["cancelled"] == [order.order_id for order in orders]
    assert market.cancel(market.place(3)).to_dict()["cancelled"] == []


def test_progress_counts_an_order_once_however_often_it_is_sent(
    market: Market, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    market.exchange.inject("refuse_orders", code="40015", times=40)
    market.cancel(market.place(100))
    lines = [record for record in caplog.records if record.getMessage().startswith("Cancelling:")]
    assert len(lines) >= 3
    for line in lines:
        said = re.search(r"(\d+) of 100 orders answered \((\d+) %\), 0 refused", line.getMessage())
        assert said, line.getMessage()
        assert int(said[1]) <= 100
        assert int(said[2]) <= 100
        assert "-" not in line.getMessage()


def test_progress_goes_on_while_a_round_is_waited_for(market: Market, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    market.exchange.inject("refuse_orders", code="40015")
    market.cancel(market.place(1), deadline=60)
    moments = [record for record in caplog.records if record.getMessage().startswith("Cancelling:")]
    assert len(moments) >= 20


# What an earlier try has proven


def test_known_end_names_the_bucket_of_an_order_that_the_exchange_says_is_gone(market: Market) -> None:
    """The history would have told the same; it is not asked for them."""
    orders = market.place(50)
    market.fill(*orders[:10])
    market.cancel_elsewhere(*orders[10:20])
    known = {order.order_id: "filled" for order in orders[:10]} | {
        order.order_id: "cancelled" for order in orders[10:20]
    }
    report = market.cancel(orders, known_ends=known)
    assert details(report, Bucket.ALREADY_CLOSED) == {"filled": 10, "cancelled": 10}
    # That is the look for acknowledged orders.
    assert len(market.requests(HISTORY)) == 1
    assert market.requests(DETAIL) == []


def test_known_end_keeps_no_order_from_being_cancelled(market: Market) -> None:
    """A store that is wrong costs nothing: every order is sent, and what is open is cancelled."""
    orders = market.place(50)
    report = market.cancel(orders, known_ends={order.order_id: "filled" for order in orders})
    assert counts(report) == {"cancelled": 50}
    assert market.statuses(orders) == {CANCELED}


def test_known_end_does_not_hide_an_order_that_stays_open(market: Market) -> None:
    orders = market.place(5)
    market.exchange.inject("refuse_orders", code="43001")
    report = market.cancel(orders, known_ends={order.order_id: "cancelled" for order in orders}, deadline=20)
    assert details(report, Bucket.UNRESOLVED) == {"still_open": 5}
