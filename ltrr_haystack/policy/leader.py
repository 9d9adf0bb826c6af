"""
The best whole allocation for new queries, whatever they ask: follow the leader.

Where every arm drew at least as deep as in the baseline, the ranks tell what each shallower allocation would have
shown. So every allocation is an expert whose gain is known whether it was played or not, and the one that has gained
most so far is played next (Hannan 1957; Kalai & Vempala 2005, Efficient Algorithms for Online Decision Problems).

It knows nothing of the query, and that is its strength where few different queries were searched: what a contextual
model makes of the features of seventy queries is mostly noise. Nor can it be caught where every single change of an arm
is for the worse, since it compares whole allocations.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, product
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.policy.credit import reward_of, rewards_left
from ltrr_haystack.policy.expected import ExpectedRewards
from ltrr_haystack.policy.lattice import Lattice
from ltrr_haystack.policy.union import UnionOrder, looked_at, reaches
from ltrr_haystack.types import ActionSet, Allocation, Arm, SettledDecision

MOST_EXPERTS = 512
"""How many allocations are compared."""

DOUBT = 1.0
"""What every expert but the baseline is taken to have lost once, in units of reward."""

_Numbers = NDArray[np.float64]


class Leader:
    """
    Keeps what each allocation has gained over the baseline on queries looked at as if nobody had searched them before.

    Memory arms are at their lowest level in all of them, and are taken to bring nothing.
    """

    def __init__(self) -> None:
        """Begin with the baseline in the lead."""
        self._noted: dict[str, tuple[float, float]] = {}
        self._expected = ExpectedRewards()

    def observe(self, settled: SettledDecision, weight: float) -> None:
        """
        Take note of what each allocation would have gained, where it is known.

        :param settled: The decision and what came of it.
        :param weight: How much it counts, more than 0.
        """
        drawn = settled.decision.allocation
        experts = experts_of(settled.decision.actions)
        if not reaches(drawn, experts.baseline):
            return
        known = [place for place, searched in enumerate(experts.searched) if reaches(drawn, searched)]
        union = UnionOrder(settled)
        searched = [experts.baseline, *(experts.searched[place] for place in known)]
        base, *rewards = self._rewards(settled, union, searched)
        if union.is_logged:
            self._expected.observe(union, *_page(settled), weight)
        for place, reward in zip(known, rewards, strict=True):
            gain, weights = self._noted.get(experts.keys[place], (0.0, 0.0))
            self._noted[experts.keys[place]] = gain + weight * (reward - base), weights + weight

    def rewards(self, settled: SettledDecision, searched: Sequence[Allocation]) -> list[float]:
        """
        Say what a decision would have earned under other allocations, had its query been new.

        What was shown is worth what it earned, in relation to how much its position is looked at, and what would have
        been shown in its place what is to be expected of it. Where the union was not logged, what was shown and is
        still found counts.

        :param settled: The decision and what came of it.
        :param searched: Allocations that draw no arm deeper than it was drawn, memory arms at 0.
        :returns: For each allocation the rewards.
        """
        return self._rewards(settled, UnionOrder(settled), searched)

    def best(self, actions: ActionSet) -> Allocation:
        """
        Give the allocation in the lead.

        :param actions: What there is to choose from.
        :returns: Arm → depth.
        """
        experts = experts_of(actions)
        return experts.allocations[int(np.argmax(self._gains(experts)))]

    def values(self, actions: ActionSet) -> list[list[float]]:
        """
        Say what each arm's levels are worth beside the other arms as the leader has them.

        :param actions: What there is to choose from.
        :returns: For each arm, in order, what the leader with this arm at each of its levels gains over the baseline
            for one query, in units of reward and less the cost; where that is no expert, the least gain of all.
        """
        experts = experts_of(actions)
        gains = self._gains(experts)
        best = experts.allocations[int(np.argmax(gains))]
        gain_of = dict(zip(experts.keys, gains.tolist(), strict=True))
        least = min(gain_of.values())
        return [
            [
                gain_of.get(_key(without_memory(actions, {**best, arm.name: level})), least)
                - (arm.cost(level) if arm.name in actions.memory_arms else 0.0)
                for level in arm.levels
            ]
            for arm in actions.arms
        ]

    def to_dict(self) -> dict[str, Any]:
        """
        Give what was noted.

        :returns: Plain JSON types.
        """
        return {"experts": {key: list(of) for key, of in self._noted.items()}, "expected": self._expected.to_dict()}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """
        Make one that has noted what another has.

        :param state: What `to_dict` gave.
        :returns: The leader.
        :raises SnapshotError: If the state is of another make.
        """
        made = cls()
        made._noted = {key: (gain, weight) for key, (gain, weight) in state["experts"].items()}
        made._expected = ExpectedRewards.from_dict(state["expected"])
        return made

    def _rewards(self, settled: SettledDecision, union: UnionOrder, searched: Sequence[Allocation]) -> list[float]:
        if not union.is_logged:
            return rewards_left(settled, searched)
        ordinals, rewards = _page(settled)
        worth = self._expected.of(union)
        worth[union.rows] = rewards / looked_at(ordinals)
        earned: list[float] = union.earned(searched, worth).tolist()
        return earned

    def _gains(self, experts: "Experts") -> _Numbers:
        """What each expert gains over the baseline for one query, with `DOUBT` and less the cost."""
        gained, weights = np.array([self._noted.get(key, (0.0, 0.0)) for key in experts.keys]).T
        gains: _Numbers = (gained - DOUBT) / (weights + 1) - experts.extra_costs
        gains[experts.is_baseline] = 0.0
        return gains


@dataclass(frozen=True, slots=True)
class Experts:
    """
    The allocations that are compared.

    :ivar allocations: Feasible allocations with memory arms at their lowest level, the baseline's first.
    :ivar searched: The same without memory arms.
    :ivar keys: A name for each, which stays the same when arms are added.
    :ivar extra_costs: What each costs more than the baseline.
    :ivar is_baseline: Which of them are the baseline.
    :ivar baseline: The baseline without memory arms.
    """

    allocations: tuple[Allocation, ...]
    searched: tuple[Allocation, ...]
    keys: tuple[str, ...]
    extra_costs: _Numbers
    is_baseline: NDArray[np.bool_]
    baseline: Allocation


def experts_of(actions: ActionSet) -> Experts:
    """
    Give the allocations that are compared.

    :param actions: What there is to choose from.
    :returns: All feasible ones. Where they may be more than `MOST_EXPERTS`, arms keep their lowest levels and the
        baseline's only, beginning with the last arm.
    """
    return _experts(actions.arms, tuple(actions.baseline.items()), actions.budget, actions.min_candidates)


def without_memory(actions: ActionSet, allocation: Allocation) -> Allocation:
    """
    Give what an allocation searches for a new query.

    :param actions: What there is to choose from.
    :param allocation: Arm → depth.
    :returns: Arm → depth for every arm, memory arms at 0.
    """
    memories = actions.memory_arms
    return {name: 0 if name in memories else allocation.get(name, 0) for name in actions.names}


@lru_cache(maxsize=128)
def _experts(arms: tuple[Arm, ...], baseline: tuple[tuple[str, int], ...], budget: int, least: int) -> Experts:
    actions = ActionSet(arms, budget, dict(baseline), least)
    memories = actions.memory_arms
    start = tuple([arm.levels[0] if arm.name in memories else actions.baseline.get(arm.name, 0) for arm in arms])
    rows = [arm.levels[:1] if arm.name in memories else arm.levels for arm in arms]
    for place in reversed(range(len(rows))):
        if math.prod(map(len, rows)) > MOST_EXPERTS:
            rows[place] = tuple(sorted({rows[place][0], start[place]} & set(rows[place])))
    lattice = Lattice(tuple([arm.levels for arm in arms]), budget, least)
    feasible = [depths for depths in islice(product(*rows), MOST_EXPERTS) if lattice.places(depths) is not None]
    ordered = sorted(feasible, key=lambda depths: depths != start) or [start]
    allocations = tuple([dict(zip(actions.names, depths, strict=True)) for depths in ordered])
    searched = tuple([without_memory(actions, allocation) for allocation in allocations])
    base = without_memory(actions, actions.baseline)
    return Experts(
        allocations,
        searched,
        tuple(map(_key, searched)),
        np.array([actions.cost(allocation) - actions.cost(base) for allocation in searched]),
        np.array([allocation == base for allocation in searched]),
        base,
    )


def _page(settled: SettledDecision) -> tuple[_Numbers, _Numbers]:
    """For each impression its position, and what it earned."""
    ordinals = [impression.ordinal for impression in settled.impressions]
    rewards = [reward_of(settled, impression) for impression in settled.impressions]
    return np.array(ordinals, dtype=np.float64), np.array(rewards, dtype=np.float64)


def _key(searched: Allocation) -> str:
    return " ".join(f"{arm}={depth}" for arm, depth in sorted(searched.items()) if depth > 0)
