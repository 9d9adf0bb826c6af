"""
What each arm is credited with for a settled decision.

Leave one out: an arm's credit is the reward of the documents that would have been missing from the union without it.
Arms that find the same documents share nothing and claim nothing twice. Since a document's rank in each arm is known,
the credit is known for every level up to the one drawn, as if the arm had drawn only that deep: a semi-bandit with
side information (Audibert, Bubeck & Lugosi 2014, Regret in Online Combinatorial Optimization; Mannor & Shamir 2011,
From Bandits to Experts). The value of an arm alone is its difference reward (Wolpert & Tumer 2001).
"""

import math
from collections.abc import Mapping

from ltrr_haystack.types import Allocation, Impression, SettledDecision

Credit = Mapping[str, Mapping[int, float]]
"""Arm that ran → level, up to the drawn one → credit in units of reward."""

REWARD_LIMIT = 1e4
"""Rewards of one impression beyond it are cut: no single one may drown all the others."""


def leave_one_out(settled: SettledDecision) -> Credit:
    """
    Credit the arms of a decision with the rewards that would have been missed without them.

    An arm that failed or found nothing has credit 0. Rewards of objects that were not shown credit nobody.

    :param settled: The decision and what came of it.
    :returns: For each arm that ran its credit at every level above 0 up to the drawn one.
    """
    allocation = settled.decision.allocation
    alone: dict[str, list[tuple[int, float]]] = {}
    for impression in settled.impressions:
        if len(impression.arms) == 1:
            ((arm, provenance),) = impression.arms.items()
            alone.setdefault(arm, []).append((provenance.rank, reward_of(settled, impression)))
    return {
        arm.name: {
            level: sum(reward for rank, reward in alone.get(arm.name, ()) if rank <= level)
            for level in arm.levels
            if 0 < level <= allocation[arm.name]
        }
        for arm in settled.decision.actions.arms
        if allocation.get(arm.name, 0) > 0
    }


def reward_of(settled: SettledDecision, impression: Impression) -> float:
    """
    What an impression of a settled decision earned, fit to be added up and squared.

    :param settled: The decision and what came of it.
    :param impression: One of its impressions.
    :returns: The reward, cut to ±`REWARD_LIMIT`; 0 if there was none or it is not finite.
    """
    reward = settled.rewards.get(impression.object_id, 0.0)
    return max(-REWARD_LIMIT, min(REWARD_LIMIT, reward)) if math.isfinite(reward) else 0.0


def at_drawn_depth(credit: Credit, allocation: Allocation) -> Mapping[str, float]:
    """
    The credit of each arm as it was played.

    :param credit: What `leave_one_out` gave.
    :param allocation: The allocation that was played.
    :returns: Arm that ran → credit.
    """
    return {arm: by_level[allocation[arm]] for arm, by_level in credit.items()}
