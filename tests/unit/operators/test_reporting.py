# SPDX-License-Identifier: Apache-2.0
"""What every operator promises around its run: the verdict, the report in XCom, kills and interruptions."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_bitget.api.error_codes import ErrorCategory
from airflow_provider_bitget.api.exceptions import (
    BitgetAuthError,
    BitgetBadRequestError,
    BitgetConfigError,
    BitgetNotSentError,
    BitgetTransientError,
)
from airflow_provider_bitget.hooks.bitget import BitgetHook
from airflow_provider_bitget.operators import bitget
from airflow_provider_bitget.operators.exceptions import BitgetArgumentError, BitgetTaskError, BitgetTaskFailError
from airflow_provider_bitget.operators.reporting import BitgetReportingOperator
from tests.unit.operators.tasks import StateStore, TaskInstance, Timeout, logged, run


class Bucket(StrEnum):
    FAILED = "failed"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True)
class Left:
    """Something that a run left behind."""

    name: str = "BTCUSDT 77"
    bucket: Bucket = Bucket.FAILED
    detail: str = "account_risk"
    code: str = "45009"
    message: str = "trading is paused"
    curable: bool = True

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Report:
    """What a run says at its end."""

    left: Sequence[Left] = ()
    error: Exception | None = None
    rate_limited: int = 2
    verified: bool = True

    def not_done(self) -> Sequence[Left]:
        return self.left

    def to_dict(self) -> dict[str, Any]:
        failed = sum(item.bucket is Bucket.FAILED for item in self.left)
        return {
            "product_type": "USDT-FUTURES",
            "symbol": "BTCUSDT",
            "counts": {"requested": 9, "failed": failed, "unresolved": len(self.left) - failed},
            "verified": self.verified,
            "requests": 5,
            "retries": 1,
            "duration_ms": 12,
        }


class Run:
    """A run whose end is settled; it can be interrupted."""

    def __init__(self, report: Report, while_running: Callable[[], None]) -> None:
        self._report = report
        self._while_running = while_running
        self.stopped = False

    def run(self) -> Report:
        self._while_running()
        return self._report

    def request_stop(self) -> None:
        self.stopped = True

    def report(self) -> Report:
        return self._report


class Task(BitgetReportingOperator):
    """A task whose run ends as told."""

    run_name = "Test of runs"
    metric = "test"

    def __init__(
        self,
        *,
        report: Report,
        while_running: Callable[[], None] = lambda: None,
        doubt: str = "",
        unusable: str = "",
        unreachable: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.ending = Run(report, while_running)
        self.doubt = doubt
        self.unusable = unusable
        self.unreachable = unreachable

    def _read_arguments(self) -> str:
        if self.unusable:
            raise BitgetConfigError(self.unusable)
        return "the arguments"

    def _prepare(self, hook: BitgetHook, arguments: Any, known_ends: Any) -> Run:
        if self.unreachable:
            raise BitgetConfigError(self.unreachable)
        assert (hook.bitget_conn_id, arguments) == (self.bitget_conn_id, "the arguments")
        return self.ending

    def _doubt(self, report: Any) -> str:
        return self.doubt


def task_with(report: Report, **arguments: Any) -> Task:
    return Task(
        **{"task_id": "test", "simulate": False, "bitget_conn_id": "bitget_default", "report": report, **arguments}
    )


def refusal(kind: type[Any], category: ErrorCategory) -> Any:
    return kind("the exchange says no", category=category, code="40001", http_status=400)


AUTH = refusal(BitgetAuthError, ErrorCategory.AUTH)
BAD_REQUEST = refusal(BitgetBadRequestError, ErrorCategory.BAD_REQUEST)
BUSY = refusal(BitgetTransientError, ErrorCategory.TRANSIENT)
CURABLE = Left()
INCURABLE = Left(name="ETHUSDT 88", detail="bad_request", code="40020", curable=False)


def test_a_run_that_left_nothing_succeeds_and_returns_its_report() -> None:
    ti = TaskInstance()

    assert run(task_with(Report()), ti) == Report().to_dict()
    assert ti.pushed == {}


@pytest.mark.parametrize(
    ("report", "doubt", "verdict"),
    [
        (Report([CURABLE]), "", BitgetTaskError),
        (Report([INCURABLE]), "", BitgetTaskFailError),
        (Report([INCURABLE, CURABLE]), "", BitgetTaskError),
        (Report([Left(bucket=Bucket.UNRESOLVED, detail="still_open", code="")]), "", BitgetTaskError),
        (Report([CURABLE], AUTH), "", BitgetTaskFailError),
        (Report([], AUTH), "", BitgetTaskFailError),
        (Report([], BAD_REQUEST), "", BitgetTaskFailError),
        (Report([CURABLE], BAD_REQUEST), "", BitgetTaskError),
        (Report([], BUSY), "", BitgetTaskError),
        (Report([], BitgetNotSentError("deadline")), "", BitgetTaskError),
        (Report(), "nothing proves it", BitgetTaskError),
        # What else is left is not known: another try may find something that it can end.
        (Report([INCURABLE]), "nothing proves it", BitgetTaskError),
    ],
)
def test_a_task_is_tried_again_as_long_as_a_try_could_end_anything(
    report: Report, doubt: str, verdict: type[Exception]
) -> None:
    ti = TaskInstance()

    with pytest.raises(verdict) as failed:
        run(task_with(report, doubt=doubt), ti)

    assert type(failed.value) is verdict
    assert ti.pushed["return_value"] == failed.value.report == report.to_dict()  # type: ignore[attr-defined]


def test_the_message_says_what_is_left_and_why() -> None:
    left = [Left(name=f"BTCUSDT {number}") for number in range(12)]

    with pytest.raises(BitgetTaskError) as failed:
        run(task_with(Report(left, BUSY)))

    message = str(failed.value)
    assert "12 of 9 orders (12 failed, 0 unresolved)" in message
    assert "the exchange says no" in message
    assert "BTCUSDT 9 (45009) and 2 more" in message
    cause: Any = failed.value.__cause__
    assert cause is BUSY
    assert cause.__traceback__ is None


def test_everything_that_is_left_is_logged_unresolved_things_as_errors(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    left = [
        Left(name=f"BTCUSDT {number}", bucket=Bucket.UNRESOLVED, detail="still_open", code="", message="")
        for number in range(25)
    ]
    with pytest.raises(BitgetTaskError):
        run(task_with(Report([*left, CURABLE])))

    lines = logged(caplog, capfd)
    # What Airflow 2 prints besides, pytest has caught as well.
    errors = [line for line in caplog.text.splitlines() or lines if "error" in line.lower() and "still_open" in line]
    warnings = [line for line in lines if "warning" in line.lower() and "45009 trading is paused" in line]
    assert len(errors) == 2
    assert all(any(str(item) in line for line in errors) for item in left)
    assert any("BTCUSDT 77" in line for line in warnings)
    assert any("Test of runs of USDT-FUTURES BTCUSDT: 9 requested" in line for line in lines)


def test_a_push_that_fails_never_replaces_the_verdict() -> None:
    with pytest.raises(BitgetTaskError) as failed:
        run(task_with(Report([CURABLE])), TaskInstance(broken=True))

    assert failed.value.report == Report([CURABLE]).to_dict()


def test_an_interrupted_run_publishes_what_was_done_and_lets_the_interrupt_pass() -> None:
    def ring() -> None:
        raise Timeout

    ti = TaskInstance()
    task = task_with(Report([CURABLE]), while_running=ring)

    with pytest.raises(Timeout):
        run(task, ti)

    assert ti.pushed["return_value"]["counts"]["failed"] == 1
    task.on_kill()
    assert not task.ending.stopped


def test_a_kill_stops_the_run_that_is_under_way() -> None:
    task: Task = task_with(Report([], BitgetNotSentError("stopped")), while_running=lambda: task.on_kill())

    with pytest.raises(BitgetTaskError, match="stop"):
        run(task)

    assert task.ending.stopped


def test_a_kill_before_the_run_stops_it_at_its_start() -> None:
    stopped_at_start: list[bool] = []
    task: Task = task_with(Report(), while_running=lambda: stopped_at_start.append(task.ending.stopped))
    task.on_kill()

    run(task)

    assert stopped_at_start == [True]


def test_simulated_runs_succeed_whatever_they_would_have_sent_but_not_if_they_could_not_read() -> None:
    would_be = Report([Left(bucket=Bucket.UNRESOLVED, detail="not_sent")])

    assert run(task_with(would_be, simulate=True)) == would_be.to_dict()
    with pytest.raises(BitgetTaskError):
        run(task_with(Report([], BUSY), simulate=True))
    with pytest.raises(BitgetTaskError):
        run(task_with(Report(), simulate=True, doubt="the open orders were not read"))


def test_an_unusable_argument_or_connection_is_final_and_says_that_nothing_was_sent() -> None:
    with pytest.raises(BitgetArgumentError, match="symbol must be"):
        run(task_with(Report(), unusable="symbol must be text"))
    with pytest.raises(BitgetTaskFailError, match="Nothing was sent: passphrase"):
        run(task_with(Report(), unreachable="passphrase is missing"))


@pytest.mark.parametrize("conn_id", [None, "", "  ", "None"])
def test_a_connection_id_that_rendered_to_nothing_is_refused_by_name(conn_id: Any) -> None:
    with pytest.raises(BitgetArgumentError, match="bitget_conn_id"):
        run(task_with(Report(), bitget_conn_id=conn_id))


def test_counts_and_requests_are_counted_in_airflows_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.providers.common.compat.sdk import Stats

    counted: dict[str, int] = {}
    monkeypatch.setattr(Stats, "incr", lambda name, count=1, **_: counted.update({name: count}))

    with pytest.raises(BitgetTaskError):
        run(task_with(Report([CURABLE])))

    assert counted == {
        "bitget.test.failed": 1,
        "bitget.test.unresolved": 0,
        "bitget.test.requests": 5,
        "bitget.test.rate_limited": 2,
    }


def test_only_tasks_that_keep_ends_ask_the_state_store() -> None:
    class Store(StateStore):
        def get(self, key: str, default: Any = None) -> Any:
            raise AssertionError("nobody needs it")

    run(task_with(Report()), task_state_store=Store())


# ------------------------------------------------------------------------------- what all public operators promise


def new_operator(name: str) -> BaseOperator:
    arguments: dict[str, Any] = {"orders": []} if name == "BitgetBatchCancelOperator" else {"symbol": "BTCUSDT"}
    kind: type[BaseOperator] = getattr(bitget, name)
    return kind(task_id="task", **arguments)


@pytest.mark.parametrize("name", bitget.__all__)
def test_an_operator_can_be_copied_and_holds_no_session_before_it_runs(name: str) -> None:
    task = new_operator(name)

    copied = copy.deepcopy(task)

    assert {field: getattr(copied, field) for field in task.template_fields} == {
        field: getattr(task, field) for field in task.template_fields
    }
    assert not [value for value in vars(task).values() if isinstance(value, BitgetHook)]
    assert vars(pickle.loads(pickle.dumps(task)))["task_id"] == "task"  # noqa: S301  # our own


@pytest.mark.parametrize("name", bitget.__all__)
def test_template_fields_keep_what_the_author_wrote(name: str) -> None:
    kind: type[BaseOperator] = getattr(bitget, name)
    written: dict[str, Any] = {field: f"{{{{ params.{field} }}}}" for field in kind.template_fields}

    task = kind(task_id="task", **written)

    assert {field: getattr(task, field) for field in kind.template_fields} == written
