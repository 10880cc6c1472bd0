# SPDX-License-Identifier: Apache-2.0
"""Paging through the unified dialect's lists: ``data.list``, newest first, ``cursor`` for the next page.

The answer's ``cursor`` is what the next request sends; it comes with a last page as well. Its classic namesake is the
id of the last row (https://www.bitget.com/api-doc/uta/guide), so a full page without one is gone on from there: nothing
older proves that it was the last, and what does not go on from there proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from airflow_provider_bitget.api.client import Endpoint
from airflow_provider_bitget.api.fields import rows_in, text_of, unreadable
from airflow_provider_bitget.api.paging import Page, Paging, Params


def list_params(
    product_type: str, symbol: str | None, start_ms: int | None = None, end_ms: int | None = None
) -> Params:
    """Return the query of a list, without what belongs to its paging; what is ``None`` is left out."""
    params = [("category", product_type)]
    if symbol:
        params.append(("symbol", symbol))
    return [*params, *time_params(start_ms, end_ms)]


def time_params(start_ms: int | None, end_ms: int | None) -> Params:
    """Return the query of a stretch of time; what is ``None`` is left out."""
    times = [("startTime", start_ms), ("endTime", end_ms)]
    return [(name, str(value)) for name, value in times if value is not None]


def entries_in(data: Any, endpoint: Endpoint) -> list[Any]:
    """Return the entries of ``data.list``; none where it is ``null``.

    :raises BitgetAmbiguousError: the shape is none of the recorded ones, so it says nothing about what there is.
    """
    if not isinstance(data, Mapping) or "list" not in data:
        raise unreadable(endpoint, "the answer's data has no list")
    entries = data["list"]
    if entries is None:
        return []
    if not isinstance(entries, list):
        raise unreadable(endpoint, "the answer's list is not a list")
    return entries


def _page(data: Any, endpoint: Endpoint) -> Page:
    entries = entries_in(data, endpoint)
    return Page(rows_in(entries), len(entries), text_of(data.get("cursor")) if entries else "")


PAGING: Final = Paging("cursor", _page)
