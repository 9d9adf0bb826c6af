import json
import math
import re
from dataclasses import replace

import pytest

from ltrr_haystack.errors import ConfigurationError, OutdatedSnapshotError, SnapshotError
from ltrr_haystack.policy import vw, vw_workspace
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.gains import AllocationGains, Gain
from ltrr_haystack.policy.leader import Leader
from ltrr_haystack.policy.new_queries import NewQueries
from ltrr_haystack.policy.safe_start import SafeStartGate
from ltrr_haystack.policy.snapshot import pack, unpack
from ltrr_haystack.policy.verdict import verdict
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.policy.vw_workspace import VowpalWorkspace
from ltrr_haystack.policy.warm_start import warm_start
from ltrr_haystack.types import Features

COSTLY = parse_actions(
    {"a": {"levels": [0, 10, 30], "cost_per_call": 0.01, "cost_per_candidate": 0.001}}, 30, {"a": 30}
)


def mean(values):
    return sum(values) / len(values)


def with_state(policy, **changes):
    """The policy as another snapshot would make it."""
    header, model = unpack(policy.to_bytes(), "vw")
    return policy.restored(pack({**header, **changes}, model))


def with_leader_past_its_gate(policy):
    state = unpack(policy.to_bytes(), "vw")[0]["new_queries"]
    opened = {**state["gates"]["leader"], "is_open": True}
    return with_state(policy, new_queries={**state, "gates": {**state["gates"], "leader": opened}})


