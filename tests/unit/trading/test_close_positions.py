# SPDX-License-Identifier: Apache-2.0
"""Positions are closed, nothing else is touched, and the report says only what a read has shown."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_bitget.api.exceptions import (
    BitgetAccountModeError,
    BitgetAmbiguousError,
    BitgetAuthError,
    BitgetConfigError,
    BitgetIpBanError,
    BitgetNotSentError,
)
from airflow_provider_bitget.api.rows import OpenPlanOrder
from airflow_provider_bitget.sandbox.plan_orders import PROTECTIVE_PLAN_TYPES, PlanOrder
from airflow_provider_bitget.trading.books import LastCancel
from airflow_provider_bitget.trading.close_positions import CLOSE_INTERVAL
from airflow_provider_bitget.trading.close_report import CloseBucket, CloseOutcome, CloseReport
from airflow_provider_bitget.trading.in_flight import GRACE_SECONDS
from airflow_provider_bitget.trading.position_track import MAINTENANCE_PAUSE, REST_SECONDS
from airflow_provider_bitget.trading.report import MOST_ROWS
from airflow_provider_bitget.trading.scope import Scope
from tests.kinds import is_of_kind
from tests.unit.trading.closing import (
    CLOSES,
    ONE_WAY,
    PLAN_CANCELS,
    PLAN_READS,
    POSITION_READS,
    WHOLE,
    arrivals,
    asked,
    close,
    closed,
    codes,
    counts,
    failed,
    open_positions,
    prepare,
    reads_between,
    sizes,
    unresolved,
)
from tests.unit.trading.market import (
    OPEN_READS,
    PLAN_HISTORY,
    USDT_FUTURES,
    Interrupt,
    Market,
    OneAtATime,
    SentRequest,
)

BTC = Scope(USDT_FUTURES, "BTCUSDT")
NOT_ETH = Scope(USDT_FUTURES, exclude_symbols=frozenset({"ETHUSDT"}))
IN_USDT = Scope(USDT_FUTURES, margin_coin="USDT")

SIDES_ONE_BY_ONE = [("BTCUSDT", "long"), ("ETHUSDT", "long")]


@pytest.fixture
def market_with() -> Callable[..., Market]:
    """Return what makes an exchange with other rules."""
    return Market


# What is sent


def test_whole_product_type_is_closed_by_one_request(market: Market) -> None:
    open_positions(market, "BTCUSDT/long", "BTCUSDT/short", "ETHUSDT/long", "SOLUSDT/short")
    report = close(market)
    assert asked(market) == [("", "")]
    assert counts(report) == {"closed": 4}
    assert report.verified
    assert sizes(market) == {}


def test_positions_are_read_before_anything_is_sent_and_twice_after_they_are_gone(market: Market) -> None:
    open_positions(market, "BTCUSDT/long")
    close(market)
    sent = [request.endpoint for request in market.wire.sent]
    assert sent == [POSITION_READS, CLOSES, POSITION_READS, POSITION_READS]


def test_flat_account_gets_no_close(market: Market) -> None:
    report = close(market)
    assert asked(market) == []
    assert (report.counts["requested"], report.verified, report.error) == (0, True, None)


def test_orders_and_plan_orders_are_left_alone(market: Market) -> None:
    open_positions(market, "BTCUSDT/long")
    orders = market.place(3, "BTCUSDT")
    plans = [market.exchange.place_plan(1, kind, "BTCUSDT")[0] for kind in ("normal_plan", *PROTECTIVE_PLAN_TYPES)]
    close(market)
    assert market.statuses(orders) == {"live"}
    assert {market.exchange.plan_order(plan.order_id).status for plan in plans} == {"live"}


def test_other_product_types_are_left_alone(market: Market) -> None:
    open_positions(market, "BTCUSDT/long")
    open_positions(market, "BTCUSD/long", product_type="COIN-FUTURES")
    open_positions(market, "BTCPERP/long", product_type="USDC-FUTURES")
    close(market)
    assert sizes(market) == {"BTCUSD/long": "1", "BTCPERP/long": "1"}


def test_one_symbol_leaves_the_others_alone(market: Market) -> None:
    open_positions(market, "BTCUSDT/long", "ETHUSDT/long", "BTCUSDT/short")
    report = close(market, BTC)
    assert asked(market) == [("BTCUSDT", "")]
    assert closed(report) == {"BTCUSDT/long", "BTCUSDT/short"}
    assert sizes(market) == {"ETHUSDT/long": "1"}


def test_excluded_symbols_keep_their_positions(market: Market) -> None:
    open_positions(market, "BTCUSDT/long", "ETHUSDT/long", "SOLUSDT/short")
    close(market, NOT_ETH)
    assert asked(market) == [("BTCUSDT", "long"), ("SOLUSDT", "short")]
    assert sizes(market) == {"ETHUSDT/long": "1"}


def test_margin_coin_leaves_positions_of_other_coins_alone(market: Market) -> None:
    open_positions(market, "BTCUSDT/long")
    open_positions(market, "ETHUSDT/long", margin_coin="BTC")
    report = close(market, IN_USDT)
    assert asked(market) == [("BTCUSDT", "long")]
    assert closed(report) == {"BTCUSDT/long"}
    assert sizes(market) == {"ETHUSDT/long": "1"}


def test_position_that_shares_its_symbol_with_another_margin_coin_is_not_closed_but_named(market: Market) -> None:
    """A close by symbol would close the other coin's position as well."""
    open_positions(market, "SOLUSDT/long")
    in_two_coins(market, "BTCUSDT")
    report = close(market, IN_USDT)
    assert asked(market) == [("SOLUSDT", "long")]
    [left] = report.not_done()
    assert (str(left), left.bucket, left.detail, left.curable) == ("BTCUSDT long 1", "failed", "bad_request", False)
    assert "margin coin BTC" in left.message


@pytest.mark.parametrize(("hold_side", "requests"), [(None, [("", "")]), ("long", [("BTCUSDT", "long")])])
def test_positions_of_one_symbol_in_two_margin_coins_are_closed_together(
    market: Market, hold_side: str | None, requests: list[tuple[str, str]]
) -> None:
    in_two_coins(market, "BTCUSDT")
    report = close(market, hold_side=hold_side)
    assert asked(market) == requests
    assert {one.margin_coin for one in report.in_bucket(CloseBucket.CLOSED)} == {"USDT", "BTC"}


def in_two_coins(market: Market, symbol: str) -> None:
    """Show a long position of one symbol in USDT and in BTC; the sandbox's books hold one margin coin a symbol."""
    open_positions(market, f"{symbol}/long")
    read = market.dialect.positions

    def positions(**options: Any) -> list[Any]:
        found = read(**options)
        twins = [position for position in found if position.symbol == symbol]
        return found + [type(one)(**{**_fields(one), "margin_coin": "BTC"}) for one in twins]

    market.dialect.positions = positions  # type: ignore[method-assign]


def _fields(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}


@pytest.mark.parametrize("hold_side", [None, "long"])
def test_refusal_of_positions_that_only_one_request_reaches_is_a_verdict_on_each(
    market: Market, hold_side: str | None
) -> None:
    in_two_coins(market, "BTCUSDT")
    market.exchange.inject("refuse", endpoint=CLOSES, code="45009")
    report = close(market, hold_side=hold_side)
    assert [(one.margin_coin, str(one.detail), one.code) for one in report.in_bucket(CloseBucket.FAILED)] == [
        ("USDT", "account_risk", "45009"),
        ("BTC", "account_risk", "45009"),
    ]
    assert len(asked(market)) <= 2


