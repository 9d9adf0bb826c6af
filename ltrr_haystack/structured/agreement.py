"""How far the documents that a query's words find agree with a reading of the query."""

from collections.abc import Sequence

from haystack import Document

from ltrr_haystack.catalogue import Lexicon
from ltrr_haystack.filtering import compiled
from ltrr_haystack.structured.filters import filters_of
from ltrr_haystack.types import Interpretation
from ltrr_haystack.understanding import normal_form

PSEUDO_COUNT = 2.0
"""Documents that are taken to agree before any were seen."""


def agreement(reading: Interpretation, found: Sequence[Document], lexicon: Lexicon | None) -> float:
    """
    Say how far the documents that the words of a query find agree with a reading.

    `(a + 2) / (n + 2)`, where a of the documents match all slots of the reading, and n of them could: as many as were
    found, or as many as have the rarest of its values where these are fewer. So "tablet", which is a value of a field
    for accessories, too, counts for little as such if the words find tablets; and a name of one document loses nearly
    nothing if it is misspelt and the words do not find that document. The first results of a query as evidence of what
    is meant: Lavrenko and Croft, "Relevance-based language models" (SIGIR 2001).

    :param reading: The reading.
    :param found: What the words find, best first.
    :param lexicon: How many documents have a value; without it every reading is agreed with.
    :returns: A factor for the reading's probability, above 0 and at most 1.
    """
    if lexicon is None or not reading.slots:
        return 1.0
    known = [lexicon.lookup(field, normal_form(value)) for field, value in reading.slots.items()]
    could = min([len(found), *(0 if value is None else value.documents for value in known)])
    matches = compiled(filters_of(reading, lexicon))
    agree = min(sum(map(matches, found)), could)
    return (agree + PSEUDO_COUNT) / (could + PSEUDO_COUNT)
