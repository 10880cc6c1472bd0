# SPDX-License-Identifier: Apache-2.0
"""The page of a flattened account for people: one HTML file that needs nothing else, runs nothing and asks nobody.

Whatever comes from outside (symbols, ids, messages of the exchange) is escaped; the page forbids itself scripts and
every request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

from airflow_provider_bitget.flatten_report.chart import Mark, chart_of
from airflow_provider_bitget.flatten_report.plain import mapping_of, moment_of, rows_of, text_of
from airflow_provider_bitget.flatten_report.sections import (
    FLAT,
    NOT_FLAT,
    NOTHING,
    SIMULATED,
    Column,
    Figure,
    Section,
    figures_of,
    footnotes_of,
    headline_of,
    sections_of,
    sentences_of,
)

_VERDICT_CLASSES: Final[Mapping[str, str]] = {FLAT: "good", NOT_FLAT: "bad", SIMULATED: "neutral"}
SHORT_CELL: Final = 30
"""A longer cell gets a width at which words can be read."""

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"

_STYLE: Final = """
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1c2126; --soft: #5d6871; --rule: #dde2e6; --tint: #f5f7f8;
  --good: #1d7a46; --bad: #b3261e; --neutral: #7a5c00; --orders: #2f6db3; --value: #8a5a9e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14181b; --ink: #e4e8ea; --soft: #9aa5ad; --rule: #30383e; --tint: #1b2125;
    --good: #5cc98a; --bad: #ff8a80; --neutral: #e0bd55; --orders: #7db4ee; --value: #c79bdb;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 2rem 1.25rem 3rem; max-width: 68rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums;
}
header { border-left: .4rem solid var(--verdict); padding: .1rem 0 .1rem 1rem; margin-bottom: 1.25rem; }
.good { --verdict: var(--good); } .bad { --verdict: var(--bad); } .neutral { --verdict: var(--neutral); }
h1 { margin: 0; font-size: 1.05rem; font-weight: 500; overflow-wrap: anywhere; }
h1 strong { display: block; font-size: 2.1rem; line-height: 1.2; font-weight: 700; letter-spacing: .01em;
  color: var(--verdict); }
