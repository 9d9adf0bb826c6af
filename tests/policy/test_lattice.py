import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.lattice import Lattice, best_allocation, best_level

levels = st.lists(st.integers(0, 12), min_size=1, max_size=4, unique=True).map(sorted).map(tuple)


def feasible(rows, budget, least):
    return [depths for depths in itertools.product(*rows) if least <= sum(depths) <= budget]


@st.composite
def bounded(draw):
    """Levels, a budget and a lower bound that leave at least one allocation."""
    rows = draw(st.lists(levels, min_size=1, max_size=4))
    budget = sum(row[0] for row in rows) + draw(st.integers(0, 40))
    return tuple(rows), budget, draw(st.integers(0, max(map(sum, feasible(rows, budget, 0)))))


class TestLattice:
    def test_counts_in_units_of_the_common_divisor(self):
        lattice = Lattice(((0, 10, 30), (0, 10, 30)), 45)
        assert lattice.units == 4
        assert lattice.feasible == 8

    @settings(deadline=None)
    @given(bounded(), st.randoms(use_true_random=False))
    def test_sums_and_maxima_are_those_over_all_feasible_allocations(self, bounds, rng):
        rows, budget, least = bounds
        lattice = Lattice(rows, budget, least)
        weights = [[rng.random() for _ in row] for row in rows]
        products, sums = [], []
        for depths in feasible(rows, budget, least):
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
    @given(bounded(), st.integers(0, 1000))
    def test_draws_feasible_allocations_of_some_weight_only(self, bounds, seed):
        rows, budget, least = bounds
        lattice, rng = Lattice(rows, budget, least), random.Random(seed)
        one = rng.choice(feasible(rows, budget, least))
        weights = [
            [1.0 if level == depth else rng.choice([0.0, 1.0]) for level in row]
            for row, depth in zip(rows, one, strict=True)
        ]
        depths = lattice.draw(rng, weights, lattice.table(weights))
        assert least <= sum(depths) <= budget
        places = lattice.places(depths)
        assert places is not None
        assert all(row[place] > 0 for row, place in zip(weights, places, strict=True))

    @settings(deadline=None)
    @given(bounded())
    def test_places_are_known_of_the_feasible_alone(self, bounds):
        rows, budget, least = bounds
        lattice = Lattice(rows, budget, least)
        for depths in itertools.product(*rows):
            assert (lattice.places(depths) is not None) == (least <= sum(depths) <= budget)

    def test_knows_what_is_not_feasible(self):
        lattice = Lattice(((0, 10), (0, 10)), 10)
        assert lattice.places((10, 0)) == [1, 0]
        assert lattice.places((10, 10)) is None
        assert lattice.places((5, 0)) is None

    def test_draws_no_fewer_than_it_must(self):
        """Of nine allocations three draw too little, and (30, 30) draws too much."""
        lattice = Lattice(((0, 10, 30), (0, 10, 30)), 45, 15)
        assert lattice.feasible == 5
        assert lattice.places((10, 0)) is None
        assert lattice.places((10, 10)) == [1, 1]
        assert lattice.total([[1, 2, 3], [1, 5, 7]]) == 2 * 5 + 3 * 1 + 3 * 5 + 1 * 7 + 2 * 7

    def test_a_lower_bound_between_two_steps_takes_the_higher(self):
        assert Lattice(((0, 10, 20),), 20, 11).feasible == 1

    def test_where_too_much_is_demanded_nothing_is_feasible(self):
        assert Lattice(((0, 10), (0, 10)), 20, 21).feasible == 0
        assert Lattice(((0, 10), (0, 10)), 20, 1000).feasible == 0


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

    def test_draws_as_many_as_it_must_where_nothing_pays(self):
        """Of what draws 20 or more, (0, 30) loses least; the arms' best levels alone draw nothing."""
        actions = parse_actions(
            {"a": {"levels": [0, 10, 30]}, "b": {"levels": [0, 10, 30]}}, 40, {"a": 10, "b": 10}, min_candidates=20
        )
        assert best_allocation(actions, [[0, -0.1, -0.4], [0, -0.2, -0.1]]) == {"a": 0, "b": 30}
        assert best_allocation(actions, [[0, -0.1, -0.9], [0, -0.2, -0.9]]) == {"a": 10, "b": 10}

    def test_a_lower_bound_changes_nothing_where_enough_is_wanted(self):
        actions = parse_actions(
            {"a": {"levels": [0, 10, 30]}, "b": {"levels": [0, 10, 30]}}, 40, {"a": 30}, min_candidates=30
        )
        assert best_allocation(actions, [[0, 0.1, 0.4], [0, 0.0, -0.1]]) == {"a": 30, "b": 0}
