import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltrr_haystack.intents.ngrams import BUCKETS, LONGEST_WORD, MOST_WORDS, buckets, ngrams, value_of_each
from ltrr_haystack.understanding import normal_form


class TestNgrams:
    def test_of_two_words_worked_by_hand(self):
        assert ngrams("hi yo") == [
            *("l h", "l hi", "l hi ", "l y", "l yo", "l yo ", "lhi", "lhi ", "li ", "lo ", "lyo", "lyo "),
            "phi yo",
            *("whi", "wyo"),
        ]

    def test_of_nothing_there_are_none(self):
        assert ngrams("") == []

    def test_a_misspelt_word_shares_most_of_its_letters(self):
        right, wrong = set(ngrams("podcasts")), set(ngrams("podcsts"))
        assert len(right & wrong) > len(right) / 2

    def test_of_endless_text_only_the_beginning_is_taken(self):
        assert ngrams("x" * 10_000) == ngrams("x" * LONGEST_WORD)
        words = [f"w{number}" for number in range(1_000)]
        assert ngrams(" ".join(words)) == ngrams(" ".join(words[:MOST_WORDS]))


class TestBuckets:
    @settings(deadline=None)
    @given(st.text(max_size=60))
    def test_are_ascending_and_within_bounds(self, text):
        found = buckets(normal_form(text))
        assert (np.diff(found) > 0).all()
        assert not len(found) or (found[0] >= 0 and found[-1] < BUCKETS)

    def test_are_the_same_in_every_process(self):
        assert buckets("hi").tolist() == [75422, 130329, 256276, 368532, 447237, 501969, 858992]


@pytest.mark.parametrize(("number", "value"), [(0, 1.0), (1, 1.0), (4, 0.5), (100, 0.1)])
def test_queries_are_vectors_of_length_1(number, value):
    assert value_of_each(number) == value
