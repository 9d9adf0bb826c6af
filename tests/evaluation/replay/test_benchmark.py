"""From files to figures: pipelines and a catalogue are loaded, indexed, asked and replayed as `ltrr benchmark` does."""

import pytest

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.datasets import load_beir
from ltrr_haystack.evaluation.replay import Settings, benchmark, markdown

SETTINGS = Settings(impressions=30, seeds=(3,), learn_every=10, reward_wait=10, train_at=(1.0,))


@pytest.fixture
def run(shop, pipelines, tmp_path):
    def run_with(configs=()):
        return benchmark(
            load_beir(shop),
            tmp_path / "out",
            pipelines=pipelines,
            home=tmp_path / "home",
            settings=SETTINGS,
            configs=configs,
        )

    return run_with


class TestBenchmark:
    def test_each_system_scores_what_its_arms_find(self, run, tmp_path):
        figures = run()
        parts = {system: of[0] for system, of in figures.replay.parts.items()}
        for split in ("stream", "seen", "heldout"):
            queries = parts["ours"].splits[split].queries
            odd = [float(int(query.removeprefix("q")) % 2) for query in queries]
            scores = {system: part.splits[split].scores["nDCG@10"] for system, part in parts.items()}
            assert scores["arm:odd"] == odd
            assert scores["arm:words"] == scores["rrf_full"] == scores["oracle"] == [1.0] * len(queries)
        assert set(parts["ours-bandit"].splits["heldout"].candidates) == {10.0}  # 4 + 4 + 2 of the memory
        assert parts["ours"].notes["rejected_events"] == 0
        written = {"summary.json", "table.md", "results.csv", "by_seed.csv", "comparisons.csv", "curves.json", "trec"}
        assert written <= {path.name for path in (tmp_path / "out").iterdir()}

    def test_the_first_configuration_is_ours_and_the_others_go_by_their_files(self, run, pipelines):
        figures = run([pipelines / "search" / "search.yml", pipelines / "narrow.yml"])
        candidates = {
            row.system: row.means["candidates_per_query"].mean for row in figures.rows if row.split == "heldout"
        }
        assert list(candidates)[:5] == ["ours", "ours-bandit", "ours-memory", "ours-ranker", "config:narrow"]
        assert (candidates["ours-bandit"], candidates["config:narrow"]) == (10.0, 4.0)
        assert "| config:narrow |" in markdown(figures)

    def test_two_configurations_of_one_name_are_refused(self, run, pipelines):
        with pytest.raises(ConfigurationError, match="two configurations are named 'narrow'"):
            run([pipelines / "search" / "search.yml", pipelines / "narrow.yml", pipelines / "x" / "narrow.yml"])
