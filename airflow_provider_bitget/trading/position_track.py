# SPDX-License-Identifier: Apache-2.0
"""What is known of one position while it is being closed, and what follows from that. Nothing here sends anything."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final

from airflow_provider_bitget.api.error_codes import LOCK_CODES, TOO_LARGE_CODES, ErrorCategory, describe
from airflow_provider_bitget.trading.close_report import CloseBucket, CloseOutcome
from airflow_provider_bitget.trading.report import Unresolved, is_curable

REST_SECONDS: Final = 3.0
"""How long a close is left to take effect, and a size that changed to change further, before a close is sent again."""

UNCLEAR_REFUSALS: Final = 2
"""A refusal without a code, or with one that is in no table, is a verdict once it was said so often."""

MAINTENANCE_PAUSE: Final = 15.0
"""Seconds before the one more try after "under maintenance": a settlement passes, maintenance does not."""

LOCKED: Final = "locked"
TOO_LARGE: Final = "too_large_to_flash_close"
NOTHING: Final = Decimal(0)

_PASSING: Final = frozenset({ErrorCategory.GONE, ErrorCategory.TRANSIENT, ErrorCategory.RATE_LIMIT})
# A verdict only when they were said again, whatever the code.
_UNCLEAR: Final = frozenset({ErrorCategory.MAINTENANCE, ErrorCategory.UNKNOWN})


class CloseState(Enum):
    """How far the close of a position has come."""

    #: No close of it was sent, or what was sent was refused before processing.
    UNSENT = "unsent"
    #: The exchange placed a close order.
    ACCEPTED = "accepted"
    #: Sent, but no answer to believe speaks of it.
    UNCLEAR = "unclear"
    #: Refused for a reason that may pass, or that may be another position's.
    POSTPONED = "postponed"
    #: Refused.
    REFUSED = "refused"


@dataclass(slots=True, eq=False)
class PositionTrack:
    """One position on its way to nothing.

    :param is_hedged: the account holds both sides of the symbol apart, so that a close can name the side.
    :param size: as the last complete read shows it, in units of the base coin; 0 where it does not.
    :param largest: the largest size that was seen.
    :param value: the worth of that size, at mark price.
    :param state: how far the close has come.
    :param code: the exchange's last code.
    :param message: the exchange's last text.
    :param category: what the last refusal stands for.
    :param label: the category as the report names it.
    :param tried: some close that covers it reached the exchange, so that a close order of it may be on its way.
    :param at_once: the last refusal placed nothing, and what stood in the way is gone: no need to wait.
    :param alone: its symbol's two sides are not closed by one request any more.
    :param stops_asked: its stops were to be cancelled once because they lock it.
    :param refusals: how often in a row it was refused in the same sense.
    :param not_before: not sent again before this moment of the monotonic clock.
    :param last_answer: monotonic clock of the last answer to a close.
    :param steady_since: monotonic clock of the first read that showed the present size.
    :param blocked_by: the id of a live order that closes, the last time one kept it from being sent again.
    """

    symbol: str
    hold_side: str
    margin_coin: str
    is_hedged: bool = True
    size: Decimal = NOTHING
    largest: Decimal = NOTHING
    value: Decimal = NOTHING
    state: CloseState = CloseState.UNSENT
    code: str = ""
    message: str = ""
    category: ErrorCategory = ErrorCategory.UNKNOWN
    label: str = ""
    tried: bool = False
    at_once: bool = False
    alone: bool = False
    stops_asked: bool = False
    refusals: int = 0
    not_before: float = float("-inf")
    last_answer: float = float("-inf")
    steady_since: float = float("-inf")
    blocked_by: str = ""

    # What reads show

    def seen(self, size: Decimal, value: Decimal, now: float) -> None:
        """Note what a complete read shows of it.

        :param size: 0 if the read does not show it.
        :param value: the worth of that size.
        :param now: monotonic clock, after the read.
        """
        if size != self.size:
            self.size, self.steady_since = size, now
        if size >= self.largest:
            self.largest, self.value = size, value

    @property
    def is_open(self) -> bool:
        """Whether the last complete read shows it."""
        return self.size > NOTHING

    # What the exchange answers

    def answered(self, now: float, *, reached: bool) -> None:
        """Note that a close which covers it was answered, or will not be.

        :param now: monotonic clock.
        :param reached: the exchange may have processed the close.
        """
        self.last_answer = now
        self.tried |= reached
        self.blocked_by = ""

    def accepted(self) -> None:
        """The exchange placed a close order."""
        self._say(CloseState.ACCEPTED)

    def unclear(self, code: str = "", message: str = "") -> None:
        """It was sent, and no answer to believe speaks of it."""
        self._say(CloseState.UNCLEAR)
        self.code, self.message = code, message

    def held_back(self, code: str, message: str, not_before: float) -> None:
        """Its request was refused before processing, or never arrived: note why, and wait."""
        self.code, self.message, self.not_before = code, message, not_before

    def refused(self, code: str, message: str, category: ErrorCategory, now: float) -> None:
        """The exchange refused to close it, for good or for now.

        :param category: what the code stands for; an entry without a code is ``unknown``.
        :param now: monotonic clock.
        """
        if category is ErrorCategory.AMBIGUOUS:
            self.unclear(code, message)
            return
        same = code == self.code or (category is self.category and category in _UNCLEAR)
        self.refusals = self.refusals + 1 if same and self.state is CloseState.POSTPONED else 1
        self.code, self.message, self.category, self.at_once = code, message, category, False
        self.label = _label(code, category)
        self.state = CloseState.REFUSED if self._is_verdict else CloseState.POSTPONED
        if category is ErrorCategory.MAINTENANCE:
            self.not_before = now + MAINTENANCE_PAUSE
        elif category in _PASSING and self.state is CloseState.REFUSED:
            # What did not pass was bad input.
            self.category, self.label = ErrorCategory.BAD_REQUEST, str(ErrorCategory.BAD_REQUEST)

    def refused_in_company(self, code: str, message: str, category: ErrorCategory) -> None:
        """A request for several positions was refused, perhaps because of another one."""
        self.code, self.message, self.category, self.label = code, message, category, str(category)
        self.state, self.refusals, self.at_once = CloseState.POSTPONED, 0, False

    def refused_here(self, message: str) -> None:
        """No close of it can be sent that closes nothing else."""
        self.code, self.message, self.category = "", message, ErrorCategory.BAD_REQUEST
        self.state, self.label = CloseState.REFUSED, str(ErrorCategory.BAD_REQUEST)

    def freed(self) -> None:
        """What locked it is gone: close it again at once."""
        self.state, self.at_once, self.refusals = CloseState.POSTPONED, True, 0

    def may_be_free(self) -> None:
        """What locked it may be gone, or may be closing it just now: close it again as after a close without answer."""
        self.state, self.refusals, self.tried = CloseState.POSTPONED, 0, True

    @property
    def _is_verdict(self) -> bool:
        """Whether the refusal just noted is final."""
        if self.label == LOCKED:
            # What holds the size may be a close of ours that arrived late.
            return not self.tried or self.stops_asked or self.refusals > 1
        if self.category in _PASSING:
            repeats = describe(self.code).repeats
            return repeats is not None and self.refusals > repeats
        if self.category is ErrorCategory.MAINTENANCE:
            return self.refusals > 1
        if self.category is ErrorCategory.UNKNOWN:
            return self.refusals >= UNCLEAR_REFUSALS
        return True

    def _say(self, state: CloseState) -> None:
        self.state, self.at_once, self.refusals = state, False, 0
        self.code = self.message = self.label = ""

    # What follows

    @property
    def is_locked(self) -> bool:
        """Whether it is open and was refused because close orders or stops hold its size."""
        return self.is_open and self.state is CloseState.REFUSED and self.label == LOCKED

    @property
    def needs_check(self) -> bool:
        """Whether a close of it may be live, so that the open orders must be read before another one is sent."""
        return self.tried and not self.at_once

    @property
    def due_at(self) -> float:
        """From when on it may be sent, as far as positions and time tell; infinite where it may not be sent any more.

        After any close that may have been carried out it is sent again only while its size does not change, and not
        before that has been the same for three seconds.
        """
        if not self.is_open or self.state is CloseState.REFUSED:
            return float("inf")
        if not self.needs_check:
            return self.not_before
        return max(self.not_before, max(self.last_answer, self.steady_since) + REST_SECONDS)

    def blocked(self, order_id: str, now: float) -> None:
        """A live order may close it: look again in three seconds.

        :param order_id: that order.
        :param now: monotonic clock.
        """
        self.blocked_by, self.not_before = order_id, now + REST_SECONDS

    def may_still_close(self, *, can_send: bool) -> bool:
        """Whether it is open, and waiting may see it closed.

        :param can_send: there is time to send closes.
        """
        return self.is_open and self.state is not CloseState.REFUSED and (can_send or self.tried)

    def outcome(self, *, read_completed: bool, is_hopeless: bool, simulated: bool) -> CloseOutcome:
        """Return where it ended, as things stand.

        :param read_completed: the last read of the positions was complete, and nothing was sent after it.
        :param is_hopeless: what ended the run would end every other try as well.
        :param simulated: nothing was to be sent.
        """
        if not self.is_open and self.largest:
            note = "" if self.tried or simulated else "It was closed by something else: no close was sent for it"
            return self._outcome(CloseBucket.CLOSED, note=note)
        is_refusal = self.state is CloseState.REFUSED or (
            self.state is CloseState.POSTPONED and self.refusals > 0 and self.category in _UNCLEAR
        )
        if is_refusal and read_completed:
            return self._outcome(CloseBucket.FAILED, self.label, curable=is_curable(self.category))
        return self._outcome(
            CloseBucket.UNRESOLVED, self._why_unresolved(read_completed=read_completed), curable=not is_hopeless
        )

    def _why_unresolved(self, *, read_completed: bool) -> Unresolved:
        if self.state is CloseState.UNSENT and not self.tried:
            return Unresolved.NOT_SENT
        if self.state is CloseState.UNCLEAR:
            return Unresolved.AMBIGUOUS
        return Unresolved.STILL_OPEN if read_completed else Unresolved.NOT_VERIFIED

    def _outcome(self, bucket: CloseBucket, detail: str = "", *, curable: bool = False, note: str = "") -> CloseOutcome:
        is_done = bucket is CloseBucket.CLOSED
        message = self.message
        if self.blocked_by and not message:
            message = f"Not sent again: order {self.blocked_by} closes the symbol and is still live"
        return CloseOutcome(
            symbol=self.symbol,
            hold_side=self.hold_side,
            margin_coin=self.margin_coin,
            size=self.largest,
            value=self.value,
            left=self.size,
            bucket=bucket,
            detail=detail,
            code="" if is_done else self.code,
            message="" if is_done else message,
            curable=curable,
            note=note,
        )


def _label(code: str, category: ErrorCategory) -> str:
    """Return the category of a refusal as the report names it."""
    if code in LOCK_CODES:
        return LOCKED
    return TOO_LARGE if code in TOO_LARGE_CODES else str(category)
