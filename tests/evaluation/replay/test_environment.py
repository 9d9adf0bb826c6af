import pytest
from haystack import Document, Pipeline

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.datasets import DataSet
from ltrr_haystack.evaluation.replay.environment import _arm, _index_folder, _load


class TestLoadingAPipeline:
    @pytest.mark.parametrize(
        "text",
        [b"components: [", b"", b"- a list", b"\xff\xfe\x00", b"components: {x: {type: os.system}}"],
    )
    def test_what_is_no_pipeline_is_named_with_its_file(self, tmp_path, text):
        file = tmp_path / "search.yml"
        file.write_bytes(text)
        with pytest.raises(ConfigurationError, match=r"search\.yml"):
            _load(file)

    def test_what_a_component_of_ours_says_is_told_though_haystack_wraps_it(self, tmp_path):
        file = tmp_path / "search.yml"
        file.write_text(
            "components:\n  joiner:\n    type: ltrr_haystack.components.union_joiner.UnionJoiner\n"
            "    init_parameters: {arms: [bm25], rrf_k: -1}\nconnections: []\n"
        )
        with pytest.raises(ConfigurationError, match=r"search\.yml' cannot be loaded: rrf_k of UnionJoiner must be"):
            _load(file)

    def test_a_missing_file_is_named(self, tmp_path):
        with pytest.raises(ConfigurationError, match=r"nowhere\.yml"):
            _load(tmp_path / "nowhere.yml")

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
