# SPDX-License-Identifier: Apache-2.0
"""What the tasks that flatten an account leave behind, in the order of the run, and what is said in their reports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from airflow_provider_bitget.flatten_report.plain import mapping_of, rows_of, text_of

CANCEL: Final = "cancel"
CLOSE: Final = "close"
CANCEL_STOPS: Final = "cancel_stops"
SWEEP: Final = "sweep"
PROVE: Final = "prove"
TASKS: Final = (CANCEL, CLOSE, CANCEL_STOPS, SWEEP, PROVE)
"""The phases in their order; each of them runs once per product type."""

CANCELS: Final = (CANCEL, CANCEL_STOPS, SWEEP)

ORDER_FIELDS: Final = (
    "symbol",
    "orderId",
    "clientOid",
    "planType",
    "side",
    "holdSide",
    "size",
    "price",
    "triggerPrice",
)
POSITION_FIELDS: Final = ("symbol", "holdSide", "size", "left", "value", "marginCoin")
VERDICT_FIELDS: Final = ("errorCode", "errorMsg", "category")

Row = dict[str, str]
"""A row of a report with all its fields as text, and ``product_type``."""


@dataclass(frozen=True, slots=True)
class Phase:
    """What one task of the group left behind for one product type.

    :param task: one of :data:`TASKS`.
    :param product_type: for example ``USDT-FUTURES``.
    :param report: the task's report, ``None`` where it left none.
    :param refusal: why it could not begin, ``""`` where it left a report or nothing at all.
    """

    task: str
    product_type: str
    report: Mapping[str, Any] | None = None
    refusal: str = ""


def in_order(phases: Any, scope: Sequence[str]) -> list[Phase]:
    """Return every phase of every product type in the order of the run, with ``None`` for a report that is missing."""
    reports: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    refusals: dict[tuple[str, str], str] = {}
    for phase in listed_of(phases):
        task, product_type, report, refusal = _fields_of(phase)
        key = (text_of(task), upper_of(product_type))
        if isinstance(report, Mapping):
            reports.setdefault(key, []).append(report)
        elif text_of(refusal):
            refusals[key] = text_of(refusal)
    return [
        phase
        for task in TASKS
        for product_type in scope
        for phase in [Phase(task, product_type, report) for report in reports.get((task, product_type), ())]
        or [Phase(task, product_type, None, refusals.get((task, product_type), ""))]
    ]


def _fields_of(phase: Any) -> tuple[Any, Any, Any, Any]:
    if isinstance(phase, Phase):
        return phase.task, phase.product_type, phase.report, phase.refusal
    row = mapping_of(phase)
    return row.get("task"), row.get("product_type"), row.get("report"), row.get("refusal")


def rows_in(phases: Iterable[Phase], tasks: Sequence[str], name: str, fields: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of one list of the phases' reports: these fields only, all as text, with the product type."""
    for phase in phases:
        if phase.task in tasks:
            for row in rows_of(mapping_of(phase.report).get(name)):
                yield {"product_type": phase.product_type, **{field: text_of(row.get(field)) for field in fields}}


def key_of(row: Row) -> tuple[str, ...]:
    """Return what tells a row of an order or of a position from the others of the same kind."""
    if "orderId" in row:
        return row["product_type"], row["orderId"] or row["clientOid"] or row["symbol"]
    return row["product_type"], row["symbol"], row["holdSide"], row["marginCoin"]


def upper_of(value: Any) -> str:
    """Return text in upper case, as product types and symbols are written."""
    return text_of(value).upper()


def listed_of(value: Any) -> list[Any]:
    """Return the members of a list, or text alone as its only member; nothing for anything else."""
    if isinstance(value, str):
        return [value]
    return list(value) if isinstance(value, Iterable) and not isinstance(value, Mapping) else []
