# SPDX-License-Identifier: Apache-2.0
"""Closing positions in a market, and holding what was reported and sent against the exchange's books and rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from airflow_provider_bitget.sandbox import RequestRecord
from airflow_provider_bitget.sandbox.orders import OPEN_STATUSES
from airflow_provider_bitget.sandbox.positions import Position
from airflow_provider_bitget.trading.close_positions import ClosePositions
from airflow_provider_bitget.trading.close_report import CloseBucket, CloseReport
from airflow_provider_bitget.trading.position_track import REST_SECONDS
from airflow_provider_bitget.trading.scope import Scope
from tests.kinds import ORDER_READS, READS_OF_A_LOOK, UNIFIED, is_of_kind, limit_of
from tests.unit.trading.market import (
    OPEN_READS,
    USDT_FUTURES,
    Market,
    OneAtATime,
    SentRequest,
    _may_have_been_processed,
    assert_plain,
)

CLOSES: Final = "close-positions"
POSITION_READS: Final = "all-position"
PLAN_CANCELS: Final = "cancel-plan-order"
PLAN_READS: Final = "orders-plan-pending"

WHOLE: Final = Scope(USDT_FUTURES)

ONE_WAY: Final = "one_way_mode"
HEDGE: Final = "hedge_mode"


@dataclass
class Watch:
    """What the books held just before each close request arrived.

    :param live_closes: the symbols that had a live order which closes, request by request.
    """

    market: Market
    live_closes: list[frozenset[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.market.wire.before_arrival.append(self._look)

    def _look(self, request: SentRequest) -> None:
        if request.endpoint == CLOSES and is_of_kind(request.path, self.market.kind):
            orders = self.market.exchange.orders(OPEN_STATUSES)
            self.live_closes.append(frozenset(order.symbol for order in orders if order.closing))


def open_positions(market: Market, *names: str, size: str = "1", pos_mode: str = HEDGE, **options: Any) -> None:
    """Open positions that are named as in BTCUSDT/long."""
    for name in names:
        symbol, hold_side = name.split("/")
        market.exchange.open_position(symbol, hold_side, size, pos_mode=pos_mode, **options)


def prepare(market: Market, scope: Scope = WHOLE, **options: Any) -> ClosePositions:
    """Prepare a run; it only waits for what time alone will bring."""
    options.setdefault("workers", OneAtATime().on(market.clock))
    return ClosePositions(market.dialect, scope, **options)


def close(market: Market, scope: Scope = WHOLE, **options: Any) -> CloseReport:
    """Close positions, and hold the report and the requests against the exchange's books and rules."""
    watch = Watch(market)
    before = untouchable(market, scope, options.get("hold_side"))
    sent_before = len(market.wire.sent)
    report = prepare(market, scope, **options).run()
    assert report.requests == len(market.wire.sent) - sent_before
    assert_report_matches_books(report, market)
    assert untouchable(market, scope, options.get("hold_side")) == before
    assert_closes_kept_the_rules(market, watch)
    return report


def is_wanted(position: Position, scope: Scope, hold_side: str | None) -> bool:
    in_scope = position.product_type == scope.product_type and scope.covers(position.symbol, position.margin_coin)
    return in_scope and hold_side in (None, position.hold_side)


def untouchable(market: Market, scope: Scope, hold_side: str | None) -> list[tuple[str, ...]]:
    """Return everything that a close of this scope has to leave as it is, of every account."""
    found: list[tuple[str, ...]] = []
    for account in market.exchange.accounts:
        mine = account is market.exchange.accounts[0]
        found += [
            (one.product_type, one.symbol, one.hold_side, str(one.total))
            for one in market.exchange.positions(account=account)
            if not (mine and is_wanted(one, scope, hold_side))
        ]
    return found


def sizes(market: Market) -> dict[str, str]:
    """Return the sizes of the positions that are open, by names such as BTCUSDT/long."""
    return {f"{one.symbol}/{one.hold_side}": f"{one.total:f}" for one in market.exchange.positions()}


def counts(report: CloseReport) -> dict[str, int]:
    """Return the numbers of the buckets that hold any position."""
    return {name: number for name, number in report.counts.items() if number and name != "requested"}


def named(report: CloseReport, bucket: CloseBucket) -> dict[str, str]:
    """Return the categories of the positions of a bucket, by names such as BTCUSDT/long."""
    return {f"{one.symbol}/{one.hold_side}": str(one.detail) for one in report.in_bucket(bucket)}


def failed(report: CloseReport) -> dict[str, str]:
    return named(report, CloseBucket.FAILED)


def unresolved(report: CloseReport) -> dict[str, str]:
    return named(report, CloseBucket.UNRESOLVED)


def closed(report: CloseReport) -> set[str]:
    return set(named(report, CloseBucket.CLOSED))


def codes(report: CloseReport) -> dict[str, str]:
    """Return the codes of the positions that are not done."""
    return {f"{one.symbol}/{one.hold_side}": one.code for one in report.not_done()}


def asked(market: Market) -> list[tuple[str, str]]:
    """Return symbol and side of each close request, in order; empty means all."""
    return [(record.symbol, record.hold_side) for record in market.requests(CLOSES)]


