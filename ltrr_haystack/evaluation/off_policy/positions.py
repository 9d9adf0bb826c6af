"""
How steeply people's looks thin out down the page, as the log itself tells.

A replay takes documents off the page, and those below move up, where they are looked at more. By the position-based
model (Craswell et al. 2008) with examination 1 / ordinal^η, a reward at ordinal k is worth (k / j)^η at ordinal j. What
η is can be found out, since the logged policy can be replayed as well: draw another allocation from the very
distribution that a decision was drawn from, replay it, and the mean reward must come out as it was logged. Agarwal et
al. 2019 (Estimating position bias without intrusive interventions) use the same chance, that one document was shown at
different positions for reasons that have nothing to do with it. Where the log says little, η stays near what the rest
of this package assumes.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.evaluation.off_policy.intervals import Column
from ltrr_haystack.types import FrozenValue

Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Kept:
    """
    What stays of some pages in a replay.

    :param rows: For each rewarded document that stays the page that it is on, from 0.
    :param rewards: Its reward.
    :param moved: Its ordinal as shown over the one that it moves up to.
    :param stay: For each page how many documents stay, rewarded or not.
    :param shown: How many there were.
    """

    rows: Whole
    rewards: Column
    moved: Column
    stay: Whole
    shown: Whole


PRIOR = (1.0, 0.5)
"""η before the log is asked, and its standard deviation: 1 as in `feedback.examination`."""

_CANDIDATES = np.linspace(0.0, 2.0, 81)


class Replayed:
    """
    Replays of one allocation for each decision.

    :ivar weights: 1[drawn ≥ y] / P(drawn ≥ y) for the allocation y; `nan` where that could not happen.
    """

    def __init__(self) -> None:
        """Begin without decisions."""
        self.weights: list[float] = []
        self._kept: list[Kept] = []

    def add(self, weights: Column, kept: Kept) -> None:
        """
        Take in replays.

        :param weights: The weights of some decisions.
        :param kept: What stays of their pages, where y was reached.
        """
        self.weights += weights.tolist()
        self._kept.append(kept)

    def rewards(self, eta: float) -> Column:
        """
        Say what the pages under y would have brought.

        :param eta: How steeply looks thin out; 0 means that every position is looked at alike.
        :returns: The reward of each decision, 0 where y was not reached.
        """
        return self.curve()(eta)

    def emptied(self, eta: float, full: int) -> Column:
        """
        Say how much people would have looked at the places that documents from below the page would have taken.

        :param eta: How steeply looks thin out.
        :param full: How many documents a full page has: below a shorter one there was nothing.
        :returns: The sum of 1 / ordinal^η over the places that became free on each page.
        """
        looks = looks_to(full, eta)
        stay, shown = self._joined("stay"), self._joined("shown")
        return np.where(shown == full, looks[np.minimum(shown, full)] - looks[np.minimum(stay, full)], 0.0)

    def curve(self) -> Callable[[float], Column]:
        """
        Prepare to say it for many η.

        :returns: What gives the rewards for an η.
        """
        size = len(self.weights)
        starts = np.cumsum([0, *(len(each.stay) for each in self._kept)])
        rows = np.concatenate(
            [np.zeros(0, dtype=np.int64), *(each.rows + start for each, start in zip(self._kept, starts, strict=False))]
        )
        rewards, moved = self._joined("rewards"), np.log(self._joined("moved"))

        def of(eta: float) -> Column:
            return np.bincount(rows, rewards * np.exp(eta * moved), minlength=size).astype(float)

        return of

    def _joined(self, part: str) -> NDArray[Any]:
        return np.concatenate([np.zeros(0, dtype=np.int64), *(getattr(each, part) for each in self._kept)])


def looks_to(last: int, eta: float) -> Column:
    """
    Sum up how much people look at a page from its top.

    :param last: The last ordinal.
    :param eta: How steeply looks thin out.
    :returns: The sum of 1 / ordinal^η over the first 0, 1, … `last` ordinals.
    """
    return np.concatenate([[0.0], np.cumsum(np.arange(1.0, last + 1) ** -eta)])


@dataclass(frozen=True, slots=True)
class Slope(FrozenValue):
    """
    How steeply looks thin out.

    :param eta: η of 1 / ordinal^η.
    :param deviation: How uncertain it is: its standard deviation.
    """

    eta: float
    deviation: float = 0.0


def estimate_slope(replayed: Replayed, rewards: Column) -> Slope:
    """
    Find the η with which the logged policy's replay agrees with what was logged.

    The difference between the two is taken as normal, and so is η before the log is asked; η and its deviation are
    those of what follows by Bayes' rule, from 0 to 2.

    :param replayed: Replays of allocations that were drawn from each decision's own distribution.
    :param rewards: What was logged.
    :returns: η and how uncertain it is.
    """
    weights = np.array(replayed.weights)
    used = ~np.isnan(weights)
    weights, rewards = weights[used], rewards[used]
    if len(weights) < 2 or not weights.any():
        return Slope(*PRIOR)
    curve = replayed.curve()
    plausible = np.array([_log_plausibility(eta, weights, curve(eta)[used], rewards) for eta in _CANDIDATES])
    chances = np.exp(plausible - plausible.max())
    chances /= chances.sum()
    mean = float(chances @ _CANDIDATES)
    return Slope(mean, math.sqrt(float(chances @ np.square(_CANDIDATES - mean))))


def _log_plausibility(eta: float, weights: Column, replay: Column, rewards: Column) -> float:
    mean = float((weights * replay).sum() / weights.sum())
    differences = mean - rewards + weights * (replay - mean) / weights.mean()
    variance = float(differences.var(ddof=1)) / len(differences)
    distance = float(differences.mean()) ** 2 / variance if variance > 0 else 0.0
    return -0.5 * (distance + ((eta - PRIOR[0]) / PRIOR[1]) ** 2)
