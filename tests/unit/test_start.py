# SPDX-License-Identifier: Apache-2.0
"""Somebody follows ``docs/start.md`` and ``docs/testing.md`` word by word, in an Airflow of their own."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_bitget.sandbox import KINDS, Sandbox, SandboxControl
from tests.airflow_version import AIRFLOW
from tests.unit.markdown import Page

START = Page("docs/start.md")
TESTING = Page("docs/testing.md")
CONNECTION, LIMITS, FLATTEN = Page("docs/connection.md"), Page("docs/limits.md"), Page("docs/flatten.md")

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


def in_a_shell(folder: Path, *blocks: str, sandbox: Sandbox) -> subprocess.CompletedProcess[str]:
    """Paste blocks into a shell in somebody's folder, who has started a sandbox and pasted the line that it prints."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "PYTEST_"))}
    found = f"{Path(sys.executable).parent}{os.pathsep}{clean['PATH']}"
    given = {"PATH": found, "TMPDIR": str(folder), "AIRFLOW_CONN_BITGET_DEFAULT": sandbox.connection_json}
    pasted = "\n".join(blocks)
    return subprocess.run(
        ["/usr/bin/env", "bash", "-euo", "pipefail", "-c", pasted.replace("http://127.0.0.1:8787", sandbox.url)],
        cwd=folder,
        env=clean | given,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """The exchange of the start's second step."""
    command = START.the_block("bash", "airflow_provider_bitget.sandbox --port")
    (orders,) = re.findall(r"--orders (\d+)", command)
    with Sandbox(orders=int(orders)) as exchange:
        yield exchange


def test_whoever_pastes_the_start_sees_the_orders_cancelled_that_it_tells(users_folder: Path, sandbox: Sandbox) -> None:
    others = {row["orderId"] for row in sandbox.open_orders()} - {
        row["orderId"] for row in sandbox.open_orders("BTCUSDT")
    }
    (promised,) = re.findall(r"`cancel` reports (\d+) cancelled orders", START.text)
    assert len(sandbox.open_orders("BTCUSDT")) == int(promised)

    pasted = in_a_shell(
        users_folder,
        START.the_block("bash", "airflow dags test"),
        START.the_block("bash", "sandbox books"),
        CONNECTION.the_block("bash", "airflow connections test"),
        # And what is set up next.
        CONNECTION.the_block("bash", "airflow connections add"),
        LIMITS.the_block("bash", "airflow pools set"),
        FLATTEN.the_block("bash", "airflow pools set"),
        sandbox=sandbox,
    )

    assert pasted.returncode == 0, f"{pasted.stdout[-4000:]}{pasted.stderr[-4000:]}"
    assert {row["orderId"] for row in sandbox.open_orders()} == others
    assert SandboxControl(sandbox.url).orders(symbol="BTCUSDT") == []
    assert "Connection success!" in pasted.stdout
    (database,) = users_folder.glob("*/airflow.db")
    assert rows_in(database, "SELECT pool, slots FROM slot_pool WHERE pool LIKE 'bitget%'") == {
        ("bitget_api", 1),
        ("bitget", 8),
    }
    assert rows_in(database, "SELECT conn_id, conn_type, login FROM connection WHERE conn_id LIKE 'bitget%'") == {
        ("bitget_default", "bitget", "<API key>")
    }


def test_whoever_pastes_the_test_sees_every_one_pass(users_folder: Path, sandbox: Sandbox) -> None:
    pasted = in_a_shell(users_folder, TESTING.the_block("bash", "pytest tests/"), sandbox=sandbox)

    tests = len(re.findall(r"^def test_", TEST, re.MULTILINE))
    assert f"{tests} passed" in pasted.stdout, f"{pasted.stdout[-4000:]}{pasted.stderr[-4000:]}"
    assert (pasted.returncode, tests >= 3) == (0, True)


def rows_in(database: Path, query: str) -> set[tuple[Any, ...]]:
    """Return what a query finds in Airflow's own database."""
    with closing(sqlite3.connect(database)) as connection:
        return set(connection.execute(query).fetchall())


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
