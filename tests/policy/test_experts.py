from factories import TWO_ARMS_AND_MEMORY
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.experts import MOST_EXPERTS, experts_of
from ltrr_haystack.policy.leader import Leader
from ltrr_haystack.types import ActionSet, Arm

ACTIONS = TWO_ARMS_AND_MEMORY
BASELINE, ONLY_A, ONLY_B = {"a": 5, "b": 5, "memory": 0}, {"a": 5, "b": 0, "memory": 0}, {"a": 0, "b": 5, "memory": 0}


class TestExperts:
    def test_are_all_feasible_allocations_with_memory_at_rest_the_baseline_first(self):
        assert list(experts_of(ACTIONS).allocations) == [BASELINE, {"a": 0, "b": 0, "memory": 0}, ONLY_B, ONLY_A]

    def test_a_memory_that_always_runs_is_at_its_lowest_level_and_not_searched(self):
        actions = parse_actions({"a": {"levels": [0, 5]}, "m": {"kind": "memory", "levels": [3, 5]}}, 10, {"a": 5})
        experts = experts_of(actions)
        assert list(experts.allocations) == [{"a": 5, "m": 3}, {"a": 0, "m": 3}]
        assert list(experts.searched) == [{"a": 5, "m": 0}, {"a": 0, "m": 0}]

    def test_keep_the_bounds(self):
        actions = parse_actions({"a": {"levels": [0, 5]}, "b": {"levels": [0, 5]}}, 5, {"a": 5}, min_candidates=5)
        assert list(experts_of(actions).allocations) == [{"a": 5, "b": 0}, {"a": 0, "b": 5}]

    def test_where_none_is_feasible_the_baseline_is_left(self):
        """Too few candidates without memory."""
        arms = Arm("a", "a", (0, 5)), Arm("m", "memory", (0, 5))
        actions = ActionSet(arms, 10, {"a": 5, "m": 5}, min_candidates=10)
        assert list(experts_of(actions).allocations) == [{"a": 5, "m": 5}]
        assert list(experts_of(actions).searched) == [{"a": 5, "m": 0}]

    def test_a_baseline_that_no_policy_may_draw_is_none_of_them(self):
        actions = parse_actions({"a": {"levels": [5, 10]}, "b": {"levels": [0, 5]}}, 15, {"b": 5})
        experts = experts_of(actions)
        assert experts.baseline == {"a": 0, "b": 5}
        assert not experts.is_baseline.any()
        assert Leader().preference(actions).allocation == {"a": 5, "b": 0}

    def test_of_many_arms_the_last_ones_keep_their_lowest_levels_and_the_baselines(self):
        arms = {f"a{number}": {"levels": [0, 10, 20, 30]} for number in range(6)}
        actions = parse_actions(arms, 180, {"a5": 20, "a0": 30})
        experts = experts_of(actions)
        assert 64 < len(experts.allocations) <= MOST_EXPERTS
        assert experts.allocations[0] == dict(actions.baseline)
        assert {each["a5"] for each in experts.allocations} == {0, 20}
        assert {each["a0"] for each in experts.allocations} == {0, 10, 20, 30}

    def test_an_arm_that_rests_in_the_baseline_is_compared_at_its_deepest(self):
        arms = {name: {"levels": [0, 10, 30, 50]} for name in "abcde"}
        experts = experts_of(parse_actions(arms, 250, dict.fromkeys("abcd", 50)))
        assert len(experts.allocations) == 4**4 * 2
        assert {each["e"] for each in experts.allocations} == {0, 50}

    def test_are_never_too_many(self):
        """The last arms stay as the baseline has them."""
        arms = {f"a{number}": {"levels": [0, 10]} for number in range(14)}
        actions = parse_actions(arms, 140, {f"a{number}": 10 for number in range(14)}, min_candidates=100)
        experts = experts_of(actions)
        assert 1 < len(experts.allocations) <= MOST_EXPERTS
        assert experts.allocations[0] == dict(actions.baseline) == Leader().preference(actions).allocation
        assert {each["a0"] for each in experts.allocations} == {0, 10}
        assert {each["a13"] for each in experts.allocations} == {10}
