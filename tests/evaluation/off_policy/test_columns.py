import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltrr_haystack.evaluation.off_policy import DecisionLog, PolicyTarget, StaticTarget, paged
from ltrr_haystack.evaluation.off_policy.columns import LogColumns, TargetColumns, covers
from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.joint import JointDistribution

BOTH, LEXICAL, NEITHER = {"bm25": 10, "dense": 10}, {"bm25": 10, "dense": 0}, {"bm25": 0, "dense": 0}
PAGE = [("a", {"bm25": 1}), ("b", {"dense": 3})]


class Drawing:
    """A target with the same distribution everywhere."""

    name, learned = "drawing", 0

    def __init__(self, joint):
        self.joint = joint

    def distribution(self, decision):
        return self.joint


@pytest.fixture(scope="module")
def columns():
    def of(settled, target):
        gathered = TargetColumns()
        for page in paged(DecisionLog(settled)):
            gathered.add(page, target)
        return gathered

    return of


class TestStatic:
    def test_weights_by_hand(self, columns, make_settled, make_joint):
        # π(bm25 alone) = 0.9 · 0.5 · 0.8 = 0.36; P(bm25 or more) = 0.1 + 0.9 · 0.5 = 0.55
        joint = make_joint()
        found = columns(
            [
                make_settled(1, joint, BOTH, PAGE, {"a": 1.0, "b": 1.0}),
                make_settled(2, joint, LEXICAL, PAGE[:1], {"a": 1.0}),
                make_settled(3, joint, NEITHER),
            ],
            StaticTarget({"bm25": 10}),
        )
        assert found.weights == pytest.approx([0, 1 / 0.36, 0])
        assert found.squares == pytest.approx([1 / 0.36] * 3)
        assert found.replayed.weights == pytest.approx([1 / 0.55, 1 / 0.55, 0])
        assert found.replayed_squares == pytest.approx([1 / 0.55] * 3)
        assert found.replayed.rewards(ExaminationCurve(0.0)).tolist() == [1, 1, 0]
        assert found.costs == pytest.approx([0.2] * 3)
        assert (found.candidates, found.calls) == ([10.0] * 3, [1.0] * 3)

    def test_a_depth_between_levels_has_no_propensity_but_can_be_replayed(self, columns, make_settled, make_joint):
        found = columns(
            [make_settled(1, make_joint(), BOTH, PAGE, {"a": 1.0, "b": 5.0})], StaticTarget({"bm25": 2, "dense": 2})
        )
        assert math.isnan(found.weights[0])
        assert found.replayed.weights == pytest.approx([1 / (0.1 + 0.9 * 0.5 * 0.2)])
        assert found.replayed.rewards(ExaminationCurve(0.0)).tolist() == [1.0]

    def test_an_arm_that_was_not_there_cannot_be_judged(self, columns, make_settled, make_joint):
        found = columns([make_settled(1, make_joint(), BOTH)], StaticTarget({"bm25": 10, "sparse": 10}))
        assert math.isnan(found.weights[0])
        assert math.isnan(found.replayed.weights[0])

    def test_of_a_log_that_only_plays_the_baseline_nothing_deeper_is_known(self, columns, make_settled, make_joint):
        played = [make_settled(1, make_joint(), BOTH, PAGE, {"b": 1.0}, mode="baseline", propensity=1.0)]
        lexical = columns(played, StaticTarget(LEXICAL))
        assert math.isnan(lexical.weights[0])
        assert lexical.replayed.weights == [1.0]
        assert lexical.replayed.rewards(ExaminationCurve(1.0)).tolist() == [0.0]
        assert columns(played, StaticTarget(BOTH)).weights == [1.0]


