import random

import pytest

from ltrr_haystack.errors import ConfigurationError, SnapshotError
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.static import StaticPolicy
from ltrr_haystack.types import Features

ACTIONS = parse_actions({"a": {"levels": [0, 10]}, "b": {"levels": [10, 30]}}, 40, {"a": 10})


class TestStaticPolicy:
    def test_plays_the_baseline_even_where_it_rests_an_arm_that_always_runs(self):
        joint = StaticPolicy().distribution(ACTIONS, Features())
        assert joint.sample(random.Random(1)) == {"a": 10, "b": 0}
        assert joint.probability({"a": 10}) == 1
        assert joint.preferred == {"a": 10, "b": 0}

    def test_plays_a_given_allocation(self):
        joint = StaticPolicy({"b": 30}).distribution(ACTIONS, Features())
        assert joint.sample(random.Random(1)) == {"a": 0, "b": 30}
        assert joint.probability({"b": 30}) == 1
        assert joint.probability({"a": 10}) == 0

    def test_says_what_cannot_be_played(self):
        with pytest.raises(ConfigurationError, match="the static policy's allocation names unknown arm 'c'"):
            StaticPolicy({"c": 10}).distribution(ACTIONS, Features())

    def test_a_snapshot_belongs_to_its_allocation(self):
        with pytest.raises(SnapshotError, match="made with allocation=None"):
            StaticPolicy({"b": 30}).restored(StaticPolicy().to_bytes())
