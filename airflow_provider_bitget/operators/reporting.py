# SPDX-License-Identifier: Apache-2.0
"""What every operator here does alike: read its arguments, run once, publish a report, and end with a verdict.

The report reaches XCom before the task fails, a push that fails never replaces the verdict, and a run that is
interrupted publishes what it had done by then.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_bitget.operators.earlier_tries import EarlierTries
from airflow_provider_bitget.operators.exceptions import (
    BitgetArgumentError,
    BitgetTaskError,
    BitgetTaskFailError,
)
from airflow_provider_bitget.operators.outlets import put_into_events

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_bitget.hooks.bitget import BitgetHook

log = logging.getLogger(__name__)

_NAMED_IN_MESSAGE: Final = 10
_NAMED_IN_LOG_LINE: Final = 20
_NO_CONNECTION: Final = frozenset({"", "None", "null"})
_IN_EVENTS: Final[tuple[str, ...]] = ("product_type", "symbol", "exclude_symbols", "margin_coin", "counts", "verified")
"""What of a report is in the events of a task's outlets, as far as the report has it."""


class NotDone(Protocol):
    """One order or position whose end is not what was asked for. As text it names itself.

    It may have a ``bucket``, ``failed`` or ``unresolved``; without one it is simply left.
    """

    @property
    def detail(self) -> str:
        """The category of the failure, or why the end is not known."""

    @property
    def code(self) -> str:
        """The exchange's last code for it, ``""`` if there was none."""

    @property
    def message(self) -> str:
        """The exchange's last text for it."""

    @property
    def curable(self) -> bool:
        """Whether another try could still end it."""


