# SPDX-License-Identifier: Apache-2.0
"""Cancel a list of orders, plan orders among them, and say truthfully what became of each.

group by symbol and plan type -> chunk -> dispatch concurrently under the limiter -> classify each order -> refused
batches split -> open orders read back -> gone ones looked up -> what is still open goes round again -> report.

An order is ``cancelled`` only if an answer listed it as a success *and* a completed read of the open orders no longer
shows it, or if the history says that it ended cancelled and we may have done it. Such a success says that the cancel
was received: the history is looked through for orders that filled all the same. The endpoints' pages:
https://www.bitget.com/api-doc/contract/trade/Batch-Cancel-Orders and, for plan orders,
https://www.bitget.com/api-doc/contract/plan/Cancel-Plan-Order .
"""

from __future__ import annotations

import itertools
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from airflow_provider_bitget.api.budget import Budget, Tally
from airflow_provider_bitget.api.client import SAME_ORDER_INTERVAL
from airflow_provider_bitget.api.dialect import Dialect
from airflow_provider_bitget.api.error_codes import ErrorCategory, describe
from airflow_provider_bitget.api.exceptions import (
    BitgetAccountRiskError,
    BitgetAuthError,
    BitgetBadRequestError,
    BitgetBatchTooLargeError,
    BitgetCallError,
    BitgetConfigError,
    BitgetIpBanError,
    BitgetNotSentError,
)
from airflow_provider_bitget.api.rows import (
    DEFAULT_LOOKBACK_DAYS,
    BatchAnswer,
    ItemAnswer,
)
from airflow_provider_bitget.trading.in_flight import InFlight
from airflow_provider_bitget.trading.look_up import DETAIL_FIRST, MOST_CONFIRMED, OrderLookUp, PlanOrderLookUp
from airflow_provider_bitget.trading.order_kinds import NormalOrders, OpenRead, OpenRow, OrderKind, PlanOrders
from airflow_provider_bitget.trading.order_list import OrderRef, chunk_orders
from airflow_provider_bitget.trading.progress import Progress
from airflow_provider_bitget.trading.report import Bucket, CancelReport, Unresolved
from airflow_provider_bitget.trading.track import PERHAPS_OF_THE_NAME, OrderTrack, Said, TracksByName, category_of
from airflow_provider_bitget.trading.workers import ThreadedWorkers, Workers

log = logging.getLogger(__name__)

IN_FLIGHT: Final = 32
"""Requests under way at the same time at most."""

BATCH_ATTEMPTS: Final = 3
"""How often a batch is sent before its orders go round again (in smaller batches, if the exchange gave a code)."""

READ_ATTEMPTS: Final = 3
"""How often the open orders are read before they count as unreadable, where the exchange refuses the read itself.

Anything else may pass, and everything hangs on this read: it is repeated until the deadline.
"""

LOOK_UP_PAUSES: Final = (1.0, 2.0, 3.0)
"""Seconds before an order that was not found is looked up again: the history may lag behind the book."""

A_FEW: Final = 20
"""So many orders that were not found are looked up again after each pause, whatever is known of them."""

FRUITLESS_SPLITS: Final = 64
"""How many refused batches of a symbol are split per round before any batch is taken; each that is allows two more.

Enough to single out every order of a full batch. A refusal that really speaks of the symbol or the account, with a code
that is not known for it, then costs some requests and not thousands.
"""

FRUITLESS_SPLITS_WHEN_BUSY: Final = 8
"""The same after a refusal that may pass by itself: it is rarely about one order."""

READ_CALL_ATTEMPTS: Final = 4
"""How often one page is asked for before the read counts as failed: orders to send again need not wait for it."""

_WORTH_SENDING_UNREAD: Final = frozenset({Said.NOTHING, Said.UNCLEAR, Said.LATER})
_EVERY_SYMBOL: Final = ("", "")
_EVERY_SYMBOL_FACTOR: Final = 4


