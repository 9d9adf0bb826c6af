from haystack import Document

from ltrr_haystack.catalogue import CollectionStatistics, active_statistics, publish
from ltrr_haystack.store import CATALOGUE

EMPTY = CollectionStatistics.empty(["content"], "en")
ONE = EMPTY.changed(added=[Document(content="a song")])
TWO = ONE.changed(added=[Document(content="the sea")])


def test_what_is_published_is_taken_up(store):
    active = active_statistics(store, poll_interval=0.0)
    assert active.current() == (None, 0)
    assert publish(store, ONE) == [1]
    assert active.current() == (ONE, 1)
    publish(store, TWO)
    assert active.current() == (TWO, 2)


def test_the_card_says_what_they_are_of(store):
    publish(store, TWO)
    [info] = store.snapshots(CATALOGUE)
    assert info.card == {"documents": 2, "fields": "content", "stems": 4, "language": "en"}
