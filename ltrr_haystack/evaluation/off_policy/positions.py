"""
Replays: what the logged pages would have earned under other allocations.

A replay takes documents off the page, and those below move up, where they are examined more: a reward at ordinal k is
worth (k / j)^η at ordinal j (see `feedback.examination`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.evaluation.off_policy.intervals import Column
from ltrr_haystack.feedback.examination import ExaminationCurve, estimate_curve

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
        return self.rewards_by_eta()(eta)

    def emptied(self, eta: float, full: int) -> Column:
        """
        Say how much people would have looked at the places that documents from below the page would have taken.

        :param eta: How steeply looks thin out.
        :param full: How many documents a full page has: below a shorter one there was nothing.
        :returns: The sum of 1 / ordinal^η over the places that became free on each page.
        """
        looks = ExaminationCurve(eta).cumulative(full)
        stay, shown = self._joined("stay"), self._joined("shown")
        return np.where(shown == full, looks[np.minimum(shown, full)] - looks[np.minimum(stay, full)], 0.0)

    def rewards_by_eta(self) -> Callable[[float], Column]:
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

    def estimated_curve(self, logged: Column) -> ExaminationCurve:
        """
        Estimate the examination curve, where these are replays of the logged policy itself.

        :param logged: The logged reward of each decision.
        :returns: The curve with which the replays earn what was logged.
        """
        return estimate_curve(np.array(self.weights), self.rewards_by_eta(), logged)

    def _joined(self, part: str) -> NDArray[Any]:
        return np.concatenate([np.zeros(0, dtype=np.int64), *(getattr(each, part) for each in self._kept)])
