# SPDX-License-Identifier: Apache-2.0
"""Plan orders (trigger, trailing, take-profit, stop-loss) in a batch cancel: how they are sent, read back and named."""

from __future__ import annotations

from collections import Counter

import pytest

from airflow_provider_bitget.sandbox.orders import CANCELED, LIVE
from airflow_provider_bitget.sandbox.plan_orders import PLAN_CANCELLED, PLAN_TYPES
from airflow_provider_bitget.trading.order_list import OrderRef, parse_orders
from airflow_provider_bitget.trading.report import Bucket
from tests.unit.trading.market import (
    CANCELS,
    CHILDREN,
    DETAIL,
    HISTORY,
    OPEN_READS,
    PLAN_CANCELS,
    PLAN_HISTORY,
    PLAN_READS,
    AnyOrder,
    Market,
    as_ref,
    by_client_oid,
    counts,
    details,
    under_type,
    unknown_orders,
)

# How they are sent and read back


@pytest.mark.parametrize("plan_type", PLAN_TYPES)
def test_plan_orders_of_every_type_are_cancelled_under_their_own_type(market: Market, plan_type: str) -> None:
    plans = market.place_plan(60, plan_type)
    report = market.cancel(plans)
    assert counts(report) == {"cancelled": 60}
    assert report.verified
    assert market.statuses(plans) == {PLAN_CANCELLED}
    assert {record.plan_type for record in market.requests(PLAN_CANCELS)} == {plan_type}
    assert [len(record.plan_order_ids) for record in market.requests(PLAN_CANCELS)] == [50, 10]


@pytest.mark.parametrize(
    ("plan_type", "queries"),
    [
        ("normal_plan", {"normal_plan"}),
        ("pos_loss", {"profit_loss"}),
        ("loss_plan", {"profit_loss"}),
        # A trailing order has two names, and no source says under which the lists have it.
        ("track_plan", {"track_plan", "profit_loss"}),
        ("moving_plan", {"track_plan", "profit_loss"}),
    ],
)
def test_plan_orders_are_read_back_through_the_list_that_shows_them(
    market: Market, plan_type: str, queries: set[str]
) -> None:
    market.cancel(market.place_plan(3, plan_type))
    assert {record.plan_type for record in market.requests(PLAN_READS)} == queries
    assert len(market.requests(PLAN_READS)) == len(queries)
    assert market.requests(OPEN_READS) == []


def test_fifty_plan_orders_cost_one_cancel_and_one_read(market: Market) -> None:
    market.cancel(market.place_plan(50))
    assert [request.endpoint for request in market.wire.sent] == [PLAN_CANCELS, PLAN_READS]


def test_each_batch_holds_one_symbol_one_plan_type_and_one_kind_of_id(market: Market) -> None:
    plans = [plan for kind in PLAN_TYPES for plan in market.place_plan(6, kind, None, client_oids=True)]
    asked = [by_client_oid(plan) if place % 2 else as_ref(plan) for place, plan in enumerate(plans)]
    assert counts(market.cancel(asked)) == {"cancelled": len(plans)}
    known = {name: plan for plan in plans for name in (plan.order_id, plan.client_oid)}
    for record in market.requests(PLAN_CANCELS):
        batch = [known[name] for name in record.plan_order_ids]
        assert len({(plan.symbol, plan.plan_type) for plan in batch}) == 1
        assert len({name == plan.order_id for name, plan in zip(record.plan_order_ids, batch, strict=True)}) == 1
        assert (record.symbol, record.plan_type) == (batch[0].symbol, batch[0].plan_type)


