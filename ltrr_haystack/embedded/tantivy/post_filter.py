"""Filters that the index cannot apply exactly, applied to the documents that it finds, once per document."""

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from tantivy import DocAddress, Query, Searcher

from ltrr_haystack.embedded.scans import scan, scan_lock
from ltrr_haystack.embedded.tantivy.codec import decode
from ltrr_haystack.filtering import Predicate

MAX_CACHED = 1_000_000
"""Maximum number of cached results of all filters together, each for one document: about 100 MB."""


@dataclass(frozen=True, slots=True)
class PostFilter:
    """
    A filter that is applied to documents in Python.

    :param predicate: Returns whether a document matches.
    :param with_embeddings: Whether the predicate reads the document's embedding.
    :param cache: Sequence number of a document → whether it matches. An overwritten document gets another number.
    """

    predicate: Predicate
    with_embeddings: bool
    cache: dict[int, bool]

    def matches(self, searcher: Searcher, numbers: Sequence[int], addresses: Sequence[DocAddress]) -> list[bool]:
        """
        Apply the filter to documents.

        :param searcher: The index.
        :param numbers: Sequence numbers of the documents.
        :param addresses: Addresses of the documents.
        :returns: Whether each document matches.
        :raises TimeoutError: If the deadline passes before all documents were read. Results so far stay in the cache.
        """

        def evaluate(place: int) -> bool:
            document = decode(searcher.doc(addresses[place]), embedding=self.with_embeddings)
            self.cache[numbers[place]] = self.predicate(document)
            return False

        unknown = [place for place, number in enumerate(numbers) if number not in self.cache]
        if unknown:
            with scan_lock():
                scan(unknown, evaluate)
        return [self.cache[number] for number in numbers]


@dataclass(frozen=True, slots=True)
class FilterPlan:
    """
    Filters, divided into a query of the index and a post-filter.

    :param query: Finds every document that matches, and possibly others; `None` finds all documents.
    :param post_filter: Removes the others; `None` if the query is exact.
    """

    query: Query | None = None
    post_filter: PostFilter | None = None


class PostFilterCache:
    """
    Keeps the results of the filters that were used last.

    :param size: Maximum number of filters.
    """

    def __init__(self, size: int = 64) -> None:
        self._size = size
        self._lock = Lock()
        self._results: OrderedDict[str, dict[int, bool]] = OrderedDict()

    def get(self, filters: Mapping[str, Any], predicate: Predicate) -> PostFilter:
        """
        Make the post-filter for filters.

        :param filters: The filters.
        :param predicate: Returns whether a document matches them.
        :returns: The post-filter, with the results that are cached.
        """
        key = json.dumps(filters, sort_keys=True, default=repr)
        with self._lock:
            results = self._results.setdefault(key, {})
            self._results.move_to_end(key)
            cached = sum(map(len, self._results.values()))
            while self._results and (len(self._results) > self._size or cached > MAX_CACHED):
                cached -= len(self._results.popitem(last=False)[1])
        return PostFilter(predicate, "embedding" in key, results)
