# SPDX-License-Identifier: Apache-2.0
"""A chart of a run as inline SVG: open orders above, position value below, over the same time.

Two panels instead of two axes in one, so that no line can be read against the wrong scale. Lines are steps: a number
holds until the next read. Colours are the page's (classes), so that the chart follows a light or a dark scheme.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from html import escape
from typing import Any, Final

from airflow_provider_bitget.flatten_report.plain import decimal_of, moment_of, rows_of

WIDTH: Final = 760
LEFT: Final = 84
RIGHT: Final = 74
TOP: Final = 46
PANEL: Final = 112
GAP: Final = 58
HEIGHT: Final = TOP + 2 * PANEL + GAP + 34
MOST_DOTS: Final = 60
MOST_TICKS: Final = 6
LETTER_WIDTH: Final = 6.6
STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
"""Seconds between two ticks of the time axis."""

Point = tuple[float, Decimal | None]


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that began at a moment of the run.

    :param label: what.
    :param time: when, in seconds since the epoch.
    """

    label: str
    time: float


@dataclass(frozen=True, slots=True)
class _Panel:
    title: str
    top: float
    points: Sequence[Point]
    read: Callable[[Decimal], str]

    @property
    def bottom(self) -> float:
        return self.top + PANEL

    @property
    def most(self) -> Decimal:
        """The largest value: it is the top of the scale."""
        return max((value for _, value in self.points if value is not None), default=Decimal(0))

    def y(self, value: Decimal) -> float:
        return self.bottom - float(max(value, Decimal(0)) / (self.most or 1)) * PANEL


