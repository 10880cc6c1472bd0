# SPDX-License-Identifier: Apache-2.0
"""Runs a DAG of ``tests/dags`` through Airflow's own task runner and asks the exchange."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_bitget.sandbox import Sandbox

SYMBOL = "BTCUSDT"

Order = dict[str, str]
Report = dict[str, Any]


@dataclass(frozen=True)
class TaskOutcome:
    """What became of one task.

    :param state: Airflow's word for it.
    :param result: what lies in XCom under ``return_value``, None without it.
    :param tries: how often it was tried.
    """

    state: str
    result: Any
    tries: int = 1


@dataclass(frozen=True)
class DagOutcome:
    """What became of a DAG run.

    :param state: Airflow's word for it.
    :param tasks: the outcome of every task, under its id and map index.
    """

    state: str
    tasks: Mapping[tuple[str, int], TaskOutcome]

    def task(self, task_id: str, map_index: int = -1) -> TaskOutcome:
        """Return the outcome of one task."""
        return self.tasks[task_id, map_index]

    def mapped(self, task_id: str) -> list[TaskOutcome]:
        """Return the outcomes of a mapped task in their order."""
        return [self.tasks[key] for key in sorted(self.tasks) if key[0] == task_id]


_CUTS_A_TASK_SHORT = ("AirflowTaskTimeout", "AirflowTaskTerminated")

RunDag = Callable[..., DagOutcome]


def run_a_dag(dags: Mapping[str, Any], dag_id: str, **configuration: Any) -> DagOutcome:
    """Run a DAG to its end through Airflow's own task runner.

    :param dags: the DAGs, as Airflow read them.
    :param dag_id: which of them.
    :param configuration: the run's ``dag_run.conf``.
    """
    dag_run = _run(dags[dag_id], configuration)
    return DagOutcome(
        state=str(dag_run.state),
        tasks={
            (instance.task_id, instance.map_index): TaskOutcome(
                state=str(instance.state),
                result=instance.xcom_pull(task_ids=instance.task_id, map_indexes=instance.map_index),
                tries=instance.try_number,
            )
            for instance in dag_run.get_task_instances()
        },
    )


def _run(dag: Any, configuration: Mapping[str, Any]) -> Any:
    try:
        return dag.test(run_conf=configuration)
    except BaseException as cut_short:
        if type(cut_short).__name__ not in _CUTS_A_TASK_SHORT:
            raise
        # In Airflow 2 a timeout and a kill end the task as they should, and then ``dag.test()`` as well.
        return dag.get_last_dagrun(include_externally_triggered=True)


def as_rows(placed: Iterable[Mapping[str, Any]]) -> list[Order]:
    """Return the two fields of an order that a user hands on."""
    return [{"orderId": order["orderId"], "symbol": order["symbol"]} for order in placed]


def statuses(sandbox: Sandbox, orders: Iterable[Order]) -> Counter[str]:
    """Count these orders by the status that the exchange's books give them."""
    return Counter(sandbox.order(order["orderId"])["status"] for order in orders)


def open_ids(sandbox: Sandbox) -> set[str]:
    """Return the ids of all orders that are open on the exchange."""
    return {order["orderId"] for order in sandbox.open_orders()}


def assert_every_order_is_reported_once(report: Report) -> None:
    """Hold the report to its promise: whole counts, each order in exactly one bucket."""
    counts = report["counts"]
    assert counts["requested"] == sum(
        counts[bucket] for bucket in ("cancelled", "already_closed", "failed", "unresolved")
    )
    rows = [row["orderId"] for bucket in ("already_closed", "failed", "unresolved") for row in report[bucket]]
    assert len(rows) == len(set(rows))
    assert not report["truncated"]
    assert len(rows) == counts["already_closed"] + counts["failed"] + counts["unresolved"]
