# SPDX-License-Identifier: Apache-2.0
"""Nobody gets more through than the limit, in whichever shape it is counted."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitget.sandbox import Exchange, VirtualClock, busiest_second, numbered_account
from airflow_provider_bitget.sandbox.limits import AddressLimit, SlidingWindow
from tests.unit.sandbox.conftest import MakeDesk
from tests.unit.sandbox.desk import HISTORY, PENDING, TIME, Desk


def burst(desk: Desk, count: int) -> list[int]:
    return [desk.pending().status for _ in range(count)]


def test_eleventh_request_within_a_second_is_refused(desk: Desk) -> None:
    statuses = burst(desk, 11)
    assert statuses == [200] * 10 + [429]


def test_refused_request_gets_the_recorded_body(desk: Desk) -> None:
    burst(desk, 10)
    assert desk.pending().envelope == {
        "code": "429",
        "msg": "Too Many Requests",
        "requestTime": desk.now_ms,
        "data": None,
    }


def test_refused_request_is_not_processed(desk: Desk) -> None:
    order_ids = desk.place(11)
    statuses = [desk.cancel([order_id]).status for order_id in order_ids]
    assert statuses[-1] == 429
    assert desk.status_of(order_ids[-1]) == "live"


def test_window_slides(desk: Desk) -> None:
    for _ in range(10):
        assert desk.pending().status == 200
        desk.clock.advance(0.05)
    assert desk.pending().status == 429
    desk.clock.advance(0.5)
    assert burst(desk, 2) == [200, 429]


def test_refused_requests_take_no_place_in_the_window(desk: Desk) -> None:
    burst(desk, 10)
    desk.clock.advance(0.9)
    burst(desk, 10)
    desk.clock.advance(0.1)
    assert burst(desk, 10) == [200] * 10


def test_refused_requests_can_take_a_place_in_the_window(make_desk: MakeDesk) -> None:
    desk = make_desk(count_refused=True)
    burst(desk, 10)
    desk.clock.advance(0.9)
    burst(desk, 10)
    desk.clock.advance(0.1)
    assert desk.pending().status == 429


def test_each_endpoint_and_each_user_has_a_limit_of_its_own(make_desk: MakeDesk) -> None:
    desk = make_desk(numbered_account(1), numbered_account(2))
    other = Desk(desk.exchange, desk.clock, desk.exchange.accounts[1])
    burst(desk, 11)
    assert desk.get(HISTORY, productType="USDT-FUTURES").status == 200
    assert other.pending().status == 200


def test_server_time_is_limited_per_address(desk: Desk) -> None:
    here = [desk.exchange.handle("GET", TIME).status for _ in range(21)]
    there = desk.exchange.handle("GET", TIME, address="127.0.0.2").status
    assert (here, there) == ([200] * 20 + [429], 200)


def test_fixed_seconds_begin_with_the_exchanges_clock(make_desk: MakeDesk) -> None:
    desk = make_desk(limiter="fixed")
    desk.clock.advance(0.9)
    assert burst(desk, 11) == [200] * 10 + [429]
    desk.clock.advance(0.15)
    assert burst(desk, 11) == [200] * 10 + [429]


def test_bucket_refills_evenly(make_desk: MakeDesk) -> None:
    desk = make_desk(limiter="bucket")
    assert burst(desk, 11) == [200] * 10 + [429]
    desk.clock.advance(0.3)
    assert burst(desk, 4) == [200] * 3 + [429]


def test_bucket_can_charge_for_refused_requests(make_desk: MakeDesk) -> None:
    desk = make_desk(limiter="bucket", count_refused=True)
    burst(desk, 10)
    desk.clock.advance(0.09)
    assert desk.pending().status == 429
    desk.clock.advance(0.09)
    assert desk.pending().status == 429


def test_limiter_can_be_off(make_desk: MakeDesk) -> None:
    assert set(burst(make_desk(limiter="off"), 50)) == {200}


def test_limit_of_an_endpoint_can_be_changed(make_desk: MakeDesk) -> None:
    assert burst(make_desk(limits={"orders-pending": 3}), 4) == [200, 200, 200, 429]


def test_remaining_requests_are_told(desk: Desk) -> None:
    left = [desk.pending().reply.headers["x-mbx-used-remain-limit"] for _ in range(3)]
    assert left == ["9", "8", "7"]


def test_unsigned_requests_use_up_nothing(desk: Desk) -> None:
    for _ in range(20):
        desk.get(PENDING, {"ACCESS-SIGN": "wrong"}, productType="USDT-FUTURES")
    assert desk.pending().status == 200


def test_address_that_floods_the_exchange_is_shut_out_for_five_minutes() -> None:
    limit = AddressLimit()
    assert all(limit.admit(0.0, 0.0) for _ in range(6_000))
    assert not limit.admit(1.0, 1.0)
    assert not limit.admit(300.0, 300.0)
    assert limit.admit(301.0, 301.0)


def test_flooding_address_is_refused_by_the_exchange(make_desk: MakeDesk) -> None:
    desk = make_desk(limits={"time": 100_000})
    statuses = [desk.exchange.handle("GET", TIME).status for _ in range(6_001)]
    assert statuses.count(429) == 1


@given(st.lists(st.floats(min_value=0, max_value=0.5), max_size=60))
def test_sliding_window_never_admits_more_than_its_limit(pauses: list[float]) -> None:
    window, now, admitted = SlidingWindow(3), 0.0, []
    for pause in pauses:
        now += pause
        if window.admit(now, now):
            admitted.append(now)
    assert busiest_second(admitted) <= 3


def test_limit_holds_across_threads(desk: Desk) -> None:
    with ThreadPoolExecutor(16) as threads:
        statuses = list(threads.map(lambda _: desk.pending().status, range(200)))
    assert statuses.count(200) == 10


def test_statistics_tell_the_busiest_second(desk: Desk) -> None:
    burst(desk, 4)
    desk.clock.advance(0.7)
    burst(desk, 8)
    desk.clock.advance(2.0)
    burst(desk, 1)
    assert desk.exchange.statistics()[PENDING] == {
        "requests": 13,
        "accepted": 11,
        "processed": 11,
        "refused_429": 2,
        "reset": 0,
        "busiest_second": 10,
    }


def test_journal_keeps_what_became_of_each_request(desk: Desk) -> None:
    order_ids = desk.place(2)
    desk.cancel(order_ids)
    [record] = desk.exchange.records()
    assert (record.method, record.status, record.code) == ("POST", 200, "00000")
    assert (record.account, record.order_ids) == (desk.account.uid, tuple(order_ids))
    assert record.accepted
    assert record.processed
    assert record.time == desk.clock.time()


def test_clock_does_not_run_backwards() -> None:
    with pytest.raises(ValueError, match="-1"):
        VirtualClock().advance(-1)


def test_limit_for_an_endpoint_that_does_not_exist_is_refused(make_desk: MakeDesk) -> None:
    with pytest.raises(ValueError, match="known are batch-cancel-orders"):
        make_desk(limits={"place-order": 1})


def test_exchange_runs_on_the_machines_clock_by_default() -> None:
    reply = Exchange().handle("GET", TIME)
    assert json.loads(reply.body)["code"] == "00000"
