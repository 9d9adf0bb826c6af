import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from haystack.utils import Secret
from sqlalchemy import create_engine

from ltrr_haystack.store import LateBatch, LearningUpdate, LTRRStore, Watermark
from ltrr_haystack.store.engines import parse_url
from ltrr_haystack.types import Interpretation


def learn(store, learned, late=None):
    mark = store.watermark()
    store.acquire_lease("learner", 60)
    late = mark.late if late is None else late
    store.commit_learning(LearningUpdate(holder="learner", since=mark, learned=learned, late=late))


def told(batch):
    return [
        (each.seq, each.decision.understanding.normal_form, each.object_id, each.ordinal, each.reward)
        for each in batch.rewards
    ]


class TestSettle:
    @pytest.fixture
    def five(self, store, ranking):
        """q1 … q5, decided at 100, 110, 120, 130, 140."""
        for number in range(5):
            store.record_search(ranking(f"q{number + 1}", at=100.0 + 10 * number))
        return store

    def test_closes_what_is_old_enough(self, five):
        assert five.settle(before=119.9) == 2
        assert five.watermark() == Watermark(settled=2, learned=0, late=0)
        assert five.settle(before=120.0) == 3

    def test_no_more_than_asked_for(self, five):
        assert [five.settle(before=1e9, limit=2) for _ in range(4)] == [2, 4, 5, 5]

    def test_never_goes_back(self, five):
        five.settle(before=130.0)
        assert five.settle(before=0.0) == 4

    def test_a_clock_that_jumped_ahead_holds_up_its_own_search_alone(self, store, ranking):
        for query_id, at in (("q1", 100.0), ("q2", 86_500.0), ("q3", 101.0)):
            store.record_search(ranking(query_id, at=at))
        assert store.settle(before=200.0) == 2
        assert store.settle(before=86_400.0) == 2
        assert store.settle(before=86_500.0) == 3
        settled = store.settled(0, 10)
        assert [(each.seq, each.decision.query_id) for each in settled] == [(1, "q1"), (2, "q3"), (3, "q2")]

    def test_what_was_removed_is_not_numbered_again(self, five):
        five.settle(before=110.0)
        learn(five, 2)
        five.prune(before=1e9)
        assert five.settle(before=120.0) == 3
        assert [each.decision.query_id for each in five.settled(2, 10)] == ["q3"]

    def test_of_an_empty_log_nothing(self, store):
        assert store.settle(before=1e9) == 0
        assert store.watermark() == Watermark()


class TestSettled:
    def test_gives_back_the_search_as_it_was(self, store, ranking, event):
        search = ranking("q1", objects=("a", "b"))
        store.record_search(search)
        store.record_events([event("e1", object_id="b", reward=1.0), event("e2", object_id="b", reward=3.0)])
        assert store.settled(0, 10) == []
        store.settle(before=1e9)
        (settled,) = store.settled(0, 10)
        assert settled.seq == 1
        assert settled.decision == search.decision
        assert settled.impressions == search.impressions()
        assert settled.rewards == {"b": 4.0}
        assert settled.reports == search.reports
        assert [(each.arm, each.found, each.error) for each in settled.reports] == [
            ("bm25", (1, 2), None),
            ("dense", (), "timeout"),
        ]
        assert settled.ranker_version == 4

    def test_each_has_its_own_impressions_and_rewards(self, store, ranking, event):
        store.record_search(ranking("q1", objects=("a", "b")))
        store.record_search(ranking("q2", objects=()))
        store.record_search(ranking("q3", objects=("b",)))
        store.record_events([event("e1", "q3", "b", reward=5.0), event("e2", "q1", "a"), event("e3", "q1", None)])
        store.settle(before=1e9)
        first, second, third = store.settled(0, 10)
        assert [impression.object_id for impression in first.impressions] == ["a", "b"]
        assert (first.rewards, second.rewards, third.rewards) == ({"a": 1.0}, {}, {"b": 5.0})
        assert second.impressions == ()
        assert third.impressions[0].ordinal == 1

    def test_begins_after_and_ends_at_the_limit(self, store, ranking):
        for number in range(1, 7):
            store.record_search(ranking(f"q{number}"))
        store.settle(before=1e9, limit=5)
        assert [settled.seq for settled in store.settled(1, 2)] == [2, 3]
        assert [settled.seq for settled in store.settled(3, 10)] == [4, 5]

    def test_late_rewards_are_left_out_unless_asked_for(self, store, ranking, event):
        store.record_search(ranking("q1"))
        store.record_events([event("e1", object_id="a", reward=1.0)])
        store.settle(before=1e9)
        store.record_events([event("e2", object_id="a", reward=2.0), event("e3", object_id="b", reward=4.0)])
        assert store.settled(0, 1)[0].rewards == {"a": 1.0}
        assert store.settled(0, 1, include_late=True)[0].rewards == {"a": 3.0, "b": 4.0}

    @pytest.mark.parametrize(
        "damage",
        [
            "UPDATE ltrr_decisions SET payload = {bytes} WHERE seq = 1",
            "UPDATE ltrr_decisions SET shown = {bytes} WHERE seq = 1",
            "UPDATE ltrr_decisions SET actions = {bytes} WHERE seq = 1",
            "UPDATE ltrr_pages SET payload = {bytes} WHERE decision_seq = 1",
            "DELETE FROM ltrr_pages WHERE decision_seq = 1",
        ],
    )
    def test_a_row_that_cannot_be_read_is_told_apart_and_keeps_nobody_from_the_others(
        self, url, store, ranking, damage
    ):
        store.record_search(ranking("q1"))
        store.record_search(ranking("q2"))
        store.settle(before=1e9)
        engine = create_engine(parse_url(url))
        with engine.begin() as connection:
            some_bytes = "x'017b7d'" if url.startswith("sqlite") else "'\\x017b7d'::bytea"
            connection.exec_driver_sql(damage.format(bytes=some_bytes))
        engine.dispose()
        batch = store.settled_batch(0, 10)
        assert [each.decision.query_id for each in batch.decisions] == ["q2"]
        assert (list(batch.faults), batch.last) == ([1], 2)
        assert batch.faults[1].startswith("it cannot be read: ")
        assert [each.seq for each in store.settled(0, 1)] == [2]
        assert store.settled(2, 1) == []

    def test_a_late_reward_is_not_lost_with_the_page_that_readings_are_compared_by(self, sqlite_url, ranking, event):
        store = LTRRStore(Secret.from_token(sqlite_url))
        made = ranking("q1")
        reading = (Interpretation({"title": "Love"}, "", 0.9),)
        understood = replace(made.decision.understanding, interpretations=reading)
        store.record_search(replace(made, decision=replace(made.decision, understanding=understood)))
        store.settle(before=1e9)
        store.record_events([event("e1", object_id="a", reward=2.0)])
        learn(store, 1)
        (whole,) = store.late_rewards(0, 10).rewards
        with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as connection:
            connection.execute("DELETE FROM ltrr_pages")
            connection.commit()
        (left,) = store.late_rewards(0, 10).rewards
        assert (len(whole.impressions) > 0, left.impressions) == (True, ())
        assert replace(whole, impressions=(), page_version=0) == left
        store.close()

    def test_a_reward_that_is_no_number_is_a_fault_of_its_decision(self, sqlite_url, ranking, event):
        store = LTRRStore(Secret.from_token(sqlite_url))
        store.record_search(ranking("q1"))
        store.record_events([event("e1")])
        store.settle(before=1e9)
        with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as connection:
            connection.execute("UPDATE ltrr_events SET reward = 'much'")
            connection.commit()
        assert "could not convert string to float: 'much'" in store.settled_batch(0, 10).faults[1]
        store.close()


