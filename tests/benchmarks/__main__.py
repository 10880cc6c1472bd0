# SPDX-License-Identifier: Apache-2.0
"""Run the benchmark.

::

    make bench
    make bench BENCH_ARGS=--quick
    make bench BENCH_ARGS="--only unified"
    make bench BENCH_ARGS="--only flatten"
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.benchmarks.cell import ClientFailedError
from tests.benchmarks.faults import measure_faults
from tests.benchmarks.flatten import measure_flatten
from tests.benchmarks.page import facts_of_this_run, flatten_page_of, page_of
from tests.benchmarks.speed import measure_speed
from tests.benchmarks.unified import measure_unified

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
PAGE: Final = DOCS / "benchmarks.md"
FLATTEN_PAGE: Final = DOCS / "benchmarks-flatten.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    :param arguments: what follows the program's name; the process's own by default.
    :return: the exit status; a bar that is not met does not change it.
    """
    options = _parser().parse_args(arguments)
    if options.only in (None, "flatten"):
        page = flatten_page_of(measure_flatten(), facts_of_this_run())
        _publish(page, None if options.quick else FLATTEN_PAGE)
    if options.only == "flatten":
        return 0
    try:
        measurements = measure_speed(quick=options.quick) if options.only in (None, "speed") else []
        unified = measure_unified(quick=options.quick) if options.only in (None, "unified") else []
        findings = measure_faults(quick=options.quick) if options.only in (None, "faults") else []
    except ClientFailedError as error:
        print(error, file=sys.stderr)
        return 1
    others = () if options.only == "unified" else ("ccxt",)
    page = page_of(measurements, unified, findings, facts_of_this_run(*others))
    _publish(page, options.write or (None if options.quick or options.only else PAGE))
    return 0


def _publish(page: str, target: Path | None) -> None:
    print(page)
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="Measure this provider beside ccxt on the sandbox. Takes about 25 minutes.",
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="a few cells only, about a minute; writes no file unless told to")
    add(
        "--only",
        choices=("speed", "unified", "faults", "flatten"),
        help="one of the tables; of these only flatten writes its page",
    )
    add("--write", type=Path, metavar="FILE", help="where the page beside ccxt goes (default: docs/benchmarks.md)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
