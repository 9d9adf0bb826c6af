"""Whether levels were drawn as often as the log says that they were likely to be."""

import math
from bisect import bisect_right
from dataclasses import dataclass

from ltrr_haystack.errors import LTRRError
from ltrr_haystack.evaluation.interchange.levels import level_probabilities
from ltrr_haystack.evaluation.report.values import Bin, share_of
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.types import Decision

EDGES = (0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 0.99)
"""Where one bin of probabilities ends and the next begins: finer where they are close to 0 or 1."""

CERTAIN = 1e-9
TOLERANCE = 1e-6


@dataclass(slots=True)
class _Sums:
    count: int = 0
    drawn: int = 0
    predicted: float = 0.0
    variance: float = 0.0

    def add(self, probability: float, drawn: bool) -> None:
        self.count += 1
        self.drawn += drawn
        self.predicted += probability
        self.variance += probability * (1 - probability)

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

    :ivar decisions: Decisions that were looked at.
    :ivar chosen: Those of them in which something was left to chance.
    :ivar mismatched: Those whose logged propensity is not what their logged distribution gives, or cannot be rebuilt.
    """

    def __init__(self) -> None:
        self.decisions = 0
        self.chosen = 0
        self.mismatched = 0
        self._sums = [_Sums() for _ in range(len(EDGES) + 1)]
        self._levels: dict[tuple[str, int], _Sums] = {}

    def add(self, decision: Decision) -> None:
        """
        Add a decision.

        :param decision: The decision.
        """
        self.decisions += 1
        try:
            propensity = JointDistribution.of(decision).probability(decision.allocation)
            likely = level_probabilities(decision)
        except LTRRError:
            self.mismatched += 1
            return
        if propensity <= 0 or not math.isclose(propensity, decision.propensity, rel_tol=TOLERANCE):
            self.mismatched += 1
            return
        uncertain = False
        for arm, by_level in likely.items():
            for level, probability in by_level.items():
                if CERTAIN < probability < 1 - CERTAIN:
                    uncertain = True
                    drawn = decision.allocation.get(arm, 0) == level
                    self._sums[bisect_right(EDGES, probability)].add(probability, drawn)
                    self._levels.setdefault((arm, level), _Sums()).add(probability, drawn)
        self.chosen += uncertain

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
