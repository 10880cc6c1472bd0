# SPDX-License-Identifier: Apache-2.0
"""What earlier tries of a task have proven, kept in the task state store of Airflow 3.3 and newer.

It only names the end of an order that the exchange says is gone; it never keeps an order from being sent or read.
Where there is no store, or the list outgrows it, the exchange's order history tells the same.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from airflow_provider_bitget.trading.cancel_all import CancelAllReport
    from airflow_provider_bitget.trading.report import CancelReport

log = logging.getLogger(__name__)

_KEY: Final = "bitget_order_ends"
_MOST_BYTES: Final = 60_000
_STATES: Final = ("cancelled", "filled")


class EarlierTries:
    """The ends of orders that tries of this task have proven.

    ``ends`` holds ``cancelled`` or ``filled`` by orderId.

    :param context: the task's context; without a state store everything here does nothing.
    """

    def __init__(self, context: Mapping[str, Any]) -> None:
        self._store = context.get("task_state_store")
        self.ends: dict[str, str] = self._read()

    def remember(self, report: CancelReport | CancelAllReport) -> None:
        """Add what ``report`` has proven. A store that fails costs a look-up later, never the verdict."""
        from airflow_provider_bitget.trading.report import Bucket

        if self._store is None:
            return
        ends = dict(self.ends)
        for outcome in report.outcomes:
            if not outcome.ref.order_id:
                # A clientOid may be used again; only the exchange's own id stands for one order for ever.
                continue
            if outcome.bucket is Bucket.CANCELLED and report.verified:
                ends[outcome.ref.order_id] = "cancelled"
            elif outcome.bucket is Bucket.ALREADY_CLOSED:
                ends[outcome.ref.order_id] = outcome.detail
        by_state = {state: [key for key, end in ends.items() if end == state] for state in _STATES}
        if ends == self.ends or len(json.dumps(by_state)) > _MOST_BYTES:
            return
        try:
            self._store.set(_KEY, by_state)
        except Exception as error:  # noqa: BLE001  # the orders matter more than the memory of them
            log.warning("What was proven could not be stored for the next try: %s", type(error).__name__)

    def _read(self) -> dict[str, str]:
        if self._store is None:
            return {}
        try:
            stored = self._store.get(_KEY)
        except Exception as error:  # noqa: BLE001  # the history of the exchange tells the same
            log.warning("What earlier tries proved could not be read: %s", type(error).__name__)
            return {}
        if not isinstance(stored, Mapping):
            return {}
        return {
            key: state
            for state in _STATES
            for key in (stored.get(state) if isinstance(stored.get(state), list) else ()) or ()
            if isinstance(key, str)
        }
