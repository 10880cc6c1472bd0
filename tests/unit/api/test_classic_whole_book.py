# SPDX-License-Identifier: Apache-2.0
"""Every order of a scope, however old: the reads that find them, and the cancel of a whole product type."""

from __future__ import annotations

from itertools import chain, pairwise
from typing import Any

import pytest

from airflow_provider_bitget.api.exceptions import (
    BitgetAmbiguousError,
    BitgetGoneError,
    BitgetScopeError,
    BitgetTransientError,
)
from airflow_provider_bitget.api.rows import ItemAnswer
from airflow_provider_bitget.sandbox.orders import CANCELED, LIVE
from tests.unit.api.dialect import USDT, bodies, dialect_of, listed, queries
from tests.unit.api.wire import HTML, LOST, START, Outcome, envelope
from tests.unit.trading.market import Market

DAY = 86_400
SHORTEST_THREE_MONTHS = 89 * DAY


def found_by(market: Market, **options: Any) -> set[str]:
    reads = market.dialect.reads_of_open_orders(product_type=USDT, **options)
    return {order.order_id for read in reads for order in chain.from_iterable(read())}


# ----------------------------------------------------------------------------------------------------- reads in time


@pytest.mark.parametrize("lookback_days", [1, 89, 90])
def test_three_months_are_one_read_of_each_state_without_times(lookback_days: int) -> None:
    dialect, script = dialect_of(listed())

    for read in dialect.reads_of_open_orders(product_type=USDT, symbol="BTCUSDT", lookback_days=lookback_days):
        list(read())

    scope = {"productType": USDT, "symbol": "BTCUSDT", "limit": "100"}
    assert queries(script) == [scope, {**scope, "status": "partially_filled"}]


@pytest.mark.parametrize(("lookback_days", "stretches"), [(91, 2), (177, 2), (178, 3), (365, 5), (730, 9), (3650, 42)])
def test_windows_reach_back_to_the_lookback_without_a_gap_and_without_being_too_long(
    lookback_days: int, stretches: int
) -> None:
    dialect, script = dialect_of(listed())

    for read in dialect.reads_of_open_orders(product_type=USDT, lookback_days=lookback_days):
        list(read())

    asked = queries(script)
    assert [query.get("status") for query in asked] == [None, "partially_filled"] * stretches
    assert "startTime" not in asked[0]
    assert "endTime" not in asked[1]
    timed = [(int(query["startTime"]) / 1000, int(query["endTime"]) / 1000) for query in asked[2::2]]
    assert timed == [(int(query["startTime"]) / 1000, int(query["endTime"]) / 1000) for query in asked[3::2]]
    assert all(0 < end - start <= SHORTEST_THREE_MONTHS for start, end in timed)
    assert timed[0][1] >= START - SHORTEST_THREE_MONTHS
    assert all(older[1] >= newer[0] for newer, older in pairwise(timed))
    assert timed[-1][0] <= START - lookback_days * DAY


def test_orders_of_both_states_and_every_age_are_found() -> None:
    market = Market()
    ages = [0, 89, 91, 177, 266, 500, 729]
    placed = [
        market.place(1, status=status, created_ms=int((market.clock.time() - age * DAY) * 1000))[0].order_id
        for age in ages
        for status in (LIVE, "partially_filled")
    ]

    assert found_by(market) == set(placed[:4])
    assert found_by(market, lookback_days=730) == set(placed)


def test_windows_are_counted_by_the_exchanges_clock() -> None:
    market = Market(clock_ahead=-20.0 * DAY)
    [order] = market.place(1, created_ms=int((market.clock.time() - 100 * DAY) * 1000))
    market.client.server_time()

    assert found_by(market, lookback_days=150) == {order.order_id}


def test_reads_take_their_attempts_one_by_one() -> None:
    dialect, script = dialect_of(LOST)
    [read, _] = dialect.reads_of_open_orders(product_type=USDT)

    with pytest.raises(BitgetAmbiguousError):
        list(read(attempts=2))

    assert len(script.sent) == 2


def test_order_is_handed_on_with_its_margin_coin() -> None:
    dialect, _ = dialect_of(listed({"orderId": "1", "marginCoin": "usdc"}, {"orderId": "2"}))

    [found] = dialect.open_orders(product_type=USDT)

    assert [order.margin_coin for order in found] == ["USDC", ""]


