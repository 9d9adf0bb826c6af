import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.store.checks import LONGEST_KEY, finite, folded, is_storable_id, storable


class TestStorable:
    def test_refuses_what_postgresql_cannot_keep(self):
        with pytest.raises(InvalidInputError, match=r"query_id 'a\\x00b' holds a NUL character"):
            storable("query_id", "a\0b")

    def test_refuses_what_utf8_cannot_write(self):
        with pytest.raises(InvalidInputError, match=r"object_id '\\ud800' holds a lone surrogate"):
            storable("object_id", "\ud800")

    def test_counts_bytes_and_not_letters(self):
        assert storable("id", "ää", 4) == "ää"
        with pytest.raises(InvalidInputError, match="has 6 bytes; expected at most 4"):
            storable("id", "äää", 4)

    def test_an_id_that_cannot_be_stored_is_told_apart(self):
        assert is_storable_id("q1")
        assert not is_storable_id("q\0")
        assert not is_storable_id("q" * 3000)


class TestFinite:
    @pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
    def test_refuses_what_is_no_number(self, number):
        with pytest.raises(InvalidInputError, match=r"reward is .*; expected a finite number"):
            finite("reward", number)

    def test_refuses_an_integer_beyond_a_double(self):
        with pytest.raises(InvalidInputError, match=r"timestamp is 1000.*…; expected a number that a double can hold"):
            finite("timestamp", 10**400)


class TestFolded:
    def test_a_usual_key_stays_as_it_is(self):
        assert folded("love songs") == "love songs"

    def test_long_keys_that_begin_alike_stay_apart(self):
        one, other = folded("x" * 5000 + "1"), folded("x" * 5000 + "2")
        assert one != other
        assert one.startswith("x" * 400)

    @given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=2000))
    def test_is_short_and_stable(self, key):
        assert len(folded(key).encode()) <= LONGEST_KEY
        assert folded(folded(key)) == folded(key)
