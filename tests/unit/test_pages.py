# SPDX-License-Identifier: Apache-2.0
"""The pages that are written from the code say what the code says."""

from __future__ import annotations

from airflow_provider_bitget.api.error_codes import ERROR_CODES
from tests.pages.error_codes import PAGE, error_code_page


def test_page_of_error_codes_is_what_the_table_says() -> None:
    assert PAGE.read_text() == error_code_page(), "run `make pages`"


def test_every_code_has_a_row() -> None:
    page = error_code_page()
    assert [code for code in ERROR_CODES if f"\n| {code} | " not in page] == []
