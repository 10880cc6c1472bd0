# SPDX-License-Identifier: Apache-2.0
"""What the fields of the Airflow connection mean that a Bitget connection names as its ``rate_limit_conn_id``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from airflow_provider_bitget.api.exceptions import BitgetConfigError
from airflow_provider_bitget.api.redis_store import RedisSettings
from airflow_provider_bitget.hooks.connection import AirflowConnection

_FIELD: Final = "rate_limit_conn_id"
# As in the connections of Airflow's own redis provider
# (https://airflow.apache.org/docs/apache-airflow-providers-redis/stable/connections.html).
_TLS_OPTIONS: Final = ("ssl_cert_reqs", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname")


def rate_limit_conn_id_of(connection: AirflowConnection) -> str | None:
    """Return the id of the Redis connection that a Bitget connection names, for callers who fetch it themselves.

    :param connection: the Bitget connection. An unusable one names none: reading it says what is wrong.
    """
    extra = connection.extra_dejson
    value = extra.get(_FIELD) if isinstance(extra, Mapping) else None
    return value.strip() or None if isinstance(value, str) else None


def unknown_connection(conn_id: str) -> BitgetConfigError:
    """Return the error for a connection that does not exist."""
    return BitgetConfigError(
        f"The connection's {_FIELD} names {conn_id!r}, which Airflow does not know: add that connection, of type "
        "redis, or leave the field empty.",
        field=_FIELD,
    )


def read_redis_connection(connection: AirflowConnection, conn_id: str) -> RedisSettings:
    """Return the connection's meaning: host, port, login, password, database (schema or ``extra.db``) and TLS.

    :param connection: Airflow's connection.
    :param conn_id: its id.
    :raises BitgetConfigError: it is of another type, or a field is missing or unclear; no secret is shown.
    """
    if connection.conn_type != "redis":
        raise _unusable(conn_id, f"is of type {connection.conn_type!r}, but must be of type redis")
    extra: Any = connection.extra_dejson
    if not isinstance(extra, Mapping):
        raise _unusable(conn_id, "has an extra that is no JSON object")
    if not (connection.host or "").strip():
        raise _unusable(conn_id, "has no host")
    return RedisSettings(
        host=(connection.host or "").strip(),
        port=connection.port or 6379,
        db=_database(connection, extra, conn_id),
        username=connection.login or None,
        password=connection.password or None,
        tls=_tls(extra, conn_id),
        conn_id=conn_id,
    )


def _database(connection: AirflowConnection, extra: Mapping[str, Any], conn_id: str) -> int:
    value = extra.get("db")
    text = str(connection.schema or "0" if value is None or value == "" else value).strip()
    if not text.isdecimal():
        raise _unusable(conn_id, "has a database (schema, or db in its extra) that is no number")
    return int(text)


def _tls(extra: Mapping[str, Any], conn_id: str) -> tuple[tuple[str, Any], ...]:
    if not _is_true(extra.get("ssl"), "ssl", conn_id):
        return ()
    options: list[tuple[str, Any]] = [("ssl", True)]
    for name in _TLS_OPTIONS:
        value = extra.get(name)
        if value is None or value == "":
            continue
        if name == "ssl_check_hostname":
            value = _is_true(value, name, conn_id)
        elif not isinstance(value, str):
            raise _unusable(conn_id, f"has an {name} that is no text")
        options.append((name, value))
    return tuple(options)


def _is_true(value: Any, name: str, conn_id: str) -> bool:
    text = str(value).strip().lower()
    if text not in ("true", "1", "false", "0", "none", ""):
        raise _unusable(conn_id, f"has an {name} that is neither true nor false")
    return text in ("true", "1")


def _unusable(conn_id: str, reason: str) -> BitgetConfigError:
    return BitgetConfigError(f"The connection {conn_id!r} that {_FIELD} names {reason}.", field=_FIELD)
