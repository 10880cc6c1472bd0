# SPDX-License-Identifier: Apache-2.0
"""The accounts of the stand-in exchange: a key, its secret and its passphrase, and what the key may reach."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

AccountMode = Literal["classic", "unified"]
ACCOUNT_MODES: tuple[AccountMode, ...] = get_args(AccountMode)
PERMISSIONS = ("trade", "withdraw")


@dataclass(frozen=True)
class Account:
    """One account of the sandbox. Its credentials open nothing but the sandbox.

    :param key: the API key, sent as ``ACCESS-KEY``.
    :param secret: the secret that requests are signed with.
    :param passphrase: the passphrase, sent in clear as ``ACCESS-PASSPHRASE``.
    :param uid: the user id that limits are counted for.
    :param demo: True for a demo trading key, which works only together with the header ``paptrading: 1``
        (https://www.bitget.com/api-doc/common/demotrading/restapi).
    :param mode: ``classic``, or ``unified``: such a key gets 40085 from every signed V2 path, whatever its signature,
        a classic one 40084 from every V3 path. The connection doesn't tell.
    :param permissions: what the key may do besides reading: ``trade``, ``withdraw``. A key that may not trade gets
        40014 from every write.
    """

    key: str
    secret: str = field(repr=False)
    passphrase: str = field(repr=False)
    uid: str
    demo: bool = False
    mode: AccountMode = "classic"
    permissions: tuple[str, ...] = ("trade",)

    def __post_init__(self) -> None:
        if self.mode not in ACCOUNT_MODES:
            raise ValueError(f"account mode is {self.mode!r}; known are {', '.join(ACCOUNT_MODES)}")
        unknown = sorted(set(self.permissions) - set(PERMISSIONS))
        if unknown:
            raise ValueError(f"unknown permission {', '.join(unknown)}; known are {', '.join(PERMISSIONS)}")

    @property
    def may_trade(self) -> bool:
        """Whether its key may do more than read orders and positions."""
        return "trade" in self.permissions

    @property
    def may_withdraw(self) -> bool:
        """Whether its key may move money out of the account."""
        return "withdraw" in self.permissions

    def connection(self, url: str) -> dict[str, Any]:
        """Return the Airflow connection that reaches this account.

        :param url: the sandbox's base URL.
        """
        extra: dict[str, Any] = {"passphrase": self.passphrase}
        if self.demo:
            extra["demo_trading"] = True
        return {
            "conn_type": "bitget",
            "login": self.key,
            "password": self.secret,
            "host": url,
            "extra": extra,
        }


def numbered_account(
    number: int = 1,
    *,
    demo: bool = False,
    mode: AccountMode = "classic",
    permissions: Sequence[str] = ("trade",),
) -> Account:
    """Return an account with made-up credentials, always the same ones for the same number.

    :param number: 1 for the first account.
    :param demo: True for a demo trading key.
    :param mode: ``classic`` or ``unified``.
    :param permissions: what the key may do besides reading: ``trade``, ``withdraw``.
    """
    return Account(
        key=f"sandbox-key-{number}",
        secret=f"sandbox-secret-{number}-opens-nothing-else",
        passphrase=f"sandbox-passphrase-{number}",
        uid=str(1_000_000_000 + number),
        demo=demo,
        mode=mode,
        permissions=tuple(permissions),
    )


def as_accounts(
    accounts: int | Sequence[Account], *, demo: bool = False, mode: AccountMode = "classic"
) -> tuple[Account, ...]:
    """Return the accounts that a caller described by their number or in full.

    :param accounts: how many accounts to make up (at least 1), or the accounts themselves.
    :param demo: whether made-up accounts are demo trading accounts.
    :param mode: the mode of made-up accounts, ``classic`` or ``unified``.
    :raises ValueError: without any account, when two share a key, or for an unknown mode.
    """
    if isinstance(accounts, int):
        accounts = [numbered_account(number, demo=demo, mode=mode) for number in range(1, accounts + 1)]
    if not accounts:
        raise ValueError("the sandbox needs at least one account")
    if len({account.key for account in accounts}) != len(accounts):
        raise ValueError("two accounts of the sandbox share a key")
    return tuple(accounts)


def connection_json(account: Account, url: str) -> str:
    """Return the account's Airflow connection as one line of JSON.

    :param account: whose connection.
    :param url: the sandbox's base URL.
    """
    return json.dumps(account.connection(url))
