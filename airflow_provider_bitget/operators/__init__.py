# SPDX-License-Identifier: Apache-2.0
"""Operators."""

from airflow_provider_bitget.airflow_version import require_airflow

require_airflow()
