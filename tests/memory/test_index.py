import pytest

from factories import remember
from ltrr_haystack.memory.index import MemoryIndex, Remembered
from ltrr_haystack.memory.posterior import Prior
from ltrr_haystack.types import evidence_key


class TestMemoryIndex:
    def test_scores_what_the_store_remembers_for_the_query(self, store):
        remember(store, {("love", "d1"): (40.0, 30.0), ("hate", "d2"): (1.0, 1.0)}, at=100.0)
        score, weight = pytest.approx(31 / 60), pytest.approx((31 / 60 - 0.05) / 0.95)
        assert MemoryIndex(store).entries("love") == {
            "d1": Remembered("d1", "love", 30.0, 40.0, score, weight, since=100.0)
        }

    def test_a_filtered_search_remembers_since_when_either_of_both_is_known(self, store):
        pop = {"field": "meta.genre", "operator": "==", "value": "pop"}
        remember(store, {(evidence_key("love", pop), "d1"): (1.0, 1.0)}, at=100.0)
        remember(store, {("love", "d1"): (1.0, 1.0)}, at=200.0)
        index = MemoryIndex(store)
        assert (index.entries("love")["d1"].since, index.entries("love", pop)["d1"].since) == (200.0, 100.0)

    def test_an_unknown_query_is_not_remembered(self, store):
        assert MemoryIndex(store).entries("love") == {}

    def test_the_prior_decides_how_much_evidence_a_high_score_needs(self, store):
        remember(store, {("love", "d1"): (1.0, 1.0)})
        assert MemoryIndex(store, Prior(1.0, 2.0)).entries("love")["d1"].score == pytest.approx(2 / 3)
        assert MemoryIndex(store, Prior(1.0, 99.0)).entries("love")["d1"].score == pytest.approx(0.02)

    def test_what_worked_robustly_comes_before_one_lucky_click(self, store):
        remember(store, {("love", "lucky"): (1.0, 1.0), ("love", "robust"): (60.0, 20.0)})
        best = MemoryIndex(store).best("love")
        assert [entry.object_id for entry in best] == ["robust", "lucky"]  # 21/80 = .26 and 2/21 = .10

    def test_what_nobody_acted_upon_is_not_among_the_best(self, store):
        remember(store, {("love", "seen"): (9.0, 0.0), ("love", "liked"): (9.0, 0.5), ("love", "loved"): (9.0, 2.0)})
        index = MemoryIndex(store)
        assert [entry.object_id for entry in index.best("love")] == ["loved", "liked"]
        assert [entry.object_id for entry in index.best("love", min_successes=1.0)] == ["loved"]
        assert set(index.entries("love")) == {"seen", "liked", "loved"}

    def test_equal_scores_go_by_evidence_and_then_by_id(self, store):
        # 2/40, 3/60 and 3/60: all are the prior's own rate
        remember(store, {("love", "a"): (20.0, 1.0), ("love", "c"): (40.0, 2.0), ("love", "b"): (40.0, 2.0)})
        assert [entry.object_id for entry in MemoryIndex(store).best("love")] == ["b", "c", "a"]

    def test_a_filtered_query_has_the_evidence_of_its_filters_beside_that_of_the_open_query(self, store):
        rock = {"field": "meta.genre", "operator": "==", "value": "rock"}
        jazz = {**rock, "value": "jazz"}
        remember(
            store,
            {
                ("love", "d1"): (4.0, 2.0),
                (evidence_key("love", rock), "d1"): (1.0, 1.0),
                (evidence_key("love", rock), "d2"): (3.0, 3.0),
            },
        )
        index = MemoryIndex(store)
        assert {entry.object_id: (entry.exposures, entry.successes) for entry in index.best("love", filters=rock)} == {
            "d1": (5.0, 3.0),
            "d2": (3.0, 3.0),
        }
        assert set(index.entries("love")) == set(index.entries("love", jazz)) == {"d1"}
