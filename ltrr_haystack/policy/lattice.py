"""
Sums, draws and maxima over all allocations that keep the bounds, without visiting them one by one.

Of n arms with L levels each there are up to Lⁿ allocations. Sums over those that keep the budget, and draw no fewer
candidates than they must, are found by dynamic programming over what is left of the budget, arm by arm from the last to
the first:

    S_a(r) = Σ_l p_a(l) · S_{a+1}(r − depth of l),  S after the last arm = 1[enough is drawn]

so that S of the first arm at the full budget is the sum over all feasible allocations of the product of their weights,
and drawing arm by arm with weight p_a(l) · S_{a+1}(what is left) is an exact sample: backward filtering and forward
sampling of a chain (Murphy 2012, Machine Learning: A Probabilistic Perspective, 17.4.5).
"""

import math
import random
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.types import ActionSet, Allocation

Weights = Sequence[Sequence[float]]
"""For each arm, in order, a number for each of its levels."""

Table = list[list[float]]
"""S for each arm and each rest of the budget, and the ones after the last arm."""


class Lattice:
    """
    The feasible allocations: one level for each arm, their sum within the bounds.

    :ivar levels: For each arm its depths, ascending.
    :ivar units: The budget in units of the greatest common divisor of all depths.
    :ivar uniform: The table of counts; `uniform[0][units]` is the number of feasible allocations.
    """

    def __init__(self, levels: tuple[tuple[int, ...], ...], budget: int, least: int = 0) -> None:
        """
        Prepare the recursion for some levels within bounds.

        :param levels: For each arm its depths, ascending.
        :param budget: Most candidates over all arms.
        :param least: Fewest candidates over all arms.
        """
        unit = math.gcd(*(level for row in levels for level in row)) or 1
        self.levels = levels
        self.units = min(budget, sum(row[-1] for row in levels)) // unit
        self._least = -(-least // unit)
        self.steps = tuple(tuple(level // unit for level in row) for row in levels)
        self.ones: Weights = [(1.0,) * len(row) for row in levels]
        self._gather = [self._gathering(row) for row in self.steps]
        self._places = [{level: place for place, level in enumerate(row)} for row in levels]
        self.uniform = self.table(self.ones)

    @property
    def feasible(self) -> float:
        """How many feasible allocations there are."""
        return self.uniform[0][self.units]

    def table(self, weights: Weights) -> Table:
        """
        Run the recursion.

        :param weights: p of the recursion.
        :returns: S of the recursion.
        """
        sums = self._at_the_end(1.0, 0.0)
        table: Table = [sums.tolist()]
        for row, gather in zip(reversed(weights), reversed(self._gather), strict=True):
            sums = np.array(row).dot(sums.take(gather))
            table.append(sums.tolist())
        table.reverse()
        return table

    def tables(self, weights: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
        """
        Run the recursion for many queries at once.

        :param weights: For each arm, in order, one row for each query with a number for each of the arm's levels.
        :returns: S for each arm and the ones after the last arm, one row for each query.
        """
        size = len(weights[0])
        sums = np.tile(self._at_the_end(1.0, 0.0), (size, 1))
        tables = [sums]
        for rows, gather in zip(reversed(weights), reversed(self._gather), strict=True):
            sums = np.zeros_like(sums)
            for column, places in zip(rows.T, gather, strict=True):
                sums += column[:, None] * tables[-1][:, places]
            tables.append(sums)
        tables.reverse()
        return tables

    def total(self, weights: Weights) -> float:
        """
        Sum the products of weights over all feasible allocations.

        :param weights: For each arm the weight of each of its levels.
        :returns: The sum.
        """
        return self.table(weights)[0][self.units]

    def draw(self, rng: random.Random, weights: Weights, table: Table) -> list[int]:
        """
        Draw a feasible allocation in proportion to the product of its weights.

        :param rng: The source of randomness.
        :param weights: For each arm the weight of each of its levels.
        :param table: What `table(weights)` gave.
        :returns: The depths, in the order of the arms.
        """
        rest = self.units
        depths = []
        for row, sums, steps, levels in zip(weights, table[1:], self.steps, self.levels, strict=True):
            shares = [p * sums[rest - step] if step <= rest else 0.0 for p, step in zip(row, steps, strict=True)]
            left = rng.random() * sum(shares)
            place = 0
            for at, share in enumerate(shares):
                if share > 0:
                    place = at
                    left -= share
                    if left < 0:
                        break
            depths.append(levels[place])
            rest -= steps[place]
        return depths

    def best(self, values: Weights, orders: Sequence[Sequence[int]]) -> list[int]:
        """
        Find the feasible allocation with the highest sum of values: the same recursion, max in place of the sum.

        :param values: For each arm the value of each of its levels.
        :param orders: For each arm its levels' places in order of preference among equals.
        :returns: The depths, in the order of the arms.
        """
        sums = self._at_the_end(0.0, -np.inf)
        choices: list[list[int]] = []
        for row, order, gather in zip(reversed(values), reversed(orders), reversed(self._gather), strict=True):
            places = np.array(order)
            options = np.array(row)[places, None] + sums.take(gather[places])
            sums = options.max(axis=0)
            choices.append(places[options.argmax(axis=0)].tolist())
        rest = self.units
        depths = []
        for chosen, steps, levels in zip(reversed(choices), self.steps, self.levels, strict=True):
            depths.append(levels[chosen[rest]])
            rest -= steps[chosen[rest]]
        return depths

    def places(self, depths: Sequence[int]) -> list[int] | None:
        """
        Find an allocation among the feasible ones.

        :param depths: The depths, in the order of the arms.
        :returns: The place of each depth among its arm's levels; `None` if the allocation is not feasible.
        """
        places = [row.get(depth, -1) for row, depth in zip(self._places, depths, strict=True)]
        spent = sum([steps[place] for steps, place in zip(self.steps, places, strict=True)])
        return places if -1 not in places and self._least <= spent <= self.units else None

    def _at_the_end(self, feasible: float, infeasible: float) -> NDArray[np.float64]:
        """What each rest of the budget is worth after the last arm; the last cell stands for an overdrawn one."""
        ends = np.full(self.units + 2, infeasible)
        ends[: max(0, self.units - self._least + 1)] = feasible
        return ends

    def _gathering(self, steps: tuple[int, ...]) -> NDArray[np.intp]:
        """For each level and each rest of the budget, where to read on; the last cell stands for an overdrawn one."""
        nowhere = self.units + 1
        rest = np.arange(self.units + 2)
        after = rest[None, :] - np.array(steps)[:, None]
        return np.where((after < 0) | (rest == nowhere), nowhere, after).astype(np.intp)


def lattice_of(actions: ActionSet) -> Lattice:
    """
    The feasible allocations of an action set.

    :param actions: What there is to choose from.
    :returns: The lattice, prepared once for all action sets of the same levels and bounds.
    """
    return _lattice(tuple([arm.levels for arm in actions.arms]), actions.budget, actions.min_candidates)


def best_allocation(actions: ActionSet, values: Weights) -> Allocation:
    """
    Find the feasible allocation with the highest sum of values.

    :param actions: What there is to choose from.
    :param values: For each arm, in order, the value of each of its levels.
    :returns: The best allocation. Among equals an arm keeps the baseline's depth, else the lowest.
    """
    lattice = lattice_of(actions)
    orders = [_preference(arm.levels, actions.baseline.get(arm.name, 0)) for arm in actions.arms]
    freely = [max(order, key=row.__getitem__) for order, row in zip(orders, values, strict=True)]
    depths = [levels[place] for levels, place in zip(lattice.levels, freely, strict=True)]
    if not actions.min_candidates <= sum(depths) <= actions.budget:
        depths = lattice.best(values, orders)
    return dict(zip(actions.names, depths, strict=True))


def best_level(levels: tuple[int, ...], baseline: int, values: Sequence[float]) -> int:
    """
    Find an arm's best level, budget aside.

    :param levels: The arm's levels.
    :param baseline: The baseline's depth of the arm.
    :param values: The value of each level.
    :returns: Its place among the levels; among equals the baseline's depth, else the lowest.
    """
    return max(_preference(levels, baseline), key=values.__getitem__)


@lru_cache(maxsize=1024)
def _preference(levels: tuple[int, ...], baseline: int) -> tuple[int, ...]:
    return tuple(sorted(range(len(levels)), key=lambda place: (levels[place] != baseline, place)))


@lru_cache(maxsize=128)
def _lattice(levels: tuple[tuple[int, ...], ...], budget: int, least: int) -> Lattice:
    return Lattice(levels, budget, least)
