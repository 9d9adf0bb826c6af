import math

import numpy as np
import pytest
from scipy.stats import t

from ltrr_haystack.ranking.exploration import ExploredPage
from ltrr_haystack.ranking.gate import by_union, debiased_dcg, judge, level_of

GAIN = 1.0 - 1.0 / np.log2(3.0)
"""What a reward of 1 gains if it is brought up from rank 2 to rank 1."""


def page(key, attractions, places=None):
    rows = len(attractions)
    places = range(1, rows + 1) if places is None else places
    return ExploredPage(key, np.zeros((rows, 1)), np.array(places, dtype=np.int32), np.array(attractions, dtype=float))


def dcg(scores, attractions, places=None):
    return debiased_dcg(np.array(scores, dtype=float), page("q", attractions, places))


def turned(each):
    """The page upside down."""
    return each.places.astype(float)


def gains(amounts):
    """Pages of two documents, upside down better by so much than in the union's order."""
    return [page(key, [0.0, amount / GAIN] if amount > 0 else [-amount / GAIN, 0.0]) for key, amount in amounts]


def judged(amounts, learned=turned, live=None, *, searches=None, min_queries=2, look=1):
    pages = gains(amounts)
    counts = searches or {key: sum(each.query_key == key for each in pages) for key, _ in amounts}
    return judge(pages, counts, learned, live, min_queries=min_queries, look=look)


def queries(amounts):
    return [(f"q{number}", amount) for number, amount in enumerate(amounts)]


class TestLevels:
    def test_by_hand(self):
        assert level_of(1, 0.1) == pytest.approx(0.6 / math.pi**2)
        assert level_of(3, 0.1) == pytest.approx(level_of(1, 0.1) / 9)

    def test_all_looks_together_are_at_the_level_of_the_gate(self):
        assert sum(level_of(look) for look in range(1, 100_000)) == pytest.approx(0.025, rel=1e-4)


class TestDebiasedDcg:
    def test_by_hand(self):
        # 2 / log2(2) + 3 / log2(4)
        assert dcg([5, 9, 1], [0, 2, 3]) == pytest.approx(3.5)

    def test_ranks_are_those_among_the_explored_documents(self):
        assert dcg([3, 2, 1], [1, 1, 1], places=[4, 20, 31]) == dcg([3, 2, 1], [1, 1, 1])

    def test_among_equal_scores_the_unions_place_decides(self):
        assert dcg([5, 5, 5], [1, 0, 0], places=[9, 4, 5]) == pytest.approx(1 / np.log2(4))


