# SPDX-License-Identifier: Apache-2.0
"""A stand-in exchange that listens on the loopback for as long as a ``with`` block lasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from airflow_provider_bitget.sandbox.accounts import Account, AccountMode, as_accounts, connection_json
from airflow_provider_bitget.sandbox.exchange import Exchange
from airflow_provider_bitget.sandbox.faults import Fault
from airflow_provider_bitget.sandbox.journal import RequestRecord
from airflow_provider_bitget.sandbox.network import Network
from airflow_provider_bitget.sandbox.orders import OPEN_STATUSES, book_row_of
from airflow_provider_bitget.sandbox.owner import Owner
from airflow_provider_bitget.sandbox.plan_orders import plan_book_row_of
from airflow_provider_bitget.sandbox.positions import position_book_row_of
from airflow_provider_bitget.sandbox.rules import Rules
from airflow_provider_bitget.sandbox.venue import DEFAULT_PRODUCT_TYPE, DEFAULT_SYMBOLS

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
    :param account_mode: the mode of made-up accounts: ``classic``, or ``unified`` for the V3 paths instead. The
        connection doesn't tell: a client has to find out.
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
        account_mode: AccountMode = "classic",
        **rules: Any,
    ) -> None:
        self.exchange = Exchange(
            accounts=as_accounts(accounts, demo=demo, mode=account_mode),
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
        **options: Any,
    ) -> list[dict[str, Any]]:
        """Place orders and return their rows, oldest first; parameters as in :meth:`Exchange.place`."""
        return [book_row_of(order) for order in self.exchange.place(count, symbol, product_type, **options)]

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

    def place_plan(self, count: int = 1, plan_type: str = "normal_plan", **options: Any) -> list[dict[str, Any]]:
        """Place plan orders and return their rows, oldest first; parameters as in :meth:`Exchange.place_plan`."""
        return [plan_book_row_of(plan) for plan in self.exchange.place_plan(count, plan_type, **options)]

    def open_plan_orders(
        self,
        symbol: str | None = None,
        product_type: str | None = None,
        *,
        plan_type: str | None = None,
        account: Account | None = None,
    ) -> list[dict[str, Any]]:
        """Return the rows of the live plan orders, oldest first.

        :param symbol: only this symbol.
        :param product_type: only this product type.
        :param plan_type: only this concrete type.
        :param account: whose plan orders, the first account's by default.
        """
        plans = self.exchange.plan_orders(
            plan_type=plan_type, symbol=symbol, product_type=product_type, account=account
        )
        return [plan_book_row_of(plan) for plan in plans]

    def plan_order(self, plan_order_id: str) -> dict[str, Any]:
        """Return the row of a plan order in any state.

        :param plan_order_id: the exchange's id.
        :raises ValueError: where there is no such plan order.
        """
        return plan_book_row_of(self.exchange.plan_order(plan_order_id))

    def trigger(self, plan_order_id: str, outcome: str | None = None) -> dict[str, Any]:
        """Let a live plan order trigger, and return its row with the ``executeOrderId`` of its child order.

        :param plan_order_id: the exchange's id.
        :param outcome: ``rests``, ``fills`` or ``fails``; see :meth:`Exchange.trigger`.
        :raises ValueError: where there is no such live plan order, or for an unknown outcome.
        """
        return plan_book_row_of(self.exchange.trigger(plan_order_id, outcome))

    def open_position(
        self, symbol: str = "BTCUSDT", hold_side: str = "long", size: str = "1", **options: Any
    ) -> dict[str, Any]:
        """Open a position or make it larger, and return its row; parameters as in :meth:`Exchange.open_position`."""
        return position_book_row_of(self.exchange.open_position(symbol, hold_side, size, **options))

    def positions(
        self,
        symbol: str | None = None,
        product_type: str | None = None,
        hold_side: str | None = None,
        *,
        account: Account | None = None,
    ) -> list[dict[str, Any]]:
        """Return the rows of the positions, also of those that reads do not show yet.

        :param symbol: only this symbol.
        :param product_type: only this product type.
        :param hold_side: only ``long`` or ``short``.
        :param account: whose positions, the first account's by default.
        """
        positions = self.exchange.positions(symbol, product_type, hold_side, account=account)
        return [position_book_row_of(position) for position in positions]

    def refuse_close(self, symbol: str, hold_side: str, code: str | None, **options: Any) -> None:
        """Refuse to close a position, or no longer; parameters as in :meth:`Exchange.refuse_close`."""
        self.exchange.refuse_close(symbol, hold_side, code, **options)

    def fill_closes_partly(self, share: str = "0.5", times: int | None = 1, *, account: Account | None = None) -> None:
        """Let close orders fill in part; parameters as in :meth:`Exchange.fill_closes_partly`."""
        self.exchange.fill_closes_partly(share, times, account=account)

    def maintain(self, symbols: Sequence[str] = ()) -> None:
        """Put symbols under maintenance; parameters as in :meth:`Exchange.maintain`."""
        self.exchange.maintain(symbols)

    def books(self) -> list[dict[str, str | int]]:
        """Return the counts of orders, plan orders and positions; see :meth:`Exchange.books`."""
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
