# SPDX-License-Identifier: Apache-2.0
"""A line about every two seconds for lists that take longer than that."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from airflow_provider_bitget.api.clock import Clock

log = logging.getLogger(__name__)

EVERY_SECONDS: Final = 2.0


class Progress:
    """Says from time to time how far a run is.

    :param total: how many orders there are.
    :param clock: where time comes from.
    :param count: returns how many orders are done with, and how many of them were refused. Asked only for a line.
    """

    def __init__(self, total: int, clock: Clock, count: Callable[[], tuple[int, int]]) -> None:
        self.total = total
        self._clock = clock
        self._count = count
        self._started = self._last = clock.monotonic()

    def tick(self) -> None:
        """Log a line if the last one, or the start, is two seconds ago."""
        now = self._clock.monotonic()
        if now - self._last < EVERY_SECONDS:
            return
        self._last = now
        done, failed = self._count()
        share = done / self.total if self.total else 1.0
        left = f"about {(now - self._started) * (1 - share) / share:.0f} s left" if share else "time left unknown"
        log.info(
            "Cancelling: %d of %d orders answered (%d %%), %d refused so far, %s",
            done,
            self.total,
            share * 100,
            failed,
            left,
        )
