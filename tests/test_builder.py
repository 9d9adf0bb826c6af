from pathlib import Path

import pytest
from haystack import Document, Pipeline, component
from haystack.components.retrievers import InMemoryBM25Retriever, TextEmbeddingRetriever
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.utils import Secret

from ltrr_haystack import (
    FeedbackWriter,
    LTRRStore,
    MemoryIndexRetriever,
    RetrievalArm,
    build_feedback_pipeline,
    build_search_pipeline,
)
from ltrr_haystack.embedded.minilm import MiniLMTextEmbedder
from ltrr_haystack.embedded.qdrant import EmbeddedQdrantRetriever, EmbeddedQdrantStore
from ltrr_haystack.errors import ConfigurationError

PIPELINES = Path(__file__).parents[1] / "pipelines"
ARMS = {"bm25": {"kind": "lexical", "levels": [0, 10]}, "memory": {"kind": "memory", "levels": [10]}}


@component
class Found:
    @component.output_types(documents=list[Document])
    def run(self, query: str, filters: dict | None = None, top_k: int | None = None):
        return {"documents": [Document(id="d1", content="love", score=1.0)]}


@pytest.fixture
def store(tmp_path):
    store = LTRRStore(Secret.from_token(f"sqlite:///{tmp_path}/ltrr.db"))
    yield store
    store.close()


class TestBuildSearchPipeline:
    def test_gives_the_pipeline_of_the_yaml(self, monkeypatch, tmp_path):
        monkeypatch.setenv("LTRR_STORE_URL", f"sqlite:///{tmp_path}/ltrr.db")
        loaded = Pipeline.loads((PIPELINES / "search" / "search.yml").read_text())
        router = loaded.get_component("router")
        documents = InMemoryDocumentStore(index="documents")
        store = LTRRStore()
        dense = TextEmbeddingRetriever(
            retriever=EmbeddedQdrantRetriever(EmbeddedQdrantStore("documents", embedding_dim=384)),
            text_embedder=MiniLMTextEmbedder(),
        )
        built = build_search_pipeline(
            {
                "bm25": RetrievalArm("bm25", InMemoryBM25Retriever(documents), async_mode="thread"),
                "dense": RetrievalArm("dense", dense, async_mode="thread"),
                "memory": RetrievalArm("memory", MemoryIndexRetriever(store, documents), async_mode="thread"),
            },
            arms=router.arms,
            budget=router.budget,
            baseline=router.baseline,
            store=store,
            weights=loaded.get_component("joiner").weights,
        )
        assert built.to_dict()["components"] == loaded.to_dict()["components"]
        assert _connections(built) == _connections(loaded)

    def test_searches_and_takes_feedback(self, store):
        search = build_search_pipeline(
            {"bm25": Found(), "memory": Found()},
            arms=ARMS,
            budget=20,
            baseline={"bm25": 10, "memory": 10},
            store=store,
            mode="baseline",
        )
        page = search.run({"understanding": {"query": "love"}})["impressions"]
        assert [document.id for document in page["documents"]] == ["d1"]
        (candidate,) = page["ranking"].candidates
        assert set(candidate.arms) == {"bm25", "memory"}
        event = {
            "action_name": "click",
            "query_id": page["query_id"],
            "event_attributes": {"object": {"object_id": "d1"}},
        }
        feedback = build_feedback_pipeline(FeedbackWriter(store))
        assert feedback.run({"feedback": {"events": [event]}})["feedback"]["accepted"] == 1

    def test_retrievers_and_arms_must_carry_the_same_names(self, store):
        with pytest.raises(ConfigurationError, match=r"only one of them has \['dense', 'memory'\]"):
            build_search_pipeline(
                {"bm25": Found(), "dense": Found()}, arms=ARMS, budget=20, baseline={"bm25": 10}, store=store
            )

    def test_an_arm_cannot_take_the_name_of_a_component(self, store):
        arms = {"ranker": {"kind": "lexical", "levels": [0, 10]}}
        with pytest.raises(ConfigurationError, match="ranker"):
            build_search_pipeline({"ranker": Found()}, arms=arms, budget=10, baseline={"ranker": 10}, store=store)


def _connections(pipeline):
    return sorted(tuple(connection.values()) for connection in pipeline.to_dict()["connections"])
