# SPDX-License-Identifier: Apache-2.0
"""One limit for many workers: a window that they share through a store, and what to do without it.

The exchange counts per user, a limiter counts per process. Workers that share a store take their places from one
window instead. A store that cannot be reached costs at most its timeout: the limiter of this process then goes on at a
part of the limit, because nobody knows how many others do the same.
"""

from __future__ import annotations

import hashlib
import logging
import os
import random
import statistics
import threading
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Final, TypeVar

from pyrate_limiter import RateItem

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.clock import Clock, SystemClock
from airflow_provider_bitget.api.pace import Pace, Window
from airflow_provider_bitget.api.rate_limit import (
    EndpointLimiter,
    Limiter,
    LimiterRegistry,
    Pulse,
    Slot,
    shared_limiters,
)
from airflow_provider_bitget.api.redis_store import RedisSettings, RedisStore, SharedPace, Store, StoreError, Turn

log = logging.getLogger(__name__)

DEFAULT_FALLBACK_SHARE: Final = 0.25

FAILURES_IN_A_ROW: Final = 2
LEFT_ALONE_SECONDS: Final = 30.0

_SHORTEST_ALLOWANCE: Final = 0.005
_LONGEST_ALLOWANCE: Final = 1.0
_PREFIX: Final = "airflow-provider-bitget"
_ROUNDS: Final = 5

Result = TypeVar("Result")


class StoreGuard:
    """Stands before a store: leaves it alone for 30 s after two failures in a row, and says so once.

    :param store: the store.
    :param name: what it is called, for the log.
    :param share: the part of the limit that goes on without it, for the log.
    :param clock: where time comes from.
    """

    def __init__(self, store: Store, name: str, share: float, clock: Clock) -> None:
        self.store = store
        self._name = name
        self._share = share
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._left_alone_until = float("-inf")
        self._is_tried = False

    def call(self, job: Callable[[Store], Result]) -> Result | None:
        """Return what the store answers; ``None`` if it is left alone or does not answer."""
        if not self._may_ask():
            return None
        try:
            result = job(self.store)
        except StoreError as error:
            self._failed(error)
            return None
        except BaseException:
            with self._lock:
                self._is_tried = False
            raise
        self._answered()
        return result

    def _may_ask(self) -> bool:
        with self._lock:
            if self._failures < FAILURES_IN_A_ROW:
                return True
            # One caller at a time finds out whether it is back; the others would all wait for the same.
            if self._is_tried or self._clock.monotonic() < self._left_alone_until:
                return False
            self._is_tried = True
            return True

    def _failed(self, error: StoreError) -> None:
        with self._lock:
            self._failures += 1
            self._is_tried = False
            if self._failures >= FAILURES_IN_A_ROW:
                self._left_alone_until = self._clock.monotonic() + LEFT_ALONE_SECONDS
            is_first = self._failures == 1
        if is_first:
            log.warning(
                "The shared rate limit (Airflow connection %r) cannot be reached: %s. Going on at %.0f%% of the limit.",
                self._name,
                error,
                100 * self._share,
            )

    def _answered(self) -> None:
        if not self._failures:
            return
        with self._lock:
            was_away, self._failures, self._is_tried = self._failures > 0, 0, False
        if was_away:
            log.info("The shared rate limit (Airflow connection %r) can be reached again.", self._name)


@dataclass(frozen=True, slots=True)
class SharedPlace:
    """A place in a shared window.

    :param who: under which name it is held.
    :param began: when it was asked for.
    :param took: how long the answer took.
    :param allowance: how long after that its request may leave.
    """

    who: str
    began: float
    took: float
    allowance: float


