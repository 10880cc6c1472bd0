# SPDX-License-Identifier: Apache-2.0
"""An account is to go flat while the exchange misbehaves at random, the market moves and tasks die half-way.

The tasks are those of the group, with the arguments and in the order that it gives them, their next tries included.
Whatever happens: it is never said to be flat when the books were not at the last read, nothing outside the scope is
touched, nothing is placed, and once the faults have stopped it ends flat. ``HYPOTHESIS_PROFILE=thorough`` runs twenty
times as many examples.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from airflow.providers.common.compat.sdk import DAG
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from airflow_provider_bitget.api.error_codes import LOCK_CODES
from airflow_provider_bitget.api.rows import OPENING_PLAN_TYPES, PLAN_TYPES, PROTECTIVE_PLAN_TYPES
from airflow_provider_bitget.sandbox.accounts import Account, AccountMode, numbered_account
from airflow_provider_bitget.sandbox.journal import busiest_second
from airflow_provider_bitget.sandbox.orders import CANCELED, FILLED, LIVE, NET, PARTIALLY_FILLED, Order, margin_coin_of
from airflow_provider_bitget.sandbox.plan_orders import EXECUTED, PLAN_CANCELLED, PlanOrder
from airflow_provider_bitget.sandbox.positions import Position
from airflow_provider_bitget.task_groups.flatten import flatten_account
from airflow_provider_bitget.trading.close_report import CloseBucket, CloseReport
from airflow_provider_bitget.trading.flat import FlatReport
from airflow_provider_bitget.trading.in_flight import GRACE_SECONDS
from tests.kinds import KINDS, UNIFIED, limit_of
from tests.unit.trading import closing, sweeping
from tests.unit.trading.evening import ENDS, Evening, ProofRead, SharedClock, Try, tasks_of
from tests.unit.trading.market import CANCELS, Market, SentRequest
from tests.unit.trading.test_random_faults import orderwise, unified_rules, whole

EXAMPLES = 120 * (20 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 1)

SYMBOLS: Final = {
    "USDT-FUTURES": ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"),
    "COIN-FUTURES": ("BTCUSD", "ETHUSD"),
    "USDC-FUTURES": ("BTCPERP",),
}
EVERY_SYMBOL: Final = [symbol for symbols in SYMBOLS.values() for symbol in symbols]
SIDES: Final = ("long", "short")
NEVER: Final = float("inf")
DAY: Final = 86_400.0
OLD, ANCIENT = 300.0, 1_500.0
"""Days: older than the lists show by themselves, and older than they are asked for."""

WRITES: Final = {CANCELS, sweeping.PLAN_CANCELS, sweeping.MASS_CANCELS, closing.CLOSES}
CANCELLING: Final = ("cancel", "cancel_stops", "sweep")
REFUSALS: Final = ["45009", "22044", "40746", "40867", "40939", "40888", "41114", "99999", "40015", "43043"]

AS_IT_COMES: Final[Mapping[str, Any]] = {}
"""The times that the group gives itself."""

HASTY: Final[Mapping[str, Any]] = {
    "cancel_deadline": 4.0,
    "close_deadline": 8.0,
    "sweep_deadline": 5.0,
    "prove_deadline": 40.0,
    "settle": 1.0,
    "settle_after_fill": 4.0,
    "retries": 1,
}


@dataclass(frozen=True)
class Weather:
    """What goes wrong, how often and until when.

    :param conditions: what is wrong with the exchange as a whole.
    :param false_closes: how many closes are acknowledged and not carried out, 0 to 1.
    :param ends: seconds after which nothing goes wrong any more.
    """

    kinds: list[tuple[str, dict[str, Any]]]
    probability: float
    conditions: list[tuple[str, dict[str, Any]]]
    false_closes: float
    ends: float
    clock_ahead: float
    round_trip: float
    rules: dict[str, Any]

    @property
    def lies_about_the_whole(self) -> bool:
        """Whether "there is no order to cancel" may be said while there is one: nobody could tell then."""
        return any(name == "refuse" and options["code"] == "22001" for name, options in self.kinds)

    @property
    def makes_up_ids(self) -> bool:
        """Whether an answer to a call without ids may name an order that never was: nobody could tell it from one."""
        return any(name == "foreign_ids" for name, _ in self.kinds)

    @property
    def moves_the_clock(self) -> bool:
        return any(name == "clock" for name, _ in self.conditions)


@dataclass(frozen=True)
class Holdings:
    """What is open.

    :param closing_orders: how many limit orders lock each position.
    :param held: sides of positions by their place among the symbols.
    :param hedged: whether the symbols at these places are traded in hedge mode.
    """

    orders: int
    old_orders: int
    ancient_orders: int
    partially_filled: bool
    plan_orders: int
    closing_orders: int
    held: frozenset[tuple[int, str]]
    hedged: tuple[bool, ...]


@dataclass(frozen=True)
class Bustle:
    """What the rest of the market does, before each request with such a chance, and at moments of its own.

    :param until: seconds after which it rests.
    """

    fills: float
    triggers: float
    cancels: float
    news: float
    growth: float
    moments: int
    until: float


@dataclass(frozen=True)
class Refusals:
    """What the exchange refuses.

    :param closes: codes by place of the symbol and side.
    :param maintained: places of symbols under maintenance.
    :param too_large: places of symbols whose positions are above the maximum.
    :param partial_fills: how many closes fill in part only.
    :param until: seconds until which positions and symbols are refused.
    """

    closes: dict[tuple[int, str], str]
    maintained: frozenset[int]
    too_large: frozenset[int]
    partial_fills: int
    until: float


@dataclass(frozen=True)
class Plan:
    """One evening.

    :param narrowed_by: what keeps the scope from being whole.
    :param ends: what ends tries early, and how many of them.
    """

    account_kind: AccountMode
    product_types: tuple[str, ...]
    narrowed_by: str
    lookback_days: int
    times: Mapping[str, Any]
    simulate: bool
    holdings: Holdings
    bustle: Bustle
    refusals: Refusals
    ends: tuple[str, ...]
    ended_early: float
    slowest_start: float
    has_state_store: bool
    seed: int
    chance: random.Random = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "chance", random.Random(self.seed))  # noqa: S311  # the same in every run

    @property
    def narrowing(self) -> dict[str, Any]:
        """The arguments of the group that keep the scope from being whole."""
        if self.narrowed_by == "exclude_symbols":
            return {"exclude_symbols": ["XRPUSDT", "ETHUSD"]}
        if self.narrowed_by == "margin_coin":
            return {"margin_coin": "BTC" if self.product_types == ("COIN-FUTURES",) else "USDT"}
        return {}

    def covers(self, product_type: str, symbol: str) -> bool:
        """Whether something of the first account is to be cancelled or closed."""
        coin = margin_coin_of(product_type, symbol)
        return (
            product_type in self.product_types
            and symbol not in self.narrowing.get("exclude_symbols", ())
            and coin == self.narrowing.get("margin_coin", coin)
        )

    def mode(self, symbol: str) -> str:
        """Return the position mode of a symbol."""
        return closing.HEDGE if self.holdings.hedged[EVERY_SYMBOL.index(symbol)] else closing.ONE_WAY


# ------------------------------------------------------------------------------------------------------ strategies

seconds = st.sampled_from([0.3, 2.5, 9.0, 30.0])
places = st.integers(0, 5)
positions = st.tuples(places, st.sampled_from(SIDES))
likelihood = st.sampled_from([0.0, 0.0, 0.1, 0.4])

weathers = st.builds(
    Weather,
    kinds=st.lists(st.one_of(*whole, *orderwise), min_size=1, max_size=6),
    probability=st.sampled_from([0.0, 0.05, 0.2, 0.5, 0.9]),
    conditions=st.lists(
        st.one_of(
            st.builds(lambda s: ("lagging_book", {"seconds": s}), seconds),
            st.builds(lambda s: ("late_history", {"seconds": s}), seconds),
            st.builds(lambda o: ("clock", {"offset": o}), st.sampled_from([60.0, 5.0])),
            st.just(("chinese", {})),
        ),
        max_size=2,
        unique_by=lambda condition: condition[0],
    ),
    false_closes=st.sampled_from([0.0, 0.0, 0.5]),
    ends=st.sampled_from([1.0, 4.0, 15.0, 50.0, 150.0, NEVER]),
    clock_ahead=st.sampled_from([0.0, 0.0, 45.0, -45.0]),
    round_trip=st.sampled_from([0.001, 0.02, 0.3]),
    rules=st.fixed_dictionaries(
        {
            "fills_make_positions": st.just(True),
            "position_lag": st.sampled_from([0.0, 1.5, 5.0, 12.0, 25.0]),
            "close_lag": st.sampled_from([0.0, 0.5, 4.0]),
        },
        optional={
            "limiter": st.sampled_from(["sliding", "fixed", "bucket"]),
            "count_refused": st.booleans(),
            "omit_error_code": st.sampled_from(["none", "all", "random"]),
            "unknown_id": st.sampled_from(["list", "refuse", "refuse_ended"]),
            "pending_returns": st.sampled_from(["live", "all"]),
            "history_time": st.sampled_from(["cTime", "uTime"]),
            "gone_code": st.sampled_from(["43001", "22001", "45031"]),
            "cancel_track_plan": st.sampled_from(["accept", "as_moving_plan"]),
            "plan_end_id": st.sampled_from(["full_pages", "always", "never"]),
            "triggered_child": st.sampled_from(["rests", "fills", "fails"]),
            "locked_positions": st.sampled_from(["refuse", "remainder"]),
            "locked_code": st.sampled_from(["40746", "40867", "40939"]),
            **unified_rules,
        },
    ),
)
holdings = st.builds(
    Holdings,
    orders=st.sampled_from([0, 1, 7, 60, 130]),
    old_orders=st.sampled_from([0, 0, 2]),
    ancient_orders=st.sampled_from([0, 0, 2]),
    partially_filled=st.booleans(),
    plan_orders=st.sampled_from([0, 1, 1, 2]),
    closing_orders=st.sampled_from([0, 0, 1]),
    held=st.frozensets(positions, max_size=7),
    hedged=st.tuples(*[st.booleans()] * len(EVERY_SYMBOL)),
)
bustles = st.builds(
    Bustle,
    fills=likelihood,
    triggers=likelihood,
    cancels=likelihood,
    news=likelihood,
    growth=likelihood,
    moments=st.sampled_from([0, 0, 5, 20]),
    until=st.sampled_from([0.0, 2.0, 10.0, 60.0]),
)
refusals_of_a_run = st.builds(
    Refusals,
    closes=st.one_of(st.just({}), st.dictionaries(positions, st.sampled_from(REFUSALS), max_size=3)),
    maintained=st.one_of(st.just(frozenset()), st.frozensets(places, max_size=1)),
    too_large=st.one_of(st.just(frozenset()), st.just(frozenset()), st.frozensets(places, max_size=1)),
    partial_fills=st.sampled_from([0, 0, 1, 4]),
    until=st.sampled_from([1.0, 5.0, 40.0, NEVER]),
)
plans = st.builds(
    Plan,
    account_kind=st.sampled_from(KINDS),
    product_types=st.sampled_from(
        [("USDT-FUTURES",), ("USDT-FUTURES",), ("COIN-FUTURES",), ("USDT-FUTURES", "COIN-FUTURES")]
    ),
    narrowed_by=st.sampled_from(["", "", "exclude_symbols", "margin_coin"]),
    lookback_days=st.sampled_from([90, 90, 400]),
    times=st.sampled_from([AS_IT_COMES, AS_IT_COMES, AS_IT_COMES, HASTY]),
    simulate=st.sampled_from([False] * 15 + [True]),
    holdings=holdings,
    bustle=bustles,
    refusals=refusals_of_a_run,
    ends=st.sampled_from([ENDS, *[(end,) for end in ENDS]]),
    ended_early=st.sampled_from([0.0, 0.0, 0.2, 0.5]),
    slowest_start=st.sampled_from([0.0, 3.0]),
    has_state_store=st.booleans(),
    seed=st.integers(0, 2**32),
)


@given(plan=plans, weather=weathers)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_whatever_goes_wrong_flat_is_said_of_flat_books_only_and_in_the_end(plan: Plan, weather: Weather) -> None:
    run_through(plan, weather)


def run_through(plan: Plan, weather: Weather) -> Evening:
    """Let one evening pass, and hold all that was sent and said against the exchange's books."""
    evening = evening_of(plan, weather)
    market = evening.market
    before = outside(market, plan)
    watch = Watch(evening, plan, weather)
    appoint(market, plan, weather)

    evening.pass_by()

    report = evening.xcoms[evening.task("report").task.task_id, "return_value"]
    event(f"flat: {report['flat']}, excused: {watch.excuse() or 'no'}")
    assert watch.violations == []
    assert outside(market, plan) == before
    watch.assert_nothing_cancelled_outside()
    watch.assert_report_says_what_the_phases_say(report)
    watch.assert_report_agrees_with_the_books(report)
    watch.assert_close_started_in_time()
    watch.assert_flat_in_the_end(report)
    return evening


