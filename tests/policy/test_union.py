import math
from dataclasses import replace

import numpy as np
import pytest
from haystack import Document
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factories import action_set, decision, page, settled, unite
from ltrr_haystack.components.union_joiner import UnionJoiner
from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.feedback.examination import UNION, ExaminationCurve
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.union import MOST_KEPT, UnionOrder, reaches

ACTIONS = parse_actions(
    {"a": {"levels": [0, 1, 2, 3]}, "b": {"levels": [0, 1, 2]}, "memory": {"levels": [0, 1]}}, 6, {"a": 3}
)
ALL = {"a": 3, "b": 2, "memory": 1}
FOUND = {"a": (4, 1, 2), "b": (2, 3), "memory": (1,)}
PLACES = {"y": 1, "z": 2, "w": 3, "x": 4}

# No two different sums of their multiples by fractions are equal: there are no ties.
UNRELATED = {"a": math.sqrt(2), "b": math.sqrt(3), "c": math.sqrt(5), "d": math.sqrt(7)}


@pytest.fixture
def order(make_logged):
    """
    Arm a finds x, y and z, arm b finds z and w, memory finds y; at rank r an arm adds weight / (1 + r).

    x: 1/2; y: 1/3 + 3/2; z: 1/4 + 2/2; w: 2/3. So the union is y, z, w, x.
    """
    weights = {"b": 2.0, "memory": 3.0}
    return UnionOrder(make_logged(ACTIONS, ALL, FOUND, PLACES, {}, weights=weights, rrf_k=1.0))


def kept(order, **allocation):
    """What is left of y, z, w and x."""
    return order.kept([allocation])[0].tolist()


def left(*places):
    """What is left of documents that were at places 1, 2 … and are now at these; 0 stands for missing."""
    return pytest.approx([math.sqrt(was / now) if now else 0.0 for was, now in enumerate(places, start=1)])


class TestByHand:
    def test_as_drawn_all_is_left(self, order):
        assert kept(order, **ALL) == pytest.approx([1, 1, 1, 1])

    def test_without_memory_its_document_sinks_and_the_others_rise(self, order):
        """y has 1/3 alone and falls to the fourth place; z, w and x move up."""
        assert kept(order, a=3, b=2, memory=0) == left(4, 1, 2, 3)

    def test_a_document_that_no_arm_brings_any_more_is_lost(self, order):
        """Without b there is no w, and x passes z: 1/2 against 1/4."""
        assert kept(order, a=3, b=0, memory=1) == left(1, 3, 0, 2)

    def test_a_shallower_arm_no_longer_adds_to_what_stands_deeper(self, order):
        """a at 1: y has 3/2, z 2/2, w 2/3, x 1/2: all as it was, though a brings neither y nor z."""
        assert kept(order, a=1, b=2, memory=1) == pytest.approx([1, 1, 1, 1])
        assert kept(order, a=2, b=0, memory=0) == left(2, 0, 0, 1)

    def test_arms_that_are_left_out_do_not_run(self, order):
        assert kept(order, a=3) == left(2, 3, 0, 1)

    def test_where_nothing_is_asked_nothing_is_left(self, order):
        assert kept(order) == [0, 0, 0, 0]

    def test_many_allocations_at_once_are_each_alone(self, order):
        allocations = [ALL, {"a": 3}, {"b": 1, "memory": 1}]
        assert order.kept(allocations).tolist() == [kept(order, **each) for each in allocations]

    def test_what_was_not_shown_counts_in_the_order_all_the_same(self, make_logged):
        weights = {"b": 2.0, "memory": 3.0}
        shown = make_logged(ACTIONS, ALL, FOUND, {"x": 4, "y": 1}, {}, weights=weights, rrf_k=1.0)
        assert UnionOrder(shown).kept([{"a": 3, "b": 2}])[0] == pytest.approx([math.sqrt(4 / 3), math.sqrt(1 / 4)])

    def test_the_page_may_stand_in_another_order(self, order, make_logged):
        turned = dict(reversed(PLACES.items()))
        weights = {"b": 2.0, "memory": 3.0}
        other = UnionOrder(make_logged(ACTIONS, ALL, FOUND, turned, {}, weights=weights, rrf_k=1.0))
        assert kept(other, a=3, memory=1) == kept(order, a=3, memory=1)[::-1]

    def test_an_arm_that_failed_or_rested_adds_nothing(self, make_logged):
        settled = make_logged(ACTIONS, {"a": 3, "b": 2, "memory": 0}, {"a": (1, 2)}, {"x": 1, "y": 2}, {})
        assert kept(UnionOrder(settled), a=2, b=2) == [1, 1]
        assert kept(UnionOrder(settled), a=1, b=2) == [1, 0]
        assert kept(UnionOrder(settled), b=2) == [0, 0]

    def test_an_arm_that_is_no_longer_among_the_arms_adds_nothing(self, make_logged):
        fewer = parse_actions({"a": {"levels": [0, 1, 2, 3]}}, 6, {"a": 3})
        found, weights = {"a": (1, 2), "b": (2,)}, {"b": 0.01}
        settled = make_logged(ACTIONS, {"a": 2, "b": 1}, found, {"x": 1, "y": 2}, {}, weights=weights)
        settled = replace(settled, decision=replace(settled.decision, actions=fewer))
        assert kept(UnionOrder(settled), a=1) == [1, 0]

    def test_of_a_document_that_one_arm_brings_twice_the_first_counts(self, make_logged):
        """Ranks 1 and 3 of a are x; with what rank 3 adds it would fall below z."""
        found, shown = {"a": (1, 3, 1), "b": (2,)}, {"x": 1, "y": 2, "z": 3}
        order = UnionOrder(make_logged(ACTIONS, {"a": 3, "b": 2}, found, shown, {}, weights={"b": 0.99}, rrf_k=1.0))
        assert order.ranks[0, 0] == 1
        assert kept(order, a=1) == [1, 0, 0]
        assert kept(order, a=3) == [1, 0, pytest.approx(math.sqrt(3 / 2))]

    def test_an_arm_of_weight_0_brings_documents_and_moves_none(self, make_logged):
        settled = make_logged(ACTIONS, {"a": 1, "b": 1}, {"a": (1,), "b": (2,)}, {"x": 1, "y": 2}, {}, weights={"b": 0})
        assert kept(UnionOrder(settled), a=1) == [1, 0]
        assert kept(UnionOrder(settled), b=1)[0] == 0


