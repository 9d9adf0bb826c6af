import pytest

from ltrr_haystack.fusion import fuse

LISTS = {"bm25": ["a", "b"], "dense": ["c", "a"]}


def test_by_hand():
    assert fuse(LISTS, {"dense": 2.0}, rrf_k=1.0) == pytest.approx({"a": 1 / 2 + 2 / 3, "c": 2 / 2, "b": 1 / 3})


def test_the_best_comes_first_and_an_arm_of_weight_0_moves_nothing():
    assert list(fuse(LISTS)) == ["a", "c", "b"]
    assert list(fuse(LISTS, {"bm25": 3.0})) == ["a", "b", "c"]
    assert list(fuse(LISTS, {"bm25": 0.0})) == ["c", "a", "b"]


def test_ties_go_by_the_order_of_the_lists_and_then_by_rank():
    assert list(fuse({"x": ["z", "y"], "w": ["a", "b"]})) == ["z", "a", "y", "b"]


def test_sums_that_differ_in_the_last_bit_alone_are_a_tie():
    """Both have the ranks 1, 2 and 3, in another order of the lists."""
    lists = {"a": ["x", "", "y"], "b": ["y", "x", ""], "c": ["", "y", "x"]}
    scores = fuse(lists, dict.fromkeys(lists, 0.3))
    assert scores["x"] != scores["y"]
    assert list(scores)[:2] == ["x", ""]


def test_of_a_document_that_a_list_has_twice_the_better_rank_counts():
    assert fuse({"a": ["x", "y", "x"]}, rrf_k=1.0) == pytest.approx({"x": 1 / 2, "y": 1 / 3})


def test_a_scale_is_a_factor_of_the_weight_rank_by_rank():
    assert fuse({"a": ["x", "y"]}, {"a": 3.0}, 1.0, {"a": [0.5, 0.1]}) == pytest.approx({"x": 1.5 / 2, "y": 0.3 / 3})
