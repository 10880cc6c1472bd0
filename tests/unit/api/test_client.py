# SPDX-License-Identifier: Apache-2.0
"""What is repeated, how often, how soon and for how long; and what the caller is told about a request that got lost."""

from __future__ import annotations

import contextlib
import threading
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.client import SERVER_TIME, BitgetClient, Endpoint
from airflow_provider_bitget.api.exceptions import (
    BitgetAccountModeError,
    BitgetAmbiguousError,
    BitgetAuthError,
    BitgetBadRequestError,
    BitgetCallError,
    BitgetClockError,
    BitgetConfigError,
    BitgetGoneError,
    BitgetIpBanError,
    BitgetMaintenanceError,
    BitgetNotSentError,
    BitgetRateLimitError,
    BitgetTransientError,
    BitgetUnknownCodeError,
)
from airflow_provider_bitget.api.rate_limit import LimiterRegistry
from airflow_provider_bitget.api.transport import HttpAnswer
from airflow_provider_bitget.sandbox import Account, Sandbox
from tests.unit.api.wire import (
    CREDENTIALS,
    HTML,
    KEY,
    LOST,
    NEVER_SENT,
    OK,
    PASSPHRASE,
    SECRET,
    START,
    TOO_MANY,
    CrowdTime,
    Outcome,
    Script,
    Sent,
    envelope,
    scripted,
)

READ = Endpoint("GET", "/api/v2/mix/order/orders-pending", limit=10)
ONCE = Endpoint("POST", "/api/v2/mix/order/place-order", limit=10, repeatable=False)
EXPIRED = envelope("40008")
BUSY = envelope("40015")


def timestamps(sent: list[Sent]) -> list[int]:
    return [int(request.headers["ACCESS-TIMESTAMP"]) for request in sent if "ACCESS-TIMESTAMP" in request.headers]


# ------------------------------------------------------------------------------------------------- a fresh attempt


def test_every_attempt_is_signed_anew_with_its_own_time() -> None:
    client, script, _ = scripted(BUSY, HTML, LOST, OK)

    client.call(READ)

    stamps = timestamps(script.sent)
    assert len(set(stamps)) == len({sent.headers["ACCESS-SIGN"] for sent in script.sent}) == 4
    assert stamps == [int((START + sent.moment) * 1000) for sent in script.sent]


@pytest.mark.parametrize("failure", [BUSY, HTML, LOST, NEVER_SENT, HttpAnswer(200, b""), envelope("40725", status=500)])
def test_read_is_repeated_until_there_is_an_answer(failure: Outcome) -> None:
    client, script, _ = scripted(failure, failure, failure, envelope(data={"a": "1"}))

    assert client.call(READ).data == {"a": "1"}
    assert len(script.sent) == 4


def test_pauses_of_a_read_grow_and_stay_below_three_seconds() -> None:
    client, _, clock = scripted(*[BUSY] * 9, OK)

    client.call(READ, budget=Budget(300.0, clock))

    bounds = [0.25, 0.5, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]
    assert len(clock.waits) == len(bounds)
    assert all(bound <= wait <= bound * 1.25 for bound, wait in zip(bounds, clock.waits, strict=True))


def test_attempts_are_bounded_where_asked_for_and_the_last_failure_is_told() -> None:
    client, script, _ = scripted(BUSY, BUSY, HTML, OK)

    with pytest.raises(BitgetAmbiguousError, match="not the exchange's JSON"):
        client.call(READ, attempts=3)

    assert len(script.sent) == 3


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (envelope("43001"), BitgetGoneError),
        (envelope("40009"), BitgetAuthError),
        (envelope("40037"), BitgetAuthError),
        (envelope("40099"), BitgetAuthError),
        (HttpAnswer(401, b""), BitgetAuthError),
        (envelope("40085"), BitgetAccountModeError),
        (envelope("40020"), BitgetBadRequestError),
        (HttpAnswer(404, b""), BitgetBadRequestError),
        (envelope("41114"), BitgetMaintenanceError),
        (envelope("99999"), BitgetUnknownCodeError),
    ],
)
def test_refusal_that_repeating_cannot_mend_is_told_at_once(answer: HttpAnswer, kind: type[BitgetCallError]) -> None:
    client, script, clock = scripted(answer)

    with pytest.raises(kind) as caught:
        client.call(READ)

    assert (len(script.sent), clock.waits, caught.value.maybe_processed) == (1, [], False)


