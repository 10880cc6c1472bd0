# SPDX-License-Identifier: Apache-2.0
"""From whatever a DAG hands over to a list of orders that may be sent: parse, validate, dedupe, group, chunk.

Everything that is wrong is said before anything is sent, with the argument's name, the place in the list and what to
do. Values are not repeated in messages beyond what is needed to find them.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from airflow_provider_bitget.api.exceptions import BitgetConfigError
from airflow_provider_bitget.api.rows import PLAN_TYPES

MOST_IDS_PER_CANCEL: Final = 50
"""The most ids that any kind of account takes in one request."""

PRODUCT_TYPES: Final = (
    "USDT-FUTURES",
    "COIN-FUTURES",
    "USDC-FUTURES",
    "SUSDT-FUTURES",
    "SCOIN-FUTURES",
    "SUSDC-FUTURES",
)
"""Source: https://www.bitget.com/api-doc/contract/trade/Batch-Cancel-Orders ; the S* ones are the old demo types."""

MOST_JSON_BYTES: Final = 16 * 1024 * 1024
MOST_REPR_BYTES: Final = 2 * 1024 * 1024

Named = TypeVar("Named", bound="NamesOneOrder")

_ORDER_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CLIENT_OID = re.compile(r"[!-~](?:[ -~]{0,62}[!-~])?")
_ID_FIELDS = ("orderId", "order_id", "clientOid", "client_oid")
_NO_ID = frozenset({"none", "null", "nan", "undefined"})
_COIN = re.compile(r"[A-Z0-9]{1,20}")
_LONGEST_SYMBOL = 64


class OrderListError(BitgetConfigError):
    """An argument that says what to cancel cannot be used. Nothing was sent."""


@dataclass(frozen=True, slots=True)
class OrderRef:
    """One order that was asked for.

    :param order_id: the exchange's id, ``""`` if only the clientOid is known.
    :param client_oid: the client's id, ``""`` if there is none.
    :param symbol: upper case.
    :param plan_type: the concrete type of a plan order, one of
        :data:`~airflow_provider_bitget.api.rows.PLAN_TYPES`; ``""`` for a normal order.
    """

    order_id: str
    client_oid: str
    symbol: str
    plan_type: str = ""

    @property
    def id_field(self) -> str:
        """The field that names the order to the exchange; where both are known, orderId prevails."""
        return "orderId" if self.order_id else "clientOid"

    @property
    def id_value(self) -> str:
        """The id that goes with :attr:`id_field`."""
        return self.order_id or self.client_oid

    def __str__(self) -> str:
        return " ".join(filter(None, (self.symbol, self.plan_type, self.id_value)))


def parse_orders(orders: Any, *, symbol: str | None, product_type: str) -> list[OrderRef]:
    """Return the orders to cancel, validated and without duplicates, in the order given.

    :param orders: a sequence of ids (text or int) or of mappings with ``orderId`` or ``clientOid`` and ``symbol``
        (snake_case too), or text that holds such a list as JSON or as Python's repr. A sequence of such sequences is
        flattened by one level. One such mapping by itself is one order, as a task that is mapped over rows gets it.
        A mapping with ``planType`` names a plan order (trigger, trailing, take-profit or
        stop-loss); its type is never guessed.
    :param symbol: for orders that carry none; already checked by :func:`parse_symbol`.
    :param product_type: rows that name another one are refused; already checked by :func:`parse_product_type`.
    :raises OrderListError: anything that could send something else than what was meant.
    """
    listed = _parse_text(orders) if isinstance(orders, str) else orders
    if isinstance(listed, Mapping) and any(listed.get(name) for name in _ID_FIELDS):
        listed = [listed]
    _check_is_list("orders", listed, from_text=isinstance(orders, str))
    found: list[OrderRef] = []
    for place, item in _flatten(listed):
        found.append(_parse_item(place, item, symbol=symbol, product_type=product_type))
    return _without_duplicates(found)


