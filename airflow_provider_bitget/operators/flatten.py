# SPDX-License-Identifier: Apache-2.0
"""The tasks of which :func:`~airflow_provider_bitget.task_groups.flatten.flatten_account` is made.

They talk through XCom: each phase leaves its report there, also when it fails, and the last task reads them all.
"""

from __future__ import annotations

import hashlib
import logging
import math
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from os.path import expanduser
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from airflow.providers.common.compat.sdk import (
    AirflowNotFoundException,
    AirflowSkipException,
    BaseOperator,
    BaseSensorOperator,
)

from airflow_provider_bitget.operators.arguments import LONGEST_LOOKBACK_DAYS, flag, one_of, pause, whole_number
from airflow_provider_bitget.operators.close_positions import BitgetClosePositionsOperator
from airflow_provider_bitget.operators.exceptions import BitgetArgumentError, BitgetTaskError, BitgetTaskFailError
from airflow_provider_bitget.operators.outlets import put_into_events
from airflow_provider_bitget.operators.scope import BitgetScopeOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_bitget.hooks.bitget import BitgetHook
    from airflow_provider_bitget.operators.reporting import NotDone, RunReport
    from airflow_provider_bitget.trading.books import LastCancel
    from airflow_provider_bitget.trading.cancel_all import CancelAll
    from airflow_provider_bitget.trading.flat import ProveFlat
    from airflow_provider_bitget.trading.scope import Scope

log = logging.getLogger(__name__)

BEGAN_AT: Final = "began_at"
"""The XCom under which a phase says, first thing, when it began (seconds since the epoch)."""

REFUSED: Final = "refused"
"""The XCom under which a phase that could not begin says why: it leaves no report."""

TRIED_BEFORE: Final = "tried_before"
"""The XCom under which a cancel says that this is not its first try: its report does not speak of those before."""

_OVER: Final = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
_NOT_BEGUN: Final = frozenset({"", "scheduled", "queued", "skipped", "upstream_failed", "removed"})

PLANS: Final = ("opening", "protective", "all")
"""Which plan orders a phase cancels: those that open a position when they trigger, those that protect one, or both."""

_SECONDS_BETWEEN_LOOKS: Final = 3.0
_SECONDS_TO_HAND_OVER: Final = 15.0
_LONGEST_NAME: Final = 180
_NO_PATH: Final = frozenset({"", "None", "null"})
IN_EVENTS: Final[tuple[str, ...]] = (
    "account",
    "product_types",
    "exclude_symbols",
    "margin_coin",
    "flat",
    "counts",
    "range",
    "ended",
)
"""What of the report is in the events of the report's outlets."""


class BitgetFlattenMarkOperator(BaseOperator):
    """A point that the group passes. It does nothing, and takes no worker: the scheduler itself marks it as done."""

    ui_color = "#e8f7e4"
    inherits_from_empty_operator = True

    def execute(self, context: Context) -> None:
        """Do nothing."""


