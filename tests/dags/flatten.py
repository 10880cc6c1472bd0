# SPDX-License-Identifier: Apache-2.0
"""The flattening of an account, in haste: the same group as a desk schedules, with short waits."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG, AirflowSkipException, Asset, task

from airflow_provider_bitget.task_groups.flatten import flatten_account

REPORT_PATH = os.path.join(os.environ.get("AIRFLOW_HOME", "."), "flatten-pages")

HASTY: dict[str, Any] = {
    "lookback_days": 90,
    "close_after": 12,
    "cancel_deadline": 11,
    "close_deadline": 15,
    "sweep_deadline": 15,
    "prove_deadline": 15,
    "settle": 0.5,
    "settle_after_fill": 1.5,
    "retries": 0,
    "retry_delay": timedelta(seconds=1),
}
# For accounts that do not go flat: each phase works until its deadline.
IMPATIENT = HASTY | {"cancel_deadline": 4, "close_deadline": 14, "sweep_deadline": 4, "prove_deadline": 3}


def a_dag(dag_id: str, **options: Any) -> DAG:
    """Return a DAG that runs when told."""
    return DAG(dag_id=dag_id, schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, **options)


# What an author's default_args say of other tasks must not reach these.
careless = {"retries": 7, "retry_delay": timedelta(hours=1), "execution_timeout": timedelta(milliseconds=1)}
with a_dag("flatten", default_args={**careless, "depends_on_past": True, "do_xcom_push": False}):
    flatten_account(product_types=["usdt-futures", "COIN-FUTURES"], report_path=REPORT_PATH, **HASTY)

with a_dag("flatten_in_part"):
    flatten_account(product_types=["USDT-FUTURES"], exclude_symbols=["xrpusdt"], margin_coin="usdt", **HASTY)

with a_dag("flatten_against_refusals"):
    flatten_account(product_types=["USDT-FUTURES"], report_path=REPORT_PATH, **IMPATIENT)

with a_dag("flatten_with_retries"):
    flatten_account(product_types=["USDT-FUTURES"], **HASTY | {"close_deadline": 3, "retries": 1})

with a_dag("flatten_when_the_cancel_waits"):
    # The cancel fails early, and its next try would be later than the close has to be.
    flatten_account(
        product_types=["USDT-FUTURES"],
        **HASTY | {"close_after": 12, "cancel_deadline": 1.5, "retries": 1, "retry_delay": timedelta(seconds=20)},
    )

with a_dag("flatten_simulated"):
    flatten_account(product_types=["USDT-FUTURES"], simulate=True, report_path=REPORT_PATH, **HASTY)

with a_dag("flatten_accounts"):
    # One after the other, as this way of running Airflow has it, their cancels take longer.
    flatten_account.partial(
        product_types=["USDT-FUTURES"], report_path=REPORT_PATH, **HASTY | {"close_after": 40}
    ).expand(bitget_conn_id=["bitget_default", "bitget_second", "bitget_third"])

with a_dag("flatten_after_something"):

    @task
    def before(dag_run: Any = None) -> list[str]:
        """Fail or skip as the run says, or name the accounts."""
        if dag_run.conf["before"] == "fail":
            raise RuntimeError("what comes before the flattening failed")
        if dag_run.conf["before"] == "skip":
            raise AirflowSkipException("no trading day")
        return list(dag_run.conf["before"])

    done = before()
    done >> flatten_account(product_types=["USDT-FUTURES"], **HASTY)
    flatten_account.override(group_id="flatten_listed").partial(product_types=["USDT-FUTURES"], **HASTY).expand(
        bitget_conn_id=done
    )

FLAT = Asset("bitget://desks/flat")
NOT_THE_GROUPS = Asset("bitget://desks/whatever-default-args-say")

with a_dag("flatten_and_tell", default_args={"outlets": [NOT_THE_GROUPS]}):
    flatten_account(product_types=["USDT-FUTURES", "COIN-FUTURES"], outlets=[FLAT], **HASTY)

with a_dag("flatten_and_tell_against_refusals"):
    flatten_account(product_types=["USDT-FUTURES"], outlets=[FLAT], **IMPATIENT)

with a_dag("flatten_and_tell_simulated"):
    flatten_account(product_types=["USDT-FUTURES"], outlets=[FLAT], simulate=True, **HASTY)

with a_dag("flatten_accounts_and_tell"):
    flatten_account.partial(product_types=["USDT-FUTURES"], outlets=[FLAT], **IMPATIENT | {"close_after": 40}).expand(
        bitget_conn_id=["bitget_default", "bitget_second"]
    )
