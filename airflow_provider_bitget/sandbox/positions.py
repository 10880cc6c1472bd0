# SPDX-License-Identifier: Apache-2.0
"""A position, and the row by which the exchange describes it.

https://www.bitget.com/api-doc/contract/position/get-all-position
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from airflow_provider_bitget.sandbox.amounts import ZERO, text_of_amount
from airflow_provider_bitget.sandbox.orders import DEFAULT_PRICE, HEDGE, NET, PRICES, mode_of

LEVERAGE = 10


@dataclass(frozen=True, slots=True)
class Position:
    """One position of an account at one moment.

    :param symbol: such as ``BTCUSDT``.
    :param product_type: such as ``USDT-FUTURES``.
    :param margin_coin: such as ``USDT``.
    :param hold_side: ``long`` or ``short``.
    :param pos_side: the same in hedge mode, ``net`` in one-way mode.
    :param total: its size, in units of the base coin.
    :param created_ms: when it was opened, milliseconds since 1970-01-01 UTC.
    :param updated_ms: when it last changed, milliseconds since 1970-01-01 UTC.
    :param locked: how much of it live close orders hold, in units of the base coin.
    :param opening: the size of the live orders that would make it larger, in units of the base coin.
    """

    symbol: str
    product_type: str
    margin_coin: str
    hold_side: str
    pos_side: str
    total: Decimal
    created_ms: int
    updated_ms: int
    locked: Decimal = ZERO
    opening: Decimal = ZERO

    @property
    def available(self) -> Decimal:
        """How much of it can be closed, in units of the base coin."""
        return self.total - self.locked

    @property
    def is_hedged(self) -> bool:
        """Whether it is held in hedge mode, where a symbol can have a long and a short side."""
        return self.pos_side != NET


def position_row_of(position: Position) -> dict[str, Any]:
    """Return a position's row with the fields of recorded answers; numbers are strings, ``""`` is "no value".

    :param position: the position.
    """
    price = PRICES.get(position.symbol, DEFAULT_PRICE)
    margin = position.total * Decimal(price) / LEVERAGE
    return {
        "marginCoin": position.margin_coin,
        "symbol": position.symbol,
        "holdSide": position.hold_side,
        "openDelegateSize": text_of_amount(position.opening),
        "marginSize": text_of_amount(margin),
        "available": text_of_amount(position.available),
        "locked": text_of_amount(position.locked),
        "total": text_of_amount(position.total),
        "leverage": str(LEVERAGE),
        "achievedProfits": "0",
        "openPriceAvg": price,
        "marginMode": "crossed",
        "posMode": mode_of(position.pos_side),
        "unrealizedPL": "0",
        "liquidationPrice": "0",
        "keepMarginRate": "0.004",
        "markPrice": price,
        "marginRatio": "0.01",
        "breakEvenPrice": price,
        "totalFee": "",
        "deductedFee": "0",
        "grant": "",
        "assetMode": "single",
        "autoMargin": "off",
        "takeProfit": "",
        "stopLoss": "",
        "takeProfitId": "",
        "stopLossId": "",
        "cTime": str(position.created_ms),
        "uTime": str(position.updated_ms),
    }


def position_book_row_of(position: Position) -> dict[str, Any]:
    """Return a position's row for the sandbox's own views, which name the product type as well.

    :param position: the position.
    """
    return {**position_row_of(position), "productType": position.product_type}


def pos_side_of(hold_side: str, pos_mode: str) -> str:
    """Return ``long`` or ``short`` in hedge mode, ``net`` in one-way mode.

    :param hold_side: ``long`` or ``short``.
    :param pos_mode: ``hedge_mode`` or ``one_way_mode``.
    """
    return hold_side if pos_mode == HEDGE else NET
