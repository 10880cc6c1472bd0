# SPDX-License-Identifier: Apache-2.0
"""How a task of this provider fails.

::

    AirflowException
    |-- BitgetTaskError             another try may cure it; Airflow's retries apply
    `-- AirflowFailException
        |-- BitgetTaskFailError     no retry can cure it: credentials, account kind, bad request
        `-- BitgetArgumentError     an argument cannot be used; nothing was sent
"""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException


class BitgetTaskError(AirflowException):
    """The task is not done, and another try may end it.

    :param message: what is left.
    :param report: the report, as it is in XCom.
    """

    def __init__(self, message: str, report: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.report = report


class BitgetTaskFailError(AirflowFailException):
    """The task is not done, and no retry could end it.

    :param message: what is left, and what a person must do.
    :param report: the report, as it is in XCom.
    """

    def __init__(self, message: str, report: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.report = report


class BitgetArgumentError(AirflowFailException, ValueError):
    """An argument cannot be used. Nothing was sent."""
