# SPDX-License-Identifier: Apache-2.0
"""Which dialect an account is spoken to in, and the one that finds out by itself.

Bitget refuses a classic call on a unified account (40085), and a unified call on a classic one (40084), before it does
anything: that is the only evidence of an account's kind, and it makes any call safe to repeat in the other dialect. Its
40731 is none: it speaks of copy trading, though keys of unified accounts got it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final, TypeVar

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.classic import ClassicDialect
from airflow_provider_bitget.api.client import DEFAULT_SECONDS, BitgetClient
from airflow_provider_bitget.api.dialect import Dialect
from airflow_provider_bitget.api.exceptions import (
    BitgetAccountModeError,
    BitgetConfigError,
    BitgetError,
    BitgetNotSentError,
)
from airflow_provider_bitget.api.rows import (
    DEFAULT_LOOKBACK_DAYS,
    BatchAnswer,
    CloseAnswer,
    EndedOrder,
    EndedPlanOrder,
    KeyRights,
    OpenOrder,
    OpenPlanOrder,
    Position,
    Read,
)
from airflow_provider_bitget.api.unified import UnifiedDialect

log = logging.getLogger(__name__)

AUTO: Final = "auto"
CLASSIC: Final = "classic"
UNIFIED: Final = "unified"
ACCOUNT_MODES: Final = (AUTO, CLASSIC, UNIFIED)

SAYS_UNIFIED: Final = frozenset({"40085"})
SAYS_CLASSIC: Final = frozenset({"40084", "25245"})
# What tells a dialect that the account is of the other kind.
_OTHER_KIND: Final[Mapping[str, frozenset[str]]] = {CLASSIC: SAYS_UNIFIED, UNIFIED: SAYS_CLASSIC}

# How often, in seconds, a waiting request looks whether the account has turned out to be of the other kind.
_STEP: Final = 0.1

Result = TypeVar("Result")
Found = TypeVar("Found")


def dialect_for(client: BitgetClient, account_mode: str) -> Dialect:
    """Return the dialect of an account.

    :param client: the signed session to call through.
    :param account_mode: ``classic`` or ``unified``; ``auto`` finds out.
    :raises BitgetConfigError: another mode.
    """
    if account_mode == AUTO:
        return AccountDialect(client)
    if account_mode == CLASSIC:
        return ClassicDialect(client)
    if account_mode == UNIFIED:
        return UnifiedDialect(client)
    raise BitgetConfigError(
        f"account_mode must be one of {', '.join(ACCOUNT_MODES)}, but is {account_mode!r}", field="account_mode"
    )


class AccountDialect:
    """Futures endpoints of an account whose kind shows by its answers.

    It speaks one dialect until the exchange says that the account is of the other kind; then it changes over, once, and
    repeats the call. Nothing is asked for the sake of finding out. Safe to use from many threads: all that were refused
    change over together, and each repeats its own call. Methods are those of
    :class:`~airflow_provider_bitget.api.dialect.Dialect`; one that takes more ids than the other kind may raise
    :class:`BitgetBatchTooLargeError` after the change.

    :param client: the signed session to call through.
    :param start: the dialect to begin with, ``classic`` or ``unified``.
    """

    def __init__(self, client: BitgetClient, start: str = CLASSIC) -> None:
        self.client = client
        self._dialects: dict[str, Dialect] = {CLASSIC: ClassicDialect(client), UNIFIED: UnifiedDialect(client)}
        if start not in self._dialects:
            raise BitgetConfigError("start must be 'classic' or 'unified'", field="start")
        self._current = self._dialects[start]
        self._refusal: BitgetAccountModeError | None = None
        #: Some call has been answered as only an account of the current kind is answered.
        self._is_certain = False
        self._lock = threading.Lock()

    @property
    def kind(self) -> str:
        """``classic`` or ``unified``, as far as it is known by now."""
        return self._current.kind

    @property
    def most_ids_per_cancel(self) -> int:
        """The most orders in one cancel request, as far as the kind of account is known by now."""
        return self._current.most_ids_per_cancel

    @property
    def most_plan_ids_per_cancel(self) -> int:
        """The same for plan orders."""
        return self._current.most_plan_ids_per_cancel

    @property
    def asks_for_one_plan_order(self) -> bool:
        """Whether the end of one plan order can be asked for in a single request."""
        return self._current.asks_for_one_plan_order

    @property
    def names_margin_coins(self) -> bool:
        """Whether every open order's row names its margin coin, as far as the kind of account is known by now."""
        return self._current.names_margin_coins

    # ------------------------------------------------------------------------------------------------------- orders

    def batch_cancel(
        self,
        items: Sequence[tuple[str, str]],
        *,
        symbol: str,
        product_type: str,
        margin_coin: str | None = None,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> BatchAnswer:
        """Cancel orders of one symbol by id."""
        return self._ask(
            budget,
            lambda dialect, within: dialect.batch_cancel(
                items,
                symbol=symbol,
                product_type=product_type,
                margin_coin=margin_coin,
                budget=within,
                attempts=attempts,
            ),
        )

    def cancel_all_orders(
        self,
        *,
        product_type: str,
        margin_coin: str | None = None,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> BatchAnswer | None:
        """Cancel every order of a whole product type; ``None``: there was no order to cancel."""
        return self._ask(
            budget,
            lambda dialect, within: dialect.cancel_all_orders(
                product_type=product_type, margin_coin=margin_coin, budget=within, attempts=attempts
            ),
        )

    def close_positions(
        self,
        *,
        product_type: str,
        symbol: str | None = None,
        hold_side: str | None = None,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> CloseAnswer:
        """Close the positions of a symbol, or of a whole product type, at market."""
        return self._ask(
            budget,
            lambda dialect, within: dialect.close_positions(
                product_type=product_type, symbol=symbol, hold_side=hold_side, budget=within, attempts=attempts
            ),
        )

    def order_detail(
        self,
        *,
        symbol: str,
        product_type: str,
        order_id: str = "",
        client_oid: str = "",
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> EndedOrder | OpenOrder | None:
        """Look one order up; ``None`` if the exchange knows no such order under this symbol and product type."""
        return self._ask(
            budget,
            lambda dialect, within: dialect.order_detail(
                symbol=symbol,
                product_type=product_type,
                order_id=order_id,
                client_oid=client_oid,
                budget=within,
                attempts=attempts,
            ),
        )

    def reads_of_open_orders(
        self, *, product_type: str, symbol: str | None = None, lookback_days: int = DEFAULT_LOOKBACK_DAYS
    ) -> Sequence[Read[OpenOrder]]:
        """Return the reads that together show every resting order of the last ``lookback_days``."""
        return self._reads(
            lambda dialect: dialect.reads_of_open_orders(
                product_type=product_type, symbol=symbol, lookback_days=lookback_days
            )
        )

    def orders_history(
        self,
        *,
        product_type: str,
        symbol: str | None = None,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> Iterator[list[EndedOrder]]:
        """Yield the pages of ended orders, newest first."""
        return self._pages(
            budget,
            lambda dialect, within: dialect.orders_history(
                product_type=product_type, symbol=symbol, budget=within, attempts=attempts
            ),
        )

    # -------------------------------------------------------------------------------------------------- plan orders

    def plan_children(
        self,
        *,
        product_type: str,
        plan_type: str,
        order_id: str,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> list[str] | None:
        """Return the ids of the orders that a plan order placed by its trigger; ``None`` where that cannot be asked."""
        return self._ask(
            budget,
            lambda dialect, within: dialect.plan_children(
                product_type=product_type, plan_type=plan_type, order_id=order_id, budget=within, attempts=attempts
            ),
        )

    def cancel_plan_orders(
        self,
        items: Sequence[tuple[str, str]],
        *,
        symbol: str,
        product_type: str,
        plan_type: str,
        margin_coin: str | None = None,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> BatchAnswer:
        """Cancel plan orders of one symbol and one type by id."""
        return self._ask(
            budget,
            lambda dialect, within: dialect.cancel_plan_orders(
                items,
                symbol=symbol,
                product_type=product_type,
                plan_type=plan_type,
                margin_coin=margin_coin,
                budget=within,
                attempts=attempts,
            ),
        )

    def reads_of_open_plan_orders(
        self,
        *,
        product_type: str,
        symbol: str | None = None,
        plan_types: Collection[str] | None = None,
        lookback_days: int = DEFAULT_LOOKBACK_DAYS,
    ) -> Sequence[Read[OpenPlanOrder]]:
        """Return the reads that together show every waiting plan order of the last ``lookback_days``."""
        return self._reads(
            lambda dialect: dialect.reads_of_open_plan_orders(
                product_type=product_type, symbol=symbol, plan_types=plan_types, lookback_days=lookback_days
            )
        )

    def ended_plan_orders(
        self,
        *,
        product_type: str,
        plan_type: str,
        symbol: str | None = None,
        order_id: str = "",
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> Iterator[list[EndedPlanOrder]]:
        """Yield the pages of plan orders that were cancelled or have triggered, newest first."""
        return self._pages(
            budget,
            lambda dialect, within: dialect.ended_plan_orders(
                product_type=product_type,
                plan_type=plan_type,
                symbol=symbol,
                order_id=order_id,
                budget=within,
                attempts=attempts,
            ),
        )

    # ---------------------------------------------------------------------------------------------------- positions

    def positions(
        self,
        *,
        product_type: str,
        margin_coin: str | None = None,
        budget: Budget | None = None,
        attempts: int | None = None,
    ) -> list[Position]:
        """Return the open positions of a product type; none where it is flat."""
        return self._ask(
            budget,
            lambda dialect, within: dialect.positions(
                product_type=product_type, margin_coin=margin_coin, budget=within, attempts=attempts
            ),
        )

    # -------------------------------------------------------------------------------------------------------- other

    def check_signature(self, *, product_type: str, budget: Budget | None = None) -> None:
        """Make one signed read, in one attempt for each kind of account, that changes nothing."""
        self._ask(budget, lambda dialect, within: dialect.check_signature(product_type=product_type, budget=within))

    def key_rights(self, *, budget: Budget | None = None) -> KeyRights:
        """Return what the exchange shows of the key's rights, asked once, in one attempt for each kind of account."""
        return self._ask(budget, lambda dialect, within: dialect.key_rights(budget=within))

    # ------------------------------------------------------------------------------------------------ changing over

    def _ask(self, budget: Budget | None, call: Callable[[Dialect, Budget | None], Result]) -> Result:
        """Make a call, and make it again in the other dialect if the account turns out to be of that kind."""
        while True:
            dialect, before = self._current, self.client.signed_successes
            try:
                result = call(dialect, self._budget_for(dialect, budget))
            except BitgetAccountModeError as refusal:
                self._change_over(dialect, refusal)
            except _KindChanged:
                # Sent or not: a call of the wrong kind is refused before anything is done.
                continue
            else:
                # Some calls need no answer, and some take a refusal for one: neither shows the kind.
                if self.client.signed_successes > before:
                    self._is_certain = True
                return result

    def _pages(
        self, budget: Budget | None, ask: Callable[[Dialect, Budget | None], Iterator[list[Found]]]
    ) -> Iterator[list[Found]]:
        """Yield pages as :meth:`_ask` returns answers; what one kind has begun to tell the other cannot go on with."""
        has_begun = False
        while True:
            dialect = self._current
            try:
                for page in ask(dialect, self._budget_for(dialect, budget)):
                    has_begun = self._is_certain = True
                    yield page
                return
            except BitgetAccountModeError as refusal:
                if has_begun:
                    raise
                self._change_over(dialect, refusal)
            except _KindChanged:
                if has_begun:
                    raise

    def _reads(self, reads_of: Callable[[Dialect], Sequence[Read[Found]]]) -> list[Read[Found]]:
        """Return the reads of the kind that the account seems to be of.

        Reads of the two kinds do not pair off: where the account turns out to be of the other kind, one of these shows
        all that the other kind's reads show together, and the rest of them nothing. They are complete together.
        """
        made_for = self._current
        stands_in: dict[str, Read[Found]] = {}

        def either(own: Read[Found]) -> Read[Found]:
            def read(*, budget: Budget | None = None, attempts: int | None = None) -> Iterator[list[Found]]:
                def ask(dialect: Dialect, budget: Budget | None) -> Iterator[list[Found]]:
                    if dialect is made_for:
                        reads: Sequence[Read[Found]] = [own]
                    else:
                        is_first = stands_in.setdefault("first", read) is read
                        reads = reads_of(dialect) if is_first else []
                    return chain.from_iterable(one(budget=budget, attempts=attempts) for one in reads)

                return self._pages(budget, ask)

            return read

        return [either(own) for own in reads_of(made_for)]

    def _budget_for(self, dialect: Dialect, budget: Budget | None) -> Budget | None:
        """Return the budget of a call; while the kind is a guess, one that ends as well when the guess was wrong.

        Requests that wait for a place under one kind's limits would be in vain then, and late.
        """
        if self._is_certain and dialect is self._current:
            return budget
        whole = budget or Budget(DEFAULT_SECONDS, self.client.clock)
        return _ProvisionalBudget(whole, lambda: self._current is dialect)

    def _change_over(self, dialect: Dialect, refusal: BitgetAccountModeError) -> None:
        """Go on with the other dialect, unless another thread has seen to it.

        :param dialect: the one that was refused.
        :raises BitgetAccountModeError: the refusal says nothing of the account's kind, or contradicts an earlier one.
        """
        if refusal.code not in _OTHER_KIND[dialect.kind]:
            raise refusal
        with self._lock:
            if dialect is not self._current:
                return
            if self._refusal is not None:
                raise _contradiction(self._refusal, refusal) from refusal
            self._refusal = refusal
            self._current = self._dialects[UNIFIED if dialect.kind == CLASSIC else CLASSIC]
            self._is_certain = True
        log.info("Bitget says (code %s) that this account is a %s one: going on so", refusal.code, self._current.kind)


class _KindChanged(BitgetNotSentError):
    """The account has turned out to be of the other kind before this request was sent."""

    def __init__(self) -> None:
        BitgetError.__init__(self, "the account has turned out to be of the other kind before the request was sent")
        self.reason = "other_kind"
        self.maybe_processed = False


class _ProvisionalBudget(Budget):
    """A view of a budget that also ends once something does not hold any more.

    :param whole: deadline, stop and tally.
    :param holds: looked at before each request, and while one waits.
    """

    def __init__(self, whole: Budget, holds: Callable[[], bool]) -> None:
        super().__init__(clock=whole.clock)
        self.started, self.deadline, self.tally, self._stop = whole.started, whole.deadline, whole.tally, whole._stop
        self._holds = holds

    def check(self) -> None:
        """Pass if another request may be sent."""
        super().check()
        if not self._holds():
            raise _KindChanged

    def wait(self, seconds: float) -> None:
        """Wait, but not past a stop, the deadline, or the change."""
        end = self.clock.monotonic() + seconds
        # Sums of floats: the last step may leave next to nothing.
        while (left := end - self.clock.monotonic()) > 1e-6:
            super().wait(min(left, _STEP))
        self.check()


def _contradiction(first: BitgetAccountModeError, second: BitgetAccountModeError) -> BitgetAccountModeError:
    error = second.as_type(
        BitgetAccountModeError,
        second.category,
        message="Bitget says of this account both that it is unified and that it is classic "
        f"(code {first.code} from {first.endpoint}, then code {second.code})",
        hint="If the account is just being switched, wait until that is done; else set account_mode to its kind",
    )
    error.maybe_processed = second.maybe_processed
    return error
