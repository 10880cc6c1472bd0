# SPDX-License-Identifier: Apache-2.0
"""What is open within a scope: orders, plan orders and positions, read side by side and to the end, or not at all.

The pages:

- https://www.bitget.com/api-doc/contract/trade/Get-Orders-Pending
- https://www.bitget.com/api-doc/contract/plan/get-orders-plan-pending
- https://www.bitget.com/api-doc/contract/position/get-all-position
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any, Final, TypeVar

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.dialect import Dialect
from airflow_provider_bitget.api.error_codes import ErrorCategory
from airflow_provider_bitget.api.exceptions import (
    BitgetAuthError,
    BitgetError,
    BitgetNotSentError,
    BitgetTransientError,
)
from airflow_provider_bitget.api.rows import (
    DEFAULT_LOOKBACK_DAYS,
    OPENING_PLAN_TYPES,
    PLAN_TYPES,
    PROTECTIVE_PLAN_TYPES,
    OpenOrder,
    OpenPlanOrder,
    Position,
)
from airflow_provider_bitget.api.scope import untold_margin_coin
from airflow_provider_bitget.trading.batch_cancel import IN_FLIGHT, READ_CALL_ATTEMPTS
from airflow_provider_bitget.trading.in_flight import InFlight
from airflow_provider_bitget.trading.scope import Scope
from airflow_provider_bitget.trading.workers import ThreadedWorkers, Workers

ORDERS: Final = "orders"
PLAN_ORDERS: Final = "plan_orders"
POSITIONS: Final = "positions"

SHORTEST_REACH_DAYS: Final = 89
"""How far back a list reaches that is asked for no time: three months, of which the shortest have 89 days."""

_LONGEST_TEXT = 64

Identified = TypeVar("Identified", OpenOrder, OpenPlanOrder)


@dataclass(frozen=True, slots=True)
class BookNumbers:
    """What is remembered of an older read: thousands of rows, a hundred times over, would fill the memory."""

    _row: Mapping[str, Any]

    def snapshot(self) -> dict[str, Any]:
        """Return the numbers for a report, as plain JSON types; what was not read has no key."""
        return dict(self._row)


@dataclass(frozen=True)
class Books:
    """What was open within a scope at one time.

    :param orders: the open orders, each once.
    :param plan_orders: the waiting plan orders, each once.
    :param positions: the open positions.
    :param read_at: when the reads began, in seconds since the epoch by the exchange's clock.
    :param read_from: orders placed before this moment, on the same clock, may be missing.
    :param parts: which of the three were read; what was not is empty.
    :param plan_types: of which types all plan orders were read.
    """

    orders: tuple[OpenOrder, ...]
    plan_orders: tuple[OpenPlanOrder, ...]
    positions: tuple[Position, ...]
    read_at: float
    read_from: float
    parts: frozenset[str] = frozenset({ORDERS, PLAN_ORDERS, POSITIONS})
    plan_types: frozenset[str] = frozenset(PLAN_TYPES)

    @property
    def is_flat(self) -> bool:
        """Whether all three were read, plan orders of every type, and nothing is open."""
        is_complete = len(self.parts) == 3 and self.plan_types.issuperset(PLAN_TYPES)
        return is_complete and not (self.orders or self.plan_orders or self.positions)

    @property
    def position_value(self) -> Decimal:
        """The worth of all positions at mark price."""
        return sum((position.value for position in self.positions), Decimal(0))

    def numbers(self) -> BookNumbers:
        """Return what a report shows of a read that another one has followed."""
        return BookNumbers(self.snapshot())

    def snapshot(self) -> dict[str, Any]:
        """Return the numbers for a report, as plain JSON types; what was not read has no key."""
        row: dict[str, Any] = {"time": utc_text(self.read_at)}
        if ORDERS in self.parts:
            row[ORDERS] = len(self.orders)
        if PLAN_ORDERS in self.parts:
            row |= self._plan_numbers()
        if POSITIONS in self.parts:
            row |= {POSITIONS: len(self.positions), "position_value": amount_text(self.position_value)}
        return row

    def _plan_numbers(self) -> dict[str, int]:
        """Return how many plan orders open positions, how many protect them, and all of them where both are known."""
        protective = sum(plan.is_protective for plan in self.plan_orders)
        numbers: dict[str, int] = {}
        if self.plan_types.issuperset(OPENING_PLAN_TYPES):
            numbers["opening_plan_orders"] = len(self.plan_orders) - protective
        if self.plan_types.issuperset(PROTECTIVE_PLAN_TYPES):
            numbers["protective_plan_orders"] = protective
        return {PLAN_ORDERS: len(self.plan_orders), **numbers} if len(numbers) == 2 else numbers


class BooksReader:
    """Reads the books of one scope, again and again.

    :param dialect: how to speak to the account.
    :param scope: what to read.
    :param budget: deadline, stop and tally of the run.
    :param every_margin_coin: read positions of other margin coins than the scope's as well.
    :param attempts: how often one page is asked for, refusals by the rate limit not counted, before the read counts as
        failed; ``None`` for until the deadline, where nothing else is to be done.
    :param workers: runs the requests; by default a bounded number of threads.
    """

    def __init__(
        self,
        dialect: Dialect,
        scope: Scope,
        budget: Budget,
        *,
        every_margin_coin: bool = False,
        attempts: int | None = READ_CALL_ATTEMPTS,
        workers: Workers | None = None,
    ) -> None:
        self.dialect = dialect
        self.scope = scope
        self.budget = budget
        self._attempts = attempts
        self._scope_of_positions = replace(scope, margin_coin=None) if every_margin_coin else scope
        #: Runs the reads, and whatever else the run sends; its ``fatal`` is what makes any further request pointless.
        self.in_flight = InFlight(
            workers or ThreadedWorkers(IN_FLIGHT), budget, dialect.client, on_wait=_do_nothing, on_abandon=_forget
        )
        #: What the last read has shown, if it failed: its ``parts`` names what was read to its end, the rest is part of
        #: the truth. Whatever is there was open; what is missing may be open all the same.
        self.seen: Books | None = None

    def read(
        self,
        *,
        orders: bool = True,
        plan_orders: bool = True,
        positions: bool = True,
        plan_types: Collection[str] | None = None,
        lookback_days: int | None = None,
        order_lookback_days: int | None = None,
    ) -> Books:
        """Read what is open now, all lists side by side; only complete reads count.

        :param orders: read the open orders, in both states.
        :param plan_orders: read the plan orders.
        :param positions: read the positions.
        :param plan_types: only the lists that hold these types; by default all.
        :param lookback_days: how far back orders and plan orders are looked for; by default as in the scope.
        :param order_lookback_days: the same for orders alone.
        :raises BitgetAuthError: the credentials or the account's mode are refused: reading again cannot help.
        :raises BitgetError: why the first of the reads that failed did so; :attr:`seen` has what they have shown.
        :raises BitgetNotSentError: stop or deadline came first.
        """
        client = self.dialect.client
        lookback = lookback_days or self.scope.lookback_days
        order_lookback = order_lookback_days or lookback
        began = client.clock.monotonic()
        lists = (
            (self._lists_of_orders(order_lookback) if orders else [])
            + (self._lists_of_plan_orders(lookback, plan_types) if plan_orders else [])
            + ([_List(POSITIONS, self._positions)] if positions else [])
        )
        errors = self._run_side_by_side(lists)
        # The exchange's clock is known only once it has answered something.
        read_at = client.exchange_time() - (client.clock.monotonic() - began)
        reach = min([order_lookback] * orders + [lookback] * plan_orders, default=0)
        unread = {each.part for each in lists if not each.is_complete}
        self.seen = Books(
            orders=_each_once(self._rows(lists, ORDERS)),
            plan_orders=_each_once(self._rows(lists, PLAN_ORDERS)),
            positions=tuple(self._rows(lists, POSITIONS)),
            read_at=read_at,
            read_from=reach_of(read_at, reach),
            parts=frozenset(each.part for each in lists) - unread,
            plan_types=frozenset(PLAN_TYPES if plan_types is None else plan_types),
        )
        if errors:
            raise _about_one_read(errors[0])
        if unread:
            # Given up: the deadline came while a read was under way.
            raise BitgetNotSentError("deadline")
        self._check_margin_coins(self.seen)
        return self.seen

    def _check_margin_coins(self, books: Books) -> None:
        """Refuse a margin coin where the exchange does not tell that of an order: nothing must widen to all coins."""
        if self.scope.margin_coin is None or self.dialect.names_margin_coins:
            return
        coins = [order.margin_coin for order in books.orders] + [plan.margin_coin for plan in books.plan_orders]
        if not all(coins):
            raise untold_margin_coin(self.scope.margin_coin)

    def request_stop(self) -> None:
        """Ask for the end of the run. Safe in a signal handler."""
        self.in_flight.request_stop()

    def close(self) -> None:
        """Let the workers end."""
        self.in_flight.close()

    def _lists_of_orders(self, lookback_days: int) -> list[_List]:
        reads = self.dialect.reads_of_open_orders(
            product_type=self.scope.product_type, symbol=self.scope.symbol, lookback_days=lookback_days
        )
        return [_List(ORDERS, partial(read, budget=self.budget, attempts=self._attempts)) for read in reads]

    def _lists_of_plan_orders(self, lookback_days: int, plan_types: Collection[str] | None) -> list[_List]:
        reads = self.dialect.reads_of_open_plan_orders(
            product_type=self.scope.product_type,
            symbol=self.scope.symbol,
            plan_types=plan_types,
            lookback_days=lookback_days,
        )
        return [_List(PLAN_ORDERS, partial(read, budget=self.budget, attempts=self._attempts)) for read in reads]

    def _positions(self) -> Iterator[list[Position]]:
        yield self.dialect.positions(
            product_type=self.scope.product_type,
            margin_coin=self._scope_of_positions.margin_coin,
            budget=self.budget,
            attempts=self._attempts,
        )

    def _run_side_by_side(self, lists: list[_List]) -> list[BitgetError]:
        """Read all lists as far as it goes, and return what kept any of them from their end."""
        errors: list[BitgetError] = []

        def take(each: Any, _result: Any, error: BaseException | None) -> None:
            self.in_flight.result_of_read(None, error)
            if isinstance(error, BitgetError):
                errors.append(error)
            each.is_complete = error is None

        self.seen = None
        for each in lists:
            self.in_flight.submit(each.read, each)
        self.in_flight.collect(take)
        return errors

    def _rows(self, lists: Iterable[_List], part: str) -> list[Any]:
        scope = self._scope_of_positions if part == POSITIONS else self.scope
        return [
            row for each in lists if each.part == part for row in each.rows if scope.covers(row.symbol, row.margin_coin)
        ]


@dataclass(slots=True, eq=False)
class _List:
    """One of the exchange's lists, and what of it has been read.

    :param part: what it is a list of.
    :param pages: yields its pages.
    """

    part: str
    pages: Callable[[], Iterable[Sequence[Any]]]
    rows: list[Any] = field(default_factory=list)
    is_complete: bool = False

    def read(self) -> None:
        """Runs in a worker."""
        for page in self.pages():
            self.rows.extend(page)


class EmptyReads:
    """Counts complete reads in a row that show nothing left; two of them, some time apart, are proof.

    :param settle: seconds at least from the end of one to the beginning of another: what is on its way may show late.
    """

    def __init__(self, settle: float) -> None:
        self._settle = settle
        self._first_ended: float | None = None
        self._is_proof = False
        #: The moment of the monotonic clock before which no read is proof, whatever was read earlier.
        self.not_before = float("-inf")

    @property
    def are_proof(self) -> bool:
        """Whether the last read was empty as well, long enough after another one."""
        return self._is_proof

    def add(self, began: float, ended: float) -> None:
        """Count a complete read that showed nothing left; both times are of the monotonic clock."""
        if self._first_ended is None:
            self._first_ended = ended
        else:
            # Sums of floats: what was waited for may come out a hair short.
            self._is_proof = began >= max(self._first_ended + self._settle, self.not_before) - 1e-6

    def reset(self) -> None:
        """Begin anew: a read showed something, or failed."""
        self._first_ended = None
        self._is_proof = False

    def pause(self, now: float) -> float:
        """Return the seconds until another read may be proof."""
        if self._first_ended is None:
            return 0.0
        return max(0.0, max(self._first_ended + self._settle, self.not_before) - now)


@dataclass(frozen=True, slots=True)
class LastCancel:
    """When orders were cancelled last: one of them may have filled all the same, and its position may show late.

    Bitget's yes to a cancel means that the request was received; how the order ended shows later:
    https://www.bitget.com/api-doc/contract/trade/Batch-Cancel-Orders .

    :param moment: in seconds since the epoch by the exchange's clock.
    :param seconds: how long after it a position may show for the first time.
    """

    moment: float
    seconds: float

    def quiet_from(self, exchange_time: float, now: float) -> float:
        """Return the moment of the monotonic clock from which on a read shows whatever came of it.

        :param exchange_time: now, by the exchange's clock.
        :param now: now, by the monotonic clock.
        """
        left = self.moment + self.seconds - exchange_time
        # Never longer than it takes at most, whatever the moment is.
        return now + min(max(left, 0.0), self.seconds)


def reach_of(read_at: float, lookback_days: int) -> float:
    """Return the moment before which orders may be missing from reads that were made at ``read_at``.

    :param lookback_days: what the reads were asked for; 0 if none asked for orders of any kind.
    """
    if lookback_days and lookback_days <= DEFAULT_LOOKBACK_DAYS:
        # Then the lists are asked for no time.
        lookback_days = SHORTEST_REACH_DAYS
    return read_at - lookback_days * 86_400


def order_row(order: OpenOrder | OpenPlanOrder) -> dict[str, str]:
    """Return an open order's row for a report; that of a plan order has three fields more."""
    row = {"orderId": order.order_id, "clientOid": order.client_oid, "symbol": order.symbol}
    row |= {"side": _short(order.side), "size": _short(order.size), "price": _short(order.price)}
    if isinstance(order, OpenPlanOrder):
        row |= {
            "planType": order.plan_type,
            "holdSide": order.hold_side,
            "triggerPrice": _short(order.trigger_price),
        }
    return row


