import itertools
import math
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factories import decision, drawn
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.types import ActionSet, Arm, Decision

TWO = parse_actions({"a": {"levels": [0, 10]}, "b": {"levels": [0, 10]}}, 10, {"a": 10})


@pytest.fixture
def joint():
    return JointDistribution(TWO, {"a": (0.5, 0.5), "b": (0.8, 0.2)}, baseline_share=0.1, floor=0.03)


@st.composite
def joints(draw):
    rows = draw(
        st.lists(
            st.lists(st.sampled_from([0, 5, 10, 20, 30]), min_size=1, max_size=4, unique=True).map(sorted),
            min_size=1,
            max_size=4,
        )
    )
    kinds = draw(st.lists(st.sampled_from(["k", "memory"]), min_size=len(rows), max_size=len(rows)))
    arms = tuple(Arm(f"arm{i}", kind, tuple(row)) for i, (kind, row) in enumerate(zip(kinds, rows, strict=True)))
    budget = sum(row[0] for row in rows) + draw(st.integers(0, 60))
    baseline = {arm.name: draw(st.sampled_from((arm.levels[0], 0))) for arm in arms}
    share = st.sampled_from([0.0, 0.05, 0.9])
    most = max(total for depths in itertools.product(*rows) if (total := sum(depths)) <= budget)
    least = draw(st.integers(0, most))
    marginals = {}
    for arm in arms:
        weights = draw(st.lists(st.floats(1e-6, 1), min_size=len(arm.levels), max_size=len(arm.levels)))
        marginals[arm.name] = tuple(weight / sum(weights) for weight in weights)
    actions, baseline_share, floor = ActionSet(arms, budget, baseline, least), draw(share), draw(share)
    part = draw(st.sampled_from([0.0, 0.3, 1.0]))
    return JointDistribution(actions, marginals, baseline_share, floor, memory_share=part * (1 - baseline_share))


def feasible(actions):
    """All that keeps the bounds, one by one."""
    for depths in itertools.product(*(arm.levels for arm in actions.arms)):
        if actions.min_candidates <= sum(depths) <= actions.budget:
            yield dict(zip(actions.names, depths, strict=True))