def test_orders_and_plan_orders_of_one_symbol_go_to_an_endpoint_each(market: Market) -> None:
    orders, plans, stops = market.place(30), market.place_plan(30), market.place_plan(30, "pos_loss")
    mixed = [one for three in zip(orders, plans, stops, strict=True) for one in three]
    assert counts(market.cancel(mixed)) == {"cancelled": 90}
    sent = Counter(request.endpoint for request in market.wire.sent)
    assert sent == {CANCELS: 1, PLAN_CANCELS: 2, OPEN_READS: 2, PLAN_READS: 2, HISTORY: 1}
    assert set(market.requests(CANCELS)[0].order_ids) == {order.order_id for order in orders}


def test_reads_of_both_kinds_travel_side_by_side() -> None:
    """However many lists there are, they cost one round trip: all are under way before the first answer is in."""
    market = Market()
    run = market.prepare([*market.place(1), *market.place_plan(1), *market.place_plan(1, "pos_loss")])
    under_way: list[int] = []
    collect = run._in_flight.collect

    def count(take: object) -> None:
        under_way.append(len(run._in_flight._under_way))
        collect(take)  # type: ignore[arg-type]

    run._in_flight.collect = count  # type: ignore[method-assign]
    run.run()
    assert under_way[:2] == [3, 5]


def test_margin_coin_and_chunk_size_hold_for_plan_orders(market: Market) -> None:
    assert counts(market.cancel(market.place_plan(7), margin_coin="USDT", chunk_size=3)) == {"cancelled": 7}
    assert [len(record.plan_order_ids) for record in market.requests(PLAN_CANCELS)] == [3, 3, 1]


def test_plan_orders_that_nobody_asked_for_stay(market: Market) -> None:
    ours, others = market.place_plan(10), [plan for kind in PLAN_TYPES for plan in market.place_plan(5, kind)]
    market.cancel(ours)
    assert market.statuses(others) == {LIVE}


def test_plan_orders_named_by_client_oid_learn_their_id(market: Market) -> None:
    plans = market.place_plan(60, client_oids=True)
    report = market.cancel([by_client_oid(plan) for plan in plans])
    assert counts(report) == {"cancelled": 60}
    assert {outcome.ref.order_id for outcome in report.outcomes} == {plan.order_id for plan in plans}


def test_one_client_oid_may_name_an_order_and_a_plan_order(market: Market) -> None:
    names = ["desk-1", "desk-2"]
    orders, plans = market.place(2, client_oids=names), market.place_plan(2, client_oids=names)
    asked = [*map(by_client_oid, orders), *map(by_client_oid, plans)]
    report = market.prepare(asked).run()
    assert counts(report) == {"cancelled": 4}
    assert market.statuses(orders) | market.statuses(plans) == {CANCELED, PLAN_CANCELLED}


@pytest.mark.parametrize("rule", ["full_pages", "always", "never"])
def test_plan_order_on_the_last_page_of_many_is_read(rule: str) -> None:
    """The oldest was acknowledged and still waits: it is on the last page."""
    market = Market(plan_end_id=rule)
    ours = market.place_plan(2)
    market.place_plan(350)
    market.exchange.inject("ack_only", order_ids=[ours[0].order_id], times=1)
    assert counts(market.cancel(ours)) == {"cancelled": 2}
    assert [record.plan_order_ids for record in market.requests(PLAN_CANCELS)][1:] == [(ours[0].order_id,)]


def test_rows_of_the_open_plan_orders_can_be_cancelled_as_they_are(market: Market) -> None:
    plans = [plan for kind in PLAN_TYPES for plan in market.place_plan(2, kind)]
    rows = [
        order.row
        for read in market.dialect.reads_of_open_plan_orders(product_type="USDT-FUTURES")
        for page in read()
        for order in page
    ]
    sent_before = len(market.wire.sent)
    report = market.prepare(parse_orders(rows, symbol=None, product_type="USDT-FUTURES")).run()
    assert counts(report) == {"cancelled": len(plans)}
    assert market.statuses(plans) == {PLAN_CANCELLED}
    assert len(market.wire.sent) > sent_before


