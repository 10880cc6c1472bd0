# SPDX-License-Identifier: Apache-2.0
"""Plan orders show in the lists of their kind, and what their triggers placed can be looked up."""

from __future__ import annotations

import pytest

from airflow_provider_bitget.sandbox.plan_orders import PLAN_TYPES, PROTECTIVE_PLAN_TYPES
from tests.unit.sandbox.conftest import MakeDesk
from tests.unit.sandbox.desk import PLAN_CHILD, PLAN_HISTORY, PLAN_PENDING, USDT_FUTURES, Desk

DAY_MS = 86_400_000


def test_three_queries_show_every_plan_order_once_with_its_concrete_type(desk: Desk) -> None:
    placed = {desk.place_plan(1, plan_type)[0]: plan_type for plan_type in PLAN_TYPES}
    shown = [desk.plans(query).rows for query in ("normal_plan", "track_plan", "profit_loss")]
    assert [len(rows) for rows in shown] == [1, 1, 5]
    assert {row["orderId"]: row["planType"] for rows in shown for row in rows} == placed
    assert all(row["planStatus"] == "live" for rows in shown for row in rows)


def test_rows_are_text_and_orders_for_the_whole_position_have_the_size_zero(desk: Desk) -> None:
    for plan_type in PROTECTIVE_PLAN_TYPES:
        desk.place_plan(1, plan_type, size="1.5", hold_side="short")
    rows = desk.plans("profit_loss").rows
    sizes = {row["planType"]: row["size"] for row in rows}
    assert sizes == {
        "profit_plan": "1.5", "loss_plan": "1.5", "moving_plan": "1.5", "pos_profit": "0", "pos_loss": "0",
    }  # fmt: skip
    assert all(isinstance(value, str) for row in rows for value in row.values())
    assert {(row["posSide"], row["tradeSide"], row["posMode"]) for row in rows} == {("short", "close", "hedge_mode")}


@pytest.mark.parametrize(
    ("plan_type", "hold_side", "pos_mode", "side", "trade_side"),
    [
        ("normal_plan", "long", "hedge_mode", "buy", "open"),
        ("loss_plan", "long", "hedge_mode", "buy", "close"),
        ("loss_plan", "short", "hedge_mode", "sell", "close"),
        ("normal_plan", "short", "one_way_mode", "sell", "sell_single"),
        ("loss_plan", "long", "one_way_mode", "sell", "sell_single"),
    ],
)
def test_sides_follow_the_position_mode(
    desk: Desk, plan_type: str, hold_side: str, pos_mode: str, side: str, trade_side: str
) -> None:
    [plan_id] = desk.place_plan(1, plan_type, hold_side=hold_side, pos_mode=pos_mode)
    query = "normal_plan" if plan_type == "normal_plan" else "profit_loss"
    [row] = desk.plans(query, orderId=plan_id).rows
    assert (row["side"], row["tradeSide"], row["posMode"]) == (side, trade_side, pos_mode)


def test_empty_lists_of_plan_orders_are_null(desk: Desk) -> None:
    for answer in (desk.plans(), desk.plans("profit_loss"), desk.plan_history()):
        assert answer.data == {"entrustedList": None, "endId": None}


@pytest.mark.parametrize(
    ("rule", "full", "short"), [("full_pages", True, False), ("always", True, True), ("never", False, False)]
)
def test_answers_may_lack_the_end_id(make_desk: MakeDesk, rule: str, full: bool, short: bool) -> None:
    desk = make_desk(plan_end_id=rule)
    desk.place_plan(3)
    assert ("endId" in desk.plans(limit=3).data, "endId" in desk.plans(limit=4).data) == (full, short)


def test_pages_hold_a_hundred_plan_orders_and_miss_none(desk: Desk) -> None:
    plan_ids = desk.place_plan(250)
    first = desk.plans()
    second = desk.plans(idLessThan=first.data["endId"])
    third = desk.plans(idLessThan=second.data["endId"])
    assert [len(page.rows) for page in (first, second, third)] == [100, 100, 50]
    assert first.listed + second.listed + third.listed == plan_ids[::-1]


def test_plan_lists_can_be_narrowed_down(desk: Desk) -> None:
    [bitcoin], [ether] = desk.place_plan(client_oids=["mine"]), desk.place_plan(symbol="ETHUSDT")
    assert desk.plans(symbol="ETHUSDT").listed == [ether]
    assert desk.plans(orderId=bitcoin).listed == [bitcoin]
    assert desk.plans(clientOid="mine").listed == [bitcoin]
    assert desk.plans(clientOid="other").listed == []
    assert desk.plans("track_plan", orderId=bitcoin).listed == []
    assert desk.get(PLAN_PENDING, productType="COIN-FUTURES", planType="normal_plan").listed == []


@pytest.mark.parametrize("path", [PLAN_PENDING, PLAN_HISTORY])
@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"planType": ""}, "40019"),
        ({"planType": "pos_loss"}, "40017"),
        ({"productType": ""}, "40019"),
        ({"limit": 101}, "40017"),
        ({"startTime": 1, "endTime": 1 + 91 * DAY_MS}, "40017"),
    ],
)
def test_malformed_plan_reads_are_refused(desk: Desk, path: str, parameters: dict[str, object], code: str) -> None:
    answer = desk.get(path, **{"productType": USDT_FUTURES, "planType": "normal_plan", **parameters})
    assert (answer.status, answer.code) == (400, code)


