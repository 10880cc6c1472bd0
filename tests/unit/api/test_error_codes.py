# SPDX-License-Identifier: Apache-2.0
"""Every code that the exchange is known to answer means something, and the meaning is written down once."""

from __future__ import annotations

import pytest

from airflow_provider_bitget.api.error_codes import ERROR_CODES, HINTS, ErrorCategory, describe
from airflow_provider_bitget.api.exceptions import (
    ERROR_CLASSES,
    BitgetAccountModeError,
    BitgetAuthError,
    BitgetCallError,
    BitgetClockError,
    BitgetGoneError,
    BitgetRateLimitError,
    BitgetTransientError,
)

# Typed in from the exchange's tables, not derived from ours.
EXPECTED = {
    ErrorCategory.GONE: """
        22001 43001 43004 40768 40109 43025 43026 43020 43021 43033 45057 45031 45055 50062
        31007 31054 80011 40819 22002 43043 40838 40755 40757 43023 45003 45006 40709
        25204 25227 25601 25597 25575 25577 25578 24056 25226 25231 25596 25598
    """,
    ErrorCategory.RATE_LIMIT: "429 50009 1001 25004",
    ErrorCategory.TRANSIENT: """
        40015 45001 40808 40908 45129 50031 80002 49040 43059 70228 22045 25209 45023 45024 40604 32003
        25000 25003 25113 25114 25239 25653 25576 25572 25210 25222
    """,
    ErrorCategory.AMBIGUOUS: "40010 40725 40910 25001",
    ErrorCategory.CLOCK: "40008 40004 40005 40078",
    ErrorCategory.AUTH: """
        40001 40002 40003 40006 40009 40011 40012 40036 40037 40041 40014 40040 40018 40038 22010 40086 40099
        25620 40022 40023 40024 40025 40026 40061 40068 40199 40000 40103 40104 40027 40035 40101 40111 40016
        40110 22030 25005
    """,
    ErrorCategory.ACCOUNT_MODE: "40085 40084 40731 25245",
    ErrorCategory.BAD_REQUEST: """
        00171 00172 400171 400172 40007 40017 40019 40020 40034 40053 40057 40058 40059 40064
        40072 40102 40309 22012 40402 40404 40724 40811 40812 40813 40913 40924 40912 40306 40304 40305
        40774 43075 45020 45021 45109 40786 43118 45034 30032 43011 40079 40108 50003 25236
        25002 25100 25104 25200 25212 25237 25238 25240
    """,
    ErrorCategory.ACCOUNT_RISK: """
        45009 40931 45108 45107 40753 40916 40710 40013 40760 22043 22044 22067 22041 25008 25012 95001
        40939 25232 40754 40762 43012 45002 40746 40867 40888 45104 40711 40712 22035
        25006 25007 25013 25105 25202 25203 25208 25211 25224 25225 25233 25242
    """,
    ErrorCategory.MAINTENANCE: """
        40200 40308 40844 40845 41113 41114 43115 45043 43119 43120 25101 25102 25106 25103 25108
    """,
}
PAIRS = [(code, category) for category, codes in EXPECTED.items() for code in codes.split()]
CONTRADICTED = ["40010", "40002", "43025", "40108", "50003", "40024", "40808", "40109", "40306", "40725", "25224"]


@pytest.mark.parametrize(("code", "category"), PAIRS)
def test_known_code_is_understood(code: str, category: ErrorCategory) -> None:
    row = describe(code)

    assert (row.code, row.category) == (code, category)
    assert row.reason


def test_table_holds_the_listed_codes_and_no_other() -> None:
    assert sorted(ERROR_CODES) == sorted(code for code, _ in PAIRS)


def test_no_code_stands_in_the_table_twice() -> None:
    from airflow_provider_bitget.api.error_codes import _ROWS

    assert len({row.code for row in _ROWS}) == len(_ROWS)


@pytest.mark.parametrize("code", CONTRADICTED)
def test_code_on_which_sources_disagree_says_so(code: str) -> None:
    assert describe(code).note


@pytest.mark.parametrize("code", ["99999", "", "0", "00000", "43001 ", "\uff14\uff13\uff10\uff10\uff11"])
def test_unknown_code_is_taken_for_no_known_one(code: str) -> None:
    row = describe(code)

    assert (row.code, row.category) == (code, ErrorCategory.UNKNOWN)
    assert row.reason


def test_every_category_has_an_exception_of_its_own() -> None:
    assert set(ERROR_CLASSES) == set(ErrorCategory)
    assert len(set(ERROR_CLASSES.values())) == len(ErrorCategory)
    assert all(issubclass(kind, BitgetCallError) for kind in ERROR_CLASSES.values())


def test_exceptions_can_be_caught_by_what_a_caller_would_do_about_them() -> None:
    assert issubclass(BitgetRateLimitError, BitgetTransientError)
    assert issubclass(BitgetAccountModeError, BitgetAuthError)
    assert issubclass(BitgetClockError, BitgetAuthError)
    assert not issubclass(BitgetGoneError, BitgetTransientError)


def test_only_the_code_that_may_be_genuine_bad_input_has_a_bound_of_its_own() -> None:
    assert {row.code: row.repeats for row in ERROR_CODES.values() if row.repeats is not None} == {"40808": 2}


@pytest.mark.parametrize("code", ["40020", "43001", "40402", "400172", "40017", "43011"])
def test_code_that_may_be_about_one_order_lets_its_batch_be_split(code: str) -> None:
    assert not describe(code).whole_scope


@pytest.mark.parametrize("code", ["22012", "40309", "45009", "40200", "30032"])
def test_code_about_the_whole_scope_is_marked_as_such(code: str) -> None:
    assert describe(code).whole_scope


@pytest.mark.parametrize(
    ("code", "field"),
    [
        ("40006", "login"),
        ("40037", "login"),
        ("40009", "password"),
        ("40012", "passphrase"),
        ("40036", "passphrase"),
        ("40011", "passphrase"),
        ("40099", "demo_trading"),
        ("40085", "account_mode"),
        ("40084", "account_mode"),
        ("25245", "account_mode"),
        ("40731", "account_mode"),
        ("25225", "stops"),
        ("40008", "clock"),
    ],
)
def test_hint_names_the_field_to_look_at(code: str, field: str) -> None:
    assert field in HINTS[code]


def test_hints_belong_to_known_codes() -> None:
    assert set(HINTS) <= set(ERROR_CODES)
