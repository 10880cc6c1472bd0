# SPDX-License-Identifier: Apache-2.0
"""One look at an account: is anything left within a scope?"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.dialect import Dialect
from airflow_provider_bitget.api.envelope import one_line
from airflow_provider_bitget.api.exceptions import (
    BitgetAuthError,
    BitgetCallError,
    BitgetIpBanError,
    BitgetNotSentError,
)
from airflow_provider_bitget.api.rows import OpenOrder, OpenPlanOrder, Position
from airflow_provider_bitget.trading.books import Books, BooksReader, amount_text, utc_text
from airflow_provider_bitget.trading.scope import Scope
from airflow_provider_bitget.trading.workers import Workers

log = logging.getLogger(__name__)

LONGEST_READ: Final = 60.0
"""Seconds after which a look is given up, so that one request that hangs cannot use up the whole wait."""

SHORTEST_LOOK: Final = 5.0
"""Seconds that a look gets however little is left of the wait."""

_NAMED: Final = 3
_STEP: Final = 0.1


def seconds_for_a_look(left: float, settle: float) -> float:
    """Return the deadline of one look.

    :param left: seconds that are left of the whole wait.
    :param settle: seconds between the two reads of the look, 0 for a single read.
    """
    return max(SHORTEST_LOOK, min(LONGEST_READ + settle, left))


@dataclass(frozen=True, slots=True)
class FlatAnswer:
    """What one look has found.

    :param scope: where was looked.
    :param is_flat: nothing is left, and where a second read was asked for, it has confirmed that.
    :param message: what is left, or why that is not known.
    :param books: the last complete read; ``None`` where the last read was not completed.
    """

    scope: Scope
    is_flat: bool
    message: str
    books: Books | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain JSON types.

        ``flat`` speaks of the rest of the dict: ``symbol`` is ``""`` for all symbols but ``exclude_symbols``,
        ``margin_coin`` is ``""`` for any. ``read_at`` is in UTC, by the exchange's clock, ``""`` without a read.
        """
        return {
            "product_type": self.scope.product_type,
            "symbol": self.scope.symbol or "",
            "exclude_symbols": sorted(self.scope.exclude_symbols),
            "margin_coin": self.scope.margin_coin or "",
            "lookback_days": self.scope.lookback_days,
            "flat": self.is_flat,
            "read_at": utc_text(self.books.read_at) if self.books else "",
        }


class FlatCheck:
    """One look: the books are read once, and once more where an empty read has to settle. Use it once.

    A read without faults is two requests for orders, three for plan orders and one for positions; more only where a
    page is full or the scope's lookback asks for it.

    :param dialect: how to speak to the account.
    :param scope: what has to be empty.
    :param settle: with more than 0, an empty read has to be confirmed by another one, so many seconds later or more.
    :param deadline: seconds for the whole look.
    :param workers: runs the requests; by default threads.
    """

    def __init__(
        self,
        dialect: Dialect,
        scope: Scope,
        *,
        settle: float = 0.0,
        deadline: float = 60.0,
        workers: Workers | None = None,
    ) -> None:
        self._scope = scope
        self._settle = settle
        self._budget = Budget(deadline, dialect.client.clock)
        self._reader = BooksReader(dialect, scope, self._budget, workers=workers)
        self._stop_requested = False

    def run(self) -> FlatAnswer:
        """Look. A read that failed is an answer as well: it is not known to be flat.

        :raises BitgetAuthError: the credentials or the account's mode are refused: looking again cannot help.
        :raises BitgetConfigError: a request was refused before it was sent.
        :raises BitgetNotSentError: a stop was asked for.
        """
        try:
            return self._look()
        except BitgetAuthError:
            raise
        except BitgetIpBanError as error:
            self._rest()
            return self._unknown(str(error))
        except BitgetCallError as error:
            return self._unknown(f"a read failed: {error}")
        except BitgetNotSentError as error:
            if error.reason == "stopped":
                raise
            return self._unknown("the reads did not end in time")
        finally:
            # Whatever ended the look: no request after it.
            self._budget.stop()
            self._reader.close()

    def request_stop(self) -> None:
        """Ask for the end of the look. Safe in a signal handler: it takes no lock."""
        self._stop_requested = True
        self._reader.request_stop()

    def _look(self) -> FlatAnswer:
        books = self._reader.read()
        if books.is_flat and self._settle > 0:
            log.info("Nothing is left; looking again in %g s", self._settle)
            self._reader.in_flight.pause(self._settle)
            books = self._reader.read()
        return FlatAnswer(self._scope, books.is_flat, what_is_left(books), books)

    def _unknown(self, why: str) -> FlatAnswer:
        return FlatAnswer(self._scope, False, f"what is left is not known: {why}")

    def _rest(self) -> None:
        """Leave the exchange alone until the deadline: who goes on asking stays banned."""
        log.warning("The address is refused altogether: nothing is asked for %.0f s", self._budget.remaining())
        never = threading.Event()
        while not self._stop_requested and (left := self._budget.remaining()) > 0:
            self._budget.clock.wait(min(_STEP, left), never)
        if self._stop_requested:
            raise BitgetNotSentError("stopped")


def what_is_left(books: Books) -> str:
    """Say in one line how much is left, and name the first of it."""
    parts = [
        *_counted("order", books.orders),
        *_counted("plan order", books.plan_orders),
        *_counted("position", books.positions),
    ]
    return ", ".join(parts) or "no order, plan order or position is left"


def _counted(noun: str, found: Sequence[OpenOrder | OpenPlanOrder | Position]) -> list[str]:
    if not found:
        return []
    names = [one_line(_name(each)) for each in found[:_NAMED]] + ["..."] * (len(found) > _NAMED)
    return [f"{len(found)} {noun}{'s' if len(found) > 1 else ''} ({', '.join(names)})"]


def _name(item: OpenOrder | OpenPlanOrder | Position) -> str:
    if isinstance(item, Position):
        return f"{item.symbol} {item.hold_side} {amount_text(item.size)}"
    kind = f" {item.plan_type}" if isinstance(item, OpenPlanOrder) and item.plan_type else ""
    return f"{item.symbol}{kind} {item.order_id or item.client_oid}"
