# SPDX-License-Identifier: Apache-2.0
"""What closing positions promises: they read zero, or the task is red and names what is left."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from airflow_provider_bitget.operators.bitget import BitgetClosePositionsOperator
from airflow_provider_bitget.operators.exceptions import BitgetArgumentError, BitgetTaskError, BitgetTaskFailError
from airflow_provider_bitget.sandbox import Sandbox
from tests.kinds import POSITION_READS, endpoint, served
from tests.unit.operators.tasks import PATIENCE, TaskInstance, once, run, timeout_once


def operator(**arguments: Any) -> BitgetClosePositionsOperator:
    scope: dict[str, Any] = {} if "symbol" in arguments else {"all_symbols": True}
    return BitgetClosePositionsOperator(task_id="close", **{**scope, **arguments})


def writes(sandbox: Sandbox) -> list[str]:
    return [record.path.rsplit("/", 1)[-1] for record in served(sandbox) if record.method == "POST"]


def held(sandbox: Sandbox) -> set[tuple[str, str]]:
    return {(row["symbol"], row["holdSide"]) for row in sandbox.positions()}


def open_three(sandbox: Sandbox) -> None:
    sandbox.open_position("BTCUSDT", "long", "1.5")
    sandbox.open_position("BTCUSDT", "short", "0.5")
    sandbox.open_position("ETHUSDT", "long", "20")


def test_every_position_of_a_product_type_is_closed_and_read_as_zero(sandbox: Sandbox) -> None:
    open_three(sandbox)
    sandbox.open_position("BTCPERP", "long", "1", product_type="USDC-FUTURES")
    orders = sandbox.place(2, "SOLUSDT")
    ti = TaskInstance()

    report = run(operator(), ti)

    assert report["counts"] == {"requested": 3, "closed": 3, "failed": 0, "unresolved": 0}
    assert report["verified"] is True
    assert {(row["symbol"], row["holdSide"]): row["size"] for row in report["closed"]} == {
        ("BTCUSDT", "long"): "1.5",
        ("BTCUSDT", "short"): "0.5",
        ("ETHUSDT", "long"): "20",
    }
    assert held(sandbox) == {("BTCPERP", "long")}
    assert len(sandbox.open_orders()) == len(orders)
    assert set(writes(sandbox)) == {"close-positions"}
    assert ti.pushed == {}


def test_one_symbol_one_side_or_all_but_some_symbols_can_be_closed(sandbox: Sandbox) -> None:
    open_three(sandbox)

    assert run(operator(exclude_symbols=["BTCUSDT"]))["counts"]["closed"] == 1
    assert held(sandbox) == {("BTCUSDT", "long"), ("BTCUSDT", "short")}

    report = run(operator(symbol="BTCUSDT", hold_side="short"))
    assert report["hold_side"] == "short"
    assert held(sandbox) == {("BTCUSDT", "long")}


def test_an_account_without_positions_gets_no_write(sandbox: Sandbox) -> None:
    report = run(operator())

    assert report["counts"]["requested"] == 0
    assert report["verified"] is True
    assert writes(sandbox) == []


def test_simulate_sends_no_write_and_names_what_it_would_close(sandbox: Sandbox) -> None:
    open_three(sandbox)

    report = run(operator(simulate=True))

    assert report["simulated"] is True
    assert {row["category"] for row in report["unresolved"]} == {"not_sent"}
    assert report["counts"]["unresolved"] == 3
    assert writes(sandbox) == []
    assert len(held(sandbox)) == 3


def test_a_simulation_that_could_not_read_fails(sandbox: Sandbox) -> None:
    sandbox.inject("refuse", code="40725", endpoint=endpoint(sandbox, POSITION_READS))

    with pytest.raises(BitgetTaskError):
        run(operator(simulate=True, deadline=2))


def test_a_position_that_refuses_fails_the_task_with_its_code_and_the_others_are_closed(sandbox: Sandbox) -> None:
    open_three(sandbox)
    sandbox.refuse_close("ETHUSDT", "long", "45009")
    ti = TaskInstance()

    with pytest.raises(BitgetTaskError, match=r"ETHUSDT long 20 \(45009\)") as failed:
        run(operator(deadline=8), ti)

    report = ti.pushed["return_value"]
    assert failed.value.report == report
    assert json.loads(json.dumps(report)) == report
    assert report["counts"] == {"requested": 3, "closed": 2, "failed": 1, "unresolved": 0}
    assert (report["failed"][0]["symbol"], report["failed"][0]["errorCode"]) == ("ETHUSDT", "45009")
    assert held(sandbox) == {("ETHUSDT", "long")}


def test_a_second_try_ends_with_the_truth(sandbox: Sandbox) -> None:
    open_three(sandbox)
    sandbox.refuse_close("ETHUSDT", "long", "45009")
    with pytest.raises(BitgetTaskError):
        run(operator(deadline=8))
    sandbox.refuse_close("ETHUSDT", "long", None)

    report = run(operator())

    assert report["counts"] == {"requested": 1, "closed": 1, "failed": 0, "unresolved": 0}
    assert held(sandbox) == set()


@pytest.mark.parametrize("cancel_locking_stops", [False, True])
def test_stops_are_cancelled_only_where_they_lock_and_the_task_says_so(
    sandbox: Sandbox, cancel_locking_stops: bool
) -> None:
    open_three(sandbox)
    [locking] = sandbox.place_plan(1, "pos_loss", symbol="ETHUSDT", hold_side="long")
    [other] = sandbox.place_plan(1, "pos_loss", symbol="BTCUSDT", hold_side="long")
    sandbox.refuse_close("ETHUSDT", "long", "40746")

    with pytest.raises(BitgetTaskError, match="40746") as failed:
        run(operator(deadline=16, cancel_locking_stops=cancel_locking_stops))

    assert failed.value.report is not None
    cancelled = [row["orderId"] for row in failed.value.report["cancelled_stops"]]
    assert cancelled == ([locking["orderId"]] if cancel_locking_stops else [])
    left = {row["orderId"] for row in sandbox.open_plan_orders()}
    assert left == {other["orderId"]} | ({locking["orderId"]} - set(cancelled))


def test_positions_that_cannot_be_read_are_never_called_closed(sandbox: Sandbox) -> None:
    open_three(sandbox)
    sandbox.inject("refuse", code="40725", endpoint=endpoint(sandbox, POSITION_READS), after=1)
    ti = TaskInstance()

    with pytest.raises(BitgetTaskError):
        run(operator(deadline=4), ti)

    report = ti.pushed["return_value"]
    assert report["verified"] is False
    assert report["counts"]["closed"] == 0


def test_refused_credentials_are_final_and_reported(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    open_three(sandbox)
    wrong = json.loads(sandbox.connection_json)
    wrong["extra"] = {"passphrase": "notTheRightOne"}
    monkeypatch.setenv("AIRFLOW_CONN_BITGET_DEFAULT", json.dumps(wrong))
    ti = TaskInstance()

    with pytest.raises(BitgetTaskFailError, match="passphrase") as failed:
        run(operator(), ti)

    assert "notTheRightOne" not in str(failed.value)
    assert ti.pushed["return_value"]["verified"] is False
    assert len(held(sandbox)) == 3


def test_a_kill_before_the_start_lets_nothing_be_sent(sandbox: Sandbox) -> None:
    open_three(sandbox)
    task = operator()
    task.on_kill()

    with pytest.raises(BitgetTaskError, match="stop"):
        run(task)

    assert sandbox.requests == []
    assert len(held(sandbox)) == 3


def test_a_kill_ends_the_wait_for_positions_within_seconds(sandbox: Sandbox) -> None:
    sandbox.reset(0, close_lag=60.0)
    open_three(sandbox)
    task, ti = operator(), TaskInstance()
    killed_at: list[float] = []

    def kill() -> None:
        killed_at.append(time.monotonic())
        task.on_kill()

    once(lambda: bool(writes(sandbox)), kill)
    with pytest.raises(BitgetTaskError, match="stop"):
        run(task, ti)

    assert time.monotonic() - killed_at[0] < PATIENCE
    assert ti.pushed["return_value"]["counts"]["closed"] == 0


def test_an_execution_timeout_passes_through_after_the_report_was_pushed(sandbox: Sandbox) -> None:
    sandbox.reset(0, close_lag=60.0)
    open_three(sandbox)
    ti = TaskInstance()

    with timeout_once(lambda: bool(writes(sandbox))):
        run(operator(), ti)

    counts = ti.pushed["return_value"]["counts"]
    assert (counts["requested"], counts["closed"]) == (3, 0)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"hold_side": "both"}, "hold_side"),
        ({"hold_side": ""}, "hold_side"),
        ({"hold_side": "{{ params.side }}"}, "hold_side"),
        ({"hold_side": "LONG"}, "hold_side"),
        ({"cancel_locking_stops": "yes"}, "cancel_locking_stops"),
        ({"deadline": -1}, "deadline"),
    ],
)
def test_a_literal_that_makes_no_sense_is_refused_when_the_dag_is_read(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(BitgetArgumentError, match=named):
        operator(**arguments)


def test_defaults_are_those_that_the_documentation_promises() -> None:
    task = BitgetClosePositionsOperator(task_id="close", all_symbols=True)

    assert (task.hold_side, task.deadline, task.cancel_locking_stops, task.simulate) == (None, 120, False, False)
