# SPDX-License-Identifier: Apache-2.0
"""The README keeps its word: what it says to paste runs as it stands, what it names is there.

What it has in common with every other page (links, examples that run) is in ``test_docs.py``; whoever follows
``docs/start.md`` and ``docs/testing.md`` is followed in ``test_start.py``.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from airflow_provider_bitget.operators import bitget as operators
from airflow_provider_bitget.operators import exceptions
from airflow_provider_bitget.sandbox import demo
from airflow_provider_bitget.sensors.bitget import BitgetFlatSensor
from tests.airflow_version import DAG_BAG_MODULE
from tests.unit.markdown import REPOSITORY, Page, tables

README = Page("README.md")
DAG = README.the_block("python", 'dag_id="end_of_day"')


# ------------------------------------------------------------------------------------------------------- code


READ_THE_DAG = f"""
import json, sys, warnings
import airflow
from {DAG_BAG_MODULE} import DagBag
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    bag = DagBag(sys.argv[1])
print(json.dumps({{
    "errors": bag.import_errors,
    "tasks": {{dag_id: sorted(dag.task_ids) for dag_id, dag in bag.dags.items()}},
    "warnings": [f"{{warning.filename}}: {{warning.message}}" for warning in caught],
}}))
"""


def test_the_dag_is_read_by_airflow_without_an_error_or_a_warning_of_ours(
    airflow_database: object, tmp_path: Path
) -> None:
    (tmp_path / "end_of_day.py").write_text(DAG)

    output = subprocess.run(
        [sys.executable, "-c", READ_THE_DAG, str(tmp_path)], check=True, capture_output=True, text=True, timeout=60
    ).stdout
    read = json.loads(output.splitlines()[-1])

    assert read["errors"] == {}
    assert {"flatten_account.close_usdt_futures", "flatten_account.report"} <= set(read["tasks"]["end_of_day"])
    # Not the whole checkout: an Airflow may be installed in it.
    ours = (str(tmp_path), str(REPOSITORY / "airflow_provider_bitget"))
    assert [warning for warning in read["warnings"] if warning.startswith(ours)] == []


# ---------------------------------------------------------------------------------------- commands and names


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    in_code = re.findall(r"`make ([a-z-]+)", README.text) + re.findall(
        r"^make ([a-z-]+)", "".join(README.blocks("bash")), re.MULTILINE
    )

    assert {"demo", "docs", "test"} <= set(in_code)
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


def test_the_table_at_the_end_links_what_it_names() -> None:
    (rows,) = tables(README.section("Licence and where to look next"))

    assert [name for name, _ in rows if name != f"[{name[1:].partition(']')[0]}]({name[1:].partition(']')[0]})"] == []