def test_largest_positions_are_closed_first(market: Market) -> None:
    for symbol, size in (("SOLUSDT", "1"), ("BTCUSDT", "5"), ("ETHUSDT", "2")):
        open_positions(market, f"{symbol}/long", size=size)
    close(market, hold_side="long")
    assert [symbol for symbol, _ in asked(market)] == ["BTCUSDT", "ETHUSDT", "SOLUSDT"]


# The side


@pytest.mark.parametrize("hold_side", ["long", "short"])
def test_hold_side_never_closes_the_other_side_in_hedge_mode(market: Market, hold_side: str) -> None:
    open_positions(market, "BTCUSDT/long", "BTCUSDT/short", "ETHUSDT/long", "ETHUSDT/short")
    close(market, hold_side=hold_side)
    other = "short" if hold_side == "long" else "long"
    assert asked(market) == [("BTCUSDT", hold_side), ("ETHUSDT", hold_side)]
    assert set(sizes(market)) == {f"BTCUSDT/{other}", f"ETHUSDT/{other}"}


def test_hold_side_never_closes_the_other_side_in_one_way_mode(market: Market) -> None:
    """The exchange ignores the field there, so that it is not even sent."""
    open_positions(market, "BTCUSDT/long", "ETHUSDT/short", "SOLUSDT/long", pos_mode=ONE_WAY)
    close(market, hold_side="long")
    assert asked(market) == [("BTCUSDT", ""), ("SOLUSDT", "")]
    assert sizes(market) == {"ETHUSDT/short": "1"}


def test_position_that_flips_before_its_turn_in_one_way_mode_is_not_closed(market: Market) -> None:
    open_positions(market, "BTCUSDT/long", "ETHUSDT/long", pos_mode=ONE_WAY)
    market.before(CLOSES, 1, lambda: open_positions(market, "ETHUSDT/short", size="3", pos_mode=ONE_WAY))
    report = prepare(market, hold_side="long").run()
    assert asked(market) == [("BTCUSDT", "")]
    assert sizes(market) == {"ETHUSDT/short": "2"}
    assert closed(report) == {"BTCUSDT/long", "ETHUSDT/long"}
    [flipped] = [row for row in report.to_dict()["closed"] if row["symbol"] == "ETHUSDT"]
    assert flipped["note"] == "It was closed by something else: no close was sent for it"


def test_positions_are_read_right_before_each_request_by_symbol(market: Market) -> None:
    open_positions(market, "BTCUSDT/long", "ETHUSDT/long", "SOLUSDT/long", pos_mode=ONE_WAY)
    close(market, hold_side="long")
    sent = market.wire.sent
    closes = [place for place, request in enumerate(sent) if request.endpoint == CLOSES]
    assert len(closes) == 3
    for place in closes:
        assert sent[place - 1].endpoint == POSITION_READS
        assert sent[place].moment - sent[place - 1].moment < 0.05


def test_side_is_named_where_the_position_mode_cannot_be_read(market: Market) -> None:
    """In hedge mode that spares the other side, and in one-way mode it does no harm."""
    open_positions(market, "BTCUSDT/long", "BTCUSDT/short")
    forget(market, "posMode")
    close(market, BTC, hold_side="long")
    assert sizes(market) == {"BTCUSDT/short": "1"}


def forget(market: Market, name: str) -> None:
    """Let the rows of positions come without a field."""
    call = market.client.call

    def without(endpoint: Any, **options: Any) -> Any:
        answer = call(endpoint, **options)
        if endpoint.path.endswith(POSITION_READS):
            for row in answer.data:
                row.pop(name, None)
        return answer

    market.client.call = without  # type: ignore[method-assign]


# What proves a close


def test_accepted_close_is_no_closed_position(market_with: Callable[..., Market]) -> None:
    """The close order fills after twenty seconds; until then it is waited for, and not sent again."""
    market = market_with(close_lag=20.0)
    open_positions(market, "BTCUSDT/long")
    report = close(market)
    assert counts(report) == {"closed": 1}
    assert len(asked(market)) == 1
    assert 20 <= market.clock.monotonic() < 23
    assert 18 <= reads_between(market, 1.0, 20.0) <= 27


def test_close_order_that_outlasts_the_deadline_leaves_the_position_open(market_with: Callable[..., Market]) -> None:
    market = market_with(close_lag=500.0)
    open_positions(market, "BTCUSDT/long")
    report = close(market, deadline=30)
    assert unresolved(report) == {"BTCUSDT/long": "still_open"}
    assert len(asked(market)) == 1
    [left] = report.not_done()
    assert left.message.startswith("Not sent again: order ")
    assert (left.curable, report.verified) == (True, True)


def test_older_answer_that_names_no_symbols_is_understood(market_with: Callable[..., Market]) -> None:
    market = market_with(close_lag=500.0)
    open_positions(market, "BTCUSDT/long", "ETHUSDT/long")
    call = market.client.call

    def without_symbols(endpoint: Any, **options: Any) -> Any:
        answer = call(endpoint, **options)
        for row in answer.data["successList"] if endpoint.path.endswith(CLOSES) else ():
            del row["symbol"]
        return answer

    market.client.call = without_symbols  # type: ignore[method-assign]
    report = close(market, deadline=10)
    assert unresolved(report) == {"BTCUSDT/long": "still_open", "ETHUSDT/long": "still_open"}


def test_acknowledged_close_that_does_nothing_is_sent_again_when_the_size_has_stayed(market: Market) -> None:
    market.exchange.inject("ack_only", endpoint=CLOSES, times=2)
    open_positions(market, "BTCUSDT/long", "ETHUSDT/long")
    report = close(market)
    assert counts(report) == {"closed": 2}
    assert asked(market)[:2] == [("", ""), ("", "")]
    assert sorted(asked(market)[2:]) == SIDES_ONE_BY_ONE


@pytest.mark.parametrize("share", ["0", "0.5", "0.9"])
def test_what_a_partial_fill_leaves_is_closed_as_well(market: Market, share: str) -> None:
    market.exchange.fill_closes_partly(share, times=3)
    open_positions(market, "BTCUSDT/long", size="0.8")
    report = close(market)
    assert counts(report) == {"closed": 1}
    assert len(asked(market)) == 4
    assert report.to_dict()["closed"][0]["size"] == "0.8"


def test_what_is_left_at_the_deadline_is_named_with_its_size(market: Market) -> None:
    market.exchange.fill_closes_partly("0.5", times=1)
    open_positions(market, "BTCUSDT/long", size="0.8")
    report = close(market, deadline=2)
    [row] = report.to_dict()["unresolved"]
    assert (row["size"], row["left"], row["category"], row["value"]) == ("0.8", "0.4", "still_open", "24000")


def test_position_that_something_else_closes_counts_as_closed_with_a_note(market: Market) -> None:
    open_positions(market, "BTCUSDT/long")
    market.exchange.refuse_close("BTCUSDT", "long", "45009")
    market.exchange.inject("rate_limit", endpoint=CLOSES, times=1)
    order = market.place(1, "BTCUSDT", trade_side="close", hold_side="long", size="1")[0]
    market.before(CLOSES, 1, lambda: market.fill(order))
    report = prepare(market).run()
    [row] = report.to_dict()["closed"]
    assert row["note"] == "It was closed by something else: no close was sent for it"


