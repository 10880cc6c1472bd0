# SPDX-License-Identifier: Apache-2.0
"""Long lists say about every two seconds how far they are; short ones say nothing."""

from __future__ import annotations

import pytest

from airflow_provider_bitget.trading.progress import Progress
from tests.unit.trading.market import MarketClock


@pytest.fixture
def clock() -> MarketClock:
    return MarketClock()


@pytest.fixture(autouse=True)
def _listen(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="airflow_provider_bitget.trading.progress")


def tick_for(progress: Progress, clock: MarketClock, seconds: float, step: float = 0.1) -> None:
    for _ in range(round(seconds / step)):
        clock.advance(step)
        progress.tick()


def test_nothing_is_said_in_the_first_two_seconds(clock: MarketClock, caplog: pytest.LogCaptureFixture) -> None:
    tick_for(Progress(500, clock, lambda: (100, 0)), clock, 1.9)
    assert caplog.messages == []


@pytest.mark.parametrize("step", [0.01, 0.1, 0.7])
def test_a_line_about_every_two_seconds(clock: MarketClock, caplog: pytest.LogCaptureFixture, step: float) -> None:
    tick_for(Progress(500, clock, lambda: (100, 0)), clock, 20, step)
    assert 7 <= len(caplog.messages) <= 10


def test_line_tells_done_total_percent_failed_and_time_left(
    clock: MarketClock, caplog: pytest.LogCaptureFixture
) -> None:
    progress = Progress(5_000, clock, lambda: (1_250, 7))
    clock.advance(4)
    progress.tick()
    [line] = caplog.messages
    for part in ("1250 of 5000", "25 %", "7 refused", "about 12 s left"):
        assert part in line


def test_before_the_first_answer_the_time_left_is_unknown(clock: MarketClock, caplog: pytest.LogCaptureFixture) -> None:
    tick_for(Progress(10, clock, lambda: (0, 0)), clock, 3)
    assert "time left unknown" in caplog.messages[0]


def test_empty_list_does_not_trip_over_itself(clock: MarketClock, caplog: pytest.LogCaptureFixture) -> None:
    tick_for(Progress(0, clock, lambda: (0, 0)), clock, 3)
    assert "100 %" in caplog.messages[0]


def test_orders_are_counted_for_a_line_only(clock: MarketClock) -> None:
    """Counting walks the whole list, and a tick comes with every answer."""
    asked = []

    def count() -> tuple[int, int]:
        asked.append(clock.monotonic())
        return 0, 0

    tick_for(Progress(10, clock, count), clock, 10, 0.01)
    assert len(asked) <= 5
