# SPDX-License-Identifier: Apache-2.0
"""Airflow with PostgreSQL, Redis and two Celery workers, everything on the loopback."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from tests.distributed.services import RedisServer, end_session, free_port, until

REPOSITORY = Path(__file__).resolve().parents[2]
DAGS = Path(__file__).parent / "dags"
AIRFLOW = str(Path(sys.executable).with_name("airflow"))
START_SECONDS = 180.0
WORKERS = ("w1", "w2")


class Postgres:
    """A database server in a folder of its own, run by the user ``postgres`` where we are root: it refuses root."""

    def __init__(self) -> None:
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="bitget-postgres-"))
        self._is_root = os.geteuid() == 0
        if self._is_root:
            shutil.chown(self._folder, "postgres")
        self._bin = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]

    @property
    def url(self) -> str:
        return f"127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        data = self._folder / "data"
        self._run(f"{self._bin}/initdb -D {data} -A trust -U airflow --no-sync")
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder} -c fsync=off"
        self._run(f"{self._bin}/pg_ctl -D {data} -o {shlex.quote(options)} -l {self._folder}/log -w start")

    def stop(self) -> None:
        with suppress(subprocess.CalledProcessError):
            self._run(f"{self._bin}/pg_ctl -D {self._folder}/data -m immediate -w stop")
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, command: str) -> None:
        words = ["su", "postgres", "-s", "/bin/sh", "-c", command] if self._is_root else ["sh", "-c", command]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, cwd="/")


class AirflowStack:
    """The processes of an Airflow.

    :param folder: where its home and its logs lie.
    :param environment: what its processes find beside Airflow's own settings, such as connections.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self.redis = RedisServer(folder)
        self._postgres = Postgres()
        self._port = free_port()
        self._own = dict(environment)
        self._sessions: dict[str, int] = {}
        self._token = ""

    # ------------------------------------------------------------------------------------------ start and stop

    def start(self) -> None:
        self.redis.start()
        self._postgres.start()
        self._airflow("db migrate")
        self._airflow("pools set bitget_api 1 one")
        self._spawn("api-server", "api-server")
        self._spawn("scheduler", "scheduler --skip-serve-logs")
        self._spawn("dag-processor", "dag-processor")
        for name in WORKERS:
            self.start_worker(name)
        until(self._is_healthy, "Airflow is healthy", START_SECONDS)
        for dag in ("one_limit", "one_slot"):
            until(partial(self._knows, dag), f"Airflow knows the DAG {dag}", START_SECONDS)
        for name in WORKERS:
            until(partial(self._is_ready, name), f"worker {name} is ready", START_SECONDS)

    def start_worker(self, name: str) -> None:
        words = f"celery worker -H {name}@%h -c 4 -q default --skip-serve-logs"
        self._spawn(name, words, WORKER_NAME=name)

    def kill(self, name: str) -> None:
        """Kill a component and everything that it started, at once."""
        end_session(self._sessions.pop(name))

    def stop(self) -> None:
        for name in reversed(list(self._sessions)):
            with suppress(ProcessLookupError):
                os.kill(self._sessions[name], signal.SIGTERM)
        for name in list(self._sessions):
            self.kill(name)
        self._postgres.stop()
        self.redis.kill()

    def log_of(self, name: str) -> str:
        path = self._folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def environment(self) -> dict[str, str]:
        url = f"http://127.0.0.1:{self._port}"
        database = f"airflow:airflow@{self._postgres.url}"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        jwt = self._own.setdefault("AIRFLOW__API_AUTH__JWT_SECRET", secrets.token_hex(40))
        return {
            **kept,
            "PYTHONPATH": str(REPOSITORY),
            "NO_PROXY": "127.0.0.1,localhost",
            "AIRFLOW_HOME": str(self._folder / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CORE__HOSTNAME_CALLABLE": "tests.distributed.worker_name.get",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{database}",
            "AIRFLOW__CELERY__BROKER_URL": f"{self.redis.uri}/0",
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+postgresql+psycopg2://{database}",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self._port),
            "AIRFLOW__API__BASE_URL": url,
            # A dead worker's tasks are found within seconds, not within five minutes.
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "10",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
            "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
            # Not database 0, which is the broker's.
            "AIRFLOW_CONN_LIMITS": f"{self.redis.uri}/1",
            "BARRIER": f"{self.redis.uri}/2",
            **self._own,
            "AIRFLOW__API_AUTH__JWT_SECRET": jwt,
        }

    def _airflow(self, words: str) -> None:
        done = subprocess.run(
            [AIRFLOW, *words.split()], env=self.environment(), cwd=self._folder, capture_output=True, text=True
        )
        assert done.returncode == 0, f"airflow {words}: {done.stdout[-2000:]} {done.stderr[-2000:]}"

    def _spawn(self, name: str, words: str, **more: str) -> None:
        with (self._folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [AIRFLOW, *words.split()],
                env={**self.environment(), **more},
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Kept together: tasks run in process groups of their own, but in their worker's session.
                start_new_session=True,
            )
        self._sessions[name] = process.pid

    # ------------------------------------------------------------------------------------------------ questions

    def call(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(  # the loopback
            f"http://127.0.0.1:{self._port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.loads(answer.read() or b"null")

    def trigger(self, dag: str) -> str:
        """Start a run and return its id."""
        run: str = self.call("POST", f"/api/v2/dags/{dag}/dagRuns", {"logical_date": None, "conf": {}})["dag_run_id"]
        return run

    def state(self, dag: str, run: str) -> str:
        return str(self.call("GET", f"/api/v2/dags/{dag}/dagRuns/{run}")["state"])

    def tasks(self, dag: str, run: str) -> list[dict[str, Any]]:
        """Return the mapped tasks of a run in order."""
        listed = self.call("GET", f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances?limit=100")["task_instances"]
        return sorted((one for one in listed if one["task_id"] == "cancel"), key=lambda one: one["map_index"])

    def report(self, dag: str, run: str, map_index: int) -> dict[str, Any]:
        path = f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances/cancel/xcomEntries/return_value"
        value = self.call("GET", f"{path}?map_index={map_index}&deserialize=false")["value"]
        found: dict[str, Any] = json.loads(value) if isinstance(value, str) else value
        return found

    def _is_healthy(self) -> bool:
        with suppress(urllib.error.URLError, OSError):
            if not self._token:
                self._token = self.call("GET", "/auth/token")["access_token"]
            health = self.call("GET", "/api/v2/monitor/health")
            return all(health[part]["status"] == "healthy" for part in ("scheduler", "dag_processor"))
        return False

    def _is_ready(self, worker: str) -> bool:
        log = self.log_of(worker)
        assert "Traceback" not in log, log[-3000:]
        return " ready." in log

    def _knows(self, dag: str) -> bool:
        with suppress(urllib.error.URLError, OSError):
            return bool(self.call("GET", f"/api/v2/dags/{dag}"))
        return False
