# SPDX-License-Identifier: Apache-2.0
"""What is promised whatever the kind of account, and whether or not the kind is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_bitget.api.account import ACCOUNT_MODES, dialect_for
from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.dialect import Dialect
from airflow_provider_bitget.api.exceptions import (
    BitgetAmbiguousError,
    BitgetCallError,
    BitgetConfigError,
    BitgetNotSentError,
    BitgetScopeError,
)
from airflow_provider_bitget.sandbox.accounts import AccountMode
from tests.kinds import CLASSIC, UNIFIED
from tests.unit.api.dialect import USDT, unified_page
from tests.unit.api.wire import LOST, NEVER_SENT, Outcome, Script, envelope, scripted
from tests.unit.trading.market import Market

BTC = "BTCUSDT"
ODD: list[Any] = [{}, "", "[]", 0, True, {"entrustedList": {}}, {"list": {}}, {"rows": []}, {"list": 0}]

READS: dict[str, Callable[[Dialect], Any]] = {
    "open orders": lambda dialect: [list(read()) for read in dialect.reads_of_open_orders(product_type=USDT)],
    "plan orders": lambda dialect: [list(read()) for read in dialect.reads_of_open_plan_orders(product_type=USDT)],
    "history": lambda dialect: list(dialect.orders_history(product_type=USDT)),
    "plan history": lambda dialect: list(dialect.ended_plan_orders(product_type=USDT, plan_type="loss_plan")),
    "positions": lambda dialect: dialect.positions(product_type=USDT),
}
WRITES: dict[str, Callable[[Dialect], Any]] = {
    "batch cancel": lambda dialect: dialect.batch_cancel([("orderId", "1")], symbol=BTC, product_type=USDT),
    "plan cancel": lambda dialect: dialect.cancel_plan_orders(
        [("orderId", "1")], symbol=BTC, product_type=USDT, plan_type="loss_plan"
    ),
    "cancel all": lambda dialect: dialect.cancel_all_orders(product_type=USDT),
    "close": lambda dialect: dialect.close_positions(product_type=USDT),
}
WIDENED: dict[str, Callable[[Dialect], Any]] = {
    "no ids": lambda dialect: dialect.batch_cancel([], symbol=BTC, product_type=USDT),
    "empty id": lambda dialect: dialect.batch_cancel([("orderId", " ")], symbol=BTC, product_type=USDT),
    "no symbol": lambda dialect: dialect.batch_cancel([("orderId", "1")], symbol="", product_type=USDT),
    "any symbol": lambda dialect: dialect.batch_cancel([("orderId", "1")], symbol="*", product_type=USDT),
    "no product type": lambda dialect: dialect.batch_cancel([("orderId", "1")], symbol=BTC, product_type=""),
    "no plan ids": lambda dialect: dialect.cancel_plan_orders(
        [], symbol=BTC, product_type=USDT, plan_type="normal_plan"
    ),
    "no plan type": lambda dialect: dialect.cancel_plan_orders(
        [("orderId", "1")], symbol=BTC, product_type=USDT, plan_type=""
    ),
    "cancel all of nothing": lambda dialect: dialect.cancel_all_orders(product_type="None"),
    "cancel all of no coin": lambda dialect: dialect.cancel_all_orders(product_type=USDT, margin_coin=""),
    "close of no symbol": lambda dialect: dialect.close_positions(product_type=USDT, symbol=""),
    "close of a side of all": lambda dialect: dialect.close_positions(product_type=USDT, hold_side="long"),
}


@pytest.fixture(params=ACCOUNT_MODES)
def speak(request: pytest.FixtureRequest) -> Callable[..., tuple[Dialect, Script]]:
    def of(*outcomes: Outcome) -> tuple[Dialect, Script]:
        client, script, _ = scripted(*outcomes)
        return dialect_for(client, request.param), script

    return of


Speak = Callable[..., tuple[Dialect, Script]]
Known = tuple[Callable[[Outcome], Dialect], Callable[[list[Any]], Outcome]]


@pytest.fixture(params=[CLASSIC, UNIFIED])
def known(request: pytest.FixtureRequest) -> Known:
    """How to speak to a known kind of account, and how it lists orders that a trigger placed, by their ``id``."""
    name = {CLASSIC: "orderId", UNIFIED: "subOrderId"}[request.param]

    def in_a_list(rows: list[Any]) -> Outcome:
        named = [
            {name if field == "id" else field: value for field, value in row.items()} if isinstance(row, dict) else row
            for row in rows
        ]
        return envelope(data=named) if request.param == CLASSIC else unified_page(*named)

    return lambda outcome: dialect_for(scripted(outcome)[0], request.param), in_a_list


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("data", ODD, ids=str)
def test_odd_is_never_empty(speak: Speak, read: str, data: Any) -> None:
    dialect, _ = speak(envelope(data=data))

    with pytest.raises(BitgetAmbiguousError):
        READS[read](dialect)


@pytest.mark.parametrize("read", READS)
def test_null_is_not_empty_by_itself(speak: Speak, read: str) -> None:
    dialect, script = speak(envelope(data=None), envelope(data="odd"))

    with pytest.raises(BitgetAmbiguousError):
        READS[read](dialect)

    assert len(script.sent) <= 2


def children(dialect: Dialect) -> list[str] | None:
    return dialect.plan_children(product_type=USDT, plan_type="normal_plan", order_id="7")


@pytest.mark.parametrize("kind", [CLASSIC, UNIFIED])
@pytest.mark.parametrize("plan_type", ["normal_plan", "track_plan"])
def test_order_that_a_trigger_placed_is_found_by_its_parent(kind: AccountMode, plan_type: str) -> None:
    market = Market(kind=kind)
    [triggered, failed, waiting] = market.place_plan(3, plan_type)
    [child] = market.trigger(triggered, outcome="rests")
    market.trigger(failed, outcome="fails")

    def children_of(order_id: str) -> list[str] | None:
        return market.dialect.plan_children(product_type=USDT, plan_type=plan_type, order_id=order_id)

    assert children_of(triggered.order_id) == [child.order_id]
    assert children_of(failed.order_id) == []
    assert children_of(waiting.order_id) == []
    assert not children_of("8000000000000000000")


def test_unified_exchange_that_does_not_know_the_question_does_not_say_that_there_are_no_children() -> None:
    market = Market(kind=UNIFIED, strategy_children=False)
    [plan] = market.place_plan()
    market.trigger(plan)

    assert market.dialect.plan_children(product_type=USDT, plan_type="normal_plan", order_id=plan.order_id) is None


def test_children_are_all_that_were_placed(known: Known) -> None:
    dialect, in_a_list = known
    rows = [{"id": "1", "status": "success"}, {"id": 2}, {"id": "3", "status": "cancelled"}]
    rows += [{"id": "", "status": status} for status in ("fail", "failed", "CANCELLED", "canceled")]

    assert children(dialect(in_a_list(rows))) == ["1", "2", "3"]
    assert children(dialect(in_a_list([]))) == []


@pytest.mark.parametrize("row", [None, "1", {}, {"id": ""}, {"id": None, "status": "filled"}], ids=str)
def test_child_that_nobody_can_name_is_never_taken_for_no_child(known: Known, row: Any) -> None:
    dialect, in_a_list = known

    with pytest.raises(BitgetAmbiguousError):
        children(dialect(in_a_list([{"id": "1"}, row])))


@pytest.mark.parametrize("name", WIDENED)
def test_nothing_left_out_ever_means_everything(speak: Speak, name: str) -> None:
    dialect, script = speak(envelope(data={}))

    with pytest.raises(BitgetScopeError):
        WIDENED[name](dialect)

    assert script.sent == []


@pytest.mark.parametrize("write", ["cancel all", "close"])
def test_write_without_ids_that_may_have_been_carried_out_is_never_repeated(speak: Speak, write: str) -> None:
    dialect, script = speak(LOST)

    with pytest.raises(BitgetAmbiguousError) as caught:
        WRITES[write](dialect)

    assert caught.value.maybe_processed
    assert len(script.sent) == 1


@pytest.mark.parametrize("write", WRITES)
def test_write_that_never_arrived_is_sent_again(speak: Speak, write: str) -> None:
    dialect, script = speak(NEVER_SENT, envelope("40017"))

    with pytest.raises(BitgetCallError) as caught:
        WRITES[write](dialect)

    assert not caught.value.maybe_processed
    assert len(script.sent) == 2


@pytest.mark.parametrize("call", [*READS, *WRITES])
@pytest.mark.parametrize("code", ["40012", "40014", "40099"])
def test_credentials_that_are_refused_end_the_call(speak: Speak, call: str, code: str) -> None:
    dialect, script = speak(envelope(code))

    with pytest.raises(BitgetCallError) as caught:
        (READS | WRITES)[call](dialect)

    assert caught.value.code == code
    assert len(script.sent) == 1


def test_run_that_was_stopped_sends_nothing(speak: Speak) -> None:
    dialect, script = speak(envelope(data=[]))
    budget = Budget()
    budget.stop()

    with pytest.raises(BitgetNotSentError):
        dialect.positions(product_type=USDT, budget=budget)

    assert script.sent == []


@pytest.mark.parametrize("plan_type", ["", "stop", "tpsl", "trigger"])
def test_unknown_plan_type_is_refused_by_name(speak: Speak, plan_type: str) -> None:
    dialect, script = speak(envelope(data=[]))

    with pytest.raises(BitgetConfigError) as refusal:
        dialect.reads_of_open_plan_orders(product_type=USDT, plan_types=[plan_type])

    assert refusal.value.field == "plan_type"
    assert script.sent == []
