# SPDX-License-Identifier: Apache-2.0
"""An exchange that behaves otherwise than the sandbox does by default, but as some source says or any service may."""

from __future__ import annotations

import pytest

from airflow_provider_bitget.trading.order_list import OrderRef
from airflow_provider_bitget.trading.report import Bucket
from tests.unit.trading.market import CANCELS, Market, counts, details


@pytest.mark.parametrize("code", ["22012", "40034", "40309", "40102", "400172"])
def test_orders_of_another_product_type_are_unresolved_whatever_code_they_are_refused_with(
    market: Market, code: str
) -> None:
    orders = market.place(20)
    market.exchange.inject("refuse", code=code, endpoint=CANCELS)
    report = market.cancel(orders, product_type="USDC-FUTURES", deadline=60)
    assert details(report, Bucket.UNRESOLVED) == {"not_found": 20}


def test_a_firewall_that_speaks_json_is_no_verdict_and_the_orders_go_once_it_lets_us_pass(market: Market) -> None:
    orders = market.place(500)
    market.exchange.inject("refuse", code="403", msg="Forbidden", status=403, endpoint=CANCELS, duration=60.0)
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 500}


def test_orders_to_send_again_do_not_wait_for_a_read_that_fails(market: Market) -> None:
    orders = market.place(50)
    market.exchange.inject("refuse_orders", order_ids=[orders[7].order_id], code="45001", times=1)
    market.exchange.inject("bad_gateway", endpoint="orders-pending", duration=250.0)
    market.cancel(orders)
    assert market.status(orders[7]) == "canceled"
    sent = [record.arrival for record in market.requests(CANCELS)]
    assert sent[1] - sent[0] < 30


def test_orders_to_send_again_do_not_wait_for_a_look_up_that_fails(market: Market) -> None:
    orders = market.place(50)
    market.fill(orders[3])
    market.exchange.inject("refuse_orders", order_ids=[orders[7].order_id], code="45024", times=1)
    for endpoint in ("detail", "orders-history"):
        market.exchange.inject("bad_gateway", endpoint=endpoint)
    report = market.cancel(orders)
    assert counts(report) == {"cancelled": 49, "unresolved": 1}
    sent = [record.arrival for record in market.requests(CANCELS)]
    assert sent[1] - sent[0] < 5


def test_a_look_up_that_is_refused_for_long_keeps_no_order_from_being_cancelled(market: Market) -> None:
    orders = market.place(50)
    market.fill(orders[3])
    market.exchange.inject("rate_limit", endpoint="detail", duration=20.0)
    market.exchange.inject("rate_limit", endpoint="orders-history", duration=20.0)
    market.exchange.inject("refuse_orders", order_ids=[orders[7].order_id], code="45024", times=5)
    assert market.cancel(orders).counts["cancelled"] == 49


def test_time_that_cannot_be_asked_for_a_while_does_not_end_the_run() -> None:
    market = Market(clock_ahead=90.0)
    orders = market.place(50)
    market.exchange.inject("bad_gateway", endpoint="time", duration=3.0)
    assert counts(market.cancel(orders)) == {"cancelled": 50}


def test_an_order_cancelled_in_spite_of_a_passing_refusal_is_ours(market: Market) -> None:
    orders = market.place(50)
    market.exchange.inject("refuse_orders", order_ids=[orders[7].order_id], code="45024", times=1)
    market.before("orders-pending", 1, lambda: market.cancel_elsewhere(orders[7]))
    assert counts(market.cancel(orders)) == {"cancelled": 50}


def test_a_client_oid_of_another_order_that_reads_like_our_order_id_proves_nothing(market: Market) -> None:
    names = [str(number) for number in range(101, 106)]
    market.fill(*market.place(5, "ETHUSDT", client_oids=names))
    asked = [OrderRef(name, "", "BTCUSDT") for name in names]
    report = market.prepare(asked).run()
    assert details(report, Bucket.UNRESOLVED) == {"not_found": 5}
