# SPDX-License-Identifier: Apache-2.0
"""Every way in which a DAG's author can hand over a list of orders, with and without native rendering.

Each task cancels its own orders: the run's configuration holds a list of ``{"orderId", "symbol"}`` under the
task's id. The two lists that are written into the DAG itself take as many as there are rows below.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_bitget.operators.bitget import BitgetBatchCancelOperator

SYMBOL = "BTCUSDT"
ROWS = range(3)


def written_out(task_id: str, row: int, field: str) -> str:
    """Return the template of one value of the run's configuration."""
    return f"{{{{ dag_run.conf['{task_id}'][{row}]['{field}'] }}}}"


for native in (False, True):
    with DAG(
        dag_id="forms_of_orders_native" if native else "forms_of_orders",
        schedule=None,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        render_template_as_native_obj=native,
    ):

        @task
        def mappings(task_id: str, dag_run: Any = None) -> list[dict[str, str]]:
            """Return the orders as rows of an exchange's answer."""
            return list(dag_run.conf[task_id])

        @task
        def ids(task_id: str, dag_run: Any = None) -> list[str]:
            """Return only the orders' ids."""
            return [order["orderId"] for order in dag_run.conf[task_id]]

        for_string = mappings.override(task_id="mappings_for_jinja_string")("jinja_string")
        jinja_string = BitgetBatchCancelOperator(
            task_id="jinja_string", orders="{{ ti.xcom_pull(task_ids='mappings_for_jinja_string') }}"
        )
        for_string >> jinja_string

        ids_for_string = ids.override(task_id="ids_for_jinja_string")("jinja_string_of_ids")
        jinja_string_of_ids = BitgetBatchCancelOperator(
            task_id="jinja_string_of_ids",
            orders="{{ ti.xcom_pull(task_ids='ids_for_jinja_string') }}",
            symbol=SYMBOL,
        )
        ids_for_string >> jinja_string_of_ids

        BitgetBatchCancelOperator(
            task_id="xcom_arg_of_mappings",
            orders=mappings.override(task_id="mappings_for_xcom_arg")("xcom_arg_of_mappings"),
        )
        BitgetBatchCancelOperator(
            task_id="xcom_arg_of_ids",
            orders=ids.override(task_id="ids_for_xcom_arg")("xcom_arg_of_ids"),
            symbol=SYMBOL,
        )
        BitgetBatchCancelOperator(
            task_id="list_of_mappings",
            orders=[
                {
                    "orderId": written_out("list_of_mappings", row, "orderId"),
                    "symbol": written_out("list_of_mappings", row, "symbol"),
                }
                for row in ROWS
            ],
        )
        BitgetBatchCancelOperator(
            task_id="list_of_ids",
            orders=[written_out("list_of_ids", row, "orderId") for row in ROWS],
            symbol=SYMBOL,
        )
