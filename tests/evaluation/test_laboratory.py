import pytest
from haystack import Pipeline

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.laboratory import _arm, _load


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

    def test_a_missing_component_is_named_with_those_that_there_are(self, tmp_path):
        with pytest.raises(ConfigurationError, match="has no component 'ghost'"):
            _arm(Pipeline(), "ghost", tmp_path)
