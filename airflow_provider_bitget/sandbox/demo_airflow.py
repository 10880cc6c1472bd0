# SPDX-License-Identifier: Apache-2.0
"""Airflow for the demo: its command line with a home of its own, and what one run of a DAG left in its database."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STEP_TIMEOUT = 300.0
END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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
                    process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own arguments
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

    def run_state(self, dag_id: str) -> str:
        """Return the state of a DAG's one run.

        :param dag_id: the DAG.
        """
        state = self._one_value("SELECT state FROM dag_run WHERE dag_id = ?", dag_id)
        if state is None:
            raise DemoError("Airflow's database holds no run of the DAG")
        return str(state)

    def report(self, dag_id: str, task_id: str) -> dict[str, Any]:
        """Return what a task left in XCom under ``return_value``, as the database holds it.

        :param dag_id: the DAG.
        :param task_id: the task.
        """
        value = self._one_value(
            "SELECT value FROM xcom WHERE dag_id = ? AND task_id = ? AND key = 'return_value'", dag_id, task_id
        )
        if value is None:
            raise DemoError(f"the DAG's run is {self.run_state(dag_id)}, and its task {task_id} left no report in XCom")
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
