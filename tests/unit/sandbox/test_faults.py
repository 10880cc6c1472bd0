# SPDX-License-Identifier: Apache-2.0
"""Each fault does what its name says, when it is asked to, and nothing else."""

from __future__ import annotations

import json

import pytest

from airflow_provider_bitget.sandbox import KINDS
from tests.unit.sandbox.conftest import MakeDesk
from tests.unit.sandbox.desk import BATCH_CANCEL, CANCEL_ORDER, PENDING, TIME, USDT_FUTURES, Desk


@pytest.fixture
def order_ids(desk: Desk) -> list[str]:
    """Four live orders."""
    return desk.place(4)


def states(desk: Desk, order_ids: list[str]) -> list[str]:
    return [desk.status_of(one) for one in order_ids]


# The whole answer


def test_rate_limit_refuses_without_processing(desk: Desk, order_ids: list[str]) -> None:
    desk.exchange.inject("rate_limit")
    answer = desk.cancel(order_ids)
    assert (answer.status, answer.code) == (429, "429")
    assert states(desk, order_ids) == ["live"] * 4
    assert desk.exchange.statistics()[BATCH_CANCEL]["accepted"] == 0


def test_reset_before_leaves_the_orders_open(desk: Desk, order_ids: list[str]) -> None:
    desk.exchange.inject("reset_before")
    assert desk.cancel(order_ids).reply.drop == "before"
    assert states(desk, order_ids) == ["live"] * 4


def test_reset_after_cancels_the_orders(desk: Desk, order_ids: list[str]) -> None:
    desk.exchange.inject("reset_after")
    assert desk.cancel(order_ids).reply.drop == "after"
    assert states(desk, order_ids) == ["canceled"] * 4
    [record] = desk.exchange.records()
    assert (record.status, record.processed, record.fault) == (None, True, "reset_after")


@pytest.mark.parametrize(("kind", "status"), [("bad_gateway", 502), ("html", 200)], ids=["bad_gateway", "html"])
@pytest.mark.parametrize(("processed", "state"), [(False, "live"), (True, "canceled")])
def test_html_answers_before_or_after_processing(
    desk: Desk, order_ids: list[str], kind: str, status: int, processed: bool, state: str
) -> None:
    desk.exchange.inject(kind, processed=processed)
    reply = desk.cancel(order_ids).reply
    assert (reply.status, reply.headers["content-type"]) == (status, "text/html")
    assert reply.body.startswith(b"<html>")
    assert states(desk, order_ids) == [state] * 4


@pytest.mark.parametrize("clean", [True, False])
def test_truncated_answer_is_no_json_though_processed(desk: Desk, order_ids: list[str], clean: bool) -> None:
    desk.exchange.inject("truncate", clean=clean)
    reply = desk.cancel(order_ids).reply
    with pytest.raises(json.JSONDecodeError):
        json.loads(reply.body)
    assert (reply.announced_length is None) is clean
    assert states(desk, order_ids) == ["canceled"] * 4


@pytest.mark.parametrize(("processed", "state", "drop"), [(False, "live", "before"), (True, "canceled", None)])
def test_hang_keeps_silent_for_its_time(
    desk: Desk, order_ids: list[str], processed: bool, state: str, drop: str | None
) -> None:
    desk.exchange.inject("hang", seconds=7, processed=processed)
    reply = desk.cancel(order_ids).reply
    assert (reply.delay, reply.drop) == (7.0, drop)
    assert states(desk, order_ids) == [state] * 4


def test_slow_drip_takes_its_time_over_the_body(desk: Desk, order_ids: list[str]) -> None:
    desk.exchange.inject("slow_drip", seconds=3)
    answer = desk.cancel(order_ids)
    assert (answer.reply.drip, answer.cancelled) == (3.0, order_ids)


