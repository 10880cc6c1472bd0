# SPDX-License-Identifier: Apache-2.0
"""Plan orders and positions can be arranged and looked at in the same process and from another one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_bitget.sandbox import Sandbox, SandboxControl
from airflow_provider_bitget.sandbox.__main__ import main


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """One sandbox for the whole file, since starting takes longer than most tests."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """A sandbox without orders."""
    running.reset(orders=0)
    return running


def test_sandbox_arranges_plan_orders_and_positions(sandbox: Sandbox) -> None:
    first, second = sandbox.place_plan(2, "loss_plan", symbol="BTCUSDT", hold_side="short", client_oids=True)
    assert (first["planType"], first["productType"], first["planStatus"]) == ("loss_plan", "USDT-FUTURES", "live")
    triggered = sandbox.trigger(first["orderId"])
    assert sandbox.plan_order(first["orderId"]) == triggered
    assert sandbox.order(triggered["executeOrderId"])["status"] == "live"
    assert [row["orderId"] for row in sandbox.open_plan_orders(plan_type="loss_plan")] == [second["orderId"]]
    opened = sandbox.open_position("BTCUSDT", "long", "1.5", pos_mode="one_way_mode")
    assert sandbox.positions() == [opened]
    assert (sandbox.positions("ETHUSDT"), sandbox.positions(hold_side="short")) == ([], [])


def test_other_processes_arrange_plan_orders_and_positions(sandbox: Sandbox) -> None:
    control = SandboxControl(sandbox.url)
    [first] = control.place_plan(plan_type="track_plan", symbol="BTCUSDT")
    [second] = control.place_plan(plan_type="pos_loss", symbol="ETHUSDT", hold_side="long")
    assert control.open_plan_orders(symbol="ETHUSDT") == [second]
    assert control.trigger(first["orderId"], "fills")["planStatus"] == "executed"
    assert control.plan_order(first["orderId"])["planStatus"] == "executed"
    opened = control.open_position(symbol="ETHUSDT", hold_side="long", size="2")
    assert (control.positions(symbol="ETHUSDT"), control.positions(hold_side="short")) == ([opened], [])
    assert sum(int(row["positions"]) + int(row["plan_orders"]) for row in control.books()) == 2


def test_other_processes_decide_what_refuses(sandbox: Sandbox) -> None:
    control = SandboxControl(sandbox.url)
    control.refuse_close("BTCUSDT", "long", "45009", msg="no")
    control.fill_closes_partly("0.5", None)
    control.maintain(["BTCUSDT"])
    for act, message in (
        (lambda: control.trigger("7"), "has no plan order 7"),
        (lambda: control.place_plan(plan_type="stop"), "known are normal_plan"),
        (lambda: control.open_position(size="0"), "above zero"),
        (lambda: control.maintain("BTCUSDT"), "a list of symbols"),
        (lambda: control.open_position(speed=3), "do not fit"),
    ):
        with pytest.raises(ValueError, match=message):
            act()


def test_books_on_the_command_line_count_plan_orders_and_positions(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox.place(1, "ETHUSDT")
    sandbox.place_plan(2, symbol="BTCUSDT")
    sandbox.open_position("BTCUSDT")
    assert main(["books", "--url", sandbox.url]) == 0
    header, *rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert header[-2:] == ["plan_orders", "positions"]
    assert ["USDT-FUTURES", "BTCUSDT", "0", "0", "0", "0", "2", "1"] in rows
    assert rows[-1] == ["total", "1", "0", "0", "0", "2", "1"]
