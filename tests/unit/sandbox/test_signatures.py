# SPDX-License-Identifier: Apache-2.0
"""The exchange lets nobody in who doesn't sign exactly as it demands."""

from __future__ import annotations

import pytest

from airflow_provider_bitget.sandbox import Account, Exchange, VirtualClock, numbered_account
from airflow_provider_bitget.sandbox.signatures import signature_of
from tests.unit.sandbox.conftest import MakeDesk
from tests.unit.sandbox.desk import BATCH_CANCEL, PENDING, SPOT_ACCOUNT_INFO, TIME, Desk

SECRET = "testSecret0123456789"
TIMESTAMP = "1700000000000"
COMPACT = '{"productType":"USDT-FUTURES","symbol":"BTCUSDT","orderIdList":[{"orderId":"121211212122"}]}'
SPACED = '{"productType": "USDT-FUTURES", "symbol": "BTCUSDT", "orderIdList": [{"orderId": "121211212122"}]}'
CLOSE = '{"productType":"USDT-FUTURES"}'
CHINESE_QUERY = "productType=USDT-FUTURES&symbol=币安人生USDT"
ENCODED_QUERY = "productType=USDT-FUTURES&symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT"
CHINESE_SIGNATURE = "1m2rlA9KDusqlTPA47MzfJ/AMxqtY6jn3WoSGIbk2/g="
ENCODED_SIGNATURE = "ZRk+mHExyLFGmLWwfreOXi848MbXBtiijUlC58gZvBY="


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "signature"),
    [
        ("POST", BATCH_CANCEL, "", COMPACT, "kpf8IhX9W3tts9UULWFgGstT8Bf72xyopEwzANnt6ak="),
        ("POST", BATCH_CANCEL, "", SPACED, "DFIUDHcu27qrMhPFAHGiB4YoJrM95uj1dvYVGmYnuE0="),
        (
            "GET",
            PENDING,
            "limit=100&productType=USDT-FUTURES&symbol=BTCUSDT",
            "",
            "F4w4UeeJQWPZ/fc9BagKAAW/FWD/8Ve8Ah9pRe7skEY=",
        ),
        ("GET", TIME, "", "", "PAqxWdTCOpfeSwOJsD22kIC8iYB/+NleUvVmYH3XVfQ="),
        (
            "POST",
            "/api/v2/mix/order/close-positions",
            "",
            CLOSE,
            "vBcYXaQBaBVnC5Et0P3KPu6NdcLbtaAcBmJsXlkXMJ4=",
        ),
        ("GET", PENDING, CHINESE_QUERY, "", CHINESE_SIGNATURE),
        ("GET", PENDING, ENCODED_QUERY, "", ENCODED_SIGNATURE),
    ],
)
def test_signature_matches_the_worked_vectors(method: str, path: str, query: str, body: str, signature: str) -> None:
    assert signature_of(SECRET, TIMESTAMP, method, path, query, body.encode()) == signature


@pytest.mark.parametrize(
    ("signature", "code"),
    [(CHINESE_SIGNATURE, "00000"), (ENCODED_SIGNATURE, "40009")],
    ids=["raw", "encoded"],
)
def test_query_is_verified_in_its_decoded_form(signature: str, code: str) -> None:
    account = Account(key="key", secret=SECRET, passphrase="passphrase", uid="1")
    clock = VirtualClock(int(TIMESTAMP) / 1000)
    headers = {
        "access-key": "key",
        "access-sign": signature,
        "access-timestamp": TIMESTAMP,
        "access-passphrase": "passphrase",
    }
    reply = Exchange(clock, accounts=[account]).handle("GET", PENDING, ENCODED_QUERY, headers)
    assert reply.code == code


def test_query_is_verified_in_the_order_in_which_it_was_sent(desk: Desk) -> None:
    assert desk.get(PENDING, productType="USDT-FUTURES", limit=5).code == "00000"
    assert desk.get(PENDING, limit=5, productType="USDT-FUTURES").code == "00000"


def test_header_names_may_be_written_in_any_case(desk: Desk) -> None:
    sign_header = {"ACCESS-PASSPHRASE": None, "Access-Passphrase": desk.account.passphrase}
    assert desk.get(PENDING, sign_header, productType="USDT-FUTURES").code == "00000"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ACCESS-KEY": None}, "40001"),
        ({"ACCESS-SIGN": None}, "40003"),
        ({"ACCESS-TIMESTAMP": None}, "40005"),
        ({"ACCESS-TIMESTAMP": "2023-11-14T22:13:20Z"}, "40005"),
        ({"ACCESS-PASSPHRASE": None}, "40011"),
        ({"ACCESS-KEY": "nobody"}, "40037"),
        ({"ACCESS-TIMESTAMP": "1700000000000"}, "40008"),
        ({"ACCESS-PASSPHRASE": "wrong"}, "40012"),
        ({"ACCESS-SIGN": "wrong"}, "40009"),
        ({"paptrading": "1"}, "40099"),
    ],
)
def test_each_wrong_header_gets_its_code(desk: Desk, changes: dict[str, str | None], code: str) -> None:
    answer = desk.get(PENDING, changes, productType="USDT-FUTURES")
    assert (answer.status, answer.code, answer.data) == (400, code, None)


