# SPDX-License-Identifier: Apache-2.0
"""The two commands: start a sandbox, and print the books of one that runs."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from airflow_provider_bitget.sandbox import Sandbox
from airflow_provider_bitget.sandbox.__main__ import main

COMMAND = [sys.executable, "-m", "airflow_provider_bitget.sandbox"]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A running sandbox with orders in every state."""
    with Sandbox(orders=30) as sandbox:
        orders = sandbox.open_orders()
        sandbox.fill(orders[0]["orderId"])
        sandbox.cancel(orders[1]["orderId"])
        yield sandbox


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_sandbox_prints_its_connection_and_ends_cleanly(number: signal.Signals) -> None:
    words = ["--port", "0", "--orders", "230", "--latency-ms", "1", "--demo"]
    with subprocess.Popen([*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        lines = [run.stdout.readline() for _ in range(5)]
        run.send_signal(number)
        rest, errors = run.communicate(timeout=10)
    connection = json.loads(lines[0])
    assert connection["extra"]["demo_trading"] is True
    assert lines[1] == f"export AIRFLOW_CONN_BITGET_DEFAULT='{lines[0].strip()}'\n"
    assert "230 open orders" in lines[2]
    assert "belong to this sandbox only" in lines[3]
    assert (run.returncode, rest, errors) == (0, "", "")


def test_books_of_a_running_sandbox_are_a_table(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["books", "--url", sandbox.url]) == 0
    header, *rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert header == ["productType", "symbol", "open", "partially_filled", "filled", "cancelled"]
    assert ["USDT-FUTURES", "BTCUSDT", "9", "0", "1", "0"] in rows
    assert rows[-1] == ["total", "28", "0", "1", "1"]


def test_books_of_a_running_sandbox_can_be_json(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["books", "--url", sandbox.url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == sandbox.books()


def test_books_name_the_account_where_there_are_several(capsys: pytest.CaptureFixture[str]) -> None:
    with Sandbox(accounts=2) as sandbox:
        for account in sandbox.accounts:
            sandbox.place(account=account)
        main(["books", "--url", sandbox.url])
    header, *rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert header[0] == "account"
    assert [row[0] for row in rows] == ["1000000001", "1000000002", "total"]


def test_missing_sandbox_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["books", "--url", "http://127.0.0.1:9"]) == 1
    assert capsys.readouterr().err.startswith("No sandbox can be asked at http://127.0.0.1:9: ")


def test_sandbox_can_have_a_unified_account() -> None:
    words = ["--port", "0", "--orders", "7", "--account", "unified"]
    with subprocess.Popen([*COMMAND, *words], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        lines = [run.stdout.readline() for _ in range(5)]
        run.send_signal(signal.SIGTERM)
    assert "account_mode" not in json.loads(lines[0])["extra"]
    assert "Bitget futures (unified account) listens" in lines[2]
    assert "7 open orders" in lines[2]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--account", "unified", "--orders", "401"], "at most 400 open futures orders"),
        (["--symbols", ","], "at least one symbol"),
        (["--port", "99999"], "port"),
        (["--orders", "-1"], "-1 orders"),
    ],
)
def test_sandbox_that_cannot_start_says_why_in_one_line(
    capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main(words) == 1
    error = capsys.readouterr().err
    assert error.startswith("The sandbox cannot start: ")
    assert message in error
    assert error.count("\n") == 1


def test_taken_port_is_told_in_one_line(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", sandbox.url.rsplit(":", 1)[1]]) == 1
    assert "in use" in capsys.readouterr().err
