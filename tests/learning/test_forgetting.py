from ltrr_haystack.learning import Learner
from ltrr_haystack.memory.index import MemoryIndex
from ltrr_haystack.memory.posterior import Prior

DUE = 10.0


class TestForgetting:
    def test_a_page_that_nobody_chose_from_has_the_prior_again(self, store, learner, log):
        log.search("q1", query="love", shown=("a", "b", "c"))
        log.search("q2", query="rain", shown=("a", "b", "c"))
        log.event("e1", "q2", "b")
        learner.run_once(now=DUE)
        index = MemoryIndex(store)
        assert index.entries("love")["a"].score < Prior().posterior_mean(0.0, 0.0)
        assert store.prune(before=DUE + 1) == 2
        assert index.entries("love") == {}
        assert log.history("love") == {}
        assert [entry.object_id for entry in index.best("rain")] == ["b"]

    def test_a_query_that_is_searched_again_is_learned_anew(self, store, learner, log):
        log.search("q1")
        learner.run_once(now=DUE)
        before = log.memory(), log.history()
        store.prune(before=DUE + 1)
        log.search("q2", at=20.0)
        assert learner.run_once(now=30.0).learned == 1
        assert (log.memory(), log.history()) == before
        assert [entry.since for entry in store.memory("love")] == [30.0, 30.0]

    def test_a_click_that_comes_late_counts_all_the_same(self, store, learner, log):
        log.search("q1")
        learner.run_once(now=DUE)
        log.event("e1", "q1", "a", at=20.0)
        store.prune(before=DUE + 1)
        assert log.memory() == {}
        assert learner.run_once(now=30.0).late == 1
        assert log.memory() == {"a": (0.0, 1.0)}

    def test_a_learner_in_the_midst_of_a_batch_is_not_disturbed(self, store, open_store, diary, log):
        other = open_store()

        class Pruned(diary):
            def learn(self, settled, curve=None):
                other.prune(before=DUE + 1)
                return super().learn(settled, curve)

            def restored(self, payload):
                copy = Pruned(self.title)
                copy.entries = super().restored(payload).entries
                return copy

        log.search("q1")
        Learner(store, diary(), reward_wait=10.0).run_once(now=DUE)
        log.search("q2", at=20.0)
        assert Learner(store, Pruned(), reward_wait=10.0).run_once(now=30.0).learned == 1
        assert log.diary() == ["q1", "q2"]
        assert log.history() == {"bm25": (1.0, 0.0, 10.0)}
        assert log.memory()["a"] == (1.0, 0.0)