def test_simulate_sends_no_write_and_tells_what_would_be_sent(market: Market) -> None:
    plans = market.place_plan(5, "pos_loss")
    market.cancel_plans_elsewhere(plans[0])
    report = market.cancel([*plans, *market.place(2)], simulate=True)
    assert {request.method for request in market.wire.sent} == {"GET"}
    assert details(report, Bucket.UNRESOLVED) == {"not_sent": 6, "not_found": 1}


def test_without_verify_an_acknowledged_batch_costs_one_request(market: Market) -> None:
    report = market.cancel(market.place_plan(50), verify=False)
    assert counts(report) == {"cancelled": 50}
    assert not report.verified
    assert len(market.wire.sent) == 1


# Trailing orders


@pytest.mark.parametrize("rule", ["accept", "as_moving_plan"])
def test_trailing_orders_are_cancelled_whichever_name_the_exchange_takes(rule: str) -> None:
    market = Market(cancel_track_plan=rule)
    plans = market.place_plan(60, "track_plan")
    assert counts(market.cancel(plans)) == {"cancelled": 60}
    sent = [(record.plan_type, len(record.plan_order_ids)) for record in market.requests(PLAN_CANCELS)]
    first = [("track_plan", 50), ("track_plan", 10)]
    assert sent == (first if rule == "accept" else [*first, ("moving_plan", 50), ("moving_plan", 10)])


@pytest.mark.parametrize("code", ["40017", "400172", "43025", "99999"])
def test_trailing_orders_whose_name_is_refused_go_under_the_other_unsplit(market: Market, code: str) -> None:
    """An exchange that does not know the type may refuse the whole request for it."""
    plans = market.place_plan(50, "track_plan")
    market.exchange.inject("refuse", code=code, endpoint=PLAN_CANCELS, times=1)
    assert counts(market.cancel(plans)) == {"cancelled": 50}
    assert [record.plan_type for record in market.requests(PLAN_CANCELS)][:2] == ["track_plan", "moving_plan"]
    assert len(market.requests(PLAN_CANCELS)) <= 3


@pytest.mark.parametrize("code", ["40020", "40017", "41114"])
def test_single_trailing_order_whose_name_is_refused_goes_under_the_other(code: str) -> None:
    market = Market(cancel_track_plan="as_moving_plan")
    plans = market.place_plan(1, "track_plan")
    market.exchange.inject("refuse", code=code, endpoint=PLAN_CANCELS, times=1)
    report = market.cancel(plans)
    # Maintenance speaks of the symbol, whatever the name.
    assert counts(report) == ({"failed": 1} if code == "41114" else {"cancelled": 1})


def test_trailing_orders_that_neither_name_reaches_are_sent_under_both_in_turn() -> None:
    market = Market(cancel_track_plan="as_moving_plan")
    market.exchange.inject("empty_lists", processed=False, times=3)
    plans = market.place_plan(3, "track_plan")
    assert counts(market.cancel(plans)) == {"cancelled": 3}
    names = [record.plan_type for record in market.requests(PLAN_CANCELS)]
    assert names == ["track_plan", "moving_plan"] * 2


def test_a_busy_exchange_is_no_reason_to_send_trailing_orders_under_another_name(market: Market) -> None:
    market.exchange.inject("refuse", code="40015", endpoint=PLAN_CANCELS, times=2)
    market.exchange.inject("reset_before", endpoint=PLAN_CANCELS, times=1)
    assert counts(market.cancel(market.place_plan(3, "track_plan"))) == {"cancelled": 3}
    assert {record.plan_type for record in market.requests(PLAN_CANCELS)} == {"track_plan"}


def test_trailing_order_refused_for_good_under_both_names_has_failed(market: Market) -> None:
    plans = market.place_plan(3, "track_plan")
    market.exchange.inject("refuse", code="40020", endpoint=PLAN_CANCELS)
    report = market.cancel(plans, deadline=60)
    assert details(report, Bucket.FAILED) == {"bad_request": 3}
    assert {record.plan_type for record in market.requests(PLAN_CANCELS)} == {"track_plan", "moving_plan"}


