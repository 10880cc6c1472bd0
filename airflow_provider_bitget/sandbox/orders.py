# SPDX-License-Identifier: Apache-2.0
"""An order, and the row by which the exchange describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from airflow_provider_bitget.sandbox.amounts import text_of_amount

LIVE = "live"
PARTIALLY_FILLED = "partially_filled"
FILLED = "filled"
CANCELED = "canceled"

OPEN_STATUSES = (LIVE, PARTIALLY_FILLED)
ENDED_STATUSES = (FILLED, CANCELED)

ONE_WAY = "one_way_mode"
HEDGE = "hedge_mode"
POSITION_MODES = (ONE_WAY, HEDGE)
HOLD_SIDES = ("long", "short")
TRADE_SIDES = ("open", "close")
NET = "net"

SIZE = "0.02"
DEFAULT_PRICE = "100"
PRICES: Mapping[str, str] = {"BTCUSDT": "30000", "ETHUSDT": "2000", "SOLUSDT": "150"}


@dataclass(frozen=True, slots=True)
class Order:
    """One order of an account.

    :param order_id: 19 digits.
    :param client_oid: the caller's own id, empty where there is none.
    :param symbol: such as ``BTCUSDT``.
    :param product_type: such as ``USDT-FUTURES``.
    :param side: ``buy`` or ``sell``.
    :param status: ``live``, ``partially_filled``, ``filled`` or ``canceled``.
    :param created_ms: when it was placed, milliseconds since 1970-01-01 UTC.
    :param updated_ms: when it last changed, milliseconds since 1970-01-01 UTC.
    :param filled_size: how much was filled, in units of the base coin.
    :param ended_at: when it was filled or cancelled, seconds of the monotonic clock; None while open.
    :param status_before: the status that it ended from.
    :param size: how much was ordered, in units of the base coin.
    :param pos_side: ``long`` or ``short`` in hedge mode, ``net`` in one-way mode.
    :param closing: whether it can only make a position smaller: ``tradeSide`` is ``close`` in hedge mode,
        ``reduceOnly`` is ``YES`` in one-way mode.
    :param order_type: ``limit`` or ``market``.
    """

    order_id: str
    client_oid: str
    symbol: str
    product_type: str
    side: str
    status: str
    created_ms: int
    updated_ms: int
    filled_size: str = "0"
    ended_at: float | None = None
    status_before: str = LIVE
    size: str = SIZE
    pos_side: str = NET
    closing: bool = False
    order_type: str = "limit"

    @property
    def is_open(self) -> bool:
        """Whether the order still rests on the exchange."""
        return self.status in OPEN_STATUSES

    @property
    def hold_side(self) -> str:
        """The side of the position that it opens or closes, ``long`` or ``short``."""
        if self.pos_side != NET:
            return self.pos_side
        return "long" if (self.side == "buy") is not self.closing else "short"

    @property
    def remaining(self) -> Decimal:
        """How much of it isn't filled, in units of the base coin."""
        return Decimal(self.size) - Decimal(self.filled_size)

    def ended(self, status: str, now: float, now_ms: int, filled_size: str | None = None) -> Order:
        """Return the order after its end.

        :param status: ``filled`` or ``canceled``.
        :param now: seconds of the monotonic clock.
        :param now_ms: milliseconds since 1970-01-01 UTC.
        :param filled_size: how much had filled by then; all of a filled order and no more of another by default.
        """
        if filled_size is None:
            filled_size = self.size if status == FILLED else self.filled_size
        return replace(
            self,
            status=status,
            updated_ms=now_ms,
            filled_size=filled_size,
            ended_at=now,
            status_before=self.status,
        )

    def as_it_was(self) -> Order:
        """Return an ended order as it looked while it was open."""
        filled_size = half_of(self.size) if self.status_before == PARTIALLY_FILLED else "0"
        return replace(self, status=self.status_before, filled_size=filled_size)


def half_of(size: str) -> str:
    """Return half of a size.

    :param size: the size, in units of the base coin.
    """
    return text_of_amount(Decimal(size) / 2)


def side_of(hold_side: str, pos_side: str, *, closing: bool) -> str:
    """Return ``buy`` or ``sell``: in hedge mode the direction of the position, even for an order that closes it.

    https://www.bitget.com/api-doc/contract/trade/Place-Order

    :param hold_side: the side of the position, ``long`` or ``short``.
    :param pos_side: the same in hedge mode, ``net`` in one-way mode.
    :param closing: whether the order makes the position smaller.
    """
    with_position = pos_side != NET or not closing
    return "buy" if (hold_side == "long") is with_position else "sell"


def trade_side_of(side: str, pos_side: str, *, closing: bool) -> str:
    """Return what a row says of opening and closing: ``open`` and ``close`` exist in hedge mode only.

    :param side: ``buy`` or ``sell``.
    :param pos_side: ``long`` or ``short`` in hedge mode, ``net`` in one-way mode.
    :param closing: whether the order makes a position smaller.
    """
    if pos_side == NET:
        return f"{side}_single"
    return "close" if closing else "open"


def mode_of(pos_side: str) -> str:
    """Return the position mode that goes with a side.

    :param pos_side: ``long`` or ``short`` in hedge mode, ``net`` in one-way mode.
    """
    return ONE_WAY if pos_side == NET else HEDGE


def margin_coin_of(product_type: str, symbol: str) -> str:
    """Return the coin that margin is held in.

    :param product_type: such as ``USDT-FUTURES``.
    :param symbol: such as ``BTCUSDT``.
    """
    family = product_type.removeprefix("S").split("-")[0]
    if family == "COIN":
        return symbol.removesuffix("USD")
    return family


def row_of(order: Order, status_key: str = "status") -> dict[str, Any]:
    """Return an order's row with the fields of recorded answers; numbers are strings, ``""`` is "no value".

    :param order: the order.
    :param status_key: ``status`` in lists, ``state`` in the answer of order detail.
    """
    price = PRICES.get(order.symbol, DEFAULT_PRICE)
    traded = order.filled_size != "0"
    return {
        "symbol": order.symbol,
        "size": order.size,
        "orderId": order.order_id,
        "clientOid": order.client_oid,
        "baseVolume": order.filled_size,
        "fee": "-0.06" if traded else "",
        "price": price if order.order_type == "limit" else "",
        "priceAvg": price if traded else "",
        status_key: order.status,
        "side": order.side,
        "force": "gtc",
        "totalProfits": "0",
        "posSide": order.pos_side,
        "marginCoin": margin_coin_of(order.product_type, order.symbol),
        "quoteVolume": str(float(price) * float(order.filled_size)) if traded else "0",
        "leverage": "10",
        "marginMode": "crossed",
        "reduceOnly": "YES" if order.closing and order.pos_side == NET else "NO",
        "enterPointSource": "API",
        "tradeSide": trade_side_of(order.side, order.pos_side, closing=order.closing),
        "posMode": mode_of(order.pos_side),
        "orderType": order.order_type,
        "orderSource": "normal" if order.order_type == "limit" else "market",
        "presetStopSurplusPrice": "",
        "presetStopLossPrice": "",
        "cTime": str(order.created_ms),
        "uTime": str(order.updated_ms),
    }


def book_row_of(order: Order) -> dict[str, Any]:
    """Return an order's row for the sandbox's own views, which name the product type as well.

    :param order: the order.
    """
    return {**row_of(order), "productType": order.product_type}
