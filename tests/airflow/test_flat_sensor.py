# SPDX-License-Identifier: Apache-2.0
"""The flat sensor in Airflow itself: each way of waiting, and the deferred one through a real triggerer that dies."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_bitget.sandbox import Sandbox
from airflow_provider_bitget.sandbox.accounts import AccountMode
from tests.airflow.airflow_processes import AirflowProcesses
from tests.airflow.dag_runs import RunDag
from tests.airflow_version import since
from tests.kinds import KINDS, POSITION_READS, endpoint, sandbox_of, served

DAG_FILE = Path(__file__).resolve().parents[1] / "dags" / "flat_sensor.py"

FLAT = {
    "product_type": "USDT-FUTURES",
    "symbol": "",
    "exclude_symbols": [],
    "margin_coin": "",
    "lookback_days": 90,
    "flat": True,
}


def looks(sandbox: Sandbox) -> int:
    """Count the reads of the positions: each look at the account makes one."""
    return len(served(sandbox, POSITION_READS))


def without_moment(result: dict[str, Any]) -> dict[str, Any]:
    assert result.pop("read_at").endswith("Z")
    return result


def looks_more_often_than(sandbox: Sandbox, seen: int) -> Callable[[], bool]:
    return lambda: looks(sandbox) > seen


@pytest.mark.parametrize("way", ["poke", "reschedule", "deferrable"])
def test_a_flat_account_ends_the_wait_however_the_sensor_waits(sandbox: Sandbox, run_dag: RunDag, way: str) -> None:
    # The first look fails, so that the sensor has to wait in its own way for another one.
    sandbox.inject("refuse", endpoint=endpoint(sandbox, POSITION_READS), times=4, code="40015")

    outcome = run_dag(f"flat_{way}")

    task = outcome.task("wait")
    assert task.state == "success"
    assert without_moment(task.result) == FLAT
    assert looks(sandbox) == 5


@since(3, 1, "the API server, and a scheduler that on a busy machine does not fail a resumed task, as that of 3.0 did")
@pytest.mark.parametrize("kind", KINDS)
def test_a_deferred_wait_survives_the_death_of_its_triggerer(kind: AccountMode, tmp_path: Path) -> None:
    dags_folder = tmp_path / "dags"
    dags_folder.mkdir()
    shutil.copy(DAG_FILE, dags_folder)
    with sandbox_of(kind) as sandbox:
        (order,) = sandbox.place(count=1, symbol="BTCUSDT")
        environment = {"AIRFLOW_CONN_BITGET_DEFAULT": sandbox.connection_json}
        with AirflowProcesses(tmp_path, dags_folder, environment) as airflow:
            run = airflow.trigger("flat_deferrable")

            def state() -> str:
                return airflow.state("flat_deferrable", run, "wait")

            airflow.wait_until("the task is deferred", lambda: state() == "deferred")
            airflow.wait_until("the triggerer looks", looks_more_often_than(sandbox, looks(sandbox) + 1))

            airflow.kill("triggerer")
            seen = looks(sandbox)
            assert state() == "deferred"
            airflow.start("triggerer", "--skip-serve-logs")
            airflow.wait_until("another triggerer looks", looks_more_often_than(sandbox, seen + 1))
            assert state() == "deferred"

            sandbox.cancel(order["orderId"])
            airflow.wait_until("the task ends", lambda: state() in ("success", "failed", "skipped"))

            assert state() == "success"
            assert without_moment(airflow.returned("flat_deferrable", run, "wait")) == FLAT
        assert all(record.method == "GET" for record in sandbox.requests)
