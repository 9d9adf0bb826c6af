import io
from dataclasses import replace

import pytest
from rich.console import Console

from ltrr_haystack.intents.report import IntentReport, render
from ltrr_haystack.intents.training import train_understanding


def printed(report):
    out = io.StringIO()
    Console(file=out, width=160).print(render(report))
    return out.getvalue()


@pytest.fixture
def report(store, make_labels):
    return train_understanding(store, make_labels())


class TestReport:
    def test_goes_to_json_and_back(self, report):
        assert IntentReport.from_json(report.to_json()) == report

    def test_its_card_leaves_out_the_confusion_and_what_the_snapshot_says(self, report):
        assert set(report.to_dict()) - set(report.card()) == {"confusion", "version", "active", "superseded"}


class TestRender:
    def test_shows_accuracy_calibration_and_confusion(self, report):
        text = printed(report)
        assert "Learned from labels" in text
        assert f"{report.gate.accuracy.mean:.1%}" in text
        assert f"Expected calibration error {report.calibration_error:.3f}" in text
        assert f"{report.confusion['song']['song']:.4g}" in text
        assert "Version 1 is live: on" in text

    def test_says_where_nothing_was_trained(self, store, make_labels):
        text = printed(train_understanding(store, make_labels(60)))
        assert "Nothing was trained: 60 labelled queries, at least 100 are needed." in text
        assert "Judged" not in text

    def test_says_what_was_kept_without_going_live(self, store, make_labels):
        kept = train_understanding(store, make_labels(), activate_if_passed=False)
        assert "Version 1 is kept and may be activated: on" in printed(kept)
        beaten = printed(replace(kept, superseded=True))
        assert beaten.endswith("but what is in use was changed while it was trained, so it is kept and not in use.\n")

    def test_names_are_no_markup(self, store, make_labels):
        from ltrr_haystack.intents import IntentLabels

        renamed = {form: {f"[red]{next(iter(own))}": 1.0} for form, own in make_labels().shares.items()}
        assert "[red]song" in printed(train_understanding(store, IntentLabels.of_weights(renamed)))
