# SPDX-License-Identifier: Apache-2.0
"""The benchmark's own arithmetic, on made-up data: what it prints must be true of what it measured."""

from __future__ import annotations

from itertools import product

import pytest

from tests.benchmarks.bars import bars_of, growth_of_cpu_per_order
from tests.benchmarks.cell import Measurement
from tests.benchmarks.claims import Claim, Verdict, claims_of, compare_with_books
from tests.benchmarks.clients import CCXT_SYNC, OURS
from tests.benchmarks.clients.meter import Reading
from tests.benchmarks.exchange_process import Setting
from tests.benchmarks.fault_cases import CASES, PLAIN, QUICK, FaultCase
from tests.benchmarks.faults import FaultFinding
from tests.benchmarks.flatten import FlattenFinding, Phase, dependent_steps
from tests.benchmarks.floor import floor_seconds
from tests.benchmarks.page import page_of
from tests.benchmarks.speed import LARGE, LATENCIES_MS, VERY_LARGE
from tests.benchmarks.tables import Column, render_table
from tests.benchmarks.unified import FOUND_OUT, LISTS, is_met
from tests.benchmarks.unified import QUICK as QUICK_UNIFIED

EXACT = Verdict(left_open=0, misreported=0, unknown=0)
UNIFIED = Setting(400, 100, account="unified")


def measurement(
    setting: Setting,
    *,
    wall: float = 1.0,
    cpu: float = 0.1,
    verdict: Verdict = EXACT,
    refused_429: int = 0,
    client: str = OURS,
    cancels: int = 1,
    requests: int = 2,
) -> Measurement:
    """What a cell might have shown."""
    reading = Reading(wall, cpu, peak_mib=10.0)
    return Measurement(client, setting, reading, verdict, "report", refused_429, cancels, requests)


def verdict_on(setting: Setting, one: Measurement) -> list[bool | None]:
    what = f"{setting.orders:,} orders at {setting.latency_ms} ms"
    return [bar.is_met for bar in bars_of([one]) if bar.what == what]


# ----------------------------------------------------------------------------------------------------- floor


@pytest.mark.parametrize(
    ("orders", "round_trip", "seconds"),
    [
        (50, 0.0, 0.0),
        (500, 0.1, 0.2),
        (501, 0.0, 0.1),
        (5_000, 0.0, 9.0),
        (5_000, 0.3, 9.6),
        (50_000, 0.1, 99.2),
    ],
)
def test_floor_is_what_the_limit_lets_through_and_two_round_trips(
    orders: int, round_trip: float, seconds: float
) -> None:
    assert floor_seconds(orders, round_trip) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("orders", "round_trip", "seconds"),
    [(100, 0.0, 0.0), (101, 0.0, 0.2), (400, 0.0, 3.0), (400, 0.3, 3.6), (5_000, 0.1, 49.2)],
)
def test_floor_of_a_unified_account_is_that_of_its_own_limit(orders: int, round_trip: float, seconds: float) -> None:
    assert floor_seconds(orders, round_trip, "unified") == pytest.approx(seconds)


def test_ratio_is_to_the_floor_of_the_kind_of_account() -> None:
    setting = Setting(400, 300, account="unified")

    assert measurement(setting, wall=3.78).floor == pytest.approx(3.6)
    assert measurement(setting, wall=3.78).ratio == pytest.approx(1.05)


def test_no_ratio_is_given_where_the_floor_is_zero() -> None:
    assert measurement(Setting(50, 0)).ratio is None
    assert measurement(Setting(5_000, 0), wall=9.9).ratio == pytest.approx(1.1)


# ---------------------------------------------------------------------------------------------------- claims


@pytest.mark.parametrize(
    ("claim", "state"),
    [
        (Claim.CANCELLED, "canceled"),
        (Claim.FILLED, "filled"),
        (Claim.OPEN, "live"),
        (Claim.OPEN, "partially_filled"),
        (Claim.NOT_SENT, "live"),
        (Claim.NOT_SENT, "filled"),
    ],
)
def test_a_true_word_is_not_misreported(claim: Claim, state: str) -> None:
    verdict = compare_with_books({"1": claim}, {"1": state})

    assert verdict.is_exact


