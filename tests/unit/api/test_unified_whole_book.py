# SPDX-License-Identifier: Apache-2.0
"""Every order of a unified account, however old: the reads that find them, their ends, and the cancel of everything."""

from __future__ import annotations

from itertools import islice, pairwise
from typing import Any

import pytest

from airflow_provider_bitget.api.exceptions import (
    BitgetAmbiguousError,
    BitgetCallError,
    BitgetGoneError,
    BitgetScopeError,
    BitgetTransientError,
)
from airflow_provider_bitget.api.rows import BatchAnswer, ItemAnswer
from tests.unit.api.dialect import USDT, bodies, queries, unified_of, unified_page
from tests.unit.api.wire import HTML, LOST, START, Outcome, envelope

DAY = 86_400
SHORTEST_THREE_MONTHS = 89 * DAY
ENDED = {"orderId": "1", "category": USDT, "symbol": "BTCUSDT", "orderStatus": "filled", "updatedTime": "1767225601000"}


def spans(asked: list[dict[str, str]]) -> list[tuple[float, float]]:
    """Start and end of the timed queries, in seconds, as they were asked."""
    return [(int(query["startTime"]) / 1000, int(query["endTime"]) / 1000) for query in asked if "startTime" in query]


# ----------------------------------------------------------------------------------------------------- reads in time


@pytest.mark.parametrize("lookback_days", [1, 89, 90])
def test_three_months_are_one_read_without_times(lookback_days: int) -> None:
    dialect, script = unified_of(unified_page())

    for read in dialect.reads_of_open_orders(product_type=USDT, symbol="BTCUSDT", lookback_days=lookback_days):
        list(read())

    assert queries(script) == [{"category": USDT, "symbol": "BTCUSDT", "limit": "100"}]


@pytest.mark.parametrize(("lookback_days", "stretches"), [(91, 2), (177, 2), (178, 3), (730, 9)])
def test_windows_reach_back_to_the_lookback_without_a_gap_and_without_being_too_long(
    lookback_days: int, stretches: int
) -> None:
    dialect, script = unified_of(unified_page())

    for read in dialect.reads_of_open_orders(product_type=USDT, lookback_days=lookback_days):
        list(read())

    asked = queries(script)
    assert len(asked) == stretches
    assert "startTime" not in asked[0]
    timed = spans(asked)
    assert len(timed) == stretches - 1
    assert all(0 < end - start <= SHORTEST_THREE_MONTHS for start, end in timed)
    assert timed[0][1] >= START - SHORTEST_THREE_MONTHS
    assert all(older[1] >= newer[0] for newer, older in pairwise(timed))
    assert timed[-1][0] <= START - lookback_days * DAY


@pytest.mark.parametrize("code", ["40020", "25200"])
def test_an_exchange_that_takes_no_times_that_old_has_shown_what_it_has_without_times(code: str) -> None:
    dialect, script = unified_of(unified_page({**ENDED, "orderStatus": "live"}), envelope(code))
    newest, older, *_ = dialect.reads_of_open_orders(product_type=USDT, lookback_days=730)

    assert len(list(newest())) == 1
    assert list(older()) == []

    assert len(script.sent) == 3


@pytest.mark.parametrize("outcome", [envelope("40404"), envelope("40808"), LOST])
def test_older_orders_that_could_not_be_read_for_another_reason_are_not_taken_for_none(outcome: Outcome) -> None:
    dialect, _ = unified_of(outcome)
    _, older, *_ = dialect.reads_of_open_orders(product_type=USDT, lookback_days=730)

    with pytest.raises(BitgetCallError):
        list(older(attempts=2))


def test_list_without_times_that_is_refused_is_not_taken_for_an_empty_one() -> None:
    dialect, _ = unified_of(envelope("40020"))
    newest, *_ = dialect.reads_of_open_orders(product_type=USDT, lookback_days=730)

    with pytest.raises(BitgetCallError):
        list(newest())


def test_reads_take_their_attempts_one_by_one() -> None:
    dialect, script = unified_of(LOST)
    [read] = dialect.reads_of_open_orders(product_type=USDT)

    with pytest.raises(BitgetAmbiguousError):
        list(read(attempts=2))

    assert len(script.sent) == 2


# --------------------------------------------------------------------------------------------------------- history


