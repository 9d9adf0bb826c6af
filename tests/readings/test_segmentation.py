from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.catalogue import LexiconValue
from ltrr_haystack.readings.matching import ValueMatch
from ltrr_haystack.readings.segmentation import PLAIN, segmentations


def match(start, end, field, gain, value="x"):
    return ValueMatch(start, end, LexiconValue(field, value, 1), True, gain)


ARTIST, TITLE = match(0, 1, "artist", 3.0), match(1, 2, "title", 1.0)


class TestSegmentations:
    def test_combine_matches_best_first(self):
        found = segmentations(2, [ARTIST, TITLE])
        assert [(each.matches, each.gain) for each in found] == [
            ((ARTIST, TITLE), 4.0),
            ((ARTIST,), 3.0),
            ((TITLE,), 1.0),
            ((), 0.0),
        ]

    def test_a_field_is_taken_once(self):
        found = segmentations(2, [ARTIST, match(1, 2, "artist", 2.0)])
        assert max(len(each.matches) for each in found) == 1

    def test_a_value_of_several_words_leaves_no_word_of_them(self):
        whole = match(0, 2, "artist", 5.0)
        best, *_ = segmentations(3, [whole, TITLE])
        assert best.matches == (whole,)
        assert best.leftover(["taylor", "swift", "live"]) == ("live",)

    def test_the_plain_one_is_there_even_if_all_others_are_better(self):
        found = segmentations(1, [match(0, 1, "artist", gain, str(gain)) for gain in (5.0, 4.0, 3.0)], most=2)
        assert [each.gain for each in found] == [5.0, 0.0]
        assert found[-1] == PLAIN

    def test_an_empty_query_has_only_the_plain_one(self):
        assert segmentations(0, []) == [PLAIN]


def all_of(matches):
    for size in range(len(matches) + 1):
        for chosen in combinations(matches, size):
            places = [place for each in chosen for place in range(each.start, each.end)]
            fields = [each.field for each in chosen]
            if len(set(places)) == len(places) and len(set(fields)) == len(fields):
                yield sum(each.gain for each in chosen)


@st.composite
def some_matches(draw):
    length = draw(st.integers(1, 5))
    return length, [
        match(
            start, draw(st.integers(start + 1, length)), draw(st.sampled_from("abc")), draw(st.integers(-3, 9)), str(i)
        )
        for i, start in enumerate(draw(st.lists(st.integers(0, length - 1), max_size=6)))
    ]


@given(some_matches())
def test_are_the_best_of_all_that_there_are(made):
    length, matches = made
    found = segmentations(length, matches, most=100)
    assert [each.gain for each in found] == sorted(all_of(matches), reverse=True)
    for each in found:
        places = [place for one in each.matches for place in range(one.start, one.end)]
        assert len(set(places)) == len(places)
        assert len({one.field for one in each.matches}) == len(each.matches)


@pytest.mark.parametrize("most", [1, 2, 24])
def test_never_more_than_asked_for(most):
    matches = [match(place, place + 1, field, 1.0) for place in range(20) for field in "abcde"]
    found = segmentations(20, matches, most)
    assert len(found) == most
    assert PLAIN in found