@pytest.mark.parametrize(
    ("claim", "state"),
    [
        (Claim.CANCELLED, "live"),
        (Claim.CANCELLED, "filled"),
        (Claim.CANCELLED_BEFORE, "canceled"),
        (Claim.FILLED, "canceled"),
        (Claim.OPEN, "canceled"),
        (Claim.OPEN, "filled"),
        (Claim.NOT_SENT, "canceled"),
    ],
)
def test_a_false_word_is_misreported(claim: Claim, state: str) -> None:
    assert compare_with_books({"1": claim}, {"1": state}).misreported == 1


def test_an_order_passed_over_in_silence_is_misreported_however_it_ended() -> None:
    verdict = compare_with_books({}, {"1": "canceled", "2": "live"})

    assert (verdict.misreported, verdict.left_open) == (2, 1)


def test_an_order_that_nobody_asked_for_is_misreported() -> None:
    verdict = compare_with_books({"1": Claim.CANCELLED, "99": Claim.CANCELLED}, {"1": "canceled"})

    assert (verdict.misreported, verdict.is_exact) == (1, False)


def test_not_knowing_is_no_misreport_and_not_exact() -> None:
    verdict = compare_with_books({"1": Claim.UNKNOWN, "2": Claim.UNKNOWN}, {"1": "canceled", "2": "live"})

    assert verdict == Verdict(left_open=1, misreported=0, unknown=2)
    assert not verdict.is_exact


def test_a_success_outweighs_the_exception_of_another_call() -> None:
    assert claims_of(["1"], ["1", "2"]) == {"1": Claim.CANCELLED, "2": Claim.UNKNOWN}


# ---------------------------------------------------------------------------------------------------- tables


def test_table_is_markdown_whose_columns_line_up() -> None:
    table = render_table([Column("client"), Column("s", is_number=True)], [["ours", "9.31"], ["a|b", "15.2"]])

    assert table.splitlines() == [
        "| client |    s |",
        "| ------ | ---: |",
        "| ours   | 9.31 |",
        "| a\\|b   | 15.2 |",
    ]


def test_row_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="argument"):
        render_table([Column("one"), Column("two")], [["1", "2", "3"]])


def test_page_says_how_many_bars_are_met_and_which_are_not() -> None:
    slow = measurement(LARGE, wall=20.0)
    page = page_of([slow], [], [FaultFinding(CASES[0], measurement(PLAIN), measurement(PLAIN))], "- made up")

    assert "Of the 2 bars that were measured, **1 are met**." in page
    assert page.count("**not met**") == 1
    assert "- made up" in page


# ------------------------------------------------------------------------------------------------------ bars


@pytest.mark.parametrize(
    ("one", "is_met"),
    [
        (measurement(LARGE, wall=9.66), True),
        (measurement(LARGE, wall=9.67), False),
        (measurement(LARGE, wall=9.3, refused_429=1), False),
        (measurement(LARGE, wall=9.3, verdict=Verdict(1, 0, 0)), False),
        (measurement(LARGE, wall=9.3, verdict=Verdict(0, 1, 0)), False),
    ],
)
def test_long_list_must_be_swift_and_exact(one: Measurement, is_met: bool) -> None:
    assert verdict_on(LARGE, one) == [is_met]


def test_bars_judge_this_provider_only() -> None:
    assert verdict_on(LARGE, measurement(LARGE, wall=9.3, client=CCXT_SYNC)) == [None]


def test_growth_compares_the_processor_time_of_one_order() -> None:
    short, long = measurement(LARGE, cpu=0.4), measurement(VERY_LARGE, cpu=4.4)

    assert growth_of_cpu_per_order(short, long) == pytest.approx(0.1)


# ------------------------------------------------------------------------------------------ unified accounts


@pytest.mark.parametrize(
    ("one", "verdict"),
    [
        (measurement(UNIFIED, wall=3.35), True),
        (measurement(UNIFIED, wall=3.37), False),
        (measurement(UNIFIED, wall=3.3, refused_429=1), False),
        (measurement(UNIFIED, wall=3.3, verdict=Verdict(1, 0, 0)), False),
        (measurement(UNIFIED, wall=3.3, verdict=Verdict(0, 1, 0)), False),
        (measurement(FOUND_OUT, wall=3.5), None),
    ],
)
def test_list_on_a_unified_account_must_be_swift_and_exact(one: Measurement, verdict: bool | None) -> None:
    assert is_met(one) is verdict


