import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.evaluation.report.scales import drawable, scale

FIGURES = st.floats() | st.sampled_from([0.0, -0.0, 5e-324, 1e12, -1e12])


@pytest.mark.parametrize(
    ("values", "options", "ticks", "labels"),
    [
        ([0.12, 0.43], {"zero": True}, [0.0, 0.1, 0.2, 0.3, 0.4, 0.5], ["0%", "10%", "20%", "30%", "40%", "50%"]),
        ([-0.3, 0.1], {}, [-0.3, -0.2, -0.1, 0.0, 0.1], ["-30%", "-20%", "-10%", "0%", "10%"]),
        ([0.0, 0.011], {}, [0.0, 0.0025, 0.005, 0.0075, 0.01, 0.0125], None),
    ],
)
def test_ticks_are_round_and_labels_have_the_digits_that_they_need(values, options, ticks, labels):
    axis = scale(values, 0, 100, **options)
    assert axis.ticks == pytest.approx(ticks)
    assert labels is None or [axis.label(tick, percent=True) for tick in axis.ticks] == labels


def test_counts_have_whole_ticks_and_end_with_the_last_one():
    axis = scale([10, 730], 0, 100, zero=True, whole=True)
    assert (axis.ticks, axis(730), axis(0)) == ([0, 200, 400, 600], 100, 0)
    assert scale([1, 2], 0, 100, zero=True, whole=True).ticks == [0, 1, 2]


def test_figures_are_placed_in_proportion_and_upwards_where_the_axis_goes_up():
    axis = scale([0.0, 2.0], 100, 0)
    assert [axis(value) for value in (0.0, 0.5, 2.0)] == [100, 75, 0]


def test_thousands_are_set_apart():
    axis = scale([0, 20_000], 0, 100)
    assert axis.label(axis.ticks[-1]) == "20,000"


@given(st.lists(FIGURES, max_size=8), st.booleans(), st.booleans())
def test_whatever_the_figures_there_are_few_ticks_within_the_axis(values, zero, whole):
    axis = scale(values, 10, 90, zero=zero, whole=whole)
    assert axis.low < axis.high
    assert len(axis.ticks) <= 12
    assert all(10 <= axis(value) <= 90 for value in [*axis.ticks, *filter(drawable, values)])
    assert all(math.isfinite(tick) and axis.label(tick) for tick in axis.ticks)
