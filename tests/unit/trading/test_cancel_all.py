# SPDX-License-Identifier: Apache-2.0
"""Everything open within a scope goes off the book, nothing else does, and the report is what the books say."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from airflow_provider_bitget.api.exceptions import (
    BitgetAccountModeError,
    BitgetAuthError,
    BitgetIpBanError,
    BitgetNotSentError,
)
from airflow_provider_bitget.api.rows import (
    OPENING_PLAN_TYPES,
    PLAN_TYPES,
    PROTECTIVE_PLAN_TYPES,
    OpenOrder,
    OpenPlanOrder,
)
from airflow_provider_bitget.sandbox.accounts import numbered_account
from airflow_provider_bitget.sandbox.orders import FILLED, LIVE, PARTIALLY_FILLED, Order
from airflow_provider_bitget.trading.in_flight import GRACE_SECONDS
from airflow_provider_bitget.trading.report import Bucket
from airflow_provider_bitget.trading.scope import ScopeArgumentError
from airflow_provider_bitget.trading.workers import ThreadedWorkers
from tests.unit.trading.market import (
    CANCELS,
    OPEN_READS,
    Interrupt,
    Market,
    OneAtATime,
    SentRequest,
    counts,
    details,
)
from tests.unit.trading.sweeping import (
    MASS_CANCELS,
    PLAN_CANCELS,
    PLAN_READS,
    POSITION_READS,
    assert_sound,
    by_id,
    later,
    mass_calls,
    old,
    open_orders,
    plans,
    prepare,
    sweep,
    untouchable,
)

VERY_OLD = 1_500.0
"""Days: older than the lists are asked for by default."""


def posts(market: Market) -> set[str]:
    return {request.endpoint for request in market.wire.sent if request.method == "POST"}


def last_request(market: Market) -> float:
    return max(request.moment for request in market.wire.sent)


# What goes off the book


def test_orders_of_both_states_and_plan_orders_of_every_type_go(market: Market) -> None:
    market.place(120, None)
    market.place(3, status=PARTIALLY_FILLED)
    plans(market, *PLAN_TYPES, symbol=None, count=3)
    report = sweep(market)
    assert counts(report) == {"cancelled": 123 + 3 * len(PLAN_TYPES)}
    assert report.verified
    assert report.error is None
    assert open_orders(market) == []


def test_empty_book_is_proven_to_be_empty(market: Market) -> None:
    report = sweep(market)
    assert counts(report) == {}
    assert report.verified
    assert posts(market) == {MASS_CANCELS}


def test_threads_take_everything_off_as_well() -> None:
    market = Market()
    market.place(300, None)
    plans(market, *PLAN_TYPES)
    report = sweep(market, workers=ThreadedWorkers(4), lookback_days=90)
    assert counts(report) == {"cancelled": 307}


def test_two_reads_that_show_nothing_are_at_least_the_settle_time_apart(market: Market) -> None:
    market.place(3)
    sweep(market, settle=7.0, symbol="BTCUSDT", plan_types=(), lookback_days=90)
    moments = [request.moment for request in market.wire.sent if request.endpoint == OPEN_READS]
    # The last read's two requests, and the two before them.
    assert moments[-2] - moments[-3] >= 7.0


def test_report_names_the_cancelled_ids_when_asked_to(market: Market) -> None:
    (order,) = market.place(1)
    (plan,) = plans(market, "pos_loss")
    assert sweep(market).to_dict()["cancelled"] == []
    (order,) = market.place(1)
    (plan,) = plans(market, "pos_loss")
    assert set(sweep(market, report_cancelled=True).to_dict()["cancelled"]) == {order.order_id, plan.order_id}


def test_what_other_tasks_must_keep_is_named_by_its_type_alone(market: Market) -> None:
    market.place(2)
    plans(market, *PLAN_TYPES)
    report = sweep(market, plan_types=OPENING_PLAN_TYPES)
    assert counts(report) == {"cancelled": 4}
    assert {plan.plan_type for plan in market.exchange.plan_orders()} == set(PROTECTIVE_PLAN_TYPES)


def test_plan_orders_alone_leave_the_orders_open(market: Market) -> None:
    market.place(2)
    plans(market, *PLAN_TYPES)
    report = sweep(market, orders=False)
    assert counts(report) == {"cancelled": 7}
    assert len(open_orders(market)) == 2
    assert not mass_calls(market)


def test_orders_alone_leave_the_plan_orders_waiting(market: Market) -> None:
    market.place(2)
    plans(market, *PLAN_TYPES)
    assert counts(sweep(market, plan_types=())) == {"cancelled": 2}
    assert len(market.exchange.plan_orders()) == 7
    assert PLAN_READS not in {request.endpoint for request in market.wire.sent}


@pytest.mark.parametrize("plan_types", [("profit_loss",), ("",), "normal_plan", None])
def test_unknown_plan_type_is_refused_by_name(market: Market, plan_types: Any) -> None:
    with pytest.raises(ScopeArgumentError, match="plan_types"):
        prepare(market, plan_types=plan_types)


def test_run_that_could_cancel_nothing_is_refused(market: Market) -> None:
    with pytest.raises(ScopeArgumentError, match="plan_types"):
        prepare(market, orders=False, plan_types=())


# What stays


@pytest.fixture
def crowd() -> Market:
    """Two accounts with orders and plan orders on three symbols of three product types."""
    market = Market(numbered_account(1), numbered_account(2))
    for account in market.exchange.accounts:
        for product_type, symbols in (
            ("USDT-FUTURES", ("BTCUSDT", "ETHUSDT", "SOLUSDT")),
            ("USDC-FUTURES", ("BTCPERP", "ETHPERP")),
            ("COIN-FUTURES", ("BTCUSD", "ETHUSD")),
        ):
            for symbol in symbols:
                market.place(7, symbol, product_type=product_type, account=account)
                plans(market, *PLAN_TYPES, symbol=symbol, product_type=product_type, account=account)
    return market


@pytest.mark.parametrize(
    ("options", "cancelled"),
    [
        ({"symbol": "ETHUSDT"}, 14),
        ({"exclude_symbols": ["ETHUSDT"]}, 28),
        ({"exclude_symbols": ["ETHUSDT", "BTCUSDT"]}, 14),
        ({"product_type": "COIN-FUTURES", "margin_coin": "ETH"}, 14),
        ({"product_type": "COIN-FUTURES", "symbol": "BTCUSD", "margin_coin": "ETH"}, 0),
        ({"product_type": "USDC-FUTURES"}, 28),
        ({}, 42),
    ],
    ids=["symbol", "exclude", "exclude-two", "margin-coin", "margin-coin-of-another", "product-type", "whole"],
)
def test_nothing_outside_the_scope_is_touched(crowd: Market, options: dict[str, Any], cancelled: int) -> None:
    report = sweep(crowd, **options)
    assert report.counts["cancelled"] == cancelled == report.counts["requested"]
    assert report.verified
    assert bool(mass_calls(crowd)) == prepare(crowd, **options).scope.is_whole


def test_exchange_that_ignores_the_symbol_of_a_read_does_not_widen_the_scope(crowd: Market) -> None:
    reads = crowd.dialect.reads_of_open_orders
    crowd.dialect.reads_of_open_orders = lambda **options: reads(**{**options, "symbol": None})  # type: ignore[method-assign]
    assert sweep(crowd, symbol="ETHUSDT", plan_types=()).counts == {
        "requested": 7,
        "cancelled": 7,
        "already_closed": 0,
        "failed": 0,
        "unresolved": 0,
    }


# Stops of open positions


def protected(market: Market) -> None:
    """A long and a short position in hedge mode, one in one-way mode, each with stops; and stops without a position."""
    for symbol, side, mode in (("BTCUSDT", "long", "hedge_mode"), ("SOLUSDT", "short", "one_way_mode")):
        market.exchange.open_position(symbol, side, "1", pos_mode=mode)
        plans(market, "pos_loss", "profit_plan", symbol=symbol, hold_side=side, pos_mode=mode)
    plans(market, "pos_loss", "loss_plan", symbol="BTCUSDT", hold_side="short")
    plans(market, "moving_plan", symbol="ETHUSDT", hold_side="long")
    plans(market, "normal_plan", symbol="BTCUSDT", hold_side="long")


def test_stops_of_open_positions_are_kept_and_named(market: Market) -> None:
    protected(market)
    market.place(2)
    report = sweep(market, keep_stops_of_open_positions=True)
    assert counts(report) == {"cancelled": 6}
    assert report.verified
    kept = report.to_dict()["kept"]
    assert sorted((row["symbol"], row["planType"]) for row in kept) == [
        ("BTCUSDT", "pos_loss"),
        ("BTCUSDT", "profit_plan"),
        ("SOLUSDT", "pos_loss"),
        ("SOLUSDT", "profit_plan"),
    ]
    assert {plan.order_id for plan in market.exchange.plan_orders()} == {row["orderId"] for row in kept}


def test_without_that_wish_stops_go_too_and_positions_are_not_read(market: Market) -> None:
    protected(market)
    assert counts(sweep(market)) == {"cancelled": 8}
    assert POSITION_READS not in {request.endpoint for request in market.wire.sent}


def test_stop_of_a_position_that_shows_late_is_kept(market: Market) -> None:
    """The position appears a moment after the read that showed none."""
    plans(market, "pos_loss", hold_side="long")
    later(market, 1.0, lambda: market.exchange.open_position("BTCUSDT", "long", "1"))
    report = sweep(market, keep_stops_of_open_positions=True, settle=5.0)
    assert counts(report) == {}
    assert len(report.kept) == 1
    assert len(market.exchange.plan_orders()) == 1


def test_stop_whose_position_cannot_be_read_is_never_sent(market: Market) -> None:
    plans(market, "pos_loss", hold_side="long")
    market.exchange.inject("html", endpoint=POSITION_READS)
    report = sweep(market, keep_stops_of_open_positions=True, deadline=20.0)
    assert posts(market) == set()
    assert not report.verified
    assert report.error is not None


# A market that moves


def test_orders_that_fill_while_being_cancelled_are_told_from_cancelled_ones(market: Market) -> None:
    orders = market.place(60)
    market.exchange.inject("fill_while_cancelling", order_ids=[order.order_id for order in orders[:7]])
    report = sweep(market)
    assert counts(report) == {"cancelled": 53, "already_closed": 7}
    assert details(report, Bucket.ALREADY_CLOSED) == {"filled": 7}
    assert report.verified


@pytest.mark.parametrize("child", ["rests", "fills", "fails"])
def test_plan_order_that_triggers_meanwhile_takes_its_child_with_it(child: str) -> None:
    market = Market(triggered_child=child)
    (plan,) = plans(market, "normal_plan")
    market.exchange.inject("fill_while_cancelling", endpoint=PLAN_CANCELS)
    report = sweep(market)
    assert open_orders(market) == []
    outcome = by_id(report)[plan.order_id]
    assert outcome.bucket is Bucket.ALREADY_CLOSED
    assert outcome.detail == ("filled" if child == "fills" else "cancelled")
    assert report.verified


@pytest.mark.parametrize("number", range(1, 30, 3))
def test_order_that_another_program_places_meanwhile_goes_as_well(market: Market, number: int) -> None:
    market.place(120)
    placed: list[Order] = []
    market.before(OPEN_READS, number, lambda: placed.extend(market.place(2, "SOLUSDT")))
    report = sweep(market)
    assert report.verified
    if placed and placed[0].created_ms / 1000 < report.read_to:
        assert {order.order_id for order in placed} <= set(by_id(report))
        assert report.counts["cancelled"] == 122


def test_program_that_keeps_placing_orders_is_outlasted(market: Market) -> None:
    for moment in range(1, 40):
        later(market, float(moment), lambda: market.place(1, "ETHUSDT"))
    report = sweep(market)
    assert report.counts["cancelled"] == 39
    assert open_orders(market) == []
    assert report.verified


def test_order_that_cannot_be_cancelled_does_not_keep_new_ones_waiting(market: Market) -> None:
    (stuck,) = market.place(1)
    market.exchange.inject("refuse_orders", code="40015", order_ids=[stuck.order_id])
    later(market, 30.0, lambda: market.place(5, "ETHUSDT"))
    report = sweep(market, deadline=80.0)
    assert [order.order_id for order in open_orders(market)] == [stuck.order_id]
    assert counts(report) == {"cancelled": 5, "unresolved": 1}


def test_pages_that_move_while_they_are_read_leave_nothing_behind(market: Market) -> None:
    orders = market.place(450, None)
    chance = random.Random(5)  # noqa: S311  # the same in every run

    def move(request: SentRequest) -> None:
        if request.endpoint != OPEN_READS or request.moment > 30.0:
            return
        for order in chance.sample(orders, 3):
            if market.status(order) == LIVE:
                market.fill(order)
        orders.extend(market.place(2, "BTCUSDT"))

    market.wire.before_arrival.append(move)
    report = sweep(market)
    assert open_orders(market) == []
    assert report.verified
    assert report.counts["unresolved"] == 0


# Old orders


@pytest.mark.parametrize("scope", [{"symbol": "BTCUSDT"}, {"exclude_symbols": ["ETHUSDT"]}, {}], ids=str)
@pytest.mark.parametrize("days", [89.5, 100.0, 266.0, 700.0])
def test_order_older_than_three_months_goes(scope: dict[str, Any], days: float) -> None:
    market = Market()
    old(market, days)
    plans(market, "loss_plan", created_ms=int(market.clock.time() * 1000 - days * 86_400_000))
    report = sweep(market, **scope)
    assert counts(report) == {"cancelled": 2}
    assert report.read_from <= market.clock.time() - 729 * 86_400
    assert {outcome.ref.symbol for outcome in report.outcomes} == {"BTCUSDT"}


def test_order_of_any_age_goes_with_the_whole_product_type_and_is_named(market: Market) -> None:
    (ancient,) = old(market, VERY_OLD)
    report = sweep(market)
    assert counts(report) == {"cancelled": 1}
    assert report.outcomes[0].ref.order_id == ancient.order_id
    assert report.any_age
    assert open_orders(market) == []


def test_symbol_of_an_order_that_only_the_whole_call_reached_is_learned_from_the_history() -> None:
    market = Market(history_time="uTime")
    old(market, VERY_OLD, symbol="SOLUSDT")
    report = sweep(market)
    assert report.outcomes[0].ref.symbol == "SOLUSDT"
    assert counts(report) == {"cancelled": 1}


def test_range_says_how_far_back_a_narrower_scope_was_read(market: Market) -> None:
    (ancient,) = old(market, 200.0)
    report = sweep(market, symbol="BTCUSDT", lookback_days=90)
    assert counts(report) == {}
    assert market.status(ancient) == LIVE
    assert report.to_dict()["range"]["any_age"] is False
    assert report.read_from == pytest.approx(report.read_to - 89 * 86_400)


# The call for the whole product type


def test_proof_for_orders_of_any_age_is_the_exchange_s_own_word(market: Market) -> None:
    market.place(3)
    report = sweep(market)
    assert [record.code for record in mass_calls(market)] == ["22001"]
    assert report.to_dict()["range"]["any_age"] is True


@pytest.mark.parametrize("code", ["40404", "40014x", "43001", "22002", "45009", "99999", "40020", "43004"])
def test_exchange_that_refuses_the_whole_call_is_proven_by_the_lists(market: Market, code: str) -> None:
    market.place(3)
    old(market, 400.0)
    market.exchange.inject("refuse", endpoint=MASS_CANCELS, code=code)
    report = sweep(market)
    assert counts(report) == {"cancelled": 4}
    assert report.verified
    assert report.any_age is False
    assert len(mass_calls(market)) == 1
    assert report.read_from <= market.clock.time() - 729 * 86_400


@pytest.mark.parametrize("fault", ["reset_after", "truncate", "html", "bad_gateway", "reset_before"])
def test_whole_call_without_an_answer_is_repeated_only_after_the_state_was_read(market: Market, fault: str) -> None:
    old(market, VERY_OLD, 3)
    market.exchange.inject(fault, endpoint=MASS_CANCELS, times=1)
    report = sweep(market)
    assert open_orders(market) == []
    assert report.verified
    assert report.any_age
    assert len(mass_calls(market)) >= 2


def test_order_that_a_whole_call_without_an_answer_cancelled_is_found_in_the_history() -> None:
    market = Market(history_time="uTime")
    ancient = old(market, VERY_OLD, 3)
    market.exchange.inject("reset_after", endpoint=MASS_CANCELS, times=1)
    report = sweep(market)
    assert set(by_id(report)) == {order.order_id for order in ancient}
    assert counts(report) == {"cancelled": 3}


@pytest.mark.parametrize("fault", ["reset_after", "html", "hang"])
def test_whole_call_that_never_gets_an_answer_leaves_the_proof_to_the_lists(market: Market, fault: str) -> None:
    market.place(3)
    market.exchange.inject(fault, endpoint=MASS_CANCELS)
    report = sweep(market, deadline=600.0)
    assert counts(report) == {"cancelled": 3}
    assert report.verified
    assert report.any_age is False
    assert len(mass_calls(market)) <= 4


def test_whole_call_that_acknowledges_and_leaves_the_order_open_is_not_believed(market: Market) -> None:
    ancient = old(market, VERY_OLD, 2)
    market.exchange.inject("ack_only", endpoint=MASS_CANCELS)
    report = sweep(market)
    assert market.statuses(ancient) == {LIVE}
    assert details(report, Bucket.UNRESOLVED) == {"not_verified": 2}
    assert report.any_age is False


def test_order_that_the_whole_call_cannot_cancel_is_reported_with_its_code(market: Market) -> None:
    (ancient,) = old(market, VERY_OLD)
    market.exchange.inject("refuse_orders", endpoint=MASS_CANCELS, code="41114")
    report = sweep(market)
    outcome = by_id(report)[ancient.order_id]
    assert (outcome.bucket, outcome.detail, outcome.code) == (Bucket.FAILED, "maintenance", "41114")


def test_empty_answer_of_the_whole_call_is_no_proof(market: Market) -> None:
    old(market, VERY_OLD)
    market.exchange.inject("empty_lists", endpoint=MASS_CANCELS, processed=False, times=1)
    report = sweep(market)
    assert open_orders(market) == []
    assert report.any_age
    assert counts(report) == {"cancelled": 1}


def test_order_that_an_empty_answer_of_the_whole_call_does_not_name_is_found_in_the_history() -> None:
    market = Market(history_time="uTime")
    (ancient,) = old(market, VERY_OLD)
    market.exchange.inject("empty_lists", endpoint=MASS_CANCELS, times=1)
    report = sweep(market)
    assert by_id(report)[ancient.order_id].bucket is Bucket.CANCELLED


def test_refused_credentials_in_the_whole_call_end_the_run(market: Market) -> None:
    market.exchange.inject("refuse", endpoint=MASS_CANCELS, code="40014")
    report = sweep(market)
    assert isinstance(report.error, BitgetAuthError)
    assert not report.verified


# Orders that cannot be sent


def with_plan_row(market: Market, **row: Any) -> OpenPlanOrder:
    """Let every list of plan orders show one more row."""
    shown = OpenPlanOrder(
        **{
            "order_id": "1329948909468699999",
            "client_oid": "",
            "symbol": "BTCUSDT",
            "plan_type": "iceberg",
            "hold_side": "",
            "row": {},
            **row,
        }
    )
    reads = market.dialect.reads_of_open_plan_orders
    market.dialect.reads_of_open_plan_orders = lambda **options: [  # type: ignore[method-assign]
        *reads(**options),
        partial(lambda **_: iter([[shown]])),
    ]
    return shown


@pytest.mark.parametrize("plan_type", ["iceberg", "", "NORMAL_PLAN", "profit_loss"])
def test_plan_order_of_an_unknown_type_is_never_sent_and_named(market: Market, plan_type: str) -> None:
    shown = with_plan_row(market, plan_type=plan_type)
    market.place(2)
    run = prepare(market)
    report = run.run()
    outcome = by_id(report)[shown.order_id]
    assert (outcome.bucket, outcome.detail, outcome.curable) == (Bucket.UNRESOLVED, "not_sent", False)
    assert "planType" in outcome.message
    assert report.counts["cancelled"] == 2
    assert PLAN_CANCELS not in posts(market)
    assert report.verified
    assert market.clock.monotonic() < 30.0


def test_plan_order_of_an_unknown_type_is_nobody_s_business_where_only_opening_ones_go(market: Market) -> None:
    with_plan_row(market)
    report = prepare(market, plan_types=OPENING_PLAN_TYPES).run()
    assert report.outcomes == ()
    assert report.verified


def test_stop_of_an_unknown_type_is_kept_with_its_position(market: Market) -> None:
    shown = with_plan_row(market)
    market.exchange.open_position("BTCUSDT", "long", "1")
    report = prepare(market, keep_stops_of_open_positions=True).run()
    assert report.kept == (shown,)
    assert report.outcomes == ()


@pytest.mark.parametrize("broken", [{"symbol": ""}, {"symbol": "*"}, {"order_id": "null"}, {"order_id": "a b"}])
def test_order_that_no_request_could_name_never_ends_the_run(market: Market, broken: dict[str, Any]) -> None:
    """And least of all is it sent without its symbol, which would mean every symbol."""
    shown = replace(OpenOrder("1329948909468699999", "", "BTCUSDT", {}), **broken)
    reads = market.dialect.reads_of_open_orders
    market.dialect.reads_of_open_orders = lambda **options: [  # type: ignore[method-assign]
        *reads(**options),
        partial(lambda **_: iter([[shown]])),
    ]
    market.place(5)
    report = prepare(market).run()
    assert report.counts["cancelled"] == 5
    assert details(report, Bucket.UNRESOLVED) == {"not_sent": 1}
    assert report.error is None


def test_order_without_a_symbol_goes_with_the_whole_product_type(market: Market) -> None:
    """No request by id could name it; the call for the whole product type reaches it all the same."""
    (order,) = market.place(1)
    blank_symbols(market)
    report = prepare(market, plan_types=()).run()
    assert market.statuses([order]) == {"canceled"}
    assert CANCELS not in posts(market)
    assert counts(report) == {"cancelled": 1}
    assert report.any_age


def test_order_without_a_symbol_is_left_and_named_where_others_are_to_stay(market: Market) -> None:
    (order,) = market.place(1)
    blank_symbols(market)
    report = prepare(market, plan_types=(), exclude_symbols=["ETHUSDT"]).run()
    assert posts(market) == set()
    assert by_id(report)[order.order_id].detail == "not_sent"
    assert report.verified


def blank_symbols(market: Market) -> None:
    """Let the rows of open orders name no symbol."""
    reads = market.dialect.reads_of_open_orders

    def blanked(read: Any) -> Any:
        return lambda **options: ([replace(order, symbol="") for order in page] for page in read(**options))

    market.dialect.reads_of_open_orders = lambda **options: list(map(blanked, reads(**options)))  # type: ignore[method-assign]


# Answers and reads that cannot be trusted


def test_failed_read_in_the_middle_never_counts_as_empty(market: Market) -> None:
    orders = market.place(3)
    market.exchange.inject("refuse_orders", code="40015", duration=5.0)
    market.exchange.inject("html", endpoint=OPEN_READS, after=3, times=30)
    report = sweep(market)
    assert counts(report) == {"cancelled": 3}
    assert market.statuses(orders) == {"canceled"}
    assert report.verified


@pytest.mark.parametrize("endpoint", [OPEN_READS, PLAN_READS])
@pytest.mark.parametrize("fault", ["html", "reset_after", "truncate"])
def test_books_that_can_never_be_read_are_never_called_empty(market: Market, endpoint: str, fault: str) -> None:
    market.place(3)
    market.exchange.inject(fault, endpoint=endpoint)
    report = sweep(market, deadline=30.0)
    assert not report.verified
    assert report.error is not None
    assert report.to_dict()["range"] == {"from": "", "to": "", "any_age": False}


def test_list_that_can_never_be_read_does_not_keep_the_orders_of_the_others_open(market: Market) -> None:
    orders = market.place(250, None)
    (hidden,) = plans(market, "track_plan")
    shown = plans(market, "normal_plan", "pos_loss", count=3)
    refuse_reads_with(market, "planType=track_plan")
    report = sweep(market, deadline=60.0)
    assert market.statuses(orders) == {"canceled"}
    assert [plan.order_id for plan in market.exchange.plan_orders()] == [hidden.order_id]
    assert counts(report) == {"cancelled": len(orders) + len(shown)}
    assert not report.verified
    assert getattr(report.error, "code", "") == "40017"


def test_exchange_that_shows_no_older_stretches_still_gets_the_newest_orders_off(market: Market) -> None:
    market.place(3)
    later(market, 20.0, lambda: market.place(4, "ETHUSDT"))
    refuse_reads_with(market, "startTime")
    report = sweep(market, deadline=60.0)
    assert open_orders(market) == []
    assert counts(report) == {"cancelled": 7}
    assert not report.verified
    assert "(code 40017, HTTP 400)" in str(report.error)
    assert str(report.error).endswith("if it takes no times that old, lower lookback_days")


def refuse_reads_with(market: Market, text: str) -> None:
    """Refuse every read of plan orders or orders whose query holds a text."""
    handle = market.exchange.handle

    def answer(method: str, path: str, query_string: str = "", *rest: Any, **options: Any) -> Any:
        if text in query_string:
            market.exchange.inject("refuse", endpoint=path.rsplit("/", 1)[-1], code="40017", times=1)
        return handle(method, path, query_string, *rest, **options)

    market.exchange.handle = answer  # type: ignore[method-assign]


@pytest.mark.parametrize("list_of", [PLAN_READS, OPEN_READS, POSITION_READS])
def test_stop_is_never_sent_on_the_strength_of_a_read_that_failed(market: Market, list_of: str) -> None:
    """One complete read shows no position; then one opens, and from then on some list cannot be read."""
    plans(market, "pos_loss", hold_side="long")
    market.place(1)
    later(market, 1.0, lambda: market.exchange.open_position("BTCUSDT", "long", "1"))
    later(market, 1.0, lambda: market.exchange.inject("refuse", endpoint=list_of, code="40020"))
    report = sweep(market, keep_stops_of_open_positions=True, settle=5.0, deadline=60.0)
    assert len(market.exchange.plan_orders()) == 1
    assert not report.verified


@pytest.mark.parametrize("code", ["22001", "43001", "43025", "40020", "99999"])
def test_refused_read_is_never_taken_for_an_empty_one(market: Market, code: str) -> None:
    market.place(3)
    market.exchange.inject("refuse", code=code, endpoint=OPEN_READS)
    report = sweep(market, deadline=20.0)
    assert not report.verified
    assert counts(report) in ({}, {"unresolved": 3})


def test_book_that_still_shows_cancelled_orders_delays_the_proof_and_not_the_truth(market: Market) -> None:
    orders = market.place(30)
    market.exchange.inject("lagging_book", seconds=6.0, duration=60.0)
    report = sweep(market)
    assert counts(report) == {"cancelled": len(orders)}
    assert report.verified


def test_acknowledged_order_that_is_seen_open_again_is_sent_again(market: Market) -> None:
    orders = market.place(10)
    market.exchange.inject("ack_only", duration=20.0)
    report = sweep(market)
    assert market.statuses(orders) == {"canceled"}
    assert counts(report) == {"cancelled": 10}


def test_order_that_stays_open_whatever_is_acknowledged_is_never_reported_as_cancelled(market: Market) -> None:
    orders = market.place(4)
    market.exchange.inject("ack_only")
    report = sweep(market, deadline=60.0)
    assert market.statuses(orders) == {LIVE}
    assert details(report, Bucket.UNRESOLVED) == {"still_open": 4}
    assert not report.verified


@pytest.mark.parametrize("code", ["45009", "41114"])
def test_refusal_that_passes_leaves_nothing_open(market: Market, code: str) -> None:
    market.place(4)
    plans(market, "pos_loss")
    market.exchange.inject("refuse_orders", code=code, duration=60.0)
    report = sweep(market)
    assert open_orders(market) == []
    assert counts(report) == {"cancelled": 5}
    assert report.verified


@pytest.mark.parametrize("scope", [{}, {"symbol": "BTCUSDT"}], ids=["whole", "symbol"])
def test_refusal_that_lasts_is_failed_with_its_code_and_the_rest_is_proven(scope: dict[str, Any]) -> None:
    market = Market()
    (stuck, *_rest) = market.place(5)
    market.exchange.inject("refuse_orders", code="41114", order_ids=[stuck.order_id])
    report = sweep(market, deadline=60.0, **scope)
    assert counts(report) == {"cancelled": 4, "failed": 1}
    assert report.in_bucket(Bucket.FAILED)[0].code == "41114"
    assert report.verified
    assert report.any_age is False
    assert report.error is None
    sent = [request.moment for request in market.wire.sent if stuck.order_id in request.ids]
    assert 4 <= len(sent) <= 12


def test_faults_of_every_kind_for_a_minute_leave_nothing_open(market: Market) -> None:
    market.place(150, None)
    plans(market, *PLAN_TYPES, symbol=None, count=5)
    market.exchange.inject_random(0.5, seed=11, duration=60.0)
    report = sweep(market)
    assert open_orders(market) == []
    assert market.exchange.plan_orders() == []
    assert report.verified


@pytest.mark.parametrize(
    ("code", "kind"), [("40012", BitgetAuthError), ("40037", BitgetAuthError), ("40085", BitgetAccountModeError)]
)
@pytest.mark.parametrize("endpoint", [OPEN_READS, PLAN_READS, CANCELS, PLAN_CANCELS])
def test_refused_credentials_and_the_wrong_kind_of_account_end_the_run_at_once(
    market: Market, code: str, kind: type[Exception], endpoint: str
) -> None:
    market.place(3)
    plans(market, "pos_loss")
    market.exchange.inject("refuse", code=code, endpoint=endpoint)
    report = sweep(market)
    assert isinstance(report.error, kind)
    assert not report.verified
    assert market.clock.monotonic() < 5.0


def test_banned_address_ends_the_run(market: Market) -> None:
    market.place(3)
    market.exchange.inject("rate_limit")
    report = sweep(market)
    assert isinstance(report.error, BitgetIpBanError)
    assert market.clock.monotonic() < 60.0


# The end of a run


@pytest.mark.parametrize("deadline", [0.1, 0.5, 1.0, 3.0, 7.0])
def test_no_request_after_the_deadline(market: Market, deadline: float) -> None:
    market.place(3_000)
    report = sweep(market, deadline=deadline, chunk_size=5)
    assert last_request(market) <= deadline
    assert market.clock.monotonic() <= deadline + GRACE_SECONDS
    assert not report.verified
    assert report.error is not None


def test_simulation_names_what_it_would_cancel_and_sends_no_write(market: Market) -> None:
    market.place(30, None)
    old(market, 300.0)
    protected(market)
    report = sweep(market, simulate=True, keep_stops_of_open_positions=True)
    assert posts(market) == set()
    assert details(report, Bucket.UNRESOLVED) == {"not_sent": 31 + 4}
    assert len(report.kept) == 4
    assert report.to_dict()["simulated"] is True
    assert report.verified
    assert len(report.books) == 1


def test_stop_before_the_first_request_sends_nothing(market: Market) -> None:
    market.place(3)
    run = prepare(market)
    run.request_stop()
    report = run.run()
    assert market.wire.sent == []
    assert not report.verified
    assert isinstance(report.error, BitgetNotSentError)


@pytest.mark.parametrize("number", range(1, 60, 4))
def test_no_request_after_a_stop_whenever_it_comes(number: int) -> None:
    market = Market()
    # Not more than a page: a read that is under way goes on to its next page until the main thread sees the stop.
    market.place(90, None)
    old(market, VERY_OLD)
    plans(market, *PLAN_TYPES)
    run = prepare(market, chunk_size=10)
    before = untouchable(market, run)
    left = [number]

    def stop_at(_request: SentRequest) -> None:
        left[0] -= 1
        if left[0] == 0:
            run.request_stop()

    market.wire.before_arrival.append(stop_at)
    report = run.run()
    assert_sound(market, run, report)
    assert untouchable(market, run) == before
    assert len(market.wire.sent) == number
    assert isinstance(report.error, BitgetNotSentError)


@pytest.mark.parametrize("arrives", [True, False], ids=["answer-arrives", "answer-never-arrives"])
@pytest.mark.parametrize("after", [1, 3, 6, 9, 12, 15, 20, 30, 50, 60, 70, 90, 110, 130])
def test_interrupt_passes_through_and_the_report_is_true(after: int, arrives: bool) -> None:
    market = Market()
    market.place(90, None)
    old(market, VERY_OLD)
    plans(market, *PLAN_TYPES)
    workers = OneAtATime().on(market.clock)
    workers.interrupt_after = after
    workers.result_arrives = arrives
    run = prepare(market, workers=workers, chunk_size=10)
    with pytest.raises(Interrupt):
        run.run()
    sent = len(market.wire.sent)
    report = run.report()
    assert_sound(market, run, report)
    assert not report.verified
    assert run.report().to_dict() == report.to_dict()
    assert len(market.wire.sent) == sent == after


@pytest.mark.parametrize("fault", ["refuse", "bad_gateway", "reset_before", "rate_limit", "ack_only"])
@pytest.mark.parametrize("shows_at", [10.6, 13.0])
def test_stop_is_not_sent_again_and_again_without_a_look_at_its_position(
    market: Market, fault: str, shows_at: float
) -> None:
    """It was sent when no position showed, and has to be sent again when one does."""
    [stop] = plans(market, "pos_loss", hold_side="long")
    market.exchange.inject(fault, endpoint=PLAN_CANCELS)
    later(market, shows_at, lambda: market.exchange.open_position("BTCUSDT", "long", "1"))
    later(market, shows_at + 2.0, market.exchange.clear_faults)
    options: dict[str, Any] = {"plan_types": PROTECTIVE_PLAN_TYPES, "keep_stops_of_open_positions": True}
    report = prepare(market, orders=False, **options, settle=10.0, deadline=60.0).run()
    assert market.exchange.plan_order(stop.order_id).status == "live"
    assert [plan.order_id for plan in report.kept] == [stop.order_id]


@pytest.mark.parametrize(("names", "state"), [("", "live"), ("USDT", "cancelled"), ("BTC", "live")])
def test_stop_without_a_margin_coin_is_kept_for_a_position_in_any(market: Market, names: str, state: str) -> None:
    """The sandbox knows one margin coin a symbol: the position is shown in another one than the scope's."""
    [stop] = plans(market, "pos_loss", hold_side="long")
    market.exchange.open_position("BTCUSDT", "long", "1")
    read_positions, read_plans = market.dialect.positions, market.classic.open_plan_orders

    def positions(*, margin_coin: str | None = None, **options: Any) -> list[Any]:
        in_btc = [replace(position, margin_coin="BTC") for position in read_positions(**options)]
        return in_btc if margin_coin in (None, "BTC") else []

    def open_plan_orders(**options: Any) -> Any:
        for page in read_plans(**options):
            yield [replace(plan, margin_coin=names) for plan in page]

    market.dialect.positions = positions  # type: ignore[method-assign]
    market.classic.open_plan_orders = open_plan_orders  # type: ignore[method-assign]
    options: dict[str, Any] = {"plan_types": PROTECTIVE_PLAN_TYPES, "keep_stops_of_open_positions": True}
    report = prepare(market, orders=False, **options, margin_coin="USDT", deadline=30.0).run()
    assert report.verified
    assert market.exchange.plan_order(stop.order_id).status == state
    assert [plan.order_id for plan in report.kept] == ([stop.order_id] if names == "" else [])
    assert report.to_dict()["books"][-1]["positions"] == 0


