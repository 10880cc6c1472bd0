# SPDX-License-Identifier: Apache-2.0
"""An exchange on a clock that only the test moves, and a desk that trades there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_bitget.sandbox import Account, Exchange, Rules, VirtualClock, numbered_account
from tests.unit.sandbox.desk import Desk, UnifiedDesk

MakeDesk = Callable[..., Desk]
MakeUnifiedDesk = Callable[..., UnifiedDesk]


@pytest.fixture
def make_desk() -> MakeDesk:
    """Return a desk at an exchange with rules of its own."""

    def make(*accounts: Account, **rules: Any) -> Desk:
        clock = VirtualClock()
        exchange = Exchange(clock, accounts=accounts or 1, rules=Rules(**rules))
        return Desk(exchange, clock, exchange.accounts[0])

    return make


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    """Return a desk at an exchange with the default rules."""
    return make_desk()


@pytest.fixture
def make_unified_desk() -> MakeUnifiedDesk:
    """Return a desk with a unified account, at an exchange with rules of its own."""

    def make(*accounts: Account, **rules: Any) -> UnifiedDesk:
        clock = VirtualClock()
        made_up = (numbered_account(mode="unified"),)
        exchange = Exchange(clock, accounts=accounts or made_up, rules=Rules(**rules))
        return UnifiedDesk(exchange, clock, exchange.accounts[0])

    return make


@pytest.fixture
def unified_desk(make_unified_desk: MakeUnifiedDesk) -> UnifiedDesk:
    """Return a desk with a unified account, at an exchange with the default rules."""
    return make_unified_desk()
