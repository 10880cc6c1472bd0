# SPDX-License-Identifier: Apache-2.0
"""The endpoint that closes positions at market: https://www.bitget.com/api-doc/contract/trade/Flash-Close-Position."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from airflow_provider_bitget.sandbox.answers import Refusal
from airflow_provider_bitget.sandbox.cancels import IN_MAINTENANCE
from airflow_provider_bitget.sandbox.faults import Effect
from airflow_provider_bitget.sandbox.orders import HOLD_SIDES
from airflow_provider_bitget.sandbox.outcomes import Outcome, failure, lists_of, outcomes_of, takes_effect
from airflow_provider_bitget.sandbox.parameters import Call
from airflow_provider_bitget.sandbox.positions import Position

NOTHING_TO_CLOSE = "22002"


def close_positions(call: Call) -> dict[str, Any]:
    """Close a symbol's positions, or every position of the product type where no symbol is named.

    ``holdSide`` chooses a side in hedge mode and is ignored for positions in one-way mode.

    :param call: the request.
    """
    outcomes = close_scope(call, call.product_type(), call.choice("holdSide", HOLD_SIDES, ""), NOTHING_TO_CLOSE)
    # Recorded: "result" is false however well it went.
    return {**lists_of(outcomes), "result": False}


def close_scope(call: Call, product_type: str, hold_side: str, nothing_code: str) -> list[Outcome]:
    """Close the positions of a product type, or of the symbol that the request names.

    :param call: the request.
    :param product_type: the product type.
    :param hold_side: the side to close in hedge mode, empty for both; positions in one-way mode ignore it.
    :param nothing_code: the refusal where there is no such position.
    """
    symbol = call.text("symbol")
    call.check_maintenance(symbol)
    positions = [
        position
        for position in call.ledger.positions(call.now)
        if position.product_type == product_type
        and position.symbol == (symbol or position.symbol)
        and (not position.is_hedged or position.hold_side == (hold_side or position.hold_side))
    ]
    if not positions:
        raise Refusal(nothing_code)
    return _close(call, positions)


def _close(call: Call, positions: list[Position]) -> list[Outcome]:
    def act(place: int, name: str, effect: Effect | None) -> Outcome:
        return _close_one(call, positions[place], name, effect)

    return outcomes_of(call, [(one.symbol, f"{one.symbol}/{one.hold_side}") for one in positions], act)


def _close_one(call: Call, position: Position, name: str, effect: Effect | None) -> Outcome:
    refusal = _refusal_of(call, position)
    if name == "refuse_orders" and effect is not None:
        refusal = refusal or (effect.options["code"], effect.options["msg"])
    if refusal is not None:
        return failure(call, ("", ""), *refusal, symbol=position.symbol)
    if not takes_effect(name, effect):
        order_id = call.ledger.new_close_id()
        return Outcome(order_id, str(int(order_id) + 1), done=True, symbol=position.symbol)
    order = call.ledger.close(position, position.available, call.now, call.now_ms)
    return Outcome(order.order_id, order.client_oid, done=True, symbol=position.symbol)


def _refusal_of(call: Call, position: Position) -> tuple[str | None, str | None] | None:
    """Return the code and the text by which the exchange refuses to close a position, None where it doesn't."""
    if position.symbol in call.maintenance:
        return IN_MAINTENANCE, None
    refused = call.ledger.refusal_of(position)
    if refused is not None:
        return refused
    if position.available == 0 or (position.locked and call.rules.locked_positions == "refuse"):
        return call.locked_code, None
    maximum = call.rules.flash_close_maximum.get(position.symbol)
    if maximum is not None and position.available > Decimal(maximum):
        return call.rules.flash_close_code, None
    return None
