# SPDX-License-Identifier: Apache-2.0
"""The report of a flattened account says flat only where it is proven, names all that is left, and always comes out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_bitget.api.error_codes import ERROR_CODES, ErrorCategory
from airflow_provider_bitget.flatten_report.phases import TASKS, Phase
from airflow_provider_bitget.flatten_report.reasons import KEPT_STOP, NEVER_NAMED, NOT_SENT_ON_PURPOSE, reason_of
from airflow_provider_bitget.flatten_report.report import build_flatten_report
from airflow_provider_bitget.sandbox.orders import OPEN_STATUSES
from airflow_provider_bitget.trading.report import MOST_ROWS, Unresolved
from tests.unit.flatten_report.flattening import (
    BEGAN,
    ENDED,
    Desk,
    at,
    build,
    cancel,
    close,
    order,
    phases,
    position,
    prove,
)
from tests.unit.trading.market import USDT_FUTURES, Market

REFUSED = {"errorCode": "41114", "errorMsg": "under maintenance", "category": "maintenance"}
SENT_BLIND = {"errorCode": "", "errorMsg": "", "category": "ambiguous"}


def left_by_name(report: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {row.get("orderId") or f"{row['symbol']}/{row['holdSide']}": row for row in report["left"]["rows"]}


# ------------------------------------------------------------------------------------------------------ flat


def test_account_is_flat_when_every_product_type_is_proven_to_be() -> None:
    report = build(
        phases(),
        phases("COIN-FUTURES", prove=prove(product_type="COIN-FUTURES")),
        product_types=["USDT-FUTURES", "COIN-FUTURES"],
    )

    assert report["flat"] is True
    assert [row["flat"] for row in report["books"]] == [True, True]
    assert report["missing"] == []
    assert report["left"] == {
        "known": True,
        "error": "",
        "counts": {"orders": 0, "plan_orders": 0, "positions": 0},
        "rows": [],
    }


@pytest.mark.parametrize(
    "proof",
    [
        None,
        "flat",
        {},
        prove(flat=False),
        prove(flat="true"),
        prove(flat=1),
        prove(flat=True, orders=[order("1")]),
        prove(flat=True, counts={"orders": 0, "plan_orders": 0, "positions": 1}),
        prove(flat=True, counts={"orders": "0", "plan_orders": 0, "positions": 0}),
        prove(flat=True, counts={"orders": Decimal("sNaN"), "plan_orders": 0, "positions": 0}),
        prove(product_type="COIN-FUTURES"),
    ],
    ids=["missing", "text", "empty", "says no", "text true", "one", "order", "count", "odd count", "no count", "other"],
)
def test_account_is_not_flat_without_a_proof_that_says_so_and_does_not_contradict_itself(proof: Any) -> None:
    assert build(phases(prove=proof))["flat"] is False


@pytest.mark.parametrize("product_types", [[], None, "", 7, ["USDT-FUTURES", "USDC-FUTURES"]])
def test_account_is_not_flat_when_a_product_type_has_no_proof_or_there_is_none(product_types: Any) -> None:
    assert build(phases(), product_types=product_types)["flat"] is False


def test_second_proof_of_a_product_type_must_say_flat_as_well() -> None:
    other = Phase("prove", USDT_FUTURES, prove(orders=[order("1")]))

    assert build(phases(), [other])["flat"] is False
    assert build([other], phases())["flat"] is False


def test_flat_proof_counts_whatever_became_of_the_phases_before() -> None:
    report = build(phases(cancel=None, close=None, cancel_stops=None, sweep=None))

    assert report["flat"] is True
    assert report["missing"] == [f"{task} USDT-FUTURES" for task in TASKS[:-1]]


def test_product_type_may_come_in_lower_case() -> None:
    assert build(phases("usdt-futures"), product_types=["Usdt-Futures"])["product_types"] == ["USDT-FUTURES"]
    assert build(phases("usdt-futures"), product_types=["Usdt-Futures"])["flat"] is True


# ------------------------------------------------------------------------------------------------- the books


def test_books_before_are_the_first_that_any_phase_read_and_after_the_last() -> None:
    report = build(
        phases(
            cancel=cancel(0, orders=230, plan_orders=13),
            close=close(3, positions=4, value="34140.5"),
            prove=prove(10, orders=[order("1")]),
        )
    )

    assert report["before"] == {"orders": 230, "plan_orders": 13, "positions": 4, "position_value": "34140.5"}
    assert report["after"] == {"orders": 1, "plan_orders": 0, "positions": 0, "position_value": "0"}
    assert (report["started"], report["ended"]) == (at(0), "2026-11-23T23:55:43Z")


def test_plan_orders_are_counted_whole_although_a_phase_reads_one_kind_only() -> None:
    opening = [{"time": at(0), "orders": 5, "opening_plan_orders": 9}, {"time": at(1), "opening_plan_orders": 0}]
    protective = [{"time": at(5), "protective_plan_orders": 4}, {"time": at(6), "protective_plan_orders": 0}]

    report = build(phases(cancel=cancel(books=opening), cancel_stops=cancel(books=protective)))

    assert report["before"]["plan_orders"] == 13
    assert report["after"]["plan_orders"] == 0
    assert [(point["time"], point["orders"]) for point in report["series"]][:4] == [
        (at(0), 18),
        (at(1), 9),
        (at(3), 9),
        (at(4), 9),
    ]


def test_product_types_are_added_up_and_what_is_unknown_of_one_is_unknown_of_all() -> None:
    both = ["USDT-FUTURES", "USDC-FUTURES"]
    usdt = phases(cancel=cancel(0, orders=3, plan_orders=1), close=close(3, positions=2, value="10.5"))
    usdc = phases("USDC-FUTURES", cancel=cancel(0, orders=4), close=close(3, positions=1, value="0.5"))

    added = build(usdt, usdc, product_types=both)
    unread = build(usdt, [Phase("cancel", "USDC-FUTURES", cancel(0, orders=4))], product_types=both)

    assert added["before"] == {"orders": 7, "plan_orders": 1, "positions": 3, "position_value": "11"}
    assert unread["before"] == {"orders": 7, "plan_orders": 1, "positions": None, "position_value": None}


def test_series_steps_through_all_reads_of_all_product_types_in_time() -> None:
    usdt = [Phase("cancel", USDT_FUTURES, cancel(0, orders=10))]
    usdc = [Phase("cancel", "USDC-FUTURES", cancel(1, orders=5))]

    series = build(usdt, usdc, product_types=["USDT-FUTURES", "USDC-FUTURES"])["series"]

    assert [(point["time"], point["orders"]) for point in series] == [(at(0), 15), (at(1), 15), (at(2), 5), (at(3), 0)]
    assert {point["position_value"] for point in series} == {None}


def test_series_is_thinned_to_what_a_chart_can_show() -> None:
    books = [{"time": at(second), "orders": 5000 - second, "plan_orders": 0} for second in range(5001)]

    series = build([Phase("cancel", USDT_FUTURES, cancel(books=books))])["series"]

    assert len(series) == 300
    assert (series[0]["orders"], series[-1]["orders"]) == (5000, 0)
    assert [point["orders"] for point in series] == sorted((point["orders"] for point in series), reverse=True)


# ---------------------------------------------------------------------------------------------- what is left


def test_what_is_left_carries_the_last_verdict_with_a_reason_and_what_to_do() -> None:
    too_large = {"errorCode": "40888", "errorMsg": "too large", "category": "too_large_to_flash_close"}
    stop = order("30", "SOLUSDT", planType="pos_loss")
    report = build(
        phases(
            cancel=cancel(failed=[order("10") | {"errorCode": "40015", "errorMsg": "busy", "category": "transient"}]),
            close=close(failed=[position("ETHUSDT", "long") | too_large]),
            cancel_stops=cancel(kept=[stop]),
            sweep=cancel(failed=[order("10") | REFUSED]),
            prove=prove(
                orders=[order("10"), order("99", "XRPUSDT")],
                plan_orders=[stop],
                positions=[position("ETHUSDT", "long", "4", "8000")],
            ),
        )
    )

    assert report["flat"] is False
    assert report["left"]["known"] is True
    assert report["left"]["counts"] == {"orders": 2, "plan_orders": 1, "positions": 1}
    left = left_by_name(report)
    assert list(left) == ["ETHUSDT/long", "10", "99", "30"]
    assert [row["kind"] for row in left.values()] == ["position", "order", "order", "plan order"]
    assert (left["10"]["errorCode"], left["10"]["errorMsg"], left["10"]["category"]) == tuple(REFUSED.values())
    assert "maintenance" in left["10"]["reason"]
    assert "reduce-only" in left["ETHUSDT/long"]["action"]
    assert left["ETHUSDT/long"]["size"] == "4"
    assert left["99"]["reason"] == NEVER_NAMED.why
    assert left["30"]["reason"] == KEPT_STOP.why
    assert all(row["reason"] and row["action"] for row in left.values())


def test_side_of_a_position_keeps_its_own_verdict() -> None:
    report = build(
        phases(
            close=close(failed=[position("BTCUSDT", "long") | REFUSED]),
            prove=prove(positions=[position("BTCUSDT", "long"), position("BTCUSDT", "short")]),
        )
    )

    left = left_by_name(report)
    assert left["BTCUSDT/long"]["errorCode"] == "41114"
    assert left["BTCUSDT/short"]["reason"] == NEVER_NAMED.why


@pytest.mark.parametrize("proof", [None, prove(verified=False, flat=False)], ids=["missing", "nothing read"])
def test_without_a_last_read_everything_that_no_phase_finished_may_be_left(proof: Any) -> None:
    report = build(
        phases(
            cancel=cancel(failed=[order("10") | REFUSED], unresolved=[order("11") | SENT_BLIND], verified=False),
            close=close(unresolved=[position("BTCUSDT", "long", left="0.5") | SENT_BLIND]),
            sweep=None,
            prove=proof,
        )
    )

    assert report["left"]["known"] is False
    assert report["left"]["counts"] == {"orders": None, "plan_orders": None, "positions": None}
    assert set(left_by_name(report)) == {"10", "11", "BTCUSDT/long"}
    assert left_by_name(report)["BTCUSDT/long"]["left"] == "0.5"


def test_without_a_last_read_a_complete_sweep_has_the_last_word_on_orders() -> None:
    report = build(
        phases(
            cancel=cancel(failed=[order("10") | REFUSED, order("11") | REFUSED]),
            cancel_stops=cancel(failed=[order("20", planType="pos_loss") | REFUSED]),
            sweep=cancel(failed=[order("11") | REFUSED]),
            prove=None,
        )
    )

    assert set(left_by_name(report)) == {"11", "20"}


def test_order_that_ended_later_is_not_left() -> None:
    report = build(
        phases(
            cancel=cancel(unresolved=[order("10") | SENT_BLIND], verified=False),
            sweep=cancel(already_closed=[order("10", state="filled", errorCode="43001", errorMsg="")], verified=False),
            prove=None,
        )
    )

    assert report["left"]["rows"] == []


def test_order_that_no_read_shows_any_more_and_whose_end_no_answer_told_is_named() -> None:
    report = build(
        phases(
            cancel=cancel(
                unresolved=[order("10") | SENT_BLIND, order("11") | SENT_BLIND | {"category": "not_sent"}],
                failed=[order("12") | REFUSED],
            ),
            close=close(unresolved=[position("BTCUSDT", "long") | SENT_BLIND]),
        )
    )

    assert report["flat"] is True
    assert [row["orderId"] for row in report["ends_unknown"]] == ["10"]
    assert report["ends_unknown"][0]["reason"]


@pytest.mark.parametrize("category", [*Unresolved, *ErrorCategory, "too_large_to_flash_close", "", "never heard of"])
@pytest.mark.parametrize("code", ["", "40888", "40746", "99999"])
def test_every_category_and_code_has_a_reason_and_something_to_do(category: str, code: str) -> None:
    reason = reason_of(code, str(category))

    assert reason.why[0].isupper()
    assert reason.action[0].isupper()
    assert not reason.why.endswith(".")


def test_every_code_of_the_table_tells_its_own_reason() -> None:
    for code, row in ERROR_CODES.items():
        assert row.reason.lower() in reason_of(code, row.category.value).why.lower()


# ------------------------------------------------------------------------------------- fills, stops, positions


def test_fills_are_the_orders_that_filled_and_the_plan_orders_that_triggered() -> None:
    filled = order("10", state="filled", errorCode="43001", errorMsg="")
    child_done = order("20", planType="normal_plan", state="filled", childOrderId="900", errorCode="", errorMsg="")
    child_lost = order("21", planType="normal_plan", state="triggered", childOrderId="901") | SENT_BLIND
    report = build(
        phases(
            cancel=cancel(already_closed=[filled, order("11", state="cancelled"), child_done], unresolved=[child_lost]),
            sweep=cancel(already_closed=[filled]),
        )
    )

    assert [(row["orderId"], row["state"], row["childOrderId"]) for row in report["fills"]] == [
        ("10", "filled", ""),
        ("20", "filled", "900"),
        ("21", "triggered", "901"),
    ]
    assert report["ends_unknown"] == []


def test_kept_and_released_stops_are_named() -> None:
    kept, released = order("30", "SOLUSDT", planType="pos_loss"), order("31", "ETHUSDT", planType="loss_plan")
    report = build(
        phases(
            close=close(cancelled_stops=[released]),
            cancel_stops=cancel(kept=[kept]),
            sweep=cancel(kept=[kept]),
        )
    )

    assert [(row["symbol"], row["planType"], row["orderId"]) for row in report["stops_kept"]] == [
        ("SOLUSDT", "pos_loss", "30")
    ]
    assert [(row["symbol"], row["planType"], row["orderId"]) for row in report["stops_released"]] == [
        ("ETHUSDT", "loss_plan", "31")
    ]


def test_positions_say_what_became_of_each() -> None:
    report = build(
        phases(
            close=close(
                closed=[position("BTCUSDT", "long")],
                failed=[position("ETHUSDT", "long") | REFUSED],
                unresolved=[position("SOLUSDT", "short") | SENT_BLIND],
            )
        )
    )

    assert [(row["symbol"], row["holdSide"], row["outcome"]) for row in report["positions"]] == [
        ("BTCUSDT", "long", "closed"),
        ("ETHUSDT", "long", "failed"),
        ("SOLUSDT", "short", "unresolved"),
    ]


# ----------------------------------------------------------------------------------------------------- phases


def test_phases_are_listed_in_the_order_of_the_run_the_missing_ones_among_them() -> None:
    shuffled = [*reversed(phases(close=None, sweep="what is this"))]

    report = build(shuffled)

    assert [row["task"] for row in report["phases"]] == list(TASKS)
    assert [row["missing"] for row in report["phases"]] == [False, True, False, True, False]
    assert report["missing"] == ["close USDT-FUTURES", "sweep USDT-FUTURES"]
    assert (report["phases"][0]["started"], report["phases"][0]["ended"]) == (at(0), at(2))


def test_numbers_are_added_up_over_the_phases() -> None:
    report = build(
        phases(
            cancel=cancel(counts={"requested": 9, "cancelled": 7, "already_closed": 2}),
            close=close(counts={"requested": 4, "closed": 4}),
            cancel_stops=cancel(counts={"requested": 4, "cancelled": 4}),
            sweep=cancel(counts={"requested": 1, "cancelled": 1}),
        )
    )

    assert report["counts"] == {"cancelled": 12, "already_closed": 2, "positions_closed": 4}
    assert (report["requests"], report["retries"]) == (3 * 10 + 5 + 12, 3)
    assert (report["settle"], report["reads"]) == ("30", 2)


def test_range_is_what_the_proofs_of_all_product_types_have_read() -> None:
    young = prove(range={"from": "2026-08-25T00:00:00Z", "to": at(90), "any_age": False}, product_type="USDC-FUTURES")
    own = cancel(range={"from": "", "to": "", "any_age": False})

    both = build(
        phases(),
        phases("USDC-FUTURES", prove=young, cancel=own, cancel_stops=own, sweep=own),
        product_types=["USDT-FUTURES", "USDC-FUTURES"],
    )

    assert build(phases())["range"] == {"from": "2024-11-23T23:55:00Z", "to": at(40), "any_age": True}
    assert both["range"] == {"from": "2026-08-25T00:00:00Z", "to": at(40), "any_age": False}


def test_phases_may_come_as_mappings() -> None:
    as_rows = [{"task": one.task, "product_type": one.product_type, "report": one.report} for one in phases()]

    assert build(as_rows) == build(phases())


def test_simulated_run_says_so_and_gives_no_blame() -> None:
    not_sent = {"errorCode": "", "errorMsg": "", "category": "not_sent"}
    report = build(
        phases(
            cancel=cancel(unresolved=[order("10") | not_sent], simulated=True),
            prove=prove(orders=[order("10")]),
        ),
        simulated=True,
    )

    assert (report["simulated"], report["flat"]) == (True, False)
    assert left_by_name(report)["10"]["reason"] == NOT_SENT_ON_PURPOSE.why


def test_lists_are_cut_and_the_counts_stay_whole() -> None:
    many = [order(str(number)) for number in range(MOST_ROWS + 5)]
    report = build(phases(prove=prove(orders=many)))

    assert len(report["left"]["rows"]) == MOST_ROWS
    assert report["left"]["counts"]["orders"] == MOST_ROWS + 5
    assert report["truncated"] is True
    assert build(phases(cancel=cancel(truncated=True)))["truncated"] is True
    assert build(phases())["truncated"] is False


@pytest.mark.parametrize(
    ("ended", "written"),
    [
        (ENDED, "2026-11-23T23:55:43Z"),
        (ENDED.timestamp(), "2026-11-23T23:55:43Z"),
        (ENDED.astimezone(timezone(timedelta(hours=8))), "2026-11-23T23:55:43Z"),
        (ENDED.replace(tzinfo=None), "2026-11-23T23:55:43Z"),
        (float("nan"), ""),
        (1e300, ""),
        (None, ""),
    ],
)
def test_end_is_written_in_utc(ended: Any, written: str) -> None:
    assert build(phases(), ended=ended)["ended"] == written


# --------------------------------------------------------------------------------------- against real reports


def test_report_of_a_real_run_has_the_numbers_of_the_books(market: Market) -> None:
    orders = market.place(60, symbol=None, hold_side="long")
    market.exchange.place_plan(5, "normal_plan", hold_side="long")
    market.exchange.open_position("BTCUSDT", "long", "0.5")
    market.exchange.open_position("ETHUSDT", "short", "2")
    market.exchange.place_plan(1, "pos_loss", "BTCUSDT", hold_side="long")
    market.exchange.inject("fill_while_cancelling", order_ids=[orders[7].order_id])

    report = build(Desk(market).flatten())

    assert report["flat"] is True
    assert report["missing"] == []
    assert report["before"] == {"orders": 60, "plan_orders": 6, "positions": 2, "position_value": "19000"}
    assert report["after"] == {"orders": 0, "plan_orders": 0, "positions": 0, "position_value": "0"}
    assert report["counts"] == {"cancelled": 65, "already_closed": 1, "positions_closed": 2}
    assert [row["orderId"] for row in report["fills"]] == [orders[7].order_id]
    assert report["requests"] == len(market.wire.sent)
    assert report["range"]["any_age"] is True
    assert report["series"][0]["orders"] == 66
    assert report["series"][-1] == {"time": report["series"][-1]["time"], "orders": 0, "position_value": "0"}
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_report_of_a_real_run_names_what_refuses_and_the_stop_that_it_keeps(market: Market) -> None:
    market.exchange.open_position("BTCUSDT", "long", "0.5")
    market.exchange.open_position("ETHUSDT", "long", "2")
    (stop,) = market.exchange.place_plan(1, "pos_loss", "BTCUSDT", hold_side="long")
    market.exchange.place_plan(1, "pos_loss", "ETHUSDT", hold_side="long")
    market.exchange.refuse_close("BTCUSDT", "long", "45009")

    report = build(Desk(market).flatten())

    assert report["flat"] is False
    assert report["left"]["counts"] == {"orders": 0, "plan_orders": 1, "positions": 1}
    left = left_by_name(report)
    assert left["BTCUSDT/long"]["errorCode"] == "45009"
    assert left[stop.order_id]["reason"] == KEPT_STOP.why
    assert [(row["symbol"], row["holdSide"], row["orderId"]) for row in report["stops_kept"]] == [
        ("BTCUSDT", "long", stop.order_id)
    ]


def test_report_of_a_real_run_names_what_came_after_the_sweep(market: Market) -> None:
    def someone_trades() -> None:
        market.place(1)

    report = build(Desk(market).flatten(before={"prove": someone_trades}))

    (newcomer,) = market.exchange.orders(OPEN_STATUSES)
    assert report["flat"] is False
    assert left_by_name(report)[newcomer.order_id]["reason"] == NEVER_NAMED.why


def test_report_of_a_real_simulation_shows_the_books_and_no_write(market: Market) -> None:
    market.place(3)
    market.exchange.open_position("BTCUSDT", "long", "0.5")

    report = build(Desk(market, simulate=True).flatten(), simulated=True)

    assert {request.method for request in market.wire.sent} == {"GET"}
    assert report["left"]["counts"] == {"orders": 3, "plan_orders": 0, "positions": 1}
    assert report["before"] == report["after"]


# ---------------------------------------------------------------------------------------------------- anything

odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=5)
    | st.sampled_from([10**400, "1e999999999", "NaN", "\ud800", "\x00", at(0), Decimal("sNaN"), BEGAN]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
KEYS = [*cancel(), *close(), *prove(), "time", "orders", "position_value", "orderId", "state"]
odd_report = st.dictionaries(st.sampled_from(KEYS), odd, max_size=12)
half_right = st.builds(
    lambda report, changes: report | changes,
    st.sampled_from([cancel(orders=3), close(positions=1), prove(orders=[order("1")]), prove()]),
    odd_report,
)
odd_phase = odd | st.builds(Phase, st.sampled_from(TASKS) | odd, st.just(USDT_FUTURES) | odd, half_right | odd)


@given(account=odd, product_types=odd | st.just([USDT_FUTURES]), found=st.lists(odd_phase, max_size=8) | odd, ended=odd)
@settings(max_examples=300, deadline=None)
def test_report_comes_out_of_anything_as_plain_json(account: Any, product_types: Any, found: Any, ended: Any) -> None:
    report = build_flatten_report(
        account=account, product_types=product_types, phases=found, simulated=False, ended=ended
    )

    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert report["flat"] in (True, False)


@given(
    found=st.lists(st.builds(Phase, st.sampled_from(TASKS), st.just(USDT_FUTURES), half_right | st.none()), max_size=8)
)
@settings(max_examples=300, deadline=None)
def test_nothing_but_proofs_that_say_so_make_an_account_flat(found: list[Phase]) -> None:
    report = build(found)

    proofs = [phase.report for phase in found if phase.task == "prove" and phase.report is not None]
    if report["flat"]:
        assert proofs
        assert all(proof.get("flat") is True for proof in proofs)
        assert not any(proof.get("open_orders") for proof in proofs)
    else:
        assert not proofs or any(proof != prove() for proof in proofs)


def test_moments_are_read_in_any_zone() -> None:
    books = [{"time": "2026-11-24T07:55:00+08:00", "orders": 1, "plan_orders": 0}]

    report = build([Phase("cancel", USDT_FUTURES, cancel(books=books))], ended=datetime(2026, 11, 24, tzinfo=UTC))

    assert report["started"] == "2026-11-23T23:55:00Z"
