# SPDX-License-Identifier: Apache-2.0
"""A plan order (trigger, trailing, take-profit or stop-loss), and the rows by which the exchange describes it.

- https://www.bitget.com/api-doc/contract/plan/get-orders-plan-pending
- https://www.bitget.com/api-doc/contract/plan/orders-plan-history
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from airflow_provider_bitget.sandbox.amounts import text_of_amount
from airflow_provider_bitget.sandbox.orders import (
    DEFAULT_PRICE,
    LIVE,
    NET,
    PRICES,
    SIZE,
    margin_coin_of,
    mode_of,
    trade_side_of,
)

NORMAL_PLAN = "normal_plan"
TRACK_PLAN = "track_plan"
MOVING_PLAN = "moving_plan"
OPENING_PLAN_TYPES = (NORMAL_PLAN, TRACK_PLAN)
PROTECTIVE_PLAN_TYPES = ("profit_plan", "loss_plan", MOVING_PLAN, "pos_profit", "pos_loss")
PLAN_TYPES = OPENING_PLAN_TYPES + PROTECTIVE_PLAN_TYPES

# What the lists are asked by; the rows name the concrete type.
QUERIES: Mapping[str, tuple[str, ...]] = {
    NORMAL_PLAN: (NORMAL_PLAN,),
    TRACK_PLAN: (TRACK_PLAN,),
    "profit_loss": PROTECTIVE_PLAN_TYPES,
}

# The plan pages write "cancelled" where the pages of orders write "canceled".
EXECUTED = "executed"
FAILED = "fail_execute"
PLAN_CANCELLED = "cancelled"
ENDED_PLAN_STATUSES = (EXECUTED, FAILED, PLAN_CANCELLED)

OUTCOMES = ("rests", "fills", "fails")
TRIGGER_RATIOS: Mapping[str, Decimal] = {
    "profit_plan": Decimal("1.1"),
    "pos_profit": Decimal("1.1"),
    "loss_plan": Decimal("0.9"),
    "pos_loss": Decimal("0.9"),
}


@dataclass(frozen=True, slots=True)
class PlanOrder:
    """One plan order of an account.

    :param order_id: 19 digits.
    :param client_oid: the caller's own id, empty where there is none.
    :param symbol: such as ``BTCUSDT``.
    :param product_type: such as ``USDT-FUTURES``.
    :param plan_type: one of :data:`PLAN_TYPES`.
    :param side: ``buy`` or ``sell``.
    :param hold_side: the side of the position that it opens or protects, ``long`` or ``short``.
    :param pos_side: the same in hedge mode, ``net`` in one-way mode.
    :param created_ms: when it was placed, milliseconds since 1970-01-01 UTC.
    :param updated_ms: when it last changed, milliseconds since 1970-01-01 UTC.
    :param size: in units of the base coin; ``0`` is the whole position (``pos_profit`` and ``pos_loss``).
    :param status: ``live``, ``executed``, ``fail_execute`` or ``cancelled``.
    :param child_id: the order that its trigger placed, empty where there is none.
    :param ended_at: when it triggered or was cancelled, seconds of the monotonic clock; None while live.
    :param both: whether one order holds a take-profit and a stop-loss, as it can on a unified account.
    """

    order_id: str
    client_oid: str
    symbol: str
    product_type: str
    plan_type: str
    side: str
    hold_side: str
    pos_side: str
    created_ms: int
    updated_ms: int
    size: str = SIZE
    status: str = LIVE
    child_id: str = ""
    ended_at: float | None = None
    both: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it still waits for its trigger."""
        return self.status == LIVE

    @property
    def closing(self) -> bool:
        """Whether it protects a position instead of opening one."""
        return self.plan_type in PROTECTIVE_PLAN_TYPES

    def ended(self, status: str, now: float, now_ms: int, child_id: str = "") -> PlanOrder:
        """Return the plan order after its end.

        :param status: ``executed``, ``fail_execute`` or ``cancelled``.
        :param now: seconds of the monotonic clock.
        :param now_ms: milliseconds since 1970-01-01 UTC.
        :param child_id: the order that its trigger placed.
        """
        return replace(self, status=status, updated_ms=now_ms, ended_at=now, child_id=child_id)

    def as_it_was(self) -> PlanOrder:
        """Return an ended plan order as it looked while it was live."""
        return replace(self, status=LIVE, child_id="")


def pending_row_of(plan: PlanOrder) -> dict[str, Any]:
    """Return the row of a live plan order; numbers are strings, ``""`` is "no value".

    :param plan: the plan order.
    """
    return {**_row_of(plan), "orderSource": _source_of(plan)}


def history_row_of(plan: PlanOrder) -> dict[str, Any]:
    """Return the row of an ended plan order, which names the order that the trigger placed.

    :param plan: the plan order.
    """
    return {**_row_of(plan), "executeOrderId": plan.child_id, "baseVolume": "", "priceAvg": ""}


def plan_book_row_of(plan: PlanOrder) -> dict[str, Any]:
    """Return a plan order's row for the sandbox's own views, in any state and with the product type.

    :param plan: the plan order.
    """
    return {**pending_row_of(plan), "executeOrderId": plan.child_id, "productType": plan.product_type}


def _row_of(plan: PlanOrder) -> dict[str, Any]:
    price = PRICES.get(plan.symbol, DEFAULT_PRICE)
    limit = plan.plan_type == NORMAL_PLAN
    trailing = plan.plan_type in (TRACK_PLAN, MOVING_PLAN)
    trigger = text_of_amount(Decimal(price) * TRIGGER_RATIOS.get(plan.plan_type, Decimal(1)))
    return {
        "planType": plan.plan_type,
        "symbol": plan.symbol,
        "size": plan.size,
        "orderId": plan.order_id,
        "clientOid": plan.client_oid,
        "price": price if limit else "",
        "executePrice": price if limit else "0",
        "callbackRatio": "1" if trailing else "",
        "triggerPrice": trigger,
        "triggerType": "mark_price",
        "planStatus": plan.status,
        "side": plan.side,
        "posSide": plan.pos_side,
        "marginCoin": margin_coin_of(plan.product_type, plan.symbol),
        "marginMode": "crossed",
        "enterPointSource": "API",
        "tradeSide": trade_side_of(plan.side, plan.pos_side, closing=plan.closing),
        "posMode": mode_of(plan.pos_side),
        "orderType": "limit" if limit else "market",
        "cTime": str(plan.created_ms),
        "uTime": str(plan.updated_ms),
        "stopSurplusExecutePrice": "",
        "stopSurplusTriggerPrice": "",
        "stopSurplusTriggerType": "",
        "stopLossExecutePrice": "",
        "stopLossTriggerPrice": "",
        "stopLossTriggerType": "",
    }


def _source_of(plan: PlanOrder) -> str:
    sources = {
        "profit_plan": "profit_market",
        "loss_plan": "loss_market",
        "pos_profit": "pos_profit_market",
        "pos_loss": "pos_loss_market",
    }
    return sources.get(plan.plan_type, "normal" if plan.pos_side == NET or not plan.closing else "market")
