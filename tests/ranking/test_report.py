import json

import pytest
from rich.console import Console

from ltrr_haystack.ranking.report import TrainingReport, render
from ltrr_haystack.ranking.training import train_ranker


@pytest.fixture
def text():
    def printed(report):
        console = Console(width=200)
        with console.capture() as captured:
            console.print(render(report))
        return captured.get()

    return printed


class TestTrainingReport:
    def test_goes_through_json(self, logged):
        report = train_ranker(logged)
        assert TrainingReport.from_dict(json.loads(json.dumps(report.to_dict()))) == report

    def test_the_card_leaves_out_what_the_snapshot_says_itself(self, logged):
        card = train_ranker(logged).card()
        assert not card.keys() & {"version", "active"}
        json.dumps(card)


class TestRender:
    def test_shows_the_verdict_the_figures_and_what_mattered(self, logged, text):
        report = train_ranker(logged)
        shown = text(report)
        assert f"Version 1 is live: {report.gate.reason}." in shown
        assert f"{report.gate.difference.mean:.4f}" in shown
        assert "arm.dense.normalised" in shown
        assert "left out: no reward" in shown

    def test_says_that_nothing_was_trained_and_why(self, store, text):
        assert "Nothing was trained: 0 rewarded decisions, at least 200 are needed." in text(train_ranker(store))

    def test_says_that_a_model_is_kept_but_not_live(self, logged, text):
        assert "Version 1 is kept but not live: too few held-out" in text(train_ranker(logged, min_held_out=5000))

    def test_says_that_a_model_may_be_activated(self, logged, text):
        assert "Version 1 is kept and may be activated" in text(train_ranker(logged, activate_if_passed=False))

    def test_an_arms_name_is_no_markup(self, logged, text):
        report = train_ranker(logged)
        strange = TrainingReport.from_dict({**report.to_dict(), "importance": {"arm.[red]x[/red].present": 1.0}})
        assert "arm.[red]x[/red].present" in text(strange)
