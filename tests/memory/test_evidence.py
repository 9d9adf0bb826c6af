import pytest
from hypothesis import given
from hypothesis import strategies as st

import factories
from factories import search
from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.memory.evidence import added_evidence, evidence_of
from ltrr_haystack.store import Evidence


def settled(rewards):
    return factories.settled(search(shown=["d1", "d2", "d3", "d4"]), rewards)


CURVE = ExaminationCurve(eta=1.0)


def test_a_thousand_clicks_on_one_impression_weigh_no_more_than_ten():
    spam = evidence_of(settled({"d1": 1000.0}), CURVE)["d1"]
    assert (spam.successes, spam.exposures) == (10.0, 1.0)


class TestEvidenceOf:
    def test_an_impression_counts_as_seen_as_far_as_its_position_is(self):
        assert evidence_of(settled({}), CURVE) == {
            "d1": Evidence(exposures=1.0, successes=0.0),
            "d2": Evidence(exposures=1 / 2, successes=0.0),
            "d3": Evidence(exposures=1 / 3, successes=0.0),
            "d4": Evidence(exposures=1 / 4, successes=0.0),
        }

    def test_a_click_and_a_pass_count_the_same_look(self):
        """So the rate of a document that is clicked whenever it is seen is 1 at every position, and not less below."""
        clicked, passed = evidence_of(settled({"d4": 1.0}), CURVE)["d4"], evidence_of(settled({}), CURVE)["d4"]
        assert clicked == Evidence(exposures=passed.exposures, successes=1.0)

    def test_by_the_curve_that_was_learned(self):
        learned = ExaminationCurve(learned=(1.0, 0.9, 0.5, 0.4))
        assert [each.exposures for each in evidence_of(settled({}), learned).values()] == [1.0, 0.9, 0.5, 0.4]

    def test_what_stands_below_a_click_counts_less_against_it(self):
        curve = ExaminationCurve(
            learned=(1.0, 0.5, 0.4, 0.3), before_click=(1.0, 0.8, 0.7, 0.6), after_click=(1.0, 0.3, 0.2, 0.1)
        )
        found = evidence_of(settled({"d2": 1.0}), curve)
        assert found["d2"] == Evidence(exposures=0.8, successes=1.0)
        assert [each.exposures for each in found.values()] == pytest.approx([1.0, 0.8, 0.2, 0.1])

    def test_a_dislike_is_no_click_that_ends_the_search(self):
        curve = ExaminationCurve(learned=(1.0, 0.5), before_click=(1.0, 0.8), after_click=(1.0, 0.3))
        found = evidence_of(factories.settled(search(shown=["d1", "d2"]), {"d1": -1.0}), curve)
        assert found["d2"].exposures == pytest.approx(0.8)

    def test_a_click_with_a_purchase_is_four_successes(self):
        assert evidence_of(settled({"d3": 4.0}), CURVE)["d3"] == Evidence(exposures=1 / 3, successes=4.0)

    def test_a_dislike_is_a_failure_beside_the_exposure(self):
        assert evidence_of(settled({"d2": -2.0}), CURVE)["d2"] == Evidence(exposures=2.5, successes=0.0)

    def test_rewards_of_what_was_not_shown_say_nothing(self):
        assert set(evidence_of(settled({"elsewhere": 1.0}), CURVE)) == {"d1", "d2", "d3", "d4"}


class TestAddedEvidence:
    @pytest.mark.parametrize(
        ("before", "added", "expected"),
        [
            (0.0, 1.0, Evidence(exposures=0.0, successes=1.0)),
            (0.0, -2.0, Evidence(exposures=2.0, successes=0.0)),
            (1.0, -1.0, Evidence(exposures=0.0, successes=-1.0)),
            (1.0, -3.0, Evidence(exposures=2.0, successes=-1.0)),
            (9.0, 5.0, Evidence(exposures=0.0, successes=1.0)),
            (2.0, 0.0, Evidence(exposures=0.0, successes=0.0)),
        ],
    )
    def test_makes_the_impression_what_it_would_have_been_in_time(self, before, added, expected):
        assert added_evidence(before, added) == expected

    @given(before=st.floats(-20, 20), added=st.floats(-20, 20))
    def test_in_time_and_late_come_to_the_same(self, before, added):
        in_time = evidence_of(settled({"d3": before + added}), CURVE)["d3"]
        first = evidence_of(settled({"d3": before}), CURVE)["d3"]
        late = added_evidence(before, added)
        assert first.exposures + late.exposures == pytest.approx(in_time.exposures)
        assert first.successes + late.successes == pytest.approx(in_time.successes)
