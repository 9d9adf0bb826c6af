import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.lattice import Lattice, best_allocation, best_level

levels = st.lists(st.integers(0, 12), min_size=1, max_size=4, unique=True).map(sorted).map(tuple)
lattices = st.lists(levels, min_size=1, max_size=4).flatmap(
    lambda rows: st.builds(Lattice, st.just(tuple(rows)), st.integers(sum(row[0] for row in rows), 60))
)


def feasible(rows, budget):
    return [depths for depths in itertools.product(*rows) if sum(depths) <= budget]


class TestLattice:
    def test_counts_in_units_of_the_common_divisor(self):
        lattice = Lattice(((0, 10, 30), (0, 10, 30)), 45)
        assert lattice.units == 4
        assert lattice.feasible == 8

    @settings(deadline=None)
    @given(st.lists(levels, min_size=1, max_size=4), st.integers(0, 40), st.randoms(use_true_random=False))
    def test_sums_and_maxima_are_those_over_all_feasible_allocations(self, rows, spare, rng):
        budget = sum(row[0] for row in rows) + spare
        lattice = Lattice(tuple(rows), budget)
        weights = [[rng.random() for _ in row] for row in rows]
        products, sums = [], []
        for depths in feasible(rows, budget):
            places = lattice.places(depths)
            product = 1.0
            for row, place in zip(weights, places, strict=True):
                product *= row[place]
            products.append(product)
            sums.append(sum(row[place] for row, place in zip(weights, places, strict=True)))
        assert lattice.feasible == len(products)
        assert lattice.total(weights) == pytest.approx(sum(products))
        best = lattice.places(lattice.best(weights, [range(len(row)) for row in rows]))
        assert sum(row[place] for row, place in zip(weights, best, strict=True)) == pytest.approx(max(sums))

    @settings(deadline=None)
    @given(lattices, st.integers(0, 1000))
    def test_draws_feasible_allocations_of_some_weight_only(self, lattice, seed):
        rng = random.Random(seed)
        weights = [[1.0, *(rng.choice([0.0, 1.0]) for _ in row[1:])] for row in lattice.levels]
        places = lattice.places(lattice.draw(rng, weights, lattice.table(weights)))
        assert places is not None
        assert all(row[place] > 0 for row, place in zip(weights, places, strict=True))

    def test_knows_what_is_not_feasible(self):
        lattice = Lattice(((0, 10), (0, 10)), 10)
        assert lattice.places((10, 0)) == [1, 0]
        assert lattice.places((10, 10)) is None
        assert lattice.places((5, 0)) is None


class TestBestAllocation:
    ACTIONS = parse_actions({"a": {"levels": [0, 10, 30]}, "b": {"levels": [0, 10, 30]}}, 40, {"a": 10, "b": 10})

    def test_takes_each_arms_best_level_where_the_budget_allows_it(self):
        assert best_allocation(self.ACTIONS, [[0, 0.1, 0.4], [0, 0.2, 0.1]]) == {"a": 30, "b": 10}

    def test_gives_up_least_where_it_does_not(self):
        assert best_allocation(self.ACTIONS, [[0, 0.1, 0.4], [0, 0.2, 0.3]]) == {"a": 30, "b": 10}
        assert best_allocation(self.ACTIONS, [[0, 0.3, 0.4], [0, 0.2, 0.9]]) == {"a": 10, "b": 30}

    def test_keeps_the_baseline_among_equals(self):
        assert best_allocation(self.ACTIONS, [[0, 0, 0], [0, 0, 0]]) == {"a": 10, "b": 10}
        assert best_level((0, 10, 30), 20, [0.1, 0.0, 0.1]) == 0
