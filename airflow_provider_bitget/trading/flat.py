# SPDX-License-Identifier: Apache-2.0
"""Prove that an account is flat within a scope: no open order, no plan order, no position. Sends nothing but reads.

Flat means two complete reads in a row, empty for all three, some time apart: a position may show seconds after the fill
that made it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
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
from airflow_provider_bitget.api.rows import OpenOrder, OpenPlanOrder, Position
from airflow_provider_bitget.trading.books import (
    BookNumbers,
    Books,
    BooksReader,
    EmptyReads,
    LastCancel,
    order_row,
    position_row,
    utc_text,
)
from airflow_provider_bitget.trading.report import MOST_ROWS
from airflow_provider_bitget.trading.scope import Scope
from airflow_provider_bitget.trading.workers import Workers

log = logging.getLogger(__name__)

READ_AGAIN: Final = 2.0
"""Seconds between two reads while something is left: it may be on its way."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """One thing that the last complete read showed.

    :param name: what it is.
    :param detail: ``open_order``, ``open_plan_order`` or ``open_position``.
    """

    name: str
    detail: str
    code: str = ""
    message: str = ""
    curable: bool = True
    bucket: str = "unresolved"

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class FlatReport:
    """Whether a scope is flat, and what is left if it is not.

    :param scope: what was read.
    :param flat: two complete reads in a row, long enough apart, showed nothing at all.
    :param settle: seconds that had to lie between them.
    :param books: what each complete read showed, oldest first; the last of them with its rows.
    :param rate_limited: answers that refused for too many requests.
    :param error: what kept the reads from an answer, if anything did.
    """

    scope: Scope
    flat: bool
    settle: float
    books: tuple[Books | BookNumbers, ...] = ()
    requests: int = 0
    retries: int = 0
    rate_limited: int = 0
    duration_ms: int = 0
    error: Exception | None = field(default=None, compare=False)

    @property
    def verified(self) -> bool:
        """Whether what is left is known: a read was completed."""
        return bool(self.books)

    @property
    def last(self) -> Books | None:
        """The last complete read."""
        last = self.books[-1] if self.books else None
        return last if isinstance(last, Books) else None

    def not_done(self) -> list[Leftover]:
        """Return what the last complete read showed."""
        last = self.last
        if last is None:
            return []
        left = [Leftover(f"{one.symbol} {one.order_id or one.client_oid}", "open_order") for one in last.orders]
        left += [
            Leftover(f"{one.symbol} {one.plan_type} {one.order_id or one.client_oid}", "open_plan_order")
            for one in last.plan_orders
        ]
        return left + [Leftover(f"{one.symbol} {one.hold_side}", "open_position") for one in last.positions]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON types; each list holds at most 1,000 rows, the counts are always whole."""
        last = self.last
        orders: Sequence[OpenOrder] = last.orders if last else ()
        plan_orders: Sequence[OpenPlanOrder] = last.plan_orders if last else ()
        positions: Sequence[Position] = last.positions if last else ()
        return {
            "product_type": self.scope.product_type,
            "symbol": self.scope.symbol or "",
            "flat": self.flat,
            "reads": len(self.books),
            "settle": self.settle,
            "counts": {"orders": len(orders), "plan_orders": len(plan_orders), "positions": len(positions)},
            "open_orders": [order_row(order) for order in orders[:MOST_ROWS]],
            "open_plan_orders": [order_row(plan) for plan in plan_orders[:MOST_ROWS]],
            "open_positions": [position_row(position) for position in positions[:MOST_ROWS]],
            "truncated": max(len(orders), len(plan_orders), len(positions)) > MOST_ROWS,
            "verified": self.verified,
            "error": "" if self.error is None else str(self.error),
            "range": {
                "from": utc_text(last.read_from) if last else "",
                "to": utc_text(last.read_at) if last else "",
                "any_age": False,
            },
            "requests": self.requests,
            "retries": self.retries,
            "duration_ms": self.duration_ms,
            "books": [books.snapshot() for books in self.books[-MOST_ROWS:]],
        }


