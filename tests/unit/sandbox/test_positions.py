# SPDX-License-Identifier: Apache-2.0
"""Positions show as the page has it, and orders that fill open, grow and close them."""

from __future__ import annotations

import pytest

from airflow_provider_bitget.sandbox import Exchange, numbered_account
from tests.unit.sandbox.conftest import MakeDesk
from tests.unit.sandbox.desk import ALL_POSITION, CANCEL_ALL, SINGLE_POSITION, USDT_FUTURES, Desk

RECORDED_FIELDS = {
    "symbol", "marginCoin", "holdSide", "total", "available", "locked", "openDelegateSize", "leverage",
    "marginMode", "posMode", "openPriceAvg", "unrealizedPL", "liquidationPrice", "markPrice", "marginRatio",
    "marginSize", "achievedProfits", "keepMarginRate", "breakEvenPrice", "totalFee", "deductedFee", "grant",
    "assetMode", "autoMargin", "takeProfit", "stopLoss", "takeProfitId", "stopLossId", "cTime", "uTime",
}  # fmt: skip


def test_positions_have_the_recorded_fields_as_text(desk: Desk) -> None:
    desk.exchange.open_position("BTCUSDT", "short", "1.50")
    [row] = desk.positions()
    assert set(row) == RECORDED_FIELDS
    assert all(isinstance(value, str) for value in row.values())
    assert (row["holdSide"], row["total"], row["available"], row["locked"]) == ("short", "1.5", "1.5", "0")
    assert (row["marginCoin"], row["posMode"]) == ("USDT", "hedge_mode")


def test_flat_account_has_an_empty_list(desk: Desk) -> None:
    assert desk.positions() == []


def test_hedge_mode_holds_both_sides_of_a_symbol(desk: Desk) -> None:
    desk.exchange.open_position("BTCUSDT", "long", "1")
    desk.exchange.open_position("BTCUSDT", "short", "2")
    desk.exchange.open_position("BTCUSDT", "long", "0.5")
    assert desk.totals() == {"BTCUSDT/long": "1.5", "BTCUSDT/short": "2"}


def test_one_way_mode_holds_one_side_and_nets_the_other(desk: Desk) -> None:
    for hold_side, size in (("long", "1"), ("short", "3")):
        desk.exchange.open_position("BTCUSDT", hold_side, size, pos_mode="one_way_mode")
    [row] = desk.positions()
    assert (row["holdSide"], row["total"], row["posMode"]) == ("short", "2", "one_way_mode")
    desk.exchange.open_position("BTCUSDT", "long", "2", pos_mode="one_way_mode")
    assert desk.positions() == []


def test_margin_coin_narrows_the_positions_down(desk: Desk) -> None:
    desk.exchange.open_position("BTCUSDT", margin_coin="USDT")
    desk.exchange.open_position("ETHUSDT", margin_coin="BTC")
    assert [row["symbol"] for row in desk.positions(marginCoin="BTC")] == ["ETHUSDT"]
    assert len(desk.positions()) == 2
    assert desk.get(ALL_POSITION, productType=USDT_FUTURES, marginCoin="usdt").code == "40017"


def test_positions_belong_to_a_product_type_and_an_account(make_desk: MakeDesk) -> None:
    desk = make_desk(numbered_account(1), numbered_account(2))
    other = Desk(desk.exchange, desk.clock, desk.exchange.accounts[1])
    desk.exchange.open_position("BTCUSD", product_type="COIN-FUTURES")
    desk.exchange.open_position("ETHUSDT", account=other.account)
    assert (desk.totals(), other.totals()) == ({}, {"ETHUSDT/long": "1"})
    [coin] = desk.get(ALL_POSITION, productType="COIN-FUTURES").data
    assert coin["marginCoin"] == "BTC"


def test_single_position_needs_symbol_product_type_and_margin_coin(desk: Desk) -> None:
    desk.exchange.open_position("BTCUSDT")
    asked = {"productType": USDT_FUTURES, "symbol": "BTCUSDT", "marginCoin": "USDT"}
    assert [row["symbol"] for row in desk.get(SINGLE_POSITION, **asked).data] == ["BTCUSDT"]
    assert desk.get(SINGLE_POSITION, **{**asked, "symbol": "ETHUSDT"}).data == []
    for name in asked:
        assert desk.get(SINGLE_POSITION, **{one: asked[one] for one in asked if one != name}).code == "40019"


def test_positions_are_read_five_times_a_second(desk: Desk) -> None:
    statuses = [desk.get(ALL_POSITION, productType=USDT_FUTURES).status for _ in range(6)]
    assert statuses == [200] * 5 + [429]


def test_live_orders_lock_and_announce_size(desk: Desk) -> None:
    desk.exchange.open_position("BTCUSDT", "long", "1")
    desk.place(1, trade_side="close", hold_side="long", size="0.4")
    desk.place(1, trade_side="close", hold_side="short", size="0.3")
    desk.place(1, trade_side="open", hold_side="long", size="0.2")
    [row] = desk.positions()
    assert (row["total"], row["locked"], row["available"], row["openDelegateSize"]) == ("1", "0.4", "0.6", "0.2")


def test_filled_orders_make_no_positions_by_default(desk: Desk) -> None:
    [order_id] = desk.place(1, trade_side="open")
    desk.exchange.fill(order_id)
    assert (desk.positions(), desk.exchange.positions()) == ([], [])


