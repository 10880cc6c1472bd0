# SPDX-License-Identifier: Apache-2.0
"""What one task lists, another one takes as it is; mapped tasks keep to their own symbol."""

from __future__ import annotations

from airflow_provider_bitget.sandbox import Sandbox
from tests.airflow.dag_runs import RunDag, assert_every_order_is_reported_once


def test_listed_orders_and_plan_orders_are_cancelled_by_the_next_task(sandbox: Sandbox, run_dag: RunDag) -> None:
    sandbox.place(3, "BTCUSDT")
    sandbox.place_plan(2, "normal_plan", symbol="BTCUSDT")
    sandbox.place_plan(1, "pos_loss", symbol="BTCUSDT", hold_side="long")
    sandbox.place(2, "ETHUSDT")
    sandbox.place(4, "SOLUSDT")
    sandbox.place(1, "XRPUSDT")

    outcome = run_dag("listed_orders", symbol="BTCUSDT")

    assert outcome.state == "success"
    report = outcome.task("cancel").result
    assert_every_order_is_reported_once(report)
    assert report["counts"]["requested"] == report["counts"]["cancelled"] == 6
    assert [task.result["counts"]["cancelled"] for task in outcome.mapped("cancel_each")] == [2, 4]
    assert [row["symbol"] for row in sandbox.open_orders()] == ["XRPUSDT"]
    assert sandbox.open_plan_orders() == []


def test_cancel_and_close_keep_to_their_symbols(sandbox: Sandbox, run_dag: RunDag) -> None:
    for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT"):
        sandbox.place(2, symbol)
        sandbox.open_position(symbol)

    outcome = run_dag("all_of_some_symbols")

    assert outcome.state == "success"
    assert [task.result["symbol"] for task in outcome.mapped("cancel_all")] == ["BTCUSDT", "ETHUSDT"]
    assert outcome.task("close").result["counts"]["closed"] == 2
    assert {row["symbol"] for row in sandbox.open_orders()} == {"SOLUSDT"}
    assert [row["symbol"] for row in sandbox.positions()] == ["SOLUSDT"]
