# SPDX-License-Identifier: Apache-2.0
"""The example DAG flattens the sandbox; its run is looked at in the grid, and its report in XCom."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from playwright.sync_api import Page, expect

from airflow_provider_bitget.sandbox import Sandbox
from airflow_provider_bitget.sandbox.accounts import AccountMode
from airflow_provider_bitget.sandbox.demo_books import disagreements, furnish, read_books, read_ends
from tests.airflow.airflow_processes import AirflowProcesses
from tests.browser.conftest import Camera
from tests.browser.connections_page import ConnectionsPage, Entry

DAG_ID = "bitget_eod_flatten"
GROUP = "flatten_account"
TASKS = (
    "start",
    "cancel_usdt_futures",
    "cancels_over",
    "close_gate_usdt_futures",
    "close_usdt_futures",
    "cancel_stops_usdt_futures",
    "sweep_usdt_futures",
    "prove_usdt_futures",
    "report",
)
ORDERS = 230
# A part of a line's height.
SCROLL = 6
MOST_SCROLLS, SCROLLING_MS = 60, 100


def test_run_is_green_in_the_grid_and_its_report_holds_the_exchanges_numbers(
    connections: ConnectionsPage,
    exchanges: Mapping[AccountMode, Sandbox],
    airflow: AirflowProcesses,
    page: Page,
    picture: Camera,
) -> None:
    exchange = exchanges["classic"]
    exchange.reset(0)
    furnished = furnish(exchange, ORDERS)
    # Nothing fills meanwhile: reads are then 10 seconds apart, not 30.
    exchange.clear_faults()
    before = read_books(exchange)
    form = connections.add()
    form.fill(Entry.of(exchange.connection, "bitget_default"))
    form.save()

    run_id = _switch_on(page, airflow)
    airflow.wait_until("the run ends", lambda: _run(page)["state"] in ("success", "failed"))

    assert _run(page)["state"] == "success"
    after, ends = read_books(exchange), read_ends(exchange, furnished)
    _see_the_grid(page, run_id)
    picture("flatten-grid")
    report = _see_the_report(page, run_id)
    picture("flatten-xcom")
    assert report == airflow.returned(DAG_ID, run_id, f"{GROUP}.report")
    assert report["flat"] is True
    assert list(disagreements(report, before, after, ends)) == []


def _switch_on(page: Page, airflow: AirflowProcesses) -> str:
    """Switch the DAG on: Airflow starts the newest run that it has missed. Return the run's id."""
    page.goto(f"/dags/{DAG_ID}")
    page.locator("label[data-scope=switch]").first.click()
    airflow.wait_until("the run begins", lambda: bool(_run(page)))
    return str(_run(page)["dag_run_id"])


def _run(page: Page) -> dict[str, Any]:
    runs: list[dict[str, Any]] = page.request.get(f"/api/v2/dags/{DAG_ID}/dagRuns").json()["dag_runs"]
    return runs[0] if runs else {}


def _see_the_grid(page: Page, run_id: str) -> None:
    """Unfold the group in the grid: every task is there, and every one is green."""
    page.goto(f"/dags/{DAG_ID}/runs/{run_id}")
    page.get_by_label("Expand all task groups").click()
    for task in TASKS:
        expect(page.get_by_role("link", name=task, exact=True).first).to_be_visible()
    rows = page.get_by_role("row").filter(has=page.get_by_role("link", name=re.compile(rf"^{GROUP}\.")))
    expect(rows).to_have_count(len(TASKS))
    expect(rows.filter(has_text="Success")).to_have_count(len(TASKS))
    page.mouse.move(5, 5)


def _see_the_report(page: Page, run_id: str) -> dict[str, Any]:
    """Open the report in XCom, compare what the page shows with what it hands over, and return that."""
    page.goto(f"/dags/{DAG_ID}/runs/{run_id}/tasks/{GROUP}.report/xcom")
    page.get_by_label("Expand all extra JSON").click()
    row = page.get_by_role("row").filter(has_text="return_value")
    expect(row).to_contain_text('"account"')
    row.get_by_role("button", name="Copy").click()
    report: dict[str, Any] = json.loads(page.evaluate("navigator.clipboard.readText()"))

    # The editor draws only the lines that are in view: scroll until the numbers before and after are.
    whole = json.dumps(report, indent=2, ensure_ascii=False).splitlines()
    shown: set[str] = set()
    row.locator(".view-line").first.hover()
    for _ in range(MOST_SCROLLS):
        lines = row.locator(".view-line").all_inner_texts()
        shown.update(line.replace("\xa0", " ").rstrip() for line in lines)
        if any('"books"' in line for line in lines):
            break
        page.mouse.wheel(0, SCROLL)
        page.wait_for_timeout(SCROLLING_MS)
    assert shown - set(whole) == set()
    assert {'  "flat": true,', *_lines_of(whole, "before"), *_lines_of(whole, "after")} - shown == set()
    page.mouse.move(5, 5)
    return report


def _lines_of(whole: list[str], name: str) -> list[str]:
    start = whole.index(f'  "{name}": {{')
    return whole[start : start + 5]
