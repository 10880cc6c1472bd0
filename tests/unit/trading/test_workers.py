# SPDX-License-Identifier: Apache-2.0
"""Requests side by side: bounded, as daemons, with every result handed back.

The threads wait for events, never for time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from airflow_provider_bitget.trading.workers import Done, ThreadedWorkers, Workers

PATIENCE = 10.0
"""Seconds after which something that must happen has not happened; never waited for in full."""


@pytest.fixture
def workers() -> Iterator[ThreadedWorkers]:
    started = ThreadedWorkers(4)
    yield started
    started.close()


def results(workers: Workers, count: int) -> list[Done]:
    found = [workers.next_done(PATIENCE) for _ in range(count)]
    assert None not in found
    return [done for done in found if done is not None]


def test_every_result_comes_back_with_its_tag(workers: ThreadedWorkers) -> None:
    for number in range(200):
        workers.submit(number, lambda number=number: number * number)  # type: ignore[misc]
    assert sorted(results(workers, 200)) == [(n, n * n, None) for n in range(200)]
    assert workers.next_done(0) is None


def test_jobs_run_side_by_side(workers: ThreadedWorkers) -> None:
    """Four jobs that wait for each other: one after the other they would never end."""
    meeting = threading.Barrier(4, timeout=PATIENCE)
    for number in range(4):
        workers.submit(number, meeting.wait)
    assert [error for _, _, error in results(workers, 4)] == [None] * 4


def test_no_more_jobs_run_at_the_same_time_than_allowed(workers: ThreadedWorkers) -> None:
    lock, go_on = threading.Lock(), threading.Event()
    running: list[int] = [0, 0]
    four_run = threading.Event()

    def job() -> None:
        with lock:
            running[0] += 1
            running[1] = max(running)
            if running[0] == 4:
                four_run.set()
        go_on.wait(PATIENCE)
        with lock:
            running[0] -= 1

    for number in range(50):
        workers.submit(number, job)
    assert four_run.wait(PATIENCE)
    go_on.set()
    results(workers, 50)
    assert running[1] == 4


def test_one_job_starts_one_thread() -> None:
    workers = ThreadedWorkers(24)
    before = set(threading.enumerate())
    go_on = threading.Event()
    workers.submit(1, lambda: go_on.wait(PATIENCE))
    assert len(set(threading.enumerate()) - before) == 1
    go_on.set()
    results(workers, 1)
    workers.close()


def test_threads_are_daemons_that_never_delay_the_end_of_the_process(workers: ThreadedWorkers) -> None:
    seen: list[threading.Thread] = []
    workers.submit(1, lambda: seen.append(threading.current_thread()))
    results(workers, 1)
    assert seen[0].daemon
    assert seen[0] is not threading.current_thread()


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), SystemExit(1)], ids=lambda e: type(e).__name__)
def test_exception_is_handed_over_and_the_thread_lives_on(workers: ThreadedWorkers, error: BaseException) -> None:
    def fail() -> None:
        raise error

    workers.submit("bad", fail)
    assert results(workers, 1) == [("bad", None, error)]
    workers.submit("good", lambda: "fine")
    assert results(workers, 1) == [("good", "fine", None)]


def test_waiting_for_a_result_ends_with_the_timeout(workers: ThreadedWorkers) -> None:
    assert workers.next_done(0.001) is None


def test_close_ends_the_threads() -> None:
    workers = ThreadedWorkers(4)
    meeting = threading.Barrier(4, timeout=PATIENCE)
    threads: list[threading.Thread] = []

    def job() -> None:
        threads.append(threading.current_thread())
        meeting.wait()

    for number in range(4):
        workers.submit(number, job)
    results(workers, 4)
    workers.close()
    for thread in threads:
        thread.join(PATIENCE)
    assert [thread.is_alive() for thread in threads] == [False] * 4


def test_close_does_not_wait_for_a_job_that_hangs() -> None:
    workers = ThreadedWorkers(1)
    go_on = threading.Event()
    workers.submit(1, lambda: go_on.wait(PATIENCE))
    workers.close()
    assert not go_on.is_set()
    go_on.set()
    assert results(workers, 1) == [(1, True, None)]
