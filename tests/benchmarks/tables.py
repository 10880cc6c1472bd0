# SPDX-License-Identifier: Apache-2.0
"""Tables in Markdown whose columns also line up in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

NOTHING: Final = "–"  # noqa: RUF001  # a dash, as a table shows it
"""What stands in a cell without a value."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    :param title: its title.
    :param is_number: numbers stand to the right.
    """

    title: str
    is_number: bool = False


def render_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> str:
    """Return a table.

    :param columns: its columns.
    :param rows: its cells; each row as long as ``columns``.
    """
    lines = [[column.title for column in columns], *([_escaped(cell) for cell in row] for row in rows)]
    widths = [max(3, *(len(line[place]) for line in lines)) for place in range(len(columns))]
    rule = [
        "-" * (width - 1) + ":" if column.is_number else "-" * width
        for column, width in zip(columns, widths, strict=True)
    ]
    head, *body = [_aligned(line, columns, widths) for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, rule, *body])


def number(value: float | None, digits: int) -> str:
    """Return a number as a table shows it.

    :param value: the number, ``None`` for none.
    :param digits: digits after the point.
    """
    return NOTHING if value is None else f"{value:.{digits}f}"


def _aligned(line: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> list[str]:
    return [
        cell.rjust(width) if column.is_number else cell.ljust(width)
        for cell, column, width in zip(line, columns, widths, strict=True)
    ]


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")
