"""What holds for every policy, new or experienced."""

import json
import math
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from haystack.core.serialization import import_class_by_name

from ltrr_haystack.errors import ConfigurationError, SnapshotError
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.policy.protocol import Policy
from ltrr_haystack.policy.static import StaticPolicy
from ltrr_haystack.policy.uniform import UniformPolicy
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.types import Decision, Features

ARMS = {
    "bm25": {"kind": "lexical", "levels": [0, 10, 30], "cost_per_candidate": 0.001},
    "dense": {"kind": "dense", "levels": [0, 10, 30], "cost_per_candidate": 0.001},
    "sparse": {"kind": "lexical", "levels": [10, 20], "cost_per_call": 0.01},
}
ACTIONS = parse_actions(ARMS, 60, {"bm25": 30, "dense": 10})
"""The baseline rests an arm that otherwise always runs, and full depth everywhere would break the budget."""

FEATURES = Features(
    query={"type": "topical", "length": "2", "context.age": 3.5},
    time={"weekday": "4"},
    history={"bm25": {"cnt": 0.51, "ctr": 0.2}},
)
HOSTILE = [
    "x\n0:-100:1.0 |a a=bm25",
    "\nshared |q c",
    "a|a a=bm25",
    "a |d a=bm25^30:1000",
    "a:1e38",
    ":inf",
    "\t|q x",
    "\r\n\r\n",
    "\x00\x01\x7f",
    "\u2028\u0085\ufeff",
    "日本語 ∞ 🎵",
    "\ud800\udfff",
    "",
    " ",
    "7",
    "-0x1p5",
    "'tag",
    "#",
    "%0A",
    "^",
    "=",
    "x" * 100_000,
]

MAKERS = {
    "static": StaticPolicy,
    "static-given": lambda: StaticPolicy({"bm25": 30, "sparse": 10}),
    "uniform": UniformPolicy,
    "vw": VWPolicy,
    "vw-eager": lambda: VWPolicy(gamma=1000.0, floor=0.05, safe_baseline_share=0.05),
}


def lessons(make_settled, count):
    """Varied settled decisions, as another policy might have logged them."""
    rng = random.Random(11)
    joint = UniformPolicy().distribution(ACTIONS, FEATURES)
    for _ in range(count):
        allocation = joint.sample(rng)
        shown = {
            f"d{i}": {arm: rng.randint(1, depth) for arm, depth in allocation.items() if depth and rng.random() < 0.6}
            for i in range(6)
        }
        shown = {object_id: arms for object_id, arms in shown.items() if arms}
        features = replace(FEATURES, query={"type": rng.choice(["topical", "navigational"])})
        rewards = {object_id: rng.choice([1.0, 1.0, 3.0, -1.0]) for object_id in shown if rng.random() < 0.3}
        yield make_settled(
            ACTIONS,
            allocation,
            shown,
            rewards,
            features=features,
            propensity=joint.probability(allocation),
            marginals=joint.marginals,
            floor=joint.floor,
            preferred={"bm25": 10, "dense": 0, "sparse": 10},
        )


@pytest.fixture(params=[(name, state) for name in MAKERS for state in ("new", "experienced")], ids="-".join)
def make(request, make_settled):
    """A maker of equal policies."""
    name, state = request.param

    def maker():
        policy = MAKERS[name]()
        if state == "experienced":
            for settled in lessons(make_settled, 40):
                policy.learn(settled)
        return policy

    return maker


@pytest.fixture
def policy(make):
    return make()


def exactly(joint):
    """All that a distribution says, to the bit."""
    return list(joint.enumerate()), dict(joint.marginals), joint.baseline_share, joint.floor, dict(joint.preferred)


