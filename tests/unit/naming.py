# SPDX-License-Identifier: Apache-2.0
"""Names of test cases: the same in every process, so that the cases can be dealt out to several."""

from __future__ import annotations

import re


def named(value: object) -> str:
    """Return what a value looks like, without where in memory it lies."""
    return re.sub(r" at 0x[0-9a-f]+", "", getattr(value, "__qualname__", repr(value)))
