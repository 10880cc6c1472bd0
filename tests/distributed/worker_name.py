# SPDX-License-Identifier: Apache-2.0
"""Gives each worker a name of its own: on one machine they all have the same host name."""

from __future__ import annotations

import os


def get() -> str:
    """Return it; what Airflow calls as its ``hostname_callable``."""
    return os.environ.get("WORKER_NAME", "127.0.0.1")
