# SPDX-License-Identifier: Apache-2.0
"""Speed, memory and truth without any fault: the cells and their table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from tests.benchmarks.cell import Measurement, measure
from tests.benchmarks.clients import LABELS, OURS
from tests.benchmarks.exchange_process import Setting
from tests.benchmarks.tables import Column, number, render_table

LATENCIES_MS: Final = (0, 20, 100, 300)
LONG_LISTS: Final = tuple(Setting(5_000, latency) for latency in LATENCIES_MS)
SIDE_BY_SIDE: Final = (*(Setting(orders, latency) for orders in (50, 500) for latency in LATENCIES_MS), *LONG_LISTS)
JITTERED: Final = Setting(5_000, 20, jitter_ms=30)
NEW_CONNECTIONS: Final = tuple(Setting(5_000, latency, connection_round_trips=2) for latency in (20, 100))
LARGE: Final = Setting(5_000, 100)
VERY_LARGE: Final = Setting(50_000, 100)
OURS_ONLY: Final = (JITTERED, *NEW_CONNECTIONS, VERY_LARGE)

QUICK: Final = (Setting(50, 0), Setting(500, 20))

_COLUMNS: Final = (
    Column("orders", is_number=True),
    Column("round trip", is_number=True),
    Column("on the line"),
    Column("client"),
    Column("wall s", is_number=True),
    Column("× floor", is_number=True),  # noqa: RUF001  # the sign for "times"
    Column("429s", is_number=True),
    Column("left open", is_number=True),
    Column("misreported", is_number=True),
    Column("CPU s", is_number=True),
    Column("peak MiB", is_number=True),
)


def cells(*, quick: bool) -> Iterator[tuple[Setting, str]]:
    """Yield every cell of the table: the exchange, and the client.

    :param quick: only a few.
    """
    for setting in QUICK if quick else SIDE_BY_SIDE:
        for client in LABELS:
            yield setting, client
    for setting in () if quick else OURS_ONLY:
        yield setting, OURS


def measure_speed(*, quick: bool) -> list[Measurement]:
    """Run every cell, one after the other.

    :param quick: only a few.
    """
    return [measure(client, setting) for setting, client in cells(quick=quick)]


def speed_table(measurements: Sequence[Measurement]) -> str:
    """Return the table.

    :param measurements: a row each.
    """
    return render_table(_COLUMNS, [_row(one) for one in measurements])


def _row(one: Measurement) -> list[str]:
    return [
        f"{one.setting.orders:,}",
        f"{one.setting.latency_ms} ms",
        one.setting.peculiarity,
        LABELS[one.client],
        number(one.reading.wall, 2),
        number(one.ratio, 3),
        str(one.refused_429),
        str(one.verdict.left_open),
        str(one.verdict.misreported),
        number(one.reading.cpu, 2),
        number(one.reading.peak_mib, 1),
    ]
