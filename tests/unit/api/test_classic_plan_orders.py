# SPDX-License-Identifier: Apache-2.0
"""Plan orders of a classic account: the three lists, cancels by concrete type, and what triggers placed."""

from __future__ import annotations

from itertools import chain
from typing import Any

import pytest

from airflow_provider_bitget.api.classic import ClassicDialect
from airflow_provider_bitget.api.client import SAME_ORDER_INTERVAL
from airflow_provider_bitget.api.exceptions import (
    BitgetAmbiguousError,
    BitgetBadRequestError,
    BitgetConfigError,
    BitgetGoneError,
    BitgetScopeError,
)
from airflow_provider_bitget.api.rows import (
    PLAN_TYPES,
    PROTECTIVE_PLAN_TYPES,
    EndedPlanOrder,
    ItemAnswer,
    OpenPlanOrder,
)
from airflow_provider_bitget.sandbox.orders import LIVE
from airflow_provider_bitget.sandbox.plan_orders import PLAN_CANCELLED
from tests.unit.api.dialect import ODD_LISTS, USDT, bodies, dialect_of, listed, queries
from tests.unit.api.wire import LOST, SECRET, START, Outcome, envelope
from tests.unit.trading.market import Market

PENDING = "/api/v2/mix/order/orders-plan-pending"
CANCEL = "/api/v2/mix/order/cancel-plan-order"
DAY = 86_400


def plan_rows(count: int, first: int) -> list[dict[str, str]]:
    return [
        {"orderId": str(first - position), "clientOid": "", "symbol": "BTCUSDT", "planType": "normal_plan"}
        for position in range(count)
    ]


def every_open(dialect: ClassicDialect, **options: Any) -> list[OpenPlanOrder]:
    reads = dialect.reads_of_open_plan_orders(product_type=USDT, **options)
    return [order for read in reads for order in chain.from_iterable(read())]


# ----------------------------------------------------------------------------------------------------- open ones


def test_the_three_lists_show_plan_orders_of_every_type() -> None:
    market = Market()
    placed = {plan_type: market.exchange.place_plan(2, plan_type, "BTCUSDT") for plan_type in PLAN_TYPES}

    found = every_open(market.classic)

    assert {(order.order_id, order.plan_type) for order in found} == {
        (order.order_id, plan_type) for plan_type, orders in placed.items() for order in orders
    }
    assert len(found) == 2 * len(PLAN_TYPES)


def test_a_list_of_several_pages_is_read_to_its_end_by_its_oldest_row_where_no_answer_names_an_end() -> None:
    market = Market(plan_end_id="never")
    placed = market.exchange.place_plan(230, "loss_plan", "BTCUSDT")

    pages = list(market.classic.open_plan_orders(product_type=USDT, plan_type="loss_plan"))

    assert [len(page) for page in pages] == [100, 100, 30]
    assert [order.order_id for page in pages for order in page] == [order.order_id for order in placed[::-1]]


def test_pages_kept_shorter_than_asked_for_are_read_on_without_an_end_id() -> None:
    dialect, script = dialect_of(listed(*plan_rows(20, 60)), listed(*plan_rows(20, 40)), listed(*plan_rows(7, 20)))

    pages = list(dialect.open_plan_orders(product_type=USDT, plan_type="normal_plan"))

    assert [len(page) for page in pages] == [20, 20, 7]
    assert [query.get("idLessThan") for query in queries(script)] == [None, "41", "21"]


def test_full_page_that_leads_nowhere_new_ends_the_read_unfinished() -> None:
    dialect, script = dialect_of(listed(*plan_rows(100, 500)), listed(*plan_rows(100, 500)))

    with pytest.raises(BitgetAmbiguousError, match="no way to the next"):
        list(dialect.open_plan_orders(product_type=USDT, plan_type="normal_plan"))

    assert len(script.sent) == 2


@pytest.mark.parametrize("data", [{"entrustedList": None, "endId": None}, {"entrustedList": []}])
def test_null_and_empty_lists_mean_that_no_plan_order_waits(data: Any) -> None:
    dialect, _ = dialect_of(envelope(data=data))

    assert list(dialect.open_plan_orders(product_type=USDT, plan_type="normal_plan")) == [[]]