class TestJointDistribution:
    """Feasible are (0, 0), (10, 0), (0, 10), their products of marginals .4, .4, .1, so Z = .9."""

    def test_probabilities_worked_by_hand(self, joint):
        assert joint.probability({"a": 0, "b": 0}) == pytest.approx(0.9 * (0.03 / 3 + 0.97 * 0.4 / 0.9))  # .397
        assert joint.probability({"a": 10, "b": 0}) == pytest.approx(0.497)
        assert joint.probability({"a": 0, "b": 10}) == pytest.approx(0.106)

    def test_what_cannot_be_played_has_no_probability(self, joint):
        assert joint.probability({"a": 10, "b": 10}) == 0
        assert joint.probability({"a": 5, "b": 0}) == 0

    def test_arms_that_are_left_out_do_not_run(self, joint):
        assert joint.probability({"a": 10}) == joint.probability({"a": 10, "b": 0})

    def test_at_least_worked_by_hand(self, joint):
        assert joint.at_least({}) == pytest.approx(1)
        assert joint.at_least({"a": 10}) == pytest.approx(0.497)
        assert joint.at_least({"b": 10}) == pytest.approx(0.106)
        assert joint.at_least({"a": 5}) == pytest.approx(0.497)
        assert joint.at_least({"a": 10, "b": 10}) == 0

    def test_draws_at_least_so_many_worked_by_hand(self):
        """Without (0, 0) the products .4 of (10, 0) and .1 of (0, 10) are left."""
        actions = parse_actions({"a": {"levels": [0, 10]}, "b": {"levels": [0, 10]}}, 10, {"a": 10}, min_candidates=10)
        joint = JointDistribution(actions, {"a": (0.5, 0.5), "b": (0.8, 0.2)}, baseline_share=0.1, floor=0.03)
        assert joint.feasible == 2
        assert joint.probability({"a": 0, "b": 0}) == 0
        assert joint.probability({"a": 10, "b": 0}) == pytest.approx(0.1 + 0.9 * (0.03 / 2 + 0.97 * 0.8))
        assert joint.probability({"a": 0, "b": 10}) == pytest.approx(0.9 * (0.03 / 2 + 0.97 * 0.2))
        assert joint.at_least({}) == pytest.approx(1)
        assert [allocation for allocation, _ in joint.enumerate()] == [{"a": 0, "b": 10}, {"a": 10, "b": 0}]

    def test_prefers_the_likeliest_unless_told(self, joint):
        assert joint.preferred == {"a": 10, "b": 0}
        told = JointDistribution(TWO, joint.marginals, 0.1, 0.03, {"a": 0, "b": 10})
        assert told.preferred == {"a": 0, "b": 10}

    def test_counts_what_is_feasible(self, joint):
        assert joint.feasible == 3

    def test_a_baseline_that_rests_an_arm_that_always_runs_is_played_for_its_share_alone(self):
        actions = parse_actions({"a": {"levels": [10, 20]}, "b": {"levels": [0, 10]}}, 20, {"b": 10})
        joint = JointDistribution(actions, {"a": (0.5, 0.5), "b": (0.5, 0.5)}, 0.4, 0.0)
        assert joint.probability({"b": 10}) == 0.4
        assert joint.at_least({"b": 10}) == pytest.approx(0.4 + 0.6 / 3)
        assert sum(probability for _, probability in joint.enumerate()) == pytest.approx(1)
        assert next(joint.enumerate())[0] == {"a": 0, "b": 10}

    @settings(deadline=None)
    @given(joints())
    def test_probabilities_sum_up_to_1_and_keep_the_floor(self, joint):
        pairs = list(joint.enumerate())
        assert math.fsum(probability for _, probability in pairs) == pytest.approx(1)
        least = (1 - joint.baseline_share - joint.memory_share) * joint.floor / joint.feasible
        for allocation, probability in pairs:
            if allocation in list(feasible(joint.actions)):
                assert probability >= least * (1 - 1e-9) - 1e-15

    @settings(deadline=None)
    @given(joints())
    def test_probabilities_are_those_of_the_formula_over_all_that_keeps_the_bounds(self, joint):
        weights = {
            tuple(allocation.values()): math.prod(
                joint.marginals[arm.name][arm.levels.index(allocation[arm.name])] for arm in joint.actions.arms
            )
            for allocation in feasible(joint.actions)
        }
        points = (
            (joint.actions.baseline, joint.baseline_share),
            (joint.actions.baseline_with_memory, joint.memory_share),
        )
        floor, total = joint.floor, sum(weights.values())
        rest = 1 - joint.baseline_share - joint.memory_share
        expected = {
            depths: rest * (floor / len(weights) + (1 - floor) * weight / total) for depths, weight in weights.items()
        }
        for point, share in points:
            depths = tuple(point.values())
            expected[depths] = expected.get(depths, 0.0) + share
        found = {tuple(allocation.values()): probability for allocation, probability in joint.enumerate()}
        assert joint.feasible == len(weights)
        assert found == pytest.approx(expected)
        for depths in itertools.product(*(arm.levels for arm in joint.actions.arms)):
            allocation = dict(zip(joint.actions.names, depths, strict=True))
            assert joint.probability(allocation) == pytest.approx(expected.get(depths, 0.0))

    @settings(deadline=None)
    @given(joints(), st.integers(0, 1000))
    def test_nothing_but_the_baseline_is_drawn_outside_the_bounds(self, joint, seed):
        rng = random.Random(seed)
        within = [*feasible(joint.actions), joint.actions.baseline, joint.actions.baseline_with_memory]
        assert all(joint.sample(rng) in within for _ in range(20))
        if joint.baseline_share + joint.memory_share < 1 and joint.floor < 1:
            assert joint.preferred in within[:-2]

    @settings(deadline=None)
    @given(joints(), st.randoms(use_true_random=False))
    def test_at_least_is_the_sum_over_all_that_draw_as_deep(self, joint, rng):
        target = {arm.name: rng.choice((0, *arm.levels)) for arm in joint.actions.arms}
        expected = math.fsum(
            probability
            for allocation, probability in joint.enumerate()
            if all(allocation[name] >= depth for name, depth in target.items())
        )
        assert joint.at_least(target) == pytest.approx(expected)

    @settings(deadline=None)
    @given(joints())
    def test_each_level_is_as_likely_as_all_allocations_that_draw_to_it(self, joint):
        for arm in joint.actions.arms:
            for level, likely in zip(arm.levels, joint.of_levels(arm.name), strict=True):
                expected = math.fsum(chance for drawn, chance in joint.enumerate() if drawn[arm.name] == level)
                assert likely == pytest.approx(expected, abs=1e-9)

    @settings(deadline=None)
    @given(joints(), st.integers(0, 10_000))
    def test_samples_have_a_probability_and_repeat_with_the_seed(self, joint, seed):
        allocation = joint.sample(random.Random(seed))
        assert joint.probability(allocation) > 0
        assert joint.sample(random.Random(seed)) == allocation

    def test_sampling_follows_the_probabilities(self, joint):
        rng = random.Random(3)
        count = 20_000
        drawn = [tuple(joint.sample(rng).values()) for _ in range(count)]
        for allocation, probability in joint.enumerate():
            share = drawn.count(tuple(allocation.values())) / count
            assert share == pytest.approx(probability, abs=4 * math.sqrt(probability * (1 - probability) / count))

    def test_the_baseline_with_memory_is_played_for_its_share(self):
        """Feasible are (5,) and (5, 10) for words, with and without the memory's 5."""
        arms = {"words": {"levels": [5, 10]}, "memory": {"kind": "memory", "levels": [0, 5]}}
        actions = parse_actions(arms, 15, {"words": 10})
        even = {"words": (0.5, 0.5), "memory": (0.5, 0.5)}
        joint = JointDistribution(actions, even, 0.6, 0.1, memory_share=0.2)
        assert joint.probability({"words": 10, "memory": 5}) == pytest.approx(0.2 + 0.2 / 4)
        assert joint.probability({"words": 10}) == pytest.approx(0.6 + 0.2 / 4)
        assert joint.at_least({"words": 10, "memory": 5}) == pytest.approx(0.25)
        assert joint.at_least({"memory": 5}) == pytest.approx(0.2 + 0.2 / 2)

    def test_the_shares_cannot_be_more_than_all(self):
        with pytest.raises(
            ConfigurationError, match=r"memory_share must be 0 to what baseline_share 0\.6 leaves, got 0\.5"
        ):
            JointDistribution(TWO, {}, 0.6, 1.0, memory_share=0.5)

    def test_refuses_marginals_that_do_not_fit(self):
        with pytest.raises(
            ConfigurationError, match=r"arm 'b' must have one probability for each.*\(0, 10\), got \(\)"
        ):
            JointDistribution(TWO, {"a": (0.5, 0.5)}, 0.1, 0.03)
        with pytest.raises(ConfigurationError, match=r"baseline_share and floor must be 0 to 1, got 1\.5 and 0"):
            JointDistribution(TWO, {}, 1.5, 0)
        with pytest.raises(ConfigurationError, match="leave no allocation of 0 to 10 candidates a probability"):
            JointDistribution(TWO, {"a": (0.0, 1.0), "b": (0.0, 1.0)}, 0.0, 0.0)
        with pytest.raises(ConfigurationError, match="leave no allocation of 10 to 10 candidates a probability"):
            JointDistribution(replace(TWO, min_candidates=10), {"a": (1.0, 0.0), "b": (1.0, 0.0)}, 0.0, 0.0)


