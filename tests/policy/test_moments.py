import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.errors import SnapshotError
from ltrr_haystack.policy.moments import HALF_LIFE, Moments


def moments(*values):
    made = Moments()
    for value in values:
        made.add(value)
    return made


def weighted(values):
    """Mean and standard error by the book: each weighs half after another `HALF_LIFE`, the effective size is Kish's."""
    weights = 0.5 ** (np.arange(len(values))[::-1] / HALF_LIFE)
    mean = np.average(values, weights=weights)
    size = weights.sum() ** 2 / (weights**2).sum()
    return mean, math.sqrt(np.average((values - mean) ** 2, weights=weights) / (size - 1))


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=200))
def test_mean_and_error_are_the_weighted_ones(values):
    made, (mean, error) = moments(*values), weighted(np.array(values))
    assert made.mean == pytest.approx(mean, abs=1e-9)
    assert made.standard_error() == pytest.approx(error, abs=1e-6)


def test_another_value_is_looked_at_and_not_taken_in():
    made = moments(1.0, 2.0, 4.0)
    before = made.to_dict()
    mean, error = made.with_one_more(-1.0)
    assert mean == pytest.approx(6 / 4, rel=1e-2)
    assert error == pytest.approx(math.sqrt((0.5**2 + 0.5**2 + 2.5**2 + 2.5**2) / 4 / 3), rel=1e-2)
    assert made.to_dict() == before


def test_little_says_nothing_of_the_error():
    assert Moments().standard_error() is None
    assert moments(3.0).standard_error() is None
    assert Moments().with_one_more(-1.0) == (-1.0, 0.0)


def test_goes_through_json_and_on_as_if_nothing_had_been():
    one = moments(1.0, 5.0)
    other = Moments.from_dict(json.loads(json.dumps(one.to_dict())))
    one.add(2.0)
    other.add(2.0)
    assert other.to_dict() == one.to_dict()


def test_a_state_of_another_make_is_refused():
    state = moments(1.0).to_dict()
    del state["squares"]
    with pytest.raises(SnapshotError, match="lacks squares"):
        Moments.from_dict(state)
