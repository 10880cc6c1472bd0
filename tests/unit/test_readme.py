# SPDX-License-Identifier: Apache-2.0
"""The README keeps its word: its programs run, its tables are the code's, its links lead somewhere."""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import runpy
import shlex
import subprocess
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import Connection

from airflow_provider_bitget.api.error_codes import ErrorCategory
from airflow_provider_bitget.hooks.connection import read_connection
from airflow_provider_bitget.operators.bitget import BitgetBatchCancelOperator
from airflow_provider_bitget.sandbox import Sandbox
from airflow_provider_bitget.trading.order_list import OrderRef
from airflow_provider_bitget.trading.report import Bucket, CancelReport, OrderOutcome, Unresolved
from tests.wheel_in_empty_environment import AIRFLOW_VERSIONS

REPOSITORY = Path(__file__).resolve().parents[2]
README = (REPOSITORY / "README.md").read_text()
DAG_FILE = "close_of_day.py"
TEST_FILE = "test_close_of_day.py"


def blocks(language: str) -> list[str]:
    """Return the README's code blocks in one language, in their order; indented ones without their indentation."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", README, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]


def the_block(language: str, containing: str) -> str:
    """Return the one block that holds this text."""
    (found,) = [block for block in blocks(language) if containing in block]
    return found


def section(title: str) -> str:
    """Return the text under one heading."""
    _, _, after = README.partition(f"\n## {title}\n")
    assert after, f"the README has no section {title}"
    return after.partition("\n## ")[0]


def tables(text: str) -> list[list[list[str]]]:
    """Return the rows of each table, without its heading."""
    found = re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    return [[_cells(line) for line in table.splitlines()[2:]] for table in found]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def code(cell: str) -> str:
    """Return what stands between the backticks of a cell."""
    return cell.strip("`")


# ------------------------------------------------------------------------------------------------------- code


def test_every_python_block_compiles_without_a_warning() -> None:
    found = blocks("python")

    assert len(found) >= 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for block in found:
            compile(block, "README.md", "exec")


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


def test_the_dag_is_read_by_airflow_without_an_error_or_a_warning_of_ours(
    airflow_database: object, tmp_path: Path
) -> None:
    (tmp_path / DAG_FILE).write_text(the_block("python", "with DAG("))

    output = subprocess.run(
        [sys.executable, "-c", READ_THE_DAG, str(tmp_path)], check=True, capture_output=True, text=True, timeout=60
    ).stdout
    read = json.loads(output.splitlines()[-1])

    assert read["errors"] == {}
    assert read["tasks"] == {"close_of_day": ["cancel", "orders_to_cancel", "read_report"]}
    ours = (str(tmp_path), str(REPOSITORY))
    assert [warning for warning in read["warnings"] if warning.startswith(ours)] == []


@pytest.fixture
def users_folder(tmp_path: Path) -> Path:
    """A folder in which somebody saved both programs under the names that the README gives them."""
    for name, block in (
        (f"dags/{DAG_FILE}", the_block("python", "with DAG(")),
        (f"tests/{TEST_FILE}", the_block("python", "Sandbox(")),
    ):
        assert f"`{name}`" in README
        (tmp_path / name).parent.mkdir()
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

    promised = len(re.findall(r"^def test_", the_block("python", "Sandbox("), re.MULTILINE))
    assert f"{promised} passed" in tested.stdout, tested.stdout[-4000:]
    assert (tested.returncode, promised >= 3) == (0, True)


# ------------------------------------------------------------------------------------------------- connection


def connection_in_the_readme() -> str:
    """Return the value of the variable in the line to paste, as a shell reads it."""
    (line,) = [
        line for block in blocks("bash") for line in block.splitlines() if "AIRFLOW_CONN_BITGET_DEFAULT=" in line
    ]
    command, assignment = shlex.split(line)
    assert command == "export"
    return assignment.partition("=")[2]


def test_the_line_to_paste_is_a_connection_to_demo_trading_at_bitget() -> None:
    connection = Connection.from_json(connection_in_the_readme(), conn_id="bitget_default")
    settings = read_connection(connection, connection.extra_dejson)

    assert connection.conn_type == "bitget"
    assert (settings.credentials.key, settings.credentials.secret) == ("<API key>", "<API secret>")
    assert settings.credentials.passphrase == "<API passphrase>"
    assert settings.demo_trading is True
    assert settings.base_url == "https://api.bitget.com"


def test_the_table_of_fields_names_the_form_as_airflow_draws_it(provider_info: Mapping[str, Any]) -> None:
    connection_type = provider_info["connection-types"][0]
    labels = dict(connection_type["ui-field-behaviour"]["relabeling"])
    labels |= {f"extra.{name}": field["label"] for name, field in connection_type["conn-fields"].items()}

    rows = tables(section("Connection"))[0]
    told = {re.findall(r"`([^`]+)`", in_json)[0]: label for _, label, in_json in rows}

    assert told == labels


@pytest.fixture
def provider_info() -> Mapping[str, Any]:
    found: Mapping[str, Any] = runpy.run_path(str(REPOSITORY / "airflow_provider_bitget" / "get_provider_info.py"))[
        "get_provider_info"
    ]()
    return found


# -------------------------------------------------------------------------------------------------- arguments


def test_the_table_of_arguments_is_the_operators_signature() -> None:
    signature = inspect.signature(inspect.unwrap(BitgetBatchCancelOperator.__init__))
    parameters = {
        name: parameter.default
        for name, parameter in signature.parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    assert "orders" in parameters

    (rows,) = tables(section("Arguments"))
    told = {
        code(name): inspect.Parameter.empty if default == "required" else ast.literal_eval(code(default))
        for name, default, *_ in rows
    }

    assert list(told) == list(parameters)
    assert told == parameters
    assert {name: type(default) for name, default in told.items()} == {
        name: type(default) for name, default in parameters.items()
    }


def test_the_table_of_arguments_says_which_are_templated() -> None:
    (rows,) = tables(section("Arguments"))

    assert {code(name) for name, _, templated, _ in rows if templated == "yes"} == set(
        BitgetBatchCancelOperator.template_fields
    )
    assert {templated for _, _, templated, _ in rows} == {"yes", "no"}


# ----------------------------------------------------------------------------------------------------- report


def shape(value: Any) -> Any:
    """Return keys and types without the values; of a list, the shapes that occur in it."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return type(value).__name__


