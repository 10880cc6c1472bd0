# SPDX-License-Identifier: Apache-2.0
"""What the triggerer runs while a sensor is deferred. Nothing in it blocks the triggerer's event loop."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.providers.common.compat.sdk import AirflowNotFoundException
from airflow.triggers.base import BaseTrigger, TriggerEvent

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_bitget.api.dialect import Dialect
    from airflow_provider_bitget.trading.flat_check import FlatAnswer

Result = TypeVar("Result")


class BitgetFlatTrigger(BaseTrigger):
    """Wait until no open order, plan order or position is left in a scope, then send one event.

    The event is a dict with ``status`` and ``message``:

    - ``flat``: nothing is left; ``result`` says where and when it was read.
    - ``timeout``: ``end`` has come; the message says what is left.
    - ``refused``: the connection cannot be used, or the exchange refuses the credentials or the kind of account.
    - ``failed``: something else went wrong; another try may end it.

    All that it needs to go on is in its arguments, plain JSON types, so that another triggerer can take over at any
    moment.

    :param bitget_conn_id: id of the Airflow connection.
    :param product_type: for example ``"USDT-FUTURES"``.
    :param symbol: the only symbol; ``None`` for all but the excluded ones.
    :param exclude_symbols: symbols that may keep orders and positions.
    :param margin_coin: the only margin coin; ``None`` for any.
    :param lookback_days: how old an open order may be to be found.
    :param settle: with more than 0, an empty read has to be confirmed by another one so many seconds later or more.
    :param poke_interval: seconds between two looks.
    :param end: when to give up, in seconds since the epoch.
    """

    def __init__(
        self,
        *,
        bitget_conn_id: str,
        product_type: str,
        symbol: str | None,
        exclude_symbols: Sequence[str],
        margin_coin: str | None,
        lookback_days: int,
        settle: float,
        poke_interval: float,
        end: float,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bitget_conn_id = bitget_conn_id
        self.product_type = product_type
        self.symbol = symbol
        self.exclude_symbols = list(exclude_symbols)
        self.margin_coin = margin_coin
        self.lookback_days = lookback_days
        self.settle = settle
        self.poke_interval = poke_interval
        self.end = end

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the path of this class and the arguments, as plain JSON types."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "bitget_conn_id": self.bitget_conn_id,
                "product_type": self.product_type,
                "symbol": self.symbol,
                "exclude_symbols": self.exclude_symbols,
                "margin_coin": self.margin_coin,
                "lookback_days": self.lookback_days,
                "settle": self.settle,
                "poke_interval": self.poke_interval,
                "end": self.end,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield the one event."""
        try:
            event = await self._wait()
        except Exception as error:  # noqa: BLE001  # told to the task, without a traceback that could hold a header
            event = self._tell(error)
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    async def _wait(self) -> dict[str, Any]:
        dialect = await self._connect()
        try:
            while True:
                answer = await self._look(dialect)
                if answer.is_flat:
                    return {
                        "status": "flat",
                        "message": f"{answer.message} ({answer.scope})",
                        "result": answer.to_dict(),
                    }
                left = self.end - time.time()
                if left <= 0:
                    return {"status": "timeout", "message": f"Not flat in time: {answer.message} ({answer.scope})"}
                self.log.info("Not flat yet: %s (%s)", answer.message, answer.scope)
                await asyncio.sleep(min(self.poke_interval, left))
        finally:
            dialect.client.close()

    async def _look(self, dialect: Dialect) -> FlatAnswer:
        from airflow_provider_bitget.trading.flat_check import FlatCheck, seconds_for_a_look
        from airflow_provider_bitget.trading.scope import parse_scope

        scope = parse_scope(
            product_type=self.product_type,
            symbol=self.symbol,
            all_symbols=self.symbol is None,
            exclude_symbols=self.exclude_symbols,
            margin_coin=self.margin_coin,
            lookback_days=self.lookback_days,
        )
        deadline = seconds_for_a_look(self.end - time.time(), self.settle)
        check = FlatCheck(dialect, scope, settle=self.settle, deadline=deadline)
        try:
            return await _in_a_thread(check.run)
        except asyncio.CancelledError:
            check.request_stop()
            raise

    async def _connect(self) -> Dialect:
        from airflow.providers.common.compat.connection import get_async_connection
        from asgiref.sync import sync_to_async

        from airflow_provider_bitget.api.exceptions import BitgetConfigError
        from airflow_provider_bitget.hooks.redis_connection import rate_limit_conn_id_of

        # Connections are read in a thread that knows its event loop: reading one registers its secrets with Airflow's
        # masker, which talks to the triggerer's supervisor.
        while True:
            redis_connection = None
            try:
                connection = await get_async_connection(self.bitget_conn_id)
                if redis_conn_id := await sync_to_async(rate_limit_conn_id_of)(connection):
                    redis_connection = await _redis_connection(redis_conn_id)
            except (AirflowNotFoundException, BitgetConfigError):
                raise
            except Exception as error:
                # A secrets backend, like the exchange, may be away for a while.
                if time.time() >= self.end:
                    raise
                self.log.warning("The connection could not be read yet: %s", type(error).__name__)
                await asyncio.sleep(max(1.0, self.poke_interval))
            else:
                return await sync_to_async(_dialect_of)(connection, redis_connection)

    def _tell(self, error: Exception) -> dict[str, Any]:
        from airflow_provider_bitget.api.exceptions import BitgetAuthError, BitgetConfigError

        if isinstance(error, BitgetAuthError):
            return {"status": "refused", "message": f"The exchange refuses this account: {error}"}
        if isinstance(error, BitgetConfigError):
            return {"status": "refused", "message": f"Nothing was sent: {error}"}
        message = f"The trigger ended with {type(error).__name__}"
        if isinstance(error, AirflowNotFoundException):
            message += f": the triggerer does not know the connection {self.bitget_conn_id!r}"
        self.log.error("%s", message)
        return {"status": "failed", "message": message}


def _dialect_of(connection: Connection, redis_connection: Connection | None) -> Dialect:
    from airflow_provider_bitget.hooks.bitget import BitgetHook

    return BitgetHook.from_connection(connection, redis_connection).dialect


async def _redis_connection(conn_id: str) -> Connection:
    from airflow.providers.common.compat.connection import get_async_connection

    from airflow_provider_bitget.hooks.redis_connection import unknown_connection

    try:
        return await get_async_connection(conn_id)
    except AirflowNotFoundException:
        raise unknown_connection(conn_id) from None


async def _in_a_thread(job: Callable[[], Result]) -> Result:
    """Run a job in a thread of its own, which delays neither other triggers nor the end of the process."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Result] = loop.create_future()

    def take(result: Any, error: BaseException | None) -> None:
        if outcome.done():
            return
        if error is None:
            outcome.set_result(result)
        else:
            outcome.set_exception(error)

    def work() -> None:
        result, error = None, None
        try:
            result = job()
        except BaseException as caught:  # noqa: BLE001  # handed to the waiting coroutine, which decides
            error = caught
        # The loop may have ended meanwhile.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(take, result, error)

    threading.Thread(target=contextvars.copy_context().run, args=(work,), name="bitget-flat", daemon=True).start()
    return await outcome
