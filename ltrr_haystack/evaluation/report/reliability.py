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

    def add(self, probabilities: Numbers, drawn: NDArray[np.bool_]) -> None:
        self.count += len(probabilities)
        self.drawn += int(drawn.sum())
        self.predicted += float(probabilities.sum())
        self.variance += float((probabilities * (1 - probabilities)).sum())

    def bin(self) -> Bin:
        return Bin(
            count=self.count,
            predicted=self.predicted / self.count,
            observed=share_of(self.drawn, self.count),
            z=(self.drawn - self.predicted) / math.sqrt(self.variance),
        )


class Reliability:
    """
    Compares, for every arm and level that was neither certain nor impossible, the probability that it had with whether
    it was drawn (a reliability diagram: Murphy & Winkler 1977; DeGroot & Fienberg 1983).

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
        for column, (arm, by_level) in enumerate(page.joints.levels.items()):
            for level, probabilities in by_level.items():
                uncertain = (probabilities > CERTAIN) & (probabilities < 1 - CERTAIN)
                if not uncertain.any():
                    continue
                chosen |= uncertain
                likely, drawn = probabilities[uncertain], page.drawn[uncertain, column] == level
                self._levels.setdefault((arm, level), _Frequency()).add(likely, drawn)
                places = np.searchsorted(EDGES, likely, side="right")
                for place in np.unique(places):
                    self._sums[place].add(likely[places == place], drawn[places == place])
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
