"""
A report as one HTML file that needs nothing else.

Plotly's program is in the file, and the page's own policy (`Content-Security-Policy`) lets it load nothing and run no
other script: the two that it has are named by their hashes. Whatever comes from the log is escaped; so it could not
run even if it were not.
"""

import json
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html import escape
from importlib import import_module

from ltrr_haystack.errors import MissingExtraError
from ltrr_haystack.evaluation.report.charts import figure
from ltrr_haystack.evaluation.report.values import (
    Chart,
    CurveChart,
    Finding,
    Grid,
    ReportPage,
    Section,
    decimal,
    moment,
    percent,
)

NARROW = 4
LONG_CELL = 40
"""Tables with more columns than the one, or longer cells than the other, become lists on a narrow screen."""

_STYLE = """
:root { color-scheme: light; --line: #e4e4e7; --dim: #52525b; }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: #18181b; background: #fafafa; overflow-wrap: anywhere; }
main { max-width: 1160px; margin: 0 auto; padding: 16px; }
h1 { font-size: 1.6rem; margin: .4rem 0 0; } h2 { font-size: 1.2rem; margin: 0 0 .4rem; }
h3 { font-size: .95rem; margin: .6rem 0 .2rem; font-weight: 600; }
p { margin: 0 0 .6rem; color: var(--dim); max-width: 90ch; }
nav { margin: .6rem 0 1rem; } nav a { display: inline-block; padding: .15rem .9rem .15rem 0; color: #0058a0; }
section { background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: 14px; margin: 0 0 14px; }
.tiles, .charts { display: grid; gap: 12px; }
.tiles { grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); margin: 12px 0; }
.charts { grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); }
.charts > div { min-width: 0; }
.tile { background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: 10px 12px; }
.tile b { display: block; font-size: 1.35rem; } .tile span { color: var(--dim); font-size: .85rem; }
.plot { width: 100%; min-height: 120px; }
.table { overflow-x: auto; max-width: 100%; }
table { border-collapse: collapse; font-size: .86rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); }
th { color: var(--dim); font-weight: 600; } td { min-width: 3.2rem; max-width: 30rem; }
td, th { overflow-wrap: normal; }
@media (max-width: 640px) {
  .wide table, .wide tbody, .wide tr { display: block; width: 100%; } .wide thead { display: none; }
  .wide tr { padding: .4rem 0; border-bottom: 1px solid var(--line); }
  .wide td { display: block; max-width: none; border: 0; padding: 0; } .wide td:empty { display: none; }
  .wide td[data-label]:not(:first-child)::before { content: attr(data-label) ": "; color: var(--dim); }
  .wide td:first-child { font-weight: 600; }
}
details { margin-top: .4rem; } summary { cursor: pointer; color: var(--dim); font-size: .86rem; }
ul.findings { list-style: none; margin: 0; padding: 0; }
ul.findings li { border-left: 4px solid; padding: .2rem 0 .2rem .7rem; margin: 0 0 .6rem; }
li.bad { border-color: #c2410c !important; } li.watch { border-color: #ca8a04 !important; }
li.good { border-color: #15803d !important; }
li b { display: block; }
""".strip()

_DRAW = """
const figures = JSON.parse(document.getElementById("figures").textContent);
for (const [id, figure] of Object.entries(figures)) {
  Plotly.newPlot(id, figure.data, figure.layout, {responsive: true, displayModeBar: false, displaylogo: false});
}
""".strip()

_SEVERITY = {"bad": "Wrong", "watch": "Watch", "good": "Good"}


