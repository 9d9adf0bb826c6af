from dataclasses import replace

import numpy as np
import pytest

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.ranking.examples import Example
from ltrr_haystack.ranking.features import FeatureSchema
from ltrr_haystack.ranking.fitting import TrainingSettings, fit

SCHEMA = FeatureSchema(("good", "bad"))


def example(rewards, *, good, shown=None, number=0):
    rows = len(rewards)
    return Example(
        f"query {number}",
        np.column_stack([good, np.zeros(rows)]),
        np.arange(1, rows + 1, dtype=np.int32),
        np.array(rewards, dtype=float),
        np.ones(rows, dtype=bool) if shown is None else np.array(shown),
    )


class TestFit:
    def test_learns_what_the_union_does_not_know(self, world, model, true_ndcg):
        """The union's order .57, the model .89, for which what was not shown is irrelevant."""
        people = world.visits(200, seed=9)
        assert true_ndcg(None, people) == pytest.approx(0.57, abs=0.05)
        assert true_ndcg(model, people) > 0.85

    def test_clicks_that_only_follow_the_union_leave_its_order(self, world, searched, examples, quick):
        """Every document is as good as any, and people look at the first places: no reason for another order."""
        learned = fit(examples(600, seed=4, queries=600, blind=True, explored=False), searched, quick, seed=0)
        for page in examples(30, seed=5, explored=False):
            order = np.argsort(-learned.scores(page.features, page.places), kind="stable")
            assert np.abs(order - np.arange(16)).mean() < 2

    def test_the_same_examples_and_seed_give_the_same_model(self, searched, examples, quick):
        pages = examples(100, seed=1)
        first, again = (fit(pages, searched, quick, seed=3) for _ in range(2))
        assert first.trees == again.trees

    def test_learns_from_a_share_of_what_was_not_shown(self):
        """All that was shown was clicked; only by those not shown can it be learned that `good` is good."""
        pages = [
            example([1, 1, 0, 0], good=[0.9, 0.8, 0.1, 0.2], shown=[True, True, False, False], number=number)
            for number in range(100)
        ]
        settings = TrainingSettings(rounds=20, min_leaf=10, feature_fraction=1.0)
        learned = {share: fit(pages, SCHEMA, replace(settings, unshown_share=share), 0) for share in (0, 0.3, 1)}
        features = np.array([[0.9, 0.0], [0.1, 0.0]])
        gaps = {share: -np.diff(model.scores(features, [1, 1]))[0] for share, model in learned.items()}
        assert gaps[0] == 0.0
        assert min(gaps[0.3], gaps[1]) > 1.0
        assert learned[0.3].trees != learned[1].trees

    def test_a_page_with_little_shown_and_nothing_else_counted_is_no_trouble(self):
        """Without the documents that were not shown, a page may have a single row, or none."""
        pages = [
            example([1, 0], good=[0.9, 0.1], shown=[True, False]),
            *(example([1, 0, 0], good=[0.9, 0.1, 0.5], number=number) for number in range(1, 50)),
        ]
        settings = TrainingSettings(rounds=5, min_leaf=5, unshown_share=0.0)
        assert fit(pages, SCHEMA, settings, seed=0).scores(np.zeros((1, 2)), [1]).shape == (1,)

    def test_a_monotone_feature_never_counts_the_other_way(self):
        """What was clicked had less of it: told that more is no worse, the model does not use it."""
        pages = [example([1, 0, 0], good=[0.1, 0.5, 0.9], number=number) for number in range(100)]
        settings = TrainingSettings(rounds=20, min_leaf=10, feature_fraction=1.0)
        features = np.array([[0.1, 0.0], [0.9, 0.0]])
        free = fit(pages, SCHEMA, settings, 0).scores(features, [1, 1])
        constrained = FeatureSchema(("good.increasing", *SCHEMA.names[1:]))
        held = fit(pages, constrained, settings, 0).scores(features, [1, 1])
        assert free[0] > free[1]
        assert held[0] <= held[1]


class TestTrainingSettings:
    @pytest.mark.parametrize(
        "setting",
        [
            {"folds": 1},
            {"max_per_query": 0},
            {"rounds": 0},
            {"leaves": 1},
            {"min_leaf": 0},
            {"learning_rate": 0.0},
            {"feature_fraction": 0.0},
            {"feature_fraction": 1.1},
            {"unshown_share": -0.1},
            {"unshown_share": 1.1},
        ],
    )
    def test_refuses_what_cannot_train(self, setting):
        with pytest.raises(ConfigurationError, match=next(iter(setting))):
            TrainingSettings(**setting)
