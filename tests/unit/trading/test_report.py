# SPDX-License-Identifier: Apache-2.0
"""The report: a fixed shape, plain JSON types, every order in exactly one bucket, and counts that are always whole."""

from __future__ import annotations

import json
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitget.api.error_codes import ErrorCategory
from airflow_provider_bitget.trading.order_list import OrderRef
from airflow_provider_bitget.trading.report import MOST_ROWS, Bucket, CancelReport, OrderOutcome, Unresolved, is_curable
from tests.unit.trading.market import assert_plain, assert_plain_json


def ref(number: int) -> OrderRef:
    return OrderRef(str(number), "", "BTCUSDT")


def outcome(number: int, bucket: Bucket, detail: str = "") -> OrderOutcome:
    return OrderOutcome(ref(number), bucket, detail or DETAILS[bucket][0], code="43001", message="gone")


DETAILS: dict[Bucket, list[str]] = {
    Bucket.CANCELLED: [""],
    Bucket.ALREADY_CLOSED: ["filled", "cancelled"],
    Bucket.FAILED: [category.value for category in ErrorCategory],
    Bucket.UNRESOLVED: list(Unresolved),
}
outcomes = st.sampled_from(list(Bucket)).flatmap(
    lambda bucket: st.builds(
        OrderOutcome,
        st.builds(
            OrderRef,
            st.text(max_size=5),
            st.text(max_size=5),
            st.just("BTCUSDT"),
            st.sampled_from(["", "normal_plan", "pos_loss"]),
        ),
        st.just(bucket),
        st.sampled_from(DETAILS[bucket]),
        code=st.sampled_from(["", "43001"]),
        message=st.text(max_size=5),
    )
)


def test_shape_is_the_documented_one() -> None:
    report = CancelReport(
        "USDT-FUTURES",
        (
            outcome(1, Bucket.CANCELLED),
            outcome(2, Bucket.ALREADY_CLOSED, "filled"),
            outcome(3, Bucket.FAILED, "account_risk"),
            outcome(4, Bucket.UNRESOLVED, Unresolved.STILL_OPEN),
        ),
        verified=True,
        requests=4,
        retries=1,
        duration_ms=812,
    )

    def row(number: int) -> dict[str, str]:
        return {"orderId": str(number), "clientOid": "", "symbol": "BTCUSDT", "errorCode": "43001", "errorMsg": "gone"}

    assert report.to_dict() == {
        "product_type": "USDT-FUTURES",
        "counts": {"requested": 4, "cancelled": 1, "already_closed": 1, "failed": 1, "unresolved": 1},
        "cancelled": [],
        "already_closed": [row(2) | {"state": "filled"}],
        "failed": [row(3) | {"category": "account_risk"}],
        "unresolved": [row(4) | {"category": "still_open"}],
        "truncated": False,
        "verified": True,
        "simulated": False,
        "requests": 4,
        "retries": 1,
        "duration_ms": 812,
    }
    assert_plain_json(report.to_dict())


def test_rows_of_plan_orders_carry_their_type_and_what_their_trigger_placed() -> None:
    plan = OrderRef("1", "", "BTCUSDT", "pos_loss")
    waiting = OrderOutcome(plan, Bucket.UNRESOLVED, Unresolved.NOT_SENT)
    unknown = OrderOutcome(plan, Bucket.UNRESOLVED, Unresolved.NOT_VERIFIED, state="triggered")
    resting = OrderOutcome(plan, Bucket.UNRESOLVED, Unresolved.STILL_OPEN, child_id="2", state="triggered")
    filled = OrderOutcome(plan, Bucket.ALREADY_CLOSED, "filled", child_id="2")
    refused = OrderOutcome(plan, Bucket.FAILED, "account_risk", code="45009")

    def tail(one: OrderOutcome) -> dict[str, str]:
        return dict(list(one.to_row().items())[5:])

    assert tail(waiting) == {"category": "not_sent", "planType": "pos_loss"}
    assert tail(unknown) == {"category": "not_verified", "planType": "pos_loss", "state": "triggered"}
    assert tail(resting) == {
        "category": "still_open",
        "planType": "pos_loss",
        "state": "triggered",
        "childOrderId": "2",
    }
    assert tail(filled) == {"state": "filled", "planType": "pos_loss", "childOrderId": "2"}
    assert tail(refused) == {"category": "account_risk", "planType": "pos_loss"}
    assert_plain_json(CancelReport("USDT-FUTURES", (waiting, unknown, resting, filled, refused), True).to_dict())


