# SPDX-License-Identifier: Apache-2.0
"""The exchange misbehaves at random while positions are closed: nothing else is touched, and the report stays true.

``HYPOTHESIS_PROFILE=thorough`` runs ten times as many examples.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from airflow_provider_bitget.api.error_codes import LOCK_CODES
from airflow_provider_bitget.sandbox.accounts import AccountMode
from airflow_provider_bitget.sandbox.orders import NET, OPEN_STATUSES
from airflow_provider_bitget.sandbox.plan_orders import ENDED_PLAN_STATUSES, PLAN_CANCELLED, PROTECTIVE_PLAN_TYPES
from airflow_provider_bitget.trading.close_report import CloseBucket, CloseReport
from airflow_provider_bitget.trading.scope import Scope
from tests.kinds import KINDS
from tests.unit.trading.closing import (
    CLOSES,
    HEDGE,
    ONE_WAY,
    POSITION_READS,
    Watch,
    assert_closes_kept_the_rules,
    assert_plain_json,
    is_wanted,
    prepare,
)
from tests.unit.trading.market import USDT_FUTURES, Interrupt, Market, OneAtATime, SentRequest

EXAMPLES = 400 * (10 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 1)

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")
SIDES = ("long", "short")

PASSING_CODES = ["22045", "40015", "45001", "40908", "22002", "43043", "40757", "40010", "40725", "40910", "429"]
OTHER_CODES = ["45009", "40931", "45108", "40888", "40746", "41114", "99999", "40034", "40808", "40012", "40085"]

QUIET_AFTER = 3.0
"""Seconds after which nobody but us changes a position any more."""

processed = st.booleans()
seconds = st.sampled_from([0.3, 2.5, 9.0, 30.0])
fraction = st.sampled_from([0.3, 1.0])


def faults(codes: list[str]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """Return everything that may go wrong with one request."""
    return st.one_of(
        st.just(("rate_limit", {})),
        st.just(("reset_before", {})),
        st.just(("reset_after", {})),
        st.builds(lambda p: ("bad_gateway", {"processed": p}), processed),
        st.builds(lambda p: ("html", {"processed": p}), processed),
        st.builds(lambda c: ("truncate", {"clean": c}), st.booleans()),
        st.builds(lambda p, s: ("hang", {"processed": p, "seconds": s}), processed, seconds),
        st.builds(lambda s: ("slow_drip", {"seconds": s}), seconds),
        st.builds(lambda c: ("refuse", {"code": c}), st.sampled_from(codes)),
        st.builds(lambda c: ("refuse", {"code": c, "processed": True}), st.sampled_from(["40010", "40725", "40015"])),
        st.builds(lambda c, f: ("refuse_orders", {"code": c, "fraction": f}), st.sampled_from(codes), fraction),
        st.builds(lambda p, f: ("drop_ids", {"processed": p, "fraction": f}), processed, fraction),
        st.builds(lambda p: ("empty_lists", {"processed": p}), processed),
        st.builds(
            lambda w, r: ("foreign_ids", {"where": w, "replace": r}),
            st.sampled_from(["success", "failure", "both"]),
            st.booleans(),
        ),
        st.builds(lambda w: ("duplicate_ids", {"where": w}), st.sampled_from(["success", "both"])),
        st.builds(lambda f: ("ack_only", {"fraction": f}), fraction),
    )


@dataclass(frozen=True)
class Weather:
    """What goes wrong, how often and for how long."""

    kinds: list[tuple[str, dict[str, Any]]]
    probability: float
    lasts: float | None
    rules: dict[str, Any]
    round_trip: float
    partial_fills: int


@dataclass(frozen=True)
class Plan:
    """What is held, what is to be closed, and what else happens."""

    kind: AccountMode
    modes: tuple[str, ...]
    held: frozenset[tuple[str, str]]
    scope: Scope
    hold_side: str | None
    refused: dict[tuple[str, str], str]
    stops: bool
    cancel_locking_stops: bool
    changes_per_read: float
    deadline: float
    settle: float
    ends_early: str
    seed: int
    chance: random.Random = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "chance", random.Random(self.seed))  # noqa: S311  # the same in every run


scopes = st.sampled_from(
    [
        Scope(USDT_FUTURES),
        Scope(USDT_FUTURES),
        Scope(USDT_FUTURES, "BTCUSDT"),
        Scope(USDT_FUTURES, exclude_symbols=frozenset({"ETHUSDT"})),
        Scope(USDT_FUTURES, margin_coin="USDT"),
    ]
)
positions = st.tuples(st.sampled_from(SYMBOLS), st.sampled_from(SIDES))
calm: dict[str, st.SearchStrategy[Any]] = {
    "kind": st.sampled_from(KINDS),
    "modes": st.tuples(*[st.sampled_from([HEDGE, ONE_WAY])] * len(SYMBOLS)),
    "held": st.frozensets(positions, max_size=8),
    "scope": scopes,
    "hold_side": st.sampled_from([None, None, "long", "short"]),
    "stops": st.booleans(),
    "cancel_locking_stops": st.booleans(),
    "changes_per_read": st.sampled_from([0.0, 0.3]),
    "settle": st.sampled_from([0.0, 1.0, 5.0]),
    "seed": st.integers(0, 2**32),
}
any_plan = st.builds(
    Plan,
    **calm,
    refused=st.dictionaries(positions, st.sampled_from(OTHER_CODES[:8] + PASSING_CODES[:4]), max_size=3),
    deadline=st.sampled_from([0.5, 3.0, 20.0, 120.0]),
    ends_early=st.sampled_from(["", "", "", "stop", "interrupt"]),
)
patient_plan = st.builds(Plan, **calm, refused=st.just({}), deadline=st.just(180.0), ends_early=st.just(""))


def weathers(codes: list[str], lasts: list[float | None], lags: list[float]) -> st.SearchStrategy[Weather]:
    return st.builds(
        Weather,
        kinds=st.lists(faults(codes), min_size=1, max_size=6),
        probability=st.sampled_from([0.0, 0.1, 0.3, 0.6, 1.0]),
        lasts=st.sampled_from(lasts),
        rules=st.fixed_dictionaries(
            {"close_lag": st.sampled_from(lags), "fills_make_positions": st.just(True)},
            optional={
                "limiter": st.sampled_from(["sliding", "fixed", "bucket"]),
                "pending_returns": st.sampled_from(["live", "all"]),
                "locked_positions": st.sampled_from(["refuse", "remainder"]),
                "position_lag": st.sampled_from([0.0, 1.5]),
            },
        ),
        round_trip=st.sampled_from([0.001, 0.02, 0.3]),
        partial_fills=st.sampled_from([0, 0, 1, 4]),
    )


thoroughly = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@given(plan=any_plan, weather=weathers(PASSING_CODES + OTHER_CODES, [None, 2.0, 15.0], [0.0, 0.5, 4.0, 40.0]))
@thoroughly
def test_whatever_goes_wrong_nothing_else_is_closed_and_the_report_is_true(plan: Plan, weather: Weather) -> None:
    run_through(plan, weather)


@given(plan=patient_plan, weather=weathers(PASSING_CODES, [2.0, 15.0], [0.0, 0.5, 4.0]))
@thoroughly
def test_everything_is_closed_within_the_deadline_once_the_faults_stop(plan: Plan, weather: Weather) -> None:
    market, report = run_through(plan, weather)
    if report.error is not None:
        event(f"ended by {type(report.error).__name__}")
        assert any(kind == "rate_limit" or options.get("code") == "429" for kind, options in weather.kinds)
        return
    assert report.verified
    assert report.not_done() == []
    left = [one for one in market.exchange.positions() if is_wanted(one, plan.scope, plan.hold_side)]
    # A size that shows only after the run had made sure.
    assert not left or plan.changes_per_read


def run_through(plan: Plan, weather: Weather) -> tuple[Market, CloseReport]:
    """Run one close in this weather, and hold it against everything that must be true of it."""
    market = Market(kind=plan.kind, round_trip=weather.round_trip, seed=plan.seed, **weather.rules)
    hold_positions(market, plan)
    market.clock.advance(60)
    if weather.partial_fills:
        market.exchange.fill_closes_partly("0.5", weather.partial_fills)
    market.exchange.inject_random(weather.probability, weather.kinds, seed=plan.seed, duration=weather.lasts)
    others = state_of_others(market)
    started = market.clock.monotonic()
    rest = RestOfTheMarket(market, plan, started)
    watch = Watch(market)

    report = run_to_its_end(market, plan)

    event(f"ended early: {plan.ends_early or 'no'}, error: {type(report.error).__name__}")
    assert rest.closed_elsewhere == []
    assert state_of_others(market) == others
    assert_closes_kept_the_rules(market, watch, cancels_stops=plan.cancel_locking_stops)
    assert_stops_went_only_where_they_lock(market, plan, report)
    assert_report_is_true(market, plan, report, rest)
    assert all(request.moment <= started + plan.deadline for request in market.wire.sent)
    assert market.clock.monotonic() <= started + plan.deadline + 2.5
    return market, report


def hold_positions(market: Market, plan: Plan) -> None:
    for symbol, hold_side in sorted(plan.held):
        mode = plan.modes[SYMBOLS.index(symbol)]
        size = f"{plan.chance.randrange(1, 40)}.5"
        market.exchange.open_position(symbol, hold_side, size, pos_mode=mode)
        if plan.stops:
            for kind in plan.chance.sample(PROTECTIVE_PLAN_TYPES, 2):
                market.exchange.place_plan(1, kind, symbol, hold_side=hold_side, pos_mode=mode)
    for (symbol, hold_side), code in plan.refused.items():
        market.exchange.refuse_close(symbol, hold_side, code)
    market.exchange.open_position("BTCUSD", "long", "3", "COIN-FUTURES")
    market.exchange.open_position("BTCPERP", "short", "3", "USDC-FUTURES")
    market.place(2, "BTCUSDT", trade_side="open", hold_side="long")
    market.exchange.place_plan(1, "normal_plan", "BTCUSDT")


def state_of_others(market: Market) -> list[object]:
    """Return what no close of futures in USDT may change: other product types, and every order that opens."""
    elsewhere = [one for one in market.exchange.positions() if one.product_type != USDT_FUTURES]
    orders = [order.order_id for order in market.exchange.orders(OPEN_STATUSES) if not order.closing]
    opening = [plan.order_id for plan in market.exchange.plan_orders() if not plan.closing]
    return [elsewhere, orders, opening]


class RestOfTheMarket:
    """Changes positions while they are read, and looks at what each close finds."""

    def __init__(self, market: Market, plan: Plan, started: float) -> None:
        self.market = market
        self.plan = plan
        self.started = started
        #: Positions that a close request could reach although they are none of its business.
        self.closed_elsewhere: list[str] = []
        self.changed: set[str] = set()
        market.wire.before_arrival.append(self._act)

    def _act(self, request: SentRequest) -> None:
        if request.endpoint == CLOSES:
            self._check_next_close()
        elif (
            request.endpoint == POSITION_READS
            and self.market.clock.monotonic() < self.started + QUIET_AFTER
            and self.plan.chance.random() < self.plan.changes_per_read
        ):
            self._change()

    def _change(self) -> None:
        """Let a position grow, appear, or, in one-way mode, flip."""
        symbol, hold_side = self.plan.chance.choice(SYMBOLS), self.plan.chance.choice(SIDES)
        mode = self.plan.modes[SYMBOLS.index(symbol)]
        self.changed.add(symbol)
        self.market.exchange.open_position(symbol, hold_side, f"{self.plan.chance.randrange(1, 60)}", pos_mode=mode)

    def _check_next_close(self) -> None:
        """Look at what the request that is about to arrive could reach, once it is recorded."""
        held = [one for one in self.market.exchange.positions() if one.product_type == USDT_FUTURES]
        number = len(self.market.requests(CLOSES))

        def look() -> None:
            records = self.market.requests(CLOSES)
            if len(records) <= number:
                return
            record = records[number]
            assert record.product_type == USDT_FUTURES
            for one in held:
                same_side = not one.is_hedged or record.hold_side in ("", one.hold_side)
                is_reached = record.symbol in ("", one.symbol) and same_side
                if is_reached and not is_wanted(one, self.plan.scope, self.plan.hold_side):
                    self.closed_elsewhere.append(f"{one.symbol}/{one.hold_side}")

        self.market.clock.at(self.market.clock.monotonic() + self.market.wire.round_trip * 0.75, look)


def run_to_its_end(market: Market, plan: Plan) -> CloseReport:
    workers = OneAtATime(plan.chance).on(market.clock)
    run = prepare(
        market,
        plan.scope,
        hold_side=plan.hold_side,
        deadline=plan.deadline,
        settle=plan.settle,
        cancel_locking_stops=plan.cancel_locking_stops,
        workers=workers,
    )
    if plan.ends_early == "stop":
        market.clock.at(market.clock.monotonic() + plan.chance.uniform(0, 8), run.request_stop)
    elif plan.ends_early == "interrupt":
        workers.interrupt_after = plan.chance.randrange(1, 12)
        workers.result_arrives = plan.chance.random() < 0.5
    try:
        return run.run()
    except Interrupt:
        return run.report()


def assert_stops_went_only_where_they_lock(market: Market, plan: Plan, report: CloseReport) -> None:
    cancelled = market.exchange.plan_orders((PLAN_CANCELLED,))
    assert {stop.order_id for stop in report.cancelled_stops} <= {one.order_id for one in cancelled}
    for one in cancelled:
        assert plan.cancel_locking_stops
        assert one.closing
        assert plan.scope.covers(one.symbol, "USDT")
        # In one-way mode a symbol has one position, and its stops name no side.
        assert plan.hold_side in (None, one.hold_side) or one.pos_side == NET
    assert plan.cancel_locking_stops or market.exchange.plan_orders(ENDED_PLAN_STATUSES) == []


def assert_report_is_true(market: Market, plan: Plan, report: CloseReport, rest: RestOfTheMarket) -> None:
    assert_plain_json(report.to_dict())
    names = [(one.symbol, one.hold_side, one.margin_coin) for one in report.outcomes]
    assert len(set(names)) == len(names)
    held = {(one.symbol, one.hold_side) for one in market.exchange.positions() if one.product_type == USDT_FUTURES}
    all_shown = market.clock.monotonic() > rest.started + QUIET_AFTER + 2.0 and report.verified
    for outcome in report.outcomes:
        assert plan.scope.covers(outcome.symbol, outcome.margin_coin)
        assert plan.hold_side in (None, outcome.hold_side)
        if outcome.bucket is CloseBucket.CLOSED and (all_shown or outcome.symbol not in rest.changed):
            assert (outcome.symbol, outcome.hold_side) not in held, f"{outcome} is reported closed"
        elif outcome.bucket is CloseBucket.FAILED:
            assert outcome.code in LOCK_CODES or outcome.detail != "locked"
    if report.error is None and all_shown:
        # Nothing that is open is passed over in silence.
        told = {(one.symbol, one.hold_side) for one in report.not_done()}
        for one in market.exchange.positions():
            if is_wanted(one, plan.scope, plan.hold_side):
                assert (one.symbol, one.hold_side) in told
