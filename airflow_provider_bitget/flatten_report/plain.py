# SPDX-License-Identifier: Apache-2.0
"""Reads plain JSON values that may be anything: what does not fit reads as nothing, and no reader raises.

For reports of tasks that may have failed, in whatever way, before or while they wrote them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

LONGEST_TEXT: Final = 500
LARGEST_WHOLE: Final = 10**15
MOST_DIGITS: Final = 40
"""Beyond these no number of an account can be meant, and writing it out could fill a disk."""


def mapping_of(value: Any) -> Mapping[str, Any]:
    """Return a mapping as it is, and an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def rows_of(value: Any) -> list[Mapping[str, Any]]:
    """Return the mappings of a list, without what is none."""
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list | tuple) else []


def text_of(value: Any) -> str:
    """Return text or a number as one line of at most 500 characters that any encoding takes; ``""`` for the rest.

    Whatever cannot be printed becomes a space: line ends, control characters, marks that turn the direction of
    writing, halves of characters.
    """
    if isinstance(value, str):
        return "".join(letter if letter.isprintable() else " " for letter in value[:LONGEST_TEXT]).strip()
    if whole_of(value) is not None:
        return str(value)
    amount = decimal_of(value)
    return "" if amount is None else _without_zeros(f"{amount:f}")


def whole_of(value: Any) -> int | None:
    """Return a whole number from 0 on; ``None`` for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_WHOLE:
        return value
    return None


def decimal_of(value: Any) -> Decimal | None:
    """Return the number that a text or a number stands for; ``None`` for anything else, and beyond 40 digits."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    try:
        number = Decimal(value if isinstance(value, Decimal) else str(value))
    except (ArithmeticError, ValueError):
        return None
    if not number.is_finite() or abs(number.adjusted()) > MOST_DIGITS or len(number.as_tuple().digits) > MOST_DIGITS:
        return None
    return number


def moment_of(value: Any) -> datetime | None:
    """Return a moment in UTC from seconds since the epoch, a datetime or ISO text; ``None`` for anything else.

    A moment without a time zone is taken for UTC.
    """
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            value = datetime.fromtimestamp(value, UTC)
        if not isinstance(value, datetime):
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def iso_of(moment: datetime | None) -> str:
    """Return a moment as ``2026-11-23T23:55:00Z``; ``""`` for ``None``."""
    return "" if moment is None else f"{moment.replace(microsecond=0, tzinfo=None).isoformat()}Z"


def _without_zeros(digits: str) -> str:
    return digits.rstrip("0").rstrip(".") if "." in digits else digits
