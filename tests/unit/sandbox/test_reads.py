# SPDX-License-Identifier: Apache-2.0
"""Reads show what the exchange's pages and recorded answers say, page by page."""

from __future__ import annotations

import time

import pytest

from airflow_provider_bitget.sandbox import Exchange
from tests.unit.sandbox.conftest import MakeDesk
from tests.unit.sandbox.desk import DETAIL, HISTORY, PENDING, USDT_FUTURES, Answer, Desk

DAY_MS = 86_400_000
RECORDED_FIELDS = {
    "symbol", "size", "orderId", "clientOid", "baseVolume", "fee", "price", "priceAvg", "status",
    "side", "force", "totalProfits", "posSide", "marginCoin", "quoteVolume", "leverage", "marginMode",
    "enterPointSource", "tradeSide", "posMode", "orderType", "orderSource", "reduceOnly", "cTime", "uTime",
}  # fmt: skip


def test_open_orders_come_newest_first(desk: Desk) -> None:
    order_ids = desk.place(3)
    answer = desk.pending()
    assert answer.listed == order_ids[::-1]
    assert answer.data["endId"] == order_ids[0]


def test_rows_have_the_recorded_fields_as_text(desk: Desk) -> None:
    desk.place()
    [row] = desk.pending().rows
    assert set(row) >= RECORDED_FIELDS
    assert all(isinstance(value, str) for value in row.values())
    assert (row["priceAvg"], row["clientOid"]) == ("", "")


def test_empty_list_is_null(desk: Desk) -> None:
    for answer in (desk.pending(), desk.history()):
        assert answer.data == {"entrustedList": None, "endId": None}


def test_partially_filled_orders_show_only_when_asked_for(desk: Desk) -> None:
    [live] = desk.place()
    [partial] = desk.place(status="partially_filled")
    assert desk.pending().listed == [live]
    assert desk.pending(status="live").listed == [live]
    assert desk.pending(status="partially_filled").listed == [partial]


def test_partially_filled_orders_can_show_unasked(make_desk: MakeDesk) -> None:
    desk = make_desk(pending_returns="all")
    [live] = desk.place()
    [partial] = desk.place(status="partially_filled")
    assert desk.pending().listed == [partial, live]


def pages_of(desk: Desk, path: str, **parameters: object) -> list[Answer]:
    """Read pages as a client does: on from endId until one is empty."""
    pages = [desk.get(path, productType=USDT_FUTURES, **parameters)]
    while pages[-1].rows and len(pages) < 20:
        desk.clock.advance(1.0)
        last = pages[-1].data["endId"]
        pages.append(desk.get(path, productType=USDT_FUTURES, idLessThan=last, **parameters))
    return pages


def test_pages_hold_a_hundred_orders_and_miss_none(desk: Desk) -> None:
    order_ids = desk.place(250)
    pages = pages_of(desk, PENDING)
    assert [len(page.rows) for page in pages] == [100, 100, 50, 0]
    assert [one for page in pages for one in page.listed] == order_ids[::-1]


def test_history_mixes_filled_and_cancelled_orders_newest_first(desk: Desk) -> None:
    order_ids = desk.place(130)
    for position, order_id in enumerate(order_ids):
        (desk.exchange.fill if position % 2 else desk.exchange.cancel)(order_id)
    rows = [row for page in pages_of(desk, HISTORY, limit=50) for row in page.rows]
    assert [row["orderId"] for row in rows] == order_ids[::-1]
    assert [row["status"] for row in rows[:2]] == ["filled", "canceled"]
    assert desk.pending().listed == []


def test_lists_can_be_narrowed_down(desk: Desk) -> None:
    [bitcoin] = desk.place(1, "BTCUSDT", client_oids=["mine"])
    [ether] = desk.place(1, "ETHUSDT")
    assert desk.pending(symbol="ETHUSDT").listed == [ether]
    assert desk.pending(orderId=bitcoin).listed == [bitcoin]
    assert desk.pending(orderId=bitcoin, symbol="ETHUSDT").listed == []
    assert desk.pending(clientOid="mine").listed == [bitcoin]
    assert desk.pending(clientOid="other").listed == []
    assert desk.get(PENDING, productType="COIN-FUTURES").rows == []


def test_orders_older_than_ninety_days_show_only_with_explicit_times(desk: Desk) -> None:
    created = desk.now_ms - 100 * DAY_MS
    [old] = desk.place(created_ms=created)
    [new] = desk.place()
    assert desk.pending().listed == [new]
    assert desk.pending(startTime=created, endTime=created + 90 * DAY_MS).listed == [old]