def arrivals(market: Market, endpoint: str = CLOSES) -> list[float]:
    return [record.arrival for record in market.requests(endpoint)]


# ------------------------------------------------------------------------------------------- report against books


def assert_report_matches_books(report: CloseReport, market: Market) -> None:
    """Hold a report against the exchange's books: what it calls closed is closed."""
    product_type = report.scope.product_type
    held = {(one.symbol, one.hold_side) for one in market.exchange.positions(product_type=product_type)}
    for outcome in report.in_bucket(CloseBucket.CLOSED):
        assert (outcome.symbol, outcome.hold_side) not in held, f"{outcome} is reported closed"
    names = [(outcome.symbol, outcome.hold_side, outcome.margin_coin) for outcome in report.outcomes]
    assert len(set(names)) == len(names)
    assert sum(report.counts[bucket.value] for bucket in CloseBucket) == report.counts["requested"] == len(names)
    assert_plain_json(report.to_dict())


def assert_plain_json(report: dict[str, Any]) -> None:
    """Check the report's shape, and that it holds nothing but plain JSON types."""
    assert list(report) == [
        "product_type",
        "symbol",
        "hold_side",
        "counts",
        "closed",
        "failed",
        "unresolved",
        "cancelled_stops",
        "truncated",
        "verified",
        "simulated",
        "requests",
        "retries",
        "duration_ms",
        "books",
    ]
    assert list(report["counts"]) == ["requested", "closed", "failed", "unresolved"]
    position = ["symbol", "holdSide", "size", "marginCoin", "value"]
    for row in report["closed"]:
        assert [name for name in row if name != "note"] == position
    for row in report["failed"] + report["unresolved"]:
        assert list(row) == [*position, "left", "errorCode", "errorMsg", "category"]
        assert row["category"]
    for row in report["unresolved"]:
        assert row["category"] in ("not_sent", "ambiguous", "still_open", "not_verified")
    for row in report["books"]:
        assert list(row) == ["time", "positions", "position_value"]
    assert_plain(report)


# ---------------------------------------------------------------------------------------- requests against rules


def assert_closes_kept_the_rules(market: Market, watch: Watch, *, cancels_stops: bool = True) -> None:
    """Check pace and scope of every request, and what has to lie between two closes of one position."""
    for path, seen in market.exchange.statistics().items():
        limit = limit_of(path)
        assert seen["busiest_second"] <= limit, f"{seen['busiest_second']} requests to {path} in one second"
    records = market.records()
    allowed = {CLOSES, PLAN_CANCELS} if cancels_stops else {CLOSES}
    for record in records:
        assert record.method == "GET" or record.path.rsplit("/", 1)[-1] in allowed
        if record.path.endswith(PLAN_CANCELS):
            assert record.plan_order_ids
            assert market.kind == UNIFIED or (record.plan_type and record.symbol)
    reads = READS_OF_A_LOOK[market.kind][ORDER_READS]
    _assert_nothing_closed_blindly(records, watch, reads_of_orders=reads)


def _assert_nothing_closed_blindly(records: list[RequestRecord], watch: Watch, *, reads_of_orders: int) -> None:
    """After a close that may have been carried out: 3 s, two reads of the positions, the orders read, none live."""
    places = [place for place, record in enumerate(records) if record.path.endswith(CLOSES)]
    assert len(watch.live_closes) == len(places)
    for number, place in enumerate(places):
        again = records[place]
        assert any(_is_complete(one, POSITION_READS) for one in records[:place])
        touching = [one for one in places[:number] if _same_position(records[one], again)]
        earlier = [one for one in touching if _may_have_been_processed(records[one])]
        # Refused, and its stops were cancelled since: that close is repeated at once.
        if not earlier or any(record.path.endswith(PLAN_CANCELS) for record in records[touching[-1] : place]):
            continue
        last = earlier[-1]
        between = records[last + 1 : place]
        waited = again.arrival - records[last].arrival
        assert waited >= REST_SECONDS, f"{again.symbol} was closed again after {waited:.3f} s"
        assert sum(_is_complete(one, POSITION_READS) for one in between) >= 2
        assert sum(_is_complete(one, OPEN_READS) for one in between) >= reads_of_orders
        assert _is_complete(records[place - 1], POSITION_READS), "the positions were not read right before"
        closing = watch.live_closes[number]
        assert not (closing if not again.symbol else {again.symbol} & closing), "a close was still live"


def _same_position(one: RequestRecord, other: RequestRecord) -> bool:
    same_symbol = not one.symbol or not other.symbol or one.symbol == other.symbol
    return same_symbol and (not one.hold_side or not other.hold_side or one.hold_side == other.hold_side)


def _is_complete(record: RequestRecord, endpoint: str) -> bool:
    return record.path.endswith(endpoint) and record.code == "00000"


def reads_between(market: Market, first: float, last: float, endpoint: str = POSITION_READS) -> int:
    """Return how many complete reads arrived between two moments."""
    return sum(first < record.arrival < last for record in market.requests(endpoint) if record.code == "00000")


def without(names: Iterable[str], *left_out: str) -> set[str]:
    return set(names) - set(left_out)
