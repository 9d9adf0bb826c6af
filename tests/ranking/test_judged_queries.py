import math
from dataclasses import replace

import numpy as np
import pytest

from factories import action_set, decision, page, settled, unite
from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.ranking import judged_queries
from ltrr_haystack.ranking.features import FeatureSchema
from ltrr_haystack.ranking.gate import by_union, expected_value
from ltrr_haystack.ranking.judged_queries import MAX_REWARD, MOST_DOCUMENTS, EvidenceCollector, cautious
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.ranking.place_prior import PlacePrior

MODEL = PageModel(ExaminationCurve(learned=(1.0, 0.4), deviations=(0.0, 0.05)), calibrated=PlacePrior((0.4, 0.2), 2.0))
SCHEMA = FeatureSchema(("liked",))


def search(query_id, shown, clicked=(), unshown=(), query="love", order=("a", "b", "c")):
    union = unite(decision(query_id, query=query), {"bm25": list(order)})
    places = {each.object_id: each for each in union.candidates}

    def features(names):
        return [{"liked": ord(name) - 97.0, "place.searched": float(places[name].place)} for name in names]

    ranking = page(
        union,
        shown,
        features(shown),
        unshown=tuple(places[name] for name in unshown),
        unshown_features=tuple(features(unshown)),
    )
    return settled(ranking, dict.fromkeys(clicked, 1.0))


def gathered(*searches):
    evidence = EvidenceCollector(SCHEMA, MODEL)
    for each in searches:
        evidence.add(each)
    return evidence.queries()


def test_what_was_seen_is_drawn_towards_the_rate_of_the_place():
    """
    Two looks of prior. The curve is flattened by two deviations: the second position counts .5 instead of .4, and the
    click rates of the second and third place are .4 / .5 of what they were: .16 and .16 · (2/3)^.7.

    a, place 1: a click in two looks: (.8 + 1) / (2 + 2). b, place 2: passed twice at the second, .32 / (2 + 1).
    c, place 3: never shown.
    """
    (query,) = gathered(search("q1", ["a", "b"], ["a"], ["c"]), search("q2", ["a", "b"]))
    assert query.features[:, 0].tolist() == [0.0, 1.0, 2.0]
    assert query.places.tolist() == [1, 2, 3]
    assert query.attractions.tolist() == pytest.approx([(0.8 + 1) / (2 + 2), 0.32 / (2 + 1), 0.16 * (2 / 3) ** 0.7])


def test_the_grade_is_the_reward_per_look_drawn_towards_nothing():
    """a earned 1 in two looks, b in one of .5 nothing, c was never shown; two looks of prior without reward."""
    (query,) = gathered(search("q1", ["a", "b"], ["a"], ["c"]), search("q2", ["a"]))
    assert query.grades.tolist() == pytest.approx([1 / (2 + 2), 0.0, 0.0])
    assert query.shown.tolist() == [True, True, False]


def test_a_query_weighs_as_much_as_it_had_searches_with_a_reward(monkeypatch):
    """Three searches of love, two of them with a click; of five of peace count three."""
    monkeypatch.setattr(judged_queries, "MOST_SEARCHES", 3)
    love = [search(f"q{number}", ["a", "b"], ["a"] * (number > 0)) for number in range(3)]
    peace = [search(f"p{number}", ["a", "b"], ["a"], query="peace") for number in range(5)]
    assert [query.weight for query in gathered(*love, *peace)] == [2, 3]


def test_a_reward_is_bounded_and_a_loss_is_none():
    """Of 250 counts 5, of -2 nothing."""
    dear = replace(search("q1", ["a", "b"]), rewards={"a": 250.0, "b": -2.0})
    (query,) = gathered(dear)
    assert query.grades.tolist() == pytest.approx([MAX_REWARD / (1 + 2), 0.0])


def test_searches_that_asked_other_arms_tell_of_a_document_together():
    """The first knows its rank in bm25 and that dense did not have it so high; the second has it from dense."""
    schema = FeatureSchema(
        (
            "arm.bm25.present",
            "arm.bm25.reciprocal_rank",
            "arm.dense.present",
            "arm.dense.reciprocal_rank",
            "fused.searched",
            "liked",
        )
    )
    union = unite(decision("q1"), {"bm25": ["a", "b"]})
    rows = (
        {"arm.bm25.present": 1.0, "arm.bm25.reciprocal_rank": 0.5, "arm.dense.present": 0.0, "fused.searched": 0.2},
        {"arm.dense.present": 1.0, "arm.dense.reciprocal_rank": 0.1, "fused.searched": 0.1, "liked": 3.0},
        {"arm.bm25.present": 1.0, "arm.bm25.reciprocal_rank": 1.0, "fused.searched": 0.3, "liked": 9.0},
    )
    evidence = EvidenceCollector(schema, MODEL)
    for row in rows:
        features = [{"place.searched": 1.0, **row}, {"place.searched": 2.0}]
        evidence.add(settled(page(union, ["a", "b"], features), {"a": 1.0}))
    (query,) = evidence.queries()
    assert query.features[0].tolist() == pytest.approx([1.0, 0.5, 1.0, 0.1, 0.3, 3.0])


def test_what_stands_below_a_click_was_looked_at_less():
    """b stood second below a click, which counts .2 of a look: .16 · 2 / (2 + .2)."""
    curve = ExaminationCurve(learned=(1.0, 0.5), deviations=(0.0, 0.0), before_click=(1.0, 0.8), after_click=(1.0, 0.2))
    evidence = EvidenceCollector(SCHEMA, PageModel(curve, calibrated=PlacePrior((0.4, 0.16), 2.0)))
    evidence.add(search("q1", ["a", "b"], ["a"]))
    (query,) = evidence.queries()
    assert query.attractions.tolist() == pytest.approx([(0.8 + 1) / (2 + 1), 0.32 / (2 + 0.2)])


