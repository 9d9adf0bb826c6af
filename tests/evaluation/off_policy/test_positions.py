import random

import numpy as np
import pytest

from ltrr_haystack.evaluation.off_policy.positions import PRIOR, Kept, Replayed, estimate_slope


def replays(eta, size, seed=3):
    """Half of the pages lose the first of two documents in the replay; the second is clicked by position."""
    rng = random.Random(seed)
    replayed, rewards = Replayed(), []
    for _ in range(size):
        full, drawn_again_full = rng.random() < 0.5, rng.random() < 0.5
        clicked = rng.random() < 0.8 * (0.5**eta if full else 1.0)
        rewards.append(float(clicked))
        reached = full or not drawn_again_full
        replayed.weights.append((2.0 if drawn_again_full else 1.0) * reached)
        ratio = 2.0 if full and not drawn_again_full else 1.0
        replayed.kept.append(Kept(((1.0, ratio),)) if clicked and reached else Kept())
    return replayed, np.array(rewards)


class TestReplayed:
    def test_a_reward_is_worth_more_where_it_moves_up(self):
        replayed = Replayed([1.0, 1.0, 1.0], [Kept(((1.0, 2.0), (3.0, 1.0))), Kept(), Kept(((1.0, 4.0),))])
        assert replayed.rewards(0.0).tolist() == [4, 0, 1]
        assert replayed.rewards(1.0).tolist() == [5, 0, 4]
        assert replayed.rewards(0.5).tolist() == pytest.approx([2**0.5 + 3, 0, 2])

    def test_places_become_free_only_on_a_page_that_was_full(self):
        replayed = Replayed([1.0] * 3, [Kept((), 2, 4), Kept((), 2, 3), Kept((), 4, 4)])
        assert replayed.emptied(1.0, full=4).tolist() == pytest.approx([1 / 3 + 1 / 4, 0, 0])
        assert replayed.emptied(0.0, full=4).tolist() == [2, 0, 0]


class TestEstimateSlope:
    @pytest.mark.parametrize("eta", [0.0, 0.5, 1.0, 1.5])
    def test_finds_out_how_steeply_looks_thin_out(self, eta):
        found = estimate_slope(*replays(eta, 40_000))
        assert found.eta == pytest.approx(eta, abs=0.1)
        assert found.deviation < 0.1

    def test_stays_with_what_is_assumed_where_the_log_says_nothing(self):
        certain = Replayed([1.0] * 50, [Kept(((1.0, 1.0),))] * 50)
        found = estimate_slope(certain, np.ones(50))
        assert found.eta == pytest.approx(PRIOR[0], abs=1e-6)
        assert 0.4 < found.deviation < 0.5
        nothing = estimate_slope(Replayed([np.nan] * 3, [Kept()] * 3), np.zeros(3))
        assert (nothing.eta, nothing.deviation) == PRIOR

    def test_a_short_log_moves_it_a_little(self):
        short, long = estimate_slope(*replays(0.0, 100)), estimate_slope(*replays(0.0, 10_000))
        assert long.deviation < short.deviation
        assert long.eta < short.eta
