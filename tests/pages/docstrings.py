# SPDX-License-Identifier: Apache-2.0
"""Lets the API reference show our docstrings, which are written for Sphinx, in Markdown."""

from __future__ import annotations

import re
from typing import Any, Final

import griffe

_ROLE: Final = re.compile(r":(?:func|class|meth|mod|data|exc|attr):`(?:~(?:[\w.]*\.)?)?([^`]+)`")


class MarkdownDocstrings(griffe.Extension):
    """Replaces what Sphinx reads and Markdown does not: roles, and the two colons before a block of code."""

    def on_instance(self, *, obj: Any, **_: Any) -> None:
        """Rewrite the docstring of one object."""
        if obj.docstring is not None:
            obj.docstring.value = in_markdown(obj.docstring.value)


def in_markdown(text: str) -> str:
    """Return a docstring without roles and without the two colons before a block of code."""
    without_roles = _ROLE.sub(r"`\1`", text)
    return re.sub(r"^::\n\n|(?<=\w)(:):$", r"\1", without_roles, flags=re.MULTILINE)
