from enum import Enum, StrEnum

import numpy as np
import pytest
from haystack import Document

from ltrr_haystack.catalogue import LexiconFields
from ltrr_haystack.catalogue.lexicon_fields import LONGEST_VALUE, slot_of
from ltrr_haystack.errors import ConfigurationError

ARTIST = LexiconFields(["meta.artist"])


class Genre(StrEnum):
    POP = "Pop"


class Stars(int, Enum):
    FIVE = 5


def read(value, declared=ARTIST, content=None, **meta):
    return declared.read(Document(id="d", content=content, meta={"artist": value, **meta}))


def values(value):
    reading = read(value).fields.get("meta.artist")
    return {} if reading is None else dict(reading.values)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Beyoncé", {"beyonce": "Beyoncé"}),
        ("  AC/DC ", {"ac dc": "  AC/DC "}),
        (["Pop", "R&B"], {"pop": "Pop", "r&b": "R&B"}),
        (("Pop", "POP", "pop"), {"pop": "Pop"}),
        (1999, {"1999": "1999"}),
        (12.5, {"12.5": "12.5"}),
        (np.float64(12.5), {"12.5": "12.5"}),
        (Genre.POP, {"pop": "Pop"}),
        (Stars.FIVE, {"5": "5"}),
        ("1999", {"1999": "1999"}),
        (["a", ["b"], None, {"c": "d"}, True, "e"], {"a": "a", "e": "e"}),
        ("two\nlines", {"two lines": "two\nlines"}),
        ("!!!", {"!!!": "!!!"}),
        ("周杰倫", {"周杰倫": "周杰倫"}),
    ],
)
def test_texts_and_numbers_are_values_alone_or_in_a_list(value, expected):
    assert values(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        "",
        " \t\n",
        [],
        [""],
        [[["deep"]]],
        {"name": "x"},
        {"x"},
        b"bytes",
        object(),
        float("nan"),
        float("inf"),
        10**400,
        "x" * (LONGEST_VALUE + 1),
        "x" * 1_000_000,
        "nul\0",
        "bell\a",
        "\ud800",
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_nobody_can_name_is_no_value(value):
    assert values(value) == {}


def test_of_a_long_list_the_beginning_is_read():
    assert len(values([f"v{number}" for number in range(5_000)])) == 1_000


def test_a_nested_field_is_read():
    brand = LexiconFields(["meta.product.brand"])
    made = brand.read(Document(content="x", meta={"product": {"brand": "Acme"}}))
    assert made.fields["meta.product.brand"].values == {"acme": "Acme"}
    assert brand.read(Document(content="x", meta={"product": "Acme"})).fields == {}


def test_says_whether_values_came_in_a_list_and_were_numbers():
    def kinds(value):
        reading = read(value).fields["meta.artist"]
        return reading.is_list, reading.has_numbers

    assert kinds("a") == (False, False)
    assert kinds(7) == (False, True)
    assert kinds(["a", True]) == (True, False)
    assert kinds(["a", 7]) == (True, True)


@pytest.mark.parametrize(
    ("value", "popularity"),
    [
        (3, 3.0),
        ("42", 42.0),
        (-1, 0.0),
        ("many", 0.0),
        ("inf", 0.0),
        (None, 0.0),
        (True, 0.0),
        (10**400, 0.0),
        ("1" * 5_000, 0.0),
        ([5], 0.0),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_popularity_is_a_number_or_its_text(value, popularity):
    assert read("a", LexiconFields(["meta.artist"], popularity="meta.plays"), plays=value).popularity == popularity


def test_aliases_are_those_of_a_single_value():
    declared = LexiconFields(["meta.artist"], aliases={"meta.artist": "meta.aliases"})
    single = read("Prince", declared, aliases=["TAFKAP", "prince", None, "The Artist"])
    assert single.aliases == {"meta.artist": {"tafkap": "TAFKAP", "the artist": "The Artist"}}
    assert read(["Prince", "Sheila E."], declared, aliases=["TAFKAP"]).aliases == {}
    assert read("Prince", declared).aliases == {"meta.artist": {}}


def test_the_category_field_is_read_whether_it_is_in_the_lexicon_or_not():
    declared = LexiconFields(["meta.artist"], category="meta.genre")
    assert declared.counted == ("meta.artist", "meta.genre")
    assert read("a", declared, genre="Pop").fields["meta.genre"].values == {"pop": "Pop"}
    assert LexiconFields(["meta.artist", "meta.genre"], category="meta.genre").counted == ("meta.artist", "meta.genre")


@pytest.mark.parametrize(
    ("value", "content", "mentioned"),
    [
        ("Beyoncé", "The best of BEYONCE, live", True),
        ("art", "the start of art-pop", True),
        ("art", "the start", False),
        ("New York", "new songs of York", False),
        ("周杰倫", "我喜欢周杰倫的歌", True),
        ("!!!", "They are !!!", False),
        ("Beyoncé", "", False),
        ("Beyoncé", None, False),
    ],
)
def test_a_value_is_mentioned_where_the_text_has_it_as_whole_words(value, content, mentioned):
    assert bool(read(value, content=content).mentioned) == mentioned


def test_mentions_do_not_reach_across_texts():
    declared = LexiconFields(["meta.artist"], texts=["content", "meta.title"])
    assert read("New York", declared, content="new", title="york").mentioned == frozenset()
    assert read("New York", declared, content="new", title="In New York").mentioned == {"new york"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fields": []}, "fields of LexiconFields must be different names"),
        ({"fields": ["artist"]}, "'meta.title' or"),
        ({"fields": ["content"]}, "must be in the metadata"),
        ({"fields": ["meta.a", "meta.a"]}, "must be different names"),
        ({"fields": ["meta.a"], "category": "genre"}, "fields of LexiconFields"),
        ({"fields": ["meta.a"], "popularity": "content"}, "must be in the metadata"),
        ({"fields": ["meta.a"], "texts": []}, r"fields of LexiconFields\.texts"),
        (
            {"fields": ["meta.a"], "aliases": {"meta.b": "meta.c"}},
            "aliases are declared for meta.b, and the fields are",
        ),
    ],
)
def test_names_that_are_no_fields_are_refused(settings, message):
    with pytest.raises(ConfigurationError, match=message):
        LexiconFields(**settings)


def test_goes_to_a_dictionary_and_back():
    declared = LexiconFields(["meta.a"], "meta.b", "meta.c", {"meta.a": "meta.d"}, ["content", "meta.title"])
    assert LexiconFields.from_dict(declared.to_dict()) == declared
    assert LexiconFields(["meta.a"], aliases=None) == LexiconFields(("meta.a",))


def test_a_slot_is_the_field_without_meta():
    assert slot_of("meta.product.brand") == "product.brand"
    assert slot_of("meta.meta.title") == "meta.title"
