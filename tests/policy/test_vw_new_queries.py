"""What the policy learns of new queries from those that are known, and what is measured for them."""

import json
import math
import re
from dataclasses import replace

import pytest

from factories import TWO_ARMS_AND_MEMORY
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.gains import AllocationGains, Gain
from ltrr_haystack.policy.new_queries import NewQueries
from ltrr_haystack.policy.verdict import verdict
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.policy.vw_workspace import VowpalWorkspace
from ltrr_haystack.types import Features

EVERY_ARM = {"a": 5, "b": 5, "memory": 5}
KNOWN = {"a": {"cnt": 0.5, "ctr": 0.2}, "memory": {"cnt": 0.5, "ctr": 0.8}}
SECOND = math.sqrt(1 / 2)
"""What is left of a reward that moves from the first place to the second."""


class TestMeasuredGains:
    """Both arms cost the same; what was measured says that b alone is as good, and nothing else is."""

    ACTIONS = parse_actions(
        {"a": {"levels": [0, 10], "cost_per_call": 0.1}, "b": {"levels": [0, 10], "cost_per_call": 0.1}},
        20,
        {"a": 10, "b": 10},
    )
    GAINS = AllocationGains(
        "a=10 b=10", {"a=10 b=10": Gain(-0.5, 0.01, 0.0), "b=10": Gain(0.0, 0.01, 0.1)}, 1.0, 0.2, 60, ranker=1
    )

    WITH_MEMORY = replace(
        GAINS,
        repeated=replace(GAINS, of={"a=10": Gain(0.0, 0.01, 0.1)}, reordered=True, least_searched=3),
    )

    @pytest.fixture
    def policy(self, make_settled):
        policy = VWPolicy()
        policy.learn(make_settled(self.ACTIONS, {"a": 10, "b": 10}, {"x": {"a": 1}}, {"x": 1.0}))
        policy.take_up(self.GAINS)
        return policy

    def test_they_decide_for_new_queries(self, policy):
        new = policy.distribution(self.ACTIONS, Features())
        assert new.preferred == {"a": 0, "b": 10}
        assert not new.held_back

    def test_against_another_baseline_new_queries_are_held_back_from_the_first_on(self, policy):
        """Nothing was shown to be as good as the new one, and no decision told the policy of it yet."""
        other = replace(self.ACTIONS, baseline={"a": 0, "b": 10})
        distribution = policy.distribution(other, Features())
        assert (distribution.held_back, distribution.preferred) == (True, {"a": 0, "b": 10})

    def test_nor_does_a_decision_with_that_baseline_open_what_was_compared_with_the_other(self, policy, make_settled):
        policy.take_up(None)
        for gate in policy._new._gates.values():
            gate._is_open, gate._against = True, "a=10 b=10"
        assert not policy.distribution(self.ACTIONS, Features()).held_back
        other = replace(self.ACTIONS, baseline={"a": 0, "b": 10})
        assert policy.distribution(other, Features()).held_back
        policy.learn(make_settled(other, {"a": 10, "b": 10}, {"x": {"a": 1}}, {"x": 1.0}))
        assert policy.distribution(other, Features()).held_back

    def test_repeated_queries_are_held_back_by_another_baseline_too(self, policy, make_settled):
        policy._gate._is_open, policy._gate._against = True, "a=10 b=10"
        known = Features(history=KNOWN)
        assert not policy.distribution(self.ACTIONS, known).held_back
        other = replace(self.ACTIONS, baseline={"a": 0, "b": 10})
        assert policy.distribution(other, known).held_back
        policy.learn(make_settled(other, {"a": 10, "b": 10}, {"x": {"a": 1}}, {"x": 1.0}))
        assert policy.distribution(other, known).held_back

    def test_gains_against_the_baseline_at_hand_decide_whatever_was_learned_last(self, policy, make_settled):
        other = replace(self.ACTIONS, baseline={"a": 0, "b": 10})
        policy.learn(make_settled(other, {"a": 10, "b": 10}, {"x": {"a": 1}}, {"x": 1.0}))
        for gains in (self.GAINS, self.WITH_MEMORY):
            policy.take_up(gains)
            again = policy.distribution(self.ACTIONS, Features())
            assert (again.held_back, again.preferred) == (False, {"a": 0, "b": 10})

    def test_other_queries_keep_a_gate_of_their_own(self, policy):
        assert policy.distribution(self.ACTIONS, Features(history=KNOWN)).held_back

    def test_what_may_not_be_played_for_new_queries_is_not_for_others(self, policy):
        """By itself the model prefers a alone, what that finds being clicked."""
        known = Features(history=KNOWN)
        for _ in range(30):
            policy.fit(self.ACTIONS, known, {"a": {10: 1.0}, "b": {10: -0.5}})
        assert policy.distribution(self.ACTIONS, known).preferred == {"a": 0, "b": 10}
        policy.take_up(None)
        assert policy.distribution(self.ACTIONS, known).preferred == {"a": 10, "b": 0}

    def test_of_what_may_be_played_for_others_the_model_chooses(self, policy):
        """It has seen what a finds be clicked, so that both are worth more than b, which is all that new ones get."""
        both = {**self.GAINS.of, "a=10 b=10": Gain(0.0, 0.01, 0.0)}
        policy.take_up(replace(self.GAINS, of=both))
        known, new = Features(history=KNOWN), Features()
        for _ in range(30):
            policy.fit(self.ACTIONS, known, {"a": {10: 1.0}, "b": {10: 0.5}})
        assert policy.distribution(self.ACTIONS, known).preferred == {"a": 10, "b": 10}
        assert policy.distribution(self.ACTIONS, new).preferred == {"a": 0, "b": 10}

    @pytest.mark.parametrize("times", [1, 100, 100_000])
    def test_so_it_is_however_often_a_query_was_searched(self, policy, times):
        """Few people click at low places, so hardly any click is lost where these are filled badly."""
        searched = Features(history={"a": {"cnt": math.log1p(times) / 5, "ctr": 0.2}})
        for _ in range(30):
            policy.fit(self.ACTIONS, searched, {"a": {10: 1.0}, "b": {10: -0.5}})
        assert policy.distribution(self.ACTIONS, searched).preferred == {"a": 0, "b": 10}

    def test_what_may_be_played_with_memory_is_measured_apart(self, policy):
        """With memory beside it a alone is as good, which it is not for new queries, nor for one searched twice."""
        policy.take_up(self.WITH_MEMORY)

        def preferred(times):
            searched = Features(history={"a": {"cnt": math.log1p(times) / 5, "ctr": 0.2}} if times else {})
            return policy.distribution(self.ACTIONS, searched).preferred

        for _ in range(30):
            policy.fit(self.ACTIONS, Features(history=KNOWN), {"a": {10: 1.0}, "b": {10: 2.0}})
        for _ in range(2):
            assert [preferred(times) for times in (0, 2, 3, 100)] == [{"a": 0, "b": 10}] * 2 + [{"a": 10, "b": 0}] * 2

    def test_where_nothing_may_be_played_others_get_the_baseline_and_memory(self, make_settled):
        policy = VWPolicy()
        for _ in range(30):
            found = {"x": {"a": 2, "memory": 1}}
            policy.learn(
                make_settled(TWO_ARMS_AND_MEMORY, EVERY_ARM, found, {"x": 1.0}, features=Features(history=KNOWN))
            )
        nothing = AllocationGains("a=5 b=5", {"a=5": Gain(-0.5, 0.01, 0.1)}, 1.0, 0.2, 60, ranker=1)
        policy.take_up(nothing)
        assert policy.distribution(TWO_ARMS_AND_MEMORY, Features(history=KNOWN)).preferred == EVERY_ARM

    def test_gains_that_are_no_numbers_play_the_baseline(self, policy):
        policy.take_up(replace(self.GAINS, of={**self.GAINS.of, "a=10": Gain(math.nan, 0.01, 0.1)}))
        assert policy.distribution(self.ACTIONS, Features()).baseline_share == 1.0

    def test_the_card_says_so(self, policy):
        card = policy.card()
        assert card["new_queries"] == "measured"
        assert (card["measured"]["safe_start"], card["measured"]["cost_saved_share"]) == (False, pytest.approx(0.5))
        assert "leader" not in card

    def test_they_are_a_part_of_the_snapshot(self, policy):
        again = policy.restored(policy.to_bytes())
        assert again.distribution(self.ACTIONS, Features()).preferred == {"a": 0, "b": 10}

    def test_without_them_it_is_as_before(self, policy):
        policy.take_up(None)
        assert policy.distribution(self.ACTIONS, Features()).held_back


