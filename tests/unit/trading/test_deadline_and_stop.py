# SPDX-License-Identifier: Apache-2.0
"""The end of a run before its orders are done: deadline, kill, Airflow's timeout. No new request, and a true report."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_bitget.api.exceptions import BitgetNotSentError, BitgetScopeError
from airflow_provider_bitget.sandbox.orders import CANCELED
from airflow_provider_bitget.trading.batch_cancel import BatchCancel
from airflow_provider_bitget.trading.in_flight import GRACE_SECONDS
from airflow_provider_bitget.trading.report import Bucket, CancelReport
from tests.unit.trading.market import (
    CANCELS,
    OPEN_READS,
    Interrupt,
    Market,
    OneAtATime,
    as_ref,
    assert_report_matches_books,
    counts,
    details,
)


def last_request(market: Market) -> float:
    return max(request.moment for request in market.wire.sent)


# The deadline


@pytest.mark.parametrize("deadline", [1.0, 2.5, 7.0])
def test_no_request_after_the_deadline(market: Market, deadline: float) -> None:
    """A list that takes twenty seconds."""
    report = market.cancel(market.place(1_000), chunk_size=5, deadline=deadline)
    assert last_request(market) <= deadline
    assert market.clock.monotonic() <= deadline + 0.1
    assert report.duration_ms <= (deadline + 0.1) * 1000
    assert report.counts["unresolved"] > 0


def test_part_of_the_deadline_is_kept_for_proving_what_was_done(market: Market) -> None:
    """What was sent is proven by a completed read, and the rest is named as not sent."""
    report = market.cancel(market.place(400), chunk_size=4, deadline=5)
    assert report.verified
    assert set(counts(report)) == {"cancelled", "unresolved"}
    assert details(report, Bucket.UNRESOLVED) == {"not_sent": report.counts["unresolved"]}
    assert report.counts["cancelled"] >= 150


def test_answer_that_outlasts_the_deadline_is_not_waited_for(market: Market) -> None:
    market.exchange.inject("hang", seconds=1_000.0, endpoint=CANCELS)
    report = market.cancel(market.place(50), deadline=5)
    assert market.clock.monotonic() <= 5 + GRACE_SECONDS
    assert report.counts["unresolved"] == 50


def test_orders_sent_without_an_answer_before_the_deadline_are_never_reported_as_cancelled(market: Market) -> None:
    market.exchange.inject("hang", seconds=1_000.0, processed=True)
    report = market.cancel(market.place(50), deadline=5)
    assert details(report, Bucket.UNRESOLVED) == {"ambiguous": 50}


def test_orders_still_open_when_another_round_would_not_fit_are_reported_open(market: Market) -> None:
    market.exchange.inject("refuse_orders", code="40015")
    report = market.cancel(market.place(50), deadline=3)
    assert details(report, Bucket.UNRESOLVED) == {"still_open": 50}
    assert report.verified


def test_order_seen_open_and_not_reached_again_is_not_said_to_be_unknown(market: Market) -> None:
    """Refused without a code, and shown by the read; the run ended at the first batch of the second round."""
    orders = market.place(100)
    market.exchange.inject("refuse_orders", code=None, times=2)
    run = market.prepare(orders)
    market.before(CANCELS, 3, run.request_stop)
    report = run.run()
    assert_report_matches_books(report, market, [as_ref(order) for order in orders])
    assert details(report, Bucket.UNRESOLVED) == {"not_verified": 100}


# A stop, as on_kill asks for


def test_no_request_after_a_stop_and_the_report_says_what_was_done(market: Market) -> None:
    orders = market.place(2_000)
    run = market.prepare(orders)
    market.before(CANCELS, 30, run.request_stop)
    report = run.run()
    assert_report_matches_books(report, market, [as_ref(order) for order in orders])
    assert [request.endpoint for request in market.wire.sent] == [CANCELS] * 30
    assert details(report, Bucket.UNRESOLVED) == {"not_verified": 1_500, "not_sent": 500}
    assert isinstance(report.error, BitgetNotSentError)


class QuickThread(OneAtATime):
    """A worker that is through with a job before the main thread looks up again."""

    def submit(self, tag: Any, job: Callable[[], Any]) -> None:
        super().submit(tag, job)
        done = self.next_done(0.0)
        assert done is not None
        self._results.append(done)


@pytest.mark.parametrize("workers", [OneAtATime, QuickThread])
def test_stop_before_the_first_request_sends_nothing(market: Market, workers: type[OneAtATime]) -> None:
    run = market.prepare(market.place(120), workers=workers().on(market.clock))
    run.request_stop()
    report = run.run()
    assert market.wire.sent == []
    assert details(report, Bucket.UNRESOLVED) == {"not_sent": 120}


def test_stop_while_waiting_for_the_next_round_takes_effect_at_once(market: Market) -> None:
    market.exchange.inject("refuse_orders", code="40015")
    run = market.prepare(market.place(50))
    market.clock.at(20.0, run.request_stop)
    report = run.run()
    assert market.clock.monotonic() < 20.0 + GRACE_SECONDS + 0.5
    assert last_request(market) <= 20.2
    assert report.counts["unresolved"] == 50


def test_order_whose_answer_was_lost_before_the_stop_is_never_reported_as_not_sent(market: Market) -> None:
    """The stop comes while the second try is waited for; the first was carried out."""
    orders = market.place(50)
    market.exchange.inject("reset_after", endpoint=CANCELS)
    run = market.prepare(orders)
    market.clock.at(0.5, run.budget.stop)
    report = run.run()
    assert details(report, Bucket.UNRESOLVED) == {"ambiguous": 50}
    assert market.statuses(orders) == {CANCELED}


def test_stop_during_the_read_leaves_the_orders_not_verified(market: Market) -> None:
    market.place(3_000)
    orders = market.place(50)
    run = market.prepare(orders)
    market.before(OPEN_READS, 3, run.request_stop)
    report = run.run()
    assert details(report, Bucket.UNRESOLVED) == {"not_verified": 50}


def test_request_that_hangs_is_waited_for_two_seconds_after_a_stop(market: Market) -> None:
    """Here the wire itself never comes back: the request is given up, and its orders are ambiguous."""

    class Stuck(OneAtATime):
        def next_done(self, timeout: float) -> None:
            market.clock.advance(timeout)
            for _, job in self._jobs[:1]:
                self._jobs.clear()
                job()  # its result never arrives

    orders = market.place(50)
    run = market.prepare(orders, workers=Stuck().on(market.clock))
    market.clock.at(5.0, run.request_stop)
    report = run.run()
    assert 5.0 + GRACE_SECONDS <= market.clock.monotonic() <= 5.5 + GRACE_SECONDS
    assert details(report, Bucket.UNRESOLVED) == {"ambiguous": 50}


# An exception raised in the waiting thread, as Airflow's timeout is


def interrupted(market: Market, run: BatchCancel) -> CancelReport:
    with pytest.raises(Interrupt):
        run.run()
    return run.report()


@pytest.mark.parametrize("arrives", [True, False], ids=["answer-arrives", "answer-never-arrives"])
@pytest.mark.parametrize("after", [1, 7, 20])
def test_interrupt_leaves_a_conservative_report(market: Market, after: int, arrives: bool) -> None:
    orders = market.place(1_000)
    workers = OneAtATime().on(market.clock)
    workers.interrupt_after = after
    workers.result_arrives = arrives
    report = interrupted(market, market.prepare(orders, workers=workers))
    assert_report_matches_books(report, market, [as_ref(order) for order in orders])
    answered = after if arrives else after - 1
    expected = {"not_verified": answered * 50, "ambiguous": 0 if arrives else 50, "not_sent": (20 - after) * 50}
    assert details(report, Bucket.UNRESOLVED) == {name: count for name, count in expected.items() if count}
    assert len(market.wire.sent) == after


def test_interrupt_during_the_proving_read_keeps_what_was_settled_before(market: Market) -> None:
    orders = market.place(50)
    market.exchange.inject("refuse_orders", code="40015", order_ids=[orders[0].order_id], times=1)
    workers = OneAtATime().on(market.clock)
    workers.interrupt_after = 5
    report = interrupted(market, market.prepare(orders, workers=workers))
    assert_report_matches_books(report, market, [as_ref(order) for order in orders])
    assert counts(report) == {"cancelled": 49, "unresolved": 1}


@pytest.mark.parametrize("seed", range(20))
def test_interrupt_at_any_moment_and_in_any_order_leaves_a_conservative_report(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  # the same in every run
    market = Market(unknown_id="refuse_ended", seed=seed)
    orders = market.place(400, None)
    market.fill(*chance.sample(orders, 20))
    market.exchange.inject_random(0.4, seed=seed)
    workers = OneAtATime(chance).on(market.clock)
    workers.interrupt_after = chance.randrange(1, 25)
    workers.result_arrives = chance.random() < 0.5
    report = interrupted(market, market.prepare(orders, workers=workers))
    assert_report_matches_books(report, market, [as_ref(order) for order in orders])


def test_report_can_be_asked_for_twice(market: Market) -> None:
    run = market.prepare(market.place(3))
    first = run.run()
    assert run.report().to_dict() == first.to_dict()


# What ends a run from within


def test_request_that_our_own_guard_stops_does_not_make_sent_orders_look_unsent(market: Market) -> None:
    """A hundred orders in two batches; one finds its guard closed while the other one's answer is under way."""
    orders = market.place(100)
    asked = [as_ref(order) for order in orders]
    batch_cancel = market.dialect.batch_cancel
    calls = iter(range(9))

    def guarded(*args: object, **kwargs: object) -> object:
        if next(calls) == 0:
            raise BitgetScopeError("not sent")
        return batch_cancel(*args, **kwargs)  # type: ignore[arg-type]

    market.dialect.batch_cancel = guarded  # type: ignore[method-assign, assignment]

    class BothUnderWay(OneAtATime):
        """Both jobs run before the main thread sees the first result."""

        def next_done(self, timeout: float) -> tuple[object, object, BaseException | None] | None:
            while len(self._jobs) > 0:
                done = super().next_done(timeout) if not self._results else None
                if done is None:
                    break
                self._seen.append(done)
            return self._seen.pop(0) if self._seen else super().next_done(timeout)

        _seen: list[tuple[object, object, BaseException | None]] = []  # noqa: RUF012

    report = market.prepare(asked, workers=BothUnderWay().on(market.clock)).run()
    assert_report_matches_books(report, market, asked)
    assert isinstance(report.error, BitgetScopeError)
    assert details(report, Bucket.UNRESOLVED) == {"not_sent": 50, "not_verified": 50}
    assert not any(outcome.curable for outcome in report.outcomes)


def test_threads_end_with_the_run() -> None:
    from airflow_provider_bitget.trading.workers import ThreadedWorkers

    market = Market()
    before = threading.active_count()
    report = market.cancel(market.place(500), workers=ThreadedWorkers(4))
    assert counts(report) == {"cancelled": 500}
    for thread in [thread for thread in threading.enumerate() if thread.name.startswith("bitget-")]:
        thread.join(timeout=5)
    assert threading.active_count() <= before
