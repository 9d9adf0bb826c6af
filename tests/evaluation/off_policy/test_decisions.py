from dataclasses import replace

import pytest

from ltrr_haystack.evaluation.off_policy import DecisionLog
from ltrr_haystack.evaluation.off_policy.decisions import NO_PROPENSITY, OTHER_PROPENSITY
from ltrr_haystack.store import EventRecord, read_log

BOTH = {"bm25": 10, "dense": 10}
PAGE = [("a", {"bm25": 1}), ("b", {"dense": 3}), ("c", {"bm25": 7, "dense": 1})]


class TestDecisionLog:
    def test_reads_settled_decisions_with_all_their_rewards_late_ones_included(
        self, store, keep, make_settled, make_joint
    ):
        joint = make_joint()
        keep(
            [make_settled(1, joint, BOTH, PAGE, {"a": 1.0}), make_settled(2, joint, {"bm25": 10, "dense": 0}, PAGE[:1])]
        )
        store.record_events([EventRecord("late", "q1", "c", "buy", 9.0, 9.0, 3.0)])
        keep([make_settled(3, joint, BOTH)], settle=False)
        log = DecisionLog(read_log(store))
        first, second = list(log)
        assert (first.reward, second.reward) == (4.0, 0.0)
        assert (first.cost, second.cost) == (pytest.approx(0.4), pytest.approx(0.2))
        assert (log.read, log.skipped, log.modes) == (2, {}, {"live": 2})
        assert [logged.seq for logged in DecisionLog(read_log(store, after=1))] == [2]

    def test_leaves_out_and_counts_what_cannot_be_used(self, usable, make_settled, make_joint):
        joint = make_joint()
        log, found = usable(
            [
                make_settled(1, joint, BOTH),
                make_settled(2, joint, BOTH, propensity=0.0),
                make_settled(3, joint, BOTH, propensity=float("nan")),
                make_settled(4, joint, BOTH, propensity=0.5),
                make_settled(5, joint, BOTH, marginals={"bm25": (1.0,)}),
            ]
        )
        assert [logged.seq for logged in found] == [1]
        assert log.skipped[NO_PROPENSITY] == 2
        assert log.skipped[OTHER_PROPENSITY] == 1
        assert sum(log.skipped.values()) == 4
        assert log.read == 5

    def test_what_is_beyond_its_clients_share_is_left_out_and_of_rewards_counts_what_is_learned_from(
        self, usable, make_settled, make_joint
    ):
        joint = make_joint()
        log, found = usable(
            [
                make_settled(1, joint, BOTH, PAGE, {"a": 1.0}),
                replace(make_settled(2, joint, BOTH, PAGE, {"a": 5.0, "b": 1.0}), capped={"a": 0.5}),
                replace(make_settled(3, joint, BOTH, PAGE, {"a": 9.0}), counted=False),
                replace(make_settled(4, joint, BOTH, PAGE, propensity=0.0), counted=False),
            ]
        )
        assert [(logged.seq, logged.reward) for logged in found] == [(1, 1.0), (2, 1.5)]
        assert (log.read, log.beyond, log.skipped, log.modes) == (4, 2, {}, {"live": 2})

    def test_in_apprentice_mode_the_baseline_was_certain_whatever_the_policy_wanted(
        self, usable, make_settled, make_joint
    ):
        log, (logged,) = usable([make_settled(1, make_joint(), BOTH, mode="apprentice", propensity=1.0)])
        assert logged.joint.probability(BOTH) == 1.0
        assert logged.joint.probability({"bm25": 10, "dense": 0}) == 0.0
        assert log.modes == {"apprentice": 1}

    def test_a_user_returns_in_another_session(self, usable, make_settled, make_joint):
        joint = make_joint()
        people = [("ann", "s1"), ("ann", "s1"), (None, "s2"), ("ann", "s3"), ("bob", None), ("bob", None)]
        _, found = usable(
            make_settled(seq, joint, BOTH, user_id=user, session_id=session)
            for seq, (user, session) in enumerate(people, start=1)
        )
        kinds = [logged.slices["user"] for logged in found]
        assert kinds == ["new", "new", "unknown", "returning", "new", "returning"]
