from factories import remember
from ltrr_haystack.store import Counts, Evidence, HistoryEntry, LearningUpdate, MemoryEntry, retention


class TestPrune:
    def test_what_is_old_and_learned_goes(self, store, learned, event):
        learned(4)
        store.record_events([event("e1", "q4")])
        assert store.prune(before=103.0) == 2
        assert set(store.searches(["q1", "q2", "q3", "q4"])) == {"q3", "q4"}
        assert store.counts() == Counts(decisions=2, impressions=6, events=1, late_events=1, learned=2)

    def test_events_go_with_their_decision(self, store, ranking, event, learned):
        store.record_search(ranking("old", at=1.0))
        store.record_events([event("e1", "old"), event("e2", "old", None)])
        learned(1)
        assert store.prune(before=50.0) == 1
        assert store.counts() == Counts(decisions=1, impressions=3, events=0, late_events=0, learned=1)

    def test_what_is_not_learned_stays_however_old(self, store, ranking):
        store.record_search(ranking("q1", at=1.0))
        store.settle(before=1e9)
        assert store.prune(before=1e9) == 0
        assert store.counts().decisions == 1

    def test_a_late_reward_is_waited_for(self, store, learned, event):
        learned(2)
        store.record_events([event("e1", "q1", "a"), event("e2", "q2", "not shown")])
        assert store.prune(before=1e9) == 1
        assert set(store.searches(["q1", "q2"])) == {"q1"}
        late = store.late_rewards(0, 10).last
        mark = store.watermark()
        store.commit_learning(LearningUpdate(holder="learner", since=mark, learned=mark.learned, late=late))
        assert store.prune(before=1e9) == 1

    def test_what_was_fed_stays(self, store, learned):
        learned(1)
        mark = store.watermark()
        memory = {("love songs", "a"): Evidence(1.0, 1.0)}
        store.commit_learning(LearningUpdate(holder="learner", since=mark, learned=1, late=0, memory=memory))
        store.prune(before=1e9)
        assert store.memory("love songs")[0].successes == 1.0
        assert store.watermark() == mark

    def test_what_counted_of_its_rewards_goes_with_a_decision(self, store, engines, ranking, event):
        store.record_search(ranking("q1", at=1.0))
        store.record_events([event("e1", "q1", "a", reward=9.0)])
        store.settle(before=1e9)
        store.acquire_lease("learner", 60)
        counted = {(1, "a"): 3.0}
        store.commit_learning(
            LearningUpdate(holder="learner", since=store.watermark(), learned=1, late=0, counted_rewards=counted)
        )
        assert store.learned(0, 10)[0].counted_rewards == {"a": 3.0}
        assert store.prune(before=1e9) == 1
        with engines.reader.connect() as connection:
            assert connection.exec_driver_sql("SELECT * FROM ltrr_counted_rewards").all() == []

    def test_the_log_goes_on_where_it_was(self, store, ranking, learned):
        learned(3)
        store.prune(before=1e9)
        store.record_search(ranking("q4", at=200.0))
        store.settle(before=1e9)
        assert [settled.seq for settled in store.settled(store.watermark().learned, 10)] == [4]

    def test_a_clock_that_was_wrong_once_stops_nothing(self, store, ranking, learned):
        store.record_search(ranking("future", at=150.0))
        learned(2)
        store.settle(before=1e9)
        mark = store.watermark()
        store.commit_learning(LearningUpdate(holder="learner", since=mark, learned=mark.settled, late=0))
        assert store.prune(before=140.0) == 2

    def test_events_of_no_search_go_by_their_own_age(self, store, event):
        store.record_events([event("e1", "x", received_at=10.0), event("e2", "x", received_at=20.0)])
        assert store.prune(before=20.0) == 0
        assert store.counts().events == 1

    def test_goes_through_however_many(self, store, learned, monkeypatch):
        monkeypatch.setattr("ltrr_haystack.store.pruning.PRUNE_AT_ONCE", 2)
        learned(5)
        assert store.prune(before=1e9) == 5
        assert store.counts() == Counts(0, 0, 0, 0, 0)