@pytest.mark.parametrize(
    "parameters",
    [
        {"limit": 101},
        {"limit": 0},
        {"limit": "ten"},
        {"status": "open"},
        {"startTime": "yesterday"},
        {"startTime": 1, "endTime": 1 + 91 * DAY_MS},
        {"startTime": 2, "endTime": 1},
        {"idLessThan": "x"},
        {"productType": "FUTURES"},
    ],
)
def test_malformed_parameters_are_refused(desk: Desk, parameters: dict[str, object]) -> None:
    answer = desk.get(PENDING, **{"productType": USDT_FUTURES, **parameters})
    assert (answer.status, answer.code) == (400, "40017")


@pytest.mark.parametrize(("field", "found"), [("cTime", False), ("uTime", True)])
def test_times_of_the_history_can_mean_creation_or_end(make_desk: MakeDesk, field: str, found: bool) -> None:
    desk = make_desk(history_time=field)
    [order_id] = desk.place()
    desk.clock.advance(3600.0)
    started = desk.now_ms
    desk.exchange.fill(order_id)
    assert bool(desk.history(startTime=started).rows) is found


@pytest.mark.parametrize(("end", "state", "reason"), [("fill", "filled", ""), ("cancel", "canceled", "normal_cancel")])
def test_detail_names_the_state(desk: Desk, end: str, state: str, reason: str) -> None:
    [order_id] = desk.place()
    assert desk.detail(order_id).data["state"] == "live"
    getattr(desk.exchange, end)(order_id)
    data = desk.detail(order_id).data
    assert (data["state"], data["cancelReason"], "status" in data) == (state, reason, False)


def test_detail_of_another_scope_or_an_unknown_order_is_not_found(desk: Desk) -> None:
    [order_id] = desk.place()
    for answer in (desk.detail(order_id, "ETHUSDT"), desk.detail("1")):
        assert (answer.status, answer.code, answer.data) == (400, "40109", None)


def test_detail_needs_symbol_product_type_and_an_id(desk: Desk) -> None:
    assert desk.get(DETAIL, productType=USDT_FUTURES, orderId="1").code == "40019"
    assert desk.get(DETAIL, symbol="BTCUSDT", orderId="1").code == "40019"
    assert desk.get(DETAIL, symbol="BTCUSDT", productType=USDT_FUTURES).code == "40924"


def test_cheap_reads_answer(desk: Desk) -> None:
    [account] = desk.get("/api/v2/mix/account/accounts", productType="COIN-FUTURES").data
    assert account["marginCoin"] == "BTC"
    assert desk.get("/api/v2/mix/position/all-position", productType=USDT_FUTURES).data == []


def test_order_ids_look_like_the_exchanges_and_grow(desk: Desk) -> None:
    order_ids = desk.place(3)
    assert order_ids == sorted(order_ids)
    assert all(len(one) == 19 and one.isdigit() for one in order_ids)


def test_order_id_that_went_through_a_float_names_no_other_order(desk: Desk) -> None:
    order_ids = desk.place(1_000)
    assert not {str(int(float(one))) for one in order_ids} & set(order_ids)


def test_books_count_orders_by_state(desk: Desk) -> None:
    filled, cancelled, _ = desk.place(3)
    desk.place(2, status="partially_filled")
    desk.exchange.fill(filled)
    desk.exchange.cancel(cancelled)
    assert desk.exchange.books() == [
        {
            "account": desk.account.uid,
            "productType": USDT_FUTURES,
            "symbol": "BTCUSDT",
            "open": 1,
            "partially_filled": 2,
            "filled": 1,
            "cancelled": 1,
        }
    ]


def test_owner_is_told_what_cannot_be_done(desk: Desk) -> None:
    [order_id] = desk.place()
    desk.exchange.fill(order_id)
    for act, message in (
        (lambda: desk.exchange.fill(order_id), "is filled already"),
        (lambda: desk.exchange.cancel("7"), "has no order 7"),
        (lambda: desk.place(status="filled"), "expected is live or partially_filled"),
        (lambda: desk.place(product_type="FUTURES"), "known are USDT-FUTURES"),
        (lambda: desk.place(2, client_oids=["one"]), "2 orders cannot have 1 clientOids"),
        (lambda: desk.place(-1), "-1 orders"),
    ):
        with pytest.raises(ValueError, match=message):
            act()


def test_fifty_thousand_orders_are_placed_within_a_second() -> None:
    exchange = Exchange()
    started = time.process_time()
    exchange.place(50_000)
    assert time.process_time() - started < 1.0
