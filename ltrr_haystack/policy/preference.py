"""
What a policy holds to be the best allocation, and what every level of an arm is worth beside it.

Either the arms are judged one by one, and the best allocation is the sum of the best levels within the bounds; or
allocations are compared as a whole (see `Experts`), and a level is worth what the best of them would be with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.policy.experts import Experts, expert_key
from ltrr_haystack.policy.lattice import best_allocation, best_level
from ltrr_haystack.types import MEMORY, ActionSet, Allocation, Arm

REFUSED_LOSS = 1.0
"""How much less than all others an allocation is held to be worth that may not be played, in units of reward."""

Values = Sequence[Sequence[float]]
"""For each arm, in order, the value of each of its levels, in units of reward."""

_Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Preference:
    """
    The best allocation with the values of all levels.

    :ivar allocation: Arm → depth; it keeps the bounds.
    :ivar values: The value of each arm's levels; those of one arm can be compared with each other.
    :ivar best: For each arm the place of its best level.
    """

    allocation: Allocation
    values: Values
    best: Sequence[int]

    @classmethod
    def arm_by_arm(cls, actions: ActionSet, values: Values) -> Self:
        """
        Prefer the best level of each arm, as far as the bounds allow.

        :param actions: What there is to choose from.
        :param values: The value of each arm's levels.
        :returns: The preference; the best levels are those without bounds.
        """
        rows = zip(actions.arms, values, strict=True)
        best = [best_level(arm.levels, actions.baseline.get(arm.name, 0), row) for arm, row in rows]
        return cls(best_allocation(actions, values), values, best)

    @classmethod
    def of_new_query(cls, actions: ActionSet, experts: Experts, worth: _Numbers, first: int) -> Self:
        """
        Prefer one of the compared allocations as it is: memory arms cost without gaining.

        :param actions: What there is to choose from.
        :param experts: The allocations.
        :param worth: What each is worth.
        :param first: Which of them is the best.
        :returns: The preference. A level with which the best allocation is none of them has the least value of all.
        """
        neighbours = _Neighbours(experts, worth, first)
        values = [
            [-arm.cost(level) if arm.kind == MEMORY else neighbours.with_level(arm, level) for level in arm.levels]
            for arm in actions.arms
        ]
        return cls(experts.allocations[first], values, experts.places[first].tolist())

    @classmethod
    def bounded(cls, actions: ActionSet, experts: Experts, playable: NDArray[np.bool_], values: Values) -> Self:
        """
        Prefer what is worth most of what may be played: one of the compared allocations, or more than it draws.

        More may be drawn of arms that are not compared at all their levels: memory arms, and the last of many. What an
        allocation finds is found all the same then.

        :param actions: What there is to choose from.
        :param experts: The allocations.
        :param playable: Which of them may be played; where none may, the baseline may, or what draws as much.
        :param values: The value of each arm's levels.
        :returns: The preference. A level with which the best allocation may not be played is worth `REFUSED_LOSS` less
            than any that may.
        """
        allowed = playable if playable.any() else experts.stand_in
        worth = np.sum([np.array(row)[places] for row, places in zip(values, experts.places.T, strict=True)], axis=0)
        worth = worth + _memory_adds(actions, experts, values)
        worth = np.where(allowed, worth, worth.min() - REFUSED_LOSS)
        first = int(np.argmax(worth))
        neighbours, own = _Neighbours(experts, worth, first), experts.places[first].tolist()
        rows = []
        for arm, row, place, partly in zip(actions.arms, values, own, experts.partly, strict=True):
            rows.append([neighbours.with_level(arm, level) for level in arm.levels])
            if partly:
                rows[-1][place:] = [float(worth[first]) + value - row[place] for value in row[place:]]
        allocation = _deepened(actions, experts, first, values)
        return cls(allocation, rows, [arm.levels.index(allocation[arm.name]) for arm in actions.arms])


class _Neighbours:
    """What the best allocation would be worth with another level of one arm."""

    def __init__(self, experts: Experts, worth: _Numbers, first: int) -> None:
        self._worth_of = dict(zip(experts.keys, worth.tolist(), strict=True))
        self._least = float(worth.min())
        self._searched = experts.searched[first]

    def with_level(self, arm: Arm, level: int) -> float:
        return float(self._worth_of.get(expert_key({**self._searched, arm.name: level}), self._least))


def _memory_adds(actions: ActionSet, experts: Experts, values: Values) -> _Numbers:
    """For each allocation what memory arms add to it at most, as far as the budget has room for them."""
    memories = [
        [(level - arm.levels[0], value - row[0]) for level, value in zip(arm.levels, row, strict=True)]
        for arm, row in zip(actions.arms, values, strict=True)
        if arm.kind == MEMORY
    ]
    depths, adds = np.array([np.sum([(0, 0.0), *each], axis=0) for each in product(*memories)]).T
    room = (actions.budget - experts.candidates)[:, None]
    most: _Numbers = np.where(depths <= room, adds, -np.inf).max(axis=1)
    return most


def _deepened(actions: ActionSet, experts: Experts, first: int, values: Values) -> Allocation:
    """The allocation, and as much more of the arms that are compared in part as is worth it and keeps the budget."""
    kept = [
        slice(place, None if partly else place + 1)
        for place, partly in zip(experts.places[first].tolist(), experts.partly, strict=True)
    ]
    arms = [replace(arm, levels=arm.levels[part]) for arm, part in zip(actions.arms, kept, strict=True)]
    rows = [row[part] for row, part in zip(values, kept, strict=True)]
    return best_allocation(replace(actions, arms=tuple(arms)), rows)
