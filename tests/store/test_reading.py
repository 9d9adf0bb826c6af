import pytest

from ltrr_haystack.store import newest_decision, read_log


@pytest.fixture
def five(store, ranking, event):
    """Five settled searches, the n-th of which earned n."""
    for number in range(1, 6):
        store.record_search(ranking(f"q{number}"))
        store.record_events([event(f"e{number}", f"q{number}", reward=float(number))])
    store.settle(before=2e9)
    return store


class TestReadLog:
    def test_iterates_over_all_settled_decisions_batch_by_batch(self, five):
        read = list(read_log(five, batch=2))
        assert [settled.decision.query_id for settled in read] == ["q1", "q2", "q3", "q4", "q5"]
        assert [settled.rewards["a"] for settled in read] == [1.0, 2.0, 3.0, 4.0, 5.0]

    def test_begins_and_ends_where_it_is_told_to(self, five):
        assert [settled.seq for settled in read_log(five, 3, batch=2)] == [1, 2, 3]
        assert [settled.seq for settled in read_log(five, 4, after=1, batch=2)] == [2, 3, 4]
        assert [settled.seq for settled in read_log(five, after=3)] == [4, 5]

    def test_leaves_out_what_is_not_settled_and_counts_late_events(self, five, ranking, event):
        five.record_search(ranking("q6", at=3e9))
        five.record_events([event("late", "q5", reward=3.0, received_at=2.1e9)])
        assert [settled.rewards for settled in read_log(five, after=4)] == [{"a": 8.0}]

    def test_an_empty_store_has_an_empty_log(self, store):
        assert list(read_log(store)) == []


class TestNewestDecision:
    def test_is_the_one_that_was_settled_last(self, five, ranking):
        five.record_search(ranking("q6", at=3e9))
        assert newest_decision(five).decision.query_id == "q5"

    def test_there_is_none_in_an_empty_store(self, store):
        assert newest_decision(store) is None
