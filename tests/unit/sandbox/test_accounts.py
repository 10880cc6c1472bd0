# SPDX-License-Identifier: Apache-2.0
"""Accounts are of two kinds that share no path, and their keys say what they may do."""

from __future__ import annotations

import pytest

from airflow_provider_bitget.sandbox import Account, Exchange, Sandbox, VirtualClock, numbered_account
from airflow_provider_bitget.sandbox.accounts import as_accounts
from airflow_provider_bitget.sandbox.endpoints import ENDPOINTS
from tests.unit.sandbox.conftest import MakeDesk, MakeUnifiedDesk
from tests.unit.sandbox.desk import (
    ACCOUNT_INFO,
    BATCH_CANCEL,
    PENDING,
    SETTINGS,
    SPOT_ACCOUNT_INFO,
    TIME,
    UNFILLED,
    USDT_FUTURES,
    Answer,
    Desk,
    UnifiedDesk,
)

SIGNED = [(method, path) for (method, path), endpoint in ENDPOINTS.items() if endpoint.signed]


def ask(desk: Desk, method: str, path: str) -> Answer:
    return desk.get(path) if method == "GET" else desk.post(path, {})


@pytest.mark.parametrize(("method", "path"), SIGNED)
def test_key_of_the_other_kind_of_account_is_refused_before_it_counts(
    make_desk: MakeDesk, make_unified_desk: MakeUnifiedDesk, method: str, path: str
) -> None:
    unified = path.startswith("/api/v3/")
    desk = make_desk() if unified else make_unified_desk()
    for _ in range(21):
        answer = ask(desk, method, path)
        assert (answer.status, answer.code, answer.data) == (400, "40084" if unified else "40085", None)
    assert desk.exchange.statistics()[path]["accepted"] == 0


@pytest.mark.parametrize(("method", "path"), [one for one in SIGNED if one[1].startswith("/api/v2/")])
@pytest.mark.parametrize(
    "headers",
    [
        {"ACCESS-SIGN": "wrong"},
        {"ACCESS-PASSPHRASE": "wrong"},
        {"ACCESS-TIMESTAMP": "1"},
        {"paptrading": "1"},
    ],
    ids=["secret", "passphrase", "clock", "environment"],
)
def test_key_of_a_unified_account_is_refused_before_its_signature_is_looked_at(
    unified_desk: UnifiedDesk, method: str, path: str, headers: dict[str, str | None]
) -> None:
    answer = unified_desk.get(path, headers) if method == "GET" else unified_desk.post(path, {}, headers)
    assert (answer.status, answer.code) == (400, "40085")


@pytest.mark.parametrize("code", ["40037", "40006"])
def test_unknown_key_is_of_no_kind(make_unified_desk: MakeUnifiedDesk, code: str) -> None:
    desk = make_unified_desk(unknown_key_code=code)
    assert desk.get(PENDING, {"ACCESS-KEY": "nobody"}).code == code
    assert desk.get(UNFILLED, {"ACCESS-KEY": "nobody"}).code == code


@pytest.mark.parametrize(
    ("headers", "code"),
    [({"ACCESS-SIGN": "wrong"}, "40009"), ({"ACCESS-PASSPHRASE": "wrong"}, "40012"), ({"ACCESS-SIGN": None}, "40003")],
)
def test_key_of_a_unified_account_signs_as_strictly_where_it_belongs(
    unified_desk: UnifiedDesk, headers: dict[str, str | None], code: str
) -> None:
    assert unified_desk.get(UNFILLED, headers, category=USDT_FUTURES).code == code


def test_key_of_a_classic_account_is_told_its_kind_only_if_it_signs(desk: Desk) -> None:
    assert desk.get(UNFILLED, {"ACCESS-SIGN": "wrong"}).code == "40009"
    assert desk.get(UNFILLED).code == "40084"


def test_time_serves_both_kinds(unified_desk: UnifiedDesk, desk: Desk) -> None:
    assert [one.get(TIME).code for one in (unified_desk, desk)] == ["00000", "00000"]


def test_both_kinds_live_side_by_side_on_books_of_their_own(make_desk: MakeDesk) -> None:
    desk = make_desk(numbered_account(1), numbered_account(2, mode="unified"))
    other = UnifiedDesk(desk.exchange, desk.clock, desk.exchange.accounts[1])
    [mine], [theirs] = desk.place(), other.place()
    assert (desk.pending().listed, other.unfilled().unified_listed) == ([mine], [theirs])
    assert desk.cancel([theirs]).failed == {theirs: "43001"}
    assert other.cancel_batch([mine]).item_codes == {mine: "25204"}


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/api/v3/trade/cancel-batch", 5),
        ("/api/v3/trade/cancel-symbol-order", 5),
        ("/api/v3/trade/cancel-order", 10),
        ("/api/v3/trade/cancel-strategy-order", 10),
        ("/api/v3/trade/close-positions", 5),
        ("/api/v3/trade/unfilled-orders", 20),
        ("/api/v3/trade/history-orders", 20),
        ("/api/v3/trade/order-info", 20),
        ("/api/v3/trade/unfilled-strategy-orders", 20),
        ("/api/v3/trade/history-strategy-orders", 20),
        ("/api/v3/trade/strategy-sub-orders", 10),
        ("/api/v3/position/current-position", 20),
        ("/api/v3/account/settings", 20),
        ("/api/v3/account/info", 1),
    ],
)
def test_paths_of_a_unified_account_have_their_documented_limits(
    unified_desk: UnifiedDesk, path: str, limit: int
) -> None:
    [method] = [method for method, known in ENDPOINTS if known == path]
    statuses = [ask(unified_desk, method, path).status for _ in range(limit + 1)]
    assert 429 not in statuses[:-1]
    assert statuses[-1] == 429


