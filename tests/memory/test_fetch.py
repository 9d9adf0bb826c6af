import pytest
from haystack import Document
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.utils.filters import document_matches_filter

from ltrr_haystack.memory.fetch import DocumentFetcher, object_id_of

DOCUMENTS = [
    Document(id="a", content="one", meta={"sku": "A", "genre": "pop"}, embedding=[0.1, 0.2]),
    Document(id="b", content="two", meta={"sku": "B", "genre": "rock"}),
    Document(id="c", content="three", meta={"sku": "C", "genre": "pop"}),
    Document(id="z", content="one more of A", meta={"sku": "A", "genre": "pop"}),
]


def is_pop(document):
    return document.meta.get("genre") == "pop"


class Filtering:
    """A document store that only filters, as the protocol has it."""

    def __init__(self):
        self.asked = []

    def filter_documents(self, filters=None):
        self.asked.append(filters)
        return [document for document in reversed(DOCUMENTS) if document_matches_filter(filters, document)]


class FilteringAsync(Filtering):
    def filter_documents(self, filters=None):
        raise AssertionError("the async method is there to be used")

    async def filter_documents_async(self, filters=None):
        return Filtering.filter_documents(self, filters)


class OnlyTexts(Filtering):
    """A document store whose fields are texts, and which refuses to be asked for anything else."""

    def filter_documents(self, filters=None):
        if any(not isinstance(value, str) for value in filters["value"]):
            raise TypeError("a text is no number")
        bare = [Document(id="bare", content="no sku")]
        return super().filter_documents(filters) + [each for each in bare if document_matches_filter(filters, each)]


class Gone:
    """A document store that cannot be reached."""

    def filter_documents(self, filters=None):
        raise ConnectionError("the store is gone")


class ById(Filtering):
    """A document store that finds documents by id."""

    def filter_documents(self, filters=None):
        raise AssertionError("finding by id is there to be used")

    def get_documents_by_id(self, ids):
        self.asked.append(ids)
        return [document for document in reversed(DOCUMENTS) if document.id in ids]


class ByIdAsync(ById):
    def get_documents_by_id(self, ids):
        raise AssertionError("the async method is there to be used")

    async def get_documents_by_id_async(self, ids):
        return ById.get_documents_by_id(self, ids)


class NoScan(InMemoryDocumentStore):
    def filter_documents(self, filters=None):
        raise AssertionError("no search may go through all documents")


def in_memory():
    store = NoScan()
    store.write_documents(DOCUMENTS)
    return store


SYNC = [in_memory, Filtering, ById]
ASYNC = [in_memory, Filtering, FilteringAsync, ById, ByIdAsync]


class TestObjectIdOf:
    @pytest.mark.parametrize(
        ("meta", "expected"),
        [
            ({"sku": "S"}, "S"),
            ({"sku": 7}, "7"),
            ({"sku": ""}, "doc"),
            ({"sku": None}, "doc"),
            ({"sku": True}, "doc"),
            ({"sku": ["S"]}, "doc"),
            ({"sku": "x" * 5000}, "doc"),
            ({"sku": "a\0b"}, "doc"),
            ({"sku": "\ud800"}, "doc"),
            ({"sku": 10**5000}, "doc"),
            ({}, "doc"),
        ],
    )
    def test_is_what_stands_at_its_place_or_else_the_id(self, meta, expected):
        assert object_id_of(Document(id="doc", meta=meta), "meta.sku") == expected

    def test_is_the_id_unless_told_otherwise(self):
        assert object_id_of(Document(id="doc", meta={"id": "other"})) == "doc"