@pytest.mark.parametrize(("processed", "state"), [(False, "live"), (True, "canceled")])
def test_refuse_answers_with_a_code_of_ones_choice(
    desk: Desk, order_ids: list[str], processed: bool, state: str
) -> None:
    desk.exchange.inject("refuse", code="40725", status=500, msg="no", processed=processed)
    answer = desk.cancel(order_ids)
    assert (answer.status, answer.code, answer.envelope["msg"]) == (500, "40725", "no")
    assert states(desk, order_ids) == [state] * 4


# Single orders


@pytest.mark.parametrize("code", ["45024", None])
def test_refuse_orders_fails_some_and_keeps_them_open(desk: Desk, order_ids: list[str], code: str | None) -> None:
    desk.exchange.inject("refuse_orders", order_ids=order_ids[:2], code=code)
    answer = desk.cancel(order_ids)
    assert answer.failed == {order_ids[0]: code, order_ids[1]: code}
    assert ("errorCode" in answer.data["failureList"][0]) is (code is not None)
    assert answer.cancelled == order_ids[2:]
    assert states(desk, order_ids) == ["live", "live", "canceled", "canceled"]


def test_orders_can_be_chosen_by_number_and_by_chance(desk: Desk) -> None:
    order_ids = desk.place(50)
    desk.exchange.inject("refuse_orders", times=1, count=3)
    assert list(desk.cancel(order_ids).failed) == order_ids[:3]
    others = desk.place(50)
    desk.exchange.inject("refuse_orders", fraction=0.5)
    assert 10 < len(desk.cancel(others).failed) < 40


def test_refuse_orders_refuses_a_single_cancel(desk: Desk, order_ids: list[str]) -> None:
    desk.exchange.inject("refuse_orders", code="45024", msg="no")
    content = {"productType": USDT_FUTURES, "symbol": "BTCUSDT", "orderId": order_ids[0]}
    answer = desk.post(CANCEL_ORDER, content)
    assert (answer.code, answer.envelope["msg"], desk.status_of(order_ids[0])) == ("45024", "no", "live")


@pytest.mark.parametrize(("processed", "state"), [(True, "canceled"), (False, "live")])
def test_dropped_ids_stand_in_neither_list(desk: Desk, order_ids: list[str], processed: bool, state: str) -> None:
    desk.exchange.inject("drop_ids", count=1, processed=processed)
    answer = desk.cancel(order_ids)
    assert (answer.cancelled, answer.failed) == (order_ids[1:], {})
    assert desk.status_of(order_ids[0]) == state


@pytest.mark.parametrize(("processed", "state"), [(True, "canceled"), (False, "live")])
def test_empty_lists_say_nothing(desk: Desk, order_ids: list[str], processed: bool, state: str) -> None:
    desk.exchange.inject("empty_lists", processed=processed)
    answer = desk.cancel(order_ids)
    assert (answer.code, answer.data) == ("00000", {"successList": [], "failureList": []})
    assert states(desk, order_ids) == [state] * 4


@pytest.mark.parametrize(("where", "in_success", "in_failure"), [("success", 1, 0), ("failure", 0, 1), ("both", 1, 1)])
def test_foreign_ids_were_never_sent(
    desk: Desk, order_ids: list[str], where: str, in_success: int, in_failure: int
) -> None:
    desk.exchange.inject("foreign_ids", where=where)
    answer = desk.cancel(order_ids)
    assert len(set(answer.cancelled) - set(order_ids)) == in_success
    assert len(set(answer.failed) - set(order_ids)) == in_failure
    assert set(order_ids) <= set(answer.cancelled)


def test_foreign_ids_can_replace_the_real_ones(desk: Desk, order_ids: list[str]) -> None:
    desk.exchange.inject("foreign_ids", count=4, replace=True)
    answer = desk.cancel(order_ids)
    assert len(answer.cancelled) == 4
    assert not set(answer.cancelled) & set(order_ids)


def test_duplicate_ids_stand_twice(desk: Desk, order_ids: list[str]) -> None:
    desk.exchange.inject("duplicate_ids")
    assert desk.cancel(order_ids).cancelled == order_ids * 2


