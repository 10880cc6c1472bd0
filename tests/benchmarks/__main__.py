# SPDX-License-Identifier: Apache-2.0
"""Run the benchmark.

::

    make bench
    make bench BENCH_ARGS=--quick
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.benchmarks.cell import ClientFailedError
from tests.benchmarks.faults import measure_faults
from tests.benchmarks.page import facts_of_this_run, page_of
from tests.benchmarks.speed import measure_speed

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    :param arguments: what follows the program's name; the process's own by default.
    :return: the exit status; a bar that is not met does not change it.
    """
    options = _parser().parse_args(arguments)
    try:
        measurements = [] if options.only == "faults" else measure_speed(quick=options.quick)
        findings = [] if options.only == "speed" else measure_faults(quick=options.quick)
    except ClientFailedError as error:
        print(error, file=sys.stderr)
        return 1
    page = page_of(measurements, findings, facts_of_this_run())
    print(page)
    target = options.write or (None if options.quick or options.only else PAGE)
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="Measure this provider beside ccxt on the sandbox. Takes about 20 minutes.",
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="a few cells only, about a minute; writes no file unless told to")
    add("--only", choices=("speed", "faults"), help="one of the two tables; writes no file unless told to")
    add("--write", type=Path, metavar="FILE", help="where the page goes (default for a whole run: docs/benchmarks.md)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