class BitgetFlattenCancelOperator(BitgetScopeOperator):
    """Cancel the open orders and the plan orders of a whole product type, as one phase of a flattened account.

    It is :class:`~airflow_provider_bitget.operators.bitget.BitgetCancelAllOrdersOperator` with a choice of what to
    cancel: the plan orders that open positions go first, those that protect a position only once it is closed.

    :param product_type: (templated) one of the six product types, in any case.
    :param exclude_symbols: a literal list of symbols to leave alone.
    :param margin_coin: (templated) only orders that are margined in this coin.
    :param orders: cancel normal orders.
    :param plans: which plan orders to cancel: ``"opening"`` (``normal_plan``, ``track_plan``), ``"protective"``
        (``profit_plan``, ``loss_plan``, ``moving_plan``, ``pos_profit``, ``pos_loss``), or ``"all"``.
    :param keep_stops_of_open_positions: keep the take-profit and stop-loss orders of a position that is not closed;
        the report names them under ``kept``.
    :param looks_first: read everything once before, positions and the plan orders of every type too, so that the report
        knows what there was.
    :param closed_by: the close, a task of the same run and map index. Unless its report proves that every position is
        closed, a position that shows late is waited for before its stops are cancelled.
    :param settle: seconds of that wait; at most a quarter of the deadline is spent on it.
    :param gives_way_to: a task of the same run and map index. Once that has begun, this one sends nothing any more and
        is skipped: a try that comes late, after a worker died, must not meet the orders of the next day.
    :param lookback_days: how old an order may be, in days, where only lists can prove that none is left.
    :param deadline: seconds for the whole run.
    :param simulate: report what would be sent; send nothing that changes anything.
    :param bitget_conn_id: (templated) id of the Airflow connection.
    :raises BitgetArgumentError: an argument cannot be used; nothing was sent.
    :raises BitgetTaskError: orders are left, or nothing proves that none is; carries ``report``.
    :raises BitgetTaskFailError: orders are left, and no retry can help; carries ``report``.
    """

    run_name: ClassVar[str] = "Cancel of open orders"
    metric: ClassVar[str] = "cancel_all"
    counted: ClassVar[tuple[str, ...]] = ("cancelled", "failed", "unresolved")
    keeps_ends: ClassVar[bool] = True

    def __init__(
        self,
        *,
        product_type: str,
        exclude_symbols: Iterable[str] = (),
        margin_coin: str | None = None,
        orders: bool = True,
        plans: Literal["opening", "protective", "all"] = "all",
        keep_stops_of_open_positions: bool = False,
        looks_first: bool = False,
        closed_by: str | None = None,
        settle: float = 10,
        gives_way_to: str | None = None,
        lookback_days: int = 730,
        deadline: float,
        simulate: bool = False,
        bitget_conn_id: str = "bitget_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            product_type=product_type,
            symbol=None,
            all_symbols=True,
            exclude_symbols=exclude_symbols,
            margin_coin=margin_coin,
            deadline=deadline,
            simulate=simulate,
            bitget_conn_id=bitget_conn_id,
            **kwargs,
        )
        self.orders = flag("orders", orders)
        self.plans = one_of("plans", plans, PLANS)
        self.keep_stops_of_open_positions = flag("keep_stops_of_open_positions", keep_stops_of_open_positions)
        self.looks_first = flag("looks_first", looks_first)
        self.closed_by = closed_by
        self.settle = pause("settle", settle, deadline=float("inf"))
        self.gives_way_to = gives_way_to
        self._patience = 0.0
        self.lookback_days = whole_number("lookback_days", lookback_days, 1, LONGEST_LOOKBACK_DAYS)

    def execute(self, context: Context) -> Any:
        """Say when it began, cancel, and return the report."""
        if self.gives_way_to is not None and has_begun(context, self.gives_way_to):
            raise AirflowSkipException(f"{self.gives_way_to} has begun: what is left here is for the phases after it")
        self._push(BEGAN_AT, time.time(), context)
        if context["ti"].try_number > 1:
            self._push(TRIED_BEFORE, True, context)
        if self.closed_by is not None and not (
            has_succeeded(context, self.closed_by) and is_proven_closed(_pulled(context, self.closed_by))
        ):
            self._patience = min(self.settle, self.deadline / 4)
        with _leaves_its_refusal(self, context):
            return self._carry_out(self._arguments(), context)

    def _read_arguments(self) -> Scope:
        return self._scope(lookback_days=self.lookback_days)

    def _prepare(self, hook: BitgetHook, arguments: Scope, known_ends: Mapping[str, str]) -> CancelAll:
        from airflow_provider_bitget.api.rows import OPENING_PLAN_TYPES, PLAN_TYPES, PROTECTIVE_PLAN_TYPES

        plan_types = {"opening": OPENING_PLAN_TYPES, "protective": PROTECTIVE_PLAN_TYPES, "all": PLAN_TYPES}
        return hook.prepare_cancel_all(
            arguments,
            orders=self.orders,
            plan_types=plan_types[self.plans],
            keep_stops_of_open_positions=self.keep_stops_of_open_positions,
            look_first=self.looks_first,
            deadline=self.deadline,
            # Else no second is lost here: the phases after this one look again.
            settle=0.0 if self.simulate else self._patience,
            simulate=self.simulate,
            known_ends=known_ends,
        )


