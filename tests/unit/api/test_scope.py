# SPDX-License-Identifier: Apache-2.0
"""Nothing that a caller left out, and nothing that rendered to nothing, ever means "everything"."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_bitget.api.client import BitgetClient, Endpoint
from airflow_provider_bitget.api.exceptions import BitgetConfigError, BitgetScopeError
from airflow_provider_bitget.api.rate_limit import LimiterRegistry
from airflow_provider_bitget.api.scope import SCOPE_RULES, check_path, check_scope
from airflow_provider_bitget.sandbox import Account, Sandbox
from tests.unit.api.wire import CREDENTIALS, KEY, OK, PASSPHRASE, SECRET, scripted
from tests.unit.naming import named

ITEMS = [{"orderId": "1"}, {"clientOid": "mine"}]
PRODUCT = {"productType": "USDT-FUTURES", "symbol": "BTCUSDT"}
MIX = "/api/v2/mix/order"

# What a request of each guarded path must hold, typed in from the exchange's pages: a complete body, the fields without
# which it would mean more than it says, and the list of what it names.
COMPLETE: dict[str, tuple[Any, tuple[str, ...], str]] = {
    f"{MIX}/batch-cancel-orders": ({**PRODUCT, "orderIdList": ITEMS}, ("productType", "symbol"), "orderIdList"),
    f"{MIX}/cancel-order": ({**PRODUCT, "orderId": "1"}, ("productType", "symbol", "orderId"), ""),
    f"{MIX}/cancel-plan-order": (
        {**PRODUCT, "planType": "normal_plan", "orderIdList": ITEMS},
        ("productType", "symbol", "planType"),
        "orderIdList",
    ),
    f"{MIX}/close-positions": (PRODUCT, ("productType", "symbol"), ""),
    "/api/v2/spot/trade/batch-cancel-order": ({"symbol": "BTCUSDT", "orderList": ITEMS}, (), "orderList"),
    "/api/v2/spot/trade/cancel-symbol-order": ({"symbol": "BTCUSDT"}, ("symbol",), ""),
    "/api/v2/spot/trade/batch-cancel-plan-order": ({"symbolList": ["BTCUSDT"]}, (), "symbolList"),
    "/api/v2/margin/crossed/batch-cancel-order": (
        {"symbol": "BTCUSDT", "orderIdList": ITEMS},
        ("symbol",),
        "orderIdList",
    ),
    "/api/v2/margin/isolated/batch-cancel-order": (
        {"symbol": "BTCUSDT", "orderIdList": ITEMS},
        ("symbol",),
        "orderIdList",
    ),
    "/api/v3/trade/cancel-batch": ([{"orderId": "1", "category": "USDT-FUTURES", "symbol": "BTCUSDT"}], (), "."),
    "/api/v3/trade/cancel-order": ({"orderId": "1"}, ("orderId",), ""),
    "/api/v3/trade/cancel-strategy-order": ({"clientOid": "mine"}, ("clientOid",), ""),
    "/api/v3/trade/cancel-symbol-order": (
        {"category": "USDT-FUTURES", "symbol": "BTCUSDT"},
        ("category", "symbol"),
        "",
    ),
    "/api/v3/trade/close-positions": ({"category": "USDT-FUTURES", "symbol": "BTCUSDT"}, ("category", "symbol"), ""),
}
WHOLE = {
    f"{MIX}/cancel-all-orders": {"productType": "USDT-FUTURES"},
    f"{MIX}/close-positions": {"productType": "USDT-FUTURES"},
    "/api/v3/trade/cancel-symbol-order": {"category": "USDT-FUTURES"},
    "/api/v3/trade/close-positions": {"category": "USDT-FUTURES"},
}

MISSING = object()
NOTHINGS = [
    MISSING, None, "", " ", "\t\n", "*", "None", "none", "null", "NULL", "nan", "undefined",
    [], ["BTCUSDT"], {}, 0, 1, True, False, b"BTCUSDT",
]  # fmt: skip
NO_LISTS = [
    MISSING, None, [], (), "", "1", "None", b"1", {}, {"orderId": "1"}, 0, 1, True, iter(["1"]),
    [""], [" "], [None], [[]], [{}], [1], [True], ["*"], ["None"],
    [{"orderId": ""}], [{"orderId": " "}], [{"orderId": None}], [{"orderId": 1}], [{"orderId": ["1"]}],
    [{"orderId": "*"}], [{"orderId": "None"}], [{"clientOid": ""}], [{"orderId": "", "clientOid": ""}],
    [{"order_id": "1"}], [{"symbol": "BTCUSDT"}],
]  # fmt: skip


def with_field(body: Any, name: str, value: Any) -> Any:
    changed = {key: kept for key, kept in body.items() if key != name}
    return changed if value is MISSING else {**changed, name: value}


def refused(path: str, body: Any, *, whole: bool = False) -> BitgetScopeError:
    client, script, _ = scripted(OK)
    with pytest.raises(BitgetScopeError) as caught:
        client.call(Endpoint("POST", path, limit=10), body=body, whole_product_type=whole)
    assert script.sent == []
    return caught.value


def test_every_path_on_which_less_means_more_is_guarded() -> None:
    assert set(SCOPE_RULES) == set(COMPLETE) | set(WHOLE)


@pytest.mark.parametrize("path", COMPLETE)
def test_complete_request_passes(path: str) -> None:
    client, script, _ = scripted(OK)

    client.call(Endpoint("POST", path, limit=10), body=COMPLETE[path][0])

    assert len(script.sent) == 1


@pytest.mark.parametrize(("path", "name"), [(path, name) for path, (_, names, _) in COMPLETE.items() for name in names])
@pytest.mark.parametrize("nothing", NOTHINGS, ids=lambda value: "missing" if value is MISSING else named(value))
def test_field_that_is_missing_or_names_nothing_never_reaches_the_exchange(path: str, name: str, nothing: Any) -> None:
    error = refused(path, with_field(COMPLETE[path][0], name, nothing))

    assert isinstance(error, BitgetConfigError)
    assert path in str(error)


@pytest.mark.parametrize(("path", "name"), [(path, name) for path, (_, _, name) in COMPLETE.items() if name])
@pytest.mark.parametrize("nothing", NO_LISTS, ids=lambda value: "missing" if value is MISSING else named(value))
def test_list_that_names_nothing_never_reaches_the_exchange(path: str, name: str, nothing: Any) -> None:
    if name == ".":
        refused(path, None if nothing is MISSING else nothing)
    else:
        if name == "symbolList" and nothing == [{"symbol": "BTCUSDT"}]:
            nothing = [{"symbol": ""}]
        refused(path, with_field(COMPLETE[path][0], name, nothing))


@pytest.mark.parametrize(("path", "name"), [(path, name) for path, (_, _, name) in COMPLETE.items() if name])
@pytest.mark.parametrize("culprit", [{"orderId": ""}, None, {}, ""])
def test_one_empty_entry_among_good_ones_refuses_the_whole_list(path: str, name: str, culprit: Any) -> None:
    body = COMPLETE[path][0]
    items = body if name == "." else body[name]

    refused(path, [*items, culprit] if name == "." else {**body, name: [*items, culprit]})


@pytest.mark.parametrize("name", ["category", "symbol"])
@pytest.mark.parametrize("nothing", NOTHINGS, ids=lambda value: "missing" if value is MISSING else named(value))
def test_entry_of_a_unified_batch_that_does_not_say_what_it_is_of_refuses_the_whole_list(
    name: str, nothing: Any
) -> None:
    path = "/api/v3/trade/cancel-batch"
    [item] = COMPLETE[path][0]

    assert refused(path, [item, with_field(item, name, nothing)]).field == name


@pytest.mark.parametrize("path", SCOPE_RULES)
@pytest.mark.parametrize("body", [None, {}, [], "", "USDT-FUTURES", b"", 1, True])
def test_body_that_is_none_empty_or_of_the_wrong_type_never_reaches_the_exchange(path: str, body: Any) -> None:
    refused(path, body)


@pytest.mark.parametrize("path", SCOPE_RULES)
def test_guard_does_not_look_at_the_method(path: str) -> None:
    client, script, _ = scripted(OK)
    with pytest.raises(BitgetScopeError):
        client.call(Endpoint("GET", path, limit=10), params=[("productType", "USDT-FUTURES")])

    assert script.sent == []


# ------------------------------------------------------------------------------------------- a whole product type


@pytest.mark.parametrize("path", WHOLE)
def test_whole_product_type_goes_through_when_it_is_said_explicitly(path: str) -> None:
    client, script, _ = scripted(OK)

    client.call(Endpoint("POST", path, limit=10), body=WHOLE[path], whole_product_type=True)

    assert len(script.sent) == 1


@pytest.mark.parametrize("path", WHOLE)
def test_whole_product_type_is_never_meant_by_a_body_alone(path: str) -> None:
    refused(path, WHOLE[path])


@pytest.mark.parametrize("extra", ["-", "whole_product_type", "symbol", "all", "marginCoin"])
def test_no_field_of_a_body_unlocks_cancel_all(extra: str) -> None:
    refused(f"{MIX}/cancel-all-orders", {"productType": "USDT-FUTURES", extra: "BTCUSDT"})


@pytest.mark.parametrize("path", WHOLE)
@pytest.mark.parametrize("nothing", NOTHINGS, ids=lambda value: "missing" if value is MISSING else named(value))
def test_whole_product_type_still_needs_a_product_type(path: str, nothing: Any) -> None:
    [name] = WHOLE[path]

    refused(path, with_field(WHOLE[path], name, nothing), whole=True)


@pytest.mark.parametrize("path", [path for path in COMPLETE if path not in WHOLE])
def test_saying_whole_product_type_unlocks_no_path_that_takes_ids(path: str) -> None:
    refused(path, PRODUCT if "spot" not in path and "margin" not in path else {}, whole=True)


# ----------------------------------------------------------------------------------------- one side of a position

SIDES = {f"{MIX}/close-positions": "holdSide", "/api/v3/trade/close-positions": "posSide"}


@pytest.mark.parametrize("side", ["long", "short"])
@pytest.mark.parametrize("path", SIDES)
def test_side_goes_with_a_symbol_and_never_with_a_whole_product_type(path: str, side: str) -> None:
    client, script, _ = scripted(OK)
    client.call(Endpoint("POST", path, limit=10), body={**COMPLETE[path][0], SIDES[path]: side})
    assert len(script.sent) == 1

    assert refused(path, {**WHOLE[path], SIDES[path]: side}, whole=True).field == SIDES[path]


@pytest.mark.parametrize("path", SIDES)
@pytest.mark.parametrize("nothing", [*NOTHINGS[1:], "LONG", "net", "both", "buy"], ids=named)
def test_side_that_names_none_never_means_both(path: str, nothing: Any) -> None:
    assert refused(path, {**COMPLETE[path][0], SIDES[path]: nothing}).field == SIDES[path]


@pytest.mark.parametrize("nothing", NOTHINGS[1:], ids=named)
def test_empty_margin_coin_never_widens_a_cancel_of_everything(nothing: Any) -> None:
    path = f"{MIX}/cancel-all-orders"

    assert refused(path, {**WHOLE[path], "marginCoin": nothing}, whole=True).field == "marginCoin"


# -------------------------------------------------------------------------------------------------- ways around


@pytest.mark.parametrize(
    "path",
    [
        f"{MIX}/cancel-all-orders/",
        "/api/v2/mix//order/cancel-all-orders",
        "//api/v2/mix/order/cancel-all-orders",
        "/api/v2/mix/order/./cancel-all-orders",
        "/api/v2/mix/account/../order/cancel-all-orders",
        "/api/v2/mix/order/cancel%2dall-orders",
        "/api/v2/mix/account/%2e%2e/order/cancel-all-orders",
        f"{MIX}/cancel-all-orders;x=1",
        f"{MIX}/cancel-all-orders?x=1",
        f"{MIX}/cancel-all-orders#x",
        f"{MIX}/cancel-all-orders ",
        f" {MIX}/cancel-all-orders",
        f"{MIX}/cancel-all-orders\n",
        f"{MIX}\\cancel-all-orders",
        f"{MIX}/cancel\u2010all-orders",
        f"https://api.bitget.com{MIX}/cancel-all-orders",
        "mix/order/cancel-all-orders",
        "/api/mix/v1/order/cancel-all-orders",
        "",
        None,
        1,
    ],
)
def test_path_that_only_looks_different_is_refused_by_name(path: Any) -> None:
    client, script, _ = scripted(OK)
    with pytest.raises(BitgetConfigError) as caught:
        client.call(Endpoint("POST", path, limit=10), body={"productType": "USDT-FUTURES"})

    assert caught.value.field == "path"
    assert script.sent == []


@pytest.mark.parametrize("path", SCOPE_RULES)
def test_upper_case_is_no_way_around_the_guard(path: str) -> None:
    for spelling in (path.replace("cancel", "Cancel").replace("close", "Close"), path.replace("/trade/", "/TRADE/")):
        if check_path(spelling) != path:
            refused(spelling, None)


def test_ordinary_paths_pass() -> None:
    for path in ("/api/v2/mix/account/accounts", "/api/v2/p2p/merchantList", "/api/v3/market/tickers"):
        assert check_path(path) == path
        check_scope(path, None)


def test_exchange_would_really_have_cancelled_everything() -> None:
    """The guard guards against something: the same body, sent past it, sweeps the books."""
    account = Account(KEY, SECRET, PASSPHRASE, "1")
    with Sandbox(accounts=[account], orders=9) as sandbox:
        client = BitgetClient(CREDENTIALS, base_url=sandbox.url, limiters=LimiterRegistry())
        endpoint = Endpoint("POST", f"{MIX}/batch-cancel-orders", limit=10)
        with pytest.raises(BitgetScopeError):
            client.call(endpoint, body={"productType": "USDT-FUTURES"})
        assert len(sandbox.open_orders()) == 9
        assert sandbox.requests == []
        client.call(
            Endpoint("POST", f"{MIX}/cancel-all-orders", limit=10),
            body=WHOLE[f"{MIX}/cancel-all-orders"],
            whole_product_type=True,
        )
        client.close()

        assert sandbox.open_orders() == []