class TestJudge:
    def test_passes_when_the_bound_is_above_zero(self):
        found = judged(queries([0.5, 0.4, 0.6] * 20))
        assert found.passed
        assert (found.decisions, found.rewarded, found.queries, found.look) == (60, 60, 60, 1)
        assert found.difference.mean == pytest.approx(0.5)
        error = np.std([0.5, 0.4, 0.6] * 20, ddof=1) / math.sqrt(60)
        assert found.level == pytest.approx(0.025 * 6 / math.pi**2)
        assert found.difference.low == pytest.approx(0.5 - t.ppf(1 - found.level, 59) * error)
        assert found.difference.high == pytest.approx(0.5 + t.ppf(1 - found.level, 59) * error)
        assert found.model.mean - found.union.mean == pytest.approx(found.difference.mean)
        assert found.reason.startswith(
            "better than the union's own order on 60 queries that it had not seen: debiased DCG +0.5000"
        )
        assert found.reason.endswith("(look 1, level 0.015)")

    def test_a_better_mean_is_not_enough(self):
        found = judged(queries([10.0, -1.0, *[1e-9] * 58]))
        assert found.difference.mean == pytest.approx(0.15)
        assert (found.passed, found.difference.low < 0) == (False, True)
        assert found.reason.startswith("not shown to be better than the union's own order on 60 queries")

    def test_worse_does_not_pass(self):
        found = judged(queries([-1.0, -1.1] * 30))
        assert (found.passed, found.difference.high < 0) == (False, True)

    def test_the_unions_order_itself_does_not_pass(self):
        found = judged(queries([1.0, -0.5] * 30), learned=by_union)
        assert (found.difference.mean, found.difference.high, found.passed) == (0.0, 0.0, False)

    def test_a_query_that_was_typed_a_thousand_times_counts_once(self):
        """One query gains 1 again and again, three lose 1/2 each. Page by page the model would gain .996."""
        found = judged([*[("famous", 1.0)] * 1000, ("a", -0.5), ("b", -0.5), ("c", -0.5)])
        assert found.difference.mean == pytest.approx((1.0 - 3 * 0.5) / 4)
        assert (found.decisions, found.queries, found.passed) == (1003, 4, False)

    def test_searches_and_queries_without_a_reward_count(self):
        """One query gained 2 in two of four searches, another lost 1 in the only one, and a third brought nothing."""
        found = judged([("a", 2.0), ("a", 2.0), ("b", -1.0)], searches={"a": 4, "b": 1, "c": 7})
        assert found.difference.mean == pytest.approx((4.0 / 4 - 1.0 + 0.0) / 3)
        assert (found.decisions, found.rewarded, found.queries) == (12, 3, 2)

    def test_a_later_look_asks_for_more(self):
        amounts = queries([1.0, -0.55] * 60)
        first, tenth = (judged(amounts, look=look) for look in (1, 10))
        assert first.passed
        assert not tenth.passed
        assert tenth.difference.mean == first.difference.mean
        assert tenth.level == pytest.approx(first.level / 100)

    def test_too_few_queries_tell_nothing_and_it_says_so(self):
        found = judged([(f"q{n % 19}", 1.0) for n in range(500)], min_queries=20, look=3)
        assert (found.passed, found.difference, found.look) == (False, None, 0)
        assert found.reason == (
            "too few searches with exploration brought a reward: 500 of 500, by 19 different queries; "
            "at least 20 queries are needed"
        )
        assert judged([(f"q{n % 20}", 1.0 + n % 3) for n in range(500)], min_queries=20).passed

    def test_without_exploration_it_says_what_to_do(self):
        found = judge([], {}, turned, min_queries=1)
        assert (found.passed, found.look) == (False, 0)
        assert "no search whose order was explored by chance" in found.reason
        assert "let LTRRanker explore" in found.reason

    def test_the_order_of_the_pages_does_not_matter(self):
        amounts = [(f"q{n % 30}", 1.0 + n % 7) for n in range(80)]
        first, other = judged(amounts), judged(amounts[::-1])
        assert first.difference.mean == pytest.approx(other.difference.mean)
        assert first.difference.low == pytest.approx(other.difference.low)


class TestBesideTheLiveModel:
    AMOUNTS = queries([0.5, 0.4, 0.6] * 20)

    def test_the_same_model_may_take_its_own_place(self):
        found = judged(self.AMOUNTS, live=turned)
        assert found.passed
        assert (found.beside_live.mean, found.beside_live.low) == (0.0, 0.0)
        assert found.margin == pytest.approx(0.05)
        assert "not worse than the live model: +0.0000" in found.reason

    def test_a_worse_one_is_refused_though_it_is_better_than_the_union(self):
        """The live model turns every page, the other one leaves a quarter of them as they are."""

        def some(each):
            return by_union(each) if int(each.query_key[1:]) % 4 == 0 else turned(each)

        found = judged(self.AMOUNTS, some, turned)
        assert judged(self.AMOUNTS, some).passed
        assert found.difference.low > 0
        assert not found.passed
        assert "it may be worse than the live model: -0.12" in found.reason
        assert found.reason.count("-0.0500 is allowed") == 1

    def test_what_lacks_less_than_the_margin_passes(self):
        def nearly(each):
            return by_union(each) if each.query_key == "q0" else turned(each)

        found = judged(queries([0.5, 0.4, 0.6] * 200), nearly, turned)
        assert found.passed
        assert found.beside_live.mean < 0

    def test_beside_a_live_model_that_is_worse_than_the_union_little_may_be_lacking(self):
        found = judged(self.AMOUNTS, turned, lambda each: by_union(each))
        assert found.margin == 0.005
        assert found.passed
        assert found.beside_live.mean == pytest.approx(0.5)
