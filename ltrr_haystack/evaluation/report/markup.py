"""Sections of a report as HTML, for a file and for the dashboard alike."""

from collections.abc import Iterator

from ltrr_haystack.evaluation.report.charts import draw, told
from ltrr_haystack.evaluation.report.svg import element, text
from ltrr_haystack.evaluation.report.values import (
    Chart,
    CurveChart,
    Finding,
    Grid,
    GroupChart,
    ReliabilityChart,
    Section,
    decimal,
    moment,
    percent,
)

NARROW = 4
LONG_CELL = 40
"""Tables with more columns than the one, or longer cells than the other, become lists on a narrow screen."""

_SEVERITY = {"bad": "Wrong", "watch": "Watch", "good": "Good"}


def contents(section: Section) -> str:
    """
    Write what stands under the heading of a section.

    :param section: The section.
    :returns: Markup in which every text is escaped.
    """
    charts = [_chart(chart) for chart in section.charts]
    return "\n".join(
        [
            *([element("p", text(section.text), class_="lead")] if section.text else []),
            *([_findings(section.findings)] if section.findings else []),
            *([element("div", *charts, class_="charts")] if charts else []),
            *(_grid(grid) for grid in section.grids),
            *([_folded("How to read it", element("p", text(section.more)))] if section.more else []),
        ]
    )


def _chart(chart: Chart) -> str:
    figures = _figures(chart)
    table = _folded("figures", _table(figures), of=chart.title) if figures.rows else ""
    return element("div", element("h3", text(chart.title)), draw(chart), table, class_="plot")


def _folded(summary: str, content: str, *, of: str = "") -> str:
    hidden = element("span", text(f" of {of}"), class_="unseen") if of else ""
    return element("details", element("summary", text(summary), hidden), content)


def _findings(findings: tuple[Finding, ...]) -> str:
    items = (
        element(
            "li",
            element("b", text(f"{finding.word or _SEVERITY[finding.severity]}: {finding.title}")),
            text(finding.text),
            class_=finding.severity,
        )
        for finding in findings
    )
    return element("ul", *items, class_="findings")


def _grid(grid: Grid) -> str:
    content = _table(grid) if grid.rows else element("p", "None.")
    if grid.folded:
        return _folded(grid.title, content)
    return element("h3", text(grid.title)) + content if grid.title else content


def _table(grid: Grid) -> str:
    head = "".join(element("th", text(column), scope="col") for column in grid.columns)
    rows = (element("tr", *map(_cell, grid.columns, row)) for row in grid.rows)
    heading = element("thead", element("tr", head)) if any(grid.columns) else ""
    cells = (cell for row in grid.rows for cell in row)
    wide = " wide" if len(grid.columns) > NARROW or any(len(cell) > LONG_CELL for cell in cells) else ""
    table = element("table", heading, element("tbody", *rows))
    name = grid.title or "Figures"
    return element("div", table, class_=f"table{wide}", tabindex=0, role="group", aria_label=name)


def _cell(column: str, cell: str) -> str:
    return element("td", text(cell), data_label=column or None)


def _figures(chart: Chart) -> Grid:
    """What is drawn, as a table without columns in which there is nothing."""
    if isinstance(chart, CurveChart):
        columns: tuple[str, ...] = (chart.over, "until (UTC)", "", "figure", "95 % interval")
        rows = list(_points(chart))
    elif isinstance(chart, ReliabilityChart):
        columns = (chart.unit, "logged probability", "share drawn (95 % interval)", "z")
        rows = [
            (f"{one.count:,}", percent(one.predicted), told(one.observed, percent), decimal(one.z, 1))
            for one in chart.bins
        ]
    else:
        columns = ("", "", "figure (95 % interval)")
        groups = chart.groups if isinstance(chart, GroupChart) else {"": chart.estimates}
        rows = [
            (name, group, told(one, decimal)) for group, estimates in groups.items() for name, one in estimates.items()
        ]
    filled = [place for place in range(len(columns)) if any(row[place] for row in rows)]
    return Grid(
        chart.title,
        tuple(columns[place] for place in filled),
        tuple(tuple(row[place] for place in filled) for row in rows),
    )


def _points(chart: CurveChart) -> Iterator[tuple[str, ...]]:
    write = percent if chart.percent else decimal
    for curve in chart.curves:
        for point in curve.points:
            low, high = point.estimate.low, point.estimate.high
            interval = "" if low is None or high is None else f"{write(low)} to {write(high)}"
            span = f"{point.first:,}" if point.first == point.last else f"{point.first:,} to {point.last:,}"
            until = "" if point.until is None else moment(point.until)
            yield span, until, curve.name, write(point.estimate.value), interval
