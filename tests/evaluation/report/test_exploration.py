from dataclasses import replace

import pytest

from ltrr_haystack.evaluation.report.exploration import exploration
from ltrr_haystack.evaluation.report.reading import Reading

FIXED = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
DRAWN = ((1.0, 0.0, 0.0), (0.0, 0.75, 0.25), (0.0, 0.125, 0.25))


@pytest.fixture
def searched(log):
    """A search that shows a, b and c; the ranking model had them at the places given."""

    def of(number, propensities=(), places=(1, 2, 3), rewards=None):
        made = log.settled(number, rewards, shown=("a", "b", "c"))
        impressions = [
            replace(each, model_place=place, propensities=propensities[row] if propensities else ())
            for row, (each, place) in enumerate(zip(made.impressions, places, strict=True))
        ]
        return replace(made, impressions=tuple(impressions))

    return of


def rows_of(*settled):
    return {row[0].strip(): row[1:] for row in exploration(Reading.of(settled)).grids[0].rows}


def test_what_chance_put_on_the_pages(searched):
    rows = rows_of(
        searched(1),
        searched(2, FIXED, places=(1, 2, 9)),
        searched(3, DRAWN),
        searched(4, DRAWN, places=(1, 2, 9)),
        searched(5, DRAWN, places=(1, 2, 9), rewards={"c": 1.0}),
    )
    assert rows == {
        "searches whose lower places were drawn by chance": ("3", "60.0%"),
        "with a document from below the page at one of them": ("2", "40.0%"),
        "which was clicked": ("1", "50.0%"),
    }


def test_what_memory_brought_to_a_fixed_place_was_not_drawn(searched):
    rows = rows_of(searched(1, DRAWN, places=(9, 1, 2)))
    assert rows["with a document from below the page at one of them"] == ("0", "0.0%")


def test_a_click_elsewhere_on_the_page_is_none_on_what_came_from_below(searched):
    rows = rows_of(searched(1, DRAWN, places=(1, 2, 9), rewards={"a": 1.0, "c": -1.0}))
    assert rows["which was clicked"] == ("0", "0.0%")


def test_the_shares_are_followed_over_the_log(searched):
    (chart,) = exploration(Reading.of(searched(n, DRAWN if n > 25 else ()) for n in range(1, 51))).charts
    assert [[point.estimate.value for point in curve.points] for curve in chart.curves] == [[0.0, 1.0], [0.0, 0.0]]


def test_without_exploration_there_is_nothing_to_draw(searched):
    section = exploration(Reading.of([searched(1)]))
    assert section.charts == ()
    assert section.grids[0].rows == ()
