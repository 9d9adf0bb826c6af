"""
Charts as SVG within HTML. They need no script and no style of their own: `charts.css` gives the classes their colours,
for light and for dark.

Each curve has a colour, a dash and a mark, so that no two are told apart by colour alone; what lies below another curve
is drawn broader, so that it shows at both sides.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from ltrr_haystack.evaluation.report.marks import LOOKS, line_class, mark, swatch
from ltrr_haystack.evaluation.report.scales import Scale, drawable, scale
from ltrr_haystack.evaluation.report.svg import element, text
from ltrr_haystack.evaluation.report.values import (
    Chart,
    Curve,
    CurveChart,
    GroupChart,
    Point,
    ReliabilityChart,
    ReportFigure,
    decimal,
    moment,
    percent,
)

WIDTH = 460.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 14.0, 12.0, 42.0
HEIGHT = 240.0
MOST_MARKS = 60
"""Curves with more points have no marks."""

LONGEST = 58
"""Longer names are cut in a drawing; they are whole in the tooltip and in the table."""


def draw(chart: Chart) -> str:
    """
    Draw a chart.

    :param chart: The chart.
    :returns: A `figure` of HTML with the drawing and its legend.
    """
    if isinstance(chart, CurveChart):
        return _curves(chart)
    if isinstance(chart, ReliabilityChart):
        return _reliability(chart)
    if isinstance(chart, GroupChart):
        return _rows(chart.title, chart.groups, legend=True)
    return _rows(chart.title, {"": chart.estimates}, legend=False)


def told(estimate: ReportFigure, write: Callable[[float], str]) -> str:
    """
    Write a figure with its interval.

    :param estimate: The figure.
    :param write: Writes a number.
    :returns: The text; without interval if there is none.
    """
    if estimate.low is None or estimate.high is None:
        return write(estimate.value)
    return f"{write(estimate.value)} ({write(estimate.low)} to {write(estimate.high)})"


def _curves(chart: CurveChart) -> str:
    looks = [place if curve.look is None else curve.look for place, curve in enumerate(chart.curves)]
    points = [[point for point in curve.points if drawable(point.estimate.value)] for curve in chart.curves]
    banded = len(chart.curves) == 1
    x = scale((point.last for each in points for point in each), LEFT, WIDTH - RIGHT, whole=True, zero=True)
    y = scale(_heights(points, banded), HEIGHT - BOTTOM, TOP, zero=True)
    parts = _axes(x, y, chart.over, percent_y=chart.percent)
    if banded:
        parts += [_band(points[0], x, y, looks[0])]
    write = percent if chart.percent else decimal
    for place, (look, each) in enumerate(zip(looks, points, strict=True)):
        under = any(_meet(each, other) for other in points[place + 1 :])
        parts.append(_line(each, x, y, look, under=under))
    for curve, look, each in zip(chart.curves, looks, points, strict=True):
        if len(each) < MOST_MARKS:
            parts += [
                mark(look, x(point.last), y(point.estimate.value), _of_point(curve, point, chart.over, write))
                for point in each
            ]
    legend = _legend(_named(chart.curves, points), looks) if len(chart.curves) > 1 else ""
    span = f"{len(chart.curves)} curves" if len(chart.curves) > 1 else "a curve"
    return _figure(parts, HEIGHT, f"{chart.title}: {span} over {chart.over}", legend)


def _heights(points: Sequence[Sequence[Point]], banded: bool) -> Iterable[float]:
    for each in points:
        for point in each:
            yield point.estimate.value
            if banded:
                yield from _interval(point.estimate) or ()


def _interval(estimate: ReportFigure) -> tuple[float, float] | None:
    low, high = estimate.low, estimate.high
    if low is None or high is None or not (drawable(low) and drawable(high)):
        return None
    return low, high


def _band(points: Sequence[Point], x: Scale, y: Scale, look: int) -> str:
    known = [(point.last, interval) for point in points if (interval := _interval(point.estimate)) is not None]
    corners = [(at, high) for at, (_, high) in known] + [(at, low) for at, (low, _) in reversed(known)]
    return element("polygon", points=_path(corners, x, y), class_=f"band k{look % LOOKS}") if known else ""


def _line(points: Sequence[Point], x: Scale, y: Scale, look: int, *, under: bool) -> str:
    path = _path([(point.last, point.estimate.value) for point in points], x, y)
    return element("polyline", points=path, class_=line_class(look) + (" under" if under else ""))


def _path(points: Iterable[tuple[float, float]], x: Scale, y: Scale) -> str:
    return " ".join(f"{x(at):.1f},{y(height):.1f}" for at, height in points)


def _meet(lower: Sequence[Point], upper: Sequence[Point]) -> bool:
    """Whether two curves have a stretch in common."""
    there = {(point.last, point.estimate.value) for point in upper}
    shared = [(point.last, point.estimate.value) in there for point in lower]
    return any(one and other for one, other in pairwise(shared)) or shared == [True]


def _named(curves: Sequence[Curve], points: Sequence[Sequence[Point]]) -> list[str]:
    """The curves' names; a curve that another one covers whole says so."""
    names = []
    drawn = [[(point.last, point.estimate.value) for point in each] for each in points]
    for place, curve in enumerate(curves):
        same = [other.name for k, other in enumerate(curves) if k != place and drawn[k] and drawn[k] == drawn[place]]
        names.append(f"{curve.name} (same as {', '.join(same)})" if same else curve.name)
    return names


