"""How well the words of a query match the words of a field: the formulas, as functions of counts and texts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import LCSseq

Array = NDArray[np.float64]

K1 = 1.2
"""How soon further occurrences of a word stop to count, as in Lucene."""

B = 0.75
"""How much long fields are marked down, 0 to 1, as in Lucene."""


def bm25_gains(counts: Array, lengths: Array, mean_length: float) -> Array:
    """
    Give what the occurrences of a stem are worth in BM25, in units of its idf: f·(k1 + 1) / (f + k1·(1 − b + b·l/L)).

    Robertson and Zaragoza 2009, The probabilistic relevance framework: BM25 and beyond, section 3.5, with k1 = 1.2 and
    b = 0.75.

    :param counts: Occurrences f of each stem in each document, documents × stems.
    :param lengths: Words l of each document.
    :param mean_length: Mean words L of all documents of the collection, above 0.
    :returns: Values between 0 and k1 + 1, documents × stems.
    """
    norms = K1 * (1.0 - B + B * lengths / mean_length)
    gains: Array = counts * (K1 + 1.0) / (counts + norms[:, np.newaxis])
    return gains


def coverage(counts: Array, weights: Array) -> Array:
    """
    Give which share of a query's stems occurs in each document, by weight.

    :param counts: Occurrences, documents × stems.
    :param weights: Weight of each stem, for example 1 or its idf.
    :returns: Shares between 0 and 1 for each document; NaN if all weights are 0.
    """
    total = float(weights.sum())
    if total <= 0.0:
        return np.full(len(counts), np.nan)
    return weighted_sums(counts > 0.0, weights) / total


def weighted_sums(values: NDArray[Any], weights: Array) -> Array:
    """
    Add up the columns of each row by weight.

    Row by row: how a matrix product rounds depends on how many rows there are.

    :param values: Documents × stems.
    :param weights: Weight of each stem.
    :returns: One sum per document.
    """
    sums: Array = (values * weights).sum(axis=1)
    return sums


def ordered(query: Sequence[str], hits: Sequence[str]) -> float:
    """
    Give which share of a query's stems a document has in the query's order, with anything in between.

    The length of the longest common subsequence, divided by that of the query.

    :param query: The query's stems in order.
    :param hits: Those of the document's stems that the query has, in order.
    :returns: A share between 0 and 1.
    """
    if not query or not hits:
        return 0.0
    return float(LCSseq.similarity(query, hits)) / len(query)


def has_phrase(query: str, text: str) -> bool:
    """
    Tell whether a text has all words of a query next to each other and in order.

    :param query: The query's words with single spaces between them.
    :param text: The text's words likewise.
    :returns: Whether it does.
    """
    return query in text and f" {query} " in f" {text} "
