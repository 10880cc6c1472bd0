# SPDX-License-Identifier: Apache-2.0
"""What the operators share that work on one symbol or on a whole product type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_bitget.operators.arguments import check_scope, excluded_symbols, flag, seconds
from airflow_provider_bitget.operators.reporting import BitgetReportingOperator, RunReport

if TYPE_CHECKING:
    from airflow_provider_bitget.trading.scope import Scope


class BitgetScopeOperator(BitgetReportingOperator):
    """Base of operators that work on one symbol, or on every symbol of a product type.

    :param product_type: (templated) one of the six product types, in any case.
    :param symbol: (templated) one trading pair; exclusive with ``all_symbols``.
    :param all_symbols: the literal ``True`` for every symbol of the product type; never templated.
    :param exclude_symbols: with ``all_symbols``: a literal list of symbols to leave alone.
    :param margin_coin: (templated) only what is margined in this coin.
    :param deadline: seconds for the whole run.
    :param simulate: send nothing that changes anything.
    :param bitget_conn_id: (templated) id of the Airflow connection.
    :raises BitgetArgumentError: a literal cannot be used, or it is not said which symbols are meant.
    """

    template_fields: Sequence[str] = ("product_type", "symbol", "margin_coin", "bitget_conn_id")
    ui_color = "#d8f3ec"

    def __init__(
        self,
        *,
        product_type: str,
        symbol: str | None,
        all_symbols: bool,
        exclude_symbols: Iterable[str],
        margin_coin: str | None,
        deadline: float,
        simulate: bool,
        bitget_conn_id: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(simulate=flag("simulate", simulate), bitget_conn_id=bitget_conn_id, **kwargs)
        self.product_type = product_type
        self.symbol = symbol
        self.all_symbols = flag("all_symbols", all_symbols)
        self.exclude_symbols = excluded_symbols("exclude_symbols", exclude_symbols)
        self.margin_coin = margin_coin
        self.deadline = seconds("deadline", deadline)
        check_scope(symbol, all_symbols, self.exclude_symbols)

    def _read_arguments(self) -> Scope:
        return self._scope()

    def _scope(self, **options: Any) -> Scope:
        """Return what the rendered arguments mean."""
        from airflow_provider_bitget.trading.scope import parse_scope

        return parse_scope(
            product_type=self.product_type,
            symbol=self.symbol,
            all_symbols=self.all_symbols,
            exclude_symbols=self.exclude_symbols,
            margin_coin=self.margin_coin,
            **options,
        )

    def _doubt(self, report: RunReport) -> str:
        if report.to_dict()["verified"]:
            return ""
        return f"Nothing proves that this is all: {self.proof_name} were not read to the end"
