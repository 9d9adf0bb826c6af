import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.errors import SnapshotError
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.moments import HALF_LIFE
from ltrr_haystack.policy.safe_start import SafeStartGate

ACTIONS = parse_actions(
    {"a": {"levels": [0, 10]}, "b": {"levels": [0, 10], "cost_per_call": 0.1}}, 20, {"a": 10, "b": 10}
)
BOTH = {"a": 10, "b": 10}
ONLY_A = {"a": 10, "b": 0}
LOGGED = {"marginals": {"a": (0.5, 0.5), "b": (0.5, 0.5)}, "baseline_share": 0.9, "floor": 0.0, "preferred": ONLY_A}


@pytest.fixture
def clicked_a(make_settled):
    """The baseline was played, and the document of arm a clicked: b was not needed."""
    return make_settled(ACTIONS, BOTH, {"x": {"a": 2}}, {"x": 1.0}, **LOGGED)


@pytest.fixture
def clicked_b(make_settled):
    """The baseline was played, and the document of arm b clicked: the preferred allocation would have missed it."""
    return make_settled(ACTIONS, BOTH, {"x": {"b": 2}}, {"x": 1.0}, **LOGGED)


@pytest.fixture
def nothing_clicked(make_settled):
    return make_settled(ACTIONS, BOTH, {"x": {"b": 2}}, {}, **LOGGED)


class TestDifference:
    """P(X ≥ only a) = .9 + .1/2 = .95 and P(X ≥ both) = .9 + .1/4 = .925."""

    def gain(self, settled):
        gate = SafeStartGate(2, 2.5)
        gate.observe(settled)
        return gate.estimate().gain

    def test_both_known(self, clicked_a, clicked_b):
        assert self.gain(clicked_a) == pytest.approx((1 - (1 - 0.1)) / 0.925)
        assert self.gain(clicked_b) == pytest.approx((0 - (1 - 0.1)) / 0.925)

    def test_only_the_shallower_known(self, make_settled):
        settled = make_settled(ACTIONS, ONLY_A, {"x": {"a": 2}}, {"x": 1.0}, **LOGGED)
        assert self.gain(settled) == 0

    def test_by_itself_each_where_the_budget_does_not_hold_both(self, make_settled):
        """Preferred b at 10, baseline a at 10, budget 10: P(X ≥ b) = .1/3 and P(X ≥ a) = .9 + .1/3."""
        narrow = replace(ACTIONS, budget=10, baseline={"a": 10, "b": 0})
        logged = {**LOGGED, "preferred": {"a": 0, "b": 10}}
        settled = make_settled(narrow, {"a": 10, "b": 0}, {"x": {"a": 2}}, {"x": 1.0}, **logged)
        assert self.gain(settled) == pytest.approx(0 - 1 / (0.9 + 0.1 / 3))

    def test_neither_known(self, make_settled):
        settled = make_settled(ACTIONS, {"a": 0, "b": 10}, {"x": {"b": 2}}, {"x": 1.0}, **LOGGED)
        assert self.gain(settled) == 0

    def test_what_could_hardly_be_seen_is_not_used(self, make_settled):
        rarely = {**LOGGED, "marginals": {"a": (0.999, 0.001), "b": (0.5, 0.5)}, "baseline_share": 0.0}
        assert self.gain(make_settled(ACTIONS, ONLY_A, {"x": {"a": 2}}, {"x": 1.0}, **rarely)) is None

    def test_a_reward_that_is_not_finite_does_no_harm(self, make_settled):
        settled = make_settled(ACTIONS, BOTH, {"x": {"a": 2}}, {"x": math.inf}, **LOGGED)
        assert self.gain(settled) == pytest.approx(0.1 / 0.925)


