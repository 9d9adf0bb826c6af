import json
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ltrr_haystack.errors import MissingExtraError, SnapshotError
from ltrr_haystack.ranking.features import FeatureSchema
from ltrr_haystack.ranking.model import RankingModel


class TestRankingModel:
    def test_comes_back_from_bytes_to_the_bit(self, model, examples):
        features = np.concatenate([example.features for example in examples(50, seed=3)])
        again = RankingModel.from_bytes(model.to_bytes())
        np.testing.assert_array_equal(again.scores(features), model.scores(features))
        assert again.schema == model.schema
        assert again.to_bytes() == model.to_bytes()

    def test_says_what_it_looks_at(self, model):
        assert next(iter(model.importance)) == "arm.dense.normalised"
        assert sum(model.importance.values()) == pytest.approx(1.0)

    def test_a_changed_byte_anywhere_is_noticed(self, model):
        payload = model.to_bytes()
        for place in range(0, len(payload), len(payload) // 97):
            damaged = bytearray(payload)
            damaged[place] ^= 1
            with pytest.raises(SnapshotError):
                RankingModel.from_bytes(bytes(damaged))

    @pytest.mark.parametrize("payload", [b"", b"\xff\xfe", b"tree", b"[]\n", b"{}\n", b"null"])
    def test_what_is_no_model_is_no_model(self, payload):
        with pytest.raises(SnapshotError, match=rf"these {len(payload)} bytes are no ranking model"):
            RankingModel.from_bytes(payload)

    def test_half_a_model_is_damaged(self, model):
        payload = model.to_bytes()
        with pytest.raises(SnapshotError, match="the ranking model is damaged"):
            RankingModel.from_bytes(payload[: len(payload) // 2])

    def test_a_format_of_the_future_is_named(self, model):
        first, _, rest = model.to_bytes().partition(b"\n")
        header = json.dumps({**json.loads(first), "format": "ltrr-ranker/2"}).encode()
        with pytest.raises(SnapshotError, match="has format 'ltrr-ranker/2', this version reads 'ltrr-ranker/1'"):
            RankingModel.from_bytes(header + b"\n" + rest)

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
            RankingModel.from_bytes(model.to_bytes())
