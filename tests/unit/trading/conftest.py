# SPDX-License-Identifier: Apache-2.0
"""A market with the exchange's default rules."""

from __future__ import annotations

import pytest

from tests.unit.trading.market import Market


@pytest.fixture
def market() -> Market:
    """Return an exchange with one classic account, 20 ms away."""
    return Market()
