# SPDX-License-Identifier: Apache-2.0
"""A trading desk that speaks to the sandbox: it signs for itself, so that one mistake cannot hide in both."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from airflow_provider_bitget.sandbox import Account, Exchange, Reply, VirtualClock

BATCH_CANCEL = "/api/v2/mix/order/batch-cancel-orders"
CANCEL_ORDER = "/api/v2/mix/order/cancel-order"
CANCEL_ALL = "/api/v2/mix/order/cancel-all-orders"
PENDING = "/api/v2/mix/order/orders-pending"
HISTORY = "/api/v2/mix/order/orders-history"
DETAIL = "/api/v2/mix/order/detail"
CANCEL_PLAN = "/api/v2/mix/order/cancel-plan-order"
PLAN_PENDING = "/api/v2/mix/order/orders-plan-pending"
PLAN_HISTORY = "/api/v2/mix/order/orders-plan-history"
PLAN_CHILD = "/api/v2/mix/order/plan-sub-order"
CLOSE = "/api/v2/mix/order/close-positions"
ALL_POSITION = "/api/v2/mix/position/all-position"
SINGLE_POSITION = "/api/v2/mix/position/single-position"
SPOT_ACCOUNT_INFO = "/api/v2/spot/account/info"
TIME = "/api/v2/public/time"

CANCEL_BATCH = "/api/v3/trade/cancel-batch"
CANCEL_SYMBOL = "/api/v3/trade/cancel-symbol-order"
CANCEL_UNIFIED = "/api/v3/trade/cancel-order"
CANCEL_STRATEGY = "/api/v3/trade/cancel-strategy-order"
CLOSE_UNIFIED = "/api/v3/trade/close-positions"
UNFILLED = "/api/v3/trade/unfilled-orders"
HISTORY_ORDERS = "/api/v3/trade/history-orders"
ORDER_INFO = "/api/v3/trade/order-info"
STRATEGIES = "/api/v3/trade/unfilled-strategy-orders"
STRATEGY_HISTORY = "/api/v3/trade/history-strategy-orders"
SUB_ORDERS = "/api/v3/trade/strategy-sub-orders"
CURRENT_POSITION = "/api/v3/position/current-position"
SETTINGS = "/api/v3/account/settings"
ACCOUNT_INFO = "/api/v3/account/info"

USDT_FUTURES = "USDT-FUTURES"


def sign(secret: str, prehash: str) -> str:
    """Sign a string the way the exchange's page describes it."""
    return base64.b64encode(hmac.new(secret.encode(), prehash.encode(), hashlib.sha256).digest()).decode()


def signed_headers(
    account: Account, timestamp: int, method: str, path: str, raw_query: str = "", body: str = ""
) -> dict[str, str]:
    """Return the headers of a well-formed request in English."""
    target = f"{path}?{raw_query}" if raw_query else path
    headers = {
        "ACCESS-KEY": account.key,
        "ACCESS-SIGN": sign(account.secret, f"{timestamp}{method}{target}{body}"),
        "ACCESS-TIMESTAMP": str(timestamp),
        "ACCESS-PASSPHRASE": account.passphrase,
        "Content-Type": "application/json",
        "locale": "en-US",
    }
    if account.demo:
        headers["paptrading"] = "1"
    return headers


