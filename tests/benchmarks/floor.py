# SPDX-License-Identifier: Apache-2.0
"""The least time that the exchange's limit and the line allow."""

from __future__ import annotations

import math
from typing import Final

from tests.benchmarks.clients.job import CHUNK

REQUESTS_PER_SECOND: Final = 10
"""The exchange's limit on batch-cancel-orders, per user."""

ROUND_TRIPS: Final = 2
"""The last cancel, and the read that proves it."""


def floor_seconds(orders: int, round_trip: float) -> float:
    """Return the seconds below which a list cannot be cancelled and proven to be.

    The first second's requests may leave at once; every further second lets through as many again.

    :param orders: how many orders.
    :param round_trip: seconds to the exchange and back.
    """
    requests = math.ceil(orders / CHUNK)
    waiting = max(0.0, (requests - REQUESTS_PER_SECOND) / REQUESTS_PER_SECOND)
    return waiting + ROUND_TRIPS * round_trip
