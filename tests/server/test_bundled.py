import pytest

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.datasets import load_beir
from ltrr_haystack.server import bundled


class TestMusic:
    def test_writes_a_catalogue_that_can_be_loaded(self, tmp_path):
        loaded = load_beir(bundled.music(tmp_path))
        assert len(loaded.documents) > 2000
        assert loaded.queries

    def test_says_what_to_do_where_it_is_missing(self, monkeypatch, tmp_path):
        monkeypatch.setattr(bundled, "PLACES", (tmp_path,))
        with pytest.raises(ConfigurationError, match=r"'examples/music' is not part of this installation"):
            bundled.music(tmp_path)


class TestBundledFolder:
    def test_the_pipelines_are_there(self):
        assert (bundled.bundled_folder("pipelines") / "search" / "search.yml").is_file()