@pytest.mark.parametrize("read", ["open_plan_orders", "ended_plan_orders"])
@pytest.mark.parametrize("data", ODD_LISTS, ids=str)
def test_answer_of_an_unknown_shape_is_never_taken_for_no_plan_orders(read: str, data: Any) -> None:
    dialect, _ = dialect_of(envelope(data=data))

    with pytest.raises(BitgetAmbiguousError):
        list(getattr(dialect, read)(product_type=USDT, plan_type="normal_plan"))


@pytest.mark.parametrize("row", [None, "row", {}, {"orderId": None, "clientOid": ""}, {"symbol": "BTCUSDT"}], ids=str)
def test_a_plan_order_that_nobody_can_name_makes_the_read_incomplete_and_spoils_no_other(row: Any) -> None:
    dialect, _ = dialect_of(listed({"orderId": "1"}, row, {"clientOid": "mine"}))

    pages = dialect.open_plan_orders(product_type=USDT, plan_type="normal_plan")
    found = next(pages)
    with pytest.raises(BitgetAmbiguousError, match="no id"):
        next(pages)

    assert [(order.order_id, order.client_oid) for order in found] == [("1", ""), ("", "mine")]


@pytest.mark.parametrize(
    ("row", "hold_side"),
    [
        ({"posSide": "long"}, "long"),
        ({"posSide": "SHORT"}, "short"),
        ({"posSide": "net"}, ""),
        ({"posSide": "net", "holdSide": "short"}, "short"),
        ({"holdSide": "long"}, "long"),
        ({"posSide": None, "side": "sell", "tradeSide": "sell_single"}, ""),
        ({"posSide": 1}, ""),
    ],
    ids=str,
)
def test_side_of_the_position_is_what_the_row_says_or_nothing(row: dict[str, Any], hold_side: str) -> None:
    dialect, _ = dialect_of(listed({"orderId": "1", **row}))

    [[order]] = dialect.open_plan_orders(product_type=USDT, plan_type="normal_plan")

    assert order.hold_side == hold_side


def test_row_is_handed_on_with_its_concrete_type_as_it_came() -> None:
    row = {"orderId": 7, "symbol": "btcusdt", "planType": "brand_new_plan", "marginCoin": "usdt", "posSide": "long"}
    bare = {"orderId": "8", "planType": None}
    dialect, _ = dialect_of(listed(row, bare))

    [found] = dialect.open_plan_orders(product_type=USDT, plan_type="profit_loss")

    assert found == [
        OpenPlanOrder("7", "", "BTCUSDT", "brand_new_plan", "long", row, "USDT"),
        OpenPlanOrder("8", "", "", "", "", bare),
    ]
    assert all(order.is_protective for order in found)


def test_positions_of_both_sides_are_told_apart_in_hedge_mode() -> None:
    market = Market()
    [long] = market.exchange.place_plan(1, "pos_loss", "BTCUSDT", hold_side="long")
    [short] = market.exchange.place_plan(1, "pos_loss", "BTCUSDT", hold_side="short")
    [net] = market.exchange.place_plan(1, "pos_loss", "BTCUSDT")

    assert {order.order_id: order.hold_side for order in every_open(market.classic)} == {
        long.order_id: "long",
        short.order_id: "short",
        net.order_id: "",
    }


# ---------------------------------------------------------------------------------------------------- which reads


@pytest.mark.parametrize(
    ("plan_types", "asked_for"),
    [
        (None, ["normal_plan", "track_plan", "profit_loss"]),
        (PLAN_TYPES, ["normal_plan", "track_plan", "profit_loss"]),
        (PROTECTIVE_PLAN_TYPES, ["profit_loss"]),
        (["pos_loss"], ["profit_loss"]),
        (["moving_plan", "track_plan"], ["track_plan", "profit_loss"]),
        ([], []),
    ],
    ids=str,
)
def test_only_the_lists_that_hold_a_wanted_type_are_read(plan_types: Any, asked_for: list[str]) -> None:
    dialect, script = dialect_of(listed())

    every_open(dialect, plan_types=plan_types, symbol="BTCUSDT")

    assert queries(script) == [
        {"productType": USDT, "symbol": "BTCUSDT", "planType": query, "limit": "100"} for query in asked_for
    ]
    assert {sent.path for sent in script.sent} <= {PENDING}


