# SPDX-License-Identifier: Apache-2.0
"""Time that only the test moves, a wire that follows a script, and tiny servers for what only a socket shows."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from airflow_provider_bitget.api.client import BitgetClient
from airflow_provider_bitget.api.credentials import Credentials
from airflow_provider_bitget.api.rate_limit import LimiterRegistry
from airflow_provider_bitget.api.transport import HttpAnswer, TransportFailure

KEY = "bg_0123456789abcdef"
SECRET = "testSecret0123456789"
PASSPHRASE = "correct-horse"
CREDENTIALS = Credentials(KEY, SECRET, PASSPHRASE)
START = 1_767_225_600.0


class VirtualTime:
    """A clock on which waiting takes no time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []
        #: Called after every wait, for what another thread would do meanwhile.
        self.meanwhile: Callable[[], None] = lambda: None

    def time(self) -> float:
        return START + self.now

    def monotonic(self) -> float:
        return self.now

    def wait(self, seconds: float, wake: threading.Event) -> bool:
        if not wake.is_set():
            self.waits.append(seconds)
            self.now += max(0.0, seconds)
            self.meanwhile()
        return wake.is_set()


class CrowdTime:
    """Virtual time for threads: it moves on when every one of them waits for it, or for one that does."""

    def __init__(self) -> None:
        self.now = 0.0
        self._changed = threading.Condition()
        self._changes = 0
        self._wake_at: dict[int, float] = {}

    def time(self) -> float:
        return START + self.now

    def monotonic(self) -> float:
        return self.now

    def wait(self, seconds: float, wake: threading.Event) -> bool:
        me = threading.get_ident()
        with self._changed:
            self._wake_at[me] = self.now + max(0.0, seconds)
            self._changes += 1
            self._changed.notify_all()
            while me in self._wake_at and not wake.is_set():
                self._changed.wait(0.02)
            self._wake_at.pop(me, None)
            self._changes += 1
        return wake.is_set()

    def run(self, jobs: Iterable[Callable[[], None]]) -> None:
        """Run jobs side by side to their end."""
        threads = [threading.Thread(target=job, daemon=True) for job in jobs]
        for thread in threads:
            thread.start()
        while alive := [thread for thread in threads if thread.is_alive()]:
            with self._changed:
                # Who waits for a lock is not seen here: it counts as waiting once nothing has changed for a moment.
                before = self._changes
                if len(self._wake_at) < len(alive):
                    self._changed.wait(0.01)
                if self._wake_at and self._changes == before:
                    self._advance()

    def _advance(self) -> None:
        self.now = max(self.now, min(self._wake_at.values()))
        for ident in [ident for ident, at in self._wake_at.items() if at <= self.now]:
            del self._wake_at[ident]
        self._changed.notify_all()


@dataclass(frozen=True)
class Sent:
    """A request as it left us."""

    moment: float
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    timeout: float

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


def envelope(code: str = "00000", data: Any = None, *, status: int | None = None, msg: str = "text") -> HttpAnswer:
    """An answer of the exchange: HTTP 400 unless it is a success."""
    content = {"code": code, "msg": msg, "requestTime": int(START * 1000), "data": data}
    return HttpAnswer(status or (200 if code == "00000" else 400), json.dumps(content).encode())


TOO_MANY = envelope("429", status=429, msg="Too Many Requests")
HTML = HttpAnswer(502, b"<html>Bad Gateway</html>")
NEVER_SENT = TransportFailure("no connection in time", sent=False)
LOST = TransportFailure("the connection failed or was reset", sent=True)
OK = envelope()

Outcome = HttpAnswer | BaseException


@dataclass
class Script:
    """Answers in the order in which they were written down; the last one again and again."""

    clock: VirtualTime
    outcomes: list[Outcome]
    sent: list[Sent] = field(default_factory=list)
    connect_first: Callable[[], None] | None = None
    #: What happens before the request's first byte leaves.
    busy_first: Callable[[], None] = lambda: None
    answer_takes: float = 0.0

    def send(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        timeout: float,
        on_connected: Callable[[], None],
        on_writing: Callable[[], None] = lambda: None,
    ) -> HttpAnswer:
        if self.connect_first is not None:
            self.connect_first()
            on_connected()
        self.busy_first()
        on_writing()
        self.sent.append(Sent(self.clock.monotonic(), method, target, dict(headers), body, timeout))
        self.clock.now += min(self.answer_takes, timeout)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def close(self) -> None:
        """Nothing is open."""


def scripted(*outcomes: Outcome, **options: Any) -> tuple[BitgetClient, Script, VirtualTime]:
    """A client whose exchange follows a script, in virtual time."""
    clock = VirtualTime()
    script = Script(clock, list(outcomes))
    client = BitgetClient(CREDENTIALS, clock=clock, transport=script, limiters=LimiterRegistry(clock), **options)
    return client, script, clock


@dataclass
class LocalServer:
    """A server on the loopback that writes down what reached it."""

    url: str
    requests: list[tuple[str, str, Mapping[str, str], bytes]] = field(default_factory=list)
    connections: int = 0


@contextmanager
def local_server(
    status: int = 200, body: bytes = b"{}", headers: Mapping[str, str] | None = None, ssl_context: Any = None
) -> Iterator[LocalServer]:
    """Serve one answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5
        wbufsize = -1

        def setup(self) -> None:
            record.connections += 1
            super().setup()

        def answer(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            record.requests.append((self.command, self.path, dict(self.headers), sent))
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        do_GET = do_POST = do_CONNECT = answer

        def log_message(self, format: str, *args: Any) -> None:
            """Keep the test's output clean."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that hangs up is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    scheme = "http"
    if ssl_context is not None:
        server.socket = ssl_context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    record = LocalServer(f"{scheme}://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield record
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serve one connection with whatever ``talk`` writes after the request's headers came."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            try:
                connection.recv(65_536)
                talk(connection)
            except OSError:
                return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        # Wakes who still waits for a caller.
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
