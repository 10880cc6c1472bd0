# SPDX-License-Identifier: Apache-2.0
"""The endpoint that closes positions of a unified account: https://www.bitget.com/api-doc/uta/trade/Close-All-Positions."""

from __future__ import annotations

from typing import Any

from airflow_provider_bitget.sandbox.closes import close_scope
from airflow_provider_bitget.sandbox.orders import HOLD_SIDES
from airflow_provider_bitget.sandbox.outcomes import items_of
from airflow_provider_bitget.sandbox.parameters import Call

NO_POSITION = "25227"


def close_positions(call: Call) -> dict[str, Any]:
    """Close a symbol's positions, or every position of the category; no item of the answer names its symbol.

    ``posSide`` chooses a side in hedge mode and is ignored for positions in one-way mode.

    :param call: the request.
    """
    outcomes = close_scope(call, call.category(), call.choice("posSide", HOLD_SIDES, ""), NO_POSITION)
    return {"list": items_of(call, outcomes)}
