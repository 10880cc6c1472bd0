# SPDX-License-Identifier: Apache-2.0
"""What a list of open orders promises: all of them or none, in rows that the batch cancel takes as they are."""

from __future__ import annotations

import json
import threading
from datetime import datetime, timedelta
from typing import Any

import pytest

from airflow_provider_bitget.operators.bitget import BitgetBatchCancelOperator, BitgetListOpenOrdersOperator
from airflow_provider_bitget.operators.exceptions import BitgetArgumentError, BitgetTaskError, BitgetTaskFailError
from airflow_provider_bitget.sandbox import Sandbox
from tests.kinds import (
    ORDER_READS,
    PLAN_READS,
    READS_OF_A_LOOK,
    endpoint,
    kind_of,
    plan_type_shown,
    roles_asked,
)
from tests.unit.operators.tasks import TaskInstance, run

DAY_MS = 86_400_000


def operator(**arguments: Any) -> BitgetListOpenOrdersOperator:
    scope: dict[str, Any] = {} if "symbol" in arguments else {"all_symbols": True}
    return BitgetListOpenOrdersOperator(task_id="open_orders", **{"lookback_days": 90, **scope, **arguments})


def ids(rows: list[dict[str, Any]]) -> set[str]:
    return {row["orderId"] for row in rows}


def test_live_and_partially_filled_orders_are_listed_once_each(sandbox: Sandbox) -> None:
    live = sandbox.place(130, "BTCUSDT")
    partial = sandbox.place(3, "ETHUSDT", status="partially_filled")
    sandbox.place(1, "BTCPERP", "USDC-FUTURES")
    sandbox.fill(sandbox.place(1, "BTCUSDT")[0]["orderId"])

    rows = run(operator())

    assert len(rows) == 133
    assert ids(rows) == ids(live + partial)
    assert {row["productType"] for row in rows} == {"USDT-FUTURES"}
    assert not [row for row in rows if "planType" in row]


def test_rows_go_into_the_batch_cancel_as_they_are_plan_orders_too(sandbox: Sandbox) -> None:
    sandbox.place(3, "BTCUSDT")
    sandbox.place(2, "ETHUSDT", client_oids=True)
    for plan_type in ("normal_plan", "track_plan", "profit_plan", "pos_loss"):
        sandbox.place_plan(2, plan_type, symbol="BTCUSDT", hold_side="long")

    rows = run(operator(plan_orders=True))
    report = run(BitgetBatchCancelOperator(task_id="cancel", orders=rows))

    assert len(rows) == 13
    shown = {plan_type_shown(kind_of(sandbox), one) for one in ("normal_plan", "track_plan", "profit_plan", "pos_loss")}
    assert {row.get("planType") for row in rows} == {None} | shown
    assert report["counts"] == {"requested": 13, "cancelled": 13, "already_closed": 0, "failed": 0, "unresolved": 0}
    assert sandbox.open_orders() == sandbox.open_plan_orders() == []


def test_plan_orders_are_listed_only_on_request(sandbox: Sandbox) -> None:
    sandbox.place_plan(2, "normal_plan", symbol="BTCUSDT")

    assert run(operator()) == []
    assert PLAN_READS not in roles_asked(sandbox)


def test_one_symbol_an_excluded_symbol_and_a_margin_coin_narrow_the_rows(sandbox: Sandbox) -> None:
    bitcoin = sandbox.place(2, "BTCUSDT")
    ether = sandbox.place(2, "ETHUSDT")
    sandbox.place_plan(1, "normal_plan", symbol="ETHUSDT")

    assert ids(run(operator(symbol="btcusdt", plan_orders=True))) == ids(bitcoin)
    assert ids(run(operator(exclude_symbols=["BTCUSDT"]))) == ids(ether)
    assert run(operator(margin_coin="USDC", plan_orders=True)) == []


