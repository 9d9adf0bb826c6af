"""
The type of a query, told by its readings where these are sure enough.

The form of a query alone (`understanding/query_types.py`) takes "radiohead" for a broad query, since it is one word.
Who knows the catalogue sees that it names one artist, that "jazz" names a seventh of all documents, and that "love" may
mean many things.
"""

import math
from collections.abc import Sequence

from ltrr_haystack.catalogue.lexicon import Lexicon, LexiconValue
from ltrr_haystack.readings.interpreting import MatchedReading
from ltrr_haystack.types import QueryType

SURE = 0.5
"""Probability from which on a reading is taken for what is meant."""

FEW = 20
"""Documents of a value that names one thing, however small the catalogue is."""

BROAD_SHARE = 0.02
"""Share of the documents from which on a value is a wide field."""

AMBIGUOUS_WORDS = 3
"""Words of the longest query that is taken for ambiguous; longer ones say enough to search by."""


def query_type_of(readings: Sequence[MatchedReading], lexicon: Lexicon, by_form: QueryType) -> QueryType:
    """
    Tell the type of a query; the first rule that holds decides.

    1. *question*: it has the form of one.
    2. The likeliest reading takes all words, with whole values only, and has at least `SURE` probability: then the
       query is *navigational* if one of the values names one thing, *topical* if there are several that do not, and
       *broad* if it names a category or a wide field alone.
    3. *broad*: it has at most `AMBIGUOUS_WORDS` words and is ambiguous: it may refer to values, no one of them is in
       readings of at least `SURE` probability together, and neither has the plain reading that much.
    4. Its form decides.

    :param readings: The query's readings, best first; at least one.
    :param lexicon: The values that they are made of.
    :param by_form: The type by the query's form.
    :returns: The type.
    """
    if by_form == "question":
        return by_form
    best = readings[0]
    if best.matches and not best.interpretation.leftover and best.probability >= SURE and _all_whole(best):
        values = [match.value for match in best.matches]
        if any(_names_one_thing(value, lexicon) for value in values):
            return "navigational"
        if len(values) > 1:
            return "topical"
        return "broad" if _is_wide(values[0], lexicon) else by_form
    if by_form == "topical" and _words(readings) <= AMBIGUOUS_WORDS and _is_ambiguous(readings):
        return "broad"
    return by_form


def _is_ambiguous(readings: Sequence[MatchedReading]) -> bool:
    told: dict[tuple[str, str] | None, float] = {}
    for reading in readings:
        for slot in reading.interpretation.slots.items() or (None,):
            told[slot] = told.get(slot, 0.0) + reading.probability
    return len(told) > 1 and max(told.values()) < SURE


def _words(readings: Sequence[MatchedReading]) -> int:
    """The words of the query: what the plain reading leaves over."""
    plain = next(reading for reading in readings if not reading.matches)
    return len(plain.interpretation.leftover.split())


def _all_whole(reading: MatchedReading) -> bool:
    return all(match.whole for match in reading.matches)


def _is_wide(value: LexiconValue, lexicon: Lexicon) -> bool:
    """Whether a value has many of the documents, or its field has so few values that it parts them into categories."""
    if value.documents > max(FEW, BROAD_SHARE * lexicon.documents):
        return True
    return len(lexicon.values[value.field]) <= math.sqrt(lexicon.documents) and value.documents > 1


def _names_one_thing(value: LexiconValue, lexicon: Lexicon) -> bool:
    return value.documents <= FEW and not _is_wide(value, lexicon)
