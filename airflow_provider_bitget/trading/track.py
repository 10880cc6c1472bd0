# SPDX-License-Identifier: Apache-2.0
"""What is known of one order while it is being cancelled, and what follows from that. Nothing here sends anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from airflow_provider_bitget.api.error_codes import BRIEF_CODES, CODES_ABOUT_THE_ID, ErrorCategory, describe
from airflow_provider_bitget.api.rows import EndedOrder, EndedPlanOrder, OpenOrder, OpenPlanOrder
from airflow_provider_bitget.trading.order_list import OrderRef
from airflow_provider_bitget.trading.report import TRIGGERED, Bucket, OrderOutcome, Unresolved, is_curable

UNCLEAR_REFUSALS: Final = 2
"""How often an order is sent again after a refusal without a code, or with one that is in no table."""

BRIEF_REFUSALS: Final = 4
"""How often the exchange has to say of an order that it is busy with itself before that is a verdict."""

GONE_BUT_OPEN: Final = 8
"""How often "does not exist" is believed to be the exchange's slip while the open orders, and they alone, show it."""

OTHER_NAME: Final = {"track_plan": "moving_plan"}
"""Under which type a plan order goes if it is not listed as cancelled under its own.

The page of the cancel lists no ``track_plan``, which the lists of plan orders do, and client libraries send it:
https://www.bitget.com/api-doc/contract/plan/Cancel-Plan-Order .
"""

OURS_MARGIN: Final = 2.0
"""Seconds by which an order may seem to have ended before we sent its cancel and still count as ours: clocks differ."""

PLACED_NOTHING: Final = "it has triggered, and the exchange placed no order for it"

_FINAL_REFUSALS: Final = frozenset(
    {
        ErrorCategory.BAD_REQUEST,
        ErrorCategory.ACCOUNT_RISK,
        ErrorCategory.MAINTENANCE,
        ErrorCategory.AUTH,
        ErrorCategory.ACCOUNT_MODE,
    }
)

PERHAPS_OF_THE_NAME: Final = frozenset({ErrorCategory.UNKNOWN, ErrorCategory.BAD_REQUEST, ErrorCategory.GONE})
"""Refusals that may be of the type under which a plan order was sent."""


class Said(Enum):
    """What the exchange said last about an order."""

    #: Nothing yet: it was not sent, or what was sent was refused before processing.
    NOTHING = "nothing"
    #: Sent, but no answer speaks of it.
    UNCLEAR = "unclear"
    #: Cancelled.
    DONE = "done"
    #: Does not exist.
    GONE = "gone"
    #: Refused for a reason that may pass.
    LATER = "later"
    #: Refused.
    REFUSED = "refused"


_SAID_BY_REFUSAL: Final = {
    ErrorCategory.GONE: Said.GONE,
    ErrorCategory.UNKNOWN: Said.REFUSED,
    **dict.fromkeys(_FINAL_REFUSALS, Said.REFUSED),
}


