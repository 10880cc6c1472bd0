# SPDX-License-Identifier: Apache-2.0
"""Cancels the stops that lock positions: take-profit and stop-loss orders of exactly these symbols and sides."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.client import SAME_ORDER_INTERVAL
from airflow_provider_bitget.api.dialect import Dialect
from airflow_provider_bitget.api.exceptions import (
    BitgetAuthError,
    BitgetCallError,
    BitgetIpBanError,
    BitgetNotSentError,
)
from airflow_provider_bitget.api.rows import PROTECTIVE_PLAN_TYPES, BatchAnswer, EndedPlanOrder, OpenPlanOrder
from airflow_provider_bitget.trading.in_flight import InFlight
from airflow_provider_bitget.trading.live_closes import read_to_the_end
from airflow_provider_bitget.trading.look_up import LOOK_UP_ATTEMPTS
from airflow_provider_bitget.trading.position_track import PositionTrack
from airflow_provider_bitget.trading.scope import Scope

log = logging.getLogger(__name__)

ROUNDS: Final = 3
"""How often the stops that are still waiting are cancelled."""

BATCH_ATTEMPTS: Final = 3

LOOK_UP_PAUSES: Final = (0.0, 1.0)
"""Seconds before the history is asked, and asked again, how a stop ended that nobody has acknowledged."""

LOOK_UP_SECONDS: Final = 3.0
"""When it is given up: the position is still open."""

MOST_PAGES: Final = 10
"""How many pages of the history are read at most for that."""


class LockingStops:
    """The stops of positions that could not be closed because of them.

    :param dialect: how to speak to the account.
    :param scope: the product type, and how far back stops are looked for.
    :param in_flight: the requests of the run.
    :param budget: deadline, stop and tally of what is sent.
    :param read_budget: the same of what is read.
    """

    def __init__(
        self, dialect: Dialect, scope: Scope, in_flight: InFlight, budget: Budget, read_budget: Budget
    ) -> None:
        self.dialect = dialect
        self.scope = scope
        #: Those that are proven to be cancelled: absent from a complete read, and acknowledged or so in the history.
        self.cancelled: list[OpenPlanOrder] = []
        self._in_flight = in_flight
        self._budget = budget
        self._read_budget = read_budget
        self._acknowledged: set[str] = set()
        #: Those whose cancel was taken by an answer that names no order, and that the history does not contradict.
        self._taken: set[str] = set()
        #: Those that were sent, and that no complete read has shown since: how they ended is not known.
        self._vanished: dict[str, OpenPlanOrder] = {}

    def cancel(self, positions: Sequence[PositionTrack]) -> None:
        """Cancel the stops of these positions.

        What became of it tell :attr:`cancelled`, :meth:`freed` and :meth:`may_have_freed`.

        :raises BitgetError: what makes any further request pointless.
        """
        waiting = self._cancel_in_rounds(positions)
        if waiting:
            log.warning("%d stops that lock positions could not be cancelled", len(waiting))
        self._look_up_vanished()

    def freed(self, position: PositionTrack) -> bool:
        """Whether a stop of this position was cancelled."""
        return any(protects(stop, position) for stop in self.cancelled)

    def may_have_freed(self, position: PositionTrack) -> bool:
        """Whether a stop of this position may be gone, cancelled or triggered, without our having been told."""
        return any(protects(stop, position) for stop in self._vanished.values())

    def _cancel_in_rounds(self, positions: Sequence[PositionTrack]) -> dict[str, OpenPlanOrder]:
        """Cancel what waits, again and again; return what the last complete read has shown to be waiting still."""
        waiting: dict[str, OpenPlanOrder] = {}
        for number in range(ROUNDS + 1):
            found = self._read(positions)
            if found is not None:
                self._settle(found, positions)
                waiting = found
                if not found:
                    break
            if number == ROUNDS or self._budget.remaining() <= SAME_ORDER_INTERVAL:
                break
            if number:
                self._in_flight.pause(SAME_ORDER_INTERVAL)
            if found:
                self._vanished |= found
                self._send(found.values())
        return waiting

    def _settle(self, waiting: dict[str, OpenPlanOrder], positions: Sequence[PositionTrack]) -> None:
        """Note which stops of these positions a complete read does not show any more.

        One that nobody acknowledged may have triggered instead.
        """
        for name, stop in list(self._vanished.items()):
            ids = {stop.order_id, stop.client_oid} - {""}
            if name in waiting:
                del self._vanished[name]
                self._acknowledged -= ids
                self._taken -= ids
            elif ids & self._acknowledged and any(protects(stop, position) for position in positions):
                self._note_cancelled(name)

    def _note_cancelled(self, name: str) -> None:
        stop = self._vanished.pop(name)
        log.info("Cancelled %s %s: it locked a position", stop.plan_type, name)
        self.cancelled.append(stop)

    def _look_up_vanished(self) -> None:
        """Ask how those stops ended whose cancel nobody has acknowledged by name: a report must not leave them out."""
        self._ask_the_history()
        for name, stop in list(self._vanished.items()):
            if {stop.order_id, stop.client_oid} & self._taken:
                self._note_cancelled(name)

    def _ask_the_history(self) -> None:
        budget = self._read_budget.share(reserve=max(0.0, self._read_budget.remaining() - LOOK_UP_SECONDS))
        for pause in LOOK_UP_PAUSES:
            if not self._vanished or pause >= budget.remaining():
                return
            self._in_flight.pause(pause)
            self._in_flight.submit(partial(self._read_history, budget))
            self._in_flight.collect(self._take_history)

    def _read_history(self, budget: Budget) -> list[EndedPlanOrder]:
        """Runs in a worker."""
        pages = self.dialect.ended_plan_orders(
            product_type=self.scope.product_type,
            plan_type=PROTECTIVE_PLAN_TYPES[0],
            budget=budget,
            attempts=LOOK_UP_ATTEMPTS,
        )
        return list(itertools.chain.from_iterable(itertools.islice(pages, MOST_PAGES)))

    def _take_history(self, _carried: Any, rows: Any, error: BaseException | None) -> None:
        for ended in self._in_flight.result_of_read(rows, error) or ():
            name = ended.order_id or ended.client_oid
            if name not in self._vanished:
                continue
            if ended.state == "cancelled":
                self._note_cancelled(name)
            else:
                self._taken -= {ended.order_id, ended.client_oid}

    def _read(self, positions: Sequence[PositionTrack]) -> dict[str, OpenPlanOrder] | None:
        """Return the waiting stops of the positions by id; ``None`` if a list could not be read to its end."""
        symbols = {position.symbol for position in positions}
        reads = self.dialect.reads_of_open_plan_orders(
            product_type=self.scope.product_type,
            symbol=symbols.pop() if len(symbols) == 1 else None,
            plan_types=PROTECTIVE_PLAN_TYPES,
            lookback_days=self.scope.lookback_days,
        )
        rows = read_to_the_end(reads, in_flight=self._in_flight, budget=self._read_budget)
        if rows is None:
            return None
        return {
            _name(plan): plan
            for plan in rows
            if plan.plan_type in PROTECTIVE_PLAN_TYPES and any(protects(plan, position) for position in positions)
        }

    def _send(self, stops: Iterable[OpenPlanOrder]) -> None:
        """Cancel the stops by id, each request for one symbol, type and margin coin."""
        for batch in _batches(stops, self.dialect.most_plan_ids_per_cancel):
            first = batch[0]
            self._in_flight.submit(
                partial(
                    self.dialect.cancel_plan_orders,
                    [("orderId", plan.order_id) if plan.order_id else ("clientOid", plan.client_oid) for plan in batch],
                    symbol=first.symbol,
                    product_type=self.scope.product_type,
                    plan_type=first.plan_type,
                    margin_coin=first.margin_coin or None,
                    budget=self._budget,
                    attempts=BATCH_ATTEMPTS,
                )
            )
        self._in_flight.collect(self._take)

    def _take(self, _carried: Any, answer: BatchAnswer | None, error: BaseException | None) -> None:
        if answer is not None:
            # Where no order is named, it may have triggered instead: the history tells.
            noted = self._acknowledged if answer.names_orders else self._taken
            noted.update(item.order_id or item.client_oid for item in answer.succeeded)
            noted.update(item.client_oid for item in answer.succeeded if item.client_oid)
        elif isinstance(error, (BitgetAuthError, BitgetIpBanError)):
            self._in_flight.end(error)
        elif isinstance(error, BitgetCallError):
            log.warning("Stops that lock a position could not be cancelled: %s", error)
        elif error is not None and not isinstance(error, BitgetNotSentError):
            raise error


def protects(plan: OpenPlanOrder, position: PositionTrack) -> bool:
    """Whether a plan order is of exactly this position.

    In one-way mode, where a symbol has one position, its rows name no side, or one that says nothing; in hedge mode one
    without a side may be the other side's.
    """
    return (
        plan.symbol == position.symbol
        and (not position.is_hedged or plan.hold_side == position.hold_side)
        and (not plan.margin_coin or not position.margin_coin or plan.margin_coin == position.margin_coin)
    )


def _name(plan: OpenPlanOrder) -> str:
    return plan.order_id or plan.client_oid


def _batches(stops: Iterable[OpenPlanOrder], most: int) -> Iterator[list[OpenPlanOrder]]:
    def kind(plan: OpenPlanOrder) -> tuple[str, str, str, bool]:
        return plan.symbol, plan.plan_type, plan.margin_coin, bool(plan.order_id)

    for _, group in itertools.groupby(sorted(stops, key=kind), key=kind):
        same_kind = list(group)
        for start in range(0, len(same_kind), most):
            yield same_kind[start : start + most]
