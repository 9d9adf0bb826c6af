"""
What a policy holds to be the best allocation, and what every level of an arm is worth beside it.

Either the arms are judged one by one, and the best allocation is the sum of the best levels within the bounds; or
allocations are compared as a whole (see `Experts`), and a level is worth what the best of them would be with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.policy.experts import Experts, expert_key
from ltrr_haystack.policy.lattice import best_allocation, best_level
from ltrr_haystack.types import MEMORY, ActionSet, Allocation, Arm

REFUSED_LOSS = 1.0
"""How much less than the worst an allocation is held to be worth that may not be played, in units of reward."""

Values = Sequence[Sequence[float]]
"""For each arm, in order, the value of each of its levels, in units of reward."""

_Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Preference:
    """
    The best allocation with the values of all levels.

    :ivar allocation: Arm → depth; it keeps the bounds.
    :ivar values: The value of each arm's levels; those of one arm can be compared with each other.
    :ivar best: For each arm the place of the level that is drawn most: that of the allocation, and where arms are
        judged one by one, that of the highest value, whatever the budget.
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
    def of_new_query(cls, actions: ActionSet, experts: Experts, worth: _Numbers) -> Self:
        """
        Prefer the best of the compared allocations as it is: memory arms cost without gaining.

        :param actions: What there is to choose from.
        :param experts: The allocations.
        :param worth: What each is worth.
        :returns: The preference; among equals the first. A level with which the best allocation is none of them has the
            least value of all.
        """
        first = int(np.argmax(worth))
        neighbours = _Neighbours(experts, worth, first, float(worth.min()))
        values = [
            [-arm.cost(level) if arm.kind == MEMORY else neighbours.with_level(arm, level) for level in arm.levels]
            for arm in actions.arms
        ]
        return cls(experts.allocations[first], values, experts.places[first].tolist())

    @classmethod
    def bounded(
        cls,
        actions: ActionSet,
        experts: Experts,
        playable: NDArray[np.bool_],
        values: Values,
        *,
        with_memory: bool = False,
    ) -> Self:
        """
        Prefer what is worth most of what may be played, with any memory beside it for which the budget has room.

        This bounds what is preferred. Levels are drawn arm by arm, so that what may not be played is still explored.

        :param actions: What there is to choose from.
        :param experts: The allocations.
        :param playable: Which of them may be played; where none may, the baseline may, or what draws as much.
        :param values: The value of each arm's levels.
        :param with_memory: Whether they may be played only with memory at its deepest; those for which the budget has
            no room beside it may not then.
        :returns: The preference. A level with which the best allocation may not be played is worth `REFUSED_LOSS` less
            than all that were compared.
        """
        if with_memory:
            values = _deepest_memory(actions, values)
        memory = _Memory(actions, experts, values)
        allowed = playable & experts.has_room if with_memory else playable
        allowed = allowed if allowed.any() else experts.stand_in
        worth = np.sum([np.array(row)[places] for row, places in zip(values, experts.places.T, strict=True)], axis=0)
        worth = worth + memory.most
        refused = float(worth.min()) - REFUSED_LOSS
        worth = np.where(allowed, worth, refused)
        first = int(np.argmax(worth))
        neighbours = _Neighbours(experts, worth, first, refused)
        allocation = {**experts.allocations[first], **memory.beside(first)}
        rows = [
            row if arm.kind == MEMORY else [neighbours.with_level(arm, level) for level in arm.levels]
            for arm, row in zip(actions.arms, values, strict=True)
        ]
        return cls(allocation, rows, [arm.levels.index(allocation[arm.name]) for arm in actions.arms])


def _deepest_memory(actions: ActionSet, values: Values) -> Values:
    """The values, with those of all but the deepest level of each memory arm `REFUSED_LOSS` below that."""
    return [
        [*(min(value, row[-1]) - REFUSED_LOSS for value in row[:-1]), row[-1]] if arm.kind == MEMORY else row
        for arm, row in zip(actions.arms, values, strict=True)
    ]


class _Neighbours:
    """What the best allocation would be worth with another level of an arm; `otherwise` where that was not compared."""

    def __init__(self, experts: Experts, worth: _Numbers, first: int, otherwise: float) -> None:
        self._worth_of = dict(zip(experts.keys, worth.tolist(), strict=True))
        self._otherwise = otherwise
        self._searched = experts.searched[first]

    def with_level(self, arm: Arm, level: int) -> float:
        return float(self._worth_of.get(expert_key({**self._searched, arm.name: level}), self._otherwise))


class _Memory:
    """
    The depths of all memory arms together, and what they add to an allocation in which these are at their lowest.

    :ivar most: For each allocation what memory adds at most, as far as the budget has room for it.
    """

    def __init__(self, actions: ActionSet, experts: Experts, values: Values) -> None:
        arms = [(place, arm) for place, arm in enumerate(actions.arms) if arm.kind == MEMORY]
        self._names = [arm.name for _, arm in arms]
        lowest = [int(experts.places[0, place]) for place, _ in arms]
        self._depths = list(product(*(arm.levels[low:] for (_, arm), low in zip(arms, lowest, strict=True))))
        adds = list(product(*(values[place][low:] for (place, _), low in zip(arms, lowest, strict=True))))
        more = np.array([sum(depths) - sum(self._depths[0]) for depths in self._depths])
        added = np.array([sum(each) - sum(adds[0]) for each in adds])
        room = (actions.budget - experts.candidates)[:, None]
        self._adds = np.where(more <= room, added, -np.inf)
        self.most: _Numbers = self._adds.max(axis=1)

    def beside(self, first: int) -> Allocation:
        """The best depths beside one of the allocations; among equals the lowest."""
        return dict(zip(self._names, self._depths[int(np.argmax(self._adds[first]))], strict=True))
