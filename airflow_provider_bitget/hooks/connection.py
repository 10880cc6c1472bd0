# SPDX-License-Identifier: Apache-2.0
"""What the fields of a Bitget connection mean. Values come typed or as text; what is unclear is refused by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, Protocol

from airflow_provider_bitget.api.account import ACCOUNT_MODES, AUTO
from airflow_provider_bitget.api.client import DEFAULT_BASE_URL
from airflow_provider_bitget.api.credentials import Credentials
from airflow_provider_bitget.api.exceptions import BitgetConfigError
from airflow_provider_bitget.api.shared_limit import DEFAULT_FALLBACK_SHARE
from airflow_provider_bitget.api.transport import check_base_url

EXTRA_FIELDS: Final = (
    "passphrase",
    "demo_trading",
    "account_mode",
    "requests_per_second",
    "timeout",
    "rate_limit_conn_id",
    "rate_limit_group",
    "rate_limit_fallback_share",
)
DEFAULT_TIMEOUT: Final = 10.0
LONGEST_TIMEOUT: Final = 120.0
_LONGEST_NAME: Final = 250

# What other programs call it, and what is left of the name in most misspellings.
_MEANS_DEMO: Final = ("demo", "trading", "paper", "simulat", "sandbox", "testnet")

# How much of a field's name has to be there for it to be meant.
_LOOKS_ALIKE: Final = 0.85

_TRUE = frozenset({"true", "1"})
_FALSE = frozenset({"false", "0"})


class AirflowConnection(Protocol):
    """The part of Airflow's connection that is read; the same in 2.11 and 3.x."""

    conn_type: Any
    login: str | None
    password: str | None
    host: str | None
    port: int | None
    schema: str | None

    @property
    def extra(self) -> Any:
        """The extra field as it is stored."""

    @property
    def extra_dejson(self) -> Any:
        """The extra field as the object that its JSON holds."""


@dataclass(frozen=True, slots=True)
class BitgetConnection:
    """A connection, checked.

    :param credentials: key, secret and passphrase.
    :param base_url: scheme and host.
    :param demo_trading: use demo trading.
    :param account_mode: ``classic``, ``unified``, or ``auto`` to let the exchange's answers tell.
    :param requests_per_second: the user's own ceiling, ``None`` for the documented limits.
    :param timeout: seconds for one exchange of request and answer.
    :param rate_limit_conn_id: id of the Airflow connection of the Redis through which all workers share one limit;
        ``None`` for a limit per process.
    :param rate_limit_group: a name that joins the limits of different keys of one user.
    :param rate_limit_fallback_share: the part of the limit at which a process goes on while that Redis is away.
    """

    credentials: Credentials
    base_url: str = DEFAULT_BASE_URL
    demo_trading: bool = False
    account_mode: str = AUTO
    requests_per_second: float | None = None
    timeout: float = DEFAULT_TIMEOUT
    rate_limit_conn_id: str | None = None
    rate_limit_group: str | None = None
    rate_limit_fallback_share: float = DEFAULT_FALLBACK_SHARE


def read_connection(connection: AirflowConnection, extra: Any) -> BitgetConnection:
    """Return the connection's meaning.

    :param connection: Airflow's connection.
    :param extra: its ``extra_dejson``, read once by the caller.
    :raises BitgetConfigError: a field is missing or unclear; the message names it and never shows a secret.
    """
    if not isinstance(extra, Mapping) or (not extra and str(connection.extra or "").strip() not in ("", "{}")):
        raise BitgetConfigError(
            "The connection's extra is not a JSON object, so the passphrase cannot be read from it.", field="extra"
        )
    _refuse_lookalikes(extra)
    return BitgetConnection(
        credentials=Credentials(connection.login or "", connection.password or "", extra.get("passphrase") or ""),
        base_url=_base_url(connection),
        demo_trading=_boolean("demo_trading", extra.get("demo_trading")),
        account_mode=_account_mode(extra.get("account_mode")),
        requests_per_second=_number("requests_per_second", extra.get("requests_per_second"), default=None, most=1000.0),
        timeout=_number("timeout", extra.get("timeout"), default=DEFAULT_TIMEOUT, most=LONGEST_TIMEOUT)
        or DEFAULT_TIMEOUT,
        rate_limit_conn_id=_text("rate_limit_conn_id", extra.get("rate_limit_conn_id")),
        rate_limit_group=_text("rate_limit_group", extra.get("rate_limit_group")),
        rate_limit_fallback_share=_number(
            "rate_limit_fallback_share",
            extra.get("rate_limit_fallback_share"),
            default=DEFAULT_FALLBACK_SHARE,
            most=1.0,
        )
        or DEFAULT_FALLBACK_SHARE,
    )


def _base_url(connection: AirflowConnection) -> str:
    host = (connection.host or "").strip() or DEFAULT_BASE_URL
    if "://" not in host:
        scheme = connection.schema if connection.schema in ("http", "https") else "https"
        host = f"{scheme}://{host}"
    if connection.port and not host.rstrip("/").rsplit(":", 1)[-1].isdigit():
        host = f"{host.rstrip('/')}:{connection.port}"
    return check_base_url(host)


def _refuse_lookalikes(extra: Mapping[str, Any]) -> None:
    """Refuse a misspelt field: ignored, a switch would trade live, and a ceiling would be none."""
    for name in extra:
        if name in EXTRA_FIELDS:
            continue
        if any(word in str(name).lower() for word in _MEANS_DEMO):
            raise BitgetConfigError(
                f"The connection's extra has a field {str(name)[:40]!r} that is not known. For demo trading set "
                '"demo_trading": true.',
                field="demo_trading",
            )
        meant = {_bare(known): known for known in EXTRA_FIELDS}
        for close in get_close_matches(_bare(str(name)[:80]), meant, n=1, cutoff=_LOOKS_ALIKE):
            raise BitgetConfigError(
                f"The connection's extra has a field {str(name)[:40]!r} that is not known. It looks like "
                f"{meant[close]}: write it so, or leave it out.",
                field=meant[close],
            )


def _bare(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _account_mode(value: Any) -> str:
    mode = value.strip().lower() if isinstance(value, str) else value
    if mode is None or mode == "":
        return AUTO
    if mode not in ACCOUNT_MODES:
        raise BitgetConfigError(
            f"The connection's account_mode must be one of {', '.join(ACCOUNT_MODES)} (type {type(value).__name__} "
            "came). Leave it out, and the exchange's answers tell.",
            field="account_mode",
        )
    return str(mode)


def _boolean(name: str, value: Any) -> bool:
    if value is None:
        return False
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower() if isinstance(value, (str, int)) else ""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise BitgetConfigError(
        f"The connection's {name} must be true or false, but is something else (type {type(value).__name__}). It "
        "decides between demo and live trading, so it is not guessed.",
        field=name,
    )


def _text(name: str, value: Any) -> str | None:
    if value is None or value == "":
        return None
    text = value.strip() if isinstance(value, str) else ""
    if not (text.isprintable() and 0 < len(text) <= _LONGEST_NAME):
        raise BitgetConfigError(
            f"The connection's {name} must be a name of 1 to {_LONGEST_NAME} printable characters (type "
            f"{type(value).__name__} came).",
            field=name,
        )
    return text


def _number(name: str, value: Any, *, default: float | None, most: float) -> float | None:
    if value is None or value == "":
        return default
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number <= most:
        raise BitgetConfigError(
            f"The connection's {name} must be a number above 0, at most {most:g} (type {type(value).__name__} came).",
            field=name,
        )
    return number
