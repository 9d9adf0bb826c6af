import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.evaluation.off_policy.estimators import (
    CONTRIBUTIONS,
    Sample,
    clipped_ips,
    doubly_robust,
    gain,
    ips,
    snips,
)

FOUR = Sample(
    weights=np.array([0.0, 2.0, 4.0, 0.0]),
    outcomes=np.array([1.0, 1.0, 0.5, 0.0]),
    predicted=np.array([0.25, 0.25, 0.25, 0.25]),
    planned=np.array([0.5, 0.5, 0.5, 0.5]),
    unseen=(0.0, 1.0),
)


class TestByHand:
    def test_ips_is_the_mean_of_the_weighted_outcomes(self):
        assert ips(FOUR).mean == (0 + 2 + 2 + 0) / 4

    def test_clipped_ips_cuts_weights_at_the_root_of_their_number(self):
        assert clipped_ips(FOUR).mean == (0 + 2 * 1 + 2 * 0.5 + 0) / 4

    def test_snips_divides_by_the_weights(self):
        assert snips(FOUR).mean == pytest.approx(4 / 6)

    def test_doubly_robust_corrects_the_model_where_it_was_wrong(self):
        assert doubly_robust(FOUR).mean == pytest.approx((0.5 + (0.5 + 2 * 0.75) + (0.5 + 4 * 0.25) + 0.5) / 4)

    def test_doubly_robust_needs_a_model(self):
        with pytest.raises(ValueError, match="needs predictions"):
            doubly_robust(Sample(FOUR.weights, FOUR.outcomes))

    def test_gain_is_the_estimate_less_what_was_logged(self):
        logged = np.array([0.0, 1.0, 0.5, 0.5])
        assert gain("ips", FOUR, logged).mean == pytest.approx(1 - 0.5)
        assert gain("snips", FOUR, logged).mean == pytest.approx(4 / 6 - 0.5)
        assert gain("dr", FOUR, logged).mean == pytest.approx(1.125 - 0.5)


class TestClippedIps:
    def test_counts_the_weight_that_was_cut_as_the_least_and_as_the_most(self):
        # 10,000 decisions, one weight of 10,000 cut at 100: 0.99 of the weight is missing, and may be worth 0 or 1.
        weights, outcomes = np.zeros(10_000), np.zeros(10_000)
        weights[0], outcomes[0] = 10_000.0, 1.0
        found = clipped_ips(Sample(weights, outcomes, unseen=(0.0, 1.0)))
        assert found.mean == pytest.approx(0.01)
        assert found.low == 0.0
        assert found.high == 1.0

    def test_covers_the_truth_from_the_few_decisions_of_a_small_log(self):
        rng = np.random.default_rng(3)
        covered = 0
        for _ in range(200):
            drawn = rng.random(60) < 0.1
            outcomes = (rng.random(60) < 0.5).astype(float)
            found = clipped_ips(Sample(drawn / 0.1, outcomes, unseen=(0.0, 1.0)))
            covered += found.low <= 0.5 <= found.high
        assert covered == 200


class TestInvariants:
    @given(st.lists(st.floats(0, 3, width=32), min_size=2, max_size=40))
    def test_under_weights_of_one_all_are_the_mean(self, outcomes):
        values = np.array(outcomes)
        sample = Sample(np.ones(len(values)), values, values / 2, values / 2, (0.0, 3.0))
        for estimate in (ips, snips, doubly_robust, clipped_ips):
            found = estimate(sample)
            assert found.mean == pytest.approx(values.mean())
            assert found.low <= found.mean + 1e-9
            assert found.high >= found.mean - 1e-9
        for name in CONTRIBUTIONS:
            assert gain(name, sample, values).mean == pytest.approx(0, abs=1e-9)

    @given(st.floats(-5, 5))
    def test_snips_and_doubly_robust_move_with_the_outcomes(self, shift):
        moved = Sample(
            FOUR.weights, FOUR.outcomes + shift, FOUR.predicted + shift, FOUR.planned + shift, (shift, 1 + shift)
        )
        assert snips(moved).mean == pytest.approx(snips(FOUR).mean + shift)
        assert doubly_robust(moved).mean == pytest.approx(doubly_robust(FOUR).mean + shift)

    def test_what_is_alike_in_target_and_log_drops_out_of_the_gain(self):
        rng = np.random.default_rng(5)
        outcomes = rng.normal(0, 10, 500)
        found = gain("snips", Sample(np.ones(500), outcomes + 0.1), outcomes)
        assert (found.low, found.high) == pytest.approx((0.1, 0.1), abs=1e-6)


def test_a_target_that_was_never_rewarded_has_an_interval_all_the_same():
    weights = np.array([10.0] * 20 + [0.0] * 180)
    found = snips(Sample(weights, np.zeros(200), unseen=(0.0, 1.0)))
    assert found.mean == 0
    assert 0.05 < found.high < 0.25
    assert not math.isnan(found.low)
