# SPDX-License-Identifier: Apache-2.0
"""Plan orders of a unified account are strategy orders: cancelled one by one, and proven by a read alone."""

from __future__ import annotations

import pytest

from airflow_provider_bitget.sandbox.plan_orders import PLAN_TYPES
from tests.unit.sandbox.conftest import MakeDesk, MakeUnifiedDesk
from tests.unit.sandbox.desk import CANCEL_STRATEGY, STRATEGIES, STRATEGY_HISTORY, SUB_ORDERS, UnifiedDesk

DAY_MS = 86_400_000
RECORDED_FIELDS = {
    "orderId", "clientOid", "category", "symbol", "qty", "posSide", "status", "tpTriggerBy", "slTriggerBy",
    "takeProfit", "stopLoss", "tpOrderType", "slOrderType", "tpLimitPrice", "slLimitPrice", "triggerBy",
    "triggerPrice", "triggerOrderType", "triggerOrderPrice", "createdTime", "updatedTime",
}  # fmt: skip


@pytest.mark.parametrize(
    ("plan_type", "take_profit", "stop_loss", "trigger", "qty"),
    [
        ("normal_plan", "", "", "30000", "0.02"),
        ("track_plan", "", "", "30000", "0.02"),
        ("profit_plan", "33000", "", "", "0.02"),
        ("loss_plan", "", "27000", "", "0.02"),
        ("moving_plan", "", "27000", "", "0.02"),
        ("pos_profit", "33000", "", "", "0"),
        ("pos_loss", "", "27000", "", "0"),
    ],
)
def test_rows_say_what_each_waits_for(
    unified_desk: UnifiedDesk, plan_type: str, take_profit: str, stop_loss: str, trigger: str, qty: str
) -> None:
    unified_desk.place_plan(1, plan_type, hold_side="short")
    [row] = unified_desk.strategies().data
    assert set(row) == RECORDED_FIELDS
    assert all(isinstance(value, str) for value in row.values())
    assert (row["takeProfit"], row["stopLoss"], row["triggerPrice"]) == (take_profit, stop_loss, trigger)
    assert (row["qty"], row["posSide"], row["status"]) == (qty, "short", "pending")


@pytest.mark.parametrize(("plan_type", "qty"), [("profit_plan", "0.02"), ("loss_plan", "0.02"), ("pos_loss", "0")])
def test_one_order_can_hold_a_take_profit_and_a_stop_loss(unified_desk: UnifiedDesk, plan_type: str, qty: str) -> None:
    unified_desk.place_plan(1, plan_type, both=True)
    [row] = unified_desk.strategies().data
    assert (row["takeProfit"], row["stopLoss"], row["qty"]) == ("33000", "27000", qty)


def test_other_plan_orders_and_classic_ones_cannot_hold_both(unified_desk: UnifiedDesk, make_desk: MakeDesk) -> None:
    for desk, plan_type in ((unified_desk, "normal_plan"), (unified_desk, "moving_plan"), (make_desk(), "loss_plan")):
        with pytest.raises(ValueError, match="tpsl orders of a unified account"):
            desk.place_plan(1, plan_type, both=True)


def test_rows_may_lack_a_status_or_say_more(make_unified_desk: MakeUnifiedDesk) -> None:
    desk = make_unified_desk(strategy_status=False, strategy_details=True)
    desk.place_plan(1, "loss_plan", hold_side="long")
    desk.place_plan(1, "normal_plan", hold_side="long")
    trigger, loss = desk.strategies().data
    assert "status" not in loss
    assert (loss["type"], loss["side"], loss["reduceOnly"]) == ("tpsl", "sell", "NO")
    assert (trigger["type"], trigger["side"], trigger["reduceOnly"]) == ("trigger", "buy", "NO")


def test_list_is_not_paged(unified_desk: UnifiedDesk) -> None:
    plan_ids = unified_desk.place_plan(250)
    assert unified_desk.strategies().unified_listed == plan_ids[::-1]


@pytest.mark.parametrize(
    ("parameters", "rule", "shown"),
    [({}, "all", 7), ({}, "tpsl", 5), ({"type": "tpsl"}, "all", 5), ({"type": "trigger"}, "tpsl", 2)],
)
def test_type_says_which_orders_show(
    make_unified_desk: MakeUnifiedDesk, parameters: dict[str, str], rule: str, shown: int
) -> None:
    desk = make_unified_desk(strategy_default=rule)
    for plan_type in PLAN_TYPES:
        desk.place_plan(1, plan_type)
    assert len(desk.strategies(**parameters).data) == shown
    for plan in desk.exchange.plan_orders():
        desk.cancel_strategy(plan.order_id)
    assert len(desk.strategy_history(**parameters).unified_rows) == shown


