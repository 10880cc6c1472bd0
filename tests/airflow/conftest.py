# SPDX-License-Identifier: Apache-2.0
"""Airflow with the DAGs of ``tests/dags`` and the examples, and an exchange for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pytest

from airflow_provider_bitget.sandbox import Sandbox
from tests.airflow.dag_runs import RunDag, run_a_dag
from tests.airflow_version import dag_bag, make_outlets_known
from tests.kinds import KINDS, sandbox_of


@pytest.fixture(scope="session")
def bagged_dags(airflow_database: object) -> Mapping[str, Any]:
    """The DAGs of the folder, as Airflow reads them."""
    bag = dag_bag()
    assert bag.import_errors == {}
    make_outlets_known(bag)
    return bag.dags


@pytest.fixture(params=KINDS)
def sandbox(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """An exchange without an order, once for each kind of account, to which ``bitget_default`` leads."""
    with sandbox_of(request.param) as exchange:
        monkeypatch.setenv("AIRFLOW_CONN_BITGET_DEFAULT", exchange.connection_json)
        yield exchange


@pytest.fixture
def run_dag(bagged_dags: Mapping[str, Any]) -> RunDag:
    """Return a function that runs a DAG to its end and tells what became of it."""
    return partial(run_a_dag, bagged_dags)