class BitgetFlattenCloseOperator(BitgetClosePositionsOperator):
    """Close every position of a product type, as one phase of a flattened account.

    It is :class:`~airflow_provider_bitget.operators.bitget.BitgetClosePositionsOperator` for all symbols. It ends only
    when no position has shown for a while: after a fill, the position may show seconds later.

    :param product_type: (templated) one of the six product types, in any case.
    :param exclude_symbols: a literal list of symbols to leave alone.
    :param margin_coin: (templated) only positions that are margined in this coin.
    :param settle: seconds for which no position may show at the end.
    :param settle_after_fill: the same where an order may have filled while the orders were cancelled.
    :param earlier_task_ids: the phases before, in the same run and with the same map index. Their reports tell whether
        an order filled; a report that is missing counts as a fill.
    :param cancel_task_ids: those of them that cancel what may open a position. An order may fill although its cancel
        was acknowledged: no position may show until ``settle_after_fill`` after the last cancel.
    :param deadline: seconds for the whole run.
    :param simulate: report what would be closed; send nothing that changes anything.
    :param bitget_conn_id: (templated) id of the Airflow connection.
    :raises BitgetArgumentError: an argument cannot be used; nothing was sent.
    :raises BitgetTaskError: positions are left that another try may close; carries ``report``.
    :raises BitgetTaskFailError: positions are left, and no retry can help; carries ``report``.
    """

    def __init__(
        self,
        *,
        product_type: str,
        exclude_symbols: Iterable[str] = (),
        margin_coin: str | None = None,
        settle: float = 10,
        settle_after_fill: float = 30,
        earlier_task_ids: Iterable[str] = (),
        cancel_task_ids: Iterable[str] = (),
        deadline: float = 120,
        simulate: bool = False,
        bitget_conn_id: str = "bitget_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            product_type=product_type,
            all_symbols=True,
            exclude_symbols=exclude_symbols,
            margin_coin=margin_coin,
            deadline=deadline,
            settle=settle,
            cancel_locking_stops=True,
            simulate=simulate,
            bitget_conn_id=bitget_conn_id,
            **kwargs,
        )
        self.settle_after_fill = pause("settle_after_fill", settle_after_fill, deadline=deadline)
        self.earlier_task_ids = tuple(earlier_task_ids)
        self.cancel_task_ids = tuple(cancel_task_ids)
        self._last_cancel: LastCancel | None = None

    def execute(self, context: Context) -> Any:
        """Close, wait until no position shows, and return the report."""
        self.settle, self._last_cancel = _settle(self, context)
        with _leaves_its_refusal(self, context):
            return self._carry_out(self._arguments(), context)

    def _options(self) -> dict[str, Any]:
        return {**super()._options(), "last_cancel": self._last_cancel}


