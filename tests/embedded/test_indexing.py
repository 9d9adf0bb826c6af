import pytest
from haystack import Document, Pipeline, component
from haystack.components.writers import DocumentWriter
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.document_stores.types import DuplicatePolicy

from ltrr_haystack.embedded import indexing
from ltrr_haystack.errors import ConfigurationError

DOCUMENTS = [Document(id=str(number), content=f"song {number}") for number in range(7)]


@component
class Greeting:
    @component.output_types(text=str)
    def run(self, name: str):
        return {"text": name}


def writing(store):
    pipeline = Pipeline()
    pipeline.add_component("writer", DocumentWriter(store, policy=DuplicatePolicy.OVERWRITE))
    return pipeline


class TestIndex:
    def test_brings_all_documents_through_in_batches(self, monkeypatch):
        monkeypatch.setattr(indexing, "BATCH", 3)
        store = InMemoryDocumentStore()
        assert indexing.index(writing(store), DOCUMENTS) == 7
        assert store.count_documents() == 7

    def test_again_overwrites(self):
        store = InMemoryDocumentStore()
        pipeline = writing(store)
        indexing.index(pipeline, DOCUMENTS)
        indexing.index(pipeline, [Document(id="3", content="another")])
        assert store.count_documents() == 7
        assert {document.content for document in store.filter_documents() if document.id == "3"} == {"another"}

    def test_a_pipeline_that_takes_no_documents_is_refused(self):
        pipeline = Pipeline()
        pipeline.add_component("greeting", Greeting())
        with pytest.raises(ConfigurationError, match="no component with an open input 'documents'"):
            indexing.index(pipeline, DOCUMENTS)
