# SPDX-License-Identifier: Apache-2.0
"""What a user installs, what it costs to parse, and what the example does when it is only read."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import airflow_provider_bitget
from tests.airflow_version import AIRFLOW, DAG_BAG_MODULE, NEEDS_A_NEWER_AIRFLOW

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "airflow_provider_bitget"
EXAMPLE_DAGS = REPOSITORY / "example_dags"


@pytest.fixture(scope="module")
def pyproject() -> dict[str, Any]:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("distributions")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder)],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        timeout=120,
    )
    return folder


@pytest.fixture(scope="module")
def wheel(distributions: Path) -> Iterator[zipfile.ZipFile]:
    (path,) = distributions.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def python_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


# ------------------------------------------------------------------------------------------------- packaging


def test_wheel_holds_the_whole_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    packaged = {name for name in wheel.namelist() if ".dist-info/" not in name}

    assert packaged == {
        path.relative_to(REPOSITORY).as_posix() for path in [*python_files(PACKAGE), PACKAGE / "py.typed"]
    }


def test_wheel_names_the_provider_its_licence_and_its_documentation(wheel: zipfile.ZipFile) -> None:
    (info,) = {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
    fields = wheel.read(f"{info}/METADATA").decode().splitlines()

    assert "Name: airflow-provider-bitget" in fields
    assert f"Version: {airflow_provider_bitget.__version__}" in fields
    assert "License-Expression: Apache-2.0" in fields
    assert "Classifier: Framework :: Apache Airflow :: Provider" in fields
    assert "Classifier: Typing :: Typed" in fields
    assert "Requires-Python: >=3.11" in fields
    assert any(field.startswith("Project-URL: Documentation, https://") for field in fields)
    assert wheel.read(f"{info}/licenses/LICENSE") == (REPOSITORY / "LICENSE").read_bytes()
    assert wheel.read(f"{info}/entry_points.txt").decode().split() == [
        "[apache_airflow_provider]",
        "provider_info",
        "=",
        "airflow_provider_bitget.get_provider_info:get_provider_info",
    ]


def test_source_distribution_can_be_tested_by_whoever_gets_it(distributions: Path) -> None:
    (path,) = distributions.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    expected = {"CHANGELOG.md", "LICENSE", "Makefile", "README.md", "constraints.txt", "pyproject.toml"}
    expected |= {"CONTRIBUTING.md", "SECURITY.md", "mkdocs.yml", ".airflow-registry.yaml"}
    for folder in (REPOSITORY / "docs", REPOSITORY / ".github"):
        expected |= {path.relative_to(REPOSITORY).as_posix() for path in folder.rglob("*") if path.is_file()}
    expected |= {path.relative_to(REPOSITORY).as_posix() for path in python_files(EXAMPLE_DAGS)}
    expected |= {path.relative_to(REPOSITORY).as_posix() for path in python_files(REPOSITORY / "tests")}
    assert expected <= names


def test_source_distribution_holds_nothing_that_was_made_or_installed(distributions: Path) -> None:
    (path,) = distributions.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        top, *inner = {name.partition("/")[0] for name in archive.getnames()}
        found = {name.partition("/")[2].partition("/")[0] for name in archive.getnames()} - {""}

    assert (top, inner) == (f"airflow_provider_bitget-{airflow_provider_bitget.__version__}", [])
    folders = {"airflow_provider_bitget", "docs", "example_dags", "tests", ".ci", ".github"}
    files = {"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "SECURITY.md", "constraints.txt"}
    files |= {"constraints-distributed.txt", "mkdocs.yml", "noxfile.py", "pyproject.toml", ".airflow-registry.yaml"}
    # The last two are made by the build.
    assert found == folders | files | {".gitignore", "PKG-INFO"}


def test_version_is_the_installed_one_and_starts_the_changelog() -> None:
    version = airflow_provider_bitget.__version__
    headings = re.findall(r"^## \[(.+?)\]", (REPOSITORY / "CHANGELOG.md").read_text(), flags=re.MULTILINE)

    assert metadata.version("airflow-provider-bitget") == version
    assert headings[0] in ("Unreleased", version)


def test_every_python_file_carries_the_licence() -> None:
    folders = (PACKAGE, EXAMPLE_DAGS, REPOSITORY / "tests")
    files = [REPOSITORY / "noxfile.py", *(path for folder in folders for path in python_files(folder))]

    assert PACKAGE / "__init__.py" in files
    without = [
        str(path) for path in files if not path.read_text().startswith("# SPDX-License-Identifier: Apache-2.0\n")
    ]
    assert without == []


# ----------------------------------------------------------------------------------------------- constraints


def constraints() -> dict[str, str]:
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", pin) for pin in pins), pins
    return {canonicalize_name(name): version for name, _, version in (pin.partition("==") for pin in pins)}


of_the_pinned_airflow = pytest.mark.skipif(
    metadata.version("apache-airflow") != constraints()["apache-airflow"],
    reason=f"{NEEDS_A_NEWER_AIRFLOW}{constraints()['apache-airflow']}: constraints.txt is of that one",
)


def test_constraints_pin_everything_that_pyproject_asks_for(pyproject: dict[str, Any]) -> None:
    extras = pyproject["project"]["optional-dependencies"]
    asked = [
        *pyproject["project"]["dependencies"],
        *pyproject["build-system"]["requires"],
        *(requirement for extra in extras.values() for requirement in extra),
    ]
    pins = constraints()

    for requirement in map(Requirement, asked):
        assert pins[canonicalize_name(requirement.name)] in requirement.specifier, requirement


@of_the_pinned_airflow
def test_constraints_pin_everything_that_an_installation_draws_in() -> None:
    drawn_in: set[str] = set()
    pending = [Requirement("airflow-provider-bitget[dev,sandbox]")]
    while pending:
        requirement = pending.pop()
        name = canonicalize_name(requirement.name)
        distribution = metadata.distribution(name)
        extras = requirement.extras or {""}
        for line in distribution.requires or ():
            needed = Requirement(line)
            wanted = needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras)
            if wanted and str(needed) not in drawn_in:
                drawn_in.add(str(needed))
                pending.append(needed)
    names = {canonicalize_name(Requirement(line).name) for line in drawn_in}

    assert {"apache-airflow-core", "fastapi", "mypy", "requests"} <= names
    assert names - constraints().keys() == set()


# ----------------------------------------------------------------------------------------------- DAG parsing


def run_python(program: str) -> Any:
    """Run a program in a fresh interpreter and return what it printed last, as JSON."""
    output = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60
    ).stdout
    return json.loads(output.splitlines()[-1])


# Airflow's own share is not ours: before 3.2, its models and their libraries, and what its first operator loads.
IMPORTED_BY_A_PARSE = f"""
import json, sys
import {"airflow.sdk" if AIRFLOW >= (3, 2) else DAG_BAG_MODULE}
from airflow.providers.common.compat.sdk import BaseHook, BaseOperator
BaseOperator(task_id="of_airflow")
before = set(sys.modules)
from airflow_provider_bitget.operators import bitget
bitget.BitgetBatchCancelOperator(task_id="cancel", orders="{{{{ params.orders }}}}", symbol="BTCUSDT")
bitget.BitgetListOpenOrdersOperator(task_id="list", symbol="{{{{ params.symbol }}}}", plan_orders=True)
bitget.BitgetCancelAllOrdersOperator(task_id="cancel_all", all_symbols=True, exclude_symbols=["BTCUSDT"])
bitget.BitgetClosePositionsOperator(task_id="close", all_symbols=True, hold_side="long")
print(json.dumps({{"imported": sorted(set(sys.modules) - before)}}))
"""


def test_parsing_a_dag_imports_no_library_that_only_a_running_task_needs(pyproject: dict[str, Any]) -> None:
    ruff = pyproject["tool"]["ruff"]["lint"]
    banned = ruff["flake8-tidy-imports"]["banned-module-level-imports"]
    assert {"requests", "tenacity", "pyrate_limiter"} <= set(banned)

    imported = run_python(IMPORTED_BY_A_PARSE)["imported"]

    assert "airflow_provider_bitget.operators.bitget" in imported
    assert {name.partition(".")[0] for name in imported} & set(banned) == set()


def test_parsing_a_dag_imports_nothing_but_the_operators_own_few_modules() -> None:
    imported = run_python(IMPORTED_BY_A_PARSE)["imported"]

    ours = {name for name in imported if name.partition(".")[0] == "airflow_provider_bitget"}
    # Airflow itself has read the package's name and version by then.
    assert ours - {"airflow_provider_bitget"} == {
        "airflow_provider_bitget.airflow_version",
        "airflow_provider_bitget.operators",
        "airflow_provider_bitget.operators.arguments",
        "airflow_provider_bitget.operators.batch_cancel",
        "airflow_provider_bitget.operators.bitget",
        "airflow_provider_bitget.operators.cancel_all",
        "airflow_provider_bitget.operators.close_positions",
        "airflow_provider_bitget.operators.earlier_tries",
        "airflow_provider_bitget.operators.exceptions",
        "airflow_provider_bitget.operators.open_orders",
        "airflow_provider_bitget.operators.outlets",
        "airflow_provider_bitget.operators.reporting",
        "airflow_provider_bitget.operators.scope",
    }
    assert {name for name in imported if not name.startswith("airflow")} == set()


def test_operators_take_no_attribute_that_airflow_2_needs_for_itself() -> None:
    from airflow_provider_bitget.operators import bitget

    # Airflow 2.11 copies an operator before it runs it, and drops what it finds under these names.
    of_airflow = {
        "_log",
        "_logger_name",
        "_log_config_logger_name",
        "_BaseOperator__instantiated",
        "_lock_for_execution",
    }
    kinds = {kind for name in bitget.__all__ for kind in getattr(bitget, name).__mro__}
    ours = {kind for kind in kinds if kind.__module__.startswith("airflow_provider_bitget.")}

    assert len(ours) > len(bitget.__all__)
    assert [kind for kind in ours if of_airflow & set(vars(kind))] == []


def test_airflow_reads_the_example_without_an_error_or_a_warning(airflow_database: object) -> None:
    program = f"""
import json, warnings
import airflow
from {DAG_BAG_MODULE} import DagBag
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    bag = DagBag({str(EXAMPLE_DAGS)!r})
print(json.dumps({{
    "errors": bag.import_errors,
    "dags": {{dag_id: [task.task_id for task in dag.tasks] for dag_id, dag in bag.dags.items()}},
    "catchup": [dag.catchup for dag in bag.dags.values()],
    "warnings": [f"{{warning.filename}}: {{warning.message}}" for warning in caught],
}}))
"""
    read = run_python(program)

    assert read["errors"] == {}
    assert sorted(read["dags"]["bitget_batch_cancel"]) == ["cancel", "open_orders", "read_report"]
    assert read["catchup"] == [False] * len(read["dags"])
    ours = (str(PACKAGE), str(EXAMPLE_DAGS))
    assert [warning for warning in read["warnings"] if warning.startswith(ours)] == []