class BitgetCloseGateSensor(BaseSensorOperator):
    """Hold the close back while the cancel works, but not for long: positions lose money while an order hangs.

    It ends as soon as the cancel has succeeded or failed for good, and at the latest so early that the close starts
    ``close_after`` seconds after the cancel began, whatever becomes of the cancel: it may hang, wait for its next try,
    never start, or have died with its worker. It asks only Airflow, and between two looks it holds no slot.

    :param cancel_task_id: the cancel that is waited for, in the same run and with the same map index.
    :param close_after: seconds from the start of the cancel to the start of the close at most. The last 15 of them
        (half of them, where they are fewer than 30) are what Airflow may need to start the close.
    """

    ui_color = "#f4efd8"

    def __init__(self, *, cancel_task_id: str, close_after: float, **kwargs: Any) -> None:
        self.patience = close_after - min(_SECONDS_TO_HAND_OVER, close_after / 2)
        super().__init__(
            mode="reschedule",
            poke_interval=min(_SECONDS_BETWEEN_LOOKS, self.patience / 5),
            # Airflow counts from the first look on, through all reschedules and tries. This is for a cancel that never
            # said when it began, or says it anew in each try. Not a failure: the close starts then.
            timeout=self.patience,
            soft_fail=True,
            # What cannot be asked now is asked again.
            silent_fail=True,
            **kwargs,
        )
        self.cancel_task_id = cancel_task_id
        self.close_after = close_after

    def poke(self, context: Context) -> bool:
        """Look once whether the close may start."""
        began = _pulled(context, self.cancel_task_id, BEGAN_AT)
        if isinstance(began, int | float) and time.time() - began >= self.patience:
            self.log.warning("The close no longer waits for %s (close_after=%g)", self.cancel_task_id, self.close_after)
            return True
        state = _state_of(context, self.cancel_task_id)
        self.log.info("%s: %s", self.cancel_task_id, state or "not started")
        return state in _OVER


class BitgetProveFlatOperator(BitgetScopeOperator):
    """Prove that no open order, no plan order and no position is left: two complete reads in a row find nothing.

    Reads ``GET /api/v2/mix/order/orders-pending``, ``orders-plan-pending`` and
    ``GET /api/v2/mix/position/all-position``; sends nothing that changes anything. While something is left it looks
    again until the deadline. Returns the report, which is XCom ``return_value`` also when the task fails.

    :param product_type: (templated) one of the six product types, in any case.
    :param exclude_symbols: a literal list of symbols that do not count.
    :param margin_coin: (templated) only what is margined in this coin counts.
    :param lookback_days: how old an order may be, in days, for the lists to be asked about it.
    :param settle: seconds between the two reads at least.
    :param settle_after_fill: the same where an order filled during the run: its position may show seconds later.
    :param earlier_task_ids: the phases before, in the same run and with the same map index. Their reports tell whether
        an order filled; a report that is missing counts as a fill.
    :param cancel_task_ids: those of them that cancel what may open a position. An order may fill although its cancel
        was acknowledged: the last read is made ``settle_after_fill`` after the last cancel at the earliest.
    :param deadline: seconds for the whole run.
    :param simulate: look once, and do not fail over what is open.
    :param bitget_conn_id: (templated) id of the Airflow connection.
    :raises BitgetArgumentError: an argument cannot be used; nothing was sent.
    :raises BitgetTaskError: something is left, or the reads could not be completed; carries ``report``.
    :raises BitgetTaskFailError: the exchange refuses the credentials or the kind of account; carries ``report``.
    """

    run_name: ClassVar[str] = "Proof that nothing is left"
    metric: ClassVar[str] = "prove_flat"
    counted: ClassVar[tuple[str, ...]] = ("orders", "plan_orders", "positions")
    proof_name: ClassVar[str] = "orders, plan orders and positions"

    def __init__(
        self,
        *,
        product_type: str,
        exclude_symbols: Iterable[str] = (),
        margin_coin: str | None = None,
        lookback_days: int = 730,
        settle: float = 10,
        settle_after_fill: float = 30,
        earlier_task_ids: Iterable[str] = (),
        cancel_task_ids: Iterable[str] = (),
        deadline: float = 60,
        simulate: bool = False,
        bitget_conn_id: str = "bitget_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            product_type=product_type,
            symbol=None,
            all_symbols=True,
            exclude_symbols=exclude_symbols,
            margin_coin=margin_coin,
            deadline=deadline,
            simulate=simulate,
            bitget_conn_id=bitget_conn_id,
            **kwargs,
        )
        self.lookback_days = whole_number("lookback_days", lookback_days, 1, LONGEST_LOOKBACK_DAYS)
        self.settle = pause("settle", settle, deadline=deadline)
        self.settle_after_fill = pause("settle_after_fill", settle_after_fill, deadline=deadline)
        self.earlier_task_ids = tuple(earlier_task_ids)
        self.cancel_task_ids = tuple(cancel_task_ids)
        self._last_cancel: LastCancel | None = None

    def execute(self, context: Context) -> Any:
        """Read until flat or until the deadline, and return the report."""
        self.settle, self._last_cancel = _settle(self, context)
        with _leaves_its_refusal(self, context):
            return self._carry_out(self._arguments(), context)

    def _read_arguments(self) -> Scope:
        return self._scope(lookback_days=self.lookback_days)

    def _prepare(self, hook: BitgetHook, arguments: Scope, known_ends: Mapping[str, str]) -> ProveFlat:
        return hook.prepare_prove_flat(
            arguments,
            settle=self.settle,
            deadline=self.deadline,
            patient=not self.simulate,
            last_cancel=self._last_cancel,
        )

    def _doubt(self, report: RunReport) -> str:
        unread = super()._doubt(report)
        if unread or self.simulate or report.to_dict()["flat"]:
            return unread
        last = "" if self._last_cancel is None else f", the last of them {self.settle_after_fill:g} s after a cancel"
        return (
            f"Two complete reads in a row, {self.settle:g} s apart{last}, have to find nothing before the deadline of "
            f"{self.deadline:g} s"
        )

    def _describe(self, report: RunReport, blocking: Sequence[NotDone], doubt: str) -> str:
        as_dict = report.to_dict()
        counts = as_dict["counts"]
        left = ", ".join(f"{counts[name]} {name.replace('_', ' ')}" for name in self.counted)
        reason = (str(report.error) or type(report.error).__name__) if report.error is not None else doubt
        if not as_dict["verified"]:
            said = "Not known to be flat: no read could be completed"
        elif blocking:
            said = f"Not flat: {left} at the last read"
        else:
            said = f"Not proven to be flat: the last of {as_dict['reads']} complete reads found nothing"
        return said + (f". {reason}" if reason else "")