# The wrong type: 00000 and empty lists


@pytest.mark.parametrize(
    ("asked", "true"),
    [
        ("normal_plan", "pos_loss"),
        ("pos_profit", "pos_loss"),
        ("profit_plan", "track_plan"),
        ("loss_plan", "normal_plan"),
    ],
)
def test_plan_order_of_another_type_is_never_reported_as_cancelled(market: Market, asked: str, true: str) -> None:
    """Recorded: such a cancel is a success with empty lists. The row says of which type the order is."""
    plans = market.place_plan(3, true)
    report = market.prepare(under_type(asked, plans)).run()
    assert details(report, Bucket.UNRESOLVED) == {"not_found": 3}
    assert market.statuses(plans) == {LIVE}
    assert f"under {asked}; it is open under {true}" in report.outcomes[0].message
    assert {record.plan_type for record in market.requests(PLAN_CANCELS)} == {asked}


def test_plan_order_under_the_wrong_symbol_is_never_reported_as_cancelled(market: Market) -> None:
    plans = market.place_plan(3, "pos_loss")
    report = market.prepare([OrderRef(plan.order_id, "", "ETHUSDT", "pos_loss") for plan in plans]).run()
    assert details(report, Bucket.UNRESOLVED) == {"not_found": 3}
    assert "open under BTCUSDT" in report.outcomes[0].message
    assert market.statuses(plans) == {LIVE}


def test_plan_order_sent_as_a_normal_order_is_never_reported_as_cancelled(market: Market) -> None:
    plans = market.place_plan(3)
    report = market.prepare(under_type("", plans)).run()
    assert details(report, Bucket.UNRESOLVED) == {"not_found": 3}
    assert market.statuses(plans) == {LIVE}


def test_order_sent_as_a_plan_order_is_never_reported_as_cancelled(market: Market) -> None:
    orders = market.place(3)
    report = market.prepare([OrderRef(order.order_id, "", order.symbol, "normal_plan") for order in orders]).run()
    assert counts(report) == {"unresolved": 3}
    assert market.statuses(orders) == {LIVE}


def test_one_row_of_the_wrong_type_keeps_no_other_plan_order_waiting(market: Market) -> None:
    plans, stop = market.place_plan(20), market.place_plan(1, "pos_loss")
    report = market.prepare(
        [*map(as_ref, plans[:10]), *under_type("normal_plan", stop), *map(as_ref, plans[10:])]
    ).run()
    assert counts(report) == {"cancelled": 20, "unresolved": 1}
    assert market.statuses(stop) == {LIVE}


def test_plan_order_that_never_existed_is_unresolved(market: Market) -> None:
    report = market.cancel([*map(as_ref, market.place_plan(20)), *unknown_orders(1, plan_type="normal_plan")])
    assert counts(report) == {"cancelled": 20, "unresolved": 1}
    assert details(report, Bucket.UNRESOLVED) == {"not_found": 1}


def test_a_long_list_of_unknown_plan_orders_is_given_up_before_the_deadline(market: Market) -> None:
    report = market.cancel(unknown_orders(400, plan_type="pos_loss"), deadline=300)
    assert details(report, Bucket.UNRESOLVED) == {"not_found": 400}
    assert report.duration_ms < 120_000


def test_plan_order_older_than_what_the_lists_show_is_found_by_looking_further_back(market: Market) -> None:
    """The lists show three months by themselves; a stop may wait for longer, and be refused."""
    long_ago = int(market.exchange._epoch() * 1000) - 200 * 86_400_000
    [plan] = market.place_plan(1, "pos_loss", created_ms=long_ago)
    market.exchange.inject("refuse_orders", code="40015", times=2)
    assert counts(market.cancel([plan])) == {"cancelled": 1}


