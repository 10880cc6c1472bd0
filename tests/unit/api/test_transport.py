# SPDX-License-Identifier: Apache-2.0
"""What travels over the wire, to whom, for how long, and what is known when nothing comes back."""

from __future__ import annotations

import datetime
import ipaddress
import logging
import socket
import ssl
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_provider_bitget.api.client import BitgetClient, Endpoint
from airflow_provider_bitget.api.exceptions import (
    BitgetAmbiguousError,
    BitgetBadRequestError,
    BitgetCallError,
    BitgetConfigError,
    BitgetTransientError,
)
from airflow_provider_bitget.api.rate_limit import LimiterRegistry
from airflow_provider_bitget.api.transport import (
    HttpAnswer,
    HttpTransport,
    TransportFailure,
    answer_within,
    check_base_url,
)
from tests.unit.api.wire import CREDENTIALS, KEY, PASSPHRASE, SECRET, envelope, local_server, raw_server

PENDING = Endpoint("GET", "/api/v2/mix/order/orders-pending", limit=1000)
SECRETS = (KEY, SECRET, PASSPHRASE)


def send(
    transport: HttpTransport, *, timeout: float = 5.0, on_connected: Callable[[], None] = lambda: None
) -> HttpAnswer:
    return transport.send("GET", "/", headers={}, body=b"", timeout=timeout, on_connected=on_connected)


def failure_of(url: str, *, timeout: float = 5.0) -> TransportFailure:
    transport = HttpTransport(url)
    with pytest.raises(TransportFailure) as caught:
        send(transport, timeout=timeout)
    transport.close()
    return caught.value


def client_of(url: str) -> BitgetClient:
    return BitgetClient(CREDENTIALS, base_url=url, limiters=LimiterRegistry())


# --------------------------------------------------------------------------------------------------- where it goes


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://api.bitget.com", "https://api.bitget.com"),
        ("https://api.bitget.com/", "https://api.bitget.com"),
        ("HTTPS://API.Bitget.com", "https://api.bitget.com"),
        ("https://api.bitget.com:8443", "https://api.bitget.com:8443"),
        ("https://api.bitget.com:443", "https://api.bitget.com"),
        ("https://api.bitget.com:443/", "https://api.bitget.com"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ("http://127.0.0.1:8787", "http://127.0.0.1:8787"),
        ("http://127.8.9.10", "http://127.8.9.10"),
        ("http://127.8.9.10:80", "http://127.8.9.10"),
        ("http://127.8.9.10:443", "http://127.8.9.10:443"),
        ("https://[2001:db8::443]", "https://[2001:db8::443]"),
        ("http://localhost:8787", "http://localhost:8787"),
        ("http://[::1]:8787", "http://[::1]:8787"),
    ],
)
def test_https_and_the_loopback_are_allowed(given: str, used: str) -> None:
    assert check_base_url(given) == used


@pytest.mark.parametrize(
    "url",
    [
        "http://api.bitget.com",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://[::ffff:10.0.0.1]",
        "http://2130706433",
        "ftp://127.0.0.1",
        "ws://127.0.0.1",
        "file:///etc/passwd",
        "api.bitget.com",
        "",
        "https://",
        "https:///path",
        "https://[",
        "https://api..bitget.com",
        "https://api bitget.com",
        "https://api.bitget.com\\.example.com",
        "https://api.bitget.com:port",
        "https://api.bitget.com:0",
        "https://api.bitget.com:99999",
        "https://user@api.bitget.com",
        "https://user:word@api.bitget.com",
        "https://api.bitget.com@example.com",
        "http://example.com\\@127.0.0.1",
        "https://api.bitget.com/api/v2",
        "https://api.bitget.com?x=1",
        "https://api.bitget.com#x",
    ],
)
def test_host_that_would_leak_or_lead_elsewhere_is_refused_by_name(url: str) -> None:
    with pytest.raises(BitgetConfigError) as refusal:
        check_base_url(url)

    assert refusal.value.field == "host"
    assert "host" in str(refusal.value)
    assert "word" not in str(refusal.value)


@pytest.mark.parametrize("make", [HttpTransport, client_of])
def test_no_session_can_be_made_with_a_plain_http_host(make: Callable[[str], object]) -> None:
    with pytest.raises(BitgetConfigError):
        make("http://api.bitget.com")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("body", [b"", b"<html>moved</html>"])
