# SPDX-License-Identifier: Apache-2.0
"""What cancelling everything promises: books that are proven to be empty, or a red task that says what is left."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from airflow_provider_bitget.operators.bitget import BitgetCancelAllOrdersOperator
from airflow_provider_bitget.operators.exceptions import BitgetArgumentError, BitgetTaskError, BitgetTaskFailError
from airflow_provider_bitget.sandbox import Sandbox
from tests.kinds import ORDER_READS, PLAN_CANCELS, PLAN_READS, READS_OF_A_LOOK, endpoint, kind_of, roles_asked, served
from tests.unit.operators.tasks import PATIENCE, StateStore, TaskInstance, once, run, timeout_once


def operator(**arguments: Any) -> BitgetCancelAllOrdersOperator:
    scope: dict[str, Any] = {} if "symbol" in arguments else {"all_symbols": True}
    quick = {"settle": 0, "lookback_days": 90}
    return BitgetCancelAllOrdersOperator(task_id="cancel_all", **{**quick, **scope, **arguments})


def methods(sandbox: Sandbox) -> set[str]:
    return {record.method for record in served(sandbox)}


def has_written(sandbox: Sandbox) -> bool:
    return "POST" in methods(sandbox)


def fill_the_books(sandbox: Sandbox) -> None:
    sandbox.place(60, "BTCUSDT")
    sandbox.place(3, "ETHUSDT", status="partially_filled")
    for plan_type in ("normal_plan", "track_plan", "profit_plan", "pos_loss"):
        sandbox.place_plan(1, plan_type, symbol="BTCUSDT", hold_side="long")


def test_every_order_and_plan_order_of_a_product_type_is_cancelled_and_proven_gone(sandbox: Sandbox) -> None:
    fill_the_books(sandbox)
    sandbox.place(1, "BTCPERP", "USDC-FUTURES")
    ti = TaskInstance()

    report = run(operator(), ti)

    assert report["counts"] == {"requested": 67, "cancelled": 67, "already_closed": 0, "failed": 0, "unresolved": 0}
    assert report["verified"] is True
    assert report["range"]["any_age"] is True
    assert report["requests"] == len(sandbox.requests)
    assert sandbox.open_plan_orders() == []
    assert [row["productType"] for row in sandbox.open_orders()] == ["USDC-FUTURES"]
    assert ti.pushed == {}


def test_one_symbol_leaves_the_others_alone(sandbox: Sandbox) -> None:
    fill_the_books(sandbox)

    report = run(operator(symbol="ethusdt"))

    assert report["counts"]["cancelled"] == 3
    assert report["symbol"] == "ETHUSDT"
    assert {row["symbol"] for row in sandbox.open_orders()} == {"BTCUSDT"}
    assert len(sandbox.open_plan_orders()) == 4
    assert {record.symbol for record in sandbox.requests if record.method == "POST"} == {"ETHUSDT"}


def test_excluded_symbols_and_other_margin_coins_are_left_alone(sandbox: Sandbox) -> None:
    fill_the_books(sandbox)

    run(operator(exclude_symbols=["BTCUSDT"]))
    assert {row["symbol"] for row in sandbox.open_orders()} == {"BTCUSDT"}

    report = run(operator(margin_coin="USDC"))
    assert report["counts"]["requested"] == 0
    assert len(sandbox.open_orders()) == 60


def test_plan_orders_can_be_left_alone(sandbox: Sandbox) -> None:
    fill_the_books(sandbox)

    report = run(operator(plan_orders=False))

    assert report["counts"]["cancelled"] == 63
    assert len(sandbox.open_plan_orders()) == 4
    assert not {PLAN_READS, PLAN_CANCELS} & set(roles_asked(sandbox))


def test_empty_books_are_a_success_with_a_proof(sandbox: Sandbox) -> None:
    report = run(operator())

    assert report["counts"]["requested"] == 0
    assert report["verified"] is True


def test_simulate_sends_no_write_and_names_what_it_would_cancel(sandbox: Sandbox) -> None:
    fill_the_books(sandbox)

    report = run(operator(simulate=True))

    assert methods(sandbox) == {"GET"}
    assert report["simulated"] is True
    assert report["counts"]["unresolved"] == 67
    assert {row["category"] for row in report["unresolved"]} == {"not_sent"}
    assert (len(sandbox.open_orders()), len(sandbox.open_plan_orders())) == (63, 4)


def test_a_simulation_that_could_not_read_fails(sandbox: Sandbox) -> None:
    sandbox.inject("refuse", code="40725", endpoint=endpoint(sandbox, ORDER_READS))

    with pytest.raises(BitgetTaskError):
        run(operator(simulate=True, deadline=2))


def test_cancelled_ids_are_listed_on_request(sandbox: Sandbox) -> None:
    placed = {order["orderId"] for order in sandbox.place(3, "BTCUSDT")}

    assert set(run(operator(report_cancelled=True))["cancelled"]) == placed


def test_one_refused_order_fails_the_task_and_all_others_are_cancelled(sandbox: Sandbox) -> None:
    orders = sandbox.place(5, "BTCUSDT")
    sandbox.inject("refuse_orders", order_ids=[orders[2]["orderId"]], code="40762")
    ti = TaskInstance()

    with pytest.raises(BitgetTaskError, match=orders[2]["orderId"]) as failed:
        run(operator(symbol="BTCUSDT", deadline=4), ti)

    report = ti.pushed["return_value"]
    assert failed.value.report == report
    assert json.loads(json.dumps(report)) == report
    assert (report["counts"]["requested"], report["counts"]["cancelled"]) == (5, 4)
    assert [row["orderId"] for row in report["failed"] + report["unresolved"]] == [orders[2]["orderId"]]
    assert len(sandbox.open_orders()) == 1


def test_a_second_try_ends_with_the_truth(sandbox: Sandbox) -> None:
    orders = sandbox.place(5, "BTCUSDT")
    sandbox.inject("refuse_orders", order_ids=[orders[2]["orderId"]], code="40762")
    store = StateStore()
    with pytest.raises(BitgetTaskError):
        run(operator(symbol="BTCUSDT", deadline=4), task_state_store=store)
    sandbox.clear_faults()

    report = run(operator(symbol="BTCUSDT"), task_state_store=store)

    assert report["counts"] == {"requested": 1, "cancelled": 1, "already_closed": 0, "failed": 0, "unresolved": 0}
    assert report["verified"] is True
    assert sandbox.open_orders() == []


def test_books_that_cannot_be_read_again_are_never_called_empty(sandbox: Sandbox) -> None:
    sandbox.place(2, "BTCUSDT")
    after = READS_OF_A_LOOK[kind_of(sandbox)][PLAN_READS]
    sandbox.inject("refuse", code="40725", endpoint=endpoint(sandbox, PLAN_READS), after=after)
    ti = TaskInstance()

    with pytest.raises(BitgetTaskError):
        run(operator(deadline=3), ti)

    assert ti.pushed["return_value"]["verified"] is False


def test_refused_credentials_are_final_and_reported(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.place(2, "BTCUSDT")
    wrong = json.loads(sandbox.connection_json)
    wrong["extra"] = {"passphrase": "notTheRightOne"}
    monkeypatch.setenv("AIRFLOW_CONN_BITGET_DEFAULT", json.dumps(wrong))
    ti = TaskInstance()

    with pytest.raises(BitgetTaskFailError, match="passphrase") as failed:
        run(operator(), ti)

    assert "notTheRightOne" not in str(failed.value)
    assert ti.pushed["return_value"]["verified"] is False
    assert len(sandbox.open_orders()) == 2


def test_a_kill_before_the_start_lets_nothing_be_sent(sandbox: Sandbox) -> None:
    fill_the_books(sandbox)
    task = operator()
    task.on_kill()

    with pytest.raises(BitgetTaskError, match="stop"):
        run(task)

    assert "POST" not in methods(sandbox)
    assert len(sandbox.open_orders()) == 63


def test_a_kill_ends_the_run_within_seconds_and_the_report_is_modest(sandbox: Sandbox) -> None:
    sandbox.reset(0, latency=0.2)
    sandbox.place(1_000, "BTCUSDT")
    task, ti = operator(symbol="BTCUSDT"), TaskInstance()
    killed_at: list[float] = []

    def kill() -> None:
        killed_at.append(time.monotonic())
        task.on_kill()

    once(lambda: has_written(sandbox), kill)
    with pytest.raises(BitgetTaskError, match="stop"):
        run(task, ti)

    assert time.monotonic() - killed_at[0] < PATIENCE
    report = ti.pushed["return_value"]
    assert report["verified"] is False
    assert report["counts"]["requested"] == 1_000
    assert report["counts"]["unresolved"] == 1_000
    assert 0 < len(sandbox.open_orders()) < 1_000


def test_an_execution_timeout_passes_through_after_the_report_was_pushed(sandbox: Sandbox) -> None:
    sandbox.reset(0, latency=0.2)
    sandbox.place(1_000, "BTCUSDT")
    ti = TaskInstance()

    with timeout_once(lambda: has_written(sandbox)):
        run(operator(symbol="BTCUSDT"), ti)

    assert ti.pushed["return_value"]["verified"] is False
    assert ti.pushed["return_value"]["counts"]["cancelled"] == 0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"plan_orders": None}, "plan_orders"),
        ({"report_cancelled": "yes"}, "report_cancelled"),
        ({"lookback_days": 0}, "lookback_days"),
        ({"settle": -1}, "settle"),
        ({"settle": "1"}, "settle"),
        ({"settle": 300, "deadline": 300}, "settle"),
        ({"deadline": 90_000}, "deadline"),
    ],
)
def test_a_literal_that_makes_no_sense_is_refused_when_the_dag_is_read(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(BitgetArgumentError, match=named):
        operator(**arguments)


def test_defaults_are_those_that_the_documentation_promises() -> None:
    task = BitgetCancelAllOrdersOperator(task_id="cancel_all", all_symbols=True)

    assert (task.plan_orders, task.deadline, task.settle, task.lookback_days) == (True, 300, 1, 730)
    assert (task.product_type, task.simulate, task.report_cancelled) == ("USDT-FUTURES", False, False)
