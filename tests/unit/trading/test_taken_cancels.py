# SPDX-License-Identifier: Apache-2.0
"""A unified account takes the cancel of a plan order without naming it: what shows that it was cancelled, and what not.

Its histories of plan orders are known from client libraries alone: an exchange may have none of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from airflow_provider_bitget.api.exceptions import BitgetGoneError
from airflow_provider_bitget.api.rows import BatchAnswer, ItemAnswer
from airflow_provider_bitget.sandbox.plan_orders import PlanOrder
from airflow_provider_bitget.trading.report import Bucket, CancelReport
from tests.kinds import UNIFIED
from tests.unit.trading import closing, sweeping
from tests.unit.trading.market import PLAN_CANCELS, Market, by_client_oid, counts, details

HISTORY = "orders-plan-history"
CHILDREN = "plan-sub-order"
NO_SUCH_PATH: dict[str, Any] = {"code": "40404", "status": 404}


@pytest.fixture
def market() -> Market:
    """A unified account."""
    return Market(kind=UNIFIED)


def without(market: Market, *endpoints: str) -> Market:
    """Let an exchange know nothing of endpoints."""
    for endpoint in endpoints:
        market.inject("refuse", endpoint=endpoint, **NO_SUCH_PATH)
    return market


def cancel_triggered(market: Market, plan: PlanOrder) -> CancelReport:
    """Cancel a plan order that triggers in that moment, on an exchange that takes the cancel all the same."""

    def trigger() -> None:
        market.trigger(plan)

    market.before(PLAN_CANCELS, 1, trigger)
    run = market.prepare([plan], deadline=120)
    cancel = run.dialect.cancel_plan_orders

    def taken(items: Sequence[tuple[str, str]], **arguments: Any) -> BatchAnswer:
        try:
            return cancel(items, **arguments)
        except BitgetGoneError:
            return BatchAnswer((ItemAnswer(dict(items).get("orderId", ""), ""),), (), False, names_orders=False)

    run.dialect.cancel_plan_orders = taken  # type: ignore[method-assign]
    return run.run()


@pytest.mark.parametrize("missing", [(HISTORY,), (HISTORY, CHILDREN)], ids=" ".join)
def test_cancels_are_proven_by_the_books_where_no_history_tells(market: Market, missing: tuple[str, ...]) -> None:
    plans = market.place_plan(5, "loss_plan") + market.place_plan(3, "normal_plan")
    market.place(3)
    market.clock.advance(60)

    report = without(market, *missing).cancel(plans)

    assert counts(report) == {"cancelled": 8}
    assert len(market.requests(PLAN_CANCELS)) == 8
    assert report.duration_ms < 15_000


def test_a_sweep_is_done_where_no_history_tells(market: Market) -> None:
    market.place_plan(4, "normal_plan")
    market.place(3)
    market.clock.advance(60)
    without(market, HISTORY, CHILDREN)

    report = sweeping.prepare(market).run()

    assert dict(report.counts) == {"requested": 7, "cancelled": 7, "already_closed": 0, "failed": 0, "unresolved": 0}
    assert len(market.requests(PLAN_CANCELS)) == 4


@pytest.mark.parametrize("seconds", [0.0, 1.0, 2.0, 4.0, 8.0, 300.0])
@pytest.mark.parametrize("missing", [(), (CHILDREN,), (HISTORY,), (HISTORY, CHILDREN)], ids=" ".join)
def test_an_order_that_triggered_is_never_reported_cancelled_while_its_child_is_open(
    market: Market, missing: tuple[str, ...], seconds: float
) -> None:
    (plan,) = market.place_plan(1, "normal_plan")
    if seconds:
        market.exchange.inject("late_history", seconds=seconds)

    report = cancel_triggered(without(market, *missing), plan)

    child = market.child_of(plan)
    assert child is not None
    assert market.status(child) == "live"
    assert counts(report) == {"unresolved": 1}


def test_a_history_that_is_too_long_to_be_read_to_its_end_proves_nothing(market: Market) -> None:
    (plan,) = market.place_plan(1, "normal_plan")
    without(market, CHILDREN)
    market.cancel_plans_elsewhere(*market.place_plan(1_100, "normal_plan"))

    assert counts(cancel_triggered(market, plan)) == {"unresolved": 1}


def test_a_plan_order_that_is_named_by_its_client_oid_asks_for_nobody_elses_orders(market: Market) -> None:
    plans = market.place_plan(1, "normal_plan", client_oids=["mine"])

    report = without(market, HISTORY).cancel([by_client_oid(plans[0])])

    assert counts(report) == {"cancelled": 1}
    assert [record for record in market.requests(CHILDREN) if not record.plan_order_ids] == []


def test_a_bots_new_order_of_the_symbol_leaves_it_open_how_the_plan_order_ended(market: Market) -> None:
    plans = market.place_plan(2, "normal_plan")
    without(market, HISTORY)

    def trade() -> None:
        market.place(1, plans[0].symbol)

    market.before(PLAN_CANCELS, 2, trade)

    report = market.cancel(plans, deadline=60)

    assert details(report, Bucket.UNRESOLVED) == {"ambiguous": 2}


def test_stops_that_were_cancelled_for_a_close_are_named_where_no_history_tells(market: Market) -> None:
    closing.open_positions(market, "BTCUSDT/long")
    stops = market.place_plan(2, "loss_plan", hold_side="long")
    without(market, HISTORY, CHILDREN)
    market.inject("refuse", code="25224", endpoint="close-positions", times=1)

    report = closing.prepare(market, cancel_locking_stops=True).run()

    assert {stop.order_id for stop in report.cancelled_stops} == {plan.order_id for plan in stops}
    assert report.counts["closed"] == 1
