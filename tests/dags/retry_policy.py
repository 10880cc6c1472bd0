# SPDX-License-Identifier: Apache-2.0
"""Tasks with the provider's retry policy, in haste. Without policies, before Airflow 3.3, there is no such DAG."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_bitget.hooks.bitget import BitgetHook
from airflow_provider_bitget.operators.bitget import BitgetBatchCancelOperator
from airflow_provider_bitget.retry_policy import bitget_retry_policy

try:
    policy: Any = bitget_retry_policy(soon=timedelta(seconds=1), later=timedelta(seconds=2))
except RuntimeError:
    policy = None

# The next try comes much later where the policy leaves it to this.
RETRY_DELAY = timedelta(seconds=60)


def a_dag(dag_id: str) -> DAG:
    """Return a DAG that runs when told."""
    return DAG(dag_id=dag_id, schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False)


if policy is not None:
    with a_dag("policy_of_a_hook"):

        @task(retries=2, retry_delay=RETRY_DELAY, retry_policy=policy)
        def list_orders() -> list[Any]:
            """List the orders in a task of a user's own, where the hook's exceptions reach Airflow as they are."""
            return list(BitgetHook().list_open_orders(product_type="USDT-FUTURES", symbol="BTCUSDT", deadline=3))

        list_orders()

    with a_dag("policy_of_an_operator"):
        BitgetBatchCancelOperator(
            task_id="cancel",
            orders="{{ dag_run.conf['orders'] | tojson }}",
            deadline=4,
            retries=2,
            retry_delay=RETRY_DELAY,
            retry_policy=policy,
        )
