# SPDX-License-Identifier: Apache-2.0
"""A market to cancel orders in: a strict exchange, a wire with a round trip, and a clock that only moves when told.

Nothing here sleeps and nothing opens a socket. Time passes when a request travels, when the exchange keeps silent and
when the code under test waits; everything that happens at a moment of its own hangs on that clock.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from airflow_provider_bitget.api.account import AccountDialect
from airflow_provider_bitget.api.classic import ClassicDialect
from airflow_provider_bitget.api.client import BitgetClient
from airflow_provider_bitget.api.credentials import Credentials
from airflow_provider_bitget.api.error_codes import ErrorCategory, describe
from airflow_provider_bitget.api.rate_limit import LimiterRegistry
from airflow_provider_bitget.api.rows import EndedPlanOrder
from airflow_provider_bitget.api.transport import HttpAnswer, TransportFailure
from airflow_provider_bitget.sandbox import Account, Exchange, Fault, Reply, RequestRecord, Rules, VirtualClock
from airflow_provider_bitget.sandbox.accounts import AccountMode
from airflow_provider_bitget.sandbox.orders import CANCELED, ENDED_STATUSES, FILLED, LIVE, OPEN_STATUSES, Order
from airflow_provider_bitget.sandbox.plan_orders import (
    ENDED_PLAN_STATUSES,
    EXECUTED,
    FAILED,
    PLAN_CANCELLED,
    PLAN_TYPES,
    PlanOrder,
)
from airflow_provider_bitget.trading.batch_cancel import BatchCancel
from airflow_provider_bitget.trading.order_list import OrderRef
from airflow_provider_bitget.trading.report import MOST_ROWS, Bucket, CancelReport, OrderOutcome
from airflow_provider_bitget.trading.workers import Workers
from tests.kinds import (
    CLASSIC,
    CLASSIC_NAMES,
    LIFTED,
    ORDERS_PER_CANCEL,
    PLAN_ORDERS_PER_CANCEL,
    UNIFIED,
    as_classic,
    limit_of,
    of_kind,
    plan_type_shown,
)

USDT_FUTURES: Final = "USDT-FUTURES"
CANCELS: Final = "batch-cancel-orders"
OPEN_READS: Final = "orders-pending"
HISTORY: Final = "orders-history"
DETAIL: Final = "detail"
PLAN_CANCELS: Final = "cancel-plan-order"
PLAN_READS: Final = "orders-plan-pending"
PLAN_HISTORY: Final = "orders-plan-history"
CHILDREN: Final = "plan-sub-order"

AnyOrder = Order | PlanOrder

ONE_SECOND: Final = 1.0


class MarketClock(VirtualClock):
    """Time that passes only by being waited for, with appointments."""

    def __init__(self) -> None:
        super().__init__()
        self._appointments: list[tuple[float, Callable[[], None]]] = []
        # Threads may share the clock; it must not run backwards for any of them.
        self._turn = threading.RLock()

    def at(self, moment: float, action: Callable[[], None]) -> None:
        """Let something happen once the clock reaches a moment, in seconds since the market opened."""
        self._appointments.append((moment, action))
        self._appointments.sort(key=lambda appointment: appointment[0])

    def advance(self, seconds: float) -> None:
        """Move on, keeping every appointment on the way."""
        with self._turn:
            end = self.monotonic() + seconds
            while self._appointments and self._appointments[0][0] <= end:
                moment, action = self._appointments.pop(0)
                super().advance(max(0.0, moment - self.monotonic()))
                action()
            super().advance(max(0.0, end - self.monotonic()))

    def wait(self, seconds: float, wake: threading.Event) -> bool:
        """Let the time pass, unless something has woken the waiter already."""
        if not wake.is_set():
            self.advance(max(0.0, seconds))
        return wake.is_set()


class SkewedClock:
    """A machine's clock whose wall time is wrong by some seconds."""

    def __init__(self, true: MarketClock, ahead: float) -> None:
        self._true = true
        self._ahead = ahead

    def time(self) -> float:
        return self._true.time() + self._ahead

    def monotonic(self) -> float:
        return self._true.monotonic()

    def wait(self, seconds: float, wake: threading.Event) -> bool:
        return self._true.wait(seconds, wake)


