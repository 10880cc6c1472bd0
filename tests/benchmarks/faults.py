# SPDX-License-Identifier: Apache-2.0
"""Speed and truth while something goes wrong: each fault beside the same list without it, and the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.benchmarks.bars import met
from tests.benchmarks.cell import Measurement, measure
from tests.benchmarks.clients import LABELS, OURS
from tests.benchmarks.fault_cases import CASES, PLAIN, QUICK, FaultCase
from tests.benchmarks.tables import Column, number, render_table

_COLUMNS: Final = (
    Column("fault"),
    Column("client"),
    Column("report exact"),
    Column("left open", is_number=True),
    Column("misreported", is_number=True),
    Column("unknown", is_number=True),
    Column("wall s", is_number=True),
    Column("without s", is_number=True),
    Column("fault's own s", is_number=True),
    Column("longer s", is_number=True),
    Column("the caller sees"),
    Column("bar"),
)


@dataclass(frozen=True, slots=True)
class FaultFinding:
    """What one fault did to one client.

    :param case: the fault.
    :param faulty: the measurement with it.
    :param plain: the measurement without it.
    """

    case: FaultCase
    faulty: Measurement
    plain: Measurement

    @property
    def longer(self) -> float:
        """Seconds that it took longer than without the fault and the fault itself, 0 at least."""
        return max(0.0, self.faulty.reading.wall - self.plain.reading.wall - self.case.own_seconds)

    @property
    def is_met(self) -> bool | None:
        """Whether the provider's bar is met; ``None`` for other clients, which have none."""
        if self.faulty.client != OURS:
            return None
        verdict = self.faulty.verdict
        complete = verdict.left_open <= self.case.stays_open
        return verdict.is_exact and complete and self.longer <= self.case.most_longer


def measure_faults(*, quick: bool) -> list[FaultFinding]:
    """Try every fault on every client, one after the other.

    :param quick: only a few faults.
    """
    plain = {client: measure(client, PLAIN) for client in LABELS}
    cases = [case for case in CASES if not quick or case.name in QUICK]
    return [
        FaultFinding(case, measure(client, case.setting, case.prepare, case.name), plain[client])
        for case in cases
        for client in LABELS
    ]


def fault_table(findings: Sequence[FaultFinding]) -> str:
    """Return the table.

    :param findings: a row each.
    """
    return render_table(_COLUMNS, [_row(one) for one in findings])


def _row(one: FaultFinding) -> list[str]:
    verdict = one.faulty.verdict
    return [
        one.case.name,
        LABELS[one.faulty.client],
        "yes" if verdict.is_exact else "no",
        str(verdict.left_open),
        str(verdict.misreported),
        str(verdict.unknown),
        number(one.faulty.reading.wall, 2),
        number(one.plain.reading.wall, 2),
        number(one.case.own_seconds, 0),
        number(one.longer, 2),
        one.faulty.seen,
        "" if one.is_met is None else f"{one.case.most_longer:.0f} s: {met(one.is_met)}",
    ]