def test_refused_position_that_reads_zero_later_is_closed(market: Market) -> None:
    """The read decides over every answer."""
    open_positions(market, "BTCUSDT/long")
    order = market.place(1, "BTCUSDT", trade_side="close", hold_side="long", size="1")[0]
    market.exchange.refuse_close("BTCUSDT", "long", "45009")
    market.before(POSITION_READS, 3, lambda: market.fill(order))
    report = close(market)
    assert counts(report) == {"closed": 1}
    assert report.not_done() == []


def test_position_that_appears_late_is_seen_and_closed(market_with: Callable[..., Market]) -> None:
    """An order filled just before, and the position shows only four seconds later."""
    market = market_with(fills_make_positions=True, position_lag=4.0)
    market.fill(*market.place(1, "ETHUSDT", trade_side="open", hold_side="long"))
    open_positions(market, "BTCUSDT/long")
    report = close(market, settle=6.0)
    assert closed(report) == {"BTCUSDT/long", "ETHUSDT/long"}
    assert report.counts["requested"] == 2


def test_no_position_has_to_show_for_as_long_as_the_run_is_to_make_sure(market: Market) -> None:
    open_positions(market, "BTCUSDT/long")
    close(market, settle=30.0)
    assert 30 <= market.clock.monotonic() < 32
    assert 25 <= reads_between(market, 0.0, 31.0) <= 33


@pytest.mark.parametrize(("ago", "seconds"), [(0.0, 30.0), (12.0, 18.0), (25.0, 10.0), (31.0, 10.0), (-500.0, 30.0)])
def test_no_position_shows_until_whatever_may_come_of_the_last_cancel_would(
    market: Market, ago: float, seconds: float
) -> None:
    close(market, settle=10.0, last_cancel=LastCancel(market.clock.time() - ago, 30.0))
    assert market.clock.monotonic() == pytest.approx(seconds, abs=1.5)


def test_position_of_an_order_that_filled_although_its_cancel_was_acknowledged_is_closed(
    market_with: Callable[..., Market],
) -> None:
    market = market_with(fills_make_positions=True, position_lag=25.0)
    market.fill(*market.place(1, "ETHUSDT", trade_side="open", hold_side="long"))
    report = close(market, settle=10.0, last_cancel=LastCancel(market.clock.time(), 30.0))
    assert closed(report) == {"ETHUSDT/long"}


# Never blindly


def test_close_that_was_carried_out_without_an_answer_is_not_repeated(market: Market) -> None:
    open_positions(market, "BTCUSDT/long", "ETHUSDT/long")
    market.exchange.inject("reset_after", endpoint=CLOSES, times=1)
    report = close(market)
    assert counts(report) == {"closed": 2}
    assert len(asked(market)) == 1


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("reset_before", {}),
        ("bad_gateway", {}),
        ("html", {}),
        ("hang", {"seconds": 30.0}),
        ("refuse", {"code": "40010"}),
        ("refuse", {"code": "40725"}),
        ("drop_ids", {"processed": False}),
        ("empty_lists", {"processed": False}),
        ("foreign_ids", {"replace": True, "where": "both"}),
    ],
)
def test_close_without_a_trustworthy_answer_is_repeated_once_the_size_has_stayed(
    market: Market, fault: str, options: dict[str, Any]
) -> None:
    if fault == "foreign_ids":
        market.exchange.inject("ack_only", endpoint=CLOSES, times=1)
    market.exchange.inject(fault, endpoint=CLOSES, times=1, **options)
    open_positions(market, "BTCUSDT/long")
    report = close(market)
    assert counts(report) == {"closed": 1}
    first, second = arrivals(market)
    assert second - first >= 3.0
    assert reads_between(market, first, second) >= 2
    assert reads_between(market, first, second, OPEN_READS) == 2


def test_close_is_not_repeated_while_a_close_order_of_the_symbol_is_live(market_with: Callable[..., Market]) -> None:
    market = market_with(close_lag=15.0)
    open_positions(market, "BTCUSDT/long", "ETHUSDT/long")
    market.exchange.inject("truncate", endpoint=CLOSES, times=1)
    report = close(market)
    assert counts(report) == {"closed": 2}
    assert len(asked(market)) == 1


def test_close_is_not_repeated_when_the_open_orders_cannot_be_read(market: Market) -> None:
    open_positions(market, "BTCUSDT/long")
    market.exchange.inject("ack_only", endpoint=CLOSES, times=1)
    market.exchange.inject("bad_gateway", endpoint=OPEN_READS)
    report = close(market, deadline=40)
    assert len(asked(market)) == 1
    assert unresolved(report) == {"BTCUSDT/long": "still_open"}


def test_other_symbols_are_repeated_while_one_has_a_live_close_order(market: Market) -> None:
    market.place(1, "BTCUSDT", trade_side="close", hold_side="short", size="0.1")
    open_positions(market, "BTCUSDT/long", "ETHUSDT/long")
    market.exchange.inject("ack_only", endpoint=CLOSES, times=1)
    report = close(market, deadline=30)
    assert asked(market) == [("", ""), ("ETHUSDT", "long")]
    assert (closed(report), unresolved(report)) == ({"ETHUSDT/long"}, {"BTCUSDT/long": "still_open"})


def test_close_is_not_repeated_while_the_size_changes(market: Market) -> None:
    """Somebody keeps adding to it for ten seconds after an answer was lost."""
    open_positions(market, "BTCUSDT/long")
    market.exchange.inject("reset_before", endpoint=CLOSES, times=1)
    for moment in range(1, 11):
        market.clock.at(float(moment), lambda: open_positions(market, "BTCUSDT/long", size="0.1"))
    report = close(market)
    assert arrivals(market)[1] >= 13.0
    assert counts(report) == {"closed": 1}
    assert report.to_dict()["closed"][0]["size"] == "2"


def test_close_refused_by_the_rate_limit_is_sent_again_after_a_fresh_read(market: Market) -> None:
    open_positions(market, "BTCUSDT/long", pos_mode=ONE_WAY)
    market.exchange.inject("rate_limit", endpoint=CLOSES, times=2)
    report = close(market, hold_side="long")
    assert counts(report) == {"closed": 1}
    assert report.rate_limited == 2
    first, second, third = arrivals(market)
    assert 1.0 <= third - second < 1.2
    assert min(reads_between(market, first, second), reads_between(market, second, third)) >= 1


def test_connection_that_cannot_be_made_sends_nothing_twice(market: Market) -> None:
    open_positions(market, "BTCUSDT/long")
    market.before(POSITION_READS, 1, lambda: setattr(market.wire, "refuse_connections", 0))
    run = prepare(market)
    market.clock.at(0.015, lambda: setattr(market.wire, "refuse_connections", 3))
    report = run.run()
    assert counts(report) == {"closed": 1}
    assert len(asked(market)) == 1


def test_position_that_did_not_show_when_all_were_closed_is_taken_for_sent(
    market_with: Callable[..., Market],
) -> None:
    """One read misses it, the request for the whole product type closes it all the same, and then it shows again."""
    market = market_with(close_lag=2.0)
    open_positions(market, "BTCUSDT/long", "ETHUSDT/long")
    market.exchange.inject("rate_limit", endpoint=CLOSES, times=1)
    read = market.dialect.positions

    def positions(**options: Any) -> list[Any]:
        found = read(**options)
        hidden = "ETHUSDT" if len(market.requests(CLOSES)) == 1 else ""
        return [position for position in found if position.symbol != hidden]

    market.dialect.positions = positions  # type: ignore[method-assign]
    report = close(market)
    assert asked(market) == [("", ""), ("", "")]
    assert counts(report) == {"closed": 2}


