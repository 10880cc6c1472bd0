# SPDX-License-Identifier: Apache-2.0
"""What a DAG's author gets from the hook: a session, a test of the connection that tells, any endpoint."""

from __future__ import annotations

import importlib
import socket
from collections.abc import Iterator
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
from airflow_provider_bitget.sandbox.accounts import AccountMode
from tests.airflow_version import MASKER_MODULE
from tests.kinds import KINDS

if TYPE_CHECKING:
    from tests.unit.hooks.conftest import MakeHook

PENDING = "/api/v2/mix/order/orders-pending"
ACCOUNTS = "/api/v2/mix/account/accounts"
RIGHTS = "/api/v2/spot/account/info"


@pytest.fixture(scope="module")
def exchange() -> Iterator[Sandbox]:
    """Whatever is said about the wire here is said of a classic account's."""
    with Sandbox() as running:
        yield running


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
        make_hook(extra={"account_mode": "uta"}).get_conn()
    assert masked == list(secrets_of(sandbox.accounts[0]))


def test_airflow_itself_blots_the_credentials_out_of_its_logs(make_hook: MakeHook) -> None:
    account = Account("key-that-only-this-test-uses", "secret-only-of-this-test", "phrase-only-of-this-test", "7")
    make_hook(account=account).get_conn()

    blotted: Any = vars(importlib.import_module(MASKER_MODULE))["redact"]
    assert blotted(f"{account.key} {account.secret} {account.passphrase}") == "*** *** ***"


@pytest.mark.parametrize(
    ("homes", "found"),
    [
        (("no_such_module", MASKER_MODULE), True),
        # A module that is there without the function, as in the release that moved it.
        (("json", MASKER_MODULE), True),
        (("no_such_module", "json"), False),
    ],
)
def test_masker_is_found_wherever_this_airflow_keeps_it_or_nothing_goes_on(
    monkeypatch: pytest.MonkeyPatch, homes: tuple[str, ...], found: bool
) -> None:
    mask_secret = vars(importlib.import_module(MASKER_MODULE))["mask_secret"]
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


def test_good_connection_is_confirmed_with_a_signed_read_and_a_look_at_the_keys_rights(
    make_hook: MakeHook, sandbox: Sandbox
) -> None:
    verdict, text = make_hook().test_connection()

    assert verdict
    assert "live trading" in text
    assert sandbox.url in text
    assert [(record.method, record.path, record.account) for record in sandbox.requests] == [
        ("GET", PENDING, sandbox.accounts[0].uid),
        ("GET", RIGHTS, sandbox.accounts[0].uid),
    ]


def test_good_demo_connection_is_confirmed_as_one(make_hook: MakeHook) -> None:
    demo = numbered_account(demo=True)
    with Sandbox(accounts=[demo]) as demo_exchange:
        hook = make_hook(account=demo, host=demo_exchange.url)
        assert hook.test_connection() == (
            True,
            f"Bitget accepted API key, secret and passphrase (demo trading, {demo_exchange.url}). "
            "The account is a classic one. The key may trade futures.",
        )


@pytest.mark.parametrize("mode", ["auto", "as it is"])
@pytest.mark.parametrize("kind", KINDS)
def test_kind_of_the_account_is_told(make_hook: MakeHook, kind: AccountMode, mode: str) -> None:
    account = numbered_account(mode=kind)
    with Sandbox(accounts=[account]) as exchange:
        extra = {"account_mode": kind if mode == "as it is" else mode}
        verdict, text = make_hook(account=account, host=exchange.url, extra=extra).test_connection()

    assert verdict
    assert f"The account is a {kind} one." in text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("permissions", "words", "silence"),
    [
        (("trade",), "may trade futures", "WARNING"),
        ((), "WARNING: the key may not trade futures", "withdraw"),
        (("trade", "withdraw"), "WARNING: the key may withdraw funds", "may not trade"),
    ],
)
def test_rights_of_the_key_are_told_and_too_many_or_too_few_are_warned_about(
    make_hook: MakeHook, kind: AccountMode, permissions: tuple[Any, ...], words: str, silence: str
) -> None:
    account = numbered_account(mode=kind, permissions=permissions)
    with Sandbox(accounts=[account]) as exchange:
        verdict, text = make_hook(account=account, host=exchange.url).test_connection()

    assert verdict
    assert words in text
    assert silence not in text


@pytest.mark.parametrize("fault", [("refuse", {"code": "40014"}), ("refuse", {"code": "40404"}), ("html", {})])
def test_rights_that_are_not_shown_are_not_spoken_of(
    make_hook: MakeHook, sandbox: Sandbox, fault: tuple[str, dict[str, Any]]
) -> None:
    kind, options = fault
    sandbox.inject(kind, endpoint="info", **options)

    verdict, text = make_hook().test_connection()

    assert verdict
    assert text.endswith("The account is a classic one.")


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


@pytest.mark.parametrize(("kind", "said", "code"), [("unified", "classic", "40085"), ("classic", "unified", "40084")])
def test_account_of_another_kind_than_was_said_is_told_what_to_set(
    make_hook: MakeHook, kind: AccountMode, said: str, code: str
) -> None:
    account = numbered_account(mode=kind)
    with Sandbox(accounts=[account]) as exchange:
        hook = make_hook(account=account, host=exchange.url, extra={"account_mode": said})
        verdict, text = hook.test_connection()

        assert not verdict
        assert code in text
        assert f"set account_mode to {kind}" in text
        assert len(exchange.requests) == 1


def test_wrong_secret_of_a_unified_account_is_named_too(make_hook: MakeHook) -> None:
    account = numbered_account(mode="unified")
    with Sandbox(accounts=[account]) as exchange:
        verdict, text = make_hook(account=account, host=exchange.url, password="wrong-secret-0000").test_connection()

    assert not verdict
    assert "40009" in text
    assert "password" in text


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
    monkeypatch.setattr(session_module, "_TEST_SECONDS", 0.3)
    sandbox.inject("hang", seconds=2.0)

    verdict, text = make_hook(extra={"timeout": 60}).test_connection()

    assert not verdict
    assert "no answer in time" in text


def test_missing_connection_is_a_verdict_and_no_exception() -> None:
    verdict, text = BitgetHook("no_such_connection").test_connection()

    assert not verdict
    assert "no connection 'no_such_connection'" in text
    assert "JSON object" in text


def test_error_of_an_unknown_kind_shows_its_type_only(hook: BitgetHook, monkeypatch: pytest.MonkeyPatch) -> None:
    def leak(*_: Any, **__: Any) -> Any:
        raise RuntimeError("password is hunter2")

    monkeypatch.setattr(BitgetHook, "_make_client", leak)

    assert hook.test_connection() == (False, "The connection could not be tested: RuntimeError")


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
