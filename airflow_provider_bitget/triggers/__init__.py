# SPDX-License-Identifier: Apache-2.0
"""Triggers: the same waits, without a worker."""

from airflow_provider_bitget.airflow_version import require_airflow

require_airflow()
