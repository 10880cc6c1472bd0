# SPDX-License-Identifier: Apache-2.0
"""The exchange never sees more requests in a second than it allows, from however many threads and clients."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.client import BitgetClient, Endpoint
from airflow_provider_bitget.api.clock import Clock, SystemClock
from airflow_provider_bitget.api.credentials import Credentials
from airflow_provider_bitget.api.exceptions import BitgetNotSentError
from airflow_provider_bitget.api.rate_limit import EndpointLimiter, LimiterRegistry, shared_limiters
from tests.unit.api.wire import CREDENTIALS, KEY, OK, CrowdTime, Script, VirtualTime

ENDPOINT = Endpoint("GET", "/api/v2/mix/order/orders-pending", limit=10)


def busiest(moments: Sequence[float], seconds: float) -> int:
    """Return the most moments in any window of so many seconds."""
    ordered = sorted(moments)
    return max(sum(1 for moment in ordered if start <= moment < start + seconds) for start in ordered)


def limiter_of(limit: float) -> tuple[EndpointLimiter, VirtualTime, Budget]:
    clock = VirtualTime()
    return EndpointLimiter(limit, clock), clock, Budget(None, clock)


def grants(limiter: EndpointLimiter, clock: Clock, budget: Budget, count: int) -> list[float]:
    """Acquire so many slots and return the moments at which they were given."""
    moments = []
    for _ in range(count):
        limiter.acquire(budget)
        moments.append(clock.monotonic())
    return moments


STEPS = st.one_of(
    st.just("acquire"),
    st.just("refused"),
    st.just("accepted"),
    st.just("renew"),
    st.just("lower"),
    st.floats(0.0, 2.5),
)


@given(st.sampled_from([0.4, 1.0, 2.0, 5.0, 10.0, 20.0]), st.lists(STEPS, max_size=120))
def test_no_second_holds_more_than_the_limit_whatever_happens(limit: float, steps: list[str | float]) -> None:
    limiter, clock, budget = limiter_of(limit)
    held = []
    for step in steps:
        if isinstance(step, float):
            clock.now += step
        elif step == "acquire":
            held.append((limiter.acquire(budget), clock.now))
        elif step == "renew" and held:
            slot, _ = held.pop()
            slot.renew()
            held.append((slot, clock.now))
        elif step == "refused":
            limiter.refused()
        elif step == "accepted":
            limiter.accepted()
        elif step == "lower":
            limiter.lower_ceiling(limit / 2)

    moments = [moment for _, moment in held]
    if moments:
        assert busiest(moments, 1.0) <= max(1, limit)


class CountsWaits(Budget):
    """A budget that counts how often it was waited on, and for how long at least."""

    waits = 0
    shortest = float("inf")

    def wait(self, seconds: float) -> None:
        self.waits += 1
        self.shortest = min(self.shortest, seconds)
        super().wait(seconds)


@pytest.mark.parametrize("fraction", [0.0, 0.0002, 0.0009])
def test_who_waits_is_called_when_the_place_is_free_and_not_just_before(fraction: float) -> None:
    clock = VirtualTime()
    clock.now += fraction
    limiter, budget = EndpointLimiter(5, clock), CountsWaits(None, clock)

    grants(limiter, clock, budget, 25)

    # Called a millisecond too soon, one would be sent to the end of the line, and its place would be lost.
    assert budget.waits == 4


def test_rest_that_is_all_but_over_is_waited_for_all_the_same() -> None:
    """Who waits in steps stops short of the end by less than a microsecond, and must not ask for ever."""
    limiter, clock, _ = limiter_of(5)
    budget = CountsWaits(None, clock)
    limiter.refused()
    clock.now += 1.0 - 5e-7

    limiter.acquire(budget)

    assert budget.shortest >= 0.001


def test_full_pace_is_ten_requests_per_window_of_a_second_and_a_little_room() -> None:
    limiter, clock, budget = limiter_of(10)

    moments = grants(limiter, clock, budget, 101)

    assert busiest(moments, 1.03) == 10
    assert 10.3 <= moments[-1] <= 10.35


@pytest.mark.parametrize(("limit", "seconds_between"), [(1.0, 1.03), (0.5, 2.06), (0.2, 5.15), (1.9, 1.03)])
def test_low_limits_space_requests_out(limit: float, seconds_between: float) -> None:
    limiter, clock, budget = limiter_of(limit)

    first, second, third = grants(limiter, clock, budget, 3)

    assert second - first == pytest.approx(seconds_between, abs=0.005)
    assert third - second == pytest.approx(seconds_between, abs=0.005)


def test_threads_in_virtual_time_share_one_window() -> None:
    clock = CrowdTime()
    limiter = EndpointLimiter(10, clock)
    moments: list[float] = []

    def worker() -> None:
        budget = Budget(None, clock)
        for _ in range(8):
            item = limiter.acquire(budget)._item
            assert item is not None
            moments.append(item.timestamp / 1000)

    clock.run([worker] * 12)

    assert len(moments) == 96
    assert busiest(moments, 1.0) <= 10
    assert max(moments) <= 9 * 1.04 + 0.1


def test_twenty_four_threads_on_the_real_clock_keep_the_limit_and_lose_no_time() -> None:
    clock = SystemClock()
    limiter = EndpointLimiter(10, clock)
    moments: list[float] = []
    budget = Budget(10.0, clock)

    def worker() -> None:
        while True:
            try:
                item = limiter.acquire(budget)._item
            except BitgetNotSentError:
                return
            # As it was counted: when the thread gets to run after that is up to the machine.
            assert item is not None
            moments.append(item.timestamp / 1000)
            if len(moments) >= 31:
                budget.stop()

    threads = [threading.Thread(target=worker) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert len(moments) >= 31
    assert busiest(moments, 1.0) <= 10
    # Three whole windows and the first request of the fourth, with room for a busy machine.
    assert sorted(moments)[30] - min(moments) < 3 * 1.03 + 2.0


def test_waiting_for_a_slot_ends_at_the_deadline_and_not_later() -> None:
    limiter, clock, _ = limiter_of(1)
    budget = Budget(0.4, clock)
    limiter.acquire(budget)

    with pytest.raises(BitgetNotSentError, match="deadline") as caught:
        limiter.acquire(budget)

    assert caught.value.reason == "deadline"
    assert clock.now == pytest.approx(0.4)


def test_stop_wakes_who_waits_for_a_slot() -> None:
    limiter, clock, budget = limiter_of(1)
    limiter.acquire(budget)
    clock.meanwhile = budget.stop

    with pytest.raises(BitgetNotSentError) as caught:
        limiter.acquire(budget)

    assert caught.value.reason == "stopped"


def test_stop_wakes_a_thread_that_really_waits() -> None:
    clock = SystemClock()
    limiter, budget = EndpointLimiter(0.01, clock), Budget(None, clock)
    limiter.acquire(budget)
    reasons: list[str] = []

    def worker() -> None:
        try:
            limiter.acquire(budget)
        except BitgetNotSentError as error:
            reasons.append(error.reason)

    thread = threading.Thread(target=worker)
    thread.start()
    budget.stop()
    thread.join(5)

    assert reasons == ["stopped"]


# -------------------------------------------------------------------------------------------------- after a 429


def test_refusal_halves_the_pace_once_however_many_threads_got_one() -> None:
    limiter, _, _ = limiter_of(10)

    for _ in range(24):
        limiter.refused()

    assert limiter.pace == 5


def test_refusals_in_later_windows_halve_the_pace_again_down_to_one() -> None:
    limiter, clock, _ = limiter_of(10)
    paces = []
    for _ in range(5):
        limiter.refused()
        paces.append(limiter.pace)
        clock.now += 1.1

    assert paces == [5, 2, 1, 1, 1]


def test_endpoint_rests_for_a_second_after_a_refusal() -> None:
    limiter, clock, budget = limiter_of(10)
    clock.now = 50.0
    limiter.refused()

    assert grants(limiter, clock, budget, 1) == [pytest.approx(51.0)]


def test_pace_comes_back_step_by_step_one_quiet_window_each() -> None:
    limiter, clock, _ = limiter_of(10)
    for _ in range(3):
        limiter.refused()
        clock.now += 1.1
    paces = [limiter.pace]
    for _ in range(8):
        limiter.accepted()
        limiter.accepted()
        paces.append(limiter.pace)
        clock.now += 1.04

    assert paces == [1, 2, 4, 8, 10, 10, 10, 10, 10]


def test_window_with_a_refusal_in_it_is_not_a_quiet_one() -> None:
    limiter, clock, _ = limiter_of(10)
    limiter.refused()
    clock.now += 1.0
    limiter.refused()
    clock.now += 0.1
    limiter.accepted()
    assert limiter.pace == 5

    clock.now += 1.0
    limiter.accepted()
    assert limiter.pace == 7


def test_slowed_limiter_admits_no_more_than_its_pace() -> None:
    limiter, clock, budget = limiter_of(10)
    limiter.refused()

    moments = grants(limiter, clock, budget, 20)

    assert busiest(moments, 1.0) == 5


# ------------------------------------------------------------------------------------------------------- the ban


def test_ten_seconds_of_nothing_but_refusals_at_one_a_second_are_a_ban() -> None:
    limiter, clock, _ = limiter_of(1)
    verdicts = []
    for _ in range(12):
        limiter.refused()
        verdicts.append(limiter.banned)
        clock.now += 1.0

    assert verdicts == [False] * 10 + [True, True]


def test_one_accepted_request_in_between_is_no_ban() -> None:
    limiter, clock, _ = limiter_of(1)
    for second in range(15):
        limiter.refused()
        if second == 7:
            limiter.accepted()
        clock.now += 1.0

    assert not limiter.banned


def test_refusals_at_full_pace_are_no_ban_yet() -> None:
    limiter, clock, _ = limiter_of(10)
    limiter.refused()
    clock.now += 60.0

    assert not limiter.banned


def test_single_refusals_an_hour_apart_are_no_ban() -> None:
    limiter, clock, _ = limiter_of(1)
    limiter.refused()
    clock.now += 3600.0
    limiter.refused()

    assert not limiter.banned


# ------------------------------------------------------------------------------------------------ who shares what


def test_lower_ceiling_holds_from_now_on_and_a_higher_one_changes_nothing() -> None:
    limiter, clock, budget = limiter_of(10)
    limiter.lower_ceiling(3)
    limiter.lower_ceiling(50)

    assert busiest(grants(limiter, clock, budget, 12), 1.0) == 3


def test_pace_recovers_to_the_lower_ceiling_only() -> None:
    limiter, clock, _ = limiter_of(10)
    limiter.refused()
    limiter.lower_ceiling(4)
    for _ in range(10):
        clock.now += 1.1
        limiter.accepted()

    assert limiter.pace == 4


def client_of(
    clock: VirtualTime,
    limiters: LimiterRegistry,
    *,
    key: str = KEY,
    url: str = "https://api.bitget.com",
    requests_per_second: float | None = None,
) -> tuple[BitgetClient, Script]:
    script = Script(clock, [OK])
    credentials = Credentials(key, CREDENTIALS.secret, CREDENTIALS.passphrase)
    client = BitgetClient(
        credentials,
        base_url=url,
        clock=clock,
        transport=script,
        limiters=limiters,
        requests_per_second=requests_per_second,
    )
    return client, script


@pytest.mark.parametrize("url", ["https://api.bitget.com", "https://api.bitget.com/", "HTTPS://API.BITGET.COM"])
def test_two_clients_of_one_key_share_one_limit_however_the_host_is_written(url: str) -> None:
    clock = VirtualTime()
    limiters = LimiterRegistry(clock)
    one, first = client_of(clock, limiters)
    two, second = client_of(clock, limiters, url=url)
    for _ in range(15):
        one.call(ENDPOINT)
        two.call(ENDPOINT)

    assert busiest([sent.moment for sent in first.sent + second.sent], 1.0) == 10


@pytest.mark.parametrize("other", [{"key": "bg_another_key"}, {"url": "https://vip.bitget.com"}])
def test_other_keys_and_other_hosts_have_limits_of_their_own(other: dict[str, str]) -> None:
    clock = VirtualTime()
    limiters = LimiterRegistry(clock)
    one, _ = client_of(clock, limiters)
    two, _ = client_of(clock, limiters, key=other.get("key", KEY), url=other.get("url", "https://api.bitget.com"))
    for _ in range(10):
        one.call(ENDPOINT)
        two.call(ENDPOINT)

    assert clock.now == 0.0


def test_endpoints_have_limits_of_their_own() -> None:
    clock = VirtualTime()
    client, _ = client_of(clock, LimiterRegistry(clock))
    for _ in range(10):
        client.call(ENDPOINT)
        client.call(Endpoint("GET", "/api/v2/mix/order/detail", limit=10))

    assert clock.now == 0.0


@pytest.mark.parametrize(("ceiling", "most"), [(4.0, 4), (50.0, 10), (None, 10)])
def test_own_ceiling_lowers_a_limit_and_never_lifts_it(ceiling: float | None, most: int) -> None:
    clock = VirtualTime()
    client, script = client_of(clock, LimiterRegistry(clock), requests_per_second=ceiling)
    for _ in range(25):
        client.call(ENDPOINT)

    assert busiest([sent.moment for sent in script.sent], 1.0) == most


def test_ceiling_of_one_client_binds_the_others_of_its_key() -> None:
    clock = VirtualTime()
    limiters = LimiterRegistry(clock)
    slow, first = client_of(clock, limiters, requests_per_second=2.0)
    fast, second = client_of(clock, limiters)
    for _ in range(5):
        slow.call(ENDPOINT)
        fast.call(ENDPOINT)

    assert busiest([sent.moment for sent in first.sent + second.sent], 1.0) == 2


def test_clients_share_the_limiters_of_the_process_unless_told_otherwise() -> None:
    one = BitgetClient(CREDENTIALS)
    two = BitgetClient(CREDENTIALS)

    assert one._limiter(ENDPOINT) is two._limiter(ENDPOINT)
    assert shared_limiters() is shared_limiters()


# ---------------------------------------------------------------------------------------------- slow connections


def test_request_that_had_to_connect_first_counts_from_when_it_is_written() -> None:
    clock = VirtualTime()
    client, script = client_of(clock, LimiterRegistry(clock))

    def connect(seconds: float) -> None:
        clock.now += seconds

    for _ in range(30):
        script.connect_first = partial(connect, 0.35 if len(script.sent) % 3 == 0 else 0.0)
        client.call(ENDPOINT)

    assert busiest([sent.moment for sent in script.sent], 1.0) <= 10


def test_request_that_leaves_late_on_a_busy_machine_counts_from_when_it_leaves() -> None:
    clock = VirtualTime()
    client, script = client_of(clock, LimiterRegistry(clock))

    def busy(seconds: float) -> None:
        clock.now += seconds

    for number in range(60):
        script.busy_first = partial(busy, 0.2 if number % 7 == 0 else 0.001)
        client.call(ENDPOINT)

    assert busiest([sent.moment for sent in script.sent], 1.0) <= 10


def test_slot_renewed_after_a_slow_connect_gives_its_old_place_back() -> None:
    limiter, clock, budget = limiter_of(10)
    slots = [limiter.acquire(budget) for _ in range(10)]
    clock.now += 0.5
    for slot in slots:
        slot.renew()

    assert clock.now == 0.5
    assert grants(limiter, clock, budget, 1)[0] == pytest.approx(1.531, abs=0.003)
