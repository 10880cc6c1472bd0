# SPDX-License-Identifier: Apache-2.0
"""The order book of one account: every order it ever had, found by id, scope and status without searching."""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Iterator

from airflow_provider_bitget.sandbox.orders import (
    CANCELED,
    ENDED_STATUSES,
    FILLED,
    LIVE,
    OPEN_STATUSES,
    PARTIALLY_FILLED,
    Order,
)

ANY_SYMBOL = ""


class Book:
    """All orders of an account. Not safe for threads by itself: the exchange holds a lock around it."""

    def __init__(self) -> None:
        self._orders: dict[str, Order] = {}
        self._by_client_oid: dict[str, str] = {}
        # Sorted ids by (product type, symbol or any, status), so that a page is a slice and not a search.
        self._ids: dict[tuple[str, str, str], list[int]] = {}
        self._endings: deque[tuple[float, str]] = deque()
        self._cancel_tries: dict[str, float] = {}

    def add(self, order: Order) -> None:
        """Take an order into the book.

        :param order: an order with an id that the book doesn't know yet.
        """
        self._orders[order.order_id] = order
        if order.client_oid:
            self._by_client_oid[order.client_oid] = order.order_id
        self._index(order)

    def find(self, order_id: str, client_oid: str = "") -> Order | None:
        """Return an order by its id or else by its clientOid; the order id wins where both are given.

        :param order_id: the exchange's id, empty to search by clientOid.
        :param client_oid: the caller's own id.
        """
        return self._orders.get(order_id or self._by_client_oid.get(client_oid, ""))

    def end(self, order: Order, status: str, now: float, now_ms: int, *, filled_size: str | None = None) -> Order:
        """Move an open order to its end and return it.

        :param order: an open order of this book.
        :param status: ``filled`` or ``canceled``.
        :param now: seconds of the monotonic clock.
        :param now_ms: milliseconds since 1970-01-01 UTC.
        :param filled_size: how much had filled by then, where that differs from what is known of the order.
        """
        ended = order.ended(status, now, now_ms, filled_size)
        for key in _keys(order):
            ids = self._ids[key]
            del ids[bisect_left(ids, int(order.order_id))]
        self._orders[order.order_id] = ended
        self._index(ended)
        self._endings.append((now, order.order_id))
        return ended

    def select(
        self, product_type: str, symbol: str, statuses: Iterable[str], below: int | None = None
    ) -> Iterator[Order]:
        """Yield the orders of a scope, newest first.

        :param product_type: such as ``USDT-FUTURES``.
        :param symbol: such as ``BTCUSDT``, empty for every symbol.
        :param statuses: which statuses to include.
        :param below: yield only orders whose id is smaller.
        """
        lists = [self._ids.get((product_type, symbol, status), []) for status in statuses]
        merged = heapq.merge(*(_descending(ids, below) for ids in lists), reverse=True)
        return (self._orders[str(number)] for number in merged)

    def ended_since(self, moment: float) -> list[Order]:
        """Return the orders that ended after a moment, in no particular order.

        :param moment: seconds of the monotonic clock.
        """
        recent = []
        for ended_at, order_id in reversed(self._endings):
            if ended_at <= moment:
                break
            recent.append(self._orders[order_id])
        return recent

    def last_cancel(self, order: Order) -> float:
        """Return when somebody last tried to cancel an order, in seconds of the monotonic clock.

        :param order: an order of this book.
        """
        return self._cancel_tries.get(order.order_id, float("-inf"))

    def note_cancel(self, order: Order, now: float) -> None:
        """Remember that somebody tried to cancel an order.

        :param order: an order of this book.
        :param now: seconds of the monotonic clock.
        """
        self._cancel_tries[order.order_id] = now

    def open_count(self) -> int:
        """Return how many orders are open, of all product types."""
        scopes = {product_type for product_type, _, _ in self._ids}
        return sum(self._count(one, ANY_SYMBOL, status) for one in scopes for status in OPEN_STATUSES)

    def counts(self) -> list[dict[str, str | int]]:
        """Return how many orders each symbol has by state, a row per product type and symbol."""
        scopes = sorted({(product_type, symbol) for product_type, symbol, _ in self._ids if symbol})
        return [
            {
                "productType": product_type,
                "symbol": symbol,
                "open": self._count(product_type, symbol, LIVE),
                "partially_filled": self._count(product_type, symbol, PARTIALLY_FILLED),
                "filled": self._count(product_type, symbol, FILLED),
                "cancelled": self._count(product_type, symbol, CANCELED),
            }
            for product_type, symbol in scopes
        ]

    def all_orders(self, statuses: Iterable[str] = OPEN_STATUSES + ENDED_STATUSES) -> list[Order]:
        """Return every order in one of the statuses, oldest first.

        :param statuses: which statuses to include.
        """
        wanted = set(statuses)
        return [order for order in self._orders.values() if order.status in wanted]

    def _count(self, product_type: str, symbol: str, status: str) -> int:
        return len(self._ids.get((product_type, symbol, status), ()))

    def _index(self, order: Order) -> None:
        number = int(order.order_id)
        for key in _keys(order):
            ids = self._ids.setdefault(key, [])
            if not ids or ids[-1] < number:
                ids.append(number)
            else:
                insort(ids, number)


def _keys(order: Order) -> tuple[tuple[str, str, str], tuple[str, str, str]]:
    return (
        (order.product_type, order.symbol, order.status),
        (order.product_type, ANY_SYMBOL, order.status),
    )


def _descending(ids: list[int], below: int | None) -> Iterator[int]:
    end = len(ids) if below is None else bisect_left(ids, below)
    return (ids[position] for position in range(end - 1, -1, -1))
