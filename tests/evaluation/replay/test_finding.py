from dataclasses import replace
from pathlib import Path

import pytest
from haystack import Document

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.datasets import DataSet, Query
from ltrr_haystack.evaluation.replay import Settings, benchmark
from ltrr_haystack.evaluation.replay.finding import require_found

HERE = Path("pipelines")
INDEXING = """
components:
  writer:
    type: haystack.components.writers.document_writer.DocumentWriter
    init_parameters:
      policy: OVERWRITE
      document_store: &documents
        type: haystack.document_stores.in_memory.document_store.InMemoryDocumentStore
        init_parameters: {index: finding}
connections: []
"""
SEARCH = """
components:
  understanding: {type: ltrr_haystack.components.query_understanding.QueryUnderstanding, init_parameters: {}}
  router:
    type: ltrr_haystack.components.bandit_router.BanditRouter
    init_parameters:
      arms: {words: {kind: lexical, levels: [0, 5]}, memory: {kind: memory, levels: [0, 2]}}
      budget: 7
      baseline: {words: 5}
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
            init_parameters: {index: %s}
  memory:
    type: ltrr_haystack.components.retrieval_arm.RetrievalArm
    init_parameters:
      name: memory
      retriever:
        type: ltrr_haystack.components.memory_index_retriever.MemoryIndexRetriever
        init_parameters: {store: *store, document_store: *documents}
  joiner:
    type: ltrr_haystack.components.union_joiner.UnionJoiner
    init_parameters: {arms: [words, memory]}
connections: []
"""
SETTINGS = Settings(impressions=12, seeds=(0,), learn_every=6, reward_wait=2, train_at=(1.0,))


@pytest.fixture
def data():
    queries = [Query(f"q{number}", f"word{number}", "topical") for number in range(8)]
    documents = [Document(id=f"d{number}", content=f"word{number} and others") for number in range(8)]
    return DataSet("small", documents, queries, {f"q{number}": {f"d{number}": 1} for number in range(8)})


@pytest.fixture
def folder(tmp_path):
    """Pipelines that index into one store, and a search pipeline beside them that searches another one."""
    for name, text in (("indexing", INDEXING), ("search", SEARCH % "finding")):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.yml").write_text(text)
    (tmp_path / "elsewhere.yml").write_text(SEARCH % "elsewhere")
    return tmp_path


class TestBenchmark:
    def test_a_configuration_that_searches_where_nothing_is_indexed_is_an_error(self, folder, data):
        places = {"pipelines": folder, "home": folder / "home", "settings": SETTINGS}
        with pytest.raises(ConfigurationError) as refused:
            benchmark(data, folder / "out", configs=[folder / "elsewhere.yml"], **places)
        told = str(refused.value)
        assert "the arm words of" in told
        assert "elsewhere.yml found nothing for any of the 8 queries of 'small'" in told
        assert "--pipelines names a folder with both" in told
        assert not (folder / "out" / "summary.json").exists()

    def test_what_such_a_run_left_behind_is_not_used(self, folder, data):
        """The folder's own pipeline searches the same store by the same retriever once its indexing is mended."""
        places = {"pipelines": folder, "home": folder / "home", "settings": SETTINGS}
        indexing = folder / "indexing" / "indexing.yml"
        right, wrong = indexing.read_text(), indexing.read_text().replace("index: finding", "index: nobody_searches")
        indexing.write_text(wrong)
        (folder / "search" / "search.yml").write_text(SEARCH % "finding_again")
        with pytest.raises(ConfigurationError, match="the arm words of") as refused:
            benchmark(data, folder / "out", **places)
        assert "--config" not in str(refused.value)
        assert list((folder / "home" / "arms").glob("words-*.jsonl"))
        indexing.write_text(right.replace("index: finding", "index: finding_again"))
        figures = benchmark(data, folder / "out", **places)
        assert all(figures.replay.bench.found["words"].values())


class TestRequireFound:
    def test_an_arm_that_finds_a_little_is_fine(self, bench):
        require_found(bench, HERE, None)
        first = bench.data.queries[0].text
        little = {query: (found if query == first else []) for query, found in bench.found["bad"].items()}
        require_found(replace(bench, found={**bench.found, "bad": little}), HERE, None)

    def test_all_that_find_nothing_are_named(self, bench):
        nothing = {arm: dict.fromkeys(found, ()) for arm, found in bench.found.items()}
        with pytest.raises(ConfigurationError, match=r"the arms good, bad of .* any of the 12 queries of 'tiny'"):
            require_found(replace(bench, found=nothing), HERE, None)
        with pytest.raises(ConfigurationError, match=r"the arm bad of mine\.yml found nothing"):
            require_found(replace(bench, found={**bench.found, "bad": nothing["bad"]}), HERE, Path("mine.yml"))
