# SPDX-License-Identifier: Apache-2.0
"""Every form in which a list of orders may come, and what each wrong one gets. Nothing is sent for any of these."""

from __future__ import annotations

import array
import json
from collections import OrderedDict, UserDict, UserList, deque
from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_bitget.api.rows import PLAN_TYPES
from airflow_provider_bitget.trading.order_list import (
    MOST_JSON_BYTES,
    MOST_REPR_BYTES,
    PRODUCT_TYPES,
    OrderListError,
    OrderRef,
    check_chunk_size,
    chunk_orders,
    parse_margin_coin,
    parse_orders,
    parse_product_type,
    parse_symbol,
)
from tests.unit.naming import named

ID = "1329948909442023425"
OTHER = "1329948909442128155"
LONGEST = "9" * 64


def parse(orders: Any, symbol: str | None = "BTCUSDT", product_type: str = "USDT-FUTURES") -> list[OrderRef]:
    return parse_orders(orders, symbol=symbol, product_type=product_type)


def by_id(order_id: str = ID, client_oid: str = "", symbol: str = "BTCUSDT") -> OrderRef:
    return OrderRef(order_id, client_oid, symbol)


class LazyRows(Sequence[Any]):
    """As Airflow hands over what mapped tasks returned: a sequence that fetches a row when it is asked for."""

    def __init__(self, rows: list[Any]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        return self._rows[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)


class Markup(str):
    """Text as a template engine may hand it over."""

    __slots__ = ()


OPEN_ORDER_ROW = {
    "symbol": "BTCUSDT",
    "size": "0.02",
    "orderId": ID,
    "clientOid": "",
    "status": "live",
    "posMode": "one_way_mode",
    "cTime": "1767225600000",
}

# What is accepted


@pytest.mark.parametrize(
    "orders",
    [
        [ID],
        [int(ID)],
        (ID,),
        deque([ID]),
        UserList([ID]),
        LazyRows([ID]),
        array.array("q", [int(ID)]),
        [Markup(ID)],
        [[ID]],
        [(ID,)],
        LazyRows([[ID]]),
        LazyRows([LazyRows([{"orderId": ID}])]),
        [[], [ID], []],
        [{"orderId": ID}],
        [{"orderId": int(ID)}],
        [{"order_id": ID}],
        [{"orderId": ID, "order_id": ID}],
        [{"orderId": ID, "order_id": int(ID)}],
        [{"orderId": ID, "clientOid": ""}],
        [{"orderId": ID, "clientOid": None}],
        [{"orderId": ID, "symbol": "btcusdt"}],
        [{"orderId": ID, "symbol": ""}],
        [{"orderId": ID, "symbol": None}],
        [{"orderId": ID, "productType": "usdt-futures"}],
        [{"orderId": ID, "product_type": "USDT-FUTURES"}],
        [OrderedDict(orderId=ID)],
        [UserDict(orderId=ID)],
        [MappingProxyType({"orderId": ID})],
        [OPEN_ORDER_ROW],
        ID.join(["[", "]"]),
        f'["{ID}"]',
        f"['{ID}']",
        f"('{ID}',)",
        f'  ["{ID}"]\n',
        f'[["{ID}"]]',
        f'[{{"orderId": "{ID}"}}]',
        f'[{{"orderId": {ID}, "clientOid": null}}]',
        f"[{{'orderId': '{ID}', 'clientOid': None}}]",
        json.dumps([OPEN_ORDER_ROW]),
        str([OPEN_ORDER_ROW]),
        Markup(f'["{ID}"]'),
    ],
    ids=named,
)
def test_one_order_in_every_form_that_means_it(orders: Any) -> None:
    assert parse(orders) == [by_id()]


PLAN_ORDER_ROW = {**OPEN_ORDER_ROW, "planType": "pos_loss", "planStatus": "live", "triggerPrice": "90000"}


@pytest.mark.parametrize(
    "orders",
    [
        [{"orderId": ID, "planType": "pos_loss"}],
        [{"orderId": ID, "plan_type": "pos_loss"}],
        [{"orderId": ID, "planType": " POS_Loss "}],
        [{"orderId": ID, "planType": Markup("pos_loss")}],
        [{"orderId": ID, "planType": "pos_loss", "plan_type": "pos_loss"}],
        [PLAN_ORDER_ROW],
        [PLAN_ORDER_ROW, PLAN_ORDER_ROW],
        json.dumps([PLAN_ORDER_ROW]),
        str([PLAN_ORDER_ROW]),
    ],
    ids=named,
)
def test_one_plan_order_in_every_form_that_means_it(orders: Any) -> None:
    assert parse(orders) == [OrderRef(ID, "", "BTCUSDT", "pos_loss")]


@pytest.mark.parametrize("plan_type", PLAN_TYPES)
def test_every_plan_type_is_taken(plan_type: str) -> None:
    [ref] = parse([{"orderId": ID, "planType": plan_type}])
    assert ref.plan_type == plan_type
    assert str(ref) == f"BTCUSDT {plan_type} {ID}"


def test_a_row_without_a_plan_type_is_no_plan_order() -> None:
    assert parse([OPEN_ORDER_ROW])[0].plan_type == ""


@pytest.mark.parametrize(
    "rows",
    [
        [{"orderId": ID, "planType": "pos_loss"}, {"orderId": ID, "planType": "loss_plan"}],
        [{"orderId": ID, "planType": "pos_loss"}, {"orderId": ID}],
        [{"orderId": ID}, {"orderId": ID, "planType": "pos_loss"}],
        [{"clientOid": "x", "planType": "pos_loss"}, {"clientOid": "x", "planType": "loss_plan"}],
        [{"orderId": ID, "clientOid": "x", "planType": "pos_loss"}, {"clientOid": "x", "planType": "loss_plan"}],
    ],
    ids=named,
)
def test_one_order_under_two_plan_types_is_refused(rows: list[dict[str, str]]) -> None:
    with pytest.raises(OrderListError, match="under two plan types"):
        parse(rows)


def test_one_client_oid_may_name_an_order_and_a_plan_order() -> None:
    found = parse([{"clientOid": "x"}, {"clientOid": "x", "planType": "pos_loss"}])
    assert [ref.plan_type for ref in found] == ["", "pos_loss"]
    assert len(parse([{"orderId": ID, "clientOid": "x"}, {"clientOid": "x", "planType": "pos_loss"}])) == 2


@pytest.mark.parametrize(
    "orders", ["[]", "[ ]", "()", [], (), deque(), LazyRows([]), [[]], [[], []], "[[]]"], ids=named
)
def test_empty_list_is_an_empty_list(orders: Any) -> None:
    assert parse(orders) == []
    assert parse(orders, symbol=None) == []


@pytest.mark.parametrize("order_id", ["1", LONGEST, "a-b_C9", "-", "_"])
def test_order_id_is_one_to_sixty_four_letters_digits_dashes_and_underscores(order_id: str) -> None:
    assert parse([order_id]) == [by_id(order_id)]


@pytest.mark.parametrize("client_oid", ["1", "x" * 64, "desk#1", "a:b+c_d-e/f", "!~", "BITGET#1627293504612"])
def test_client_oid_is_one_to_sixty_four_printable_characters(client_oid: str) -> None:
    assert parse([{"clientOid": client_oid}]) == [by_id("", client_oid)]
    assert parse([{"client_oid": client_oid}]) == [by_id("", client_oid)]


def test_huge_int_keeps_every_digit() -> None:
    assert parse([10**64 - 1]) == [by_id(LONGEST)]
    assert parse(f"[{10**64 - 1}]") == [by_id(LONGEST)]


def test_ids_are_plain_text_whatever_came() -> None:
    [ref] = parse([{"orderId": Markup(ID), "clientOid": Markup("x"), "symbol": Markup("BTCUSDT")}])
    assert [type(value) for value in (ref.order_id, ref.client_oid, ref.symbol)] == [str, str, str]


def test_symbol_of_a_row_prevails_over_the_argument() -> None:
    assert parse([{"orderId": ID, "symbol": "ethusdt"}]) == [by_id(symbol="ETHUSDT")]


def test_symbol_is_not_needed_where_every_row_has_one() -> None:
    assert parse([OPEN_ORDER_ROW], symbol=None) == [by_id()]


def test_order_is_kept() -> None:
    assert [ref.order_id for ref in parse(["3", 1, ["2", "9"], "5"])] == ["3", "1", "2", "9", "5"]


# Duplicates are sent once and counted once


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        ([ID, ID], [by_id()]),
        ([ID, int(ID)], [by_id()]),
        ([ID, {"orderId": ID}], [by_id()]),
        ([ID, [ID], [[ID][0]]], [by_id()]),
        ([{"orderId": ID, "symbol": "BTCUSDT"}, {"orderId": ID, "symbol": "btcusdt"}], [by_id()]),
        ([{"clientOid": "x"}, {"clientOid": "x"}], [by_id("", "x")]),
        ([{"orderId": ID, "clientOid": "x"}, {"clientOid": "x"}], [by_id(ID, "x")]),
        ([{"clientOid": "x"}, {"orderId": ID, "clientOid": "x"}], [by_id(ID, "x")]),
        ([{"orderId": ID, "clientOid": "x"}, {"orderId": ID}], [by_id(ID, "x")]),
        ([{"orderId": ID}, {"orderId": ID, "clientOid": "x"}, {"clientOid": "x"}], [by_id(ID)]),
        # An orderId and a clientOid that read the same are two orders.
        ([{"orderId": "7"}, {"clientOid": "7"}], [by_id("7"), by_id("", "7")]),
        ([{"orderId": "1", "clientOid": "x"}, {"orderId": "2", "clientOid": "x"}], [by_id("1", "x"), by_id("2", "x")]),
    ],
    ids=named,
)
def test_duplicates_in_every_form_are_one_order(orders: Any, expected: list[OrderRef]) -> None:
    assert parse(orders) == expected


