# SPDX-License-Identifier: Apache-2.0
"""From an Airflow connection to a signed session, and any endpoint through it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

if TYPE_CHECKING:
    from airflow_provider_bitget.api.budget import Budget
    from airflow_provider_bitget.api.client import BitgetClient
    from airflow_provider_bitget.api.dialect import Dialect
    from airflow_provider_bitget.api.shared_limit import SharedLimiters
    from airflow_provider_bitget.hooks.connection import AirflowConnection, BitgetConnection

_TEST_SECONDS = 5.0
# What asking a store that hangs may take.
_STORE_SECONDS = 1.0
# Airflow 3.1 and newer, 3.0, 2.11.
_MASKER_HOMES = ("airflow.sdk.log", "airflow.sdk.execution_time.secrets_masker", "airflow.utils.log.secrets_masker")


class BitgetSessionHook(BaseHook):
    """A signed session with the credentials of an Airflow connection.

    Key, secret and passphrase are registered with Airflow's masker as soon as they are read.

    :param bitget_conn_id: id of the connection.
    """

    conn_name_attr = "bitget_conn_id"
    default_conn_name = "bitget_default"
    conn_type = "bitget"
    hook_name = "Bitget"

    def __init__(self, bitget_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bitget_conn_id = bitget_conn_id
        self._settings: BitgetConnection | None = None
        self._is_at_hand = False
        self._redis_connection: AirflowConnection | None = None

    @classmethod
    def from_connection(
        cls,
        connection: AirflowConnection,
        redis_connection: AirflowConnection | None = None,
        *,
        bitget_conn_id: str = default_conn_name,
    ) -> Self:
        """Return a hook for a connection that was fetched already, for callers who may not wait for one.

        A trigger fetches its connection with ``await``: Airflow's :meth:`get_connection` would block its event loop.

        :param connection: Airflow's connection. Its secrets are registered with Airflow's masker here.
        :param redis_connection: the connection that its ``rate_limit_conn_id`` names, see
            :func:`airflow_provider_bitget.hooks.redis_connection.rate_limit_conn_id_of`. Without it the limit is this
            process's own, whatever ``connection`` says: nothing is fetched here.
        :param bitget_conn_id: its id.
        :raises BitgetConfigError: a field of the connection is missing or unclear; the message names it.
        """
        hook = cls(bitget_conn_id)
        hook._settings = _read(connection)
        hook._is_at_hand, hook._redis_connection = True, redis_connection
        return hook

    def get_conn(self) -> BitgetClient:
        """Return the signed session, made once per hook.

        :raises BitgetConfigError: a field of the connection is missing or unclear; the message names it.
        """
        return self._client

    @cached_property
    def _client(self) -> BitgetClient:
        return self._make_client()

    @cached_property
    def dialect(self) -> Dialect:
        """The account's endpoints; with ``account_mode`` ``auto`` its kind is found out by the first call."""
        return self._make_dialect(self.get_conn())

    def _make_dialect(self, client: BitgetClient) -> Dialect:
        from airflow_provider_bitget.api.account import dialect_for

        return dialect_for(client, self._read_settings().account_mode)

    def _read_settings(self) -> BitgetConnection:
        if self._settings is None:
            self._settings = _read(self.get_connection(self.bitget_conn_id))
        return self._settings

    def _make_client(self, longest_timeout: float | None = None) -> BitgetClient:
        from airflow_provider_bitget.api.client import BitgetClient

        settings = self._read_settings()
        return BitgetClient(
            settings.credentials,
            base_url=settings.base_url,
            demo_trading=settings.demo_trading,
            timeout=min(settings.timeout, longest_timeout or settings.timeout),
            requests_per_second=settings.requests_per_second,
            limiters=self._shared_limiters(settings),
        )

    def _shared_limiters(self, settings: BitgetConnection) -> SharedLimiters | None:
        """Return the limiters that all workers share, ``None`` for those of this process."""
        conn_id = settings.rate_limit_conn_id
        if conn_id is None:
            return None
        connection = self._redis_connection if self._is_at_hand else self._get_redis_connection(conn_id)
        if connection is None:
            return None
        from airflow_provider_bitget.api.shared_limit import limiters_in_redis
        from airflow_provider_bitget.hooks.redis_connection import read_redis_connection

        _mask(connection.password)
        return limiters_in_redis(
            read_redis_connection(connection, conn_id), settings.rate_limit_group, settings.rate_limit_fallback_share
        )

    def _get_redis_connection(self, conn_id: str) -> AirflowConnection:
        from airflow_provider_bitget.hooks.redis_connection import unknown_connection

        try:
            return self.get_connection(conn_id)
        except AirflowNotFoundException:
            raise unknown_connection(conn_id) from None

    def close(self) -> None:
        """Close the session's connections, if it was ever made. The hook can be used again: they are made anew."""
        if "_client" in vars(self):
            self._client.close()

    def test_connection(self) -> tuple[bool, str]:
        """Make a signed read and say what the exchange thinks of the credentials, the account and the key's rights.

        Never raises, changes nothing, and ends within five seconds. Whether the key may trade, or withdraw, is asked
        once; where the exchange does not show it to this key, nothing is said about it. With a shared limit, its Redis
        is asked as well.
        """
        from airflow_provider_bitget.api.budget import Budget
        from airflow_provider_bitget.api.exceptions import BitgetError

        try:
            client = self._make_client(longest_timeout=_TEST_SECONDS)
            try:
                dialect, budget = self._make_dialect(client), Budget(_TEST_SECONDS, client.clock)
                dialect.check_signature(product_type="USDT-FUTURES", budget=budget)
                rights = _rights_shown(dialect, budget)
                limit = self._limit_told(budget)
            finally:
                client.close()
            where = "demo trading" if client.demo_trading else "live trading"
            accepted = f"Bitget accepted API key, secret and passphrase ({where}, {client.base_url})."
            return True, f"{accepted} The account is a {dialect.kind} one.{rights}{limit}"
        except BitgetError as error:
            return False, str(error)
        except AirflowNotFoundException:
            return False, (
                f"Airflow finds no connection {self.bitget_conn_id!r}. Airflow 3.0 and 3.1 also say so of one whose "
                'extra is not a JSON object such as {"passphrase": "..."}'
            )
        except Exception as error:  # noqa: BLE001  # the text of an unknown error is not shown: it might hold a secret
            return False, f"The connection could not be tested: {type(error).__name__}"

    def _limit_told(self, budget: Budget) -> str:
        """Return a sentence about the Redis of the shared limit; nothing without one, or without time to ask."""
        settings = self._read_settings()
        limiters = self._shared_limiters(settings)
        if limiters is None or budget.remaining() < _STORE_SECONDS:
            return ""
        name = f"the shared rate limit (connection {settings.rate_limit_conn_id!r})"
        if limiters.is_reachable:
            return f" T{name[1:]} can be reached."
        return f" WARNING: {name} cannot be reached: each process goes on at a part of the limit."

    def request(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | list[Any] | None = None,
    ) -> Any:
        """Call any other endpoint, signed, and return the envelope's ``data``.

        Only reads are repeated after a failure (a 429, which is answered before processing, excepted). A request
        whose missing or empty field would mean "everything" is refused.

        :param method: ``"GET"`` or ``"POST"``.
        :param path: for example ``/api/v2/mix/account/accounts``.
        :param params: the query; ``None`` values are left out.
        :param body: the JSON body of a POST.
        :raises BitgetConfigError: method or path cannot be used; nothing was sent.
        :raises BitgetCallError: anything but success.
        """
        from airflow_provider_bitget.api.endpoints import endpoint_for

        pairs = [(str(name), _query_text(value)) for name, value in (params or {}).items() if value is not None]
        return self.get_conn().call(endpoint_for(method, path), params=pairs, body=body).data


