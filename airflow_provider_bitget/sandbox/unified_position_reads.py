# SPDX-License-Identifier: Apache-2.0
"""The endpoint that shows positions to a unified account: https://www.bitget.com/api-doc/uta/trade/Get-Position."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from airflow_provider_bitget.sandbox.amounts import text_of_amount
from airflow_provider_bitget.sandbox.orders import DEFAULT_PRICE, HOLD_SIDES, PRICES, mode_of
from airflow_provider_bitget.sandbox.parameters import Call
from airflow_provider_bitget.sandbox.positions import LEVERAGE, Position
from airflow_provider_bitget.sandbox.unified_pages import list_of


def current_position(call: Call) -> dict[str, Any]:
    """Return the positions of a category, unpaged.

    :param call: the request.
    """
    category, symbol = call.category(), call.text("symbol")
    pos_side = call.choice("posSide", HOLD_SIDES, "")
    rows = [
        unified_position_row_of(position)
        for position in call.ledger.positions(call.now)
        if position.product_type == category
        and position.symbol == (symbol or position.symbol)
        and position.hold_side == (pos_side or position.hold_side)
    ]
    return {"list": list_of(call, rows)}


def unified_position_row_of(position: Position) -> dict[str, Any]:
    """Return a position's row with the fields of recorded answers; numbers are strings.

    :param position: the position.
    """
    price = PRICES.get(position.symbol, DEFAULT_PRICE)
    return {
        "category": position.product_type,
        "symbol": position.symbol,
        "marginCoin": position.margin_coin,
        "holdMode": mode_of(position.pos_side),
        "posSide": position.hold_side,
        "marginMode": "crossed",
        "positionBalance": text_of_amount(position.total * Decimal(price) / LEVERAGE),
        "available": text_of_amount(position.available),
        "frozen": text_of_amount(position.locked),
        "total": text_of_amount(position.total),
        "leverage": str(LEVERAGE),
        "curRealisedPnl": "0",
        "avgPrice": price,
        "positionStatus": "normal",
        "unrealisedPnl": "0",
        "liquidationPrice": "0",
        "mmr": "0.004",
        "profitRate": "0",
        "markPrice": price,
        "breakEvenPrice": price,
        "totalFunding": "0",
        "openFeeTotal": "0",
        "closeFeeTotal": "0",
        "createdTime": str(position.created_ms),
        "updatedTime": str(position.updated_ms),
    }
