import math

import numpy as np
import pytest

from ltrr_haystack.intents.gate import GAIN, LIVE_CLASSIFIER, MARGIN, MIN_QUERIES, SHARES, hits, judge_intents

EVEN = np.array([0.5, 0.5])


def sure(right, number=40):
    """Gives the right one of two categories a probability; half of the queries are after either."""
    truth = np.tile(np.eye(2), (number // 2, 1))
    return truth, np.where(truth == 1, right, 1 - right)


def noisy(right, seed=0):
    """As `sure`, but for the noise of each query's probability."""
    truth, own = sure(right)
    moved = np.random.default_rng(seed).uniform(-0.05, 0.05, len(truth))
    return np.where(truth == 1, own + moved[:, None], own - moved[:, None])


class TestJudge:
    def test_worked_by_hand(self):
        """With probability .8 on what is right the loss is -log .8, that of even shares log 2."""
        truth, own = sure(0.8)
        verdict = judge_intents(truth, own, EVEN)
        [beside] = verdict.comparisons
        assert verdict.passed
        assert verdict.loss.mean == pytest.approx(-math.log(0.8))
        assert (verdict.accuracy.mean, verdict.queries, verdict.look) == (1.0, 40, 1)
        assert (beside.name, beside.loss.mean) == (SHARES, pytest.approx(math.log(2)))
        assert beside.difference.mean == pytest.approx(-math.log(0.8) - math.log(2))
        assert beside.allowed == pytest.approx(-GAIN * math.log(2))

    def test_one_that_knows_nothing_does_not_pass(self):
        truth, _ = sure(0.8)
        verdict = judge_intents(truth, np.tile(EVEN, (40, 1)), EVEN)
        assert not verdict.passed
        assert "not shown to be better than the shares of the categories: log loss +0.000" in verdict.reason

    def test_a_little_better_than_the_shares_is_not_enough(self):
        truth, own = sure(0.51)
        assert not judge_intents(truth, own, EVEN).passed

    def test_one_as_good_as_the_live_one_passes_and_one_that_is_worse_does_not(self):
        truth, own = sure(0.8)
        assert judge_intents(truth, own, EVEN, live=own).passed
        beside = judge_intents(truth, own, EVEN, live=sure(0.9)[1])
        assert not beside.passed
        assert "better than the shares of the categories" in beside.reason
        assert "not shown to be not worse than the live classifier" in beside.reason
        assert beside.comparisons[1].allowed == pytest.approx(MARGIN * (math.log(2) + math.log(0.9)))

    def test_it_is_compared_with_the_live_one_where_neither_has_seen_the_query(self):
        truth, own = sure(0.8)
        live, unseen = sure(0.8)[1], np.arange(40) < 20
        live[20:] = truth[20:]
        verdict = judge_intents(truth, own, EVEN, live, unseen)
        assert verdict.passed
        assert [(each.name, each.queries) for each in verdict.comparisons] == [(SHARES, 40), (LIVE_CLASSIFIER, 20)]

    def test_where_the_live_one_has_seen_nearly_all_nothing_passes(self):
        truth, own = sure(0.8)
        verdict = judge_intents(truth, own, EVEN, own, np.arange(40) < 3)
        assert not verdict.passed
        assert "the live classifier has seen all but 3 of these queries" in verdict.reason

    def test_later_looks_are_stricter(self):
        truth, own = sure(0.8)[0], noisy(0.8)
        first, tenth = (judge_intents(truth, own, EVEN, look=look) for look in (1, 10))
        assert tenth.level < first.level
        assert tenth.comparisons[0].difference.high > first.comparisons[0].difference.high

    def test_of_too_few_queries_there_is_no_test(self):
        truth, own = sure(0.8, MIN_QUERIES - 2)
        verdict = judge_intents(truth, own, EVEN)
        assert (verdict.passed, verdict.look, verdict.loss) == (False, 0, None)
        assert verdict.reason == "8 queries are held out, at least 10 are needed"


def test_the_likeliest_category_is_right_by_its_share():
    truth = np.array([[1.0, 0.0], [0.3, 0.7], [1.0, 0.0]])
    assert hits(np.array([[0.6, 0.4], [0.1, 0.9], [0.2, 0.8]]), truth).tolist() == [1.0, 0.7, 0.0]
