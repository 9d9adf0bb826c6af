import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack import Interpretation
from ltrr_haystack.readings.keys import LONGEST, reading_key, reading_kind

SLOTS = st.dictionaries(st.text(max_size=30), st.text(max_size=600), max_size=5)


def reading(slots=None, leftover="", probability=0.5):
    return Interpretation(slots or {}, leftover, probability)


def test_a_key_says_what_the_reading_takes_the_words_for():
    assert reading_key(reading({"artist": "Taylor Swift"}, "love")) == '[{"artist":"taylor swift"},"love"]'


def test_order_spelling_and_probability_make_no_other_reading():
    one = reading({"artist": "Beyoncé", "genre": "pop"}, "Halo", 0.9)
    other = reading({"genre": "Pop", "artist": "BEYONCE"}, "halo ", 0.1)
    assert reading_key(one) == reading_key(other)
    assert reading_kind(one) == reading_kind(other) == '["artist","genre"]'


@pytest.mark.parametrize(
    "other",
    [
        reading({"title": "love"}, ""),
        reading({"genre": "love"}, "songs"),
        reading({"genre": "songs"}, ""),
        reading({}, "love"),
        reading({"genre": "", "love": ""}, ""),
    ],
)
def test_other_slots_or_other_text_make_another_reading(other):
    assert reading_key(other) != reading_key(reading({"genre": "love"}, ""))


def test_fields_cannot_be_mistaken_for_others():
    assert reading_kind(reading({"a,b": "x"})) != reading_kind(reading({"a": "x", "b": "x"}))
    assert reading_kind(reading({"-": "x"})) != reading_kind(reading())


def test_a_reading_without_slots_is_a_kind_of_its_own():
    assert reading_kind(reading({}, "love")) == "-"


@given(SLOTS, st.text(max_size=600))
def test_whatever_metadata_holds_a_key_is_short_and_can_be_stored(slots, leftover):
    for text in (reading_key(reading(slots, leftover)), reading_kind(reading(slots))):
        assert 0 < len(text) <= LONGEST
        assert text.isascii()
        assert "\0" not in text


def test_long_readings_that_differ_at_their_end_have_different_keys():
    one, other = ({"title": "long " * 200 + end} for end in ("a", "b"))
    assert reading_key(reading(one)) != reading_key(reading(other))
