import math

import pytest

from ltrr_haystack.feedback.rewards import MOST
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.credit import at_drawn_depth, leave_one_out

ACTIONS = parse_actions(
    {"bm25": {"levels": [0, 5, 10, 30]}, "dense": {"levels": [0, 5, 10, 30]}, "memory": {"levels": [0, 5, 10, 30]}},
    budget=90,
    baseline={"bm25": 30},
)
SHOWN = {
    "both": {"bm25": 1, "dense": 7},
    "early": {"bm25": 3},
    "late": {"bm25": 9},
    "meant": {"dense": 4},
    "unclicked": {"dense": 1},
}


class TestLeaveOneOut:
    def test_credits_worked_by_hand(self, make_settled):
        """'both' would have been there without either arm; 'late' is known to be missing at depth 5."""
        settled = make_settled(
            ACTIONS,
            {"bm25": 10, "dense": 10, "memory": 5},
            SHOWN,
            {"both": 5.0, "early": 1.0, "late": 3.0, "meant": 1.5},
        )
        credit = leave_one_out(settled)
        assert credit == {"bm25": {5: 1.0, 10: 4.0}, "dense": {5: 1.5, 10: 1.5}, "memory": {5: 0.0}}
        assert at_drawn_depth(credit, settled.decision.allocation) == {"bm25": 4.0, "dense": 1.5, "memory": 0.0}

    def test_arms_are_judged_in_the_company_that_the_policy_prefers(self, make_settled):
        """Dense at 5 is preferred and would not have brought 'both', which so credits either arm from its rank on."""
        settled = make_settled(
            ACTIONS,
            {"bm25": 10, "dense": 10, "memory": 0},
            SHOWN,
            {"both": 5.0, "early": 1.0, "late": 3.0, "meant": 1.5},
            preferred={"bm25": 0, "dense": 5, "memory": 0},
        )
        assert leave_one_out(settled) == {"bm25": {5: 6.0, 10: 9.0}, "dense": {5: 1.5, 10: 6.5}}

    def test_what_the_preferred_arm_brings_credits_no_other(self, make_settled):
        settled = make_settled(
            ACTIONS,
            {"bm25": 10, "dense": 10},
            {"both": {"bm25": 1, "dense": 7}},
            {"both": 5.0},
            preferred={"bm25": 0, "dense": 10},
        )
        assert leave_one_out(settled) == {"bm25": {5: 0.0, 10: 0.0}, "dense": {5: 0.0, 10: 5.0}}

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
        ("reward", "credit"),
        [(math.nan, 0.0), (math.inf, 0.0), (-math.inf, 0.0), (1e300, MOST), (-1e300, -MOST)],
    )
    def test_rewards_stay_finite_and_bounded(self, make_settled, reward, credit):
        settled = make_settled(ACTIONS, {"bm25": 5}, {"early": {"bm25": 3}}, {"early": reward})
        assert leave_one_out(settled) == {"bm25": {5: credit}}
