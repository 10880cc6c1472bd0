# SPDX-License-Identifier: Apache-2.0
"""Who is calling: API key, secret and passphrase, which no repr, message or log ever shows."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

from airflow_provider_bitget.api.exceptions import BitgetConfigError

_PEM_MARK = "-----BEGIN"
_SHORTEST_REDACTED = 4
_SIGNATURE = re.compile(r"(?:(?<![A-Za-z0-9+/])|(?<=%[0-9A-Fa-f]{2}))(?:[A-Za-z0-9+/]|%2[BbFf]){43}(?:=|%3[Dd])")
"""What a signature looks like, plain or in a URL: the base64 of 32 bytes."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The three parts of a Bitget API key.

    :param key: API key.
    :param secret: API secret of an HMAC key.
    :param passphrase: the passphrase chosen when the key was created.
    :raises BitgetConfigError: a part is missing, is a PEM key, or holds characters that no HTTP header can carry.
    """

    key: str = field(repr=False)
    secret: str = field(repr=False)
    passphrase: str = field(repr=False)

    def __post_init__(self) -> None:
        for name, label, value in (
            ("login", "API key", self.key),
            ("password", "API secret", self.secret),
            ("passphrase", "API passphrase", self.passphrase),
        ):
            _check_part(name, label, value)
        if _PEM_MARK in self.secret:
            raise BitgetConfigError(
                "The connection's password holds a PEM private key: RSA keys are not supported yet. "
                "Create an API key of type HMAC (system-generated) and put its secret there.",
                field="password",
            )

    @property
    def fingerprint(self) -> str:
        """A short hash of the API key: tells users apart without showing the key."""
        return hashlib.sha256(self.key.encode()).hexdigest()[:16]

    def redact(self, text: str) -> str:
        """Return ``text`` with every part of the credentials, and whatever looks like a signature, replaced by ``***``.

        An exchange may repeat in its refusal what it was sent.
        """
        # The longest first: one part may hold another.
        for part in sorted((self.secret, self.passphrase, self.key), key=len, reverse=True):
            if len(part) >= _SHORTEST_REDACTED:
                text = text.replace(part, "***")
        return _SIGNATURE.sub("***", text)


def _check_part(name: str, label: str, value: object) -> None:
    if not isinstance(value, str):
        raise BitgetConfigError(
            f"The connection's {name} ({label}) must be text, but is of type {type(value).__name__}.", field=name
        )
    if not value:
        raise BitgetConfigError(
            f"The connection's {name} ({label}) is missing. A Bitget key has three parts: "
            "API key (login), API secret (password) and passphrase (extra field).",
            field=name,
        )
    is_pem = name == "password" and _PEM_MARK in value
    if not is_pem and not (value.isascii() and value.isprintable() and value == value.strip()):
        raise BitgetConfigError(
            f"The connection's {name} ({label}) holds spaces at an end, a line break or characters other than "
            "printable ASCII: it was probably not copied exactly. Paste it again.",
            field=name,
        )