def evening_of(plan: Plan, weather: Weather) -> Evening:
    """Make the group, and a market with everything that is open in the evening."""
    dag = DAG(dag_id="evening", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC))
    with dag:
        flatten_account(
            product_types=list(plan.product_types),
            lookback_days=plan.lookback_days,
            simulate=plan.simulate,
            retry_delay=timedelta(seconds=5),
            **plan.narrowing,
            **plan.times,
        )
    too_large = {EVERY_SYMBOL[place]: "5" for place in plan.refusals.too_large}
    market = Market(
        numbered_account(1, mode=plan.account_kind),
        numbered_account(2, mode=plan.account_kind),
        clock=SharedClock(),
        round_trip=weather.round_trip,
        seed=plan.seed,
        flash_close_maximum=too_large,
        **weather.rules,
    )
    fill_the_books(market, plan, weather)
    market.clock.advance(120)
    return Evening(
        market,
        tasks_of(dag, dag.task_dict["flatten_account.report"].phases),  # type: ignore[union-attr]
        plan.chance,
        clock_ahead=weather.clock_ahead,
        slowest_start=plan.slowest_start,
        ends=plan.ends,
        ended_early=plan.ended_early,
        has_state_store=plan.has_state_store,
    )


def fill_the_books(market: Market, plan: Plan, weather: Weather) -> None:
    """Place what is meant, and something of everything that is not."""
    own = plan.holdings
    for account in market.exchange.accounts:
        for product_type, symbols in SYMBOLS.items():
            for number, symbol in enumerate(symbols):
                where: dict[str, Any] = {"symbol": symbol, "product_type": product_type, "account": account}
                mode = plan.mode(symbol)
                is_meant = account is market.exchange.accounts[0] and product_type in plan.product_types
                count = own.orders // len(symbols) if is_meant else min(own.orders, 1)
                status = PARTIALLY_FILLED if own.partially_filled and number == 0 else LIVE
                side = plan.chance.choice(SIDES)
                market.place(count, status=status, hold_side=side, pos_mode=mode, **where)
                place_old(market, plan, weather, where, mode)
                for kind in PLAN_TYPES:
                    for _ in range(own.plan_orders):
                        side = plan.chance.choice(SIDES)
                        age = plan.chance.choice([0.0, 0.0, 100.0]) if plan.lookback_days > 200 else 0.0
                        market.exchange.place_plan(
                            1, kind, hold_side=side, pos_mode=mode, created_ms=days_ago(market, age), **where
                        )
    for place, side in sorted(own.held):
        hold(market, plan, EVERY_SYMBOL[place], side, market.exchange.accounts[0])
        hold(market, plan, EVERY_SYMBOL[place], side, market.exchange.accounts[1])


