# SPDX-License-Identifier: Apache-2.0
"""What a run over open orders and positions may see and touch: one symbol, or a whole product type less some symbols.

A whole product type has to be asked for by name. Nothing that is missing, empty or ``"*"`` ever means "all", and
everything that is wrong is said before anything is sent.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from airflow_provider_bitget.api.exceptions import BitgetConfigError
from airflow_provider_bitget.api.rows import PLAN_TYPES
from airflow_provider_bitget.trading.order_list import (
    OrderListError,
    parse_margin_coin,
    parse_product_type,
    parse_symbol,
)

log = logging.getLogger(__name__)

LOOKBACK_DAYS: Final = 730
"""How old an open order may be, in days, for the lists to be asked about it, unless the caller says otherwise."""

LONGEST_LOOKBACK_DAYS: Final = 3_650
"""Every three months of lookback cost one more page of each list."""


class ScopeArgumentError(BitgetConfigError):
    """An argument that says what a run may touch cannot be used. Nothing was sent.

    :param message: says what came, what was expected and how to mend it.
    :param field: the argument's name.
    """


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run may see and touch. :func:`parse_scope` makes one of a caller's arguments.

    :param product_type: for example ``USDT-FUTURES``.
    :param symbol: the only symbol, upper case; ``None`` for every symbol that is not excluded.
    :param exclude_symbols: symbols to leave alone, upper case.
    :param margin_coin: the only margin coin, upper case; ``None`` for any.
    :param lookback_days: how far back in time open orders are looked for.
    """

    product_type: str
    symbol: str | None = None
    exclude_symbols: frozenset[str] = frozenset()
    margin_coin: str | None = None
    lookback_days: int = LOOKBACK_DAYS

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole product type, so that a call without any symbol touches nothing else."""
        return self.symbol is None and not self.exclude_symbols and self.margin_coin is None

    def covers(self, symbol: str, margin_coin: str) -> bool:
        """Return whether something with this symbol and margin coin, in upper case, belongs to the scope.

        Where a row of the exchange leaves one of them out (``""``), it counts as covered: what cannot be told apart
        from an open order of the scope must not be overlooked.
        """
        if symbol and (symbol in self.exclude_symbols or symbol != (self.symbol or symbol)):
            return False
        return not margin_coin or margin_coin == (self.margin_coin or margin_coin)

    def __str__(self) -> str:
        symbols = self.symbol or "all symbols"
        if self.exclude_symbols:
            symbols += f" but {', '.join(sorted(self.exclude_symbols))}"
        coin = f", margin coin {self.margin_coin}" if self.margin_coin else ""
        return f"{self.product_type}, {symbols}{coin}"


def parse_scope(
    *,
    product_type: Any,
    symbol: Any = None,
    all_symbols: Any = False,
    exclude_symbols: Any = (),
    margin_coin: Any = None,
    lookback_days: Any = LOOKBACK_DAYS,
) -> Scope:
    """Return the scope that a caller's arguments mean.

    :param product_type: one of the six product types, in any case.
    :param symbol: one trading pair, in any case; exclusive with ``all_symbols``.
    :param all_symbols: ``True`` for the whole product type; only the literal will do, never text.
    :param exclude_symbols: with ``all_symbols``: a list (or tuple, or set) of symbols to leave alone.
    :param margin_coin: only what is margined in this coin, for example ``"USDT"``.
    :param lookback_days: 1 to 3650: how far back in time open orders are looked for. The exchange's lists reach three
        months back by themselves (https://www.bitget.com/api-doc/contract/trade/Get-Orders-Pending).
    :raises ScopeArgumentError: an argument cannot be used, or it is not said which symbols are meant.
    """
    with _as_scope_error():
        parsed_type = parse_product_type(product_type)
        parsed_symbol = parse_symbol(symbol)
        parsed_coin = parse_margin_coin(margin_coin)
    _check_choice(parsed_symbol, all_symbols)
    _warn_of_a_coin_that_finds_nothing(parsed_type, parsed_coin)
    return Scope(
        product_type=parsed_type,
        symbol=parsed_symbol,
        exclude_symbols=_parse_excluded(exclude_symbols, is_all=parsed_symbol is None),
        margin_coin=parsed_coin,
        lookback_days=_parse_lookback(lookback_days),
    )


def _warn_of_a_coin_that_finds_nothing(product_type: str, margin_coin: str | None) -> None:
    """Say that a coin is not the one by which the product type goes: what finds nothing looks just like "flat"."""
    usual = product_type.partition("-")[0]
    if margin_coin is not None and usual.endswith(("USDT", "USDC")) and margin_coin != usual:
        log.warning(
            "margin_coin is %s: in %s, where %s is usual, what is margined in another coin is left alone, and "
            "is not counted as open",
            margin_coin,
            product_type,
            usual,
        )


def parse_plan_types(value: Any, *, field: str = "plan_types") -> tuple[str, ...]:
    """Return the types of plan orders in the exchange's order, each once.

    :param value: a list (or tuple, or set) of :data:`~airflow_provider_bitget.api.rows.PLAN_TYPES`; ``[]`` for none.
    :param field: the argument's name.
    :raises ScopeArgumentError: it is no list, or holds something that is no type of a plan order.
    """
    found = _parse_list(value, field, "['normal_plan', 'track_plan']")
    unknown = [item for item in found if item not in PLAN_TYPES]
    if unknown:
        shown = f"text ({unknown[0][:24]!r})" if isinstance(unknown[0], str) else f"type {type(unknown[0]).__name__}"
        raise ScopeArgumentError(
            f"{field} may hold {', '.join(PLAN_TYPES)}, but holds {shown}.",
            field=field,
        )
    return tuple(plan_type for plan_type in PLAN_TYPES if plan_type in found)


def _check_choice(symbol: str | None, all_symbols: Any) -> None:
    if not isinstance(all_symbols, bool):
        raise ScopeArgumentError(
            f"all_symbols must be True or False as the DAG's author writes it, but is of type "
            f"{type(all_symbols).__name__}. It takes no template: nothing that is rendered may widen a run to all "
            "symbols.",
            field="all_symbols",
        )
    if symbol is None and not all_symbols:
        raise ScopeArgumentError(
            "symbol is missing: give symbol='BTCUSDT' for one symbol, or all_symbols=True for the whole product type. "
            "A missing symbol never means all of them.",
            field="symbol",
        )
    if symbol is not None and all_symbols:
        raise ScopeArgumentError(
            f"all_symbols=True contradicts symbol={symbol!r}: give one of them.", field="all_symbols"
        )


def _parse_excluded(value: Any, *, is_all: bool) -> frozenset[str]:
    listed = _parse_list(value, "exclude_symbols", "['BTCUSDT']")
    if listed and not is_all:
        raise ScopeArgumentError(
            "exclude_symbols goes with all_symbols=True only: one symbol has nothing to exclude.",
            field="exclude_symbols",
        )
    found: set[str] = set()
    for index, item in enumerate(listed):
        with _as_scope_error():
            symbol = parse_symbol("" if item is None else item, field=f"exclude_symbols[{index}]")
        found.add(str(symbol))
    return frozenset(found)


def _parse_list(value: Any, field: str, example: str) -> list[Any]:
    if isinstance(value, (str, bytes, bytearray, memoryview)) or not isinstance(value, (Sequence, Set)):
        raise ScopeArgumentError(
            f"{field} must be a list such as {example}, but is of type {type(value).__name__}. Give [] for none.",
            field=field,
        )
    return list(value)


def _parse_lookback(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LONGEST_LOOKBACK_DAYS:
        shown = value if isinstance(value, int) else f"of type {type(value).__name__}"
        raise ScopeArgumentError(
            f"lookback_days must be a whole number of days from 1 to {LONGEST_LOOKBACK_DAYS}, but is {shown}.",
            field="lookback_days",
        )
    return value


@contextmanager
def _as_scope_error() -> Iterator[None]:
    try:
        yield
    except OrderListError as error:
        raise ScopeArgumentError(str(error), field=error.field) from None
