from dataclasses import replace
from pathlib import Path

import pytest

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.datasets import load_beir
from ltrr_haystack.evaluation.replay import Settings, benchmark
from ltrr_haystack.evaluation.replay.finding import require_found

HERE = Path("pipelines")
SETTINGS = Settings(impressions=12, seeds=(0,), learn_every=6, reward_wait=2, train_at=(1.0,))


@pytest.fixture
def run(shop, pipelines, tmp_path):
    def run_with(configs=()):
        home = tmp_path / "home"
        places = {"pipelines": pipelines, "home": home, "settings": SETTINGS}
        return benchmark(load_beir(shop), tmp_path / "out", configs=configs, **places)

    return run_with


class TestBenchmark:
    def test_a_configuration_that_searches_where_nothing_is_indexed_is_an_error(self, run, pipelines, tmp_path):
        with pytest.raises(ConfigurationError) as refused:
            run([pipelines / "elsewhere.yml"])
        told = str(refused.value)
        assert "the arms odd, words of" in told
        assert "elsewhere.yml found nothing for any of the 24 queries of 'shop'" in told
        assert "--pipelines names a folder with both" in told
        assert not (tmp_path / "out" / "summary.json").exists()

    def test_what_such_a_run_left_behind_is_not_used(self, run, pipelines, tmp_path):
        """The folder's own pipeline searches the same store by the same retriever once its indexing is mended."""
        indexing = pipelines / "indexing" / "indexing.yml"
        right = indexing.read_text()
        indexing.write_text(right.replace(str(pipelines), "nobody searches this"))
        with pytest.raises(ConfigurationError, match="the arms odd, words of") as refused:
            run()
        assert "--config" not in str(refused.value)
        assert list((tmp_path / "home" / "arms").glob("words-*.jsonl"))
        indexing.write_text(right)
        found = run().replay.precomputed.found["words"]
        assert all(found[f"word{number}"] for number in range(12))


class TestRequireFound:
    def test_an_arm_that_finds_a_little_is_fine(self, precomputed):
        require_found(precomputed, HERE, None)
        first = precomputed.data.queries[0].text
        little = {query: (found if query == first else []) for query, found in precomputed.found["bad"].items()}
        require_found(replace(precomputed, found={**precomputed.found, "bad": little}), HERE, None)

    def test_related_documents_need_not_be_there(self, precomputed):
        arms = {**precomputed.arms, "bad": {**precomputed.arms["bad"], "kind": "related"}}
        nothing = dict.fromkeys(precomputed.found["bad"], ())
        require_found(replace(precomputed, arms=arms, found={**precomputed.found, "bad": nothing}), HERE, None)

    def test_all_that_find_nothing_are_named(self, precomputed):
        nothing = {arm: dict.fromkeys(found, ()) for arm, found in precomputed.found.items()}
        with pytest.raises(ConfigurationError, match=r"the arms good, bad of .* any of the 36 queries of 'tiny'"):
            require_found(replace(precomputed, found=nothing), HERE, None)
        with pytest.raises(ConfigurationError, match=r"the arm bad of mine\.yml found nothing"):
            require_found(
                replace(precomputed, found={**precomputed.found, "bad": nothing["bad"]}), HERE, Path("mine.yml")
            )