def test_exchange_may_not_know_the_type_trigger(make_unified_desk: MakeUnifiedDesk) -> None:
    desk = make_unified_desk(strategy_trigger=False)
    desk.place_plan()
    for path in (STRATEGIES, STRATEGY_HISTORY):
        assert desk.get(path, category="USDT-FUTURES", type="trigger").code == "40017"
        assert desk.get(path, category="USDT-FUTURES", type="tpsl").code == "00000"
        assert desk.get(path).code == "40019"
    assert len(desk.strategies().data) == 1


@pytest.mark.parametrize(("rule", "nothing"), [("list", []), ("null", None)])
def test_empty_list_is_a_list_or_null(make_unified_desk: MakeUnifiedDesk, rule: str, nothing: object) -> None:
    assert make_unified_desk(empty_list=rule).strategies().data == nothing


@pytest.mark.parametrize("plan_type", PLAN_TYPES)
def test_cancelled_order_leaves_the_list_and_the_answer_says_nothing(unified_desk: UnifiedDesk, plan_type: str) -> None:
    gone, left = unified_desk.place_plan(2, plan_type, client_oids=["one", "two"])
    answer = unified_desk.post(CANCEL_STRATEGY, {"clientOid": "one"})
    assert (answer.status, answer.code, answer.data) == (200, "00000", None)
    assert unified_desk.strategies().unified_listed == [left]
    assert unified_desk.plan_status_of(gone) == "cancelled"


@pytest.mark.parametrize("code", ["25597", "25204"])
def test_cancel_of_a_gone_order_is_an_error(make_unified_desk: MakeUnifiedDesk, code: str) -> None:
    desk = make_unified_desk(gone_strategy_code=code)
    [plan_id] = desk.place_plan()
    desk.exchange.trigger(plan_id)
    for order_id in (plan_id, "7"):
        answer = desk.cancel_strategy(order_id)
        assert (answer.status, answer.code, answer.data) == (400, code, None)
    assert desk.post(CANCEL_STRATEGY, {}).code == "40924"


def test_strategy_order_is_cancelled_at_most_once_a_second(unified_desk: UnifiedDesk) -> None:
    [plan_id] = unified_desk.place_plan()
    unified_desk.exchange.inject("refuse_orders", times=1, code="25000")
    assert [unified_desk.cancel_strategy(plan_id).code for _ in range(2)] == ["25000", "25004"]
    unified_desk.clock.advance(1.0)
    assert unified_desk.cancel_strategy(plan_id).code == "00000"


def test_history_names_how_each_ended(unified_desk: UnifiedDesk) -> None:
    triggered, failed, cancelled, _live = unified_desk.place_plan(4)
    unified_desk.exchange.trigger(triggered, "fills")
    unified_desk.exchange.trigger(failed, "fails")
    unified_desk.cancel_strategy(cancelled)
    answer = unified_desk.strategy_history()
    assert {row["orderId"]: row["status"] for row in answer.unified_rows} == {
        triggered: "success",
        failed: "failed",
        cancelled: "cancelled",
    }
    assert answer.data["cursor"] == triggered


def test_history_is_paged_by_its_cursor(unified_desk: UnifiedDesk) -> None:
    plan_ids = unified_desk.place_plan(5)
    for plan_id in plan_ids:
        unified_desk.exchange.trigger(plan_id)
    first = unified_desk.strategy_history(limit=3)
    second = unified_desk.strategy_history(limit=3, cursor=first.data["cursor"])
    third = unified_desk.strategy_history(cursor=second.data["cursor"])
    assert first.unified_listed + second.unified_listed == plan_ids[::-1]
    assert third.data == {"list": [], "cursor": ""}
    since = unified_desk.now_ms + 1
    assert unified_desk.strategy_history(startTime=since, endTime=since + DAY_MS).unified_listed == []


def test_history_may_lack_the_cursor(make_unified_desk: MakeUnifiedDesk) -> None:
    desk = make_unified_desk(strategy_cursor=False)
    assert desk.strategy_history().data == {"list": []}


# What triggers placed


def test_order_that_a_trigger_placed_is_found_by_the_strategy_order(unified_desk: UnifiedDesk) -> None:
    [plan_id] = unified_desk.place_plan(1, "normal_plan", hold_side="long", size="0.7")
    assert unified_desk.sub_orders(plan_id).data == {"list": [], "cursor": ""}
    child_id = unified_desk.exchange.trigger(plan_id).child_id
    placed = str(unified_desk.now_ms)
    assert unified_desk.sub_orders(plan_id).data == {
        "list": [
            {
                "subOrderId": child_id,
                "subClientOid": "",
                "category": "USDT-FUTURES",
                "symbol": "BTCUSDT",
                "price": "30000",
                "qty": "0.7",
                "cumExecQty": "0",
                "avgPrice": "0",
                "side": "buy",
                "posSide": "long",
                "status": "live",
                "createdTime": placed,
                "updatedTime": placed,
            }
        ],
        "cursor": child_id,
    }
    assert unified_desk.sub_orders(plan_id, cursor=child_id).data == {"list": [], "cursor": ""}