class TestDistribution:
    def test_inverse_gap_weights_worked_by_hand(self):
        """Nothing predicted, so values are the costs alone: 0, −.02, −.04. After 4 decisions the weight is 100 · √4."""
        policy = VWPolicy()
        policy.fit(COSTLY, Features(), {}, counts=4)
        marginals = policy.distribution(COSTLY, Features()).marginals["a"]
        assert marginals == pytest.approx((1 - 1 / 7 - 1 / 11, 1 / (3 + 200 * 0.02), 1 / (3 + 200 * 0.04)))

    def test_before_the_first_decision_all_levels_are_alike(self):
        assert VWPolicy().distribution(COSTLY, Features()).marginals["a"] == pytest.approx((1 / 3,) * 3)

    def test_without_costs_an_empty_model_prefers_the_baseline(self):
        free = parse_actions({"a": {"levels": [0, 10, 30]}}, 30, {"a": 10})
        assert VWPolicy().distribution(free, Features()).preferred == {"a": 10}

    def test_an_arm_that_always_runs_is_compared_by_its_predicted_values(self):
        always = parse_actions({"a": {"levels": [10, 30], "cost_per_candidate": 0.001}}, 30, {"a": 30})
        policy = VWPolicy()
        policy.fit(always, Features(), {}, counts=4)
        joint = policy.distribution(always, Features())
        assert joint.preferred == {"a": 10}
        assert joint.marginals["a"] == pytest.approx((1 - 1 / 6, 1 / (2 + 200 * 0.02)))

    def test_the_baseline_has_its_share_safe_or_not_and_new_queries_have_a_safe_start_of_their_own(self):
        policy = VWPolicy(safe_baseline_share=0.8, baseline_share=0.1)
        opened = {**SafeStartGate(100, 2.5).to_dict(), "is_open": True}

        def known_and_new():
            joints = [policy.distribution(COSTLY, features) for features in (Features(history=KNOWN), Features())]
            return [(joint.baseline_share, joint.held_back) for joint in joints]

        assert known_and_new() == [(0.8, True), (0.8, True)]
        assert policy.safe_start
        policy = with_state(policy, safe_start=opened)
        assert known_and_new() == [(0.1, False), (0.8, True)]
        assert not policy.safe_start
        policy = with_leader_past_its_gate(policy)
        assert known_and_new() == [(0.1, False), (0.1, False)]

    def test_while_it_is_held_back_memory_may_have_another_share_of_the_baselines(self):
        with_memory = parse_actions(
            {"a": {"levels": [0, 10]}, "memory": {"kind": "memory", "levels": [0, 5]}}, 15, {"a": 10}
        )
        policy = VWPolicy(safe_baseline_share=0.8, baseline_share=0.1, memory_share=0.3, safe_memory_share=0.9)

        def known_and_new():
            joints = [policy.distribution(with_memory, features) for features in (Features(history=KNOWN), Features())]
            return [pytest.approx((joint.baseline_share, joint.memory_share)) for joint in joints]

        assert known_and_new() == [(0.08, 0.72), (0.8, 0.0)]
        policy = with_state(policy, safe_start={**SafeStartGate(100, 2.5).to_dict(), "is_open": True})
        assert known_and_new() == [(0.07, 0.03), (0.8, 0.0)]

    @pytest.mark.parametrize(("share", "held_back"), [(0.9, True), (0.0, False)])
    def test_a_policy_without_a_safe_start_is_nowhere_said_to_be_held_back(self, share, held_back):
        card = VWPolicy().with_settings({"safe_baseline_share": share}).card()
        assert [card["safe_start"], *(card[name]["safe_start"] for name in VWPolicy().estimates())] == [held_back] * 4

    def test_a_model_gone_wrong_plays_the_baseline(self, monkeypatch):
        policy = VWPolicy()
        monkeypatch.setattr(VowpalWorkspace, "predict", lambda workspace, shared, lines: [math.nan] * len(lines))
        joint = policy.distribution(COSTLY, Features())
        assert joint.probability({"a": 30}) == 1
        assert joint.held_back

    def test_for_a_new_query_the_leader_is_played_as_it_is(self, make_settled):
        """
        Nothing costs anything, and c alone finds what is clicked: whether a, b and the memory run makes no difference
        then, and by single arms the baseline's depth would be kept. The leader's is played, whose memory rests.
        """
        arms = {**{name: {"levels": [0, 5]} for name in "abc"}, "m": {"kind": "memory", "levels": [0, 5]}}
        actions = parse_actions(arms, 20, {"a": 5, "b": 5})
        everything = {"a": 5, "b": 5, "c": 5, "m": 5}
        policy, leading = VWPolicy(), Leader()
        settled = make_settled(actions, everything, {"x": {"c": 1}}, {"x": 1.0})
        for _ in range(30):
            policy.fit_whole(settled)
            leading.observe_simulated(settled, 1.0)
        policy, leader = with_leader_past_its_gate(policy), leading.best(actions)
        joint = policy.distribution(actions, Features())
        assert joint.preferred == leader
        assert (leader["c"], leader["m"]) == (5, 0)


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

    @pytest.fixture
    def policy(self, make_settled):
        policy = VWPolicy()
        policy.learn(make_settled(self.ACTIONS, {"a": 10, "b": 10}, {"x": {"a": 1}}, {"x": 1.0}))
        policy.take_up(self.GAINS)
        return policy

    def test_they_decide_for_new_queries_and_for_no_others(self, policy):
        new, known = (policy.distribution(self.ACTIONS, Features(**of)) for of in ({}, {"history": KNOWN}))
        assert new.preferred == {"a": 0, "b": 10}
        assert not new.held_back
        assert known.preferred != new.preferred
        assert known.held_back

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


