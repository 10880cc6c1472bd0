# SPDX-License-Identifier: Apache-2.0
"""``make demo``: the example DAG cancels the sandbox's orders through Airflow, and the books are compared.

Everything it starts, it stops; everything it writes lies in one temporary folder, which it removes. Exit
status 0 means that no order is left and that every number of the report is the exchange's number.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from airflow_provider_bitget.sandbox import Sandbox

DAG_ID = "bitget_batch_cancel"
CANCEL_TASK_ID = "cancel"
EXAMPLE_DAGS = Path(__file__).resolve().parents[2] / "example_dags"
STATES = ("open", "cancelled", "filled")
STEP_TIMEOUT = 300.0
LOG_LINES_ON_FAILURE = 40
RAISED = re.compile(r"[A-Za-z_.]+(Error|Exception)\b")
END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# symbol -> state -> number of orders
Books = dict[str, Counter[str]]


class DemoError(Exception):
    """A step of the demo did not do what it should; the message says which."""


@dataclass(frozen=True)
class Airflow:
    """Airflow's command line with a home of its own, so that nobody's installation is touched.

    :param home: folder for the database, the logs and the configuration.
    :param dags_folder: the only folder in which this Airflow looks for DAGs.
    :param connection_json: value of the connection ``bitget_default``.
    :param verbose: show Airflow's own output instead of keeping it in a file.
    """

    home: Path
    dags_folder: Path
    connection_json: str
    verbose: bool

    @property
    def log_file(self) -> Path:
        """The file that receives what Airflow prints."""
        return self.home / "airflow.log"

    @property
    def database(self) -> Path:
        """The metadata database, SQLite."""
        return self.home / "airflow.db"

    def environment(self) -> dict[str, str]:
        """The caller's environment without its own Airflow settings, and with ours."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
        return inherited | {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags_folder),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.database}",
            "AIRFLOW_CONN_BITGET_DEFAULT": self.connection_json,
            "NO_PROXY": "127.0.0.1,localhost",
            "PYTHONWARNINGS": "ignore",
        }

    def run(self, *arguments: str) -> int:
        """Run one ``airflow`` command to its end and return its exit status.

        Whatever ends the wait ends the command.
        """
        process: subprocess.Popen[bytes] | None = None
        with self.log_file.open("ab") as log:
            try:
                with signals_held_back():
                    process = subprocess.Popen(
                        [sys.executable, "-m", "airflow", *arguments],
                        env=self.environment(),
                        cwd=self.home,
                        stdin=subprocess.DEVNULL,
                        stdout=None if self.verbose else log,
                        stderr=None if self.verbose else subprocess.STDOUT,
                        start_new_session=True,
                    )
                return process.wait(timeout=STEP_TIMEOUT)
            except subprocess.TimeoutExpired:
                message = f"airflow {' '.join(arguments)} did not end within {STEP_TIMEOUT:.0f} s"
                raise DemoError(message) from None
            finally:
                if process is not None:
                    with signals_held_back():
                        _stop(process)

    def run_state(self) -> str:
        """Return the state of the DAG's one run."""
        state = self._one_value("SELECT state FROM dag_run WHERE dag_id = ?", DAG_ID)
        if state is None:
            raise DemoError("Airflow's database holds no run of the DAG")
        return str(state)

    def report(self) -> dict[str, Any]:
        """Return what the cancel task left in XCom under ``return_value``, as the database holds it."""
        value = self._one_value(
            "SELECT value FROM xcom WHERE dag_id = ? AND task_id = ? AND key = 'return_value'",
            DAG_ID,
            CANCEL_TASK_ID,
        )
        if value is None:
            raise DemoError(f"the DAG's run is {self.run_state()}, and its cancel task left no report in XCom")
        # Airflow's versions store the JSON as text, as bytes, or as JSON within JSON.
        while isinstance(value, str | bytes):
            value = json.loads(value)
        if not isinstance(value, dict):
            raise DemoError(f"the report in XCom is not a mapping: {value!r}")
        return value

    def _one_value(self, query: str, *parameters: str) -> Any:
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            row = connection.execute(query, parameters).fetchone()
        return None if row is None else row[0]


