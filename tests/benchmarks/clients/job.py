# SPDX-License-Identifier: Apache-2.0
"""What a client is asked to do, and what it brings back; both cross a process boundary as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol

from tests.benchmarks.claims import Claim

CHUNK: Final = 50
"""The most orders that the exchange takes in one request of a classic account."""


@dataclass(frozen=True, slots=True)
class Job:
    """A list of orders to cancel.

    :param connection: the sandbox's connection.
    :param order_ids: the orders, all of one symbol.
    :param symbol: their symbol.
    """

    connection: dict[str, Any]
    order_ids: list[str]
    symbol: str

    def chunks(self) -> list[list[str]]:
        """Return the orders in groups of the size that one request takes."""
        return [self.order_ids[start : start + CHUNK] for start in range(0, len(self.order_ids), CHUNK)]


@dataclass(frozen=True, slots=True)
class Statement:
    """What a client tells its caller.

    :param claims: what it says of each order; an order that is missing was passed over in silence.
    :param seen: what else the caller sees, in a few words.
    """

    claims: dict[str, Claim]
    seen: str


class Client(Protocol):
    """A client, ready to cancel."""

    def cancel(self) -> None:
        """Cancel the job's orders: from the call to the report, this is what is timed."""

    def statement(self) -> Statement:
        """Return what the client told its caller."""
