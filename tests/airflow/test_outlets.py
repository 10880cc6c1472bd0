# SPDX-License-Identifier: Apache-2.0
"""What a task's outlets tell other DAGs: the report's counts when it succeeds, nothing at all when it fails."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_bitget.sandbox import Sandbox
from tests.airflow.airflow_processes import AirflowProcesses
from tests.airflow.dag_runs import RunDag, as_rows
from tests.airflow_version import AIRFLOW, since
from tests.kinds import CLASSIC, POSITION_READS, endpoint, sandbox_of
from tests.unit.markdown import Page

FLAT = "bitget://desks/flat"
NOT_THE_GROUPS = "bitget://desks/whatever-default-args-say"
ENDED = ("success", "failed", "skipped", "upstream_failed")
LISTED, CANCELLED = "bitget://test/listed", "bitget://test/cancelled"
WAITED = "bitget://test/waited"

Told = Callable[[str], list[dict[str, Any]]]


def events_of(uri: str) -> list[dict[str, Any]]:
    """Return the extras of all events of an asset, the oldest first."""
    from airflow.utils.session import create_session
    from sqlalchemy import select

    event, its_asset, asset = _tables_of_events()
    events = select(event).join(asset, asset.id == its_asset).where(asset.uri == uri)
    with create_session() as session:
        return [event.extra for event in session.scalars(events.order_by(event.id))]


def _tables_of_events() -> tuple[Any, Any, Any]:
    """Return the events, the column that says whose they are, and the assets, which Airflow 2 calls datasets."""
    if AIRFLOW >= (3, 0):
        from airflow.models.asset import AssetEvent, AssetModel

        return AssetEvent, AssetEvent.asset_id, AssetModel
    dataset = importlib.import_module("airflow.models.dataset")
    return dataset.DatasetEvent, dataset.DatasetEvent.dataset_id, dataset.DatasetModel


@pytest.fixture
def told(airflow_database: object) -> Told:
    """Return a function that returns the extras of an asset's events since the test began."""
    before = {uri: len(events_of(uri)) for uri in (FLAT, NOT_THE_GROUPS, LISTED, CANCELLED, WAITED)}
    return lambda uri: events_of(uri)[before[uri] :]


def furnish(sandbox: Sandbox, **options: Any) -> None:
    """Give an account two orders, a plan order and a position."""
    sandbox.place(2, "BTCUSDT", **options)
    sandbox.place_plan(1, "normal_plan", symbol="BTCUSDT", **options)
    sandbox.open_position("ETHUSDT", "long", **options)


FURNISHED = {"cancelled": 3, "already_closed": 0, "positions_closed": 1}
"""What the counts are once that is flat."""


def test_a_flat_account_tells_it_once_with_its_counts(sandbox: Sandbox, run_dag: RunDag, told: Told) -> None:
    furnish(sandbox)

    outcome = run_dag("flatten_and_tell")

    report = outcome.task("flatten_account.report").result
    (extra,) = told(FLAT)
    assert (extra["account"], extra["flat"], extra["counts"]) == ("bitget_default", True, FURNISHED)
    assert extra["product_types"] == ["USDT-FUTURES", "COIN-FUTURES"]
    assert extra == {name: report[name] for name in extra}
    # No other task of the group tells anything.
    assert told(NOT_THE_GROUPS) == []


def test_an_account_that_is_not_flat_tells_nothing(sandbox: Sandbox, run_dag: RunDag, told: Told) -> None:
    furnish(sandbox)
    sandbox.refuse_close("ETHUSDT", "long", "40888")

    outcome = run_dag("flatten_and_tell_against_refusals")

    assert outcome.task("flatten_account.report").state == "failed"
    assert told(FLAT) == []


@pytest.mark.parametrize("furnished", [False, True], ids=["flat", "not flat"])
def test_a_simulated_run_tells_nothing(sandbox: Sandbox, run_dag: RunDag, told: Told, furnished: bool) -> None:
    if furnished:
        furnish(sandbox)

    outcome = run_dag("flatten_and_tell_simulated")

    assert outcome.task("flatten_account.report").state == "success"
    assert told(FLAT) == []


