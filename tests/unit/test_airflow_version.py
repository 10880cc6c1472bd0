# SPDX-License-Identifier: Apache-2.0
"""An Airflow that is too old: one line that says what to install, whichever part of the provider meets it first."""

from __future__ import annotations

import subprocess
import sys

import pytest

from airflow_provider_bitget import __version__


def imported_beside(version: str, module: str) -> subprocess.CompletedProcess[str]:
    """Import a module in a process whose Airflow says that it is of another version."""
    program = f"import airflow; airflow.__version__ = {version!r}; import airflow_provider_bitget.{module}"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    "module",
    [
        "hooks.bitget", "operators.bitget", "sensors.bitget", "triggers.bitget", "task_groups.flatten", "retry_policy",
    ],
)  # fmt: skip
def test_an_airflow_that_is_too_old_is_told_what_to_install(module: str) -> None:
    run = imported_beside("2.10.5", module)

    assert run.returncode == 1
    assert run.stderr.splitlines()[-1] == (
        f"RuntimeError: airflow-provider-bitget {__version__} needs Airflow 2.11 or newer, and this is 2.10.5: "
        "pip install 'apache-airflow>=2.11'"
    )


@pytest.mark.parametrize("version", ["2.11.0", "2.11.1.dev0", "3.0.0", "3.10.1", "4.0.0b1"])
def test_every_newer_airflow_is_taken(version: str) -> None:
    assert imported_beside(version, "hooks").returncode == 0


def test_what_needs_no_airflow_asks_for_none() -> None:
    assert imported_beside("2.10.5", "sandbox").returncode == 0
    assert imported_beside("2.10.5", "get_provider_info").returncode == 0