def test_every_number_of_orders_and_every_round_trip_has_a_bar_on_unified_accounts() -> None:
    assert {(one.orders, one.latency_ms) for one in LISTS} == set(product((400, 5_000), LATENCIES_MS))
    assert all(is_met(measurement(one, wall=0.0)) is not None for one in (*LISTS, *QUICK_UNIFIED))


def test_page_counts_the_bars_of_unified_accounts_and_shows_their_requests() -> None:
    found_out = measurement(FOUND_OUT, wall=3.41, cancels=20, requests=29)
    page = page_of([], [measurement(UNIFIED, wall=3.3), measurement(UNIFIED, wall=5.0), found_out], [], "- made up")

    section = page.partition("## Unified accounts")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")] for line in section.splitlines() if line.startswith("|")]
    assert "Of the 2 bars that were measured, **1 are met**." in page
    assert [row[-2] for row in rows[2:]] == ["met", "**not met**", ""]
    assert rows[-1][1:9] == ["400", "100 ms", "auto", "3.41", "3.20", "1.066", "20", "29"]


# ---------------------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("faulty", "is_met"),
    [
        (measurement(PLAIN, wall=5.9), True),
        (measurement(PLAIN, wall=6.1), False),
        (measurement(PLAIN, verdict=Verdict(1, 0, 0)), True),
        (measurement(PLAIN, verdict=Verdict(2, 0, 0)), False),
        (measurement(PLAIN, verdict=Verdict(0, 1, 0)), False),
        (measurement(PLAIN, verdict=Verdict(0, 0, 1)), False),
        (measurement(PLAIN, client=CCXT_SYNC), None),
    ],
)
def test_fault_may_cost_its_own_time_and_three_seconds_and_no_truth(faulty: Measurement, is_met: bool | None) -> None:
    case = FaultCase("made up", own_seconds=2.0, stays_open=1)

    assert FaultFinding(case, faulty, measurement(PLAIN, wall=1.0)).is_met is is_met


def test_seconds_longer_count_neither_the_list_nor_the_fault_itself() -> None:
    case = FaultCase("made up", own_seconds=2.0, looked_up=True)
    plain = measurement(PLAIN, wall=1.0)

    assert FaultFinding(case, measurement(PLAIN, wall=4.5), plain).longer == pytest.approx(1.5)
    assert FaultFinding(case, measurement(PLAIN, wall=1.1), plain).longer == 0.0
    assert FaultFinding(case, measurement(PLAIN, wall=7.9), plain).is_met


def test_faults_have_names_of_their_own() -> None:
    names = [case.name for case in CASES]

    assert len(set(names)) == len(names)
    assert set(names) >= QUICK


# --------------------------------------------------------------------------------------------- the end of the day


@pytest.mark.parametrize(
    ("calls", "steps"),
    [
        ([], 0),
        ([(0.0, 0.1)], 1),
        ([(0.0, 0.1), (0.0, 0.3), (0.05, 0.2)], 1),
        ([(0.0, 0.1), (0.1, 0.2), (0.25, 0.3)], 3),
        # The third waits for the first only; the fourth for the third.
        ([(0.0, 0.1), (0.0, 0.5), (0.1, 0.2), (0.3, 0.4)], 3),
    ],
)
def test_steps_are_the_longest_chain_of_calls_that_waited_for_each_other(
    calls: list[tuple[float, float]], steps: int
) -> None:
    assert dependent_steps(calls) == steps


def test_floor_of_a_phase_is_its_busiest_queue_and_its_steps() -> None:
    phase = Phase("close", {"orders-pending": 30, "close-positions": 4}, steps=2, wall=3.5)

    assert phase.floor == pytest.approx(3.0 + 2 * 0.1)


@pytest.mark.parametrize(
    ("finding", "is_met"),
    [
        (FlattenFinding((Phase("a", {"x": 20}, 1, 1.43),), 0, True, 0), True),
        (FlattenFinding((Phase("a", {"x": 20}, 1, 1.44),), 0, True, 0), False),
        (FlattenFinding((Phase("a", {"x": 20}, 1, 1.0),), 1, True, 0), False),
        (FlattenFinding((Phase("a", {"x": 20}, 1, 1.0),), 0, False, 0), False),
        (FlattenFinding((Phase("a", {"x": 20}, 1, 1.0),), 0, True, 1), False),
    ],
)
def test_bar_of_the_end_of_the_day_asks_for_speed_truth_and_patience(finding: FlattenFinding, is_met: bool) -> None:
    assert finding.is_met is is_met