h2 { margin: 2.25rem 0 .5rem; font-size: 1.1rem; line-height: 1.3; font-weight: 650; }
h2.urgent { color: var(--bad); }
p { margin: .35rem 0; max-width: 46rem; }
p.note, footer { color: var(--soft); font-size: .9rem; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: .75rem; margin: 1.5rem 0 0; }
dl div { background: var(--tint); border: 1px solid var(--rule); border-radius: .4rem; padding: .6rem .85rem; }
dt { color: var(--soft); font-size: .85rem; }
dd { margin: 0; font-size: 1.1rem; font-weight: 600; display: flex; flex-wrap: wrap; column-gap: .4em; }
dd .before { font-weight: 400; color: var(--soft); }
.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--orders); outline-offset: 2px; }
table { border-collapse: collapse; min-width: min(100%, 40rem); font-size: .9rem; line-height: 1.4; }
th, td { text-align: left; vertical-align: top; padding: .4rem 1.1rem .4rem 0; border-bottom: 1px solid var(--rule); }
th { color: var(--soft); font-weight: 500; font-size: .8rem; white-space: nowrap; border-bottom-color: var(--soft); }
td.words { min-width: 11rem; }
.number { text-align: right; white-space: nowrap; }
.name { white-space: nowrap; }
figure { margin: 1.75rem 0 0; }
svg { display: block; width: 100%; min-width: 36rem; max-width: 54rem; height: auto; }
svg text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  fill: var(--soft); font-variant-numeric: tabular-nums; }
svg .title { fill: var(--ink); font-weight: 600; font-size: 13px; }
svg .end { text-anchor: end; } svg .middle { text-anchor: middle; }
svg .grid, svg .tick { stroke: var(--rule); } svg .mark { stroke: var(--soft); stroke-dasharray: 2 3; opacity: .6; }
svg .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
svg .area { stroke: none; opacity: .12; }
svg .line.orders { stroke: var(--orders); } svg .line.value { stroke: var(--value); }
svg .orders:not(.line) { fill: var(--orders); } svg .value:not(.line) { fill: var(--value); }
svg .last { font-weight: 600; }
@media (max-width: 40rem) {
  table.urgent, .urgent tbody, .urgent tr, .urgent td { display: block; min-width: 0; border: 0; padding: 0; }
  .urgent thead, .urgent td.none { display: none; }
  .urgent tr { padding: .6rem 0; border-bottom: 1px solid var(--rule); }
  .urgent td { display: grid; grid-template-columns: 6.5rem 1fr; text-align: left; white-space: normal;
    overflow-wrap: anywhere; }
  .urgent td::before { content: attr(data-label); color: var(--soft); }
}
footer { margin-top: 2.5rem; padding-top: .75rem; border-top: 1px solid var(--rule); }
@media print {
  :root {
    color-scheme: light;
    --paper: #fff; --ink: #000; --soft: #444; --rule: #bbb; --tint: #fff;
    --good: #1d7a46; --bad: #b3261e; --neutral: #7a5c00; --orders: #2f6db3; --value: #8a5a9e;
  }
  @page { margin: 14mm 12mm; }
  html { font-size: 9.5pt; }
  body { padding: 0; max-width: none; }
  dl { grid-template-columns: repeat(4, 1fr); }
  table { font-size: 7.5pt; min-width: 60%; } th { font-size: 7pt; } th, td { padding-right: .7rem; }
  td.words { min-width: 8rem; }
  .scroll { overflow: visible; } svg { min-width: 0; }
  dl div, figure, tr { break-inside: avoid; } h2 { break-after: avoid; } thead { display: table-header-group; }
}
"""


def render_html(report: Mapping[str, Any]) -> str:
    """Return the page. It never raises over what the report holds.

    :param report: as :func:`~airflow_provider_bitget.flatten_report.report.build_flatten_report` returns it.
    """
    headline = headline_of(report)
    body = [
        _header(headline),
        *(f"<p>{escape(sentence)}</p>" for sentence in sentences_of(report)),
        _figures(figures_of(report)),
        *(_section(section) for section in sections_of(report) if section.is_urgent),
        _chart(report),
        *(_section(section) for section in sections_of(report) if not section.is_urgent),
        f"<footer>{''.join(f'<p>{escape(note)}</p>' for note in footnotes_of(report))}</footer>",
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(' · '.join(headline))}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(part for part in body if part)
        + "\n</body>\n</html>\n"
    )


def _header(headline: Sequence[str]) -> str:
    verdict, *rest = headline
    style = _VERDICT_CLASSES.get(verdict, "bad")
    return f'<header class="{style}"><h1><strong>{escape(verdict)}</strong> {escape(" · ".join(rest))}</h1></header>'


def _figures(figures: Sequence[Figure]) -> str:
    return f"<dl>{''.join(map(_one_figure, figures))}</dl>"


def _one_figure(figure: Figure) -> str:
    is_known = figure.course != figure.after
    before = f'<span class="before">{escape(figure.before)} →</span> ' if is_known else ""
    return f"<div><dt>{escape(figure.label)}</dt><dd>{before}<span>{escape(figure.after)}</span></dd></div>"


def _chart(report: Mapping[str, Any]) -> str:
    svg = chart_of(report.get("series"), list(_marks(report)))
    if not svg:
        return ""
    return f'<figure><div class="scroll" tabindex="0" role="region" aria-label="Chart">{svg}</div></figure>'


def _marks(report: Mapping[str, Any]) -> Iterator[Mark]:
    """Yield the beginning of each kind of phase, whichever product type came first."""
    labels = {"cancel": "cancel", "close": "close", "cancel_stops": "stops", "sweep": "sweep", "prove": "prove"}
    begun: dict[str, float] = {}
    for row in rows_of(report.get("phases")):
        moment = moment_of(row.get("started"))
        label = labels.get(text_of(mapping_of(row).get("task")))
        if moment is not None and label:
            begun[label] = min(begun.get(label, moment.timestamp()), moment.timestamp())
    return (Mark(label, time) for label, time in begun.items())


def _section(section: Section) -> str:
    title = escape(section.title)
    style = ' class="urgent"' if section.is_urgent else ""
    note = f'<p class="note">{escape(section.note)}</p>' if section.note else ""
    heading = "".join(f'<th scope="col"{_class_of(column)}>{escape(column.heading)}</th>' for column in section.columns)
    rows = "\n".join(f"<tr>{_cells(section.columns, row)}</tr>" for row in section.rows)
    return (
        f"<section><h2{style}>{title}</h2>{note}"
        f'<div class="scroll" tabindex="0" role="region" aria-label="{title}"><table{style}>'
        f"<thead><tr>{heading}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div></section>"
    )


def _cells(columns: Sequence[Column], row: Sequence[str]) -> str:
    return "".join(
        f'<td{_class_of(column, cell)} data-label="{escape(column.heading)}">{escape(cell)}</td>'
        for column, cell in zip(columns, row, strict=False)
    )


def _class_of(column: Column, cell: str = "") -> str:
    names = {
        "number": column.is_number,
        "name": column.is_name,
        "words": len(cell) > SHORT_CELL and not column.is_name,
        "none": cell == NOTHING,
    }
    told = " ".join(name for name, holds in names.items() if holds)
    return f' class="{told}"' if told else ""
