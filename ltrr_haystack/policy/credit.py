"""
What each arm is credited with for a settled decision.

Leave one out: an arm's credit is the reward of the documents that would have been missing from the union without it.
Where two arms bring a document, neither is credited with it. Where nobody in the company brings it, each arm that found
it is credited in full: what is learned is what each would add to that company, not how a reward is shared out.

The union that counts is the one that the policy prefers. Where the baseline was played, every arm runs deep, each finds
what the others find, and none would be missed: judged in that company, all arms look worthless, and the policy comes to
prefer too little of everything. What the preferred allocation would have found is known from the ranks, so each arm is
judged beside the others at the depth that the policy would have given them, as far as they were drawn.

Since a document's rank in each arm is known,
the credit is known for every level up to the one drawn, as if the arm had drawn only that deep: a semi-bandit with
side information (Audibert, Bubeck & Lugosi 2014, Regret in Online Combinatorial Optimization; Mannor & Shamir 2011,
From Bandits to Experts). The value of an arm alone is its difference reward (Wolpert & Tumer 2001).
"""

from collections.abc import Iterable, Mapping

from ltrr_haystack.feedback.rewards import bounded
from ltrr_haystack.types import Allocation, Impression, SettledDecision

Credit = Mapping[str, Mapping[int, float]]
"""Arm that ran → level, up to the drawn one → credit in units of reward."""


def leave_one_out(settled: SettledDecision) -> Credit:
    """
    Credit the arms of a decision with the rewards that would have been missed without them.

    An arm that failed or found nothing has credit 0. Rewards of objects that were not shown credit nobody.

    :param settled: The decision and what came of it. Without a logged preference the drawn allocation stands for it.
    :returns: For each arm that ran its credit at every level above 0 up to the drawn one.
    """
    drawn = settled.decision.allocation
    preferred = settled.decision.preferred or drawn
    company = {arm: min(depth, preferred.get(arm, 0)) for arm, depth in drawn.items()}
    alone: dict[str, list[tuple[int, float]]] = {}
    for impression in settled.impressions:
        reward = reward_of(settled, impression)
        if reward:
            for arm in _needed(impression, company):
                alone.setdefault(arm, []).append((impression.arms[arm].rank, reward))
    return {
        arm.name: {
            level: sum(reward for rank, reward in alone.get(arm.name, ()) if rank <= level)
            for level in arm.levels
            if 0 < level <= drawn[arm.name]
        }
        for arm in settled.decision.actions.arms
        if drawn.get(arm.name, 0) > 0
    }


def _needed(impression: Impression, company: Allocation) -> Iterable[str]:
    """The arms without which the document would be missing: all that have it while nobody, or only one, brings it."""
    bringing = [arm for arm, provenance in impression.arms.items() if provenance.rank <= company.get(arm, 0)]
    if not bringing:
        return impression.arms
    return bringing if len(bringing) == 1 else ()


def reward_of(settled: SettledDecision, impression: Impression) -> float:
    """
    What an impression of a settled decision earned, fit to be added up and squared.

    :param settled: The decision and what came of it.
    :param impression: One of its impressions.
    :returns: The reward, bounded; 0 if there was none.
    """
    return bounded(settled.rewards.get(impression.object_id, 0.0))


def at_drawn_depth(credit: Credit, allocation: Allocation) -> Mapping[str, float]:
    """
    The credit of each arm as it was played.

    :param credit: What `leave_one_out` gave.
    :param allocation: The allocation that was played.
    :returns: Arm that ran → credit.
    """
    return {arm: by_level[allocation[arm]] for arm, by_level in credit.items()}
