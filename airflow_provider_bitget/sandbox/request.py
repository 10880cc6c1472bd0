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
        """Whether the ids that it names are those of plan orders."""
        return "plan" in self.endpoint

    def named(self, name: str) -> str:
        """Return a parameter as text, empty where the request has none, however malformed the rest is.

        :param name: the parameter.
        """
        content = self.content if self.method == "POST" else self.query
        value = content.get(name) if isinstance(content, dict) else None
        return "" if value is None else str(value)

    @cached_property
    def named_ids(self) -> tuple[str, ...]:
        """The ids that the request names, of whichever kind, however malformed the rest is."""
        content = self.content if self.method == "POST" else self.query
        if not isinstance(content, dict):
            return ()
        listed = content.get("orderIdList")
        items = listed if isinstance(listed, list) and listed else [content]
        found = (
            item.get("orderId") or item.get("planOrderId") or item.get("clientOid")
            for item in items
            if isinstance(item, dict)
        )
        return tuple(str(one) for one in found if one)