def test_child_shows_what_became_of_it(unified_desk: UnifiedDesk) -> None:
    filled, cancelled = unified_desk.place_plan(2, "track_plan")
    unified_desk.exchange.trigger(filled, "fills")
    unified_desk.exchange.cancel(unified_desk.exchange.trigger(cancelled).child_id)
    rows = [unified_desk.sub_orders(one).unified_rows[0] for one in (filled, cancelled)]
    assert [(row["status"], row["cumExecQty"]) for row in rows] == [("filled", "0.02"), ("cancelled", "0")]


@pytest.mark.parametrize("plan_type", PLAN_TYPES)
def test_child_of_a_trigger_that_failed_has_no_id(unified_desk: UnifiedDesk, plan_type: str) -> None:
    [plan_id] = unified_desk.place_plan(1, plan_type)
    unified_desk.exchange.trigger(plan_id, "fails")
    answer = unified_desk.sub_orders(plan_id)
    [row] = answer.unified_rows
    assert (row["subOrderId"], row["status"], answer.data["cursor"]) == ("", "failed", "")
    assert all(isinstance(value, str) for value in row.values())


@pytest.mark.parametrize(("rule", "nothing"), [("list", []), ("null", None)])
def test_strategy_order_without_children_has_an_empty_list(
    make_unified_desk: MakeUnifiedDesk, rule: str, nothing: object
) -> None:
    desk = make_unified_desk(empty_list=rule)
    waiting, cancelled = desk.place_plan(2)
    desk.cancel_strategy(cancelled)
    assert [desk.sub_orders(one).data["list"] for one in (waiting, cancelled)] == [nothing, nothing]


def test_children_of_an_unknown_strategy_order_are_refused(unified_desk: UnifiedDesk) -> None:
    assert unified_desk.sub_orders("7").code == "25597"
    assert unified_desk.get(SUB_ORDERS).code == "40019"


def test_exchange_may_not_know_the_children(make_unified_desk: MakeUnifiedDesk) -> None:
    desk = make_unified_desk(strategy_children=False)
    [plan_id] = desk.place_plan()
    desk.exchange.trigger(plan_id)
    answer = desk.sub_orders(plan_id)
    assert (answer.status, answer.code, answer.data) == (400, "40404", None)


# Faults


def test_order_triggers_while_it_is_cancelled(unified_desk: UnifiedDesk) -> None:
    [plan_id] = unified_desk.place_plan()
    unified_desk.exchange.inject("fill_while_cancelling", endpoint="cancel-strategy-order")
    assert unified_desk.cancel_strategy(plan_id).code == "25597"
    assert unified_desk.plan_status_of(plan_id) == "executed"
    assert len(unified_desk.unfilled().unified_listed) == 1


def test_acknowledged_cancel_may_never_happen(unified_desk: UnifiedDesk) -> None:
    [plan_id] = unified_desk.place_plan()
    unified_desk.exchange.inject("ack_only", order_ids=[plan_id])
    assert unified_desk.cancel_strategy(plan_id).code == "00000"
    assert unified_desk.strategies().unified_listed == [plan_id]


@pytest.mark.parametrize("kind", ["drop_ids", "empty_lists"])
@pytest.mark.parametrize(("processed", "left"), [(True, 0), (False, 1)])
def test_cancel_that_says_nothing_may_have_done_nothing(
    unified_desk: UnifiedDesk, kind: str, processed: bool, left: int
) -> None:
    [plan_id] = unified_desk.place_plan()
    unified_desk.exchange.inject(kind, processed=processed)
    assert unified_desk.cancel_strategy(plan_id).data is None
    assert len(unified_desk.strategies().data) == left


def test_lists_of_strategy_orders_lag_and_their_history_is_late(unified_desk: UnifiedDesk) -> None:
    [plan_id] = unified_desk.place_plan()
    unified_desk.exchange.inject("lagging_book", endpoint="unfilled-strategy-orders")
    unified_desk.exchange.inject("late_history", endpoint="history-strategy-orders")
    unified_desk.cancel_strategy(plan_id)
    for seconds, listed, ended in ((0.0, [plan_id], []), (2.0, [], [plan_id])):
        unified_desk.clock.advance(seconds)
        assert unified_desk.strategies().unified_listed == listed
        assert unified_desk.strategy_history().unified_listed == ended


def test_late_history_knows_children_only_later(unified_desk: UnifiedDesk) -> None:
    [plan_id] = unified_desk.place_plan()
    unified_desk.exchange.inject("late_history")
    unified_desk.exchange.trigger(plan_id)
    assert unified_desk.sub_orders(plan_id).unified_rows == []
    unified_desk.clock.advance(2.0)
    assert len(unified_desk.sub_orders(plan_id).unified_rows) == 1