def test_unknown_key_can_get_the_documented_code_instead(make_desk: MakeDesk) -> None:
    desk = make_desk(unknown_key_code="40006")
    assert desk.get(PENDING, {"ACCESS-KEY": "nobody"}, productType="USDT-FUTURES").code == "40006"


@pytest.mark.parametrize(("seconds", "code"), [(30.0, "00000"), (30.5, "40008")])
def test_timestamp_may_be_half_a_minute_off_and_no_more(desk: Desk, seconds: float, code: str) -> None:
    late = VirtualClock(desk.clock.time() + seconds)
    early = VirtualClock(desk.clock.time() - seconds)
    for clock in (late, early):
        assert Desk(desk.exchange, clock, desk.account).pending().code == code


def test_body_that_changed_after_signing_is_refused(desk: Desk) -> None:
    [order_id] = desk.place()
    signature = desk.post(BATCH_CANCEL, {"productType": "COIN-FUTURES"})
    assert signature.code == "22001"
    other = Desk(desk.exchange, desk.clock, numbered_account(2))
    assert other.cancel([order_id]).code == "40037"
    headers: dict[str, str | None] = {"ACCESS-SIGN": "AAAA"}
    assert desk.post(BATCH_CANCEL, {"productType": "USDT-FUTURES"}, headers).code == "40009"
    assert desk.status_of(order_id) == "live"


def test_post_without_json_content_type_is_refused(desk: Desk) -> None:
    [order_id] = desk.place()
    answer = desk.post(BATCH_CANCEL, {"productType": "USDT-FUTURES"}, {"Content-Type": "text/plain"})
    assert (answer.code, desk.status_of(order_id)) == ("40007", "live")


@pytest.mark.parametrize(
    ("demo", "header", "product_type", "code"),
    [
        (True, "1", "USDT-FUTURES", "00000"),
        (True, None, "USDT-FUTURES", "40099"),
        (True, "0", "USDT-FUTURES", "40099"),
        (False, "1", "USDT-FUTURES", "40099"),
        (True, "1", "SUSDT-FUTURES", "40099"),
        (False, None, "SUSDT-FUTURES", "00000"),
    ],
)
def test_demo_key_demo_header_and_product_type_must_agree(
    make_desk: MakeDesk, demo: bool, header: str | None, product_type: str, code: str
) -> None:
    desk = make_desk(numbered_account(demo=demo))
    assert desk.get(PENDING, {"paptrading": header}, productType=product_type).code == code


@pytest.mark.parametrize(
    ("path", "mode", "code"),
    [
        (PENDING, "unified", "40085"),
        ("/api/v3/account/settings", "classic", "40084"),
        (SPOT_ACCOUNT_INFO, "unified", "40085"),
        ("/api/v2/mix/order/nothing-here", "unified", "40404"),
        ("/api/v3/account/nothing-here", "classic", "40084"),
        ("/api/v3/account/nothing-here", "unified", "40404"),
        ("/api/v2/mix/order/nothing-here", "classic", "40404"),
        ("/api/mix/v1/order/current", "classic", "30032"),
    ],
)
def test_paths_of_the_other_account_and_unknown_paths_get_their_codes(
    make_desk: MakeDesk, path: str, mode: str, code: str
) -> None:
    account = Account("key", "secret", "passphrase", "1", mode="unified" if mode == "unified" else "classic")
    answer = make_desk(account).get(path, productType="USDT-FUTURES")
    assert (answer.status, answer.code) == (400, code)


def test_path_outside_the_api_gets_a_page(desk: Desk) -> None:
    reply = desk.exchange.handle("GET", "/anything")
    assert (reply.status, reply.headers["content-type"]) == (404, "text/html")


def test_server_time_needs_no_signature(desk: Desk) -> None:
    reply = desk.exchange.handle("GET", TIME)
    assert reply.status == 200
    assert f'"serverTime":"{desk.now_ms}"'.encode() in reply.body


def test_texts_are_chinese_unless_english_is_asked_for(desk: Desk) -> None:
    english = desk.get(PENDING).envelope["msg"]
    chinese = desk.get(PENDING, {"locale": None}).envelope["msg"]
    assert english == "Parameter productType cannot be empty"
    assert chinese == "productType 不能为空"


def test_request_time_is_a_number(desk: Desk) -> None:
    assert desk.pending().envelope["requestTime"] == desk.now_ms


def test_secrets_are_kept_out_of_an_accounts_repr() -> None:
    account = numbered_account()
    assert account.secret not in repr(account)
    assert account.passphrase not in repr(account)