@dataclass(slots=True)
class OrderTrack:
    """One order on its way.

    :param ref: what was asked for.
    :param order_id: the exchange's id, learned from an answer where it was not given.
    :param said: the exchange's last word.
    :param acknowledged: some answer listed it as cancelled.
    :param needs_proof: it was acknowledged by an answer that names no order: it may have triggered instead.
    :param maybe_processed: some attempt may have been carried out without our learning of it.
    :param doubtful: acknowledged, and contradicted since; only the history can tell.
    :param refusals: how often in a row it was refused in the same sense.
    :param in_company: the last refusal was of its whole batch, perhaps because of another order in it.
    :param gone_in_company: its whole batch was refused once because some order of it does not exist.
    :param first_sent: local wall clock of the first attempt, in seconds.
    :param last_answer: monotonic clock of the last answer.
    :param plan_type: the type under which it is cancelled, :data:`OTHER_NAME` included; ``""`` for a normal order.
    :param names_tried: under how many types it was sent before this one.
    :param unlisted: the last answer did not list it as cancelled, perhaps because of its type.
    :param was_read: the lists that show it were read to their end since it was sent last.
    :param open_symbol: the symbol under which the last completed read showed it open, ``""`` if it did not.
    :param open_type: the plan type that the same read showed, ``""`` if none.
    :param trigger: how its trigger ended it, for a plan order that is known to have triggered.
    :param child_id: the order that its trigger placed; of several, one that may be open.
    :param child_is_open: that order is known to be open.
    :param seen_open: some completed read showed it open.
    :param looked_up: its end was asked for at least once.
    :param without_end: the last look-up was answered, and knew of no end; for one whose cancel was only taken, nor of
        any order that its trigger may have placed.
    :param shown_open: the last look-up, of it or of others of which the same was said, showed it open.
    :param curable: nothing is known that would make another try pointless from the start.
    :param counted_answered: the progress line counts it as answered.
    :param counted_refused: the progress line counts it as refused.
    :param outcome: where it ended, once that is settled.
    """

    ref: OrderRef
    order_id: str
    said: Said = Said.NOTHING
    code: str = ""
    message: str = ""
    category: ErrorCategory = ErrorCategory.UNKNOWN
    acknowledged: bool = False
    needs_proof: bool = False
    maybe_processed: bool = False
    doubtful: bool = False
    refusals: int = 0
    in_company: bool = False
    gone_in_company: bool = False
    first_sent: float = 0.0
    last_answer: float = 0.0
    plan_type: str = field(init=False)
    names_tried: int = 0
    unlisted: bool = False
    was_read: bool = False
    open_symbol: str = ""
    open_type: str = ""
    trigger: EndedPlanOrder | None = None
    child_id: str = ""
    child_is_open: bool = False
    seen_open: bool = False
    looked_up: bool = False
    without_end: bool = False
    shown_open: bool = False
    curable: bool = True
    counted_answered: bool = False
    counted_refused: bool = False
    outcome: OrderOutcome | None = None

    def __post_init__(self) -> None:
        self.plan_type = self.ref.plan_type

    @property
    def symbol(self) -> str:
        """The order's symbol, for grouping."""
        return self.ref.symbol

    @property
    def id_field(self) -> str:
        """The field that names the order to the exchange, for grouping."""
        return self.ref.id_field

    @property
    def scope(self) -> tuple[str, str]:
        """Where it was asked for: symbol and plan type."""
        return self.ref.symbol, self.ref.plan_type

    @property
    def end_is_known(self) -> bool:
        """Whether it is settled, or has triggered: it waits on no book any more."""
        return self.outcome is not None or self.trigger is not None

    @property
    def has_untried_name(self) -> bool:
        """Whether its type has another name, under which it was not sent yet."""
        return self.names_tried + 1 < self._names

    @property
    def _names(self) -> int:
        return 2 if self.ref.plan_type in OTHER_NAME else 1

    def next_try(self) -> None:
        """It is about to be sent again: under its type's other name, if the last answer did not list it."""
        self.in_company = False
        if self.unlisted and self._names > 1:
            self.names_tried += 1
            own, other = self.ref.plan_type, OTHER_NAME[self.ref.plan_type]
            self.plan_type = other if self.plan_type == own else own
        self.unlisted = False

    def done(self, order_id: str, *, is_named: bool = True) -> None:
        """The exchange listed it as cancelled.

        :param is_named: it did so by name; otherwise it only took the request.
        """
        self.said = Said.DONE
        self.needs_proof = not is_named
        self.acknowledged = True
        self.doubtful = False
        self.order_id = self.order_id or order_id
        self.code = self.message = ""

    def unclear(self, code: str = "", message: str = "") -> None:
        """It was sent, and no answer to believe speaks of it."""
        self.said = Said.UNCLEAR
        self.maybe_processed = True
        self.doubtful = self.acknowledged
        self.code, self.message, self.category = code, message, ErrorCategory.AMBIGUOUS

    def left_out(self) -> None:
        """An answer names it neither as cancelled nor as refused."""
        self.unclear(self.code, self.message)
        self.unlisted = True

    def refused(self, code: str, message: str, category: ErrorCategory, *, in_company: bool = False) -> None:
        """The exchange refused it, for good or for now.

        :param in_company: its whole batch was refused, perhaps because of another order in it.
        """
        self.code, self.message, self.category = code, message, category
        said = _SAID_BY_REFUSAL.get(category, Said.LATER)
        if said is not self.said:
            self.refusals = 0
        self.said = said
        self.in_company = in_company
        self.unlisted = category in PERHAPS_OF_THE_NAME
        self.refusals += not in_company
        if said is Said.GONE:
            self.gone_in_company |= in_company
            self.doubtful = self.acknowledged
        self.maybe_processed |= category in (ErrorCategory.AMBIGUOUS, ErrorCategory.TRANSIENT)

    def refused_in_vain(self) -> None:
        """Its batch was refused, and so was every other of its symbol, in whatever company: that counts as well.

        Unless nobody knows the code: what it says of a single order, only the order alone can show.
        """
        self.refusals += self.category is not ErrorCategory.UNKNOWN

    def held_back(self, code: str, message: str, category: ErrorCategory) -> None:
        """Its request was refused before processing (a rate limit, wrong credentials): note why."""
        self.code, self.message, self.category = code, message, category

    def settle(self, bucket: Bucket, detail: str = "", *, message: str = "") -> None:
        """Decide where it ended."""
        done = bucket in (Bucket.CANCELLED, Bucket.ALREADY_CLOSED)
        has_triggered = self.trigger is not None and not done
        has_learned_its_id = self.order_id != self.ref.order_id
        self.outcome = OrderOutcome(
            replace(self.ref, order_id=self.order_id) if has_learned_its_id else self.ref,
            bucket,
            detail,
            code=self.code,
            message=message or self.message,
            curable=not done
            and self.curable
            and (has_triggered or self.said not in (Said.REFUSED, Said.NOTHING) or is_curable(self.category)),
            child_id=self.child_id,
            state=TRIGGERED if has_triggered else "",
        )

    def settle_by_read(self, found: OpenOrder | OpenPlanOrder | None) -> None:
        """Decide what a completed read of the open orders decides; leave the rest to be repeated or looked up.

        :param found: the order as the read shows it, ``None`` if it does not.
        """
        self.open_symbol = (found.symbol or self.symbol) if found else ""
        self.open_type = found.plan_type if isinstance(found, OpenPlanOrder) else ""
        if found is not None and self.open_symbol == self.symbol:
            self.order_id = self.order_id or found.order_id
        if not self.open_symbol:
            if self.is_taken and not self.needs_proof:
                self.settle(Bucket.CANCELLED)
            return
        self.seen_open = True
        self.doubtful = self.acknowledged
        if self.said in (Said.GONE, Said.REFUSED) and self.open_symbol != self.ref.symbol:
            self._settle_as_open_elsewhere(self.ref.symbol, self.open_symbol)
        elif self.said is not Said.DONE and self._is_of_another_type:
            self._settle_as_open_elsewhere(self.ref.plan_type, self.open_type)
        elif self._plainly_refused:
            self.settle(Bucket.FAILED, str(self.category))
        elif self.said is Said.GONE and self.refusals >= self._enough_contradictions:
            self.settle(Bucket.UNRESOLVED, Unresolved.STILL_OPEN)

    def _settle_as_open_elsewhere(self, asked: str, shown: str) -> None:
        theirs = self.message if self.said in (Said.GONE, Said.REFUSED) else ""
        message = f"{theirs or 'does not exist'} under {asked}; it is open under {shown}"
        self.settle(Bucket.UNRESOLVED, Unresolved.NOT_FOUND, message=message)

    @property
    def _is_of_another_type(self) -> bool:
        """Whether the list names another plan type than was asked for: a cancel under ours will never reach it."""
        ours = (self.ref.plan_type, OTHER_NAME.get(self.ref.plan_type))
        return bool(self.open_type) and self.open_type not in ours

    def settle_by_known_end(self, state: str) -> None:
        """Decide by what an earlier try has proven, where the exchange says that the order does not exist.

        :param state: ``filled`` or ``cancelled``.
        """
        if self.said is Said.GONE and not self.open_symbol and not self.maybe_processed:
            self.settle(Bucket.ALREADY_CLOSED, state)

    def settle_by_refusals(self) -> None:
        """Decide by refusals that may mean "does not exist", once a look-up has shown no end of the order either.

        Where no look-up is ever answered, many refusals of an order that nothing but they speaks of are enough.
        """
        is_told = self.without_end or (self.refusals >= GONE_BUT_OPEN and not self.may_be_done)
        if self.open_symbol and is_told and self._may_mean_gone and self.refusals >= self._enough_refusals:
            self.settle(Bucket.FAILED, str(self.category))

    def settle_without_read(self) -> None:
        """Decide what the answers alone decide, for callers who want no read."""
        if self.is_taken and not self.needs_proof:
            self.settle(Bucket.CANCELLED)

    @property
    def _plainly_refused(self) -> bool:
        """Whether the last refusal is a verdict: on itself and for a known reason, or unclear and said again."""
        if self.said is not Said.REFUSED or self._may_mean_gone:
            return False
        if self.code in BRIEF_CODES:
            return self.refusals >= BRIEF_REFUSALS
        is_plain = self.category in _FINAL_REFUSALS and not self.in_company
        names = self._names if self.category in PERHAPS_OF_THE_NAME else 1
        return self.refusals >= names * (1 if is_plain else UNCLEAR_REFUSALS)

    @property
    def _may_mean_gone(self) -> bool:
        """Whether the refusal may as well mean "does not exist".

        One without a code may: the endpoint's own sample says so without any, and refusals of plan orders usually carry
        none. So may one that nobody knows, of an order that an earlier cancel may have ended.
        """
        is_unclear = self.said is Said.REFUSED and self.category is ErrorCategory.UNKNOWN
        return is_unclear and (not self.code or self.may_be_done or bool(self.ref.plan_type))

    @property
    def may_be_done(self) -> bool:
        """Whether some cancel of it may have worked."""
        return self.acknowledged or self.maybe_processed

    @property
    def _enough_refusals(self) -> int:
        """How many of these make a verdict; more, if they may say that an earlier try worked."""
        if not self.may_be_done:
            return self._names * UNCLEAR_REFUSALS
        return self._names * self._enough_contradictions

    @property
    def _enough_contradictions(self) -> int:
        """How often the exchange may say otherwise than its lists show: less often, if a look-up agrees with these."""
        return BRIEF_REFUSALS if self.shown_open and not self.acknowledged else GONE_BUT_OPEN

    @property
    def is_doubted(self) -> bool:
        """Whether the book shows it and the exchange has said more than once what may mean that it does not exist.

        The book may be stale.
        """
        said_gone = self.said is Said.GONE or self._may_mean_gone
        return bool(self.open_symbol) and self.refusals > 1 and said_gone and not self.end_is_known

    @property
    def is_only_refused(self) -> bool:
        """Whether nothing but refusals says that it may be gone: none of its cancels can have worked."""
        return self.said is Said.REFUSED and not self.may_be_done

    @property
    def may_be_told_later(self) -> bool:
        """Whether a history that lags behind may still tell its end, or that of the order which it placed."""
        if self.trigger is not None:
            return self.maybe_processed or not self.child_is_open
        return self.maybe_processed or self.needs_proof

    def may_be(self, ended: EndedOrder | EndedPlanOrder, clock_offset: float) -> bool:
        """Whether an ended order with our clientOid can be the one that was asked for.

        Not if it is of another symbol; and not if it ended before we sent a cancel that may have been carried out, for
        then the order that we named was still open at that time.

        :param clock_offset: seconds by which the exchange's clock is ahead of ours.
        """
        if ended.symbol != self.symbol:
            return False
        is_older = bool(ended.updated) and ended.updated < self.first_sent + clock_offset - OURS_MARGIN
        return not (self.maybe_processed and is_older)

    def settle_by_end(self, ended: EndedOrder | EndedPlanOrder, clock_offset: float) -> None:
        """Decide by how the exchange says it ended; a plan order that placed an order ends with that one.

        A cancelled order is ours if we may have cancelled it and it did not end before we first tried.

        :param clock_offset: seconds by which the exchange's clock is ahead of ours.
        """
        self.order_id = self.order_id or ended.order_id
        ours = (self.maybe_processed or self.acknowledged) and (
            not ended.updated or ended.updated >= self.first_sent + clock_offset - OURS_MARGIN
        )
        if isinstance(ended, EndedPlanOrder) and ended.state == TRIGGERED:
            self.trigger = ended
            self.child_id = ended.child_id
            self.open_symbol = ""
        elif isinstance(ended, EndedPlanOrder) and ended.state == "failed":
            self.settle(Bucket.ALREADY_CLOSED, "cancelled", message=PLACED_NOTHING)
        elif ended.state == "cancelled" and ours:
            self.code = self.message = ""
            self.settle(Bucket.CANCELLED)
        else:
            self.settle(Bucket.ALREADY_CLOSED, ended.state)

    def settle_by_children(self, children: Sequence[OrderTrack]) -> None:
        """Decide by what became of the orders that a plan order's trigger placed.

        :param children: those orders, looked up; none if the exchange names none.
        """
        left = [child for child in children if child.outcome is None]
        shown = next(iter(left or children), None)
        self.child_id = shown.order_id if shown else ""
        self.child_is_open = any(child.open_symbol for child in left)
        if children and not left:
            ends = {child.outcome.detail for child in children if child.outcome is not None}
            self.settle(Bucket.ALREADY_CLOSED, "filled" if "filled" in ends else "cancelled")

    @property
    def _refused_without_reason(self) -> bool:
        """Whether the refusal is no verdict on an order that is not open.

        It may as well mean "does not exist" (a documented sample says just that, without a code), or another order.
        """
        return self.said is Said.REFUSED and (self.category is ErrorCategory.UNKNOWN or self.in_company)

    def settle_at_last(self, *, scope_is_good: bool) -> None:
        """Decide what is left when nothing more can be asked. Nothing becomes ``cancelled`` without proof.

        :param scope_is_good: the exchange took other orders of this symbol and product type, so a refusal of an order
            that is not open is about the order; otherwise it may rest under another symbol, product type or account.
        """
        never_seen = self.was_read or not self.seen_open
        if self.trigger is not None:
            self._settle_as_triggered()
        elif self._is_gone_as_asked:
            self.settle(Bucket.CANCELLED)
        elif self.said is Said.NOTHING and not self.maybe_processed:
            self.settle(Bucket.UNRESOLVED, Unresolved.NOT_SENT)
        elif self.was_read and self.open_symbol:
            self.settle(Bucket.UNRESOLVED, Unresolved.STILL_OPEN)
        elif self.said is Said.NOTHING:
            self.settle(Bucket.UNRESOLVED, Unresolved.AMBIGUOUS)
        elif (never_seen and not self.acknowledged and self.said is Said.GONE) or (
            self.was_read and not self.acknowledged and self._refused_without_reason
        ):
            self.settle(Bucket.UNRESOLVED, Unresolved.NOT_FOUND)
        elif not self.was_read:
            unclear = self.said is Said.UNCLEAR and not self.acknowledged
            self.settle(Bucket.UNRESOLVED, Unresolved.AMBIGUOUS if unclear else Unresolved.NOT_VERIFIED)
        elif self.said is Said.REFUSED and not self.acknowledged:
            about_the_order = scope_is_good or self.code in CODES_ABOUT_THE_ID
            if about_the_order:
                self.settle(Bucket.FAILED, str(self.category))
            else:
                self.settle(Bucket.UNRESOLVED, Unresolved.NOT_FOUND)
        else:
            self.settle(Bucket.UNRESOLVED, Unresolved.AMBIGUOUS)

    @property
    def _is_gone_as_asked(self) -> bool:
        """Whether its cancel was taken, no list shows it, and nothing shows that it ended in another way."""
        return self.is_taken and self.was_read and not self.open_symbol and self.without_end

    @property
    def is_taken(self) -> bool:
        """Whether its cancel was taken, and nothing has contradicted that since."""
        return self.said is Said.DONE and not self.doubtful

    def has_placed(self, child_ids: Sequence[str]) -> None:
        """The exchange names orders that its trigger has placed; no history has told of the trigger."""
        shown = child_ids[0] if len(child_ids) == 1 else ""
        self.trigger = EndedPlanOrder(
            self.order_id, self.ref.client_oid, self.symbol, self.ref.plan_type, TRIGGERED, shown, 0.0
        )
        self.child_id = shown

    def _settle_as_triggered(self) -> None:
        if self.child_is_open:
            message = "it has triggered, and the order that it placed is open"
            self.settle(Bucket.UNRESOLVED, Unresolved.STILL_OPEN, message=message)
        else:
            message = "it has triggered, and how the order that it placed ended is not known"
            self.settle(Bucket.UNRESOLVED, Unresolved.NOT_VERIFIED, message=message)


class TracksByName:
    """Finds the order that a row of the exchange is about: by its id, or by its clientOid where no id is known.

    :param tracks: the orders to find.
    """

    def __init__(self, tracks: Iterable[OrderTrack]) -> None:
        self._by_order_id: dict[str, OrderTrack] = {}
        self._by_client_oid: dict[str, OrderTrack] = {}
        for track in tracks:
            if track.order_id:
                self._by_order_id[track.order_id] = track
            else:
                self._by_client_oid[track.ref.client_oid] = track

    def find(self, order: OpenOrder | OpenPlanOrder) -> OrderTrack | None:
        """Return the order that a row is about, ``None`` if it is none of these."""
        return self._by_order_id.get(order.order_id) or self._by_client_oid.get(order.client_oid)


def category_of(code: str) -> ErrorCategory:
    """Return the category of an order's own code; an entry without one is ``unknown``."""
    return describe(code).category if code else ErrorCategory.UNKNOWN
