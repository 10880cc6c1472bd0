# SPDX-License-Identifier: Apache-2.0
"""The same cancel under ``on_failure="fail"`` and ``"warn"``; the orders and the scope come with the run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_bitget.operators.bitget import BitgetBatchCancelOperator

for verdict in ("fail", "warn"):
    with DAG(
        dag_id=f"{verdict}_on_failure",
        schedule=None,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
    ):

        @task
        def orders(dag_run: Any = None) -> list[Any] | None:
            """Return what the run was given."""
            given: list[Any] | None = dag_run.conf["orders"]
            return given

        cancel = BitgetBatchCancelOperator(
            task_id="cancel",
            orders=orders(),
            symbol="{{ dag_run.conf.get('symbol', 'BTCUSDT') }}",
            product_type="{{ dag_run.conf.get('product_type', 'USDT-FUTURES') }}",
            on_failure=verdict,
        )

        @task(trigger_rule="all_done")
        def read_report(report: Any) -> Any:
            """Return the report as the next task of a user's DAG gets it."""
            return report

        read_report(cancel.output)