# Refusals


@pytest.mark.parametrize("code", ["45009", "40931", "45108", "22041", "22043", "22044", "22067", "40753"])
def test_refusal_of_risk_control_is_reported_with_its_code_and_not_repeated(market: Market, code: str) -> None:
    open_positions(market, "BTCUSDT/long", "ETHUSDT/long")
    market.exchange.refuse_close("BTCUSDT", "long", code)
    report = close(market)
    assert closed(report) == {"ETHUSDT/long"}
    assert failed(report) == {"BTCUSDT/long": "account_risk"}
    assert codes(report) == {"BTCUSDT/long": code}
    assert asked(market) == [("", "")]
    assert market.clock.monotonic() < 3


@pytest.mark.parametrize("code", ["40888", "45104"])
def test_position_above_the_flash_close_maximum_is_reported_as_too_large(
    market_with: Callable[..., Market], code: str
) -> None:
    market = market_with(flash_close_maximum={"BTCUSDT": "2"}, flash_close_code=code)
    open_positions(market, "BTCUSDT/long", size="2.5")
    open_positions(market, "ETHUSDT/long", size="2.5")
    report = close(market)
    assert failed(report) == {"BTCUSDT/long": "too_large_to_flash_close"}
    assert codes(report) == {"BTCUSDT/long": code}
    assert closed(report) == {"ETHUSDT/long"}


@pytest.mark.parametrize("code", ["40746", "40867", "40939"])
def test_locked_position_is_reported_and_nothing_is_cancelled_for_it(
    market_with: Callable[..., Market], code: str
) -> None:
    market = market_with(locked_code=code)
    open_positions(market, "BTCUSDT/long", "ETHUSDT/long")
    orders = market.place(1, "BTCUSDT", trade_side="close", hold_side="long", size="1")
    plans = market.exchange.place_plan(1, "pos_loss", "BTCUSDT", hold_side="long")
    report = close(market)
    assert failed(report) == {"BTCUSDT/long": "locked"}
    assert codes(report) == {"BTCUSDT/long": code}
    assert market.statuses(orders) == {"live"}
    assert market.exchange.plan_order(plans[0].order_id).status == "live"
    assert report.to_dict()["cancelled_stops"] == []


def test_stops_stay_where_a_resting_order_locks_the_position_and_not_they(market: Market) -> None:
    """They would go in vain: the position would stay open, and without them."""
    open_positions(market, "BTCUSDT/long")
    market.place(1, "BTCUSDT", trade_side="close", hold_side="long", size="1")
    (stop,) = market.exchange.place_plan(1, "pos_loss", "BTCUSDT", hold_side="long")
    report = close(market, cancel_locking_stops=True)
    assert failed(report) == {"BTCUSDT/long": "locked"}
    assert market.exchange.plan_order(stop.order_id).status == "live"
    assert report.to_dict()["cancelled_stops"] == []


def test_what_resting_close_orders_hold_is_left_and_named(market_with: Callable[..., Market]) -> None:
    market = market_with(locked_positions="remainder")
    open_positions(market, "BTCUSDT/long", size="1")
    [order] = market.place(1, "BTCUSDT", trade_side="close", hold_side="long", size="0.4")
    report = close(market, deadline=20)
    [left] = report.not_done()
    assert (left.detail, left.left) == ("still_open", Decimal("0.4"))
    assert order.order_id in left.message
    assert market.status(order) == "live"


def test_symbol_under_maintenance_fails_without_a_tight_loop(market: Market) -> None:
    open_positions(market, "BTCUSDT/long", "ETHUSDT/long")
    market.exchange.maintain(["BTCUSDT"])
    report = close(market)
    assert failed(report) == {"BTCUSDT/long": "maintenance"}
    assert codes(report) == {"BTCUSDT/long": "41114"}
    first, second = arrivals(market)
    assert second - first >= MAINTENANCE_PAUSE


def test_maintenance_that_ends_soon_keeps_no_position_open(market: Market) -> None:
    """A settlement takes seconds."""
    open_positions(market, "BTCUSDT/long")
    market.exchange.maintain(["BTCUSDT"])
    market.clock.at(8.0, market.exchange.maintain)
    assert counts(close(market)) == {"closed": 1}


def test_maintenance_at_the_deadline_is_a_refusal_as_well(market: Market) -> None:
    open_positions(market, "BTCUSDT/long")
    market.exchange.maintain(["BTCUSDT"])
    assert failed(close(market, deadline=10)) == {"BTCUSDT/long": "maintenance"}


@pytest.mark.parametrize("code", ["22045", "40015", "45001", "40908", "45023"])
def test_refusal_that_may_pass_is_repeated_until_it_has(market: Market, code: str) -> None:
    open_positions(market, "BTCUSDT/long", "ETHUSDT/long")
    market.exchange.refuse_close("BTCUSDT", "long", code)
    market.clock.at(25.0, lambda: market.exchange.refuse_close("BTCUSDT", "long", None))
    report = close(market)
    assert counts(report) == {"closed": 2}
    assert market.clock.monotonic() < 32
    moments = arrivals(market)
    assert min(later - earlier for earlier, later in itertools.pairwise(moments)) >= 3.0


def test_refusal_that_does_not_pass_leaves_the_position_open_with_its_code(market: Market) -> None:
    open_positions(market, "BTCUSDT/long")
    market.exchange.refuse_close("BTCUSDT", "long", "22045")
    report = close(market, deadline=30)
    assert unresolved(report) == {"BTCUSDT/long": "still_open"}
    assert codes(report) == {"BTCUSDT/long": "22045"}
    assert 6 <= len(asked(market)) <= 9


def test_code_that_may_as_well_mean_bad_input_is_repeated_twice(market: Market) -> None:
    open_positions(market, "BTCUSDT/long")
    market.exchange.refuse_close("BTCUSDT", "long", "40808")
    report = close(market)
    assert failed(report) == {"BTCUSDT/long": "bad_request"}
    assert len(asked(market)) == 3


@pytest.mark.parametrize("code", ["22002", "43043", "40757", "40709"])
def test_no_position_while_one_shows_is_asked_again(market: Market, code: str) -> None:
    open_positions(market, "BTCUSDT/long")
    market.exchange.refuse_close("BTCUSDT", "long", code)
    market.clock.at(5.0, lambda: market.exchange.refuse_close("BTCUSDT", "long", None))
    assert counts(close(market)) == {"closed": 1}
    assert 2 <= len(asked(market)) <= 4


def test_no_position_while_one_shows_to_the_end_is_reported_as_open(market: Market) -> None:
    open_positions(market, "BTCUSDT/long")
    market.exchange.inject("refuse", endpoint=CLOSES, code="22002")
    report = close(market, deadline=20)
    assert unresolved(report) == {"BTCUSDT/long": "still_open"}
    assert codes(report) == {"BTCUSDT/long": "22002"}


@pytest.mark.parametrize("code", ["22002", "43043", "40757"])
def test_no_position_to_close_is_believed_when_the_read_agrees(market: Market, code: str) -> None:
    open_positions(market, "BTCUSDT/long")
    market.exchange.inject("refuse", endpoint=CLOSES, times=1, code=code, processed=True)
    report = close(market)
    assert counts(report) == {"closed": 1}
    assert len(asked(market)) == 1


