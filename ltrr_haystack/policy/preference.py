"""
What a policy holds to be the best allocation, and what every level of an arm is worth beside it.

Either the arms are judged one by one, and the best allocation is the sum of the best levels within the budget; or
searched arms are judged together, as whole allocations, and memory arms are added to the best of them. A level of a
searched arm is worth then what the best allocation would be with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.policy.experts import Experts, expert_key
from ltrr_haystack.policy.lattice import best_allocation, best_level
from ltrr_haystack.types import ActionSet, Allocation

REFUSED_LOSS = 1.0
"""How much less an allocation is held to be worth that may not be played, in units of reward."""


@dataclass(frozen=True, slots=True)
class Preference:
    """
    The best allocation with the values of all levels.

    :ivar allocation: Arm → depth; it keeps the bounds.
    :ivar values: For each arm, in order, the value of each of its levels, in units of reward.
    :ivar best: For each arm the place of its best level.
    """

    allocation: Allocation
    values: list[list[float]]
    best: list[int]

    @classmethod
    def arm_by_arm(cls, actions: ActionSet, values: list[list[float]]) -> Self:
        """
        Prefer the best level of each arm, as far as the bounds allow.

        :param actions: What there is to choose from.
        :param values: For each arm, in order, the value of each of its levels.
        :returns: The preference.
        """
        best = [
            best_level(arm.levels, actions.baseline.get(arm.name, 0), row)
            for arm, row in zip(actions.arms, values, strict=True)
        ]
        return cls(best_allocation(actions, values), values, best)

    @classmethod
    def of_whole(
        cls,
        actions: ActionSet,
        experts: Experts,
        worth: NDArray[np.float64],
        first: int,
        memory: Mapping[str, Sequence[float]],
    ) -> Self:
        """
        Prefer a whole allocation, and beside it of each memory arm the best level for which the budget has room.

        :param actions: What there is to choose from.
        :param experts: The allocations, memory arms at their lowest level.
        :param worth: What each is worth.
        :param first: Which of them is the best.
        :param memory: Memory arm → the value of each of its levels.
        :returns: The preference. Where an arm's level leads to no allocation that was compared, its value is the least
            of all.
        """
        allocation = dict(experts.allocations[first])
        left = actions.budget - sum(allocation.values())
        worth_of, least = dict(zip(experts.keys, worth.tolist(), strict=True)), float(worth.min())
        values: list[list[float]] = []
        for arm in actions.arms:
            if arm.name in memory:
                row = list(memory[arm.name])
                least_of, most = allocation[arm.name], allocation[arm.name] + left
                fitting = [place for place, level in enumerate(arm.levels) if least_of <= level <= most]
                allocation[arm.name] = arm.levels[max(fitting, key=row.__getitem__)]
                left = most - allocation[arm.name]
            else:
                searched = [{**experts.searched[first], arm.name: level} for level in arm.levels]
                row = [worth_of.get(expert_key(each), least) for each in searched]
            values.append(row)
        best = [arm.levels.index(allocation[arm.name]) for arm in actions.arms]
        return cls(allocation, values, best)


def bounded(
    actions: ActionSet, experts: Experts, playable: NDArray[np.bool_], values: Sequence[Sequence[float]]
) -> Preference:
    """
    Prefer the allocation with the highest sum of values among those that may be played, and memory arms beside it.

    :param actions: What there is to choose from.
    :param experts: The allocations that are compared as a whole.
    :param playable: Which of them may be played; where none may, the baseline is preferred.
    :param values: For each arm, in order, the value of each of its levels.
    :returns: The preference.
    """
    memory = {name: values[actions.names.index(name)] for name in actions.memory_arms}
    columns = [column for column, name in enumerate(actions.names) if name not in memory]
    worth = np.sum([np.array(values[column])[experts.places[:, column]] for column in columns], axis=0)
    allowed = playable if playable.any() else experts.is_baseline
    worth = np.where(allowed, worth, worth.min() - REFUSED_LOSS)
    return Preference.of_whole(actions, experts, worth, int(np.argmax(worth)), memory)
