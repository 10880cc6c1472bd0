# SPDX-License-Identifier: Apache-2.0
"""The report: every order that was asked for in exactly one bucket, as plain JSON types.

``cancelled`` orders were proven to be cancelled by this call, ``already_closed`` ones had ended before (``filled`` or
``cancelled``, as the exchange names it), ``failed`` ones were refused by the exchange, and ``unresolved`` is
everything whose end is not known. A plan order that has triggered ends with the order that its trigger placed, its
child: until that has ended, the plan order is ``unresolved``, and its row names the child.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from airflow_provider_bitget.api.error_codes import ErrorCategory
from airflow_provider_bitget.trading.order_list import OrderRef

MOST_ROWS: Final = 1_000
"""How many rows a list of the report holds at most; the counts are always whole."""


class Bucket(StrEnum):
    """Where an order ended."""

    CANCELLED = "cancelled"
    ALREADY_CLOSED = "already_closed"
    FAILED = "failed"
    UNRESOLVED = "unresolved"


class Unresolved(StrEnum):
    """Why an order's end is not known."""

    #: No request with this order went out.
    NOT_SENT = "not_sent"
    #: Sent, and no trustworthy answer came back.
    AMBIGUOUS = "ambiguous"
    #: The open orders still show it.
    STILL_OPEN = "still_open"
    #: The exchange says that it does not exist, and nothing shows how it ended.
    NOT_FOUND = "not_found"
    #: The exchange acknowledged it, but the open orders could not be read to the end.
    NOT_VERIFIED = "not_verified"


TRIGGERED: Final = "triggered"
"""The state of a plan order that waits no more, while the order that it placed may still be open."""

_INCURABLE: Final = frozenset({ErrorCategory.AUTH, ErrorCategory.ACCOUNT_MODE, ErrorCategory.BAD_REQUEST})


@dataclass(frozen=True, slots=True)
class OrderOutcome:
    """Where one order ended, and why.

    :param ref: the order.
    :param bucket: its bucket.
    :param detail: ``filled`` or ``cancelled`` for an order that had ended; the category for one that is not done.
    :param code: the exchange's last code for it, ``""`` if there was none.
    :param message: the exchange's last text for it.
    :param curable: whether another try could still take it off the exchange.
    :param child_id: the order that a plan order's trigger placed, ``""`` if there is none or it is not known.
    :param state: ``triggered`` for a plan order that has triggered and is unresolved; else ``""``.
    """

    ref: OrderRef
    bucket: Bucket
    detail: str = ""
    code: str = ""
    message: str = ""
    curable: bool = True
    child_id: str = ""
    state: str = ""

    def __str__(self) -> str:
        return f"{self.ref} ({self.state}, placed {self.child_id or 'an order'})" if self.state else str(self.ref)

    def to_row(self) -> dict[str, str]:
        """Return the order's row in the report; a plan order's has ``planType`` and, where known, ``childOrderId``."""
        row = {
            "orderId": self.ref.order_id,
            "clientOid": self.ref.client_oid,
            "symbol": self.ref.symbol,
            "errorCode": self.code,
            "errorMsg": self.message,
        }
        # A member of an enum is text that not every backend of XCom can write.
        row["state" if self.bucket is Bucket.ALREADY_CLOSED else "category"] = str(self.detail)
        plan_fields = {"planType": self.ref.plan_type, "state": self.state, "childOrderId": self.child_id}
        return row | {name: value for name, value in plan_fields.items() if value}


def is_curable(category: ErrorCategory) -> bool:
    """Whether a later try may succeed where this category failed."""
    return category not in _INCURABLE


@dataclass(frozen=True, slots=True)
class CancelReport:
    """What became of every order.

    :param product_type: the product type of all orders.
    :param outcomes: one per order.
    :param verified: the open orders were read to the end after the last cancel.
    :param simulated: nothing was sent that changes anything.
    :param report_cancelled: list the cancelled ids as well.
    :param requests: HTTP requests that went out.
    :param retries: those of them that repeated another.
    :param duration_ms: milliseconds from start to report.
    :param error: what ended the run early, if anything did.
    """

    product_type: str
    outcomes: tuple[OrderOutcome, ...]
    verified: bool
    simulated: bool = False
    report_cancelled: bool = False
    requests: int = 0
    retries: int = 0
    rate_limited: int = 0
    duration_ms: int = 0
    error: Exception | None = field(default=None, compare=False)

    @property
    def counts(self) -> dict[str, int]:
        """How many orders were asked for, and how many are in each bucket."""
        found = Counter(outcome.bucket for outcome in self.outcomes)
        return {"requested": len(self.outcomes)} | {bucket.value: found[bucket] for bucket in Bucket}

    def in_bucket(self, bucket: Bucket) -> list[OrderOutcome]:
        """Return the outcomes of one bucket, orders that are known to be open first."""
        found = [outcome for outcome in self.outcomes if outcome.bucket is bucket]
        found.sort(key=lambda outcome: outcome.detail not in (Unresolved.STILL_OPEN, Unresolved.NOT_SENT))
        return found

    def not_done(self) -> list[OrderOutcome]:
        """Return every order that may still be open: unresolved ones first, then the failed."""
        return self.in_bucket(Bucket.UNRESOLVED) + self.in_bucket(Bucket.FAILED)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON types; each list holds at most 1,000 rows, the counts are always whole."""
        lists: dict[str, list[Any]] = {bucket.value: [] for bucket in Bucket}
        truncated = False
        for bucket in Bucket:
            if bucket is Bucket.CANCELLED and not self.report_cancelled:
                continue
            found = self.in_bucket(bucket)
            truncated = truncated or len(found) > MOST_ROWS
            lists[bucket.value] = _rows(found[:MOST_ROWS])
        return {
            "product_type": self.product_type,
            "counts": self.counts,
            **lists,
            "truncated": truncated,
            "verified": self.verified,
            "simulated": self.simulated,
            "requests": self.requests,
            "retries": self.retries,
            "duration_ms": self.duration_ms,
        }


def _rows(outcomes: Iterable[OrderOutcome]) -> list[Any]:
    return [outcome.ref.id_value if outcome.bucket is Bucket.CANCELLED else outcome.to_row() for outcome in outcomes]