@dataclass(frozen=True)
class SentRequest:
    """A request as it left us, by the name of its endpoint on a classic account."""

    moment: float
    method: str
    endpoint: str
    ids: frozenset[str] = frozenset()
    path: str = ""


class Wire:
    """Carries requests to the exchange and answers back, in virtual time."""

    def __init__(self, exchange: Exchange, clock: MarketClock, round_trip: float) -> None:
        self.exchange = exchange
        self.clock = clock
        self.round_trip = round_trip
        self.sent: list[SentRequest] = []
        #: What the market does before it sees each request.
        self.before_arrival: list[Callable[[SentRequest], None]] = []
        #: How often no connection could be made; nothing arrives then.
        self.refuse_connections = 0
        self._connected = False

    def send(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        timeout: float,
        on_connected: Callable[[], None],
        on_writing: Callable[[], None] = lambda: None,
    ) -> HttpAnswer:
        if self.refuse_connections:
            self.refuse_connections -= 1
            self.sent.append(SentRequest(self.clock.monotonic(), method, target))
            raise TransportFailure("no connection in time", sent=False)
        if not self._connected:
            on_connected()
            self._connected = True
        path, _, query = target.partition("?")
        name = path.rsplit("/", 1)[-1]
        request = SentRequest(self.clock.monotonic(), method, CLASSIC_NAMES.get(name, name), _ids_in(body), path)
        self.sent.append(request)
        for act in self.before_arrival:
            act(request)
        self.clock.advance(self.round_trip / 2)
        return self._bring_back(self.exchange.handle(method, path, query, headers, body), timeout)

    def close(self) -> None:
        self._connected = False

    def _bring_back(self, reply: Reply, timeout: float) -> HttpAnswer:
        left = max(0.0, timeout - self.round_trip / 2)
        needed = reply.delay + reply.drip + self.round_trip / 2
        self.clock.advance(min(left, needed))
        if needed > left:
            raise self._broken("no answer in time")
        if reply.drop is not None:
            raise self._broken("the connection failed or was reset")
        if reply.announced_length is not None and reply.announced_length > len(reply.body):
            raise self._broken("the answer was cut off")
        return HttpAnswer(reply.status, reply.body)

    def _broken(self, reason: str) -> TransportFailure:
        self._connected = False
        return TransportFailure(reason, sent=True)


def _ids_in(body: bytes) -> frozenset[str]:
    says = json.loads(body) if body else []
    listed = says if isinstance(says, list) else says.get("orderIdList", [says])
    names = (item.get("orderId") or item.get("clientOid") for item in listed)
    return frozenset(name for name in names if name)


class Interrupt(BaseException):
    """What Airflow's timeout, a kill or a keyboard raises in the waiting main thread."""


class OneAtATime:
    """Runs one queued job each time the main thread asks for a result, in an order of the test's choosing.

    :param chance: draws the next job; the oldest first without it.
    """

    def __init__(self, chance: random.Random | None = None) -> None:
        self._jobs: list[tuple[Any, Callable[[], Any]]] = []
        self._results: list[tuple[Any, Any, BaseException | None]] = []
        self._chance = chance
        self._clock: MarketClock | None = None
        self._run = 0
        #: Interrupt the main thread after so many jobs, before it sees the result of the last.
        self.interrupt_after: int | None = None
        #: Whether that last result arrives while the run is being wound up, or never.
        self.result_arrives = True

    def on(self, clock: MarketClock) -> OneAtATime:
        self._clock = clock
        return self

    def submit(self, tag: Any, job: Callable[[], Any]) -> None:
        self._jobs.append((tag, job))

    def next_done(self, timeout: float) -> tuple[Any, Any, BaseException | None] | None:
        if self._results:
            return self._results.pop(0)
        if not self._jobs:
            if self._clock is not None:
                self._clock.advance(timeout)
            return None
        index = self._chance.randrange(len(self._jobs)) if self._chance else 0
        tag, job = self._jobs.pop(index)
        done: tuple[Any, Any, BaseException | None]
        try:
            done = (tag, job(), None)
        except Exception as error:  # noqa: BLE001  # handed over, as the workers do
            done = (tag, None, error)
        self._run += 1
        if self._run == self.interrupt_after:
            if self.result_arrives:
                self._results.append(done)
            raise Interrupt
        return done

    def close(self) -> None:
        """Nothing to end."""


