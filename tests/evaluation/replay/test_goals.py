import pytest

from ltrr_haystack.evaluation.replay.goals import Goal, goals, judged_on
from ltrr_haystack.evaluation.replay.statistics import Interval


def difference(low, high, *, threshold=0.1, not_worse=False):
    ours = (low + high) / 2
    return Goal("", "seen", "rrf_full", ours, 0.0, threshold, Interval(ours, low, high), not_worse)


class TestVerdict:
    @pytest.mark.parametrize(
        ("low", "high", "verdict"),
        [
            (0.1, 0.3, "met"),
            (0.11, 0.3, "met"),
            (0.09, 0.3, "undecided"),
            (0.0, 0.1, "undecided"),
            (0.0, 0.09, "missed"),
        ],
    )
    def test_of_a_difference_goes_by_the_whole_interval(self, low, high, verdict):
        goal = difference(low, high)
        assert (goal.verdict, goal.met) == (verdict, verdict == "met")
        assert goal.wanted == "at least +0.100"

    @pytest.mark.parametrize(("low", "high", "verdict"), [(-0.3, 0.0, "met"), (-0.3, -0.01, "missed"), (1, 2, "met")])
    def test_of_what_is_not_to_be_worse_goes_by_the_upper_end(self, low, high, verdict):
        goal = difference(low, high, threshold=0.0, not_worse=True)
        assert (goal.verdict, goal.wanted) == (verdict, "not shown to be worse")

    @pytest.mark.parametrize(("ours", "verdict"), [(4.0, "met"), (4.1, "missed")])
    def test_of_a_ratio_goes_by_the_means(self, ours, verdict):
        goal = Goal("", "heldout", "rrf_full", ours, 10.0, 0.4)
        assert (goal.verdict, goal.wanted) == (verdict, "at most 40.0%")

    def test_what_rounding_takes_is_given_back(self):
        assert difference(0.1 - 1e-12, 0.2).verdict == "met"
        assert difference(0.0, 0.1 - 1e-12).verdict == "undecided"


class TestGoals:
    def test_that_are_just_reached_are_met(self, finished):
        """Seen 0.14 and held out 0.03 over fusion, and no worse than the others; 4 of 10 candidates, half of memory."""
        finished.scores = {
            ("ours", "seen"): [0.64, 0.64],
            ("ours", "heldout"): [0.53, 0.53],
            ("rrf_tuned", "heldout"): [0.53, 0.53],
            ("best_arm", "heldout"): [0.5, 0.56],
        }
        finished.depths = {("ours", "heldout"): {"a": [2, 2], "b": [0, 0], "memory": [2, 2]}}
        seen, held_out, loss, candidates, tuned, best = goals(finished.figures())
        assert [goal.verdict for goal in (seen, held_out, loss, candidates, tuned, best)] == ["met"] * 6
        assert [goal.split for goal in (seen, held_out, loss, candidates)] == ["seen", *["heldout"] * 3]
        assert (seen.ours, seen.theirs, seen.figure, seen.threshold) == pytest.approx((0.64, 0.5, 0.14, 0.14))
        assert (held_out.figure, held_out.threshold, loss.threshold) == pytest.approx((0.03, 0.03, -0.01))
        assert (candidates.ours, candidates.theirs, candidates.figure) == (4, 10, 0.4)
        assert candidates.without_memory == 0.2
        assert (tuned.other, best.other) == ("rrf_tuned", "best_arm")
        assert (best.interval.low, best.interval.high) == pytest.approx((-0.03, 0.03))

    def test_that_are_just_not_reached_are_missed(self, finished):
        finished.scores = {
            ("ours", "seen"): [0.639, 0.639],
            ("ours", "heldout"): [0.489, 0.489],
            ("rrf_tuned", "heldout"): [0.49, 0.49],
            ("best_arm", "heldout"): [0.49, 0.49],
        }
        reached = goals(finished.figures())
        assert [goal.verdict for goal in reached] == ["missed"] * 6
        assert [goal.figure for goal in reached] == pytest.approx([0.139, -0.011, -0.011, 1.0, -0.001, -0.001])

    def test_before_hard_readers_less_is_wanted(self, finished):
        finished.settings = {"click_model": "hard"}
        finished.scores = {("ours", "seen"): [0.58, 0.58], ("ours", "heldout"): [0.49, 0.54]}
        seen, held_out, loss, *_ = goals(finished.figures())
        assert [goal.threshold for goal in (seen, held_out, loss)] == [0.08, 0.0, -0.02]
        assert [goal.verdict for goal in (seen, held_out, loss)] == ["met", "undecided", "met"]

    def test_all_seeds_count(self, finished):
        finished.seeds = (4, 7)
        finished.scores = {("ours", "seen"): [0.7, 0.7]}
        assert goals(finished.figures())[0].figure == pytest.approx(0.2)


class TestJudgedOn:
    def test_on_how_much_and_by_which_rule_is_said(self, finished):
        assert judged_on(finished.figures()) == (
            "Judged on 2 seen and 2 held-out queries, those of each seed counted by themselves. A difference is met if "
            "its whole interval is at or above what is wanted, missed if the whole interval is below, and otherwise "
            "undecided; not shown to be worse means that the interval reaches 0."
        )

    def test_where_the_safe_start_held_back_it_is_said(self, finished):
        finished.held_back = {"ours": [True, False]}
        assert judged_on(finished.figures()).endswith(
            "For 50% of the seen and 50% of the held-out ones ours was not shown to be worth more so far, and the safe "
            "start plays the baseline."
        )
