from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import TWO_ARMS_AND_MEMORY
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.experts import experts_of
from ltrr_haystack.policy.preference import REFUSED_LOSS, Preference
from ltrr_haystack.types import ActionSet, Arm

ACTIONS = TWO_ARMS_AND_MEMORY
BASELINE, NONE, ONLY_B, ONLY_A = range(4)
"""The places of the allocations of `experts_of(ACTIONS)`."""

A, B, MEMORY = [0.0, 0.3], [0.0, -0.1], [0.0, 0.2]
TWO_MEMORIES = parse_actions(
    {
        "a": {"levels": [0, 10, 30]},
        "m": {"kind": "memory", "levels": [0, 10, 20]},
        "b": {"levels": [5, 20]},
        "recall": {"kind": "memory", "levels": [0, 10]},
    },
    60,
    {"a": 30, "b": 20},
)


def prefer(actions, values, *places):
    """What is preferred if these of the compared allocations may be played."""
    experts = experts_of(actions)
    return Preference.bounded(actions, experts, np.isin(np.arange(len(experts.keys)), places), values)


def prefer_any(actions, values):
    return prefer(actions, values, *range(len(experts_of(actions).keys)))


class TestArmByArm:
    def test_the_best_levels_are_preferred(self):
        preference = Preference.arm_by_arm(ACTIONS, [A, B, MEMORY])
        assert preference.allocation == {"a": 5, "b": 0, "memory": 5}
        assert preference.best == [1, 0, 1]

    def test_as_far_as_the_budget_allows(self):
        actions = parse_actions({"a": {"levels": [0, 5]}, "b": {"levels": [0, 5]}}, 5, {"a": 5})
        preference = Preference.arm_by_arm(actions, [[0.0, 0.1], [0.0, 0.2]])
        assert preference.allocation == {"a": 0, "b": 5}
        assert preference.best == [1, 1]


class TestOfNewQuery:
    def test_levels_are_worth_what_the_best_is_with_them(self):
        """Beside a alone: both are worth .2, none 0, and memory costs .01."""
        experts = experts_of(ACTIONS)
        preference = Preference.of_new_query(ACTIONS, experts, np.array([0.2, 0.0, 0.1, 0.3]))
        assert preference.allocation == {"a": 5, "b": 0, "memory": 0}
        assert preference.best == [1, 0, 0]
        assert preference.values == [[0.0, 0.3], [0.3, 0.2], [0.0, -0.01]]

    def test_a_level_with_which_nothing_is_compared_has_the_least_value(self):
        actions = parse_actions({"a": {"levels": [0, 10, 30]}, "b": {"levels": [0, 10]}}, 30, {"a": 30})
        experts = experts_of(actions)
        worth = np.array([float(key == "a=30") - 0.5 * (key == "b=10") for key in experts.keys])
        preference = Preference.of_new_query(actions, experts, worth)
        assert preference.allocation == {"a": 30, "b": 0}
        assert preference.values[1] == [1.0, -0.5]


