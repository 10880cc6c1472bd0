# SPDX-License-Identifier: Apache-2.0
"""The same market as the tests of trading have."""

from __future__ import annotations

from tests.unit.trading.conftest import market

__all__ = ["market"]
