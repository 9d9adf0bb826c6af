import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ltrr_haystack.feedback.rewards import MOST
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.credit import at_drawn_depth, leave_one_out, reward_of, rewards_left

ACTIONS = parse_actions(
    {"bm25": {"levels": [0, 5, 10, 30]}, "dense": {"levels": [0, 5, 10, 30]}, "memory": {"levels": [0, 5, 10, 30]}},
    budget=90,
    baseline={"bm25": 30},
)
ROOT = math.sqrt


class TestLeaveOneOut:
    def test_credits_worked_by_hand(self, make_settled):
        """
        The union is both, meant, four of bm25 alone, late. Without bm25, meant is before both and late is missing;
        without dense, late moves from the seventh place to the sixth.
        """
        found = {"both": {"bm25": 1, "dense": 2}, "meant": {"dense": 1}, "late": {"bm25": 6}}
        rewards = {"both": 5.0, "late": 3.0, "meant": 1.5}
        settled = make_settled(ACTIONS, {"bm25": 10, "dense": 10, "memory": 5}, found, rewards)
        without_bm25, without_dense = 1.5 * ROOT(2) + 5 * ROOT(1 / 2), 5 + 3 * ROOT(7 / 6)
        credit = leave_one_out(settled)
        assert credit == {
            "bm25": pytest.approx({5: 6.5 - without_bm25, 10: 9.5 - without_bm25}),
            "dense": pytest.approx({5: 9.5 - without_dense, 10: 9.5 - without_dense}),
            "memory": {5: 0.0},
        }
        drawn = {"bm25": 9.5 - without_bm25, "dense": 9.5 - without_dense, "memory": 0.0}
        assert at_drawn_depth(credit, settled.decision.allocation) == pytest.approx(drawn)

    def test_contributions_are_marginal_to_what_the_policy_prefers(self, make_settled):
        """Dense at 5 is preferred and would not have brought 'both', so bm25 is credited with bringing it."""
        settled = make_settled(
            ACTIONS,
            {"bm25": 10, "dense": 10, "memory": 0},
            {"both": {"bm25": 1, "dense": 7}, "meant": {"dense": 1}},
            {"both": 5.0, "meant": 1.5},
            preferred={"bm25": 0, "dense": 5, "memory": 0},
        )
        alone = 1.5 * ROOT(2)
        assert leave_one_out(settled) == {
            "bm25": pytest.approx({5: 6.5 - alone, 10: 6.5 - alone}),
            "dense": pytest.approx({5: alone, 10: alone + 5 * ROOT(1 / 7)}),
        }

    def test_what_the_preferred_arm_brings_credits_another_only_with_lifting_it(self, make_settled):
        settled = make_settled(
            ACTIONS,
            {"bm25": 10, "dense": 10},
            {"both": {"bm25": 1, "dense": 7}},
            {"both": 5.0},
            preferred={"bm25": 0, "dense": 10},
        )
        seventh = 5 * ROOT(1 / 7)
        assert leave_one_out(settled) == {
            "bm25": pytest.approx({5: 5 - seventh, 10: 5 - seventh}),
            "dense": pytest.approx({5: 0.0, 10: seventh}),
        }

    def test_an_arm_that_did_not_run_is_left_out(self, make_settled):
        settled = make_settled(ACTIONS, {"bm25": 5, "dense": 0}, {"early": {"bm25": 3}}, {"early": 1.0})
        assert leave_one_out(settled) == {"bm25": {5: 1.0}}

    def test_a_document_that_people_disliked_counts_against_its_arm(self, make_settled):
        settled = make_settled(ACTIONS, {"bm25": 5}, {"early": {"bm25": 3}}, {"early": -2.0})
        assert leave_one_out(settled) == {"bm25": {5: -2.0}}

    def test_a_reward_for_what_was_not_shown_credits_nobody(self, make_settled):
        settled = make_settled(ACTIONS, {"bm25": 5}, {"early": {"bm25": 3}}, {"elsewhere": 1.0})
        assert leave_one_out(settled) == {"bm25": {5: 0.0}}

    @pytest.mark.parametrize(
        ("reward", "credit"), [(math.nan, 0.0), (math.inf, 0.0), (-math.inf, 0.0), (1e300, MOST), (-1e300, -MOST)]
    )
    def test_rewards_stay_finite_and_bounded(self, make_settled, reward, credit):
        settled = make_settled(ACTIONS, {"bm25": 5}, {"early": {"bm25": 3}}, {"early": reward})
        assert leave_one_out(settled) == {"bm25": {5: credit}}


SMALL = parse_actions(
    {"a": {"levels": [0, 1, 2, 3]}, "b": {"levels": [0, 1, 2]}, "memory": {"levels": [0, 1]}}, 6, {"a": 3}
)
ALL = {"a": 3, "b": 2, "memory": 1}


@pytest.fixture
def clicked(make_logged):
    """
    A search whose union was logged. Arm a finds x, y and z, arm b finds z and w, memory finds y; at rank r an arm adds
    weight / (1 + r), so that x has 1/2, y 1/3 + 3/2, z 1/4 + 2/2, w 2/3: the union is y, z, w, x.
    """

    def of(rewards, **decision):
        return make_logged(
            SMALL,
            ALL,
            {"a": (4, 1, 2), "b": (2, 3), "memory": (1,)},
            {"y": 1, "z": 2, "w": 3, "x": 4},
            rewards,
            weights={"b": 2.0, "memory": 3.0},
            rrf_k=1.0,
            **decision,
        )

    return of