class TestRewardAndCostApart:
    """The baseline costs .1, the preferred allocation nothing."""

    def estimate(self, *settled, least=2):
        gate = SafeStartGate(least, 2.5)
        for each in settled:
            gate.observe(each)
        return gate.estimate()

    def test_of_one_decision(self, clicked_a, clicked_b):
        kept, lost = self.estimate(clicked_a), self.estimate(clicked_b)
        assert (kept.reward_gain, kept.gain) == (0.0, pytest.approx(0.1 / 0.925))
        assert (lost.reward_gain, lost.gain) == (pytest.approx(-1 / 0.925), pytest.approx(-0.9 / 0.925))
        for estimate in (kept, lost):
            assert (estimate.cost_saved, estimate.baseline_cost, estimate.cost_saved_share) == (0.1, 0.1, 1.0)
            assert estimate.baseline_reward == pytest.approx(1 / 0.925)

    def test_costs_are_known_whatever_was_drawn(self, make_settled, clicked_a):
        elsewhere = make_settled(ACTIONS, {"a": 0, "b": 10}, {"x": {"b": 2}}, {"x": 1.0}, **LOGGED)
        estimate = self.estimate(elsewhere, clicked_a)
        assert (estimate.cost_saved, estimate.baseline_cost) == (pytest.approx(0.1), pytest.approx(0.1))
        assert estimate.gain == pytest.approx(0.05 / 0.925, rel=1e-3)

    def test_by_itself_each_where_the_budget_does_not_hold_both(self, make_settled):
        narrow = replace(ACTIONS, budget=10, baseline={"a": 10, "b": 0})
        logged = {**LOGGED, "preferred": {"a": 0, "b": 10}}
        estimate = self.estimate(make_settled(narrow, {"a": 10, "b": 0}, {"x": {"a": 2}}, {"x": 1.0}, **logged))
        assert estimate.reward_gain == pytest.approx(-1 / (0.9 + 0.1 / 3))
        assert estimate.baseline_reward == pytest.approx(1 / (0.9 + 0.1 / 3))
        assert (estimate.cost_saved, estimate.cost_saved_share) == (-0.1, None)

    def test_mean_and_error_are_the_plain_ones_for_few(self, clicked_a, clicked_b):
        estimate = self.estimate(clicked_a, clicked_a, clicked_b)
        low = -1 / 0.925
        mean = low / 3
        error = math.sqrt((2 * mean**2 + (low - mean) ** 2) / 2 / 3)
        assert estimate.reward_gain == pytest.approx(mean, rel=1e-2)
        assert estimate.reward_standard_error == pytest.approx(error, rel=1e-2)

    def test_the_interval_counts_the_prior_loss_and_comes_when_the_gate_may_decide(self, clicked_a):
        assert self.estimate(*[clicked_a] * 11, least=12).reward_interval is None
        low, high = self.estimate(*[clicked_a] * 12, least=12).reward_interval
        prior_loss = -1 / 0.925
        mean = prior_loss / 13
        error = math.sqrt((12 * mean**2 + (prior_loss - mean) ** 2) / 12 / 13)
        assert (low, high) == (pytest.approx(mean - 2.5 * error, rel=1e-2), pytest.approx(mean + 2.5 * error, rel=1e-2))

    def test_with_nothing_compared_nothing_is_said(self):
        estimate = self.estimate()
        assert (estimate.reward_gain, estimate.reward_standard_error, estimate.reward_interval) == (None, None, None)
        assert estimate.cost_saved_share is None

    @given(st.lists(st.sampled_from(["a", "b", "nothing", "elsewhere"]), min_size=1, max_size=40), st.floats(0.0, 2.0))
    def test_they_add_up_to_the_gain_where_the_pages_are_always_known(self, make_settled, what, cost):
        """The baseline is certain, so each decision tells with weight 1."""
        arms = (ACTIONS.arms[0], replace(ACTIONS.arms[1], cost_per_call=cost))
        certain = {**LOGGED, "mode": "apprentice"}
        rewards = {"a": {"x": 1.0}, "b": {"y": 2.0}, "nothing": {}, "elsewhere": {"z": 1.0}}
        shown = {"x": {"a": 2}, "y": {"b": 1}, "z": {"a": 1, "b": 3}}
        actions = replace(ACTIONS, arms=arms)
        estimate = self.estimate(*[make_settled(actions, BOTH, shown, rewards[each], **certain) for each in what])
        assert estimate.gain == pytest.approx(estimate.reward_gain + estimate.cost_saved, abs=1e-9)


class TestCompare:
    def test_any_two_allocations_by_any_rewards(self, clicked_a):
        gate = SafeStartGate(2, 2.5)
        gate.compare(clicked_a, ONLY_A, {"a": 0, "b": 10}, lambda targets: [3.0 - target["b"] for target in targets])
        assert gate.estimate().gain == pytest.approx(((3.0 - 0) - (3.0 - 10 - 0.1)) / 0.925)

    def test_two_alike_are_agreement(self, clicked_a):
        gate = SafeStartGate(2, 2.5)
        gate.compare(clicked_a, ONLY_A, {"a": 10}, lambda targets: [0.0 for _ in targets])
        assert (gate.estimate().agreement, gate.estimate().compared) == (1.0, 0)


