# SPDX-License-Identifier: Apache-2.0
"""Task groups: whole pipelines for a DAG."""

from airflow_provider_bitget.airflow_version import require_airflow

require_airflow()
