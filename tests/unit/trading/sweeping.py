# SPDX-License-Identifier: Apache-2.0
"""Taking everything off the book of a market, and holding the report and the requests against books and rules."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from airflow_provider_bitget.api.rows import PLAN_TYPES
from airflow_provider_bitget.sandbox import Account, RequestRecord
from airflow_provider_bitget.sandbox.accounts import AccountMode
from airflow_provider_bitget.sandbox.orders import (
    CANCELED,
    ENDED_STATUSES,
    FILLED,
    OPEN_STATUSES,
    Order,
    margin_coin_of,
)
from airflow_provider_bitget.sandbox.plan_orders import ENDED_PLAN_STATUSES, EXECUTED, FAILED, PLAN_CANCELLED, PlanOrder
from airflow_provider_bitget.trading.cancel_all import CancelAll, CancelAllReport
from airflow_provider_bitget.trading.report import MOST_ROWS, Bucket, OrderOutcome
from airflow_provider_bitget.trading.scope import Scope, parse_scope
from tests.kinds import ORDERS_PER_CANCEL, PLAN_ORDERS_PER_CANCEL, UNIFIED, limit_of, plan_type_shown
from tests.unit.trading.market import (
    CANCELS,
    OPEN_READS,
    USDT_FUTURES,
    Market,
    OneAtATime,
    _may_have_been_processed,
    assert_plain,
)

MASS_CANCELS: Final = "cancel-all-orders"
PLAN_CANCELS: Final = "cancel-plan-order"
PLAN_READS: Final = "orders-plan-pending"
POSITION_READS: Final = "all-position"
DAY_MS: Final = 86_400_000

EVERY_STATUS: Final = OPEN_STATUSES + ENDED_STATUSES
EVERY_PLAN_STATUS: Final = ("live", *ENDED_PLAN_STATUSES)

SCOPE_ARGUMENTS: Final = ("product_type", "symbol", "exclude_symbols", "margin_coin", "lookback_days")


def scope_of(options: dict[str, Any]) -> Scope:
    """Take the arguments of a scope out of the options: all symbols unless one is named."""
    arguments = {name: options.pop(name) for name in SCOPE_ARGUMENTS if name in options}
    return parse_scope(**{"product_type": USDT_FUTURES, **arguments}, all_symbols="symbol" not in arguments)


def prepare(market: Market, **options: Any) -> CancelAll:
    """Prepare a run over a scope."""
    scope = scope_of(options)
    options.setdefault("workers", OneAtATime().on(market.clock))
    return CancelAll(market.dialect, scope, **options)


def sweep(market: Market, **options: Any) -> CancelAllReport:
    """Take everything off the book, and hold what came of it against the books."""
    run = prepare(market, **options)
    before = untouchable(market, run)
    sent_before = len(market.wire.sent)
    report = run.run()
    assert report.requests == len(market.wire.sent) - sent_before
    assert_sound(market, run, report)
    assert untouchable(market, run) == before
    return report


def old(market: Market, days: float, count: int = 1, **options: Any) -> list[Order]:
    """Place orders that are so many days old."""
    return market.place(count, created_ms=int(market.clock.time() * 1000 - days * DAY_MS), **options)


def plans(
    market: Market, *kinds: str, count: int = 1, symbol: str | None = "BTCUSDT", **options: Any
) -> list[PlanOrder]:
    """Place plan orders of each type."""
    return [plan for kind in kinds for plan in market.exchange.place_plan(count, kind, symbol, **options)]


def later(market: Market, moment: float, happens: Callable[[], object]) -> None:
    """Let something happen once the market's clock reaches a moment."""

    def act() -> None:
        happens()

    market.clock.at(moment, act)


def open_orders(market: Market, **options: Any) -> list[Order]:
    return market.exchange.orders(OPEN_STATUSES, **options)


def by_id(report: CancelAllReport) -> dict[str, OrderOutcome]:
    return {outcome.ref.id_value: outcome for outcome in report.outcomes}


def mass_calls(market: Market) -> list[RequestRecord]:
    return market.requests(MASS_CANCELS)


# ----------------------------------------------------------------------------------------------------- the books