class TestLearn:
    def test_a_decision_in_mode_baseline_teaches_nothing(self, make_settled):
        settled = make_settled(self.ACTIONS, {"a": 30, "b": 30}, {"x": {"a": 2}}, {"x": 1.0}, mode="baseline")
        policy = VWPolicy()
        before = policy.to_bytes()
        assert policy.learn(settled) == {"a": 1.0, "b": 0.0}
        assert policy.to_bytes() == before

    ACTIONS = parse_actions({"a": {"levels": [0, 5, 30]}, "b": {"levels": [0, 5, 30]}}, 60, {"a": 30, "b": 30})

    def value(self, policy, arm, level, **features):
        row = policy.values(self.ACTIONS, Features(**features))[self.ACTIONS.names.index(arm)]
        return row[(0, 5, 30).index(level)]

    def test_comes_to_know_the_credit_of_every_level_up_to_the_drawn_one(self, make_settled):
        policy = VWPolicy()
        """The arms take turns in the union: y is fourth, and second without a; x is 22nd, and 20th without b."""
        settled = make_settled(self.ACTIONS, {"a": 30, "b": 5}, {"x": {"a": 20}, "y": {"b": 2}}, {"x": 0.5, "y": 0.25})
        x_alone, y_alone = 0.5 * math.sqrt(22 / 20), 0.25 * math.sqrt(4 / 2)
        for _ in range(300):
            assert policy.learn(settled) == pytest.approx({"a": 0.75 - y_alone, "b": 0.75 - x_alone})
        assert policy.n == 300
        assert self.value(policy, "a", 30) == pytest.approx(0.75 - y_alone, abs=0.05)
        assert self.value(policy, "a", 5) == pytest.approx(0.25 - y_alone, abs=0.05)
        assert self.value(policy, "b", 5) == pytest.approx(0.75 - x_alone, abs=0.05)

    def test_leaves_an_arm_that_fails(self, make_settled):
        policy = VWPolicy()
        worked = make_settled(self.ACTIONS, {"a": 5, "b": 5}, {"y": {"b": 2}}, {"y": 1.0})
        failed = make_settled(self.ACTIONS, {"a": 5, "b": 5}, {"x": {"a": 2}}, {"x": 1.0})
        for settled in [worked] * 50 + [failed] * 300:
            policy.learn(settled)
        assert self.value(policy, "b", 5) < 0.1 < self.value(policy, "a", 5)

    def test_tells_queries_apart_by_their_features(self, make_settled):
        policy = VWPolicy()
        named, broad = Features(query={"type": "navigational"}), Features(query={"type": "broad"})
        shown = {"x": {"a": 2}, "y": {"b": 2}}
        for _ in range(300):
            policy.learn(make_settled(self.ACTIONS, {"a": 5, "b": 5}, shown, {"x": 1.0}, features=named))
            policy.learn(make_settled(self.ACTIONS, {"a": 5, "b": 5}, shown, {"y": 1.0}, features=broad))
        assert self.value(policy, "a", 5, query=named.query) > 0.8
        assert self.value(policy, "a", 5, query=broad.query) < 0.2

    def test_tells_queries_apart_by_the_arms_history(self, make_settled):
        policy = VWPolicy()
        good, bad = {"a": {"cnt": 0.5, "ctr": 0.5}}, {"a": {"cnt": 0.5, "ctr": 0.0}}
        for _ in range(300):
            for history, rewards in ((good, {"x": 1.0}), (bad, {})):
                settled = make_settled(
                    self.ACTIONS, {"a": 5, "b": 0}, {"x": {"a": 2}}, rewards, features=Features(history=history)
                )
                policy.learn(settled)
        assert self.value(policy, "a", 5, history=good) > self.value(policy, "a", 5, history=bad) + 0.4

    def test_repeating_a_search_makes_the_best_likelier(self, make_settled):
        policy = VWPolicy()
        settled = make_settled(self.ACTIONS, {"a": 5, "b": 5}, {"x": {"a": 2}}, {"x": 1.0})
        likely = []
        for _ in range(3):
            for _ in range(30):
                policy.learn(settled)
            likely.append(policy.distribution(self.ACTIONS, Features()).marginals["a"][1])
        assert likely == sorted(likely)


EVERY_ARM = {"a": 5, "b": 5, "memory": 5}
KNOWN = {"a": {"cnt": 0.5, "ctr": 0.2}, "memory": {"cnt": 0.5, "ctr": 0.8}}


SECOND = math.sqrt(1 / 2)
"""What is left of a reward that moves from the first place to the second."""


