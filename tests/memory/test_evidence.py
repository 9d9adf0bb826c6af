import pytest
from hypothesis import given
from hypothesis import strategies as st

import factories
from factories import search
from ltrr_haystack.memory.evidence import added_evidence, evidence_of
from ltrr_haystack.store import Evidence


def settled(rewards):
    return factories.settled(search(shown=["d1", "d2", "d3", "d4"]), rewards)


def test_a_thousand_clicks_on_one_impression_weigh_no_more_than_ten():
    spam = evidence_of(settled({"d1": 1000.0}))["d1"]
    assert (spam.successes, spam.exposures) == (10.0, 10.0)


class TestEvidenceOf:
    def test_what_was_passed_over_counts_as_seen_as_far_as_its_position_is(self):
        assert evidence_of(settled({})) == {
            "d1": Evidence(exposures=1.0, successes=0.0),
            "d2": Evidence(exposures=1 / 2, successes=0.0),
            "d3": Evidence(exposures=1 / 3, successes=0.0),
            "d4": Evidence(exposures=1 / 4, successes=0.0),
        }

    def test_what_was_clicked_was_seen_wherever_it_stood(self):
        evidence = evidence_of(settled({"d4": 1.0}))
        assert evidence["d4"] == Evidence(exposures=1.0, successes=1.0)
        assert evidence["d2"] == Evidence(exposures=0.5, successes=0.0)

    def test_a_click_with_a_purchase_is_four_successes_in_four_trials(self):
        assert evidence_of(settled({"d3": 4.0}))["d3"] == Evidence(exposures=4.0, successes=4.0)

    def test_a_small_reward_is_a_part_of_a_success_in_one_trial(self):
        assert evidence_of(settled({"d3": 0.25}))["d3"] == Evidence(exposures=1.0, successes=0.25)

    def test_a_dislike_is_a_failure_beside_the_exposure(self):
        assert evidence_of(settled({"d2": -2.0}))["d2"] == Evidence(exposures=3.0, successes=0.0)

    def test_events_worth_nothing_do_not_make_a_document_seen(self):
        assert evidence_of(settled({"d4": 0.0}))["d4"] == Evidence(exposures=0.25, successes=0.0)

    def test_rewards_of_what_was_not_shown_say_nothing(self):
        assert set(evidence_of(settled({"elsewhere": 1.0}))) == {"d1", "d2", "d3", "d4"}

    @given(st.dictionaries(st.sampled_from(["d1", "d2", "d3", "d4"]), st.floats(-100, 100)))
    def test_there_are_never_more_successes_than_exposures(self, rewards):
        for evidence in evidence_of(settled(rewards)).values():
            assert 0.0 <= evidence.successes <= evidence.exposures


class TestAddedEvidence:
    @pytest.mark.parametrize(
        ("before", "added", "expected"),
        [
            # Passed over at place 4 it counted a quarter of a look; clicked it counts a whole one.
            (0.0, 1.0, Evidence(exposures=0.75, successes=1.0)),
            (1.0, 2.0, Evidence(exposures=2.0, successes=2.0)),
            (0.0, 0.5, Evidence(exposures=0.75, successes=0.5)),
            (0.0, -2.0, Evidence(exposures=2.75, successes=0.0)),
            (1.0, -1.0, Evidence(exposures=-0.75, successes=-1.0)),
            (9.0, 5.0, Evidence(exposures=1.0, successes=1.0)),
            (2.0, 0.0, Evidence(exposures=0.0, successes=0.0)),
        ],
    )
    def test_makes_the_impression_what_it_would_have_been_in_time(self, before, added, expected):
        assert added_evidence(before, added, ordinal=4) == expected

    @given(before=st.floats(-20, 20), added=st.floats(-20, 20))
    def test_in_time_and_late_come_to_the_same(self, before, added):
        in_time = evidence_of(settled({"d3": before + added}))["d3"]
        first = evidence_of(settled({"d3": before}))["d3"]
        late = added_evidence(before, added, ordinal=3)
        assert first.exposures + late.exposures == pytest.approx(in_time.exposures)
        assert first.successes + late.successes == pytest.approx(in_time.successes)