@pytest.mark.parametrize(
    "orders",
    [
        [ID, {"orderId": ID, "symbol": "ETHUSDT"}],
        [{"clientOid": "x"}, {"clientOid": "x", "symbol": "ETHUSDT"}],
        [{"orderId": ID, "clientOid": "x"}, {"clientOid": "x", "symbol": "ETHUSDT"}],
        [{"clientOid": "x", "symbol": "ETHUSDT"}, {"orderId": ID, "clientOid": "x"}],
    ],
    ids=named,
)
def test_one_order_under_two_symbols_is_refused_and_never_dropped(orders: Any) -> None:
    with pytest.raises(OrderListError, match=r"orders names the order .+ under two symbols, .+ An order has one"):
        parse(orders)


# What is refused: each message names the argument, the place, what came, and what to do


class NotAList:
    """Something that a DAG might hand over by mistake."""


MISSING = "upstream XCom is missing"
LIST_WANTED = r"orders must be a list of order ids or of mappings with orderId or clientOid, but (?:is|is .+) of type "

WRONG_LISTS: list[tuple[Any, str]] = [
    (None, rf"orders is None: the {MISSING}.*return \[\]"),
    ("None", rf"orders rendered to 'None': the {MISSING}.*orders=upstream_task.output"),
    (" None \n", MISSING),
    ("null", MISSING),
    ("", rf"orders rendered to '': the {MISSING}"),
    ("   ", MISSING),
    (ID, LIST_WANTED + r"int\. Wrap it in a list"),
    (f'"{ID}"', LIST_WANTED + r"str\. Wrap it in a list"),
    (int(ID), LIST_WANTED + r"int\. Wrap it in a list"),
    ({"orders": [ID]}, LIST_WANTED + r"dict\. Wrap it in a list"),
    ({"orderId": "", "symbol": "BTCUSDT"}, LIST_WANTED + r"dict\. Wrap it in a list"),
    (f'{{"id": "{ID}"}}', LIST_WANTED + r"dict\. Wrap it in a list"),
    ({ID}, LIST_WANTED + r"set\. Pass list\(\.\.\.\)"),
    (frozenset({ID}), LIST_WANTED + "frozenset"),
    (f"{{'{ID}'}}", LIST_WANTED + "set"),
    ((one for one in [ID]), LIST_WANTED + r"generator\. Pass list\(\.\.\.\)"),
    (iter([ID]), LIST_WANTED + r"list_iterator\. Pass list\(\.\.\.\)"),
    ({ID: 1}.keys(), LIST_WANTED + r"dict_keys\. Pass list\(\.\.\.\)"),
    (ID.encode(), LIST_WANTED + r"bytes\. Give ids as text, in a list"),
    (bytearray(ID.encode()), LIST_WANTED + r"bytearray\. Give ids as text"),
    (memoryview(b"1"), LIST_WANTED + r"memoryview\. Give ids as text"),
    (1.5, LIST_WANTED + r"float\. Give ids as text"),
    ("1.5", LIST_WANTED + "float"),
    (True, LIST_WANTED + r"bool\. Give ids as text"),
    ("true", LIST_WANTED + "bool"),
    ("True", LIST_WANTED + "bool"),
    (NotAList(), LIST_WANTED + r"NotAList\. Give ids as text"),
    ("abc", r"orders is text of 3 characters that is neither a JSON list nor a Python list.*upstream_task\.output"),
    ("[1, 2", "neither a JSON list nor a Python list"),
    (f"{ID} {OTHER}", "neither a JSON list nor a Python list"),
    ("{{ ti.xcom_pull('x') }}", "neither a JSON list nor a Python list|is of type"),
    ("<LazySelectSequence>", "neither a JSON list nor a Python list"),
    ("__import__('os').getcwd()", "neither a JSON list nor a Python list"),
    ("[" * 100_000, "neither a JSON list nor a Python list"),
    ("[" + "9" * 5_000 + "]", "neither a JSON list nor a Python list|positive int"),
    ("[1]\x00", "neither a JSON list nor a Python list"),
]