@pytest.mark.parametrize("code", ["40200", "45043"])
def test_a_read_outlasts_an_upgrade_or_a_settlement_and_an_order_does_not_wait_for_it_here(code: str) -> None:
    client, script, _ = scripted(envelope(code), envelope(code), envelope())
    client.call(READ)
    assert len(script.sent) == 3

    client, script, _ = scripted(envelope(code), envelope())
    with pytest.raises(BitgetMaintenanceError):
        client.call(ONCE)
    assert len(script.sent) == 1


# ----------------------------------------------------------------------------------------------------------- 429


@pytest.mark.parametrize("endpoint", [READ, ONCE])
@pytest.mark.parametrize("refusal", [TOO_MANY, HttpAnswer(429, b"<html>"), envelope("429")])
def test_too_many_requests_waits_a_second_and_tries_again_whatever_the_call(
    endpoint: Endpoint, refusal: HttpAnswer
) -> None:
    client, script, _ = scripted(refusal, refusal, OK)

    answer = client.call(endpoint, body={"symbol": "BTCUSDT"}, attempts=2)

    moments = [sent.moment for sent in script.sent]
    assert [later - earlier >= 1.0 for earlier, later in pairwise(moments)] == [True, True]
    assert not answer.maybe_processed


def test_refusals_for_ten_seconds_are_taken_for_a_ban_and_end_the_call() -> None:
    client, script, clock = scripted(TOO_MANY)

    with pytest.raises(BitgetIpBanError, match="five minutes") as caught:
        client.call(READ, budget=Budget(300.0, clock))

    assert 10.0 <= clock.now < 20.0
    assert not caught.value.maybe_processed
    assert max(later.moment - earlier.moment for earlier, later in pairwise(script.sent)) < 2.5


def test_tally_counts_every_request_every_repeat_and_every_429() -> None:
    client, _, clock = scripted(TOO_MANY, BUSY, OK)
    budget = Budget(60.0, clock)

    client.call(READ, budget=budget)
    client.call(READ, budget=budget)

    assert (budget.tally.requests, budget.tally.retries, budget.tally.rate_limited) == (4, 2, 1)


# ------------------------------------------------------------------------------------------------- deadline and stop


FAILURES = st.sampled_from([BUSY, HTML, LOST, NEVER_SENT, TOO_MANY, EXPIRED])


@given(
    outcomes=st.lists(FAILURES, min_size=1, max_size=12),
    seconds=st.floats(0.05, 40.0),
    answer_takes=st.floats(0.0, 15.0),
    timeout=st.floats(0.1, 20.0),
)
def test_deadline_is_never_exceeded_whatever_goes_wrong(
    outcomes: list[Outcome], seconds: float, answer_takes: float, timeout: float
) -> None:
    client, script, clock = scripted(*outcomes, timeout=timeout)
    script.answer_takes = answer_takes

    with pytest.raises((BitgetCallError, BitgetNotSentError)):
        client.call(READ, budget=Budget(seconds, clock))

    assert clock.now <= seconds + 0.01
    for sent in script.sent:
        assert sent.moment < seconds
        assert sent.timeout <= min(timeout, seconds - sent.moment) + 0.001


def test_deadline_that_has_passed_sends_nothing() -> None:
    client, script, clock = scripted(OK)
    budget = Budget(1.0, clock)
    clock.now = 1.0

    with pytest.raises(BitgetNotSentError) as caught:
        client.call(READ, budget=budget)

    assert (caught.value.reason, caught.value.maybe_processed, script.sent) == ("deadline", False, [])


def test_call_without_a_budget_ends_after_a_minute() -> None:
    client, _, clock = scripted(BUSY)

    with pytest.raises(BitgetTransientError):
        client.call(READ)

    assert 40.0 < clock.now <= 60.0


def test_answers_time_after_a_slow_connect_is_what_is_left_of_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []
    monkeypatch.setattr("airflow_provider_bitget.api.client.answer_within", given.append)
    client, script, clock = scripted(OK, timeout=10.0)

    def connect() -> None:
        clock.now += 3.0

    script.connect_first = connect
    client.call(READ, budget=Budget(8.0, clock))

    assert given == [pytest.approx(5.0)]


