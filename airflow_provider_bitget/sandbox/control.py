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
        """Return the counts of orders, plan orders and positions; see :meth:`Exchange.books`."""
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
        :param options: ``symbol``, ``product_type``, ``client_oids``, ``status``, ``created_ms``, ``size``,
            ``trade_side``, ``hold_side``, ``pos_mode``; as in :meth:`Exchange.place`.
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

    def place_plan(self, count: int = 1, **options: Any) -> list[dict[str, Any]]:
        """Place plan orders and return their rows, oldest first.

        :param count: how many.
        :param options: ``plan_type``, ``symbol``, ``product_type``, ``hold_side``, ``pos_mode``, ``client_oids``,
            ``size``, ``created_ms``, ``both``; as in :meth:`Exchange.place_plan`.
        """
        found: list[dict[str, Any]] = self._post("place-plan", {"count": count, **options})
        return found

    def open_plan_orders(self, **options: str) -> list[dict[str, Any]]:
        """Return rows of the first account's live plan orders, oldest first.

        :param options: ``plan_type``, ``symbol``, ``product_type``.
        """
        found: list[dict[str, Any]] = self._get("plan-orders", options)
        return found

    def plan_order(self, plan_order_id: str) -> dict[str, Any]:
        """Return the row of a plan order in any state.

        :param plan_order_id: the exchange's id.
        """
        found: dict[str, Any] = self._get("plan-order", {"plan_order_id": plan_order_id})
        return found

    def trigger(self, plan_order_id: str, outcome: str | None = None) -> dict[str, Any]:
        """Let a live plan order trigger, and return its row; parameters as in :meth:`Exchange.trigger`."""
        found: dict[str, Any] = self._post("trigger", {"plan_order_id": plan_order_id, "outcome": outcome})
        return found

    def open_position(self, **options: Any) -> dict[str, Any]:
        """Open a position or make it larger, and return its row.

        :param options: ``symbol``, ``hold_side``, ``size``, ``product_type``, ``margin_coin``, ``pos_mode``; as in
            :meth:`Exchange.open_position`.
        """
        found: dict[str, Any] = self._post("open-position", options)
        return found

    def positions(self, **options: str) -> list[dict[str, Any]]:
        """Return rows of the first account's positions, also of those that reads do not show yet.

        :param options: ``symbol``, ``product_type``, ``hold_side``.
        """
        found: list[dict[str, Any]] = self._get("positions", options)
        return found

    def refuse_close(self, symbol: str, hold_side: str, code: str | None, **options: Any) -> None:
        """Refuse to close a position, or no longer; parameters as in :meth:`Exchange.refuse_close`."""
        self._post("refuse-close", {"symbol": symbol, "hold_side": hold_side, "code": code, **options})

    def fill_closes_partly(self, share: str = "0.5", times: int | None = 1) -> None:
        """Let close orders fill in part; parameters as in :meth:`Exchange.fill_closes_partly`."""
        self._post("fill-closes-partly", {"share": share, "times": times})

    def maintain(self, symbols: Sequence[str] = ()) -> None:
        """Put symbols under maintenance; parameters as in :meth:`Exchange.maintain`."""
        self._post("maintain", {"symbols": symbols if isinstance(symbols, str) else list(symbols)})

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
