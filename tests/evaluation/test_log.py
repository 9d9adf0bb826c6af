import pytest
from haystack import Document

from ltrr_haystack.evaluation.log import read_log
from ltrr_haystack.store import EventRecord
from ltrr_haystack.types import ActionSet, Arm, Candidate, Decision, Provenance, Ranking, Understanding

ACTIONS = ActionSet((Arm("bm25", "lexical", (10,)),), 10, {"bm25": 10})


def page(query_id):
    decision = Decision(query_id, 1.7e9, Understanding("x", "x"), ACTIONS, {"bm25": 10}, 1.0, "live", "any")
    shown = Candidate("a", Document(id="a"), {"bm25": Provenance(1, None, 1.0)}, 1.0)
    return Ranking(decision, (shown,), ({},))


@pytest.fixture
def five(record, store):
    """Five settled searches, the n-th of which earned n."""
    record(store, [(page(f"q{number}"), {"a": float(number)}) for number in range(1, 6)])
    return store


def test_goes_through_all_settled_decisions_batch_by_batch(five):
    read = list(read_log(five, batch=2))

    assert [settled.decision.query_id for settled in read] == ["q1", "q2", "q3", "q4", "q5"]
    assert [settled.rewards["a"] for settled in read] == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_begins_and_ends_where_it_is_told_to(five):
    assert [settled.seq for settled in read_log(five, 3, batch=2)] == [1, 2, 3]
    assert [settled.seq for settled in read_log(five, 4, after=1, batch=2)] == [2, 3, 4]
    assert [settled.seq for settled in read_log(five, after=3)] == [4, 5]


def test_leaves_out_what_is_not_settled_and_counts_late_events(record, store):
    record(store, [(page("q1"), {"a": 1.0})])
    store.record_search(page("q2"))
    store.record_events([EventRecord("late", "q1", "a", "buy", 1.7e9, 1.7e9, 3.0)])

    (only,) = read_log(store)

    assert only.rewards == {"a": 4.0}


def test_an_empty_store_has_an_empty_log(store):
    assert list(read_log(store)) == []
