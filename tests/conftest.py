# SPDX-License-Identifier: Apache-2.0
"""Gives Airflow a temporary home before anything imports it: no test touches anybody's installation."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from airflow_provider_bitget.sandbox.accounts import numbered_account
from tests.airflow_version import without_airflows_own_telling

REPOSITORY = Path(__file__).resolve().parents[1]
AIRFLOW_HOME = Path(tempfile.mkdtemp(prefix="bitget-tests-"))
atexit.register(shutil.rmtree, AIRFLOW_HOME, ignore_errors=True)
# Airflow runs only what lies in its DAGs folder: the examples and the DAGs of the tests, side by side.
DAGS_FOLDER = AIRFLOW_HOME / "dags"
for _folder in (REPOSITORY / "example_dags", REPOSITORY / "tests" / "dags"):
    shutil.copytree(_folder, DAGS_FOLDER, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))

for _name in [name for name in os.environ if name.startswith("AIRFLOW_")]:
    del os.environ[_name]
os.environ.update(
    {
        "AIRFLOW_HOME": str(AIRFLOW_HOME),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS_FOLDER),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{AIRFLOW_HOME / 'airflow.db'}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(AIRFLOW_HOME / "logs"),
        "NO_PROXY": "127.0.0.1,localhost",
    }
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes ``-n auto`` starts: two for each core, since most tests wait most of the time."""
    return 2 * (os.cpu_count() or 1)


@pytest.fixture(scope="session")
def airflow_database() -> Path:
    """A migrated metadata database in the temporary home."""
    from airflow.utils.db import upgradedb

    upgradedb()
    return AIRFLOW_HOME / "airflow.db"


# Every secret that the suite uses: the sandbox's made-up accounts. None of them may be printed or logged by anything.
_SECRETS = tuple(
    part
    for number in range(1, 9)
    for account in (numbered_account(number), numbered_account(number, demo=True))
    for part in (account.secret, account.passphrase)
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail any test during which a secret was printed, logged, or shown in a failure's text."""
    report = yield
    written = without_airflows_own_telling("\n".join(text for _, text in report.sections))
    shown = str(report.longrepr or "") if report.failed else ""
    for secret in _SECRETS:
        if secret in written or secret in shown:
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} ({report.when}): a secret was printed, logged or shown in a message"
    return report