def position_row(position: Position) -> dict[str, str]:
    """Return a position's row for a report; size in units of the base coin, value at mark price, both as text."""
    return {
        "symbol": position.symbol,
        "holdSide": position.hold_side,
        "size": amount_text(position.size),
        "marginCoin": position.margin_coin,
        "value": amount_text(position.value),
    }


def amount_text(amount: Decimal) -> str:
    """Return an amount as plain digits, without an exponent and without trailing zeros."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def utc_text(moment: float) -> str:
    """Return a moment in seconds since the epoch as text such as ``2026-11-23T23:55:00Z``."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _each_once(orders: Iterable[Identified]) -> tuple[Identified, ...]:
    """Keep the last row of each order: several reads may show it."""
    return tuple({order.order_id or (order.client_oid,): order for order in orders}.values())


def _about_one_read(error: BitgetError) -> BitgetError:
    """Return the error of a read that may be tried again; whatever ends the run was raised before.

    A refused signature concerns one request where others with the same key have succeeded.
    """
    if not isinstance(error, BitgetAuthError):
        return error
    return error.as_type(BitgetTransientError, ErrorCategory.TRANSIENT)


def _short(text: str) -> str:
    return text[:_LONGEST_TEXT]


def _do_nothing() -> None:
    pass


def _forget(_carried: Any) -> None:
    """A read that nobody waits for any more is simply lost."""
