import numpy as np
import pytest

from ltrr_haystack.evaluation.off_policy.reward_model import RewardRegression
from ltrr_haystack.evaluation.off_policy.terms import Terms
from ltrr_haystack.types import Features


def terms(**columns):
    """Columns of (arm, level): `bm25_10=[…]`."""
    made = Terms()
    parted = {(name.split("_")[0], int(name.split("_")[1])): np.array(of, dtype=float) for name, of in columns.items()}
    made.add(max(map(len, parted.values())), parted)
    return made


def log(size=600, seed=1):
    rng = np.random.default_rng(seed)
    kinds = rng.integers(2, size=size)
    ran = rng.integers(2, size=size)
    features = [Features(query={"type": ("navigational", "topical")[kind]}) for kind in kinds]
    return features, terms(bm25_10=ran), kinds, ran, rng


class TestRewardModel:
    def test_learns_what_an_arm_adds_for_which_kind_of_query(self):
        features, drawn, kinds, ran, rng = log()
        rewards = 0.2 + ran * (1 - kinds) * 0.6 + rng.normal(0, 0.05, len(ran))
        model = RewardRegression(features, drawn, rewards)
        always, never = (model.predict(terms(bm25_10=[share] * 600)) for share in (1.0, 0.0))
        assert always[kinds == 0].mean() == pytest.approx(0.8, abs=0.03)
        assert always[kinds == 1].mean() == pytest.approx(0.2, abs=0.03)
        assert never.mean() == pytest.approx(0.2, abs=0.03)

    def test_of_a_draw_at_random_it_predicts_the_expectation(self):
        features, drawn, kinds, ran, _ = log()
        model = RewardRegression(features, drawn, ran * (1.0 - kinds))
        always, never, half = (model.predict(terms(bm25_10=[share] * 600)) for share in (1.0, 0.0, 0.5))
        assert half == pytest.approx((always + never) / 2)

    def test_never_saw_the_decision_that_it_predicts(self):
        features, drawn, _, ran, _ = log()
        one, other = ran.astype(float), ran.astype(float)
        other[17] = 1000.0
        before, after = (RewardRegression(features, drawn, rewards).predict(drawn) for rewards in (one, other))
        same_fold = np.arange(600) % 5 == 17 % 5
        assert after[same_fold] == pytest.approx(before[same_fold])
        assert np.abs(after - before)[~same_fold].min() > 0.01

    def test_what_an_arm_earned_before_counts(self):
        rng = np.random.default_rng(2)
        earned = rng.random(500)
        features = [Features(history={"bm25": {"ctr": each}}) for each in earned]
        ran = rng.integers(2, size=500)
        predicted = RewardRegression(features, terms(bm25_10=ran), earned * ran).predict(terms(bm25_10=[1.0] * 500))
        assert np.corrcoef(predicted, earned)[0, 1] > 0.95

    def test_a_handful_of_decisions_is_enough_not_to_fail(self):
        features, drawn, *_ = log(2)
        assert RewardRegression(features, drawn, np.array([1.0, 0.0])).predict(drawn).shape == (2,)

    def test_a_level_that_was_never_logged_is_left_out(self):
        features, drawn, _, ran, _ = log(50)
        model = RewardRegression(features, drawn, ran.astype(float))
        deeper = model.predict(terms(bm25_10=[1.0] * 50, bm25_30=[1.0] * 50))
        assert deeper == pytest.approx(model.predict(terms(bm25_10=[1.0] * 50)))
