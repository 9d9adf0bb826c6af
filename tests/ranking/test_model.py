import json
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ltrr_haystack.errors import DamagedSnapshotError, MissingExtraError, SnapshotError
from ltrr_haystack.ranking.features import FeatureSchema
from ltrr_haystack.ranking.model import RankingModel, start_scores


def scores_of(model, page):
    return model.scores(page.features, page.places)


class TestStartScores:
    def test_by_hand(self):
        assert start_scores([1, 3, 7]).tolist() == pytest.approx([-np.log(2), -np.log(4), -np.log(8)])


class TestScores:
    def test_trees_and_schema_are_all_there_is_to_it(self, model, known_queries):
        (page, *_) = known_queries(50, seed=3)
        again = RankingModel(model.schema, model.trees)
        np.testing.assert_array_equal(scores_of(again, page), scores_of(model, page))

    def test_what_is_alike_is_in_the_order_of_the_union(self, model, known_queries):
        """The trees cannot tell the documents apart: what is left is -log(1 + place)."""
        (page, *_) = known_queries(50, seed=3)
        alike = np.repeat(page.features[:1], 4, axis=0)
        scores = model.scores(alike, [1, 2, 3, 50])
        assert (scores - scores[0]).tolist() == pytest.approx((start_scores([1, 2, 3, 50]) + np.log(2)).tolist())

    def test_says_what_it_looks_at(self, model):
        assert next(iter(model.importance)).startswith("arm.dense.")
        assert sum(model.importance.values()) == pytest.approx(1.0)
        shares = list(model.importance.values())
        assert shares == sorted(shares, reverse=True)

    def test_trees_and_schema_must_be_of_a_size(self, model):
        with pytest.raises(SnapshotError, match=r"and its schema \w+ names 2"):
            RankingModel(FeatureSchema(("fused", "arms")), model.trees)

    def test_text_that_is_no_model_is_refused_by_lightgbm(self, searched):
        with pytest.raises(SnapshotError, match="LightGBM cannot read the ranking model"):
            RankingModel(searched, "hello")

    def test_many_threads_get_the_scores_of_one(self, model, known_queries):
        pages = known_queries(200, seed=3)
        expected = [scores_of(model, page).tolist() for page in pages]
        with ThreadPoolExecutor(8) as pool:
            found = [scores.tolist() for scores in pool.map(lambda page: scores_of(model, page), pages * 5)]
        assert found == expected * 5


class TestContributions:
    def test_by_hand(self):
        """A tree of two leaves, 0 and 1, that each got half of the rows: 0.5 in the mean, and half more or less."""
        lightgbm = pytest.importorskip("lightgbm")
        features = np.array([[0.0, 7.0], [1.0, 7.0]] * 50)
        data = lightgbm.Dataset(features, label=features[:, 0])
        how = {"num_leaves": 2, "learning_rate": 1.0, "boost_from_average": False, "verbosity": -1}
        trees = lightgbm.train({"objective": "regression", **how}, data, num_boost_round=1).model_to_string()
        model = RankingModel(FeatureSchema(("arm.dense.normalised", "query.tokens")), trees)
        contributions, expected = model.contributions(np.array([[1.0, 7.0], [0.0, 7.0]]))
        assert expected == pytest.approx(0.5)
        assert contributions.tolist() == [pytest.approx([0.5, 0.0]), pytest.approx([-0.5, 0.0])]
        scores = model.scores(np.array([[1.0, 7.0], [0.0, 7.0]]), [3, 1])
        assert scores.tolist() == pytest.approx([-np.log(4) + 0.5 + 0.5, -np.log(2) + 0.5 - 0.5])

    @settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_with_the_start_and_the_mean_they_add_up_to_the_score(self, model, data):
        numbers = st.floats(-1e9, 1e9) | st.just(np.nan)
        row = st.lists(numbers, min_size=len(model.schema.names), max_size=len(model.schema.names))
        rows = np.array(data.draw(st.lists(row, min_size=1, max_size=5)))
        places = data.draw(st.lists(st.integers(1, 500), min_size=len(rows), max_size=len(rows)))
        contributions, expected = model.contributions(rows)
        assert contributions.shape == rows.shape
        found = start_scores(places) + expected + contributions.sum(axis=1)
        assert found.tolist() == pytest.approx(model.scores(rows, places).tolist(), abs=1e-9)


class TestBytes:
    def test_it_comes_back_to_the_bit(self, model, known_queries):
        (page, *_) = known_queries(50, seed=3)
        again = RankingModel.from_bytes(model.to_bytes())
        assert again.schema == model.schema
        np.testing.assert_array_equal(scores_of(again, page), scores_of(model, page))
        assert again.to_bytes() == model.to_bytes()

    def test_the_first_line_says_what_it_is(self, model):
        header = json.loads(model.to_bytes().partition(b"\n")[0])
        assert header["format"] == "ltrr-ranker/3"
        assert header["features"] == list(model.schema.names)
        assert header["start"] == "-log(1 + place)"

    def test_a_changed_byte_anywhere_is_noticed(self, model):
        payload = model.to_bytes()
        for place in range(0, len(payload), len(payload) // 97):
            damaged = bytearray(payload)
            damaged[place] ^= 1
            with pytest.raises(SnapshotError):
                RankingModel.from_bytes(bytes(damaged))

    @pytest.mark.parametrize("change", [{"features": ["other"]}, {"start": "0"}])
    def test_what_describes_the_model_is_checked_as_the_trees_are(self, model, change):
        first, _, trees = model.to_bytes().partition(b"\n")
        with pytest.raises(DamagedSnapshotError, match="the ranking model is damaged"):
            RankingModel.from_bytes(json.dumps({**json.loads(first), **change}).encode() + b"\n" + trees)

    @pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
    def test_a_part_of_it_is_damaged(self, model, share):
        payload = model.to_bytes()
        with pytest.raises(DamagedSnapshotError, match="the ranking model is damaged: its checksum does not fit"):
            RankingModel.from_bytes(payload[: int(len(payload) * share)])

    @pytest.mark.parametrize("payload", [b"", b"\xff\xfe", b"tree", b"[]\n", b"{}\n", b"null", b'"text"', b"1\n2"])
    def test_what_is_no_model_is_no_model(self, payload):
        with pytest.raises(SnapshotError, match=rf"these {len(payload)} bytes are no ranking model"):
            RankingModel.from_bytes(payload)

    @pytest.mark.parametrize("found", ["ltrr-ranker/1", "ltrr-ranker/2", "ltrr-ranker/4"])
    def test_another_format_is_named_with_what_to_do(self, model, found):
        header = {"format": found, "models": {}, "checksum": "0" * 32}
        with pytest.raises(SnapshotError, match=rf"'{found}', this version reads 'ltrr-ranker/3': train another one"):
            RankingModel.from_bytes(f"{json.dumps(header)}\n{model.trees}".encode())

    def test_without_lightgbm_it_says_how_to_get_it(self, model, monkeypatch):
        payload = model.to_bytes()
        monkeypatch.setitem(sys.modules, "lightgbm", None)
        with pytest.raises(MissingExtraError, match=r'pip install "ltrr-haystack\[ranking\]"'):
            RankingModel.from_bytes(payload)