@pytest.mark.parametrize(
    ("orders", "message"),
    WRONG_LISTS,
    ids=lambda value: named(value)[:40],
)
def test_what_is_no_list_of_orders_is_refused(orders: Any, message: str) -> None:
    with pytest.raises(OrderListError, match=f"(?s){message}") as refused:
        parse(orders)
    assert refused.value.field == "orders"


def test_tuple_without_brackets_is_a_python_list() -> None:
    assert parse(f"{ID}, {OTHER}") == [by_id(), by_id(OTHER)]
    assert parse(f"'{ID}', '{OTHER}'") == [by_id(), by_id(OTHER)]


WRONG_ORDERS: list[tuple[Any, str]] = [
    (None, "expected text or a positive int of at most 64 digits, but it is type NoneType"),
    (1.5, "is a float: an id that went through a float has lost digits. Give ids as text"),
    (1329948909442023425.0, "is a float"),
    (float("nan"), "is a float"),
    (True, "it is type bool"),
    (False, "it is type bool"),
    (0, "positive int"),
    (-5, "positive int"),
    (10**64, "positive int of at most 64 digits"),
    (b"123", "it is type bytes"),
    ({1, 2}, "it is type set"),
    (NotAList(), "it is type NotAList"),
    ("", r"it is text of 0 characters \(''\)"),
    (" ", r"1 to 64 letters, digits, '-' or '_', but is text of 1 characters \(' '\)"),
    (" 123", "1 to 64 letters"),
    ("123\n", "1 to 64 letters"),
    ("12 3", "1 to 64 letters"),
    ("12,3", "1 to 64 letters"),
    ("1.5", "1 to 64 letters"),
    ("1.3e+18", "1 to 64 letters"),
    ("12/3", "1 to 64 letters"),
    ("*", "1 to 64 letters"),
    ("１２３", "1 to 64 letters"),  # noqa: RUF001  # full-width digits
    ("订单", "1 to 64 letters"),
    ("9" * 65, "1 to 64 letters.*text of 65 characters"),
    ("None", "not an orderId"),
    ("null", "not an orderId"),
    ("NaN", "not an orderId"),
    ("undefined", "not an orderId"),
]


