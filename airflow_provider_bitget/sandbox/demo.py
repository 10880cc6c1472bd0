# SPDX-License-Identifier: Apache-2.0
"""``make demo``: the example DAG flattens an account of the sandbox through Airflow, and the books are compared.

Everything it starts, it stops; what Airflow writes lies in one temporary folder, which it removes. The page and the
report stay, in ``flatten-report`` under the current folder. Exit status 0 means that the account is flat by the
exchange's own books, and that every number of the report is the exchange's number.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from airflow_provider_bitget.sandbox import Rules, Sandbox
from airflow_provider_bitget.sandbox.accounts import ACCOUNT_MODES, AccountMode
from airflow_provider_bitget.sandbox.demo_airflow import END_SIGNALS, Airflow, DemoError
from airflow_provider_bitget.sandbox.demo_books import (
    RULES,
    books_table,
    disagreements,
    furnish,
    read_books,
    read_ends,
)

DAG_ID = "bitget_eod_flatten"
REPORT_TASK_ID = "flatten_account.report"
EXAMPLE_DAGS = Path(__file__).resolve().parents[2] / "example_dags"
REPORT_FOLDER = Path("flatten-report")
FIRST_LINE = re.compile(r"<h1><strong>([^<]*)</strong> ([^<]*)</h1>")
FEWEST_ORDERS = 3
LOG_LINES_ON_FAILURE = 40
RAISED = re.compile(r"[A-Za-z_.]+(Error|Exception)\b")


def run_demo(
    orders: int,
    dags_folder: Path,
    report_folder: Path,
    *,
    verbose: bool,
    account_mode: AccountMode = "classic",
) -> int:
    """Run the demo once.

    :param orders: how many orders rest on the exchange before.
    :param dags_folder: folder of the example DAG.
    :param report_folder: where the page and the report stay.
    :param verbose: show Airflow's own output.
    :param account_mode: the kind of account, ``classic`` or ``unified``; the connection doesn't tell the DAG.
    :return: the exit status.
    """
    if not (dags_folder / f"{DAG_ID}.py").is_file():
        raise DemoError(f"no {DAG_ID}.py in {dags_folder}; give its folder with --dags-folder")
    with (
        tempfile.TemporaryDirectory(prefix="bitget-demo-") as folder,
        Sandbox(account_mode=account_mode, **RULES) as sandbox,
    ):
        furnished = furnish(sandbox, orders)
        before = read_books(sandbox)
        kind = "" if account_mode == "classic" else " (unified account)"
        print(f"Sandbox exchange{kind} at {sandbox.url}: {_in_words(before.total)}")
        print(f"{len(furnished.fill_ids)} of the orders will fill while they are being cancelled.\n")
        airflow = Airflow(Path(folder), dags_folder, sandbox.connection_json, verbose)
        status = _run_the_dag(airflow)
        after, ends = read_books(sandbox), read_ends(sandbox, furnished)

        state, report = airflow.run_state(DAG_ID), airflow.report(DAG_ID, REPORT_TASK_ID)
        print("\nThe exchange's books, read from the exchange\n")
        print("\n".join(books_table(before, after)))
        print(f"\n{_in_words(ends.states)}; {_in_words({'positions': len(ends.closed)})} closed.")
        page = _keep_pages(report, report_folder)
        print(f"\nThe DAG's run: {state}\nThe report: {_first_line(page)}\nThe page:   {page}\n")

        faults = [*disagreements(report, before, after, ends)]
        if not after.are_flat:
            faults.append(f"still open: {_in_words(after.total)}")
        if not _first_line(page).startswith("FLAT "):
            faults.append("the page does not begin with FLAT")
        if status or state != "success":
            faults.append(f"the DAG's run is {state}, airflow's exit status {status}")
        if faults:
            _show_end_of_log(airflow)
            print("\n".join(f"NOT OK: {fault}" for fault in faults))
            return 1
        print("OK: the account is flat, and the report's numbers are the exchange's numbers.")
        return 0


def _run_the_dag(airflow: Airflow) -> int:
    """Run the DAG in a fresh Airflow, and return the exit status."""
    try:
        with step("Airflow: db migrate, in a temporary folder"):
            if status := airflow.run("db", "migrate"):
                raise DemoError(f"airflow db migrate ended with status {status}")
        with step(f"Airflow: dags test {DAG_ID} (the proof takes 30 s after a fill)"):
            status = airflow.run("dags", "test", DAG_ID)
        # Says so where there is no run or no report.
        airflow.report(DAG_ID, REPORT_TASK_ID)
    except DemoError:
        _show_end_of_log(airflow)
        raise
    return status


def _keep_pages(report: Mapping[str, Any], folder: Path) -> Path:
    """Put the pages that the task wrote, and the report, where they stay; return the path of the page to look at."""
    pages = {kind: Path(str(path).removeprefix("file://")) for kind, path in report.get("pages", {}).items()}
    if "html" not in pages:
        raise DemoError("the report task wrote no page")
    folder.mkdir(parents=True, exist_ok=True)
    kept = {kind: (folder / f"flatten{path.suffix}").resolve() for kind, path in pages.items()}
    for kind, path in pages.items():
        shutil.copyfile(path, kept[kind])
    told = {**report, "pages": {kind: str(path) for kind, path in kept.items()}}
    (folder / "flatten.json").write_text(json.dumps(told, indent=2) + "\n")
    return kept["html"]


def _first_line(page: Path) -> str:
    """Return the line with which the page begins."""
    found = FIRST_LINE.search(page.read_text())
    return " ".join(found.groups()) if found else "no first line"


def _in_words(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in numbers.items() if number)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Say what is going on, and how long it took."""
    print(f"{title:<72}", end=" ", flush=True)
    started = time.monotonic()
    try:
        yield
    except BaseException:
        print("failed")
        raise
    print(f"{time.monotonic() - started:5.1f} s", flush=True)


