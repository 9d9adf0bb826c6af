import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from ltrr_haystack.errors import InvalidInputError, StoreError
from ltrr_haystack.store import Counts
from ltrr_haystack.store.event_budget import MOST_BYTES
from ltrr_haystack.store.tables import decisions

SENDER = """
from haystack.utils import Secret
from ltrr_haystack.store import EventRecord, LTRRStore
store = LTRRStore(Secret.from_token(url))
store.warm_up()
out.send("ready")
outcomes = []
for number in range(10):
    payload = "x" * 8192
    record = EventRecord(f"{sender}-{number}", "q1", "a", "click", 104.0, 105.0, 1.0, payload)
    outcomes += store.record_events([record])
out.send(outcomes)
store.close()
"""


class TestRecordSearch:
    def test_what_was_shown_can_be_looked_up(self, store, ranking):
        store.record_search(ranking("q1", at=100.5, objects=("a", "b")))
        store.record_search(ranking("q2", at=101.0, objects=("c",)))
        found = store.searches(["q1", "q2", "q3"])
        assert set(found) == {"q1", "q2"}
        assert found["q1"].decided_at == 100.5
        assert found["q1"].ordinals == {"a": 1, "b": 2}
        assert found["q2"].ordinals == {"c": 1}
        assert store.counts() == Counts(decisions=2, impressions=3, events=0, late_events=0, learned=0)

    def test_a_search_that_found_nothing_is_a_search(self, store, ranking):
        store.record_search(ranking("q1", objects=()))
        assert store.searches(["q1"])["q1"].ordinals == {}

    def test_an_object_shown_twice_counts_where_it_was_first(self, store, ranking):
        search = ranking("q1", objects=("a", "b"))
        twice = (*search.candidates, search.candidates[0])
        store.record_search(replace(search, candidates=twice, features=(*search.features, {})))
        assert store.searches(["q1"])["q1"].ordinals == {"a": 1, "b": 2}

    def test_a_query_id_that_is_taken_is_named(self, store, ranking):
        store.record_search(ranking("q1", objects=("a",)))
        with pytest.raises(StoreError, match="The search 'q1' is recorded already"):
            store.record_search(ranking("q1", objects=("b",)))
        assert store.searches(["q1"])["q1"].ordinals == {"a": 1}

    def test_a_query_id_that_is_taken_does_not_harm_others_at_the_same_time(self, store, ranking):
        store.record_search(ranking("taken"))

        def record(number):
            store.record_search(ranking("taken" if number % 5 == 0 else f"q{number}"))

        with ThreadPoolExecutor(8) as pool:
            futures = [pool.submit(record, number) for number in range(40)]
        failed = [number for number, future in enumerate(futures) if future.exception() is not None]
        assert failed == list(range(0, 40, 5))
        assert all(isinstance(futures[number].exception(), StoreError) for number in failed)
        assert store.counts().decisions == 33

    def test_any_letters_are_kept(self, store, ranking):
        key = "love|songs: 'quoted' \"x\" \n\t; DROP TABLE ltrr_events; -- 日本 🎵 %s ? :name"
        store.record_search(ranking("q ' | \n", key=key, objects=("a:b|c\n'",)))
        assert store.searches(["q ' | \n"])["q ' | \n"].ordinals == {"a:b|c\n'": 1}
        store.settle(before=1e9)
        (settled,) = store.settled(0, 1)
        assert settled.decision.understanding.query == key

    @pytest.mark.parametrize("bad", ["a\0b", "a\ud800b", "x" * 3000], ids=["NUL", "surrogate", "long"])
    def test_an_id_that_cannot_be_kept_is_refused(self, store, ranking, bad):
        with pytest.raises(InvalidInputError, match="query_id"):
            store.record_search(ranking(bad))
        with pytest.raises(InvalidInputError, match="object_id"):
            store.record_search(ranking("q1", objects=("a", bad)))
        store.record_search(ranking("q1"))
        assert store.counts().decisions == 1

    @pytest.mark.parametrize("score", [math.nan, math.inf])
    def test_a_score_that_could_not_be_read_again_is_refused(self, store, ranking, score):
        search = ranking("q1", objects=("a",))
        broken = replace(search, candidates=(replace(search.candidates[0], score=score),))
        with pytest.raises(InvalidInputError, match=f"score of the impression of 'a' is {score}; expected a finite"):
            store.record_search(broken)
        assert store.counts().decisions == 0

    @pytest.mark.parametrize("name", ["baseline_share", "memory_share", "floor", "propensity"])
    def test_so_is_a_probability_that_is_no_number(self, store, ranking, name):
        search = ranking("q1")
        broken = replace(search, decision=replace(search.decision, **{name: math.nan}))
        with pytest.raises(InvalidInputError, match=name):
            store.record_search(broken)
        assert store.counts().decisions == 0

    def test_a_very_long_query_is_kept_whole_in_the_decision(self, store, ranking):
        key = "love " * 4000
        store.record_search(ranking("q1", key=key))
        store.settle(before=1e9)
        assert store.settled(0, 1)[0].decision.understanding.normal_form == key


