"""
What a document that no page has shown can be expected to earn: as much as those earned that were found like it.

Rewards come from what was shown. Judged by them alone, every other allocation looks worse than the one that filled the
page, since whatever it would have shown in addition counts nothing. Documents that stood on the page tell what is to be
expected of the others: a linear model of the rank that each arm gave them, fitted by ridge regression (Hoerl & Kennard
1970, Ridge Regression: Biased Estimation for Nonorthogonal Problems).
"""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.errors import SnapshotError
from ltrr_haystack.policy.moments import DECAY
from ltrr_haystack.policy.union import UnionOrder

CAUTION = 0.5
"""Share of the expectation that counts: what was put on a page was better than what was left out."""

RIDGE = 0.002
"""Strength of the penalty, as a share of all that was seen; 1 is added, so that little evidence promises little."""

_EDGES = (1, 2, 3, 5, 10, 20, 50)
"""Ranks up to which documents are alike; beyond are those further down and those that the arm did not bring."""

_Numbers = NDArray[np.float64]


class ExpectedRewards:
    """
    A linear model of what documents earn where they are looked at for certain.

    What each arm's ranks are worth adds up; arms may come and go.
    """

    def __init__(self) -> None:
        """Expect nothing of any document."""
        self._arms: tuple[str, ...] = ()
        self._seen: _Numbers = np.zeros((1, 1))
        self._earned: _Numbers = np.zeros(1)

    def observe(self, union: UnionOrder, ordinals: _Numbers, rewards: _Numbers, weight: float) -> None:
        """
        Take note of what the documents of a page earned.

        What is long ago is forgotten. A position counts by the square of how much it is looked at: a click there
        speaks of so many looks.

        :param union: The union of a settled decision.
        :param ordinals: For each impression its position, from 1.
        :param rewards: For each impression what it earned.
        :param weight: How much it counts.
        """
        self._know(union.arms)
        features = self._features(union, union.rows)
        chances = union.curve.over(ordinals)
        self._seen = DECAY * self._seen + features.T @ (features * (weight * chances**2)[:, None])
        self._earned = DECAY * self._earned + features.T @ (weight * chances * rewards)

    def of(self, union: UnionOrder) -> _Numbers:
        """
        Say what the documents of a union can be expected to earn where they would be looked at for certain.

        :param union: The union.
        :returns: For each document the cautious expectation, in units of reward, at least 0.
        """
        penalty = 1 + RIDGE * self._seen[-1, -1]
        worth = np.linalg.solve(self._seen + penalty * np.eye(len(self._earned)), self._earned)
        expected: _Numbers = CAUTION * np.maximum(self._features(union) @ worth, 0.0)
        return expected

    def to_dict(self) -> dict[str, Any]:
        """
        Give what was noted.

        :returns: Plain JSON types.
        """
        return {"arms": list(self._arms), "seen": self._seen.tolist(), "earned": self._earned.tolist()}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """
        Make one that has noted what another has.

        :param state: What `to_dict` gave.
        :returns: The expectations.
        :raises SnapshotError: If the state is of another make.
        """
        made = cls()
        made._arms = tuple(state["arms"])
        made._seen, made._earned = np.array(state["seen"]), np.array(state["earned"])
        size = len(made._arms) * _KINDS + 1
        if made._seen.shape != (size, size) or made._earned.shape != (size,):
            raise SnapshotError("the state of the expected rewards is of another make: another version wrote it")
        return made

    def _know(self, arms: tuple[str, ...]) -> None:
        """Makes room for arms that were not there before; the last row and column are those of all documents."""
        new = tuple([arm for arm in arms if arm not in self._arms])
        if not new:
            return
        old, more = len(self._earned) - 1, len(new) * _KINDS
        self._arms += new
        self._seen = np.insert(np.insert(self._seen, [old] * more, 0.0, axis=0), [old] * more, 0.0, axis=1)
        self._earned = np.insert(self._earned, [old] * more, 0.0)

    def _features(self, union: UnionOrder, rows: NDArray[np.intp] | None = None) -> _Numbers:
        """For each document a 1 for each arm at the kind of its rank there, and a 1 for itself."""
        ranks = union.ranks if rows is None else union.ranks[rows]
        features = np.zeros((len(ranks), len(self._earned)))
        features[:, -1] = 1.0
        for column, arm in enumerate(union.arms):
            if arm in self._arms:
                kinds = np.searchsorted(_EDGES, ranks[:, column])
                features[np.arange(len(ranks)), self._arms.index(arm) * _KINDS + kinds] = 1.0
        return features


_KINDS = len(_EDGES) + 1
