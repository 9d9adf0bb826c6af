import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.server.checks import check_json, check_line, check_size, check_text, check_visible, plain

BOUNDS = {"depth": 3, "values": 6, "characters": 20}


class TestCheckText:
    @pytest.mark.parametrize("text", ["a|b:c\nd\te", "", "ζ 日本 🎵", "' OR 1=1 --"])
    def test_takes_what_can_be_stored(self, text):
        assert check_text(text) == text

    def test_refuses_nul(self):
        with pytest.raises(ValueError, match="NUL"):
            check_text("a\x00b")

    def test_refuses_half_a_surrogate_pair(self):
        with pytest.raises(ValueError, match="lone surrogates"):
            check_text("\ud83c")

    @pytest.mark.parametrize("text", ["a\nb", "\x7f", "\x1b[31m"])
    def test_a_line_holds_no_control_characters(self, text):
        with pytest.raises(ValueError, match="control characters"):
            check_line(text)

    @pytest.mark.parametrize("text", ["", "  \t\n", "\u200b\u200d", "\x01\x02"])
    def test_text_of_nothing_but_blanks_is_not_visible(self, text):
        with pytest.raises(ValueError, match="visible"):
            check_visible(text)

    @pytest.mark.parametrize("text", ["a", "?", "日", "🎵"])
    def test_any_sign_is_visible(self, text):
        assert check_visible(text) == text


class TestCheckJson:
    def test_takes_what_lies_within_the_bounds(self):
        check_json({"a": [1, 2.5, None, True], "b": "x"}, depth=3, values=7, characters=3)

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            ({"a": {"b": {"c": {"d": 1}}}}, "nested deeper than 3 levels"),
            ([1, 2, 3, 4, 5, 6], "more than 6 values"),
            ({"a": "x" * 20}, "more than 20 characters"),
            ({"a" * 21: 1}, "more than 20 characters"),
            ({"a": [math.nan]}, r"a\.0: must be finite, got nan"),
            ({"a": -math.inf}, "a: must be finite, got -inf"),
            ({"a": 10**400}, "a: whole numbers must be between"),
            ({"a": "\x00"}, "a: must not contain NUL"),
            ({"\ud800": 1}, "value: must be valid Unicode"),
        ],
    )
    def test_refuses_what_does_not(self, value, reason):
        with pytest.raises(ValueError, match=reason):
            check_json(value, **BOUNDS)

    def test_a_bomb_of_brackets_is_refused_without_recursion(self):
        bomb: list = []
        for _ in range(100_000):
            bomb = [bomb]
        with pytest.raises(ValueError, match="nested deeper than 50 levels"):
            check_size(bomb, depth=50, values=1_000)


class TestPlain:
    def test_what_has_no_json_form_becomes_text_and_infinity_nothing(self):
        from datetime import date

        value = {1: math.inf, "b": (np.float32(0.5), np.int64(3), np.array([1.0, np.nan])), "c": date(2026, 5, 16)}
        assert plain(value) == {"1": None, "b": [0.5, 3, [1.0, None]], "c": "2026-05-16"}

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
            max_leaves=20,
        )
    )
    def test_always_gives_json(self, value):
        assert json.loads(json.dumps(plain(value), allow_nan=False)) == plain(value)


class TestCheckSize:
    @pytest.mark.parametrize("value", [7, [], {"a": [1, 2]}, [[[1]]]])
    def test_what_is_within_both_limits_passes(self, value):
        check_size(value, depth=3, values=4)

    @pytest.mark.parametrize("value", [[[[[1]]]], {"a": {"b": {"c": {}}}}])
    def test_deeper_nesting_is_refused(self, value):
        with pytest.raises(ValueError, match="nested deeper than 2 levels"):
            check_size(value, depth=2, values=100)

    @pytest.mark.parametrize("value", [[1, 2, 3, 4], {"a": [1, 2, 3]}])
    def test_more_values_are_refused(self, value):
        with pytest.raises(ValueError, match="more than 4 values"):
            check_size(value, depth=3, values=4)
