# SPDX-License-Identifier: Apache-2.0
"""What a client says of each order, held against the exchange's books."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

OPEN_STATES: Final = frozenset({"live", "partially_filled"})


class Claim(StrEnum):
    """What a client says of one order."""

    #: This call cancelled it.
    CANCELLED = "cancelled"
    #: It had been cancelled before this call.
    CANCELLED_BEFORE = "cancelled_before"
    #: It was filled.
    FILLED = "filled"
    #: It is still open.
    OPEN = "open"
    #: It was never sent to the exchange.
    NOT_SENT = "not_sent"
    #: The client says that it does not know.
    UNKNOWN = "unknown"


_TRUE_STATES: Final[Mapping[Claim, frozenset[str]]] = {
    Claim.CANCELLED: frozenset({"canceled"}),
    # No benchmark cancels an order before the call.
    Claim.CANCELLED_BEFORE: frozenset(),
    Claim.FILLED: frozenset({"filled"}),
    Claim.OPEN: OPEN_STATES,
    Claim.NOT_SENT: OPEN_STATES | {"filled"},
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a client's words compare with the books.

    :param left_open: orders that are still open.
    :param misreported: orders of which the client says what isn't so, or nothing at all.
    :param unknown: orders of which the client says that it does not know.
    """

    left_open: int
    misreported: int
    unknown: int

    @property
    def is_exact(self) -> bool:
        """Whether the client says of every order what the books say."""
        return self.misreported == 0 and self.unknown == 0


def compare_with_books(claims: Mapping[str, Claim], states: Mapping[str, str]) -> Verdict:
    """Return how a client's words compare with the books.

    :param claims: what the client says, by order id. Orders that nobody asked for count as misreported.
    :param states: what the books say of each order that was asked for.
    """
    strangers = sum(order_id not in states for order_id in claims)
    wrong = sum(not _is_so(claims.get(order_id), state) for order_id, state in states.items())
    return Verdict(
        left_open=sum(state in OPEN_STATES for state in states.values()),
        misreported=wrong + strangers,
        unknown=sum(claims.get(order_id) is Claim.UNKNOWN for order_id in states),
    )


def claims_of(cancelled: Sequence[str], unknown: Sequence[str]) -> dict[str, Claim]:
    """Return the claims of a client that knows success and exceptions only.

    :param cancelled: ids that it returned.
    :param unknown: ids of the calls that raised: an exception speaks of no single order.
    """
    return dict.fromkeys(unknown, Claim.UNKNOWN) | dict.fromkeys(cancelled, Claim.CANCELLED)


def _is_so(claim: Claim | None, state: str) -> bool:
    if claim is None:
        return False
    return claim is Claim.UNKNOWN or state in _TRUE_STATES[claim]
