# SPDX-License-Identifier: Apache-2.0
"""An account whose kind is not known: it shows by the exchange's word alone, once, and no call is lost over it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

import pytest

from airflow_provider_bitget.api.account import AccountDialect, dialect_for
from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.classic import ClassicDialect
from airflow_provider_bitget.api.client import SAME_ORDER_INTERVAL, BitgetClient
from airflow_provider_bitget.api.dialect import Dialect
from airflow_provider_bitget.api.exceptions import (
    BitgetAccountModeError,
    BitgetAmbiguousError,
    BitgetBadRequestError,
    BitgetBatchTooLargeError,
    BitgetCallError,
    BitgetConfigError,
    BitgetGoneError,
    BitgetNotSentError,
    BitgetScopeError,
)
from airflow_provider_bitget.api.rate_limit import LimiterRegistry
from airflow_provider_bitget.api.rows import CloseItem, ItemAnswer, KeyRights
from airflow_provider_bitget.api.transport import HttpAnswer
from airflow_provider_bitget.api.unified import UnifiedDialect
from tests.unit.api.dialect import USDT, listed, unified_page
from tests.unit.api.wire import (
    CREDENTIALS,
    HTML,
    LOST,
    NEVER_SENT,
    TOO_MANY,
    CrowdTime,
    Outcome,
    Script,
    VirtualTime,
    envelope,
    scripted,
)

IS_UNIFIED = envelope("40085", msg="You are in Unified Account mode")
IS_CLASSIC = envelope("40084", msg="You are in Classic Account mode")
IDS = [("orderId", "1")]
ORDER = {"orderId": "1", "category": USDT, "symbol": "BTCUSDT", "orderStatus": "filled"}
STOP = {"orderId": "2", "category": USDT, "symbol": "BTCUSDT", "stopLoss": "1", "qty": "1", "status": "cancelled"}
POSITION = {"symbol": "BTCUSDT", "total": "1", "posSide": "long", "marginCoin": "USDT"}


def account_of(*outcomes: Outcome, start: str = "classic") -> tuple[AccountDialect, Script]:
    client, script, _ = scripted(*outcomes)
    return AccountDialect(client, start), script


def versions(script: Script) -> list[str]:
    """Which API each request spoke, in order."""
    return [sent.path.split("/")[2] for sent in script.sent]


def batch(dialect: Dialect, ids: list[tuple[str, str]] = IDS) -> Any:
    return dialect.batch_cancel(ids, symbol="BTCUSDT", product_type=USDT)


# Every call, and an answer to it of each kind of account with what is to be made of it.
CALLS: dict[str, tuple[Callable[[Dialect], Any], Outcome, Callable[[Any], bool]]] = {
    "batch_cancel": (
        batch,
        envelope(data=[{"orderId": "1"}]),
        lambda answer: answer.succeeded == (ItemAnswer("1", ""),),
    ),
    "cancel_all_orders": (
        lambda dialect: dialect.cancel_all_orders(product_type=USDT),
        envelope("25204"),
        lambda answer: answer is None,
    ),
    "close_positions": (
        lambda dialect: dialect.close_positions(product_type=USDT, symbol="BTCUSDT", hold_side="long"),
        envelope(data={"list": [{"orderId": "5"}]}),
        lambda answer: answer.accepted == (CloseItem("", "5"),),
    ),
    "order_detail": (
        lambda dialect: dialect.order_detail(symbol="BTCUSDT", product_type=USDT, order_id="1"),
        envelope(data=ORDER),
        lambda found: found.state == "filled",
    ),
    "orders_history": (
        lambda dialect: next(dialect.orders_history(product_type=USDT)),
        unified_page(ORDER),
        lambda page: [order.order_id for order in page] == ["1"],
    ),
    "plan_children": (
        lambda dialect: dialect.plan_children(product_type=USDT, plan_type="normal_plan", order_id="1"),
        unified_page({"subOrderId": "5"}),
        lambda ids: ids == ["5"],
    ),
    "cancel_plan_orders": (
        lambda dialect: dialect.cancel_plan_orders(
            IDS, symbol="BTCUSDT", product_type=USDT, plan_type="loss_plan", margin_coin="USDT"
        ),
        envelope(data=None),
        lambda answer: answer.succeeded == (ItemAnswer("1", ""),) and not answer.names_orders,
    ),
    "ended_plan_orders": (
        lambda dialect: next(dialect.ended_plan_orders(product_type=USDT, plan_type="loss_plan", order_id="2")),
        unified_page(STOP),
        lambda page: [order.state for order in page] == ["cancelled"],
    ),
    "positions": (
        lambda dialect: dialect.positions(product_type=USDT),
        unified_page(POSITION),
        lambda found: [one.symbol for one in found] == ["BTCUSDT"],
    ),
    "check_signature": (
        lambda dialect: dialect.check_signature(product_type=USDT),
        unified_page(),
        lambda nothing: nothing is None,
    ),
    "key_rights": (
        lambda dialect: dialect.key_rights(),
        envelope(data={"permType": "read-only", "permissions": ["uta_trade"]}),
        lambda rights: rights == KeyRights(may_trade=False, may_withdraw=False),
    ),
}


# ---------------------------------------------------------------------------------------------------- changing over


@pytest.mark.parametrize("name", CALLS)
def test_call_that_a_unified_account_refuses_is_made_again_as_it_wants_it(name: str) -> None:
    call, answer, is_right = CALLS[name]
    account, script = account_of(IS_UNIFIED, answer)

    assert is_right(call(account))

    assert versions(script) == ["v2", "v3"]
    assert account.kind == "unified"


@pytest.mark.parametrize("code", ["40084", "25245"])
def test_account_that_was_taken_for_unified_turns_out_to_be_classic(code: str) -> None:
    account, script = account_of(envelope(code), envelope(data={"successList": [{"orderId": "1"}]}), start="unified")

    assert batch(account).succeeded == (ItemAnswer("1", ""),)

    assert versions(script) == ["v3", "v2"]
    assert account.kind == "classic"


def test_kind_is_never_asked_for_and_kept_once_it_has_shown() -> None:
    classic, script = account_of(envelope(data=[]))
    for _ in range(3):
        classic.positions(product_type=USDT)
    assert versions(script) == ["v2"] * 3
    assert classic.kind == "classic"

    unified, script = account_of(IS_UNIFIED, unified_page())
    for _ in range(3):
        unified.positions(product_type=USDT)
    assert versions(script) == ["v2", "v3", "v3", "v3"]


@pytest.mark.parametrize("outcome", [LOST, NEVER_SENT, HTML, TOO_MANY, *map(envelope, ("40017", "40012", "40725"))])
def test_nothing_but_the_exchanges_word_is_evidence(outcome: Outcome) -> None:
    account, script = account_of(outcome, outcome, outcome, envelope("40017"))

    with pytest.raises(BitgetCallError):
        batch(account)

    assert set(versions(script)) == {"v2"}
    assert account.kind == "classic"


@pytest.mark.parametrize("start", ["classic", "unified"])
def test_refusal_that_is_about_copy_trading_says_what_to_set_and_changes_nothing(start: str) -> None:
    account, script = account_of(envelope("40731"), start=start)

    with pytest.raises(BitgetAccountModeError, match="set account_mode to unified"):
        account.positions(product_type=USDT)

    assert len(script.sent) == 1
    assert account.kind == start


@pytest.mark.parametrize(("start", "code"), [("classic", "40084"), ("unified", "40085")])
def test_refusal_that_names_the_kind_that_was_spoken_to_changes_nothing(start: str, code: str) -> None:
    account, script = account_of(envelope(code), start=start)

    with pytest.raises(BitgetAccountModeError):
        account.positions(product_type=USDT)

    assert len(script.sent) == 1


@pytest.mark.parametrize(
    ("start", "outcomes"), [("classic", [IS_UNIFIED, IS_CLASSIC]), ("unified", [IS_CLASSIC, IS_UNIFIED])]
)
def test_account_that_is_said_to_be_both_is_not_asked_for_ever(start: str, outcomes: list[Outcome]) -> None:
    account, script = account_of(*outcomes, start=start)

    with pytest.raises(BitgetAccountModeError, match="both that it is unified and that it is classic") as caught:
        account.positions(product_type=USDT)

    assert len(script.sent) == 2
    assert all(code in str(caught.value) for code in ("40085", "40084"))
    with pytest.raises(BitgetAccountModeError, match="both"):
        list(chain.from_iterable(read() for read in account.reads_of_open_orders(product_type=USDT)))
    assert len(script.sent) == 3


def test_sizes_of_requests_follow_the_kind() -> None:
    account, script = account_of(IS_UNIFIED, envelope(data=[]))
    ids = [("orderId", str(number)) for number in range(50)]
    assert (account.most_ids_per_cancel, account.most_plan_ids_per_cancel) == (50, 50)

    with pytest.raises(BitgetBatchTooLargeError):
        batch(account, ids)

    assert versions(script) == ["v2"]
    assert (account.most_ids_per_cancel, account.most_plan_ids_per_cancel) == (20, 1)
    batch(account, ids[:20])
    assert versions(script) == ["v2", "v3"]


def test_what_the_other_kind_cannot_be_asked_is_refused_by_name_after_the_change() -> None:
    account, script = account_of(IS_UNIFIED)

    with pytest.raises(BitgetConfigError) as refusal:
        account.positions(product_type="SUSDT-FUTURES")

    assert refusal.value.field == "product_type"
    assert versions(script) == ["v2"]


@pytest.mark.parametrize("start", ["classic", "unified"])
@pytest.mark.parametrize(("ids", "symbol"), [([], "BTCUSDT"), ([("orderId", "")], "BTCUSDT"), (IDS, ""), (IDS, "*")])
def test_nothing_is_ever_widened_to_all(start: str, ids: list[tuple[str, str]], symbol: str) -> None:
    account, script = account_of(envelope(data={}), start=start)

    with pytest.raises(BitgetScopeError):
        account.batch_cancel(ids, symbol=symbol, product_type=USDT)
    with pytest.raises(BitgetScopeError):
        account.close_positions(product_type=USDT, symbol="")
    with pytest.raises(BitgetScopeError):
        account.cancel_all_orders(product_type="")

    assert script.sent == []


# ------------------------------------------------------------------------------------------------------------- pages


def classic_page(count: int) -> Outcome:
    return listed(*({"orderId": str(500 - position), "status": "filled"} for position in range(count)))


@pytest.mark.parametrize("name", ["orders_history", "ended_plan_orders"])
def test_history_that_has_begun_is_not_gone_on_with_as_the_other_kind(name: str) -> None:
    account, script = account_of(classic_page(100), IS_UNIFIED, unified_page())
    options = {"plan_type": "loss_plan"} if name == "ended_plan_orders" else {}
    pages = getattr(account, name)(product_type=USDT, **options)

    next(pages)
    with pytest.raises(BitgetAccountModeError):
        next(pages)

    assert versions(script) == ["v2", "v2"]


def reads(account: AccountDialect, name: str) -> Any:
    return getattr(account, name)(product_type=USDT, symbol="BTCUSDT", lookback_days=730)


def test_read_of_a_classic_book_shows_in_its_stead_all_that_a_unified_one_has() -> None:
    row = {"category": USDT, "symbol": "BTCUSDT"}
    windows = [unified_page({**row, "orderId": str(number)}) for number in range(9)]
    account, script = account_of(IS_UNIFIED, *windows)

    first = reads(account, "reads_of_open_orders")[0]

    assert [order.order_id for order in chain.from_iterable(first())] == [str(number) for number in range(9)]
    assert versions(script) == ["v2"] + ["v3"] * 9


def test_read_of_classic_plan_orders_shows_in_its_stead_every_list_of_a_unified_account() -> None:
    row = {"category": USDT, "symbol": "BTCUSDT"}
    account, script = account_of(
        IS_UNIFIED,
        envelope(data=[{**row, "orderId": "0", "type": "twap"}]),
        envelope(data=[{**row, "orderId": "1", "type": "trigger"}]),
        envelope(data=[{**row, "orderId": "2", "stopLoss": "1", "qty": "1"}]),
    )

    one = reads(account, "reads_of_open_plan_orders")[0]

    found = [(order.order_id, order.plan_type) for order in chain.from_iterable(one())]
    assert found == [("0", "normal_plan"), ("1", "normal_plan"), ("2", "loss_plan")]
    assert versions(script) == ["v2", "v3", "v3", "v3"]


def test_reads_of_a_unified_book_show_together_what_a_classic_one_has() -> None:
    account, script = account_of(
        IS_CLASSIC, *(listed({"orderId": str(number)}) for number in range(3)), start="unified"
    )

    pages = [list(read()) for read in account.reads_of_open_plan_orders(product_type=USDT)]

    assert [[order.order_id for order in chain.from_iterable(one)] for one in pages] == [["0", "1", "2"], [], []]
    assert versions(script) == ["v3", "v2", "v2", "v2"]


@pytest.mark.parametrize("turn", [1, -1], ids=["in order", "backwards"])
def test_one_read_stands_in_for_all_and_no_question_is_asked_in_vain(turn: int) -> None:
    account, script = account_of(IS_UNIFIED, unified_page(ORDER))
    first, second = account.reads_of_open_orders(product_type=USDT)[::turn]

    found = [len(list(chain.from_iterable(read()))) for read in (first, second, second, first)]

    assert found == [1, 0, 0, 1]
    assert versions(script) == ["v2", "v3", "v3"]


def test_reads_made_after_the_kind_showed_are_those_of_that_kind() -> None:
    account, _ = account_of(IS_UNIFIED, unified_page())
    account.positions(product_type=USDT)

    assert len(account.reads_of_open_orders(product_type=USDT)) == 1
    assert len(account.reads_of_open_plan_orders(product_type=USDT)) == 3


@pytest.mark.parametrize("outcome", [LOST, envelope("25200"), envelope("45001"), envelope(data={}), IS_CLASSIC])
def test_reads_of_which_the_one_that_stands_in_fails_are_not_complete_together(outcome: Outcome) -> None:
    account, _ = account_of(IS_UNIFIED, outcome)
    first, second = account.reads_of_open_orders(product_type=USDT)

    with pytest.raises(BitgetCallError):
        list(first(attempts=1))

    # The other one shows nothing: it never vouches for the one that failed, nor takes over from it.
    assert list(second(attempts=1)) == []
    with pytest.raises(BitgetCallError):
        list(first(attempts=1))


def test_reads_that_the_other_kind_cannot_be_asked_are_not_complete_together() -> None:
    account, script = account_of(IS_UNIFIED)
    first, second = account.reads_of_open_orders(product_type="SUSDT-FUTURES")

    with pytest.raises(BitgetConfigError):
        list(first())

    assert list(second()) == []
    assert versions(script) == ["v2"]


def test_read_that_has_begun_is_not_gone_on_with_as_the_other_kind() -> None:
    account, script = account_of(classic_page(100), IS_UNIFIED, unified_page())
    pages = account.reads_of_open_orders(product_type=USDT)[0]()

    assert len(next(pages)) == 100
    with pytest.raises(BitgetAccountModeError):
        next(pages)

    assert versions(script) == ["v2", "v2"]


@pytest.mark.parametrize("complete", [0, 1, 2])
def test_read_in_the_others_stead_is_as_incomplete_as_its_least_complete_part(complete: int) -> None:
    account, _ = account_of(IS_UNIFIED, *[envelope(data=[])] * complete, envelope(data={}))

    pages = account.reads_of_open_plan_orders(product_type=USDT)[0]()

    assert [next(pages) for _ in range(complete)] == [[]] * complete
    with pytest.raises(BitgetAmbiguousError):
        next(pages)


def test_reads_keep_their_attempts_after_the_change() -> None:
    account, script = account_of(IS_UNIFIED, LOST)

    with pytest.raises(BitgetAmbiguousError):
        list(account.reads_of_open_orders(product_type=USDT)[0](attempts=2))

    assert versions(script) == ["v2", "v3", "v3"]


# ----------------------------------------------------------------------------------------------------------- threads


class Crowd:
    """An exchange that refuses a crowd of classic calls only when all of them are under way."""

    def __init__(self, size: int) -> None:
        self.paths: list[str] = []
        self._gathered = threading.Barrier(size, timeout=10)

    def send(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        timeout: float,
        on_connected: Callable[[], None],
        on_writing: Callable[[], None] = lambda: None,
    ) -> HttpAnswer:
        self.paths.append(target.partition("?")[0])
        if target.startswith("/api/v2/"):
            self._gathered.wait()
            return envelope("40085")
        if target.startswith("/api/v3/trade/unfilled"):
            return envelope(data={"list": [{"orderId": "1", "category": USDT}]})
        return envelope(data=[{"orderId": "1"}])

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def crowd() -> tuple[AccountDialect, Crowd]:
    clock = VirtualTime()
    exchange = Crowd(8)
    client = BitgetClient(CREDENTIALS, clock=clock, transport=exchange, limiters=LimiterRegistry(clock))
    return AccountDialect(client), exchange


def test_threads_that_are_refused_at_the_same_time_change_over_once_and_lose_no_call(
    crowd: tuple[AccountDialect, Crowd], caplog: pytest.LogCaptureFixture
) -> None:
    account, exchange = crowd
    caplog.set_level("INFO", "airflow_provider_bitget.api.account")
    done: list[Any] = []
    [one, other] = account.reads_of_open_orders(product_type=USDT)
    jobs: list[Callable[[], None]] = [lambda: done.append(batch(account).succeeded)] * 6
    jobs += [lambda read=read: done.extend(read()) for read in (one, other)]  # type: ignore[misc]
    threads = [threading.Thread(target=job, daemon=True) for job in jobs]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    # One of the two reads shows all, the other nothing.
    assert len(done) == 7
    assert account.kind == "unified"
    assert sorted(path.split("/")[2] for path in exchange.paths) == ["v2"] * 8 + ["v3"] * 7
    assert len([record for record in caplog.records if "unified" in record.getMessage()]) == 1


# ---------------------------------------------------------------------------------- waiting under the wrong limits


class SlowExchange:
    """An exchange of a unified account whose answers take their time."""

    def __init__(self, clock: CrowdTime, seconds: float) -> None:
        self.moments: dict[str, list[float]] = {"v2": [], "v3": []}
        self._clock = clock
        self._seconds = seconds

    def send(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        timeout: float,
        on_connected: Callable[[], None],
        on_writing: Callable[[], None] = lambda: None,
    ) -> HttpAnswer:
        version = target.split("/")[2]
        self.moments[version].append(self._clock.monotonic())
        self._clock.wait(self._seconds, threading.Event())
        return IS_UNIFIED if version == "v2" else envelope(data=ORDER)

    def close(self) -> None:
        """Nothing is open."""


def test_calls_that_wait_for_a_slot_of_the_wrong_kind_go_on_as_soon_as_the_kind_shows() -> None:
    clock = CrowdTime()
    exchange = SlowExchange(clock, 0.3)
    client = BitgetClient(CREDENTIALS, clock=clock, transport=exchange, limiters=LimiterRegistry(clock))
    account, budget = AccountDialect(client), Budget(10, clock)
    found: list[Any] = []

    def look_up() -> None:
        found.append(account.order_detail(symbol="BTCUSDT", product_type=USDT, order_id="1", budget=budget))

    clock.run([look_up] * 30)

    # Ten a second for a classic account, twenty for a unified one.
    assert exchange.moments["v2"] == [0.0] * 10
    assert len(exchange.moments["v3"]) == 30
    assert max(sorted(exchange.moments["v3"])[:20]) <= 0.3 + 0.1 + 0.001
    assert [order.state for order in found] == ["filled"] * 30
    assert (budget.tally.requests, budget.tally.retries) == (40, 0)


class Waiting:
    """An account that another thread finds out about while a call of the wrong kind waits."""

    def __init__(self, *outcomes: Outcome, start: str = "classic") -> None:
        self.client, self.script, self.clock = scripted(*outcomes)
        self.account = AccountDialect(self.client, start)
        self.clock.meanwhile = self._another_thread

    def _another_thread(self) -> None:
        self.clock.meanwhile = lambda: None
        self.account.positions(product_type=USDT)

    @property
    def paths(self) -> list[str]:
        return [sent.path.rsplit("/", 1)[-1] for sent in self.script.sent]


@pytest.mark.parametrize(
    "outcome", [TOO_MANY, NEVER_SENT, LOST, HTML, envelope("45001")], ids=["429", "unsent", "lost", "html", "busy"]
)
def test_cancel_that_was_tried_under_the_wrong_kind_goes_on_under_the_right_one(outcome: Outcome) -> None:
    waiting = Waiting(outcome, IS_UNIFIED, unified_page(), envelope(data=[{"orderId": "1"}]))

    answer = batch(waiting.account)

    # An account of the other kind has carried out no classic request, whatever came back for it.
    assert (answer.succeeded, answer.maybe_processed) == ((ItemAnswer("1", ""),), False)
    assert waiting.paths == ["batch-cancel-orders", "all-position", "current-position", "cancel-batch"]
    assert waiting.clock.now <= 0.1 + 0.001


def test_cancel_that_may_have_been_carried_out_before_the_kind_showed_keeps_its_pace_after_it() -> None:
    waiting = Waiting(LOST, IS_UNIFIED, unified_page(), LOST, envelope(data=[{"orderId": "1"}]))

    answer = batch(waiting.account)

    assert answer.maybe_processed
    [first, second] = [sent.moment for sent in waiting.script.sent if sent.path.endswith("cancel-batch")]
    assert second - first >= SAME_ORDER_INTERVAL


def test_ambiguous_cancel_that_is_refused_when_it_is_repeated_is_made_as_the_other_kind_wants_it() -> None:
    account, script = account_of(LOST, IS_UNIFIED, envelope("25204"))

    with pytest.raises(BitgetGoneError) as caught:
        batch(account)

    assert not caught.value.maybe_processed
    assert versions(script) == ["v2", "v2", "v3"]


def test_write_that_may_not_be_repeated_is_not_made_as_the_other_kind_wants_it_either() -> None:
    waiting = Waiting(LOST, IS_UNIFIED, unified_page())

    with pytest.raises(BitgetAmbiguousError) as caught:
        waiting.account.close_positions(product_type=USDT)

    assert caught.value.maybe_processed
    assert waiting.paths == ["close-positions"]


def test_read_that_waits_goes_on_as_a_read_of_the_right_kind() -> None:
    waiting = Waiting(TOO_MANY, IS_UNIFIED, unified_page(), unified_page(ORDER))

    first, second = waiting.account.reads_of_open_orders(product_type=USDT)

    assert [order.order_id for order in chain.from_iterable(first())] == ["1"]
    assert list(second()) == []
    assert waiting.paths == ["orders-pending", "all-position", "current-position", "unfilled-orders"]


def test_read_that_has_begun_and_waits_ends_unfinished_where_the_kind_changes() -> None:
    waiting = Waiting(classic_page(100), TOO_MANY, IS_UNIFIED, unified_page())
    pages = waiting.account.orders_history(product_type=USDT)

    assert len(next(pages)) == 100
    with pytest.raises(BitgetNotSentError, match="other kind"):
        next(pages)

    assert waiting.paths[-1] == "current-position"


def test_call_that_needs_no_answer_leaves_the_kind_open() -> None:
    waiting = Waiting(LOST, IS_UNIFIED, unified_page(), envelope(data=[{"orderId": "1"}]))

    assert waiting.account.plan_children(product_type=USDT, plan_type="loss_plan", order_id="1") == []
    batch(waiting.account)

    assert waiting.paths[-1] == "cancel-batch"
    assert waiting.clock.now <= 0.1 + 0.001


def test_call_that_chose_its_kind_a_moment_before_the_change_sends_nothing_in_vain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account, script = account_of(IS_UNIFIED, unified_page(), unified_page(POSITION))
    budget_for = account._budget_for

    def after_another_thread(dialect: Dialect, budget: Budget | None) -> Budget | None:
        monkeypatch.undo()
        account.positions(product_type=USDT)
        return budget_for(dialect, budget)

    monkeypatch.setattr(account, "_budget_for", after_another_thread)

    assert [one.symbol for one in account.positions(product_type=USDT)] == ["BTCUSDT"]
    assert versions(script) == ["v2", "v3", "v3"]


def test_deadline_and_stop_end_a_call_that_waits_for_its_kind() -> None:
    client, script, clock = scripted(TOO_MANY)
    account = AccountDialect(client)

    with pytest.raises(BitgetCallError):
        account.positions(product_type=USDT, budget=Budget(0.5, clock))
    budget = Budget(10, clock)
    with pytest.raises(BitgetNotSentError) as late:
        account.positions(product_type=USDT, budget=Budget(0.5, clock))
    clock.meanwhile = budget.stop
    with pytest.raises(BitgetNotSentError) as stopped:
        account.positions(product_type=USDT, budget=budget)

    assert (late.value.reason, stopped.value.reason) == ("deadline", "stopped")
    assert clock.now <= 0.5 + 0.1 + 0.001
    assert len(script.sent) == 1


def test_what_is_sent_and_repeated_counts_for_the_run() -> None:
    client, _, clock = scripted(TOO_MANY, LOST, IS_UNIFIED, unified_page())
    budget = Budget(30, clock)

    AccountDialect(client).positions(product_type=USDT, budget=budget)

    assert (budget.tally.requests, budget.tally.retries, budget.tally.rate_limited) == (4, 2, 1)


@pytest.mark.parametrize(
    "outcomes", [[], [TOO_MANY, TOO_MANY], [NEVER_SENT, LOST, HTML], [envelope("40008"), envelope("45001")]], ids=str
)
@pytest.mark.parametrize("kind", ["classic", "unified"])
def test_account_whose_kind_was_guessed_right_costs_no_request_and_no_wait(kind: str, outcomes: list[Outcome]) -> None:
    moments = []
    for mode in (kind, "guessed"):
        client, script, _ = scripted(*outcomes, envelope(data={"list": []} if kind == "unified" else []))
        client._random.seed(1)
        dialect = AccountDialect(client, kind) if mode == "guessed" else dialect_for(client, mode)
        for _ in range(25):
            dialect.positions(product_type=USDT)
        moments.append([sent.moment for sent in script.sent])

    assert moments[0] == pytest.approx(moments[1], abs=1e-5)


# -------------------------------------------------------------------------------------------------------- fixed modes


def test_mode_of_the_connection_chooses_the_dialect() -> None:
    client, _, _ = scripted(envelope())

    made = {mode: dialect_for(client, mode) for mode in ("auto", "classic", "unified")}

    assert {mode: type(dialect) for mode, dialect in made.items()} == {
        "auto": AccountDialect,
        "classic": ClassicDialect,
        "unified": UnifiedDialect,
    }
    assert {mode: dialect.kind for mode, dialect in made.items()} == {
        "auto": "classic",
        "classic": "classic",
        "unified": "unified",
    }
    assert all(dialect.client is client for dialect in made.values())


@pytest.mark.parametrize("mode", ["", "AUTO", "v3", None])
def test_unknown_mode_is_refused_by_name(mode: Any) -> None:
    client, _, _ = scripted(envelope())

    with pytest.raises(BitgetConfigError) as refusal:
        dialect_for(client, mode)

    assert refusal.value.field == "account_mode"
    with pytest.raises(BitgetConfigError):
        AccountDialect(client, start="auto")


@pytest.mark.parametrize(
    ("mode", "code", "advice"),
    [
        ("classic", "40085", "set account_mode to unified"),
        ("classic", "40731", "set account_mode to unified"),
        ("unified", "40084", "set account_mode to classic"),
        ("unified", "25245", "set account_mode to classic"),
    ],
)
def test_wrong_fixed_mode_says_what_to_set(mode: str, code: str, advice: str) -> None:
    client, script, _ = scripted(envelope(code))

    with pytest.raises(BitgetAccountModeError, match=advice):
        dialect_for(client, mode).check_signature(product_type=USDT)

    assert len(script.sent) == 1


def test_bad_request_of_one_kind_is_not_asked_of_the_other() -> None:
    account, script = account_of(envelope("40034"))

    with pytest.raises(BitgetBadRequestError):
        account.order_detail(symbol="BTCUSDT", product_type=USDT, order_id="1")

    assert versions(script) == ["v2"]
