# SPDX-License-Identifier: Apache-2.0
"""The options that every run has alike, checked before anything is sent."""

from __future__ import annotations

from typing import Any, Final

from airflow_provider_bitget.api.exceptions import BitgetConfigError

LONGEST_DEADLINE: Final = 86_400.0

HOLD_SIDES: Final = ("long", "short")


def check_flags(**flags: Any) -> None:
    """Pass if every flag is ``True`` or ``False``: ``"false"``, a text, would count as true.

    :raises BitgetConfigError: one of them is something else.
    """
    for name, flag in flags.items():
        if not isinstance(flag, bool):
            raise BitgetConfigError(f"{name} must be True or False, but is of type {type(flag).__name__}.", field=name)


def check_deadline(value: Any) -> float:
    """Return the seconds that a whole run may take.

    :raises BitgetConfigError: it is no number above 0 and at most 86400.
    """
    if not _is_number(value) or not 0 < value <= LONGEST_DEADLINE:
        raise BitgetConfigError(
            f"deadline must be seconds, above 0 and at most 86400, but is {_shown(value)}.", field="deadline"
        )
    return float(value)


def check_settle(value: Any, *, deadline: float) -> float:
    """Return the seconds between two reads that prove something.

    :param deadline: seconds for the whole run; the second read has to begin within them.
    :raises BitgetConfigError: it is no number from 0 on and below the deadline.
    """
    if not _is_number(value) or not 0 <= value < deadline:
        raise BitgetConfigError(
            f"settle must be seconds, 0 or more and below the deadline of {deadline:g}, but is {_shown(value)}.",
            field="settle",
        )
    return float(value)


def check_hold_side(value: Any) -> str | None:
    """Return ``"long"``, ``"short"``, or ``None`` for both.

    :raises BitgetConfigError: it is something else.
    """
    if value is not None and value not in HOLD_SIDES:
        raise BitgetConfigError(
            f"hold_side must be 'long', 'short', or None for both, but is {_shown(value)}.", field="hold_side"
        )
    return None if value is None else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    if _is_number(value) or isinstance(value, str):
        return repr(value if not isinstance(value, str) else value[:24])
    return f"of type {type(value).__name__}"
