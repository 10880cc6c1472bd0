# SPDX-License-Identifier: Apache-2.0
"""Positions of a unified account: an odd answer is never "flat", and a close never touches the other side."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_bitget.api.exceptions import (
    BitgetAccountRiskError,
    BitgetAmbiguousError,
    BitgetGoneError,
    BitgetScopeError,
    BitgetTransientError,
)
from airflow_provider_bitget.api.rows import CloseAnswer, CloseItem, Position
from tests.unit.api.dialect import ODD_UNIFIED_LISTS, USDT, bodies, queries, unified_of, unified_page
from tests.unit.api.wire import HTML, LOST, NEVER_SENT, SECRET, TOO_MANY, Outcome, envelope

ROW = {
    "category": USDT,
    "symbol": "BTCUSDT",
    "marginCoin": "USDT",
    "holdMode": "hedge_mode",
    "posSide": "long",
    "marginMode": "crossed",
    "positionBalance": "5000",
    "available": "0.3",
    "frozen": "0.2",
    "total": "0.5",
    "avgPrice": "29000",
    "unrealisedPnl": "500",
    "markPrice": "30000",
    "createdTime": "1736378720620",
    "updatedTime": "1753102803148",
}


def read(*rows: Any, **options: Any) -> list[Position]:
    dialect, _ = unified_of(unified_page(*rows))
    return dialect.positions(product_type=USDT, **options)


# ---------------------------------------------------------------------------------------------------------- reads


def test_position_goes_by_the_names_of_a_classic_account() -> None:
    dialect, script = unified_of(unified_page(ROW))

    [position] = dialect.positions(product_type=USDT)

    assert position == Position(
        symbol="BTCUSDT",
        hold_side="long",
        size=Decimal("0.5"),
        margin_coin="USDT",
        hedge_mode=True,
        mark_price=Decimal(30000),
        row={
            "productType": USDT,
            "symbol": "BTCUSDT",
            "marginCoin": "USDT",
            "posMode": "hedge_mode",
            "holdSide": "long",
            "marginMode": "crossed",
            "marginSize": "5000",
            "available": "0.3",
            "locked": "0.2",
            "total": "0.5",
            "openPriceAvg": "29000",
            "unrealizedPL": "500",
            "markPrice": "30000",
            "cTime": "1736378720620",
            "uTime": "1753102803148",
        },
    )
    assert [sent.target for sent in script.sent] == [f"/api/v3/position/current-position?category={USDT}"]


@pytest.mark.parametrize("data", [{"list": []}, {"list": None}])
def test_account_without_positions_is_flat(data: Any) -> None:
    dialect, _ = unified_of(envelope(data=data))

    assert dialect.positions(product_type=USDT) == []


@pytest.mark.parametrize("data", ODD_UNIFIED_LISTS, ids=str)
def test_answer_of_an_unknown_shape_is_never_flat(data: Any) -> None:
    dialect, _ = unified_of(envelope(data=data))

    with pytest.raises(BitgetAmbiguousError):
        dialect.positions(product_type=USDT)


@pytest.mark.parametrize(
    "row",
    [
        None,
        "BTCUSDT",
        {},
        *({**ROW, "total": total} for total in ("", None, "-1", "NaN", "x")),
        *({**ROW, "symbol": symbol} for symbol in ("", None)),
        *({**ROW, "posSide": side} for side in ("", None, "net")),
    ],
    ids=str,
)
def test_position_that_cannot_be_read_spoils_the_whole_answer(row: Any) -> None:
    with pytest.raises(BitgetAmbiguousError, match="cannot be read"):
        read(ROW, row)


def test_position_of_another_category_means_that_the_question_was_not_understood() -> None:
    with pytest.raises(BitgetAmbiguousError, match="category"):
        read(ROW, {**ROW, "category": "COIN-FUTURES"})


@pytest.mark.parametrize(
    ("mode", "hedge_mode"), [("hedge_mode", True), ("one_way_mode", False), ("", True), (None, True), ("new", True)]
)
def test_unknown_position_mode_is_taken_for_the_one_in_which_a_close_names_its_side(
    mode: Any, hedge_mode: bool
) -> None:
    [position] = read({**ROW, "holdMode": mode})

    assert position.hedge_mode is hedge_mode


def test_margin_coin_filters_what_was_read_and_is_never_sent() -> None:
    rows = [ROW, {**ROW, "symbol": "ETHUSDT", "marginCoin": "usdc"}, {**ROW, "symbol": "XRPUSDT", "marginCoin": ""}]
    dialect, script = unified_of(unified_page(*rows))

    found = dialect.positions(product_type=USDT, margin_coin="USDC")

    assert [one.symbol for one in found] == ["ETHUSDT", "XRPUSDT"]
    assert queries(script) == [{"category": USDT}]


def test_position_of_size_zero_is_none() -> None:
    assert [one.symbol for one in read({**ROW, "total": "0.00"}, {**ROW, "symbol": "ETHUSDT"})] == ["ETHUSDT"]


# --------------------------------------------------------------------------------------------------------- closes


def test_close_sends_what_the_page_asks_for_and_nothing_else() -> None:
    dialect, script = unified_of(envelope(data={"list": []}))

    dialect.close_positions(product_type=USDT)
    dialect.close_positions(product_type=USDT, symbol="BTCUSDT")
    dialect.close_positions(product_type=USDT, symbol="BTCUSDT", hold_side="short")

    assert {(sent.method, sent.path) for sent in script.sent} == {("POST", "/api/v3/trade/close-positions")}
    assert bodies(script) == [
        {"category": USDT},
        {"category": USDT, "symbol": "BTCUSDT"},
        {"category": USDT, "symbol": "BTCUSDT", "posSide": "short"},
    ]


def test_close_answers_by_its_orders_and_names_no_symbol() -> None:
    rows = [
        {"orderId": "1", "clientOid": "a"},
        {"orderId": "2", "symbol": "ethusdt", "code": "00000"},
        {"orderId": "", "code": "25225", "msg": "locked " + SECRET},
        {"orderId": "", "code": "", "msg": "under liquidation"},
        None,
    ]
    dialect, _ = unified_of(envelope(data={"list": rows}))

    assert dialect.close_positions(product_type=USDT) == CloseAnswer(
        accepted=(CloseItem("", "1"), CloseItem("ETHUSDT", "2")),
        refused=(CloseItem("", "", "25225", "locked ***"), CloseItem("", "", "", "under liquidation")),
    )


@pytest.mark.parametrize("code", ["25227", "22002"])
def test_exchanges_word_that_there_is_no_position_is_taken(code: str) -> None:
    dialect, _ = unified_of(envelope(code))

    assert dialect.close_positions(product_type=USDT) == CloseAnswer(nothing_open=code)


@pytest.mark.parametrize("code", ["25226", "25204", "22001"])
def test_other_codes_do_not_prove_that_there_is_no_position(code: str) -> None:
    dialect, _ = unified_of(envelope(code))

    with pytest.raises(BitgetGoneError):
        dialect.close_positions(product_type=USDT)


def test_locked_size_is_a_matter_of_the_account() -> None:
    dialect, _ = unified_of(envelope("25225"))

    with pytest.raises(BitgetAccountRiskError, match="stops"):
        dialect.close_positions(product_type=USDT)


@pytest.mark.parametrize("data", [None, [], {}, "success", {"list": None}, {"list": {}}, {"successList": []}], ids=str)
def test_close_whose_answer_holds_no_list_may_have_been_carried_out(data: Any) -> None:
    dialect, script = unified_of(envelope(data=data))

    with pytest.raises(BitgetAmbiguousError) as unclear:
        dialect.close_positions(product_type=USDT)

    assert unclear.value.maybe_processed
    assert len(script.sent) == 1


@pytest.mark.parametrize("outcome", [LOST, HTML, envelope("25001"), envelope("25239")])
def test_close_that_may_have_been_carried_out_is_never_repeated(outcome: Outcome) -> None:
    dialect, script = unified_of(outcome, envelope(data={"list": []}))

    with pytest.raises((BitgetAmbiguousError, BitgetTransientError)) as caught:
        dialect.close_positions(product_type=USDT)

    assert caught.value.maybe_processed
    assert len(script.sent) == 1


@pytest.mark.parametrize("outcome", [TOO_MANY, NEVER_SENT, envelope("25004")])
def test_close_that_was_refused_before_processing_is_sent_again(outcome: Outcome) -> None:
    dialect, script = unified_of(outcome, envelope(data={"list": [{"orderId": "1"}]}))

    assert dialect.close_positions(product_type=USDT).accepted == (CloseItem("", "1"),)
    assert len(script.sent) == 2


@pytest.mark.parametrize(
    ("symbol", "hold_side"),
    [("", None), (" ", None), ("*", None), ("BTCUSDT", ""), ("BTCUSDT", "both"), (None, "long"), ("", "long")],
)
def test_empty_symbol_or_side_never_widens_a_close(symbol: str | None, hold_side: str | None) -> None:
    dialect, script = unified_of(envelope(data={"list": []}))

    with pytest.raises(BitgetScopeError):
        dialect.close_positions(product_type=USDT, symbol=symbol, hold_side=hold_side)

    assert script.sent == []
