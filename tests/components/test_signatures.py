from functools import partial

import pytest
from haystack import Document, component
from haystack.components.embedders import MockTextEmbedder
from haystack.components.retrievers import InMemoryBM25Retriever, InMemoryEmbeddingRetriever
from haystack.document_stores.in_memory import InMemoryDocumentStore

from ltrr_haystack.components.signatures import parameters_of
from ltrr_haystack.errors import ConfigurationError


def advice_for(retriever) -> str:
    with pytest.raises(ConfigurationError) as refused:
        parameters_of("dense", retriever)
    return str(refused.value)


class Lenient:
    def run(self, **kwargs):
        return {"documents": []}


@component
class DynamicSockets:
    def __init__(self, *names: str):
        for name in names:
            component.set_input_type(self, name, str, None)

    @component.output_types(documents=list[Document])
    def run(self, **kwargs):
        return {"documents": []}


class TestParameters:
    def test_of_a_text_retriever_are_named(self):
        assert {"query", "filters", "top_k"} <= parameters_of("bm25", InMemoryBM25Retriever(InMemoryDocumentStore()))

    def test_what_takes_anything_is_taken(self):
        assert parameters_of("any", Lenient())
        assert "top_k" in parameters_of("dynamic", DynamicSockets("query", "filters", "top_k"))

    def test_sockets_tell_what_a_component_really_takes(self):
        assert "has no filters, top_k; call it from a component of your own" in advice_for(DynamicSockets("query"))

    def test_what_cannot_run_is_no_retriever(self):
        assert "must be a component with run(query, filters, top_k), got None" in advice_for(None)


class TestAdvice:
    def test_for_dense_retrievers(self):
        told = advice_for(InMemoryEmbeddingRetriever(InMemoryDocumentStore()))
        assert told == (
            "retriever of arm 'dense' must have run(query, filters, top_k), InMemoryEmbeddingRetriever.run has no query"
            "; wrap it in Haystack's TextEmbeddingRetriever"
        )

    def test_for_qdrants(self):
        stores = pytest.importorskip("haystack_integrations.document_stores.qdrant")
        qdrant = pytest.importorskip("haystack_integrations.components.retrievers.qdrant")
        store = stores.QdrantDocumentStore(":memory:", use_sparse_embeddings=True)
        assert "wrap it in Haystack's TextEmbeddingRetriever" in advice_for(qdrant.QdrantEmbeddingRetriever(store))
        sparse = advice_for(qdrant.QdrantSparseEmbeddingRetriever(store))
        assert "needs a sparse embedding of the query: put it and a sparse text embedder into a component" in sparse
        hybrid = advice_for(qdrant.QdrantHybridRetriever(store))
        assert "QdrantHybridRetriever needs a dense and a sparse embedding of the query: make two arms" in hybrid
        assert "wrap it" not in hybrid

    def test_for_elasticsearchs(self):
        stores = pytest.importorskip("haystack_integrations.document_stores.elasticsearch")
        elastic = pytest.importorskip("haystack_integrations.components.retrievers.elasticsearch")
        store = stores.ElasticsearchDocumentStore(hosts="http://localhost:1")
        parameters_of("bm25", elastic.ElasticsearchBM25Retriever(document_store=store))
        dense = elastic.ElasticsearchEmbeddingRetriever(document_store=store)
        assert "wrap it in Haystack's TextEmbeddingRetriever" in advice_for(dense)
        hybrid = elastic.ElasticsearchHybridRetriever(store, embedder=MockTextEmbedder(dimension=8))
        assert "has no filters, top_k; ElasticsearchHybridRetriever is several retrievers in one: make each" in (
            advice_for(hybrid)
        )
        sparse = partial(elastic.ElasticsearchSparseEmbeddingRetriever, document_store=store)
        assert "needs a sparse embedding of the query" in advice_for(sparse())

    def test_for_pgvectors(self):
        stores = pytest.importorskip("haystack_integrations.document_stores.pgvector")
        pgvector = pytest.importorskip("haystack_integrations.components.retrievers.pgvector")
        from haystack.utils import Secret

        store = stores.PgvectorDocumentStore(connection_string=Secret.from_token("postgresql://localhost:1/x"))
        told = advice_for(pgvector.PgvectorEmbeddingRetriever(document_store=store))
        assert "wrap it in Haystack's TextEmbeddingRetriever" in told
        parameters_of("keyword", pgvector.PgvectorKeywordRetriever(document_store=store))
