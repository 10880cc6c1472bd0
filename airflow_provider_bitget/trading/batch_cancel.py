# SPDX-License-Identifier: Apache-2.0
"""Cancel a list of orders and say truthfully what became of each.

group by symbol -> chunk -> dispatch concurrently under the limiter -> classify each order -> refused batches split ->
open orders read back -> gone ones looked up -> what is still open goes round again -> report.

An order is ``cancelled`` only if an answer listed it as a success *and* a completed read of the open orders no longer
shows it, or if the history says that it ended cancelled and we may have done it. The endpoint's page:
https://www.bitget.com/api-doc/contract/trade/Batch-Cancel-Orders .
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.classic import BatchAnswer, ClassicDialect, EndedOrder, ItemAnswer, OpenOrder
from airflow_provider_bitget.api.client import SAME_ORDER_INTERVAL
from airflow_provider_bitget.api.error_codes import ErrorCategory, describe
from airflow_provider_bitget.api.exceptions import (
    BitgetAccountRiskError,
    BitgetAuthError,
    BitgetBadRequestError,
    BitgetCallError,
    BitgetConfigError,
    BitgetError,
    BitgetIpBanError,
    BitgetNotSentError,
)
from airflow_provider_bitget.trading.order_list import OrderRef, chunk_orders
from airflow_provider_bitget.trading.progress import Progress
from airflow_provider_bitget.trading.report import Bucket, CancelReport, Unresolved
from airflow_provider_bitget.trading.track import OrderTrack, Said, category_of
from airflow_provider_bitget.trading.workers import ThreadedWorkers, Workers

log = logging.getLogger(__name__)

IN_FLIGHT: Final = 24
"""Requests under way at the same time at most."""

GRACE_SECONDS: Final = 2.0
"""How long requests in flight are waited for after a stop."""

BATCH_ATTEMPTS: Final = 3
"""How often a batch is sent before its orders go round again (in smaller batches, if the exchange gave a code)."""

READ_ATTEMPTS: Final = 3
"""How often the open orders are read before they count as unreadable, where the exchange refuses the read itself.

Anything else may pass, and everything hangs on this read: it is repeated until the deadline.
"""

DETAIL_FIRST: Final = 3
"""Up to this many orders are looked up one by one straight away; more are looked for in the history first."""

LOOK_UP_SLICE: Final = 100
"""How many orders are looked up one by one before the exchange must have known at least one of them."""

LOOK_UP_PAUSES: Final = (1.0, 2.0, 3.0)
"""Seconds before an order that was not found is looked up again: the history may lag behind the book."""

FRUITLESS_SPLITS: Final = 64
"""How many refused batches of a symbol are split per round before any batch is taken; each that is allows two more.

