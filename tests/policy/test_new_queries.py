import json
from dataclasses import replace
from itertools import product

import pytest

from factories import TWO_ARMS_AND_MEMORY
from ltrr_haystack.errors import SnapshotError
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.experts import experts_of
from ltrr_haystack.policy.gains import AllocationGains, Gain
from ltrr_haystack.policy.moments import Moments
from ltrr_haystack.policy.new_queries import CONTEXTUAL, LEADER, MEASURED, NewQueries
from ltrr_haystack.policy.preference import REFUSED_LOSS
from ltrr_haystack.policy.safe_start import SafeStartGate
from ltrr_haystack.types import Features

ACTIONS = TWO_ARMS_AND_MEMORY
BASELINE, ONLY_A, ONLY_B = {"a": 5, "b": 5, "memory": 0}, {"a": 5, "b": 0, "memory": 0}, {"a": 0, "b": 5, "memory": 0}
KNOWN = Features(history={"memory": {"cnt": 0.5, "ctr": 0.8}})


@pytest.fixture
def clicked(make_settled):
    """A query searched before: memory and arm a found what was clicked, b did not. The baseline was played."""
    logged = {
        "features": KNOWN,
        "preferred": {"a": 0, "b": 0, "memory": 5},
        "marginals": {"a": (0.5, 0.5), "b": (0.5, 0.5), "memory": (0.5, 0.5)},
        "baseline_share": 0.9,
    }
    return make_settled(ACTIONS, {"a": 5, "b": 5, "memory": 5}, {"x": {"a": 2, "memory": 1}}, {"x": 1.0}, **logged)


def taught(settled, contextual, times=60):
    new = NewQueries(20, 2.5)
    for _ in range(times):
        new.observe(settled, contextual)
    return new


def test_nothing_is_let_loose_at_first():
    new = NewQueries(20, 2.5)
    assert new.held_back
    assert new.ahead == CONTEXTUAL


@pytest.fixture
def clicked_anew(clicked):
    """The same, of a query that nobody searched before."""
    return replace(clicked, decision=replace(clicked.decision, features=Features()))


def test_each_is_compared_with_the_baseline_as_if_the_query_were_new(clicked_anew):
    """Without memory x is second: a alone keeps √½ of the reward and saves a call, b alone loses it."""
    good, bad = taught(clicked_anew, ONLY_A), taught(clicked_anew, ONLY_B)
    assert good.estimates()[CONTEXTUAL].gain == pytest.approx(0.1 / (0.9 + 0.1 / 4))
    assert bad.estimates()[CONTEXTUAL].gain == pytest.approx((0.1 - 0.5**0.5) / (0.9 + 0.1 / 4))
    for new in (good, bad):
        assert new.estimates()[LEADER].gain == pytest.approx(0.1 / (0.9 + 0.1 / 4))


def test_a_repeated_search_says_something_of_the_leader_and_nothing_of_the_model(clicked):
    """The model learned from that query before: that it does well there is no wonder."""
    new = taught(clicked, ONLY_A)
    assert new.estimates()[CONTEXTUAL].settled == 0
    assert new.estimates()[LEADER].gain == pytest.approx(0.1 / (0.9 + 0.1 / 4))


def test_what_a_memory_would_bring_makes_no_difference(clicked_anew):
    new = taught(clicked_anew, {**ONLY_A, "memory": 5})
    assert new.estimates()[CONTEXTUAL] == taught(clicked_anew, ONLY_A).estimates()[CONTEXTUAL]


def test_the_better_one_past_its_gate_is_played(clicked_anew):
    worse = taught(clicked_anew, ONLY_B, times=300)
    assert not worse.held_back
    assert worse.ahead == LEADER


def test_the_model_is_played_where_it_is_better(clicked, make_settled):
    """Half of the people want what a finds and half what b finds; the model knows which, the leader plays both."""
    logged = {"preferred": ONLY_A, "marginals": dict.fromkeys(ACTIONS.names, (0.5, 0.5)), "baseline_share": 0.9}
    everything = {"a": 5, "b": 5, "memory": 5}
    new = NewQueries(20, 2.5)
    for _ in range(100):
        for arm, wanted in (("a", ONLY_A), ("b", ONLY_B)):
            new.observe(make_settled(ACTIONS, everything, {"x": {arm: 1}}, {"x": 1.0}, **logged), wanted)
    assert new.leader.preference(ACTIONS).allocation == BASELINE
    assert new.ahead == CONTEXTUAL
    assert not new.held_back