def parse_product_type(value: Any) -> str:
    """Return the product type in upper case.

    :raises OrderListError: it is none of the six known ones.
    """
    text = value.strip().upper() if isinstance(value, str) else value
    if text not in PRODUCT_TYPES:
        raise OrderListError(
            f"product_type must be one of {', '.join(PRODUCT_TYPES)} (in any case), but came as {_describe(value)}.",
            field="product_type",
        )
    return str(text)


def parse_symbol(value: Any, *, field: str = "symbol") -> str | None:
    """Return the symbol in upper case, or ``None`` where none was given.

    :raises OrderListError: it is empty, ``"*"``, a rendered ``None`` or holds characters that no symbol has.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise OrderListError(f"{field} must be text such as 'BTCUSDT', but came as {_describe(value)}.", field=field)
    text = value.upper()
    if text in ("", "*", "NONE", "NULL") or len(text) > _LONGEST_SYMBOL or not all(_is_symbol_char(c) for c in text):
        raise OrderListError(
            f"{field} must name one trading pair such as 'BTCUSDT' (letters, digits, '$', '-', '_'), but came as "
            f"{_describe(value)}. Empty, '*' and a template that rendered to nothing never mean all symbols.",
            field=field,
        )
    return text


def parse_margin_coin(value: Any) -> str | None:
    """Return the margin coin in upper case, or ``None`` where none was given.

    :raises OrderListError: it is not a coin's name.
    """
    if value is None:
        return None
    text = value.upper() if isinstance(value, str) else ""
    if not _COIN.fullmatch(text) or text in ("NONE", "NULL"):
        raise OrderListError(
            f"margin_coin must be a coin such as 'USDT', but came as {_describe(value)}. Leave it out if not needed.",
            field="margin_coin",
        )
    return text


def check_chunk_size(value: Any) -> int:
    """Return how many orders go into one request.

    :raises OrderListError: it is not a whole number from 1 to 50.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_IDS_PER_CANCEL:
        raise OrderListError(
            f"chunk_size must be a whole number from 1 to {MOST_IDS_PER_CANCEL}, the most that go into one request, "
            f"but is {value if isinstance(value, int) else _describe(value)}.",
            field="chunk_size",
        )
    return value


class NamesOneOrder(Protocol):
    """Whatever can be put into a batch: an :class:`OrderRef`, or something that stands for one."""

    @property
    def symbol(self) -> str:
        """The order's symbol."""

    @property
    def plan_type(self) -> str:
        """The type under which a plan order is cancelled, ``""`` for a normal order."""

    @property
    def id_field(self) -> str:
        """The field that names the order to the exchange."""


def chunk_orders(orders: Iterable[Named], size: int) -> Iterator[list[Named]]:
    """Yield batches of one symbol, one plan type and one kind of id, of at most ``size`` orders each."""
    groups: dict[tuple[str, str, str], list[Named]] = {}
    for order in orders:
        fellows = (order.symbol, order.plan_type, order.id_field)
        group = groups.setdefault(fellows, [])
        group.append(order)
        if len(group) == size:
            yield groups.pop(fellows)
    yield from groups.values()


def _parse_text(text: str) -> Any:
    stripped = text.strip()
    if stripped in ("None", "null", ""):
        raise OrderListError(
            f"orders rendered to {stripped!r}: the upstream XCom is missing or empty. Nothing was cancelled. Pass "
            "orders=upstream_task.output, and have the upstream task return [] where there is nothing to cancel.",
            field="orders",
        )
    if len(stripped) > MOST_JSON_BYTES:
        raise _too_long(MOST_JSON_BYTES)
    try:
        # Floats stay recognisable: an id that went through one has lost digits.
        return json.loads(stripped)
    except (ValueError, RecursionError):
        pass
    if len(stripped) > MOST_REPR_BYTES:
        raise _too_long(MOST_REPR_BYTES)
    try:
        return ast.literal_eval(stripped)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        raise OrderListError(
            f"orders is text of {len(stripped)} characters that is neither a JSON list nor a Python list. Pass "
            "orders=upstream_task.output (the list itself) rather than a template that turns it into text.",
            field="orders",
        ) from None


