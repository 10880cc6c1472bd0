# SPDX-License-Identifier: Apache-2.0
"""The rows by which the exchange describes an order to a unified account.

- https://www.bitget.com/api-doc/uta/trade/Get-Order-Pending
- https://www.bitget.com/api-doc/uta/trade/Get-Order-History
- https://www.bitget.com/api-doc/uta/trade/Get-Order-Details
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from airflow_provider_bitget.sandbox.amounts import text_of_amount
from airflow_provider_bitget.sandbox.orders import (
    CANCELED,
    DEFAULT_PRICE,
    LIVE,
    NET,
    PRICES,
    Order,
    margin_coin_of,
    mode_of,
)
from airflow_provider_bitget.sandbox.rules import Rules

PRESETS = (
    "takeProfit",
    "stopLoss",
    "tpTriggerBy",
    "slTriggerBy",
    "tpOrderType",
    "slOrderType",
    "tpLimitPrice",
    "slLimitPrice",
)


def unified_row_of(order: Order, rules: Rules) -> dict[str, Any]:
    """Return an open order's row with the fields of recorded answers, which name no margin coin.

    :param order: the order.
    :param rules: how the exchange behaves.
    """
    price = PRICES.get(order.symbol, DEFAULT_PRICE)
    traded = Decimal(order.filled_size) > 0
    return {
        "orderId": order.order_id,
        "clientOid": order.client_oid,
        "category": order.product_type,
        "symbol": order.symbol,
        "orderType": order.order_type,
        "side": unified_side_of(order.hold_side, closing=order.closing),
        "price": price if order.order_type == "limit" else "0",
        "qty": order.size,
        "amount": "0",
        "cumExecQty": order.filled_size,
        "cumExecValue": text_of_amount(Decimal(order.filled_size) * Decimal(price)),
        "avgPrice": price if traded else "0",
        "timeInForce": "gtc",
        "orderStatus": _status_of(order, rules),
        "posSide": "" if order.pos_side == NET and rules.one_way_pos_side == "empty" else order.hold_side,
        "holdMode": mode_of(order.pos_side),
        "delegateType": "normal",
        "reduceOnly": "YES" if order.closing and order.pos_side == NET else "NO",
        "marginMode": "crossed",
        "stpMode": "none",
        **dict.fromkeys(PRESETS, ""),
        "feeDetail": [_fee_of(order) if traded else {"feeCoin": None, "fee": None}],
        "createdTime": str(order.created_ms),
        "updatedTime": str(order.updated_ms),
    }


def unified_history_row_of(order: Order, rules: Rules) -> dict[str, Any]:
    """Return an ended order's row, which names how it ended.

    :param order: the order.
    :param rules: how the exchange behaves.
    """
    reason = "normal_cancel" if order.status == CANCELED else ""
    return {**unified_row_of(order, rules), "cancelReason": reason, "execType": "normal"}


def unified_detail_of(order: Order, rules: Rules) -> dict[str, Any]:
    """Return an order's details in any state; only they name its ``tradeSide``.

    :param order: the order.
    :param rules: how the exchange behaves.
    """
    return {**unified_history_row_of(order, rules), "tradeSide": "close" if order.closing else "open"}


def unified_side_of(hold_side: str, *, closing: bool) -> str:
    """Return ``buy`` or ``sell``: what the order does, also in hedge mode, where classic accounts name the position's.

    https://www.bitget.com/api-doc/uta/trade/Place-Order

    :param hold_side: the side of the position, ``long`` or ``short``.
    :param closing: whether the order makes the position smaller.
    """
    return "buy" if (hold_side == "long") is not closing else "sell"


def _status_of(order: Order, rules: Rules) -> str:
    return {LIVE: rules.unified_live, CANCELED: rules.unified_canceled}.get(order.status, order.status)


def _fee_of(order: Order) -> dict[str, str]:
    return {"feeCoin": margin_coin_of(order.product_type, order.symbol), "fee": "0.06"}
