# SPDX-License-Identifier: Apache-2.0
"""Operators for Bitget futures. Parsing a DAG imports nothing heavy: what a task needs is imported when it runs."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator

from airflow_provider_bitget.operators.earlier_tries import EarlierTries
from airflow_provider_bitget.operators.exceptions import (
    BitgetArgumentError,
    BitgetTaskError,
    BitgetTaskFailError,
)

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_bitget.api.exceptions import BitgetError
    from airflow_provider_bitget.trading.batch_cancel import BatchCancel
    from airflow_provider_bitget.trading.order_list import OrderRef
    from airflow_provider_bitget.trading.report import CancelReport, OrderOutcome

log = logging.getLogger(__name__)

_LONGEST_DEADLINE = 86_400.0
_NAMED_IN_MESSAGE = 10
_NAMED_IN_LOG_LINE = 20


class BitgetBatchCancelOperator(BaseOperator):
    """Cancel a list of futures orders, and fail or warn according to what the exchange refused.

    Sends ``POST /api/v2/mix/order/batch-cancel-orders``
    (https://www.bitget.com/api-doc/contract/trade/Batch-Cancel-Orders), concurrently and within the exchange's
    limits, reads the open orders back, looks up how vanished orders ended, and returns a report in which every order
    is in exactly one of ``cancelled``, ``already_closed``, ``failed`` and ``unresolved``. The report is the return
    value, and is XCom ``return_value`` also when the task fails. Trying again is safe: an order that is gone is
    looked up, never guessed.

    :param orders: (templated) what to cancel: any sequence of ids (text or int) or of mappings with ``orderId`` or
        ``clientOid`` and ``symbol`` (snake_case too), best as ``upstream_task.output``; or text that holds such a
        list as JSON or as Python's repr, which is what a Jinja template renders to. A list of lists, as a mapped
        upstream task gives, is flattened by one level. Floats are refused: an id that went through one has lost
        digits. ``None`` always fails.
    :param symbol: (templated) for orders that carry none, for example ``"BTCUSDT"``.
    :param product_type: (templated) one of ``USDT-FUTURES``, ``COIN-FUTURES``, ``USDC-FUTURES``, ``SUSDT-FUTURES``,
        ``SCOIN-FUTURES``, ``SUSDC-FUTURES``, in any case.
    :param margin_coin: (templated) for example ``"USDT"``; optional.
    :param on_failure: ``"fail"`` (default) or ``"warn"``: what orders in ``failed`` do to the task. ``"warn"`` covers
        only these; unresolved orders and refused credentials always fail the task.
    :param on_empty: ``"success"`` (default), ``"skip"`` or ``"fail"``: what an empty list does. Nothing is sent for
        one.
    :param ignore_error_codes: codes whose orders stay in ``failed`` but do not fail the task. Never covers unresolved
        orders.
    :param verify: read the open orders back (default). Without it, an acknowledged order counts as cancelled unproven.
    :param chunk_size: orders per request, 1 to 50.
    :param deadline: seconds for the whole call. What is not reached by then is ``unresolved`` in the report. Keep it
        below ``execution_timeout``, which ends the task from outside.
    :param report_cancelled: put the ids of cancelled orders into the report (at most 1,000), not only their number.
    :param simulate: report what would be sent; send nothing that changes anything.
    :param bitget_conn_id: (templated) id of the Airflow connection.
    :raises BitgetArgumentError: an argument cannot be used; nothing was sent.
    :raises BitgetTaskError: orders are left that another try may cancel; carries ``report``.
    :raises BitgetTaskFailError: orders are left, and no retry can help; carries ``report``.
    """

    template_fields: Sequence[str] = ("orders", "symbol", "product_type", "margin_coin", "bitget_conn_id")
    template_fields_renderers = {"orders": "json"}  # noqa: RUF012  # declared so by Airflow
    ui_color = "#d8f3ec"

    def __init__(
        self,
        *,
        orders: Any,
        symbol: str | None = None,
        product_type: str = "USDT-FUTURES",
        margin_coin: str | None = None,
        on_failure: Literal["fail", "warn"] = "fail",
        on_empty: Literal["success", "skip", "fail"] = "success",
        ignore_error_codes: Iterable[str | int] = (),
        verify: bool = True,
        chunk_size: int = 50,
        deadline: float = 300,
        report_cancelled: bool = False,
        simulate: bool = False,
        bitget_conn_id: str = "bitget_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.orders = orders
        self.symbol = symbol
        self.product_type = product_type
        self.margin_coin = margin_coin
        self.on_failure = _one_of("on_failure", on_failure, ("fail", "warn"))
        self.on_empty = _one_of("on_empty", on_empty, ("success", "skip", "fail"))
        self.ignore_error_codes = _codes(ignore_error_codes)
        self.verify = _flag("verify", verify)
        self.chunk_size = _whole_number("chunk_size", chunk_size, 1, 50)
        self.deadline = _seconds("deadline", deadline)
        self.report_cancelled = _flag("report_cancelled", report_cancelled)
        self.simulate = _flag("simulate", simulate)
        self.bitget_conn_id = bitget_conn_id
        self._run: BatchCancel | None = None
        self._killed = False

    def execute(self, context: Context) -> dict[str, Any]:
        """Cancel the orders and return the report."""
        from airflow_provider_bitget.api.exceptions import BitgetConfigError
        from airflow_provider_bitget.trading.report import CancelReport

        try:
            product_type, margin_coin, orders = self._read_arguments()
        except BitgetConfigError as error:
            raise BitgetArgumentError(str(error)) from None
        if not orders:
            return self._nothing_to_do(CancelReport(product_type, (), verified=False), context)
        earlier = EarlierTries(context)
        try:
            run = self._prepare(product_type, margin_coin, orders, earlier.ends)
        except BitgetConfigError as error:
            raise BitgetTaskFailError(f"Nothing was sent: {error}") from None
        self._run = run
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
        finally:
            self._run = None
        earlier.remember(report)
        return self._conclude(report, context)

    def on_kill(self) -> None:
        """Send nothing more; the report is written within two seconds."""
        self._killed = True
        run = self._run
        if run is not None:
            run.request_stop()

    def _read_arguments(self) -> tuple[str, str | None, list[OrderRef]]:
        from airflow_provider_bitget.trading.order_list import (
            parse_margin_coin,
            parse_orders,
            parse_product_type,
            parse_symbol,
        )

        product_type = parse_product_type(self.product_type)
        symbol = parse_symbol(self.symbol)
        margin_coin = parse_margin_coin(self.margin_coin)
        return product_type, margin_coin, parse_orders(self.orders, symbol=symbol, product_type=product_type)

    def _prepare(
        self, product_type: str, margin_coin: str | None, orders: list[OrderRef], known_ends: dict[str, str]
    ) -> BatchCancel:
        from airflow_provider_bitget.hooks.bitget import BitgetHook

        return BitgetHook(self.bitget_conn_id).prepare_batch_cancel(
            orders,
            product_type=product_type,
            margin_coin=margin_coin,
            verify=self.verify,
            chunk_size=self.chunk_size,
            deadline=self.deadline,
            report_cancelled=self.report_cancelled,
            simulate=self.simulate,
            known_ends=known_ends,
        )

    def _nothing_to_do(self, report: CancelReport, context: Context) -> dict[str, Any]:
        self.log.info("The list of orders is empty: nothing was sent")
        if self.on_empty == "success":
            return report.to_dict()
        self._publish(report, context)
        if self.on_empty == "skip":
            raise AirflowSkipException("The list of orders is empty (on_empty='skip')")
        raise BitgetTaskFailError("The list of orders is empty (on_empty='fail')", report.to_dict())

    def _conclude(self, report: CancelReport, context: Context) -> dict[str, Any]:
        """Return the report of a task that is done; publish it and raise for one that is not."""
        from airflow_provider_bitget.api.exceptions import BitgetAuthError

        if self.simulate and report.error is None:
            return report.to_dict()
        blocking = self._blocking(report)
        if report.error is None and not blocking:
            self._log_report(report)
            return report.to_dict()
        published = self._publish(report, context)
        message = _describe(report, blocking)
        # Refused credentials are the same for every order, also for those that were never sent.
        is_final = isinstance(report.error, BitgetAuthError) or (
            bool(blocking) and not any(outcome.curable for outcome in blocking)
        )
        failure = BitgetTaskFailError if is_final else BitgetTaskError
        # Without its traceback: the frames of a request hold its headers.
        raise failure(message, published) from (report.error and report.error.with_traceback(None))

    def _blocking(self, report: CancelReport) -> list[OrderOutcome]:
        """Return the orders that keep the task from succeeding."""
        from airflow_provider_bitget.trading.report import Bucket

        unresolved = report.in_bucket(Bucket.UNRESOLVED)
        refused = report.in_bucket(Bucket.FAILED)
        # Whatever the task is told to put up with: credentials and the kind of account are for a person to mend.
        always = [outcome for outcome in refused if outcome.detail in ("auth", "account_mode")]
        if self.on_failure == "warn":
            return unresolved + always
        others = [outcome for outcome in refused if outcome.code not in self.ignore_error_codes]
        return unresolved + always + [outcome for outcome in others if outcome not in always]

    def _publish(self, report: CancelReport, context: Context) -> dict[str, Any]:
        """Log and push the report of a task that will not return it. A failing push never replaces the verdict."""
        self._log_report(report)
        as_dict = report.to_dict()
        if self.do_xcom_push:
            try:
                context["ti"].xcom_push(key="return_value", value=as_dict)
            except Exception as error:  # noqa: BLE001  # the orders matter more than the report's copy
                self.log.error("The report could not be written to XCom: %s", type(error).__name__)
        return as_dict

    def _log_report(self, report: CancelReport) -> None:
        """Log the numbers, and every order that is not done."""
        from airflow_provider_bitget.trading.report import Bucket

        self.log.info(
            "Batch cancel of %s: %s; %d requests (%d repeated) in %d ms, %s",
            report.product_type,
            ", ".join(f"{count} {name}" for name, count in report.counts.items()),
            report.requests,
            report.retries,
            report.duration_ms,
            "the open orders were read back" if report.verified else "the open orders were not read back",
        )
        for (bucket, detail, code, message), names in _grouped(report.not_done()):
            self.log.log(
                logging.ERROR if bucket is Bucket.UNRESOLVED else logging.WARNING,
                "%s (%s; %s): %s",
                bucket.value.capitalize(),
                detail,
                " ".join(filter(None, (code, message))) or "the exchange gave no code",
                ", ".join(names),
            )
        _count(report)


def _grouped(outcomes: Iterable[OrderOutcome]) -> Iterator[tuple[tuple[Any, str, str, str], list[str]]]:
    """Yield the names of orders that share their fate, so many to a line that it can still be read."""
    groups: dict[tuple[Any, str, str, str], list[str]] = {}
    for outcome in outcomes:
        fate = (outcome.bucket, outcome.detail, outcome.code, outcome.message)
        groups.setdefault(fate, []).append(str(outcome.ref))
    for fate, names in groups.items():
        for start in range(0, len(names), _NAMED_IN_LOG_LINE):
            yield fate, names[start : start + _NAMED_IN_LOG_LINE]


def _describe(report: CancelReport, blocking: Sequence[OrderOutcome]) -> str:
    """Say in one line what is left and why."""
    counts = report.counts
    left = counts["failed"] + counts["unresolved"]
    parts = [
        f"Not done: {left} of {counts['requested']} orders "
        f"({counts['failed']} failed, {counts['unresolved']} unresolved)"
    ]
    if report.error is not None:
        parts.append(_reason(report.error))
    named = [f"{outcome.ref} ({outcome.code or outcome.detail})" for outcome in blocking[:_NAMED_IN_MESSAGE]]
    if named:
        more = len(blocking) - len(named)
        parts.append("Orders: " + ", ".join(named) + (f" and {more} more" if more else ""))
    return ". ".join(parts)


def _reason(error: BitgetError | Exception) -> str:
    return str(error) or type(error).__name__


def _count(report: CancelReport) -> None:
    """Count in Airflow's metrics, where they are switched on."""
    try:
        from airflow.providers.common.compat.sdk import Stats
    except (ImportError, AttributeError):
        return
    tags = {"product_type": report.product_type}
    for name, count in (
        ("cancelled", report.counts["cancelled"]),
        ("failed", report.counts["failed"]),
        ("unresolved", report.counts["unresolved"]),
        ("requests", report.requests),
        ("rate_limited", report.rate_limited),
    ):
        try:
            Stats.incr(f"bitget.batch_cancel.{name}", count, tags=tags)
        except Exception as error:  # noqa: BLE001  # a metrics back end never replaces the verdict
            log.warning("The metrics could not be counted: %s", type(error).__name__)
            return


def _one_of(name: str, value: Any, allowed: tuple[str, ...]) -> Any:
    if value not in allowed:
        raise BitgetArgumentError(
            f"{name} must be one of {', '.join(map(repr, allowed))}, but came as type {type(value).__name__}"
            + (f" ({value[:24]!r})." if isinstance(value, str) else ".")
        )
    return value


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise BitgetArgumentError(f"{name} must be True or False, but came as type {type(value).__name__}.")
    return value


def _whole_number(name: str, value: Any, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        came = value if isinstance(value, int) else f"type {type(value).__name__}"
        raise BitgetArgumentError(f"{name} must be a whole number from {least} to {most}, but came as {came}.")
    return value


def _seconds(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= _LONGEST_DEADLINE:
        came = value if isinstance(value, (int, float)) else f"type {type(value).__name__}"
        raise BitgetArgumentError(f"{name} must be seconds, above 0 and at most 86400, but came as {came}.")
    return value


def _codes(value: Any) -> frozenset[str]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise BitgetArgumentError(
            f"ignore_error_codes must be a list of codes such as ['45034'], but came as type {type(value).__name__}."
        )
    codes = list(value)
    if not all(isinstance(code, (str, int)) and not isinstance(code, bool) for code in codes):
        raise BitgetArgumentError("ignore_error_codes must hold codes as text, such as '45034'.")
    return frozenset(str(code) for code in codes)