@dataclass(slots=True, eq=False)
class _Batch:
    """Orders that travel together, not before a moment of the monotonic clock."""

    tracks: list[OrderTrack]
    not_before: float = float("-inf")
    started: bool = False


@dataclass(slots=True, eq=False)
class _ReadBack:
    """The reads that show which orders of one kind are open."""

    tracks: list[OrderTrack]
    reads: Sequence[OpenRead]
    names: TracksByName = field(init=False)
    found: dict[int, OpenRow] = field(default_factory=dict)
    completed: int = 0

    def __post_init__(self) -> None:
        self.names = TracksByName(self.tracks)

    def read_through(self, read: OpenRead, budget: Budget) -> dict[int, OpenRow]:
        """Return the orders that a list shows, by track. Runs in a worker."""
        pages: Iterator[Sequence[OpenRow]] = read(budget=budget, attempts=READ_CALL_ATTEMPTS)
        named = ((self.names.find(order), order) for order in itertools.chain.from_iterable(pages))
        return {id(track): order for track, order in named if track is not None}

    def take(self, found: dict[int, OpenRow] | None) -> None:
        """Note what a list shows; ``None`` if it was not read to its end."""
        if found is not None:
            self.found |= found
            self.completed += 1

    def settle(self) -> None:
        """Let the reads settle what they can, if all of them were read to their end."""
        if self.completed == len(self.reads):
            for track in self.tracks:
                track.was_read = True
                if not track.end_is_known:
                    track.settle_by_read(self.found.get(id(track)))


