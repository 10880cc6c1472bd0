# SPDX-License-Identifier: Apache-2.0
"""Take every open order and plan order of a scope off the book, and prove that none is left.

read what is open -> cancel it by ids, batch by batch -> read again -> ... until two complete reads in a row, some time
apart, show nothing -> for a whole product type, the exchange's own "no order to cancel" -> report.

Orders that appear meanwhile belong to the scope and are cancelled as well. Nothing is ever placed.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.dialect import Dialect
from airflow_provider_bitget.api.exceptions import (
    BitgetAuthError,
    BitgetCallError,
    BitgetError,
    BitgetIpBanError,
    BitgetNotSentError,
)
from airflow_provider_bitget.api.rows import (
    DEFAULT_LOOKBACK_DAYS,
    PLAN_TYPES,
    PROTECTIVE_PLAN_TYPES,
    OpenOrder,
    OpenPlanOrder,
    Position,
)
from airflow_provider_bitget.trading.batch_cancel import BatchCancel
from airflow_provider_bitget.trading.books import (
    ORDERS,
    PLAN_ORDERS,
    BookNumbers,
    Books,
    BooksReader,
    EmptyReads,
    order_row,
    reach_of,
    utc_text,
)
from airflow_provider_bitget.trading.cancel_targets import CancelTargets, Target, is_protective
from airflow_provider_bitget.trading.mass_cancel import MassCancel
from airflow_provider_bitget.trading.report import MOST_ROWS, CancelReport
from airflow_provider_bitget.trading.scope import Scope, ScopeArgumentError, parse_plan_types
from airflow_provider_bitget.trading.workers import Workers

log = logging.getLogger(__name__)

READ_AGAIN: Final = 2.0
"""Seconds at most between two reads while orders wait to be sent again: new ones may have come."""

FIRST_LOOK_SECONDS: Final = 3.0
"""When the look at what there was before is given up."""

BATCH_SECONDS: Final = 20.0
"""How long one batch cancel takes at most: what it cannot settle must not keep new orders waiting."""

STOPS_SECONDS: Final = 2.0
"""For how long after a read that shows no position its stops are sent, where those of open positions are kept."""

ORDERS_PER_SECOND: Final = 100
"""How many orders in one batch cancel buy it another second."""

PLAN_ORDERS_PER_SECOND: Final = 10
"""The same for plan orders: some accounts take them one by one."""


@dataclass(frozen=True, slots=True)
class CancelAllReport(CancelReport):
    """What became of every order that was seen open within the scope.

    :param scope: where orders were looked for.
    :param kept: plan orders that were left alone because they protect an open position.
    :param read_from: orders placed before this moment may have been missed; seconds since the epoch, 0.0 without a
        complete read.
    :param read_to: when the last complete read began, on the same clock.
    :param any_age: the exchange itself has said that no order of any age is left (plan orders excepted).
    :param books: what each complete read showed, oldest first.
    """

    scope: Scope = field(default_factory=lambda: Scope(""))
    kept: tuple[OpenPlanOrder, ...] = ()
    read_from: float = 0.0
    read_to: float = 0.0
    any_age: bool = False
    books: tuple[Books | BookNumbers, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON types; each list holds at most 1,000 rows, the counts are always whole."""
        row = CancelReport.to_dict(self)
        buckets = {name: row.pop(name) for name in ("cancelled", "already_closed", "failed", "unresolved")}
        return {
            "product_type": row.pop("product_type"),
            "symbol": self.scope.symbol or "",
            "counts": row.pop("counts"),
            **buckets,
            "kept": [order_row(plan) for plan in self.kept[:MOST_ROWS]],
            "truncated": row.pop("truncated") or len(self.kept) > MOST_ROWS,
            "verified": row.pop("verified"),
            "simulated": row.pop("simulated"),
            "range": {
                "from": utc_text(self.read_from) if self.read_to else "",
                "to": utc_text(self.read_to) if self.read_to else "",
                "any_age": self.any_age,
            },
            **row,
            "books": [books.snapshot() for books in self.books[-MOST_ROWS:]],
        }