class TestProtocol:
    def test_is_a_policy(self, policy):
        assert isinstance(policy, Policy)
        assert policy.name in {"static", "uniform", "vw"}

    def test_settings_go_to_a_dictionary_and_back(self, policy):
        data = json.loads(json.dumps(policy.to_dict()))
        again = import_class_by_name(data["type"]).from_dict(data)
        assert type(again) is type(policy)
        assert again.to_dict() == policy.to_dict()

    def test_says_what_it_is(self, policy):
        assert repr(policy).startswith(type(policy).__name__)


class TestDistribution:
    def test_probabilities_sum_up_to_1(self, policy):
        probabilities = [probability for _, probability in policy.distribution(ACTIONS, FEATURES).enumerate()]
        assert math.fsum(probabilities) == pytest.approx(1)
        assert all(0 <= probability <= 1 + 1e-12 for probability in probabilities)

    def test_who_explores_gives_every_feasible_allocation_its_floor_and_who_does_not_plays_one(self, policy):
        joint = policy.distribution(ACTIONS, FEATURES)
        if policy.explores:
            least = (1 - joint.baseline_share) * joint.floor / joint.feasible
            assert least > 0
            feasible = [
                probability
                for allocation, probability in joint.enumerate()
                if all(allocation[arm.name] in arm.levels for arm in ACTIONS.arms)
            ]
            assert len(feasible) == joint.feasible == 16
            assert min(feasible) >= least * (1 - 1e-9)
        else:
            assert sorted(probability for _, probability in joint.enumerate())[-2:] == [0.0, 1.0]

    def test_the_budget_is_never_broken(self, policy):
        joint = policy.distribution(ACTIONS, FEATURES)
        rng = random.Random(5)
        for _ in range(500):
            allocation = joint.sample(rng)
            assert sum(allocation.values()) <= 60
            assert joint.probability(allocation) > 0
        assert sum(joint.preferred.values()) <= 60

    def test_propensity_is_the_frequency(self, policy):
        joint = policy.distribution(ACTIONS, FEATURES)
        rng = random.Random(8)
        count = 5_000
        drawn = Counter(tuple(joint.sample(rng).values()) for _ in range(count))
        expected = {tuple(allocation.values()): count * p for allocation, p in joint.enumerate()}
        often = {depths: n for depths, n in expected.items() if n >= 5}
        rest = max(0.0, count - sum(often.values()))
        statistic = sum((drawn[depths] - n) ** 2 / n for depths, n in often.items())
        assert statistic < len(often) + 4 * math.sqrt(2 * len(often))
        assert sum(n for depths, n in drawn.items() if depths not in often) <= rest + 4 * math.sqrt(rest) + 1e-6

    def test_the_same_seed_makes_the_same_choice(self, make):
        choices = []
        for policy in (make(), make()):
            rng = random.Random(21)
            choices.append([policy.distribution(ACTIONS, FEATURES).sample(rng) for _ in range(50)])
        assert choices[0] == choices[1]

    def test_a_logged_decision_tells_its_propensity_again(self, policy, make_settled):
        joint = policy.distribution(ACTIONS, FEATURES)
        allocation = joint.sample(random.Random(2))
        decision = make_settled(
            ACTIONS,
            allocation,
            {},
            {},
            propensity=joint.probability(allocation),
            marginals=joint.marginals,
            baseline_share=joint.baseline_share,
            floor=joint.floor,
            preferred=joint.preferred,
        ).decision
        logged = Decision.from_json(decision.to_json())
        assert JointDistribution.of(logged).probability(logged.allocation) == logged.propensity
        assert exactly(JointDistribution.of(logged)) == exactly(joint)


