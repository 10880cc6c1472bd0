# SPDX-License-Identifier: Apache-2.0
"""The stand-in exchange: checks, limits, faults and books, without any network and without ever sleeping."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from airflow_provider_bitget.sandbox.accounts import Account, as_accounts
from airflow_provider_bitget.sandbox.answers import SUCCESS, Refusal, Reply, envelope, html, text_of
from airflow_provider_bitget.sandbox.books import Book
from airflow_provider_bitget.sandbox.clock import Clock, SystemClock
from airflow_provider_bitget.sandbox.endpoints import ENDPOINT_NAMES, ENDPOINTS, Endpoint
from airflow_provider_bitget.sandbox.faults import Effect, Fault, FaultPlan
from airflow_provider_bitget.sandbox.journal import Journal, RequestRecord
from airflow_provider_bitget.sandbox.limits import AddressLimit, Limiter, new_limiter
from airflow_provider_bitget.sandbox.orders import (
    CANCELED,
    FILLED,
    HALF_SIZE,
    LIVE,
    OPEN_STATUSES,
    PARTIALLY_FILLED,
    Order,
)
from airflow_provider_bitget.sandbox.parameters import PRODUCT_TYPES, Call
from airflow_provider_bitget.sandbox.request import Request
from airflow_provider_bitget.sandbox.rules import Rules
from airflow_provider_bitget.sandbox.signatures import authenticate
from airflow_provider_bitget.sandbox.wire import distorted, lets_through, too_many_requests

DEFAULT_SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
DEFAULT_PRODUCT_TYPE = "USDT-FUTURES"

# Every id is odd and far from the next, so that one that went through a float names no order at all: at this
# size a float holds only multiples of 256.
FIRST_ORDER_ID = 1_329_948_909_442_023_425
ORDER_ID_STEP = 104_730

_RETIRED = re.compile(r"/api/(\w+/)?v1/")


class Exchange:
    """A strict, thread-safe stand-in for Bitget's REST API; it answers requests but opens no socket.

    :param clock: where time comes from; the machine's clock by default. Nothing here ever waits: what a
        request has to wait for is a field of its :class:`Reply`.
    :param accounts: how many accounts to make up, or the accounts themselves.
    :param symbols: the symbols that :meth:`place` spreads orders over.
    :param product_type: the product type of orders that name none.
    :param rules: how the exchange behaves where sources leave room.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        accounts: int | Sequence[Account] = 1,
        symbols: Sequence[str] = DEFAULT_SYMBOLS,
        product_type: str = DEFAULT_PRODUCT_TYPE,
        rules: Rules | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._lock = threading.RLock()
        self.accounts = as_accounts(accounts)
        self._by_key = {account.key: account for account in self.accounts}
        self.symbols = tuple(symbols)
        if not self.symbols:
            raise ValueError("the sandbox needs at least one symbol")
        self.product_type = _known_product_type(product_type)
        self.reset(rules or Rules())

    def reset(self, rules: Rules | None = None) -> None:
        """Forget all orders, faults, limits and requests; ids begin anew.

        :param rules: how the exchange behaves from now on; as before by default.
        :raises ValueError: where the rules limit an endpoint that doesn't exist.
        """
        with self._lock:
            if rules is not None:
                unknown = sorted(set(rules.limits) - set(ENDPOINT_NAMES))
                if unknown:
                    raise ValueError(f"no endpoint {', '.join(unknown)}; known are {', '.join(ENDPOINT_NAMES)}")
                self.rules = rules
            self._books = {account.key: Book() for account in self.accounts}
            self._faults = FaultPlan(ENDPOINT_NAMES, self.rules.seed)
            self._limiters: dict[tuple[str, str], Limiter] = {}
            self._addresses: dict[str, AddressLimit] = {}
            self._journal = Journal()
            self._chance = random.Random(self.rules.seed)  # noqa: S311 - reproducible on purpose
            self._placed = 0

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
        with self._lock:
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
        book = Book() if account is None else self._books[account.key]
        call = Call(request, {}, book, self.rules, conditions, now, now_ms, chinese, self._chance)
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
            order_ids=request.named_ids,
            status=None if reply.drop else reply.status,
            code=None if reply.drop else reply.code,
            accepted=accepted and not limited,
            processed=reply.processed,
            fault=reply.fault,
        )

    # What the owner of the sandbox sees and does

    def place(
        self,
        count: int = 1,
        symbol: str | None = None,
        product_type: str | None = None,
        *,
        client_oids: bool | Sequence[str] = False,
        status: str = LIVE,
        created_ms: int | None = None,
        account: Account | None = None,
    ) -> list[Order]:
        """Place orders and return them, oldest first.

        :param count: how many.
        :param symbol: their symbol; None spreads them over the exchange's symbols in turn.
        :param product_type: their product type, the exchange's own by default.
        :param client_oids: True to give each a clientOid, or the clientOids themselves.
        :param status: ``live`` or ``partially_filled``.
        :param created_ms: when they were placed, milliseconds since 1970-01-01 UTC; now by default.
        :param account: whose orders, the first account's by default.
        """
        if status not in OPEN_STATUSES:
            raise ValueError(f"status is {status!r}; expected is {' or '.join(OPEN_STATUSES)}")
        if count < 0:
            raise ValueError(f"{count} orders cannot be placed")
        if not isinstance(client_oids, bool) and len(client_oids) != count:
            raise ValueError(f"{count} orders cannot have {len(client_oids)} clientOids")
        symbols = self.symbols if symbol is None else (symbol,)
        product_type = _known_product_type(product_type or self.product_type)
        with self._lock:
            book = self._book_of(account)
            now_ms = int(self._epoch() * 1000) if created_ms is None else created_ms
            placed = []
            for position in range(count):
                self._placed += 1
                order = Order(
                    order_id=str(FIRST_ORDER_ID + self._placed * ORDER_ID_STEP),
                    client_oid=_client_oid(client_oids, position, self._placed),
                    symbol=symbols[position % len(symbols)],
                    product_type=product_type,
                    side="buy" if position % 2 == 0 else "sell",
                    status=status,
                    created_ms=now_ms,
                    updated_ms=now_ms,
                    filled_size=HALF_SIZE if status == PARTIALLY_FILLED else "0",
                )
                book.add(order)
                placed.append(order)
            return placed

    def order(self, order_id: str) -> Order:
        """Return an order of any account in any state.

        :param order_id: the exchange's id.
        :raises ValueError: where no account has such an order.
        """
        with self._lock:
            return self._find(order_id)[1]

    def orders(
        self,
        statuses: Sequence[str] = OPEN_STATUSES,
        *,
        symbol: str | None = None,
        product_type: str | None = None,
        account: Account | None = None,
    ) -> list[Order]:
        """Return an account's orders, oldest first.

        :param statuses: which statuses to include, the open ones by default.
        :param symbol: only this symbol.
        :param product_type: only this product type.
        :param account: whose orders, the first account's by default.
        """
        with self._lock:
            return [
                order
                for order in self._book_of(account).all_orders(statuses)
                if order.symbol == (symbol or order.symbol)
                and order.product_type == (product_type or order.product_type)
            ]

    def fill(self, order_id: str) -> Order:
        """Fill an open order and return it.

        :param order_id: the exchange's id.
        :raises ValueError: where there is no such open order.
        """
        return self._end(order_id, FILLED)

    def cancel(self, order_id: str) -> Order:
        """Cancel an open order as another actor would, and return it.

        :param order_id: the exchange's id.
        :raises ValueError: where there is no such open order.
        """
        return self._end(order_id, CANCELED)

    def books(self) -> list[dict[str, str | int]]:
        """Return the counts of orders by account, product type, symbol and state."""
        with self._lock:
            return [
                {"account": account.uid, **row}
                for account in self.accounts
                for row in self._books[account.key].counts()
            ]

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
        :param endpoint: the last part of the path, such as ``batch-cancel-orders``; None for any.
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

    def _epoch(self) -> float:
        return self._clock.time() + self.rules.clock_offset

    def _book_of(self, account: Account | None) -> Book:
        return self._books[(account or self.accounts[0]).key]

    def _find(self, order_id: str) -> tuple[Book, Order]:
        for book in self._books.values():
            order = book.find(order_id)
            if order is not None:
                return book, order
        raise ValueError(f"the sandbox has no order {order_id}")

    def _end(self, order_id: str, status: str) -> Order:
        with self._lock:
            book, order = self._find(order_id)
            if not order.is_open:
                raise ValueError(f"order {order_id} is {order.status} already")
            return book.end(order, status, self._clock.monotonic(), int(self._epoch() * 1000))


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
    """Refuse a key that belongs to the other environment or to the other kind of account."""
    if account is None:
        return
    if account.demo != request.demo:
        raise Refusal("40099")
    if endpoint is None and account.mode == "classic":
        raise Refusal("40084")
    if endpoint is not None and account.mode == "unified":
        raise Refusal("40085")


