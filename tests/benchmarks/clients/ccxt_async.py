# SPDX-License-Identifier: Apache-2.0
"""ccxt's asynchronous half at its defaults, all groups of 50 gathered at once."""

from __future__ import annotations

import asyncio
from typing import Any

import ccxt.async_support

from tests.benchmarks.claims import claims_of
from tests.benchmarks.clients.ccxt_account import SYMBOL, credentials_of, names_of, point_at_sandbox
from tests.benchmarks.clients.job import Client, Job, Statement


class CcxtAsync:
    """``asyncio.gather`` over one ``cancel_orders`` for every 50 ids; an exception is noted.

    :param job: what to cancel.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._cancelled: list[str] = []
        self._unknown: list[str] = []
        self._errors: list[Exception] = []
        # The exchange belongs to a running loop, and neither its making nor its closing is to be timed.
        self._runner = asyncio.Runner()
        self._exchange = self._runner.run(self._new_exchange())

    def cancel(self) -> None:
        """Cancel the job's orders."""
        self._runner.run(self._cancel_all())

    def statement(self) -> Statement:
        """Return what the caller has noted."""
        self._runner.run(self._exchange.close())
        self._runner.close()
        return Statement(claims_of(self._cancelled, self._unknown), names_of(self._errors))

    async def _new_exchange(self) -> Any:
        exchange = ccxt.async_support.bitget(credentials_of(self._job))
        point_at_sandbox(exchange, self._job)
        return exchange

    async def _cancel_all(self) -> None:
        await asyncio.gather(*(self._cancel_chunk(chunk) for chunk in self._job.chunks()))

    async def _cancel_chunk(self, chunk: list[str]) -> None:
        try:
            self._cancelled += [order["id"] for order in await self._exchange.cancel_orders(chunk, SYMBOL)]
        except Exception as error:  # noqa: BLE001  # the caller goes on whatever happens
            self._unknown += chunk
            self._errors.append(error)


def new_client(job: Job) -> Client:
    """Return the client."""
    return CcxtAsync(job)