class TestLateRewards:
    @pytest.fixture
    def late(self, store, ranking, event):
        """q1 and q2 are settled, then come e1 (q1, b, at 2), e2 (q2, a, at 1), e3 (q1, not shown), e4 (q1, a, at 1)."""
        store.record_search(ranking("q1", key="love", objects=("a", "b")))
        store.record_search(ranking("q2", key="peace", objects=("a",)))
        store.settle(before=1e9)
        store.record_events(
            [
                event("e1", "q1", "b", reward=2.0),
                event("e2", "q2", "a", reward=3.0),
                event("e3", "q1", "z", reward=9.0),
                event("e4", "q1", "a", reward=-1.0),
            ]
        )
        return store

    def test_wait_until_their_decision_is_learned(self, late):
        assert late.late_rewards(0, 10) == LateBatch((), 0)
        learn(late, 1)
        assert told(late.late_rewards(0, 10)) == [(1, "love", "b", 2, 2.0)]
        learn(late, 2)
        assert told(late.late_rewards(0, 10)) == [
            (1, "love", "b", 2, 2.0),
            (2, "peace", "a", 1, 3.0),
            (4, "love", "a", 1, -1.0),
        ]

    def test_say_what_their_impression_had_earned_before(self, store, ranking, event):
        store.record_search(ranking("q1", objects=("a", "b")))
        store.record_events([event("e1", object_id="a", reward=1.0), event("e2", object_id="b", reward=9.0)])
        store.settle(before=1e9)
        learn(store, 1)
        store.record_events([event(f"late {number}", object_id="a", reward=number) for number in (2.0, 3.0, 4.0)])
        batch = store.late_rewards(0, 10)
        assert [(reward.reward, reward.before) for reward in batch.rewards] == [(2.0, 1.0), (3.0, 3.0), (4.0, 6.0)]

    def test_of_a_decision_that_was_set_aside_are_passed_over(self, store, ranking, event):
        store.record_search(ranking("q1"))
        store.settle(before=1e9)
        store.acquire_lease("learner", 60)
        store.commit_learning(
            LearningUpdate(holder="learner", since=store.watermark(), learned=1, late=0, faults={1: "it is odd"})
        )
        store.record_events([event("e1")])
        assert store.late_rewards(0, 10) == LateBatch((), 0)
        assert store.counts().set_aside == 1
        assert store.settled(0, 10) == []

    def test_begin_after_and_end_at_the_limit(self, late):
        learn(late, 2)
        assert [reward.seq for reward in late.late_rewards(1, 1).rewards] == [2]
        assert [reward.seq for reward in late.late_rewards(2, 5).rewards] == [4]

    def test_events_in_time_are_none(self, store, ranking, event):
        store.record_search(ranking("q1"))
        store.record_events([event("e1")])
        store.settle(before=1e9)
        learn(store, 1)
        assert store.late_rewards(0, 10) == LateBatch((), 0)

    def test_each_event_is_either_in_time_or_late(self, store, ranking, event):
        total = 0.0
        for number in range(1, 21):
            store.record_search(ranking(f"q{number}", at=float(number)))
            store.record_events([event(f"e{number}", f"q{(number + 1) // 2}", reward=float(number))])
            store.settle(before=number - 4.0)
            total += number
        store.settle(before=1e9)
        learn(store, 20)
        in_time = sum(sum(settled.rewards.values()) for settled in store.settled(0, 100))
        late = sum(reward.reward for reward in store.late_rewards(0, 100).rewards)
        assert (in_time + late, late > 0, in_time > 0) == (total, True, True)