class ProveFlat:
    """One proof of one scope. Use it once.

    A read that shows something is repeated every two seconds, one that failed after a pause, until the proof or the
    deadline. Refused credentials, or an account of the other kind, end it at once.

    :param dialect: how to speak to the account.
    :param scope: what has to be empty.
    :param settle: seconds at least between the two empty reads.
    :param deadline: seconds for the whole run.
    :param last_cancel: when orders were cancelled before, if any were: the last read waits for what may come of it.
    :param patient: look again while something is left; without it the first complete read that shows something ends
        the run.
    :param workers: runs the requests; by default a bounded number of threads.
    """

    def __init__(
        self,
        dialect: Dialect,
        scope: Scope,
        *,
        settle: float = 10.0,
        deadline: float = 120.0,
        last_cancel: LastCancel | None = None,
        patient: bool = True,
        workers: Workers | None = None,
    ) -> None:
        self.scope = scope
        self.settle = settle
        self.clock = dialect.client.clock
        self.budget = Budget(deadline, self.clock)
        self._reader = BooksReader(dialect, scope, self.budget, workers=workers)
        self._in_flight = self._reader.in_flight
        self._patient = patient
        self._empty = EmptyReads(settle)
        self._last_cancel = last_cancel
        self._books: list[Books | BookNumbers] = []
        self._error: Exception | None = None

    def run(self) -> FlatReport:
        """Read until the proof or the deadline, and return the report.

        An exception that is not ours (Airflow's timeout, an interrupt) passes through after at most two seconds for the
        requests in flight; :meth:`report` then says what is known.
        """
        error = self._in_flight.carry_out(self._look_until_proven, _forget)
        if error is not None:
            self._error = self._reason(error)
        return self.report()

    def request_stop(self) -> None:
        """Ask for the end of the run: no new request. Safe in a signal handler."""
        self._reader.request_stop()

    def report(self) -> FlatReport:
        """Return the report as things stand."""
        tally = self.budget.tally
        return FlatReport(
            scope=self.scope,
            flat=self._empty.are_proof,
            settle=self.settle,
            books=tuple(self._books),
            requests=tally.requests,
            retries=tally.retries,
            rate_limited=tally.rate_limited,
            duration_ms=round(self.budget.elapsed() * 1000),
            error=self._error,
        )

    def _look_until_proven(self) -> None:
        while not self._empty.are_proof and not self._has_seen_enough():
            self._look()

    def _look(self) -> None:
        """Read once, and wait until it is worth reading again."""
        began = self.clock.monotonic()
        try:
            books = self._reader.read()
        except (BitgetAuthError, BitgetIpBanError):
            raise
        except BitgetCallError as error:
            log.warning("The books of %s could not be read: %s", self.scope, error)
            self._error = error
            self._empty.reset()
            self._in_flight.pause(READ_AGAIN)
            return
        self._error = None
        self._remember(books)
        self._count(books, began)

    def _remember(self, books: Books) -> None:
        before = self._books[-1] if self._books else None
        if isinstance(before, Books):
            self._books[-1] = before.numbers()
        self._books.append(books)

    def _count(self, books: Books, began: float) -> None:
        counts = (len(books.orders), len(books.plan_orders), len(books.positions))
        log.info("Open in %s: %d orders, %d plan orders, %d positions", self.scope, *counts)
        if not books.is_flat:
            self._empty.reset()
            if self._patient:
                self._in_flight.pause(READ_AGAIN)
            return
        now = self.clock.monotonic()
        if self._last_cancel is not None:
            self._empty.not_before = self._last_cancel.quiet_from(books.read_at, began)
            self._last_cancel = None
        self._empty.add(began, now)
        if not self._empty.are_proof:
            self._in_flight.pause(self._empty.pause(now))

    def _has_seen_enough(self) -> bool:
        last = self._books[-1] if self._books else None
        return not self._patient and isinstance(last, Books) and not last.is_flat

    def _reason(self, error: BitgetError) -> Exception | None:
        """Return what kept the run from an answer: none where the last read was completed and showed what is left."""
        if not isinstance(error, BitgetNotSentError) or error.reason != "deadline":
            return error
        return self._error or (None if self._books else error)


def _forget(_carried: Any, _result: Any, _error: BaseException | None) -> None:
    """What a read brings after the end of the run concerns nobody any more."""
