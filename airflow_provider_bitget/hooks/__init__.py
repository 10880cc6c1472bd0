# SPDX-License-Identifier: Apache-2.0
"""Hooks: from an Airflow connection to a signed session."""

from airflow_provider_bitget.airflow_version import require_airflow

require_airflow()
