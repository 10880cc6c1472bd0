# SPDX-License-Identifier: Apache-2.0
"""One request, from arguments to a trustworthy answer or a typed error.

arguments -> scope guard -> limiter (per attempt) -> signature (fresh per attempt) -> transport -> envelope ->
classified by code -> repeated by tenacity where that is safe.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import tenacity

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.clock import Clock, SystemClock
from airflow_provider_bitget.api.credentials import Credentials
from airflow_provider_bitget.api.envelope import Envelope, one_line, read_answer, whole_number
from airflow_provider_bitget.api.error_codes import BRIEF_CODES, ErrorCategory, describe
from airflow_provider_bitget.api.exceptions import (
    ERROR_CLASSES,
    BitgetAmbiguousError,
    BitgetBadRequestError,
    BitgetCallError,
    BitgetClockError,
    BitgetIpBanError,
    BitgetNotSentError,
    BitgetRateLimitError,
    BitgetTransientError,
)
from airflow_provider_bitget.api.rate_limit import Limiter, Limiters, Slot, shared_limiters
from airflow_provider_bitget.api.scope import check_path, check_scope
from airflow_provider_bitget.api.signing import Query, RequestSigner, encode_body
from airflow_provider_bitget.api.transport import (
    HttpTransport,
    Transport,
    TransportFailure,
    answer_within,
    check_base_url,
)

log = logging.getLogger(__name__)

DEFAULT_BASE_URL: Final = "https://api.bitget.com"
USER_AGENT: Final = "airflow-provider-bitget"
DEFAULT_SECONDS: Final = 60.0
"""The deadline of a call that belongs to no run."""

SAME_ORDER_INTERVAL: Final = 1.05
"""Seconds between two cancels of the same order: the exchange allows one a second (code 45129)."""

SIGNATURE_REFUSED: Final = "40009"

_LONGEST_PAUSE: Final = 8.0
_LONGEST_PAUSE_OF_READS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A path together with what is known of it.

    :param method: ``GET`` or ``POST``.
    :param path: request path.
    :param limit: requests per second, per user if signed, per address if public.
    :param signed: whether it takes credentials.
    :param repeatable: whether the transport may repeat it after an ambiguous answer: reads, and cancels that name ids.
    :param pause: the least number of seconds between two attempts that both may be processed.
    """

    method: str
    path: str
    limit: float
    signed: bool = True
    repeatable: bool = True
    pause: float = 0.25


SERVER_TIME: Final = Endpoint("GET", "/api/v2/public/time", limit=20, signed=False)
"""https://www.bitget.com/api-doc/common/public/Get-Server-Time : ``data.serverTime``, ms as text."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A success, and how it was come by.

    :param data: the envelope's ``data``.
    :param request_time: the exchange's clock in ms, 0 where unknown.
    :param maybe_processed: an earlier attempt of this call got no trustworthy answer and may have been carried out.
    """

    data: Any
    request_time: int
    maybe_processed: bool