class TestDifferenceInTheOrderOfTheUnion:
    """Both arms find x: a at its tenth rank, b at its first. With b it stands on top, without it at the tenth place."""

    @pytest.fixture
    def sinks(self, make_logged):
        found = {"a": (2, 3, 4, 5, 6, 7, 8, 9, 10, 1), "b": (1,)}
        return make_logged(ACTIONS, BOTH, found, {"x": 1}, {"x": 1.0}, weights={"b": 5.0}, **LOGGED)

    def test_what_sinks_is_lost_in_part(self, sinks):
        gate = SafeStartGate(2, 2.5)
        gate.observe(sinks)
        assert gate.estimate().gain == pytest.approx((math.sqrt(1 / 10) - (1 - 0.1)) / 0.925)

    def test_keeping_all_documents_does_not_open_it_where_the_clicked_ones_sink(self, sinks):
        gate = SafeStartGate(40, 2.5)
        for _ in range(200):
            gate.observe(sinks)
        assert not gate.is_open
        assert gate.estimate().z < -2.5

    def test_where_the_clicked_ones_rise_it_opens(self, make_logged):
        """Only a finds x, and b's own ten stand before it: at the eleventh place with b, without it at the first."""
        found = {"a": (11,), "b": tuple(range(1, 11))}
        rises = make_logged(ACTIONS, BOTH, found, {"x": 11}, {"x": 1.0}, weights={"b": 5.0}, **LOGGED)
        gate = SafeStartGate(40, 2.5)
        for _ in range(40):
            gate.observe(rises)
        assert gate.estimate().gain == pytest.approx((3 - (1 - 0.1)) / 0.925)
        assert gate.is_open


