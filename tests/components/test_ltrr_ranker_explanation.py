"""What LTRRanker says of a page if it is asked why the page is as it is."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from haystack import Document, Pipeline

from factories import action_set, decision, judged_query, remember, unite
from ltrr_haystack.components.ltrr_ranker import LTRRanker
from ltrr_haystack.components.union_joiner import UnionJoiner
from ltrr_haystack.ranking.candidate_features import CombinedFeatures
from ltrr_haystack.ranking.explanation import Explanation
from ltrr_haystack.ranking.features import FeatureSchema
from ltrr_haystack.ranking.fitting import TrainingSettings, fit
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.ranking.place_prior import PlacePrior
from ltrr_haystack.store import PAGE, RANKER

ARMS = ("bm25", "dense", "recall")
SCHEMA = FeatureSchema.of_arms(ARMS).without_memory(("recall",))


def union(query_id="q1", documents=20, **changes):
    """The union follows bm25; dense has the documents in the opposite order."""
    made = decision(query_id, query="sad songs", actions=action_set(**dict.fromkeys(ARMS, (0, 100))), **changes)
    bm25 = [Document(id=f"d{row}", content="text", score=float(documents - row)) for row in range(documents)]
    dense = [replace(each, score=(row + 1.0) / documents) for row, each in enumerate(bm25)][::-1]
    return unite(made, {"bm25": bm25, "dense": dense}, UnionJoiner(list(ARMS), weights={"dense": 0.0}))


@pytest.fixture(scope="module")
def likes_dense():
    """The bytes of a model that likes what dense scores high."""
    pytest.importorskip("lightgbm")
    draw = np.random.default_rng(0)
    queries = []
    for number in range(100):
        features = np.full((10, len(SCHEMA.names)), np.nan)
        liked = features[:, SCHEMA.columns["arm.dense.normalised"]] = draw.random(10)
        queries.append(judged_query(f"query {number}", features, grades=liked))
    settings = TrainingSettings(rounds=100, learning_rate=0.3, min_leaf=20, feature_fraction=1.0)
    return fit(queries, SCHEMA, settings, seed=0).to_bytes()


def explained(store, candidates=None, **settings) -> Explanation:
    ranker = LTRRanker(store, **{"features": CombinedFeatures([]), **settings})
    return ranker.run(candidates or union(), explain=True)["explanation"]


class TestAsking:
    def test_who_does_not_ask_is_told_nothing_and_shown_the_same(self, store):
        ranker = LTRRanker(store)
        plain, asked = ranker.run(union()), ranker.run(union(), explain=True)
        assert list(plain) == ["ranking"]
        assert list(asked) == ["ranking", "explanation"]
        assert asked["ranking"] == plain["ranking"]

    def test_in_a_pipeline_the_explanation_is_an_output_of_its_own(self, store):
        pipeline = Pipeline()
        pipeline.add_component("ranker", LTRRanker(store))
        assert list(pipeline.run({"ranker": {"candidates": union()}})["ranker"]) == ["ranking"]
        found = pipeline.run({"ranker": {"candidates": union(), "explain": True}})["ranker"]
        assert list(found["explanation"].documents) == [each.object_id for each in found["ranking"].candidates]

    def test_it_goes_to_json_and_back(self, store, likes_dense):
        store.add_snapshot(RANKER, likes_dense, {}, activate=True)
        remember(store, {("sad songs", "d1"): (40.0, 30.0)})
        explanation = explained(store)
        assert Explanation.from_json(explanation.to_json()) == explanation


class TestModel:
    def test_the_parts_of_each_score_add_up_to_it(self, store, likes_dense):
        store.add_snapshot(RANKER, likes_dense, {}, activate=True)
        explanation = explained(store)
        assert explanation.decision.ranker_version == 1
        for document in explanation.documents.values():
            part = document.ranker
            assert part.start == pytest.approx(-np.log1p(document.fused.searched_place))
            assert part.start + part.expected + sum(part.contributions.values()) == pytest.approx(part.score)

    def test_the_largest_effect_comes_first_and_what_has_none_is_left_out(self, store, likes_dense):
        store.add_snapshot(RANKER, likes_dense, {}, activate=True)
        for document in explained(store).documents.values():
            effects = [abs(value) for value in document.ranker.contributions.values()]
            assert effects == sorted(effects, reverse=True)
            assert min(effects) > 0
            assert next(iter(document.ranker.contributions)) == "arm.dense.normalised"

    def test_the_order_of_the_scores_is_that_of_the_models_places(self, store, likes_dense):
        store.add_snapshot(RANKER, likes_dense, {}, activate=True)
        documents = sorted(explained(store, top_k=20).documents.values(), key=lambda each: each.model_place)
        assert [each.model_place for each in documents] == list(range(1, 21))
        scores = [each.ranker.score for each in documents]
        assert scores == sorted(scores, reverse=True)

    def test_what_people_chose_from_below_the_models_candidates_owes_it_nothing(self, store, likes_dense):
        """The model orders the first five, and likes the last of twenty best, which is clicked nearly each time."""
        store.add_snapshot(RANKER, likes_dense, {}, activate=True)
        remember(store, {("sad songs", "d19"): (9.0, 9.0)})
        documents = explained(store, rerank=5, top_k=3, explore=False).documents
        assert {name: each.ranker is None for name, each in documents.items()} == {
            "d19": True,
            "d4": False,
            "d3": False,
        }
        assert documents["d19"].memory.successes == 9.0

    def test_without_a_model_the_place_in_the_union_is_all_there_is(self, store):
        explanation = explained(store, explore=False)
        assert [each.ranker for each in explanation.documents.values()] == [None] * 10
        assert [each.model_place for each in explanation.documents.values()] == list(range(1, 11))
        assert explanation.decision.ranker_version == 0

    def test_without_lightgbm_a_page_is_explained_all_the_same(self, store, likes_dense, monkeypatch):
        store.add_snapshot(RANKER, likes_dense, {}, activate=True)
        monkeypatch.setitem(sys.modules, "lightgbm", None)
        explanation = explained(store)
        assert {each.ranker for each in explanation.documents.values()} == {None}
        assert explanation.decision.ranker_version == 0

    def test_a_model_that_does_not_fit_the_pipeline_has_no_part_in_it(self, store, likes_dense):
        store.add_snapshot(RANKER, likes_dense, {}, activate=True)
        other = unite(decision(query="sad songs"), {"bm25": ["a", "b"]})
        assert {each.ranker for each in explained(store, other).documents.values()} == {None}


class TestMemory:
    def test_by_hand(self, store):
        """Three clicks in eight looks, after a prior of 0.4 at place 2 that is worth five looks."""
        store.add_snapshot(PAGE, PageModel(ordering=PlacePrior((0.5, 0.4, 0.3), 5.0)).to_bytes(), {}, activate=True)
        remember(store, {("sad songs", "d1"): (8.0, 3.0)})
        documents = explained(store, explore=False).documents
        known, other = documents["d1"].memory, documents["d0"].memory
        assert (known.successes, known.looks, known.prior, known.prior_looks) == (3.0, 8.0, 0.4, 5.0)
        assert known.mean == pytest.approx((5 * 0.4 + 3) / (5 + 8))
        assert known.since is not None
        assert (other.successes, other.looks, other.since, other.prior) == (0.0, 0.0, None, 0.5)
        assert other.mean == pytest.approx(0.5)

    def test_the_expected_click_rates_order_the_page(self, store):
        remember(store, {("sad songs", "d9"): (30.0, 20.0), ("sad songs", "d0"): (60.0, 0.0)})
        explanation = explained(store, explore=False)
        means = [each.memory.mean for each in explanation.documents.values()]
        assert means == sorted(means, reverse=True)
        assert next(iter(explanation.documents)) == "d9"

    def test_what_was_seen_for_another_query_is_not_told(self, store):
        remember(store, {("glad songs", "d1"): (40.0, 30.0)})
        assert {each.memory.looks for each in explained(store).documents.values()} == {0.0}


class TestChance:
    def test_without_exploration_every_document_stands_where_it_is_expected(self, store):
        for document in explained(store, explore=False).documents.values():
            assert (document.explored, document.propensity) == (False, 1.0)
            assert document.expected_place == document.place

    def test_says_what_chance_has_moved_and_how_likely_that_was(self, store):
        deep = False
        for number in range(30):
            found = LTRRanker(store, features=CombinedFeatures([])).run(union(f"q{number}"), explain=True)
            documents = list(found["explanation"].documents.values())
            # Nothing is remembered and no model is active: without chance the page is in the union's order.
            assert [each.expected_place for each in documents] == [each.fused.place for each in documents]
            assert [each.explored for each in documents] == [each.place != each.expected_place for each in documents]
            assert not any(each.explored for each in documents[:3])
            assert any(each.explored for each in documents)
            chances = found["ranking"].propensities
            assert [each.propensity for each in documents] == [at_its_place for at_its_place, _ in chances]
            deep = deep or any(each.expected_place > 10 for each in documents)
        assert deep


class TestBaseline:
    @pytest.mark.parametrize("changes", [{"mode": "baseline"}, {"mode": "apprentice"}, {"safe_start": True}])
    def test_a_page_without_learning_owes_nothing_to_model_memory_and_chance(self, store, likes_dense, changes):
        store.add_snapshot(RANKER, likes_dense, {}, activate=True)
        remember(store, {("sad songs", "d1"): (8.0, 3.0)})
        explanation = explained(store, union(**changes))
        assert explanation.decision.in_union_order
        assert list(explanation.documents) == [f"d{row}" for row in range(10)]
        for place, document in enumerate(explanation.documents.values(), start=1):
            assert document.ranker is None
            assert (document.place, document.model_place, document.fused.place) == (place, place, place)
            assert (document.explored, document.propensity) == (False, 1.0)
            assert (document.memory.mean, document.memory.prior, document.memory.prior_looks) == (None, None, None)
        # What is known is told, though it did not count.
        assert explanation.documents["d1"].memory.successes == 3.0

    def test_a_page_of_the_policy_says_so(self, store):
        assert not explained(store).decision.in_union_order

    def test_an_empty_page_has_an_explanation_without_documents(self, store):
        explanation = explained(store, replace(union(), candidates=()))
        assert explanation.documents == {}
        assert explanation.decision.understanding.query == "sad songs"
