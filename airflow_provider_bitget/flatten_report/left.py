# SPDX-License-Identifier: Apache-2.0
"""What is left of an account that was to be flattened, why, and what a person can do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from airflow_provider_bitget.api.rows import PROTECTIVE_PLAN_TYPES
from airflow_provider_bitget.flatten_report.phases import (
    CANCEL,
    CANCELS,
    CLOSE,
    ORDER_FIELDS,
    POSITION_FIELDS,
    PROVE,
    SWEEP,
    VERDICT_FIELDS,
    Phase,
    Row,
    key_of,
    rows_in,
)
from airflow_provider_bitget.flatten_report.plain import mapping_of, text_of, whole_of
from airflow_provider_bitget.flatten_report.reasons import (
    KEPT_STOP,
    NEVER_NAMED,
    NOT_SENT_ON_PURPOSE,
    Reason,
    reason_of,
)
from airflow_provider_bitget.flatten_report.series import total

_ENDED_UNSEEN: Final = ("not_found", "ambiguous", "not_verified")
_COUNTS: Final = ("orders", "plan_orders", "positions")


@dataclass(frozen=True, slots=True)
class _Verdict:
    """The last word of the phases on something that they could not finish."""

    task: str
    kind: str
    row: Row
    is_unresolved: bool


@dataclass(frozen=True, slots=True)
class _Left:
    """What is left of one product type.

    :param rows: what is left, or may be.
    :param counts: by the last complete read; ``None`` where there was none.
    :param ends_unknown: orders that this read does not show, and whose end no answer named.
    :param error: what kept the proof from its end, ``""`` if nothing did.
    """

    rows: list[Row]
    counts: Mapping[str, int | None] | None = None
    ends_unknown: Sequence[Row] = ()
    error: str = ""


def what_is_left(phases: Sequence[Phase], scope: Sequence[str], *, simulated: bool) -> tuple[dict[str, Any], list[Row]]:
    """Return what is left and why, and the orders whose end nobody saw.

    :param phases: what the tasks left behind, in the order of the run.
    :param scope: the product types.
    :param simulated: nothing was sent.
    """
    kept = {key_of(row) for row in rows_in(phases, CANCELS, "kept", ORDER_FIELDS)}
    parts = [_left_of([one for one in phases if one.product_type == name], kept, simulated) for name in scope]
    counts = [part.counts or {} for part in parts]
    left = {
        "known": bool(parts) and all(part.counts is not None for part in parts),
        "error": next(filter(None, (part.error for part in parts)), ""),
        "counts": {name: total([one.get(name) for one in counts]) for name in _COUNTS},
        "rows": [row for part in parts for row in part.rows],
    }
    return left, [row for part in parts for row in part.ends_unknown]


def _left_of(phases: Sequence[Phase], kept: set[tuple[str, ...]], simulated: bool) -> _Left:
    """Return what is left of the product type of these phases: what its proof saw, else what no phase finished."""
    verdicts = _verdicts(phases)
    errors = [text_of(mapping_of(phase.report).get("error")) for phase in phases if phase.task == PROVE]
    error = next(filter(None, errors), "")
    proofs = [phase for phase in phases if phase.task == PROVE and mapping_of(phase.report).get("verified") is True]
    if not proofs:
        rows = [_left_row(one.kind, one.row, one, kept, simulated) for one in _unswept(verdicts.values(), phases)]
        return _Left(rows, error=error)
    seen = _seen_by(proofs[-1])
    still_open = {key_of(row) for _, row in seen}
    counts = mapping_of(mapping_of(proofs[-1].report).get("counts"))
    return _Left(
        rows=[_left_row(kind, row, verdicts.get(key_of(row)), kept, simulated) for kind, row in seen],
        counts={name: whole_of(counts.get(name)) for name in _COUNTS},
        ends_unknown=[
            one.row | {"reason": reason_of(one.row["errorCode"], one.row["category"]).why}
            for key, one in verdicts.items()
            if key not in still_open and _has_unseen_end(one)
        ],
        error=error,
    )


def _verdicts(phases: Iterable[Phase]) -> dict[tuple[str, ...], _Verdict]:
    """Return the last word on everything that a phase could not finish, by what it is about."""
    found: dict[tuple[str, ...], _Verdict] = {}
    for phase in phases:
        for row in rows_in([phase], CANCELS, "already_closed", ORDER_FIELDS):
            found.pop(key_of(row), None)
        for name in ("failed", "unresolved"):
            orders = rows_in([phase], CANCELS, name, (*ORDER_FIELDS, *VERDICT_FIELDS, "state", "childOrderId"))
            positions = rows_in([phase], (CLOSE,), name, (*POSITION_FIELDS, *VERDICT_FIELDS))
            for row in (*orders, *positions):
                found[key_of(row)] = _Verdict(phase.task, _kind_of(row, phase.task), row, name == "unresolved")
    return found


def _seen_by(proof: Phase) -> list[tuple[str, Row]]:
    """Return the rows of the last complete read, each with its kind; positions first."""
    lists = (
        ("position", "open_positions", POSITION_FIELDS),
        ("order", "open_orders", ORDER_FIELDS),
        ("plan order", "open_plan_orders", ORDER_FIELDS),
    )
    return [(kind, row) for kind, name, fields in lists for row in rows_in([proof], (PROVE,), name, fields)]


def _unswept(verdicts: Iterable[_Verdict], phases: Sequence[Phase]) -> list[_Verdict]:
    """Return the verdicts that a later, complete look at the same orders has not overtaken."""
    swept = any(phase.task == SWEEP and mapping_of(phase.report).get("verified") is True for phase in phases)
    return [
        verdict
        for verdict in verdicts
        if not swept or verdict.task != CANCEL or verdict.row["planType"] in PROTECTIVE_PLAN_TYPES
    ]


def _has_unseen_end(verdict: _Verdict) -> bool:
    """Whether nobody saw how an order ended; one that triggered stands among the fills."""
    is_triggered = verdict.row.get("state") == "triggered"
    return (
        verdict.is_unresolved
        and verdict.row["category"] in _ENDED_UNSEEN
        and verdict.kind != "position"
        and not is_triggered
    )


def _left_row(kind: str, row: Row, verdict: _Verdict | None, kept: set[tuple[str, ...]], simulated: bool) -> Row:
    said = {} if verdict is None else verdict.row
    reason = _reason(row, said, kept, simulated)
    return {
        "kind": kind,
        **{name: value for name, value in row.items() if name not in (*VERDICT_FIELDS, "state")},
        **{name: said.get(name, "") for name in VERDICT_FIELDS},
        "reason": reason.why,
        "action": reason.action,
    }


def _reason(row: Row, said: Row, kept: set[tuple[str, ...]], simulated: bool) -> Reason:
    if simulated:
        return NOT_SENT_ON_PURPOSE
    if not said:
        return KEPT_STOP if key_of(row) in kept else NEVER_NAMED
    return reason_of(said["errorCode"], said["category"])


def _kind_of(row: Row, task: str) -> str:
    if task == CLOSE:
        return "position"
    return "plan order" if row["planType"] else "order"
