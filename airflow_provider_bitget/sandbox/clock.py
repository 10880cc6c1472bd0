# SPDX-License-Identifier: Apache-2.0
"""Where the sandbox takes its time from: the machine, or a test that moves time itself."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """The two readings that the exchange needs."""

    def time(self) -> float:
        """Return the wall clock in seconds since 1970-01-01 UTC."""

    def monotonic(self) -> float:
        """Return seconds on a clock that never steps; only differences mean anything."""


class SystemClock:
    """The machine's own clock."""

    def time(self) -> float:
        """Return the wall clock in seconds since 1970-01-01 UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds on a clock that never steps."""
        return time.monotonic()


class VirtualClock:
    """A clock that stands still until it is told to move, so that tests of time take no time.

    :param start: the wall clock at the beginning, in seconds since 1970-01-01 UTC.
    """

    def __init__(self, start: float = 1_767_225_600.0) -> None:
        self._start = start
        self._elapsed = 0.0

    def time(self) -> float:
        """Return the wall clock in seconds since 1970-01-01 UTC."""
        return self._start + self._elapsed

    def monotonic(self) -> float:
        """Return the seconds that were advanced so far."""
        return self._elapsed

    def advance(self, seconds: float) -> None:
        """Move time on.

        :param seconds: how far, in seconds; never negative.
        :raises ValueError: for a negative step, because time does not run backwards.
        """
        if seconds < 0:
            raise ValueError(f"time cannot be moved by {seconds} seconds")
        self._elapsed += seconds