class TestPlaces:
    def test_of_all_documents_under_each_allocation(self, make_logged):
        """a finds the first, third and fourth, b the second and then the first."""
        actions = parse_actions({"a": {"levels": [0, 3]}, "b": {"levels": [0, 3]}}, 6, {"a": 3, "b": 3})
        order = UnionOrder(make_logged(actions, {"a": 3, "b": 3}, {"a": (1, 3, 4), "b": (2, 1)}, {"x": 1}, {}))
        inf = math.inf
        found = order.places([{"a": 3, "b": 3}, {"a": 3}, {"b": 3}, {"a": 1}, {}])
        assert found.tolist() == [
            [1, 2, 3, 4],
            [1, inf, 2, 3],
            [2, 1, inf, inf],
            [1, inf, inf, inf],
            [inf, inf, inf, inf],
        ]


class TestEarned:
    """The page shows the first two: x and y; the third and the fourth only a found."""

    WORTH = np.array([1.0, 3.0, 5.0, 7.0])

    @pytest.fixture
    def page(self, make_logged):
        actions = parse_actions({"a": {"levels": [0, 3]}, "b": {"levels": [0, 3]}}, 6, {"a": 3, "b": 3})
        found = {"a": (1, 3, 4), "b": (2, 1)}
        return UnionOrder(make_logged(actions, {"a": 3, "b": 3}, found, {"x": 1, "y": 2}, {}))

    def test_each_document_of_the_page_earns_by_its_place(self, page):
        """Without b the third moves up to the second place; without a, y and x change places."""
        earned = page.earned([{"a": 3, "b": 3}, {"a": 3}, {"b": 3}, {"a": 1}, {}], self.WORTH)
        second = math.sqrt(1 / 2)
        assert earned == pytest.approx([1 + 3 * second, 1 + 5 * second, 3 + 1 * second, 1, 0])

    def test_what_a_model_adds_is_added_to_the_place_in_the_union(self, page):
        """As drawn, the third document, raised by log 4, passes the first two: 0 against -log 2 and -log 3."""
        raised = np.array([0.0, 0.0, math.log(4), 0.0])
        second = math.sqrt(1 / 2)
        assert page.earned([{"a": 3, "b": 3}], self.WORTH, raised) == pytest.approx([5 + 1 * second])
        assert page.earned([{"b": 3}], self.WORTH, raised) == pytest.approx([3 + 1 * second])

    def test_of_equal_scores_the_one_above_comes_first(self, make_logged):
        arms = {"c": {"levels": [0, 1]}, "a": {"levels": [0, 3]}, "b": {"levels": [0, 3]}}
        actions = parse_actions(arms, 7, {"c": 1})
        found = {"a": (2,), "b": (3,), "c": (1,)}
        page = UnionOrder(make_logged(actions, {"c": 1, "a": 3, "b": 3}, found, {"x": 1}, {}))
        assert page.earned([{"a": 3, "b": 3}], np.array([0.0, 5.0, 7.0])).tolist() == [5.0]

    def test_what_only_an_arm_without_weight_found_is_still_found(self, make_logged):
        actions = parse_actions({"a": {"levels": [0, 1]}, "b": {"levels": [0, 1]}}, 2, {"a": 1})
        found, weights = {"a": (1,), "b": (2,)}, {"b": 0.0}
        page = UnionOrder(make_logged(actions, {"a": 1, "b": 1}, found, {"x": 1}, {}, weights=weights))
        assert page.earned([{"b": 1}, {"a": 1}], np.array([2.0, 5.0])).tolist() == [5.0, 2.0]


