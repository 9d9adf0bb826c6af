from math import log2

import pytest

from ltrr_haystack.evaluation.replay.relevance import ToJudge, judged

QRELS = {"q": {"a": 3, "b": 1, "c": 0}, "r": {"a": 1}}


def judge(page, candidates=(), query="q"):
    scores = judged([ToJudge(query, tuple(page), tuple(candidates))], QRELS)
    return {metric: of[0] for metric, of in scores.items()}


class TestJudged:
    def test_page_and_candidates_are_judged_by_hand(self):
        scores = judge(["x", "b", "a"], ["x", "b", "y", "a"])
        # linear gains: 1 / log2(3) + 3 / log2(4), against 3 / log2(2) + 1 / log2(3)
        assert scores["nDCG@10"] == pytest.approx((1 / log2(3) + 3 / 2) / (3 + 1 / log2(3)), abs=1e-6)
        assert scores["RR@10"] == 0.5
        assert scores["candidate_recall"] == 1.0

    def test_recall_counts_grades_above_zero_among_the_candidates(self):
        assert judge(["b"], ["b", "c", "x"])["candidate_recall"] == 0.5

    def test_nothing_found_is_worth_nothing(self):
        nothing = {"nDCG@10": 0.0, "RR@10": 0.0, "judged_nDCG@10": 0.0, "candidate_recall": 0.0}
        assert judge([]) == judge(["x"], ["x"]) == nothing

    def test_what_nobody_judged_makes_room_for_what_follows_the_page(self):
        # page x, c, y, b and then a: without x and y it is c, b, a
        scores = judge(["x", "c", "y", "b"], ["x", "b", "a", "c", "y"])
        assert scores["judged_nDCG@10"] == pytest.approx((1 / log2(3) + 3 / 2) / (3 + 1 / log2(3)), abs=1e-6)
        # as it is, grade 1 stands at place 4
        assert scores["nDCG@10"] == pytest.approx(1 / log2(5) / (3 + 1 / log2(3)), abs=1e-6)

    def test_of_the_judged_documents_ten_are_looked_at(self):
        judged_zero = [f"z{number}" for number in range(10)]
        grades = {"q": {**dict.fromkeys(judged_zero, 0), "a": 3}}
        answers = [ToJudge("q", ("x", *judged_zero[:9]), ("x", *judged_zero[:9], tenth, "a")) for tenth in ("y", "z9")]
        # nine judged and then a; ten judged before a
        assert judged(answers, grades)["judged_nDCG@10"] == pytest.approx([1 / log2(11), 0.0])

    def test_each_answer_has_its_own_figures_in_order(self):
        answers = [ToJudge("q", ("a",), ()), ToJudge("r", ("x", "a"), ()), ToJudge("q", ("c",), ())]
        answers.append(answers[1])
        assert judged(answers, QRELS)["RR@10"] == [1.0, 0.5, 0.0, 0.5]

    def test_only_the_first_ten_count_for_the_page(self):
        assert judge([*(f"x{number}" for number in range(10)), "a"])["RR@10"] == 0.0
