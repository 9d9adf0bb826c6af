import pytest
from haystack import Document, Pipeline
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever
from haystack.components.writers import DocumentWriter
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.document_stores.types import DuplicatePolicy
from haystack.utils import Secret

from ltrr_haystack.builder import build_search_pipeline
from ltrr_haystack.components.catalogue_writer import CatalogueWriter
from ltrr_haystack.components.ltrr_ranker import LTRRanker
from ltrr_haystack.components.memory_index_retriever import MemoryIndexRetriever
from ltrr_haystack.evaluation.datasets import DataSet, Query
from ltrr_haystack.evaluation.replay.paraphrases import paraphrases
from ltrr_haystack.evaluation.replay.precomputed import PrecomputedPipeline
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.store import LTRRStore

ARMS = {
    "good": {"kind": "lexical", "levels": [0, 2, 4], "cost_per_call": 0.05},
    "bad": {"kind": "dense", "levels": [0, 2, 4], "cost_per_call": 0.05},
    "memory": {"kind": "memory", "levels": [2]},
}

GOOD = ("x", "a", "y", "b")
BAD = ("u", "v", "w", "x")
SEEDS = (0, 1)


@pytest.fixture(scope="module")
def precomputed():
    """
    Twelve queries. For each, `good` finds its four documents with the answers (grades 3 and 1) at ranks 2 and 4, and
    `bad` finds four others, the last at rank 1 of `good`. For the paraphrases of `SEEDS` they find the same.
    """
    queries = [Query(f"q{number}", f"query number {number}", "topical") for number in range(12)]

    def named(query):
        return [f"{query.id}-{name}" for name in sorted({*GOOD, *BAD})]

    documents = {name: Document(id=name, content=name) for query in queries for name in named(query)}
    asked = [*queries, *(query for seed in SEEDS for query in paraphrases(queries, seed).values())]
    found = {
        "good": {query.text: [documents[f"{query.id}-{name}"] for name in GOOD] for query in asked},
        "bad": {query.text: [documents[f"{query.id}-{name}"] for name in BAD] for query in asked},
    }
    data = DataSet(
        "tiny",
        list(documents.values()),
        queries,
        {query.id: {f"{query.id}-a": 3, f"{query.id}-b": 1} for query in queries},
    )
    return PrecomputedPipeline(
        data=data,
        arms=ARMS,
        budget=10,
        baseline={"good": 4, "bad": 4},
        found=found,
        weights={"memory": 3.0},
        policy=VWPolicy(safe_min=2, safe_baseline_share=0.5, memory_share=0.8),
        memories={
            "memory": MemoryIndexRetriever(
                LTRRStore(Secret.from_token("sqlite:////nowhere.db")), InMemoryDocumentStore(), min_successes=2.0
            )
        },
    )


def searching(index, *, odd=4, **ranking):
    """The YAML of a search pipeline; `odd` is how deep the baseline asks that arm, all else the ranker's."""
    documents, store = InMemoryDocumentStore(index=index), LTRRStore(Secret.from_env_var("LTRR_STORE_URL"))
    filters = {"field": "meta.odd", "operator": "==", "value": 1}
    return build_search_pipeline(
        {
            "words": InMemoryBM25Retriever(documents),
            "odd": InMemoryBM25Retriever(documents, filters=filters),
            "memory": MemoryIndexRetriever(store, documents),
        },
        arms={
            "words": {"kind": "lexical", "levels": [0, 4]},
            "odd": {"kind": "structured", "levels": [0, 4]},
            "memory": {"kind": "memory", "levels": [0, 2]},
        },
        budget=10,
        baseline={"words": 4, "odd": odd},
        store=store,
        ranker=LTRRanker(store, **ranking),
    ).dumps()


def indexing(index, **catalogue):
    """The YAML of an indexing pipeline; with settings of a CatalogueWriter there is one."""
    pipeline, documents = Pipeline(), InMemoryDocumentStore(index=index)
    pipeline.add_component("writer", DocumentWriter(documents, DuplicatePolicy.OVERWRITE))
    if catalogue:
        store = LTRRStore(Secret.from_env_var("LTRR_STORE_URL"))
        pipeline.add_component("catalogue", CatalogueWriter(store, documents, **catalogue))
        pipeline.connect("catalogue.documents", "writer.documents")
    return pipeline.dumps()


@pytest.fixture
def shop(beir):
    """A catalogue of twelve documents, each of which answers one query; every other one is odd."""
    numbers = range(12)
    return beir(
        [
            {"_id": f"d{number}", "text": f"word{number} and more", "metadata": {"odd": number % 2}}
            for number in numbers
        ],
        [{"_id": f"q{number}", "text": f"word{number}"} for number in numbers],
        ["query-id\tcorpus-id\tscore", *(f"q{number}\td{number}\t1" for number in numbers)],
    )


@pytest.fixture
def pipelines(tmp_path):
    """
    A folder with pipelines: `words` finds the document with a query's word, `odd` finds it only if it is odd.

    Beside them are search pipelines with another baseline and, in `elsewhere.yml`, with an index of nothing.
    """
    folder = tmp_path / "pipelines"
    for name, text in (("indexing", indexing(str(folder))), ("search", searching(str(folder)))):
        (folder / name).mkdir(parents=True)
        (folder / name / f"{name}.yml").write_text(text)
    (folder / "narrow.yml").write_text(searching(str(folder), odd=0))
    (folder / "elsewhere.yml").write_text(searching("elsewhere"))
    return folder


@pytest.fixture
def written(pipelines):
    """Writes pipelines of other settings into that folder: search pipelines by name, or how documents are indexed."""

    def write(name, **settings):
        index = str(pipelines)
        text = indexing(index, **settings) if name == "indexing" else searching(index, **settings)
        file = pipelines / "indexing" / "indexing.yml" if name == "indexing" else pipelines / f"{name}.yml"
        file.write_text(text)
        return file

    return write
