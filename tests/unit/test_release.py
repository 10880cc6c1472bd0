# SPDX-License-Identifier: Apache-2.0
"""What a release consists of beside the code: workflows, forms for issues, the registry's entry, the one version."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet
from packaging.version import Version

import airflow_provider_bitget
from airflow_provider_bitget.get_provider_info import get_provider_info
from tests.unit.markdown import REPOSITORY, Page
from tests.unit.test_project import pyproject

__all__ = ["pyproject"]

YAML_FILES = sorted(
    path.relative_to(REPOSITORY).as_posix()
    for path in [*REPOSITORY.glob("*.yml"), *REPOSITORY.glob(".*.yaml"), *(REPOSITORY / ".github").rglob("*.yml")]
)
WORKFLOWS = [name for name in YAML_FILES if name.startswith(".github/workflows/")]
FORMS = [name for name in YAML_FILES if name.startswith(".github/ISSUE_TEMPLATE/") and not name.endswith("/config.yml")]
ON = True
"""The key "on", as YAML 1.1 reads it."""

each_workflow = pytest.mark.parametrize("name", WORKFLOWS)


def read(name: str) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load((REPOSITORY / name).read_text())
    return found


def steps_of(workflow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job["steps"]


def targets_of_make() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))


def test_every_yaml_file_is_known() -> None:
    assert {"mkdocs.yml", ".airflow-registry.yaml", ".github/ISSUE_TEMPLATE/config.yml"} < set(YAML_FILES)
    assert len(FORMS) == 3
    assert [Path(name).name for name in WORKFLOWS] == ["ci.yml", "publish.yml"]
    assert all(isinstance(read(name), dict) for name in YAML_FILES)


# --------------------------------------------------------------------------------------------------- workflows


@each_workflow
def test_a_workflow_may_read_only_and_has_an_end(name: str) -> None:
    workflow = read(name)

    assert workflow["permissions"] in ({}, {"contents": "read"})
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 60
        assert job["runs-on"] == "ubuntu-latest"
        assert set(job.get("permissions", {}).items()) <= {("contents", "read"), ("id-token", "write")}
    assert workflow[ON]


@each_workflow
def test_an_action_is_pinned_to_a_major_version_and_leaves_no_credentials_behind(name: str) -> None:
    for step in steps_of(read(name)):
        if "uses" in step:
            assert re.fullmatch(r"(actions/[a-z-]+@v\d+|pypa/gh-action-pypi-publish@release/v\d+)", step["uses"])
            if step["uses"].startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


@each_workflow
def test_a_workflow_runs_targets_that_exist_and_writes_no_outside_text_into_a_command(name: str) -> None:
    commands = [step["run"] for step in steps_of(read(name)) if "run" in step]
    called = {target for command in commands for target in re.findall(r"\bmake ([a-z-]+)", command)}

    assert {"test", "release-check"} <= called <= targets_of_make()
    # A branch or a tag may be called anything: it reaches a shell through the environment only.
    assert {word for command in commands for word in re.findall(r"\$\{\{ *([\w.]+)", command)} <= {
        "matrix.airflow",
        "matrix.python",
    }


def test_the_matrix_has_every_airflow_and_python_that_the_package_is_made_for(pyproject: dict[str, Any]) -> None:
    jobs = read(".github/workflows/ci.yml")["jobs"]
    pythons = {
        name.removeprefix("Programming Language :: Python :: ")
        for name in pyproject["project"]["classifiers"]
        if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", name)
    }
    airflows = jobs["airflow"]["strategy"]["matrix"]["airflow"]

    assert set(jobs["test"]["strategy"]["matrix"]["python"]) == pythons
    assert set(jobs["airflow"]["strategy"]["matrix"]["python"]) == pythons
    assert {version.rpartition(".")[0] for version in airflows} == {"2.11", "3.0", "3.1", "3.2", "3.3"}
    (floor,) = (
        SpecifierSet(one[14:]) for one in pyproject["project"]["dependencies"] if one.startswith("apache-airflow>")
    )
    assert all(Version(version) in floor for version in airflows)


def test_a_release_is_published_by_trust_and_by_a_job_that_runs_nothing_of_the_repository() -> None:
    workflow = read(".github/workflows/publish.yml")
    publish = workflow["jobs"]["publish"]

    assert workflow[ON] == {"push": {"tags": ["v*"]}}
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["environment"] == "pypi"
    assert publish["needs"] == "build"
    assert all("run" not in step for step in publish["steps"])
    assert not any(step["uses"].startswith("actions/checkout") for step in publish["steps"])
    text = (REPOSITORY / ".github" / "workflows" / "publish.yml").read_text()
    assert "secrets." not in text
    assert "password" not in text


def test_a_release_is_refused_where_tag_version_and_changelog_differ() -> None:
    build = read(".github/workflows/publish.yml")["jobs"]["build"]
    commands = "\n".join(step["run"] for step in build["steps"] if "run" in step)
    ours = (REPOSITORY / "airflow_provider_bitget" / "__init__.py").read_text()

    assert '"__version__ = \\"${TAG#v}\\"" airflow_provider_bitget/__init__.py' in commands
    assert '"## [${TAG#v}] - " CHANGELOG.md' in commands
    # What the workflow looks for is how the file says it.
    assert f'\n__version__ = "{airflow_provider_bitget.__version__}"\n' in ours


# ------------------------------------------------------------------------------------------------------ forms


@pytest.mark.parametrize("name", FORMS)
def test_a_form_for_issues_is_one_that_github_takes(name: str) -> None:
    form = read(name)

    assert {"name", "description", "labels", "body"} == set(form)
    fields = [one for one in form["body"] if one["type"] != "markdown"]
    assert fields
    assert len({one["id"] for one in fields}) == len(fields)
    for one in form["body"]:
        assert one["type"] in {"markdown", "textarea", "input", "dropdown"}
        assert ("value" if one["type"] == "markdown" else "label") in one["attributes"]
        assert (one["type"] == "dropdown") == ("options" in one["attributes"])


@pytest.mark.parametrize("name", FORMS[:2])
def test_a_form_that_asks_for_a_log_asks_for_no_secrets(name: str) -> None:
    assert "No keys, secrets or passphrases" in (REPOSITORY / name).read_text()


# --------------------------------------------------------------------------------------------------- registry

KINDS = ("operators", "sensors", "triggers", "hooks", "other")


def test_the_registry_is_told_what_airflow_and_the_package_index_are_told(pyproject: dict[str, Any]) -> None:
    entry, info = read(".airflow-registry.yaml"), get_provider_info()

    assert {"package-name", "display-name", "description", "docs-url", *KINDS} == set(entry)
    assert entry["package-name"] == info["package-name"] == pyproject["project"]["name"]
    assert entry["display-name"] == info["name"]
    assert entry["docs-url"] == pyproject["project"]["urls"]["Documentation"]


def test_the_registry_names_everything_that_a_dag_imports() -> None:
    entry = read(".airflow-registry.yaml")
    named = {kind: {one["module"] for one in entry[kind]} for kind in KINDS}

    for names in named.values():
        for name in names:
            module, _, attribute = name.rpartition(".")
            assert hasattr(importlib.import_module(module), attribute)
    operators = importlib.import_module("airflow_provider_bitget.operators.bitget").__all__
    assert named["operators"] == {f"airflow_provider_bitget.operators.bitget.{name}" for name in operators}
    assert all(one["description"] for kind in KINDS for one in entry[kind])


# ---------------------------------------------------------------------------------------------------- version


def test_the_version_stands_in_one_place(pyproject: dict[str, Any]) -> None:
    version = airflow_provider_bitget.__version__

    assert pyproject["project"]["dynamic"] == ["version"]
    assert pyproject["tool"]["hatch"]["version"]["path"] == "airflow_provider_bitget/__init__.py"
    assert Version(version).public == version
    # Airflow takes it from the distribution; a copy here would go stale.
    assert "versions" not in get_provider_info()
    assert version not in (REPOSITORY / "airflow_provider_bitget" / "get_provider_info.py").read_text()


def test_the_changelog_begins_with_what_is_not_released_or_with_this_version() -> None:
    headings = re.findall(r"^## \[(.+?)\](.*)$", Page("CHANGELOG.md").text, re.MULTILINE)
    released = [(version, date) for version, date in headings if version != "Unreleased"]

    assert headings[0][0] in ("Unreleased", airflow_provider_bitget.__version__)
    assert all(re.fullmatch(r" - \d{4}-\d{2}-\d{2}", date) for _, date in released)
    versions = [Version(version) for version, _ in released]
    assert versions == sorted(set(versions), reverse=True)
    assert not versions or versions[0] <= Version(airflow_provider_bitget.__version__)


def test_the_guide_for_contributors_names_targets_that_exist() -> None:
    guide = Page("CONTRIBUTING.md")
    named = set(re.findall(r"`make ([a-z-]+)", guide.text))
    pasted = re.findall(r"^make ([a-z -]+)", "\n".join(guide.blocks("bash")), re.MULTILINE)

    assert {"demo", "docs", "release-check"} <= named
    assert (named | {word for line in pasted for word in line.split()}) - targets_of_make() == set()
