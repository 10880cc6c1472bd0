# SPDX-License-Identifier: Apache-2.0
"""Positions of a classic account: an odd answer is never "flat", and a close never touches the other side."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.exceptions import (
    BitgetAccountRiskError,
    BitgetAmbiguousError,
    BitgetBadRequestError,
    BitgetGoneError,
    BitgetScopeError,
    BitgetTransientError,
)
from airflow_provider_bitget.api.rows import CloseAnswer, CloseItem, Position
from tests.unit.api.dialect import USDT, bodies, dialect_of, queries
from tests.unit.api.wire import HTML, LOST, NEVER_SENT, SECRET, TOO_MANY, Outcome, envelope
from tests.unit.trading.market import Market

ROW = {
    "symbol": "BTCUSDT",
    "marginCoin": "USDT",
    "holdSide": "long",
    "total": "0.5",
    "posMode": "hedge_mode",
    "markPrice": "30000",
}


def read(*rows: Any) -> list[Position]:
    dialect, _ = dialect_of(envelope(data=list(rows)))
    return dialect.positions(product_type=USDT)


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in ROW.items() if key != name}


# ---------------------------------------------------------------------------------------------------------- reads


def test_position_is_read_with_all_that_closing_it_needs() -> None:
    [position] = read(ROW)

    assert position == Position(
        symbol="BTCUSDT",
        hold_side="long",
        size=Decimal("0.5"),
        margin_coin="USDT",
        hedge_mode=True,
        mark_price=Decimal(30000),
        row=ROW,
    )
    assert position.value == Decimal(15000)


def test_positions_of_the_exchange_fit() -> None:
    market = Market()
    market.exchange.open_position("BTCUSDT", "long", "0.5")
    market.exchange.open_position("BTCUSDT", "short", "2")
    market.exchange.open_position("ETHUSDT", "short", "3", pos_mode="one_way_mode")

    found = market.dialect.positions(product_type=USDT)

    assert {(one.symbol, one.hold_side, one.size, one.hedge_mode) for one in found} == {
        ("BTCUSDT", "long", Decimal("0.5"), True),
        ("BTCUSDT", "short", Decimal(2), True),
        ("ETHUSDT", "short", Decimal(3), False),
    }
    assert {one.margin_coin for one in found} == {"USDT"}
    assert all(one.value > 0 for one in found)


def test_account_without_positions_is_flat() -> None:
    assert Market().dialect.positions(product_type=USDT) == []
    assert read() == []


@pytest.mark.parametrize("total", ["0", "0.0", "0.00000000", 0, 0.0, "0E-8", ".0", "0."])
def test_position_of_size_zero_is_none(total: Any) -> None:
    assert [one.symbol for one in read({**ROW, "total": total}, {**ROW, "symbol": "ETHUSDT"})] == ["ETHUSDT"]


@pytest.mark.parametrize(
    ("total", "size"), [("1", "1"), ("0.001", "0.001"), (2, "2"), (0.25, "0.25"), (1e-05, "0.00001"), ("1E+3", "1000")]
)
def test_size_is_read_exactly_however_it_is_written(total: Any, size: str) -> None:
    [position] = read({**ROW, "total": total})

    assert position.size == Decimal(size)


@pytest.mark.parametrize("data", [None, {}, {"list": []}, "", "[]", 0, False, True], ids=repr)
def test_answer_of_an_unknown_shape_is_never_flat(data: Any) -> None:
    dialect, _ = dialect_of(envelope(data=data))

    with pytest.raises(BitgetAmbiguousError):
        dialect.positions(product_type=USDT)


@pytest.mark.parametrize(
    "row",
    [
        None,
        "BTCUSDT",
        [],
        {},
        without("total"),
        without("symbol"),
        without("holdSide"),
        *(
            {**ROW, "total": total}
            for total in ("", None, "-1", -1, "NaN", "Infinity", "-0.5", "x", "1_0", "\uff11", True, [1])
        ),
        *({**ROW, "symbol": symbol} for symbol in ("", None)),
        *({**ROW, "holdSide": side} for side in ("", None, "net", "buy", 1)),
    ],
    ids=str,
)
def test_position_that_cannot_be_read_spoils_the_whole_answer(row: Any) -> None:
    with pytest.raises(BitgetAmbiguousError, match="cannot be read"):
        read(ROW, row)


@pytest.mark.parametrize("price", ["", None, "n/a", "NaN", "-1", [], {}])
def test_mark_price_is_optional(price: Any) -> None:
    [position] = read({**ROW, "markPrice": price})
    [bare] = read(without("markPrice"))

    assert (position.mark_price, position.value) == (None, Decimal(0))
    assert (bare.mark_price, bare.value) == (None, Decimal(0))


@pytest.mark.parametrize(
    ("mode", "hedge_mode"),
    [("hedge_mode", True), ("one_way_mode", False), ("ONE_WAY_MODE", False), ("", True), (None, True), ("new", True)],
)
def test_unknown_position_mode_is_taken_for_the_one_in_which_a_close_names_its_side(
    mode: Any, hedge_mode: bool
) -> None:
    [position] = read({**ROW, "posMode": mode})

    assert position.hedge_mode is hedge_mode


def test_case_of_names_does_not_matter() -> None:
    [position] = read({**ROW, "symbol": "btcusdt", "holdSide": "SHORT", "marginCoin": "usdt"})

    assert (position.symbol, position.hold_side, position.margin_coin) == ("BTCUSDT", "short", "USDT")


def test_margin_coin_is_asked_for_only_where_it_is_given() -> None:
    dialect, script = dialect_of(envelope(data=[]))

    dialect.positions(product_type=USDT)
    dialect.positions(product_type=USDT, margin_coin="USDC")

    assert queries(script) == [{"productType": USDT}, {"productType": USDT, "marginCoin": "USDC"}]
    assert {(sent.method, sent.path) for sent in script.sent} == {("GET", "/api/v2/mix/position/all-position")}


def test_exchange_that_wants_the_margin_coin_says_so() -> None:
    dialect, _ = dialect_of(envelope("40019"))

    with pytest.raises(BitgetBadRequestError):
        dialect.positions(product_type=USDT)


# --------------------------------------------------------------------------------------------------------- closes


def test_close_sends_what_the_page_asks_for_and_nothing_else() -> None:
    dialect, script = dialect_of(envelope(data={"successList": [], "failureList": []}))

    dialect.close_positions(product_type=USDT)
    dialect.close_positions(product_type=USDT, symbol="BTCUSDT")
    dialect.close_positions(product_type=USDT, symbol="BTCUSDT", hold_side="short")

    assert {(sent.method, sent.path) for sent in script.sent} == {("POST", "/api/v2/mix/order/close-positions")}
    assert bodies(script) == [
        {"productType": USDT},
        {"productType": USDT, "symbol": "BTCUSDT"},
        {"productType": USDT, "symbol": "BTCUSDT", "holdSide": "short"},
    ]


def test_closes_are_a_second_apart() -> None:
    dialect, script = dialect_of(envelope(data={"successList": [], "failureList": []}))

    for _ in range(3):
        dialect.close_positions(product_type=USDT)

    moments = [sent.moment for sent in script.sent]
    assert len(moments) == 3
    assert all(later - earlier >= 1.0 for earlier, later in pairwise(moments))


def test_close_of_one_side_leaves_the_other_in_hedge_mode() -> None:
    market = Market()
    market.exchange.open_position("BTCUSDT", "long", "1")
    market.exchange.open_position("BTCUSDT", "short", "1")
    market.exchange.open_position("ETHUSDT", "long", "1")

    answer = market.dialect.close_positions(product_type=USDT, symbol="BTCUSDT", hold_side="long")

    assert [item.symbol for item in answer.accepted] == ["BTCUSDT"]
    assert all(item.order_id for item in answer.accepted)
    left = market.dialect.positions(product_type=USDT)
    assert {(one.symbol, one.hold_side) for one in left} == {("BTCUSDT", "short"), ("ETHUSDT", "long")}


def test_whole_product_type_is_closed_where_no_symbol_is_named() -> None:
    market = Market()
    for symbol in ("BTCUSDT", "ETHUSDT"):
        market.exchange.open_position(symbol, "long", "1")

    answer = market.dialect.close_positions(product_type=USDT)

    assert {item.symbol for item in answer.accepted} == {"BTCUSDT", "ETHUSDT"}
    assert not answer.refused
    assert not answer.nothing_open
    assert market.dialect.positions(product_type=USDT) == []


def test_refused_position_stands_beside_the_closed_one_with_its_code() -> None:
    market = Market(flash_close_maximum={"BTCUSDT": "1"})
    market.exchange.open_position("BTCUSDT", "long", "2")
    market.exchange.open_position("ETHUSDT", "long", "2")

    answer = market.dialect.close_positions(product_type=USDT)

    assert [item.symbol for item in answer.accepted] == ["ETHUSDT"]
    assert [(item.symbol, item.order_id, item.code) for item in answer.refused] == [("BTCUSDT", "", "40888")]


def test_nothing_to_close_is_an_answer_and_no_error() -> None:
    assert Market().dialect.close_positions(product_type=USDT) == CloseAnswer(nothing_open="22002")


@pytest.mark.parametrize("code", ["43043", "40838", "40755", "40757", "43023", "45003", "25227", "22001"])
def test_only_the_exchanges_own_code_means_that_nothing_is_open(code: str) -> None:
    dialect, _ = dialect_of(envelope(code))

    with pytest.raises(BitgetGoneError) as caught:
        dialect.close_positions(product_type=USDT, symbol="BTCUSDT")

    assert caught.value.code == code


@pytest.mark.parametrize("code", ["40746", "40867", "40939", "40888", "45104", "22041", "22043", "40931", "45009"])
def test_refusal_of_the_close_as_a_whole_is_told_with_its_code(code: str) -> None:
    dialect, script = dialect_of(envelope(code))

    with pytest.raises(BitgetAccountRiskError) as caught:
        dialect.close_positions(product_type=USDT, symbol="BTCUSDT")

    assert caught.value.code == code
    assert len(script.sent) == 1


def test_misleading_result_is_ignored_and_the_older_shape_without_symbols_is_read() -> None:
    data = {
        "successList": [{"orderId": "1", "clientOid": "c"}, None],
        "failureList": [
            {"orderId": None, "errorMsg": "no " + SECRET},
            {"symbol": "ethusdt", "errorMsg": None, "errorCode": 22041},
        ],
        "result": False,
    }
    dialect, _ = dialect_of(envelope(data=data))

    assert dialect.close_positions(product_type=USDT) == CloseAnswer(
        accepted=(CloseItem("", "1"),),
        refused=(CloseItem("", "", "", "no ***"), CloseItem("ETHUSDT", "", "22041", "")),
    )


@pytest.mark.parametrize("data", [{"successList": None}, {"successList": None, "failureList": {}}], ids=str)
def test_close_that_lists_nothing_has_neither_closed_nor_refused(data: Any) -> None:
    dialect, _ = dialect_of(envelope(data=data))

    assert dialect.close_positions(product_type=USDT) == CloseAnswer()


@pytest.mark.parametrize("data", [None, [], {}, {"result": True}, "success", 0, True], ids=repr)
def test_close_without_lists_may_have_closed_anything(data: Any) -> None:
    dialect, script = dialect_of(envelope(data=data))

    with pytest.raises(BitgetAmbiguousError) as caught:
        dialect.close_positions(product_type=USDT)

    assert caught.value.maybe_processed
    assert len(script.sent) == 1


@pytest.mark.parametrize("outcome", [LOST, HTML, envelope("40725"), envelope("22045"), envelope("40015")])
def test_close_that_may_have_been_carried_out_is_never_repeated(outcome: Outcome) -> None:
    dialect, script = dialect_of(outcome)

    with pytest.raises((BitgetAmbiguousError, BitgetTransientError)) as caught:
        dialect.close_positions(product_type=USDT)

    assert caught.value.maybe_processed
    assert len(script.sent) == 1


@pytest.mark.parametrize("outcome", [NEVER_SENT, TOO_MANY])
def test_close_that_never_took_place_is_sent_again(outcome: Outcome) -> None:
    dialect, script = dialect_of(outcome, envelope("22002"))

    assert dialect.close_positions(product_type=USDT).nothing_open
    assert len(script.sent) == 2


@pytest.mark.parametrize("symbol", ["", " ", "*", "None"])
def test_empty_symbol_never_means_every_symbol(symbol: str) -> None:
    dialect, script = dialect_of(envelope(data={}))

    with pytest.raises(BitgetScopeError):
        dialect.close_positions(product_type=USDT, symbol=symbol)

    assert script.sent == []


@pytest.mark.parametrize("hold_side", ["", " ", "both", "net", "LONG", "buy", 1])
def test_side_that_is_none_never_means_both_sides(hold_side: Any) -> None:
    dialect, script = dialect_of(envelope(data={}))

    with pytest.raises(BitgetScopeError) as caught:
        dialect.close_positions(product_type=USDT, symbol="BTCUSDT", hold_side=hold_side)

    assert caught.value.field == "holdSide"
    assert script.sent == []


@pytest.mark.parametrize("hold_side", ["long", "short"])
def test_one_side_of_a_whole_product_type_is_refused(hold_side: str) -> None:
    dialect, script = dialect_of(envelope(data={}))

    with pytest.raises(BitgetScopeError) as caught:
        dialect.close_positions(product_type=USDT, hold_side=hold_side)

    assert caught.value.field == "holdSide"
    assert script.sent == []


def test_close_needs_a_product_type() -> None:
    dialect, script = dialect_of(envelope(data={}))

    with pytest.raises(BitgetScopeError):
        dialect.close_positions(product_type="")

    assert script.sent == []


def test_requests_are_counted_in_the_budget_of_the_run() -> None:
    market = Market()
    market.exchange.open_position()
    budget = Budget(60.0, market.clock)

    market.dialect.positions(product_type=USDT, budget=budget)
    market.dialect.close_positions(product_type=USDT, budget=budget)

    assert budget.tally.requests == 2
