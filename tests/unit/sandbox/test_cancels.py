# SPDX-License-Identifier: Apache-2.0
"""Cancels do what the exchange's pages and recorded answers say, and not what a client may hope."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_bitget.sandbox import numbered_account
from tests.unit.sandbox.conftest import MakeDesk
from tests.unit.sandbox.desk import BATCH_CANCEL, CANCEL_ALL, CANCEL_ORDER, USDT_FUTURES, Desk

UNKNOWN = "1329948909442023425"


def batch(*items: Any, **changes: Any) -> dict[str, Any]:
    content = {"productType": USDT_FUTURES, "symbol": "BTCUSDT", "orderIdList": list(items), **changes}
    return {name: value for name, value in content.items() if value is not ...}


def test_listed_orders_are_cancelled_and_no_others(desk: Desk) -> None:
    order_ids = desk.place(5)
    answer = desk.cancel(order_ids[:3])
    assert (answer.cancelled, answer.failed) == (order_ids[:3], {})
    assert [desk.status_of(one) for one in order_ids] == ["canceled"] * 3 + ["live"] * 2


def test_partially_filled_orders_can_be_cancelled(desk: Desk) -> None:
    [order_id] = desk.place(status="partially_filled")
    assert desk.cancel([order_id]).cancelled == [order_id]


def test_orders_can_be_named_by_client_oid(desk: Desk) -> None:
    [order_id] = desk.place(client_oids=["BITGET#121211212122"])
    answer = desk.post(BATCH_CANCEL, batch({"clientOid": "BITGET#121211212122"}))
    assert answer.data["successList"] == [{"orderId": order_id, "clientOid": "BITGET#121211212122"}]


def test_order_id_wins_over_client_oid(desk: Desk) -> None:
    first, second = desk.place(2, client_oids=["one", "two"])
    desk.post(BATCH_CANCEL, batch({"orderId": first, "clientOid": "two"}))
    assert (desk.status_of(first), desk.status_of(second)) == ("canceled", "live")


@pytest.mark.parametrize("product_type", ["usdt-futures", "Usdt-Futures"])
def test_product_type_may_be_written_in_any_case(desk: Desk, product_type: str) -> None:
    order_ids = desk.place()
    assert desk.cancel(order_ids, product_type=product_type).cancelled == order_ids


def test_unknown_filled_and_cancelled_orders_do_not_exist(desk: Desk) -> None:
    filled, cancelled, live = desk.place(3)
    desk.exchange.fill(filled)
    desk.exchange.cancel(cancelled)
    answer = desk.cancel([filled, cancelled, live, UNKNOWN])
    assert answer.cancelled == [live]
    assert answer.failed == {filled: "43001", cancelled: "43001", UNKNOWN: "43001"}
    assert answer.data["failureList"][0]["errorMsg"] == "The order does not exist"


@pytest.mark.parametrize("scope", [{"symbol": "ETHUSDT"}, {"product_type": "COIN-FUTURES"}])
def test_order_of_another_scope_does_not_exist(desk: Desk, scope: dict[str, str]) -> None:
    [order_id] = desk.place()
    assert desk.cancel([order_id], **scope).failed == {order_id: "43001"}
    assert desk.status_of(order_id) == "live"


def test_order_of_another_account_does_not_exist(make_desk: MakeDesk) -> None:
    desk = make_desk(numbered_account(1), numbered_account(2))
    other = Desk(desk.exchange, desk.clock, desk.exchange.accounts[1])
    [order_id] = other.place()
    assert desk.cancel([order_id]).failed == {order_id: "43001"}
    assert other.cancel([order_id]).cancelled == [order_id]


def test_code_for_gone_orders_can_be_changed(make_desk: MakeDesk) -> None:
    assert make_desk(gone_code="40768").cancel([UNKNOWN]).failed == {UNKNOWN: "40768"}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (batch({"orderId": UNKNOWN}, productType=...), "40019"),
        (batch({"orderId": UNKNOWN}, productType="FUTURES"), "40017"),
        (batch({"orderId": UNKNOWN}, productType=7), "40017"),
        (batch({"orderId": UNKNOWN}, symbol=...), "400172"),
        (batch({"orderId": UNKNOWN}, symbol=""), "400172"),
        (batch({"orderId": UNKNOWN}, marginCoin="usdt"), "40017"),
        (batch(*[{"orderId": UNKNOWN}] * 51), "40912"),
        (batch({}), "40924"),
        (batch({"orderId": "", "clientOid": ""}), "40924"),
        (batch({"orderId": int(UNKNOWN)}), "40020"),
        (batch({"orderId": "12 34"}), "40020"),
        (batch({"orderId": "1" * 65}), "40020"),
        (batch({"clientOid": "two words"}), "40020"),
        (batch(UNKNOWN), "40020"),
        (batch(orderIdList=UNKNOWN), "40017"),
        ([UNKNOWN], "40017"),
    ],
)
def test_malformed_request_is_refused_as_a_whole(desk: Desk, content: object, code: str) -> None:
    [order_id] = desk.place()
    if isinstance(content, dict) and isinstance(content["orderIdList"], list):
        content = {**content, "orderIdList": [*content["orderIdList"], {"orderId": order_id}]}
    answer = desk.post(BATCH_CANCEL, content)
    assert (answer.status, answer.code, answer.data) == (400, code, None)
    assert desk.status_of(order_id) == "live"


def test_malformed_order_id_is_refused_with_the_recorded_text(desk: Desk) -> None:
    assert desk.cancel(["no/id"]).envelope["msg"] == "Parameter orderId error"


def test_fifty_orders_fit_into_one_request(desk: Desk) -> None:
    order_ids = desk.place(50)
    assert desk.cancel(order_ids).cancelled == order_ids


@pytest.mark.parametrize("nothing", [[], None, ...])
@pytest.mark.parametrize(("symbol", "left"), [("BTCUSDT", 2), ("", 0), (None, 0), (..., 0)])
def test_batch_without_ids_cancels_the_whole_scope(desk: Desk, nothing: object, symbol: object, left: int) -> None:
    desk.place(2, "BTCUSDT")
    desk.place(2, "ETHUSDT")
    desk.place(1, "BTCUSDT", status="partially_filled")
    desk.place(1, "BTCUSD", product_type="COIN-FUTURES")
    answer = desk.post(BATCH_CANCEL, batch(orderIdList=nothing, symbol=symbol))
    assert len(answer.cancelled) == 5 - left
    assert len(desk.exchange.orders(product_type=USDT_FUTURES)) == left
    assert len(desk.exchange.orders(product_type="COIN-FUTURES")) == 1


def test_mass_cancel_with_nothing_open_is_an_error(desk: Desk) -> None:
    for path in (BATCH_CANCEL, CANCEL_ALL):
        answer = desk.post(path, {"productType": USDT_FUTURES})
        assert (answer.status, answer.code) == (400, "22001")
        assert answer.envelope["msg"] == "No order to cancel"


def test_cancel_all_orders_ignores_a_symbol(desk: Desk) -> None:
    desk.place(1, "BTCUSDT")
    desk.place(1, "ETHUSDT")
    answer = desk.post(CANCEL_ALL, {"productType": USDT_FUTURES, "symbol": "BTCUSDT"})
    assert len(answer.cancelled) == 2


def test_order_is_cancelled_at_most_once_a_second(desk: Desk) -> None:
    [order_id] = desk.place()
    desk.exchange.inject("refuse_orders", times=1, code="40015")
    assert desk.cancel([order_id]).failed == {order_id: "40015"}
    desk.clock.advance(0.99)
    assert desk.cancel([order_id]).failed == {order_id: "45129"}
    desk.clock.advance(0.01)
    assert desk.cancel([order_id]).cancelled == [order_id]


def test_duplicate_in_one_batch_is_too_often(desk: Desk) -> None:
    [order_id] = desk.place()
    answer = desk.cancel([order_id, order_id])
    assert (answer.cancelled, answer.failed) == ([order_id], {order_id: "45129"})


def test_limit_per_order_can_be_switched_off(make_desk: MakeDesk) -> None:
    desk = make_desk(cancel_too_often=False)
    [order_id] = desk.place()
    assert desk.cancel([order_id, order_id]).failed == {order_id: "43001"}


@pytest.mark.parametrize(("rule", "coded"), [("none", 40), ("all", 0)])
def test_failures_may_come_without_an_error_code(make_desk: MakeDesk, rule: str, coded: int) -> None:
    desk = make_desk(omit_error_code=rule)
    entries = desk.cancel([str(number) for number in range(40)]).data["failureList"]
    assert sum("errorCode" in entry for entry in entries) == coded
    assert all(entry["errorMsg"] for entry in entries)


def test_failures_sometimes_come_without_an_error_code(make_desk: MakeDesk) -> None:
    desk = make_desk(omit_error_code="random", seed=1)
    entries = desk.cancel([str(number) for number in range(40)]).data["failureList"]
    assert 0 < sum("errorCode" in entry for entry in entries) < 40


@pytest.mark.parametrize(
    ("rule", "unknown_refuses", "ended_refuses"),
    [("list", False, False), ("refuse", True, False), ("refuse_ended", True, True)],
)
def test_one_gone_order_can_refuse_the_whole_batch(
    make_desk: MakeDesk, rule: str, unknown_refuses: bool, ended_refuses: bool
) -> None:
    desk = make_desk(unknown_id=rule)
    live, ended = desk.place(2)
    desk.exchange.fill(ended)
    for gone, refuses in ((ended, ended_refuses), (UNKNOWN, unknown_refuses)):
        desk.clock.advance(1.0)
        answer = desk.cancel([gone, *desk.place(1)])
        assert (answer.code == "43001") is refuses
        assert answer.status == (400 if refuses else 200)
    assert desk.status_of(live) == "live"


def test_single_cancel_answers_with_the_order(desk: Desk) -> None:
    [order_id] = desk.place()
    content = {"productType": USDT_FUTURES, "symbol": "BTCUSDT", "orderId": order_id}
    assert desk.post(CANCEL_ORDER, content).data == {"orderId": order_id, "clientOid": ""}
    assert desk.status_of(order_id) == "canceled"
    desk.clock.advance(1.0)
    again = desk.post(CANCEL_ORDER, content)
    assert (again.status, again.code) == (400, "43001")


def test_single_cancel_needs_a_symbol(desk: Desk) -> None:
    assert desk.post(CANCEL_ORDER, {"productType": USDT_FUTURES, "orderId": UNKNOWN}).code == "40019"
