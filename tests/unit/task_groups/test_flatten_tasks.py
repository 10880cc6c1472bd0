# SPDX-License-Identifier: Apache-2.0
"""The tasks of the group by themselves: when the close may start, what proves an account flat, and what is reported."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowSkipException

from airflow_provider_bitget.operators.exceptions import BitgetTaskError, BitgetTaskFailError
from airflow_provider_bitget.operators.flatten import (
    BEGAN_AT,
    REFUSED,
    TRIED_BEFORE,
    BitgetCloseGateSensor,
    BitgetFlattenCancelOperator,
    BitgetFlattenCloseOperator,
    BitgetFlattenReportOperator,
    BitgetProveFlatOperator,
    last_cancel_of,
    may_have_filled,
    page_name,
)
from airflow_provider_bitget.sandbox import Sandbox
from tests.airflow_version import since
from tests.kinds import POSITION_READS, endpoint

PRODUCT_TYPE = "USDT-FUTURES"
CANCEL, CLOSE = "flatten_account.cancel_usdt_futures", "flatten_account.close_usdt_futures"


class TaskInstance:
    """What Airflow tells a task of its run: the XComs and the states of the others."""

    def __init__(
        self,
        *,
        states: Mapping[str, str | None] | Callable[[], Mapping[str, str | None]] | None = None,
        xcoms: Mapping[tuple[str, str], Any] | None = None,
        map_index: int = -1,
        run_id: str = "scheduled__2026-11-23T23:55:00+00:00",
        waiting_since: float | None = None,
        try_number: int = 1,
        broken: bool = False,
    ) -> None:
        self.dag_id, self.run_id, self.task_id = "evening", run_id, "flatten_account.report"
        self.try_number = try_number
        self.map_index = map_index
        self.max_tries = 0
        self.broken = broken
        self.pushed: dict[str, Any] = {}
        self._states = states or {}
        self._xcoms = xcoms or {}
        self._waiting_since = waiting_since

    def xcom_push(self, key: str, value: Any) -> None:
        if self.broken:
            raise RuntimeError("the metadata database is away")
        self.pushed[key] = copy.deepcopy(value)

    def xcom_pull(self, task_ids: str, key: str = "return_value", *, map_indexes: int) -> Any:
        assert map_indexes == self.map_index
        return self._xcoms.get((task_ids, key))

    def get_task_states(
        self, dag_id: str, map_index: int, task_ids: list[str], run_ids: list[str]
    ) -> dict[str, dict[str, str | None]]:
        assert (dag_id, map_index, run_ids) == (self.dag_id, self.map_index, [self.run_id])
        states = self._states() if callable(self._states) else self._states
        suffix = f"_{map_index}" if map_index >= 0 else ""
        return {self.run_id: {f"{name}{suffix}": states[name] for name in task_ids if name in states}}

    def get_first_reschedule_date(self, context: Any) -> datetime | None:
        if self._waiting_since is None:
            return None
        return datetime.now(UTC) - timedelta(seconds=self._waiting_since)


def run(task: Any, ti: TaskInstance | None = None) -> Any:
    result = task.execute({"ti": ti or TaskInstance()})
    assert json.loads(json.dumps(result)) == result
    return result


def cannot_be_asked() -> Mapping[str, str | None]:
    raise RuntimeError("the API server is away")


# --------------------------------------------------------------------------------------------------- the gate


def gate(**arguments: Any) -> BitgetCloseGateSensor:
    return BitgetCloseGateSensor(task_id="gate", cancel_task_id=CANCEL, **{"close_after": 60, **arguments})


def look(ti: TaskInstance, **arguments: Any) -> bool:
    return gate(**arguments).poke({"ti": ti})  # type: ignore[typeddict-item]


@pytest.mark.parametrize("map_index", [-1, 2])
@pytest.mark.parametrize(
    ("state", "may_start"),
    [
        ("success", True),
        ("failed", True),
        ("skipped", True),
        ("upstream_failed", True),
        ("removed", True),
        ("running", False),
        ("queued", False),
        ("up_for_retry", False),
        ("restarting", False),
        (None, False),
    ],
)
def test_the_close_may_start_once_the_cancel_is_over(state: str | None, may_start: bool, map_index: int) -> None:
    assert look(TaskInstance(states={CANCEL: state}, map_index=map_index)) is may_start


@pytest.mark.parametrize(("seconds", "may_start"), [(44, False), (46, True), (600, True)])
def test_the_close_may_start_in_time_whatever_the_cancel_does(seconds: float, may_start: bool) -> None:
    began = {(CANCEL, BEGAN_AT): time.time() - seconds}

    assert look(TaskInstance(states={CANCEL: "running"}, xcoms=began)) is may_start


def test_a_short_wait_leaves_airflow_half_of_it_to_start_the_close() -> None:
    began = {(CANCEL, BEGAN_AT): time.time() - 5.5}

    assert look(TaskInstance(states={CANCEL: "running"}, xcoms=began), close_after=10)
    assert not look(TaskInstance(states={CANCEL: "running"}, xcoms=began), close_after=20)


@since(3, 0, "a task asks when its first poke was; Airflow 2.11 reads its database itself")
@pytest.mark.parametrize("states", [{CANCEL: "queued"}, {CANCEL: "up_for_retry"}, {}, cannot_be_asked])
def test_a_cancel_that_never_says_anything_is_not_waited_for_longer(states: Any) -> None:
    with pytest.raises(AirflowSkipException):
        gate().execute({"ti": TaskInstance(states=states, waiting_since=46)})  # type: ignore[typeddict-item]


def test_the_gate_holds_no_slot_between_two_looks() -> None:
    assert gate().reschedule
    assert gate().poke_interval <= 5


# ------------------------------------------------------------------------------------------------- the cancel


def cancel(**arguments: Any) -> BitgetFlattenCancelOperator:
    quick = {"product_type": PRODUCT_TYPE, "deadline": 20, "lookback_days": 90, "plans": "opening"}
    return BitgetFlattenCancelOperator(task_id="cancel", **{**quick, **arguments})


def test_the_cancel_says_first_when_it_began(sandbox: Sandbox) -> None:
    ti = TaskInstance()

    run(cancel(), ti)

    assert time.time() - ti.pushed[BEGAN_AT] < 60


@pytest.mark.parametrize("state", ["running", "success", "failed", "up_for_retry"])
def test_a_cancel_that_comes_after_the_close_began_sends_nothing(sandbox: Sandbox, state: str) -> None:
    sandbox.place(2)

    with pytest.raises(AirflowSkipException, match="has begun"):
        run(cancel(gives_way_to=CLOSE), TaskInstance(states={CLOSE: state}))

    assert sandbox.requests == []


@pytest.mark.parametrize("states", [{}, {CLOSE: None}, {CLOSE: "scheduled"}, {CLOSE: "queued"}, cannot_be_asked])
def test_any_other_cancel_does_its_work(sandbox: Sandbox, states: Any) -> None:
    sandbox.place(2)

    report = run(cancel(gives_way_to=CLOSE), TaskInstance(states=states))

    assert report["counts"]["cancelled"] == 2


def test_stops_wait_until_their_position_is_closed(sandbox: Sandbox) -> None:
    sandbox.open_position("BTCUSDT", "long", "1")
    for symbol in ("BTCUSDT", "ETHUSDT"):
        sandbox.place_plan(1, "pos_loss", symbol=symbol, hold_side="long")
        sandbox.place_plan(1, "normal_plan", symbol=symbol)
    sandbox.place(1, "BTCUSDT")

    report = run(cancel(orders=False, plans="protective", keep_stops_of_open_positions=True))

    assert report["counts"]["cancelled"] == 1
    assert [(row["symbol"], row["planType"]) for row in report["kept"]] == [("BTCUSDT", "pos_loss")]
    assert len(sandbox.open_orders()) == 1
    assert sorted(row["planType"] for row in sandbox.open_plan_orders()) == ["normal_plan", "normal_plan", "pos_loss"]


ALL_CLOSED = {"verified": True, "counts": {"requested": 1, "closed": 1, "failed": 0, "unresolved": 0}}
NOT_ALL_CLOSED = [
    None,
    "odd",
    ALL_CLOSED | {"verified": False},
    ALL_CLOSED | {"counts": {"requested": 2, "closed": 1, "failed": 1, "unresolved": 0}},
    ALL_CLOSED | {"counts": {"requested": 2, "closed": 1, "failed": 0, "unresolved": 1}},
    ALL_CLOSED | {"counts": None},
]


@pytest.mark.parametrize("report", NOT_ALL_CLOSED)
def test_stop_of_a_position_that_shows_late_is_kept_where_the_close_did_not_prove_them_all_closed(
    sandbox: Sandbox, report: Any
) -> None:
    sandbox.reset(position_lag=1.0, fills_make_positions=True)
    sandbox.open_position("BTCUSDT", "long", "1")
    (stop,) = sandbox.place_plan(1, "pos_loss", symbol="BTCUSDT", hold_side="long")
    task = cancel(orders=False, plans="protective", keep_stops_of_open_positions=True, closed_by=CLOSE, settle=2)

    swept = run(task, TaskInstance(xcoms={(CLOSE, "return_value"): report}, states={CLOSE: "success"}))

    assert [row["orderId"] for row in swept["kept"]] == [stop["orderId"]]


@pytest.mark.parametrize("states", [{CLOSE: "failed"}, {CLOSE: "upstream_failed"}, {}, cannot_be_asked])
def test_report_of_a_close_that_did_not_succeed_proves_nothing(sandbox: Sandbox, states: Any) -> None:
    """It is of a try before the run was cleared."""
    sandbox.reset(position_lag=1.0, fills_make_positions=True)
    sandbox.open_position("BTCUSDT", "long", "1")
    (stop,) = sandbox.place_plan(1, "pos_loss", symbol="BTCUSDT", hold_side="long")
    task = cancel(orders=False, plans="protective", keep_stops_of_open_positions=True, closed_by=CLOSE, settle=2)

    swept = run(task, TaskInstance(xcoms={(CLOSE, "return_value"): ALL_CLOSED}, states=states))

    assert [row["orderId"] for row in swept["kept"]] == [stop["orderId"]]


def test_stops_are_not_waited_for_where_the_close_proved_every_position_closed(sandbox: Sandbox) -> None:
    sandbox.place_plan(1, "pos_loss", symbol="BTCUSDT", hold_side="long")
    task = cancel(orders=False, plans="protective", keep_stops_of_open_positions=True, closed_by=CLOSE, settle=19)

    swept = run(task, TaskInstance(xcoms={(CLOSE, "return_value"): ALL_CLOSED}, states={CLOSE: "success"}))

    assert swept["counts"]["cancelled"] == 1
    assert swept["duration_ms"] < 10_000


# -------------------------------------------------------------------------------------------------- the close


def close(**arguments: Any) -> BitgetFlattenCloseOperator:
    quick = {"product_type": PRODUCT_TYPE, "earlier_task_ids": [CANCEL], "deadline": 20}
    return BitgetFlattenCloseOperator(task_id="close", **{**quick, **arguments})


FILL = {"already_closed": [{"state": "filled"}]}


@pytest.mark.parametrize(
    ("report", "seconds"), [({"already_closed": [], "unresolved": []}, 0.5), (FILL, 1.5), (None, 1.5)]
)
def test_close_waits_for_positions_that_show_late_longer_after_a_fill(
    sandbox: Sandbox, report: Any, seconds: float
) -> None:
    task = close(settle=0.5, settle_after_fill=1.5)

    closed = run(task, TaskInstance(xcoms={(CANCEL, "return_value"): report}))

    assert closed["verified"]
    assert seconds * 1000 <= closed["duration_ms"] < seconds * 1000 + 1_000


NOW = datetime(2026, 11, 23, 23, 56, 10, tzinfo=UTC).timestamp()
READ_AT = {"verified": True, "range": {"to": "2026-11-23T23:56:10Z"}}
CANCELLED: dict[str, Any] = {"counts": {"cancelled": 3}, "already_closed": [], "unresolved": [], **READ_AT}
CANCELLED_NONE: dict[str, Any] = {"counts": {"cancelled": 0}, "already_closed": [], "unresolved": [], **READ_AT}


@pytest.mark.parametrize(
    ("report", "tried_before", "moment"),
    [
        (CANCELLED, False, NOW + 1),
        (CANCELLED_NONE, False, None),
        # The try before may have cancelled what this one did not find.
        (CANCELLED_NONE, True, NOW + 1),
        (None, True, None),
        ("a report", False, None),
        ({"counts": "none"}, False, None),
    ],
)
def test_moment_of_the_last_cancel_is_that_of_the_last_read_after_it(
    report: Any, tried_before: bool, moment: float | None
) -> None:
    assert last_cancel_of(report, tried_before=tried_before) == moment


@pytest.mark.parametrize(
    "odd",
    [
        {"range": None},
        {"range": {"to": ""}},
        {"range": {"to": 7}},
        {"range": {}},
        # Something may have been cancelled after the last complete read.
        {"verified": False},
        {"verified": None},
    ],
)
def test_cancel_that_does_not_say_when_it_was_counts_as_just_now(odd: dict[str, Any]) -> None:
    assert last_cancel_of({**CANCELLED, **odd}, tried_before=False) == float("inf")


@pytest.mark.parametrize(("number", "said"), [(1, False), (2, True), (3, True)])
def test_cancel_says_that_it_was_tried_before(sandbox: Sandbox, number: int, said: bool) -> None:
    ti = TaskInstance(try_number=number)

    run(cancel(), ti)

    assert (TRIED_BEFORE in ti.pushed) is said


def just_now(report: dict[str, Any]) -> dict[str, Any]:
    return {**report, "range": {"to": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}}


@pytest.mark.parametrize(
    ("report", "tried_before", "seconds"),
    [(CANCELLED, None, 2.5), (CANCELLED_NONE, None, 0.0), (CANCELLED_NONE, True, 2.5)],
)
def test_close_waits_for_what_may_come_of_an_acknowledged_cancel(
    sandbox: Sandbox, report: dict[str, Any], tried_before: bool | None, seconds: float
) -> None:
    xcoms = {(CANCEL, "return_value"): just_now(report), (CANCEL, TRIED_BEFORE): tried_before}
    task = close(settle=0, settle_after_fill=2.5, cancel_task_ids=[CANCEL])

    closed = run(task, TaskInstance(xcoms=xcoms))

    assert closed["verified"]
    # A second is lost to the report's whole seconds, and one is added for it.
    assert max(0.0, seconds - 1.5) * 1000 <= closed["duration_ms"] < seconds * 1000 + 2_000


def test_order_that_fills_although_its_cancel_was_acknowledged_is_closed_by_the_same_run(sandbox: Sandbox) -> None:
    sandbox.reset(position_lag=2.0, fills_make_positions=True)
    (order,) = sandbox.place(1, "BTCUSDT")
    task = close(settle=0.2, settle_after_fill=4, cancel_task_ids=[CANCEL])
    sandbox.fill(order["orderId"])

    closed = run(task, TaskInstance(xcoms={(CANCEL, "return_value"): just_now(CANCELLED)}))

    assert closed["counts"]["closed"] == 1
    assert sandbox.positions() == []


# -------------------------------------------------------------------------------------------------- the proof


def prove(**arguments: Any) -> BitgetProveFlatOperator:
    quick = {"product_type": PRODUCT_TYPE, "lookback_days": 90, "settle": 0, "settle_after_fill": 0.1, "deadline": 2}
    return BitgetProveFlatOperator(task_id="prove", **{**quick, **arguments})


def row(**fields: str) -> dict[str, str]:
    return {"orderId": "1", "clientOid": "", "symbol": "BTCUSDT", "errorCode": "", "errorMsg": "", **fields}


QUIET: dict[str, Any] = {"already_closed": [], "failed": [], "unresolved": [], "truncated": False}


@pytest.mark.parametrize(
    ("report", "filled"),
    [
        (QUIET, False),
        (QUIET | {"already_closed": [row(state="cancelled")]}, False),
        ({"closed": [row()]}, False),
        ({"closed": [row()], "failed": [row(category="maintenance")]}, False),
        ({"closed": [], "unresolved": [row(category="still_open")]}, False),
        # It is open, and may have filled before the next phase looked.
        (QUIET | {"unresolved": [row(category="still_open")]}, True),
        (QUIET | {"failed": [row(category="maintenance")]}, True),
        (QUIET | {"already_closed": [row(state="filled")]}, True),
        (QUIET | {"already_closed": [row(state="cancelled", childOrderId="7")]}, True),
        (QUIET | {"unresolved": [row(category="not_verified", state="triggered")]}, True),
        (QUIET | {"unresolved": [row(category="not_found")]}, True),
        (QUIET | {"unresolved": [row(category="ambiguous")]}, True),
        (QUIET | {"truncated": True}, True),
        (None, True),
        ("a report", True),
    ],
)
def test_a_fill_is_anything_that_may_have_been_one(report: Any, filled: bool) -> None:
    assert may_have_filled(report) is filled


@pytest.mark.parametrize(("report", "settle"), [(QUIET, 0), (None, 0.1)])
def test_a_fill_makes_the_proof_wait_longer(sandbox: Sandbox, report: Any, settle: float) -> None:
    xcoms = {(CANCEL, "return_value"): QUIET, (CLOSE, "return_value"): report}

    result = run(prove(earlier_task_ids=[CANCEL, CLOSE]), TaskInstance(xcoms=xcoms))

    assert (result["flat"], result["settle"]) == (True, settle)


@pytest.mark.parametrize(("report", "tried_before"), [(CANCELLED, None), (CANCELLED_NONE, True)])
def test_proof_is_made_after_whatever_may_come_of_an_acknowledged_cancel(
    sandbox: Sandbox, report: dict[str, Any], tried_before: bool | None
) -> None:
    sandbox.reset(position_lag=1.5, fills_make_positions=True)
    (order,) = sandbox.place(1, "BTCUSDT")
    sandbox.fill(order["orderId"])
    xcoms = {(CANCEL, "return_value"): just_now(report), (CANCEL, TRIED_BEFORE): tried_before}
    task = prove(earlier_task_ids=[CANCEL], cancel_task_ids=[CANCEL], settle_after_fill=3, deadline=6)

    with pytest.raises(BitgetTaskError, match=r"Not flat: 0 orders, 0 plan orders, 1 positions"):
        run(task, TaskInstance(xcoms=xcoms))


def test_what_is_left_fails_the_proof_which_may_be_tried_again(sandbox: Sandbox) -> None:
    sandbox.place(1, "BTCUSDT")
    sandbox.open_position("ETHUSDT", "short", "2")
    ti = TaskInstance()

    with pytest.raises(BitgetTaskError, match=r"Not flat: 1 orders, 0 plan orders, 1 positions") as failed:
        run(prove(), ti)

    assert ti.pushed["return_value"] == failed.value.report
    assert ti.pushed["return_value"]["counts"] == {"orders": 1, "plan_orders": 0, "positions": 1}


def test_books_that_cannot_be_read_are_not_flat(sandbox: Sandbox) -> None:
    sandbox.inject("bad_gateway", endpoint=endpoint(sandbox, POSITION_READS))
    ti = TaskInstance()

    with pytest.raises(BitgetTaskError, match=r"^Not known to be flat: no read could be completed"):
        run(prove(), ti)

    assert ti.pushed["return_value"]["flat"] is False
    assert ti.pushed["return_value"]["verified"] is False
    # A last request may have had too little time for any answer.
    assert endpoint(sandbox, POSITION_READS) in ti.pushed["return_value"]["error"]


def test_one_empty_read_before_the_deadline_proves_nothing_and_says_so(sandbox: Sandbox) -> None:
    sandbox.inject("hang", endpoint=endpoint(sandbox, POSITION_READS), seconds=60.0, after=1)

    with pytest.raises(BitgetTaskError, match=r"^Not proven to be flat: the last of 1 complete reads found nothing"):
        run(prove(), TaskInstance())


def test_a_simulated_proof_looks_once_and_fails_over_nothing(sandbox: Sandbox) -> None:
    sandbox.place(1, "BTCUSDT")

    result = run(prove(simulate=True, deadline=600))

    assert (result["flat"], result["reads"]) == (False, 1)


# ------------------------------------------------------------------------------------------------- the report

FLAT: dict[str, Any] = {
    "product_type": PRODUCT_TYPE,
    "symbol": "",
    "flat": True,
    "reads": 2,
    "settle": 10.0,
    "open_orders": [],
    "open_plan_orders": [],
    "open_positions": [],
    "counts": {"orders": 0, "plan_orders": 0, "positions": 0},
    "truncated": False,
    "verified": True,
    "books": [{"time": "2026-11-23T23:55:40Z", "orders": 0, "plan_orders": 0, "positions": 0, "position_value": "0"}],
}
NOT_FLAT = FLAT | {"flat": False, "counts": {"orders": 1, "plan_orders": 0, "positions": 0}}
NOT_FLAT = NOT_FLAT | {"open_orders": [{"orderId": "77", "symbol": "BTCUSDT", "size": "1", "side": "buy"}]}
PROVE = "flatten_account.prove_usdt_futures"


def report_task(**arguments: Any) -> BitgetFlattenReportOperator:
    phases = {PRODUCT_TYPE: {"cancel": CANCEL, "close": CLOSE, "prove": PROVE}}
    return BitgetFlattenReportOperator(task_id="report", **{"phases": phases, **arguments})


def after(proof: Any, **options: Any) -> TaskInstance:
    return TaskInstance(xcoms={(PROVE, "return_value"): proof}, **{"states": {PROVE: "success"}, **options})


def test_a_flat_account_is_reported_with_its_pages(tmp_path: Path) -> None:
    report = run(report_task(report_path=str(tmp_path / "to" / "pages")), after(FLAT))

    assert report["flat"] is True
    assert {Path(page).parent for page in report["pages"].values()} == {tmp_path / "to" / "pages"}
    assert Path(report["pages"]["markdown"]).read_text(encoding="utf-8").startswith("# FLAT")
    assert Path(report["pages"]["html"]).read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_folder_may_be_a_url(tmp_path: Path) -> None:
    report = run(report_task(report_path=f"file://{tmp_path}/pages"), after(FLAT))

    assert report["pages"]["html"].startswith(f"file://{tmp_path}/pages/")
    assert len(list((tmp_path / "pages").iterdir())) == 2


def test_tasks_that_died_without_a_report_are_named() -> None:
    report = run(report_task(), after(FLAT, states={CANCEL: "failed", PROVE: "success"}))

    assert f"cancel {PRODUCT_TYPE}" in report["missing"]
    assert f"close {PRODUCT_TYPE}" in report["missing"]


@pytest.mark.parametrize(("state", "told"), [("failed", "no such account"), ("upstream_failed", ""), (None, "")])
def test_a_refusal_is_told_unless_it_is_of_an_earlier_try(state: str | None, told: str) -> None:
    xcoms = {(PROVE, "return_value"): FLAT, (CANCEL, REFUSED): "no such account"}
    ti = TaskInstance(xcoms=xcoms, states={CANCEL: state, PROVE: "success"})

    report = run(report_task(), ti)

    assert report["phases"][0]["missing"] is True
    assert report["phases"][0]["refusal"] == told


@pytest.mark.parametrize("states", [{PROVE: "failed"}, {PROVE: "upstream_failed"}, {PROVE: None}, {}, cannot_be_asked])
def test_a_proof_of_an_earlier_try_proves_nothing(states: Any) -> None:
    # After a clear, the XCom stays until the task starts again; it may fail before it starts.
    ti = after(FLAT, states=states)

    with pytest.raises(BitgetTaskFailError, match=r"^NOT FLAT"):
        run(report_task(), ti)

    assert f"prove {PRODUCT_TYPE}" in ti.pushed["return_value"]["missing"]


@pytest.mark.parametrize("path", ["", " ", "None", "null"])
def test_a_path_that_rendered_to_nothing_is_no_folder(
    tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(BitgetTaskError, match=r"^FLAT .*report_path rendered to nothing"):
        run(report_task(report_path=path), after(FLAT))

    assert list(tmp_path.iterdir()) == []


def test_a_folder_may_be_in_the_home_of_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    run(report_task(report_path="~/pages"), after(FLAT))

    assert len(list((tmp_path / "pages").iterdir())) == 2


def test_a_storage_whose_provider_is_not_installed_is_named_as_such() -> None:
    with pytest.raises(BitgetTaskError, match=r"provider of that storage is not installed"):
        run(report_task(report_path="s3://bucket/pages"), after(FLAT))


@pytest.mark.parametrize("proof", [NOT_FLAT, None, {}, "flat"])
def test_an_account_that_is_not_proven_flat_fails_for_good_with_its_report(tmp_path: Path, proof: Any) -> None:
    ti = after(proof)

    with pytest.raises(BitgetTaskFailError, match=r"^NOT FLAT") as failed:
        run(report_task(report_path=str(tmp_path)), ti)

    assert ti.pushed["return_value"] == failed.value.report
    assert ti.pushed["return_value"]["flat"] is False
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("proof", "verdict"), [(FLAT, BitgetTaskError), (NOT_FLAT, BitgetTaskFailError)], ids=["flat", "not flat"]
)
def test_a_page_that_cannot_be_written_never_replaces_the_verdict(
    tmp_path: Path, proof: Any, verdict: type[Exception]
) -> None:
    (tmp_path / "taken").write_text("this is a file, not a folder")
    ti = after(proof)

    with pytest.raises(verdict):
        run(report_task(report_path=str(tmp_path / "taken")), ti)

    assert ti.pushed["return_value"]["flat"] is proof["flat"]
    assert ti.pushed["return_value"]["pages"] == {}


def test_an_xcom_that_cannot_be_written_never_replaces_the_verdict() -> None:
    with pytest.raises(BitgetTaskFailError):
        run(report_task(), after(NOT_FLAT, broken=True))

    assert run(report_task(), after(FLAT, broken=True))["flat"] is True


def test_a_simulated_run_fails_only_where_the_books_could_not_be_read() -> None:
    assert run(report_task(simulate=True), after(NOT_FLAT))["simulated"] is True

    with pytest.raises(BitgetTaskFailError, match="could not be read"):
        run(report_task(simulate=True), after(None))


def test_every_account_and_run_has_a_page_of_its_own_and_every_try_the_same() -> None:
    def name(account: str, **options: Any) -> str:
        return page_name({"ti": TaskInstance(**options)}, account)  # type: ignore[typeddict-item]

    assert name("desk_a") == name("desk_a")
    assert len({name("desk_a"), name("desk_b"), name("desk_a", run_id="manual"), name("desk_a", map_index=1)}) == 4
    assert "/" not in name("../../etc/passwd", run_id="a/b:c")
    long = [name("desk_a", run_id="x" * 240 + end) for end in ("1", "2")]
    assert long[0] != long[1]
    assert max(map(len, long)) <= 200
