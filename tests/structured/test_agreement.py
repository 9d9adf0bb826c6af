import pytest
from haystack import Document

from ltrr_haystack.catalogue import LexiconCollector, LexiconFields
from ltrr_haystack.structured.agreement import agreement_with
from ltrr_haystack.types import Interpretation

TABLETS = [Document(id=f"tablet-{number}", content="Tablet, by Kobo", meta={"type": "Tablet"}) for number in range(8)]
CASES = [
    Document(id=f"case-{number}", content="A case", meta={"type": "Case", "for": ["Tablet", "Phone"]})
    for number in range(5)
]
KOBO = Document(id="kobo", content="The tablet case", meta={"type": "Case", "name": "Kobo"})


def lexicon_of(documents, fields):
    collector = LexiconCollector(LexiconFields(fields))
    collector.add(documents)
    return collector.lexicon()


@pytest.fixture(name="lexicon", scope="module")
def _lexicon():
    return lexicon_of([*TABLETS, *CASES, KOBO], ["meta.type", "meta.for", "meta.name"])


@pytest.mark.parametrize(
    ("query", "slots", "leftover", "expected"),
    [
        ("tablet", {"type": "Tablet"}, "", 1.0),  # all 8 of 8
        ("tablet", {"for": "Tablet"}, "", (0 + 2) / (5 + 2)),  # none of the 5 there are
        ("kobo", {"name": "Kobo"}, "", (0 + 2) / (1 + 2)),
        ("kobo tablet", {"name": "Kobo"}, "tablet", (0 + 2) / (1 + 2)),
        ("tablet kobo", {"type": "Tablet", "name": "Kobo"}, "", (0 + 2) / (1 + 2)),
        ("case", {"type": "Case"}, "", 1.0),  # none of them is called a case, so none speaks against it
        ("tablte", {"for": "Tablet"}, "", 1.0),
        ("nobody", {"name": "nobody"}, "", 1.0),
        ("tablet", {}, "tablet", 1.0),
    ],
)
def test_is_the_share_of_those_that_match_among_those_that_have_the_words(lexicon, query, slots, leftover, expected):
    reading = Interpretation(slots, leftover, 0.5)
    assert agreement_with(query, lexicon)(reading, TABLETS) == pytest.approx(expected)


def test_documents_that_share_only_some_of_the_words_say_nothing_of_a_name():
    artist = Document(content="Drulyll and the Thieves", meta={"artist": "Drulyll and the Thieves"})
    songs = [Document(content=f"Song {number}", meta=artist.meta) for number in range(9)]
    others = [Document(content=f"{number} and the Gardens") for number in range(9)]
    lexicon = lexicon_of([artist, *songs, *others], ["meta.artist"])
    reading = Interpretation({"artist": "Drulyll and the Thieves"}, "", 0.9)
    assert agreement_with("drulyll and the thieves", lexicon)(reading, [artist, *others]) == 1.0


def test_words_that_find_nothing_say_nothing(lexicon):
    assert agreement_with("tablet", lexicon)(Interpretation({"type": "Tablet"}, "", 0.5), []) == 1.0


def test_without_a_lexicon_every_reading_is_agreed_with():
    assert agreement_with("case", None)(Interpretation({"type": "Case"}, "", 0.5), TABLETS) == 1.0
