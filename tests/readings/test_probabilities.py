import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.readings import probabilities as formulas


class TestValueShares:
    def test_are_equal_for_equal_values(self):
        assert formulas.value_shares(np.array([2, 2]), np.array([0.0, 0.0])).tolist() == [0.5, 0.5]

    def test_grow_with_the_documents(self):
        one, ten = formulas.value_shares(np.array([1, 10]), np.array([0.0, 0.0])).tolist()
        assert ten / one == pytest.approx(10**0.7)

    def test_fall_with_the_rank_in_popularity_whatever_its_scale(self):
        for popularity in ([0.9, 0.8, 0.1], [9e6, 30.0, 2.0]):
            first, second, third = formulas.value_shares(np.ones(3), np.array(popularity)).tolist()
            assert first / second == pytest.approx(2**0.7)
            assert first / third == pytest.approx(3**0.7)

    def test_equally_popular_values_share_their_mean_rank(self):
        first, *others = formulas.value_shares(np.ones(3), np.array([5.0, 1.0, 1.0])).tolist()
        assert others[0] == others[1]
        assert first / others[0] == pytest.approx(2.5**0.7)

    def test_of_no_values_are_none(self):
        assert formulas.value_shares(np.array([]), np.array([])).tolist() == []


class TestTyping:
    def test_the_more_a_part_says_the_more_often_it_is_typed_for_the_value(self):
        assert formulas.typed_in_part(0.5, inner=False) == pytest.approx(0.075)
        assert formulas.typed_in_part(0.5, inner=True) == pytest.approx(0.03)
        assert formulas.typed_in_part(1.0, inner=False) < formulas.ALIAS * formulas.WHOLE

    def test_each_typo_costs_and_another_first_letter_costs_more(self):
        assert formulas.misspelt("love", "love", 0) == 1.0
        assert formulas.misspelt("tayler", "taylor", 1) == pytest.approx(0.01)
        assert formulas.misspelt("betoven", "beethoven", 2) == pytest.approx(0.0001)
        assert formulas.misspelt("naylor", "taylor", 1) == pytest.approx(0.003)

    def test_the_more_is_missing_the_less_likely(self):
        assert formulas.unfinished(5, 10) == pytest.approx(0.025)

    def test_a_known_word_is_text_by_its_share(self):
        assert formulas.known_word(100, 1000) == pytest.approx(0.1 * 99.25 / 1000)

    def test_a_word_of_the_texts_alone_is_text_by_its_share_of_these(self):
        assert formulas.text_word(30, 6000) == pytest.approx(0.1 * 0.005)

    def test_a_certain_unknown_word_is_the_rarer_the_longer_it_is(self):
        assert formulas.unknown_word(5) == pytest.approx(1e-6)
        assert formulas.unknown_word(7) == pytest.approx(1e-7)
        assert formulas.unknown_word(40) == pytest.approx(1e-9)


class TestProbabilities:
    def test_are_a_softmax_of_the_gains_over_the_temperature(self):
        odds = math.exp(3.0 / formulas.TEMPERATURE)
        assert formulas.probabilities([3.0, 0.0]) == pytest.approx([odds / (odds + 1), 1 / (odds + 1)])

    def test_feedback_multiplies_the_odds(self):
        assert formulas.probabilities([0.0, 0.0], [3.0, 1.0]) == pytest.approx([0.75, 0.25])

    @pytest.mark.parametrize("multiplier", [0.0, -1.0, math.nan, math.inf])
    def test_a_multiplier_that_is_none_counts_as_one(self, multiplier):
        assert formulas.probabilities([0.0, 0.0], [multiplier, 1.0]) == [0.5, 0.5]

    @given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3)), min_size=1, max_size=30))
    def test_sum_to_one(self, rows):
        gains, multipliers = zip(*rows, strict=True)
        found = formulas.probabilities(gains, multipliers)
        assert sum(found) == pytest.approx(1.0)
        assert all(0.0 <= each <= 1.0 for each in found)
