from math import log2

import pytest

from ltrr_haystack.evaluation.click_models import ClickModel
from ltrr_haystack.evaluation.datasets import Query
from ltrr_haystack.evaluation.people import People
from ltrr_haystack.evaluation.replay.catalogue import Catalogue
from ltrr_haystack.evaluation.replay.settings import Settings
from ltrr_haystack.evaluation.replay.tuning import best_arm, fitted, gains_of, tuned_weights, worth

LISTS = {"q": {"one": ["a", "b"], "two": ["c", "b"]}}
"""Fused with equal weights: b (1/62 + 1/62), then a and c (1/61 each)."""


def gains(**clicks):
    """All three documents were shown; those that are named were clicked."""
    return {"q": {**dict.fromkeys("abc", 0.0), **clicks}}


class TestGains:
    def test_a_click_counts_as_much_as_its_place_is_rarely_examined(self):
        met = [(Query("q", "love", "topical"), ("a", "b", "c", "d", "e"), [1, 5])]
        assert gains_of(met) == {"q": {"a": 1.0, "b": 0.0, "c": 0.0, "d": 0.0, "e": 5.0}}

    def test_clicks_of_all_searches_for_a_query_add_up(self):
        love, hate = Query("q", "love", "topical"), Query("r", "hate", "topical")
        met = [(love, ("a", "b"), [2]), (love, ("b", "a"), [1]), (hate, ("a",), [])]
        assert gains_of(met) == {"q": {"a": 0.0, "b": 3.0}, "r": {"a": 0.0}}


class TestWorth:
    def test_a_gain_counts_by_the_place_in_the_new_order(self):
        even = {"one": 1.0, "two": 1.0}
        assert worth(LISTS, gains(b=1.0), even) == 1.0
        assert worth(LISTS, gains(a=3.0, c=1.0), even) == pytest.approx(3 / log2(3) + 1 / 2)
        # b has 4/62 + 1/62, a 4/61, c 1/61
        assert worth(LISTS, gains(c=2.0), {"one": 4.0, "two": 1.0}) == pytest.approx(2 / log2(4))

    def test_an_arm_without_weight_is_not_asked(self):
        assert worth(LISTS, gains(a=1.0), {"one": 0.0, "two": 1.0}) == 0.0

    def test_what_was_not_shown_takes_no_place(self):
        assert worth(LISTS, {"q": {"a": 3.0, "c": 1.0}}, {"one": 1.0, "two": 1.0}) == pytest.approx(3 + 1 / log2(3))


class TestFitted:
    def test_an_arm_whose_documents_are_clicked_is_asked_alone_if_that_is_best(self):
        # a first and b second is what arm one has: only without arm two b is not before a
        assert fitted(LISTS, gains(a=1.0)) == {"one": 1.0, "two": 0.0}

    def test_without_clicks_all_arms_are_alike(self):
        assert fitted(LISTS, gains()) == {"one": 1.0, "two": 1.0}

    def test_what_is_best_already_stays(self):
        assert fitted(LISTS, gains(b=1.0)) == {"one": 1.0, "two": 1.0}

    def test_weights_between_are_found(self):
        """Arm two is right where arm one finds nothing, and wrong where both find something."""
        lists = {"q": {"one": ["a", "b"], "two": ["b", "a"]}, "r": {"one": [], "two": ["c", "d"]}}
        clicks = {"q": {"a": 1.0, "b": 0.0}, "r": {"c": 1.0, "d": 0.0}}
        weights = fitted(lists, clicks)
        assert weights["one"] >= weights["two"] > 0
        assert worth(lists, clicks, weights) == 2.0


@pytest.fixture
def met(precomputed):
    """People who see everything and make no mistakes, over arms of which only `good` finds the answers."""
    settings = Settings(impressions=60, seeds=(0,))
    people = People(precomputed.data, seed=0, model=ClickModel(eta=0.0, noise=0.0))
    return people, Catalogue.of(precomputed, settings, 0), settings


class TestChosenOnClicks:
    def test_the_best_arm_is_the_one_that_is_clicked_most(self, met):
        people, *_ = met
        arm, clicks = best_arm(*met)
        assert arm == "good"
        assert clicks["bad"] == 0
        # the answers are on every page: a with 1, b with 1/7
        both = [people.clicks(search, [f"{search.query.id}-a", f"{search.query.id}-b"]) for search in people.stream(60)]
        assert clicks["good"] == sum(map(len, both))

    def test_fusion_leans_to_the_arm_that_finds_what_is_clicked(self, met):
        weights = tuned_weights(*met)
        assert weights["good"] > weights["bad"]