class TestForgetting:
    def test_what_was_never_chosen_is_forgotten_once_its_query_was_not_searched_for_long(self, store):
        looks = {("love", "a"): (2.0, 1.0), ("love", "b"): (2.0, 0.0), ("rain", "a"): (0.05, 0.0)}
        remember(store, looks, {("love", "bm25"): (2.0, 1.0, 9.0), ("rain", "bm25"): (1.0, 0.0, 9.0)}, at=10.0)
        remember(store, {("hope", "a"): (1.0, 0.0)}, {("hope", "bm25"): (1.0, 0.0, 9.0)}, at=20.0)
        assert store.prune(before=20.0) == 0
        assert store.memory("love") == [MemoryEntry("a", 2.0, 1.0, 10.0, 10.0)]
        assert store.history("love") == {"bm25": HistoryEntry(2.0, 1.0, 9.0)}
        assert (store.memory("rain"), store.history("rain")) == ([], {})
        assert store.memory("hope") == [MemoryEntry("a", 1.0, 0.0, 20.0, 20.0)]
        assert store.history("hope") == {"bm25": HistoryEntry(1.0, 0.0, 9.0)}

    def test_of_a_query_that_is_still_searched_nothing_is_forgotten(self, store):
        """Otherwise documents that nobody chose would come back to pages that are looked at every day."""
        remember(store, {("love", "a"): (9.0, 0.0), ("love", "b"): (1.0, 0.0)}, at=10.0)
        remember(store, {("love", "b"): (1.0, 0.0)}, at=20.0)
        store.prune(before=15.0)
        assert [(entry.object_id, entry.exposures) for entry in store.memory("love")] == [("a", 9.0), ("b", 2.0)]

    def test_the_history_of_a_query_that_never_showed_anything_goes_unless_it_is_still_searched(self, store):
        nothing = {("rain", arm): (1.0, 0.0, 0.0) for arm in ("bm25", "dense")}
        remember(store, history=nothing | {("hope", "bm25"): (1.0, 0.0, 0.0)}, at=10.0)
        remember(store, history={("rain", "dense"): (1.0, 0.0, 0.0)}, at=20.0)
        store.prune(before=20.0)
        assert store.history("hope") == {}
        assert store.history("rain") == {"bm25": HistoryEntry(1.0, 0.0, 0.0), "dense": HistoryEntry(2.0, 0.0, 0.0)}
        store.prune(before=21.0)
        assert store.history("rain") == {}

    def test_goes_through_all_queries_and_lets_others_write_in_between(self, store, monkeypatch):
        monkeypatch.setattr("ltrr_haystack.store.pruning.FORGET_AT_ONCE", 2)
        numbers = range(9)
        looks = {(f"query {number}", name): (1.0, 0.0) for number in numbers for name in "abc"}
        remember(store, looks | {("", "a"): (1.0, 0.0), ("query 4", "d"): (1.0, 1.0)}, at=10.0)
        pauses = []

        def pause(seconds):
            pauses.append(seconds)
            remember(store, {(f"between {len(pauses)}", "a"): (1.0, 0.0)}, at=20.0)

        monkeypatch.setattr("ltrr_haystack.store.pruning.time.sleep", pause)
        store.prune(before=15.0)
        assert len(pauses) == 5
        assert [name for number in numbers for name in store.memory(f"query {number}")] == store.memory("query 4")
        assert [entry.object_id for entry in store.memory("query 4")] == ["d"]
        assert store.memory("") == []
        assert all(store.memory(f"between {number}") for number in range(1, 6))

    def test_a_query_of_which_something_is_learned_meanwhile_is_left_alone(self, store, monkeypatch):
        remember(store, {("love", "a"): (1.0, 0.0), ("rain", "a"): (1.0, 0.0)}, at=10.0)
        find = retention.forgettable

        def found_too_early(*asked):
            query_keys = find(*asked)
            if query_keys:
                remember(store, {("love", "b"): (1.0, 0.0)}, at=20.0)
            return query_keys

        monkeypatch.setattr(retention, "forgettable", found_too_early)
        store.prune(before=15.0)
        assert [entry.object_id for entry in store.memory("love")] == ["a", "b"]
        assert store.memory("rain") == []

    def test_the_history_of_a_query_that_is_searched_meanwhile_is_left_alone(self, store, monkeypatch):
        remember(store, history={(query, "bm25"): (1.0, 0.0, 0.0) for query in ("love", "rain")}, at=10.0)
        find = retention.outdated

        def found_too_early(*asked):
            query_keys = find(*asked)
            if query_keys:
                remember(store, history={("love", "dense"): (1.0, 0.0, 0.0)}, at=20.0)
            return query_keys

        monkeypatch.setattr(retention, "outdated", found_too_early)
        store.prune(before=15.0)
        assert set(store.history("love")) == {"bm25", "dense"}
        assert store.history("rain") == {}
