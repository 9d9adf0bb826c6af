import pytest
from haystack import Document

from ltrr_haystack.catalogue import LexiconCollector, LexiconFields
from ltrr_haystack.structured.agreement import agreement
from ltrr_haystack.types import Interpretation

CATALOGUE = [
    *(Document(id=f"tablet-{number}", meta={"type": "Tablet"}) for number in range(8)),
    *(Document(id=f"case-{number}", meta={"type": "Case", "for": ["Tablet", "Phone"]}) for number in range(5)),
    Document(id="one", meta={"type": "Case", "name": "Kobo"}),
]


@pytest.fixture(name="lexicon")
def _lexicon():
    collector = LexiconCollector(LexiconFields(["meta.type", "meta.for", "meta.name"]))
    collector.add(CATALOGUE)
    return collector.lexicon()


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        ({"type": "Tablet"}, 1.0),  # all 8 of 8
        ({"for": "Tablet"}, (0 + 2) / (5 + 2)),  # none of the 5 there are
        ({"type": "Case"}, (0 + 2) / (6 + 2)),
        ({"name": "Kobo"}, (0 + 2) / (1 + 2)),
        ({"type": "Tablet", "name": "Kobo"}, (0 + 2) / (1 + 2)),
        ({"name": "nobody"}, 1.0),
        ({}, 1.0),
    ],
)
def test_is_the_share_of_those_that_match_among_those_that_could(lexicon, slots, expected):
    assert agreement(Interpretation(slots, "", 0.5), CATALOGUE[:8], lexicon) == pytest.approx(expected)


def test_words_that_find_nothing_say_nothing(lexicon):
    assert agreement(Interpretation({"type": "Tablet"}, "", 0.5), [], lexicon) == 1.0


def test_without_a_lexicon_every_reading_is_agreed_with():
    assert agreement(Interpretation({"type": "Case"}, "", 0.5), CATALOGUE[:8], None) == 1.0
