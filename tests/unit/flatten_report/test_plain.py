# SPDX-License-Identifier: Apache-2.0
"""Values of unknown origin: what fits is read, what does not reads as nothing, and nothing raises."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_bitget.flatten_report.plain import decimal_of, iso_of, moment_of, rows_of, text_of, whole_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (" BTCUSDT ", "BTCUSDT"),
        ("two\nlines\x00", "two lines"),
        ("left\u202eright", "left right"),
        ("half \ud800", "half"),
        ("x" * 501, "x" * 500),
        (7, "7"),
        (30.0, "30"),
        (Decimal("0.50"), "0.5"),
        (True, ""),
        (None, ""),
        pytest.param(10**5000, "", id="5,000 digits"),
        (float("nan"), ""),
        (["BTCUSDT"], ""),
    ],
)
def test_text_is_one_printable_line(value: Any, text: str) -> None:
    assert text_of(value) == text


@pytest.mark.parametrize(
    "value",
    [
        "nan",
        "inf",
        "1e999999999",
        "1e99999999999999999999",
        "",
        "12,5",
        True,
        None,
        pytest.param(10**5000, id="5,000 digits"),
    ],
)
def test_number_beyond_reason_is_none(value: Any) -> None:
    assert decimal_of(value) is None


@pytest.mark.parametrize(("value", "number"), [(0, 0), (3, 3), (-1, None), (True, None), (1.0, None), ("3", None)])
def test_count_is_a_whole_number_from_zero_on(value: Any, number: int | None) -> None:
    assert whole_of(value) == number


@pytest.mark.parametrize(
    "value",
    ["2026-11-23T23:55:00Z", "2026-11-24T07:55:00+08:00", 1_795_478_100, datetime(2026, 11, 23, 23, 55)],  # noqa: DTZ001 - taken for UTC
)
def test_moment_is_read_in_utc(value: Any) -> None:
    assert moment_of(value) == datetime(2026, 11, 23, 23, 55, tzinfo=UTC)
    assert iso_of(moment_of(value)) == "2026-11-23T23:55:00Z"


@pytest.mark.parametrize("value", ["", "yesterday", float("inf"), 1e300, True, None, "0001-01-01T00:00:00+14:00"])
def test_what_is_no_moment_is_none(value: Any) -> None:
    assert moment_of(value) is None
    assert iso_of(None) == ""


def test_rows_are_the_mappings_of_a_list() -> None:
    assert rows_of([{"a": 1}, "b", None, {"c": 2}]) == [{"a": 1}, {"c": 2}]
    assert rows_of({"a": 1}) == rows_of("text") == rows_of(None) == []