def test_redirect_is_not_followed_and_its_target_sees_no_header(status: int, body: bytes) -> None:
    with (
        local_server(body=envelope().body) as target,
        local_server(status, body, {"Location": f"{target.url}/stolen"}) as origin,
    ):
        client = client_of(origin.url)
        with pytest.raises(BitgetBadRequestError, match="redirect") as caught:
            client.call(PENDING, attempts=3)
        client.close()

    assert len(origin.requests) == 1
    assert target.connections == 0
    assert caught.value.http_status == status


@pytest.mark.parametrize("location", ["http://[", "https://", "//", "\\", "/again"])
def test_odd_redirect_targets_are_redirects_all_the_same(location: str) -> None:
    with local_server(302, b"", {"Location": location}) as origin:
        client = client_of(origin.url)
        with pytest.raises(BitgetBadRequestError, match="redirect"):
            client.call(PENDING)
        client.close()


def test_cookies_are_not_kept() -> None:
    with local_server(body=b"{}", headers={"Set-Cookie": "session=1; Path=/"}) as server:
        transport = HttpTransport(server.url)
        send(transport)
        send(transport)
        transport.close()

    assert [request[2].get("Cookie") for request in server.requests] == [None, None]


def test_proxy_of_the_environment_never_sees_a_loopback_call(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with local_server() as proxy, local_server(body=b"direct") as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, proxy.url)
        transport = HttpTransport(server.url)
        assert send(transport).body == b"direct"
        transport.close()

    assert proxy.connections == 0


def test_proxy_of_the_environment_is_used_for_the_exchange_and_its_refusal_means_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with local_server(403) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        failure = failure_of("https://exchange.invalid")

    assert [(method, target) for method, target, _, _ in proxy.requests] == [("CONNECT", "exchange.invalid:443")]
    assert not failure.sent
    assert "proxy" in failure.reason


# ------------------------------------------------------------------------------------------------------ keep-alive


def test_requests_share_one_connection() -> None:
    with local_server() as server:
        transport = HttpTransport(server.url)
        for _ in range(10):
            send(transport)
        transport.close()

    assert (len(server.requests), server.connections) == (10, 1)


def test_connection_is_announced_when_it_was_opened_and_only_then() -> None:
    seen: list[int] = []
    with local_server() as server:
        transport = HttpTransport(server.url)
        for _ in range(3):
            send(transport, on_connected=lambda: seen.append(len(server.requests)))
        transport.close()

    # Announced once, before the first request was written.
    assert seen == [0]


def test_writing_is_announced_once_for_each_request_before_its_first_byte() -> None:
    seen: list[int] = []
    with local_server() as server:
        transport = HttpTransport(server.url)
        for _ in range(3):
            transport.send(
                "POST",
                "/",
                headers={},
                body=b"x" * 10_000,
                timeout=5.0,
                on_connected=lambda: None,
                on_writing=lambda: seen.append(len(server.requests)),
            )
        transport.close()

    assert seen == [0, 1, 2]
    assert server.connections == 1


def test_interrupt_of_a_request_that_is_about_to_leave_sends_nothing() -> None:
    class Timeout(BaseException):
        """What Airflow raises in the main thread."""

    def interrupt() -> None:
        raise Timeout

    with local_server() as server:
        transport = HttpTransport(server.url)
        send(transport)
        with pytest.raises(Timeout):
            transport.send(
                "GET", "/", headers={}, body=b"", timeout=5.0, on_connected=lambda: None, on_writing=interrupt
            )
        assert send(transport).status == 200
        transport.close()

    assert len(server.requests) == 2


def test_interrupt_while_a_new_connection_waits_for_its_slot_sends_nothing() -> None:
    class Timeout(BaseException):
        """What Airflow raises in the main thread."""

    def interrupt() -> None:
        raise Timeout

    with local_server() as server:
        transport = HttpTransport(server.url)
        with pytest.raises(Timeout):
            send(transport, on_connected=interrupt)
        assert send(transport).status == 200
        transport.close()

    assert len(server.requests) == 1


# -------------------------------------------------------------------------------------------------------- timeouts


