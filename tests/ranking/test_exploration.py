from dataclasses import replace

import numpy as np
import pytest

from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.ranking.exploration import explored_block, explored_page, weighted_rewards
from ltrr_haystack.types import Provenance

FLAT = ExaminationCurve(eta=0.0)


@pytest.fixture
def settled(world):
    (visit,) = world.visits(1, seed=1)
    return visit.settled()


def weighted(rewards, ordinals, propensities, curve=FLAT):
    return weighted_rewards(np.array(rewards, dtype=float), np.array(ordinals), np.array(propensities), curve)


class TestExploredBlock:
    def test_is_what_was_shown_and_could_have_been_elsewhere(self, settled):
        assert explored_block(settled) == list(settled.impressions[3:])

    def test_a_page_in_a_fixed_order_has_none(self, world):
        (visit,) = world.visits(1, seed=1, explored=False)
        assert explored_block(visit.settled()) == []

    def test_what_could_be_shown_at_one_place_only_is_not_in_it(self, settled):
        *others, last = settled.impressions
        fixed = replace(last, propensities=(*[0.0] * 9, 0.3))
        assert explored_block(replace(settled, impressions=(*others, fixed))) == others[3:]

    def test_what_only_a_memory_brought_is_not_in_it(self, settled):
        *others, last = settled.impressions
        brought = replace(last, arms={"recall": Provenance(1, 0.9, 1.0)})
        assert explored_block(replace(settled, impressions=(*others, brought))) == others[3:]

    def test_one_document_has_nobody_to_change_places_with(self, settled):
        assert explored_block(replace(settled, impressions=settled.impressions[:4])) == []


class TestExploredPage:
    def test_has_the_features_places_and_rewards_of_its_documents(self, settled, searched):
        block = explored_block(settled)
        first, second = block[0].object_id, block[1].object_id
        page = explored_page(replace(settled, rewards={first: 1.0, second: 99.0}), block, searched, FLAT)
        assert page.places.tolist() == [each.features["place.searched"] for each in block]
        np.testing.assert_array_equal(page.features, searched.matrix([each.features for each in block]))
        # clipped to 5, and not weighted where all were at each place with the same probability
        assert page.attractions.tolist() == pytest.approx([1.0, 5.0, *[0.0] * 5])


class TestWeightedRewards:
    def test_where_all_are_anywhere_alike_a_reward_is_worth_the_mean_of_the_places(self):
        # places 1 and 2 are examined with probability 1 and 1/2, on average 3/4
        even = [[0.5, 0.5], [0.5, 0.5]]
        assert weighted([1, 0], [2, 1], even, ExaminationCurve(eta=1.0)).tolist() == pytest.approx([4 / 3, 0])

    def test_whether_a_document_might_not_have_been_shown_makes_no_difference(self):
        """Compared is the order of what was shown: that others are seldom shown says nothing of these."""
        often, seldom = [[0.5, 0.5], [0.5, 0.5]], [[0.5, 0.5], [0.05, 0.05]]
        assert weighted([1, 1], [1, 2], seldom).tolist() == pytest.approx(weighted([1, 1], [1, 2], often).tolist())

    def test_by_hand(self, monkeypatch):
        """1 / q = 1 / .8 + 1 / .4 = 15 / 4 at the first place, 1 / .2 + 1 / .6 = 20 / 3 at the second."""
        monkeypatch.setattr("ltrr_haystack.ranking.exploration.SMOOTHING", 0.0)
        unequal = [[0.8, 0.2], [0.4, 0.6]]
        q = 4 / 15, 3 / 20
        found = weighted([1, 1], [1, 2], unequal), weighted([1, 1], [2, 1], unequal)
        assert found[0].tolist() == pytest.approx([2 * q[0] / 0.8, 2 * q[1] / 0.6])
        assert found[1].tolist() == pytest.approx([2 * q[1] / 0.2, 2 * q[0] / 0.4])

    @pytest.mark.parametrize("eta", [0.0, 0.4, 1.0, 2.0])
    def test_documents_of_the_same_attraction_are_expected_to_earn_the_same_whatever_the_examination(
        self, eta, monkeypatch
    ):
        """The first is at the first place eight times in ten; that more people look at it there is no merit of it."""
        monkeypatch.setattr("ltrr_haystack.ranking.exploration.SMOOTHING", 0.0)
        truth = ExaminationCurve(eta=eta).over([1, 2])
        drawn = {(1, 2): 0.8, (2, 1): 0.2}
        propensities = [[0.8, 0.2], [0.2, 0.8]]
        expected = sum(
            chance * weighted(0.3 * truth[np.array(ordinals) - 1], ordinals, propensities, ExaminationCurve(eta=1.0))
            for ordinals, chance in drawn.items()
        )
        assert expected[0] == pytest.approx(expected[1])
        assert expected[0] > 0

    def test_where_chance_could_hardly_exchange_them_nothing_counts_much(self):
        certain = [[0.999, 0.001], [0.001, 0.999]]
        assert weighted([1, 1], [1, 2], certain).max() < 0.02
        assert weighted([1, 1], [2, 1], certain).max() <= 2.0

    def test_a_place_that_was_held_impossible_does_no_harm(self):
        found = weighted([1, 1], [3, 1], [[0.5, 0.5, 0.0], [0.5, 0.5, 0.0]])
        assert np.isfinite(found).all()