def test_text_of_an_outcome_names_the_order_and_what_its_trigger_placed() -> None:
    plan = OrderRef("1", "", "BTCUSDT", "pos_loss")
    assert str(OrderOutcome(ref(1), Bucket.FAILED, "unknown")) == "BTCUSDT 1"
    assert str(OrderOutcome(plan, Bucket.FAILED, "unknown")) == "BTCUSDT pos_loss 1"
    triggered = OrderOutcome(plan, Bucket.UNRESOLVED, Unresolved.STILL_OPEN, child_id="2", state="triggered")
    assert str(triggered) == "BTCUSDT pos_loss 1 (triggered, placed 2)"


@given(st.lists(outcomes, max_size=30), st.booleans())
def test_every_report_is_plain_json_and_counts_every_order_once(found: list[OrderOutcome], listed: bool) -> None:
    report = CancelReport("USDT-FUTURES", tuple(found), verified=False, report_cancelled=listed)
    as_dict = report.to_dict()
    assert_plain(as_dict)
    assert json.loads(json.dumps(as_dict)) == as_dict
    assert as_dict["counts"]["requested"] == len(found)
    assert sum(as_dict["counts"][bucket.value] for bucket in Bucket) == len(found)
    for bucket in (Bucket.ALREADY_CLOSED, Bucket.FAILED, Bucket.UNRESOLVED):
        assert len(as_dict[bucket.value]) == as_dict["counts"][bucket.value]


def test_text_of_a_library_becomes_plain_text() -> None:
    class Sort(StrEnum):
        ODD = "still_open"

    row = outcome(1, Bucket.UNRESOLVED, Sort.ODD).to_row()
    assert type(row["category"]) is str


@pytest.mark.parametrize("bucket", [Bucket.ALREADY_CLOSED, Bucket.FAILED, Bucket.UNRESOLVED])
@pytest.mark.parametrize(("count", "truncated"), [(MOST_ROWS, False), (MOST_ROWS + 1, True), (5_000, True)])
def test_list_holds_a_thousand_rows_and_the_count_all(bucket: Bucket, count: int, truncated: bool) -> None:
    report = CancelReport("USDT-FUTURES", tuple(outcome(n, bucket) for n in range(count)), verified=True).to_dict()
    assert len(report[bucket.value]) == 1_000
    assert report["counts"][bucket.value] == count
    assert report["truncated"] is truncated


def test_cancelled_ids_are_listed_on_request_and_capped_like_the_rest() -> None:
    found = tuple(outcome(n, Bucket.CANCELLED) for n in range(1_001))
    assert CancelReport("USDT-FUTURES", found, verified=True).to_dict()["cancelled"] == []
    assert CancelReport("USDT-FUTURES", found, verified=True).to_dict()["truncated"] is False
    listed = CancelReport("USDT-FUTURES", found, verified=True, report_cancelled=True).to_dict()
    assert listed["cancelled"] == [str(n) for n in range(1_000)]
    assert listed["truncated"] is True


def test_cancelled_id_is_the_one_that_was_asked_with() -> None:
    by_oid = OrderOutcome(OrderRef("", "desk-1", "BTCUSDT"), Bucket.CANCELLED)
    assert CancelReport("USDT-FUTURES", (by_oid,), True, report_cancelled=True).to_dict()["cancelled"] == ["desk-1"]


@pytest.mark.parametrize("open_one", [Unresolved.STILL_OPEN, Unresolved.NOT_SENT])
def test_orders_known_to_be_open_come_first_and_are_never_cut_off(open_one: Unresolved) -> None:
    found = [outcome(n, Bucket.UNRESOLVED, Unresolved.NOT_FOUND) for n in range(1_500)]
    found.append(outcome(9_999, Bucket.UNRESOLVED, open_one))
    report = CancelReport("USDT-FUTURES", tuple(found), verified=True)
    assert report.to_dict()["unresolved"][0]["orderId"] == "9999"
    assert report.not_done()[0].ref == ref(9_999)


def test_rows_keep_the_order_of_the_list_otherwise() -> None:
    found = tuple(outcome(n, Bucket.UNRESOLVED, Unresolved.NOT_FOUND) for n in range(10))
    rows = CancelReport("USDT-FUTURES", found, verified=True).to_dict()["unresolved"]
    assert [row["orderId"] for row in rows] == [str(n) for n in range(10)]


def test_not_done_names_unresolved_and_failed_orders_and_no_others() -> None:
    report = CancelReport("USDT-FUTURES", tuple(outcome(n, bucket) for n, bucket in enumerate(Bucket)), verified=True)
    assert [outcome.bucket for outcome in report.not_done()] == [Bucket.UNRESOLVED, Bucket.FAILED]


@pytest.mark.parametrize("category", list(ErrorCategory))
def test_only_credentials_account_mode_and_bad_requests_are_beyond_a_retry(category: ErrorCategory) -> None:
    assert is_curable(category) is (category.value not in ("auth", "account_mode", "bad_request"))
