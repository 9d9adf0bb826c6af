import math

import pytest

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.policy.actions import check_allocation, parse_actions
from ltrr_haystack.types import ActionSet, Arm

ARMS = {"bm25": {"kind": "lexical", "levels": [0, 10, 30]}, "dense": {"levels": [10, 30], "cost_per_call": 1}}


class TestParseActions:
    def test_reads_arms_budget_and_baseline(self):
        actions = parse_actions(ARMS, 60, {"dense": 30})
        assert actions.arms == (Arm("bm25", "lexical", (0, 10, 30)), Arm("dense", "dense", (10, 30), cost_per_call=1.0))
        assert actions.budget == 60
        assert actions.baseline == {"bm25": 0, "dense": 30}

    def test_reads_how_few_candidates_a_query_may_draw(self):
        assert parse_actions(ARMS, 60, {"dense": 30}).min_candidates == 0
        assert parse_actions(ARMS, 60, {"dense": 30}, 30).min_candidates == 30

    def test_the_lower_bound_goes_to_json_and_back_and_tells_action_sets_apart(self):
        bounded = parse_actions(ARMS, 60, {"dense": 30}, min_candidates=20)
        assert ActionSet.from_json(bounded.to_json()) == bounded
        assert ActionSet.from_dict(bounded.to_dict()).min_candidates == 20
        assert bounded.fingerprint != parse_actions(ARMS, 60, {"dense": 30}).fingerprint

    @pytest.mark.parametrize(
        ("least", "message"),
        [
            (-1, "min_candidates must be a whole number of 0 or more, got -1"),
            (2.5, "min_candidates must be a whole number of 0 or more, got 2.5"),
            (True, "min_candidates must be a whole number of 0 or more, got True"),
            ("20", "min_candidates must be a whole number of 0 or more, got '20'"),
            (61, "no allocation has at least 61 candidates within the budget of 60; lower min_candidates"),
            (1000, "no allocation has at least 1000 candidates within the budget of 60; lower min_candidates"),
            (31, "baseline draws 30 candidates, fewer than the min_candidates of 31; draw more, or lower it"),
        ],
    )
    def test_names_a_lower_bound_that_cannot_work(self, least, message):
        with pytest.raises(ConfigurationError, match=message):
            parse_actions(ARMS, 60, {"dense": 30}, least)

    def test_a_lower_bound_that_only_sums_of_levels_between_it_and_the_budget_could_keep_is_refused(self):
        """Of 0, 20, 40 and 60 none lies between 25 and 35."""
        arms = {"a": {"levels": [0, 20]}, "b": {"levels": [0, 40]}}
        with pytest.raises(
            ConfigurationError, match="no allocation has at least 25 candidates within the budget of 35"
        ):
            parse_actions(arms, 35, {"a": 20}, 25)
        assert parse_actions(arms, 40, {"b": 40}, 25).min_candidates == 25

    def test_the_baseline_may_rest_an_arm_that_otherwise_always_runs(self):
        assert parse_actions(ARMS, 60, {"bm25": 10}).baseline == {"bm25": 10, "dense": 0}

    @pytest.mark.parametrize(
        ("arms", "budget", "baseline", "message"),
        [
            ({}, 10, {}, "at least one arm"),
            ({"BM25": {"levels": [0, 10]}}, 10, {}, "arm name 'BM25' cannot be used"),
            ({"2nd": {"levels": [0, 10]}}, 10, {}, "arm name '2nd' cannot be used"),
            ({"a\n": {"levels": [0, 10]}}, 10, {}, r"arm name 'a\\n' cannot be used"),
            ({"decision": {"levels": [0, 10]}}, 10, {}, "'decision' is reserved"),
            ({"a": None}, 10, {}, "arm 'a' must have settings"),
            ({"a": {"levels": [0, 10], "depth": 3}}, 10, {}, "arm 'a' has unknown setting 'depth'; known are kind"),
            ({"a": {"kind": "", "levels": [0, 10]}}, 10, {}, "kind of arm 'a' must be one of lexical, .*got ''"),
            ({"a": {"kind": None, "levels": [0, 10]}}, 10, {}, "kind of arm 'a' must be one of .*got None"),
            (
                {"a": {"kind": ["dense"], "levels": [0, 10]}},
                10,
                {},
                r"kind of arm 'a' must be one of .*got \['dense'\]",
            ),
            ({"a": {}}, 10, {}, "levels of arm 'a' must be a list of whole numbers"),
            ({"a": {"levels": []}}, 10, {}, "levels of arm 'a' must be a list of whole numbers"),
            ({"a": {"levels": [0, 2.5]}}, 10, {}, "levels of arm 'a' must be a list of whole numbers"),
            ({"a": {"levels": [False, True]}}, 10, {}, "levels of arm 'a' must be a list of whole numbers"),
            ({"a": {"levels": "10"}}, 10, {}, "levels of arm 'a' must be a list of whole numbers"),
            ({"a": {"levels": [-10, 10]}}, 10, {}, "levels of arm 'a' must be 0 or more and ascending"),
            ({"a": {"levels": [10, 0]}}, 10, {}, "levels of arm 'a' must be 0 or more and ascending"),
            ({"a": {"levels": [0, 10, 10]}}, 10, {}, "levels of arm 'a' must be 0 or more and ascending"),
            ({"a": {"levels": [0]}}, 10, {}, "levels of arm 'a' leave it no depth to run at"),
            ({"a": {"levels": [0, 10], "cost_per_call": -1}}, 10, {}, "cost_per_call of arm 'a' must be a number"),
            ({"a": {"levels": [0, 10], "cost_per_candidate": math.nan}}, 10, {}, "cost_per_candidate of arm 'a'"),
            ({"a": {"levels": [0, 10], "cost_per_candidate": math.inf}}, 10, {}, "cost_per_candidate of arm 'a'"),
            ({"a": {"levels": [0, 10], "cost_per_call": "1"}}, 10, {}, "cost_per_call of arm 'a'"),
            (ARMS, 0, {}, "budget must be a positive whole number"),
            (ARMS, True, {}, "budget must be a positive whole number"),
            (ARMS, 5, {}, "no allocation keeps the budget of 5: the lowest levels of the arms sum up to 10"),
            (ARMS, 60, None, "baseline must map arm names to depths"),
            (ARMS, 60, {"bm52": 10}, "baseline names unknown arm 'bm52'; the arms are bm25, dense"),
            (ARMS, 60, {"dense": 20}, r"arm 'dense' the depth 20, which is not among \[0, 10, 30\]"),
            (ARMS, 60, {"dense": "10"}, "arm 'dense' the depth '10'"),
            (ARMS, 40, {"bm25": 30, "dense": 30}, "baseline draws 60 candidates, more than the budget of 40"),
            (ARMS, 60, {}, "the baseline draws no candidates"),
        ],
    )
    def test_names_what_cannot_work(self, arms, budget, baseline, message):
        with pytest.raises(ConfigurationError, match=message):
            parse_actions(arms, budget, baseline)

    @pytest.mark.parametrize(
        ("kind", "hint"),
        [
            ("lexicl", "did you mean 'lexical'"),
            ("Dense", "did you mean 'dense'"),
            ("memories", "did you mean 'memory'"),
            ("bm25", "leave it out for an arm of a kind of its own"),
        ],
    )
    def test_a_kind_that_is_unknown_is_refused_with_the_nearest_known_one(self, kind, hint):
        with pytest.raises(ConfigurationError, match=f"got '{kind}'; {hint}"):
            parse_actions({"bm25": {"kind": kind, "levels": [0, 10]}}, 10, {"bm25": 10})

    def test_an_arm_that_names_no_kind_is_of_a_kind_of_its_own(self):
        actions = parse_actions({"title": {"levels": [0, 10]}, "memory": {"levels": [10]}}, 20, {"title": 10})
        assert [arm.kind for arm in actions.arms] == ["title", "memory"]
        assert actions.memory_arms == ("memory",)


class TestCheckAllocation:
    def test_an_arm_without_level_0_cannot_rest(self):
        actions = parse_actions(ARMS, 60, {"dense": 10})
        with pytest.raises(ConfigurationError, match=r"what I want gives arm 'dense' the depth 0.*\[10, 30\]"):
            check_allocation(actions, {"bm25": 10}, "what I want")

    def test_no_fewer_candidates_than_must_be(self):
        actions = parse_actions(ARMS, 60, {"dense": 30}, min_candidates=20)
        with pytest.raises(ConfigurationError, match="mine draws 10 candidates, fewer than the min_candidates of 20"):
            check_allocation(actions, {"dense": 10}, "mine")
        check_allocation(actions, {"bm25": 10, "dense": 10}, "mine")
