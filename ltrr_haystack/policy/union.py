"""
The union's own order, and what it would have been if the arms had been asked otherwise.

The union orders documents by a weighted sum of what each arm adds (reciprocal rank fusion: Cormack, Clarke & Büttcher
2009), and an arm that is asked less deep gives the same first ranks. So the order that any shallower allocation would
have led to is known exactly, for every document that was found.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.types import Allocation, SettledDecision

MOST_KEPT = 3.0
"""Most that a reward counts at a better place, in multiples of what it was; bounds the variance."""

ETA = 0.5
"""How steeply a place of the union loses worth: less so than looks thin out, as one page tells little of the next."""

_Numbers = NDArray[np.float64]
_EQUAL = 1e-12
"""Scores this close are equal: the same numbers added up in another order."""


class UnionOrder:
    """
    What the arms of a settled decision found: a matrix of their ranks, and one of what they add to the scores.

    Where the union was not logged, only the arms of the documents shown are known. There a document keeps its place as
    long as one of its arms is asked deep enough.
    """

    def __init__(self, settled: SettledDecision) -> None:
        """
        Read a settled decision.

        :param settled: The decision with its impressions and reports.
        """
        self._arms = settled.decision.actions.names
        self._column = {arm: column for column, arm in enumerate(self._arms)}
        self._logged = any(report.found for report in settled.reports) and all(
            impression.place > 0 for impression in settled.impressions
        )
        if self._logged:
            self._read_union(settled)
        else:
            self._read_page(settled)

    def kept(self, allocations: Sequence[Allocation]) -> _Numbers:
        """
        Say how much of each impression's reward would be left under other allocations.

        The further down, the fewer people look: of a reward that was earned at place u of the union (u / v) ** `ETA`
        is left at place v, but at most `MOST_KEPT` times as much, and nothing where the document is missing (inverse
        propensity weighting under the position-based model: Joachims, Swaminathan & Schnabel, "Unbiased
        learning-to-rank with biased feedback", WSDM 2017). A ranker that put the page into another order is taken to
        do the same to the other union.

        :param allocations: Allocations that draw no arm deeper than it was drawn.
        :returns: One row for each allocation, one column for each impression.
        """
        depths = np.array([[allocation.get(arm, 0) for arm in self._arms] for allocation in allocations], dtype=float)
        there = self._ranks <= depths[:, None, :]
        found = there[:, self._rows].any(axis=2)
        if not self._logged:
            return np.where(found, 1.0, 0.0)
        scores = np.einsum("na,mna->mn", self._adds, there)
        lead = scores[:, None, :] - scores[:, self._rows, None]
        # Of documents with equal scores those stay above that were above.
        above = np.arange(len(self._ranks)) < self._rows[:, None]
        tied = (np.abs(lead) <= _EQUAL) & np.expand_dims(there.any(axis=2), 1)
        places = 1 + ((lead > _EQUAL) | (tied & above)).sum(axis=2)
        return np.where(found, np.minimum(MOST_KEPT, ((self._rows + 1) / places) ** ETA), 0.0)

    def _read_union(self, settled: SettledDecision) -> None:
        size = max(max(report.found, default=0) for report in settled.reports)
        self._ranks: _Numbers = np.full((size, len(self._arms)), np.inf)
        self._adds: _Numbers = np.zeros_like(self._ranks)
        for report in settled.reports:
            if report.arm not in self._column:
                continue
            column, last = self._column[report.arm], len(report.found)
            # From the last rank to the first, since an arm may bring one document twice.
            rows, ranks = np.array(report.found[::-1], dtype=np.intp) - 1, np.arange(last, 0, -1)
            self._ranks[rows, column] = ranks
            self._adds[rows, column] = report.weight / (report.rrf_k + ranks)
        self._rows = np.array([impression.place - 1 for impression in settled.impressions], dtype=np.intp)

    def _read_page(self, settled: SettledDecision) -> None:
        self._ranks = np.full((len(settled.impressions), len(self._arms)), np.inf)
        self._adds = np.zeros_like(self._ranks)
        for row, impression in enumerate(settled.impressions):
            for arm, provenance in impression.arms.items():
                if arm in self._column:
                    self._ranks[row, self._column[arm]] = provenance.rank
        self._rows = np.arange(len(settled.impressions))


def reaches(drawn: Allocation, target: Allocation) -> bool:
    """
    Say whether what another allocation would have found is known.

    :param drawn: What was drawn.
    :param target: The other allocation.
    :returns: Whether every arm was drawn at least as deep.
    """
    return all(drawn.get(arm, 0) >= depth for arm, depth in target.items())