def test_history_is_asked_without_times_and_then_window_by_window_over_ninety_days() -> None:
    dialect, script = unified_of(unified_page(ENDED))

    pages = list(dialect.orders_history(product_type=USDT))

    asked = queries(script)
    timed = spans(asked)
    assert {order.order_id for page in pages for order in page} == {"1"}
    assert all(query["category"] == USDT for query in asked)
    assert "startTime" not in asked[0]
    assert len(timed) == len(asked) - 1
    assert all(0 < end - start <= 29 * DAY for start, end in timed)
    assert all(older[0] < newer[0] <= older[1] for newer, older in pairwise(timed))
    assert abs(timed[0][1] - START) < 10
    assert START - 90 * DAY < timed[-1][0] <= START - 90 * DAY + 3600 + 10


def test_caller_who_has_found_all_asks_for_no_further_window() -> None:
    dialect, script = unified_of(unified_page(ENDED))

    assert len(list(islice(dialect.orders_history(product_type=USDT, symbol="BTCUSDT"), 2))) == 2

    assert len(script.sent) == 2


@pytest.mark.parametrize("change", [{"orderStatus": status} for status in ("live", "new", "", None, 1, "expired")])
def test_state_that_is_not_an_end_proves_no_end(change: dict[str, Any]) -> None:
    dialect, _ = unified_of(unified_page({**ENDED, **change}))

    assert next(dialect.orders_history(product_type=USDT)) == []


def test_end_of_another_product_types_order_proves_nothing() -> None:
    dialect, _ = unified_of(unified_page({**ENDED, "category": "COIN-FUTURES"}, {**ENDED, "orderId": "2"}))

    assert [order.order_id for order in next(dialect.orders_history(product_type=USDT))] == ["2"]


# ---------------------------------------------------------------------------------------------- whole product type


def test_cancel_all_sends_the_category_and_never_a_symbol() -> None:
    dialect, script = unified_of(envelope(data={"list": []}))

    dialect.cancel_all_orders(product_type=USDT)
    dialect.cancel_all_orders(product_type=USDT, margin_coin="USDT")

    assert {(sent.method, sent.path) for sent in script.sent} == {("POST", "/api/v3/trade/cancel-symbol-order")}
    assert bodies(script) == [{"category": USDT}, {"category": USDT}]


def test_cancel_all_answers_order_by_order() -> None:
    rows = [{"orderId": "1", "clientOid": "a"}, {"orderId": "2", "code": "24056", "msg": "notExisted"}]
    dialect, _ = unified_of(envelope(data={"list": rows}))

    assert dialect.cancel_all_orders(product_type=USDT) == BatchAnswer(
        (ItemAnswer("1", "a"),), (ItemAnswer("2", "", "24056", "notExisted"),), maybe_processed=False
    )


@pytest.mark.parametrize("outcome", [envelope("25204"), envelope("22001")])
def test_exchanges_word_that_there_was_nothing_to_cancel_is_taken(outcome: Outcome) -> None:
    dialect, _ = unified_of(outcome)

    assert dialect.cancel_all_orders(product_type=USDT) is None


@pytest.mark.parametrize(
    "data",
    [None, [], {}, "success", {"list": []}, {"list": None}, {"list": {}}, {"list": ""}, {"list": [None]}],
    ids=str,
)
def test_success_that_names_nobody_is_not_the_exchanges_word_that_there_was_nothing(data: Any) -> None:
    dialect, _ = unified_of(envelope(data=data))

    assert dialect.cancel_all_orders(product_type=USDT) == BatchAnswer((), (), maybe_processed=False)


@pytest.mark.parametrize("code", ["25227", "24056", "25597", "43001"])
def test_only_the_codes_about_orders_prove_that_there_was_nothing(code: str) -> None:
    dialect, _ = unified_of(envelope(code))

    with pytest.raises(BitgetGoneError):
        dialect.cancel_all_orders(product_type=USDT)


@pytest.mark.parametrize("outcome", [LOST, HTML, envelope("25001"), envelope("25000")])
def test_cancel_all_that_may_have_been_carried_out_is_never_repeated(outcome: Outcome) -> None:
    dialect, script = unified_of(outcome, envelope("25204"))

    with pytest.raises((BitgetAmbiguousError, BitgetTransientError)):
        dialect.cancel_all_orders(product_type=USDT)

    assert len(script.sent) == 1


@pytest.mark.parametrize("margin_coin", ["", " ", "None"])
def test_empty_margin_coin_never_widens_it(margin_coin: str) -> None:
    dialect, script = unified_of(envelope(data={}))

    with pytest.raises(BitgetScopeError):
        dialect.cancel_all_orders(product_type=USDT, margin_coin=margin_coin)

    assert script.sent == []