def gates(**estimates):
    """New queries whose gates say so: (whether it is open, gain, agreement) for each."""
    states = {}
    for name, (is_open, gain, agreement) in estimates.items():
        value = {**Moments().to_dict(), "mean": gain, "weight": 1.0}
        counts = {"is_open": is_open, "settled": 100, "agreed": 100 * agreement}
        states[name] = {**SafeStartGate(20, 2.5).to_dict(), **counts, "value": value}
    return NewQueries.from_dict(20, 2.5, {**NewQueries(20, 2.5).to_dict(), "gates": states})


def test_one_past_its_gate_is_played_before_one_that_seems_to_gain_more():
    assert gates(contextual=(False, 0.9, 0.0), leader=(True, 0.1, 0.0)).ahead == LEADER
    assert gates(contextual=(True, 0.1, 0.0), leader=(False, 0.9, 0.0)).ahead == CONTEXTUAL
    assert not gates(contextual=(True, 0.1, 0.0), leader=(False, 0.9, 0.0)).held_back


def test_what_counts_is_the_gain_for_all_queries_not_only_where_they_differ_from_the_baseline():
    assert gates(contextual=(True, 0.4, 0.9), leader=(True, 0.3, 0.0)).ahead == LEADER
    assert gates(contextual=(True, 0.4, 0.1), leader=(True, 0.3, 0.0)).ahead == CONTEXTUAL


def test_the_gates_count_what_would_have_been_shown_as_is_to_be_expected(make_logged):
    """
    On half of the pages a's first document is shown and clicked, on the others b keeps it off a page of one. By what
    was shown alone, a without b is worth as much as the baseline; but it would have been clicked in its place.
    """
    logged = {"preferred": ONLY_A, "marginals": dict.fromkeys(ACTIONS.names, (0.5, 0.5)), "baseline_share": 0.9}
    good = make_logged(ACTIONS, BASELINE, {"a": (1,)}, {"good": 1}, {"good": 1.0}, **logged)
    bad = make_logged(ACTIONS, BASELINE, {"a": (2,), "b": (1,)}, {"bad": 1}, {}, weights={"b": 2.0}, **logged)
    new = NewQueries(20, 2.5)
    for _ in range(400):
        new.observe(good, ONLY_A)
        new.observe(bad, ONLY_A)
    saved = 0.1 / (0.9 + 0.1 / 4)
    assert new.estimates()[CONTEXTUAL].gain > saved + 0.2


def test_a_repeated_search_counts_less_for_the_leader(clicked):
    """cnt .5 is e^2.5 - 1 earlier searches, so the weight is e^-1.25."""
    new = taught(clicked, ONLY_A, times=1)
    assert new.leader.to_dict()["experts"]["a=5 b=5"][1] == pytest.approx(2.718281828**-1.25)


def test_a_decision_without_a_logged_preference_moves_no_gate(make_settled):
    new = taught(make_settled(ACTIONS, BASELINE, {"x": {"a": 2}}, {"x": 1.0}), ONLY_A)
    assert new.held_back
    assert new.estimates()[CONTEXTUAL].settled == 0
    assert new.leader.preference(ACTIONS).allocation == ONLY_A


def test_goes_through_json_and_on_as_if_nothing_had_been(clicked, clicked_anew):
    new = taught(clicked_anew, ONLY_A)
    again = NewQueries.from_dict(20, 2.5, json.loads(json.dumps(new.to_dict())))
    assert again.estimates() == new.estimates()
    for each in (new, again):
        each.observe(clicked, ONLY_B)
    assert again.to_dict() == new.to_dict()


@pytest.mark.parametrize("lost", ["leader", "gates"])
def test_an_incompatible_state_is_refused(lost):
    state = NewQueries(20, 2.5).to_dict()
    del state[lost]
    with pytest.raises(SnapshotError, match=rf"state is incompatible \(KeyError: '{lost}'"):
        NewQueries.from_dict(20, 2.5, state)


