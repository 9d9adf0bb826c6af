"""
Charts as Plotly takes them: plain dictionaries of data and layout.

Plotly reads a little HTML in texts, links among it, so every text from the log is escaped here too.
"""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from ltrr_haystack.evaluation.report.values import (
    Chart,
    Curve,
    CurveChart,
    GroupChart,
    IntervalChart,
    Point,
    ReliabilityChart,
    ReportFigure,
    decimal,
    moment,
    percent,
)

Figure = dict[str, Any]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#B8A800")
"""Told apart by the colour-blind too (Okabe & Ito 2008, Color Universal Design)."""

SYMBOLS = ("circle", "diamond", "square", "triangle-up")
DASHES = ("solid", "dash", "dot", "dashdot")
LEGEND_ROW = 19
"""Pixels that a legend needs for each two names on a narrow screen."""

_GRID = "#e4e4e7"
_SHADE = "rgba(0,114,178,.16)"


def figure(chart: Chart) -> Figure:
    """
    Draw a chart.

    :param chart: The chart.
    :returns: `data` and `layout`.
    """
    if isinstance(chart, CurveChart):
        return _curves(chart)
    if isinstance(chart, ReliabilityChart):
        return _reliability(chart)
    if isinstance(chart, GroupChart):
        return _groups(chart)
    return _intervals(chart)


def _curves(chart: CurveChart) -> Figure:
    data = []
    for place, curve in enumerate(chart.curves):
        if len(chart.curves) == 1:
            data += _band(curve.points)
        data.append(_line(curve, place if curve.look is None else curve.look, chart))
    layout = _layout(len(chart.curves) > 1)
    layout["height"] += LEGEND_ROW * ((len(chart.curves) - 1) // 2)
    layout["xaxis"] |= {"title": {"text": escape(chart.over, quote=False)}, "rangemode": "tozero"}
    layout["yaxis"] |= {"tickformat": ".0%" if chart.percent else ""}
    if not any(point.estimate.value < 0 for curve in chart.curves for point in curve.points):
        layout["yaxis"]["rangemode"] = "tozero"
    return {"data": data, "layout": layout}


def _line(curve: Curve, look: int, chart: CurveChart) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(curve.points) < 60 else "lines",
        "name": escape(curve.name, quote=False),
        "x": [point.last for point in curve.points],
        "y": [point.estimate.value for point in curve.points],
        "text": [_told(point, chart) for point in curve.points],
        "hovertemplate": "%{text}",
        "line": {
            "color": COLOURS[look % len(COLOURS)],
            "width": 2,
            "dash": DASHES[look // len(COLOURS) % len(DASHES)],
        },
        "marker": {"size": 4},
    }


def _band(points: Sequence[Point]) -> list[Figure]:
    known = [point for point in points if point.estimate.low is not None]
    bound = {"type": "scatter", "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    x = [point.last for point in known]
    return [
        {**bound, "x": x, "y": [point.estimate.low for point in known]},
        {**bound, "x": x, "y": [point.estimate.high for point in known], "fill": "tonexty", "fillcolor": _SHADE},
    ]


def _told(point: Point, chart: CurveChart) -> str:
    text = _with_interval(point.estimate, percent if chart.percent else decimal)
    span = f"{point.first:,}" if point.first == point.last else f"{point.first:,} to {point.last:,}"
    text += f"<br>{escape(chart.over, quote=False)} {span}"
    return text if point.until is None else f"{text}<br>until {moment(point.until)} UTC"


def _with_interval(estimate: ReportFigure, write: Callable[[float], str]) -> str:
    text = write(estimate.value)
    if estimate.low is None or estimate.high is None:
        return text
    return f"{text} ({write(estimate.low)} to {write(estimate.high)})"


def _reliability(chart: ReliabilityChart) -> Figure:
    x = [one.predicted for one in chart.bins]
    y = [one.observed.value for one in chart.bins]
    diagonal = {
        "type": "scatter",
        "mode": "lines",
        "x": [0, 1],
        "y": [0, 1],
        "name": "as logged",
        "hoverinfo": "skip",
        "line": {"color": "#71717a", "dash": "dot", "width": 1},
    }
    points = {
        "type": "scatter",
        "mode": "markers",
        "name": escape(chart.unit, quote=False),
        "x": x,
        "y": y,
        "text": [
            f"{one.count:,} {escape(chart.unit, quote=False)}: logged {one.predicted:.2%}, drawn "
            f"{one.observed.value:.2%}"
            for one in chart.bins
        ],
        "hovertemplate": "%{text}<extra></extra>",
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [(one.observed.high or 0.0) - one.observed.value for one in chart.bins],
            "arrayminus": [one.observed.value - (one.observed.low or 0.0) for one in chart.bins],
            "width": 3,
        },
        "marker": {"color": COLOURS[0], "size": 7},
    }
    layout = _layout(legend=False)
    layout["xaxis"] |= {"title": {"text": "logged probability"}, "tickformat": ".0%", "range": [-0.03, 1.03]}
    layout["yaxis"] |= {"title": {"text": "share drawn"}, "tickformat": ".0%", "range": [-0.03, 1.03]}
    return {"data": [diagonal, points], "layout": layout}


def _intervals(chart: IntervalChart) -> Figure:
    """The first estimate, with which the others are to be compared, in black."""
    layout = _listed(len(chart.estimates), legend=False)
    data = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [one.value],
            "y": [escape(name, quote=False)],
            "error_x": _error([one]),
            "hovertemplate": "%{y}: %{x:.3f}<extra></extra>",
            "marker": {"color": COLOURS[0] if place else "#000000", "size": 9},
        }
        for place, (name, one) in enumerate(chart.estimates.items())
    ]
    return {"data": data, "layout": layout}


