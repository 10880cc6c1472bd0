# SPDX-License-Identifier: Apache-2.0
"""The endpoint that cancels a strategy order: https://www.bitget.com/api-doc/uta/strategy/Cancel-Strategy-Order."""

from __future__ import annotations

from airflow_provider_bitget.sandbox.answers import Refusal
from airflow_provider_bitget.sandbox.parameters import Call
from airflow_provider_bitget.sandbox.plan_cancels import cancel_plans


def cancel_strategy_order(call: Call) -> None:
    """Cancel one strategy order; the answer's data is null, and names it not even where it succeeds.

    :param call: the request.
    """
    order_id, client_oid = call.reference(call.parameters)
    plan = call.ledger.plans.find(order_id, client_oid)
    ids = (order_id, client_oid) if plan is None else (plan.order_id, plan.client_oid)
    for outcome in cancel_plans(call, [(*ids, plan)])[:1]:
        if not outcome.done:
            raise Refusal(outcome.code or call.gone_plan_code, text=outcome.message)
