# SPDX-License-Identifier: Apache-2.0
"""The endpoints that cancel orders of a unified account; their answers say item by item how it went.

- https://www.bitget.com/api-doc/uta/trade/Cancel-Batch
- https://www.bitget.com/api-doc/uta/trade/Cancel-All-Order
- https://www.bitget.com/api-doc/uta/trade/Cancel-Order
"""

from __future__ import annotations

from typing import Any

from airflow_provider_bitget.sandbox.answers import Refusal
from airflow_provider_bitget.sandbox.cancels import cancel_targets, open_targets, refuse_unknown, target_of
from airflow_provider_bitget.sandbox.outcomes import items_of
from airflow_provider_bitget.sandbox.parameters import Call

MAX_UNIFIED_BATCH = 20


def cancel_batch(call: Call) -> list[dict[str, str]]:
    """Cancel the listed orders: the body is an array, and each item names its own symbol and their one category.

    :param call: the request.
    """
    parts = call.parts()
    if len(parts) > MAX_UNIFIED_BATCH:
        raise Refusal(call.rules.too_many_code, "size")
    if len({part.category() for part in parts}) > 1:
        raise Refusal(call.rules.too_many_code, "category")
    targets = [
        target_of(call, part.category(), part.required_symbol(), *part.reference(part.parameters)) for part in parts
    ]
    refuse_unknown(call, targets)
    return items_of(call, cancel_targets(call, targets))


def cancel_symbol_order(call: Call) -> dict[str, Any]:
    """Cancel every open order of a symbol, or of the whole category where no symbol is named.

    :param call: the request.
    """
    category, symbol = call.category(), call.text("symbol")
    call.check_maintenance(symbol)
    targets = open_targets(call, category, symbol)
    if not targets and call.rules.nothing_to_cancel == "25204":
        raise Refusal("25204")
    if not targets and call.rules.nothing_to_cancel == "null":
        return {"list": None}
    return {"list": items_of(call, cancel_targets(call, targets))}


def cancel_order(call: Call) -> dict[str, str] | None:
    """Cancel one order, by its id or its clientOid alone.

    :param call: the request.
    """
    target = target_of(call, call.category(""), "", *call.reference(call.parameters))
    outcomes = cancel_targets(call, [target])
    if not outcomes:
        return None
    outcome = outcomes[0]
    if not outcome.done:
        raise Refusal(outcome.code or call.gone_code, text=outcome.message)
    return outcome.item("")
