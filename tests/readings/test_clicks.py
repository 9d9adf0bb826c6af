from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import decision, page, understood, unite
from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.readings.clicks import agreement_feature, measured_readings
from ltrr_haystack.store import ReadingClicks

FLAT = ExaminationCurve(learned=(1.0,) * 10)
HALVING = ExaminationCurve(learned=(1.0, 0.5, 0.25))
TITLE, GENRE, ARTIST, PLAYLIST = ({field: "Love"} for field in ("title", "genre", "artist", "playlist"))


def measured(*agreements, slots=(TITLE,), curve=FLAT):
    """What is measured of a page; for each of its documents, d1 first, what is logged of the readings."""
    made = decision(understanding=understood("love", *slots))
    features = [
        {agreement_feature(place): value for place, value in enumerate(row, start=1) if value is not None}
        for row in agreements
    ]
    shown = [f"d{number}" for number in range(1, len(agreements) + 1)]
    return measured_readings(made, page(unite(made, {"bm25": shown}), features=features).impressions(), curve)


def test_a_click_counts_by_the_looks_of_those_that_it_was_preferred_to():
    """Two of five documents agree and all have one look: three fifths against two fifths."""
    (reading,) = measured([1.0], [1.0], [0.0], [0.0], [0.0])
    assert reading.share == 0.4
    assert reading.clicks("d1", 1.0) == ReadingClicks(0.6, 0.0)
    assert reading.clicks("d5", 1.0) == ReadingClicks(0.0, 0.4)


def test_looks_are_weighted_by_examination():
    (reading,) = measured([0.0], [1.0], [1.0], curve=HALVING)
    assert reading.share == pytest.approx(0.75 / 1.75)


def test_a_document_that_agrees_in_part_counts_on_both_sides():
    (reading,) = measured([0.5], [0.0])
    assert reading.share == 0.25
    assert reading.clicks("d1", 1.0) == ReadingClicks(0.375, 0.125)
    assert reading.clicks("d1", -2.0) == ReadingClicks(0.25, 0.75)


def test_a_large_reward_counts_as_far_as_it_does_elsewhere():
    (reading,) = measured([1.0], [0.0])
    assert reading.clicks("d1", 1e9) == ReadingClicks(5.0, 0.0)


def test_a_document_of_which_nothing_is_known_is_left_out():
    (reading,) = measured([1.0], [None], [0.0])
    assert reading.share == 0.5
    assert reading.clicks("d2", 1.0) == reading.clicks("elsewhere", 1.0) == ReadingClicks(0.0, 0.0)


@pytest.mark.parametrize("page", [[[1.0], [1.0]], [[0.0], [0.0]], [[None], [None]], []])
def test_a_page_without_a_choice_says_nothing(page):
    assert measured(*page) == []


def test_each_of_the_three_best_readings_has_its_own_feature():
    slots = (TITLE, GENRE, ARTIST, PLAYLIST)
    found = measured([1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 1.0, 0.0], slots=slots)
    assert [each.reading.slots for each in found] == [TITLE, GENRE, ARTIST]
    assert [each.share for each in found] == [pytest.approx(share) for share in (1 / 3, 1 / 3, 2 / 3)]


def test_what_was_logged_beyond_its_range_counts_as_within_it():
    (reading,) = measured([7.0], [-7.0])
    assert reading.share == 0.5


@given(
    st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(-20.0, 20.0)), min_size=1, max_size=8),
)
def test_where_all_are_clicked_alike_a_reading_has_as_much_for_it_as_against_it(documents):
    for each in measured(*[[agreement] for agreement, _ in documents]):
        told = [each.clicks(object_id, 1.0) for object_id in each.agreements]
        assert sum(one.chosen for one in told) == pytest.approx(sum(one.passed for one in told))


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(-100.0, 100.0))
def test_neither_side_is_ever_negative_and_more_agreement_is_more_for_it(one, other, reward):
    for each in measured([one], [other]):
        for object_id in ("d1", "d2"):
            told = each.clicks(object_id, reward)
            assert told.chosen >= 0.0
            assert told.passed >= 0.0
        more, less = sorted(["d1", "d2"], key=each.agreements.__getitem__, reverse=True)
        assert each.clicks(more, 1.0).chosen >= each.clicks(less, 1.0).chosen


def test_without_readings_nothing_is_measured():
    made = decision()
    shown = page(unite(made, {"bm25": ["a", "b"]}), features=[{"reading.1": 1.0}, {"reading.1": 0.0}]).impressions()
    assert measured_readings(made, shown, FLAT) == []
    assert measured_readings(replace(made, understanding=understood("love", TITLE)), (), FLAT) == []
