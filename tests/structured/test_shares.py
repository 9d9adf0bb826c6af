import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.structured.shares import shares


@pytest.mark.parametrize(
    ("total", "weights", "expected"),
    [
        (10, [0.6, 0.3, 0.1], [6, 3, 1]),
        (10, [1, 1, 1], [4, 3, 3]),
        (5, [0.55, 0.25, 0.2], [3, 1, 1]),  # quotas 2.75, 1.25, 1.0
        (1, [0.4, 0.6], [0, 1]),
        (0, [0.4, 0.6], [0, 0]),
        (7, [0.0, 0.0], [0, 0]),
        (7, [], []),
    ],
)
def test_are_those_of_the_largest_remainder(total, weights, expected):
    assert shares(total, weights) == expected


@given(st.integers(0, 1000), st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=8))
def test_sum_to_the_whole_and_are_within_one_of_the_quota(total, weights):
    given_out = shares(total, weights)
    assert sum(given_out) == total
    for share, weight in zip(given_out, weights, strict=True):
        assert abs(share - total * weight / sum(weights)) < 1 + 1e-6
