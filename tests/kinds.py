# SPDX-License-Identifier: Apache-2.0
"""The two kinds of accounts, and what the exchange calls on each of them what tests speak of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from airflow_provider_bitget.sandbox import RequestRecord, Sandbox
from airflow_provider_bitget.sandbox.accounts import AccountMode

CLASSIC: Final[AccountMode] = "classic"
UNIFIED: Final[AccountMode] = "unified"
KINDS: Final[tuple[AccountMode, ...]] = (CLASSIC, UNIFIED)

CANCELS: Final = "cancels"
MASS_CANCELS: Final = "mass cancels"
PLAN_CANCELS: Final = "plan cancels"
CLOSES: Final = "closes"
ORDER_READS: Final = "order reads"
PLAN_READS: Final = "plan reads"
POSITION_READS: Final = "position reads"
HISTORY: Final = "history"
PLAN_HISTORY: Final = "plan history"
DETAIL: Final = "detail"
CHILDREN: Final = "children"

_ENDPOINTS: Final[dict[str, dict[str, str]]] = {
    CLASSIC: {
        CANCELS: "batch-cancel-orders",
        MASS_CANCELS: "cancel-all-orders",
        PLAN_CANCELS: "cancel-plan-order",
        CLOSES: "close-positions",
        ORDER_READS: "orders-pending",
        PLAN_READS: "orders-plan-pending",
        POSITION_READS: "all-position",
        HISTORY: "orders-history",
        PLAN_HISTORY: "orders-plan-history",
        DETAIL: "detail",
        CHILDREN: "plan-sub-order",
    },
    UNIFIED: {
        CANCELS: "cancel-batch",
        MASS_CANCELS: "cancel-symbol-order",
        PLAN_CANCELS: "cancel-strategy-order",
        CLOSES: "close-positions",
        ORDER_READS: "unfilled-orders",
        PLAN_READS: "unfilled-strategy-orders",
        POSITION_READS: "current-position",
        HISTORY: "history-orders",
        PLAN_HISTORY: "history-strategy-orders",
        DETAIL: "order-info",
        CHILDREN: "strategy-sub-orders",
    },
}

CLASSIC_NAMES: Final = {name: _ENDPOINTS[CLASSIC][role] for role, name in _ENDPOINTS[UNIFIED].items()}
"""By the last part of a unified account's path, that of the path with the same role on a classic one."""

ORDERS_PER_CANCEL: Final = {CLASSIC: 50, UNIFIED: 20}
PLAN_ORDERS_PER_CANCEL: Final = {CLASSIC: 50, UNIFIED: 1}

LIMITS: Final = {
    "/api/v2/mix/order/cancel-all-orders": 1,
    "/api/v2/mix/order/close-positions": 1,
    "/api/v2/mix/position/all-position": 5,
    "/api/v2/public/time": 20,
    "/api/v3/trade/cancel-batch": 5,
    "/api/v3/trade/cancel-symbol-order": 5,
    "/api/v3/trade/cancel-strategy-order": 10,
    "/api/v3/trade/close-positions": 5,
    "/api/v3/trade/strategy-sub-orders": 10,
}
"""Requests per second, where they are not the usual ones."""

READS_OF_A_LOOK: Final[dict[str, dict[str, int]]] = {
    CLASSIC: {ORDER_READS: 2, PLAN_READS: 3, POSITION_READS: 1},
    UNIFIED: {ORDER_READS: 1, PLAN_READS: 3, POSITION_READS: 1},
}
"""How many requests one look at an account takes."""

_OTHER_KIND: Final = {CLASSIC: "/api/v3/", UNIFIED: "/api/v2/mix/"}

LIFTED: Final[dict[str, Any]] = {"open_order_cap": 0}
"""Rules of an exchange on which a unified account may have any number of open orders: some lists are long."""


def sandbox_of(kind: AccountMode, **options: Any) -> Sandbox:
    """Return an exchange without an order, whose accounts are of one kind."""
    return Sandbox(orders=0, account_mode=kind, **LIFTED | options)


def kind_of(sandbox: Sandbox) -> AccountMode:
    return sandbox.accounts[0].mode


def endpoint(sandbox: Sandbox, role: str) -> str:
    """Return the last part of the path that has a role on this exchange's accounts."""
    return _ENDPOINTS[kind_of(sandbox)][role]


def served(sandbox: Sandbox, role: str | None = None) -> list[RequestRecord]:
    """Return the requests that reached the right kind of account; of one role, if that is given."""
    path = "/" + endpoint(sandbox, role) if role else ""
    return [one for one in of_kind(sandbox.requests, kind_of(sandbox)) if one.path.endswith(path)]


def of_kind(records: Iterable[RequestRecord], kind: AccountMode) -> list[RequestRecord]:
    """Return the requests to endpoints of a kind of account, and to those that both kinds have."""
    return [one for one in records if is_of_kind(one.path, kind)]


def is_of_kind(path: str, kind: AccountMode) -> bool:
    return not path.startswith(_OTHER_KIND[kind])


def roles_asked(sandbox: Sandbox) -> list[str]:
    """Return the roles of the requests that reached the right kind of account, sorted."""
    roles = {name: role for role, name in _ENDPOINTS[kind_of(sandbox)].items()}
    return sorted(roles[one.path.rsplit("/", 1)[-1]] for one in served(sandbox))


def plan_type_shown(kind: str, plan_type: str) -> str:
    """Return the type by which a plan order is listed: a unified account knows fewer types."""
    if kind == CLASSIC:
        return plan_type
    return {"track_plan": "normal_plan", "moving_plan": "loss_plan"}.get(plan_type, plan_type)


def limit_of(path: str) -> int:
    """Return how many requests a second an endpoint takes, the lower where sources differ."""
    return LIMITS.get(path, 20 if path.startswith("/api/v3/") else 10)


def as_classic(record: RequestRecord) -> RequestRecord:
    """Return a request as it would be called on a classic account."""
    head, _, name = record.path.rpartition("/")
    return replace(record, path=f"{head}/{CLASSIC_NAMES.get(name, name)}")
