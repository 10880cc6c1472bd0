# SPDX-License-Identifier: Apache-2.0
"""Which Airflow runs the tests on which Python, and the table of what has been run."""
