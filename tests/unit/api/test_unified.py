# SPDX-License-Identifier: Apache-2.0
"""Orders of a unified account: what is sent, what is read, and what is never read into an odd answer."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitget.api.client import SAME_ORDER_INTERVAL
from airflow_provider_bitget.api.endpoints import endpoint_for
from airflow_provider_bitget.api.exceptions import (
    BitgetAmbiguousError,
    BitgetBadRequestError,
    BitgetBatchTooLargeError,
    BitgetConfigError,
    BitgetGoneError,
    BitgetScopeError,
)
from airflow_provider_bitget.api.rows import EndedOrder, ItemAnswer, KeyRights, OpenOrder
from airflow_provider_bitget.api.unified_rows import open_order, open_plan_order
from tests.unit.api.dialect import ODD_UNIFIED_LISTS, USDT, queries, unified_of, unified_page
from tests.unit.api.wire import LOST, SECRET, Outcome, envelope

ROW = {
    "orderId": "111",
    "clientOid": "mine",
    "category": USDT,
    "symbol": "BTCUSDT",
    "orderType": "limit",
    "side": "buy",
    "price": "45000",
    "qty": "0.01",
    "amount": "0",
    "cumExecQty": "0.004",
    "cumExecValue": "180",
    "avgPrice": "45000",
    "timeInForce": "gtc",
    "orderStatus": "new",
    "posSide": "long",
    "holdMode": "hedge_mode",
    "reduceOnly": "NO",
    "createdTime": "1767225600500",
    "updatedTime": "1767225601000",
}


def page(count: int, first: int, cursor: Any = None) -> Outcome:
    """A page of so many orders, newest first."""
    rows = [
        {"orderId": str(first - position), "symbol": "BTCUSDT", "category": USDT, "orderStatus": "live"}
        for position in range(count)
    ]
    return unified_page(*rows, cursor=cursor)


# --------------------------------------------------------------------------------------------------------- rows


def test_open_order_goes_by_the_names_of_a_classic_account() -> None:
    dialect, script = unified_of(unified_page(ROW, cursor="111"))

    [[order]] = dialect.open_orders(product_type=USDT, symbol="BTCUSDT")

    assert order == OpenOrder(
        "111",
        "mine",
        "BTCUSDT",
        {
            "orderId": "111",
            "clientOid": "mine",
            "productType": USDT,
            "symbol": "BTCUSDT",
            "orderType": "limit",
            "side": "buy",
            "price": "45000",
            "size": "0.01",
            "amount": "0",
            "baseVolume": "0.004",
            "quoteVolume": "180",
            "priceAvg": "45000",
            "force": "gtc",
            "status": "live",
            "posSide": "long",
            "posMode": "hedge_mode",
            "reduceOnly": "NO",
            "cTime": "1767225600500",
            "uTime": "1767225601000",
        },
        margin_coin="USDT",
        side="buy",
        size="0.01",
        price="45000",
        placed=1_767_225_600.5,
        may_close=False,
    )
    assert script.sent[0].path == "/api/v3/trade/unfilled-orders"
    assert queries(script) == [{"category": USDT, "symbol": "BTCUSDT", "limit": "100"}]


@pytest.mark.parametrize(
    ("product_type", "coin"), [("USDT-FUTURES", "USDT"), ("USDC-FUTURES", "USDC"), ("COIN-FUTURES", "")]
)
def test_margin_coin_of_an_order_is_what_its_product_type_implies(product_type: str, coin: str) -> None:
    dialect, _ = unified_of(unified_page({"orderId": "1", "category": product_type}))

    [[order]] = dialect.open_orders(product_type=product_type)

    assert order.margin_coin == coin


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        ({"reduceOnly": "YES"}, True),
        ({"reduceOnly": "yes", "tradeSide": "open"}, True),
        ({"tradeSide": "open"}, False),
        ({"tradeSide": "close"}, True),
        ({"tradeSide": "reduce_close_long", "reduceOnly": "NO"}, True),
        ({"holdMode": "hedge_mode", "side": "buy", "posSide": "long"}, False),
        ({"holdMode": "hedge_mode", "side": "sell", "posSide": "short"}, False),
        ({"holdMode": "hedge_mode", "side": "sell", "posSide": "long"}, True),
        ({"holdMode": "hedge_mode", "side": "buy", "posSide": "short"}, True),
        ({"holdMode": "hedge_mode", "side": "buy", "posSide": ""}, True),
        ({"holdMode": "one_way_mode", "reduceOnly": "NO", "orderType": "limit"}, False),
        ({"tradeSide": "buy_single", "reduceOnly": "NO", "orderType": "limit"}, False),
        ({"holdMode": "one_way_mode", "reduceOnly": "NO", "orderType": "market"}, True),
        ({"holdMode": "one_way_mode", "orderType": "limit"}, True),
        ({"side": "buy", "posSide": "long", "reduceOnly": "NO", "orderType": "limit"}, True),
        ({}, True),
    ],
)
def test_order_that_cannot_be_told_from_a_close_counts_as_one(row: dict[str, Any], verdict: bool) -> None:
    dialect, _ = unified_of(unified_page({"orderId": "1", **row}))

    [[order]] = dialect.open_orders(product_type=USDT)

    assert order.may_close is verdict


def test_an_open_order_that_nobody_can_name_makes_the_read_incomplete_and_spoils_no_other() -> None:
    dialect, _ = unified_of(unified_page(None, "row", {}, {"orderId": "7"}, {"clientOid": "mine"}))

    pages = dialect.open_orders(product_type=USDT)
    found = next(pages)
    with pytest.raises(BitgetAmbiguousError, match="no id"):
        next(pages)

    assert [(order.order_id, order.client_oid) for order in found] == [("7", ""), ("", "mine")]


@pytest.mark.parametrize("category", ["COIN-FUTURES", "SPOT", "MARGIN", "x"])
def test_row_of_another_category_means_that_the_question_was_not_understood(category: str) -> None:
    dialect, _ = unified_of(unified_page(ROW, {**ROW, "orderId": "2", "category": category}))

    with pytest.raises(BitgetAmbiguousError, match="category"):
        list(dialect.open_orders(product_type=USDT))


VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.text(max_size=2), max_size=2)
NAMES = [*ROW, "type", "takeProfit", "stopLoss", "triggerPrice", "tradeSide", "size", "status", "twapParams", "x"]


@given(st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_no_row_is_too_odd_to_be_read(row: dict[str, Any]) -> None:
    has_id = row.get("orderId") not in (None, "") or row.get("clientOid") not in (None, "")

    assert (open_order(row, USDT) is not None) is has_id
    assert (open_plan_order(row, USDT) is not None) is has_id


# --------------------------------------------------------------------------------------------------------- paging


def test_next_page_is_asked_for_by_the_cursor_of_the_answer() -> None:
    dialect, script = unified_of(page(100, 500, "abc"), page(100, 400, 77), page(3, 300, "c"))

    assert [len(one) for one in dialect.open_orders(product_type=USDT)] == [100, 100, 3]
    assert [query.get("cursor") for query in queries(script)] == [None, "abc", "77"]


@pytest.mark.parametrize("size", [0, 1, 50, 99])
@pytest.mark.parametrize("cursor", [None, ""])
def test_short_page_without_a_cursor_is_the_last_one(size: int, cursor: Any) -> None:
    dialect, script = unified_of(page(size, 500, cursor), page(100, 400))

    assert [len(one) for one in dialect.open_orders(product_type=USDT)] == [size]
    assert len(script.sent) == 1


@pytest.mark.parametrize("size", [10, 20, 25, 30, 40, 50])
def test_pages_kept_shorter_than_asked_for_are_read_to_the_end(size: int) -> None:
    dialect, _ = unified_of(page(size, 500, "a"), page(size, 400, "b"), page(2, 300, "c"))

    assert [len(one) for one in dialect.open_orders(product_type=USDT)] == [size, size, 2]


def test_book_that_fills_its_pages_exactly_is_read_to_the_empty_one() -> None:
    dialect, _ = unified_of(page(100, 500, "a"), envelope(data={"list": None, "cursor": None}))

    assert [len(one) for one in dialect.open_orders(product_type=USDT)] == [100, 0]


@pytest.mark.parametrize(
    "outcomes",
    [
        [page(100, 500), page(100, 500)],
        [page(100, 500), page(100, 402)],
        [page(100, 500, "a"), page(100, 400, "a"), page(100, 400, "a")],
        [page(100, 500, "a"), page(100, 400, "b"), page(100, 300, "a"), page(100, 300, "a")],
    ],
    ids=["no cursor, the same page", "no cursor, a page that overlaps", "same cursor", "back to an old cursor"],
)
def test_full_page_that_leads_nowhere_new_ends_the_read_unfinished(outcomes: list[Outcome]) -> None:
    dialect, script = unified_of(*outcomes)

    with pytest.raises(BitgetAmbiguousError, match="no way to the next"):
        list(dialect.open_orders(product_type=USDT))

    assert len(script.sent) == len(outcomes)


@pytest.mark.parametrize("last", [0, 50, 100])
def test_full_page_without_a_cursor_is_gone_on_from_at_its_last_row(last: int) -> None:
    outcomes = [page(100, 500), page(last, 400), *([page(0, 300)] if last == 100 else [])]
    dialect, script = unified_of(*outcomes)

    found = list(dialect.open_orders(product_type=USDT))

    assert sum(map(len, found)) == 100 + last
    assert [query.get("cursor") for query in queries(script)] == [None, "401", "301"][: len(outcomes)]


@pytest.mark.parametrize("data", [{"list": None}, {"list": None, "cursor": None}, {"list": [], "cursor": "1"}])
def test_null_and_empty_lists_are_an_empty_book(data: Any) -> None:
    dialect, _ = unified_of(envelope(data=data))

    assert list(dialect.open_orders(product_type=USDT)) == [[]]


@pytest.mark.parametrize("read", ["open_orders", "orders_history"])
@pytest.mark.parametrize("data", ODD_UNIFIED_LISTS, ids=str)
def test_answer_of_an_unknown_shape_is_never_taken_for_an_empty_book(read: str, data: Any) -> None:
    dialect, _ = unified_of(envelope(data=data))

    with pytest.raises(BitgetAmbiguousError):
        list(getattr(dialect, read)(product_type=USDT))


def test_failure_in_the_middle_never_looks_like_the_end() -> None:
    dialect, _ = unified_of(page(100, 500, "a"), envelope("25200"))

    with pytest.raises(BitgetBadRequestError):
        list(dialect.open_orders(product_type=USDT))


# --------------------------------------------------------------------------------------------------------- detail


@pytest.mark.parametrize(
    ("status", "state"), [("filled", "filled"), ("cancelled", "cancelled"), ("canceled", "cancelled")]
)
def test_detail_tells_how_an_order_ended(status: str, state: str) -> None:
    dialect, script = unified_of(envelope(data={**ROW, "orderStatus": status}))

    found = dialect.order_detail(symbol="BTCUSDT", product_type=USDT, order_id="111", client_oid="mine")

    assert found == EndedOrder("111", "mine", "BTCUSDT", state, 1_767_225_601.0, 1_767_225_600.5)
    assert [sent.target for sent in script.sent] == ["/api/v3/trade/order-info?orderId=111"]


def test_detail_need_not_repeat_the_category() -> None:
    dialect, _ = unified_of(envelope(data={**ROW, "orderStatus": "filled", "category": None}))

    assert dialect.order_detail(symbol="BTCUSDT", product_type=USDT, order_id="111") is not None


@pytest.mark.parametrize("status", ["live", "new", "partially_filled"])
def test_detail_of_a_resting_order_is_an_open_order(status: str) -> None:
    dialect, script = unified_of(envelope(data={**ROW, "orderStatus": status}))

    found = dialect.order_detail(symbol="BTCUSDT", product_type=USDT, client_oid="mine")

    assert isinstance(found, OpenOrder)
    assert queries(script) == [{"clientOid": "mine"}]


@pytest.mark.parametrize(
    "change",
    [{"symbol": "ETHUSDT"}, {"symbol": ""}, {"category": "SPOT"}, {"category": "COIN-FUTURES"}],
    ids=str,
)
def test_order_under_the_wrong_name_is_unknown_and_no_error(change: dict[str, Any]) -> None:
    dialect, _ = unified_of(envelope(data={**ROW, "orderStatus": "filled", **change}))

    assert dialect.order_detail(symbol="BTCUSDT", product_type=USDT, order_id="111") is None


ODD_DETAILS: list[Any] = [None, [], {}, "", [ROW]]


@pytest.mark.parametrize("outcome", [envelope("25204"), *map(partial(envelope, "00000"), ODD_DETAILS)])
def test_unknown_order_and_odd_details_prove_nothing(outcome: Outcome) -> None:
    dialect, _ = unified_of(outcome)

    assert dialect.order_detail(symbol="BTCUSDT", product_type=USDT, order_id="111") is None


# --------------------------------------------------------------------------------------------------- batch cancel


def test_batch_is_a_bare_list_in_which_every_entry_says_what_it_is_of() -> None:
    dialect, script = unified_of(envelope(data=[]))

    dialect.batch_cancel([("orderId", "1"), ("orderId", "2")], symbol="BTCUSDT", product_type=USDT)
    dialect.batch_cancel([("clientOid", "mine")], symbol="BTCUSDT", product_type=USDT, margin_coin="USDT")

    scope = {"category": USDT, "symbol": "BTCUSDT"}
    assert {(sent.method, sent.path) for sent in script.sent} == {("POST", "/api/v3/trade/cancel-batch")}
    assert [json.loads(sent.body) for sent in script.sent] == [
        [{"orderId": "1", **scope}, {"orderId": "2", **scope}],
        [{"clientOid": "mine", **scope}],
    ]


def test_batch_answers_order_by_order() -> None:
    data: list[Any] = [
        {"orderId": "1", "clientOid": "a"},
        {"orderId": 2, "code": "00000", "msg": "success"},
        {"orderId": "3", "code": "0"},
        {"orderId": "4", "code": ""},
        {"orderId": "5", "code": None},
        {"orderId": "6", "code": 0},
        {"orderId": "10", "msg": "Success"},
        {"orderId": "11", "code": None, "msg": None},
        {"orderId": "12", "code": "00000", "msg": "done"},
        {"orderId": "7", "code": "25204", "msg": "Order does not exist"},
        {"clientOid": "b", "code": 24056, "msg": "x\ny " + SECRET},
        {"orderId": "9", "msg": "Order does not exist"},
        None,
        "8",
    ]
    dialect, _ = unified_of(envelope(data=data))

    answer = dialect.batch_cancel([("orderId", "1")], symbol="BTCUSDT", product_type=USDT)

    assert answer.succeeded == (
        ItemAnswer("1", "a"),
        *(ItemAnswer(str(number), "") for number in (2, 3, 4, 5, 6, 10, 11, 12)),
    )
    assert answer.failed == (
        ItemAnswer("7", "", "25204", "Order does not exist"),
        ItemAnswer("", "b", "24056", "x y ***"),
        ItemAnswer("9", "", "", "Order does not exist"),
    )
    assert answer.names_orders


@pytest.mark.parametrize("data", [None, {}, [], {"list": [{"orderId": "1"}]}, "success", 1], ids=str)
def test_batch_that_lists_nobody_has_cancelled_nobody(data: Any) -> None:
    dialect, _ = unified_of(envelope(data=data))

    answer = dialect.batch_cancel([("orderId", "1")], symbol="BTCUSDT", product_type=USDT)

    assert (answer.succeeded, answer.failed) == ((), ())


def test_batch_that_is_refused_as_a_whole_says_why() -> None:
    dialect, _ = unified_of(envelope("25204"))

    with pytest.raises(BitgetGoneError) as refusal:
        dialect.batch_cancel([("orderId", "1")], symbol="BTCUSDT", product_type=USDT)

    assert refusal.value.code == "25204"


def test_batch_of_more_than_twenty_is_never_sent() -> None:
    dialect, script = unified_of(envelope(data=[]))
    items = [("orderId", str(number)) for number in range(21)]

    with pytest.raises(BitgetBatchTooLargeError):
        dialect.batch_cancel(items, symbol="BTCUSDT", product_type=USDT)
    assert script.sent == []

    dialect.batch_cancel(items[:20], symbol="BTCUSDT", product_type=USDT)
    assert dialect.most_ids_per_cancel == 20


def test_same_orders_are_cancelled_again_after_a_second_at_the_earliest() -> None:
    dialect, script = unified_of(LOST, envelope(data=[{"orderId": "1"}]))

    answer = dialect.batch_cancel([("orderId", "1")], symbol="BTCUSDT", product_type=USDT)

    assert answer.maybe_processed
    assert script.sent[1].moment - script.sent[0].moment >= SAME_ORDER_INTERVAL


# ------------------------------------------------------------------------------------------------ margin coins

WRITES: dict[str, dict[str, Any]] = {
    "batch_cancel": {"items": [("orderId", "1")], "symbol": "BTCUSDT"},
    "cancel_plan_orders": {"items": [("orderId", "1")], "symbol": "BTCUSDT", "plan_type": "loss_plan"},
    "cancel_all_orders": {},
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize(("product_type", "coin"), [(USDT, "USDT"), ("USDC-FUTURES", "USDC")])
def test_margin_coin_that_the_product_type_implies_changes_nothing(write: str, product_type: str, coin: str) -> None:
    dialect, script = unified_of(envelope(data={"list": []}))
    call = getattr(dialect, write)

    call(**WRITES[write], product_type=product_type, margin_coin=coin)
    call(**WRITES[write], product_type=product_type)

    assert script.sent[0].body == script.sent[1].body


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize(
    ("product_type", "coin"), [(USDT, "USDC"), (USDT, "BTC"), ("COIN-FUTURES", "BTC"), ("USDC-FUTURES", "usdc")]
)
def test_margin_coin_that_cannot_be_asked_for_is_refused_by_name(write: str, product_type: str, coin: str) -> None:
    dialect, script = unified_of(envelope(data=[]))

    with pytest.raises(BitgetConfigError, match=r"must be|Choose symbols") as refusal:
        getattr(dialect, write)(**WRITES[write], product_type=product_type, margin_coin=coin)

    assert refusal.value.field == "margin_coin"
    assert script.sent == []


# ------------------------------------------------------------------------------------------------- product types

CALLS: dict[str, dict[str, Any]] = {
    **WRITES,
    "close_positions": {},
    "order_detail": {"symbol": "BTCUSDT", "order_id": "1"},
    "reads_of_open_orders": {},
    "open_orders": {},
    "orders_history": {},
    "reads_of_open_plan_orders": {},
    "open_strategy_orders": {"strategy_type": "tpsl"},
    "ended_plan_orders": {"plan_type": "loss_plan"},
    "positions": {},
    "check_signature": {},
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("product_type", ["SUSDT-FUTURES", "SCOIN-FUTURES", "SPOT", "usdt-futures"])
def test_product_type_that_a_unified_account_does_not_have_is_refused_by_name(call: str, product_type: str) -> None:
    dialect, script = unified_of(envelope(data=[]))

    with pytest.raises(BitgetConfigError, match="USDC-FUTURES") as refusal:
        getattr(dialect, call)(**CALLS[call], product_type=product_type)

    assert refusal.value.field == "product_type"
    assert script.sent == []


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("product_type", ["", " ", "*", "None"])
def test_empty_product_type_never_reaches_the_exchange(call: str, product_type: str) -> None:
    dialect, script = unified_of(envelope(data=[]))

    with pytest.raises(BitgetScopeError):
        getattr(dialect, call)(**CALLS[call], product_type=product_type)

    assert script.sent == []


# ------------------------------------------------------------------------------------------------- other endpoints


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/api/v3/trade/cancel-batch", 5.0),
        ("/api/v3/trade/cancel-symbol-order", 5.0),
        ("/api/v3/trade/close-positions", 5.0),
        ("/api/v3/trade/cancel-order", 10.0),
        ("/api/v3/trade/cancel-strategy-order", 10.0),
        ("/api/v3/trade/unfilled-orders", 20.0),
        ("/api/v3/trade/unfilled-strategy-orders", 20.0),
        ("/api/v3/trade/history-orders", 20.0),
        ("/api/v3/trade/history-strategy-orders", 20.0),
        ("/api/v3/trade/order-info", 20.0),
        ("/api/v3/trade/strategy-sub-orders", 10.0),
        ("/api/v3/position/current-position", 20.0),
        ("/api/v3/account/settings", 20.0),
        ("/api/v3/account/info", 1.0),
        ("/api/v3/account/assets", 5.0),
    ],
)
def test_endpoint_named_by_a_user_keeps_its_documented_limit(path: str, limit: float) -> None:
    assert endpoint_for("get", path).limit == limit


def test_check_of_a_signature_is_one_signed_read_in_one_attempt() -> None:
    dialect, script = unified_of(LOST)

    with pytest.raises(BitgetAmbiguousError):
        dialect.check_signature(product_type=USDT)

    assert [sent.target for sent in script.sent] == [f"/api/v3/trade/unfilled-orders?category={USDT}&limit=1"]
    assert "ACCESS-SIGN" in script.sent[0].headers


@pytest.mark.parametrize(
    ("data", "may_trade", "may_withdraw"),
    [
        ({"permType": "read-and-write", "permissions": ["uta_mgt", "uta_trade", "withdraw"]}, True, True),
        ({"permType": "read-and-write", "permissions": ["UTA_TRADE"]}, True, False),
        ({"permType": "read-and-write", "permissions": ["uta_mgt"]}, False, False),
        ({"permType": "read-only", "permissions": ["uta_trade"]}, False, False),
        ({"permType": "readonly", "permissions": ["uta_trade"]}, False, False),
        ({"permType": "read_only", "permissions": ["uta_mgt"]}, False, False),
        ({"permissions": ["uta_trade"]}, None, False),
        ({"permissions": ["uta_mgt"]}, False, False),
        ({"permType": "read-and-write"}, None, None),
        ({"permType": "read-and-write", "permissions": None}, None, None),
        ({"permType": "read-and-write", "permissions": "uta_trade"}, None, None),
        ([], None, None),
        (None, None, None),
    ],
)
def test_rights_of_a_key_are_told_where_the_answer_shows_them(
    data: Any, may_trade: bool | None, may_withdraw: bool | None
) -> None:
    dialect, script = unified_of(envelope(data=data))

    assert dialect.key_rights() == KeyRights(may_trade, may_withdraw)
    assert [sent.target for sent in script.sent] == ["/api/v3/account/info"]
