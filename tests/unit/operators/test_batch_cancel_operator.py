# SPDX-License-Identifier: Apache-2.0
"""What the operator promises around the batch cancel: arguments, verdicts, reports in XCom, kills and later tries."""

from __future__ import annotations

import copy
import json
import time
from collections import Counter
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, AirflowSkipException

from airflow_provider_bitget.operators import earlier_tries
from airflow_provider_bitget.operators.bitget import BitgetBatchCancelOperator
from airflow_provider_bitget.operators.exceptions import BitgetArgumentError, BitgetTaskError, BitgetTaskFailError
from airflow_provider_bitget.sandbox import Sandbox
from tests.kinds import (
    CANCELS,
    CLASSIC,
    HISTORY,
    ORDER_READS,
    ORDERS_PER_CANCEL,
    READS_OF_A_LOOK,
    UNIFIED,
    kind_of,
    roles_asked,
    served,
)
from tests.unit.operators.tasks import PATIENCE, StateStore, TaskInstance, logged, once, run, timeout_once


def operator(**arguments: Any) -> BitgetBatchCancelOperator:
    return BitgetBatchCancelOperator(task_id="cancel", **arguments)


def place(sandbox: Sandbox, count: int, symbol: str = "BTCUSDT") -> list[dict[str, str]]:
    return [{"orderId": row["orderId"], "symbol": row["symbol"]} for row in sandbox.place(count=count, symbol=symbol)]


def cancels_sent(sandbox: Sandbox) -> int:
    return len(served(sandbox, CANCELS))


def cancels_accepted(sandbox: Sandbox) -> int:
    """Of those sent, those that the exchange did not turn away at its limit: a busy machine may delay a few."""
    return sum(record.accepted for record in served(sandbox, CANCELS))


def is_at_work(sandbox: Sandbox) -> bool:
    return cancels_accepted(sandbox) >= 3


# ---------------------------------------------------------------------------------------------------- arguments

