# SPDX-License-Identifier: Apache-2.0
"""Close the positions of a scope at market and say truthfully what became of each.

read the positions -> close them, with one request where that touches nothing else -> read until they are gone -> send
again what was refused for the moment or stayed, never blindly -> read once more -> report.

An accepted close is a close *order*; only a complete read of the positions proves that one is closed. After any close
that may have been carried out a position is sent again only while its size has been the same for three seconds, and no
order that closes its symbol is live. The endpoint's page:
https://www.bitget.com/api-doc/contract/trade/Flash-Close-Position .
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.dialect import Dialect
from airflow_provider_bitget.api.error_codes import ErrorCategory
from airflow_provider_bitget.api.exceptions import (
    BitgetAccountRiskError,
    BitgetAuthError,
    BitgetBadRequestError,
    BitgetCallError,
    BitgetClockError,
    BitgetError,
    BitgetIpBanError,
    BitgetNotSentError,
)
from airflow_provider_bitget.api.rows import CloseAnswer, Position
from airflow_provider_bitget.trading.batch_cancel import IN_FLIGHT, READ_ATTEMPTS, READ_CALL_ATTEMPTS
from airflow_provider_bitget.trading.books import POSITIONS, Books, LastCancel
from airflow_provider_bitget.trading.close_call import CloseCall, was_not_processed
from airflow_provider_bitget.trading.close_report import CloseReport
from airflow_provider_bitget.trading.in_flight import InFlight
from airflow_provider_bitget.trading.live_closes import live_closes, read_to_the_end
from airflow_provider_bitget.trading.locking_stops import LockingStops
from airflow_provider_bitget.trading.options import check_deadline, check_flags, check_hold_side, check_settle
from airflow_provider_bitget.trading.position_track import NOTHING, REST_SECONDS, PositionTrack
from airflow_provider_bitget.trading.scope import Scope
from airflow_provider_bitget.trading.workers import ThreadedWorkers, Workers

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.0
"""How often the positions are read while something is waited for."""

CLOSE_INTERVAL: Final = 1.05
"""Seconds between two close requests: the exchange allows one a second."""

LONGEST_LAST_READ: Final = 0.5
"""How many seconds before the deadline the last read begins at the latest."""

WHOLE_CALLS: Final = 2
"""How often one request closes a whole product type before each symbol gets its own."""

CLOCK_REFUSALS: Final = 3
"""How often in a row a close may be refused for its timestamp; the read that follows compares the clocks."""

Key = tuple[str, str, str]


class ClosePositions:
    """One run over the positions of a scope. Use it once.

    It cancels nothing by itself, unless ``cancel_locking_stops`` says so, and places nothing.

    :param dialect: how to speak to the account.
    :param scope: what to close, and what to leave alone.
    :param hold_side: ``"long"`` or ``"short"``: never closes the other side; ``None`` for both.
    :param deadline: seconds for the whole run.
    :param settle: seconds for which no position may show at the end; positions may appear late after a fill.
    :param last_cancel: when orders were cancelled before, if any were: the run waits for what may come of it.
    :param simulate: read, and send nothing that changes anything.
    :param cancel_locking_stops: where a close is refused because orders lock the position's size, cancel the
        take-profit and stop-loss orders of that symbol and side, and close again.
    :param workers: runs the requests; by default a bounded number of threads.
    :raises BitgetConfigError: an argument cannot be used.
    """

    def __init__(
        self,
        dialect: Dialect,
        scope: Scope,
        *,
        hold_side: str | None = None,
        deadline: float = 120.0,
        settle: float = 1.0,
        last_cancel: LastCancel | None = None,
        simulate: bool = False,
        cancel_locking_stops: bool = False,
        workers: Workers | None = None,
    ) -> None:
        check_flags(simulate=simulate, cancel_locking_stops=cancel_locking_stops)
        seconds = check_deadline(deadline)
        self.dialect = dialect
        self.scope = scope
        self.hold_side = check_hold_side(hold_side)
        self.settle = check_settle(settle, deadline=float("inf"))
        self.simulate = simulate
        self.cancel_locking_stops = cancel_locking_stops
        self.clock = dialect.client.clock
        self.budget = Budget(seconds, self.clock)
        # The last part of the deadline is kept for seeing what the closes did.
        self._send_budget = self.budget.share(reserve=min(5.0, seconds / 5))
        self._last_read = min(LONGEST_LAST_READ, seconds / 10)
        self._in_flight = InFlight(
            workers or ThreadedWorkers(IN_FLIGHT),
            self.budget,
            dialect.client,
            on_wait=_do_nothing,
            on_abandon=self._abandon,
        )
        self._stops = LockingStops(dialect, scope, self._in_flight, self._send_budget, self.budget)
        self._tracks: dict[Key, PositionTrack] = {}
        #: Every position of the product type, as the last complete read shows them.
        self._positions: list[Position] = []
        self._read_completed = False
        self._read_error: BitgetError | None = None
        self._reads_refused = 0
        self._books: list[Books] = []
        self._calls: list[CloseCall] = []
        self._wholes_left = WHOLE_CALLS if scope.is_whole and self.hold_side is None else 0
        self._clock_refusals = 0
        #: Symbols with a live order that closes; ``None`` where that was not read just now.
        self._live: dict[str, str] | None = None
        self._idle_since: float | None = None
        self._last_cancel = last_cancel
        #: The moment of the monotonic clock before which no position shows that there is none.
        self._quiet_from = float("-inf")
        self._read_began = float("-inf")

    def run(self) -> CloseReport:
        """Close, prove, and return the report.

        Whatever the exchange does ends in the report; ``report.error`` tells what ended the run early, if anything
        did. An exception that is not ours (Airflow's timeout, an interrupt) passes through after at most two seconds
        for the request in flight; :meth:`report` then says what was done by then.
        """
        work = self._look if self.simulate else self._close_until_gone
        self._in_flight.carry_out(work, self._take_close)
        return self.report()

    def request_stop(self) -> None:
        """Ask for the end of the run: no new request, two seconds for one in flight. Safe in a signal handler."""
        self._in_flight.request_stop()

    def report(self) -> CloseReport:
        """Return the report as things stand; what is not proven to be closed is ``failed`` or ``unresolved``."""
        fatal = self._in_flight.fatal
        tally = self.budget.tally
        return CloseReport(
            scope=self.scope,
            hold_side=self.hold_side,
            outcomes=tuple(
                track.outcome(
                    read_completed=self._read_completed,
                    is_hopeless=self._in_flight.is_hopeless,
                    simulated=self.simulate,
                )
                for track in self._tracks.values()
            ),
            verified=self._read_completed,
            simulated=self.simulate,
            cancelled_stops=tuple(self._stops.cancelled),
            requests=tally.requests,
            retries=tally.retries,
            rate_limited=tally.rate_limited,
            duration_ms=round(self.budget.elapsed() * 1000),
            books=tuple(self._books),
            error=fatal or self._never_read,
        )

    @property
    def _never_read(self) -> BitgetError | None:
        """Why nothing at all is known of the positions, if that is so."""
        return None if self._books else self._read_error or BitgetNotSentError("deadline")

    # The course of the run

    def _look(self) -> None:
        """Tell which positions would be closed."""
        while not self._read_positions():
            if not self._pause(POLL_SECONDS):
                return
        log.info("Simulated: nothing was sent. It would have been %d positions", len(self._tracks))

    def _close_until_gone(self) -> None:
        while True:
            if not self._read_positions():
                if not self._pause(POLL_SECONDS):
                    return
            elif self._is_settled() or not self._step():
                return

    def _step(self) -> bool:
        """Do the next thing after a complete read of the positions; return whether there is time to read again."""
        if self._cancel_stops():
            return True
        call = self._next_call()
        if call is None:
            return self._pause(self._time_to_next_read())
        rest = self._rest_before_close()
        if rest > 0:
            return self._pause(rest)
        if self._live is None and any(track.needs_check for track in call.tracks):
            # Orders first, then the positions once more: they show what had become of an order by then.
            return self._read_live_closes() or self._pause(POLL_SECONDS)
        self._send(call)
        return True

    def _is_settled(self) -> bool:
        """Whether nothing is left to wait for, and has not been for as long as the run is to make sure."""
        now = self.clock.monotonic()
        can_send = self._send_budget.remaining() > 0
        if any(track.may_still_close(can_send=can_send) or self._may_be_freed(track) for track in self._every_track()):
            self._idle_since = None
            return False
        if self._idle_since is None:
            self._idle_since = now
            return False
        return now >= self._idle_since + self.settle and self._read_began >= self._quiet_from - 1e-6

    def _pause(self, seconds: float) -> bool:
        """Wait, and return whether there is time for another read."""
        self._live = None
        left = self.budget.remaining() - self._last_read
        if left <= 0 or self._reads_refused >= READ_ATTEMPTS:
            return False
        self._in_flight.pause(min(seconds, left))
        return True

    def _time_to_next_read(self) -> float:
        """Return how long to wait while no close may be sent: not longer than until one may, or all is settled."""
        if self._idle_since is not None:
            settled = max(self._idle_since + self.settle, self._quiet_from)
            return min(POLL_SECONDS, max(0.0, settled - self.clock.monotonic()))
        left = min((track.due_at for track in self._every_track()), default=0.0) - self.clock.monotonic()
        return min(POLL_SECONDS, left) if left > 0 else POLL_SECONDS

    def _rest_before_close(self) -> float:
        """Return how many seconds a close request has to wait, so that the positions can be read right before it."""
        if not self._calls:
            return 0.0
        return self._calls[-1].answered + CLOSE_INTERVAL - self.clock.monotonic()

    # Reading

    def _read_positions(self) -> bool:
        """Read all positions of the product type; return whether that was complete."""
        results: list[list[Position]] = []

        def take(_carried: Any, found: Any, error: BaseException | None) -> None:
            if isinstance(error, BitgetCallError):
                self._read_error = error
            is_refusal = isinstance(error, (BitgetBadRequestError, BitgetAccountRiskError))
            self._reads_refused = self._reads_refused + 1 if is_refusal else 0
            positions = self._in_flight.result_of_read(found, error)
            if positions is not None:
                results.append(positions)

        # Of every margin coin: a close by symbol would touch the others as well.
        read = partial(
            self.dialect.positions,
            product_type=self.scope.product_type,
            budget=self.budget,
            attempts=READ_CALL_ATTEMPTS,
        )
        self._read_began = self.clock.monotonic()
        self._in_flight.submit(read)
        self._in_flight.collect(take)
        self._read_completed = False
        for positions in results:
            self._take_positions(positions)
            self._read_completed = True
        return self._read_completed

    def _take_positions(self, positions: list[Position]) -> None:
        now = self.clock.monotonic()
        if self._last_cancel is not None:
            self._quiet_from = self._last_cancel.quiet_from(self.dialect.client.exchange_time(), now)
            self._last_cancel = None
        self._positions = positions
        wanted: dict[Key, list[Position]] = {}
        for position in positions:
            if self._is_wanted(position):
                wanted.setdefault(_key(position), []).append(position)
        for key, rows in wanted.items():
            if key not in self._tracks:
                self._tracks[key] = self._new_track(rows[0])
        for key, track in self._tracks.items():
            rows = wanted.get(key, [])
            track.is_hedged = any(row.hedge_mode for row in rows) if rows else track.is_hedged
            size, value = sum((row.size for row in rows), NOTHING), sum((row.value for row in rows), NOTHING)
            track.seen(size, value, now)
        self._note_books([row for rows in wanted.values() for row in rows])

    def _is_wanted(self, position: Position) -> bool:
        in_scope = self.scope.covers(position.symbol, position.margin_coin)
        return in_scope and self.hold_side in (None, position.hold_side)

    def _new_track(self, position: Position) -> PositionTrack:
        track = PositionTrack(position.symbol, position.hold_side, position.margin_coin, position.hedge_mode)
        for call in self._calls:
            # It shows only now, and that request may have placed a close order for it.
            if call.reached and call.touches(track):
                track.answered(call.answered, reached=True)
        return track

    def _note_books(self, positions: list[Position]) -> None:
        """Keep the last read, and of those before it the ones that showed something new."""
        read_at = self.dialect.client.exchange_time()
        books = Books(
            orders=(),
            plan_orders=(),
            positions=tuple(positions),
            read_at=read_at,
            read_from=read_at,
            parts=frozenset({POSITIONS}),
        )
        if len(self._books) > 1 and _numbers(self._books[-2]) == _numbers(self._books[-1]) == _numbers(books):
            self._books.pop()
        self._books.append(books)

    def _read_live_closes(self) -> bool:
        """Read which symbols have a live order that closes; return whether that was complete.

        Close orders of this run are young: the exchange's list reaches back far enough by itself.
        """
        reads = self.dialect.reads_of_open_orders(product_type=self.scope.product_type, symbol=self.scope.symbol)
        orders = read_to_the_end(reads, in_flight=self._in_flight, budget=self.budget)
        if orders is None:
            return False
        self._live = live_closes(orders)
        return True

    # Sending

    def _next_call(self) -> CloseCall | None:
        """Return the close request to send next, as the positions are now; ``None`` if none may be sent yet."""
        due = self._due()
        if not due:
            return None
        if self._may_close_whole(due):
            return CloseCall(None, None, due)
        # First what was never tried, the largest first; then what has waited longest.
        for track in sorted(due, key=lambda track: (track.last_answer, -track.value)):
            call = self._call_for(track, due)
            if call is not None:
                return call
        return None

    def _due(self) -> list[PositionTrack]:
        """Return the positions of which a close may be sent now."""
        if self._send_budget.remaining() <= 0:
            return []
        now = self.clock.monotonic()
        due = [track for track in self._every_track() if now >= track.due_at]
        if self._live is None:
            return due
        for track in due:
            order_id = self._live.get(track.symbol) or self._live.get("", "")
            if order_id and track.needs_check:
                track.blocked(order_id, now)
        return [track for track in due if now >= track.due_at]

    def _may_close_whole(self, due: list[PositionTrack]) -> bool:
        """Whether one request for the whole product type touches only positions that are due, nor any just closed."""
        touches_others = any(self._track_of(position) not in due for position in self._positions)
        last = max((call.answered for call in self._calls if call.reached), default=float("-inf"))
        is_rested = self.clock.monotonic() - last >= REST_SECONDS and not self._live
        return self._wholes_left > 0 and is_rested and not touches_others and not any(track.alone for track in due)

    def _call_for(self, track: PositionTrack, due: list[PositionTrack]) -> CloseCall | None:
        """Return a request that closes this position and touches nothing that is not due.

        By symbol alone where that closes both sides, as it should. With the side in hedge mode only, since the exchange
        ignores it in one-way mode; there the positions were read just now.
        """
        both_sides = [position for position in self._positions if position.symbol == track.symbol]
        one_side = [position for position in both_sides if position.hold_side == track.hold_side]
        tracks = [one for one in due if one.symbol == track.symbol]
        by_symbol = len(one_side) < len(both_sides) and not any(one.alone for one in tracks)
        if (by_symbol or not track.is_hedged) and all(self._track_of(one) in due for one in both_sides):
            return CloseCall(track.symbol, None, tracks)
        if track.is_hedged and all(self._track_of(one) in due for one in one_side):
            return CloseCall(track.symbol, track.hold_side, [one for one in tracks if one.hold_side == track.hold_side])
        self._refuse_if_entangled(track, one_side if track.is_hedged else both_sides)
        return None

    def _refuse_if_entangled(self, track: PositionTrack, reached: Iterable[Position]) -> None:
        """Give up on a position if the closest request for it reaches one that is to be left alone."""
        foreign = sorted({one.margin_coin or "unknown" for one in reached if self._track_of(one) is None})
        if foreign:
            track.refused_here(
                f"Not sent: a close by symbol would also close the position of {track.symbol} in margin coin "
                f"{', '.join(foreign)}, which is to be left alone. Close it by hand, or name no margin coin"
            )

    def _send(self, call: CloseCall) -> None:
        self._read_completed = False
        self._live = None
        if call.symbol is None:
            self._wholes_left -= 1
        log.info(
            "Closing %s: %s",
            " ".join(filter(None, (call.symbol or self.scope.product_type, call.hold_side))),
            ", ".join(f"{track.symbol} {track.hold_side} {track.size:f}" for track in call.tracks),
        )
        self._calls.append(call)
        self._in_flight.submit(partial(self._close, call), call)
        self._in_flight.collect(self._take_close)

    def _close(self, call: CloseCall) -> CloseAnswer:
        """Runs in a worker. One attempt: before another one the positions are read."""
        call.started = True
        return self.dialect.close_positions(
            product_type=self.scope.product_type,
            symbol=call.symbol,
            hold_side=call.hold_side,
            budget=self._send_budget,
            attempts=1,
        )

    def _take_close(self, call: Any, answer: Any, error: BaseException | None) -> None:
        """Note what came of one close; what a read brings after the end of the run concerns nobody any more."""
        if not isinstance(call, CloseCall):
            return
        now = self.clock.monotonic()
        if error is None:
            call.reached, self._clock_refusals = True, 0
            call.take_answer(answer, now)
        elif isinstance(error, BitgetNotSentError):
            call.reached = error.maybe_processed
            for track in call.tracks if call.reached else ():
                track.unclear()
        elif isinstance(error, BitgetCallError):
            self._take_error(call, error, now)
        else:
            raise error
        self._note_answered(call, now)

    def _note_answered(self, call: CloseCall, now: float) -> None:
        call.answered = now
        for track in self._every_track():
            if track in call.tracks or call.touches(track):
                track.answered(now, reached=call.reached)

    def _take_error(self, call: CloseCall, error: BitgetCallError, now: float) -> None:
        """Note that a request was refused as a whole, or got no answer to believe."""
        self._clock_refusals = self._clock_refusals + 1 if isinstance(error, BitgetClockError) else 0
        is_passing_clock = 0 < self._clock_refusals < CLOCK_REFUSALS
        if isinstance(error, (BitgetAuthError, BitgetIpBanError)) and not is_passing_clock:
            self._in_flight.end(error)
        if was_not_processed(error):
            for track in call.tracks:
                track.held_back(error.code, error.message, now + CLOSE_INTERVAL)
            return
        call.reached = True
        passing = error.category in (ErrorCategory.TRANSIENT, ErrorCategory.GONE, ErrorCategory.AMBIGUOUS)
        if call.is_narrowest or passing:
            for track in call.tracks:
                track.refused(error.code, error.message, error.category, now)
            return
        # One bad symbol never keeps the others open: each position is asked about by itself.
        call.reached = False
        self._wholes_left = 0
        for track in call.tracks:
            track.refused_in_company(error.code, error.message, error.category)
            track.alone |= call.symbol is not None

    def _abandon(self, carried: Any) -> None:
        """Nobody will wait for the answer to a close that may have gone out."""
        if isinstance(carried, CloseCall) and carried.started:
            carried.reached = True
            for track in carried.tracks:
                track.unclear()
            self._note_answered(carried, self.clock.monotonic())

    # Stops

    def _cancel_stops(self) -> bool:
        """Cancel the stops that lock positions; return whether any were to be cancelled."""
        locked = [track for track in self._every_track() if self._may_be_freed(track)]
        if not locked or not self._read_live_closes():
            return False
        for track in locked:
            track.stops_asked = True
        # A resting order that closes holds the size: the stops would go in vain, and the position would have none.
        held, self._live = self._live or {}, None
        locked = [track for track in locked if not (track.symbol in held or "" in held)]
        if not locked:
            return False
        self._stops.cancel(locked)
        for track in locked:
            if self._stops.freed(track):
                track.freed()
            elif self._stops.may_have_freed(track):
                track.may_be_free()
        return True

    def _may_be_freed(self, track: PositionTrack) -> bool:
        can_send = self._send_budget.remaining() > 0
        return self.cancel_locking_stops and can_send and track.is_locked and not track.stops_asked

    # What is known

    def _every_track(self) -> Iterable[PositionTrack]:
        return self._tracks.values()

    def _track_of(self, position: Position) -> PositionTrack | None:
        return self._tracks.get(_key(position)) if self._is_wanted(position) else None


def _key(position: Position) -> Key:
    return position.symbol, position.hold_side, position.margin_coin


def _numbers(books: Books) -> tuple[int, Any]:
    return len(books.positions), books.position_value


def _do_nothing() -> None:
    pass
