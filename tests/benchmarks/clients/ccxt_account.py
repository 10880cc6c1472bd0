# SPDX-License-Identifier: Apache-2.0
"""What both kinds of ccxt need to reach the sandbox, and nothing that changes how they work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from tests.benchmarks.clients.job import Job

SYMBOL: Final = "BTC/USDT:USDT"
"""ccxt's name of BTCUSDT in USDT-FUTURES."""

_MARKET: Final = {
    "id": "BTCUSDT",
    "symbol": SYMBOL,
    "base": "BTC",
    "quote": "USDT",
    "settle": "USDT",
    "baseId": "BTC",
    "quoteId": "USDT",
    "settleId": "USDT",
    "type": "swap",
    "spot": False,
    "margin": False,
    "swap": True,
    "future": False,
    "option": False,
    "active": True,
    "contract": True,
    "linear": True,
    "inverse": False,
    "contractSize": 1.0,
    "precision": {"amount": 0.001, "price": 0.1},
    "limits": {},
    "info": {},
}


def credentials_of(job: Job) -> dict[str, str]:
    """Return the settings that ccxt is made with: the three parts of the key, everything else as it comes.

    :param job: what to cancel.
    """
    connection = job.connection
    return {
        "apiKey": connection["login"],
        "secret": connection["password"],
        "password": connection["extra"]["passphrase"],
    }


def point_at_sandbox(exchange: Any, job: Job) -> None:
    """Let ccxt call the sandbox, with its one market set by hand: loading the markets would cost it requests.

    :param exchange: ccxt's Bitget.
    :param job: what to cancel.
    """
    if job.symbol != _MARKET["id"]:
        raise ValueError(f"the benchmark knows no market {job.symbol}")
    exchange.urls["api"] = dict.fromkeys(exchange.urls["api"], job.connection["host"])
    exchange.set_markets([_MARKET])


def names_of(errors: Iterable[BaseException]) -> str:
    """Return how often each kind of exception was raised, in words.

    :param errors: what the caller's loop noted.
    """
    counts = Counter(type(error).__name__ for error in errors)
    return ", ".join(f"{name} ×{count}" for name, count in counts.items()) or "nothing: no exception"  # noqa: RUF001
