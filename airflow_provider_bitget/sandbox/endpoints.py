# SPDX-License-Identifier: Apache-2.0
"""The map of the exchange: which paths exist, their limits, and what answers them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_bitget.sandbox import cancels, closes, plan_cancels, plan_reads, position_reads, reads
from airflow_provider_bitget.sandbox.parameters import Call


@dataclass(frozen=True)
class Endpoint:
    """One endpoint.

    :param method: the HTTP method.
    :param path: the path.
    :param limit: requests per second, as the endpoint's page states it.
    :param answer: what computes ``data``.
    :param signed: whether it needs a signature; its limit counts per user then, else per address.
    """

    method: str
    path: str
    limit: int
    answer: Callable[[Call], Any]
    signed: bool = True

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
    Endpoint("GET", "/api/v2/public/time", 20, reads.server_time, signed=False),
)
ENDPOINTS: Mapping[tuple[str, str], Endpoint] = {(one.method, one.path): one for one in _ENDPOINTS}
ENDPOINT_NAMES = tuple(endpoint.name for endpoint in _ENDPOINTS)
