# SPDX-License-Identifier: Apache-2.0
"""A limiter per user and endpoint, shared by every client of that user in the process.

The exchange counts requests per user (``UID``) and endpoint, public ones per address
(https://www.bitget.com/api-doc/common/intro, "Frequency Limit"). What shape its window has is not published, so the
strictest is assumed: a sliding second. A window here is 1.03 s long: the 30 ms are room for jitter on the way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, cast

from pyrate_limiter import InMemoryBucket, Rate, RateItem
from pyrate_limiter.abstracts.algorithm import Decision

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.clock import Clock, SystemClock
from airflow_provider_bitget.api.pace import Pace, Window


@dataclass(slots=True)
class Pulse:
    """When one user's requests were last accepted, whatever the endpoint: monotonic clock, in seconds."""

    last_accepted: float = float("-inf")


class Limiter(Protocol):
    """What the client asks before each attempt, and tells after it."""

    @property
    def banned(self) -> bool:
        """Whether the refusals of the last ten seconds look like a ban of the address."""

    def acquire(self, budget: Budget) -> Slot:
        """Wait for a slot.

        :raises BitgetNotSentError: there was none before the deadline, or the run was stopped.
        """

    def refused(self) -> None:
        """Note a 429."""

    def accepted(self) -> None:
        """Note an answer that was no refusal."""


class Limiters(Protocol):
    """Hands out limiters."""

    def limiter(self, owner: str, endpoint: str, limit: float) -> Limiter:
        """Return the limiter of ``endpoint`` for ``owner``."""


class Places(Protocol):
    """Where a slot gets its place."""

    def take(self, budget: Budget, instead_of: Any = None) -> Any:
        """Wait for a place that counts from now on, giving up an earlier one."""

    def is_stale(self, place: Any) -> bool:
        """Whether a request that has not left by now needs a newer place."""


@dataclass(slots=True)
class Slot:
    """A place in an endpoint's window, held by one attempt."""

    limiter: Places
    budget: Budget
    _item: Any = None

    @property
    def is_stale(self) -> bool:
        """Whether a request that leaves only now would leave too long after its place."""
        return self._item is not None and self.limiter.is_stale(self._item)

    def renew(self) -> None:
        """Take a place that counts from now on.

        Called once when the slot is acquired, and again when the attempt first had to open a connection: the round
        trips of a new connection would otherwise let the request arrive in a later window than the one it was counted
        in.

        :raises BitgetNotSentError: there was no place before the deadline, or the run was stopped.
        """
        earlier, self._item = self._item, None
        self._item = self.limiter.take(self.budget, earlier)


