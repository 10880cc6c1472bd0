# SPDX-License-Identifier: Apache-2.0
"""The table of tested versions in ``docs/versions.md``, written by ``make matrix`` from what its cells have left.

A cell that did not run, for example because there is no such Python, has a row that says so.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.matrix.cells import CELLS, Cell

REPOSITORY: Final = Path(__file__).resolve().parents[2]
BEGIN: Final = "<!-- Written by `make matrix`. -->"
END: Final = "<!-- The end of what `make matrix` writes. -->"


def with_table(page: str, results: Path) -> str:
    """Return a page with the table between its marks.

    :param page: the page's text.
    :param results: the folder in which the cells have left what they ran.
    """
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{''.join(_lines(results))}{END}{after}"


def failed_in(report: dict[str, Any]) -> list[str]:
    """Return the cells that failed, from nox's own account; one that was not run for want of a Python did not."""
    return [
        re.sub(r"^airflow\w*\((.+)\)$", r"\1", session["signatures"][0])
        for session in report["sessions"]
        if session["result"] not in ("success", "skipped")
    ]


def _lines(results: Path) -> Iterator[str]:
    yield "| Airflow | Python | tests |\n|---|---|---|\n"
    for cell in CELLS:
        yield _row(cell, results / f"{cell.name}.json")


def _row(cell: Cell, result: Path) -> str:
    if not result.exists():
        return f"| {cell.airflow} | {cell.python} | not run |\n"
    ran = json.loads(result.read_text())
    scope = "all" if ran["all"] else "all but those named above"
    skipped = f", {ran['skipped']} skipped" if ran["skipped"] else ""
    return f"| {ran['airflow']} | {ran['python']} | {scope}: {ran['ran']} passed{skipped} |\n"


def main(nox_report: str, results: str) -> int:
    """Write the table, unless a cell failed."""
    failed = failed_in(json.loads(Path(nox_report).read_text()))
    if failed:
        sys.stderr.write(f"The table was not written. Failed: {', '.join(failed)}\n")
        return 1
    page = REPOSITORY / "docs" / "versions.md"
    page.write_text(with_table(page.read_text(), Path(results)))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
