# SPDX-License-Identifier: Apache-2.0
"""Lists of open orders read to their end in the course of a run, and which of the orders may close a position."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.rows import OpenOrder, Read
from airflow_provider_bitget.trading.batch_cancel import READ_CALL_ATTEMPTS
from airflow_provider_bitget.trading.in_flight import InFlight

Row = TypeVar("Row")

# How a row's tradeSide begins in one-way mode, where reduceOnly tells the rest.
_ONE_WAY: Final = frozenset({"buy_single", "sell_single"})


def read_to_the_end(reads: Sequence[Read[Row]], *, in_flight: InFlight, budget: Budget) -> list[Row] | None:
    """Return the rows of several lists, read side by side; ``None`` if one of them did not reach its end.

    :param reads: the lists.
    :param in_flight: the requests of the run.
    :param budget: deadline, stop and tally of the run.
    :raises BitgetError: what makes any further request pointless.
    """
    results: list[list[Row]] = []

    def take(_carried: Any, rows: Any, error: BaseException | None) -> None:
        found = in_flight.result_of_read(rows, error)
        if found is not None:
            results.append(found)

    for read in reads:
        in_flight.submit(partial(_rows_of, read, budget))
    in_flight.collect(take)
    if len(results) != len(reads):
        return None
    return list(itertools.chain.from_iterable(results))


def live_closes(orders: Iterable[OpenOrder]) -> dict[str, str]:
    """Return the symbols of the orders that may close a position, each with the id of such an order.

    An order without a symbol stands under ``""``: it may be of any symbol.
    """
    return {order.symbol: order.order_id or order.client_oid for order in orders if may_close(order)}


def may_close(order: OpenOrder) -> bool:
    """Whether an open order closes a position, or cannot be told from one that does.

    In hedge mode ``tradeSide`` says ``open`` or ``close``, or names a forced close; in one-way mode it says
    ``buy_single`` or ``sell_single``, and ``reduceOnly`` says the rest
    (https://www.bitget.com/api-doc/contract/trade/Get-Orders-Pending). An order at market that is still live is a close
    on its way unless it says that it opens.
    """
    trade_side = _lower(order.row.get("tradeSide"))
    reduce_only = _lower(order.row.get("reduceOnly"))
    if reduce_only == "yes":
        return True
    if trade_side == "open":
        return False
    return not (trade_side in _ONE_WAY and reduce_only == "no" and _lower(order.row.get("orderType")) == "limit")


def _rows_of(read: Read[Row], budget: Budget) -> list[Row]:
    """Runs in a worker."""
    return list(itertools.chain.from_iterable(read(budget=budget, attempts=READ_CALL_ATTEMPTS)))


def _lower(value: Any) -> str:
    return "" if value is None else str(value).lower()
