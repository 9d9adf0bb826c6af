"""How far the documents that a query's words find agree with a reading of the query."""

from collections.abc import Callable, Sequence
from functools import cache

from haystack import Document

from ltrr_haystack.catalogue import Lexicon
from ltrr_haystack.catalogue.analysis import folded
from ltrr_haystack.catalogue.fields import field_text
from ltrr_haystack.filtering import compiled
from ltrr_haystack.structured.filters import filters_of
from ltrr_haystack.types import Interpretation
from ltrr_haystack.understanding import normal_form

Agreement = Callable[[Interpretation, Sequence[Document]], float]
"""Reading, and what the query's words find → how far that agrees with it, above 0 and at most 1."""

PSEUDO_COUNT = 2.0
"""Documents that are taken to agree before any were seen."""

LONGEST_TEXT = 2_000
"""Characters of each of a document's texts that are read: fifty documents take some 3 ms."""


def agreement_with(query: str, lexicon: Lexicon | None, tags: str | None = None) -> Agreement:
    """
    Say how far the documents that the words of a query find agree with its readings.

    `(a + 2) / (n + 2)`, where a of the documents match all slots of the reading, and n speak for or against it: those
    that match, and those that do not, though their text has all the words which the slots take from the query. n is at
    most as many as have the rarest of the slots' values. So "tablet", which is a value of a field for accessories, too,
    counts for little as such if the words find tablets. The name of an artist whose songs do not bear it loses nothing
    to songs that share only "the" and "and" with it, and a name that is misspelt next to nothing, since no text has its
    words. The first results of a query as evidence of what is meant: Lavrenko and Croft, "Relevance-based language
    models" (SIGIR 2001).

    :param query: The query as it was typed.
    :param lexicon: How many documents have a value, and where their texts are; without it every reading is agreed with.
    :param tags: As for `filters_of`.
    :returns: What gives a factor for a reading's probability. It remembers the documents' words, so use one for each
        query.
    """
    typed = folded(normal_form(query)).split()

    @cache
    def words_of(text: str) -> frozenset[str]:
        return frozenset(folded(text).split())

    def agreement(reading: Interpretation, found: Sequence[Document]) -> float:
        if lexicon is None or not reading.slots:
            return 1.0
        known = [lexicon.lookup(field, normal_form(value)) for field, value in reading.slots.items()]
        matches = compiled(filters_of(reading, lexicon, tags=tags))
        taken = set(typed) - words_of(reading.leftover)
        agree = against = 0
        for document in found:
            texts = [field_text(document, name)[:LONGEST_TEXT] for name in lexicon.texts]
            if matches(document):
                agree += 1
            elif taken <= frozenset().union(*map(words_of, texts)):
                against += 1
        could = min([agree + against, *(0 if value is None else value.documents for value in known)])
        return (min(agree, could) + PSEUDO_COUNT) / (could + PSEUDO_COUNT)

    return agreement
