"""The distributions that many decisions were drawn from, asked all at once."""

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.policy.lattice import lattice_of
from ltrr_haystack.types import ActionSet, Allocation

Numbers = NDArray[np.float64]
Depths = NDArray[np.int64]
"""One row for each decision, one column for each arm, in order."""


class Joints:
    """
    Says of many distributions over one action set what `JointDistribution` says of each.

    ### Usage example

    ```python
    from ltrr_haystack.evaluation.joints import Joints, depths_of
    from ltrr_haystack.policy.actions import parse_actions
    from ltrr_haystack.policy.joint import JointDistribution

    actions = parse_actions({"bm25": {"levels": [0, 10]}, "dense": {"levels": [0, 10]}}, 20, {"bm25": 10})
    joints = Joints(
        [JointDistribution(actions, {"bm25": (0.5, 0.5), "dense": (0.8, 0.2)}, share, 0.0) for share in (0.0, 0.5)]
    )
    joints.probability(depths_of([{"bm25": 10}, {"bm25": 10}], actions))  # 0.4 and 0.7
    ```

    :ivar actions: What there was to choose from.
    """

    def __init__(self, joints: Sequence[JointDistribution]) -> None:
        """
        Gather the distributions.

        :param joints: The distributions, at least one, all over equal action sets.
        """
        self.actions = joints[0].actions
        self._lattice = lattice_of(self.actions)
        baseline, memory, floor = (
            np.array([getattr(each, of) for each in joints]) for of in ("baseline_share", "memory_share", "floor")
        )
        self._points = (
            (depths_of([self.actions.baseline], self.actions)[0], baseline),
            (depths_of([self.actions.baseline_with_memory], self.actions)[0], memory),
        )
        left = np.maximum(0.0, 1 - baseline - memory)
        self._even_share = left * floor
        self._weighted_share = left * (1 - floor)
        self._weights = [np.ones((len(joints), len(arm.levels))) for arm in self.actions.arms]
        for row, each in enumerate(joints):
            if self._weighted_share[row] > 0:
                for arm, weights in zip(self.actions.arms, self._weights, strict=True):
                    weights[row] = each.marginals[arm.name]
        self._tables = self._lattice.tables(self._weights)

    def __len__(self) -> int:
        return len(self._even_share)

    def probability(self, depths: Depths) -> Numbers:
        """
        Say how likely each decision was to make a choice.

        :param depths: The choices.
        :returns: A probability for each decision; 0 where it could not be made.
        """
        return self._summed(depths, np.equal)

    def at_least(self, depths: Depths) -> Numbers:
        """
        Say how likely it was that every arm draws at least as deep as in an allocation.

        :param depths: The allocations.
        :returns: A probability for each decision.
        """
        return self._summed(depths, np.greater_equal)

    @cached_property
    def levels(self) -> dict[str, dict[int, Numbers]]:
        """
        Arm → depth → the probability with which each decision was to draw the arm that deep, all things considered.

        These are the marginals of the distributions, which the decisions' own `marginals` are not: those hold before
        budget, floor and baseline share are applied. They are found by forward and backward sums over what is left of
        the budget, arm by arm (the sum-product algorithm on a chain: Murphy 2012, Machine Learning: A Probabilistic
        Perspective, 17.4.3). A depth of the baseline that is no level of the arm is there, too.
        """
        drawn = [np.zeros((len(self), len(arm.levels))) for arm in self.actions.arms]
        ones = [np.array([row]) for row in self._lattice.ones]
        for share, weights in ((self._even_share, ones), (self._weighted_share, self._weights)):
            if share.any():
                for sums, part in zip(drawn, self._through(weights), strict=True):
                    sums += share[:, None] * part
        found: dict[str, dict[int, Numbers]] = {}
        for column, arm in enumerate(self.actions.arms):
            by_depth = dict(zip(arm.levels, drawn[column].T, strict=True))
            for point, share in self._points:
                depth = int(point[column])
                if share.any():
                    by_depth[depth] = by_depth.get(depth, np.zeros(len(self))) + share
            found[arm.name] = dict(sorted(by_depth.items()))
        return found

    def _summed(self, depths: Depths, allowed: np.ufunc) -> Numbers:
        """The shares of what is played outright, and of the feasible allocations, of which each depth is allowed."""
        masks = [
            allowed(np.array(levels), depths[:, column, None]).astype(float)
            for column, levels in enumerate(self._lattice.levels)
        ]
        sums: Numbers = np.zeros(len(self))
        for point, share in self._points:
            sums += np.where(allowed(point, depths).all(axis=1), share, 0.0)
        if self._even_share.any():
            sums += self._even_share * self._total(masks) / self._lattice.feasible
        if self._weighted_share.any():
            enough = [mask * weights for mask, weights in zip(masks, self._weights, strict=True)]
            sums += self._weighted_share * self._total(enough) / self._tables[0][:, self._lattice.units]
        return sums

    def _total(self, weights: Sequence[Numbers]) -> Numbers:
        return self._lattice.tables(weights)[0][:, self._lattice.units]

    def _through(self, weights: Sequence[Numbers]) -> list[Numbers]:
        """For each arm and level its share of the sum of products of weights over all feasible allocations."""
        lattice, size = self._lattice, len(weights[0])
        after = [table[:, : lattice.units + 1] for table in lattice.tables(weights)]
        reached = np.zeros((size, lattice.units + 1))
        reached[:, -1] = 1.0
        shares = []
        for rows, steps, rest in zip(weights, lattice.steps, after[1:], strict=True):
            through, sums = np.zeros_like(reached), []
            for weight, step in zip(rows.T, steps, strict=True):
                left = max(0, lattice.units + 1 - step)
                on = weight[:, None] * reached[:, step:]
                through[:, :left] += on
                sums.append((on * rest[:, :left]).sum(axis=1) / after[0][:, -1])
            shares.append(np.stack(sums, axis=1))
            reached = through
        return shares


def depths_of(allocations: Iterable[Allocation], actions: ActionSet) -> Depths:
    """
    Write allocations as numbers.

    :param allocations: Arm → depth; arms that are left out do not run.
    :param actions: Whose arms are the columns; other arms are passed over.
    :returns: One row for each allocation.
    """
    names = actions.names
    return np.array([[allocation.get(name, 0) for name in names] for allocation in allocations]).reshape(-1, len(names))
