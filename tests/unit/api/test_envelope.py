# SPDX-License-Identifier: Apache-2.0
"""The envelope decides, whatever the HTTP status; and no answer, however odd, gets out as anything but ours."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitget.api.envelope import one_line, parse_envelope, read_answer
from airflow_provider_bitget.api.error_codes import ErrorCategory
from airflow_provider_bitget.api.exceptions import BitgetCallError
from airflow_provider_bitget.api.transport import HttpAnswer
from tests.unit.api.wire import KEY, PASSPHRASE, SECRET, scripted

PATH = "/api/v2/mix/order/orders-pending"


def answer(status: int, content: Any) -> HttpAnswer:
    return HttpAnswer(status, content if isinstance(content, bytes) else json.dumps(content).encode())


def refusal(status: int, content: Any) -> BitgetCallError:
    with pytest.raises(BitgetCallError) as caught:
        read_answer(answer(status, content), PATH)
    return caught.value


def body(code: Any = "00000", **fields: Any) -> dict[str, Any]:
    return {"code": code, "msg": "text", "requestTime": 1_767_225_600_000, "data": None, **fields}


@pytest.mark.parametrize("status", [200, 400, 500])
def test_success_is_what_the_code_says(status: int) -> None:
    assert read_answer(answer(status, body(data={"a": "1"})), PATH).data == {"a": "1"}


@pytest.mark.parametrize(
    ("status", "code", "category"),
    [
        (400, "43001", ErrorCategory.GONE),
        (200, "43001", ErrorCategory.GONE),
        (400, 43001, ErrorCategory.GONE),
        (400, "22001", ErrorCategory.GONE),
        (400, "40009", ErrorCategory.AUTH),
        (401, "40006", ErrorCategory.AUTH),
        (403, "40018", ErrorCategory.AUTH),
        (404, "40404", ErrorCategory.BAD_REQUEST),
        (400, "40085", ErrorCategory.ACCOUNT_MODE),
        (400, "40008", ErrorCategory.CLOCK),
        (429, "429", ErrorCategory.RATE_LIMIT),
        (200, "429", ErrorCategory.RATE_LIMIT),
        (200, 429, ErrorCategory.RATE_LIMIT),
        (429, "40015", ErrorCategory.RATE_LIMIT),
        (429, "99999", ErrorCategory.RATE_LIMIT),
        (500, "40725", ErrorCategory.AMBIGUOUS),
        (502, "43001", ErrorCategory.GONE),
        (503, "99999", ErrorCategory.AMBIGUOUS),
        (400, "99999", ErrorCategory.UNKNOWN),
        (200, "0", ErrorCategory.UNKNOWN),
    ],
)
def test_refusal_is_classified_by_its_code_and_keeps_it(status: int, code: Any, category: ErrorCategory) -> None:
    error = refusal(status, body(code))

    assert (error.category, error.code, error.http_status, error.endpoint) == (category, str(code), status, PATH)
    assert error.message == "text"
    assert str(code) in str(error)
    assert str(status) in str(error)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html><body>Please wait</body></html>",
        b'{"code":"00000","msg":"succ',
        b"[]",
        b'[{"code":"00000"}]',
        b'"00000"',
        b"null",
        b"{}",
        b'{"msg":"no code"}',
        b'{"code":null}',
        b'{"code":["00000"]}',
        b"\xff\xfe\x00",
        b"[" * 200_000,
        b"failure to get a peer from the ring-balancer",
    ],
    ids=range(14),
)
@pytest.mark.parametrize("status", [200, 204, 400, 403, 500, 502, 503])
def test_answer_that_is_no_envelope_may_hide_a_success(status: int, content: bytes) -> None:
    error = refusal(status, content)

    assert (error.category, error.code, error.http_status) == (ErrorCategory.AMBIGUOUS, "", status)


@pytest.mark.parametrize(
    ("status", "category", "words"),
    [
        (429, ErrorCategory.RATE_LIMIT, "too many requests"),
        (401, ErrorCategory.AUTH, "credentials"),
        (301, ErrorCategory.BAD_REQUEST, "redirect"),
        (302, ErrorCategory.BAD_REQUEST, "never followed"),
        (307, ErrorCategory.BAD_REQUEST, "redirect"),
        (404, ErrorCategory.BAD_REQUEST, "host"),
        (405, ErrorCategory.BAD_REQUEST, "no such path"),
    ],
)
def test_status_speaks_only_where_there_is_no_envelope(status: int, category: ErrorCategory, words: str) -> None:
    error = refusal(status, b"<html>")

    assert (error.category, error.http_status) == (category, status)
    assert words in str(error)


@pytest.mark.parametrize(
    ("written", "understood"),
    [
        (1_767_225_600_000, 1_767_225_600_000),
        ("1767225600000", 1_767_225_600_000),
        (None, 0),
        ("", 0),
        ("soon", 0),
        (-5, 0),
        (1.5, 0),
        (True, 0),
        ("²³", 0),
        ("\uff11\uff17", 0),
        (10**400, 0),
        ([1], 0),
    ],
    ids=str,
)
def test_time_of_the_exchange_may_be_a_number_or_text_and_nothing_odd_breaks_an_answer(
    written: Any, understood: int
) -> None:
    client, _, _ = scripted(answer(200, body(requestTime=written)))

    from airflow_provider_bitget.api.client import SERVER_TIME

    assert client.call(SERVER_TIME).request_time == understood


def test_missing_time_and_data_are_no_error() -> None:
    parsed = parse_envelope(b'{"code":"00000"}')

    assert parsed is not None
    assert (parsed.request_time, parsed.data, parsed.message) == (0, None, "")


def test_old_spelling_of_the_message_is_read() -> None:
    parsed = parse_envelope(b'{"code":"40020","message":"old"}')

    assert parsed is not None
    assert parsed.message == "old"


def test_refusal_without_a_text_says_what_its_code_means() -> None:
    assert refusal(400, {"code": "43001", "msg": None}).message == "the order does not exist"


@given(st.text())
def test_any_text_from_outside_becomes_one_short_printable_line(text: str) -> None:
    line = one_line(text)

    assert line.isprintable()
    assert len(line) <= 200


@pytest.mark.parametrize("field", ["msg", "code"])
@pytest.mark.parametrize("text", ["a\r\nFAKE LOG LINE", "\x1b[31mred", "\u202eright to left", "\ud800", "x" * 10_000])
def test_nothing_from_outside_can_forge_a_line_of_a_log(field: str, text: str) -> None:
    error = refusal(400, body(**{"code": "40020", field: text}))

    assert str(error).isprintable()
    assert len(str(error)) < 400


@pytest.mark.parametrize("field", ["msg", "code"])
@pytest.mark.parametrize("secret", [KEY, SECRET, PASSPHRASE])
@pytest.mark.parametrize("before", [0, 12, 180, 190, 196])
def test_answer_that_repeats_our_credentials_shows_no_part_of_them(field: str, secret: str, before: int) -> None:
    client, _, _ = scripted(answer(400, body(**{"code": "40020", field: "x" * before + secret + "y" * 300})))

    from airflow_provider_bitget.api.client import SERVER_TIME

    with pytest.raises(BitgetCallError) as caught:
        client.call(SERVER_TIME)

    for text in (str(caught.value), repr(caught.value), caught.value.message, caught.value.code):
        assert secret[:4] not in text


def test_spaces_in_a_passphrase_do_not_let_it_through() -> None:
    from airflow_provider_bitget.api.client import BitgetClient
    from airflow_provider_bitget.api.credentials import Credentials

    client = BitgetClient(Credentials(KEY, SECRET, "my  own  words"))

    assert client.redact("refused: my  own  words, sorry") == "refused: ***, sorry"
