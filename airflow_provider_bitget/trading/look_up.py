# SPDX-License-Identifier: Apache-2.0
"""How orders ended that are on the book no more: the history in bulk, then one by one what it did not show."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.dialect import Dialect
from airflow_provider_bitget.api.exceptions import BitgetCallError, BitgetNotSentError
from airflow_provider_bitget.api.paging import PAGE_SIZE
from airflow_provider_bitget.api.rows import (
    OPENING_PLAN_TYPES,
    PROTECTIVE_PLAN_TYPES,
    EndedOrder,
    EndedPlanOrder,
    OpenOrder,
    OpenPlanOrder,
    Read,
)
from airflow_provider_bitget.trading.in_flight import InFlight
from airflow_provider_bitget.trading.order_list import OrderRef
from airflow_provider_bitget.trading.track import OTHER_NAME, OrderTrack, TracksByName

DETAIL_FIRST: Final = 3
"""Up to this many orders are looked up one by one straight away; more are looked for in the history first."""

LOOK_UP_SLICE: Final = 100
"""How many orders are looked up one by one before the exchange must have known at least one of them."""

LOOK_UP_ATTEMPTS: Final = 4
"""How often one look-up is sent before it is left for later."""

MOST_CONFIRMED: Final = PAGE_SIZE
"""Up to so many acknowledged orders are looked for in the history: one page, read beside the open orders."""

SECONDS_TO_CONFIRM: Final = 2.5
"""How long that may take: nobody waits longer for what only may be told."""

OLDEST_PLAN_ORDER_DAYS: Final = 730
"""How far back a plan order of which nothing else is known is looked for among the open ones."""

CHILD_MARGIN: Final = 0.5
"""Seconds by which an order may seem to have been placed before we sent a cancel, and be from a trigger since."""

Ended = EndedOrder | EndedPlanOrder
History = Read[EndedOrder] | Read[EndedPlanOrder]
End = tuple[OrderTrack, Ended]


class LookUp(ABC):
    """Asks the exchange how orders of one kind ended, and settles those of which it knows.

    :param dialect: how to speak to the account.
    :param product_type: product type of all orders.
    :param in_flight: runs the requests.
    :param budget: deadline and tally.
    :param most_pages: how many pages of a history are read at most.
    """

    def __init__(
        self,
        dialect: Dialect,
        product_type: str,
        in_flight: InFlight,
        budget: Budget,
        *,
        most_pages: int,
    ) -> None:
        self._dialect = dialect
        self._product_type = product_type
        self._in_flight = in_flight
        self._budget = budget
        self._most_pages = most_pages

    def ask(self, tracks: Sequence[OrderTrack]) -> None:
        """Settle the orders whose end is known; mark those that turn out to rest after all.

        :param tracks: orders that are not on the book, or said to be gone.
        """
        wanted = [track for track in tracks if not track.end_is_known]
        has_read = self._is_worth_a_history(wanted) and self._look_through_histories(wanted)
        for track in wanted:
            track.looked_up = True
            track.without_end = has_read and not track.end_is_known
            track.shown_open = False
        self._look_one_by_one([track for track in wanted if not track.end_is_known and self._can_be_asked_for(track)])

    # What differs between the kinds of orders

    def _is_worth_a_history(self, tracks: Sequence[OrderTrack]) -> bool:
        """Whether to read the history before asking for single orders."""
        return len(tracks) > DETAIL_FIRST

    def _can_be_asked_for(self, track: OrderTrack) -> bool:
        """Whether there is a request for this order alone."""
        return True

    @abstractmethod
    def _histories(self, tracks: Sequence[OrderTrack]) -> Sequence[History]:
        """Return the reads that show how these orders ended, newest first."""

    @abstractmethod
    def _look_at(self, track: OrderTrack) -> Ended | OpenOrder | None:
        """Ask for one order. Runs in a worker."""

    # The histories

    def _look_through_histories(self, tracks: Sequence[OrderTrack]) -> bool:
        """Settle what the histories show; return whether all of them could be read."""
        by_order_id = {track.order_id: track for track in tracks if track.order_id}
        by_client_oid = {track.ref.client_oid: track for track in tracks if not track.order_id}
        offset = self._clock_offset()
        results: list[list[End] | None] = []

        cut_short: list[History] = []

        def pages_of(history: History) -> Iterator[Sequence[Ended]]:
            pages: Iterator[Sequence[Ended]] = history(budget=self._budget, attempts=LOOK_UP_ATTEMPTS)
            for number, page in enumerate(pages):
                if number == self._most_pages:
                    cut_short.append(history)
                    return
                yield page

        def read(history: History) -> list[End]:
            ends: list[End] = []
            for ended in itertools.chain.from_iterable(pages_of(history)):
                track = by_order_id.pop(ended.order_id, None)
                if track is None:
                    track = by_client_oid.get(ended.client_oid)
                    # A clientOid may have been used before, or under another symbol.
                    if track is None or not track.may_be(ended, offset):
                        continue
                    # Of two histories that are read side by side, the first to name it has it.
                    if by_client_oid.pop(ended.client_oid, None) is None:
                        continue
                ends.append((track, ended))
                if not by_order_id and not by_client_oid:
                    break
            return ends

        def take(_carried: Any, ends: Any, error: BaseException | None) -> None:
            found = self._in_flight.result_of_read(ends, error)
            results.append(found)
            for track, ended in found or ():
                track.settle_by_end(ended, self._clock_offset())

        histories = self._histories(tracks)
        for history in histories:
            self._in_flight.submit(partial(read, history))
        self._in_flight.collect(take)
        return len(results) == len(histories) and None not in results and not cut_short

    # Single orders

    def _look_one_by_one(self, tracks: Sequence[OrderTrack]) -> None:
        """Ask for single orders, a slice at a time, until a whole slice is unknown to the exchange.

        Then the list is of another account or product type, and asking for thousands more would find nothing either.
        """
        slices = -(-len(tracks) // LOOK_UP_SLICE)
        for number in range(slices):
            # Spread over the list: its beginning may be what nobody knows.
            part = tracks[number::slices]
            for track in part:
                self._in_flight.submit(partial(self._look_at, track), track)
            self._in_flight.collect(self._take_look)
            if not any(track.end_is_known or track.open_symbol for track in part):
                return

    def _take_look(self, track: OrderTrack, result: Any, error: BaseException | None) -> None:
        found = self._in_flight.result_of_read(result, error)
        track.without_end |= error is None
        if isinstance(found, EndedOrder | EndedPlanOrder):
            track.settle_by_end(found, self._clock_offset())
        elif found is not None:
            self._rests(track, found)

    def _rests(self, track: OrderTrack, found: OpenOrder | OpenPlanOrder) -> None:
        """Note that an order rests which is older than the window of the open orders."""
        track.settle_by_read(found)
        track.shown_open = bool(track.open_symbol)
        # The next read cannot show it either.
        track.looked_up = False

    def _clock_offset(self) -> float:
        client = self._dialect.client
        return client.exchange_time() - client.clock.time()


class OrderLookUp(LookUp):
    """How normal orders ended: orders-history, then order detail."""

    def filled(self, tracks: Sequence[OrderTrack]) -> list[End]:
        """Return those of the orders that the newest page of the history shows as filled. Runs in a worker.

        What cannot be read, or is not there yet, tells nothing.

        :param tracks: orders whose id is known, at most :data:`MOST_CONFIRMED`.
        """
        wanted = {track.order_id: track for track in tracks}
        budget = self._budget.at_most(SECONDS_TO_CONFIRM)
        pages = self._dialect.orders_history(product_type=self._product_type, budget=budget, attempts=1)
        newest: list[EndedOrder] = []
        with suppress(BitgetCallError, BitgetNotSentError):
            newest = next(pages, [])
        filled = [ended for ended in newest if ended.state == "filled" and ended.order_id in wanted]
        return [(wanted[ended.order_id], ended) for ended in filled]

    def _histories(self, tracks: Sequence[OrderTrack]) -> Sequence[History]:
        return [partial(self._dialect.orders_history, product_type=self._product_type)]

    def _look_at(self, track: OrderTrack) -> Ended | OpenOrder | None:
        return self._dialect.order_detail(
            symbol=track.symbol,
            product_type=self._product_type,
            order_id=track.order_id,
            client_oid="" if track.order_id else track.ref.client_oid,
            budget=self._budget,
            attempts=LOOK_UP_ATTEMPTS,
        )


class PlanOrderLookUp(LookUp):
    """How plan orders ended, and if they triggered, how the orders ended that they placed.

    The history of plan orders knows cancelled and triggered ones, and mostly which order a trigger placed; where it
    does not, plan-sub-order may. What neither knows is looked for among all open plan orders, whatever their type and
    symbol: it may be older than what the lists show by default, or of another type than its row said.

    :param orders: looks up the orders that triggers placed.
    """

    def __init__(
        self,
        dialect: Dialect,
        product_type: str,
        in_flight: InFlight,
        budget: Budget,
        *,
        most_pages: int,
        orders: OrderLookUp,
    ) -> None:
        super().__init__(dialect, product_type, in_flight, budget, most_pages=most_pages)
        self._orders = orders

    def ask(self, tracks: Sequence[OrderTrack]) -> None:
        """Settle the plan orders whose end, and whose order's end, is known; mark those that turn out to wait.

        :param tracks: plan orders that are not on the book, said to be gone, or known to have triggered.
        """
        asked_before = {id(track) for track in tracks if track.looked_up}
        super().ask(tracks)
        self._look_for_triggers([track for track in tracks if track.needs_proof and not track.end_is_known])
        self._look_for_children([track for track in tracks if track.outcome is None and track.trigger is not None])
        self._look_among_the_open(
            [
                track
                for track in tracks
                if not track.end_is_known and not track.open_symbol and id(track) not in asked_before
            ]
        )

    def _is_worth_a_history(self, tracks: Sequence[OrderTrack]) -> bool:
        return super()._is_worth_a_history(tracks) or not all(map(self._can_be_asked_for, tracks))

    def _can_be_asked_for(self, track: OrderTrack) -> bool:
        return bool(track.order_id) and self._dialect.asks_for_one_plan_order

    def _histories(self, tracks: Sequence[OrderTrack]) -> Sequence[History]:
        return [
            partial(self._dialect.ended_plan_orders, product_type=self._product_type, plan_type=plan_type)
            for plan_type in one_type_of_each_list(track.ref.plan_type for track in tracks)
        ]

    def _look_at(self, track: OrderTrack) -> Ended | OpenOrder | None:
        for plan_type in one_type_of_each_list([track.ref.plan_type]):
            pages = self._dialect.ended_plan_orders(
                product_type=self._product_type,
                plan_type=plan_type,
                order_id=track.order_id,
                budget=self._budget,
                attempts=LOOK_UP_ATTEMPTS,
            )
            for ended in next(pages, []):
                if ended.order_id == track.order_id:
                    return ended
        return None

    # What triggers placed

    def _look_for_triggers(self, tracks: Sequence[OrderTrack]) -> None:
        """Find out whether plan orders have triggered whose cancel was taken, and whose end no history tells.

        A trigger places an order, which then rests or has filled. A symbol that has no such order since the cancel was
        sent shows that nothing has triggered. One that has may have got it from somebody else, and only the exchange
        can name it as the plan order's: that it names none proves nothing, for it may not know yet.
        """
        if not tracks:
            return
        since = min(track.first_sent for track in tracks) + self._clock_offset() - CHILD_MARGIN
        symbols = self._symbols_of_orders_since(since)

        def take(track: OrderTrack, found: Any, error: BaseException | None) -> None:
            if children := self._in_flight.result_of_read(found, error):
                track.has_placed(children)

        for track in tracks:
            track.without_end = symbols is not None and track.symbol not in symbols
            if not track.without_end and track.order_id:
                self._in_flight.submit(partial(self._ask_for_children, track), track)
        self._in_flight.collect(take)

    def _symbols_of_orders_since(self, moment: float) -> set[str] | None:
        """Return the symbols of orders that rest or have filled and were placed later; ``None`` if that is not known.

        :param moment: in seconds since the epoch by the exchange's clock.
        """
        symbols: set[str] = set()
        failed: list[Read[Any]] = []

        def look(read: Read[OpenOrder] | Read[EndedOrder]) -> set[str]:
            found: set[str] = set()
            pages: Iterator[Sequence[OpenOrder | EndedOrder]] = read(budget=self._budget, attempts=LOOK_UP_ATTEMPTS)
            for page in pages:
                found |= {one.symbol for one in page if one.placed >= moment and _rests_or_filled(one)}
                if page and all(0 < one.placed < moment for one in page):
                    # Newest first: what follows is older.
                    break
            return found

        def take(read: Any, found: Any, error: BaseException | None) -> None:
            result = self._in_flight.result_of_read(found, error)
            if result is None:
                failed.append(read)
            else:
                symbols.update(result)

        reads: list[Any] = [
            *self._dialect.reads_of_open_orders(product_type=self._product_type, lookback_days=1),
            partial(self._dialect.orders_history, product_type=self._product_type),
        ]
        for read in reads:
            self._in_flight.submit(partial(look, read), read)
        self._in_flight.collect(take)
        return None if failed else symbols

    def _look_for_children(self, tracks: Sequence[OrderTrack]) -> None:
        ids: dict[int, list[str]] = {}
        for track in tracks:
            if track.trigger is not None and track.trigger.child_id:
                ids[id(track)] = [track.trigger.child_id]
            else:
                self._in_flight.submit(partial(self._ask_for_children, track), track)

        def take(track: OrderTrack, found: Any, error: BaseException | None) -> None:
            ids[id(track)] = self._in_flight.result_of_read(found, error) or []

        self._in_flight.collect(take)
        children = {id(track): _children_of(track, ids.get(id(track), [])) for track in tracks}
        self._orders.ask(list(itertools.chain.from_iterable(children.values())))
        for track in tracks:
            track.settle_by_children(children[id(track)])

    def _ask_for_children(self, track: OrderTrack) -> list[str] | None:
        """Runs in a worker."""
        return self._dialect.plan_children(
            product_type=self._product_type,
            plan_type=(track.trigger.plan_type if track.trigger else "") or track.ref.plan_type,
            order_id=track.order_id,
            budget=self._budget,
            attempts=LOOK_UP_ATTEMPTS,
        )

    # What nothing is known of

    def _look_among_the_open(self, tracks: Sequence[OrderTrack]) -> None:
        if not tracks:
            return
        names = TracksByName(tracks)

        def search(read: Read[OpenPlanOrder]) -> list[tuple[OrderTrack, OpenPlanOrder]]:
            pages = read(budget=self._budget, attempts=LOOK_UP_ATTEMPTS)
            named = ((names.find(order), order) for order in itertools.chain.from_iterable(pages))
            return [(track, order) for track, order in named if track is not None]

        def take(_carried: Any, found: Any, error: BaseException | None) -> None:
            for track, order in self._in_flight.result_of_read(found, error) or ():
                self._rests(track, order)

        for read in self._dialect.reads_of_open_plan_orders(
            product_type=self._product_type, lookback_days=OLDEST_PLAN_ORDER_DAYS
        ):
            self._in_flight.submit(partial(search, read))
        self._in_flight.collect(take)


def one_type_of_each_list(plan_types: Iterable[str]) -> list[str]:
    """Return plan types that stand for the lists in which plan orders of these types may be.

    Take-profit and stop-loss orders share a list. A trailing order may be in either of two, for it has two names.
    """
    wanted = set(plan_types)
    for name, other in OTHER_NAME.items():
        if wanted & {name, other}:
            wanted |= {name, other}
    one_of_the_protective = [PROTECTIVE_PLAN_TYPES[0]] if wanted & set(PROTECTIVE_PLAN_TYPES) else []
    return [plan_type for plan_type in OPENING_PLAN_TYPES if plan_type in wanted] + one_of_the_protective


def _rests_or_filled(order: OpenOrder | EndedOrder) -> bool:
    return isinstance(order, OpenOrder) or order.state == "filled"


def _children_of(track: OrderTrack, ids: Iterable[str]) -> list[OrderTrack]:
    symbol = (track.trigger.symbol if track.trigger else "") or track.symbol
    return [OrderTrack(OrderRef(child_id, "", symbol), child_id) for child_id in ids]
