# SPDX-License-Identifier: Apache-2.0
"""The endpoints that show strategy orders to a unified account.

- https://www.bitget.com/api-doc/uta/strategy/Get-Unfilled-Strategy-Orders
- https://www.bitget.com/api-doc/uta/strategy/Get-History-Strategy-Orders
- strategy-sub-orders, as client libraries describe it: https://github.com/sieblyio/bitget-api
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from airflow_provider_bitget.sandbox.answers import Refusal
from airflow_provider_bitget.sandbox.parameters import Call
from airflow_provider_bitget.sandbox.plan_orders import PLAN_TYPES, PlanOrder
from airflow_provider_bitget.sandbox.plan_reads import EVERY_STATUS, as_shown, is_known
from airflow_provider_bitget.sandbox.strategy_orders import (
    STRATEGY_TYPES,
    TPSL,
    strategy_row_of,
    sub_order_rows_of,
)
from airflow_provider_bitget.sandbox.unified_pages import list_of, page_of


def unfilled_strategy_orders(call: Call) -> list[dict[str, Any]] | None:
    """Return every live strategy order of a category, newest first: an array without any paging.

    :param call: the request.
    """
    shown = (as_shown(call, plan) for plan in _asked_for(call))
    return list_of(call, [strategy_row_of(plan, call.rules) for plan in shown if plan.is_open])


def history_strategy_orders(call: Call) -> dict[str, Any]:
    """Return a page of triggered and cancelled strategy orders of the last 90 days, newest first.

    :param call: the request.
    """
    below = call.number("cursor")
    first, last = call.window()
    ended = (
        plan
        for plan in _asked_for(call)
        if is_known(call, plan) and (below is None or int(plan.order_id) < below) and first <= plan.created_ms <= last
    )
    page = page_of(call, [strategy_row_of(plan, call.rules) for plan in islice(ended, call.page_size())])
    return page if call.rules.strategy_cursor else {"list": page["list"]}


def strategy_sub_orders(call: Call) -> dict[str, Any]:
    """Return a page of the orders that a strategy order placed when it triggered; none before that.

    :param call: the request.
    """
    if not call.rules.strategy_children:
        raise Refusal("40404")
    order_id, below = call.text("orderId"), call.number("cursor")
    if not order_id:
        raise Refusal("40019", "orderId")
    plan = call.ledger.plans.find(order_id)
    if plan is None:
        raise Refusal(call.gone_plan_code)
    child = call.book.find(plan.child_id) if plan.child_id else None
    rows = sub_order_rows_of(plan, child, call.rules) if is_known(call, plan) else []
    further = (row for row in rows if below is None or int(row["subOrderId"] or 0) < below)
    return page_of(call, list(islice(further, call.page_size())), "subOrderId")


def _asked_for(call: Call) -> Iterable[PlanOrder]:
    """Return the plan orders of a category that a ``type`` asks for, in every state, newest first."""
    category = call.category()
    known = tuple(STRATEGY_TYPES) if call.rules.strategy_trigger else (TPSL,)
    unasked = TPSL if call.rules.strategy_default == "tpsl" else ""
    plan_types = STRATEGY_TYPES.get(call.choice("type", known, unasked), PLAN_TYPES)
    return call.ledger.plans.select(category, "", plan_types, EVERY_STATUS)
