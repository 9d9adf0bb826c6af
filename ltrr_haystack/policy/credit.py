"""
What each arm is credited with for a settled decision.

Leave one out: an arm's credit is how much of the rewards would have been lost without it, as the union would have been
ordered then (see `UnionOrder`). A document that goes missing takes its whole reward with it; one that sinks takes a
part, since fewer people look there; one that rises brings more, so an arm that pushes what people want down the page
has a negative credit. The value of an arm alone is its difference reward (Wolpert & Tumer 2001).

The company that counts is the one that the policy prefers. Where the baseline was played, every arm runs deep, each
finds what the others find, and none would be missed: judged in that company, all arms look worthless, and the policy
comes to prefer too little of everything. What the preferred allocation would have found is known from the ranks, so
each arm is judged beside the others at the depth that the policy would have given them, as far as they were drawn.

Since ranks are known, so is the credit of every level up to the one drawn, as if the arm had drawn only that deep: a
semi-bandit with side information (Audibert, Bubeck & Lugosi 2014, Regret in Online Combinatorial Optimization; Mannor &
Shamir 2011, From Bandits to Experts).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ltrr_haystack.feedback.rewards import bounded
from ltrr_haystack.policy.union import UnionOrder
from ltrr_haystack.types import Allocation, Impression, SettledDecision

Credit = Mapping[str, Mapping[int, float]]
"""Arm that ran → level, up to the drawn one → credit in units of reward."""


def leave_one_out(settled: SettledDecision, preferred: Allocation | None = None) -> Credit:
    """
    Credit the arms of a decision with the rewards that would have been lost without them.

    An arm that failed or found nothing has credit 0. Rewards of objects that were not shown credit nobody.

    :param settled: The decision and what came of it.
    :param preferred: The company in which the arms are judged, as far as it was drawn; by default what the policy
        preferred when it decided, and without a logged preference what was drawn.
    :returns: For each arm that ran its credit at every level above 0 up to the drawn one.
    """
    decision = settled.decision
    drawn = decision.allocation
    wanted = preferred or decision.preferred or drawn
    company = {arm: min(depth, wanted.get(arm, 0)) for arm, depth in drawn.items()}
    levels = {
        arm.name: [level for level in arm.levels if 0 < level <= drawn[arm.name]]
        for arm in decision.actions.arms
        if drawn.get(arm.name, 0) > 0
    }
    if not any(reward_of(settled, impression) for impression in settled.impressions):
        return {arm: dict.fromkeys(depths, 0.0) for arm, depths in levels.items()}
    asked = [{**company, arm: level} for arm, depths in levels.items() for level in (0, *depths)]
    left = iter(rewards_left(settled, asked))
    credit: dict[str, dict[int, float]] = {}
    for arm, depths in levels.items():
        without = next(left)
        credit[arm] = {level: next(left) - without for level in depths}
    return credit


def rewards_left(settled: SettledDecision, allocations: Sequence[Allocation]) -> list[float]:
    """
    Say what a decision would have earned under other allocations.

    :param settled: The decision and what came of it.
    :param allocations: Allocations that draw no arm deeper than it was drawn.
    :returns: For each allocation the sum of the rewards that would have been left.
    """
    rewarded = tuple([impression for impression in settled.impressions if reward_of(settled, impression)])
    if not rewarded:
        return [0.0] * len(allocations)
    rewards = np.array([reward_of(settled, impression) for impression in rewarded])
    left: list[float] = (UnionOrder(replace(settled, impressions=rewarded)).kept(allocations) @ rewards).tolist()
    return left


def reward_of(settled: SettledDecision, impression: Impression) -> float:
    """
    What an impression of a settled decision earned, fit to be added up and squared.

    A page that the fallback filled was not earned by what was drawn: that found nothing.

    :param settled: The decision and what came of it.
    :param impression: One of its impressions.
    :returns: The reward, bounded; 0 if there was none.
    """
    if any(report.fallback for report in settled.reports):
        return 0.0
    return bounded(settled.rewards.get(impression.object_id, 0.0))


def at_drawn_depth(credit: Credit, allocation: Allocation) -> Mapping[str, float]:
    """
    The credit of each arm as it was played.

    :param credit: What `leave_one_out` gave.
    :param allocation: The allocation that was played.
    :returns: Arm that ran → credit.
    """
    return {arm: by_level[allocation[arm]] for arm, by_level in credit.items()}
