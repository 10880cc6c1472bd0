# SPDX-License-Identifier: Apache-2.0
"""What an account of the other kind has, and this one has not: refused at once, for good, before anything is sent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_bitget.api.exceptions import BitgetConfigError
from airflow_provider_bitget.hooks.bitget import BitgetHook
from airflow_provider_bitget.operators.bitget import (
    BitgetBatchCancelOperator,
    BitgetCancelAllOrdersOperator,
    BitgetClosePositionsOperator,
    BitgetListOpenOrdersOperator,
)
from airflow_provider_bitget.operators.exceptions import BitgetTaskFailError
from airflow_provider_bitget.sandbox import Sandbox
from airflow_provider_bitget.sensors.bitget import BitgetFlatSensor
from tests.kinds import UNIFIED, sandbox_of
from tests.unit.operators.tasks import run

OLD_DEMO_TYPE: dict[str, Any] = {"product_type": "SUSDT-FUTURES", "all_symbols": True}
ORDERS = [{"orderId": "1329948909442232885", "symbol": "BTCUSDT"}, {"orderId": "1", "symbol": "ETHUSDT"}]


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A unified account, to which ``bitget_default`` leads."""
    with sandbox_of(UNIFIED) as exchange:
        monkeypatch.setenv("AIRFLOW_CONN_BITGET_DEFAULT", exchange.connection_json)
        yield exchange


@pytest.mark.parametrize(
    ("task", "named"),
    [
        (
            BitgetBatchCancelOperator(task_id="task", orders=ORDERS, margin_coin="USDC"),
            "margin_coin of USDT-FUTURES .* 'USDC'",
        ),
        (BitgetBatchCancelOperator(task_id="task", orders=ORDERS, product_type="SUSDT-FUTURES"), "'SUSDT-FUTURES'"),
        (BitgetListOpenOrdersOperator(task_id="task", **OLD_DEMO_TYPE), "'SUSDT-FUTURES'"),
        (BitgetCancelAllOrdersOperator(task_id="task", **OLD_DEMO_TYPE), "'SUSDT-FUTURES'"),
        (BitgetClosePositionsOperator(task_id="task", **OLD_DEMO_TYPE), "'SUSDT-FUTURES'"),
        (BitgetFlatSensor(task_id="task", **OLD_DEMO_TYPE), "'SUSDT-FUTURES'"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseOperator) else "",
)
def test_what_a_unified_account_has_not_fails_the_task_for_good_before_anything_is_sent(
    sandbox: Sandbox, task: BaseOperator, named: str
) -> None:
    with pytest.raises(BitgetTaskFailError, match=named):
        run(task)

    assert {record.path for record in sandbox.requests if record.method == "POST"} <= CLASSIC_CANCEL
    assert sandbox.open_orders() == []


CLASSIC_CANCEL = {"/api/v2/mix/order/batch-cancel-orders"}
"""By it ``auto`` finds out what kind of account this is; it is refused."""


def test_orders_of_a_refused_argument_are_not_sent_and_nobody_waits_for_them(sandbox: Sandbox) -> None:
    began = time.monotonic()
    with pytest.raises(BitgetTaskFailError) as failed:
        run(BitgetBatchCancelOperator(task_id="task", orders=ORDERS, margin_coin="USDC"))

    # The grace of two seconds is for requests that are under way.
    assert time.monotonic() - began < 1.5
    assert failed.value.report is not None
    assert [row["category"] for row in failed.value.report["unresolved"]] == ["not_sent", "not_sent"]


def test_an_order_whose_margin_coin_nothing_tells_is_not_cancelled_by_one(sandbox: Sandbox) -> None:
    (order,) = sandbox.place(1, "BTCUSD", product_type="COIN-FUTURES")

    scope: dict[str, Any] = {"product_type": "COIN-FUTURES", "all_symbols": True, "margin_coin": "ETH"}
    for task in (
        BitgetListOpenOrdersOperator(task_id="task", **scope),
        BitgetCancelAllOrdersOperator(task_id="task", simulate=True, **scope),
        BitgetCancelAllOrdersOperator(task_id="task", **scope),
        BitgetFlatSensor(task_id="task", **scope),
    ):
        with pytest.raises(BitgetTaskFailError, match="margin_coin 'ETH' cannot be told"):
            run(task)

    assert [row["orderId"] for row in sandbox.open_orders()] == [order["orderId"]]
    assert "POST" not in {record.method for record in sandbox.requests}


def test_the_hook_raises_it_with_the_report(sandbox: Sandbox) -> None:
    with pytest.raises(BitgetConfigError, match="must be 'USDT' or left out, but is 'USDC'") as refused:
        BitgetHook().batch_cancel_orders(ORDERS, margin_coin="USDC")

    assert refused.value.report is not None
    assert refused.value.report["counts"]["unresolved"] == 2
