import math

import pytest

from lexicons import lexicon_with
from ltrr_haystack.readings.phrases import MOST_PER_FIELD, Phrases

NAMES = lexicon_with(
    artist=["The Rolling Stones", ("Ed Sheeran", {"aliases": ("Edward Sheeran", "ed SHEERAN")})], title=["Stones"]
)


def phrases(lexicon=NAMES, fields=("artist", "title")):
    return Phrases(lexicon, fields)


def stands_for(table, phrase):
    row = table.row(phrase)
    return {} if row is None else {table.values[value].value: whole for value, _, whole in table.entries(row)}


class TestPhrases:
    def test_are_whole_values_and_their_parts(self):
        table = phrases()
        assert stands_for(table, "the rolling stones") == {"The Rolling Stones": True}
        assert stands_for(table, "rolling stones") == {"The Rolling Stones": False}
        assert stands_for(table, "stones") == {"The Rolling Stones": False, "Stones": True}
        assert table.row("the stones") is None

    def test_all_beginnings_of_a_phrase_are_phrases(self):
        table = phrases()
        for text in table.texts:
            words = text.split()
            assert all(table.row(" ".join(words[:length])) is not None for length in range(1, len(words)))

    def test_an_alias_is_a_whole_value_that_is_less_likely_to_be_typed_so(self):
        table = phrases()
        assert stands_for(table, "edward sheeran") == {"Ed Sheeran": True}
        (_, name, _), *_ = table.entries(table.row("ed sheeran"))
        (_, alias, _), *_ = table.entries(table.row("edward sheeran"))
        assert alias - name == pytest.approx(math.log(0.7))

    def test_only_those_of_the_fields_asked_for(self):
        assert stands_for(phrases(fields=("title",)), "stones") == {"Stones": True}

    def test_stand_for_the_most_prominent_values_and_always_for_the_whole_one(self):
        loves = [(f"Love {number}", {"popularity": float(number), "documents": 1000}) for number in range(2, 20)]
        table = phrases(lexicon_with(title=["Love", *loves]), ("title",))
        assert set(stands_for(table, "love")) == {"Love", "Love 19", "Love 18", "Love 17"}
        assert len(stands_for(table, "love")) == MOST_PER_FIELD

    def test_a_part_that_says_more_is_likelier(self):
        table = phrases()
        weights = {
            phrase: weight
            for phrase in ("the", "the rolling", "rolling stones")
            for value, weight, _ in table.entries(table.row(phrase))
        }
        assert weights["the"] < weights["the rolling"]

    def test_are_found_by_their_beginning_the_likeliest_first(self):
        table = phrases(lexicon_with(artist=[("Tayla", {}), ("Taylor Swift", {"documents": 50}), ("Tom", {})]))
        found = [table.texts[row] for row in table.beginning_with("tay", 10)]
        assert found == ["taylor swift", "taylor", "tayla"]
        assert [table.texts[row] for row in table.beginning_with("tay", 1)] == ["taylor swift"]
        assert [table.texts[row] for row in table.beginning_with("taylor", 10)] == ["taylor swift"]
        assert table.beginning_with("xyzzy", 10) == []

    def test_those_of_one_word_are_the_vocabulary(self):
        assert sorted(phrases().words()) == ["ed", "edward", "rolling", "sheeran", "stones", "the"]

    def test_an_empty_lexicon_has_none(self):
        assert phrases(lexicon_with()).texts == []
