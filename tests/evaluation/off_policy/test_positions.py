import random

import numpy as np
import pytest

from ltrr_haystack.evaluation.off_policy.positions import PRIOR, Kept, Replayed, estimate_slope


def kept(rewarded, stay=None, shown=None):
    """Of each page the rewarded documents that stay: their reward, and how far they move up."""
    each = np.array([(row, *pair) for row, page in enumerate(rewarded) for pair in page]).reshape(-1, 3)
    counts = [np.array(of or [0] * len(rewarded)) for of in (stay, shown)]
    return Kept(each[:, 0].astype(int), each[:, 1], each[:, 2], *counts)


def replays(eta, size, seed=3):
    """Half of the pages lose the first of two documents in the replay; the second is clicked by position."""
    rng = random.Random(seed)
    replayed, rewards = Replayed(), []
    for _ in range(size):
        full, drawn_again_full = rng.random() < 0.5, rng.random() < 0.5
        clicked = rng.random() < 0.8 * (0.5**eta if full else 1.0)
        rewards.append(float(clicked))
        reached = full or not drawn_again_full
        ratio = 2.0 if full and not drawn_again_full else 1.0
        weight = (2.0 if drawn_again_full else 1.0) * reached
        replayed.add(np.array([weight]), kept([[(1.0, ratio)] if clicked and reached else []]))
    return replayed, np.array(rewards)


class TestReplayed:
    def test_a_reward_is_worth_more_where_it_moves_up(self):
        replayed = Replayed()
        replayed.add(np.ones(2), kept([[(1.0, 2.0), (3.0, 1.0)], []]))
        replayed.add(np.ones(1), kept([[(1.0, 4.0)]]))
        assert replayed.rewards(0.0).tolist() == [4, 0, 1]
        assert replayed.rewards(1.0).tolist() == [5, 0, 4]
        assert replayed.rewards(0.5).tolist() == pytest.approx([2**0.5 + 3, 0, 2])

    def test_places_become_free_only_on_a_page_that_was_full(self):
        replayed = Replayed()
        replayed.add(np.ones(3), kept([[], [], []], stay=[2, 2, 4], shown=[4, 3, 4]))
        assert replayed.emptied(1.0, full=4).tolist() == pytest.approx([1 / 3 + 1 / 4, 0, 0])
        assert replayed.emptied(0.0, full=4).tolist() == [2, 0, 0]


class TestEstimateSlope:
    @pytest.mark.parametrize("eta", [0.0, 0.5, 1.0, 1.5])
    def test_finds_out_how_steeply_looks_thin_out(self, eta):
        found = estimate_slope(*replays(eta, 40_000))
        assert found.eta == pytest.approx(eta, abs=0.1)
        assert found.deviation < 0.1

    def test_stays_with_what_is_assumed_where_the_log_says_nothing(self):
        certain = Replayed()
        certain.add(np.ones(50), kept([[(1.0, 1.0)]] * 50))
        found = estimate_slope(certain, np.ones(50))
        assert found.eta == pytest.approx(PRIOR[0], abs=1e-6)
        assert 0.4 < found.deviation < 0.5
        unknown = Replayed()
        unknown.add(np.full(3, np.nan), kept([[]] * 3))
        nothing = estimate_slope(unknown, np.zeros(3))
        assert (nothing.eta, nothing.deviation) == PRIOR

    def test_a_short_log_moves_it_a_little(self):
        short, long = estimate_slope(*replays(0.0, 100)), estimate_slope(*replays(0.0, 10_000))
        assert long.deviation < short.deviation
        assert long.eta < short.eta
