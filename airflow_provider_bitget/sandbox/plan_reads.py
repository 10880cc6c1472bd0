# SPDX-License-Identifier: Apache-2.0
"""The endpoints that show plan orders.

- https://www.bitget.com/api-doc/contract/plan/get-orders-plan-pending
- https://www.bitget.com/api-doc/contract/plan/orders-plan-history
- https://www.bitget.com/api-doc/contract/plan/Plan-Sub-Orders
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from airflow_provider_bitget.sandbox.answers import Refusal
from airflow_provider_bitget.sandbox.orders import DEFAULT_PRICE, LIVE, PRICES
from airflow_provider_bitget.sandbox.parameters import Call
from airflow_provider_bitget.sandbox.plan_orders import (
    ENDED_PLAN_STATUSES,
    EXECUTED,
    OPENING_PLAN_TYPES,
    PLAN_CANCELLED,
    QUERIES,
    PlanOrder,
    history_row_of,
    pending_row_of,
)

PLAN_NOT_FOUND = "43025"
EVERY_STATUS = (LIVE, *ENDED_PLAN_STATUSES)


def orders_plan_pending(call: Call) -> dict[str, Any]:
    """Return a page of live plan orders, newest first.

    :param call: the request.
    """
    shown = (plan for plan in (as_shown(call, one) for one in _asked_for(call)) if plan.is_open)
    rows = [pending_row_of(plan) for plan in _page(call, shown)]
    rule = call.rules.plan_end_id
    if rows and (rule == "never" or (rule == "full_pages" and len(rows) < call.page_size())):
        # Recorded: a short page has no endId at all.
        return {"entrustedList": rows}
    return _with_end_id(rows)


def orders_plan_history(call: Call) -> dict[str, Any]:
    """Return a page of triggered and cancelled plan orders of the last 90 days, newest first.

    :param call: the request.
    """
    status = call.text("planStatus")
    if status not in ("", *ENDED_PLAN_STATUSES):
        raise Refusal("40017", "planStatus")
    statuses = (status,) if status else ENDED_PLAN_STATUSES
    ended = (plan for plan in _asked_for(call) if plan.status in statuses and is_known(call, plan))
    return _with_end_id([history_row_of(plan) for plan in _page(call, ended)])


def plan_sub_order(call: Call) -> list[dict[str, str]]:
    """Return the order that a trigger placed, or that it placed none; an empty list before any trigger.

    :param call: the request.
    """
    product_type = call.product_type()
    plan_type = call.choice("planType", OPENING_PLAN_TYPES)
    plan_id = call.text("planOrderId")
    if not plan_id:
        raise Refusal("40019", "planOrderId")
    plan = call.ledger.plans.find(plan_id)
    if plan is None or (plan.product_type, plan.plan_type) != (product_type, plan_type):
        raise Refusal(PLAN_NOT_FOUND)
    if plan.status in (LIVE, PLAN_CANCELLED) or not is_known(call, plan):
        return []
    child = call.book.find(plan.child_id) if plan.child_id else None
    limit = child is not None and child.order_type == "limit"
    return [
        {
            "orderId": plan.child_id,
            "price": PRICES.get(plan.symbol, DEFAULT_PRICE) if limit else "",
            "type": "limit" if limit else "market",
            "status": "success" if plan.status == EXECUTED else "fail",
        }
    ]


def _asked_for(call: Call) -> Iterable[PlanOrder]:
    """Return the plan orders that a list request asks for, in every state, newest first."""
    product_type = call.product_type()
    plan_types = QUERIES[call.choice("planType", QUERIES)]
    below = call.number("idLessThan")
    order_id, client_oid = call.text("orderId"), call.text("clientOid")
    wanted = None
    if order_id or client_oid:
        found = call.ledger.plans.find(*call.reference(call.parameters))
        wanted = "" if found is None else found.order_id
    return (
        plan
        for plan in call.ledger.plans.select(product_type, call.text("symbol"), plan_types, EVERY_STATUS)
        if (wanted is None or plan.order_id == wanted) and (below is None or int(plan.order_id) < below)
    )


def as_shown(call: Call, plan: PlanOrder) -> PlanOrder:
    """Return a plan order as a lagging book still shows it.

    :param call: the request.
    :param plan: a plan order in any state.
    """
    seconds = max((effect.options["seconds"] for effect in call.effects_of("lagging_book")), default=0)
    if plan.ended_at is not None and call.now - plan.ended_at < seconds:
        return plan.as_it_was()
    return plan


def is_known(call: Call, plan: PlanOrder) -> bool:
    """Return whether the history knows already how a plan order ended.

    :param call: the request.
    :param plan: a plan order in any state.
    """
    seconds = max((effect.options["seconds"] for effect in call.effects_of("late_history")), default=0)
    return plan.ended_at is not None and call.now - plan.ended_at >= seconds


def _page(call: Call, plans: Iterable[PlanOrder]) -> list[PlanOrder]:
    first, last = call.window()
    limit = call.page_size()
    return list(islice((plan for plan in plans if first <= plan.created_ms <= last), limit))


def _with_end_id(rows: list[dict[str, Any]]) -> dict[str, Any]:
    # Recorded: an empty list of plan orders is null, and so is the id to go on from.
    if not rows:
        return {"entrustedList": None, "endId": None}
    return {"entrustedList": rows, "endId": rows[-1]["orderId"]}
