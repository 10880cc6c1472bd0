# SPDX-License-Identifier: Apache-2.0
"""One symbol, or a whole product type by name: whatever else comes is refused before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_bitget.operators.bitget import (
    BitgetCancelAllOrdersOperator,
    BitgetClosePositionsOperator,
    BitgetListOpenOrdersOperator,
)
from airflow_provider_bitget.operators.exceptions import BitgetArgumentError
from airflow_provider_bitget.operators.scope import BitgetScopeOperator
from airflow_provider_bitget.sandbox import Sandbox
from tests.unit.operators.tasks import rendered, run

EVERY_OPERATOR = pytest.mark.parametrize(
    "kind", [BitgetListOpenOrdersOperator, BitgetCancelAllOrdersOperator, BitgetClosePositionsOperator]
)

Kind = type[BitgetScopeOperator]


def task(kind: Kind, **arguments: Any) -> BitgetScopeOperator:
    return kind(task_id="task", **arguments)


@EVERY_OPERATOR
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({}, "symbol"),
        ({"symbol": None}, "symbol"),
        ({"symbol": "BTCUSDT", "all_symbols": True}, "all_symbols"),
        ({"symbol": "{{ params.symbol }}", "all_symbols": True}, "all_symbols"),
        ({"symbol": ""}, "symbol"),
        ({"symbol": "*"}, "symbol"),
        ({"all_symbols": "True"}, "all_symbols"),
        ({"all_symbols": "{{ params.all }}"}, "all_symbols"),
        ({"all_symbols": 1}, "all_symbols"),
        ({"symbol": "BTCUSDT", "exclude_symbols": ["ETHUSDT"]}, "exclude_symbols"),
        ({"all_symbols": True, "exclude_symbols": "BTCUSDT"}, "exclude_symbols"),
        ({"all_symbols": True, "exclude_symbols": ["{{ params.symbol }}"]}, "exclude_symbols"),
        ({"all_symbols": True, "exclude_symbols": [None]}, "exclude_symbols"),
        ({"all_symbols": True, "deadline": 0}, "deadline"),
        ({"all_symbols": True, "deadline": "60"}, "deadline"),
        ({"all_symbols": True, "simulate": "false"}, "simulate"),
    ],
)
def test_a_literal_scope_that_makes_no_sense_is_refused_when_the_dag_is_read(
    kind: Kind, arguments: dict[str, Any], named: str
) -> None:
    with pytest.raises(BitgetArgumentError, match=named):
        task(kind, **arguments)


@EVERY_OPERATOR
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"symbol": "{{ params.missing }}"}, "symbol"),
        ({"symbol": "{{ none }}"}, "symbol"),
        ({"symbol": "{{ '*' }}"}, "symbol"),
        ({"symbol": "{{ ' ' }}"}, "symbol"),
        ({"symbol": "BTCUSDT,ETHUSDT"}, "symbol"),
        ({"symbol": 7}, "symbol"),
        ({"all_symbols": True, "product_type": "{{ params.missing }}"}, "product_type"),
        ({"all_symbols": True, "product_type": "*"}, "product_type"),
        ({"all_symbols": True, "product_type": None}, "product_type"),
        ({"all_symbols": True, "margin_coin": "{{ none }}"}, "margin_coin"),
        ({"all_symbols": True, "margin_coin": ""}, "margin_coin"),
        ({"all_symbols": True, "bitget_conn_id": "{{ params.missing }}"}, "bitget_conn_id"),
    ],
)
def test_a_template_that_renders_to_nothing_is_refused_before_anything_is_sent(
    sandbox: Sandbox, kind: Kind, arguments: dict[str, Any], named: str
) -> None:
    sandbox.place(3, "BTCUSDT")
    sandbox.open_position("BTCUSDT")

    with pytest.raises(BitgetArgumentError, match=named):
        run(rendered(task(kind, **arguments), params={}))

    assert sandbox.requests == []
    assert (len(sandbox.open_orders()), len(sandbox.positions())) == (3, 1)


@EVERY_OPERATOR
def test_a_symbol_that_vanished_from_the_task_never_means_all(sandbox: Sandbox, kind: Kind) -> None:
    emptied = task(kind, symbol="{{ params.symbol }}")
    emptied.symbol = None

    with pytest.raises(BitgetArgumentError, match="symbol"):
        run(emptied)

    assert sandbox.requests == []


@EVERY_OPERATOR
def test_scope_is_rendered_from_templates_and_understood_in_any_case(sandbox: Sandbox, kind: Kind) -> None:
    quick: dict[str, Any] = {} if kind is BitgetClosePositionsOperator else {"lookback_days": 90}
    found = rendered(
        task(
            kind,
            **quick,
            symbol="{{ params.pair }}",
            product_type="{{ params.kind | lower }}",
            margin_coin="{{ params.coin }}",
            bitget_conn_id="{{ params.account }}",
            deadline=30,
        ),
        params={"pair": "ethusdt", "kind": "USDT-FUTURES", "coin": "usdt", "account": "bitget_default"},
    )

    run(found)

    assert {record.product_type for record in sandbox.requests if record.product_type} == {"USDT-FUTURES"}
    assert sandbox.requests


@EVERY_OPERATOR
def test_only_scope_words_and_the_connection_are_templated(kind: Kind) -> None:
    assert set(kind.template_fields) == {"product_type", "symbol", "margin_coin", "bitget_conn_id"}
