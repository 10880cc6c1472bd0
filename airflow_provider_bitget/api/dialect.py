# SPDX-License-Identifier: Apache-2.0
"""What trading needs of an account, whatever its kind: one method for each thing that can be asked of the exchange.

Classic and unified accounts are served by different endpoints, under different names, in different portions and with
different codes. All of that stays behind these methods; product types, plan types and sides go by the names of
:mod:`~airflow_provider_bitget.api.rows` here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.client import BitgetClient
from airflow_provider_bitget.api.rows import (
    DEFAULT_LOOKBACK_DAYS,
    BatchAnswer,
    CloseAnswer,
    EndedOrder,
    EndedPlanOrder,
    KeyRights,
    OpenOrder,
    OpenPlanOrder,
    Position,
    Read,
)


class Dialect(Protocol):
    """Futures endpoints of an account.

    Every method takes the ``budget`` of the run (by default 60 s of its own) and ``attempts``, how often a request is
    sent at most (by default until the budget ends). Every one raises :class:`BitgetCallError` with what the exchange
    holds against the call, :class:`BitgetNotSentError` if deadline or stop came first, :class:`BitgetConfigError` for
    what this kind of account cannot be asked, and reads raise :class:`BitgetAmbiguousError` where an answer cannot be
    read: odd is never taken for empty.
    """

    @property
    def client(self) -> BitgetClient:
        """The signed session to call through."""

    @property
    def kind(self) -> str:
        """``classic`` or ``unified``, as far as it is known by now."""

    @property
    def most_ids_per_cancel(self) -> int:
        """The most orders in one cancel request, as far as the kind of account is known by now."""

    @property
    def most_plan_ids_per_cancel(self) -> int:
        """The same for plan orders."""

    @property
    def asks_for_one_plan_order(self) -> bool:
        """Whether the end of one plan order can be asked for in a single request; otherwise its history is read."""

    @property
    def names_margin_coins(self) -> bool:
        """Whether every open order's row names its margin coin; otherwise that of some is not known."""

    def batch_cancel(
        self,
        items: Sequence[tuple[str, str]],
        *,
        symbol: str,
        product_type: str,
        margin_coin: str | None = None,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> BatchAnswer:
        """Cancel orders of one symbol by id.

        :param items: pairs of the id's field, ``orderId`` or ``clientOid``, and the id; one field per call.
        :param symbol: for example ``BTCUSDT``.
        :param product_type: for example ``USDT-FUTURES``.
        :param margin_coin: upper case, optional.
        :raises BitgetScopeError: no ids, an empty id, or no symbol.
        :raises BitgetBatchTooLargeError: nothing was sent: this kind of account takes fewer ids in one request.
        """

    def cancel_all_orders(
        self,
        *,
        product_type: str,
        margin_coin: str | None = None,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> BatchAnswer | None:
        """Cancel every order of a whole product type, whatever its age; ``None``: there was no order to cancel.

        Plan orders stay. Not repeated after an answer that cannot be trusted: read the open orders first.
        """

    def close_positions(
        self,
        *,
        product_type: str,
        symbol: str | None = None,
        hold_side: str | None = None,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> CloseAnswer:
        """Close the positions of a symbol, or of a whole product type, at market.

        An accepted close is an order that was sent to the market: read the positions to see what became of it. Not
        repeated after an answer that cannot be trusted: read the positions first.

        :param symbol: ``None`` means the whole product type.
        :param hold_side: ``long`` or ``short``, with a symbol only; ``None`` for both.
        """

    def order_detail(
        self,
        *,
        symbol: str,
        product_type: str,
        order_id: str = "",
        client_oid: str = "",
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> EndedOrder | OpenOrder | None:
        """Look one order up; ``None`` if the exchange knows no such order under this symbol and product type."""

    def reads_of_open_orders(
        self, *, product_type: str, symbol: str | None = None, lookback_days: int = DEFAULT_LOOKBACK_DAYS
    ) -> Sequence[Read[OpenOrder]]:
        """Return the reads that together show every resting order of the last ``lookback_days``.

        An order may show in more than one of them.
        """

    def orders_history(
        self,
        *,
        product_type: str,
        symbol: str | None = None,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> Iterator[list[EndedOrder]]:
        """Yield the pages of ended orders, newest first, as far back as the exchange keeps them (90 days).

        An order may show more than once.
        """

    def plan_children(
        self,
        *,
        product_type: str,
        plan_type: str,
        order_id: str,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> list[str] | None:
        """Return the ids of the orders that a plan order placed by its trigger; ``None`` where that cannot be asked."""

    def cancel_plan_orders(
        self,
        items: Sequence[tuple[str, str]],
        *,
        symbol: str,
        product_type: str,
        plan_type: str,
        margin_coin: str | None = None,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> BatchAnswer:
        """Cancel plan orders of one symbol and one type by id; parameters and errors as of :meth:`batch_cancel`.

        Where the answer names no orders, its successes are what was asked for (``names_orders``).

        :param plan_type: the concrete type, one of :data:`~airflow_provider_bitget.api.rows.PLAN_TYPES`.
        """

    def reads_of_open_plan_orders(
        self,
        *,
        product_type: str,
        symbol: str | None = None,
        plan_types: Collection[str] | None = None,
        lookback_days: int = DEFAULT_LOOKBACK_DAYS,
    ) -> Sequence[Read[OpenPlanOrder]]:
        """Return the reads that together show every waiting plan order of the last ``lookback_days``.

        An order may show in more than one of them, and so do types that were not asked for.

        :param plan_types: the wanted types; ``None`` for all.
        """

    def ended_plan_orders(
        self,
        *,
        product_type: str,
        plan_type: str,
        symbol: str | None = None,
        order_id: str = "",
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> Iterator[list[EndedPlanOrder]]:
        """Yield the pages of plan orders that were cancelled or have triggered, newest first.

        An order may show more than once.

        :param plan_type: a concrete type; those that share a list with it show as well.
        :param order_id: only this plan order, if not empty; others may show all the same.
        """

    def positions(
        self,
        *,
        product_type: str,
        margin_coin: str | None = None,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> list[Position]:
        """Return the open positions of a product type; none where it is flat.

        A position may appear seconds after the fill that opened it.

        :param margin_coin: upper case, optional.
        """

    def check_signature(self, *, product_type: str, budget: Budget | None = None) -> None:
        """Make one signed read, in one attempt, that changes nothing.

        :raises BitgetCallError: what the exchange holds against it.
        """

    def key_rights(self, *, budget: Budget | None = None) -> KeyRights:
        """Return what the exchange shows of the key's rights, asked once, in one attempt.

        :raises BitgetCallError: the exchange does not show them to this key.
        """