def test_duplicate_ids_can_stand_in_both_lists(desk: Desk, order_ids: list[str]) -> None:
    desk.exchange.inject("duplicate_ids", where="both")
    answer = desk.cancel(order_ids)
    assert (answer.cancelled, list(answer.failed)) == (order_ids, order_ids)


def test_order_fills_while_it_is_cancelled(desk: Desk, order_ids: list[str]) -> None:
    desk.exchange.inject("fill_while_cancelling", order_ids=[order_ids[1]])
    answer = desk.cancel(order_ids)
    assert answer.failed == {order_ids[1]: "43001"}
    assert states(desk, order_ids) == ["canceled", "filled", "canceled", "canceled"]


def test_ack_only_says_success_and_leaves_the_order_open(desk: Desk, order_ids: list[str]) -> None:
    desk.exchange.inject("ack_only", count=1)
    assert desk.cancel(order_ids).cancelled == order_ids
    assert states(desk, order_ids) == ["live", "canceled", "canceled", "canceled"]


# Conditions


@pytest.mark.parametrize("offset", [60.0, -60.0])
def test_clock_that_is_off_refuses_fresh_timestamps(desk: Desk, offset: float) -> None:
    desk.exchange.inject("clock", offset=offset)
    answer = desk.pending()
    assert answer.code == "40008"
    assert answer.envelope["requestTime"] == desk.now_ms + offset * 1000
    assert desk.get(TIME).data["serverTime"] == str(int(desk.now_ms + offset * 1000))


def test_exchange_can_be_built_with_a_clock_that_is_off(make_desk: MakeDesk) -> None:
    assert make_desk(clock_offset=60.0).pending().code == "40008"


def test_chinese_texts_come_whatever_the_locale(desk: Desk) -> None:
    desk.exchange.inject("chinese")
    answer = desk.cancel(["7"])
    assert answer.data["failureList"][0]["errorMsg"] == "订单不存在"
    assert desk.cancel(["no/id"]).envelope["msg"] == "参数 orderId 错误"


def test_lagging_book_shows_ended_orders_for_a_time(desk: Desk, order_ids: list[str]) -> None:
    [partial] = desk.place(status="partially_filled")
    desk.exchange.inject("lagging_book", seconds=2)
    desk.cancel([order_ids[1], partial])
    assert desk.pending().listed == order_ids[::-1]
    assert desk.pending(status="partially_filled").listed == [partial]
    assert desk.pending(symbol="ETHUSDT").listed == []
    desk.clock.advance(2.0)
    assert desk.pending().listed == [order_ids[3], order_ids[2], order_ids[0]]


def test_late_history_knows_ended_orders_only_later(desk: Desk, order_ids: list[str]) -> None:
    desk.exchange.inject("late_history", seconds=2)
    desk.cancel(order_ids[:1])
    assert desk.history().listed == []
    assert desk.detail(order_ids[0]).code == "40109"
    assert desk.detail(order_ids[1]).data["state"] == "live"
    desk.clock.advance(2.0)
    assert desk.history().listed == order_ids[:1]
    assert desk.detail(order_ids[0]).data["state"] == "canceled"


# When a fault strikes


def test_fault_strikes_only_its_endpoint(desk: Desk) -> None:
    fault = desk.exchange.inject("refuse", endpoint="orders-history")
    assert desk.pending().code == "00000"
    assert desk.history().code == "40015"
    assert fault.fired == 1


def test_fault_strikes_after_some_requests_and_so_many_times(desk: Desk) -> None:
    desk.exchange.inject("refuse", after=2, times=3)
    codes = [desk.pending().code for _ in range(7)]
    assert codes == ["00000"] * 2 + ["40015"] * 3 + ["00000"] * 2


def test_fault_lasts_from_its_first_match_on(desk: Desk) -> None:
    desk.exchange.inject("rate_limit", duration=2)
    desk.clock.advance(10.0)
    assert desk.pending().status == 429
    desk.clock.advance(1.9)
    assert desk.pending().status == 429
    desk.clock.advance(0.1)
    assert desk.pending().status == 200