def _too_long(limit: int) -> OrderListError:
    return OrderListError(
        f"orders is text longer than {limit // (1024 * 1024)} MB. Pass orders=upstream_task.output (the list itself).",
        field="orders",
    )


def _check_is_list(place: str, value: Any, *, from_text: bool) -> None:
    if value is None:
        raise OrderListError(
            f"{place} is None: the upstream XCom is missing. Nothing was cancelled. Check that the upstream task ran "
            "and returned a list; have it return [] where there is nothing to cancel.",
            field="orders",
        )
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray, memoryview)):
        return
    came = (
        f"is text that holds a value of type {type(value).__name__}"
        if from_text
        else f"is of type {type(value).__name__}"
    )
    raise OrderListError(
        f"{place} must be a list of order ids or of mappings with orderId or clientOid, but {came}. "
        f"{_how_to_list(value)}.",
        field="orders",
    )


def _how_to_list(value: Any) -> str:
    """Say how to make a list of ``value``: list() of text or bytes would give a list of its characters."""
    if isinstance(value, (Mapping, str)) or (isinstance(value, int) and not isinstance(value, bool)):
        return "Wrap it in a list"
    if isinstance(value, Iterable) and not isinstance(value, (bytes, bytearray, memoryview)):
        return "Pass list(...)"
    return "Give ids as text, in a list"


