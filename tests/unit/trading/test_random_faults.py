# SPDX-License-Identifier: Apache-2.0
"""The exchange misbehaves at random: whatever happens, the report agrees with the books and the rules are kept.

``HYPOTHESIS_PROFILE=thorough`` runs ten times as many examples.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from airflow_provider_bitget.api.error_codes import ErrorCategory
from airflow_provider_bitget.sandbox.accounts import AccountMode
from airflow_provider_bitget.sandbox.orders import LIVE, OPEN_STATUSES, PARTIALLY_FILLED, Order
from airflow_provider_bitget.sandbox.plan_orders import PLAN_TYPES, PlanOrder
from airflow_provider_bitget.trading.order_list import OrderRef
from airflow_provider_bitget.trading.report import Bucket, CancelReport
from airflow_provider_bitget.trading.track import category_of
from tests.kinds import KINDS, UNIFIED, plan_type_shown
from tests.unit.trading.market import (
    CANCELS,
    PLAN_CANCELS,
    AnyOrder,
    Interrupt,
    Market,
    OneAtATime,
    SentRequest,
    assert_report_matches_books,
)

EXAMPLES = 800 * (10 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 1)

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
NEVER_READ_AGAIN = (ErrorCategory.BAD_REQUEST, ErrorCategory.ACCOUNT_RISK)
PRODUCT_TYPES = ("USDT-FUTURES", "USDC-FUTURES", "COIN-FUTURES")

CODES = ["43001", "22001", "40015", "45129", "45001", "40010", "40725", "40910", "40020", "400172", "40034"]
CODES += ["45009", "41114", "40309", "99999", "40012", "40085", "429", "40808", "40200", "45055"]

processed = st.booleans()
seconds = st.sampled_from([0.3, 1.0, 2.5, 9.0, 30.0])
fraction = st.sampled_from([0.05, 0.3, 1.0])
whole: list[st.SearchStrategy[tuple[str, dict[str, Any]]]] = [
    st.just(("rate_limit", {})),
    st.just(("reset_before", {})),
    st.just(("reset_after", {})),
    st.builds(lambda p, s: ("bad_gateway", {"processed": p, "status": s}), processed, st.sampled_from([500, 502, 504])),
    st.builds(lambda p: ("html", {"processed": p}), processed),
    st.builds(lambda c: ("truncate", {"clean": c}), st.booleans()),
    st.builds(lambda p, s: ("hang", {"processed": p, "seconds": s}), processed, seconds),
    st.builds(lambda s: ("slow_drip", {"seconds": s}), seconds),
    # A refusal that is carried out all the same is told only with codes that admit it.
    st.builds(lambda c: ("refuse", {"code": c}), st.sampled_from(CODES)),
    st.builds(
        lambda c: ("refuse", {"code": c, "processed": True}), st.sampled_from(["40010", "40725", "40910", "40015"])
    ),
]
orderwise: list[st.SearchStrategy[tuple[str, dict[str, Any]]]] = [
    st.builds(lambda c, f: ("refuse_orders", {"code": c, "fraction": f}), st.sampled_from([*CODES, None]), fraction),
    st.builds(lambda p, f: ("drop_ids", {"processed": p, "fraction": f}), processed, fraction),
    st.builds(lambda p: ("empty_lists", {"processed": p}), processed),
    st.builds(
        lambda w, r: ("foreign_ids", {"where": w, "replace": r}),
        st.sampled_from(["success", "failure", "both"]),
        st.booleans(),
    ),
    st.builds(lambda w: ("duplicate_ids", {"where": w}), st.sampled_from(["success", "both"])),
    st.builds(lambda f: ("fill_while_cancelling", {"fraction": f}), fraction),
]
ack_only = st.builds(lambda f: ("ack_only", {"fraction": f}), fraction)

conditions = st.lists(
    st.one_of(
        st.builds(lambda s: ("lagging_book", {"seconds": s}), seconds),
        st.builds(lambda s: ("late_history", {"seconds": s}), seconds),
        st.builds(lambda o: ("clock", {"offset": o}), st.sampled_from([-60.0, 60.0, 5.0])),
        st.just(("chinese", {})),
    ),
    max_size=2,
    unique_by=lambda condition: condition[0],
)


@dataclass(frozen=True)
class Weather:
    """What goes wrong, and how often."""

    kinds: list[tuple[str, dict[str, Any]]]
    probability: float
    conditions: list[tuple[str, dict[str, Any]]]
    lasts: float | None
    rules: dict[str, Any]
    clock_ahead: float
    round_trip: float


@dataclass(frozen=True)
class Plan:
    """What is asked for, of whom, and what the rest of the market does meanwhile."""

    kind: AccountMode
    asked_for: int
    unknown: int
    wrong_symbol: int
    ended_before: int
    plan_orders: int
    wrong_type: int
    triggered_before: int
    by_client_oid: bool
    partially_filled: bool
    others: int
    product_type: str
    chunk_size: int | None
    deadline: float
    verify: bool
    fills_per_request: float
    cancels_per_request: float
    triggers_per_request: float
    ends_early: str
    seed: int
    chance: random.Random = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "chance", random.Random(self.seed))  # noqa: S311  # the same in every run


# What sources leave open of unified accounts; classic ones know none of it.
unified_rules: dict[str, st.SearchStrategy[Any]] = {
    "unified_gone_code": st.sampled_from(["25204", "24056"]),
    "gone_strategy_code": st.sampled_from(["25597", "25204"]),
    "unified_live": st.sampled_from(["live", "new"]),
    "unified_canceled": st.sampled_from(["cancelled", "canceled"]),
    "success_item_code": st.sampled_from(["", "00000", "0"]),
    "nothing_to_cancel": st.sampled_from(["empty", "null", "25204"]),
    "one_way_pos_side": st.sampled_from(["side", "empty"]),
    "strategy_default": st.sampled_from(["all", "tpsl"]),
    "strategy_details": st.booleans(),
    "strategy_status": st.booleans(),
    "unfilled_days": st.sampled_from([0, 90]),
}
rules = st.fixed_dictionaries(
    {},
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
        **unified_rules,
    },
)
plans = st.builds(
    Plan,
    kind=st.sampled_from(KINDS),
    asked_for=st.sampled_from([0, 1, 2, 7, 50, 51, 130, 320]),
    unknown=st.sampled_from([0, 0, 1, 3]),
    wrong_symbol=st.sampled_from([0, 0, 1, 5]),
    ended_before=st.sampled_from([0, 0, 1, 12]),
    plan_orders=st.sampled_from([0, 0, 1, 7, 60, 160]),
    wrong_type=st.sampled_from([0, 0, 1, 5]),
    triggered_before=st.sampled_from([0, 0, 1, 12]),
    by_client_oid=st.booleans(),
    partially_filled=st.booleans(),
    others=st.sampled_from([0, 3, 150]),
    product_type=st.sampled_from(PRODUCT_TYPES),
    chunk_size=st.sampled_from([None, 1, 7, 20, 49, 50]),
    deadline=st.sampled_from([0.5, 3.0, 20.0, 60.0, 300.0]),
    verify=st.sampled_from([True, True, True, False]),
    fills_per_request=st.sampled_from([0.0, 0.0, 0.3, 1.0]),
    cancels_per_request=st.sampled_from([0.0, 0.0, 0.3]),
    triggers_per_request=st.sampled_from([0.0, 0.0, 0.3, 1.0]),
    ends_early=st.sampled_from(["", "", "", "stop", "interrupt"]),
    seed=st.integers(0, 2**32),
)


def weathers(*kinds: st.SearchStrategy[tuple[str, dict[str, Any]]]) -> st.SearchStrategy[Weather]:
    return st.builds(
        Weather,
        kinds=st.lists(st.one_of(*kinds), min_size=1, max_size=6),
        probability=st.sampled_from([0.0, 0.05, 0.2, 0.5, 0.9, 1.0]),
        conditions=conditions,
        lasts=st.sampled_from([None, 2.0, 15.0]),
        rules=rules,
        clock_ahead=st.sampled_from([0.0, 0.0, 45.0, -45.0]),
        round_trip=st.sampled_from([0.001, 0.02, 0.3]),
    )


thoroughly = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@given(plan=plans, weather=weathers(*whole, *orderwise))
@thoroughly
def test_whatever_goes_wrong_the_report_agrees_with_the_books(plan: Plan, weather: Weather) -> None:
    """Every fault but an acknowledgement that is not so; fills and other people's cancels at any moment."""
    run_through(plan, truthful(plan, weather))