@pytest.mark.parametrize(("order_id", "message"), WRONG_ORDERS, ids=lambda value: named(value)[:40])
@pytest.mark.parametrize("place", ["orders[1]", "orders[1][0]", "orders[1].orderId", "orders[1].order_id"])
def test_what_is_no_order_id_is_refused_with_its_place(order_id: Any, message: str, place: str) -> None:
    row: Any = {
        "orders[1]": order_id,
        "orders[1][0]": [order_id],
        "orders[1].orderId": {"orderId": order_id},
        "orders[1].order_id": {"order_id": order_id},
    }[place]
    if order_id in (None, "") and isinstance(row, dict):
        message = "has neither orderId nor clientOid"
    with pytest.raises(OrderListError, match=message) as refused:
        parse([ID, row])
    assert str(refused.value).startswith("orders[1]")
    assert refused.value.field == "orders"


@pytest.mark.parametrize("client_oid", [1.5, True, " ", " a", "a ", "a\n", "é", "x" * 65, "None", b"x", ["x"], 0])
def test_what_is_no_client_oid_is_refused_with_its_place(client_oid: Any) -> None:
    with pytest.raises(OrderListError, match=r"^orders\[0\]\.clientOid is (not a clientOid|a float)"):
        parse([{"clientOid": client_oid}])


