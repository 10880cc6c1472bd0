# SPDX-License-Identifier: Apache-2.0
"""The operator that cancels a list of orders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow.providers.common.compat.sdk import AirflowSkipException

from airflow_provider_bitget.operators.arguments import error_codes, flag, one_of, seconds, whole_number
from airflow_provider_bitget.operators.exceptions import BitgetTaskFailError
from airflow_provider_bitget.operators.reporting import BitgetReportingOperator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_bitget.hooks.bitget import BitgetHook
    from airflow_provider_bitget.trading.batch_cancel import BatchCancel
    from airflow_provider_bitget.trading.report import CancelReport, OrderOutcome


class BitgetBatchCancelOperator(BitgetReportingOperator):
    """Cancel a list of futures orders, and fail or warn according to what the exchange refused.

    Sends ``POST /api/v2/mix/order/batch-cancel-orders``
    (https://www.bitget.com/api-doc/contract/trade/Batch-Cancel-Orders), concurrently and within the exchange's
    limits, reads the open orders back, looks up how vanished orders ended, and returns a report in which every order
    is in exactly one of ``cancelled``, ``already_closed``, ``failed`` and ``unresolved``. The report is the return
    value, and is XCom ``return_value`` also when the task fails. Trying again is safe: an order that is gone is
    looked up, never guessed.

    Rows that carry a ``planType`` are plan orders (trigger, trailing, take-profit, stop-loss): they go to
    ``POST /api/v2/mix/order/cancel-plan-order``
    (https://www.bitget.com/api-doc/contract/plan/Cancel-Plan-Order) and are read back from the plan orders' own list.

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

    run_name: ClassVar[str] = "Batch cancel"
    metric: ClassVar[str] = "batch_cancel"
    counted: ClassVar[tuple[str, ...]] = ("cancelled", "failed", "unresolved")
    keeps_ends: ClassVar[bool] = True

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
        super().__init__(simulate=flag("simulate", simulate), bitget_conn_id=bitget_conn_id, **kwargs)
        self.orders = orders
        self.symbol = symbol
        self.product_type = product_type
        self.margin_coin = margin_coin
        self.on_failure = one_of("on_failure", on_failure, ("fail", "warn"))
        self.on_empty = one_of("on_empty", on_empty, ("success", "skip", "fail"))
        self.ignore_error_codes = error_codes("ignore_error_codes", ignore_error_codes)
        self.verify = flag("verify", verify)
        self.chunk_size = whole_number("chunk_size", chunk_size, 1, 50)
        self.deadline = seconds("deadline", deadline)
        self.report_cancelled = flag("report_cancelled", report_cancelled)

    def execute(self, context: Context) -> dict[str, Any]:
        """Cancel the orders and return the report."""
        from airflow_provider_bitget.trading.report import CancelReport

        arguments = self._arguments()
        if not arguments["orders"]:
            return self._nothing_to_do(CancelReport(arguments["product_type"], (), verified=False), context)
        report: dict[str, Any] = self._carry_out(arguments, context)
        return report

    def _read_arguments(self) -> dict[str, Any]:
        from airflow_provider_bitget.trading.order_list import (
            parse_margin_coin,
            parse_orders,
            parse_product_type,
            parse_symbol,
        )

        product_type = parse_product_type(self.product_type)
        symbol = parse_symbol(self.symbol)
        return {
            "product_type": product_type,
            "margin_coin": parse_margin_coin(self.margin_coin),
            "orders": parse_orders(self.orders, symbol=symbol, product_type=product_type),
        }

    def _prepare(self, hook: BitgetHook, arguments: dict[str, Any], known_ends: Mapping[str, str]) -> BatchCancel:
        return hook.prepare_batch_cancel(
            **arguments,
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
            self._put_into_events(report, context)
            return report.to_dict()
        self._publish(report, context)
        if self.on_empty == "skip":
            raise AirflowSkipException("The list of orders is empty (on_empty='skip')")
        raise BitgetTaskFailError("The list of orders is empty (on_empty='fail')", report.to_dict())

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
