# SPDX-License-Identifier: Apache-2.0
"""Reading the classic dialect's answers: rows of orders, plan orders and positions, and the entries of a write's lists.

Numbers are text; ``""`` and ``null`` stand for "no value"; lists may be ``null``. A row is handed on as it came, next
to what was understood of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from airflow_provider_bitget.api.client import Endpoint
from airflow_provider_bitget.api.envelope import read_code, whole_number
from airflow_provider_bitget.api.error_codes import ErrorCategory
from airflow_provider_bitget.api.exceptions import BitgetAmbiguousError
from airflow_provider_bitget.api.rows import (
    CloseItem,
    EndedOrder,
    EndedPlanOrder,
    ItemAnswer,
    KeyRights,
    OpenOrder,
    OpenPlanOrder,
    Position,
    Row,
)

HOLD_SIDES: Final = ("long", "short")

_RESTING: Final = frozenset({"live", "new", "init", "partially_filled"})
_ENDS: Final = {"filled": "filled", "canceled": "cancelled", "cancelled": "cancelled"}
_ENDS_OF_PLANS: Final = {
    "executed": "triggered",
    "fail_execute": "failed",
    "fail_trigger": "failed",
    "cancelled": "cancelled",
    "canceled": "cancelled",
}
# How a row's tradeSide begins in one-way mode, where reduceOnly tells the rest.
_ONE_WAY: Final = frozenset({"buy_single", "sell_single"})
_PLACED_NOTHING: Final = frozenset({"fail", "failed", "cancelled", "canceled"})
# The name of a right: three letters for what it is about, then reading ("r") or writing ("w").
_RIGHT: Final = re.compile(r"[a-z]{3}[rw]")
# Decimal takes more for a number: NaN, Infinity, a sign, digits of every script.
_AMOUNT: Final = re.compile(r"(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,2})?")


def unreadable(endpoint: Endpoint, reason: str) -> BitgetAmbiguousError:
    """Return the error of an answer that says nothing about what was asked."""
    return BitgetAmbiguousError(reason, category=ErrorCategory.AMBIGUOUS, endpoint=endpoint.path)


def rows_in(value: Any) -> list[Row]:
    """Return the mappings of a list; none where it is no list."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def text_of(value: Any) -> str:
    """Return a value as text, ``""`` for ``null``."""
    return "" if value is None else str(value)


def amount_of(value: Any) -> Decimal | None:
    """Return a size or a price, zero or more; ``None`` where it cannot be read."""
    text = text_of(value)
    return Decimal(text) if _AMOUNT.fullmatch(text) else None


def open_order(row: Row) -> OpenOrder | None:
    """Return the order of a row of the open orders; ``None`` if the row names none."""
    order_id, client_oid = _ids(row)
    if not order_id and not client_oid:
        return None
    return OpenOrder(
        order_id,
        client_oid,
        _symbol(row),
        row,
        margin_coin=_margin_coin(row),
        side=text_of(row.get("side")),
        size=text_of(row.get("size")),
        price=text_of(row.get("price")),
        placed=_placed(row),
        may_close=_may_close(row),
    )


def resting_order(row: Row) -> OpenOrder | None:
    """Return the order of a row in any state; ``None`` unless it rests on the book."""
    return open_order(row) if _state(row) in _RESTING else None


def ended_order(row: Row) -> EndedOrder | None:
    """Return the order of a row in any state; ``None`` unless it has ended."""
    state = _ENDS.get(_state(row))
    return None if state is None else EndedOrder(*_ids(row), _symbol(row), state, _updated(row))


def open_plan_order(row: Row) -> OpenPlanOrder | None:
    """Return the plan order of a row of the waiting ones; ``None`` if the row names none."""
    order_id, client_oid = _ids(row)
    if not order_id and not client_oid:
        return None
    # In one-way mode posSide is "net", and side and tradeSide speak of the order, not of the position.
    sides = (text_of(row.get(name)).lower() for name in ("posSide", "holdSide"))
    return OpenPlanOrder(
        order_id,
        client_oid,
        _symbol(row),
        text_of(row.get("planType")),
        next((side for side in sides if side in HOLD_SIDES), ""),
        row,
        margin_coin=_margin_coin(row),
        side=text_of(row.get("side")),
        size=text_of(row.get("size")),
        price=text_of(row.get("price")),
        trigger_price=text_of(row.get("triggerPrice")),
        placed=_placed(row),
    )


