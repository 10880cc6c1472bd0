# SPDX-License-Identifier: Apache-2.0
"""A batch cancel that is a part of a larger run: one deadline, one stop and one tally for both."""

from __future__ import annotations

import pytest

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.exceptions import BitgetAuthError, BitgetNotSentError
from airflow_provider_bitget.trading.report import Bucket
from tests.unit.trading.market import CANCELS, OPEN_READS, AnyOrder, Market, counts, details


def test_report_counts_the_requests_of_this_run_only(market: Market) -> None:
    budget = Budget(300, market.client.clock)
    market.client.server_time(budget)
    market.exchange.inject("reset_before", endpoint=CANCELS, times=1)
    first = market.cancel(market.place(50), budget=budget)
    second = market.cancel(market.place(50), budget=budget)
    assert (first.requests, first.retries) == (5, 1)
    assert (second.requests, second.retries) == (4, 0)
    assert (budget.tally.requests, budget.tally.retries) == (10, 1)


def test_report_counts_the_time_of_this_run_only(market: Market) -> None:
    budget = Budget(300, market.client.clock)
    market.clock.advance(100)
    assert market.cancel(market.place(50), budget=budget).duration_ms < 1_000


def test_deadline_of_the_larger_run_is_kept_and_is_no_stop_to_it(market: Market) -> None:
    """What the larger run asks next must hear of a deadline, not of a stop that nobody asked for."""
    budget = Budget(5, market.client.clock)
    market.exchange.inject("refuse_orders", code="40015")
    report = market.cancel(market.place(50), budget=budget, deadline=300)
    assert max(request.moment for request in market.wire.sent) <= 5
    assert details(report, Bucket.UNRESOLVED) == {"still_open": 50}
    assert not budget.stopped


def test_deadline_that_comes_while_waiting_is_no_stop_to_the_larger_run(market: Market) -> None:
    budget = Budget(10, market.client.clock)
    market.exchange.inject("hang", seconds=1_000.0)
    report = market.prepare(market.place(50), budget=budget).run()
    assert details(report, Bucket.UNRESOLVED) == {"ambiguous": 50}
    assert not budget.stopped
    with pytest.raises(BitgetNotSentError, match="deadline"):
        budget.check()


def test_part_of_what_is_left_is_kept_for_proving_what_was_done(market: Market) -> None:
    budget = Budget(100, market.client.clock)
    market.clock.advance(95)
    report = market.cancel(market.place(400), chunk_size=4, budget=budget)
    assert report.verified
    assert details(report, Bucket.UNRESOLVED) == {"not_sent": report.counts["unresolved"]}


def test_nothing_is_sent_in_a_larger_run_whose_deadline_is_over(market: Market) -> None:
    budget = Budget(1, market.client.clock)
    market.clock.advance(2)
    report = market.cancel(market.place(50), budget=budget)
    assert market.wire.sent == []
    assert details(report, Bucket.UNRESOLVED) == {"not_sent": 50}


def test_stop_of_the_larger_run_stops_this_one(market: Market) -> None:
    budget = Budget(300, market.client.clock)
    mixed: list[AnyOrder] = [*market.place(500), *market.place_plan(500)]
    run = market.prepare(mixed, budget=budget)
    market.before(CANCELS, 5, budget.stop)
    report = run.run()
    assert len(market.wire.sent) == 5
    assert isinstance(report.error, BitgetNotSentError)
    assert report.counts["unresolved"] == 1_000


def test_stop_that_is_asked_of_this_run_stops_the_larger_one(market: Market) -> None:
    budget = Budget(300, market.client.clock)
    run = market.prepare(market.place(500), budget=budget)
    market.before(CANCELS, 5, run.request_stop)
    run.run()
    assert budget.stopped


@pytest.mark.parametrize("endpoint", [CANCELS, OPEN_READS])
def test_refused_credentials_stop_the_larger_run(market: Market, endpoint: str) -> None:
    budget = Budget(300, market.client.clock)
    market.exchange.inject("refuse", code="40012", endpoint=endpoint)
    report = market.cancel(market.place(50), budget=budget)
    assert isinstance(report.error, BitgetAuthError)
    assert budget.stopped


def test_a_budget_without_a_deadline_will_do(market: Market) -> None:
    assert counts(market.cancel(market.place(50), budget=Budget(clock=market.client.clock))) == {"cancelled": 50}