class TestMeasuredGainsAndOtherQueries:
    """a alone may be played, and the budget has no room for as much memory as the model would like best beside it."""

    ACTIONS = parse_actions(
        {"a": {"levels": [0, 10]}, "b": {"levels": [0, 10]}, "m": {"kind": "memory", "levels": [0, 5, 15]}},
        20,
        {"a": 10, "b": 10},
    )
    KNOWN = Features(history=KNOWN)

    @pytest.fixture
    def policy(self, make_settled):
        policy = VWPolicy(safe_baseline_share=0.05)
        policy.learn(make_settled(self.ACTIONS, {"a": 10, "b": 10, "m": 0}, {"x": {"a": 1}}, {"x": 1.0}))
        for _ in range(30):
            policy.fit(self.ACTIONS, self.KNOWN, {"a": {10: 0.2}, "b": {10: 0.9}, "m": {5: 0.2, 15: 0.8}}, counts=10)
        policy.take_up(AllocationGains("a=10 b=10", {"a=10": Gain(0.0, 0.01, 0.1)}, 1.0, 0.2, 60, ranker=1))
        return policy

    def test_what_is_good_enough_with_memory_alone_is_played_with_it_at_its_deepest(self, policy, make_settled):
        """The model holds memory to be worth less than it costs; both arms and all of it do not fit into the budget."""
        alone = Gain(0.0, 0.01, 0.1)
        with_memory = AllocationGains("a=10 b=10", {"b=10": alone, "a=10 b=10": alone}, 1.0, 0.2, 60, least_searched=2)
        for _ in range(30):
            policy.fit(self.ACTIONS, self.KNOWN, {"a": {10: 0.5}, "b": {10: 0.1}, "m": {5: -0.5, 15: -0.9}}, counts=10)
        policy.take_up(AllocationGains("a=10 b=10", {"a=10": alone}, 1.0, 0.2, 60, repeated=with_memory))
        wider = replace(self.ACTIONS, budget=25)
        assert policy.distribution(wider, self.KNOWN).preferred == {"a": 0, "b": 10, "m": 15}
        assert policy.distribution(replace(wider, budget=35), self.KNOWN).preferred == {"a": 10, "b": 10, "m": 15}
        assert policy.distribution(self.ACTIONS, self.KNOWN).preferred == {"a": 10, "b": 10, "m": 0}, "no room"

    def test_memory_is_drawn_as_deep_as_there_is_room(self, policy):
        joint = policy.distribution(self.ACTIONS, self.KNOWN)
        assert joint.preferred == {"a": 10, "b": 0, "m": 5}
        for marginal in joint.marginals.values():
            assert min(marginal) > 0
            assert sum(marginal) == pytest.approx(1.0)

    def test_a_value_that_is_not_finite_plays_the_baseline_also_where_nothing_may_be_played_with_it(
        self, policy, monkeypatch
    ):
        """Without b, which may not be played, all that is left is finite."""
        predict = VowpalWorkspace.predict

        def diverged(workspace, shared, lines):
            scores = zip(lines, predict(workspace, shared, lines), strict=True)
            return [-math.inf if "a=b" in line else score for line, score in scores]

        assert policy.distribution(self.ACTIONS, self.KNOWN).baseline_share < 1
        monkeypatch.setattr(VowpalWorkspace, "predict", diverged)
        assert policy.distribution(self.ACTIONS, self.KNOWN).baseline_share == 1.0

    def test_against_another_baseline_they_say_nothing(self, policy):
        """Until a search of the new one has been learned from, the leader still knows the old one."""
        other = replace(self.ACTIONS, baseline={"a": 10, "b": 0, "m": 0})
        assert policy.distribution(other, self.KNOWN).preferred["b"] == 10