def _flatten(listed: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """Yield each order with its place; a list of lists, as a mapped upstream task gives, is opened by one level."""
    for index, item in enumerate(listed):
        if isinstance(item, Sequence) and not isinstance(item, (str, bytes, bytearray, memoryview)):
            for inner, order in enumerate(item):
                yield f"orders[{index}][{inner}]", order
        else:
            yield f"orders[{index}]", item


def _parse_item(place: str, item: Any, *, symbol: str | None, product_type: str) -> OrderRef:
    if isinstance(item, Mapping):
        return _parse_mapping(place, item, symbol=symbol, product_type=product_type)
    order_id = _parse_order_id(place, item)
    return OrderRef(order_id, "", _require_symbol(place, symbol))


def _parse_mapping(place: str, row: Mapping[Any, Any], *, symbol: str | None, product_type: str) -> OrderRef:
    order_id = _field(place, row, "orderId", "order_id")
    client_oid = _field(place, row, "clientOid", "client_oid")
    row_symbol = _field(place, row, "symbol", "symbol")
    row_type = _field(place, row, "productType", "product_type")
    plan_type = _parse_plan_type(place, row)
    if order_id is None and client_oid is None:
        raise OrderListError(
            f"{place} has neither orderId nor clientOid. Each mapping needs one of them (orderId prevails).",
            field="orders",
        )
    if row_type is not None and (not isinstance(row_type, str) or row_type.strip().upper() != product_type):
        raise OrderListError(
            f"{place} names the product type {row_type[:24] if isinstance(row_type, str) else _describe(row_type)}, "
            f"but product_type is {product_type}. Use one task per product type.",
            field="orders",
        )
    own_symbol = parse_symbol(row_symbol, field=f"{place}.symbol") or symbol
    return OrderRef(
        _parse_order_id(f"{place}.orderId", order_id) if order_id is not None else "",
        _parse_client_oid(f"{place}.clientOid", client_oid, is_needed=order_id is None)
        if client_oid is not None
        else "",
        _require_symbol(place, own_symbol),
        plan_type,
    )


def _parse_plan_type(place: str, row: Mapping[Any, Any]) -> str:
    """Return the plan order's type, ``""`` for a row without the field.

    The exchange takes a missing type for ``normal_plan``, so one that cannot be read is refused and never left out.
    """
    if "planType" not in row and "plan_type" not in row:
        return ""
    value = _field(place, row, "planType", "plan_type")
    text = value.strip().lower() if isinstance(value, str) else ""
    if text not in PLAN_TYPES:
        came = "is empty" if value is None else f"came as {_describe(value)}"
        raise OrderListError(
            f"{place}.planType must be one of {', '.join(PLAN_TYPES)}, but {came}. Give the row's planType as the "
            "exchange lists it, and no planType at all for an order that is not a plan order.",
            field="orders",
        )
    return text


def _field(place: str, row: Mapping[Any, Any], api_name: str, python_name: str) -> Any:
    """Return the field under either spelling; the exchange's own "no value" ("" or null) counts as absent."""
    values = [row[name] for name in dict.fromkeys((api_name, python_name)) if row.get(name) not in (None, "")]
    if len(values) == 2 and str(values[0]) != str(values[1]):
        raise OrderListError(
            f"{place} has different values for {api_name} and {python_name}. Keep one.", field="orders"
        )
    return values[0] if values else None


def _parse_order_id(place: str, value: Any) -> str:
    text = _id_text(place, value, "an orderId")
    if not _ORDER_ID.fullmatch(text):
        raise OrderListError(
            f"{place} is not an orderId: it must be 1 to 64 letters, digits, '-' or '_', but is {_describe(value)}.",
            field="orders",
        )
    return text


def _parse_client_oid(place: str, value: Any, *, is_needed: bool) -> str:
    """Return the clientOid; an odd one beside an orderId, which prevails, is left out and not held against the list."""
    text = str(value) if isinstance(value, str) and not is_needed else _id_text(place, value, "a clientOid")
    if _CLIENT_OID.fullmatch(text):
        return text
    if not is_needed:
        return ""
    raise OrderListError(
        f"{place} is not a clientOid: it must be 1 to 64 printable ASCII characters, no space at an end, but is "
        f"{_describe(value)}.",
        field="orders",
    )


def _id_text(place: str, value: Any, what: str) -> str:
    if isinstance(value, float):
        raise OrderListError(
            f"{place} is a float: an id that went through a float has lost digits. Give ids as text. With "
            "render_template_as_native_obj=True templates turn numbers into floats: pass upstream_task.output.",
            field="orders",
        )
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**64:
        return str(value)
    if isinstance(value, str) and value and value.lower() not in _NO_ID:
        # Plain text, whatever subclass of it a template or a library made.
        return str(value)
    raise OrderListError(
        f"{place} is not {what}: expected text or a positive int of at most 64 digits, but it is {_describe(value)}.",
        field="orders",
    )


def _require_symbol(place: str, symbol: str | None) -> str:
    if symbol is None:
        raise OrderListError(
            f"{place} carries no symbol and the symbol argument is not set. The exchange needs it with every id: "
            "give symbol='BTCUSDT', or mappings with orderId and symbol.",
            field="symbol",
        )
    return symbol


def _without_duplicates(found: list[OrderRef]) -> list[OrderRef]:
    """Keep the first of each order; a row with only the clientOid of a row that has both is the same order."""
    with_both = {(ref.client_oid, bool(ref.plan_type)): ref for ref in found if ref.order_id and ref.client_oid}
    kept: dict[tuple[str, str, bool], OrderRef] = {}
    for ref in found:
        same = None if ref.order_id else with_both.get((ref.client_oid, bool(ref.plan_type)))
        first = same or kept.setdefault(_name_of(ref), ref)
        if first.symbol != ref.symbol:
            raise OrderListError(
                f"orders names the order {ref.id_value} under two symbols, {first.symbol} and {ref.symbol}. "
                "An order has one.",
                field="orders",
            )
        if first.plan_type != ref.plan_type:
            types = " and ".join(other.plan_type or "none" for other in (first, ref))
            raise OrderListError(
                f"orders names the order {ref.id_value} under two plan types, {types}. An order has one, or none.",
                field="orders",
            )
    return list(kept.values())


def _name_of(ref: OrderRef) -> tuple[str, str, bool]:
    """Return what stands for one order: the exchange's ids do so among all orders, clientOids among those of a kind."""
    return ref.id_field, ref.id_value, bool(ref.plan_type) and not ref.order_id


def _is_symbol_char(char: str) -> bool:
    return char.isalnum() or char in "$-_"


def _describe(value: Any) -> str:
    """Say what came: type and length always, short plain text as it is."""
    if isinstance(value, str):
        shown = value if len(value) <= 24 else value[:12] + "…"
        return f"text of {len(value)} characters ({shown!r})"
    return f"type {type(value).__name__}"
