# SPDX-License-Identifier: Apache-2.0
"""The demo begins with the same books on either kind of account, and its command refuses what cannot be."""

from __future__ import annotations

import pytest

from airflow_provider_bitget.sandbox import Sandbox
from airflow_provider_bitget.sandbox.accounts import AccountMode
from airflow_provider_bitget.sandbox.demo import main
from airflow_provider_bitget.sandbox.demo_books import RULES, books_table, furnish, read_books, read_ends


@pytest.mark.parametrize(
    ("mode", "plan_types"),
    [
        ("classic", {"normal_plan", "track_plan", "pos_loss"}),
        ("unified", {"normal_plan", "profit_plan", "pos_loss"}),
    ],
)
def test_books_are_alike_on_either_kind_of_account(mode: AccountMode, plan_types: set[str]) -> None:
    sandbox = Sandbox(account_mode=mode, **RULES)
    furnished = furnish(sandbox, 230)
    books = read_books(sandbox)
    assert {plan["planType"] for plan in sandbox.open_plan_orders()} == plan_types
    assert books.total == {"orders": 230, "plan_orders": 13, "positions": 4}
    assert list(books_table(books, books))[-1].split() == ["all", *["230", "13", "4"] * 2]
    assert read_ends(sandbox, furnished).states == {"live": 243}


def test_demo_refuses_more_orders_than_a_unified_account_takes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--account", "unified", "--orders", "401"])
    assert "at most 400 open futures orders" in capsys.readouterr().err
