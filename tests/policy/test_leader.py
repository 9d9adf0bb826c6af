import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factories import TWO_ARMS_AND_MEMORY
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.lattice import best_allocation
from ltrr_haystack.policy.leader import Leader
from ltrr_haystack.policy.moments import DECAY, HALF_LIFE

ACTIONS = TWO_ARMS_AND_MEMORY
ALL = {"a": 5, "b": 5, "memory": 5}
BASELINE, ONLY_A, ONLY_B = {"a": 5, "b": 5, "memory": 0}, {"a": 5, "b": 0, "memory": 0}, {"a": 0, "b": 5, "memory": 0}


@pytest.fixture
def clicked(make_settled):
    """What arm a found at rank 2, memory at rank 1, and b not at all, stood first and was clicked."""
    return make_settled(ACTIONS, ALL, {"x": {"a": 2, "memory": 1}}, {"x": 1.0})


class TestGains:
    def test_the_baseline_leads_at_first(self):
        assert Leader().preference(ACTIONS).allocation == BASELINE

    def test_by_hand(self, clicked):
        """After ten clicks on what a finds second: b saves a call and loses nothing, without a √½ is lost each time."""
        leader = Leader()
        for _ in range(10):
            leader.observe(clicked, 1.0)
        n = sum(DECAY**ago for ago in range(10))
        (rests_a, with_a), (rests_b, with_b), _ = leader.preference(ACTIONS).values
        assert leader.preference(ACTIONS).allocation == ONLY_A
        assert with_a == rests_b == pytest.approx(-1 / (n + 1) + 0.1)
        assert rests_a == pytest.approx((-n * 0.5**0.5 - 1) / (n + 1) + 0.2)
        assert with_b == 0.0

    def test_a_memory_is_worth_its_cost_less(self, clicked):
        leader = Leader()
        for _ in range(20):
            leader.observe(clicked, 1.0)
        *_, (rests, asked) = leader.preference(ACTIONS).values
        assert asked == rests - 0.01

    def test_the_best_of_all_values_is_the_leader(self, clicked):
        leader = Leader()
        for _ in range(20):
            leader.observe(clicked, 1.0)
        assert (
            best_allocation(ACTIONS, leader.preference(ACTIONS).values)
            == leader.preference(ACTIONS).allocation
            == ONLY_A
        )

    def test_a_weight_is_as_many_searches(self, clicked):
        one, other = Leader(), Leader()
        for _ in range(4):
            one.observe(clicked, 0.5)
        for _ in range(2):
            other.observe(clicked, 1.0)
        for ours, theirs in zip(one.preference(ACTIONS).values, other.preference(ACTIONS).values, strict=True):
            assert ours == pytest.approx(theirs, abs=1e-3)

    def test_where_the_baseline_was_not_drawn_nothing_is_known(self, make_settled):
        leader = Leader()
        leader.observe(make_settled(ACTIONS, {"a": 5, "b": 0, "memory": 5}, {"x": {"a": 2}}, {"x": 1.0}), 1.0)
        assert leader.to_dict() == Leader().to_dict()

    def test_an_arm_that_the_baseline_leaves_out_is_judged_where_it_was_drawn(self, make_settled):
        actions = replace(ACTIONS, baseline={"a": 5, "b": 0, "memory": 5})
        leader = Leader()
        for allocation, found in (({"a": 5, "b": 0, "memory": 0}, {}), ({"a": 5, "b": 5, "memory": 0}, {"b": 1})):
            for _ in range(20):
                leader.observe(make_settled(actions, allocation, {"x": found} if found else {}, {"x": 1.0}), 1.0)
        assert leader.preference(actions).allocation == ONLY_B

    def test_whole_allocations_are_compared_not_single_changes(self, make_settled):
        """
        Neither arm can be left out alone, b being needed beside a, but c does what both do. From the baseline of a and
        b every single change is for the worse: c in addition costs, and without a or b what it finds is missing.
        """
        arms = {name: {"levels": [0, 5], "cost_per_call": 0.1} for name in "abc"}
        actions = parse_actions(arms, 15, {"a": 5, "b": 5})
        both = make_settled(
            actions, {"a": 5, "b": 5, "c": 5}, {"x": {"a": 1, "c": 1}, "y": {"b": 1, "c": 2}}, {"x": 1.0, "y": 0.5}
        )
        leader = Leader()
        for _ in range(50):
            leader.observe(both, 1.0)
        assert leader.preference(actions).allocation == {"a": 0, "b": 0, "c": 5}

    def test_what_would_have_been_shown_counts_as_is_to_be_expected(self, make_logged):
        """
        b pushes what a has first off a page of one. It was never shown, but what a alone has first is clicked wherever
        it is shown; so without b the page is expected to be worth about half a click.
        """
        bad = make_logged(ACTIONS, BASELINE, {"a": (2,), "b": (1,)}, {"bad": 1}, {}, weights={"b": 2.0})
        good = make_logged(ACTIONS, BASELINE, {"a": (1,)}, {"good": 1}, {"good": 1.0})
        leader = Leader()
        assert leader.value_fn(bad)([BASELINE, ONLY_A]) == [0.0, 0.0]
        for _ in range(500):
            leader.observe(good, 1.0)
        assert leader.value_fn(bad)([BASELINE, ONLY_A]) == pytest.approx([0.0, 0.5], abs=0.01)

    def test_what_was_ranked_counts_as_the_ranker_expected_it_in_the_ranker_s_order(self, make_logged):
        """
        The union has b's document first, the model a's. On a page of one that was shown as the union had it, without a
        click, b's document is worth nothing; a's would have been shown, and is expected to be clicked in four of ten.
        """
        shown = make_logged(ACTIONS, BASELINE, {"a": (2,), "b": (1,)}, {"b's": 1}, {}, weights={"b": 2.0})
        ranked = replace(shown, model_places=(2, 1), expected=(0.3, 0.4), page_version=1)
        assert Leader().value_fn(ranked)([BASELINE, ONLY_A, ONLY_B]) == pytest.approx([0.4, 0.4, 0.0])

    @pytest.mark.parametrize("reward", [1.0, 5.0])
    def test_arms_that_are_as_good_stay_so_whatever_a_click_is_worth(self, make_logged, reward):
        """
        Of pages of one, a's document is shown and clicked every other time, as the ranker expects of b's document.
        """
        found = {"a": (1,), "b": (2,)}
        leader = Leader()
        for number in range(2000):
            rewards = {"a's": reward} if number % 2 else {}
            shown = make_logged(ACTIONS, BASELINE, found, {"a's": 1}, rewards, weights={"a": 2.0})
            ranked = replace(shown, model_places=(1, 2), expected=(0.5, 0.5), page_version=1)
            leader.observe(ranked, 1.0)
        assert leader.reward_per_click == pytest.approx(reward, rel=0.01)
        assert leader.value_fn(ranked)([ONLY_B]) == pytest.approx([reward / 2], rel=0.01)

    def test_simulated_decisions_leave_the_expected_rewards_as_they_are(self, make_logged):
        good = make_logged(ACTIONS, BASELINE, {"a": (1,)}, {"good": 1}, {"good": 1.0})
        bad = make_logged(ACTIONS, BASELINE, {"a": (2,), "b": (1,)}, {"bad": 1}, {}, weights={"b": 2.0})
        leader = Leader()
        for _ in range(500):
            leader.observe_simulated(good, 1.0)
        assert leader.preference(ACTIONS).allocation == ONLY_A
        assert leader.value_fn(bad)([BASELINE, ONLY_A]) == [0.0, 0.0]

    def test_what_was_shown_counts_as_it_was_rewarded_however_often_its_like_was_not(self, make_logged):
        """Shown at the second position and clicked, it is worth √2 at the first."""
        found = {"a": (2,), "b": (1,)}
        page = make_logged(ACTIONS, BASELINE, found, {"x": 1, "y": 2}, {"y": 1.0}, weights={"b": 2.0})
        assert Leader().value_fn(page)([BASELINE, ONLY_A, ONLY_B]) == pytest.approx([1.0, 2**0.5, 0.0])

    def test_what_is_long_ago_is_forgotten(self, make_settled):
        """For long only a finds what is clicked, then only b; after less than twice the half-life that is known."""
        leader = Leader()
        everything = {"a": 5, "b": 5, "memory": 0}
        for arm, times in (("a", 5000), ("b", round(2 * HALF_LIFE))):
            settled = make_settled(ACTIONS, everything, {"x": {arm: 1}}, {"x": 1.0})
            for _ in range(times):
                leader.observe(settled, 1.0)
            if arm == "a":
                assert leader.preference(ACTIONS).allocation == ONLY_A
        values = leader.preference(ACTIONS).values
        assert values[1][1] - values[1][0] > values[0][1] - values[0][0]

    def test_a_click_far_down_a_long_page_counts_no_more_than_three_times(self, make_logged):
        """At the 16th position it would count four times if it were certainly examined."""
        long = parse_actions({"a": {"levels": [0, 16]}, "b": {"levels": [0, 1]}}, 17, {"a": 16})
        shown = {f"d{place}": place for place in range(1, 17)}
        found = {"a": tuple(range(1, 17)), "b": (16,)}
        page = make_logged(long, {"a": 16, "b": 1}, found, shown, {"d16": 1.0}, weights={"b": 0.001})
        assert Leader().value_fn(page)([{"a": 0, "b": 1}]) == [3.0]