def _groups(chart: GroupChart) -> Figure:
    """One colour and one mark for each group; the groups of a name one below the other."""
    names = max(map(len, chart.groups.values()), default=0)
    layout = _listed(names, legend=True)
    layout["xaxis"]["zerolinecolor"] = "#71717a"
    layout |= {"scattermode": "group", "scattergap": 0.4}
    data = [
        {
            "type": "scatter",
            "mode": "markers",
            "orientation": "h",
            "name": escape(group, quote=False),
            "x": [one.value for one in estimates.values()],
            "y": [escape(name, quote=False) for name in estimates],
            "error_x": _error(list(estimates.values())),
            "text": [_with_interval(one, decimal) for one in estimates.values()],
            "hovertemplate": "%{y}: %{text}",
            "marker": {"color": COLOURS[place % len(COLOURS)], "symbol": SYMBOLS[place % len(SYMBOLS)], "size": 8},
        }
        for place, (group, estimates) in enumerate(chart.groups.items())
    ]
    return {"data": data, "layout": layout}


def _error(estimates: Sequence[ReportFigure]) -> Figure:
    return {
        "type": "data",
        "symmetric": False,
        "array": [(one.value if one.high is None else one.high) - one.value for one in estimates],
        "arrayminus": [one.value - (one.value if one.low is None else one.low) for one in estimates],
        "width": 5,
    }


def _listed(names: int, *, legend: bool) -> Figure:
    """For figures with a name each, from top to bottom."""
    layout = _layout(legend)
    layout["yaxis"] |= {"type": "category", "autorange": "reversed", "automargin": True}
    layout["height"] = 110 + 34 * names
    return layout


def _layout(legend: bool) -> Figure:
    axis = {"gridcolor": _GRID, "zerolinecolor": _GRID, "automargin": True, "fixedrange": True}
    return {
        "autosize": True,
        "height": 300,
        "margin": {"l": 44, "r": 12, "t": 8, "b": 44},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": "#27272a"},
        "hovermode": "closest",
        "hoverlabel": {"align": "left"},
        "dragmode": False,
        "showlegend": legend,
        "legend": {"orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom"},
        "xaxis": dict(axis),
        "yaxis": dict(axis),
    }
