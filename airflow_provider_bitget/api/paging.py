# SPDX-License-Identifier: Apache-2.0
"""Paging through a list to its end, and only to its end: the same for every kind of account."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.client import BitgetClient, Endpoint
from airflow_provider_bitget.api.fields import ids_of, unreadable
from airflow_provider_bitget.api.rows import Row

PAGE_SIZE: Final = 100
# A page of just so many rows may be one that the exchange keeps shorter than it was asked for: the next one tells. Not
# if it has shown a longer one before.
_LIKELY_CAPS: Final = frozenset({10, 20, 25, 30, 40, 50})

Params = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list.

    :param rows: its entries, as far as they are rows.
    :param entries: how many entries it had.
    :param cursor: what to go on from, ``""`` where there is nothing.
    """

    rows: list[Row]
    entries: int
    cursor: str


@dataclass(frozen=True, slots=True)
class Paging:
    """How a kind of account pages its lists.

    :param parameter: the query's field that names where to go on from.
    :param read: reads an answer's ``data``; it raises :class:`BitgetAmbiguousError` for every shape but the recorded
        ones.
    """

    parameter: str
    read: Callable[[Any, Endpoint], Page]

    def pages(
        self, client: BitgetClient, endpoint: Endpoint, params: Params, budget: Budget | None, attempts: int | None
    ) -> Iterator[Page]:
        """Yield the pages of a list until one is short or empty; running to the end means that the read is complete.

        A full page that names nothing to go on from, or what led to it, may be the exchange's last: it is gone on from
        at its oldest row. A page that does not go on from there is then none.

        :param params: the query without the paging.
        :raises BitgetAmbiguousError: an answer could not be read, or a full page gave no way to the next one.
        """
        cursor = ""
        seen: set[str] = set()
        before: Page | None = None
        longest = 0
        while True:
            query = [*params, ("limit", str(PAGE_SIZE))]
            if cursor:
                query.append((self.parameter, cursor))
            page = self.read(client.call(endpoint, params=query, budget=budget, attempts=attempts).data, endpoint)
            if before is not None and any(row in before.rows for row in page.rows):
                if before.entries < PAGE_SIZE and all(row in before.rows for row in page.rows):
                    # It was the last one, and not kept short after all.
                    return
                raise unreadable(endpoint, "a full page gave no way to the next one")
            yield page
            cursor, before = page.cursor, None
            is_full = page.entries >= PAGE_SIZE
            may_be_kept_short = page.entries in _LIKELY_CAPS and page.entries >= longest
            leads_back = cursor in seen and (is_full or may_be_kept_short)
            if page.rows and (leads_back or (is_full and not cursor)):
                cursor, before = ids_of(page.rows[-1])[0], page
            leads_on = bool(cursor) and cursor not in seen
            if not is_full and not (may_be_kept_short and leads_on):
                return
            longest = max(longest, page.entries)
            if not leads_on:
                raise unreadable(endpoint, "a full page gave no way to the next one")
            seen.add(cursor)
