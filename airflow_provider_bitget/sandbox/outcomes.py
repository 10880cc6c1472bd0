# SPDX-License-Identifier: Apache-2.0
"""What a write says about each order or position, as the faults let it look: in two lists, or item by item."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from airflow_provider_bitget.sandbox.answers import text_of
from airflow_provider_bitget.sandbox.faults import Effect
from airflow_provider_bitget.sandbox.parameters import Call

ACTING = ("refuse_orders", "drop_ids", "empty_lists", "fill_while_cancelling", "ack_only")
# No order ever gets an id this high, so a foreign id can be told from every order's.
FOREIGN_ID = 9_100_000_000_000_000_000


@dataclass(frozen=True)
class Outcome:
    """What the answer says about one order or position.

    :param order_id: the order's id.
    :param client_oid: the order's clientOid.
    :param done: whether the answer calls it a success: it stands in successList, or its item has no error code.
    :param code: the error code, None where the entry has none.
    :param message: the error text.
    :param symbol: the symbol, None in the answers that name none.
    """

    order_id: str
    client_oid: str
    done: bool
    code: str | None = None
    message: str = ""
    symbol: str | None = None

    def entry(self) -> dict[str, str]:
        """Return the outcome as an entry of successList or failureList."""
        names = {"orderId": self.order_id, "clientOid": self.client_oid}
        if self.symbol is not None:
            names["symbol"] = self.symbol
        if self.done:
            return names
        code = {} if self.code is None else {"errorCode": self.code}
        return {**names, "errorMsg": self.message, **code}

    def item(self, success_code: str) -> dict[str, str]:
        """Return the outcome as an item of a unified account's answer, which never names a symbol.

        :param success_code: the code of an item that succeeded, empty for none.
        """
        names = {"orderId": self.order_id, "clientOid": self.client_oid}
        if self.done:
            return {**names, "code": success_code, "msg": "success"} if success_code else names
        code = {} if self.code is None else {"code": self.code}
        return {**names, **code, "msg": self.message}


Act = Callable[[int, str, Effect | None], Outcome]


def outcomes_of(call: Call, names: Sequence[tuple[str, str]], act: Act, *, coded: bool = True) -> list[Outcome]:
    """Let a write act on each order or position, and return what the answer says about them.

    :param call: the request.
    :param names: the two names by which a fault can choose each of them.
    :param act: acts on one of them, by its place, the name of a fault (or ``""``) and that fault.
    :param coded: whether failures of this endpoint have an errorCode at all.
    """
    chosen = [(effect, effect.selects(names, call.chance)) for effect in call.effects]
    outcomes: list[Outcome] = []
    for place in range(len(names)):
        effect = next((one for one, places in chosen if place in places and one.kind.name in ACTING), None)
        name = "" if effect is None else effect.kind.name
        outcome = act(place, name, effect)
        if name not in ("drop_ids", "empty_lists"):
            outcomes.append(outcome)
    return _distorted(call, outcomes, coded)


def takes_effect(name: str, effect: Effect | None) -> bool:
    """Return whether an order or position changes although a fault strikes it.

    :param name: the name of the fault, empty without one.
    :param effect: the fault.
    """
    return name != "ack_only" and (effect is None or bool(effect.options.get("processed", True)))


def failure(
    call: Call,
    names: tuple[str, str],
    code: str | None,
    message: str | None = None,
    *,
    symbol: str | None = None,
    coded: bool = True,
) -> Outcome:
    """Return a failed outcome; entries of failureList have their errorCode or lack it as the rules have it.

    :param call: the request.
    :param names: the order id and the clientOid.
    :param code: the code.
    :param message: the text, the code's own by default.
    :param symbol: the symbol, where the answer names it.
    :param coded: whether failures of this endpoint have an errorCode at all.
    """
    if message is None:
        message = text_of(code or "40015", chinese=call.chinese)
    omit = "none" if call.request.unified else call.rules.omit_error_code
    if not coded or omit == "all" or (omit == "random" and call.chance.random() < 0.5):
        code = None
    return Outcome(*names, done=False, code=code, message=message, symbol=symbol)


def lists_of(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return successList and failureList.

    :param outcomes: what the answer says.
    """
    return {
        "successList": [outcome.entry() for outcome in outcomes if outcome.done],
        "failureList": [outcome.entry() for outcome in outcomes if not outcome.done],
    }


def items_of(call: Call, outcomes: Sequence[Outcome]) -> list[dict[str, str]]:
    """Return the items of a unified account's answer.

    :param call: the request.
    :param outcomes: what the answer says.
    """
    return [outcome.item(call.rules.success_item_code) for outcome in outcomes]


def _distorted(call: Call, outcomes: list[Outcome], coded: bool) -> list[Outcome]:
    """Return the outcomes as a faulty exchange reports them."""
    for effect in call.effects_of("duplicate_ids"):
        again = [outcome for outcome in outcomes if outcome.done]
        if effect.options["where"] != "success":
            code, message = _gone(call, coded)
            again = [replace(one, done=False, code=code, message=message) for one in again]
        outcomes = outcomes + again
    for effect in call.effects_of("foreign_ids"):
        foreign = _foreign(call, effect, coded)
        outcomes = foreign if effect.options["replace"] else outcomes + foreign
    return outcomes


def _foreign(call: Call, effect: Effect, coded: bool) -> list[Outcome]:
    code, message = _gone(call, coded)
    foreign = []
    for place in range(effect.options["count"] or 0):
        order_id = str(FOREIGN_ID + place)
        if effect.options["where"] in ("success", "both"):
            foreign.append(Outcome(order_id, "", done=True))
        if effect.options["where"] in ("failure", "both"):
            foreign.append(Outcome(order_id, "", False, code, message))
    return foreign


def _gone(call: Call, coded: bool) -> tuple[str | None, str]:
    code = call.gone_plan_code if call.request.names_plans else call.gone_code
    return (code if coded else None), text_of(code, chinese=call.chinese)
