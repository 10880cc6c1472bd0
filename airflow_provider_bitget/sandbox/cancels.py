# SPDX-License-Identifier: Apache-2.0
"""The endpoints that cancel orders.

- https://www.bitget.com/api-doc/contract/trade/Batch-Cancel-Orders
- https://www.bitget.com/api-doc/contract/trade/Cancel-Order
- https://www.bitget.com/api-doc/contract/trade/Cancel-All-Orders
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from airflow_provider_bitget.sandbox.answers import Refusal
from airflow_provider_bitget.sandbox.faults import Effect
from airflow_provider_bitget.sandbox.limits import ROUNDING
from airflow_provider_bitget.sandbox.orders import CANCELED, OPEN_STATUSES, Order
from airflow_provider_bitget.sandbox.outcomes import Outcome, failure, lists_of, outcomes_of, takes_effect
from airflow_provider_bitget.sandbox.parameters import Call

MAX_BATCH = 50
NOTHING_OPEN = "22001"
IN_MAINTENANCE = "41114"


@dataclass(frozen=True)
class Target:
    """An order that a request wants cancelled.

    :param order_id: the id that was sent, empty where only a clientOid was.
    :param client_oid: the clientOid that was sent, if any.
    :param order: the order, None where the account has no such order in the request's scope.
    """

    order_id: str
    client_oid: str
    order: Order | None


def batch_cancel_orders(call: Call) -> dict[str, Any]:
    """Cancel the listed orders; without a list, every open order of the symbol or the product type.

    :param call: the request.
    """
    product_type = call.product_type()
    call.check_margin_coin()
    listed = call.parameters.get("orderIdList")
    if listed is not None and not isinstance(listed, list):
        raise Refusal("40017", "orderIdList")
    if not listed:
        return _cancel_scope(call, product_type, call.text("symbol"))
    symbol = call.required_symbol("400172")
    if len(listed) > MAX_BATCH:
        raise Refusal("40912")
    call.check_maintenance(symbol)
    references = [call.reference(item) for item in listed]
    targets = [target_of(call, product_type, symbol, *reference) for reference in references]
    refuse_unknown(call, targets)
    return lists_of(cancel_targets(call, targets))


def cancel_all_orders(call: Call) -> dict[str, Any]:
    """Cancel every open order of the product type; plan orders stay.

    A ``symbol`` is ignored: the page no longer has it, and a client must not rely on it.

    :param call: the request.
    """
    product_type = call.product_type()
    call.check_margin_coin()
    return _cancel_scope(call, product_type, "")


def cancel_order(call: Call) -> dict[str, str] | None:
    """Cancel one order.

    :param call: the request.
    """
    product_type = call.product_type()
    call.check_margin_coin()
    symbol = call.required_symbol()
    target = target_of(call, product_type, symbol, *call.reference(call.parameters))
    call.check_maintenance(symbol)
    outcomes = cancel_targets(call, [target])
    if not outcomes:
        return None
    outcome = outcomes[0]
    if not outcome.done:
        raise Refusal(outcome.code or call.gone_code, text=outcome.message)
    return outcome.entry()


def target_of(call: Call, product_type: str, symbol: str, order_id: str, client_oid: str) -> Target:
    """Return an order that a request names, where it is one of the request's scope.

    :param call: the request.
    :param product_type: the product type, empty for any.
    :param symbol: the symbol, empty for any.
    :param order_id: the order's id, empty to search by clientOid.
    :param client_oid: the order's clientOid.
    """
    order = call.book.find(order_id, client_oid)
    if order is not None and (
        order.product_type != (product_type or order.product_type) or order.symbol != (symbol or order.symbol)
    ):
        order = None
    return Target(order_id, client_oid, order)


def refuse_unknown(call: Call, targets: Iterable[Target]) -> None:
    """Refuse a whole batch because of an order that isn't open, where the rules have it so.

    :param call: the request.
    :param targets: the orders that it names.
    :raises Refusal: with the code for gone orders.
    """
    rule = call.rules.unknown_id
    if rule == "list":
        return
    for target in targets:
        ended = target.order is not None and not target.order.is_open
        if target.order is None or (ended and rule == "refuse_ended"):
            raise Refusal(call.gone_code)


def _cancel_scope(call: Call, product_type: str, symbol: str) -> dict[str, Any]:
    call.check_maintenance(symbol)
    targets = open_targets(call, product_type, symbol)
    if not targets:
        raise Refusal(NOTHING_OPEN)
    return lists_of(cancel_targets(call, targets))


def open_targets(call: Call, product_type: str, symbol: str) -> list[Target]:
    """Return every open order of a scope.

    :param call: the request.
    :param product_type: the product type.
    :param symbol: the symbol, empty for every symbol.
    """
    orders = call.book.select(product_type, symbol, OPEN_STATUSES)
    return [Target(order.order_id, order.client_oid, order) for order in orders]


def cancel_targets(call: Call, targets: list[Target]) -> list[Outcome]:
    """Cancel the targets as far as the faults allow, and return what the answer says about them.

    :param call: the request.
    :param targets: the orders that it wants cancelled.
    """

    def act(place: int, name: str, effect: Effect | None) -> Outcome:
        return _cancel_one(call, targets[place], name, effect)

    return outcomes_of(call, [_ids_of(target) for target in targets], act)


def _ids_of(target: Target) -> tuple[str, str]:
    if target.order is None:
        return target.order_id, target.client_oid
    return target.order.order_id, target.order.client_oid


def _cancel_one(call: Call, target: Target, name: str, effect: Effect | None) -> Outcome:
    ids = _ids_of(target)
    order = None if target.order is None else call.book.find(target.order.order_id)
    if order is None:
        return failure(call, ids, call.gone_code)
    if call.rules.cancel_too_often and call.now - call.book.last_cancel(order) < 1.0 - ROUNDING:
        return failure(call, ids, call.too_often_code)
    call.book.note_cancel(order, call.now)
    if not order.is_open:
        return failure(call, ids, call.gone_code)
    if order.symbol in call.maintenance:
        return failure(call, ids, IN_MAINTENANCE)
    if name == "refuse_orders" and effect is not None:
        return failure(call, ids, effect.options["code"], effect.options["msg"])
    if name == "fill_while_cancelling":
        call.ledger.fill(order, call.now, call.now_ms)
        return failure(call, ids, call.gone_code)
    if takes_effect(name, effect):
        call.book.end(order, CANCELED, call.now, call.now_ms)
    return Outcome(*ids, done=True)