GOOD_ID = "1329948909442023424"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"orders": None}, "orders"),
        ({"orders": "None"}, "orders"),
        ({"orders": ""}, "orders"),
        ({"orders": "cancel everything"}, "orders"),
        ({"orders": {"orders": [GOOD_ID]}}, "orders"),
        ({"orders": [1.329948909442023e18]}, "orders[0]"),
        ({"orders": "[1.329948909442023e18]"}, "orders[0]"),
        ({"orders": [GOOD_ID, True]}, "orders[1]"),
        ({"orders": [""]}, "orders[0]"),
        ({"orders": ["   "]}, "orders[0]"),
        ({"orders": ["12 34"]}, "orders[0]"),
        ({"orders": ["1" * 65]}, "orders[0]"),
        ({"orders": [10**64]}, "orders[0]"),
        ({"orders": [{"symbol": "BTCUSDT"}]}, "orders[0]"),
        ({"orders": [{"orderId": GOOD_ID, "productType": "COIN-FUTURES"}]}, "orders[0]"),
        ({"orders": [GOOD_ID], "symbol": None}, "symbol"),
        ({"orders": [GOOD_ID], "symbol": ""}, "symbol"),
        ({"orders": [GOOD_ID], "symbol": "*"}, "symbol"),
        ({"orders": [GOOD_ID], "symbol": "None"}, "symbol"),
        ({"orders": [GOOD_ID], "product_type": "FUTURES"}, "product_type"),
        ({"orders": [GOOD_ID], "product_type": None}, "product_type"),
        ({"orders": [GOOD_ID], "margin_coin": ""}, "margin_coin"),
    ],
)
def test_an_unusable_argument_is_named_and_nothing_is_sent(
    sandbox: Sandbox, arguments: dict[str, Any], named: str
) -> None:
    sandbox.place(count=3, symbol="BTCUSDT")

    with pytest.raises(BitgetArgumentError) as refused:
        run(operator(**{"symbol": "BTCUSDT", **arguments}))

    assert named in str(refused.value)
    assert isinstance(refused.value, ValueError)
    assert sandbox.requests == []
    assert len(sandbox.open_orders()) == 3


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"chunk_size": 0}, "chunk_size"),
        ({"chunk_size": 51}, "chunk_size"),
        ({"chunk_size": True}, "chunk_size"),
        ({"chunk_size": "50"}, "chunk_size"),
        ({"on_failure": "ignore"}, "on_failure"),
        ({"on_failure": None}, "on_failure"),
        ({"on_empty": "cancel_all"}, "on_empty"),
        ({"verify": "false"}, "verify"),
        ({"simulate": "true"}, "simulate"),
        ({"report_cancelled": 1}, "report_cancelled"),
        ({"deadline": 0}, "deadline"),
        ({"deadline": float("nan")}, "deadline"),
        ({"deadline": "300"}, "deadline"),
        ({"ignore_error_codes": "45034"}, "ignore_error_codes"),
        ({"ignore_error_codes": [45034.0]}, "ignore_error_codes"),
    ],
)
def test_a_literal_that_makes_no_sense_is_refused_when_the_dag_is_read(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(BitgetArgumentError, match=named):
        operator(orders=[], **arguments)


def test_lower_case_symbols_and_product_types_are_understood(sandbox: Sandbox) -> None:
    orders = [row["orderId"] for row in place(sandbox, 2)]

    report = run(operator(orders=orders, symbol="btcusdt", product_type="usdt-futures", margin_coin="usdt"))

    assert report["counts"]["cancelled"] == 2
    assert report["product_type"] == "USDT-FUTURES"


def test_the_operator_can_be_copied_and_holds_no_session_before_it_runs() -> None:
    task = operator(orders=[GOOD_ID], symbol="BTCUSDT")

    assert copy.deepcopy(task).orders == [GOOD_ID]
    assert set(BitgetBatchCancelOperator.template_fields) == {
        "orders",
        "symbol",
        "product_type",
        "margin_coin",
        "bitget_conn_id",
    }


# ------------------------------------------------------------------------------------------------- empty lists


@pytest.mark.parametrize("empty", [[], "[]", (), [[]]])
def test_an_empty_list_never_reaches_the_exchange(sandbox: Sandbox, empty: Any) -> None:
    sandbox.place(count=5, symbol="BTCUSDT")

    report = run(operator(orders=empty, symbol="BTCUSDT"))

    assert report["counts"] == dict.fromkeys(("requested", "cancelled", "already_closed", "failed", "unresolved"), 0)
    assert sandbox.requests == []
    assert len(sandbox.open_orders()) == 5


@pytest.mark.parametrize(("on_empty", "raised"), [("skip", AirflowSkipException), ("fail", AirflowFailException)])
def test_an_empty_list_can_skip_or_fail_the_task_and_leaves_a_report(on_empty: Any, raised: type[Exception]) -> None:
    ti = TaskInstance()

    with pytest.raises(raised):
        run(operator(orders=[], on_empty=on_empty), ti)

    assert ti.pushed["return_value"]["counts"]["requested"] == 0


# ---------------------------------------------------------------------------------------------------- verdicts


def test_a_refused_order_fails_the_task_after_its_report_was_pushed(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    orders = place(sandbox, 4)
    sandbox.inject("refuse_orders", order_ids=[orders[1]["orderId"]], code="40762")
    ti = TaskInstance()

    with pytest.raises(BitgetTaskError) as failed:
        run(operator(orders=orders), ti)

    report = ti.pushed["return_value"]
    assert failed.value.report == report
    assert report["counts"] == {"requested": 4, "cancelled": 3, "already_closed": 0, "failed": 1, "unresolved": 0}
    assert report["failed"][0]["category"] == "account_risk"
    assert orders[1]["orderId"] in str(failed.value)
    assert any(orders[1]["orderId"] in line for line in logged(caplog, capfd))


def test_warn_succeeds_and_names_the_refused_order_in_a_warning(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    orders = place(sandbox, 2)
    sandbox.inject("refuse_orders", order_ids=[orders[0]["orderId"]], code="40762")

    report = run(operator(orders=orders, on_failure="warn"))

    assert report["counts"]["failed"] == 1
    warnings = [line for line in logged(caplog, capfd) if "warning" in line.lower()]
    assert any(orders[0]["orderId"] in line for line in warnings)


def test_an_ignored_code_stays_in_the_report_and_does_not_fail_the_task(sandbox: Sandbox) -> None:
    orders = place(sandbox, 2)
    sandbox.inject("refuse_orders", order_ids=[orders[0]["orderId"]], code="40762")

    report = run(operator(orders=orders, ignore_error_codes=[40762]))

    assert report["counts"]["failed"] == 1
    assert len(sandbox.open_orders()) == 1


def test_neither_warn_nor_ignored_codes_cover_an_order_whose_end_is_unknown(sandbox: Sandbox) -> None:
    orders = [row["orderId"] for row in place(sandbox, 3)]

    with pytest.raises(BitgetTaskError) as failed:
        run(operator(orders=orders, symbol="ETHUSDT", on_failure="warn", ignore_error_codes=["43001"]))

    assert failed.value.report is not None
    assert failed.value.report["counts"]["unresolved"] == 3
    assert {row["category"] for row in failed.value.report["unresolved"]} == {"not_found"}


def test_warn_does_not_cover_a_right_that_the_key_lacks(sandbox: Sandbox) -> None:
    orders = place(sandbox, 2)
    sandbox.inject("refuse_orders", order_ids=[orders[0]["orderId"]], code="40014")

    with pytest.raises(BitgetTaskFailError):
        run(operator(orders=orders, on_failure="warn", ignore_error_codes=["40014"]))


def test_metrics_that_fail_never_replace_the_verdict(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.providers.common.compat.sdk import Stats

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("the metrics back end is away")

    monkeypatch.setattr(Stats, "incr", fail)

    assert run(operator(orders=place(sandbox, 2)))["counts"]["cancelled"] == 2


def test_only_incurable_orders_make_the_failure_final(sandbox: Sandbox) -> None:
    orders = place(sandbox, 4)
    sandbox.inject("refuse_orders", order_ids=[orders[0]["orderId"]], code="40020")
    with pytest.raises(BitgetTaskFailError):
        run(operator(orders=orders))

    more = [*orders[:1], *place(sandbox, 1)]
    sandbox.inject("refuse_orders", order_ids=[more[1]["orderId"]], code="40762")
    with pytest.raises(BitgetTaskError):
        run(operator(orders=more))


def test_refused_credentials_stop_everything_and_no_retry_is_wasted(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = place(sandbox, 120)
    wrong = json.loads(sandbox.connection_json)
    wrong["extra"] = {"passphrase": "notTheRightOne"}
    monkeypatch.setenv("AIRFLOW_CONN_BITGET_DEFAULT", json.dumps(wrong))
    ti = TaskInstance()

    with pytest.raises(BitgetTaskFailError, match="passphrase") as failed:
        run(operator(orders=orders, on_failure="warn"), ti)

    assert ti.pushed["return_value"]["counts"]["unresolved"] == 120
    assert {row["category"] for row in ti.pushed["return_value"]["unresolved"]} == {"not_sent"}
    assert len(sandbox.open_orders()) == 120
    assert "notTheRightOne" not in str(failed.value)


def test_a_connection_without_a_passphrase_fails_for_good_and_names_the_field(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = json.loads(sandbox.connection_json)
    secret = half["password"]
    half["extra"] = {}
    monkeypatch.setenv("AIRFLOW_CONN_BITGET_DEFAULT", json.dumps(half))

    with pytest.raises(AirflowFailException, match="passphrase") as failed:
        run(operator(orders=[GOOD_ID], symbol="BTCUSDT"))

    assert secret not in str(failed.value)
    assert sandbox.requests == []


def test_a_push_that_fails_never_replaces_the_verdict(sandbox: Sandbox) -> None:
    orders = place(sandbox, 2)
    sandbox.inject("refuse_orders", order_ids=[orders[0]["orderId"]], code="40762")

    with pytest.raises(BitgetTaskError) as failed:
        run(operator(orders=orders), TaskInstance(broken=True))

    assert failed.value.report is not None
    assert failed.value.report["counts"]["failed"] == 1


def test_no_report_is_pushed_where_the_task_pushes_no_xcom(sandbox: Sandbox) -> None:
    orders = place(sandbox, 1)
    sandbox.inject("refuse_orders", code="40762")
    ti = TaskInstance()

    with pytest.raises(BitgetTaskError):
        run(operator(orders=orders, do_xcom_push=False), ti)

    assert ti.pushed == {}


def test_simulate_sends_no_write_and_tells_which_orders_it_would_send(sandbox: Sandbox) -> None:
    orders = place(sandbox, 3)
    sandbox.fill(orders[0]["orderId"])

    report = run(operator(orders=orders, simulate=True))

    assert report["simulated"] is True
    assert {record.method for record in sandbox.requests} == {"GET"}
    assert sorted(row["category"] for row in report["unresolved"]) == ["not_found", "not_sent", "not_sent"]
    assert len(sandbox.open_orders()) == 2


def test_cancelled_ids_are_listed_on_request(sandbox: Sandbox) -> None:
    orders = place(sandbox, 3)

    assert run(operator(orders=orders[:1]))["cancelled"] == []
    assert run(operator(orders=orders[1:], report_cancelled=True))["cancelled"] == [
        order["orderId"] for order in orders[1:]
    ]


def test_numbers_are_counted_in_airflows_metrics(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.providers.common.compat.sdk import Stats

    counted: dict[str, int] = {}
    monkeypatch.setattr(Stats, "incr", lambda name, count=1, **_: counted.update({name: count}))

    run(operator(orders=place(sandbox, 60)))

    # A batch of fifty that turns out to be too large for the account goes in three.
    cancels, reads = {CLASSIC: 2, UNIFIED: 4}[kind_of(sandbox)], READS_OF_A_LOOK[kind_of(sandbox)][ORDER_READS]
    assert len(served(sandbox)) == cancels + reads + len(served(sandbox, HISTORY))
    assert counted == {
        "bitget.batch_cancel.cancelled": 60,
        "bitget.batch_cancel.failed": 0,
        "bitget.batch_cancel.unresolved": 0,
        "bitget.batch_cancel.requests": len(sandbox.requests),
        "bitget.batch_cancel.rate_limited": 0,
    }


# ------------------------------------------------------------------------------------- kill, timeout, deadline


def test_a_kill_ends_the_task_red_within_seconds_and_the_report_says_what_was_not_reached(
    sandbox: Sandbox,
) -> None:
    sandbox.reset(orders=0, latency=0.2)
    orders = place(sandbox, 2_000)
    task, ti = operator(orders=orders), TaskInstance()
    killed_at: list[float] = []

    def kill() -> None:
        killed_at.append(time.monotonic())
        task.on_kill()

    once(lambda: is_at_work(sandbox), kill)
    with pytest.raises(BitgetTaskError, match="stop"):
        run(task, ti)

    assert time.monotonic() - killed_at[0] < PATIENCE
    assert_the_report_is_modest(ti.pushed["return_value"], sandbox, requested=2_000)


def test_a_kill_before_the_first_request_lets_nothing_be_sent(sandbox: Sandbox) -> None:
    orders = place(sandbox, 7)
    task = operator(orders=orders)
    task.on_kill()

    with pytest.raises(BitgetTaskError):
        run(task)

    assert cancels_sent(sandbox) == 0
    assert len(sandbox.open_orders()) == 7


def test_the_operator_can_be_copied_after_it_ran_too(sandbox: Sandbox) -> None:
    task = operator(orders=place(sandbox, 1))
    run(task)

    assert copy.deepcopy(task).orders == task.orders


def test_an_execution_timeout_passes_through_after_the_report_was_pushed(sandbox: Sandbox) -> None:
    sandbox.reset(orders=0, latency=0.2)
    orders = place(sandbox, 2_000)
    ti = TaskInstance()

    with timeout_once(lambda: is_at_work(sandbox)):
        run(operator(orders=orders), ti)

    assert_the_report_is_modest(ti.pushed["return_value"], sandbox, requested=2_000)


def assert_the_report_is_modest(report: dict[str, Any], sandbox: Sandbox, *, requested: int) -> None:
    """Nothing unproven is called cancelled, and what never went out is said to be so."""
    counts = report["counts"]
    assert counts["requested"] == requested
    assert counts["cancelled"] == 0
    assert counts["unresolved"] == requested
    assert report["verified"] is False
    still_open = len(sandbox.open_orders())
    assert 0 < still_open < requested
    assert report["truncated"] is True
    assert {row["category"] for row in report["unresolved"]} <= {"not_sent", "not_verified", "ambiguous"}
    assert report["unresolved"][0]["category"] == "not_sent"


def test_nothing_is_sent_after_the_deadline_and_what_was_not_reached_is_unresolved(sandbox: Sandbox) -> None:
    sandbox.reset(orders=0, latency=0.02)
    # All of them would take six seconds. What the deadline forbids to the last moment, tests on virtual time show.
    count = {CLASSIC: 3_000, UNIFIED: 620}[kind_of(sandbox)]
    orders = place(sandbox, count)

    with pytest.raises(BitgetTaskError) as failed:
        run(operator(orders=orders, deadline=5.0))

    assert cancels_sent(sandbox) < count / ORDERS_PER_CANCEL[kind_of(sandbox)]
    report = failed.value.report
    assert report is not None
    gone = count - len(sandbox.open_orders())
    assert gone > 0
    # On a machine that is busy, the deadline may come before the read that proves it.
    proven = gone if report["verified"] else 0
    assert report["counts"]["cancelled"] == proven
    assert report["counts"]["unresolved"] == count - proven


# ---------------------------------------------------------------------------------------------------- next try


def test_a_second_try_names_ends_that_the_first_one_proved_without_asking_again(sandbox: Sandbox) -> None:
    orders = place(sandbox, 3)
    stubborn = orders[2]["orderId"]
    fault = sandbox.inject("refuse_orders", order_ids=[stubborn], code="40762")
    store = StateStore()
    with pytest.raises(BitgetTaskError):
        run(operator(orders=orders), task_state_store=store)
    assert fault.fired
    sandbox.clear_faults()
    time.sleep(1.05)  # the exchange takes a cancel of the same order once a second
    before = roles_asked(sandbox)

    report = run(operator(orders=orders), task_state_store=store)

    assert report["counts"] == {"requested": 3, "cancelled": 1, "already_closed": 2, "failed": 0, "unresolved": 0}
    assert {row["state"] for row in report["already_closed"]} == {"cancelled"}
    asked = Counter(roles_asked(sandbox)) - Counter(before)
    assert asked == {CANCELS: 1, ORDER_READS: READS_OF_A_LOOK[kind_of(sandbox)][ORDER_READS], HISTORY: 1}


def test_what_is_stored_never_keeps_an_open_order_from_being_sent(sandbox: Sandbox) -> None:
    (order,) = place(sandbox, 1)
    store = StateStore()
    store.set("bitget_order_ends", {"cancelled": [order["orderId"]], "filled": []})

    report = run(operator(orders=[order]), task_state_store=store)

    assert report["counts"]["cancelled"] == 1
    assert sandbox.open_orders() == []


@pytest.mark.parametrize("store", [None, StateStore(broken=True)])
def test_without_a_store_the_exchanges_history_tells_the_same(sandbox: Sandbox, store: StateStore | None) -> None:
    orders = place(sandbox, 5)
    for order in orders[:4]:
        sandbox.cancel(order["orderId"])

    report = run(operator(orders=orders), task_state_store=store)

    assert report["counts"] == {"requested": 5, "cancelled": 1, "already_closed": 4, "failed": 0, "unresolved": 0}


def test_a_list_that_outgrows_the_store_is_left_to_the_exchanges_history(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(earlier_tries, "_MOST_BYTES", 2_000)
    orders = place(sandbox, 100)
    store = StateStore()

    run(operator(orders=orders), task_state_store=store)

    assert store.values == {}
    assert cancels_accepted(sandbox) == 100 / ORDERS_PER_CANCEL[kind_of(sandbox)]


def test_only_the_exchanges_own_ids_are_stored(sandbox: Sandbox) -> None:
    (placed,) = sandbox.place(count=1, symbol="BTCUSDT", client_oids=["desk-7"])
    store = StateStore()

    run(operator(orders=[{"clientOid": "desk-7", "symbol": "BTCUSDT"}]), task_state_store=store)

    assert json.loads(store.values["bitget_order_ends"])["cancelled"] == [placed["orderId"]]


def test_a_damaged_store_is_not_believed(sandbox: Sandbox) -> None:
    orders = place(sandbox, 2)
    store = StateStore()
    store.set("bitget_order_ends", {"cancelled": [1, None], "filled": "all"})

    assert run(operator(orders=orders), task_state_store=store)["counts"]["cancelled"] == 2


def test_every_failure_of_the_operator_is_one_that_airflow_knows() -> None:
    assert issubclass(BitgetTaskError, AirflowException)
    assert not issubclass(BitgetTaskError, AirflowFailException)
    assert issubclass(BitgetTaskFailError, AirflowFailException)
    assert issubclass(BitgetArgumentError, AirflowFailException)