def is_meant(run: CancelAll, order: Order | PlanOrder, account: Account, market: Market) -> bool:
    """Return whether an order of the exchange belongs to what a run was asked to cancel."""
    if isinstance(order, PlanOrder):
        kind = plan_type_shown(market.kind, order.plan_type) in run.plan_types
    else:
        kind = run.orders
    coin = margin_coin_of(order.product_type, order.symbol)
    scope = run.scope
    return (
        kind
        and account is market.exchange.accounts[0]
        and order.product_type == scope.product_type
        and order.symbol == (scope.symbol or order.symbol)
        and order.symbol not in scope.exclude_symbols
        and coin == (scope.margin_coin or coin)
    )


def untouchable(market: Market, run: CancelAll) -> dict[str, str]:
    """Return the state of everything that a run must not touch."""
    return {
        order.order_id: order.status
        for account in market.exchange.accounts
        for order in every_order(market, account)
        if not is_meant(run, order, account, market)
    }


def every_order(market: Market, account: Account | None = None) -> list[Order | PlanOrder]:
    exchange = market.exchange
    return [
        *exchange.orders(EVERY_STATUS, account=account),
        *exchange.plan_orders(EVERY_PLAN_STATUS, account=account),
    ]


def assert_sound(market: Market, run: CancelAll, report: CancelAllReport, *, clock_slack: float = 2.0) -> None:
    """Hold a report against the books, and the requests against the exchange's rules."""
    assert_each_order_once(report)
    assert_outcomes_are_true(market, report)
    assert_nothing_open_in_silence(market, run, report, clock_slack)
    assert_requests_kept_the_rules(market, run)
    assert_plain_report(report)


def assert_each_order_once(report: CancelAllReport) -> None:
    named = [(bool(outcome.ref.plan_type), outcome.ref.id_value) for outcome in report.outcomes]
    assert len(named) == len(set(named))
    assert report.counts["requested"] == len(named)


def assert_outcomes_are_true(market: Market, report: CancelAllReport) -> None:
    books = {order.order_id: order for order in every_order(market)}
    for outcome in report.outcomes:
        if not outcome.ref.symbol and outcome.ref.order_id not in books:
            # An id that the answer to a call without ids made up: nobody can tell it from an order's.
            continue
        order = books[outcome.ref.order_id]
        assert outcome.ref.symbol in (order.symbol, "")
        if isinstance(order, PlanOrder):
            assert_plan_outcome_is_true(market, outcome, order)
        elif outcome.bucket is Bucket.CANCELLED:
            assert order.status == CANCELED, f"{outcome.ref} is reported cancelled, the books say {order.status}"
        elif outcome.bucket is Bucket.ALREADY_CLOSED:
            assert order.status == {"filled": FILLED, "cancelled": CANCELED}[outcome.detail]


def assert_plan_outcome_is_true(market: Market, outcome: OrderOutcome, plan: PlanOrder) -> None:
    assert outcome.ref.plan_type == plan_type_shown(market.kind, plan.plan_type)
    if outcome.bucket is Bucket.CANCELLED:
        assert plan.status == PLAN_CANCELLED, f"{outcome.ref} is reported cancelled, the books say {plan.status}"
    elif outcome.bucket is Bucket.ALREADY_CLOSED and plan.status == EXECUTED:
        child = market.exchange.order(plan.child_id)
        assert child.status == {"filled": FILLED, "cancelled": CANCELED}[outcome.detail]
    elif outcome.bucket is Bucket.ALREADY_CLOSED:
        assert outcome.detail == "cancelled"
        assert plan.status in (PLAN_CANCELLED, FAILED)


def assert_nothing_open_in_silence(
    market: Market, run: CancelAll, report: CancelAllReport, clock_slack: float = 2.0
) -> None:
    """Whatever is open is named; a report that calls itself verified has seen all that its range covers."""
    named = {outcome.ref.id_value for outcome in report.not_done()} | {plan.order_id for plan in report.kept}
    done = {outcome.ref.id_value for outcome in report.outcomes} - named
    account = market.exchange.accounts[0]
    for order in every_order(market, account):
        if not order.is_open or not is_meant(run, order, account, market):
            continue
        assert order.order_id not in done, f"{order} is open"
        if report.verified and is_in_range(report, order, clock_slack):
            assert order.order_id in named, f"{order} is open, and a verified report does not name it"


