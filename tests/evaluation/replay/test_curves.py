import math

import pytest

from ltrr_haystack.evaluation.replay.curves import curves


def test_gain_and_savings_are_against_fusion_window_by_window(finished):
    """Four searches are four windows. Ours asks for 5 of 10, then also the memory, then all and the memory."""
    finished.scores = {("ours", "stream"): [0.5, 0.6, 0.7, 0.4], ("rrf_full", "stream"): [0.5, 0.5, 0.4, 0.5]}
    finished.depths = {("ours", "stream"): {"a": [5, 5, 5, 5], "b": [0, 0, 5, 5], "memory": [0, 5, 5, 5]}}
    drawn = curves(finished.figures())
    assert drawn["x"] == [1, 2, 3, 4]
    assert drawn["gain"]["ours"] == pytest.approx([0.0, 0.1, 0.3, -0.1])
    assert drawn["gain"]["rrf_full"] == [0.0] * 4
    assert drawn["candidates_saved"]["ours"] == [0.5, 0.0, -0.5, -0.5]
    assert drawn["arm_calls_saved"]["ours"] == [0.5, 0.0, -0.5, -0.5]
    assert drawn["arm_shares"]["ours"]["broad"]["b"] == [None, 0.0, None, 1.0]


def test_reliability_says_how_far_off_what_was_played_is(finished):
    """Four times probability 0.5, and played three times: (3 - 2) / sqrt(4 * 0.25) = 1."""
    finished.forecasts = {"ours": ([0.5, 0.5, 0.5, 0.5, 1.0], [True, True, True, False, True])}
    uncertain, certain = curves(finished.figures())["reliability"]["ours"]
    assert uncertain == {"probability": 0.5, "observed": 0.75, "searches": 4, "z": pytest.approx(1.0)}
    assert certain == {"probability": 1.0, "observed": 1.0, "searches": 1, "z": 0.0}
    assert all(math.isfinite(value) for value in uncertain.values())
