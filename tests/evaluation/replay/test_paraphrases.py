from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.evaluation.datasets import Query
from ltrr_haystack.evaluation.replay.paraphrases import inflected, misspelt, paraphrases, reordered
from ltrr_haystack.understanding import normal_form


def queries(*texts):
    return [Query(f"q{number}", text, "topical") for number, text in enumerate(texts)]


def everything(way, text):
    return {attempt for seed in range(200) for attempt in way(text, Random(seed))}


class TestMisspelt:
    def test_one_letter_is_lost_doubled_or_swapped_and_never_the_first(self):
        assert everything(misspelt, "song") == {"sng", "sog", "son", "soong", "sonng", "songg", "snog", "sogn"}

    def test_long_words_before_short_ones(self):
        assert all(attempt.startswith("a big ") for attempt in everything(misspelt, "a big garden"))
        assert everything(misspelt, "tv 50") == {"t 50", "tvv 50"}

    def test_digits_and_single_letters_stay(self):
        assert everything(misspelt, "1992 x") == set()


class TestReordered:
    def test_words_change_places(self):
        assert everything(reordered, "red dress shoes") == {"dress shoes red", "shoes red dress"}

    def test_a_single_word_cannot(self):
        assert everything(reordered, "shoes") == set()


class TestInflected:
    @pytest.mark.parametrize(
        ("word", "other"),
        [
            ("shoe", "shoes"),
            ("shoes", "shoe"),
            ("batteries", "battery"),
            ("dress", "dresses"),
            ("dresses", "dress"),
            ("running", "runned"),
            ("wanted", "wanting"),
            ("ring", "rings"),
            ("SHOES", "SHOE"),
            ("bus", "buss"),
        ],
    )
    def test_a_word_gets_another_ending(self, word, other):
        assert everything(inflected, word) == {other}

    def test_one_word_at_a_time(self):
        assert everything(inflected, "red shoes of 99") == {"reds shoes of 99", "red shoe of 99"}


class TestParaphrases:
    def test_keep_id_and_kind_and_depend_on_the_seed_alone(self):
        asked = queries("red dress", "running shoes", "laptop")
        written = paraphrases(asked, 3)
        assert written == paraphrases(list(reversed(asked)), 3)
        assert [(query.id, query.kind) for query in written.values()] == [(f"q{n}", "topical") for n in range(3)]
        assert len({paraphrases(asked, seed)["q2"].text for seed in range(20)}) > 3

    def test_are_no_other_query_and_where_that_cannot_be_they_are_left_out(self):
        # whatever can be done to "ab" is a query of its own
        asked = queries("ab", "a", "abb", "1992", "Red dress", "dress RED")
        written = paraphrases(asked, 0)
        assert "q0" not in written
        assert "q3" not in written
        for seed in range(30):
            assert normal_form(paraphrases(asked, seed)["q4"].text) != "dress red"

    @given(st.lists(st.text("abs 1é", min_size=1, max_size=12), min_size=1, max_size=6), st.integers(0, 100))
    def test_never_mean_a_known_text(self, texts, seed):
        asked = queries(*texts)
        known = {normal_form(text) for text in texts}
        assert not known & {normal_form(query.text) for query in paraphrases(asked, seed).values()}
