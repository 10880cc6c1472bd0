# SPDX-License-Identifier: Apache-2.0
"""Closes of a unified account acknowledge without naming a symbol, and refuse as those of a classic one do."""

from __future__ import annotations

import pytest

from tests.unit.sandbox.conftest import MakeUnifiedDesk
from tests.unit.sandbox.desk import CLOSE_UNIFIED, CURRENT_POSITION, USDT_FUTURES, UnifiedDesk

RECORDED_FIELDS = {
    "category", "symbol", "marginCoin", "holdMode", "posSide", "marginMode", "positionBalance", "available", "frozen",
    "total", "leverage", "curRealisedPnl", "avgPrice", "positionStatus", "unrealisedPnl", "liquidationPrice", "mmr",
    "profitRate", "markPrice", "breakEvenPrice", "totalFunding", "openFeeTotal", "closeFeeTotal", "createdTime",
    "updatedTime",
}  # fmt: skip


def open_positions(desk: UnifiedDesk, *names: str, size: str = "1", pos_mode: str = "hedge_mode") -> None:
    """Open positions that are named as in BTCUSDT/long."""
    for name in names:
        symbol, hold_side = name.split("/")
        desk.exchange.open_position(symbol, hold_side, size, pos_mode=pos_mode, account=desk.account)


def codes(desk: UnifiedDesk, **content: object) -> list[str | None]:
    """Close positions, and return the code of each item, None for one that succeeded."""
    return [item.get("code") for item in desk.close_unified(**content).items]


# Positions


def test_rows_of_positions_have_the_recorded_fields_as_text(unified_desk: UnifiedDesk) -> None:
    open_positions(unified_desk, "BTCUSDT/long", size="1.5")
    unified_desk.place(1, trade_side="close", hold_side="long", size="0.5")
    [row] = unified_desk.unified_positions()
    assert set(row) == RECORDED_FIELDS
    assert all(isinstance(value, str) for value in row.values())
    assert (row["total"], row["frozen"], row["available"]) == ("1.5", "0.5", "1")
    assert (row["posSide"], row["holdMode"], row["marginCoin"]) == ("long", "hedge_mode", "USDT")


def test_positions_can_be_narrowed_down(unified_desk: UnifiedDesk) -> None:
    open_positions(unified_desk, "BTCUSDT/long", "BTCUSDT/short", "ETHUSDT/long")
    assert len(unified_desk.unified_positions(symbol="BTCUSDT")) == 2
    assert len(unified_desk.unified_positions(posSide="long")) == 2
    assert unified_desk.unified_positions(category="coin-futures") == []
    assert unified_desk.get(CURRENT_POSITION).code == "40019"
    assert unified_desk.get(CURRENT_POSITION, category=USDT_FUTURES, posSide="both").code == "40017"


@pytest.mark.parametrize(("rule", "nothing"), [("list", []), ("null", None)])
def test_flat_account_shows_an_empty_list_or_null(
    make_unified_desk: MakeUnifiedDesk, rule: str, nothing: object
) -> None:
    answer = make_unified_desk(empty_list=rule).get(CURRENT_POSITION, category=USDT_FUTURES)
    assert answer.data == {"list": nothing}


# Closes


def test_answer_names_orders_and_no_symbol(unified_desk: UnifiedDesk) -> None:
    open_positions(unified_desk, "BTCUSDT/long", "ETHUSDT/short")
    answer = unified_desk.close_unified()
    assert set(answer.data) == {"list"}
    assert [set(item) for item in answer.items] == [{"orderId", "clientOid"}] * 2
    assert unified_desk.unified_positions() == []
    row = unified_desk.info(answer.items[0]["orderId"]).data
    assert (row["side"], row["posSide"], row["orderType"], row["orderStatus"]) == ("sell", "long", "market", "filled")


def test_symbol_and_side_narrow_a_close_down(unified_desk: UnifiedDesk) -> None:
    open_positions(unified_desk, "BTCUSDT/long", "BTCUSDT/short", "ETHUSDT/long")
    unified_desk.close_unified(symbol="BTCUSDT", posSide="short")
    assert unified_desk.unified_totals() == {"BTCUSDT/long": "1", "ETHUSDT/long": "1"}
    unified_desk.close_unified(posSide="long")
    assert unified_desk.unified_totals() == {}


def test_side_is_ignored_in_one_way_mode(unified_desk: UnifiedDesk) -> None:
    open_positions(unified_desk, "BTCUSDT/long", pos_mode="one_way_mode")
    assert codes(unified_desk, symbol="BTCUSDT", posSide="short") == [None]
    assert unified_desk.unified_positions() == []


