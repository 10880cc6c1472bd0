# SPDX-License-Identifier: Apache-2.0
"""Servers on the loopback that the tests start, break and stop."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import redis

PATIENCE = 30.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def until(condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Wait for something, and say what did not happen."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {seconds:g} s"
        time.sleep(0.05)


@dataclass
class RedisServer:
    """A Redis that keeps nothing on disk."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, decode_responses=True)

    def start(self) -> None:
        program = shutil.which("redis-server")
        assert program, "redis-server is missing: make test-distributed says how to get it"
        words = f"--port {self.port} --bind 127.0.0.1 --appendonly no --dir {self.folder}".split()
        with (self.folder / "redis.log").open("ab") as log:
            self.process = subprocess.Popen([program, *words, "--save", ""], stdout=log, stderr=log)
        until(self._answers, "redis-server answers")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def hang(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self.process is not None
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        with suppress(redis.RedisError):
            return bool(self.client().ping())
        return False


@contextmanager
def slow_line(port: int, seconds: float) -> Iterator[int]:
    """Lead to a port on the loopback by a line on which every byte takes so long, each way."""
    listener = socket.create_server(("127.0.0.1", 0))

    def carry(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                # One question at a time travels on each of the client's connections, so a pause is a delay.
                time.sleep(seconds)
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", port))
            for pair in ((near, far), (far, near)):
                threading.Thread(target=carry, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def end_session(leader: int) -> None:
    """Kill every process of a session, whatever its group, and wait until none is left."""

    def alive() -> list[int]:
        listed = subprocess.run(
            ["ps", "-o", "pid=,stat=", "--sid", str(leader)], capture_output=True, text=True, check=False
        ).stdout
        rows = [line.split() for line in listed.splitlines()]
        # A process that has ended may be listed until somebody asks what became of it.
        return [int(pid) for pid, state in rows if not state.startswith("Z")]

    for pid in alive():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until(lambda: not alive(), f"session {leader} ends")