class EndpointLimiter:
    """Admits at most ``limit`` requests to one endpoint in any window.

    After a refusal it halves its pace and rests for a second; each window without one brings it a step back up.

    :param limit: requests per second that the exchange allows.
    :param clock: where time comes from.
    :param pulse: when any endpoint of the same user last answered with something else than a refusal.
    :param jitter: returns by how much longer than usual to rest and to wait before a step back up, as a share of a
        window. For many processes that were refused together and must not all come back together.
    """

    def __init__(
        self, limit: float, clock: Clock, pulse: Pulse | None = None, jitter: Callable[[], float] = lambda: 0.0
    ) -> None:
        self._clock = clock
        self._pulse = pulse or Pulse()
        self._jitter = jitter
        self._lock = threading.Lock()
        self._window = Window.of(limit)
        self._state = Pace(self._window.most)
        self._bucket = InMemoryBucket([Rate(self._window.most, self._window.milliseconds)])
        self._waiting = 0

    @property
    def pace(self) -> int:
        """Requests per window that are admitted at present."""
        return self._state.current

    @property
    def banned(self) -> bool:
        """Whether the refusals of the last ten seconds look like a ban of the address."""
        with self._lock:
            return self._state.is_banned(self._clock.monotonic(), self._pulse.last_accepted)

    def lower_ceiling(self, limit: float) -> None:
        """Respect a lower limit as well; a higher one changes nothing."""
        with self._lock:
            if limit >= self._window.limit:
                return
            self._window = Window.of(limit)
            self._adopt(replace(self._state, current=min(self._state.current, self._window.most)))

    def acquire(self, budget: Budget) -> Slot:
        """Wait for a slot in the window.

        :param budget: ends the wait at its deadline or stop.
        :raises BitgetNotSentError: there was no slot before the deadline, or the run was stopped.
        """
        slot = Slot(self, budget)
        slot.renew()
        return slot

    def take(self, budget: Budget, instead_of: RateItem | None = None) -> RateItem:
        """Wait for a place that counts from now on.

        :param budget: ends the wait at its deadline or stop.
        :param instead_of: a place to give back first.
        :raises BitgetNotSentError: there was no place before the deadline, or the run was stopped.
        """
        while True:
            budget.check()
            item, wait = self._try(instead_of)
            instead_of = None
            if item is not None:
                return item
            try:
                budget.wait(wait)
            finally:
                self._woke()

    def is_stale(self, place: RateItem) -> bool:
        """Whether a request that has not left by now needs a newer place: one of another millisecond."""
        return int(self._clock.monotonic() * 1000) != place.timestamp

    def count(self) -> None:
        """Count a request that was admitted elsewhere."""
        with self._lock:
            item = RateItem("request", int(self._clock.monotonic() * 1000))
            self._bucket.leak(item.timestamp)
            self._bucket.items.append(item)

    def refused(self) -> None:
        """Note a 429: halve the pace (once per window, however many refusals it brings) and rest."""
        with self._lock:
            self._adopt(self._state.after_refusal(self._clock.monotonic(), self._window, self._jitter()))

    def accepted(self) -> None:
        """Note an answer that was no refusal; after a window of them the pace goes up a step."""
        self._pulse.last_accepted = self._clock.monotonic()
        if self._state.current >= self._window.most and self._state.slowest_since is None:
            return
        with self._lock:
            self._adopt(self._state.after_answer(self._clock.monotonic(), self._window, self._jitter()))

    def _adopt(self, pace: Pace) -> None:
        self._state = pace
        self._bucket.rates = [Rate(pace.current, self._window.milliseconds)]

    def _try(self, instead_of: RateItem | None = None) -> tuple[RateItem | None, float]:
        """Return a place in the window, or how many seconds to wait before asking again.

        Who has to wait is counted as waiting until it says so by :meth:`_woke`, and is told to come back when the place
        that is its turn gets free: many that wake together for one place would only cost time.
        """
        with self._lock:
            # At once: who waits for a place must not slip in between.
            if instead_of in self._bucket.items:
                self._bucket.items.remove(instead_of)
            now = self._clock.monotonic()
            if now < self._state.rest_until:
                self._waiting += 1
                return None, max(0.001, self._state.rest_until - now)
            item = RateItem("request", int(now * 1000))
            self._bucket.leak(item.timestamp)
            # Only the buckets behind a network answer with an awaitable.
            decision = cast("Decision", self._bucket.put_decision(item))
            if decision.allowed:
                return item, 0.0
            held = self._bucket.items
            turn = max(0, min(len(held) - self._state.current + self._waiting, len(held) - 1))
            self._waiting += 1
            # A millisecond later: the bucket's window holds both of its ends.
            free_at = held[turn].timestamp + self._window.milliseconds + 1
            return None, max(0.001, (free_at - item.timestamp) / 1000)

    def _woke(self) -> None:
        with self._lock:
            self._waiting -= 1


class LimiterRegistry:
    """Hands out one limiter per owner and endpoint.

    :param clock: where time comes from.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._limiters: dict[tuple[str, str], EndpointLimiter] = {}
        self._pulses: dict[str, Pulse] = {}

    def limiter(self, owner: str, endpoint: str, limit: float) -> EndpointLimiter:
        """Return the limiter of ``endpoint`` for ``owner``, at the lowest limit that anyone asked for.

        :param owner: whom the exchange counts: host and a hash of the API key, or host alone for public endpoints.
        :param endpoint: method and path.
        :param limit: requests per second.
        """
        with self._lock:
            found = self._limiters.get((owner, endpoint))
            if found is None:
                found = self._limiters[owner, endpoint] = EndpointLimiter(
                    limit, self._clock, self._pulses.setdefault(owner, Pulse())
                )
        found.lower_ceiling(limit)
        return found


_shared: Final = LimiterRegistry()


def shared_limiters() -> LimiterRegistry:
    """Return the registry that all clients of this process share."""
    return _shared
