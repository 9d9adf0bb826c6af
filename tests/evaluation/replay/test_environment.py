import pytest
import yaml
from haystack import Document
from haystack.utils import Secret

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.datasets import DataSet, load_beir
from ltrr_haystack.evaluation.replay.environment import SearchEnvironment, index_folder
from ltrr_haystack.evaluation.replay.precomputed import precompute
from ltrr_haystack.evaluation.replay.variants import VARIANTS, search_pipeline
from ltrr_haystack.ranking.candidate_features import CombinedFeatures, TextFeatures
from ltrr_haystack.store import LTRRStore


class TestSearchEnvironment:
    def test_a_missing_component_is_named_with_those_that_there_are(self, shop, pipelines, tmp_path):
        indexing = pipelines / "indexing" / "indexing.yml"
        with pytest.raises(ConfigurationError, match="has no component 'router'; it has writer"):
            SearchEnvironment(load_beir(shop), pipelines, tmp_path / "home", search=indexing)


class TestSettings:
    """What is replayed is the pipeline as its YAML has it."""

    @pytest.fixture
    def replayed(self, shop, pipelines, tmp_path):
        data = load_beir(shop)

        def precomputed(search=None):
            return precompute(data, pipelines, tmp_path / "home", search=search)

        return precomputed

    @pytest.fixture
    def wired(self, open_store):
        def pipeline(precomputed):
            return search_pipeline(precomputed, VARIANTS["ours"], open_store(), seed=1, top_k=10)

        return pipeline

    def test_of_the_ranker(self, replayed, wired, written):
        own = {"rerank": 10, "explore": False, "explore_from": 2, "explore_to": 7, "deep_share": 0.25, "log_unshown": 1}
        ranker = wired(replayed(written("own", **own, top_k=3, seed=5))).get_component("ranker")
        assert {name: getattr(ranker, name) for name in own} == own
        assert (ranker.top_k, ranker.seed) == (10, 1)
        ranker = wired(replayed()).get_component("ranker")
        assert (ranker.rerank, ranker.explore, ranker.log_unshown) == (50, True, 5)

    def test_of_the_union(self, replayed, wired, written, pipelines):
        file = written("flat")
        file.write_text(file.read_text().replace("rrf_k: 60", "rrf_k: 2"))
        found = {
            name: wired(replayed(search)).run({"understanding": {"query": "word3"}}, include_outputs_from={"joiner"})
            for name, search in {"own": None, "flat": file}.items()
        }
        first = {name: of["joiner"]["candidates"].candidates[0] for name, of in found.items()}
        assert first["own"].score == pytest.approx(sum(1 / (60 + each.rank) for each in first["own"].arms.values()))
        assert first["flat"].score == pytest.approx(sum(1 / (2 + each.rank) for each in first["flat"].arms.values()))

    def test_what_arms_found_is_kept_whatever_the_ranker_does_with_it(self, replayed, written, tmp_path):
        marks = {replayed().fingerprint}
        kept = sorted((tmp_path / "home" / "arms").iterdir())
        marks |= {replayed(written("own", **own)).fingerprint for own in ({"rerank": 10}, {"explore": False})}
        assert len(marks) == 3
        assert sorted((tmp_path / "home" / "arms").iterdir()) == kept

    @pytest.mark.parametrize("name", ["joiner", "ranker", "memory"])
    def test_a_pipeline_that_knows_documents_by_their_metadata_is_refused(self, replayed, written, name):
        file = written("keyed")
        pipeline = yaml.safe_load(file.read_text())
        own = pipeline["components"][name]["init_parameters"]
        (own["retriever"]["init_parameters"] if name == "memory" else own)["key"] = "meta.sku"
        file.write_text(yaml.safe_dump(pipeline))
        with pytest.raises(ConfigurationError, match=f"'{name}' of .*keyed.yml knows documents by 'meta.sku'"):
            replayed(file)

    def test_words_are_counted_as_while_indexing_or_as_the_ranker_reads_them(self, replayed, written):
        def counted(search=None):
            statistics = replayed(search).statistics
            return list(statistics.fields), statistics.language

        store = LTRRStore(Secret.from_env_var("LTRR_STORE_URL"))
        assert counted() == (["content", "meta.title"], "en")
        texts = [TextFeatures(store, ["meta.name"], "de"), TextFeatures(store, ["content"], "en")]
        assert counted(written("one", features=TextFeatures(store, ["content"], None))) == (["content"], None)
        assert counted(written("more", features=CombinedFeatures(texts))) == (["meta.name"], "de")
        written("indexing", fields=["content", "meta.brand"], language="fr")
        assert counted(written("one", features=CombinedFeatures(texts))) == (["content", "meta.brand"], "fr")


def test_each_catalogue_and_each_way_of_indexing_it_has_an_index_of_its_own(tmp_path):
    first, second = tmp_path / "first.yml", tmp_path / "second.yml"
    first.write_text("components: {}")
    second.write_text("components: {writer: {}}")
    songs, others = (DataSet("songs", [Document(id="1", content=text)], [], {}) for text in ("rain", "sun"))
    folders = [index_folder(tmp_path, data, file) for data in (songs, others) for file in (first, second)]
    assert len(set(folders)) == 4
    assert {folder.parent for folder in folders} == {tmp_path / "indexes"}
