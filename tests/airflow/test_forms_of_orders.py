# SPDX-License-Identifier: Apache-2.0
"""However a DAG's author hands the orders over, exactly these orders leave the exchange."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from airflow_provider_bitget.sandbox import Sandbox
from tests.airflow.dag_runs import (
    SYMBOL,
    DagOutcome,
    Order,
    RunDag,
    as_rows,
    assert_every_order_is_reported_once,
    open_ids,
    run_a_dag,
    statuses,
)
from tests.kinds import KINDS, sandbox_of

FORMS = (
    "jinja_string",
    "jinja_string_of_ids",
    "xcom_arg_of_mappings",
    "xcom_arg_of_ids",
    "list_of_mappings",
    "list_of_ids",
)


@dataclass(frozen=True)
class FormsRun:
    """One run of all forms; afterwards the exchange is still there to be asked."""

    outcome: DagOutcome
    sandbox: Sandbox
    orders: dict[str, list[Order]]
    bystanders: set[str]


@pytest.fixture(
    scope="module",
    params=[(kind, dag_id) for kind in KINDS for dag_id in ("forms_of_orders", "forms_of_orders_native")],
    ids=lambda param: "-".join(param),
)
def forms_run(request: pytest.FixtureRequest, bagged_dags: dict[str, Any]) -> Iterator[FormsRun]:
    """Run the DAG of all forms once, beside orders that nobody asked for."""
    kind, dag_id = request.param
    with sandbox_of(kind) as sandbox, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_BITGET_DEFAULT", sandbox.connection_json)
        orders = {form: as_rows(sandbox.place(count=3, symbol=SYMBOL)) for form in FORMS}
        bystanders = {order["orderId"] for order in sandbox.place(count=2, symbol=SYMBOL)}
        yield FormsRun(run_a_dag(bagged_dags, dag_id, **orders), sandbox, orders, bystanders)


@pytest.mark.parametrize("form", FORMS)
def test_orders_in_this_form_are_cancelled_and_reported(forms_run: FormsRun, form: str) -> None:
    task = forms_run.outcome.task(form)

    assert statuses(forms_run.sandbox, forms_run.orders[form]) == {"canceled": 3}
    assert task.state == "success"
    assert task.result["counts"] == {
        "requested": 3,
        "cancelled": 3,
        "already_closed": 0,
        "failed": 0,
        "unresolved": 0,
    }
    assert task.result["verified"] is True


def test_orders_that_were_not_handed_over_stay_open(forms_run: FormsRun) -> None:
    assert forms_run.outcome.state == "success"
    assert open_ids(forms_run.sandbox) == forms_run.bystanders


def test_each_mapped_task_cancels_its_own_list(sandbox: Sandbox, run_dag: RunDag) -> None:
    by_symbol = [as_rows(sandbox.place(count=4, symbol=symbol)) for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT")]
    lists_of_a_mapped_task = [as_rows(sandbox.place(count=count, symbol="ETHUSDT")) for count in (1, 2)]
    bystanders = {order["orderId"] for order in sandbox.place(count=1, symbol="BTCUSDT")}

    outcome = run_dag("mapped_orders", one_task_each=by_symbol, one_task_for_all=lists_of_a_mapped_task)

    tasks = outcome.mapped("one_task_each")
    assert [(task.state, task.result["counts"]["cancelled"]) for task in tasks] == [("success", 4)] * 3
    for task, orders in zip(tasks, by_symbol, strict=True):
        assert task.result["counts"]["requested"] == 4
        assert statuses(sandbox, orders) == {"canceled": 4}
    together = outcome.task("one_task_for_all")
    assert together.state == "success"
    assert_every_order_is_reported_once(together.result)
    assert together.result["counts"]["requested"] == together.result["counts"]["cancelled"] == 3
    assert open_ids(sandbox) == bystanders
