# SPDX-License-Identifier: Apache-2.0
"""Paging through the classic dialect's lists: ``data.entrustedList``, newest first, ``idLessThan`` for the next page.

``endId`` is the id to go on from. Recorded answers lack it now and then (as a key, on short pages of plan orders), and
an empty list is ``null``, not ``[]``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.classic_rows import rows_in, text_of, unreadable
from airflow_provider_bitget.api.client import BitgetClient, Endpoint
from airflow_provider_bitget.api.rows import DEFAULT_LOOKBACK_DAYS, Row

PAGE_SIZE: Final = 100
# A page of just so many rows may be one that the exchange keeps shorter than it was asked for: the next one tells.
_LIKELY_CAPS: Final = frozenset({10, 20, 50})

_DAY_MS: Final = 86_400_000
# The exchange allows three months between startTime and endTime; the shortest three have 89 days.
_WINDOW_DAYS: Final = 89
# Neighbouring windows overlap by a day: no order may fall between two of them.
_WINDOW_STEP_DAYS: Final = _WINDOW_DAYS - 1

Params = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list.

    :param rows: its entries, as far as they are rows.
    :param entries: how many entries it had.
    :param cursor: the id to go on from, ``""`` where there is none.
    """

    rows: list[Row]
    entries: int
    cursor: str


def pages(
    client: BitgetClient, endpoint: Endpoint, params: Params, budget: Budget | None, attempts: int | None
) -> Iterator[Page]:
    """Yield the pages of a list until one is short or empty; running to the end means that the read is complete.

    :param params: the query without the paging.
    :raises BitgetAmbiguousError: an answer could not be read, or a full page gave no way to the next one.
    """
    cursor = ""
    seen: set[str] = set()
    while True:
        query = [*params, ("limit", str(PAGE_SIZE))]
        if cursor:
            query.append(("idLessThan", cursor))
        page = _page(client.call(endpoint, params=query, budget=budget, attempts=attempts).data, endpoint)
        yield page
        cursor = page.cursor
        leads_on = bool(cursor) and cursor not in seen
        if page.entries < PAGE_SIZE and (page.entries not in _LIKELY_CAPS or not leads_on):
            return
        if not leads_on:
            raise unreadable(endpoint, "a full page gave no way to the next one")
        seen.add(cursor)


def _page(data: Any, endpoint: Endpoint) -> Page:
    """Return a page.

    :raises BitgetAmbiguousError: the shape is none of the recorded ones, so it says nothing about what is open.
    """
    if not isinstance(data, Mapping) or "entrustedList" not in data:
        raise unreadable(endpoint, "the answer's data has no entrustedList")
    entries = data["entrustedList"]
    if entries is None:
        return Page([], 0, "")
    if not isinstance(entries, list):
        raise unreadable(endpoint, "the answer's entrustedList is not a list")
    rows = rows_in(entries)
    # Without an endId: the oldest row's id is one.
    cursor = text_of(data.get("endId")) or (text_of(rows[-1].get("orderId")) if rows else "")
    return Page(rows, len(entries), cursor)


def list_params(
    product_type: str, symbol: str | None, start_ms: int | None = None, end_ms: int | None = None
) -> Params:
    """Return the query of a list, without what belongs to its paging; what is ``None`` is left out."""
    params = [("productType", product_type)]
    if symbol:
        params.append(("symbol", symbol))
    if start_ms is not None:
        params.append(("startTime", str(start_ms)))
    if end_ms is not None:
        params.append(("endTime", str(end_ms)))
    return params


def windows(now: float, lookback_days: int) -> list[tuple[int | None, int | None]]:
    """Return start and end, in ms, of the stretches of time that reach back so far, newest first.

    The newest has neither: asked for no time, the lists show the last three months.

    :param now: the exchange's clock, in seconds since the epoch.
    """
    stretches: list[tuple[int | None, int | None]] = [(None, None)]
    reach = DEFAULT_LOOKBACK_DAYS
    while reach < lookback_days:
        end_ms = int(now * 1000) - len(stretches) * _WINDOW_STEP_DAYS * _DAY_MS
        stretches.append((end_ms - _WINDOW_DAYS * _DAY_MS, end_ms))
        reach = len(stretches) * _WINDOW_STEP_DAYS + 1
    return stretches
