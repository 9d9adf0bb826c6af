import pytest
from haystack import Document
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.utils import Secret

from ltrr_haystack.components.memory_index_retriever import MemoryIndexRetriever
from ltrr_haystack.evaluation.datasets import DataSet, Query
from ltrr_haystack.evaluation.replay.bench import Bench
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
def bench():
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
    return Bench(
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
