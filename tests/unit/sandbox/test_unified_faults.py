# SPDX-License-Identifier: Apache-2.0
"""Each fault strikes a unified account as it strikes a classic one, in the shapes of its own answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from airflow_provider_bitget.sandbox import KINDS
from tests.unit.sandbox.conftest import MakeDesk, MakeUnifiedDesk
from tests.unit.sandbox.desk import (
    CANCEL_STRATEGY,
    CANCEL_SYMBOL,
    CANCEL_UNIFIED,
    CLOSE_UNIFIED,
    USDT_FUTURES,
    Answer,
    Desk,
    UnifiedDesk,
)

AnyDesk = Callable[[], tuple[Desk, Callable[[list[str]], Answer]]]


@pytest.fixture(params=["classic", "unified"])
def any_desk(request: pytest.FixtureRequest, make_desk: MakeDesk, make_unified_desk: MakeUnifiedDesk) -> AnyDesk:
    """Return a desk of either kind, and what cancels a batch there."""

    def make() -> tuple[Desk, Callable[[list[str]], Answer]]:
        if request.param == "classic":
            classic = make_desk()
            return classic, classic.cancel
        unified = make_unified_desk()
        return unified, unified.cancel_batch

    return make


@pytest.fixture
def order_ids(unified_desk: UnifiedDesk) -> list[str]:
    """Four live orders."""
    return unified_desk.place(4)


def states(desk: Desk, order_ids: list[str]) -> list[str]:
    return [desk.status_of(one) for one in order_ids]


@pytest.mark.parametrize(
    ("kind", "options", "state", "status"),
    [
        ("rate_limit", {}, "live", 429),
        ("reset_before", {}, "live", None),
        ("reset_after", {}, "canceled", None),
        ("bad_gateway", {}, "live", 502),
        ("bad_gateway", {"processed": True}, "canceled", 502),
        ("truncate", {}, "canceled", 200),
        ("hang", {}, "live", None),
        ("hang", {"processed": True}, "canceled", 200),
        ("slow_drip", {}, "canceled", 200),
        ("refuse", {"code": "25001"}, "live", 400),
        ("refuse", {"code": "25001", "processed": True}, "canceled", 400),
        ("html", {}, "live", 200),
    ],
)
def test_batch_is_cancelled_or_not_as_the_fault_has_it(
    any_desk: AnyDesk, kind: str, options: dict[str, object], state: str, status: int | None
) -> None:
    desk, cancel = any_desk()
    order_ids = desk.place(3)
    desk.exchange.inject(kind, **options)  # type: ignore[arg-type]
    cancel(order_ids)
    [record] = desk.exchange.records()
    assert (states(desk, order_ids), record.status, record.fault) == ([state] * 3, status, kind)


@pytest.mark.parametrize("code", ["25113", None])
def test_refused_items_stay_open_and_may_lack_their_code(
    unified_desk: UnifiedDesk, order_ids: list[str], code: str | None
) -> None:
    unified_desk.exchange.inject("refuse_orders", endpoint="cancel-batch", order_ids=order_ids[:1], code=code, msg="no")
    items = unified_desk.cancel_batch(order_ids).items
    named = {} if code is None else {"code": code}
    assert items[0] == {"orderId": order_ids[0], "clientOid": "", **named, "msg": "no"}
    assert all("msg" not in item for item in items[1:])
    assert states(unified_desk, order_ids) == ["live", *["canceled"] * 3]


@pytest.mark.parametrize(("processed", "state"), [(True, "canceled"), (False, "live")])
def test_items_can_be_dropped(unified_desk: UnifiedDesk, order_ids: list[str], processed: bool, state: str) -> None:
    unified_desk.exchange.inject("drop_ids", count=1, processed=processed)
    assert list(unified_desk.cancel_batch(order_ids).item_codes) == order_ids[1:]
    assert unified_desk.status_of(order_ids[0]) == state


@pytest.mark.parametrize(("processed", "state"), [(True, "canceled"), (False, "live")])
def test_answer_can_hold_no_item(unified_desk: UnifiedDesk, order_ids: list[str], processed: bool, state: str) -> None:
    unified_desk.exchange.inject("empty_lists", processed=processed)
    answer = unified_desk.cancel_batch(order_ids)
    assert (answer.code, answer.data) == ("00000", [])
    assert states(unified_desk, order_ids) == [state] * 4


@pytest.mark.parametrize(("where", "codes"), [("success", [None]), ("failure", ["25204"]), ("both", [None, "25204"])])
def test_items_can_name_orders_that_were_never_sent(
    unified_desk: UnifiedDesk, order_ids: list[str], where: str, codes: list[str | None]
) -> None:
    unified_desk.exchange.inject("foreign_ids", where=where)
    items = unified_desk.cancel_batch(order_ids).items
    assert [item.get("code") for item in items if item["orderId"] not in order_ids] == codes
    assert len(items) == 4 + len(codes)


@pytest.mark.parametrize(("where", "code"), [("success", None), ("both", "25204")])
def test_items_can_stand_twice(unified_desk: UnifiedDesk, order_ids: list[str], where: str, code: str | None) -> None:
    unified_desk.exchange.inject("duplicate_ids", where=where)
    items = unified_desk.cancel_batch(order_ids).items
    assert [item["orderId"] for item in items] == order_ids * 2
    assert {item.get("code") for item in items[4:]} == {code}


def test_order_fills_while_it_is_cancelled(unified_desk: UnifiedDesk, order_ids: list[str]) -> None:
    unified_desk.exchange.inject("fill_while_cancelling", order_ids=[order_ids[1]])
    assert unified_desk.cancel_batch(order_ids).item_codes[order_ids[1]] == "25204"
    assert states(unified_desk, order_ids) == ["canceled", "filled", "canceled", "canceled"]


def test_ack_only_says_success_and_leaves_the_order_open(unified_desk: UnifiedDesk, order_ids: list[str]) -> None:
    unified_desk.exchange.inject("ack_only", count=1)
    answer = unified_desk.post(CANCEL_SYMBOL, {"category": USDT_FUTURES})
    # A mass cancel begins with the newest.
    assert (len(answer.items), set(answer.item_codes.values())) == (4, {None})
    assert states(unified_desk, order_ids) == ["canceled", "canceled", "canceled", "live"]


def test_single_cancel_is_struck_as_well(unified_desk: UnifiedDesk, order_ids: list[str]) -> None:
    unified_desk.exchange.inject("refuse_orders", endpoint="cancel-order", times=1, code="25113")
    answer = unified_desk.post(CANCEL_UNIFIED, {"orderId": order_ids[0]})
    assert (answer.status, answer.code, unified_desk.status_of(order_ids[0])) == (400, "25113", "live")
    unified_desk.exchange.inject("empty_lists", times=1)
    assert unified_desk.post(CANCEL_UNIFIED, {"orderId": order_ids[1]}).data is None


def test_chinese_texts_come_whatever_the_locale(unified_desk: UnifiedDesk) -> None:
    unified_desk.exchange.inject("chinese")
    assert unified_desk.cancel_batch(["7"]).items[0]["msg"] == "订单不存在"


def test_clock_that_is_off_refuses_fresh_timestamps(unified_desk: UnifiedDesk) -> None:
    unified_desk.exchange.inject("clock")
    assert unified_desk.unfilled().code == "40008"


def test_lagging_book_shows_ended_orders_for_a_time(unified_desk: UnifiedDesk, order_ids: list[str]) -> None:
    [partial] = unified_desk.place(status="partially_filled")
    unified_desk.exchange.inject("lagging_book", seconds=2)
    unified_desk.cancel_batch([order_ids[1], partial])
    assert unified_desk.unfilled().unified_listed == [partial, *order_ids[::-1]]
    assert unified_desk.unfilled(cursor=order_ids[2]).unified_listed == order_ids[1::-1]
    assert unified_desk.unfilled(symbol="ETHUSDT").unified_listed == []
    unified_desk.clock.advance(2.0)
    assert unified_desk.unfilled().unified_listed == [order_ids[3], order_ids[2], order_ids[0]]


def test_late_history_knows_ended_orders_only_later(unified_desk: UnifiedDesk, order_ids: list[str]) -> None:
    unified_desk.exchange.inject("late_history", seconds=2)
    unified_desk.cancel_batch(order_ids[:1])
    assert (unified_desk.ended().unified_listed, unified_desk.info(order_ids[0]).code) == ([], "25204")
    assert unified_desk.info(order_ids[1]).data["orderStatus"] == "live"
    unified_desk.clock.advance(2.0)
    assert unified_desk.ended().unified_listed == order_ids[:1]
    assert unified_desk.info(order_ids[0]).data["orderStatus"] == "cancelled"


def test_fault_waits_for_the_orders_it_names(unified_desk: UnifiedDesk, order_ids: list[str]) -> None:
    fault = unified_desk.exchange.inject("ack_only", order_ids=order_ids[2:], times=1)
    unified_desk.cancel_batch(order_ids[:2])
    assert fault.fired == 0
    unified_desk.cancel_batch(order_ids[2:])
    assert fault.fired == 1


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_fault_works_with_its_defaults(unified_desk: UnifiedDesk, kind: str) -> None:
    unified_desk.exchange.open_position()
    [plan_id] = unified_desk.place_plan()
    order_ids = unified_desk.place(3)
    fault = unified_desk.exchange.inject(kind)
    for path, content in (
        (CANCEL_UNIFIED, {"orderId": order_ids[0]}),
        (CANCEL_STRATEGY, {"orderId": plan_id}),
        (CLOSE_UNIFIED, {"category": USDT_FUTURES}),
        (CANCEL_SYMBOL, {"category": USDT_FUTURES}),
    ):
        unified_desk.post(path, content)
    unified_desk.cancel_batch(order_ids)
    unified_desk.unfilled()
    unified_desk.ended()
    assert fault.fired > 0


# The request log


def test_log_says_what_each_request_named(unified_desk: UnifiedDesk) -> None:
    desk = unified_desk
    order_ids, plan_ids = desk.place(2), desk.place_plan(1, "loss_plan")
    desk.cancel_batch(order_ids, category="usdt-futures")
    desk.post("/api/v3/trade/cancel-batch", [{"orderId": one, "symbol": one} for one in order_ids])
    desk.post("/api/v3/trade/cancel-batch", [])
    desk.cancel_strategy(plan_ids[0])
    desk.post(CANCEL_SYMBOL, {"category": USDT_FUTURES})
    desk.close_unified(symbol="BTCUSDT", posSide="long")
    desk.info(order_ids[0])
    named = [
        (one.order_ids, one.plan_order_ids, one.product_type, one.symbol, one.plan_type, one.hold_side)
        for one in desk.exchange.records()
    ]
    assert named == [
        (tuple(order_ids), (), USDT_FUTURES, "BTCUSDT", "", ""),
        (tuple(order_ids), (), "", "", "", ""),
        ((), (), "", "", "", ""),
        ((), tuple(plan_ids), "", "", "", ""),
        ((), (), USDT_FUTURES, "", "", ""),
        ((), (), USDT_FUTURES, "BTCUSDT", "", "long"),
        ((order_ids[0],), (), "", "", "", ""),
    ]
