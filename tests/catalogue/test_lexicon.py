from ltrr_haystack.catalogue import Lexicon, LexiconValue

SWIFT = LexiconValue("artist", "Taylor Swift", documents=13, categories={"pop": 9 / 13, "country": 4 / 13})
POP = LexiconValue("genre", "Pop", documents=9)


def lexicon(**values):
    return Lexicon(("artist", "genre"), frozenset({"genre"}), 20, values)


WHOLE = lexicon(artist={"taylor swift": SWIFT}, genre={"pop": POP})


def test_a_value_is_found_by_field_and_normal_form():
    assert WHOLE.lookup("artist", "taylor swift") is SWIFT
    assert WHOLE.lookup("genre", "taylor swift") is None
    assert WHOLE.lookup("mood", "taylor swift") is None


def test_its_length_is_the_number_of_values():
    assert len(WHOLE) == 2
    assert len(lexicon()) == 0


def test_lexicons_of_equal_content_are_equal():
    assert lexicon(artist={"taylor swift": SWIFT}, genre={"pop": POP}) == WHOLE
    assert lexicon(artist={"taylor swift": SWIFT}) != WHOLE