class TestLearn:
    def test_credits_the_arms_that_ran_at_the_depth_they_drew(self, policy, make_settled):
        settled = make_settled(
            ACTIONS,
            {"bm25": 30, "dense": 10, "sparse": 0},
            {"x": {"bm25": 25}, "y": {"bm25": 1, "dense": 1}},
            {"x": 2.0, "y": 1.0},
        )
        assert policy.learn(settled) == {"bm25": 2.0, "dense": 0.0}

    def test_the_same_lessons_give_the_same_state(self, make):
        assert make().to_bytes() == make().to_bytes()

    def test_numbers_that_are_not_finite_teach_nothing(self, make, make_settled):
        poisoned, healthy = make(), make()
        bad = {"bm25": {"cnt": math.nan, "ctr": math.inf, "ret": 0.3}}
        good = {"bm25": {"ret": 0.3}}
        shown = {"x": {"bm25": 3}, "y": {"dense": 3}}
        for policy, query, history, rewards in (
            (poisoned, {"n": math.nan, "i": -math.inf, "type": "topical"}, bad, {"x": math.inf, "y": math.nan}),
            (healthy, {"type": "topical"}, good, {}),
        ):
            features = Features(query=query, history=history)
            policy.learn(make_settled(ACTIONS, {"bm25": 10, "dense": 10}, shown, rewards, features=features))
        assert poisoned.to_bytes() == healthy.to_bytes()
        poisonous = Features(query={"n": math.nan, "type": "topical"}, history=bad)
        wholesome = Features(query={"type": "topical"}, history=good)
        assert exactly(poisoned.distribution(ACTIONS, poisonous)) == exactly(healthy.distribution(ACTIONS, wholesome))

    def test_numbers_beyond_all_bounds_do_no_lasting_harm(self, policy, make_settled):
        features = Features(query={"n": 1e308}, history={"bm25": {"ctr": -1e308}})
        policy.learn(make_settled(ACTIONS, {"bm25": 10}, {"x": {"bm25": 1}}, {"x": 1e308}, features=features))
        joint = policy.restored(policy.to_bytes()).distribution(ACTIONS, features)
        assert math.fsum(probability for _, probability in joint.enumerate()) == pytest.approx(1)

    def test_others_may_ask_while_it_learns(self, make, make_settled):
        policy, alone = make(), make()
        done = threading.Event()

        def ask():
            while not done.is_set():
                policy.distribution(ACTIONS, FEATURES).sample(random.Random(1))

        with ThreadPoolExecutor(4) as pool:
            asking = [pool.submit(ask) for _ in range(4)]
            for settled in lessons(make_settled, 60):
                policy.learn(settled)
            done.set()
        assert [call.exception() for call in asking] == [None] * 4
        for settled in lessons(make_settled, 60):
            alone.learn(settled)
        assert exactly(policy.distribution(ACTIONS, FEATURES)) == exactly(alone.distribution(ACTIONS, FEATURES))


class TestChangedActions:
    """Static policies keep to bm25 30 and sparse 10, which are left in place."""

    def changed(self, policy, arms, budget=80):
        joint = policy.distribution(parse_actions(arms, budget, {"bm25": 30, "sparse": 10}), FEATURES)
        pairs = list(joint.enumerate())
        assert math.fsum(probability for _, probability in pairs) == pytest.approx(1)
        return joint, pairs

    def test_an_arm_is_added(self, policy):
        _, pairs = self.changed(policy, {**ARMS, "memory": {"levels": [0, 10]}})
        run = math.fsum(probability for allocation, probability in pairs if allocation["memory"] == 10)
        assert run > 0 or not policy.explores

    def test_an_arm_is_removed(self, policy):
        joint, _ = self.changed(policy, {"bm25": ARMS["bm25"], "sparse": ARMS["sparse"]})
        assert set(joint.preferred) == {"bm25", "sparse"}

    def test_a_level_is_added(self, policy):
        dense = {**ARMS["dense"], "levels": [0, 5, 10, 20, 30]}
        joint, _ = self.changed(policy, {**ARMS, "dense": dense})
        assert joint.probability({"bm25": 0, "dense": 20, "sparse": 10}) > 0 or not policy.explores

    def test_a_level_is_removed(self, policy):
        joint, _ = self.changed(policy, {**ARMS, "dense": {**ARMS["dense"], "levels": [0, 30]}})
        assert joint.probability({"bm25": 0, "dense": 10, "sparse": 10}) == 0

    def test_what_remains_is_predicted_as_before(self, policy):
        before = policy.distribution(ACTIONS, FEATURES).marginals
        after = self.changed(policy, {**ARMS, "memory": {"levels": [0, 10]}})[0].marginals
        assert {arm: after[arm] for arm in before if policy.explores} == (before if policy.explores else {})

    def test_a_fixed_allocation_that_is_gone_is_named(self):
        with pytest.raises(ConfigurationError, match="names unknown arm 'sparse'"):
            MAKERS["static-given"]().distribution(parse_actions({"bm25": ARMS["bm25"]}, 60, {"bm25": 30}), FEATURES)


