# SPDX-License-Identifier: Apache-2.0
"""An exchange with empty books on the loopback, and the connection that leads there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_bitget.sandbox import Sandbox


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with Sandbox(orders=0) as exchange:
        monkeypatch.setenv("AIRFLOW_CONN_BITGET_DEFAULT", exchange.connection_json)
        yield exchange
