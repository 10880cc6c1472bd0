# SPDX-License-Identifier: Apache-2.0
"""What is put into the events of a task's outlets, and that nothing there changes what becomes of the task."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import Asset, AssetAlias, BaseOperator

from airflow_provider_bitget.operators import bitget
from airflow_provider_bitget.operators.outlets import put_into_events

FLAT, SEEN = Asset("bitget://desk_a/flat"), Asset("bitget://desk_a/seen")


class Event:
    """What Airflow keeps of an event until the task has succeeded."""

    def __init__(self) -> None:
        self.extra: dict[str, Any] = {}


class Events:
    """Airflow's mapping: an event for everything that may have one."""

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken
        self.of: dict[str, Event] = {}

    def __getitem__(self, outlet: Any) -> Event:
        if self.broken:
            raise RuntimeError("the API server is away")
        if not isinstance(outlet, (Asset, AssetAlias)):
            raise TypeError("no asset")
        return self.of.setdefault(outlet.uri if isinstance(outlet, Asset) else outlet.name, Event())


def a_task(*outlets: Any) -> BaseOperator:
    return BaseOperator(task_id="any", outlets=list(outlets))


def put(task: BaseOperator, **context: Any) -> None:
    put_into_events({"counts": {"cancelled": 3}}, task, context)  # type: ignore[arg-type]


def test_every_outlet_tells_the_same_beside_what_others_have_put_there() -> None:
    events = Events()
    events[SEEN].extra["by"] = "a hook of the author"

    put(a_task(FLAT, SEEN), outlet_events=events)

    assert events[FLAT].extra == {"counts": {"cancelled": 3}}
    assert events[SEEN].extra == {"counts": {"cancelled": 3}, "by": "a hook of the author"}


def test_an_outlet_that_has_no_event_keeps_no_other_from_telling() -> None:
    events = Events()

    put(a_task("a table that lineage knows", FLAT), outlet_events=events)

    assert events[FLAT].extra == {"counts": {"cancelled": 3}}


@pytest.mark.parametrize("context", [{}, {"outlet_events": None}, {"outlet_events": Events(broken=True)}])
def test_events_that_cannot_be_written_never_replace_the_verdict(context: dict[str, Any]) -> None:
    put(a_task(FLAT), **context)


@pytest.mark.parametrize("name", bitget.__all__)
@pytest.mark.parametrize("simulate", [False, True])
def test_a_task_that_sends_nothing_has_no_outlets(name: str, simulate: bool) -> None:
    what = {"orders": ["1"], "symbol": "BTCUSDT"} if name == "BitgetBatchCancelOperator" else {"all_symbols": True}

    task = getattr(bitget, name)(task_id="any", simulate=simulate, outlets=[FLAT], **what)

    assert task.outlets == ([] if simulate else [FLAT])
