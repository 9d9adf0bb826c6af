import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t

from factories import judged_query
from ltrr_haystack.ranking.gate import MARGIN, by_union, expected_value, judge, level_of
from ltrr_haystack.types import evidence_key

GAIN = 1.0 - 1.0 / np.log2(3.0)
"""What an attraction of 1 gains if it is brought up from rank 2 to rank 1."""


def query(key, attractions, places=None):
    return judged_query(key, np.zeros((len(attractions), 1)), places=places, attractions=attractions)


def value(scores, attractions, places=None):
    return expected_value(np.array(scores, dtype=float), query("q", attractions, places))


def turned(each):
    """The order upside down."""
    return each.places.astype(float)


def gains(amounts, worth=1.0):
    """Queries of two documents, whose order upside down is worth so much more than the union's, which is worth 1."""
    total = 1.0 + 1.0 / np.log2(3.0)
    queries = []
    for number, amount in enumerate(amounts):
        # a + b / log2(3) = worth, and (b - a) · GAIN = amount
        first = (worth - amount / GAIN / np.log2(3.0)) / total
        queries.append(query(f"q{number}", [first, first + amount / GAIN]))
    return queries


def judged(amounts, learned=turned, live=None, *, min_queries=2, look=1):
    return judge(gains(amounts), learned, live, min_queries=min_queries, look=look)


class TestLevels:
    def test_by_hand(self):
        assert level_of(1, 0.1) == pytest.approx(0.6 / math.pi**2)
        assert level_of(3, 0.1) == pytest.approx(level_of(1, 0.1) / 9)

    def test_all_looks_together_are_at_the_level_of_the_gate(self):
        assert sum(level_of(look) for look in range(1, 100_000)) == pytest.approx(0.05, rel=1e-4)


class TestExpectedValue:
    def test_by_hand(self):
        # .2 / log2(2) + .3 / log2(4)
        assert value([5, 9, 1], [0, 0.2, 0.3]) == pytest.approx(0.35)

    def test_among_equal_scores_the_unions_place_decides(self):
        assert value([5, 5, 5], [1, 0, 0], places=[9, 4, 5]) == pytest.approx(1 / np.log2(4))

    def test_only_the_first_ten_places_count(self):
        assert value(range(12, 0, -1), [0.0] * 10 + [1.0, 1.0]) == 0.0


class TestJudge:
    def test_passes_where_the_bound_is_above_the_margin(self):
        found = judged([0.01, -0.02, 0.01] * 20)
        (beside,) = found.comparisons
        assert (found.passed, found.queries, found.look) == (True, 60, 1)
        error = np.std([0.01, -0.02, 0.01] * 20, ddof=1) / math.sqrt(60)
        assert found.level == pytest.approx(0.05 * 6 / math.pi**2)
        assert beside.difference.mean == pytest.approx(0.0, abs=1e-9)
        assert beside.difference.low == pytest.approx(-t.ppf(1 - found.level, 59) * error)
        assert beside.difference.high == pytest.approx(t.ppf(1 - found.level, 59) * error)
        assert (beside.other.mean, beside.margin) == (pytest.approx(1.0), pytest.approx(MARGIN))
        assert found.model.mean == pytest.approx(1.0)
        assert found.reason.startswith("on 60 queries that it had not seen not worse than the union's own order: ")
        assert found.reason.endswith("(look 1, level 0.03)")

    def test_worse_by_the_margin_does_not_pass(self):
        found = judged([-0.08, -0.09] * 30)
        assert (found.passed, found.comparisons[0].difference.high < 0) == (False, True)
        assert "not shown not to be worse than the union's own order" in found.reason

    def test_what_is_a_little_worse_passes_within_the_margin(self):
        found = judged([-0.04, -0.05, -0.06] * 20)
        assert (found.passed, found.comparisons[0].difference.high < 0) == (True, True)

    def test_a_good_mean_that_is_uncertain_does_not_pass(self):
        assert not judged([0.25, -0.25] * 5).passed

    def test_a_later_look_asks_for_more(self):
        amounts = [0.2, -0.25] * 80
        first, tenth = (judged(amounts, look=look) for look in (1, 10))
        assert (first.passed, tenth.passed) == (True, False)
        assert tenth.level == pytest.approx(first.level / 100)

    def test_a_query_with_other_filters_is_no_other_query(self):
        """Its searches count once together, however many filters it was typed with."""
        amounts = [0.01, -0.02] * 10
        plain = gains(amounts)
        filtered = [replace(plain[0], query_key=evidence_key("q0", {"value": value})) for value in range(50)]
        found = judge([*plain, *filtered], turned, min_queries=20)
        assert found.queries == 20
        assert found.comparisons[0].difference.low == pytest.approx(judged(amounts).comparisons[0].difference.low)
        alone = judge([plain[0], *filtered], turned, min_queries=2)
        assert alone.reason.startswith("too few queries brought a reward: 1,")

    def test_what_is_better_passes_at_a_late_look_too(self):
        """After a hundred trainings the level is .000003."""
        amounts = [0.3, -0.05, 0.1] * 20
        late = judged(amounts, look=100)
        assert late.passed, late.reason
        assert not judged([0.0, -0.2, 0.2] * 20, look=100).passed

    def test_too_few_queries_tell_nothing_and_it_says_so(self):
        found = judged([1e-3] * 19, min_queries=20, look=3)
        assert (found.passed, found.model, found.look) == (False, None, 0)
        assert found.reason == "too few queries brought a reward: 19, at least 20 are needed"


class TestBesideTheLiveModel:
    """The live model turns the page upside down where that is better; the union never does."""

    def live(self, each):
        return -each.places if each.attractions[0] > each.attractions[1] else each.places.astype(float)

    def test_what_is_as_good_as_the_union_and_worse_than_the_live_model_does_not_pass(self):
        found = judged([0.2, 0.3] * 20, learned=by_union, live=self.live)
        union, live = found.comparisons
        assert (union.not_worse, live.not_worse, found.passed) == (True, False, False)
        assert live.difference.mean == pytest.approx(-0.25)
        assert live.margin == pytest.approx(MARGIN * 1.25)
        assert "not shown not to be worse than the live model" in found.reason

    def test_what_is_as_good_as_the_live_model_passes(self):
        found = judged([0.2, 0.3] * 20, learned=turned, live=self.live)
        assert found.passed
        assert found.comparisons[1].difference.mean == 0.0

    def test_a_series_of_models_each_a_little_worse_is_held_to_the_union(self):
        found = judged([-0.1] * 40, learned=turned, live=turned)
        assert [each.not_worse for each in found.comparisons] == [False, True]
        assert not found.passed