def test_what_was_chosen_beyond_a_client_s_share_is_no_pass():
    """a has one click in one look, whatever one person adds to that."""
    again = replace(search("q2", ["a", "b"], ["a"]), capped={"a": 0.0})
    (query,) = gathered(search("q1", ["a", "b"], ["a"]), again)
    assert query.attractions[0] == pytest.approx((0.8 + 1) / (2 + 1))


def test_a_click_that_counts_in_part_is_a_part_of_a_look():
    again = replace(search("q2", ["a", "b"], ["a"]), capped={"a": 0.25})
    (query,) = gathered(search("q1", ["a", "b"], ["a"]), again)
    assert query.attractions[0] == pytest.approx((0.8 + 1.25) / (2 + 1.25))


def test_an_arm_that_failed_was_not_drawn():
    of = search("q1", ["a", "b"], ["a"])
    failed = replace(of, reports=tuple(replace(each, error="timeout") for each in of.reports))
    assert [dict(query.drawn) for query in gathered(of)] == [{each.arm: each.depth for each in of.reports}]
    assert [dict(query.drawn) for query in gathered(failed)] == [{}]


def test_a_search_of_which_nothing_counts_adds_no_weight_to_its_query():
    (query,) = gathered(search("q1", ["a", "b"], ["a"]), replace(search("q2", ["a", "b"], ["a"]), capped={"a": 0.0}))
    assert query.weight == 1


def test_queries_without_a_click_tell_nothing():
    assert gathered(search("q1", ["a", "b"]), search("q2", ["a", "b"], ["a"], query="peace"))[0].query_key == "peace"


def test_what_only_a_memory_arm_brought_is_left_out():
    union = unite(
        decision("q1", actions=action_set(bm25=(0, 20), memory=(0, 20))), {"bm25": ["a", "b"], "memory": ["m"]}
    )
    ranking = page(union, ["m", "a", "b"], [{"place.searched": 3.0}, {"place.searched": 1.0}, {"place.searched": 2.0}])
    (query,) = gathered(settled(ranking, {"a": 1.0}))
    assert query.places.tolist() == [1, 2]


def test_documents_of_one_query_are_bounded():
    names = [f"d{number}" for number in range(MOST_DOCUMENTS + 50)]
    union = unite(decision("q1", actions=action_set(bm25=(0, 300))), {"bm25": names})
    ranking = page(union, None, [{"place.searched": float(each.place)} for each in union.candidates])
    (query,) = gathered(settled(ranking, {union.candidates[0].object_id: 1.0}))
    assert len(union.candidates) == MOST_DOCUMENTS + 50
    assert query.places.tolist() == list(range(1, MOST_DOCUMENTS + 1))


def test_queries_are_bounded_and_which_are_kept_depends_on_no_order_and_on_no_click(monkeypatch):
    everything = [
        search(f"q{number}-{time}", ["a", "b"], ["a"] * (number % 2), query=f"query {number}")
        for time in range(2)
        for number in range(40)
    ]
    complete = {query.query_key: query.attractions.tolist() for query in gathered(*everything)}
    monkeypatch.setattr(judged_queries, "MOST_QUERIES", 20)
    kept = {query.query_key: query.attractions.tolist() for query in gathered(*everything)}
    backwards = {query.query_key: query.attractions.tolist() for query in gathered(*everything[::-1])}
    assert kept == backwards
    assert 5 <= len(kept) <= 15
    assert kept.items() <= complete.items()


def test_documents_without_features_or_without_a_place_are_left_out_and_missing_features_are_no_numbers():
    union = unite(decision("q1"), {"bm25": ["a", "b", "c", "d"]})
    rows = [{"place.searched": 1.0}, {"place.searched": 2.0, "liked": 1.0}, {}, {"place.searched": math.nan}]
    (query,) = gathered(settled(page(union, ["a", "b", "c", "d"], rows), {"a": 1.0, "c": 1.0}))
    assert query.places.tolist() == [1, 2]
    np.testing.assert_array_equal(query.features[:, 0], [np.nan, 1.0])
    assert math.isfinite(expected_value(by_union(query), query))


def test_a_document_that_moved_in_the_union_stands_at_its_best_place():
    (query,) = gathered(search("q1", ["a", "b"], ["a"]), search("q2", ["a", "b"], order=["b", "a"]))
    assert query.places.tolist() == [1, 1]


class TestCautious:
    def test_what_is_certain_stays(self):
        model = PageModel(ExaminationCurve(0.6), calibrated=PlacePrior((0.4, 0.2)))
        places = np.arange(1.0, 51.0)
        np.testing.assert_allclose(cautious(model).calibrated.expected(places), model.calibrated.expected(places))

    def test_where_nothing_is_known_of_the_curve_low_places_are_worth_little(self):
        """η = .7 ± .35 becomes 0, so place m is worth m^-.7 of what it was."""
        model = PageModel()
        places = np.arange(1.0, 51.0)
        assert cautious(model).curve.at(10) == 1.0
        np.testing.assert_allclose(
            cautious(model).calibrated.expected(places), model.calibrated.expected(places) * places**-0.7
        )

    def test_rates_fall_and_none_rises(self):
        curve = ExaminationCurve(0.5, 0.1, (1.0, 0.5, 0.9, 1.2), (0.0, 0.3, 0.0, 0.1))
        model = PageModel(curve, calibrated=PlacePrior((0.5, 0.3, 0.3, 0.3)))
        places = np.arange(1.0, 60.0)
        lowered = cautious(model).calibrated.expected(places)
        assert (np.diff(lowered) <= 0).all()
        assert (lowered <= model.calibrated.expected(places)).all()