class TestBounded:
    def test_by_hand(self):
        """With memory, which adds .2: both .4, b alone .1, none .2; a alone, .5, may not be played."""
        preference = prefer(ACTIONS, [A, B, MEMORY], BASELINE, ONLY_B, NONE)
        assert preference.allocation == {"a": 5, "b": 5, "memory": 5}
        assert preference.best == [1, 1, 1]
        refused = 0.1 - REFUSED_LOSS
        expected = [[0.1, 0.4], [refused, 0.4], MEMORY]
        assert [pytest.approx(row) for row in expected] == list(preference.values)

    def test_where_all_may_be_played_it_is_the_best_of_all(self):
        values = [A, B, MEMORY]
        assert prefer_any(ACTIONS, values).allocation == Preference.arm_by_arm(ACTIONS, values).allocation

    def test_where_none_may_be_played_it_is_the_baseline_with_what_memory_adds(self):
        assert prefer(ACTIONS, [A, B, MEMORY]).allocation == {"a": 5, "b": 5, "memory": 5}
        assert prefer(ACTIONS, [A, B, [0.0, -0.2]]).allocation == {"a": 5, "b": 5, "memory": 0}

    def test_where_the_baseline_cannot_be_drawn_it_is_what_draws_as_much(self):
        """a always runs and the baseline leaves it out: it is the best of those with b, whatever a alone is worth."""
        actions = parse_actions({"a": {"levels": [5, 50]}, "b": {"levels": [0, 50]}}, 100, {"b": 50})
        assert prefer(actions, [[0.1, 0.9], [0.0, -0.5]]).allocation == {"a": 50, "b": 50}
        tight = parse_actions({"a": {"levels": [5, 50]}, "b": {"levels": [0, 50]}}, 50, {"b": 50})
        assert prefer(tight, [[0.1, 0.9], [0.0, -0.5]]).allocation == {"a": 50, "b": 0}

    def test_memory_counts_in_the_choice_where_the_budget_has_no_room_for_both(self):
        arms = {"a": {"levels": [0, 25, 50]}, "memory": {"kind": "memory", "levels": [0, 10]}}
        actions = parse_actions(arms, 50, {"a": 50})
        assert prefer_any(actions, [[0.0, 0.3, 0.31], [0.0, 0.5]]).allocation == {"a": 25, "memory": 10}

    def test_of_several_memories_the_more_valuable_gets_the_room(self):
        values = [[0.0, 0.1, 0.2], [0.0, 0.1, 0.3], [0.0, 0.1], [0.0, 0.5]]
        assert prefer(TWO_MEMORIES, values).allocation == {"a": 30, "m": 0, "b": 20, "recall": 10}

    def test_memory_without_which_there_are_too_few_candidates_stays(self):
        actions = ActionSet((Arm("a", "a", (0, 5)), Arm("m", "memory", (0, 5))), 10, {"a": 5}, min_candidates=10)
        assert prefer(actions, [[0.0, 0.1], [0.0, -0.5]]).allocation == {"a": 5, "m": 5}

    def test_a_memory_that_always_runs_is_drawn_deeper_where_that_is_worth_it(self):
        """It is compared at 5; for 10, worth .1 more, there is room beside a alone, and not beside both."""
        arms = {
            "a": {"levels": [0, 10]},
            "b": {"levels": [0, 10]},
            "m": {"kind": "memory", "levels": [5, 10, 20]},
        }
        actions = parse_actions(arms, 25, {"a": 10, "b": 10})
        memory = [0.3, 0.4, 0.2]
        assert prefer_any(actions, [[0.0, 0.3], [0.0, 0.05], memory]).allocation == {"a": 10, "b": 0, "m": 10}
        assert prefer_any(actions, [[0.0, 0.3], [0.0, 0.15], memory]).allocation == {"a": 10, "b": 10, "m": 5}

    @given(
        st.lists(st.floats(-1, 1), min_size=10, max_size=10),
        st.lists(st.booleans(), min_size=6, max_size=6),
    )
    def test_no_allocation_that_may_be_played_is_worth_more_with_any_memory(self, numbers, may_play):
        rest = iter(numbers)
        values = [[next(rest) for _ in arm.levels] for arm in TWO_MEMORIES.arms]
        experts = experts_of(TWO_MEMORIES)
        preference = prefer(TWO_MEMORIES, values, *np.flatnonzero(may_play))
        mask = may_play if any(may_play) else experts.is_baseline
        searched = [of for of, may in zip(experts.searched, mask, strict=True) if may]
        within = [
            {**of, "m": m, "recall": recall}
            for of, m, recall in product(searched, (0, 10, 20), (0, 10))
            if sum(of.values()) + m + recall <= TWO_MEMORIES.budget
        ]

        def worth(allocation):
            rows = zip(TWO_MEMORIES.arms, values, strict=True)
            return sum(row[arm.levels.index(allocation[arm.name])] for arm, row in rows)

        assert preference.allocation in within
        assert worth(preference.allocation) == pytest.approx(max(map(worth, within)))
        for arm, row, place in zip(TWO_MEMORIES.arms, preference.values, preference.best, strict=True):
            assert arm.levels[place] == preference.allocation[arm.name]
            assert arm.kind == "memory" or row[place] == max(row)
