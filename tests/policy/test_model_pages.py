from dataclasses import replace

import numpy as np
import pytest

from ltrr_haystack.feedback.examination import UNION, ExaminationCurve
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.model_pages import corrected, model_order, model_page_value, model_residuals
from ltrr_haystack.policy.union import UnionOrder

ACTIONS = parse_actions({"a": {"levels": [0, 1, 2, 3]}, "b": {"levels": [0, 1, 2]}}, 6, {"a": 3})
BOTH = {"a": 3, "b": 2}
SECOND = 2**-0.5
"""How likely the second place is examined by the curve UNION."""


@pytest.fixture
def logged(make_logged):
    """Of the union w, x, z, y the model has z first, then x, w and y; w and x were shown, and x was clicked."""
    search = make_logged(ACTIONS, BOTH, {"a": (1, 2, 4), "b": (1, 3)}, {"w": 1, "x": 2}, {"x": 1.0})
    return replace(search, model_places=(3, 2, 1, 4), expected=(0.3, 0.4, 0.5, 0.1), page_version=1)


def earned(settled, *allocations, curve=UNION, reward_per_click=1.0):
    return model_page_value(settled, curve, reward_per_click)(allocations)


class TestOrder:
    def test_is_the_model_s_whatever_the_union_s(self, logged):
        places, expected = model_order(logged, UnionOrder(logged))
        assert places.tolist() == [3, 2, 1, 4]
        assert expected.tolist() == [0.3, 0.4, 0.5, 0.1]

    def test_what_was_not_ranked_comes_last_and_is_expected_to_earn_the_least(self, logged):
        few = replace(logged, model_places=(2, 1), expected=(0.2, 0.4))
        places, expected = model_order(few, UnionOrder(few))
        assert places.tolist() == [2, 1, 3, 4]
        assert expected.tolist() == [0.2, 0.4, 0.2, 0.2]

    def test_what_was_remembered_further_down_is_expected_to_earn_what_it_was_shown_for(self, make_logged):
        search = make_logged(ACTIONS, BOTH, {"a": (1, 2, 3)}, {"w": 1, "y": 3}, {})
        shown = tuple(replace(each, score=0.7) for each in search.impressions)
        deep = replace(search, impressions=shown, model_places=(1, 2), expected=(0.3, 0.1))
        assert model_order(deep, UnionOrder(deep))[1].tolist() == [0.3, 0.1, 0.7]


class TestResiduals:
    def test_are_what_the_model_added_to_the_union_s_order(self, logged):
        """w, x, z and y stood at 1 to 4 of the union, and at 3, 2, 1 and 4 of the model."""
        union = UnionOrder(logged)
        found = model_residuals(logged, union, model_order(logged, union)[0])
        assert found.tolist() == pytest.approx([np.log(2 / 4), 0.0, np.log(4 / 2), 0.0])

    def test_are_0_for_what_was_not_ranked(self, logged):
        few = replace(logged, model_places=(2, 1), expected=(0.2, 0.4))
        union = UnionOrder(few)
        found = model_residuals(few, union, model_order(few, union)[0])
        assert found.tolist() == pytest.approx([np.log(2 / 3), np.log(3 / 2), 0.0, 0.0])

    def test_without_a_model_a_page_is_the_union_of_the_other_allocation(self, make_logged):
        """
        Both arms have x second, so that it is the first of the union, above w, which only a has, and y, which only b
        has. Each by itself has x second. x was clicked for certain, w was not, y is worth what is expected.
        """
        search = make_logged(ACTIONS, BOTH, {"a": (2, 1), "b": (3, 1)}, {"x": 1, "w": 2}, {"x": 1.0})
        union = replace(search, model_places=(1, 2, 3), expected=(0.5, 0.4, 0.3), page_version=1)
        assert earned(union, {"a": 3}) == pytest.approx([0.0 + 1.0 * SECOND])
        assert earned(union, {"b": 2}) == pytest.approx([0.3 + 1.0 * SECOND])


class TestCorrected:
    def test_by_hand(self, logged):
        """
        w was examined for certain and not clicked: .3 + 1 · (0 − 1 · .3). x was examined with the probability √½ and
        clicked: .4 + √2 · (1 − √½ · .4). The others stay.
        """
        union = UnionOrder(logged)
        worth = corrected(np.array([0.3, 0.4, 0.5, 0.1]), union, np.array([1.0, 2.0]), np.array([0.0, 1.0]))
        assert worth.tolist() == pytest.approx([0.0, 2**0.5, 0.5, 0.1])

    def test_where_a_place_is_hardly_examined_the_correction_is_bounded(self, logged):
        """By a curve of 1/k², place 2 has 1/4, of which the inverse is cut to 3: .4 + 3 · (1 − ¼ · .4)."""
        union = UnionOrder(logged, ExaminationCurve(eta=2.0))
        worth = corrected(np.array([0.3, 0.4, 0.5, 0.1]), union, np.array([1.0, 2.0]), np.array([0.0, 1.0]))
        assert worth[1] == pytest.approx(0.4 + 3 * 0.9)


class TestValue:
    def test_a_page_has_what_an_allocation_finds_in_the_order_of_the_model(self, logged):
        """
        w is worth 0, x √2, z .5 and y .1. A page of two is z and x as drawn, x and w without b, z and w by b alone, w
        alone by the first of a.
        """
        found = earned(logged, BOTH, {"a": 3}, {"b": 2}, {"a": 1}, {})
        assert found == pytest.approx([0.5 + 2**0.5 * SECOND, 2**0.5, 0.5, 0.0, 0.0])

    def test_what_is_expected_is_counted_in_units_of_reward(self, logged):
        """z was not shown: half a click, of which each is worth 4."""
        assert earned(logged, {"b": 2}, reward_per_click=4.0)[0] == pytest.approx(0.5 * 4.0)

    @pytest.mark.parametrize("unknown", [{"page_version": 0}, {"model_places": (), "expected": ()}])
    def test_is_not_known_before_click_rates_were_learned_nor_for_a_page_in_the_order_of_the_union(
        self, logged, unknown
    ):
        assert model_page_value(replace(logged, **unknown), UNION, 1.0) is None
