"""Qdrant as an arm, in its local mode; `QDRANT_URL` names a server to run the same against."""

import os
from uuid import uuid4

import pytest
from haystack import Document, component
from haystack.components.retrievers import TextEmbeddingRetriever
from haystack.utils import Secret

pytest.importorskip("haystack_integrations.document_stores.qdrant")

from haystack_integrations.components.retrievers.qdrant import QdrantEmbeddingRetriever
from haystack_integrations.document_stores.qdrant import QdrantDocumentStore

from ltrr_haystack.builder import build_search_pipeline
from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.policy.static import StaticPolicy
from ltrr_haystack.store import LTRRStore

SONGS = {"rain": [1.0, 0.0], "sun": [0.0, 1.0], "drizzle": [0.9, 0.2]}


@component
class Embedder:
    """Knows the embeddings of a few words."""

    @component.output_types(embedding=list[float])
    def run(self, text: str):
        return {"embedding": SONGS[text]}

    @component.output_types(embedding=list[float])
    async def run_async(self, text: str):
        return self.run(text)


@pytest.fixture
def documents():
    where = {"url": os.environ["QDRANT_URL"]} if "QDRANT_URL" in os.environ else {"location": ":memory:"}
    store = QdrantDocumentStore(index=f"songs-{uuid4().hex}", embedding_dim=2, similarity="cosine", **where)
    store.write_documents(
        [Document(id=name, content=name, meta={"long": len(name) > 4}, embedding=at) for name, at in SONGS.items()]
    )
    return store


@pytest.fixture
def pipeline(documents, tmp_path):
    retriever = TextEmbeddingRetriever(retriever=QdrantEmbeddingRetriever(documents), text_embedder=Embedder())
    return build_search_pipeline(
        {"dense": RetrievalArm("dense", retriever, async_mode="thread")},
        arms={"dense": {"kind": "dense", "levels": [0, 3]}},
        budget=3,
        baseline={"dense": 3},
        store=LTRRStore(Secret.from_token(f"sqlite:///{tmp_path}/ltrr.db")),
        policy=StaticPolicy(),
    )


def search(query, filters=None):
    return {"understanding": {"query": query}, "router": {"filters": filters}}


def found(answer):
    return [document.id for document in answer["impressions"]["documents"]]


def test_it_brings_the_nearest_first(pipeline):
    assert found(pipeline.run(search("rain"))) == ["rain", "drizzle", "sun"]


def test_it_applies_filters(pipeline):
    assert found(pipeline.run(search("rain", {"field": "meta.long", "operator": "==", "value": True}))) == ["drizzle"]


async def test_it_is_awaited(pipeline):
    assert found(await pipeline.run_async(search("sun"))) == ["sun", "drizzle", "rain"]