def test_stop_ends_the_pause_before_a_repeat() -> None:
    client, script, clock = scripted(LOST)
    budget = Budget(60.0, clock)
    clock.meanwhile = budget.stop

    with pytest.raises(BitgetNotSentError) as caught:
        client.call(READ, budget=budget)

    assert (caught.value.reason, len(script.sent)) == ("stopped", 1)
    # The lost request is not forgotten over the stop.
    assert caught.value.maybe_processed


def test_stop_before_a_call_sends_nothing() -> None:
    client, script, clock = scripted(OK)
    budget = Budget(60.0, clock)
    budget.stop()

    with pytest.raises(BitgetNotSentError, match="stop"):
        client.call(READ, budget=budget)

    assert script.sent == []


def test_stop_wakes_a_thread_that_waits_before_a_repeat() -> None:
    client = BitgetClient(CREDENTIALS, transport=scripted(BUSY)[1], limiters=LimiterRegistry())
    budget = Budget(60.0)
    raised: list[BaseException] = []
    slow = Endpoint("GET", READ.path, limit=10, pause=30.0)

    def worker() -> None:
        try:
            client.call(slow, budget=budget)
        except BitgetNotSentError as error:
            raised.append(error)

    thread = threading.Thread(target=worker)
    thread.start()
    while budget.tally.requests == 0:
        thread.join(0.005)
    budget.stop()
    thread.join(5)

    assert [str(error) for error in raised] == ["a stop was asked for before the request was sent"]


def test_part_of_a_budget_ends_earlier_and_shares_stop_and_tally() -> None:
    _, _, clock = scripted(OK)
    whole = Budget(10.0, clock)
    part = whole.share(reserve=4.0)

    assert (whole.remaining(), part.remaining()) == (10.0, 6.0)
    part.tally.count(requests=2)
    whole.stop()
    assert part.stopped
    assert whole.tally.requests == 2


def test_exception_that_airflow_raises_in_the_thread_passes_through_untouched() -> None:
    class TaskTimeout(BaseException):
        """As Airflow's: no Exception, so that nobody swallows it."""

    timeout = TaskTimeout("timed out")
    client, script, _ = scripted(timeout, OK)

    with pytest.raises(TaskTimeout) as caught:
        client.call(READ)

    assert caught.value is timeout
    assert len(script.sent) == 1
    assert client.call(READ).data is None


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), RuntimeError("not ours")])
def test_exception_that_is_not_ours_is_never_repeated(error: BaseException) -> None:
    client, script, _ = scripted(error, OK)

    with pytest.raises(type(error)):
        client.call(READ)

    assert len(script.sent) == 1


# ---------------------------------------------------------------------------------------- may have been carried out


@pytest.mark.parametrize("lost", [LOST, HTML, HttpAnswer(200, b'{"code":"000'), envelope("40010"), BUSY])
def test_success_after_a_lost_answer_says_that_the_first_try_may_have_counted(lost: Outcome) -> None:
    client, _, _ = scripted(lost, OK)

    assert client.call(READ).maybe_processed


@pytest.mark.parametrize("certain", [NEVER_SENT, TOO_MANY, EXPIRED])
def test_success_after_a_request_that_was_never_processed_is_certain(certain: Outcome) -> None:
    client, _, _ = scripted(certain, OK)

    assert not client.call(READ).maybe_processed


def test_refusal_after_a_lost_answer_keeps_the_doubt() -> None:
    client, _, _ = scripted(LOST, envelope("43001"))

    with pytest.raises(BitgetGoneError) as caught:
        client.call(READ)

    assert caught.value.maybe_processed


@pytest.mark.parametrize("lost", [LOST, HTML, envelope("40010"), BUSY, envelope("99999", status=503)])
def test_call_that_must_not_happen_twice_is_not_repeated_after_an_unclear_answer(lost: Outcome) -> None:
    client, script, _ = scripted(lost, OK)

    with pytest.raises(BitgetCallError) as caught:
        client.call(ONCE, body={})

    assert len(script.sent) == 1
    assert caught.value.maybe_processed


def test_call_that_must_not_happen_twice_is_repeated_where_no_connection_was_made() -> None:
    client, script, _ = scripted(NEVER_SENT, NEVER_SENT, TOO_MANY, OK)

    assert not client.call(ONCE, body={}).maybe_processed
    assert len(script.sent) == 4


