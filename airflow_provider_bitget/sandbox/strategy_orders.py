# SPDX-License-Identifier: Apache-2.0
"""The rows of strategy orders: what a unified account calls its plan orders.

- https://www.bitget.com/api-doc/uta/strategy/Get-Unfilled-Strategy-Orders
- https://www.bitget.com/api-doc/uta/strategy/Get-History-Strategy-Orders
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from airflow_provider_bitget.sandbox.amounts import text_of_amount
from airflow_provider_bitget.sandbox.orders import DEFAULT_PRICE, LIVE, NET, PRICES, Order
from airflow_provider_bitget.sandbox.plan_orders import (
    EXECUTED,
    FAILED,
    NORMAL_PLAN,
    OPENING_PLAN_TYPES,
    PLAN_CANCELLED,
    PROTECTIVE_PLAN_TYPES,
    TRIGGER_RATIOS,
    PlanOrder,
)
from airflow_provider_bitget.sandbox.rules import Rules
from airflow_provider_bitget.sandbox.unified_orders import unified_row_of, unified_side_of

TPSL = "tpsl"
TRIGGER = "trigger"
STRATEGY_TYPES: Mapping[str, tuple[str, ...]] = {TPSL: PROTECTIVE_PLAN_TYPES, TRIGGER: OPENING_PLAN_TYPES}

_STATUSES = {LIVE: "pending", EXECUTED: "success", FAILED: "failed", PLAN_CANCELLED: "cancelled"}
_TAKE_PROFITS = ("profit_plan", "pos_profit")
_AS_IN_ORDERS = ("category", "symbol", "price", "qty", "cumExecQty", "avgPrice", "side", "posSide")
_TIMES = ("createdTime", "updatedTime")


def strategy_row_of(plan: PlanOrder, rules: Rules) -> dict[str, Any]:
    """Return a strategy order's row with the fields of recorded answers; ``""`` is "no value".

    :param plan: the plan order.
    :param rules: how the exchange behaves.
    """
    return {
        "orderId": plan.order_id,
        "clientOid": plan.client_oid,
        "category": plan.product_type,
        "symbol": plan.symbol,
        "qty": plan.size,
        "posSide": plan.hold_side,
        **({"status": _STATUSES[plan.status]} if rules.strategy_status else {}),
        **(_details_of(plan) if rules.strategy_details else {}),
        **_profit_and_loss_of(plan),
        **_trigger_of(plan),
        "createdTime": str(plan.created_ms),
        "updatedTime": str(plan.updated_ms),
    }


def sub_order_rows_of(plan: PlanOrder, child: Order | None, rules: Rules) -> list[dict[str, str]]:
    """Return the rows of what a strategy order placed: one order, or none that failed and so has no id.

    :param plan: the strategy order.
    :param child: the order that its trigger placed.
    :param rules: how the exchange behaves.
    """
    if child is not None:
        row = unified_row_of(child, rules)
        return [
            {
                "subOrderId": child.order_id,
                "subClientOid": child.client_oid,
                **{name: row[name] for name in _AS_IN_ORDERS},
                "status": row["orderStatus"],
                **{name: row[name] for name in _TIMES},
            }
        ]
    if plan.status != FAILED:
        return []
    return [
        {
            "subOrderId": "",
            "subClientOid": "",
            "category": plan.product_type,
            "symbol": plan.symbol,
            "price": "0",
            "qty": plan.size,
            "cumExecQty": "0",
            "avgPrice": "0",
            "side": unified_side_of(plan.hold_side, closing=plan.closing),
            "posSide": plan.hold_side,
            "status": "failed",
            **dict.fromkeys(_TIMES, str(plan.updated_ms)),
        }
    ]


def _details_of(plan: PlanOrder) -> dict[str, str]:
    return {
        "type": TPSL if plan.closing else TRIGGER,
        "side": unified_side_of(plan.hold_side, closing=plan.closing),
        "reduceOnly": "YES" if plan.closing and plan.pos_side == NET else "NO",
    }


def _profit_and_loss_of(plan: PlanOrder) -> dict[str, str]:
    """Return what a tpsl order waits for: its take-profit, its stop-loss, or both."""
    profit = plan.both or plan.plan_type in _TAKE_PROFITS
    loss = plan.both or (plan.closing and plan.plan_type not in _TAKE_PROFITS)
    return {
        "tpTriggerBy": "mark" if profit else "",
        "slTriggerBy": "mark" if loss else "",
        "takeProfit": _price_of(plan, TRIGGER_RATIOS["profit_plan"]) if profit else "",
        "stopLoss": _price_of(plan, TRIGGER_RATIOS["loss_plan"]) if loss else "",
        "tpOrderType": "market" if profit else "",
        "slOrderType": "market" if loss else "",
        "tpLimitPrice": "",
        "slLimitPrice": "",
    }


def _trigger_of(plan: PlanOrder) -> dict[str, str]:
    """Return what a trigger order waits for, and what it places then."""
    price = "" if plan.closing else _price_of(plan, Decimal(1))
    limit = plan.plan_type == NORMAL_PLAN
    kind = "limit" if limit else "market"
    return {
        "triggerBy": "" if plan.closing else "mark",
        "triggerPrice": price,
        "triggerOrderType": "" if plan.closing else kind,
        "triggerOrderPrice": price if limit else "",
    }


def _price_of(plan: PlanOrder, ratio: Decimal) -> str:
    return text_of_amount(Decimal(PRICES.get(plan.symbol, DEFAULT_PRICE)) * ratio)
