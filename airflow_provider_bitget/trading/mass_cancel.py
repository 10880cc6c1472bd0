# SPDX-License-Identifier: Apache-2.0
"""The call that cancels every order of a product type, as the last word: "no order to cancel" is proof for any age.

The lists of open orders only reach as far back as they are asked; this call does not depend on them. It is sent when
they show nothing any more, and again only after they have been read again. It does not touch plan orders.
Page: https://www.bitget.com/api-doc/contract/trade/Cancel-All-Orders .
"""

from __future__ import annotations

import itertools
import logging
from typing import Any, Final

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.client import SAME_ORDER_INTERVAL
from airflow_provider_bitget.api.dialect import Dialect
from airflow_provider_bitget.api.error_codes import ErrorCategory
from airflow_provider_bitget.api.exceptions import (
    BitgetCallError,
    BitgetNotSentError,
)
from airflow_provider_bitget.api.rows import BatchAnswer, EndedOrder
from airflow_provider_bitget.trading.cancel_targets import CancelTargets
from airflow_provider_bitget.trading.in_flight import InFlight
from airflow_provider_bitget.trading.look_up import LOOK_UP_ATTEMPTS
from airflow_provider_bitget.trading.track import OURS_MARGIN

log = logging.getLogger(__name__)

MOST_CALLS: Final = 4
"""How often it is sent, with growing pauses, before the lists alone have to do."""

MOST_PAGES: Final = 10
"""How many pages of the history are read at most to name what it cancelled."""

MOST_SILENCES: Final = 2
"""How many answers in a row that name nothing show that this exchange says it so where there is nothing."""

LOOK_UP_PAUSES: Final = (0.0, 1.0, 2.0)
"""Seconds before the history is read, and read again: it may lag behind the book."""

_MAY_PASS: Final = (ErrorCategory.TRANSIENT, ErrorCategory.AMBIGUOUS, ErrorCategory.RATE_LIMIT)


class MassCancel:
    """Asks the exchange to cancel whatever is left of a product type.

    :param dialect: how to speak to the account.
    :param product_type: the whole of it is in the run's scope.
    :param in_flight: runs the requests.
    :param budget: deadline and tally.
    :param targets: takes the orders that an answer names.
    """

    def __init__(
        self, dialect: Dialect, product_type: str, in_flight: InFlight, budget: Budget, targets: CancelTargets
    ) -> None:
        #: Whether asking (again) may still bring the proof.
        self.is_usable = True
        #: The last answer was that there is no order to cancel.
        self.found_nothing = False
        self._dialect = dialect
        self._product_type = product_type
        self._in_flight = in_flight
        self._budget = budget
        self._targets = targets
        self._calls = 0
        self._not_before = float("-inf")
        self._is_answered = False
        self._unanswered_since: float | None = None
        #: How many answers in a row named nothing.
        self._silences = 0

    def ask(self) -> None:
        """Send the call; :attr:`found_nothing` tells whether its answer is proof."""
        self.found_nothing = False
        self._is_answered = False
        sent_at = self._dialect.client.exchange_time()
        self._in_flight.submit(self._send, self)
        self._in_flight.collect(self.take)
        if not self._is_answered:
            # It may have been carried out without our learning of it.
            self._unanswered_since = self._unanswered_since or sent_at
        self._not_before = self._budget.clock.monotonic() + 2.0**self._calls
        self._calls += 1
        self.is_usable = self.is_usable and self._calls < MOST_CALLS

    def pause(self, now: float) -> float:
        """Return the seconds until it may be asked again."""
        return max(0.0, self._not_before - now) if self.is_usable else 0.0

    def take(self, carried: Any, answer: BatchAnswer | None, error: BaseException | None) -> None:
        """Note what came of the call; what else brings a result after the end of a run concerns nobody any more."""
        if carried is not self:
            return
        if error is None:
            self._take_answer(answer)
        elif isinstance(error, BitgetNotSentError):
            self._is_answered = not error.maybe_processed
        elif isinstance(error, BitgetCallError):
            self._take_refusal(error)
        else:
            raise error

    def name_orders(self) -> None:
        """Look in the history for the orders that the call cancelled and the lists had not shown."""
        for pause in LOOK_UP_PAUSES:
            is_settled = not self._targets.nameless() and self._unanswered_since is None
            if is_settled or pause >= self._budget.remaining():
                return
            self._in_flight.pause(pause)
            self._in_flight.submit(self._read_history)
            self._in_flight.collect(self._take_history)

    def _send(self) -> BatchAnswer | None:
        """Runs in a worker."""
        return self._dialect.cancel_all_orders(product_type=self._product_type, budget=self._budget)

    def _take_answer(self, answer: BatchAnswer | None) -> None:
        if answer is None:
            self._is_answered = self.found_nothing = True
            self._targets.settle_by_absence()
            return
        # One that names nothing says nothing, and says no more when it is asked for the third time.
        names_something = bool(answer.succeeded or answer.failed)
        self._is_answered = names_something
        self._silences = 0 if names_something else self._silences + 1
        self.is_usable = self.is_usable and self._silences < MOST_SILENCES
        refused = {item.order_id or item.client_oid for item in answer.failed}
        named = [
            self._targets.add_acknowledged(item, is_contradicted=(item.order_id or item.client_oid) in refused)
            for item in answer.succeeded
        ]
        named += [self._targets.add_refused(item) for item in answer.failed]
        self._targets.rest(self._budget.clock.monotonic() + SAME_ORDER_INTERVAL)
        log.info("The call for the whole product type named %d orders that no list had shown", sum(named))

    def _take_refusal(self, error: BitgetCallError) -> None:
        self._is_answered = not error.maybe_processed
        if self._in_flight.ends(error):
            self._in_flight.end(error)
            return
        self._targets.rest(self._budget.clock.monotonic() + SAME_ORDER_INTERVAL)
        self.is_usable = error.category in _MAY_PASS
        log.warning("The call for the whole product type failed: %s", error)

    def _read_history(self) -> list[EndedOrder]:
        """Runs in a worker."""
        pages = self._dialect.orders_history(
            product_type=self._product_type, budget=self._budget, attempts=LOOK_UP_ATTEMPTS
        )
        return list(itertools.chain.from_iterable(itertools.islice(pages, MOST_PAGES)))

    def _take_history(self, _carried: Any, rows: Any, error: BaseException | None) -> None:
        for ended in self._in_flight.result_of_read(rows, error) or ():
            self._targets.settle_named(ended)
            if self._may_be_ours(ended):
                self._targets.add_ended(ended)

    def _may_be_ours(self, ended: EndedOrder) -> bool:
        """Whether a call without an answer may have cancelled an order that nobody had seen before."""
        since = self._unanswered_since
        if since is None or ended.state != "cancelled" or self._targets.knows(ended):
            return False
        return ended.updated >= since - OURS_MARGIN
