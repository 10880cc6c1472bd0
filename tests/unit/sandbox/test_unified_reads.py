# SPDX-License-Identifier: Apache-2.0
"""Reads of a unified account show what its pages and recorded answers say, page by page."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox.conftest import MakeUnifiedDesk
from tests.unit.sandbox.desk import (
    HISTORY_ORDERS,
    ORDER_INFO,
    UNFILLED,
    USDT_FUTURES,
    Answer,
    UnifiedDesk,
)

DAY_MS = 86_400_000
RECORDED_FIELDS = {
    "orderId", "clientOid", "category", "symbol", "orderType", "side", "price", "qty", "amount", "cumExecQty",
    "cumExecValue", "avgPrice", "timeInForce", "orderStatus", "posSide", "holdMode", "delegateType", "reduceOnly",
    "marginMode", "stpMode", "takeProfit", "stopLoss", "tpTriggerBy", "slTriggerBy", "tpOrderType", "slOrderType",
    "tpLimitPrice", "slLimitPrice", "feeDetail", "createdTime", "updatedTime",
}  # fmt: skip


def pages_of(desk: UnifiedDesk, path: str, **parameters: object) -> list[Answer]:
    """Read pages as a client does: on from the cursor until one is empty."""
    pages = [desk.get(path, category=USDT_FUTURES, **parameters)]
    while pages[-1].unified_rows and len(pages) < 20:
        last = pages[-1].data["cursor"]
        pages.append(desk.get(path, category=USDT_FUTURES, cursor=last, **parameters))
    return pages


def test_rows_have_the_recorded_fields_and_no_others(unified_desk: UnifiedDesk) -> None:
    unified_desk.place()
    [row] = unified_desk.unfilled().unified_rows
    assert set(row) == RECORDED_FIELDS
    assert row["feeDetail"] == [{"feeCoin": None, "fee": None}]
    assert all(isinstance(value, str) for name, value in row.items() if name != "feeDetail")
    assert (row["category"], row["orderStatus"], row["qty"]) == (USDT_FUTURES, "live", "0.02")
    assert (row["avgPrice"], row["cumExecQty"], row["cumExecValue"]) == ("0", "0", "0")


def test_open_orders_come_newest_first_partially_filled_ones_among_them(unified_desk: UnifiedDesk) -> None:
    [live], [partial], [newest] = (unified_desk.place(status=one) for one in ("live", "partially_filled", "live"))
    answer = unified_desk.unfilled()
    assert answer.unified_listed == [newest, partial, live]
    assert answer.data["cursor"] == live
    row = answer.unified_rows[1]
    assert (row["orderStatus"], row["cumExecQty"], row["cumExecValue"]) == ("partially_filled", "0.01", "300")


@pytest.mark.parametrize(("rule", "nothing"), [("list", ([], "")), ("null", (None, None))])
def test_empty_page_is_a_list_or_null(make_unified_desk: MakeUnifiedDesk, rule: str, nothing: Any) -> None:
    desk = make_unified_desk(empty_list=rule)
    for answer in (desk.unfilled(), desk.ended()):
        assert answer.data == {"list": nothing[0], "cursor": nothing[1]}


def test_pages_hold_a_hundred_orders_and_miss_none(unified_desk: UnifiedDesk) -> None:
    order_ids = unified_desk.place(250)
    pages = pages_of(unified_desk, UNFILLED)
    assert [len(page.unified_rows) for page in pages] == [100, 100, 50, 0]
    assert [one for page in pages for one in page.unified_listed] == order_ids[::-1]


def test_history_mixes_filled_and_cancelled_orders_newest_first(unified_desk: UnifiedDesk) -> None:
    order_ids = unified_desk.place(130)
    for position, order_id in enumerate(order_ids):
        (unified_desk.exchange.fill if position % 2 else unified_desk.exchange.cancel)(order_id)
    rows = [row for page in pages_of(unified_desk, HISTORY_ORDERS, limit=50) for row in page.unified_rows]
    assert [row["orderId"] for row in rows] == order_ids[::-1]
    assert [(row["orderStatus"], row["cancelReason"]) for row in rows[:2]] == [
        ("filled", ""),
        ("cancelled", "normal_cancel"),
    ]
    assert unified_desk.unfilled().unified_listed == []


def test_open_orders_of_every_category_show_where_none_is_named(unified_desk: UnifiedDesk) -> None:
    [usdt] = unified_desk.place()
    [coin] = unified_desk.place(1, "BTCUSD", product_type="COIN-FUTURES")
    assert unified_desk.get(UNFILLED).unified_listed == [coin, usdt]
    assert unified_desk.get(UNFILLED, category="coin-futures").unified_listed == [coin]
    assert unified_desk.unfilled(symbol="ETHUSDT").unified_listed == []
    assert unified_desk.get(HISTORY_ORDERS).code == "40019"


@pytest.mark.parametrize("parameters", [{"category": "SPOT"}, {"limit": 101}, {"limit": 0}, {"cursor": "x"}])
def test_malformed_parameters_are_refused(unified_desk: UnifiedDesk, parameters: dict[str, object]) -> None:
    for answer in (unified_desk.unfilled(**parameters), unified_desk.ended(**parameters)):
        assert (answer.status, answer.code) == (400, "40017")


def test_live_and_cancelled_orders_have_two_names_each(make_unified_desk: MakeUnifiedDesk) -> None:
    desk = make_unified_desk(unified_live="new", unified_canceled="canceled")
    live, cancelled = desk.place(2)
    desk.exchange.cancel(cancelled)
    assert desk.info(live).data["orderStatus"] == "new"
    assert desk.info(cancelled).data["orderStatus"] == "canceled"


@pytest.mark.parametrize(
    ("hold_side", "trade_side", "pos_mode", "side", "reduce_only"),
    [
        ("short", "open", "hedge_mode", "sell", "NO"),
        ("long", "close", "hedge_mode", "sell", "NO"),
        ("short", "close", "hedge_mode", "buy", "NO"),
        ("long", "open", "one_way_mode", "buy", "NO"),
        ("long", "close", "one_way_mode", "sell", "YES"),
    ],
)
def test_side_is_what_the_order_does_also_in_hedge_mode(
    unified_desk: UnifiedDesk, hold_side: str, trade_side: str, pos_mode: str, side: str, reduce_only: str
) -> None:
    unified_desk.place(1, hold_side=hold_side, trade_side=trade_side, pos_mode=pos_mode)
    [row] = unified_desk.unfilled().unified_rows
    assert (row["side"], row["reduceOnly"]) == (side, reduce_only)
    assert (row["posSide"], row["holdMode"]) == (hold_side, pos_mode)


def test_orders_in_one_way_mode_may_name_no_side_of_the_position(make_unified_desk: MakeUnifiedDesk) -> None:
    desk = make_unified_desk(one_way_pos_side="empty")
    desk.place(1, hold_side="long")
    desk.place()
    assert [row["posSide"] for row in desk.unfilled().unified_rows] == ["", "long"]


@pytest.mark.parametrize(("end", "status"), [("fill", "filled"), ("cancel", "cancelled")])
def test_order_info_names_the_end_by_the_id_alone(unified_desk: UnifiedDesk, end: str, status: str) -> None:
    [order_id] = unified_desk.place(client_oids=["mine"])
    assert unified_desk.info(order_id).data["orderStatus"] == "live"
    getattr(unified_desk.exchange, end)(order_id)
    data = unified_desk.get(ORDER_INFO, clientOid="mine").data
    assert (data["orderId"], data["orderStatus"], data["tradeSide"]) == (order_id, status, "open")


def test_order_info_of_no_order_is_an_error(unified_desk: UnifiedDesk) -> None:
    answer = unified_desk.info("1")
    assert (answer.status, answer.code, answer.data) == (400, "25204", None)
    assert unified_desk.get(ORDER_INFO).code == "40924"


# Windows


def test_open_orders_show_whatever_their_age(unified_desk: UnifiedDesk) -> None:
    [old] = unified_desk.place(created_ms=unified_desk.now_ms - 400 * DAY_MS)
    assert unified_desk.unfilled().unified_listed == [old]
    assert unified_desk.unfilled(startTime=unified_desk.now_ms - DAY_MS).unified_listed == []


def test_open_orders_may_show_for_some_days_only_unless_asked_for(make_unified_desk: MakeUnifiedDesk) -> None:
    desk = make_unified_desk(unfilled_days=90)
    created = desk.now_ms - 100 * DAY_MS
    [old], [new] = desk.place(created_ms=created), desk.place()
    assert desk.unfilled().unified_listed == [new]
    assert desk.unfilled(startTime=created).unified_listed == [new, old]
    assert desk.unfilled(endTime=created).unified_listed == [old]
    assert desk.unfilled(startTime=2, endTime=1).code == "40017"


@pytest.mark.parametrize(("days", "listed"), [(29, True), (31, False)])
def test_history_covers_thirty_days_unasked(unified_desk: UnifiedDesk, days: int, listed: bool) -> None:
    created = unified_desk.now_ms - days * DAY_MS
    [order_id] = unified_desk.place(created_ms=created)
    unified_desk.exchange.cancel(order_id)
    assert bool(unified_desk.ended().unified_listed) is listed
    assert unified_desk.ended(startTime=created, endTime=created + DAY_MS).unified_listed == [order_id]


@pytest.mark.parametrize(
    ("start", "end", "code"), [(-30, 0, "00000"), (-31, 0, "40017"), (-31, None, "40017"), (1, 0, "40017")]
)
def test_history_covers_thirty_days_at_most(unified_desk: UnifiedDesk, start: int, end: int | None, code: str) -> None:
    now = unified_desk.now_ms
    times = {"startTime": now + start * DAY_MS, **({} if end is None else {"endTime": now + end * DAY_MS})}
    assert unified_desk.ended(**times).code == code


def test_history_knows_nothing_that_is_older_than_ninety_days(unified_desk: UnifiedDesk) -> None:
    created = unified_desk.now_ms - 91 * DAY_MS
    [order_id] = unified_desk.place(created_ms=created)
    unified_desk.exchange.cancel(order_id)
    assert unified_desk.ended(startTime=created, endTime=created + 30 * DAY_MS).unified_listed == []


@pytest.mark.parametrize(("field", "found"), [("cTime", False), ("uTime", True)])
def test_times_of_the_history_can_mean_creation_or_end(
    make_unified_desk: MakeUnifiedDesk, field: str, found: bool
) -> None:
    desk = make_unified_desk(history_time=field)
    [order_id] = desk.place(created_ms=desk.now_ms - 40 * DAY_MS)
    desk.exchange.fill(order_id)
    assert bool(desk.ended().unified_listed) is found
