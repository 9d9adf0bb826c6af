import pytest

from ltrr_haystack.feedback.examination import examination


class TestExamination:
    @pytest.mark.parametrize(("ordinal", "expected"), [(1, 1.0), (2, 0.5), (4, 0.25), (10, 0.1)])
    def test_thins_out_with_the_position(self, ordinal, expected):
        assert examination(ordinal) == pytest.approx(expected)

    def test_eta_says_how_steeply(self):
        assert examination(4, eta=0.5) == pytest.approx(0.5)
        assert examination(3, eta=2.0) == pytest.approx(1 / 9)
        assert examination(7, eta=0.0) == 1.0

    def test_positions_count_from_one(self):
        with pytest.raises(ValueError, match="ordinal must be at least 1, since positions count from 1; got 0"):
            examination(0)

    def test_refuses_a_negative_eta(self):
        with pytest.raises(ValueError, match=r"eta must not be negative, got -0\.5"):
            examination(1, eta=-0.5)