@pytest.mark.parametrize("code", ["99999", None])
def test_refusal_that_nobody_knows_is_a_verdict_when_it_is_said_again(market: Market, code: str | None) -> None:
    open_positions(market, "BTCUSDT/long", "ETHUSDT/long")
    market.exchange.inject("refuse_orders", endpoint=CLOSES, order_ids=["BTCUSDT/long"], code=code)
    report = close(market)
    assert failed(report) == {"BTCUSDT/long": "unknown"}
    assert closed(report) == {"ETHUSDT/long"}
    assert len(asked(market)) == 2


def test_refusal_that_nobody_knows_and_that_passes_keeps_no_position_open(market: Market) -> None:
    open_positions(market, "BTCUSDT/long")
    market.exchange.inject("refuse_orders", endpoint=CLOSES, code="99999", times=1)
    assert counts(close(market)) == {"closed": 1}


@pytest.mark.parametrize("code", ["45009", "45108", "41114", "99999", "40034", "40746", "22041", "40309"])
def test_request_refused_as_a_whole_falls_back_to_one_per_symbol(market: Market, code: str) -> None:
    """One bad symbol never keeps the others open, whatever its code seems to speak of."""
    open_positions(market, "BTCUSDT/long", "ETHUSDT/long", "SOLUSDT/long", "SOLUSDT/short")
    market.exchange.refuse_close("ETHUSDT", "long", "45108")
    market.exchange.inject("refuse", endpoint=CLOSES, times=1, code=code)
    report = close(market)
    assert sorted(asked(market)) == [("", ""), *SIDES_ONE_BY_ONE, ("SOLUSDT", "")]
    assert closed(report) == {"BTCUSDT/long", "SOLUSDT/long", "SOLUSDT/short"}
    assert failed(report) == {"ETHUSDT/long": "account_risk"}


def test_request_whose_every_answer_is_odd_falls_back_to_one_per_symbol(market: Market) -> None:
    open_positions(market, "BTCUSDT/long", "ETHUSDT/long")
    market.exchange.inject("bad_gateway", endpoint=CLOSES, times=2)
    report = close(market)
    assert asked(market)[:2] == [("", ""), ("", "")]
    assert sorted(asked(market)[2:]) == SIDES_ONE_BY_ONE
    assert counts(report) == {"closed": 2}


def test_side_that_refuses_keeps_the_other_side_from_nothing(market: Market) -> None:
    """An answer names symbols, not sides: each side is asked about by itself then."""
    open_positions(market, "BTCUSDT/long", "BTCUSDT/short")
    market.exchange.refuse_close("BTCUSDT", "long", "22044")
    report = close(market)
    assert asked(market) == [("", ""), ("BTCUSDT", "long")]
    assert closed(report) == {"BTCUSDT/short"}
    assert (failed(report), codes(report)) == ({"BTCUSDT/long": "account_risk"}, {"BTCUSDT/long": "22044"})


def test_sides_that_refuse_for_different_reasons_get_each_their_own(market: Market) -> None:
    open_positions(market, "BTCUSDT/long", "BTCUSDT/short")
    market.exchange.refuse_close("BTCUSDT", "long", "22044")
    market.exchange.refuse_close("BTCUSDT", "short", "40888")
    report = close(market)
    assert sorted(asked(market)) == [("", ""), ("BTCUSDT", "long"), ("BTCUSDT", "short")]
    assert failed(report) == {"BTCUSDT/long": "account_risk", "BTCUSDT/short": "too_large_to_flash_close"}
    assert codes(report) == {"BTCUSDT/long": "22044", "BTCUSDT/short": "40888"}


def test_request_for_both_sides_that_is_refused_as_a_whole_falls_back_to_the_sides(market: Market) -> None:
    open_positions(market, "BTCUSDT/long", "BTCUSDT/short")
    market.exchange.inject("refuse", endpoint=CLOSES, times=1, code="45108")
    report = close(market, BTC)
    assert asked(market) == [("BTCUSDT", ""), ("BTCUSDT", "long"), ("BTCUSDT", "short")]
    assert counts(report) == {"closed": 2}


def test_refused_position_is_not_asked_again_with_the_others(market: Market) -> None:
    """What is left of the other one is closed by name, although the whole product type was asked for."""
    market.exchange.fill_closes_partly("0.5", times=1)
    open_positions(market, "BTCUSDT/long", "ETHUSDT/long")
    market.exchange.refuse_close("ETHUSDT", "long", "45009")
    report = close(market)
    assert asked(market) == [("", ""), ("BTCUSDT", "long")]
    assert (closed(report), failed(report)) == ({"BTCUSDT/long"}, {"ETHUSDT/long": "account_risk"})


def test_side_that_was_refused_is_not_asked_again_with_the_other(market: Market) -> None:
    market.exchange.fill_closes_partly("0.5", times=1)
    open_positions(market, "BTCUSDT/long", "BTCUSDT/short", "ETHUSDT/long")
    market.exchange.refuse_close("BTCUSDT", "short", "45009")
    market.exchange.refuse_close("ETHUSDT", "long", "45009")
    report = close(market)
    assert set(asked(market)[1:]) == {("BTCUSDT", "long"), ("BTCUSDT", "short")}
    assert len(asked(market)) == 3
    assert closed(report) == {"BTCUSDT/long"}
    assert failed(report) == {"BTCUSDT/short": "account_risk", "ETHUSDT/long": "account_risk"}


@pytest.mark.parametrize(
    ("code", "error"),
    [("40012", BitgetAuthError), ("40014", BitgetAuthError), ("40085", BitgetAccountModeError)],
)
@pytest.mark.parametrize("endpoint", [CLOSES, POSITION_READS])
def test_refused_credentials_end_the_run_at_once(
    market: Market, code: str, error: type[Exception], endpoint: str
) -> None:
    open_positions(market, "BTCUSDT/long", "ETHUSDT/long")
    market.exchange.inject("refuse", endpoint=endpoint, code=code)
    report = close(market)
    assert type(report.error) is error
    # The word about the kind of account is put to the test once.
    tried = [request for request in market.wire.sent if is_of_kind(request.path, market.kind)]
    assert len(tried) == (2 if endpoint == CLOSES else 1)
    assert len(market.wire.sent) - len(tried) == (code == "40085")
    assert not any(outcome.curable for outcome in report.not_done())
    assert set(unresolved(report).values()) <= {"not_sent"}


def test_address_that_is_banned_ends_the_run(market: Market) -> None:
    open_positions(market, "BTCUSDT/long")
    market.exchange.inject("rate_limit")
    report = close(market)
    assert isinstance(report.error, BitgetIpBanError)
    assert market.clock.monotonic() < 20


@pytest.mark.parametrize("clock_ahead", [60.0, -60.0])
def test_wrong_clock_is_mended_by_the_exchange_s(clock_ahead: float) -> None:
    market = Market(clock_ahead=clock_ahead)
    open_positions(market, "BTCUSDT/long")
    assert counts(close(market)) == {"closed": 1}


def test_timestamp_that_is_refused_again_and_again_ends_the_run(market: Market) -> None:
    open_positions(market, "BTCUSDT/long")
    market.exchange.inject("refuse", endpoint=CLOSES, code="40008")
    report = close(market)
    assert isinstance(report.error, BitgetAuthError)
    assert unresolved(report) == {"BTCUSDT/long": "not_sent"}
    assert len(asked(market)) == 3


