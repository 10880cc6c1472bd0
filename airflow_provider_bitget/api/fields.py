# SPDX-License-Identifier: Apache-2.0
"""Reading single fields of the exchange's answers, the same for every kind of account.

Numbers are text; ``""`` and ``null`` stand for "no value"; lists may be ``null``.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

from airflow_provider_bitget.api.client import Endpoint
from airflow_provider_bitget.api.envelope import whole_number
from airflow_provider_bitget.api.error_codes import ErrorCategory
from airflow_provider_bitget.api.exceptions import BitgetAmbiguousError
from airflow_provider_bitget.api.rows import Row

HOLD_SIDES: Final = ("long", "short")

# Decimal takes more for a number: NaN, Infinity, a sign, digits of every script.
_AMOUNT: Final = re.compile(r"(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,2})?")


def unreadable(endpoint: Endpoint, reason: str) -> BitgetAmbiguousError:
    """Return the error of an answer that says nothing about what was asked."""
    return BitgetAmbiguousError(reason, category=ErrorCategory.AMBIGUOUS, endpoint=endpoint.path)


def rows_in(value: Any) -> list[Row]:
    """Return the mappings of a list; none where it is no list."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def text_of(value: Any) -> str:
    """Return a value as text, ``""`` for ``null``."""
    return "" if value is None else str(value)


def amount_of(value: Any) -> Decimal | None:
    """Return a size or a price, zero or more; ``None`` where it cannot be read."""
    text = text_of(value)
    return Decimal(text) if _AMOUNT.fullmatch(text) else None


def lower_of(row: Row, name: str) -> str:
    """Return a field as text in lower case."""
    return text_of(row.get(name)).lower()


def upper_of(row: Row, name: str) -> str:
    """Return a field as text in upper case."""
    return text_of(row.get(name)).upper()


def ids_of(row: Row) -> tuple[str, str]:
    """Return ``orderId`` and ``clientOid``, ``""`` where there is none."""
    return text_of(row.get("orderId")), text_of(row.get("clientOid"))


def seconds_of(row: Row, name: str) -> float:
    """Return a time, written in ms, in seconds since the epoch; 0.0 where it cannot be read."""
    return whole_number(row.get(name)) / 1000