def test_many_stops_go_a_part_after_each_look(market: Market) -> None:
    stops = plans(market, "pos_loss", count=60, hold_side="long")
    options: dict[str, Any] = {"plan_types": PROTECTIVE_PLAN_TYPES, "keep_stops_of_open_positions": True}
    report = sweep(market, **options, settle=10.0, chunk_size=1)
    assert counts(report) == {"cancelled": len(stops)}
    assert report.verified


def test_first_look_sends_nothing_more_after_an_interrupt(market: Market) -> None:
    workers = OneAtATime()
    workers.interrupt_after = 2
    with pytest.raises(Interrupt):
        prepare(market, workers=workers, look_first=True).run()
    while workers.next_done(0.0) is not None:
        """Threads would go on with what is queued."""
    assert len(market.wire.sent) == 2


def test_answer_that_hangs_is_waited_for_two_seconds_after_a_stop(market: Market) -> None:
    market.place(3)
    market.exchange.inject("hang", endpoint=CANCELS, processed=True, seconds=1_000.0)
    run = prepare(market)
    market.clock.at(3.0, run.request_stop)
    report = run.run()
    assert_sound(market, run, report)
    assert report.counts["cancelled"] == 0


def test_second_run_after_an_interrupted_one_ends_with_nothing_left(market: Market) -> None:
    orders = market.place(300, None)
    workers = OneAtATime().on(market.clock)
    workers.interrupt_after = 9
    with pytest.raises(Interrupt):
        prepare(market, workers=workers).run()
    market.clock.advance(1.0)
    report = prepare(market).run()
    assert report.verified
    assert market.statuses(orders) == {"canceled"}


