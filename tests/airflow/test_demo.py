# SPDX-License-Identifier: Apache-2.0
"""``make demo``: says OK only when the books are flat and agree, keeps the page, and leaves nothing else behind."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import psutil
import pytest

from airflow_provider_bitget.sandbox import Sandbox
from airflow_provider_bitget.sandbox import demo as demo_program
from airflow_provider_bitget.sandbox.accounts import AccountMode
from airflow_provider_bitget.sandbox.demo_books import (
    POSITIONS,
    RULES,
    Books,
    Ends,
    disagreements,
    furnish,
    read_books,
    read_ends,
)
from tests.kinds import CLASSIC, KINDS

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE = 120.0

Report = dict[str, Any]
Demo = Callable[..., list[str]]


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Demo]:
    """Give the demo's command line, with the example in haste; its temporary files are gone in the end."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))

    def command(orders: int = 60, account: str = CLASSIC) -> list[str]:
        folder = tmp_path / "dags"
        folder.mkdir()
        (folder / "bitget_eod_flatten.py").write_text(in_haste())
        module = [sys.executable, "-u", "-m", "airflow_provider_bitget.sandbox.demo"]
        folders = ["--dags-folder", str(folder), "--report-folder", str(kept(tmp_path))]
        return [*module, "--orders", str(orders), "--account", account, *folders]

    yield command
    assert list(temporary.iterdir()) == []


