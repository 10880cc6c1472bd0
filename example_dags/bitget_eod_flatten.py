# SPDX-License-Identifier: Apache-2.0
"""Flatten an account at the end of the UTC day: no order, no plan order, no position is left, and a page proves it.

Copy this file into your DAGs folder. It needs one connection, ``bitget_default``; as an environment variable:

.. code-block:: bash

    export AIRFLOW_CONN_BITGET_DEFAULT='{
        "conn_type": "bitget",
        "login": "<API key>",
        "password": "<API secret>",
        "extra": {"passphrase": "<API passphrase>", "demo_trading": true}
    }'

``demo_trading: true`` needs a demo key and trades no money. Leave it away only after a run that you believed:
everything in ``PRODUCT_TYPES`` is cancelled, and **every position is closed at market price**. Nothing is ever placed.

A red run means that the account is not proven to be flat. What is left, why, and what to do about it stands on the page
and in the XCom of ``flatten_account.report``.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_bitget.task_groups.flatten import flatten_account

# Everything in these is cancelled and closed. A literal, on purpose: nothing that is rendered may widen it.
PRODUCT_TYPES = ["USDT-FUTURES"]

# Where the page goes. All workers and all readers must reach it: with more than one machine name a bucket, such as
# "s3://aws_default@my-bucket/bitget-reports" (with the provider of that storage installed).
REPORTS = str(Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "bitget-reports")

# "default_pool" is there in every Airflow. Other tasks can fill it and keep this DAG waiting at midnight, so give it a
# pool of its own: airflow pools set bitget 8 "Calls to Bitget", then POOL = "bitget". A task whose pool does not exist
# is never started.
POOL = "default_pool"

with DAG(
    dag_id="bitget_eod_flatten",
    description="Cancel all orders, close all positions, prove that nothing is left",
    doc_md=__doc__,
    # 23:55 UTC, because start_date is in UTC. In some hours of some days the exchange releases software and answers
    # less well; this is none of them.
    schedule="55 23 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    # A day that was missed is over: only now counts. The last one excepted: when the DAG is switched on, at whatever
    # hour, Airflow starts the run of last night.
    catchup=False,
    # Two runs at once would cancel and close each other's orders.
    max_active_runs=1,
    tags=["bitget"],
):
    # It can be triggered by hand at any time: nothing here asks for the day of the run. With simulate=True it sends
    # nothing and the page shows what is open. For several accounts:
    # flatten_account.partial(product_types=PRODUCT_TYPES, ...).expand(bitget_conn_id=["desk_a", "desk_b"])
    flatten_account(
        bitget_conn_id="bitget_default",
        product_types=PRODUCT_TYPES,
        report_path=REPORTS,
        pool=POOL,
    )
