from dataclasses import replace

import numpy as np
import pytest

from ltrr_haystack.ranking.gate import debiased_dcg, judge, verdict

ORDINALS = np.array([1, 2, 3], dtype=np.int32)


def dcg(scores, rewards, ordinals=ORDINALS):
    return debiased_dcg(np.array(scores, dtype=float), np.array(rewards, dtype=float), ordinals)


class TestDebiasedDcg:
    def test_a_click_counts_as_often_as_its_position_is_overlooked(self):
        # shown third, so it counts three times; ranked first: 3 / log2(2)
        assert dcg([0, 1, 2], [0, 0, 1]) == pytest.approx(3.0)

    def test_in_the_order_shown(self):
        # 1 / log2(2) + 3 · 2 / log2(4)
        assert dcg([3, 2, 1], [1, 0, 2]) == pytest.approx(4.0)

    def test_equal_scores_keep_the_order_shown(self):
        assert dcg([5, 5, 5], [1, 0, 2]) == dcg([3, 2, 1], [1, 0, 2])

    def test_the_weight_is_bounded(self):
        assert dcg([1], [1], np.array([100], dtype=np.int32)) == pytest.approx(10.0)


class TestVerdict:
    def test_passes_when_the_whole_interval_is_above_zero(self):
        found = verdict([1.0] * 60, [1.5, 1.4, 1.6] * 20, [f"s{n}" for n in range(60)], min_decisions=50, seed=0)
        assert found.passed
        assert found.difference.mean == pytest.approx(0.5)
        # 60 values with a standard deviation of .0816: 1.96 · .0816 / √60 = .0207
        assert found.difference.low == pytest.approx(0.479, abs=0.003)
        assert found.difference.high == pytest.approx(0.521, abs=0.003)
        assert found.reason.startswith(
            "better than the union's own order on 60 held-out decisions: debiased DCG +0.5000"
        )

    def test_a_better_mean_is_not_enough(self):
        learned = [11.0, 0.0] + [1.0] * 58
        found = verdict([1.0] * 60, learned, [f"s{n}" for n in range(60)], min_decisions=50, seed=0)
        assert found.difference.mean > 0.1
        assert found.difference.low <= 0.0
        assert not found.passed
        assert found.reason.startswith("not shown to be better than the union's own order")

    def test_a_session_counts_as_one_however_often_it_searches(self):
        """Five sessions of 100 searches: two gain, three lose a little. Taken singly they would seem to gain."""
        fallback = [1.0] * 500
        learned = [2.0] * 200 + [0.8] * 300
        sessions = [f"s{n // 100}" for n in range(500)]
        assert not verdict(fallback, learned, sessions, min_decisions=50, seed=0).passed
        assert verdict(fallback, learned, [str(n) for n in range(500)], min_decisions=50, seed=0).passed

    def test_too_few_decisions_tell_nothing_and_it_says_so(self):
        found = verdict([0.0] * 49, [9.0] * 49, ["s"] * 49, min_decisions=50, seed=0)
        assert not found.passed
        assert found.difference is None
        assert found.reason == "too few held-out decisions with a reward to tell: 49, at least 50 are needed"

    def test_the_same_seed_gives_the_same_interval(self):
        draw = np.random.default_rng(1)
        learned, sessions = draw.normal(1, 1, 80).tolist(), [str(n % 30) for n in range(80)]
        first, again, other = (
            verdict([1.0] * 80, learned, sessions, min_decisions=50, seed=seed) for seed in (0, 0, 1)
        )
        assert first == again
        assert first != other


class TestJudge:
    def test_nothing_held_out_does_not_pass(self, model):
        assert not judge(model, [], min_decisions=1, seed=0).passed

    def test_compares_with_the_unions_order_also_where_a_model_had_ordered_the_page(self, model, examples):
        """Each page was shown with the union's first document last and its last document first."""
        pages = [replace(example, features=example.features[::-1]) for example in examples(300, seed=2)]
        found = judge(model, pages, min_decisions=50, seed=0)
        unions = [debiased_dcg(np.arange(10.0), page.rewards, page.ordinals) for page in pages]
        assert found.fallback.mean == pytest.approx(np.mean(unions))
        assert found.decisions == len(pages)
