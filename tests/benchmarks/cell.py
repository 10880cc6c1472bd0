# SPDX-License-Identifier: Apache-2.0
"""One cell of a table: one client, in a fresh process, against one exchange, in a fresh process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

from airflow_provider_bitget.sandbox.control import SandboxControl
from tests.benchmarks.claims import Claim, Verdict, compare_with_books
from tests.benchmarks.clients import LABELS
from tests.benchmarks.clients.job import Job
from tests.benchmarks.clients.meter import Reading
from tests.benchmarks.exchange_process import SYMBOL, Exchange, Setting, cores, pin, running_exchange
from tests.benchmarks.floor import CANCEL_ENDPOINTS, floor_seconds

CLIENT_TIMEOUT: Final = 420.0

SETTLING_SECONDS: Final = 0.5
"""How long the books are left alone after the report: a request still on its way shall be found out."""

Preparation = Callable[[SandboxControl, list[str]], None]


class ClientFailedError(Exception):
    """A client ended without a result; the message holds the end of what it said."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one cell showed.

    :param client: the client's module.
    :param setting: the exchange.
    :param reading: time, processor time and memory.
    :param verdict: how the client's words compare with the books.
    :param seen: what else its caller sees.
    :param refused_429: how many requests were refused for being too many.
    :param cancels: how many requests reached the endpoint that cancels lists on this kind of account.
    :param requests: how many requests reached the exchange in all.
    """

    client: str
    setting: Setting
    reading: Reading
    verdict: Verdict
    seen: str
    refused_429: int
    cancels: int
    requests: int

    @property
    def floor(self) -> float:
        """The least time that the exchange's limit and the line allow, in seconds."""
        return floor_seconds(self.setting.orders, self.setting.latency_ms / 1000, self.setting.account)

    @property
    def ratio(self) -> float | None:
        """The time in floors, ``None`` where the floor is zero."""
        return self.reading.wall / self.floor if self.floor else None


def measure(client: str, setting: Setting, prepare: Preparation | None = None, name: str = "no fault") -> Measurement:
    """Let a client cancel all orders of an exchange, and look at the books afterwards.

    :param client: the client's module.
    :param setting: the exchange.
    :param prepare: what is done to the exchange beforehand, given its orders.
    :param name: what that is called while the benchmark runs.
    """
    with running_exchange(setting) as exchange:
        order_ids = list(exchange.control.states())
        if prepare is not None:
            prepare(exchange.control, order_ids)
        result = _run_client(client, Job(exchange.connection, order_ids, SYMBOL))
        time.sleep(SETTLING_SECONDS)
        claims = {order_id: Claim(word) for order_id, word in result["statement"]["claims"].items()}
        measurement = Measurement(
            client,
            setting,
            Reading(**result["reading"]),
            compare_with_books(claims, exchange.control.states(order_ids)),
            result["statement"]["seen"],
            *_requests(exchange, CANCEL_ENDPOINTS[setting.account].name),
        )
    _say(measurement, name)
    return measurement


def _run_client(client: str, job: Job) -> Any:
    _, core = cores()
    command = [sys.executable, "-m", "tests.benchmarks.clients", client]
    environment = os.environ | {"NO_PROXY": "127.0.0.1,localhost", "PYTHONWARNINGS": "ignore"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment) as process:
        try:
            pin(process.pid, core)
            output, errors = process.communicate(json.dumps(asdict(job)), timeout=CLIENT_TIMEOUT)
        except subprocess.TimeoutExpired:
            raise ClientFailedError(f"{LABELS[client]} did not end within {CLIENT_TIMEOUT:.0f} s") from None
        finally:
            process.kill()
    if process.returncode != 0:
        raise ClientFailedError(f"{LABELS[client]} ended with {process.returncode}:\n{errors[-2000:]}")
    return json.loads(output)


def _requests(exchange: Exchange, cancels: str) -> tuple[int, int, int]:
    """Return how many requests were refused for being too many, how many cancelled a list, and how many there were."""
    by_path = exchange.control.requests()
    return (
        sum(counts["refused_429"] for counts in by_path.values()),
        sum(counts["requests"] for path, counts in by_path.items() if path.endswith(f"/{cancels}")),
        sum(counts["requests"] for counts in by_path.values()),
    )


def _say(measurement: Measurement, name: str) -> None:
    """Show that the benchmark moves on."""
    setting, verdict = measurement.setting, measurement.verdict
    sys.stderr.write(
        f"{LABELS[measurement.client]}, {setting.orders} orders at {setting.latency_ms} ms, "
        f"{setting.peculiarity or name}: {measurement.reading.wall:.2f} s, {verdict.left_open} left, "
        f"{verdict.misreported} misreported, {verdict.unknown} unknown; {measurement.seen}\n"
    )
