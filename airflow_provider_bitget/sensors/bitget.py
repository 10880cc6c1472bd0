# SPDX-License-Identifier: Apache-2.0
"""Sensors for Bitget futures. Parsing a DAG imports nothing heavy: what a task needs is imported when it runs."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NoReturn

from airflow.providers.common.compat.sdk import (
    AirflowSensorTimeout,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)

from airflow_provider_bitget.operators.arguments import (
    LONGEST_LOOKBACK_DAYS,
    check_scope,
    excluded_symbols,
    flag,
    whole_number,
)
from airflow_provider_bitget.operators.exceptions import BitgetArgumentError, BitgetTaskError, BitgetTaskFailError
from airflow_provider_bitget.operators.outlets import put_into_events

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_bitget.api.dialect import Dialect
    from airflow_provider_bitget.trading.flat_check import FlatAnswer, FlatCheck
    from airflow_provider_bitget.trading.scope import Scope

# How Airflow resumes a task whose trigger it has given up itself, in 3.x and in 2.11.
_RESUMED_TO_FAIL: Final = "__fail__"
_TRIGGER_TIMEOUTS: Final = ("Trigger timeout", "Trigger/execution timeout")
_PATIENCE_WITH_TRIGGER: Final = 60.0
"""Seconds after which Airflow ends the wait if the trigger, which knows what is left, has not done so."""


class BitgetFlatSensor(BaseSensorOperator):
    """Wait until nothing is left: no open order, no plan order, no position.

    A poke reads, side by side, the open orders in both states
    (https://www.bitget.com/api-doc/contract/trade/Get-Orders-Pending), the three lists of plan orders
    (https://www.bitget.com/api-doc/contract/plan/get-orders-plan-pending) and the positions
    (https://www.bitget.com/api-doc/contract/position/get-all-position): six requests, more only where a page is full
    or ``lookback_days`` asks for it. It sends nothing that changes anything.

    A read that failed means "not yet", never a failure: it is logged with the exchange's code, and the next poke
    asks again. Refused credentials and the wrong kind of account fail the task at once, without retries, also with
    ``soft_fail``. A poke ends after 60 seconds and ``settle`` at the latest, so that one read that hangs cannot use up
    ``timeout``. A killed sensor asks nothing more. While it is deferred, ``exponential_backoff`` and ``max_wait`` have
    no effect.

    The return value says what was found empty and when::

        {"product_type": "USDT-FUTURES", "symbol": "BTCUSDT", "exclude_symbols": [], "margin_coin": "",
         "lookback_days": 90, "flat": True, "read_at": "2026-11-23T23:56:02Z"}

    :param product_type: (templated) one of ``USDT-FUTURES``, ``COIN-FUTURES``, ``USDC-FUTURES``, ``SUSDT-FUTURES``,
        ``SCOIN-FUTURES``, ``SUSDC-FUTURES``, in any case.
    :param symbol: (templated) the only symbol to look at, for example ``"BTCUSDT"``.
    :param all_symbols: look at the whole product type; a literal ``True`` in place of ``symbol``, never templated.
    :param exclude_symbols: with ``all_symbols``: symbols that may keep orders and positions. Literal.
    :param margin_coin: (templated) look only at what is margined in this coin, for example ``"USDT"``.
    :param lookback_days: how old an open order may be to be found, 1 to 3650. The exchange's lists reach three months
        back by themselves; each further three months cost five requests a poke.
    :param settle: with more than 0, an empty read has to be confirmed by another one so many seconds later or more,
        within the same poke: a position may show itself only seconds after its fill.
    :param deferrable: wait in the triggerer, so that no worker is held up. The first poke is made by the worker.
    :param bitget_conn_id: (templated) id of the Airflow connection. With ``deferrable``, the triggerer has to know it
        as well.
    :param poke_interval: seconds between two pokes, or a ``timedelta``.
    :param timeout: seconds until the task fails with a sensor timeout, or a ``timedelta``.
    :raises BitgetArgumentError: an argument cannot be used; nothing was sent.
    :raises BitgetTaskFailError: the connection cannot be used, or the exchange refuses the credentials or the kind of
        account; no retry can help.
    :raises BitgetTaskError: the wait was stopped; another try may end it.
    :raises AirflowSensorTimeout: something was still left, or not known, when ``timeout`` was over.
    """

    template_fields: Sequence[str] = ("product_type", "symbol", "margin_coin", "bitget_conn_id")
    ui_color = "#d8f3ec"

    def __init__(
        self,
        *,
        product_type: str = "USDT-FUTURES",
        symbol: str | None = None,
        all_symbols: bool = False,
        exclude_symbols: Collection[str] = (),
        margin_coin: str | None = None,
        lookback_days: int = 90,
        settle: float = 0,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        bitget_conn_id: str = "bitget_default",
        poke_interval: timedelta | float = 5,
        timeout: timedelta | float = 900,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, timeout=timeout, **kwargs)
        self.exclude_symbols = excluded_symbols("exclude_symbols", exclude_symbols)
        check_scope(symbol, all_symbols, self.exclude_symbols)
        self.product_type = product_type
        self.symbol = symbol
        self.all_symbols = all_symbols
        self.margin_coin = margin_coin
        self.lookback_days = whole_number("lookback_days", lookback_days, 1, LONGEST_LOOKBACK_DAYS)
        self.settle = _settle(settle, self.timeout)
        self.deferrable = flag("deferrable", deferrable)
        self.bitget_conn_id = bitget_conn_id
        self._began: float | None = None
        self._dialect: Dialect | None = None
        self._check: FlatCheck | None = None
        self._killed = False

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once; with ``deferrable``, leave all further looks to the trigger."""
        end = time.monotonic() + self._seconds_left(context)
        answer = self._look(end)
        if answer.is_flat:
            self.log.info("Flat: %s (%s)", answer.message, answer.scope)
            return PokeReturnValue(is_done=True, xcom_value=self._told(answer.to_dict(), context))
        self.log.info("Not flat yet: %s (%s)", answer.message, answer.scope)
        if self.deferrable:
            self._defer(answer.scope, end)
        return PokeReturnValue(is_done=False)

    def on_kill(self) -> None:
        """Ask nothing more; a poke under way ends within two seconds."""
        self._killed = True
        check = self._check
        if check is not None:
            check.request_stop()

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Go on after the trigger's event, or after Airflow has given the trigger up."""
        if next_method == _RESUMED_TO_FAIL and (next_kwargs or {}).get("error") in _TRIGGER_TIMEOUTS:
            # A timeout of the sensor in every version of Airflow; 2.11 calls it an error and would try again.
            late = {"status": "timeout", "message": "The trigger gave no answer in time: is a triggerer running?"}
            next_method, next_kwargs = self.execute_complete.__name__, {"event": late}
        return super().resume_execution(next_method, next_kwargs, context)

    def execute_complete(self, context: Context, event: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return what the trigger has found, or fail as it says.

        :param event: what :class:`~airflow_provider_bitget.triggers.bitget.BitgetFlatTrigger` has sent.
        """
        status, message, result = _read_event(event)
        if status == "flat":
            self.log.info("Flat: %s", message)
            return self._told(result, context)
        if status == "timeout":
            raise AirflowSensorTimeout(message)
        raise self._refusal(message) if status == "refused" else BitgetTaskError(message)

    def _told(self, result: dict[str, Any], context: Context) -> dict[str, Any]:
        """Return the result, which the events of the task's outlets carry as well."""
        put_into_events({"account": self.bitget_conn_id, **result}, self, context)
        return result

    def _look(self, end: float) -> FlatAnswer:
        from airflow_provider_bitget.api.exceptions import BitgetAuthError, BitgetConfigError, BitgetNotSentError
        from airflow_provider_bitget.trading.flat_check import FlatCheck, seconds_for_a_look

        scope = self._scope()
        try:
            deadline = seconds_for_a_look(end - time.monotonic(), self.settle)
            self._check = FlatCheck(self._connect(), scope, settle=self.settle, deadline=deadline)
            if self._killed:
                self._check.request_stop()
            return self._check.run()
        except BitgetConfigError as error:
            raise self._refusal(f"Nothing was sent: {error}") from None
        except BitgetAuthError as error:
            # Without its traceback: the frames of a request hold its headers.
            message = f"The exchange refuses this account: {error}"
            raise self._refusal(message) from error.with_traceback(None)
        except BitgetNotSentError:
            raise BitgetTaskError(f"The wait was stopped before it was flat ({scope})") from None
        finally:
            self._check = None
            if self.deferrable or self.mode != "poke":
                self._disconnect()

    def _defer(self, scope: Scope, end: float) -> NoReturn:
        from airflow_provider_bitget.triggers.bitget import BitgetFlatTrigger

        left = max(0.0, end - time.monotonic())
        trigger = BitgetFlatTrigger(
            bitget_conn_id=self.bitget_conn_id,
            product_type=scope.product_type,
            symbol=scope.symbol,
            exclude_symbols=sorted(scope.exclude_symbols),
            margin_coin=scope.margin_coin,
            lookback_days=scope.lookback_days,
            settle=self.settle,
            poke_interval=self.poke_interval,
            end=time.time() + left,
        )
        self.defer(
            trigger=trigger,
            method_name=self.execute_complete.__name__,
            timeout=timedelta(seconds=left + _PATIENCE_WITH_TRIGGER),
        )

    def _refusal(self, message: str) -> BitgetTaskFailError:
        """Return the failure for what a person has to mend; ``soft_fail`` excuses a timeout, not that."""
        self.soft_fail = False
        return BitgetTaskFailError(message)

    def _scope(self) -> Scope:
        from airflow_provider_bitget.api.exceptions import BitgetConfigError
        from airflow_provider_bitget.trading.scope import parse_scope

        try:
            return parse_scope(
                product_type=self.product_type,
                symbol=self.symbol,
                all_symbols=self.all_symbols,
                exclude_symbols=self.exclude_symbols,
                margin_coin=self.margin_coin,
                lookback_days=self.lookback_days,
            )
        except BitgetConfigError as error:
            self.soft_fail = False
            raise BitgetArgumentError(str(error)) from None

    def _connect(self) -> Dialect:
        from airflow_provider_bitget.hooks.bitget import BitgetHook

        if self._dialect is None:
            self._dialect = BitgetHook(self.bitget_conn_id).dialect
        return self._dialect

    def _disconnect(self) -> None:
        dialect, self._dialect = self._dialect, None
        if dialect is not None:
            dialect.client.close()

    def _seconds_left(self, context: Context) -> float:
        """Return what is left of ``timeout``, which began with the first poke."""
        if self.mode == "reschedule" and not self.deferrable:
            first_date = getattr(context.get("ti"), "get_first_reschedule_date", lambda _: None)(context)
            if isinstance(first_date, str):
                # As Airflow 3.0 has it in `airflow dags test`.
                first_date = datetime.fromisoformat(first_date)
            passed = 0.0 if first_date is None else (datetime.now(UTC) - first_date).total_seconds()
        else:
            now = time.monotonic()
            self._began = now if self._began is None else self._began
            passed = now - self._began
        return float(self.timeout - passed)


def _settle(value: Any, timeout: float) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if is_number and (value == 0 or 0 < value < timeout):
        return float(value)
    came = value if is_number else f"type {type(value).__name__}"
    raise BitgetArgumentError(
        f"settle must be seconds, 0 or more and below the timeout of {timeout:g}, but came as {came}."
    )


def _read_event(event: Any) -> tuple[str, str, dict[str, Any]]:
    """Return status, message and result of a trigger's event; an event that cannot be understood is an error."""
    if not isinstance(event, Mapping) or event.get("status") not in ("flat", "timeout", "refused", "failed"):
        raise BitgetTaskError(f"The trigger's event cannot be understood (type {type(event).__name__}).")
    result = event.get("result")
    if event["status"] == "flat" and not (isinstance(result, Mapping) and result.get("flat") is True):
        raise BitgetTaskError("The trigger's event says flat and does not say what was seen flat.")
    return event["status"], str(event.get("message", "")), dict(result) if isinstance(result, Mapping) else {}
