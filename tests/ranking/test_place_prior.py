import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.ranking.place_prior import PlacePrior

LEARNED = PlacePrior((0.4, 0.2, 0.2, 0.1), 5.0)


class TestExpected:
    def test_are_the_rates_of_the_places_and_fall_beyond_them(self):
        assert LEARNED.expected([1, 2, 4]).tolist() == [0.4, 0.2, 0.1]
        assert LEARNED.expected([8])[0] == pytest.approx(0.1 * 2**-0.7)

    def test_before_anything_was_learned(self):
        assert PlacePrior().expected([1, 4]).tolist() == pytest.approx([0.5, 0.5 * 4**-0.7])


class TestPosteriors:
    def test_by_hand(self):
        """Place 2, five looks of prior at .2: 1 of 5. Two successes in three looks come to 3 of 8."""
        alpha, beta = LEARNED.posteriors([2], np.array([2.0]), np.array([3.0]))
        assert (alpha[0], beta[0]) == pytest.approx((3.0, 5.0))

    def test_more_successes_than_looks_count_as_many_looks(self):
        alpha, beta = LEARNED.posteriors([2], np.array([2.0]), np.array([0.5]))
        assert (alpha[0], beta[0]) == pytest.approx((3.0, 4.0))

    @given(st.integers(1, 300), st.floats(0, 100), st.floats(0, 100))
    def test_a_success_raises_the_mean_and_a_pass_lowers_it(self, place, successes, exposures):
        def mean(more_successes=0.0, more_looks=0.0):
            alpha, beta = LEARNED.posteriors(
                [place], np.array([successes + more_successes]), np.array([exposures + more_looks])
            )
            return float(alpha[0] / (alpha[0] + beta[0]))

        assert 0.0 < mean() < 1.0
        assert mean(1.0, 1.0) > mean() >= mean(0.0, 1.0)


@pytest.mark.parametrize(
    "wrong", [{"rates": ()}, {"rates": (1.0,)}, {"rates": (0.0,)}, {"looks": 0.0}, {"looks": float("inf")}]
)
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PlacePrior(**wrong)
