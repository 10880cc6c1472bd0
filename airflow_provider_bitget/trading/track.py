# SPDX-License-Identifier: Apache-2.0
"""What is known of one order while it is being cancelled, and what follows from that. Nothing here sends anything."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from airflow_provider_bitget.api.error_codes import ErrorCategory, describe
from airflow_provider_bitget.api.rows import EndedOrder
from airflow_provider_bitget.trading.order_list import OrderRef
from airflow_provider_bitget.trading.report import Bucket, OrderOutcome, Unresolved, is_curable

UNCLEAR_REFUSALS: Final = 2
"""How often an order is sent again after a refusal without a code, or with one that is in no table."""

GONE_BUT_OPEN: Final = 8
"""How often "does not exist" is believed to be the exchange's slip while the open orders show the order."""

OURS_MARGIN: Final = 2.0
"""Seconds by which an order may seem to have ended before we sent its cancel and still count as ours: clocks differ."""

_FINAL_REFUSALS: Final = frozenset(
    {
        ErrorCategory.BAD_REQUEST,
        ErrorCategory.ACCOUNT_RISK,
        ErrorCategory.MAINTENANCE,
        ErrorCategory.AUTH,
        ErrorCategory.ACCOUNT_MODE,
    }
)


# Refusals of the id's form: nothing by that name can rest anywhere.
_ABOUT_THE_ID: Final = frozenset({"40020", "40402", "40304", "40305"})


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
    :param maybe_processed: some attempt may have been carried out without our learning of it.
    :param doubtful: acknowledged, and contradicted since; only the history can tell.
    :param refusals: how often in a row it was refused in the same sense.
    :param in_company: the last refusal was of its whole batch, perhaps because of another order in it.
    :param gone_in_company: its whole batch was refused once because some order of it does not exist.
    :param first_sent: local wall clock of the first attempt, in seconds.
    :param last_answer: monotonic clock of the last answer.
    :param open_symbol: the symbol under which the last completed read showed it open, ``""`` if it did not.
    :param seen_open: some completed read showed it open.
    :param looked_up: its end was asked for at least once.
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
    maybe_processed: bool = False
    doubtful: bool = False
    refusals: int = 0
    in_company: bool = False
    gone_in_company: bool = False
    first_sent: float = 0.0
    last_answer: float = 0.0
    open_symbol: str = ""
    seen_open: bool = False
    looked_up: bool = False
    curable: bool = True
    counted_answered: bool = False
    counted_refused: bool = False
    outcome: OrderOutcome | None = None

    @property
    def symbol(self) -> str:
        """The order's symbol, for grouping."""
        return self.ref.symbol

    @property
    def id_field(self) -> str:
        """The field that names the order to the exchange, for grouping."""
        return self.ref.id_field

    def done(self, order_id: str) -> None:
        """The exchange listed it as cancelled."""
        self.said = Said.DONE
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
        ref = self.ref
        if self.order_id and not ref.order_id:
            ref = OrderRef(self.order_id, ref.client_oid, ref.symbol)
        self.outcome = OrderOutcome(
            ref,
            bucket,
            detail,
            code=self.code,
            message=message or self.message,
            curable=not done
            and self.curable
            and (self.said not in (Said.REFUSED, Said.NOTHING) or is_curable(self.category)),
        )

    def settle_by_read(self) -> None:
        """Decide what a completed read of the open orders decides; leave the rest to be repeated or looked up."""
        if not self.open_symbol:
            if self.said is Said.DONE and not self.doubtful:
                self.settle(Bucket.CANCELLED)
            return
        self.seen_open = True
        self.doubtful = self.acknowledged
        if self.said in (Said.GONE, Said.REFUSED) and self.open_symbol != self.ref.symbol:
            self.settle(
                Bucket.UNRESOLVED,
                Unresolved.NOT_FOUND,
                message=(
                    f"{self.message or 'does not exist'} under {self.ref.symbol}; it is open under {self.open_symbol}"
                ),
            )
        elif self._finally_refused:
            self.settle(Bucket.FAILED, str(self.category))
        elif self.said is Said.GONE and self.refusals >= GONE_BUT_OPEN:
            self.settle(Bucket.UNRESOLVED, Unresolved.STILL_OPEN)

    def settle_without_read(self) -> None:
        """Decide what the answers alone decide, for callers who want no read."""
        if self.said is Said.DONE and not self.doubtful:
            self.settle(Bucket.CANCELLED)

    @property
    def _finally_refused(self) -> bool:
        """Whether the last refusal is a verdict: on itself and for a known reason, or unclear and said again."""
        is_plain = self.category in _FINAL_REFUSALS and not self.in_company
        return self.said is Said.REFUSED and (is_plain or self.refusals >= UNCLEAR_REFUSALS)

    @property
    def gone_again(self) -> bool:
        """Whether the exchange said more than once that it does not exist: the book that shows it may be stale."""
        return self.said is Said.GONE and self.refusals > 1

    def may_be(self, ended: EndedOrder, clock_offset: float) -> bool:
        """Whether an ended order with our clientOid can be the one that was asked for.

        Not if it is of another symbol; and not if it ended before we sent a cancel that may have been carried out, for
        then the order that we named was still open at that time.

        :param clock_offset: seconds by which the exchange's clock is ahead of ours.
        """
        if ended.symbol != self.symbol:
            return False
        is_older = bool(ended.updated) and ended.updated < self.first_sent + clock_offset - OURS_MARGIN
        return not (self.maybe_processed and is_older)

    def settle_by_end(self, ended: EndedOrder, clock_offset: float) -> None:
        """Decide by how the exchange says it ended.

        A cancelled order is ours if we may have cancelled it and it did not end before we first tried.

        :param clock_offset: seconds by which the exchange's clock is ahead of ours.
        """
        self.order_id = self.order_id or ended.order_id
        ours = (self.maybe_processed or self.acknowledged) and (
            not ended.updated or ended.updated >= self.first_sent + clock_offset - OURS_MARGIN
        )
        if ended.state == "cancelled" and ours:
            self.code = self.message = ""
            self.settle(Bucket.CANCELLED)
        else:
            self.settle(Bucket.ALREADY_CLOSED, ended.state)

    @property
    def _refused_without_reason(self) -> bool:
        """Whether the refusal is no verdict on an order that is not open.

        It may as well mean "does not exist" (a documented sample says just that, without a code), or another order.
        """
        return self.said is Said.REFUSED and (self.category is ErrorCategory.UNKNOWN or self.in_company)

    def settle_at_last(self, *, read_completed: bool, scope_is_good: bool) -> None:
        """Decide what is left when nothing more can be asked. Nothing becomes ``cancelled`` without proof.

        :param read_completed: the open orders were read to the end after the last cancel.
        :param scope_is_good: the exchange took other orders of this symbol and product type, so a refusal of an order
            that is not open is about the order; otherwise it may rest under another symbol, product type or account.
        """
        never_seen = read_completed or not self.seen_open
        if self.said is Said.NOTHING and not self.maybe_processed:
            self.settle(Bucket.UNRESOLVED, Unresolved.NOT_SENT)
        elif read_completed and self.open_symbol:
            self.settle(Bucket.UNRESOLVED, Unresolved.STILL_OPEN)
        elif self.said is Said.NOTHING:
            self.settle(Bucket.UNRESOLVED, Unresolved.AMBIGUOUS)
        elif (never_seen and not self.acknowledged and self.said is Said.GONE) or (
            read_completed and not self.acknowledged and self._refused_without_reason
        ):
            self.settle(Bucket.UNRESOLVED, Unresolved.NOT_FOUND)
        elif not read_completed:
            unclear = self.said is Said.UNCLEAR and not self.acknowledged
            self.settle(Bucket.UNRESOLVED, Unresolved.AMBIGUOUS if unclear else Unresolved.NOT_VERIFIED)
        elif self.said is Said.REFUSED and not self.acknowledged:
            about_the_order = scope_is_good or self.code in _ABOUT_THE_ID
            if about_the_order:
                self.settle(Bucket.FAILED, str(self.category))
            else:
                self.settle(Bucket.UNRESOLVED, Unresolved.NOT_FOUND)
        else:
            self.settle(Bucket.UNRESOLVED, Unresolved.AMBIGUOUS)


def category_of(code: str) -> ErrorCategory:
    """Return the category of an order's own code; an entry without one is ``unknown``."""
    return describe(code).category if code else ErrorCategory.UNKNOWN