def test_plan_orders_older_than_three_months_are_found_when_the_lookback_asks() -> None:
    market = Market()
    ages = [0, 88, 91, 178, 266, 400, 729]
    placed = [
        market.exchange.place_plan(1, "track_plan", "BTCUSDT", created_ms=int((market.clock.time() - age * DAY) * 1000))
        for age in ages
    ]

    recent = {order.order_id for order in every_open(market.classic)}
    found = {order.order_id for order in every_open(market.classic, lookback_days=730)}

    assert recent == {order.order_id for [order] in placed[:2]}
    assert found == {order.order_id for [order] in placed}


@pytest.mark.parametrize("plan_type", ["", "plan", "NORMAL_PLAN", "Profit_Loss", None])
def test_unknown_plan_type_is_refused_by_name_before_anything_is_sent(plan_type: Any) -> None:
    dialect, script = dialect_of(listed())

    for ask in (
        lambda: dialect.reads_of_open_plan_orders(product_type=USDT, plan_types=["pos_loss", plan_type]),
        lambda: dialect.open_plan_orders(product_type=USDT, plan_type=plan_type),
        lambda: list(dialect.ended_plan_orders(product_type=USDT, plan_type=plan_type)),
    ):
        with pytest.raises(BitgetConfigError) as caught:
            ask()
        assert caught.value.field == "plan_type"

    assert script.sent == []


# -------------------------------------------------------------------------------------------------------- cancels


def test_cancel_sends_what_the_page_asks_for_and_nothing_else() -> None:
    dialect, script = dialect_of(envelope(data={"successList": [], "failureList": []}))

    dialect.cancel_plan_orders(
        [("orderId", "1"), ("orderId", "2")],
        symbol="BTCUSDT",
        product_type=USDT,
        plan_type="pos_loss",
        margin_coin="USDT",
    )
    dialect.cancel_plan_orders([("clientOid", "mine")], symbol="BTCUSDT", product_type=USDT, plan_type="track_plan")

    assert {(sent.method, sent.path) for sent in script.sent} == {("POST", CANCEL)}
    assert bodies(script) == [
        {
            "productType": USDT,
            "symbol": "BTCUSDT",
            "planType": "pos_loss",
            "marginCoin": "USDT",
            "orderIdList": [{"orderId": "1"}, {"orderId": "2"}],
        },
        {
            "productType": USDT,
            "symbol": "BTCUSDT",
            "planType": "track_plan",
            "orderIdList": [{"clientOid": "mine"}],
        },
    ]


@pytest.mark.parametrize("plan_type", PLAN_TYPES)
def test_plan_order_of_every_type_is_cancelled_by_its_own_type(plan_type: str) -> None:
    market = Market()
    [plan, other] = market.exchange.place_plan(2, plan_type, "BTCUSDT")

    answer = market.classic.cancel_plan_orders(
        [("orderId", plan.order_id)], symbol="BTCUSDT", product_type=USDT, plan_type=plan_type
    )

    assert [item.order_id for item in answer.succeeded] == [plan.order_id]
    assert market.exchange.plan_order(plan.order_id).status == PLAN_CANCELLED
    assert market.exchange.plan_order(other.order_id).status == LIVE


def test_plan_order_of_another_type_is_no_success_although_the_answer_is_one() -> None:
    market = Market()
    [plan] = market.exchange.place_plan(1, "pos_loss", "BTCUSDT")

    answer = market.classic.cancel_plan_orders(
        [("orderId", plan.order_id)], symbol="BTCUSDT", product_type=USDT, plan_type="normal_plan"
    )

    assert (answer.succeeded, answer.failed) == ((), ())
    assert market.exchange.plan_order(plan.order_id).status == LIVE


def test_failures_are_read_without_a_code() -> None:
    failures = [{"orderId": "1", "clientOid": None, "errorMsg": "no " + SECRET}, {"clientOid": "2", "errorCode": 43025}]
    dialect, _ = dialect_of(envelope(data={"successList": None, "failureList": failures}))

    answer = dialect.cancel_plan_orders([("orderId", "1")], symbol="B", product_type=USDT, plan_type="pos_loss")

    assert answer.succeeded == ()
    assert answer.failed == (ItemAnswer("1", "", "", "no ***"), ItemAnswer("", "2", "43025", ""))


