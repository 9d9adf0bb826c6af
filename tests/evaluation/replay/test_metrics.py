import pytest

from ltrr_haystack.evaluation.replay.answers import Answer
from ltrr_haystack.evaluation.replay.metrics import ClickMetrics


def answer(safe_start=None, missing=(), **allocation):
    return Answer("id", ("d1",), allocation, "live", safe_start, missing)


class TestTally:
    def test_rates_are_shares_of_the_answered_searches(self):
        metrics = ClickMetrics(10)
        for index in range(9):
            metrics.add(index, "mood", answer(bm25=30, dense=10 if index < 3 else 0), clicked=index in (0, 8))
        metrics.add_failure(RuntimeError("down"))
        figures = metrics.to_dict()
        assert figures["click_rate"] == pytest.approx(2 / 9)
        assert figures["click_rate_last_fifth"] == 1.0  # of the searches 8 and 9 only 8 was answered
        assert figures["candidates_per_query"] == pytest.approx((9 * 30 + 3 * 10) / 9)
        assert figures["arm_calls_per_query"] == pytest.approx(12 / 9)
        assert figures["failed_searches"] == 1
        assert metrics.first_failure == "RuntimeError: down"

    def test_an_arms_share_is_that_of_the_searches_of_a_kind_in_which_it_ran(self):
        metrics = ClickMetrics(4)
        metrics.add(0, "mood", answer(bm25=30, dense=10), clicked=False)
        metrics.add(1, "mood", answer(bm25=0, dense=50), clicked=False)
        metrics.add(2, "podcast", answer(bm25=0, dense=10), clicked=False)
        metrics.add(3, "podcast", answer(bm25=0, dense=10), clicked=False)
        assert metrics.kinds["mood"].arm_shares == {"bm25": 0.5, "dense": 1.0}
        assert metrics.kinds["podcast"].arm_shares == {"bm25": 0.0, "dense": 1.0}
        assert metrics.last_kinds["podcast"].arm_shares == {"bm25": 0.0, "dense": 1.0}
        assert "mood" not in metrics.last_kinds

    def test_rounds_on_the_safe_start_are_unknown_where_the_system_does_not_say(self):
        silent, speaking = ClickMetrics(2), ClickMetrics(2)
        silent.add(0, "mood", answer(), clicked=False)
        speaking.add(0, "mood", answer(safe_start=True), clicked=False)
        speaking.add(1, "mood", answer(safe_start=False), clicked=False)
        assert silent.to_dict()["safe_start_rounds"] is None
        assert speaking.to_dict()["safe_start_rounds"] == 1

    def test_missing_arms_are_counted(self):
        metrics = ClickMetrics(2)
        metrics.add(0, "mood", answer(missing=("dense",), bm25=10, dense=10), clicked=False)
        metrics.add(1, "mood", answer(missing=("dense",), bm25=10, dense=10), clicked=False)
        assert metrics.to_dict()["missing_arms"] == {"dense": 2}

    def test_nothing_answered_is_no_division_by_zero(self):
        assert ClickMetrics(5).to_dict()["click_rate"] == 0.0
