# SPDX-License-Identifier: Apache-2.0
"""Flash closes do what the page and recorded answers say: an answer only acknowledges, and refusals are many."""

from __future__ import annotations

import pytest

from airflow_provider_bitget.sandbox.orders import PARTIALLY_FILLED
from tests.unit.sandbox.conftest import MakeDesk
from tests.unit.sandbox.desk import CANCEL_PLAN, CLOSE, HISTORY, USDT_FUTURES, Desk


def open_positions(desk: Desk, *names: str, size: str = "1", pos_mode: str = "hedge_mode") -> None:
    """Open positions that are named as in BTCUSDT/long."""
    for name in names:
        symbol, hold_side = name.split("/")
        desk.exchange.open_position(symbol, hold_side, size, pos_mode=pos_mode, account=desk.account)


def failures(desk: Desk, **content: object) -> dict[str, str | None]:
    """Close positions, and return the codes of those that refused by symbol."""
    return {entry["symbol"]: entry.get("errorCode") for entry in desk.close(**content).data["failureList"]}


def test_without_a_symbol_every_position_of_the_product_type_is_closed(desk: Desk) -> None:
    open_positions(desk, "BTCUSDT/long", "BTCUSDT/short", "ETHUSDT/long")
    desk.exchange.open_position("BTCUSD", product_type="COIN-FUTURES")
    answer = desk.close()
    assert [entry["symbol"] for entry in answer.data["successList"]] == ["BTCUSDT", "BTCUSDT", "ETHUSDT"]
    assert (desk.positions(), len(desk.exchange.positions())) == ([], 1)


def test_answer_has_the_recorded_shape_with_a_misleading_result(desk: Desk) -> None:
    open_positions(desk, "BTCUSDT/long")
    answer = desk.close()
    [entry] = answer.data["successList"]
    assert set(entry) == {"orderId", "clientOid", "symbol"}
    assert (answer.status, answer.data["failureList"], answer.data["result"]) == (200, [], False)
    assert desk.status_of(entry["orderId"]) == "filled"


def test_symbol_narrows_a_close_down(desk: Desk) -> None:
    open_positions(desk, "BTCUSDT/long", "ETHUSDT/long")
    desk.close(symbol="BTCUSDT")
    assert desk.totals() == {"ETHUSDT/long": "1"}


def test_hold_side_closes_one_side_in_hedge_mode(desk: Desk) -> None:
    open_positions(desk, "BTCUSDT/long", "BTCUSDT/short")
    desk.close(symbol="BTCUSDT", holdSide="short")
    assert desk.totals() == {"BTCUSDT/long": "1"}


def test_hold_side_is_ignored_in_one_way_mode(desk: Desk) -> None:
    open_positions(desk, "BTCUSDT/long", pos_mode="one_way_mode")
    desk.close(symbol="BTCUSDT", holdSide="short")
    assert desk.positions() == []


def test_nothing_to_close_is_an_error(desk: Desk) -> None:
    open_positions(desk, "BTCUSDT/long")
    for content in ({"symbol": "ETHUSDT"}, {"symbol": "BTCUSDT", "holdSide": "short"}):
        answer = desk.close(**content)
        assert (answer.status, answer.code, answer.data) == (400, "22002", None)
        desk.clock.advance(1.0)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({}, "40019"),
        ({"productType": "FUTURES"}, "40017"),
        ({"productType": USDT_FUTURES, "symbol": 7}, "40017"),
        ({"productType": USDT_FUTURES, "holdSide": "both"}, "40017"),
    ],
)
def test_malformed_close_is_refused(desk: Desk, content: dict[str, object], code: str) -> None:
    open_positions(desk, "BTCUSDT/long")
    answer = desk.post(CLOSE, content)
    assert (answer.status, answer.code, desk.totals()) == (400, code, {"BTCUSDT/long": "1"})


def test_closes_are_limited_to_one_a_second(desk: Desk) -> None:
    assert [desk.close().status for _ in range(2)] == [400, 429]
    desk.clock.advance(1.0)
    assert desk.close().status == 400


def test_close_order_is_live_and_locks_the_position_until_it_fills(make_desk: MakeDesk) -> None:
    desk = make_desk(close_lag=3.0)
    open_positions(desk, "BTCUSDT/long", size="1.5")
    [entry] = desk.close().data["successList"]
    desk.clock.advance(2.9)
    [order] = desk.pending().rows
    assert (order["orderId"], order["status"], order["tradeSide"]) == (entry["orderId"], "live", "close")
    assert (order["orderType"], order["size"], order["clientOid"]) == ("market", "1.5", entry["clientOid"])
    [row] = desk.positions()
    assert (row["total"], row["locked"], row["available"]) == ("1.5", "1.5", "0")
    desk.clock.advance(0.1)
    assert (desk.positions(), desk.pending().rows) == ([], [])
    assert [row["status"] for row in desk.get(HISTORY, productType=USDT_FUTURES).rows] == ["filled"]


