"""What simulated people's searches come to: their click rate over time, beside the baseline's for the same searches."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel

from ltrr_haystack.evaluation.report.values import Curve, CurveChart, Point, ReportFigure, share_of

POINTS = 12
"""Points of the curve of a whole tour."""

LEAST_SEARCHES = 5
"""Fewest searches that one point stands for."""

LEAST_COMPARED = 5
"""Fewer searches of the second half are not compared with the baseline's."""

CHANCE = 0.05


class Rate(BaseModel):
    """
    A click rate: the share of searches with at least one click.

    :param searches: How many searches it is of; on the curve, how many there have been up to the end of its stretch.
    :param click_rate: The share, 0 to 1.
    :param low: Lower end of its 95 % interval.
    :param high: Upper end.
    """

    searches: int
    click_rate: float
    low: float
    high: float


class Changed(BaseModel):
    """
    A query whose page has changed.

    :param query: The query.
    :param searches: How often it was searched for.
    :param was_first: Title of the document that the baseline puts first.
    :param is_first: Title of the document that stands first now.
    """

    query: str
    searches: int
    was_first: str
    is_first: str


def rate(clicked: int, searches: int, at: int | None = None) -> Rate:
    """
    Give a click rate with its interval, as the report does.

    :param clicked: Searches with a click.
    :param searches: Searches, at least one.
    :param at: The number of searches to state; `searches` if left out.
    :returns: The rate.
    """
    share = share_of(clicked, searches)
    low, high = share.low or 0.0, share.value if share.high is None else share.high
    return Rate(searches=searches if at is None else at, click_rate=share.value, low=low, high=high)


def sign_test(more: int, less: int) -> float:
    """
    Test whether two systems that met the same searches differ.

    :param more: Searches in which only the one was clicked.
    :param less: Searches in which only the other was.
    :returns: The two-sided p-value: the probability of a difference as large if there were none.
    """
    number, extreme = more + less, min(more, less)
    as_extreme = sum([math.comb(number, each) for each in range(extreme + 1)])
    all_outcomes: int = 2**number
    return min(1.0, 2 * as_extreme / all_outcomes)


@dataclass
class _Pages:
    """What a query's pages began with."""

    searches: int = 0
    baseline: str | None = None
    live: list[str] = field(default_factory=list)


class TourFigures:
    """
    Counts the searches of a tour.

    :param expected: How many searches there will be; the curve has about twelve points then.
    :ivar searches: Searches so far, without those that failed.
    :ivar clicks: Clicks so far.
    :ivar failed: Searches that failed.
    :ivar rejected: Clicks that the server did not take.
    :ivar stretch: Searches of a stretch.
    :ivar curve: The click rate of each stretch of searches.
    :ivar baseline_curve: The baseline's click rate up to the end of each stretch, as far as it is known.
    :ivar pairs: For each compared search whether the live page was clicked, and whether the baseline's would be.
    """

    def __init__(self, expected: int) -> None:
        self.searches = 0
        self.clicks = 0
        self.failed = 0
        self.rejected = 0
        self.curve: list[Rate] = []
        self.baseline_curve: list[Rate] = []
        self.pairs: list[tuple[bool, bool]] = []
        self.stretch = max(LEAST_SEARCHES, math.ceil(expected / POINTS))
        self._clicked: list[bool] = []
        self._pages: dict[str, _Pages] = {}

    def add(self, query: str, shown: Sequence[str], clicks: int) -> None:
        """
        Count a search.

        :param query: What was typed.
        :param shown: Ids of the documents on the page, from the top.
        :param clicks: How many of them were clicked.
        """
        self.searches += 1
        self.clicks += clicks
        self._clicked.append(clicks > 0)
        if self.searches % self.stretch == 0:
            last = self._clicked[-self.stretch :]
            self.curve = [*self.curve, rate(sum(last), len(last), self.searches)]
            if self.pairs:
                self.baseline_curve = [*self.baseline_curve, self._baseline_rate(self.searches)]
        pages = self._pages.setdefault(query, _Pages())
        pages.searches += 1
        pages.live = [*pages.live[-1:], *shown[:1]]

    def compare(self, query: str, shown: Sequence[str], *, baseline: bool, live: bool) -> None:
        """
        Count what the baseline shows for the search that was counted last.

        :param query: What was typed.
        :param shown: Ids of the documents on the baseline's page.
        :param baseline: Whether the same person would click on that page.
        :param live: Whether they clicked on the one that they got.
        """
        self.pairs.append((live, baseline))
        self._pages.setdefault(query, _Pages()).baseline = shown[0] if shown else None

    @property
    def baseline(self) -> Rate | None:
        """The baseline's click rate, over the whole tour: it does not learn."""
        return self._baseline_rate(len(self.pairs)) if self.pairs else None

    def chart(self) -> CurveChart | None:
        """
        Draw the click rate over the searches, beside the baseline's.

        :returns: The chart; `None` before the first stretch is over.
        """
        if not self.curve:
            return None
        begins = [1, *(each.searches + 1 for each in self.curve)]
        live = [_point(first, each) for first, each in zip(begins, self.curve, strict=False)]
        baseline = [_point(1, each) for each in self.baseline_curve]
        curves = (Curve("searches with a click", tuple(live)), Curve("the baseline's, so far", tuple(baseline)))
        return CurveChart("Click rate", curves if baseline else curves[:1])

    def changed(self) -> tuple[str, int, str, str] | None:
        """
        Name the query, of those searched for most, whose pages begin with another document than the baseline's.

        :returns: The query, how often it was searched for, and the ids of the baseline's first document and of the
            document that was first on both of the last two pages; `None` if there is no such query.
        """
        known = [
            (pages.searches, query, pages.baseline, pages.live[-1])
            for query, pages in self._pages.items()
            if pages.baseline is not None and len(pages.live) == 2 and len(set(pages.live)) == 1
        ]
        known = [each for each in known if each[2] != each[3]]
        if not known:
            return None
        searches, query, was, now = max(known)
        return query, searches, was, now

    def verdict(self) -> str:
        """
        Say what came of it: of the second half, in which something could have been learned.

        :returns: Sentences with figures.
        """
        lost = f" The server did not take {_count(self.rejected, 'click', 'clicks')}." if self.rejected else ""
        return self._compared() + lost

    def _baseline_rate(self, at: int) -> Rate:
        return rate(sum(baseline for _, baseline in self.pairs), len(self.pairs), at)

    def _compared(self) -> str:
        late = self.pairs[len(self.pairs) // 2 :]
        if len(late) < LEAST_COMPARED:
            searches, clicks = _count(self.searches, "search", "searches"), _count(self.clicks, "click", "clicks")
            return f"{searches} with {clicks}; too few to compare them with the baseline."
        live, baseline = sum(pair[0] for pair in late), sum(pair[1] for pair in late)
        p = sign_test(sum(pair == (True, False) for pair in late), sum(pair == (False, True) for pair in late))
        found = (
            f"In the second half, people clicked on something in {live / len(late):.0%} of {len(late)} searches, and "
            f"on the baseline's pages for the same searches in {baseline / len(late):.0%}"
        )
        if p < CHANCE:
            side = "more often than on the baseline's" if live > baseline else "less often than on the baseline's"
            likely = "< 0.001" if p < 0.001 else f"= {p:.3f}"
            return f"{found}: {side}, beyond what chance makes likely (sign test, p {likely})."
        return f"{found}: that may be chance (sign test, p = {p:.2f}); a longer tour tells more."


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _point(first: int, one: Rate) -> Point:
    return Point(first, one.searches, None, ReportFigure(one.click_rate, one.low, one.high))
