# SPDX-License-Identifier: Apache-2.0
"""This provider, as the operator uses it: parse the list, cancel, read back, report."""

from __future__ import annotations

from typing import Final

from airflow_provider_bitget.api.account import dialect_for
from airflow_provider_bitget.api.client import BitgetClient
from airflow_provider_bitget.api.credentials import Credentials
from airflow_provider_bitget.trading.batch_cancel import BatchCancel
from airflow_provider_bitget.trading.order_list import parse_orders
from airflow_provider_bitget.trading.report import Bucket, CancelReport, OrderOutcome, Unresolved
from tests.benchmarks.claims import Claim
from tests.benchmarks.clients.job import Client, Job, Statement

PRODUCT_TYPE: Final = "USDT-FUTURES"

_UNRESOLVED: Final = {Unresolved.NOT_SENT: Claim.NOT_SENT, Unresolved.STILL_OPEN: Claim.OPEN}
_ENDS: Final = {"filled": Claim.FILLED, "cancelled": Claim.CANCELLED_BEFORE}


class Ours:
    """The provider's batch cancel, with ``verify=True``.

    :param job: what to cancel.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        connection = job.connection
        credentials = Credentials(connection["login"], connection["password"], connection["extra"]["passphrase"])
        client = BitgetClient(credentials, base_url=connection["host"])
        self._dialect = dialect_for(client, connection["extra"]["account_mode"])
        self._report: CancelReport | None = None

    def cancel(self) -> None:
        """Cancel the job's orders."""
        orders = parse_orders(self._job.order_ids, symbol=self._job.symbol, product_type=PRODUCT_TYPE)
        self._report = BatchCancel(self._dialect, orders, product_type=PRODUCT_TYPE, verify=True).run()

    def statement(self) -> Statement:
        """Return what the report says."""
        assert self._report is not None
        claims = {outcome.ref.order_id: _claim_of(outcome) for outcome in self._report.outcomes}
        counts = ", ".join(f"{n} {bucket}" for bucket, n in self._report.counts.items() if n and bucket != "requested")
        error = f"{type(self._report.error).__name__}; " if self._report.error else ""
        return Statement(claims, f"{error}report: {counts}")


def new_client(job: Job) -> Client:
    """Return the client."""
    return Ours(job)


def _claim_of(outcome: OrderOutcome) -> Claim:
    match outcome.bucket:
        case Bucket.CANCELLED:
            return Claim.CANCELLED
        case Bucket.ALREADY_CLOSED:
            return _ENDS[outcome.detail]
        case Bucket.FAILED:
            return Claim.OPEN
        case Bucket.UNRESOLVED:
            return _UNRESOLVED.get(Unresolved(outcome.detail), Claim.UNKNOWN)
