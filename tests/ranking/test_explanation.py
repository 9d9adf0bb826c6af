from dataclasses import replace

import numpy as np
import pytest

from factories import action_set, decision, page, result, unite
from ltrr_haystack.memory.index import Remembered
from ltrr_haystack.policy.features import features_of
from ltrr_haystack.ranking.explanation import Grounds, LearnedOrder, explain
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.store import HistoryEntry
from ltrr_haystack.types import Understanding

ACTIONS = action_set(bm25=(0, 10, 30), dense=(0, 10), recall=(10,), baseline={"bm25": 30, "dense": 10})


def searched(**changes):
    allocation = {"bm25": 10, "dense": 0, "recall": 10}
    return decision(actions=ACTIONS, **{"allocation": allocation, "propensity": 0.25, **changes})


def learned(order, shown):
    return LearnedOrder(PageModel(), None, np.array(order), np.array(shown))


class TestDecision:
    def test_says_what_was_decided_for_each_arm_and_how_it_fared(self):
        marginals = {"bm25": (0.2, 0.7, 0.1), "dense": (0.9, 0.1), "recall": (1.0,)}
        found = {"bm25": result("bm25", ["a", "b"], 0.5), "recall": result("recall", [], 0.1, "timeout: 1 s")}
        made = page(
            unite(searched(marginals=marginals, baseline_share=0.5, policy_version=7), found),
            ranker_version=3,
            page_version=2,
        )
        explained = explain(made, Grounds({})).decision
        bm25, dense, recall = (explained.arms[name] for name in ("bm25", "dense", "recall"))
        assert (bm25.depth, bm25.baseline_depth, bm25.returned, bm25.seconds, bm25.failed) == (10, 30, 2, 0.5, False)
        drawn = dict(zip(bm25.levels, bm25.probabilities, strict=True))
        assert drawn == pytest.approx({0: 0.1, 10: 0.35, 30: 0.55}), "half of the time the baseline is played outright"
        assert (dense.depth, dense.baseline_depth, dense.returned, dense.seconds) == (0, 10, None, None)
        assert (recall.depth, recall.baseline_depth, recall.returned, recall.failed) == (10, 0, 0, True)
        assert explained.propensity == 0.25
        assert (explained.policy_version, explained.ranker_version, explained.page_version) == (7, 3, 2)

    @pytest.mark.parametrize(("draws", "times"), [({}, 0), ({"bm25": 11, "dense": 12}, 12), ({"recall": 1}, 1)])
    def test_says_how_often_the_query_was_searched_before(self, draws, times):
        history = {arm: HistoryEntry(float(count), 0.0, 0.0) for arm, count in draws.items()}
        seen = features_of(Understanding("love", "love", ("love",)), history=history)
        made = page(unite(searched(features=seen), {"bm25": ["a"]}))
        assert explain(made, Grounds({})).decision.searched_before == times

    def test_an_error_is_told_as_a_fact_alone(self):
        told = "ConnectionError: https://admin:secret@10.0.0.7:9200 refused"
        made = page(unite(searched(), {"bm25": result("bm25", [], error=told)}))
        assert "secret" not in explain(made, Grounds({})).to_json()

    def test_nobody_is_named_and_no_history_of_the_query_is_told(self):
        made = page(unite(searched(user_id="ann", session_id="s-ann", client_id="c-ann", client_address="a-ann"), {}))
        told = explain(made, Grounds({"a": Remembered("a", "love", 1.0, 2.0, 0.5)})).to_json()
        assert "ann" not in told
        assert "history" not in told


class TestPlaces:
    def test_by_hand(self):
        """Rows 3, 1, 0, 2 by expected click rate; chance brought row 2 onto the page, to the second place."""
        candidates = unite(searched(), {"bm25": ["a", "b", "c", "d"]})
        placed = [replace(each, model_place=each.place) for each in candidates.candidates]
        made = page(
            replace(candidates, candidates=tuple(placed)),
            ["d", "c", "b"],
            propensities=((1, 1), (0.2, 1), (0.6, 1)),
        )
        documents = explain(made, Grounds({}, learned([3, 1, 0, 2], [3, 2, 1]))).documents
        assert list(documents) == ["d", "c", "b"]
        assert [each.place for each in documents.values()] == [1, 2, 3]
        assert [each.expected_place for each in documents.values()] == [1, 4, 2]
        assert [each.explored for each in documents.values()] == [False, True, True]
        assert [each.propensity for each in documents.values()] == [1, 0.2, 0.6]
        assert [each.model_place for each in documents.values()] == [4, 3, 2]

    def test_arms_and_union_are_told_as_they_were(self):
        candidates = unite(searched(), {"bm25": ["a", "b"], "recall": ["b"]})
        made = page(candidates, ["a", "b"], [{"fused": 0.016, "place.searched": 1.0}, {}])
        documents = explain(made, Grounds({})).documents
        assert documents["b"].arms == candidates.candidates[0].arms
        assert {arm: place.rank for arm, place in documents["b"].arms.items()} == {"bm25": 2, "recall": 1}
        assert (documents["a"].fused.score, documents["a"].fused.searched_place) == (0.016, 1)
        assert (documents["b"].fused.score, documents["b"].fused.searched_place) == (None, None)
        assert (documents["a"].fused.place, documents["b"].fused.place) == (2, 1)


class TestMemory:
    def test_what_was_not_seen_has_its_prior(self):
        candidates = unite(searched(), {"bm25": ["a"]}).candidates
        made = replace(page(unite(searched(), {"bm25": ["a"]})), candidates=(replace(candidates[0], model_place=4),))
        memory = explain(made, Grounds({}, learned([0], [0]))).documents["a"].memory
        assert (memory.successes, memory.looks, memory.since) == (0.0, 0.0, None)
        assert memory.prior == pytest.approx(0.5 / 4**0.7)
        assert memory.prior_looks == 10.0