# How accounts are made up


def test_accounts_are_made_up_in_the_wanted_mode() -> None:
    for accounts in (as_accounts(2, mode="unified"), Exchange(VirtualClock(), account_mode="unified").accounts):
        assert {account.mode for account in accounts} == {"unified"}
    with_one = Sandbox(account_mode="unified", demo=True)
    assert [(one.mode, one.demo) for one in with_one.accounts] == [("unified", True)]
    given = as_accounts([numbered_account()], mode="unified")
    assert [account.mode for account in given] == ["classic"]


def test_connection_does_not_tell_the_kind_of_account() -> None:
    account = numbered_account(mode="unified")
    assert account.connection("http://127.0.0.1:1") == numbered_account().connection("http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "hybrid"}, "known are classic, unified"),
        ({"permissions": ("trade", "fly")}, "unknown permission fly; known are trade, withdraw"),
    ],
)
def test_accounts_that_cannot_be_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        numbered_account(**options)  # type: ignore[arg-type]


# How many orders


@pytest.mark.parametrize(("rules", "most"), [({}, 400), ({"open_order_cap": 450}, 450)])
def test_unified_account_takes_so_many_open_orders_over_all_categories(
    make_unified_desk: MakeUnifiedDesk, rules: dict[str, int], most: int
) -> None:
    desk = make_unified_desk(**rules)
    order_ids = desk.place(most - 1)
    desk.place(1, "BTCUSD", product_type="COIN-FUTURES")
    with pytest.raises(ValueError, match=f"at most {most} open futures orders; {most} and 1 more would be {most + 1}"):
        desk.place()
    desk.exchange.cancel(order_ids[0])
    desk.place()


def test_classic_account_and_a_cap_of_zero_take_any_number(
    make_desk: MakeDesk, make_unified_desk: MakeUnifiedDesk
) -> None:
    for desk in (make_desk(), make_unified_desk(open_order_cap=0)):
        assert len(desk.place(1_000)) == 1_000


@pytest.mark.parametrize("rules", [{"open_order_cap": -1}, {"unfilled_days": -1}, {"empty_list": "none"}])
def test_rules_that_cannot_be_are_refused(make_unified_desk: MakeUnifiedDesk, rules: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(rules))):
        make_unified_desk(**rules)


# What keys may do


@pytest.mark.parametrize(
    ("permissions", "authorities", "perm_type", "unified"),
    [
        (("trade",), ["coow", "cpow"], "read-and-write", ["uta_mgt", "uta_trade"]),
        ((), ["coor", "cpor"], "readonly", ["uta_mgt", "uta_trade"]),
        (("trade", "withdraw"), ["coow", "cpow", "wwow"], "read-and-write", ["uta_mgt", "uta_trade", "withdraw"]),
        (("withdraw",), ["coor", "cpor", "wwow"], "read-and-write", ["uta_mgt", "withdraw"]),
    ],
)
def test_account_says_what_its_key_may_do(
    make_desk: MakeDesk,
    make_unified_desk: MakeUnifiedDesk,
    permissions: tuple[str, ...],
    authorities: list[str],
    perm_type: str,
    unified: list[str],
) -> None:
    desk = make_desk(numbered_account(permissions=permissions))
    data = desk.get(SPOT_ACCOUNT_INFO).data
    assert (data["authorities"], data["userId"]) == (authorities, desk.account.uid)
    desk = make_unified_desk(numbered_account(mode="unified", permissions=permissions))
    data = desk.get(ACCOUNT_INFO).data
    assert (data["permType"], data["permissions"], data["userId"]) == (perm_type, unified, desk.account.uid)


def test_key_that_may_not_trade_only_reads(make_desk: MakeDesk, make_unified_desk: MakeUnifiedDesk) -> None:
    desk = make_desk(numbered_account(permissions=()))
    order_ids = desk.place()
    assert (desk.cancel(order_ids).code, desk.pending().listed) == ("40014", order_ids)
    assert desk.exchange.statistics()[BATCH_CANCEL]["accepted"] == 0
    unified = make_unified_desk(numbered_account(mode="unified", permissions=()))
    order_ids = unified.place()
    assert (unified.cancel_batch(order_ids).code, unified.unfilled().unified_listed) == ("25620", order_ids)


@pytest.mark.parametrize("mode", ["unified", "hybrid", "upgrading", "switching"])
def test_settings_name_the_mode_of_the_account(make_unified_desk: MakeUnifiedDesk, mode: str) -> None:
    desk = make_unified_desk(unified_mode=mode)
    data = desk.get(SETTINGS).data
    assert (data["uid"], data["accountMode"], data["holdMode"]) == (desk.account.uid, mode, "one_way_mode")
    desk.exchange.open_position()
    assert desk.get(SETTINGS).data["holdMode"] == "hedge_mode"


def test_demo_key_of_a_unified_account_needs_the_header(make_unified_desk: MakeUnifiedDesk) -> None:
    desk = make_unified_desk(numbered_account(demo=True, mode="unified"))
    assert desk.unfilled().code == "00000"
    assert desk.get(SETTINGS, {"paptrading": None}).code == "40099"


def test_account_in_full_can_be_unified(make_unified_desk: MakeUnifiedDesk) -> None:
    desk = make_unified_desk(Account("key", "secret", "passphrase", "7", mode="unified"))
    assert desk.get(SETTINGS).data["uid"] == "7"
    assert desk.get(BATCH_CANCEL, productType=USDT_FUTURES).code == "40404"
