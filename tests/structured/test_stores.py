from types import SimpleNamespace
from uuid import uuid4

import pytest
from haystack.components.retrievers import InMemoryBM25Retriever
from haystack.document_stores.in_memory import InMemoryDocumentStore

from ltrr_haystack.structured.stores import list_operator_of


def test_the_embedded_store_knows_array_contains_also_behind_other_retrievers():
    tantivy = pytest.importorskip("ltrr_haystack.embedded.tantivy")
    retriever = tantivy.TantivyBM25Retriever(tantivy.TantivyDocumentStore(index=uuid4().hex))
    assert list_operator_of(retriever) == "array_contains"
    assert list_operator_of(SimpleNamespace(retriever=SimpleNamespace(retriever=retriever))) == "array_contains"


def test_qdrant_takes_equality():
    qdrant = pytest.importorskip("haystack_integrations.document_stores.qdrant")

    class Mine(qdrant.QdrantDocumentStore):
        """A store of somebody's own."""

    assert list_operator_of(SimpleNamespace(document_store=Mine(":memory:", embedding_dim=2))) == "=="


def test_of_others_nothing_is_known():
    around = SimpleNamespace()
    around.retriever = around
    for retriever in (InMemoryBM25Retriever(InMemoryDocumentStore()), SimpleNamespace(), around):
        assert list_operator_of(retriever) is None


def test_a_retriever_that_was_told_its_operator_is_believed():
    inner = SimpleNamespace(document_store=object())
    for told in ("array_contains", "==", None):
        assert list_operator_of(SimpleNamespace(list_operator=told, retriever=inner)) == told
    assert list_operator_of(SimpleNamespace(list_operator="auto", retriever=inner)) is None
