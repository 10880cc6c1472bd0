# SPDX-License-Identifier: Apache-2.0
"""The two kinds of orders that a batch cancel takes: how each is cancelled, which reads show it, how its end is told.

A normal order rests on the book. A plan order (trigger, trailing, take-profit or stop-loss) waits for its trigger: it
has endpoints of its own, and a type without which the exchange does not find it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.dialect import Dialect
from airflow_provider_bitget.api.rows import BatchAnswer, OpenOrder, OpenPlanOrder, Read
from airflow_provider_bitget.trading.look_up import OrderLookUp, PlanOrderLookUp, one_type_of_each_list
from airflow_provider_bitget.trading.track import OrderTrack

OpenRow = OpenOrder | OpenPlanOrder
OpenRead = Read[OpenOrder] | Read[OpenPlanOrder]


class OrderKind(Protocol):
    """What a batch cancel has to know of a kind of order."""

    @property
    def most_per_cancel(self) -> int:
        """The most orders in one cancel request, as far as the kind of account is known by now."""

    def cancel(self, batch: Sequence[OrderTrack], *, budget: Budget, attempts: int) -> BatchAnswer:
        """Cancel orders of one symbol, one plan type and one kind of id, in one request. Runs in a worker."""

    def reads(self, tracks: Sequence[OrderTrack]) -> Sequence[OpenRead]:
        """Return the reads that together show which of the orders are open, in the whole product type."""

    def look_up(self, tracks: Sequence[OrderTrack]) -> None:
        """Ask how orders ended that are open no more, and settle those of which the exchange knows."""


@dataclass(frozen=True, slots=True)
class NormalOrders:
    """Orders on the book.

    :param dialect: how to speak to the account.
    :param product_type: product type of all orders.
    :param margin_coin: optional margin coin.
    :param lookback_days: how far back the reads reach.
    :param ends: how they ended.
    """

    dialect: Dialect
    product_type: str
    margin_coin: str | None
    lookback_days: int
    ends: OrderLookUp

    @property
    def most_per_cancel(self) -> int:
        """The most ids in one request."""
        return self.dialect.most_ids_per_cancel

    def cancel(self, batch: Sequence[OrderTrack], *, budget: Budget, attempts: int) -> BatchAnswer:
        """Send a batch to the endpoint of normal orders."""
        return self.dialect.batch_cancel(
            _items(batch),
            symbol=batch[0].symbol,
            product_type=self.product_type,
            margin_coin=self.margin_coin,
            budget=budget,
            attempts=attempts,
        )

    def reads(self, tracks: Sequence[OrderTrack]) -> Sequence[OpenRead]:
        """Return the reads of the open orders."""
        return self.dialect.reads_of_open_orders(product_type=self.product_type, lookback_days=self.lookback_days)

    def look_up(self, tracks: Sequence[OrderTrack]) -> None:
        """Ask the history and the orders' details."""
        self.ends.ask(tracks)


@dataclass(frozen=True, slots=True)
class PlanOrders:
    """Orders that wait for their trigger. The parameters are those of :class:`NormalOrders`."""

    dialect: Dialect
    product_type: str
    margin_coin: str | None
    lookback_days: int
    ends: PlanOrderLookUp

    @property
    def most_per_cancel(self) -> int:
        """The most ids in one request."""
        return self.dialect.most_plan_ids_per_cancel

    def cancel(self, batch: Sequence[OrderTrack], *, budget: Budget, attempts: int) -> BatchAnswer:
        """Send a batch to the endpoint of plan orders, under the type that they share."""
        return self.dialect.cancel_plan_orders(
            _items(batch),
            symbol=batch[0].symbol,
            product_type=self.product_type,
            plan_type=batch[0].plan_type,
            margin_coin=self.margin_coin,
            budget=budget,
            attempts=attempts,
        )

    def reads(self, tracks: Sequence[OrderTrack]) -> Sequence[OpenRead]:
        """Return the reads of those lists of open plan orders that hold these types."""
        return self.dialect.reads_of_open_plan_orders(
            product_type=self.product_type,
            plan_types=one_type_of_each_list(track.ref.plan_type for track in tracks),
            lookback_days=self.lookback_days,
        )

    def look_up(self, tracks: Sequence[OrderTrack]) -> None:
        """Ask the history of plan orders, and how the orders ended that triggers placed."""
        self.ends.ask(tracks)


def _items(batch: Sequence[OrderTrack]) -> list[tuple[str, str]]:
    return [(track.ref.id_field, track.ref.id_value) for track in batch]