class TestChangingArms:
    def test_what_was_noted_stays_true_when_an_arm_is_added_or_removed(self, clicked):
        leader = Leader()
        for _ in range(20):
            leader.observe(clicked, 1.0)
        more = parse_actions(
            {arm.name: {"levels": list(arm.levels), "cost_per_call": 0.1} for arm in ACTIONS.arms}
            | {"c": {"levels": [0, 5]}},
            20,
            {"a": 5, "b": 5},
        )
        assert leader.preference(more).allocation == {**ONLY_A, "c": 0}
        fewer = replace(ACTIONS, arms=ACTIONS.arms[:2], baseline={"a": 5, "b": 5})
        assert leader.preference(fewer).allocation == {"a": 5, "b": 0}

    def test_against_another_baseline_it_begins_anew(self, clicked, make_settled):
        leader = Leader()
        for _ in range(20):
            leader.observe(clicked, 1.0)
        other = replace(ACTIONS, baseline={"a": 0, "b": 5, "memory": 5})
        assert leader.preference(other).allocation == ONLY_B
        leader.observe(make_settled(other, {"a": 5, "b": 5, "memory": 5}, {"x": {"b": 1}}, {"x": 1.0}), 1.0)
        assert {weight for _, weight in leader.to_dict()["experts"].values()} == {1.0}
        assert leader.preference(ACTIONS).allocation == BASELINE

    def test_goes_through_json_and_on(self, clicked):
        leader = Leader()
        leader.observe(clicked, 1.0)
        again = Leader.from_dict(json.loads(json.dumps(leader.to_dict())))
        for each in (leader, again):
            each.observe(clicked, 0.25)
        assert again.to_dict() == leader.to_dict()


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 5), st.floats(0, 3)), max_size=12))
def test_no_expert_gains_what_nobody_earned(make_settled, observations):
    """One arm finds something alone, so no expert gains more than 0, nor loses more than was earned."""
    leader, earned = Leader(), 0.0
    for arm, rank, reward in observations:
        leader.observe(make_settled(ACTIONS, ALL, {"x": {arm: rank}}, {"x": reward}), 1.0)
        earned += reward
    for allocation, noted in leader.to_dict()["experts"].items():
        assert noted[1] == pytest.approx(sum(DECAY**ago for ago in range(len(observations))))
        assert -2 * earned - 1e-9 <= noted[0] <= 1e-9
        assert allocation != "a=5 b=5" or noted[0] == 0.0
