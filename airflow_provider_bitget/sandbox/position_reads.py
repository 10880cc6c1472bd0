# SPDX-License-Identifier: Apache-2.0
"""The endpoints that show positions.

- https://www.bitget.com/api-doc/contract/position/get-all-position
- https://www.bitget.com/api-doc/contract/position/get-single-position
"""

from __future__ import annotations

from typing import Any

from airflow_provider_bitget.sandbox.answers import Refusal
from airflow_provider_bitget.sandbox.parameters import Call
from airflow_provider_bitget.sandbox.positions import position_row_of


def all_position(call: Call) -> list[dict[str, Any]]:
    """Return the positions of a product type, an empty list when it is flat.

    :param call: the request.
    """
    return _rows(call, call.product_type(), "", _margin_coin(call))


def single_position(call: Call) -> list[dict[str, Any]]:
    """Return the positions of a symbol: up to two in hedge mode, up to one in one-way mode.

    :param call: the request.
    """
    product_type = call.product_type()
    symbol = call.required_symbol()
    coin = _margin_coin(call)
    if not coin:
        raise Refusal("40019", "marginCoin")
    return _rows(call, product_type, symbol, coin)


def _margin_coin(call: Call) -> str:
    call.check_margin_coin()
    return call.text("marginCoin")


def _rows(call: Call, product_type: str, symbol: str, coin: str) -> list[dict[str, Any]]:
    return [
        position_row_of(position)
        for position in call.ledger.positions(call.now)
        if position.product_type == product_type
        and position.symbol == (symbol or position.symbol)
        and position.margin_coin == (coin or position.margin_coin)
    ]
