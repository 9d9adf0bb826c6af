from dataclasses import replace

import numpy as np
import pytest

from ltrr_haystack.evaluation.joints import depths_of
from ltrr_haystack.evaluation.off_policy import DecisionLog, Page, paged
from ltrr_haystack.evaluation.off_policy.pages import MOST

BOTH = {"bm25": 10, "dense": 10}
PAGE = [("a", {"bm25": 1}), ("b", {"dense": 3}), ("c", {"bm25": 7, "dense": 1})]


@pytest.fixture
def page(make_settled, make_joint):
    """Two decisions that drew both arms; the first showed three documents, two of them rewarded, the other one."""
    joint = make_joint()
    settled = [
        make_settled(1, joint, BOTH, PAGE, {"a": 1.0, "c": 2.0}),
        make_settled(2, joint, BOTH, PAGE[:1], {"a": 4.0}),
    ]
    return Page(list(DecisionLog(settled)))


def test_what_was_shown_as_arrays(page):
    assert page.rewards.tolist() == [[1.0, 0.0, 2.0], [4.0, 0.0, 0.0]]
    assert page.shown.tolist() == [3, 1]
    assert page.drawn.tolist() == [[10, 10], [10, 10]]


@pytest.mark.parametrize(
    ("allocation", "rows", "rewards", "moved", "stay"),
    [
        (BOTH, [0, 0, 1], [1.0, 2.0, 4.0], [1.0, 1.0, 1.0], [3, 1]),
        ({"bm25": 10, "dense": 0}, [0, 0, 1], [1.0, 2.0, 4.0], [1.0, 3 / 2, 1.0], [2, 1]),
        ({"bm25": 0, "dense": 2}, [0], [2.0], [3.0], [1, 0]),
        ({"bm25": 1}, [0, 1], [1.0, 4.0], [1.0, 1.0], [1, 1]),
        ({}, [], [], [], [0, 0]),
    ],
)
def test_what_stays_of_a_page_moves_up(page, allocation, rows, rewards, moved, stay):
    kept = page.kept(depths_of([allocation] * 2, page.actions), np.array([True, True]))
    moves = (kept.ordinals / kept.moved_to).tolist()
    assert (kept.rows.tolist(), kept.rewards.tolist(), moves) == (rows, rewards, moved)
    assert (kept.stay.tolist(), kept.shown.tolist()) == (stay, [3, 1])


def test_nothing_is_known_of_what_did_not_draw_as_deep(page):
    kept = page.kept(depths_of([BOTH] * 2, page.actions), np.array([False, True]))
    assert (kept.rows.tolist(), kept.stay.tolist(), kept.shown.tolist()) == ([1], [0, 1], [0, 1])


class TestPaged:
    def test_another_page_begins_where_there_is_something_else_to_choose_from(self, make_settled, make_joint):
        joint, other = make_joint(), make_joint()
        other.actions = replace(joint.actions, min_candidates=10)
        settled = [make_settled(seq, which, BOTH) for seq, which in enumerate((joint, joint, other, joint), start=1)]
        settled = [replace(each, decision=replace(each.decision, mode="baseline", propensity=1.0)) for each in settled]
        pages = list(paged(DecisionLog(settled)))
        assert [[logged.seq for logged in page.logged] for page in pages] == [[1, 2], [3], [4]]

    def test_a_page_is_bounded(self, make_settled, make_joint):
        joint = make_joint()
        log = DecisionLog(make_settled(seq, joint, BOTH) for seq in range(1, MOST + 2))
        assert [len(page) for page in paged(log)] == [MOST, 1]
        assert log.read == MOST + 1

    def test_an_empty_log_has_none(self):
        assert list(paged([])) == []
