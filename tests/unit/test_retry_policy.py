# SPDX-License-Identifier: Apache-2.0
"""The retry policy for Airflow 3.3 and newer: what is tried again, how soon, and what older versions say to it."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowNotFoundException

from airflow_provider_bitget import retry_policy
from airflow_provider_bitget.api.error_codes import ErrorCategory
from airflow_provider_bitget.api.exceptions import (
    ERROR_CLASSES,
    BitgetBadRequestError,
    BitgetCallError,
    BitgetConfigError,
    BitgetIpBanError,
    BitgetNotSentError,
    BitgetScopeError,
    BitgetTransientError,
)
from airflow_provider_bitget.operators.bitget import BitgetBatchCancelOperator
from airflow_provider_bitget.operators.exceptions import BitgetArgumentError, BitgetTaskError
from airflow_provider_bitget.retry_policy import bitget_retry_policy
from airflow_provider_bitget.trading.report import is_curable
from tests.airflow_version import since

SOON, LATER, WHEN_THE_TASK_SAYS = timedelta(seconds=10), timedelta(minutes=5), None

needs_policies = since(3, 3, "retry policies")


def answered(kind: type[BitgetCallError], category: ErrorCategory) -> BitgetCallError:
    return kind("refused", category=category, code="1", http_status=400, endpoint="/api/v2/mix/order/detail")


def banned() -> BitgetIpBanError:
    return BitgetIpBanError("refused", category=ErrorCategory.RATE_LIMIT)


def left_over(cause: Exception | None) -> BitgetTaskError:
    """Return the failure of an operator whose run was ended by something."""
    try:
        raise BitgetTaskError("3 of 9 orders are left", {"counts": {}}) from cause
    except BitgetTaskError as error:
        return error


def decided(exception: BaseException, **pauses: timedelta) -> tuple[str, timedelta | None]:
    decision = bitget_retry_policy(**pauses).evaluate(exception, 1, 3)
    return decision.action.value, decision.retry_delay


EXPECTED: dict[ErrorCategory, tuple[str, timedelta | None]] = {
    ErrorCategory.AUTH: ("fail", None),
    ErrorCategory.CLOCK: ("fail", None),
    ErrorCategory.ACCOUNT_MODE: ("fail", None),
    ErrorCategory.BAD_REQUEST: ("fail", None),
    ErrorCategory.RATE_LIMIT: ("retry", SOON),
    ErrorCategory.TRANSIENT: ("retry", SOON),
    ErrorCategory.MAINTENANCE: ("retry", LATER),
    ErrorCategory.AMBIGUOUS: ("retry", WHEN_THE_TASK_SAYS),
    ErrorCategory.GONE: ("default", None),
    ErrorCategory.ACCOUNT_RISK: ("default", None),
    ErrorCategory.UNKNOWN: ("default", None),
}


@needs_policies
@pytest.mark.parametrize("category", ErrorCategory)
def test_an_answer_is_tried_again_if_and_when_that_can_help(category: ErrorCategory) -> None:
    assert decided(answered(ERROR_CLASSES[category], category)) == EXPECTED[category]


@needs_policies
def test_it_fails_what_the_operators_fail() -> None:
    failed = {category for category, (action, _) in EXPECTED.items() if action == "fail"}

    # A clock that is refused although it was compared comes as refused credentials.
    assert failed == {category for category in ErrorCategory if not is_curable(category)} | {ErrorCategory.CLOCK}


@needs_policies
@pytest.mark.parametrize(
    ("exception", "expected"),
    [
        (banned(), ("retry", LATER)),
        (BitgetConfigError("symbol is missing", field="symbol"), ("fail", None)),
        (BitgetScopeError("that would mean all"), ("fail", None)),
        (BitgetNotSentError("deadline"), ("default", None)),
        (AirflowNotFoundException("The conn_id isn't defined"), ("default", None)),
        (KeyError("a mistake in the task"), ("default", None)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_was_never_answered_is_judged_by_its_own_kind(
    exception: Exception, expected: tuple[str, timedelta | None]
) -> None:
    assert decided(exception) == expected


@needs_policies
@pytest.mark.parametrize(
    ("cause", "pause"),
    [
        (None, SOON),
        (BitgetNotSentError("deadline"), SOON),
        (answered(BitgetTransientError, ErrorCategory.TRANSIENT), SOON),
        # The operator knows more than this answer: some of the orders that are left can be cancelled.
        (answered(BitgetBadRequestError, ErrorCategory.BAD_REQUEST), SOON),
        (banned(), LATER),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_an_operator_has_left_is_tried_again(cause: Exception | None, pause: timedelta) -> None:
    assert decided(left_over(cause)) == ("retry", pause)


@needs_policies
def test_the_pauses_are_the_authors() -> None:
    pauses = {"soon": timedelta(seconds=2), "later": timedelta(0)}

    assert decided(left_over(None), **pauses) == ("retry", timedelta(seconds=2))
    assert decided(banned(), **pauses) == ("retry", timedelta(0))


@needs_policies
@pytest.mark.parametrize("pauses", [{"soon": 10}, {"later": None}, {"later": timedelta(seconds=-1)}])
def test_a_pause_that_is_none_is_named_while_the_dag_is_read(pauses: dict[str, Any]) -> None:
    with pytest.raises(BitgetArgumentError, match=f"^{next(iter(pauses))} must be a timedelta"):
        bitget_retry_policy(**pauses)


@needs_policies
def test_it_is_one_of_airflows_own_and_can_be_added_to() -> None:
    from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

    ours = bitget_retry_policy()
    mine = ExceptionRetryPolicy([RetryRule(KeyError, RetryAction.FAIL), *ours.rules])

    assert isinstance(ours, ExceptionRetryPolicy)
    assert mine.evaluate(KeyError(), 1, 3).action is RetryAction.FAIL
    assert mine.evaluate(banned(), 1, 3).retry_delay == LATER


@needs_policies
def test_it_can_be_copied_sent_and_written_as_airflow_does() -> None:
    policy = bitget_retry_policy(later=timedelta(minutes=6))

    copies = [copy.deepcopy(policy), pickle.loads(pickle.dumps(policy))]  # noqa: S301
    for one in (policy, *copies):
        assert one.evaluate(banned(), 1, 3).retry_delay == timedelta(minutes=6)
    assert len(json.loads(json.dumps(policy.serialize()))["rules"]) == len(policy.rules)


@needs_policies
def test_a_dag_with_it_is_written_and_read_by_airflow() -> None:
    from airflow.sdk import DAG
    from airflow.serialization.serialized_objects import DagSerialization

    with DAG("evening", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        BitgetBatchCancelOperator(task_id="cancel", orders=["1"], retry_policy=bitget_retry_policy())

    read = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))

    assert read.get_task("cancel").has_retry_policy is True


PARSED_AS_ON = """
import sys
from airflow.providers.common.compat.sdk import BaseOperator
if {old!r}:
    # As in 3.2 and before, where Airflow has no such names.
    sys.modules["airflow.sdk.definitions.retry_policy"] = None