class TestMeasuredGains:
    """Both arms cost .1: of those measured, a alone is as good as both, b alone is not."""

    @staticmethod
    def measured(a=0.0, b=-0.4, both=0.05):
        return AllocationGains(
            "a=5 b=5",
            {"a=5": Gain(a, 0.005, 0.1), "b=5": Gain(b, 0.005, 0.1), "a=5 b=5": Gain(both, 0.005, 0.0)},
            1.0,
            0.2,
            50,
            ranker=3,
            reordered=True,
        )

    @pytest.fixture
    def opened(self, clicked_anew):
        """What decisions alone say: b, of which they are sure."""
        new = taught(clicked_anew, ONLY_B, times=300)
        new.take_up(self.measured())
        return new

    def test_they_decide_and_the_gates_have_no_say(self, clicked_anew):
        new = taught(clicked_anew, ONLY_A, times=1)
        assert new.held_back
        new.take_up(self.measured())
        assert not new.held_back
        assert new.ahead == MEASURED
        assert new.leader.preference(ACTIONS).allocation == ONLY_A

    def test_what_may_not_be_played_is_not_however_cheap_it_is(self, opened):
        opened.take_up(self.measured(a=-0.1, b=-0.05))
        assert opened.leader.preference(ACTIONS).allocation == BASELINE
        (rests_a, at_a), (rests_b, at_b), _ = opened.leader.preference(ACTIONS).values
        assert at_a == at_b == pytest.approx(0.05)
        least_gain = 0.0
        assert rests_a == rests_b == pytest.approx(least_gain - REFUSED_LOSS)

    def test_of_those_that_may_be_played_it_is_the_one_with_most_clicks_less_costs(self, opened):
        """Both together cost .1 more than a alone."""
        opened.take_up(self.measured(a=0.0, both=0.09))
        assert opened.leader.preference(ACTIONS).allocation == ONLY_A
        opened.take_up(self.measured(a=0.0, both=0.11))
        assert opened.leader.preference(ACTIONS).allocation == BASELINE
        (_, at_a), (rests_b, at_b), _ = opened.leader.preference(ACTIONS).values
        assert at_a == at_b == pytest.approx(0.11)
        assert rests_b == pytest.approx(0.1)

    def test_of_equally_cheap_ones_that_with_fewer_clicks_is_worth_less(self, opened):
        opened.take_up(self.measured(a=0.01, b=0.02))
        assert opened.leader.preference(ACTIONS).allocation == ONLY_B
        assert opened.leader.preference(ACTIONS).values[0] == pytest.approx([0.12, 0.05])

    @pytest.mark.parametrize("ranker", [0, 3])
    @pytest.mark.parametrize("clicks", list(product([-0.4, 0.0, 0.15], repeat=3)), ids=str)
    def test_no_level_is_worth_more_than_that_of_the_best(self, opened, clicks, ranker):
        """The chance of drawing a level falls with how much less it is worth than that."""
        opened.take_up(replace(self.measured(*clicks), ranker=ranker))
        best = opened.leader.preference(ACTIONS).allocation
        for arm, values in zip(ACTIONS.arms, opened.leader.preference(ACTIONS).values, strict=True):
            assert values[arm.levels.index(best[arm.name])] == max(values)

    @pytest.mark.parametrize("ranker", [0, 3])
    def test_what_is_shown_to_be_better_is_played_though_it_costs_more(self, make_settled, ranker):
        """The baseline is .3 clicks behind the deeper allocation, and so it may not be played."""
        arms = {arm: {"levels": [5, 10], "cost_per_candidate": 0.01} for arm in ("a", "b")}
        actions, base = parse_actions(arms, 20, {"a": 5, "b": 5}), {"a": 5, "b": 5}
        new = NewQueries(20, 2.5)
        new.observe(make_settled(actions, base, {"x": {"a": 2}}, {"x": 1.0}), base)
        of = {
            "a=5 b=5": Gain(0.0, 0.0, 0.0, behind_best=0.3, behind_best_error=0.01),
            "a=10 b=10": Gain(0.3, 0.01, -0.1),
        }
        new.take_up(AllocationGains("a=5 b=5", of, 1.0, 0.1, 50, ranker, reordered=ranker > 0))
        assert not new.held_back
        assert new.leader.preference(actions).allocation == {"a": 10, "b": 10}
        assert new.estimates()[MEASURED].gain == pytest.approx(0.2)

    @pytest.mark.parametrize(("both", "allocation"), [(0.05, ONLY_A), (0.15, BASELINE)])
    def test_the_leader_plays_what_the_estimate_is_of(self, opened, both, allocation):
        opened.take_up(self.measured(a=0.02, b=0.01, both=both))
        assert opened.leader.preference(ACTIONS).allocation == allocation
        assert opened.estimates()[MEASURED].reward_gain == pytest.approx(0.02 if allocation == ONLY_A else both)

    def test_what_an_arm_costs_now_counts(self, opened, clicked_anew):
        """A has become dearer than b since gains were measured."""
        dearer = replace(ACTIONS, arms=(replace(ACTIONS.arms[0], cost_per_call=0.3), *ACTIONS.arms[1:]))
        opened.take_up(self.measured(a=0.02, b=0.01))
        assert opened.leader.preference(ACTIONS).allocation == ONLY_A
        assert opened.leader.preference(dearer).allocation == ONLY_B

    def test_where_what_was_measured_cannot_be_played_any_more_the_baseline_is(self, opened):
        opened.take_up(replace(self.measured(), of={"a=4": Gain(0.0, 0.005, 0.1)}))
        assert opened.leader.preference(ACTIONS).allocation == BASELINE

    def test_which_may_be_played_follows_the_gains_and_what_there_is_to_choose_from(self, opened):
        def playable(actions):
            experts = experts_of(actions)
            return [key for key, may in zip(experts.keys, opened.leader.playable(experts), strict=True) if may]

        deeper = replace(ACTIONS, arms=(replace(ACTIONS.arms[0], levels=(0, 5, 10)), *ACTIONS.arms[1:]))
        for _ in range(2):
            assert playable(ACTIONS) == ["a=5 b=5", "a=5"]
            assert playable(deeper) == ["a=5 b=5", "a=5"]
        opened.take_up(self.measured(b=0.02))
        assert playable(deeper) == ["a=5 b=5", "b=5", "a=5"]

    def test_where_nothing_may_be_played_and_the_baseline_cannot_be_it_is_what_draws_as_much(self, make_settled):
        """a always runs, and the baseline leaves it out."""
        actions = parse_actions({"a": {"levels": [5, 10]}, "b": {"levels": [0, 5]}}, 15, {"b": 5})
        new = NewQueries(20, 2.5)
        both = {"a": 5, "b": 5}
        new.observe(make_settled(actions, both, {"x": {"b": 2}}, {"x": 1.0}), both)
        new.take_up(AllocationGains("b=5", {"a=5": Gain(-0.5, 0.01, 0.1)}, 1.0, 0.1, 50, 3))
        assert new.held_back
        assert new.leader.preference(actions).allocation == both

    def test_where_nothing_may_be_played_it_is_held_back_again(self, opened):
        opened.take_up(self.measured(a=-0.4, both=-0.4))
        assert opened.held_back
        assert opened.leader.preference(ACTIONS).allocation == BASELINE

    def test_the_estimate_is_theirs(self, opened):
        ((name, estimate),) = opened.estimates().items()
        assert name == MEASURED
        assert (estimate.settled, estimate.is_open) == (50, True)
        assert estimate.gain == pytest.approx(0.1)

    def test_against_another_baseline_they_say_nothing(self, opened, clicked_anew):
        """The gates decide, as long as nothing was measured against the new one."""
        other = replace(self.measured(), against="a=5")
        opened.take_up(other)
        assert opened.leader.measured is None
        assert opened.estimates()[LEADER].settled == 300

    def test_they_go_through_json(self, opened):
        again = NewQueries.from_dict(20, 2.5, json.loads(json.dumps(opened.to_dict())))
        assert again.leader.measured == opened.leader.measured
        assert again.leader.preference(ACTIONS).allocation == ONLY_A

    def test_in_a_state_of_another_format_there_are_none(self, opened):
        """Earlier ones do not tell what is lost against the model's order."""
        state = json.loads(json.dumps(opened.to_dict()))
        state["leader"]["measured"]["format"] = "ltrr-allocations/3"
        assert NewQueries.from_dict(20, 2.5, state).leader.measured is None
        state["leader"]["measured"] = self.measured().to_dict()
        assert NewQueries.from_dict(20, 2.5, state).leader.measured is None

    def test_a_state_from_before_there_were_any_has_none(self, opened):
        state = opened.to_dict()
        del state["leader"]["measured"]
        assert NewQueries.from_dict(20, 2.5, state).leader.measured is None