class TestOfDecision:
    def decision(self, joint, mode):
        drawing = drawn(joint, {"a": 10, "b": 0}) | {"preferred": {"a": 0, "b": 10}}
        return decision(actions=TWO, mode=mode, **drawing)

    def test_is_rebuilt_from_the_log_to_the_bit(self, joint):
        logged = Decision.from_json(self.decision(joint, "live").to_json())
        rebuilt = JointDistribution.of(logged)
        assert list(rebuilt.enumerate()) == list(joint.enumerate())
        assert rebuilt.preferred == {"a": 0, "b": 10}

    def test_a_decision_with_a_lower_bound_is_rebuilt_with_it(self):
        actions = replace(TWO, min_candidates=10)
        joint = JointDistribution(actions, {"a": (0.5, 0.5), "b": (0.8, 0.2)}, baseline_share=0.1, floor=0.03)
        decision = replace(self.decision(joint, "live"), actions=actions)
        rebuilt = JointDistribution.of(Decision.from_json(decision.to_json()))
        assert rebuilt.actions.min_candidates == 10
        assert rebuilt.probability(decision.allocation) == decision.propensity

    def test_a_decision_that_was_logged_without_a_lower_bound_had_none(self, joint):
        decision = self.decision(joint, "live")
        older = decision.to_dict()
        assert older["actions"].pop("min_candidates") == 0
        rebuilt = JointDistribution.of(Decision.from_dict(older))
        assert rebuilt.actions == decision.actions
        assert rebuilt.probability(decision.allocation) == decision.propensity

    @pytest.mark.parametrize("mode", ["baseline", "apprentice"])
    def test_the_baseline_was_certain_unless_live(self, joint, mode):
        rebuilt = JointDistribution.of(self.decision(joint, mode))
        assert rebuilt.probability({"a": 10}) == 1
        assert rebuilt.at_least({"b": 10}) == 0

    def test_a_decision_without_a_policy_needs_no_marginals(self, joint):
        bare = replace(self.decision(joint, "baseline"), marginals={}, preferred={})
        rebuilt = JointDistribution.of(bare)
        assert rebuilt.preferred == {"a": 10, "b": 0}
        assert list(itertools.islice(rebuilt.enumerate(), 2)) == [({"a": 0, "b": 0}, 0.0), ({"a": 0, "b": 10}, 0.0)]
