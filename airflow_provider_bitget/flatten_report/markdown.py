# SPDX-License-Identifier: Apache-2.0
"""The page of a flattened account as Markdown: the same words as in HTML, for chats, tickets and repositories."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from airflow_provider_bitget.flatten_report.plain import decimal_of, rows_of, text_of
from airflow_provider_bitget.flatten_report.sections import (
    Column,
    Section,
    clock_time,
    figures_of,
    footnotes_of,
    headline_of,
    sections_of,
    sentences_of,
)
from airflow_provider_bitget.flatten_report.series import thinned

MOST_POINTS: Final = 20
"""A table cannot show more of a run at a glance."""

# An underscore within a word is text to Markdown; at its edge it is not.
_MEANINGFUL = re.compile(r"[\\`*\[\]<>|~#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_LINKS = (("://", "&#58;//"), ("www.", "www&#46;"))


def render_markdown(report: Mapping[str, Any]) -> str:
    """Return the page as Markdown with tables (GitHub's flavour). It never raises over what the report holds.

    :param report: as :func:`~airflow_provider_bitget.flatten_report.report.build_flatten_report` returns it.
    """
    verdict, *rest = headline_of(report)
    blocks = [
        f"# {escaped(verdict)}: {escaped(' · '.join(rest))}",
        *(escaped(sentence) for sentence in sentences_of(report)),
        _figures(report),
        *(_section(section) for section in sections_of(report)),
        _course(report),
        "---",
        *(escaped(note) for note in footnotes_of(report)),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is: no table cell, heading, emphasis, link or tag begins or ends in it."""
    line = " ".join(text.replace("&", "&amp;").split())
    line = _MEANINGFUL.sub(lambda match: f"\\{match.group()}", line)
    for found, instead in _LINKS:
        line = line.replace(found, instead)
    return line


def _figures(report: Mapping[str, Any]) -> str:
    columns = [Column(""), Column("Before", is_number=True), Column("After", is_number=True)]
    return _table(columns, [[figure.label, figure.before, figure.after] for figure in figures_of(report)])


def _course(report: Mapping[str, Any]) -> str:
    """Return the course of the run, where HTML has its chart."""
    points = thinned([dict(row) for row in rows_of(report.get("series"))], MOST_POINTS)
    columns = [
        Column("Time"),
        Column("Open orders, plan orders included", is_number=True),
        Column("Position value", is_number=True),
    ]
    rows = [
        [clock_time(row.get("time")), text_of(row.get("orders")), _amount(row.get("position_value"))] for row in points
    ]
    return _section(Section("The run", "", columns, rows)) if rows else ""


def _amount(value: Any) -> str:
    amount = decimal_of(value)
    return "" if amount is None else f"{amount:,.2f}"


def _section(section: Section) -> str:
    parts = [f"## {escaped(section.title)}", escaped(section.note), _table(section.columns, section.rows)]
    return "\n\n".join(part for part in parts if part)


def _table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(_table_lines(columns, rows))


def _table_lines(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield _table_row([column.heading for column in columns])
    yield "|" + "|".join(" ---: " if column.is_number else " --- " for column in columns) + "|"
    for row in rows:
        yield _table_row(row)


def _table_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(escaped, cells))} |"
