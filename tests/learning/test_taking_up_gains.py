import logging
from dataclasses import replace

from ltrr_haystack.learning import Learner
from ltrr_haystack.policy.gains import AllocationGains, Gain
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.store import ALLOCATIONS, POLICY, RANKER

# Searches happen at second 0; the reward wait is over at second 10.
DUE = 10.0


class TestGainsOfAllocations:
    GAINS = AllocationGains("bm25=10", {"bm25=10": Gain(0.01, 0.001, 0.0)}, 1.0, 0.0, 40)

    def taken_up(self, store):
        policy = VWPolicy().restored(store.snapshot(POLICY).payload)
        return policy._new.leader._measured

    def test_a_policy_is_handed_the_newest_and_keeps_them(self, store, log):
        learner = Learner(store, VWPolicy(), reward_wait=10.0)
        log.search("q1")
        learner.run_once(now=DUE)
        assert self.taken_up(store) is None
        store.add_snapshot(ALLOCATIONS, self.GAINS.to_bytes(), {}, activate=True)
        log.search("q2")
        learner.run_once(now=DUE)
        assert self.taken_up(store) == self.GAINS

    def test_those_of_another_ranker_s_pages_are_given_up(self, store, log):
        learner = Learner(store, VWPolicy(), reward_wait=10.0)
        store.add_snapshot(ALLOCATIONS, self.GAINS.to_bytes(), {}, activate=True)
        store.add_snapshot(RANKER, b"a ranker", {}, activate=True)
        log.search("q1")
        learner.run_once(now=DUE)
        assert self.taken_up(store) is None
        store.activate(RANKER, 0)
        log.search("q2")
        learner.run_once(now=DUE)
        assert self.taken_up(store) == self.GAINS

    def test_after_a_rollback_of_the_ranker_those_of_its_pages_are_taken_up_again(self, store, log):
        """As between the two activations of a training, when the gains of the next ranker are active before it is."""
        learner = Learner(store, VWPolicy(), reward_wait=10.0)
        for ranker in (1, 2):
            store.add_snapshot(RANKER, b"a ranker", {}, activate=ranker == 1)
            gains = replace(self.GAINS, ranker=ranker, queries=40 + ranker)
            store.add_snapshot(ALLOCATIONS, gains.to_bytes(), {"ranker": ranker}, activate=True)
        for ranker in (1, 2, 1):
            store.activate(RANKER, ranker)
            log.search(f"q{ranker} {store.watermark().learned}")
            learner.run_once(now=DUE)
            assert self.taken_up(store).queries == 40 + ranker

    def test_what_is_no_longer_active_is_given_up(self, store, log):
        learner = Learner(store, VWPolicy(), reward_wait=10.0)
        version = store.add_snapshot(ALLOCATIONS, self.GAINS.to_bytes(), {}, activate=True)
        log.search("q1")
        learner.run_once(now=DUE)
        store.activate(ALLOCATIONS, 0)
        log.search("q2")
        learner.run_once(now=DUE)
        assert (version, self.taken_up(store)) == (1, None)

    def test_damaged_ones_are_reported_and_stop_nobody(self, store, log, caplog):
        store.add_snapshot(ALLOCATIONS, b"none", {}, activate=True)
        log.search("q1")
        with caplog.at_level(logging.WARNING):
            assert Learner(store, VWPolicy(), reward_wait=10.0).run_once(now=DUE).learned == 1
        assert "The gains of allocations cannot be taken up" in caplog.text
        assert self.taken_up(store) is None

    def test_a_policy_that_takes_up_nothing_learns_as_ever(self, store, diary, log):
        store.add_snapshot(ALLOCATIONS, self.GAINS.to_bytes(), {}, activate=True)
        log.search("q1")
        assert Learner(store, diary(), reward_wait=10.0).run_once(now=DUE).learned == 1
