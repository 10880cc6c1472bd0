# SPDX-License-Identifier: Apache-2.0
"""The README keeps its word: what it says to paste runs as it stands, what it names is there.

What it has in common with every other page (links, connections, examples that run) is in ``test_docs.py``.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_bitget.operators import bitget as operators
from airflow_provider_bitget.operators import exceptions
from airflow_provider_bitget.sandbox import KINDS, Sandbox, demo
from airflow_provider_bitget.sensors.bitget import BitgetFlatSensor
from tests.unit.markdown import REPOSITORY, Page, tables
from tests.wheel_in_empty_environment import AIRFLOW_VERSIONS

README = Page("README.md")
DAGS = {
    name: README.the_block("python", f'dag_id="{name.removesuffix(".py")}"')
    for name in ("close_of_day.py", "end_of_day.py")
}
TEST_FILE = "test_close_of_day.py"
TEST = README.the_block("python", "Sandbox(")


# ------------------------------------------------------------------------------------------------------- code


READ_THE_DAG = """
import json, sys, warnings
import airflow
from airflow.dag_processing.dagbag import DagBag
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    bag = DagBag(sys.argv[1])
print(json.dumps({
    "errors": bag.import_errors,
    "tasks": {dag_id: sorted(dag.task_ids) for dag_id, dag in bag.dags.items()},
    "warnings": [f"{warning.filename}: {warning.message}" for warning in caught],
}))
"""


def test_both_dags_are_read_by_airflow_without_an_error_or_a_warning_of_ours(
    airflow_database: object, tmp_path: Path
) -> None:
    for name, block in DAGS.items():
        (tmp_path / name).write_text(block)

    output = subprocess.run(
        [sys.executable, "-c", READ_THE_DAG, str(tmp_path)], check=True, capture_output=True, text=True, timeout=60
    ).stdout
    read = json.loads(output.splitlines()[-1])

    assert read["errors"] == {}
    assert read["tasks"]["close_of_day"] == ["cancel", "orders_to_cancel", "read_report"]
    assert {"flatten_account.close_usdt_futures", "flatten_account.report"} <= set(read["tasks"]["end_of_day"])
    ours = (str(tmp_path), str(REPOSITORY))
    assert [warning for warning in read["warnings"] if warning.startswith(ours)] == []


@pytest.fixture
def users_folder(tmp_path: Path) -> Path:
    """A folder in which somebody saved the programs under the names that the README gives them."""
    programs = {f"dags/{name}": block for name, block in DAGS.items()} | {f"tests/{TEST_FILE}": TEST}
    for name, block in programs.items():
        assert f"`{name}`" in README.text
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(block)
    return tmp_path


def run_as_user(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
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
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_a_user_who_pastes_dag_and_test_sees_every_test_pass(users_folder: Path) -> None:
    migrated = run_as_user(users_folder, "airflow", "db", "migrate")
    assert migrated.returncode == 0, migrated.stderr

    tested = run_as_user(users_folder, "pytest", "-p", "no:cacheprovider", f"tests/{TEST_FILE}")

    promised = len(re.findall(r"^def test_", TEST, re.MULTILINE))
    assert f"{promised} passed" in tested.stdout, tested.stdout[-4000:]
    assert (tested.returncode, promised >= 3) == (0, True)


# ---------------------------------------------------------------------------------------- commands and names


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    in_code = re.findall(r"`make ([a-z-]+)", README.text) + re.findall(
        r"^make ([a-z-]+)", "".join(README.blocks("bash")), re.MULTILINE
    )

    assert {"demo", "test", "dist"} <= set(in_code)
    assert set(in_code) - targets == set()


def test_the_demo_that_is_shown_is_the_one_that_runs() -> None:
    shown = README.the_block("text", "Sandbox exchange at")

    assert f"dags test {demo.DAG_ID}" in shown
    assert shown.rstrip().splitlines()[-1].startswith("OK: the account is flat")
    assert f"`{demo.REPORT_FOLDER}/`" in README.section("Two commands")


def test_every_operator_sensor_and_exception_is_named() -> None:
    names = [*operators.__all__, BitgetFlatSensor.__name__]
    names += [name for name, kind in vars(exceptions).items() if getattr(kind, "__module__", "") == exceptions.__name__]

    assert len(names) >= 8
    assert [name for name in names if f"`{name}`" not in README.text] == []


@pytest.mark.parametrize("subcommand", [[], ["books"]], ids=["serve", "books"])
def test_the_sandboxs_command_line_takes_the_options_of_the_readme(subcommand: list[str]) -> None:
    module = ["airflow_provider_bitget.sandbox", *subcommand]
    command = README.the_block("bash", " ".join([*module, "--"]))
    told = re.findall(r"--[a-z-]+", command)
    shown = subprocess.run(
        [sys.executable, "-m", *module, "--help"], check=True, capture_output=True, text=True, timeout=30
    ).stdout

    assert told
    assert set(told) - set(re.findall(r"--[a-z-]+", shown)) == set()


def test_the_sandbox_has_every_member_that_the_readme_names() -> None:
    (sentence,) = re.findall(r"`Sandbox` also has (.*?);", README.text, re.DOTALL)
    names = re.findall(r"`(\w+)(?:\(\))?`", sentence)

    assert len(names) >= 5
    assert [name for name in names if not hasattr(Sandbox, name)] == []


def test_every_fault_in_the_test_to_paste_exists() -> None:
    injected = re.findall(r'inject\("(\w+)"', TEST)

    assert injected
    assert set(injected) - set(KINDS) == set()


def test_the_supported_versions_are_those_that_are_tested() -> None:
    (pinned,) = re.findall(r"^apache-airflow==(.+)$", (REPOSITORY / "constraints.txt").read_text(), re.MULTILINE)
    (rows,) = tables(README.section("Supported versions"))
    told = " ".join(name for name, _ in rows)

    assert f"Airflow {pinned}, Python 3.11" in told
    assert {version for version in AIRFLOW_VERSIONS if f"Airflow {version}" in told} == set(AIRFLOW_VERSIONS)


def test_the_table_at_the_end_links_what_it_names() -> None:
    (rows,) = tables(README.section("Licence and where to look next"))

    assert [name for name, _ in rows if name != f"[{name[1:].partition(']')[0]}]({name[1:].partition(']')[0]})"] == []
