import pytest

from factories import settled
from ltrr_haystack.evaluation.report.exploration import exploration
from ltrr_haystack.evaluation.report.reading import Reading

FIXED = ((1.0, 1.0), (1.0, 1.0), (1.0, 1.0))
DRAWN = ((1.0, 1.0), (0.75, 1.0), (0.5, 0.75))
BELOW = ((1.0, 1.0), (0.75, 1.0), (0.25, 0.375))
"""Of these pages the third document was to be shown with the probability 3/8."""


@pytest.fixture
def searched(log):
    """A search that shows a, b and c."""

    def of(number, propensities=(), rewards=None):
        return settled(log.ranking(log.decision(number), ("a", "b", "c"), propensities=propensities), rewards, number)

    return of


def rows_of(*searches):
    return {row[0].strip(): row[1:] for row in exploration(Reading.of(searches)).grids[0].rows}


def test_what_chance_put_on_the_pages(searched):
    rows = rows_of(
        searched(1),
        searched(2, FIXED),
        searched(3, DRAWN, {"c": 1.0}),
        searched(4, BELOW),
        searched(5, BELOW, {"c": 1.0}),
    )
    assert rows == {
        "searches whose lower places were drawn by chance": ("3", "60.0%"),
        "with a document from below the page at one of them": ("2", "40.0%"),
        "which was clicked": ("1", "50.0%"),
    }


def test_a_click_elsewhere_on_the_page_is_none_on_what_came_from_below(searched):
    rows = rows_of(searched(1, BELOW, {"a": 1.0, "c": -1.0}))
    assert rows["which was clicked"] == ("0", "0.0%")


def test_the_shares_are_followed_over_the_log(searched):
    (chart,) = exploration(Reading.of(searched(n, DRAWN if n > 25 else ()) for n in range(1, 51))).charts
    assert [[point.estimate.value for point in curve.points] for curve in chart.curves] == [[0.0, 1.0], [0.0, 0.0]]


def test_without_exploration_there_is_nothing_to_draw(searched):
    section = exploration(Reading.of([searched(1)]))
    assert section.charts == ()
    assert section.grids[0].rows == ()
