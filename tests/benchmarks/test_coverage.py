import json
import random
from statistics import fmean

import pytest


@pytest.fixture(scope="module")
def rows(coverage):
    """Sixty logs of 600 decisions, softly explored, a tenth of them at full depth."""
    regime = "soft, 10 % full depth"
    found = coverage.measure(60, 600, regimes={regime: coverage.REGIMES[regime]})
    return {(row["target"], row["estimator"]): row for row in found}


class TestCoverage:
    @pytest.mark.parametrize("target", ["greedy", "drawing"])
    def test_the_recommended_interval_covers_the_truth_about_as_often_as_it_says(self, rows, target):
        row = rows[target, "recommended"]
        assert row["answered"] == 1.0
        assert 0.88 <= row["coverage"] <= 1.0

    @pytest.mark.parametrize("target", ["greedy", "drawing"])
    def test_replay_is_much_sharper_than_a_guaranteed_interval_and_hardly_biased(self, rows, target):
        replay, guaranteed = rows[target, "replay"], rows[target, "clipped_ips"]
        assert guaranteed["coverage_all"] == 1.0
        assert replay["width"] < guaranteed["width"] / 5
        assert abs(replay["bias"]) < 0.03

    def test_the_width_of_an_interval_is_that_of_the_noise(self, rows):
        for key in (("drawing", "snips"), ("drawing", "dr"), ("greedy", "replay")):
            assert rows[key]["width"] / 3.92 == pytest.approx(rows[key]["sd"], rel=0.35)

    def test_tight_logging_is_refused(self, coverage):
        rows = coverage.measure(3, 400, regimes={"tight": coverage.REGIMES["tight"]})
        assert {row["answered"] for row in rows if row["estimator"] != "clipped_ips"} == {0.0}

    def test_goes_to_a_file_and_is_shown(self, coverage, tmp_path, capsys, monkeypatch):
        monkeypatch.setattr(coverage, "REGIMES", {"soft": coverage.REGIMES["soft"]})
        file = tmp_path / "coverage.json"
        figures = coverage.main(["--logs", "2", "--decisions", "200", "--json", str(file)])
        assert json.loads(file.read_text()) == figures
        assert {row["estimator"] for row in figures["rows"]} >= {"ips", "clipped_ips", "snips", "dr", "replay"}
        assert "recommended" in capsys.readouterr().out


class TestWorld:
    def test_the_truth_by_enumeration_is_what_a_long_log_of_the_policy_brings(self, coverage):
        world = coverage.World(3)
        policy = coverage.Leaning("any", world.beliefs(0.1, random.Random(1)), coverage.REGIMES["soft"])
        values = [logged.reward - logged.cost for logged in world.log(policy, 30_000, random.Random(2))]
        assert fmean(values) == pytest.approx(world.truth(policy), abs=0.02)

    def test_the_recommended_policy_is_better_than_full_depth(self, coverage):
        world = coverage.World(3)
        certain = coverage.Leaning("certain", world.beliefs(0.0, random.Random(1)), coverage.Regime(1.0, 0.0, 0.0))
        greedy = coverage.Greedy("greedy", certain)
        baseline = coverage.Leaning("all", world.beliefs(0.0, random.Random(1)), coverage.Regime(1.0, 0.0, 1.0))
        assert world.truth(greedy) > world.truth(baseline) + 0.02
