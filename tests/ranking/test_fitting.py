from dataclasses import replace

import numpy as np
import pytest

from factories import judged_query
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.ranking.features import FeatureSchema
from ltrr_haystack.ranking.fitting import TrainingSettings, fit
from ltrr_haystack.ranking.judged_queries import MAX_REWARD

SCHEMA = FeatureSchema(("good", "bad"))


def known(grades, *, good, number=0):
    return judged_query(f"query {number}", np.column_stack([good, np.zeros(len(good))]), grades=grades)


class TestFit:
    def test_learns_what_the_union_does_not_know(self, world, model, true_ndcg):
        """The union's order .57, the model .89, for which what was not shown is irrelevant."""
        people = world.visits(200, seed=9)
        assert true_ndcg(None, people) == pytest.approx(0.57, abs=0.05)
        assert true_ndcg(model, people) > 0.85

    def test_clicks_that_only_follow_the_union_leave_its_order(self, searched, known_queries, quick):
        """Every document is as good as any, and people look at the first places: no reason for another order."""
        learned = fit(known_queries(600, seed=4, queries=600, blind=True, explored=False), searched, quick, seed=0)
        for query in known_queries(30, seed=5, explored=False):
            order = np.argsort(-learned.scores(query.features, query.places), kind="stable")
            assert np.abs(order - np.arange(16)).mean() < 2

    def test_the_same_queries_and_seed_give_the_same_model(self, searched, known_queries, quick):
        queries = known_queries(100, seed=1)
        first, again = (fit(queries, searched, quick, seed=3) for _ in range(2))
        assert first.trees == again.trees

    def test_the_higher_the_reward_per_look_the_higher_the_score(self):
        """`good` goes with a grade that a click or none could not tell apart: .1, .3 and .8 per look."""
        queries = [known([0.1, 0.3, 0.8], good=[0.2, 0.5, 0.9], number=number) for number in range(100)]
        settings = TrainingSettings(rounds=20, min_leaf=10, feature_fraction=1.0)
        low, middle, high = fit(queries, SCHEMA, settings, 0).scores(np.array([[0.2, 0], [0.5, 0], [0.9, 0]]), [1] * 3)
        assert low < middle < high

    def test_what_few_documents_say_counts_for_less(self):
        """300 documents, of which a leaf of 100 is drawn towards its parent by half, and another to nothing at all."""
        queries = [known([0.1, 0.3, 0.8], good=[0.2, 0.5, 0.9], number=number) for number in range(100)]

        def learned(smooth):
            settings = TrainingSettings(rounds=1, leaves=2, min_leaf=10, feature_fraction=1.0, path_smooth=smooth)
            low, high = fit(queries, SCHEMA, settings, 0).scores(np.array([[0.2, 0], [0.9, 0]]), [1, 1])
            return high - low

        assert learned(100.0) < 0.75 * learned(0.0)
        assert 0.0 < learned(1e9) < 1e-3 * learned(0.0)

    def test_who_searches_for_what_nobody_else_does_has_no_more_say(self):
        """Thirty queries of one search each say that `good` is bad, ten of thirty searches each that it is good."""
        odd = [known([0.5, 0.0], good=[0.1, 0.9], number=number) for number in range(30)]
        common = [replace(known([0.0, 0.5], good=[0.1, 0.9], number=number), weight=30) for number in range(30, 40)]
        settings = TrainingSettings(rounds=20, min_leaf=10, feature_fraction=1.0)
        features = np.array([[0.1, 0.0], [0.9, 0.0]])
        low, high = fit([*odd, *common], SCHEMA, settings, 0).scores(features, [1, 1])
        assert high > low
        low, high = fit([*odd, *[replace(each, weight=1) for each in common]], SCHEMA, settings, 0).scores(
            features, [1, 1]
        )
        assert high < low

    def test_what_the_union_knows_already_the_trees_leave_alone(self):
        """`good` goes with the grades. Where the union's order does so, too, there is less for the trees to add."""
        grades, good = [0.1, 0.3, 0.8], [0.2, 0.5, 0.9]
        settings = TrainingSettings(rounds=20, min_leaf=10, feature_fraction=1.0)

        def added(places):
            rows = np.column_stack([good, np.zeros(3)])
            queries = [judged_query(f"query {number}", rows, places=places, grades=grades) for number in range(100)]
            return np.ptp(fit(queries, SCHEMA, settings, 0).scores(rows, [1, 1, 1]))

        assert added([3, 2, 1]) < 0.9 * added([1, 2, 3])

    def test_the_most_a_look_can_earn_is_a_grade(self):
        queries = [known([0.0, MAX_REWARD], good=[0.1, 0.9], number=number) for number in range(50)]
        assert fit(queries, SCHEMA, TrainingSettings(rounds=2, min_leaf=5), 0).scores(np.zeros((1, 2)), [1]).shape == (
            1,
        )

    def test_a_monotone_feature_never_counts_the_other_way(self):
        """What was clicked had less of it: told that more is no worse, the model does not use it."""
        queries = [known([1, 0, 0], good=[0.1, 0.5, 0.9], number=number) for number in range(100)]
        settings = TrainingSettings(rounds=20, min_leaf=10, feature_fraction=1.0)
        features = np.array([[0.1, 0.0], [0.9, 0.0]])
        free = fit(queries, SCHEMA, settings, 0).scores(features, [1, 1])
        constrained = FeatureSchema(("good.increasing", *SCHEMA.names[1:]))
        held = fit(queries, constrained, settings, 0).scores(features, [1, 1])
        assert free[0] > free[1]
        assert held[0] <= held[1]


class TestTrainingSettings:
    @pytest.mark.parametrize(
        "setting",
        [
            {"folds": 1},
            {"rounds": 0},
            {"leaves": 1},
            {"min_leaf": 0},
            {"learning_rate": 0.0},
            {"feature_fraction": 0.0},
            {"feature_fraction": 1.1},
            {"path_smooth": -1.0},
            {"min_leaf": 1},
        ],
    )
    def test_refuses_what_cannot_train(self, setting):
        with pytest.raises(ConfigurationError, match=next(iter(setting))):
            TrainingSettings(**setting)
