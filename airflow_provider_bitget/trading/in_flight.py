# SPDX-License-Identifier: Apache-2.0
"""The requests of one run that are under way, and what ends the run early: a stop, the deadline, a hopeless answer."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable
from typing import Any, Final

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.client import BitgetClient
from airflow_provider_bitget.api.exceptions import (
    HOPELESS,
    BitgetCallError,
    BitgetConfigError,
    BitgetError,
    BitgetIpBanError,
    BitgetNotSentError,
)
from airflow_provider_bitget.trading.workers import Workers

log = logging.getLogger(__name__)

GRACE_SECONDS: Final = 2.0
"""How long requests in flight are waited for after a stop."""

_STEP: Final = 0.1

Take = Callable[[Any, Any, BaseException | None], None]
"""Is handed what a job carried, its result, and its error if it had one."""


class InFlight:
    """Hands jobs to workers and their results back, in steps short enough for a signal to take effect.

    :param workers: runs the jobs.
    :param budget: deadline and stop of the run; a run within another shares the other's.
    :param client: whose requests they are.
    :param on_wait: called at every step of waiting.
    :param on_abandon: called with what a job carried, when its end will not be waited for.
    """

    def __init__(
        self,
        workers: Workers,
        budget: Budget,
        client: BitgetClient,
        *,
        on_wait: Callable[[], None],
        on_abandon: Callable[[Any], None],
    ) -> None:
        self.fatal: BitgetError | None = None
        self._workers = workers
        self._budget = budget
        self._client = client
        self._clock = budget.clock
        self._on_wait = on_wait
        self._on_abandon = on_abandon
        self._under_way: dict[int, Any] = {}
        self._stop_requested = False
        #: What has been said of failed reads.
        self._told: set[str] = set()

    @property
    def is_hopeless(self) -> bool:
        """Whether what ended the run would end every other try as well."""
        return isinstance(self.fatal, HOPELESS)

    def ends(self, error: BaseException) -> bool:
        """Whether an error makes every further request pointless.

        Once signed requests have succeeded, a wrong signature is about one request alone.
        """
        return isinstance(error, (BitgetIpBanError, *HOPELESS)) and not self._client.is_about_one_request(error)

    def submit(self, job: Callable[[], Any], carried: Any = None) -> None:
        """Put a job under way; after a stop it sends nothing any more.

        :param job: runs in a worker.
        :param carried: comes back with the result.
        """
        # A worker may be quicker than the first look at the stop in collect().
        self._heed_stop()
        tag = next(_tags)
        self._under_way[tag] = carried
        self._workers.submit(tag, job)

    def collect(self, take: Take) -> None:
        """Hand every result to ``take`` until nothing is under way, the run was stopped, or its deadline is over.

        :raises BitgetError: what makes any further request pointless.
        """
        stopped_at: float | None = None
        while self._under_way:
            self._heed_stop()
            if stopped_at is None and (self._budget.stopped or self._budget.remaining() <= 0):
                stopped_at = self._clock.monotonic()
            done = self._workers.next_done(_STEP)
            self._on_wait()
            if done is not None:
                self._hand_over(done, take)
            elif stopped_at is not None and self._clock.monotonic() - stopped_at >= GRACE_SECONDS:
                self._abandon()
        if self.fatal is not None:
            raise self.fatal
        if self._budget.stopped:
            raise BitgetNotSentError("stopped")

    def carry_out(self, work: Callable[[], None], take: Take) -> BitgetError | None:
        """Do the work of a run, and wind the run up whatever ends it; return what ended it early, if anything did.

        :param work: submits and collects.
        :param take: is handed what requests in flight bring after an early end.
        """
        try:
            work()
        except BitgetError as error:
            self.end(error)
            self.drain(take)
            return error
        except BaseException:
            # Airflow's timeout or an interrupt: it passes on.
            self.drain(take)
            raise
        finally:
            self.close()
        return None

    def drain(self, take: Take) -> None:
        """Stop, and take what the requests in flight bring within the grace."""
        self._stop()
        give_up = self._clock.monotonic() + GRACE_SECONDS
        while self._under_way and (left := give_up - self._clock.monotonic()) > 0:
            done = self._workers.next_done(min(_STEP, left))
            if done is None:
                continue
            if done[2] is None or isinstance(done[2], (BitgetCallError, BitgetNotSentError)):
                self._hand_over(done, take)
            else:
                self._under_way.pop(done[0], None)
        self._abandon()

    def result_of_read(self, result: Any, error: BaseException | None) -> Any:
        """Return the result of a read; ``None`` for one that failed in a way that only concerns itself."""
        if error is None:
            return result
        if not isinstance(error, BitgetError):
            raise error
        if self.ends(error):
            self.end(error)
        if not isinstance(error, (BitgetNotSentError, BitgetConfigError)):
            # Many reads side by side fail in the same way.
            level = logging.DEBUG if str(error) in self._told else logging.WARNING
            self._told.add(str(error))
            log.log(level, "A read failed: %s", error)
        return None

    def end(self, error: BitgetError) -> None:
        """Send nothing more: ``error`` is the reason."""
        self.fatal = self.fatal or error
        self._stop()

    def request_stop(self) -> None:
        """Ask for the end of the run. Safe in a signal handler: it takes no lock."""
        self._stop_requested = True

    def pause(self, seconds: float) -> None:
        """Wait in short steps, so that a stop takes effect.

        :raises BitgetNotSentError: stop or deadline came first.
        """
        end = self._clock.monotonic() + seconds
        while (left := end - self._clock.monotonic()) > 0:
            self._heed_stop()
            self._budget.check()
            self._on_wait()
            self._clock.wait(min(_STEP, left), _never)

    def close(self) -> None:
        """Let the workers end."""
        self._workers.close()

    def _hand_over(self, done: tuple[Any, Any, BaseException | None], take: Take) -> None:
        tag, result, error = done
        if tag in self._under_way:
            # Forgotten only when taken: an interrupt in between must not make a sent batch look unsent.
            take(self._under_way[tag], result, error)
            self._under_way.pop(tag, None)

    def _stop(self) -> None:
        """Let nothing more be sent. A deadline that is over does so by itself, and is no stop to whoever shares it."""
        if self._budget.remaining() > 0:
            self._budget.stop()

    def _heed_stop(self) -> None:
        if self._stop_requested:
            self._budget.stop()

    def _abandon(self) -> None:
        """Give up on what is still under way: it may or may not be carried out."""
        for carried in self._under_way.values():
            self._on_abandon(carried)
        self._under_way.clear()


_never = threading.Event()
# Of the process: two runs may share workers, and neither must take the other's results for its own.
_tags = itertools.count()