@dataclass(frozen=True)
class Answer:
    """A reply as a client reads it."""

    reply: Reply

    @property
    def status(self) -> int:
        return self.reply.status

    @property
    def envelope(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.reply.body)
        return content

    @property
    def code(self) -> str:
        return str(self.envelope["code"])

    @property
    def data(self) -> Any:
        return self.envelope["data"]

    @property
    def cancelled(self) -> list[str]:
        return [entry["orderId"] for entry in self.data["successList"]]

    @property
    def failed(self) -> dict[str, str | None]:
        return {entry["orderId"]: entry.get("errorCode") for entry in self.data["failureList"]}

    @property
    def items(self) -> list[dict[str, str]]:
        """What a unified account's write says of each order: in a bare list, or under ``list``."""
        return self.data if isinstance(self.data, list) else self.data["list"]

    @property
    def item_codes(self) -> dict[str, str | None]:
        """The code of each item by its order, None for an item without one."""
        return {item["orderId"]: item.get("code") for item in self.items}

    @property
    def unified_rows(self) -> list[dict[str, Any]]:
        """The rows of a unified account's read."""
        rows = self.data["list"] if isinstance(self.data, dict) else self.data
        return rows or []

    @property
    def unified_listed(self) -> list[str]:
        return [row["orderId"] for row in self.unified_rows]

    @property
    def rows(self) -> list[dict[str, Any]]:
        return self.data["entrustedList"] or []

    @property
    def listed(self) -> list[str]:
        return [row["orderId"] for row in self.rows]


@dataclass
class Desk:
    """One client of an exchange, on a clock that only the test moves."""

    exchange: Exchange
    clock: VirtualClock
    account: Account

    @property
    def now_ms(self) -> int:
        return int(self.clock.time() * 1000)

    def get(self, path: str, headers: Mapping[str, str | None] | None = None, /, **parameters: object) -> Answer:
        """Send a signed GET; ``headers`` replace single ones, None leaves one out."""
        raw = "&".join(f"{name}={value}" for name, value in parameters.items())
        sent = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in parameters.items())
        signed = signed_headers(self.account, self.now_ms, "GET", path, raw)
        return Answer(self.exchange.handle("GET", path, sent, _changed(signed, headers)))

    def post(self, path: str, content: object, headers: Mapping[str, str | None] | None = None) -> Answer:
        """Send a signed POST; ``headers`` replace single ones, None leaves one out."""
        body = json.dumps(content)
        signed = signed_headers(self.account, self.now_ms, "POST", path, "", body)
        return Answer(self.exchange.handle("POST", path, "", _changed(signed, headers), body.encode()))

    def cancel(self, order_ids: Iterable[str], symbol: str = "BTCUSDT", product_type: str = USDT_FUTURES) -> Answer:
        """Send one batch cancel."""
        items = [{"orderId": order_id} for order_id in order_ids]
        content = {"productType": product_type, "symbol": symbol, "orderIdList": items}
        return self.post(BATCH_CANCEL, content)

    def pending(self, **parameters: object) -> Answer:
        """Read a page of open orders."""
        return self.get(PENDING, productType=USDT_FUTURES, **parameters)

    def history(self, **parameters: object) -> Answer:
        """Read a page of ended orders."""
        return self.get(HISTORY, productType=USDT_FUTURES, **parameters)

    def detail(self, order_id: str, symbol: str = "BTCUSDT") -> Answer:
        """Read one order."""
        return self.get(DETAIL, symbol=symbol, productType=USDT_FUTURES, orderId=order_id)

    def cancel_plans(self, order_ids: Iterable[str], plan_type: str | None = None, symbol: str = "BTCUSDT") -> Answer:
        """Cancel plan orders by their ids."""
        items = [{"orderId": order_id} for order_id in order_ids]
        content = {"productType": USDT_FUTURES, "symbol": symbol, "planType": plan_type, "orderIdList": items}
        return self.post(CANCEL_PLAN, content)

    def plans(self, plan_type: str = "normal_plan", **parameters: object) -> Answer:
        """Read a page of live plan orders."""
        return self.get(PLAN_PENDING, productType=USDT_FUTURES, planType=plan_type, **parameters)

    def plan_history(self, plan_type: str = "normal_plan", **parameters: object) -> Answer:
        """Read a page of ended plan orders."""
        return self.get(PLAN_HISTORY, productType=USDT_FUTURES, planType=plan_type, **parameters)

    def children(self, plan_id: str, plan_type: str = "normal_plan") -> Answer:
        """Read what the trigger of a plan order placed."""
        return self.get(PLAN_CHILD, productType=USDT_FUTURES, planType=plan_type, planOrderId=plan_id)

    def positions(self, **parameters: object) -> list[dict[str, str]]:
        """Read the positions of the product type."""
        rows: list[dict[str, str]] = self.get(ALL_POSITION, productType=USDT_FUTURES, **parameters).data
        return rows

    def totals(self) -> dict[str, str]:
        """Read the sizes of the positions by symbol and side."""
        return {f"{row['symbol']}/{row['holdSide']}": row["total"] for row in self.positions()}

    def close(self, **content: object) -> Answer:
        """Close positions at market."""
        return self.post(CLOSE, {"productType": USDT_FUTURES, **content})

    def place_plan(self, count: int = 1, plan_type: str = "normal_plan", **options: Any) -> list[str]:
        """Place plan orders and return their ids."""
        options = {"symbol": "BTCUSDT", **options}
        plans = self.exchange.place_plan(count, plan_type, account=self.account, **options)
        return [plan.order_id for plan in plans]

    def plan_status_of(self, plan_id: str) -> str:
        """Return what the books say of a plan order."""
        return self.exchange.plan_order(plan_id).status

    def place(self, count: int = 1, symbol: str = "BTCUSDT", **options: Any) -> list[str]:
        """Place orders and return their ids."""
        orders = self.exchange.place(count, symbol, account=self.account, **options)
        return [order.order_id for order in orders]

    def status_of(self, order_id: str) -> str:
        """Return what the books say of an order."""
        return self.exchange.order(order_id).status


