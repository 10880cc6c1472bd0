# SPDX-License-Identifier: Apache-2.0
"""How orders ended that are on the book no more: the history in bulk, then one by one what it did not show."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.classic import ClassicDialect
from airflow_provider_bitget.api.rows import EndedOrder, OpenOrder
from airflow_provider_bitget.trading.in_flight import InFlight
from airflow_provider_bitget.trading.report import Bucket
from airflow_provider_bitget.trading.track import OrderTrack, Said

DETAIL_FIRST: Final = 3
"""Up to this many orders are looked up one by one straight away; more are looked for in the history first."""

LOOK_UP_SLICE: Final = 100
"""How many orders are looked up one by one before the exchange must have known at least one of them."""

LOOK_UP_ATTEMPTS: Final = 4
"""How often one look-up is sent before it is left for later."""

End = tuple[OrderTrack, EndedOrder]


class LookUp:
    """Asks the exchange how orders ended, and settles those of which it knows.

    :param dialect: how to speak to the account.
    :param product_type: product type of all orders.
    :param in_flight: runs the requests.
    :param budget: deadline and tally.
    :param known_ends: ``filled`` or ``cancelled`` by orderId, as an earlier try has proven it.
    :param most_pages: how many pages of the history are read at most.
    """

    def __init__(
        self,
        dialect: ClassicDialect,
        product_type: str,
        in_flight: InFlight,
        budget: Budget,
        *,
        known_ends: Mapping[str, str],
        most_pages: int,
    ) -> None:
        self._dialect = dialect
        self._product_type = product_type
        self._in_flight = in_flight
        self._budget = budget
        self._known_ends = known_ends
        self._most_pages = most_pages

    def ask(self, tracks: list[OrderTrack]) -> None:
        """Settle the orders whose end is known; mark those that turn out to rest after all.

        :param tracks: orders that are not on the book, or said to be gone.
        """
        for track in tracks:
            state = self._known_ends.get(track.order_id)
            is_off_the_book = track.said is Said.GONE and not track.open_symbol
            if state is not None and is_off_the_book and not track.maybe_processed:
                track.settle(Bucket.ALREADY_CLOSED, state)
        tracks = [track for track in tracks if track.outcome is None]
        if len(tracks) > DETAIL_FIRST:
            self._look_through_history(tracks)
        for track in tracks:
            track.looked_up = True
        self._look_one_by_one([track for track in tracks if track.outcome is None])

    def _look_through_history(self, tracks: list[OrderTrack]) -> None:
        by_order_id = {track.order_id: track for track in tracks if track.order_id}
        by_client_oid = {track.ref.client_oid: track for track in tracks if not track.order_id}
        offset = self._clock_offset()

        def read() -> list[End]:
            ends: list[End] = []
            pages = self._dialect.orders_history(
                product_type=self._product_type, budget=self._budget, attempts=LOOK_UP_ATTEMPTS
            )
            for ended in itertools.chain.from_iterable(itertools.islice(pages, self._most_pages)):
                track = by_order_id.pop(ended.order_id, None)
                if track is None:
                    track = by_client_oid.get(ended.client_oid)
                    # A clientOid may have been used before, or under another symbol.
                    if track is None or not track.may_be(ended, offset):
                        continue
                    del by_client_oid[ended.client_oid]
                ends.append((track, ended))
                if not by_order_id and not by_client_oid:
                    break
            return ends

        def take(_carried: Any, ends: Any, error: BaseException | None) -> None:
            for track, ended in self._result(ends, error) or ():
                track.settle_by_end(ended, self._clock_offset())

        self._in_flight.submit(read)
        self._in_flight.collect(take)

    def _look_one_by_one(self, tracks: list[OrderTrack]) -> None:
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
            if not any(track.outcome or track.open_symbol for track in part):
                return

    def _look_at(self, track: OrderTrack) -> EndedOrder | OpenOrder | None:
        """Runs in a worker."""
        return self._dialect.order_detail(
            symbol=track.symbol,
            product_type=self._product_type,
            order_id=track.order_id,
            client_oid="" if track.order_id else track.ref.client_oid,
            budget=self._budget,
            attempts=LOOK_UP_ATTEMPTS,
        )

    def _take_look(self, track: OrderTrack, result: Any, error: BaseException | None) -> None:
        found = self._result(result, error)
        if isinstance(found, EndedOrder):
            track.settle_by_end(found, self._clock_offset())
        elif isinstance(found, OpenOrder):
            # Older than the window of the open orders: it rests all the same.
            track.open_symbol = found.symbol or track.symbol
            track.settle_by_read()
            # The next read cannot show it either.
            track.looked_up = False

    def _result(self, result: Any, error: BaseException | None) -> Any:
        known_good = self._dialect.client.signed_successes > 0
        return self._in_flight.result_of_read(result, error, signature_is_good=known_good)

    def _clock_offset(self) -> float:
        client = self._dialect.client
        return client.exchange_time() - client.clock.time()