def test_plan_orders_older_than_ninety_days_show_only_with_explicit_times(desk: Desk) -> None:
    created = desk.now_ms - 100 * DAY_MS
    [old], [new] = desk.place_plan(created_ms=created), desk.place_plan()
    assert desk.plans().listed == [new]
    assert desk.plans(startTime=created, endTime=created + 90 * DAY_MS).listed == [old]


def test_trigger_whose_child_rests_places_a_live_order(desk: Desk) -> None:
    [plan_id] = desk.place_plan(1, "normal_plan", hold_side="long", size="0.7")
    assert desk.children(plan_id).data == []
    plan = desk.exchange.trigger(plan_id)
    assert desk.plans().listed == []
    [row] = desk.pending().rows
    assert (row["orderId"], row["size"], row["tradeSide"]) == (plan.child_id, "0.7", "open")
    assert desk.children(plan_id).data == [
        {"orderId": plan.child_id, "price": "30000", "type": "limit", "status": "success"}
    ]
    [ended] = desk.plan_history().rows
    assert (ended["planStatus"], ended["executeOrderId"]) == ("executed", plan.child_id)


def test_trigger_whose_child_fills_leaves_no_open_order(desk: Desk) -> None:
    [plan_id] = desk.place_plan(1, "track_plan")
    plan = desk.exchange.trigger(plan_id, "fills")
    assert (desk.pending().listed, desk.status_of(plan.child_id)) == ([], "filled")
    [child] = desk.children(plan_id, "track_plan").data
    assert (child["orderId"], child["type"], child["status"]) == (plan.child_id, "market", "success")


def test_trigger_that_fails_places_nothing(make_desk: MakeDesk) -> None:
    desk = make_desk(triggered_child="fails")
    [plan_id] = desk.place_plan()
    desk.exchange.trigger(plan_id)
    assert desk.exchange.orders() == []
    [child] = desk.children(plan_id).data
    assert (child["orderId"], child["status"]) == ("", "fail")
    assert [row["planStatus"] for row in desk.plan_history(planStatus="fail_execute").rows] == ["fail_execute"]
    assert desk.plan_history(planStatus="executed").rows == []


def test_triggered_stop_closes_its_position(desk: Desk) -> None:
    desk.exchange.open_position("BTCUSDT", "long", "1.5")
    [plan_id] = desk.place_plan(1, "pos_loss", hold_side="long")
    plan = desk.exchange.trigger(plan_id, "fills")
    assert desk.exchange.order(plan.child_id).size == "1.5"
    assert desk.positions() == []


def test_cancelled_plan_order_has_no_child(desk: Desk) -> None:
    [plan_id] = desk.place_plan()
    desk.cancel_plans([plan_id])
    assert desk.children(plan_id).data == []
    assert [row["planStatus"] for row in desk.plan_history().rows] == ["cancelled"]


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"planType": ""}, "40019"),
        ({"planType": "pos_loss"}, "40017"),
        ({"planOrderId": ""}, "40019"),
        ({"planOrderId": "7"}, "43025"),
        ({"planType": "track_plan"}, "43025"),
        ({"productType": "COIN-FUTURES"}, "43025"),
    ],
)
def test_child_of_an_unknown_plan_order_is_refused(desk: Desk, parameters: dict[str, str], code: str) -> None:
    [plan_id] = desk.place_plan()
    asked = {"productType": USDT_FUTURES, "planType": "normal_plan", "planOrderId": plan_id, **parameters}
    assert desk.get(PLAN_CHILD, **asked).code == code


def test_lagging_book_shows_ended_plan_orders_for_a_time(desk: Desk) -> None:
    [plan_id] = desk.place_plan()
    desk.exchange.inject("lagging_book", seconds=2)
    desk.cancel_plans([plan_id])
    assert [row["planStatus"] for row in desk.plans().rows] == ["live"]
    desk.clock.advance(2.0)
    assert desk.plans().rows == []


def test_late_history_knows_triggers_only_later(desk: Desk) -> None:
    [plan_id] = desk.place_plan()
    desk.exchange.inject("late_history", seconds=2)
    desk.exchange.trigger(plan_id)
    assert (desk.children(plan_id).data, desk.plan_history().rows) == ([], [])
    desk.clock.advance(2.0)
    assert len(desk.children(plan_id).data) == len(desk.plan_history().rows) == 1


def test_owner_is_told_what_cannot_be_done_with_plan_orders(desk: Desk) -> None:
    [plan_id] = desk.place_plan()
    desk.exchange.trigger(plan_id)
    for act, message in (
        (lambda: desk.exchange.trigger(plan_id), "is executed already"),
        (lambda: desk.exchange.trigger("7"), "has no plan order 7"),
        (lambda: desk.exchange.trigger(plan_id, "explodes"), "expected is rests, fills, fails"),
        (lambda: desk.place_plan(1, "profit_loss"), "known are normal_plan"),
        (lambda: desk.place_plan(hold_side="net"), "expected is long or short"),
        (lambda: desk.place_plan(size="0"), "above zero"),
        (lambda: desk.place_plan(2, client_oids=["one"]), "2 orders cannot have 1 clientOids"),
    ):
        with pytest.raises(ValueError, match=message):
            act()
