# SPDX-License-Identifier: Apache-2.0
"""An exchange with empty books on the loopback, once for each kind of account, and the connection that leads there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_bitget.sandbox import Sandbox
from tests.kinds import KINDS, sandbox_of


@pytest.fixture(params=KINDS)
def sandbox(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with sandbox_of(request.param) as exchange:
        monkeypatch.setenv("AIRFLOW_CONN_BITGET_DEFAULT", exchange.connection_json)
        yield exchange