class TestLearnAsNew:
    """
    What is clicked has always been found by memory, first; of the other arms a finds it, too, at rank 2, and b does
    not. Every query was searched before.
    """

    ACTIONS = TWO_ARMS_AND_MEMORY

    def settled(self, make_settled, allocation, **decision):
        arms = {arm: rank for arm, rank in {"a": 2, "memory": 1}.items() if allocation.get(arm)}
        preferred = {"a": 0, "b": 0, "memory": 5}
        logged = {"features": Features(history=KNOWN), "preferred": preferred, "baseline_share": 1.0, **decision}
        return make_settled(self.ACTIONS, allocation, {"x": arms}, {"x": 1.0}, **logged)

    def values(self, policy, **features):
        rows = policy.values(self.ACTIONS, Features(**features))
        return {arm.name: row[1] + arm.cost(5) for arm, row in zip(self.ACTIONS.arms, rows, strict=True)}

    @pytest.fixture
    def taught(self, make_settled):
        policy = VWPolicy()
        for _ in range(300):
            policy.learn(self.settled(make_settled, EVERY_ARM))
        return policy

    @pytest.fixture
    def learned(self, monkeypatch):
        """For each time that a policy learns from a decision: as new or not, the query, and the credit of each arm."""
        told, learn = [], VowpalWorkspace.learn

        def listen(workspace, shared, line, cost):
            arm, new = re.match(r"\|d a=(\w+)(\^new)?", line).groups()
            if not told or told[-1][:2] != (bool(new), shared) or arm <= max(told[-1][2]):  # arms come in order
                told.append((bool(new), shared, {}))
            assert not (new and line.partition("|h")[2]), "a new query has no history"
            told[-1][2][arm] = -cost
            learn(workspace, shared, line, cost)

        monkeypatch.setattr(VowpalWorkspace, "learn", listen)
        return told

    def test_for_a_new_query_it_comes_to_prefer_the_arms_that_find_what_memory_knows(self, taught):
        """Though it has not seen a single new query; for the known ones memory suffices."""
        assert taught.distribution(self.ACTIONS, Features()).preferred == {"a": 5, "b": 0, "memory": 0}
        assert taught.distribution(self.ACTIONS, Features(history=KNOWN)).preferred == {"a": 0, "b": 0, "memory": 5}

    def test_the_values_are_those_of_either(self, taught):
        new, known = self.values(taught), self.values(taught, history=KNOWN)
        assert new == pytest.approx({"a": SECOND, "b": 0.0, "memory": 0.0}, abs=0.1)
        assert known == pytest.approx({"a": 0.0, "b": 0.0, "memory": 1.0}, abs=0.1)

    def test_a_decision_is_learned_as_it_was_and_then_as_new(self, make_settled, learned):
        """The second time without its history, and memory is worth nothing whatever it brought."""
        features = Features(query={"type": "broad"}, time={"weekday": "1"}, history=KNOWN)
        policy = VWPolicy()
        policy.learn(self.settled(make_settled, EVERY_ARM, features=features))
        query = "shared |q c type=broad |t weekday=1"
        assert learned == [
            (False, query, {"a": 0.0, "b": 0.0, "memory": 1.0}),
            (True, query, {"a": SECOND, "b": 0.0, "memory": 0.0}),
        ]
        assert policy.n == 1

    def test_it_is_judged_before_it_learns_from_the_decision(self, make_settled, monkeypatch):
        """Else it would be judged by what it has just been told."""
        order = []
        observe, learn = NewQueries.observe, VowpalWorkspace.learn
        monkeypatch.setattr(NewQueries, "observe", lambda *told: (order.append("judged"), observe(*told)))
        monkeypatch.setattr(VowpalWorkspace, "learn", lambda *told: (order.append("learned"), learn(*told)))
        VWPolicy().learn(self.settled(make_settled, EVERY_ARM))
        assert order == ["judged", *["learned"] * 6]

    def test_its_card_tells_of_reward_and_cost_apart(self, make_settled):
        policy = VWPolicy()
        policy.learn(self.settled(make_settled, EVERY_ARM))
        estimate, card = policy.estimates()["remembered"], policy.card()["remembered"]
        assert card["reward_gain"] == estimate.reward_gain
        assert card["cost_saved"] == estimate.cost_saved
        assert card["cost_saved_share"] == estimate.cost_saved_share
        assert card["verdict"] == verdict(estimate)
        assert json.loads(json.dumps(policy.card(), allow_nan=False)) == policy.card()

    def test_each_safe_start_hears_of_its_own_queries(self, make_settled):
        policy = VWPolicy()
        policy.learn(self.settled(make_settled, EVERY_ARM, features=Features()))
        assert {name: estimate.settled for name, estimate in policy.estimates().items()} == {
            "remembered": 0,
            "contextual": 1,
            "leader": 1,
        }
        policy.learn(self.settled(make_settled, EVERY_ARM))
        assert {name: estimate.settled for name, estimate in policy.estimates().items()} == {
            "remembered": 1,
            "contextual": 1,
            "leader": 2,
        }

    def test_a_new_query_is_learned_once_as_new(self, make_settled, learned):
        VWPolicy().learn(self.settled(make_settled, EVERY_ARM, features=Features()))
        assert [new for new, *_ in learned] == [True]

    @pytest.mark.parametrize("history", [{}, KNOWN])
    def test_whether_new_or_treated_as_new_a_ranked_page_teaches_what_the_model_s_page_earns(
        self, make_settled, learned, history
    ):
        """Only x was shown, without a click; the model would have shown another first, and expects .4 of it."""
        logged = self.settled(make_settled, {"a": 5, "b": 0, "memory": 0}, features=Features(history=history))
        ranked = {"model_places": (1, 2), "expected": (0.4, 0.3), "page_version": 1}
        VWPolicy().learn(replace(logged, impressions=logged.impressions[1:], rewards={}, **ranked))
        new, _, credit = learned[-1]
        assert (new, credit) == (True, {"a": pytest.approx(0.4)})

    def test_where_what_a_new_query_would_get_was_not_drawn_nothing_is_learned_of_new_ones(
        self, taught, make_settled, learned
    ):
        """For a new query a is preferred by now; b alone, or memory alone, does not tell what would be missed."""
        for allocation in ({"a": 0, "b": 5, "memory": 5}, {"a": 0, "b": 0, "memory": 5}):
            taught.learn(self.settled(make_settled, allocation))
        assert [new for new, *_ in learned] == [False, False]
        taught.learn(self.settled(make_settled, {"a": 5, "b": 0, "memory": 0}))
        assert [new for new, *_ in learned] == [False, False, False, True]

    def test_a_memory_that_always_runs_does_not_count_either(self, make_settled, learned):
        """It would be there for a new query, too, but would bring nothing: a is credited all the same."""
        always = parse_actions({"a": {"levels": [0, 5]}, "m": {"kind": "memory", "levels": [5]}}, 10, {"a": 5})
        logged = {"features": Features(history=KNOWN), "baseline_share": 1.0}
        VWPolicy().learn(make_settled(always, {"a": 5, "m": 5}, {"x": {"a": 2, "m": 1}}, {"x": 1.0}, **logged))
        assert learned[-1][::2] == (True, {"a": SECOND, "m": 0.0})

    def test_a_decision_in_mode_baseline_is_not_learned_as_new_either(self, make_settled, learned):
        VWPolicy().learn(self.settled(make_settled, EVERY_ARM, mode="baseline", preferred={}))
        assert learned == []

    def test_contributions_are_marginal_to_what_a_new_query_would_get(self, make_settled, learned):
        """By now a is preferred for new queries, so of what a finds, too, b is credited with lifting it alone."""
        policy = VWPolicy()
        for _ in range(100):
            policy.learn(self.settled(make_settled, EVERY_ARM))
        del learned[:]
        found = {"x": {"a": 2, "b": 1, "memory": 1}}
        policy.learn(make_settled(self.ACTIONS, EVERY_ARM, found, {"x": 1.0}, features=Features(history=KNOWN)))
        assert learned[-1][2] == {"a": SECOND, "b": 1 - SECOND, "memory": 0.0}
