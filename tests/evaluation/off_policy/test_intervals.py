import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ltrr_haystack.evaluation.off_policy.intervals import (
    Estimate,
    bernstein_bound,
    effective_size,
    mean_interval,
    ratio_interval,
    threshold,
)

VALUES = arrays(np.float64, st.integers(2, 30), elements=st.floats(-5, 5, width=32))


class TestEffectiveSize:
    def test_equal_weights_count_in_full_and_one_large_weight_counts_as_one(self):
        assert effective_size(np.full(8, 2.5)) == pytest.approx(8)
        assert effective_size(np.array([100.0, 0.0, 0.0])) == pytest.approx(1)
        assert effective_size(np.array([3.0, 1.0])) == pytest.approx(16 / 10)
        assert effective_size(np.zeros(3)) == 0


class TestThreshold:
    @pytest.mark.parametrize(("freedom", "student"), [(10, 2.228), (30, 2.042), (100, 1.984), (10**9, 1.960)])
    def test_is_the_square_of_students_t_as_in_the_tables(self, freedom, student):
        assert math.sqrt(threshold(freedom + 1)) == pytest.approx(student, abs=5e-4)


class TestMeanInterval:
    def test_of_three_in_ten_is_where_the_likelihood_ratio_of_the_binomial_reaches_the_threshold(self):
        low, high = mean_interval(np.array([1.0] * 3 + [0.0] * 7))

        def lost(p):
            return 2 * (3 * math.log(0.3 / p) + 7 * math.log(0.7 / (1 - p)))

        assert low < 0.3 < high
        assert lost(low) == pytest.approx(threshold(10), abs=1e-4)
        assert lost(high) == pytest.approx(threshold(10), abs=1e-4)

    def test_of_what_never_happened_in_fifty_cases_ends_at_the_rule_of_three(self):
        nothing = np.zeros(50)
        assert mean_interval(nothing) == (0.0, 0.0)
        low, high = mean_interval(nothing, unseen=(0.0, 1.0))
        assert low == 0.0
        assert high == pytest.approx(1 - math.exp(-threshold(50) / 100))
        assert high == pytest.approx(0.0396, abs=1e-4)

    def test_an_unseen_value_makes_no_difference_where_much_was_seen(self):
        values = np.array([0.0, 1.0] * 500)
        assert mean_interval(values, unseen=(-2.0, 3.0)) == pytest.approx(mean_interval(values))

    def test_leans_to_the_side_of_the_long_tail(self):
        low, high = mean_interval(np.array([0.0] * 95 + [10.0] * 5))
        assert high - 0.5 > 1.3 * (0.5 - low)

    @given(VALUES)
    def test_holds_the_mean_and_stays_within_what_was_seen(self, values):
        low, high = mean_interval(values)
        slack = 1e-6
        assert values.min() - slack <= low <= values.mean() + slack
        assert values.mean() - slack <= high <= values.max() + slack

    @given(VALUES, st.floats(0.1, 10), st.floats(-3, 3))
    def test_moves_and_stretches_with_the_values(self, values, scale, shift):
        low, high = mean_interval(values)
        moved = mean_interval(values * scale + shift)
        assert moved == pytest.approx((low * scale + shift, high * scale + shift), abs=1e-5)


class TestRatioInterval:
    @given(VALUES, st.floats(0.5, 20))
    def test_is_that_of_the_mean_where_all_weights_are_equal(self, values, weight):
        ratio = ratio_interval(np.full(len(values), weight), values)
        assert ratio == pytest.approx(mean_interval(values), abs=1e-6)

    def test_decisions_without_weight_say_nothing_about_the_value(self):
        weights, values = np.array([1.0] * 20 + [0.0] * 80), np.array([1.0, 0.0] * 10 + [50.0] * 80)
        low, high = ratio_interval(weights, values)
        assert 0 < low < 0.5 < high < 1

    def test_a_large_weight_widens_it(self):
        values = np.array([1.0, 0.0] * 50)
        even, uneven = np.ones(100), np.array([1.0] * 98 + [30.0] * 2)
        narrow, wide = ratio_interval(even, values), ratio_interval(uneven, values)
        assert wide[1] - wide[0] > 2 * (narrow[1] - narrow[0])


class TestBernsteinBound:
    def test_of_a_hundred_tosses(self):
        # variance 25/99, ln(4/0.05) = 4.3820: √(2·0.25253·4.3820/100) + 7·4.3820/297 = 0.14877 + 0.10328
        assert bernstein_bound(np.array([0.0, 1.0] * 50), 0.0, 1.0) == pytest.approx(0.25205, abs=1e-4)


class TestEstimate:
    def test_another_uncertainty_adds_up_by_squares(self):
        wider = Estimate(1.0, 1.0 - 0.3, 1.0 + 0.4).widened(0.4 / 1.959964)
        assert (wider.low, wider.high) == pytest.approx((0.5, 1 + 0.4 * math.sqrt(2)))

    def test_what_may_be_missing_raises_the_upper_end_alone(self):
        wider = Estimate(1.0, 0.5, 1.5).widened(0.0, unseen=0.25)
        assert (wider.mean, wider.low, wider.high) == (1.0, 0.5, 1.75)
