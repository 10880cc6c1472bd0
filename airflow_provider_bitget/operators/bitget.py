# SPDX-License-Identifier: Apache-2.0
"""Operators for Bitget futures. Parsing a DAG imports nothing heavy: what a task needs is imported when it runs."""

from __future__ import annotations

from airflow_provider_bitget.operators.batch_cancel import BitgetBatchCancelOperator
from airflow_provider_bitget.operators.cancel_all import BitgetCancelAllOrdersOperator
from airflow_provider_bitget.operators.close_positions import BitgetClosePositionsOperator
from airflow_provider_bitget.operators.open_orders import BitgetListOpenOrdersOperator

__all__ = [
    "BitgetBatchCancelOperator",
    "BitgetCancelAllOrdersOperator",
    "BitgetClosePositionsOperator",
    "BitgetListOpenOrdersOperator",
]
