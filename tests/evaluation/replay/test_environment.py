import pytest
from haystack import Document, Pipeline

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.datasets import DataSet
from ltrr_haystack.evaluation.replay.environment import _arm, _index_folder


class TestSearchEnvironment:
    def test_each_catalogue_and_each_way_of_indexing_it_has_an_index_of_its_own(self, tmp_path):
        first, second = tmp_path / "first.yml", tmp_path / "second.yml"
        first.write_text("components: {}")
        second.write_text("components: {writer: {}}")
        songs, others = (DataSet("songs", [Document(id="1", content=text)], [], {}) for text in ("rain", "sun"))
        folders = [_index_folder(tmp_path, data, file) for data in (songs, others) for file in (first, second)]
        assert len(set(folders)) == 4
        assert {folder.parent for folder in folders} == {tmp_path / "indexes"}
        assert _index_folder(tmp_path, songs, first) == folders[0]

    def test_a_missing_component_is_named_with_those_that_there_are(self, tmp_path):
        with pytest.raises(ConfigurationError, match="has no component 'ghost'"):
            _arm(Pipeline(), "ghost", tmp_path)
