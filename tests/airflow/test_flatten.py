# SPDX-License-Identifier: Apache-2.0
"""The whole task group through Airflow: what it does to the books, what its report says, and when it is red."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_bitget.sandbox import Sandbox
from airflow_provider_bitget.sandbox.accounts import AccountMode
from tests.airflow.dag_runs import DagOutcome, RunDag
from tests.airflow_version import fails_a_sensor_that_looks_twice, since, without_airflows_own_telling
from tests.kinds import (
    CANCELS,
    CLASSIC,
    CLOSES,
    KINDS,
    MASS_CANCELS,
    ORDER_READS,
    UNIFIED,
    endpoint,
    kind_of,
    served,
)

REPORT = "flatten_account.report"
PRODUCT_TYPE = "USDT-FUTURES"
PLAN_TYPES = ("normal_plan", "track_plan", "profit_plan", "loss_plan", "moving_plan", "pos_profit", "pos_loss")


def phase(name: str, product_type: str = "usdt_futures") -> str:
    return f"flatten_account.{name}_{product_type}"


def fill_the_books(sandbox: Sandbox, **options: Any) -> None:
    """Open what an account may have open in the evening: 9 orders, 21 plan orders, 3 positions."""
    sandbox.place(9, **options)
    for plan_type in PLAN_TYPES:
        sandbox.place_plan(3, plan_type, **options)
    sandbox.open_position("BTCUSDT", "long", "0.5", **options)
    sandbox.open_position("ETHUSDT", "short", "4", **options)
    sandbox.open_position("XRPUSDT", "long", "100", **options)


def left_on(sandbox: Sandbox, account: Any = None) -> tuple[int, int, int]:
    """Count the orders, plan orders and positions that are open by the exchange's books."""
    return (
        len(sandbox.open_orders(account=account)),
        len(sandbox.open_plan_orders(account=account)),
        len(sandbox.positions(account=account)),
    )


def numbers(counts: Mapping[str, Any]) -> tuple[int, int, int]:
    return counts["orders"], counts["plan_orders"], counts["positions"]


def endpoints_of(sandbox: Sandbox, method: str) -> set[str]:
    return {record.path.rsplit("/", 1)[-1] for record in served(sandbox) if record.method == method}


def states(outcome: DagOutcome, *names: str) -> list[str]:
    return [outcome.task(phase(name)).state for name in names]


def first_request(sandbox: Sandbox, role: str) -> float:
    """Return when the first request of a role arrived."""
    return min(record.arrival for record in served(sandbox, role))


def test_an_account_with_everything_open_ends_flat_and_the_report_and_its_pages_prove_it(
    sandbox: Sandbox, run_dag: RunDag, capfd: pytest.CaptureFixture[str]
) -> None:
    fill_the_books(sandbox)
    sandbox.place(4, "BTCUSD", "COIN-FUTURES")
    elsewhere = {row["orderId"] for row in sandbox.place(2, "BTCPERP", "USDC-FUTURES")}

    outcome = run_dag("flatten")

    assert outcome.state == "success"
    assert left_on(sandbox) == (2, 0, 0)
    assert {row["orderId"] for row in sandbox.open_orders()} == elsewhere
    report = outcome.task(REPORT).result
    assert (report["flat"], report["simulated"], report["missing"]) == (True, False, [])
    assert (report["account"], report["product_types"]) == ("bitget_default", [PRODUCT_TYPE, "COIN-FUTURES"])
    assert numbers(report["before"]) == (13, 21, 3)
    assert report["after"] == {"orders": 0, "plan_orders": 0, "positions": 0, "position_value": "0"}
    assert report["counts"] == {"cancelled": 34, "already_closed": 0, "positions_closed": 3}
    # Orders and opening plan orders before the close, stops only after it.
    assert outcome.task(phase("cancel")).result["counts"]["cancelled"] == 9 + 6
    assert outcome.task(phase("cancel_stops")).result["counts"]["cancelled"] == 15
    assert outcome.task(phase("prove")).result["settle"] == 0.5
    html, markdown = (Path(report["pages"][kind]).read_text(encoding="utf-8") for kind in ("html", "markdown"))
    assert "FLAT" in html
    assert "NOT FLAT" not in html
    assert markdown.startswith("# FLAT")
    written = without_airflows_own_telling("".join(capfd.readouterr())) + html + markdown + repr(outcome)
    account = sandbox.accounts[0]
    for credential in (account.key, account.secret, account.passphrase):
        assert credential not in written


