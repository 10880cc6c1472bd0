# SPDX-License-Identifier: Apache-2.0
"""Paging through the classic dialect's lists: ``data.entrustedList``, newest first, ``idLessThan`` for the next page.

``endId`` is the id to go on from. Recorded answers lack it now and then (as a key, on short pages of plan orders), and
an empty list is ``null``, not ``[]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from airflow_provider_bitget.api.client import Endpoint
from airflow_provider_bitget.api.fields import ids_of, rows_in, text_of, unreadable
from airflow_provider_bitget.api.paging import Page, Paging, Params


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
    cursor = text_of(data.get("endId")) or (ids_of(rows[-1])[0] if rows else "")
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


PAGING: Final = Paging("idLessThan", _page)
