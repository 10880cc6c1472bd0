# SPDX-License-Identifier: Apache-2.0
"""The end of the day as a task group: an account goes flat, and the report proves it.

For every product type::

    cancel                                                            cancels_over
       .
       . asks how the cancel is doing
       .
    close_gate -> close -> cancel_stops -> sweep -> prove -> report

Parsing a DAG imports nothing heavy: what a task needs is imported when it runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from os import PathLike, fspath
from typing import Any, Final

from airflow.providers.common.compat.sdk import BaseOperator, task_group

from airflow_provider_bitget.operators.arguments import (
    LONGEST_LOOKBACK_DAYS,
    excluded_symbols,
    flag,
    pause,
    seconds,
    whole_number,
)
from airflow_provider_bitget.operators.arguments import product_types as checked_product_types
from airflow_provider_bitget.operators.exceptions import BitgetArgumentError
from airflow_provider_bitget.operators.flatten import (
    BitgetCloseGateSensor,
    BitgetFlattenCancelOperator,
    BitgetFlattenCloseOperator,
    BitgetFlattenMarkOperator,
    BitgetFlattenReportOperator,
    BitgetProveFlatOperator,
)

_SPARE_SECONDS: Final = 60
"""What a task may take beyond its own deadline before Airflow ends it: start, connection, report."""

_REPORT_SECONDS: Final = 240
"""What the pages may take to be written to a bucket."""

_NO_RETRY_POLICY: Final[Mapping[str, Any]] = {"retry_policy": None} if hasattr(BaseOperator, "retry_policy") else {}
"""Airflow 3.3 and newer: nobody but the group says what is tried again."""

_PRIORITIES: Final[Mapping[str, int]] = {
    "start": 60,
    "cancels_over": 60,
    "close_gate": 50,
    "close": 40,
    "cancel": 30,
    "cancel_stops": 20,
    "sweep": 20,
    "prove": 10,
    "report": 10,
}
"""Where slots are scarce, a close that is due comes before another account's cancel."""