class TestCurve:
    def test_is_how_steeply_places_lose_worth(self, make_logged):
        settled = make_logged(ACTIONS, ALL, FOUND, PLACES, {}, weights={"b": 2.0, "memory": 3.0}, rrf_k=1.0)
        steep = UnionOrder(settled, ExaminationCurve(1.0))
        assert kept(steep, a=3, b=2, memory=0) == pytest.approx([1 / 4, 2 / 1, 3 / 2, 4 / 3])

    def test_is_the_square_root(self, order):
        assert order.curve == UNION == ExaminationCurve(0.5)

    def test_no_reward_grows_beyond_the_bound(self, make_logged):
        """A document that rises from the 8th place to the first counts √8 times, one from the 16th no more than 3."""
        actions = parse_actions({"a": {"levels": [0, 15]}, "b": {"levels": [0, 5]}}, 20, {"a": 15})
        found = {"a": tuple(place for place in range(1, 17) if place != 8), "b": (8,)}
        for place, expected in ((8, math.sqrt(8)), (1, 0.0)):
            settled = make_logged(actions, {"a": 15, "b": 5}, found, {"x": place}, {}, weights={"b": 61 / 67.5})
            assert kept(UnionOrder(settled), b=5) == pytest.approx([expected])
        found, weights = {"a": tuple(range(1, 16)), "b": (16,)}, {"b": 0.8}
        settled = make_logged(actions, {"a": 15, "b": 5}, found, {"x": 16}, {}, weights=weights)
        assert kept(UnionOrder(settled), b=5) == [MOST_KEPT] == [3.0]


class TestEmpty:
    def test_a_page_without_documents_has_nothing_to_lose(self, make_settled):
        order = UnionOrder(make_settled(ACTIONS, ALL, {}, {}))
        assert order.is_empty
        assert order.kept([ALL, {}]).shape == (2, 0)
        assert order.earned([ALL, {}], np.zeros(0)).tolist() == [0.0, 0.0]

    def test_an_impression_without_a_place_is_refused(self, make_logged):
        settled = make_logged(ACTIONS, ALL, {"a": (1,)}, {"x": 1}, {})
        homeless = replace(settled, impressions=tuple(replace(each, place=0) for each in settled.impressions))
        with pytest.raises(InvalidInputError, match="impression 'x' of search 'q' has no place in the union"):
            UnionOrder(homeless)


@st.composite
def searches(draw, arms="abcd"):
    """What the arms find (a document twice, too), how deep they were asked, and how deep they might have been."""
    lists = {arm: draw(st.lists(st.sampled_from("pqrstuvw"), max_size=7), label=arm) for arm in arms}
    drawn = {arm: draw(st.integers(0, len(found))) for arm, found in lists.items()}
    shallower = {arm: draw(st.integers(0, depth)) for arm, depth in drawn.items()}
    return lists, drawn, shallower


once = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class TestAgainstTheJoiner:
    @pytest.mark.parametrize("weights", [UNRELATED, {"d": 0.0}], ids=["without ties", "with ties"])
    @once
    @given(search=searches())
    def test_as_drawn_each_document_keeps_its_place(self, unite, weights, search):
        lists, drawn, _ = search
        order = UnionOrder(unite(lists, drawn, weights))
        assert order.kept([drawn])[0] == pytest.approx(1)

    @once
    @given(searches())
    def test_what_is_left_is_what_the_joiner_would_have_made_of_the_shallower_lists(self, unite, search):
        lists, drawn, shallower = search
        was = {each.object_id: each.place for each in unite(lists, drawn, UNRELATED).impressions}
        now = {each.object_id: each.place for each in unite(lists, shallower, UNRELATED).impressions}
        expected = [
            min(MOST_KEPT, math.sqrt(place / now[object_id])) if object_id in now else 0.0
            for object_id, place in was.items()
        ]
        assert UnionOrder(unite(lists, drawn, UNRELATED)).kept([shallower])[0] == pytest.approx(expected)

    @once
    @given(searches())
    def test_nothing_is_there_that_the_shallower_lists_lack(self, unite, search):
        """With equal weights and ties, too."""
        lists, drawn, shallower = search
        settled = unite(lists, drawn)
        there = {each.object_id for each in unite(lists, shallower).impressions}
        found = UnionOrder(settled).kept([shallower])[0] > 0
        assert {each.object_id for each, is_there in zip(settled.impressions, found, strict=True) if is_there} == there


class TestTies:
    def test_documents_with_equal_scores_keep_the_order_of_the_log(self, unite):
        order = UnionOrder(unite({"a": "p", "b": "q"}, {"a": 1, "b": 1}))
        assert kept(order, a=1, b=1) == [1, 1]
        assert kept(order, b=1) == pytest.approx([0, math.sqrt(2)])

    def test_sums_that_differ_in_the_last_bit_alone_are_equal(self, make_logged):
        """Each document has the ranks 1, 2 and 3, in another order of the arms; y adds up to a trifle more than x."""
        actions = parse_actions({arm: {"levels": [0, 3]} for arm in ("a", "b", "memory")}, 9, {"a": 3})
        found = {"a": (1, 2, 3), "b": (3, 1, 2), "memory": (2, 3, 1)}
        weights = dict.fromkeys(found, 0.3)
        settled = make_logged(actions, dict.fromkeys(found, 3), found, {"x": 1}, {}, weights=weights)
        assert kept(UnionOrder(settled), a=3, b=3, memory=3) == [1]


class TestReaches:
    def test_every_arm_must_have_been_drawn_as_deep(self):
        assert reaches({"a": 10, "b": 5}, {"a": 10, "b": 0})
        assert reaches({"a": 10}, {"a": 5, "b": 0})
        assert not reaches({"a": 10, "b": 5}, {"a": 10, "b": 10})
        assert not reaches({"a": 10}, {"b": 5})
        assert reaches({}, {})


class TestByEvidence:
    def test_what_a_memory_brings_weighs_as_it_did_in_the_union(self):
        """words finds x, y, z; memory finds z with all its evidence and y with a 250th of it."""
        drawn = {"words": 3, "memory": 2}
        made = decision(actions=action_set(words=(0, 3), memory=(0, 2)), allocation=drawn)
        brought = [Document(id="z", content="", score=1.0), Document(id="y", content="", score=0.004)]
        joiner = UnionJoiner(["words", "memory"], weights={"memory": 3.0})
        logged = settled(page(unite(made, {"words": "xyz", "memory": brought}, joiner)))
        assert [each.object_id for each in logged.impressions] == ["z", "x", "y"]
        order = UnionOrder(logged)
        assert kept(order, **drawn) == pytest.approx([1, 1, 1])
        assert kept(order, words=3, memory=1) == pytest.approx([1, 1, 1])
        assert kept(order, words=3, memory=0) == left(3, 1, 2)
