# SPDX-License-Identifier: Apache-2.0
"""A stand-in exchange that listens on the loopback for as long as a ``with`` block lasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from airflow_provider_bitget.sandbox.accounts import Account, as_accounts, connection_json
from airflow_provider_bitget.sandbox.exchange import DEFAULT_PRODUCT_TYPE, DEFAULT_SYMBOLS, Exchange
from airflow_provider_bitget.sandbox.faults import Fault
from airflow_provider_bitget.sandbox.journal import RequestRecord
from airflow_provider_bitget.sandbox.network import Network
from airflow_provider_bitget.sandbox.orders import LIVE, OPEN_STATUSES, book_row_of
from airflow_provider_bitget.sandbox.owner import Owner
from airflow_provider_bitget.sandbox.rules import Rules

if TYPE_CHECKING:
    from airflow_provider_bitget.sandbox.server import Server

HOST = "127.0.0.1"


class Sandbox:
    """An exchange on the loopback, for demos and for tests of one's own DAGs.

    ::

        with Sandbox(orders=230) as sandbox:
            os.environ["AIRFLOW_CONN_BITGET_DEFAULT"] = sandbox.connection_json

    :param port: the port, 0 for a free one.
    :param orders: how many open orders to begin with, spread over the symbols.
    :param symbols: the symbols of these orders.
    :param product_type: the product type of these orders.
    :param latency: the round trip in seconds.
    :param jitter: up to so many seconds more before a request arrives.
    :param connection_round_trips: extra round trips of the first request on each new connection.
    :param demo: whether made-up accounts are demo trading accounts.
    :param accounts: how many accounts to make up, or the accounts themselves; books are per account.
    :param rules: fields of :class:`~airflow_provider_bitget.sandbox.rules.Rules`, such as ``limiter`` or
        ``seed``.
    :raises ValueError: for an unknown option or a value that doesn't fit.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        orders: int = 0,
        symbols: Sequence[str] = DEFAULT_SYMBOLS,
        product_type: str = DEFAULT_PRODUCT_TYPE,
        latency: float = 0.0,
        jitter: float = 0.0,
        connection_round_trips: float = 0.0,
        demo: bool = False,
        accounts: int | Sequence[Account] = 1,
        **rules: Any,
    ) -> None:
        self.exchange = Exchange(
            accounts=as_accounts(accounts, demo=demo),
            symbols=symbols,
            product_type=product_type,
            rules=Rules().changed(rules),
        )
        self._owner = Owner(self.exchange, Network(latency, jitter, connection_round_trips), orders)
        self._port = port
        self._server: Server | None = None

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to listen.

        :raises ImportError: without the extra ``sandbox``.
        :raises OSError: where the port is taken.
        """
        try:
            from airflow_provider_bitget.sandbox.server import Server
        except ModuleNotFoundError as error:
            if error.name not in ("fastapi", "uvicorn"):
                raise
            message = f"The sandbox needs {error.name}: pip install 'airflow-provider-bitget[sandbox]'"
            raise ImportError(message, name=error.name) from None
        self._server = Server(self._owner, HOST, self._port)
        self._owner.url = self.url
        self._server.start()

    def stop(self) -> None:
        """Stop listening; orders and requests can still be looked at."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    @property
    def url(self) -> str:
        """The base URL, which changes with each start where the port is 0."""
        if self._server is None:
            raise RuntimeError("the sandbox isn't running; use it in a with statement")
        return f"http://{HOST}:{self._server.port}"

    @property
    def accounts(self) -> tuple[Account, ...]:
        """The accounts; the methods below act on the first where they don't take one."""
        return self.exchange.accounts

    @property
    def connection(self) -> dict[str, Any]:
        """The first account's Airflow connection."""
        return self.accounts[0].connection(self.url)

    @property
    def connection_json(self) -> str:
        """The first account's Airflow connection, as the value of an ``AIRFLOW_CONN_...`` variable."""
        return connection_json(self.accounts[0], self.url)

    def open_orders(
        self, symbol: str | None = None, product_type: str | None = None, *, account: Account | None = None
    ) -> list[dict[str, Any]]:
        """Return the rows of the open orders, oldest first.

        :param symbol: only this symbol.
        :param product_type: only this product type.
        :param account: whose orders, the first account's by default.
        """
        orders = self.exchange.orders(OPEN_STATUSES, symbol=symbol, product_type=product_type, account=account)
        return [book_row_of(order) for order in orders]

    def order(self, order_id: str) -> dict[str, Any]:
        """Return the row of an order in any state.

        :param order_id: the exchange's id.
        :raises ValueError: where there is no such order.
        """
        return book_row_of(self.exchange.order(order_id))

    def place(
        self,
        count: int = 1,
        symbol: str | None = None,
        product_type: str | None = None,
        *,
        client_oids: bool | Sequence[str] = False,
        status: str = LIVE,
        created_ms: int | None = None,
        account: Account | None = None,
    ) -> list[dict[str, Any]]:
        """Place orders and return their rows, oldest first; parameters as in :meth:`Exchange.place`."""
        orders = self.exchange.place(
            count,
            symbol,
            product_type,
            client_oids=client_oids,
            status=status,
            created_ms=created_ms,
            account=account,
        )
        return [book_row_of(order) for order in orders]

    def fill(self, order_id: str) -> dict[str, Any]:
        """Fill an open order and return its row.

        :param order_id: the exchange's id.
        :raises ValueError: where there is no such open order.
        """
        return book_row_of(self.exchange.fill(order_id))

    def cancel(self, order_id: str) -> dict[str, Any]:
        """Cancel an open order as another actor would, and return its row.

        :param order_id: the exchange's id.
        :raises ValueError: where there is no such open order.
        """
        return book_row_of(self.exchange.cancel(order_id))

    def books(self) -> list[dict[str, str | int]]:
        """Return the counts of orders by account, product type, symbol and state."""
        return self.exchange.books()

    @property
    def requests(self) -> list[RequestRecord]:
        """What became of each request, oldest first."""
        return self.exchange.records()

    def statistics(self) -> dict[str, dict[str, int]]:
        """Return counts of requests by path; see :meth:`Journal.statistics`."""
        return self.exchange.statistics()

    def inject(self, kind: str, **options: Any) -> Fault:
        """Let something go wrong; parameters as in :meth:`Exchange.inject`."""
        return self.exchange.inject(kind, **options)

    def inject_random(
        self,
        probability: float,
        kinds: Sequence[str | tuple[str, Mapping[str, Any]]] | None = None,
        **options: Any,
    ) -> Fault:
        """Let different things go wrong at random; parameters as in :meth:`Exchange.inject_random`."""
        return self.exchange.inject_random(probability, kinds, **options)

    def clear_faults(self) -> None:
        """End all faults."""
        self.exchange.clear_faults()

    def reset(self, orders: int | None = None, **changes: Any) -> None:
        """Begin anew: no requests, no faults, fresh orders; options as in :meth:`Owner.reset`."""
        self._owner.reset(orders, **changes)
