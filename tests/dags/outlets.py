# SPDX-License-Identifier: Apache-2.0
"""Operators with outlets; the orders and the verdict come with the run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.providers.common.compat.sdk import DAG, Asset, task

from airflow_provider_bitget.operators.bitget import BitgetBatchCancelOperator, BitgetListOpenOrdersOperator

LISTED, CANCELLED = Asset("bitget://test/listed"), Asset("bitget://test/cancelled")

for dag_id, arguments in {
    "cancel_and_tell": {},
    "cancel_and_tell_with_a_warning": {"on_failure": "warn"},
    "cancel_and_tell_simulated": {"simulate": True},
}.items():
    with DAG(dag_id=dag_id, schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False):
        orders = BitgetListOpenOrdersOperator(task_id="list", all_symbols=True, lookback_days=90, outlets=[LISTED])
        BitgetBatchCancelOperator(task_id="cancel", orders=orders.output, outlets=[CANCELLED], **arguments)  # type: ignore[arg-type]

with DAG(dag_id="cancel_lists_and_tell", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False):

    @task
    def lists(dag_run: Any = None) -> list[Any]:
        """Return the lists of orders that the run was given."""
        return list(dag_run.conf["lists"])

    BitgetBatchCancelOperator.partial(task_id="cancel", outlets=[CANCELLED]).expand(orders=lists())
