from collections import defaultdict
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factories import decision
from ltrr_haystack.evaluation.interchange import level_probabilities
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.types import ActionSet, Arm


def test_budget_floor_and_baseline_share_are_in_it(log):
    """
    Feasible under a budget of 10 are (0, 0), (10, 0) and (0, 10), of weights .4, .4 and .1.

    P(bm25 = 10) = .1 + .9 · (.3 · 1/3 + .7 · .4/.9); P(dense = 10) = .9 · (.3 · 1/3 + .7 · .1/.9).
    """
    likely = level_probabilities(log.decision())
    assert likely["bm25"] == pytest.approx({0: 0.53, 10: 0.47})
    assert likely["dense"] == pytest.approx({0: 0.84, 10: 0.16})


def test_the_lower_bound_is_in_it(log):
    """
    Of the above (0, 0) draws too little: (10, 0) and (0, 10) are left, of weights .4 and .1.

    P(bm25 = 10) = .1 + .9 · (.3 · 1/2 + .7 · .4/.5); P(dense = 10) = .9 · (.3 · 1/2 + .7 · .1/.5).
    """
    decision = log.decision()
    likely = level_probabilities(replace(decision, actions=replace(decision.actions, min_candidates=10)))
    assert likely["bm25"] == pytest.approx({0: 0.261, 10: 0.739})
    assert likely["dense"] == pytest.approx({0: 0.739, 10: 0.261})


@pytest.mark.parametrize("mode", ["baseline", "apprentice"])
def test_the_baseline_is_certain_where_the_policy_does_not_decide(log, mode):
    likely = level_probabilities(log.decision(mode=mode, marginals={}))
    assert likely == {"bm25": {0: 0.0, 10: 1.0}, "dense": {0: 1.0, 10: 0.0}}


def test_a_baseline_may_rest_an_arm_that_otherwise_always_runs(log):
    actions = ActionSet((Arm("bm25", "lexical", (0, 10)), Arm("memory", "memory", (10,))), 20, {"bm25": 10})
    decision = log.decision(actions=actions, marginals={"bm25": (0.5, 0.5), "memory": (1.0,)}, floor=0.0)
    assert level_probabilities(decision)["memory"] == pytest.approx({0: 0.1, 10: 0.9})


@st.composite
def decisions(draw):
    steps = draw(st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=4, unique=True), min_size=1, max_size=4))
    arms = tuple(Arm(f"a{number}", "k", tuple(sorted(5 * step for step in row))) for number, row in enumerate(steps))
    least = sum(arm.levels[0] for arm in arms)
    budget = draw(st.integers(least, least + 60).filter(bool))
    totals = {sum(depths) for depths in product(*(arm.levels for arm in arms))}
    least_drawn = draw(st.sampled_from(sorted({0, *(total for total in totals if total <= budget)})))
    weights = {
        arm.name: draw(st.lists(st.floats(0.01, 1), min_size=len(arm.levels), max_size=len(arm.levels))) for arm in arms
    }
    return decision(
        actions=ActionSet(arms, budget, {arm.name: arm.levels[0] for arm in arms}, least_drawn),
        allocation={},
        marginals={arm: tuple(weight / sum(row) for weight in row) for arm, row in weights.items()},
        baseline_share=draw(st.sampled_from([0.0, 0.05, 0.9, 1.0])),
        floor=draw(st.sampled_from([0.0, 0.005, 1.0])),
    )


@given(decisions())
@settings(max_examples=60, deadline=None)
def test_they_are_the_marginals_of_the_logged_distribution(decision):
    expected = defaultdict(lambda: defaultdict(float))
    for allocation, probability in JointDistribution.of(decision).enumerate():
        for arm, depth in allocation.items():
            expected[arm][depth] += probability
    likely = level_probabilities(decision)
    for arm in decision.actions.arms:
        assert sum(likely[arm.name].values()) == pytest.approx(1)
        for depth, probability in likely[arm.name].items():
            assert probability == pytest.approx(expected[arm.name][depth], abs=1e-12)
