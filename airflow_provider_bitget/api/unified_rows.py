# SPDX-License-Identifier: Apache-2.0
"""Reading the unified dialect's answers, and handing their rows on under the classic API's names.

What the classic API has a name for goes by that, so that one DAG reads rows of both kinds of account; the rest stays as
it came. Orders and strategy orders name no margin coin; positions do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from airflow_provider_bitget.api import order_rows
from airflow_provider_bitget.api.envelope import read_code
from airflow_provider_bitget.api.error_codes import SUCCESS_CODE
from airflow_provider_bitget.api.fields import HOLD_SIDES, amount_of, ids_of, lower_of, seconds_of, text_of, upper_of
from airflow_provider_bitget.api.rows import (
    OPENING_PLAN_TYPES,
    CloseItem,
    EndedOrder,
    EndedPlanOrder,
    ItemAnswer,
    KeyRights,
    OpenOrder,
    OpenPlanOrder,
    Row,
)

MARGIN_COINS: Final[Mapping[str, str]] = {"USDT-FUTURES": "USDT", "COIN-FUTURES": "", "USDC-FUTURES": "USDC"}
"""The product types of a unified account, and the coin that margins their orders; ``""`` where the symbol decides."""

_NAMES: Final = {
    "category": "productType",
    "qty": "size",
    "cumExecQty": "baseVolume",
    "cumExecValue": "quoteVolume",
    "timeInForce": "force",
    "holdMode": "posMode",
    "createdTime": "cTime",
    "updatedTime": "uTime",
}
_NAMES_OF_ORDERS: Final = {**_NAMES, "orderStatus": "status", "avgPrice": "priceAvg"}
_NAMES_OF_STRATEGIES: Final = {
    **_NAMES,
    "status": "planStatus",
    "triggerOrderPrice": "executePrice",
    "triggerOrderType": "orderType",
}
_NAMES_OF_POSITIONS: Final = {
    **_NAMES,
    "posSide": "holdSide",
    "frozen": "locked",
    "avgPrice": "openPriceAvg",
    "positionBalance": "marginSize",
    "curRealisedPnl": "achievedProfits",
    "unrealisedPnl": "unrealizedPL",
    "mmr": "keepMarginRate",
    "totalFunding": "totalFee",
}

# Which field of a row only strategy orders of a type have.
_PARAMETERS: Final = {
    "oco": "ocoParams",
    "trailing_stop": "trailingStopParams",
    "iceberg": "icebergParams",
    "twap": "twapParams",
}
_ENDS_OF_STRATEGIES: Final = {
    "success": "triggered",
    "triggered": "triggered",
    "failed": "failed",
    "fail": "failed",
    "cancelled": "cancelled",
    "canceled": "cancelled",
}
_OPENING_SIDES: Final = frozenset({("buy", "long"), ("sell", "short")})
_SUCCESSES: Final = frozenset({"", "0", "200", SUCCESS_CODE})
_SAY_SUCCESS: Final = frozenset({"", "success", "successful", "ok"})
_READ_ONLY: Final = frozenset({"readonly", "read"})


def is_of(row: Row, product_type: str) -> bool:
    """Whether a row is of a product type; one that does not say counts as such."""
    return upper_of(row, "category") in ("", product_type.upper())


# --------------------------------------------------------------------------------------------------------------- orders


def open_order(row: Row, product_type: str) -> OpenOrder | None:
    """Return the order of a row of the open orders; ``None`` if the row names none."""
    order = _renamed(row, _NAMES_OF_ORDERS)
    if lower_of(order, "status") == "new":
        order["status"] = "live"
    return order_rows.open_order(order, margin_coin=MARGIN_COINS.get(product_type, ""), may_close=_may_close(order))


def order_of(row: Row, product_type: str) -> EndedOrder | OpenOrder | None:
    """Return the order of a row in any state; ``None`` if it neither rests nor has ended."""
    order = _renamed(row, _NAMES_OF_ORDERS)
    if order_rows.is_resting(order):
        return open_order(row, product_type)
    return order_rows.ended_order(order)


def ended_order(row: Row) -> EndedOrder | None:
    """Return the order of a row in any state; ``None`` unless it has ended."""
    return order_rows.ended_order(_renamed(row, _NAMES_OF_ORDERS))


def _may_close(order: Row) -> bool:
    """Whether an open order closes a position, or cannot be told from one that does.

    In hedge mode side and position side tell: buying long and selling short open
    (https://www.bitget.com/api-doc/uta/strategy/Place-Strategy-Order). In one-way mode ``reduceOnly`` does, but an
    order at market that is still live is a close on its way.
    """
    trade_side, reduce_only, mode = (lower_of(order, name) for name in ("tradeSide", "reduceOnly", "posMode"))
    if reduce_only == "yes":
        return True
    if trade_side == "open":
        return False
    is_one_way = mode == "one_way_mode" or trade_side in order_rows.ONE_WAY_TRADE_SIDES
    if trade_side and not is_one_way:
        return True
    if mode == "hedge_mode":
        return (lower_of(order, "side"), lower_of(order, "posSide")) not in _OPENING_SIDES
    return not (is_one_way and reduce_only == "no" and lower_of(order, "orderType") == "limit")


# ------------------------------------------------------------------------------------------------------ strategy orders


def plan_type_of(row: Row) -> str:
    """Return the classic plan type of a strategy order's row.

    A take-profit alone is ``profit_plan``, and whatever has a stop-loss, or cannot be told, ``loss_plan``; without a
    size of its own it means the whole position: ``pos_profit``, ``pos_loss``. A trigger order is ``normal_plan``, and
    so is what places orders by itself (``oco``, ``iceberg``, ``twap``); a trailing one is ``track_plan``. One of these
    that only reduces a position protects it: ``loss_plan``, ``moving_plan``. The younger types are known from client
    libraries (https://github.com/sieblyio/bitget-api).
    """
    has_profit, has_loss = _is_set(row, "takeProfit"), _is_set(row, "stopLoss")
    kind = lower_of(row, "type") or next((name for name, field in _PARAMETERS.items() if row.get(field)), "")
    reduces = lower_of(row, "reduceOnly") == "yes"
    if kind == "trailing_stop":
        return "moving_plan" if reduces else "track_plan"
    if kind in ("iceberg", "twap"):
        return "normal_plan"
    is_trigger = not kind and _is_set(row, "triggerPrice") and not has_profit and not has_loss
    if kind in ("trigger", "oco") or is_trigger:
        return "loss_plan" if reduces else "normal_plan"
    is_profit = has_profit and not has_loss
    if _is_set(row, "qty"):
        return "profit_plan" if is_profit else "loss_plan"
    if has_profit or has_loss:
        return "pos_profit" if is_profit else "pos_loss"
    return "loss_plan"


def open_plan_order(row: Row, product_type: str) -> OpenPlanOrder | None:
    """Return the plan order of a row of the waiting strategy orders; ``None`` if the row names none."""
    order_id, client_oid = ids_of(row)
    if not order_id and not client_oid:
        return None
    plan_type = plan_type_of(row)
    order = _plan_row(row, plan_type)
    side = lower_of(row, "posSide")
    return OpenPlanOrder(
        order_id,
        client_oid,
        upper_of(row, "symbol"),
        plan_type,
        side if side in HOLD_SIDES else "",
        order,
        margin_coin=MARGIN_COINS.get(product_type, ""),
        side=text_of(order.get("side")),
        size="0" if plan_type.startswith("pos_") else text_of(order.get("size")),
        price=text_of(order.get("executePrice")),
        trigger_price=text_of(order.get("triggerPrice")),
        placed=seconds_of(order, "cTime"),
    )


def ended_plan_order(row: Row) -> EndedPlanOrder | None:
    """Return the plan order of a row of the ended ones; ``None`` if the row does not tell how it ended."""
    state = _ENDS_OF_STRATEGIES.get(lower_of(row, "status"))
    if state is None:
        return None
    updated = seconds_of(row, "updatedTime")
    return EndedPlanOrder(*ids_of(row), upper_of(row, "symbol"), plan_type_of(row), state, "", updated)


def _plan_row(row: Row, plan_type: str) -> dict[str, Any]:
    """Return a strategy order's row under the classic names, with the prices of the side that its plan type names."""
    order = _renamed(row, _NAMES_OF_STRATEGIES)
    if lower_of(order, "planStatus") == "pending":
        order["planStatus"] = "live"
    if plan_type in OPENING_PLAN_TYPES:
        # Its take-profit and stop-loss are those of the position that it opens.
        return order
    own = ("takeProfit", "tpLimitPrice") if plan_type in ("profit_plan", "pos_profit") else ("stopLoss", "slLimitPrice")
    for name, source in zip(("triggerPrice", "executePrice"), own, strict=True):
        if not _is_set(order, name):
            order[name] = text_of(row.get(source))
    return order


def _is_set(row: Row, name: str) -> bool:
    """Whether a price or a size stands in a row: neither empty nor zero."""
    return text_of(row.get(name)).strip() != "" and amount_of(row.get(name)) != 0


# ------------------------------------------------------------------------------------------------------------ positions


def position_row(entry: Any) -> Any:
    """Return a position's row under the classic names; what is no row stays as it came."""
    return _renamed(entry, _NAMES_OF_POSITIONS) if isinstance(entry, dict) else entry


# -------------------------------------------------------------------------------------------------------------- answers


def is_success(row: Row) -> bool:
    """Whether an entry of an answer speaks of a success: without a code, and without a message that says why not."""
    code = text_of(row.get("code"))
    return code in _SUCCESSES and (bool(code) or lower_of(row, "msg") in _SAY_SUCCESS)


def item_answer(row: Row, redact: Callable[[object], str]) -> ItemAnswer:
    """Return what an entry of a cancel's answer says about an order.

    :param redact: makes text from outside fit for a message.
    """
    return ItemAnswer(*ids_of(row), *_refusal(row, redact))


def close_item(row: Row, redact: Callable[[object], str]) -> CloseItem:
    """Return what an entry of a close's answer says about a position; it does not say which.

    :param redact: makes text from outside fit for a message.
    """
    return CloseItem(upper_of(row, "symbol"), text_of(row.get("orderId")), *_refusal(row, redact))


def key_rights(data: Any) -> KeyRights:
    """Return what the list of a key's rights says; ``uta_trade`` covers futures orders."""
    row = data if isinstance(data, dict) else {}
    names = row.get("permissions")
    if not isinstance(names, list) or not names:
        return KeyRights()
    rights = {text_of(name).lower() for name in names}
    kind = lower_of(row, "permType").replace("-", "").replace("_", "")
    may_trade: bool | None = "uta_trade" in rights and kind not in _READ_ONLY
    return KeyRights(may_trade=None if may_trade and not kind else may_trade, may_withdraw="withdraw" in rights)


def _refusal(row: Row, redact: Callable[[object], str]) -> tuple[str, str]:
    return ("", "") if is_success(row) else (read_code(row.get("code"), redact), redact(row.get("msg") or ""))


def _renamed(row: Row, names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in row.items()}
