# SPDX-License-Identifier: Apache-2.0
"""One look at an account: what it asks, what it believes, and what keeps it from an answer."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from airflow_provider_bitget.api.exceptions import BitgetAccountModeError, BitgetAuthError, BitgetNotSentError
from airflow_provider_bitget.trading.flat_check import FlatAnswer, FlatCheck, seconds_for_a_look
from airflow_provider_bitget.trading.scope import parse_scope
from tests.unit.trading.market import Market, OneAtATime, assert_plain

ORDERS, PLAN_ORDERS, POSITIONS = "orders-pending", "orders-plan-pending", "all-position"
ONE_READ = {ORDERS: 2, PLAN_ORDERS: 3, POSITIONS: 1}


def check(market: Market, *, settle: float = 0.0, deadline: float = 60.0, **scope: Any) -> FlatCheck:
    scope = {"product_type": "USDT-FUTURES", "lookback_days": 90, **scope}
    scope.setdefault("all_symbols", "symbol" not in scope)
    return FlatCheck(
        market.dialect,
        parse_scope(**scope),
        settle=settle,
        deadline=deadline,
        workers=OneAtATime().on(market.clock),
    )


def look(market: Market, **options: Any) -> FlatAnswer:
    return check(market, **options).run()


def asked(market: Market) -> dict[str, int]:
    return dict(Counter(request.endpoint for request in market.wire.sent))


# ---------------------------------------------------------------------------------------------- what is asked


def test_a_look_is_two_order_reads_three_plan_reads_and_one_position_read(market: Market) -> None:
    answer = look(market)

    assert answer.is_flat
    assert asked(market) == ONE_READ
    assert {request.method for request in market.wire.sent} == {"GET"}


def test_a_full_page_asks_for_one_more(market: Market) -> None:
    market.place(100)

    look(market)

    assert asked(market) == {**ONE_READ, ORDERS: 3}


def test_a_longer_lookback_asks_for_more_windows(market: Market) -> None:
    look(market, lookback_days=150)

    assert asked(market)[ORDERS] > 2
    assert asked(market)[PLAN_ORDERS] > 3
    assert asked(market)[POSITIONS] == 1


# ------------------------------------------------------------------------------------------- what is believed


def test_an_order_a_plan_order_or_a_position_each_is_something_left(market: Market) -> None:
    (order,) = market.place()
    assert look(market).message == f"1 order (BTCUSDT {order.order_id})"
    market.exchange.cancel(order.order_id)

    (plan,) = market.exchange.place_plan(1, "pos_loss", symbol="ETHUSDT")
    assert look(market).message == f"1 plan order (ETHUSDT pos_loss {plan.order_id})"

    market.exchange.open_position("BTCUSDT", "short", "0.50")
    answer = look(market)
    assert answer.message == f"1 plan order (ETHUSDT pos_loss {plan.order_id}), 1 position (BTCUSDT short 0.5)"
    assert not answer.is_flat


def test_the_first_few_are_named_and_all_are_counted(market: Market) -> None:
    market.place(12)

    assert re.fullmatch(r"12 orders \((BTCUSDT \d+, ){3}\.\.\.\)", look(market).message)


def test_what_is_outside_the_scope_does_not_matter(market: Market) -> None:
    market.place(symbol="ETHUSDT")
    market.exchange.open_position("ETHUSDT", "long", "1")

    assert look(market, symbol="BTCUSDT").is_flat
    assert look(market, exclude_symbols=["ETHUSDT"]).is_flat
    assert not look(market).is_flat


def test_the_answer_says_where_and_when_it_was_read_in_plain_types(market: Market) -> None:
    found = look(market, exclude_symbols=["XRPUSDT"], margin_coin="USDT").to_dict()

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found.pop("read_at"))
    assert_plain(found)
    assert found == {
        "product_type": "USDT-FUTURES",
        "symbol": "",
        "exclude_symbols": ["XRPUSDT"],
        "margin_coin": "USDT",
        "lookback_days": 90,
        "flat": True,
    }


# -------------------------------------------------------------------------------------------------- settling


def test_an_empty_read_is_confirmed_by_a_second_one_after_the_settling(market: Market) -> None:
    answer = look(market, settle=30.0)

    assert answer.is_flat
    assert asked(market) == {name: 2 * times for name, times in ONE_READ.items()}
    moments = [request.moment for request in market.wire.sent]
    assert moments[6] - moments[5] >= 30.0


def test_a_position_that_shows_itself_late_is_not_overlooked(market: Market) -> None:
    market.clock.at(5.0, lambda: _open_position(market))

    answer = look(market, settle=10.0)

    assert not answer.is_flat
    assert answer.message == "1 position (BTCUSDT long 1)"


def test_what_is_not_empty_is_not_read_twice(market: Market) -> None:
    market.place()

    assert not look(market, settle=10.0).is_flat
    assert asked(market) == ONE_READ


def test_no_flat_without_time_to_settle(market: Market) -> None:
    answer = look(market, settle=30.0, deadline=20.0)

    assert not answer.is_flat
    assert answer.message == "what is left is not known: the reads did not end in time"
    assert 20.0 <= market.clock.monotonic() < 23.0


def _open_position(market: Market) -> None:
    market.exchange.open_position("BTCUSDT", "long", "1")


# --------------------------------------------------------------------------------------------- reads that fail


@pytest.mark.parametrize("endpoint", [ORDERS, PLAN_ORDERS, POSITIONS])
def test_a_read_that_fails_is_not_known_to_be_flat_and_says_the_code(market: Market, endpoint: str) -> None:
    market.exchange.inject("refuse", endpoint=endpoint, code="40015")

    answer = look(market)

    assert not answer.is_flat
    assert answer.books is None
    assert "40015" in answer.message
    assert answer.to_dict()["read_at"] == ""


@pytest.mark.parametrize("kind", ["truncate", "html", "bad_gateway", "reset_after", "hang"])
def test_an_answer_that_cannot_be_believed_is_never_flat(market: Market, kind: str) -> None:
    market.exchange.inject(kind, endpoint=POSITIONS)

    answer = look(market)

    assert not answer.is_flat
    assert answer.books is None


def test_a_fault_that_passes_is_overcome_within_the_look(market: Market) -> None:
    market.exchange.inject("bad_gateway", times=2)

    assert look(market).is_flat


def test_an_exchange_that_keeps_silent_cannot_hold_a_look_beyond_its_deadline(market: Market) -> None:
    market.exchange.inject("hang", seconds=600.0)

    assert not look(market, deadline=15.0).is_flat
    assert market.clock.monotonic() < 20.0


def test_a_banned_address_is_left_alone_for_the_rest_of_the_look(market: Market) -> None:
    market.exchange.inject("rate_limit")

    answer = look(market, deadline=60.0)

    assert not answer.is_flat
    assert "429" in answer.message
    assert max(request.moment for request in market.wire.sent) < 20.0
    assert market.clock.monotonic() >= 60.0


@pytest.mark.parametrize(
    ("code", "error"), [("40012", BitgetAuthError), ("40018", BitgetAuthError), ("40085", BitgetAccountModeError)]
)
def test_refused_credentials_and_the_wrong_kind_of_account_end_it_at_once(
    market: Market, code: str, error: type[Exception]
) -> None:
    market.exchange.inject("refuse", code=code)

    with pytest.raises(error):
        look(market)

    assert market.clock.monotonic() < 5.0


def test_a_wrong_clock_is_mended_once(market: Market) -> None:
    market.exchange.inject("clock", offset=120.0)

    assert look(market).is_flat
    assert look(market).is_flat
    assert asked(market)["time"] == 1


# ---------------------------------------------------------------------------------------------------- stopping


def test_a_stop_before_the_look_sends_nothing(market: Market) -> None:
    stopped = check(market)
    stopped.request_stop()

    with pytest.raises(BitgetNotSentError):
        stopped.run()

    assert market.wire.sent == []


def test_a_stop_ends_the_settling_and_the_rest_of_a_ban(market: Market) -> None:
    settling = check(market, settle=30.0)
    market.clock.at(10.0, settling.request_stop)
    with pytest.raises(BitgetNotSentError):
        settling.run()
    assert market.clock.monotonic() < 11.0

    market.exchange.inject("rate_limit")
    banned = check(market)
    market.clock.at(35.0, banned.request_stop)
    with pytest.raises(BitgetNotSentError):
        banned.run()
    assert market.clock.monotonic() < 36.0


def test_a_look_gets_what_is_left_of_the_wait_but_never_more_than_a_minute_and_the_settling() -> None:
    assert seconds_for_a_look(900.0, 0.0) == 60.0
    assert seconds_for_a_look(900.0, 10.0) == 70.0
    assert seconds_for_a_look(30.0, 10.0) == 30.0
    assert seconds_for_a_look(-1.0, 0.0) == 5.0
