# SPDX-License-Identifier: Apache-2.0
"""Everything is to go off the book while the exchange misbehaves at random and the market moves.

Whatever happens: the report agrees with the books, nothing outside the scope is touched, and once the faults stop
nothing is left. ``HYPOTHESIS_PROFILE=thorough`` runs twenty times as many examples.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from airflow_provider_bitget.api.exceptions import BitgetNotSentError
from airflow_provider_bitget.api.rows import OPENING_PLAN_TYPES, PLAN_TYPES, PROTECTIVE_PLAN_TYPES
from airflow_provider_bitget.sandbox.accounts import AccountMode, numbered_account
from airflow_provider_bitget.sandbox.orders import CANCELED, LIVE, PARTIALLY_FILLED, margin_coin_of
from airflow_provider_bitget.trading.cancel_all import CancelAll, CancelAllReport
from airflow_provider_bitget.trading.in_flight import GRACE_SECONDS
from airflow_provider_bitget.trading.report import Bucket
from tests.kinds import KINDS
from tests.unit.trading.market import Interrupt, Market, OneAtATime, SentRequest
from tests.unit.trading.sweeping import (
    PLAN_CANCELS,
    assert_sound,
    every_order,
    is_in_range,
    is_meant,
    old,
    prepare,
    untouchable,
)
from tests.unit.trading.test_random_faults import Weather, ack_only, conditions, orderwise, rules, whole

EXAMPLES = 250 * (20 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 1)

SYMBOLS = {
    "USDT-FUTURES": ("BTCUSDT", "ETHUSDT", "SOLUSDT"),
    "COIN-FUTURES": ("BTCUSD", "ETHUSD"),
    "USDC-FUTURES": ("BTCPERP",),
}
FOREVER_OLD = 1_500.0
"""Days: only the call for the whole product type reaches such orders."""


@dataclass(frozen=True)
class Plan:
    """What is open, what of it is meant, and what the rest of the market does meanwhile."""

    account_kind: AccountMode
    orders: int
    plan_orders: int
    old_orders: int
    ancient_orders: int
    partially_filled: bool
    positions: int
    pos_mode: str
    product_type: str
    narrowed_by: str
    with_orders: bool
    plan_types: tuple[str, ...]
    keep_stops: bool
    lookback_days: int
    chunk_size: int | None
    settle: float
    deadline: float
    fills_per_request: float
    triggers_per_request: float
    new_per_request: float
    ends_early: str
    seed: int
    chance: random.Random = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "chance", random.Random(self.seed))  # noqa: S311  # the same in every run


plans_of_a_run = st.builds(
    Plan,
    account_kind=st.sampled_from(KINDS),
    orders=st.sampled_from([0, 1, 7, 51, 120]),
    plan_orders=st.sampled_from([0, 1, 2]),
    old_orders=st.sampled_from([0, 0, 3]),
    ancient_orders=st.sampled_from([0, 0, 2]),
    partially_filled=st.booleans(),
    positions=st.sampled_from([0, 0, 1, 2]),
    pos_mode=st.sampled_from(["hedge_mode", "one_way_mode"]),
    product_type=st.sampled_from(["USDT-FUTURES", "USDT-FUTURES", "COIN-FUTURES", "USDC-FUTURES"]),
    narrowed_by=st.sampled_from(["", "", "symbol", "exclude_symbols", "margin_coin"]),
    with_orders=st.sampled_from([True, True, True, False]),
    plan_types=st.sampled_from([PLAN_TYPES, PLAN_TYPES, OPENING_PLAN_TYPES, PROTECTIVE_PLAN_TYPES]),
    keep_stops=st.booleans(),
    lookback_days=st.sampled_from([90, 400]),
    chunk_size=st.sampled_from([None, 1, 20]),
    settle=st.sampled_from([0.0, 1.0, 5.0]),
    deadline=st.sampled_from([0.5, 5.0, 30.0, 300.0, 300.0]),
    fills_per_request=st.sampled_from([0.0, 0.0, 0.2]),
    triggers_per_request=st.sampled_from([0.0, 0.0, 0.1]),
    new_per_request=st.sampled_from([0.0, 0.0, 0.2]),
    ends_early=st.sampled_from(["", "", "", "stop", "interrupt"]),
    seed=st.integers(0, 2**32),
)
plan_rules = st.fixed_dictionaries(
    {},
    optional={
        "cancel_track_plan": st.sampled_from(["accept", "as_moving_plan"]),
        "plan_end_id": st.sampled_from(["full_pages", "always", "never"]),
        "triggered_child": st.sampled_from(["rests", "fills", "fails"]),
    },
)


def weathers(*kinds: st.SearchStrategy[tuple[str, dict[str, Any]]]) -> st.SearchStrategy[Weather]:
    return st.builds(
        Weather,
        kinds=st.lists(st.one_of(*kinds), min_size=1, max_size=6),
        probability=st.sampled_from([0.0, 0.05, 0.2, 0.5, 0.9, 1.0]),
        conditions=conditions,
        lasts=st.sampled_from([None, 2.0, 15.0]),
        rules=st.builds(lambda one, other: {**one, **other}, rules, plan_rules),
        clock_ahead=st.sampled_from([0.0, 0.0, 45.0, -45.0]),
        round_trip=st.sampled_from([0.001, 0.02, 0.3]),
    )


thoroughly = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@given(plan=plans_of_a_run, weather=weathers(*whole, *orderwise))
@thoroughly
def test_whatever_goes_wrong_the_report_is_true_and_nothing_else_is_touched(plan: Plan, weather: Weather) -> None:
    run_through(plan, weather)


@given(plan=plans_of_a_run, weather=weathers(ack_only, *whole, *orderwise))
@thoroughly
def test_acknowledgements_that_are_not_so_never_reach_the_report(plan: Plan, weather: Weather) -> None:
    """Acknowledged and left open, in a market that stands still.

    An order that is acknowledged, left open and then fills before it is read looks just like a cancelled one.
    """
    kinds = [kind for kind in weather.kinds if kind[0] != "fill_while_cancelling"] or [("ack_only", {})]
    calm = replace(plan, fills_per_request=0.0, triggers_per_request=0.0)
    run_through(calm, replace(weather, kinds=kinds))


def run_through(plan: Plan, weather: Weather) -> CancelAllReport:
    """Run one sweep in this weather, and hold it against everything that must be true of it."""
    market = Market(
        numbered_account(1, mode=plan.account_kind),
        numbered_account(2, mode=plan.account_kind),
        round_trip=weather.round_trip,
        clock_ahead=weather.clock_ahead,
        seed=plan.seed,
        **weather.rules,
    )
    fill_the_books(market, plan, weather)
    market.clock.advance(120)
    workers = OneAtATime(plan.chance).on(market.clock)
    run = prepare_run(market, plan, workers)
    before = untouchable(market, run)
    for kind, options in weather.conditions:
        market.exchange.inject(kind, duration=weather.lasts, **options)
    market.exchange.inject_random(weather.probability, weather.kinds, seed=plan.seed, duration=weather.lasts)
    market.wire.before_arrival.append(rest_of_the_market(market, plan, run))

    started = market.clock.monotonic()
    report = run_to_its_end(market, plan, run, workers)

    event(f"verified: {report.verified}, error: {type(report.error).__name__}")
    has_clock_fault = any(name == "clock" for name, _ in weather.conditions)
    clock_slack = 130.0 if has_clock_fault else 2.0
    assert_sound(market, run, report, clock_slack=clock_slack)
    assert_nothing_else_was_touched(market, run, before)
    assert_stops_of_open_positions_stayed(market, run)
    assert_nothing_left_once_the_weather_cleared(market, plan, weather, run, report, clock_slack)
    assert all(request.moment <= started + plan.deadline for request in market.wire.sent)
    assert market.clock.monotonic() <= started + plan.deadline + GRACE_SECONDS + 0.5
    return report


def fill_the_books(market: Market, plan: Plan, weather: Weather) -> None:
    """Place what is meant, and as much of everything that is not."""
    for account in market.exchange.accounts:
        for product_type, symbols in SYMBOLS.items():
            for number, symbol in enumerate(symbols):
                status = PARTIALLY_FILLED if plan.partially_filled and number == 0 else LIVE
                where: dict[str, Any] = {"symbol": symbol, "product_type": product_type, "account": account}
                is_meant = account is market.exchange.accounts[0] and product_type == plan.product_type
                market.place(plan.orders // len(symbols) if is_meant else 1, status=status, **where)
                old(market, 300.0, plan.old_orders, **where)
                if not lies_about_the_whole(weather):
                    old(market, FOREVER_OLD, plan.ancient_orders, **where)
                for side in ("long", "short")[: plan.positions if plan.pos_mode == "hedge_mode" else 1]:
                    if plan.positions:
                        market.exchange.open_position(hold_side=side, size="1", pos_mode=plan.pos_mode, **where)
                for kind in PLAN_TYPES:
                    side = plan.chance.choice(["long", "short"])
                    market.exchange.place_plan(plan.plan_orders, kind, hold_side=side, pos_mode=plan.pos_mode, **where)


def lies_about_the_whole(weather: Weather) -> bool:
    """Whether "there is no order to cancel" may be said while there is one: nobody could tell then."""
    return any(name == "refuse" and options["code"] == "22001" for name, options in weather.kinds)


def prepare_run(market: Market, plan: Plan, workers: OneAtATime) -> CancelAll:
    symbol = SYMBOLS[plan.product_type][-1]
    ways: dict[str, dict[str, Any]] = {
        "": {},
        "symbol": {"symbol": symbol},
        "exclude_symbols": {"exclude_symbols": [symbol]},
        "margin_coin": {"margin_coin": margin_coin_of(plan.product_type, symbol)},
    }
    return prepare(
        market,
        product_type=plan.product_type,
        **ways[plan.narrowed_by],
        orders=plan.with_orders,
        plan_types=plan.plan_types,
        keep_stops_of_open_positions=plan.keep_stops,
        lookback_days=plan.lookback_days,
        chunk_size=plan.chunk_size,
        settle=plan.settle,
        deadline=plan.deadline,
        workers=workers,
    )


def rest_of_the_market(market: Market, plan: Plan, run: CancelAll) -> Callable[[SentRequest], None]:
    """Return what happens before each request arrives: fills, triggers, and orders that another program places."""
    account = market.exchange.accounts[0]
    until = market.clock.monotonic() + 20.0

    def ours(orders: list[Any]) -> list[Any]:
        return [order for order in orders if is_meant(run, order, account, market)]

    def act(request: SentRequest) -> None:
        if request.moment > until:
            return
        if plan.chance.random() < plan.fills_per_request and (found := ours(market.exchange.orders())):
            market.fill(plan.chance.choice(found))
        if plan.chance.random() < plan.triggers_per_request and (found := ours(market.exchange.plan_orders())):
            market.exchange.trigger(plan.chance.choice(found).order_id)
        if plan.chance.random() < plan.new_per_request:
            symbol = plan.chance.choice(SYMBOLS[plan.product_type])
            market.place(1, symbol, product_type=plan.product_type)

    return act


def run_to_its_end(market: Market, plan: Plan, run: CancelAll, workers: OneAtATime) -> CancelAllReport:
    if plan.ends_early == "stop":
        market.clock.at(market.clock.monotonic() + plan.chance.uniform(0, 8), run.request_stop)
    elif plan.ends_early == "interrupt":
        workers.interrupt_after = plan.chance.randrange(1, 40)
        workers.result_arrives = plan.chance.random() < 0.5
    try:
        return run.run()
    except Interrupt:
        assert plan.ends_early == "interrupt"
        return run.report()


def assert_nothing_else_was_touched(market: Market, run: CancelAll, before: dict[str, str]) -> None:
    """What was outside the scope is as it was, and what came there meanwhile was not cancelled."""
    after = untouchable(market, run)
    assert {order_id: after[order_id] for order_id in before} == before
    assert CANCELED not in {status for order_id, status in after.items() if order_id not in before}


def assert_stops_of_open_positions_stayed(market: Market, run: CancelAll) -> None:
    """No stop of a position that is open all the time was ever sent."""
    if not run.keep_stops:
        return
    held = {
        (position.product_type, position.symbol, side)
        for position in market.exchange.positions()
        for side in ([position.hold_side] if position.is_hedged else ["long", "short"])
    }
    for record in market.requests(PLAN_CANCELS):
        for one in record.plan_order_ids:
            plan = market.exchange.plan_order(one)
            assert not plan.closing or (plan.product_type, plan.symbol, plan.hold_side) not in held


def assert_nothing_left_once_the_weather_cleared(
    market: Market, plan: Plan, weather: Weather, run: CancelAll, report: CancelAllReport, clock_slack: float
) -> None:
    """Faults that end leave nothing open that a run with minutes to spare can still reach."""
    cleared = weather.lasts is not None or weather.probability == 0.0
    ended = report.error is not None and not isinstance(report.error, BitgetNotSentError)
    if not cleared or plan.deadline < 300 or plan.ends_early or ended:
        return
    event("the weather cleared")
    assert report.verified
    assert not report.in_bucket(Bucket.FAILED)
    kept = {one.order_id for one in report.kept}
    account = market.exchange.accounts[0]
    for order in every_order(market, account):
        if order.is_open and is_meant(run, order, account, market) and is_in_range(report, order, clock_slack):
            assert order.order_id in kept, order
