# SPDX-License-Identifier: Apache-2.0
"""The exchange recognises us by what we sign, and what we sign is what we send."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitget.api.client import BitgetClient, Endpoint
from airflow_provider_bitget.api.credentials import Credentials
from airflow_provider_bitget.api.exceptions import BitgetConfigError
from airflow_provider_bitget.api.rate_limit import LimiterRegistry
from airflow_provider_bitget.api.signing import Query, RequestSigner, encode_body
from airflow_provider_bitget.sandbox import Account, Sandbox
from tests.unit.api.wire import CREDENTIALS, KEY, PASSPHRASE, SECRET, envelope, local_server

TIMESTAMP = 1_700_000_000_000
BATCH_CANCEL = "/api/v2/mix/order/batch-cancel-orders"
PENDING = "/api/v2/mix/order/orders-pending"
CANCEL_BODY = {"productType": "USDT-FUTURES", "symbol": "BTCUSDT", "orderIdList": [{"orderId": "121211212122"}]}
SIGNER = RequestSigner(CREDENTIALS)


@pytest.mark.parametrize(
    ("method", "path", "pairs", "body", "signature"),
    [
        ("POST", BATCH_CANCEL, [], encode_body(CANCEL_BODY), "kpf8IhX9W3tts9UULWFgGstT8Bf72xyopEwzANnt6ak="),
        ("POST", BATCH_CANCEL, [], json.dumps(CANCEL_BODY).encode(), "DFIUDHcu27qrMhPFAHGiB4YoJrM95uj1dvYVGmYnuE0="),
        (
            "GET",
            PENDING,
            [("symbol", "BTCUSDT"), ("limit", "100"), ("productType", "USDT-FUTURES")],
            b"",
            "F4w4UeeJQWPZ/fc9BagKAAW/FWD/8Ve8Ah9pRe7skEY=",
        ),
        ("GET", "/api/v2/public/time", [], b"", "PAqxWdTCOpfeSwOJsD22kIC8iYB/+NleUvVmYH3XVfQ="),
        (
            "POST",
            "/api/v2/mix/order/close-positions",
            [],
            encode_body({"productType": "USDT-FUTURES"}),
            "vBcYXaQBaBVnC5Et0P3KPu6NdcLbtaAcBmJsXlkXMJ4=",
        ),
        (
            "GET",
            PENDING,
            [("productType", "USDT-FUTURES"), ("symbol", "币安人生USDT")],
            b"",
            "1m2rlA9KDusqlTPA47MzfJ/AMxqtY6jn3WoSGIbk2/g=",
        ),
    ],
    ids=["1 post", "1b spaced post", "2 get", "3 get without query", "4 close", "5a non-ascii"],
)
def test_worked_vectors_are_signed_as_computed_elsewhere(
    method: str, path: str, pairs: list[tuple[str, str]], body: bytes, signature: str
) -> None:
    assert SIGNER.signature(TIMESTAMP, method, path, Query.from_pairs(pairs).raw, body) == signature


def test_percent_encoded_spelling_is_sent_but_never_signed() -> None:
    query = Query.from_pairs([("productType", "USDT-FUTURES"), ("symbol", "币安人生USDT")])

    encoded = SIGNER.signature(TIMESTAMP, "GET", PENDING, query.encoded)
    assert encoded == "ZRk+mHExyLFGmLWwfreOXi848MbXBtiijUlC58gZvBY="
    assert SIGNER.signature(TIMESTAMP, "GET", PENDING, query.raw) != encoded


@given(st.lists(st.tuples(st.text("abcXYZ", min_size=1), st.text(st.characters(exclude_categories=["Cs"])))))
def test_both_spellings_of_a_query_hold_the_same_pairs_in_the_same_order(pairs: list[tuple[str, str]]) -> None:
    query = Query.from_pairs(pairs)

    assert unquote(query.encoded) == query.raw
    assert parse_qsl(query.encoded, keep_blank_values=True) == sorted(pairs)
    assert query.encoded.isascii()


def test_order_in_which_a_caller_names_parameters_does_not_matter() -> None:
    assert Query.from_pairs([("b", "2"), ("a", "1")]) == Query.from_pairs([("a", "1"), ("b", "2")])


@pytest.mark.parametrize("symbol", ["BTCUSDT", "$DEGENUSDT", "币安人生USDT", "BTCUSDT-240628", "A_B-1$"])
def test_symbols_of_every_alphabet_are_read_from_and_sent_to_the_exchange(symbol: str) -> None:
    account = Account(KEY, SECRET, PASSPHRASE, "1")
    with Sandbox(accounts=[account]) as sandbox:
        [order] = sandbox.place(1, symbol)
        client = BitgetClient(CREDENTIALS, base_url=sandbox.url, limiters=LimiterRegistry())

        found = client.call(
            Endpoint("GET", PENDING, limit=10), params=[("productType", "USDT-FUTURES"), ("symbol", symbol)]
        )
        answer = client.call(
            Endpoint("POST", BATCH_CANCEL, limit=10),
            body={
                "productType": "USDT-FUTURES",
                "symbol": symbol,
                "orderIdList": [{"orderId": order["orderId"]}],
            },
        )
        client.close()

        assert [row["symbol"] for row in found.data["entrustedList"]] == [symbol]
        assert [row["orderId"] for row in answer.data["successList"]] == [order["orderId"]]


def test_bytes_of_a_body_that_arrive_are_the_bytes_that_were_signed() -> None:
    body = {"symbol": "币安人生USDT", "size": "0.10", "note": 'quote " and \\ and \u2028'}
    with local_server(body=envelope().body) as server:
        client = BitgetClient(CREDENTIALS, base_url=server.url, limiters=LimiterRegistry())
        client.call(Endpoint("POST", "/api/v2/mix/order/place-order", limit=10), body=body)
        client.close()

    [(method, target, headers, received)] = server.requests
    message = f"{headers['ACCESS-TIMESTAMP']}POST/api/v2/mix/order/place-order".encode() + received
    expected = base64.b64encode(hmac.new(SECRET.encode(), message, hashlib.sha256).digest()).decode()
    assert (method, target) == ("POST", "/api/v2/mix/order/place-order")
    assert headers["ACCESS-SIGN"] == expected
    assert headers["Content-Type"] == "application/json"
    assert json.loads(received) == body


def test_query_that_arrives_decodes_to_what_was_signed() -> None:
    with local_server(body=envelope().body) as server:
        client = BitgetClient(CREDENTIALS, base_url=server.url, limiters=LimiterRegistry())
        client.call(Endpoint("GET", PENDING, limit=10), params=[("symbol", "$人 &=+%/?#"), ("a", "~")])
        client.close()

    [(_, target, headers, _)] = server.requests
    path, _, query = target.partition("?")
    message = f"{headers['ACCESS-TIMESTAMP']}GET{path}?{unquote(query)}"
    expected = base64.b64encode(hmac.new(SECRET.encode(), message.encode(), hashlib.sha256).digest()).decode()
    assert headers["ACCESS-SIGN"] == expected
    assert parse_qsl(query) == [("a", "~"), ("symbol", "$人 &=+%/?#")]


def test_error_texts_are_asked_for_in_english() -> None:
    with local_server(body=envelope().body) as server:
        client = BitgetClient(CREDENTIALS, base_url=server.url, limiters=LimiterRegistry())
        client.call(Endpoint("GET", PENDING, limit=10))
        client.close()

    assert server.requests[0][2]["locale"] == "en-US"


def test_demo_header_is_sent_for_demo_trading_only_and_is_not_signed() -> None:
    live = RequestSigner(CREDENTIALS).headers(TIMESTAMP, "GET", PENDING)
    demo = RequestSigner(CREDENTIALS, demo_trading=True).headers(TIMESTAMP, "GET", PENDING)

    assert demo == {**live, "paptrading": "1"}
    assert "paptrading" not in live


def test_public_call_carries_no_credentials() -> None:
    with local_server(body=envelope(data={"serverTime": "1767225600000"}).body) as server:
        client = BitgetClient(CREDENTIALS, base_url=server.url, limiters=LimiterRegistry())
        assert client.server_time() == 1_767_225_600
        client.close()

    [(_, _, headers, _)] = server.requests
    assert not [name for name in headers if name.upper().startswith("ACCESS")]


@pytest.mark.parametrize("body", [{"size": math.nan}, {"when": object()}, {"text": "\ud800"}, {("a",): 1}])
def test_body_that_json_cannot_hold_is_refused_by_name_before_anything_is_sent(body: Any) -> None:
    with pytest.raises(BitgetConfigError) as refusal:
        encode_body(body)

    assert refusal.value.field == "body"


def test_no_body_is_no_bytes_while_an_empty_one_is_sent() -> None:
    assert encode_body(None) == b""
    assert encode_body({}) == b"{}"
    assert encode_body([]) == b"[]"


# ------------------------------------------------------------------------------------------------- credentials


def test_credentials_and_signer_show_nothing_of_themselves() -> None:
    for shown in (repr(CREDENTIALS), str(CREDENTIALS), repr(SIGNER), f"{CREDENTIALS!s}", repr([CREDENTIALS])):
        assert not [part for part in (KEY, SECRET, PASSPHRASE) if part in shown]


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        (("", SECRET, PASSPHRASE), "login"),
        ((KEY, "", PASSPHRASE), "password"),
        ((KEY, SECRET, ""), "passphrase"),
        ((KEY, SECRET, 12345678), "passphrase"),
        ((f"{KEY} ", SECRET, PASSPHRASE), "login"),
        ((KEY, f"{SECRET}\n", PASSPHRASE), "password"),
        ((KEY, SECRET, "pass\r\nX-Header: 1"), "passphrase"),
        ((KEY, SECRET, "pässphrase"), "passphrase"),
        ((KEY, "-----BEGIN PRIVATE KEY-----\nMIIEvg\n-----END PRIVATE KEY-----", PASSPHRASE), "password"),
    ],
)
def test_unusable_part_of_a_key_is_refused_by_name_and_not_shown(parts: tuple[Any, Any, Any], field: str) -> None:
    with pytest.raises(BitgetConfigError) as refusal:
        Credentials(*parts)

    assert refusal.value.field == field
    assert f"connection's {field}" in str(refusal.value)
    assert not [part for part in parts if part and str(part).strip() in str(refusal.value)]


@pytest.mark.parametrize(
    ("key", "secret", "passphrase"),
    [
        ("bg_hello_world", "0123456789", "hello"),
        ("bg_key_of_ours", "hello", "why hello there"),
        ("abcdefgh", "abcdefgh-and-more", "more-abcdefgh-and-more-yet"),
    ],
)
def test_one_part_of_a_key_inside_another_leaves_no_rest_in_a_message(key: str, secret: str, passphrase: str) -> None:
    credentials = Credentials(key, secret, passphrase)

    assert credentials.redact(f"<{key}|{secret}|{passphrase}>") == "<***|***|***>"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_signature_that_an_exchange_repeats_is_not_shown_plain_or_as_in_a_url(method: str) -> None:
    for timestamp_ms in range(1_700_000_000_000, 1_700_000_000_200):
        signature = RequestSigner(CREDENTIALS).signature(timestamp_ms, method, "/api/v2/public/time")

        for said in (signature, quote(signature, safe=""), quote(signature, safe="").lower()):
            assert CREDENTIALS.redact(f"sign error: {said}, expected another") == "sign error: ***, expected another"
            assert CREDENTIALS.redact(f"sign%3D{said}%22") == "sign%3D***%22"


@pytest.mark.parametrize(
    "text",
    ["1329948909442023424", "0f8fad5b-d9cd-469f-a165-70867728950e", "a" * 64, "checkBDScale error value=0.001", "="],
)
def test_what_is_no_signature_is_shown_as_it_is(text: str) -> None:
    assert CREDENTIALS.redact(text) == text


def test_users_are_told_apart_without_showing_their_keys() -> None:
    other = Credentials("another-key", SECRET, PASSPHRASE)

    assert CREDENTIALS.fingerprint != other.fingerprint
    assert KEY not in CREDENTIALS.fingerprint
    assert CREDENTIALS.fingerprint == Credentials(KEY, "other secret", "other").fingerprint
