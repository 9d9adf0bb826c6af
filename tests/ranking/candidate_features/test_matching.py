import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.ranking.candidate_features.matching import K1, bm25_gains, coverage, has_phrase, ordered


class TestBM25:
    def test_by_hand(self):
        # one occurrence at the mean length: 2.2 / (1 + 1.2); two of them: 4.4 / (2 + 1.2);
        # one in a field twice as long: 2.2 / (1 + 1.2 · (0.25 + 0.75 · 2))
        gains = bm25_gains(np.array([[1.0, 2.0], [1.0, 0.0]]), np.array([5.0, 10.0]), 5.0)
        assert gains[0] == pytest.approx([1.0, 4.4 / 3.2])
        assert gains[1] == pytest.approx([2.2 / 3.1, 0.0])

    @given(st.integers(0, 10**6), st.integers(1, 10**6), st.floats(0.1, 1e6))
    def test_more_occurrences_are_worth_more_up_to_a_limit(self, count, length, mean):
        less, more = bm25_gains(np.array([[count, count + 1]], dtype=float), np.array([length], dtype=float), mean)[0]
        assert 0.0 <= less <= more <= K1 + 1.0


class TestCoverage:
    def test_is_the_share_of_the_weights(self):
        counts = np.array([[3.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
        assert coverage(counts, np.array([1.0, 3.0])).tolist() == [0.25, 1.0, 0.0]

    def test_is_unknown_without_weights(self):
        assert np.isnan(coverage(np.ones((2, 1)), np.zeros(1))).all()


class TestOrdered:
    @pytest.mark.parametrize(
        ("hits", "share"),
        [
            (["a", "b", "c"], 1.0),
            (["a", "c", "b"], 2 / 3),
            (["c", "b", "a"], 1 / 3),
            (["b", "a", "c", "a", "b"], 2 / 3),
            ([], 0.0),
        ],
    )
    def test_is_the_longest_common_subsequence(self, hits, share):
        assert ordered(["a", "b", "c"], hits) == pytest.approx(share)

    def test_of_no_words_is_zero(self):
        assert ordered([], ["a"]) == 0.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the sea song of old", True),
        ("sea song", True),
        ("sea songs", False),
        ("overseas sea song", True),
        ("chelsea song", False),
        ("song sea", False),
        ("", False),
    ],
)
def test_a_phrase_is_whole_words_next_to_each_other(text, expected):
    assert has_phrase("sea song", text) is expected