def chart_of(series: Any, marks: Sequence[Mark] = ()) -> str:
    """Return the chart as an ``<svg>`` element, ``""`` where there is no point to draw.

    :param series: points with ``time``, ``orders`` and ``position_value``; a value may be ``None``.
    :param marks: what began when; drawn as lines with their labels.
    """
    rows = [(moment.timestamp(), row) for row in rows_of(series) if (moment := moment_of(row.get("time"))) is not None]
    if not rows:
        return ""
    rows.sort(key=lambda row: row[0])
    panels = [
        _Panel(title, TOP + index * (PANEL + GAP), [(time, decimal_of(row.get(name))) for time, row in rows], read)
        for index, (title, name, read) in enumerate(
            (
                ("Open orders, plan orders included", "orders", "{:,.0f}".format),
                ("Position value", "position_value", _short),
            )
        )
    ]
    scale = _Scale(rows[0][0], rows[-1][0])
    parts = [*_marks(marks, scale, panels), *_time_axis(scale)]
    for panel, style in zip(panels, ("orders", "value"), strict=True):
        parts += [*_frame(panel), *_line(panel, scale, style)]
    label = f"{panels[0].title}, and {panels[1].title.lower()}, from {_clock(scale.first)} to {_clock(scale.last)} UTC"
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">'
        f"<title>{escape(label)}</title>{''.join(parts)}</svg>"
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    """Time to pixels; a run of one moment stands in the middle."""

    first: float
    last: float

    def x(self, time: float) -> float:
        width = WIDTH - LEFT - RIGHT
        if self.last == self.first:
            return LEFT + width / 2
        return LEFT + (time - self.first) / (self.last - self.first) * width

    def ticks(self) -> list[float]:
        """Return round moments, at most six."""
        if self.last == self.first:
            return [self.first]
        span = self.last - self.first
        step = next((step for step in STEPS if span / step <= MOST_TICKS - 1), span)
        first = -(-self.first // step) * step
        return [first + index * step for index in range(int((self.last - first) // step) + 1)]


def _frame(panel: _Panel) -> Iterator[str]:
    """Yield title, scale and ground line of a panel."""
    right = WIDTH - RIGHT
    yield _text(LEFT, panel.top - 24, panel.title, "title")
    for value in dict.fromkeys((panel.most, Decimal(0))):
        y = panel.y(value)
        yield f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield _text(LEFT - 8, y + 4, panel.read(value), "scale end")


def _line(panel: _Panel, scale: _Scale, style: str) -> Iterator[str]:
    """Yield the steps between the points, the points where they are few, and the last value."""
    path, area_path = [], []
    for stretch in _stretches(panel.points):
        xy = [(scale.x(time), panel.y(value)) for time, value in stretch]
        steps = f"M{xy[0][0]:.1f} {xy[0][1]:.1f}" + "".join(f"H{x:.1f}V{y:.1f}" for x, y in xy[1:])
        path.append(steps)
        area_path.append(f"{steps}V{panel.bottom:.1f}H{xy[0][0]:.1f}Z")
    yield f'<path class="area {style}" d="{"".join(area_path)}"/>'
    yield f'<path class="line {style}" d="{"".join(path)}"/>'
    known = [(time, value) for time, value in panel.points if value is not None]
    if len(known) <= MOST_DOTS:
        for time, value in known:
            yield f'<circle class="dot {style}" cx="{scale.x(time):.1f}" cy="{panel.y(value):.1f}" r="2.6"/>'
    if known:
        time, value = known[-1]
        # Below the line where the labels of the marks stand above it.
        y = max(panel.y(value) + 4, panel.top + 16)
        yield _text(scale.x(time) + 9, y, panel.read(value), f"last {style}")
    else:
        yield _text(LEFT + 8, panel.top + PANEL / 2, "never read", "scale")


def _stretches(points: Sequence[Point]) -> list[list[tuple[float, Decimal]]]:
    """Return the points in runs without an unknown value between them."""
    runs: list[list[tuple[float, Decimal]]] = [[]]
    for time, value in points:
        if value is None:
            runs.append([])
        else:
            runs[-1].append((time, value))
    return [run for run in runs if run]


def _marks(marks: Sequence[Mark], scale: _Scale, panels: Sequence[_Panel]) -> Iterator[str]:
    """Yield a line for each mark in every panel; marks that have no room for labels of their own share one."""
    labels: list[tuple[float, str]] = []
    free_from = 0.0
    for mark in sorted(marks, key=lambda one: one.time):
        if not scale.first <= mark.time <= scale.last:
            continue
        x = scale.x(mark.time)
        for panel in panels:
            yield f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{panel.top - 14:.1f}" y2="{panel.bottom:.1f}"/>'
        if x >= free_from:
            labels.append((x, mark.label))
        else:
            x, shared = labels.pop()
            labels.append((x, f"{shared} · {mark.label}"))
        free_from = x + 4 + LETTER_WIDTH * len(labels[-1][1]) + 6
    taken = 0.0
    for x, label in labels:
        width = LETTER_WIDTH * len(label)
        # Not beyond the drawing, if what stands before it leaves room.
        left = max(taken, min(x + 4, WIDTH - width))
        taken = left + width + 6
        yield from (_text(left, panel.top - 6, label, "phase") for panel in panels)


def _time_axis(scale: _Scale) -> Iterator[str]:
    for time in scale.ticks():
        x = scale.x(time)
        yield f'<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="{HEIGHT - 34}" y2="{HEIGHT - 29}"/>'
        yield _text(x, HEIGHT - 14, _clock(time), "scale middle")


def _text(x: float, y: float, text: str, style: str) -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _clock(time: float) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%H:%M:%S}"


def _short(value: Decimal) -> str:
    """Return an amount in at most about seven characters: 950, 41.2k, 3.75M."""
    for size, letter in ((Decimal(10**9), "B"), (Decimal(10**6), "M"), (Decimal(10**4), "k")):
        if value >= size:
            unit = Decimal(1000) if letter == "k" else size
            return f"{value / unit:,.1f}{letter}"
    return f"{value:,.0f}" if value == value.to_integral_value() else f"{value:,.2f}"
