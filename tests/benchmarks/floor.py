# SPDX-License-Identifier: Apache-2.0
"""The least time that the exchange's limit and the line allow."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from airflow_provider_bitget.sandbox.accounts import AccountMode
from tests.benchmarks.clients.job import CHUNK

ROUND_TRIPS: Final = 2
"""The last cancel, and the read that proves it."""


@dataclass(frozen=True, slots=True)
class CancelEndpoint:
    """Where a list of orders is cancelled, and how fast.

    :param name: the last part of its path.
    :param orders: the most orders in one request.
    :param per_second: requests per second and user.
    """

    name: str
    orders: int
    per_second: int


CANCEL_ENDPOINTS: Final[Mapping[AccountMode, CancelEndpoint]] = {
    "classic": CancelEndpoint("batch-cancel-orders", CHUNK, 10),
    "unified": CancelEndpoint("cancel-batch", 20, 5),
}
"""By the kind of account."""


def floor_seconds(orders: int, round_trip: float, account: AccountMode = "classic") -> float:
    """Return the seconds below which a list cannot be cancelled and proven to be.

    The first second's requests may leave at once; every further second lets through as many again.

    :param orders: how many orders.
    :param round_trip: seconds to the exchange and back.
    :param account: the kind of account.
    """
    endpoint = CANCEL_ENDPOINTS[account]
    requests = math.ceil(orders / endpoint.orders)
    waiting = max(0.0, (requests - endpoint.per_second) / endpoint.per_second)
    return waiting + ROUND_TRIPS * round_trip
