# SPDX-License-Identifier: Apache-2.0
"""Bytes out, bytes in: one keep-alive session, two timeouts, no redirects, verified TLS."""

from __future__ import annotations

import ipaddress
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
    ) -> HttpAnswer:
        """Send one request.

        :param method: HTTP method.
        :param target: path and percent-encoded query.
        :param headers: all headers of the request.
        :param body: the bytes to send, empty for none.
        :param timeout: seconds for the whole exchange of request and answer.
        :param on_connected: called after a new connection was opened and before the request is written to it.
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
        self._session = requests.Session()
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
        give_up = time.monotonic() + timeout
        _callbacks.on_connected = on_connected
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
                return HttpAnswer(response.status_code, _read(response, give_up))
        except (requests.ConnectTimeout, requests.exceptions.ProxyError) as failure:
            raise TransportFailure(_name(failure), sent=False) from None
        except requests.ConnectionError as failure:
            raise TransportFailure(_name(failure), sent=not _never_connected(failure)) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as failure:
            raise TransportFailure(_name(failure), sent=True) from None
        finally:
            _callbacks.on_connected = None

    def close(self) -> None:
        """Close the idle connections."""
        self._session.close()


def check_base_url(base_url: str) -> str:
    """Return the URL without a trailing slash.

    :raises BitgetConfigError: it is not https, or has a user, path, query or fragment.
    """
    parts = urlsplit(base_url)
    try:
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        port_is_valid = False
    if parts.scheme not in ("https", "http") or not parts.hostname or not port_is_valid:
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
    return f"{parts.scheme}://{parts.netloc}"


def is_loopback(base_url: str) -> bool:
    """Whether the URL's host is this machine's loopback."""
    host = urlsplit(base_url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read(response: requests.Response, give_up: float) -> bytes:
    """Read the body in whatever pieces arrive, so that a dripping answer cannot outlast the timeout."""
    chunks: list[bytes] = []
    size = 0
    while True:
        chunk = response.raw.read1(_READ_SIZE, decode_content=True)
        if not chunk:
            break
        chunks.append(chunk)
        size += len(chunk)
        if time.monotonic() > give_up:
            raise TransportFailure("the answer came too slowly", sent=True)
        if size > _LARGEST_ANSWER:
            raise TransportFailure("the answer is larger than 32 MiB", sent=True)
    expected = response.headers.get("Content-Length", "")
    if expected.isdigit() and "Content-Encoding" not in response.headers and size < int(expected):
        raise TransportFailure("the answer was cut off", sent=True)
    return b"".join(chunks)


def _never_connected(failure: BaseException) -> bool:
    reason = failure.args[0] if failure.args else None
    reason = getattr(reason, "reason", reason)
    return isinstance(reason, (urllib3.exceptions.NewConnectionError, urllib3.exceptions.NameResolutionError))


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


class _Callbacks(threading.local):
    on_connected: Callable[[], None] | None = None


_callbacks = _Callbacks()


class _AnnouncesConnect:
    """Tells the attempt that runs in this thread that it had to open a connection first."""

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]  # mixed into urllib3's connections
        if _callbacks.on_connected is not None:
            _callbacks.on_connected()


class _AnnouncingHttpConnection(_AnnouncesConnect, HTTPConnection):
    pass


class _AnnouncingHttpsConnection(_AnnouncesConnect, HTTPSConnection):
    pass


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _AnnouncingHttpConnection


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _AnnouncingHttpsConnection


class _AnnouncingAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
