# SPDX-License-Identifier: Apache-2.0
"""Why something is left on the exchange, in the field's words, and what a person can do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from airflow_provider_bitget.api.error_codes import ERROR_CODES, HINTS, LOCK_CODES, TOO_LARGE_CODES

_RUN_AGAIN = "Run it again: it reads the books first and sends what is left"
_BY_HAND = "If it stays, end it by hand on the exchange's page"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is left.

    :param why: what happened.
    :param action: what a person can do.
    """

    why: str
    action: str


NEVER_NAMED: Final = Reason(
    "It came after the last cancel or close of this run",
    "Run it again, and find out what places orders on this account",
)
"""For what the last read shows although no phase had to do with it."""

NOT_SENT_ON_PURPOSE: Final = Reason("Nothing was sent: this run was simulated", "Run it without simulate")
KEPT_STOP: Final = Reason(
    "A stop of a position that is still open is kept", "Close the position first; the next run takes the stop"
)

_LOCKED = "Cancel the close orders and stops of this position, then close it"
_TOO_LARGE = "Close it in parts with reduce-only orders"
_BY_CODE: Final[Mapping[str, str]] = {
    **HINTS,
    **dict.fromkeys(LOCK_CODES, _LOCKED),
    **dict.fromkeys(TOO_LARGE_CODES, _TOO_LARGE),
    "22041": "The contract is near its delivery: ask the exchange's support, or let it be delivered",
    "22043": "Wait until the exchange's auto-deleveraging has ended, then run it again",
    "22044": "Wait until the exchange's auto-deleveraging has ended, then run it again",
    "22067": "Wait until the exchange's auto-deleveraging has ended, then run it again",
    "45009": "Bring the margin of the account in order, then run it again",
    "40931": "Ask the exchange's support: its risk control forbids closing",
    "45108": "Close it by hand on the exchange's page: the API may not",
}
"""What can be done where the code alone says it."""

_TOO_LARGE_CATEGORY: Final = "too_large_to_flash_close"
_HOW_SURE_WE_ARE: Final = ("not_sent", "ambiguous", "still_open", "not_found", "not_verified")
_BY_CATEGORY: Final[Mapping[str, Reason]] = {
    # How sure we are
    "not_sent": Reason("The run ended before a request for it went out", _RUN_AGAIN),
    "ambiguous": Reason("It was sent, and no trustworthy answer came back", _RUN_AGAIN),
    "still_open": Reason("The exchange still shows it as open", f"{_RUN_AGAIN}. {_BY_HAND}"),
    "not_found": Reason("The exchange says that it does not exist, and nothing shows how it ended", _RUN_AGAIN),
    "not_verified": Reason("The books could not be read to the end after it was sent", _RUN_AGAIN),
    _TOO_LARGE_CATEGORY: Reason("The position is larger than a flash close may be", _TOO_LARGE),
    # Why the exchange refused
    "gone": Reason("The exchange says that it is gone, and the last read still shows it", f"{_RUN_AGAIN}. {_BY_HAND}"),
    "transient": Reason("The exchange was busy until the deadline", _RUN_AGAIN),
    "rate_limit": Reason("The exchange refused for too many requests until the deadline", _RUN_AGAIN),
    "maintenance": Reason("The symbol or the exchange is under maintenance", "Run it again when trading is open there"),
    "clock": Reason("The exchange refused the request's time", "Check the clock of this machine, then run it again"),
    "auth": Reason("The exchange refused the key", "Check the connection and the key's permissions, then run it again"),
    "account_mode": Reason(
        "The account is of another mode than the connection says", "Check the connection's account_mode"
    ),
    "bad_request": Reason("The exchange found the request wrong", _BY_HAND),
    "account_risk": Reason("The account's state or the exchange's risk control refuses", "Look at the account by hand"),
}

_UNKNOWN: Final = Reason("The exchange refused it with a code that is not in our table", f"{_RUN_AGAIN}. {_BY_HAND}")
_UNSAID: Final = Reason("No report of this run says why", _RUN_AGAIN)


def reason_of(code: str, category: str) -> Reason:
    """Return why something is left, and what to do.

    :param code: the exchange's last code for it, ``""`` if there was none.
    :param category: the category of its row in a report.
    """
    found = _BY_CATEGORY.get(category, _UNKNOWN if code or category else _UNSAID)
    known = ERROR_CODES.get(code)
    why = found.why if known is None else _why(category, found.why, known.reason)
    return Reason(why, _BY_CODE.get(code, found.action))


def _why(category: str, ours: str, of_the_code: str) -> str:
    """Return our words for the category together with those for the code, or the one that says it all."""
    if category in _HOW_SURE_WE_ARE:
        return f"{ours}; its last code: {of_the_code}"
    return ours if category == _TOO_LARGE_CATEGORY else of_the_code[0].upper() + of_the_code[1:]