def test_lookback_days_widens_the_reads_of_both_kinds(market: Market) -> None:
    long_ago = int(market.exchange._epoch() * 1000) - 200 * 86_400_000
    old: list[AnyOrder] = [
        *market.place(1, created_ms=long_ago),
        *market.place_plan(1, "pos_loss", created_ms=long_ago),
    ]
    market.exchange.inject("ack_only", times=2)
    report = market.cancel(old, lookback_days=365)
    assert counts(report) == {"cancelled": 2}
    assert len(market.requests(CANCELS)) == len(market.requests(PLAN_CANCELS)) == 2


# Plan orders that had ended


def test_plan_order_cancelled_by_somebody_else_is_already_closed(market: Market) -> None:
    plans = market.place_plan(20)
    market.cancel_plans_elsewhere(*plans[:5])
    report = market.cancel(plans)
    assert counts(report) == {"cancelled": 15, "already_closed": 5}
    assert details(report, Bucket.ALREADY_CLOSED) == {"cancelled": 5}


def test_plan_order_whose_order_has_filled_is_already_closed_filled(market: Market) -> None:
    plans = market.place_plan(20)
    children = market.trigger(*plans[:5], outcome="fills")
    report = market.cancel(plans)
    assert counts(report) == {"cancelled": 15, "already_closed": 5}
    assert details(report, Bucket.ALREADY_CLOSED) == {"filled": 5}
    named = {outcome.child_id for outcome in report.in_bucket(Bucket.ALREADY_CLOSED)}
    assert named == {child.order_id for child in children}


def test_plan_order_whose_order_was_cancelled_is_already_closed_cancelled(market: Market) -> None:
    plans = market.place_plan(3)
    market.cancel_elsewhere(*market.trigger(*plans, outcome="rests"))
    assert details(market.cancel(plans), Bucket.ALREADY_CLOSED) == {"cancelled": 3}


@pytest.mark.parametrize("count", [1, 12])
@pytest.mark.parametrize("plan_type", ["normal_plan", "track_plan", "pos_loss"])
def test_plan_order_whose_order_rests_is_unresolved_and_names_it(market: Market, plan_type: str, count: int) -> None:
    plans = market.place_plan(count, plan_type)
    children = market.trigger(*plans, outcome="rests")
    report = market.cancel(plans)
    assert details(report, Bucket.UNRESOLVED) == {"still_open": count}
    assert all(outcome.curable for outcome in report.not_done())
    for row, plan, child in zip(report.to_dict()["unresolved"], plans, children, strict=True):
        assert (row["orderId"], row["planType"]) == (plan.order_id, plan_type)
        assert (row["state"], row["childOrderId"]) == ("triggered", child.order_id)
    assert market.statuses(children) == {LIVE}


def test_plan_order_whose_trigger_failed_is_already_closed_and_says_so(market: Market) -> None:
    plans = market.place_plan(3, "pos_loss")
    market.trigger(*plans, outcome="fails")
    report = market.cancel(plans)
    assert details(report, Bucket.ALREADY_CLOSED) == {"cancelled": 3}
    assert "placed no order" in report.to_dict()["already_closed"][0]["errorMsg"]
    assert "childOrderId" not in report.to_dict()["already_closed"][0]


def test_second_try_ends_once_the_order_that_the_trigger_placed_has_ended(market: Market) -> None:
    plans = market.place_plan(2)
    children = market.trigger(*plans, outcome="rests")
    assert counts(market.cancel(plans)) == {"unresolved": 2}
    market.fill(*children)
    market.clock.advance(30)
    assert details(market.cancel(plans), Bucket.ALREADY_CLOSED) == {"filled": 2}


def test_order_that_a_trigger_placed_may_fill_a_moment_later(market: Market) -> None:
    plans = market.place_plan(1, "pos_loss")
    [child] = market.trigger(*plans, outcome="rests")
    market.clock.at(market.clock.monotonic() + 0.5, lambda: market.fill(child))
    assert details(market.cancel(plans), Bucket.ALREADY_CLOSED) == {"filled": 1}


