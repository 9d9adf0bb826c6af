"""The programs of `benchmarks/`, each as a module."""

import importlib.util
import sys
from itertools import chain
from pathlib import Path

import pytest
from haystack import Document
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.utils import Secret

from ltrr_haystack.components.memory_index_retriever import MemoryIndexRetriever
from ltrr_haystack.evaluation.datasets import DataSet, Query
from ltrr_haystack.evaluation.replay.paraphrases import paraphrases
from ltrr_haystack.evaluation.replay.precomputed import PrecomputedPipeline
from ltrr_haystack.store import LTRRStore

FOLDER = Path(__file__).parents[2] / "benchmarks"


def program(name):
    @pytest.fixture(scope="module", name=name)
    def load():
        spec = importlib.util.spec_from_file_location(f"benchmark_{name}", FOLDER / f"{name}.py")
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(str(FOLDER))
            spec.loader.exec_module(module)
        yield module
        del sys.modules[spec.name]

    return load


coverage, engine, ingest = program("coverage"), program("engine"), program("ingest")
examination, gate = program("examination"), program("gate")
new_queries = program("new_queries")
one_click, readings = program("one_click"), program("readings")
prior_looks = program("prior_looks")
understanding, expected_readings = program("understanding"), program("expected_readings")


@pytest.fixture(scope="module")
def precomputed():
    """A pipeline of one arm: each of forty queries finds six documents; what answers it is the second to sixth."""
    queries = [Query(f"q{number}", f"query number {number}", "topical") for number in range(40)]
    documents = {
        query.id: [Document(id=f"{query.id}-{row}", content="a text") for row in range(6)] for query in queries
    }
    asked = [*queries, *paraphrases(queries, 0).values()]
    nowhere = LTRRStore(Secret.from_token("sqlite:////nowhere.db"))
    return PrecomputedPipeline(
        data=DataSet(
            "tiny",
            [*chain(*documents.values())],
            queries,
            {each.id: {f"{each.id}-{1 + row % 5}": 3} for row, each in enumerate(queries)},
        ),
        arms={"words": {"kind": "lexical", "levels": [0, 6]}, "memory": {"kind": "memory", "levels": [0, 2]}},
        budget=8,
        baseline={"words": 6},
        found={"words": {query.text: documents[query.id] for query in asked}},
        memories={"memory": MemoryIndexRetriever(nowhere, InMemoryDocumentStore())},
    )
