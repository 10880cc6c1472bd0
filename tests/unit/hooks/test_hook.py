# SPDX-License-Identifier: Apache-2.0
"""What a DAG's author gets from the hook: a session, a test of the connection that tells, any endpoint."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_bitget.api.exceptions import (
    BitgetAmbiguousError,
    BitgetBadRequestError,
    BitgetCallError,
    BitgetConfigError,
    BitgetScopeError,
    BitgetTransientError,
)
from airflow_provider_bitget.api.scope import SCOPE_RULES
from airflow_provider_bitget.hooks import session as session_module
from airflow_provider_bitget.hooks.bitget import BitgetHook
from airflow_provider_bitget.sandbox import Account, Sandbox, numbered_account

if TYPE_CHECKING:
    from tests.unit.hooks.conftest import MakeHook

PENDING = "/api/v2/mix/order/orders-pending"
ACCOUNTS = "/api/v2/mix/account/accounts"


def secrets_of(account: Account) -> tuple[str, str, str]:
    return account.key, account.secret, account.passphrase


# -------------------------------------------------------------------------------------------------- no secret leaves


def test_key_secret_and_passphrase_are_masked_before_anything_else_happens(
    make_hook: MakeHook, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    masked: list[str] = []
    monkeypatch.setattr(session_module, "_masker", lambda: masked.append)

    make_hook().get_conn()
    assert masked == list(secrets_of(sandbox.accounts[0]))

    masked.clear()
    with pytest.raises(BitgetConfigError):
        make_hook(extra={"account_mode": "unified"}).get_conn()
    assert masked == list(secrets_of(sandbox.accounts[0]))


def test_airflow_itself_blots_the_credentials_out_of_its_logs(make_hook: MakeHook) -> None:
    import airflow.sdk.log

    account = Account("key-that-only-this-test-uses", "secret-only-of-this-test", "phrase-only-of-this-test", "7")
    make_hook(account=account).get_conn()

    blotted: Any = vars(airflow.sdk.log)["redact"]
    assert blotted(f"{account.key} {account.secret} {account.passphrase}") == "*** *** ***"


@pytest.mark.parametrize(
    ("homes", "found"),
    [
        (("no_such_module", "airflow.sdk.log"), True),
        # A module that is there without the function, as in the release that moved it.
        (("json", "airflow.sdk.log"), True),
        (("no_such_module", "json"), False),
    ],
)
def test_masker_is_found_wherever_this_airflow_keeps_it_or_nothing_goes_on(
    monkeypatch: pytest.MonkeyPatch, homes: tuple[str, ...], found: bool
) -> None:
    from airflow.sdk.log import mask_secret

    monkeypatch.setattr(session_module, "_MASKER_HOMES", homes)
    if found:
        assert session_module._masker() is mask_secret
    else:
        with pytest.raises(RuntimeError, match="mask_secret"):
            session_module._masker()


def test_nothing_of_the_hook_shows_a_secret(hook: BitgetHook, sandbox: Sandbox) -> None:
    shown = [repr(hook), repr(hook.get_conn()), repr(hook.dialect), repr(vars(hook)), repr(vars(hook.get_conn()))]

    assert not [part for part in secrets_of(sandbox.accounts[0]) for text in shown if part in text]


def test_session_is_made_once(hook: BitgetHook) -> None:
    assert hook.get_conn() is hook.get_conn()
    assert hook.dialect.client is hook.get_conn()


# ---------------------------------------------------------------------------------------------------- test_connection


def test_good_connection_is_confirmed_with_one_signed_read(make_hook: MakeHook, sandbox: Sandbox) -> None:
    verdict, text = make_hook().test_connection()

    assert verdict
    assert "live trading" in text
    assert sandbox.url in text
    assert [(record.method, record.path, record.account) for record in sandbox.requests] == [
        ("GET", PENDING, sandbox.accounts[0].uid)
    ]


def test_good_demo_connection_is_confirmed_as_one(make_hook: MakeHook, sandbox: Sandbox) -> None:
    demo = numbered_account(demo=True)
    with Sandbox(accounts=[demo]) as demo_exchange:
        hook = make_hook(account=demo, host=demo_exchange.url)
        assert hook.test_connection() == (
            True,
            f"Bitget accepted API key, secret and passphrase (demo trading, {demo_exchange.url}).",
        )


@pytest.mark.parametrize(
    ("fields", "named", "code"),
    [
        ({"login": "bg_wrong_key_000"}, "login", "40037"),
        ({"password": "wrong-secret-0000"}, "password", "40009"),
        ({"extra": {"passphrase": "wrong-passphrase"}}, "passphrase", "40012"),
        ({"extra": {"demo_trading": True}}, "demo_trading", "40099"),
    ],
)
def test_wrong_field_is_named_after_exactly_one_request(
    make_hook: MakeHook, sandbox: Sandbox, fields: dict[str, Any], named: str, code: str
) -> None:
    verdict, text = make_hook(**fields).test_connection()

    assert not verdict
    assert named in text
    assert code in text
    assert [record.code for record in sandbox.requests] == [code]
    wrong = [fields.get("login"), fields.get("password"), fields.get("extra", {}).get("passphrase")]
    assert not [part for part in (*secrets_of(sandbox.accounts[0]), *wrong) if part and part in text]


def test_demo_key_without_the_switch_is_told_about_the_switch(make_hook: MakeHook) -> None:
    demo = numbered_account(demo=True)
    with Sandbox(accounts=[demo]) as exchange:
        verdict, text = make_hook(account=demo, host=exchange.url, extra={"demo_trading": False}).test_connection()

    assert not verdict
    assert "demo_trading" in text


def test_unified_account_is_told_about_the_account_mode(make_hook: MakeHook) -> None:
    unified = numbered_account(mode="unified")
    with Sandbox(accounts=[unified]) as exchange:
        verdict, text = make_hook(account=unified, host=exchange.url).test_connection()

    assert not verdict
    assert "40085" in text
    assert "account_mode" in text


@pytest.mark.parametrize("offset", [60.0, -60.0])
def test_wrong_clock_is_named_after_exactly_one_request(make_hook: MakeHook, sandbox: Sandbox, offset: float) -> None:
    sandbox.inject("clock", offset=offset)

    verdict, text = make_hook().test_connection()

    assert not verdict
    assert "clock" in text
    assert [record.code for record in sandbox.requests] == ["40008"]


@pytest.mark.parametrize(
    ("fault", "options", "words"),
    [
        ("rate_limit", {}, "429"),
        ("bad_gateway", {}, "502"),
        ("html", {}, "host"),
        ("truncate", {}, "not the exchange's JSON"),
        ("truncate", {"clean": False}, "cut off"),
        ("reset_before", {}, "connection"),
        ("reset_after", {}, "connection"),
        ("refuse", {"code": "40038"}, "IP"),
        ("refuse", {"code": "40200"}, "40200"),
        ("refuse", {"code": "99999"}, "99999"),
    ],
)
def test_any_other_fault_is_told_after_exactly_one_request(
    make_hook: MakeHook, sandbox: Sandbox, fault: str, options: dict[str, Any], words: str
) -> None:
    sandbox.inject(fault, **options)

    verdict, text = make_hook().test_connection()

    assert not verdict
    assert words in text
    assert len(sandbox.requests) == 1
    assert not [part for part in secrets_of(sandbox.accounts[0]) if part in text]


def test_unreachable_host_is_named(make_hook: MakeHook) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    verdict, text = make_hook(host=f"http://127.0.0.1:{port}").test_connection()

    assert not verdict
    assert "host" in text


def test_host_that_is_not_the_exchange_is_named(make_hook: MakeHook) -> None:
    from tests.unit.api.wire import local_server

    for status, body in ((404, b"<html>"), (200, b"<html>"), (302, b"")):
        with local_server(status, body, {"Location": "https://example.com/"}) as other:
            verdict, text = make_hook(host=other.url).test_connection()
        assert not verdict
        assert "host" in text
        assert len(other.requests) == 1


def test_silent_host_is_given_up_long_before_a_browser_would(
    make_hook: MakeHook, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "_TEST_TIMEOUT", 0.3)
    sandbox.inject("hang", seconds=2.0)

    verdict, text = make_hook(extra={"timeout": 60}).test_connection()

    assert not verdict
    assert "no answer in time" in text


def test_missing_connection_is_a_verdict_and_no_exception() -> None:
    verdict, text = BitgetHook("no_such_connection").test_connection()

    assert not verdict
    assert "NotFound" in text


def test_error_of_an_unknown_kind_shows_its_type_only(hook: BitgetHook, monkeypatch: pytest.MonkeyPatch) -> None:
    def leak(*_: Any, **__: Any) -> Any:
        raise RuntimeError("password is hunter2")

    monkeypatch.setattr(BitgetHook, "_make_client", leak)

    assert hook.test_connection() == (False, "The connection could not be tested: RuntimeError")


# ---------------------------------------------------------------------------------------------------- open orders


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
    sandbox.inject("refuse", code="40017", after=1)

    with pytest.raises(BitgetCallError):
        hook.list_open_orders()


# ------------------------------------------------------------------------------------------------- any other endpoint


def test_any_endpoint_can_be_read(hook: BitgetHook) -> None:
    [account] = hook.request("GET", ACCOUNTS, params={"productType": "USDT-FUTURES", "symbol": None})

    assert account["marginCoin"] == "USDT"


def test_any_endpoint_can_be_written_to(hook: BitgetHook, sandbox: Sandbox) -> None:
    [order] = sandbox.place(1, "BTCUSDT")
    body = {"productType": "USDT-FUTURES", "symbol": "BTCUSDT", "orderId": order["orderId"]}

    assert hook.request("POST", "/api/v2/mix/order/cancel-order", body=body)["orderId"] == order["orderId"]
    assert sandbox.open_orders() == []


def test_read_is_repeated_after_a_lost_answer(hook: BitgetHook, sandbox: Sandbox) -> None:
    sandbox.inject("reset_after", times=1)

    assert hook.request("GET", ACCOUNTS, {"productType": "USDT-FUTURES"})
    assert len(sandbox.requests) == 2


@pytest.mark.parametrize(
    ("fault", "options", "kind"),
    [
        ("reset_after", {}, BitgetAmbiguousError),
        ("bad_gateway", {"processed": True}, BitgetAmbiguousError),
        ("refuse", {"code": "40015"}, BitgetTransientError),
    ],
)
def test_write_is_not_repeated_after_an_answer_that_proves_nothing(
    hook: BitgetHook, sandbox: Sandbox, fault: str, options: dict[str, Any], kind: type[BitgetCallError]
) -> None:
    [order] = sandbox.place(1, "BTCUSDT")
    sandbox.inject(fault, times=1, **options)
    body = {"productType": "USDT-FUTURES", "symbol": "BTCUSDT", "orderId": order["orderId"]}

    with pytest.raises(kind) as caught:
        hook.request("POST", "/api/v2/mix/order/cancel-order", body=body)

    assert caught.value.maybe_processed
    assert len(sandbox.requests) == 1


@pytest.mark.parametrize("path", SCOPE_RULES)
@pytest.mark.parametrize(
    "body", [None, {}, [], {"productType": "USDT-FUTURES"}, {"symbol": ""}, {"orderIdList": []}, [{"orderId": ""}]]
)
def test_request_that_would_mean_everything_is_refused_before_it_is_sent(
    hook: BitgetHook, sandbox: Sandbox, path: str, body: Any
) -> None:
    with pytest.raises(BitgetScopeError):
        hook.request("POST", path, body=body)

    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("method", "path", "field"),
    [
        ("DELETE", ACCOUNTS, "method"),
        ("POST", "/api/v2/mix/order/cancel-all-orders/", "path"),
        ("POST", "/api/v2/mix/order//cancel-all-orders", "path"),
        ("POST", "/api/v2/mix/order/x/../cancel-all-orders", "path"),
        ("POST", "/api/v2/mix/order/cancel-all%2Dorders", "path"),
        ("GET", f"{ACCOUNTS}?productType=USDT-FUTURES", "path"),
        ("GET", "https://example.com/api/v2/x", "path"),
        ("GET", "//example.com/api/v2/x", "path"),
    ],
)
def test_unusable_method_or_path_is_refused_by_name(
    hook: BitgetHook, sandbox: Sandbox, method: str, path: str, field: str
) -> None:
    with pytest.raises(BitgetConfigError) as refusal:
        hook.request(method, path, body={"productType": "USDT-FUTURES"})

    assert refusal.value.field == field
    assert sandbox.requests == []


def test_body_that_json_cannot_hold_is_refused_by_name(hook: BitgetHook, sandbox: Sandbox) -> None:
    with pytest.raises(BitgetConfigError) as refusal:
        hook.request("POST", "/api/v2/mix/order/place-order", body={"size": object()})

    assert refusal.value.field == "body"
    assert sandbox.requests == []


def test_numbers_and_switches_in_a_query_are_written_as_the_exchange_reads_them(
    hook: BitgetHook, sandbox: Sandbox
) -> None:
    sandbox.place(7, "BTCUSDT")

    found = hook.request("GET", PENDING, {"productType": "USDT-FUTURES", "limit": 3, "reduceOnly": True})

    assert len(found["entrustedList"]) == 3


def test_refusal_keeps_code_and_status(hook: BitgetHook) -> None:
    with pytest.raises(BitgetBadRequestError) as caught:
        hook.request("GET", "/api/v2/mix/nothing/here")

    assert (caught.value.code, caught.value.http_status) == ("40404", 400)