class TestHostileFeatures:
    @pytest.mark.parametrize("text", HOSTILE)
    def test_a_text_is_one_unknown_category_and_nothing_more(self, policy, text):
        """It leaves the predictions as any word would that the policy has never met."""
        harmless = policy.distribution(ACTIONS, replace(FEATURES, query={"context.city": "nowhere"}))
        hostile = policy.distribution(ACTIONS, replace(FEATURES, query={"context.city": text}))
        assert exactly(hostile) == exactly(harmless)

    @pytest.mark.parametrize("text", HOSTILE)
    def test_a_name_is_one_unknown_name_and_nothing_more(self, policy, text):
        harmless = policy.distribution(ACTIONS, Features({"nothing": 0.5}, {"never": "no"}, {"bm25": {"none": 0.1}}))
        hostile = policy.distribution(ACTIONS, Features({text: 0.5}, {text: "no"}, {"bm25": {text: 0.1}}))
        assert exactly(hostile) == exactly(harmless)

    @pytest.mark.parametrize("text", HOSTILE)
    def test_learning_from_it_teaches_what_a_harmless_word_would(self, policy, make_settled, text):
        learned = []
        for word in (text, "harmless"):
            pupil = policy.restored(policy.to_bytes())
            features = Features({word: word, "key": word}, {word: word}, {"bm25": {word: 0.5}})
            settled = make_settled(ACTIONS, {"bm25": 10}, {"x": {"bm25": 1}}, {"x": 1.0}, features=features)
            for _ in range(3):
                assert pupil.learn(settled) == {"bm25": 1.0}
            learned.append(exactly(pupil.distribution(ACTIONS, Features())))
        assert learned[0] == learned[1]


class TestSnapshot:
    def test_gives_the_same_distributions_to_the_bit(self, policy):
        again = policy.restored(policy.to_bytes())
        for features in (FEATURES, Features(), Features(query={"type": "navigational"})):
            assert exactly(again.distribution(ACTIONS, features)) == exactly(policy.distribution(ACTIONS, features))
        assert again.distribution(ACTIONS, FEATURES).held_back == policy.distribution(ACTIONS, FEATURES).held_back

    def test_is_the_same_after_it_was_restored(self, policy):
        assert policy.restored(policy.to_bytes()).to_bytes() == policy.to_bytes()

    def test_damage_is_recognised(self, policy):
        payload = policy.to_bytes()
        step = max(1, len(payload) // 150)
        damaged = [payload[:length] for length in range(0, len(payload), step)]
        damaged += [payload[:-1], payload + b"\x00", payload[1:]]
        for place in range(0, len(payload), step):
            flipped = bytearray(payload)
            flipped[place] ^= 0x40
            damaged.append(bytes(flipped))
        for one in damaged:
            with pytest.raises(SnapshotError):
                policy.restored(one)

    def test_another_policys_is_refused(self, policy):
        other = UniformPolicy() if policy.name != "uniform" else StaticPolicy()
        with pytest.raises(SnapshotError, match=f"expected '{policy.name}'"):
            policy.restored(other.to_bytes())