def test_what_the_exchange_refuses_is_named_keeps_its_stops_and_fails_the_run(
    sandbox: Sandbox, run_dag: RunDag
) -> None:
    sandbox.reset(orders=0, flash_close_maximum={"ETHUSDT": "1"})
    symbols = {"BTCUSDT": "40746", "ETHUSDT": "40888", "SOLUSDT": "45009", "XRPUSDT": "41114", "DOGEUSDT": ""}
    stops = {}
    for symbol in symbols:
        sandbox.open_position(symbol, "long", "2")
        (stop,) = sandbox.place_plan(1, "loss_plan", symbol=symbol, hold_side="long")
        stops[symbol] = stop["orderId"]
    sandbox.place(4, "DOGEUSDT")
    (stuck,) = sandbox.place(1, "XRPUSDT")
    sandbox.refuse_close("SOLUSDT", "long", "45009")
    sandbox.maintain(["XRPUSDT"])
    # A unified account's answer does not say whose refusal is whose: it takes closes of the symbol alone to tell.
    times = {CLASSIC: 1, UNIFIED: 6}[kind_of(sandbox)]
    sandbox.inject(
        "refuse_orders", endpoint=endpoint(sandbox, CLOSES), order_ids=["BTCUSDT/long"], code="40746", times=times
    )

    outcome = run_dag("flatten_against_refusals")

    assert outcome.state == "failed"
    assert states(outcome, "close", "prove") == ["failed", "failed"]
    assert {row["symbol"] for row in sandbox.positions()} == {"ETHUSDT", "SOLUSDT", "XRPUSDT"}
    assert [row["orderId"] for row in sandbox.open_orders()] == [stuck["orderId"]]
    kept = {stops[symbol] for symbol in ("ETHUSDT", "SOLUSDT", "XRPUSDT")}
    assert {row["orderId"] for row in sandbox.open_plan_orders()} == kept
    report = outcome.task(REPORT).result
    assert outcome.task(REPORT).state == "failed"
    assert report["flat"] is False
    assert {row["orderId"] for row in report["stops_kept"]} == kept
    assert [row["orderId"] for row in report["stops_released"]] == [stops["BTCUSDT"]]
    assert report["left"]["known"] is True
    assert numbers(report["left"]["counts"]) == (1, 3, 3)
    codes = {row["symbol"]: row["errorCode"] for row in report["left"]["rows"] if row["kind"] == "position"}
    assert codes == {symbol: symbols[symbol] for symbol in ("ETHUSDT", "SOLUSDT", "XRPUSDT")}
    categories = {row["symbol"]: row["category"] for row in report["left"]["rows"] if row["kind"] == "position"}
    assert categories["ETHUSDT"] == "too_large_to_flash_close"
    assert (categories["SOLUSDT"], categories["XRPUSDT"]) == ("account_risk", "maintenance")
    assert Path(report["pages"]["markdown"]).read_text(encoding="utf-8").startswith("# NOT FLAT")


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("extra", {"passphrase": "anything", "account_mode": "uta"}, "account_mode must be"),
        ("conn_type", None, "isn't defined"),
    ],
    ids=["a field that cannot be used", "no connection"],
)
def test_a_connection_that_cannot_be_used_is_named_on_the_page(
    sandbox: Sandbox, run_dag: RunDag, monkeypatch: pytest.MonkeyPatch, field: str, value: Any, why: str
) -> None:
    fill_the_books(sandbox)
    before = left_on(sandbox)
    if value is None:
        monkeypatch.delenv("AIRFLOW_CONN_BITGET_DEFAULT")
    else:
        monkeypatch.setenv("AIRFLOW_CONN_BITGET_DEFAULT", json.dumps({**sandbox.connection, field: value}))

    outcome = run_dag("flatten")

    assert (outcome.state, left_on(sandbox)) == ("failed", before)
    report = outcome.task(REPORT).result
    assert report["flat"] is False
    assert {why in row["refusal"] for row in report["phases"]} == {True}
    page = Path(report["pages"]["markdown"]).read_text(encoding="utf-8")
    assert page.startswith("# NOT FLAT")
    assert page.count(why) == 1


def test_an_exchange_that_fails_half_way_is_tried_again_and_ends_flat(sandbox: Sandbox, run_dag: RunDag) -> None:
    fill_the_books(sandbox)
    # Longer than the first try of the close.
    sandbox.inject("bad_gateway", endpoint=endpoint(sandbox, CLOSES), duration=3.5)
    outcome = run_dag("flatten_with_retries")

    assert outcome.state == "success"
    assert left_on(sandbox) == (0, 0, 0)
    assert outcome.task(REPORT).result["flat"] is True
    assert outcome.task(phase("close")).result["counts"]["closed"] == 3


@since(3, 0, "its dag.test() outlives a task that is killed, and runs the next try")
# The signal may arrive while an object is being finalized: Python can only warn of what its handler raises there.
@pytest.mark.filterwarnings("default::pytest.PytestUnraisableExceptionWarning")
def test_a_killed_close_goes_on_where_it_was_and_ends_flat(sandbox: Sandbox, run_dag: RunDag) -> None:
    sandbox.reset(orders=0, close_lag=1.0, latency=0.05)
    fill_the_books(sandbox)

    def kill_the_close() -> None:
        while not served(sandbox, CLOSES):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=kill_the_close, daemon=True).start()
    outcome = run_dag("flatten_with_retries")

    assert outcome.state == "success"
    assert left_on(sandbox) == (0, 0, 0)
    assert outcome.task(REPORT).result["flat"] is True
    assert outcome.task(phase("close")).state == "success"


