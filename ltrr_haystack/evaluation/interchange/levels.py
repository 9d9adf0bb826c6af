"""How likely each level of each arm was, all things considered: budget, floor and baseline share."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from ltrr_haystack.policy.lattice import Lattice, Weights, lattice_of
from ltrr_haystack.types import ActionSet, Decision

LevelProbabilities = Mapping[str, Mapping[int, float]]
"""Arm → depth → P(the arm draws that deep)."""


def level_probabilities(decision: Decision) -> LevelProbabilities:
    """
    Give the probability with which each arm was to draw each of its levels.

    The marginals of the logged distribution over allocations (see `JointDistribution`), which are not what a decision
    logs as `marginals`: those hold before budget, floor and baseline share are applied. They are found by forward and
    backward sums over what is left of the budget, arm by arm (the sum-product algorithm on a chain: Murphy 2012,
    Machine Learning: A Probabilistic Perspective, 17.4.3).

    :param decision: The decision; in every mode but `live` the baseline was certain.
    :returns: Arm → depth → probability; a depth of the baseline that is no level of the arm is there too. The
        probabilities of an arm sum up to 1.
    """
    actions = decision.actions
    live = decision.mode == "live"
    points = (
        (actions.baseline, decision.baseline_share if live else 1.0),
        (actions.baseline_with_memory, decision.memory_share if live else 0.0),
    )
    left = max(0.0, 1 - sum(share for _, share in points))
    shares: dict[str, dict[int, float]] = {arm.name: dict.fromkeys(arm.levels, 0.0) for arm in actions.arms}
    if left > 0:
        if decision.floor > 0:
            _add(shares, actions, left * decision.floor, _evenly(lattice_of(actions)))
        if decision.floor < 1:
            weights = [decision.marginals[arm.name] for arm in actions.arms]
            _add(shares, actions, left * (1 - decision.floor), _sums(lattice_of(actions), weights))
    for point, share in points:
        for arm in actions.arms if share > 0 else ():
            depth = point.get(arm.name, 0)
            shares[arm.name][depth] = shares[arm.name].get(depth, 0.0) + share
    return {arm: dict(sorted(by_depth.items())) for arm, by_depth in shares.items()}


def _add(
    shares: dict[str, dict[int, float]], actions: ActionSet, weight: float, parts: Sequence[Sequence[float]]
) -> None:
    for arm, row in zip(actions.arms, parts, strict=True):
        for level, part in zip(arm.levels, row, strict=True):
            shares[arm.name][level] += weight * part


@lru_cache(maxsize=128)
def _evenly(lattice: Lattice) -> Sequence[Sequence[float]]:
    return _sums(lattice, lattice.ones)


def _sums(lattice: Lattice, weights: Weights) -> Sequence[Sequence[float]]:
    """For each arm and level its share of the sum of products of weights over all feasible allocations."""
    after = np.array(lattice.table(weights))[:, : lattice.units + 1]
    reached = np.zeros(lattice.units + 1)
    reached[-1] = 1.0
    shares = []
    for row, steps, rest in zip(weights, lattice.steps, after[1:], strict=True):
        through = np.zeros_like(reached)
        sums = []
        for weight, step in zip(row, steps, strict=True):
            left = max(0, lattice.units + 1 - step)
            on = weight * reached[step:]
            through[:left] += on
            sums.append(float(on @ rest[:left]) / float(after[0, -1]))
        shares.append(sums)
        reached = through
    return shares
