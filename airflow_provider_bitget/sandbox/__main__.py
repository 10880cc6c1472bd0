# SPDX-License-Identifier: Apache-2.0
"""The sandbox on the command line: start one, or look at the books of one that runs.

::

    python -m airflow_provider_bitget.sandbox --port 8787 --orders 230
    python -m airflow_provider_bitget.sandbox --port 8787 --orders 230 --account unified
    python -m airflow_provider_bitget.sandbox books --url http://127.0.0.1:8787
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import urllib.error
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any

from airflow_provider_bitget.sandbox.accounts import ACCOUNT_MODES
from airflow_provider_bitget.sandbox.control import SandboxControl
from airflow_provider_bitget.sandbox.parameters import PRODUCT_TYPES
from airflow_provider_bitget.sandbox.rules import CHOICES
from airflow_provider_bitget.sandbox.sandbox import Sandbox
from airflow_provider_bitget.sandbox.venue import DEFAULT_PRODUCT_TYPE, DEFAULT_SYMBOLS

PROGRAM = "python -m airflow_provider_bitget.sandbox"
DEFAULT_PORT = 8787
COLUMNS = ("productType", "symbol", "open", "partially_filled", "filled", "cancelled")
# Rows have these as soon as the sandbox had a plan order or a position.
WIDE_COLUMNS = ("plan_orders", "positions")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    :param arguments: what follows the program's name; the process's own by default.
    :return: the exit status.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["books"]:
        return _show_books(_books_parser().parse_args(words[1:]))
    return _serve(_serve_parser().parse_args(words))


def _serve_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Run a stand-in for the Bitget futures exchange on 127.0.0.1.",
        epilog=f"'{PROGRAM} books' prints the books of a running one.",
    )
    add = parser.add_argument
    add("--port", type=int, default=DEFAULT_PORT, help="port, 0 for a free one (default %(default)s)")
    add("--orders", type=int, default=0, help="open orders to begin with (default %(default)s)")
    add("--symbols", default=",".join(DEFAULT_SYMBOLS), help="their symbols (default %(default)s)")
    add("--product-type", default=DEFAULT_PRODUCT_TYPE, choices=PRODUCT_TYPES, help="default %(default)s")
    add("--latency-ms", type=float, default=0.0, help="round trip in milliseconds (default 0)")
    add("--jitter-ms", type=float, default=0.0, help="up to so many milliseconds more on the way (default 0)")
    add("--connection-round-trips", type=float, default=0.0, help="extra round trips per new connection")
    add("--limiter", default="sliding", choices=CHOICES["limiter"], help="shape of the limit")
    add("--demo", action="store_true", help="the account is a demo trading account")
    add("--account", default="classic", choices=ACCOUNT_MODES, help="kind of account (default %(default)s)")
    add("--accounts", type=int, default=1, help="how many accounts (default 1)")
    add("--clock-offset", type=float, default=0.0, help="seconds that the exchange's clock is ahead")
    add("--seed", type=int, default=0, help="seed of everything random (default 0)")
    return parser


def _books_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"{PROGRAM} books", description="Print a running sandbox's books.")
    parser.add_argument("--url", default=f"http://127.0.0.1:{DEFAULT_PORT}", help="default %(default)s")
    parser.add_argument("--json", action="store_true", help="as JSON")
    return parser


def _serve(options: argparse.Namespace) -> int:
    try:
        sandbox = Sandbox(
            port=options.port,
            orders=options.orders,
            symbols=[symbol.strip() for symbol in options.symbols.split(",") if symbol.strip()],
            product_type=options.product_type,
            latency=options.latency_ms / 1000,
            jitter=options.jitter_ms / 1000,
            connection_round_trips=options.connection_round_trips,
            demo=options.demo,
            accounts=options.accounts,
            account_mode=options.account,
            limiter=options.limiter,
            clock_offset=options.clock_offset,
            seed=options.seed,
        )
        sandbox.start()
    except (ImportError, OSError, OverflowError, ValueError) as error:
        print(f"The sandbox cannot start: {error}", file=sys.stderr)
        return 1
    try:
        stopped = _stopped_by_signal()
        _introduce(sandbox, options.orders)
        stopped.wait()
    finally:
        sandbox.stop()
    return 0


def _introduce(sandbox: Sandbox, orders: int) -> None:
    """Print the connection, alone on the first line so that a program can read it."""
    print(sandbox.connection_json)
    print(f"export AIRFLOW_CONN_BITGET_DEFAULT='{sandbox.connection_json}'")
    kind = "" if sandbox.accounts[0].mode == "classic" else " (unified account)"
    print(f"A stand-in for Bitget futures{kind} listens at {sandbox.url} with {orders} open orders.")
    print("The key and the secret above belong to this sandbox only and open nothing else.")
    print(f"Its books: {PROGRAM} books --url {sandbox.url}    Stop it with Ctrl-C.", flush=True)


def _stopped_by_signal() -> threading.Event:
    """Return an event that Ctrl-C or a polite kill sets."""
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    return stopped


def _show_books(options: argparse.Namespace) -> int:
    try:
        books = SandboxControl(options.url).books()
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        print(f"No sandbox can be asked at {options.url}: {reason}", file=sys.stderr)
        return 1
    print(json.dumps(books) if options.json else table_of(books))
    return 0


def table_of(books: Sequence[Mapping[str, Any]]) -> str:
    """Return the books as a table with a line of totals.

    :param books: rows as :meth:`Exchange.books` returns them.
    """
    several = len({row["account"] for row in books}) > 1
    wide = bool(books) and all(column in books[0] for column in WIDE_COLUMNS)
    counts = (*COLUMNS[2:], *WIDE_COLUMNS) if wide else COLUMNS[2:]
    columns = (*(("account",) if several else ()), *COLUMNS[:2], *counts)
    rows = [[str(row[column]) for column in columns] for row in books]
    totals = [str(sum(row[column] for row in books)) for column in counts]
    rows.append(["total", *[""] * (len(columns) - len(counts) - 1), *totals])
    widths = [max(len(line[place]) for line in [list(columns), *rows]) for place in range(len(columns))]
    names = len(columns) - len(counts)
    return "\n".join(_line(line, widths, names) for line in [list(columns), *rows])


def _line(cells: Sequence[str], widths: Sequence[int], names: int) -> str:
    """Return a line of a table, names to the left and numbers to the right."""
    left = [cell.ljust(width) for cell, width in zip(cells[:names], widths[:names], strict=True)]
    right = [cell.rjust(width) for cell, width in zip(cells[names:], widths[names:], strict=True)]
    return "  ".join([*left, *right]).rstrip()


if __name__ == "__main__":
    sys.exit(main())