@task_group(group_id="flatten_account", tooltip="Cancel, close, prove flat, report")
def flatten_account(
    *,
    product_types: Sequence[str],
    bitget_conn_id: str = "bitget_default",
    exclude_symbols: Sequence[str] = (),
    margin_coin: str | None = None,
    lookback_days: int = 730,
    close_after: float = 60,
    cancel_deadline: float = 45,
    close_deadline: float = 120,
    sweep_deadline: float = 120,
    prove_deadline: float = 120,
    settle: float = 10,
    settle_after_fill: float = 30,
    report_path: str | PathLike[str] | None = None,
    outlets: Sequence[Any] = (),
    simulate: bool = False,
    retries: int = 2,
    retry_delay: timedelta = timedelta(seconds=5),
    pool: str | None = None,
) -> None:
    """Take an account from "orders and positions open" to "flat, and here is the proof".

    For each product type: ``cancel`` (open orders, and the plan orders that open positions: ``normal_plan``,
    ``track_plan``), ``close`` (all positions, at market price), ``cancel_stops`` (take-profit and stop-loss orders of
    the positions that read zero), ``sweep`` (orders and plan orders once more: closing can leave or trigger some),
    ``prove`` (two complete reads in a row find no order, no plan order and no position). One ``report`` at the end
    gathers all of it, writes the page, and **fails if the account is not flat**. Nothing is ever placed.

    - A position that does not close keeps its stops, and the report names them. Stops go earlier only where a close is
      refused because they lock the position's size; the report says that too.
    - A phase that fails keeps neither the next phases nor the other product types and accounts from being done.
    - The close starts at most ``close_after`` seconds after the cancel began, whatever becomes of the cancel, as long
      as Airflow has a slot for it.
    - Each task has the ``retries`` given here, not those of ``default_args``. Trying again is safe: every phase reads
      the books first and sends what is left. An interrupted task sends nothing more.
    - What comes before the group is respected: if it fails or is skipped, so is the whole group, and nothing is sent.

    Many accounts::

        flatten_account.partial(product_types=["USDT-FUTURES"]).expand(bitget_conn_id=["desk_a", "desk_b"])

    The report is the XCom of ``flatten_account.report``: see
    :func:`airflow_provider_bitget.flatten_report.report.build_flatten_report`.

    :param product_types: a literal list of at least one of ``USDT-FUTURES``, ``COIN-FUTURES``, ``USDC-FUTURES``,
        ``SUSDT-FUTURES``, ``SCOIN-FUTURES``, ``SUSDC-FUTURES``: everything in them is cancelled and closed.
    :param bitget_conn_id: (templated) id of the Airflow connection.
    :param exclude_symbols: a literal list of symbols to leave alone.
    :param margin_coin: (templated) only what is margined in this coin, for example ``"USDT"``.
    :param lookback_days: how old an open order may be, in days, 1 to 3650, where only lists can prove that none is
        left.
    :param close_after: seconds from the start of the cancel to the start of the close at most. Airflow may need the
        last 15 of them to start the close.
    :param cancel_deadline: seconds for one try of ``cancel``, below ``close_after``.
    :param close_deadline: seconds for one try of ``close``.
    :param sweep_deadline: seconds for one try of ``cancel_stops``, and of ``sweep``.
    :param prove_deadline: seconds for one try of ``prove``, above ``settle`` and ``settle_after_fill``. Many product
        types of one user share the exchange's limits, and take longer.
    :param settle: seconds for which no position may show before ``close`` ends, and between the two reads of the proof
        at least.
    :param settle_after_fill: the same where an order filled during the run: its position may show seconds later. An
        order may also fill although its cancel was acknowledged: neither ``close`` nor ``prove`` ends before so many
        seconds have passed since the last cancel.
    :param report_path: (templated) folder for the page (HTML and Markdown), a path or a URL that Airflow's object
        storage knows, such as ``s3://aws_default@bucket/flatten``; ``None`` for no page.
    :param outlets: a literal list of assets (on Airflow 2 of datasets), such as ``[Asset("bitget://desk_a/flat")]``:
        whatever is scheduled on them begins once the account is flat, and only then. It is ``report`` that emits them.
    :param simulate: report what would be done; send nothing that changes anything. An account that is not flat fails
        nothing then, and ``outlets`` are not emitted.
    :param retries: tries of each task after the first.
    :param retry_delay: pause between two tries.
    :param pool: pool of the tasks, ``None`` for Airflow's default pool. A worker that dies keeps its slot until Airflow
        notices, which takes minutes: in a pool of one slot the close would wait for it.
    :raises BitgetArgumentError: while the DAG is read: an argument cannot be used.
    """
    _check_text("bitget_conn_id", bitget_conn_id, "the id of an Airflow connection such as 'bitget_default'")
    if margin_coin is not None:
        _check_text("margin_coin", margin_coin, "a coin such as 'USDT', or None")
    patience = seconds("close_after", close_after)
    shared: dict[str, Any] = {"simulate": flag("simulate", simulate), "bitget_conn_id": bitget_conn_id}
    excluded = excluded_symbols("exclude_symbols", exclude_symbols)
    shorter: dict[str, Any] = {
        "deadline": min(seconds("close_deadline", close_deadline), seconds("prove_deadline", prove_deadline)),
        "deadline_name": "close_deadline" if close_deadline <= prove_deadline else "prove_deadline",
    }
    tasks = _Tasks(
        scope={**shared, "exclude_symbols": excluded, "margin_coin": margin_coin},
        lookback_days=whole_number("lookback_days", lookback_days, 1, LONGEST_LOOKBACK_DAYS),
        close_after=patience,
        cancel_deadline=_cancel_deadline(cancel_deadline, patience),
        close_deadline=seconds("close_deadline", close_deadline),
        sweep_deadline=seconds("sweep_deadline", sweep_deadline),
        prove_deadline=seconds("prove_deadline", prove_deadline),
        settle=pause("settle", settle, **shorter),
        settle_after_fill=pause("settle_after_fill", settle_after_fill, **shorter),
        retries=whole_number("retries", retries, 0, 100),
        retry_delay=_checked_delay(retry_delay),
        pool=_checked_pool(pool),
    )
    chosen = checked_product_types("product_types", product_types)
    # As a setup it passes on what came before the group: where that failed or was skipped, no task of the group runs,
    # although most of them run whatever becomes of the task before them.
    start = BitgetFlattenMarkOperator(**tasks.options("start"))
    start.as_setup()  # type: ignore[no-untyped-call]  # Airflow's own
    phases = {product_type: tasks.flatten(product_type, start) for product_type in chosen}
    report = BitgetFlattenReportOperator(
        phases={
            product_type: {name: task.task_id for name, task in own.items()} for product_type, own in phases.items()
        },
        exclude_symbols=excluded,
        margin_coin=margin_coin,
        report_path=_checked_path(report_path),
        **shared,
        **tasks.options("report", deadline=_REPORT_SECONDS, trigger_rule="all_done", outlets=_checked_outlets(outlets)),
    )
    # Airflow judges a run by its last tasks. A cancel that failed must not be one of them: the report decides, and it
    # does not wait for a cancel whose worker died.
    cancels_over = BitgetFlattenMarkOperator(**tasks.options("cancels_over", trigger_rule="all_done"))
    [own["cancel"] for own in phases.values()] >> cancels_over
    [own["prove"] for own in phases.values()] >> report


