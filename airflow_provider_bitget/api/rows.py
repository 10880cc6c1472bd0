# SPDX-License-Identifier: Apache-2.0
"""What a dialect hands on: orders, plan orders, positions and answers, in one shape for every kind of account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Generic, Protocol, TypeVar

from airflow_provider_bitget.api.budget import Budget

Row = Mapping[str, Any]

OPENING_PLAN_TYPES: Final = ("normal_plan", "track_plan")
"""Plan orders that open or change a position when they trigger."""

PROTECTIVE_PLAN_TYPES: Final = ("profit_plan", "loss_plan", "moving_plan", "pos_profit", "pos_loss")
"""Take-profit and stop-loss orders: they protect a position."""

PLAN_TYPES: Final = OPENING_PLAN_TYPES + PROTECTIVE_PLAN_TYPES
"""Source: https://www.bitget.com/api-doc/contract/plan/Cancel-Plan-Order and the neighbouring pages."""

DEFAULT_LOOKBACK_DAYS: Final = 90
"""How far back the exchange's lists of open orders reach when they are asked for no time (three months)."""


@dataclass(frozen=True, slots=True)
class ItemAnswer:
    """What a batch answered for one order.

    :param order_id: the exchange's id, ``""`` where it was not named.
    :param client_oid: the client's id, ``""`` where there is none.
    :param code: error code; ``""`` for a success or where the entry had none.
    :param message: the exchange's text, redacted and shortened.
    """

    order_id: str
    client_oid: str
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """What a batch answered, order by order; orders may be missing, doubled, or not ours at all.

    :param succeeded: entries of the list of successes.
    :param failed: entries of the list of failures.
    :param maybe_processed: an earlier attempt of the same batch may have been carried out.
    :param names_orders: the successes are the exchange's own words. If not, it only said that it took the request, and
        they are what was asked for: only a read of the open orders proves them.
    """

    succeeded: tuple[ItemAnswer, ...]
    failed: tuple[ItemAnswer, ...]
    maybe_processed: bool
    names_orders: bool = True


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that rests on the book.

    :param order_id: the exchange's id.
    :param client_oid: the client's id, ``""`` if none.
    :param symbol: upper case.
    :param row: the exchange's row; whatever the kind of account, what the classic API has a name for goes by that.
    :param margin_coin: upper case, ``""`` where neither row nor product type names one.
    :param side: ``buy`` or ``sell``, ``""`` where the row does not say; so are size and price.
    :param size: in units of the base coin, as text.
    :param price: as text.
    :param placed: when it was placed, in seconds since the epoch by the exchange's clock; 0.0 where the row does not
        say.
    :param may_close: it closes a position, or cannot be told from an order that does.
    """

    order_id: str
    client_oid: str
    symbol: str
    row: Row
    margin_coin: str = ""
    side: str = ""
    size: str = ""
    price: str = ""
    placed: float = 0.0
    may_close: bool = True


@dataclass(frozen=True, slots=True)
class EndedOrder:
    """An order that has ended, and how.

    :param state: ``filled`` or ``cancelled``.
    :param updated: when it ended, in seconds since the epoch by the exchange's clock; 0.0 where the row does not say.
    :param placed: when it was placed; 0.0 where the row does not say.
    """

    order_id: str
    client_oid: str
    symbol: str
    state: str
    updated: float
    placed: float = 0.0


@dataclass(frozen=True, slots=True)
class OpenPlanOrder:
    """A trigger, trailing, take-profit or stop-loss order that waits for its trigger.

    :param plan_type: the concrete type as the classic API names it; usually one of :data:`PLAN_TYPES`, ``""`` where the
        row has none.
    :param hold_side: the side of the position it belongs to, ``long`` or ``short``; ``""`` where the row does not say
        (one-way mode).
    :param row: as of :class:`OpenOrder`.
    :param margin_coin: upper case, ``""`` where neither row nor product type names one.
    :param side: ``buy`` or ``sell``, ``""`` where the row does not say; so are size and prices.
    :param size: in units of the base coin, as text; ``0`` where it means the whole position.
    :param price: of the order that the trigger places, as text.
    :param trigger_price: as text.
    :param placed: when it was placed, in seconds since the epoch by the exchange's clock; 0.0 where the row does not
        say.
    """

    order_id: str
    client_oid: str
    symbol: str
    plan_type: str
    hold_side: str
    row: Row
    margin_coin: str = ""
    side: str = ""
    size: str = ""
    price: str = ""
    trigger_price: str = ""
    placed: float = 0.0

    @property
    def is_protective(self) -> bool:
        """Whether it protects a position; one of an unknown type is taken for one, so that no stop goes by mistake."""
        return self.plan_type not in OPENING_PLAN_TYPES


@dataclass(frozen=True, slots=True)
class EndedPlanOrder:
    """A plan order that waits no more.

    :param state: ``cancelled``, ``triggered`` (it placed an order) or ``failed`` (it triggered and placed none).
    :param child_id: the order that it placed, ``""`` where the row does not name it.
    :param updated: when it ended, in seconds since the epoch by the exchange's clock; 0.0 where the row does not say.
    """

    order_id: str
    client_oid: str
    symbol: str
    plan_type: str
    state: str
    child_id: str
    updated: float


@dataclass(frozen=True, slots=True)
class Position:
    """An open position.

    :param symbol: upper case.
    :param hold_side: ``long`` or ``short``.
    :param size: its whole size, locked part included, in units of the base coin (of contracts where the exchange counts
        so); never zero.
    :param margin_coin: upper case.
    :param hedge_mode: whether the account holds both sides of a symbol apart.
    :param mark_price: ``None`` where the row has none.
    :param row: as of :class:`OpenOrder`.
    """

    symbol: str
    hold_side: str
    size: Decimal
    margin_coin: str
    hedge_mode: bool
    mark_price: Decimal | None
    row: Row

    @property
    def value(self) -> Decimal:
        """Size times mark price; 0 where there is no price."""
        return self.size * self.mark_price if self.mark_price is not None else Decimal(0)


@dataclass(frozen=True, slots=True)
class CloseItem:
    """What a close answered for one position.

    :param symbol: upper case; ``""`` where the entry does not say (an older shape of the answer).
    :param order_id: the close order's id, ``""`` if there is none.
    :param code: error code; ``""`` for an accepted close or where the entry had none.
    :param message: the exchange's text, redacted and shortened.
    """

    symbol: str
    order_id: str
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class CloseAnswer:
    """What a close answered. An accepted close is a close *order*, not yet a closed position.

    :param accepted: one entry per close order.
    :param refused: one entry per position that was refused.
    :param nothing_open: the code by which the exchange said that there is no position to close; ``""`` if it did not.
    """

    accepted: tuple[CloseItem, ...] = ()
    refused: tuple[CloseItem, ...] = ()
    nothing_open: str = ""


@dataclass(frozen=True, slots=True)
class KeyRights:
    """What an answer of the exchange shows of the API key's rights; ``None`` where it does not show it.

    :param may_trade: the key may place and cancel futures orders.
    :param may_withdraw: the key may withdraw funds.
    """

    may_trade: bool | None = None
    may_withdraw: bool | None = None


RowType = TypeVar("RowType")


class Read(Protocol, Generic[RowType]):
    """One paged list of the exchange; running it to its end means that the read is complete."""

    def __call__(self, *, budget: Budget | None = None, attempts: int | None = None) -> Iterator[list[RowType]]:
        """Yield the pages.

        :param budget: deadline, stop and tally of the run.
        :param attempts: how often one page is asked for at most.
        :raises BitgetCallError: the read could not be completed.
        """
