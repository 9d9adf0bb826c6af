import pytest

from ltrr_haystack.components.long_queries import LONG_CHARACTERS, LONG_WORDS, is_long


@pytest.mark.parametrize(
    "query",
    [
        "a " * LONG_WORDS,
        " ".join(f"w{number}" for number in range(240)),
        "a,b;c" * LONG_WORDS,
        "love" * LONG_CHARACTERS,
        "\u6b4c" * LONG_WORDS,
    ],
    ids=["words", "many short words", "words between punctuation", "one endless word", "a script without spaces"],
)
def test_many_words_or_characters_are_long(query):
    assert is_long(query)


@pytest.mark.parametrize(
    "query", ["", "taylor swift", "a " * (LONG_WORDS - 1), "  " * 20 + "love", "x" * (LONG_CHARACTERS - 1)]
)
def test_what_people_type_is_not(query):
    assert not is_long(query)
