# SPDX-License-Identifier: Apache-2.0
"""The plan orders of one account, in any state."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from airflow_provider_bitget.sandbox.plan_orders import PlanOrder


class PlanBook:
    """All plan orders of an account. Not safe for threads by itself: the exchange holds a lock around it."""

    def __init__(self) -> None:
        # By id, oldest first: ids only grow, and a change keeps its place.
        self._plans: dict[str, PlanOrder] = {}
        self._by_client_oid: dict[str, str] = {}
        self._cancel_tries: dict[str, float] = {}

    def add(self, plan: PlanOrder) -> None:
        """Take a plan order into the book, or the new state of one that is in it.

        :param plan: the plan order.
        """
        self._plans[plan.order_id] = plan
        if plan.client_oid:
            self._by_client_oid[plan.client_oid] = plan.order_id

    def find(self, order_id: str, client_oid: str = "") -> PlanOrder | None:
        """Return a plan order by its id or else by its clientOid; the order id wins where both are given.

        :param order_id: the exchange's id, empty to search by clientOid.
        :param client_oid: the caller's own id.
        """
        return self._plans.get(order_id or self._by_client_oid.get(client_oid, ""))

    def select(
        self, product_type: str, symbol: str, plan_types: Collection[str], statuses: Collection[str]
    ) -> Iterator[PlanOrder]:
        """Yield the plan orders of a scope, newest first.

        :param product_type: such as ``USDT-FUTURES``.
        :param symbol: such as ``BTCUSDT``, empty for every symbol.
        :param plan_types: which concrete types to include.
        :param statuses: which statuses to include.
        """
        for plan in reversed(self._plans.values()):
            if plan.product_type != product_type or (symbol and plan.symbol != symbol):
                continue
            if plan.plan_type in plan_types and plan.status in statuses:
                yield plan

    def all_plans(self) -> list[PlanOrder]:
        """Return every plan order, oldest first."""
        return list(self._plans.values())

    def last_cancel(self, plan: PlanOrder) -> float:
        """Return when somebody last tried to cancel a plan order, in seconds of the monotonic clock.

        :param plan: a plan order of this book.
        """
        return self._cancel_tries.get(plan.order_id, float("-inf"))

    def note_cancel(self, plan: PlanOrder, now: float) -> None:
        """Remember that somebody tried to cancel a plan order.

        :param plan: a plan order of this book.
        :param now: seconds of the monotonic clock.
        """
        self._cancel_tries[plan.order_id] = now
