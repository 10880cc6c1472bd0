# SPDX-License-Identifier: Apache-2.0
"""Cancels of a unified account say item by item how they went; one bad item leaves the others alone."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_bitget.sandbox import numbered_account
from tests.unit.sandbox.conftest import MakeUnifiedDesk
from tests.unit.sandbox.desk import (
    CANCEL_BATCH,
    CANCEL_SYMBOL,
    CANCEL_UNIFIED,
    USDT_FUTURES,
    UnifiedDesk,
)

UNKNOWN = "1329948909442023425"


def item(order_id: str = UNKNOWN, **changes: Any) -> dict[str, Any]:
    content = {"orderId": order_id, "category": USDT_FUTURES, "symbol": "BTCUSDT", **changes}
    return {name: value for name, value in content.items() if value is not ...}


def test_listed_orders_are_cancelled_and_no_others(unified_desk: UnifiedDesk) -> None:
    order_ids = unified_desk.place(5)
    answer = unified_desk.cancel_batch(order_ids[:3])
    assert answer.data == [{"orderId": order_id, "clientOid": ""} for order_id in order_ids[:3]]
    assert [unified_desk.status_of(one) for one in order_ids] == ["canceled"] * 3 + ["live"] * 2


def test_orders_of_several_symbols_fit_into_one_batch(unified_desk: UnifiedDesk) -> None:
    [bitcoin], [ether] = unified_desk.place(1, "BTCUSDT"), unified_desk.place(1, "ETHUSDT", status="partially_filled")
    answer = unified_desk.post(CANCEL_BATCH, [item(bitcoin), item(ether, symbol="ETHUSDT")])
    assert answer.item_codes == {bitcoin: None, ether: None}


@pytest.mark.parametrize("category", [USDT_FUTURES, "usdt-futures"])
def test_category_may_be_in_upper_or_in_lower_case(unified_desk: UnifiedDesk, category: str) -> None:
    order_ids = unified_desk.place()
    assert unified_desk.cancel_batch(order_ids, category=category).item_codes == {order_ids[0]: None}


def test_orders_can_be_named_by_client_oid_and_the_order_id_wins(unified_desk: UnifiedDesk) -> None:
    first, second, third = unified_desk.place(3, client_oids=["one", "two", "three"])
    content = [item(..., clientOid="one"), item(second, clientOid="three")]  # type: ignore[arg-type]
    answer = unified_desk.post(CANCEL_BATCH, content)
    assert answer.data == [{"orderId": first, "clientOid": "one"}, {"orderId": second, "clientOid": "two"}]
    assert unified_desk.status_of(third) == "live"


def test_item_that_fails_carries_its_code_and_leaves_the_others_alone(unified_desk: UnifiedDesk) -> None:
    filled, cancelled, live = unified_desk.place(3)
    unified_desk.exchange.fill(filled)
    unified_desk.exchange.cancel(cancelled)
    answer = unified_desk.cancel_batch([filled, cancelled, live, UNKNOWN])
    assert answer.item_codes == {filled: "25204", cancelled: "25204", live: None, UNKNOWN: "25204"}
    assert answer.items[0] == {"orderId": filled, "clientOid": "", "code": "25204", "msg": "Order does not exist"}


@pytest.mark.parametrize("scope", [{"symbol": "ETHUSDT"}, {"category": "COIN-FUTURES"}])
def test_order_of_another_scope_does_not_exist(unified_desk: UnifiedDesk, scope: dict[str, str]) -> None:
    [order_id] = unified_desk.place()
    assert unified_desk.cancel_batch([order_id], **scope).item_codes == {order_id: "25204"}
    assert unified_desk.status_of(order_id) == "live"


@pytest.mark.parametrize("code", ["00000", "0"])
def test_items_that_succeed_may_carry_a_code_too(make_unified_desk: MakeUnifiedDesk, code: str) -> None:
    desk = make_unified_desk(success_item_code=code)
    [order_id] = desk.place()
    assert desk.cancel_batch([order_id, UNKNOWN]).item_codes == {order_id: code, UNKNOWN: "25204"}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ([item(category=...)], "40019"),
        ([item(category="FUTURES")], "40017"),
        ([item(category="Usdt-Futures")], "40017"),
        ([item(category="SPOT")], "40017"),
        ([item(category="SUSDT-FUTURES")], "40017"),
        ([item(category=7)], "40017"),
        ([item(symbol=...)], "40019"),
        ([item(symbol="")], "40019"),
        ([item(orderId=...)], "40924"),
        ([item(orderId=int(UNKNOWN))], "40020"),
        ([item(orderId="12 34")], "40020"),
        ([item(symbol="BTCUSD", category="COIN-FUTURES")], "25200"),
        ([item()] * 20, "25200"),
        ([UNKNOWN], "40017"),
        ([], "40017"),
        ({"orderIdList": [item()]}, "40017"),
        (item(), "40017"),
    ],
)
def test_malformed_batch_is_refused_as_a_whole(unified_desk: UnifiedDesk, content: Any, code: str) -> None:
    [order_id] = unified_desk.place()
    if isinstance(content, list) and content:
        content = [*content, item(order_id)]
    answer = unified_desk.post(CANCEL_BATCH, content)
    assert (answer.status, answer.code, answer.data) == (400, code, None)
    assert unified_desk.status_of(order_id) == "live"


@pytest.mark.parametrize("path", [CANCEL_SYMBOL, CANCEL_UNIFIED])
def test_only_the_batch_takes_an_array(unified_desk: UnifiedDesk, path: str) -> None:
    [order_id] = unified_desk.place()
    assert unified_desk.post(path, [item(order_id)]).code == "40017"
    assert unified_desk.status_of(order_id) == "live"


def test_twenty_orders_fit_into_one_request(make_unified_desk: MakeUnifiedDesk) -> None:
    desk = make_unified_desk(too_many_code="40017")
    order_ids = desk.place(21)
    answer = desk.cancel_batch(order_ids)
    assert (answer.status, answer.code) == (400, "40017")
    assert desk.cancel_batch(order_ids[:20]).item_codes == dict.fromkeys(order_ids[:20])


@pytest.mark.parametrize(
    ("rule", "unknown_refuses", "ended_refuses"),
    [("list", False, False), ("refuse", True, False), ("refuse_ended", True, True)],
)
def test_one_gone_order_can_refuse_the_whole_batch(
    make_unified_desk: MakeUnifiedDesk, rule: str, unknown_refuses: bool, ended_refuses: bool
) -> None:
    desk = make_unified_desk(unknown_id=rule)
    live, ended = desk.place(2)
    desk.exchange.fill(ended)
    for gone, refuses in ((ended, ended_refuses), (UNKNOWN, unknown_refuses)):
        desk.clock.advance(1.0)
        answer = desk.cancel_batch([gone, *desk.place(1)])
        assert (answer.code == "25204") is refuses
        assert answer.status == (400 if refuses else 200)
    assert desk.status_of(live) == "live"


def test_order_is_cancelled_at_most_once_a_second(unified_desk: UnifiedDesk) -> None:
    [order_id] = unified_desk.place()
    unified_desk.exchange.inject("refuse_orders", times=1, code="40015")
    assert unified_desk.cancel_batch([order_id]).item_codes == {order_id: "40015"}
    assert unified_desk.cancel_batch([order_id]).item_codes == {order_id: "25004"}
    unified_desk.clock.advance(1.0)
    assert unified_desk.cancel_batch([order_id]).item_codes == {order_id: None}


def test_limit_per_order_can_be_switched_off(make_unified_desk: MakeUnifiedDesk) -> None:
    desk = make_unified_desk(cancel_too_often=False, unified_gone_code="24056")
    [order_id] = desk.place()
    assert [entry.get("code") for entry in desk.cancel_batch([order_id, order_id]).items] == [None, "24056"]


def test_failures_have_their_code_whatever_classic_lists_leave_out(make_unified_desk: MakeUnifiedDesk) -> None:
    assert make_unified_desk(omit_error_code="all").cancel_batch([UNKNOWN]).item_codes == {UNKNOWN: "25204"}


@pytest.mark.parametrize(("symbol", "left"), [("BTCUSDT", 2), ("", 0), (None, 0), (..., 0)])
def test_cancel_without_a_symbol_reaches_the_whole_category(
    unified_desk: UnifiedDesk, symbol: object, left: int
) -> None:
    unified_desk.place(2, "BTCUSDT")
    unified_desk.place(2, "ETHUSDT")
    unified_desk.place(1, "BTCUSDT", status="partially_filled")
    unified_desk.place(1, "BTCUSD", product_type="COIN-FUTURES")
    content = {"category": USDT_FUTURES, **({} if symbol is ... else {"symbol": symbol})}
    answer = unified_desk.post(CANCEL_SYMBOL, content)
    assert len(answer.items) == 5 - left
    assert set(answer.item_codes.values()) == {None}
    assert len(unified_desk.exchange.orders(product_type=USDT_FUTURES)) == left
    assert len(unified_desk.exchange.orders(product_type="COIN-FUTURES")) == 1


@pytest.mark.parametrize(
    ("rule", "status", "data"), [("empty", 200, {"list": []}), ("null", 200, {"list": None}), ("25204", 400, None)]
)
def test_nothing_to_cancel_is_said_in_one_of_three_ways(
    make_unified_desk: MakeUnifiedDesk, rule: str, status: int, data: object
) -> None:
    answer = make_unified_desk(nothing_to_cancel=rule).post(CANCEL_SYMBOL, {"category": USDT_FUTURES})
    assert (answer.status, answer.data) == (status, data)


def test_mass_cancel_needs_a_category(unified_desk: UnifiedDesk) -> None:
    unified_desk.place()
    assert unified_desk.post(CANCEL_SYMBOL, {"symbol": "BTCUSDT"}).code == "40019"
    assert len(unified_desk.exchange.orders()) == 1


def test_single_cancel_needs_an_id_alone(unified_desk: UnifiedDesk) -> None:
    [order_id] = unified_desk.place(client_oids=["mine"])
    for category in ("COIN-FUTURES", "usdc-futures"):
        assert unified_desk.post(CANCEL_UNIFIED, {"orderId": order_id, "category": category}).code == "25204"
    answer = unified_desk.post(CANCEL_UNIFIED, {"clientOid": "mine"})
    assert answer.data == {"orderId": order_id, "clientOid": "mine"}
    unified_desk.clock.advance(1.0)
    again = unified_desk.post(CANCEL_UNIFIED, {"orderId": order_id})
    assert (again.status, again.code, again.data) == (400, "25204", None)


def test_symbol_in_maintenance_refuses_its_own_orders_only(unified_desk: UnifiedDesk) -> None:
    [bitcoin], [ether] = unified_desk.place(1, "BTCUSDT"), unified_desk.place(1, "ETHUSDT")
    unified_desk.exchange.maintain(["BTCUSDT"])
    answer = unified_desk.post(CANCEL_BATCH, [item(bitcoin), item(ether, symbol="ETHUSDT")])
    assert answer.item_codes == {bitcoin: "41114", ether: None}
    assert unified_desk.post(CANCEL_SYMBOL, {"category": USDT_FUTURES, "symbol": "BTCUSDT"}).code == "41114"


def test_order_of_another_account_does_not_exist(make_unified_desk: MakeUnifiedDesk) -> None:
    desk = make_unified_desk(numbered_account(1, mode="unified"), numbered_account(2, mode="unified"))
    other = UnifiedDesk(desk.exchange, desk.clock, desk.exchange.accounts[1])
    [order_id] = other.place()
    assert desk.cancel_batch([order_id]).item_codes == {order_id: "25204"}
    assert other.cancel_batch([order_id]).item_codes == {order_id: None}
