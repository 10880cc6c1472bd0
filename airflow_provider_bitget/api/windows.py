# SPDX-License-Identifier: Apache-2.0
"""The stretches of time by which the exchange's lists are asked for what is older than they show by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from airflow_provider_bitget.api.rows import DEFAULT_LOOKBACK_DAYS

Window = tuple[int | None, int | None]
"""Start and end in ms since the epoch by the exchange's clock; ``None`` where it is left out."""

_DAY_MS: Final = 86_400_000
_HOUR_MS: Final = 3_600_000
# The exchange allows three months between startTime and endTime; the shortest three have 89 days.
_WINDOW_DAYS: Final = 89
# Neighbouring windows overlap by a day: no order may fall between two of them.
_WINDOW_STEP_DAYS: Final = _WINDOW_DAYS - 1

_HISTORY_WINDOW_DAYS: Final = 29
_HISTORY_DAYS: Final = 90


def windows(now: float, lookback_days: int) -> list[Window]:
    """Return start and end of the stretches of time that reach back so far, newest first.

    The newest has neither: asked for no time, the lists show the last three months.

    :param now: the exchange's clock, in seconds since the epoch.
    """
    stretches: list[Window] = [(None, None)]
    reach = DEFAULT_LOOKBACK_DAYS
    while reach < lookback_days:
        end_ms = int(now * 1000) - len(stretches) * _WINDOW_STEP_DAYS * _DAY_MS
        stretches.append((end_ms - _WINDOW_DAYS * _DAY_MS, end_ms))
        reach = len(stretches) * _WINDOW_STEP_DAYS + 1
    return stretches


def history_windows(now: float) -> Iterator[Window]:
    """Yield the stretches of time that a unified account's histories are asked by, newest first.

    They keep 90 days and take at most 30 between start and end
    (https://www.bitget.com/api-doc/uta/trade/Get-Order-History); what they show without times is not told, so that is
    asked first and the rest after it, with overlaps. The oldest start is an hour younger than 90 days: a request that
    arrives a little later must not ask for more than the exchange keeps.

    :param now: the exchange's clock, in seconds since the epoch.
    """
    yield None, None
    end_ms = int(now * 1000)
    oldest_ms = end_ms - _HISTORY_DAYS * _DAY_MS + _HOUR_MS
    while end_ms > oldest_ms:
        start_ms = max(end_ms - _HISTORY_WINDOW_DAYS * _DAY_MS, oldest_ms)
        yield start_ms, end_ms
        end_ms = start_ms + (_HOUR_MS if start_ms > oldest_ms else 0)
