# SPDX-License-Identifier: Apache-2.0
"""The operator that lists what is open."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_bitget.operators.arguments import LONGEST_LOOKBACK_DAYS, flag, whole_number
from airflow_provider_bitget.operators.reporting import NotDone, RunReport
from airflow_provider_bitget.operators.scope import BitgetScopeOperator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_bitget.hooks.bitget import BitgetHook
    from airflow_provider_bitget.trading.open_orders import ListOpenOrders, OpenOrdersReport
    from airflow_provider_bitget.trading.scope import Scope


class BitgetListOpenOrdersOperator(BitgetScopeOperator):
    """List the open orders, live and partially filled, as rows that the batch cancel takes as they are.

    Reads ``GET /api/v2/mix/order/orders-pending``
    (https://www.bitget.com/api-doc/contract/trade/Get-Orders-Pending) and, with ``plan_orders``,
    ``GET /api/v2/mix/order/orders-plan-pending``
    (https://www.bitget.com/api-doc/contract/plan/get-orders-plan-pending), in windows of at most three months back to
    ``lookback_days``. Returns the exchange's rows, each with ``productType``; a plan order's row has its concrete
    ``planType`` too. A read that does not reach its end fails the task: a part of the orders is never returned as the
    whole. XCom ``report`` holds the counts and the range that was read, also when the task fails. It sends no write,
    so trying again is safe.

    ::

        open_orders = BitgetListOpenOrdersOperator(task_id="open_orders", all_symbols=True, plan_orders=True)
        BitgetBatchCancelOperator(task_id="cancel", orders=open_orders.output)

    :param product_type: (templated) one of ``USDT-FUTURES``, ``COIN-FUTURES``, ``USDC-FUTURES``, ``SUSDT-FUTURES``,
        ``SCOIN-FUTURES``, ``SUSDC-FUTURES``, in any case.
    :param symbol: (templated) one trading pair such as ``"BTCUSDT"``; exclusive with ``all_symbols``. Empty, ``"*"``
        and a template that renders to nothing are refused.
    :param all_symbols: the literal ``True`` for every symbol of the product type; never templated.
    :param plan_orders: list plan orders (trigger, trailing, take-profit and stop-loss) as well.
    :param exclude_symbols: with ``all_symbols``: a literal list of symbols to leave out.
    :param margin_coin: (templated) only orders that are margined in this coin, for example ``"USDT"``.
    :param lookback_days: how old an order may be, in days, 1 to 3650. Every three months cost some more reads.
    :param deadline: seconds for the whole read.
    :param simulate: taken as by the other operators; a list sends no write in any case.
    :param bitget_conn_id: (templated) id of the Airflow connection.
    :raises BitgetArgumentError: an argument cannot be used; nothing was sent.
    :raises BitgetTaskError: a read did not reach its end; another try may. Carries ``report``.
    :raises BitgetTaskFailError: credentials, account mode or request were refused; carries ``report``.
    """

    run_name: ClassVar[str] = "List of open orders"
    metric: ClassVar[str] = "list_open_orders"
    counted: ClassVar[tuple[str, ...]] = ("orders", "plan_orders")
    report_key: ClassVar[str] = "report"

    def __init__(
        self,
        *,
        product_type: str = "USDT-FUTURES",
        symbol: str | None = None,
        all_symbols: bool = False,
        plan_orders: bool = False,
        exclude_symbols: Iterable[str] = (),
        margin_coin: str | None = None,
        lookback_days: int = 730,
        deadline: float = 60,
        simulate: bool = False,
        bitget_conn_id: str = "bitget_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            product_type=product_type,
            symbol=symbol,
            all_symbols=all_symbols,
            exclude_symbols=exclude_symbols,
            margin_coin=margin_coin,
            deadline=deadline,
            simulate=simulate,
            bitget_conn_id=bitget_conn_id,
            **kwargs,
        )
        self.plan_orders = flag("plan_orders", plan_orders)
        self.lookback_days = whole_number("lookback_days", lookback_days, 1, LONGEST_LOOKBACK_DAYS)

    def _read_arguments(self) -> Scope:
        return self._scope(lookback_days=self.lookback_days)

    def _prepare(self, hook: BitgetHook, arguments: Scope, known_ends: Mapping[str, str]) -> ListOpenOrders:
        return hook.prepare_list_open_orders(arguments, plan_orders=self.plan_orders, deadline=self.deadline)

    def _result(self, report: OpenOrdersReport, context: Context) -> list[dict[str, Any]]:
        self._push(self.report_key, report.to_dict(), context)
        return report.rows()

    def _describe(self, report: RunReport, blocking: Sequence[NotDone], doubt: str) -> str:
        reason = str(report.error) if report.error is not None else doubt
        return f"The open orders could not be read to the end, so none is returned. {reason}"
