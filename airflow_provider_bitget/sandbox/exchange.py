# SPDX-License-Identifier: Apache-2.0
"""The stand-in exchange: checks, limits, faults and books, without any network and without ever sleeping."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from airflow_provider_bitget.sandbox.accounts import Account, AccountMode, as_accounts
from airflow_provider_bitget.sandbox.answers import SUCCESS, Refusal, Reply, envelope, html, text_of
from airflow_provider_bitget.sandbox.clock import Clock
from airflow_provider_bitget.sandbox.endpoints import ENDPOINT_NAMES, ENDPOINTS, Endpoint
from airflow_provider_bitget.sandbox.faults import Effect, Fault, FaultPlan
from airflow_provider_bitget.sandbox.journal import Journal, RequestRecord
from airflow_provider_bitget.sandbox.ledger import Ledger
from airflow_provider_bitget.sandbox.limits import AddressLimit, Limiter, new_limiter
from airflow_provider_bitget.sandbox.order_ids import OrderIds
from airflow_provider_bitget.sandbox.parameters import Call
from airflow_provider_bitget.sandbox.request import Request
from airflow_provider_bitget.sandbox.rules import Rules
from airflow_provider_bitget.sandbox.signatures import authenticate
from airflow_provider_bitget.sandbox.venue import DEFAULT_PRODUCT_TYPE, DEFAULT_SYMBOLS, Venue
from airflow_provider_bitget.sandbox.wire import distorted, lets_through, too_many_requests

_RETIRED = re.compile(r"/api/(\w+/)?v1/")


class Exchange(Venue):
    """A strict, thread-safe stand-in for Bitget's REST API; it answers requests but opens no socket.

    :param clock: where time comes from; the machine's clock by default. Nothing here ever waits: what a
        request has to wait for is a field of its :class:`Reply`.
    :param accounts: how many accounts to make up, or the accounts themselves.
    :param account_mode: the mode of made-up accounts: ``classic``, or ``unified`` for the V3 paths instead.
    :param symbols: the symbols that :meth:`place` spreads orders over.
    :param product_type: the product type of orders that name none.
    :param rules: how the exchange behaves where sources leave room.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        accounts: int | Sequence[Account] = 1,
        account_mode: AccountMode = "classic",
        symbols: Sequence[str] = DEFAULT_SYMBOLS,
        product_type: str = DEFAULT_PRODUCT_TYPE,
        rules: Rules | None = None,
    ) -> None:
        super().__init__(clock, as_accounts(accounts, mode=account_mode), symbols, product_type, rules)
        self._by_key = {account.key: account for account in self.accounts}

    def reset(self, rules: Rules | None = None) -> None:
        """Forget all orders, plan orders, positions, faults, limits and requests; ids begin anew.

        :param rules: how the exchange behaves from now on; as before by default.
        :raises ValueError: where the rules limit an endpoint that doesn't exist.
        """
        with self._lock:
            unknown = sorted(set((rules or self.rules).limits) - set(ENDPOINT_NAMES))
            if unknown:
                raise ValueError(f"no endpoint {', '.join(unknown)}; known are {', '.join(ENDPOINT_NAMES)}")
            super().reset(rules)
            self._faults = FaultPlan(ENDPOINT_NAMES, self.rules.seed)
            self._limiters: dict[tuple[str, str], Limiter] = {}
            self._addresses: dict[str, AddressLimit] = {}
            self._journal = Journal()
            self._chance = random.Random(self.rules.seed)  # noqa: S311 - reproducible on purpose

    # What a client sees

    def handle(
        self,
        method: str,
        path: str,
        query_string: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        address: str = "127.0.0.1",
    ) -> Reply:
        """Answer one request that arrives now.

        :param method: the HTTP method.
        :param path: the path.
        :param query_string: the query as it stood in the URL, percent-encoded, without the question mark.
        :param headers: the headers, their names in any case.
        :param body: the raw body.
        :param address: the sender's address.
        """
        lower = {name.lower(): value for name, value in (headers or {}).items()}
        request = Request(method.upper(), path, query_string, lower, body, address)
        with self._settled():
            now = self._clock.monotonic()
            conditions = tuple(self._faults.strikes(request, now, "condition"))
            epoch = self._epoch() + sum(
                effect.options["offset"] for effect in conditions if effect.kind.name == "clock"
            )
            reply, account, accepted = self._serve(request, conditions, now, epoch)
            self._journal.add(self._record(request, now, reply, account, accepted))
            return reply

    def _serve(
        self, request: Request, conditions: tuple[Effect, ...], now: float, epoch: float
    ) -> tuple[Reply, Account | None, bool]:
        """Return the reply, who asked, and whether the request passed all checks and limits."""
        now_ms = int(epoch * 1000)
        chinese = not request.english or any(effect.kind.name == "chinese" for effect in conditions)
        account: Account | None = None
        try:
            self._check_address(request, now, epoch)
            if not request.path.startswith("/api/"):
                return html(404, "404 Not Found"), None, False
            endpoint = _endpoint_of(request)
            if endpoint is None or endpoint.signed:
                account = authenticate(request, self._by_key, now_ms, self.rules.unknown_key_code)
            _check_account(endpoint, account, request)
            if endpoint is None:
                raise Refusal("40404")
            remaining = self._check_limit(endpoint, account, request, now, epoch)
        except _OverLimit:
            return too_many_requests(now_ms), account, False
        except Refusal as refusal:
            return _refused(refusal, now_ms, chinese), account, False
        ledger = Ledger(OrderIds(), self.rules) if account is None else self._ledgers[account.key]
        call = Call(
            request=request,
            parameters={},
            listed=(),
            account=account,
            ledger=ledger,
            maintenance=self._maintenance,
            rules=self.rules,
            effects=conditions,
            now=now,
            now_ms=now_ms,
            chinese=chinese,
            chance=self._chance,
        )
        reply = self._carry_out(endpoint, call)
        if remaining is not None:
            reply = replace(reply, headers={**reply.headers, "x-mbx-used-remain-limit": str(remaining)})
        return reply, account, True

    def _carry_out(self, endpoint: Endpoint, call: Call) -> Reply:
        """Answer an accepted request, with what the faults make of it."""
        wire, effects = self._draw(call)
        if wire is not None and not lets_through(wire):
            return distorted(wire, Reply(status=200, body=b""), call.now_ms, chinese=call.chinese)
        reply = _answer(endpoint, replace(call, effects=call.effects + effects))
        if effects:
            reply = replace(reply, fault=",".join(effect.kind.name for effect in effects))
        if wire is None:
            return reply
        return distorted(wire, reply, call.now_ms, chinese=call.chinese)

    def _draw(self, call: Call) -> tuple[Effect | None, tuple[Effect, ...]]:
        """Return the fault that decides over the whole answer, if any, and those of single orders."""
        effects: list[Effect] = []
        for effect in self._faults.strikes(call.request, call.now, "wire"):
            if effect.kind.stage == "wire":
                if not lets_through(effect):
                    return effect, ()
                return effect, (*effects, *self._faults.strikes(call.request, call.now, "orders"))
            effects.append(effect)
        return None, (*effects, *self._faults.strikes(call.request, call.now, "orders"))

    def _check_address(self, request: Request, now: float, epoch: float) -> None:
        limit = self._addresses.setdefault(request.address, AddressLimit())
        if self.rules.limiter != "off" and not limit.admit(now, epoch):
            raise _OverLimit

    def _check_limit(
        self, endpoint: Endpoint, account: Account | None, request: Request, now: float, epoch: float
    ) -> int | None:
        """Count the request and return how many may follow at once, None without a limit."""
        rules = self.rules
        if rules.limiter == "off":
            return None
        key = (endpoint.path, request.address if account is None else account.uid)
        limiter = self._limiters.get(key)
        if limiter is None:
            limit = rules.limits.get(endpoint.name, endpoint.limit)
            limiter = new_limiter(rules.limiter, limit, count_refused=rules.count_refused)
            self._limiters[key] = limiter
        if not limiter.admit(now, epoch):
            raise _OverLimit
        return limiter.remaining(now, epoch)

    def _record(
        self, request: Request, now: float, reply: Reply, account: Account | None, accepted: bool
    ) -> RequestRecord:
        limited = reply.status == 429
        return RequestRecord(
            time=self._clock.time(),
            arrival=now,
            method=request.method,
            path=request.path,
            account=None if account is None else account.uid,
            order_ids=() if request.names_plans else request.named_ids,
            status=None if reply.drop else reply.status,
            code=None if reply.drop else reply.code,
            accepted=accepted and not limited,
            processed=reply.processed,
            fault=reply.fault,
            plan_order_ids=request.named_ids if request.names_plans else (),
            product_type=request.product_type,
            symbol=request.named("symbol"),
            plan_type=request.named("planType"),
            hold_side=request.hold_side,
        )

    # What the owner of the sandbox sees of requests, and does to them
    def records(self) -> list[RequestRecord]:
        """Return what became of each request, oldest first."""
        with self._lock:
            return self._journal.records()

    def statistics(self) -> dict[str, dict[str, int]]:
        """Return counts of requests by path; see :meth:`Journal.statistics`."""
        with self._lock:
            return self._journal.statistics()

    def inject(
        self,
        kind: str,
        *,
        endpoint: str | None = None,
        after: int = 0,
        times: int | None = None,
        duration: float | None = None,
        probability: float = 1.0,
        **options: Any,
    ) -> Fault:
        """Let something go wrong, from the next matching request on.

        Faults strike requests that passed the signature and the limit; of several that decide over a whole
        answer, the one injected first wins and the others keep waiting.

        :param kind: a name in ``airflow_provider_bitget.sandbox.faults.KINDS``.
        :param endpoint: the last part of the path, such as ``batch-cancel-orders``; None for any. Where a classic
            and a unified account's path end alike (``close-positions``), both are meant.
        :param after: how many matching requests to let pass first.
        :param times: how many requests to strike, None for no end.
        :param duration: seconds from the first match on during which it strikes, None for no end.
        :param probability: chance for each matching request, 0 to 1.
        :param options: the kind's own options.
        :return: the fault; ``fired`` counts how often it struck.
        :raises ValueError: for an unknown kind, option or endpoint (it lists the known) and for a bad value.
        """
        with self._lock:
            return self._faults.inject(
                kind,
                endpoint=endpoint,
                after=after,
                times=times,
                duration=duration,
                probability=probability,
                **options,
            )

    def inject_random(
        self,
        probability: float,
        kinds: Sequence[str | tuple[str, Mapping[str, Any]]] | None = None,
        *,
        seed: int | None = None,
        endpoint: str | None = None,
        after: int = 0,
        times: int | None = None,
        duration: float | None = None,
    ) -> Fault:
        """Let different things go wrong at random.

        :param probability: chance for each request, 0 to 1.
        :param kinds: names, or pairs of a name and its options; by default every kind that strikes single
            requests.
        :param seed: seed of the draw, the exchange's own by default.
        :param endpoint: as in :meth:`inject`, and so are ``after``, ``times`` and ``duration``.
        :raises ValueError: as :meth:`inject`, and for conditions such as ``clock``, which last.
        """
        with self._lock:
            return self._faults.inject_random(
                probability, kinds, seed=seed, endpoint=endpoint, after=after, times=times, duration=duration
            )

    def clear_faults(self) -> None:
        """End all faults."""
        with self._lock:
            self._faults.clear()


