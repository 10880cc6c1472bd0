# SPDX-License-Identifier: Apache-2.0
"""Nothing to cancel never becomes "cancel everything", and a missing XCom is not nothing to cancel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_bitget.sandbox import Sandbox
from tests.airflow.dag_runs import DagOutcome, open_ids, run_a_dag
from tests.kinds import KINDS, sandbox_of


@pytest.fixture(scope="module", params=KINDS)
def exchange(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """An exchange with open orders that nobody asks to cancel, once for each kind of account."""
    with sandbox_of(request.param) as sandbox, pytest.MonkeyPatch.context() as patch:
        sandbox.place(count=9, symbol="BTCUSDT")
        patch.setenv("AIRFLOW_CONN_BITGET_DEFAULT", sandbox.connection_json)
        yield sandbox


@pytest.fixture(scope="module")
def outcome(exchange: Sandbox, bagged_dags: dict[str, Any]) -> DagOutcome:
    return run_a_dag(bagged_dags, "empty_orders")


@pytest.mark.parametrize(("task_id", "state"), [("empty_skip", "skipped"), ("empty_fail", "failed")])
def test_an_empty_list_skips_or_fails_when_told_so(outcome: DagOutcome, task_id: str, state: str) -> None:
    assert outcome.task(task_id).state == state


@pytest.mark.parametrize("task_id", ["empty_success", "empty_string_of_a_list"])
def test_an_empty_list_succeeds_and_reports_that_nothing_was_requested(outcome: DagOutcome, task_id: str) -> None:
    task = outcome.task(task_id)

    assert task.state == "success"
    assert set(task.result["counts"].values()) == {0}
    assert task.result["requests"] == 0


@pytest.mark.parametrize("task_id", ["missing_xcom_arg", "missing_jinja_string", "rendered_to_nothing"])
def test_a_missing_list_fails_the_task(outcome: DagOutcome, task_id: str) -> None:
    assert outcome.task(task_id).state == "failed"


def test_neither_an_empty_nor_a_missing_list_reaches_the_exchange(outcome: DagOutcome, exchange: Sandbox) -> None:
    ended = {task_id: task.state for (task_id, _), task in outcome.tasks.items()}
    assert set(ended.values()) == {"success", "skipped", "failed"}
    assert outcome.task("empty_success").result["counts"]["requested"] == 0

    assert exchange.requests == []
    assert len(open_ids(exchange)) == 9
