# SPDX-License-Identifier: Apache-2.0
"""ccxt at its defaults, in the loop that its user would write."""

from __future__ import annotations

import ccxt

from tests.benchmarks.claims import claims_of
from tests.benchmarks.clients.ccxt_account import SYMBOL, credentials_of, names_of, point_at_sandbox
from tests.benchmarks.clients.job import Client, Job, Statement


class CcxtSync:
    """One ``cancel_orders`` for every 50 ids; an exception is noted, and the loop goes on.

    :param job: what to cancel.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._exchange = ccxt.bitget(credentials_of(job))
        point_at_sandbox(self._exchange, job)
        self._cancelled: list[str] = []
        self._unknown: list[str] = []
        self._errors: list[Exception] = []

    def cancel(self) -> None:
        """Cancel the job's orders."""
        for chunk in self._job.chunks():
            try:
                self._cancelled += [order["id"] for order in self._exchange.cancel_orders(chunk, SYMBOL)]
            except Exception as error:  # noqa: BLE001  # the caller's loop goes on whatever happens
                self._unknown += chunk
                self._errors.append(error)

    def statement(self) -> Statement:
        """Return what the caller's loop has noted."""
        return Statement(claims_of(self._cancelled, self._unknown), names_of(self._errors))


def new_client(job: Job) -> Client:
    """Return the client."""
    return CcxtSync(job)
