from dataclasses import replace

import pytest

from ltrr_haystack.policy.safe_start import SafeStartEstimate
from ltrr_haystack.policy.verdict import verdict

KNOWN = SafeStartEstimate(
    is_open=True,
    settled=1000,
    agreement=0.0,
    compared=900,
    rewarded=400,
    gain=0.05,
    standard_error=0.01,
    z=5.0,
    reward_gain=0.001,
    reward_standard_error=0.004,
    reward_interval=(-0.009, 0.011),
    baseline_reward=0.5,
    cost_saved=0.068,
    baseline_cost=0.1,
)
"""Pages as good, within 0.011 of the 0.5 that the baseline's earn, at 68 % less cost."""


def said(**changes):
    return verdict(replace(KNOWN, **changes))


class TestReward:
    def test_as_good_and_cheaper_is_not_better(self):
        assert said() == "as good within ±0.011 reward a search (2.2 %), 68 % cheaper"

    def test_the_end_that_is_further_from_0_counts(self):
        assert said(reward_interval=(-0.02, 0.01)).startswith("as good within ±0.020 reward a search (4.0 %)")

    def test_better_or_worse_is_where_the_whole_interval_is(self):
        better = said(reward_gain=0.04, reward_interval=(0.01, 0.07), cost_saved=0.0)
        assert better == "better by 0.040 reward a search (8.0 %), at the same cost"
        worse = said(reward_gain=-0.04, reward_interval=(-0.07, -0.01))
        assert worse == "worse by 0.040 reward a search (8.0 %), 68 % cheaper"

    def test_an_interval_that_is_as_wide_as_the_reward_itself_says_nothing(self):
        wide = said(reward_interval=(-0.2, 0.1))
        assert wide.startswith(
            "not known yet: reward between -0.200 and +0.100 a search, where the baseline's is 0.500"
        )
        assert said(baseline_reward=0.0).startswith("not known yet")
        assert said(reward_interval=(-0.125, 0.1)).startswith("as good within ±0.125 reward a search (25.0 %)")

    def test_too_little_says_nothing(self):
        few = said(reward_interval=None, compared=37, rewarded=4)
        assert few == "not known yet: 37 searches compared, 4 with a reward, 68 % cheaper"
        nothing = said(reward_interval=None, reward_gain=None, gain=None, compared=0, rewarded=0)
        assert nothing == "not known yet: nothing compared"

    def test_without_a_reward_of_the_baseline_there_is_no_share(self):
        told = said(reward_gain=0.04, reward_interval=(0.01, 0.07), baseline_reward=0.0)
        assert told == "better by 0.040 reward a search, 68 % cheaper"


class TestCost:
    @pytest.mark.parametrize(
        ("saved", "base", "expected"),
        [
            (0.068, 0.1, ", 68 % cheaper"),
            (-0.012, 0.1, ", 12 % dearer"),
            (0.0004, 0.1, ", at the same cost"),
            (0.0, 0.0, ""),
            (-0.02, 0.0, ", dearer by 0.020 a search"),
        ],
    )
    def test_is_told_as_a_share_of_the_baselines(self, saved, base, expected):
        assert (
            said(cost_saved=saved, baseline_cost=base).removeprefix("as good within ±0.011 reward a search (2.2 %)")
            == expected
        )


class TestAgreement:
    def test_is_told_where_there_is_some(self):
        assert said(agreement=0.12).endswith("68 % cheaper; it prefers the baseline in 12 % of the searches")

    def test_who_always_agrees_has_nothing_to_be_judged_by(self):
        assert said(agreement=1.0, gain=None) == "it prefers the baseline itself"
