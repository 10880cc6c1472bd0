# SPDX-License-Identifier: Apache-2.0
"""One limit, whatever the workers' number, clocks and luck: against a real Redis that is killed, hangs and comes back.

`make test-distributed` runs this; `make test` does not, as it needs a redis-server.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.client import BitgetClient, Endpoint
from airflow_provider_bitget.api.credentials import Credentials
from airflow_provider_bitget.api.exceptions import BitgetNotSentError
from airflow_provider_bitget.api.pace import WINDOW_SECONDS, Window
from airflow_provider_bitget.api.redis_store import RedisSettings, RedisStore, StoreError
from airflow_provider_bitget.api.shared_limit import SharedLimiters
from airflow_provider_bitget.sandbox import Sandbox
from airflow_provider_bitget.sandbox.journal import busiest_second
from tests.distributed.services import RedisServer, free_port, slow_line

REPOSITORY = Path(__file__).resolve().parents[2]
TEN = Window.of(10)
OPEN_ORDERS = Endpoint("GET", "/api/v2/mix/order/orders-pending", limit=10)


@dataclass
class Crowd:
    """Workers that began together."""

    processes: list[subprocess.Popen[str]]
    began: float
    logs: list[str]

    def moments(self) -> list[list[float]]:
        """Wait for the end of all, and return when each got its places, counted from the beginning."""
        found = []
        for process in self.processes:
            output, errors = process.communicate(timeout=120)
            assert process.returncode == 0, errors
            self.logs.append(errors)
            found.append([moment - self.began for moment in json.loads(output)["moments"]])
        return found

    def wait(self, seconds: float) -> None:
        """Wait until so long after the beginning."""
        time.sleep(max(0.0, self.began + seconds - time.monotonic()))


def crowd(port: int, options: Sequence[dict[str, Any]], **shared: Any) -> Crowd:
    """Start workers, and let them begin together."""
    processes = []
    for own in options:
        words = [f"--{name.replace('_', '-')}={value}" for name, value in {**shared, **own}.items()]
        processes.append(
            subprocess.Popen(
                [sys.executable, "-m", "tests.distributed.worker", f"--port={port}", *words],
                cwd=REPOSITORY,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return Crowd(processes, time.monotonic(), [])


def all_of(moments: list[list[float]]) -> list[float]:
    return sorted(moment for own in moments for moment in own)


def between(moments: Sequence[float], start: float, end: float) -> list[float]:
    return [moment for moment in moments if start <= moment < end]


# --------------------------------------------------------------------------------------------------- the window


def test_eight_workers_with_eight_threads_and_wrong_clocks_share_one_window(redis_server: RedisServer) -> None:
    running = crowd(redis_server.port, [{"clock_error": minutes * 60} for minutes in range(-20, 20, 5)], seconds=8)
    moments = running.moments()
    together = all_of(moments)

    assert busiest_second(together) <= 10
    assert len(together) >= 8 / WINDOW_SECONDS * 10 * 0.9
    # First come, first served: nobody takes much more than a share.
    assert min(len(own) for own in moments) >= 6
    assert max(len(own) for own in moments) <= 20


def test_users_do_not_share_a_window(redis_server: RedisServer) -> None:
    running = crowd(redis_server.port, [{"user": f"user {number}"} for number in range(3)], seconds=3, threads=3)

    for own in running.moments():
        assert busiest_second(sorted(own)) <= 10
        assert len(own) >= 27


def test_the_lowest_limit_of_all_workers_holds_for_all(redis_server: RedisServer) -> None:
    running = crowd(redis_server.port, [{"limit": 10}, {"limit": 3}], seconds=5)
    together = all_of(running.moments())

    assert busiest_second(between(together, 1.2, 5.0)) <= 3


def test_a_limit_below_one_a_second_is_kept_by_all_together(redis_server: RedisServer) -> None:
    running = crowd(redis_server.port, [{}, {}, {}], seconds=7, limit=0.5, threads=2)
    together = all_of(running.moments())

    assert 3 <= len(together) <= 4
    assert min(later - earlier for earlier, later in pairwise(together)) >= 2.0


@pytest.mark.parametrize("round_trip", [0.02, 0.2])
def test_a_slow_store_slows_down_and_never_overfills_the_window(redis_server: RedisServer, round_trip: float) -> None:
    with slow_line(redis_server.port, round_trip / 2) as port:
        # Some workers are near, some are far.
        near = crowd(redis_server.port, [{}, {}], seconds=7)
        far = crowd(port, [{}, {}], seconds=7)
        together = sorted(
            moment + running.began for running in (near, far) for own in running.moments() for moment in own
        )

    assert busiest_second(together) <= 10
    assert len(together) >= 7 / (WINDOW_SECONDS + 2 * round_trip) * 10 * 0.85


def test_a_refusal_to_one_worker_halves_the_pace_of_all_and_they_rest_together(redis_server: RedisServer) -> None:
    running = crowd(redis_server.port, [{"refuse_at": 2.0}, {}, {}, {}], seconds=7)
    together = all_of(running.moments())

    assert between(together, 2.1, 2.95) == []
    assert busiest_second(between(together, 2.1, 4.0)) <= 5
    assert busiest_second(together) <= 10
    assert busiest_second(between(together, 5.0, 7.0)) == 10


def test_who_vanishes_from_the_line_holds_nobody_up(redis_server: RedisServer) -> None:
    running = crowd(redis_server.port, [{"threads": 30}, {"threads": 4}], seconds=6)
    running.wait(2.0)
    running.processes[0].kill()
    running.processes[0].wait()
    survivor = Crowd(running.processes[1:], running.began, []).moments()[0]

    assert len(between(survivor, 4.0, 6.0)) >= 15


def test_a_fork_of_a_worker_is_a_caller_of_its_own(redis_server: RedisServer) -> None:
    limiters = SharedLimiters(RedisStore(RedisSettings("127.0.0.1", redis_server.port)))
    limiter = limiters.limiter("https://api.bitget.com#user", "POST /x", 10)
    # Airflow forks a process that may have made hooks already.
    limiter.acquire(Budget(10.0))
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            # Not out of the test: nothing of pytest may run twice.
            with suppress(BaseException):
                for _ in range(6):
                    limiter.acquire(Budget(10.0))
            os._exit(0)
        children.append(child)
    began = time.monotonic()
    for child in children:
        os.waitpid(child, 0)

    assert time.monotonic() - began >= 2 * WINDOW_SECONDS - 0.1


# ------------------------------------------------------------------------------------------------- what it holds


def test_redis_holds_no_key_and_forgets(redis_server: RedisServer) -> None:
    with Sandbox(orders=0) as exchange:
        account = exchange.accounts[0]
        client = BitgetClient(
            Credentials(account.key, account.secret, account.passphrase),
            base_url=exchange.url,
            limiters=SharedLimiters(RedisStore(RedisSettings("127.0.0.1", redis_server.port)), group=None),
        )
        client.call(
            Endpoint("GET", "/api/v2/mix/order/orders-pending", limit=10), params=[("productType", "USDT-FUTURES")]
        )
    inside: Any = redis_server.client()
    names = inside.keys()
    assert names
    for name in names:
        kept = inside.hgetall(name) if inside.type(name) == "hash" else inside.zrange(name, 0, -1)
        assert not [part for part in (account.key, account.secret, account.passphrase) if part in f"{name} {kept}"]
        assert 0 < inside.ttl(name) <= 61
        assert name.startswith("airflow-provider-bitget:{")


def test_a_place_in_line_that_was_given_up_is_free(redis_server: RedisServer) -> None:
    store = RedisStore(RedisSettings("127.0.0.1", redis_server.port))
    for number in range(10):
        assert store.ask("k", f"served {number}", window=TEN, allowance=0.005).granted
    first = store.ask("k", "first", window=TEN, allowance=0.005)
    second = store.ask("k", "second", window=TEN, allowance=0.005)
    assert (first.granted, second.granted) == (False, False)
    assert redis_server.client().zrange("k:line", 0, -1) == ["first", "second"]

    store.leave("k", "first")
    time.sleep(0.2)

    assert redis_server.client().zrange("k:line", 0, -1) == ["second"]


def test_who_was_served_and_needs_a_newer_place_goes_first(redis_server: RedisServer) -> None:
    store = RedisStore(RedisSettings("127.0.0.1", redis_server.port))
    for number in range(10):
        store.ask("k", f"served {number}", window=TEN, allowance=0.005)
    for number in range(30):
        assert not store.ask("k", f"waits {number}", window=TEN, allowance=0.005).granted

    assert store.ask("k", "served 3", window=TEN, allowance=0.005, served=True).granted


def test_what_a_worker_sent_on_its_own_counts(redis_server: RedisServer) -> None:
    store = RedisStore(RedisSettings("127.0.0.1", redis_server.port))
    ages = [0.1 * number for number in range(9)]

    assert store.ask("k", "one", window=TEN, allowance=0.005, ages=ages).granted
    turn = store.ask("k", "two", window=TEN, allowance=0.005)

    assert not turn.granted
    assert turn.wait == pytest.approx(WINDOW_SECONDS - 0.8, abs=0.1)


# ------------------------------------------------------------------------------------------------- while it is away


def check_an_outage(redis_server: RedisServer, begin: Callable[[], None], end: Callable[[], None]) -> None:
    """Four workers: the store is there for 3 s, away for 6 s, and back until the 45th second."""
    running = crowd(redis_server.port, [{}, {}, {}, {}], seconds=45, threads=4)
    running.wait(3.0)
    begin()
    running.wait(9.0)
    end()
    moments = running.moments()
    together = all_of(moments)

    assert busiest_second(between(together, 0.0, 3.0)) <= 10
    # Two timeouts, then a quarter of the limit each; nobody stands still.
    for own in moments:
        away = between(own, 4.6, 30.0)
        assert 2 / WINDOW_SECONDS * 25 * 0.9 <= len(away) <= 2 / WINDOW_SECONDS * 25.4 * 1.1 + 2
        gaps = [later - earlier for earlier, later in pairwise(sorted(own))]
        assert max(gaps) <= 3.0
    # Left alone for thirty seconds, then one limit for all again.
    assert busiest_second(between(together, 38.0, 45.0)) <= 10
    assert len(between(together, 38.0, 45.0)) >= 7 / WINDOW_SECONDS * 10 * 0.85
    for log in running.logs:
        assert log.count("cannot be reached") == 1
        assert log.count("can be reached again") == 1
        assert log.index("cannot be reached") < log.index("can be reached again")


def test_a_store_that_is_killed_leaves_every_worker_at_a_quarter_until_it_is_back(redis_server: RedisServer) -> None:
    check_an_outage(redis_server, redis_server.kill, redis_server.start)


def test_a_store_that_hangs_leaves_every_worker_at_a_quarter_until_it_is_back(redis_server: RedisServer) -> None:
    check_an_outage(redis_server, redis_server.hang, redis_server.go_on)


def test_a_hanging_store_costs_half_a_second_and_no_more(redis_server: RedisServer) -> None:
    store = RedisStore(RedisSettings("127.0.0.1", redis_server.port))
    store.ask("k", "one", window=TEN, allowance=0.005)
    redis_server.hang()

    for name in ("two", "three"):
        began = time.monotonic()
        with pytest.raises(StoreError, match="no answer in time"):
            store.ask("k", name, window=TEN, allowance=0.005)
        assert time.monotonic() - began < 1.2


def test_a_flatten_never_waits_for_a_store_that_was_never_there() -> None:
    limiters = SharedLimiters(RedisStore(RedisSettings("127.0.0.1", free_port())))
    limiter = limiters.limiter("https://api.bitget.com#user", "POST /x", 10)
    began = time.monotonic()

    limiter.acquire(Budget(10.0))

    assert time.monotonic() - began < 0.6


def test_a_name_that_no_server_knows_costs_no_more_than_a_timeout() -> None:
    limiters = SharedLimiters(RedisStore(RedisSettings("no-such-host.invalid")))
    limiter = limiters.limiter("https://api.bitget.com#user", "POST /x", 10)
    began = time.monotonic()

    limiter.acquire(Budget(10.0))

    assert time.monotonic() - began < 1.2


def test_a_deadline_ends_a_wait_in_line(redis_server: RedisServer) -> None:
    limiters = SharedLimiters(RedisStore(RedisSettings("127.0.0.1", redis_server.port)))
    limiter = limiters.limiter("https://api.bitget.com#user", "POST /x", 1)
    limiter.acquire(Budget(10.0))
    began = time.monotonic()

    with pytest.raises(BitgetNotSentError, match="deadline"):
        limiter.acquire(Budget(0.3))

    assert time.monotonic() - began < 0.5
