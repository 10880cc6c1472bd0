# SPDX-License-Identifier: Apache-2.0
"""The hook: an Airflow connection becomes a signed session with Bitget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_bitget.get_provider_info import get_provider_info

if TYPE_CHECKING:
    from airflow_provider_bitget.api.classic import ClassicDialect
    from airflow_provider_bitget.api.client import BitgetClient
    from airflow_provider_bitget.trading.batch_cancel import BatchCancel
    from airflow_provider_bitget.trading.order_list import OrderRef

_TEST_TIMEOUT = 5.0
_LONGEST_DEADLINE = 86_400.0
# Airflow 3.1 and newer, 3.0, 2.11.
_MASKER_HOMES = ("airflow.sdk.log", "airflow.sdk.execution_time.secrets_masker", "airflow.utils.log.secrets_masker")


class BitgetHook(BaseHook):
    """Talk to Bitget with the credentials of an Airflow connection.

    The connection (type ``bitget``): ``login`` = API key, ``password`` = API secret, ``host`` = base URL (default
    ``https://api.bitget.com``), extra fields ``passphrase``, ``demo_trading``, ``account_mode``,
    ``requests_per_second`` and ``timeout``. Key, secret and passphrase are registered with Airflow's masker as soon
    as they are read.

    :param bitget_conn_id: id of the connection.
    """

    conn_name_attr = "bitget_conn_id"
    default_conn_name = "bitget_default"
    conn_type = "bitget"
    hook_name = "Bitget"

    def __init__(self, bitget_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bitget_conn_id = bitget_conn_id

    # The connection form of Airflow 2.11. Airflow 3 draws the same one from get_provider_info().

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

    # The session

    def get_conn(self) -> BitgetClient:
        """Return the signed session, made once per hook.

        :raises BitgetConfigError: a field of the connection is missing or unclear; the message names it.
        """
        return self._client

    @cached_property
    def _client(self) -> BitgetClient:
        return self._make_client()

    @cached_property
    def dialect(self) -> ClassicDialect:
        """The account's endpoints."""
        from airflow_provider_bitget.api.classic import ClassicDialect

        return ClassicDialect(self.get_conn())

    def _make_client(self, longest_timeout: float | None = None) -> BitgetClient:
        from airflow_provider_bitget.api.client import BitgetClient
        from airflow_provider_bitget.hooks.connection import read_connection

        connection = self.get_connection(self.bitget_conn_id)
        extra: Any = connection.extra_dejson
        passphrase = extra.get("passphrase") if isinstance(extra, Mapping) else None
        for secret in (connection.login, connection.password, passphrase):
            _mask(secret)
        settings = read_connection(connection, extra)
        return BitgetClient(
            settings.credentials,
            base_url=settings.base_url,
            demo_trading=settings.demo_trading,
            timeout=min(settings.timeout, longest_timeout or settings.timeout),
            requests_per_second=settings.requests_per_second,
        )

    def test_connection(self) -> tuple[bool, str]:
        """Make one signed read and say what the exchange thinks of the credentials. Never raises."""
        from airflow_provider_bitget.api.classic import ClassicDialect
        from airflow_provider_bitget.api.exceptions import BitgetError

        try:
            client = self._make_client(longest_timeout=_TEST_TIMEOUT)
            try:
                ClassicDialect(client).check_signature(product_type="USDT-FUTURES")
            finally:
                client.close()
            where = "demo trading" if client.demo_trading else "live trading"
            return True, f"Bitget accepted API key, secret and passphrase ({where}, {client.base_url})."
        except BitgetError as error:
            return False, str(error)
        except Exception as error:  # noqa: BLE001  # the text of an unknown error is not shown: it might hold a secret
            return False, f"The connection could not be tested: {type(error).__name__}"

    # What it can do

    def prepare_batch_cancel(self, orders: list[OrderRef], **options: Any) -> BatchCancel:
        """Return a batch cancel that is ready to run, for callers who want to stop it or read its report early.

        :param orders: checked by :func:`airflow_provider_bitget.trading.order_list.parse_orders`.
        :param options: see :class:`airflow_provider_bitget.trading.batch_cancel.BatchCancel`.
        """
        from airflow_provider_bitget.trading.batch_cancel import BatchCancel

        return BatchCancel(self.dialect, orders, **options)

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
        from airflow_provider_bitget.api.exceptions import BitgetAuthError, BitgetConfigError
        from airflow_provider_bitget.trading.order_list import (
            check_chunk_size,
            parse_margin_coin,
            parse_orders,
            parse_product_type,
            parse_symbol,
        )

        for name, flag in (("verify", verify), ("report_cancelled", report_cancelled), ("simulate", simulate)):
            if not isinstance(flag, bool):
                raise BitgetConfigError(
                    f"{name} must be True or False, but is of type {type(flag).__name__}.", field=name
                )
        if not 0 < deadline <= _LONGEST_DEADLINE:
            raise BitgetConfigError("deadline must be seconds, above 0 and at most 86400.", field="deadline")
        kind = parse_product_type(product_type)
        report = self.prepare_batch_cancel(
            parse_orders(orders, symbol=parse_symbol(symbol), product_type=kind),
            product_type=kind,
            margin_coin=parse_margin_coin(margin_coin),
            verify=verify,
            chunk_size=check_chunk_size(chunk_size),
            deadline=deadline,
            report_cancelled=report_cancelled,
            simulate=simulate,
        ).run()
        if isinstance(report.error, BitgetAuthError):
            report.error.report = report.to_dict()
            raise report.error
        return report.to_dict()

    def list_open_orders(
        self, *, product_type: str = "USDT-FUTURES", symbol: str | None = None, deadline: float = 60
    ) -> list[dict[str, Any]]:
        """Return the open orders, live and partially filled, as rows that the batch cancel takes as they are.

        ``GET /api/v2/mix/order/orders-pending``
        (https://www.bitget.com/api-doc/contract/trade/Get-Orders-Pending): the last three months, newest first.

        :param product_type: one of the six product types, in any case.
        :param symbol: only this symbol.
        :param deadline: seconds for the whole read.
        :return: the exchange's rows, each with ``productType`` added.
        :raises BitgetCallError: the read could not be completed; a part of the orders is never returned as the whole.
        """
        from airflow_provider_bitget.api.budget import Budget
        from airflow_provider_bitget.trading.order_list import parse_product_type, parse_symbol

        kind, pair = parse_product_type(product_type), parse_symbol(symbol)
        budget = Budget(deadline, self.get_conn().clock)
        found: dict[str, dict[str, Any]] = {}
        for status in (None, "partially_filled"):
            for page in self.dialect.open_orders(product_type=kind, symbol=pair, status=status, budget=budget):
                for order in page:
                    found[order.order_id or order.client_oid] = {**order.row, "productType": kind}
        return list(found.values())

    def request(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | list[Any] | None = None,
    ) -> Any:
        """Call any other endpoint, signed, and return the envelope's ``data``.

        Only reads are repeated after a failure (a 429, which is answered before processing, excepted). A request
        whose missing or empty field would mean "everything" is refused.

        :param method: ``"GET"`` or ``"POST"``.
        :param path: for example ``/api/v2/mix/account/accounts``.
        :param params: the query; ``None`` values are left out.
        :param body: the JSON body of a POST.
        :raises BitgetConfigError: method or path cannot be used; nothing was sent.
        :raises BitgetCallError: anything but success.
        """
        from airflow_provider_bitget.api.classic import endpoint_for

        pairs = [(str(name), _query_text(value)) for name, value in (params or {}).items() if value is not None]
        return self.get_conn().call(endpoint_for(method, path), params=pairs, body=body).data


def _connection_type() -> dict[str, Any]:
    info: Any = get_provider_info()
    found: dict[str, Any] = info["connection-types"][0]
    return found


def _query_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _mask(secret: Any) -> None:
    """Register a value with Airflow's masker. Without a name: a name makes the masking conditional."""
    if not isinstance(secret, str) or not secret:
        return
    _masker()(secret)


def _masker() -> Callable[[str], None]:
    for module in _MASKER_HOMES:
        try:
            masker: Callable[[str], None] = import_module(module).mask_secret
        except (ImportError, AttributeError):
            continue
        return masker
    raise RuntimeError("This version of Airflow has no mask_secret: credentials would not be masked in its logs")
