# SPDX-License-Identifier: Apache-2.0
"""Cancels of plan orders do what the page and recorded answers say: the planType decides what they reach."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_bitget.sandbox.plan_orders import PLAN_TYPES
from tests.unit.sandbox.conftest import MakeDesk
from tests.unit.sandbox.desk import BATCH_CANCEL, CANCEL_ALL, CANCEL_PLAN, USDT_FUTURES, Desk

UNKNOWN = "1329948909442023425"
NOTHING_SAID: dict[str, list[str]] = {"successList": [], "failureList": []}


def request(*items: Any, **changes: Any) -> dict[str, Any]:
    content = {"productType": USDT_FUTURES, "symbol": "BTCUSDT", "orderIdList": list(items), **changes}
    return {name: value for name, value in content.items() if value is not ...}


@pytest.mark.parametrize("plan_type", PLAN_TYPES)
def test_plan_orders_are_cancelled_by_their_own_type(desk: Desk, plan_type: str) -> None:
    first, second = desk.place_plan(2, plan_type)
    answer = desk.cancel_plans([first], plan_type)
    assert answer.data == {"successList": [{"orderId": first, "clientOid": ""}], "failureList": []}
    assert (desk.plan_status_of(first), desk.plan_status_of(second)) == ("cancelled", "live")


@pytest.mark.parametrize("plan_type", [None, "", "normal_plan", "profit_plan"])
def test_wrong_or_missing_type_succeeds_with_empty_lists_and_cancels_nothing(desk: Desk, plan_type: str | None) -> None:
    [plan_id] = desk.place_plan(1, "pos_loss")
    answer = desk.cancel_plans([plan_id], plan_type)
    assert (answer.code, answer.data) == ("00000", NOTHING_SAID)
    assert desk.plan_status_of(plan_id) == "live"


def test_missing_type_means_normal_plan(desk: Desk) -> None:
    [plan_id] = desk.place_plan()
    assert desk.cancel_plans([plan_id]).cancelled == [plan_id]


def test_only_the_plan_orders_of_the_type_are_cancelled_from_a_mixed_list(desk: Desk) -> None:
    [profit], [loss] = desk.place_plan(1, "profit_plan"), desk.place_plan(1, "loss_plan")
    answer = desk.cancel_plans([profit, loss], "loss_plan")
    assert (answer.cancelled, answer.failed, desk.plan_status_of(profit)) == ([loss], {}, "live")


def test_plan_orders_can_be_named_by_client_oid(desk: Desk) -> None:
    [plan_id] = desk.place_plan(client_oids=["mine"])
    answer = desk.post(CANCEL_PLAN, request({"clientOid": "mine"}))
    assert answer.data["successList"] == [{"orderId": plan_id, "clientOid": "mine"}]


def test_unknown_ended_and_foreign_plan_orders_fail_without_an_error_code(desk: Desk) -> None:
    [cancelled], [ether] = desk.place_plan(), desk.place_plan(symbol="ETHUSDT")
    desk.cancel_plans([cancelled])
    desk.clock.advance(1.0)
    answer = desk.cancel_plans([cancelled, ether, UNKNOWN])
    assert answer.failed == {cancelled: None, ether: None, UNKNOWN: None}
    assert all(entry["errorMsg"] and "errorCode" not in entry for entry in answer.data["failureList"])
    assert desk.plan_status_of(ether) == "live"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (request({"orderId": UNKNOWN}, productType=...), "40019"),
        (request({"orderId": UNKNOWN}, symbol=...), "400172"),
        (request({"orderId": UNKNOWN}, symbol=""), "400172"),
        (request({"orderId": UNKNOWN}, marginCoin="usdt"), "40017"),
        (request({"orderId": UNKNOWN}, planType="profit_loss"), "40017"),
        (request({"orderId": UNKNOWN}, planType=7), "40017"),
        (request(*[{"orderId": UNKNOWN}] * 51), "40912"),
        (request({}), "40924"),
        (request(orderIdList=UNKNOWN), "40017"),
    ],
)
def test_malformed_plan_cancel_is_refused_as_a_whole(desk: Desk, content: dict[str, Any], code: str) -> None:
    [plan_id] = desk.place_plan()
    answer = desk.post(CANCEL_PLAN, content)
    assert (answer.status, answer.code, desk.plan_status_of(plan_id)) == (400, code, "live")


@pytest.mark.parametrize("nothing", [[], None, ...])
@pytest.mark.parametrize(("symbol", "left"), [("BTCUSDT", 3), (..., 2)])
def test_without_ids_everything_of_one_type_in_the_scope_is_cancelled(
    desk: Desk, nothing: object, symbol: object, left: int
) -> None:
    desk.place_plan(2, "loss_plan")
    desk.place_plan(1, "loss_plan", symbol="ETHUSDT")
    desk.place_plan(1, "profit_plan")
    desk.place_plan(1, "loss_plan", symbol="BTCUSD", product_type="COIN-FUTURES")
    answer = desk.post(CANCEL_PLAN, request(orderIdList=nothing, symbol=symbol, planType="loss_plan"))
    assert len(answer.cancelled) == 5 - left
    assert len(desk.exchange.plan_orders()) == left


@pytest.mark.parametrize("code", ["22001", "43025"])
def test_scope_without_plan_orders_of_the_type_is_an_error(make_desk: MakeDesk, code: str) -> None:
    desk = make_desk(no_plan_code=code)
    desk.place_plan(1, "loss_plan")
    answer = desk.post(CANCEL_PLAN, {"productType": USDT_FUTURES})
    assert (answer.status, answer.code) == (400, code)


def test_track_plan_is_cancelled_as_such_and_not_as_moving_plan(desk: Desk) -> None:
    [plan_id] = desk.place_plan(1, "track_plan")
    assert desk.cancel_plans([plan_id], "moving_plan").data == NOTHING_SAID
    assert desk.cancel_plans([plan_id], "track_plan").cancelled == [plan_id]


def test_track_plan_can_be_cancelled_as_moving_plan_only(make_desk: MakeDesk) -> None:
    desk = make_desk(cancel_track_plan="as_moving_plan")
    [first], [second], [moving] = (desk.place_plan(1, one) for one in ("track_plan", "track_plan", "moving_plan"))
    assert desk.cancel_plans([first], "track_plan").data == NOTHING_SAID
    assert desk.post(CANCEL_PLAN, {"productType": USDT_FUTURES, "planType": "track_plan"}).code == "22001"
    assert desk.cancel_plans([first], "moving_plan").cancelled == [first]
    swept = desk.post(CANCEL_PLAN, {"productType": USDT_FUTURES, "planType": "moving_plan"})
    assert set(swept.cancelled) == {second, moving}


def test_cancels_of_orders_never_touch_plan_orders(desk: Desk) -> None:
    plan_ids = [one for plan_type in PLAN_TYPES for one in desk.place_plan(1, plan_type)]
    desk.place(2)
    assert len(desk.post(CANCEL_ALL, {"productType": USDT_FUTURES}).cancelled) == 2
    assert set(desk.cancel(plan_ids).failed) == set(plan_ids)
    assert desk.post(BATCH_CANCEL, {"productType": USDT_FUTURES}).code == "22001"
    assert {desk.plan_status_of(one) for one in plan_ids} == {"live"}


def test_plan_cancels_never_touch_orders(desk: Desk) -> None:
    [order_id] = desk.place()
    assert list(desk.cancel_plans([order_id]).failed) == [order_id]
    assert desk.post(CANCEL_PLAN, {"productType": USDT_FUTURES}).code == "22001"
    assert desk.status_of(order_id) == "live"


def test_plan_order_is_cancelled_at_most_once_a_second(desk: Desk) -> None:
    [plan_id] = desk.place_plan()
    desk.exchange.inject("refuse_orders", times=1)
    desk.cancel_plans([plan_id])
    [entry] = desk.cancel_plans([plan_id]).data["failureList"]
    assert (entry["errorMsg"], desk.plan_status_of(plan_id)) == ("Cancel order is too frequent", "live")
    desk.clock.advance(1.0)
    assert desk.cancel_plans([plan_id]).cancelled == [plan_id]


def test_plan_cancel_with_the_wrong_type_does_not_count_as_a_try(desk: Desk) -> None:
    [plan_id] = desk.place_plan(1, "track_plan")
    desk.cancel_plans([plan_id], "moving_plan")
    assert desk.cancel_plans([plan_id], "track_plan").cancelled == [plan_id]


# Faults


def test_plan_orders_can_be_refused(desk: Desk) -> None:
    first, second = desk.place_plan(2)
    desk.exchange.inject("refuse_orders", order_ids=[first], code="45024", msg="no")
    answer = desk.cancel_plans([first, second])
    assert answer.data["failureList"] == [{"orderId": first, "clientOid": "", "errorMsg": "no"}]
    assert (answer.cancelled, desk.plan_status_of(first)) == ([second], "live")


def test_plan_cancel_can_be_acknowledged_only(desk: Desk) -> None:
    [plan_id] = desk.place_plan()
    desk.exchange.inject("ack_only")
    assert desk.cancel_plans([plan_id]).cancelled == [plan_id]
    assert desk.plan_status_of(plan_id) == "live"


@pytest.mark.parametrize(("kind", "status"), [("reset_before", "live"), ("reset_after", "cancelled")])
def test_answer_to_a_plan_cancel_can_be_lost(desk: Desk, kind: str, status: str) -> None:
    [plan_id] = desk.place_plan()
    desk.exchange.inject(kind, endpoint="cancel-plan-order")
    assert desk.cancel_plans([plan_id]).reply.drop is not None
    assert desk.plan_status_of(plan_id) == status


def test_foreign_and_duplicate_failures_of_plan_orders_have_no_code_either(desk: Desk) -> None:
    plan_ids = desk.place_plan(2)
    desk.exchange.inject("foreign_ids", where="failure")
    desk.exchange.inject("duplicate_ids", where="both")
    answer = desk.cancel_plans(plan_ids)
    assert answer.cancelled == plan_ids
    assert list(answer.failed.values()) == [None] * 3


@pytest.mark.parametrize(("outcome", "child"), [("rests", "live"), ("fills", "filled")])
def test_plan_order_triggers_while_it_is_cancelled(make_desk: MakeDesk, outcome: str, child: str) -> None:
    desk = make_desk(triggered_child=outcome)
    [plan_id] = desk.place_plan()
    desk.exchange.inject("fill_while_cancelling")
    assert desk.cancel_plans([plan_id]).failed == {plan_id: None}
    plan = desk.exchange.plan_order(plan_id)
    assert (plan.status, desk.status_of(plan.child_id)) == ("executed", child)


def test_symbol_in_maintenance_takes_no_cancels(desk: Desk) -> None:
    [order_id], [plan_id] = desk.place(), desk.place_plan()
    [ether], [ether_plan] = desk.place(symbol="ETHUSDT"), desk.place_plan(symbol="ETHUSDT")
    desk.exchange.maintain(["BTCUSDT"])
    assert (desk.cancel([order_id]).code, desk.cancel_plans([plan_id]).code) == ("41114", "41114")
    assert desk.post(CANCEL_ALL, {"productType": USDT_FUTURES}).failed == {order_id: "41114"}
    plans = desk.post(CANCEL_PLAN, {"productType": USDT_FUTURES})
    assert (plans.failed, plans.cancelled) == ({plan_id: None}, [ether_plan])
    assert (desk.status_of(ether), desk.pending().listed) == ("canceled", [order_id])
    desk.exchange.maintain()
    desk.clock.advance(1.0)
    assert desk.cancel([order_id]).cancelled == [order_id]