def place_old(market: Market, plan: Plan, weather: Weather, where: Mapping[str, Any], mode: str) -> None:
    """Place orders that the lists do not show by themselves; not where a lie could hide them."""
    is_whole = not plan.narrowed_by and not weather.lies_about_the_whole
    for age, count in ((OLD, plan.holdings.old_orders), (ANCIENT, plan.holdings.ancient_orders)):
        if age < plan.lookback_days or is_whole:
            market.place(count, hold_side="long", pos_mode=mode, created_ms=days_ago(market, age), **where)


def days_ago(market: Market, days: float) -> int:
    return int((market.clock.time() - days * DAY) * 1000)


def hold(market: Market, plan: Plan, symbol: str, side: str, account: Account) -> None:
    """Open a position, with the orders that lock it."""
    product_type = product_type_of(symbol)
    where: dict[str, Any] = {"symbol": symbol, "product_type": product_type, "account": account}
    size = f"{plan.chance.randrange(1, 9)}.5"
    mode = plan.mode(symbol)
    market.exchange.open_position(hold_side=side, size=size, pos_mode=mode, **where)
    market.place(plan.holdings.closing_orders, hold_side=side, pos_mode=mode, trade_side="close", size="0.5", **where)


def product_type_of(symbol: str) -> str:
    return next(kind for kind, symbols in SYMBOLS.items() if symbol in symbols)


