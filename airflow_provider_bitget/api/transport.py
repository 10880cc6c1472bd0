# SPDX-License-Identifier: Apache-2.0
"""Bytes out, bytes in: one keep-alive session, two timeouts, no redirects, verified TLS."""

from __future__ import annotations

import http.client
import io
import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from airflow_provider_bitget.api.exceptions import BitgetConfigError

CONNECT_TIMEOUT: Final = 3.0
"""Seconds to wait for a connection."""

CONNECTIONS: Final = 32
"""Connections that are kept for reuse; as many as there are requests in flight at most."""

_LARGEST_ANSWER: Final = 32 * 1024 * 1024
_READ_SIZE: Final = 65_536
_OWN_PORT: Final = {"https": ":443", "http": ":80"}


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back, before anything is made of it."""

    status: int
    body: bytes


class TransportFailure(Exception):
    """No answer came back, or only a part of one.

    :param reason: what happened, without addresses or header values.
    :param sent: whether the request may have reached the exchange.
    """

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent


def _nothing() -> None:
    """Nothing is to be done."""


class Transport(Protocol):
    """Sends one request and returns the answer's bytes."""

    def send(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        timeout: float,
        on_connected: Callable[[], None],
        on_writing: Callable[[], None] = _nothing,
    ) -> HttpAnswer:
        """Send one request.

        :param method: HTTP method.
        :param target: path and percent-encoded query.
        :param headers: all headers of the request.
        :param body: the bytes to send, empty for none.
        :param timeout: seconds for the whole exchange of request and answer.
        :param on_connected: called after a new connection was opened and before the request is written to it.
        :param on_writing: called when everything else is done and the request's first byte is about to leave.
        :raises TransportFailure: no complete answer came back.
        """

    def close(self) -> None:
        """Close the idle connections."""


class HttpTransport:
    """The real transport, over ``requests``.

    :param base_url: scheme and host, for example ``https://api.bitget.com``.
    :raises BitgetConfigError: the URL is not https (http is allowed on the loopback only), or carries more than a host.
    """

    def __init__(self, base_url: str) -> None:
        self.base_url = check_base_url(base_url)
        self._session = _Session()
        adapter = _AnnouncingAdapter(pool_connections=1, pool_maxsize=CONNECTIONS)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        # Read once: a proxy or a private CA of the machine is respected, but a loopback call never leaves it.
        settings = self._session.merge_environment_settings(self.base_url, {}, None, None, None)
        self._proxies = {} if is_loopback(self.base_url) else dict(settings["proxies"])
        self._verify = settings["verify"]
        self._session.trust_env = False

    def send(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        timeout: float,
        on_connected: Callable[[], None],
        on_writing: Callable[[], None] = _nothing,
    ) -> HttpAnswer:
        """Send one request; see :class:`Transport`."""
        request = requests.PreparedRequest()
        request.prepare_method(method)
        request.prepare_headers(dict(headers))
        # Set, not prepared: the bytes that were signed are the bytes that are sent.
        request.url = self.base_url + target
        request.body = body or None
        request.hooks = {"response": []}
        if body:
            request.headers["Content-Length"] = str(len(body))
        _attempt.begin(on_connected, on_writing, give_up=time.monotonic() + timeout)
        try:
            response = self._session.send(
                request,
                timeout=(min(CONNECT_TIMEOUT, timeout), timeout),
                allow_redirects=False,
                stream=True,
                proxies=self._proxies,
                verify=self._verify,
            )
            with response:
                return HttpAnswer(response.status_code, _read(response))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as failure:
            raise TransportFailure(_name(failure), sent=_attempt.sent) from None
        finally:
            _attempt.end()

    def close(self) -> None:
        """Close the idle connections."""
        self._session.close()


def answer_within(seconds: float) -> None:
    """Start the answer's time anew. For ``on_connected`` and ``on_writing``, which may have waited for long.

    :param seconds: how long the answer may take from now on.
    """
    _attempt.give_up = time.monotonic() + seconds


def check_base_url(base_url: str) -> str:
    """Return the URL without a trailing slash.

    :raises BitgetConfigError: it is not https, or has a user, path, query or fragment.
    """
    try:
        parts = urlsplit(base_url)
        is_valid = parts.scheme in ("https", "http") and (parts.port is None or parts.port > 0)
    except ValueError:
        is_valid = False
    if not is_valid or not _is_host(parts.hostname):
        raise BitgetConfigError(
            "The connection's host must be a base URL such as https://api.bitget.com, and this one is not.",
            field="host",
        )
    if parts.username or parts.password or parts.path.strip("/") or parts.query or parts.fragment:
        raise BitgetConfigError(
            "The connection's host must be scheme and host only, such as https://api.bitget.com, without user, path or "
            "query.",
            field="host",
        )
    if parts.scheme == "http" and not is_loopback(base_url):
        raise BitgetConfigError(
            f"The connection's host {parts.hostname!r} is plain http: key and passphrase would travel in clear. "
            "Use https; http is for the sandbox on the loopback only.",
            field="host",
        )
    # In lower case and without the scheme's own port: one host has one limit, however it is written.
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(_OWN_PORT[parts.scheme])}"


