"""The log alone determines what is learned: not the batches, not the passes, not the learners."""

import tempfile
from pathlib import Path

import pytest
from haystack.utils import Secret
from hypothesis import given, settings
from hypothesis import strategies as st

from factories import decision
from ltrr_haystack.learning import Learner
from ltrr_haystack.learning.amounts import Amounts, in_steps
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.store import LateReward, LTRRStore

ALLOCATIONS = [{"bm25": 10, "dense": 0}, {"bm25": 30, "dense": 10}, {"bm25": 0, "dense": 30}]
SHOWN = ["a", "b", "c", "d", "e"]
READINGS = [({"title": "love"}, {"a": 1.0, "b": 1 / 3}), ({}, ()), ({"genre": "love songs", "mood": "sad"}, "bde")]

searches = st.tuples(
    st.just("search"),
    st.sampled_from(["love", "hate"]),
    st.lists(st.sampled_from(SHOWN), min_size=1, max_size=5, unique=True),
    st.sampled_from(ALLOCATIONS),
    st.sampled_from([None, None, {"field": "meta.genre", "operator": "==", "value": "rock"}]),
)
events = st.tuples(
    st.just("event"), st.integers(0, 30), st.sampled_from(SHOWN), st.sampled_from([1.0, 0.1, 3.0, -0.7, 1 / 3])
)
passes = st.tuples(st.just("learn"), st.integers(1, 4))
works = st.lists(st.one_of(searches, searches, events, events, passes), min_size=3, max_size=25)


LOVE = decision()


def live(store, log, work):
    """Write the log and learn in between, each pass by another learner."""
    searched = 0
    for number, (kind, *details) in enumerate(work):
        if kind == "search":
            query, shown, allocation, filters = details
            who = {"user_id": f"user {searched % 2}", "readings": READINGS, "filters": filters}
            log.search(f"q{searched}", query, shown, allocation, at=float(number), **who)
            searched += 1
        elif kind == "event" and searched:
            back, object_id, reward = details
            log.event(f"e{number}", f"q{back % searched}", object_id, reward)
        elif kind == "learn":
            Learner(store, VWPolicy(), reward_wait=2.0, batch=details[0]).run_once(now=float(number))
    Learner(store, VWPolicy(), reward_wait=2.0).run_once(now=1000.0)


@settings(max_examples=25, deadline=None)
@given(works, st.integers(1, 7))
def test_a_log_learned_as_it_grew_equals_one_learned_at_one_go(log_of, state_of, copy_log, work, batch):
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "live.db"
        store = LTRRStore(Secret.from_token(f"sqlite:///{database}"))
        try:
            live(store, log_of(store), work)
            copy = copy_log(database, "copy.db")
        finally:
            store.close()
        again = LTRRStore(Secret.from_token(f"sqlite:///{copy}"))
        try:
            Learner(again, VWPolicy(), reward_wait=2.0, batch=batch).run_once(now=1000.0)
        finally:
            again.close()
        assert state_of(copy) == state_of(database)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), st.data())
def test_amounts_come_to_the_same_sum_however_they_are_grouped(rewards, data):
    def total(rewards):
        amounts = Amounts()
        for reward in rewards:
            amounts.add_late(LateReward(1, LOVE, "a", 1, reward), in_steps(reward))
        return amounts.memory["love", "a"]

    shuffled = data.draw(st.permutations(rewards))
    cut = data.draw(st.integers(1, len(rewards)))
    parts = [total(part) for part in (shuffled[:cut], shuffled[cut:]) if part]
    assert total(rewards).exposures == sum(part.exposures for part in parts)
    assert total(rewards).successes == sum(part.successes for part in parts)


def test_a_reward_beyond_all_measure_is_cut():
    amounts = Amounts()
    amounts.add_late(LateReward(1, LOVE, "a", 1, 1e308), 1e308)
    amounts.add_late(LateReward(2, LOVE, "b", 1, -1e308), -1e308)
    assert amounts.memory["love", "a"].successes == 10.0
    assert amounts.memory["love", "b"].exposures == 10.0


def test_an_amount_is_kept_to_a_ten_millionth():
    amounts = Amounts()
    amounts.add_late(LateReward(1, LOVE, "a", 1, 1 / 3), 1 / 3)
    assert amounts.memory["love", "a"].successes == pytest.approx(1 / 3, abs=1e-7)
