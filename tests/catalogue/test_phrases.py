import pytest
from haystack import Document
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.catalogue import LexiconCollector, LexiconFields, LexiconPhrases, folded

DECLARED = LexiconFields(["meta.title", "meta.artist"], aliases={"meta.artist": "meta.aliases"})


def phrases(*metadata):
    collector = LexiconCollector(DECLARED)
    collector.add([Document(id=str(number), content="x", meta=meta) for number, meta in enumerate(metadata)])
    return LexiconPhrases(collector.lexicon())


def titles(*titles):
    return phrases(*({"title": title} for title in titles))


def found(index, text):
    return [(match.start, [each.value.value for each in match.named]) for match in index.find(folded(text).split())]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The best of BEYONCE (live)", [(3, ["Beyoncé"])]),
        ("new york, New York", [(0, ["New York"]), (2, ["New York"])]),
        ("in New York City", [(1, ["New York City"])]),
        ("york", [(0, ["York"])]),
        ("yorkshire", []),
        ("new", []),
        ("我喜欢周杰倫的歌", [(3, ["周杰倫"])]),
        ("", []),
        ("… !!!", []),
    ],
)
def test_values_are_found_as_whole_words_and_the_longest_wins(text, expected):
    assert found(titles("Beyoncé", "York", "New York", "New York City", "周杰倫", "!!!"), text) == expected


def test_of_phrases_that_overlap_the_longest_wins_wherever_it_begins():
    index = titles("New York", "York City Hall", "New", "Hall")
    assert found(index, "New York City Hall") == [(0, ["New"]), (1, ["York City Hall"])]
    assert found(titles("a b", "b c"), "a b c") == [(0, ["a b"])]


def test_a_phrase_may_be_a_value_of_several_fields_and_an_alias():
    index = phrases({"title": "Prince"}, {"artist": "Prince", "aliases": ["The Artist"]})
    [match] = index.find(["prince"])
    assert [(each.value.field, each.by_alias) for each in match.named] == [("title", False), ("artist", False)]
    [match] = index.find(folded("It was the artist.").split())
    assert [(each.value.value, each.by_alias) for each in match.named] == [("Prince", True)]
    assert (match.start, match.words) == (2, ("the", "artist"))


WORDS = st.lists(st.sampled_from("abc"), max_size=8)


@given(st.lists(WORDS.filter(bool).map(" ".join), max_size=6), WORDS)
def test_places_are_in_order_and_share_no_word(names, words):
    matches = titles(*names).find(words)
    taken = [place for match in matches for place in range(match.start, match.start + len(match.words))]
    assert taken == sorted(set(taken))
    for match in matches:
        assert tuple(words[match.start : match.start + len(match.words)]) == match.words
        assert " ".join(match.words) in names
    # Whatever is left of the text has no name in it.
    left = [word for place, word in enumerate(words) if place not in taken]
    assert not set(left) & set(names)
