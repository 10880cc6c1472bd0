# SPDX-License-Identifier: Apache-2.0
"""The page of versions: what it says was tested is what the matrix, the workflow and the constraints test."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.airflow_version import NEEDS_A_NEWER_AIRFLOW
from tests.matrix.cells import AS_OF, CELLS, PINS, PYTHONS, Cell
from tests.matrix.result import main as write_result
from tests.matrix.table import BEGIN, END, with_table
from tests.unit.markdown import REPOSITORY, Page, tables
from tests.wheel_in_empty_environment import AIRFLOW_VERSIONS

VERSIONS = Page("docs/versions.md")


def test_the_supported_versions_are_those_that_are_tested() -> None:
    (pinned,) = re.findall(r"^apache-airflow==(.+)$", (REPOSITORY / "constraints.txt").read_text(), re.MULTILINE)
    section = VERSIONS.section("What was run")
    (rows,) = tables(section)

    assert [Cell(airflow, ".".join(python.split(".")[:2])) for airflow, python, _ in rows] == list(CELLS)
    assert f"the newest of everything else as of {AS_OF.partition('T')[0]}" in section
    assert f"`make test` runs everything beside Airflow {pinned}" in section
    assert {version for version in AIRFLOW_VERSIONS if f"{version}" in section} == set(AIRFLOW_VERSIONS)


def test_whoever_installs_an_older_airflow_is_told_what_has_to_be_held_back() -> None:
    (rows,) = tables(VERSIONS.section("What a version needs or lacks"))

    for airflow, pins in PINS.items():
        told = " ".join(text for versions, text in rows if versions == airflow.rpartition(".")[0])
        assert [pin for pin in pins if f"`{pin}`" not in told] == []


def test_the_workflow_the_matrix_and_its_table_agree() -> None:
    workflow = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "ci.yml").read_text())
    matrix = workflow["jobs"]["airflow"]["strategy"]["matrix"]
    left_out = [(one["airflow"], one["python"]) for one in matrix["exclude"]]

    assert set(matrix["airflow"]) == set(PYTHONS)
    every = {(airflow, python) for airflow in matrix["airflow"] for python in matrix["python"]}
    assert every - set(left_out) == {(cell.airflow, cell.python) for cell in CELLS}
    assert {one["airflow"]: tuple(one["pins"].split()) for one in matrix["include"]} == dict(PINS)


def test_the_table_is_written_between_its_marks_and_says_what_did_not_run(tmp_path: Path) -> None:
    ran = {"airflow": "2.11.2", "python": "3.11.7", "ran": 12, "skipped": 3, "all": False}
    (tmp_path / f"{CELLS[0].name}.json").write_text(json.dumps(ran))

    page = with_table(f"before\n{BEGIN}\nold\n{END}\nafter\n", tmp_path)

    assert page.startswith(f"before\n{BEGIN}\n| Airflow |")
    assert "| 2.11.2 | 3.11.7 | all but those named above: 12 passed, 3 skipped |" in page
    assert page.count("| not run |") == len(CELLS) - 1
    assert page.endswith(f"{END}\nafter\n")
    assert "old" not in page


def test_a_skip_for_another_reason_than_the_age_of_airflow_keeps_the_cell_out_of_the_table(tmp_path: Path) -> None:
    junit, result = tmp_path / "tests.xml", tmp_path / "cell.json"
    newer, other = f"{NEEDS_A_NEWER_AIRFLOW}3.1 or newer: a form", "no browser"

    junit.write_text(junit_of(newer))
    write_result(str(junit), str(result), "3.0.6", "3.11.7")
    assert json.loads(result.read_text()) == {
        "airflow": "3.0.6", "python": "3.11.7", "ran": 2, "skipped": 1, "all": False,
    }  # fmt: skip

    result.unlink()
    junit.write_text(junit_of(newer, other))
    with pytest.raises(SystemExit, match=other):
        write_result(str(junit), str(result), "3.0.6", "3.11.7")
    assert not result.exists()


def junit_of(*reasons: str) -> str:
    skipped = "".join(f'<testcase><skipped type="pytest.skip" message="{reason}"/></testcase>' for reason in reasons)
    counts = f'tests="{2 + len(reasons)}" skipped="{len(reasons)}"'
    return f"<testsuites><testsuite {counts}><testcase/><testcase/>{skipped}</testsuite></testsuites>"
