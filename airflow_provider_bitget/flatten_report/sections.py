# SPDX-License-Identifier: Apache-2.0
"""What the page of a flattened account says, before anybody decides how it looks: headline, sentences, tables.

HTML and Markdown are made of the same words, so that they cannot differ. A report that came through XCom is read as
carefully as one from a stranger.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import compress
from typing import Any, Final

from airflow_provider_bitget.flatten_report.plain import decimal_of, mapping_of, moment_of, rows_of, text_of, whole_of

FLAT: Final = "FLAT"
NOT_FLAT: Final = "NOT FLAT"
SIMULATED: Final = "SIMULATED"
NOTHING: Final = "–"  # noqa: RUF001 - an en dash, as in any table of figures
UNKNOWN: Final = "not known"
_COUNTED: Final = ("orders", "plan_orders", "positions")
_NOTHING_SENT: Final = "Nothing was sent"
_NO_REPORT: Final = "no report: it failed or never ran"
MOST_NAMED: Final = 3
"""How many things a sentence names; the tables name them all."""

TASK_TITLES: Final[Mapping[str, str]] = {
    "cancel": "Cancel orders and opening plan orders",
    "close": "Close positions",
    "cancel_stops": "Cancel stops",
    "sweep": "Sweep orders again",
    "prove": "Prove flat",
}

_NOTHING_DONE: Final[Mapping[str, str]] = {
    "cancel": "nothing to cancel",
    "close": "nothing to close",
    "cancel_stops": "nothing to cancel",
    "sweep": "nothing to cancel",
    "prove": "nothing left",
}

Report = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    :param heading: its heading.
    :param is_number: whether its cells are figures, which stand at the right.
    :param is_name: whether its cells are names or ids, which are never broken.
    """

    heading: str
    is_number: bool = False
    is_name: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A table with what there is to say about it.

    :param title: its heading.
    :param note: a sentence above the table, ``""`` for none.
    :param columns: the columns.
    :param rows: the cells, row by row.
    :param is_urgent: whether somebody has to act on it.
    """

    title: str
    note: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    is_urgent: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """A quantity before and after the run, ready to be read."""

    label: str
    before: str
    after: str

    @property
    def course(self) -> str:
        """Both in one line."""
        return self.after if self.before == self.after == UNKNOWN else f"{self.before} → {self.after}"


def verdict_of(report: Report) -> str:
    """Return the word that the page begins with."""
    if report.get("simulated") is True:
        return SIMULATED
    return FLAT if report.get("flat") is True else NOT_FLAT


def headline_of(report: Report) -> list[str]:
    """Return the parts of the first line: the verdict, whose books, which part of them, and when."""
    scope = ", ".join(map(text_of, _listed(report.get("product_types")))) or "no product type"
    excluded = ", ".join(map(text_of, _listed(report.get("exclude_symbols"))))
    coin = text_of(report.get("margin_coin"))
    if excluded:
        scope += f" without {excluded}"
    if coin:
        scope += f", margined in {coin} only"
    return [verdict_of(report), text_of(report.get("account")) or "account not known", scope, when(report.get("ended"))]


def sentences_of(report: Report) -> list[str]:
    """Return what the run comes down to, one sentence each."""
    return [
        *_verdict_sentences(report),
        *_deed_sentences(report),
        *_doubt_sentences(report),
    ]


def figures_of(report: Report) -> list[Figure]:
    """Return the books before and after."""
    before, after = mapping_of(report.get("before")), mapping_of(report.get("after"))
    labels = {
        "orders": "Open orders",
        "plan_orders": "Plan orders",
        "positions": "Positions",
        "position_value": "Position value",
    }
    return [Figure(label, _figure(before.get(name)), _figure(after.get(name))) for name, label in labels.items()]


def sections_of(report: Report) -> list[Section]:
    """Return the tables that have something to say, the urgent ones first."""
    makers = (_left, _stops_kept, _fills, _ends_unknown, _stops_released, _positions, _books, _phases)
    return [_without_empty_columns(section) for make in makers if (section := make(report)).rows]


def footnotes_of(report: Report) -> list[str]:
    """Return what is good to know when the rest has been read."""
    notes = [
        f"{_count(report, 'requests')} requests went to the exchange, {_count(report, 'retries')} of them repeated "
        "another.",
        "Position values are sizes at mark price in quote coins, added up over the product types as they are.",
        "All times are UTC; those of the phases are by the exchange's clock.",
    ]
    notes += _range_notes(mapping_of(report.get("range")))
    if report.get("truncated") is True:
        notes.append("A list was longer than 1,000 rows and is cut; the counts are whole.")
    return notes


def _range_notes(read: Mapping[str, Any]) -> list[str]:
    moment = moment_of(read.get("from"))
    if moment is None:
        return []
    older = " and the exchange itself said that it knows no older one" if read.get("any_age") is True else ""
    return [f"The last read asked for all orders placed since {moment:%Y-%m-%d}{older}."]


def when(value: Any) -> str:
    """Return a moment as ``2026-11-23 23:55:00 UTC``."""
    moment = moment_of(value)
    return "time not known" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def clock_time(value: Any) -> str:
    """Return the time of day of a moment as ``23:55:00``."""
    moment: datetime | None = moment_of(value)
    return NOTHING if moment is None else f"{moment:%H:%M:%S}"


# ------------------------------------------------------------------------------------------------- sentences


def _verdict_sentences(report: Report) -> Iterable[str]:
    left = mapping_of(report.get("left"))
    verdict = verdict_of(report)
    if verdict == SIMULATED:
        yield "Nothing was sent that changes anything: this is what a run would have found."
    if report.get("flat") is True:
        reads, settle = whole_of(report.get("reads")), text_of(report.get("settle"))
        apart = f"at least {settle} s apart" if settle else "one after the other"
        counted = f"the last two of {reads} complete reads" if reads and reads > 2 else "two complete reads in a row"
        last = moment_of(mapping_of(report.get("range")).get("to"))
        until = "" if last is None else f", the last of them at {when(last)}"
        yield f"No order, no plan order and no position is left: {counted}, {apart}, found none{until}."
    elif left.get("known") is not True:
        error = text_of(left.get("error"))
        yield "What is left is not known: the books could not be read to the end at the end of the run."
        if error:
            yield f"The last reads ended with: {error.rstrip('.')}."
    elif not any(_left_counts(left)) and verdict == NOT_FLAT:
        yield "The last read found nothing left, but two complete reads in a row did not prove it before the deadline."
    else:
        orders, plan_orders, positions = _left_counts(left)
        found = _listing(_orders(orders), _plan_orders(plan_orders), _positions_named(positions))
        yield f"{'Open' if verdict == SIMULATED else 'Left'}: {found}."


def _deed_sentences(report: Report) -> Iterable[str]:
    if report.get("simulated") is True:
        return
    counts = mapping_of(report.get("counts"))
    cancelled, closed = whole_of(counts.get("cancelled")) or 0, whole_of(counts.get("positions_closed")) or 0
    if cancelled or closed:
        orders = _named(cancelled, "order or plan order", "orders and plan orders")
        yield f"{orders} cancelled, {_positions_named(closed)} closed."
    else:
        yield "Nothing is reported as cancelled or closed."
    fills = rows_of(report.get("fills"))
    triggered = sum(bool(text_of(row.get("planType"))) for row in fills)
    if len(fills) > triggered:
        yield f"{_orders(len(fills) - triggered)} filled while being cancelled."
    if triggered:
        yield f"{_plan_orders(triggered)} triggered while being cancelled."


def _doubt_sentences(report: Report) -> Iterable[str]:
    if report.get("simulated") is not True and any(_left_counts(mapping_of(report.get("left")))):
        for row in rows_of(report.get("books")):
            after = mapping_of(row.get("after"))
            if row.get("flat") is not True and not any(after.get(name) for name in _COUNTED):
                name = text_of(row.get("product_type"))
                yield f"In {name} nothing is known to be left, but two complete reads in a row did not prove it."
    missing = [text_of(name) for name in _listed(report.get("missing"))]
    if missing:
        more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
        yield f"No report came from {', '.join(missing[:MOST_NAMED])}{more}."
    refusals = [text_of(row.get("refusal")) for row in rows_of(report.get("phases"))]
    for refusal in list(dict.fromkeys(filter(None, refusals)))[:MOST_NAMED]:
        yield f"{'' if refusal.startswith(_NOTHING_SENT) else f'{_NOTHING_SENT}: '}{refusal.rstrip('.')}."
    kept = len(rows_of(report.get("stops_kept")))
    if kept:
        yield f"{_named(kept, 'stop was', 'stops were')} kept, of positions that are still open."
    released = len(rows_of(report.get("stops_released")))
    if released:
        yield f"{_named(released, 'stop was', 'stops were')} cancelled before the close, which the locked size forbade."


def _left_counts(left: Mapping[str, Any]) -> list[int]:
    counts = mapping_of(left.get("counts"))
    return [whole_of(counts.get(name)) or 0 for name in _COUNTED]


def _orders(number: int) -> str:
    return _named(number, "order", "orders")


def _plan_orders(number: int) -> str:
    return _named(number, "plan order", "plan orders")


def _positions_named(number: int) -> str:
    return _named(number, "position", "positions")


def _named(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _listing(*parts: str) -> str:
    """Return the parts that are not about nothing, as a list in words."""
    told = [part for part in parts if not part.startswith("0 ")]
    return " and ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told)


# ---------------------------------------------------------------------------------------------------- tables


def _without_empty_columns(section: Section) -> Section:
    """Leave out the columns in which no row has anything to say."""
    told = [any(row[place] != NOTHING for row in section.rows) for place in range(len(section.columns))]
    return replace(
        section,
        columns=list(compress(section.columns, told)),
        rows=[list(compress(row, told)) for row in section.rows],
    )


def _left(report: Report) -> Section:
    left = mapping_of(report.get("left"))
    simulated = report.get("simulated") is True
    title = "What is open" if simulated else "What is left, and why"
    note = ""
    if left.get("known") is not True:
        title = "What may be left, and why"
        note = "Nobody read the books after this: something else may be open, and some of it may be gone."
    columns = [
        Column("What"),
        Column("Symbol", is_name=True),
        Column("Side"),
        Column("Size", is_number=True),
        Column("Value", is_number=True),
        Column("Id", is_name=True),
    ]
    if not simulated:
        columns += [Column("Code", is_name=True), Column("Why"), Column("What to do")]
    rows = [_left_cells(row)[: len(columns)] for row in rows_of(left.get("rows"))]
    return Section(title, note, columns, rows, is_urgent=not simulated)


def _left_cells(row: Mapping[str, Any]) -> list[str]:
    """Return all cells; those that a simulation has nothing to say for come last."""
    plan_type = text_of(row.get("planType"))
    kind = text_of(row.get("kind"))
    exchange_says = text_of(row.get("errorMsg"))
    return [
        f"{kind} ({plan_type})" if plan_type else kind,
        _cell(row, "symbol"),
        _side(row),
        _size(row),
        _figure(row.get("value")) if text_of(row.get("value")) else NOTHING,
        _id(row),
        _cell(row, "errorCode"),
        _cell(row, "reason") + (f" (“{exchange_says}”)" if exchange_says else ""),
        _cell(row, "action"),
    ]


def _stops_kept(report: Report) -> Section:
    return Section(
        "Stops kept",
        "Their position was still open: it keeps its stops.",
        _ORDER_COLUMNS,
        [_order_cells(row) for row in rows_of(report.get("stops_kept"))],
        is_urgent=True,
    )


def _stops_released(report: Report) -> Section:
    return Section(
        "Stops cancelled before the close",
        "The exchange refused to close these positions while their stops locked the size.",
        _ORDER_COLUMNS,
        [_order_cells(row) for row in rows_of(report.get("stops_released"))],
    )


def _fills(report: Report) -> Section:
    rows = [[*_order_cells(row), _fate(row)] for row in rows_of(report.get("fills"))]
    note = "A fill opens or changes a position: it was closed with the others, or stands above."
    return Section("Filled while being cancelled", note, (*_ORDER_COLUMNS, Column("What happened")), rows)


def _ends_unknown(report: Report) -> Section:
    rows = [
        [*_order_cells(row), _cell(row, "reason"), _cell(row, "errorCode")]
        for row in rows_of(report.get("ends_unknown"))
    ]
    columns = (*_ORDER_COLUMNS, Column("Why"), Column("Code", is_name=True))
    note = "No longer open at the last read; no answer of the exchange said whether they were cancelled or filled."
    return Section("Ended, but how is not known", note, columns, rows)


def _fate(row: Mapping[str, Any]) -> str:
    state, child = text_of(row.get("state")), text_of(row.get("childOrderId"))
    if child and state in ("filled", "cancelled"):
        return f"triggered; its order {child} was {state}"
    if child or state == "triggered":
        return f"triggered; the end of its order {child or NOTHING} is not known"
    return state or NOTHING


def _positions(report: Report) -> Section:
    columns = (
        Column("Symbol", is_name=True),
        Column("Side"),
        Column("Size", is_number=True),
        Column("Value", is_number=True),
        Column("Outcome"),
        Column("Code", is_name=True),
        Column("Note"),
    )
    rows = [
        [
            _cell(row, "symbol"),
            _side(row),
            _cell(row, "size"),
            _figure(row.get("value")),
            _cell(row, "outcome"),
            _cell(row, "errorCode"),
            _cell(row, "note"),
        ]
        for row in rows_of(report.get("positions"))
    ]
    return Section("Positions", "", columns, rows)


def _books(report: Report) -> Section:
    """Return the books of each product type, where there are several."""
    books = rows_of(report.get("books"))
    columns = [Column("Product type", is_name=True), Column("Flat")]
    columns += [Column(label, is_number=True) for label in ("Orders", "Plan orders", "Positions", "Position value")]
    rows = [
        [_cell(row, "product_type"), "yes" if row.get("flat") is True else "no"]
        + [figure.course for figure in figures_of(row)]
        for row in books
    ]
    return Section("Product types", "", columns, rows if len(books) > 1 else [])


def _phases(report: Report) -> Section:
    columns = (
        Column("Phase"),
        Column("Product type", is_name=True),
        Column("From", is_name=True),
        Column("To", is_name=True),
        Column("What became of it"),
        Column("Requests", is_number=True),
        Column("Retries", is_number=True),
    )
    return Section("Phases", "", columns, [_phase_cells(row) for row in rows_of(report.get("phases"))])


def _phase_cells(row: Mapping[str, Any]) -> list[str]:
    task = text_of(row.get("task"))
    start = [TASK_TITLES.get(task, task), _cell(row, "product_type")]
    if row.get("missing") is True:
        became = "refused, see above: nothing was sent" if text_of(row.get("refusal")) else _NO_REPORT
        return [*start, NOTHING, NOTHING, became, NOTHING, NOTHING]
    told = [
        f"{number:,} {name.replace('_', ' ')}"
        for name, value in mapping_of(row.get("counts")).items()
        if (number := whole_of(value))
    ]
    is_read = row.get("verified") is True
    # A stop that is kept is there and is not to be cancelled: "nothing there" would be wrong.
    nothing = _NOTHING_DONE.get(task, "") if is_read else ""
    return [
        *start,
        clock_time(row.get("started")),
        clock_time(row.get("ended")),
        "; ".join(filter(None, (", ".join(told) or nothing, "" if is_read else "not read to the end"))),
        _count(row, "requests"),
        _count(row, "retries"),
    ]


_ORDER_COLUMNS: Final = (
    Column("Symbol", is_name=True),
    Column("Side"),
    Column("Type", is_name=True),
    Column("Id", is_name=True),
)


def _order_cells(row: Mapping[str, Any]) -> list[str]:
    return [_cell(row, "symbol"), _side(row), text_of(row.get("planType")) or "order", _id(row)]


def _side(row: Mapping[str, Any]) -> str:
    return text_of(row.get("holdSide")) or text_of(row.get("side")) or NOTHING


def _size(row: Mapping[str, Any]) -> str:
    """Return what is left of the size; a stop of size 0 is one for the whole position."""
    size = text_of(row.get("left")) or text_of(row.get("size"))
    return "all" if size == "0" and text_of(row.get("planType")) else size or NOTHING


def _id(row: Mapping[str, Any]) -> str:
    return text_of(row.get("orderId")) or text_of(row.get("clientOid")) or NOTHING


def _cell(row: Mapping[str, Any], name: str) -> str:
    return text_of(row.get(name)) or NOTHING


def _count(row: Mapping[str, Any], name: str) -> str:
    return f"{whole_of(row.get(name)) or 0:,}"


def _figure(value: Any) -> str:
    """Return a count or an amount with its thousands apart; an amount has two places."""
    number = whole_of(value)
    if number is not None:
        return f"{number:,}"
    amount = decimal_of(value)
    return UNKNOWN if amount is None else f"{amount:,.2f}"


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []
