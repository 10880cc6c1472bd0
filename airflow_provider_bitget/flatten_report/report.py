# SPDX-License-Identifier: Apache-2.0
"""The report of a flattened account: what was there, what became of it, what is left and why, as plain JSON types.

It is put together from the reports of the tasks, whatever these left behind: a task that failed before it wrote
anything is named as missing, a report that makes no sense counts as one that says nothing. The report always comes out,
and nothing but a proof for every product type makes it say flat.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from airflow_provider_bitget.flatten_report.left import what_is_left
from airflow_provider_bitget.flatten_report.phases import (
    CANCELS,
    CLOSE,
    ORDER_FIELDS,
    POSITION_FIELDS,
    PROVE,
    VERDICT_FIELDS,
    Phase,
    Row,
    in_order,
    key_of,
    listed_of,
    rows_in,
    upper_of,
)
from airflow_provider_bitget.flatten_report.plain import (
    decimal_of,
    iso_of,
    mapping_of,
    moment_of,
    text_of,
    whole_of,
)
from airflow_provider_bitget.flatten_report.series import (
    Numbers,
    Snapshot,
    by_time,
    known_of,
    series_of,
    snapshots_of,
    total,
)
from airflow_provider_bitget.trading.report import MOST_ROWS


def build_flatten_report(
    *,
    account: str,
    product_types: Sequence[str],
    phases: Iterable[Phase | Mapping[str, Any]],
    simulated: bool,
    ended: float | datetime,
    exclude_symbols: Iterable[str] = (),
    margin_coin: str | None = None,
) -> dict[str, Any]:
    """Return the report of one run over one account. It never raises over what the phases left behind.

    The keys, every list of at most 1,000 rows (``truncated`` says whether one was longer), every time such as
    ``2026-11-23T23:55:00Z``, every amount as text:

    - ``account``, ``product_types``, ``exclude_symbols``, ``margin_coin``: whose books, and which part of them.
    - ``flat``: the proof of every product type says so. ``simulated``: nothing was sent.
    - ``started``, ``ended``; ``requests``, ``retries``: of all phases.
    - ``before``, ``after``: numbers of ``orders``, ``plan_orders``, ``positions`` and the ``position_value`` at mark
      price in quote coins; ``None`` is not known. ``books``: the same for each product type, with its own ``flat``.
    - ``counts``: ``cancelled`` and ``already_closed`` orders and plan orders, ``positions_closed``, over all phases.
    - ``left``: whether a complete read says what is left (``known``), the ``error`` that kept the last reads from their
      end (``""`` if none did), the counts by that read (``None`` without one), and the ``rows``: ``kind`` (``order``,
      ``plan order`` or ``position``), what it is, the exchange's ``errorCode`` and ``errorMsg`` and the ``category`` of
      the last verdict on it, a ``reason`` and an ``action`` in plain words.
    - ``fills``: orders that filled and plan orders that triggered while they were being cancelled.
    - ``ends_unknown``: orders that no read shows any longer, and of which no answer says how they ended.
    - ``stops_kept``: stops of positions that are still open. ``stops_released``: stops that went before their position,
      since they locked it.
    - ``positions``: every position that was to be closed, with its ``outcome``.
    - ``phases``: one row per task and product type, also where it is ``missing``; ``refusal`` is why it could not
      begin, if it said so. ``missing``: these by name.
    - ``range``: the proofs have read orders placed ``from`` then ``to`` then; with ``any_age``, the exchange itself has
      said that it knows no order of any age (plan orders excepted).
    - ``settle``, ``reads``: what the proofs rest on: seconds between two reads at least, complete reads at least.
    - ``series``: ``time``, ``orders`` (with plan orders) and ``position_value`` over the run.

    :param account: the connection's id.
    :param product_types: the product types of the run.
    :param phases: what the tasks left behind, in any order; a mapping has the fields of :class:`Phase`.
    :param simulated: the run was one that sends nothing.
    :param ended: when the run ended, in seconds since the epoch or as a datetime.
    :param exclude_symbols: symbols that the run left alone.
    :param margin_coin: the only margin coin of the run, ``None`` for any.
    """
    scope = list(dict.fromkeys(filter(None, map(upper_of, listed_of(product_types)))))
    found = in_order(phases, scope)
    snapshots = [snapshot for phase in found for snapshot in snapshots_of(phase.product_type, phase.report)]
    books = [_books_of(product_type, found, snapshots) for product_type in scope]
    end = moment_of(ended)
    is_simulated = simulated is True
    left, ends_unknown = what_is_left(found, scope, simulated=is_simulated)
    lists = {
        "fills": _fills(found),
        "ends_unknown": ends_unknown,
        "stops_kept": _each_once(rows_in(found, CANCELS, "kept", ORDER_FIELDS)),
        "stops_released": _each_once(rows_in(found, (CLOSE,), "cancelled_stops", ORDER_FIELDS)),
        "positions": list(_closes(found)),
    }
    proofs = [phase.report for phase in found if phase.task == PROVE and phase.report]
    return {
        "account": text_of(account),
        "product_types": scope,
        "exclude_symbols": sorted(filter(None, map(upper_of, listed_of(exclude_symbols)))),
        "margin_coin": upper_of(margin_coin),
        "flat": bool(books) and all(one.is_flat for one in books),
        "simulated": is_simulated,
        "started": iso_of(min((one.time for one in snapshots), default=end)),
        "ended": iso_of(end),
        "before": _added([one.before for one in books]),
        "after": _added([one.after for one in books]),
        "books": [one.to_row() for one in books],
        "counts": {
            "cancelled": _sum(found, CANCELS, "cancelled"),
            "already_closed": _sum(found, CANCELS, "already_closed"),
            "positions_closed": _sum(found, (CLOSE,), "closed"),
        },
        "left": left | {"rows": left["rows"][:MOST_ROWS]},
        **{name: rows[:MOST_ROWS] for name, rows in lists.items()},
        "truncated": any(len(rows) > MOST_ROWS for rows in (left["rows"], *lists.values()))
        or any(mapping_of(phase.report).get("truncated") is True for phase in found),
        "phases": [_phase_row(phase) for phase in found],
        "missing": [f"{phase.task} {phase.product_type}" for phase in found if phase.report is None],
        "range": _range(found, scope),
        "settle": _text_of_least(proofs, "settle"),
        "reads": min((whole_of(proof.get("reads")) or 0 for proof in proofs), default=0),
        "requests": sum(_whole(phase.report, "requests") for phase in found),
        "retries": sum(_whole(phase.report, "retries") for phase in found),
        "series": series_of(snapshots),
    }


@dataclass(frozen=True, slots=True)
class _Books:
    """The books of one product type before and after."""

    product_type: str
    is_flat: bool
    before: Numbers
    after: Numbers

    def to_row(self) -> dict[str, Any]:
        """Return them as plain JSON types."""
        before, after = self.before.plain(), self.after.plain()
        return {"product_type": self.product_type, "flat": self.is_flat, "before": before, "after": after}


def _phase_row(phase: Phase) -> dict[str, Any]:
    report = mapping_of(phase.report)
    times = [snapshot.time for snapshot in snapshots_of(phase.product_type, report)]
    counts = mapping_of(report.get("counts"))
    return {
        "task": phase.task,
        "product_type": phase.product_type,
        "missing": phase.report is None,
        "refusal": phase.refusal,
        "started": iso_of(min(times, default=None)),
        "ended": iso_of(max(times, default=None)),
        "duration_ms": _whole(report, "duration_ms"),
        "requests": _whole(report, "requests"),
        "retries": _whole(report, "retries"),
        "verified": report.get("verified") is True,
        "counts": {text_of(name): number for name, value in counts.items() if (number := whole_of(value)) is not None},
    }


def _says_flat(phase: Phase) -> bool:
    """Whether a proof says flat; one that contradicts itself, or speaks of something else, does not."""
    report = mapping_of(phase.report)
    counts = mapping_of(report.get("counts"))
    is_contradicted = (
        any(report.get(name) for name in ("open_orders", "open_plan_orders", "open_positions"))
        or any(whole_of(value) != 0 for value in counts.values())
        or text_of(report.get("product_type")).upper() not in ("", phase.product_type)
    )
    return report.get("flat") is True and not is_contradicted


# ------------------------------------------------------------------------------------------------- the books


def _books_of(product_type: str, phases: Sequence[Phase], snapshots: Sequence[Snapshot]) -> _Books:
    """Return one product type's numbers before and after, and whether it is proven to be flat."""
    own = by_time(one for one in snapshots if one.product_type == product_type)
    proofs = [phase for phase in phases if phase.task == PROVE and phase.product_type == product_type]
    return _Books(
        product_type,
        is_flat=bool(proofs) and all(_says_flat(proof) for proof in proofs),
        before=known_of(reversed(own)),
        after=known_of(own),
    )