@dataclass
class UnifiedDesk(Desk):
    """A client of an exchange where it has a unified account."""

    def cancel_batch(self, order_ids: Iterable[str], symbol: str = "BTCUSDT", category: str = USDT_FUTURES) -> Answer:
        """Send one batch cancel."""
        items = [{"orderId": order_id, "category": category, "symbol": symbol} for order_id in order_ids]
        return self.post(CANCEL_BATCH, items)

    def unfilled(self, **parameters: object) -> Answer:
        """Read a page of open orders."""
        return self.get(UNFILLED, **{"category": USDT_FUTURES, **parameters})

    def ended(self, **parameters: object) -> Answer:
        """Read a page of ended orders."""
        return self.get(HISTORY_ORDERS, **{"category": USDT_FUTURES, **parameters})

    def info(self, order_id: str) -> Answer:
        """Read one order."""
        return self.get(ORDER_INFO, orderId=order_id)

    def strategies(self, **parameters: object) -> Answer:
        """Read the live strategy orders."""
        return self.get(STRATEGIES, **{"category": USDT_FUTURES, **parameters})

    def strategy_history(self, **parameters: object) -> Answer:
        """Read a page of ended strategy orders."""
        return self.get(STRATEGY_HISTORY, **{"category": USDT_FUTURES, **parameters})

    def sub_orders(self, order_id: str, **parameters: object) -> Answer:
        """Read what the trigger of a strategy order placed."""
        return self.get(SUB_ORDERS, orderId=order_id, **parameters)

    def cancel_strategy(self, order_id: str) -> Answer:
        """Cancel one strategy order."""
        return self.post(CANCEL_STRATEGY, {"orderId": order_id})

    def unified_positions(self, **parameters: object) -> list[dict[str, str]]:
        """Read the positions of the category."""
        return self.get(CURRENT_POSITION, **{"category": USDT_FUTURES, **parameters}).unified_rows

    def unified_totals(self) -> dict[str, str]:
        """Read the sizes of the positions by symbol and side."""
        return {f"{row['symbol']}/{row['posSide']}": row["total"] for row in self.unified_positions()}

    def close_unified(self, **content: object) -> Answer:
        """Close positions at market."""
        return self.post(CLOSE_UNIFIED, {"category": USDT_FUTURES, **content})


def _changed(headers: dict[str, str], changes: Mapping[str, str | None] | None) -> dict[str, str]:
    merged: dict[str, str | None] = {**headers, **(changes or {})}
    return {name: value for name, value in merged.items() if value is not None}
