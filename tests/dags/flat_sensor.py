# SPDX-License-Identifier: Apache-2.0
"""Wait until an account is flat, in each way in which a sensor can wait."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.providers.common.compat.sdk import DAG, Asset

from airflow_provider_bitget.sensors.bitget import BitgetFlatSensor

WAYS: dict[str, dict[str, Any]] = {
    "poke": {"mode": "poke"},
    "reschedule": {"mode": "reschedule"},
    "deferrable": {"deferrable": True},
}

for way, arguments in WAYS.items():
    with DAG(
        dag_id=f"flat_{way}",
        schedule=None,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
    ):
        BitgetFlatSensor(
            task_id="wait",
            all_symbols=True,
            poke_interval=1,
            timeout=300,
            outlets=[Asset("bitget://test/waited")],
            **arguments,
        )
