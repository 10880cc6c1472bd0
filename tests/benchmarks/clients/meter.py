# SPDX-License-Identifier: Apache-2.0
"""Time, processor time and memory of this process, from a moment on."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_STATUS: Final = Path("/proc/self/status")
_CLEAR_REFS: Final = Path("/proc/self/clear_refs")
_RESET_PEAK: Final = "5"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a piece of work cost.

    :param wall: seconds.
    :param cpu: seconds of processor time, user and system, all threads.
    :param peak_mib: MiB by which the resident memory rose at its highest, ``None`` where the system cannot tell.
    """

    wall: float
    cpu: float
    peak_mib: float | None


class MemoryMeter:
    """Measures from its making on how far the resident memory rises (Linux only)."""

    def __init__(self) -> None:
        self._before = self._reset()

    def peak_mib(self) -> float | None:
        """Return the highest rise since the making, in MiB."""
        return None if self._before is None else (_field("VmHWM") - self._before) / 1024

    @staticmethod
    def _reset() -> int | None:
        try:
            _CLEAR_REFS.write_text(_RESET_PEAK)
            return _field("VmRSS")
        except OSError:
            return None


class Stopwatch:
    """Measures time and processor time from its making on."""

    def __init__(self) -> None:
        self._wall = time.perf_counter()
        self._cpu = time.process_time()

    def stop(self, memory: MemoryMeter) -> Reading:
        """Return what was used since the making.

        :param memory: where the rise of memory comes from.
        """
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return Reading(wall, cpu, memory.peak_mib())


def _field(name: str) -> int:
    """Return a field of the process's status, in KiB."""
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1])
