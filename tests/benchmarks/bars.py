# SPDX-License-Identifier: Apache-2.0
"""What the provider sets itself on speed and memory, and whether it is so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.benchmarks.cell import Measurement
from tests.benchmarks.clients import OURS
from tests.benchmarks.exchange_process import Setting
from tests.benchmarks.speed import JITTERED, LARGE, LONG_LISTS, NEW_CONNECTIONS, VERY_LARGE
from tests.benchmarks.tables import NOTHING, Column, number, render_table

MOST_FLOORS: Final = 1.05
MOST_FLOORS_VERY_LARGE: Final = 1.04
MOST_MIB: Final = 60.0
MOST_CPU_SECONDS: Final = 5.0
MOST_GROWTH: Final = 0.20

Finding = tuple[str, bool]

_COLUMNS: Final = (Column("what"), Column("bar"), Column("measured"), Column("met"))


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar and what came of it.

    :param what: what is measured.
    :param bar: what it shall be.
    :param measured: what it is, in words.
    :param is_met: whether that is good enough, ``None`` where it was not measured.
    """

    what: str
    bar: str
    measured: str
    is_met: bool | None


def bars_of(measurements: Sequence[Measurement]) -> list[Bar]:
    """Return every bar on speed and memory.

    :param measurements: what was measured.
    """
    ours = {one.setting: one for one in measurements if one.client == OURS}
    exact = "no 429, none left, none misreported"
    return [
        *(_bar(ours, f"at most {MOST_FLOORS:g} × floor, {exact}", swift_and_exact, one) for one in LONG_LISTS),  # noqa: RUF001
        _bar(ours, "no 429, none left", _unrefused, JITTERED),
        *(_bar(ours, "none left", _complete, one) for one in NEW_CONNECTIONS),
        _bar(ours, f"at most {MOST_FLOORS_VERY_LARGE:g} × floor", _swift, VERY_LARGE),  # noqa: RUF001
        _bar(ours, f"at most {MOST_MIB:g} MiB", _small, VERY_LARGE),
        _bar(ours, f"at most {MOST_CPU_SECONDS:g} s of CPU", _light, VERY_LARGE),
        _growth(ours.get(LARGE), ours.get(VERY_LARGE)),
    ]


def bars_table(bars: Sequence[Bar]) -> str:
    """Return the bars as a table.

    :param bars: a row each.
    """
    return render_table(_COLUMNS, [[one.what, one.bar, one.measured, met(one.is_met)] for one in bars])


def met(is_met: bool | None) -> str:
    """Return a verdict in words.

    :param is_met: ``None`` where it was not measured.
    """
    return {True: "met", False: "**not met**", None: "not measured"}[is_met]


def growth_of_cpu_per_order(small: Measurement, large: Measurement) -> float:
    """Return by which part the processor time of one order grows from a short list to a long one."""
    before = small.reading.cpu / small.setting.orders
    return large.reading.cpu / large.setting.orders / before - 1


def swift_and_exact(one: Measurement) -> Finding:
    """Return what a long list took and lost, in words, and whether that is good enough.

    :param one: what was measured.
    """
    words, is_met = _unrefused(one)
    is_swift = one.ratio is not None and one.ratio <= MOST_FLOORS
    return (
        f"{number(one.ratio, 3)}, {words}, {one.verdict.misreported} misreported",
        is_met and is_swift and one.verdict.misreported == 0,
    )


def _bar(
    ours: Mapping[Setting, Measurement], bar: str, judge: Callable[[Measurement], Finding], setting: Setting
) -> Bar:
    peculiarity = f", {setting.peculiarity}" if setting.peculiarity else ""
    what = f"{setting.orders:,} orders at {setting.latency_ms} ms{peculiarity}"
    found = ours.get(setting)
    measured, is_met = (NOTHING, None) if found is None else judge(found)
    return Bar(what, bar, measured, is_met)


def _unrefused(one: Measurement) -> Finding:
    words, is_met = _complete(one)
    return f"{one.refused_429} 429s, {words}", is_met and one.refused_429 == 0


def _complete(one: Measurement) -> Finding:
    return f"{one.verdict.left_open} left", one.verdict.left_open == 0


def _swift(one: Measurement) -> Finding:
    return number(one.ratio, 3), one.ratio is not None and one.ratio <= MOST_FLOORS_VERY_LARGE


def _small(one: Measurement) -> tuple[str, bool]:
    peak = one.reading.peak_mib
    return f"{number(peak, 1)} MiB", peak is not None and peak <= MOST_MIB


def _light(one: Measurement) -> Finding:
    return f"{one.reading.cpu:.2f} s", one.reading.cpu <= MOST_CPU_SECONDS


def _growth(small: Measurement | None, large: Measurement | None) -> Bar:
    what = f"CPU per order, {LARGE.orders:,} to {VERY_LARGE.orders:,} orders"
    bar = f"grows by at most {MOST_GROWTH:.0%}"
    if small is None or large is None:
        return Bar(what, bar, NOTHING, None)
    growth = growth_of_cpu_per_order(small, large)
    return Bar(what, bar, f"{growth:+.0%}", growth <= MOST_GROWTH)
