# SPDX-License-Identifier: Apache-2.0
"""Dynamic mapping: one cancel task for each list, and one for all the lists of a mapped upstream."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_bitget.operators.bitget import BitgetBatchCancelOperator

with DAG(dag_id="mapped_orders", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False):

    @task
    def lists(dag_run: Any = None) -> list[list[dict[str, str]]]:
        """Return one list of orders for each task that is to be."""
        return list(dag_run.conf["one_task_each"])

    BitgetBatchCancelOperator.partial(task_id="one_task_each").expand(orders=lists())

    @task
    def numbers(dag_run: Any = None) -> list[int]:
        """Return a number for each list of the second task."""
        return list(range(len(dag_run.conf["one_task_for_all"])))

    @task
    def one_list(number: int, dag_run: Any = None) -> list[dict[str, str]]:
        """Return one of the lists."""
        return list(dag_run.conf["one_task_for_all"][number])

    BitgetBatchCancelOperator(task_id="one_task_for_all", orders=one_list.expand(number=numbers()))