def is_in_range(report: CancelAllReport, order: Order | PlanOrder, clock_slack: float) -> bool:
    placed = order.created_ms / 1000
    is_old_enough = placed < report.read_to - clock_slack
    reaches_back = placed >= report.read_from or (report.any_age and not isinstance(order, PlanOrder))
    return is_old_enough and reaches_back


# --------------------------------------------------------------------------------------------------- the requests


def assert_requests_kept_the_rules(market: Market, run: CancelAll) -> None:
    """Check pace, scope, the interval between two cancels of one order, and that nothing widens a request."""
    for path, seen in market.exchange.statistics().items():
        limit = limit_of(path)
        assert seen["busiest_second"] <= limit, f"{seen['busiest_second']} requests to {path} in one second"
    last_sent: dict[str, float] = {}
    reads_since_mass_call = 2
    for record in market.records():
        name = record.path.rsplit("/", 1)[-1]
        if name == OPEN_READS and record.code == "00000":
            reads_since_mass_call += 1
        if record.method != "POST":
            continue
        assert not run.simulate, f"a simulation sent {record.path}"
        takes_ids_only = name == PLAN_CANCELS and market.kind == UNIFIED
        assert record.product_type == run.scope.product_type or takes_ids_only
        if name == MASS_CANCELS:
            assert run.scope.is_whole
            assert run.orders
            if record.accepted:
                assert reads_since_mass_call >= 2, "the state was not read before the call was repeated"
                reads_since_mass_call = 0
            continue
        _assert_named_ids(record, name, run, market.kind)
        for one in (*record.order_ids, *record.plan_order_ids):
            waited = record.arrival - last_sent.get(one, float("-inf"))
            assert waited >= 1.0, f"order {one} was cancelled again after {waited:.3f} s"
            if _may_have_been_processed(record):
                last_sent[one] = record.arrival


def _assert_named_ids(record: RequestRecord, name: str, run: CancelAll, kind: AccountMode) -> None:
    ids = record.order_ids if name == CANCELS else record.plan_order_ids
    assert name in (CANCELS, PLAN_CANCELS), f"{record.path} is none of our business"
    most = ORDERS_PER_CANCEL if name == CANCELS else PLAN_ORDERS_PER_CANCEL
    assert 1 <= len(ids) <= most[kind]
    assert len(set(ids)) == len(ids)
    if name == PLAN_CANCELS and kind == UNIFIED:
        # It takes an id and nothing else; whose orders must not be touched is held against the books.
        return
    assert record.symbol
    assert record.symbol == (run.scope.symbol or record.symbol)
    assert record.symbol not in run.scope.exclude_symbols
    if name == PLAN_CANCELS:
        assert record.plan_type in PLAN_TYPES


# ----------------------------------------------------------------------------------------------------- the report


def assert_plain_report(report: CancelAllReport) -> None:
    """Check the report's shape, and that it holds nothing but plain JSON types."""
    as_dict = report.to_dict()
    assert list(as_dict) == [
        "product_type",
        "symbol",
        "counts",
        "cancelled",
        "already_closed",
        "failed",
        "unresolved",
        "kept",
        "truncated",
        "verified",
        "simulated",
        "range",
        "requests",
        "retries",
        "duration_ms",
        "books",
    ]
    assert_plain(as_dict)
    assert json.loads(json.dumps(as_dict)) == as_dict
    counts = as_dict["counts"]
    assert list(counts) == ["requested", "cancelled", "already_closed", "failed", "unresolved"]
    assert counts["requested"] == sum(count for name, count in counts.items() if name != "requested")
    for name in ("already_closed", "failed", "unresolved"):
        assert len(as_dict[name]) == min(counts[name], MOST_ROWS)
    assert len(report.not_done()) == counts["failed"] + counts["unresolved"]
    for one in report.not_done():
        assert str(one)
        assert isinstance(one.curable, bool)
