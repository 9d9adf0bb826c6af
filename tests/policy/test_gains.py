import json
from dataclasses import replace

import pytest

from ltrr_haystack.errors import SnapshotError
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.experts import experts_of
from ltrr_haystack.policy.gains import DEVIATIONS, MOST_LOST, AllocationGains, Gain


def gains(**of):
    """Against a baseline of 1 click and a cost of .16: allocation → the numbers of its `Gain`."""
    return AllocationGains(
        "bm25=50 dense=50", {key: Gain(*each, queries=70) for key, each in of.items()}, 1.0, 0.16, 72
    )


def playable(of):
    return [key for key in of.of if of.may_play(key)]


class TestMayPlay:
    def test_up_to_three_per_cent_may_lie_within_an_interval_of_95_per_cent(self):
        assert (MOST_LOST, DEVIATIONS) == (0.03, 1.96)
        of = gains(
            surely_as_good=(0.0, 0.015, 0.1),
            not_surely=(0.0, 0.0155, 0.1),
            a_little_worse=(-0.02, 0.004, 0.1),
            much_better_and_uncertain=(0.2, 0.12, 0.0),
        )
        assert playable(of) == ["surely_as_good", "a_little_worse"]

    def test_nor_may_more_be_lost_against_the_models_order(self):
        """(behind it, and the error of that): up to .03 of what the baseline earns."""
        of = gains(
            as_good=(0.2, 0.01, 0.0, 0.0, 0.015),
            nearly=(0.18, 0.01, 0.1, 0.02, 0.005),
            not_surely=(0.18, 0.01, 0.1, 0.02, 0.0055),
            better_than_the_baseline_only=(0.1, 0.01, 0.1, 0.1, 0.01),
        )
        assert playable(of) == ["as_good", "nearly"]

    def test_nor_may_it_be_shown_to_be_worse_than_the_best(self):
        """(behind it, and the error of that): more than .03 though 1.96 standard errors are in its favour."""
        of = gains(
            best=(0.2, 0.01, 0.0, 0.0, 0.01),
            perhaps_as_good=(0.15, 0.01, 0.1, 0.0, 0.01, 0.05, 0.0105),
            surely_worse=(0.15, 0.01, 0.1, 0.0, 0.01, 0.05, 0.01),
        )
        assert playable(of) == ["best", "perhaps_as_good"]

    def test_the_margin_is_a_share_of_what_the_order_is_worth(self):
        """Where a page in random order earns .8 of 1 click, .03 of .2 may be lost; where it earns more, nothing."""
        of = replace(gains(a=(0.0, 0.002, 0.1), b=(0.0, 0.004, 0.1), c=(0.001, 0.0, 0.1)), unordered=0.8)
        assert of.margin == pytest.approx(0.006)
        assert playable(of) == ["a", "c"]
        worse = replace(of, unordered=1.2)
        assert worse.margin == 0.0
        assert playable(worse) == ["c"]

    def test_what_was_not_measured_may_not(self):
        assert not gains(bm25=(0.1, 0.01, 0.0)).may_play("dense")

    def test_what_is_saved_does_not_make_up_for_a_loss(self):
        assert not gains(cheap=(-0.1, 0.01, 5.0)).may_play("cheap")


class TestOpens:
    def test_as_soon_as_one_may_be_played(self):
        assert gains(a=(0.0, 0.01, 0.1), b=(-0.5, 0.01, 0.1)).opens
        assert not gains(b=(-0.5, 0.01, 0.1)).opens

    def test_not_by_the_baseline_unless_a_model_orders_its_page(self):
        """In the union's own order it is what it is compared with."""
        both = replace(gains(**{"bm25=50 dense=50": (0.0, 0.0, 0.0)}), ranker=3)
        assert not both.opens
        assert replace(both, reordered=True).opens


class TestPlayable:
    ACTIONS = parse_actions({"a": {"levels": [0, 10]}, "b": {"levels": [0, 10]}}, 20, {"a": 10, "b": 10})

    @staticmethod
    def names(of):
        experts = experts_of(TestPlayable.ACTIONS)
        return [key for key, may in zip(experts.keys, of.playable(experts), strict=True) if may]

    def test_are_those_that_may_be_played(self):
        of = gains(**{"a=10": (0.0, 0.01, 0.1), "b=10": (-0.5, 0.01, 0.1), "a=10 b=10": (0.0, 0.0, 0.0)})
        assert self.names(of) == ["a=10 b=10", "a=10"]

    def test_the_baseline_alone_is_not_unless_a_model_orders_its_page(self):
        of = AllocationGains("a=10 b=10", {"a=10 b=10": Gain(0.0, 0.0, 0.0)}, 1.0, 0.1, 60, ranker=3)
        assert self.names(of) == []
        assert self.names(replace(of, reordered=True)) == ["a=10 b=10"]


class TestEstimate:
    def test_is_of_the_best_that_may_be_played_in_units_of_reward(self):
        """Of a click worth 2: reward .04, saved .1; the dearer one gains .12, and the cheapest may not be played."""
        estimate = gains(cheap=(0.02, 0.01, 0.1), dear=(0.06, 0.01, 0.0), worse=(-0.2, 0.01, 9.0)).estimate(2.0)
        assert estimate.is_open
        assert (estimate.reward_gain, estimate.cost_saved, estimate.gain) == pytest.approx((0.04, 0.1, 0.14))
        assert (estimate.standard_error, estimate.z) == pytest.approx((0.02, 7.0))
        assert estimate.reward_interval == pytest.approx((0.0008, 0.0792))
        assert (estimate.baseline_reward, estimate.baseline_cost) == pytest.approx((2.0, 0.16))
        assert (estimate.settled, estimate.compared, estimate.rewarded) == (72, 70, 70)

    def test_where_none_may_be_played_it_is_closed(self):
        estimate = gains(worse=(-0.2, 0.01, 0.5)).estimate(1.0)
        assert not estimate.is_open
        assert estimate.reward_gain == pytest.approx(-0.2)

    def test_by_the_baseline_in_its_own_order_it_is_not_opened(self):
        baseline = gains(**{"bm25=50 dense=50": (0.0, 0.0, 0.0)})
        assert not baseline.estimate(1.0).is_open
        assert replace(baseline, reordered=True).estimate(1.0).is_open


class TestBytes:
    def test_go_there_and_back(self):
        of = gains(bm25=(0.1, 0.01, 0.0))
        assert AllocationGains.from_bytes(of.to_bytes()) == of
        both = replace(of, repeated=gains(dense=(0.2, 0.01, 0.1)))
        assert AllocationGains.from_bytes(both.to_bytes()) == both

    @pytest.mark.parametrize(
        ("payload", "reason"),
        [
            (b"no JSON", "these 7 bytes are no gains of allocations"),
            (b"[]", "these 2 bytes are no gains of allocations"),
            (json.dumps({"format": "ltrr-allocations/4", "gains": {}}).encode(), "are no gains of allocations"),
            (
                json.dumps({"format": "ltrr-allocations/3", "gains": {}}).encode(),
                "this version reads 'ltrr-allocations/4'",
            ),
            (json.dumps({"format": "ltrr-allocations/9", "gains": {}}).encode(), "have format 'ltrr-allocations/9'"),
        ],
    )
    def test_refuses_what_is_none(self, payload, reason):
        with pytest.raises(SnapshotError, match=reason):
            AllocationGains.from_bytes(payload)