class TestSearches:
    def test_hundreds_at_once(self, store, ranking):
        for number in range(12):
            store.record_search(ranking(f"q{number}"))
        assert len(store.searches([f"q{number}" for number in range(1200)])) == 12

    def test_what_was_shown_and_cannot_be_read_keeps_nobody_from_the_others(self, store, ranking, event, engines):
        for query_id in ("q1", "q2"):
            store.record_search(ranking(query_id))
        with engines.writer.begin() as connection:
            connection.execute(update(decisions).where(decisions.c.query_id == "q1").values(shown=b"not packed"))
        assert [dict(search.ordinals) for search in store.searches(["q1", "q2"]).values()] == [
            {},
            {"a": 1, "b": 2, "c": 3},
        ]
        assert store.record_events([event("e1", "q1"), event("e2", "q2")]) == ["new", "new"]

    def test_an_id_that_cannot_be_kept_is_unknown(self, store, ranking):
        store.record_search(ranking("q1"))
        assert set(store.searches(["q1", "q\0", "q\ud800", "q" * 5000])) == {"q1"}

    def test_of_none_there_are_none(self, store):
        assert store.searches([]) == {}


class TestRecordEvents:
    def test_sent_twice_an_event_counts_once(self, store, ranking, event):
        store.record_search(ranking("q1"))
        assert store.record_events([event("e1"), event("e2", object_id="b")]) == ["new", "new"]
        assert store.record_events([event("e2"), event("e3"), event("e3")]) == ["duplicate", "new", "duplicate"]
        assert store.counts().events == 3
        store.settle(before=1e9)
        assert store.settled(0, 1)[0].rewards == {"a": 2.0, "b": 1.0}

    def test_none_are_none(self, store):
        assert store.record_events([]) == []

    def test_more_than_a_statement_holds(self, store, ranking, event):
        store.record_search(ranking("q1"))
        events = [event(f"e{number}") for number in range(2500)]
        assert store.record_events(events, most_per_search=2500) == ["new"] * 2500
        assert store.record_events(events) == ["duplicate"] * 2500
        assert store.counts().events == 2500

    def test_one_without_a_known_search_is_kept_and_feeds_nothing(self, store, ranking, event):
        assert store.record_events([event("e1", query_id="nobody")]) == ["new"]
        store.record_search(ranking("nobody"))
        store.settle(before=1e9)
        assert store.settled(0, 1)[0].rewards == {}
        assert store.counts().events == 1

    def test_after_settlement_an_event_is_late(self, store, ranking, event):
        store.record_search(ranking("q1", at=100.0))
        store.record_search(ranking("q2", at=200.0))
        store.record_events([event("e1", "q1"), event("e2", "q2")])
        store.settle(before=150.0)
        store.record_events([event("e3", "q1"), event("e4", "q2")])
        assert store.counts().late_events == 1

    def test_a_search_has_so_many_events_and_no_more(self, store, ranking, event):
        store.record_search(ranking("q1"))
        store.record_search(ranking("q2"))
        assert store.record_events([event("e1"), event("e2"), event("e3")], most_per_search=2) == [
            "new",
            "new",
            "excess",
        ]
        store.settle(before=1e9)
        late = [event("e1"), event("e4"), event("e5", "q2")]
        assert store.record_events(late, most_per_search=2) == ["duplicate", "excess", "new"]
        assert store.counts().events == 3

    def test_those_without_a_reward_take_no_place_of_others(self, store, ranking, event):
        store.record_search(ranking("q1"))
        noops = [event(f"n{number}", reward=0.0) for number in range(3)]
        assert store.record_events(noops, most_per_search=2) == ["new", "new", "excess"]
        clicks = [event("c1"), event("c2", reward=-1.0), event("c3")]
        assert store.record_events([*noops[2:], *clicks], most_per_search=2) == ["excess", "new", "new", "excess"]

    @pytest.mark.parametrize("reward", [0.0, 1.0, -1.0])
    @pytest.mark.parametrize("calls", [1, 4])
    def test_the_bytes_of_one_search_are_bounded(self, store, ranking, event, reward, calls):
        for query_id in ("q1", "q2"):
            store.record_search(ranking(query_id))
        # A backslash is something else in PostgreSQL's bytes; the others have more bytes than characters.
        events = [event(f"e{number}", reward=reward, payload="\\é日🎵" * 1024) for number in range(12)]
        size = 12 // calls
        sent = [store.record_events(events[first : first + size]) for first in range(0, 12, size)]
        outcomes = [outcome for each in sent for outcome in each]
        fits = MOST_BYTES[reward != 0] // 10_240
        assert outcomes == ["new"] * fits + ["full"] * (12 - fits)
        assert store.record_events([*events, event("e12", "q2", reward=reward)]) == [
            *["duplicate"] * fits,
            *["full"] * (12 - fits),
            "new",
        ]
        small = event("small", reward=reward, payload="x")
        assert store.record_events([small]) == ["new"]

    def test_bytes_of_events_without_a_reward_take_none_from_others(self, store, ranking, event):
        store.record_search(ranking("q1"))
        noops = [event(f"n{number}", reward=0.0, payload="x" * 4096) for number in range(9)]
        assert store.record_events(noops) == ["new"] * 8 + ["full"]
        clicks = [event(f"c{number}", payload="x" * 32_768) for number in range(4)]
        assert store.record_events(clicks) == ["new"] * 3 + ["full"]

    def test_several_processes_together_keep_no_more(self, store, ranking, event, child, url):
        store.record_search(ranking("q1"))
        processes = [child(SENDER, url=url, sender=sender) for sender in range(3)]
        assert [said.recv() for _, said in processes] == ["ready"] * 3
        outcomes = [outcome for _, said in processes for outcome in said.recv()]
        assert outcomes.count("new") == MOST_BYTES[True] // 8192
        assert store.counts().events == MOST_BYTES[True] // 8192

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("event_id", "\0"),
            ("query_id", "\ud800"),
            ("object_id", "x" * 2049),
            ("action_name", "click\0"),
            ("payload", "\ud800"),
            ("timestamp", math.nan),
            ("received_at", 10**400),
            ("reward", math.inf),
        ],
    )
    def test_what_cannot_be_kept_is_named_and_none_is_recorded(self, store, ranking, event, field, value):
        store.record_search(ranking("q1"))
        with pytest.raises(InvalidInputError, match=field):
            store.record_events([event("e1"), replace(event("e2"), **{field: value})])
        assert store.counts().events == 0
        assert store.record_events([event("e1")]) == ["new"]

    @settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(calls=st.lists(st.lists(st.integers(0, 12), max_size=8), max_size=6), threads=st.integers(1, 4))
    def test_whoever_sends_it_each_event_is_new_exactly_once(self, store, ranking, event, calls, threads):
        query_id = f"q{store.counts().decisions}"
        store.record_search(ranking(query_id))
        before = store.counts().events

        def send(numbers):
            return numbers, store.record_events([event(f"{query_id}-{number}", query_id) for number in numbers])

        with ThreadPoolExecutor(threads) as pool:
            answers = list(pool.map(send, calls))
        new = [
            number
            for numbers, outcomes in answers
            for number, outcome in zip(numbers, outcomes, strict=True)
            if outcome == "new"
        ]
        assert sorted(new) == sorted({number for numbers in calls for number in numbers})
        assert store.counts().events - before == len(new)
