# SPDX-License-Identifier: Apache-2.0
"""Eight tasks of two Celery workers cancel one account's orders: at the pace of one limit, and truthfully."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_bitget.sandbox import Sandbox
from airflow_provider_bitget.sandbox.journal import RequestRecord, busiest_second
from tests.distributed.airflow_stack import AirflowStack
from tests.distributed.services import until

ORDERS = 4_000
TASKS = 8
LIMIT = 10
CANCEL = "/api/v2/mix/order/batch-cancel-orders"
RUN_SECONDS = 300.0


@dataclass
class Desk:
    """An exchange, an Airflow, and where they meet."""

    exchange: Sandbox
    airflow: AirflowStack
    orders: Path
    #: Of the last run's tasks: how often each was tried, and where they ran.
    tries: list[int] = field(default_factory=list)
    workers: set[str] = field(default_factory=set)

    def place(self, count: int) -> None:
        """Empty the books, put orders on them, and hand their names to the DAG."""
        self.exchange.reset(0)
        placed = self.exchange.place(count, "BTCUSDT")
        self.orders.write_text(json.dumps([{"orderId": row["orderId"], "symbol": row["symbol"]} for row in placed]))

    def cancels(self) -> list[RequestRecord]:
        return [record for record in self.exchange.requests if record.path == CANCEL]

    def run(self, dag: str, meanwhile: Callable[[], None] = lambda: None) -> list[dict[str, Any]]:
        """Run a DAG to its end, which must be a success, and return the reports."""
        run = self.airflow.trigger(dag)
        meanwhile()
        until(lambda: self.airflow.state(dag, run) in ("success", "failed"), f"{dag} ends", RUN_SECONDS)
        tasks = self.airflow.tasks(dag, run)
        assert self.airflow.state(dag, run) == "success", [(task["map_index"], task["state"]) for task in tasks]
        assert len(tasks) == TASKS
        self.tries = [task["try_number"] for task in tasks]
        self.workers = {task["hostname"] for task in tasks}
        return [self.airflow.report(dag, run, number) for number in range(TASKS)]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("stack")
    with Sandbox(orders=0) as exchange:
        own = exchange.connection
        shared = {**own, "extra": {**own["extra"], "rate_limit_conn_id": "limits"}}
        stack = AirflowStack(
            folder,
            {
                "AIRFLOW_CONN_BITGET_SHARED": json.dumps(shared),
                "AIRFLOW_CONN_BITGET_ALONE": exchange.connection_json,
                "ORDERS": str(folder / "orders.json"),
            },
        )
        try:
            stack.start()
            desk = Desk(exchange, stack, folder / "orders.json")
            # The first run after a start finds workers that have not imported anything yet.
            desk.place(TASKS)
            desk.run("one_limit")
            yield desk
        finally:
            stack.stop()


def check_reports(desk: Desk, reports: list[dict[str, Any]]) -> None:
    """Every order is off the books, and every report says so."""
    assert desk.exchange.open_orders() == []
    states = [report["counts"] for report in reports]
    assert sum(counts["requested"] for counts in states) == ORDERS
    assert sum(counts["cancelled"] + counts["already_closed"] for counts in states) == ORDERS
    assert sum(counts["failed"] + counts["unresolved"] for counts in states) == 0


def refused(desk: Desk) -> list[RequestRecord]:
    """Return the requests that were too many; say how many there were and how near to the limit the others came."""
    by_path: dict[str, list[RequestRecord]] = {}
    for record in desk.exchange.requests:
        by_path.setdefault(record.path, []).append(record)
    for path, records in sorted(by_path.items()):
        too_many = sum(record.status == 429 for record in records)
        busiest = busiest_second([record.arrival for record in records])
        print(f"{path}: {len(records)} requests, {too_many} refused, {busiest} in the busiest second")
    return [record for record in desk.exchange.requests if record.status == 429]


def test_eight_tasks_with_one_limit_cancel_as_fast_as_one_limit_allows(desk: Desk) -> None:
    desk.place(ORDERS)
    reports = desk.run("one_limit")

    check_reports(desk, reports)
    assert refused(desk) == []
    assert desk.workers == {"w1", "w2"}
    arrivals = [record.arrival for record in desk.cancels()]
    floor = (len(arrivals) - LIMIT) / LIMIT
    took = max(arrivals) - min(arrivals)
    print(f"{len(arrivals)} cancel requests in {took:.2f} s, {took / floor:.3f} times the floor of {floor:.1f} s")
    assert len(arrivals) == ORDERS / 50
    assert took <= 1.1 * floor


def test_a_pool_of_one_slot_ends_in_the_truth_and_is_refused_at_most_where_one_task_follows_another(desk: Desk) -> None:
    desk.place(ORDERS)
    reports = desk.run("one_slot")

    check_reports(desk, reports)
    # A pool counts tasks, not requests: the next task may begin within the second in which the last one ended, and its
    # process knows nothing of that.
    assert len(refused(desk)) <= 2 * TASKS
    arrivals = [record.arrival for record in desk.cancels()]
    print(f"one slot: {len(arrivals)} cancel requests in {max(arrivals) - min(arrivals):.1f} s")


def test_a_worker_that_is_killed_in_the_middle_leaves_the_truth(desk: Desk) -> None:
    desk.place(ORDERS)

    def kill_in_the_middle() -> None:
        until(lambda: len(desk.cancels()) >= 30, "the tasks are in the middle of it", RUN_SECONDS)
        began = time.monotonic()
        desk.airflow.kill("w2")
        print(f"killed with {len(desk.cancels())} requests sent, in {time.monotonic() - began:.2f} s")

    try:
        reports = desk.run("one_limit", kill_in_the_middle)
    finally:
        desk.airflow.start_worker("w2")

    check_reports(desk, reports)
    assert refused(desk) == []
    print(f"tries: {desk.tries}")
    assert max(desk.tries) == 2
    assert min(desk.tries) == 1
