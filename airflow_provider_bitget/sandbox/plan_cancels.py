# SPDX-License-Identifier: Apache-2.0
"""The endpoint that cancels plan orders: https://www.bitget.com/api-doc/contract/plan/Cancel-Plan-Order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_provider_bitget.sandbox.answers import Refusal
from airflow_provider_bitget.sandbox.cancels import IN_MAINTENANCE, MAX_BATCH
from airflow_provider_bitget.sandbox.faults import Effect
from airflow_provider_bitget.sandbox.limits import ROUNDING
from airflow_provider_bitget.sandbox.orders import LIVE
from airflow_provider_bitget.sandbox.outcomes import Outcome, failure, lists_of, outcomes_of, takes_effect
from airflow_provider_bitget.sandbox.parameters import Call
from airflow_provider_bitget.sandbox.plan_orders import (
    MOVING_PLAN,
    NORMAL_PLAN,
    PLAN_CANCELLED,
    PLAN_TYPES,
    TRACK_PLAN,
    PlanOrder,
)

# The ids that were sent, and the plan order, None where the account has no such one in the request's scope.
Target = tuple[str, str, PlanOrder | None]


def cancel_plan_order(call: Call) -> dict[str, Any]:
    """Cancel the listed plan orders; without a list, every one of that type in the symbol or product type.

    A plan order of another type than the request's stands in neither list and stays (recorded).

    :param call: the request.
    """
    product_type = call.product_type()
    call.check_margin_coin()
    plan_types = _cancelled_as(call, call.choice("planType", PLAN_TYPES, NORMAL_PLAN))
    listed = call.parameters.get("orderIdList")
    if listed is not None and not isinstance(listed, list):
        raise Refusal("40017", "orderIdList")
    if not listed:
        return _cancel_scope(call, product_type, plan_types)
    symbol = call.required_symbol("400172")
    if len(listed) > MAX_BATCH:
        raise Refusal("40912")
    references = [call.reference(item) for item in listed]
    call.check_maintenance(symbol)
    targets = [_target(call, product_type, symbol, *reference) for reference in references]
    return lists_of(cancel_plans(call, [one for one in targets if one[2] is None or one[2].plan_type in plan_types]))


def _cancelled_as(call: Call, plan_type: str) -> tuple[str, ...]:
    """Return the concrete types that a cancel with a planType reaches."""
    if call.rules.cancel_track_plan == "accept" or plan_type not in (TRACK_PLAN, MOVING_PLAN):
        return (plan_type,)
    return () if plan_type == TRACK_PLAN else (TRACK_PLAN, MOVING_PLAN)


def _cancel_scope(call: Call, product_type: str, plan_types: Sequence[str]) -> dict[str, Any]:
    symbol = call.text("symbol")
    call.check_maintenance(symbol)
    plans = list(call.ledger.plans.select(product_type, symbol, plan_types, (LIVE,)))
    if not plans:
        raise Refusal(call.rules.no_plan_code)
    return lists_of(cancel_plans(call, [(plan.order_id, plan.client_oid, plan) for plan in plans]))


def _target(call: Call, product_type: str, symbol: str, order_id: str, client_oid: str) -> Target:
    plan = call.ledger.plans.find(order_id, client_oid)
    if plan is None or (plan.product_type, plan.symbol) != (product_type, symbol):
        return order_id, client_oid, None
    return plan.order_id, plan.client_oid, plan


def cancel_plans(call: Call, targets: Sequence[Target]) -> list[Outcome]:
    """Cancel plan orders as far as the faults allow, and return what the answer says about them.

    :param call: the request.
    :param targets: the plan orders that it wants cancelled.
    """
    # The page of classic accounts knows no errorCode here.
    coded = call.request.unified

    def act(place: int, name: str, effect: Effect | None) -> Outcome:
        order_id, client_oid, plan = targets[place]
        code, message = _cancel_one(call, plan, name, effect)
        if code is not None or message is not None:
            return failure(call, (order_id, client_oid), code, message, coded=coded)
        return Outcome(order_id, client_oid, done=True)

    return outcomes_of(call, [target[:2] for target in targets], act, coded=coded)


def _cancel_one(
    call: Call, target: PlanOrder | None, name: str, effect: Effect | None
) -> tuple[str | None, str | None]:
    """Cancel a plan order and return why not, as a code and a text; None twice where it is cancelled."""
    plans = call.ledger.plans
    plan = None if target is None else plans.find(target.order_id)
    if plan is None:
        return call.gone_plan_code, None
    if call.rules.cancel_too_often and call.now - plans.last_cancel(plan) < 1.0 - ROUNDING:
        return call.too_often_code, None
    plans.note_cancel(plan, call.now)
    if not plan.is_open:
        return call.gone_plan_code, None
    if plan.symbol in call.maintenance:
        return IN_MAINTENANCE, None
    if name == "refuse_orders" and effect is not None:
        return effect.options["code"] or "40015", effect.options["msg"]
    if name == "fill_while_cancelling":
        call.ledger.trigger(plan, call.rules.triggered_child, call.now, call.now_ms)
        return call.gone_plan_code, None
    if takes_effect(name, effect):
        plans.add(plan.ended(PLAN_CANCELLED, call.now, call.now_ms))
    return None, None
