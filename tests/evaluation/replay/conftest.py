import pytest
from haystack import Document
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.utils import Secret

from ltrr_haystack.components.memory_index_retriever import MemoryIndexRetriever
from ltrr_haystack.evaluation.datasets import DataSet, Query
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


@pytest.fixture(scope="module")
def precomputed():
    """
    Twelve queries. For each, `good` finds its four documents with the answers (grades 3 and 1) at ranks 2 and 4, and
    `bad` finds four others, the last of which `good` has at rank 1.
    """
    queries = [Query(f"q{number}", f"query number {number}", "topical") for number in range(12)]

    def named(query):
        return [f"{query.id}-{name}" for name in sorted({*GOOD, *BAD})]

    documents = {name: Document(id=name, content=name) for query in queries for name in named(query)}
    found = {
        "good": {query.text: [documents[f"{query.id}-{name}"] for name in GOOD] for query in queries},
        "bad": {query.text: [documents[f"{query.id}-{name}"] for name in BAD] for query in queries},
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


INDEXING = """
components:
  writer:
    type: haystack.components.writers.document_writer.DocumentWriter
    init_parameters:
      policy: OVERWRITE
      document_store:
        type: haystack.document_stores.in_memory.document_store.InMemoryDocumentStore
        init_parameters: {index: "%s"}
connections: []
"""
SEARCH = """
components:
  understanding: {type: ltrr_haystack.components.query_understanding.QueryUnderstanding, init_parameters: {}}
  router:
    type: ltrr_haystack.components.bandit_router.BanditRouter
    init_parameters:
      arms:
        words: {kind: lexical, levels: [0, 4], cost_per_call: 0.05}
        odd: {kind: structured, levels: [0, 4], cost_per_call: 0.05}
        memory: {kind: memory, levels: [0, 2]}
      budget: 10
      baseline: {words: 4, odd: 4}
      store: &store
        type: ltrr_haystack.store.store.LTRRStore
        init_parameters: {url: {type: env_var, env_vars: [LTRR_STORE_URL], strict: true}}
  words:
    type: ltrr_haystack.components.retrieval_arm.RetrievalArm
    init_parameters:
      name: words
      retriever:
        type: haystack.components.retrievers.in_memory.bm25_retriever.InMemoryBM25Retriever
        init_parameters:
          document_store: &documents
            type: haystack.document_stores.in_memory.document_store.InMemoryDocumentStore
            init_parameters: {index: "%s"}
  odd:
    type: ltrr_haystack.components.retrieval_arm.RetrievalArm
    init_parameters:
      name: odd
      retriever:
        type: haystack.components.retrievers.in_memory.bm25_retriever.InMemoryBM25Retriever
        init_parameters:
          document_store: *documents
          filters: {field: meta.odd, operator: "==", value: 1}
  memory:
    type: ltrr_haystack.components.retrieval_arm.RetrievalArm
    init_parameters:
      name: memory
      retriever:
        type: ltrr_haystack.components.memory_index_retriever.MemoryIndexRetriever
        init_parameters: {store: *store, document_store: *documents}
  joiner:
    type: ltrr_haystack.components.union_joiner.UnionJoiner
    init_parameters: {arms: [words, odd, memory]}
connections: []
"""


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

    They search an index of this test; `search.yml` beside the folders searches one in which there is nothing.
    """
    folder = tmp_path / "pipelines"
    for name, text in (("indexing", INDEXING), ("search", SEARCH)):
        (folder / name).mkdir(parents=True)
        (folder / name / f"{name}.yml").write_text(text % folder)
    (folder / "elsewhere.yml").write_text(SEARCH % "elsewhere")
    return folder