@contextmanager
def signals_held_back() -> Iterator[None]:
    """Let an interruption wait until the block has ended: no process is started and then forgotten."""
    held: list[int] = []
    previous = {number: signal.signal(number, lambda received, _frame: held.append(received)) for number in END_SIGNALS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        if held:
            signal.raise_signal(held[0])


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a command and everything it started: politely, then not."""
    for signal_number, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
        if process.poll() is not None:
            return
        try:
            os.killpg(process.pid, signal_number)
        except ProcessLookupError:
            return
        try:
            process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            continue


def read_books(sandbox: Sandbox) -> Books:
    """Ask the exchange how many of its orders are in which state.

    :param sandbox: the exchange.
    """
    books: Books = {}
    for row in sandbox.books():
        states = books.setdefault(str(row["symbol"]), Counter())
        for state in STATES:
            states[state] += int(row[state])
        states["open"] += int(row["partially_filled"])
    return dict(sorted(books.items()))


def total(books: Books) -> Counter[str]:
    """Add up the symbols."""
    return sum(books.values(), Counter())


def books_table(before: Books, after: Books) -> Iterator[str]:
    """Yield the lines of the table that shows both books side by side."""
    heading = "".join(f"{state:>11}" for state in STATES)
    yield f"{'':<14}{'before':^33}   {'after':^33}".rstrip()
    yield f"{'symbol':<14}{heading}   {heading}"
    rows = [(symbol, before[symbol], after[symbol]) for symbol in before]
    for name, left, right in [*rows, ("all", total(before), total(after))]:
        cells = ["".join(f"{side[state]:>11}" for state in STATES) for side in (left, right)]
        yield f"{name:<14}{cells[0]}   {cells[1]}"


def disagreements(report: Mapping[str, Any], before: Books, after: Books) -> Iterator[str]:
    """Yield a sentence for every number of the report that is not the exchange's number."""
    was, now = total(before), total(after)
    on_the_exchange = {
        "requested": was["open"],
        "cancelled": now["cancelled"] - was["cancelled"],
        "already_closed": now["filled"] - was["filled"],
        "failed + unresolved": now["open"],
    }
    counts = report["counts"]
    reported = {
        "requested": counts["requested"],
        "cancelled": counts["cancelled"],
        "already_closed": counts["already_closed"],
        "failed + unresolved": counts["failed"] + counts["unresolved"],
    }
    for name, truth in on_the_exchange.items():
        if reported[name] != truth:
            yield f"{name}: the report says {reported[name]}, the exchange {truth}"


@contextmanager
def step(title: str) -> Iterator[None]:
    """Say what is going on, and how long it took."""
    print(f"{title:<62}", end=" ", flush=True)
    started = time.monotonic()
    try:
        yield
    except BaseException:
        print("failed")
        raise
    print(f"{time.monotonic() - started:5.1f} s", flush=True)


def run_demo(orders: int, dags_folder: Path, *, verbose: bool) -> int:
    """Run the demo once.

    :param orders: how many orders rest on the exchange before.
    :param dags_folder: folder of the example DAG.
    :param verbose: show Airflow's own output.
    :return: the exit status.
    """
    if not (dags_folder / f"{DAG_ID}.py").is_file():
        raise DemoError(f"no {DAG_ID}.py in {dags_folder}; give its folder with --dags-folder")
    with tempfile.TemporaryDirectory(prefix="bitget-demo-") as folder, Sandbox(orders=orders) as sandbox:
        before = read_books(sandbox)
        print(f"Sandbox exchange at {sandbox.url}: {total(before)['open']} open orders on {len(before)} symbols")
        airflow = Airflow(Path(folder), dags_folder, sandbox.connection_json, verbose)
        try:
            with step("Airflow: db migrate, in a temporary folder"):
                if status := airflow.run("db", "migrate"):
                    raise DemoError(f"airflow db migrate ended with status {status}")
            with step(f"Airflow: dags test {DAG_ID}"):
                status = airflow.run("dags", "test", DAG_ID)
            state, report = airflow.run_state(), airflow.report()
        except DemoError:
            _show_end_of_log(airflow)
            raise
        after = read_books(sandbox)

        print(f"The DAG's run: {state}\n\nThe exchange's books, read from the exchange")
        print("\n".join(books_table(before, after)))
        print("\nThe task's report, read from XCom")
        print("\n".join(f"{name:<16}{number:>9}" for name, number in report["counts"].items()))
        print(
            f"verified against the open orders: {'yes' if report['verified'] else 'NO'}; "
            f"{report['requests']} requests, {report['retries']} retries, {report['duration_ms']} ms\n"
        )
        faults = [*disagreements(report, before, after)]
        if left := total(after)["open"]:
            faults.append(f"{left} orders are still open")
        if status or state != "success":
            faults.append(f"the DAG's run is {state}, airflow's exit status {status}")
        if faults:
            _show_end_of_log(airflow)
            print("\n".join(f"NOT OK: {fault}" for fault in faults))
            return 1
        print("OK: no order is left open, and the report's numbers are the exchange's numbers.")
        return 0


def _show_end_of_log(airflow: Airflow) -> None:
    if airflow.verbose or not airflow.log_file.is_file():
        return
    lines = airflow.log_file.read_text(errors="replace").splitlines()
    raised = dict.fromkeys(line for line in lines if RAISED.match(line))
    last = lines[-LOG_LINES_ON_FAILURE:]
    for title, shown in (("What was raised", raised), (f"The last {len(last)} lines", last)):
        print(f"\n{title} in Airflow's output (all of it: --verbose):")
        print("\n".join(f"  | {line}" for line in shown))
    print()


def _end_on_signal(signal_number: int, _frame: object) -> NoReturn:
    print("\nInterrupted: stopping what was started.", file=sys.stderr)
    raise SystemExit(128 + signal_number)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, run the demo, return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_bitget.sandbox.demo",
        description="Run the example DAG through Airflow against the sandbox and compare the books.",
    )
    parser.add_argument("--orders", type=int, default=230, help="open orders before (default: %(default)s)")
    parser.add_argument("--dags-folder", type=Path, default=EXAMPLE_DAGS, help="folder of the example DAG")
    parser.add_argument("--verbose", action="store_true", help="show all that Airflow prints")
    options = parser.parse_args(arguments)
    for number in END_SIGNALS:
        signal.signal(number, _end_on_signal)
    try:
        return run_demo(options.orders, options.dags_folder.resolve(), verbose=options.verbose)
    except DemoError as error:
        print(f"NOT OK: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
