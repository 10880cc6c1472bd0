# SPDX-License-Identifier: Apache-2.0
"""What a list of open orders hands on: the exchange's rows, whole or not at all, told apart by their planType."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_bitget.api.exceptions import BitgetError
from airflow_provider_bitget.api.rows import OpenOrder, OpenPlanOrder
from airflow_provider_bitget.trading.books import Books
from airflow_provider_bitget.trading.open_orders import ListOpenOrders, OpenOrdersReport
from airflow_provider_bitget.trading.order_list import parse_orders
from airflow_provider_bitget.trading.scope import Scope
from tests.unit.trading.market import Interrupt, Market, OneAtATime

SCOPE = Scope("USDT-FUTURES")


def report_of(*, orders: tuple[OpenOrder, ...] = (), plan_orders: tuple[OpenPlanOrder, ...] = ()) -> OpenOrdersReport:
    return OpenOrdersReport(SCOPE, Books(orders, plan_orders, (), read_at=1_795_000_000.0, read_from=1_787_000_000.0))


def test_an_order_that_the_exchange_gives_an_empty_plan_type_still_goes_into_a_batch_cancel() -> None:
    row = {"orderId": "77", "symbol": "btcusdt", "productType": "usdt-futures", "planType": ""}

    rows = report_of(orders=(OpenOrder("77", "", "BTCUSDT", row),)).rows()

    assert rows == [{"orderId": "77", "symbol": "btcusdt", "productType": "USDT-FUTURES"}]
    [ref] = parse_orders(rows, symbol=None, product_type="USDT-FUTURES")
    assert (ref.symbol, ref.order_id, ref.plan_type) == ("BTCUSDT", "77", "")
    assert row["planType"] == ""


def test_a_plan_order_carries_its_concrete_type() -> None:
    row = {"orderId": "88", "symbol": "BTCUSDT", "planType": "profit_loss"}

    [listed] = report_of(plan_orders=(OpenPlanOrder("88", "", "BTCUSDT", "pos_loss", "long", row),)).rows()

    assert listed["planType"] == "pos_loss"


def test_a_report_without_books_shows_no_rows_and_is_not_verified() -> None:
    report = OpenOrdersReport(SCOPE, None)

    assert report.rows() == []
    assert report.to_dict()["verified"] is False
    assert report.to_dict()["range"] == {"from": "", "to": "", "any_age": False}


@pytest.mark.parametrize("lookback_days", [90, 730])
def test_a_list_outlasts_an_exchange_that_fails_for_half_of_its_deadline(lookback_days: int) -> None:
    market = Market()
    market.place(3)
    market.exchange.inject("bad_gateway", duration=30.0)
    scope = replace(SCOPE, lookback_days=lookback_days)

    report = ListOpenOrders(market.dialect, scope, deadline=60.0, workers=OneAtATime()).run()

    assert report.error is None
    assert len(report.rows()) == 3


def test_a_list_says_what_kept_it_from_its_end_once_the_deadline_has_come() -> None:
    market = Market()
    market.exchange.inject("bad_gateway")

    report = ListOpenOrders(market.dialect, SCOPE, deadline=60.0, workers=OneAtATime()).run()

    assert isinstance(report.error, BitgetError)
    assert report.to_dict()["verified"] is False
    assert 50.0 <= report.duration_ms / 1000 <= 60.0


def test_reads_that_still_wait_for_their_turn_are_not_sent_after_an_interrupt() -> None:
    market = Market()
    workers = OneAtATime()
    workers.interrupt_after = 2
    with pytest.raises(Interrupt):
        ListOpenOrders(market.dialect, SCOPE, plan_orders=True, workers=workers).run()
    while workers.next_done(0.0) is not None:
        """Threads would go on with what is queued."""
    assert len(market.wire.sent) == 2
