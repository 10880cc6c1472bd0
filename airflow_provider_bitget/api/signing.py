# SPDX-License-Identifier: Apache-2.0
"""Signing of requests: HMAC-SHA256 over timestamp, method, path, query and body.

Source: https://www.bitget.com/api-doc/common/signature . The server checks the signature of a query against its
decoded text, so a query is signed raw and sent percent-encoded, both made once from the same ordered pairs. Of a body
the signed bytes are the sent bytes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from airflow_provider_bitget.api.credentials import Credentials
from airflow_provider_bitget.api.exceptions import BitgetConfigError


@dataclass(frozen=True, slots=True)
class Query:
    """A query string in its two spellings.

    :param raw: what is signed.
    :param encoded: what is sent: the same pairs in the same order, percent-encoded.
    """

    raw: str = ""
    encoded: str = ""

    @classmethod
    def from_pairs(cls, pairs: Iterable[tuple[str, str]]) -> Query:
        """Build both spellings; keys are sorted, as the exchange's own samples do."""
        ordered = sorted(pairs)
        return cls(
            raw="&".join(f"{key}={value}" for key, value in ordered),
            encoded="&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in ordered),
        )


def encode_body(body: Mapping[str, Any] | list[Any] | None) -> bytes:
    """Return the bytes of a JSON body, which are both signed and sent; ``b""`` for none.

    :raises BitgetConfigError: it holds something that JSON cannot.
    """
    if body is None:
        return b""
    try:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise BitgetConfigError(
            f"body cannot be written as JSON ({type(error).__name__}): use text, numbers, lists and mappings only",
            field="body",
        ) from None


@dataclass(frozen=True, slots=True)
class RequestSigner:
    """Makes the headers of a signed request.

    :param credentials: key, secret and passphrase.
    :param demo_trading: add ``paptrading: 1``, which selects the demo environment and is not part of the signature
        (https://www.bitget.com/api-doc/common/demotrading/restapi).
    """

    credentials: Credentials = field(repr=False)
    demo_trading: bool = False

    def signature(self, timestamp_ms: int, method: str, path: str, query: str = "", body: bytes = b"") -> str:
        """Return the base64 HMAC-SHA256 of ``timestamp + METHOD + path + ?query + body``.

        :param timestamp_ms: milliseconds since the epoch; the exchange allows 30 s of difference.
        :param method: HTTP method.
        :param path: request path without the query.
        :param query: the raw (not percent-encoded) query, without ``?``.
        :param body: the exact bytes that are sent.
        """
        target = f"{path}?{query}" if query else path
        message = f"{timestamp_ms}{method.upper()}{target}".encode() + body
        digest = hmac.new(self.credentials.secret.encode(), message, hashlib.sha256).digest()
        return base64.b64encode(digest).decode("ascii")

    def headers(self, timestamp_ms: int, method: str, path: str, query: str = "", body: bytes = b"") -> dict[str, str]:
        """Return the authentication headers of one attempt."""
        headers = {
            "ACCESS-KEY": self.credentials.key,
            "ACCESS-SIGN": self.signature(timestamp_ms, method, path, query, body),
            "ACCESS-TIMESTAMP": str(timestamp_ms),
            "ACCESS-PASSPHRASE": self.credentials.passphrase,
        }
        if self.demo_trading:
            headers["paptrading"] = "1"
        return headers
