# SPDX-License-Identifier: Apache-2.0
"""The orders that a run wants off the book: seen by its reads, judged by its batches. Nothing here sends anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from airflow_provider_bitget.api.client import SAME_ORDER_INTERVAL
from airflow_provider_bitget.api.error_codes import ErrorCategory
from airflow_provider_bitget.api.rows import (
    PLAN_TYPES,
    PROTECTIVE_PLAN_TYPES,
    EndedOrder,
    ItemAnswer,
    OpenOrder,
    OpenPlanOrder,
)
from airflow_provider_bitget.trading.books import SHORTEST_REACH_DAYS
from airflow_provider_bitget.trading.order_list import OrderListError, OrderRef, parse_orders
from airflow_provider_bitget.trading.report import Bucket, OrderOutcome, Unresolved, is_curable
from airflow_provider_bitget.trading.track import PLACED_NOTHING, category_of

LONGEST_PAUSE: Final = 15.0
"""Seconds at most before an order that was refused is sent again."""

MOST_DOUBTS: Final = 2
"""How often the end of an order that is open no more is asked for again, where a batch could not find it."""

_DONE: Final = (Bucket.CANCELLED, Bucket.ALREADY_CLOSED)
# We may have cancelled it without having been told.
_MAYBE_OURS: Final = (Unresolved.AMBIGUOUS, Unresolved.NOT_VERIFIED, Unresolved.STILL_OPEN)
_FINAL_REFUSALS: Final = (ErrorCategory.BAD_REQUEST, ErrorCategory.ACCOUNT_RISK, ErrorCategory.MAINTENANCE)

_NAMED_BY_ANSWER: Final = "known from an answer only"

Key = tuple[bool, str]


@dataclass(slots=True, eq=False)
class Target:
    """One order that should leave the book.

    :param ref: how the exchange is told which.
    :param is_old: it may be too old for lists that are asked for no time.
    :param hindrance: why it is never sent; ``""`` for one that is.
    :param is_open: the last read showed it, and no batch has judged it since.
    :param is_held: it is left alone for now: it protects an open position.
    :param was_sent: a request with it may have gone out.
    :param not_before: monotonic time before which it is left alone.
    :param tries: how many batches it went through.
    :param doubts: how many of them only asked for its end.
    :param outcome: the last batch's verdict.
    :param maybe_ours: if it was cancelled, that may have been our doing.
    """

    ref: OrderRef
    is_old: bool
    hindrance: str = ""
    is_open: bool = True
    is_held: bool = False
    was_sent: bool = False
    not_before: float = float("-inf")
    tries: int = 0
    doubts: int = 0
    outcome: OrderOutcome | None = None
    maybe_ours: bool = False
    _has_triggered: bool = False

    @property
    def is_protective(self) -> bool:
        """Whether it is a take-profit or stop-loss order."""
        return self.ref.plan_type in PROTECTIVE_PLAN_TYPES

    @property
    def is_only_named(self) -> bool:
        """Whether no list has shown it, and only the answer of a call for the whole product type has named it."""
        return self.hindrance == _NAMED_BY_ANSWER

    @property
    def never_touched(self) -> bool:
        """Whether it could not be sent at all."""
        return bool(self.hindrance) and not self.was_sent

    @property
    def is_done(self) -> bool:
        """Whether it has left the book, and how is known."""
        return not self.is_open and self.outcome is not None and self.outcome.bucket in _DONE

    @property
    def is_wanted(self) -> bool:
        """Whether there is something to send for it, now or later."""
        if self.hindrance or self.is_held:
            return False
        return self.is_open or (not self.is_done and self.doubts < MOST_DOUBTS)

    @property
    def is_unsettled(self) -> bool:
        """Whether it is open, and the exchange has not refused to cancel it."""
        if not self.is_open or self.hindrance or self.is_held:
            return False
        return self.outcome is None or self.outcome.bucket is not Bucket.FAILED

    def send(self) -> None:
        """It goes into a batch."""
        self.was_sent = True
        self.doubts += not self.is_open
        self.tries += 1

    def judge(self, outcome: OrderOutcome, now: float) -> None:
        """Take a batch's verdict; the last one counts, but for whose cancel it was."""
        was_cancelled = outcome.bucket is Bucket.ALREADY_CLOSED and outcome.detail == "cancelled"
        # A plan order that has triggered ends as its child does, or has none.
        self._has_triggered |= bool(outcome.state or outcome.child_id) or outcome.message == PLACED_NOTHING
        if was_cancelled and self.maybe_ours and not self._has_triggered:
            outcome = OrderOutcome(outcome.ref, Bucket.CANCELLED)
        self.maybe_ours |= outcome.bucket is Bucket.CANCELLED or outcome.detail in _MAYBE_OURS
        self.outcome = outcome
        self.is_open = False
        if outcome.detail == Unresolved.NOT_SENT:
            self.tries -= 1
        self.not_before = now + max(SAME_ORDER_INTERVAL, min(LONGEST_PAUSE, 2.0 ** (self.tries - 1)))

    def take_over(self, named: Target) -> None:
        """It was known from an answer before a list has shown it."""
        self.was_sent = True
        self.not_before = named.not_before
        self.outcome = named.outcome
        self.maybe_ours = named.maybe_ours

    def verdict(self) -> OrderOutcome:
        """Return where it ended; one that the last read has shown is open, whatever was said before."""
        outcome = self.outcome
        if outcome is None:
            detail = Unresolved.AMBIGUOUS if self.was_sent else Unresolved.NOT_SENT
            return OrderOutcome(self.ref, Bucket.UNRESOLVED, detail, message=self.hindrance, curable=not self.hindrance)
        if self.is_open and outcome.bucket in _DONE:
            return OrderOutcome(outcome.ref, Bucket.UNRESOLVED, Unresolved.STILL_OPEN)
        if self.is_open and outcome.bucket is Bucket.UNRESOLVED and outcome.detail != Unresolved.NOT_SENT:
            return replace(outcome, detail=Unresolved.STILL_OPEN)
        return outcome


