import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from ltrr_haystack.readings.spelling import MOST_NEIGHBOURS, Spelling, most_edits

WORDS = ["taylor", "swift", "love", "the", "abba", "beethoven", "wh1000xm4", "花束", "mozart"]


def neighbours(word, words=WORDS, fuzziness=2):
    return Spelling(words, fuzziness).neighbours(word)


class TestSpelling:
    @pytest.mark.parametrize(
        ("typed", "meant", "edits"),
        [
            ("tayler", "taylor", 1),
            ("tylor", "taylor", 1),
            ("taylorr", "taylor", 1),
            ("swfit", "swift", 1),
            ("betoven", "beethoven", 2),
            ("beethovne", "beethoven", 1),
            ("xbba", "abba", 1),
            ("teh", "the", 1),
        ],
    )
    def test_finds_the_word_that_is_meant(self, typed, meant, edits):
        assert neighbours(typed) == [(meant, edits)]

    @pytest.mark.parametrize("typed", ["tailer", "lv", "wh1000xm3", "wh100xm4", "花", "mozart"])
    def test_finds_nothing_for_what_is_too_far_away_too_short_has_digits_or_is_right(self, typed):
        assert neighbours(typed) == []

    def test_allows_no_more_edits_than_asked_for(self):
        assert neighbours("betoven", fuzziness=1) == []
        assert neighbours("beethven", fuzziness=1) == [("beethoven", 1)]
        assert neighbours("beethven", fuzziness=0) == []

    def test_gives_fewest_edits_first_and_then_the_order_of_the_vocabulary(self):
        words = ["sounding", "soundings", "mounting", "pounding", "rounding"]
        assert neighbours("sounding", words) == [("soundings", 1), ("pounding", 1), ("rounding", 1), ("mounting", 2)]

    def test_a_vocabulary_of_words_that_are_all_alike_gives_a_few_of_them(self):
        words = ["aaaaaaaa" + first + second for first in string.ascii_lowercase for second in string.ascii_lowercase]
        assert len(neighbours("aaaaaaaabbb", words)) == MOST_NEIGHBOURS

    def test_an_empty_vocabulary_has_no_neighbours(self):
        assert neighbours("taylor", []) == []


letters = st.text("abcd", min_size=1, max_size=11)


@given(st.lists(letters, unique=True, max_size=MOST_NEIGHBOURS), letters)
@settings(deadline=None)
def test_finds_exactly_what_a_look_at_all_words_would_find(words, typed):
    distances = {word: OSA.distance(typed, word) for word in words}
    within = {
        (word, distance)
        for word, distance in distances.items()
        if 0 < distance <= most_edits(min(len(word), len(typed)))
    }
    assert set(neighbours(typed, words)) == within