def _added(numbers: Sequence[Numbers]) -> dict[str, Any]:
    """Add up the product types; what is not known of one of them is not known of them all."""
    return Numbers(
        **{one.name: total([getattr(each, one.name) for each in numbers]) for one in fields(Numbers)}
    ).plain()


def _fills(phases: Sequence[Phase]) -> list[Row]:
    """Return the orders that filled and the plan orders that triggered while they were being cancelled.

    The last phase that named an order knows most about it.
    """
    fields = (*ORDER_FIELDS, "state", "childOrderId")
    found: dict[tuple[str, ...], Row] = {}
    for phase in phases:
        for name in ("already_closed", "unresolved"):
            for row in rows_in([phase], CANCELS, name, fields):
                if row["childOrderId"] or row["state"] in ("filled", "triggered"):
                    found[key_of(row)] = row
    return list(found.values())


def _closes(phases: Sequence[Phase]) -> Iterator[Row]:
    for outcome in ("closed", "failed", "unresolved"):
        for row in rows_in(phases, (CLOSE,), outcome, (*POSITION_FIELDS, *VERDICT_FIELDS, "note")):
            yield {**row, "outcome": outcome}


def _each_once(rows: Iterable[Row]) -> list[Row]:
    """Return each order once, as the first phase that named it did."""
    found: dict[tuple[str, ...], Row] = {}
    for row in rows:
        found.setdefault(key_of(row), row)
    return list(found.values())


