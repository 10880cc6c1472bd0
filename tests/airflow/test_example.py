# SPDX-License-Identifier: Apache-2.0
"""The example DAG, run as a user would run it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from airflow_provider_bitget.sandbox import Sandbox
from tests.airflow.dag_runs import RunDag, as_rows, assert_every_order_is_reported_once, open_ids, statuses

DAG_ID = "bitget_batch_cancel"


@pytest.fixture
def without_retries(bagged_dags: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the example's cancel task end with its first try: its retries wait for half a minute."""
    monkeypatch.setattr(bagged_dags[DAG_ID].get_task("cancel"), "retries", 0)


def test_the_example_takes_every_open_order_of_its_product_type_off_the_exchange(
    sandbox: Sandbox, run_dag: RunDag
) -> None:
    resting = as_rows(sandbox.place(count=120))
    resting += as_rows(sandbox.place(count=3, status="partially_filled"))
    elsewhere = {order["orderId"] for order in sandbox.place(count=2, product_type="USDC-FUTURES")}

    outcome = run_dag(DAG_ID)

    assert outcome.state == "success"
    assert statuses(sandbox, resting) == {"canceled": 123}
    assert open_ids(sandbox) == elsewhere
    report = outcome.task("cancel").result
    assert_every_order_is_reported_once(report)
    assert report["counts"]["requested"] == report["counts"]["cancelled"] == 123
    assert report["verified"] is True
    assert outcome.task("read_report").result == report["counts"]


@pytest.mark.usefixtures("without_retries")
def test_the_examples_run_is_red_when_an_order_is_left(sandbox: Sandbox, run_dag: RunDag) -> None:
    resting = as_rows(sandbox.place(count=30))
    stubborn = resting[11]["orderId"]
    sandbox.inject("refuse_orders", order_ids=[stubborn], code="40762")

    outcome = run_dag(DAG_ID)

    assert outcome.state == "failed"
    assert open_ids(sandbox) == {stubborn}
    assert [row["orderId"] for row in outcome.task("cancel").result["failed"]] == [stubborn]
    assert outcome.task("read_report").state == "failed"


def test_the_example_is_green_when_nothing_is_open(sandbox: Sandbox, run_dag: RunDag) -> None:
    outcome = run_dag(DAG_ID)

    assert outcome.state == "success"
    assert outcome.task("read_report").result == {
        "requested": 0,
        "cancelled": 0,
        "already_closed": 0,
        "failed": 0,
        "unresolved": 0,
    }
    assert {request.method for request in sandbox.requests} == {"GET"}