def test_second_close_while_the_first_is_on_its_way_is_refused(make_desk: MakeDesk) -> None:
    for rule in ("refuse", "remainder"):
        desk = make_desk(close_lag=5.0, locked_positions=rule)
        open_positions(desk, "BTCUSDT/long")
        desk.close()
        desk.clock.advance(1.0)
        assert failures(desk) == {"BTCUSDT": "40746"}


def test_close_order_that_is_cancelled_on_its_way_closes_nothing(make_desk: MakeDesk) -> None:
    desk = make_desk(close_lag=3.0)
    open_positions(desk, "BTCUSDT/long")
    [entry] = desk.close().data["successList"]
    desk.exchange.cancel(entry["orderId"])
    desk.clock.advance(3.0)
    assert desk.totals() == {"BTCUSDT/long": "1"}


@pytest.mark.parametrize("code", ["40746", "40867", "40939"])
def test_position_that_close_orders_lock_refuses_to_close(make_desk: MakeDesk, code: str) -> None:
    desk = make_desk(locked_code=code)
    open_positions(desk, "BTCUSDT/long", "ETHUSDT/long")
    [order_id] = desk.place(1, trade_side="close", hold_side="long", size="0.4")
    assert failures(desk) == {"BTCUSDT": code}
    assert desk.totals() == {"BTCUSDT/long": "1"}
    desk.cancel([order_id])
    desk.clock.advance(1.0)
    assert (failures(desk), desk.positions()) == ({}, [])


@pytest.mark.parametrize(
    "other", [{"trade_side": "close", "hold_side": "short"}, {"trade_side": "open", "hold_side": "long"}]
)
def test_other_orders_do_not_lock_a_position(desk: Desk, other: dict[str, str]) -> None:
    open_positions(desk, "BTCUSDT/long")
    desk.place(1, **other)
    assert failures(desk) == {}


def test_remainder_of_a_locked_position_can_be_closed(make_desk: MakeDesk) -> None:
    desk = make_desk(locked_positions="remainder")
    open_positions(desk, "BTCUSDT/long")
    desk.place(1, trade_side="close", hold_side="long", size="0.4", status=PARTIALLY_FILLED)
    # Half of the close order filled when it was placed.
    assert desk.totals() == {"BTCUSDT/long": "0.8"}
    assert failures(desk) == {}
    assert desk.totals() == {"BTCUSDT/long": "0.2"}
    desk.clock.advance(1.0)
    assert failures(desk) == {"BTCUSDT": "40746"}


@pytest.mark.parametrize("code", ["40888", "45104"])
def test_position_above_the_flash_close_maximum_refuses_to_close(make_desk: MakeDesk, code: str) -> None:
    desk = make_desk(flash_close_maximum={"BTCUSDT": "10", "ETHUSDT": "10"}, flash_close_code=code)
    desk.exchange.open_position("BTCUSDT", size="10.001")
    desk.exchange.open_position("ETHUSDT", size="10")
    assert failures(desk) == {"BTCUSDT": code}
    assert desk.totals() == {"BTCUSDT/long": "10.001"}


@pytest.mark.parametrize("code", ["45009", "40931", "45108", "22044"])
def test_position_refuses_with_the_code_that_was_chosen_until_it_may_close(desk: Desk, code: str) -> None:
    open_positions(desk, "BTCUSDT/long", "BTCUSDT/short")
    desk.exchange.refuse_close("BTCUSDT", "long", code)
    [entry] = desk.close().data["failureList"]
    assert (entry["errorCode"], entry["orderId"], bool(entry["errorMsg"])) == (code, "", True)
    assert desk.totals() == {"BTCUSDT/long": "1"}
    desk.exchange.refuse_close("BTCUSDT", "long", None)
    desk.clock.advance(1.0)
    assert (failures(desk), desk.positions()) == ({}, [])


def test_symbol_in_maintenance_does_not_close(desk: Desk) -> None:
    open_positions(desk, "BTCUSDT/long", "ETHUSDT/long")
    desk.exchange.maintain(["BTCUSDT"])
    answer = desk.close(symbol="BTCUSDT")
    assert (answer.status, answer.code) == (400, "41114")
    desk.clock.advance(1.0)
    assert failures(desk) == {"BTCUSDT": "41114"}
    assert desk.totals() == {"BTCUSDT/long": "1"}


@pytest.mark.parametrize(("share", "left"), [("0.25", "1.5"), ("0", "2")])
def test_close_order_can_fill_in_part(desk: Desk, share: str, left: str) -> None:
    open_positions(desk, "BTCUSDT/long", size="2")
    desk.exchange.fill_closes_partly(share)
    [entry] = desk.close().data["successList"]
    assert (desk.status_of(entry["orderId"]), desk.totals()) == ("canceled", {"BTCUSDT/long": left})
    desk.clock.advance(1.0)
    desk.close()
    assert desk.positions() == []