@pytest.mark.parametrize(
    "text", ["[1.5]", "[1e18]", '[{"orderId": 1.3e18}]', "[NaN]", "[Infinity]", "[-0.0]", "(1.0,)"]
)
def test_float_inside_of_text_is_refused(text: str) -> None:
    with pytest.raises(OrderListError, match="is a float"):
        parse(text)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({}, r"orders\[0\] has neither orderId nor clientOid\. Each mapping needs one"),
        ({"symbol": "BTCUSDT"}, "has neither orderId nor clientOid"),
        ({"orderId": "", "clientOid": ""}, "has neither orderId nor clientOid"),
        ({"id": ID}, "has neither orderId nor clientOid"),
        ({"orderId": ID, "order_id": OTHER}, r"orders\[0\] has different values for orderId and order_id\. Keep one"),
        ({"clientOid": "x", "client_oid": "y"}, "different values for clientOid and client_oid"),
        (
            {"orderId": ID, "productType": "USDT-FUTURES", "product_type": "COIN-FUTURES"},
            "different values for productType and product_type",
        ),
        ({"orderId": ID, "productType": "COIN-FUTURES"}, r"orders\[0\] .*product type.*one task per product type"),
        ({"orderId": ID, "productType": "umcbl"}, r"orders\[0\] .*umcbl.*one task per product type"),
        ({"orderId": ID, "productType": 5}, r"orders\[0\] .*type int.*one task per product type"),
        ({"orderId": ID, "planType": ""}, r"orders\[0\]\.planType must be one of normal_plan, .*, but is empty"),
        (
            {"orderId": ID, "planType": None},
            r"orders\[0\]\.planType must be one of .* but is empty\. .*no planType at all",
        ),
        ({"orderId": ID, "plan_type": ""}, "planType must be one of .* but is empty"),
        ({"orderId": ID, "planType": " "}, "planType must be one of .* but came as text of 1 characters"),
        ({"orderId": ID, "planType": "profit_loss"}, "planType must be one of .* but came as .*'profit_loss'"),
        ({"orderId": ID, "planType": "stop"}, "planType must be one of .* but came as .*'stop'"),
        ({"orderId": ID, "planType": "None"}, "planType must be one of"),
        ({"orderId": ID, "planType": True}, "planType must be one of .* but came as type bool"),
        ({"orderId": ID, "planType": ["normal_plan"]}, "planType must be one of .* but came as type list"),
        (
            {"orderId": ID, "planType": "pos_loss", "plan_type": "loss_plan"},
            "different values for planType and plan_type",
        ),
        ({"orderId": ID, "symbol": "*"}, r"orders\[0\]\.symbol must name one trading pair.*never mean all symbols"),
        ({"orderId": ID, "symbol": "None"}, r"orders\[0\]\.symbol must name one trading pair"),
        ({"orderId": ID, "symbol": "BTC USDT"}, r"orders\[0\]\.symbol must name one trading pair"),
        ({"orderId": ID, "symbol": "BTCUSDT,ETHUSDT"}, "must name one trading pair"),
        ({"orderId": ID, "symbol": 5}, r"orders\[0\]\.symbol must be text such as 'BTCUSDT', but came as type int"),
    ],
    ids=named,
)
def test_row_that_could_mean_something_else_is_refused(row: dict[str, Any], message: str) -> None:
    with pytest.raises(OrderListError, match=f"(?i){message}"):
        parse([row])


@pytest.mark.parametrize("orders", [[ID], [{"orderId": ID}], [{"clientOid": "x", "symbol": ""}], [[ID]]], ids=named)
def test_order_without_any_symbol_is_refused(orders: Any) -> None:
    with pytest.raises(
        OrderListError, match=r"orders\[0\].* carries no symbol and the symbol argument is not set"
    ) as refused:
        parse(orders, symbol=None)
    assert refused.value.field == "symbol"


def test_one_bad_order_is_found_among_thousands() -> None:
    with pytest.raises(OrderListError, match=r"^orders\[4321\] is not an orderId"):
        parse([*map(str, range(1, 4322)), "4 2", *map(str, range(5000, 6000))])


def test_list_of_lists_is_opened_by_one_level_only() -> None:
    with pytest.raises(OrderListError, match=r"^orders\[0\]\[0\] is not an orderId.*type list"):
        parse([[[ID]]])