@pytest.mark.parametrize("data", [None, [], {}, "success", {"successList": {}, "failureList": 1}], ids=str)
def test_cancel_that_lists_nobody_has_cancelled_nobody(data: Any) -> None:
    dialect, _ = dialect_of(envelope(data=data))

    answer = dialect.cancel_plan_orders([("orderId", "1")], symbol="B", product_type=USDT, plan_type="pos_loss")

    assert (answer.succeeded, answer.failed) == ((), ())


def test_lost_cancel_is_repeated_after_more_than_a_second_and_says_that_it_may_have_worked() -> None:
    dialect, script = dialect_of(LOST, envelope(data={"successList": [], "failureList": []}))

    answer = dialect.cancel_plan_orders([("orderId", "1")], symbol="B", product_type=USDT, plan_type="pos_loss")

    assert answer.maybe_processed
    assert script.sent[1].moment - script.sent[0].moment >= SAME_ORDER_INTERVAL


@pytest.mark.parametrize("plan_type", ["", " ", "profit_loss", "plan", "NORMAL_PLAN", "*", None, 1])
def test_cancel_of_another_plan_type_is_never_sent_as_a_normal_one(plan_type: Any) -> None:
    dialect, script = dialect_of(envelope(data={}))

    with pytest.raises(BitgetScopeError) as caught:
        dialect.cancel_plan_orders([("orderId", "1")], symbol="BTCUSDT", product_type=USDT, plan_type=plan_type)

    assert caught.value.field == "plan_type"
    assert script.sent == []


@pytest.mark.parametrize(
    ("items", "symbol", "product_type"),
    [
        ([], "BTCUSDT", USDT),
        ([("orderId", "")], "BTCUSDT", USDT),
        ([("orderId", "1"), ("clientOid", " ")], "BTCUSDT", USDT),
        ([("orderId", "1")], "", USDT),
        ([("orderId", "1")], "*", USDT),
        ([("orderId", "1")], "BTCUSDT", ""),
    ],
)
def test_cancel_without_ids_symbol_or_product_type_never_reaches_the_exchange(
    items: list[tuple[str, str]], symbol: str, product_type: str
) -> None:
    dialect, script = dialect_of(envelope(data={}))

    with pytest.raises(BitgetScopeError):
        dialect.cancel_plan_orders(items, symbol=symbol, product_type=product_type, plan_type="normal_plan")

    assert script.sent == []


# ---------------------------------------------------------------------------------------------- what became of them


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("executed", "triggered"),
        ("EXECUTED", "triggered"),
        ("fail_execute", "failed"),
        ("fail_trigger", "failed"),
        ("cancelled", "cancelled"),
        ("canceled", "cancelled"),
    ],
)
def test_end_of_a_plan_order_is_understood_in_every_spelling(status: str, state: str) -> None:
    row = {"orderId": "1", "symbol": "btcusdt", "planType": "normal_plan", "planStatus": status, "uTime": "1500"}
    dialect, _ = dialect_of(listed(row))

    [[ended]] = dialect.ended_plan_orders(product_type=USDT, plan_type="normal_plan")

    assert ended == EndedPlanOrder("1", "", "BTCUSDT", "normal_plan", state, "", 1.5)


@pytest.mark.parametrize("status", ["live", "", None, 1, "triggering"])
def test_state_that_is_not_an_end_proves_no_end(status: Any) -> None:
    dialect, _ = dialect_of(listed({"orderId": "1", "planStatus": status}))

    assert list(dialect.ended_plan_orders(product_type=USDT, plan_type="normal_plan")) == [[]]


def test_history_is_asked_by_the_list_that_holds_the_type() -> None:
    dialect, script = dialect_of(listed())

    list(dialect.ended_plan_orders(product_type=USDT, plan_type="pos_loss", symbol="BTCUSDT", order_id="7"))
    list(dialect.ended_plan_orders(product_type=USDT, plan_type="track_plan"))

    assert queries(script) == [
        {"productType": USDT, "symbol": "BTCUSDT", "planType": "profit_loss", "orderId": "7", "limit": "100"},
        {"productType": USDT, "planType": "track_plan", "limit": "100"},
    ]


