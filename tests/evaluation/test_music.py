import importlib

import pytest

from ltrr_haystack.errors import MissingExtraError
from ltrr_haystack.evaluation import music


class TestWhereTheGeneratorIs:
    def test_in_a_checkout_it_is_taken_from_the_examples(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        folder = music.write_music(tmp_path / "music", seed=3)
        assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == [
            "corpus.jsonl",
            "listeners.jsonl",
            "queries.jsonl",
            "test.tsv",
        ]

    def test_in_an_installed_package_it_is_taken_from_the_package(self, tmp_path, monkeypatch):
        # A wheel carries examples/music as the subpackage; here a link stands in for it.
        package = tmp_path / "ltrr_haystack_installed"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "examples_music").symlink_to(music.CHECKOUT)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.setattr(music, "INSTALLED", "ltrr_haystack_installed.examples_music")
        monkeypatch.setattr(music, "CHECKOUT", tmp_path / "nowhere")
        importlib.invalidate_caches()
        assert (music.write_music(tmp_path / "music") / "corpus.jsonl").exists()

    def test_where_it_is_neither_the_error_says_where_it_was_looked_for(self, tmp_path, monkeypatch):
        monkeypatch.setattr(music, "INSTALLED", "ltrr_haystack.not_there")
        monkeypatch.setattr(music, "CHECKOUT", tmp_path / "nowhere")
        with pytest.raises(
            MissingExtraError, match=r"neither in .*nowhere nor in this package as ltrr_haystack\.not_there"
        ):
            music.write_music(tmp_path / "music")
