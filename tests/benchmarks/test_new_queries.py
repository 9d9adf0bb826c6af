import json
from contextlib import nullcontext
from dataclasses import replace
from math import log2

import numpy as np
import pytest

from factories import judged_query
from ltrr_haystack.evaluation.datasets import DataSet, Query
from ltrr_haystack.evaluation.replay.settings import Settings
from ltrr_haystack.ranking.features import FeatureSchema

pytest.importorskip("lightgbm")

SCHEMA = FeatureSchema.of_arms(["bm25", "dense"])
RANKS = [SCHEMA.columns[f"arm.{arm}.reciprocal_rank"] for arm in ("bm25", "dense")]
SETTINGS = Settings(impressions=400, seeds=(0,))


def with_ranks(*ranks):
    features = np.full((len(ranks), len(SCHEMA.names)), np.nan)
    features[:, RANKS] = [[np.nan if rank is None else 1.0 / rank for rank in both] for both in ranks]
    return judged_query("love", features.astype(np.float32))


class TestDocumentsOf:
    def test_ranks_in_the_arms_tell_them(self, new_queries):
        found = {"bm25": ["a", "b", "c"], "dense": ["c", "d", "a"]}
        known = with_ranks((3, 1), (None, 2), (1, None), (2, None))
        assert new_queries.documents_of(known, SCHEMA, found) == ("c", "d", "a", "b")


class TestPageOf:
    def test_the_first_fifty_are_ordered(self, new_queries):
        union = judged_query("love", np.zeros((60, 1)), places=range(60, 0, -1))
        page = new_queries.page_of(union, lambda each: each.places, [f"d{place}" for place in range(60, 0, -1)])
        assert page == tuple(f"d{place}" for place in range(50, 40, -1))

    def test_what_is_not_found_is_left_out(self, new_queries):
        union = replace(judged_query("love", np.zeros((3, 1))), places=np.array([2.0, np.inf, 1.0]))
        page = new_queries.page_of(union, lambda each: np.array([1.0, 9.0, 2.0]), ["b", "x", "a"])
        assert page == ("a", "b")


class TestTrueGrades:
    def test_are_shares_of_the_best(self, new_queries):
        data = DataSet("tiny", [], [], {"1": {"a": 3, "b": 1}, "2": {"x": 2}})
        known = new_queries.KnownQuery(
            Query("1", "love", "topical"), with_ranks((1, 1), (2, 2), (3, 3)), ("a", "b", "c")
        )
        assert known.with_true_grades(data).grades.tolist() == pytest.approx([1.0, 1 / 3, 0.0])


class TestCompared:
    def test_each_query_counts_once_with_the_mean_of_its_seeds(self, new_queries):
        """By clicks gains are .2 and .4, .3 in the mean with a standard error of .1; by grades .2 more for each."""
        scores = {
            new_queries.UNION: {"1": [0.5, 0.3], "2": [0.2]},
            new_queries.CLICKS: {"1": [0.7, 0.5], "2": [0.6]},
            new_queries.GRADES: {"1": [0.9, 0.7], "2": [0.8]},
        }
        clicks, grades, more = new_queries.compared(scores).values()
        assert (clicks.mean, grades.mean) == pytest.approx((0.3, 0.5))
        assert clicks.high - clicks.mean == pytest.approx(12.706 * 0.1, rel=1e-4)
        assert (more.mean, more.low, more.high) == pytest.approx((0.2, 0.2, 0.2))


class TestScored:
    def test_the_union_is_that_of_the_baseline_and_pages_are_judged_by_the_true_grades(self, new_queries, precomputed):
        """What answers query n is at place 2 + n mod 5, and all documents look alike."""
        with new_queries.searched(precomputed, SETTINGS) as left:
            told = list(new_queries.scored(left, 0))
        names = {new_queries.UNION, new_queries.CLICKS, new_queries.GRADES}
        by_union = {query: score for query, name, score in told if name == new_queries.UNION}
        assert len(by_union) > 20
        assert len(told) == len(names) * len(by_union)
        for query, score in by_union.items():
            assert score == pytest.approx(1 / log2(3 + int(query[1:]) % 5))

    def test_one_ranker_learns_from_clicks_and_the_other_from_true_grades(self, new_queries, precomputed, monkeypatch):
        learned_from = []

        class Recorded(new_queries.CrossFitted):
            def __init__(self, queries, *others):
                learned_from.append(queries)
                super().__init__(queries, *others)

        monkeypatch.setattr(new_queries, "CrossFitted", Recorded)
        with new_queries.searched(precomputed, SETTINGS) as left:
            list(new_queries.scored(left, 0))
        clicks, grades = learned_from
        assert len(clicks) == len(grades) > 20
        assert all(query.grades.max() != 1.0 for query in clicks)
        assert all(sorted(query.grades) == [0.0] * (len(query.grades) - 1) + [1.0] for query in grades)


class TestMain:
    @pytest.fixture(autouse=True)
    def tiny(self, new_queries, precomputed, monkeypatch):
        monkeypatch.setattr(new_queries, "load_beir", lambda folder: precomputed.data)
        monkeypatch.setattr(new_queries, "hybrid", lambda *_: precomputed)

    def test_goes_to_a_file_and_is_shown(self, new_queries, tmp_path, capsys):
        file = tmp_path / "gains.json"
        new_queries.main(["--data", "tiny", "--impressions", "300", "--json", str(file)])
        assert "learned from clicks, minus union" in capsys.readouterr().out
        assert set(json.loads(file.read_text())["learned from clicks, minus union"]) == {"mean", "low", "high"}

    def test_every_seed_counts(self, new_queries, monkeypatch):
        """People of seed 3 type a, those of seed 4 type a and b."""
        told = []
        monkeypatch.setattr(new_queries, "compared", lambda scores: told.append(scores) or {})
        monkeypatch.setattr(new_queries, "searched", lambda _, settings: nullcontext(settings))
        monkeypatch.setattr(
            new_queries,
            "scored",
            lambda _, seed: [(query, new_queries.UNION, seed) for query in {3: "a", 4: "ab"}[seed]],
        )
        new_queries.main(["--data", "tiny", "--seed", "3", "--seeds", "2"])
        assert told == [{new_queries.UNION: {"a": [3, 4], "b": [4]}}]

    def test_no_seeds_are_an_error(self, new_queries, capsys):
        with pytest.raises(SystemExit):
            new_queries.main(["--data", "tiny", "--seeds", "0"])
        assert "--seeds must be at least 1, got 0" in capsys.readouterr().err

    def test_too_few_queries_are_an_error(self, new_queries, capsys):
        with pytest.raises(SystemExit):
            new_queries.main(["--data", "tiny", "--impressions", "1"])
        assert "2 are needed; raise --impressions" in capsys.readouterr().err
