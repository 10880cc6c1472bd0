# SPDX-License-Identifier: Apache-2.0
"""Reading a request's parameters as strictly as the exchange does."""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from airflow_provider_bitget.sandbox.accounts import Account
from airflow_provider_bitget.sandbox.answers import Refusal
from airflow_provider_bitget.sandbox.books import Book
from airflow_provider_bitget.sandbox.faults import Effect
from airflow_provider_bitget.sandbox.ledger import Ledger
from airflow_provider_bitget.sandbox.request import Request
from airflow_provider_bitget.sandbox.rules import Rules

DEMO_PRODUCT_TYPES = ("SUSDT-FUTURES", "SCOIN-FUTURES", "SUSDC-FUTURES")
CATEGORIES = ("USDT-FUTURES", "COIN-FUTURES", "USDC-FUTURES")
PRODUCT_TYPES = (*CATEGORIES, *DEMO_PRODUCT_TYPES)

MAX_PAGE = 100
DAY_MS = 86_400_000
WINDOW_MS = 90 * DAY_MS

_ORDER_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# The page's own sample holds a "#", so a clientOid may be any printable ASCII.
_CLIENT_OID = re.compile(r"[!-~]{1,64}")
_DIGITS = re.compile(r"[0-9]{1,19}")


@dataclass(frozen=True)
class Call:
    """A request that passed the checks, with all that an endpoint needs to answer it.

    :param request: the request as received.
    :param parameters: the decoded query of a GET, the JSON object of a POST; nothing where that is an array.
    :param listed: the items of a POST whose body is a bare JSON array.
    :param account: the account that signed, None on public paths.
    :param ledger: what the account that signed has on the exchange.
    :param maintenance: the symbols that are under maintenance.
    :param rules: how the exchange behaves.
    :param effects: the conditions and order faults that strike this request.
    :param now: seconds of the monotonic clock.
    :param now_ms: the exchange's time in milliseconds since 1970-01-01 UTC.
    :param chinese: whether texts are Chinese.
    :param chance: the source of random numbers.
    """

    request: Request
    parameters: Mapping[str, Any]
    listed: Sequence[Any]
    account: Account | None
    ledger: Ledger
    maintenance: frozenset[str]
    rules: Rules
    effects: tuple[Effect, ...]
    now: float
    now_ms: int
    chinese: bool
    chance: random.Random

    @property
    def book(self) -> Book:
        """The orders of the account that signed."""
        return self.ledger.orders

    @property
    def signer(self) -> Account:
        """The account that signed.

        :raises Refusal: 40001 on a public path.
        """
        if self.account is None:
            raise Refusal("40001")
        return self.account

    @property
    def gone_code(self) -> str:
        """The code for an order that is unknown or has ended."""
        return self.rules.unified_gone_code if self.request.unified else self.rules.gone_code

    @property
    def gone_plan_code(self) -> str:
        """The code for a plan order that is unknown or has ended."""
        return self.rules.gone_strategy_code if self.request.unified else self.rules.gone_code

    @property
    def too_often_code(self) -> str:
        """The code for a second cancel within one second."""
        return "25004" if self.request.unified else "45129"

    @property
    def locked_code(self) -> str:
        """The code for a position of which live close orders hold a part."""
        return "25225" if self.request.unified else self.rules.locked_code

    def effects_of(self, name: str) -> list[Effect]:
        """Return the effects of one kind.

        :param name: the name of a kind of fault.
        """
        return [effect for effect in self.effects if effect.kind.name == name]

    def text(self, name: str) -> str:
        """Return a text parameter, empty where it is missing or null.

        :param name: the parameter.
        :raises Refusal: 40017 where it isn't text.
        """
        value = self.parameters.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise Refusal("40017", name)
        return value

    def product_type(self) -> str:
        """Return the product type in upper case.

        :raises Refusal: 40019 where it is missing, 40017 where it is unknown, 40099 for a product type of the
            old demo trading together with the header of the new one (recorded).
        """
        value = self.text("productType").upper()
        if not value:
            raise Refusal("40019", "productType")
        if value not in PRODUCT_TYPES:
            raise Refusal("40017", "productType")
        if self.request.demo and value in DEMO_PRODUCT_TYPES:
            raise Refusal("40099")
        return value

    def category(self, default: str | None = None) -> str:
        """Return the category of a unified account's request, in upper case: the product type by another name.

        :param default: what a missing one means, None where it is required.
        :raises Refusal: 40019 where it is missing and required, 40017 for any but a futures category in upper or
            in lower case.
        """
        value = self.text("category")
        if not value and default is not None:
            return default
        if not value:
            raise Refusal("40019", "category")
        if value.upper() not in CATEGORIES or value not in (value.upper(), value.lower()):
            raise Refusal("40017", "category")
        return value.upper()

    def required_symbol(self, code: str = "40019") -> str:
        """Return the symbol.

        :param code: what a missing symbol is refused with.
        :raises Refusal: with that code.
        """
        value = self.text("symbol")
        if not value:
            raise Refusal(code, "symbol")
        return value

    def choice(self, name: str, allowed: Collection[str], default: str | None = None) -> str:
        """Return a parameter that has one of a few values.

        :param name: the parameter.
        :param allowed: the values.
        :param default: what a missing one means, None where it is required.
        :raises Refusal: 40019 where it is missing and required, 40017 for any other value.
        """
        value = self.text(name)
        if not value and default is not None:
            return default
        if not value:
            raise Refusal("40019", name)
        if value not in allowed:
            raise Refusal("40017", name)
        return value

    def check_maintenance(self, symbol: str) -> None:
        """Refuse a write to a symbol that is under maintenance.

        :param symbol: the symbol, empty for a whole product type.
        :raises Refusal: 41114.
        """
        if symbol in self.maintenance:
            raise Refusal("41114")

    def check_margin_coin(self) -> None:
        """Refuse a margin coin that isn't in upper case, as the page demands.

        :raises Refusal: 40017.
        """
        coin = self.text("marginCoin")
        if coin != coin.upper():
            raise Refusal("40017", "marginCoin")

    def reference(self, item: Any) -> tuple[str, str]:
        """Return the order id and the clientOid by which a mapping names an order; the order id wins.

        :param item: an entry of ``orderIdList``, or all parameters of a request for one order.
        :raises Refusal: 40020 for a malformed id, 40924 without any.
        """
        if not isinstance(item, Mapping):
            raise Refusal("40020", "orderId")
        order_id = _checked_id(item.get("orderId"), _ORDER_ID, "orderId")
        client_oid = _checked_id(item.get("clientOid"), _CLIENT_OID, "clientOid")
        if not order_id and not client_oid:
            raise Refusal("40924")
        return order_id, client_oid

    def parts(self) -> list[Call]:
        """Return a call for each item of a body that is an array, to read its parameters.

        :raises Refusal: 40017 without any item, or where one is no object.
        """
        if not self.listed or not all(isinstance(item, Mapping) for item in self.listed):
            raise Refusal("40017", "body")
        return [replace(self, parameters=item, listed=()) for item in self.listed]

    def number(self, name: str) -> int | None:
        """Return a parameter of digits, None where it is missing.

        :param name: the parameter.
        :raises Refusal: 40017 where it isn't made of digits.
        """
        value = self.text(name)
        if not value:
            return None
        if not _DIGITS.fullmatch(value):
            raise Refusal("40017", name)
        return int(value)

    def page_size(self) -> int:
        """Return how many rows a page holds.

        :raises Refusal: 40017 outside of 1 to 100.
        """
        limit = self.number("limit")
        if limit is None:
            return MAX_PAGE
        if not 1 <= limit <= MAX_PAGE:
            raise Refusal("40017", "limit")
        return limit

    def window(self, longest: int = WINDOW_MS) -> tuple[int, int]:
        """Return the first and the last moment asked for, in milliseconds since 1970-01-01 UTC.

        Without ``startTime`` the window is as long as it may be, so older orders don't show.

        :param longest: how long it may be, in milliseconds; 90 days by default.
        :raises Refusal: 40017 for a window that ends before it begins or is longer than that.
        """
        end = self.number("endTime")
        last = self.now_ms if end is None else end
        start = self.number("startTime")
        first = last - longest if start is None else start
        if not 0 <= last - first <= longest:
            raise Refusal("40017", "startTime")
        return first, last


def _checked_id(value: Any, pattern: re.Pattern[str], name: str) -> str:
    if value is None or value == "":
        return ""
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise Refusal("40020", name)
    return value