class Market:
    """An exchange with one account, everybody else's doings, and what it takes to run a batch cancel there.

    Endpoints go by their names on a classic account, whatever the kind.

    :param kind: the kind of the account, which the client has to find out.
    :param round_trip: seconds from sending to answer.
    :param clock_ahead: seconds by which our wall clock is ahead of the exchange's.
    :param clock: what all of it goes by.
    :param rules: rules of the exchange.
    """

    def __init__(
        self,
        *accounts: Account,
        kind: AccountMode = CLASSIC,
        clock: MarketClock | None = None,
        round_trip: float = 0.02,
        clock_ahead: float = 0.0,
        timeout: float = 10.0,
        requests_per_second: float | None = None,
        **rules: Any,
    ) -> None:
        self.clock = clock or MarketClock()
        self.kind = accounts[0].mode if accounts else kind
        self.exchange = Exchange(
            self.clock, accounts=accounts or 1, account_mode=kind, rules=Rules(**{**LIFTED, **rules})
        )
        self.wire = Wire(self.exchange, self.clock, round_trip)
        account = self.exchange.accounts[0]
        our_clock = SkewedClock(self.clock, clock_ahead)
        self.client = BitgetClient(
            Credentials(account.key, account.secret, account.passphrase),
            demo_trading=account.demo,
            timeout=timeout,
            requests_per_second=requests_per_second,
            clock=our_clock,
            transport=self.wire,
            limiters=LimiterRegistry(our_clock),
        )
        # Jitter that is the same in every run.
        self.client._random = random.Random(7)  # noqa: S311
        #: What speaks to a classic account here; ``dialect`` finds out whether it is one.
        self.classic = ClassicDialect(self.client)
        self.dialect = AccountDialect(self.client)
        self.dialect._dialects["classic"] = self.dialect._current = self.classic
        #: Orders that somebody else than us cancelled.
        self.cancelled_by_others: set[str] = set()
        #: The ids of every order that was ever asked for, and the plan type under which; none for a normal order.
        self.asked_for: dict[str, str] = {}

    # What happens in the market

    def place(self, count: int = 1, symbol: str | None = "BTCUSDT", **options: Any) -> list[Order]:
        """Place orders of ours."""
        return self.exchange.place(count, symbol, **options)

    def place_plan(
        self, count: int = 1, plan_type: str = "normal_plan", symbol: str | None = "BTCUSDT", **options: Any
    ) -> list[PlanOrder]:
        """Place plan orders of ours."""
        return self.exchange.place_plan(count, plan_type, symbol, **options)

    def trigger(self, *plans: PlanOrder, outcome: str | None = None) -> list[Order]:
        """Let plan orders trigger, and return the orders that they placed, if any."""
        triggered = [self.exchange.trigger(plan.order_id, outcome) for plan in plans]
        return [self.exchange.order(plan.child_id) for plan in triggered if plan.child_id]

    def cancel_plans_elsewhere(self, *plans: PlanOrder) -> None:
        """Cancel plan orders as another program of the account's owner would."""
        for plan in plans:
            ledger, found = self.exchange._find_plan(plan.order_id)
            now_ms = int(self.exchange._epoch() * 1000)
            ledger.plans.add(found.ended(PLAN_CANCELLED, self.clock.monotonic(), now_ms))
            self.cancelled_by_others.add(plan.order_id)

    def fill(self, *orders: Order) -> None:
        """Let orders fill."""
        for order in orders:
            self.exchange.fill(order.order_id)

    def cancel_elsewhere(self, *orders: Order) -> None:
        """Cancel orders as another program of the account's owner would."""
        for order in orders:
            self.exchange.cancel(order.order_id)
            self.cancelled_by_others.add(order.order_id)

    def before(self, endpoint: str, number: int, action: Callable[[], None]) -> None:
        """Do something just before the n-th request to an endpoint arrives."""
        left = [number]

        def act(request: SentRequest) -> None:
            if request.endpoint == endpoint:
                left[0] -= 1
                if left[0] == 0:
                    action()

        self.wire.before_arrival.append(act)

    def refuse_batches_with(self, culprits: Sequence[AnyOrder], code: str) -> None:
        """Let every batch with one of these orders be refused as a whole."""
        ids = {order.order_id for order in culprits}

        def act(request: SentRequest) -> None:
            if request.endpoint in (CANCELS, PLAN_CANCELS) and request.ids & ids:
                self.inject("refuse", endpoint=request.endpoint, times=1, code=code)

        self.wire.before_arrival.append(act)

    def leave_children_out_of_the_history(self) -> None:
        """Let the history of plan orders not say which order a trigger has placed."""
        ended_plan_orders = self.dialect.ended_plan_orders

        def unnamed(**options: Any) -> Iterator[list[EndedPlanOrder]]:
            for page in ended_plan_orders(**options):
                yield [replace(order, child_id="") for order in page]

        self.dialect.ended_plan_orders = unnamed  # type: ignore[method-assign]

    # What we do in it

    def prepare(self, orders: Iterable[OrderRef | AnyOrder], **options: Any) -> BatchCancel:
        """Prepare a batch cancel of orders."""
        options.setdefault("product_type", USDT_FUTURES)
        options.setdefault("workers", OneAtATime().on(self.clock))
        return BatchCancel(self.dialect, [as_ref(order, self.kind) for order in orders], **options)

    def cancel(self, orders: Iterable[OrderRef | AnyOrder], **options: Any) -> CancelReport:
        """Cancel orders, and hold the report against the books."""
        asked = [as_ref(order, self.kind) for order in orders]
        sent_before = len(self.wire.sent)
        report = self.prepare(asked, **options).run()
        assert_report_matches_books(report, self, asked)
        assert report.requests == len(self.wire.sent) - sent_before
        return report

    # What the books say

    def status(self, order: AnyOrder) -> str:
        if isinstance(order, PlanOrder):
            return self.exchange.plan_order(order.order_id).status
        return self.exchange.order(order.order_id).status

    def statuses(self, orders: Iterable[AnyOrder]) -> set[str]:
        return {self.status(order) for order in orders}

    def find(self, ref: OrderRef) -> Order | None:
        """Return the order that a reference means, wherever it is."""
        every = self.exchange.orders(OPEN_STATUSES + ENDED_STATUSES)
        for order in every:
            if order.order_id == ref.order_id or (not ref.order_id and order.client_oid == ref.client_oid):
                return order
        return None

    def find_plan(self, ref: OrderRef) -> PlanOrder | None:
        """Return the plan order that a reference means, of whichever type and wherever it is."""
        for plan in self.exchange.plan_orders((LIVE, *ENDED_PLAN_STATUSES)):
            if plan.order_id == ref.order_id or (not ref.order_id and plan.client_oid == ref.client_oid):
                return plan
        return None

    def child_of(self, plan: PlanOrder) -> Order | None:
        """Return the order that a plan order's trigger has placed."""
        child_id = self.exchange.plan_order(plan.order_id).child_id
        return self.exchange.order(child_id) if child_id else None

    def records(self) -> list[RequestRecord]:
        """Return what arrived at the endpoints of the account's own kind."""
        return [as_classic(record) for record in of_kind(self.exchange.records(), self.kind)]

    def requests(self, endpoint: str) -> list[RequestRecord]:
        """Return what arrived at an endpoint."""
        return [record for record in self.records() if record.path.endswith(f"/{endpoint}")]

    def inject(self, fault: str, *, endpoint: str | None = None, **options: Any) -> Fault:
        """Let something go wrong, as :meth:`Exchange.inject` does."""
        names = {role: name for name, role in CLASSIC_NAMES.items()} if self.kind == UNIFIED else {}
        return self.exchange.inject(fault, endpoint=names.get(endpoint or "", endpoint), **options)


