# SPDX-License-Identifier: Apache-2.0
"""What is open within a scope, read to the end or not at all; a read that failed is never an empty one."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.exceptions import (
    BitgetAccountModeError,
    BitgetAmbiguousError,
    BitgetAuthError,
    BitgetCallError,
    BitgetNotSentError,
    BitgetTransientError,
)
from airflow_provider_bitget.api.rows import OPENING_PLAN_TYPES, PLAN_TYPES
from airflow_provider_bitget.sandbox.orders import PARTIALLY_FILLED
from airflow_provider_bitget.trading.books import (
    Books,
    BooksReader,
    EmptyReads,
    amount_text,
    order_row,
    position_row,
    reach_of,
    utc_text,
)
from airflow_provider_bitget.trading.scope import Scope, parse_scope
from tests.unit.trading.market import OPEN_READS, USDT_FUTURES, Interrupt, Market, OneAtATime, assert_plain
from tests.unit.trading.sweeping import PLAN_READS, POSITION_READS

DAY_MS = 86_400_000


def everything(**arguments: Any) -> Scope:
    """The whole product type, three months back."""
    return parse_scope(product_type=USDT_FUTURES, all_symbols=True, **{"lookback_days": 90, **arguments})


def reader(market: Market, scope: Scope | None = None, *, deadline: float = 60.0) -> BooksReader:
    budget = Budget(deadline, market.clock)
    return BooksReader(market.dialect, scope or everything(), budget, workers=OneAtATime().on(market.clock))


def read(market: Market, scope: Scope | None = None, **options: Any) -> Books:
    return reader(market, scope).read(**options)


def ids(rows: Any) -> set[str]:
    return {row.order_id for row in rows}


def placed(market: Market, days_ago: float, count: int = 1, **options: Any) -> Any:
    """Place orders that are so old."""
    return market.place(count, created_ms=int(market.clock.time() * 1000 - days_ago * DAY_MS), **options)


# What is read


def test_orders_of_both_states_plan_orders_of_every_type_and_positions_are_found(market: Market) -> None:
    orders = market.place(3) + market.place(2, status=PARTIALLY_FILLED)
    plans = [plan for kind in PLAN_TYPES for plan in market.exchange.place_plan(1, kind, "ETHUSDT")]
    market.exchange.open_position("SOLUSDT", "short", "2.50")
    books = read(market)
    assert ids(books.orders) == {order.order_id for order in orders}
    assert {(plan.order_id, plan.plan_type) for plan in books.plan_orders} == {
        (plan.order_id, plan.plan_type) for plan in plans
    }
    assert [(one.symbol, one.hold_side, one.size) for one in books.positions] == [("SOLUSDT", "short", Decimal("2.5"))]
    assert not books.is_flat


def test_read_without_faults_is_two_requests_for_orders_three_for_plan_orders_and_one_for_positions(
    market: Market,
) -> None:
    assert read(market).is_flat
    assert sorted(request.endpoint for request in market.wire.sent) == (
        [POSITION_READS] + [OPEN_READS] * 2 + [PLAN_READS] * 3
    )
    assert {request.method for request in market.wire.sent} == {"GET"}


def test_order_that_several_reads_show_is_there_once() -> None:
    market = Market(pending_returns="all")
    orders = market.place(4, status=PARTIALLY_FILLED)
    assert len(read(market).orders) == len(orders)


def test_books_longer_than_a_page_are_read_to_their_end(market: Market) -> None:
    market.place(230, None)
    market.exchange.place_plan(130, "pos_loss")
    books = read(market)
    assert (len(books.orders), len(books.plan_orders)) == (230, 130)


def test_what_was_not_asked_for_is_not_read_and_never_called_flat(market: Market) -> None:
    market.exchange.open_position()
    books = read(market, positions=False)
    assert not books.is_flat
    assert "positions" not in books.snapshot()
    assert POSITION_READS not in {request.endpoint for request in market.wire.sent}


def test_only_the_lists_that_hold_the_wanted_plan_types_are_read(market: Market) -> None:
    market.exchange.place_plan(1, "pos_loss")
    (plan,) = market.exchange.place_plan(1, "track_plan")
    books = read(market, orders=False, positions=False, plan_types=OPENING_PLAN_TYPES)
    assert ids(books.plan_orders) == {plan.order_id}
    assert len(market.wire.sent) == 2


def test_books_without_all_plan_types_are_never_flat(market: Market) -> None:
    assert not read(market, plan_types=OPENING_PLAN_TYPES).is_flat
    assert read(market, plan_types=PLAN_TYPES).is_flat


# The scope


def test_other_symbols_product_types_and_accounts_are_not_in_the_books() -> None:
    market = Market()
    market.place(1, "ETHUSDT")
    market.place(1, "BTCUSDT", product_type="USDC-FUTURES")
    (ours,) = market.place(1, "BTCUSDT")
    market.exchange.open_position("ETHUSDT")
    market.exchange.place_plan(1, "normal_plan", "ETHUSDT")
    books = read(market, parse_scope(product_type=USDT_FUTURES, symbol="BTCUSDT", lookback_days=90))
    assert ids(books.orders) == {ours.order_id}
    assert books.plan_orders == ()
    assert books.positions == ()


def test_excluded_symbols_are_not_in_the_books(market: Market) -> None:
    (ours,) = market.place(1, "BTCUSDT")
    market.place(1, "ETHUSDT")
    market.exchange.place_plan(1, "pos_loss", "ETHUSDT")
    market.exchange.open_position("ETHUSDT")
    books = read(market, everything(exclude_symbols=["ETHUSDT"]))
    assert ids(books.orders) == {ours.order_id}
    assert (books.plan_orders, books.positions) == ((), ())


def test_other_margin_coins_are_not_in_the_books(market: Market) -> None:
    market.place(1, "BTCUSD", product_type="COIN-FUTURES")
    (ours,) = market.place(1, "ETHUSD", product_type="COIN-FUTURES")
    market.exchange.open_position("BTCUSD", product_type="COIN-FUTURES")
    scope = parse_scope(product_type="COIN-FUTURES", all_symbols=True, margin_coin="eth", lookback_days=90)
    books = read(market, scope)
    assert ids(books.orders) == {ours.order_id}
    assert books.positions == ()


# How far back


@pytest.mark.parametrize("days_ago", [10, 88.5, 89.5, 95, 177, 200, 400, 729])
def test_order_older_than_the_lists_reach_by_themselves_is_found(market: Market, days_ago: float) -> None:
    """No gap between the windows."""
    (old,) = placed(market, days_ago)
    (plan,) = market.exchange.place_plan(1, "loss_plan", created_ms=int(market.clock.time() * 1000 - days_ago * DAY_MS))
    books = read(market, everything(lookback_days=730))
    assert ids(books.orders) == {old.order_id}
    assert ids(books.plan_orders) == {plan.order_id}
    assert books.read_from <= old.created_ms / 1000


def test_orders_alone_can_be_read_less_far_back(market: Market) -> None:
    placed(market, 200)
    market.exchange.place_plan(1, "loss_plan", created_ms=int(market.clock.time() * 1000 - 200 * DAY_MS))
    books = read(market, everything(lookback_days=365), order_lookback_days=90)
    assert (len(books.orders), len(books.plan_orders)) == (0, 1)
    assert books.read_from == pytest.approx(books.read_at - 89 * 86_400)


def test_reach_is_never_claimed_further_than_the_exchange_guarantees() -> None:
    """Asked for no time, the lists show three months; the shortest have 89 days."""
    assert reach_of(1_000 * 86_400.0, 90) == (1_000 - 89) * 86_400
    assert reach_of(1_000 * 86_400.0, 7) == (1_000 - 89) * 86_400
    assert reach_of(1_000 * 86_400.0, 730) == (1_000 - 730) * 86_400
    assert reach_of(5.0, 0) == 5.0


# Reads that fail


@pytest.mark.parametrize("endpoint", [OPEN_READS, PLAN_READS, POSITION_READS])
@pytest.mark.parametrize("code", ["22001", "22002", "43001", "40020", "99999", "45009"])
def test_refused_read_is_an_error_and_never_empty(market: Market, endpoint: str, code: str) -> None:
    market.exchange.inject("refuse", code=code, endpoint=endpoint, after=0 if endpoint == POSITION_READS else 1)
    with pytest.raises(BitgetCallError) as failed:
        read(market)
    assert failed.value.code == code


def test_read_that_failed_can_be_made_again(market: Market) -> None:
    market.place(2)
    market.exchange.inject("html", endpoint=PLAN_READS, times=4)
    books = reader(market)
    with pytest.raises(BitgetAmbiguousError):
        books.read()
    assert len(books.read().orders) == 2
    assert books.in_flight.fatal is None


def test_what_a_failed_read_has_shown_is_there_but_never_called_complete(market: Market) -> None:
    orders = market.place(150)
    market.exchange.inject("refuse", code="40020", endpoint=PLAN_READS)
    books = reader(market)
    with pytest.raises(BitgetCallError):
        books.read()
    assert books.seen is not None
    assert ids(books.seen.orders) == {order.order_id for order in orders}
    assert books.seen.parts == {"orders", "positions"}
    assert not books.seen.is_flat


def test_read_that_breaks_off_in_the_middle_of_its_pages_is_an_error(market: Market) -> None:
    market.place(250)
    market.exchange.inject("refuse", code="40020", endpoint=OPEN_READS, after=2)
    with pytest.raises(BitgetCallError):
        read(market)


def test_odd_answer_is_an_error_and_never_empty(market: Market) -> None:
    """A position that cannot be read might be any position."""
    market.exchange.open_position()
    market.dialect.client.call = _with_data(market, POSITION_READS, [{"symbol": "BTCUSDT", "total": "x"}])  # type: ignore[method-assign]
    with pytest.raises(BitgetAmbiguousError):
        read(market)


def _with_data(market: Market, path: str, data: Any) -> Any:
    from dataclasses import replace

    call = market.dialect.client.call

    def answer(endpoint: Any, **options: Any) -> Any:
        found = call(endpoint, **options)
        return replace(found, data=data) if endpoint.path.endswith(path) else found

    return answer


@pytest.mark.parametrize(("code", "kind"), [("40012", BitgetAuthError), ("40085", BitgetAccountModeError)])
def test_refused_credentials_and_the_wrong_kind_of_account_end_the_run(
    market: Market, code: str, kind: type[Exception]
) -> None:
    market.exchange.inject("refuse", code=code, endpoint=PLAN_READS, times=1)
    books = reader(market)
    with pytest.raises(kind):
        books.read()
    assert books.budget.stopped
    assert isinstance(books.in_flight.fatal, kind)


def test_signature_refused_once_after_others_were_taken_concerns_one_read(market: Market) -> None:
    books = reader(market)
    books.read()
    market.exchange.inject("refuse", code="40009", endpoint=PLAN_READS, times=1)
    with pytest.raises(BitgetTransientError) as failed:
        books.read()
    assert failed.value.code == "40009"
    assert books.read().is_flat


# The end of a run


def test_no_read_after_the_deadline(market: Market) -> None:
    market.place(5_000)
    with pytest.raises(BitgetNotSentError):
        reader(market, deadline=1.0).read()
    assert max(request.moment for request in market.wire.sent) <= 1.0


def test_answer_that_outlasts_the_deadline_makes_no_books(market: Market) -> None:
    market.exchange.inject("hang", seconds=1_000.0, endpoint=POSITION_READS)
    with pytest.raises((BitgetNotSentError, BitgetAmbiguousError)):
        reader(market, deadline=5.0).read()
    assert market.clock.monotonic() <= 7.1


def test_stop_before_the_first_read_sends_nothing(market: Market) -> None:
    books = reader(market)
    books.request_stop()
    with pytest.raises(BitgetNotSentError):
        books.read()
    assert market.wire.sent == []


def test_interrupt_passes_through(market: Market) -> None:
    workers = OneAtATime().on(market.clock)
    workers.interrupt_after = 3
    with pytest.raises(Interrupt):
        BooksReader(market.dialect, everything(), Budget(60, market.clock), workers=workers).read()


# Numbers and rows


def test_snapshot_is_plain_and_in_utc(market: Market) -> None:
    market.place(2)
    market.exchange.open_position("BTCUSDT", "long", "0.5")
    row = read(market).snapshot()
    assert_plain(row)
    assert {"time", "orders", "plan_orders", "positions", "position_value"} <= set(row)
    assert (row["orders"], row["plan_orders"], row["positions"]) == (2, 0, 1)
    read_at = datetime.strptime(row["time"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    assert read_at == pytest.approx(market.clock.time(), abs=2)
    assert Decimal(row["position_value"]) > 0


def test_rows_are_plain_text(market: Market) -> None:
    market.place(1, client_oids=True)
    market.exchange.place_plan(1, "pos_loss")
    market.exchange.open_position("BTCUSDT", "short", "0.50")
    books = read(market)
    rows = [order_row(*books.orders), order_row(*books.plan_orders), position_row(*books.positions)]
    assert_plain(rows)
    assert list(rows[0]) == ["orderId", "clientOid", "symbol", "side", "size", "price"]
    assert rows[1]["planType"] == "pos_loss"
    assert rows[2] | {"value": ""} == {
        "symbol": "BTCUSDT",
        "holdSide": "short",
        "size": "0.5",
        "marginCoin": "USDT",
        "value": "",
    }


def test_time_is_the_exchange_s_and_not_this_machine_s() -> None:
    market = Market(clock_ahead=20.0)
    assert read(market).read_at == pytest.approx(market.clock.time(), abs=0.5)


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0.50", "0.5"), ("100", "100"), ("1E+3", "1000"), ("0", "0"), ("0.000", "0"), ("1E-8", "0.00000001")],
)
def test_amounts_are_plain_digits(amount: str, text: str) -> None:
    assert amount_text(Decimal(amount)) == text


def test_moments_are_written_to_the_second() -> None:
    assert utc_text(1_763_942_100.9) == "2025-11-23T23:55:00Z"


# Proof


def test_two_empty_reads_are_proof_only_if_far_enough_apart() -> None:
    empty = EmptyReads(10.0)
    empty.add(0.0, 1.0)
    assert not empty.are_proof
    assert empty.pause(4.0) == 7.0
    empty.add(8.0, 9.0)
    assert not empty.are_proof
    empty.add(11.0, 12.0)
    assert empty.are_proof


def test_read_that_shows_something_or_fails_begins_the_proof_anew() -> None:
    empty = EmptyReads(0.0)
    empty.add(0.0, 1.0)
    empty.reset()
    empty.add(2.0, 3.0)
    assert not empty.are_proof
    empty.add(3.0, 4.0)
    assert empty.are_proof