class RunReport(Protocol):
    """What a run did."""

    @property
    def error(self) -> Exception | None:
        """What ended the run early, if anything did."""

    @property
    def rate_limited(self) -> int:
        """Answers that refused for too many requests."""

    def not_done(self) -> Sequence[NotDone]:
        """Return everything that is left, what is known to be open first."""

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON types."""


class Run(Protocol):
    """Something that is run once and can be stopped."""

    def run(self) -> RunReport:
        """Do it, and return the report."""

    def request_stop(self) -> None:
        """Ask for the end of the run. Safe in a signal handler."""

    def report(self) -> RunReport:
        """Return the report as things stand."""


class BitgetReportingOperator(BaseOperator):
    """Base of operators that run something once and report what became of it.

    A subclass reads its arguments (:meth:`_read_arguments`), prepares the run (:meth:`_prepare`), and may say what else
    keeps the task from succeeding (:meth:`_blocking`, :meth:`_doubt`).

    The events of the task's ``outlets`` carry the report's counts.

    :param simulate: report what would be sent; send nothing that changes anything. No other DAG begins over it: the
        task has no outlets then.
    :param bitget_conn_id: (templated) id of the Airflow connection.
    """

    #: Opens log lines: what is run.
    run_name: ClassVar[str] = "Run"
    #: The middle of the metrics' names: ``bitget.<metric>.requests``.
    metric: ClassVar[str] = "run"
    #: Which of the report's counts are counted in Airflow's metrics.
    counted: ClassVar[tuple[str, ...]] = ("failed", "unresolved")
    #: What the report is about, in messages.
    item_name: ClassVar[str] = "orders"
    #: What a complete read proves, in messages.
    proof_name: ClassVar[str] = "the open orders"
    #: The XCom key of a report that is not returned.
    report_key: ClassVar[str] = "return_value"
    #: Whether the ends that were proven are kept for the task's next try.
    keeps_ends: ClassVar[bool] = False

    def __init__(self, *, simulate: bool, bitget_conn_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if simulate:
            self.outlets = []
        self.simulate = simulate
        self.bitget_conn_id = bitget_conn_id
        self._run: Run | None = None
        self._killed = False

    def execute(self, context: Context) -> Any:
        """Run, and return the report."""
        return self._carry_out(self._arguments(), context)

    def on_kill(self) -> None:
        """Send nothing more; the report is written within two seconds."""
        self._killed = True
        run = self._run
        if run is not None:
            run.request_stop()

    # What a subclass says

    @abstractmethod
    def _read_arguments(self) -> Any:
        """Return the rendered arguments, checked.

        :raises BitgetConfigError: one of them cannot be used.
        """

    @abstractmethod
    def _prepare(self, hook: BitgetHook, arguments: Any, known_ends: Mapping[str, str]) -> Run:
        """Return the run, ready to start.

        :param hook: the account.
        :param arguments: what :meth:`_read_arguments` returned.
        :param known_ends: ``filled`` or ``cancelled`` by orderId, as earlier tries have proven it.
        :raises BitgetConfigError: the connection cannot be used.
        """

    def _blocking(self, report: Any) -> Sequence[NotDone]:
        """Return what keeps the task from succeeding."""
        found: Sequence[NotDone] = report.not_done()
        return found

    def _doubt(self, report: RunReport) -> str:
        """Return why a report that names nothing that is left does not prove that nothing is; ``""`` if it does."""
        return ""

    def _result(self, report: Any, context: Context) -> Any:
        """Return what a task that succeeds returns."""
        return report.to_dict()

    # What all do alike

    def _arguments(self) -> Any:
        from airflow_provider_bitget.api.exceptions import BitgetConfigError

        if str(self.bitget_conn_id or "").strip() in _NO_CONNECTION:
            raise BitgetArgumentError(
                "bitget_conn_id must be the id of an Airflow connection such as 'bitget_default', but came as nothing "
                f"(type {type(self.bitget_conn_id).__name__}). Check what its template renders to."
            )
        try:
            return self._read_arguments()
        except BitgetConfigError as error:
            raise BitgetArgumentError(str(error)) from None

    def _carry_out(self, arguments: Any, context: Context) -> Any:
        from airflow_provider_bitget.hooks.bitget import BitgetHook

        earlier = EarlierTries(context if self.keeps_ends else {})
        hook = BitgetHook(self.bitget_conn_id)
        try:
            self._run = self._prepared(hook, arguments, earlier.ends)
            report = self._run_to_its_end(self._run, earlier, context)
        finally:
            self._run = None
            hook.close()
        return self._conclude(report, context)

    def _prepared(self, hook: BitgetHook, arguments: Any, known_ends: Mapping[str, str]) -> Run:
        from airflow_provider_bitget.api.exceptions import BitgetConfigError

        try:
            return self._prepare(hook, arguments, known_ends)
        except BitgetConfigError as error:
            raise BitgetTaskFailError(f"Nothing was sent: {error}") from None

    def _run_to_its_end(self, run: Run, earlier: EarlierTries, context: Context) -> Any:
        report: Any
        if self._killed:
            run.request_stop()
        try:
            report = run.run()
        except BaseException:
            # Airflow's timeout or a kill: what was done by then is still worth knowing.
            report = run.report()
            self._publish(report, context)
            earlier.remember(report)
            raise
        earlier.remember(report)
        return report

    def _conclude(self, report: RunReport, context: Context) -> Any:
        """Return the result of a task that is done; publish the report and raise for one that is not."""
        doubt = self._doubt(report)
        if self.simulate and report.error is None and not doubt:
            return self._result(report, context)
        blocking = self._blocking(report)
        if report.error is None and not blocking and not doubt:
            self._log_report(report)
            self._put_into_events(report, context)
            return self._result(report, context)
        published = self._publish(report, context)
        message = self._describe(report, blocking, doubt)
        failure = BitgetTaskFailError if _is_final(report, blocking, doubt) else BitgetTaskError
        # Without its traceback: the frames of a request hold its headers.
        raise failure(message, published) from (report.error and report.error.with_traceback(None))

    def _publish(self, report: RunReport, context: Context) -> dict[str, Any]:
        """Log and push the report of a task that will not return it."""
        self._log_report(report)
        as_dict = report.to_dict()
        self._push(self.report_key, as_dict, context)
        return as_dict

    def _put_into_events(self, report: RunReport, context: Context) -> None:
        """Tell the DAGs that are scheduled on this task's outlets what was done."""
        as_dict = report.to_dict()
        told = {name: as_dict[name] for name in _IN_EVENTS if name in as_dict}
        put_into_events({"account": self.bitget_conn_id, **told}, self, context)

    def _push(self, key: str, value: Any, context: Context) -> None:
        """Push to XCom, where the task pushes anything. A push that fails never replaces the verdict."""
        if not self.do_xcom_push:
            return
        try:
            context["ti"].xcom_push(key=key, value=value)
        except Exception as error:  # noqa: BLE001  # the orders matter more than the report's copy
            self.log.error("The report could not be written to XCom: %s", type(error).__name__)

    def _log_report(self, report: RunReport) -> None:
        """Log the numbers, and everything that is not done."""
        as_dict = report.to_dict()
        self.log.info(
            "%s of %s: %s; %d requests (%d repeated) in %d ms, %s were %sread back",
            self.run_name,
            " ".join(filter(None, (as_dict["product_type"], as_dict.get("symbol", "")))),
            ", ".join(f"{count} {name}" for name, count in as_dict["counts"].items()),
            as_dict["requests"],
            as_dict["retries"],
            as_dict["duration_ms"],
            self.proof_name,
            "" if as_dict["verified"] else "not ",
        )
        for (bucket, detail, code, message), names in _grouped(report.not_done()):
            self.log.log(
                logging.WARNING if bucket == "failed" else logging.ERROR,
                "%s (%s; %s): %s",
                bucket.capitalize(),
                detail,
                " ".join(filter(None, (code, message))) or "the exchange gave no code",
                ", ".join(names),
            )
        self._count(report, as_dict)

    def _count(self, report: RunReport, as_dict: dict[str, Any]) -> None:
        """Count in Airflow's metrics, where they are switched on."""
        try:
            from airflow.providers.common.compat.sdk import Stats
        except (ImportError, AttributeError):
            return
        numbers = {name: as_dict["counts"].get(name, 0) for name in self.counted}
        numbers |= {"requests": as_dict["requests"], "rate_limited": report.rate_limited}
        for name, count in numbers.items():
            try:
                Stats.incr(f"bitget.{self.metric}.{name}", count, tags={"product_type": as_dict["product_type"]})
            except Exception as error:  # noqa: BLE001  # a metrics back end never replaces the verdict
                log.warning("The metrics could not be counted: %s", type(error).__name__)
                return

    def _describe(self, report: RunReport, blocking: Sequence[NotDone], doubt: str) -> str:
        """Say in one line what is left and why."""
        counts = report.to_dict()["counts"]
        failed, unresolved = counts.get("failed", 0), counts.get("unresolved", 0)
        parts = [
            f"Not done: {failed + unresolved} of {counts.get('requested', 0)} {self.item_name} "
            f"({failed} failed, {unresolved} unresolved)"
            if counts.get("requested", 0)
            else f"Not done: no {self.item_name} were found, and nothing proves that there are none"
        ]
        if report.error is not None:
            parts.append(str(report.error) or type(report.error).__name__)
        elif doubt:
            parts.append(doubt)
        named = [f"{item} ({item.code or item.detail})" for item in blocking[:_NAMED_IN_MESSAGE]]
        if named:
            more = len(blocking) - len(named)
            parts.append(f"{self.item_name.capitalize()}: {', '.join(named)}" + (f" and {more} more" if more else ""))
        return ". ".join(parts)


def _is_final(report: RunReport, blocking: Sequence[NotDone], doubt: str) -> bool:
    """Whether no other try can end what is left."""
    from airflow_provider_bitget.api.exceptions import HOPELESS, BitgetCallError
    from airflow_provider_bitget.trading.report import is_curable

    if isinstance(report.error, HOPELESS):
        # Refused credentials or arguments are the same for everything, also for what was never sent.
        return True
    if any(item.curable for item in blocking):
        return False
    if isinstance(report.error, BitgetCallError) and not is_curable(report.error.category):
        return True
    return bool(blocking) and not doubt


def _grouped(items: Iterable[NotDone]) -> Iterator[tuple[tuple[str, str, str, str], list[str]]]:
    """Yield the names of items that share their fate, so many to a line that it can still be read."""
    groups: dict[tuple[str, str, str, str], list[str]] = {}
    for item in items:
        bucket = str(getattr(item, "bucket", "left"))
        groups.setdefault((bucket, item.detail, item.code, item.message), []).append(str(item))
    for fate, names in groups.items():
        for start in range(0, len(names), _NAMED_IN_LOG_LINE):
            yield fate, names[start : start + _NAMED_IN_LOG_LINE]
