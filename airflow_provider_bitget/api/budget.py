# SPDX-License-Identifier: Apache-2.0
"""How long a run may take, whether it has been stopped, and what it has sent so far."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from airflow_provider_bitget.api.clock import Clock, SystemClock
from airflow_provider_bitget.api.exceptions import BitgetNotSentError


@dataclass(slots=True)
class Tally:
    """What was sent. Safe to add to from many threads.

    :param requests: HTTP requests that went out, every attempt counted.
    :param retries: those of them that repeated an earlier attempt.
    :param rate_limited: answers with HTTP 429 or a rate-limit code.
    """

    requests: int = 0
    retries: int = 0
    rate_limited: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def count(self, *, requests: int = 0, retries: int = 0, rate_limited: int = 0) -> None:
        """Add to the counters."""
        with self._lock:
            self.requests += requests
            self.retries += retries
            self.rate_limited += rate_limited


class Budget:
    """Deadline, stop and tally of one run; handed to every call that belongs to it.

    :param seconds: how long the run may take from now on; ``None`` for no deadline.
    :param clock: where time comes from.
    """

    def __init__(self, seconds: float | None = None, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or SystemClock()
        self.started = self.clock.monotonic()
        self.deadline = None if seconds is None else self.started + seconds
        self.tally = Tally()
        self._stop = threading.Event()

    @property
    def stopped(self) -> bool:
        """Whether :meth:`stop` was called."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Let no further request start and wake every wait."""
        self._stop.set()

    def elapsed(self) -> float:
        """Return the seconds since the run began."""
        return self.clock.monotonic() - self.started

    def remaining(self) -> float:
        """Return the seconds left before the deadline, infinite without one."""
        return float("inf") if self.deadline is None else self.deadline - self.clock.monotonic()

    def check(self) -> None:
        """Pass if another request may be sent.

        :raises BitgetNotSentError: the run was stopped or its deadline has passed.
        """
        if self._stop.is_set():
            raise BitgetNotSentError("stopped")
        if self.remaining() <= 0:
            raise BitgetNotSentError("deadline")

    def wait(self, seconds: float) -> None:
        """Wait, but not past a stop or the deadline.

        :raises BitgetNotSentError: the run was stopped, or the deadline came, while waiting.
        """
        self.clock.wait(min(seconds, max(0.0, self.remaining())), self._stop)
        self.check()

    def share(self, *, reserve: float) -> Budget:
        """Return a view of this budget that ends ``reserve`` seconds earlier and shares stop and tally."""
        part = Budget(clock=self.clock)
        part.started = self.started
        part.deadline = None if self.deadline is None else self.deadline - reserve
        part.tally = self.tally
        part._stop = self._stop
        return part

    def at_most(self, seconds: float) -> Budget:
        """Return a view of this budget that ends so many seconds from now, if not earlier; it shares stop and tally."""
        part = self.share(reserve=0.0)
        part.deadline = self.clock.monotonic() + min(seconds, self.remaining())
        return part
