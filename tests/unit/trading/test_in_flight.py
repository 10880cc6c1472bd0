# SPDX-License-Identifier: Apache-2.0
"""What ends the requests of one run, and what that means to a larger run whose deadline and stop it shares."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from airflow_provider_bitget.api.budget import Budget
from airflow_provider_bitget.api.error_codes import ErrorCategory
from airflow_provider_bitget.api.exceptions import (
    BitgetAmbiguousError,
    BitgetAuthError,
    BitgetConfigError,
    BitgetError,
    BitgetIpBanError,
    BitgetNotSentError,
)
from airflow_provider_bitget.trading.in_flight import InFlight
from tests.unit.trading.market import Market, OneAtATime

AMBIGUOUS = BitgetAmbiguousError("cut off", category=ErrorCategory.AMBIGUOUS)
BANNED = BitgetIpBanError("banned", category=ErrorCategory.RATE_LIMIT, code="429")
WRONG_SIGNATURE = BitgetAuthError("sign signature error", category=ErrorCategory.AUTH, code="40009")
WRONG_KEY = BitgetAuthError("wrong key", category=ErrorCategory.AUTH, code="40012")


def in_flight(market: Market, budget: Budget | None = None) -> InFlight:
    budget = budget or Budget(60, market.client.clock)
    workers = OneAtATime().on(market.clock)
    return InFlight(workers, budget, market.client, on_wait=lambda: None, on_abandon=lambda _: None)


def test_a_deadline_that_comes_while_waiting_is_no_stop_to_the_larger_run(market: Market) -> None:
    """What the larger run asks next must hear of the deadline, not of a stop that nobody asked for."""
    budget = Budget(5, market.client.clock)
    requests = in_flight(market, budget)
    with pytest.raises(BitgetNotSentError, match="deadline") as missed:
        requests.pause(60)
    requests.end(missed.value)
    requests.drain(_take_nothing)
    assert not budget.stopped
    with pytest.raises(BitgetNotSentError, match="deadline"):
        budget.check()


@pytest.mark.parametrize("error", [WRONG_KEY, BANNED], ids=lambda error: type(error).__name__)
def test_what_makes_every_request_pointless_stops_the_larger_run(market: Market, error: BitgetError) -> None:
    budget = Budget(60, market.client.clock)
    requests = in_flight(market, budget)
    assert requests.result_of_read(None, error) is None
    assert budget.stopped
    assert requests.fatal is error


def test_a_read_that_failed_for_itself_ends_nothing(market: Market) -> None:
    budget = Budget(60, market.client.clock)
    assert in_flight(market, budget).result_of_read([1], AMBIGUOUS) is None
    assert not budget.stopped


@pytest.mark.parametrize(("successes", "is_stopped"), [(0, True), (1, False)])
def test_a_wrong_signature_is_about_one_request_once_another_was_right(
    market: Market, successes: int, is_stopped: bool
) -> None:
    budget = Budget(60, market.client.clock)
    market.client.signed_successes = successes
    in_flight(market, budget).result_of_read(None, WRONG_SIGNATURE)
    assert budget.stopped is is_stopped


def test_a_mistake_of_ours_is_not_taken_for_a_failed_read(market: Market) -> None:
    with pytest.raises(ValueError, match="a bug"):
        in_flight(market).result_of_read(None, ValueError("a bug"))


def test_a_read_that_an_argument_makes_impossible_ends_the_run_for_good(market: Market) -> None:
    budget = Budget(60, market.client.clock)
    requests, error = in_flight(market, budget), BitgetConfigError("an argument is wrong")

    assert requests.result_of_read(None, error) is None

    assert requests.fatal is error
    assert requests.is_hopeless
    assert budget.stopped


def test_every_result_is_handed_over_with_what_its_job_carried(market: Market) -> None:
    requests = in_flight(market)
    taken: list[tuple[Any, Any]] = []
    for number in range(5):
        requests.submit(partial(pow, number, 2), number)
    requests.collect(lambda carried, result, _error: taken.append((carried, result)))
    assert taken == [(number, number**2) for number in range(5)]


def _take_nothing(_carried: Any, _result: Any, _error: BaseException | None) -> None:
    raise AssertionError("nothing was under way")