def kept(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "flatten-report"


def in_haste() -> str:
    """Return the example with reads that are fewer and follow each other sooner."""
    example = (REPOSITORY / "example_dags" / "bitget_eod_flatten.py").read_text()
    assert example.count("    flatten_account(\n") == 1
    return example.replace(
        "    flatten_account(\n", "    flatten_account(\n settle=1, settle_after_fill=2, lookback_days=90,\n"
    )


@pytest.mark.parametrize("account", KINDS)
def test_demo_flattens_the_account_compares_the_books_and_keeps_the_page(
    demo: Demo, tmp_path: Path, account: AccountMode
) -> None:
    done = subprocess.run(demo(account=account), capture_output=True, text=True, timeout=PATIENCE, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^BTCUSDT +20 +5 +2 +0 +0 +0$", done.stdout, re.MULTILINE)
    assert re.search(r"^all +60 +13 +4 +0 +0 +0$", done.stdout, re.MULTILINE)
    assert "2 filled, 71 cancelled; 4 positions closed." in done.stdout
    assert re.search(r"^The report: FLAT bitget_default · USDT-FUTURES · .* UTC$", done.stdout, re.MULTILINE)
    assert done.stdout.rstrip().splitlines()[-1].startswith("OK: the account is flat")
    page = kept(tmp_path) / "flatten.html"
    assert f"The page:   {page}\n" in done.stdout
    assert "<strong>FLAT</strong>" in page.read_text()
    assert page.with_suffix(".md").read_text().startswith("# FLAT: bitget_default")
    assert json.loads(page.with_suffix(".json").read_text())["pages"]["html"] == str(page)
    with Sandbox(account_mode=account) as sandbox:
        credentials = sandbox.accounts[0]
    told = done.stdout + done.stderr + "".join(path.read_text() for path in kept(tmp_path).iterdir())
    assert credentials.secret not in told
    assert credentials.passphrase not in told


@dataclass(frozen=True)
class Pretender:
    """In the place of Airflow: it does nothing, and has a report ready that says the account is flat."""

    home: Path
    dags_folder: Path
    connection_json: str
    verbose: bool

    first_line: ClassVar[str] = "<h1><strong>FLAT</strong> bitget_default</h1>"
    status: ClassVar[int] = 0
    state: ClassVar[str] = "success"

    @property
    def log_file(self) -> Path:
        return self.home / "airflow.log"

    def run(self, *arguments: str) -> int:
        (self.home / "page.html").write_text(self.first_line)
        return self.status if arguments[0] == "dags" else 0

    def run_state(self, _dag_id: str) -> str:
        return self.state

    def report(self, _dag_id: str, _task_id: str) -> Report:
        return {**truth(), "pages": {"html": f"file://{self.home / 'page.html'}"}}


RunPretending = Callable[..., tuple[int, str]]


@pytest.fixture
def run_pretending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> RunPretending:
    """Return a function that runs the demo with somebody who only pretends, and gives exit status and output."""

    def run(**lies: Any) -> tuple[int, str]:
        for name, lie in lies.items():
            monkeypatch.setattr(Pretender, name, lie)
        monkeypatch.setattr(demo_program, "Airflow", Pretender)
        status = demo_program.run_demo(6, REPOSITORY / "example_dags", kept(tmp_path), verbose=False)
        return status, capsys.readouterr().out

    return run


def test_demo_believes_nobody_who_only_says_that_the_account_is_flat(run_pretending: RunPretending) -> None:
    status, output = run_pretending()

    assert status == 1
    assert "NOT OK: still open: 6 orders, 13 plan orders, 4 positions" in output
    assert "NOT OK: flat: the report says True, the exchange False" in output
    assert "\nOK:" not in output


@pytest.mark.parametrize(
    ("lie", "named"),
    [
        ({"first_line": "<h1><strong>NOT FLAT</strong> x</h1>"}, "NOT OK: the page does not begin with FLAT"),
        ({"first_line": "<p>FLAT</p>"}, "NOT OK: the page does not begin with FLAT"),
        ({"status": 3}, "NOT OK: the DAG's run is success, airflow's exit status 3"),
        ({"state": "failed"}, "NOT OK: the DAG's run is failed, airflow's exit status 0"),
    ],
)
def test_demo_looks_at_the_page_and_at_the_run_as_well(
    run_pretending: RunPretending, lie: dict[str, Any], named: str
) -> None:
    status, output = run_pretending(**lie)

    assert status == 1
    assert named in output


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_demo_stops_what_it_started(demo: Demo, signal_number: signal.Signals) -> None:
    process = subprocess.Popen(
        demo(orders=3),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        started: list[psutil.Process] = []
        deadline = time.monotonic() + PATIENCE
        while not started and time.monotonic() < deadline:
            started = psutil.Process(process.pid).children(recursive=True)
            time.sleep(0.05)
        assert started

        process.send_signal(signal_number)
        process.communicate(timeout=PATIENCE)
    finally:
        process.kill()

    assert process.returncode == 128 + signal_number
    assert psutil.wait_procs(started, timeout=5)[1] == []


# ------------------------------------------------------------------------------------------------ comparison


def books(orders: int, plan_orders: int, sizes: dict[tuple[str, str], str], value: str) -> Books:
    numbers = Counter({"orders": orders, "plan_orders": plan_orders, "positions": len(sizes)})
    return Books({"BTCUSDT": numbers}, {name: Decimal(size) for name, size in sizes.items()}, Decimal(value))


BEFORE = books(10, 3, {("BTCUSDT", "long"): "0.5", ("BTCUSDT", "short"): "0.2"}, "21000")
AFTER = books(0, 0, {}, "0")
ENDS = Ends(
    states=Counter(cancelled=12, filled=1),
    filled_ids=frozenset({"7"}),
    filled_value=Decimal(600),
    closed={("BTCUSDT", "long"): Decimal("0.52"), ("BTCUSDT", "short"): Decimal("0.2")},
    requests=40,
)


def truth() -> Report:
    """Return the report that the books above deserve."""
    return {
        "flat": True,
        "before": {"orders": 10, "plan_orders": 3, "positions": 2, "position_value": "21600"},
        "after": {"orders": 0, "plan_orders": 0, "positions": 0, "position_value": "0"},
        "left": {"counts": {"orders": 0, "plan_orders": 0, "positions": 0}, "rows": []},
        "counts": {"cancelled": 12, "already_closed": 1, "positions_closed": 2},
        "fills": [{"orderId": "7"}],
        "positions": [
            {"symbol": "BTCUSDT", "holdSide": "long", "size": "0.52", "outcome": "closed"},
            {"symbol": "BTCUSDT", "holdSide": "short", "size": "0.20", "outcome": "closed"},
        ],
        "requests": 40,
    }


def test_demo_believes_a_report_that_has_the_exchanges_numbers() -> None:
    assert list(disagreements(truth(), BEFORE, AFTER, ENDS)) == []


@pytest.mark.parametrize(
    ("place", "lie", "named"),
    [
        (("flat",), False, "flat"),
        (("before", "orders"), 9, "before, orders"),
        (("before", "plan_orders"), 4, "before, plan_orders"),
        (("before", "positions"), 1, "before, positions"),
        (("before", "position_value"), "20999", "before, position value"),
        (("before", "position_value"), "21601", "before, position value"),
        (("after", "orders"), 1, "after, orders"),
        (("after", "position_value"), "1", "after, position value"),
        (("left", "counts", "positions"), 1, "left, positions"),
        (("left", "rows"), [{}], "left, rows"),
        (("counts", "cancelled"), 13, "cancelled"),
        (("counts", "already_closed"), 0, "already closed"),
        (("counts", "positions_closed"), 3, "positions closed"),
        (("fills",), [{"orderId": "8"}], "fills"),
        (("fills",), [], "fills"),
        (("positions", 0, "size"), "0.49", "closed, BTCUSDT long"),
        (("positions", 0, "size"), "0.53", "closed, BTCUSDT long"),
        (("positions", 0, "outcome"), "failed", "closed"),
        (("requests",), 39, "requests"),
    ],
)
def test_demo_names_what_is_not_as_the_exchange_has_it(place: tuple[Any, ...], lie: Any, named: str) -> None:
    report = truth()
    inner: Any = report
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = lie

    (sentence,) = disagreements(report, BEFORE, AFTER, ENDS)

    assert sentence.startswith(f"{named}: the report says ")


def test_demo_names_a_position_that_is_open_although_the_report_says_flat() -> None:
    held = replace(AFTER, by_symbol={"BTCUSDT": Counter(positions=1)}, value=Decimal(6000))

    named = {sentence.partition(":")[0] for sentence in disagreements(truth(), BEFORE, held, ENDS)}

    assert named == {"flat", "after, positions", "after, position value", "left, positions", "left, rows"}


# ------------------------------------------------------------------------------------------------- the books


@pytest.mark.parametrize("account", KINDS)
def test_demo_puts_orders_plan_orders_of_three_types_and_both_sides_of_a_symbol_on_the_exchange(
    account: AccountMode,
) -> None:
    with Sandbox(account_mode=account, **RULES) as sandbox:
        furnished = furnish(sandbox, 230)
        now = read_books(sandbox)
        kinds = {plan["planType"] for plan in sandbox.open_plan_orders()}

    assert now.total == {"orders": 230, "plan_orders": 13, "positions": 4}
    assert len(now.by_symbol) == 3
    assert len(kinds) == 3
    assert set(now.sizes) == {(symbol, side) for symbol, side, _ in POSITIONS}
    assert {("BTCUSDT", "long"), ("BTCUSDT", "short")} < set(now.sizes)
    assert now.value == Decimal("33500")
    assert (len(furnished.order_ids), len(furnished.plan_ids), len(furnished.fill_ids)) == (230, 13, 2)


@pytest.mark.parametrize("account", KINDS)
def test_demo_counts_a_partially_filled_order_as_open_and_a_filled_one_by_its_id(account: AccountMode) -> None:
    with Sandbox(account_mode=account, **RULES) as sandbox:
        furnished = furnish(sandbox, 6)
        sandbox.place(count=2, symbol="BTCUSDT", status="partially_filled", hold_side="long")
        sandbox.fill(furnished.order_ids[0])
        sandbox.cancel(furnished.order_ids[1])

        now, ends = read_books(sandbox), read_ends(sandbox, furnished)

    assert now.total["orders"] == 6
    assert ends.filled_ids == {furnished.order_ids[0]}
    assert ends.filled_value == Decimal(600)
    assert (ends.states["filled"], ends.states["cancelled"]) == (1, 1)
    assert (ends.closed, ends.requests) == ({}, 0)


def test_demo_refuses_fewer_orders_than_symbols(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        demo_program.main(["--orders", "2"])

    assert "--orders is 2; expected is 3 or more" in capsys.readouterr().err