# ---------------------------------------------------------------------------------------------- whole product type


def test_cancel_all_sends_the_product_type_and_never_a_symbol() -> None:
    dialect, script = dialect_of(envelope(data={"successList": [], "failureList": []}))

    dialect.cancel_all_orders(product_type=USDT)
    dialect.cancel_all_orders(product_type=USDT, margin_coin="USDT")

    assert {(sent.method, sent.path) for sent in script.sent} == {("POST", "/api/v2/mix/order/cancel-all-orders")}
    assert bodies(script) == [{"productType": USDT}, {"productType": USDT, "marginCoin": "USDT"}]
    assert script.sent[1].moment - script.sent[0].moment >= 1.0


def test_cancel_all_reaches_orders_of_any_age_and_leaves_plan_orders_and_other_product_types() -> None:
    market = Market()
    old = market.place(2, created_ms=int((market.clock.time() - 1000 * DAY) * 1000))
    new = market.place(2, "ETHUSDT", status="partially_filled")
    other = market.place(1, "BTCUSD", product_type="COIN-FUTURES")
    [plan] = market.exchange.place_plan(1, "normal_plan", "BTCUSDT")

    answer = market.dialect.cancel_all_orders(product_type=USDT)

    assert answer is not None
    assert {item.order_id for item in answer.succeeded} == {order.order_id for order in old + new}
    assert market.statuses(old + new) == {CANCELED}
    assert market.statuses(other) == {LIVE}
    assert market.exchange.plan_order(plan.order_id).status == LIVE
    assert market.dialect.cancel_all_orders(product_type=USDT) is None


def test_cancel_all_answers_order_by_order() -> None:
    data = {
        "successList": [{"orderId": "1"}],
        "failureList": [{"orderId": "2", "errorCode": 45129, "errorMsg": "often"}],
    }
    dialect, _ = dialect_of(envelope(data=data))

    answer = dialect.cancel_all_orders(product_type=USDT)

    assert answer is not None
    assert answer.succeeded == (ItemAnswer("1", ""),)
    assert answer.failed == (ItemAnswer("2", "", "45129", "often"),)


@pytest.mark.parametrize("data", [None, [], {}, "success", {"successList": None, "failureList": None}], ids=str)
def test_success_that_names_nobody_is_not_the_exchanges_word_that_there_was_nothing(data: Any) -> None:
    dialect, _ = dialect_of(envelope(data=data))

    answer = dialect.cancel_all_orders(product_type=USDT)

    assert answer is not None
    assert (answer.succeeded, answer.failed) == ((), ())


@pytest.mark.parametrize("code", ["43001", "43004", "43025", "22002", "40109", "31054"])
def test_only_the_exchanges_own_code_proves_that_there_was_nothing(code: str) -> None:
    dialect, _ = dialect_of(envelope(code))

    with pytest.raises(BitgetGoneError) as caught:
        dialect.cancel_all_orders(product_type=USDT)

    assert caught.value.code == code


@pytest.mark.parametrize("status", [200, 400])
def test_nothing_to_cancel_is_understood_whatever_the_http_status(status: int) -> None:
    dialect, _ = dialect_of(envelope("22001", status=status))

    assert dialect.cancel_all_orders(product_type=USDT) is None


@pytest.mark.parametrize("outcome", [LOST, HTML, envelope("40010"), envelope("40015")])
def test_cancel_all_that_may_have_been_carried_out_is_never_repeated(outcome: Outcome) -> None:
    dialect, script = dialect_of(outcome, envelope("22001"))

    with pytest.raises((BitgetAmbiguousError, BitgetTransientError)):
        dialect.cancel_all_orders(product_type=USDT)

    assert len(script.sent) == 1


@pytest.mark.parametrize(
    ("product_type", "margin_coin"), [("", None), (" ", None), ("*", None), (USDT, ""), (USDT, " "), (USDT, "None")]
)
def test_empty_product_type_or_margin_coin_never_widens_it(product_type: str, margin_coin: str | None) -> None:
    dialect, script = dialect_of(envelope(data={}))

    with pytest.raises(BitgetScopeError):
        dialect.cancel_all_orders(product_type=product_type, margin_coin=margin_coin)

    assert script.sent == []
