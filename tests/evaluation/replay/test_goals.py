import pytest

from ltrr_haystack.evaluation.replay.goals import goals, judged_on


def test_goals_that_are_just_reached_are_met(finished):
    """
    Seen: mean of 0.9 and 0.7 less 0.7. Held out: mean of 0.3 and 0.7 less 0.5. Of 12 candidates and 3 calls: 6 and 2,
    of which the memory arm has 3 and 1.
    """
    finished.scores = {
        ("ours", "seen"): [0.9, 0.7],
        ("rrf_full", "seen"): [0.7, 0.7],
        ("ours", "heldout"): [0.3, 0.7],
        ("rrf_full", "heldout"): [0.5, 0.5],
    }
    finished.arms |= {"c": "c"}
    finished.depths = {
        ("ours", "heldout"): {"a": [3, 3], "b": [0, 0], "c": [0, 0], "memory": [3, 3]},
        ("rrf_full", "heldout"): {"a": [4, 4], "b": [4, 4], "c": [4, 4]},
    }
    seen, held_out, candidates, calls = goals(finished.figures())
    assert [goal.met for goal in (seen, held_out, candidates, calls)] == [True] * 4
    assert [goal.split for goal in (seen, held_out, candidates, calls)] == ["seen", *["heldout"] * 3]
    assert (seen.ours, seen.full, seen.figure, seen.threshold) == pytest.approx((0.8, 0.7, 0.1, 0.1))
    assert (held_out.figure, held_out.threshold) == pytest.approx((0.0, 0.0), abs=1e-12)
    assert (candidates.ours, candidates.full, candidates.figure, candidates.threshold) == (6, 12, 0.5, 0.5)
    assert (calls.ours, calls.full, calls.figure) == pytest.approx((2, 3, 2 / 3))
    assert (candidates.without_memory, calls.without_memory) == pytest.approx((1 / 4, 1 / 3))
    assert (candidates.found, candidates.wanted, candidates.verdict) == ("50.0%", "at most 50.0%", "met")
    assert seen.found == "+0.100 [+0.000, +0.200]"
    assert not seen.certain


def test_goals_that_are_just_not_reached_are_missed(finished):
    """Seen 0.099 and held out -0.001; 7 of 12 candidates, and 3 calls of 4."""
    finished.scores = {
        ("ours", "seen"): [0.599, 0.599],
        ("rrf_full", "seen"): [0.5, 0.5],
        ("ours", "heldout"): [0.499, 0.499],
        ("rrf_full", "heldout"): [0.5, 0.5],
    }
    finished.arms |= {"c": "c", "d": "d"}
    finished.depths = {
        ("ours", "heldout"): {"a": [3, 3], "b": [2, 2], "c": [0, 0], "d": [0, 0], "memory": [2, 2]},
        ("rrf_full", "heldout"): {"a": [3, 3], "b": [3, 3], "c": [3, 3], "d": [3, 3]},
    }
    seen, held_out, candidates, calls = goals(finished.figures())
    assert [goal.verdict for goal in (seen, held_out, candidates, calls)] == ["missed"] * 4
    assert (seen.figure, held_out.figure) == pytest.approx((0.099, -0.001))
    assert (candidates.figure, calls.figure) == pytest.approx((7 / 12, 3 / 4))
    assert calls.without_memory == 0.5
    assert seen.certain
    assert (held_out.found, held_out.wanted) == ("-0.001 [-0.001, -0.001]", "at least +0.000")


def test_goals_are_judged_on_means_whatever_the_interval_allows(finished):
    finished.scores = {("ours", "heldout"): [0.9, 0.0], ("rrf_full", "heldout"): [0.5, 0.5]}
    held_out = goals(finished.figures())[1]
    assert held_out.figure == pytest.approx(-0.05)
    assert (held_out.interval.low, held_out.interval.high) == pytest.approx((-0.5, 0.4))
    assert not held_out.met
    assert not held_out.certain


def test_all_seeds_count(finished):
    finished.seeds = (4, 7)
    finished.scores = {("ours", "seen"): [0.7, 0.7]}
    assert goals(finished.figures())[0].figure == pytest.approx(0.2)


def test_on_how_much_they_were_judged_is_said(finished):
    assert (
        judged_on(finished.figures())
        == "Judged on 2 seen and 2 held-out queries, those of each seed counted by themselves."
    )


def test_where_the_safe_start_held_back_it_is_said(finished):
    finished.held_back = {"ours": [True, False]}
    assert judged_on(finished.figures()).endswith(
        "For 50% of the seen and 50% of the held-out ones ours was not shown to be worth more so far, and the safe "
        "start plays the baseline."
    )
