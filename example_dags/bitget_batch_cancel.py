# SPDX-License-Identifier: Apache-2.0
"""Take every resting futures order off the exchange at the end of the UTC day, and read what became of each.

Copy this file into your DAGs folder. It needs one connection, ``bitget_default``; as an environment variable:

.. code-block:: bash

    export AIRFLOW_CONN_BITGET_DEFAULT='{
        "conn_type": "bitget",
        "login": "<API key>",
        "password": "<API secret>",
        "extra": {"passphrase": "<API passphrase>", "demo_trading": true}
    }'

``demo_trading: true`` needs a demo key and trades no money. Leave it away only after a run that you believed.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_bitget.operators.bitget import BitgetBatchCancelOperator

PRODUCT_TYPE = "USDT-FUTURES"

log = logging.getLogger(__name__)

with DAG(
    dag_id="bitget_batch_cancel",
    description="Cancel the open futures orders at the end of the day",
    doc_md=__doc__,
    schedule="55 23 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["bitget"],
):

    @task
    def open_orders(product_type: str) -> list[dict[str, str]]:
        """Return the orders to cancel: here, all that rest now. Replace it with your own choice."""
        from airflow_provider_bitget.hooks.bitget import BitgetHook

        orders = BitgetHook().list_open_orders(product_type=product_type)
        return [{"orderId": order["orderId"], "symbol": order["symbol"]} for order in orders]

    cancel = BitgetBatchCancelOperator(
        task_id="cancel",
        orders=open_orders(PRODUCT_TYPE),
        product_type=PRODUCT_TYPE,
        # Green means: every order that was asked for is proven to be off the exchange.
        on_failure="fail",
        # A second try is safe. It sends what is left and ends with the truth.
        retries=2,
        retry_delay=timedelta(seconds=15),
    )

    @task(trigger_rule="all_done")
    def read_report(report: Any) -> dict[str, int]:
        """Log the counts and every order that is not done.

        It runs after a failure, too. Airflow judges a run by its last task: an order that is left must fail it.
        """
        if report is None:
            raise RuntimeError("The cancel task left no report: nothing was asked of the exchange.")
        counts: dict[str, int] = report["counts"]
        log.info("Bitget batch cancel, %s: %s", report["product_type"], counts)
        for outcome in ("failed", "unresolved"):
            for order in report[outcome]:
                log.warning("%s: %s %s: %s", outcome, order["symbol"], order["orderId"], order["errorMsg"])
        left = 0 if report["simulated"] else counts["failed"] + counts["unresolved"]
        if left:
            raise RuntimeError(f"{left} of {counts['requested']} orders are not proven to be off the exchange.")
        return counts

    read_report(cancel.output)