@dataclass(slots=True)
class _Offset:
    """How far the exchange's clock is ahead of ours.

    :param generation: counts the comparisons.
    :param successes_before: signed requests that had succeeded when the clocks were compared last.
    """

    seconds: float = 0.0
    generation: int = 0
    successes_before: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class BitgetClient:
    """A signed session with one account. Safe to use from many threads.

    :param credentials: key, secret and passphrase.
    :param base_url: scheme and host.
    :param demo_trading: call the demo environment.
    :param timeout: seconds for one exchange of request and answer.
    :param requests_per_second: a ceiling; each endpoint runs at the lower of this and its documented limit.
    :param clock: where time comes from.
    :param transport: how bytes travel; by default over ``requests``.
    :param limiters: whose limiters to share; by default those of the process.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        base_url: str = DEFAULT_BASE_URL,
        demo_trading: bool = False,
        timeout: float = 10.0,
        requests_per_second: float | None = None,
        clock: Clock | None = None,
        transport: Transport | None = None,
        limiters: Limiters | None = None,
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        self.base_url = check_base_url(base_url)
        self.demo_trading = demo_trading
        self.timeout = timeout
        self.requests_per_second = requests_per_second
        self._credentials = credentials
        self._signer = RequestSigner(credentials, demo_trading)
        self._transport = transport or HttpTransport(self.base_url)
        self._limiters: Limiters = limiters or shared_limiters()
        self._offset = _Offset()
        self._observed_offset: float | None = None
        self._random = random.Random()  # noqa: S311  # jitter, nothing secret
        #: How many signed requests succeeded; a refused signature after that is about the request, not the key.
        self.signed_successes = 0

    def __repr__(self) -> str:
        return f"BitgetClient({self.base_url!r})"

    def close(self) -> None:
        """Close the idle connections."""
        self._transport.close()

    def exchange_time(self) -> float:
        """Return the exchange's clock in seconds since the epoch, as well as it is known."""
        offset = self._offset.seconds if self._observed_offset is None else self._observed_offset
        return self.clock.time() + offset

    def is_about_one_request(self, error: BaseException | None) -> bool:
        """Whether a refused signature concerns one request alone: others with the same key have succeeded."""
        return getattr(error, "code", "") == SIGNATURE_REFUSED and self.signed_successes > 0

    def redact(self, text: object) -> str:
        """Return text from outside as one short line without any part of the credentials."""
        # Before it is shortened: half a secret would not be recognised.
        return one_line(self._credentials.redact(str(text)))

    def call(
        self,
        endpoint: Endpoint,
        *,
        params: Iterable[tuple[str, str]] = (),
        body: Mapping[str, Any] | list[Any] | None = None,
        budget: Budget | None = None,
        attempts: int | None = None,
        whole_product_type: bool = False,
    ) -> Answer:
        """Send a request, repeating it where that is safe, until there is an answer to believe.

        :param endpoint: what to call.
        :param params: the query's pairs.
        :param body: the JSON body.
        :param budget: deadline, stop and tally; by default :data:`DEFAULT_SECONDS`.
        :param attempts: how often to try at most, refusals by the rate limit not counted; by default until the
            deadline.
        :param whole_product_type: the call means a whole product type, explicitly.
        :raises BitgetNotSentError: deadline or stop came before an attempt could be sent.
        :raises BitgetCallError: the answer of the last attempt; ``maybe_processed`` tells whether any attempt may
            have been carried out.
        :raises BitgetScopeError: the request would have meant "everything".
        """
        check_path(endpoint.path)
        check_scope(endpoint.path, body, whole_product_type=whole_product_type)
        exchange = _Exchange(
            self,
            endpoint,
            Query.from_pairs(params),
            encode_body(body),
            budget or Budget(DEFAULT_SECONDS, self.clock),
            attempts,
        )
        return exchange.run()

    def server_time(self, budget: Budget | None = None, attempts: int | None = 3) -> float:
        """Return the exchange's clock in seconds since the epoch, from its public time endpoint.

        :raises BitgetCallError: there was no answer, or no time in it.
        """
        answer = self.call(SERVER_TIME, budget=budget, attempts=attempts)
        value = answer.data.get("serverTime") if isinstance(answer.data, Mapping) else None
        milliseconds = whole_number(value) or answer.request_time
        if not milliseconds:
            raise BitgetAmbiguousError(
                "the answer holds no time", category=ErrorCategory.AMBIGUOUS, endpoint=SERVER_TIME.path
            )
        return milliseconds / 1000

    def _limiter(self, endpoint: Endpoint) -> Limiter:
        owner = self.base_url
        if endpoint.signed:
            owner += f"#{self._credentials.fingerprint}"
        limit = min(endpoint.limit, self.requests_per_second or endpoint.limit)
        return self._limiters.limiter(owner, f"{endpoint.method} {endpoint.path}", limit)

    def _headers(self, endpoint: Endpoint, query: Query, body: bytes) -> dict[str, str]:
        headers = {"User-Agent": USER_AGENT, "Accept": "application/json", "locale": "en-US"}
        if body or endpoint.method != "GET":
            headers["Content-Type"] = "application/json"
        if endpoint.signed:
            timestamp_ms = int((self.clock.time() + self._offset.seconds) * 1000)
            headers |= self._signer.headers(timestamp_ms, endpoint.method, endpoint.path, query.raw, body)
        return headers

    def _compare_clocks(self, seen_generation: int, budget: Budget) -> bool:
        """Compare the clocks once, however many threads ask; return whether the offset is new since the signing.

        They are compared again only if the last comparison helped: a clock may be set while a client is at work.
        """
        with self._offset.lock:
            if self._offset.generation != seen_generation:
                return True
            if self._offset.generation > 0 and self.signed_successes <= self._offset.successes_before:
                return False
            before = self.clock.time()
            server_time = self.server_time(budget)
            after = self.clock.time()
            self._offset.seconds = server_time - (before + after) / 2
            self._offset.generation += 1
            self._offset.successes_before = self.signed_successes
            log.warning(
                "The exchange refused a timestamp: this machine's clock is %.1f s off; going on with its time",
                -self._offset.seconds,
            )
            return True

    def _observe(self, envelope: Envelope) -> None:
        if envelope.request_time:
            self._observed_offset = envelope.request_time / 1000 - self.clock.time()


