import math
from concurrent.futures import ThreadPoolExecutor

import pytest

from ltrr_haystack.errors import InvalidInputError, StoreError
from ltrr_haystack.store import (
    Evidence,
    HistoryDelta,
    HistoryEntry,
    LearningUpdate,
    MemoryEntry,
    ReadingClicks,
    SnapshotDraft,
    Watermark,
)


@pytest.fixture
def ready(store, ranking):
    """Three searches are settled, and `learner` holds the lease."""
    for number in (1, 2, 3):
        store.record_search(ranking(f"q{number}"))
    store.settle(before=1e9)
    assert store.acquire_lease("learner", 60)
    return store


def update(since=None, learned=3, late=0, holder="learner", **parts):
    return LearningUpdate(holder=holder, since=since or Watermark(3, 0, 0), learned=learned, late=late, **parts)


class TestCommitLearning:
    def test_amounts_add_up(self, ready):
        memory = {("love", "a"): Evidence(1.5, 1.0), ("love", "b"): Evidence(0.5, 0.0)}
        history = {("love", "bm25"): HistoryDelta(1.0, 0.5, 30.0)}
        assert ready.commit_learning(update(learned=1, memory=memory, history=history, updated_at=10.0)) is None
        again = update(
            Watermark(3, 1, 0),
            memory={("love", "a"): Evidence(0.25, 1.0), ("peace", "a"): Evidence(1.0, 0.0)},
            history={("love", "bm25"): HistoryDelta(1.0, -0.25, 10.0), ("love", "dense"): HistoryDelta(1.0, 0.0, 0.0)},
            updated_at=20.0,
        )
        ready.commit_learning(again)
        assert ready.memory("love") == [MemoryEntry("a", 1.75, 2.0, 20.0, 10.0), MemoryEntry("b", 0.5, 0.0, 10.0, 10.0)]
        assert ready.memory("peace") == [MemoryEntry("a", 1.0, 0.0, 20.0, 20.0)]
        assert ready.history("love") == {"bm25": HistoryEntry(2.0, 0.25, 40.0), "dense": HistoryEntry(1.0, 0.0, 0.0)}
        assert ready.watermark() == Watermark(settled=3, learned=3, late=0)
        assert ready.counts().learned == 3

    def test_counts_of_clients_are_found_by_subject_client_and_day(self, ready):
        added = {("rewards 'of' \"love\"", "u1", 5): 1.5, ("searches", "u1", 5): 1.0, ("searches", "u2", 4): 2.0}
        ready.commit_learning(update(learned=1, client_counts=added))
        ready.commit_learning(update(Watermark(3, 1, 0), client_counts={("searches", "u1", 5): 0.25}))
        pairs = [(subject, client) for subject, client, _ in added]
        everything = {**added, ("searches", "u1", 5): 1.25}
        assert ready.client_counts([*pairs, ("searches", "u3")], since=4) == everything
        assert ready.client_counts(pairs, since=5) == {key: amount for key, amount in everything.items() if key[2] == 5}
        assert ready.client_counts([("searches", "u2")] * 3, since=0) == {("searches", "u2", 4): 2.0}
        assert ready.client_counts([], since=0) == {}

    def test_counts_of_clients_are_forgotten_those_of_late_rewards_with_the_last_search_that_needs_them(self, ready):
        """The oldest search is of day 0, and a late reward for it counts with those of the six days before."""
        added = {("rewards", "u", 3): 1.0, ("rewards", "u", 4): 1.0, ("late rewards", "u", -6): 1.0}
        ready.commit_learning(update(learned=1, client_counts={**added, ("late rewards", "u", 3): 1.0}))
        ready.forget_client_counts(4, 7)
        pairs = [("rewards", "u"), ("late rewards", "u")]
        assert set(ready.client_counts(pairs, since=-99)) == set(added) - {pairs[0] + (3,)} | {("late rewards", "u", 3)}
        ready.forget_client_counts(4, 6)
        assert ("late rewards", "u", -6) not in ready.client_counts(pairs, since=-99)

    def test_clicks_on_readings_add_up_each_under_its_query(self, ready):
        title, genre, other = ("love", "title"), ("love", "genre"), ("hate", "title")
        first = {title: ReadingClicks(1.5, 0.25), genre: ReadingClicks(0.0, 1.0)}
        ready.commit_learning(update(learned=1, readings=first))
        second = {title: ReadingClicks(0.5, 0.0), other: ReadingClicks(1.0, 0.0)}
        ready.commit_learning(update(Watermark(3, 1, 0), readings=second))
        assert ready.reading_clicks([title, genre, other, ("love", "mood")]) == {
            title: ReadingClicks(2.0, 0.25),
            genre: ReadingClicks(0.0, 1.0),
            other: ReadingClicks(1.0, 0.0),
        }
        assert ready.reading_clicks([]) == {}

    def test_clicks_on_readings_of_a_long_query_are_found_by_it(self, ready):
        pair = "words " * 300, "title"
        ready.commit_learning(update(readings={pair: ReadingClicks(1.0, 0.0)}))
        assert ready.reading_clicks([pair]) == {pair: ReadingClicks(1.0, 0.0)}

    def test_an_unknown_key_has_nothing(self, store):
        assert store.memory("nobody asked") == []
        assert store.history("nobody asked") == {}

    def test_a_snapshot_comes_with_it(self, ready):
        draft = SnapshotDraft("policy", b"model", {"decisions": 3})
        assert ready.commit_learning(update(snapshot=draft)) == 1
        assert ready.active_version("policy") == 1
        assert ready.snapshot("policy").payload == b"model"

    def test_a_model_trained_from_one_that_is_no_longer_active_is_not_kept(self, ready):
        ready.add_snapshot("policy", b"first", {}, activate=True)
        ready.add_snapshot("policy", b"second", {}, activate=True)
        stale = update(memory={("love", "a"): Evidence(1.0, 1.0)}, snapshot=SnapshotDraft("policy", b"x", replaces=1))
        with pytest.raises(StoreError, match="trained policy 1 on, but 2 was made active meanwhile"):
            ready.commit_learning(stale)
        assert ready.memory("love") == []
        assert ready.watermark() == Watermark(3, 0, 0)
        assert ready.commit_learning(update(snapshot=SnapshotDraft("policy", b"third", replaces=2))) == 3

    def test_nothing_is_learned_twice(self, ready):
        step = update(memory={("love", "a"): Evidence(1.0, 1.0)})
        ready.commit_learning(step)
        with pytest.raises(StoreError, match=r"started from decision 0 .* but the store has learned up to 3"):
            ready.commit_learning(step)
        assert ready.memory("love")[0].exposures == 1.0

    def test_of_many_at_once_one_comes_through(self, ready):
        step = update(memory={("love", "a"): Evidence(1.0, 1.0)})
        with ThreadPoolExecutor(6) as pool:
            futures = [pool.submit(ready.commit_learning, step) for _ in range(6)]
        assert sum(future.exception() is None for future in futures) == 1
        assert ready.memory("love")[0].exposures == 1.0

    @pytest.mark.parametrize(("learned", "late"), [(4, 0), (0, -1), (-1, 0)])
    def test_goes_forward_and_not_beyond_what_is_settled(self, ready, learned, late):
        with pytest.raises(StoreError, match="goes forward only, and not beyond what is settled"):
            ready.commit_learning(update(learned=learned, late=late))

    def test_settling_meanwhile_does_no_harm(self, ready, ranking):
        ready.record_search(ranking("q4"))
        ready.settle(before=1e9)
        ready.commit_learning(update())
        assert ready.watermark() == Watermark(4, 3, 0)

    def test_late_events_move_on_alone(self, ready):
        ready.commit_learning(update(late=7))
        ready.commit_learning(update(Watermark(3, 3, 7), late=9, memory={("love", "a"): Evidence(0.0, 1.0)}))
        assert ready.watermark() == Watermark(3, 3, 9)

    def test_without_the_lease_nothing_is_learned(self, ready):
        ready.release_lease("learner")
        with pytest.raises(StoreError, match="'learner' does not hold the lease, nobody does"):
            ready.commit_learning(update())
        ready.acquire_lease("other", 60)
        with pytest.raises(StoreError, match="'learner' does not hold the lease, 'other' does"):
            ready.commit_learning(update())
        assert ready.watermark().learned == 0

    @pytest.mark.parametrize(
        ("parts", "error"),
        [
            ({"snapshot": SnapshotDraft("policy", b"x", {"when": object()})}, StoreError),
            ({"snapshot": SnapshotDraft("policy\0", b"x")}, InvalidInputError),
            ({"memory": {("love", "a"): Evidence(1, 1), ("love", "b"): Evidence(math.nan, 1)}}, InvalidInputError),
            ({"memory": {("love\0", "a"): Evidence(1, 1)}}, InvalidInputError),
            ({"readings": {("love", "title"): ReadingClicks(math.nan, 1)}}, InvalidInputError),
            ({"readings": {("love", "ti\0tle"): ReadingClicks(1, 1)}}, InvalidInputError),
            ({"history": {("love", "bm25"): HistoryDelta(1, math.inf, 1)}}, InvalidInputError),
            ({"updated_at": math.inf}, InvalidInputError),
        ],
        ids=["card", "kind", "exposures", "key", "clicks", "reading", "credit", "time"],
    )
    def test_all_or_nothing(self, ready, parts, error):
        step = {"memory": {("love", "a"): Evidence(1.0, 1.0)}, "snapshot": SnapshotDraft("policy", b"model"), **parts}
        with pytest.raises(error):
            ready.commit_learning(update(**step))
        assert ready.watermark().learned == 0
        assert ready.memory("love") == []
        assert ready.snapshots("policy") == []

    def test_long_keys_are_remembered_apart(self, ready):
        one, other = "love " * 1000 + "one", "love " * 1000 + "other"
        ready.commit_learning(update(memory={(one, "a"): Evidence(1.0, 1.0), (other, "a"): Evidence(2.0, 0.0)}))
        assert [ready.memory(key)[0].exposures for key in (one, other)] == [1.0, 2.0]

    def test_doubles_come_back_to_the_bit(self, ready):
        ready.commit_learning(update(memory={("love", "a"): Evidence(0.1 + 0.2, math.pi * 1e-9)}))
        assert ready.memory("love")[0].exposures == 0.1 + 0.2
        assert ready.memory("love")[0].successes == math.pi * 1e-9
