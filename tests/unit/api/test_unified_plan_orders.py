# SPDX-License-Identifier: Apache-2.0
"""Strategy orders of a unified account: the plan orders that the rest of the provider knows by classic names."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, pairwise
from typing import Any

import pytest

from airflow_provider_bitget.api.client import SAME_ORDER_INTERVAL
from airflow_provider_bitget.api.exceptions import (
    BitgetAmbiguousError,
    BitgetBadRequestError,
    BitgetBatchTooLargeError,
    BitgetCallError,
    BitgetConfigError,
    BitgetGoneError,
    BitgetScopeError,
)
from airflow_provider_bitget.api.rows import (
    OPENING_PLAN_TYPES,
    PLAN_TYPES,
    PROTECTIVE_PLAN_TYPES,
    BatchAnswer,
    EndedPlanOrder,
    ItemAnswer,
    OpenPlanOrder,
)
from airflow_provider_bitget.api.unified import EVERY_TYPE, TPSL, TRIGGER, UnifiedDialect
from tests.unit.api.dialect import ODD_UNIFIED_LISTS, USDT, bodies, queries, unified_of, unified_page
from tests.unit.api.wire import HTML, LOST, START, Outcome, envelope

PENDING = "/api/v3/trade/unfilled-strategy-orders"
HISTORY = "/api/v3/trade/history-strategy-orders"
DAY = 86_400
ODD_ARRAYS: list[Any] = [{}, {"list": []}, {"list": None}, "", "[]", 0, False, True]
"""What the list of waiting strategy orders never looks like."""

STOP = {
    "orderId": "1",
    "clientOid": "mine",
    "category": USDT,
    "symbol": "BTCUSDT",
    "qty": "0.01",
    "posSide": "long",
    "status": "pending",
    "takeProfit": "",
    "stopLoss": "90000",
    "slTriggerBy": "mark",
    "slOrderType": "limit",
    "slLimitPrice": "89000",
    "tpLimitPrice": "",
    "triggerPrice": "",
    "createdTime": "1767225600500",
    "updatedTime": "1767225601000",
}
ENTRY = {
    "orderId": "2",
    "category": USDT,
    "symbol": "BTCUSDT",
    "side": "buy",
    "qty": "0.02",
    "posSide": "short",
    "triggerPrice": "100000",
    "triggerBy": "market",
    "triggerOrderType": "limit",
    "triggerOrderPrice": "100500",
    "createdTime": "1767225600500",
}


def waiting(*rows: Any) -> Outcome:
    """The single list of waiting strategy orders."""
    return envelope(data=list(rows))


def every_open(dialect: UnifiedDialect, **options: Any) -> list[OpenPlanOrder]:
    reads = dialect.reads_of_open_plan_orders(product_type=USDT, **options)
    return [order for read in reads for order in chain.from_iterable(read())]


def one_list(dialect: UnifiedDialect, strategy_type: str = EVERY_TYPE, **options: Any) -> list[OpenPlanOrder]:
    pages = dialect.open_strategy_orders(product_type=USDT, strategy_type=strategy_type, **options)
    return list(chain.from_iterable(pages))


# ----------------------------------------------------------------------------------------------------- open ones


def test_stop_goes_by_the_names_of_a_classic_account() -> None:
    dialect, _ = unified_of(waiting(STOP))

    [order] = one_list(dialect)

    assert order == OpenPlanOrder(
        "1",
        "mine",
        "BTCUSDT",
        "loss_plan",
        "long",
        {
            "orderId": "1",
            "clientOid": "mine",
            "productType": USDT,
            "symbol": "BTCUSDT",
            "size": "0.01",
            "posSide": "long",
            "planStatus": "live",
            "takeProfit": "",
            "stopLoss": "90000",
            "slTriggerBy": "mark",
            "slOrderType": "limit",
            "slLimitPrice": "89000",
            "tpLimitPrice": "",
            "triggerPrice": "90000",
            "executePrice": "89000",
            "cTime": "1767225600500",
            "uTime": "1767225601000",
        },
        margin_coin="USDT",
        size="0.01",
        price="89000",
        trigger_price="90000",
        placed=1_767_225_600.5,
    )


def test_trigger_order_goes_by_the_names_of_a_classic_account() -> None:
    dialect, _ = unified_of(waiting(ENTRY))

    [order] = one_list(dialect)

    assert (order.plan_type, order.side, order.size, order.price, order.trigger_price, order.hold_side) == (
        "normal_plan",
        "buy",
        "0.02",
        "100500",
        "100000",
        "short",
    )
    assert (order.row["executePrice"], order.row["orderType"]) == ("100500", "limit")
    assert not order.is_protective


@pytest.mark.parametrize(
    ("fields", "plan_type"),
    [
        ({"type": "trigger"}, "normal_plan"),
        ({"type": "TRIGGER", "stopLoss": "1", "qty": "1"}, "normal_plan"),
        ({"triggerPrice": "1", "qty": "1"}, "normal_plan"),
        ({"triggerPrice": "1", "takeProfit": "", "stopLoss": "0"}, "normal_plan"),
        ({"takeProfit": "1", "qty": "0.5"}, "profit_plan"),
        ({"takeProfit": "1", "stopLoss": "0.0", "qty": "0.5"}, "profit_plan"),
        ({"takeProfit": "1", "qty": ""}, "pos_profit"),
        ({"takeProfit": "1", "qty": "0"}, "pos_profit"),
        ({"takeProfit": "1"}, "pos_profit"),
        ({"stopLoss": "1", "qty": "0.5"}, "loss_plan"),
        ({"takeProfit": "2", "stopLoss": "1", "qty": "0.5"}, "loss_plan"),
        ({"takeProfit": "2", "stopLoss": "1", "triggerPrice": "3", "qty": "0.5"}, "loss_plan"),
        ({"stopLoss": "1", "qty": "0.000"}, "pos_loss"),
        ({"takeProfit": "2", "stopLoss": "1", "qty": None}, "pos_loss"),
        ({"type": "tpsl", "triggerPrice": "1", "qty": "1"}, "loss_plan"),
        ({"type": "new", "triggerPrice": "1"}, "loss_plan"),
        ({"type": "trigger", "reduceOnly": "YES"}, "loss_plan"),
        ({"triggerPrice": "1", "reduceOnly": "yes"}, "loss_plan"),
        ({"triggerPrice": "1", "reduceOnly": "NO"}, "normal_plan"),
        ({"takeProfit": "1", "qty": "1", "reduceOnly": "YES"}, "profit_plan"),
        ({"type": "oco"}, "normal_plan"),
        ({"type": "oco", "reduceOnly": "NO"}, "normal_plan"),
        ({"type": "oco", "reduceOnly": "YES"}, "loss_plan"),
        ({"ocoParams": {"limitPrice": "1"}, "reduceOnly": "yes"}, "loss_plan"),
        ({"ocoParams": {"limitPrice": "1"}}, "normal_plan"),
        ({"type": "trailing_stop", "triggerPrice": "1"}, "track_plan"),
        ({"type": "Trailing_Stop", "reduceOnly": "Yes", "stopLoss": "1"}, "moving_plan"),
        ({"trailingStopParams": {"callbackRatio": "1"}}, "track_plan"),
        ({"trailingStopParams": {"callbackRatio": "1"}, "reduceOnly": "yes"}, "moving_plan"),
        ({"type": "iceberg"}, "normal_plan"),
        ({"icebergParams": {"parts": "5"}, "reduceOnly": "yes"}, "normal_plan"),
        ({"type": "twap"}, "normal_plan"),
        ({"twapParams": {"parts": "5"}, "stopLoss": "1"}, "normal_plan"),
        ({"ocoParams": None, "twapParams": {}, "stopLoss": "1", "qty": "1"}, "loss_plan"),
        ({"type": "tpsl", "ocoParams": {"limitPrice": "1"}, "takeProfit": "1", "qty": "1"}, "profit_plan"),
        ({}, "loss_plan"),
    ],
)
def test_type_of_a_strategy_order_is_told_by_its_own_fields_and_protects_where_it_cannot_be_told(
    fields: dict[str, Any], plan_type: str
) -> None:
    dialect, _ = unified_of(waiting({"orderId": "1", **fields}))

    [order] = one_list(dialect)

    assert order.plan_type == plan_type
    assert order.is_protective is (plan_type not in OPENING_PLAN_TYPES)


@pytest.mark.parametrize("kind", ["trigger", "trailing_stop"])
def test_stop_that_comes_with_an_entry_is_not_what_the_entry_waits_for(kind: str) -> None:
    attached = {"stopLoss": "90000", "slLimitPrice": "89000"}
    dialect, _ = unified_of(waiting({"orderId": "1", "type": kind, **attached}))

    [order] = one_list(dialect)

    assert (order.trigger_price, order.price) == ("", "")
    assert order.row["stopLoss"] == "90000"


@pytest.mark.parametrize("qty", ["", "0", None])
def test_stop_of_a_whole_position_has_size_zero(qty: Any) -> None:
    dialect, _ = unified_of(waiting({**STOP, "qty": qty}))

    [order] = one_list(dialect)

    assert (order.plan_type, order.size) == ("pos_loss", "0")


@pytest.mark.parametrize(
    ("wanted", "kinds"),
    [
        (None, [TRIGGER, TPSL]),
        (PLAN_TYPES, [TRIGGER, TPSL]),
        (OPENING_PLAN_TYPES, [TRIGGER]),
        (PROTECTIVE_PLAN_TYPES, [TPSL]),
        (["moving_plan"], [TPSL]),
        (["track_plan"], [TRIGGER]),
    ],
)
def test_list_of_every_type_is_read_and_each_that_holds_a_wanted_one(wanted: Any, kinds: list[str]) -> None:
    dialect, script = unified_of(waiting())

    assert every_open(dialect, plan_types=wanted, lookback_days=730) == []

    assert queries(script) == [{"category": USDT}, *({"category": USDT, "type": kind} for kind in kinds)]
    assert {sent.path for sent in script.sent} == {PENDING}


def test_order_of_a_type_that_no_list_is_asked_by_shows_in_the_one_without_a_type() -> None:
    dialect, _ = unified_of(waiting({"orderId": "5", "type": "twap"}, STOP), waiting(STOP), waiting(STOP))

    found = every_open(dialect)

    assert [(order.order_id, order.plan_type) for order in found if order.order_id == "5"] == [("5", "normal_plan")]


def test_symbol_is_picked_here_for_the_list_takes_none() -> None:
    dialect, script = unified_of(waiting(STOP, {**STOP, "orderId": "2", "symbol": "ETHUSDT"}, {"orderId": "3"}))

    found = one_list(dialect, symbol="ETHUSDT")

    assert [order.order_id for order in found] == ["2", "3"]
    assert "symbol" not in queries(script)[0]


@pytest.mark.parametrize("code", ["25200", "40017", "400172", "40034"])
def test_exchange_that_does_not_know_trigger_orders_shows_all_it_has_in_the_other_lists(code: str) -> None:
    dialect, script = unified_of(waiting(ENTRY, STOP), envelope(code), envelope(code), waiting(STOP))

    found = every_open(dialect)

    assert [order.plan_type for order in found] == ["normal_plan", "loss_plan", "loss_plan"]
    assert [query.get("type") for query in queries(script)] == [None, "trigger", "trigger", "tpsl"]


def test_type_that_is_refused_once_only_is_read_like_any_other() -> None:
    dialect, script = unified_of(envelope("25200"), waiting(ENTRY))

    assert [order.plan_type for order in one_list(dialect, TRIGGER)] == ["normal_plan"]
    assert len(script.sent) == 2


@pytest.mark.parametrize(
    "answer", [envelope("40404"), envelope("25002"), replace(HTML, status=404)], ids=["40404", "25002", "no such path"]
)
def test_refusal_that_is_not_of_the_types_name_does_not_show_that_there_are_no_trigger_orders(
    answer: Outcome,
) -> None:
    dialect, _ = unified_of(answer)

    with pytest.raises(BitgetBadRequestError):
        one_list(dialect, TRIGGER)


@pytest.mark.parametrize("strategy_type", [EVERY_TYPE, TPSL])
@pytest.mark.parametrize("code", ["25200", "40034"])
def test_read_of_a_type_that_every_exchange_knows_stays_refused(strategy_type: str, code: str) -> None:
    dialect, script = unified_of(envelope(code))

    with pytest.raises(BitgetBadRequestError):
        one_list(dialect, strategy_type)

    assert len(script.sent) == 1


@pytest.mark.parametrize("code", ["25204", "40012", "45001", "99999"])
def test_only_a_refused_question_means_that_a_type_is_unknown(code: str) -> None:
    dialect, _ = unified_of(envelope(code))

    with pytest.raises(BitgetCallError):
        one_list(dialect, TRIGGER, attempts=1)


@pytest.mark.parametrize("row", [None, "row", {}, {"orderId": None, "clientOid": ""}, {"symbol": "BTCUSDT"}], ids=str)
@pytest.mark.parametrize("symbol", [None, "BTCUSDT"])
def test_a_plan_order_that_nobody_can_name_makes_the_read_incomplete_and_spoils_no_other(
    row: Any, symbol: str | None
) -> None:
    dialect, _ = unified_of(waiting(STOP, row))

    pages = dialect.open_strategy_orders(product_type=USDT, strategy_type=TPSL, symbol=symbol)
    found = next(pages)
    with pytest.raises(BitgetAmbiguousError, match="no id"):
        next(pages)

    assert [order.order_id for order in found] == ["1"]


@pytest.mark.parametrize("data", ODD_ARRAYS, ids=repr)
@pytest.mark.parametrize("strategy_type", [EVERY_TYPE, TRIGGER, TPSL])
def test_answer_that_is_no_list_is_never_taken_for_no_plan_orders(strategy_type: str, data: Any) -> None:
    dialect, script = unified_of(envelope(data=data))

    with pytest.raises(BitgetAmbiguousError):
        one_list(dialect, strategy_type)

    assert len(script.sent) == 1


@pytest.mark.parametrize("strategy_type", [EVERY_TYPE, TRIGGER, TPSL])
def test_null_that_is_answered_twice_is_an_empty_list(strategy_type: str) -> None:
    dialect, script = unified_of(envelope(data=None))

    assert one_list(dialect, strategy_type) == []

    assert len(script.sent) == 2
    assert script.sent[0].target == script.sent[1].target


@pytest.mark.parametrize("rows", [[], [STOP]], ids=["none", "one"])
def test_list_that_comes_after_a_null_counts(rows: list[Any]) -> None:
    dialect, script = unified_of(envelope(data=None), waiting(*rows))

    assert [order.order_id for order in one_list(dialect)] == [row["orderId"] for row in rows]

    assert len(script.sent) == 2


@pytest.mark.parametrize("data", ODD_ARRAYS, ids=repr)
def test_null_is_not_confirmed_by_an_odd_answer(data: Any) -> None:
    dialect, _ = unified_of(envelope(data=None), envelope(data=data))

    with pytest.raises(BitgetAmbiguousError):
        one_list(dialect)


@pytest.mark.parametrize("outcome", [LOST, envelope("25200"), envelope("40012")])
def test_null_is_not_confirmed_by_a_refusal_or_by_silence(outcome: Outcome) -> None:
    dialect, _ = unified_of(envelope(data=None), outcome)

    with pytest.raises(BitgetCallError):
        one_list(dialect, attempts=1)


def test_plan_order_of_another_category_means_that_the_question_was_not_understood() -> None:
    dialect, _ = unified_of(waiting({**STOP, "category": "COIN-FUTURES"}))

    with pytest.raises(BitgetAmbiguousError, match="category"):
        one_list(dialect)


@pytest.mark.parametrize("plan_type", ["", "tpsl", "trigger", "profit_loss", None])
def test_unknown_plan_type_is_refused_by_name(plan_type: Any) -> None:
    dialect, script = unified_of(waiting())

    with pytest.raises(BitgetConfigError) as refusal:
        dialect.reads_of_open_plan_orders(product_type=USDT, plan_types=[plan_type])
    with pytest.raises(BitgetConfigError):
        dialect.ended_plan_orders(product_type=USDT, plan_type=plan_type)

    assert refusal.value.field == "plan_type"
    assert script.sent == []


# ----------------------------------------------------------------------------------------------------------- cancels


@pytest.mark.parametrize("plan_type", PLAN_TYPES)
@pytest.mark.parametrize(("field", "named"), [("orderId", ItemAnswer("7", "")), ("clientOid", ItemAnswer("", "7"))])
def test_cancel_sends_the_id_alone_and_leaves_the_proof_to_a_read(
    plan_type: str, field: str, named: ItemAnswer
) -> None:
    dialect, script = unified_of(envelope(data=None))

    answer = dialect.cancel_plan_orders([(field, "7")], symbol="BTCUSDT", product_type=USDT, plan_type=plan_type)

    assert answer == BatchAnswer((named,), (), maybe_processed=False, names_orders=False)
    assert [(sent.method, sent.path) for sent in script.sent] == [("POST", "/api/v3/trade/cancel-strategy-order")]
    assert bodies(script) == [{field: "7"}]


def test_more_than_one_plan_order_is_never_sent() -> None:
    dialect, script = unified_of(envelope(data=None))

    with pytest.raises(BitgetBatchTooLargeError):
        dialect.cancel_plan_orders(
            [("orderId", "1"), ("orderId", "2")], symbol="BTCUSDT", product_type=USDT, plan_type="loss_plan"
        )

    assert script.sent == []
    assert dialect.most_plan_ids_per_cancel == 1


@pytest.mark.parametrize("code", ["25204", "25597"])
def test_cancel_of_an_unknown_plan_order_says_so(code: str) -> None:
    dialect, _ = unified_of(envelope(code))

    with pytest.raises(BitgetGoneError):
        dialect.cancel_plan_orders([("orderId", "1")], symbol="BTCUSDT", product_type=USDT, plan_type="loss_plan")


def test_same_plan_order_is_cancelled_again_after_a_second_at_the_earliest() -> None:
    dialect, script = unified_of(LOST, envelope(data=None))

    answer = dialect.cancel_plan_orders([("orderId", "1")], symbol="BTCUSDT", product_type=USDT, plan_type="pos_loss")

    assert answer.maybe_processed
    assert script.sent[1].moment - script.sent[0].moment >= SAME_ORDER_INTERVAL


@pytest.mark.parametrize(
    ("items", "symbol", "plan_type"),
    [
        ([], "BTCUSDT", "loss_plan"),
        ([("orderId", "")], "BTCUSDT", "loss_plan"),
        ([("orderId", "None")], "BTCUSDT", "loss_plan"),
        ([("order_id", "1")], "BTCUSDT", "loss_plan"),
        ([("orderId", "1")], "", "loss_plan"),
        ([("orderId", "1")], "*", "loss_plan"),
        ([("orderId", "1")], "BTCUSDT", ""),
        ([("orderId", "1")], "BTCUSDT", "profit_loss"),
        ([("orderId", "1")], "BTCUSDT", "tpsl"),
    ],
)
def test_cancel_without_id_symbol_or_type_never_reaches_the_exchange(
    items: list[tuple[str, str]], symbol: str, plan_type: str
) -> None:
    dialect, script = unified_of(envelope(data=None))

    with pytest.raises(BitgetScopeError):
        dialect.cancel_plan_orders(items, symbol=symbol, product_type=USDT, plan_type=plan_type)

    assert script.sent == []


# --------------------------------------------------------------------------------------------------------- children


def children(dialect: UnifiedDialect, plan_type: str = "normal_plan") -> list[str] | None:
    return dialect.plan_children(product_type=USDT, plan_type=plan_type, order_id="7")


@pytest.mark.parametrize("plan_type", PLAN_TYPES)
def test_children_of_every_type_are_asked_for_by_the_parents_id(plan_type: str) -> None:
    dialect, script = unified_of(unified_page({"subOrderId": "1", "status": "filled"}))

    assert children(dialect, plan_type) == ["1"]
    assert script.sent[0].path == "/api/v3/trade/strategy-sub-orders"
    assert queries(script) == [{"orderId": "7", "limit": "100"}]


def test_children_of_an_order_that_works_in_slices_are_read_to_the_last_page() -> None:
    slices = [{"subOrderId": str(number)} for number in range(103)]
    dialect, script = unified_of(unified_page(*slices[:100], cursor="abc"), unified_page(*slices[100:]))

    assert children(dialect) == [row["subOrderId"] for row in slices]
    assert [query.get("cursor") for query in queries(script)] == [None, "abc"]


@pytest.mark.parametrize("code", ["25204", "25597", "40404", "25200", "40034"])
def test_exchange_that_does_not_know_the_plan_order_or_the_question_does_not_say_that_it_has_none(code: str) -> None:
    dialect, script = unified_of(envelope(code))

    assert children(dialect) is None
    assert len(script.sent) == 1


@pytest.mark.parametrize("code", ["25204", "25200"])
def test_children_whose_later_pages_are_refused_are_not_taken_for_all_or_none(code: str) -> None:
    slices = [{"subOrderId": str(number)} for number in range(100)]
    dialect, _ = unified_of(unified_page(*slices, cursor="abc"), envelope(code))

    with pytest.raises(BitgetCallError):
        children(dialect)


# ------------------------------------------------------------------------------------------------------------- ends


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("success", "triggered"),
        ("triggered", "triggered"),
        ("failed", "failed"),
        ("fail", "failed"),
        ("cancelled", "cancelled"),
        ("CANCELED", "cancelled"),
    ],
)
def test_history_tells_how_plan_orders_ended(status: str, state: str) -> None:
    dialect, script = unified_of(unified_page({**STOP, "status": status}))

    [found] = next(dialect.ended_plan_orders(product_type=USDT, plan_type="profit_plan"))

    assert found == EndedPlanOrder("1", "mine", "BTCUSDT", "loss_plan", state, "", 1_767_225_601.0)
    assert script.sent[0].path == HISTORY
    assert queries(script) == [{"category": USDT, "type": "tpsl", "limit": "100"}]


@pytest.mark.parametrize("status", ["", None, "pending", "submitting", 1, "new"])
def test_row_without_an_end_tells_nothing(status: Any) -> None:
    dialect, _ = unified_of(unified_page({**STOP, "status": status}))

    assert next(dialect.ended_plan_orders(product_type=USDT, plan_type="loss_plan")) == []


def test_history_reaches_back_ninety_days_window_by_window() -> None:
    dialect, script = unified_of(unified_page({**STOP, "status": "success"}))

    list(dialect.ended_plan_orders(product_type=USDT, plan_type="track_plan"))

    asked = queries(script)
    half = len(asked) // 2
    # Of the kind, and then of all: some types are in neither kind.
    assert [query.get("type") for query in asked] == ["trigger"] * half + [None] * half
    assert [query.get("startTime") for query in asked[half:]] == [query.get("startTime") for query in asked[:half]]
    spans = [(int(query["startTime"]), int(query["endTime"])) for query in asked[1:half]]
    assert "startTime" not in asked[0]
    assert all(0 < end - start <= 29 * DAY * 1000 for start, end in spans)
    assert all(older[1] >= newer[0] for newer, older in pairwise(spans))
    assert spans[-1][0] / 1000 <= START - 90 * DAY + 3600 + 10


def test_history_of_trigger_orders_is_asked_for_all_where_their_type_is_unknown() -> None:
    dialect, script = unified_of(envelope("25200"), unified_page({**ENTRY, "status": "success"}), unified_page())

    found = list(chain.from_iterable(dialect.ended_plan_orders(product_type=USDT, plan_type="normal_plan")))

    assert [(order.order_id, order.plan_type) for order in found] == [("2", "normal_plan")]
    assert [query.get("type") for query in queries(script)][:3] == ["trigger", None, None]


def test_history_of_stops_that_is_refused_stays_refused() -> None:
    dialect, script = unified_of(envelope("25200"))

    with pytest.raises(BitgetBadRequestError):
        list(dialect.ended_plan_orders(product_type=USDT, plan_type="loss_plan"))

    assert len(script.sent) == 1


def test_one_plan_order_is_looked_for_until_it_is_found() -> None:
    dialect, script = unified_of(
        unified_page({**STOP, "status": "success"}), unified_page({**STOP, "orderId": "9", "status": "cancelled"})
    )

    [page] = dialect.ended_plan_orders(product_type=USDT, plan_type="loss_plan", order_id="9")

    assert [order.order_id for order in page] == ["9"]
    assert len(script.sent) == 2


def test_plan_order_that_no_history_knows_has_no_end() -> None:
    dialect, _ = unified_of(unified_page({**STOP, "status": "success"}))

    assert list(dialect.ended_plan_orders(product_type=USDT, plan_type="loss_plan", order_id="9")) == []


def test_history_is_picked_by_symbol_here() -> None:
    rows = [{**STOP, "status": "success"}, {**STOP, "orderId": "2", "symbol": "ETHUSDT", "status": "success"}]
    dialect, script = unified_of(unified_page(*rows))

    page = next(dialect.ended_plan_orders(product_type=USDT, plan_type="loss_plan", symbol="ETHUSDT"))

    assert [order.order_id for order in page] == ["2"]
    assert "symbol" not in queries(script)[0]


@pytest.mark.parametrize("data", ODD_UNIFIED_LISTS, ids=str)
def test_history_of_an_unknown_shape_is_never_taken_for_an_empty_one(data: Any) -> None:
    dialect, _ = unified_of(envelope(data=data))

    with pytest.raises(BitgetAmbiguousError):
        list(dialect.ended_plan_orders(product_type=USDT, plan_type="loss_plan"))
