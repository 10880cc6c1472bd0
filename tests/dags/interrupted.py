# SPDX-License-Identifier: Apache-2.0
"""A cancel that is given two seconds by Airflow, and one that is given all the time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_bitget.operators.bitget import BitgetBatchCancelOperator

for dag_id, execution_timeout in (("cut_short", timedelta(seconds=2)), ("unhurried", None)):
    with DAG(dag_id=dag_id, schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False):

        @task
        def orders(dag_run: Any = None) -> list[Any]:
            """Return what the run was given."""
            return list(dag_run.conf["orders"])

        BitgetBatchCancelOperator(
            task_id="cancel", orders=orders(), symbol="BTCUSDT", execution_timeout=execution_timeout
        )