@given(plan=plans, weather=weathers(ack_only, *whole, *orderwise))
@thoroughly
def test_acknowledgements_that_are_not_so_never_reach_the_report(plan: Plan, weather: Weather) -> None:
    """Acknowledged and left open, in a market that stands still.

    An order that is acknowledged, left open and then fills before it is read looks just like a cancelled one.
    """
    kinds = [kind for kind in weather.kinds if kind[0] != "fill_while_cancelling"] or [("ack_only", {})]
    calm = {**plan.__dict__, "fills_per_request": 0.0, "cancels_per_request": 0.0, "verify": True}
    calm["triggers_per_request"] = 0.0
    if plan.kind == UNIFIED:
        # So does one that had ended before.
        calm["triggered_before"] = 0
    calm.pop("chance")
    run_through(Plan(**calm), Weather(**{**weather.__dict__, "kinds": kinds}))


def truthful(plan: Plan, weather: Weather) -> Weather:
    """Return the weather without false acknowledgements.

    A unified account takes the cancel of a plan order by saying nothing: to say nothing of one that has ended, or to do
    nothing, is one there. So is to speak of others instead: the answer has no room for their names.
    """
    if plan.kind != UNIFIED or not plan.plan_orders + plan.triggered_before + plan.wrong_type:
        return weather
    kinds = [
        (name, options)
        for name, options in weather.kinds
        if name not in ("empty_lists", "drop_ids") and not options.get("replace")
    ]
    return replace(weather, kinds=kinds or [("rate_limit", {})])


