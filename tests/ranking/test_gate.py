from dataclasses import replace

import numpy as np
import pytest

from ltrr_haystack.ranking.examples import Example
from ltrr_haystack.ranking.gate import debiased_dcg, judge

ORDINALS = np.array([1, 2, 3], dtype=np.int32)


def dcg(scores, rewards, ordinals=ORDINALS, ties=None):
    ties = np.zeros(len(scores)) if ties is None else np.array(ties, dtype=float)
    return debiased_dcg(np.array(scores, dtype=float), ties, np.array(rewards, dtype=float), ordinals)


def judged(pages, *, min_queries=2, seed=0, searches=None):
    """
    The verdict on pages given as query and gain.

    On each page the second of two documents was rewarded, which counts twice. Brought up from rank 2 to rank 1 its
    reward of 1 gains 2 · (1 - 1 / log2(3)); the rewards are such that this comes to the gain.
    """
    second = 2.0 * (1.0 - 1.0 / np.log2(3.0))
    up, down = np.array([0.0, 1.0]), np.array([1.0, 0.0])
    examples = [
        Example(
            query_key=key,
            has_memory=False,
            features=np.zeros((2, 1)),
            rewards=np.array([0.0, abs(gain) / second]),
            ordinals=np.array([1, 2], dtype=np.int32),
            searches=(searches or {}).get(key, 1.0),
        )
        for key, gain in pages
    ]
    fallback = [down if gain > 0 else up for _, gain in pages]
    learned = [up if gain > 0 else down for _, gain in pages]
    return judge(examples, fallback, learned, min_queries=min_queries, seed=seed)


class TestDebiasedDcg:
    def test_a_click_counts_as_often_as_its_position_is_overlooked(self):
        # shown third, so it counts three times; ranked first: 3 / log2(2)
        assert dcg([0, 1, 2], [0, 0, 1]) == pytest.approx(3.0)

    def test_in_the_order_shown(self):
        # 1 / log2(2) + 3 · 2 / log2(4)
        assert dcg([3, 2, 1], [1, 0, 2]) == pytest.approx(4.0)

    def test_equal_scores_keep_the_order_shown(self):
        assert dcg([5, 5, 5], [1, 0, 2]) == dcg([3, 2, 1], [1, 0, 2])

    def test_among_equal_scores_the_others_decide(self):
        assert dcg([5, 5, 9], [1, 0, 2], ties=[1, 2, 0]) == dcg([1, 2, 3], [1, 0, 2])

    def test_ordinals_may_have_gaps(self):
        # first and fourth on the page, where something between them is left out: 4 / log2(3)
        assert dcg([2, 1], [0, 1], np.array([1, 4], dtype=np.int32)) == pytest.approx(4 / np.log2(3))

    def test_the_weight_is_bounded(self):
        assert dcg([1], [1], np.array([100], dtype=np.int32)) == pytest.approx(10.0)


