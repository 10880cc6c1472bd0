# SPDX-License-Identifier: Apache-2.0
"""The exchange's envelope, read first and whatever the HTTP status.

``{"code": "00000", "msg": "success", "requestTime": 1627293504612, "data": ...}``. Business errors come with HTTP 400
in every recorded answer, while parts of the documentation show HTTP 200: the code decides, and the status only where
there is no envelope (a gateway's HTML page, an empty or a cut answer).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airflow_provider_bitget.api.error_codes import HINTS, SUCCESS_CODE, ErrorCategory, describe
from airflow_provider_bitget.api.exceptions import ERROR_CLASSES, BitgetCallError
from airflow_provider_bitget.api.transport import HttpAnswer

_LONGEST_TEXT = 200
_LONGEST_CODE = 20
_MOST_DIGITS_OF_A_CODE = 6
_MOST_DIGITS = 15


@dataclass(frozen=True, slots=True)
class Envelope:
    """A parsed answer.

    :param code: the exchange's code as text.
    :param message: its ``msg``, shortened, one line.
    :param data: its ``data``.
    :param request_time: the exchange's clock in ms, 0 where the answer did not say.
    """

    code: str
    message: str
    data: Any
    request_time: int


def one_line(text: object) -> str:
    """Return text from outside as one short printable line."""
    line = " ".join(str(text).split())
    line = "".join(char if char.isprintable() else "?" for char in line)
    return line if len(line) <= _LONGEST_TEXT else line[: _LONGEST_TEXT - 1] + "…"


def whole_number(value: object) -> int:
    """Return a time in ms that may be written as a number or as text; 0 where it is neither."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else 0


def read_code(value: object, clean: Callable[[object], str]) -> str:
    """Return a code as text.

    A few digits stay as they are: redacting them would let a passphrase of digits turn one code into another.
    """
    text = "" if value is None else str(value)
    is_plain = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS_OF_A_CODE
    return text if is_plain else clean(text)[:_LONGEST_CODE]


def parse_envelope(body: bytes, clean: Callable[[object], str] = one_line) -> Envelope | None:
    """Return the envelope in ``body``, or ``None`` where there is none.

    :param body: the answer's bytes.
    :param clean: makes text from outside fit for a message.
    """
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(parsed, dict) or not isinstance(parsed.get("code"), (str, int)):
        return None
    return Envelope(
        code=SUCCESS_CODE if parsed["code"] == 0 else read_code(parsed["code"], clean),
        message=clean(parsed.get("msg") or parsed.get("message") or ""),
        data=parsed.get("data"),
        request_time=whole_number(parsed.get("requestTime")),
    )


def read_answer(answer: HttpAnswer, endpoint: str, clean: Callable[[object], str] = one_line) -> Envelope:
    """Return the envelope of a success.

    :param answer: what came back.
    :param endpoint: the path, for the message.
    :param clean: makes text from outside fit for a message.
    :raises BitgetCallError: anything but ``00000``; the subclass tells the category.
    """
    envelope = parse_envelope(answer.body, clean)
    if envelope is None:
        raise without_envelope(answer.status, endpoint)
    if envelope.code == SUCCESS_CODE:
        return envelope
    category = _category(envelope.code, answer.status)
    raise ERROR_CLASSES[category](
        envelope.message or describe(envelope.code).reason,
        category=category,
        code=envelope.code,
        http_status=answer.status,
        endpoint=endpoint,
        hint=HINTS.get(envelope.code, ""),
    )


def without_envelope(status: int, endpoint: str) -> BitgetCallError:
    """Return the error that an answer without an envelope stands for."""
    hint = ""
    if status == 429:
        category, text = ErrorCategory.RATE_LIMIT, "too many requests"
    elif status == 401:
        category, text = ErrorCategory.AUTH, "the credentials were refused"
    elif 300 <= status < 400:
        category, text = ErrorCategory.BAD_REQUEST, "the answer is a redirect, which is never followed: check the host"
    elif status in (404, 405):
        category, text = ErrorCategory.BAD_REQUEST, "there is no such path on this host"
        hint = "Check the connection's host"
    else:
        # Success without an envelope, a gateway's error page, a firewall's: the request may have passed behind it.
        category, text = ErrorCategory.AMBIGUOUS, "the answer is not the exchange's JSON"
        hint = "If it stays so, check the connection's host"
    return ERROR_CLASSES[category](text, category=category, http_status=status, endpoint=endpoint, hint=hint)


def _category(code: str, status: int) -> ErrorCategory:
    if status == 429:
        return ErrorCategory.RATE_LIMIT
    category = describe(code).category
    # A gateway or a firewall may speak JSON too; what it says is no verdict of the exchange.
    if category is ErrorCategory.UNKNOWN and (status == 403 or status >= 500):
        return ErrorCategory.AMBIGUOUS
    return category
