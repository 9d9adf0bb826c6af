"""What holds of one distribution holds of it among many."""

import random
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltrr_haystack.evaluation.joints import Joints, depths_of
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.types import ActionSet, Arm

ACTIONS = parse_actions(
    {"bm25": {"levels": [0, 10]}, "dense": {"levels": [0, 10]}}, budget=10, baseline={"bm25": 10, "dense": 0}
)


def test_by_hand():
    """
    Feasible under a budget of 10 are (0, 0), (10, 0) and (0, 10). Of the first decision their weights are .4, .4 and
    .1, of the second all are alike, and of the third the baseline is certain.
    """
    marginals = {"bm25": (0.5, 0.5), "dense": (0.8, 0.2)}
    joints = Joints(
        [
            JointDistribution(ACTIONS, marginals, 0.1, 0.0),
            JointDistribution(ACTIONS, {}, 0.0, 1.0),
            JointDistribution(ACTIONS, {}, 1.0, 0.0),
        ]
    )
    only_bm25 = depths_of([{"bm25": 10}] * 3, ACTIONS)
    assert joints.probability(only_bm25) == pytest.approx([0.1 + 0.9 * 0.4 / 0.9, 1 / 3, 1.0])
    assert joints.at_least(depths_of([{}] * 3, ACTIONS)) == pytest.approx([1.0, 1.0, 1.0])
    assert joints.at_least(depths_of([{"dense": 3}] * 3, ACTIONS)) == pytest.approx([0.9 * 0.1 / 0.9, 1 / 3, 0.0])
    assert joints.levels["dense"][10] == pytest.approx([0.9 * 0.1 / 0.9, 1 / 3, 0.0])


def test_each_decision_is_asked_about_its_own_allocation():
    joints = Joints([JointDistribution(ACTIONS, {}, 0.0, 1.0)] * 2)
    depths = depths_of([{"bm25": 10}, {"bm25": 10, "dense": 10}], ACTIONS)
    assert joints.probability(depths) == pytest.approx([1 / 3, 0])


def test_allocations_as_numbers():
    assert depths_of([{"dense": 5}, {"bm25": 10, "other": 3}], ACTIONS).tolist() == [[0, 5], [10, 0]]
    assert depths_of([], ACTIONS).shape == (0, 2)


@st.composite
def many(draw):
    """Some distributions over the same random arms, levels and bounds."""
    steps = draw(st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=4, unique=True), min_size=1, max_size=4))
    arms = tuple(Arm(f"a{number}", "k", tuple(sorted(5 * step for step in row))) for number, row in enumerate(steps))
    least = sum(arm.levels[0] for arm in arms)
    budget = draw(st.integers(least, least + 60).filter(bool))
    totals = {sum(depths) for depths in product(*(arm.levels for arm in arms))}
    fewest = draw(st.sampled_from(sorted({0, *(total for total in totals if total <= budget)})))
    actions = ActionSet(arms, budget, {arm.name: draw(st.sampled_from((0, *arm.levels))) for arm in arms}, fewest)
    rng = random.Random(draw(st.integers(0, 1000)))

    def joint():
        rows = {arm.name: [rng.uniform(0.01, 1) for _ in arm.levels] for arm in arms}
        marginals = {arm: tuple(weight / sum(row) for weight in row) for arm, row in rows.items()}
        share, floor = rng.choice([0.0, 0.05, 0.9, 1.0]), rng.choice([0.0, 0.005, 1.0])
        return JointDistribution(actions, marginals, share, floor)

    return actions, [joint() for _ in range(draw(st.integers(1, 4)))], rng


@given(many())
@settings(max_examples=60, deadline=None)
def test_they_say_what_each_says(made):
    actions, alone, rng = made
    joints = Joints(alone)
    allocations = [{arm.name: rng.choice((0, 3, *arm.levels)) for arm in actions.arms} for _ in alone]
    depths = depths_of(allocations, actions)
    pairs = list(zip(alone, allocations, strict=True))
    assert joints.probability(depths) == pytest.approx([one.probability(each) for one, each in pairs], abs=1e-12)
    assert joints.at_least(depths) == pytest.approx([one.at_least(each) for one, each in pairs], abs=1e-12)
    for arm, by_depth in joints.levels.items():
        assert sum(by_depth.values()) == pytest.approx(np.ones(len(alone)))
        of_levels = dict(zip(actions.arms[actions.names.index(arm)].levels, alone[0].of_levels(arm), strict=True))
        assert of_levels == pytest.approx({level: by_depth[level][0] for level in of_levels}, abs=1e-12)
        for depth, chances in by_depth.items():
            exactly = [
                sum(chance for allocation, chance in one.enumerate() if allocation[arm] == depth) for one in alone
            ]
            assert chances == pytest.approx(exactly, abs=1e-12)
