import pytest
from haystack import Document
from haystack.document_stores.in_memory import InMemoryDocumentStore

from ltrr_haystack.catalogue import CollectionStatistics, StatisticsCollector, build, building
from ltrr_haystack.catalogue.codec import from_bytes
from ltrr_haystack.store import CATALOGUE, SnapshotDraft

DOCUMENTS = [Document(id=str(number), content=f"song {number}") for number in range(7)]
EXPECTED = CollectionStatistics.empty(["content"], "en").changed(added=DOCUMENTS)


class Listing:
    """A document store that has nothing but what Haystack asks of one."""

    def __init__(self):
        self.asked = 0

    def filter_documents(self, filters=None):
        self.asked += 1
        return list(DOCUMENTS)


class Ids:
    def __init__(self):
        self.batches = []

    def add(self, documents):
        self.batches.append([document.id for document in documents])

    def draft(self):
        return SnapshotDraft("ids", b"")


def in_memory():
    store = InMemoryDocumentStore()
    store.write_documents(DOCUMENTS)
    return store


@pytest.mark.parametrize("source", [in_memory, Listing, lambda: DOCUMENTS, lambda: iter(DOCUMENTS)])
def test_counts_the_documents_of_any_store(source):
    collector = StatisticsCollector(["content"])
    assert build(source(), [collector]) == 7
    assert collector.statistics() == EXPECTED


def test_several_collectors_see_each_document_once_in_batches(monkeypatch):
    monkeypatch.setattr(building, "BATCH", 3)
    store, ids, seen = Listing(), Ids(), []
    collector = StatisticsCollector(["content"])
    build(store, [collector, ids], seen.append)
    assert store.asked == 1
    assert ids.batches == [["0", "1", "2"], ["3", "4", "5"], ["6"]]
    assert seen == [3, 6, 7]
    assert collector.statistics() == EXPECTED


def test_the_draft_says_what_it_is_of():
    collector = StatisticsCollector(["content"], None)
    build(DOCUMENTS, [collector])
    draft = collector.draft()
    assert draft.kind == CATALOGUE
    assert draft.card == {"documents": 7, "fields": "content", "stems": 8, "language": "none"}
    assert from_bytes(draft.payload) == collector.statistics()


def test_an_embedded_index_is_read_document_by_document():
    tantivy = pytest.importorskip("ltrr_haystack.embedded.tantivy")
    store = tantivy.TantivyDocumentStore()
    store.write_documents(DOCUMENTS)
    collector = StatisticsCollector(["content"])
    assert build(store, [collector]) == 7
    assert collector.statistics() == EXPECTED
    assert [document.id for document in store.iterate_documents()] == [document.id for document in DOCUMENTS]
