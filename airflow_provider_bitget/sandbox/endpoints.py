# SPDX-License-Identifier: Apache-2.0
"""The map of the exchange: which paths exist, their limits, and what answers them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_bitget.sandbox import (
    account_reads,
    cancels,
    closes,
    plan_cancels,
    plan_reads,
    position_reads,
    reads,
    strategy_cancels,
    strategy_reads,
    unified_cancels,
    unified_closes,
    unified_position_reads,
    unified_reads,
)
from airflow_provider_bitget.sandbox.parameters import Call


@dataclass(frozen=True)
class Endpoint:
    """One endpoint.

    :param method: the HTTP method.
    :param path: the path.
    :param limit: requests per second, as the endpoint's page states it.
    :param answer: what computes ``data``.
    :param signed: whether it needs a signature; its limit counts per user then, else per address.
    :param takes_array: whether its body is a bare JSON array instead of an object.
    """

    method: str
    path: str
    limit: int
    answer: Callable[[Call], Any]
    signed: bool = True
    takes_array: bool = False

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rsplit("/", 1)[-1]


_ENDPOINTS = (
    Endpoint("POST", "/api/v2/mix/order/batch-cancel-orders", 10, cancels.batch_cancel_orders),
    Endpoint("POST", "/api/v2/mix/order/cancel-order", 10, cancels.cancel_order),
    Endpoint("POST", "/api/v2/mix/order/cancel-all-orders", 10, cancels.cancel_all_orders),
    Endpoint("POST", "/api/v2/mix/order/cancel-plan-order", 10, plan_cancels.cancel_plan_order),
    Endpoint("POST", "/api/v2/mix/order/close-positions", 1, closes.close_positions),
    Endpoint("GET", "/api/v2/mix/order/orders-pending", 10, reads.orders_pending),
    Endpoint("GET", "/api/v2/mix/order/orders-history", 10, reads.orders_history),
    Endpoint("GET", "/api/v2/mix/order/detail", 10, reads.order_detail),
    Endpoint("GET", "/api/v2/mix/order/orders-plan-pending", 10, plan_reads.orders_plan_pending),
    Endpoint("GET", "/api/v2/mix/order/orders-plan-history", 10, plan_reads.orders_plan_history),
    Endpoint("GET", "/api/v2/mix/order/plan-sub-order", 10, plan_reads.plan_sub_order),
    Endpoint("GET", "/api/v2/mix/account/accounts", 10, reads.accounts),
    Endpoint("GET", "/api/v2/mix/position/all-position", 5, position_reads.all_position),
    Endpoint("GET", "/api/v2/mix/position/single-position", 10, position_reads.single_position),
    Endpoint("GET", "/api/v2/spot/account/info", 1, account_reads.spot_account_info),
    Endpoint("GET", "/api/v2/public/time", 20, reads.server_time, signed=False),
    # Unified accounts. No page states a limit of account/info, client libraries say 5; that of its V2 counterpart is
    # the stricter. Nor is one known of strategy-sub-orders.
    Endpoint("POST", "/api/v3/trade/cancel-batch", 5, unified_cancels.cancel_batch, takes_array=True),
    Endpoint("POST", "/api/v3/trade/cancel-symbol-order", 5, unified_cancels.cancel_symbol_order),
    Endpoint("POST", "/api/v3/trade/cancel-order", 10, unified_cancels.cancel_order),
    Endpoint("POST", "/api/v3/trade/cancel-strategy-order", 10, strategy_cancels.cancel_strategy_order),
    Endpoint("POST", "/api/v3/trade/close-positions", 5, unified_closes.close_positions),
    Endpoint("GET", "/api/v3/trade/unfilled-orders", 20, unified_reads.unfilled_orders),
    Endpoint("GET", "/api/v3/trade/history-orders", 20, unified_reads.history_orders),
    Endpoint("GET", "/api/v3/trade/order-info", 20, unified_reads.order_info),
    Endpoint("GET", "/api/v3/trade/unfilled-strategy-orders", 20, strategy_reads.unfilled_strategy_orders),
    Endpoint("GET", "/api/v3/trade/history-strategy-orders", 20, strategy_reads.history_strategy_orders),
    Endpoint("GET", "/api/v3/trade/strategy-sub-orders", 10, strategy_reads.strategy_sub_orders),
    Endpoint("GET", "/api/v3/position/current-position", 20, unified_position_reads.current_position),
    Endpoint("GET", "/api/v3/account/settings", 20, account_reads.account_settings),
    Endpoint("GET", "/api/v3/account/info", 1, account_reads.account_info),
)
ENDPOINTS: Mapping[tuple[str, str], Endpoint] = {(one.method, one.path): one for one in _ENDPOINTS}
ENDPOINT_NAMES = tuple(dict.fromkeys(endpoint.name for endpoint in _ENDPOINTS))
