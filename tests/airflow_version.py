# SPDX-License-Identifier: Apache-2.0
"""The Airflow that the tests run beside: where it keeps what has moved, and a mark for what only newer ones have."""

from __future__ import annotations

import functools
import importlib
import re
from importlib import metadata
from typing import Any, Final

import pytest
from packaging.version import Version

_VERSION = Version(metadata.version("apache-airflow"))
AIRFLOW: Final = (_VERSION.major, _VERSION.minor)
"""Its version, as ``(3, 3)``."""

DAG_BAG_MODULE: Final = "airflow.dag_processing.dagbag" if AIRFLOW >= (3, 2) else "airflow.models.dagbag"
"""Where the class that reads DAG files lives. It moved with Airflow 3.2."""

MASKER_MODULE: Final = {
    (2, 11): "airflow.utils.log.secrets_masker",
    (3, 0): "airflow.sdk.execution_time.secrets_masker",
}.get(AIRFLOW, "airflow.sdk.log")
"""Where ``mask_secret`` and ``redact`` live."""


def without_airflows_own_telling(output: str) -> str:
    """Return what was printed without what Airflow 3.0 itself says of the secrets that it masks.

    Its ``dag.test()`` prints every message between a task and its supervisor, also those that say what to mask; for
    the password and the extra of a connection it sends them itself.
    """
    if AIRFLOW != (3, 0):
        return output
    return re.sub(r"^.*Sending request .*msg=MaskSecret\(.*$", "", output, flags=re.MULTILINE)


NEEDS_A_NEWER_AIRFLOW: Final = "needs Airflow "
"""How the reason of every test begins that is skipped beside an older Airflow."""


def since(major: int, minor: int, what: str) -> pytest.MarkDecorator:
    """Skip a test beside an Airflow that is older than what the test is about.

    :param major: major version of the Airflow that brought it.
    :param minor: minor version.
    :param what: what it brought, for the reason.
    """
    return pytest.mark.skipif(
        (major, minor) > AIRFLOW, reason=f"{NEEDS_A_NEWER_AIRFLOW}{major}.{minor} or newer: {what}"
    )


loses_an_extra_that_is_no_json_object = pytest.mark.skipif(
    AIRFLOW in ((3, 0), (3, 1)),
    reason=f"{NEEDS_A_NEWER_AIRFLOW}3.2, or 2.11: 3.0 and 3.1 do not find a connection whose extra is no JSON object",
)


fails_a_sensor_that_looks_twice = pytest.mark.skipif(
    AIRFLOW == (3, 0),
    reason=f"{NEEDS_A_NEWER_AIRFLOW}3.1, or 2.11: dag.test() of 3.0 fails a rescheduled sensor at its second look",
)


def connection_of(text: str, conn_id: str) -> Any:
    """Return the connection that Airflow makes of a JSON or of a URI.

    :param text: either.
    :param conn_id: its id.
    """
    if AIRFLOW >= (3, 1):
        from airflow.sdk import Connection

        return (Connection.from_json if text.startswith("{") else Connection.from_uri)(text, conn_id=conn_id)
    # What the tasks of older ones get has no such methods.
    models = importlib.import_module("airflow.models.connection")
    if text.startswith("{"):
        return models.Connection.from_json(text, conn_id=conn_id)
    return models.Connection(uri=text, conn_id=conn_id)


def dag_bag(*folder: str) -> Any:
    """Let Airflow read a folder of DAG files, without one its own DAGs folder."""
    _keep_the_api_of_dag_test()
    return importlib.import_module(DAG_BAG_MODULE).DagBag(*folder)


def _keep_the_api_of_dag_test() -> None:
    """Let ``dag.test()`` make its API server once in a process, as Airflow 3.3 does, not for 1.5 s of each task."""
    if (3, 0) <= AIRFLOW < (3, 3):
        supervisor = importlib.import_module("airflow.sdk.execution_time.supervisor")
        make = vars(supervisor)["in_process_api_server"]
        if not hasattr(make, "cache_info"):
            vars(supervisor)["in_process_api_server"] = functools.lru_cache(maxsize=1)(make)


def make_outlets_known(bag: Any) -> None:
    """Tell the metadata database of the outlets of DAGs, as the DAG processor does.

    Without it, ``dag.test()`` of Airflow 2 loses their events, and that of 3.0 fails the task. Newer ones do it.
    """
    if AIRFLOW == (2, 11):
        bag.sync_to_db()
    elif AIRFLOW == (3, 0):
        from airflow.dag_processing.bundles.manager import DagBundlesManager

        DagBundlesManager().sync_bundles_to_db()
        bag.sync_to_db("dags-folder", None)