class TestLearnAsNew:
    """
    What is clicked has always been found by memory, first; of the other arms a finds it, too, at rank 2, and b does
    not. Every query was searched before.
    """

    ACTIONS = parse_actions(
        {
            "a": {"levels": [0, 5], "cost_per_call": 0.1},
            "b": {"levels": [0, 5], "cost_per_call": 0.1},
            "memory": {"kind": "memory", "levels": [0, 5], "cost_per_call": 0.01},
        },
        15,
        {"a": 5, "b": 5},
    )

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


class TestFit:
    ACTIONS = parse_actions({"a": {"levels": [0, 5]}, "b": {"levels": [0, 5]}}, 10, {"a": 5})

    def test_teaches_of_known_queries_and_of_new_ones(self):
        policy = VWPolicy()
        for _ in range(300):
            policy.fit(self.ACTIONS, Features(), {"a": {5: 0.6}, "b": {5: 0.0}})
        for features in (Features(), Features(history=KNOWN)):
            (_, a), (_, b) = policy.values(self.ACTIONS, features)
            assert a == pytest.approx(0.6, abs=0.05)
            assert b == pytest.approx(0.0, abs=0.05)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (Features(query={"type": "navigational"}), Features(query={"type": "broad"})),
            (Features(time={"weekday": "0"}), Features(time={"weekday": "6"})),
        ],
    )
    def test_query_and_time_matter_for_the_arm_of_which_it_was_learned_and_for_no_other(self, one, other):
        """The one time a is worth .5, the other time nothing; of b nothing was said."""
        policy = VWPolicy()
        for _ in range(100):
            policy.fit(self.ACTIONS, one, {"a": {5: 0.5}})
            policy.fit(self.ACTIONS, other, {"a": {5: 0.0}})
        (_, a_then), (_, b_then) = policy.values(self.ACTIONS, one)
        (_, a_now), (_, b_now) = policy.values(self.ACTIONS, other)
        assert a_then > a_now + 0.3
        assert b_then == b_now


class TestSnapshot:
    def lessons(self, make_world, count):
        world, policy, lessons = make_world(5), VWPolicy(), []
        for seq in range(count):
            query = world.query()
            joint = policy.distribution(world.actions, query.features)
            lessons.append(world.settled(seq, query, joint, joint.sample(world.rng), policy))
        return lessons

    def test_going_on_from_a_snapshot_equals_going_on_to_the_bit(self, make_world):
        """However often a snapshot was taken, and whether learning went on from it or not."""
        lessons = self.lessons(make_world, 60)
        straight, looked_at, resumed = VWPolicy(), VWPolicy(), VWPolicy()
        for number, lesson in enumerate(lessons):
            credited = {tuple(policy.learn(lesson).items()) for policy in (straight, looked_at, resumed)}
            assert len(credited) == 1
            if number % 7 == 0:
                looked_at.to_bytes()
            if number % 11 == 0:
                resumed = resumed.restored(resumed.to_bytes())
        assert straight.to_bytes() == looked_at.to_bytes() == resumed.to_bytes()
        assert resumed.n == 60
        assert resumed.estimates() == straight.estimates()

    def test_exploration_may_be_changed_without_losing_what_was_learned(self, make_world):
        policy = VWPolicy()
        for lesson in self.lessons(make_world, 20):
            policy.learn(lesson)
        bolder = VWPolicy(gamma=10.0, floor=0.1, baseline_share=0.2, safe_baseline_share=0.5, safe_min=50, safe_z=2.0)
        assert bolder.restored(policy.to_bytes()).to_bytes() == policy.to_bytes()

    def test_a_snapshot_of_another_model_is_refused(self):
        with pytest.raises(SnapshotError, match="made with bits=18, in use is bits=20"):
            VWPolicy(bits=20).restored(VWPolicy().to_bytes())

    def test_a_snapshot_that_learned_from_other_lines_is_refused(self, monkeypatch):
        monkeypatch.setattr(vw, "_LINES_VERSION", 1)
        older = VWPolicy().to_bytes()
        monkeypatch.undo()
        with pytest.raises(OutdatedSnapshotError, match=f"made with lines=1, in use is lines={vw._LINES_VERSION}"):
            VWPolicy().restored(older)

    def test_a_snapshot_whose_gates_tell_of_value_alone_is_of_an_earlier_version(self):
        """As the version before wrote it: learning begins anew then, and nothing is damaged."""
        header, model = unpack(VWPolicy().to_bytes(), "vw")
        gate = {"is_open": True, "settled": 9, "mean": 0.1, "squares": 0.2, "weight": 9.0, "squared_weight": 9.0}
        older = {**header, "settings": {**header["settings"], "lines": 4}, "safe_start": gate}
        with pytest.raises(OutdatedSnapshotError, match="an earlier version of ltrr-haystack made it"):
            VWPolicy().restored(pack(older, model))

    @pytest.mark.parametrize("lost", ["settings", "n", "safe_start", "new_queries", "probe"])
    def test_a_snapshot_that_lacks_something_is_refused_in_words(self, lost):
        header, model = unpack(VWPolicy().to_bytes(), "vw")
        del header[lost]
        with pytest.raises(SnapshotError, match=r"incompatible \(KeyError: .*; activate another version"):
            VWPolicy().restored(pack(header, model))


