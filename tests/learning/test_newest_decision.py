"""The newest decision of a log some of whose decisions cannot be read or are gone."""

import pytest

from ltrr_haystack.store import newest_decision

DUE = 10.0


@pytest.fixture
def spoil(database):
    """Makes the pages of all decisions from one on unreadable."""
    statement = "UPDATE ltrr_pages SET payload = x'00' WHERE decision_seq >= {}"
    return lambda first: database(statement.format(int(first)))


@pytest.mark.parametrize(("spoiled", "newest"), [(9, "q8"), (3, "q2"), (2, "q1"), (1, None)])
def test_is_the_newest_that_was_not_set_aside(store, learner, log, spoil, spoiled, newest):
    for number in range(1, 10):
        log.search(f"q{number}")
    spoil(spoiled)
    assert learner.run_once(now=DUE).set_aside > 0
    found = newest_decision(store)
    assert (None if found is None else found.decision.query_id) == newest


def test_is_found_where_younger_ones_are_gone(store, learner, log):
    log.search("kept", at=DUE)
    for number in range(6):
        log.search(f"q{number}")
    learner.run_once(now=2 * DUE)
    store.prune(before=DUE)
    assert newest_decision(store).decision.query_id == "kept"
    store.prune(before=DUE + 1)
    assert newest_decision(store) is None
