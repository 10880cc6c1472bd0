# SPDX-License-Identifier: Apache-2.0
"""One request as it arrived."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Request:
    """A request as the exchange received it.

    :param method: the HTTP method in upper case.
    :param path: the path, as received.
    :param query_string: the query, still percent-encoded, without the question mark.
    :param headers: the headers by lower-case name.
    :param body: the raw body.
    :param address: who sent it.
    """

    method: str
    path: str
    query_string: str
    headers: Mapping[str, str]
    body: bytes
    address: str

    @property
    def endpoint(self) -> str:
        """The last part of the path, by which limits and faults are named."""
        return self.path.rsplit("/", 1)[-1]

    @property
    def unified(self) -> bool:
        """Whether it speaks to the interface of unified accounts."""
        return self.path.startswith("/api/v3/")

    @property
    def demo(self) -> bool:
        """Whether the request asks for demo trading."""
        return self.headers.get("paptrading") == "1"

    @property
    def english(self) -> bool:
        """Whether texts are asked for in English; without ``locale`` recorded texts are Chinese."""
        return self.headers.get("locale", "").lower().startswith("en")

    @cached_property
    def query(self) -> dict[str, str]:
        """The decoded query parameters."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    @cached_property
    def content(self) -> Any:
        """The body as JSON, None where it isn't any."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def names_plans(self) -> bool:
        """Whether the ids that it names are those of plan orders, which unified accounts call strategy orders."""
        return "plan" in self.endpoint or "strategy" in self.endpoint

    @property
    def product_type(self) -> str:
        """The product type that it names, in upper case; empty without one."""
        return self.named("category" if self.unified else "productType").upper()

    @property
    def hold_side(self) -> str:
        """The side of a position that it names, empty without one."""
        return self.named("posSide" if self.unified else "holdSide")

    def named(self, name: str) -> str:
        """Return a parameter as text, empty where the request has none, however malformed the rest is.

        :param name: the parameter; of a list it is the value that all its items share.
        """
        content = self.content if self.method == "POST" else self.query
        parts = content if isinstance(content, list) else [content]
        values = {_text(part.get(name)) if isinstance(part, dict) else "" for part in parts}
        return values.pop() if len(values) == 1 else ""

    @cached_property
    def named_ids(self) -> tuple[str, ...]:
        """The ids that the request names, of whichever kind, however malformed the rest is."""
        content = self.content if self.method == "POST" else self.query
        listed = content.get("orderIdList") if isinstance(content, dict) else content
        items = listed if isinstance(listed, list) and listed else [content]
        found = (
            item.get("orderId") or item.get("planOrderId") or item.get("clientOid")
            for item in items
            if isinstance(item, dict)
        )
        return tuple(str(one) for one in found if one)


def _text(value: Any) -> str:
    return "" if value is None else str(value)
