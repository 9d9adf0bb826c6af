"""How likely each level of each arm was, all things considered: budget, floor and baseline share."""

from collections.abc import Mapping

from ltrr_haystack.evaluation.joints import Joints
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.types import Decision

LevelProbabilities = Mapping[str, Mapping[int, float]]
"""Arm → depth → P(the arm draws that deep)."""


def level_probabilities(decision: Decision) -> LevelProbabilities:
    """
    Give the probability with which each arm was to draw each of its levels (see `Joints.levels`).

    :param decision: The decision; in every mode but `live` the baseline was certain.
    :returns: Arm → depth → probability; a depth of the baseline that is no level of the arm is there too. The
        probabilities of an arm sum up to 1.
    :raises ConfigurationError: If the logged distribution cannot be rebuilt.
    """
    levels = Joints([JointDistribution.of(decision)]).levels
    return {arm: {depth: float(chance[0]) for depth, chance in by_depth.items()} for arm, by_depth in levels.items()}