def as_ref(order: OrderRef | AnyOrder, kind: str = CLASSIC) -> OrderRef:
    """Name an order by its orderId, as the exchange gave it; a plan order by the type that lists show as well."""
    if isinstance(order, OrderRef):
        return order
    return OrderRef(order.order_id, "", order.symbol, plan_type_shown(kind, plan_type_of(order)))


def by_client_oid(order: AnyOrder) -> OrderRef:
    """Name an order by its clientOid only."""
    return OrderRef("", order.client_oid, order.symbol, plan_type_of(order))


def plan_type_of(order: AnyOrder) -> str:
    """Return the type of a plan order, none for a normal order."""
    return order.plan_type if isinstance(order, PlanOrder) else ""


def under_type(plan_type: str, plans: Sequence[PlanOrder]) -> list[OrderRef]:
    """Name plan orders under a type that may be wrong."""
    return [OrderRef(plan.order_id, "", plan.symbol, plan_type) for plan in plans]


def under(symbol: str, orders: Sequence[Order]) -> list[OrderRef]:
    """Name orders under a symbol that may be wrong."""
    return [OrderRef(order.order_id, "", symbol) for order in orders]


def unknown_orders(count: int, symbol: str = "BTCUSDT", plan_type: str = "") -> list[OrderRef]:
    """Name orders that never existed."""
    return [OrderRef(str(8_000_000_000_000_000_000 + number), "", symbol, plan_type) for number in range(count)]


