"""What of filters the index leaves to do: looking at documents, at each of them once."""

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from tantivy import DocAddress, Query, Searcher

from ltrr_haystack.embedded.scans import scan, turn
from ltrr_haystack.embedded.tantivy.codec import decoded
from ltrr_haystack.filtering import Predicate

MOST_REMEMBERED = 1_000_000
"""Pairs of a document and a filter of which it is remembered whether they match: some 100 MB."""


@dataclass(frozen=True, slots=True)
class Left:
    """
    Filters that documents have to be looked at for.

    :param wanted: Whether a document matches.
    :param embeddings: Whether it takes its embedding to tell.
    :param known: Number of a write → whether what was written matches. What is written once does not change.
    """

    wanted: Predicate
    embeddings: bool
    known: dict[int, bool]

    def matching(self, searcher: Searcher, numbers: Sequence[int], addresses: Sequence[DocAddress]) -> list[bool]:
        """
        Look at documents.

        :param searcher: The index.
        :param numbers: The numbers of their writes.
        :param addresses: Where they are.
        :returns: Whether each of them matches.
        :raises TimeoutError: If the deadline passes before all of them were looked at. What was found out until then is
            remembered.
        """

        def look(place: int) -> bool:
            document = decoded(searcher.doc(addresses[place]), embedding=self.embeddings)
            self.known[numbers[place]] = self.wanted(document)
            return False

        unknown = [place for place, number in enumerate(numbers) if number not in self.known]
        if unknown:
            with turn():
                scan(unknown, look)
        return [self.known[number] for number in numbers]


@dataclass(frozen=True, slots=True)
class Condition:
    """
    Filters, parted into what the index does and what is left to do.

    :param query: Finds every document that matches, and perhaps others; `None` finds all.
    :param left: What to do about the others; `None` if there are none.
    """

    query: Query | None = None
    left: Left | None = None


class MatchCache:
    """
    Keeps what was found out about the latest filters.

    :param most: Of how many filters.
    """

    def __init__(self, most: int = 64) -> None:
        self._most = most
        self._lock = Lock()
        self._known: OrderedDict[str, dict[int, bool]] = OrderedDict()

    def left(self, filters: Mapping[str, Any], wanted: Predicate) -> Left:
        """
        Give what is left to do of filters.

        :param filters: The filters.
        :param wanted: Whether a document matches them.
        :returns: What is left to do, with what is known already.
        """
        key = json.dumps(filters, sort_keys=True, default=repr)
        with self._lock:
            known = self._known.setdefault(key, {})
            self._known.move_to_end(key)
            pairs = sum(map(len, self._known.values()))
            while self._known and (len(self._known) > self._most or pairs > MOST_REMEMBERED):
                pairs -= len(self._known.popitem(last=False)[1])
        return Left(wanted, "embedding" in key, known)
