"""What was indexed is there again when the server is."""

import pytest
from haystack import Document, Pipeline

pytest.importorskip("hayhooks")
pytest.importorskip("tantivy")

from ltrr_haystack.embedded.indexing import PIPELINE
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.server.serving import index_catalogue

SONGS = [
    {"id": "rain", "content": "Wet streets and a saxophone", "meta": {"title": "November", "genre": "jazz"}},
    {"id": "sun", "content": "Bright guitars", "meta": {"title": "Sunflower", "genre": "pop"}},
]


def found(server, query, **others):
    return [document["id"] for document in server.search(query, **others)["documents"]]


def test_documents_survive_the_kill_of_a_server(lexical_pipelines, start, tmp_path):
    home = tmp_path / "home"
    first = start(lexical_pipelines, home)
    assert first.post("indexing", {"documents": SONGS}).json() == {"written": 2}
    assert found(first, "saxofone") == ["rain"]
    first.kill()
    second = start(lexical_pipelines, home)
    assert found(second, "november") == ["rain"]
    assert found(second, "guitars streets", filters={"field": "genre", "operator": "==", "value": "pop"}) == ["sun"]
    changed = {**SONGS[0], "content": "Dry streets"}
    assert second.post("indexing", {"documents": [changed]}).json() == {"written": 1}
    assert found(second, "saxophone") == []
    assert (home / "index" / "meta.json").is_file()


class TestTheCatalogueOfAServer:
    @pytest.fixture
    def pipeline(self, lexical_pipelines, monkeypatch, tmp_path, sqlite_url):
        monkeypatch.setenv("LTRR_STORE_URL", sqlite_url)
        monkeypatch.setenv("LTRR_HOME", str(tmp_path))
        monkeypatch.setenv("LTRR_INDEX", str(tmp_path / "index"))
        text = (lexical_pipelines / "indexing" / "indexing.yml").read_text()
        return Pipeline.loads(text, allowed_modules=["ltrr_haystack"])

    def test_takes_the_place_of_the_one_before(self, pipeline):
        store = pipeline.get_component("writer").document_store
        index_catalogue({PIPELINE: pipeline}, [Document(id="old", content="x"), Document(id="kept", content="y")])
        store.write_documents([Document(id="posted", content="z")])
        index_catalogue({PIPELINE: pipeline}, [Document(id="kept", content="y"), Document(id="new", content="w")])
        assert sorted(document.id for document in store.filter_documents()) == ["kept", "new", "posted"]
        store.close()
        pipeline.close()

    def test_needs_a_pipeline_that_indexes(self):
        with pytest.raises(ConfigurationError, match="needs a pipeline named 'indexing'"):
            index_catalogue({}, [])
