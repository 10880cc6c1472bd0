# SPDX-License-Identifier: Apache-2.0
"""A list of what is open feeds a cancel, and mapped lists feed mapped cancels."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_bitget.operators.bitget import (
    BitgetBatchCancelOperator,
    BitgetCancelAllOrdersOperator,
    BitgetClosePositionsOperator,
    BitgetListOpenOrdersOperator,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
QUICK = {"lookback_days": 90}

with DAG(dag_id="listed_orders", schedule=None, start_date=START, catchup=False, default_args=QUICK):
    one_symbol = BitgetListOpenOrdersOperator(
        task_id="open_orders", symbol="{{ dag_run.conf['symbol'] }}", plan_orders=True
    )
    BitgetBatchCancelOperator(task_id="cancel", orders=one_symbol.output)

    each_symbol = BitgetListOpenOrdersOperator.partial(task_id="open_orders_each").expand(symbol=["ETHUSDT", "SOLUSDT"])
    BitgetBatchCancelOperator.partial(task_id="cancel_each").expand(orders=each_symbol.output)

with DAG(dag_id="all_of_some_symbols", schedule=None, start_date=START, catchup=False, default_args=QUICK):
    cancel = BitgetCancelAllOrdersOperator.partial(task_id="cancel_all", settle=0).expand(symbol=["BTCUSDT", "ETHUSDT"])
    close = BitgetClosePositionsOperator(task_id="close", all_symbols=True, exclude_symbols=["SOLUSDT"])
    cancel >> close