def run_through(plan: Plan, weather: Weather) -> CancelReport:
    """Run one batch cancel in this weather, and hold it against everything that must be true of it."""
    market = Market(
        kind=plan.kind,
        round_trip=weather.round_trip,
        clock_ahead=weather.clock_ahead,
        seed=plan.seed,
        **weather.rules,
    )
    ours, asked = list_of_orders(market, plan)
    plans, asked_plans = list_of_plan_orders(market, plan)
    asked += asked_plans
    plan.chance.shuffle(asked)
    left_alone = place_others(market, plan)
    market.clock.advance(120)
    for kind, options in weather.conditions:
        market.exchange.inject(kind, duration=weather.lasts, **options)
    market.exchange.inject_random(weather.probability, weather.kinds, seed=plan.seed, duration=weather.lasts)
    market.wire.before_arrival.append(rest_of_the_market(market, plan, ours, plans))

    ended_before = frozenset(market.cancelled_by_others)
    started = market.clock.monotonic()
    report = run_to_its_end(market, plan, asked)

    event(f"ended early: {plan.ends_early or 'no'}, error: {type(report.error).__name__}")
    assert_report_matches_books(report, market, asked)
    assert_no_order_open_in_silence(report, market)
    assert_nobody_elses_cancel_is_ours(report, weather, ended_before)
    assert_everything_done_once_the_weather_cleared(report, plan, weather)
    assert market.statuses(left_alone) <= {LIVE}
    assert_end_was_kept(market, plan, started)
    return report


def list_of_orders(market: Market, plan: Plan) -> tuple[list[Order], list[OrderRef]]:
    """Place what will be asked for, and write the list as a desk might: with stale and wrong rows in between."""
    ours: list[Order] = []
    for index, symbol in enumerate(SYMBOLS):
        count = plan.asked_for // len(SYMBOLS) + (index < plan.asked_for % len(SYMBOLS))
        status = PARTIALLY_FILLED if plan.partially_filled and index == 0 else LIVE
        ours += market.place(
            count, symbol, product_type=plan.product_type, client_oids=plan.by_client_oid and index == 1, status=status
        )
    for order in plan.chance.sample(ours, min(plan.ended_before, len(ours))):
        if plan.chance.random() < 0.5:
            market.fill(order)
        else:
            market.cancel_elsewhere(order)
    wrong = market.place(plan.wrong_symbol, "BTCUSDT", product_type=plan.product_type)
    asked = [OrderRef("" if order.client_oid else order.order_id, order.client_oid, order.symbol) for order in ours]
    asked += [OrderRef(order.order_id, "", "ETHUSDT") for order in wrong]
    asked += [OrderRef(str(8_000_000_000_000_000_000 + number), "", "SOLUSDT") for number in range(plan.unknown)]
    return ours, asked


def list_of_plan_orders(market: Market, plan: Plan) -> tuple[list[PlanOrder], list[OrderRef]]:
    """Place plan orders of every type, and list them: some under a type that is not theirs, some have triggered."""
    ours: list[PlanOrder] = []
    for index in range(plan.plan_orders):
        [placed] = market.place_plan(
            1,
            PLAN_TYPES[index % len(PLAN_TYPES)],
            SYMBOLS[index % 2],
            product_type=plan.product_type,
            client_oids=plan.by_client_oid and index % 3 == 0,
        )
        ours.append(placed)
    for placed in plan.chance.sample(ours, min(plan.triggered_before, len(ours))):
        if plan.chance.random() < 0.7:
            market.trigger(placed)
        else:
            market.cancel_plans_elsewhere(placed)
    asked = [
        OrderRef(
            "" if one.client_oid else one.order_id,
            one.client_oid,
            one.symbol,
            plan_type_shown(market.kind, one.plan_type),
        )
        for one in ours
    ]
    wrong = market.place_plan(plan.wrong_type, "pos_loss", "SOLUSDT", product_type=plan.product_type)
    types = ("normal_plan", "loss_plan", "track_plan")
    asked += [OrderRef(one.order_id, "", one.symbol, types[index % 3]) for index, one in enumerate(wrong)]
    return ours, asked