def is_loopback(base_url: str) -> bool:
    """Whether the URL's host is this machine's loopback."""
    host = urlsplit(base_url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_host(name: str | None) -> bool:
    if not name:
        return False
    try:
        return ":" in name or (bool(name.encode("idna")) and not set(name) & set(" \\%"))
    except UnicodeError:
        return False


def _read(response: requests.Response) -> bytes:
    """Read the body in whatever pieces arrive."""
    chunks: list[bytes] = []
    size = 0
    while True:
        chunk = response.raw.read1(_READ_SIZE, decode_content=True)
        if not chunk:
            break
        chunks.append(chunk)
        size += len(chunk)
        if size > _LARGEST_ANSWER:
            raise TransportFailure("the answer is larger than 32 MiB", sent=True)
    expected = response.headers.get("Content-Length", "")
    if expected.isdecimal() and "Content-Encoding" not in response.headers and size < int(expected):
        raise TransportFailure("the answer was cut off", sent=True)
    return b"".join(chunks)


def _name(failure: BaseException) -> str:
    """Say what happened by the failure's type: its text can hold addresses, and headers where one was malformed."""
    names = {
        "ConnectTimeout": "no connection in time",
        "ReadTimeout": "no answer in time",
        "ConnectionError": "the connection failed or was reset",
        "ChunkedEncodingError": "the answer was cut off",
        "ProtocolError": "the answer was cut off",
        "IncompleteRead": "the answer was cut off",
        "SSLError": "the TLS certificate could not be verified or the handshake failed",
        "ProxyError": "the proxy failed",
        "ReadTimeoutError": "no answer in time",
    }
    return names.get(type(failure).__name__, f"the connection failed ({type(failure).__name__})")


class _Session(requests.Session):
    def get_redirect_target(self, resp: Any) -> None:
        """Name no target: even where it follows none, the session would read the body and build the next request."""


class _Attempt(threading.local):
    """What the attempt that runs in this thread asks of its connection, and what became of it."""

    on_connected: Callable[[], None] | None = None
    on_writing: Callable[[], None] | None = None
    give_up: float = float("inf")
    connecting: bool = False
    #: Whether a byte of the request may have left.
    sent: bool = False

    def begin(self, on_connected: Callable[[], None], on_writing: Callable[[], None], *, give_up: float) -> None:
        self.on_connected, self.on_writing = on_connected, on_writing
        self.give_up, self.connecting, self.sent = give_up, False, False

    def end(self) -> None:
        self.on_connected = self.on_writing = None


_attempt = _Attempt()


class _BoundedSocket(io.RawIOBase):
    """Reads from a socket, but not past the attempt's end, however slowly the bytes drip in.

    A socket's own timeout counts anew with every byte.
    """

    def __init__(self, source: io.RawIOBase, sock: socket.socket) -> None:
        self._source = source
        self._sock = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = _attempt.give_up - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left)
        return self._source.readinto(buffer)

    def close(self) -> None:
        self._source.close()
        super().close()


class _BoundedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_BoundedSocket(self.fp.detach(), sock))


class _AnnouncesConnect:
    """Tells the attempt that runs in this thread that it had to open a connection, and when it begins to write."""

    def connect(self) -> None:
        _attempt.connecting = True
        super().connect()  # type: ignore[misc]  # mixed into urllib3's connections
        _attempt.connecting = False
        if _attempt.on_connected is not None:
            _attempt.on_connected()

    def send(self, data: Any) -> None:
        if self.sock is None:  # type: ignore[attr-defined]
            self.connect()
        # While connecting, what is written is for a proxy.
        if not _attempt.connecting and not _attempt.sent:
            if _attempt.on_writing is not None:
                _attempt.on_writing()
            _attempt.sent = True
        super().send(data)  # type: ignore[misc]


class _AnnouncingHttpConnection(_AnnouncesConnect, HTTPConnection):
    response_class = _BoundedResponse


class _AnnouncingHttpsConnection(_AnnouncesConnect, HTTPSConnection):
    response_class = _BoundedResponse


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _AnnouncingHttpConnection


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _AnnouncingHttpsConnection


_POOLS: Final = {"http": _HttpPool, "https": _HttpsPool}


class _AnnouncingAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager
