# SPDX-License-Identifier: Apache-2.0
"""Runs an operator as Airflow would, without a DAG: what it gets from Airflow, and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import BaseOperator


class TaskInstance:
    """Keeps what is pushed to XCom; can refuse to."""

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        if self.broken:
            raise RuntimeError("the metadata database is away")
        self.pushed[key] = value


class StateStore:
    """Airflow 3.3's task state store: lives through the tries of a task."""

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken
        self.values: dict[str, str] = {}

    def get(self, key: str, default: Any = None) -> Any:
        if self.broken:
            raise RuntimeError("the state store is away")
        return json.loads(self.values[key]) if key in self.values else default

    def set(self, key: str, value: Any) -> None:
        if self.broken:
            raise RuntimeError("the state store is away")
        self.values[key] = json.dumps(value)


class Timeout(BaseException):
    """What Airflow raises in the main thread when execution_timeout is over."""


PATIENCE = 30.0
"""Seconds that a busy machine gets for what takes moments."""


def once(is_so: Callable[[], bool], act: Callable[[], None]) -> threading.Thread:
    """Do something, in a thread of its own, once something is so, or once there is no more patience."""

    def watch() -> None:
        give_up = time.monotonic() + PATIENCE
        while not is_so() and time.monotonic() < give_up:
            time.sleep(0.01)
        act()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


@contextmanager
def timeout_once(is_so: Callable[[], bool]) -> Iterator[None]:
    """Let execution_timeout be over once something is so: :class:`Timeout` is raised in the main thread."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise Timeout

    before = signal.signal(signal.SIGALRM, ring)
    watch = once(is_so, lambda: os.kill(os.getpid(), signal.SIGALRM))
    try:
        with pytest.raises(Timeout):
            yield
    finally:
        watch.join()
        signal.signal(signal.SIGALRM, before)


def run(task: BaseOperator, ti: TaskInstance | None = None, **context: Any) -> Any:
    """Run a task and return what it returns, which has to fit into XCom."""
    result = task.execute({"ti": ti or TaskInstance(), **context})  # type: ignore[typeddict-item]
    assert json.loads(json.dumps(result)) == result
    return result


def rendered(task: BaseOperator, **context: Any) -> BaseOperator:
    """Render the task's templates, as Airflow does before it runs it."""
    task.render_template_fields(context)  # type: ignore[arg-type]
    return task


def logged(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> list[str]:
    """Return what was logged, wherever this version of Airflow writes it."""
    return [*caplog.text.splitlines(), *"".join(capfd.readouterr()).splitlines()]