def test_filled_opening_orders_make_and_grow_positions(make_desk: MakeDesk) -> None:
    desk = make_desk(fills_make_positions=True)
    for hold_side in ("long", "long", "short"):
        [order_id] = desk.place(1, trade_side="open", hold_side=hold_side, size="0.5")
        desk.exchange.fill(order_id)
    assert desk.totals() == {"BTCUSDT/long": "1", "BTCUSDT/short": "0.5"}


def test_filled_orders_net_in_one_way_mode(make_desk: MakeDesk) -> None:
    desk = make_desk(fills_make_positions=True)
    buy, sell = desk.place(2)
    desk.exchange.fill(buy)
    assert desk.totals() == {"BTCUSDT/long": "0.02"}
    desk.exchange.fill(sell)
    assert desk.positions() == []


def test_partial_fills_count_at_once_and_the_rest_with_the_fill(make_desk: MakeDesk) -> None:
    desk = make_desk(fills_make_positions=True)
    [order_id] = desk.place(1, trade_side="open", status="partially_filled")
    assert desk.totals() == {"BTCUSDT/long": "0.01"}
    desk.exchange.fill(order_id)
    assert desk.totals() == {"BTCUSDT/long": "0.02"}


def test_order_that_fills_while_it_is_cancelled_makes_a_position(make_desk: MakeDesk) -> None:
    desk = make_desk(fills_make_positions=True)
    desk.place(1, trade_side="open", size="0.5")
    desk.exchange.inject("fill_while_cancelling")
    desk.post(CANCEL_ALL, {"productType": USDT_FUTURES})
    assert desk.totals() == {"BTCUSDT/long": "0.5"}


def test_position_shows_only_after_its_lag_while_the_books_have_it(make_desk: MakeDesk) -> None:
    desk = make_desk(fills_make_positions=True, position_lag=5.0)
    [order_id] = desk.place(1, trade_side="open")
    desk.exchange.fill(order_id)
    desk.clock.advance(4.9)
    assert (desk.positions(), desk.close().code) == ([], "22002")
    assert (len(desk.exchange.positions()), desk.exchange.books()[0]["positions"]) == (1, 1)
    desk.clock.advance(0.1)
    assert desk.totals() == {"BTCUSDT/long": "0.02"}


@pytest.mark.parametrize("pos_mode", ["hedge_mode", "one_way_mode"])
def test_filled_closing_orders_make_positions_smaller_and_never_turn_them(desk: Desk, pos_mode: str) -> None:
    desk.exchange.open_position("BTCUSDT", "long", "1", pos_mode=pos_mode)
    for size, left in (("0.4", {"BTCUSDT/long": "0.6"}), ("5", {}), ("5", {})):
        [order_id] = desk.place(1, trade_side="close", hold_side="long", pos_mode=pos_mode, size=size)
        desk.exchange.fill(order_id)
        assert desk.totals() == left


@pytest.mark.parametrize(
    ("pos_mode", "side", "trade_side", "reduce_only"),
    [("hedge_mode", "buy", "close", "NO"), ("one_way_mode", "sell", "sell_single", "YES")],
)
def test_closing_orders_of_a_long_position_look_as_their_mode_has_it(
    desk: Desk, pos_mode: str, side: str, trade_side: str, reduce_only: str
) -> None:
    desk.place(1, trade_side="close", hold_side="long", pos_mode=pos_mode)
    [row] = desk.pending().rows
    assert (row["side"], row["tradeSide"], row["reduceOnly"]) == (side, trade_side, reduce_only)


def test_books_count_plan_orders_and_positions(desk: Desk) -> None:
    desk.place(1, "ETHUSDT")
    desk.exchange.open_position("BTCUSDT", "long")
    desk.exchange.open_position("BTCUSDT", "short")
    first, _ = desk.place_plan(2, "loss_plan", symbol="SOLUSDT")
    desk.exchange.trigger(first)
    counts = {row["symbol"]: (row["open"], row["plan_orders"], row["positions"]) for row in desk.exchange.books()}
    assert counts == {"BTCUSDT": (0, 0, 2), "ETHUSDT": (1, 0, 0), "SOLUSDT": (1, 1, 0)}


def test_books_go_on_counting_positions_after_the_last_was_closed(desk: Desk) -> None:
    desk.exchange.open_position("BTCUSDT")
    desk.close()
    assert desk.exchange.books()[0]["positions"] == 0


def test_reset_forgets_plan_orders_positions_and_what_was_decided_about_them(desk: Desk) -> None:
    desk.place_plan()
    desk.exchange.open_position("BTCUSDT")
    desk.exchange.refuse_close("BTCUSDT", "long", "45009")
    desk.exchange.maintain(["BTCUSDT"])
    desk.exchange.reset()
    assert (desk.exchange.books(), desk.exchange.plan_orders(), desk.exchange.positions()) == ([], [], [])
    desk.exchange.open_position("BTCUSDT")
    assert len(desk.close().data["successList"]) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": "0"}, "above zero"),
        ({"size": "-1"}, "above zero"),
        ({"size": "NaN"}, "above zero"),
        ({"size": "much"}, "above zero"),
        ({"hold_side": "net"}, "expected is long or short"),
        ({"pos_mode": "both"}, "expected is one_way_mode or hedge_mode"),
        ({"product_type": "FUTURES"}, "known are USDT-FUTURES"),
        ({"pos_mode": "one_way_mode"}, "in the other position mode"),
    ],
)
def test_positions_that_cannot_be_are_refused(options: dict[str, str], message: str) -> None:
    exchange = Exchange()
    exchange.open_position("BTCUSDT")
    with pytest.raises(ValueError, match=message):
        exchange.open_position("BTCUSDT", **options)  # type: ignore[arg-type]
