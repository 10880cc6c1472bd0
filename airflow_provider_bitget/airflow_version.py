# SPDX-License-Identifier: Apache-2.0
"""The oldest Airflow that this provider works beside. Each package that imports Airflow asks for it first."""

from __future__ import annotations

from typing import Final

from airflow import __version__ as airflow_version

from airflow_provider_bitget import __version__

OLDEST: Final = (2, 11)


def require_airflow() -> None:
    """Say in one line what is too old, where pip was told not to look.

    :raises RuntimeError: Airflow is older than 2.11. The next import would fail with something less clear.
    """
    major, minor, *_ = airflow_version.split(".")
    if (int(major), int(minor)) < OLDEST:
        raise RuntimeError(
            f"airflow-provider-bitget {__version__} needs Airflow {OLDEST[0]}.{OLDEST[1]} or newer, and this is "
            f"{airflow_version}: pip install 'apache-airflow>={OLDEST[0]}.{OLDEST[1]}'"
        )
