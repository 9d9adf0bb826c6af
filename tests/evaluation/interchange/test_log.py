from ltrr_haystack.evaluation.interchange import read_log
from ltrr_haystack.store import EventRecord


def test_goes_through_all_settled_decisions_page_by_page(log, store):
    log.record(store, [(log.ranking(log.decision(f"q{n}"), ["a"]), {"a": float(n)}) for n in range(1, 6)])

    read = list(read_log(store, page=2))

    assert [settled.decision.query_id for settled in read] == ["q1", "q2", "q3", "q4", "q5"]
    assert [settled.rewards for settled in read] == [{"a": 1.0}, {"a": 2.0}, {"a": 3.0}, {"a": 4.0}, {"a": 5.0}]


def test_ends_where_it_is_told_to(log, store):
    log.record(store, [(log.ranking(log.decision(f"q{n}"), ["a"]), {}) for n in range(1, 6)])

    assert [settled.seq for settled in read_log(store, 3, page=2)] == [1, 2, 3]


def test_leaves_out_what_is_not_settled_and_counts_late_events(log, store):
    log.record(store, [(log.ranking(log.decision("q1"), ["a"]), {"a": 1.0})])
    store.record_search(log.ranking(log.decision("q2"), ["a"]))
    store.record_events([EventRecord("late", "q1", "a", "buy", 1.7e9, 1.7e9, 3.0)])

    (only,) = read_log(store)

    assert only.rewards == {"a": 4.0}


def test_an_empty_store_has_an_empty_log(store):
    assert list(read_log(store)) == []
