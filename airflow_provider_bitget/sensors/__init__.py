# SPDX-License-Identifier: Apache-2.0
"""Sensors: what a DAG waits for on the exchange."""

from airflow_provider_bitget.airflow_version import require_airflow

require_airflow()