def _show_end_of_log(airflow: Airflow) -> None:
    if airflow.verbose or not airflow.log_file.is_file():
        return
    lines = airflow.log_file.read_text(errors="replace").splitlines()
    raised = dict.fromkeys(line for line in lines if RAISED.match(line))
    last = lines[-LOG_LINES_ON_FAILURE:]
    for title, shown in (("What was raised", raised), (f"The last {len(last)} lines", last)):
        print(f"\n{title} in Airflow's output (all of it: --verbose):")
        print("\n".join(f"  | {line}" for line in shown))
    print()


def _end_on_signal(signal_number: int, _frame: object) -> NoReturn:
    print("\nInterrupted: stopping what was started.", file=sys.stderr)
    raise SystemExit(128 + signal_number)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, run the demo, return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_bitget.sandbox.demo",
        description="Flatten an account of the sandbox with the example DAG through Airflow, and compare the books.",
    )
    parser.add_argument("--orders", type=int, default=230, help="open orders before (default: %(default)s)")
    parser.add_argument(
        "--account", default="classic", choices=ACCOUNT_MODES, help="kind of account (default: %(default)s)"
    )
    parser.add_argument("--dags-folder", type=Path, default=EXAMPLE_DAGS, help="folder of the example DAG")
    parser.add_argument(
        "--report-folder", type=Path, default=REPORT_FOLDER, help="where the page stays (default: %(default)s)"
    )
    parser.add_argument("--verbose", action="store_true", help="show all that Airflow prints")
    options = parser.parse_args(arguments)
    if options.orders < FEWEST_ORDERS:
        parser.error(f"--orders is {options.orders}; expected is {FEWEST_ORDERS} or more, one for each symbol")
    most = Rules().open_order_cap
    if options.account == "unified" and options.orders > most:
        parser.error(f"--orders is {options.orders}; a unified account has at most {most} open futures orders")
    for number in END_SIGNALS:
        signal.signal(number, _end_on_signal)
    try:
        return run_demo(
            options.orders,
            options.dags_folder.resolve(),
            options.report_folder,
            verbose=options.verbose,
            account_mode=options.account,
        )
    except DemoError as error:
        print(f"NOT OK: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
