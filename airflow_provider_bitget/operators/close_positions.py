# SPDX-License-Identifier: Apache-2.0
"""The operator that closes positions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_provider_bitget.operators.arguments import flag, pause, side_or_both
from airflow_provider_bitget.operators.scope import BitgetScopeOperator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_bitget.hooks.bitget import BitgetHook
    from airflow_provider_bitget.trading.close_positions import ClosePositions
    from airflow_provider_bitget.trading.scope import Scope


class BitgetClosePositionsOperator(BitgetScopeOperator):
    """Close the positions of one symbol or of a whole product type at market price, and wait until they read zero.

    Reads the positions first, sends ``POST /api/v2/mix/order/close-positions``
    (https://www.bitget.com/api-doc/contract/trade/Flash-Close-Position), once a second at most, and reads the
    positions again until none is left or until the deadline. A close whose answer cannot be trusted is repeated only
    after the positions and the open orders have been read again. It places no order, and cancels none unless
    ``cancel_locking_stops`` says so. Returns the report, which is XCom ``return_value`` also when the task fails.
    Trying again is safe: it begins with what is open then.

    :param product_type: (templated) one of ``USDT-FUTURES``, ``COIN-FUTURES``, ``USDC-FUTURES``, ``SUSDT-FUTURES``,
        ``SCOIN-FUTURES``, ``SUSDC-FUTURES``, in any case.
    :param symbol: (templated) one trading pair such as ``"BTCUSDT"``; exclusive with ``all_symbols``. Empty, ``"*"``
        and a template that renders to nothing are refused.
    :param all_symbols: the literal ``True`` for every symbol of the product type; never templated.
    :param exclude_symbols: with ``all_symbols``: a literal list of symbols to leave alone.
    :param hold_side: ``"long"`` or ``"short"`` for one side only; ``None`` (default) for both.
    :param margin_coin: (templated) only positions that are margined in this coin, for example ``"USDT"``.
    :param deadline: seconds for the whole run. Keep it below ``execution_timeout``, which ends the task from outside.
    :param settle: seconds for which no position may show at the end: one may appear late, after a fill.
    :param cancel_locking_stops: where a close is refused because stop orders lock the position's size, cancel these
        stops and close it then; the report names them under ``cancelled_stops``.
    :param simulate: report what would be closed; send nothing that changes anything.
    :param bitget_conn_id: (templated) id of the Airflow connection.
    :raises BitgetArgumentError: an argument cannot be used; nothing was sent.
    :raises BitgetTaskError: positions are left that another try may close; carries ``report``.
    :raises BitgetTaskFailError: positions are left, and no retry can help; carries ``report``.
    """

    run_name: ClassVar[str] = "Close of positions"
    metric: ClassVar[str] = "close_positions"
    counted: ClassVar[tuple[str, ...]] = ("closed", "failed", "unresolved")
    item_name: ClassVar[str] = "positions"
    proof_name: ClassVar[str] = "the positions"

    def __init__(
        self,
        *,
        product_type: str = "USDT-FUTURES",
        symbol: str | None = None,
        all_symbols: bool = False,
        exclude_symbols: Iterable[str] = (),
        hold_side: Literal["long", "short"] | None = None,
        margin_coin: str | None = None,
        deadline: float = 120,
        settle: float = 1,
        cancel_locking_stops: bool = False,
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
        self.hold_side = side_or_both("hold_side", hold_side)
        self.settle = pause("settle", settle, deadline=self.deadline)
        self.cancel_locking_stops = flag("cancel_locking_stops", cancel_locking_stops)

    def _prepare(self, hook: BitgetHook, arguments: Scope, known_ends: Mapping[str, str]) -> ClosePositions:
        return hook.prepare_close_positions(arguments, **self._options())

    def _options(self) -> dict[str, Any]:
        """Return what the close is to be like."""
        return {
            "hold_side": self.hold_side,
            "deadline": self.deadline,
            "settle": self.settle,
            "simulate": self.simulate,
            "cancel_locking_stops": self.cancel_locking_stops,
        }