def test_no_message_repeats_a_long_value() -> None:
    """What was pasted into the wrong field may be a secret."""
    secret = "abcdefghijklmnopqrstuvwxyz0123456789" * 2
    with pytest.raises(OrderListError) as refused:
        parse([secret])
    assert secret[:20] not in str(refused.value)


# Limits on text


def padded(text: str, size: int) -> str:
    return "[" + " " * (size - len(text)) + text[1:]


def test_json_may_be_sixteen_megabytes_long() -> None:
    assert parse(padded(f'["{ID}"]', MOST_JSON_BYTES)) == [by_id()]


def test_json_above_sixteen_megabytes_is_refused_with_a_way_out() -> None:
    with pytest.raises(OrderListError, match=r"longer than 16 MB\. Pass orders=upstream_task\.output"):
        parse(padded(f'["{ID}"]', MOST_JSON_BYTES + 1))


def test_python_list_may_be_two_megabytes_long() -> None:
    assert parse(padded(f"['{ID}']", MOST_REPR_BYTES)) == [by_id()]


def test_python_list_above_two_megabytes_is_refused_with_a_way_out() -> None:
    with pytest.raises(OrderListError, match=r"longer than 2 MB\. Pass orders=upstream_task\.output"):
        parse(padded(f"['{ID}']", MOST_REPR_BYTES + 1))


# Product type, symbol, margin coin, chunk size


@pytest.mark.parametrize("product_type", PRODUCT_TYPES)
def test_product_type_comes_in_any_case(product_type: str) -> None:
    assert parse_product_type(product_type.lower()) == product_type
    assert parse_product_type(f" {product_type} ") == product_type


@pytest.mark.parametrize("value", [None, "", "None", "*", "umcbl", "USDT", 5, ["USDT-FUTURES"], "ALL"], ids=named)
def test_unknown_product_type_is_refused(value: Any) -> None:
    with pytest.raises(OrderListError, match="product_type must be one of USDT-FUTURES") as refused:
        parse_product_type(value)
    assert refused.value.field == "product_type"


@pytest.mark.parametrize(
    ("value", "symbol"),
    [("btcusdt", "BTCUSDT"), ("BTCPERP", "BTCPERP"), ("$degenUsdt", "$DEGENUSDT"), ("1000-A_B", "1000-A_B")],
)
def test_symbol_is_taken_in_upper_case(value: str, symbol: str) -> None:
    assert parse_symbol(value) == symbol


def test_symbol_may_be_left_out() -> None:
    assert parse_symbol(None) is None


@pytest.mark.parametrize(
    "value", ["", " ", "*", "None", "null", "BTC/USDT", "BTC USDT", "BTCUSDT,ETHUSDT", "X" * 65, "a?b"]
)
def test_what_is_no_single_symbol_never_means_all(value: str) -> None:
    with pytest.raises(OrderListError, match=r"symbol must name one trading pair.*never mean all symbols") as refused:
        parse_symbol(value)
    assert refused.value.field == "symbol"


@pytest.mark.parametrize("value", [5, True, ["BTCUSDT"], b"BTCUSDT"], ids=named)
def test_symbol_that_is_no_text_is_refused(value: Any) -> None:
    with pytest.raises(OrderListError, match=r"symbol must be text such as 'BTCUSDT', but came as type"):
        parse_symbol(value)


def test_margin_coin_is_taken_in_upper_case_or_left_out() -> None:
    assert parse_margin_coin("usdt") == "USDT"
    assert parse_margin_coin(None) is None


@pytest.mark.parametrize("value", ["", "None", "null", "US DT", "*", 5, ["USDT"]], ids=named)
def test_what_is_no_coin_is_refused(value: Any) -> None:
    with pytest.raises(OrderListError, match="margin_coin must be a coin such as 'USDT'"):
        parse_margin_coin(value)


@pytest.mark.parametrize("value", [1, 20, 50])
def test_chunk_size_is_one_to_fifty(value: int) -> None:
    assert check_chunk_size(value) == value


@pytest.mark.parametrize("value", [0, -1, 51, True, 5.0, "5", None], ids=named)
def test_chunk_size_outside_of_one_to_fifty_is_refused(value: Any) -> None:
    with pytest.raises(OrderListError, match="chunk_size must be a whole number from 1 to 50"):
        check_chunk_size(value)


# Batches


