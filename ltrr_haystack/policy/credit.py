"""
The credit of each arm for a settled decision: its marginal contribution to the rewards.

Leave one out: an arm's credit is the reward of the page with the arm less the reward of the page without it, as the
union would have been ordered then (see `UnionOrder`). A document that goes missing loses its whole reward; one that
moves down loses a part, since lower places are examined less; one that moves up gains. So an arm that pushes relevant
documents down the page has a negative credit. This is the difference reward of Wolpert & Tumer (2001).

Queries that were searched before are credited by the union's order: their pages are mostly made of what memory knows,
and by these every arm but the memory would seem to be worth nothing, though it is the others that find what there is to
be remembered. Those that are treated as new are credited by the pages of the ranking model (see `model_pages`).

The contribution is marginal to the allocation that the policy prefers, not to the one that was played. Where the
baseline was played, every arm ran deep and most documents were found by several arms: there the marginal contribution
of each arm is near 0, and the policy would come to prefer too little of everything. The logged ranks give the page of
the preferred allocation, so the other arms are taken at the depths that the policy prefers, as far as they were drawn.

The ranks also give the credit of every level up to the drawn one: a semi-bandit with side information (Audibert, Bubeck
& Lugosi 2014, Regret in Online Combinatorial Optimization; Mannor & Shamir 2011, From Bandits to Experts).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.feedback.examination import UNION, ExaminationCurve
from ltrr_haystack.feedback.rewards import bounded
from ltrr_haystack.policy.union import UnionOrder
from ltrr_haystack.types import Allocation, Impression, SettledDecision

_Numbers = NDArray[np.float64]

ValueFn = Callable[[Sequence[Allocation]], list[float]]
"""Gives the reward that a decision would have earned under allocations that draw no arm deeper than it was drawn."""

Credit = Mapping[str, Mapping[int, float]]
"""Arm that ran → level, up to the drawn one → credit in units of reward."""


def leave_one_out(
    settled: SettledDecision,
    preferred: Allocation | None = None,
    curve: ExaminationCurve = UNION,
    value_fn: ValueFn | None = None,
) -> Credit:
    """
    Give the marginal contribution of each arm of a decision.

    An arm that failed or found nothing has credit 0. Rewards of objects that were not shown are ignored.

    :param settled: The decision with its rewards.
    :param preferred: The allocation to which the contributions are marginal, as far as it was drawn; by default what
        the policy preferred when it decided, and without a logged preference what was drawn.
    :param curve: The probability that a place is examined.
    :param value_fn: Gives what other allocations would have earned; `rewards_left` by the curve if left out.
    :returns: For each arm that ran its credit at every level above 0 up to the drawn one.
    """
    decision = settled.decision
    drawn = decision.allocation
    wanted = preferred or decision.preferred or drawn
    others = {arm: min(depth, wanted.get(arm, 0)) for arm, depth in drawn.items()}
    levels = {
        arm.name: [level for level in arm.levels if 0 < level <= drawn[arm.name]]
        for arm in decision.actions.arms
        if drawn.get(arm.name, 0) > 0
    }
    if value_fn is None and not any(reward_of(settled, impression) for impression in settled.impressions):
        return {arm: dict.fromkeys(depths, 0.0) for arm, depths in levels.items()}
    searched = [{**others, arm: level} for arm, depths in levels.items() for level in (0, *depths)]
    left = iter(rewards_left(settled, searched, curve) if value_fn is None else value_fn(searched))
    credit: dict[str, dict[int, float]] = {}
    for arm, depths in levels.items():
        without = next(left)
        credit[arm] = {level: next(left) - without for level in depths}
    return credit


def rewards_left(
    settled: SettledDecision, allocations: Sequence[Allocation], curve: ExaminationCurve = UNION
) -> list[float]:
    """
    Give the reward that a decision would have earned under other allocations.

    :param settled: The decision with its rewards.
    :param allocations: Allocations that draw no arm deeper than it was drawn.
    :param curve: The probability that a place is examined.
    :returns: For each allocation the sum of the rewards that would have been left.
    """
    rewarded = tuple([impression for impression in settled.impressions if reward_of(settled, impression)])
    if not rewarded:
        return [0.0] * len(allocations)
    rewards = np.array([reward_of(settled, impression) for impression in rewarded])
    left: list[float] = (UnionOrder(replace(settled, impressions=rewarded), curve).kept(allocations) @ rewards).tolist()
    return left


def page_of(settled: SettledDecision) -> tuple[_Numbers, _Numbers]:
    """
    Give what the impressions of a page earned.

    :param settled: The decision with its rewards.
    :returns: For each impression its position, and its bounded reward.
    """
    ordinals = [impression.ordinal for impression in settled.impressions]
    rewards = [reward_of(settled, impression) for impression in settled.impressions]
    return np.array(ordinals, dtype=np.float64), np.array(rewards, dtype=np.float64)


def reward_of(settled: SettledDecision, impression: Impression) -> float:
    """
    Give the reward of an impression, bounded so that sums and squares are finite.

    On a page that the fallback filled it is 0, since what was drawn found nothing.

    :param settled: The decision with its rewards.
    :param impression: One of its impressions.
    :returns: The reward, bounded; 0 if there was none.
    """
    if any(report.fallback for report in settled.reports):
        return 0.0
    return bounded(settled.rewards.get(impression.object_id, 0.0))


def at_drawn_depth(credit: Credit, allocation: Allocation) -> Mapping[str, float]:
    """
    Give the credit of each arm at the depth that was played.

    :param credit: What `leave_one_out` gave.
    :param allocation: The allocation that was played.
    :returns: Arm that ran → credit.
    """
    return {arm: by_level[allocation[arm]] for arm, by_level in credit.items()}
