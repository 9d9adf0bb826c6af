import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ltrr_haystack.errors import MissingExtraError, SnapshotError
from ltrr_haystack.ranking.features import FeatureSchema
from ltrr_haystack.ranking.model import RankingModel


class TestRankingModel:
    def test_trees_and_schema_are_all_there_is_to_it(self, model, examples):
        features = np.concatenate([example.features for example in examples(50, seed=3)])
        again = RankingModel(model.schema, model.trees)
        np.testing.assert_array_equal(again.scores(features), model.scores(features))

    def test_says_what_it_looks_at(self, model):
        assert next(iter(model.importance)).startswith("arm.dense.")
        assert sum(model.importance.values()) == pytest.approx(1.0)
        shares = list(model.importance.values())
        assert shares == sorted(shares, reverse=True)

    def test_trees_and_schema_must_be_of_a_size(self, model):
        with pytest.raises(SnapshotError, match=r"and its schema \w+ names 2"):
            RankingModel(FeatureSchema(("fused", "arms")), model.trees)

    def test_text_that_is_no_model_is_refused_by_lightgbm(self, schema):
        with pytest.raises(SnapshotError, match="LightGBM cannot read the ranking model"):
            RankingModel(schema, "hello")

    def test_many_threads_get_the_scores_of_one(self, model, examples):
        pages = [example.features for example in examples(200, seed=3)]
        expected = [model.scores(page).tolist() for page in pages]
        with ThreadPoolExecutor(8) as pool:
            assert [scores.tolist() for scores in pool.map(model.scores, pages * 5)] == expected * 5

    def test_without_lightgbm_it_says_how_to_get_it(self, model, monkeypatch):
        monkeypatch.setitem(sys.modules, "lightgbm", None)
        with pytest.raises(MissingExtraError, match=r'pip install "ltrr-haystack\[ranking\]"'):
            RankingModel(model.schema, model.trees)