def drip(first: bytes, pieces: int = 30) -> Callable[[socket.socket], None]:
    """Write a beginning, then so many pieces, then nothing for as long as the client stays."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(first)
        for _ in range(pieces):
            connection.sendall(b"x")
            time.sleep(0.05)
        connection.recv(1)

    return talk


@pytest.mark.parametrize(
    "talk",
    [
        drip(b""),
        drip(b"HTTP/1.1 200 OK\r\nX-Slow: "),
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n"),
        drip(b"HTTP/1.1 200 OK\r\n\r\n"),
        drip(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 60\r\n\r\n"),
        drip(b"", 0),
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", 0),
    ],
    ids=["status line", "headers", "body", "body without length", "redirect", "silence", "silence in the body"],
)
def test_answer_takes_no_longer_than_its_timeout_however_it_drips(talk: Callable[[socket.socket], None]) -> None:
    with raw_server(talk) as url:
        started = time.monotonic()
        failure = failure_of(url, timeout=0.25)
        took = time.monotonic() - started

    assert failure.sent
    # All of it would take one and a half.
    assert 0.2 <= took < 1.4


def test_wait_for_a_slot_after_connecting_is_not_taken_off_the_answers_time() -> None:
    with local_server(body=b"in time") as server:
        transport = HttpTransport(server.url)

        def wait_and_count_anew() -> None:
            time.sleep(0.3)
            answer_within(2.0)

        assert send(transport, timeout=0.2, on_connected=wait_and_count_anew).body == b"in time"
        transport.close()


def test_time_that_a_connection_gave_to_its_answer_is_forgotten_with_the_next_request() -> None:
    def hang(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        connection.recv(65_536)
        time.sleep(1.5)

    with raw_server(hang) as url:
        transport = HttpTransport(url)
        send(transport, on_connected=lambda: answer_within(60.0))
        started = time.monotonic()
        with pytest.raises(TransportFailure):
            send(transport, timeout=0.2)
        took = time.monotonic() - started
        transport.close()

    assert took < 1.4


# -------------------------------------------------------------------------------- what is known without an answer


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize(
    "talk",
    [
        reset,
        lambda connection: None,
        lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
        lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"),
        lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{"),
        lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nnot gzip"),
        lambda connection: connection.sendall(b"garbage\r\n\r\n"),
        lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n"),
    ],
    ids=["reset", "closed", "cut off", "cut chunk", "bad chunk", "bad gzip", "garbage", "endless header"],
)
def test_request_that_got_no_whole_answer_may_have_been_carried_out(talk: Callable[[socket.socket], None]) -> None:
    with raw_server(talk) as url:
        assert failure_of(url).sent


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def test_refused_connection_means_not_sent() -> None:
    assert not failure_of(f"http://127.0.0.1:{free_port()}").sent


def test_host_without_an_address_means_not_sent() -> None:
    assert not failure_of("https://exchange.invalid", timeout=2).sent


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for the loopback that signs itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    today = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        built.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


def context_of(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_certificate_that_nobody_vouches_for_is_refused_before_anything_is_sent(certificate: Path) -> None:
    with local_server(ssl_context=context_of(certificate)) as server:
        failure = failure_of(server.url)

    assert "certificate" in failure.reason
    assert not failure.sent
    assert server.requests == []


def test_private_authority_of_the_machine_is_respected(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    announced: list[bool] = []
    with local_server(body=b"over tls", ssl_context=context_of(certificate)) as server:
        transport = HttpTransport(server.url)
        assert send(transport, on_connected=lambda: announced.append(True)).body == b"over tls"
        assert send(transport).body == b"over tls"
        transport.close()

    assert announced == [True]
    assert server.connections == 1


@pytest.mark.parametrize(
    ("url", "kind", "maybe"),
    [("refused", BitgetTransientError, False), ("reset", BitgetAmbiguousError, True)],
)
def test_failed_call_says_whether_it_may_have_been_carried_out_and_shows_no_secret(
    url: str, kind: type[BitgetCallError], maybe: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with raw_server(reset) as resetting:
        client = client_of(resetting if url == "reset" else f"http://127.0.0.1:{free_port()}")
        with pytest.raises(kind) as caught:
            client.call(PENDING, attempts=1)
        client.close()

    assert caught.value.maybe_processed is maybe
    for text in (str(caught.value), repr(caught.value), caplog.text, repr(client), repr(vars(caught.value))):
        assert not [secret for secret in SECRETS if secret in text]
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_nothing_that_is_logged_at_any_level_holds_a_secret_or_a_signature(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with local_server(body=envelope().body) as server:
        client = client_of(server.url)
        client.call(PENDING, params=[("symbol", "BTCUSDT")])
        client.close()

    signature = server.requests[0][2]["ACCESS-SIGN"]
    assert "orders-pending" in caplog.text
    assert not [secret for secret in (*SECRETS, signature) if secret in caplog.text]


def test_answer_larger_than_memory_should_hold_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_provider_bitget.api.transport._LARGEST_ANSWER", 1000)
    with local_server(body=b"x" * 200_000) as server:
        failure = failure_of(server.url)

    assert failure.sent
    assert "larger" in failure.reason
