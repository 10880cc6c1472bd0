# SPDX-License-Identifier: Apache-2.0
"""A limiter per user and endpoint, shared by every client of that user in the process.

The exchange counts requests per user (``UID``) and endpoint, public ones per address
(https://www.bitget.com/api-doc/common/intro, "Frequency Limit"). What shape its window has is not published, so the
strictest is assumed: a sliding second. A window here is 1.03 s long: the 30 ms are room for jitter on the way.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final, cast

from pyrate_limiter import InMemoryBucket, Rate, RateItem
from pyrate_limiter.abstracts.algorithm import Decision

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.clock import Clock, SystemClock

WINDOW_SECONDS: Final = 1.03
"""A second as the exchange counts it, and room for jitter."""

REFUSED_PAUSE_SECONDS: Final = 1.0
"""How long an endpoint rests after a 429."""

BAN_SECONDS: Final = 10.0
"""429 on every attempt for this long, at one request a second, is taken for a ban of the address."""


@dataclass(slots=True)
class Pulse:
    """When one user's requests were last accepted, whatever the endpoint: monotonic clock, in seconds."""

    last_accepted: float = float("-inf")


class EndpointLimiter:
    """Admits at most ``limit`` requests to one endpoint in any window.

    After a refusal it halves its pace and rests for a second; each window without one brings it a step back up.

    :param limit: requests per second that the exchange allows.
    :param clock: where time comes from.
    :param pulse: when any endpoint of the same user last answered with something else than a refusal.
    """

    def __init__(self, limit: float, clock: Clock, pulse: Pulse | None = None) -> None:
        self._clock = clock
        self._pulse = pulse or Pulse()
        self._lock = threading.Lock()
        self._ceiling = limit
        self._per_window, self._window_ms = _window_of(limit)
        self._pace = self._per_window
        self._bucket = InMemoryBucket([Rate(self._pace, self._window_ms)])
        self._waiting = 0
        self._rest_until = float("-inf")
        self._pace_changed = float("-inf")
        self._last_refused = float("-inf")
        self._slowest_since: float | None = None

    @property
    def pace(self) -> int:
        """Requests per window that are admitted at present."""
        return self._pace

    @property
    def banned(self) -> bool:
        """Whether the refusals of the last ten seconds look like a ban of the address."""
        with self._lock:
            since = self._slowest_since
            if since is None:
                return False
            # A ban shuts out every endpoint; one that still answers shows that there is none.
            return self._clock.monotonic() - max(since, self._pulse.last_accepted) >= BAN_SECONDS

    def lower_ceiling(self, limit: float) -> None:
        """Respect a lower limit as well; a higher one changes nothing."""
        with self._lock:
            if limit >= self._ceiling:
                return
            self._ceiling = limit
            self._per_window, self._window_ms = _window_of(limit)
            self._set_pace(min(self._pace, self._per_window))

    def acquire(self, budget: Budget) -> Slot:
        """Wait for a slot in the window.

        :param budget: ends the wait at its deadline or stop.
        :raises BitgetNotSentError: there was no slot before the deadline, or the run was stopped.
        """
        slot = Slot(self, budget)
        slot.renew()
        return slot

    def refused(self) -> None:
        """Note a 429: halve the pace (once per window, however many refusals it brings) and rest."""
        with self._lock:
            now = self._clock.monotonic()
            self._rest_until = now + REFUSED_PAUSE_SECONDS
            if now - self._pace_changed >= self._window_ms / 1000 or self._pace == self._per_window:
                self._set_pace(max(1, self._pace // 2))
                self._pace_changed = now
            # Refusals that lie apart are single ones, not a ban.
            begins_anew = self._slowest_since is None or now - self._last_refused >= BAN_SECONDS
            if self._pace == 1 and begins_anew:
                self._slowest_since = now
            self._last_refused = now

    def accepted(self) -> None:
        """Note an answer that was no refusal; after a window of them the pace goes up a step."""
        self._pulse.last_accepted = self._clock.monotonic()
        if self._pace == self._per_window and self._slowest_since is None:
            return
        with self._lock:
            now = self._clock.monotonic()
            self._slowest_since = None
            quiet_since = max(self._pace_changed, self._last_refused)
            if self._pace < self._per_window and now - quiet_since >= self._window_ms / 1000:
                # Quickly up to half the limit, then with care.
                step = self._pace if self._pace * 2 < self._per_window else max(1, self._pace // 2)
                self._set_pace(min(self._per_window, self._pace + step))
                self._pace_changed = now

    def _set_pace(self, pace: int) -> None:
        self._pace = pace
        self._bucket.rates = [Rate(pace, self._window_ms)]

    def _try(self) -> tuple[RateItem | None, float]:
        """Return a place in the window, or how many seconds to wait before asking again.

        Who has to wait is counted as waiting until it says so by :meth:`_woke`, and is told to come back when the place
        that is its turn gets free: many that wake together for one place would only cost time.
        """
        with self._lock:
            now = self._clock.monotonic()
            if now < self._rest_until:
                self._waiting += 1
                return None, self._rest_until - now
            item = RateItem("request", int(now * 1000))
            self._bucket.leak(item.timestamp)
            # Only the buckets behind a network answer with an awaitable.
            decision = cast("Decision", self._bucket.put_decision(item))
            if decision.allowed:
                return item, 0.0
            held = self._bucket.items
            turn = max(0, min(len(held) - self._pace + self._waiting, len(held) - 1))
            self._waiting += 1
            free_at = held[turn].timestamp + self._window_ms
            return None, max(0.001, (free_at - item.timestamp) / 1000)

    def _woke(self) -> None:
        with self._lock:
            self._waiting -= 1

    def _give_back(self, item: RateItem) -> None:
        with self._lock:
            if item in self._bucket.items:
                self._bucket.items.remove(item)


@dataclass(slots=True)
class Slot:
    """A place in an endpoint's window, held by one attempt."""

    limiter: EndpointLimiter
    budget: Budget
    _item: RateItem | None = None

    def renew(self) -> None:
        """Take a place that counts from now on.

        Called once when the slot is acquired, and again when the attempt first had to open a connection: the round
        trips of a new connection would otherwise let the request arrive in a later window than the one it was counted
        in.

        :raises BitgetNotSentError: there was no place before the deadline, or the run was stopped.
        """
        if self._item is not None:
            self.limiter._give_back(self._item)
            self._item = None
        while self._item is None:
            self.budget.check()
            self._item, wait = self.limiter._try()
            if self._item is None:
                try:
                    self.budget.wait(wait)
                finally:
                    self.limiter._woke()


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


def _window_of(limit: float) -> tuple[int, int]:
    """Return how many requests fit into a window, and its length in ms; below one a second the window grows."""
    if limit >= 1:
        return int(limit), round(WINDOW_SECONDS * 1000)
    return 1, round(WINDOW_SECONDS * 1000 / limit)


_shared: Final = LimiterRegistry()


def shared_limiters() -> LimiterRegistry:
    """Return the registry that all clients of this process share."""
    return _shared
