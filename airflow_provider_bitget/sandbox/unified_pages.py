# SPDX-License-Identifier: Apache-2.0
"""How the lists of a unified account look: rows, and a cursor to go on from."""

from __future__ import annotations

from typing import Any

from airflow_provider_bitget.sandbox.parameters import Call


def list_of(call: Call, rows: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """Return a list as the answer holds it.

    :param call: the request.
    :param rows: the rows.
    """
    return None if not rows and call.rules.empty_list == "null" else rows


def page_of(call: Call, rows: list[dict[str, Any]], id_field: str = "orderId") -> dict[str, Any]:
    """Return a page; its cursor is the id of its last row.

    :param call: the request.
    :param rows: the rows of the page.
    :param id_field: what names a row.
    """
    listed = list_of(call, rows)
    nothing = "" if listed is not None else None
    return {"list": listed, "cursor": rows[-1][id_field] if rows else nothing}