@dataclass(frozen=True)
class _Tasks:
    """Makes the tasks of the group.

    :param scope: the arguments that every phase has alike.
    """

    scope: Mapping[str, Any]
    lookback_days: int
    close_after: float
    cancel_deadline: float
    close_deadline: float
    sweep_deadline: float
    prove_deadline: float
    settle: float
    settle_after_fill: float
    retries: int
    retry_delay: timedelta
    pool: str | None

    def flatten(self, product_type: str, start: BaseOperator) -> dict[str, BaseOperator]:
        """Return the phases of one product type, each after the one before."""
        cancel = self._cancel("cancel", product_type, self.cancel_deadline, plans="opening", looks_first=True)
        settling: dict[str, Any] = {"settle": self.settle, "settle_after_fill": self.settle_after_fill}
        close = BitgetFlattenCloseOperator(
            product_type=product_type,
            earlier_task_ids=[cancel.task_id],
            cancel_task_ids=[cancel.task_id],
            deadline=self.close_deadline,
            **settling,
            **self.scope,
            **self.options("close", product_type, self.close_deadline, trigger_rule="all_done"),
        )
        cancel.gives_way_to = close.task_id
        gate = BitgetCloseGateSensor(
            cancel_task_id=cancel.task_id,
            close_after=self.close_after,
            # In the default pool, whatever pool is given: a cancel that hangs in a pool of one slot must not keep the
            # gate from being asked.
            **self.options("close_gate", product_type, pool="default_pool"),
        )
        after_close: dict[str, Any] = {
            "keep_stops_of_open_positions": True,
            "closed_by": close.task_id,
            "settle": self.settle,
            "trigger_rule": "all_done",
        }
        stops = self._cancel(
            "cancel_stops", product_type, self.sweep_deadline, orders=False, plans="protective", **after_close
        )
        sweep = self._cancel("sweep", product_type, self.sweep_deadline, plans="all", **after_close)
        phases = {"cancel": cancel, "close": close, "cancel_stops": stops, "sweep": sweep}
        prove = BitgetProveFlatOperator(
            product_type=product_type,
            lookback_days=self.lookback_days,
            **settling,
            earlier_task_ids=[task.task_id for task in phases.values()],
            cancel_task_ids=[cancel.task_id, sweep.task_id],
            deadline=self.prove_deadline,
            **self.scope,
            **self.options("prove", product_type, self.prove_deadline, trigger_rule="all_done"),
        )
        start >> [cancel, gate]
        gate >> close >> stops >> sweep >> prove
        return {**phases, "prove": prove}

    def options(self, phase: str, product_type: str = "", deadline: float = 0.0, **changes: Any) -> dict[str, Any]:
        """Return what Airflow needs to know of a task. Nothing that could keep it from running is left to default_args.

        :param phase: what it does.
        :param product_type: where, ``""`` for all together.
        :param deadline: seconds that its work may take.
        :param changes: what is different from all_success and the group's pool.
        """
        return {
            "task_id": "_".join(filter(None, (phase, product_type.lower().replace("-", "_")))),
            "retries": self.retries,
            "retry_delay": self.retry_delay,
            "retry_exponential_backoff": False,
            **_NO_RETRY_POLICY,
            "execution_timeout": timedelta(seconds=deadline + _SPARE_SECONDS),
            "depends_on_past": False,
            "wait_for_downstream": False,
            "do_xcom_push": True,
            "outlets": [],
            "trigger_rule": "all_success",
            "priority_weight": _PRIORITIES[phase],
            "weight_rule": "absolute",
            **({} if self.pool is None else {"pool": self.pool}),
            **changes,
        }

    def _cancel(
        self, phase: str, product_type: str, deadline: float, trigger_rule: str = "all_success", **what: Any
    ) -> BitgetFlattenCancelOperator:
        return BitgetFlattenCancelOperator(
            product_type=product_type,
            lookback_days=self.lookback_days,
            deadline=deadline,
            **what,
            **self.scope,
            **self.options(phase, product_type, deadline, trigger_rule=trigger_rule),
        )