def ended_plan_order(row: Row) -> EndedPlanOrder | None:
    """Return the plan order of a row of the ended ones; ``None`` if the row does not tell how it ended."""
    state = _ENDS_OF_PLANS.get(text_of(row.get("planStatus")).lower())
    if state is None:
        return None
    child_id = text_of(row.get("executeOrderId"))
    plan_type = text_of(row.get("planType"))
    return EndedPlanOrder(*_ids(row), _symbol(row), plan_type, state, child_id, _updated(row))


def child_ids(data: Any, endpoint: Endpoint) -> list[str]:
    """Return the ids of the orders that a trigger placed.

    :raises BitgetAmbiguousError: the shape is not the recorded one, or an order that was placed has no id.
    """
    if data is None:
        return []
    if not isinstance(data, list):
        raise unreadable(endpoint, "the answer's data is not a list")
    found = []
    for entry in data:
        row: Row = entry if isinstance(entry, dict) else {}
        if order_id := text_of(row.get("orderId")):
            found.append(order_id)
        elif text_of(row.get("status")).lower() not in _PLACED_NOTHING:
            raise unreadable(endpoint, "an order that the trigger placed carries no id")
    return found


def positions_in(data: Any, endpoint: Endpoint) -> list[Position]:
    """Return the positions of an answer, those of size zero left out.

    :raises BitgetAmbiguousError: the shape is not the recorded one, or a row cannot be read: it might be any position.
    """
    if not isinstance(data, list):
        raise unreadable(endpoint, "the answer's data is not a list")
    found = []
    for entry in data:
        row: Row = entry if isinstance(entry, dict) else {}
        size = amount_of(row.get("total"))
        symbol, hold_side = _symbol(row), text_of(row.get("holdSide")).lower()
        if size == 0:
            continue
        if size is None or not symbol or hold_side not in HOLD_SIDES:
            raise unreadable(endpoint, "a position's symbol, holdSide or total cannot be read")
        found.append(
            Position(
                symbol=symbol,
                hold_side=hold_side,
                size=size,
                margin_coin=_margin_coin(row),
                # An unknown mode is taken for hedge mode: a close that names the side spares the other one there.
                hedge_mode=text_of(row.get("posMode")).lower() != "one_way_mode",
                mark_price=amount_of(row.get("markPrice")),
                row=row,
            )
        )
    return found


def item_answer(row: Row, redact: Callable[[object], str]) -> ItemAnswer:
    """Return what an entry of successList or failureList says about an order.

    :param redact: makes text from outside fit for a message.
    """
    return ItemAnswer(*_ids(row), *_refusal(row, redact))


def close_item(row: Row, redact: Callable[[object], str]) -> CloseItem:
    """Return what an entry of successList or failureList says about a position.

    :param redact: makes text from outside fit for a message.
    """
    return CloseItem(_symbol(row), text_of(row.get("orderId")), *_refusal(row, redact))


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


def _ids(row: Row) -> tuple[str, str]:
    return text_of(row.get("orderId")), text_of(row.get("clientOid"))


def _symbol(row: Row) -> str:
    return text_of(row.get("symbol")).upper()


def _margin_coin(row: Row) -> str:
    return text_of(row.get("marginCoin")).upper()


def _state(row: Row) -> str:
    """Return the row's state; the detail calls it ``state``, the lists ``status``."""
    return text_of(row.get("state") or row.get("status")).lower()


def _may_close(row: Row) -> bool:
    """Whether an open order closes a position, or cannot be told from one that does.

    In hedge mode ``tradeSide`` says ``open`` or ``close``, or names a forced close; in one-way mode it says
    ``buy_single`` or ``sell_single``, and ``reduceOnly`` says the rest
    (https://www.bitget.com/api-doc/contract/trade/Get-Orders-Pending). An order at market that is still live is a close
    on its way unless it says that it opens.
    """
    trade_side, reduce_only, order_type = (
        text_of(row.get(name)).lower() for name in ("tradeSide", "reduceOnly", "orderType")
    )
    if reduce_only == "yes":
        return True
    if trade_side == "open":
        return False
    return not (trade_side in _ONE_WAY and reduce_only == "no" and order_type == "limit")


def _placed(row: Row) -> float:
    return whole_number(row.get("cTime")) / 1000


def _updated(row: Row) -> float:
    return whole_number(row.get("uTime")) / 1000
