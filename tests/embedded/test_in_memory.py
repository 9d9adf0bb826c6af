import pytest
from haystack import Document, Pipeline
from haystack.components.retrievers import InMemoryBM25Retriever
from haystack.errors import FilterError

from ltrr_haystack.embedded import EmbeddedInMemoryStore

DOCUMENTS = [
    Document(id="old", content="a song of love", meta={"year": 1990}),
    Document(id="new", content="love in the rain", meta={"year": 2020}),
    Document(id="odd", content="love, undated", meta={"year": "unknown"}),
    Document(id="silent", meta={"year": 2020}),
    Document(id="other", content="nothing of the kind", meta={"year": 2020}),
]
RECENT = {"field": "meta.year", "operator": ">", "value": 2000}


@pytest.fixture
def store():
    store = EmbeddedInMemoryStore()
    store.write_documents(DOCUMENTS)
    return store


def found(store, **settings):
    return {document.id for document in InMemoryBM25Retriever(store).run("love", **settings)["documents"]}


class TestEmbeddedInMemoryStore:
    def test_a_value_that_cannot_be_compared_costs_only_its_document(self, store):
        assert found(store, filters=RECENT) == {"new"}
        assert found(store, filters={"operator": "NOT", "conditions": [RECENT]}) == {"old", "odd"}

    def test_without_filters_it_is_the_store_that_it_was(self, store):
        assert found(store) == {"old", "new", "odd"}
        assert len(store.filter_documents()) == 5
        assert [document.id for document in store.filter_documents(RECENT)] == ["new", "silent", "other"]

    def test_filters_that_are_not_valid_are_an_error(self, store):
        with pytest.raises(FilterError, match="Unknown comparison operator"):
            store.filter_documents({"field": "meta.year", "operator": "~", "value": 1})

    def test_is_shared_by_name_and_survives_yaml(self):
        EmbeddedInMemoryStore(index="shared-songs").write_documents(DOCUMENTS)
        pipeline = Pipeline()
        pipeline.add_component("bm25", InMemoryBM25Retriever(EmbeddedInMemoryStore(index="shared-songs")))
        again = Pipeline.loads(pipeline.dumps())
        assert again.to_dict() == pipeline.to_dict()
        assert isinstance(again.get_component("bm25").document_store, EmbeddedInMemoryStore)
        assert len(again.run({"bm25": {"query": "love"}})["bm25"]["documents"]) == 3
