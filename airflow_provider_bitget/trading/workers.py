# SPDX-License-Identifier: Apache-2.0
"""Requests in flight at the same time, so that the round trip does not add up.

The threads are daemons: a request that hangs can delay neither the report nor the end of the process. Results come back
through a queue on which the main thread waits in short steps, so that a signal (Airflow's timeout, a kill) takes
effect.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any, Protocol

Job = Callable[[], Any]
Done = tuple[Any, Any, BaseException | None]


class Workers(Protocol):
    """Runs jobs and hands back what came of them."""

    def submit(self, tag: Any, job: Job) -> None:
        """Queue a job; ``tag`` comes back with its result."""

    def next_done(self, timeout: float) -> Done | None:
        """Return ``(tag, result, error)`` of a job that ended, or ``None`` after ``timeout`` seconds."""

    def close(self) -> None:
        """Let the threads end once they are idle."""


class ThreadedWorkers:
    """A bounded number of daemon threads.

    :param size: how many jobs run at the same time at most.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._jobs: queue.SimpleQueue[tuple[Any, Job] | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Done] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._unfinished = 0

    def submit(self, tag: Any, job: Job) -> None:
        """Queue a job, starting a thread for it while there are fewer than ``size``."""
        self._unfinished += 1
        self._jobs.put((tag, job))
        if len(self._threads) < min(self._size, self._unfinished):
            thread = threading.Thread(target=self._work, name=f"bitget-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def next_done(self, timeout: float) -> Done | None:
        """Return the next result, waiting for it at most ``timeout`` seconds."""
        try:
            done = self._done.get(timeout=timeout)
        except queue.Empty:
            return None
        self._unfinished -= 1
        return done

    def close(self) -> None:
        """Let every thread end after its current job."""
        for _ in self._threads:
            self._jobs.put(None)
        self._threads = []

    def _work(self) -> None:
        while (entry := self._jobs.get()) is not None:
            tag, job = entry
            try:
                self._done.put((tag, job(), None))
            except BaseException as error:  # noqa: BLE001  # handed to the waiting thread, which decides
                self._done.put((tag, None, error))
