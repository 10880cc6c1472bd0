# SPDX-License-Identifier: Apache-2.0
"""The hook: what can be done with the account of an Airflow connection."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from airflow_provider_bitget.get_provider_info import get_provider_info
from airflow_provider_bitget.hooks.session import BitgetSessionHook

if TYPE_CHECKING:
    from airflow_provider_bitget.api.budget import Budget
    from airflow_provider_bitget.trading.batch_cancel import BatchCancel
    from airflow_provider_bitget.trading.books import BooksReader
    from airflow_provider_bitget.trading.cancel_all import CancelAll
    from airflow_provider_bitget.trading.close_positions import ClosePositions
    from airflow_provider_bitget.trading.flat import ProveFlat
    from airflow_provider_bitget.trading.open_orders import ListOpenOrders
    from airflow_provider_bitget.trading.order_list import OrderRef
    from airflow_provider_bitget.trading.scope import Scope


class BitgetHook(BitgetSessionHook):
    """Talk to Bitget with the credentials of an Airflow connection.

    The connection (type ``bitget``): ``login`` = API key, ``password`` = API secret, ``host`` = base URL (default
    ``https://api.bitget.com``), extra fields ``passphrase``, ``demo_trading``, ``account_mode``,
    ``requests_per_second`` and ``timeout``; ``rate_limit_conn_id``, ``rate_limit_group`` and
    ``rate_limit_fallback_share`` for a limit that all workers share through a Redis. Key, secret and passphrase are
    registered with Airflow's masker as soon as they are read, and so is the Redis's password.

    :param bitget_conn_id: id of the connection.
    """

    # The connection form of Airflow 2.11, which looks for it in this very class and in none that it inherits from.
    # Airflow 3 draws the same one from get_provider_info().

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the extra fields of the form in Airflow 2.11."""
        from flask_appbuilder.fieldwidgets import BS3PasswordFieldWidget, BS3TextFieldWidget
        from flask_babel import lazy_gettext
        from wtforms import BooleanField, PasswordField, StringField

        widgets: dict[str, Any] = {}
        for name, field in _connection_type()["conn-fields"].items():
            label, description = lazy_gettext(field["label"]), field["description"]
            if field["schema"].get("format") == "password":
                widgets[name] = PasswordField(label, widget=BS3PasswordFieldWidget(), description=description)
            elif "boolean" in field["schema"]["type"]:
                widgets[name] = BooleanField(label, description=description, default=False)
            else:
                # Text also for numbers: the hook reads both and refuses what is neither.
                widgets[name] = StringField(
                    label,
                    widget=BS3TextFieldWidget(),
                    description=description,
                    default=str(field["schema"].get("default", "")),
                )
        return widgets

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return hidden fields, labels and placeholders of the form in Airflow 2.11."""
        behaviour = _connection_type()["ui-field-behaviour"]
        return {
            "hidden_fields": list(behaviour["hidden-fields"]),
            "relabeling": dict(behaviour["relabeling"]),
            "placeholders": dict(behaviour["placeholders"]),
        }

    # What it can do

    def prepare_batch_cancel(self, orders: list[OrderRef], **options: Any) -> BatchCancel:
        """Return a batch cancel that is ready to run, for callers who want to stop it or read its report early.

        :param orders: checked by :func:`airflow_provider_bitget.trading.order_list.parse_orders`.
        :param options: see :class:`airflow_provider_bitget.trading.batch_cancel.BatchCancel`.
        """
        from airflow_provider_bitget.trading.batch_cancel import BatchCancel

        return BatchCancel(self.dialect, orders, **options)

    def prepare_list_open_orders(self, scope: Scope, **options: Any) -> ListOpenOrders:
        """Return a list of open orders that is ready to run.

        :param scope: made by :func:`airflow_provider_bitget.trading.scope.parse_scope`.
        :param options: see :class:`airflow_provider_bitget.trading.open_orders.ListOpenOrders`.
        """
        from airflow_provider_bitget.trading.open_orders import ListOpenOrders

        return ListOpenOrders(self.dialect, scope, **options)

    def prepare_cancel_all(self, scope: Scope, **options: Any) -> CancelAll:
        """Return a cancel of everything open in a scope that is ready to run.

        :param scope: made by :func:`airflow_provider_bitget.trading.scope.parse_scope`.
        :param options: see :class:`airflow_provider_bitget.trading.cancel_all.CancelAll`.
        """
        from airflow_provider_bitget.trading.cancel_all import CancelAll

        return CancelAll(self.dialect, scope, **options)

    def prepare_close_positions(self, scope: Scope, **options: Any) -> ClosePositions:
        """Return a close of the positions of a scope that is ready to run.

        :param scope: made by :func:`airflow_provider_bitget.trading.scope.parse_scope`.
        :param options: see :class:`airflow_provider_bitget.trading.close_positions.ClosePositions`.
        """
        from airflow_provider_bitget.trading.close_positions import ClosePositions

        return ClosePositions(self.dialect, scope, **options)

    def prepare_prove_flat(self, scope: Scope, **options: Any) -> ProveFlat:
        """Return a proof that nothing is left in a scope, ready to run.

        :param scope: made by :func:`airflow_provider_bitget.trading.scope.parse_scope`.
        :param options: see :class:`airflow_provider_bitget.trading.flat.ProveFlat`.
        """
        from airflow_provider_bitget.trading.flat import ProveFlat

        return ProveFlat(self.dialect, scope, **options)

    def books_reader(self, scope: Scope, budget: Budget | None = None, **options: Any) -> BooksReader:
        """Return a reader of what is open in a scope.

        :param scope: made by :func:`airflow_provider_bitget.trading.scope.parse_scope`.
        :param budget: deadline, stop and tally of the reads; by default without a deadline.
        :param options: see :class:`airflow_provider_bitget.trading.books.BooksReader`.
        """
        from airflow_provider_bitget.api.budget import Budget
        from airflow_provider_bitget.trading.books import BooksReader

        return BooksReader(self.dialect, scope, budget or Budget(clock=self.get_conn().clock), **options)

    def batch_cancel_orders(
        self,
        orders: Any,
        *,
        symbol: str | None = None,
        product_type: str = "USDT-FUTURES",
        margin_coin: str | None = None,
        verify: bool = True,
        chunk_size: int = 50,
        deadline: float = 300,
        report_cancelled: bool = False,
        simulate: bool = False,
    ) -> dict[str, Any]:
        """Cancel a list of futures orders and return the report.

        ``POST /api/v2/mix/order/batch-cancel-orders``
        (https://www.bitget.com/api-doc/contract/trade/Batch-Cancel-Orders). An order that was refused or whose end is
        unknown is in the report, not an exception.

        :param orders: ids, or mappings with ``orderId`` or ``clientOid`` and ``symbol``; see
            :class:`airflow_provider_bitget.operators.bitget.BitgetBatchCancelOperator`.
        :param symbol: for orders that carry none.
        :param product_type: one of the six product types, in any case.
        :param margin_coin: optional.
        :param verify: read the open orders back.
        :param chunk_size: orders per request, 1 to 50.
        :param deadline: seconds for the whole call.
        :param report_cancelled: list the cancelled ids.
        :param simulate: send nothing that changes anything.
        :raises BitgetConfigError: an argument or the connection cannot be used; nothing was sent.
        :raises BitgetAuthError: the credentials or the account's kind were refused; ``error.report`` holds the report.
        """
        from airflow_provider_bitget.trading.options import check_deadline, check_flags
        from airflow_provider_bitget.trading.order_list import (
            check_chunk_size,
            parse_margin_coin,
            parse_orders,
            parse_product_type,
            parse_symbol,
        )

        check_flags(verify=verify, report_cancelled=report_cancelled, simulate=simulate)
        kind = parse_product_type(product_type)
        report = self.prepare_batch_cancel(
            parse_orders(orders, symbol=parse_symbol(symbol), product_type=kind),
            product_type=kind,
            margin_coin=parse_margin_coin(margin_coin),
            verify=verify,
            chunk_size=check_chunk_size(chunk_size),
            deadline=check_deadline(deadline),
            report_cancelled=report_cancelled,
            simulate=simulate,
        ).run()
        return _report_of(report)

    def list_open_orders(
        self,
        *,
        product_type: str = "USDT-FUTURES",
        symbol: str | None = None,
        plan_orders: bool = False,
        margin_coin: str | None = None,
        lookback_days: int = 90,
        deadline: float = 60,
    ) -> list[dict[str, Any]]:
        """Return the open orders, live and partially filled, as rows that the batch cancel takes as they are.

        ``GET /api/v2/mix/order/orders-pending``
        (https://www.bitget.com/api-doc/contract/trade/Get-Orders-Pending), and with ``plan_orders``
        ``GET /api/v2/mix/order/orders-plan-pending``
        (https://www.bitget.com/api-doc/contract/plan/get-orders-plan-pending).

        :param product_type: one of the six product types, in any case.
        :param symbol: only this symbol; every symbol without it.
        :param plan_orders: plan orders (trigger, trailing, take-profit and stop-loss) as well.
        :param margin_coin: only orders that are margined in this coin.
        :param lookback_days: how old an order may be, in days, 1 to 3650; the exchange's lists reach three months back
            by themselves.
        :param deadline: seconds for the whole read.
        :return: the exchange's rows, each with ``productType``, plan orders with their concrete ``planType``.
        :raises BitgetConfigError: an argument or the connection cannot be used; nothing was sent.
        :raises BitgetCallError: the read could not be completed; a part of the orders is never returned as the whole.
        :raises BitgetNotSentError: the deadline came first.
        """
        from airflow_provider_bitget.trading.options import check_deadline, check_flags
        from airflow_provider_bitget.trading.scope import parse_scope

        check_flags(plan_orders=plan_orders)
        scope = parse_scope(
            product_type=product_type,
            symbol=symbol,
            all_symbols=symbol is None,
            margin_coin=margin_coin,
            lookback_days=lookback_days,
        )
        report = self.prepare_list_open_orders(scope, plan_orders=plan_orders, deadline=check_deadline(deadline)).run()
        if report.error is not None:
            raise report.error
        return report.rows()

    def list_positions(
        self,
        *,
        product_type: str,
        symbol: str | None = None,
        margin_coin: str | None = None,
        deadline: float = 60,
    ) -> list[dict[str, Any]]:
        """Return the open positions.

        ``GET /api/v2/mix/position/all-position``
        (https://www.bitget.com/api-doc/contract/position/get-all-position). A position may show itself only seconds
        after the fill that opened it.

        :param product_type: one of the six product types, in any case.
        :param symbol: only this symbol; every symbol without it.
        :param margin_coin: only positions that are margined in this coin.
        :param deadline: seconds for the whole read.
        :return: the exchange's rows whose size is not zero, each with ``productType``.
        :raises BitgetConfigError: an argument or the connection cannot be used; nothing was sent.
        :raises BitgetCallError: the read could not be completed, or a position could not be understood.
        :raises BitgetNotSentError: the deadline came first.
        """
        from airflow_provider_bitget.api.budget import Budget
        from airflow_provider_bitget.trading.options import check_deadline
        from airflow_provider_bitget.trading.scope import parse_scope

        scope = parse_scope(
            product_type=product_type, symbol=symbol, all_symbols=symbol is None, margin_coin=margin_coin
        )
        seconds = check_deadline(deadline)
        reader = self.books_reader(scope, Budget(seconds, self.get_conn().clock), attempts=None)
        try:
            books = reader.read(orders=False, plan_orders=False)
        finally:
            reader.close()
        return [{**position.row, "productType": scope.product_type} for position in books.positions]

    def cancel_all_orders(
        self,
        *,
        product_type: str,
        symbol: str | None = None,
        all_symbols: bool = False,
        exclude_symbols: Collection[str] = (),
        margin_coin: str | None = None,
        plan_orders: bool = True,
        deadline: float = 300,
        settle: float = 1.0,
        lookback_days: int = 730,
        report_cancelled: bool = False,
        simulate: bool = False,
    ) -> dict[str, Any]:
        """Cancel every open order of one symbol or of a whole product type, and return the report.

        An order that was refused or whose end is unknown is in the report, not an exception.

        :param product_type: one of the six product types, in any case.
        :param symbol: one symbol; exclusive with ``all_symbols``.
        :param all_symbols: ``True`` for every symbol. A missing symbol never means all.
        :param exclude_symbols: with ``all_symbols``: symbols to leave alone.
        :param margin_coin: only orders that are margined in this coin.
        :param plan_orders: cancel plan orders (trigger, trailing, take-profit and stop-loss) as well.
        :param deadline: seconds for the whole call.
        :param settle: seconds at least between the two empty reads that prove the end.
        :param lookback_days: how old an order may be, in days, 1 to 3650.
        :param report_cancelled: list the cancelled ids.
        :param simulate: send nothing that changes anything.
        :raises BitgetConfigError: an argument or the connection cannot be used; nothing was sent.
        :raises BitgetAuthError: the credentials or the account's kind were refused; ``error.report`` holds the report.
        """
        from airflow_provider_bitget.trading.options import check_deadline, check_flags, check_settle
        from airflow_provider_bitget.trading.scope import parse_scope

        check_flags(plan_orders=plan_orders, report_cancelled=report_cancelled, simulate=simulate)
        scope = parse_scope(
            product_type=product_type,
            symbol=symbol,
            all_symbols=all_symbols,
            exclude_symbols=exclude_symbols,
            margin_coin=margin_coin,
            lookback_days=lookback_days,
        )
        without_plan_orders: dict[str, Any] = {} if plan_orders else {"plan_types": ()}
        report = self.prepare_cancel_all(
            scope,
            **without_plan_orders,
            deadline=check_deadline(deadline),
            settle=check_settle(settle, deadline=deadline),
            report_cancelled=report_cancelled,
            simulate=simulate,
        ).run()
        return _report_of(report)

    def close_positions(
        self,
        *,
        product_type: str,
        symbol: str | None = None,
        all_symbols: bool = False,
        exclude_symbols: Collection[str] = (),
        hold_side: str | None = None,
        margin_coin: str | None = None,
        deadline: float = 120,
        simulate: bool = False,
    ) -> dict[str, Any]:
        """Close the positions of one symbol or of a whole product type at market price, and return the report.

        A position that refuses to close is in the report, not an exception. Nothing is placed or cancelled.

        :param product_type: one of the six product types, in any case.
        :param symbol: one symbol; exclusive with ``all_symbols``.
        :param all_symbols: ``True`` for every symbol. A missing symbol never means all.
        :param exclude_symbols: with ``all_symbols``: symbols to leave alone.
        :param hold_side: ``"long"`` or ``"short"`` for one side only.
        :param margin_coin: only positions that are margined in this coin.
        :param deadline: seconds for the whole call.
        :param simulate: send nothing that changes anything.
        :raises BitgetConfigError: an argument or the connection cannot be used; nothing was sent.
        :raises BitgetAuthError: the credentials or the account's kind were refused; ``error.report`` holds the report.
        """
        from airflow_provider_bitget.trading.options import check_deadline, check_flags, check_hold_side
        from airflow_provider_bitget.trading.scope import parse_scope

        check_flags(simulate=simulate)
        scope = parse_scope(
            product_type=product_type,
            symbol=symbol,
            all_symbols=all_symbols,
            exclude_symbols=exclude_symbols,
            margin_coin=margin_coin,
        )
        report = self.prepare_close_positions(
            scope, hold_side=check_hold_side(hold_side), deadline=check_deadline(deadline), simulate=simulate
        ).run()
        return _report_of(report)


def _report_of(report: Any) -> dict[str, Any]:
    """Return a run's report as plain JSON types; refused credentials and arguments raise, and carry it."""
    from airflow_provider_bitget.api.exceptions import HOPELESS

    as_dict: dict[str, Any] = report.to_dict()
    if isinstance(report.error, HOPELESS):
        report.error.report = as_dict
        raise report.error
    return as_dict


def _connection_type() -> dict[str, Any]:
    info: Any = get_provider_info()
    found: dict[str, Any] = info["connection-types"][0]
    return found
