# SPDX-License-Identifier: Apache-2.0
"""What the flat trigger promises the triggerer and the sensor: one event, a free event loop, and an end when told."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from airflow_provider_bitget.api import shared_limit
from airflow_provider_bitget.sandbox import Sandbox
from airflow_provider_bitget.triggers.bitget import BitgetFlatTrigger
from tests.kinds import POSITION_READS, READS_OF_A_LOOK, endpoint, kind_of, served

TICK = 0.01

Event = dict[str, Any]


def trigger(*, seconds: float = 60.0, **arguments: Any) -> BitgetFlatTrigger:
    return BitgetFlatTrigger(
        **{
            "bitget_conn_id": "bitget_default",
            "product_type": "USDT-FUTURES",
            "symbol": None,
            "exclude_symbols": [],
            "margin_coin": None,
            "lookback_days": 90,
            "settle": 0.0,
            "poke_interval": TICK,
            "end": time.time() + seconds,
            **arguments,
        }
    )


async def events(running: BitgetFlatTrigger) -> list[Event]:
    return [event.payload async for event in running.run()]


def the_event(running: BitgetFlatTrigger) -> Event:
    """Run a trigger to its end; it must send exactly one event, of plain JSON types."""
    (event,) = asyncio.run(events(running))
    assert json.loads(json.dumps(event)) == event
    return event


def looks(sandbox: Sandbox) -> int:
    return len(served(sandbox, POSITION_READS))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(TICK)


# ------------------------------------------------------------------------------------------------------- events


def test_a_flat_account_is_told_with_where_and_when_it_was_read(sandbox: Sandbox) -> None:
    event = the_event(trigger(symbol="BTCUSDT"))

    assert event["status"] == "flat"
    assert event["result"].pop("read_at").endswith("Z")
    assert event["result"] == {
        "product_type": "USDT-FUTURES",
        "symbol": "BTCUSDT",
        "exclude_symbols": [],
        "margin_coin": "",
        "lookback_days": 90,
        "flat": True,
    }
    assert looks(sandbox) == 1


def test_it_looks_until_nothing_is_left(sandbox: Sandbox) -> None:
    (order,) = sandbox.place(count=1, symbol="BTCUSDT")

    async def somebody_cancels() -> list[Event]:
        running = asyncio.create_task(events(trigger()))
        await until(lambda: looks(sandbox) >= 3)
        assert not running.done()
        sandbox.cancel(order["orderId"])
        return await running

    (event,) = asyncio.run(somebody_cancels())

    assert event["status"] == "flat"


def test_an_empty_read_is_confirmed_where_it_has_to_settle(sandbox: Sandbox) -> None:
    assert the_event(trigger(settle=0.05))["status"] == "flat"

    assert looks(sandbox) == 2


def test_a_failed_read_is_not_yet(sandbox: Sandbox) -> None:
    sandbox.inject("refuse", endpoint=endpoint(sandbox, POSITION_READS), times=1, code="22222")

    assert the_event(trigger())["status"] == "flat"
    assert looks(sandbox) == 2


def test_the_end_is_told_with_what_is_left(sandbox: Sandbox) -> None:
    sandbox.open_position("BTCUSDT", "long", "0.5")

    event = the_event(trigger(seconds=0.2))

    assert event["status"] == "timeout"
    assert "1 position (BTCUSDT long 0.5)" in event["message"]


def test_a_trigger_that_comes_back_after_its_end_looks_once_more(sandbox: Sandbox) -> None:
    assert the_event(trigger(seconds=-3600))["status"] == "flat"

    sandbox.place(count=1, symbol="BTCUSDT")
    assert the_event(trigger(seconds=-3600))["status"] == "timeout"
    assert looks(sandbox) == 2


@pytest.mark.parametrize("code", ["40009", "40012", "40085"])
def test_refused_credentials_and_the_wrong_kind_of_account_end_it_at_once(sandbox: Sandbox, code: str) -> None:
    sandbox.inject("refuse", code=code)

    event = the_event(trigger())

    assert event["status"] == "refused"
    assert code in event["message"]
    # At most once for each kind of account.
    assert len(sandbox.requests) <= 12


def test_an_unusable_connection_is_named(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_BITGET_DEFAULT", json.dumps({**sandbox.connection, "extra": {}}))

    event = the_event(trigger())

    assert event["status"] == "refused"
    assert "passphrase" in event["message"]
    assert sandbox.requests == []


def test_a_connection_that_the_triggerer_does_not_know_is_named(airflow_database: object) -> None:
    event = the_event(trigger(bitget_conn_id="nowhere"))

    assert event["status"] == "failed"
    assert "'nowhere'" in event["message"]


def test_a_connection_that_cannot_be_read_for_a_while_is_not_yet(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.providers.common.compat import connection

    found = connection.get_async_connection
    failures = [TimeoutError("the vault is sealed")]

    async def sealed_at_first(conn_id: str) -> Any:
        if failures:
            raise failures.pop()
        return await found(conn_id)

    monkeypatch.setattr(connection, "get_async_connection", sealed_at_first)

    assert the_event(trigger())["status"] == "flat"


def test_an_unexpected_error_is_told_by_its_name_and_nothing_else(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_provider_bitget.trading.flat_check import FlatCheck

    def break_down(check: FlatCheck) -> None:
        raise LookupError("sandbox-secret-1-opens-nothing-else")

    monkeypatch.setattr(FlatCheck, "run", break_down)

    assert the_event(trigger()) == {"status": "failed", "message": "The trigger ended with LookupError"}


# --------------------------------------------------------------------------------------------------- event loop


async def longest_gap_while(awaited: Awaitable[Any]) -> float:
    """Tick until something is done, and return the longest time between two ticks."""
    waiting = asyncio.ensure_future(awaited)
    longest, last = 0.0, time.monotonic()
    while not waiting.done():
        await asyncio.sleep(TICK)
        now = time.monotonic()
        longest, last = max(longest, now - last), now
    await waiting
    return longest


def test_the_event_loop_runs_on_while_a_read_hangs(sandbox: Sandbox) -> None:
    sandbox.inject("hang", endpoint=endpoint(sandbox, POSITION_READS), times=1, seconds=2.0, processed=True)

    async def measure() -> float:
        began = time.monotonic()
        gap = await longest_gap_while(events(trigger()))
        assert time.monotonic() - began >= 2.0
        return gap

    assert asyncio.run(measure()) < 1.0


def test_a_cancelled_trigger_stops_reading_and_sends_no_event(sandbox: Sandbox) -> None:
    (order,) = sandbox.place(count=1, symbol="BTCUSDT")

    async def cancel_while_it_waits() -> None:
        running = asyncio.create_task(events(trigger()))
        await until(lambda: looks(sandbox) >= 2)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancel_while_it_waits())
    sandbox.cancel(order["orderId"])

    assert_no_thread_is_left()


def test_a_cancel_does_not_wait_for_a_read_that_hangs(sandbox: Sandbox) -> None:
    sandbox.inject("hang", endpoint=endpoint(sandbox, POSITION_READS), seconds=30.0)

    async def cancel_while_it_hangs() -> float:
        running = asyncio.create_task(events(trigger()))
        everything = sum(READS_OF_A_LOOK[kind_of(sandbox)].values())
        await until(lambda: len(served(sandbox)) == everything)
        began = time.monotonic()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return time.monotonic() - began

    assert asyncio.run(cancel_while_it_hangs()) < 1.0
    assert_no_thread_is_left()
    assert looks(sandbox) == 1


def assert_no_thread_is_left() -> None:
    """The thread that waits for the reads ends within the two seconds that requests in flight get."""
    for thread in threading.enumerate():
        if thread.name == "bitget-flat":
            thread.join(timeout=5.0)
            assert not thread.is_alive()


# -------------------------------------------------------------------------------------------------- shared limit


def shares_a_limit(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    own = sandbox.connection
    extra = {**own["extra"], "rate_limit_conn_id": "limits"}
    monkeypatch.setenv("AIRFLOW_CONN_BITGET_DEFAULT", json.dumps({**own, "extra": extra}))


def test_the_limit_of_all_workers_is_the_triggers_too_and_nothing_waits_for_it(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shares_a_limit(sandbox, monkeypatch)
    # Of no other test: a store that is away is told once.
    monkeypatch.setattr(shared_limit, "_known", {})
    # Nobody listens there.
    monkeypatch.setenv("AIRFLOW_CONN_LIMITS", "redis://127.0.0.1:1")

    assert the_event(trigger())["status"] == "flat"
    assert "(Airflow connection 'limits') cannot be reached" in caplog.text


def test_a_shared_limit_that_the_triggerer_does_not_know_is_refused_by_name(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares_a_limit(sandbox, monkeypatch)

    event = the_event(trigger())

    assert event["status"] == "refused"
    assert "'limits', which Airflow does not know" in event["message"]
    assert sandbox.requests == []


# ------------------------------------------------------------------------------------------------------- restart


def test_what_is_serialized_is_json_and_makes_the_same_trigger_again() -> None:
    first = trigger(
        symbol=None,
        exclude_symbols=["ETHUSDT"],
        margin_coin="USDT",
        lookback_days=365,
        settle=2.5,
        poke_interval=5.0,
        end=1_795_000_000.25,
    )

    path, arguments = first.serialize()
    again = BitgetFlatTrigger(**json.loads(json.dumps(arguments)))

    assert path == f"{BitgetFlatTrigger.__module__}.{BitgetFlatTrigger.__name__}"
    assert again.serialize() == (path, arguments)


def test_reading_the_trigger_imports_nothing_that_only_its_run_needs() -> None:
    program = """
import json, sys
import airflow.triggers.base
from airflow.providers.common.compat.sdk import AirflowNotFoundException
before = set(sys.modules)
import airflow_provider_bitget.triggers.bitget
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    output = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    imported = json.loads(output.stdout.splitlines()[-1])

    assert {name for name in imported if name.startswith("airflow_provider_bitget.")} == {
        "airflow_provider_bitget.airflow_version",
        "airflow_provider_bitget.triggers",
        "airflow_provider_bitget.triggers.bitget",
    }
    assert {name.partition(".")[0] for name in imported} & {"requests", "tenacity", "pyrate_limiter"} == set()
