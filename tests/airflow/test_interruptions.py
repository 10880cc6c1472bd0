# SPDX-License-Identifier: Apache-2.0
"""A task that is cut short, killed, or dies with its worker: the report, and the next run, tell the truth."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from airflow_provider_bitget.sandbox import Sandbox
from tests.airflow.dag_runs import RunDag, assert_every_order_is_reported_once, open_ids, statuses
from tests.airflow_version import DAG_BAG_MODULE
from tests.kinds import CANCELS, ORDERS_PER_CANCEL, endpoint, kind_of, served

# A signal may arrive while an object is being finalized: Python can only warn of what its handler raises there.
pytestmark = pytest.mark.filterwarnings("default::pytest.PytestUnraisableExceptionWarning")


def place(sandbox: Sandbox, count: int) -> list[str]:
    sandbox.reset(orders=0, latency=0.2)
    return [row["orderId"] for row in sandbox.place(count=count, symbol="BTCUSDT")]


def cancels_processed(sandbox: Sandbox) -> int:
    return sum(record.processed for record in served(sandbox, CANCELS))


def test_an_execution_timeout_fails_the_task_and_leaves_a_report_without_false_claims(
    sandbox: Sandbox, run_dag: RunDag
) -> None:
    orders = place(sandbox, 2_000)

    outcome = run_dag("cut_short", orders=orders)

    task = outcome.task("cancel")
    assert task.state == "failed"
    assert 0 < len(open_ids(sandbox)) < 2_000
    assert task.result["counts"]["cancelled"] == 0
    assert task.result["counts"]["unresolved"] == 2_000
    assert task.result["verified"] is False


def test_a_killed_task_is_never_green(sandbox: Sandbox, run_dag: RunDag) -> None:
    orders = place(sandbox, 2_000)

    def kill_once_it_works() -> None:
        while cancels_processed(sandbox) < 3:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=kill_once_it_works, daemon=True).start()
    outcome = run_dag("unhurried", orders=orders)

    task = outcome.task("cancel")
    assert task.state == "failed"
    assert 0 < len(open_ids(sandbox)) < 2_000
    assert task.result["counts"]["unresolved"] == 2_000


def test_a_run_after_the_worker_died_ends_with_the_truth(sandbox: Sandbox, run_dag: RunDag, tmp_path: Path) -> None:
    orders = place(sandbox, 600)
    sandbox.inject("hang", endpoint=endpoint(sandbox, CANCELS), after=6, seconds=8.0, processed=False)
    (tmp_path / "conf.json").write_text(json.dumps({"orders": orders}))
    program = (
        f"import json, sys; from {DAG_BAG_MODULE} import DagBag; "
        "DagBag().dags['unhurried'].test(run_conf=json.load(open(sys.argv[1])))"
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "conf.json")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        patience = time.monotonic() + 60
        while cancels_processed(sandbox) < 6 and time.monotonic() < patience:
            time.sleep(0.05)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    sandbox.clear_faults()
    left = open_ids(sandbox)
    done = 6 * ORDERS_PER_CANCEL[kind_of(sandbox)]
    assert len(left) == 600 - done

    outcome = run_dag("unhurried", orders=orders)

    task = outcome.task("cancel")
    assert task.state == "success"
    assert statuses(sandbox, [{"orderId": order} for order in orders]) == {"canceled": 600}
    assert task.result["counts"] == {
        "requested": 600,
        "cancelled": 600 - done,
        "already_closed": done,
        "failed": 0,
        "unresolved": 0,
    }
    assert {row["orderId"] for row in task.result["already_closed"]} == set(orders) - left
    assert_every_order_is_reported_once(task.result)
