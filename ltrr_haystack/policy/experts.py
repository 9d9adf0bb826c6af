"""The allocations that are compared as a whole, as what they find for queries that nobody searched before."""

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.policy.lattice import best_allocation, lattice_of
from ltrr_haystack.types import ActionSet, Allocation, Arm

MOST_EXPERTS = 512
"""How many allocations are compared."""


@dataclass(frozen=True, slots=True)
class Experts:
    """
    Allocations with memory arms at their lowest level, since they bring nothing to a new query.

    :ivar allocations: The allocations. The baseline comes first, unless it is not feasible.
    :ivar searched: The same without memory arms.
    :ivar places: For each, and each arm in order, the place of its depth among the arm's levels.
    :ivar candidates: How many candidates each draws.
    :ivar has_room: Beside which of them the budget has room for all memory arms at their deepest.
    :ivar keys: A name for each, which stays the same when arms are added.
    :ivar extra_costs: What each costs more than the baseline, in units of reward.
    :ivar is_baseline: Which of them is the baseline.
    :ivar stand_in: Which of them may stand in for the baseline: it alone; where it is none of them, those that draw
        every arm as deep, and without any such all.
    :ivar baseline: The baseline without memory arms.
    :ivar baseline_key: Its key.
    """

    allocations: tuple[Allocation, ...]
    searched: tuple[Allocation, ...]
    places: NDArray[np.intp]
    candidates: NDArray[np.intp]
    has_room: NDArray[np.bool_]
    keys: tuple[str, ...]
    extra_costs: NDArray[np.float64]
    is_baseline: NDArray[np.bool_]
    stand_in: NDArray[np.bool_]
    baseline: Allocation
    baseline_key: str


def experts_of(actions: ActionSet) -> Experts:
    """
    Give the allocations that are compared.

    :param actions: What there is to choose from.
    :returns: All feasible ones. Where they may be more than `MOST_EXPERTS`, arms keep the baseline's level and their
        lowest only, or their deepest if the baseline has the lowest, and where that is not enough, the baseline's
        alone; in both cases the last arms first. Where none is feasible without memory, the one that is nearest to the
        baseline.
    """
    return _experts(actions.arms, tuple(actions.baseline.items()), actions.budget, actions.min_candidates)


def expert_key(searched: Allocation) -> str:
    """
    Name an allocation.

    :param searched: Arm → depth, memory arms at 0.
    :returns: The arms that run, with their depths.
    """
    return " ".join(f"{arm}={depth}" for arm, depth in sorted(searched.items()) if depth > 0)


@lru_cache(maxsize=128)
def _experts(arms: tuple[Arm, ...], baseline: tuple[tuple[str, int], ...], budget: int, least: int) -> Experts:
    actions = ActionSet(arms, budget, dict(baseline), least)
    lattice, memories = lattice_of(actions), actions.memory_arms
    start = tuple([arm.levels[0] if arm.name in memories else actions.baseline.get(arm.name, 0) for arm in arms])
    rows = [arm.levels[:1] if arm.name in memories else arm.levels for arm in arms]
    for keep_lowest in (True, False):
        for place in reversed(range(len(rows))):
            if math.prod(map(len, rows)) > MOST_EXPERTS:
                rows[place] = _fewer(rows[place], start[place], keep_lowest)
    feasible = [depths for depths in product(*rows) if lattice.places(depths) is not None]
    ordered = sorted(feasible, key=lambda depths: depths != start)
    allocations: tuple[Allocation, ...] = tuple([dict(zip(actions.names, depths, strict=True)) for depths in ordered])
    if not allocations:
        allocations = (best_allocation(actions, [[0.0] * len(arm.levels) for arm in arms]),)
    searched = tuple([actions.without_memory(allocation) for allocation in allocations])
    base = actions.without_memory(actions.baseline)
    is_baseline = np.array([allocation == base for allocation in searched])
    as_deep = np.array([all(allocation[arm] >= depth for arm, depth in base.items()) for allocation in searched])
    candidates = np.array([sum(allocation.values()) for allocation in allocations])
    deeper = sum(arm.levels[-1] - arm.levels[0] for arm in arms if arm.name in memories)
    return Experts(
        allocations,
        searched,
        np.array([[arm.levels.index(allocation[arm.name]) for arm in arms] for allocation in allocations]),
        candidates,
        candidates + deeper <= budget,
        tuple(map(expert_key, searched)),
        np.array([actions.cost(allocation) - actions.cost(base) for allocation in searched]),
        is_baseline,
        next((mask for mask in (is_baseline, as_deep) if mask.any()), np.ones(len(searched), dtype=bool)),
        base,
        expert_key(base),
    )


def _fewer(levels: tuple[int, ...], own: int, keep_lowest: bool) -> tuple[int, ...]:
    kept = {own, levels[0] if own != levels[0] else levels[-1]} if keep_lowest else {own}
    return tuple([level for level in levels if level in kept]) or levels[:1]
