# SPDX-License-Identifier: Apache-2.0
"""Speed of this provider on unified accounts, whose lists are cancelled in smaller requests and fewer a second."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from tests.benchmarks.bars import met, swift_and_exact
from tests.benchmarks.cell import Measurement, measure
from tests.benchmarks.clients import OURS
from tests.benchmarks.exchange_process import Setting
from tests.benchmarks.speed import LATENCIES_MS
from tests.benchmarks.tables import Column, number, render_table

LISTS: Final = tuple(Setting(orders, latency, account="unified") for orders in (400, 5_000) for latency in LATENCIES_MS)
"""As many orders as such an account may have open, and as many as in the longest lists side by side."""

FOUND_OUT: Final = Setting(400, 100, account="unified", account_mode="auto")
"""The connection does not tell the kind of account."""

QUICK: Final = (Setting(400, 20, account="unified"),)

_COLUMNS: Final = (
    Column("orders", is_number=True),
    Column("round trip", is_number=True),
    Column("account_mode"),
    Column("wall s", is_number=True),
    Column("floor s", is_number=True),
    Column("× floor", is_number=True),  # noqa: RUF001  # the sign for "times"
    Column("cancels", is_number=True),
    Column("all", is_number=True),
    Column("429s", is_number=True),
    Column("left open", is_number=True),
    Column("misreported", is_number=True),
    Column("CPU s", is_number=True),
    Column("peak MiB", is_number=True),
    Column("bar"),
)


def cells(*, quick: bool) -> Iterator[Setting]:
    """Yield the exchange of every cell.

    :param quick: only a few.
    """
    yield from QUICK if quick else (*LISTS, FOUND_OUT)


def measure_unified(*, quick: bool) -> list[Measurement]:
    """Run every cell, one after the other.

    :param quick: only a few.
    """
    return [
        measure(OURS, setting, name=f"unified account, account_mode {_account_mode(setting)}")
        for setting in cells(quick=quick)
    ]


def is_met(one: Measurement) -> bool | None:
    """Return whether the bar is met; ``None`` where the kind of account had to be found out first.

    :param one: what was measured.
    """
    return swift_and_exact(one)[1] if one.setting in LISTS else None


def unified_table(measurements: Sequence[Measurement]) -> str:
    """Return the table.

    :param measurements: a row each.
    """
    return render_table(_COLUMNS, [_row(one) for one in measurements])


def _row(one: Measurement) -> list[str]:
    verdict = is_met(one)
    return [
        f"{one.setting.orders:,}",
        f"{one.setting.latency_ms} ms",
        _account_mode(one.setting),
        number(one.reading.wall, 2),
        number(one.floor, 2),
        number(one.ratio, 3),
        str(one.cancels),
        str(one.requests),
        str(one.refused_429),
        str(one.verdict.left_open),
        str(one.verdict.misreported),
        number(one.reading.cpu, 2),
        number(one.reading.peak_mib, 1),
        "" if verdict is None else met(verdict),
    ]


def _account_mode(setting: Setting) -> str:
    return setting.account_mode or setting.account