def test_call_that_must_not_happen_twice_stops_at_the_first_doubt_after_safe_repeats() -> None:
    client, script, _ = scripted(NEVER_SENT, TOO_MANY, LOST, OK)

    with pytest.raises(BitgetAmbiguousError) as caught:
        client.call(ONCE, body={})

    assert len(script.sent) == 3
    assert caught.value.maybe_processed


# --------------------------------------------------------------------------------------------------------- the clock


def times(seconds: float) -> HttpAnswer:
    return envelope(data={"serverTime": str(int((START + seconds) * 1000))})


def test_refused_timestamp_is_mended_by_one_look_at_the_exchanges_clock() -> None:
    client, script, _ = scripted(EXPIRED, times(60.0), OK)

    client.call(READ)

    assert [sent.path for sent in script.sent] == [READ.path, SERVER_TIME.path, READ.path]
    assert timestamps(script.sent)[-1] == pytest.approx((START + 60.0) * 1000, abs=5)


def test_later_calls_keep_the_exchanges_time() -> None:
    client, script, _ = scripted(EXPIRED, times(-60.0), OK, OK)

    client.call(READ)
    client.call(READ)

    assert timestamps(script.sent)[1:] == [pytest.approx((START - 60.0) * 1000, abs=5)] * 2


def test_timestamp_that_is_refused_again_is_fatal() -> None:
    client, script, _ = scripted(EXPIRED, times(60.0), EXPIRED, OK)

    with pytest.raises(BitgetClockError, match="check this machine's clock") as caught:
        client.call(READ)

    assert caught.value.code == "40008"
    assert len(script.sent) == 3


@pytest.mark.parametrize(
    "answer",
    [
        HttpAnswer(200, b'{"code":"00000","data":{"serverTime":"soon"}}'),
        HttpAnswer(200, b'{"code":"00000","data":{}}'),
        HttpAnswer(200, b'{"code":"00000","data":[]}'),
        HttpAnswer(200, b'{"code":"00000","data":{"serverTime":"\xc2\xb2"}}'),
        envelope("40404"),
        EXPIRED,
        HttpAnswer(404, b""),
    ],
)
def test_clock_that_cannot_be_read_leaves_ours_alone_and_is_asked_again(answer: HttpAnswer) -> None:
    client, script, clock = scripted(EXPIRED, answer, OK, OK)

    with contextlib.suppress(BitgetClockError):
        client.call(READ)
    client.call(READ)

    assert timestamps(script.sent)[-1] == int(clock.time() * 1000)


def test_time_is_read_from_the_envelope_where_the_data_has_none() -> None:
    client, _, _ = scripted(HttpAnswer(200, b'{"code":"00000","requestTime":1767225661000,"data":null}'))

    assert client.server_time() == 1_767_225_661


def test_clock_that_is_set_while_a_client_is_at_work_is_mended_again() -> None:
    """A sensor waits for hours; the machine's clock is corrected meanwhile."""
    client, script, _ = scripted(EXPIRED, times(60.0), OK, EXPIRED, times(5.0), OK)

    client.call(READ)
    client.call(READ)

    assert [sent.path for sent in script.sent].count(SERVER_TIME.path) == 2
    assert timestamps(script.sent)[-1] == pytest.approx((START + 5.0) * 1000, abs=5)


def test_single_attempt_stays_single_when_the_clock_is_off() -> None:
    client, script, _ = scripted(EXPIRED, times(60.0), OK)

    with pytest.raises(BitgetClockError, match="clock"):
        client.call(READ, attempts=1)

    assert [sent.path for sent in script.sent] == [READ.path]


def test_many_threads_compare_the_clocks_once() -> None:
    clock = CrowdTime()
    lock = threading.Lock()
    seen: list[str] = []

    class Exchange(Script):
        def send(self, method: str, target: str, **request: object) -> HttpAnswer:
            headers = request["headers"]
            assert isinstance(headers, dict)
            with lock:
                seen.append(target)
            clock.wait(0.3, threading.Event())
            if target == SERVER_TIME.path:
                return envelope(data={"serverTime": str(int((clock.time() + 90.0) * 1000))})
            off = int(headers["ACCESS-TIMESTAMP"]) / 1000 - (clock.time() + 90.0)
            return OK if abs(off) < 30.0 else EXPIRED

    client = BitgetClient(
        CREDENTIALS,
        clock=clock,
        transport=Exchange(clock, [OK]),  # type: ignore[arg-type]
        limiters=LimiterRegistry(clock),
    )
    done: list[bool] = []

    def worker() -> None:
        client.call(READ, budget=Budget(60.0, clock))
        done.append(True)

    threads = 8
    clock.run([worker] * threads)

    assert len(done) == threads
    assert seen.count(SERVER_TIME.path) == 1
    assert seen.count(READ.path) == 2 * threads


