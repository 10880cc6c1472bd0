# SPDX-License-Identifier: Apache-2.0
"""The example DAG against Bitget's demo trading: opt-in, see the README beside this file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_bitget.hooks.bitget import BitgetHook
from airflow_provider_bitget.sandbox.demo_airflow import Airflow

pytestmark = pytest.mark.system

DAG_ID = "bitget_batch_cancel"
CANCEL_TASK_ID = "cancel"
EXAMPLE_DAGS = Path(__file__).resolve().parents[2] / "example_dags"
PRODUCT_TYPE = "USDT-FUTURES"
SYMBOL = "BTCUSDT"
MARGIN_COIN = "USDT"
ORDERS = 3
# Far enough below the market that nobody sells to us during the test.
PRICE_FACTOR = Decimal("0.8")

VARIABLES = {
    "login": "BITGET_DEMO_API_KEY",
    "password": "BITGET_DEMO_API_SECRET",
    "passphrase": "BITGET_DEMO_API_PASSPHRASE",
}


@pytest.fixture(scope="module")
def connection_json() -> str:
    """The connection to demo trading, as the environment gives it."""
    missing = [variable for variable in VARIABLES.values() if not os.environ.get(variable)]
    if missing:
        pytest.fail(f"these tests need a demo key; not set: {', '.join(missing)}")
    return json.dumps(
        {
            "conn_type": "bitget",
            "login": os.environ[VARIABLES["login"]],
            "password": os.environ[VARIABLES["password"]],
            "extra": {"passphrase": os.environ[VARIABLES["passphrase"]], "demo_trading": True},
        }
    )


@pytest.fixture(scope="module")
def hook(connection_json: str) -> Iterator[BitgetHook]:
    """A hook that has proven to be one of demo trading."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_BITGET_DEFAULT", connection_json)
        hook = BitgetHook()
        if hook.get_connection("bitget_default").extra_dejson.get("demo_trading") is not True:
            pytest.fail("the connection does not say demo_trading; nothing was sent")
        yield hook


def place_orders(hook: BitgetHook) -> set[str]:
    """Place limit orders far from the market and return their ids."""
    scope = {"symbol": SYMBOL, "productType": PRODUCT_TYPE}
    (contract,) = hook.request("GET", "/api/v2/mix/market/contracts", params=scope)
    (ticker,) = hook.request("GET", "/api/v2/mix/market/ticker", params=scope)
    price = (Decimal(ticker["lastPr"]) * PRICE_FACTOR).quantize(Decimal(1))
    placed: list[dict[str, Any]] = [
        hook.request(
            "POST",
            "/api/v2/mix/order/place-order",
            body={
                **scope,
                "marginMode": "crossed",
                "marginCoin": MARGIN_COIN,
                "size": contract["minTradeNum"],
                "price": str(price),
                "side": "buy",
                "tradeSide": "open",
                "orderType": "limit",
                "force": "gtc",
            },
        )
        for _ in range(ORDERS)
    ]
    return {order["orderId"] for order in placed}


def open_ids(hook: BitgetHook) -> set[str]:
    return {order["orderId"] for order in hook.list_open_orders(product_type=PRODUCT_TYPE)}


def test_connection_test_accepts_the_demo_key(hook: BitgetHook) -> None:
    accepted, message = hook.test_connection()

    assert accepted, message


def test_the_example_takes_placed_orders_off_the_demo_exchange(
    hook: BitgetHook, connection_json: str, tmp_path: Path
) -> None:
    placed = place_orders(hook)
    before = open_ids(hook)
    assert placed <= before

    airflow = Airflow(tmp_path, EXAMPLE_DAGS, connection_json, verbose=False)
    assert airflow.run("db", "migrate") == 0
    status = airflow.run("dags", "test", DAG_ID)
    report = airflow.report(DAG_ID, CANCEL_TASK_ID)

    assert open_ids(hook) & before == set()
    assert (status, airflow.run_state(DAG_ID)) == (0, "success")
    assert report["verified"] is True
    assert report["counts"]["requested"] == len(before)
    assert report["counts"]["cancelled"] + report["counts"]["already_closed"] == len(before)