class TestFetch:
    @pytest.mark.parametrize("store", SYNC)
    def test_brings_what_exists_in_the_order_asked_for(self, store):
        found = DocumentFetcher(store()).fetch(["c", "gone", "a"])
        assert list(found) == ["c", "a"]
        assert found["a"].content == "one"

    @pytest.mark.parametrize("store", SYNC)
    def test_brings_only_what_may_be_brought(self, store):
        assert list(DocumentFetcher(store()).fetch(["a", "b", "c"], is_pop)) == ["a", "c"]

    @pytest.mark.parametrize("store", SYNC)
    def test_leaves_embeddings_where_they_are(self, store):
        assert DocumentFetcher(store()).fetch(["a"])["a"].embedding is None
        assert DOCUMENTS[0].embedding == [0.1, 0.2]

    @pytest.mark.parametrize("store", SYNC)
    def test_nothing_wanted_is_nothing_asked(self, store):
        document_store = store()
        assert DocumentFetcher(document_store).fetch([]) == {}
        assert getattr(document_store, "asked", []) == []

    @pytest.mark.parametrize("key", ["sku", "meta.sku"])
    def test_finds_by_a_meta_field_and_takes_the_same_one_of_several_each_time(self, key):
        store = Filtering()
        found = DocumentFetcher(store, key).fetch(["B", "A"])
        assert {object_id: document.id for object_id, document in found.items()} == {"B": "b", "A": "a"}
        assert store.asked == [{"field": "meta.sku", "operator": "in", "value": ["B", "A"]}]

    def test_a_store_that_finds_by_id_is_filtered_where_the_key_is_a_meta_field(self):
        store = InMemoryDocumentStore()
        store.write_documents(DOCUMENTS)
        assert list(DocumentFetcher(store, "sku").fetch(["C"])) == ["C"]

    def test_whole_numbers_in_the_metadata_are_found_too(self):
        store = InMemoryDocumentStore()
        store.write_documents([Document(id="x", content="x", meta={"product": {"ean": 4006381}})])
        assert list(DocumentFetcher(store, "meta.product.ean").fetch(["4006381"])) == ["4006381"]

    @pytest.mark.parametrize("other", ["A1", "bare", "gone", "9" * 5000])
    def test_whole_numbers_are_found_beside_whatever_else_is_wanted(self, other):
        store = InMemoryDocumentStore()
        metas = {"x": {"ean": 4006381}, "y": {"ean": 17}, "z": {"ean": "A1"}, "bare": {}}
        store.write_documents([Document(id=name, content=name, meta=meta) for name, meta in metas.items()])
        found = DocumentFetcher(store, "meta.ean").fetch(["17", other, "4006381"])
        assert list(found) == ["17", *({"A1", "bare"} & {other}), "4006381"]

    def test_numbers_are_asked_for_only_where_texts_found_nothing(self):
        store = Filtering()
        DocumentFetcher(store, "meta.sku").fetch(["A", "8", "7"])
        assert [question["value"] for question in store.asked[:2]] == [["A", "8", "7"], [8, 7]]

    def test_a_store_whose_field_takes_no_numbers_brings_what_it_found(self):
        assert list(DocumentFetcher(OnlyTexts(), "meta.sku").fetch(["A", "7", "b", "bare"])) == ["A", "bare"]

    def test_a_store_that_fails_fails(self):
        with pytest.raises(ConnectionError, match="gone"):
            DocumentFetcher(Gone(), "meta.sku").fetch(["7"])

    def test_a_document_without_the_meta_field_is_known_by_its_id(self):
        store = InMemoryDocumentStore()
        store.write_documents([*DOCUMENTS, Document(id="bare", content="no sku")])
        found = DocumentFetcher(store, "meta.sku").fetch(["bare", "A", "b"])
        assert list(found) == ["bare", "A"]  # "b" is a document's id, but that document is known as "B"

    def test_asks_for_no_more_than_it_takes_to_reach_the_limit(self):
        store = ById()
        found = DocumentFetcher(store).fetch(["a", "b", "c", "z"], limit=1)
        assert list(found) == ["a"]
        assert store.asked == [["a", "b"]]

    def test_goes_on_when_too_few_may_be_brought(self):
        store = ById()
        found = DocumentFetcher(store).fetch(["gone", "b", "c", "z"], is_pop, limit=1)
        assert list(found) == ["c"]
        assert store.asked == [["gone", "b"], ["c", "z"]]


class TestFetchAsync:
    @pytest.mark.parametrize("store", ASYNC)
    async def test_brings_the_same_as_fetch(self, store):
        found = await DocumentFetcher(store()).fetch_async(["c", "gone", "b", "a"], is_pop)
        assert list(found) == ["c", "a"]

    async def test_a_store_whose_field_takes_no_numbers_brings_what_it_found(self):
        found = await DocumentFetcher(OnlyTexts(), "meta.sku").fetch_async(["A", "7", "bare"])
        assert list(found) == ["A", "bare"]

    async def test_a_store_that_fails_fails(self):
        with pytest.raises(ConnectionError, match="gone"):
            await DocumentFetcher(Gone(), "meta.sku").fetch_async(["7"])

    async def test_keeps_to_the_limit(self):
        assert list(await DocumentFetcher(in_memory()).fetch_async(["c", "b", "a"], limit=2)) == ["c", "b"]
