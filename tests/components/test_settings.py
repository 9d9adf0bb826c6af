import math
from fractions import Fraction

import numpy as np
import pytest
from haystack.utils import Secret

from ltrr_haystack.components.settings import (
    check_document_key,
    check_number,
    check_positive,
    check_store,
    check_whole,
)
from ltrr_haystack.errors import ConfigurationError, InvalidInputError
from ltrr_haystack.store import LTRRStore


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (lambda: check_number("x of Y", "5", 0), "x of Y must be a number, got '5'"),
        (lambda: check_number("x of Y", True, 0), "x of Y must be a number, got True"),
        (lambda: check_number("x of Y", None, 0), "x of Y must be a number, got None"),
        (lambda: check_number("x of Y", math.nan, 0), "x of Y must be a finite number, got nan"),
        (lambda: check_number("x of Y", math.inf, 0), "x of Y must be a finite number, got inf"),
        (lambda: check_number("x of Y", -1, 0), "x of Y must not be negative, got -1"),
        (lambda: check_number("x of Y", 1, 2), "x of Y must be at least 2, got 1"),
        (lambda: check_number("x of Y", 1.5, 0, 1), "x of Y must be from 0 to 1, got 1.5"),
        (lambda: check_number("x of Y", -0.5, 0, 1), "x of Y must be from 0 to 1, got -0.5"),
        (lambda: check_positive("x of Y", 0), "x of Y must be positive, got 0"),
        (lambda: check_positive("x of Y", -math.inf), "x of Y must be a finite number, got -inf"),
        (lambda: check_whole("x of Y", 1.5), "x of Y must be a whole number, got 1.5"),
        (lambda: check_whole("x of Y", 0), "x of Y must be at least 1, got 0"),
        (lambda: check_whole("x of Y", -1, 0), "x of Y must not be negative, got -1"),
        (lambda: check_document_key("Y", 5), "key of Y must be 'id' or like 'meta.sku', got 5"),
        (lambda: check_document_key("Y", "sku"), "key of Y must be 'id' or like 'meta.sku', got 'sku'"),
    ],
)
def test_says_what_is_wrong(check, message):
    with pytest.raises(ConfigurationError) as caught:
        check()
    assert str(caught.value) == message


def test_takes_numbers_of_every_sort():
    for number in (1, 1.0, np.float32(0.5), np.int64(3), Fraction(1, 2), 10**400):
        check_number("x", number, 0)
    check_whole("x", np.int64(3))
    check_positive("x", 0.1)
    assert check_document_key("Y", "meta.sku") == "meta.sku"


def test_raises_what_the_caller_wants():
    with pytest.raises(InvalidInputError, match="top_k must be a number, got '5'"):
        check_whole("top_k", "5", error=InvalidInputError)


def test_what_is_no_store_is_refused_without_being_told():
    with pytest.raises(ConfigurationError, match=r"store of Y must be an LTRRStore, .* got str") as caught:
        check_store("Y", "postgresql://ann:hunter2@db/search")
    assert "hunter2" not in str(caught.value)
    check_store("Y", LTRRStore(Secret.from_token("sqlite:///x.db")))