def _cancel_deadline(value: Any, close_after: float) -> float:
    if seconds("cancel_deadline", value) >= close_after:
        raise BitgetArgumentError(
            f"cancel_deadline must be below close_after ({close_after:g}), but is {value:g}: the close starts at most "
            "close_after seconds after the cancel began. Lower cancel_deadline, or raise close_after."
        )
    return float(value)


def _check_text(name: str, value: Any, expected: str) -> None:
    """Pass for text that is not empty, and for what Airflow fills in when the task runs."""
    if isinstance(value, list | tuple | set | frozenset | Mapping):
        raise BitgetArgumentError(
            f"{name} must be {expected}, but came as type {type(value).__name__}. For several of them: "
            f"flatten_account.partial(product_types=[...]).expand({name}=[...])."
        )
    if value is None or (isinstance(value, str) and not value.strip()) or isinstance(value, bool | int | float | bytes):
        raise BitgetArgumentError(
            f"{name} must be {expected}, but came as type {type(value).__name__}, empty or not text."
        )


def _checked_path(value: Any) -> Any:
    if value is None:
        return None
    path = fspath(value) if isinstance(value, PathLike) else value
    _check_text("report_path", path, "a folder or a URL such as 's3://aws_default@bucket/flatten', or None")
    return path


def _checked_outlets(value: Any) -> list[Any]:
    if isinstance(value, list | tuple) and not value:
        return []
    from airflow.providers.common.compat.sdk import Asset

    odd = [value] if not isinstance(value, list | tuple) else [one for one in value if not isinstance(one, Asset)]
    if odd:
        raise BitgetArgumentError(
            'outlets must be a literal list of assets such as [Asset("bitget://desk_a/flat")], but came as, or with, '
            f"type {type(odd[0]).__name__}. The members of a mapped group share their outlets."
        )
    return list(value)


def _checked_delay(value: Any) -> timedelta:
    if not isinstance(value, timedelta) or value < timedelta(0):
        raise BitgetArgumentError(
            f"retry_delay must be a timedelta, 0 or more, such as timedelta(seconds=5), but came as type "
            f"{type(value).__name__}."
        )
    return value


def _checked_pool(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and value.strip()):
        return value
    raise BitgetArgumentError(
        f"pool must be a pool's name, or None, but came as type {type(value).__name__}, or empty."
    )
