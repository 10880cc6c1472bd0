# SPDX-License-Identifier: Apache-2.0
"""Many workers, one limit: what a worker does with the store's answers, and without them.

The store here says what the test tells it to. What Redis really says is tried in tests/distributed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.client import BitgetClient, Endpoint
from airflow_provider_bitget.api.credentials import Credentials
from airflow_provider_bitget.api.exceptions import BitgetIpBanError, BitgetNotSentError
from airflow_provider_bitget.api.pace import Pace, Window
from airflow_provider_bitget.api.rate_limit import LimiterRegistry
from airflow_provider_bitget.api.redis_store import SharedPace, StoreError, Turn
from airflow_provider_bitget.api.shared_limit import SharedEndpointLimiter, SharedLimiters, key_of
from tests.unit.api.wire import CREDENTIALS, KEY, OK, TOO_MANY, Script, VirtualTime

ENDPOINT = Endpoint("GET", "/api/v2/mix/order/orders-pending", limit=10)
PUBLIC = Endpoint("GET", "/api/v2/public/time", limit=20, signed=False)
HOST = "https://api.bitget.com"
AWAY = StoreError("no connection")
HANGS = StoreError("no answer in time")
ELSEWHERE = 5_000.0
"""The store's clock: no worker's."""


@dataclass(frozen=True)
class Asked:
    """What a worker asked the store."""

    moment: float
    key: str
    who: str
    window: Window
    allowance: float
    ages: tuple[float, ...]
    served: bool


@dataclass
class ScriptedStore:
    """Grants every place, unless the test says otherwise; each call takes as long as the test says."""

    clock: VirtualTime
    #: What the next calls get, in order: seconds to wait, an error, or ``None`` for a place.
    answers: list[float | StoreError | None] = field(default_factory=list)
    #: What every call gets that has no answer of its own.
    otherwise: StoreError | None = None
    takes: list[float] = field(default_factory=list)
    usually_takes: float = 0.0
    asked: list[Asked] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    calls: int = 0
    pace: Pace | None = None
    version: int = 0
    changed_by_others: int = 0

    def _answer(self) -> float | None:
        self.calls += 1
        answer = self.answers.pop(0) if self.answers else self.otherwise
        took = self.takes.pop(0) if self.takes else 0.5 if answer is HANGS else self.usually_takes
        self.clock.now += took
        if isinstance(answer, StoreError):
            raise answer
        return answer

    def ask(
        self,
        key: str,
        who: str,
        *,
        window: Window,
        allowance: float,
        ages: Sequence[float] = (),
        served: bool = False,
    ) -> Turn:
        self.asked.append(Asked(self.clock.now, key, who, window, allowance, tuple(ages), served))
        wait = self._answer()
        return Turn(wait is None, wait or 0.0, window, self._shared())

    def leave(self, key: str, who: str) -> None:
        self.left.append(who)

    def read_pace(self, key: str) -> SharedPace:
        self._answer()
        return self._shared()

    def write_pace(self, key: str, pace: Pace, version: int) -> bool:
        self._answer()
        if self.changed_by_others:
            self.changed_by_others -= 1
            self.version += 1
        if version != self.version:
            return False
        self.pace, self.version = pace, self.version + 1
        return True

    def _shared(self) -> SharedPace:
        return SharedPace(ELSEWHERE + self.clock.now, self.version, self.pace)


def shared(
    limit: float = 10, share: float = 0.25, jitter: Callable[[], float] = lambda: 0.0, **store: Any
) -> tuple[SharedEndpointLimiter, ScriptedStore, VirtualTime]:
    clock = VirtualTime()
    scripted = ScriptedStore(clock, **store)
    limiters = SharedLimiters(scripted, name="limits", fallback_share=share, clock=clock, jitter=jitter)
    limiter = limiters.limiter(f"{HOST}#user", "POST /x", limit)
    assert isinstance(limiter, SharedEndpointLimiter)
    return limiter, scripted, clock


def grants(limiter: SharedEndpointLimiter, clock: VirtualTime, count: int) -> list[float]:
    moments = []
    for _ in range(count):
        limiter.acquire(Budget(None, clock))
        moments.append(clock.now)
    return moments


# --------------------------------------------------------------------------------------------- while it answers


def test_a_place_takes_one_call_and_no_time() -> None:
    limiter, store, clock = shared()

    assert grants(limiter, clock, 3) == [0.0, 0.0, 0.0]
    assert store.calls == 3
    assert len({asked.who for asked in store.asked}) == 3


def test_who_has_to_wait_comes_back_under_its_name_when_its_turn_has_come() -> None:
    limiter, store, clock = shared(answers=[0.7, None])

    assert grants(limiter, clock, 1) == [pytest.approx(0.7)]
    assert len({asked.who for asked in store.asked}) == 1
    assert [asked.served for asked in store.asked] == [False, False]


def test_the_round_trip_is_part_of_the_wait() -> None:
    limiter, _, clock = shared(answers=[0.7, None], usually_takes=0.004)

    assert grants(limiter, clock, 1) == [pytest.approx(0.704)]


@pytest.mark.parametrize(("round_trip", "allowance"), [(0.001, 0.005), (0.02, 0.04), (0.1, 0.2)])
def test_a_place_counts_for_as_long_as_a_round_trip_to_the_store_may_take(round_trip: float, allowance: float) -> None:
    limiter, store, clock = shared(usually_takes=round_trip)

    grants(limiter, clock, 5)

    assert store.asked[-1].allowance == pytest.approx(allowance)


def test_a_place_whose_answer_came_too_late_is_not_used() -> None:
    limiter, store, clock = shared(takes=[0.12])

    grants(limiter, clock, 1)

    first, second = store.asked
    assert (second.who, second.served) == (first.who, True)
    assert second.allowance == pytest.approx(0.24)


def test_one_slow_answer_does_not_make_the_next_places_dearer() -> None:
    limiter, store, clock = shared(takes=[0.001] * 6 + [0.3])

    grants(limiter, clock, 10)

    assert store.asked[-1].allowance == 0.005


def test_a_request_that_had_to_connect_first_keeps_its_turn() -> None:
    limiter, store, clock = shared()
    slot = limiter.acquire(Budget(None, clock))
    clock.now += 0.35

    slot.renew()

    first, second = store.asked
    assert (second.who, first.served, second.served) == (first.who, False, True)


@pytest.mark.parametrize(("busy", "asks"), [(0.004, 1), (0.006, 2)])
def test_a_request_that_leaves_later_than_its_place_says_takes_a_newer_one(busy: float, asks: int) -> None:
    clock = VirtualTime()
    store = ScriptedStore(clock)
    script = Script(clock, [OK])
    client = BitgetClient(CREDENTIALS, clock=clock, transport=script, limiters=SharedLimiters(store, clock=clock))

    def work() -> None:
        clock.now += busy

    script.busy_first = work
    client.call(ENDPOINT)

    assert len(store.asked) == asks
    assert store.asked[-1].served is (asks == 2)


def test_requests_that_usually_take_long_to_leave_are_allowed_to() -> None:
    limiter, store, clock = shared()
    for _ in range(5):
        slot = limiter.acquire(Budget(None, clock))
        clock.now += 0.02
        assert slot.is_stale or store.asked[-1].allowance > 0.02

    assert store.asked[-1].allowance == pytest.approx(0.04)


def test_waiting_ends_at_the_deadline_and_leaves_the_line() -> None:
    limiter, store, clock = shared(answers=[5.0])

    with pytest.raises(BitgetNotSentError, match="deadline"):
        limiter.acquire(Budget(0.4, clock))

    assert clock.now == pytest.approx(0.4)
    assert store.left == [store.asked[0].who]


def test_a_stop_ends_the_wait_and_leaves_the_line() -> None:
    limiter, store, clock = shared(answers=[5.0])
    budget = Budget(None, clock)
    clock.meanwhile = budget.stop

    with pytest.raises(BitgetNotSentError) as caught:
        limiter.acquire(budget)

    assert caught.value.reason == "stopped"
    assert store.left == [store.asked[0].who]


def test_a_lower_ceiling_of_ones_own_is_told_to_the_store() -> None:
    limiter, store, clock = shared()
    limiter.lower_ceiling(3)
    limiter.lower_ceiling(50)

    grants(limiter, clock, 1)

    assert store.asked[0].window == Window.of(3)


# -------------------------------------------------------------------------------------------------- after a 429


def test_a_refusal_halves_the_pace_of_all_workers_and_lets_them_rest() -> None:
    limiter, store, clock = shared()
    grants(limiter, clock, 1)

    limiter.refused()

    assert store.pace is not None
    assert store.pace.current == 5
    assert store.pace.rest_until == pytest.approx(ELSEWHERE + 1.0)
    assert limiter.pace == 5


def test_a_refusal_that_another_worker_noted_meanwhile_is_noted_on_top_of_it() -> None:
    limiter, store, clock = shared(changed_by_others=2)
    grants(limiter, clock, 1)

    limiter.refused()

    assert (store.version, store.pace and store.pace.current) == (3, 5)


def test_the_pace_comes_back_step_by_step_and_costs_no_call_in_between() -> None:
    limiter, store, clock = shared()
    limiter.refused()
    paces, before = [limiter.pace], store.calls
    for _ in range(6):
        limiter.accepted()
        limiter.accepted()
        paces.append(limiter.pace)
        clock.now += 1.04

    assert paces == [5, 5, 7, 10, 10, 10, 10]
    assert store.calls - before == 4


def test_a_pace_that_another_worker_slowed_is_brought_back_by_this_one() -> None:
    limiter, store, clock = shared()
    store.pace = Pace(4, changed=ELSEWHERE, last_refused=ELSEWHERE)
    grants(limiter, clock, 1)
    clock.now += 1.04

    limiter.accepted()

    assert store.pace.current == 8


def test_ten_seconds_of_nothing_but_refusals_are_a_ban() -> None:
    clock = VirtualTime()
    store = ScriptedStore(clock)
    script = Script(clock, [TOO_MANY])
    client = BitgetClient(CREDENTIALS, clock=clock, transport=script, limiters=SharedLimiters(store, clock=clock))

    with pytest.raises(BitgetIpBanError):
        client.call(ENDPOINT, budget=Budget(60.0, clock))

    assert 10.0 <= clock.now <= 16.0


def test_a_ban_is_seen_by_a_worker_whose_own_refusals_are_few() -> None:
    limiter, store, clock = shared()
    clock.now = 20.0
    store.pace = Pace(1, last_refused=ELSEWHERE + 19, slowest_since=ELSEWHERE + 5)

    limiter.refused()

    assert limiter.banned


def test_an_endpoint_that_still_answers_shows_that_there_is_no_ban() -> None:
    clock = VirtualTime()
    store = ScriptedStore(clock)
    limiters = SharedLimiters(store, clock=clock)
    one, other = (limiters.limiter(f"{HOST}#user", endpoint, 10) for endpoint in ("POST /x", "GET /y"))
    clock.now = 20.0
    store.pace = Pace(1, last_refused=ELSEWHERE + 19, slowest_since=ELSEWHERE + 5)
    other.accepted()
    one.refused()

    assert not one.banned


# ----------------------------------------------------------------------------------------- while it does not answer


def test_without_the_store_a_quarter_of_the_limit_goes_on() -> None:
    limiter, _, clock = shared(otherwise=AWAY)

    moments = grants(limiter, clock, 21)

    assert moments[0] == 0.0
    assert moments[-1] == pytest.approx(10 * 1.03, abs=0.02)


@pytest.mark.parametrize(
    ("limit", "share", "per_second"), [(10, 0.5, 5), (5, 0.25, 1), (1, 0.25, 0.25), (10, 1.0, 10), (1, 0.1, 0.1)]
)
def test_the_share_is_the_users_choice_and_low_limits_are_spaced_out(
    limit: float, share: float, per_second: float
) -> None:
    limiter, _, clock = shared(limit, share, otherwise=AWAY)

    moments = grants(limiter, clock, 21)

    assert moments[-1] - moments[0] >= 20 / per_second * 0.8
    assert moments[-1] - moments[0] <= 20 / per_second * 1.04


def test_a_hanging_store_costs_two_timeouts_and_is_left_alone_for_thirty_seconds() -> None:
    limiter, store, clock = shared(limit=100, otherwise=HANGS)

    grants(limiter, clock, 200)
    assert store.calls == 2
    assert clock.now <= 2 * 0.5 + 200 / 25 * 1.04

    clock.now = 31.2
    grants(limiter, clock, 5)
    assert store.calls == 3


def test_a_store_that_is_back_is_used_again_and_hears_what_was_sent_meanwhile() -> None:
    limiter, store, clock = shared(otherwise=AWAY)
    grants(limiter, clock, 3)
    store.otherwise = None
    clock.now = 31.0
    limiter.acquire(Budget(None, clock))
    limiter.acquire(Budget(None, clock))
    assert not store.asked[-1].ages

    store.answers = [AWAY]
    clock.now = 60.0
    limiter.acquire(Budget(None, clock))
    clock.now += 0.2
    limiter.acquire(Budget(None, clock))

    assert list(store.asked[-1].ages) == pytest.approx([0.2])
    limiter.acquire(Budget(None, clock))
    assert not store.asked[-1].ages


def test_a_call_that_fails_once_is_answered_at_the_fallback_pace_and_counts_what_went_before() -> None:
    limiter, store, clock = shared(answers=[None] * 10 + [AWAY])

    moments = grants(limiter, clock, 12)

    assert moments[9] == 0.0
    assert moments[10] == pytest.approx(1.03, abs=0.002)
    assert store.calls == 12


def test_beginning_and_end_are_told_once_and_by_name(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    limiter, store, clock = shared(otherwise=AWAY)
    grants(limiter, clock, 8)
    store.otherwise = None
    clock.now = 40.0
    grants(limiter, clock, 8)

    first, second = [record for record in caplog.records if "shared rate limit" in record.getMessage()]
    assert (first.levelno, second.levelno) == (logging.WARNING, logging.INFO)
    assert "'limits'" in first.getMessage()
    assert "no connection" in first.getMessage()
    assert "25% of the limit" in first.getMessage()
    assert "again" in second.getMessage()


def test_without_the_store_a_refusal_halves_the_pace_and_recovery_has_jitter() -> None:
    limiter, store, clock = shared(limit=40, otherwise=AWAY, jitter=lambda: 0.5)
    grants(limiter, clock, 4)
    calls = store.calls
    limiter.refused()

    moments = grants(limiter, clock, 6)

    rest = 1.0 + 0.5 * 1.03
    assert moments[0] == pytest.approx(rest, abs=0.002)
    assert [moment for moment in moments if moment < rest + 1.0] == moments[:5]
    clock.now = rest + 2.0
    limiter.accepted()
    assert limiter._fallback.pace == 7
    assert store.calls == calls


def test_one_caller_finds_out_whether_the_store_is_back() -> None:
    limiter, store, clock = shared(otherwise=AWAY)
    grants(limiter, clock, 3)
    clock.now = 40.0
    inner: list[float] = []

    def meanwhile(*_: Any, **__: Any) -> Turn:
        # Another thread, while the first one still waits for the answer.
        inner.extend(grants(limiter, clock, 1))
        raise HANGS

    store.ask = meanwhile  # type: ignore[method-assign]
    grants(limiter, clock, 1)

    assert len(inner) == 1


def test_a_request_that_leaves_late_without_the_store_counts_once_and_asks_nobody_again() -> None:
    clock = VirtualTime()
    store = ScriptedStore(clock, otherwise=AWAY)
    script = Script(clock, [OK])
    client = BitgetClient(
        CREDENTIALS, clock=clock, transport=script, limiters=SharedLimiters(store, clock=clock, jitter=lambda: 0.0)
    )

    def work() -> None:
        clock.now += 0.003

    script.busy_first = work
    for _ in range(20):
        client.call(ENDPOINT)
        assert store.calls <= 2

    assert clock.now == pytest.approx(9 * 1.03 + 0.03, abs=0.1)


def test_an_hour_with_the_store_leaves_nothing_behind() -> None:
    limiter, _, clock = shared()
    for _ in range(3_000):
        clock.now += 0.1
        limiter.acquire(Budget(None, clock))

    assert limiter._fallback._bucket.count() < 30


def test_a_deadline_ends_the_wait_without_the_store() -> None:
    limiter, _, clock = shared(1, otherwise=AWAY)
    limiter.acquire(Budget(None, clock))

    with pytest.raises(BitgetNotSentError, match="deadline"):
        limiter.acquire(Budget(0.4, clock))

    assert clock.now == pytest.approx(0.4)


def test_a_mistake_of_ours_is_not_taken_for_a_store_that_is_away() -> None:
    limiter, store, clock = shared()

    def broken(*_: Any, **__: Any) -> Turn:
        raise ValueError("not an answer")

    store.ask = broken  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="not an answer"):
        limiter.acquire(Budget(None, clock))


# ------------------------------------------------------------------------------------------------ who shares what


def test_the_store_never_sees_a_key_and_forgets_nobody_for_another() -> None:
    clock = VirtualTime()
    store = ScriptedStore(clock)

    def keys_of(key: str = KEY, url: str = HOST, group: str | None = None) -> str:
        client = BitgetClient(
            Credentials(key, CREDENTIALS.secret, CREDENTIALS.passphrase),
            base_url=url,
            clock=clock,
            transport=Script(clock, [OK]),
            limiters=SharedLimiters(store, group=group, clock=clock),
        )
        client.call(ENDPOINT)
        return store.asked[-1].key

    own = keys_of()
    assert KEY not in own
    assert own.startswith("airflow-provider-bitget:{")
    assert own.endswith("}:GET /api/v2/mix/order/orders-pending")
    assert own == keys_of(url=HOST.upper())
    assert own != keys_of("bg_another_key")
    assert own != keys_of(url="https://vip.bitget.com")
    assert keys_of(group="desk") == keys_of("bg_another_key", group="desk")
    assert keys_of(group="desk") not in (own, keys_of(group="other desk"))
    assert keys_of(group="desk") != keys_of(url="https://vip.bitget.com", group="desk")


def test_a_group_cannot_be_named_like_a_key() -> None:
    assert key_of(HOST, "abc", None) != key_of(HOST, "", "abc")


def test_public_endpoints_stay_with_the_process() -> None:
    clock = VirtualTime()
    store = ScriptedStore(clock)
    limiters = SharedLimiters(store, clock=clock, local=LimiterRegistry(clock))
    client = BitgetClient(CREDENTIALS, clock=clock, transport=Script(clock, [OK]), limiters=limiters)

    client.call(PUBLIC)

    assert store.calls == 0


def test_endpoints_and_hooks_of_one_process_share_the_guard_of_one_store() -> None:
    clock = VirtualTime()
    store = ScriptedStore(clock, otherwise=AWAY)
    limiters = SharedLimiters(store, clock=clock)
    for endpoint in ("POST /x", "POST /y", "GET /z"):
        limiters.limiter(f"{HOST}#user", endpoint, 10).acquire(Budget(None, clock))

    assert store.calls == 2
    assert limiters.limiter(f"{HOST}#user", "POST /x", 10) is limiters.limiter(f"{HOST}#user", "POST /x", 20)
