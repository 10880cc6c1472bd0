# SPDX-License-Identifier: Apache-2.0
"""Who sends a request: the exchange's checks of the ``ACCESS-*`` headers, in their order.

The rules are those of https://www.bitget.com/api-doc/common/signature; that a query is verified in its
decoded form was found by users of client libraries (symbols outside ASCII fail with 40009 when the encoded
form is signed). That a key of a unified account is refused before its signature is looked at was observed: public
notes of a live probe got the same 40085 with a wrong secret. What comes first where the timestamp or the passphrase is
wrong as well is not recorded.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import unquote

from airflow_provider_bitget.sandbox.accounts import Account
from airflow_provider_bitget.sandbox.answers import Refusal
from airflow_provider_bitget.sandbox.request import Request

ALLOWED_SKEW_MS = 30_000


def signature_of(secret: str, timestamp: str, method: str, path: str, query: str, body: bytes) -> str:
    """Return the signature that a request must carry.

    :param secret: the account's secret.
    :param timestamp: the header ``ACCESS-TIMESTAMP``, milliseconds since 1970-01-01 UTC.
    :param method: the HTTP method in upper case.
    :param path: the path without the query.
    :param query: the decoded query, in the order in which it was sent; empty where there is none.
    :param body: the bytes of the body as sent; empty where there is none.
    :return: HMAC-SHA256 in base64.
    """
    target = f"{path}?{query}" if query else path
    message = f"{timestamp}{method}{target}".encode() + body
    return base64.b64encode(hmac.new(secret.encode(), message, hashlib.sha256).digest()).decode()


def authenticate(request: Request, accounts: Mapping[str, Account], now_ms: int, unknown_key_code: str) -> Account:
    """Return the account that signed a request.

    :param request: the request as received.
    :param accounts: the exchange's accounts by key.
    :param now_ms: the exchange's time in milliseconds since 1970-01-01 UTC.
    :param unknown_key_code: the answer to a key that nobody has.
    :raises Refusal: with the code of the first check that failed.
    """
    headers = request.headers
    key = _required(headers, "access-key", "40001")
    signature = _required(headers, "access-sign", "40003")
    timestamp = headers.get("access-timestamp", "")
    if not (timestamp.isascii() and timestamp.isdigit()):
        raise Refusal("40005")
    passphrase = _required(headers, "access-passphrase", "40011")
    account = accounts.get(key)
    if account is None:
        raise Refusal(unknown_key_code)
    if account.mode == "unified" and not request.unified:
        raise Refusal("40085")
    if abs(int(timestamp) - now_ms) > ALLOWED_SKEW_MS:
        raise Refusal("40008")
    if not hmac.compare_digest(passphrase.encode(), account.passphrase.encode()):
        raise Refusal("40012")
    query = unquote(request.query_string)
    expected = signature_of(account.secret, timestamp, request.method, request.path, query, request.body)
    if not hmac.compare_digest(signature.encode(), expected.encode()):
        raise Refusal("40009")
    return account


def _required(headers: Mapping[str, str], name: str, code: str) -> str:
    value = headers.get(name, "")
    if not value:
        raise Refusal(code)
    return value
