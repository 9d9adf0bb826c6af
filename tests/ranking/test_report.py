import json
import shutil
from dataclasses import replace

import pytest
from haystack.utils import Secret
from rich.console import Console

from ltrr_haystack.ranking.gate import Verdict
from ltrr_haystack.ranking.report import TrainingReport, render
from ltrr_haystack.ranking.training import train_ranker
from ltrr_haystack.store import LTRRStore


@pytest.fixture(scope="module")
def trained(log_file, tmp_path_factory, quick):
    store = LTRRStore(Secret.from_token(f"sqlite:///{shutil.copy(log_file, tmp_path_factory.mktemp('report'))}"))
    yield train_ranker(store, settings=quick)
    store.close()


@pytest.fixture
def text():
    def printed(report):
        console = Console(width=400)
        with console.capture() as captured:
            console.print(render(report))
        return captured.get()

    return printed


class TestTrainingReport:
    def test_goes_through_json(self, trained):
        assert TrainingReport.from_dict(json.loads(json.dumps(trained.to_dict()))) == trained

    def test_the_card_leaves_out_what_the_snapshot_says_itself(self, trained):
        card = trained.card()
        assert not card.keys() & {"version", "active"}
        assert (card["gate"]["passed"], card["gate"]["reason"]) == (True, trained.reason)
        assert (card["looks"], card["until"]) == (1, 900)
        json.dumps(card)


class TestRender:
    def test_shows_the_verdict_the_figures_and_what_mattered(self, trained, text):
        shown = text(replace(trained, left_out={"no features logged": 3}))
        assert f"Version 1 is live: {trained.reason}." in shown
        assert "Judged on held-out queries, look 1" in shown
        assert f"{trained.gate.comparisons[0].difference.mean:.4f}" in shown
        assert "model - union's own order" in shown
        assert f"{trained.shown:,}" in shown
        assert f"{trained.unshown:,}" in shown
        assert "arm.dense." in shown
        assert "left out: no features logged" in shown
        assert "model - live model" not in shown

    def test_shows_what_was_compared_with_the_live_model(self, trained, text):
        (union,) = trained.gate.comparisons
        both = (union, replace(union, name="live model"))
        beside = replace(trained, gate=replace(trained.gate, comparisons=both))
        assert "model - live model" in text(beside)

    def test_says_that_nothing_was_trained_and_why(self, store, text):
        shown = text(train_ranker(store))
        assert "No ranker was trained: 0 rewarded decisions, at least 200 are needed" in shown
        assert "Judged on held-out queries" not in shown

    def test_says_that_a_model_is_kept_but_not_live(self, trained, text):
        kept = replace(trained, gate=Verdict(False, "too few queries"), active=False)
        assert "Version 1 is kept but not live: too few queries." in text(kept)

    def test_says_that_a_model_may_be_activated(self, trained, text):
        assert "Version 1 is kept and may be activated" in text(replace(trained, active=False))
        beaten = text(replace(trained, active=False, superseded=True))
        assert beaten.endswith("but what is in use was changed while it was trained, so it is kept and not in use.\n")

    def test_an_arms_name_is_no_markup(self, trained, text):
        assert "arm.[red]x[/red].present" in text(replace(trained, importance={"arm.[red]x[/red].present": 1.0}))