class _Exchange:
    """One call with all its attempts."""

    def __init__(
        self,
        client: BitgetClient,
        endpoint: Endpoint,
        query: Query,
        body: bytes,
        budget: Budget,
        attempts: int | None,
    ) -> None:
        self.client = client
        self.endpoint = endpoint
        self.query = query
        self.body = body
        self.budget = budget
        self.attempts = attempts
        self.limiter = client._limiter(endpoint)
        self.sent = 0
        self.failures = 0
        self.bounded_failures = 0
        self.maybe_processed = False
        self.target = f"{endpoint.path}?{query.encoded}" if query.encoded else endpoint.path

    def run(self) -> Answer:
        retrying = tenacity.Retrying(
            # Explicit types only: a timeout that Airflow raises in this thread must pass through.
            retry=tenacity.retry_if_exception(self._worth_repeating),
            wait=self._pause,
            stop=self._out_of_time,
            sleep=self.budget.wait,
            reraise=True,
        )
        try:
            return retrying(self._attempt)
        except (BitgetCallError, BitgetNotSentError) as error:
            error.maybe_processed = self.maybe_processed
            raise

    def _attempt(self) -> Answer:
        slot = self.limiter.acquire(self.budget)
        generation = self.client._offset.generation
        headers = self.client._headers(self.endpoint, self.query, self.body)
        self.budget.tally.count(requests=1, retries=1 if self.sent else 0)
        self.sent += 1
        try:
            answer = self.client._transport.send(
                self.endpoint.method,
                self.target,
                headers=headers,
                body=self.body,
                timeout=self._timeout(),
                on_connected=partial(self._renew, slot),
                on_writing=partial(self._renew_if_stale, slot),
            )
            envelope = read_answer(answer, self.endpoint.path, self.client.redact)
        except TransportFailure as failure:
            raise self._failed(failure) from None
        except BitgetNotSentError:
            self.budget.tally.count(requests=-1, retries=-1 if self.sent > 1 else 0)
            raise
        except BitgetCallError as error:
            raise self._refused(error, generation) from None
        self.limiter.accepted()
        self.client._observe(envelope)
        if self.endpoint.signed:
            self.client.signed_successes += 1
        return Answer(envelope.data, envelope.request_time, self.maybe_processed)

    def _timeout(self) -> float:
        return max(0.001, min(self.client.timeout, self.budget.remaining()))

    def _renew(self, slot: Slot) -> None:
        """Count from now: opening a connection takes time, and so may the wait for another slot."""
        slot.renew()
        answer_within(self._timeout())

    def _renew_if_stale(self, slot: Slot) -> None:
        """Count from now if it took long until here: on a busy machine a thread may have to wait for its turn."""
        if slot.is_stale:
            self._renew(slot)

    def _failed(self, failure: TransportFailure) -> BitgetCallError:
        """Turn "no answer" into an error: ambiguous if the request may have arrived, transient if it cannot have."""
        self.maybe_processed |= failure.sent
        category = ErrorCategory.AMBIGUOUS if failure.sent else ErrorCategory.TRANSIENT
        hint = "" if failure.sent else "Check the connection's host and the network"
        return ERROR_CLASSES[category](failure.reason, category=category, endpoint=self.endpoint.path, hint=hint)

    def _refused(self, error: BitgetCallError, generation: int) -> BitgetCallError:
        """Note what an answer says about pace, clock and processing, and return the error to raise."""
        if error.category is ErrorCategory.RATE_LIMIT:
            self.budget.tally.count(rate_limited=1)
            self.limiter.refused()
            return self._ban(error) if self.limiter.banned else error
        self.limiter.accepted()
        mended = error.category is not ErrorCategory.CLOCK or self._mend_clock(generation)
        if mended is None:
            # Refused before processing, and the clocks could not be compared just now: neither is final.
            hint = "The exchange's clock could not be asked"
            return error.as_type(BitgetTransientError, ErrorCategory.TRANSIENT, hint=hint)
        if not mended:
            hint = "The clocks were compared and it did not help: check this machine's clock"
            return error.as_type(BitgetClockError, ErrorCategory.AUTH, hint=hint)
        if error.category in (ErrorCategory.AMBIGUOUS, ErrorCategory.TRANSIENT):
            self.maybe_processed = True
        repeats = describe(error.code).repeats
        if repeats is None:
            return error
        self.bounded_failures += 1
        if self.bounded_failures <= repeats:
            return error
        return error.as_type(BitgetBadRequestError, ErrorCategory.BAD_REQUEST)

    def _ban(self, error: BitgetCallError) -> BitgetIpBanError:
        return error.as_type(
            BitgetIpBanError,
            ErrorCategory.RATE_LIMIT,
            message="every request of the last ten seconds was refused for being too many, at one a second",
            hint="Bitget bans an address for about five minutes: wait, and look for other programs on this address",
        )

    def _mend_clock(self, generation: int) -> bool | None:
        """Return whether the next timestamp may be better; ``None`` if the exchange's clock could not be asked."""
        if not self.endpoint.signed:
            # The comparison itself: it waits for nobody's comparison.
            return False
        if self.attempts == 1:
            return True
        try:
            return self.client._compare_clocks(generation, self.budget)
        except BitgetClockError:
            return False
        except BitgetCallError:
            return None

    def _worth_repeating(self, error: BaseException) -> bool:
        if not isinstance(error, BitgetCallError) or isinstance(error, BitgetIpBanError) or self.attempts == 1:
            return False
        if error.category in (ErrorCategory.RATE_LIMIT, ErrorCategory.CLOCK):
            return True
        if error.code in BRIEF_CODES and self.endpoint.method == "GET":
            return True
        never_arrived = error.category is ErrorCategory.TRANSIENT and not error.http_status
        if not self.endpoint.repeatable:
            return never_arrived and not self.maybe_processed
        return error.category in (ErrorCategory.TRANSIENT, ErrorCategory.AMBIGUOUS)

    def _pause(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, BitgetCallError) and error.category is ErrorCategory.CLOCK:
            return 0.0
        if isinstance(error, BitgetRateLimitError):
            return 1.0 + self.client._random.uniform(0.0, 0.1)
        self.failures += 1
        longest = _LONGEST_PAUSE_OF_READS if self.endpoint.method == "GET" else _LONGEST_PAUSE
        backoff: float = min(longest, self.endpoint.pause * 2 ** (self.failures - 1))
        pause = backoff * self.client._random.uniform(1.0, 1.25)
        log.info("%s; trying again in %.1f s", error, pause)
        return pause

    def _out_of_time(self, state: tenacity.RetryCallState) -> bool:
        if self.attempts is not None and self.failures >= self.attempts:
            return True
        return state.upcoming_sleep >= self.budget.remaining()
