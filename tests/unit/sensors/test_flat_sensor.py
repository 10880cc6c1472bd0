# SPDX-License-Identifier: Apache-2.0
"""What the flat sensor promises: when it ends, what it takes for "not yet", what it fails on, and what it hands on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowSensorTimeout,
    AirflowSkipException,
    PokeReturnValue,
    TaskDeferred,
)

from airflow_provider_bitget.operators.exceptions import BitgetArgumentError, BitgetTaskError, BitgetTaskFailError
from airflow_provider_bitget.sandbox import Sandbox
from airflow_provider_bitget.sensors.bitget import BitgetFlatSensor
from tests.airflow_version import since
from tests.kinds import (
    CLASSIC,
    POSITION_READS,
    READS_OF_A_LOOK,
    UNIFIED,
    endpoint,
    kind_of,
    roles_asked,
    served,
)

asks_for_the_first_poke = since(3, 0, "a task asks when its first poke was; Airflow 2.11 reads its database itself")


class Sensor(BitgetFlatSensor):
    """The sensor, with something that happens between two pokes."""

    between: Callable[[int], None] | None = None

    def _get_next_poke_interval(self, started_at: Any, run_duration: Any, poke_count: int) -> float:
        if self.between is not None:
            self.between(poke_count)
        return super()._get_next_poke_interval(started_at, run_duration, poke_count)


def sensor(**arguments: Any) -> Sensor:
    arguments = {"poke_interval": 0, **arguments}
    if "symbol" not in arguments:
        arguments.setdefault("all_symbols", True)
    return Sensor(task_id="wait", **arguments)


def run(task: BitgetFlatSensor, **context: Any) -> Any:
    return task.execute(context)  # type: ignore[arg-type]


def asked(sandbox: Sandbox) -> dict[str, int]:
    return dict(Counter(roles_asked(sandbox)))


def looks(sandbox: Sandbox, times: int) -> dict[str, int]:
    """Return what so many looks ask for."""
    return {role: times * count for role, count in READS_OF_A_LOOK[kind_of(sandbox)].items()}


def logged(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> str:
    """Return what was logged, wherever this version of Airflow writes it."""
    return "\n".join([caplog.text, *capfd.readouterr()])


# ---------------------------------------------------------------------------------------------------- waiting


def test_a_flat_account_ends_the_wait_with_one_poke_of_few_reads(sandbox: Sandbox) -> None:
    result = run(sensor())

    assert datetime.now(UTC) - datetime.fromisoformat(result.pop("read_at")) < timedelta(minutes=1)
    assert result == {
        "product_type": "USDT-FUTURES",
        "symbol": "",
        "exclude_symbols": [],
        "margin_coin": "",
        "lookback_days": 90,
        "flat": True,
    }
    assert asked(sandbox) == looks(sandbox, 1)


def test_it_waits_for_the_last_order_plan_order_and_position(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("INFO")
    (order,) = sandbox.place(count=1, symbol="BTCUSDT")
    task = sensor(symbol="BTCUSDT")

    def between(poke: int) -> None:
        if poke == 2:
            sandbox.cancel(order["orderId"])

    task.between = between
    result = run(task)

    assert (result["flat"], result["symbol"]) == (True, "BTCUSDT")
    assert asked(sandbox) == looks(sandbox, 3)
    lines = logged(caplog, capfd)
    assert lines.count(f"Not flat yet: 1 order (BTCUSDT {order['orderId']})") >= 2


def test_a_failed_read_is_not_yet_and_its_code_is_logged(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("INFO")
    sandbox.inject("refuse", endpoint=endpoint(sandbox, POSITION_READS), times=1, code="22222")

    assert run(sensor())["flat"] is True

    assert asked(sandbox)[POSITION_READS] == 2
    assert "22222" in logged(caplog, capfd)


def test_an_empty_read_is_confirmed_where_it_has_to_settle(sandbox: Sandbox) -> None:
    assert run(sensor(settle=0.05))["flat"] is True

    assert asked(sandbox) == looks(sandbox, 2)
    first, second = (record.arrival for record in served(sandbox, POSITION_READS))
    assert second - first >= 0.05


def test_a_timeout_fails_the_sensor_or_skips_it_with_soft_fail(sandbox: Sandbox) -> None:
    sandbox.place(count=1, symbol="BTCUSDT")

    with pytest.raises(AirflowSensorTimeout):
        run(sensor(timeout=0))
    with pytest.raises(AirflowSkipException):
        run(sensor(timeout=0, soft_fail=True))


def test_it_sends_nothing_that_changes_anything(sandbox: Sandbox) -> None:
    sandbox.place(count=3, symbol="BTCUSDT")

    with pytest.raises(AirflowSensorTimeout):
        run(sensor(timeout=0))

    assert {record.method for record in sandbox.requests} == {"GET"}


class TaskInstance:
    """What reschedule mode asks Airflow for."""

    def __init__(self, first: datetime | str | None) -> None:
        self.first = first
        self.max_tries = 0

    def get_first_reschedule_date(self, context: Any) -> datetime | str | None:
        return self.first


@asks_for_the_first_poke
def test_reschedule_mode_frees_the_worker_between_two_pokes(sandbox: Sandbox) -> None:
    (order,) = sandbox.place(count=1, symbol="BTCUSDT")
    task = sensor(mode="reschedule", poke_interval=60)

    with pytest.raises(AirflowException) as rescheduled:
        run(task, ti=TaskInstance(None))
    assert type(rescheduled.value).__name__ == "AirflowRescheduleException"

    sandbox.cancel(order["orderId"])
    assert run(task, ti=TaskInstance(datetime.now(UTC) - timedelta(seconds=60)))["flat"] is True


@asks_for_the_first_poke
def test_reschedule_mode_counts_the_timeout_from_the_first_poke(sandbox: Sandbox) -> None:
    sandbox.place(count=1, symbol="BTCUSDT")
    task = sensor(mode="reschedule", timeout=100)

    with pytest.raises(AirflowSensorTimeout):
        run(task, ti=TaskInstance(datetime.now(UTC) - timedelta(seconds=101)))


@asks_for_the_first_poke
def test_reschedule_mode_reads_the_first_pokes_moment_as_airflow_3_0_writes_it(sandbox: Sandbox) -> None:
    a_minute_ago = datetime.now(UTC) - timedelta(seconds=60)

    assert run(sensor(mode="reschedule"), ti=TaskInstance(a_minute_ago.isoformat()))["flat"] is True


# --------------------------------------------------------------------------------------------------- deferring


def deferred(task: BitgetFlatSensor) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as caught:
        run(task)
    return caught.value


def test_a_deferrable_sensor_that_finds_the_account_flat_is_done(sandbox: Sandbox) -> None:
    assert run(sensor(deferrable=True))["flat"] is True


def test_a_deferrable_sensor_hands_its_whole_scope_and_its_end_to_the_trigger(sandbox: Sandbox) -> None:
    sandbox.place(count=1, symbol="BTCUSDT")
    task = sensor(
        deferrable=True,
        product_type="usdt-futures",
        exclude_symbols=["ethusdt"],
        margin_coin="usdt",
        settle=3,
        poke_interval=7,
        timeout=600,
    )

    deferral = deferred(task)

    path, arguments = deferral.trigger.serialize()
    assert path == "airflow_provider_bitget.triggers.bitget.BitgetFlatTrigger"
    assert json.loads(json.dumps(arguments)) == arguments
    assert abs(arguments.pop("end") - time.time() - 600) < 30
    assert arguments == {
        "bitget_conn_id": "bitget_default",
        "product_type": "USDT-FUTURES",
        "symbol": None,
        "exclude_symbols": ["ETHUSDT"],
        "margin_coin": "USDT",
        "lookback_days": 90,
        "settle": 3.0,
        "poke_interval": 7.0,
    }
    assert deferral.method_name == "execute_complete"
    # The trigger ends the wait itself; Airflow only where no triggerer does.
    assert deferral.timeout is not None
    assert timedelta(seconds=600) < deferral.timeout < timedelta(seconds=700)


RESULT = {"product_type": "USDT-FUTURES", "symbol": "BTCUSDT", "flat": True, "read_at": "2026-11-23T23:56:02Z"}


def resume(task: BitgetFlatSensor, event: Any) -> Any:
    return task.resume_execution("execute_complete", {"event": event}, {})


def test_the_triggers_result_is_the_sensors() -> None:
    assert resume(sensor(), {"status": "flat", "message": "", "result": RESULT}) == RESULT


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({"status": "timeout", "message": "1 order is left"}, AirflowSensorTimeout),
        ({"status": "refused", "message": "1 order is left"}, BitgetTaskFailError),
        ({"status": "failed", "message": "1 order is left"}, BitgetTaskError),
    ],
)
def test_any_other_event_fails_the_sensor_with_the_triggers_words(event: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="1 order is left"):
        resume(sensor(), event)


@pytest.mark.parametrize(
    "event",
    [
        None,
        {},
        "flat",
        {"status": "success"},
        {"status": ["flat"]},
        {"status": "flat"},
        {"status": "flat", "result": {"flat": "true"}},
        {"status": "flat", "result": [True]},
    ],
)
def test_an_event_that_cannot_be_understood_is_never_flat(event: Any) -> None:
    with pytest.raises(BitgetTaskError, match="event"):
        resume(sensor(), event)


@pytest.mark.parametrize("reason", ["Trigger timeout", "Trigger/execution timeout"])
def test_a_wait_that_airflow_ended_itself_is_a_timeout_of_the_sensor(reason: str) -> None:
    with pytest.raises(AirflowSensorTimeout):
        sensor().resume_execution("__fail__", {"error": reason}, {})
    with pytest.raises(AirflowSkipException):
        sensor(soft_fail=True).resume_execution("__fail__", {"error": reason}, {})


def test_a_trigger_that_airflow_could_not_run_is_a_failure() -> None:
    with pytest.raises(AirflowException):
        sensor().resume_execution("__fail__", {"error": "Trigger failure"}, {})


def test_soft_fail_excuses_the_triggers_timeout_and_not_a_refusal() -> None:
    with pytest.raises(AirflowSkipException):
        resume(sensor(soft_fail=True), {"status": "timeout", "message": "late"})
    with pytest.raises(BitgetTaskFailError, match="the key is wrong"):
        resume(sensor(soft_fail=True), {"status": "refused", "message": "the key is wrong"})


# ------------------------------------------------------------------------------------- what a person has to mend


@pytest.mark.parametrize("code", ["40009", "40012", "40014", "40018", "40085"])
@pytest.mark.parametrize("options", [{}, {"soft_fail": True}, {"deferrable": True}], ids=str)
def test_refused_credentials_and_the_wrong_kind_of_account_fail_at_once(
    sandbox: Sandbox, options: dict[str, Any], code: str
) -> None:
    sandbox.inject("refuse", code=code)

    with pytest.raises(BitgetTaskFailError, match=code):
        run(sensor(**options))

    # At most once for each kind of account.
    assert len(sandbox.requests) <= 12


def test_a_wrong_secret_fails_at_once_and_is_not_shown(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    connection = {**sandbox.connection, "password": "a-secret-of-somebody-else"}
    monkeypatch.setenv("AIRFLOW_CONN_BITGET_DEFAULT", json.dumps(connection))

    with pytest.raises(BitgetTaskFailError) as refused:
        run(sensor())

    assert "40009" in str(refused.value)
    assert "a-secret-of-somebody-else" not in f"{refused.value!r} {refused.value.__cause__!r} {caplog.text}"
    assert refused.value.__cause__ is not None
    assert refused.value.__cause__.__traceback__ is None


def test_a_clock_that_is_off_is_mended(sandbox: Sandbox) -> None:
    sandbox.inject("clock", offset=120.0)

    assert run(sensor())["flat"] is True


def test_an_unusable_connection_fails_without_a_request(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = {**sandbox.connection, "extra": {}}
    monkeypatch.setenv("AIRFLOW_CONN_BITGET_DEFAULT", json.dumps(connection))

    with pytest.raises(BitgetTaskFailError, match="passphrase"):
        run(sensor())

    assert sandbox.requests == []


# --------------------------------------------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"all_symbols": False}, "symbol"),
        ({"symbol": "BTCUSDT", "all_symbols": True}, "all_symbols"),
        ({"all_symbols": "true"}, "all_symbols"),
        ({"symbol": "*"}, "symbol"),
        ({"symbol": ""}, "symbol"),
        ({"exclude_symbols": "BTCUSDT"}, "exclude_symbols"),
        ({"exclude_symbols": ["*"]}, "exclude_symbols"),
        ({"symbol": "BTCUSDT", "exclude_symbols": ["ETHUSDT"]}, "exclude_symbols"),
        ({"lookback_days": 0}, "lookback_days"),
        ({"lookback_days": "90"}, "lookback_days"),
        ({"settle": -1}, "settle"),
        ({"settle": 900}, "settle"),
        ({"settle": float("nan")}, "settle"),
        ({"settle": "10"}, "settle"),
        ({"settle": True}, "settle"),
        ({"deferrable": "false"}, "deferrable"),
    ],
)
def test_a_literal_that_makes_no_sense_is_refused_when_the_dag_is_read(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(BitgetArgumentError, match=named):
        sensor(**arguments)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"symbol": "None"}, "symbol"),
        ({"symbol": 7}, "symbol"),
        ({"product_type": "FUTURES"}, "product_type"),
        ({"product_type": None}, "product_type"),
        ({"margin_coin": ""}, "margin_coin"),
    ],
)
@pytest.mark.parametrize("options", [{}, {"soft_fail": True}, {"deferrable": True}], ids=str)
def test_what_a_template_rendered_to_is_refused_before_anything_is_sent(
    sandbox: Sandbox, arguments: dict[str, Any], named: str, options: dict[str, Any]
) -> None:
    with pytest.raises(BitgetArgumentError, match=named):
        run(sensor(**options, **arguments))

    assert sandbox.requests == []


def test_a_symbol_that_a_template_renders_to_nothing_never_means_all(sandbox: Sandbox) -> None:
    task = sensor(symbol="{{ params.missing }}")
    task.symbol = None

    with pytest.raises(BitgetArgumentError, match="symbol"):
        run(task)

    assert sandbox.requests == []


def test_every_templated_field_is_rendered() -> None:
    task = Sensor(
        task_id="wait", product_type="{{ a }}", symbol="{{ b }}", margin_coin="{{ c }}", bitget_conn_id="{{ d }}"
    )

    task.render_template_fields({"a": "coin-futures", "b": "btcusd", "c": "btc", "d": "other"})  # type: ignore[typeddict-unknown-key]

    assert (task.product_type, task.symbol, task.margin_coin, task.bitget_conn_id) == (
        "coin-futures",
        "btcusd",
        "btc",
        "other",
    )


def test_it_waits_fifteen_minutes_and_looks_every_five_seconds_unless_told_otherwise() -> None:
    task = BitgetFlatSensor(task_id="wait", symbol="BTCUSDT")

    assert (task.timeout, task.poke_interval, task.lookback_days, task.settle, task.deferrable) == (
        900,
        5,
        90,
        0,
        False,
    )


def test_airflows_own_default_decides_whether_it_is_deferrable() -> None:
    program = (
        "from airflow_provider_bitget.sensors.bitget import BitgetFlatSensor; "
        "print(BitgetFlatSensor(task_id='wait', symbol='BTCUSDT').deferrable)"
    )
    output = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE": "True"},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout

    assert output.split()[-1] == "True"


# --------------------------------------------------------------------------------------------- kills and parsing


def test_a_kill_ends_a_poke_that_hangs(sandbox: Sandbox) -> None:
    sandbox.inject("hang", seconds=20.0)
    task = sensor()

    def kill(number: int, frame: FrameType | None) -> None:
        task.on_kill()

    def send_a_signal_once_it_reads() -> None:
        while not sandbox.requests and threading.main_thread().is_alive():
            time.sleep(0.01)
        signal.raise_signal(signal.SIGUSR1)

    previous = signal.signal(signal.SIGUSR1, kill)
    try:
        threading.Thread(target=send_a_signal_once_it_reads, daemon=True).start()
        began = time.monotonic()
        with pytest.raises(BitgetTaskError, match="stopped"):
            run(task)
    finally:
        signal.signal(signal.SIGUSR1, previous)
    assert time.monotonic() - began < 6.0


def test_a_killed_sensor_does_not_look_again(sandbox: Sandbox) -> None:
    sandbox.place(count=1, symbol="BTCUSDT")
    task = sensor()
    task.between = lambda _: task.on_kill()

    with pytest.raises(BitgetTaskError, match="stopped"):
        run(task)

    assert asked(sandbox) == looks(sandbox, 1)


def test_parsing_a_dag_with_the_sensor_imports_nothing_that_only_a_running_task_needs() -> None:
    program = """
