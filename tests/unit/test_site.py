# SPDX-License-Identifier: Apache-2.0
"""The site holds every page once, and what its hook makes of the pages is right. ``make docs`` builds it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.pages import site
from tests.unit.markdown import REPOSITORY, Page

CONFIGURATION: dict[str, Any] = yaml.safe_load((REPOSITORY / "mkdocs.yml").read_text())


def pages_in(nav: Any) -> Iterator[str]:
    """Return the pages of a navigation, which nests lists and one-entry mappings."""
    if isinstance(nav, str):
        yield nav
    for inner in nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else ():
        yield from pages_in(inner)


def test_the_navigation_holds_every_page_exactly_once() -> None:
    in_docs = {path.relative_to(REPOSITORY / "docs").as_posix() for path in (REPOSITORY / "docs").rglob("*.md")}
    listed = list(pages_in(CONFIGURATION["nav"]))

    assert sorted(listed) == sorted(in_docs | set(site.PAGES_OUTSIDE.values()))


def test_every_example_dag_is_a_page() -> None:
    examples = {path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "example_dags").glob("*.py")}

    assert examples <= set(site.PAGES_OUTSIDE)


def test_a_lost_link_ends_the_build_and_nothing_is_fetched_from_elsewhere() -> None:
    (build,) = re.findall(r"mkdocs build (.*)", (REPOSITORY / "Makefile").read_text())
    # Not --quiet: MkDocs does not count a warning that it does not show.
    assert build == "--strict"
    assert CONFIGURATION["strict"] is True
    assert set(CONFIGURATION["validation"]["links"].values()) == {"warn"}
    assert set(CONFIGURATION["validation"]["nav"].values()) == {"warn"}
    assert CONFIGURATION["theme"]["font"] is False
    assert CONFIGURATION["plugins"][0] == "search"
    assert not {"extra_javascript", "repo_url"} & set(CONFIGURATION)
    assert all((REPOSITORY / "docs" / path).is_file() for path in CONFIGURATION["extra_css"])


@pytest.mark.parametrize(
    ("page", "link", "expected"),
    [
        ("limits.md", "[the group](flatten.md#pools)", "[the group](flatten.md#pools)"),
        ("operators/batch-cancel.md", "[pool](../limits.md)", "[pool](../limits.md)"),
        ("index.md", "[CHANGELOG](../CHANGELOG.md)", "[CHANGELOG](changelog.md)"),
        ("index.md", "[tests/system](../tests/system/README.md)", "[tests/system](system-tests.md)"),
        (
            "operators/batch-cancel.md",
            "[a longer one](../../example_dags/bitget_batch_cancel.py)",
            "[a longer one](../examples/bitget_batch_cancel.md)",
        ),
        ("contributing.md", "[security](docs/security.md#the-key)", "[security](security.md#the-key)"),
        ("system-tests.md", "[the changelog](../../CHANGELOG.md)", "[the changelog](changelog.md)"),
        ("limits.md", "[release-window.md](release-window.md)", "[The exchange's release window](release-window.md)"),
        ("limits.md", "[FAQ](https://www.bitget.com/api-doc/common/faq)", None),
        ("limits.md", "[above](#what-bitget-allows)", None),
        # The strict build refuses it: the site does not show the licence.
        ("contributing.md", "[licence](LICENSE)", None),
    ],
)
def test_a_link_between_files_becomes_one_between_pages(page: str, link: str, expected: str | None) -> None:
    assert site.with_links_of_the_site(f"See {link}.", page) == f"See {expected or link}."


def test_an_example_is_shown_whole_and_under_the_first_line_of_its_docstring() -> None:
    shown = site.content_of("example_dags/bitget_eod_flatten.py")
    title, _, summary, *_ = shown.splitlines()

    assert title == "# `bitget_eod_flatten.py`"
    assert summary.startswith("Flatten an account at the end of the UTC day")
    assert (REPOSITORY / "example_dags" / "bitget_eod_flatten.py").read_text() in shown


def test_what_a_browser_would_fetch_from_elsewhere_is_found() -> None:
    fetched = [
        '<script src="https://example.org/x.js"></script>',
        '<link rel="stylesheet" href="https://example.org/x.css">',
        "<img alt=x src=//example.org/x.png>",
    ]
    harmless = [
        '<script src="assets/x.js"></script>',
        '<link rel="stylesheet" href="assets/x.css">',
        '<a href="https://www.bitget.com/api-doc/common/faq">FAQ</a>',
    ]

    assert [bool(site.fetched_from_elsewhere(tag)) for tag in fetched] == [True, True, True]
    assert [tag for tag in harmless if site.fetched_from_elsewhere(tag)] == []


def test_the_reference_names_what_a_dag_imports() -> None:
    reference = Page("docs/reference.md").text
    entry = yaml.safe_load((REPOSITORY / ".airflow-registry.yaml").read_text())
    modules = [one["module"] for kind in entry.values() if isinstance(kind, list) for one in kind]

    assert len(modules) >= 8
    assert [name for name in modules if f"\n::: {name}\n" not in reference] == []
