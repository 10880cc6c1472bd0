# SPDX-License-Identifier: Apache-2.0
"""A cancel task with one retry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_bitget.operators.bitget import BitgetBatchCancelOperator

with DAG(dag_id="retried", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False):

    @task
    def orders(dag_run: Any = None) -> list[Any]:
        """Return what the run was given."""
        return list(dag_run.conf["orders"])

    BitgetBatchCancelOperator(
        task_id="cancel",
        orders=orders(),
        retries=1,
        retry_delay=timedelta(seconds=1),
    )
