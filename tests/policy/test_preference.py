import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import TWO_ARMS_AND_MEMORY
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.experts import experts_of
from ltrr_haystack.policy.lattice import lattice_of
from ltrr_haystack.policy.preference import REFUSED_LOSS, Preference, bounded
from ltrr_haystack.types import ActionSet, Arm

ACTIONS = TWO_ARMS_AND_MEMORY
BASELINE, NONE, ONLY_B, ONLY_A = range(4)
"""The places of the allocations of `experts_of(ACTIONS)`."""

A, B, MEMORY = [0.0, 0.3], [0.0, -0.1], [0.0, 0.2]
THREE_ARMS = parse_actions(
    {
        "a": {"levels": [0, 10, 30]},
        "m": {"kind": "memory", "levels": [0, 10, 20]},
        "b": {"levels": [5, 20]},
        "recall": {"kind": "memory", "levels": [0, 10]},
    },
    60,
    {"a": 30, "b": 20},
)


def playable(*places):
    """Which allocations of `ACTIONS` may be played."""
    return np.isin(np.arange(4), places)


def prefer(values, *places, actions=ACTIONS):
    return bounded(actions, experts_of(actions), playable(*places), values)


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


class TestBounded:
    def test_by_hand(self):
        """a alone is worth .3, both .2, b alone -.1 and none 0; a alone may not be played."""
        preference = prefer([A, B, MEMORY], BASELINE, ONLY_B)
        assert preference.allocation == {"a": 5, "b": 5, "memory": 5}
        assert preference.best == [1, 1, 1]
        refused = -0.1 - REFUSED_LOSS
        assert preference.values == [[pytest.approx(-0.1), pytest.approx(0.2)], [refused, pytest.approx(0.2)], MEMORY]

    def test_where_all_may_be_played_it_is_the_best_of_each_arm(self):
        values = [A, B, MEMORY]
        preference = prefer(values, BASELINE, NONE, ONLY_B, ONLY_A)
        assert preference.allocation == Preference.arm_by_arm(ACTIONS, values).allocation

    def test_where_none_may_be_played_it_is_the_baseline_with_what_memory_adds(self):
        assert prefer([A, B, MEMORY]).allocation == {"a": 5, "b": 5, "memory": 5}
        assert prefer([A, B, [0.0, -0.2]]).allocation == {"a": 5, "b": 5, "memory": 0}

    def test_memory_is_as_deep_as_the_budget_lets_it(self):
        """Beside 50 candidates there is room for 10, to which the first memory helps itself."""
        experts = experts_of(THREE_ARMS)
        values = [[0.0, 0.1, 0.2], [0.0, 0.1, 0.3], [0.0, 0.1], [0.0, 0.5]]
        preference = bounded(THREE_ARMS, experts, np.zeros(len(experts.keys), dtype=bool), values)
        assert preference.allocation == {"a": 30, "m": 10, "b": 20, "recall": 0}
        assert preference.values[1] == values[1]

    def test_a_level_at_which_nothing_was_compared_is_worth_the_least_of_all(self):
        """Of the budget of 30 candidates nothing is left for b beside a at its deepest."""
        actions = parse_actions({"a": {"levels": [0, 10, 30]}, "b": {"levels": [0, 10]}}, 30, {"a": 30})
        experts = experts_of(actions)
        values = [[0.0, 0.1, 0.5], [0.0, 0.2]]
        preference = bounded(actions, experts, np.ones(len(experts.keys), dtype=bool), values)
        assert preference.allocation == {"a": 30, "b": 0}
        assert preference.values[1] == [pytest.approx(0.5), 0.0]

    def test_memory_without_which_there_are_too_few_candidates_stays(self):
        actions = ActionSet((Arm("a", "a", (0, 5)), Arm("m", "memory", (0, 5))), 10, {"a": 5}, min_candidates=10)
        preference = bounded(actions, experts_of(actions), np.array([False]), [[0.0, 0.1], [0.0, -0.5]])
        assert preference.allocation == {"a": 5, "m": 5}

    @given(
        st.lists(st.floats(-1, 1), min_size=10, max_size=10),
        st.lists(st.booleans(), min_size=6, max_size=6),
    )
    def test_no_allocation_that_may_be_played_is_worth_more(self, numbers, may_play):
        rest = iter(numbers)
        values = [[next(rest) for _ in arm.levels] for arm in THREE_ARMS.arms]
        experts, mask = experts_of(THREE_ARMS), np.array(may_play)
        preference = bounded(THREE_ARMS, experts, mask, values)
        allocation = preference.allocation
        allowed = [
            of for of, may in zip(experts.searched, mask if mask.any() else experts.is_baseline, strict=True) if may
        ]
        assert THREE_ARMS.without_memory(allocation) in allowed
        assert lattice_of(THREE_ARMS).places([allocation[name] for name in THREE_ARMS.names]) is not None

        def worth(searched):
            return sum(
                values[place][THREE_ARMS.arms[place].levels.index(searched[name])]
                for place, name in ((0, "a"), (2, "b"))
            )

        assert worth(allocation) == pytest.approx(max(map(worth, allowed)))
        for place, arm in enumerate(THREE_ARMS.arms):
            assert arm.levels[preference.best[place]] == allocation[arm.name]
            if arm.name in ("a", "b"):
                assert preference.values[place][preference.best[place]] == max(preference.values[place])
