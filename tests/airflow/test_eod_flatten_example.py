# SPDX-License-Identifier: Apache-2.0
"""The example that flattens an account, scheduled and triggered by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_bitget.sandbox import Sandbox
from tests.airflow.dag_runs import open_ids
from tests.airflow_version import AIRFLOW, since

DAG_ID = "bitget_eod_flatten"
REPORT = "flatten_account.report"
PROVE = "flatten_account.prove_usdt_futures"


@pytest.fixture
def example(bagged_dags: Mapping[str, Any]) -> Any:
    return bagged_dags[DAG_ID]


@pytest.fixture
def in_haste(example: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the reads be few and follow each other sooner, and no task wait for another try."""
    for name, seconds in (("settle", 0.5), ("settle_after_fill", 1.5), ("deadline", 6.0)):
        monkeypatch.setattr(example.get_task(PROVE), name, seconds)
    for task in example.tasks:
        monkeypatch.setattr(task, "retries", 0)
        if hasattr(task, "lookback_days"):
            monkeypatch.setattr(task, "lookback_days", 90)


@pytest.fixture
def pages(example: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder to which the example writes its pages."""
    monkeypatch.setattr(example.get_task(REPORT), "report_path", str(tmp_path))
    return tmp_path


def page_in(folder: Path) -> str:
    """Return the one page that was written."""
    (path,) = folder.glob("*.html")
    return path.read_text()


def test_example_runs_each_night_once_and_catches_nothing_up(example: Any) -> None:
    # Airflow 2 has another name for it.
    assert getattr(example, "schedule" if AIRFLOW >= (3, 0) else "schedule_interval") == "55 23 * * *"
    assert str(example.timezone) == "UTC"
    assert (example.catchup, example.max_active_runs) == (False, 1)


def test_example_runs_in_a_pool_that_every_airflow_has(example: Any) -> None:
    assert {task.pool for task in example.tasks} == {"default_pool"}


def test_pages_go_to_a_folder_of_airflows_home(example: Any) -> None:
    from airflow.configuration import AIRFLOW_HOME

    assert example.get_task(REPORT).report_path == str(Path(AIRFLOW_HOME) / "bitget-reports")


@since(3, 0, "runs without a logical date")
@pytest.mark.usefixtures("in_haste")
def test_run_by_hand_without_a_logical_date_flattens_the_account_and_writes_its_page(
    example: Any, sandbox: Sandbox, pages: Path
) -> None:
    sandbox.place(20, hold_side="long")
    sandbox.place_plan(3, "track_plan", hold_side="long")
    sandbox.open_position("BTCUSDT", "long", "0.5")
    sandbox.open_position("BTCUSDT", "short", "0.2")
    sandbox.place_plan(1, "pos_loss", symbol="BTCUSDT", hold_side="long")
    elsewhere = {order["orderId"] for order in sandbox.place(2, product_type="USDC-FUTURES")}

    run = example.test(logical_date=None)

    assert run.logical_date is None
    assert str(run.state) == "success"
    assert open_ids(sandbox) == elsewhere
    assert sandbox.open_plan_orders() == sandbox.positions() == []
    assert "<h1><strong>FLAT</strong>" in page_in(pages)


@pytest.mark.usefixtures("in_haste")
def test_run_is_red_and_the_page_says_not_flat_when_a_position_does_not_close(
    example: Any, sandbox: Sandbox, pages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(example.get_task("flatten_account.close_usdt_futures"), "deadline", 3.0)
    sandbox.open_position("BTCUSDT", "long", "0.5")
    sandbox.refuse_close("BTCUSDT", "long", "45009")

    run = example.test()

    assert str(run.state) == "failed"
    assert [row["symbol"] for row in sandbox.positions()] == ["BTCUSDT"]
    page = page_in(pages)
    assert "<h1><strong>NOT FLAT</strong>" in page
    assert "45009" in page
