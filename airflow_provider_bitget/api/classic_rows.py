# SPDX-License-Identifier: Apache-2.0
"""Reading the classic dialect's answers: rows of orders and plan orders, and the entries of a write's lists.

Numbers are text; ``""`` and ``null`` stand for "no value"; lists may be ``null``. A row is handed on as it came, next
to what was understood of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from airflow_provider_bitget.api import order_rows
from airflow_provider_bitget.api.client import Endpoint
from airflow_provider_bitget.api.envelope import read_code
from airflow_provider_bitget.api.fields import HOLD_SIDES, ids_of, lower_of, seconds_of, text_of, unreadable, upper_of
from airflow_provider_bitget.api.rows import (
    CloseItem,
    EndedPlanOrder,
    ItemAnswer,
    KeyRights,
    OpenOrder,
    OpenPlanOrder,
    Row,
)

_ENDS_OF_PLANS: Final = {
    "executed": "triggered",
    "fail_execute": "failed",
    "fail_trigger": "failed",
    "cancelled": "cancelled",
    "canceled": "cancelled",
}
# The name of a right: three letters for what it is about, then reading ("r") or writing ("w").
_RIGHT: Final = re.compile(r"[a-z]{3}[rw]")


def open_order(row: Row) -> OpenOrder | None:
    """Return the order of a row of the open orders; ``None`` if the row names none."""
    return order_rows.open_order(row, margin_coin=upper_of(row, "marginCoin"), may_close=_may_close(row))


def resting_order(row: Row) -> OpenOrder | None:
    """Return the order of a row in any state; ``None`` unless it rests on the book."""
    return open_order(row) if order_rows.is_resting(row) else None


def open_plan_order(row: Row) -> OpenPlanOrder | None:
    """Return the plan order of a row of the waiting ones; ``None`` if the row names none."""
    order_id, client_oid = ids_of(row)
    if not order_id and not client_oid:
        return None
    # In one-way mode posSide is "net", and side and tradeSide speak of the order, not of the position.
    sides = (lower_of(row, name) for name in ("posSide", "holdSide"))
    return OpenPlanOrder(
        order_id,
        client_oid,
        upper_of(row, "symbol"),
        text_of(row.get("planType")),
        next((side for side in sides if side in HOLD_SIDES), ""),
        row,
        margin_coin=upper_of(row, "marginCoin"),
        side=text_of(row.get("side")),
        size=text_of(row.get("size")),
        price=text_of(row.get("price")),
        trigger_price=text_of(row.get("triggerPrice")),
        placed=seconds_of(row, "cTime"),
    )


def ended_plan_order(row: Row) -> EndedPlanOrder | None:
    """Return the plan order of a row of the ended ones; ``None`` if the row does not tell how it ended."""
    state = _ENDS_OF_PLANS.get(lower_of(row, "planStatus"))
    if state is None:
        return None
    child_id = text_of(row.get("executeOrderId"))
    plan_type = text_of(row.get("planType"))
    return EndedPlanOrder(*ids_of(row), upper_of(row, "symbol"), plan_type, state, child_id, seconds_of(row, "uTime"))


def child_ids(data: Any, endpoint: Endpoint) -> list[str]:
    """Return the ids of the orders that a trigger placed.

    :raises BitgetAmbiguousError: the shape is not the recorded one, or an order that was placed has no id.
    """
    if data is None:
        return []
    if not isinstance(data, list):
        raise unreadable(endpoint, "the answer's data is not a list")
    return order_rows.placed_ids(data, "orderId", endpoint)


def item_answer(row: Row, redact: Callable[[object], str]) -> ItemAnswer:
    """Return what an entry of successList or failureList says about an order.

    :param redact: makes text from outside fit for a message.
    """
    return ItemAnswer(*ids_of(row), *_refusal(row, redact))


def close_item(row: Row, redact: Callable[[object], str]) -> CloseItem:
    """Return what an entry of successList or failureList says about a position.

    :param redact: makes text from outside fit for a message.
    """
    return CloseItem(upper_of(row, "symbol"), text_of(row.get("orderId")), *_refusal(row, redact))


def key_rights(data: Any) -> KeyRights:
    """Return what the list of a key's rights says; ``coow`` is: futures orders, write, ``wwow``: withdrawal."""
    names = data.get("authorities") if isinstance(data, dict) else None
    if not isinstance(names, list) or not names:
        return KeyRights()
    rights = {text_of(name).lower() for name in names}
    if not any(_RIGHT.fullmatch(name) for name in rights):
        # An older list speaks of "trade" and "readonly", and says nothing of futures or withdrawals.
        return KeyRights()
    return KeyRights(may_trade="coow" in rights, may_withdraw="wwow" in rights)


def _refusal(row: Row, redact: Callable[[object], str]) -> tuple[str, str]:
    return read_code(row.get("errorCode"), redact), redact(row.get("errorMsg") or "")


def _may_close(row: Row) -> bool:
    """Whether an open order closes a position, or cannot be told from one that does.

    In hedge mode ``tradeSide`` says ``open`` or ``close``, or names a forced close; in one-way mode it says
    ``buy_single`` or ``sell_single``, and ``reduceOnly`` says the rest
    (https://www.bitget.com/api-doc/contract/trade/Get-Orders-Pending). An order at market that is still live is a close
    on its way unless it says that it opens.
    """
    trade_side, reduce_only, order_type = (lower_of(row, name) for name in ("tradeSide", "reduceOnly", "orderType"))
    if reduce_only == "yes":
        return True
    if trade_side == "open":
        return False
    return not (trade_side in order_rows.ONE_WAY_TRADE_SIDES and reduce_only == "no" and order_type == "limit")
