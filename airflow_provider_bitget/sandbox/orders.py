# SPDX-License-Identifier: Apache-2.0
"""An order, and the row by which the exchange describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

LIVE = "live"
PARTIALLY_FILLED = "partially_filled"
FILLED = "filled"
CANCELED = "canceled"

OPEN_STATUSES = (LIVE, PARTIALLY_FILLED)
ENDED_STATUSES = (FILLED, CANCELED)

SIZE = "0.02"
HALF_SIZE = "0.01"
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

    @property
    def is_open(self) -> bool:
        """Whether the order still rests on the exchange."""
        return self.status in OPEN_STATUSES

    def ended(self, status: str, now: float, now_ms: int) -> Order:
        """Return the order after its end.

        :param status: ``filled`` or ``canceled``.
        :param now: seconds of the monotonic clock.
        :param now_ms: milliseconds since 1970-01-01 UTC.
        """
        filled_size = SIZE if status == FILLED else self.filled_size
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
        filled_size = HALF_SIZE if self.status_before == PARTIALLY_FILLED else "0"
        return replace(self, status=self.status_before, filled_size=filled_size)


def margin_coin_of(order: Order) -> str:
    """Return the coin that an order's margin is held in.

    :param order: the order.
    """
    family = order.product_type.removeprefix("S").split("-")[0]
    if family == "COIN":
        return order.symbol.removesuffix("USD")
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
        "size": SIZE,
        "orderId": order.order_id,
        "clientOid": order.client_oid,
        "baseVolume": order.filled_size,
        "fee": "-0.06" if traded else "",
        "price": price,
        "priceAvg": price if traded else "",
        status_key: order.status,
        "side": order.side,
        "force": "gtc",
        "totalProfits": "0",
        "posSide": "net",
        "marginCoin": margin_coin_of(order),
        "quoteVolume": str(float(price) * float(order.filled_size)) if traded else "0",
        "leverage": "10",
        "marginMode": "crossed",
        "reduceOnly": "NO",
        "enterPointSource": "API",
        "tradeSide": f"{order.side}_single",
        "posMode": "one_way_mode",
        "orderType": "limit",
        "orderSource": "normal",
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