def test_timestamp_that_is_refused_once_costs_one_more_try(market: Market) -> None:
    open_positions(market, "BTCUSDT/long")
    market.exchange.inject("refuse", endpoint=CLOSES, code="40008", times=1)
    assert counts(close(market)) == {"closed": 1}


# Stops that lock the size


def lock_by_stops(market: Market, symbol: str, hold_side: str, code: str = "40746") -> None:
    """Let a position refuse to close while a stop of it waits."""

    def act(_request: SentRequest) -> None:
        stops = [
            plan for plan in market.exchange.plan_orders(symbol=symbol) if plan.closing and plan.hold_side == hold_side
        ]
        market.exchange.refuse_close(symbol, hold_side, code if stops else None)

    market.wire.before_arrival.append(act)


def place_stops(market: Market, symbol: str, hold_side: str, **options: Any) -> list[PlanOrder]:
    return [
        market.exchange.place_plan(1, kind, symbol, hold_side=hold_side, **options)[0] for kind in PROTECTIVE_PLAN_TYPES
    ]


@pytest.mark.parametrize("code", ["40746", "40867", "40939"])
def test_stops_that_lock_a_position_are_cancelled_and_it_is_closed_at_once(market: Market, code: str) -> None:
    """Those of exactly this symbol and side, whatever their type; and the report names them."""
    open_positions(market, "BTCUSDT/long", "BTCUSDT/short", "ETHUSDT/long")
    locking = place_stops(market, "BTCUSDT", "long")
    others = place_stops(market, "BTCUSDT", "short") + place_stops(market, "ETHUSDT", "long")
    others += market.exchange.place_plan(2, "normal_plan", "BTCUSDT", hold_side="long")
    lock_by_stops(market, "BTCUSDT", "long", code)
    report = close(market, Scope(USDT_FUTURES), hold_side="long", cancel_locking_stops=True)
    assert counts(report) == {"closed": 2}
    rows = report.to_dict()["cancelled_stops"]
    assert {row["orderId"] for row in rows} == {plan.order_id for plan in locking}
    assert {row["planType"] for row in rows} == set(PROTECTIVE_PLAN_TYPES)
    assert {market.exchange.plan_order(plan.order_id).status for plan in others} == {"live"}
    assert market.clock.monotonic() < 6


def test_stops_stay_where_nothing_is_locked(market: Market) -> None:
    open_positions(market, "BTCUSDT/long", "ETHUSDT/long")
    place_stops(market, "BTCUSDT", "long")
    market.exchange.refuse_close("ETHUSDT", "long", "45009")
    report = close(market, cancel_locking_stops=True)
    assert market.requests(PLAN_CANCELS) == market.requests(PLAN_READS) == []
    assert report.to_dict()["cancelled_stops"] == []


def test_stops_stay_unless_the_run_may_cancel_them(market: Market) -> None:
    open_positions(market, "BTCUSDT/long")
    place_stops(market, "BTCUSDT", "long")
    lock_by_stops(market, "BTCUSDT", "long")
    report = close(market)
    assert failed(report) == {"BTCUSDT/long": "locked"}
    assert market.requests(PLAN_CANCELS) == []


def test_stops_of_a_one_way_position_name_no_side(market: Market) -> None:
    open_positions(market, "BTCUSDT/long", "ETHUSDT/short", pos_mode=ONE_WAY)
    locking = place_stops(market, "BTCUSDT", "long", pos_mode=ONE_WAY)
    others = place_stops(market, "ETHUSDT", "short", pos_mode=ONE_WAY)
    lock_by_stops(market, "BTCUSDT", "long")
    report = close(market, cancel_locking_stops=True)
    assert counts(report) == {"closed": 2}
    assert len(report.cancelled_stops) == len(locking)
    assert {market.exchange.plan_order(plan.order_id).status for plan in others} == {"live"}


def test_position_that_is_locked_by_something_else_stays_open_and_keeps_its_code(market: Market) -> None:
    open_positions(market, "BTCUSDT/long")
    market.exchange.refuse_close("BTCUSDT", "long", "40867")
    report = close(market, cancel_locking_stops=True)
    assert failed(report) == {"BTCUSDT/long": "locked"}
    assert (len(asked(market)), report.to_dict()["cancelled_stops"]) == (1, [])


def test_position_that_stays_locked_after_its_stops_went_is_closed_no_third_time(market: Market) -> None:
    open_positions(market, "BTCUSDT/long")
    place_stops(market, "BTCUSDT", "long")
    market.exchange.refuse_close("BTCUSDT", "long", "40867")
    report = close(market, cancel_locking_stops=True)
    assert failed(report) == {"BTCUSDT/long": "locked"}
    assert (len(asked(market)), len(report.cancelled_stops)) == (2, 5)


def test_only_stops_that_are_proven_gone_are_listed(market: Market) -> None:
    """Acknowledged and still there, and gone without an acknowledgement."""
    open_positions(market, "BTCUSDT/long")
    stuck, triggered, fine = market.exchange.place_plan(3, "loss_plan", "BTCUSDT", hold_side="long")
    lock_by_stops(market, "BTCUSDT", "long")
    market.exchange.inject("ack_only", endpoint=PLAN_CANCELS, order_ids=[stuck.order_id])
    market.exchange.inject("fill_while_cancelling", endpoint=PLAN_CANCELS, order_ids=[triggered.order_id])
    report = close(market, cancel_locking_stops=True)
    assert [stop.order_id for stop in report.cancelled_stops] == [fine.order_id]
    assert failed(report) == {"BTCUSDT/long": "locked"}


def test_plan_order_of_an_unknown_type_is_not_taken_for_a_stop(market: Market) -> None:
    """The lists of stops may show more than was asked for."""
    open_positions(market, "BTCUSDT/long")
    place_stops(market, "BTCUSDT", "long")
    lock_by_stops(market, "BTCUSDT", "long")
    read = market.classic.open_plan_orders

    def with_strangers(**options: Any) -> Any:
        yield from read(**options)
        yield [
            OpenPlanOrder(f"8{number}", "", "BTCUSDT", plan_type, "long", {})
            for number, plan_type in enumerate(["", "new_plan", "normal_plan", "track_plan"])
        ]

    market.classic.open_plan_orders = with_strangers  # type: ignore[method-assign]
    report = close(market, cancel_locking_stops=True)
    assert counts(report) == {"closed": 1}
    assert {stop.plan_type for stop in report.cancelled_stops} == set(PROTECTIVE_PLAN_TYPES)


def test_stops_are_cancelled_through_faults(market: Market) -> None:
    open_positions(market, "BTCUSDT/long")
    place_stops(market, "BTCUSDT", "long")
    lock_by_stops(market, "BTCUSDT", "long")
    market.exchange.inject("empty_lists", endpoint=PLAN_CANCELS, times=2, processed=False)
    market.exchange.inject("bad_gateway", endpoint=PLAN_READS, times=2)
    report = close(market, cancel_locking_stops=True)
    assert counts(report) == {"closed": 1}
    assert len(report.cancelled_stops) == 5


