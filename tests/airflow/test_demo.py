# SPDX-License-Identifier: Apache-2.0
"""``make demo``: says OK only when the books agree, shows no secret, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from airflow_provider_bitget.sandbox import Sandbox
from airflow_provider_bitget.sandbox.demo import Books, disagreements, read_books, total

PATIENCE = 60.0


@pytest.fixture
def start_demo(tmp_path: Path) -> Iterator[list[str]]:
    """Give the demo's command line; its temporary files go to ``tmp_path``."""
    yield [sys.executable, "-u", "-m", "airflow_provider_bitget.sandbox.demo", "--orders"]
    assert list(tmp_path.iterdir()) == []


def demo_environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(tmp_path)}


def test_the_demo_cancels_every_order_and_shows_the_exchanges_numbers(start_demo: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [*start_demo, "60"],
        env=demo_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^BTCUSDT +20 +0 +0 +0 +20 +0$", done.stdout, re.MULTILINE)
    assert re.search(r"^all +60 +0 +0 +0 +60 +0$", done.stdout, re.MULTILINE)
    assert re.search(r"^cancelled +60$", done.stdout, re.MULTILINE)
    assert done.stdout.rstrip().splitlines()[-1].startswith("OK: no order is left open")
    with Sandbox() as sandbox:
        account = sandbox.accounts[0]
    assert account.secret not in done.stdout + done.stderr
    assert account.passphrase not in done.stdout + done.stderr


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_stops_what_it_started(
    start_demo: list[str], tmp_path: Path, signal_number: signal.Signals
) -> None:
    demo = subprocess.Popen(
        [*start_demo, "3"],
        env=demo_environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        started: list[psutil.Process] = []
        deadline = time.monotonic() + PATIENCE
        while not started and time.monotonic() < deadline:
            started = psutil.Process(demo.pid).children(recursive=True)
            time.sleep(0.05)
        assert started

        demo.send_signal(signal_number)
        demo.communicate(timeout=PATIENCE)
    finally:
        demo.kill()

    assert demo.returncode == 128 + signal_number
    assert psutil.wait_procs(started, timeout=5)[1] == []


def books(**symbols: tuple[int, int, int]) -> Books:
    return {
        symbol: Counter({"open": opened, "cancelled": cancelled, "filled": filled})
        for symbol, (opened, cancelled, filled) in symbols.items()
    }


def report(
    *, requested: int, cancelled: int, already_closed: int = 0, failed: int = 0, unresolved: int = 0
) -> dict[str, dict[str, int]]:
    return {
        "counts": {
            "requested": requested,
            "cancelled": cancelled,
            "already_closed": already_closed,
            "failed": failed,
            "unresolved": unresolved,
        }
    }


BEFORE = books(BTCUSDT=(6, 0, 1), ETHUSDT=(4, 2, 0))
AFTER = books(BTCUSDT=(1, 4, 2), ETHUSDT=(0, 6, 0))


@pytest.mark.parametrize("left", [{"failed": 1}, {"unresolved": 1}])
def test_the_demo_believes_a_report_that_has_the_exchanges_numbers(left: dict[str, int]) -> None:
    truth = report(requested=10, cancelled=8, already_closed=1, **left)

    assert list(disagreements(truth, BEFORE, AFTER)) == []


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (report(requested=9, cancelled=8, already_closed=1, failed=1), "requested"),
        (report(requested=10, cancelled=9, already_closed=1, failed=1), "cancelled"),
        (report(requested=10, cancelled=8, already_closed=2, failed=1), "already_closed"),
        (report(requested=10, cancelled=8, already_closed=1), "failed + unresolved"),
    ],
)
def test_the_demo_names_the_number_that_is_not_the_exchanges(wrong: dict[str, dict[str, int]], named: str) -> None:
    (sentence,) = disagreements(wrong, BEFORE, AFTER)

    assert sentence.startswith(f"{named}: the report says ")


def test_the_demo_counts_a_partially_filled_order_as_open() -> None:
    with Sandbox(orders=3) as sandbox:
        sandbox.place(count=2, symbol="BTCUSDT", status="partially_filled")
        sandbox.fill(sandbox.open_orders("ETHUSDT")[0]["orderId"])

        now = read_books(sandbox)

    assert total(now) == {"open": 4, "filled": 1}