def test_an_order_that_fills_meanwhile_is_reported_closed_and_makes_the_proof_wait_longer(
    sandbox: Sandbox, run_dag: RunDag
) -> None:
    sandbox.reset(orders=0, fills_make_positions=True, position_lag=0.5)
    fill_the_books(sandbox)
    (filling,) = sandbox.place(1, "SOLUSDT", hold_side="long", trade_side="open", size="1")
    sandbox.inject("fill_while_cancelling", endpoint=endpoint(sandbox, CANCELS), order_ids=[filling["orderId"]])

    outcome = run_dag("flatten_in_part")

    assert outcome.state == "success"
    spared = [*sandbox.open_orders(), *sandbox.open_plan_orders(), *sandbox.positions()]
    assert {row["symbol"] for row in spared} == {"XRPUSDT"}
    # A call for the whole product type would not know what is excluded.
    assert endpoint(sandbox, MASS_CANCELS) not in endpoints_of(sandbox, "POST")
    assert outcome.task(phase("prove")).result["settle"] == 1.5
    report = outcome.task(REPORT).result
    assert report["exclude_symbols"] == ["XRPUSDT"]
    assert [row["orderId"] for row in report["fills"]] == [filling["orderId"]]
    assert "SOLUSDT" in {row["symbol"] for row in report["positions"]}
    assert report["pages"] == {}


@fails_a_sensor_that_looks_twice
def test_a_cancel_that_gets_nowhere_does_not_keep_the_close_from_starting_in_time(
    sandbox: Sandbox, run_dag: RunDag
) -> None:
    fill_the_books(sandbox)
    sandbox.inject("hang", endpoint=endpoint(sandbox, CANCELS), seconds=60.0, duration=4.0)

    outcome = run_dag("flatten_when_the_cancel_waits")

    # Within close_after. Its next try would have come later, and gave way.
    assert first_request(sandbox, CLOSES) - first_request(sandbox, ORDER_READS) < 12.0
    assert states(outcome, "cancel", "close", "sweep", "prove") == ["skipped", "success", "success", "success"]
    assert outcome.state == "success"
    assert left_on(sandbox) == (0, 0, 0)
    assert outcome.task(REPORT).result["flat"] is True


@pytest.mark.parametrize("kind", KINDS)
def test_an_account_that_fails_leaves_the_others_to_be_flattened(
    kind: AccountMode, run_dag: RunDag, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sandbox(accounts=3, account_mode=kind) as exchange:
        for account, name in zip(exchange.accounts, ("DEFAULT", "SECOND", "THIRD"), strict=True):
            connection = account.connection(exchange.url)
            if name == "SECOND":
                connection["password"] = "not-its-secret"
            monkeypatch.setenv(f"AIRFLOW_CONN_BITGET_{name}", json.dumps(connection))
            fill_the_books(exchange, account=account)

        outcome = run_dag("flatten_accounts")

        assert [left_on(exchange, account) for account in exchange.accounts] == [(0, 0, 0), (9, 21, 3), (0, 0, 0)]
    assert outcome.state == "failed"
    reports = outcome.mapped(REPORT)
    assert [task.state for task in reports] == ["success", "failed", "success"]
    assert [task.result["flat"] for task in reports] == [True, False, True]
    assert [task.result["account"] for task in reports] == ["bitget_default", "bitget_second", "bitget_third"]
    assert len({task.result["pages"]["html"] for task in reports}) == 3


def test_a_simulated_run_sends_no_write_and_does_not_fail(sandbox: Sandbox, run_dag: RunDag) -> None:
    fill_the_books(sandbox)

    outcome = run_dag("flatten_simulated")

    assert endpoints_of(sandbox, "POST") == set()
    assert left_on(sandbox) == (9, 21, 3)
    assert outcome.state == "success"
    assert {task.state for task in outcome.tasks.values()} == {"success"}
    report = outcome.task(REPORT).result
    assert (report["simulated"], report["flat"]) == (True, False)
    assert numbers(report["left"]["counts"]) == (9, 21, 3)
    assert Path(report["pages"]["markdown"]).read_text(encoding="utf-8").startswith("# SIMULATED")


@pytest.mark.parametrize(("before", "state"), [("fail", "upstream_failed"), ("skip", "skipped")])
def test_what_comes_before_the_group_is_respected(sandbox: Sandbox, run_dag: RunDag, before: str, state: str) -> None:
    fill_the_books(sandbox)

    outcome = run_dag("flatten_after_something", before=before)

    assert {task.state for (task_id, _), task in outcome.tasks.items() if task_id != "before"} == {state}
    assert outcome.state == ("failed" if before == "fail" else "success")
    assert sandbox.requests == []