def refs(count: int, symbol: str, *, oid: bool = False) -> list[OrderRef]:
    return [by_id("" if oid else f"{symbol}{n}", f"{symbol}{n}" if oid else "", symbol) for n in range(count)]


def test_batches_hold_one_symbol_and_one_kind_of_id_and_every_order_once() -> None:
    orders = [*refs(120, "A"), *refs(7, "A", oid=True), *refs(50, "B"), *refs(1, "C")]
    mixed = [orders[(7 * n) % len(orders)] for n in range(len(orders))] if len(orders) % 7 else orders
    batches = list(chunk_orders(mixed, 50))
    assert sorted(len(batch) for batch in batches) == [1, 7, 20, 50, 50, 50]
    for batch in batches:
        assert len({(ref.symbol, ref.id_field) for ref in batch}) == 1
    assert sorted(map(str, (ref for batch in batches for ref in batch))) == sorted(map(str, mixed))


def test_batches_hold_one_plan_type() -> None:
    plans = [OrderRef(f"{kind}{n}", "", "A", kind) for n in range(60) for kind in ("", "normal_plan", "pos_loss")]
    batches = list(chunk_orders(plans, 50))
    assert sorted(len(batch) for batch in batches) == [10, 10, 10, 50, 50, 50]
    for batch in batches:
        assert len({ref.plan_type for ref in batch}) == 1


def test_no_orders_make_no_batch() -> None:
    assert list(chunk_orders([], 50)) == []


# Text means what the list means

ids = st.one_of(st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True), st.integers(1, 10**64 - 1))
client_oids = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64)
symbols = st.sampled_from(["BTCUSDT", "ethusdt", "$DEGENUSDT", "", None])
rows = st.fixed_dictionaries(
    {},
    optional={
        "orderId": ids,
        "clientOid": st.one_of(client_oids, st.just(""), st.none()),
        "symbol": symbols,
        "productType": st.sampled_from(["USDT-FUTURES", "usdt-futures", "COIN-FUTURES", ""]),
        "planType": st.sampled_from(["", "normal_plan", "POS_LOSS", "other"]),
        "order_id": ids,
    },
)
anything = st.one_of(ids, rows, st.none(), st.booleans(), st.floats(), st.text(max_size=70), st.integers())
lists = st.lists(st.one_of(anything, st.lists(anything, max_size=4)), max_size=8)


def outcome_of(orders: Any) -> list[OrderRef] | str:
    try:
        return parse(orders)
    except OrderListError as error:
        return str(error)


@given(orders=lists)
@settings(max_examples=500, deadline=None)
def test_json_text_means_what_the_list_means(orders: list[Any]) -> None:
    assert outcome_of(json.dumps(orders)) == outcome_of(orders)


@given(orders=st.lists(st.one_of(ids, rows, st.lists(ids, max_size=3)), max_size=8))
@settings(max_examples=300, deadline=None)
def test_python_text_means_what_the_list_means(orders: list[Any]) -> None:
    assert outcome_of(repr(orders)) == outcome_of(orders)


@given(orders=lists)
@settings(max_examples=500, deadline=None)
def test_what_is_accepted_could_be_sent(orders: list[Any]) -> None:
    found = outcome_of(orders)
    if isinstance(found, str):
        assert found.startswith("orders")
        return
    # A clientOid may name an order and a plan order; the exchange's ids name one of either kind.
    assert len({(ref.id_field, ref.id_value, bool(ref.client_oid and ref.plan_type)) for ref in found}) == len(found)
    for ref in found:
        assert ref.plan_type in ("", "normal_plan", "pos_loss")
        assert 1 <= len(ref.id_value) <= 64
        assert ref.id_value.isascii()
        assert " " not in ref.id_value
        assert ref.symbol == ref.symbol.upper() != ""


@pytest.mark.parametrize(
    "row",
    [
        {"orderId": ID, "symbol": "BTCUSDT", "productType": "USDT-FUTURES", "size": "0.1"},
        {"order_id": int(ID), "symbol": "BTCUSDT"},
        f'{{"orderId": "{ID}", "symbol": "BTCUSDT"}}',
    ],
)
def test_one_row_by_itself_is_one_order_as_a_task_that_is_mapped_over_rows_gets_it(row: Any) -> None:
    assert parse_orders(row, symbol=None, product_type="USDT-FUTURES") == [OrderRef(ID, "", "BTCUSDT")]
