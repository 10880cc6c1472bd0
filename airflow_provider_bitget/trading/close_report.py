# SPDX-License-Identifier: Apache-2.0
"""The report of a close: every position that was to be closed in exactly one list, as plain JSON types.

``closed`` positions are absent from a complete read of the positions, ``failed`` ones were refused by the exchange and
are still open, and ``unresolved`` is everything else.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from airflow_provider_bitget.api.rows import OpenPlanOrder
from airflow_provider_bitget.trading.books import Books, amount_text
from airflow_provider_bitget.trading.report import MOST_ROWS, Unresolved
from airflow_provider_bitget.trading.scope import Scope


class CloseBucket(StrEnum):
    """Where a position ended."""

    CLOSED = "closed"
    FAILED = "failed"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True, slots=True)
class CloseOutcome:
    """Where one position ended, and why.

    :param symbol: for example ``BTCUSDT``.
    :param hold_side: ``long`` or ``short``.
    :param margin_coin: for example ``USDT``, ``""`` where the exchange did not say.
    :param size: its size when it was largest, in units of the base coin.
    :param value: the worth of that size, at mark price.
    :param left: its size when it was last seen; 0 if it is closed.
    :param bucket: its bucket.
    :param detail: the category of a failure, or why its end is not known; ``""`` if it is closed.
    :param code: the exchange's last code for it, ``""`` if there was none.
    :param message: the exchange's last text for it, or ours where the exchange was not asked.
    :param curable: whether another try could still close it.
    :param note: what else is to be known of a closed position.
    """

    symbol: str
    hold_side: str
    margin_coin: str
    size: Decimal
    value: Decimal
    left: Decimal
    bucket: CloseBucket
    detail: str = ""
    code: str = ""
    message: str = ""
    curable: bool = True
    note: str = ""

    def __str__(self) -> str:
        return f"{self.symbol} {self.hold_side} {amount_text(self.left or self.size)}"

    def to_row(self) -> dict[str, str]:
        """Return the position's row in the report."""
        row = {
            "symbol": self.symbol,
            "holdSide": self.hold_side,
            "size": amount_text(self.size),
            "marginCoin": self.margin_coin,
            "value": amount_text(self.value),
        }
        if self.bucket is CloseBucket.CLOSED:
            return row | ({"note": self.note} if self.note else {})
        # A member of an enum is text that not every backend of XCom can write.
        return row | {
            "left": amount_text(self.left),
            "errorCode": self.code,
            "errorMsg": self.message,
            "category": str(self.detail),
        }


@dataclass(frozen=True, slots=True)
class CloseReport:
    """What became of every position.

    :param scope: what was to be closed.
    :param hold_side: the only side, ``None`` for both.
    :param outcomes: one per position.
    :param verified: the last read of the positions was complete, and nothing was sent after it.
    :param simulated: nothing was sent that changes anything.
    :param cancelled_stops: protective plan orders that were cancelled because they locked a position.
    :param requests: HTTP requests that went out.
    :param retries: those of them that repeated another.
    :param rate_limited: answers that refused for too many requests.
    :param duration_ms: milliseconds from start to report.
    :param books: what the reads found, wherever that changed.
    :param error: what ended the run early, or kept the positions from being read at all, if anything did.
    """

    scope: Scope
    hold_side: str | None
    outcomes: tuple[CloseOutcome, ...]
    verified: bool
    simulated: bool = False
    cancelled_stops: tuple[OpenPlanOrder, ...] = ()
    requests: int = 0
    retries: int = 0
    rate_limited: int = 0
    duration_ms: int = 0
    books: tuple[Books, ...] = ()
    error: Exception | None = field(default=None, compare=False)

    @property
    def counts(self) -> dict[str, int]:
        """How many positions were to be closed, and how many are in each bucket."""
        found = Counter(outcome.bucket for outcome in self.outcomes)
        return {"requested": len(self.outcomes)} | {bucket.value: found[bucket] for bucket in CloseBucket}

    def in_bucket(self, bucket: CloseBucket) -> list[CloseOutcome]:
        """Return the outcomes of one bucket, positions that are known to be open first."""
        found = [outcome for outcome in self.outcomes if outcome.bucket is bucket]
        found.sort(key=lambda outcome: outcome.detail not in (Unresolved.STILL_OPEN, Unresolved.NOT_SENT))
        return found

    def not_done(self) -> list[CloseOutcome]:
        """Return every position that may still be open: unresolved ones first, then the failed."""
        return self.in_bucket(CloseBucket.UNRESOLVED) + self.in_bucket(CloseBucket.FAILED)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON types; each list holds at most 1,000 rows, the counts are always whole."""
        buckets = {bucket: self.in_bucket(bucket) for bucket in CloseBucket}
        return {
            "product_type": self.scope.product_type,
            "symbol": self.scope.symbol or "",
            "hold_side": self.hold_side or "",
            "counts": self.counts,
            **{bucket.value: [one.to_row() for one in found[:MOST_ROWS]] for bucket, found in buckets.items()},
            "cancelled_stops": [_stop_row(stop) for stop in self.cancelled_stops[:MOST_ROWS]],
            "truncated": max(len(self.cancelled_stops), *map(len, buckets.values())) > MOST_ROWS,
            "verified": self.verified,
            "simulated": self.simulated,
            "requests": self.requests,
            "retries": self.retries,
            "duration_ms": self.duration_ms,
            "books": [books.snapshot() for books in self.books],
        }


def _stop_row(stop: OpenPlanOrder) -> dict[str, str]:
    return {
        "orderId": stop.order_id,
        "clientOid": stop.client_oid,
        "symbol": stop.symbol,
        "planType": stop.plan_type,
    }
