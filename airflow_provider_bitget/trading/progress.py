# SPDX-License-Identifier: Apache-2.0
"""A line about every two seconds for lists that take longer than that."""

from __future__ import annotations

import logging
from typing import Final

from airflow_provider_bitget.api.clock import Clock

log = logging.getLogger(__name__)

EVERY_SECONDS: Final = 2.0


class Progress:
    """Counts orders that were answered and says so from time to time.

    :param total: how many orders there are.
    :param clock: where time comes from.
    """

    def __init__(self, total: int, clock: Clock) -> None:
        self.total = total
        self.done = 0
        self.failed = 0
        self._clock = clock
        self._started = self._last = clock.monotonic()

    def tick(self) -> None:
        """Log a line if the last one, or the start, is two seconds ago."""
        now = self._clock.monotonic()
        if now - self._last < EVERY_SECONDS:
            return
        self._last = now
        share = self.done / self.total if self.total else 1.0
        left = f"about {(now - self._started) * (1 - share) / share:.0f} s left" if share else "time left unknown"
        log.info(
            "Cancelling: %d of %d orders answered (%d %%), %d refused so far, %s",
            self.done,
            self.total,
            share * 100,
            self.failed,
            left,
        )
