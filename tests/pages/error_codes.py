# SPDX-License-Identifier: Apache-2.0
"""``docs/error-codes.md``: the table of codes as the code has it, and what to do about each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from airflow_provider_bitget.api.error_codes import ERROR_CODES, HINTS, ErrorCategory, ErrorCode

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "error-codes.md"

_HEAD: Final = """\
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!-- Written by `make pages` from airflow_provider_bitget/api/error_codes.py. -->
# Error codes and what to do about each

Bitget answers with a code and a text. The provider goes by the code, never by the text, and whatever the HTTP status
is. What it can do about a code by itself depends on the code's category; what is left for you is below.

Where the meaning comes from: [Bitget's table](https://www.bitget.com/api-doc/contract/error-code), answers recorded in
public issues of client libraries, and the libraries' own tables. Where these contradict each other, the note says so. A
code that is in no table is `unknown`: it is shown with its text, and an order that got it counts as not done.
"""

_WHAT_IS_DONE: Final[dict[ErrorCategory, tuple[str, str, str]]] = {
    ErrorCategory.GONE: (
        "Gone, or nothing to do",
        "Looks up how the order ended, or reads the positions again. The code alone proves nothing: a wrong symbol, "
        "product type or account gets the same answer.",
        "Nothing, unless the report says `not_found`: then check symbol, product type, account and id.",
    ),
    ErrorCategory.RATE_LIMIT: (
        "Too many requests",
        "Rests for a second, halves its pace and recovers step by step. Ten seconds of nothing else, at one request a "
        "second, are taken for the ban of the address: the run ends.",
        "Look for other programs that use the same user or address. A ban lasts about five minutes.",
    ),
    ErrorCategory.TRANSIENT: (
        "Busy",
        "Tries again, with growing pauses, until the deadline. A close is sent again only after positions and orders "
        "have been read again.",
        "Nothing, unless it lasts. See [the release window](release-window.md).",
    ),
    ErrorCategory.AMBIGUOUS: (
        "May have been carried out",
        "Asks the exchange what has become of it before believing anything.",
        "Nothing, unless the report says `ambiguous`: try again, the next try finds out.",
    ),
    ErrorCategory.CLOCK: (
        "The clocks differ",
        "Compares the clocks once, then goes on with the exchange's time.",
        "Let this machine's clock be set by NTP.",
    ),
    ErrorCategory.MAINTENANCE: (
        "Maintenance",
        "Reports it. It may last for hours, so it is not tried in a tight loop.",
        "Run again later; watch [Bitget's announcements](https://www.bitget.com/support/announcement-center).",
    ),
    ErrorCategory.AUTH: (
        "Key, secret, passphrase, permission, address",
        "Stops at once. What was not sent is `unresolved`/`not_sent`; no retry can help.",
        "Mend the connection or the key; the message says which part.",
    ),
    ErrorCategory.ACCOUNT_MODE: (
        "The other kind of account",
        "Under account mode `auto`, goes on once as the kind that the exchange names (40731 names none). Else stops at "
        "once.",
        "Use a key that fits, or set the connection's account mode.",
    ),
    ErrorCategory.BAD_REQUEST: (
        "The request is wrong",
        "Splits a batch until the culprit stands alone; the others go through. Does not repeat it.",
        "Look at the order that is named: its id, symbol or product type. If it looks right, please report it.",
    ),
    ErrorCategory.ACCOUNT_RISK: (
        "The account's state or risk control",
        "Reports it and leaves it at that, except for stops that lock a position's size while an account is "
        "flattened: these are cancelled first.",
        "A person must look at the account.",
    ),
}


def error_code_page() -> str:
    """Return the page."""
    return "\n".join([_HEAD, *_sections()])


def _sections() -> Iterator[str]:
    for category, (title, done, to_do) in _WHAT_IS_DONE.items():
        rows = sorted((row for row in ERROR_CODES.values() if row.category is category), key=lambda row: int(row.code))
        yield f"## {title}\n"
        yield f"Category `{category}`. **The provider:** {done} **You:** {to_do}\n"
        yield "| code | meaning | what to know |\n|---|---|---|"
        yield "".join(f"| {row.code} | {row.reason} | {_to_know(row)} |\n" for row in rows)


def _to_know(row: ErrorCode) -> str:
    hint = HINTS.get(row.code, "")
    return "; ".join(filter(None, (hint, row.note)))
