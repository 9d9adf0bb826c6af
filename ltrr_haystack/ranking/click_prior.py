"""
How much more documents are clicked than is to be expected where they stand, over all queries but one.

Clicks over expected clicks: Zhang and Jones, "Comparing click logs and editorial labels for training query rewriting",
WWW 2007 workshop on query log analysis. What is expected of a document is the examination of its position times the
click rate of its place in the ranking model's order, so a document earns nothing by being shown often or high up.
"""

import heapq
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from ltrr_haystack.catalogue.packing import packed, unpacked
from ltrr_haystack.feedback.examination import clicks_of
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.store import CLICKS, SnapshotDraft
from ltrr_haystack.types import SettledDecision

FORMAT = "ltrr-clicks/1"

HALF_LIFE = 30.0
"""Days after which a click and a look count half."""

MOST_DOCUMENTS = 100_000
"""Documents that a snapshot keeps: those of which most was expected."""

MOST_QUERIES = 8
"""
Queries of a document that are kept apart, so that they can be left out: those with the most clicks of it. For any other
as much is left out as it can have at most.
"""

MOST_OF_A_QUERY = 5.0
"""Clicks of one query for one document that count; what is expected is cut by as much."""

PRIOR = 2.0
"""Clicks that a document is given beforehand, and as many that are expected of it."""

_SECONDS_PER_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class DocumentClicks:
    """
    What is known of a document.

    :param clicks: Its clicks, decayed, over all queries.
    :param expected: How many clicks were to be expected.
    :param queries: Digest of a query's normal form → clicks and expected clicks that came from it.
    """

    clicks: float
    expected: float
    queries: Mapping[str, tuple[float, float]]

    @property
    def most_of_others(self) -> tuple[float, float]:
        """The most clicks that a query can have which is not kept apart: as many as the least of those that are."""
        if len(self.queries) < MOST_QUERIES:
            return 0.0, 0.0
        return min(clicks for clicks, _ in self.queries.values()), 0.0


@dataclass(frozen=True, slots=True)
class ClickPrior:
    """
    Clicks and expected clicks of documents.

    :param documents: Object id → what is known of it.
    """

    documents: Mapping[str, DocumentClicks] = field(default_factory=dict, repr=False)

    def over_expected(self, object_id: str, normal_form: str) -> float:
        """
        Give how a document fared for other queries: (clicks + 2) / (expected clicks + 2).

        :param object_id: The document.
        :param normal_form: The normal form of the query that is left out.
        :returns: Above 1 if it is clicked more than is to be expected; NaN if it was shown for no other query.
        """
        known = self.documents.get(object_id)
        if known is None:
            return math.nan
        clicks, expected = known.queries.get(digest_of(normal_form), known.most_of_others)
        others = max(known.expected - expected, 0.0)
        if others < 1e-9:
            return math.nan
        return (max(known.clicks - clicks, 0.0) + PRIOR) / (others + PRIOR)

    def draft(self) -> SnapshotDraft:
        """
        Make a snapshot.

        :returns: The snapshot to be stored.
        """
        lines = [
            json.dumps([object_id, known.clicks, known.expected, known.queries], separators=(",", ":"))
            for object_id, known in sorted(self.documents.items())
        ]
        return SnapshotDraft(CLICKS, packed(FORMAT, lines), {"documents": len(lines)})

    @classmethod
    def from_bytes(cls, payload: bytes) -> "ClickPrior":
        """
        Read a snapshot.

        :param payload: Its bytes.
        :returns: The clicks.
        :raises SnapshotError: If it is none of a format that is known here, or damaged.
        """
        documents = {}
        for line in filter(None, unpacked(payload, FORMAT, "clicks of documents")):
            object_id, clicks, expected, queries = json.loads(line)
            documents[object_id] = DocumentClicks(
                clicks, expected, {query: (own, of) for query, (own, of) in queries.items()}
            )
        return cls(documents)


class ClickCounter:
    """
    Counts clicks and expected clicks, decision by decision.

    :param page_model: Its curve tells what was looked at, its calibrated prior what to expect of a look.
    :param newest: Seconds since 1970 of the newest decision; older ones count less.
    """

    def __init__(self, page_model: PageModel, newest: float) -> None:
        self._model = page_model
        self._newest = newest
        self._counts: dict[str, dict[str, list[float]]] = {}

    def add(self, settled: SettledDecision) -> None:
        """
        Take a decision in.

        :param settled: The decision with its rewards.
        """
        age = max(0.0, self._newest - settled.decision.decided_at) / _SECONDS_PER_DAY
        weight = 0.5 ** (age / HALF_LIFE)
        digest = digest_of(settled.decision.understanding.normal_form)
        places = [max(each.model_place or each.place, 1) for each in settled.impressions]
        expected_clicks = self._model.curve.looks_at(settled) * self._model.calibrated.expected(places)
        clicks = clicks_of(settled).tolist()
        for each, click, expected in zip(settled.impressions, clicks, expected_clicks.tolist(), strict=True):
            counts = self._counts.setdefault(each.object_id, {}).setdefault(digest, [0.0, 0.0])
            counts[0] += weight * click
            counts[1] += weight * expected

    def prior(self) -> ClickPrior:
        """
        Give what was counted.

        :returns: The clicks, of `MOST_DOCUMENTS` documents at most.
        """
        known = {object_id: _bounded(queries) for object_id, queries in self._counts.items()}
        kept = heapq.nsmallest(MOST_DOCUMENTS, known, key=lambda each: (-known[each].expected, each))
        return ClickPrior({object_id: known[object_id] for object_id in kept})


def digest_of(normal_form: str) -> str:
    """
    Give the digest under which a query is kept apart.

    :param normal_form: The query's normal form.
    :returns: Eight hexadecimal digits.
    """
    return blake2b(normal_form.encode(errors="replace"), digest_size=4).hexdigest()


def _bounded(queries: Mapping[str, Iterable[float]]) -> DocumentClicks:
    counts = {}
    for query, (clicks, expected) in queries.items():
        share = min(1.0, MOST_OF_A_QUERY / max(clicks, expected, MOST_OF_A_QUERY))
        counts[query] = (round(clicks * share, 4), round(expected * share, 4))
    kept = heapq.nsmallest(MOST_QUERIES, counts, key=lambda each: (-counts[each][0], -counts[each][1], each))
    return DocumentClicks(
        round(sum(clicks for clicks, _ in counts.values()), 4),
        round(sum(expected for _, expected in counts.values()), 4),
        {query: counts[query] for query in sorted(kept)},
    )
