import math

import pytest

from factories import record
from ltrr_haystack.evaluation.report.looks import looks
from ltrr_haystack.feedback.examination import PRIOR, ExaminationCurve
from ltrr_haystack.learning import Learner
from ltrr_haystack.policy.static import StaticPolicy
from ltrr_haystack.ranking.page_fitting import keep_page_model
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.ranking.place_prior import PlacePrior


def learned(probabilities, deviations, **changes):
    return PageModel(ExaminationCurve(0.8, 0.05, tuple(probabilities), tuple(deviations)), **changes)


def section_of(store, model):
    store.add_snapshot("page", model.to_bytes(), {}, activate=True)
    return looks(store)


def test_it_says_that_nothing_was_learned_yet(store):
    section = looks(store)
    (finding,) = section.findings
    assert finding.title == "Nothing was learned yet"
    assert "1 / k^0.7, give or take 0.35" in finding.text
    assert "10 looks" in finding.text
    assert (section.charts, section.grids) == ((), ())


def test_the_curve_with_its_interval(store):
    (chart,) = section_of(store, learned((1.0, 0.6), (0.0, 0.06))).charts
    (curve,) = chart.curves
    assert (chart.over, [(point.first, point.last) for point in curve.points]) == ("position", [(1, 1), (2, 2)])
    first, second = (point.estimate for point in curve.points)
    assert (first.value, first.low, first.high) == (1.0, 1.0, 1.0)
    assert second.value == 0.6
    assert second.low == pytest.approx(0.6 * math.exp(-0.196), rel=1e-4)
    assert second.high == pytest.approx(0.6 * math.exp(0.196), rel=1e-4)


def test_no_position_is_more_likely_examined_than_the_first(store):
    (chart,) = section_of(store, learned((1.0, 0.9), (0.0, 0.5))).charts
    assert chart.curves[0].points[1].estimate.high == 1.0


def test_what_the_log_says_little_of_is_named(store):
    """At position k the prior leaves a deviation of 0.35 · ln k of the logarithm; here all of it is left from 3 on."""
    values = [1.0, 0.6, 0.5, 0.4]
    deviations = [0.0, 0.006] + [value * PRIOR.deviation * math.log(k) for k, value in enumerate(values[2:], start=3)]
    section = section_of(store, learned(values, deviations))
    assert section.findings[0].severity == "watch"
    assert section.findings[0].title == "Uncertain at positions 3 to 4"
    assert "Beyond position 4 the curve goes on like 1 / position^0.80" in section.findings[0].text
    by_position = section.grids[1]
    assert by_position.rows[0] == ("1", "1.000", "0.000", "it is the unit")
    assert by_position.rows[2] == ("3", "0.500", "0.192", "100%")
    assert [row[-1] for row in by_position.rows[2:]] == ["100%", "100%"]


def test_how_people_look_before_and_after_a_click(store):
    curve = ExaminationCurve(0.8, 0.05, (1.0, 0.6), (0.0, 0.01), before_click=(1.0, 0.75), after_click=(1.0, 0.25))
    by_position = section_of(store, PageModel(curve)).grids[1]
    assert by_position.columns[-2:] == ("nothing above it clicked", "something above it clicked")
    assert [row[-2:] for row in by_position.rows] == [("1.000", "–"), ("0.750", "0.250")]


def test_positions_are_listed_as_ranges(store):
    deviations = [0.0, 0.5, 0.01, 0.01, 0.5, 0.5]
    section = section_of(store, learned([1.0, 0.9, 0.8, 0.7, 0.6, 0.5], deviations))
    assert section.findings[0].title == "Uncertain at positions 2 and 5 to 6"


def test_a_curve_that_is_known_is_said_to_be(store):
    section = section_of(store, learned((1.0, 0.6, 0.5), (0.0, 0.01, 0.01)))
    assert section.findings[0].severity == "good"
    assert section.findings[0].title == "The log tells how positions 2 to 3 are examined"


def test_what_a_prior_is_worth_and_the_click_rates_of_the_first_places(store):
    model = learned(
        (1.0,), (0.0,), ordering=PlacePrior((0.4, 0.1), 12.98), calibrated=PlacePrior((0.3, 0.3)), looks=3210.4
    )
    section = section_of(store, model)
    facts = dict(section.grids[0].rows)
    assert facts["learned by"].startswith("page model 1, made 20")
    assert facts["looks that it was learned from"] == "3,210"
    assert facts["a document's place in the model's order is worth"] == "13.0 looks"
    assert facts["steepness η of the curve, ± standard deviation"] == "0.80 ± 0.05"
    rates = section.grids[2].rows
    assert len(rates) == 10
    assert rates[:2] == (("1", "40.0%", "30.0%"), ("2", "10.0%", "30.0%"))
    assert rates[3] == ("4", f"{0.1 * 2**-0.7:.1%}", f"{0.3 * 2**-0.7:.1%}")


def test_a_model_of_a_short_log_has_learned_no_curve(log, store):
    record(store, [(log.ranking(log.decision(number)), {"a": 1.0}) for number in range(1, 6)])
    Learner(store, StaticPolicy(), reward_wait=0.0).run_once()
    keep_page_model(store)
    section = looks(store)
    assert [finding.title for finding in section.findings] == ["No curve was learned yet"]
    assert section.charts == ()
    assert "the default" in dict(section.grids[0].rows)["a document's place in the model's order is worth"]


def test_the_active_version_is_shown(store):
    for worth in (5.0, 50.0):
        model = learned((1.0,), (0.0,), ordering=PlacePrior(looks=worth))
        store.add_snapshot("page", model.to_bytes(), {}, activate=True)
    store.activate("page", 1)
    facts = dict(looks(store).grids[0].rows)
    assert facts["a document's place in the model's order is worth"] == "5.0 looks"


def test_a_page_model_that_cannot_be_read_is_said_to_be_one(store):
    store.add_snapshot("page", b"no page model", {}, activate=True)
    (finding,) = looks(store).findings
    assert (finding.severity, finding.title) == ("bad", "The active page model cannot be read")