class BitgetFlattenReportOperator(BaseOperator):
    """Gather the reports of all phases, write the page, and fail if the account is not flat.

    Asks the exchange nothing. It returns the report as plain JSON types, which is XCom ``return_value`` also when the
    task fails: see :func:`airflow_provider_bitget.flatten_report.report.build_flatten_report`; ``pages`` names the two
    files that were written. A phase that left no report is named in it as such.

    Airflow emits the events of its ``outlets`` if it succeeds: if the account is flat. They carry the counts.

    :param phases: the task ids of the phases: product type -> phase -> task id, in the same run and with the same map
        index.
    :param exclude_symbols: the symbols that the run left alone.
    :param margin_coin: (templated) the only margin coin that the run touched.
    :param report_path: (templated) folder for the page, a path or a URL that Airflow's object storage knows, such as
        ``s3://aws_default@bucket/flatten``; ``None`` for no page.
    :param simulate: the run was one that sends nothing: it is not failed over what is open, and has no outlets.
    :param bitget_conn_id: (templated) the connection, which names the account in the report.
    :raises BitgetTaskFailError: the account is not flat; carries ``report``.
    :raises BitgetTaskError: the account is flat, and the page could not be written; carries ``report``.
    """

    template_fields: Sequence[str] = ("margin_coin", "bitget_conn_id", "report_path")
    ui_color = "#d8f3ec"

    def __init__(
        self,
        *,
        phases: Mapping[str, Mapping[str, str]],
        exclude_symbols: Iterable[str] = (),
        margin_coin: str | None = None,
        report_path: str | None = None,
        simulate: bool = False,
        bitget_conn_id: str = "bitget_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if simulate:
            # It succeeds whether the account is flat or not.
            self.outlets = []
        self.phases = phases
        self.exclude_symbols = tuple(exclude_symbols)
        self.margin_coin = margin_coin
        self.report_path = report_path
        self.simulate = simulate
        self.bitget_conn_id = bitget_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the report of a flat account; fail with that of any other."""
        from airflow_provider_bitget.flatten_report.report import build_flatten_report

        report = build_flatten_report(
            account=self.bitget_conn_id,
            product_types=list(self.phases),
            phases=list(self._reports(context)),
            simulated=self.simulate,
            ended=time.time(),
            exclude_symbols=self.exclude_symbols,
            margin_coin=self.margin_coin,
        )
        report["pages"] = {}
        # Before the pages: a storage that hangs takes the page with it, not the report.
        self._push(report, context)
        trouble = self._write_pages(report, context)
        self._push(report, context)
        verdict = self._conclude(report, trouble)
        put_into_events({name: report[name] for name in IN_EVENTS}, self, context)
        return verdict

    def _reports(self, context: Context) -> Iterator[dict[str, Any]]:
        for product_type, tasks in self.phases.items():
            for phase, task_id in tasks.items():
                report, refusal = _pulled(context, task_id), None
                if report is None:
                    state = self._state_in_words(context, task_id)
                    # One of an earlier try, before the run was cleared, is not what keeps this one.
                    refusal = _pulled(context, task_id, REFUSED) if state == "failed" else None
                    self.log.warning("%s left no report (%s)", task_id, state)
                elif phase == "prove" and _claims_flat(report):
                    # Airflow keeps the XCom of a run that was cleared until the task starts again, and a task may fail
                    # before it starts: what an earlier try has proven says nothing about now.
                    state = self._state_in_words(context, task_id)
                    if state != "success":
                        self.log.error("The proof of %s is of an earlier try (%s): it does not count", task_id, state)
                        report = None
                yield {"task": phase, "product_type": product_type, "report": report, "refusal": refusal}

    def _state_in_words(self, context: Context, task_id: str) -> str:
        try:
            return _state_of(context, task_id) or "it never started"
        except Exception as error:  # noqa: BLE001  # a word in the log, no more
            return f"its state is not known: {type(error).__name__}"

    def _push(self, report: dict[str, Any], context: Context) -> None:
        try:
            context["ti"].xcom_push(key="return_value", value=report)
        except Exception as error:  # noqa: BLE001  # a failing push never replaces the verdict
            self.log.error("The report could not be written to XCom: %s", type(error).__name__)

    def _write_pages(self, report: dict[str, Any], context: Context) -> str:
        """Write both pages, name them in the report, and return what kept one of them from being written."""
        if self.report_path is None:
            return ""
        from airflow_provider_bitget.flatten_report.markdown import render_markdown
        from airflow_provider_bitget.flatten_report.page import render_html

        trouble = ""
        if str(self.report_path).strip() in _NO_PATH:
            trouble = (
                "report_path rendered to nothing, so no page was written. Check what its template renders to, or leave "
                "report_path out for no page"
            )
            self.log.error("%s", trouble)
            return trouble
        name = page_name(context, self.bitget_conn_id)
        for kind, suffix, render in (("html", "html", render_html), ("markdown", "md", render_markdown)):
            try:
                report["pages"][kind] = written(self.report_path, f"{name}.{suffix}", render(report))
            except Exception as error:  # noqa: BLE001  # any storage may fail in any way; the verdict stands
                # Without the error's text: a storage's may hold a signed URL.
                trouble = f"The page {name}.{suffix} could not be written under report_path: {type(error).__name__}"
                if _is_of_a_missing_provider(error):
                    trouble += ". The Airflow provider of that storage is not installed on the worker"
                self.log.error("%s", trouble)
            else:
                self.log.info("Page: %s", report["pages"][kind])
        return trouble

    def _conclude(self, report: dict[str, Any], trouble: str) -> dict[str, Any]:
        from airflow_provider_bitget.flatten_report.sections import headline_of, sentences_of

        headline = " · ".join(headline_of(report))
        said = f"{headline}. {' '.join(sentences_of(report))}"
        if self.simulate:
            if report["left"]["known"] is not True:
                raise BitgetTaskFailError(f"The books could not be read: {said}", report)
        elif report["flat"] is not True:
            self.log.error("%s", headline)
            raise BitgetTaskFailError(said, report)
        self.log.info("%s", said)
        if trouble:
            raise BitgetTaskError(f"{headline}. {trouble}", report)
        return report


def is_proven_closed(report: Any) -> bool:
    """Return whether a close's report says that no position was left when it ended, for as long as it had to settle.

    :param report: the report. One that is missing, or no mapping, proves nothing.
    """
    if not isinstance(report, Mapping) or report.get("verified") is not True:
        return False
    counts = report.get("counts")
    return isinstance(counts, Mapping) and counts.get("failed") == 0 and counts.get("unresolved") == 0


def _claims_flat(report: Any) -> bool:
    return isinstance(report, Mapping) and report.get("flat") is True


def may_have_filled(report: Any) -> bool:
    """Return whether an order may have filled since a phase began, so that a position may still turn up.

    An order that a phase has left open may have filled before the next one looked.

    :param report: the phase's report. One that is missing, or no mapping, tells nothing: it may have.
    """
    if not isinstance(report, Mapping) or report.get("truncated"):
        return True
    unresolved = report.get("unresolved") or ()
    if "closed" in report:
        # Of positions: one that is open is no order.
        return any(row.get("category") in ("ambiguous", "not_found", "not_verified") for row in unresolved)
    ended = report.get("already_closed") or ()
    is_left_open = bool(report.get("failed") or unresolved)
    return is_left_open or any(row.get("state") == "filled" or row.get("childOrderId") for row in ended)


def page_name(context: Context, account: str) -> str:
    """Return a file name, without suffix, that is this run's and this account's own, the same in every try.

    :param context: the task's context.
    :param account: the connection's id.
    """
    ti = context["ti"]
    group = ti.task_id.rpartition(".")[0] or ti.task_id
    words = [ti.dag_id, group, account, ti.run_id, *([str(_map_index(ti))] if _map_index(ti) >= 0 else [])]
    whole = "__".join(words)
    name = "__".join(re.sub(r"[^A-Za-z0-9_.-]+", "-", word).strip(".-") for word in words)
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[:_LONGEST_NAME]}-{hashlib.sha256(whole.encode()).hexdigest()[:12]}"


def written(folder: str, name: str, text: str) -> str:
    """Write a file through Airflow's object storage and return where it is.

    :param folder: a path, which may begin with ``~``, or a URL.
    :param name: the file's name.
    :param text: its content.
    """
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    path = ObjectStoragePath(expanduser(folder.strip())) / name
    if path.protocol in ("", "file", "local"):
        # A bucket has no folders to make, and is not made by accident.
        path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return str(path)


@contextmanager
def _leaves_its_refusal(task: BitgetScopeOperator, context: Context) -> Iterator[None]:
    """Let a phase that cannot begin leave the reason for the report: no connection, or one that cannot be used."""
    try:
        yield
    except (AirflowNotFoundException, BitgetArgumentError, BitgetTaskFailError) as error:
        if getattr(error, "report", None) is None:
            task._push(REFUSED, str(error), context)
        raise


def _is_of_a_missing_provider(error: Exception) -> bool:
    """Return whether a storage is refused because nothing of its kind is installed."""
    # Airflow before 3.2 says so with a ValueError.
    return isinstance(error, ImportError) or "No filesystem registered for scheme" in str(error)


def has_begun(context: Context, task_id: str) -> bool:
    """Return whether another task of this run and this map index has begun; what cannot be asked has not.

    :param context: the task's context.
    :param task_id: the other task.
    """
    try:
        return _state_of(context, task_id) not in _NOT_BEGUN
    except Exception as error:  # noqa: BLE001  # Airflow's answer decides about being late, not about the orders
        log.warning("The state of %s is not known: %s", task_id, type(error).__name__)
        return False


def has_succeeded(context: Context, task_id: str) -> bool:
    """Return whether another task of this run and this map index has succeeded; what cannot be asked has not.

    A report in XCom alone does not say so: it may be of a try before the run was cleared.

    :param context: the task's context.
    :param task_id: the other task.
    """
    try:
        return _state_of(context, task_id) == "success"
    except Exception as error:  # noqa: BLE001  # then its report counts for nothing
        log.warning("The state of %s is not known: %s", task_id, type(error).__name__)
        return False


def last_cancel_of(report: Any, *, tried_before: bool) -> float | None:
    """Return when a phase cancelled something last, in seconds since the epoch by the exchange's clock, if it did.

    Infinity, where that is not known: then it counts as just now.

    :param report: the phase's report. If it is verified, nothing was cancelled after its last complete read.
    :param tried_before: it is not the phase's first try, and those before may have cancelled something.
    """
    if not isinstance(report, Mapping):
        return None
    counts, read = report.get("counts"), report.get("range")
    if not tried_before and not (isinstance(counts, Mapping) and counts.get("cancelled")):
        return None
    if report.get("verified") is not True or not isinstance(read, Mapping):
        return math.inf
    try:
        # Whole seconds are written down.
        return datetime.fromisoformat(read["to"]).timestamp() + 1.0
    except (KeyError, TypeError, ValueError):
        return math.inf


def _settle(
    task: BitgetFlattenCloseOperator | BitgetProveFlatOperator, context: Context
) -> tuple[float, LastCancel | None]:
    """Return for how many seconds nothing may show, and when orders were cancelled last, as far as reports tell."""
    if task.simulate:
        return 0.0, None
    from airflow_provider_bitget.trading.books import LastCancel

    reports = {task_id: _pulled(context, task_id) for task_id in task.earlier_task_ids}
    moments = [
        last_cancel_of(reports[task_id], tried_before=_pulled(context, task_id, TRIED_BEFORE) is not None)
        for task_id in task.cancel_task_ids
    ]
    known = [moment for moment in moments if moment is not None]
    last_cancel = LastCancel(max(known), task.settle_after_fill) if known else None
    if not any(map(may_have_filled, reports.values())):
        return task.settle, last_cancel
    settle = max(task.settle, task.settle_after_fill)
    task.log.info("An order may have filled during this run: nothing may show for %g s", settle)
    return settle, last_cancel


def _pulled(context: Context, task_id: str, key: str = "return_value") -> Any:
    """Return another task's XCom of this run and this map index, ``None`` without one."""
    ti = context["ti"]
    return ti.xcom_pull(task_ids=task_id, key=key, map_indexes=_map_index(ti))


def _state_of(context: Context, task_id: str) -> str:
    """Return the state of another task of this run and this map index, ``""`` where it has none yet."""
    ti: Any = context["ti"]
    ask = getattr(ti, "get_task_states", None)
    if ask is None:
        # Airflow 2: the task's own process reads the database.
        dag_run: Any = context["dag_run"]
        found = dag_run.get_task_instance(task_id, map_index=_map_index(ti))
        return str((found and found.state) or "")
    states = ask(dag_id=ti.dag_id, map_index=_map_index(ti), task_ids=[task_id], run_ids=[ti.run_id])
    return next((str(state or "") for state in states.get(ti.run_id, {}).values()), "")


def _map_index(ti: Any) -> int:
    return -1 if ti.map_index is None else int(ti.map_index)