def test_known_ends_of_an_earlier_try_are_passed_on(market: Market) -> None:
    """An order that the book still shows, and of whose end only the earlier try knows."""
    (order,) = market.place(1)
    market.exchange.inject("lagging_book", seconds=30.0, duration=60.0)
    market.exchange.inject("late_history", seconds=300.0, duration=300.0)
    market.fill(order)
    report = sweep(market, known_ends={order.order_id: "filled"}, deadline=120.0)
    assert market.status(order) == FILLED
    assert by_id(report)[order.order_id].bucket is Bucket.ALREADY_CLOSED


def test_every_complete_read_is_in_the_report_s_history(market: Market) -> None:
    market.place(7)
    report = sweep(market).to_dict()
    assert [row["orders"] for row in report["books"]] == [7, *[0] * (len(report["books"]) - 1)]
    assert len(report["books"]) >= 3


# The look at what there was before


def test_look_before_shows_positions_and_stops_that_are_none_of_this_run_s_business(market: Market) -> None:
    market.place(4)
    plans(market, "normal_plan", "pos_loss")
    market.exchange.open_position("ETHUSDT", "short", "2")
    first = sweep(market, plan_types=OPENING_PLAN_TYPES, look_first=True).to_dict()["books"][0]
    assert (first["orders"], first["plan_orders"], first["positions"]) == (4, 2, 1)
    assert [plan.plan_type for plan in market.exchange.plan_orders()] == ["pos_loss"]


@pytest.mark.parametrize("fault", [{"kind": "hang", "seconds": 1_000.0}, {"kind": "bad_gateway", "duration": 1_000.0}])
def test_look_before_that_does_not_succeed_is_given_up_within_moments(market: Market, fault: dict[str, Any]) -> None:
    market.place(4)
    market.exchange.inject(endpoint=POSITION_READS, **fault)
    report = sweep(market, plan_types=OPENING_PLAN_TYPES, look_first=True)
    assert counts(report) == {"cancelled": 4}
    assert report.verified
    assert min(request.moment for request in market.wire.sent if request.method == "POST") <= 5.5


def test_stop_during_the_look_before_lets_nothing_be_sent(market: Market) -> None:
    market.place(4)
    market.exchange.inject("hang", endpoint=POSITION_READS, seconds=1_000.0)
    run = prepare(market, look_first=True)
    market.clock.at(1.0, run.request_stop)
    report = run.run()
    assert posts(market) == set()
    assert isinstance(report.error, BitgetNotSentError)
    assert market.clock.monotonic() <= 1.0 + GRACE_SECONDS + 0.5
