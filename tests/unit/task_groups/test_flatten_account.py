# SPDX-License-Identifier: Apache-2.0
"""What is settled while the DAG is read: good arguments, the order of the tasks, and that nothing else rules them."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, Asset, AssetAlias, BaseOperator, task

from airflow_provider_bitget.operators.exceptions import BitgetArgumentError
from airflow_provider_bitget.task_groups.flatten import flatten_account

CHAIN = ("close_gate", "close", "cancel_stops", "sweep", "prove")


def a_dag(**options: Any) -> DAG:
    return DAG(dag_id="evening", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), **options)


def read(dag: DAG | None = None, **arguments: Any) -> dict[str, BaseOperator]:
    """Return the tasks of a group by their ids, without the group's."""
    dag = dag or a_dag()
    with dag:
        flatten_account(**{"product_types": ["USDT-FUTURES"], **arguments})
    dag.validate()
    return {task_id.removeprefix("flatten_account."): found for task_id, found in dag.task_dict.items()}  # type: ignore[misc]


def upstream(found: BaseOperator) -> set[str]:
    return {task_id.removeprefix("flatten_account.") for task_id in found.upstream_task_ids}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"product_types": []}, "product_types"),
        ({"product_types": None}, "product_types"),
        ({"product_types": "USDT-FUTURES"}, "product_types"),
        ({"product_types": "{{ params.product_types }}"}, "product_types"),
        ({"product_types": ["USDT-FUTURES", "{{ params.more }}"]}, "product_types"),
        ({"product_types": ["USDT-FUTURES", "FUTURES"]}, "product_types"),
        ({"product_types": ["USDT-FUTURES", None]}, "product_types"),
        ({"product_types": ["*"]}, "product_types"),
        ({"product_types": {"USDT-FUTURES": True}}, "product_types"),
        ({"bitget_conn_id": ""}, "bitget_conn_id"),
        ({"bitget_conn_id": None}, "bitget_conn_id"),
        ({"bitget_conn_id": ["desk_a", "desk_b"]}, "bitget_conn_id"),
        ({"exclude_symbols": "XRPUSDT"}, "exclude_symbols"),
        ({"exclude_symbols": ["*"]}, "exclude_symbols"),
        ({"exclude_symbols": ["{{ params.symbol }}"]}, "exclude_symbols"),
        ({"margin_coin": ""}, "margin_coin"),
        ({"margin_coin": ["USDT"]}, "margin_coin"),
        ({"lookback_days": 0}, "lookback_days"),
        ({"close_after": 0}, "close_after"),
        ({"close_after": "60"}, "close_after"),
        ({"close_after": 30}, "cancel_deadline"),
        ({"cancel_deadline": 60}, "cancel_deadline"),
        ({"close_deadline": -1}, "close_deadline"),
        ({"sweep_deadline": None}, "sweep_deadline"),
        ({"prove_deadline": 20}, "settle_after_fill"),
        ({"settle": 120}, "settle"),
        ({"report_path": " "}, "report_path"),
        ({"report_path": 5}, "report_path"),
        ({"report_path": ["pages"]}, "report_path"),
        ({"simulate": "false"}, "simulate"),
        ({"simulate": None}, "simulate"),
        ({"retries": -1}, "retries"),
        ({"retry_delay": 5}, "retry_delay"),
        ({"retry_delay": timedelta(seconds=-1)}, "retry_delay"),
        ({"pool": ""}, "pool"),
        ({"outlets": None}, "outlets"),
        ({"outlets": "bitget://desk_a/flat"}, "outlets"),
        ({"outlets": Asset("bitget://desk_a/flat")}, "outlets"),
        ({"outlets": ["bitget://desk_a/flat"]}, "outlets"),
        ({"outlets": [Asset("bitget://desk_a/flat"), AssetAlias("flat")]}, "outlets"),
    ],
)
def test_a_bad_argument_is_named_while_the_dag_is_read(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(BitgetArgumentError, match=rf"^{named} must be "):
        read(**arguments)


@pytest.mark.parametrize(
    ("arguments", "shorter"),
    [
        ({"prove_deadline": 20}, "prove_deadline of 20"),
        ({"close_deadline": 25}, "close_deadline of 25"),
        ({"close_deadline": 25, "prove_deadline": 20}, "prove_deadline of 20"),
    ],
)
def test_a_wait_that_is_too_long_names_the_deadline_that_is_too_short(arguments: dict[str, Any], shorter: str) -> None:
    with pytest.raises(BitgetArgumentError, match=rf"^settle_after_fill must be .* below {shorter}, "):
        read(**arguments)


def test_several_connections_are_told_how_to_be_mapped() -> None:
    with pytest.raises(BitgetArgumentError, match=r"\.expand\(bitget_conn_id=\[\.\.\.\]\)"):
        read(bitget_conn_id=["desk_a", "desk_b"])


def test_a_product_type_has_to_be_given() -> None:
    with a_dag(), pytest.raises(TypeError, match="product_types"):
        flatten_account()  # type: ignore[call-arg]


def test_a_product_type_is_never_what_another_task_returns() -> None:
    @task
    def chosen() -> list[str]:
        return ["USDT-FUTURES"]

    with a_dag(), pytest.raises(BitgetArgumentError, match=r"^product_types must be a literal list"):
        flatten_account(product_types=chosen())  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore:Partial task group .* was never mapped")
@pytest.mark.parametrize(
    "mapped",
    [
        {"product_types": [["USDT-FUTURES"]]},
        {"simulate": [True, False]},
        {"exclude_symbols": [["XRPUSDT"]]},
        {"outlets": [[Asset("bitget://desk_a/flat")], [Asset("bitget://desk_b/flat")]]},
    ],
)
def test_what_decides_over_the_scope_or_over_other_dags_is_not_mapped(mapped: dict[str, Any]) -> None:
    given: dict[str, Any] = {} if "product_types" in mapped else {"product_types": ["USDT-FUTURES"]}

    with a_dag(), pytest.raises(BitgetArgumentError, match=next(iter(mapped))):
        (flatten_account.partial(**given) if given else flatten_account).expand(**mapped)


def test_each_phase_follows_the_one_before_whatever_became_of_it() -> None:
    tasks = read(product_types=["usdt-futures", "COIN-FUTURES"])

    for kind in ("usdt_futures", "coin_futures"):
        names = [f"{name}_{kind}" for name in CHAIN]
        for before, after in pairwise(names):
            assert upstream(tasks[after]) == {before}
            assert tasks[after].trigger_rule == "all_done"
        # The gate alone holds the close back: not the cancel, which may hang.
        assert upstream(tasks[f"cancel_{kind}"]) == upstream(tasks[f"close_gate_{kind}"]) == {"start"}
    assert upstream(tasks["report"]) == {"prove_usdt_futures", "prove_coin_futures"}
    assert tasks["report"].trigger_rule == "all_done"


def test_the_report_alone_decides_over_the_run() -> None:
    tasks = read()

    last = {name for name, found in tasks.items() if not found.downstream_task_ids}

    # Airflow looks at these; the other one does nothing and never fails.
    assert last == {"report", "cancels_over"}
    assert tasks["cancels_over"].inherits_from_empty_operator


def test_what_comes_before_the_group_is_passed_on_by_its_setup() -> None:
    tasks = read()

    assert {name for name, found in tasks.items() if not found.upstream_task_ids} == {"start"}
    assert tasks["start"].is_setup
    assert tasks["start"].trigger_rule == "all_success"


def test_default_args_neither_hinder_nor_hurry_a_task() -> None:
    careless = {
        "retries": 9,
        "retry_delay": timedelta(hours=2),
        "retry_exponential_backoff": True,
        "execution_timeout": timedelta(seconds=1),
        "depends_on_past": True,
        "trigger_rule": "one_failed",
        "do_xcom_push": False,
        "pool": "crowded",
        "owner": "desk",
        "outlets": [Asset("bitget://desk/whatever")],
        # Airflow 3.3 and newer: a policy that fails everything, and is never asked.
        **({"retry_policy": object()} if hasattr(BaseOperator, "retry_policy") else {}),
    }

    tasks = read(a_dag(default_args=careless), retries=1, retry_delay=timedelta(seconds=3), pool="bitget")

    for name, found in tasks.items():
        assert (found.retries, found.retry_delay) == (1, timedelta(seconds=3)), name
        assert not found.retry_exponential_backoff
        assert not found.depends_on_past
        assert found.do_xcom_push
        assert found.trigger_rule in ("all_success", "all_done")
        assert found.execution_timeout is not None
        assert found.execution_timeout >= timedelta(seconds=60)
        assert found.owner == "desk"
        assert found.outlets == []
        assert getattr(found, "retry_policy", None) is None
        # A cancel that hangs in a pool of one slot would keep the gate from being asked.
        assert found.pool == ("default_pool" if name.startswith("close_gate") else "bitget")


def test_no_task_is_ended_by_airflow_before_its_own_deadline() -> None:
    tasks = read(cancel_deadline=55, close_deadline=500, sweep_deadline=700, prove_deadline=900)

    for name in ("cancel", "close", "cancel_stops", "sweep", "prove"):
        found: Any = tasks[f"{name}_usdt_futures"]
        assert found.execution_timeout >= timedelta(seconds=found.deadline + 30)


def test_no_retries_of_airflows_are_needed_to_write_a_group_that_has_none() -> None:
    assert {found.retries for found in read(retries=0).values()} == {0}


def test_many_accounts_become_one_group_each() -> None:
    dag = a_dag()
    with dag:

        @task
        def accounts() -> list[str]:
            return ["desk_a", "desk_b"]

        flatten_account.partial(product_types=["USDT-FUTURES"], report_path="{{ params.folder }}").expand(
            bitget_conn_id=accounts()
        )
    dag.validate()

    group: Any = dag.get_task("flatten_account.close_usdt_futures").task_group
    assert next(iter(group.iter_mapped_dependencies())).task_id == "accounts"


def test_the_report_alone_has_the_outlets_and_none_when_nothing_is_sent() -> None:
    flat = Asset("bitget://desk_a/flat")

    told = {name: found.outlets for name, found in read(outlets=[flat]).items() if found.outlets}

    assert told == {"report": [flat]}
    assert [found.outlets for found in read(outlets=(flat,), simulate=True).values() if found.outlets] == []


def test_two_groups_of_one_dag_do_not_meet() -> None:
    dag = a_dag()
    with dag:
        flatten_account(product_types=["USDT-FUTURES"])
        flatten_account.override(group_id="demo")(product_types=["USDT-FUTURES"], bitget_conn_id="demo")

    gate: Any = dag.get_task("demo.close_gate_usdt_futures")
    assert gate.cancel_task_id == "demo.cancel_usdt_futures"


def test_a_folder_may_be_a_path() -> None:
    report: Any = read(report_path=Path("/pages"))["report"]

    assert report.report_path == "/pages"


PARSE = """
import json, sys
from datetime import datetime
from airflow.providers.common.compat.sdk import DAG, BaseSensorOperator, task_group
before = set(sys.modules)
from airflow_provider_bitget.task_groups.flatten import flatten_account
with DAG(dag_id="evening", schedule=None, start_date=datetime(2026, 1, 1)):
    flatten_account(product_types=["USDT-FUTURES"], report_path="s3://bucket/flatten")
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_reading_the_dag_imports_nothing_that_only_a_running_task_needs() -> None:
    done = subprocess.run([sys.executable, "-c", PARSE], check=True, capture_output=True, text=True, timeout=60)
    imported = json.loads(done.stdout.splitlines()[-1])

    ours = {name.split(".")[1] for name in imported if name.startswith("airflow_provider_bitget.")}
    assert ours == {"airflow_version", "operators", "task_groups"}
    assert {"requests", "pyrate_limiter"}.isdisjoint(imported)
