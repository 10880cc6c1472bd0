# SPDX-License-Identifier: Apache-2.0
"""Lists without an order, and an XCom that is not there."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_bitget.operators.bitget import BitgetBatchCancelOperator

with DAG(dag_id="empty_orders", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False):

    @task
    def no_orders() -> list[str]:
        """Return an empty list."""
        return []

    @task
    def nothing() -> None:
        """Return nothing: no XCom is written."""

    empty = no_orders()
    for on_empty in ("success", "skip", "fail"):
        BitgetBatchCancelOperator(task_id=f"empty_{on_empty}", orders=empty, symbol="BTCUSDT", on_empty=on_empty)
    BitgetBatchCancelOperator(
        task_id="empty_string_of_a_list",
        orders="{{ ti.xcom_pull(task_ids='no_orders') }}",
        symbol="BTCUSDT",
    ).set_upstream(empty)

    missing = nothing()
    BitgetBatchCancelOperator(task_id="missing_xcom_arg", orders=missing, symbol="BTCUSDT")
    BitgetBatchCancelOperator(
        task_id="missing_jinja_string",
        orders="{{ ti.xcom_pull(task_ids='nothing') }}",
        symbol="BTCUSDT",
    ).set_upstream(missing)
    BitgetBatchCancelOperator(
        task_id="rendered_to_nothing", orders="{{ dag_run.conf.get('orders', '') }}", symbol="BTCUSDT"
    )
