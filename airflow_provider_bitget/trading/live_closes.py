# SPDX-License-Identifier: Apache-2.0
"""Lists of open orders read to their end in the course of a run, and which of the orders may close a position."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.rows import OpenOrder, Read
from airflow_provider_bitget.trading.batch_cancel import READ_CALL_ATTEMPTS
from airflow_provider_bitget.trading.in_flight import InFlight

Row = TypeVar("Row")


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
    return {order.symbol: order.order_id or order.client_oid for order in orders if order.may_close}


def _rows_of(read: Read[Row], budget: Budget) -> list[Row]:
    """Runs in a worker."""
    return list(itertools.chain.from_iterable(read(budget=budget, attempts=READ_CALL_ATTEMPTS)))
