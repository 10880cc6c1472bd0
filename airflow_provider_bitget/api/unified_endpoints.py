# SPDX-License-Identifier: Apache-2.0
"""The unified (V3) endpoints for futures: path and limit together, once.

Base of the pages: https://www.bitget.com/api-doc/uta/ . Limits are per user.
"""

from __future__ import annotations

from typing import Final

from airflow_provider_bitget.api.client import SAME_ORDER_INTERVAL, Endpoint

# Writes that name no ids are not repeatable: the state has to be read first.
CANCEL_BATCH: Final = Endpoint("POST", "/api/v3/trade/cancel-batch", limit=5, pause=SAME_ORDER_INTERVAL)
CANCEL_SYMBOL_ORDER: Final = Endpoint("POST", "/api/v3/trade/cancel-symbol-order", limit=5, repeatable=False)
CLOSE_POSITIONS: Final = Endpoint("POST", "/api/v3/trade/close-positions", limit=5, repeatable=False)
ORDER_INFO: Final = Endpoint("GET", "/api/v3/trade/order-info", limit=20)
OPEN_ORDERS: Final = Endpoint("GET", "/api/v3/trade/unfilled-orders", limit=20)
ORDERS_HISTORY: Final = Endpoint("GET", "/api/v3/trade/history-orders", limit=20)
CANCEL_STRATEGY_ORDER: Final = Endpoint(
    "POST", "/api/v3/trade/cancel-strategy-order", limit=10, pause=SAME_ORDER_INTERVAL
)
OPEN_STRATEGY_ORDERS: Final = Endpoint("GET", "/api/v3/trade/unfilled-strategy-orders", limit=20)
STRATEGY_ORDERS_HISTORY: Final = Endpoint("GET", "/api/v3/trade/history-strategy-orders", limit=20)
# Its limit is not known: the lower of those of its neighbours.
SUB_ORDERS: Final = Endpoint("GET", "/api/v3/trade/strategy-sub-orders", limit=10)
POSITIONS: Final = Endpoint("GET", "/api/v3/position/current-position", limit=20)
# No page of this endpoint names a limit: that of its classic twin.
ACCOUNT_INFO: Final = Endpoint("GET", "/api/v3/account/info", limit=1)

_ENDPOINTS: Final = (
    CANCEL_BATCH,
    CANCEL_SYMBOL_ORDER,
    CLOSE_POSITIONS,
    ORDER_INFO,
    OPEN_ORDERS,
    ORDERS_HISTORY,
    CANCEL_STRATEGY_ORDER,
    OPEN_STRATEGY_ORDERS,
    STRATEGY_ORDERS_HISTORY,
    SUB_ORDERS,
    POSITIONS,
    ACCOUNT_INFO,
)
# Endpoints that have no method.
_OTHER_LIMITS: Final = {
    "/api/v3/trade/cancel-order": 10.0,
    "/api/v3/trade/place-strategy-order": 10.0,
    "/api/v3/account/settings": 20.0,
}
LIMITS: Final = {endpoint.path: endpoint.limit for endpoint in _ENDPOINTS} | _OTHER_LIMITS
"""Requests per second by path."""
