# SPDX-License-Identifier: Apache-2.0
"""Every way to write a connection, and what a connection that is not quite right gets told."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from airflow_provider_bitget.api.account import AccountDialect
from airflow_provider_bitget.api.classic import ClassicDialect
from airflow_provider_bitget.api.exceptions import BitgetConfigError
from airflow_provider_bitget.api.unified import UnifiedDialect
from airflow_provider_bitget.hooks.bitget import BitgetHook
from tests.airflow_version import loses_an_extra_that_is_no_json_object

KEY = "bg_0123456789abcdef"
SECRET = "s3cret/with+odd=signs&more"
PASSPHRASE = "correct horse?"
SECRETS = (KEY, SECRET, PASSPHRASE)
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0\n-----END PRIVATE KEY-----"


def as_json(extra: Any = None, **fields: Any) -> str:
    content = {"conn_type": "bitget", "login": KEY, "password": SECRET, **fields}
    content["extra"] = {"passphrase": PASSPHRASE, **(extra or {})} if not isinstance(extra, str) else extra
    return json.dumps(content)


def as_uri(host: str = "", query: str = "") -> str:
    parts = [quote(part, safe="") for part in SECRETS]
    return f"bitget://{parts[0]}:{parts[1]}@{host}/?passphrase={parts[2]}{query}"


@pytest.fixture
def hook_of(monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(connection: str) -> BitgetHook:
        monkeypatch.setenv("AIRFLOW_CONN_BITGET_DEFAULT", connection)
        return BitgetHook()

    return make


LIVE = ("https://api.bitget.com", False, None, 10.0)


@pytest.mark.parametrize(
    ("connection", "meaning"),
    [
        (as_json(), LIVE),
        (as_json(json.dumps({"passphrase": PASSPHRASE})), LIVE),
        (as_json({"demo_trading": None, "account_mode": None, "requests_per_second": None, "timeout": None}), LIVE),
        (as_json({"demo_trading": False, "account_mode": "", "requests_per_second": "", "timeout": ""}), LIVE),
        (as_json({"account_mode": "auto", "some_other_field": "kept for another program"}), LIVE),
        (as_json({"account_mode": "classic"}), LIVE),
        (as_json({"demo_trading": "false"}), LIVE),
        (as_json({"demo_trading": "False "}), LIVE),
        (as_json({"demo_trading": "0"}), LIVE),
        (as_json({"demo_trading": 0}), LIVE),
        (as_json({"demo_trading": True}), ("https://api.bitget.com", True, None, 10.0)),
        (as_json({"demo_trading": "true"}), ("https://api.bitget.com", True, None, 10.0)),
        (as_json({"demo_trading": "TRUE"}), ("https://api.bitget.com", True, None, 10.0)),
        (as_json({"demo_trading": "1"}), ("https://api.bitget.com", True, None, 10.0)),
        (as_json({"demo_trading": 1}), ("https://api.bitget.com", True, None, 10.0)),
        (as_json({"requests_per_second": 5, "timeout": 3}), ("https://api.bitget.com", False, 5.0, 3.0)),
        (as_json({"requests_per_second": "0.5", "timeout": " 3.5 "}), ("https://api.bitget.com", False, 0.5, 3.5)),
        (as_json(host="https://vip.bitget.com/"), ("https://vip.bitget.com", False, None, 10.0)),
        (as_json(host=" vip.bitget.com "), ("https://vip.bitget.com", False, None, 10.0)),
        (as_json(host="vip.bitget.com", port=8443), ("https://vip.bitget.com:8443", False, None, 10.0)),
        (as_json(host="vip.bitget.com:8443"), ("https://vip.bitget.com:8443", False, None, 10.0)),
        (as_json(port=443), LIVE),
        (as_json(port=8443), ("https://api.bitget.com:8443", False, None, 10.0)),
        (as_json(host="vip.bitget.com", port=443), ("https://vip.bitget.com", False, None, 10.0)),
        (as_json(host="https://vip.bitget.com:8443", port=8443), ("https://vip.bitget.com:8443", False, None, 10.0)),
        (as_json(host="https://vip.bitget.com/", port=8443), ("https://vip.bitget.com:8443", False, None, 10.0)),
        (as_json(host="vip.bitget.com", schema="https"), ("https://vip.bitget.com", False, None, 10.0)),
        (as_json(host="127.0.0.1", schema="http", port=8787), ("http://127.0.0.1:8787", False, None, 10.0)),
        (as_json(host="http://127.0.0.1:8787"), ("http://127.0.0.1:8787", False, None, 10.0)),
        (as_json(host="http://localhost", port="8787"), ("http://localhost:8787", False, None, 10.0)),
        (as_uri(), LIVE),
        (as_uri("vip.bitget.com"), ("https://vip.bitget.com", False, None, 10.0)),
        (as_uri("vip.bitget.com:8443"), ("https://vip.bitget.com:8443", False, None, 10.0)),
        (as_uri("", "&demo_trading=true"), ("https://api.bitget.com", True, None, 10.0)),
        (as_uri("", "&demo_trading=false"), LIVE),
        (
            as_uri("", "&requests_per_second=2&timeout=4&account_mode=classic"),
            ("https://api.bitget.com", False, 2.0, 4.0),
        ),
        (as_uri().replace("bitget://", "bitget://http://").replace("@/", "@127.0.0.1:8787/"),
         ("http://127.0.0.1:8787", False, None, 10.0)),
        (
            f"bitget://{quote(KEY)}:{quote(SECRET, safe='')}@/?__extra__="
            + quote(json.dumps({"passphrase": PASSPHRASE, "demo_trading": True})),
            ("https://api.bitget.com", True, None, 10.0),
        ),
    ],
)  # fmt: skip
def test_connection_means_the_same_however_it_is_written(
    hook_of: Any, connection: str, meaning: tuple[str, bool, float | None, float]
) -> None:
    client = hook_of(connection).get_conn()

    assert (client.base_url, client.demo_trading, client.requests_per_second, client.timeout) == meaning
    credentials = client._credentials
    assert (credentials.key, credentials.secret, credentials.passphrase) == SECRETS


@pytest.mark.parametrize(
    ("connection", "field"),
    [
        (as_json({"passphrase": None}), "passphrase"),
        (as_json({"passphrase": ""}), "passphrase"),
        (as_json({"passphrase": 12345678}), "passphrase"),
        (as_json({"passphrase": [PASSPHRASE]}), "passphrase"),
        (as_json({"passphrase": f"{PASSPHRASE} "}), "passphrase"),
        (json.dumps({"conn_type": "bitget", "login": KEY, "password": SECRET}), "passphrase"),
        (as_json(login=None), "login"),
        (as_json(login=""), "login"),
        (as_json(login=f"{KEY}\n"), "login"),
        (as_json(password=None), "password"),
        (as_json(password=""), "password"),
        (as_json(password=f" {SECRET}"), "password"),
        (as_json(password=PEM), "password"),
        (as_json(password=PEM.replace("PRIVATE", "RSA PRIVATE")), "password"),
        *[
            pytest.param(as_json(extra), "extra", marks=loses_an_extra_that_is_no_json_object)
            for extra in ("not json", '["passphrase"]', '"passphrase"', "[]", "null", "1")
        ],
        (as_json({"demo_trading": "maybe"}), "demo_trading"),
        (as_json({"demo_trading": ""}), "demo_trading"),
        (as_json({"demo_trading": " "}), "demo_trading"),
        (as_json({"demo_trading": "yes"}), "demo_trading"),
        (as_json({"demo_trading": 2}), "demo_trading"),
        (as_json({"demo_trading": 1.0}), "demo_trading"),
        (as_json({"demo_trading": ["true"]}), "demo_trading"),
        (as_json({"demo_trading": {}}), "demo_trading"),
        (as_json({"account_mode": "uta"}), "account_mode"),
        (as_json({"account_mode": 1}), "account_mode"),
        (as_json({"account_mode": ["classic"]}), "account_mode"),
        (as_json({"timeout": 0}), "timeout"),
        (as_json({"timeout": -1}), "timeout"),
        (as_json({"timeout": 121}), "timeout"),
        (as_json({"timeout": "soon"}), "timeout"),
        (as_json({"timeout": "nan"}), "timeout"),
        (as_json({"timeout": "inf"}), "timeout"),
        (as_json({"timeout": True}), "timeout"),
        (as_json({"timeout": []}), "timeout"),
        (as_json({"requests_per_second": 0}), "requests_per_second"),
        (as_json({"requests_per_second": "fast"}), "requests_per_second"),
        (as_json({"requests_per_second": False}), "requests_per_second"),
        (as_json(host="http://api.bitget.com"), "host"),
        (as_json(host="api.bitget.com", schema="http"), "host"),
        (as_json(host="http://127.0.0.1.example.com"), "host"),
        (as_json(host="https://api.bitget.com/api/v2"), "host"),
        (as_json(host=f"https://{KEY}@api.bitget.com"), "host"),
        (as_json(host="https://["), "host"),
        (as_json(host="api bitget com"), "host"),
        (as_json(host="ftp://api.bitget.com"), "host"),
        (as_uri("", "&demo_trading="), "demo_trading"),
    ],
)
def test_unclear_field_is_refused_by_its_name_and_no_secret_is_shown(hook_of: Any, connection: str, field: str) -> None:
    hook = hook_of(connection)
    with pytest.raises(BitgetConfigError) as refusal:
        hook.get_conn()

    assert refusal.value.field == field
    assert field in str(refusal.value)
    verdict, text = hook.test_connection()
    assert (verdict, text) == (False, str(refusal.value))
    for shown in (text, repr(refusal.value), repr(hook)):
        assert not [part for part in (*SECRETS, "MIIEv", "12345678") if part in shown]


@pytest.mark.parametrize(
    "name",
    [
        "demo", "Demo_Trading", "demoTrading", "demo-trading", "demo_tradng", "dmeo_trading", "is_demo", "paptrading",
        "PAPTRADING", "paper", "paper_trading", "papertrading", "simulated", "simulated_trading", "sandbox",
        "sandbox_mode", "testnet", "use_testnet", "extra__bitget__demo_trading",
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", [True, "true", False])
def test_misspelt_demo_switch_never_trades_live(hook_of: Any, name: str, value: Any) -> None:
    with pytest.raises(BitgetConfigError) as refusal:
        hook_of(as_json({name: value})).get_conn()

    assert refusal.value.field == "demo_trading"
    assert name in str(refusal.value)
    assert "demo_trading" in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("acount_mode", "account_mode"),
        ("accountMode", "account_mode"),
        ("request_per_second", "requests_per_second"),
        ("requests-per-second", "requests_per_second"),
        ("timeot", "timeout"),
        ("Passphrase", "passphrase"),
        ("rate_limit_con_id", "rate_limit_conn_id"),
    ],
)
def test_misspelt_field_is_refused_with_the_name_that_was_meant(hook_of: Any, name: str, meant: str) -> None:
    with pytest.raises(BitgetConfigError, match=f"It looks like {meant}") as refusal:
        hook_of(as_json({name: "some value"})).get_conn()

    assert refusal.value.field == meant
    assert name in str(refusal.value)
    assert "some value" not in str(refusal.value)


@pytest.mark.parametrize("name", ["note", "owner", "desk", "region", "proxy", "verify", "mode"])
def test_field_that_means_something_else_is_nobodys_business(hook_of: Any, name: str) -> None:
    assert hook_of(as_json({name: "some value"})).get_conn() is not None


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, AccountDialect),
        ("", AccountDialect),
        ("auto", AccountDialect),
        ("classic", ClassicDialect),
        ("unified", UnifiedDialect),
        (" Unified ", UnifiedDialect),
    ],
)
def test_account_mode_is_taken_at_its_word_and_left_to_the_exchange_without_one(
    hook_of: Any, value: str | None, kind: type
) -> None:
    assert type(hook_of(as_json({"account_mode": value})).dialect) is kind


def test_pem_key_is_told_which_kind_of_key_to_make(hook_of: Any) -> None:
    with pytest.raises(BitgetConfigError, match="RSA keys are not supported") as refusal:
        hook_of(as_json(password=PEM)).get_conn()

    assert "HMAC" in str(refusal.value)
