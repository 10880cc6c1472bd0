# SPDX-License-Identifier: Apache-2.0
"""The socket in front of the exchange: it carries out replies, and has the owner at ``/sandbox/``.

This is the only module that needs the extra ``sandbox``.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from uvicorn.protocols.http.h11_impl import H11Protocol

from airflow_provider_bitget.sandbox.answers import Reply
from airflow_provider_bitget.sandbox.owner import Owner

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# Seconds between two pieces of a dripping body.
DRIP_INTERVAL = 0.01

START_TIMEOUT = 30.0
STOP_TIMEOUT = 10.0
LOOPBACK_NAMES = ("127.0.0.1", "localhost")


class Connections:
    """The open connections by the client's address, and which of them have carried no request yet."""

    def __init__(self) -> None:
        self._transports: dict[Any, asyncio.Transport] = {}
        self._fresh: set[Any] = set()

    def opened(self, transport: asyncio.Transport) -> None:
        """Take note of a new connection.

        :param transport: the connection.
        """
        peer = transport.get_extra_info("peername")
        self._transports[peer] = transport
        self._fresh.add(peer)

    def closed(self, transport: asyncio.Transport) -> None:
        """Forget a connection.

        :param transport: the connection.
        """
        peer = transport.get_extra_info("peername")
        if self._transports.get(peer) is transport:
            del self._transports[peer]
            self._fresh.discard(peer)

    def first_use(self, peer: Any) -> bool:
        """Return True once for every connection.

        :param peer: the client's address.
        """
        fresh = peer in self._fresh
        self._fresh.discard(peer)
        return fresh

    def reset(self, peer: Any) -> None:
        """Reset a connection, so that the client sees ECONNRESET and not an orderly end.

        :param peer: the client's address.
        """
        transport = self._transports.get(peer)
        if transport is None:
            return
        # Lingering for zero seconds makes closing a socket send RST instead of FIN.
        linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()

    def close(self, peer: Any) -> None:
        """Close a connection after what was written to it has been sent.

        :param peer: the client's address.
        """
        transport = self._transports.get(peer)
        if transport is not None:
            transport.close()


class ExchangeApp:
    """The exchange's side: every path that isn't the owner's.

    :param owner: the exchange and its network.
    :param connections: the open connections.
    """

    def __init__(self, owner: Owner, connections: Connections) -> None:
        self._owner = owner
        self._connections = connections
        self._chance = random.Random(owner.exchange.rules.seed)  # noqa: S311 - reproducible on purpose

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request as an ASGI application."""
        if scope["type"] != "http":
            return
        body = await _body_of(receive)
        peer = tuple(scope["client"])
        await asyncio.sleep(self._way_there(peer))
        reply = self._owner.exchange.handle(
            scope["method"],
            scope["raw_path"].decode("latin-1"),
            scope["query_string"].decode("latin-1"),
            {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
            body,
            peer[0],
        )
        await asyncio.sleep(self._owner.network.latency / 2 + reply.delay)
        if reply.drop is not None:
            self._connections.reset(peer)
            return
        await self._send(reply, peer, send)

    def _way_there(self, peer: Any) -> float:
        network = self._owner.network
        seconds = network.latency / 2 + network.jitter * self._chance.random()
        if self._connections.first_use(peer):
            seconds += network.connection_round_trips * network.latency
        return seconds

    async def _send(self, reply: Reply, peer: Any, send: Send) -> None:
        length = len(reply.body) if reply.announced_length is None else reply.announced_length
        headers = {**reply.headers, "content-length": str(length)}
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": encoded})
        if reply.drip:
            for piece in _pieces(reply.body, reply.drip):
                await asyncio.sleep(DRIP_INTERVAL)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        elif reply.announced_length is not None:
            await send({"type": "http.response.body", "body": reply.body, "more_body": True})
            self._connections.close(peer)
        else:
            await send({"type": "http.response.body", "body": reply.body})


def _pieces(body: bytes, seconds: float) -> list[bytes]:
    """Cut a body into as many pieces as it takes to drip for so long, of a byte at least."""
    size = max(1, math.ceil(len(body) * DRIP_INTERVAL / seconds))
    return [body[start : start + size] for start in range(0, len(body), size)]


async def _body_of(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return b"".join(parts)


def build_app(owner: Owner, connections: Connections) -> FastAPI:
    """Return the whole application: the owner's side under ``/sandbox/``, the exchange everywhere else.

    :param owner: the exchange, its network and what the owner may do with them.
    :param connections: the open connections.
    """
    app = FastAPI(title="Bitget sandbox", docs_url=None, redoc_url=None, openapi_url=None)

    @app.exception_handler(ValueError)
    async def _refuse(_: Request, error: ValueError) -> Response:
        return _json({"error": str(error)}, 400)

    @app.get("/sandbox/{view}")
    async def _look(view: str, request: Request) -> Response:
        if not _is_loopback_name(request):
            return _json({"error": "the sandbox answers to its loopback name only"}, 403)
        return _json(owner.look(view, dict(request.query_params)))

    @app.post("/sandbox/{action}")
    async def _act(action: str, request: Request) -> Response:
        if not _is_loopback_name(request):
            return _json({"error": "the sandbox answers to its loopback name only"}, 403)
        options = json.loads(await request.body() or b"{}")
        if not isinstance(options, dict):
            raise ValueError(f"the options of {action} are no JSON object")
        return _json(owner.act(action, options))

    app.mount("/", ExchangeApp(owner, connections))
    return app


def _is_loopback_name(request: Request) -> bool:
    """Whether the request was meant for the loopback: a web page elsewhere can't forge the Host header."""
    return request.url.hostname in LOOPBACK_NAMES


def _json(content: Any, status: int = 200) -> Response:
    return Response(json.dumps(content), status_code=status, media_type="application/json")


class Server:
    """The application on a port of the loopback, in a thread of its own.

    :param owner: the exchange, its network and what the owner may do with them.
    :param host: the loopback address.
    :param port: the port, 0 for a free one.
    """

    def __init__(self, owner: Owner, host: str, port: int) -> None:
        self._connections = Connections()
        self._socket = _listen(host, port)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            build_app(owner, self._connections),
            http=_protocol(self._connections),
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            timeout_keep_alive=60,
        )
        self._server = _StartedServer(config)
        self._thread = threading.Thread(target=self._run, name="bitget-sandbox", daemon=True)

    def start(self) -> None:
        """Start serving, and return once connections are accepted.

        :raises RuntimeError: where that doesn't come to pass.
        """
        self._thread.start()
        if not self._server.ready.wait(START_TIMEOUT):
            raise RuntimeError("the sandbox did not start")

    def stop(self) -> None:
        """Stop serving; requests under way are dropped."""
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(STOP_TIMEOUT)
        self._socket.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])


class _StartedServer(uvicorn.Server):
    """A server that tells when it is ready."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def _listen(host: str, port: int) -> socket.socket:
    # The protocol is named so that asyncio recognises TCP and switches off Nagle's algorithm, which would add
    # 40 ms to most answers.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        # At once, so that a taken port is noticed here and not in the thread.
        listener.listen()
    except (OSError, OverflowError):
        listener.close()
        raise
    return listener


def _protocol(connections: Connections) -> type[H11Protocol]:
    """Return uvicorn's protocol with connections that can be found again by the client's address."""

    class KnownConnection(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            connections.opened(transport)
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            connections.closed(self.transport)
            super().connection_lost(exc)

    return KnownConnection