import json, sys
from airflow.providers.common.compat.sdk import AirflowSensorTimeout, BaseSensorOperator, PokeReturnValue, conf
# What Airflow itself loads with the first of its sensors is not ours.
BaseSensorOperator(task_id="of_airflow")
before = set(sys.modules)
from airflow_provider_bitget.sensors.bitget import BitgetFlatSensor
BitgetFlatSensor(task_id="wait", all_symbols=True, deferrable=True)
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    output = subprocess.run(
        [sys.executable, "-c", program], env=dict(os.environ), check=True, capture_output=True, text=True, timeout=60
    ).stdout
    imported = set(json.loads(output.splitlines()[-1]))

    assert {name for name in imported if name.startswith("airflow_provider_bitget.")} == {
        "airflow_provider_bitget.airflow_version",
        "airflow_provider_bitget.operators",
        "airflow_provider_bitget.operators.arguments",
        "airflow_provider_bitget.operators.exceptions",
        "airflow_provider_bitget.operators.outlets",
        "airflow_provider_bitget.sensors",
        "airflow_provider_bitget.sensors.bitget",
    }
    assert {name.partition(".")[0] for name in imported} & {"requests", "tenacity", "pyrate_limiter"} == set()
    assert "airflow.triggers.base" not in imported


def test_a_poke_returns_what_airflow_expects_of_one(sandbox: Sandbox) -> None:
    sandbox.place(count=1, symbol="BTCUSDT")
    task = sensor(timeout=0)

    with pytest.raises(AirflowSensorTimeout):
        run(task)
    answer = task.poke({})

    assert isinstance(answer, PokeReturnValue)
    assert not answer


def test_an_account_of_another_kind_than_the_connection_says_fails_at_once_and_says_what_to_set(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = CLASSIC if kind_of(sandbox) == UNIFIED else UNIFIED
    extra = {**sandbox.connection["extra"], "account_mode": other}
    monkeypatch.setenv("AIRFLOW_CONN_BITGET_DEFAULT", json.dumps({**sandbox.connection, "extra": extra}))

    with pytest.raises(BitgetTaskFailError, match=f"account_mode to {kind_of(sandbox)}"):
        run(sensor())