# ------------------------------------------------------------------------------------------------------ the market


def appoint(market: Market, plan: Plan, weather: Weather) -> None:
    """Let things go wrong, be refused and happen, and let all of that end."""
    exchange, refusals = market.exchange, plan.refusals
    began = market.clock.monotonic()
    for name, options in weather.conditions:
        exchange.inject(name, **options)
    exchange.inject_random(weather.probability, weather.kinds, seed=plan.seed)
    exchange.inject("ack_only", endpoint=closing.CLOSES, probability=weather.false_closes)
    if weather.ends < NEVER:
        market.clock.at(began + weather.ends, exchange.clear_faults)
    refuse(market, refusals.closes, refusals.maintained)
    if refusals.until < NEVER:
        market.clock.at(began + refusals.until, lambda: refuse(market, dict.fromkeys(refusals.closes), frozenset()))
    if refusals.partial_fills:
        exchange.fill_closes_partly("0.5", refusals.partial_fills)
    happenings = Happenings(market, plan, began + plan.bustle.until)
    market.wire.before_arrival.append(happenings.before)
    for _ in range(plan.bustle.moments):
        within = plan.chance.choice([3.0, plan.bustle.until])
        market.clock.at(began + min(plan.bustle.until, within * plan.chance.random()), happenings.something)


def refuse(market: Market, closes: Mapping[tuple[int, str], str | None], maintained: frozenset[int] | set[int]) -> None:
    for (place, side), code in closes.items():
        symbol = EVERY_SYMBOL[place]
        market.exchange.refuse_close(symbol, side, code, product_type=product_type_of(symbol))
    market.exchange.maintain([EVERY_SYMBOL[place] for place in sorted(maintained)])