def render(page: ReportPage) -> str:
    """
    Write a report as HTML.

    :param page: The report.
    :returns: The whole file.
    :raises MissingExtraError: If Plotly is not installed.
    """
    plotly = plotly_script()
    figures = {
        f"chart-{section.key}-{place}": figure(chart)
        for section in page.sections
        for place, chart in enumerate(section.charts)
    }
    body = "\n".join(
        [
            f"<h1>{escape(page.title)}</h1>",
            f"<p>{escape(page.subtitle)}</p>",
            '<div class="tiles">',
            *(f'<div class="tile"><span>{escape(k)}</span><b>{escape(v)}</b></div>' for k, v in page.tiles.items()),
            "</div>",
            "<noscript><p>The charts need JavaScript; their figures are in the tables.</p></noscript>",
            "<nav>",
            *(f'<a href="#{escape(section.key)}">{escape(section.title)}</a>' for section in page.sections),
            "</nav>",
            *(_section(section) for section in page.sections),
        ]
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_policy(plotly, _DRAW)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{escape(page.title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
{body}
</main>
<script type="application/json" id="figures">{_json(figures)}</script>
<script>{plotly}</script>
<script>{_DRAW}</script>
</body>
</html>
"""


def plotly_script() -> str:
    """
    Give Plotly's program.

    :returns: JavaScript that can stand between script tags.
    :raises MissingExtraError: If Plotly is not installed.
    """
    try:
        text: str = import_module("plotly.offline").get_plotlyjs()
    except ImportError as error:
        raise MissingExtraError(
            'the report needs Plotly; install it with: pip install "ltrr-haystack[evaluation]"'
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("</script", "<\\/script")


def _policy(*scripts: str) -> str:
    hashes = " ".join(f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts)
    return f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"


def _json(value: object) -> str:
    """JSON that can stand between script tags, whatever texts are in it."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _section(section: Section) -> str:
    charts = [_chart(section.key, place, chart) for place, chart in enumerate(section.charts)]
    parts = [
        f'<section id="{escape(section.key)}">',
        f"<h2>{escape(section.title)}</h2>",
        *([f"<p>{escape(section.text)}</p>"] if section.text else []),
        *([_findings(section.findings)] if section.findings else []),
        *(['<div class="charts">', *charts, "</div>"] if charts else []),
        *(_grid(grid) for grid in section.grids),
        "</section>",
    ]
    return "\n".join(parts)


def _chart(key: str, place: int, chart: Chart) -> str:
    figures = f"<details><summary>figures</summary>{_table(_figures(chart))}</details>"
    return (
        f'<div><h3>{escape(chart.title)}</h3><div class="plot" id="chart-{escape(key)}-{place}"></div>'
        f"{figures if isinstance(chart, CurveChart) else ''}</div>"
    )


def _findings(findings: tuple[Finding, ...]) -> str:
    items = (
        f'<li class="{finding.severity}"><b>{escape(finding.word) or _SEVERITY[finding.severity]}: '
        f"{escape(finding.title)}</b>"
        f"{escape(finding.text)}</li>"
        for finding in findings
    )
    return f'<ul class="findings">{"".join(items)}</ul>'


def _grid(grid: Grid) -> str:
    content = _table(grid) if grid.rows else "<p>None.</p>"
    if grid.folded:
        return f"<details><summary>{escape(grid.title)}</summary>{content}</details>"
    return f"<h3>{escape(grid.title)}</h3>{content}" if grid.title else content


def _table(grid: Grid) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in grid.columns)
    rows = "".join(f"<tr>{''.join(map(_cell, grid.columns, row))}</tr>" for row in grid.rows)
    heading = f"<thead><tr>{head}</tr></thead>" if any(grid.columns) else ""
    cells = (cell for row in grid.rows for cell in row)
    wide = " wide" if len(grid.columns) > NARROW or any(len(cell) > LONG_CELL for cell in cells) else ""
    return f'<div class="table{wide}" tabindex="0"><table>{heading}<tbody>{rows}</tbody></table></div>'


def _cell(column: str, cell: str) -> str:
    label = f' data-label="{escape(column)}"' if column else ""
    return f"<td{label}>{escape(cell)}</td>"


def _figures(chart: Chart) -> Grid:
    """Of a curve chart, without columns in which there is nothing."""
    if not isinstance(chart, CurveChart):
        return Grid(chart.title, (), ())
    columns = (chart.over, "until (UTC)", "", "figure", "95 % interval")
    rows = list(_rows(chart))
    filled = [place for place in range(len(columns)) if any(row[place] for row in rows)]
    return Grid(
        chart.title,
        tuple(columns[place] for place in filled),
        tuple(tuple(row[place] for place in filled) for row in rows),
    )


def _rows(chart: CurveChart) -> Iterator[tuple[str, ...]]:
    write = percent if chart.percent else decimal
    for curve in chart.curves:
        for point in curve.points:
            low, high = point.estimate.low, point.estimate.high
            interval = "" if low is None or high is None else f"{write(low)} to {write(high)}"
            span = f"{point.first:,}" if point.first == point.last else f"{point.first:,} to {point.last:,}"
            until = "" if point.until is None else moment(point.until)
            yield span, until, curve.name, write(point.estimate.value), interval