def test_nothing_to_close_is_an_error(unified_desk: UnifiedDesk) -> None:
    open_positions(unified_desk, "BTCUSDT/long")
    for content in ({"symbol": "ETHUSDT"}, {"symbol": "BTCUSDT", "posSide": "short"}, {"category": "COIN-FUTURES"}):
        answer = unified_desk.close_unified(**content)
        assert (answer.status, answer.code, answer.data) == (400, "25227", None)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({}, "40019"),
        ({"category": "SPOT"}, "40017"),
        ({"category": USDT_FUTURES, "symbol": 7}, "40017"),
        ({"category": USDT_FUTURES, "posSide": "both"}, "40017"),
        ([{"category": USDT_FUTURES}], "40017"),
    ],
)
def test_malformed_close_is_refused(unified_desk: UnifiedDesk, content: object, code: str) -> None:
    open_positions(unified_desk, "BTCUSDT/long")
    answer = unified_desk.post(CLOSE_UNIFIED, content)
    assert (answer.status, answer.code, unified_desk.unified_totals()) == (400, code, {"BTCUSDT/long": "1"})


def test_position_that_a_close_order_locks_refuses_to_close(unified_desk: UnifiedDesk) -> None:
    open_positions(unified_desk, "BTCUSDT/long", "ETHUSDT/long")
    [order_id] = unified_desk.place(1, trade_side="close", hold_side="long", size="0.4")
    assert codes(unified_desk) == ["25225", None]
    unified_desk.cancel_batch([order_id])
    assert codes(unified_desk) == [None]
    assert unified_desk.unified_positions() == []


def test_refusal_names_neither_order_nor_symbol(unified_desk: UnifiedDesk) -> None:
    open_positions(unified_desk, "BTCUSDT/long")
    unified_desk.exchange.refuse_close("BTCUSDT", "long", "25209", msg="no")
    assert unified_desk.close_unified().items == [{"orderId": "", "clientOid": "", "code": "25209", "msg": "no"}]


def test_maintenance_and_the_flash_close_maximum_refuse_as_on_a_classic_account(
    make_unified_desk: MakeUnifiedDesk,
) -> None:
    desk = make_unified_desk(flash_close_maximum={"ETHUSDT": "10"})
    open_positions(desk, "BTCUSDT/long", "ETHUSDT/long", size="11")
    desk.exchange.maintain(["BTCUSDT"])
    assert codes(desk) == ["41114", "40888"]
    assert desk.close_unified(symbol="BTCUSDT").code == "41114"


def test_close_order_is_live_until_it_fills(make_unified_desk: MakeUnifiedDesk) -> None:
    desk = make_unified_desk(close_lag=3.0)
    open_positions(desk, "BTCUSDT/long")
    [item] = desk.close_unified().items
    assert desk.unfilled().unified_listed == [item["orderId"]]
    assert codes(desk) == ["25225"]
    desk.clock.advance(3.0)
    assert (desk.unified_positions(), desk.unfilled().unified_listed) == ([], [])


def test_items_of_a_close_may_carry_a_success_code(make_unified_desk: MakeUnifiedDesk) -> None:
    desk = make_unified_desk(success_item_code="00000")
    open_positions(desk, "BTCUSDT/long")
    assert codes(desk) == ["00000"]


# Faults


@pytest.mark.parametrize(("kind", "totals"), [("reset_before", {"BTCUSDT/long": "1"}), ("reset_after", {})])
def test_answer_to_a_close_can_be_lost(unified_desk: UnifiedDesk, kind: str, totals: dict[str, str]) -> None:
    open_positions(unified_desk, "BTCUSDT/long")
    unified_desk.exchange.inject(kind, endpoint="close-positions")
    assert unified_desk.close_unified().reply.drop is not None
    assert unified_desk.unified_totals() == totals


def test_positions_can_be_refused_by_a_fault(unified_desk: UnifiedDesk) -> None:
    open_positions(unified_desk, "BTCUSDT/long", "ETHUSDT/long")
    unified_desk.exchange.inject("refuse_orders", order_ids=["ETHUSDT/long"], code="25000")
    assert codes(unified_desk) == [None, "25000"]
    assert unified_desk.unified_totals() == {"ETHUSDT/long": "1"}


def test_acknowledged_close_may_never_happen(unified_desk: UnifiedDesk) -> None:
    open_positions(unified_desk, "BTCUSDT/long")
    unified_desk.exchange.inject("ack_only")
    [item] = unified_desk.close_unified().items
    assert unified_desk.unified_totals() == {"BTCUSDT/long": "1"}
    assert unified_desk.info(item["orderId"]).code == "25204"


@pytest.mark.parametrize("kind", ["drop_ids", "empty_lists"])
@pytest.mark.parametrize(("processed", "left"), [(True, 0), (False, 1)])
def test_close_can_keep_silent_about_positions(
    unified_desk: UnifiedDesk, kind: str, processed: bool, left: int
) -> None:
    open_positions(unified_desk, "BTCUSDT/long")
    unified_desk.exchange.inject(kind, processed=processed)
    assert unified_desk.close_unified().data == {"list": []}
    assert len(unified_desk.unified_positions()) == left