@pytest.mark.parametrize(
    ("kind", "times"), [("empty_lists", None), ("drop_ids", None), ("reset_after", 1), ("reset_after", None)]
)
def test_position_whose_stops_went_without_an_acknowledgement_is_closed_and_they_are_named(
    market: Market, kind: str, times: int | None
) -> None:
    """It must not stay open without its stops, and nobody told so."""
    open_positions(market, "BTCUSDT/long", "ETHUSDT/long")
    [stop] = market.exchange.place_plan(1, "pos_loss", "BTCUSDT", hold_side="long")
    [other] = market.exchange.place_plan(1, "pos_loss", "ETHUSDT", hold_side="long")
    lock_by_stops(market, "BTCUSDT", "long")
    market.exchange.inject(kind, endpoint=PLAN_CANCELS, times=times)
    report = close(market, cancel_locking_stops=True)
    assert counts(report) == {"closed": 2}
    assert [one.order_id for one in report.cancelled_stops] == [stop.order_id]
    assert market.exchange.plan_order(other.order_id).status == "live"


def test_position_whose_stops_went_nobody_knows_how_is_closed_but_never_blindly(market: Market) -> None:
    """The stop may have triggered: what it placed may close the position just now."""
    open_positions(market, "BTCUSDT/long")
    market.exchange.place_plan(1, "loss_plan", "BTCUSDT", hold_side="long")
    lock_by_stops(market, "BTCUSDT", "long")
    market.exchange.inject("empty_lists", endpoint=PLAN_CANCELS)
    market.exchange.inject("bad_gateway", endpoint=PLAN_HISTORY)
    report = close(market, cancel_locking_stops=True)
    assert counts(report) == {"closed": 1}
    assert report.cancelled_stops == ()
    first, again = arrivals(market)
    assert again - first >= REST_SECONDS


def test_history_that_hangs_keeps_no_position_open_for_long(market: Market) -> None:
    open_positions(market, "BTCUSDT/long")
    market.exchange.place_plan(1, "loss_plan", "BTCUSDT", hold_side="long")
    lock_by_stops(market, "BTCUSDT", "long")
    market.exchange.inject("empty_lists", endpoint=PLAN_CANCELS)
    market.exchange.inject("hang", endpoint=PLAN_HISTORY, seconds=1_000.0)
    assert counts(close(market, cancel_locking_stops=True)) == {"closed": 1}
    assert market.clock.monotonic() < 12


def test_position_whose_stop_triggers_is_not_closed_while_what_it_placed_is_live(market: Market) -> None:
    open_positions(market, "BTCUSDT/long")
    market.exchange.place_plan(1, "loss_plan", "BTCUSDT", hold_side="long")
    lock_by_stops(market, "BTCUSDT", "long")
    market.exchange.inject("fill_while_cancelling", endpoint=PLAN_CANCELS)
    report = close(market, cancel_locking_stops=True)
    assert (unresolved(report), report.cancelled_stops) == ({"BTCUSDT/long": "still_open"}, ())
    assert len(asked(market)) == 1


def test_old_stops_are_found_as_well(market: Market) -> None:
    open_positions(market, "BTCUSDT/long")
    long_ago = int((market.clock.time() - 400 * 86_400) * 1000)
    place_stops(market, "BTCUSDT", "long", created_ms=long_ago)
    lock_by_stops(market, "BTCUSDT", "long")
    assert counts(close(market, cancel_locking_stops=True)) == {"closed": 1}


def test_size_that_our_own_late_close_locks_costs_no_stop(market: Market) -> None:
    """No answer came, and the close arrived only when the next one was on its way."""
    open_positions(market, "BTCUSDT/long")
    stops = place_stops(market, "BTCUSDT", "long")
    market.exchange.inject("reset_before", endpoint=CLOSES, times=1)

    def arrive() -> None:
        [order] = market.place(1, "BTCUSDT", trade_side="close", hold_side="long", size="1")
        market.clock.at(market.clock.monotonic() + 10.0, lambda: market.fill(order))

    market.before(CLOSES, 2, arrive)
    report = prepare(market, cancel_locking_stops=True).run()
    assert counts(report) == {"closed": 1}
    assert {market.exchange.plan_order(stop.order_id).status for stop in stops} == {"live"}


# The deadline


@pytest.mark.parametrize("deadline", [0.5, 3.0, 12.0])
def test_nothing_is_sent_after_the_deadline(market: Market, deadline: float) -> None:
    open_positions(market, *(f"A{number}USDT/long" for number in range(30)))
    report = close(market, hold_side="long", deadline=deadline)
    assert max(request.moment for request in market.wire.sent) <= deadline
    assert market.clock.monotonic() <= deadline + 0.1
    assert set(unresolved(report).values()) == {"not_sent"}
    assert report.verified
    assert report.error is None


def test_part_of_the_deadline_is_kept_for_seeing_what_the_closes_did(market_with: Callable[..., Market]) -> None:
    market = market_with(close_lag=3.0)
    open_positions(market, *(f"A{number}USDT/long" for number in range(30)))
    report = close(market, hold_side="long", deadline=20)
    assert max(arrivals(market)) <= 16.0
    assert counts(report) == {"closed": len(asked(market)), "unresolved": 30 - len(asked(market))}
    assert set(unresolved(report).values()) == {"not_sent"}


def test_answer_that_outlasts_the_deadline_is_not_waited_for(market: Market) -> None:
    open_positions(market, "BTCUSDT/long")
    market.exchange.inject("hang", endpoint=CLOSES, seconds=1_000.0)
    report = close(market, deadline=5)
    assert unresolved(report) == {"BTCUSDT/long": "ambiguous"}
    assert market.clock.monotonic() <= 5 + GRACE_SECONDS


def test_positions_that_cannot_be_read_get_no_close_and_no_success(market: Market) -> None:
    open_positions(market, "BTCUSDT/long")
    market.exchange.inject("bad_gateway", endpoint=POSITION_READS)
    report = close(market, deadline=30)
    assert asked(market) == []
    assert isinstance(report.error, BitgetAmbiguousError)
    assert (report.counts["requested"], report.verified) == (0, False)


def test_read_that_is_refused_is_not_repeated_until_the_deadline(market: Market) -> None:
    open_positions(market, "BTCUSDT/long")
    market.exchange.inject("refuse", endpoint=POSITION_READS, code="40034")
    report = close(market)
    assert (report.error is not None, report.verified) == (True, False)
    assert len(market.wire.sent) == 3


def test_positions_that_cannot_be_read_after_the_close_are_not_verified(market: Market) -> None:
    open_positions(market, "BTCUSDT/long", "ETHUSDT/long")
    market.exchange.refuse_close("ETHUSDT", "long", "45009")
    market.exchange.inject("bad_gateway", endpoint=POSITION_READS, after=1)
    report = close(market, deadline=20)
    assert unresolved(report) == {"BTCUSDT/long": "not_verified", "ETHUSDT/long": "not_verified"}
    assert codes(report) == {"BTCUSDT/long": "", "ETHUSDT/long": "45009"}
    assert (report.verified, report.error) == (False, None)


@pytest.mark.parametrize(
    "data", [None, {}, {"list": []}, "", [{"symbol": "BTCUSDT"}], [{"symbol": "", "holdSide": "long", "total": "1"}]]
)
def test_odd_list_of_positions_never_reads_as_flat(market: Market, data: Any) -> None:
    open_positions(market, "BTCUSDT/long")
    call = market.client.call

    def odd(endpoint: Any, **options: Any) -> Any:
        answer = call(endpoint, **options)
        return type(answer)(data, answer.request_time, False) if endpoint.path.endswith(POSITION_READS) else answer

    market.client.call = odd  # type: ignore[method-assign]
    report = prepare(market, deadline=20).run()
    assert isinstance(report.error, BitgetAmbiguousError)
    assert not report.verified


