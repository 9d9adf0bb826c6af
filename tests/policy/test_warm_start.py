import math
from dataclasses import replace

import pytest

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.leader import Leader
from ltrr_haystack.policy.snapshot import unpack
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.policy.warm_start import LabelledQuery, warm_start
from ltrr_haystack.types import Features, Understanding

ACTIONS = parse_actions({"a": {"levels": [0, 10]}, "b": {"levels": [0, 10]}}, 20, {"a": 10, "b": 10})
LOVE = LabelledQuery(Understanding("love", "love"), Features(), {"a": ("x", "y"), "b": ("z",)}, {"x": 1.0, "y": 0.5})


def leader_of(policy):
    """What a snapshot says of the leader."""
    return unpack(policy.to_bytes(), "vw")[0]["new_queries"]["leader"]


@pytest.fixture
def taught(monkeypatch):
    """The credits that a warm start tells the policy, in order."""
    told = []
    fit = VWPolicy.fit

    def listen(policy, actions, features, credit, **counts):
        told.append({arm: by_level[10] for arm, by_level in credit.items()})
        fit(policy, actions, features, credit, **counts)

    monkeypatch.setattr(VWPolicy, "fit", listen)
    return told


class TestWarmStart:
    def test_the_label_is_what_clicks_are_expected_to_be_worth(self, taught):
        """Nobody else finds x and y: arm a is worth .4 · (1 + .5). b finds nothing of use, and moves y from 2 to 3."""
        warm_start(VWPolicy(), [LOVE], ACTIONS, rounds=20)
        assert {round(credit["a"], 9) for credit in taught if "a" in credit} == {0.6}
        moved = 0.4 * 0.5 * (1 - math.sqrt(3 / 2))
        assert {round(credit["b"], 9) for credit in taught if len(credit) == 2} == {round(moved, 9)}
        assert {credit["b"] for credit in taught if list(credit) == ["b"]} <= {0.0}

    def test_what_is_beyond_the_page_earns_nothing(self, taught):
        """By reciprocal rank x and z come first, in this order; y is on the page only if b does not run."""
        warm_start(VWPolicy(), [LOVE], ACTIONS, rounds=20, page=2)
        with_both = [credit for credit in taught if len(credit) == 2]
        assert with_both
        assert all(credit == {"a": 0.4, "b": 0.0} for credit in with_both)

    def test_the_union_is_in_the_order_that_the_joiner_gives_it(self, taught, unite):
        """With weight 3 z, v and w of b fill the page of three; without weights x is first, and z second below it."""
        query = replace(LOVE, results={"a": ("x", "y"), "b": ("z", "v", "w")}, relevance={"x": 1.0, "z": 0.5})
        joined = unite(query.results, {"a": 10, "b": 10}, {"b": 3.0}).impressions
        assert [each.object_id for each in joined] == ["z", "v", "w", "x", "y"]
        warm_start(VWPolicy(), [query], ACTIONS, weights={"b": 3.0}, rounds=20, page=3)
        assert {credit["a"] for credit in taught if len(credit) == 2} == {0.0}
        taught.clear()
        warm_start(VWPolicy(), [query], ACTIONS, rounds=20, page=3)
        assert {round(credit["a"], 9) for credit in taught if len(credit) == 2} == {
            round(0.4 + 0.2 * (1 - math.sqrt(2)), 9)
        }

    def test_prefers_afterwards_what_helps_and_leaves_what_does_not(self):
        costly = parse_actions(
            {"a": {"levels": [0, 10], "cost_per_call": 0.05}, "b": {"levels": [0, 10], "cost_per_call": 0.05}},
            20,
            {"a": 10, "b": 10},
        )
        policy = VWPolicy()
        warm_start(policy, [LOVE], costly, rounds=50)
        assert policy.distribution(costly, LOVE.features).preferred == {"a": 10, "b": 0}

    def test_a_query_counts_once_and_not_for_the_safe_start(self):
        policy = VWPolicy()
        warm_start(policy, [LOVE, LOVE], ACTIONS, rounds=5)
        assert policy.n == 2
        assert policy.safe_start
        assert all(estimate.settled == 0 for estimate in policy.estimates().values())

    def test_it_tells_once_what_whole_allocations_are_worth_for_new_queries(self):
        """Of a and b only b finds the good document, first; a call costs .1 and a click is expected in two of five."""
        arms = {name: {"levels": [0, 10], "cost_per_call": 0.1} for name in "ab"}
        costly = parse_actions(arms, 20, {"a": 10, "b": 10})
        only_b = LabelledQuery(Understanding("q", "q"), Features(), {"a": ("x",), "b": ("good",)}, {"good": 1.0})
        policy = VWPolicy()
        warm_start(policy, [only_b] * 50, costly, rounds=1)
        assert Leader.from_dict(leader_of(policy)).preference(costly).allocation == {"a": 0, "b": 10}
        (weight,) = {weight for _, weight in leader_of(policy)["experts"].values()}
        assert 49 < weight <= 50

    def test_a_budget_that_does_not_hold_all_arms_at_once_keeps_no_allocation_from_being_known(self):
        narrow = parse_actions({"a": {"levels": [0, 10]}, "b": {"levels": [0, 10]}}, 10, {"a": 10})
        policy = VWPolicy()
        warm_start(policy, [LOVE], narrow, rounds=1)
        assert set(leader_of(policy)["experts"]) == {"a=10", "b=10", ""}

    def test_what_is_pretended_is_not_expected_of_people(self):
        policy = VWPolicy()
        warm_start(policy, [LOVE] * 50, ACTIONS, rounds=1)
        assert leader_of(policy)["expected"] == leader_of(VWPolicy())["expected"]

    def test_the_same_seed_teaches_the_same(self):
        snapshots = []
        for seed in (1, 1, 2):
            policy = VWPolicy()
            warm_start(policy, [LOVE], ACTIONS, rounds=20, seed=seed)
            snapshots.append(policy.to_bytes())
        assert snapshots[0] == snapshots[1] != snapshots[2]

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"click_rate": 0.0}, "click_rate must be more than 0"),
            ({"rounds": 0}, "rounds and page must be at least 1"),
            ({"page": 0}, "rounds and page must be at least 1"),
        ],
    )
    def test_refuses_settings_that_teach_nothing(self, settings, message):
        with pytest.raises(ConfigurationError, match=message):
            warm_start(VWPolicy(), [LOVE], ACTIONS, **settings)

    def test_names_the_arm_whose_results_are_missing(self):
        half = LabelledQuery(LOVE.understanding, LOVE.features, {"a": ()}, {})
        with pytest.raises(ConfigurationError, match="'love' lacks the results of arm 'b'"):
            warm_start(VWPolicy(), [half], ACTIONS)
