# SPDX-License-Identifier: Apache-2.0
"""One account's orders in eight lists, each cancelled by a mapped task: with one limit, and with a pool of one slot."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_bitget.operators.bitget import BitgetBatchCancelOperator

TASKS = 8
PATIENCE = 120.0


class TogetherCancelOperator(BitgetBatchCancelOperator):
    """Begins when all mapped tasks of its run are there and warm."""

    def execute(self, context: Any) -> Any:
        """Warm up, wait for the others, then cancel."""
        import redis

        from airflow_provider_bitget.hooks.bitget import BitgetHook

        import_module("airflow_provider_bitget.trading.batch_cancel")
        BitgetHook(self.bitget_conn_id).list_positions(product_type="USDT-FUTURES")
        barrier = redis.Redis.from_url(os.environ["BARRIER"])
        name = f"barrier {context['run_id']}"
        barrier.incr(name)
        end = time.monotonic() + PATIENCE
        # A task that is tried again finds the others gone, and the number reached.
        while int(barrier.get(name) or 0) < TASKS:
            if time.monotonic() > end:
                raise TimeoutError("not all tasks came to the barrier")
            time.sleep(0.02)
        return super().execute(context)


@task
def lists() -> list[list[dict[str, str]]]:
    """Return the orders in eight lists."""
    orders = json.loads(Path(os.environ["ORDERS"]).read_text())
    return [orders[number::TASKS] for number in range(TASKS)]


ARGUMENTS: dict[str, Any] = {
    "start_date": datetime(2026, 1, 1, tzinfo=UTC),
    "catchup": False,
    "default_args": {"retries": 2, "retry_delay": timedelta(seconds=2)},
}

with DAG(dag_id="one_limit", schedule=None, **ARGUMENTS):
    TogetherCancelOperator.partial(
        task_id="cancel", bitget_conn_id="bitget_shared", product_type="USDT-FUTURES"
    ).expand(orders=lists())

with DAG(dag_id="one_slot", schedule=None, **ARGUMENTS):
    BitgetBatchCancelOperator.partial(
        task_id="cancel", bitget_conn_id="bitget_alone", product_type="USDT-FUTURES", pool="bitget_api"
    ).expand(orders=lists())
