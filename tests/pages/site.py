# SPDX-License-Identifier: Apache-2.0
"""The MkDocs hook of the site: pages that lie outside ``docs/`` appear in it, and links to them lead there.

No page exists twice: the changelog is ``CHANGELOG.md``, an example is the DAG's own file. In the repository a link
names the file, in the site it names the page.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

REPOSITORY: Final = Path(__file__).resolve().parents[2]

PAGES_OUTSIDE: Final[Mapping[str, str]] = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "report-a-hole.md",
    "tests/system/README.md": "system-tests.md",
    "example_dags/bitget_eod_flatten.py": "examples/bitget_eod_flatten.md",
    "example_dags/bitget_batch_cancel.py": "examples/bitget_batch_cancel.md",
}
"""Files of the repository and the pages of the site that show them."""

_LINK: Final = re.compile(r"\[([^]]*)\]\((?!\w+:|#)([^)\s#]+)(#[^)\s]*)?\)")
_FILE_NAME: Final = re.compile(r"[\w/.-]+\.md")
_FETCHED: Final = re.compile(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"?(?:https?:)?//[^\s\">]+")
_FETCHED_LINK: Final = re.compile(
    r"<link\b(?=[^>]*\brel=\"?(?:stylesheet|preload|preconnect|icon))[^>]*\bhref=\"?https?:"
)


def page_of(file: str) -> str | None:
    """Return the page of the site that shows a file of the repository.

    :param file: the file's path from the repository's root.
    :return: the page's path from the site's root; None for a file that the site does not show.
    """
    if file.startswith("docs/"):
        return file.removeprefix("docs/")
    return PAGES_OUTSIDE.get(file)


def file_of(page: str) -> str:
    """Return the file of the repository that a page of the site shows."""
    return {shown: file for file, shown in PAGES_OUTSIDE.items()}.get(page, f"docs/{page}")


def title_of(file: str) -> str:
    """Return the title of a page, given the file of the repository that it shows."""
    return re.findall(r"^# (.+)$", content_of(file), re.MULTILINE)[0]


def with_links_of_the_site(markdown: str, page: str) -> str:
    """Return a page's text with links that lead where the site has what they name, under its title.

    A link to a file that the site does not show is left as it is: the strict build refuses it.
    """
    folder = posixpath.dirname(file_of(page))

    def link(found: re.Match[str]) -> str:
        text, path, anchor = found[1], found[2], found[3] or ""
        file = posixpath.normpath(posixpath.join(folder, path))
        target = page_of(file)
        if target is None:
            return found[0]
        # A reader of files looks for a file's name, a reader of the site for a page's title.
        text = title_of(file) if _FILE_NAME.fullmatch(text) else text
        return f"[{text}]({posixpath.relpath(target, posixpath.dirname(page) or '.')}{anchor})"

    return _LINK.sub(link, markdown)


def content_of(file: str) -> str:
    """Return the Markdown that shows a file of the repository."""
    text = (REPOSITORY / file).read_text()
    if not file.endswith(".py"):
        return text
    summary = (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
    return f"# `{posixpath.basename(file)}`\n\n{summary}\n\n```python\n{text}```\n"


def fetched_from_elsewhere(html: str) -> list[str]:
    """Return the tags of a page that would make a browser fetch something from another site."""
    return _FETCHED.findall(html) + _FETCHED_LINK.findall(html)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that lie outside ``docs/``."""
    from mkdocs.structure.files import File

    for file, page in PAGES_OUTSIDE.items():
        files.append(File.generated(config, page, content=content_of(file)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Let links lead to pages of the site."""
    return with_links_of_the_site(markdown, page.file.src_uri)


def on_post_build(config: Any) -> None:
    """Stop if a page would fetch anything from another site."""
    from mkdocs.exceptions import PluginError

    found = list(_fetched_by(Path(config.site_dir)))
    if found:
        raise PluginError("Pages of the site fetch from elsewhere:\n" + "\n".join(found))


def _fetched_by(site: Path) -> Iterator[str]:
    for path in sorted(site.rglob("*.html")):
        for tag in fetched_from_elsewhere(path.read_text()):
            yield f"{path.relative_to(site)}: {tag}"