from airflow_provider_bitget.operators import bitget
before = set(sys.modules)
from airflow_provider_bitget.retry_policy import bitget_retry_policy
try:
    bitget_retry_policy()
except Exception as error:
    print(f"{{type(error).__name__}}: {{error}}")
else:
    print(" ".join(sorted(set(sys.modules) - before)))
"""


def last_line(program: str) -> str:
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    return run.stdout.splitlines()[-1]


@needs_policies
def test_parsing_a_dag_that_has_it_imports_no_more_than_it() -> None:
    imported = last_line(PARSED_AS_ON.format(old=False)).split()

    assert imported == ["airflow.sdk.definitions.retry_policy", "airflow_provider_bitget.retry_policy"]


def test_an_older_airflow_imports_it_and_says_in_one_line_what_asking_for_it_needs() -> None:
    said = last_line(PARSED_AS_ON.format(old=True))

    assert said.startswith("RuntimeError: bitget_retry_policy needs Airflow 3.3 or newer, and this is ")


def test_it_is_refused_by_name_where_airflow_has_no_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry_policy, "_IS_KNOWN_TO_AIRFLOW", False)

    with pytest.raises(RuntimeError, match=r"needs Airflow 3\.3 or newer") as raised:
        bitget_retry_policy()

    assert not isinstance(raised.value, AirflowException)
    assert "\n" not in str(raised.value)
