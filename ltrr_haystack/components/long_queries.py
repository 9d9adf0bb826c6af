"""Queries that are so long that how long they take says nothing of a retriever's health."""

from ltrr_haystack.catalogue.analysis import folded

LONG_WORDS = 32
"""
Words from which a query is long; in scripts without spaces each letter is one. What a retriever does for a query grows
with its words, and hardly anybody types half as many.
"""

LONG_CHARACTERS = 256
"""Characters from which a query is long whatever its words are: retrievers may search by parts of words."""


def is_long(query: str) -> bool:
    """
    Tell whether a query is so long that it may be its own fault if a retriever does not answer it in time.

    :param query: The query text.
    :returns: Whether it has `LONG_WORDS` words or `LONG_CHARACTERS` characters.
    """
    if len(query) < LONG_WORDS:
        return False
    return len(query) >= LONG_CHARACTERS or len(folded(query).split()) >= LONG_WORDS
