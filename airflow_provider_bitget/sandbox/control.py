# SPDX-License-Identifier: Apache-2.0
"""The owner's side of a sandbox that runs in another process."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

TIMEOUT = 60.0


class SandboxControl:
    """Looks at a running sandbox and acts on it, with nothing but the standard library.

    :param url: the sandbox's base URL, such as ``http://127.0.0.1:8787``.
    """

    def __init__(self, url: str) -> None:
        if urllib.parse.urlsplit(url).hostname not in ("127.0.0.1", "localhost"):
            raise ValueError(f"a sandbox listens on the loopback only, not at {url}")
        self.url = url.rstrip("/")
        # A proxy from the environment could not reach the loopback of this machine.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    @property
    def connection(self) -> dict[str, Any]:
        """The first account's Airflow connection."""
        found: dict[str, Any] = self._get("connection")
        return found

    def books(self) -> list[dict[str, str | int]]:
        """Return the counts of orders by account, product type, symbol and state."""
        found: list[dict[str, str | int]] = self._get("books")
        return found

    def orders(self, **options: str) -> list[dict[str, Any]]:
        """Return rows of the first account's orders, oldest first; the open ones by default.

        :param options: ``status``, ``symbol``, ``product_type``.
        """
        found: list[dict[str, Any]] = self._get("orders", options)
        return found

    def states(self, order_ids: Sequence[str] | None = None) -> dict[str, str]:
        """Return the status of orders by id: ``live``, ``partially_filled``, ``filled`` or ``canceled``.

        :param order_ids: which orders; all of the first account by default.
        """
        ids = None if order_ids is None else list(order_ids)
        found: dict[str, str] = self._post("states", {"order_ids": ids})
        return found

    def requests(self) -> dict[str, dict[str, int]]:
        """Return counts of requests by path; see :meth:`Journal.statistics`."""
        found: dict[str, dict[str, int]] = self._get("requests")
        return found

    def log(self) -> list[dict[str, Any]]:
        """Return what became of each request, oldest first."""
        found: list[dict[str, Any]] = self._get("log")
        return found

    def place(self, count: int = 1, **options: Any) -> list[dict[str, str]]:
        """Place orders and return their ids, symbols and product types, oldest first.

        :param count: how many.
        :param options: ``symbol``, ``product_type``, ``client_oids``, ``status``, ``created_ms``.
        """
        found: list[dict[str, str]] = self._post("place", {"count": count, **options})
        return found

    def fill(self, order_id: str) -> dict[str, Any]:
        """Fill an open order and return its row.

        :param order_id: the exchange's id.
        """
        found: dict[str, Any] = self._post("fill", {"order_id": order_id})
        return found

    def cancel(self, order_id: str) -> dict[str, Any]:
        """Cancel an open order as another actor would, and return its row.

        :param order_id: the exchange's id.
        """
        found: dict[str, Any] = self._post("cancel", {"order_id": order_id})
        return found

    def inject(self, kind: str, **options: Any) -> None:
        """Let something go wrong; parameters as in :meth:`Exchange.inject`."""
        self._post("inject", {"kind": kind, **options})

    def inject_random(
        self,
        probability: float,
        kinds: Sequence[str | tuple[str, Mapping[str, Any]]] | None = None,
        **options: Any,
    ) -> None:
        """Let different things go wrong at random; parameters as in :meth:`Exchange.inject_random`."""
        self._post("inject-random", {"probability": probability, "kinds": kinds, **options})

    def clear_faults(self) -> None:
        """End all faults."""
        self._post("clear-faults", {})

    def reset(self, orders: int | None = None, **changes: Any) -> None:
        """Begin anew: no requests, no faults, fresh orders; options as in :meth:`Owner.reset`."""
        self._post("reset", {"orders": orders, **changes})

    def _get(self, view: str, options: Mapping[str, str] | None = None) -> Any:
        query = "?" + urllib.parse.urlencode(options) if options else ""
        return self._open(urllib.request.Request(f"{self.url}/sandbox/{view}{query}"))  # noqa: S310

    def _post(self, action: str, options: Mapping[str, Any]) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the constructor admits the loopback only
            f"{self.url}/sandbox/{action}",
            data=json.dumps(options).encode(),
            headers={"Content-Type": "application/json"},
        )
        return self._open(request)

    def _open(self, request: urllib.request.Request) -> Any:
        try:
            with self._opener.open(request, timeout=TIMEOUT) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                content = json.loads(error.read())
            raise ValueError(content.get("error", f"HTTP {error.code}")) from None
