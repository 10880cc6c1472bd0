# SPDX-License-Identifier: Apache-2.0
"""The guard at the point of sending: no missing or empty field may mean "everything".

Several endpoints take an omitted list of ids, or an omitted symbol, for the whole scope: batch-cancel-orders without
``orderIdList`` cancels every order of the symbol, and without a symbol every order of the product type
(https://www.bitget.com/api-doc/contract/trade/Batch-Cancel-Orders and the neighbouring pages). Every request passes
here, whoever built it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from airflow_provider_bitget.api.exceptions import BitgetConfigError, BitgetScopeError

# Stands for a field that no body can hold.
_NEVER: Final = "-"
# What an unset variable, a wildcard or a template that rendered to nothing leaves behind.
_PLACEHOLDERS: Final = frozenset({"", "*", "none", "null", "nan", "undefined"})
_PATH = re.compile(r"/api/v[0-9]+(?:/[A-Za-z0-9_-]+)+")


@dataclass(frozen=True, slots=True)
class ScopeRule:
    """What a body must hold for its request to name what it touches.

    :param texts: fields that must be non-empty text.
    :param ids: the field with the list of orders; ``"*"`` where the body itself is that list.
    :param whole: an explicit whole-product-type call may leave the texts other than ``productType`` and ``category``
        out.
    :param side: the field that narrows the call to one side of a position. It may be left out, which means both; an
        empty one would mean the same and is refused. It never goes with a whole product type: for positions in one-way
        mode the exchange ignores it, and would close them whatever their side.
    :param narrows: further fields that may be left out, but never be empty.
    :param each: fields that must be non-empty text in every entry of the list.
    """

    texts: tuple[str, ...] = ()
    ids: str = ""
    whole: bool = False
    side: str = ""
    narrows: tuple[str, ...] = ()
    each: tuple[str, ...] = ()


SCOPE_RULES: Final[dict[str, ScopeRule]] = {
    "/api/v2/mix/order/batch-cancel-orders": ScopeRule(("productType", "symbol"), "orderIdList"),
    "/api/v2/mix/order/cancel-order": ScopeRule(("productType", "symbol"), "."),
    "/api/v2/mix/order/cancel-plan-order": ScopeRule(("productType", "symbol", "planType"), "orderIdList"),
    # Its symbol is undocumented since 2025 and may be ignored, so nothing less than a whole product type is ever meant.
    "/api/v2/mix/order/cancel-all-orders": ScopeRule(("productType", _NEVER), whole=True, narrows=("marginCoin",)),
    "/api/v2/mix/order/close-positions": ScopeRule(("productType", "symbol"), whole=True, side="holdSide"),
    "/api/v2/spot/trade/batch-cancel-order": ScopeRule((), "orderList"),
    "/api/v2/spot/trade/cancel-symbol-order": ScopeRule(("symbol",)),
    "/api/v2/spot/trade/batch-cancel-plan-order": ScopeRule((), "symbolList"),
    "/api/v2/margin/crossed/batch-cancel-order": ScopeRule(("symbol",), "orderIdList"),
    "/api/v2/margin/isolated/batch-cancel-order": ScopeRule(("symbol",), "orderIdList"),
    "/api/v3/trade/cancel-batch": ScopeRule((), "*", each=("category", "symbol")),
    "/api/v3/trade/cancel-order": ScopeRule((), "."),
    "/api/v3/trade/cancel-strategy-order": ScopeRule((), "."),
    "/api/v3/trade/cancel-symbol-order": ScopeRule(("category", "symbol"), whole=True),
    "/api/v3/trade/close-positions": ScopeRule(("category", "symbol"), whole=True, side="posSide"),
}
"""Every path on which something left out would mean everything."""


def check_path(path: object) -> str:
    """Return ``path`` if it is a plain API path.

    :raises BitgetConfigError: it is not, for example because it carries a query, ``..`` or an escaped character.
    """
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        raise BitgetConfigError(
            "path must be a plain API path such as /api/v2/mix/account/accounts, without host, query, trailing slash "
            "or escapes; give the query as params",
            field="path",
        )
    return path


def check_scope(path: str, body: Any, *, whole_product_type: bool = False) -> None:
    """Pass only a request that names what it touches.

    :param path: the request's path.
    :param body: the body as it will be sent.
    :param whole_product_type: the caller means the whole product type and says so.
    :raises BitgetScopeError: a missing or empty field would mean "everything".
    """
    # In lower case: whether the exchange tells Cancel-Order from cancel-order is not ours to guess.
    rule = SCOPE_RULES.get(path.lower())
    if rule is None:
        return
    texts = [
        name for name in rule.texts if not (whole_product_type and rule.whole) or name in ("productType", "category")
    ]
    fields = body if isinstance(body, Mapping) else {}
    for name in texts:
        if name == _NEVER or not names_something(fields.get(name)):
            wanted = "an explicit whole-product-type call" if name == _NEVER else f"a non-empty {name}"
            raise BitgetScopeError(
                f"{path} was not sent: without {wanted} it would touch everything in its scope", field=name
            )
    for name in rule.narrows:
        if name in fields and not names_something(fields[name]):
            raise BitgetScopeError(f"{path} was not sent: an empty {name} would widen it to all of them", field=name)
    if rule.side and rule.side in fields:
        _check_side(path, rule.side, fields)
    if rule.ids:
        _check_ids(path, rule.ids, body)
    for name in rule.each:
        if not all(names_something(item.get(name)) for item in body):
            raise BitgetScopeError(
                f"{path} was not sent: every entry of the list needs a non-empty {name}, else it might mean any",
                field=name,
            )


def _check_side(path: str, name: str, fields: Mapping[str, Any]) -> None:
    if fields[name] not in ("long", "short") or not names_something(fields.get("symbol")):
        raise BitgetScopeError(
            f"{path} was not sent: {name} must be 'long' or 'short' and goes with a symbol only, else it might close "
            "positions of the other side; leave it out to close both",
            field=name,
        )


def names_something(value: Any) -> bool:
    """Whether a value is text that names something, and is not what an unset variable leaves behind."""
    return isinstance(value, str) and value.strip().lower() not in _PLACEHOLDERS


def _check_ids(path: str, name: str, body: Any) -> None:
    if name == ".":
        items: Any = [body]
    elif name == "*":
        items = body
    else:
        items = body.get(name) if isinstance(body, Mapping) else None
    if not isinstance(items, Sequence) or isinstance(items, (str, bytes)) or not items:
        raise BitgetScopeError(
            f"{path} was not sent: without a list of what to cancel it would cancel everything in its scope",
            field="body" if name == "*" else name,
        )
    for item in items:
        if name == "symbolList":
            named: tuple[Any, ...] = (item,)
        else:
            named = (item.get("orderId"), item.get("clientOid")) if isinstance(item, Mapping) else ()
        if not any(names_something(value) for value in named):
            raise BitgetScopeError(
                f"{path} was not sent: an entry of the list names no order, and the exchange might take that for all",
                field="body" if name in ("*", ".") else name,
            )


def untold_margin_coin(margin_coin: str) -> BitgetConfigError:
    """Return the refusal of a margin coin where nothing tells which orders it is that of."""
    return BitgetConfigError(
        f"margin_coin {margin_coin!r} cannot be told: the COIN-FUTURES orders of a unified account name none. Choose "
        "symbols instead: without it, the orders of every coin are meant",
        field="margin_coin",
    )
