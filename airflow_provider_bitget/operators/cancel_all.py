# SPDX-License-Identifier: Apache-2.0
"""The operator that cancels everything that is open."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_bitget.operators.arguments import LONGEST_LOOKBACK_DAYS, flag, pause, whole_number
from airflow_provider_bitget.operators.scope import BitgetScopeOperator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_bitget.hooks.bitget import BitgetHook
    from airflow_provider_bitget.trading.cancel_all import CancelAll
    from airflow_provider_bitget.trading.scope import Scope


class BitgetCancelAllOrdersOperator(BitgetScopeOperator):
    """Cancel every open order of one symbol or of a whole product type, plan orders included, and prove it.

    Reads what is open, cancels it by id (``POST /api/v2/mix/order/batch-cancel-orders`` and
    ``POST /api/v2/mix/order/cancel-plan-order``), and reads again until two complete reads in a row show nothing, or
    until the deadline. For a whole product type without exclusions ``POST /api/v2/mix/order/cancel-all-orders``
    (https://www.bitget.com/api-doc/contract/trade/Cancel-All-Orders) then has to answer that there is no order to
    cancel, which covers orders of any age. Returns the report, which is XCom ``return_value`` also when the task fails.
    Trying again is safe: it begins with what is open then.

    Stop-loss and take-profit orders of open positions are cancelled too: close the positions first, or use
    ``plan_orders=False``.

    :param product_type: (templated) one of ``USDT-FUTURES``, ``COIN-FUTURES``, ``USDC-FUTURES``, ``SUSDT-FUTURES``,
        ``SCOIN-FUTURES``, ``SUSDC-FUTURES``, in any case.
    :param symbol: (templated) one trading pair such as ``"BTCUSDT"``; exclusive with ``all_symbols``. Empty, ``"*"``
        and a template that renders to nothing are refused.
    :param all_symbols: the literal ``True`` for every symbol of the product type; never templated.
    :param exclude_symbols: with ``all_symbols``: a literal list of symbols to leave alone.
    :param margin_coin: (templated) only orders that are margined in this coin, for example ``"USDT"``.
    :param plan_orders: cancel plan orders (trigger, trailing, take-profit and stop-loss) as well.
    :param lookback_days: how old an order may be, in days, 1 to 3650, where only lists can prove that none is left.
    :param deadline: seconds for the whole run. Keep it below ``execution_timeout``, which ends the task from outside.
    :param settle: seconds at least between the two empty reads.
    :param report_cancelled: put the ids of cancelled orders into the report (at most 1,000), not only their number.
    :param simulate: report what would be sent; send nothing that changes anything.
    :param bitget_conn_id: (templated) id of the Airflow connection.
    :raises BitgetArgumentError: an argument cannot be used; nothing was sent.
    :raises BitgetTaskError: orders are left, or nothing proves that none is; another try may end it; carries
        ``report``.
    :raises BitgetTaskFailError: orders are left, and no retry can help; carries ``report``.
    """

    run_name: ClassVar[str] = "Cancel of all open orders"
    metric: ClassVar[str] = "cancel_all"
    counted: ClassVar[tuple[str, ...]] = ("cancelled", "failed", "unresolved")
    keeps_ends: ClassVar[bool] = True

    def __init__(
        self,
        *,
        product_type: str = "USDT-FUTURES",
        symbol: str | None = None,
        all_symbols: bool = False,
        exclude_symbols: Iterable[str] = (),
        margin_coin: str | None = None,
        plan_orders: bool = True,
        lookback_days: int = 730,
        deadline: float = 300,
        settle: float = 1,
        report_cancelled: bool = False,
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
        self.settle = pause("settle", settle, deadline=self.deadline)
        self.report_cancelled = flag("report_cancelled", report_cancelled)

    def _read_arguments(self) -> Scope:
        return self._scope(lookback_days=self.lookback_days)

    def _prepare(self, hook: BitgetHook, arguments: Scope, known_ends: Mapping[str, str]) -> CancelAll:
        without_plan_orders: dict[str, Any] = {} if self.plan_orders else {"plan_types": ()}
        return hook.prepare_cancel_all(
            arguments,
            **without_plan_orders,
            deadline=self.deadline,
            settle=self.settle,
            report_cancelled=self.report_cancelled,
            simulate=self.simulate,
            known_ends=known_ends,
        )