class TestSafeStartGate:
    def test_mean_error_and_z_are_the_plain_ones_for_few(self, clicked_a, clicked_b):
        gate = SafeStartGate(2, 2.5)
        for _ in range(3):
            gate.observe(clicked_a)
        gate.observe(clicked_b)
        high, low = 0.1 / 0.925, -0.9 / 0.925
        mean = (3 * high + low) / 4
        error = math.sqrt((3 * (high - mean) ** 2 + (low - mean) ** 2) / 3 / 4)
        estimate = gate.estimate()
        assert estimate.gain == pytest.approx(mean, rel=1e-2)
        assert estimate.standard_error == pytest.approx(error, rel=1e-2)

    def test_z_counts_the_prior_loss(self, clicked_a, clicked_b):
        """As if a fifth decision had lost a reward of 1, weighted as the others."""
        gate = SafeStartGate(2, 2.5)
        for settled in (clicked_a, clicked_a, clicked_b, clicked_a):
            gate.observe(settled)
        seen = [0.1 / 0.925, 0.1 / 0.925, -0.9 / 0.925, 0.1 / 0.925, -1 / 0.925]
        mean = sum(seen) / 5
        error = math.sqrt(sum((difference - mean) ** 2 for difference in seen) / 4 / 5)
        assert gate.estimate().z == pytest.approx(mean / error, rel=1e-2)

    def test_a_worse_policy_that_is_seldom_seen_stays_held_back(self, make_settled):
        """
        Preferred is b, deeper than the baseline; both are drawn in one decision of forty, and b gains .06 there, but
        for every fifteenth time, when it loses a click: the first fourteen say that it is better, and it is not.
        """
        actions = parse_actions({"a": {"levels": [0, 10]}, "b": {"levels": [0, 10]}}, 20, {"a": 10})
        logged = {
            "marginals": {"a": (0.5, 0.5), "b": (0.5, 0.5)},
            "baseline_share": 0.9,
            "floor": 0.0,
            "preferred": {"a": 0, "b": 10},
        }
        alone = make_settled(actions, {"a": 10, "b": 0}, {"x": {"a": 2}}, {"x": 1.0}, **logged)
        gain = make_settled(actions, {"a": 10, "b": 10}, {"x": {"b": 2}}, {"x": 0.06}, **logged)
        loss = make_settled(actions, {"a": 10, "b": 10}, {"x": {"a": 2}}, {"x": 1.0}, **logged)
        gate, opened = SafeStartGate(5, 2.5), False
        for pair in range(90):
            for settled in [alone] * 39 + [loss if pair % 15 == 14 else gain]:
                gate.observe(settled)
                opened = opened or gate.is_open
        assert gate.estimate().compared == 90
        assert not opened

    def test_z_forgets_as_the_mean_does(self, clicked_a, clicked_b):
        """Each weighs half after another `HALF_LIFE`, the prior_loss 1; the effective size is (Σw)² / Σw²."""
        settled = [clicked_b if number % 9 == 0 else clicked_a for number in range(1500)]
        gate = SafeStartGate(2, 2.5)
        for each in settled:
            gate.observe(each)
        weights = [0.5 ** ((1499 - number) / HALF_LIFE) for number in range(1500)] + [1.0]
        seen = [(-0.9 if each is clicked_b else 0.1) / 0.925 for each in settled] + [-1 / 0.925]
        total = sum(weights)
        mean = sum(weight * one for weight, one in zip(weights, seen, strict=True)) / total
        squares = sum(weight * (one - mean) ** 2 for weight, one in zip(weights, seen, strict=True))
        size = total**2 / sum(weight**2 for weight in weights)
        assert gate.estimate().z == pytest.approx(mean / math.sqrt(squares / total / (size - 1)), rel=1e-6)

    def test_an_incompatible_state_is_refused(self):
        state = SafeStartGate(2, 2.5).to_dict()
        del state["rarest"]
        with pytest.raises(SnapshotError, match="lacks rarest"):
            SafeStartGate.from_dict(2, 2.5, state)

    def test_before_the_first_difference_nothing_is_known(self):
        assert SafeStartGate(2, 2.5).estimate().z == 0

    def test_opens_with_enough_evidence_and_not_before(self, clicked_a, nothing_clicked):
        gate = SafeStartGate(40, 2.5)
        for _ in range(39):
            gate.observe(clicked_a)
        gate_after_39 = gate.is_open
        gate.observe(nothing_clicked)
        assert not gate_after_39
        assert gate.is_open

    def test_stays_open_within_the_hysteresis_and_closes_when_it_turns(self, clicked_a, clicked_b, nothing_clicked):
        gate = SafeStartGate(40, 2.5)
        for settled in [clicked_a] * 39 + [nothing_clicked]:
            gate.observe(settled)
        seen = []
        while gate.is_open:
            gate.observe(clicked_b)
            seen.append(gate.estimate().z)
        assert seen[0] > -2.5
        assert any(-2.5 < z < 0 for z in seen[:-1])
        assert seen[-1] <= -2.5

    def test_costs_alone_do_not_open_it(self, nothing_clicked, make_settled):
        gate = SafeStartGate(20, 2.5)
        elsewhere = make_settled(ACTIONS, ONLY_A, {"x": {"a": 2}}, {}, **LOGGED)
        for _ in range(100):
            gate.observe(nothing_clicked)
            gate.observe(elsewhere)
        assert gate.estimate().z > 2.5
        assert not gate.is_open

    def test_agreement_is_counted_and_tells_nothing(self, make_settled, clicked_a):
        gate = SafeStartGate(2, 2.5)
        gate.observe(clicked_a)
        before = gate.estimate()
        agreeing = make_settled(ACTIONS, BOTH, {"x": {"a": 2}}, {"x": 1.0}, **{**LOGGED, "preferred": BOTH})
        for _ in range(3):
            gate.observe(agreeing)
        after = gate.estimate()
        assert (after.settled, after.agreement, after.compared) == (4, 0.75, 1)
        assert (after.gain, after.z) == (before.gain, before.z)

    def test_a_decision_without_a_preference_is_passed_over(self, make_settled):
        gate = SafeStartGate(2, 2.5)
        gate.observe(make_settled(ACTIONS, BOTH, {}, {}, mode="baseline"))
        assert gate.estimate().settled == 0

    def test_what_is_long_ago_is_forgotten(self, clicked_a, clicked_b):
        gate = SafeStartGate(2, 2.5)
        for settled in [clicked_a] * 100 + [clicked_b] * int(HALF_LIFE):
            gate.observe(settled)
        low = -0.9 / 0.925
        high = 1 / 0.95 + low
        plain = (100 * high + HALF_LIFE * low) / (100 + HALF_LIFE)
        assert low < gate.estimate().gain < plain

    def test_goes_through_json_and_on_as_if_nothing_had_been(self, clicked_a, clicked_b):
        one = SafeStartGate(2, 2.5)
        for settled in (clicked_a, clicked_b, clicked_a):
            one.observe(settled)
        other = SafeStartGate.from_dict(2, 2.5, json.loads(json.dumps(one.to_dict())))
        for gate in (one, other):
            gate.observe(clicked_b)
        assert other.to_dict() == one.to_dict()
        assert other.estimate() == one.estimate()