def test_every_close_order_can_fill_in_part(desk: Desk) -> None:
    open_positions(desk, "BTCUSDT/long")
    desk.exchange.fill_closes_partly("0.5", None)
    for left in ("0.5", "0.25", "0.125"):
        desk.close()
        assert desk.totals() == {"BTCUSDT/long": left}
        desk.clock.advance(1.0)


def test_failures_of_closes_may_come_without_an_error_code(make_desk: MakeDesk) -> None:
    desk = make_desk(omit_error_code="all")
    open_positions(desk, "BTCUSDT/long")
    desk.exchange.refuse_close("BTCUSDT", "long", "45009")
    assert failures(desk) == {"BTCUSDT": None}


# Faults


@pytest.mark.parametrize(("kind", "totals"), [("reset_before", {"BTCUSDT/long": "1"}), ("reset_after", {})])
def test_answer_to_a_close_can_be_lost(desk: Desk, kind: str, totals: dict[str, str]) -> None:
    open_positions(desk, "BTCUSDT/long")
    desk.exchange.inject(kind, endpoint="close-positions")
    assert desk.close().reply.drop is not None
    assert desk.totals() == totals


@pytest.mark.parametrize("name", ["ETHUSDT", "ETHUSDT/long"])
def test_positions_can_be_refused_by_a_fault(desk: Desk, name: str) -> None:
    open_positions(desk, "BTCUSDT/long", "ETHUSDT/long")
    desk.exchange.inject("refuse_orders", order_ids=[name], code="45024")
    assert failures(desk) == {"ETHUSDT": "45024"}
    assert desk.totals() == {"ETHUSDT/long": "1"}


def test_acknowledged_close_may_never_happen(desk: Desk) -> None:
    open_positions(desk, "BTCUSDT/long")
    desk.exchange.inject("ack_only")
    [entry] = desk.close().data["successList"]
    assert desk.totals() == {"BTCUSDT/long": "1"}
    assert desk.detail(entry["orderId"]).code == "40109"


@pytest.mark.parametrize("kind", ["drop_ids", "empty_lists"])
@pytest.mark.parametrize(("processed", "totals"), [(True, {}), (False, {"BTCUSDT/long": "1"})])
def test_close_can_keep_silent_about_positions(desk: Desk, kind: str, processed: bool, totals: dict[str, str]) -> None:
    open_positions(desk, "BTCUSDT/long")
    desk.exchange.inject(kind, processed=processed)
    assert desk.close().data == {"successList": [], "failureList": [], "result": False}
    assert desk.totals() == totals


def test_foreign_and_duplicate_ids_come_with_closes_too(desk: Desk) -> None:
    open_positions(desk, "BTCUSDT/long")
    desk.exchange.inject("duplicate_ids")
    desk.exchange.inject("foreign_ids", where="both")
    data = desk.close().data
    assert (len(data["successList"]), len(data["failureList"])) == (3, 1)


# The request log


def test_log_says_what_each_write_named(desk: Desk) -> None:
    open_positions(desk, "BTCUSDT/long")
    order_ids, plan_ids = desk.place(2), desk.place_plan(2, "loss_plan")
    desk.cancel(order_ids)
    desk.cancel_plans(plan_ids, "loss_plan")
    desk.post(CANCEL_PLAN, {"productType": "usdt-futures"})
    desk.close(symbol="BTCUSDT", holdSide="long")
    named = [
        (one.order_ids, one.plan_order_ids, one.product_type, one.symbol, one.plan_type, one.hold_side)
        for one in desk.exchange.records()
    ]
    assert named == [
        (tuple(order_ids), (), USDT_FUTURES, "BTCUSDT", "", ""),
        ((), tuple(plan_ids), USDT_FUTURES, "BTCUSDT", "loss_plan", ""),
        ((), (), USDT_FUTURES, "", "", ""),
        ((), (), USDT_FUTURES, "BTCUSDT", "", "long"),
    ]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"close_lag": -1}, "0 or more"),
        ({"position_lag": -1}, "0 or more"),
        ({"flash_close_maximum": {"BTCUSDT": "much"}}, "above zero"),
        ({"locked_positions": "open"}, "known are refuse, remainder"),
        ({"cancel_track_plan": "never"}, "known are accept, as_moving_plan"),
    ],
)
def test_rules_that_cannot_be_are_refused(make_desk: MakeDesk, rules: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_desk(**rules)


def test_owner_is_told_what_cannot_be_decided_about_closes(desk: Desk) -> None:
    for act, message in (
        (lambda: desk.exchange.refuse_close("BTCUSDT", "both", "45009"), "expected is long or short"),
        (lambda: desk.exchange.fill_closes_partly("1"), "below 1"),
        (lambda: desk.exchange.fill_closes_partly(times=-1), "0 or more"),
        (lambda: desk.exchange.maintain("BTCUSDT"), "a list of symbols"),
        (lambda: desk.place(trade_side="both"), "expected is open or close"),
    ):
        with pytest.raises(ValueError, match=message):
            act()