class TestJudge:
    def test_a_model_that_says_nothing_is_not_credited_with_the_order_that_another_one_made(self):
        """What was wanted was shown first, and stands last in the union; the model scores both documents alike."""
        page = Example("", False, np.zeros((2, 1)), np.array([1.0, 0.0]), np.array([1, 2], dtype=np.int32))
        pages = [replace(page, query_key=f"q{number}") for number in range(30)]
        found = judge(pages, [np.array([0.0, 1.0])] * 30, [np.zeros(2)] * 30, min_queries=2, seed=0)
        assert (found.difference.mean, found.passed) == (0.0, False)

    def test_passes_when_the_whole_interval_is_above_zero(self):
        found = judged([(f"q{n}", gain) for n, gain in enumerate([0.5, 0.4, 0.6] * 20)])
        assert found.passed
        assert (found.decisions, found.queries) == (60, 60)
        assert found.difference.mean == pytest.approx(0.5)
        # 60 queries with a standard deviation of .0816: 1.96 · .0816 / √60 = .0207
        assert found.difference.low == pytest.approx(0.479, abs=0.003)
        assert found.difference.high == pytest.approx(0.521, abs=0.003)
        assert found.model.mean - found.fallback.mean == pytest.approx(found.difference.mean)
        assert found.reason.startswith(
            "better than the union's own order on 60 queries that it had not seen: debiased DCG +0.5000"
        )

    def test_a_better_mean_is_not_enough(self):
        found = judged([("lucky", 10.0), ("unlucky", -1.0), *((f"q{n}", 1e-9) for n in range(58))])
        assert found.difference.mean == pytest.approx(0.15)
        assert found.difference.low <= 0.0
        assert not found.passed
        assert found.reason.startswith("not shown to be better than the union's own order on 60 queries")

    def test_worse_does_not_pass(self):
        found = judged([(f"q{n}", -1.0) for n in range(60)])
        assert (found.passed, found.difference.high) == (False, pytest.approx(-1.0))

    def test_a_query_that_was_typed_a_thousand_times_counts_once(self):
        """One query gains 1 again and again, three lose 1/2 each. Page by page the model would gain .996."""
        pages = [*[("famous", 1.0)] * 1000, ("a", -0.5), ("b", -0.5), ("c", -0.5)]
        found = judged(pages)
        assert found.difference.mean == pytest.approx((1.0 - 3 * 0.5) / 4)
        assert (found.decisions, found.queries, found.passed) == (1003, 4, False)

    @pytest.mark.parametrize("times", [1, 25])
    def test_the_interval_draws_queries(self, times):
        """
        Of four queries one gains 4 and the others nothing, so a draw of four gains 1 for each time that one is drawn.

        That is never with probability .316, at most twice with .949 and at most three times with .996.
        """
        found = judged([*[("lucky", 4.0)] * times, ("a", 1e-12), ("b", 1e-12), ("c", 1e-12)])
        assert found.difference.mean == pytest.approx(1.0)
        assert found.difference.low == pytest.approx(0.0, abs=1e-9)
        assert found.difference.high == pytest.approx(3.0)

    def test_searches_without_a_reward_count(self):
        """One query was searched four times for each reward, the other once: (2 / 4 - 1) / 2."""
        pages = [("a", 2.0), ("a", 2.0), ("b", -1.0)]
        found = judged(pages, searches={"a": 4.0})
        assert found.difference.mean == pytest.approx((0.5 - 1.0) / 2)

    @pytest.mark.parametrize("times", [1, 5, 40])
    def test_where_all_documents_are_alike_no_other_order_seems_better(self, times):
        """One of ten documents is wanted, any, and the look at position n has probability 1 / n."""
        draw = np.random.default_rng(times)
        ordinals = np.arange(1, 11, dtype=np.int32)
        pages, learned = [], []
        for number in range(300):
            wanted, shuffled = draw.integers(10), draw.random(10)
            clicks = int(draw.binomial(times, 1 / (wanted + 1)))
            rewards = np.eye(10)[wanted]
            page = Example(f"q{number}", False, np.zeros((10, 1)), rewards, ordinals, times / max(clicks, 1))
            pages += [page] * clicks
            learned += [shuffled] * clicks
        found = judge(pages, [-ordinals.astype(float)] * len(pages), learned, min_queries=20, seed=0)
        assert found.difference.low < 0.0 < found.difference.high

    def test_too_few_queries_tell_nothing_and_it_says_so(self):
        found = judged([(f"q{n % 19}", 1.0) for n in range(500)], min_queries=20)
        assert not found.passed
        assert found.difference is None
        assert (found.decisions, found.queries) == (500, 19)
        assert found.reason == "too few queries with a reward to tell: 19, at least 20 are needed"
        assert judged([(f"q{n % 20}", 1.0) for n in range(500)], min_queries=20).passed

    def test_no_pages_do_not_pass(self):
        assert not judge([], [], [], min_queries=1, seed=0).passed

    def test_the_same_seed_gives_the_same_interval(self):
        draw = np.random.default_rng(1)
        pages = [(f"q{n % 30}", gain) for n, gain in enumerate(draw.normal(1, 1, 80).tolist())]
        first, again, other = (judged(pages, seed=seed) for seed in (0, 0, 1))
        assert first == again
        assert first != other

    def test_the_order_of_the_pages_does_not_matter(self):
        pages = [(f"q{n % 30}", 1.0 + n % 7) for n in range(80)]
        first, other = judged(pages), judged(pages[::-1])
        assert first.difference.mean == pytest.approx(other.difference.mean)
        assert first.difference.low == pytest.approx(other.difference.low)

    def test_compares_with_the_unions_order_also_where_a_model_had_ordered_the_page(self, schema, examples):
        """Each page was shown with the union's first document last and its last document first."""
        pages = [replace(example, features=example.features[::-1]) for example in examples(300, seed=2, queries=300)]
        union = [page.features[:, schema.columns["fused"]] for page in pages]
        found = judge(pages, union, union, min_queries=20, seed=0)
        by_hand = [debiased_dcg(np.arange(10.0), np.arange(10.0), page.rewards, page.ordinals) for page in pages]
        assert found.fallback.mean == pytest.approx(np.mean(by_hand))
        assert found.difference.mean == 0.0
        assert not found.passed
