# SPDX-License-Identifier: Apache-2.0
"""The journal of the exchange: what became of every request, and what that adds up to."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from airflow_provider_bitget.sandbox.limits import ROUNDING

# Enough for hours of requests at the exchange's pace; an older record makes room for a new one.
JOURNAL_LENGTH = 500_000


@dataclass(frozen=True)
class RequestRecord:
    """What became of one request.

    :param time: its arrival in seconds since 1970-01-01 UTC.
    :param arrival: its arrival in seconds of the monotonic clock.
    :param method: the HTTP method.
    :param path: the path.
    :param account: the user id, None where it never got as far.
    :param order_ids: the ids of orders that it named.
    :param status: the HTTP status that was sent, None where the connection was reset.
    :param code: the envelope's code that was sent, None where there was none.
    :param accepted: whether it passed the checks and the limit.
    :param processed: whether it took effect.
    :param fault: the injected fault that shaped the answer.
    :param plan_order_ids: the ids of plan orders (strategy orders) that it named.
    :param product_type: the product type (``category`` on a unified account) that it named in any case, here in
        upper case; empty without one.
    :param symbol: the symbol that it named, that of all its items; empty without one, which is every symbol to most
        writes.
    :param plan_type: the planType that it named, empty without one.
    :param hold_side: the holdSide (``posSide`` on a unified account) that it named, empty without one.
    """

    time: float
    arrival: float
    method: str
    path: str
    account: str | None
    order_ids: tuple[str, ...]
    status: int | None
    code: str | None
    accepted: bool
    processed: bool
    fault: str | None
    plan_order_ids: tuple[str, ...] = ()
    product_type: str = ""
    symbol: str = ""
    plan_type: str = ""
    hold_side: str = ""


class Journal:
    """The last requests, oldest first."""

    def __init__(self) -> None:
        self._records: deque[RequestRecord] = deque(maxlen=JOURNAL_LENGTH)

    def add(self, record: RequestRecord) -> None:
        """Append a record.

        :param record: what became of a request.
        """
        self._records.append(record)

    def records(self) -> list[RequestRecord]:
        """Return all records, oldest first."""
        return list(self._records)

    def statistics(self) -> dict[str, dict[str, int]]:
        """Return counts by endpoint.

        :return: by path: ``requests``, ``accepted``, ``processed``, ``refused_429``, ``reset``, and
            ``busiest_second``: the most requests of one user that were accepted in any one second.
        """
        by_path: dict[str, list[RequestRecord]] = {}
        for record in self._records:
            by_path.setdefault(record.path, []).append(record)
        return {path: _counts(records) for path, records in by_path.items()}


def _counts(records: list[RequestRecord]) -> dict[str, int]:
    users: dict[str | None, list[float]] = {}
    for record in records:
        if record.accepted:
            users.setdefault(record.account, []).append(record.arrival)
    return {
        "requests": len(records),
        "accepted": sum(record.accepted for record in records),
        "processed": sum(record.processed for record in records),
        "refused_429": sum(record.status == 429 for record in records),
        "reset": sum(record.status is None for record in records),
        "busiest_second": max((busiest_second(arrivals) for arrivals in users.values()), default=0),
    }


def busiest_second(arrivals: Iterable[float]) -> int:
    """Return the largest number of arrivals in any window of one second.

    :param arrivals: moments in seconds, in order. A window includes its end and excludes its beginning.
    """
    moments = list(arrivals)
    return max(
        (
            position + 1 - bisect_right(moments, moment - 1.0 + ROUNDING, 0, position)
            for position, moment in enumerate(moments)
        ),
        default=0,
    )
