# SPDX-License-Identifier: Apache-2.0
"""Hooks whose connection leads to an exchange on the loopback."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airflow_provider_bitget.api import client as client_module
from airflow_provider_bitget.api.rate_limit import LimiterRegistry
from airflow_provider_bitget.hooks.bitget import BitgetHook
from airflow_provider_bitget.sandbox import Account, Sandbox
from tests.kinds import KINDS, sandbox_of

MakeHook = Callable[..., BitgetHook]


@pytest.fixture(scope="module", params=KINDS)
def exchange(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with sandbox_of(request.param) as running:
        yield running


@pytest.fixture
def sandbox(exchange: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """An exchange with empty books, whose limits no other test has used up."""
    limiters = LimiterRegistry()
    monkeypatch.setattr(client_module, "shared_limiters", lambda: limiters)
    exchange.reset(0, pending_returns="live")
    return exchange


@pytest.fixture
def make_hook(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeHook]:
    made: list[BitgetHook] = []

    def make(*, account: Account | None = None, extra: dict[str, Any] | None = None, **fields: Any) -> BitgetHook:
        connection = (account or sandbox.accounts[0]).connection(sandbox.url)
        connection = {**connection, **fields, "extra": {**connection["extra"], **(extra or {})}}
        monkeypatch.setenv("AIRFLOW_CONN_BITGET_DEFAULT", json.dumps(connection))
        made.append(BitgetHook())
        return made[-1]

    yield make
    for hook in made:
        hook.close()


@pytest.fixture
def hook(make_hook: MakeHook) -> BitgetHook:
    return make_hook()
