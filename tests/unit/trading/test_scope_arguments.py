# SPDX-License-Identifier: Apache-2.0
"""What a run may touch is said in plain words, or nothing is sent: a missing or empty value never means "all"."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_bitget.api.exceptions import BitgetConfigError
from airflow_provider_bitget.api.rows import PLAN_TYPES
from airflow_provider_bitget.trading.scope import Scope, ScopeArgumentError, parse_plan_types, parse_scope

ALL = {"product_type": "USDT-FUTURES", "all_symbols": True}
ONE = {"product_type": "USDT-FUTURES", "symbol": "BTCUSDT"}


def field_of(**arguments: Any) -> str:
    with pytest.raises(ScopeArgumentError) as refused:
        parse_scope(**arguments)
    assert isinstance(refused.value, BitgetConfigError)
    assert refused.value.field in str(refused.value)
    return refused.value.field


# What is understood


def test_one_symbol_and_the_rest_is_left_alone() -> None:
    scope = parse_scope(product_type="usdt-futures", symbol="btcusdt", margin_coin="usdt")
    assert scope == Scope("USDT-FUTURES", "BTCUSDT", margin_coin="USDT", lookback_days=730)
    assert not scope.is_whole


def test_whole_product_type_has_to_be_asked_for() -> None:
    scope = parse_scope(**ALL)
    assert scope.is_whole
    assert scope.symbol is None


@pytest.mark.parametrize("excluded", [["btcusdt"], ("BTCUSDT",), {"BTCUSDT"}, frozenset({"BtcUsdt"})])
def test_scope_with_an_excluded_symbol_is_never_the_whole_product_type(excluded: Any) -> None:
    scope = parse_scope(**ALL, exclude_symbols=excluded)
    assert scope.exclude_symbols == {"BTCUSDT"}
    assert not scope.is_whole


def test_margin_coin_narrows_the_scope() -> None:
    assert not parse_scope(**ALL, margin_coin="USDC").is_whole


@pytest.mark.parametrize(
    ("product_type", "margin_coin", "warns"),
    [
        ("USDT-FUTURES", "USDC", True),
        ("USDT-FUTURES", "USTD", True),
        ("usdc-futures", "usdt", True),
        ("SUSDT-FUTURES", "USDT", True),
        ("USDT-FUTURES", "usdt", False),
        ("USDC-FUTURES", "USDC", False),
        ("USDT-FUTURES", None, False),
        ("COIN-FUTURES", "ETH", False),
    ],
)
def test_margin_coin_that_will_hardly_find_anything_is_warned_of(
    product_type: str, margin_coin: str | None, warns: bool, caplog: pytest.LogCaptureFixture
) -> None:
    parse_scope(product_type=product_type, all_symbols=True, margin_coin=margin_coin)
    assert ("is left alone, and is not counted as open" in caplog.text) is warns


@pytest.mark.parametrize("days", [1, 90, 3_650])
def test_lookback_in_whole_days(days: int) -> None:
    assert parse_scope(**ONE, lookback_days=days).lookback_days == days


# What belongs to it


def test_scope_of_one_symbol_covers_nothing_else() -> None:
    scope = parse_scope(**ONE)
    assert scope.covers("BTCUSDT", "USDT")
    assert not scope.covers("ETHUSDT", "USDT")
    assert not scope.covers("BTCUSDT2", "USDT")


def test_scope_of_all_symbols_leaves_out_the_excluded() -> None:
    scope = parse_scope(**ALL, exclude_symbols=["ETHUSDT"])
    assert scope.covers("BTCUSDT", "USDT")
    assert not scope.covers("ETHUSDT", "USDT")


def test_scope_with_a_margin_coin_leaves_out_the_others() -> None:
    scope = parse_scope(**ALL, margin_coin="usdt")
    assert scope.covers("BTCUSDT", "USDT")
    assert not scope.covers("BTCUSDT", "USDC")


def test_row_that_does_not_name_its_symbol_or_coin_is_never_overlooked() -> None:
    scope = parse_scope(**ONE, margin_coin="USDT")
    assert scope.covers("", "USDT")
    assert scope.covers("BTCUSDT", "")


def test_scope_is_named_in_the_log_as_a_person_would() -> None:
    assert str(parse_scope(**ONE)) == "USDT-FUTURES, BTCUSDT"
    assert str(parse_scope(**ALL, exclude_symbols=["SOLUSDT", "ETHUSDT"], margin_coin="USDT")) == (
        "USDT-FUTURES, all symbols but ETHUSDT, SOLUSDT, margin coin USDT"
    )


# What is refused


def test_missing_symbol_never_means_all() -> None:
    assert field_of(product_type="USDT-FUTURES") == "symbol"
    assert field_of(product_type="USDT-FUTURES", symbol=None, all_symbols=False) == "symbol"


def test_symbol_and_all_symbols_contradict_each_other() -> None:
    assert field_of(**ONE, all_symbols=True) == "all_symbols"


@pytest.mark.parametrize("symbol", ["", "*", "None", "null", " ", "BTC USDT", "BTCUSDT,ETHUSDT", 7, ["BTCUSDT"], True])
@pytest.mark.parametrize("all_symbols", [True, False])
def test_symbol_that_names_no_trading_pair_is_refused(symbol: Any, all_symbols: bool) -> None:
    assert field_of(product_type="USDT-FUTURES", symbol=symbol, all_symbols=all_symbols) == "symbol"


@pytest.mark.parametrize("literal", ["True", "true", 1, "{{ params.all }}", None, "*"])
def test_all_symbols_takes_the_literal_only(literal: Any) -> None:
    assert field_of(product_type="USDT-FUTURES", all_symbols=literal) == "all_symbols"


@pytest.mark.parametrize("product_type", ["", None, "SPOT", "*", 3, "USDT_FUTURES"])
def test_unknown_product_type_is_refused(product_type: Any) -> None:
    assert field_of(product_type=product_type, all_symbols=True) == "product_type"


@pytest.mark.parametrize("excluded", [None, "BTCUSDT", "", {"BTCUSDT": 1}, 5, b"BTCUSDT"])
def test_excluded_symbols_that_are_no_list_are_refused(excluded: Any) -> None:
    """A missing XCom must not turn into "nothing is excluded"."""
    assert field_of(**ALL, exclude_symbols=excluded) == "exclude_symbols"


@pytest.mark.parametrize("item", ["", "*", None, 4, "None", ["BTCUSDT"]])
def test_excluded_symbol_that_names_no_trading_pair_is_refused(item: Any) -> None:
    assert field_of(**ALL, exclude_symbols=["ETHUSDT", item]) == "exclude_symbols[1]"


def test_excluded_symbols_beside_a_symbol_are_refused() -> None:
    assert field_of(**ONE, exclude_symbols=["ETHUSDT"]) == "exclude_symbols"


@pytest.mark.parametrize("coin", ["", "*", "None", 5, "US DT", ["USDT"]])
def test_margin_coin_that_is_no_coin_is_refused(coin: Any) -> None:
    assert field_of(**ALL, margin_coin=coin) == "margin_coin"


@pytest.mark.parametrize("days", [0, -1, 3_651, 90.0, "90", None, True])
def test_lookback_that_is_no_number_of_days_is_refused(days: Any) -> None:
    assert field_of(**ALL, lookback_days=days) == "lookback_days"


# Plan types


def test_plan_types_are_each_named_once_in_one_order() -> None:
    assert parse_plan_types(["pos_loss", "normal_plan", "pos_loss"]) == ("normal_plan", "pos_loss")
    assert parse_plan_types(set(PLAN_TYPES)) == PLAN_TYPES
    assert parse_plan_types([]) == ()


@pytest.mark.parametrize(
    "value", [["profit_loss"], [""], ["*"], [None], ["NORMAL_PLAN"], "normal_plan", None, {"a": 1}]
)
def test_unknown_plan_types_are_refused(value: Any) -> None:
    with pytest.raises(ScopeArgumentError) as refused:
        parse_plan_types(value)
    assert refused.value.field == "plan_types"
