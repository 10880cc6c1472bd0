# SPDX-License-Identifier: Apache-2.0
"""The dialects on a wire that follows a script, and what they asked for there."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from airflow_provider_bitget.api.classic import ClassicDialect
from airflow_provider_bitget.api.unified import UnifiedDialect
from tests.unit.api.wire import Outcome, Script, envelope, scripted

USDT = "USDT-FUTURES"
ODD_LISTS: list[Any] = [
    None,
    [],
    [{"orderId": "1"}],
    {},
    {"list": [{"orderId": "1"}], "cursor": "1"},
    {"entrustedList": {}},
    {"entrustedList": "none"},
    {"entrustedList": 0},
    "",
    0,
    True,
]
"""What ``data`` of a list never looks like."""
ODD_UNIFIED_LISTS: list[Any] = [
    None,
    [],
    [{"orderId": "1"}],
    {},
    {"entrustedList": [{"orderId": "1"}], "endId": "1"},
    {"cursor": "1"},
    {"list": {}},
    {"list": "none"},
    {"list": 0},
    "",
    0,
    True,
]
"""The same for a unified account."""


def dialect_of(*outcomes: Outcome) -> tuple[ClassicDialect, Script]:
    client, script, _ = scripted(*outcomes)
    return ClassicDialect(client), script


def unified_of(*outcomes: Outcome) -> tuple[UnifiedDialect, Script]:
    client, script, _ = scripted(*outcomes)
    return UnifiedDialect(client), script


def unified_page(*rows: Any, cursor: Any = None) -> Outcome:
    """One page of a unified account that holds these rows."""
    return envelope(data={"list": list(rows), "cursor": cursor})


def listed(*rows: Any, **changes: Any) -> Outcome:
    """One page that holds these rows, without an ``endId`` unless it is given."""
    return envelope(data={"entrustedList": list(rows), **changes})


def queries(script: Script) -> list[dict[str, str]]:
    return [dict(parse_qsl(sent.target.partition("?")[2])) for sent in script.sent]


def bodies(script: Script) -> list[dict[str, Any]]:
    return [json.loads(sent.body) for sent in script.sent]
