# SPDX-License-Identifier: Apache-2.0
"""The endpoints that show orders, the account and the time.

- https://www.bitget.com/api-doc/contract/trade/Get-Orders-Pending
- https://www.bitget.com/api-doc/contract/trade/Get-Orders-History
- https://www.bitget.com/api-doc/contract/trade/Get-Order-Details
- https://www.bitget.com/api-doc/contract/account/Get-Account-List
- https://www.bitget.com/api-doc/common/public/Get-Server-Time
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from itertools import islice
from typing import Any

from airflow_provider_bitget.sandbox.answers import Refusal
from airflow_provider_bitget.sandbox.orders import (
    CANCELED,
    ENDED_STATUSES,
    LIVE,
    OPEN_STATUSES,
    Order,
    row_of,
)
from airflow_provider_bitget.sandbox.parameters import Call

ORDER_NOT_FOUND = "40109"
MARGIN_COINS = {"USDT": "USDT", "USDC": "USDC", "COIN": "BTC"}


def server_time(call: Call) -> dict[str, str]:
    """Return the exchange's time, in milliseconds as text.

    :param call: the request.
    """
    return {"serverTime": str(call.now_ms)}


def accounts(call: Call) -> list[dict[str, str]]:
    """Return the margin account of a product type.

    :param call: the request.
    """
    coin = MARGIN_COINS[call.product_type().removeprefix("S").split("-")[0]]
    return [
        {
            "marginCoin": coin,
            "locked": "0",
            "available": "100000",
            "crossedMaxAvailable": "100000",
            "isolatedMaxAvailable": "100000",
            "maxTransferOut": "100000",
            "accountEquity": "100000",
            "usdtEquity": "100000",
            "btcEquity": "1",
            "crossedRiskRate": "0",
            "unrealizedPL": "0",
            "coupon": "0",
        }
    ]


def orders_pending(call: Call) -> dict[str, Any]:
    """Return a page of open orders, newest first.

    :param call: the request.
    """
    product_type = call.product_type()
    status = call.text("status")
    if status not in ("", *OPEN_STATUSES):
        raise Refusal("40017", "status")
    default = OPEN_STATUSES if call.rules.pending_returns == "all" else (LIVE,)
    statuses = (status,) if status else default
    orders = _select(call, product_type, statuses)
    merged = heapq.merge(orders, _still_shown(call, product_type, statuses), key=number_of, reverse=True)
    return _page(call, merged, "cTime")


def orders_history(call: Call) -> dict[str, Any]:
    """Return a page of filled and cancelled orders of the last 90 days, newest first.

    :param call: the request.
    """
    product_type = call.product_type()
    orders = _select(call, product_type, ENDED_STATUSES)
    return _page(call, (order for order in orders if in_history(call, order)), call.rules.history_time)


def order_detail(call: Call) -> dict[str, Any]:
    """Return one order in any state; its status is called ``state`` here, as in recorded answers.

    :param call: the request.
    """
    product_type = call.product_type()
    symbol = call.required_symbol()
    order = call.book.find(*call.reference(call.parameters))
    if order is None or (order.product_type, order.symbol) != (product_type, symbol):
        raise Refusal(ORDER_NOT_FOUND)
    if not order.is_open and not in_history(call, order):
        raise Refusal(ORDER_NOT_FOUND)
    reason = "normal_cancel" if order.status == CANCELED else ""
    return {**row_of(order, "state"), "cancelReason": reason}


def number_of(order: Order) -> int:
    """Return an order's id as a number: newer orders have larger ones.

    :param order: the order.
    """
    return int(order.order_id)


def _select(call: Call, product_type: str, statuses: Iterable[str]) -> Iterable[Order]:
    """Return the orders that a list request asks for, newest first."""
    if not call.text("orderId") and not call.text("clientOid"):
        return call.book.select(product_type, call.text("symbol"), statuses, call.number("idLessThan"))
    order = call.book.find(*call.reference(call.parameters))
    if order is None or not _is_asked_for(call, order, product_type, statuses):
        return []
    return [order]


def _is_asked_for(call: Call, order: Order, product_type: str, statuses: Iterable[str]) -> bool:
    below = call.number("idLessThan")
    order_id, client_oid = call.text("orderId"), call.text("clientOid")
    return (
        order.product_type == product_type
        and order.symbol == (call.text("symbol") or order.symbol)
        and order.status in statuses
        and (below is None or number_of(order) < below)
        and (order.order_id == order_id if order_id else order.client_oid == (client_oid or order.client_oid))
    )


def _still_shown(call: Call, product_type: str, statuses: Iterable[str]) -> list[Order]:
    return [order for order in still_shown(call) if _is_asked_for(call, order, product_type, statuses)]


def still_shown(call: Call) -> list[Order]:
    """Return the ended orders that a lagging book still shows as open, newest first.

    :param call: the request.
    """
    seconds = max((effect.options["seconds"] for effect in call.effects_of("lagging_book")), default=0)
    if not seconds:
        return []
    shown = [order.as_it_was() for order in call.book.ended_since(call.now - seconds)]
    return sorted(shown, key=number_of, reverse=True)


def in_history(call: Call, order: Order) -> bool:
    """Return whether the history knows already how an order ended.

    :param call: the request.
    :param order: an order in any state.
    """
    seconds = max((effect.options["seconds"] for effect in call.effects_of("late_history")), default=0)
    return order.ended_at is not None and call.now - order.ended_at >= seconds


def time_of(order: Order, time_field: str) -> int:
    """Return one of an order's times, milliseconds since 1970-01-01 UTC.

    :param order: the order.
    :param time_field: ``cTime`` or ``uTime``.
    """
    return order.updated_ms if time_field == "uTime" else order.created_ms


def _page(call: Call, orders: Iterable[Order], time_field: str) -> dict[str, Any]:
    first, last = call.window()
    limit = call.page_size()
    in_time = (order for order in orders if first <= time_of(order, time_field) <= last)
    rows = [row_of(order) for order in islice(in_time, limit)]
    if not rows:
        # Recorded: an empty list of orders is null, and so is the id to go on from.
        return {"entrustedList": None, "endId": None}
    return {"entrustedList": rows, "endId": rows[-1]["orderId"]}