def place_others(market: Market, plan: Plan) -> list[AnyOrder]:
    """Place orders and plan orders that nobody asked for, of every product type."""
    others: list[AnyOrder] = []
    for product_type in PRODUCT_TYPES:
        others += market.place(plan.others // len(PRODUCT_TYPES), None, product_type=product_type)
        if plan.plan_orders:
            others += market.place_plan(
                plan.others // 6, plan.chance.choice(PLAN_TYPES), None, product_type=product_type
            )
    return others


def rest_of_the_market(
    market: Market, plan: Plan, ours: list[Order], plans: list[PlanOrder]
) -> Callable[[SentRequest], None]:
    """Return what happens before each request arrives: fills, triggers, and cancels by other programs."""

    def act(request: SentRequest) -> None:
        for likelihood, end in (
            (plan.fills_per_request, market.fill),
            (plan.cancels_per_request, market.cancel_elsewhere),
        ):
            if ours and plan.chance.random() < likelihood:
                order = plan.chance.choice(ours)
                if market.status(order) in OPEN_STATUSES:
                    end(order)
        if plans and plan.chance.random() < plan.triggers_per_request:
            chosen = plan.chance.choice(plans)
            child = market.child_of(chosen)
            if market.status(chosen) == LIVE:
                market.trigger(chosen)
            elif child is not None and child.is_open and plan.chance.random() < 0.5:
                market.fill(child)

    return act


def run_to_its_end(market: Market, plan: Plan, asked: list[OrderRef]) -> CancelReport:
    workers = OneAtATime(plan.chance).on(market.clock)
    run = market.prepare(
        asked,
        workers=workers,
        product_type=plan.product_type,
        chunk_size=plan.chunk_size,
        deadline=plan.deadline,
        verify=plan.verify,
    )
    if plan.ends_early == "stop":
        market.clock.at(market.clock.monotonic() + plan.chance.uniform(0, 5), run.request_stop)
    elif plan.ends_early == "interrupt":
        workers.interrupt_after = plan.chance.randrange(1, 12)
        workers.result_arrives = plan.chance.random() < 0.5
    try:
        return run.run()
    except Interrupt:
        return run.report()


def assert_no_order_open_in_silence(report: CancelReport, market: Market) -> None:
    """An order that is open, or whose trigger placed one that is, is one that the report calls failed or unresolved."""
    for outcome in report.outcomes:
        found: list[AnyOrder | None] = [market.find(outcome.ref)]
        if outcome.ref.plan_type:
            placed = market.find_plan(outcome.ref)
            found = [placed, market.child_of(placed) if placed else None]
        if any(order is not None and order.is_open for order in found):
            assert outcome.bucket in (Bucket.FAILED, Bucket.UNRESOLVED)


def assert_nobody_elses_cancel_is_ours(report: CancelReport, weather: Weather, ended_before: frozenset[str]) -> None:
    """An order that somebody cancelled minutes before we began was not cancelled by us."""
    if any(name == "clock" for name, _ in weather.conditions):
        return  # An exchange whose clock jumps by a minute cannot say what came first.
    for outcome in report.in_bucket(Bucket.CANCELLED):
        assert outcome.ref.order_id not in ended_before


def assert_everything_done_once_the_weather_cleared(report: CancelReport, plan: Plan, weather: Weather) -> None:
    """Faults that end leave nothing undone that a run with minutes to spare can still do."""
    read_refused = any(
        name == "refuse" and category_of(options["code"]) in NEVER_READ_AGAIN for name, options in weather.kinds
    )
    cleared = (weather.lasts is not None and not read_refused) or weather.probability == 0.0
    if not cleared or plan.deadline < 300 or plan.ends_early or report.error is not None:
        return
    event("the weather cleared")
    for outcome in report.in_bucket(Bucket.UNRESOLVED):
        said_gone = category_of(outcome.code) is ErrorCategory.GONE
        assert said_gone or outcome.state == "triggered" or outcome.detail in ("not_found", "ambiguous"), outcome


def assert_end_was_kept(market: Market, plan: Plan, started: float) -> None:
    """No request after the deadline, and the report at most two seconds later."""
    assert all(request.moment <= started + plan.deadline for request in market.wire.sent)
    assert market.clock.monotonic() <= started + plan.deadline + 2.0 + 0.5
    assert {request.endpoint for request in market.wire.sent if request.method == "POST"} <= {CANCELS, PLAN_CANCELS}