def _of_point(curve: Curve, point: Point, over: str, write: Callable[[float], str]) -> str:
    span = f"{point.first:,}" if point.first == point.last else f"{point.first:,} to {point.last:,}"
    lines = [f"{curve.name}: {told(point.estimate, write)}", f"{over} {span}"]
    return "\n".join(lines if point.until is None else [*lines, f"until {moment(point.until)} UTC"])


def _reliability(chart: ReliabilityChart) -> str:
    x, y = Scale(0.0, 1.0, LEFT, WIDTH - RIGHT, 0.2), Scale(0.0, 1.0, HEIGHT - BOTTOM, TOP, 0.2)
    parts = _axes(x, y, "logged probability", percent_x=True, percent_y=True)
    parts.append(element("line", x1=x(0), y1=y(0), x2=x(1), y2=y(1), class_="expected"))
    for one in chart.bins:
        if not (drawable(one.predicted) and drawable(one.observed.value)):
            continue
        at, interval = x(one.predicted), _interval(one.observed)
        if interval is not None:
            parts.append(element("line", x1=at, y1=y(interval[0]), x2=at, y2=y(interval[1]), class_="whisker k0"))
        saying = f"{one.count:,} {chart.unit}: logged {one.predicted:.2%}, drawn {one.observed.value:.2%}"
        parts.append(mark(0, at, y(one.observed.value), saying))
    return _figure(parts, HEIGHT, f"{chart.title}: share drawn over logged probability; on the line they agree")


def _rows(title: str, groups: dict[str, dict[str, ReportFigure]], *, legend: bool) -> str:
    """Figures one below the other, each with its interval, under their names; several groups side by side."""
    names = list(dict.fromkeys(name for estimates in groups.values() for name in estimates))
    every = [one for estimates in groups.values() for one in estimates.values() if drawable(one.value)]
    bounds = [bound for one in every for bound in (one.value, *(_interval(one) or ()))]
    x = scale(bounds, 14.0, WIDTH - RIGHT)
    step = 14.0
    row = 26.0 + step * max(1, len(groups))
    bottom = TOP + row * max(1, len(names))
    parts = [_upright(x, tick, TOP, bottom) for tick in x.ticks]
    if x.low < 0 < x.high:
        parts.append(element("line", x1=x(0), y1=TOP, x2=x(0), y2=bottom, class_="zero"))
    for place, name in enumerate(names):
        top = TOP + row * place + 14.0
        parts.append(element("text", text(_cut(name)), element("title", text(name)), x=4.0, y=top, class_="name"))
        for look, (group, estimates) in enumerate(groups.items()):
            one = estimates.get(name)
            if one is not None and drawable(one.value):
                saying = f"{group}, {name}" if group else name
                parts += _with_whisker(one, x, top + 12.0 + step * look, look, f"{saying}: {told(one, decimal)}")
    looks = list(range(len(groups)))
    drawn = f"{title}: {len(names)} figures with their intervals"
    return _figure(parts, bottom + 24.0, drawn, _legend(list(groups), looks, lines=False) if legend else "")


def _with_whisker(one: ReportFigure, x: Scale, at: float, look: int, saying: str) -> list[str]:
    interval = _interval(one)
    parts = []
    if interval is not None:
        ends = [x(end) for end in interval]
        parts = [element("line", x1=ends[0], y1=at, x2=ends[1], y2=at, class_=f"whisker k{look % LOOKS}")]
        parts += [
            element("line", x1=end, y1=at - 4, x2=end, y2=at + 4, class_=f"whisker k{look % LOOKS}") for end in ends
        ]
    return [*parts, mark(look, x(one.value), at, saying, large=True)]


def _axes(x: Scale, y: Scale, over: str, *, percent_x: bool = False, percent_y: bool = False) -> list[str]:
    parts = []
    for tick in y.ticks:
        at = y(tick)
        line = "zero" if tick == 0 else "grid"
        parts.append(element("line", x1=LEFT, y1=at, x2=WIDTH - RIGHT, y2=at, class_=line))
        label = text(y.label(tick, percent=percent_y))
        parts.append(element("text", label, x=LEFT - 7, y=at + 4, class_="tick left"))
    for tick in x.ticks:
        label = text(x.label(tick, percent=percent_x))
        parts.append(element("text", label, x=x(tick), y=HEIGHT - BOTTOM + 17, class_="tick"))
    middle = (LEFT + WIDTH - RIGHT) / 2
    return [*parts, element("text", text(over), x=middle, y=HEIGHT - 6, class_="tick")]


def _upright(x: Scale, tick: float, top: float, bottom: float) -> str:
    line = element("line", x1=x(tick), y1=top, x2=x(tick), y2=bottom, class_="grid")
    return line + element("text", text(x.label(tick)), x=x(tick), y=bottom + 16, class_="tick")


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def _legend(names: Sequence[str], looks: Sequence[int], *, lines: bool = True) -> str:
    entries = [
        element("li", swatch(look, line=lines), element("span", text(name)))
        for name, look in zip(names, looks, strict=True)
    ]
    return element("ul", *entries, class_="legend")


def _figure(parts: Iterable[str], height: float, label: str, legend: str = "") -> str:
    drawing = element("svg", *parts, viewBox=f"0 0 {WIDTH:g} {height:g}", role="img", aria_label=label, class_="chart")
    return element("figure", drawing, legend)
