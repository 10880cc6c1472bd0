# SPDX-License-Identifier: Apache-2.0
"""Apache Airflow provider for the Bitget futures exchange."""

__version__ = "0.1.0"
