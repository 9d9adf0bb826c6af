import pytest
from haystack import Document
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy
from haystack.testing.document_store import CountDocumentsByFilterTest, DocumentStoreBaseExtendedTests
from haystack.testing.document_store_async import (
    CountDocumentsAsyncTest,
    CountDocumentsByFilterAsyncTest,
    DeleteAllAsyncTest,
    DeleteByFilterAsyncTest,
    DeleteDocumentsAsyncTest,
    FilterDocumentsAsyncTest,
    UpdateByFilterAsyncTest,
    WriteDocumentsAsyncTest,
)

from factories import ids

pytest.importorskip("tantivy")

from ltrr_haystack.embedded.tantivy import TantivyDocumentStore
from ltrr_haystack.memory.fetch import DocumentFetcher


class TestAsHaystackHasIt(
    DocumentStoreBaseExtendedTests,
    CountDocumentsByFilterTest,
    CountDocumentsAsyncTest,
    CountDocumentsByFilterAsyncTest,
    DeleteAllAsyncTest,
    DeleteByFilterAsyncTest,
    DeleteDocumentsAsyncTest,
    FilterDocumentsAsyncTest,
    UpdateByFilterAsyncTest,
    WriteDocumentsAsyncTest,
):
    """Haystack's own tests for document stores, with the fields of their documents declared, and without."""

    @pytest.fixture(params=["memory", "memory, declared", "disk, declared"])
    def document_store(self, request, tmp_path):
        declared = {
            "keyword_fields": ["meta.name", "meta.page", "meta.chapter", "meta.category", "meta.status"],
            "number_fields": ["meta.number", "meta.year"],
        }
        store = TantivyDocumentStore(
            str(tmp_path / "index") if "disk" in request.param else None,
            **(declared if "declared" in request.param else {}),
        )
        yield store
        store.close()

    def test_write_documents(self, document_store):
        document = Document(content="test doc")
        assert document_store.write_documents([document]) == 1
        with pytest.raises(DuplicateDocumentError):
            document_store.write_documents([document])
        assert document_store.filter_documents() == [document]

    async def test_write_documents_async(self, document_store):
        document = Document(content="test doc")
        assert await document_store.write_documents_async([document]) == 1
        with pytest.raises(DuplicateDocumentError):
            await document_store.write_documents_async([document], DuplicatePolicy.NONE)


def songs(*names, **settings):
    return [Document(id=name, content=f"song {name}", **settings) for name in names]


class TestWriting:
    @pytest.fixture
    def catalogue(self):
        return TantivyDocumentStore(keyword_fields=["meta.genre"], number_fields=["meta.year"])

    def test_documents_keep_the_order_in_which_they_were_written(self, catalogue):
        catalogue.write_documents(songs("b", "a"))
        catalogue.write_documents(songs("c"))
        assert ids(catalogue.filter_documents()) == ["b", "a", "c"]
        catalogue.write_documents([Document(id="b", content="anew")], DuplicatePolicy.OVERWRITE)
        assert ids(catalogue.filter_documents()) == ["a", "c", "b"]

    @pytest.mark.parametrize("policy", [DuplicatePolicy.NONE, DuplicatePolicy.FAIL])
    def test_a_batch_with_an_id_that_is_there_is_not_written_at_all(self, catalogue, policy):
        catalogue.write_documents(songs("a"))
        with pytest.raises(DuplicateDocumentError, match="a document with the id 'a' exists already"):
            catalogue.write_documents(songs("b", "a", "c"), policy)
        with pytest.raises(DuplicateDocumentError, match="a document with the id 'd' exists already"):
            catalogue.write_documents(songs("d", "d"), policy)
        assert ids(catalogue.filter_documents()) == ["a"]

    def test_skipping_keeps_the_first(self, catalogue):
        catalogue.write_documents(songs("a"))
        again = [Document(id="a", content="anew"), *songs("b"), Document(id="b", content="anew")]
        assert catalogue.write_documents(again, DuplicatePolicy.SKIP) == 1
        assert [document.content for document in catalogue.filter_documents()] == ["song a", "song b"]

    def test_overwriting_keeps_the_last(self, catalogue):
        catalogue.write_documents(songs("a"))
        again = [Document(id="a", content="1"), *songs("b"), Document(id="a", content="2")]
        assert catalogue.write_documents(again, DuplicatePolicy.OVERWRITE) == 3
        assert {document.id: document.content for document in catalogue.filter_documents()} == {"a": "2", "b": "song b"}
        assert catalogue.count_documents() == 2

    def test_what_comes_back_to_what_it_was_within_a_batch_is_left_alone(self, catalogue):
        catalogue.write_documents(songs("a"))
        again = [Document(id="a", content="other"), *songs("a")]
        assert catalogue.write_documents(again, DuplicatePolicy.OVERWRITE) == 2
        assert catalogue.filter_documents() == songs("a")

    def test_overwriting_with_the_same_commits_nothing(self, catalogue):
        catalogue.write_documents(songs("a", "b", embedding=[0.1]))
        before = catalogue.snapshot().commit
        assert catalogue.write_documents(songs("a", "b", embedding=[0.1]), DuplicatePolicy.OVERWRITE) == 2
        assert catalogue.snapshot().commit == before
        catalogue.write_documents(songs("a", embedding=[0.2]), DuplicatePolicy.OVERWRITE)
        assert catalogue.snapshot().commit > before

    def test_no_documents_are_no_work(self, catalogue):
        assert catalogue.write_documents([]) == 0
        catalogue.delete_documents([])
        catalogue.delete_documents(["nothing"])

    def test_the_documents_are_not_changed(self, catalogue):
        given = songs("a", meta={"genre": "pop", "nested": {"a": [1]}})
        before = [document.to_dict() for document in given]
        catalogue.write_documents(given)
        catalogue.update_by_filter({"field": "meta.genre", "operator": "==", "value": "pop"}, {"genre": "rock"})
        assert [document.to_dict() for document in given] == before

    def test_what_was_changed_is_found_by_its_new_metadata_alone(self, catalogue):
        catalogue.write_documents(songs("a", "b", meta={"genre": "pop", "year": 1984}))
        pop, rock = ({"field": "meta.genre", "operator": "==", "value": genre} for genre in ("pop", "rock"))
        assert catalogue.update_by_filter({"field": "id", "operator": "==", "value": "a"}, {"genre": "rock"}) == 1
        assert (ids(catalogue.filter_documents(pop)), ids(catalogue.filter_documents(rock))) == (["b"], ["a"])
        assert catalogue.filter_documents(rock)[0].meta == {"genre": "rock", "year": 1984}

    def test_ids_may_be_anything(self, catalogue):
        names = ["a", "A", " ", "ä", "\ud800", "a\0b", "\0", "x" * 100_000, "meta.genre:pop", "1", "01"]
        catalogue.write_documents([Document(id=name) for name in names])
        assert ids(catalogue.filter_documents()) == names
        assert ids(catalogue.get_documents_by_id(names[::-1])) == names[::-1]
        catalogue.delete_documents(names[:5])
        assert ids(catalogue.filter_documents()) == names[5:]


