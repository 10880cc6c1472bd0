# SPDX-License-Identifier: Apache-2.0
"""What a literal in a DAG gets that makes no sense: an error that names it, what came and what was expected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_bitget.operators import arguments
from airflow_provider_bitget.operators.exceptions import BitgetArgumentError
from airflow_provider_bitget.trading import options, order_list, scope


@pytest.mark.parametrize(
    ("check", "value", "expected", "came"),
    [
        (lambda value: arguments.flag("simulate", value), "true", "simulate must be True or False", "str ('true')"),
        (lambda value: arguments.flag("simulate", value), 1, "simulate must be True or False", "int"),
        (lambda value: arguments.flag("simulate", value), None, "simulate must be True or False", "NoneType"),
        (lambda value: arguments.seconds("deadline", value), 0, "deadline must be seconds", "int (0)"),
        (lambda value: arguments.seconds("deadline", value), float("nan"), "deadline must be seconds", "nan"),
        (lambda value: arguments.seconds("deadline", value), float("inf"), "deadline must be seconds", "inf"),
        (lambda value: arguments.seconds("deadline", value), True, "deadline must be seconds", "bool"),
        (lambda value: arguments.seconds("deadline", value), 86_401, "at most 86400", "86401"),
        (lambda value: arguments.pause("settle", value, deadline=60), -0.1, "settle must be seconds", "-0.1"),
        (lambda value: arguments.pause("settle", value, deadline=60), 60, "below the deadline of 60", "60"),
        (lambda value: arguments.pause("settle", value, deadline=60), "1", "settle must be seconds", "str ('1')"),
        (lambda value: arguments.whole_number("chunk_size", value, 1, 50), 51, "from 1 to 50", "51"),
        (lambda value: arguments.whole_number("chunk_size", value, 1, 50), 5.0, "a whole number", "float"),
        (lambda value: arguments.whole_number("chunk_size", value, 1, 50), True, "a whole number", "bool"),
        (lambda value: arguments.one_of("on_empty", value, ("skip", "fail")), "all", "'skip', 'fail'", "str ('all')"),
        (lambda value: arguments.one_of("on_empty", value, ("skip", "fail")), [], "'skip', 'fail'", "list"),
        (lambda value: arguments.error_codes("ignore_error_codes", value), "45034", "a list of codes", "str"),
        (lambda value: arguments.error_codes("ignore_error_codes", value), [4.5], "a list of codes", "float"),
        (lambda value: arguments.side_or_both("hold_side", value), "both", "hold_side must be 'long'", "str ('both')"),
        (lambda value: arguments.side_or_both("hold_side", value), "", "hold_side must be 'long'", "str"),
        (lambda value: arguments.side_or_both("hold_side", value), ["long"], "hold_side must be 'long'", "list"),
        (lambda value: arguments.excluded_symbols("exclude_symbols", value), "BTCUSDT", "a literal list", "str"),
        (lambda value: arguments.excluded_symbols("exclude_symbols", value), None, "a literal list", "NoneType"),
        (lambda value: arguments.excluded_symbols("exclude_symbols", value), {"BTCUSDT": 1}, "a literal list", "dict"),
        (lambda value: arguments.excluded_symbols("exclude_symbols", value), [None], "a literal list", "NoneType"),
        (lambda value: arguments.excluded_symbols("exclude_symbols", value), [""], "a literal list", "str ('')"),
        (lambda value: arguments.excluded_symbols("exclude_symbols", value), ["*"], "a literal list", "str ('*')"),
        (lambda value: arguments.excluded_symbols("exclude_symbols", value), ["None"], "a literal list", "str"),
        (lambda value: arguments.excluded_symbols("exclude_symbols", value), ["{{ x }}"], "never templated", "str"),
        (lambda value: arguments.product_types("product_types", value), [], "product_types must be", "list"),
        (lambda value: arguments.product_types("product_types", value), "USDT-FUTURES", "a literal list", "str"),
        (lambda value: arguments.product_types("product_types", value), ["FUTURES"], "USDT-FUTURES", "str ('FUTURES')"),
        (lambda value: arguments.product_types("product_types", value), ["{{ x }}"], "USDT-FUTURES", "str"),
        (lambda value: arguments.product_types("product_types", value), None, "product_types must be", "NoneType"),
    ],
)
def test_a_literal_that_makes_no_sense_is_refused_with_its_name_and_type(
    check: Callable[[Any], Any], value: Any, expected: str, came: str
) -> None:
    with pytest.raises(BitgetArgumentError) as refused:
        check(value)

    assert expected in str(refused.value)
    assert came in str(refused.value)


def test_literals_that_make_sense_come_back_as_they_are_meant() -> None:
    assert arguments.side_or_both("hold_side", None) is None
    assert arguments.side_or_both("hold_side", "short") == "short"
    assert arguments.pause("settle", 0, deadline=1) == 0
    assert arguments.excluded_symbols("exclude_symbols", ["ethusdt", "BTCUSDT", "ETHUSDT"]) == ("BTCUSDT", "ETHUSDT")
    assert arguments.excluded_symbols("exclude_symbols", ["$DEGENUSDT", "币安人生USDT"])
    assert arguments.product_types("product_types", ["usdt-futures", "COIN-FUTURES", "USDT-FUTURES"]) == (
        "USDT-FUTURES",
        "COIN-FUTURES",
    )
    assert arguments.error_codes("ignore_error_codes", [45034, "40762"]) == {"45034", "40762"}


@pytest.mark.parametrize(
    ("symbol", "all_symbols", "exclude_symbols", "named"),
    [
        (None, False, (), "Neither symbol nor all_symbols"),
        ("BTCUSDT", True, (), "symbol and all_symbols=True were both given"),
        ("{{ params.symbol }}", True, (), "symbol and all_symbols=True were both given"),
        ("", False, (), "symbol must be one trading pair"),
        (" ", False, (), "symbol must be one trading pair"),
        ("*", False, (), "symbol must be one trading pair"),
        (None, "True", (), "all_symbols must be True or False"),
        (None, "{{ params.everything }}", (), "all_symbols must be True or False"),
        (None, 1, (), "all_symbols must be True or False"),
        (None, None, (), "all_symbols must be True or False"),
        ("BTCUSDT", False, ("ETHUSDT",), "exclude_symbols"),
    ],
)
def test_a_scope_that_does_not_say_which_symbols_are_meant_is_refused(
    symbol: Any, all_symbols: Any, exclude_symbols: tuple[str, ...], named: str
) -> None:
    with pytest.raises(BitgetArgumentError, match=named):
        arguments.check_scope(symbol, all_symbols, exclude_symbols)


def test_a_symbol_that_is_still_to_be_rendered_is_taken() -> None:
    arguments.check_scope("{{ params.symbol }}", False)
    arguments.check_scope(object(), False)
    arguments.check_scope(None, True, ("BTCUSDT",))


def test_limits_of_literals_are_those_of_the_running_task() -> None:
    assert arguments.PRODUCT_TYPES == order_list.PRODUCT_TYPES
    assert arguments.LONGEST_LOOKBACK_DAYS == scope.LONGEST_LOOKBACK_DAYS
    assert arguments.LONGEST_DEADLINE == options.LONGEST_DEADLINE
    assert arguments.HOLD_SIDES == options.HOLD_SIDES
