# SPDX-License-Identifier: Apache-2.0
"""The endpoints that show orders to a unified account.

- https://www.bitget.com/api-doc/uta/trade/Get-Order-Pending
- https://www.bitget.com/api-doc/uta/trade/Get-Order-History
- https://www.bitget.com/api-doc/uta/trade/Get-Order-Details
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from itertools import islice
from typing import Any

from airflow_provider_bitget.sandbox.answers import Refusal
from airflow_provider_bitget.sandbox.orders import ENDED_STATUSES, OPEN_STATUSES, Order
from airflow_provider_bitget.sandbox.parameters import CATEGORIES, DAY_MS, WINDOW_MS, Call
from airflow_provider_bitget.sandbox.reads import in_history, number_of, still_shown, time_of
from airflow_provider_bitget.sandbox.unified_orders import (
    unified_detail_of,
    unified_history_row_of,
    unified_row_of,
)
from airflow_provider_bitget.sandbox.unified_pages import page_of

LONGEST_QUERY_MS = 30 * DAY_MS


def unfilled_orders(call: Call) -> dict[str, Any]:
    """Return a page of open orders, partially filled ones among them, newest first.

    Without a category it shows those of every category.

    :param call: the request.
    """
    category = call.category("")
    categories = (category,) if category else CATEGORIES
    first, last = _unfilled_window(call)
    shown = (order for order in _open_orders(call, categories) if first <= order.created_ms <= last)
    return page_of(call, [unified_row_of(order, call.rules) for order in islice(shown, call.page_size())])


def history_orders(call: Call) -> dict[str, Any]:
    """Return a page of filled and cancelled orders, newest first: at most 30 days out of the last 90.

    :param call: the request.
    """
    category = call.category()
    first, last = call.window(LONGEST_QUERY_MS)
    first = max(first, call.now_ms - WINDOW_MS)
    ended = (
        order
        for order in call.book.select(category, call.text("symbol"), ENDED_STATUSES, call.number("cursor"))
        if in_history(call, order) and first <= time_of(order, call.rules.history_time) <= last
    )
    return page_of(call, [unified_history_row_of(order, call.rules) for order in islice(ended, call.page_size())])


def order_info(call: Call) -> dict[str, Any]:
    """Return one order in any state and of any category, by its id or its clientOid alone.

    :param call: the request.
    """
    order = call.book.find(*call.reference(call.parameters))
    if order is None or (not order.is_open and not in_history(call, order)):
        raise Refusal(call.gone_code)
    return unified_detail_of(order, call.rules)


def _open_orders(call: Call, categories: Iterable[str]) -> Iterable[Order]:
    """Return the open orders of some categories, and ended ones that a lagging book still shows, newest first."""
    symbol, below = call.text("symbol"), call.number("cursor")
    lagging = [
        order
        for order in still_shown(call)
        if order.product_type in categories
        and order.symbol == (symbol or order.symbol)
        and (below is None or number_of(order) < below)
    ]
    lists = [call.book.select(category, symbol, OPEN_STATUSES, below) for category in categories]
    return heapq.merge(*lists, lagging, key=number_of, reverse=True)


def _unfilled_window(call: Call) -> tuple[int, int]:
    """Return the first and the last moment asked for; no page limits how far apart they are."""
    end, start = call.number("endTime"), call.number("startTime")
    last = call.now_ms if end is None else end
    unasked = last - call.rules.unfilled_days * DAY_MS if call.rules.unfilled_days else 0
    first = unasked if start is None else start
    if first > last:
        raise Refusal("40017", "startTime")
    return first, last