class TestDrawing:
    def test_weights_are_ratios_of_probabilities_and_costs_are_expected_ones(self, columns, make_settled, make_joint):
        target = make_joint(share=0.0, bm25=(0.1, 0.9), dense=(0.5, 0.5))
        found = columns([make_settled(1, make_joint(floor=0.1), LEXICAL)], Drawing(target))
        logged = 0.9 * (0.1 / 4 + 0.9 * 0.5 * 0.8)
        assert found.weights == pytest.approx([0.9 * 0.5 / logged])
        # E[w²] is estimated by the one draw from the target: π / μ of it
        assert found.squares[0] > 0
        assert found.costs == pytest.approx([(0.9 + 0.5) * 0.2])
        assert found.candidates == pytest.approx([14.0])
        assert found.calls == pytest.approx([1.4])
        assert list(found.plans) == [("bm25", 10), ("dense", 10)]
        assert found.plans.matrix(list(found.plans)).tolist() == [pytest.approx([0.9, 0.5])]

    @settings(deadline=None)
    @given(share=st.floats(0, 0.9), floor=st.floats(0.01, 1), first=st.floats(0.01, 0.99), second=st.floats(0.01, 0.99))
    def test_weights_average_one_over_what_was_drawn(
        self, columns, make_settled, make_joint, share, floor, first, second
    ):
        logged = make_joint(share=share, floor=floor, bm25=(first, 1 - first))
        target = Drawing(make_joint(share=0.3, floor=0.2, dense=(second, 1 - second)))
        static = StaticTarget(LEXICAL)
        total = [0.0, 0.0, 0.0, 0.0]
        for allocation, chance in logged.enumerate():
            settled = [make_settled(1, logged, allocation)]
            drawing, certain = columns(settled, target), columns(settled, static)
            found = (drawing.weights, certain.weights, drawing.replayed.weights, certain.replayed.weights)
            total = [sum_ + chance * column[0] for sum_, column in zip(total, found, strict=True)]
        assert total == pytest.approx([1.0] * 4)

    def test_the_expected_square_of_a_weight_is_found_by_draws_of_the_target(self, columns, make_settled, make_joint):
        logged, target = make_joint(floor=0.1), make_joint(share=0.0, bm25=(0.1, 0.9), dense=(0.5, 0.5))
        settled = [make_settled(number, logged, LEXICAL, query_id=f"q{number}") for number in range(4000)]
        expected = columns(settled, Drawing(target))
        truth = sum(target.probability(x) ** 2 / chance for x, chance in logged.enumerate())
        assert sum(expected.squares) / 4000 == pytest.approx(truth, rel=0.05)

    @settings(deadline=None)
    @given(share=st.floats(0, 1), floor=st.floats(0, 1))
    def test_the_logged_policy_itself_has_weights_of_one(self, columns, make_settled, make_joint, share, floor):
        joint = make_joint(share=share, floor=floor)
        for allocation, chance in joint.enumerate():
            if chance > 0:
                found = columns([make_settled(1, joint, allocation)], Drawing(joint))
                covered = (floor > 0 and share < 1) or share == 1
                assert found.weights == (pytest.approx([1.0]) if covered else pytest.approx([math.nan], nan_ok=True))


class TestCovers:
    def test_needs_a_floor_or_a_certain_baseline(self, make_joint):
        assert covers(make_joint(floor=0.1), make_joint())
        assert not covers(make_joint(floor=0.0), make_joint())
        assert covers(make_joint(share=1.0), make_joint(share=1.0))
        assert not covers(make_joint(share=1.0), make_joint(share=0.5))

    @pytest.mark.parametrize(
        ("arms", "budget", "expected"),
        [
            ({"bm25": [0, 10], "dense": [0, 10]}, 20, True),
            ({"bm25": [0, 10]}, 10, True),
            ({"bm25": [0, 5], "dense": [0, 10]}, 20, False),
            ({"bm25": [0, 10], "dense": [0, 10]}, 30, False),
            ({"bm25": [0, 10], "sparse": [0, 10]}, 20, False),
        ],
    )
    def test_needs_the_arms_levels_and_budget(self, make_joint, arms, budget, expected):
        settings = {arm: {"levels": levels} for arm, levels in arms.items()}
        actions = parse_actions(settings, budget, {"bm25": arms["bm25"][-1]})
        even = dict.fromkeys(arms, (0.5, 0.5))
        assert covers(make_joint(floor=0.1), JointDistribution(actions, even, 0.0, 0.0)) is expected

    @pytest.mark.parametrize(
        ("logged", "target", "expected"), [(0, 0, True), (0, 10, True), (10, 10, True), (10, 0, False), (20, 10, False)]
    )
    def test_needs_a_lower_bound_that_is_no_higher(self, make_joint, logged, target, expected):
        """What may draw less than was allowed may play what could not be logged."""
        joint = make_joint(floor=0.1)

        def bounded(least):
            actions = replace(joint.actions, min_candidates=least)
            return JointDistribution(actions, joint.marginals, 0.1, 0.1)

        assert covers(bounded(logged), bounded(target)) is expected


def test_a_policy_that_never_explores_is_certain(columns, make_settled, make_joint):
    from ltrr_haystack.policy.static import StaticPolicy

    found = columns([make_settled(1, make_joint(), LEXICAL)], PolicyTarget(StaticPolicy(LEXICAL), "static"))
    assert found.weights == pytest.approx([1 / 0.36])


def test_what_a_look_at_the_last_quarter_of_a_full_page_brings(make_settled, make_joint):
    four = [(name, {"bm25": rank}) for rank, name in enumerate("abcd", start=1)]
    settled = [
        make_settled(1, make_joint(), BOTH, four, {"a": 5.0, "d": 1.0}),
        make_settled(2, make_joint(), BOTH, four),
        make_settled(3, make_joint(), BOTH, four[:2], {"b": 1.0}),
    ]
    logged = LogColumns()
    for page in paged(DecisionLog(settled)):
        logged.add(page)
    assert logged.full == 4
    assert logged.reward_per_look(ExaminationCurve(0.0)) == pytest.approx(1 / 2)
    assert logged.reward_per_look(ExaminationCurve(1.0)) == pytest.approx(1 / (2 / 4))
    assert LogColumns().reward_per_look(ExaminationCurve(1.0)) == 0.0
