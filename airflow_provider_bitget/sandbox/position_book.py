# SPDX-License-Identifier: Apache-2.0
"""The positions of one account, as they are and as its API shows them a little later."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from airflow_provider_bitget.sandbox.amounts import ZERO
from airflow_provider_bitget.sandbox.orders import NET, Order, margin_coin_of
from airflow_provider_bitget.sandbox.positions import Position

# Product type, symbol, and long, short or net.
Key = tuple[str, str, str]


@dataclass
class _Holding:
    """The changes of one position: amounts, negative for a net short, each with the moment from which it shows."""

    margin_coin: str
    created_ms: int
    updated_ms: int
    changes: list[tuple[float, Decimal]] = field(default_factory=list)

    def amount(self, now: float | None) -> Decimal:
        return sum((amount for shows_at, amount in self.changes if now is None or shows_at <= now), ZERO)


class PositionBook:
    """All positions of an account. Not safe for threads by itself: the exchange holds a lock around it."""

    def __init__(self) -> None:
        self._holdings: dict[Key, _Holding] = {}
        self._known: dict[tuple[str, str], None] = {}

    def grow(
        self,
        product_type: str,
        symbol: str,
        hold_side: str,
        pos_side: str,
        size: Decimal,
        *,
        shows_at: float,
        now_ms: int,
        margin_coin: str = "",
    ) -> None:
        """Open a position or make it larger; in one-way mode the other side becomes smaller first.

        :param product_type: such as ``USDT-FUTURES``.
        :param symbol: such as ``BTCUSDT``.
        :param hold_side: ``long`` or ``short``.
        :param pos_side: the same in hedge mode, ``net`` in one-way mode.
        :param size: by how much, in units of the base coin.
        :param shows_at: from when on reads show it, seconds of the monotonic clock.
        :param now_ms: milliseconds since 1970-01-01 UTC.
        :param margin_coin: the coin of its margin, the product type's own by default.
        """
        key = (product_type, symbol, pos_side)
        coin = margin_coin or margin_coin_of(product_type, symbol)
        holding = self._holdings.setdefault(key, _Holding(coin, now_ms, now_ms))
        self._known[product_type, symbol] = None
        self._change(key, holding, -size if (pos_side, hold_side) == (NET, "short") else size, shows_at, now_ms)

    def reduce(self, order: Order, size: Decimal, now: float, now_ms: int) -> None:
        """Make the position that an order closes smaller, at most to nothing.

        :param order: an order that closes.
        :param size: by how much, in units of the base coin.
        :param now: seconds of the monotonic clock.
        :param now_ms: milliseconds since 1970-01-01 UTC.
        """
        key = (order.product_type, order.symbol, order.pos_side)
        holding = self._holdings.get(key)
        if holding is None or _hold_side(key, holding.amount(None)) != order.hold_side:
            return
        amount = holding.amount(None)
        taken = min(size, abs(amount))
        self._change(key, holding, -taken if amount > 0 else taken, now, now_ms)

    def mode_conflicts(self, product_type: str, symbol: str, pos_side: str) -> bool:
        """Return whether a symbol has a position in the other position mode.

        :param product_type: such as ``USDT-FUTURES``.
        :param symbol: such as ``BTCUSDT``.
        :param pos_side: ``long``, ``short`` or ``net``.
        """
        return any(
            (product_type, symbol) == (one, other) and (side == NET) is not (pos_side == NET)
            for one, other, side in self._holdings
        )

    def positions(self, now: float | None = None) -> list[Position]:
        """Return the positions, in the order in which they were opened.

        :param now: only what reads show at this moment, seconds of the monotonic clock; None for the truth.
        """
        shown = ((key, holding, holding.amount(now)) for key, holding in self._holdings.items())
        return [
            Position(
                symbol=key[1],
                product_type=key[0],
                margin_coin=holding.margin_coin,
                hold_side=_hold_side(key, amount),
                pos_side=key[2],
                total=abs(amount),
                created_ms=holding.created_ms,
                updated_ms=holding.updated_ms,
            )
            for key, holding, amount in shown
            if amount > 0 or (amount < 0 and key[2] == NET)
        ]

    def scopes(self) -> list[tuple[str, str]]:
        """Return the product types and symbols that ever had a position."""
        return list(self._known)

    def _change(self, key: Key, holding: _Holding, amount: Decimal, shows_at: float, now_ms: int) -> None:
        holding.changes.append((shows_at, amount))
        holding.updated_ms = now_ms
        if holding.amount(None) == 0:
            del self._holdings[key]


def _hold_side(key: Key, amount: Decimal) -> str:
    if key[2] != NET:
        return key[2]
    return "long" if amount > 0 else "short"
