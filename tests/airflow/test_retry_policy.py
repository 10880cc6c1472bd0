# SPDX-License-Identifier: Apache-2.0
"""The retry policy in Airflow's own task runner: what is not tried again, and what is tried again soon."""

from __future__ import annotations

import json

import pytest

from airflow_provider_bitget.sandbox import Sandbox
from tests.airflow.dag_runs import RunDag, as_rows, open_ids
from tests.airflow_version import since
from tests.kinds import CANCELS, ORDER_READS, endpoint, served

pytestmark = since(3, 3, "retry policies")

RETRY_DELAY = 60.0
"""What the tasks' own ``retry_delay`` is."""


@pytest.fixture
def refused_key(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that the exchange does not know any more."""
    connection = {**sandbox.connection, "login": "a-key-that-was-taken-back"}
    monkeypatch.setenv("AIRFLOW_CONN_BITGET_DEFAULT", json.dumps(connection))


@pytest.mark.usefixtures("refused_key")
def test_refused_credentials_are_not_tried_again_where_the_hook_raises_them(sandbox: Sandbox, run_dag: RunDag) -> None:
    outcome = run_dag("policy_of_a_hook")

    task = outcome.task("list_orders")
    assert (task.state, task.tries) == ("failed", 1)


@pytest.mark.usefixtures("refused_key")
def test_refused_credentials_are_not_tried_again_by_an_operator(sandbox: Sandbox, run_dag: RunDag) -> None:
    outcome = run_dag("policy_of_an_operator", orders=as_rows(sandbox.place(2)))

    task = outcome.task("cancel")
    assert (task.state, task.tries) == ("failed", 1)


def test_an_exchange_that_limits_throughout_is_asked_again_soon(sandbox: Sandbox, run_dag: RunDag) -> None:
    sandbox.inject("rate_limit", endpoint=endpoint(sandbox, ORDER_READS), times=None)

    outcome = run_dag("policy_of_a_hook")

    task = outcome.task("list_orders")
    assert (task.state, task.tries) == ("failed", 3)
    arrivals = [record.arrival for record in served(sandbox, ORDER_READS)]
    assert max(arrivals) - min(arrivals) < RETRY_DELAY


def test_orders_that_a_limit_has_left_open_are_cancelled_soon(sandbox: Sandbox, run_dag: RunDag) -> None:
    orders = as_rows(sandbox.place(2))
    # More than a try of four seconds can meet at one a second.
    sandbox.inject("rate_limit", endpoint=endpoint(sandbox, CANCELS), times=7)

    outcome = run_dag("policy_of_an_operator", orders=orders)

    task = outcome.task("cancel")
    assert task.state == "success"
    assert task.tries > 1
    assert open_ids(sandbox) == set()
    arrivals = [record.arrival for record in served(sandbox, CANCELS)]
    assert max(arrivals) - min(arrivals) < RETRY_DELAY