def test_of_many_accounts_each_that_is_flat_tells_it_by_its_name(
    run_dag: RunDag, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sandbox(orders=0, accounts=2) as sandbox:
        first, second = sandbox.accounts
        monkeypatch.setenv("AIRFLOW_CONN_BITGET_DEFAULT", json.dumps(first.connection(sandbox.url)))
        monkeypatch.setenv("AIRFLOW_CONN_BITGET_SECOND", json.dumps(second.connection(sandbox.url)))
        furnish(sandbox)
        furnish(sandbox, account=second)
        sandbox.refuse_close("ETHUSDT", "long", "40888", account=second)

        outcome = run_dag("flatten_accounts_and_tell")

    assert [one.state for one in outcome.mapped("flatten_account.report")] == ["success", "failed"]
    assert [(extra["account"], extra["counts"]) for extra in told(FLAT)] == [("bitget_default", FURNISHED)]


def test_a_wait_that_has_ended_tells_when_it_was_flat(sandbox: Sandbox, run_dag: RunDag, told: Told) -> None:
    # The first look fails, so that it is the trigger that finds it.
    sandbox.inject("refuse", endpoint=endpoint(sandbox, POSITION_READS), times=4, code="40015")

    outcome = run_dag("flat_deferrable")

    assert told(WAITED) == [{"account": "bitget_default", **outcome.task("wait").result}]


def test_operators_tell_their_counts(sandbox: Sandbox, run_dag: RunDag, told: Told) -> None:
    sandbox.place(3, "BTCUSDT")

    outcome = run_dag("cancel_and_tell")

    (listed,), (cancelled,) = told(LISTED), told(CANCELLED)
    assert (listed["account"], listed["counts"]["orders"]) == ("bitget_default", 3)
    assert cancelled == {
        "account": "bitget_default",
        "product_type": "USDT-FUTURES",
        "counts": outcome.task("cancel").result["counts"],
        "verified": True,
    }
    assert cancelled["counts"]["cancelled"] == 3


def test_an_empty_list_tells_that_nothing_was_cancelled(sandbox: Sandbox, run_dag: RunDag, told: Told) -> None:
    run_dag("cancel_and_tell")

    (cancelled,) = told(CANCELLED)
    assert set(cancelled["counts"].values()) == {0}


def test_a_cancel_that_fails_tells_nothing(sandbox: Sandbox, run_dag: RunDag, told: Told) -> None:
    one, *_ = as_rows(sandbox.place(3, "BTCUSDT"))
    sandbox.inject("refuse_orders", order_ids=[one["orderId"]], code="40762")

    outcome = run_dag("cancel_and_tell")

    assert outcome.task("cancel").state == "failed"
    assert len(told(LISTED)) == 1
    assert told(CANCELLED) == []


def test_a_cancel_that_only_warns_tells_what_it_has_left(sandbox: Sandbox, run_dag: RunDag, told: Told) -> None:
    one, *_ = as_rows(sandbox.place(3, "BTCUSDT"))
    sandbox.inject("refuse_orders", order_ids=[one["orderId"]], code="40762")

    run_dag("cancel_and_tell_with_a_warning")

    (extra,) = told(CANCELLED)
    assert (extra["counts"]["cancelled"], extra["counts"]["failed"]) == (2, 1)


def test_a_simulated_cancel_tells_nothing(sandbox: Sandbox, run_dag: RunDag, told: Told) -> None:
    sandbox.place(3, "BTCUSDT")

    outcome = run_dag("cancel_and_tell_simulated")

    assert outcome.task("cancel").state == "success"
    assert told(CANCELLED) == []


def test_each_of_mapped_cancels_tells_its_own_counts(sandbox: Sandbox, run_dag: RunDag, told: Told) -> None:
    one, *others = as_rows(sandbox.place(3, "BTCUSDT"))

    run_dag("cancel_lists_and_tell", lists=[[one], others])

    assert sorted(extra["counts"]["cancelled"] for extra in told(CANCELLED)) == [1, 2]


@since(3, 0, "the API server, through which the test triggers the run and asks for states")
def test_the_dag_of_the_documentation_begins_once_the_account_is_flat_and_reads_the_counts(tmp_path: Path) -> None:
    dags_folder = tmp_path / "dags"
    dags_folder.mkdir()
    for dag_id in ("flatten_desk_a", "transfers_of_desk_a"):
        block = Page("docs/flatten.md").the_block("python", f'dag_id="{dag_id}"')
        in_haste = block.replace("outlets=", "settle=1, settle_after_fill=1, lookback_days=90, outlets=")
        # Else Airflow begins the run of last midnight as well.
        (dags_folder / f"{dag_id}.py").write_text(in_haste.replace('"55 23 * * *"', "None"))
    with sandbox_of(CLASSIC) as sandbox:
        furnish(sandbox)
        environment = {"AIRFLOW_CONN_DESK_A": sandbox.connection_json}
        with AirflowProcesses(tmp_path, dags_folder, environment) as airflow:

            def ends(dag_id: str, run: str, task_id: str) -> str:
                airflow.wait_until(f"{task_id} ends", lambda: airflow.state(dag_id, run, task_id) in ENDED)
                return airflow.state(dag_id, run, task_id)

            run = airflow.trigger("flatten_desk_a")
            assert ends("flatten_desk_a", run, "flatten_account.report") == "success"
            airflow.wait_until("the other DAG begins", lambda: airflow.runs("transfers_of_desk_a") != [])
            (after,) = airflow.runs("transfers_of_desk_a")
            assert ends("transfers_of_desk_a", after, "begin_transfers") == "success"

            report = airflow.returned("flatten_desk_a", run, "flatten_account.report")
            told = airflow.returned("transfers_of_desk_a", after, "begin_transfers")

    assert report["counts"] == FURNISHED
    assert told == [f"desk_a was flat at {report['range']['to']}: {FURNISHED}"]
