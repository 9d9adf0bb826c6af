"""The pipelines that `ltrr benchmark` replays unless it is told others."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from haystack import Document, Pipeline, component
from haystack.utils import Secret

from factories import ids

pytest.importorskip("tantivy")

from ltrr_haystack.embedded.indexing import index
from ltrr_haystack.policy.uniform import UniformPolicy
from ltrr_haystack.store import LTRRStore

HYBRID = Path(__file__).parents[2] / "benchmarks" / "hybrid"
SEARCHING = ("bm25", "title", "trigram", "dense")
SONGS = [
    Document(id="rain", content="Wet streets and a saxophone", meta={"title": "November"}),
    Document(id="sun", content="Bright guitars on the beach", meta={"title": "Sunflower"}),
    Document(id="snow", content="A choir sings quietly", meta={"title": "White", "genre": "folk"}),
    Document(id="untitled", content="Drums, nothing but drums"),
]


def vector(text):
    """Text about snow or a choir lies along another axis than all other text."""
    direction = 1 if {"choir", "winter"} & set(text.lower().split()) else 0
    return [float(place == direction) for place in range(384)]


@component
class Embedding:
    """Stands in for MiniLM at search time."""

    @component.output_types(embedding=list[float])
    def run(self, text: str):
        return {"embedding": vector(text)}


@component
class EmbeddingDocuments:
    """Stands in for MiniLM when documents are indexed."""

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]):
        return {"documents": [replace(document, embedding=vector(document.content)) for document in documents]}


def text_of(name):
    return (HYBRID / name / f"{name}.yml").read_text(encoding="utf-8")


def loaded(name):
    """The pipeline of the file with another model."""
    text = text_of(name)
    for model, own in (("MiniLMTextEmbedder", Embedding), ("MiniLMDocumentEmbedder", EmbeddingDocuments)):
        text = text.replace(f"ltrr_haystack.embedded.minilm.{model}", f"{own.__module__}.{own.__name__}")
    return Pipeline.loads(text)


@pytest.fixture(autouse=True)
def _places(monkeypatch, tmp_path):
    monkeypatch.setenv("LTRR_STORE_URL", f"sqlite:///{tmp_path}/ltrr.db")
    monkeypatch.setenv("LTRR_HOME", str(tmp_path))
    monkeypatch.setenv("LTRR_INDEX", str(tmp_path / "index"))
    monkeypatch.setenv("HAYSTACK_DESERIALIZATION_ALLOWLIST", f"ltrr_haystack,{__name__}")


@pytest.fixture
def search():
    indexing, searching = loaded("indexing"), loaded("search")
    index(indexing, SONGS)
    searching.warm_up()
    yield searching
    searching.close()
    indexing.close()


def asked(pipeline, arm, query, **settings):
    return pipeline.get_component(arm).retriever.run(query=query, **settings)


@pytest.mark.parametrize("name", ["search", "indexing"])
def test_the_file_as_it_is_loads_and_opens_nothing(name, tmp_path):
    pipeline = Pipeline.loads(text_of(name))
    assert set(pipeline.to_dict()["components"]) == set(yaml.safe_load(text_of(name))["components"])
    assert list(tmp_path.iterdir()) == []


class TestArms:
    def test_each_finds_in_its_own_way(self, search):
        assert ids(asked(search, "bm25", "saxophone")) == ["rain"]
        assert ids(asked(search, "title", "november")) == ["rain"]
        assert ids(asked(search, "trigram", "saxofone", top_k=1)) == ["rain"]
        assert ids(asked(search, "dense", "winter", top_k=1)) == ["snow"]

    def test_words_of_the_content_are_not_in_the_titles(self, search):
        assert ids(asked(search, "title", "saxophone")) == []

    def test_the_others_do_not_find_what_is_misspelt(self, search):
        assert ids(asked(search, "bm25", "saxofone")) == ids(asked(search, "title", "saxofone")) == []

    def test_a_hit_in_the_title_answers_with_the_whole_document(self, search):
        (found,) = asked(search, "title", "sunflower")["documents"]
        assert (found.content, found.meta) == ("Bright guitars on the beach", {"title": "Sunflower"})

    def test_what_has_no_title_is_found_by_the_others(self, search):
        assert ids(asked(search, "bm25", "drums")) == ["untitled"]

    def test_indexing_again_replaces(self, search):
        index(loaded("indexing"), [replace(SONGS[0], content="Dry streets", meta={"title": "December"})])
        assert ids(asked(search, "title", "november")) == []
        (found,) = asked(search, "title", "december")["documents"]
        assert found.content == "Dry streets"


class TestSearch:
    def test_the_baseline_asks_every_arm_and_shows_what_each_found(self, search):
        shown = search.run({"understanding": {"query": "sunflower guitars"}, "router": {"mode": "baseline"}})[
            "impressions"
        ]
        assert shown["documents"][0].id == "sun"
        assert shown["documents"][0].content == "Bright guitars on the beach"
        store = LTRRStore(Secret.from_env_var("LTRR_STORE_URL"))
        store.settle(before=1e12, limit=10)
        (settled,) = store.settled(0, 10)
        store.close()
        assert settled.decision.allocation == {**dict.fromkeys(SEARCHING, 50), "memory": 0}
        found = {report.arm: report for report in settled.reports}
        assert {arm: report.error for arm, report in found.items() if report.error} == {}
        assert found["title"].found == (1,)
        assert (found["title"].weight, "memory" in found) == (1.0, False)
        assert settled.impressions[0].place == 1
        assert set(settled.impressions[0].arms) == set(SEARCHING)

    def test_something_is_always_searched(self, search):
        router = search.get_component("router")
        actions = router.actions
        assert actions.min_candidates > max(actions.arms[actions.names.index("memory")].levels)
        joint = UniformPolicy().distribution(actions, None)
        assert all(any(allocation[arm] for arm in SEARCHING) for allocation, chance in joint.enumerate() if chance)

    def test_filters_hold_for_every_arm(self, search):
        folk = {"field": "meta.genre", "operator": "==", "value": "folk"}
        run = {"understanding": {"query": "white november"}, "router": {"mode": "baseline", "filters": folk}}
        assert ids(search.run(run)["impressions"]) == ["snow"]
