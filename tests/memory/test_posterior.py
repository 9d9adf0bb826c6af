import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.memory.posterior import Prior

AMOUNT = st.floats(0.0, 1e6)


class TestPrior:
    def test_without_evidence_the_prior_speaks(self):
        assert Prior(1.0, 10.0).posterior_mean(0.0, 0.0) == pytest.approx(0.1)

    def test_evidence_is_added_to_the_prior(self):
        # (1 + 30) / (10 + 40)
        assert Prior(1.0, 10.0).posterior_mean(30.0, 40.0) == pytest.approx(0.62)

    def test_many_successes_beat_one_lucky_exposure(self):
        prior = Prior(1.0, 10.0)
        assert prior.posterior_mean(1.0, 1.0) == pytest.approx(2 / 11)
        assert prior.posterior_mean(20.0, 40.0) > prior.posterior_mean(1.0, 1.0)

    @given(successes=AMOUNT, failures=AMOUNT)
    def test_a_rate_is_a_rate(self, successes, failures):
        assert 0.0 < Prior(1.0, 10.0).posterior_mean(successes, successes + failures) <= 1.0

    @given(successes=AMOUNT, failures=AMOUNT)
    def test_another_failure_never_helps(self, successes, failures):
        prior = Prior(2.0, 5.0)
        assert prior.posterior_mean(successes, successes + failures + 1.0) <= prior.posterior_mean(
            successes, successes + failures
        )

    @pytest.mark.parametrize(("successes", "exposures"), [(0.0, 10.0), (11.0, 10.0), (1.0, float("inf"))])
    def test_refuses_a_prior_that_is_no_rate(self, successes, exposures):
        with pytest.raises(ConfigurationError, match=f"got {successes} successes in {exposures} exposures"):
            Prior(successes, exposures)


class TestWeight:
    @pytest.mark.parametrize(
        ("successes", "exposures", "weight"),
        [
            (0.0, 0.0, 0.0),
            (1.0, 1.0, (2 / 21 - 0.05) / 0.95),
            (30.0, 30.0, (31 / 50 - 0.05) / 0.95),
            (1.0, 20.0, 0.0),
            (1.0, 400.0, 0.0),
        ],
    )
    def test_is_how_far_the_rate_lies_above_the_prior(self, successes, exposures, weight):
        assert Prior(1.0, 20.0).weight(successes, exposures) == pytest.approx(weight)

    def test_a_prior_that_is_certain_leaves_nothing_to_evidence(self):
        assert Prior(3.0, 3.0).weight(5.0, 5.0) == 0.0

    @given(successes=AMOUNT, failures=AMOUNT)
    def test_is_a_share(self, successes, failures):
        assert 0.0 <= Prior().weight(successes, successes + failures) <= 1.0
