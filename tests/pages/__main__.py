# SPDX-License-Identifier: Apache-2.0
"""Write the pages: ``make pages``."""

from __future__ import annotations

from tests.pages.error_codes import PAGE, error_code_page

if __name__ == "__main__":
    PAGE.write_text(error_code_page())