def _answer(endpoint: Endpoint, call: Call) -> Reply:
    try:
        data = endpoint.answer(replace(call, parameters=_parameters(call.request)))
    except Refusal as refusal:
        return _refused(refusal, call.now_ms, call.chinese)
    return replace(envelope(SUCCESS, "success", call.now_ms, data), processed=True)


def _parameters(request: Request) -> Mapping[str, Any]:
    if request.method == "GET":
        return request.query
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/json":
        raise Refusal("40007")
    if not isinstance(request.content, dict):
        raise Refusal("40017", "body")
    return request.content


def _refused(refusal: Refusal, now_ms: int, chinese: bool) -> Reply:
    message = refusal.text
    if message is None:
        message = text_of(refusal.code, refusal.detail, chinese=chinese)
    return envelope(refusal.code, message, now_ms, None, refusal.status)


def _known_product_type(product_type: str) -> str:
    if product_type.upper() not in PRODUCT_TYPES:
        raise ValueError(f"product type is {product_type!r}; known are {', '.join(PRODUCT_TYPES)}")
    return product_type.upper()


def _client_oid(client_oids: bool | Sequence[str], position: int, number: int) -> str:
    if isinstance(client_oids, bool):
        return f"desk-{number}" if client_oids else ""
    return client_oids[position]
