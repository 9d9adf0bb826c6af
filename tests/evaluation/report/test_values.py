import math

import pytest

from ltrr_haystack.evaluation.report.values import decimal, mean_of, moment, percent, share_of


def test_a_share_has_a_wilson_interval():
    """5 of 10: middle (.5 + .19207) / 1.38414, half 1.95996 / 1.38414 · √(.025 + .0096036)."""
    half = share_of(5, 10)
    assert half.value == 0.5
    assert (half.low, half.high) == (pytest.approx(0.23659, abs=1e-5), pytest.approx(0.76341, abs=1e-5))


def test_a_share_of_nothing_clicked_is_not_certain():
    """(0, z² / (n + z²)) = 3.84146 / 13.84146."""
    none = share_of(0, 10)
    assert (none.value, none.low, none.high) == (0.0, 0.0, pytest.approx(0.27753, abs=1e-5))


def test_a_mean_has_a_normal_interval():
    """1, 2, 3: standard deviation 1, standard error 1/√3."""
    mean = mean_of(6.0, 14.0, 3)
    assert mean.value == 2.0
    assert (mean.low, mean.high) == (pytest.approx(2 - 1.13159, abs=1e-5), pytest.approx(2 + 1.13159, abs=1e-5))


def test_where_there_is_nothing_nothing_is_known():
    assert math.isnan(share_of(0, 0).value)
    assert math.isnan(mean_of(0.0, 0.0, 0).value)
    assert mean_of(2.0, 4.0, 1) == mean_of(2.0, 4.0, 1).__class__(2.0)


def test_figures_are_written_for_people():
    assert (percent(0.1234), percent(math.nan)) == ("12.3%", "–")
    assert (decimal(1234.5678), decimal(math.inf)) == ("1,234.568", "–")
    assert (moment(1_700_000_000), moment(1e20), moment(math.nan)) == ("2023-11-14 22:13", "–", "–")
