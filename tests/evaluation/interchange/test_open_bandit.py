import numpy as np
import pytest

from factories import record
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.interchange import (
    bandit_feedback,
    context_vector,
    read_bandit_feedback,
    write_bandit_feedback,
)
from ltrr_haystack.types import Features

BM25 = {"bm25": 10, "dense": 0}
DENSE = {"bm25": 0, "dense": 10}


def test_a_search_is_a_round_and_an_allocation_an_action(log):
    feedback = bandit_feedback(
        [
            log.settled(1, ["a", "b"], {"a": 1.0, "b": 2.0}, allocation=BM25, propensity=0.5),
            log.settled(2, ["a"], {}, allocation=DENSE, propensity=0.25),
            log.settled(3, ["a"], {"a": -1.0, "not shown": 5.0}, allocation=BM25, propensity=0.5),
        ]
    )
    assert (feedback["n_rounds"], feedback["n_actions"]) == (3, 2)
    assert feedback["action"].tolist() == [0, 1, 0]
    assert feedback["reward"].tolist() == [3.0, 0.0, -1.0]
    assert feedback["pscore"].tolist() == [0.5, 0.25, 0.5]
    assert feedback["position"].tolist() == [0, 0, 0]
    assert feedback["cost"] == pytest.approx([0.02, 0.0, 0.02])
    assert feedback["arms"].tolist() == ["bm25", "dense"]
    assert feedback["action_context"].tolist() == [[10, 0], [0, 10]]
    assert feedback["allocations"].tolist() == ['{"bm25": 10}', '{"dense": 10}']
    assert feedback["context"].shape == (3, 64)


def test_it_answers_what_another_policy_would_have_earned(log):
    """Always bm25, by inverse propensity: (3 / .5 + 0 + 1 / .5) / 3."""
    feedback = bandit_feedback(
        [
            log.settled(1, ["a"], {"a": 3.0}, allocation=BM25, propensity=0.5),
            log.settled(2, ["a"], {"a": 9.0}, allocation=DENSE, propensity=0.25),
            log.settled(3, ["a"], {"a": 1.0}, allocation=BM25, propensity=0.5),
        ]
    )
    target = np.zeros((feedback["n_rounds"], feedback["n_actions"], 1))
    target[:, 0] = 1.0
    chosen = target[np.arange(3), feedback["action"], feedback["position"]]
    assert (chosen / feedback["pscore"] * feedback["reward"]).mean() == pytest.approx(8 / 3)


def test_an_empty_log_has_no_rounds():
    feedback = bandit_feedback([])
    assert (feedback["n_rounds"], feedback["n_actions"]) == (0, 0)
    assert feedback["context"].shape == (0, 64)
    assert feedback["action_context"].shape == (0, 0)


def test_features_are_hashed_with_their_signs():
    one = context_vector(Features({"type": "topical"}), 8)
    other = context_vector(Features({}, {}, {"bm25": {"ctr": 0.5}}), 8)
    both = context_vector(Features({"type": "topical"}, {}, {"bm25": {"ctr": 0.5}}), 8)
    assert sorted(map(abs, one)) == [0] * 7 + [1]
    assert sorted(map(abs, other)) == [0] * 7 + [0.5]
    assert both == [a + b for a, b in zip(one, other, strict=True)]


def test_a_vector_is_the_same_everywhere():
    """As blake2b-64 of `query`, NUL, `type`, NUL, `topical` has it."""
    assert context_vector(Features({"type": "topical"}), 4) == [-1.0, 0.0, 0.0, 0.0]


def test_a_number_scales_its_own_feature_and_what_is_no_number_is_left_out():
    assert context_vector(Features({"n": 3.0}), 4) == [3 * x for x in context_vector(Features({"n": 1.0}), 4)]
    assert context_vector(Features({"n": float("nan")}), 4) == [0.0] * 4


def test_the_file_gives_the_dictionary_back(log, store, tmp_path):
    record(store, [(log.ranking(log.decision(f"q{n}"), ["a"]), {"a": 1.0}) for n in range(3)])
    assert write_bandit_feedback(store, tmp_path / "log.npz", dimensions=16) == 3
    feedback = read_bandit_feedback(tmp_path / "log.npz")
    assert feedback["n_rounds"] == 3
    assert type(feedback["n_actions"]) is int
    assert feedback["reward"].tolist() == [1.0, 1.0, 1.0]
    assert feedback["context"].shape == (3, 16)
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []


def test_a_vector_needs_a_length():
    with pytest.raises(ConfigurationError, match="at least 1, got 0"):
        bandit_feedback([], dimensions=0)
