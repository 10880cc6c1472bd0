# SPDX-License-Identifier: Apache-2.0
"""The clock that everything reads and waits on, so that tests can bring their own time."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """What the client needs of time. All values are seconds."""

    def time(self) -> float:
        """Return the wall clock, in seconds since the epoch."""

    def monotonic(self) -> float:
        """Return a clock that never goes backwards; only differences mean anything."""

    def wait(self, seconds: float, wake: threading.Event) -> bool:
        """Wait for ``seconds`` or until ``wake`` is set; return whether it is set."""


class SystemClock:
    """The machine's own clock."""

    def time(self) -> float:
        """Return ``time.time()``."""
        return time.time()

    def monotonic(self) -> float:
        """Return ``time.monotonic()``."""
        return time.monotonic()

    def wait(self, seconds: float, wake: threading.Event) -> bool:
        """Wait on ``wake`` for at most ``seconds``."""
        return wake.wait(max(0.0, seconds))
