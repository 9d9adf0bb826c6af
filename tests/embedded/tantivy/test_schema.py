import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("tantivy")

from ltrr_haystack.embedded.tantivy.schema import LONGEST_TERM, key_of, number_of, term_of

ANYTHING = st.text(st.one_of(st.characters(), st.characters(categories=["Cs"]), st.sampled_from("ab\0")))
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), ANYTHING, st.just("\ud800")
)


@given(VALUES, VALUES)
def test_two_values_have_one_term_if_python_takes_them_for_equal(first, second):
    assert (term_of("meta.a", first) == term_of("meta.a", second)) == (first == second)


@given(ANYTHING, st.text(st.characters()))
def test_two_ids_have_one_key_only_if_they_are_one(first, second):
    assert (key_of(first) == key_of(second)) == (first == second)


@pytest.mark.parametrize(
    ("value", "term"),
    [
        ("rock", "meta.a\0text:rock"),
        (None, "meta.a\0none"),
        (255, "meta.a\0number:0xff"),
        (255.0, "meta.a\0number:0xff"),
        (True, "meta.a\0number:0x1"),
        (0.5, "meta.a\0number:0.5"),
        (math.inf, "meta.a\0number:inf"),
        (math.nan, None),
        (["rock"], None),
        ({"a": 1}, None),
    ],
)
def test_terms(value, term):
    assert term_of("meta.a", value) == term


def test_a_path_is_part_of_the_term():
    assert term_of("meta.a", "x") != term_of("meta.b", "x")


@pytest.mark.parametrize("text", ["x" * (LONGEST_TERM + 1), "\ud800", "\0", "é" * 501])
def test_what_no_term_can_hold_is_hashed(text):
    assert key_of(text).startswith("\0")
    assert len(key_of(text)) == 65


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (7, 7.0),
        (True, 1.0),
        (2**53 + 1, 2.0**53),
        (10**400, math.inf),
        (-(10**400), -math.inf),
        ("7", None),
        (None, None),
        (math.nan, None),
        ([7], None),
    ],
)
def test_numbers(value, number):
    assert number_of(value) == number


def test_there_is_one_zero():
    assert math.copysign(1.0, number_of(-0.0)) == 1.0
