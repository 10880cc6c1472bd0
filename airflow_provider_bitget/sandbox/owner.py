# SPDX-License-Identifier: Apache-2.0
"""What the owner of a sandbox may look at and do from another process, as plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, replace
from typing import Any

from airflow_provider_bitget.sandbox.exchange import Exchange
from airflow_provider_bitget.sandbox.network import Network
from airflow_provider_bitget.sandbox.orders import ENDED_STATUSES, OPEN_STATUSES, Order, book_row_of
from airflow_provider_bitget.sandbox.plan_orders import plan_book_row_of
from airflow_provider_bitget.sandbox.positions import position_book_row_of

ALL_STATUSES = OPEN_STATUSES + ENDED_STATUSES


class Owner:
    """The exchange with its network, behind views and actions that have names.

    :param exchange: the exchange.
    :param network: how far away it seems to be.
    :param orders: how many orders it starts with, and starts anew with after a reset.
    """

    def __init__(self, exchange: Exchange, network: Network, orders: int = 0) -> None:
        self.exchange = exchange
        self.network = network
        self.url = ""
        self._orders = orders
        self.exchange.place(orders)
        self._views: Mapping[str, Callable[[Mapping[str, str]], Any]] = {
            "books": lambda _: self.exchange.books(),
            "connection": lambda _: self.exchange.accounts[0].connection(self.url),
            "orders": self._view_orders,
            "requests": lambda _: self.exchange.statistics(),
            "log": lambda _: [asdict(record) for record in self.exchange.records()],
            "plan-orders": self._view_plan_orders,
            "plan-order": self._view_plan_order,
            "positions": self._view_positions,
        }
        self._actions: Mapping[str, Callable[..., Any]] = {
            "cancel": lambda order_id: book_row_of(self.exchange.cancel(order_id)),
            "clear-faults": self.exchange.clear_faults,
            "fill": lambda order_id: book_row_of(self.exchange.fill(order_id)),
            "inject": self._inject,
            "inject-random": self._inject_random,
            "place": self._place,
            "reset": self.reset,
            "states": self._states,
            "place-plan": self._place_plan,
            "trigger": self._trigger,
            "open-position": self._open_position,
            "refuse-close": self.exchange.refuse_close,
            "fill-closes-partly": self.exchange.fill_closes_partly,
            "maintain": self.exchange.maintain,
        }

    def look(self, view: str, options: Mapping[str, str]) -> Any:
        """Return what a view shows.

        :param view: ``books``, ``connection``, ``log``, ``orders``, ``plan-order``, ``plan-orders``,
            ``positions`` or ``requests``.
        :param options: what to narrow it down to.
        :raises ValueError: for an unknown view, with the list of the known, and for a value that doesn't fit.
        """
        if view not in self._views:
            raise ValueError(f"unknown view {view!r}; known are {', '.join(self._views)}")
        return self._views[view](options)

    def act(self, action: str, options: Mapping[str, Any]) -> Any:
        """Do something to the exchange and return what came of it.

        :param action: ``cancel``, ``clear-faults``, ``fill``, ``inject``, ``inject-random``, ``place``,
            ``reset``, ``states``, ``place-plan``, ``trigger``, ``open-position``, ``refuse-close``,
            ``fill-closes-partly`` or ``maintain``.
        :param options: its options.
        :raises ValueError: for an unknown action or options that don't fit it.
        """
        if action not in self._actions:
            raise ValueError(f"unknown action {action!r}; known are {', '.join(self._actions)}")
        try:
            return self._actions[action](**options)
        except TypeError as error:
            raise ValueError(f"the options of {action} do not fit: {error}") from error

    def reset(self, orders: int | None = None, **changes: Any) -> None:
        """Begin anew with orders of its own, and with changed rules or another network if wanted.

        :param orders: how many orders to begin with; as before by default.
        :param changes: fields of :class:`Rules` and :class:`Network`; what isn't named stays as it is.
        :raises ValueError: for a name that is neither, or a value that doesn't fit.
        """
        names = {one.name for one in fields(Network)}
        network = replace(self.network, **{name: changes[name] for name in changes if name in names})
        rules = {name: value for name, value in changes.items() if name not in names}
        self.exchange.reset(self.exchange.rules.changed(rules))
        self.network = network
        self._orders = self._orders if orders is None else orders
        self.exchange.place(self._orders)

    def _view_orders(self, options: Mapping[str, str]) -> list[dict[str, Any]]:
        wanted = options.get("status")
        if wanted not in (None, *ALL_STATUSES):
            raise ValueError(f"status is {wanted!r}; known are {', '.join(ALL_STATUSES)}")
        statuses = OPEN_STATUSES if wanted is None else (wanted,)
        symbol, product_type = options.get("symbol"), options.get("product_type")
        orders = self.exchange.orders(statuses, symbol=symbol, product_type=product_type)
        return [book_row_of(order) for order in orders]

    def _view_plan_orders(self, options: Mapping[str, str]) -> list[dict[str, Any]]:
        plans = self.exchange.plan_orders(
            plan_type=options.get("plan_type"),
            symbol=options.get("symbol"),
            product_type=options.get("product_type"),
        )
        return [plan_book_row_of(plan) for plan in plans]

    def _view_plan_order(self, options: Mapping[str, str]) -> dict[str, Any]:
        return plan_book_row_of(self.exchange.plan_order(options.get("plan_order_id", "")))

    def _view_positions(self, options: Mapping[str, str]) -> list[dict[str, Any]]:
        positions = self.exchange.positions(
            options.get("symbol"), options.get("product_type"), options.get("hold_side")
        )
        return [position_book_row_of(position) for position in positions]

    def _place_plan(self, **options: Any) -> list[dict[str, Any]]:
        return [plan_book_row_of(plan) for plan in self.exchange.place_plan(**options)]

    def _trigger(self, **options: Any) -> dict[str, Any]:
        return plan_book_row_of(self.exchange.trigger(**options))

    def _open_position(self, **options: Any) -> dict[str, Any]:
        return position_book_row_of(self.exchange.open_position(**options))

    def _place(self, **options: Any) -> list[dict[str, str]]:
        return [_short(order) for order in self.exchange.place(**options)]

    def _states(self, order_ids: list[str] | None = None) -> dict[str, str]:
        if order_ids is None:
            return {order.order_id: order.status for order in self.exchange.orders(ALL_STATUSES)}
        return {order_id: self.exchange.order(order_id).status for order_id in order_ids}

    def _inject(self, kind: str, **options: Any) -> None:
        self.exchange.inject(kind, **options)

    def _inject_random(self, probability: float, **options: Any) -> None:
        self.exchange.inject_random(probability, **options)


def _short(order: Order) -> dict[str, str]:
    """Return what names an order; whole rows of 50,000 orders would be 30 MB."""
    return {
        "orderId": order.order_id,
        "clientOid": order.client_oid,
        "symbol": order.symbol,
        "productType": order.product_type,
    }