def counts(report: CancelReport) -> dict[str, int]:
    """Return the numbers of the buckets that hold any order."""
    return {name: number for name, number in report.counts.items() if number and name != "requested"}


def details(report: CancelReport, bucket: Bucket) -> dict[str, int]:
    """Return how many orders of a bucket have which state or category."""
    found: dict[str, int] = {}
    for outcome in report.in_bucket(bucket):
        found[str(outcome.detail)] = found.get(str(outcome.detail), 0) + 1
    return found


# ------------------------------------------------------------------------------------------- report against books


def assert_report_matches_books(report: CancelReport, market: Market, asked: Sequence[OrderRef]) -> None:
    """Hold a report against the exchange's books, bucket by bucket, and the requests against the exchange's rules."""
    _assert_every_order_in_one_bucket(report, asked)
    _assert_outcomes_are_true(report, market)
    market.asked_for |= {ref.id_value: ref.plan_type for ref in asked}
    _assert_nothing_else_touched(market)
    assert_requests_kept_the_rules(market)
    assert_plain_json(report.to_dict())


def _assert_every_order_in_one_bucket(report: CancelReport, asked: Sequence[OrderRef]) -> None:
    wanted = [(ref.symbol, ref.plan_type, ref.id_field, ref.id_value) for ref in asked]
    known = set(wanted)
    reported = []
    for ref in (outcome.ref for outcome in report.outcomes):
        by_order_id = (ref.symbol, ref.plan_type, "orderId", ref.order_id)
        # An order that was asked for by its clientOid may carry its orderId in the report.
        by_oid = (ref.symbol, ref.plan_type, "clientOid", ref.client_oid)
        reported.append(by_order_id if by_order_id in known else by_oid)
    assert reported == wanted
    assert report.counts["requested"] == len(asked)
    assert sum(report.counts[bucket.value] for bucket in Bucket) == len(asked)


def _assert_outcomes_are_true(report: CancelReport, market: Market) -> None:
    every = market.exchange.orders(OPEN_STATUSES + ENDED_STATUSES)
    by_order_id = {order.order_id: order for order in every}
    by_oid = {order.client_oid: order for order in every if order.client_oid}
    plans = market.exchange.plan_orders((LIVE, *ENDED_PLAN_STATUSES))
    plans_by_id = {plan.order_id: plan for plan in plans}
    plans_by_oid = {plan.client_oid: plan for plan in plans if plan.client_oid}
    for outcome in report.outcomes:
        ref = outcome.ref
        if ref.plan_type:
            plan = plans_by_id.get(ref.order_id) if ref.order_id else plans_by_oid.get(ref.client_oid)
            _assert_plan_outcome_is_true(outcome, plan, by_order_id.get(plan.child_id) if plan else None)
        else:
            order = by_order_id.get(ref.order_id) if ref.order_id else by_oid.get(ref.client_oid)
            _assert_order_outcome_is_true(outcome, order)


