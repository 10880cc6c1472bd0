# SPDX-License-Identifier: Apache-2.0
"""A retry policy for Airflow 3.3 and newer: what is worth another try, and how soon.

It knows the exceptions of this provider's tasks, and those that its hook raises in a ``@task``. Airflow asks it in the
task's own process, with the exception itself; it never makes more tries than the task's ``retries``.

Older versions of Airflow import this module as well. They have no policies, and asking for one says so. Parsing a DAG
imports nothing heavy: the exceptions are imported when a task has failed.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_bitget.operators.exceptions import BitgetArgumentError, BitgetTaskError

try:
    from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule
except ImportError:
    _IS_KNOWN_TO_AIRFLOW = False
else:
    _IS_KNOWN_TO_AIRFLOW = True

    if TYPE_CHECKING:
        from airflow.sdk import Context, RetryDecision

    class BitgetRetryPolicy(ExceptionRetryPolicy):
        """The policy that :func:`bitget_retry_policy` returns.

        :param soon: pause before a try that may succeed at once.
        :param later: pause before a try that has to wait.
        """

        def __init__(self, soon: timedelta, later: timedelta) -> None:
            # Not the base's own, which takes the rules.
            self.default = RetryAction.DEFAULT
            self._soon, self._later = soon, later

        @cached_property
        def rules(self) -> list[RetryRule]:  # type: ignore[override]  # an attribute of the base
            """The rules; the first one that fits decides."""
            from airflow_provider_bitget.api import exceptions

            return [
                RetryRule(
                    [exceptions.BitgetConfigError, exceptions.BitgetAuthError, exceptions.BitgetBadRequestError],
                    RetryAction.FAIL,
                    reason="The credentials, the kind of account or the request are refused: no other try can help",
                ),
                RetryRule(
                    [exceptions.BitgetIpBanError, exceptions.BitgetMaintenanceError],
                    retry_delay=self._later,
                    reason="The address is banned, or the exchange is under maintenance: that takes a while",
                ),
                RetryRule(
                    [exceptions.BitgetTransientError, BitgetTaskError],
                    retry_delay=self._soon,
                    reason="Another try may succeed at once",
                ),
                RetryRule(
                    exceptions.BitgetAmbiguousError,
                    reason="No answer came that can be believed: another try asks again",
                ),
            ]

        def evaluate(
            self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
        ) -> RetryDecision:
            """Return what becomes of a task that failed with ``exception``."""
            from airflow_provider_bitget.api.exceptions import BitgetIpBanError, BitgetMaintenanceError

            cause = exception.__cause__
            if isinstance(exception, BitgetTaskError) and isinstance(cause, (BitgetIpBanError, BitgetMaintenanceError)):
                # An operator's failure has to wait as long as what ended its run.
                exception = cause
            return super().evaluate(exception, try_number, max_tries, context)


def bitget_retry_policy(
    *, soon: timedelta = timedelta(seconds=10), later: timedelta = timedelta(minutes=5)
) -> BitgetRetryPolicy:
    """Return a retry policy for a task that talks to Bitget: an ``ExceptionRetryPolicy`` of Airflow 3.3 and newer.

    ::

        BitgetBatchCancelOperator(
            task_id="cancel", orders=orders.output, retries=3, retry_policy=bitget_retry_policy()
        )

    - Refused credentials, the wrong kind of account, a request or a connection that cannot be used: no other try.
    - A rate limit, a busy exchange, a connection that could not be made, and whatever an operator has left that
      another try may end: again, ``soon``.
    - An address that is banned, an exchange under maintenance: again, ``later``.
    - No answer, or none to be believed: again, after the task's own ``retry_delay``.
    - Anything else is left to the task's own ``retries`` and ``retry_delay``.

    :param soon: pause before a try that may succeed at once.
    :param later: pause before a try that has to wait. Bitget bans an address for about five minutes.
    :raises BitgetArgumentError: while the DAG is read: a pause is no timedelta, or below 0.
    :raises RuntimeError: while the DAG is read: this Airflow is older than 3.3.
    """
    if not _IS_KNOWN_TO_AIRFLOW:
        from airflow import __version__

        raise RuntimeError(
            f"bitget_retry_policy needs Airflow 3.3 or newer, and this is {__version__}. Leave retry_policy out: the "
            "task's retries and retry_delay apply."
        )
    return BitgetRetryPolicy(soon=_checked_pause("soon", soon), later=_checked_pause("later", later))


def _checked_pause(name: str, value: Any) -> timedelta:
    if not isinstance(value, timedelta) or value < timedelta(0):
        raise BitgetArgumentError(
            f"{name} must be a timedelta, 0 or more, such as timedelta(seconds=10), but came as type "
            f"{type(value).__name__}."
        )
    return value