def _rights_shown(dialect: Dialect, budget: Budget) -> str:
    """Return sentences about the key's rights, as far as the exchange shows them."""
    from airflow_provider_bitget.api.exceptions import BitgetError

    try:
        rights = dialect.key_rights(budget=budget)
    except BitgetError:
        return ""
    sentences = {
        True: " The key may trade futures.",
        False: " WARNING: the key may not trade futures: cancels and closes will be refused.",
        None: "",
    }[rights.may_trade]
    if rights.may_withdraw:
        sentences += " WARNING: the key may withdraw funds: make one that can do nothing but trade futures."
    return sentences


def _read(connection: AirflowConnection) -> BitgetConnection:
    """Return the connection's meaning, after its secrets were registered with Airflow's masker."""
    from airflow_provider_bitget.hooks.connection import read_connection

    extra: Any = connection.extra_dejson
    passphrase = extra.get("passphrase") if isinstance(extra, Mapping) else None
    for secret in (connection.login, connection.password, passphrase):
        _mask(secret)
    return read_connection(connection, extra)


def _query_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _mask(secret: Any) -> None:
    """Register a value with Airflow's masker. Without a name: a name makes the masking conditional."""
    if not isinstance(secret, str) or not secret:
        return
    _masker()(secret)


def _masker() -> Callable[[str], None]:
    for module in _MASKER_HOMES:
        try:
            masker: Callable[[str], None] = import_module(module).mask_secret
        except (ImportError, AttributeError):
            continue
        return masker
    raise RuntimeError("This version of Airflow has no mask_secret: credentials would not be masked in its logs")