@pytest.mark.parametrize("plan_type", ["normal_plan", "track_plan", "pos_profit"])
def test_history_tells_triggered_failed_and_cancelled_apart_and_names_the_child(plan_type: str) -> None:
    market = Market()
    [triggered, failed, cancelled, waiting] = market.exchange.place_plan(4, plan_type, "BTCUSDT")
    child_id = market.exchange.trigger(triggered.order_id, "fills").child_id
    market.exchange.trigger(failed.order_id, "fails")
    market.classic.cancel_plan_orders(
        [("orderId", cancelled.order_id)], symbol="BTCUSDT", product_type=USDT, plan_type=plan_type
    )

    [found] = market.classic.ended_plan_orders(product_type=USDT, plan_type=plan_type)

    assert {order.order_id: (order.state, order.child_id) for order in found} == {
        triggered.order_id: ("triggered", child_id),
        failed.order_id: ("failed", ""),
        cancelled.order_id: ("cancelled", ""),
    }
    assert all(order.plan_type == plan_type and order.updated >= START for order in found)
    assert waiting.order_id not in {order.order_id for order in found}


def test_history_of_one_plan_order_names_that_one_only() -> None:
    market = Market()
    plans = market.exchange.place_plan(3, "normal_plan", "BTCUSDT")
    for plan in plans:
        market.exchange.trigger(plan.order_id, "rests")

    [found] = market.classic.ended_plan_orders(product_type=USDT, plan_type="normal_plan", order_id=plans[1].order_id)

    assert [order.order_id for order in found] == [plans[1].order_id]


@pytest.mark.parametrize("plan_type", [*PROTECTIVE_PLAN_TYPES, "brand_new_plan", ""])
def test_children_of_types_that_the_endpoint_does_not_know_are_not_asked_for(plan_type: str) -> None:
    dialect, script = dialect_of(envelope(data=[{"orderId": "1"}]))

    assert dialect.plan_children(product_type=USDT, plan_type=plan_type, order_id="1") == []
    assert script.sent == []


def test_children_are_asked_for_by_the_parents_id() -> None:
    dialect, script = dialect_of(envelope(data=[{"orderId": "1", "status": "success"}]))

    assert dialect.plan_children(product_type=USDT, plan_type="track_plan", order_id="7") == ["1"]
    assert queries(script) == [{"productType": USDT, "planType": "track_plan", "planOrderId": "7"}]


@pytest.mark.parametrize("data", [{}, {"list": []}, "", 0, True], ids=str)
def test_children_of_an_unknown_shape_are_never_taken_for_none(data: Any) -> None:
    dialect, _ = dialect_of(envelope(data=data))

    with pytest.raises(BitgetAmbiguousError):
        dialect.plan_children(product_type=USDT, plan_type="normal_plan", order_id="7")


@pytest.mark.parametrize("answer", [envelope(data=None), envelope(data=[]), envelope("43025")])
def test_plan_order_without_children_has_none(answer: Outcome) -> None:
    dialect, _ = dialect_of(answer)

    assert dialect.plan_children(product_type=USDT, plan_type="normal_plan", order_id="7") == []


def test_refusal_is_told_by_every_method() -> None:
    dialect, _ = dialect_of(envelope("40017"))

    for ask in (
        lambda: list(dialect.open_plan_orders(product_type=USDT, plan_type="normal_plan")),
        lambda: list(dialect.ended_plan_orders(product_type=USDT, plan_type="normal_plan")),
        lambda: dialect.plan_children(product_type=USDT, plan_type="normal_plan", order_id="7"),
    ):
        with pytest.raises(BitgetBadRequestError):
            ask()


def test_cancel_of_plan_orders_that_are_gone_as_a_whole_is_told_with_its_code() -> None:
    dialect, _ = dialect_of(envelope("43025"))

    with pytest.raises(BitgetGoneError) as caught:
        dialect.cancel_plan_orders([("orderId", "1")], symbol="B", product_type=USDT, plan_type="normal_plan")

    assert caught.value.code == "43025"
