# SPDX-License-Identifier: Apache-2.0
"""Somebody follows ``docs/start.md`` and ``docs/testing.md`` word by word, in an Airflow of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_provider_bitget.sandbox import KINDS, Sandbox, SandboxControl
from tests.airflow_version import AIRFLOW
from tests.unit.markdown import Page

START = Page("docs/start.md")
TESTING = Page("docs/testing.md")

DAG_FILE = "dags/close_of_day.py"
DAG = START.the_block("python", 'dag_id="close_of_day"')
TEST_FILE = "tests/test_close_of_day.py"
TEST = TESTING.the_block("python", "Sandbox(")


@pytest.fixture
def users_folder(tmp_path: Path) -> Path:
    """A folder in which somebody saved the programs under the names that the pages give them."""
    for page, name, block in ((START, DAG_FILE, DAG), (TESTING, TEST_FILE, TEST)):
        assert f"`{name}`" in page.text
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(beside_this_airflow(block))
    return tmp_path


def beside_this_airflow(program: str) -> str:
    """Return what somebody with this Airflow makes of a program: a comment says what older ones need."""
    if AIRFLOW >= (3, 2):
        return program
    return re.sub(r"^from [\w.]+ import DagBag  # before Airflow 3\.2: (.*)$", r"\1", program, flags=re.MULTILINE)


def run_as_user(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a module in somebody's own Airflow home."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "PYTEST_"))}
    environment |= {
        "AIRFLOW_HOME": str(folder / "home"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env=environment | variables,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """The exchange of the start's second step."""
    command = START.the_block("bash", "airflow_provider_bitget.sandbox --port")
    (orders,) = re.findall(r"--orders (\d+)", command)
    with Sandbox(orders=int(orders)) as exchange:
        yield exchange


def test_whoever_pastes_dag_and_test_sees_orders_cancelled_and_every_test_pass(
    users_folder: Path, sandbox: Sandbox
) -> None:
    others = {row["orderId"] for row in sandbox.open_orders()} - {
        row["orderId"] for row in sandbox.open_orders("BTCUSDT")
    }

    migrated = run_as_user(users_folder, "airflow", "db", "migrate")
    assert migrated.returncode == 0, migrated.stderr

    # The steps of the start.
    (promised,) = re.findall(r"`cancel` reports (\d+) cancelled orders", START.text)
    assert len(sandbox.open_orders("BTCUSDT")) == int(promised)
    ran = run_as_user(
        users_folder, "airflow", "dags", "test", "close_of_day", AIRFLOW_CONN_BITGET_DEFAULT=sandbox.connection_json
    )
    assert ran.returncode == 0, ran.stdout[-4000:]
    assert {row["orderId"] for row in sandbox.open_orders()} == others
    books = run_as_user(users_folder, "airflow_provider_bitget.sandbox", "books", "--url", sandbox.url)
    assert books.returncode == 0
    assert SandboxControl(sandbox.url).orders(symbol="BTCUSDT") == []

    # The test to paste.
    tested = run_as_user(users_folder, "pytest", "-p", "no:cacheprovider", TEST_FILE)
    tests = len(re.findall(r"^def test_", TEST, re.MULTILINE))
    assert f"{tests} passed" in tested.stdout, tested.stdout[-4000:]
    assert (tested.returncode, tests >= 3) == (0, True)


@pytest.mark.parametrize("page", [START, TESTING], ids=str)
@pytest.mark.parametrize("subcommand", [[], ["books"]], ids=["serve", "books"])
def test_the_sandboxs_command_line_takes_the_options_of_the_page(page: Page, subcommand: list[str]) -> None:
    module = ["airflow_provider_bitget.sandbox", *subcommand]
    told = re.findall(r"--[a-z-]+", page.the_block("bash", " ".join([*module, "--"])))
    shown = subprocess.run(
        [sys.executable, "-m", *module, "--help"], check=True, capture_output=True, text=True, timeout=30
    ).stdout

    assert told
    assert set(told) - set(re.findall(r"--[a-z-]+", shown)) == set()


def test_the_sandbox_has_every_member_that_the_page_names() -> None:
    (sentence,) = re.findall(r"`Sandbox` also has (.*?):", TESTING.text, re.DOTALL)
    names = re.findall(r"`(\w+)(?:\(\))?`", sentence)

    assert len(names) >= 5
    assert [name for name in names if not hasattr(Sandbox, name)] == []


def test_every_fault_in_the_test_to_paste_exists() -> None:
    injected = re.findall(r'inject\("(\w+)"', TEST)

    assert injected
    assert set(injected) - set(KINDS) == set()
