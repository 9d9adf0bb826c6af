import threading

import pytest
from haystack import Document

from ltrr_haystack.catalogue import (
    CatalogueCounts,
    CatalogueRenewal,
    CollectionStatistics,
    LexiconCollector,
    LexiconFields,
    publish,
)
from ltrr_haystack.catalogue.codec import from_bytes
from ltrr_haystack.errors import StoreUnavailableError
from ltrr_haystack.store import CATALOGUE, LEXICON

EMPTY = CollectionStatistics.empty(["content"], "en")
ONE = EMPTY.changed(added=[Document(content="a song")])
TWO = ONE.changed(added=[Document(content="the sea")])


def values(*artists):
    collector = LexiconCollector(LexiconFields(["meta.artist"]))
    collector.add([Document(content=artist, meta={"artist": artist}) for artist in artists])
    return collector.counts()


def plus(content):
    return lambda counts: CatalogueCounts((counts.statistics or EMPTY).changed(added=[Document(content=content)]))


def renewed(store, change):
    return CatalogueRenewal(store, CATALOGUE).renew(change).statistics


def stored(store):
    return from_bytes(store.snapshot(CATALOGUE).payload)


def test_renewing_begins_with_nothing(store):
    assert renewed(store, plus("a song")) == ONE
    assert stored(store) == ONE


def test_an_unchanged_value_is_not_stored_again(store):
    publish(store, ONE)
    assert renewed(store, lambda counts: counts) == ONE
    assert store.active_version(CATALOGUE) == 1


def test_who_is_overtaken_begins_again_from_what_is_there_now(store, open_store):
    other, seen = open_store(), []

    def change(counts):
        seen.append(counts.statistics)
        if len(seen) == 1:
            renewed(other, plus("a song"))
        return plus("the sea")(counts)

    assert renewed(store, change) == TWO
    assert seen == [None, ONE]
    assert stored(store) == TWO


def test_of_renewals_at_the_same_time_none_is_lost(store):
    contents = [f"word{number}" for number in range(12)]
    threads = [threading.Thread(target=renewed, args=(store, plus(content))) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stored(store) == EMPTY.changed(added=[Document(content=content) for content in contents])


def test_statistics_that_cannot_be_read_count_as_none(store):
    store.add_snapshot(CATALOGUE, b"rubbish", {}, activate=True)
    assert renewed(store, plus("a song")) == ONE
    assert store.active_version(CATALOGUE) == 2


def test_a_store_that_cannot_be_written_is_no_reason_to_begin_again(store):
    class Full:
        def __init__(self):
            self.tried = 0

        def __getattr__(self, name):
            return getattr(store, name)

        def add_snapshots(self, drafts):
            self.tried += 1
            raise StoreUnavailableError("the disk is full")

    full = Full()
    with pytest.raises(StoreUnavailableError, match="the disk is full"):
        renewed(full, plus("a song"))
    assert full.tried == 1


def test_statistics_and_lexicon_change_together_or_not_at_all(store, open_store):
    renewal, other, seen = CatalogueRenewal(store, CATALOGUE, LEXICON), open_store(), []

    def change(counts):
        seen.append(counts)
        if len(seen) == 1:
            publish(other, values("Zaz"))
        return CatalogueCounts(ONE, values("Prince"))

    renewal.renew(change)
    assert seen == [CatalogueCounts(None, None), CatalogueCounts(None, values("Zaz"))]
    assert store.active_version(CATALOGUE) == 1
    assert store.active_version(LEXICON) == 2


def test_what_is_not_to_be_changed_is_left_alone(store):
    publish(store, values("Zaz"))
    counts = CatalogueRenewal(store, CATALOGUE).renew(lambda counts: CatalogueCounts(ONE, counts.lexicon))
    assert counts == CatalogueCounts(ONE, None)
    assert store.active_version(LEXICON) == 1


def test_only_what_has_changed_is_stored_again(store):
    renewal = CatalogueRenewal(store, CATALOGUE, LEXICON)
    renewal.renew(lambda _: CatalogueCounts(ONE, values("Zaz")))
    renewal.renew(lambda counts: CatalogueCounts(TWO, counts.lexicon))
    assert (store.active_version(CATALOGUE), store.active_version(LEXICON)) == (2, 1)


def test_what_was_stored_last_is_not_read_again_unless_another_version_is_active(store):
    class Reading:
        def __init__(self):
            self.read = 0

        def __getattr__(self, name):
            return getattr(store, name)

        def snapshot(self, kind, version):
            self.read += 1
            return store.snapshot(kind, version)

    reading = Reading()
    renewal = CatalogueRenewal(reading, CATALOGUE)
    for content in ("a", "b", "c"):
        renewal.renew(plus(content))
    assert reading.read == 0
    publish(store, TWO)
    assert renewal.renew(lambda counts: counts) == CatalogueCounts(TWO)
    assert renewal.renew(lambda counts: counts) == CatalogueCounts(TWO)
    assert reading.read == 1
