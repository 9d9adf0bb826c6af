import threading

import pytest
from haystack import Document

from ltrr_haystack.catalogue import CollectionStatistics, active_statistics, publish, renew
from ltrr_haystack.catalogue.codec import from_bytes
from ltrr_haystack.errors import StoreUnavailableError
from ltrr_haystack.store import CATALOGUE

EMPTY = CollectionStatistics.empty(["content"], "en")
ONE = EMPTY.changed(added=[Document(content="a song")])
TWO = ONE.changed(added=[Document(content="the sea")])


def plus(content):
    return lambda before: (before or EMPTY).changed(added=[Document(content=content)])


def stored(store):
    return from_bytes(store.snapshot(CATALOGUE).payload)


def test_what_is_published_is_taken_up(store):
    active = active_statistics(store, poll_interval=0.0)
    assert active.current() == (None, 0)
    assert publish(store, ONE) == 1
    assert active.current() == (ONE, 1)
    publish(store, TWO)
    assert active.current() == (TWO, 2)


def test_the_card_says_what_they_are_of(store):
    publish(store, TWO)
    [info] = store.snapshots(CATALOGUE)
    assert info.card == {"documents": 2, "fields": "content", "stems": 4, "language": "en"}


def test_renewing_begins_with_nothing(store):
    assert renew(store, plus("a song")) == ONE
    assert stored(store) == ONE


def test_an_unchanged_value_is_not_stored_again(store):
    publish(store, ONE)
    assert renew(store, lambda before: before) == ONE
    assert store.active_version(CATALOGUE) == 1


def test_who_is_overtaken_begins_again_from_what_is_there_now(store, open_store):
    other, seen = open_store(), []

    def change(before):
        seen.append(before)
        if len(seen) == 1:
            renew(other, plus("a song"))
        return plus("the sea")(before)

    assert renew(store, change) == TWO
    assert seen == [None, ONE]
    assert stored(store) == TWO


def test_of_renewals_at_the_same_time_none_is_lost(store):
    contents = [f"word{number}" for number in range(12)]
    threads = [threading.Thread(target=renew, args=(store, plus(content))) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stored(store) == EMPTY.changed(added=[Document(content=content) for content in contents])


def test_statistics_that_cannot_be_read_count_as_none(store):
    store.add_snapshot(CATALOGUE, b"rubbish", {}, activate=True)
    assert renew(store, plus("a song")) == ONE
    assert store.active_version(CATALOGUE) == 2


def test_a_store_that_cannot_be_written_is_no_reason_to_begin_again(store):
    class Full:
        def __init__(self):
            self.tried = 0

        def __getattr__(self, name):
            return getattr(store, name)

        def add_snapshot(self, *args, **kwargs):
            self.tried += 1
            raise StoreUnavailableError("the disk is full")

    full = Full()
    with pytest.raises(StoreUnavailableError, match="the disk is full"):
        renew(full, plus("a song"))
    assert full.tried == 1