class _OverLimit(Exception):
    """The request exceeds a limit."""


def _endpoint_of(request: Request) -> Endpoint | None:
    if _RETIRED.match(request.path):
        raise Refusal("30032")
    endpoint = ENDPOINTS.get((request.method, request.path))
    if endpoint is None and not request.path.startswith("/api/v3/"):
        raise Refusal("40404")
    return endpoint


def _check_account(endpoint: Endpoint | None, account: Account | None, request: Request) -> None:
    """Refuse a key of the other environment or a classic account, and one that may not do what it asks.

    A key of a unified account was refused before, where it doesn't belong: by :func:`authenticate`.
    """
    if account is None:
        return
    if account.demo != request.demo:
        raise Refusal("40099")
    if request.unified and account.mode == "classic":
        raise Refusal("40084")
    if request.method == "POST" and not account.may_trade:
        raise Refusal("25620" if request.unified else "40014")


def _answer(endpoint: Endpoint, call: Call) -> Reply:
    try:
        content = _content(call.request, array=endpoint.takes_array)
        data = endpoint.answer(
            replace(call, listed=content) if endpoint.takes_array else replace(call, parameters=content)
        )
    except Refusal as refusal:
        return _refused(refusal, call.now_ms, call.chinese)
    return replace(envelope(SUCCESS, "success", call.now_ms, data), processed=True)


def _content(request: Request, *, array: bool) -> Any:
    """Return the parameters of a request: a mapping, or the list in its place that an endpoint takes."""
    if request.method == "GET":
        return request.query
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/json":
        raise Refusal("40007")
    if not isinstance(request.content, list if array else dict):
        raise Refusal("40017", "body")
    return request.content


def _refused(refusal: Refusal, now_ms: int, chinese: bool) -> Reply:
    message = refusal.text
    if message is None:
        message = text_of(refusal.code, refusal.detail, chinese=chinese)
    return envelope(refusal.code, message, now_ms, None, refusal.status)
