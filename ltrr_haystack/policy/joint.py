"""The joint distribution over allocations: exact probabilities and exact sampling within the bounds."""

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.policy.lattice import Table, best_allocation, lattice_of
from ltrr_haystack.types import ActionSet, Allocation, Decision

_ROUNDING = 1e-9


class JointDistribution:
    """
    The probability of every allocation that a policy may play for one query.

    π(x) = α·1[x = b] + δ·1[x = b+m] + (1−α−δ)·{ ε·Uniform(feasible)(x) + (1−ε)·Π_a p_a(x_a)·1[x feasible]/Z }

    b is the baseline, b+m the baseline with memory added: memory is no part of the baseline, and what it adds to it has
    to be seen before a policy can be shown to be right to use it.

    Feasible are the allocations that take one of its levels for each arm and keep the bounds.

    ### Usage example

    ```python
    import random
    from ltrr_haystack.policy.actions import parse_actions
    from ltrr_haystack.policy.joint import JointDistribution

    actions = parse_actions({"bm25": {"levels": [0, 10]}, "dense": {"levels": [0, 10]}}, 10, {"bm25": 10})
    joint = JointDistribution(actions, {"bm25": (0.5, 0.5), "dense": (0.8, 0.2)}, baseline_share=0.1, floor=0.03)
    allocation = joint.sample(random.Random(7))
    propensity = joint.probability(allocation)
    ```

    :ivar actions: What there is to choose from.
    :ivar marginals: Arm → probability of each of its levels before bounds, floor and baseline share are applied.
    :ivar baseline_share: α, the probability with which the baseline is played outright.
    :ivar memory_share: δ, the probability with which the baseline is played with memory added to it.
    :ivar floor: ε, the share of the rest that is spread evenly over all feasible allocations.
    :ivar held_back: Whether the policy is held back for this query by its safe start.
    """

    def __init__(
        self,
        actions: ActionSet,
        marginals: Mapping[str, tuple[float, ...]],
        baseline_share: float,
        floor: float,
        preferred: Allocation | None = None,
        *,
        memory_share: float = 0.0,
        held_back: bool = False,
    ) -> None:
        """
        Make the distribution.

        :param actions: What there is to choose from.
        :param marginals: Arm → probability of each of its levels, in their order. May be empty where the baseline
            share or the floor leaves nothing to them.
        :param baseline_share: α, 0 to 1.
        :param floor: ε, 0 to 1.
        :param preferred: What the policy holds to be best; by default the likeliest feasible allocation.
        :param memory_share: δ, 0 to 1 - α.
        :param held_back: Whether the policy is held back for this query by its safe start.
        :raises ConfigurationError: If shares or marginals do not fit, or leave no feasible allocation.
        """
        if not (0 <= baseline_share <= 1 and 0 <= floor <= 1):
            raise ConfigurationError(f"baseline_share and floor must be 0 to 1, got {baseline_share} and {floor}")
        if not 0 <= memory_share <= 1 - baseline_share + _ROUNDING:
            raise ConfigurationError(
                f"memory_share must be 0 to what baseline_share {baseline_share} leaves, got {memory_share}"
            )
        self.actions = actions
        self.marginals = marginals
        self.baseline_share = baseline_share
        self.memory_share = memory_share
        self.floor = floor
        self.held_back = held_back
        self._preferred = preferred
        self._lattice = lattice_of(actions)
        self._baseline = self._depths(actions.baseline)
        self._with_memory = self._depths(actions.baseline_with_memory)
        left = max(0.0, 1 - baseline_share - memory_share)
        self._uniform_share = left * floor
        self._weighted_share = left * (1 - floor)
        self._weights = self._checked_weights() if self._weighted_share > 0 else []
        self._table: Table = self._lattice.table(self._weights) if self._weights else []
        if self._weights and not self._table[0][self._lattice.units] > 0:
            raise ConfigurationError(
                f"the marginals leave no allocation of {actions.min_candidates} to {actions.budget} candidates a "
                "probability; give each arm's levels probabilities above 0"
            )

    @classmethod
    def of(cls, decision: Decision) -> "JointDistribution":
        """
        Rebuild the distribution from which a logged decision was drawn.

        :param decision: The decision; in every mode but `live` the baseline was certain.
        :returns: The distribution: `probability(decision.allocation)` is the logged propensity.
        """
        live = decision.mode == "live"
        return cls(
            decision.actions,
            decision.marginals,
            decision.baseline_share if live else 1.0,
            decision.floor,
            decision.preferred or None,
            memory_share=decision.memory_share if live else 0.0,
        )

    @property
    def feasible(self) -> int:
        """How many feasible allocations there are."""
        return int(self._lattice.feasible)

    @property
    def preferred(self) -> Allocation:
        """What the policy holds to be best."""
        if self._preferred is None:
            self._preferred = self._likeliest() if self._weights else dict(self.actions.baseline)
        return self._preferred

    def sample(self, rng: random.Random) -> Allocation:
        """
        Draw an allocation.

        :param rng: The source of randomness; equal states give equal allocations.
        :returns: Arm → depth, arms that do not run included with 0.
        """
        drawn = rng.random()
        if drawn < self.baseline_share:
            depths: Sequence[int] = self._baseline
        elif drawn < self.baseline_share + self.memory_share:
            depths = self._with_memory
        elif not self._weights or drawn < self.baseline_share + self.memory_share + self._uniform_share:
            depths = self._lattice.draw(rng, self._lattice.ones, self._lattice.uniform)
        else:
            depths = self._lattice.draw(rng, self._weights, self._table)
        return dict(zip(self.actions.names, depths, strict=True))

    def probability(self, allocation: Allocation) -> float:
        """
        Say how likely an allocation is.

        :param allocation: Arm → depth; arms that are left out do not run.
        :returns: Its probability; 0 if it cannot be played.
        """
        depths = self._depths(allocation)
        probability = sum([share for point, share in self._points if depths == point])
        places = self._lattice.places(depths)
        if places is None:
            return probability
        probability += self._uniform_share / self._lattice.feasible
        if self._weights:
            weight = math.prod([row[place] for row, place in zip(self._weights, places, strict=True)])
            probability += self._weighted_share * weight / self._table[0][self._lattice.units]
        return probability

    def at_least(self, allocation: Allocation) -> float:
        """
        Say how likely it is that every arm draws at least as deep as in an allocation.

        What a page would have been under that allocation is then known from the page as it was.

        :param allocation: Arm → depth; arms that are left out do not run.
        :returns: P(X ≥ allocation in every arm).
        """
        depths = self._depths(allocation)
        outright = sum([share for point, share in self._points if _covers(point, depths)])
        return outright + self._drawn_at_least(allocation)

    def of_levels(self, arm: str) -> tuple[float, ...]:
        """
        Say how likely an arm draws to each of its levels, whichever way the allocation comes about.

        :param arm: The arm's name.
        :returns: A probability for each of its levels, in their order. They sum up to 1, unless the baseline, as it is
            or with memory added, draws to another depth.
        """
        place = self.actions.names.index(arm)
        levels = self.actions.arms[place].levels
        outright = [sum([share for point, share in self._points if point[place] == level]) for level in levels]
        reached = [*[self._drawn_at_least({arm: level}) for level in levels], 0.0]
        return tuple([one + here - more for one, here, more in zip(outright, reached, reached[1:], strict=False)])

    def enumerate(self) -> Iterator[tuple[Allocation, float]]:
        """
        Go through every allocation that can be played. Their number grows exponentially with the arms.

        :returns: Pairs of allocation and probability; the probabilities sum up to 1.
        """
        names = self.actions.names
        for point in dict.fromkeys(point for point, _ in self._points):
            if self._lattice.places(point) is None:
                allocation = dict(zip(names, point, strict=True))
                yield allocation, self.probability(allocation)
        for depths in product(*self._lattice.levels):
            if self._lattice.places(depths) is not None:
                allocation = dict(zip(names, depths, strict=True))
                yield allocation, self.probability(allocation)

    def __repr__(self) -> str:
        return (
            f"JointDistribution(preferred={dict(self.preferred)}, baseline_share={self.baseline_share}, "
            f"memory_share={self.memory_share}, floor={self.floor}, feasible={self.feasible})"
        )

    @property
    def _points(self) -> tuple[tuple[tuple[int, ...], float], ...]:
        """The two allocations that are played outright, with their probabilities."""
        return (self._baseline, self.baseline_share), (self._with_memory, self.memory_share)

    def _depths(self, allocation: Allocation) -> tuple[int, ...]:
        return tuple([allocation.get(arm.name, 0) for arm in self.actions.arms])

    def _drawn_at_least(self, allocation: Allocation) -> float:
        """The part of `at_least` that is not played outright."""
        depths, probability = self._depths(allocation), 0.0
        if self._uniform_share > 0:
            enough = self._at_least(self._lattice.ones, depths)
            probability += self._uniform_share * self._lattice.total(enough) / self._lattice.feasible
        if self._weights:
            enough = self._at_least(self._weights, depths)
            probability += self._weighted_share * self._lattice.total(enough) / self._table[0][self._lattice.units]
        return probability

    def _at_least(self, weights: Sequence[Sequence[float]], depths: Sequence[int]) -> list[list[float]]:
        return [
            [weight if level >= depth else 0.0 for weight, level in zip(row, levels, strict=True)]
            for row, levels, depth in zip(weights, self._lattice.levels, depths, strict=True)
        ]

    def _checked_weights(self) -> list[tuple[float, ...]]:
        weights = [self.marginals.get(arm.name, ()) for arm in self.actions.arms]
        for arm, row in zip(self.actions.arms, weights, strict=True):
            if len(row) != len(arm.levels):
                raise ConfigurationError(
                    f"marginals of arm '{arm.name}' must have one probability for each of its levels {arm.levels}, "
                    f"got {row}"
                )
        return weights

    def _likeliest(self) -> Allocation:
        return best_allocation(
            self.actions, [[math.log(p) if p > 0 else -math.inf for p in row] for row in self._weights]
        )


def _covers(depths: Sequence[int], others: Sequence[int]) -> bool:
    return all(ours >= theirs for ours, theirs in zip(depths, others, strict=True))