class TestInTheOrderOfTheUnion:
    def test_an_arm_is_credited_with_keeping_a_document_up(self, clicked):
        """Without memory y falls from the first place to the fourth; a and b hold it where it is, or bring nothing."""
        assert leave_one_out(clicked({"y": 1.0})) == {
            "a": {1: 0.0, 2: 0.0, 3: 0.0},
            "b": {1: 0.0, 2: 0.0},
            "memory": {1: pytest.approx(1 - ROOT(1 / 4))},
        }

    def test_an_arm_that_pushes_down_what_people_click_has_a_negative_credit(self, clicked):
        """Memory puts y before z; without b, which has z on top, z falls to the third place."""
        credit = leave_one_out(clicked({"z": 1.0}))
        assert credit["memory"] == {1: pytest.approx(1 - ROOT(2))}
        assert credit["b"] == {1: pytest.approx(1 - ROOT(2 / 3)), 2: pytest.approx(1 - ROOT(2 / 3))}

    def test_each_level_is_credited_with_the_order_that_it_leads_to(self, clicked):
        """Arm a brings x at its first rank already, b brings w at its second; nobody else has them."""
        assert leave_one_out(clicked({"x": 1.0}))["a"] == {1: 1.0, 2: 1.0, 3: 1.0}
        assert leave_one_out(clicked({"w": 1.0}))["b"] == {1: 0.0, 2: 1.0}

    def test_beside_the_preferred_arms(self, clicked):
        """
        Beside a at 3 alone: x, y, z. Arm b lifts z from the third place to the first, memory puts y before x and
        leaves z third; a must draw 3 to have it.
        """
        third, first = ROOT(2 / 3), ROOT(2 / 1)
        expected = {
            "a": {1: 0.0, 2: 0.0, 3: pytest.approx(third)},
            "b": {1: pytest.approx(first - third), 2: pytest.approx(first - third)},
            "memory": {1: pytest.approx(0.0)},
        }
        alone = {"a": 3, "b": 0, "memory": 0}
        assert leave_one_out(clicked({"z": 1.0}, preferred=alone)) == expected
        assert leave_one_out(clicked({"z": 1.0}), alone) == expected

    def test_a_given_preference_counts_and_not_the_logged_one(self, clicked):
        told = leave_one_out(clicked({"z": 1.0}, preferred={"a": 0, "b": 2, "memory": 1}), {"a": 3})
        assert told == leave_one_out(clicked({"z": 1.0}), {"a": 3})
        assert told != leave_one_out(clicked({"z": 1.0}, preferred={"a": 0, "b": 2, "memory": 1}))

    def test_a_preference_that_was_not_drawn_counts_as_far_as_it_was(self, clicked):
        deeper = {"a": 30, "b": 2, "memory": 1}
        assert leave_one_out(clicked({"z": 1.0}), deeper) == leave_one_out(clicked({"z": 1.0}), ALL)

    def test_a_dislike_credits_the_arm_that_pushes_it_down(self, clicked):
        assert leave_one_out(clicked({"z": -1.0}))["memory"] == {1: pytest.approx(ROOT(2) - 1)}


rewards = st.dictionaries(st.sampled_from("wxyz"), st.floats(-5, 5), max_size=4)
preferences = st.fixed_dictionaries(
    {"a": st.sampled_from([0, 1, 2, 3]), "b": st.sampled_from([0, 1, 2]), "memory": st.sampled_from([0, 1])}
)
many = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class TestSums:
    @many
    @given(rewards, preferences)
    def test_a_credit_is_what_would_be_left_with_the_arm_less_what_without(self, clicked, earned, others):
        settled = clicked(earned)
        for arm, by_level in leave_one_out(settled, others).items():
            for level, credit in by_level.items():
                with_it, without = rewards_left(settled, [{**others, arm: level}, {**others, arm: 0}])
                assert credit == pytest.approx(with_it - without)

    @many
    @given(rewards, preferences)
    def test_credits_of_several_rewards_add_up(self, clicked, earned, others):
        together = leave_one_out(clicked(earned), others)
        apart = [leave_one_out(clicked({object_id: reward}), others) for object_id, reward in earned.items()]
        for arm, by_level in together.items():
            for level, credit in by_level.items():
                assert credit == pytest.approx(sum(each[arm][level] for each in apart), abs=1e-9)

    @many
    @given(rewards)
    def test_as_drawn_all_rewards_are_left_and_where_nothing_is_asked_none(self, clicked, earned):
        settled = clicked(earned)
        shown = sum(reward_of(settled, impression) for impression in settled.impressions)
        assert rewards_left(settled, [ALL, {}]) == pytest.approx([shown, 0.0])

    def test_without_rewards_nothing_is_left_and_no_arm_is_credited(self, clicked):
        assert rewards_left(clicked({}), [ALL, {}]) == [0.0, 0.0]
        assert leave_one_out(clicked({})) == {"a": {1: 0.0, 2: 0.0, 3: 0.0}, "b": {1: 0.0, 2: 0.0}, "memory": {1: 0.0}}
