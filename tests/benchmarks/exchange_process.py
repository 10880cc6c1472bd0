# SPDX-License-Identifier: Apache-2.0
"""The sandbox in a process and on a core of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from airflow_provider_bitget.sandbox.accounts import AccountMode
from airflow_provider_bitget.sandbox.control import SandboxControl

SYMBOL: Final = "BTCUSDT"
STOP_TIMEOUT: Final = 15.0


@dataclass(frozen=True, slots=True)
class Setting:
    """How many orders wait at the exchange, how far away it is, and how it counts requests.

    :param orders: open orders.
    :param latency_ms: the round trip.
    :param jitter_ms: up to so much more on the way there.
    :param connection_round_trips: extra round trips of each new connection.
    :param limiter: ``sliding``, ``fixed`` or ``bucket``.
    :param symbols: the orders' symbols, separated by commas.
    :param account: ``classic`` or ``unified``; a unified one may have any number of open orders.
    :param account_mode: what the connection says of the account; its kind, if empty.
    """

    orders: int
    latency_ms: int
    jitter_ms: int = 0
    connection_round_trips: int = 0
    limiter: str = "sliding"
    symbols: str = SYMBOL
    account: AccountMode = "classic"
    account_mode: str = ""

    @property
    def peculiarity(self) -> str:
        """What sets it apart, in words."""
        words = []
        if self.jitter_ms:
            words.append(f"{self.jitter_ms} ms jitter")
        if self.connection_round_trips:
            words.append(f"{self.connection_round_trips} extra round trips per new connection")
        if self.limiter != "sliding":
            words.append(f"limiter: {self.limiter}")
        return ", ".join(words)

    def command(self) -> list[str]:
        """Return the command that starts such an exchange, without an order yet, on a free port."""
        options = {
            "--port": 0,
            "--symbols": self.symbols,
            "--latency-ms": self.latency_ms,
            "--jitter-ms": self.jitter_ms,
            "--connection-round-trips": self.connection_round_trips,
            "--limiter": self.limiter,
            "--account": self.account,
        }
        words = [str(word) for option in options.items() for word in option]
        return [sys.executable, "-m", "airflow_provider_bitget.sandbox", *words]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A running exchange.

    :param control: its owner's side.
    :param connection: how a client reaches it.
    """

    control: SandboxControl
    connection: dict[str, Any]


@contextmanager
def running_exchange(setting: Setting) -> Iterator[Exchange]:
    """Run an exchange until the block ends.

    :param setting: what it is like.
    """
    core, _ = cores()
    with subprocess.Popen(setting.command(), stdout=subprocess.PIPE, text=True) as process:
        try:
            pin(process.pid, core)
            assert process.stdout is not None
            connection = json.loads(process.stdout.readline() or "null")
            if connection is None:
                raise RuntimeError("the sandbox did not start")
            connection["extra"]["account_mode"] = setting.account_mode or setting.account
            control = SandboxControl(connection["host"])
            # Only now: a unified account takes no more than 400 orders before its cap is lifted.
            control.reset(setting.orders, open_order_cap=0)
            yield Exchange(control, connection)
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()


def cores() -> tuple[int | None, int | None]:
    """Return the core of the exchange and that of the client, ``None`` where the system does not pin."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[-1]


def pin(process_id: int, core: int | None) -> None:
    """Keep a process on one core.

    :param process_id: a process that has just been started.
    :param core: the core, ``None`` to leave it alone.
    """
    if core is not None:
        os.sched_setaffinity(process_id, {core})
