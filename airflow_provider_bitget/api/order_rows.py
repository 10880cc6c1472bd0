# SPDX-License-Identifier: Apache-2.0
"""Reading rows of orders that go by the classic API's names: what is the same for every kind of account."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from airflow_provider_bitget.api.client import Endpoint
from airflow_provider_bitget.api.fields import ids_of, lower_of, seconds_of, text_of, unreadable, upper_of
from airflow_provider_bitget.api.rows import EndedOrder, OpenOrder, Row

ONE_WAY_TRADE_SIDES: Final = frozenset({"buy_single", "sell_single"})
"""How a row's ``tradeSide`` begins in one-way mode, where ``reduceOnly`` tells the rest."""

_RESTING: Final = frozenset({"live", "new", "init", "partially_filled"})
_PLACED_NOTHING: Final = frozenset({"fail", "failed", "cancelled", "canceled"})
_ENDS: Final = {"filled": "filled", "canceled": "cancelled", "cancelled": "cancelled"}


def open_order(row: Row, *, margin_coin: str, may_close: bool) -> OpenOrder | None:
    """Return the order of a row of the open orders; ``None`` if the row names none.

    :param margin_coin: as of :class:`OpenOrder`, and so is ``may_close``.
    """
    order_id, client_oid = ids_of(row)
    if not order_id and not client_oid:
        return None
    return OpenOrder(
        order_id,
        client_oid,
        upper_of(row, "symbol"),
        row,
        margin_coin=margin_coin,
        side=text_of(row.get("side")),
        size=text_of(row.get("size")),
        price=text_of(row.get("price")),
        placed=seconds_of(row, "cTime"),
        may_close=may_close,
    )


def ended_order(row: Row) -> EndedOrder | None:
    """Return the order of a row in any state; ``None`` unless it has ended."""
    state = _ENDS.get(_state(row))
    if state is None:
        return None
    return EndedOrder(*ids_of(row), upper_of(row, "symbol"), state, seconds_of(row, "uTime"), seconds_of(row, "cTime"))


def is_resting(row: Row) -> bool:
    """Whether the order of a row in any state rests on the book."""
    return _state(row) in _RESTING


def _state(row: Row) -> str:
    """Return the row's state; the classic detail calls it ``state``, the lists ``status``."""
    return lower_of(row, "state") or lower_of(row, "status")


def placed_ids(entries: Iterable[Any], field: str, endpoint: Endpoint) -> list[str]:
    """Return the ids of the orders that a plan order's trigger placed.

    :param field: what names such an order.
    :raises BitgetAmbiguousError: an order that was placed has no id.
    """
    found = []
    for entry in entries:
        row: Row = entry if isinstance(entry, dict) else {}
        if order_id := text_of(row.get(field)):
            found.append(order_id)
        elif lower_of(row, "status") not in _PLACED_NOTHING:
            raise unreadable(endpoint, "an order that the trigger placed carries no id")
    return found
