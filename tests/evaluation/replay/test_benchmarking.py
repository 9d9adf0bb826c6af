from dataclasses import replace
from pathlib import Path

import pytest

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.replay import Settings, benchmark, markdown

SETTINGS = Settings(impressions=30, seeds=(3,), learn_every=10, reward_wait=10, train_at=(1.0,))
HERE = {"pipelines": Path("pipelines"), "home": Path("home")}


@pytest.fixture
def made(bench, monkeypatch):
    """Stands in for indexing and asking the arms; notes which pipelines were asked for."""
    asked = []

    def make(data, pipelines, home, *, search=None, processes=1, watch=None):
        asked.append(search)
        return replace(bench, baseline={"good": 2, "bad": 2}) if search == Path("b.yml") else bench

    monkeypatch.setattr("ltrr_haystack.evaluation.replay.benchmarking.laboratory_bench", make)
    return asked


class TestBenchmark:
    def test_the_first_configuration_is_ours_and_the_others_go_by_their_files(self, bench, made, tmp_path):
        configs = [Path("a.yml"), Path("b.yml")]
        figures = benchmark(bench.data, tmp_path, settings=SETTINGS, configs=configs, **HERE)
        assert made == configs
        candidates = {
            row.system: row.means["candidates_per_query"].mean for row in figures.rows if row.split == "heldout"
        }
        assert list(candidates)[:5] == ["ours", "ours-bandit", "ours-memory", "ours-ranker", "config:b"]
        assert (candidates["ours-bandit"], candidates["config:b"]) == (10.0, 4.0)
        assert {path.name for path in tmp_path.iterdir()} >= {
            "summary.json",
            "table.md",
            "results.csv",
            "by_seed.csv",
            "comparisons.csv",
            "curves.json",
            "trec",
            "parts",
        }
        assert "| config:b |" in markdown(figures)

    def test_two_configurations_of_one_name_are_refused(self, bench, made, tmp_path):
        configs = [Path("a.yml"), Path("x/b.yml"), Path("y/b.yml")]
        with pytest.raises(ConfigurationError, match="two configurations are named 'b'"):
            benchmark(bench.data, tmp_path, settings=SETTINGS, configs=configs, **HERE)
