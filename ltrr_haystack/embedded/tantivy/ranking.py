"""Top-k search with boosts and post-filters, in a deterministic order."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import nsmallest
from itertools import compress
from operator import attrgetter

from haystack import Document
from tantivy import DocAddress, Query, Searcher

from ltrr_haystack.embedded.tantivy.codec import decode
from ltrr_haystack.embedded.tantivy.post_filter import PostFilter
from ltrr_haystack.embedded.tantivy.schema import SEQUENCE

FIRST_BATCH = 2
"""Size of the first batch of hits, as a multiple of `top_k`."""

BATCH_GROWTH = 8
"""Factor by which every further batch is larger."""


@dataclass(frozen=True, slots=True)
class Boost:
    """
    Raises scores by a number of the document, such as its plays.

    A score is multiplied by `1 + weight · n / (n + pivot)`, where n is the number, or 0 if it is negative or missing,
    and the pivot is the median of all positive numbers, for which half of the weight is added. The factor grows with n
    and stays below `1 + weight`. This is the saturation function of Lucene's `FeatureField` and Elasticsearch's
    `rank_feature`, after Craswell, Robertson, Zaragoza and Taylor, "Relevance weighting for query independent evidence"
    (SIGIR 2005).

    :param field: The number field of the index.
    :param weight: Maximum increase of a score: 0.5 increases it by less than half.
    :param pivot: The median.
    """

    field: str
    weight: float
    pivot: float

    def factors(self, searcher: Searcher, addresses: list[DocAddress]) -> list[float]:
        """
        Get the factors by which scores are multiplied.

        :param searcher: The index.
        :param addresses: Addresses of the documents.
        :returns: A factor for each document.
        """
        numbers = searcher.fast_field_values(self.field, addresses)
        return [1.0 + self.weight * self.saturation(float(number or 0.0)) for number in numbers]

    def saturation(self, number: float) -> float:
        """
        Compute the saturation for a number.

        :param number: The number.
        :returns: The share of the weight that is added, from 0 to 1.
        """
        if number <= 0.0:
            return 0.0
        return 1.0 / (1.0 + self.pivot / number)


@dataclass(slots=True)
class _Hit:
    score: float
    number: int
    address: DocAddress

    @property
    def order(self) -> tuple[float, int]:
        return -self.score, self.number


def top_documents(
    searcher: Searcher,
    query: Query,
    top_k: int,
    *,
    post_filter: PostFilter | None = None,
    boost: Boost | None = None,
) -> list[Document]:
    """
    Find the documents with the highest scores.

    Hits are read in batches until no further hit can be among the top k: the remaining hits score no higher than the
    last one read, a boost raises them by no more than its weight, and all hits with equal scores have been read.

    :param searcher: The index.
    :param query: The query.
    :param top_k: Number of documents, at least 1.
    :param post_filter: The filter to apply to hits, if any.
    :param boost: The boost, if any.
    :returns: The documents with their scores and without embeddings, best first. Of documents with equal scores the one
        that was written earlier comes first.
    :raises TimeoutError: If the deadline passes before the post-filter was applied to enough documents.
    """
    highest_factor = 1.0 + boost.weight if boost is not None else 1.0
    chosen: list[_Hit] = []
    for hits, last in _batches(searcher, query, top_k):
        addresses = [hit.address for hit in hits]
        if boost is not None:
            for hit, factor in zip(hits, boost.factors(searcher, addresses), strict=True):
                hit.score *= factor
        if post_filter is not None:
            hits = list(compress(hits, post_filter.matches(searcher, [hit.number for hit in hits], addresses)))
        chosen = nsmallest(top_k, [*chosen, *hits], key=attrgetter("order"))
        if len(chosen) == top_k and last * highest_factor < chosen[-1].score:
            break
    return [decode(searcher.doc(hit.address), embedding=False, score=hit.score) for hit in chosen]


def _batches(searcher: Searcher, query: Query, top_k: int) -> Iterator[tuple[list[_Hit], float]]:
    """Read hits in batches, best first, each with the score of its last hit, or -∞ for the last batch."""
    seen, limit, everything = 0, FIRST_BATCH * top_k, searcher.num_docs
    while seen < everything:
        found = searcher.search(query, min(limit, everything - seen), count=False, offset=seen).hits
        seen += len(found)
        last = found[-1][0] if len(found) == limit and seen < everything else -math.inf
        numbers = searcher.fast_field_values(SEQUENCE, [address for _, address in found])
        yield (
            [_Hit(score, int(number or 0), address) for (score, address), number in zip(found, numbers, strict=True)],
            last,
        )
        if last == -math.inf:
            return
        limit *= BATCH_GROWTH
