# SPDX-License-Identifier: Apache-2.0
"""When a task is green, when it is red, and that its report agrees with the exchange's books either way."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from airflow_provider_bitget.sandbox import Sandbox
from tests.airflow.dag_runs import (
    Order,
    RunDag,
    as_rows,
    assert_every_order_is_reported_once,
    open_ids,
    statuses,
)
from tests.airflow_version import without_airflows_own_telling

# How Airflow 3, Airflow 2 and pytest write a level.
LOGGED_AS_TROUBLE = re.compile(r"\[(warning|error) *\]| (WARNING|ERROR) - |^(WARNING|ERROR) +airflow\.")


@dataclass(frozen=True)
class TroubledList:
    """120 orders of which one was filled before, one is refused with a code and one without."""

    orders: list[Order]
    filled: str
    refused_with_code: str
    refused_without_code: str

    @property
    def refused(self) -> set[str]:
        return {self.refused_with_code, self.refused_without_code}


@pytest.fixture
def troubled_list(sandbox: Sandbox) -> TroubledList:
    orders = [
        *as_rows(sandbox.place(count=70, symbol="BTCUSDT")),
        *as_rows(sandbox.place(count=50, symbol="ETHUSDT")),
    ]
    filled, with_code, without_code = (orders[index]["orderId"] for index in (3, 61, 99))
    sandbox.fill(filled)
    sandbox.inject("refuse_orders", order_ids=[with_code], code="40762")
    sandbox.inject("refuse_orders", order_ids=[without_code], code=None)
    return TroubledList(orders, filled, with_code, without_code)


@pytest.mark.parametrize(("verdict", "state"), [("fail", "failed"), ("warn", "success")])
def test_a_list_with_three_troubled_orders_is_reported_as_the_books_have_it(
    sandbox: Sandbox,
    run_dag: RunDag,
    troubled_list: TroubledList,
    verdict: str,
    state: str,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    outcome = run_dag(f"{verdict}_on_failure", orders=troubled_list.orders)

    task = outcome.task("cancel")
    assert task.state == state
    assert statuses(sandbox, troubled_list.orders) == {"canceled": 117, "filled": 1, "live": 2}
    assert open_ids(sandbox) == troubled_list.refused
    report = task.result
    assert report["counts"] == {
        "requested": 120,
        "cancelled": 117,
        "already_closed": 1,
        "failed": 2,
        "unresolved": 0,
    }
    assert_every_order_is_reported_once(report)
    (closed,) = report["already_closed"]
    assert (closed["orderId"], closed["state"]) == (troubled_list.filled, "filled")
    failed = {row["orderId"]: row["errorCode"] for row in report["failed"]}
    assert failed.keys() == troubled_list.refused
    assert failed[troubled_list.refused_with_code] == "40762"
    assert not failed[troubled_list.refused_without_code]

    written = "\n".join([*capfd.readouterr(), caplog.text])
    warnings = [line for line in written.splitlines() if LOGGED_AS_TROUBLE.search(line)]
    for order_id in troubled_list.refused:
        assert any(order_id in warning for warning in warnings), f"no warning names {order_id}"


@pytest.mark.parametrize("verdict", ["fail", "warn"])
def test_the_next_task_gets_the_report_also_when_the_cancel_failed(
    sandbox: Sandbox, run_dag: RunDag, troubled_list: TroubledList, verdict: str
) -> None:
    outcome = run_dag(f"{verdict}_on_failure", orders=troubled_list.orders)

    read = outcome.task("read_report")
    assert read.state == "success"
    assert read.result == outcome.task("cancel").result
    assert read.result["counts"]["failed"] == 2


def test_no_credential_is_in_what_a_run_writes_or_pushes(
    sandbox: Sandbox, run_dag: RunDag, troubled_list: TroubledList, capfd: pytest.CaptureFixture[str]
) -> None:
    # This way of running masks nothing, so what is not in the output was never logged.
    outcome = run_dag("fail_on_failure", orders=troubled_list.orders)

    assert outcome.task("cancel").result["counts"]["cancelled"] == 117
    written = without_airflows_own_telling("".join(capfd.readouterr())) + repr(outcome)
    account = sandbox.accounts[0]
    for credential in (account.key, account.secret, account.passphrase):
        assert credential not in written


@pytest.mark.parametrize("verdict", ["fail", "warn"])
@pytest.mark.parametrize(
    "scope",
    [{"symbol": "ETHUSDT"}, {"symbol": "BTCUSDT", "product_type": "COIN-FUTURES"}],
    ids=["wrong symbol", "wrong product type"],
)
def test_live_orders_under_a_wrong_scope_are_never_taken_for_gone(
    sandbox: Sandbox, run_dag: RunDag, verdict: str, scope: dict[str, str]
) -> None:
    orders = [order["orderId"] for order in sandbox.place(count=20, symbol="BTCUSDT")]

    outcome = run_dag(f"{verdict}_on_failure", orders=orders, **scope)

    task = outcome.task("cancel")
    assert task.state == "failed"
    assert open_ids(sandbox) == set(orders)
    assert task.result["counts"] == {
        "requested": 20,
        "cancelled": 0,
        "already_closed": 0,
        "failed": 0,
        "unresolved": 20,
    }
    assert {row["category"] for row in task.result["unresolved"]} == {"not_found"}
    assert {row["orderId"] for row in task.result["unresolved"]} == set(orders)
    assert_every_order_is_reported_once(task.result)


def test_a_retried_task_ends_with_the_truth(sandbox: Sandbox, run_dag: RunDag) -> None:
    orders = as_rows(sandbox.place(count=5, symbol="BTCUSDT"))
    stubborn = orders[2]["orderId"]
    sandbox.inject("refuse_orders", order_ids=[stubborn], code="40762")

    outcome = run_dag("retried", orders=orders)

    task = outcome.task("cancel")
    assert task.state == "failed"
    assert statuses(sandbox, orders) == {"canceled": 4, "live": 1}
    # The four of the first try are closed in the second's eyes: their end is known from the exchange.
    assert task.result["counts"]["requested"] == 5
    assert task.result["counts"]["cancelled"] + task.result["counts"]["already_closed"] == 4
    assert [row["orderId"] for row in task.result["failed"]] == [stubborn]
    assert task.result["counts"]["unresolved"] == 0
    assert_every_order_is_reported_once(task.result)
