import pytest
from haystack import Document

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.datasets import DataSet, load_beir
from ltrr_haystack.evaluation.replay.environment import SearchEnvironment, index_folder


class TestSearchEnvironment:
    def test_a_missing_component_is_named_with_those_that_there_are(self, shop, pipelines, tmp_path):
        indexing = pipelines / "indexing" / "indexing.yml"
        with pytest.raises(ConfigurationError, match="has no component 'router'; it has writer"):
            SearchEnvironment(load_beir(shop), pipelines, tmp_path / "home", search=indexing)


def test_each_catalogue_and_each_way_of_indexing_it_has_an_index_of_its_own(tmp_path):
    first, second = tmp_path / "first.yml", tmp_path / "second.yml"
    first.write_text("components: {}")
    second.write_text("components: {writer: {}}")
    songs, others = (DataSet("songs", [Document(id="1", content=text)], [], {}) for text in ("rain", "sun"))
    folders = [index_folder(tmp_path, data, file) for data in (songs, others) for file in (first, second)]
    assert len(set(folders)) == 4
    assert {folder.parent for folder in folders} == {tmp_path / "indexes"}