def test_fault_strikes_with_its_probability(make_desk: MakeDesk) -> None:
    desk = make_desk(limiter="off")
    fault = desk.exchange.inject("refuse", probability=0.3)
    for _ in range(200):
        desk.pending()
    assert 30 < fault.fired < 90


def test_fault_waits_for_the_orders_it_names(desk: Desk, order_ids: list[str]) -> None:
    fault = desk.exchange.inject("ack_only", order_ids=order_ids[2:], times=1)
    desk.cancel(order_ids[:2])
    assert fault.fired == 0
    desk.cancel(order_ids[2:])
    assert fault.fired == 1


def test_first_of_two_faults_wins_and_the_other_waits(desk: Desk) -> None:
    desk.exchange.inject("rate_limit", times=1)
    desk.exchange.inject("bad_gateway", times=1)
    assert [desk.pending().status for _ in range(3)] == [429, 502, 200]


def test_faults_do_not_strike_requests_that_are_refused_anyway(desk: Desk) -> None:
    fault = desk.exchange.inject("reset_after")
    desk.get(PENDING, {"ACCESS-SIGN": "wrong"}, productType=USDT_FUTURES)
    assert fault.fired == 0


def test_faults_end_when_they_are_cleared(desk: Desk) -> None:
    desk.exchange.inject("rate_limit")
    desk.exchange.clear_faults()
    assert desk.pending().status == 200


def test_random_faults_repeat_with_their_seed(make_desk: MakeDesk) -> None:
    def faults(seed: int) -> list[str | None]:
        desk = make_desk(limiter="off")
        desk.exchange.inject_random(0.5, seed=seed)
        for order_id in desk.place(60):
            desk.cancel([order_id])
        return [record.fault for record in desk.exchange.records()]

    first = faults(7)
    assert first == faults(7)
    assert first != faults(8)
    assert len(set(first)) > 8
    assert 15 < first.count(None) < 45


def test_random_faults_strike_reads_only_with_what_suits_them(make_desk: MakeDesk) -> None:
    desk = make_desk(limiter="off")
    desk.exchange.inject_random(1.0, ["ack_only", ("refuse", {"code": "45001"})])
    assert {desk.pending().code for _ in range(20)} == {"45001"}


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("earthquake", {}, "known are rate_limit, reset_before"),
        ("refuse", {"seconds": 3}, "known are: code, msg, status, processed"),
        ("reset_after", {"processed": True}, "known are: none"),
        ("hang", {"seconds": -1}, "number of seconds"),
        ("refuse", {"status": 42}, "an HTTP status"),
        ("refuse_orders", {"order_ids": "123"}, "a list of ids"),
        ("refuse_orders", {"fraction": 2}, "0 to 1"),
        ("duplicate_ids", {"where": "nowhere"}, "success, failure or both"),
        ("rate_limit", {"probability": 2}, "0 to 1"),
        ("rate_limit", {"times": -1}, "whole numbers"),
        ("rate_limit", {"duration": -1}, "number of seconds"),
        ("rate_limit", {"endpoint": "place-order"}, "known are accounts"),
        ("ack_only", {"endpoint": "orders-pending"}, "cannot strike orders-pending"),
    ],
)
def test_unknown_faults_and_options_are_refused_with_the_known(
    desk: Desk, kind: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        desk.exchange.inject(kind, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("kinds", [[], ["clock"], ["rate_limit", "lagging_book"]])
def test_lasting_conditions_cannot_be_drawn_at_random(desk: Desk, kinds: list[str]) -> None:
    with pytest.raises(ValueError, match="cannot be drawn at random"):
        desk.exchange.inject_random(0.5, kinds)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_fault_works_with_its_defaults(desk: Desk, kind: str) -> None:
    order_ids = desk.place(3)
    fault = desk.exchange.inject(kind)
    desk.cancel(order_ids)
    desk.pending()
    desk.history()
    assert fault.fired > 0
