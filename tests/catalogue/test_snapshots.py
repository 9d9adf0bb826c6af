import gc
import threading
from contextlib import suppress
from queue import Queue

import pytest
from haystack import Document

from ltrr_haystack.catalogue import (
    CollectionStatistics,
    LexiconCollector,
    LexiconFields,
    active_lexicon,
    active_statistics,
    lexicon_codec,
    load_lexicon,
    publish,
    snapshots,
)
from ltrr_haystack.errors import SnapshotError
from ltrr_haystack.store import CATALOGUE, LEXICON, Snapshot

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


def values(*artists):
    collector = LexiconCollector(LexiconFields(["meta.artist", "meta.genre"], category="meta.mood"))
    collector.add([Document(content="x", meta={"artist": artist, "mood": "calm"}) for artist in artists])
    return collector.counts()


def test_statistics_and_a_lexicon_are_published_together(store):
    lexicon = active_lexicon(store, poll_interval=0.0)
    assert lexicon.current() == (None, 0)
    assert publish(store, ONE, values("Zaz")) == [1, 1]
    assert lexicon.current() == (values("Zaz").lexicon(), 1)
    assert publish(store, values("Zaz", "Prince")) == [2]
    assert lexicon.current() == (values("Zaz", "Prince").lexicon(), 2)


def test_the_card_of_a_lexicon_says_what_it_is_of(store):
    publish(store, values("Zaz", "Prince", "PRINCE"))
    [info] = store.snapshots(LEXICON)
    assert info.card == {"documents": 3, "fields": "artist, genre", "values": 2}


def test_the_card_of_a_lexicon_says_what_is_odd(store):
    collector = LexiconCollector(LexiconFields(["meta.artist"]))
    alike = [Document(id=f"d{number}", meta={"artist": "Zaz"}) for number in range(40)]
    collector.add([*alike, Document(id="list", meta={"artist": ["Zaz"]}), Document(id="number", meta={"artist": 7})])
    publish(store, collector.counts())
    [info] = store.snapshots(LEXICON)
    assert info.card["odd"] == "artist: 1 with lists, 1 with numbers"


def test_components_share_the_lexicon(store):
    publish(store, values("Zaz"))
    one, another = active_lexicon(store), active_lexicon(store)
    assert one.current()[0] is another.current()[0]


@pytest.mark.parametrize(
    ("codec", "holding", "newer"),
    [("codec", active_statistics, TWO), ("lexicon_codec", active_lexicon, values("Prince"))],
    ids=["statistics", "lexicon"],
)
def test_newer_ones_are_read_in_a_thread_of_their_own(store, monkeypatch, codec, holding, newer):
    publish(store, ONE, values("Zaz"))
    active = holding(store, poll_interval=1e-6)
    active.current()
    read, threads = getattr(snapshots, codec).from_bytes, Queue()

    def reading(payload):
        threads.put(threading.current_thread())
        return read(payload)

    monkeypatch.setattr(getattr(snapshots, codec), "from_bytes", reading)
    publish(store, newer)
    active.current()
    thread = threads.get(timeout=10.0)
    assert thread is not threading.current_thread()
    thread.join(10.0)
    assert active.current()[1] == 2


@pytest.mark.parametrize("payload", [lexicon_codec.to_bytes(values("Ann")), b"rubbish"], ids=["good", "bad"])
def test_garbage_is_collected_again_after_a_lexicon_was_loaded(payload):
    with suppress(SnapshotError):
        load_lexicon(Snapshot(LEXICON, 1, payload, {}, 0.0))
    assert gc.isenabled()