class SharedEndpointLimiter:
    """Admits at most ``limit`` requests of one user to one endpoint in any window, whichever worker sends them.

    After a refusal all workers halve their pace and rest for a second, as one process does by itself.

    :param guard: leads to the store.
    :param key: whose window, in the store.
    :param limit: requests per second that the exchange allows.
    :param fallback_share: the part of the limit at which this process goes on without the store.
    :param clock: where time comes from.
    :param pulse: when any endpoint of the same user last answered this process with something else than a refusal.
    :param jitter: a random number from 0 to 1.
    """

    def __init__(
        self,
        guard: StoreGuard,
        key: str,
        limit: float,
        fallback_share: float,
        clock: Clock,
        pulse: Pulse | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._guard = guard
        self._key = key
        self._window = Window.of(limit)
        self._share = fallback_share
        self._clock = clock
        self._pulse = pulse or Pulse()
        self._fallback = EndpointLimiter(limit * fallback_share, clock, self._pulse, jitter)
        self._names = count()
        self._me = uuid.uuid4().hex
        self._round_trips: deque[float] = deque(maxlen=15)
        #: How long requests took to leave once they had their places.
        self._departures: deque[float] = deque(maxlen=15)
        #: When this process sent requests that the store has not heard of.
        self._untold: deque[float] = deque(maxlen=100)
        self._seen: tuple[SharedPace, Window, float] | None = None

    @property
    def pace(self) -> int:
        """Requests per window that all workers together are admitted, as far as this one knows."""
        shared = self._seen[0].pace if self._seen else None
        return min(self._window.most, shared.current) if shared else self._window.most

    @property
    def banned(self) -> bool:
        """Whether the refusals of the last ten seconds, this process's or everybody's, look like a ban."""
        if self._fallback.banned:
            return True
        if self._seen is None or self._seen[0].pace is None:
            return False
        shared, _, seen_at = self._seen
        now = self._clock.monotonic()
        accepted = shared.now + (self._pulse.last_accepted - seen_at)
        return self._seen[0].pace.is_banned(shared.now + (now - seen_at), accepted)

    def lower_ceiling(self, limit: float) -> None:
        """Respect a lower limit as well; a higher one changes nothing."""
        if limit < self._window.limit:
            self._window = Window.of(limit)
        self._fallback.lower_ceiling(limit * self._share)

    def acquire(self, budget: Budget) -> Slot:
        """Wait for a slot in the window.

        :param budget: ends the wait at its deadline or stop.
        :raises BitgetNotSentError: there was no slot before the deadline, or the run was stopped.
        """
        slot = Slot(self, budget)
        slot.renew()
        return slot

    def take(self, budget: Budget, instead_of: object = None) -> object:
        """Wait for a place that counts from now on.

        Who has to wait stands in line by name, and comes back when its turn has come. Then the place counts: from the
        moment at which the store gives it away until a window after the latest moment at which the request may leave.
        An answer that took longer than it may is not used: the place it brings would be older than it says.

        :param budget: ends the wait at its deadline or stop.
        :param instead_of: a place to give back first.
        :raises BitgetNotSentError: there was no place before the deadline, or the run was stopped.
        """
        if isinstance(instead_of, RateItem):
            # Begun without the store, ended without it: asking again might cost another timeout.
            return self._fallback.take(budget, instead_of)
        served = isinstance(instead_of, SharedPlace)
        who = instead_of.who if isinstance(instead_of, SharedPlace) else self._name()
        allowance = self._allowance()
        while True:
            budget.check()
            began = self._clock.monotonic()
            turn = self._ask(who, allowance, served=served)
            if turn is None:
                return self._take_alone(budget)
            took = self._clock.monotonic() - began
            self._round_trips.append(took)
            if not turn.granted:
                self._wait(budget, turn.wait - took, who)
            elif took <= allowance:
                self._fallback.count()
                return SharedPlace(who, began, took, allowance)
            else:
                served, allowance = True, min(2 * took, _LONGEST_ALLOWANCE)

    def is_stale(self, place: object) -> bool:
        """Whether a request that has not left by now needs a newer place: the window counts it as gone."""
        if isinstance(place, RateItem):
            return self._fallback.is_stale(place)
        if not isinstance(place, SharedPlace):
            return False
        spent = self._clock.monotonic() - place.began
        self._departures.append(spent - place.took)
        return spent > place.allowance

    def refused(self) -> None:
        """Note a 429, for all workers: halve the pace (once per window, however many refusals it brings) and rest."""
        self._fallback.refused()
        self._change(Pace.after_refusal)

    def accepted(self) -> None:
        """Note an answer that was no refusal; after a window of them the pace of all workers goes up a step."""
        self._fallback.accepted()
        if self._seen is None or self._seen[0].pace is None:
            return
        shared, window, seen_at = self._seen
        pace = shared.pace
        if pace is not None and pace.after_answer(shared.now + self._clock.monotonic() - seen_at, window) != pace:
            self._change(Pace.after_answer)

    def _name(self) -> str:
        # With the process: Airflow forks, and a fork has a copy of everything else.
        return f"{self._me}:{os.getpid()}:{next(self._names)}"

    def _allowance(self) -> float:
        """Return how long after its place a request may leave: twice what it usually takes."""
        usual = sum(statistics.median(list(times)) for times in (self._round_trips, self._departures) if times)
        return max(_SHORTEST_ALLOWANCE, min(2 * usual, _LONGEST_ALLOWANCE))

    def _ask(self, who: str, allowance: float, *, served: bool) -> Turn | None:
        """Ask the store, and tell it what it has not heard of."""
        now, window = self._clock.monotonic(), self._window
        untold = [self._untold.popleft() for _ in range(len(self._untold))]
        ages = [now - moment for moment in untold if now - moment < window.seconds]
        turn = self._guard.call(
            lambda store: store.ask(self._key, who, window=window, allowance=allowance, ages=ages, served=served)
        )
        if turn is None:
            self._untold.extend(untold)
            return None
        self._seen = (turn.shared, turn.window, self._clock.monotonic())
        return turn

    def _take_alone(self, budget: Budget) -> object:
        place = self._fallback.take(budget)
        self._untold.append(self._clock.monotonic())
        return place

    def _wait(self, budget: Budget, seconds: float, who: str) -> None:
        try:
            budget.wait(max(0.001, seconds))
        except BaseException:
            self._guard.store.leave(self._key, who)
            raise

    def _change(self, step: Callable[[Pace, float, Window], Pace]) -> None:
        """Take a step with the pace of all workers; anew where another one took a step meanwhile."""
        for _ in range(_ROUNDS):
            shared = self._guard.call(lambda store: store.read_pace(self._key))
            if shared is None:
                return
            window = self._seen[1] if self._seen else self._window
            self._seen = (shared, window, self._clock.monotonic())
            before = shared.pace or Pace(window.most)
            after = step(before, shared.now, window)
            if after == before or self._written(after, shared):
                return

    def _written(self, pace: Pace, read: SharedPace) -> bool:
        if not self._guard.call(lambda store: store.write_pace(self._key, pace, read.version)):
            return False
        window = self._seen[1] if self._seen else self._window
        self._seen = (SharedPace(read.now, read.version + 1, pace), window, self._clock.monotonic())
        return True


class SharedLimiters:
    """Hands out one limiter per user and endpoint that all workers with the same store share.

    Public endpoints are counted per address: theirs stay those of the process.

    :param store: what the workers share.
    :param name: what it is called, for the log.
    :param group: a name that joins different keys of one user; ``None`` to tell users apart by their keys.
    :param fallback_share: the part of the limit at which this process goes on without the store.
    :param clock: where time comes from.
    :param local: the limiters of the process.
    :param jitter: a random number from 0 to 1.
    """

    def __init__(
        self,
        store: Store,
        *,
        name: str = "",
        group: str | None = None,
        fallback_share: float = DEFAULT_FALLBACK_SHARE,
        clock: Clock | None = None,
        local: LimiterRegistry | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock or SystemClock()
        self._guard = StoreGuard(store, name, fallback_share, self._clock)
        self._group = group
        self._share = fallback_share
        self._local = local
        self._jitter = jitter
        self._lock = threading.Lock()
        self._limiters: dict[str, SharedEndpointLimiter] = {}
        self._pulses: dict[str, Pulse] = {}

    @property
    def is_reachable(self) -> bool:
        """Whether the store answers; asked now, and for a second at most."""
        return self._guard.call(lambda store: store.read_pace(f"{_PREFIX}:test")) is not None

    def limiter(self, owner: str, endpoint: str, limit: float) -> Limiter:
        """Return the limiter of ``endpoint`` for ``owner``, at the lowest limit that anyone asked for.

        :param owner: whom the exchange counts: host and a hash of the API key, or host alone for public endpoints.
        :param endpoint: method and path.
        :param limit: requests per second.
        """
        host, _, user = owner.partition("#")
        if not user:
            return (self._local or shared_limiters()).limiter(owner, endpoint, limit)
        subject = key_of(host, user, self._group)
        key = f"{_PREFIX}:{{{subject}}}:{endpoint}"
        with self._lock:
            found = self._limiters.get(key)
            if found is None:
                pulse = self._pulses.setdefault(subject, Pulse())
                found = self._limiters[key] = SharedEndpointLimiter(
                    self._guard, key, limit, self._share, self._clock, pulse, self._jitter
                )
        found.lower_ceiling(limit)
        return found


def key_of(host: str, user: str, group: str | None) -> str:
    """Return under which name the store keeps what a user does: a hash of a hash of the API key, or of the group."""
    subject = f"group {group}" if group else f"key {user}"
    return hashlib.sha256(f"{_PREFIX} {host} {subject}".encode()).hexdigest()[:32]


_lock: Final = threading.Lock()
_known: Final[dict[tuple[RedisSettings, str | None, float], SharedLimiters]] = {}


def limiters_in_redis(settings: RedisSettings, group: str | None, fallback_share: float) -> SharedLimiters:
    """Return the limiters that all workers with this Redis share; one object per process, however many hooks ask.

    :raises BitgetConfigError: the ``redis`` package is not installed.
    """
    with _lock:
        found = _known.get((settings, group, fallback_share))
        if found is None:
            found = _known[settings, group, fallback_share] = SharedLimiters(
                RedisStore(settings), name=settings.conn_id, group=group, fallback_share=fallback_share
            )
        return found
