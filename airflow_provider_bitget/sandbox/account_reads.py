# SPDX-License-Identifier: Apache-2.0
"""The endpoints that say what an account is, and what its key may do.

- https://www.bitget.com/api-doc/spot/account/Get-Account-Info
- https://www.bitget.com/api-doc/uta/account/Get-Account-Setting
- https://www.bitget.com/api-doc/uta/account/Get-Account-Info
"""

from __future__ import annotations

from typing import Any

from airflow_provider_bitget.sandbox.orders import HEDGE, ONE_WAY, OPEN_STATUSES, mode_of
from airflow_provider_bitget.sandbox.parameters import Call

REGISTERED_MS = "1704067200000"


def spot_account_info(call: Call) -> dict[str, Any]:
    """Return what the key of a classic account may do, in the page's short names.

    ``coow`` and ``coor`` are futures orders, ``cpow`` and ``cpor`` futures positions (written or only read), ``wwow``
    is withdrawal.

    :param call: the request.
    """
    account = call.signer
    futures = ["coow", "cpow"] if account.may_trade else ["coor", "cpor"]
    return {
        **_person_of(call),
        "authorities": [*futures, *(["wwow"] if account.may_withdraw else [])],
        "parentId": 1,
        "traderType": "not_trader",
    }


def account_info(call: Call) -> dict[str, Any]:
    """Return what the key of a unified account may do: a type of permission, and what it holds for.

    :param call: the request.
    """
    account = call.signer
    # What a key may only read is named as well; permType tells then.
    trade = ["uta_trade"] if account.may_trade or not account.permissions else []
    return {
        **_person_of(call),
        "parentId": "",
        "permType": "read-and-write" if account.permissions else "readonly",
        "permissions": ["uta_mgt", *trade, *(["withdraw"] if account.may_withdraw else [])],
    }


def account_settings(call: Call) -> dict[str, Any]:
    """Return the settings of a unified account.

    :param call: the request.
    """
    held = [position.pos_side for position in call.ledger.positions()]
    ordered = [order.pos_side for order in call.book.all_orders(OPEN_STATUSES)]
    modes = {mode_of(pos_side) for pos_side in (*held, *ordered)}
    return {
        "uid": call.signer.uid,
        "accountMode": call.rules.unified_mode,
        "assetMode": "multi_assets",
        "holdMode": HEDGE if HEDGE in modes else ONE_WAY,
        "stpMode": "none",
        "symbolConfigList": [],
        "coinConfigList": [],
    }


def _person_of(call: Call) -> dict[str, Any]:
    return {
        "userId": call.signer.uid,
        "inviterId": "",
        "channelCode": "",
        "channel": "",
        "ips": "",
        "regisTime": REGISTERED_MS,
    }
