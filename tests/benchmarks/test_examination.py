import pytest


class TestLearned:
    def test_by_hand(self, examination):
        """After the first place .54 is within a tenth of .5, and .2 within two deviations of .25."""
        of = examination.Learned((1.0, 0.5, 0.25, 0.2), (1.0, 0.54, 0.2, 0.1), (0.0, 0.01, 0.034, 0.04))
        assert (of.close, of.covered) == (1, 1)

    @pytest.mark.parametrize("name", ["position", "cascade"])
    def test_people_search_the_catalogue_and_the_curve_is_fitted_to_their_clicks(self, examination, tmp_path, name):
        of = examination.learned(name, 300, 0, tmp_path)
        assert len(of.truth) == len(of.curve) == len(of.deviations) == 10
        assert of.truth[0] == of.curve[0] == 1.0
        assert list(of.truth) == sorted(of.truth, reverse=True)
        assert all(deviation > 0 for deviation in of.deviations[1:])
        if name == "position":
            assert of.truth == pytest.approx([1 / place for place in range(1, 11)])