def _assert_order_outcome_is_true(outcome: OrderOutcome, order: Order | None) -> None:
    status = None if order is None else order.status
    if outcome.bucket is Bucket.CANCELLED:
        assert status == CANCELED, f"{outcome.ref} is reported cancelled, the books say {status}"
    elif outcome.bucket is Bucket.ALREADY_CLOSED:
        expected = {"filled": FILLED, "cancelled": CANCELED}[outcome.detail]
        assert status == expected, f"{outcome.ref} is reported {outcome.detail}, the books say {status}"
    elif outcome.bucket is Bucket.FAILED:
        # An id that the exchange does not even accept names no order in the books.
        assert order is not None or describe(outcome.code).category is not ErrorCategory.UNKNOWN


def _assert_plan_outcome_is_true(outcome: OrderOutcome, plan: PlanOrder | None, child: Order | None) -> None:
    """A plan order ends with what its trigger placed; one that failed to place anything has ended like a cancelled."""
    status = None if plan is None else plan.status
    if outcome.bucket is Bucket.CANCELLED:
        assert status == PLAN_CANCELLED, f"{outcome.ref} is reported cancelled, the books say {status}"
    elif outcome.bucket is Bucket.ALREADY_CLOSED:
        its_end = child.status if child is not None else CANCELED if status in (PLAN_CANCELLED, FAILED) else status
        expected = {"filled": FILLED, "cancelled": CANCELED}[outcome.detail]
        assert its_end == expected, f"{outcome.ref} is reported {outcome.detail}, the books say {status}, {its_end}"
    elif outcome.bucket is Bucket.FAILED:
        assert plan is not None or describe(outcome.code).category is not ErrorCategory.UNKNOWN
    if outcome.state:
        assert (outcome.state, status) == ("triggered", EXECUTED)
    if outcome.child_id:
        assert child is not None
        assert outcome.child_id == child.order_id


def _assert_nothing_else_touched(market: Market) -> None:
    """Nothing that was not asked for is cancelled: no order, no plan order, and no order that a trigger placed."""
    cancelled: list[AnyOrder] = [*market.exchange.orders((CANCELED,)), *market.exchange.plan_orders((PLAN_CANCELLED,))]
    for order in cancelled:
        types = [market.asked_for.get(name) for name in (order.order_id, order.client_oid)]
        ours = any(asked is not None and bool(asked) == isinstance(order, PlanOrder) for asked in types)
        assert ours or order.order_id in market.cancelled_by_others, f"{order} was never asked for"


def assert_requests_kept_the_rules(market: Market) -> None:
    """Check pace, scope and the interval between two cancels of one order, as the exchange saw them."""
    for path, seen in market.exchange.statistics().items():
        limit = market.exchange.rules.limits.get(path.rsplit("/", 1)[-1], limit_of(path))
        assert seen["busiest_second"] <= limit, f"{seen['busiest_second']} requests to {path} in one second"
    last_sent: dict[str, float] = {}
    for record in market.records():
        if record.method != "POST":
            continue
        endpoint = record.path.rsplit("/", 1)[-1]
        assert endpoint in (CANCELS, PLAN_CANCELS), f"{record.path} is none of our business"
        names = record.order_ids + record.plan_order_ids
        most = ORDERS_PER_CANCEL if endpoint == CANCELS else PLAN_ORDERS_PER_CANCEL
        assert 1 <= len(names) <= most[market.kind]
        assert len(set(names)) == len(names)
        # The cancel of one plan order of a unified account takes its id and nothing else.
        takes_ids_only = endpoint == PLAN_CANCELS and market.kind == UNIFIED
        assert record.symbol or takes_ids_only
        if endpoint == PLAN_CANCELS and not takes_ids_only:
            _assert_sent_as_asked(record, market)
        for one in names:
            waited = record.arrival - last_sent.get(one, float("-inf"))
            assert waited >= ONE_SECOND, f"order {one} was cancelled again after {waited:.3f} s"
        if _may_have_been_processed(record):
            last_sent |= dict.fromkeys(names, record.arrival)


