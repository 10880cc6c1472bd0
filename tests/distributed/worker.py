# SPDX-License-Identifier: Apache-2.0
"""A worker: takes places from a shared limit in many threads, and prints when it got them.

Its wall clock is as wrong as it is told, and so is its monotonic clock; what it prints is the machine's own.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import threading
import time

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.clock import SystemClock
from airflow_provider_bitget.api.exceptions import BitgetNotSentError
from airflow_provider_bitget.api.redis_store import RedisSettings, RedisStore
from airflow_provider_bitget.api.shared_limit import SharedLimiters


class WrongClock(SystemClock):
    """A machine whose clocks somebody has set wrongly."""

    def __init__(self, error: float) -> None:
        self._error = error

    def time(self) -> float:
        return super().time() + self._error

    def monotonic(self) -> float:
        return super().monotonic() + 1000 * abs(self._error)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--limit", type=float, default=10.0)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--clock-error", type=float, default=0.0)
    parser.add_argument("--user", default="user")
    parser.add_argument("--refuse-at", type=float, default=0.0, help="note a 429 so many seconds after the start")
    options = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")

    clock = WrongClock(options.clock_error)
    limiters = SharedLimiters(RedisStore(RedisSettings("127.0.0.1", options.port)), name="limits", clock=clock)
    limiter = limiters.limiter(f"https://api.bitget.com#{options.user}", "POST /x", options.limit)
    moments: list[float] = []
    # Whoever reads this line lets all workers begin together.
    print("ready", flush=True)
    sys.stdin.readline()
    budget = Budget(options.seconds, clock)

    def work() -> None:
        try:
            while True:
                limiter.acquire(budget)
                moments.append(time.monotonic())
                # The request and its answer.
                time.sleep(0.005)
                limiter.accepted()
        except BitgetNotSentError:
            return

    threads = [threading.Thread(target=work) for _ in range(options.threads)]
    for thread in threads:
        thread.start()
    if options.refuse_at:
        time.sleep(options.refuse_at)
        limiter.refused()
    for thread in threads:
        thread.join()
    print(json.dumps({"moments": moments, "took": budget.elapsed()}))


if __name__ == "__main__":
    main()