class TestReading:
    def test_by_id_gives_those_that_are_there_once_in_the_order_asked_for(self):
        store = TantivyDocumentStore()
        store.write_documents(songs("a", "b", "c"))
        assert ids(store.get_documents_by_id(["c", "nothing", "a", "c"])) == ["c", "a"]
        assert store.get_documents_by_id([]) == []

    async def test_by_id_can_be_awaited(self):
        store = TantivyDocumentStore()
        await store.write_documents_async(songs("a"))
        assert await store.get_documents_by_id_async(["a"]) == songs("a")
        await store.close_async()

    def test_of_an_empty_store_is_nothing(self):
        store = TantivyDocumentStore()
        assert store.filter_documents() == store.filter_documents({"field": "x", "operator": "==", "value": 1}) == []
        assert store.count_documents_by_filter({"field": "x", "operator": "==", "value": 1}) == 0


class TestSettings:
    def test_survive_a_round_trip(self):
        store = TantivyDocumentStore(
            "${LTRR_INDEX:-/tmp/index}",
            text_fields={"content": ["words", "trigrams"], "meta.title": "unstemmed"},
            keyword_fields=["meta.genre"],
            number_fields=["meta.year"],
            language="en",
            stop_words=True,
        )
        again = TantivyDocumentStore.from_dict(store.to_dict())
        assert again.to_dict() == store.to_dict()
        assert again.fields == store.fields
        assert store.to_dict()["type"] == "ltrr_haystack.embedded.tantivy.store.TantivyDocumentStore"
        assert store.to_dict()["init_parameters"]["path"] == "${LTRR_INDEX:-/tmp/index}"

    def test_a_memory_brings_documents_by_id_and_nothing_is_scanned(self, monkeypatch):
        store = TantivyDocumentStore(keyword_fields=["meta.sku"])
        store.write_documents(songs("a", "b", meta={"sku": "s"}, embedding=[0.5]))
        monkeypatch.setattr(TantivyDocumentStore, "filter_documents", None)
        fetched = DocumentFetcher(store).fetch(["b", "gone", "a"])
        assert list(fetched) == ["b", "a"]
        assert fetched["b"].embedding is None

    def test_a_memory_brings_documents_by_a_place_in_their_metadata(self):
        store = TantivyDocumentStore(keyword_fields=["meta.sku"])
        store.write_documents([Document(id=name, meta={"sku": f"sku-{name}"}) for name in "abc"])
        assert list(DocumentFetcher(store, "meta.sku").fetch(["sku-c", "sku-a"])) == ["sku-c", "sku-a"]
