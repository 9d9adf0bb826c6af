"""What a router may choose from."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from ltrr_haystack.frozen_value import FrozenValue

Allocation = Mapping[str, int]
"""Arm → depth for one query; 0 means that the arm does not run."""

MEMORY = "memory"
"""Kind of the arms that bring what people chose before."""


@dataclass(frozen=True, slots=True)
class Arm(FrozenValue):
    """
    One named retrieval strategy as the router may use it.

    :param name: The arm's name in the pipeline.
    :param kind: What sort of retrieval it is (`lexical`, `dense`, `sparse`, `structured`, `memory`, `personal` …);
        arms of one kind share what is learned about the kind.
    :param levels: The depths to choose from, ascending. An arm whose levels leave out 0 always runs.
    :param cost_per_call: What running the arm costs, in units of reward.
    :param cost_per_candidate: What each candidate asked for costs, in units of reward.
    """

    name: str
    kind: str
    levels: tuple[int, ...]
    cost_per_call: float = 0.0
    cost_per_candidate: float = 0.0

    def cost(self, depth: int) -> float:
        """
        What the arm costs at a depth.

        :param depth: How many candidates it may draw; 0 costs nothing.
        :returns: The cost in units of reward.
        """
        return self.cost_per_call + depth * self.cost_per_candidate if depth > 0 else 0.0


@dataclass(frozen=True, slots=True)
class ActionSet(FrozenValue):
    """
    What a router may choose from: its arms with their levels, the budget, and what it would do without a model.

    :param arms: The arms, in the order of the configuration.
    :param budget: Most candidates that one query may draw, over all arms.
    :param baseline: The allocation of the pipeline as it is without learning. A depth of 0 is allowed here even for
        an arm that otherwise always runs.
    :param min_candidates: Fewest candidates that one query draws, over all arms.
    """

    arms: tuple[Arm, ...]
    budget: int
    baseline: Allocation
    min_candidates: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The arms' names, in order."""
        return tuple(arm.name for arm in self.arms)

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that change whenever arms, levels, costs, bounds or baseline do."""
        return blake2b(self.to_json().encode(), digest_size=6).hexdigest()

    @property
    def memory_arms(self) -> tuple[str, ...]:
        """The arms that bring what people chose before, in order."""
        return tuple([arm.name for arm in self.arms if arm.kind == MEMORY])

    @property
    def baseline_with_memory(self) -> Allocation:
        """
        The baseline, and memory arms as deep as the budget lets them draw beside it.

        It shows what memory adds to the pipeline as it is without learning.
        """
        allocation = {name: self.baseline.get(name, 0) for name in self.names}
        left = self.budget - sum(allocation.values())
        for arm in self.arms:
            if arm.kind == MEMORY and allocation[arm.name] == 0:
                allocation[arm.name] = max((level for level in arm.levels if level <= left), default=0)
                left -= allocation[arm.name]
        return allocation

    def without_memory(self, allocation: Allocation) -> Allocation:
        """
        Give what an allocation searches for a query that nobody searched before.

        :param allocation: Arm → depth; arms that are not named do not run.
        :returns: Arm → depth for every arm, memory arms at 0.
        """
        memories = self.memory_arms
        return {name: 0 if name in memories else allocation.get(name, 0) for name in self.names}

    def cost(self, allocation: Allocation) -> float:
        """
        What an allocation costs.

        :param allocation: Arm → depth; arms that are not named do not run.
        :returns: The cost in units of reward.
        """
        return sum(arm.cost(allocation.get(arm.name, 0)) for arm in self.arms)