class Happenings:
    """What the rest of the market does to this account, within the scope only: the rest must not change at all."""

    def __init__(self, market: Market, plan: Plan, until: float) -> None:
        self.market = market
        self.plan = plan
        self.until = until
        self.symbols = [one for one in EVERY_SYMBOL if plan.covers(product_type_of(one), one)]

    def before(self, _request: SentRequest) -> None:
        if self.market.clock.monotonic() > self.until:
            return
        bustle = self.plan.bustle
        for likely, happens in (
            (bustle.fills, self.fill),
            (bustle.triggers, self.trigger),
            (bustle.cancels, self.cancel),
            (bustle.news, self.place),
            (bustle.growth, self.grow),
        ):
            if self.plan.chance.random() < likely:
                happens()

    def something(self) -> None:
        self.plan.chance.choice([self.fill, self.trigger, self.cancel, self.place, self.grow])()

    def fill(self) -> None:
        if found := self._ours(self.market.exchange.orders()):
            self.market.fill(self.plan.chance.choice(found))

    def trigger(self) -> None:
        if found := self._ours(self.market.exchange.plan_orders()):
            self.market.exchange.trigger(self.plan.chance.choice(found).order_id)

    def cancel(self) -> None:
        if self.plan.chance.random() < 0.5:
            if found := self._ours(self.market.exchange.orders()):
                self.market.cancel_elsewhere(self.plan.chance.choice(found))
        elif plan_orders := self._ours(self.market.exchange.plan_orders()):
            self.market.cancel_plans_elsewhere(self.plan.chance.choice(plan_orders))

    def place(self) -> None:
        if self.symbols:
            symbol = self.plan.chance.choice(self.symbols)
            where = self._where(symbol)
            if self.plan.chance.random() < 0.5:
                self.market.place(1, **where)
            else:
                self.market.exchange.place_plan(1, self.plan.chance.choice(PLAN_TYPES), **where)

    def grow(self) -> None:
        if self.symbols:
            self.market.exchange.open_position(size="0.5", **self._where(self.plan.chance.choice(self.symbols)))

    def _where(self, symbol: str) -> dict[str, Any]:
        return {
            "symbol": symbol,
            "product_type": product_type_of(symbol),
            "hold_side": self.plan.chance.choice(SIDES),
            "pos_mode": self.plan.mode(symbol),
        }

    def _ours(self, found: list[Any]) -> list[Any]:
        return [one for one in found if self.plan.covers(one.product_type, one.symbol)]


# ------------------------------------------------------------------------------------------------------- the books


def outside(market: Market, plan: Plan) -> list[tuple[str, ...]]:
    """Return the state of everything that must stay as it is, of every account."""
    found: list[tuple[str, ...]] = []
    for account in market.exchange.accounts:
        is_other = account is not market.exchange.accounts[0]
        for one in sweeping.every_order(market, account):
            if is_other or not plan.covers(one.product_type, one.symbol):
                found.append((account.uid, one.order_id, one.status))
        for position in market.exchange.positions(account=account):
            if is_other or not plan.covers(position.product_type, position.symbol):
                found.append((account.uid, position.symbol, position.hold_side, str(position.total)))
    return sorted(found)


def positions_shown(market: Market, plan: Plan, product_type: str) -> list[Position]:
    """Return the positions of the scope as the exchange shows them now: a fill may be missing yet."""
    with market.exchange._settled():
        shown = market.exchange._ledger_of(None).positions(market.clock.monotonic())
    return [one for one in shown if one.product_type == product_type and plan.covers(product_type, one.symbol)]


def open_now(market: Market, plan: Plan, product_type: str) -> frozenset[str]:
    """Return the names of everything that a read of the scope would show now."""
    reach = 89 if plan.lookback_days <= 90 else plan.lookback_days
    earliest = days_ago(market, reach)
    orders: list[Order | PlanOrder] = [
        *market.exchange.orders(product_type=product_type),
        *market.exchange.plan_orders(product_type=product_type),
    ]
    names = {one.order_id for one in orders if plan.covers(product_type, one.symbol) and one.created_ms > earliest}
    return frozenset(names | {f"{one.symbol}/{one.hold_side}" for one in positions_shown(market, plan, product_type)})


def is_stop_of_one(stop: PlanOrder, held: frozenset[tuple[str, str]]) -> bool:
    """Whether a stop's position is among these; in one-way mode a symbol has one position."""
    if stop.pos_side == NET:
        return any(symbol == stop.symbol for symbol, _ in held)
    return (stop.symbol, stop.hold_side) in held


