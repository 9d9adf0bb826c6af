"""The best documents for a query: exactly as many as asked for, in an order that depends on nothing but them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import compress, groupby

from haystack import Document
from tantivy import DocAddress, Query, Searcher

from ltrr_haystack.embedded.tantivy.codec import decoded, document_id
from ltrr_haystack.embedded.tantivy.matching import Left
from ltrr_haystack.embedded.tantivy.schema import NUMBER

FIRST_LOOK = 2
"""How many times as many hits as are wanted are asked for first."""

NEXT_LOOK = 8
"""How many times as many again, as long as they do not suffice."""


@dataclass(frozen=True, slots=True)
class Boost:
    """
    Lifts scores by a number that documents have, such as how often they are played.

    A score is multiplied by `1 + weight · n / (n + pivot)`, where n is the number, or 0 where it is negative or
    missing, and the pivot is the median of all positive ones: what is as popular as the median gets half of what can be
    got. It grows with n and stays below `1 + weight`. The saturation is the one of Lucene's `FeatureField` and
    Elasticsearch's `rank_feature`, after Craswell, Robertson, Zaragoza and Taylor, "Relevance weighting for query
    independent evidence" (SIGIR 2005).

    :param field: The number field of the index.
    :param weight: How much a score can grow at most: 0.5 makes it at most half as great again.
    :param pivot: The median.
    """

    field: str
    weight: float
    pivot: float

    def factors(self, searcher: Searcher, addresses: list[DocAddress]) -> list[float]:
        """
        Give what scores are multiplied by.

        :param searcher: The index.
        :param addresses: The documents.
        :returns: A factor for each of them.
        """
        numbers = searcher.fast_field_values(self.field, addresses)
        return [1.0 + self.weight * self.share(float(number or 0.0)) for number in numbers]

    def share(self, number: float) -> float:
        """
        Say how much of the weight a number gets.

        :param number: The number.
        :returns: From 0 to 1.
        """
        if number <= 0.0:
            return 0.0
        return 1.0 / (1.0 + self.pivot / number)


@dataclass(slots=True)
class _Hit:
    score: float
    address: DocAddress


def best(
    searcher: Searcher,
    query: Query,
    top_k: int,
    *,
    left: Left | None = None,
    boost: Boost | None = None,
) -> list[Document]:
    """
    Find the best documents.

    Hits are asked for until nothing further down can be among the best: what is left scores no higher than the last
    hit, a boost lifts it by no more than its weight, and of what scores the same all has been seen.

    :param searcher: The index.
    :param query: The query.
    :param top_k: How many documents, at least 1.
    :param left: What is left to do of filters, if anything.
    :param boost: What lifts scores.
    :returns: The documents with their scores and without embeddings, the best first, equal scores by their ids.
    :raises TimeoutError: If the deadline passes before enough documents were looked at.
    """
    most = 1.0 + boost.weight if boost is not None else 1.0
    chosen: list[_Hit] = []
    for hits, last in _looks(searcher, query, top_k):
        if boost is not None:
            for hit, factor in zip(hits, boost.factors(searcher, [hit.address for hit in hits]), strict=True):
                hit.score *= factor
        if left is not None:
            addresses = [hit.address for hit in hits]
            numbers = [int(number or 0) for number in searcher.fast_field_values(NUMBER, addresses)]
            hits = list(compress(hits, left.matching(searcher, numbers, addresses)))
        chosen = _first(searcher, [*chosen, *hits], top_k)
        if len(chosen) == top_k and last * most < chosen[-1].score:
            break
    return [decoded(searcher.doc(hit.address), embedding=False, score=hit.score) for hit in chosen]


def _looks(searcher: Searcher, query: Query, top_k: int) -> Iterator[tuple[list[_Hit], float]]:
    """Hits further and further down, each time with the score of the last of them; the last time with no score."""
    seen, limit, everything = 0, FIRST_LOOK * top_k, searcher.num_docs
    while seen < everything:
        found = searcher.search(query, min(limit, everything - seen), count=False, offset=seen).hits
        seen += len(found)
        last = found[-1][0] if len(found) == limit and seen < everything else -math.inf
        yield [_Hit(score, address) for score, address in found], last
        if last == -math.inf:
            return
        limit *= NEXT_LOOK


def _first(searcher: Searcher, hits: list[_Hit], top_k: int) -> list[_Hit]:
    chosen: list[_Hit] = []
    for _, tied in groupby(sorted(hits, key=_by_score), key=_by_score):
        group = list(tied)
        if len(group) > 1:
            group.sort(key=lambda hit: in_order(document_id(searcher.doc(hit.address))))
        chosen += group[: top_k - len(chosen)]
        if len(chosen) == top_k:
            break
    return chosen


def _by_score(hit: _Hit) -> float:
    return -hit.score


def in_order(document_id: str) -> tuple[int, str]:
    """
    Order ids, so that those that are numbers count up: 9 comes before 10.

    :param document_id: An id.
    :returns: What to sort by.
    """
    return len(document_id), document_id