Enough to single out every order of a full batch. A refusal that really speaks of the symbol or the account, with a code
that is not known for it, then costs some requests and not thousands.
"""

FRUITLESS_SPLITS_WHEN_BUSY: Final = 8
"""The same after a refusal that may pass by itself: it is rarely about one order."""

_EVERY_SYMBOL: Final = ""
_EVERY_SYMBOL_FACTOR: Final = 4

_STEP: Final = 0.1


@dataclass(slots=True, eq=False)
class _Batch:
    """Orders that travel together, not before a moment of the monotonic clock."""

    tracks: list[OrderTrack]
    not_before: float = float("-inf")
    started: bool = False


class BatchCancel:
    """One run over one list of orders. Use it once.

    :param dialect: how to speak to the account.
    :param orders: what to cancel, validated and without duplicates.
    :param product_type: product type of all orders.
    :param margin_coin: optional margin coin.
    :param verify: read the open orders back.
    :param chunk_size: orders per request, at most the dialect's own maximum.
    :param deadline: seconds for the whole run.
    :param report_cancelled: list the cancelled ids in the report.
    :param simulate: read, and send nothing that changes anything.
    :param known_ends: ``filled`` or ``cancelled`` by orderId, as an earlier try has proven it; it only names the end
        of an order that the exchange says is gone.
    :param workers: runs the requests; by default a bounded number of threads.
    """

    def __init__(
        self,
        dialect: ClassicDialect,
        orders: Iterable[OrderRef],
        *,
        product_type: str,
        margin_coin: str | None = None,
        verify: bool = True,
        chunk_size: int | None = None,
        deadline: float = 300.0,
        report_cancelled: bool = False,
        simulate: bool = False,
        known_ends: Mapping[str, str] | None = None,
        workers: Workers | None = None,
    ) -> None:
        self.dialect = dialect
        self.product_type = product_type
        self.margin_coin = margin_coin
        self.verify = verify
        self.chunk_size = min(chunk_size or dialect.most_ids_per_cancel, dialect.most_ids_per_cancel)
        self.report_cancelled = report_cancelled
        self.simulate = simulate
        self.known_ends = known_ends or {}
        self.clock = dialect.client.clock
        self.budget = Budget(deadline, self.clock)
        # The last part of the deadline is kept for proving what was done.
        self._send_budget = self.budget.share(reserve=min(5.0, deadline / 5))
        self.tracks = [OrderTrack(ref, ref.order_id) for ref in orders]
        self._workers = workers or ThreadedWorkers(IN_FLIGHT)
        self._flying: dict[int, _Batch | None] = {}
        self._tags = itertools.count()
        self._stop_requested = False
        self._fatal: BitgetError | None = None
        self._read_completed = False
        self._read_refused = False
        self._taken: Counter[str] = Counter()
        self._splits: Counter[str] = Counter()
        self._answered = 0
        self._refused = 0
        self._progress = Progress(len(self.tracks), self.clock, self._count_done)

    def run(self) -> CancelReport:
        """Cancel, prove, look up, and return the report.

        Whatever the exchange does ends in the report; ``report.error`` tells what ended the run early, if anything
        did. An exception that is not ours (Airflow's timeout, an interrupt) passes through after at most two seconds
        for the requests in flight; :meth:`report` then says what was done by then.
        """
        try:
            if self.simulate:
                self._read_for_simulation()
            else:
                self._cancel_until_settled()
        except BitgetError as error:
            self._fatal = self._fatal or error
            self.budget.stop()
            self._drain()
        except BaseException:
            self.budget.stop()
            self._drain()
            raise
        finally:
            self._workers.close()
        return self.report()

    def request_stop(self) -> None:
        """Ask for the end of the run: no new request, two seconds for those in flight. Safe in a signal handler."""
        self._stop_requested = True

    def report(self) -> CancelReport:
        """Return the report as things stand; what was not reached or not proven is ``unresolved``."""
        for track in self.tracks:
            if track.outcome is None:
                if isinstance(self._fatal, BitgetAuthError):
                    # No other try can reach what these credentials cannot reach.
                    track.curable = False
                track.settle_at_last(read_completed=self._read_completed)
        tally = self.budget.tally
        return CancelReport(
            product_type=self.product_type,
            outcomes=tuple(track.outcome for track in self.tracks if track.outcome is not None),
            verified=self._read_completed and self.verify,
            simulated=self.simulate,
            report_cancelled=self.report_cancelled,
            requests=tally.requests,
            retries=tally.retries,
            rate_limited=tally.rate_limited,
            duration_ms=round(self.budget.elapsed() * 1000),
            error=self._fatal,
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
            self._look_up([track for track in self._gone() if not track.looked_up])
            todo = [track for track in self._unsettled() if self._read_completed and track.open_symbol]
            if not todo or not self._wait_before_round(todo, round_number):
                break
        self._look_again()

    def _unsettled(self) -> list[OrderTrack]:
        return [track for track in self.tracks if track.outcome is None]

    def _wait_before_round(self, todo: list[OrderTrack], round_number: int) -> bool:
        """Wait until every order may be cancelled again; return whether there is time for another round."""
        rested = max(track.last_answer for track in todo) + SAME_ORDER_INTERVAL - self.clock.monotonic()
        pause = max(rested, 0.0) if round_number == 0 else max(rested, min(8.0, 2.0 ** (round_number - 1)))
        if pause >= self._send_budget.remaining():
            return False
        log.info("%d orders are still open; sending them again in %.1f s", len(todo), pause)
        self._pause(pause)
        return True

    # Sending

    def _dispatch(self, tracks: list[OrderTrack]) -> None:
        """Send every order once, splitting batches that are refused as a whole."""
        self._read_completed = False
        self._taken.clear()
        self._splits.clear()
        for track in tracks:
            track.in_company = False
        for chunk in chunk_orders(tracks, self.chunk_size):
            self._submit_batch(chunk)
        self._collect(self._take_batch)
        for track in tracks:
            if track.in_company and not self._taken[track.symbol]:
                track.refused_in_vain()

    def _submit_batch(self, tracks: list[OrderTrack], *, not_before: float = float("-inf")) -> None:
        batch = _Batch(tracks, not_before)
        self._submit(partial(self._send, batch), batch)

    def _send(self, batch: _Batch) -> BatchAnswer:
        """Runs in a worker."""
        self._send_budget.wait(max(0.0, batch.not_before - self.clock.monotonic()))
        batch.started = True
        now = self.clock.time()
        for track in batch.tracks:
            track.first_sent = track.first_sent or now
        first = batch.tracks[0].ref
        return self.dialect.batch_cancel(
            [(track.ref.id_field, track.ref.id_value) for track in batch.tracks],
            symbol=first.symbol,
            product_type=self.product_type,
            margin_coin=self.margin_coin,
            budget=self._send_budget,
            attempts=BATCH_ATTEMPTS,
        )

    def _take_batch(self, batch: _Batch | None, answer: Any, error: BaseException | None) -> None:
        """Note what came of one batch."""
        if batch is None:
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
            track.done(item.order_id)
        for track, item in failed:
            listed.setdefault(id(track), set()).add(False)
            track.refused(item.code, item.message, category_of(item.code))
        for track in tracks:
            verdicts = listed.get(id(track))
            if verdicts is None or len(verdicts) == 2:
                track.unclear(track.code, track.message)
            track.maybe_processed |= answer.maybe_processed
        if succeeded:
            self._taken.update((tracks[0].symbol, _EVERY_SYMBOL))

    def _take_unsent(self, batch: _Batch, error: BitgetNotSentError) -> None:
        for track in batch.tracks:
            if error.maybe_processed:
                track.unclear()

    def _take_refusal(self, tracks: list[OrderTrack], error: BitgetCallError) -> None:
        """Note that a batch was refused as a whole, or got no answer to believe."""
        if isinstance(error, (BitgetAuthError, BitgetIpBanError)):
            self._fatal = self._fatal or error
            self.budget.stop()
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
        by then; now it is split.
        """
        if len(tracks) == 1 or not error.code or describe(error.code).whole_scope:
            return False
        if error.category is ErrorCategory.AMBIGUOUS:
            return False
        if error.category is ErrorCategory.GONE and not any(track.gone_in_company for track in tracks):
            return False
        most = FRUITLESS_SPLITS_WHEN_BUSY if error.category is ErrorCategory.TRANSIENT else FRUITLESS_SPLITS
        return all(
            self._splits[scope] < limit + 2 * self._taken[scope]
            for scope, limit in ((tracks[0].symbol, most), (_EVERY_SYMBOL, most * _EVERY_SYMBOL_FACTOR))
        )

    def _split(self, tracks: list[OrderTrack], error: BitgetCallError) -> None:
        """Send the halves of a refused batch.

        After a refusal that may pass the exchange may have looked at each order, and it allows one cancel of an order a
        second.
        """
        self._splits.update((tracks[0].symbol, _EVERY_SYMBOL))
        for track in tracks:
            track.maybe_processed |= error.maybe_processed
        rested = SAME_ORDER_INTERVAL if describe(error.code).category is ErrorCategory.TRANSIENT else 0.0
        half = len(tracks) // 2
        for part in (tracks[:half], tracks[half:]):
            self._submit_batch(part, not_before=self.clock.monotonic() + rested)

    # Proving

    def _read_back(self) -> None:
        """Read all open orders of the product type, and let that settle what it can.

        Two reads side by side, without ``status`` and with ``partially_filled``: the sources contradict each other on
        what the first returns.
        """
        if not self._unsettled() and not self.simulate:
            return
        pause, refusals = 1.0, 0
        while (found := self._read_open()) is None:
            refusals += self._read_refused
            if refusals >= READ_ATTEMPTS or self.budget.stopped or pause >= self.budget.remaining():
                return
            log.warning("The open orders could not be read; reading them again in %.0f s", pause)
            self._pause(pause)
            pause = min(8.0, 2 * pause)
        self._read_completed = True
        for track in self._unsettled():
            track.open_symbol = found.get(id(track), "")
            track.settle_by_read()

    def _read_open(self) -> dict[int, str] | None:
        """Return the symbols under which orders are open, by track; ``None`` if a read did not reach its end."""
        by_order_id = {track.order_id: track for track in self._unsettled() if track.order_id}
        by_client_oid = {track.ref.client_oid: track for track in self._unsettled() if not track.order_id}
        results: list[dict[int, str] | None] = []
        self._read_refused = False

        def read(status: str | None) -> dict[int, str]:
            found: dict[int, str] = {}
            pages = self.dialect.open_orders(product_type=self.product_type, status=status, budget=self.budget)
            for order in itertools.chain.from_iterable(pages):
                track = by_order_id.get(order.order_id) or by_client_oid.get(order.client_oid)
                if track is not None:
                    found[id(track)] = order.symbol or track.symbol
            return found

        def take(_batch: _Batch | None, found: Any, error: BaseException | None) -> None:
            self._read_refused |= isinstance(error, (BitgetBadRequestError, BitgetAccountRiskError))
            results.append(self._result_or_none(found, error))

        for status in (None, "partially_filled"):
            self._submit(partial(read, status))
        self._collect(take)
        if len(results) != 2 or None in results:
            return None
        return {key: symbol for result in results if result for key, symbol in result.items()}

    def _gone(self) -> list[OrderTrack]:
        """Return the orders that seem to have ended in a way that only the history can tell."""
        return [
            track
            for track in self._unsettled()
            if (self._read_completed and not track.open_symbol)
            or (not self._read_completed and track.said is Said.GONE)
        ]

    def _look_up(self, tracks: list[OrderTrack]) -> None:
        """Ask how orders ended: the history in bulk, then one by one what it did not show."""
        for track in tracks:
            state = self.known_ends.get(track.order_id)
            if state is not None and track.said is Said.GONE and not track.maybe_processed:
                track.settle(Bucket.ALREADY_CLOSED, state)
        tracks = [track for track in tracks if track.outcome is None]
        if len(tracks) > DETAIL_FIRST:
            self._look_through_history(tracks)
        for track in tracks:
            track.looked_up = True
        self._look_one_by_one([track for track in tracks if track.outcome is None])

    def _look_one_by_one(self, tracks: list[OrderTrack]) -> None:
        """Ask for single orders, a slice at a time, until a whole slice is unknown to the exchange.

        Then the list is of another account or product type, and asking for thousands more would find nothing either.
        """
        for start in range(0, len(tracks), LOOK_UP_SLICE):
            part = tracks[start : start + LOOK_UP_SLICE]
            for track in part:
                self._submit(partial(self._look_at, track))
            self._collect(self._take_look)
            if not any(track.outcome or track.open_symbol for track in part):
                return

    def _look_through_history(self, tracks: list[OrderTrack]) -> None:
        wanted = {track.order_id or track.ref.client_oid: track for track in tracks}
        most_pages = 10 + 2 * (len(self.tracks) // 100)

        def read() -> list[tuple[OrderTrack, EndedOrder]]:
            ends: list[tuple[OrderTrack, EndedOrder]] = []
            pages = self.dialect.orders_history(product_type=self.product_type, budget=self.budget)
            for page in itertools.islice(pages, most_pages):
                for ended in page:
                    track = wanted.get(ended.order_id) or wanted.get(ended.client_oid)
                    # A clientOid may have been used again, under another symbol.
                    if track is not None and (track.order_id or ended.symbol == track.symbol):
                        del wanted[track.order_id or track.ref.client_oid]
                        ends.append((track, ended))
                if not wanted:
                    break
            return ends

        def take(_batch: _Batch | None, ends: Any, error: BaseException | None) -> None:
            for track, ended in self._result_or_none(ends, error) or ():
                track.settle_by_end(ended, self._clock_offset())

        self._submit(read)
        self._collect(take)

    def _look_at(self, track: OrderTrack) -> tuple[OrderTrack, EndedOrder | OpenOrder | None]:
        """Runs in a worker."""
        found = self.dialect.order_detail(
            symbol=track.symbol,
            product_type=self.product_type,
            order_id=track.order_id,
            client_oid="" if track.order_id else track.ref.client_oid,
            budget=self.budget,
        )
        return track, found

    def _take_look(self, _batch: _Batch | None, result: Any, error: BaseException | None) -> None:
        track, found = self._result_or_none(result, error) or (None, None)
        if track is None or found is None:
            return
        if isinstance(found, EndedOrder):
            track.settle_by_end(found, self._clock_offset())
        elif self._read_completed:
            # Older than the window of the open orders: it rests all the same.
            track.open_symbol = found.symbol or track.symbol
            track.doubtful = track.acknowledged
            # The next read cannot show it either.
            track.looked_up = False

    def _look_again(self) -> None:
        """Look once more, a moment later, for orders whose end was not found: the history may lag."""
        for number, pause in enumerate(LOOK_UP_PAUSES):
            missing = [track for track in self._gone() if number == 0 or track.maybe_processed]
            if not missing or pause >= self.budget.remaining():
                return
            self._pause(pause)
            self._look_up(missing)

    def _read_for_simulation(self) -> None:
        """Tell which orders would be sent: those that are open now."""
        if self.verify:
            self._read_back()
        for track in self.tracks:
            is_missing = self._read_completed and not track.open_symbol
            track.settle(Bucket.UNRESOLVED, Unresolved.NOT_FOUND if is_missing else Unresolved.NOT_SENT)
        batches = Counter(track.symbol for track in self.tracks)
        log.info(
            "Simulated: nothing was sent. It would have been %d orders in %d requests (%s)",
            len(self.tracks),
            sum(1 for _ in chunk_orders(self.tracks, self.chunk_size)),
            ", ".join(f"{symbol}: {count}" for symbol, count in sorted(batches.items())),
        )

    def _clock_offset(self) -> float:
        return self.dialect.client.exchange_time() - self.clock.time()

    # Waiting for workers

    def _submit(self, job: Callable[[], Any], batch: _Batch | None = None) -> None:
        tag = next(self._tags)
        self._flying[tag] = batch
        self._workers.submit(tag, job)

    def _collect(self, take: Callable[[_Batch | None, Any, BaseException | None], None]) -> None:
        """Hand every result to ``take`` until nothing is under way, the run was stopped, or its deadline is over.

        :raises BitgetError: what makes any further request pointless.
        """
        stopped_at: float | None = None
        while self._flying:
            self._heed_stop()
            if stopped_at is None and (self.budget.stopped or self.budget.remaining() <= 0):
                stopped_at = self.clock.monotonic()
            done = self._workers.next_done(_STEP)
            self._progress.tick()
            if done is not None:
                tag, result, error = done
                if tag in self._flying:
                    # Forgotten only when taken: an interrupt in between must not make a sent batch look unsent.
                    take(self._flying[tag], result, error)
                    del self._flying[tag]
            elif stopped_at is not None and self.clock.monotonic() - stopped_at >= GRACE_SECONDS:
                self._abandon()
        if self._fatal is not None:
            raise self._fatal
        if self.budget.stopped:
            raise BitgetNotSentError("stopped")

    def _drain(self) -> None:
        """Take what the requests in flight bring within the grace, after an exception that is not ours."""
        give_up = self.clock.monotonic() + GRACE_SECONDS
        while self._flying and (left := give_up - self.clock.monotonic()) > 0:
            done = self._workers.next_done(min(_STEP, left))
            if done is not None and done[0] in self._flying:
                batch = self._flying.pop(done[0])
                if done[2] is None or isinstance(done[2], (BitgetCallError, BitgetNotSentError)):
                    self._take_batch(batch, done[1], done[2])
        self._abandon()

    def _abandon(self) -> None:
        """Give up on what is still under way: it may or may not be carried out."""
        for batch in self._flying.values():
            for track in batch.tracks if batch is not None and batch.started else ():
                track.unclear()
        self._flying.clear()

    def _result_or_none(self, result: Any, error: BaseException | None) -> Any:
        """Return the result of a read; ``None`` for one that failed in a way that only concerns itself."""
        if error is None:
            return result
        if isinstance(error, BitgetAuthError):
            about_this_request = error.code == "40009" and self.dialect.client.signed_successes > 0
            if not about_this_request:
                self._fatal = self._fatal or error
                self.budget.stop()
        elif isinstance(error, BitgetIpBanError):
            self._fatal = self._fatal or error
            self.budget.stop()
        elif not isinstance(error, BitgetError) or isinstance(error, BitgetConfigError):
            raise error
        if not isinstance(error, BitgetNotSentError):
            log.warning("A read failed: %s", error)
        return None

    def _heed_stop(self) -> None:
        if self._stop_requested:
            self.budget.stop()

    def _pause(self, seconds: float) -> None:
        """Wait in short steps, so that a stop takes effect."""
        end = self.clock.monotonic() + seconds
        while (left := end - self.clock.monotonic()) > 0:
            self._heed_stop()
            self.budget.check()
            self._progress.tick()
            self.clock.wait(min(_STEP, left), _never)

    def _count_done(self) -> tuple[int, int]:
        """Return how many orders were answered, and how many of them were refused."""
        return self._answered, self._refused


_never = threading.Event()


def cancel_orders(dialect: ClassicDialect, orders: Sequence[OrderRef], **options: Any) -> CancelReport:
    """Cancel ``orders`` and return the report; ``options`` are those of :class:`BatchCancel`."""
    return BatchCancel(dialect, orders, **options).run()
