"""The pipelines for `ltrr benchmark` with understanding: an arm that searches readings, and features of readings."""

from pathlib import Path
from shutil import copytree

import pytest
import yaml
from haystack import Document, Pipeline

pytest.importorskip("tantivy")

from ltrr_haystack.evaluation.datasets import DataSet, Query
from ltrr_haystack.evaluation.replay.precomputed import precompute
from ltrr_haystack.evaluation.replay.systems import PipelineSystem
from ltrr_haystack.evaluation.replay.variants import Variant

FOLDER = Path(__file__).parents[2] / "benchmarks" / "structured"
ARTISTS = [
    Document(id="swift", content="A singer", meta={"artist": "Taylor Swift", "tags": ["pop", "country"]}),
    Document(id="adele", content="A singer", meta={"artist": "Adele", "tags": ["pop", "soul"]}),
    Document(id="queen", content="A band", meta={"artist": "Queen", "tags": ["rock"]}),
]
QUERIES = {"tayler swft": "swift", "rock": "queen", "pop singer": "adele", "soul": "adele", "band": "queen"}


@pytest.fixture(name="data")
def _data():
    queries = [Query(f"q{number}", text, "topical") for number, text in enumerate(QUERIES)]
    return DataSet("artists", ARTISTS, queries, {each.id: {QUERIES[each.text]: 1} for each in queries})


@pytest.fixture(name="pipelines")
def _pipelines(tmp_path, monkeypatch):
    """The pipelines without the dense arm, which needs a model."""
    monkeypatch.delenv("LTRR_STORE_URL", raising=False)
    folder = copytree(FOLDER, tmp_path / "pipelines")
    search, indexing = (folder / name / f"{name}.yml" for name in ("search", "indexing"))
    loaded = yaml.safe_load(search.read_text())
    settings = {name: each["init_parameters"] for name, each in loaded["components"].items()}
    del loaded["components"]["dense"], settings["router"]["arms"]["dense"], settings["router"]["baseline"]["dense"]
    settings["joiner"]["arms"].remove("dense")
    loaded["connections"] = [each for each in loaded["connections"] if "dense" not in str(each)]
    search.write_text(yaml.safe_dump(loaded, sort_keys=False))
    loaded = yaml.safe_load(indexing.read_text())
    del loaded["components"]["embedder"]
    loaded["connections"] = [each for each in loaded["connections"] if "embedder" not in str(each)]
    indexing.write_text(yaml.safe_dump(loaded, sort_keys=False))
    return folder


@pytest.mark.parametrize("name", ["search", "indexing"])
def test_the_file_as_it_is_loads(name, monkeypatch):
    monkeypatch.setenv("LTRR_STORE_URL", "sqlite://")
    pipeline = Pipeline.loads((FOLDER / name / f"{name}.yml").read_text(encoding="utf-8"))
    assert ("structured" in pipeline.graph.nodes) == (name == "search")


def test_a_replay_asks_the_arm_with_what_is_understood_and_its_systems_understand_the_same(data, pipelines, tmp_path):
    precomputed = precompute(data, pipelines, tmp_path / "home")
    first = {query: [document.id for document in found] for query, found in precomputed.found["structured"].items()}
    assert first["tayler swft"][0] == "swift"
    assert first["rock"] == ["queen"]
    assert sorted(first["soul"]) == ["adele"]
    assert [document.id for document in precomputed.found["bm25"]["tayler swft"]] == []
    again = precompute(data, pipelines, tmp_path / "home")
    assert again.fingerprint == precomputed.fingerprint
    system = PipelineSystem(precomputed, Variant(), tmp_path / "system.db", seed=0, top_k=3)
    pipeline = system._pipeline
    understood = pipeline.get_component("understanding").run("tayler swft")["understanding"]
    assert understood.interpretations[0].slots == {"artist": "Taylor Swift"}
    assert "reading.agreement" in pipeline.get_component("ranker").features.names
    system.close()
