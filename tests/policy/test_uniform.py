import pytest

from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.uniform import UniformPolicy
from ltrr_haystack.types import Features


class TestUniformPolicy:
    def test_all_that_keeps_the_budget_is_equally_likely(self):
        actions = parse_actions({"a": {"levels": [0, 10]}, "b": {"levels": [0, 10, 30]}}, 30, {"a": 10})
        probabilities = [
            probability for _, probability in UniformPolicy().distribution(actions, Features()).enumerate()
        ]
        assert probabilities == pytest.approx([1 / 5] * 5)

    def test_prefers_nothing_to_the_baseline(self):
        actions = parse_actions({"a": {"levels": [0, 10]}}, 30, {"a": 10})
        assert UniformPolicy().distribution(actions, Features()).preferred == {"a": 10}