@pytest.mark.parametrize("outcome", ["fills", "rests"])
@pytest.mark.parametrize("plan_type", ["normal_plan", "track_plan"])
def test_order_that_the_history_does_not_name_is_asked_for(market: Market, plan_type: str, outcome: str) -> None:
    market.leave_children_out_of_the_history()
    plans = market.place_plan(2, plan_type)
    children = market.trigger(*plans, outcome=outcome)
    report = market.cancel(plans)
    assert counts(report) == ({"already_closed": 2} if outcome == "fills" else {"unresolved": 2})
    assert [one.child_id for one in report.outcomes] == [child.order_id for child in children]
    assert len(market.requests(CHILDREN)) >= 2


def test_triggered_stop_of_which_nobody_names_the_order_is_unresolved(market: Market) -> None:
    """The exchange tells the orders of plain triggers only."""
    market.leave_children_out_of_the_history()
    plans = market.place_plan(2, "pos_loss")
    market.trigger(*plans, outcome="fills")
    report = market.cancel(plans)
    assert details(report, Bucket.UNRESOLVED) == {"not_verified": 2}
    assert {row["state"] for row in report.to_dict()["unresolved"]} == {"triggered"}
    assert market.requests(CHILDREN) == []


def test_many_ended_plan_orders_are_looked_up_in_bulk(market: Market) -> None:
    plans = market.place_plan(300)
    market.trigger(*plans[:150], outcome="fills")
    market.cancel_plans_elsewhere(*plans[150:])
    report = market.cancel(plans)
    assert details(report, Bucket.ALREADY_CLOSED) == {"filled": 150, "cancelled": 150}
    assert len(market.requests(PLAN_HISTORY)) <= 4
    assert len(market.requests(HISTORY)) <= 2
    assert market.requests(DETAIL) == []


def test_ended_plan_orders_named_by_client_oid_are_found(market: Market) -> None:
    plans = market.place_plan(2, "pos_loss", client_oids=True)
    market.trigger(*plans, outcome="fills")
    assert details(market.cancel(map(by_client_oid, plans)), Bucket.ALREADY_CLOSED) == {"filled": 2}


def test_known_end_keeps_no_plan_order_from_being_cancelled(market: Market) -> None:
    plans = market.place_plan(5)
    report = market.cancel(plans, known_ends={plan.order_id: "filled" for plan in plans})
    assert counts(report) == {"cancelled": 5}


def test_known_end_names_the_end_of_a_plan_order_that_the_exchange_says_is_gone(market: Market) -> None:
    plans = market.place_plan(5)
    market.trigger(*plans, outcome="fills")
    market.exchange.inject("refuse", code="43025", endpoint=PLAN_CANCELS)
    report = market.cancel(plans, known_ends={plan.order_id: "filled" for plan in plans})
    assert details(report, Bucket.ALREADY_CLOSED) == {"filled": 5}
    assert market.requests(PLAN_HISTORY) == []


# The report


def test_rows_of_normal_orders_carry_nothing_of_plan_orders(market: Market) -> None:
    orders, plans = market.place(2), market.place_plan(2)
    market.fill(*orders)
    market.trigger(*plans, outcome="fills")
    rows = market.cancel([*orders, *plans]).to_dict()["already_closed"]
    assert [list(row)[6:] for row in rows] == [[], [], *[["planType", "childOrderId"]] * 2]


def test_text_of_an_outcome_names_the_plan_type_and_the_order_that_was_placed(market: Market) -> None:
    [plan] = market.place_plan(1)
    [child] = market.trigger(plan)
    [outcome] = market.cancel([plan]).not_done()
    assert str(outcome) == f"BTCUSDT normal_plan {plan.order_id} (triggered, placed {child.order_id})"
