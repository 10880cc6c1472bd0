# SPDX-License-Identifier: Apache-2.0
"""A whole Airflow on the loopback, with a home of its own: every process is started and ended here."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil
import requests

PATIENCE = 150.0
_LAST_LINES = 30


class AirflowProcesses:
    """Airflow's api-server, scheduler and triggerer over SQLite.

    :param home: an empty folder.
    :param dags_folder: the DAGs.
    :param environment: what every process gets besides, for example connections.
    """

    def __init__(self, home: Path, dags_folder: Path, environment: dict[str, str]) -> None:
        self._home = home
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._headers: dict[str, str] = {}
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")},
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags_folder),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(64),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
            # How soon a dead triggerer is known to be dead.
            "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
            "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "5",
            "PYTHONWARNINGS": "ignore",
            "NO_PROXY": "127.0.0.1,localhost",
            **environment,
        }

    def __enter__(self) -> AirflowProcesses:
        try:
            self.run("db", "migrate")
            self.start("api-server")
            self.run("dags", "reserialize")
            self.start("scheduler", "--skip-serve-logs")
            self.start("triggerer", "--skip-serve-logs")
            self.wait_until("the api-server answers", self._answers)
        except BaseException:
            self.stop_all()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_all()

    def run(self, *arguments: str) -> None:
        """Run a command to its end."""
        self.start(*arguments)
        status = self._running[arguments[0]].wait(timeout=PATIENCE)
        del self._running[arguments[0]]
        assert status == 0, f"airflow {' '.join(arguments)} ended with status {status}\n{self.last_lines(arguments[0])}"

    def start(self, *arguments: str) -> None:
        """Start a command in a session of its own, under the name of its first word."""
        with self._log_file(arguments[0]).open("ab") as log:
            self._running[arguments[0]] = subprocess.Popen(
                [sys.executable, "-m", "airflow", *arguments],
                env=self._environment,
                cwd=self._home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """End a process and all that it has started, without a warning."""
        process = self._running.pop(name)
        end = time.monotonic() + PATIENCE
        while living := _living(process.pid):
            assert time.monotonic() < end, f"{name} cannot be killed"
            for pid in living:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.1)

    def stop_all(self) -> None:
        """End everything. Nobody needs what a polite end would save."""
        for name in list(self._running):
            self.kill(name)

    def trigger(self, dag_id: str) -> str:
        """Begin a run of a DAG and return its id."""
        return str(self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns", json={"logical_date": None})["dag_run_id"])

    def runs(self, dag_id: str) -> list[str]:
        """Return the ids of a DAG's runs."""
        return [str(run["dag_run_id"]) for run in self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns")["dag_runs"]]

    def state(self, dag_id: str, run_id: str, task_id: str) -> str:
        """Return Airflow's word for the state of a task, ``""`` before it has any."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        answer = requests.get(self.url + path, headers=self._headers, timeout=30)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            # The scheduler has not made the tasks of the run yet.
            return ""
        return str(self._read(answer)["state"] or "")

    def returned(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """Return what a task has left in XCom under ``return_value``."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value"
        return self._call("GET", path, params={"deserialize": "false"})["value"]

    def wait_until(self, what: str, condition: Callable[[], bool]) -> None:
        """Wait for a condition; show the ends of the logs where it does not come true."""
        end = time.monotonic() + PATIENCE
        while not condition():
            ended = [name for name, process in self._running.items() if process.poll() is not None]
            if ended or time.monotonic() > end:
                logs = "\n".join(self.last_lines(name) for name in self._running)
                raise AssertionError(f"{what}: not within {PATIENCE:.0f} s (ended: {ended})\n{logs}")
            time.sleep(0.1)

    def last_lines(self, name: str) -> str:
        """Return the end of what a process has printed."""
        lines = self._log_file(name).read_text(errors="replace").splitlines()
        return "\n".join([f"--- {name}", *lines[-_LAST_LINES:]])

    def _log_file(self, name: str) -> Path:
        return self._home / f"{name}.out"

    def _answers(self) -> bool:
        try:
            answer = requests.get(f"{self.url}/auth/token", timeout=5)
        except requests.RequestException:
            return False
        if not answer.ok:
            return False
        self._headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        return True

    def _call(self, method: str, path: str, **options: Any) -> Any:
        return self._read(requests.request(method, self.url + path, headers=self._headers, timeout=30, **options))

    def _read(self, answer: requests.Response) -> Any:
        assert answer.ok, f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text[:500]}"
        return answer.json()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _living(session: int) -> list[int]:
    """Return the processes of a session: tasks have process groups of their own."""
    found = []
    for process in psutil.process_iter():
        with suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
    return found