class TestSettings:
    @pytest.mark.parametrize(
        ("setting", "value"),
        [
            ("gamma", 0.0),
            ("gamma", math.nan),
            ("floor", 0.0),
            ("baseline_share", 1.0),
            ("safe_baseline_share", -0.1),
            ("safe_memory_share", 1.0),
            ("safe_min", 1),
            ("safe_z", 0.0),
            ("learning_rate", math.inf),
            ("bits", 40),
        ],
    )
    def test_refuses_what_cannot_work(self, setting, value):
        with pytest.raises(ConfigurationError, match=f"{setting} of VWPolicy must be"):
            VWPolicy(**{setting: value})

    def test_opens_nothing_before_its_first_use(self, monkeypatch):
        monkeypatch.setattr(vw_workspace.pyvw, "Workspace", None)
        assert VWPolicy().n == 0


class TestLearningInASmallWorld:
    """For one kind of query bm25 suffices, for the other dense; the baseline runs all three arms at full depth."""

    def test_cold_it_beats_the_baseline_soon_and_then_learns_which_arm_is_for_which_query(self, make_world):
        """Every query is new; the model soon gains more than the best allocation for all of them."""
        world, policy = make_world(1), VWPolicy()
        ours, baseline, opened = world.live(policy, 1000)
        assert 100 <= opened < 500
        assert mean(ours[-500:]) > mean(baseline[-500:]) + 0.1
        ours, baseline, _ = world.live(policy, 2000)
        assert policy.card()["new_queries"] == "contextual"
        assert mean(ours[-500:]) > mean(baseline[-500:]) + 0.15
        rests = {}
        while len(rests) < 2:
            query = world.query()
            marginals = policy.distribution(world.actions, query.features).marginals
            rests[query.kind] = {arm: row[0] for arm, row in marginals.items()}
        assert rests["navigational"]["dense"] > 5 * rests["navigational"]["bm25"]
        assert rests["topical"]["bm25"] > 5 * rests["topical"]["dense"]

    def test_warm_it_is_let_loose_no_later_and_loses_less(self, make_world):
        world, cold = make_world(2), VWPolicy()
        cold_values, _, cold_opened = world.live(cold, 700)
        world, warm = make_world(2), VWPolicy()
        warm_start(warm, [world.labelled(world.query()) for _ in range(300)], world.actions, page=90)
        assert warm.safe_start
        warm_values, baseline, warm_opened = world.live(warm, 700)
        assert warm_opened <= cold_opened
        assert mean(warm_values) > mean(cold_values)
        assert mean(warm_values) > mean(baseline)
