"""
Replays: what the logged pages would have earned under other allocations.

A replay takes documents off the page, and those below move up, where they are examined more: a reward at ordinal k is
worth e_j / e_k as much at ordinal j, where e is the examination curve (see `feedback.examination`).
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
    :param ordinals: Its ordinal as shown.
    :param moved_to: The ordinal that it moves up to.
    :param stay: For each page how many documents stay, rewarded or not.
    :param shown: How many there were.
    """

    rows: Whole
    rewards: Column
    ordinals: Whole
    moved_to: Whole
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

    def rewards(self, curve: ExaminationCurve) -> Column:
        """
        Say what the pages under y would have brought.

        :param curve: How people look down the page.
        :returns: The reward of each decision, 0 where y was not reached.
        """
        return self.rewards_by_curve()(curve)

    def emptied(self, curve: ExaminationCurve, full: int) -> Column:
        """
        Say how much people would have looked at the places that documents from below the page would have taken.

        :param curve: How people look down the page.
        :param full: How many documents a full page has: below a shorter one there was nothing.
        :returns: The sum of the curve over the places that became free on each page.
        """
        looks = curve.cumulative(full)
        stay, shown = self._joined("stay"), self._joined("shown")
        return np.where(shown == full, looks[np.minimum(shown, full)] - looks[np.minimum(stay, full)], 0.0)

    def rewards_by_curve(self) -> Callable[[ExaminationCurve], Column]:
        """
        Prepare to say it for many curves.

        :returns: What gives the rewards for a curve.
        """
        size = len(self.weights)
        starts = np.cumsum([0, *(len(each.stay) for each in self._kept)])
        rows = np.concatenate(
            [np.zeros(0, dtype=np.int64), *(each.rows + start for each, start in zip(self._kept, starts, strict=False))]
        )
        rewards, ordinals, moved_to = (self._joined(part) for part in ("rewards", "ordinals", "moved_to"))

        def of(curve: ExaminationCurve) -> Column:
            return np.bincount(rows, rewards * curve.ratio(ordinals, moved_to), minlength=size).astype(float)

        return of

    def estimated_curve(self, logged: Column) -> ExaminationCurve:
        """
        Estimate the examination curve, where these are replays of the logged policy itself.

        :param logged: The logged reward of each decision.
        :returns: The curve with which the replays earn what was logged.
        """
        of = self.rewards_by_curve()
        return estimate_curve(np.array(self.weights), lambda eta: of(ExaminationCurve(eta)), logged)

    def _joined(self, part: str) -> NDArray[Any]:
        return np.concatenate([np.zeros(0, dtype=np.int64), *(getattr(each, part) for each in self._kept)])
