"""Whether levels were drawn as often as the log says that they were likely to be."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.evaluation.joints import Numbers
from ltrr_haystack.evaluation.off_policy import Page
from ltrr_haystack.evaluation.report.values import Bin, share_of

EDGES = (0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 0.99)
"""Where one bin of probabilities ends and the next begins: finer where they are close to 0 or 1."""

CERTAIN = 1e-9


@dataclass(slots=True)
class _Frequency:
    count: int = 0
    drawn: int = 0
    predicted: float = 0.0
    variance: float = 0.0
    covariance: float = 0.0

    def add(self, probabilities: Numbers, drawn: NDArray[np.bool_], decisions: NDArray[np.intp]) -> None:
        """`decisions` has a number for each decision: what one of them drew was not drawn independently."""
        self.count += len(probabilities)
        self.drawn += int(drawn.sum())
        self.predicted += float(probabilities.sum())
        self.variance += float((probabilities * (1 - probabilities)).sum())
        residuals = drawn - probabilities
        self.covariance += float(np.square(np.bincount(decisions, residuals)).sum() - np.square(residuals).sum())

    def bin(self) -> Bin:
        return Bin(
            count=self.count,
            predicted=self.predicted / self.count,
            observed=share_of(self.drawn, self.count),
            z=(self.drawn - self.predicted) / math.sqrt(self.variance + max(self.covariance, 0.0)),
        )


class Reliability:
    """
    Compares, for every arm and level that was neither certain nor impossible, the probability that it had with whether
    it was drawn (a reliability diagram: Murphy & Winkler 1977; DeGroot & Fienberg 1983).

    Arms of one decision are not drawn independently: where the baseline is played outright, all are drawn at its
    depths. So to the variance of independent draws the covariance of what one decision drew is added, as it was
    observed, where that makes it larger (after Liang and Zeger, "Longitudinal data analysis using generalized linear
    models", Biometrika 73, 1986).

    :ivar chosen: Decisions in which something was left to chance.
    """

    def __init__(self) -> None:
        self.chosen = 0
        self._sums = [_Frequency() for _ in range(len(EDGES) + 1)]
        self._levels: dict[tuple[str, int], _Frequency] = {}

    def add(self, page: Page) -> None:
        """
        Add decisions whose logged propensity is the one that their logged distribution gives.

        :param page: The decisions.
        """
        chosen = np.zeros(len(page), dtype=bool)
        told: list[tuple[NDArray[np.intp], Numbers, NDArray[np.bool_]]] = []
        for column, (arm, by_level) in enumerate(page.joints.levels.items()):
            for level, probabilities in by_level.items():
                uncertain = (probabilities > CERTAIN) & (probabilities < 1 - CERTAIN)
                if not uncertain.any():
                    continue
                chosen |= uncertain
                likely, drawn = probabilities[uncertain], page.drawn[uncertain, column] == level
                told.append((np.flatnonzero(uncertain), likely, drawn))
                self._levels.setdefault((arm, level), _Frequency()).add(likely, drawn, told[-1][0])
        if not told:
            return
        decisions, likely, drawn = (np.concatenate(of) for of in zip(*told, strict=True))
        places = np.searchsorted(EDGES, likely, side="right")
        for place in np.unique(places):
            own = places == place
            self._sums[place].add(likely[own], drawn[own], decisions[own])
        self.chosen += int(chosen.sum())

    def bins(self) -> tuple[Bin, ...]:
        """
        Give the bins that anything fell into.

        :returns: The bins, by probability.
        """
        return tuple(sums.bin() for sums in self._sums if sums.count)

    def levels(self) -> dict[tuple[str, int], Bin]:
        """
        Give the levels of each arm apart: in a bin, one that is drawn too often may hide another that is drawn too
        rarely.

        :returns: (arm, depth) → the decisions in which it was left to chance.
        """
        return {level: self._levels[level].bin() for level in sorted(self._levels)}
