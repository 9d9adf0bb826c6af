"""What a report is made of before it becomes a page: sections with charts and tables, all of it plain values."""

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

Severity = Literal["bad", "watch", "good"]


@dataclass(frozen=True, slots=True)
class ReportFigure:
    """
    A figure with its 95 % interval.

    :param value: The figure.
    :param low: Lower end; `None` if there is too little to tell.
    :param high: Upper end; `None` if there is too little to tell.
    """

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """
    A figure for a part of the log.

    :param first: Number of its first search, from 1.
    :param last: Number of its last search.
    :param until: When the last search was, in seconds since 1970, UTC; `None` where searches have no time.
    :param estimate: The figure.
    """

    first: int
    last: int
    until: float | None
    estimate: ReportFigure


@dataclass(frozen=True, slots=True)
class Curve:
    """
    A figure over the log.

    :param name: What it is a figure of.
    :param points: Its points, in the order of the log.
    :param look: Number of its colour and dash, from 0; its place in the chart if left out. Give it where several charts
        have curves of the same things.
    """

    name: str
    points: tuple[Point, ...]
    look: int | None = None


@dataclass(frozen=True, slots=True)
class CurveChart:
    """
    Curves over the searches, or over something else that is counted from 1.

    :param title: What it shows.
    :param curves: The curves.
    :param percent: Whether figures are shares.
    :param over: What it is over.
    """

    title: str
    curves: tuple[Curve, ...]
    percent: bool = True
    over: str = "searches"


@dataclass(frozen=True, slots=True)
class Bin:
    """
    What was about equally likely: levels, or whole allocations.

    :param count: How many there were.
    :param predicted: Mean of their logged probabilities.
    :param observed: Share of them that were drawn.
    :param z: How many standard deviations the number drawn lies from what is to be expected.
    """

    count: int
    predicted: float
    observed: ReportFigure
    z: float


@dataclass(frozen=True, slots=True)
class ReliabilityChart:
    """
    How often levels were drawn against how likely they were said to be.

    :param title: What it shows.
    :param bins: The bins, by probability.
    :param unit: What was drawn.
    """

    title: str
    bins: tuple[Bin, ...]
    unit: str = "levels"


@dataclass(frozen=True, slots=True)
class IntervalChart:
    """
    Figures side by side, each with its interval.

    :param title: What it shows.
    :param estimates: Name → figure, from top to bottom.
    """

    title: str
    estimates: dict[str, ReportFigure]


@dataclass(frozen=True, slots=True)
class GroupChart:
    """
    Figures side by side, each with its interval, several of one name.

    :param title: What it shows.
    :param groups: Group → name → figure; names from top to bottom.
    """

    title: str
    groups: dict[str, dict[str, ReportFigure]]


Chart = CurveChart | ReliabilityChart | IntervalChart | GroupChart


@dataclass(frozen=True, slots=True)
class Grid:
    """
    A table of texts.

    :param title: What it shows.
    :param columns: The headings.
    :param rows: The rows; as many cells in each as there are headings.
    :param folded: Whether it is closed until somebody opens it.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """
    Something to know of the data.

    :param severity: `bad` where figures cannot be trusted or something is broken, `watch` where care is needed,
        `good` where all is well.
    :param title: What it is.
    :param text: What it means and what can be done.
    :param word: The word before the title; by default one for the severity.
    """

    severity: Severity
    title: str
    text: str
    word: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """
    A part of the report.

    :param key: Its anchor.
    :param title: Its heading.
    :param text: What it shows, in a line.
    :param charts: Its charts.
    :param grids: Its tables.
    :param findings: What it found.
    :param more: How to read it, for those who want to know; folded.
    """

    key: str
    title: str
    text: str
    charts: tuple[Chart, ...] = ()
    grids: tuple[Grid, ...] = ()
    findings: tuple[Finding, ...] = field(default=())
    more: str = ""


@dataclass(frozen=True, slots=True)
class ReportPage:
    """
    A whole report.

    :param title: Its title.
    :param subtitle: What it is about, in a line.
    :param tiles: Name → the figure to be seen first.
    :param sections: Its parts.
    :param verdict: What it comes to, in a sentence or two.
    :param following: What to do about it.
    """

    title: str
    subtitle: str
    tiles: dict[str, str]
    sections: tuple[Section, ...]
    verdict: str = ""
    following: str = ""


def share_of(count: float, of: float) -> ReportFigure:
    """
    A share with its interval (Wilson, "Probable inference, the law of succession, and statistical inference", 1927).

    :param count: How many.
    :param of: Of how many.
    :returns: The share; NaN without interval if there were none.
    """
    if of <= 0:
        return ReportFigure(math.nan)
    share, z2 = count / of, _Z**2 / of
    middle = (share + z2 / 2) / (1 + z2)
    half = _Z / (1 + z2) * math.sqrt(share * (1 - share) / of + z2 / of / 4)
    # The ends are 0 and 1 in truth where none or all are counted, which rounding would miss.
    return ReportFigure(share, middle - half if count > 0 else 0.0, middle + half if count < of else 1.0)


def mean_of(total: float, squares: float, count: float) -> ReportFigure:
    """
    A mean with its normal interval.

    :param total: Sum of the values.
    :param squares: Sum of their squares.
    :param count: How many values.
    :returns: The mean; without interval if there are less than two values, NaN if there are none.
    """
    if count <= 0:
        return ReportFigure(math.nan)
    mean = total / count
    if count < 2:
        return ReportFigure(mean)
    half = _Z * math.sqrt(max(0.0, squares - total * mean) / (count - 1) / count)
    return ReportFigure(mean, mean - half, mean + half)


def percent(share: float, digits: int = 1) -> str:
    """
    Write a share.

    :param share: The share.
    :param digits: Digits after the point.
    :returns: The text; a dash for what is not known.
    """
    return f"{share:.{digits}%}" if math.isfinite(share) else "–"


def decimal(value: float, digits: int = 3) -> str:
    """
    Write a number.

    :param value: The number.
    :param digits: Digits after the point.
    :returns: The text; a dash for what is not known.
    """
    return f"{value:,.{digits}f}" if math.isfinite(value) else "–"


def moment(seconds: float) -> str:
    """
    Write a time.

    :param seconds: Seconds since 1970, UTC.
    :returns: The text, to the minute; a dash for what is no time.
    """
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"
    except (OverflowError, ValueError, OSError):
        return "–"


_Z = 1.959964