# --------------------------------------------------------------------------------------------------- numbers


def _range(phases: Sequence[Phase], scope: Sequence[str]) -> dict[str, Any]:
    """Return what the proofs of all product types have read, at least."""
    ranges = [mapping_of(mapping_of(phase.report).get("range")) for phase in phases if phase.task == PROVE]
    starts, ends = (_if_all_known([moment_of(one.get(name)) for one in ranges]) for name in ("from", "to"))
    of_any_age = {
        phase.product_type
        for phase in phases
        if phase.task in CANCELS and mapping_of(mapping_of(phase.report).get("range")).get("any_age") is True
    }
    return {
        "from": iso_of(max(starts, default=None)),
        "to": iso_of(min(ends, default=None)),
        "any_age": bool(scope) and of_any_age.issuperset(scope),
    }


def _if_all_known(moments: Sequence[datetime | None]) -> list[datetime]:
    known = [moment for moment in moments if moment is not None]
    return known if len(known) == len(moments) else []


def _sum(phases: Iterable[Phase], tasks: Sequence[str], name: str) -> int:
    return sum(_whole(mapping_of(phase.report).get("counts"), name) for phase in phases if phase.task in tasks)


def _whole(report: Any, name: str) -> int:
    return whole_of(mapping_of(report).get(name)) or 0


def _text_of_least(reports: Iterable[Mapping[str, Any]], name: str) -> str:
    return text_of(min((number for one in reports if (number := decimal_of(one.get(name))) is not None), default=None))
