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

from airflow_provider_bitget.sandbox.answers import Refusal, text_of
from airflow_provider_bitget.sandbox.faults import Effect
from airflow_provider_bitget.sandbox.limits import ROUNDING
from airflow_provider_bitget.sandbox.orders import CANCELED, FILLED, OPEN_STATUSES, Order
from airflow_provider_bitget.sandbox.parameters import Call

MAX_BATCH = 50
NOTHING_OPEN = "22001"
TOO_OFTEN = "45129"
# No order ever gets an id this high, so a foreign id can be told from every order's.
FOREIGN_ID = 9_100_000_000_000_000_000


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


@dataclass(frozen=True)
class Outcome:
    """What the answer says about one order.

    :param order_id: the order's id.
    :param client_oid: the order's clientOid.
    :param cancelled: whether it stands in successList.
    :param code: the error code, None where the entry has none.
    :param message: the error text.
    """

    order_id: str
    client_oid: str
    cancelled: bool
    code: str | None = None
    message: str = ""

    def entry(self) -> dict[str, str]:
        """Return the outcome as an entry of successList or failureList."""
        names = {"orderId": self.order_id, "clientOid": self.client_oid}
        if self.cancelled:
            return names
        code = {} if self.code is None else {"errorCode": self.code}
        return {**names, "errorMsg": self.message, **code}


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
    references = [call.reference(item) for item in listed]
    targets = [_target(call, product_type, symbol, *reference) for reference in references]
    _refuse_unknown(call, targets)
    return _lists(_cancel(call, targets))


def cancel_all_orders(call: Call) -> dict[str, Any]:
    """Cancel every open order of the product type.

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
    target = _target(call, product_type, call.required_symbol(), *call.reference(call.parameters))
    outcomes = _cancel(call, [target])
    if not outcomes:
        return None
    outcome = outcomes[0]
    if not outcome.cancelled:
        raise Refusal(outcome.code or call.rules.gone_code, text=outcome.message)
    return outcome.entry()


def _target(call: Call, product_type: str, symbol: str, order_id: str, client_oid: str) -> Target:
    order = call.book.find(order_id, client_oid)
    if order is not None and (order.product_type, order.symbol) != (product_type, symbol):
        order = None
    return Target(order_id, client_oid, order)


def _refuse_unknown(call: Call, targets: Iterable[Target]) -> None:
    rule = call.rules.unknown_id
    if rule == "list":
        return
    for target in targets:
        ended = target.order is not None and not target.order.is_open
        if target.order is None or (ended and rule == "refuse_ended"):
            raise Refusal(call.rules.gone_code)


def _cancel_scope(call: Call, product_type: str, symbol: str) -> dict[str, Any]:
    orders = list(call.book.select(product_type, symbol, OPEN_STATUSES))
    if not orders:
        raise Refusal(NOTHING_OPEN)
    return _lists(_cancel(call, [Target(order.order_id, order.client_oid, order) for order in orders]))


def _cancel(call: Call, targets: list[Target]) -> list[Outcome]:
    """Cancel the targets as far as the faults allow, and return what the answer says about them."""
    ids = [_ids_of(target) for target in targets]
    chosen = [(effect, effect.selects(ids, call.chance)) for effect in call.effects]
    outcomes: list[Outcome] = []
    for position, target in enumerate(targets):
        effect = next((one for one, positions in chosen if position in positions and _acts(one)), None)
        outcome = _cancel_one(call, target, effect)
        if effect is None or effect.kind.name not in ("drop_ids", "empty_lists"):
            outcomes.append(outcome)
    return _distorted(call, outcomes)


def _acts(effect: Effect) -> bool:
    acting = ("refuse_orders", "drop_ids", "empty_lists", "fill_while_cancelling", "ack_only")
    return effect.kind.name in acting


def _ids_of(target: Target) -> tuple[str, str]:
    if target.order is None:
        return target.order_id, target.client_oid
    return target.order.order_id, target.order.client_oid


def _cancel_one(call: Call, target: Target, effect: Effect | None) -> Outcome:
    order = None if target.order is None else call.book.find(target.order.order_id)
    if order is None:
        return _failure(call, target, call.rules.gone_code)
    if call.rules.cancel_too_often and call.now - call.book.last_cancel(order) < 1.0 - ROUNDING:
        return _failure(call, target, TOO_OFTEN)
    call.book.note_cancel(order, call.now)
    if not order.is_open:
        return _failure(call, target, call.rules.gone_code)
    name = "" if effect is None else effect.kind.name
    options = {} if effect is None else effect.options
    if name == "refuse_orders":
        return _failure(call, target, options["code"], options["msg"])
    if name == "fill_while_cancelling":
        call.book.end(order, FILLED, call.now, call.now_ms)
        return _failure(call, target, call.rules.gone_code)
    if name != "ack_only" and options.get("processed", True):
        call.book.end(order, CANCELED, call.now, call.now_ms)
    return Outcome(order.order_id, order.client_oid, cancelled=True)


def _failure(call: Call, target: Target, code: str | None, message: str | None = None) -> Outcome:
    order_id, client_oid = _ids_of(target)
    if message is None:
        message = text_of(code or "40015", chinese=call.chinese)
    omit = call.rules.omit_error_code
    if omit == "all" or (omit == "random" and call.chance.random() < 0.5):
        code = None
    return Outcome(order_id, client_oid, cancelled=False, code=code, message=message)


def _distorted(call: Call, outcomes: list[Outcome]) -> list[Outcome]:
    """Return the outcomes as a faulty exchange reports them."""
    for effect in call.effects_of("duplicate_ids"):
        again = [outcome for outcome in outcomes if outcome.cancelled]
        if effect.options["where"] != "success":
            code = call.rules.gone_code
            message = text_of(code, chinese=call.chinese)
            again = [Outcome(one.order_id, one.client_oid, False, code, message) for one in again]
        outcomes = outcomes + again
    for effect in call.effects_of("foreign_ids"):
        foreign = _foreign(call, effect)
        outcomes = foreign if effect.options["replace"] else outcomes + foreign
    return outcomes


def _foreign(call: Call, effect: Effect) -> list[Outcome]:
    code = call.rules.gone_code
    message = text_of(code, chinese=call.chinese)
    foreign = []
    for position in range(effect.options["count"] or 0):
        order_id = str(FOREIGN_ID + position)
        if effect.options["where"] in ("success", "both"):
            foreign.append(Outcome(order_id, "", cancelled=True))
        if effect.options["where"] in ("failure", "both"):
            foreign.append(Outcome(order_id, "", False, code, message))
    return foreign


def _lists(outcomes: list[Outcome]) -> dict[str, Any]:
    return {
        "successList": [outcome.entry() for outcome in outcomes if outcome.cancelled],
        "failureList": [outcome.entry() for outcome in outcomes if not outcome.cancelled],
    }