class Watch:
    """Looks at every request just before the exchange does, and at every report as soon as it is made."""

    def __init__(self, evening: Evening, plan: Plan, weather: Weather) -> None:
        self.evening = evening
        self.market = evening.market
        self.plan = plan
        self.weather = weather
        self.began = self.market.clock.monotonic()
        #: What must not be, noted where an assertion would be taken for a failing request.
        self.violations: list[str] = []
        #: Stops that a close has taken from a position.
        self.released: set[str] = set()
        evening.after_prepare.append(self._after_prepare)
        evening.before_request.append(self._before_request)
        evening.after_answer.append(self._after_answer)
        evening.after_try.append(self._after_try)

    # Every request

    def _after_prepare(self, attempt: Try) -> None:
        if attempt.phase == "prove":
            self._look_from_the_first_request_of_each_read(attempt)

    def _look_from_the_first_request_of_each_read(self, attempt: Try) -> None:
        reader = attempt.run._reader
        read = reader.read

        def noted(**options: Any) -> Any:
            attempt.looks.clear()
            attempt.looks.append(self._open(attempt))
            attempt.reads.append(ProofRead(self.market.clock.monotonic()))
            found = read(**options)
            attempt.reads[-1].ended, attempt.reads[-1].is_complete = self.market.clock.monotonic(), True
            attempt.looks.append(self._open(attempt))
            attempt.open_all_the_time = frozenset.intersection(*attempt.looks)
            return found

        reader.read = noted

    def _open(self, attempt: Try) -> frozenset[str]:
        return open_now(self.market, self.plan, attempt.product_type)

    def _before_request(self, attempt: Try, endpoint: str, says: Mapping[str, Any]) -> None:
        if endpoint == closing.POSITION_READS:
            shown = positions_shown(self.market, self.plan, attempt.product_type)
            attempt.positions_shown = frozenset((one.symbol, one.hold_side) for one in shown)
        if attempt.phase == "prove":
            attempt.looks.append(self._open(attempt))
        if endpoint == closing.CLOSES:
            attempt.finds_locks |= self._is_locked_by_orders(attempt.product_type)
        if says:
            self._check_write(attempt, endpoint, says)

    def _is_locked_by_orders(self, product_type: str) -> bool:
        """Whether an order that closes rests there, other than those that a flash close places."""
        return any(
            order.closing and order.client_oid != str(int(order.order_id) + 1)
            for order in self.market.exchange.orders(product_type=product_type)
            if self.plan.covers(product_type, order.symbol)
        )

    def _check_write(self, attempt: Try, endpoint: str, says: Mapping[str, Any]) -> None:
        where = f"{attempt.phase} {attempt.number}: {endpoint} {json.dumps(says)[:300]}"
        symbol = says.get("symbol", "")
        is_whole = endpoint in (sweeping.MASS_CANCELS, closing.CLOSES) and not self.plan.narrowed_by
        if self.plan.simulate or endpoint not in WRITES or attempt.phase in ("prove", "report"):
            self.violations.append(f"never to be sent: {where}")
        if says.get("productType", "").upper() != attempt.product_type:
            self.violations.append(f"another product type: {where}")
        if not self.plan.covers(attempt.product_type, symbol) and not (is_whole and not symbol):
            self.violations.append(f"outside the scope: {where}")
        if endpoint == sweeping.PLAN_CANCELS:
            self._check_stops(attempt, [row["orderId"] for row in says["orderIdList"]], where)

    def _check_stops(self, attempt: Try, ids: list[str], where: str) -> None:
        """No stop goes whose position is open, by the last read that the try has seen, and by the books."""
        shown = positions_shown(self.market, self.plan, attempt.product_type)
        is_open = frozenset((one.symbol, one.hold_side) for one in shown)
        known = is_open if attempt.positions_seen is None else attempt.positions_seen
        for order_id in ids:
            stop = self.market.exchange.plan_order(order_id)
            if stop.plan_type in OPENING_PLAN_TYPES:
                if attempt.phase in ("close", "cancel_stops"):
                    self.violations.append(f"opens positions, and is for another phase: {order_id}: {where}")
                continue
            if attempt.phase == "cancel":
                self.violations.append(f"protects a position, and goes before the close: {order_id}: {where}")
            elif attempt.phase == "close" and stop.symbol not in attempt.locked:
                self.violations.append(f"nothing was locked: {order_id}: {where}")
            elif attempt.phase != "close" and stop.is_open and is_stop_of_one(stop, is_open & known):
                self.violations.append(f"its position is open: {order_id}: {where}")

    def _after_answer(self, attempt: Try, endpoint: str, says: Mapping[str, Any], body: bytes) -> None:
        """Note the symbols of which a close was refused because their size is locked."""
        if endpoint == sweeping.PLAN_CANCELS and attempt.phase == "close":
            for row in says["orderIdList"]:
                if self.market.exchange.plan_order(row["orderId"]).status == PLAN_CANCELLED:
                    self.released.add(row["orderId"])
        if endpoint != closing.CLOSES:
            return
        try:
            answer = json.loads(body)
        except ValueError:
            return
        symbols = [says["symbol"]] if says.get("symbol") else EVERY_SYMBOL
        if answer.get("code") in LOCK_CODES:
            attempt.locked.update(symbols)
        data = answer.get("data") or {}
        for row in data.get("failureList") or data.get("list") or ():
            if row.get("errorCode", row.get("code")) in LOCK_CODES:
                attempt.locked.update([row["symbol"]] if row.get("symbol") else symbols)

    # Every try

    def _after_try(self, attempt: Try) -> None:
        sent = [request.moment for request in attempt.wire.sent]
        if attempt.run is None:
            assert sent == []
            return
        deadline = attempt.started + attempt.task.deadline
        assert all(moment <= deadline for moment in sent), f"{attempt.phase} sent after its deadline"
        assert attempt.ended <= deadline + GRACE_SECONDS + 0.5, f"{attempt.phase} ended late"
        interrupted_at = attempt.process.interrupted_at
        assert interrupted_at is None or all(moment <= interrupted_at for moment in sent)
        self._assert_pace_was_kept(attempt)
        report = attempt.run.report()
        if attempt.phase == "close":
            self._assert_close_report_is_true(attempt, report)
        elif attempt.phase == "prove":
            self._assert_flat_is_true(attempt, report)
        else:
            sweeping.assert_each_order_once(report)
            sweeping.assert_outcomes_are_true(self.market, report)
            slack = 130.0 if self.weather.moves_the_clock else 15.0
            sweeping.assert_nothing_open_in_silence(self.market, attempt.run, report, slack)
            sweeping.assert_plain_report(report)

    def _assert_pace_was_kept(self, attempt: Try) -> None:
        by_path: dict[str, list[float]] = {}
        for request in attempt.wire.sent:
            by_path.setdefault(request.path, []).append(request.moment)
        for path, moments in by_path.items():
            assert busiest_second(moments) <= limit_of(path), f"{attempt.phase}: {path}"

    def _assert_close_report_is_true(self, attempt: Try, report: CloseReport) -> None:
        closing.assert_plain_json(report.to_dict())
        names = [(one.symbol, one.hold_side) for one in report.outcomes]
        assert len(set(names)) == len(names)
        assert all(self.plan.covers(attempt.product_type, symbol) for symbol, _ in names)
        if attempt.process.interrupted_at is not None:
            return
        seen = attempt.positions_seen or frozenset()
        closed = {(one.symbol, one.hold_side) for one in report.in_bucket(CloseBucket.CLOSED)}
        assert not closed & seen, "reported as closed, and open at the last read"
        if report.verified:
            assert seen <= {(one.symbol, one.hold_side) for one in report.not_done()}
        for stop in report.cancelled_stops:
            assert self.market.exchange.plan_order(stop.order_id).status == PLAN_CANCELLED

    def _assert_flat_is_true(self, attempt: Try, report: FlatReport) -> None:
        """Flat are two complete reads in a row, far enough apart; nothing was open through the whole of the last."""
        if not report.flat:
            return
        assert not attempt.open_all_the_time, "said to be flat, and open"
        first, second = attempt.reads[-2:]
        assert first.is_complete
        assert second.is_complete
        settle = self.settle_after_fill if self.has_known_fill(attempt) else 0.0 if self.plan.simulate else self.settle
        assert second.began - first.ended >= settle - 1e-6, "the reads are not far enough apart"

    def _sent_by_cancels(self) -> set[str]:
        """Return the ids of everything that a phase whose work is to cancel has sent."""
        tries = [attempt for attempt in self.evening.tries if attempt.phase in CANCELLING]
        return {one for attempt in tries for request in attempt.wire.sent for one in request.ids}

    @property
    def settle(self) -> float:
        return float(self.plan.times.get("settle", 10.0))

    @property
    def settle_after_fill(self) -> float:
        return float(self.plan.times.get("settle_after_fill", 30.0))

    def has_known_fill(self, proof: Try) -> bool:
        """Whether an order filled, or a plan order triggered, that was to be cancelled and opens a position.

        What only a try knew that was followed by another one is lost with its report.
        """
        cancels = [self.evening.task(phase, proof.product_type).tries for phase in CANCELLING]
        if any(len(tries) > 1 for tries in cancels):
            return False
        sent = self._sent_by_cancels()
        return any(
            one.order_id in sent and one.status in (FILLED, EXECUTED) and one.product_type == proof.product_type
            for one in sweeping.every_order(self.market)
            if not one.closing
        )

    # The whole evening

    def assert_nothing_cancelled_outside(self) -> None:
        uid = self.market.exchange.accounts[0].uid
        assert {record.account for record in self.market.exchange.records()} <= {uid, None}

    def assert_report_says_what_the_phases_say(self, report: dict[str, Any]) -> None:
        """Flat if, and only if, every proof says so; and what the phases did adds up."""
        phases = [one for one in self.evening.tasks.values() if one.product_type]
        said = {(one.phase, one.product_type): self.evening.report(one.phase, one.product_type) for one in phases}
        proofs = [found for (phase, _), found in said.items() if phase == "prove"]
        assert report["flat"] is all(proof is not None and proof["flat"] is True for proof in proofs)
        task = self.evening.task("report")
        assert task.state == ("success" if report["flat"] or self._is_known_simulation(report) else "failed")
        missing = {f"{phase} {product_type}" for (phase, product_type), found in said.items() if found is None}
        assert set(report["missing"]) == missing
        found = [one for one in said.values() if one is not None]
        assert report["requests"] == sum(one["requests"] for one in found)
        cancels = [one for (phase, _), one in said.items() if phase not in ("close", "prove") and one is not None]
        assert report["counts"]["cancelled"] == sum(one["counts"]["cancelled"] for one in cancels)

    def _is_known_simulation(self, report: dict[str, Any]) -> bool:
        return self.plan.simulate and report["left"]["known"] is True

    def assert_report_agrees_with_the_books(self, report: dict[str, Any]) -> None:
        market = self.market
        books = {one.order_id: one for one in sweeping.every_order(market)}
        cancelled = [one for one in books.values() if one.status in (CANCELED, PLAN_CANCELLED)]
        if not self.weather.makes_up_ids:
            assert report["counts"]["cancelled"] <= len(cancelled)
        for row in report["fills"]:
            assert books[row["orderId"]].status in (FILLED, EXECUTED)
        for row in report["stops_released"]:
            assert books[row["orderId"]].status == PLAN_CANCELLED
        for row in report["stops_kept"]:
            assert row["planType"] in PROTECTIVE_PLAN_TYPES
        self._assert_what_is_left_is_named(report)
        self._assert_fills_are_named(report)
        self._assert_released_stops_are_named(report)
        if report["flat"]:
            assert report["left"]["known"] is True
            assert report["left"]["rows"] == []
            if report["range"]["any_age"]:
                self._assert_nothing_old_is_open()
            if self.plan.times is not HASTY:
                self._assert_nothing_is_hidden()

    def _assert_nothing_is_hidden(self) -> None:
        """A position that reads did not show yet is not overlooked: its fill makes the proof wait long enough."""
        for product_type in self.plan.product_types:
            shown = {(one.symbol, one.hold_side) for one in positions_shown(self.market, self.plan, product_type)}
            for one in self.market.exchange.positions(product_type=product_type):
                if self.plan.covers(product_type, one.symbol):
                    assert (one.symbol, one.hold_side) in shown, "hidden"

    def _assert_what_is_left_is_named(self, report: dict[str, Any]) -> None:
        """Whatever was open through the whole of the last complete read stands in the report."""
        if not report["left"]["known"]:
            return
        rows = report["left"]["rows"]
        named = {row["orderId"] if "orderId" in row else f"{row['symbol']}/{row['holdSide']}" for row in rows}
        last = [self.evening.task("prove", kind).tries[-1] for kind in self.plan.product_types]
        open_all_the_time = frozenset[str]().union(*(attempt.open_all_the_time for attempt in last))
        assert open_all_the_time <= named

    def _assert_fills_are_named(self, report: dict[str, Any]) -> None:
        """Orders that filled although they were to be cancelled stand in the report, if no try's report was lost.

        What a phase has left open, and said so in its own report, may fill before the next one looks: that one does not
        know of it.
        """
        if any(len(one.tries) > 1 for one in self.evening.tasks.values()):
            return
        sent = self._sent_by_cancels()
        filled = [one for one in sweeping.every_order(self.market) if one.status in (FILLED, EXECUTED)]
        rows = [*report["fills"], *report["ends_unknown"], *report["left"]["rows"]]
        for phase in CANCELLING:
            for product_type in self.plan.product_types:
                said = self.evening.report(phase, product_type) or {}
                left_open = [row for row in said.get("unresolved", ()) if row["category"] in ("not_sent", "still_open")]
                rows += [*said.get("failed", ()), *left_open]
        named = {row.get("orderId") for row in rows}
        missing = {one.order_id for one in filled if one.order_id in sent} - named
        assert not missing, f"fills {missing}"

    def _assert_released_stops_are_named(self, report: dict[str, Any]) -> None:
        """Stops that went before their position stand in the report, if the close came to its end at once."""
        closes = [self.evening.task("close", kind).tries for kind in self.plan.product_types]
        if all(len(tries) == 1 and tries[0].run.report().error is None for tries in closes):
            named = {row["orderId"] for row in report["stops_released"]}
            assert self.released <= named | self.market.cancelled_by_others

    def _assert_nothing_old_is_open(self) -> None:
        for order in self.market.exchange.orders():
            is_old = order.created_ms < days_ago(self.market, 1)
            assert not (is_old and self.plan.covers(order.product_type, order.symbol)), order

    def assert_close_started_in_time(self) -> None:
        """At most a minute after the cancel began, as long as Airflow takes a few seconds only to start a task."""
        for product_type in self.plan.product_types:
            cancel = self.evening.task("cancel", product_type).tries[0]
            close = self.evening.task("close", product_type).tries[0]
            assert close.started - cancel.started <= 60.0 + 1e-6

    def assert_flat_in_the_end(self, report: dict[str, Any]) -> None:
        if self.excuse():
            return
        states = {name: one.state for name, one in self.evening.tasks.items()}
        assert report["flat"], (states, report["left"], report["missing"])

    def _are_meant(self, places: Iterable[int]) -> bool:
        symbols = [EVERY_SYMBOL[place] for place in places]
        return any(self.plan.covers(product_type_of(symbol), symbol) for symbol in symbols)

    def excuse(self) -> str:
        """Return why it need not be flat in the end, ``""`` if it has to be."""
        plan = self.plan
        if plan.simulate:
            return "simulated"
        if plan.times is HASTY:
            return "hasty"
        if plan.account_kind == UNIFIED and plan.narrowed_by == "margin_coin" and "COIN-FUTURES" in plan.product_types:
            return "orders that name no margin coin cannot be picked by it"
        places = {*plan.refusals.maintained, *(place for place, _ in plan.refusals.closes)}
        refused, too_large = self._are_meant(places), self._are_meant(plan.refusals.too_large)
        if (refused and plan.refusals.until == NEVER) or too_large:
            return "refused for good"
        quiet = max(
            self.weather.ends,
            plan.bustle.until + self.weather.rules["position_lag"],
            plan.refusals.until if refused else 0.0,
        )
        for product_type in plan.product_types:
            for phase in ("close", "sweep", "prove"):
                last = self.evening.task(phase, product_type).tries[-1]
                if last.started < self.began + quiet:
                    return f"{phase} was over before the faults were"
                if last.is_ended_early:
                    return f"{phase} was ended from outside"
                if last.finds_locks:
                    return "orders that close have locked a position"
        return ""
