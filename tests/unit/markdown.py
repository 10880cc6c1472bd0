# SPDX-License-Identifier: Apache-2.0
"""Reads a page of the documentation: its sections, its tables, its code."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from datetime import timedelta
from inspect import Parameter
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]

Table = list[list[str]]


@dataclass(frozen=True)
class Page:
    """A page in Markdown.

    :param name: its path from the repository's root.
    """

    name: str

    @property
    def path(self) -> Path:
        return REPOSITORY / self.name

    @property
    def text(self) -> str:
        return self.path.read_text()

    def __str__(self) -> str:
        return self.name

    def blocks(self, language: str) -> list[str]:
        """Return the code blocks in one language, in their order; indented ones without their indentation."""
        found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", self.text, re.MULTILINE | re.DOTALL)
        return [re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]

    def the_block(self, language: str, containing: str) -> str:
        """Return the one block that holds this text."""
        (found,) = [block for block in self.blocks(language) if containing in block]
        return found

    def section(self, title: str) -> str:
        """Return the text under one heading of the second level."""
        _, _, after = self.text.partition(f"\n## {title}\n")
        assert after, f"{self.name} has no section {title}"
        return after.partition("\n## ")[0]

    def anchors(self) -> set[str]:
        """Return what a link into this page may name."""
        without_code = re.sub(r"^ *```.*?^ *```$", "", self.text, flags=re.MULTILINE | re.DOTALL)
        headings = re.findall(r"^#+ (.+)$", without_code, re.MULTILINE)
        return {re.sub(r"[^a-z0-9_ -]", "", heading.lower()).replace(" ", "-") for heading in headings}

    def links(self) -> list[str]:
        """Return the links that do not leave the repository."""
        return re.findall(r"\]\((?!https?://)([^)\s]+)\)", self.text)

    def outward_links(self) -> list[str]:
        """Return the links to other sites."""
        return re.findall(r"\]\((https?://[^)\s]+)\)", self.text)


def tables(text: str) -> list[Table]:
    """Return the rows of each table, without its heading."""
    return [[_cells(line) for line in lines[2:]] for lines in _tables(text)]


def table_under(text: str, *headings: str) -> Table:
    """Return the rows of the one table whose columns begin with these headings."""
    (found,) = [lines for lines in _tables(text) if _cells(lines[0])[: len(headings)] == list(headings)]
    return [_cells(line) for line in found[2:]]


def code(cell: str) -> str:
    """Return what stands between the backticks of a cell."""
    return cell.strip("`")


def codes(cell: str) -> list[str]:
    """Return all that stands between backticks in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def default_of(cell: str) -> Any:
    """Return the value that a table names as an argument's default."""
    text = code(cell)
    if text == "required":
        return Parameter.empty
    duration = re.fullmatch(r"timedelta\((\w+)=(\d+)\)", text)
    return timedelta(**{duration[1]: int(duration[2])}) if duration else ast.literal_eval(text)


def _tables(text: str) -> list[list[str]]:
    return [table.splitlines() for table in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE)]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
