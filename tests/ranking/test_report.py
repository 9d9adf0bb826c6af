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
def trained(log_file, tmp_path_factory):
    store = LTRRStore(Secret.from_token(f"sqlite:///{shutil.copy(log_file, tmp_path_factory.mktemp('report'))}"))
    yield train_ranker(store)
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
        assert card["gate"] == {"passed": True, "reason": trained.reason}
        assert list(card["situations"]) == ["with_memory", "without_memory"]
        json.dumps(card)

    def test_one_situation_that_passed_is_enough(self, trained):
        failed = replace(trained.situations["without_memory"], gate=Verdict(False, "worse", 1, 1))
        one = replace(trained, situations={**trained.situations, "without_memory": failed})
        none = replace(trained, situations={"without_memory": failed})
        assert (one.passed, none.passed) == (True, False)
        assert one.reason.endswith("; pages without memory: worse")


class TestRender:
    def test_shows_the_verdicts_the_figures_and_what_mattered(self, trained, text):
        shown = text(trained)
        assert f"Version 1 is live: {trained.reason}." in shown
        for situation, of in trained.situations.items():
            assert f"Pages {situation.replace('_', ' ')}, judged on held-out queries" in shown
            assert f"{of.gate.difference.mean:.4f}" in shown
            assert f"{of.impressions:,}" in shown
        assert "memory.posterior" in shown
        assert "left out: no reward" in shown

    def test_says_that_nothing_was_trained_and_why(self, store, text):
        shown = text(train_ranker(store))
        assert "Nothing was trained: pages with memory: 0 rewarded decisions, at least 200 are needed" in shown
        assert "judged on held-out queries" not in shown

    def test_says_that_models_are_kept_but_not_live(self, trained, text):
        failed = replace(trained.situations["without_memory"], gate=Verdict(False, "too few queries", 1, 1))
        kept = replace(trained, situations={"without_memory": failed}, active=False)
        assert "Version 1 is kept but not live: pages without memory: too few queries." in text(kept)

    def test_says_that_models_may_be_activated(self, trained, text):
        assert "Version 1 is kept and may be activated" in text(replace(trained, active=False))

    def test_an_arms_name_is_no_markup(self, trained, text):
        strange = replace(trained.situations["without_memory"], importance={"arm.[red]x[/red].present": 1.0})
        assert "arm.[red]x[/red].present" in text(replace(trained, situations={"without_memory": strange}))
