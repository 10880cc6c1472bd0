# SPDX-License-Identifier: Apache-2.0
"""What an author writes into a DAG, checked while the DAG is read.

Only literals are checked here. What a template renders to is checked when the task runs, before anything is sent.
Imports nothing but the exception: a DAG file is read again and again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, TypeGuard

from airflow_provider_bitget.operators.exceptions import BitgetArgumentError

PRODUCT_TYPES: Final = (
    "USDT-FUTURES",
    "COIN-FUTURES",
    "USDC-FUTURES",
    "SUSDT-FUTURES",
    "SCOIN-FUTURES",
    "SUSDC-FUTURES",
)
"""Source: https://www.bitget.com/api-doc/contract/position/get-all-position ; the S* ones are the old demo types."""

HOLD_SIDES: Final = ("long", "short")

LONGEST_DEADLINE: Final = 86_400.0
LONGEST_LOOKBACK_DAYS: Final = 3_650

_SYMBOL: Final = re.compile(r"[\w$-]{1,64}")
_NO_SYMBOL: Final = frozenset({"NONE", "NULL"})


def one_of(name: str, value: Any, allowed: tuple[str, ...]) -> Any:
    """Return ``value`` if it is one of ``allowed``.

    :raises BitgetArgumentError: it is none of them.
    """
    if not isinstance(value, str) or value not in allowed:
        raise _refusal(name, f"one of {', '.join(map(repr, allowed))}", value)
    return value


def flag(name: str, value: Any) -> bool:
    """Return ``value`` if it is ``True`` or ``False``: ``"false"``, a text, would count as true.

    :raises BitgetArgumentError: it is something else.
    """
    if not isinstance(value, bool):
        raise _refusal(name, "True or False", value, "It is never templated: write the literal")
    return value


def whole_number(name: str, value: Any, least: int, most: int) -> int:
    """Return ``value`` if it is a whole number from ``least`` to ``most``.

    :raises BitgetArgumentError: it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise _refusal(name, f"a whole number from {least} to {most}", value)
    return value


def seconds(name: str, value: Any) -> float:
    """Return ``value`` if it is a number of seconds above 0, at most a day.

    :raises BitgetArgumentError: it is something else.
    """
    if not _is_number(value) or not 0 < value <= LONGEST_DEADLINE:
        raise _refusal(name, "seconds, above 0 and at most 86400", value)
    return value


def pause(name: str, value: Any, *, deadline: float, deadline_name: str = "the deadline") -> float:
    """Return ``value`` if it is a number of seconds, 0 or more, that leaves time before the deadline.

    :param deadline: seconds for the whole run.
    :param deadline_name: what to call it in a message.
    :raises BitgetArgumentError: it is something else.
    """
    if not _is_number(value) or not 0 <= value < deadline:
        raise _refusal(name, f"seconds, 0 or more and below {deadline_name} of {deadline:g}", value)
    return value


def error_codes(name: str, value: Any) -> frozenset[str]:
    """Return the codes as text.

    :raises BitgetArgumentError: it is no list, or holds something else than codes.
    """
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise _refusal(name, "a list of codes such as ['45034']", value)
    codes = list(value)
    for code in codes:
        if not isinstance(code, (str, int)) or isinstance(code, bool):
            raise _refusal(name, "a list of codes as text, such as ['45034']", code, of_item=True)
    return frozenset(str(code) for code in codes)


def side_or_both(name: str, value: Any) -> str | None:
    """Return ``"long"``, ``"short"`` or ``None``, which is both.

    :raises BitgetArgumentError: it is something else.
    """
    if value is None:
        return None
    if value not in HOLD_SIDES:
        raise _refusal(name, "'long', 'short', or None for both", value)
    return str(value)


def excluded_symbols(name: str, value: Any) -> tuple[str, ...]:
    """Return the symbols in upper case.

    :raises BitgetArgumentError: it is no literal list of symbols. A template or a ``"*"`` in it would exclude
        nothing, or everything.
    """
    example = "a literal list of symbols such as ['BTCUSDT']"
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise _refusal(name, example, value)
    for symbol in value:
        if not isinstance(symbol, str) or not _SYMBOL.fullmatch(symbol) or symbol.upper() in _NO_SYMBOL:
            raise _refusal(name, example, symbol, "It is never templated: write the symbols", of_item=True)
    return tuple(sorted({symbol.upper() for symbol in value}))


def product_types(name: str, value: Any) -> tuple[str, ...]:
    """Return the product types in upper case, each once, in the order given.

    :raises BitgetArgumentError: it is no literal list of at least one known product type.
    """
    example = f"a literal list of at least one of {', '.join(PRODUCT_TYPES)}"
    if not isinstance(value, (list, tuple)) or not value:
        raise _refusal(name, example, value)
    for product_type in value:
        if not isinstance(product_type, str) or product_type.strip().upper() not in PRODUCT_TYPES:
            raise _refusal(name, example, product_type, of_item=True)
    return tuple(dict.fromkeys(product_type.strip().upper() for product_type in value))


def check_scope(symbol: Any, all_symbols: Any, exclude_symbols: Iterable[str] = ()) -> None:
    """Pass if exactly one of ``symbol`` and ``all_symbols`` says what the task is about.

    :param symbol: unrendered; only what can be told of it by now is told.
    :param all_symbols: the literal.
    :param exclude_symbols: already checked by :func:`excluded_symbols`.
    :raises BitgetArgumentError: both or neither are given, or ``symbol`` is a literal that names no symbol.
    """
    whole = flag("all_symbols", all_symbols)
    if symbol is not None and whole:
        raise BitgetArgumentError(
            "symbol and all_symbols=True were both given. Keep symbol for one trading pair, or all_symbols=True for "
            "every symbol of the product type."
        )
    if symbol is None and not whole:
        raise BitgetArgumentError(
            "Neither symbol nor all_symbols was given. Give symbol='BTCUSDT' for one trading pair, or "
            "all_symbols=True for every symbol of the product type."
        )
    if isinstance(symbol, str) and symbol.strip() in ("", "*"):
        raise _refusal("symbol", "one trading pair such as 'BTCUSDT'", symbol, "Every symbol is all_symbols=True")
    if exclude_symbols and not whole:
        raise BitgetArgumentError("exclude_symbols was given with symbol: it only goes with all_symbols=True.")


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _refusal(name: str, expected: str, value: Any, hint: str = "", *, of_item: bool = False) -> BitgetArgumentError:
    """Say what was expected and what came: its type always, short text and numbers as they are."""
    came = f"type {type(value).__name__}"
    if isinstance(value, str) or _is_number(value):
        came += f" ({value[:24] if isinstance(value, str) else value!r})"
    holds = "holds something of" if of_item else "came as"
    return BitgetArgumentError(f"{name} must be {expected}, but {holds} {came}." + (f" {hint}." if hint else ""))