def _assert_sent_as_asked(record: RequestRecord, market: Market) -> None:
    """A plan order goes under the type that its row names; only a trailing one has a second name."""
    assert record.plan_type in PLAN_TYPES
    for one in record.plan_order_ids:
        asked = market.asked_for.get(one, record.plan_type)
        names = ("track_plan", "moving_plan") if asked == "track_plan" else (asked,)
        assert record.plan_type in names, f"plan order {one} ({asked}) was sent as {record.plan_type}"


def _may_have_been_processed(record: RequestRecord) -> bool:
    """Whether one who sees only the answer must take the cancel for tried."""
    if record.code in (None, "00000"):
        return True
    return describe(record.code or "").category in (ErrorCategory.TRANSIENT, ErrorCategory.AMBIGUOUS)


_ROW_FIELDS: Final = ["orderId", "clientOid", "symbol", "errorCode", "errorMsg"]
# What follows in the rows of plan orders, and of no others.
_PLAN_FIELDS: Final[dict[str, list[list[str]]]] = {
    "already_closed": [[], ["planType"], ["planType", "childOrderId"]],
    "failed": [[], ["planType"]],
    "unresolved": [
        [],
        ["planType"],
        ["planType", "state"],
        ["planType", "state", "childOrderId"],
    ],
}


def assert_plain_json(report: dict[str, Any]) -> None:
    """Check the report's shape, and that it holds nothing but plain JSON types."""
    assert list(report) == [
        "product_type",
        "counts",
        "cancelled",
        "already_closed",
        "failed",
        "unresolved",
        "truncated",
        "verified",
        "simulated",
        "requests",
        "retries",
        "duration_ms",
    ]
    assert list(report["counts"]) == ["requested", "cancelled", "already_closed", "failed", "unresolved"]
    for name, last in (("already_closed", "state"), ("failed", "category"), ("unresolved", "category")):
        assert len(report[name]) == min(report["counts"][name], MOST_ROWS)
        for row in report[name]:
            assert list(row)[: len(_ROW_FIELDS) + 1] == [*_ROW_FIELDS, last]
            assert list(row)[len(_ROW_FIELDS) + 1 :] in _PLAN_FIELDS[name]
            assert all(row[field] for field in list(row)[len(_ROW_FIELDS) :])
    for row in report["already_closed"]:
        assert row["state"] in ("filled", "cancelled")
    for row in report["unresolved"]:
        assert row["category"] in ("not_sent", "ambiguous", "still_open", "not_found", "not_verified")
    assert_plain(report)


def assert_plain(value: Any) -> None:
    """Check that a value and all within it are plain: no subclass of a type, no None."""
    assert type(value) in (str, int, bool, list, dict), f"{value!r} is of type {type(value)}"
    if isinstance(value, dict):
        for key, inner in value.items():
            assert type(key) is str
            assert_plain(inner)
    elif isinstance(value, list):
        for inner in value:
            assert_plain(inner)


__all__ = [
    "CANCELS",
    "CHILDREN",
    "DETAIL",
    "HISTORY",
    "LIVE",
    "OPEN_READS",
    "PLAN_CANCELS",
    "PLAN_HISTORY",
    "PLAN_READS",
    "USDT_FUTURES",
    "AnyOrder",
    "Interrupt",
    "Market",
    "OneAtATime",
    "Workers",
    "as_ref",
    "assert_plain",
    "assert_plain_json",
    "assert_report_matches_books",
    "assert_requests_kept_the_rules",
    "by_client_oid",
    "counts",
    "details",
    "plan_type_of",
    "under",
    "under_type",
    "unknown_orders",
]
