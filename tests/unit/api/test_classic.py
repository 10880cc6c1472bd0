# SPDX-License-Identifier: Apache-2.0
"""The futures endpoints of a classic account: what is sent, what is read, and what is never read into an odd answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_bitget.api.classic import ClassicDialect
from airflow_provider_bitget.api.client import BitgetClient
from airflow_provider_bitget.api.endpoints import endpoint_for
from airflow_provider_bitget.api.exceptions import (
    BitgetAmbiguousError,
    BitgetBadRequestError,
    BitgetConfigError,
    BitgetScopeError,
)
from airflow_provider_bitget.api.rate_limit import LimiterRegistry
from airflow_provider_bitget.api.rows import EndedOrder, ItemAnswer, KeyRights, OpenOrder
from airflow_provider_bitget.sandbox import Account, Sandbox
from tests.unit.api.dialect import ODD_LISTS, USDT, dialect_of, listed, queries
from tests.unit.api.wire import CREDENTIALS, KEY, PASSPHRASE, SECRET, START, Outcome, envelope, scripted


def page(count: int, first: int, **changes: Any) -> Outcome:
    """A page of so many orders, newest first, as the exchange sends it."""
    rows = [
        {"orderId": str(first - position), "clientOid": "", "symbol": "BTCUSDT", "status": "live"}
        for position in range(count)
    ]
    end_id = rows[-1]["orderId"] if rows else None
    return envelope(data={"entrustedList": rows or None, "endId": end_id, **changes})


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(accounts=[Account(KEY, SECRET, PASSPHRASE, "1")]) as exchange:
        yield exchange


@pytest.fixture
def live(sandbox: Sandbox) -> Iterator[ClassicDialect]:
    client = BitgetClient(CREDENTIALS, base_url=sandbox.url, limiters=LimiterRegistry())
    yield ClassicDialect(client)
    client.close()


# --------------------------------------------------------------------------------------------------------- paging


def test_all_pages_of_a_long_book_are_read_newest_first(sandbox: Sandbox, live: ClassicDialect) -> None:
    placed = [row["orderId"] for row in sandbox.place(230, "BTCUSDT")]

    pages = list(live.open_orders(product_type=USDT))

    assert [len(one) for one in pages] == [100, 100, 30]
    assert [order.order_id for one in pages for order in one] == placed[::-1]


def test_pages_kept_shorter_than_asked_for_are_read_to_the_end() -> None:
    dialect, script = dialect_of(page(50, 1_000), page(50, 950), page(12, 900))

    read = list(dialect.open_orders(product_type=USDT))

    assert [len(one) for one in read] == [50, 50, 12]
    assert len(script.sent) == 3


def test_book_that_fills_its_pages_exactly_is_read_to_the_empty_one(sandbox: Sandbox, live: ClassicDialect) -> None:
    sandbox.place(200, "BTCUSDT")

    assert [len(one) for one in live.open_orders(product_type=USDT)] == [100, 100, 0]


def test_next_page_begins_where_the_last_one_ended() -> None:
    dialect, script = dialect_of(page(100, 500), page(100, 400), page(3, 300))

    assert sum(len(one) for one in dialect.open_orders(product_type=USDT, symbol="BTCUSDT")) == 203
    assert [query.get("idLessThan") for query in queries(script)] == [None, "401", "301"]
    assert {(query["productType"], query["symbol"], query["limit"]) for query in queries(script)} == {
        (USDT, "BTCUSDT", "100")
    }


@pytest.mark.parametrize("size", [0, 1, 99])
def test_short_page_is_the_last_one(size: int) -> None:
    dialect, script = dialect_of(page(size, 500), page(100, 400))

    assert [len(one) for one in dialect.open_orders(product_type=USDT)] == [size]
    assert len(script.sent) == 1


@pytest.mark.parametrize("data", [{"entrustedList": None, "endId": None}, {"entrustedList": [], "endId": ""}])
def test_null_and_empty_lists_are_an_empty_book(data: Any) -> None:
    dialect, _ = dialect_of(envelope(data=data))

    assert list(dialect.open_orders(product_type=USDT)) == [[]]


@pytest.mark.parametrize("end_id", [None, ""])
def test_full_page_without_a_cursor_goes_on_from_its_oldest_order(end_id: Any) -> None:
    dialect, script = dialect_of(page(100, 500, endId=end_id), page(1, 400))

    assert sum(len(one) for one in dialect.open_orders(product_type=USDT)) == 101
    assert queries(script)[1]["idLessThan"] == "401"


def test_cursor_may_be_a_number() -> None:
    dialect, script = dialect_of(page(100, 500, endId=401), page(1, 400))

    assert sum(len(one) for one in dialect.open_orders(product_type=USDT)) == 101
    assert queries(script)[1]["idLessThan"] == "401"


@pytest.mark.parametrize("last", [0, 3])
def test_full_page_with_the_cursor_that_led_to_it_goes_on_from_its_oldest_order(last: int) -> None:
    dialect, script = dialect_of(page(100, 500), page(100, 400, endId="401"), page(last, 300))

    assert sum(len(one) for one in dialect.open_orders(product_type=USDT)) == 200 + last
    assert [query.get("idLessThan") for query in queries(script)] == [None, "401", "301"]


def test_pages_kept_short_with_the_cursor_that_led_to_them_are_read_to_the_end() -> None:
    dialect, script = dialect_of(page(50, 500), page(50, 450, endId="451"), page(3, 400))

    assert sum(len(one) for one in dialect.open_orders(product_type=USDT)) == 103
    assert [query.get("idLessThan") for query in queries(script)] == [None, "451", "401"]


def test_page_of_just_so_many_rows_that_comes_again_and_again_was_the_last_one() -> None:
    dialect, _ = dialect_of(page(50, 500), page(50, 450), page(50, 450))

    found = {order.order_id for one in dialect.open_orders(product_type=USDT) for order in one}

    assert len(found) == 100


def test_page_that_overlaps_the_one_before_is_never_taken_for_the_end() -> None:
    dialect, _ = dialect_of(page(50, 500), page(50, 450, endId="451"), page(50, 425))

    with pytest.raises(BitgetAmbiguousError, match="no way to the next"):
        list(dialect.open_orders(product_type=USDT))


@pytest.mark.parametrize("size", [10, 20, 25, 30, 40, 50])
def test_page_that_is_shorter_than_one_before_it_is_the_last_one(size: int) -> None:
    dialect, script = dialect_of(page(100, 500), page(size, 400))

    assert sum(len(one) for one in dialect.open_orders(product_type=USDT)) == 100 + size
    assert len(script.sent) == 2


@pytest.mark.parametrize(
    "outcomes",
    [
        [page(100, 500), page(100, 500)],
        [page(100, 500, endId="401"), page(100, 400, endId="401"), page(100, 400, endId="401")],
        [page(100, 500), page(100, 400), page(100, 500)],
    ],
    ids=["same page", "same cursor, and the same page", "back to an old cursor"],
)
def test_cursor_that_leads_nowhere_new_ends_the_read_unfinished(outcomes: list[Outcome]) -> None:
    dialect, script = dialect_of(*outcomes)

    with pytest.raises(BitgetAmbiguousError, match="no way to the next"):
        list(dialect.open_orders(product_type=USDT))

    assert len(script.sent) == len(outcomes)


@pytest.mark.parametrize("read", ["open_orders", "orders_history"])
@pytest.mark.parametrize("data", ODD_LISTS, ids=str)
def test_answer_of_an_unknown_shape_is_never_taken_for_an_empty_book(read: str, data: Any) -> None:
    dialect, _ = dialect_of(envelope(data=data))

    with pytest.raises(BitgetAmbiguousError):
        list(getattr(dialect, read)(product_type=USDT))


def test_page_of_rows_that_nobody_can_read_is_not_the_end_of_the_book() -> None:
    dialect, _ = dialect_of(envelope(data={"entrustedList": [None] * 100, "endId": None}))

    with pytest.raises(BitgetAmbiguousError):
        list(dialect.open_orders(product_type=USDT))


def test_an_open_order_that_nobody_can_name_makes_the_read_incomplete_and_spoils_no_other() -> None:
    good = {"orderId": "7", "clientOid": None, "symbol": "btcusdt", "status": "live", "price": None, "fee": ""}
    rows: list[Any] = [None, "row", 1, [], {}, {"orderId": None}, good, {"clientOid": "mine"}, {"orderId": 8}]
    dialect, _ = dialect_of(envelope(data={"entrustedList": rows, "endId": "8"}))

    pages = dialect.open_orders(product_type=USDT)
    found = next(pages)
    with pytest.raises(BitgetAmbiguousError, match="no id"):
        next(pages)

    assert found == [
        OpenOrder("7", "", "BTCUSDT", good),
        OpenOrder("", "mine", "", {"clientOid": "mine"}),
        OpenOrder("8", "", "", {"orderId": 8}),
    ]


def test_failure_in_the_middle_never_looks_like_the_end() -> None:
    dialect, _ = dialect_of(page(100, 500), envelope("40017"))

    with pytest.raises(BitgetBadRequestError):
        list(dialect.open_orders(product_type=USDT))


def test_status_is_asked_for_only_where_it_is_wanted() -> None:
    dialect, script = dialect_of(page(0, 0))

    list(dialect.open_orders(product_type=USDT))
    list(dialect.open_orders(product_type=USDT, status="partially_filled"))

    assert [query.get("status") for query in queries(script)] == [None, "partially_filled"]


# -------------------------------------------------------------------------------------------------- history, detail


def test_history_tells_how_orders_ended(sandbox: Sandbox, live: ClassicDialect) -> None:
    filled, cancelled, resting = (row["orderId"] for row in sandbox.place(3, "BTCUSDT"))
    sandbox.fill(filled)
    sandbox.cancel(cancelled)

    [found] = live.orders_history(product_type=USDT, symbol="BTCUSDT")

    assert {order.order_id: order.state for order in found} == {filled: "filled", cancelled: "cancelled"}
    assert all(order.updated > START / 2 for order in found)
    assert resting not in {order.order_id for order in found}


@pytest.mark.parametrize(
    ("row", "state"),
    [
        ({"status": "filled"}, "filled"),
        ({"status": "canceled"}, "cancelled"),
        ({"status": "cancelled"}, "cancelled"),
        ({"state": "canceled"}, "cancelled"),
        ({"status": "FILLED"}, "filled"),
        ({"state": "filled", "status": ""}, "filled"),
    ],
)
def test_end_of_an_order_is_understood_in_every_spelling(row: dict[str, str], state: str) -> None:
    dialect, _ = dialect_of(envelope(data={"entrustedList": [{"orderId": "1", **row}], "endId": "1"}))

    [[ended]] = dialect.orders_history(product_type=USDT)

    assert (ended.order_id, ended.state, ended.updated) == ("1", state, 0.0)


@pytest.mark.parametrize("status", ["live", "partially_filled", "new", "", None, 1, ["filled"], "partially_canceled?"])
def test_state_that_is_not_an_end_proves_no_end(status: Any) -> None:
    dialect, _ = dialect_of(envelope(data={"entrustedList": [{"orderId": "1", "status": status}], "endId": "1"}))

    assert list(dialect.orders_history(product_type=USDT)) == [[]]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("1767225600500", 1_767_225_600.5),
        (1_767_225_600_500, 1_767_225_600.5),
        ("", 0.0),
        (None, 0.0),
        ("²", 0.0),
        ("9" * 5000, 0.0),
        (-1, 0.0),
    ],
    ids=["text", "number", "empty", "null", "superscript", "endless", "negative"],
)
def test_odd_time_in_one_row_does_not_spoil_its_page(written: Any, seconds: float) -> None:
    rows = [{"orderId": "1", "status": "filled", "uTime": written}, {"orderId": "2", "status": "filled"}]
    dialect, _ = dialect_of(envelope(data={"entrustedList": rows, "endId": "2"}))

    [[first, second]] = dialect.orders_history(product_type=USDT)

    assert (first.updated, second.order_id) == (seconds, "2")


def test_detail_reads_the_key_that_the_exchange_uses(sandbox: Sandbox, live: ClassicDialect) -> None:
    [filled, cancelled, resting] = sandbox.place(3, "BTCUSDT", client_oids=True)
    sandbox.fill(filled["orderId"])
    sandbox.cancel(cancelled["orderId"])

    def state_of(order_id: str = "", client_oid: str = "") -> str:
        found = live.order_detail(symbol="BTCUSDT", product_type=USDT, order_id=order_id, client_oid=client_oid)
        return found.state if isinstance(found, EndedOrder) else type(found).__name__

    assert state_of(order_id=filled["orderId"]) == "filled"
    assert state_of(order_id=cancelled["orderId"]) == "cancelled"
    assert state_of(client_oid=cancelled["clientOid"]) == "cancelled"
    assert state_of(order_id=resting["orderId"]) == "OpenOrder"


@pytest.mark.parametrize(
    ("symbol", "product_type", "order_id"),
    [("ETHUSDT", USDT, ""), ("BTCUSDT", "COIN-FUTURES", ""), ("BTCUSDT", USDT, "999")],
)
def test_order_under_the_wrong_name_is_unknown_and_no_error(
    sandbox: Sandbox, live: ClassicDialect, symbol: str, product_type: str, order_id: str
) -> None:
    [order] = sandbox.place(1, "BTCUSDT")

    assert live.order_detail(symbol=symbol, product_type=product_type, order_id=order_id or order["orderId"]) is None


@pytest.mark.parametrize("data", [None, [], {}, "", "filled", [{"orderId": "1", "state": "filled"}], {"odd": 1}])
def test_detail_of_an_odd_shape_proves_nothing(data: Any) -> None:
    dialect, _ = dialect_of(envelope(data=data))

    assert dialect.order_detail(symbol="BTCUSDT", product_type=USDT, order_id="1") is None


# --------------------------------------------------------------------------------------------------- batch cancel


def test_batch_sends_what_the_page_asks_for_and_nothing_else() -> None:
    dialect, script = dialect_of(envelope(data={"successList": [], "failureList": []}))

    dialect.batch_cancel([("orderId", "1"), ("orderId", "2")], symbol="BTCUSDT", product_type=USDT, margin_coin="USDT")
    dialect.batch_cancel([("clientOid", "mine")], symbol="BTCUSDT", product_type=USDT)

    assert [json.loads(sent.body) for sent in script.sent] == [
        {
            "productType": USDT,
            "symbol": "BTCUSDT",
            "marginCoin": "USDT",
            "orderIdList": [{"orderId": "1"}, {"orderId": "2"}],
        },
        {"productType": USDT, "symbol": "BTCUSDT", "orderIdList": [{"clientOid": "mine"}]},
    ]


def test_batch_answers_order_by_order(sandbox: Sandbox, live: ClassicDialect) -> None:
    [good, ended] = [row["orderId"] for row in sandbox.place(2, "BTCUSDT")]
    sandbox.fill(ended)

    answer = live.batch_cancel([("orderId", good), ("orderId", ended)], symbol="BTCUSDT", product_type=USDT)

    assert [item.order_id for item in answer.succeeded] == [good]
    assert [(item.order_id, item.code) for item in answer.failed] == [(ended, "43001")]
    assert sandbox.order(good)["status"] == "canceled"
    assert not answer.maybe_processed


@pytest.mark.parametrize(
    "data",
    [None, [], {}, {"successList": None, "failureList": None}, {"successList": {}, "failureList": "x"}, "success", 1],
    ids=str,
)
def test_batch_that_lists_nobody_has_cancelled_nobody(data: Any) -> None:
    dialect, _ = dialect_of(envelope(data=data))

    answer = dialect.batch_cancel([("orderId", "1")], symbol="BTCUSDT", product_type=USDT)

    assert (answer.succeeded, answer.failed) == ((), ())


def test_odd_entries_of_a_batch_are_read_as_far_as_they_go() -> None:
    failed = [
        None,
        "1",
        {"orderId": 5, "errorCode": 43001, "errorMsg": None},
        {"orderId": "6", "clientOid": None, "errorMsg": "notExistend"},
        {"orderId": None, "clientOid": "mine", "errorCode": None, "errorMsg": "a\nb " + SECRET},
    ]
    dialect, _ = dialect_of(envelope(data={"successList": [{"orderId": "1"}], "failureList": failed}))

    answer = dialect.batch_cancel([("orderId", "1")], symbol="BTCUSDT", product_type=USDT)

    assert answer.succeeded == (ItemAnswer("1", ""),)
    assert answer.failed == (
        ItemAnswer("5", "", "43001", ""),
        ItemAnswer("6", "", "", "notExistend"),
        ItemAnswer("", "mine", "", "a b ***"),
    )


@pytest.mark.parametrize(
    ("items", "symbol", "product_type"),
    [
        ([], "BTCUSDT", USDT),
        ([("orderId", "")], "BTCUSDT", USDT),
        ([("orderId", "1"), ("clientOid", " ")], "BTCUSDT", USDT),
        ([("order_id", "1")], "BTCUSDT", USDT),
        ([("orderId", "1")], "", USDT),
        ([("orderId", "1")], "*", USDT),
        ([("orderId", "1")], "BTCUSDT", ""),
    ],
)
def test_batch_without_ids_symbol_or_product_type_never_reaches_the_exchange(
    items: list[tuple[str, str]], symbol: str, product_type: str
) -> None:
    dialect, script = dialect_of(envelope(data={}))

    with pytest.raises(BitgetScopeError):
        dialect.batch_cancel(items, symbol=symbol, product_type=product_type)

    assert script.sent == []


# ------------------------------------------------------------------------------------------------- other endpoints


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/api/v2/mix/order/batch-cancel-orders", 10.0),
        ("/api/v2/mix/order/orders-pending", 10.0),
        ("/api/v2/mix/order/close-positions", 1.0),
        ("/api/v2/mix/order/cancel-all-orders", 1.0),
        ("/api/v2/mix/order/cancel-plan-order", 10.0),
        ("/api/v2/mix/order/orders-plan-pending", 10.0),
        ("/api/v2/mix/order/orders-plan-history", 10.0),
        ("/api/v2/mix/order/plan-sub-order", 10.0),
        ("/api/v2/mix/order/orders-history", 10.0),
        ("/api/v2/mix/order/detail", 10.0),
        ("/api/v2/mix/order/cancel-order", 10.0),
        ("/api/v2/mix/position/single-position", 10.0),
        ("/api/v2/mix/position/all-position", 5.0),
        ("/api/v2/mix/account/accounts", 5.0),
    ],
)
def test_endpoint_named_by_a_user_keeps_its_documented_limit(path: str, limit: float) -> None:
    assert endpoint_for("get", path).limit == limit


@pytest.mark.parametrize(("method", "repeatable"), [("GET", True), ("get", True), ("POST", False), ("post", False)])
def test_only_reads_named_by_a_user_may_be_repeated(method: str, repeatable: bool) -> None:
    endpoint = endpoint_for(method, "/api/v2/mix/order/batch-cancel-orders")

    assert (endpoint.method, endpoint.repeatable) == (method.upper(), repeatable)


@pytest.mark.parametrize("method", ["DELETE", "PUT", "HEAD", "", None, "GET "])
def test_other_methods_are_refused_by_name(method: Any) -> None:
    with pytest.raises(BitgetConfigError) as refusal:
        endpoint_for(method, "/api/v2/mix/account/accounts")

    assert refusal.value.field == "method"


def test_check_of_a_signature_is_one_signed_read() -> None:
    dialect, script = dialect_of(page(0, 0))

    dialect.check_signature(product_type=USDT)

    assert [(sent.method, sent.path) for sent in script.sent] == [("GET", "/api/v2/mix/order/orders-pending")]
    assert "ACCESS-SIGN" in script.sent[0].headers


def test_guard_stands_behind_the_dialect_as_well() -> None:
    client, script, _ = scripted(envelope(data={}))
    with pytest.raises(BitgetScopeError):
        client.call(endpoint_for("POST", "/api/v2/mix/order/batch-cancel-orders"), body={"orderIdList": []})

    assert script.sent == []


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        ({"tradeSide": "close", "reduceOnly": "NO"}, True),
        ({"tradeSide": "reduce_close_long", "reduceOnly": "NO"}, True),
        ({"tradeSide": "burst_close_short"}, True),
        ({"tradeSide": "sell_single", "reduceOnly": "YES", "orderType": "limit"}, True),
        ({"tradeSide": "sell_single", "reduceOnly": "yes", "orderType": "limit"}, True),
        ({"tradeSide": "sell_single", "reduceOnly": "NO", "orderType": "market"}, True),
        ({"tradeSide": "sell_single", "orderType": "limit"}, True),
        ({"tradeSide": None, "reduceOnly": None}, True),
        ({}, True),
        ({"tradeSide": "open", "reduceOnly": "NO"}, False),
        ({"tradeSide": "buy_single", "reduceOnly": "NO", "orderType": "limit"}, False),
    ],
)
def test_order_that_cannot_be_told_from_a_close_counts_as_one(row: dict[str, Any], verdict: bool) -> None:
    dialect, _ = dialect_of(listed({"orderId": "1", "symbol": "BTCUSDT", **row}))

    ((order,),) = dialect.open_orders(product_type=USDT)

    assert order.may_close is verdict


@pytest.mark.parametrize(
    ("data", "may_trade", "may_withdraw"),
    [
        ({"authorities": ["coow", "cpow", "stor"]}, True, False),
        ({"authorities": ["coor", "WWOW"]}, False, True),
        ({"authorities": ["trade", "readonly"]}, None, None),
        ({"authorities": []}, None, None),
        ({"authorities": None}, None, None),
        ({"authorities": [None, 7, {}]}, None, None),
        ([], None, None),
        (None, None, None),
    ],
)
def test_rights_of_a_key_are_told_where_the_answer_shows_them(
    data: Any, may_trade: bool | None, may_withdraw: bool | None
) -> None:
    dialect, script = dialect_of(envelope(data=data))

    assert dialect.key_rights() == KeyRights(may_trade, may_withdraw)
    assert [sent.target for sent in script.sent] == ["/api/v2/spot/account/info"]