def test_answers_tell_the_exchanges_time_without_asking_for_it() -> None:
    client, _, clock = scripted(HttpAnswer(200, b'{"code":"00000","requestTime":%d}' % ((START + 7) * 1000)))
    client.call(READ)
    clock.now += 1.0

    assert client.exchange_time() == pytest.approx(START + 8.0)


@pytest.mark.parametrize("offset", [60.0, -60.0])
def test_clock_a_minute_off_costs_one_look_and_nothing_else_on_the_wire(offset: float) -> None:
    with Sandbox(accounts=[Account(KEY, SECRET, PASSPHRASE, "1")], clock_offset=offset) as sandbox:
        client = BitgetClient(CREDENTIALS, base_url=sandbox.url, limiters=LimiterRegistry())
        for _ in range(3):
            client.call(READ, params=[("productType", "USDT-FUTURES")])
        client.close()
        codes = [(record.path.rsplit("/", 1)[-1], record.code) for record in sandbox.requests]

    assert codes == [
        ("orders-pending", "40008"),
        ("time", "00000"),
        ("orders-pending", "00000"),
        ("orders-pending", "00000"),
        ("orders-pending", "00000"),
    ]


# ------------------------------------------------------------------------------------------------------ 40808 and co


def test_code_that_is_busy_or_bad_input_is_repeated_twice_and_then_taken_for_bad_input() -> None:
    client, script, _ = scripted(envelope("40808"))

    with pytest.raises(BitgetBadRequestError) as caught:
        client.call(READ)

    assert len(script.sent) == 3
    assert caught.value.code == "40808"


def test_other_failures_before_it_do_not_use_up_its_two_repeats() -> None:
    doubtful = envelope("40808")
    client, script, _ = scripted(LOST, BUSY, HTML, doubtful, doubtful, OK)

    assert client.call(READ).data is None
    assert len(script.sent) == 6


def test_same_order_is_not_cancelled_again_within_a_second() -> None:
    from airflow_provider_bitget.api.classic import BATCH_CANCEL

    client, script, _ = scripted(envelope("45129"), LOST, OK)

    client.call(
        BATCH_CANCEL,
        body={"productType": "USDT-FUTURES", "symbol": "BTCUSDT", "orderIdList": [{"orderId": "1"}]},
    )

    moments = [sent.moment for sent in script.sent]
    assert min(later - earlier for earlier, later in pairwise(moments)) > 1.0


def test_refused_429_at_the_first_of_one_attempt_is_told_and_not_waited_for() -> None:
    client, script, clock = scripted(TOO_MANY)

    with pytest.raises(BitgetRateLimitError):
        client.call(READ, attempts=1)

    assert (len(script.sent), clock.waits) == (1, [])


# ------------------------------------------------------------------------------------------------------------- paths


@pytest.mark.parametrize(
    "path",
    [
        "/api/v2/mix/order/orders-pending/",
        "/api/v2//mix",
        "/api/v2/../x",
        "/api/v2/x?y=1",
        "//example.com/api/v2/x",
        "",
    ],
)
def test_path_that_is_not_plain_is_never_sent_whoever_asks(path: str) -> None:
    client, script, _ = scripted(OK)

    with pytest.raises(BitgetConfigError):
        client.call(Endpoint("GET", path, limit=10))

    assert script.sent == []


def test_client_shows_its_host_and_nothing_else() -> None:
    client, _, _ = scripted(OK)

    assert repr(client) == "BitgetClient('https://api.bitget.com')"


def test_successes_of_signed_calls_are_counted() -> None:
    client, _, _ = scripted(OK, times(0.0), envelope("43001"))
    client.call(READ)
    client.server_time()
    with pytest.raises(BitgetGoneError):
        client.call(READ)

    assert client.signed_successes == 1