class CancelAll:
    """One run over one scope. Use it once.

    :param dialect: how to speak to the account.
    :param scope: which orders are meant.
    :param orders: cancel open orders.
    :param plan_types: which types of plan orders (trigger, trailing, take-profit, stop-loss) to cancel.
    :param keep_stops_of_open_positions: leave take-profit and stop-loss orders alone whose position is open; the others
        go only once complete reads have shown no position for ``settle`` seconds.
    :param look_first: read everything in the scope once before, positions and the plan orders of every type too, so
        that the report knows what there was. Nothing depends on this look: it is given up after three seconds.
    :param deadline: seconds for the whole run.
    :param settle: seconds at least between the two reads that have to show nothing.
    :param chunk_size: orders per request at most; never more than the account takes in one.
    :param report_cancelled: list the cancelled ids in the report.
    :param simulate: read once, and send nothing that changes anything.
    :param known_ends: ``filled`` or ``cancelled`` by orderId, as an earlier try has proven it.
    :param workers: runs the requests; by default a bounded number of threads.
    :raises ScopeArgumentError: ``plan_types`` holds an unknown type, or there is nothing at all to cancel.
    """

    def __init__(
        self,
        dialect: Dialect,
        scope: Scope,
        *,
        orders: bool = True,
        plan_types: Collection[str] = PLAN_TYPES,
        keep_stops_of_open_positions: bool = False,
        look_first: bool = False,
        deadline: float = 300.0,
        settle: float = 1.0,
        chunk_size: int | None = None,
        report_cancelled: bool = False,
        simulate: bool = False,
        known_ends: Mapping[str, str] | None = None,
        workers: Workers | None = None,
    ) -> None:
        self.dialect = dialect
        self.scope = scope
        self.orders = orders
        self.plan_types = parse_plan_types(plan_types)
        if not orders and not self.plan_types:
            raise ScopeArgumentError(
                "There is nothing to cancel: orders is False and plan_types is empty.", field="plan_types"
            )
        self.keep_stops = keep_stops_of_open_positions
        self.look_first = look_first
        self.chunk_size = chunk_size
        self.report_cancelled = report_cancelled
        self.simulate = simulate
        self.known_ends = known_ends
        self.workers = workers
        self.clock = dialect.client.clock
        self.budget = Budget(deadline, self.clock)
        # A stop whose row names no margin coin may be of a position in any of them.
        self._reader = BooksReader(
            dialect, scope, self.budget, every_margin_coin=keep_stops_of_open_positions, workers=workers
        )
        self._in_flight = self._reader.in_flight
        self._targets = CancelTargets(
            scope.product_type, settle=settle if self.keep_stops else None, redact=dialect.client.redact
        )
        self._mass = MassCancel(dialect, scope.product_type, self._in_flight, self.budget, self._targets)
        self._mass.is_usable = scope.is_whole and orders
        self._quiet = EmptyReads(settle)
        # The same, of reads that reached back as far as the scope demands.
        self._quiet_to_the_end = EmptyReads(settle)
        self._books: list[BookNumbers] = []
        self._read_from = self._read_to = 0.0
        self._kept: tuple[OpenPlanOrder, ...] = ()
        self._has_read_to_the_end = False
        self._failed_reads = 0
        self._verified = False
        self._error: Exception | None = None
        self._batch: BatchCancel | None = None
        self._first_look: BooksReader | None = None
        self._stop_requested = False

    def run(self) -> CancelAllReport:
        """Cancel until nothing is left, prove it, and return the report.

        Whatever the exchange does ends in the report; ``report.error`` tells what kept the run from its proof. An
        exception that is not ours (Airflow's timeout, an interrupt) passes through after at most two seconds for the
        requests in flight; :meth:`report` then says what was done by then.
        """
        error = self._in_flight.carry_out(self._do_all, self._mass.take)
        if error is not None:
            self._error = self._reason(error)
        return self.report()

    def _do_all(self) -> None:
        if self.look_first:
            self._look_at_everything()
        if self.simulate:
            self._read_for_simulation()
        else:
            self._cancel_until_none_is_left()

    def _reason(self, error: BitgetError) -> Exception | None:
        """Return what kept the run from its proof; a deadline says less than the read that failed before it."""
        if not isinstance(error, BitgetNotSentError) or error.reason != "deadline":
            return error
        return self._error or (None if self._verified else error)

    def request_stop(self) -> None:
        """Ask for the end of the run: no new request, two seconds for those in flight. Safe in a signal handler."""
        self._stop_requested = True
        self._reader.request_stop()
        for part in (self._first_look, self._batch):
            if part is not None:
                part.request_stop()

    def report(self) -> CancelAllReport:
        """Return the report as things stand; what was not reached or not proven is ``unresolved``."""
        any_age = self._verified and self._mass.found_nothing
        tally = self.budget.tally
        return CancelAllReport(
            product_type=self.scope.product_type,
            outcomes=self._targets.outcomes(),
            verified=self._verified,
            simulated=self.simulate,
            report_cancelled=self.report_cancelled,
            requests=tally.requests,
            retries=tally.retries,
            rate_limited=tally.rate_limited,
            duration_ms=round(self.budget.elapsed() * 1000),
            error=self._error,
            scope=self.scope,
            kept=self._kept,
            # Of the lists that the exchange's word does not speak of.
            read_from=reach_of(self._read_to, self.scope.lookback_days) if any_age else self._read_from,
            read_to=self._read_to,
            any_age=any_age,
            books=tuple(self._books),
        )

    # The rounds

    def _cancel_until_none_is_left(self) -> None:
        # The newest months first: most orders are that young, and they should not wait for the rest to be read.
        lookback_days = min(self.scope.lookback_days, DEFAULT_LOOKBACK_DAYS)
        while True:
            is_complete = self._look(lookback_days)
            lookback_days = self.scope.lookback_days
            # What protects a position is sent only right after its position was seen to be gone.
            due = self._targets.due(self.clock.monotonic(), protective=is_complete or not self.keep_stops)
            if due:
                self._cancel(due)
            elif not is_complete:
                self._rest_after_failed_read()
            elif self._is_proven() and self._targets.are_through:
                self._mass.name_orders()
                return
            else:
                self._in_flight.pause(self._pause())

    def _read_for_simulation(self) -> None:
        while not self._look(self.scope.lookback_days):
            self._rest_after_failed_read()
        self._verified = True

    def _rest_after_failed_read(self) -> None:
        pause = min(2.0, float(self._failed_reads))
        log.warning("The open orders could not be read; reading them again in %.0f s", pause)
        self._in_flight.pause(pause)

    def _is_proven(self) -> bool:
        """Return whether nothing is left that could be cancelled; where possible the exchange itself is asked."""
        if self._mass.is_usable and self._targets.are_through:
            self._verified = self._quiet.are_proof and self._ask_exchange()
        else:
            self._verified = self._quiet_to_the_end.are_proof
        return self._verified

    def _ask_exchange(self) -> bool:
        if self._mass.pause(self.clock.monotonic()) > 0:
            return False
        self._mass.ask()
        if not self._mass.found_nothing:
            # It may have changed the state: that has to be read anew, and to its end.
            self._start_proof_again()
            self._has_read_to_the_end = False
        return self._mass.found_nothing

    def _start_proof_again(self) -> None:
        self._verified = False
        self._quiet.reset()
        self._quiet_to_the_end.reset()

    def _pause(self) -> float:
        """Return how long to wait before the next read."""
        now = self.clock.monotonic()
        settling = max(self._quiet.pause(now), self._quiet_to_the_end.pause(now))
        waiting = self._targets.pause(now)
        if waiting is None:
            return max(settling, min(READ_AGAIN, self._mass.pause(now)))
        return min(READ_AGAIN, waiting, settling or READ_AGAIN)

    # Reading

    def _look_at_everything(self) -> None:
        """Note what there is before anything is cancelled, if that can be read within moments."""
        # A deadline of its own, and so a stop of its own; what is sent counts here.
        budget = Budget(min(FIRST_LOOK_SECONDS, self.budget.remaining()), self.clock)
        budget.tally = self.budget.tally
        self._first_look = BooksReader(self.dialect, self.scope, budget, workers=self.workers)
        if self._stop_requested:
            self._first_look.request_stop()
        try:
            self._books.append(self._first_look.read(lookback_days=DEFAULT_LOOKBACK_DAYS).numbers())
        except (BitgetCallError, BitgetNotSentError) as error:
            log.warning("What there was before is not known to the last: %s", error)
        finally:
            # Whatever ended the look: no request of it after that.
            budget.stop()
            self._first_look.close()
            self._first_look = None

    def _look(self, lookback_days: int) -> bool:
        """Read what is open, and note what of it has to go; return whether every list was read to its end."""
        order_lookback = min(lookback_days, self._order_lookback())
        began = self.clock.monotonic()
        try:
            books = self._reader.read(
                orders=self.orders,
                plan_orders=bool(self.plan_types),
                positions=self.keep_stops,
                plan_types=self.plan_types,
                lookback_days=lookback_days,
                order_lookback_days=order_lookback,
            )
        except (BitgetAuthError, BitgetIpBanError):
            raise
        except BitgetCallError as error:
            self._error = error
            self._failed_reads += 1
            self._start_proof_again()
            self._take_part_of_the_books()
            return False
        self._error = None
        self._failed_reads = 0
        whole = self.scope.lookback_days
        self._take_books(books, to_the_end={ORDERS: order_lookback >= whole, PLAN_ORDERS: lookback_days >= whole})
        self._count_as_proof(began, for_plans=lookback_days >= whole, for_orders=order_lookback >= whole)
        return True

    def _take_part_of_the_books(self) -> None:
        """What a failed read has shown is open: one list that cannot be read must not keep the others' orders there."""
        books = self._reader.seen
        if books is None:
            return
        wanted, kept = self._sort_out(books)
        if self.keep_stops:
            wanted = [order for order in wanted if not is_protective(order)]
        self._targets.note_some(wanted, kept, now=self.clock.monotonic(), exchange_time=books.read_at)

    def _order_lookback(self) -> int:
        """Return how far back orders are read: once nothing old is left, the exchange's last word does the rest."""
        rest_is_proven = self._mass.is_usable and self._has_read_to_the_end and self._targets.are_through
        return DEFAULT_LOOKBACK_DAYS if rest_is_proven else self.scope.lookback_days

    def _take_books(self, books: Books, to_the_end: Mapping[str, bool]) -> None:
        wanted, self._kept = self._sort_out(books)
        self._targets.forget_open(orders=to_the_end[ORDERS], plan_orders=to_the_end[PLAN_ORDERS])
        self._targets.note_some(wanted, self._kept, now=self.clock.monotonic(), exchange_time=books.read_at)
        self._targets.drop_untouched()
        own = tuple(one for one in books.positions if self.scope.covers(one.symbol, one.margin_coin))
        self._books.append(replace(books, positions=own).numbers())
        self._read_from, self._read_to = books.read_from, books.read_at
        log.info("Open in %s: %d orders, %d plan orders", self.scope, len(books.orders), len(books.plan_orders))

    def _count_as_proof(self, began: float, *, for_plans: bool, for_orders: bool) -> None:
        """Count a read that shows nothing that could be cancelled, as far as it reached back."""
        self._has_read_to_the_end |= for_plans and for_orders
        if not self._targets.are_settled:
            self._start_proof_again()
            return
        ended = self.clock.monotonic()
        if for_plans:
            self._quiet.add(began, ended)
        if for_plans and for_orders:
            self._quiet_to_the_end.add(began, ended)
        else:
            self._quiet_to_the_end.reset()

    def _sort_out(self, books: Books) -> tuple[list[OpenOrder | OpenPlanOrder], tuple[OpenPlanOrder, ...]]:
        """Return what has to go, and which plan orders have to stay."""
        plans = [plan for plan in books.plan_orders if self._is_meant(plan)]
        held: dict[str, list[Position]] = {}
        for position in books.positions:
            held.setdefault(position.symbol, []).append(position)
        kept = tuple(
            plan
            for plan in plans
            if plan.is_protective and any(_may_protect(plan, position) for position in held.get(plan.symbol, ()))
        )
        kept_ids = {id(plan) for plan in kept}
        return [*books.orders, *(plan for plan in plans if id(plan) not in kept_ids)], kept

    def _is_meant(self, plan: OpenPlanOrder) -> bool:
        """Return whether a plan order is of a type to cancel; one of an unknown type counts as protective."""
        if plan.plan_type in PLAN_TYPES:
            return plan.plan_type in self.plan_types
        return any(plan_type in self.plan_types for plan_type in PROTECTIVE_PLAN_TYPES)

    # Cancelling

    def _cancel(self, targets: list[Target]) -> None:
        """Cancel orders; first those that must go right after the read, if any."""
        stops = [target for target in targets if self.keep_stops and target.is_protective]
        if stops:
            self._cancel_together(stops, send_seconds=STOPS_SECONDS)
        others = [target for target in targets if not (self.keep_stops and target.is_protective)]
        if others:
            self._cancel_together(others)

    def _cancel_together(self, targets: list[Target], *, send_seconds: float | None = None) -> None:
        """Put orders through a batch cancel, and take its verdicts whatever ends it."""
        log.info("Cancelling %d orders of %s", len(targets), self.scope)
        batch = self._prepare(targets, send_seconds)
        self._batch = batch
        if self._stop_requested:
            batch.request_stop()
        for target in targets:
            target.send()
        try:
            batch.run()
        finally:
            self._batch = None
            report = batch.report()
            now = self.clock.monotonic()
            for target, outcome in zip(targets, report.outcomes, strict=True):
                target.judge(outcome, now)
        # Its own deadline is not ours.
        if report.error is not None and not isinstance(report.error, BitgetNotSentError):
            raise report.error

    def _prepare(self, targets: list[Target], send_seconds: float | None) -> BatchCancel:
        plans = sum(bool(target.ref.plan_type) for target in targets)
        seconds = BATCH_SECONDS + (len(targets) - plans) / ORDERS_PER_SECOND + plans / PLAN_ORDERS_PER_SECOND
        # A deadline of its own, and so a stop of its own; what is sent counts here.
        budget = Budget(min(self.budget.remaining(), seconds), self.clock)
        budget.tally = self.budget.tally
        is_any_old = any(target.is_old for target in targets)
        return BatchCancel(
            self.dialect,
            [target.ref for target in targets],
            product_type=self.scope.product_type,
            margin_coin=self.scope.margin_coin,
            chunk_size=self.chunk_size,
            known_ends=self.known_ends,
            workers=self.workers,
            budget=budget,
            send_seconds=send_seconds,
            lookback_days=self.scope.lookback_days if is_any_old else DEFAULT_LOOKBACK_DAYS,
        )


def _may_protect(plan: OpenPlanOrder, position: Position) -> bool:
    """Return whether a plan order may be of a position of its symbol, as far as the rows name side and margin coin.

    In one-way mode, where a symbol has one position, the side that a plan order names says nothing.
    """
    is_of_side = not position.hedge_mode or plan.hold_side in ("", position.hold_side)
    return is_of_side and (not plan.margin_coin or plan.margin_coin == (position.margin_coin or plan.margin_coin))
