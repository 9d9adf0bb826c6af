"""
Expected rewards of documents that were not shown, estimated from documents that the arms ranked alike.

Rewards are observed for shown documents only. Without an expectation for the others, every allocation would look worse
than the one that was played, since what else it would have shown would count as 0. The expectation is a linear model of
the rank that each arm gave a document, fitted by ridge regression (Hoerl & Kennard
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
"""Share of the expectation that counts, since documents that were shown were better than those that were not."""

RIDGE = 0.002
"""Strength of the penalty as a share of the evidence; 1 is added, so that little evidence predicts little."""

_EDGES = (1, 2, 3, 5, 10, 20, 50)
"""Ranks up to which documents are alike; beyond are those further down and those that the arm did not bring."""

_Numbers = NDArray[np.float64]


class ExpectedRewards:
    """
    A linear model of what documents earn where they are certainly examined.

    The model is additive over the arms; arms may be added and removed.
    """

    def __init__(self) -> None:
        """Create a model that expects nothing of any document."""
        self._arms: tuple[str, ...] = ()
        self._seen: _Numbers = np.zeros((1, 1))
        self._earned: _Numbers = np.zeros(1)

    def observe(self, union: UnionOrder, ordinals: _Numbers, rewards: _Numbers, weight: float) -> None:
        """
        Learn from what the documents of a page earned.

        Older pages are discounted exponentially. A position counts by the square of its examination probability, as in
        weighted least squares: a click there is divided by that probability.

        :param union: The union of a settled decision.
        :param ordinals: For each impression its position, from 1.
        :param rewards: For each impression what it earned.
        :param weight: How much it counts.
        """
        self._know(union.arms)
        features = self._features(union, union.rows)
        examined = union.curve.over(ordinals)
        self._seen = DECAY * self._seen + features.T @ (features * (weight * examined**2)[:, None])
        self._earned = DECAY * self._earned + features.T @ (weight * examined * rewards)

    def of(self, union: UnionOrder) -> _Numbers:
        """
        Say what the documents of a union can be expected to earn where they would certainly be examined.

        :param union: The union.
        :returns: For each document the cautious expectation, in units of reward, at least 0.
        """
        penalty = 1 + RIDGE * self._seen[-1, -1]
        worth = np.linalg.solve(self._seen + penalty * np.eye(len(self._earned)), self._earned)
        expected: _Numbers = CAUTION * np.maximum(self._features(union) @ worth, 0.0)
        return expected

    def to_dict(self) -> dict[str, Any]:
        """
        Serialise the state.

        :returns: Plain JSON types.
        """
        return {"arms": list(self._arms), "seen": self._seen.tolist(), "earned": self._earned.tolist()}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """
        Restore a model from its state.

        :param state: What `to_dict` gave.
        :returns: The expectations.
        :raises SnapshotError: If the state is incompatible: another version wrote it.
        """
        made = cls()
        made._arms = tuple(state["arms"])
        made._seen, made._earned = np.array(state["seen"]), np.array(state["earned"])
        size = len(made._arms) * _KINDS + 1
        if made._seen.shape != (size, size) or made._earned.shape != (size,):
            raise SnapshotError("the state of the expected rewards is incompatible: another version wrote it")
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
