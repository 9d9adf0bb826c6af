"""
Charts as Plotly takes them: plain dictionaries of data and layout.

Plotly reads a little HTML in texts, links among it, so every text from the log is escaped here too.
"""

from collections.abc import Sequence
from html import escape
from typing import Any

from ltrr_haystack.evaluation.report.values import (
    Chart,
    Curve,
    CurveChart,
    IntervalChart,
    Point,
    ReliabilityChart,
    decimal,
    moment,
    percent,
)

Figure = dict[str, Any]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#B8A800")
"""Told apart by the colour-blind too (Okabe & Ito 2008, Color Universal Design)."""

DASHES = ("solid", "dash", "dot", "dashdot")
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
    return _intervals(chart)


def _curves(chart: CurveChart) -> Figure:
    data = []
    for place, curve in enumerate(chart.curves):
        if len(chart.curves) == 1:
            data += _band(curve.points)
        data.append(_line(curve, place, percent=chart.percent))
    layout = _layout(len(chart.curves) > 1)
    layout["xaxis"] |= {"title": {"text": "searches"}, "rangemode": "tozero"}
    layout["yaxis"] |= {"tickformat": ".0%" if chart.percent else ""}
    if not any(point.estimate.value < 0 for curve in chart.curves for point in curve.points):
        layout["yaxis"]["rangemode"] = "tozero"
    return {"data": data, "layout": layout}


def _line(curve: Curve, place: int, *, percent: bool) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(curve.points) < 60 else "lines",
        "name": escape(curve.name, quote=False),
        "x": [point.last for point in curve.points],
        "y": [point.estimate.value for point in curve.points],
        "text": [_told(point, percent=percent) for point in curve.points],
        "hovertemplate": "%{text}",
        "line": {
            "color": COLOURS[place % len(COLOURS)],
            "width": 2,
            "dash": DASHES[place // len(COLOURS) % len(DASHES)],
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


def _told(point: Point, *, percent: bool) -> str:
    write = _percent if percent else decimal
    estimate = point.estimate
    text = write(estimate.value)
    if estimate.low is not None and estimate.high is not None:
        text += f" ({write(estimate.low)} to {write(estimate.high)})"
    return f"{text}<br>searches {point.first:,} to {point.last:,}<br>until {moment(point.until)} UTC"


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
        "name": "levels",
        "x": x,
        "y": y,
        "text": [
            f"{one.count:,} levels: logged {one.predicted:.2%}, drawn {one.observed.value:.2%}" for one in chart.bins
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
    layout = _layout(legend=False)
    layout["yaxis"] |= {"type": "category", "autorange": "reversed", "automargin": True}
    layout["height"] = 110 + 34 * len(chart.estimates)
    data = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [one.value],
            "y": [escape(name, quote=False)],
            "error_x": {
                "type": "data",
                "symmetric": False,
                "array": [(one.value if one.high is None else one.high) - one.value],
                "arrayminus": [one.value - (one.value if one.low is None else one.low)],
                "width": 5,
            },
            "hovertemplate": "%{y}: %{x:.3f}<extra></extra>",
            "marker": {"color": COLOURS[0] if place else "#000000", "size": 9},
        }
        for place, (name, one) in enumerate(chart.estimates.items())
    ]
    return {"data": data, "layout": layout}


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
        "legend": {"orientation": "h", "y": -0.24, "x": 0, "yanchor": "top"},
        "xaxis": dict(axis),
        "yaxis": dict(axis),
    }


_percent = percent