class BatchCancel:
    """One run over one list of orders. Use it once.

    :param dialect: how to speak to the account.
    :param orders: what to cancel, validated and without duplicates.
    :param product_type: product type of all orders.
    :param margin_coin: optional margin coin.
    :param verify: read the open orders back.
    :param chunk_size: orders per request at most; never more than the account takes in one.
    :param deadline: seconds for the whole run.
    :param budget: deadline, stop and tally of a larger run that this one is a part of; instead of ``deadline``.
    :param send_seconds: after so many seconds nothing is sent any more but reads; by default not long before the end.
    :param lookback_days: how old an open order may be, in days, for the reads to show it.
    :param report_cancelled: list the cancelled ids in the report.
    :param simulate: read, and send nothing that changes anything.
    :param known_ends: ``filled`` or ``cancelled`` by orderId, as an earlier try has proven it; it only names the end
        of an order that the exchange says is gone.
    :param workers: runs the requests; by default a bounded number of threads.
    """

    def __init__(
        self,
        dialect: Dialect,
        orders: Iterable[OrderRef],
        *,
        product_type: str,
        margin_coin: str | None = None,
        verify: bool = True,
        chunk_size: int | None = None,
        deadline: float = 300.0,
        budget: Budget | None = None,
        send_seconds: float | None = None,
        lookback_days: int = DEFAULT_LOOKBACK_DAYS,
        report_cancelled: bool = False,
        simulate: bool = False,
        known_ends: Mapping[str, str] | None = None,
        workers: Workers | None = None,
    ) -> None:
        self.dialect = dialect
        self.product_type = product_type
        self.margin_coin = margin_coin
        self.verify = verify
        self.chunk_size = chunk_size
        self.report_cancelled = report_cancelled
        self.simulate = simulate
        self.clock = dialect.client.clock
        self.budget = budget or Budget(deadline, self.clock)
        # The last part of the deadline is kept for proving what was done.
        seconds = self.budget.remaining()
        reserve = max(0.0, min(5.0, seconds / 5))
        if send_seconds is not None:
            reserve = max(reserve, seconds - send_seconds)
        self._send_budget = self.budget.share(reserve=reserve)
        self.tracks = [OrderTrack(ref, ref.order_id) for ref in orders]
        self._known_ends = known_ends or {}
        tally = self.budget.tally
        self._began = self.clock.monotonic()
        # What a larger run sent before.
        self._sent_before = Tally(tally.requests, tally.retries, tally.rate_limited)
        self._read_completed = False
        self._good_scopes: set[tuple[str, str]] = set()
        self._taken: Counter[tuple[str, str]] = Counter()
        self._splits: Counter[tuple[str, str]] = Counter()
        #: What was in batches that the account takes in smaller ones only.
        self._too_large: list[OrderTrack] = []
        self._answered = 0
        self._refused = 0
        progress = Progress(len(self.tracks), self.clock, self._count_done)
        self._in_flight = InFlight(
            workers or ThreadedWorkers(IN_FLIGHT),
            self.budget,
            dialect.client,
            on_wait=progress.tick,
            on_abandon=self._abandon,
        )
        most_pages = 10 + 2 * (len(self.tracks) // 100)
        self._ends = ends = OrderLookUp(dialect, product_type, self._in_flight, self.budget, most_pages=most_pages)
        plan_ends = PlanOrderLookUp(
            dialect, product_type, self._in_flight, self.budget, most_pages=most_pages, orders=ends
        )
        self._normal_orders: OrderKind = NormalOrders(dialect, product_type, margin_coin, lookback_days, ends)
        self._plan_orders: OrderKind = PlanOrders(dialect, product_type, margin_coin, lookback_days, plan_ends)

    def run(self) -> CancelReport:
        """Cancel, prove, look up, and return the report.

        Whatever the exchange does ends in the report; ``report.error`` tells what ended the run early, if anything
        did. An exception that is not ours (Airflow's timeout, an interrupt) passes through after at most two seconds
        for the requests in flight; :meth:`report` then says what was done by then.
        """
        work = self._read_for_simulation if self.simulate else self._cancel_until_settled
        self._in_flight.carry_out(work, self._take_batch)
        return self.report()

    def request_stop(self) -> None:
        """Ask for the end of the run: no new request, two seconds for those in flight. Safe in a signal handler."""
        self._in_flight.request_stop()

    def report(self) -> CancelReport:
        """Return the report as things stand; what was not reached or not proven is ``unresolved``."""
        for track in self.tracks:
            if track.outcome is None:
                if self._in_flight.is_hopeless:
                    # No other try can reach what these credentials cannot reach.
                    track.curable = False
                track.settle_at_last(scope_is_good=track.scope in self._good_scopes)
        tally, before = self.budget.tally, self._sent_before
        return CancelReport(
            product_type=self.product_type,
            outcomes=tuple(track.outcome for track in self.tracks if track.outcome is not None),
            verified=self._read_completed and self.verify,
            simulated=self.simulate,
            report_cancelled=self.report_cancelled,
            requests=tally.requests - before.requests,
            retries=tally.retries - before.retries,
            rate_limited=tally.rate_limited - before.rate_limited,
            duration_ms=round((self.clock.monotonic() - self._began) * 1000),
            error=self._in_flight.fatal,
        )

    # The rounds

    def _cancel_until_settled(self) -> None:
        todo = self.tracks
        for round_number in itertools.count():
            # The other way round each time: where splitting had to stop, it begins with other batches.
            self._dispatch(todo if round_number % 2 == 0 else todo[::-1])
            if not self.verify:
                for track in self._unsettled():
                    track.settle_without_read()
            if self.verify or any(track.said is not Said.GONE for track in self._unsettled()):
                self._read_back()
            self._look_up_doubted()
            todo = self._to_send_again()
            if not todo:
                # What is open comes first; how the others ended can wait.
                self._look_up([track for track in self._gone() if not track.looked_up])
                todo = self._to_send_again()
            if not todo or not self._wait_before_round(todo, round_number):
                break
        self._look_again()

    def _to_send_again(self) -> list[OrderTrack]:
        """Return the orders that are open, or may be: an id may be sent again without harm, also without a read."""
        return [
            track
            for track in self._waiting()
            if track.open_symbol or (not track.was_read and track.said in _WORTH_SENDING_UNREAD)
        ]

    def _unsettled(self) -> list[OrderTrack]:
        return [track for track in self.tracks if track.outcome is None]

    def _waiting(self) -> list[OrderTrack]:
        """Return the orders that may be open: a plan order that has triggered is so no more, only its child may."""
        return [track for track in self.tracks if not track.end_is_known]

    def _kind_of(self, track: OrderTrack) -> OrderKind:
        return self._plan_orders if track.ref.plan_type else self._normal_orders

    def _by_kind(self, tracks: Sequence[OrderTrack]) -> Iterator[tuple[OrderKind, list[OrderTrack]]]:
        """Yield each kind of order that is among the orders, with those of that kind."""
        for kind in (self._normal_orders, self._plan_orders):
            if its_own := [track for track in tracks if self._kind_of(track) is kind]:
                yield kind, its_own

    def _wait_before_round(self, todo: list[OrderTrack], round_number: int) -> bool:
        """Wait until every order may be cancelled again; return whether there is time for another round."""
        rested = max(track.last_answer for track in todo) + SAME_ORDER_INTERVAL - self.clock.monotonic()
        pause = max(rested, 0.0) if round_number == 0 else max(rested, min(8.0, 2.0 ** (round_number - 1)))
        if pause >= self._send_budget.remaining():
            return False
        log.info("%d orders are still open; sending them again in %.1f s", len(todo), pause)
        self._in_flight.pause(pause)
        return True

    # Sending

    def _dispatch(self, tracks: list[OrderTrack]) -> None:
        """Send every order once, splitting batches that are refused as a whole."""
        self._read_completed = False
        for track in self._unsettled():
            track.was_read = False
        self._taken.clear()
        self._splits.clear()
        for track in tracks:
            track.next_try()
        self._send_in_batches(tracks)
        while self._too_large:
            again, self._too_large = self._too_large, []
            self._send_in_batches(again)
        for track in tracks:
            if track.in_company and not self._taken[_scope_of(track)]:
                track.refused_in_vain()

    def _send_in_batches(self, tracks: Sequence[OrderTrack]) -> None:
        for batch in self._batches(tracks):
            self._submit_batch(batch)
        self._in_flight.collect(self._take_batch)

    def _batches(self, tracks: Sequence[OrderTrack]) -> Iterator[list[OrderTrack]]:
        """Yield batches that the account takes, as far as its kind is known by now."""
        for kind, its_own in self._by_kind(tracks):
            yield from chunk_orders(its_own, min(self.chunk_size or kind.most_per_cancel, kind.most_per_cancel))

    def _submit_batch(self, tracks: list[OrderTrack], *, not_before: float = float("-inf")) -> None:
        batch = _Batch(tracks, not_before)
        self._in_flight.submit(partial(self._send, batch), batch)

    def _send(self, batch: _Batch) -> BatchAnswer:
        """Runs in a worker."""
        self._send_budget.wait(max(0.0, batch.not_before - self.clock.monotonic()))
        batch.started = True
        now = self.clock.time()
        for track in batch.tracks:
            track.first_sent = track.first_sent or now
        kind = self._kind_of(batch.tracks[0])
        return kind.cancel(batch.tracks, budget=self._send_budget, attempts=BATCH_ATTEMPTS)

    def _take_batch(self, batch: Any, answer: Any, error: BaseException | None) -> None:
        """Note what came of one batch; what a read brings after the end of the run concerns nobody any more."""
        if not isinstance(batch, _Batch):
            return
        now = self.clock.monotonic()
        for track in batch.tracks:
            track.last_answer = now
        if error is None:
            self._take_answer(batch.tracks, answer)
        elif isinstance(error, BitgetNotSentError):
            self._take_unsent(batch, error)
        elif isinstance(error, BitgetCallError):
            self._take_refusal(batch.tracks, error)
        elif isinstance(error, BitgetConfigError):
            # Refused before anything was sent, and so is every other batch.
            self._in_flight.end(error)
        else:
            raise error
        self._recount(batch.tracks)

    def _recount(self, tracks: list[OrderTrack]) -> None:
        """Keep the numbers of the progress line up to date, so that a line costs nothing however long the list."""
        for track in tracks:
            refused = track.said is Said.REFUSED
            answered = refused or track.said is Said.DONE or track.said is Said.GONE
            self._answered += answered - track.counted_answered
            self._refused += refused - track.counted_refused
            track.counted_answered, track.counted_refused = answered, refused

    def _take_answer(self, tracks: list[OrderTrack], answer: BatchAnswer) -> None:
        by_order_id = {track.order_id: track for track in tracks if track.order_id}
        by_client_oid = {track.ref.client_oid: track for track in tracks if track.ref.client_oid}

        def find(item: ItemAnswer) -> OrderTrack | None:
            return by_order_id.get(item.order_id) or by_client_oid.get(item.client_oid)

        succeeded = [(track, item) for item in answer.succeeded if (track := find(item))]
        failed = [(track, item) for item in answer.failed if (track := find(item))]
        strangers = len(answer.succeeded) + len(answer.failed) - len(succeeded) - len(failed)
        if strangers:
            log.warning("An answer named %d orders that were not in the request; they are ignored", strangers)
        listed: dict[int, set[bool]] = {}
        for track, item in succeeded:
            listed.setdefault(id(track), set()).add(True)
            track.done(item.order_id, is_named=answer.names_orders)
        for track, item in failed:
            listed.setdefault(id(track), set()).add(False)
            track.refused(item.code, item.message, category_of(item.code))
        for track in tracks:
            verdicts = listed.get(id(track))
            if verdicts is None:
                track.left_out()
            elif len(verdicts) == 2:
                track.unclear(track.code, track.message)
            track.maybe_processed |= answer.maybe_processed
        if succeeded:
            self._good_scopes.update(track.scope for track, _ in succeeded)
            self._taken.update((_scope_of(tracks[0]), _EVERY_SYMBOL))

    def _take_unsent(self, batch: _Batch, error: BitgetNotSentError) -> None:
        if isinstance(error, BitgetBatchTooLargeError):
            self._too_large += batch.tracks
        for track in batch.tracks:
            if error.maybe_processed:
                track.unclear()

    def _take_refusal(self, tracks: list[OrderTrack], error: BitgetCallError) -> None:
        """Note that a batch was refused as a whole, or got no answer to believe."""
        if isinstance(error, (BitgetAuthError, BitgetIpBanError)):
            self._in_flight.end(error)
        never_arrived = not error.code and not error.maybe_processed
        if never_arrived or error.category in (
            ErrorCategory.RATE_LIMIT,
            ErrorCategory.AUTH,
            ErrorCategory.ACCOUNT_MODE,
        ):
            self._hold_back(tracks, error)
        elif self._worth_splitting(tracks, error):
            self._split(tracks, error)
        elif error.category is ErrorCategory.AMBIGUOUS or not error.code:
            for track in tracks:
                track.unclear(error.code, error.message)
        else:
            in_company = len(tracks) > 1 and not describe(error.code).whole_scope
            for track in tracks:
                track.maybe_processed |= error.maybe_processed
                track.refused(error.code, error.message, error.category, in_company=in_company)

    def _hold_back(self, tracks: list[OrderTrack], error: BitgetCallError) -> None:
        for track in tracks:
            if error.maybe_processed:
                track.unclear(error.code, error.message)
            else:
                track.held_back(error.code, error.message, error.category)

    def _worth_splitting(self, tracks: list[OrderTrack], error: BitgetCallError) -> bool:
        """Whether halves may fare better: one bad order must not keep the others from being cancelled.

        A batch that is refused because an order is gone is not split the first time: the read of the open orders
        tells which of its orders are left, and only those go round again. In a market that moves another may be gone
        by then; now it is split. Nor is one that was refused perhaps for its plan type, which has another name.
        """
        if len(tracks) == 1 or not error.code or describe(error.code).whole_scope:
            return False
        if ErrorCategory.AMBIGUOUS is error.category or describe(error.code).category is ErrorCategory.CLOCK:
            return False
        if error.category is ErrorCategory.GONE and not any(track.gone_in_company for track in tracks):
            return False
        if error.category in PERHAPS_OF_THE_NAME and any(track.has_untried_name for track in tracks):
            return False
        most = FRUITLESS_SPLITS_WHEN_BUSY if error.category is ErrorCategory.TRANSIENT else FRUITLESS_SPLITS
        return all(
            self._splits[scope] < limit + 2 * self._taken[scope]
            for scope, limit in ((_scope_of(tracks[0]), most), (_EVERY_SYMBOL, most * _EVERY_SYMBOL_FACTOR))
        )

    def _split(self, tracks: list[OrderTrack], error: BitgetCallError) -> None:
        """Send the halves of a refused batch.

        After a refusal that may pass the exchange may have looked at each order, and it allows one cancel of an order a
        second.
        """
        self._splits.update((_scope_of(tracks[0]), _EVERY_SYMBOL))
        for track in tracks:
            track.maybe_processed |= error.maybe_processed
        rested = SAME_ORDER_INTERVAL if describe(error.code).category is ErrorCategory.TRANSIENT else 0.0
        half = len(tracks) // 2
        for part in (tracks[:half], tracks[half:]):
            self._submit_batch(part, not_before=self.clock.monotonic() + rested)

    # Proving

    def _read_back(self) -> None:
        """Read all open orders of the product type, and let that settle what it can.

        A kind of order whose lists cannot be read keeps no order of the other kind from being settled or sent again.
        """
        if not self._waiting():
            return
        pause, refusals = 1.0, 0
        while unread := [track for track in self._waiting() if not track.was_read]:
            refusals += self._read_open(unread)
            if all(track.was_read for track in unread):
                break
            if refusals >= READ_ATTEMPTS or self.budget.stopped or pause >= self.budget.remaining():
                return
            if self._send_budget.remaining() > 0 and any(map(_need_not_wait_for_reads, self._waiting())):
                return
            log.warning("The open orders could not be read; reading them again in %.0f s", pause)
            self._in_flight.pause(pause)
            pause = min(2.0, 2 * pause)
        self._read_completed = True

    def _read_open(self, tracks: Sequence[OrderTrack]) -> bool:
        """Read which of the orders are open, all lists side by side; return whether the exchange refused a read.

        The orders of a kind whose lists were all read to their end are settled by that.
        """
        refused = False

        def take(read_back: _ReadBack | None, found: Any, error: BaseException | None) -> None:
            nonlocal refused
            if read_back is None:
                self._take_fills(found, error)
                return
            refused |= isinstance(error, (BitgetBadRequestError, BitgetAccountRiskError))
            read_back.take(self._in_flight.result_of_read(found, error))

        reads_back = [_ReadBack(its_own, kind.reads(its_own)) for kind, its_own in self._by_kind(tracks)]
        for read_back in reads_back:
            for read in read_back.reads:
                self._in_flight.submit(partial(read_back.read_through, read, self.budget), read_back)
        taken = [track for track in tracks if track.is_taken and track.order_id and not track.ref.plan_type]
        if 0 < len(taken) <= MOST_CONFIRMED:
            self._in_flight.submit(partial(self._ends.filled, taken))
        self._in_flight.collect(take)
        for read_back in reads_back:
            read_back.settle()
        return refused

    def _take_fills(self, found: Any, error: BaseException | None) -> None:
        """Settle the orders that have filled although their cancel was acknowledged: that says it was received."""
        offset = self.dialect.client.exchange_time() - self.clock.time()
        for track, ended in self._in_flight.result_of_read(found, error) or ():
            track.settle_by_end(ended, offset)

    def _look_up(self, tracks: Sequence[OrderTrack]) -> None:
        """Ask how orders ended, and settle those whose end is known."""
        for track in tracks:
            if state := self._known_ends.get(track.order_id):
                track.settle_by_known_end(state)
        for kind, its_own in self._by_kind([track for track in tracks if track.outcome is None]):
            kind.look_up(its_own)

    def _look_up_doubted(self) -> None:
        """Ask after the orders that the book shows and the exchange says are gone, or refuses without a reason."""
        doubted = [track for track in self._waiting() if track.is_doubted]
        self._look_up([track for track in doubted if track.ref.plan_type])
        for said in (Said.GONE, Said.REFUSED):
            self._look_up_if_stale([track for track in doubted if track.said is said and not track.ref.plan_type])
        for track in doubted:
            if not track.end_is_known:
                track.settle_by_refusals()

    def _look_up_if_stale(self, doubted: Sequence[OrderTrack]) -> None:
        """Ask after orders of which the same was said against the book, unless a few of them tell that it is right."""
        step = -(-len(doubted) // DETAIL_FIRST) or 1
        sample, rest = doubted[::step], [track for place, track in enumerate(doubted) if place % step]
        self._look_up(sample)
        is_stale = any(track.end_is_known for track in sample)
        if is_stale or not all(track.shown_open or track.is_only_refused for track in sample):
            self._look_up(rest)
            return
        for track in rest:
            track.shown_open = all(asked.shown_open for asked in sample)
            track.without_end = all(asked.without_end for asked in sample)

    def _gone(self) -> list[OrderTrack]:
        """Return the orders that seem to have ended in a way that only the history can tell."""
        return [
            track
            for track in self._unsettled()
            if track.trigger is not None
            or (track.was_read and not track.open_symbol)
            or (not track.was_read and track.said is Said.GONE)
        ]

    def _look_again(self) -> None:
        """Look once more, a moment later, for orders whose end was not found: the history may lag.

        Again after that where they are few, or where something says that they were there: a long list of another
        account is not looked for again and again.
        """
        for number, pause in enumerate(LOOK_UP_PAUSES):
            missing = self._gone()
            if number > 0 and len(missing) > A_FEW:
                missing = [track for track in missing if self._was_there(track)]
            if not missing or pause >= self.budget.remaining():
                return
            self._in_flight.pause(pause)
            self._look_up(missing)

    def _was_there(self, track: OrderTrack) -> bool:
        """Whether an order that is not found was seen, or may have been cancelled, or others of its symbol were."""
        return track.may_be_told_later or track.seen_open or track.scope in self._good_scopes

    def _read_for_simulation(self) -> None:
        """Tell which orders would be sent: those that are open now."""
        if self.verify:
            self._read_back()
        for track in self._unsettled():
            is_missing = track.was_read and not track.open_symbol
            track.settle(Bucket.UNRESOLVED, Unresolved.NOT_FOUND if is_missing else Unresolved.NOT_SENT)
        batches = Counter(" ".join(filter(None, track.scope)) for track in self.tracks)
        log.info(
            "Simulated: nothing was sent. It would have been %d orders in %d requests (%s)",
            len(self.tracks),
            sum(1 for _ in self._batches(self.tracks)),
            ", ".join(f"{scope}: {count}" for scope, count in sorted(batches.items())),
        )

    def _abandon(self, carried: Any) -> None:
        """Nobody will wait for the answer to a batch that may have gone out."""
        for track in carried.tracks if isinstance(carried, _Batch) and carried.started else ():
            track.unclear()

    def _count_done(self) -> tuple[int, int]:
        """Return how many orders were answered, and how many of them were refused."""
        return self._answered, self._refused


def _need_not_wait_for_reads(track: OrderTrack) -> bool:
    """Whether an order can be sent again now, although the lists of others, or its own, cannot be read."""
    return bool(track.open_symbol) if track.was_read else track.said in _WORTH_SENDING_UNREAD


def _scope_of(track: OrderTrack) -> tuple[str, str]:
    """Return where an order is sent: its symbol, and the plan type under which it goes."""
    return track.symbol, track.plan_type
