"""
The order of a logged search under other allocations.

An arm that draws less deep returns the same first ranks. So what any shallower allocation would have found is known
exactly, and so is its order: the union is ordered by reciprocal rank fusion (see `fusion.fuse`). For a query that is
treated as new, the documents that are found keep the order of the ranking model instead, once click rates were learned.
That the model would have seen other ranks of the arms is left out of account.
"""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.feedback.examination import UNION, ExaminationCurve
from ltrr_haystack.types import Allocation, SettledDecision

MOST_KEPT = 3.0
"""Bound of the weight of a reward at a better place; limits the variance."""

_Numbers = NDArray[np.float64]
_DIGITS = 12
"""Scores that are the same to so many digits are equal: the same numbers added up in another order."""

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
    :ivar expected: For each document the click rate that the ranker expected where the document is examined; `None`
        where the order is that of the union. What was not ranked has the least of these rates.
    """

    def __init__(self, settled: SettledDecision, curve: ExaminationCurve = UNION, *, as_new: bool = False) -> None:
        """
        Read a settled decision.

        :param settled: The decision with its impressions and reports.
        :param curve: The probability that a place is examined.
        :param as_new: Whether the query is treated as new: without memory, the order is the ranking model's own.
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
        self._read_order(settled, as_new=as_new)

    def kept(self, allocations: Sequence[Allocation]) -> _Numbers:
        """
        Give the share of each impression's reward that would be left under other allocations.

        Lower places are examined less: of a reward that was earned at place u of the union (u / v) ** eta is left at
        place v, with the eta of the examination curve, but at most `MOST_KEPT` times as much, and nothing where the
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

    def earned(self, allocations: Sequence[Allocation], worth: _Numbers) -> _Numbers:
        """
        Give the reward of pages as long as the one shown under other allocations.

        :param allocations: Allocations that draw no arm deeper than it was drawn.
        :param worth: For each known document what it earns if it is examined.
        :returns: For each allocation the sum over its page, each document weighted by the examination of its place.
        """
        scores = self._scores(allocations)
        page = min(len(self.rows), len(self.ranks))
        order = np.argsort(-scores, axis=1, kind="stable")[:, :page]
        found = np.take_along_axis(scores, order, axis=1) >= 0
        total: _Numbers = np.where(found, worth[order], 0.0) @ self.curve.over(np.arange(1, page + 1))
        return total

    def worth(self, expected: _Numbers, ordinals: _Numbers, rewards: _Numbers) -> _Numbers:
        """
        Correct what documents are expected to earn where they are examined by what those on the page earned.

        w + min(`MOST_KEPT`, 1 / e) · (r − e · w) for a document that is expected to earn w and earned r at a place that
        is examined with the probability e: the doubly robust estimate (Dudík, Langford & Li, "Doubly robust policy
        evaluation and learning", ICML 2011) with bounded weights.

        :param expected: For each document of the union what it is expected to earn where it is examined.
        :param ordinals: For each impression its position, from 1.
        :param rewards: For each impression what it earned.
        :returns: For each document the estimate.
        """
        estimate = expected.copy()
        examined = self.curve.over(ordinals)
        weights = np.minimum(MOST_KEPT, 1 / examined)
        estimate[self.rows] += weights * (rewards - examined * expected[self.rows])
        return estimate

    def _scores(self, allocations: Sequence[Allocation]) -> _Numbers:
        """Allocation × document: what documents are ordered by, the highest first; `_MISSING` where no arm finds it."""
        depths = np.array([[allocation.get(arm, 0) for arm in self.arms] for allocation in allocations], dtype=float)
        there = self.ranks <= depths[:, None, :]
        scores = np.einsum("na,mna->mn", self._adds, there).round(_DIGITS) if self._order is None else self._order
        return np.where(there.any(axis=2), scores, _MISSING)

    def _read_order(self, settled: SettledDecision, *, as_new: bool) -> None:
        self.expected: _Numbers | None = None
        self._order: _Numbers | None = None
        ranked = min(len(settled.model_places), len(self.ranks)) if as_new and settled.page_version else 0
        if not ranked:
            return
        places = np.arange(1, len(self.ranks) + 1)
        expected = np.full(len(self.ranks), min(settled.expected))
        places[:ranked], expected[:ranked] = settled.model_places[:ranked], settled.expected[:ranked]
        beyond = self.rows >= ranked
        expected[self.rows[beyond]] = [each.score for each, far in zip(settled.impressions, beyond, strict=True) if far]
        self.expected, self._order = expected, 1 / places

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
