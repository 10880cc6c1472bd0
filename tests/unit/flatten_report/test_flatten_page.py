# SPDX-License-Identifier: Apache-2.0
"""The page of a flattened account: the verdict first, the same words in HTML and Markdown, nothing alive in either."""

from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_bitget.flatten_report.chart import HEIGHT, LETTER_WIDTH, WIDTH, Mark, chart_of
from airflow_provider_bitget.flatten_report.markdown import escaped, render_markdown
from airflow_provider_bitget.flatten_report.page import render_html
from airflow_provider_bitget.flatten_report.phases import TASKS, Phase
from airflow_provider_bitget.flatten_report.sections import sections_of, sentences_of
from tests.unit.flatten_report.flattening import (
    BEGAN,
    ENDED,
    at,
    build,
    cancel,
    close,
    order,
    phases,
    position,
    prove,
)

REFUSED = {"errorCode": "41114", "errorMsg": "under maintenance", "category": "maintenance"}
HOSTILE = "\"><script>alert(1)</script>|`x`|[a](http://evil)\n<img src=x onerror=alert(1)>&\u202e'"
TAGS = {"html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "strong", "p", "dl", "div", "dt", "dd"}
TAGS |= {"span", "section", "figure", "table", "thead", "tbody", "tr", "th", "td", "footer"}
TAGS |= {"svg", "path", "line", "circle", "text"}
VOID = {"meta"}
ATTRIBUTES = {"lang", "charset", "http-equiv", "content", "name", "class", "tabindex", "role", "aria-label", "scope"}
ATTRIBUTES |= {"data-label", "viewbox", "d", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r"}

FLAT = build(phases(cancel=cancel(orders=230, plan_orders=13), close=close(positions=4, value="34140")))
NOT_FLAT = build(
    phases(
        cancel=cancel(
            orders=230,
            already_closed=[order("77", state="filled"), order("78", planType="track_plan", childOrderId="900")],
            unresolved=[order("12") | {"errorCode": "", "errorMsg": "", "category": "ambiguous"}],
        ),
        close=close(
            positions=2,
            value="8100",
            closed=[position("BTCUSDT", "long", note="closed by another")],
            failed=[position("ETHUSDT", "long", "4", "8000") | REFUSED],
            cancelled_stops=[order("31", "ETHUSDT", planType="pos_loss")],
        ),
        cancel_stops=cancel(kept=[order("30", "ETHUSDT", planType="pos_loss", holdSide="long")]),
        sweep=None,
        prove=prove(
            orders=[order("99", "XRPUSDT", side="sell", size="100")],
            plan_orders=[order("30", "ETHUSDT", planType="pos_loss", size="0")],
            positions=[position("ETHUSDT", "long", "4", "8000")],
        ),
    ),
    exclude_symbols=["PEPEUSDT"],
    margin_coin="USDT",
)
UNKNOWN = build(phases(prove=None))
REFUSED_KEY = build(
    phases(prove=prove(flat=False, verified=False, error="/api/v2/mix: sign signature error (code 40009, HTTP 400)"))
)
UNPROVEN = build(phases(prove=prove(flat=False)))
SIMULATED = build(phases(prove=prove(orders=[order("1")], positions=[position("BTCUSDT", "long")])), simulated=True)
HALF_PROVEN = build(
    phases(prove=prove(orders=[order("1")])),
    phases("USDC-FUTURES", prove=prove(flat=False, product_type="USDC-FUTURES")),
    product_types=["USDT-FUTURES", "USDC-FUTURES"],
)
SEVERAL = build(phases(), phases("USDC-FUTURES", prove=None), product_types=["USDT-FUTURES", "USDC-FUTURES"])
WILD = build(
    phases(
        cancel=cancel(
            failed=[order(HOSTILE, HOSTILE) | {"errorCode": HOSTILE, "errorMsg": HOSTILE, "category": HOSTILE}]
        ),
        close=close(closed=[position(HOSTILE, HOSTILE, HOSTILE, HOSTILE, note=HOSTILE)]),
        prove=prove(orders=[order(HOSTILE, HOSTILE, side=HOSTILE, size=HOSTILE)]),
    ),
    account=HOSTILE,
)
REPORTS = {
    "flat": FLAT,
    "not flat": NOT_FLAT,
    "unknown": UNKNOWN,
    "unproven": UNPROVEN,
    "simulated": SIMULATED,
    "several": SEVERAL,
    "wild": WILD,
    "empty": {},
}
every_report = pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)


class Page(HTMLParser):
    """What a browser makes of a page: its tags, attributes and texts. Fails where a tag is closed that is not open."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: dict[str, list[str]] = {}
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data)

    def first_line(self) -> str:
        """Return the text of the first heading."""
        verdict, rest = self.texts["strong"][0], "".join(self.texts["h1"])
        return f"{verdict}{rest}"


def first_lines(report: dict[str, Any]) -> tuple[str, str]:
    """Return the first line of the page and that of its Markdown."""
    return Page(render_html(report)).first_line(), render_markdown(report).splitlines()[0]


# ------------------------------------------------------------------------------------------------ first line


@pytest.mark.parametrize(
    ("report", "verdict", "scope"),
    [
        (FLAT, "FLAT", "USDT-FUTURES"),
        (NOT_FLAT, "NOT FLAT", "USDT-FUTURES without PEPEUSDT, margined in USDT only"),
        (UNKNOWN, "NOT FLAT", "USDT-FUTURES"),
        (SIMULATED, "SIMULATED", "USDT-FUTURES"),
        (SEVERAL, "NOT FLAT", "USDT-FUTURES, USDC-FUTURES"),
    ],
)
def test_first_line_says_the_verdict_whose_books_which_part_of_them_and_when(
    report: dict[str, Any], verdict: str, scope: str
) -> None:
    html, markdown = first_lines(report)

    assert html == f"{verdict} desk_a · {scope} · 2026-11-23 23:55:43 UTC"
    assert markdown == f"# {verdict}: desk_a · {scope} · 2026-11-23 23:55:43 UTC"


def test_title_of_the_page_is_its_first_line() -> None:
    assert "<title>FLAT · desk_a · USDT-FUTURES · 2026-11-23 23:55:43 UTC</title>" in render_html(FLAT)


def test_report_that_says_nothing_is_not_flat() -> None:
    html, markdown = first_lines({})

    assert html.startswith("NOT FLAT ")
    assert markdown.startswith("# NOT FLAT: ")


@pytest.mark.parametrize("value", ["true", 1, None, "FLAT"])
def test_only_true_is_flat(value: Any) -> None:
    assert first_lines(FLAT | {"flat": value})[0].startswith("NOT FLAT ")


# ------------------------------------------------------------------------------------------------- sentences


@pytest.mark.parametrize(
    ("report", "sentence"),
    [
        (FLAT, "No order, no plan order and no position is left: two complete reads in a row, at least 30 s apart"),
        (FLAT, "found none, the last of them at 2026-11-23 23:55:40 UTC."),
        (HALF_PROVEN, "In USDC-FUTURES nothing is known to be left, but two complete reads in a row did not prove it."),
        (NOT_FLAT, "Left: 1 order, 1 plan order and 1 position."),
        (NOT_FLAT, "1 order filled while being cancelled."),
        (NOT_FLAT, "1 plan order triggered while being cancelled."),
        (NOT_FLAT, "1 stop was kept"),
        (NOT_FLAT, "1 stop was cancelled before the close"),
        (NOT_FLAT, "No report came from sweep USDT-FUTURES."),
        (UNKNOWN, "What is left is not known"),
        (REFUSED_KEY, "The last reads ended with: /api/v2/mix: sign signature error (code 40009, HTTP 400)"),
        (UNPROVEN, "two complete reads in a row did not prove it"),
        (SIMULATED, "Nothing was sent that changes anything"),
        (SIMULATED, "Open: 1 order and 1 position."),
    ],
)
def test_page_says_what_the_run_comes_down_to(report: dict[str, Any], sentence: str) -> None:
    assert sentence in " ".join(Page(render_html(report)).texts["p"])
    assert sentence in render_markdown(report)


# ---------------------------------------------------------------------------------------------------- tables


def test_what_is_left_comes_before_the_chart_with_reason_and_remedy() -> None:
    page = render_html(NOT_FLAT)

    assert page.index("What is left, and why") < page.index("Stops kept") < page.index("<svg") < page.index("Phases")
    cells = Page(page).texts["td"]
    assert {"XRPUSDT", "99", "41114", "8,000.00", "plan order (pos_loss)"} <= set(cells)
    assert any(cell.startswith("The symbol is under maintenance (“under maintenance”)") for cell in cells)
    assert "Run it again when trading is open there" in cells


@every_report
def test_both_pages_show_every_cell_of_every_table(report: dict[str, Any]) -> None:
    cells = Page(render_html(report)).texts.get("td", [])
    markdown = render_markdown(report)

    for section in sections_of(report):
        for row in section.rows:
            assert set(row) <= set(cells)
            assert f"| {' | '.join(map(escaped, row))} |" in markdown


def test_column_that_has_nothing_to_say_is_left_out() -> None:
    headings = {section.title: [column.heading for column in section.columns] for section in sections_of(NOT_FLAT)}

    assert headings["Stops cancelled before the close"] == ["Symbol", "Type", "Id"]
    assert "Note" in headings["Positions"]


def test_books_of_each_product_type_are_shown_where_there_are_several() -> None:
    assert "Product types" not in [section.title for section in sections_of(FLAT)]
    (books,) = [section for section in sections_of(SEVERAL) if section.title == "Product types"]
    assert [row[:2] for row in books.rows] == [["USDT-FUTURES", "yes"], ["USDC-FUTURES", "no"]]


def test_missing_phase_stands_in_its_place() -> None:
    (table,) = [section for section in sections_of(NOT_FLAT) if section.title == "Phases"]

    assert table.rows[3][0] == "Sweep orders again"
    assert "no report: it failed or never ran" in table.rows[3]


def test_a_phase_that_was_refused_says_so_once_and_why() -> None:
    why = "account_mode must be 'auto', 'classic' or 'unified', but came as 'uta'"
    refused = [Phase(task, "USDT-FUTURES", None, f"Nothing was sent: {why}") for task in TASKS]

    report = build(refused)

    assert [row["refusal"] for row in report["phases"]] == [f"Nothing was sent: {why}"] * len(TASKS)
    said = " ".join(sentences_of(report))
    assert said.count(f"Nothing was sent: {why}.") == said.count(why) == 1
    (table,) = [section for section in sections_of(report) if section.title == "Phases"]
    assert {row[2] for row in table.rows} == {"refused, see above: nothing was sent"}


def test_simulation_blames_nobody() -> None:
    (table,) = [section for section in sections_of(SIMULATED) if section.title == "What is open"]

    assert not table.is_urgent
    assert "Why" not in [column.heading for column in table.columns]


# ---------------------------------------------------------------------------------------------------- safety


@every_report
def test_page_needs_nothing_else_and_runs_nothing(report: dict[str, Any]) -> None:
    source = render_html(report)
    page = Page(source)

    assert page.tags <= TAGS
    assert set(page.attributes) <= ATTRIBUTES
    assert "<script" not in source.lower()
    (style,) = page.texts["style"]
    assert not re.search(r"url\(|@import|expression|http", style, re.IGNORECASE)
    assert "default-src 'none'; style-src 'unsafe-inline'" in page.attributes["content"]


@every_report
def test_pages_can_be_written_in_utf_8(report: dict[str, Any]) -> None:
    assert render_html(report).encode().startswith(b"<!doctype html>")
    assert render_markdown(report).encode()


def test_hostile_texts_are_shown_as_they_are_and_mean_nothing() -> None:
    page = Page(render_html(WILD))
    shown = " ".join(page.texts["td"])

    assert "<script>alert(1)</script>" in shown
    assert "<img src=x onerror=alert(1)>" in shown
    assert "\u202e" not in render_html(WILD)
    assert page.first_line().startswith('NOT FLAT "><script>')


def test_hostile_texts_stay_in_their_cell_of_a_markdown_table() -> None:
    markdown = render_markdown(WILD)

    tables = re.findall(r"(?:^\|.*\|$\n?)+", markdown, re.MULTILINE)
    assert len(tables) >= 4
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1
    assert not re.search(r"(?<!\\)<", markdown)
    assert "http://" not in markdown
    assert not re.search(r"(?<!\\)[`\[\]]", markdown)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a|b", r"a\|b"),
        ("two\nlines", "two lines"),
        ("pos_loss", "pos_loss"),
        ("_x_", r"\_x\_"),
        ("a*b", r"a\*b"),
        ("\\", "\\\\"),
        ("<b>&", r"\<b\>&amp;"),
        ("https://evil", "https&#58;//evil"),
        ("www.evil", "www&#46;evil"),
    ],
)
def test_markdown_shows_text_as_it_is(text: str, written: str) -> None:
    assert escaped(text) == written


# ---------------------------------------------------------------------------------------------------- looks


def test_page_follows_a_dark_scheme_narrow_screens_and_paper() -> None:
    (style,) = Page(render_html(FLAT)).texts["style"]

    assert "prefers-color-scheme: dark" in style
    assert "max-width: 40rem" in style
    assert "@media print" in style
    assert "overflow-x: auto" in style
    assert set(re.findall(r"var\((--[a-z]+)\)", style)) == set(re.findall(r"(--[a-z]+):", style))


# ---------------------------------------------------------------------------------------------------- chart


def points(numbers: list[tuple[float, int | None, str | None]]) -> list[dict[str, Any]]:
    return [{"time": at(seconds), "orders": orders, "position_value": value} for seconds, orders, value in numbers]


def drawn(series: Any, marks: list[Mark] | None = None) -> ElementTree.Element:
    """Return the chart as a tree; everything in it lies within its frame."""
    root = ElementTree.fromstring(chart_of(series, marks or []))  # noqa: S314 - it is our own
    for element in root.iter():
        for name in ("x", "x1", "x2", "cx"):
            assert 0 <= float(element.get(name, "0")) <= WIDTH
        for name in ("y", "y1", "y2", "cy"):
            assert 0 <= float(element.get(name, "0")) <= HEIGHT
    for path in root.iter("path"):
        steps = re.findall(r"([MHVZ])([\d. -]*)", path.get("d", ""))
        assert all(0 <= float(number) <= WIDTH for _, numbers in steps for number in numbers.split())
    return root


def texts(root: ElementTree.Element, style: str) -> list[str]:
    return [element.text or "" for element in root.iter("text") if style in (element.get("class") or "").split()]


def test_chart_of_one_read_is_one_point_in_each_panel() -> None:
    root = drawn(points([(0, 230, "34140")]))

    assert len(list(root.iter("circle"))) == 2
    assert texts(root, "last") == ["230", "34.1k"]
    assert texts(root, "middle") == ["23:55:00"]


def test_chart_of_three_hundred_reads_has_lines_and_no_dots() -> None:
    root = drawn(points([(second, 300 - second, str(1000 * (300 - second))) for second in range(301)]))

    assert list(root.iter("circle")) == []
    assert texts(root, "last") == ["0", "0"]
    assert 2 <= len(texts(root, "middle")) <= 6
    assert texts(root, "end") == ["300", "0", "300.0k", "0"]


def test_chart_leaves_a_gap_where_nothing_is_known() -> None:
    root = drawn(points([(0, 5, None), (1, None, None), (2, 3, None)]))

    orders, value = [path.get("d") or "" for path in root.iter("path") if "line" in (path.get("class") or "")]
    assert orders.count("M") == 2
    assert value == ""
    assert "never read" in texts(root, "scale")


def test_chart_of_nothing_at_all_stays_on_the_ground() -> None:
    root = drawn(points([(0, 0, "0"), (5, 0, "0")]))

    assert texts(root, "end") == ["0", "0"]


def test_labels_of_phases_never_overlap() -> None:
    moments = [0.0, 0.2, 3.0, 4.0, 40.0]
    marks = [Mark(f"phase {moment}", BEGAN.timestamp() + moment) for moment in moments]

    root = drawn(points([(0, 9, "1"), (60, 0, "0")]), marks)

    lines = [float(line.get("x1", "0")) for line in root.iter("line") if line.get("class") == "mark"]
    assert len(lines) == 2 * len(moments)
    labels = [text for text in root.iter("text") if text.get("class") == "phase"]
    places = sorted({(float(text.get("x", "0")), text.text or "") for text in labels})
    assert len(places) < len(moments)
    assert sorted(" · ".join(label for _, label in places).split(" · ")) == sorted(mark.label for mark in marks)
    for (left, text), (right, _) in pairwise(places):
        assert left + LETTER_WIDTH * len(text) < right


def test_labels_of_phases_stay_in_the_drawing() -> None:
    marks = [Mark(f"phase {number}", BEGAN.timestamp() + 59.0) for number in range(3)]

    root = drawn(points([(0, 9, "1"), (60, 0, "0")]), marks)

    for text in root.iter("text"):
        if text.get("class") == "phase":
            assert float(text.get("x", "0")) + LETTER_WIDTH * len(text.text or "") <= WIDTH


def test_there_is_no_chart_without_a_read() -> None:
    assert chart_of([]) == ""
    assert "<svg" not in render_html({})


def test_chart_shows_the_phases_of_the_run() -> None:
    chart = drawn_of(render_html(FLAT))

    assert len([line for line in chart.iter("line") if line.get("class") == "mark"]) == 2 * 5
    assert set(texts(chart, "phase")) == {"cancel · close · stops · sweep · prove"}


def drawn_of(page: str) -> ElementTree.Element:
    return ElementTree.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])  # noqa: S314 - it is our own


# -------------------------------------------------------------------------------------------------- anything

odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(HOSTILE),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def spoiled(draw: st.DrawFn) -> dict[str, Any]:
    """Give a report of which some values, here and there, have become anything."""

    def spoil(value: Any) -> Any:
        if draw(st.integers(0, 30)) == 0:
            return draw(odd)
        if isinstance(value, dict):
            return {key: spoil(inner) for key, inner in value.items()}
        return [spoil(inner) for inner in value] if isinstance(value, list) else value

    whole = draw(st.sampled_from([FLAT, NOT_FLAT, SIMULATED, WILD]))
    return {key: spoil(value) for key, value in whole.items()}


@given(report=st.dictionaries(st.sampled_from(sorted(FLAT)), odd) | spoiled())
@settings(max_examples=200, deadline=None)
def test_pages_come_out_of_anything(report: dict[str, Any]) -> None:
    source = render_html(report)
    page = Page(source)

    assert page.tags <= TAGS
    assert set(page.attributes) <= ATTRIBUTES
    assert source.encode()
    assert render_markdown(report).encode()
    assert page.first_line().startswith("FLAT ") == (report.get("flat") is True and report.get("simulated") is not True)


@given(
    series=odd
    | st.lists(st.fixed_dictionaries({"time": st.datetimes().map(str), "orders": odd, "position_value": odd}))
)
@settings(max_examples=200, deadline=None)
def test_chart_comes_out_of_anything(series: Any) -> None:
    if chart_of(series):
        drawn(series)


def test_end_of_the_run_may_lie_beyond_midnight() -> None:
    late = build(phases(), ended=ENDED + timedelta(hours=1))

    assert first_lines(late)[0].endswith("2026-11-24 00:55:43 UTC")


def test_a_phase_that_had_nothing_to_do_does_not_say_that_nothing_was_there() -> None:
    kept = [order("30", "ETHUSDT", planType="pos_loss", holdSide="long")]
    report = build(phases(sweep=cancel(7, kept=kept), prove=prove(plan_orders=kept), close=close(verified=False)))

    (section,) = [section for section in sections_of(report) if section.title == "Phases"]

    place = [column.heading for column in section.columns].index("What became of it")
    assert [row[place] for row in section.rows] == [
        "nothing to cancel",
        "not read to the end",
        "nothing to cancel",
        "nothing to cancel",
        "1 plan orders",
    ]
