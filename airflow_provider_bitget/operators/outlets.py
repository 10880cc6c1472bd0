# SPDX-License-Identifier: Apache-2.0
"""What a task tells the DAGs that are scheduled on its outlets: assets, which Airflow 2 calls datasets.

Airflow itself emits the event of an outlet, and only if the task succeeds. Here the event gets something to say.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, Context

log = logging.getLogger(__name__)


def put_into_events(extra: Mapping[str, Any], task: BaseOperator, context: Context) -> None:
    """Put something into the extra of the event of each of a task's outlets, beside what others have put there.

    An event that cannot take them goes without: that never changes what becomes of the task.

    :param extra: plain JSON types.
    :param task: the task, which is about to succeed.
    :param context: its context.
    """
    events: Any = context.get("outlet_events")
    if events is None:
        return
    for outlet in task.outlets:
        try:
            events[outlet].extra.update(extra)
        except Exception as error:  # noqa: BLE001  # an outlet may be anything; the verdict stands
            log.info("%s says nothing of the report: %s", type(outlet).__name__, type(error).__name__)
