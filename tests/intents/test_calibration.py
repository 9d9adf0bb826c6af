import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ltrr_haystack.intents.calibration import CalibrationBin, calibration_bins, expected_calibration_error


class TestWorkedByHand:
    """Five queries in three bins, the last of which has a query that is half after its likeliest category."""

    CONFIDENCES = np.array([0.55, 0.61, 0.69, 0.92, 1.0])
    HITS = np.array([1.0, 1.0, 0.0, 1.0, 0.5])

    def test_bins(self):
        assert calibration_bins(self.CONFIDENCES, self.HITS) == (
            CalibrationBin(0.5, 0.6, 1, 0.55, 1.0),
            CalibrationBin(0.6, 0.7, 2, pytest.approx(0.65), 0.5),
            CalibrationBin(0.9, 1.0, 2, pytest.approx(0.96), 0.75),
        )

    def test_the_error_is_the_mean_distance_of_confidence_and_accuracy(self):
        bins = calibration_bins(self.CONFIDENCES, self.HITS)
        assert expected_calibration_error(bins) == pytest.approx((1 * 0.45 + 2 * 0.15 + 2 * 0.21) / 5)

    def test_a_bound_belongs_to_the_bin_above_it(self):
        assert [each.low for each in calibration_bins(np.array([0.5, 0.25]), np.ones(2), bins=4)] == [0.25, 0.5]


def test_of_no_queries_there_is_no_error():
    assert calibration_bins(np.zeros(0), np.zeros(0)) == ()
    assert expected_calibration_error(()) == 0.0


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=12), st.integers(1, 20))
def test_every_query_is_in_one_bin_within_its_bounds(queries, number):
    confidences, hits = (np.array(each) for each in zip(*queries, strict=True))
    bins = calibration_bins(confidences, hits, number)
    assert sum(each.queries for each in bins) == len(queries)
    assert all(each.low - 1e-9 <= each.confidence <= each.high + 1e-9 for each in bins)
    assert 0.0 <= expected_calibration_error(bins) <= 1.0 + 1e-9
