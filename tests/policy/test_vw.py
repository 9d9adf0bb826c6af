import math

import pytest

from ltrr_haystack.errors import ConfigurationError, OutdatedSnapshotError, SnapshotError
from ltrr_haystack.policy import vw, vw_workspace
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.leader import Leader
from ltrr_haystack.policy.safe_start import SafeStartGate
from ltrr_haystack.policy.snapshot import pack, unpack
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.policy.vw_workspace import VowpalWorkspace
from ltrr_haystack.policy.warm_start import warm_start
from ltrr_haystack.types import Features

COSTLY = parse_actions(
    {"a": {"levels": [0, 10, 30], "cost_per_call": 0.01, "cost_per_candidate": 0.001}}, 30, {"a": 30}
)
KNOWN = {"a": {"cnt": 0.5, "ctr": 0.2}, "memory": {"cnt": 0.5, "ctr": 0.8}}


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
        policy, leader = with_leader_past_its_gate(policy), leading.preference(actions).allocation
        joint = policy.distribution(actions, Features())
        assert joint.preferred == leader
        assert (leader["c"], leader["m"]) == (5, 0)


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
            ("bits", 18.5),
            ("safe_min", math.inf),
            ("memory_share", "x"),
            ("safe_min", "x"),
            ("gamma", None),
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
