from dataclasses import replace

import pytest
from haystack import Document, Pipeline, component

from ltrr_haystack.embedded import CachedDocumentEmbedder, MiniLMDocumentEmbedder
from ltrr_haystack.errors import ConfigurationError


@component
class Lengths:
    """Embeds a text as its length."""

    def __init__(self, model: str = "lengths", device: str = "cpu"):
        self.model = model
        self.device = device
        self.seen: list[str] = []
        self.patience = 10**9

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]):
        if len(self.seen) == self.patience:
            raise ConnectionError("the embedding service went away")
        self.seen += [document.content for document in documents]
        return {"documents": [replace(document, embedding=[float(len(document.content))]) for document in documents]}


class WithTitle(Lengths):
    meta_fields_to_embed = ("title",)


def cached(embedder, folder, **settings) -> CachedDocumentEmbedder:
    return CachedDocumentEmbedder(embedder, directory=str(folder), progress_bar=False, **settings)


def embeddings(embedder: CachedDocumentEmbedder, *documents: Document) -> list[list[float]]:
    return [document.embedding for document in embedder.run(list(documents))["documents"]]


A, BB, CCC = (Document(id=text, content=text) for text in ("a", "bb", "ccc"))


class TestCachedDocumentEmbedder:
    def test_embeds_only_what_is_new_and_keeps_the_order(self, tmp_path):
        embedder = Lengths()
        assert embeddings(cached(embedder, tmp_path), A, CCC) == [[1.0], [3.0]]
        assert embeddings(cached(embedder, tmp_path), CCC, BB, A) == [[3.0], [2.0], [1.0]]
        assert embedder.seen == ["a", "ccc", "bb"]
        assert A.embedding is None

    def test_a_text_that_occurs_twice_is_embedded_once(self, tmp_path):
        embedder = Lengths()
        assert embeddings(cached(embedder, tmp_path), A, replace(A, id="another")) == [[1.0], [1.0]]
        assert embedder.seen == ["a"]

    def test_models_do_not_share_but_devices_do(self, tmp_path):
        embeddings(cached(Lengths(), tmp_path), A)
        other_device, other_model = Lengths(device="cuda"), Lengths(model="another")
        embeddings(cached(other_device, tmp_path), A)
        embeddings(cached(other_model, tmp_path), A)
        assert (other_device.seen, other_model.seen) == ([], ["a"])

    def test_metadata_counts_where_it_may_be_embedded(self, tmp_path):
        plain, titled = Lengths(), WithTitle()
        dated = [replace(A, meta={"title": "A", "year": year}) for year in (1999, 2005)]
        embeddings(cached(plain, tmp_path), *dated)
        embeddings(cached(titled, tmp_path), *dated)
        assert (plain.seen, titled.seen) == (["a", "a"], ["a"])

    def test_a_run_that_breaks_off_keeps_the_batches_it_has_done(self, tmp_path):
        failing, resumed = Lengths(), Lengths()
        failing.patience = 2
        with pytest.raises(ConnectionError):
            cached(failing, tmp_path, batch_size=1).run([A, BB, CCC])
        assert embeddings(cached(resumed, tmp_path), A, BB, CCC) == [[1.0], [2.0], [3.0]]
        assert resumed.seen == ["ccc"]

    def test_where_no_bar_can_be_seen_a_line_says_what_takes_so_long(self, tmp_path, capsys, monkeypatch):
        monkeypatch.delenv("FORCE_COLOR", raising=False)
        many = [Document(id=str(number), content=str(number)) for number in range(1200)]
        told = []

        class Told(Lengths):
            def run(self, documents: list[Document]):
                told.append(capsys.readouterr().err)
                return super().run(documents)

        CachedDocumentEmbedder(Told(), directory=str(tmp_path), batch_size=1000).run(many)
        assert told == ["Embedding 1,200 documents …\n", ""]
        assert capsys.readouterr().err == ""

    def test_nothing_is_told_where_little_is_embedded_or_nobody_wants_to_know(self, tmp_path, capsys):
        CachedDocumentEmbedder(Lengths(), directory=str(tmp_path)).run([A, BB])
        CachedDocumentEmbedder(Lengths("b"), directory=str(tmp_path), batch_size=1, progress_bar=False).run([A, BB])
        assert capsys.readouterr().err == ""

    def test_the_cache_lies_in_the_home_folder(self, tmp_path, monkeypatch):
        monkeypatch.setenv("LTRR_HOME", str(tmp_path))
        CachedDocumentEmbedder(Lengths()).run([A])
        assert (tmp_path / "embeddings" / "embeddings.db").is_file()

    def test_more_documents_than_one_lookup_takes(self, tmp_path):
        many = [Document(id=str(number), content="x" * number) for number in range(1200)]
        embeddings(cached(Lengths(), tmp_path), *many)
        again = Lengths()
        assert embeddings(cached(again, tmp_path), *many)[-1] == [1199.0]
        assert again.seen == []

    def test_a_file_that_is_no_cache_is_named(self, tmp_path):
        (tmp_path / "embeddings.db").write_bytes(b"not a database" * 100)
        with pytest.raises(ConfigurationError, match=r"embeddings\.db cannot be used .* delete it"):
            cached(Lengths(), tmp_path).run([A])

    def test_refuses_a_batch_size_that_is_not_positive(self):
        with pytest.raises(ConfigurationError, match="batch_size must be positive, got 0"):
            CachedDocumentEmbedder(Lengths(), batch_size=0)

    def test_survives_yaml(self):
        pipeline = Pipeline()
        pipeline.add_component("embedder", CachedDocumentEmbedder(MiniLMDocumentEmbedder("some/model"), batch_size=7))
        text = pipeline.dumps()
        assert Pipeline.loads(text).dumps() == text