# Stop and interrupt


class QuickThread(OneAtATime):
    """A worker that is through with a job before the main thread looks up again."""

    def submit(self, tag: Any, job: Callable[[], Any]) -> None:
        super().submit(tag, job)
        done = self.next_done(0.0)
        assert done is not None
        self._results.append(done)


@pytest.mark.parametrize("workers", [OneAtATime, QuickThread])
def test_stop_before_the_first_request_sends_nothing(market: Market, workers: type[OneAtATime]) -> None:
    open_positions(market, "BTCUSDT/long")
    run = prepare(market, workers=workers().on(market.clock))
    run.request_stop()
    report = run.run()
    assert market.wire.sent == []
    assert isinstance(report.error, BitgetNotSentError)
    assert not report.verified


@pytest.mark.parametrize("workers", [OneAtATime, QuickThread])
def test_stop_after_the_first_read_sends_no_close(market: Market, workers: type[OneAtATime]) -> None:
    open_positions(market, "BTCUSDT/long")
    run = prepare(market, workers=workers().on(market.clock))
    market.before(POSITION_READS, 1, run.request_stop)
    report = run.run()
    assert asked(market) == []
    assert set(unresolved(report).values()) <= {"not_sent"}
    assert isinstance(report.error, BitgetNotSentError)


def test_stop_while_a_close_is_under_way_sends_nothing_more(market: Market) -> None:
    open_positions(market, "BTCUSDT/long", "ETHUSDT/long")
    run = prepare(market, hold_side="long")
    market.before(CLOSES, 1, run.request_stop)
    report = run.run()
    assert [request.endpoint for request in market.wire.sent] == [POSITION_READS, CLOSES]
    assert unresolved(report) == {"BTCUSDT/long": "not_verified", "ETHUSDT/long": "not_sent"}


def test_stop_while_waiting_takes_effect_at_once(market_with: Callable[..., Market]) -> None:
    market = market_with(close_lag=60.0)
    open_positions(market, "BTCUSDT/long")
    run = prepare(market)
    market.clock.at(10.45, run.request_stop)
    report = run.run()
    assert market.clock.monotonic() < 10.45 + GRACE_SECONDS
    assert max(request.moment for request in market.wire.sent) <= 10.6
    assert report.counts["unresolved"] == 1


@pytest.mark.parametrize("result_arrives", [True, False])
def test_interrupt_passes_through_and_the_report_is_still_true(market: Market, result_arrives: bool) -> None:
    open_positions(market, "BTCUSDT/long", "ETHUSDT/long")
    workers = OneAtATime().on(market.clock)
    workers.interrupt_after, workers.result_arrives = 2, result_arrives
    run = prepare(market, hold_side="long", workers=workers)
    with pytest.raises(Interrupt):
        run.run()
    report = run.report()
    assert unresolved(report) == {
        "BTCUSDT/long": "not_verified" if result_arrives else "ambiguous",
        "ETHUSDT/long": "not_sent",
    }
    assert len(market.wire.sent) == 2


def test_threads_bring_the_same_result() -> None:
    """With the workers that are used in earnest."""
    market = Market()
    open_positions(market, "BTCUSDT/long", "ETHUSDT/short")
    report = close(market, workers=None)
    assert counts(report) == {"closed": 2}


# Simulation


def test_simulation_reads_and_sends_nothing(market: Market) -> None:
    open_positions(market, "BTCUSDT/long", "ETHUSDT/short")
    report = close(market, simulate=True, cancel_locking_stops=True)
    assert [request.method for request in market.wire.sent] == ["GET"]
    assert unresolved(report) == {"BTCUSDT/long": "not_sent", "ETHUSDT/short": "not_sent"}
    assert (report.simulated, report.verified, report.error) == (True, True, None)


def test_simulation_that_cannot_read_says_so(market: Market) -> None:
    market.exchange.inject("bad_gateway")
    report = close(market, simulate=True, deadline=20)
    assert (report.verified, report.error is not None) == (False, True)


# Arguments and report


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"hold_side": ""}, "hold_side"),
        ({"hold_side": "both"}, "hold_side"),
        ({"hold_side": ["long"]}, "hold_side"),
        ({"deadline": 0}, "deadline"),
        ({"deadline": "60"}, "deadline"),
        ({"settle": -1}, "settle"),
        ({"simulate": "false"}, "simulate"),
        ({"cancel_locking_stops": 1}, "cancel_locking_stops"),
    ],
)
def test_bad_argument_is_refused_before_anything_is_sent(market: Market, options: dict[str, Any], field: str) -> None:
    with pytest.raises(BitgetConfigError, match=field) as caught:
        prepare(market, **options)
    assert caught.value.field == field
    assert market.wire.sent == []


def test_sizes_are_plain_digits(market: Market) -> None:
    open_positions(market, "BTCUSDT/long", size="0.00000001")
    open_positions(market, "ETHUSDT/long", size="1000000")
    rows = {row["symbol"]: row for row in close(market).to_dict()["closed"]}
    assert (rows["BTCUSDT"]["size"], rows["BTCUSDT"]["value"]) == ("0.00000001", "0.0003")
    assert (rows["ETHUSDT"]["size"], rows["ETHUSDT"]["value"]) == ("1000000", "2000000000")


def test_books_show_the_course_of_the_run(market_with: Callable[..., Market]) -> None:
    """The first and the last read, and those between that showed something new."""
    market = market_with(close_lag=5.0)
    open_positions(market, "BTCUSDT/long", "ETHUSDT/long")
    books = close(market).to_dict()["books"]
    assert [(row["positions"], row["position_value"]) for row in books] == [
        (2, "32000"),
        (2, "32000"),
        (0, "0"),
        (0, "0"),
    ]


def test_long_lists_are_cut_and_the_counts_stay_whole() -> None:
    outcomes = tuple(
        CloseOutcome(
            f"A{number}USDT", "long", "USDT", Decimal(1), Decimal(1), Decimal(1), CloseBucket.UNRESOLVED, detail
        )
        for number, detail in enumerate(["not_verified", *["still_open"] * (MOST_ROWS + 4)])
    )
    stop = OpenPlanOrder("1", "", "BTCUSDT", "pos_loss", "long", {})
    as_dict = CloseReport(WHOLE, None, outcomes, verified=True, cancelled_stops=(stop,)).to_dict()
    assert as_dict["counts"] == {"requested": MOST_ROWS + 5, "closed": 0, "failed": 0, "unresolved": MOST_ROWS + 5}
    assert len(as_dict["unresolved"]) == MOST_ROWS
    assert {row["category"] for row in as_dict["unresolved"]} == {"still_open"}
    assert as_dict["truncated"]


def test_run_over_many_symbols_keeps_the_pace_of_one_a_second(market: Market) -> None:
    open_positions(market, *(f"A{number}USDT/long" for number in range(20)))
    close(market, NOT_ETH)
    moments = arrivals(market)
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert min(gaps) >= 1.0
    assert max(gaps) < CLOSE_INTERVAL + 0.1


def test_jobs_that_end_in_any_order_change_nothing(market: Market) -> None:
    open_positions(market, "BTCUSDT/long", "ETHUSDT/long")
    market.exchange.inject("ack_only", endpoint=CLOSES, times=1)
    workers = OneAtATime(random.Random(3)).on(market.clock)  # noqa: S311  # the same in every run
    assert counts(close(market, workers=workers)) == {"closed": 2}