def test_the_example_of_a_report_has_the_shape_of_a_report() -> None:
    order = OrderRef("1", "", "BTCUSDT")
    report = CancelReport("USDT-FUTURES", tuple(OrderOutcome(order, bucket) for bucket in Bucket), verified=True)

    example = json.loads(the_block("json", '"counts"'))

    assert shape(example) == shape(report.to_dict())
    assert list(example) == list(report.to_dict())
    assert example["counts"] == report.to_dict()["counts"]


def test_the_tables_of_the_report_explain_every_bucket_and_category() -> None:
    buckets, failed, unresolved = ([code(row[0]) for row in table] for table in tables(section("The report")))

    assert buckets == [bucket.value for bucket in Bucket]
    assert unresolved == [reason.value for reason in Unresolved]
    assert len(failed) == len(set(failed)) == 6
    assert set(failed) < {category.value for category in ErrorCategory}


def test_the_example_of_a_report_uses_categories_that_the_tables_explain() -> None:
    example = json.loads(the_block("json", '"counts"'))
    _, failed, unresolved = ([code(row[0]) for row in table] for table in tables(section("The report")))

    assert {row["category"] for row in example["failed"]} <= set(failed)
    assert {row["category"] for row in example["unresolved"]} <= set(unresolved)
    assert {row["state"] for row in example["already_closed"]} <= {"filled", "cancelled"}


# ---------------------------------------------------------------------------------------- commands and links


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    in_code = re.findall(r"`make ([a-z-]+)", README) + re.findall(
        r"^make ([a-z-]+)", "".join(blocks("bash")), re.MULTILINE
    )

    assert {"demo", "test", "dist"} <= set(in_code)
    assert set(in_code) - targets == set()


@pytest.mark.parametrize("subcommand", [[], ["books"]], ids=["serve", "books"])
def test_the_sandboxs_command_line_takes_the_options_of_the_readme(subcommand: list[str]) -> None:
    module = ["airflow_provider_bitget.sandbox", *subcommand]
    command = the_block("bash", " ".join([*module, "--"]))
    told = re.findall(r"--[a-z-]+", command)
    shown = subprocess.run(
        [sys.executable, "-m", *module, "--help"], check=True, capture_output=True, text=True, timeout=30
    ).stdout

    assert told
    assert set(told) - set(re.findall(r"--[a-z-]+", shown)) == set()


def test_the_sandbox_has_every_member_that_the_readme_names() -> None:
    (sentence,) = re.findall(r"`Sandbox` also has (.*?);", README, re.DOTALL)
    names = re.findall(r"`(\w+)(?:\(\))?`", sentence)

    assert len(names) >= 5
    assert [name for name in names if not hasattr(Sandbox, name)] == []


def test_every_relative_link_leads_to_a_file() -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)]+)\)", README)

    assert "LICENSE" in targets
    assert [target for target in targets if not (REPOSITORY / target).is_file()] == []


def test_every_link_within_the_readme_leads_to_a_heading() -> None:
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^ *```.*?^ *```$", "", README, flags=re.MULTILINE | re.DOTALL), re.M)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    links = set(re.findall(r"\]\(#([^)]+)\)", README))

    assert len(links) >= 10
    assert links - anchors == set()


def test_the_supported_versions_are_those_that_are_tested() -> None:
    (pinned,) = re.findall(r"^apache-airflow==(.+)$", (REPOSITORY / "constraints.txt").read_text(), re.MULTILINE)
    (rows,) = tables(section("Supported versions"))
    told = " ".join(name for name, _ in rows)

    assert f"Airflow {pinned}, Python 3.11" in told
    assert {version for version in AIRFLOW_VERSIONS if f"Airflow {version}" in told} == set(AIRFLOW_VERSIONS)
