# SPDX-License-Identifier: Apache-2.0
"""Limits on requests, in the three shapes that an exchange may use; counted at the moment of arrival.

Bitget limits every endpoint per user id, public ones per address, and every address to 6,000 requests a
minute (https://www.bitget.com/api-doc/common/quick-start). The shape isn't documented, so it can be chosen.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

# Sums of floats such as ten times 0.1 s fall short of a whole second by less than this.
ROUNDING = 1e-9

ADDRESS_LIMIT = 6_000
ADDRESS_WINDOW = 60.0
ADDRESS_BAN = 300.0


class Limiter(Protocol):
    """A limit on the requests of one user to one endpoint."""

    def admit(self, now: float, epoch: float) -> bool:
        """Count an arrival and return whether it may pass.

        :param now: the arrival in seconds of the monotonic clock.
        :param epoch: the arrival in seconds since 1970-01-01 UTC by the exchange's clock.
        """

    def remaining(self, now: float, epoch: float) -> int:
        """Return how many requests may follow at once.

        :param now: seconds of the monotonic clock.
        :param epoch: seconds since 1970-01-01 UTC by the exchange's clock.
        """


class SlidingWindow:
    """At most so many requests in any window of time, wherever it begins.

    :param limit: requests per window.
    :param window: the window's length in seconds.
    :param count_refused: whether a refused request takes a place in the window as well.
    """

    def __init__(self, limit: int, window: float = 1.0, *, count_refused: bool = False) -> None:
        self._limit = limit
        self._window = window
        self._count_refused = count_refused
        self._arrivals: deque[float] = deque()

    def admit(self, now: float, epoch: float) -> bool:
        """Count an arrival and return whether it may pass."""
        passes = self.remaining(now, epoch) > 0
        if passes or self._count_refused:
            self._arrivals.append(now)
        return passes

    def remaining(self, now: float, epoch: float) -> int:
        """Return how many requests may follow at once."""
        while self._arrivals and now - self._arrivals[0] >= self._window - ROUNDING:
            self._arrivals.popleft()
        return max(0, self._limit - len(self._arrivals))


class FixedSecond:
    """At most so many requests in each second of the exchange's clock.

    :param limit: requests per second.
    :param count_refused: accepted for symmetry; within one second a refused request changes nothing.
    """

    def __init__(self, limit: int, *, count_refused: bool = False) -> None:
        self._limit = limit
        self._second = -1
        self._count = 0

    def admit(self, now: float, epoch: float) -> bool:
        """Count an arrival and return whether it may pass."""
        passes = self.remaining(now, epoch) > 0
        self._count += 1
        return passes

    def remaining(self, now: float, epoch: float) -> int:
        """Return how many requests may follow at once."""
        if int(epoch) != self._second:
            self._second, self._count = int(epoch), 0
        return max(0, self._limit - self._count)


class TokenBucket:
    """A bucket that holds one second's worth of requests and refills evenly.

    :param limit: the bucket's size, and its refill per second.
    :param count_refused: whether a refused request takes a token as well.
    """

    def __init__(self, limit: int, *, count_refused: bool = False) -> None:
        self._limit = limit
        self._count_refused = count_refused
        self._tokens = float(limit)
        self._filled_at: float | None = None

    def admit(self, now: float, epoch: float) -> bool:
        """Count an arrival and return whether it may pass."""
        passes = self.remaining(now, epoch) > 0
        if passes:
            self._tokens -= 1.0
        elif self._count_refused:
            self._tokens = max(0.0, self._tokens - 1.0)
        return passes

    def remaining(self, now: float, epoch: float) -> int:
        """Return how many requests may follow at once."""
        if self._filled_at is not None:
            self._tokens = min(float(self._limit), self._tokens + (now - self._filled_at) * self._limit)
        self._filled_at = now
        return int(self._tokens + ROUNDING)


class AddressLimit:
    """The limit of one address over all endpoints; who exceeds it is shut out for five minutes."""

    def __init__(self) -> None:
        self._window = SlidingWindow(ADDRESS_LIMIT, ADDRESS_WINDOW)
        self._shut_until = float("-inf")

    def admit(self, now: float, epoch: float) -> bool:
        """Count an arrival and return whether it may pass.

        :param now: the arrival in seconds of the monotonic clock.
        :param epoch: the arrival in seconds since 1970-01-01 UTC.
        """
        if now < self._shut_until:
            return False
        if self._window.admit(now, epoch):
            return True
        self._shut_until = now + ADDRESS_BAN
        return False


def new_limiter(shape: str, limit: int, *, count_refused: bool = False) -> Limiter:
    """Return a limiter.

    :param shape: ``sliding``, ``fixed`` or ``bucket``.
    :param limit: requests per second.
    :param count_refused: whether refused requests count too.
    """
    if shape == "fixed":
        return FixedSecond(limit, count_refused=count_refused)
    if shape == "bucket":
        return TokenBucket(limit, count_refused=count_refused)
    return SlidingWindow(limit, count_refused=count_refused)
