# SPDX-License-Identifier: Apache-2.0
"""The Redis through which workers share one limit: how its connection is read, and what an unusable one gets told."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_bitget.api import shared_limit
from airflow_provider_bitget.api.client import Endpoint
from airflow_provider_bitget.api.exceptions import BitgetConfigError
from airflow_provider_bitget.api.redis_store import RedisSettings
from airflow_provider_bitget.api.shared_limit import SharedEndpointLimiter, SharedLimiters
from airflow_provider_bitget.hooks import session as session_module
from airflow_provider_bitget.hooks.bitget import BitgetHook
from airflow_provider_bitget.hooks.redis_connection import read_redis_connection
from airflow_provider_bitget.sandbox import Sandbox
from tests.airflow_version import connection_of, loses_an_extra_that_is_no_json_object

ENDPOINT = Endpoint("GET", "/api/v2/mix/order/orders-pending", limit=10)
PASSWORD = "redis-pass0rd"
REDIS = {"conn_type": "redis", "host": "redis.example.org", "password": PASSWORD}


@pytest.fixture(autouse=True)
def _no_limiters_of_other_tests() -> Iterator[None]:
    shared_limit._known.clear()
    yield
    shared_limit._known.clear()


@pytest.fixture
def hook_of(monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(redis: dict[str, Any] | str | None = None, **extra: Any) -> BitgetHook:
        own = {"passphrase": "correct horse?", **extra}
        connection = {"conn_type": "bitget", "login": "bg_0123456789", "password": "s3cret0123", "extra": own}
        monkeypatch.setenv("AIRFLOW_CONN_BITGET_DEFAULT", json.dumps(connection))
        if redis is not None:
            text = redis if isinstance(redis, str) else json.dumps(redis)
            monkeypatch.setenv("AIRFLOW_CONN_LIMITS", text)
        return BitgetHook()

    return make


def meaning(text: str) -> RedisSettings:
    return read_redis_connection(connection_of(text, "limits"), "limits")


@pytest.mark.parametrize(
    ("connection", "expected"),
    [
        ('{"conn_type": "redis", "host": "cache"}', RedisSettings("cache", conn_id="limits")),
        ("redis://cache", RedisSettings("cache", conn_id="limits")),
        ("redis://:pw%2F@cache:6380/3", RedisSettings("cache", 6380, 3, None, "pw/", conn_id="limits")),
        ("redis://desk:pw@cache/?db=2", RedisSettings("cache", 6379, 2, "desk", "pw", conn_id="limits")),
        (
            '{"conn_type": "redis", "host": "cache", "schema": "1", "extra": {"db": 4}}',
            RedisSettings("cache", 6379, 4, conn_id="limits"),
        ),
        (
            '{"conn_type": "redis", "host": "cache", "extra": {"db": "5", "ssl": false, "ssl_ca_certs": "/ca.pem"}}',
            RedisSettings("cache", 6379, 5, conn_id="limits"),
        ),
        (
            '{"conn_type": "redis", "host": "cache", "extra": {"ssl": "true", "ssl_cert_reqs": "required", '
            '"ssl_ca_certs": "/ca.pem", "ssl_check_hostname": "False", "ssl_keyfile": null}}',
            RedisSettings(
                "cache",
                tls=(
                    ("ssl", True),
                    ("ssl_cert_reqs", "required"),
                    ("ssl_ca_certs", "/ca.pem"),
                    ("ssl_check_hostname", False),
                ),
                conn_id="limits",
            ),
        ),
    ],
)
def test_the_fields_mean_what_they_mean_to_airflows_redis_provider(connection: str, expected: RedisSettings) -> None:
    assert meaning(connection) == expected


@pytest.mark.parametrize(
    ("redis", "says"),
    [
        ({"conn_type": "postgres", "host": "db", "password": PASSWORD}, "type 'postgres', but must be of type redis"),
        ({**REDIS, "host": ""}, "no host"),
        ({**REDIS, "schema": "first"}, "no number"),
        ({**REDIS, "extra": {"db": "-1"}}, "no number"),
        ({**REDIS, "extra": {"ssl": "perhaps"}}, "neither true nor false"),
        ({**REDIS, "extra": {"ssl": True, "ssl_ca_certs": 1}}, "no text"),
        pytest.param({**REDIS, "extra": "[]"}, "no JSON object", marks=loses_an_extra_that_is_no_json_object),
        (None, "which Airflow does not know"),
    ],
)
def test_an_unusable_connection_is_named_in_one_line_and_no_secret_is_shown(
    hook_of: Any, redis: dict[str, Any] | None, says: str
) -> None:
    hook = hook_of(redis, rate_limit_conn_id="limits")

    with pytest.raises(BitgetConfigError) as refusal:
        hook.get_conn()

    text = str(refusal.value)
    assert refusal.value.field == "rate_limit_conn_id"
    assert says in text
    assert "'limits'" in text
    assert "\n" not in text
    assert PASSWORD not in text
    assert hook.test_connection() == (False, text)


def test_a_missing_package_is_told_with_what_to_install(hook_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)

    with pytest.raises(BitgetConfigError, match=r"pip install 'airflow-provider-bitget\[redis\]'") as refusal:
        hook_of(REDIS, rate_limit_conn_id="limits").get_conn()

    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("extra", "field"),
    [
        ({"rate_limit_conn_id": 7}, "rate_limit_conn_id"),
        ({"rate_limit_conn_id": "a\nb"}, "rate_limit_conn_id"),
        ({"rate_limit_group": ["desk"]}, "rate_limit_group"),
        ({"rate_limit_fallback_share": 0}, "rate_limit_fallback_share"),
        ({"rate_limit_fallback_share": 1.5}, "rate_limit_fallback_share"),
        ({"rate_limit_fallback_share": "a quarter"}, "rate_limit_fallback_share"),
    ],
)
def test_an_unclear_field_is_refused_by_its_name(hook_of: Any, extra: dict[str, Any], field: str) -> None:
    with pytest.raises(BitgetConfigError) as refusal:
        hook_of(**extra).get_conn()

    assert refusal.value.field == field


@pytest.mark.parametrize("extra", [{}, {"rate_limit_conn_id": ""}, {"rate_limit_conn_id": None}])
def test_without_the_field_the_limit_is_the_processs_own(hook_of: Any, extra: dict[str, Any]) -> None:
    assert not isinstance(hook_of(**extra).get_conn()._limiter(ENDPOINT), SharedEndpointLimiter)


def test_hooks_of_one_process_share_the_limiters_of_one_redis(hook_of: Any) -> None:
    extra = {"rate_limit_conn_id": "limits", "rate_limit_group": "desk", "rate_limit_fallback_share": "0.5"}
    one, other = (hook_of(REDIS, **extra).get_conn()._limiter(ENDPOINT) for _ in range(2))

    assert isinstance(one, SharedEndpointLimiter)
    assert one is other
    assert one._share == 0.5
    assert "bg_0123456789" not in one._key


def test_the_redis_password_is_masked_and_shown_nowhere(hook_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    masked: list[str] = []
    monkeypatch.setattr(session_module, "_masker", lambda: masked.append)
    hook = hook_of(REDIS, rate_limit_conn_id="limits")

    client = hook.get_conn()

    assert PASSWORD in masked
    assert PASSWORD not in f"{hook!r} {vars(hook)!r} {client!r} {list(shared_limit._known)!r}"


@pytest.mark.parametrize(
    ("is_reachable", "says"),
    [
        (True, "The shared rate limit (connection 'limits') can be reached."),
        (False, "WARNING: the shared rate limit (connection 'limits') cannot be reached"),
    ],
)
def test_the_connections_test_tells_whether_the_shared_limit_can_be_reached(
    monkeypatch: pytest.MonkeyPatch, is_reachable: bool, says: str
) -> None:
    monkeypatch.setattr(SharedLimiters, "is_reachable", is_reachable)
    with Sandbox(orders=0) as exchange:
        own = exchange.connection
        extra = {**own["extra"], "rate_limit_conn_id": "limits"}
        monkeypatch.setenv("AIRFLOW_CONN_BITGET_DEFAULT", json.dumps({**own, "extra": extra}))
        # Nobody listens there.
        monkeypatch.setenv("AIRFLOW_CONN_LIMITS", "redis://127.0.0.1:1")
        is_good, text = BitgetHook().test_connection()

    assert is_good
    assert says in text


def test_a_hook_made_of_connections_at_hand_asks_airflow_for_nothing(
    hook_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = hook_of(REDIS, rate_limit_conn_id="limits")
    connection, redis = own.get_connection("bitget_default"), own.get_connection("limits")

    def forbidden(*_: Any, **__: Any) -> Any:
        raise AssertionError("Airflow must not be asked again")

    monkeypatch.setattr(BitgetHook, "get_connection", forbidden)
    shared = BitgetHook.from_connection(connection, redis).get_conn()._limiter(ENDPOINT)
    alone = BitgetHook.from_connection(connection).get_conn()._limiter(ENDPOINT)

    assert isinstance(shared, SharedEndpointLimiter)
    assert not isinstance(alone, SharedEndpointLimiter)
