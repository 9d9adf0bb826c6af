"""
The order of a logged search under other allocations.

The union is ordered by reciprocal rank fusion (see `fusion.fuse`), and an arm that draws less deep returns the same
first ranks. So the order under any shallower allocation is known exactly, for every document that was found.
"""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.feedback.examination import UNION, ExaminationCurve
from ltrr_haystack.fusion import EXACT_DIGITS
from ltrr_haystack.types import Allocation, SettledDecision

MOST_KEPT = 3.0
"""Bound of the weight of a reward at a better place; limits the variance."""

_Numbers = NDArray[np.float64]
_MISSING = -1.0
"""What stands for the score of a document that is not found; all scores are at least 0."""


class UnionOrder:
    """
    What the arms of a settled decision found: a matrix of their ranks, and one of what they add to the scores.

    Documents that the fallback brought were found by no arm of the decision.

    :ivar arms: The arms of the decision, in order.
    :ivar is_empty: Whether the arms found nothing.
    :ivar ranks: One row for each document of the union, one column for each arm: its rank, infinite where it has none.
    :ivar rows: For each impression the row of its document.
    """

    def __init__(self, settled: SettledDecision, curve: ExaminationCurve = UNION) -> None:
        """
        Read a settled decision.

        :param settled: The decision with its impressions and reports.
        :param curve: The probability that a place is examined.
        :raises InvalidInputError: If an impression has no place in the union.
        """
        self.curve = curve
        self.arms = settled.decision.actions.names
        self._column = {arm: column for column, arm in enumerate(self.arms)}
        self._reports = [report for report in settled.reports if not report.fallback]
        self.is_empty = not any(report.found for report in self._reports)
        for impression in settled.impressions:
            if impression.place < 1:
                raise InvalidInputError(
                    f"impression '{impression.object_id}' of search '{settled.decision.query_id}' has no place in the "
                    "union; log what UnionJoiner gives"
                )
        self._read_union(settled)

    def kept(self, allocations: Sequence[Allocation]) -> _Numbers:
        """
        Give the share of each impression's reward that would be left under other allocations.

        Lower places are examined less: of a reward that was earned at place u of the union, what is left at place v is
        the probability that v is examined over that of u, at most `MOST_KEPT` times as much, and nothing where the
        document is missing (inverse propensity weighting under the position-based model: Joachims, Swaminathan &
        Schnabel, "Unbiased learning-to-rank with biased feedback", WSDM 2017). A ranker that put the page into another
        order is taken to do the same to the other union.

        :param allocations: Allocations that draw no arm deeper than it was drawn.
        :returns: One row for each allocation, one column for each impression.
        """
        scores = self._scores(allocations)
        own = scores[:, self.rows]
        # Of documents with equal scores those stay above that were above.
        above = np.arange(len(self.ranks)) < self.rows[:, None]
        before = scores[:, None, :] > own[:, :, None]
        before |= (scores[:, None, :] == own[:, :, None]) & above
        places = 1 + before.sum(axis=2)
        return np.where(own >= 0, np.minimum(MOST_KEPT, self.curve.ratio(self.rows + 1, places)), 0.0)

    def places(self, allocations: Sequence[Allocation]) -> _Numbers:
        """
        Give the places of all documents in the union under other allocations.

        :param allocations: Allocations that draw no arm deeper than it was drawn.
        :returns: One row for each allocation, one column for each document: its place from 1, infinite where it is
            missing.
        """
        scores = self._scores(allocations)
        order = np.argsort(-scores, axis=1, kind="stable")
        places = np.empty(scores.shape)
        np.put_along_axis(places, order, np.arange(1.0, scores.shape[1] + 1)[None, :], axis=1)
        return np.where(scores >= 0, places, np.inf)

    def earned(self, allocations: Sequence[Allocation], worth: _Numbers, residuals: _Numbers | None = None) -> _Numbers:
        """
        Give the reward of pages as long as the one shown under other allocations.

        :param allocations: Allocations that draw no arm deeper than it was drawn.
        :param worth: For each known document what it earns if it is examined.
        :param residuals: For each known document what a ranking model adds to -log(1 + place in the union), by which
            pages are ordered; nothing if left out.
        :returns: For each allocation the sum over its page, each document weighted by the examination of its place.
        """
        scores = -np.log1p(self.places(allocations)) + (0.0 if residuals is None else residuals)
        page = min(len(self.rows), len(self.ranks))
        order = np.argsort(-scores, axis=1, kind="stable")[:, :page]
        found = np.isfinite(np.take_along_axis(scores, order, axis=1))
        total: _Numbers = np.where(found, worth[order], 0.0) @ self.curve.over(np.arange(1, page + 1))
        return total

    def _scores(self, allocations: Sequence[Allocation]) -> _Numbers:
        """Allocation × document: what documents are ordered by, the highest first; `_MISSING` where no arm finds it."""
        depths = np.array([[allocation.get(arm, 0) for arm in self.arms] for allocation in allocations], dtype=float)
        there = self.ranks <= depths[:, None, :]
        scores = np.einsum("na,mna->mn", self._adds, there).round(EXACT_DIGITS)
        return np.where(there.any(axis=2), scores, _MISSING)

    def _read_union(self, settled: SettledDecision) -> None:
        places = [impression.place for impression in settled.impressions]
        size = max(itertools.chain(places, *(report.found for report in self._reports)), default=0)
        self.ranks: _Numbers = np.full((size, len(self.arms)), np.inf)
        self._adds: _Numbers = np.zeros_like(self.ranks)
        for report in self._reports:
            if report.arm not in self._column:
                continue
            column, last = self._column[report.arm], len(report.found)
            # From the last rank to the first, since an arm may bring one document twice.
            rows, ranks = np.array(report.found[::-1], dtype=np.intp) - 1, np.arange(last, 0, -1)
            self.ranks[rows, column] = ranks
            scales = np.array(report.scales[::-1]) if report.scales else 1.0
            self._adds[rows, column] = scales * report.weight / (report.rrf_k + ranks)
        self.rows = np.array(places, dtype=np.intp) - 1


def reaches(drawn: Allocation, target: Allocation) -> bool:
    """
    Tell whether the union under another allocation is known.

    :param drawn: What was drawn.
    :param target: The other allocation.
    :returns: Whether every arm was drawn at least as deep.
    """
    return all(drawn.get(arm, 0) >= depth for arm, depth in target.items())
