# SPDX-License-Identifier: Apache-2.0
"""Reading rows of positions that go by the classic API's names: the same for every kind of account."""

from __future__ import annotations

from typing import Any

from airflow_provider_bitget.api.client import Endpoint
from airflow_provider_bitget.api.fields import HOLD_SIDES, amount_of, lower_of, unreadable, upper_of
from airflow_provider_bitget.api.rows import Position, Row


def positions_in(entries: Any, endpoint: Endpoint) -> list[Position]:
    """Return the positions of a list, those of size zero left out.

    :raises BitgetAmbiguousError: the shape is not the recorded one, or a row cannot be read: it might be any position.
    """
    if not isinstance(entries, list):
        raise unreadable(endpoint, "the answer's positions are not a list")
    found = []
    for entry in entries:
        row: Row = entry if isinstance(entry, dict) else {}
        size = amount_of(row.get("total"))
        symbol, hold_side = upper_of(row, "symbol"), lower_of(row, "holdSide")
        if size == 0:
            continue
        if size is None or not symbol or hold_side not in HOLD_SIDES:
            raise unreadable(endpoint, "a position's symbol, side or total cannot be read")
        found.append(
            Position(
                symbol=symbol,
                hold_side=hold_side,
                size=size,
                margin_coin=upper_of(row, "marginCoin"),
                # An unknown mode is taken for hedge mode: a close that names the side spares the other one there.
                hedge_mode=lower_of(row, "posMode") != "one_way_mode",
                mark_price=amount_of(row.get("markPrice")),
                row=row,
            )
        )
    return found
