import pytest
from haystack import Document, Pipeline
from haystack.components.embedders import MockTextEmbedder
from haystack.components.retrievers import InMemoryBM25Retriever, InMemoryEmbeddingRetriever, TextEmbeddingRetriever
from haystack.document_stores.in_memory import InMemoryDocumentStore

from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.types import ArmRequest


@pytest.fixture
def retriever():
    return InMemoryBM25Retriever(InMemoryDocumentStore())


class TestSettings:
    @pytest.mark.parametrize(
        ("setting", "value"),
        [("timeout", 0), ("cool_down", -1)],
    )
    def test_seconds_must_be_positive(self, retriever, setting, value):
        with pytest.raises(ConfigurationError, match=f"{setting} of arm 'bm25' must be positive, got {value}"):
            RetrievalArm("bm25", retriever, **{setting: value})

    @pytest.mark.parametrize("setting", ["max_workers", "filtered_workers", "break_after"])
    def test_counts_must_be_whole_numbers_of_at_least_one(self, retriever, setting):
        for value, expected in ((0, "at least 1, got 0"), (1.5, "a whole number, got 1.5"), ("2", "a number, got '2'")):
            with pytest.raises(ConfigurationError, match=f"{setting} of arm 'bm25' must be {expected}"):
                RetrievalArm("bm25", retriever, **{setting: value})

    @pytest.mark.parametrize("setting", ["timeout", "cool_down"])
    def test_seconds_must_be_finite_numbers(self, retriever, setting):
        for value, expected in ((float("nan"), "a finite number, got nan"), ("2", "a number, got '2'")):
            with pytest.raises(ConfigurationError, match=f"{setting} of arm 'bm25' must be {expected}"):
                RetrievalArm("bm25", retriever, **{setting: value})

    def test_an_unknown_async_mode_is_refused(self, retriever):
        with pytest.raises(ConfigurationError, match="async_mode of arm 'x' must be 'auto' or 'thread', got 'sync'"):
            RetrievalArm("x", retriever, async_mode="sync")

    def test_the_name_must_not_be_empty(self, retriever):
        with pytest.raises(ConfigurationError, match="name of a RetrievalArm must be a text that is not empty"):
            RetrievalArm("", retriever)

    def test_an_embedding_retriever_needs_wrapping(self):
        retriever = InMemoryEmbeddingRetriever(InMemoryDocumentStore())
        with pytest.raises(ConfigurationError, match="has no query; wrap it in Haystack's TextEmbeddingRetriever"):
            RetrievalArm("dense", retriever)

    def test_what_cannot_run_is_no_retriever(self):
        with pytest.raises(ConfigurationError, match="retriever of arm 'x' must be a component with run"):
            RetrievalArm("x", None)


def test_is_written_to_yaml_and_read_back():
    store = InMemoryDocumentStore()
    store.write_documents([Document(id="a", content="taylor swift", embedding=[0.1] * 8)])
    dense = TextEmbeddingRetriever(
        retriever=InMemoryEmbeddingRetriever(store), text_embedder=MockTextEmbedder(dimension=8)
    )
    pipeline = Pipeline()
    pipeline.add_component("bm25", RetrievalArm("bm25", InMemoryBM25Retriever(store), timeout=0.5, break_after=None))
    pipeline.add_component("dense", RetrievalArm("dense", dense, async_mode="thread", max_workers=2, cool_down=5))
    loaded = Pipeline.loads(pipeline.dumps())
    assert loaded.to_dict() == pipeline.to_dict()
    assert pipeline.to_dict()["components"]["dense"]["init_parameters"]["max_workers"] == 2
    request = ArmRequest("taylor swift", 5)
    found = pipeline.run({"bm25": {"request": request}, "dense": {"request": request}})
    for arm in ("bm25", "dense"):
        assert [document.id for document in found[arm]["result"].documents] == ["a"]
