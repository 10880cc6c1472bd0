# SPDX-License-Identifier: Apache-2.0
"""The classic (V2) futures endpoints: path and limit together, once.

Base of the pages: https://www.bitget.com/api-doc/contract/ . Where sources differ on a limit, the lower counts.
"""

from __future__ import annotations

from typing import Final

from airflow_provider_bitget.api.client import SAME_ORDER_INTERVAL, Endpoint

# Writes that name no ids are not repeatable: the state has to be read first.
BATCH_CANCEL: Final = Endpoint("POST", "/api/v2/mix/order/batch-cancel-orders", limit=10, pause=SAME_ORDER_INTERVAL)
CANCEL_ALL: Final = Endpoint("POST", "/api/v2/mix/order/cancel-all-orders", limit=1, repeatable=False)
CLOSE_POSITIONS: Final = Endpoint("POST", "/api/v2/mix/order/close-positions", limit=1, repeatable=False)
ORDER_DETAIL: Final = Endpoint("GET", "/api/v2/mix/order/detail", limit=10)
OPEN_ORDERS: Final = Endpoint("GET", "/api/v2/mix/order/orders-pending", limit=10)
ORDERS_HISTORY: Final = Endpoint("GET", "/api/v2/mix/order/orders-history", limit=10)
PLAN_CHILDREN: Final = Endpoint("GET", "/api/v2/mix/order/plan-sub-order", limit=10)
CANCEL_PLAN_ORDER: Final = Endpoint("POST", "/api/v2/mix/order/cancel-plan-order", limit=10, pause=SAME_ORDER_INTERVAL)
OPEN_PLAN_ORDERS: Final = Endpoint("GET", "/api/v2/mix/order/orders-plan-pending", limit=10)
PLAN_ORDERS_HISTORY: Final = Endpoint("GET", "/api/v2/mix/order/orders-plan-history", limit=10)
POSITIONS: Final = Endpoint("GET", "/api/v2/mix/position/all-position", limit=5)
ACCOUNT_INFO: Final = Endpoint("GET", "/api/v2/spot/account/info", limit=1)

_ENDPOINTS: Final = (
    BATCH_CANCEL,
    CANCEL_ALL,
    CLOSE_POSITIONS,
    ORDER_DETAIL,
    OPEN_ORDERS,
    ORDERS_HISTORY,
    PLAN_CHILDREN,
    CANCEL_PLAN_ORDER,
    OPEN_PLAN_ORDERS,
    PLAN_ORDERS_HISTORY,
    POSITIONS,
    ACCOUNT_INFO,
)
# Endpoints that have no method yet.
_OTHER_LIMITS: Final = {
    "/api/v2/mix/order/cancel-order": 10.0,
    "/api/v2/mix/position/single-position": 10.0,
}
LIMITS: Final = {endpoint.path: endpoint.limit for endpoint in _ENDPOINTS} | _OTHER_LIMITS
"""Requests per second by path."""