class CancelTargets:
    """All targets of one run, each once.

    :param product_type: product type of all orders.
    :param settle: seconds for which a protective order's position has to be gone before the order is sent; ``None`` to
        send it whatever becomes of the position.
    :param redact: takes credentials out of text.
    """

    def __init__(self, product_type: str, *, settle: float | None, redact: Callable[[object], str]) -> None:
        self._product_type = product_type
        self._settle = settle
        self._redact = redact
        self._by_key: dict[Key, Target] = {}

    def forget_open(self, *, orders: bool, plan_orders: bool) -> None:
        """Take no order for open any more, before a complete read is noted.

        :param orders: whether it reaches back far enough to show old orders; otherwise they stay what they were.
        :param plan_orders: the same for plan orders.
        """
        for (is_plan, _), target in self._by_key.items():
            if not target.is_old or (plan_orders if is_plan else orders):
                target.is_open = target.is_held = False

    def note_some(
        self,
        wanted: Iterable[OpenOrder | OpenPlanOrder],
        kept: Iterable[OpenPlanOrder],
        *,
        now: float,
        exchange_time: float,
    ) -> None:
        """Take what a read has shown.

        :param wanted: what should leave the book.
        :param kept: plan orders that should not, for now.
        :param now: monotonic time.
        :param exchange_time: seconds since the epoch by the exchange's clock.
        """
        for order in wanted:
            self._note_open(order, now, exchange_time)
        for plan in kept:
            self._hold(_key(plan))

    def drop_untouched(self) -> None:
        """What could not be sent and is gone by itself, as a complete read has shown, concerns nobody any more."""
        self._by_key = {
            key: target for key, target in self._by_key.items() if target.is_open or not target.never_touched
        }

    def _note_open(self, order: OpenOrder | OpenPlanOrder, now: float, exchange_time: float) -> None:
        known = self._by_key.get(_key(order))
        if known is None or known.is_only_named:
            target = self._new(order, exchange_time)
            if self._settle is not None and is_protective(order):
                target.not_before = now + self._settle
            if known is not None:
                target.take_over(known)
            self._by_key[_key(order)] = known = target
        known.is_open = True
        known.is_held = False

    def _hold(self, key: Key) -> None:
        """Leave a plan order alone; one that was never sent is none of ours at all."""
        target = self._by_key.get(key)
        if target is not None and target.was_sent:
            target.is_open = target.is_held = True
        elif target is not None:
            del self._by_key[key]

    def due(self, now: float, *, protective: bool = True) -> list[Target]:
        """Return what can be sent at a moment of the monotonic clock.

        :param protective: take-profit and stop-loss orders as well.
        """
        return [
            target
            for target in self._by_key.values()
            if target.is_wanted and target.not_before <= now and (protective or not target.is_protective)
        ]

    def pause(self, now: float) -> float | None:
        """Return the seconds until something can be sent; ``None`` if nothing is waiting."""
        waiting = [target.not_before for target in self._by_key.values() if target.is_wanted]
        return max(0.0, min(waiting) - now) if waiting else None

    def rest(self, until: float) -> None:
        """Leave every order alone until a moment of the monotonic clock."""
        for target in self._by_key.values():
            target.not_before = max(target.not_before, until)

    @property
    def are_settled(self) -> bool:
        """Whether the last read showed nothing but orders that cannot be sent, or that the exchange refuses to take."""
        return not any(target.is_unsettled for target in self._by_key.values())

    @property
    def are_through(self) -> bool:
        """Whether there is nothing to send any more, now or later."""
        return not any(target.is_wanted for target in self._by_key.values())

    def outcomes(self) -> tuple[OrderOutcome, ...]:
        """Return where each order ended."""
        return tuple(target.verdict() for target in self._by_key.values())

    def add_acknowledged(self, item: ItemAnswer, *, is_contradicted: bool) -> bool:
        """Take an order that a call for the whole product type says it has cancelled; return whether it is a new one.

        No list has shown it: its absence from them proves nothing.

        :param is_contradicted: the same answer also says that it could not be cancelled.
        """
        return self._add_named(
            item, Bucket.UNRESOLVED, Unresolved.AMBIGUOUS if is_contradicted else Unresolved.NOT_VERIFIED
        )

    def add_refused(self, item: ItemAnswer) -> bool:
        """Take an order that a call for the whole product type could not cancel; return whether it is a new one."""
        category = category_of(item.code)
        if category in _FINAL_REFUSALS:
            return self._add_named(item, Bucket.FAILED, str(category))
        is_gone = category is ErrorCategory.GONE
        return self._add_named(item, Bucket.UNRESOLVED, Unresolved.NOT_FOUND if is_gone else Unresolved.STILL_OPEN)

    def add_ended(self, ended: EndedOrder) -> None:
        """Take an order that was cancelled while a call for the whole product type was under way."""
        item = ItemAnswer(ended.order_id, ended.client_oid)
        if self._add_named(item, Bucket.UNRESOLVED, Unresolved.NOT_VERIFIED):
            self.settle_named(ended)

    def settle_named(self, ended: EndedOrder) -> None:
        """Settle an order of which only an answer's entry was known by how the history says it ended."""
        target = self._by_key.get((False, ended.order_id or ended.client_oid))
        if target is None or target.ref.symbol:
            return
        target.ref = replace(target.ref, symbol=ended.symbol)
        is_ours = target.maybe_ours and ended.state == "cancelled"
        target.outcome = OrderOutcome(
            target.ref,
            Bucket.CANCELLED if is_ours else Bucket.ALREADY_CLOSED,
            "" if is_ours else ended.state,
        )

    def settle_by_absence(self) -> None:
        """The exchange says that no order is open, of whatever age: what it acknowledged is cancelled."""
        for target in self._named():
            outcome = target.outcome
            if outcome is not None and outcome.detail == Unresolved.NOT_VERIFIED:
                target.outcome = OrderOutcome(target.ref, Bucket.CANCELLED)
            elif outcome is not None and outcome.bucket not in _DONE and outcome.detail != Unresolved.AMBIGUOUS:
                target.outcome = replace(outcome, bucket=Bucket.UNRESOLVED, detail=Unresolved.NOT_FOUND)

    def nameless(self) -> set[str]:
        """Return the ids of the orders of which only an answer's entry is known."""
        return {target.ref.id_value for target in self._named() if not target.ref.symbol}

    def knows(self, ended: EndedOrder) -> bool:
        """Return whether an order is among the targets."""
        return (False, ended.order_id or ended.client_oid) in self._by_key

    def _named(self) -> list[Target]:
        return [target for target in self._by_key.values() if target.is_only_named]

    def _add_named(self, item: ItemAnswer, bucket: Bucket, detail: str) -> bool:
        key = (False, item.order_id or item.client_oid)
        known = self._by_key.get(key)
        if not key[1] or (known is not None and not known.never_touched):
            return False
        ref = OrderRef(item.order_id, item.client_oid, "") if known is None else known.ref
        curable = bucket is Bucket.UNRESOLVED or is_curable(category_of(item.code))
        outcome = OrderOutcome(ref, bucket, detail, code=item.code, message=item.message, curable=curable)
        self._by_key[key] = Target(
            ref,
            is_old=True,
            hindrance=_NAMED_BY_ANSWER,
            is_open=False,
            was_sent=True,
            outcome=outcome,
            maybe_ours=detail in _MAYBE_OURS,
        )
        return True

    def _new(self, order: OpenOrder | OpenPlanOrder, exchange_time: float) -> Target:
        plan_type = order.plan_type if isinstance(order, OpenPlanOrder) else ""
        is_old = exchange_time - order.placed > (SHORTEST_REACH_DAYS - 1) * 86_400
        row = {"orderId": order.order_id, "clientOid": order.client_oid, "symbol": order.symbol}
        if isinstance(order, OpenPlanOrder):
            if plan_type not in PLAN_TYPES:
                return self._never_sent(order, is_old, f"its planType {self._redact(plan_type)!r} is not a known one")
            row["planType"] = plan_type
        try:
            return Target(parse_orders([row], symbol=None, product_type=self._product_type)[0], is_old)
        except OrderListError:
            return self._never_sent(order, is_old, "its row names no id and symbol that a request could carry")

    def _never_sent(self, order: OpenOrder | OpenPlanOrder, is_old: bool, why: str) -> Target:
        plan_type = order.plan_type if isinstance(order, OpenPlanOrder) else ""
        names = (order.order_id, order.client_oid, order.symbol, plan_type)
        ref = OrderRef(*(self._redact(name) for name in names))
        return Target(ref, is_old, hindrance=f"it is open and was not sent: {why}")


def _key(order: OpenOrder | OpenPlanOrder) -> Key:
    return isinstance(order, OpenPlanOrder), order.order_id or order.client_oid


def is_protective(order: OpenOrder | OpenPlanOrder) -> bool:
    """Return whether it is a plan order that protects a position."""
    return isinstance(order, OpenPlanOrder) and order.is_protective
