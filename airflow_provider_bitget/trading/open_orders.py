# SPDX-License-Identifier: Apache-2.0
"""The open orders of a scope as rows that a batch cancel takes as they are; all of them, or none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.dialect import Dialect
from airflow_provider_bitget.api.exceptions import BitgetError
from airflow_provider_bitget.trading.books import Books, BooksReader, utc_text
from airflow_provider_bitget.trading.report import OrderOutcome
from airflow_provider_bitget.trading.scope import Scope
from airflow_provider_bitget.trading.workers import Workers


@dataclass(frozen=True, slots=True)
class OpenOrdersReport:
    """What was open, or why it could not be read.

    :param scope: what was read.
    :param books: what the reads showed; ``None`` if one of them did not reach its end.
    :param requests: HTTP requests that went out.
    :param retries: those of them that repeated another.
    :param rate_limited: answers that refused for too many requests.
    :param duration_ms: milliseconds from start to report.
    :param error: what kept a read from its end, if anything did.
    """

    scope: Scope
    books: Books | None
    requests: int = 0
    retries: int = 0
    rate_limited: int = 0
    duration_ms: int = 0
    error: Exception | None = field(default=None, compare=False)

    @property
    def verified(self) -> bool:
        """Whether every read reached its end."""
        return self.books is not None

    def rows(self) -> list[dict[str, Any]]:
        """Return the exchange's rows, orders before plan orders, each with ``productType``.

        A plan order's row carries its concrete ``planType`` as well, and no other row has one: it is what tells a
        batch cancel which endpoint to use. Empty where a read did not reach its end: a part of the orders is never
        shown as the whole.
        """
        if self.books is None:
            return []
        product_type = {"productType": self.scope.product_type}
        orders = [{**order.row, **product_type} for order in self.books.orders]
        for row in orders:
            row.pop("planType", None)
        return orders + [{**plan.row, **product_type, "planType": plan.plan_type} for plan in self.books.plan_orders]

    def not_done(self) -> list[OrderOutcome]:
        """Return nothing: a list asks for no order's end."""
        return []

    def to_dict(self) -> dict[str, Any]:
        """Return counts and the range that was read as plain JSON types; the rows are not in it.

        ``range`` names the time within which an order had to be placed in order to be seen.
        """
        books = self.books
        return {
            "product_type": self.scope.product_type,
            "symbol": self.scope.symbol or "",
            "counts": {
                "orders": len(books.orders) if books else 0,
                "plan_orders": len(books.plan_orders) if books else 0,
            },
            "verified": self.verified,
            "range": {
                "from": utc_text(books.read_from) if books else "",
                "to": utc_text(books.read_at) if books else "",
                "any_age": False,
            },
            "requests": self.requests,
            "retries": self.retries,
            "duration_ms": self.duration_ms,
            "books": [books.snapshot()] if books else [],
        }


class ListOpenOrders:
    """One read of what is open within a scope. Use it once.

    The pages: https://www.bitget.com/api-doc/contract/trade/Get-Orders-Pending and
    https://www.bitget.com/api-doc/contract/plan/get-orders-plan-pending .

    :param dialect: how to speak to the account.
    :param scope: what to read.
    :param plan_orders: read the plan orders (trigger, trailing, take-profit and stop-loss) as well.
    :param deadline: seconds for the whole read.
    :param workers: runs the requests; by default a bounded number of threads.
    """

    def __init__(
        self,
        dialect: Dialect,
        scope: Scope,
        *,
        plan_orders: bool = False,
        deadline: float = 60.0,
        workers: Workers | None = None,
    ) -> None:
        self.scope = scope
        self.plan_orders = plan_orders
        self.budget = Budget(deadline, dialect.client.clock)
        self._reader = BooksReader(dialect, scope, self.budget, attempts=None, workers=workers)
        self._books: Books | None = None
        self._error: BitgetError | None = None

    def run(self) -> OpenOrdersReport:
        """Read, and return the report; what kept a read from its end is the report's ``error``."""
        try:
            self._books = self._reader.read(orders=True, plan_orders=self.plan_orders, positions=False)
        except BitgetError as error:
            self._error = error
        finally:
            # Whatever ended the read: no request after it.
            self.budget.stop()
            self._reader.close()
        return self.report()

    def request_stop(self) -> None:
        """Ask for the end of the read. Safe in a signal handler."""
        self._reader.request_stop()

    def report(self) -> OpenOrdersReport:
        """Return the report as things stand."""
        tally = self.budget.tally
        return OpenOrdersReport(
            scope=self.scope,
            books=self._books,
            requests=tally.requests,
            retries=tally.retries,
            rate_limited=tally.rate_limited,
            duration_ms=round(self.budget.elapsed() * 1000),
            error=self._error,
        )