def test_orders_older_than_three_months_are_found_as_far_back_as_asked(sandbox: Sandbox) -> None:
    now_ms = int(datetime.now().timestamp() * 1000)  # noqa: DTZ005  # seconds since the epoch either way
    sandbox.reset(0, unfilled_days=90)
    old = sandbox.place(1, "BTCUSDT", created_ms=now_ms - 400 * DAY_MS)
    new = sandbox.place(1, "BTCUSDT")

    assert ids(run(operator(lookback_days=730))) == ids(old + new)
    assert ids(run(operator(lookback_days=90))) == ids(new)
    assert BitgetListOpenOrdersOperator(task_id="default", all_symbols=True).lookback_days == 730


def test_the_report_names_the_counts_and_the_range_that_was_read(sandbox: Sandbox) -> None:
    sandbox.place(3, "BTCUSDT")
    sandbox.place_plan(2, "normal_plan", symbol="BTCUSDT")
    ti = TaskInstance()

    run(operator(plan_orders=True, lookback_days=365), ti)

    report = ti.pushed["report"]
    assert json.loads(json.dumps(report)) == report
    assert report["counts"] == {"orders": 3, "plan_orders": 2}
    assert report["verified"] is True
    begin, end = (datetime.fromisoformat(report["range"][name]) for name in ("from", "to"))
    assert timedelta(days=364) < end - begin <= timedelta(days=365)
    assert report["requests"] == len(sandbox.requests)
    assert "return_value" not in ti.pushed


@pytest.mark.parametrize(
    ("code", "verdict"),
    [("40725", BitgetTaskError), ("40309", BitgetTaskFailError), ("40014", BitgetTaskFailError)],
)
def test_a_read_that_does_not_reach_its_end_returns_no_part_of_the_orders(
    sandbox: Sandbox, code: str, verdict: type[Exception]
) -> None:
    sandbox.place(130, "BTCUSDT")
    after = READS_OF_A_LOOK[kind_of(sandbox)][ORDER_READS]
    sandbox.inject("refuse", code=code, endpoint=endpoint(sandbox, ORDER_READS), after=after)
    ti = TaskInstance()

    with pytest.raises(verdict, match="could not be read to the end") as failed:
        run(operator(deadline=1), ti)

    assert type(failed.value) is verdict
    assert set(ti.pushed) == {"report"}
    assert ti.pushed["report"]["verified"] is False
    assert failed.value.report == ti.pushed["report"]  # type: ignore[attr-defined]


def test_a_lost_plan_list_fails_the_task_although_the_orders_were_read(sandbox: Sandbox) -> None:
    sandbox.place(3, "BTCUSDT")
    sandbox.inject("refuse", code="40309", endpoint=endpoint(sandbox, PLAN_READS), after=1)

    with pytest.raises(BitgetTaskFailError):
        run(operator(plan_orders=True))


def test_a_kill_before_the_read_ends_it_without_rows(sandbox: Sandbox) -> None:
    sandbox.place(3, "BTCUSDT")
    task = operator()
    task.on_kill()

    with pytest.raises(BitgetTaskError, match="stop"):
        run(task)

    assert sandbox.requests == []


def test_a_kill_during_the_read_ends_it_within_seconds(sandbox: Sandbox) -> None:
    sandbox.place(3, "BTCUSDT")
    sandbox.inject("hang", seconds=20.0)
    task = operator()
    threading.Timer(0.2, task.on_kill).start()
    with pytest.raises(BitgetTaskError, match="stop"):
        run(task)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"plan_orders": "yes"}, "plan_orders"),
        ({"lookback_days": 0}, "lookback_days"),
        ({"lookback_days": 3_651}, "lookback_days"),
        ({"lookback_days": "90"}, "lookback_days"),
    ],
)
def test_a_literal_that_makes_no_sense_is_refused_when_the_dag_is_read(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(BitgetArgumentError, match=named):
        operator(**arguments)
