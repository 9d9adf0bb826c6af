import json

import numpy as np
import pytest

from ltrr_haystack.errors import SnapshotError
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.expected import CAUTION, RIDGE, ExpectedRewards
from ltrr_haystack.policy.moments import DECAY, HALF_LIFE
from ltrr_haystack.policy.union import UnionOrder

ACTIONS = parse_actions({"a": {"levels": [0, 3]}, "b": {"levels": [0, 3]}}, 6, {"a": 3, "b": 3})
ALL = {"a": 3, "b": 3}


@pytest.fixture
def union(make_logged):
    """Arm → the places of what it found; the first so many were shown."""

    def made(shown, **found):
        page = {f"d{place}": place for place in range(1, shown + 1)}
        return UnionOrder(make_logged(ACTIONS, ALL, found, page, {}))

    return made


def learned(*pages, times=1, weight=1.0):
    """Pages are pairs of a union and the rewards by position."""
    expected = ExpectedRewards()
    for _ in range(times):
        for union, rewards in pages:
            expected.observe(union, np.arange(1.0, len(rewards) + 1), np.array(rewards), weight)
    return expected


def test_nothing_is_expected_at_first(union):
    assert ExpectedRewards().of(union(2, a=(1, 2, 4), b=(1, 3))).tolist() == [0.0] * 4


def test_by_hand(union):
    """
    One document, first of a, missing in b, is clicked n times, earlier ones forgotten by and by. The three features
    that it has are alike, each has n of seen and n of earned; with the penalty p each is worth w where n·3w + p·w = n.
    """
    first_of_a = union(1, a=(1,))
    n = sum(DECAY**ago for ago in range(100))
    worth = n / (3 * n + 1 + RIDGE * n)
    assert learned((first_of_a, [1.0]), times=100).of(first_of_a) == pytest.approx([CAUTION * 3 * worth])


def test_a_click_counts_by_the_inverse_of_how_likely_its_position_is_examined(union):
    """A click at the second position, which is examined √½ as often as the first, is worth √2."""
    page = union(2, a=(1, 2))
    expected = learned((page, [0.0, 1.0]), times=10_000).of(page)
    assert expected[1] == pytest.approx(CAUTION * 2**0.5, rel=0.02)
    assert expected[0] == pytest.approx(0.0, abs=0.02)


def test_what_both_arms_found_can_be_worth_more_than_what_either_did(union):
    alone, other, both = union(1, a=(1,)), union(1, b=(1,)), union(1, a=(1,), b=(1,))
    expected = learned((alone, [0.2]), (other, [0.2]), (both, [1.0]), times=1000)
    assert expected.of(both) > 3 * expected.of(alone)
    assert expected.of(alone) == pytest.approx(CAUTION * 0.2, rel=0.1)


def test_of_arms_that_are_not_known_nothing_is_expected(union, make_logged):
    other = parse_actions({"c": {"levels": [0, 3]}}, 3, {"c": 3})
    unknown = UnionOrder(make_logged(other, {"c": 3}, {"c": (1, 2)}, {}, {}))
    expected = learned((union(1, a=(1,)), [1.0]), times=100)
    assert expected.of(unknown)[0] == expected.of(unknown)[1] < expected.of(union(1, a=(1,)))[0]


def test_an_arm_that_comes_later_changes_nothing_of_what_was_noted(union, make_logged):
    expected = learned((union(2, a=(1, 2)), [1.0, 0.0]), times=50)
    wider = parse_actions({**{name: {"levels": [0, 3]} for name in "ab"}, "c": {"levels": [0, 3]}}, 9, ALL)
    more = UnionOrder(make_logged(wider, {**ALL, "c": 3}, {"c": (1,)}, {"d1": 1}, {}))
    before = expected.to_dict()
    expected.observe(more, np.array([1.0]), np.array([0.0]), 1e-12)
    after = expected.to_dict()
    assert after["arms"] == ["a", "b", "c"]
    assert after["earned"][:16] == pytest.approx([DECAY * each for each in before["earned"][:16]])
    assert after["seen"][0][:16] == pytest.approx([DECAY * each for each in before["seen"][0][:16]])
    assert after["seen"][-1][-1] == pytest.approx(DECAY * before["seen"][-1][-1])


def test_a_weight_is_as_many_searches(union):
    page = union(2, a=(1, 2))
    one, other = learned((page, [0.0, 1.0]), times=2), learned((page, [0.0, 1.0]), weight=2.0)
    assert one.of(page) == pytest.approx(other.of(page), rel=1e-3)


def test_what_is_long_ago_is_forgotten(union):
    page = union(1, a=(1,))
    expected = learned((page, [1.0]), times=3000)
    before = expected.of(page)[0]
    for _ in range(round(HALF_LIFE)):
        expected.observe(page, np.array([1.0]), np.array([0.0]), 1.0)
    assert expected.of(page)[0] < 0.45 * before


def test_what_people_dislike_is_expected_to_earn_nothing_rather_than_to_lose(union):
    page = union(1, a=(1,))
    assert learned((page, [-1.0])).of(page).tolist() == [0.0]


def test_a_page_without_documents_teaches_nothing(union):
    empty = union(0, a=(1, 2))
    assert learned((empty, [])).of(empty).tolist() == [0.0, 0.0]


def test_goes_through_json(union):
    page = union(2, a=(1, 2), b=(1,))
    expected = learned((page, [1.0, 0.0]))
    again = ExpectedRewards.from_dict(json.loads(json.dumps(expected.to_dict())))
    np.testing.assert_array_equal(again.of(page), expected.of(page))
    assert again.to_dict() == expected.to_dict()


def test_an_incompatible_state_is_refused(union):
    state = learned((union(1, a=(1,)), [1.0])).to_dict()
    with pytest.raises(SnapshotError, match="incompatible"):
        ExpectedRewards.from_dict({**state, "arms": ["a"]})
