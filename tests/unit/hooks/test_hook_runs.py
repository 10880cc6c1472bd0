# SPDX-License-Identifier: Apache-2.0
"""What the hook does with orders and positions without an operator: lists, cancels, closes, and a report of each."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_bitget.api.exceptions import (
    BitgetAuthError,
    BitgetCallError,
    BitgetConfigError,
    BitgetError,
)
from airflow_provider_bitget.hooks import session as session_module
from airflow_provider_bitget.hooks.bitget import BitgetHook
from airflow_provider_bitget.sandbox import Sandbox
from airflow_provider_bitget.trading.scope import parse_scope
from tests.kinds import ORDER_READS, POSITION_READS, READS_OF_A_LOOK, endpoint, kind_of, served

if TYPE_CHECKING:
    from tests.unit.hooks.conftest import MakeHook

USDT = "USDT-FUTURES"


def writes(sandbox: Sandbox) -> list[str]:
    return [record.path.rsplit("/", 1)[-1] for record in served(sandbox) if record.method == "POST"]


def connection_of(sandbox: Sandbox, **fields: Any) -> SimpleNamespace:
    """A connection as Airflow hands it over, in the parts that are read."""
    own = {**sandbox.connection, **fields}
    extra = own["extra"]
    return SimpleNamespace(
        login=own["login"],
        password=own["password"],
        host=own["host"],
        port=None,
        schema=None,
        extra=json.dumps(extra),
        extra_dejson=extra,
    )


# --------------------------------------------------------------------------------------- a connection at hand


def test_a_hook_can_be_made_of_a_connection_that_was_fetched_already(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: Any, **__: Any) -> Any:
        raise AssertionError("Airflow must not be asked again")

    monkeypatch.setattr(BitgetHook, "get_connection", forbidden)
    [order] = sandbox.place(1, "BTCUSDT")

    hook = BitgetHook.from_connection(connection_of(sandbox), bitget_conn_id="desk_7")

    assert hook.bitget_conn_id == "desk_7"
    assert [row["orderId"] for row in hook.list_open_orders()] == [order["orderId"]]
    hook.close()


def test_a_connection_at_hand_is_masked_before_anything_else_and_shown_nowhere(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    masked: list[str] = []
    monkeypatch.setattr(session_module, "_masker", lambda: masked.append)
    account = sandbox.accounts[0]
    secrets = [account.key, account.secret, account.passphrase]

    hook = BitgetHook.from_connection(connection_of(sandbox))
    assert masked == secrets
    assert not [secret for secret in secrets if secret in f"{hook!r} {vars(hook)!r}"]

    masked.clear()
    with pytest.raises(BitgetConfigError, match="account_mode"):
        BitgetHook.from_connection(
            connection_of(sandbox, extra={"passphrase": account.passphrase, "account_mode": "uta"})
        )
    assert masked == secrets


def test_a_hook_that_was_closed_can_be_used_again(hook: BitgetHook, sandbox: Sandbox) -> None:
    hook.close()
    hook.list_open_orders()
    hook.close()

    assert hook.list_open_orders() == []


# ----------------------------------------------------------------------------------------------------- lists


@pytest.mark.parametrize("returns", ["live", "all"])
def test_open_orders_are_the_live_and_the_partially_filled_ones_once_each(
    hook: BitgetHook, sandbox: Sandbox, returns: str
) -> None:
    sandbox.reset(0, pending_returns=returns)
    live = sandbox.place(2, "BTCUSDT")
    partial = sandbox.place(2, "ETHUSDT", status="partially_filled")
    sandbox.fill(sandbox.place(1, "BTCUSDT")[0]["orderId"])

    rows = hook.list_open_orders()

    assert sorted(row["orderId"] for row in rows) == sorted(row["orderId"] for row in live + partial)
    assert {row["productType"] for row in rows} == {"USDT-FUTURES"}


def test_open_orders_of_one_symbol_leave_the_others_out(hook: BitgetHook, sandbox: Sandbox) -> None:
    [wanted] = sandbox.place(1, "ETHUSDT")
    sandbox.place(1, "BTCUSDT")
    sandbox.place(1, "ETHUSDT", "USDC-FUTURES")

    assert [row["orderId"] for row in hook.list_open_orders(symbol="ethusdt", product_type="usdt-futures")] == [
        wanted["orderId"]
    ]


def test_more_orders_than_a_page_are_all_returned(hook: BitgetHook, sandbox: Sandbox) -> None:
    sandbox.place(130, "BTCUSDT")
    sandbox.place(105, "BTCUSDT", status="partially_filled")

    assert len(hook.list_open_orders()) == 235


def test_read_that_fails_halfway_returns_no_part_of_the_orders(hook: BitgetHook, sandbox: Sandbox) -> None:
    sandbox.place(130, "BTCUSDT")
    sandbox.inject("refuse", code="40017", after=1, endpoint=endpoint(sandbox, ORDER_READS))

    with pytest.raises(BitgetCallError):
        hook.list_open_orders()


def test_plan_orders_are_listed_with_their_concrete_type_on_request(hook: BitgetHook, sandbox: Sandbox) -> None:
    sandbox.place(1, "BTCUSDT")
    sandbox.place_plan(1, "normal_plan", symbol="BTCUSDT")
    sandbox.place_plan(1, "loss_plan", symbol="BTCUSDT", hold_side="long")

    assert len(hook.list_open_orders()) == 1
    rows = hook.list_open_orders(plan_orders=True)

    assert sorted(row.get("planType", "") for row in rows) == ["", "loss_plan", "normal_plan"]
    assert {row["productType"] for row in rows} == {USDT}


def test_a_list_asks_for_three_months_unless_told_otherwise(hook: BitgetHook, sandbox: Sandbox) -> None:
    hook.list_open_orders()

    assert len(served(sandbox)) == READS_OF_A_LOOK[kind_of(sandbox)][ORDER_READS]


def test_positions_are_the_exchanges_rows_with_their_product_type(hook: BitgetHook, sandbox: Sandbox) -> None:
    sandbox.open_position("BTCUSDT", "long", "1.5")
    sandbox.open_position("ETHUSDT", "short", "2")
    sandbox.open_position("BTCPERP", "long", "1", product_type="USDC-FUTURES")

    rows = hook.list_positions(product_type="usdt-futures")

    assert {(row["symbol"], row["holdSide"], row["total"]) for row in rows} == {
        ("BTCUSDT", "long", "1.5"),
        ("ETHUSDT", "short", "2"),
    }
    assert {row["productType"] for row in rows} == {USDT}
    assert [row["symbol"] for row in hook.list_positions(product_type=USDT, symbol="ethusdt")] == ["ETHUSDT"]
    assert hook.list_positions(product_type=USDT, margin_coin="USDC") == []


def test_positions_are_asked_for_until_the_deadline(hook: BitgetHook, sandbox: Sandbox) -> None:
    sandbox.open_position("BTCUSDT")
    sandbox.inject("bad_gateway", endpoint=endpoint(sandbox, POSITION_READS), times=6)

    assert [row["symbol"] for row in hook.list_positions(product_type=USDT)] == ["BTCUSDT"]


def test_positions_that_cannot_be_read_are_an_error_and_not_an_empty_list(hook: BitgetHook, sandbox: Sandbox) -> None:
    sandbox.open_position("BTCUSDT")
    sandbox.inject("refuse", code="40309", endpoint=endpoint(sandbox, POSITION_READS))

    with pytest.raises(BitgetCallError):
        hook.list_positions(product_type=USDT)


# ------------------------------------------------------------------------------------------ cancel and close


def test_everything_open_is_cancelled_and_reported(hook: BitgetHook, sandbox: Sandbox) -> None:
    sandbox.place(3, "BTCUSDT")
    sandbox.place_plan(2, "normal_plan", symbol="ETHUSDT")

    report = hook.cancel_all_orders(product_type=USDT, all_symbols=True, settle=0, lookback_days=90)

    assert report["counts"]["cancelled"] == 5
    assert report["verified"] is True
    assert sandbox.open_orders() == sandbox.open_plan_orders() == []


def test_a_cancel_can_leave_plan_orders_and_symbols_alone(hook: BitgetHook, sandbox: Sandbox) -> None:
    sandbox.place(3, "BTCUSDT")
    sandbox.place(1, "ETHUSDT")
    sandbox.place_plan(2, "normal_plan", symbol="BTCUSDT")

    report = hook.cancel_all_orders(
        product_type=USDT,
        all_symbols=True,
        exclude_symbols=["ethusdt"],
        plan_orders=False,
        settle=0,
        lookback_days=90,
        report_cancelled=True,
    )

    assert len(report["cancelled"]) == report["counts"]["cancelled"] == 3
    assert [row["symbol"] for row in sandbox.open_orders()] == ["ETHUSDT"]
    assert len(sandbox.open_plan_orders()) == 2


def test_one_side_of_one_symbol_is_closed_and_reported(hook: BitgetHook, sandbox: Sandbox) -> None:
    sandbox.open_position("BTCUSDT", "long")
    sandbox.open_position("BTCUSDT", "short")

    report = hook.close_positions(product_type=USDT, symbol="btcusdt", hold_side="long")

    assert report["counts"] == {"requested": 1, "closed": 1, "failed": 0, "unresolved": 0}
    assert [row["holdSide"] for row in sandbox.positions()] == ["short"]


def test_simulated_runs_send_no_write(hook: BitgetHook, sandbox: Sandbox) -> None:
    sandbox.place(1, "BTCUSDT")
    sandbox.open_position("BTCUSDT")

    cancel = hook.cancel_all_orders(product_type=USDT, all_symbols=True, lookback_days=90, simulate=True)
    close = hook.close_positions(product_type=USDT, all_symbols=True, simulate=True)

    assert cancel["simulated"] is close["simulated"] is True
    assert cancel["counts"]["unresolved"] == close["counts"]["unresolved"] == 1
    assert writes(sandbox) == []


@pytest.mark.parametrize("call", ["cancel_all_orders", "close_positions"])
def test_refused_credentials_raise_and_carry_the_report(make_hook: MakeHook, sandbox: Sandbox, call: str) -> None:
    sandbox.place(1, "BTCUSDT")

    with pytest.raises(BitgetAuthError) as refused:
        getattr(make_hook(extra={"passphrase": "wrong-passphrase"}), call)(product_type=USDT, all_symbols=True)

    assert refused.value.report is not None
    assert refused.value.report["verified"] is False
    assert "wrong-passphrase" not in str(refused.value)


@pytest.mark.parametrize("call", ["cancel_all_orders", "close_positions"])
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({}, "symbol"),
        ({"symbol": ""}, "symbol"),
        ({"symbol": "*"}, "symbol"),
        ({"symbol": "None"}, "symbol"),
        ({"symbol": "BTCUSDT", "all_symbols": True}, "all_symbols"),
        ({"all_symbols": "True"}, "all_symbols"),
        ({"all_symbols": None}, "all_symbols"),
        ({"symbol": "BTCUSDT", "exclude_symbols": ["ETHUSDT"]}, "exclude_symbols"),
        ({"all_symbols": True, "exclude_symbols": "ETHUSDT"}, "exclude_symbols"),
        ({"all_symbols": True, "product_type": None}, "product_type"),
        ({"all_symbols": True, "margin_coin": ""}, "margin_coin"),
        ({"all_symbols": True, "simulate": "yes"}, "simulate"),
        ({"all_symbols": True, "deadline": 0}, "deadline"),
        ({"all_symbols": True, "deadline": "60"}, "deadline"),
    ],
)
def test_a_scope_that_is_not_said_is_refused_before_anything_is_sent(
    hook: BitgetHook, sandbox: Sandbox, call: str, arguments: dict[str, Any], named: str
) -> None:
    with pytest.raises(BitgetConfigError, match=named) as refused:
        getattr(hook, call)(**{"product_type": USDT, **arguments})

    assert refused.value.field.startswith(named)
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("call", "arguments", "named"),
    [
        ("cancel_all_orders", {"symbol": "BTCUSDT", "settle": -1}, "settle"),
        ("cancel_all_orders", {"symbol": "BTCUSDT", "settle": 5, "deadline": 5}, "settle"),
        ("cancel_all_orders", {"symbol": "BTCUSDT", "plan_orders": 1}, "plan_orders"),
        ("cancel_all_orders", {"symbol": "BTCUSDT", "report_cancelled": None}, "report_cancelled"),
        ("cancel_all_orders", {"symbol": "BTCUSDT", "lookback_days": 0}, "lookback_days"),
        ("close_positions", {"symbol": "BTCUSDT", "hold_side": "both"}, "hold_side"),
        ("list_open_orders", {"plan_orders": "yes"}, "plan_orders"),
        ("list_open_orders", {"deadline": float("nan")}, "deadline"),
        ("list_open_orders", {"lookback_days": True}, "lookback_days"),
        ("list_open_orders", {"symbol": ""}, "symbol"),
        ("list_positions", {"symbol": "*"}, "symbol"),
        ("list_positions", {"deadline": -1}, "deadline"),
        ("list_positions", {"margin_coin": "None"}, "margin_coin"),
        ("batch_cancel_orders", {"orders": ["77"], "symbol": "BTCUSDT", "verify": 1}, "verify"),
        ("batch_cancel_orders", {"orders": ["77"], "symbol": "BTCUSDT", "deadline": "1"}, "deadline"),
    ],
)
def test_an_unusable_argument_is_named_before_anything_is_sent(
    hook: BitgetHook, sandbox: Sandbox, call: str, arguments: dict[str, Any], named: str
) -> None:
    with pytest.raises(BitgetConfigError, match=named) as refused:
        getattr(hook, call)(**{"product_type": USDT, **arguments})

    assert refused.value.field == named
    assert sandbox.requests == []


# -------------------------------------------------------------------------------------------------- building blocks


def test_runs_can_be_prepared_and_stopped_before_they_send_anything(hook: BitgetHook, sandbox: Sandbox) -> None:
    sandbox.place(1, "BTCUSDT")
    scope = parse_scope(product_type=USDT, all_symbols=True)

    for run in (
        hook.prepare_list_open_orders(scope),
        hook.prepare_cancel_all(scope),
        hook.prepare_close_positions(scope),
        hook.prepare_prove_flat(scope),
    ):
        run.request_stop()
        assert isinstance(run.run().error, BitgetError)

    assert sandbox.requests == []


def test_flat_is_proven_by_two_empty_reads(hook: BitgetHook, sandbox: Sandbox) -> None:
    scope = parse_scope(product_type=USDT, all_symbols=True, lookback_days=90)

    assert hook.prepare_prove_flat(scope, settle=0).run().flat is True

    sandbox.open_position("BTCUSDT")
    assert hook.prepare_prove_flat(scope, settle=0, deadline=1).run().flat is False


def test_books_of_a_scope_can_be_read_as_they_are(hook: BitgetHook, sandbox: Sandbox) -> None:
    sandbox.place(2, "BTCUSDT")
    sandbox.open_position("BTCUSDT")
    reader = hook.books_reader(parse_scope(product_type=USDT, symbol="BTCUSDT", lookback_days=90))

    books = reader.read()
    reader.close()

    assert (len(books.orders), len(books.plan_orders), len(books.positions)) == (2, 0, 1)
